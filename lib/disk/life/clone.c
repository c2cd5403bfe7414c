// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Copies of a disk's directory, with an identity of their own. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/internal.h"
#include "disk/life/copies.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "store/copy.h"

bool copies_wants(const char *name)
{
	uint32_t slot;
	bool conv;

	return survey_zone_name(name, &conv, &slot) ||
	       !strcmp(name, DISK_JOURNAL) || !strcmp(name, DISK_FAULTS);
}

int disk_copy_files(const char *from, const char *to,
		    disk_progress_fn *progress, void *user, struct zl_err *err)
{
	struct store_copy copy = { .wants = copies_wants,
				   .last = true,
				   .progress = progress,
				   .user = user };

	return store_copy(from, to, &copy, err);
}

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
			       strerror(errno));
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
			       strerror(-ret));
	return 0;
}

/*
 * The journal.
 */

static void ignore(void *user, enum journal_type type, uint32_t slot,
		   uint64_t value)
{
	(void)user;
	(void)type;
	(void)slot;
	(void)value;
}

struct tail {
	uint8_t *data;
	size_t len, room;
	uint64_t seq;
};

static int add_record(struct tail *t, enum journal_type type, uint32_t slot,
		      uint64_t value)
{
	uint8_t *more;

	if (t->len == t->room) {
		t->room = t->room ? t->room * 2 : 1024;
		more = realloc(t->data, t->room);
		if (!more)
			return -ENOMEM;
		t->data = more;
	}
	journal_encode(t->data + t->len, t->seq++, type, slot, value);
	t->len += JOURNAL_RECORD_BYTES;
	return 0;
}

static int add_records(struct tail *t, uint32_t nr_slots,
		       int (*non_seq)(void *user, uint32_t slot), void *user)
{
	int ret = 0, is;

	for (uint32_t i = 0; non_seq && !ret && i < nr_slots; i++) {
		is = non_seq(user, i);
		if (is >= 0)
			ret = add_record(t, JR_NON_SEQ, i, (uint64_t)is);
	}
	return ret ? ret : add_record(t, JR_CLEAN, 0, 0);
}

int copies_end_journal(struct store *st, const char *name,
		       const struct disk_meta *meta,
		       int (*non_seq)(void *user, uint32_t slot), void *user,
		       bool durable, struct zl_err *err)
{
	struct journal_state state;
	struct tail t = { 0 };
	struct zone_geo geo;
	int ret;

	meta_geo(meta, &geo);
	ret = journal_load(st, name, &geo, &state, ignore, NULL, err);

	if (ret)
		return ret;
	t.seq = state.next_seq;
	/* Half a record at the end would shift those behind it. */
	if (state.bytes % JOURNAL_RECORD_BYTES)
		ret = store_meta_cut(
			st, DISK_JOURNAL,
			state.bytes - state.bytes % JOURNAL_RECORD_BYTES);
	if (!ret)
		ret = add_records(&t, (uint32_t)meta_slots(meta), non_seq,
				  user);
	if (!ret)
		ret = store_meta_append(st, DISK_JOURNAL, t.data, t.len,
					durable);
	free(t.data);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_JOURNAL " cannot be written: %s",
			       name, strerror(-ret));
	return 0;
}

/*
 * A disk of it.
 */

static int complete(struct store *st, const char *to, struct disk_meta *meta,
		    int (*non_seq)(void *user, uint32_t slot), void *user,
		    bool durable, struct zl_err *err)
{
	int ret = meta_new_serial(meta, err);

	if (!ret)
		ret = copies_end_journal(st, to, meta, non_seq, user, durable,
					 err);
	if (ret)
		return ret;
	ret = sidecar_make(st, meta, durable);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_SIDECAR " cannot be written: %s", to,
			       strerror(-ret));
	return 0;
}

int disk_copy_complete(const char *to, struct disk_meta *meta,
		       int (*non_seq)(void *user, uint32_t slot), void *user,
		       bool durable, struct zl_err *err)
{
	struct store *st;
	int ret = 0;

	if (durable)
		ret = store_copy_sync(to, err);
	if (!ret)
		ret = store_file_open(to, &st, err);
	if (ret)
		return ret;
	ret = complete(st, to, meta, non_seq, user, durable, err);
	store_close(st);
	return ret;
}

static int clone_files(const char *from, const char *to,
		       disk_progress_fn *progress, void *user,
		       struct disk_meta *meta, struct zl_err *err)
{
	int made = disk_copy_make_dir(to, err), ret;

	if (made < 0)
		return made;
	ret = disk_copy_files(from, to, progress, user, err);
	if (!ret)
		ret = disk_copy_complete(to, meta, NULL, NULL, true, err);
	if (!ret)
		return 0;
	disk_copy_drop(to, made);
	return ret;
}

int disk_clone(const char *dir, const char *snapshot, const char *to,
	       disk_progress_fn *progress, void *user, struct disk_meta *meta,
	       struct zl_err *err)
{
	char path[PATH_MAX];
	struct store *st;
	int ret;

	if (snapshot) {
		ret = snapshot_find(dir, snapshot, err);
		if (!ret)
			ret = snapshot_path(dir, snapshot, path, err);
		if (!ret)
			ret = copies_meta(path, meta, err);
		return ret ? ret
			   : clone_files(path, to, progress, user, meta, err);
	}
	ret = copies_enter(dir, 0, meta, &st, err);
	if (ret)
		return ret;
	ret = clone_files(dir, to, progress, user, meta, err);
	store_close(st);
	return ret;
}
