// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Making a disk: the sidecar first, in state "creating", then the files, then
 * "ready".  Whatever stops it in between, the directory says what was wanted,
 * and the next opening goes on.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/life/make.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"

void make_progress(const struct disk_open_args *args, uint32_t done,
		   uint32_t total)
{
	uint32_t step = (uint32_t)min_u64(4096, max_u64(1, total / 100));

	if (args->progress && (done == total || done % step == 0))
		args->progress(args->progress_user, done, total);
}

int make_is_half(const char *name, struct zl_err *err)
{
	return zl_fail(err, EINVAL,
		       "the disk in %s is half made; zloop create %s "
		       "completes it",
		       name, name);
}

static int read_meta(const char *dir, struct disk_meta *meta,
		     enum sidecar_state *state)
{
	struct store *st;
	int ret = store_file_open(dir, &st, NULL);

	if (ret)
		return ret;
	ret = sidecar_read(st, dir, meta, state, NULL);
	store_close(st);
	return ret;
}

int disk_read_meta(const char *dir, struct disk_meta *meta)
{
	enum sidecar_state ignored;

	return read_meta(dir, meta, &ignored);
}

void disk_meta_geo(const struct disk_meta *meta, struct zone_geo *geo)
{
	meta_geo(meta, geo);
}

bool disk_is_half_made(const char *dir, struct disk_meta *meta)
{
	enum sidecar_state state;

	return !read_meta(dir, meta, &state) && state == SIDECAR_CREATING;
}

static int check_inodes(const struct store_space *space, const char *name,
			uint64_t need, struct zl_err *err)
{
	if (space->free_inodes >= need)
		return 0;
	return zl_fail(err, ENOSPC,
		       "the disk needs %" PRIu64
		       " more files, but the file system of %s has room for "
		       "%" PRIu64
		       "; use a larger zone_size_mb or another file system",
		       need, name, space->free_inodes);
}

/* A thin disk is allowed; who did not mean one should know. */
static void warn_thin(const struct store_space *space, const char *name,
		      uint64_t bytes)
{
	char size[SIZE_TEXT_MAX], room[SIZE_TEXT_MAX];

	if (space->free_bytes < bytes)
		zl_log(ZL_LOG_WARN,
		       "%s: the disk has %s, but its file system only %s free: "
		       "writes fail when that is used up",
		       name, size_in_words(bytes, size),
		       size_in_words(space->free_bytes, room));
}

/* Slots that get a file. */
static uint64_t nr_made(const struct disk_meta *meta)
{
	const struct disk_realms *r = &meta->realms;
	uint64_t largest = max_u64(r->cmr_zones, r->smr_zones);

	return r->nr_domains ? r->nr * largest : meta_slots(meta);
}

static int check_space(struct store *st, const char *name,
		       const struct survey *sv, const struct disk_meta *meta,
		       struct zl_err *err)
{
	uint64_t there = (uint64_t)sv->conv_files + sv->seq_files;
	uint64_t slots = nr_made(meta);
	struct store_space space;
	int ret = store_space(st, &space);

	if (ret)
		return zl_fail(err, -ret,
			       "the room on the file system of %s is not "
			       "known: %s",
			       name, limit_strerror(-ret));
	/* The zones' files, the sidecar and its successor. */
	ret = check_inodes(&space, name, slots - min_u64(there, slots) + 2,
			   err);
	if (!ret)
		warn_thin(&space, name,
			  min_u64(meta->capacity_bytes,
				  slots * meta->zone_bytes));
	return ret;
}

static int cannot_make(struct store *st, const char *name, uint32_t slot,
		       const char *why, int ret, struct zl_err *err)
{
	char file[STORE_NAME_MAX];

	store_slot_name(st, slot, file);
	return zl_fail(err, -ret,
		       "%s/%s cannot be made: %s; the next opening completes "
		       "the disk",
		       name, file, why);
}

/*
 * A file that is there already is of an earlier attempt: of the right size, or
 * empty where a crash came before the size.
 */
static int complete_slot(struct store *st, const char *name, uint32_t slot,
			 uint64_t size_bytes, struct zl_err *err)
{
	struct store_req sync = { .op = STORE_SYNC, .slot = slot };
	struct store_stat stat;
	int ret = store_stat(st, slot, &stat);

	if (!ret && (stat.kind != STORE_KIND_FILE ||
		     (stat.size_bytes && stat.size_bytes != size_bytes)))
		return cannot_make(st, name, slot,
				   "something else is in its place, remove it",
				   -EEXIST, err);
	if (!ret && stat.size_bytes != size_bytes)
		ret = store_resize(st, slot, size_bytes);
	if (!ret && size_bytes)
		ret = (int)store_run(st, &sync);
	if (ret)
		return cannot_make(st, name, slot, limit_strerror(-ret), ret,
				   err);
	return 0;
}

static int make_slot(struct store *st, const char *name, uint32_t slot,
		     uint64_t size_bytes, struct zl_err *err)
{
	int ret = store_make(st, slot, size_bytes);

	if (ret == -EEXIST)
		return complete_slot(st, name, slot, size_bytes, err);
	if (ret)
		return cannot_make(st, name, slot, limit_strerror(-ret), ret,
				   err);
	return 0;
}

/* False: it has no file yet. */
static bool first_bytes(const struct disk_meta *meta,
			const struct disk_open_args *args, uint32_t slot,
			uint64_t *bytes)
{
	bool made = meta_is_made(meta, slot, bytes);

	if (args->written && meta_has_wp(meta, slot))
		*bytes = args->written(args->written_user, slot);
	return made;
}

static int make_slots(struct store *st, const char *name,
		      const struct disk_meta *meta,
		      const struct disk_open_args *args, struct zl_err *err)
{
	uint32_t slots = (uint32_t)meta_slots(meta);
	uint64_t bytes;
	int ret = 0;

	for (uint32_t i = 0; i < slots; i++) {
		if (first_bytes(meta, args, i, &bytes))
			ret = make_slot(st, name, i, bytes, err);
		if (ret)
			return ret;
		make_progress(args, i + 1, slots);
	}
	ret = store_sync_dir(st);
	if (ret)
		return zl_fail(err, -ret,
			       "the files in %s cannot be made durable: %s; "
			       "the next opening completes the disk",
			       name, limit_strerror(-ret));
	return 0;
}

static int write_sidecar(struct store *st, const char *name,
			 const struct disk_meta *meta, enum sidecar_state state,
			 struct zl_err *err)
{
	int ret = sidecar_write(st, meta, state);

	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_SIDECAR " cannot be written: %s",
			       name, limit_strerror(-ret));
	return 0;
}

/* What is left of a disk that was here would be said of this one: zones that
 * are offline, faults.  Nobody has used this one yet, and a power loss may have
 * brought back what was removed before. */
static int forget_older(struct store *st, const char *name, struct zl_err *err)
{
	int ret = store_meta_cut(st, DISK_JOURNAL, 0);

	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_JOURNAL " cannot be emptied: %s",
			       name, limit_strerror(-ret));
	ret = store_meta_remove(st, DISK_FAULTS);
	if (ret && ret != -ENOENT)
		return zl_fail(err, -ret,
			       "%s/" DISK_FAULTS
			       ", an older disk's, cannot be removed: %s",
			       name, limit_strerror(-ret));
	return 0;
}

int disk_make(struct store *st, const char *name, const struct survey *sv,
	      const struct disk_meta *meta, bool complete,
	      const struct disk_open_args *args, struct zl_err *err)
{
	int ret;

	meta_set_layout(meta, st);
	ret = check_space(st, name, sv, meta, err);
	if (!ret)
		ret = forget_older(st, name, err);
	if (!ret && !complete)
		ret = write_sidecar(st, name, meta, SIDECAR_CREATING, err);
	if (!ret)
		ret = make_slots(st, name, meta, args, err);
	if (!ret)
		ret = write_sidecar(st, name, meta, SIDECAR_READY, err);
	return ret;
}
