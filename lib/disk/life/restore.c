// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A disk becomes what a snapshot of it is.  Copies of the snapshot's files are
 * made beside the disk's, in zloop.restore.tmp; when they are complete and
 * durable that is renamed to zloop.restore, and from then on there is no way
 * back: each takes the place of the disk's file.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/limit.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "store/copy.h"

static int mark_gone(int tmp_fd, const char *name)
{
	char mark[STORE_NAME_MAX + sizeof(SETTLE_GONE)];
	int fd;

	snprintf(mark, sizeof(mark), "%s" SETTLE_GONE, name);
	fd = openat(tmp_fd, mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    0600);
	return fd < 0 ? fd : close(fd);
}

/*
 * What the disk has and the snapshot has not must go as well: files of zones
 * that are INACTIVE in it, or OFFLINE, and faults.
 */
static int mark_all_gone(int dir_fd, int tmp_fd, const struct disk_meta *meta)
{
	struct copies_names names;
	const char *name;

	copies_names_of(meta, &names);
	for (uint32_t i = 0; (name = copies_file(&names, i)); i++)
		if (copies_wants(name) && !dir_has(tmp_fd, name) &&
		    dir_has(dir_fd, name) && mark_gone(tmp_fd, name) < 0)
			return -errno;
	return 0;
}

static int add_gone(const char *dir, const char *tmp,
		    const struct disk_meta *meta, struct zl_err *err)
{
	int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int tmp_fd = open(tmp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ret = dir_fd < 0 || tmp_fd < 0
			  ? -errno
			  : mark_all_gone(dir_fd, tmp_fd, meta);

	if (dir_fd >= 0)
		close(dir_fd);
	if (tmp_fd >= 0)
		close(tmp_fd);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be filled: %s", tmp,
			       limit_strerror(-ret));
	return 0;
}

/* In @tmp, which gets the name @path. */
static int copy_durably(const char *dir, const char *from, struct store *disk,
			const char *tmp, const char *path,
			const struct disk_meta *meta,
			disk_progress_fn *progress, void *user,
			struct zl_err *err)
{
	int watch = store_copy_watch(tmp, err), ret;

	if (watch < 0)
		return watch;
	ret = copies_make_durable(from, tmp, progress, user, err);
	if (!ret)
		ret = add_gone(dir, tmp, meta, err);
	if (!ret)
		ret = store_copy_sync(watch, tmp, err);
	if (!ret)
		ret = settle_prove(dir, disk, err);
	if (!ret)
		ret = store_copy_name(tmp, path, err);
	close(watch);
	return ret;
}

/* There is no way back. */
static int fail_later(int ret, struct zl_err *err)
{
	struct zl_err why = { "" };

	if (err)
		why = *err;
	return zl_fail(
		err, -ret,
		"the restore is completed when the disk is opened or checked "
		"next, since now %s",
		why.msg);
}

static int copy_back(const char *dir, const char *from, struct store *disk,
		     const struct disk_meta *meta, disk_progress_fn *progress,
		     void *user, struct zl_err *err)
{
	char tmp[PATH_MAX], path[PATH_MAX];
	int ret = settle_path(dir, SETTLE_TMP, tmp, err);

	if (!ret)
		ret = settle_path(dir, SETTLE_READY, path, err);
	if (!ret)
		ret = settle_prove(dir, disk, err);
	if (ret)
		return ret;
	if (mkdir(tmp, 0700) < 0)
		return zl_fail(err, errno, "%s cannot be made: %s", tmp,
			       limit_strerror(errno));
	ret = copy_durably(dir, from, disk, tmp, path, meta, progress, user,
			   err);
	if (!ret)
		ret = settle_finish(dir, disk, err);
	else if (!store_prove(disk))
		store_remove_dir(tmp, NULL);
	return ret && settle_is_due(dir) ? fail_later(ret, err) : ret;
}

static bool same_realms(const struct disk_realms *a,
			const struct disk_realms *b)
{
	bool same = a->nr_domains == b->nr_domains && a->nr == b->nr &&
		    a->bottom == b->bottom && a->smr == b->smr &&
		    a->top == b->top && a->cmr_zones == b->cmr_zones &&
		    a->smr_zones == b->smr_zones && a->gap == b->gap;

	for (unsigned i = 0; same && i < a->nr_domains; i++)
		same = a->types[i] == b->types[i];
	return same;
}

static int check_same(const char *dir, const char *from,
		      const struct disk_meta *meta, struct zl_err *err)
{
	struct disk_meta was;
	int ret = copies_meta(from, &was, err);

	if (ret)
		return ret;
	if (was.capacity_bytes == meta->capacity_bytes &&
	    was.zone_bytes == meta->zone_bytes &&
	    was.conv_zones == meta->conv_zones &&
	    was.host_aware == meta->host_aware &&
	    same_realms(&was.realms, &meta->realms) &&
	    was.phys_block_bytes == meta->phys_block_bytes)
		return 0;
	return zl_fail(err, EINVAL,
		       "%s is no snapshot of the disk in %s: its geometry is "
		       "another one",
		       from, dir);
}

static int restore_from(const char *dir, const char *from,
			disk_progress_fn *progress, void *user,
			struct zl_err *err)
{
	struct disk_meta meta;
	struct store *st;
	int ret = copies_enter(dir, DISK_MOMENT_MS, &meta, &st, err);

	if (ret)
		return ret;
	ret = check_same(dir, from, &meta, err);
	if (!ret)
		ret = copy_back(dir, from, st, &meta, progress, user, err);
	store_close(st);
	return ret;
}

int snapshot_restore(const char *dir, const char *name,
		     disk_progress_fn *progress, void *user, struct zl_err *err)
{
	char from[PATH_MAX];
	int held, ret = copies_hold(dir, name, from, &held, err);

	if (ret)
		return ret;
	ret = restore_from(dir, from, progress, user, err);
	close(held);
	return ret;
}
