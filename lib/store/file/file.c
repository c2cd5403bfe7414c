// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store: one directory, opened once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file/file.h"

static bool out_of_fds(int ret)
{
	return ret == -EMFILE || ret == -ENFILE;
}

int file_openat_raw(struct store_file *sf, const char *name, int flags)
{
	uint64_t end_ms = 0;
	int fd;

	do {
		fd = openat(sf->dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC,
			    0600);
		if (fd < 0)
			fd = -errno;
	} while (fd == -EINTR || (out_of_fds(fd) && fd_make_room(&end_ms)));
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

/* What is opened must still be a regular file; and its O_NONBLOCK goes, since
 * io_uring would take it to mean that no request may wait. */
static int check_opened(int fd, struct stat *sb)
{
	int ret;

	if (fstat(fd, sb) < 0)
		return -errno;
	ret = kind_error(sb->st_mode);
	if (ret < 0)
		return ret;
	ret = fcntl(fd, F_GETFL);
	if (ret < 0 || fcntl(fd, F_SETFL, ret & ~O_NONBLOCK) < 0)
		return -errno;
	return 0;
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

/* Without an engine, requests run here, in the calling thread. */
static void file_submit(struct store *st, struct store_req *req)
{
	struct store_file *sf = to_file(st);

#ifdef ZL_URING
	if (req->flags & STORE_ASYNC && sf->ring) {
		file_ring_submit(sf->ring, req);
		return;
	}
#endif
	req->res = file_request(sf, req);
	req->done(req);
}

static int file_start_engine(struct store *st)
{
#ifdef ZL_URING
	return file_ring_start(to_file(st), &to_file(st)->ring);
#else
	(void)st;
	return -ENOSYS;
#endif
}

static void file_free(struct store_file *sf)
{
	file_unlock(sf);
	if (sf->dir_fd >= 0)
		close(sf->dir_fd);
	pthread_mutex_destroy(&sf->names_lock);
	free(sf->head.losses);
	free(sf->path);
	free(sf);
}

static void file_close(struct store *st)
{
	struct store_file *sf = to_file(st);

#ifdef ZL_URING
	if (sf->ring)
		file_ring_stop(sf->ring);
#endif
	fd_drop_all(sf);
	file_free(sf);
}

static const struct store_ops file_ops = {
	.name = "file",
	.submit = file_submit,
	.stat = file_stat,
	.make = file_make,
	.unmake = file_unmake,
	.resize = file_resize,
	.sync_dir = file_sync_dir,
	.space = file_space,
	.list = file_list,
	.meta_read = file_meta_read,
	.meta_replace = file_meta_replace,
	.meta_append = file_meta_append,
	.meta_remove = file_meta_remove,
	.meta_cut = file_meta_cut,
	.lock = file_lock,
	.sync_all = file_sync_all,
	.aside = file_aside,
	.close = file_close,
	.start_engine = file_start_engine,
	.start_sync = file_start_sync,
};

static struct store_file *new_file_store(const char *path)
{
	struct store_file *sf = calloc(1, sizeof(*sf));
	size_t len = strlen(path);

	if (!sf)
		return NULL;
	/* With a slash at the end a symbolic link would be followed. */
	while (len > 1 && path[len - 1] == '/')
		len--;
	sf->head.ops = &file_ops;
	sf->dir_fd = sf->lock_fd = -1;
	sf->path = strndup(path, len);
	if (!sf->path) {
		free(sf);
		return NULL;
	}
	pthread_mutex_init(&sf->names_lock, NULL);
	return sf;
}

/* The sentence for a directory that open() refused with @errnum. */
static int refuse_dir(const char *path, int errnum, struct zl_err *err)
{
	struct stat sb;

	/* The kernel says ENOTDIR for a symbolic link as well. */
	if (errnum == ENOTDIR && lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode))
		errnum = ELOOP;
	switch (errnum) {
	case ENOENT:
		return zl_fail(err, errnum, "directory %s does not exist",
			       path);
	case ENOTDIR:
		return zl_fail(err, errnum, "%s is not a directory", path);
	case ELOOP:
		return zl_fail(err, errnum,
			       "%s is a symbolic link: give the directory that "
			       "it points to",
			       path);
	case EACCES:
		return zl_fail(err, errnum, "no permission to open %s", path);
	default:
		return zl_fail(err, errnum, "cannot open directory %s: %s",
			       path, strerror(errnum));
	}
}

static int open_dir(const char *path)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	uint64_t end_ms = 0;
	int fd;

	do {
		fd = open(path, flags);
		if (fd < 0)
			fd = -errno;
	} while (fd == -EINTR || (out_of_fds(fd) && fd_make_room(&end_ms)));
	return fd;
}

int store_file_open(const char *path, struct store **st, struct zl_err *err)
{
	struct store_file *sf = new_file_store(path);
	int ret;

	if (!sf)
		return zl_fail(err, ENOMEM, "out of memory opening %s", path);
	sf->dir_fd = open_dir(sf->path);
	if (sf->dir_fd < 0) {
		ret = refuse_dir(sf->path, -sf->dir_fd, err);
		file_free(sf);
		return ret;
	}
	*st = &sf->head;
	return 0;
}
