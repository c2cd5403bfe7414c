// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where the sockets are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "control/internal.h"

const char *control_dir(void)
{
	const char *dir = secure_getenv("ZLOOP_RUN_DIR");

	return dir && dir[0] == '/' ? dir : "/run/zloop";
}

int control_path(const char *serial, char path[CONTROL_PATH_MAX])
{
	int len = snprintf(path, CONTROL_PATH_MAX, "%s/%s.sock", control_dir(),
			   serial);

	return len < CONTROL_PATH_MAX ? 0 : -ENAMETOOLONG;
}
