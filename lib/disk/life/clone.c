// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Copies of a disk's directory, with an identity of their own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "store/copy.h"

void disk_copy_drop(const char *to, bool made)
{
	copies_empty(to);
	if (made)
		rmdir(to);
}

int disk_record_head(const char *text, size_t len, const char *log,
		     char snapshot[PATH_MAX], struct disk_meta *meta,
		     struct zone_geo *geo, struct zl_err *err)
{
	int ret = sidecar_parse_head(text, len, log, snapshot, meta, err);

	if (!ret)
		meta_geo(meta, geo);
	return ret;
}

static int no_name(void *user, const char *name)
{
	(void)user;
	return !strcmp(name, "lost+found") ? 0 : -ENOTEMPTY;
}

int disk_copy_make_dir(const char *to, struct zl_err *err)
{
	struct store *st;
	int ret;

	if (!mkdir(to, 0700))
		return 1;
	if (errno != EEXIST)
		return zl_fail(err, errno, "%s cannot be made: %s", to,
			       limit_strerror(errno));
	ret = store_file_open(to, &st, err);
	if (ret)
		return ret;
	ret = store_list(st, no_name, NULL);
	store_close(st);
	if (ret == -ENOTEMPTY)
		return zl_fail(err, ENOTEMPTY,
			       "%s is not empty; name a new directory, or an "
			       "empty one",
			       to);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be listed: %s", to,
			       limit_strerror(-ret));
	return 0;
}

static int complete(struct store *st, const char *to, struct disk_meta *meta,
		    const struct disk_copy_news *news, bool durable,
		    struct zl_err *err)
{
	int ret = meta_new_serial(meta, err);

	if (!ret)
		ret = copies_end_journal(st, to, meta, news, durable, err);
	if (ret)
		return ret;
	ret = sidecar_make(st, meta, durable);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_SIDECAR " cannot be written: %s", to,
			       limit_strerror(-ret));
	return 0;
}

int disk_copy_complete(const char *to, struct disk_meta *meta,
		       const struct disk_copy_news *news, bool durable,
		       struct zl_err *err)
{
	struct store *st;
	int ret = store_file_open(to, &st, err);

	if (ret)
		return ret;
	ret = complete(st, to, meta, news, durable, err);
	store_close(st);
	return ret;
}

static int copy_durably(const char *from, const char *to,
			disk_progress_fn *progress, void *user,
			struct zl_err *err)
{
	int watch = store_copy_watch(to, err), ret;

	if (watch < 0)
		return watch;
	ret = copies_make_durable(from, to, progress, user, err);
	if (!ret)
		ret = store_copy_sync(watch, to, err);
	close(watch);
	return ret;
}

static int clone_files(const char *from, const char *to,
		       disk_progress_fn *progress, void *user,
		       struct disk_meta *meta, struct zl_err *err)
{
	int made = disk_copy_make_dir(to, err), ret;

	if (made < 0)
		return made;
	ret = copy_durably(from, to, progress, user, err);
	if (!ret)
		ret = disk_copy_complete(to, meta, NULL, true, err);
	if (!ret)
		return 0;
	disk_copy_drop(to, made);
	return ret;
}

static int clone_snapshot(const char *dir, const char *snapshot, const char *to,
			  disk_progress_fn *progress, void *user,
			  struct disk_meta *meta, struct zl_err *err)
{
	char path[PATH_MAX];
	int held, ret = copies_hold(dir, snapshot, path, &held, err);

	if (ret)
		return ret;
	ret = copies_meta(path, meta, err);
	if (!ret)
		ret = clone_files(path, to, progress, user, meta, err);
	close(held);
	return ret;
}

int disk_clone(const char *dir, const char *snapshot, const char *to,
	       disk_progress_fn *progress, void *user, struct disk_meta *meta,
	       struct zl_err *err)
{
	struct store *st;
	int ret;

	if (snapshot)
		return clone_snapshot(dir, snapshot, to, progress, user, meta,
				      err);
	ret = copies_enter(dir, DISK_MOMENT_MS, meta, &st, err);
	if (ret)
		return ret;
	ret = clone_files(dir, to, progress, user, meta, err);
	store_close(st);
	return ret;
}
