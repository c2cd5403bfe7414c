// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The directory of what outlives the process, but not the boot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/run_dir.h"

const char *run_dir(void)
{
	const char *dir = secure_getenv("ZLOOP_RUN_DIR");

	return dir && dir[0] == '/' ? dir : "/run/zloop";
}

int run_dir_make(struct zl_err *err)
{
	const char *dir = run_dir();
	struct stat st;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return zl_fail(err, errno, "%s cannot be made: %s", dir,
			       strerror(errno));
	if (lstat(dir, &st))
		return zl_fail(err, errno, "%s cannot be examined: %s", dir,
			       strerror(errno));
	if (!S_ISDIR(st.st_mode) ||
	    (st.st_uid != 0 && st.st_uid != geteuid()) || st.st_mode & 022)
		return zl_fail(err, EPERM,
			       "%s is not a directory that only its owner, "
			       "root or this user, can write to",
			       dir);
	return 0;
}
