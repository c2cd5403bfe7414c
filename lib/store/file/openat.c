// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's files by their names. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "store/file/file.h"

/* Where the kernel's zloop, with discard_write_cache, flushed a zone last. */
#define ZLOOP_WP_XATTR "user.zloop.wp"

static bool out_of_fds(int ret)
{
	return ret == -EMFILE || ret == -ENFILE;
}

int file_openat_raw(struct store_file *sf, const char *name, int flags)
{
	int dir_fd = sf->dir_fd < 0 ? AT_FDCWD : sf->dir_fd, fd;
	uint64_t end_ms = 0;

	do {
		fd = openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0)
			fd = -errno;
	} while (fd == -EINTR || (out_of_fds(fd) && fd_make_room(sf, &end_ms)));
	return fd;
}

static int kind_error(mode_t mode)
{
	if (S_ISREG(mode))
		return 0;
	if (S_ISLNK(mode))
		return -ELOOP;
	return S_ISDIR(mode) ? -EISDIR : -EINVAL;
}

/* O_NONBLOCK goes, since io_uring would take it to mean that no request may
 * wait. That somebody has read is nothing to write down; who does not own the
 * file must put up with it. */
static int set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags &= ~O_NONBLOCK;
	if (!fcntl(fd, F_SETFL, flags | O_NOATIME))
		return 0;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

/* What is opened must still be a regular file. */
static int check_opened(int fd, struct stat *sb)
{
	int ret;

	if (fstat(fd, sb) < 0)
		return -errno;
	ret = kind_error(sb->st_mode);
	return ret < 0 ? ret : set_flags(fd);
}

static int open_regular(struct store_file *sf, const char *name, int flags,
			struct stat *sb)
{
	int fd, ret;

	/* Looked at first since opening a device can do things to it, and again
	 * afterwards since the name may have changed hands. */
	if (fstatat(sf->dir_fd, name, sb, AT_SYMLINK_NOFOLLOW) == 0) {
		ret = kind_error(sb->st_mode);
		if (ret < 0)
			return ret;
	} else if (errno != ENOENT || !(flags & O_CREAT)) {
		return -errno;
	}
	fd = file_openat_raw(sf, name, flags | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return fd;
	ret = check_opened(fd, sb);
	if (ret < 0) {
		close(fd);
		return ret;
	}
	return fd;
}

int file_openat(struct store_file *sf, const char *name, int flags)
{
	struct stat sb;

	return open_regular(sf, name, flags, &sb);
}

int file_open_slot(struct store_file *sf, uint32_t slot, int *wr_err,
		   struct stat *sb)
{
	char name[STORE_NAME_MAX];
	int fd;

	store_slot_name(&sf->head, slot, name);
	*wr_err = 0;
	fd = open_regular(sf, name, O_RDWR, sb);
	if (fd != -EACCES && fd != -EPERM && fd != -EROFS)
		return fd;
	*wr_err = -fd;
	return open_regular(sf, name, O_RDONLY, sb);
}

int file_sync_entries(struct store_file *sf)
{
	int ret = fsync(sf->dir_fd) < 0 ? -errno : 0;

	sf->names_unsynced = ret;
	return ret;
}

/* Most files have none, some file systems know none; to remove one takes a
 * transaction, to ask for it does not. */
int file_forget_flushed(int fd)
{
	if (fgetxattr(fd, ZLOOP_WP_XATTR, NULL, 0) < 0)
		return 0;
	return fremovexattr(fd, ZLOOP_WP_XATTR) < 0 ? -errno : 0;
}
