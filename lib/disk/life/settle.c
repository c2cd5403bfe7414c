// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A directory in which a restore was interrupted becomes one disk or the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/dir.h"
#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/life/users.h"
#include "disk/medium/meta.h"
#include "store/copy.h"
#include "store/rollback.h"

/* So often a directory may have names that its list has not. */
#define VAIN_MAX 8

int settle_path(const char *dir, const char *name, char path[PATH_MAX],
		struct zl_err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX)
		return 0;
	return zl_fail(err, ENAMETOOLONG, "%.64s… is too long a path", dir);
}

int settle_prove(const char *dir, struct store *disk, struct zl_err *err)
{
	int ret = store_prove(disk);

	if (!ret)
		return 0;
	if (ret == -STORE_FENCED)
		return zl_fail(err, STORE_FENCED,
			       "this machine has lost its lock on %s, and "
			       "another one may have the disk",
			       dir);
	return zl_fail(err, -ret,
		       "whether this machine still has its lock on %s cannot "
		       "be found out: %s",
		       dir, limit_strerror(-ret));
}

struct replacing {
	const char *dir, *path;
	struct store *disk; /* whose lock is held */
	int from, to;
	bool last;	  /* what is not to take a place goes */
	unsigned changed; /* so many names */
	unsigned vain;	  /* rmdir()s of what still had some */
	int ret;	  /* of what was done with one, as *err says */
	struct zl_err *err;
};

static void fail(struct replacing *r, const char *path, const char *name,
		 const char *what)
{
	r->ret = zl_fail(r->err, errno, "%s/%s cannot be %s: %s", path, name,
			 what, limit_strerror(errno));
}

static void replace(struct replacing *r, const char *name)
{
	if (renameat(r->from, name, r->to, name) < 0)
		fail(r, r->dir, name, "restored");
	else
		r->changed++;
}

/* True: there was such a file. */
static bool remove_file(struct replacing *r, int fd, const char *path,
			const char *name)
{
	if (!unlinkat(fd, name, 0)) {
		r->changed++;
		return true;
	}
	if (errno != ENOENT)
		fail(r, path, name, "removed");
	return false;
}

/* Of NAME.gone NAME, if that is something of a disk's. */
static bool name_of_gone(const char *mark, char name[STORE_NAME_MAX])
{
	size_t len = strlen(mark), end = strlen(SETTLE_GONE);

	if (len <= end || len - end >= STORE_NAME_MAX ||
	    strcmp(mark + len - end, SETTLE_GONE))
		return false;
	memcpy(name, mark, len - end);
	name[len - end] = 0;
	return copies_wants(name);
}

static int settle_name(void *user, const char *name)
{
	char gone[STORE_NAME_MAX];
	struct replacing *r = user;

	if (name[0] == '.')
		return 0;
	r->ret = settle_prove(r->dir, r->disk, r->err);
	if (r->ret)
		return r->ret;
	if (copies_wants(name))
		replace(r, name);
	else if (name_of_gone(name, gone) &&
		 remove_file(r, r->to, r->dir, gone))
		return 0; /* it stays until that is durable */
	else if (!r->ret && r->last)
		remove_file(r, r->from, r->path, name);
	return r->ret;
}

/* Each that is listed. */
static int settle_names(struct replacing *r)
{
	int ret;

	r->changed = 0;
	ret = dir_each_of(r->from, settle_name, r);
	if (r->ret)
		return r->ret;
	if (ret)
		return zl_fail(r->err, -ret, "%s cannot be listed: %s", r->path,
			       limit_strerror(-ret));
	if (fsync(r->to) < 0)
		return zl_fail(r->err, errno, "%s cannot be made durable: %s",
			       r->dir, limit_strerror(errno));
	return 0;
}

/*
 * Until a list that came to its end had nothing in it; one may leave out what
 * is there while names go.  The journal, with what it says of zones, goes with
 * the rest: until all is done nobody opens the disk.
 */
static int replace_all(struct replacing *r)
{
	int ret = settle_names(r);

	for (r->last = true; !ret; ret = settle_names(r)) {
		if (r->changed)
			continue;
		ret = settle_prove(r->dir, r->disk, r->err);
		if (ret)
			return ret;
		if (!rmdir(r->path))
			return 0;
		if (errno != ENOTEMPTY || ++r->vain == VAIN_MAX)
			return zl_fail(r->err, errno,
				       "%s cannot be removed: %s", r->path,
				       limit_strerror(errno));
	}
	return ret;
}

static int open_both(struct replacing *r)
{
	r->to = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r->from =
		open(r->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (r->to >= 0 && r->from >= 0)
		return 0;
	return zl_fail(r->err, errno, "%s cannot be opened: %s", r->path,
		       limit_strerror(errno));
}

int settle_finish(const char *dir, struct store *disk, struct zl_err *err)
{
	char path[PATH_MAX];
	struct replacing r = {
		.dir = dir, .path = path, .disk = disk, .err = err
	};
	int ret = settle_path(dir, SETTLE_READY, path, err);

	if (ret)
		return ret;
	ret = open_both(&r);
	if (!ret)
		ret = replace_all(&r);
	if (r.to >= 0)
		close(r.to);
	if (r.from >= 0)
		close(r.from);
	return ret;
}

static int remove_copies(const char *dir, const char *path, struct store *disk,
			 struct zl_err *err)
{
	int ret = settle_prove(dir, disk, err);

	return ret ? ret : store_remove_dir(path, err);
}

static bool there_is(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat sb;

	return !settle_path(dir, name, path, NULL) && !lstat(path, &sb) &&
	       S_ISDIR(sb.st_mode);
}

bool settle_is_due(const char *dir)
{
	return there_is(dir, SETTLE_READY);
}

/* Alone in the directory.  What it does is said before: with many zones it
 * takes a while. */
static int settle(const char *dir, struct store *disk, struct zl_err *err)
{
	char path[PATH_MAX];
	int ret = 0;

	if (there_is(dir, SETTLE_TMP)) {
		zl_log(ZL_LOG_WARN,
		       "%s: a restore that had not begun to replace files is "
		       "undone",
		       dir);
		ret = settle_path(dir, SETTLE_TMP, path, err);
		if (!ret)
			ret = remove_copies(dir, path, disk, err);
	}
	if (ret || !settle_is_due(dir))
		return ret;
	zl_log(ZL_LOG_WARN, "%s: a restore that was interrupted is completed",
	       dir);
	return settle_finish(dir, disk, err);
}

int disk_settle(const char *dir, unsigned lock_wait_ms, struct zl_err *err)
{
	struct store *st;
	bool begun = settle_is_due(dir);
	int ret;

	if (!begun && !there_is(dir, SETTLE_TMP))
		return 0;
	ret = store_file_open(dir, &st, err);
	if (ret)
		return ret;
	ret = users_lock(st, dir, lock_wait_ms, true, err);
	/* The kernel's driver takes no lock. */
	if (!ret)
		ret = users_refuse(st, dir, err);
	if (!ret)
		ret = settle(dir, st, err);
	else if (ret == -EBUSY && !begun)
		ret = 0; /* somebody is at work, the disk is as it was */
	store_close(st);
	return ret;
}

int copies_enter(const char *dir, unsigned lock_wait_ms, struct disk_meta *meta,
		 struct store **st, struct zl_err *err)
{
	int ret = disk_settle(dir, lock_wait_ms, err);

	if (!ret)
		ret = copies_meta(dir, meta, err);
	if (!ret)
		ret = store_file_open(dir, st, err);
	if (ret)
		return ret;
	ret = users_lock(*st, dir, lock_wait_ms, true, err);
	if (!ret)
		ret = users_refuse(*st, dir, err);
	if (!ret) {
		meta_set_layout(meta, *st);
		if (store_rollback_clean(*st) < 0)
			zl_log(ZL_LOG_WARN,
			       "%s: files named .undo cannot be removed", dir);
	}
	if (ret)
		store_close(*st);
	return ret;
}
