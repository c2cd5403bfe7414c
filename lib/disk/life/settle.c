// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A directory in which a restore was interrupted becomes one disk or the other.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/life/users.h"
#include "disk/medium/meta.h"
#include "store/copy.h"
#include "store/rollback.h"

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

static int replace(int from, int to, const char *dir, const char *name,
		   struct store *disk, struct zl_err *err)
{
	int ret = settle_prove(dir, disk, err);

	if (ret || !renameat(from, name, to, name))
		return ret;
	return zl_fail(err, errno, "%s/%s cannot be restored: %s", dir, name,
		       limit_strerror(errno));
}

/* Each file that is still there.  The journal, with what it says of zones, goes
 * with the rest: until all is done nobody opens the disk. */
static int replace_all(const char *dir, const char *path, struct store *disk,
		       struct zl_err *err)
{
	int to = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *d = opendir(path);
	struct dirent *e;

	if (to < 0 || !d)
		ret = zl_fail(err, errno, "%s cannot be opened: %s", path,
			      limit_strerror(errno));
	while (!ret && (e = readdir(d)))
		if (copies_wants(e->d_name))
			ret = replace(dirfd(d), to, dir, e->d_name, disk, err);
	if (!ret && fsync(to) < 0)
		ret = zl_fail(err, errno, "%s cannot be made durable: %s", dir,
			      limit_strerror(errno));
	if (d)
		closedir(d);
	if (to >= 0)
		close(to);
	return ret;
}

static int remove_copies(const char *dir, const char *path, struct store *disk,
			 struct zl_err *err)
{
	int ret = settle_prove(dir, disk, err);

	return ret ? ret : store_remove_dir(path, err);
}

int settle_finish(const char *dir, struct store *disk, struct zl_err *err)
{
	char path[PATH_MAX];
	int ret = settle_path(dir, SETTLE_READY, path, err);

	if (!ret)
		ret = replace_all(dir, path, disk, err);
	return ret ? ret : remove_copies(dir, path, disk, err);
}

static bool there_is(const char *dir, const char *name)
{
	char path[PATH_MAX];
	struct stat sb;

	return !settle_path(dir, name, path, NULL) && !lstat(path, &sb) &&
	       S_ISDIR(sb.st_mode);
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
	if (ret || !there_is(dir, SETTLE_READY))
		return ret;
	zl_log(ZL_LOG_WARN, "%s: a restore that was interrupted is completed",
	       dir);
	return settle_finish(dir, disk, err);
}

int disk_settle(const char *dir, unsigned lock_wait_ms, struct zl_err *err)
{
	struct store *st;
	bool begun = there_is(dir, SETTLE_READY);
	int ret;

	if (!begun && !there_is(dir, SETTLE_TMP))
		return 0;
	ret = store_file_open(dir, &st, err);
	if (ret)
		return ret;
	ret = users_lock(st, dir, lock_wait_ms, true, err);
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
