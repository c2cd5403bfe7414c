// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where the sockets are. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/run_dir.h"
#include "control/internal.h"

#define SUFFIX ".sock"

static int is_socket(const struct dirent *e)
{
	size_t digits = strspn(e->d_name, "0123456789abcdef");

	return digits && !strcmp(e->d_name + digits, SUFFIX);
}

int control_each(bool (*fn)(void *user, const char *serial), void *user,
		 struct zl_err *err)
{
	struct dirent **entries;
	bool more = true;
	int nr = scandir(run_dir(), &entries, is_socket, alphasort);

	if (nr < 0 && errno == ENOENT)
		return 0;
	if (nr < 0)
		return zl_fail(err, errno, "%s cannot be read: %s", run_dir(),
			       limit_strerror(errno));
	for (int i = 0; i < nr; i++) {
		*strchr(entries[i]->d_name, '.') = 0;
		more = more && fn(user, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

int control_path(const char *serial, char path[CONTROL_PATH_MAX])
{
	int len = snprintf(path, CONTROL_PATH_MAX, "%s/%s" SUFFIX, run_dir(),
			   serial);

	return len < CONTROL_PATH_MAX ? 0 : -ENAMETOOLONG;
}
