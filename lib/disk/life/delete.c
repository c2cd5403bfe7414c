// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Deleting a disk: the zones first, the sidecar last but for the lock.  What is
 * interrupted is still a disk, a damaged one, and can be deleted again.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/life/users.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "disk/snapshot.h"
#include "store/rollback.h"

struct deletion {
	struct store *store;
	const char *name;
	struct disk_meta meta;
	disk_progress_fn *progress;
	void *user;
	struct zl_err *err;
};

static int fail_remove(struct deletion *d, const char *file, int ret)
{
	return zl_fail(d->err, -ret, "%s/%s cannot be removed: %s", d->name,
		       file, limit_strerror(-ret));
}

/* Nothing else is there, and no more than the sidecar knows of. */
static int check_contents(struct deletion *d)
{
	struct survey sv;
	int ret = survey_dir(d->store, d->name, &sv, d->err);

	if (ret)
		return ret;
	if (sv.foreign && !strcmp(sv.foreign_name, SNAPSHOT_DIR))
		return zl_fail(d->err, EEXIST,
			       "%s has snapshots or records in " SNAPSHOT_DIR
			       "; zloop snapshot --delete deletes a "
			       "snapshot, and records (*" SNAPSHOT_LOG
			       ") are files that can be moved or removed",
			       d->name);
	if (sv.foreign)
		return zl_fail(d->err, EEXIST,
			       "%s has other files than the disk's (%s); move "
			       "them away first",
			       d->name, sv.foreign_name);
	if (sv.end > meta_slots(&d->meta) || sv.conv_files > d->meta.conv_zones)
		return zl_fail(d->err, EINVAL,
			       "%s has files of zones that " DISK_SIDECAR
			       " knows nothing of: it is not surely one disk; "
			       "zloop check explains",
			       d->name);
	return 0;
}

static int enter(struct deletion *d, unsigned lock_wait_ms)
{
	enum sidecar_state ignored;
	int ret = sidecar_read(d->store, d->name, &d->meta, &ignored, d->err);

	if (ret == -ENOENT)
		return zl_fail(d->err, ENOENT,
			       "%s has no " DISK_SIDECAR
			       ": it is not surely a disk",
			       d->name);
	if (!ret)
		ret = users_lock(d->store, d->name, lock_wait_ms, true, d->err);
	if (!ret)
		ret = users_refuse(d->store, d->name, d->err);
	if (ret)
		return ret;
	copies_tidy(d->name);
	meta_set_layout(&d->meta, d->store);
	ret = store_rollback_clean(d->store);
	if (ret < 0)
		return fail_remove(d, "*.undo", ret);
	return check_contents(d);
}

static int remove_zones(struct deletion *d)
{
	uint32_t nr = (uint32_t)meta_slots(&d->meta);
	char file[STORE_NAME_MAX];
	int ret;

	for (uint32_t i = 0; i < nr; i++) {
		store_slot_name(d->store, i, file);
		ret = store_meta_remove(d->store, file);
		if (ret && ret != -ENOENT)
			return fail_remove(d, file, ret);
		if (d->progress && (i % 4096 == 0 || i + 1 == nr))
			d->progress(d->user, i + 1, nr);
	}
	return 0;
}

/* The lock's file last: whoever waits for it finds nothing more. */
static int remove_rest(struct deletion *d)
{
	static const char *const files[] = {
		DISK_GATEWAY,	    DISK_GATEWAY ".tmp", DISK_FAULTS,
		DISK_FAULTS ".tmp", DISK_JOURNAL ".tmp", DISK_SIDECAR ".tmp",
		DISK_SIDECAR,	    DISK_JOURNAL,
	};
	int ret = store_sync_dir(d->store);

	for (size_t i = 0; !ret && i < ZL_ARRAY_SIZE(files); i++) {
		ret = store_meta_remove(d->store, files[i]);
		if (ret && ret != -ENOENT)
			return fail_remove(d, files[i], ret);
		ret = 0;
	}
	if (!ret)
		ret = store_sync_dir(d->store);
	return ret ? fail_remove(d, DISK_SIDECAR, ret) : 0;
}

int disk_delete(const char *dir, unsigned lock_wait_ms,
		disk_progress_fn *progress, void *user, struct zl_err *err)
{
	struct deletion d = {
		.name = dir, .progress = progress, .user = user, .err = err
	};
	int ret = disk_settle(dir, DISK_MOMENT_MS, err);

	if (!ret)
		ret = store_file_open(dir, &d.store, err);
	if (ret)
		return ret;
	ret = enter(&d, lock_wait_ms);
	if (!ret)
		ret = remove_zones(&d);
	if (!ret)
		ret = remove_rest(&d);
	store_close(d.store);
	return ret;
}
