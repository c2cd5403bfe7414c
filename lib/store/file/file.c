// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store: one directory, opened once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "store/file/file.h"

#ifdef ZL_URING
/* A sync waits for writes on NFS (fd_writes.h), and writes for each other with
 * direct I/O (fd_mixed_begin()): these are run here. */
static bool is_for_ring(const struct store_file *sf,
			const struct store_req *req)
{
	return req->flags & STORE_ASYNC && sf->ring &&
	       (req->op == STORE_READ ||
		(sf->fs.kind != FS_NFS && !sf->direct));
}
#endif

/* Without an engine, requests run here, in the calling thread. */
static void file_submit(struct store *st, struct store_req *req)
{
	struct store_file *sf = to_file(st);

#ifdef ZL_URING
	if (is_for_ring(sf, req)) {
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

static void file_stop_engine(struct store *st)
{
#ifdef ZL_URING
	struct store_file *sf = to_file(st);

	if (sf->ring)
		file_ring_stop(sf->ring);
	sf->ring = NULL;
#else
	(void)st;
#endif
}

static void file_free(struct store_file *sf)
{
	file_unlock(sf);
	if (sf->group)
		fd_group_leave(sf->group);
	if (sf->dir_fd >= 0)
		close(sf->dir_fd);
	pthread_mutex_destroy(&sf->names_lock);
	names_destroy(&sf->names);
	free(sf->head.losses);
	free(sf->path);
	free(sf);
}

static void file_close(struct store *st)
{
	struct store_file *sf = to_file(st);

	file_stop_engine(st);
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
	.meta_write = file_meta_write,
	.prove = file_prove,
	.lock = file_lock,
	.sync_all = file_sync_all,
	.aside = file_aside,
	.close = file_close,
	.start_engine = file_start_engine,
	.stop_engine = file_stop_engine,
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
	names_init(&sf->names);
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
			       path, limit_strerror(errnum));
	}
}

/* What the directory is on, and with whom it shares descriptors. */
static void look_at_fs(struct store_file *sf)
{
	struct stat sb = { 0 };

	fs_of(sf->dir_fd, &sf->fs);
	names_start(&sf->names, sf->dir_fd, &sf->fs);
	sf->head.fence = fs_fence(&sf->fs);
	sf->head.at_once = fs_is_remote(&sf->fs) ? STORE_MAX_AT_ONCE : 1;
	fstat(sf->dir_fd, &sb);
	sf->group = fd_group_join(fs_is_remote(&sf->fs), sb.st_dev);
}

int store_file_open(const char *path, struct store **st, struct zl_err *err)
{
	struct store_file *sf = new_file_store(path);
	int ret;

	if (!sf)
		return zl_fail(err, ENOMEM, "out of memory opening %s", path);
	sf->dir_fd = file_openat_raw(sf, sf->path, O_RDONLY | O_DIRECTORY);
	if (sf->dir_fd < 0) {
		ret = refuse_dir(sf->path, -sf->dir_fd, err);
		file_free(sf);
		return ret;
	}
	look_at_fs(sf);
	*st = &sf->head;
	return 0;
}
