// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who reads a snapshot for a while holds it, so that it is not deleted
 * meanwhile.  The lock is one of its sidecar, which nobody else locks: so it
 * can be looked at, and others be made and deleted.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/named.h"
#include "disk/life/copies.h"
#include "disk/medium/sidecar.h"

static int open_sidecar(const char *path, int flags, char file[PATH_MAX],
			struct zl_err *err)
{
	int fd, ret = settle_path(path, DISK_SIDECAR, file, err);

	if (ret)
		return ret;
	fd = open(file, flags | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	return zl_fail(err, errno, "%s cannot be opened: %s", file,
		       limit_strerror(errno));
}

/* Where files cannot be locked directories cannot, either, and who deletes a
 * snapshot has the lock of that. */
static bool lock(int fd, int how)
{
	return !flock(fd, how | LOCK_NB) || errno != EWOULDBLOCK;
}

int snapshot_hold(const char *path, struct zl_err *err)
{
	char file[PATH_MAX];
	int fd = open_sidecar(path, O_RDONLY, file, err);

	/* It may have been deleted between opening and locking. */
	if (fd < 0 || (lock(fd, LOCK_SH) && fd_is_named(fd, AT_FDCWD, file)))
		return fd;
	close(fd);
	return zl_fail(err, EBUSY, "the snapshot %s is being deleted", path);
}

int copies_hold_alone(const char *path, struct zl_err *err)
{
	char file[PATH_MAX];
	/* The exclusive lock of a file on NFS is one for who may write it. */
	int fd = open_sidecar(path, O_RDWR, file, err);

	if (fd < 0 || lock(fd, LOCK_EX))
		return fd;
	close(fd);
	return zl_fail(err, EBUSY,
		       "the snapshot %s is being restored, cloned or replayed; "
		       "it can be deleted when that has ended",
		       path);
}
