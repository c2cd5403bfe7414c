/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* For who locks what others remove and make anew. */
#ifndef ZL_BASE_NAMED_H
#define ZL_BASE_NAMED_H

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>

/* Whether @name, in @dir_fd as openat() takes both, is what @fd is of.  Any
 * thread. */
static inline bool fd_is_named(int fd, int dir_fd, const char *name)
{
	struct stat a, b;

	return !fstat(fd, &a) &&
	       !fstatat(dir_fd, name, &b, AT_SYMLINK_NOFOLLOW) &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

#endif
