// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "base/dir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int dir_each(DIR *dir, int (*fn)(void *user, const char *name), void *user)
{
	struct dirent *de;
	int ret;

	for (;;) {
		errno = 0;
		de = readdir(dir);
		if (!de)
			return -errno;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		ret = fn(user, de->d_name);
		if (ret)
			return ret;
	}
}

int dir_each_of(int fd, int (*fn)(void *user, const char *name), void *user)
{
	/* Not a dup(): that would share the position. */
	int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;
	DIR *dir = own < 0 ? NULL : fdopendir(own);

	if (!dir) {
		ret = -errno;
		if (own >= 0)
			close(own);
		return ret;
	}
	ret = dir_each(dir, fn, user);
	closedir(dir);
	return ret;
}

bool dir_has(int fd, const char *name)
{
	struct stat sb;

	return !fstatat(fd, name, &sb, AT_SYMLINK_NOFOLLOW) || errno != ENOENT;
}
