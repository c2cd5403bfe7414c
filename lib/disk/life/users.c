// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who uses a directory: a handler has its lock; the kernel's zloop takes none,
 * but has every zone's file open.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/life/users.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/survey.h"
#include "store/fs.h"

/* So many files, spread over the disk, are asked for. */
#define SAMPLES 16u

struct samples {
	struct store *store;
	unsigned there, busy;
	bool untold; /* the file system does not say */
};

/* Whether anybody has it open; false also if that cannot be told. */
static bool sample(struct samples *s, uint32_t slot)
{
	int ret = store_file_probe_users(s->store, slot);

	s->there += !ret || ret == -EBUSY;
	s->busy += ret == -EBUSY;
	s->untold |= ret == -EINVAL;
	return ret == -EBUSY;
}

bool users_drive(struct store *st, uint32_t nr_slots, bool *untold)
{
	struct samples s = { .store = st };
	uint32_t last = nr_slots - 1, nr = (uint32_t)min_u64(SAMPLES, nr_slots);
	bool ends = sample(&s, 0);

	ends = sample(&s, last) && ends;
	for (uint32_t i = 1; !ends && i + 1 < nr; i++)
		sample(&s, (uint32_t)((uint64_t)i * last / (nr - 1)));
	if (untold)
		*untold = s.untold;
	return ends || s.busy > s.there / 2;
}

struct search {
	struct store *store;
	char *file;
};

static int ask_for_one(void *user, const char *name)
{
	struct search *s = user;
	uint32_t slot;
	bool conv;

	if (!survey_zone_name(name, &conv, &slot))
		return 0;
	store_set_layout(s->store, store_conv_first(conv ? slot + 1 : 0));
	if (store_file_probe_users(s->store, slot) != -EBUSY)
		return 0;
	store_slot_name(s->store, slot, s->file);
	return -EBUSY;
}

int users_refuse(struct store *st, const char *name, struct zl_err *err)
{
	char file[STORE_NAME_MAX];
	struct search s = { .store = st, .file = file };
	int ret = store_list(st, ask_for_one, &s);

	if (ret == -EBUSY)
		return zl_fail(err, EBUSY,
			       "%s/%s is open in another program; end that "
			       "first",
			       name, file);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be listed: %s", name,
			       limit_strerror(-ret));
	return 0;
}

#define RETRY_MS 20

/* Who has just locked a disk has not yet noted that it is its own; who only
 * repairs or restores it does not note it at all. */
static bool find_holder(struct store *st, const char *name, unsigned wait_ms,
			struct disk_holder *holder)
{
	uint64_t end_ms = clock_ms() + min_u64(wait_ms, DISK_MOMENT_MS);

	do {
		if (holder_read(st, name, holder, NULL))
			return false;
		if (!holder->clean)
			return true;
	} while (clock_wait_step(end_ms, RETRY_MS));
	return false;
}

/* A refusal of the lock has said what is known on this machine. */
static void name_holder(struct store *st, const char *name, unsigned wait_ms,
			struct zl_err *err)
{
	char text[DISK_HOLDER_TEXT_MAX];
	struct disk_holder holder;

	if (err->who_unknown && find_holder(st, name, wait_ms, &holder) &&
	    *disk_holder_text(&holder, text))
		zl_fail_in_use(err, name, "%s", text);
}

int users_lock(struct store *st, const char *name, unsigned wait_ms, bool make,
	       struct zl_err *err)
{
	struct zl_err sentence;
	int ret = store_lock(st, DISK_JOURNAL, wait_ms, make, &sentence);

	if (ret == -EBUSY)
		name_holder(st, name, wait_ms, &sentence);
	if (ret && err)
		*err = sentence;
	return ret;
}

bool disk_in_use(const char *dir, struct disk *disk, unsigned wait_ms,
		 char *who, size_t size)
{
	struct store *st;
	struct zl_err err;
	bool in_use = true;

	*who = 0;
	if (store_file_open(dir, &st, NULL))
		return false;
	meta_set_layout(&disk->meta, st);
	/* Two who ask at the same time would find each other. */
	if (store_file_look(st, DISK_JOURNAL, true, wait_ms, &err) == -EBUSY) {
		name_holder(st, dir, wait_ms, &err);
		snprintf(who, size, "%s", err.who);
	} else if (users_drive(st, (uint32_t)meta_slots(&disk->meta), NULL)) {
		snprintf(who, size,
			 "a program without a lock, perhaps the kernel's zloop "
			 "driver");
	} else {
		in_use = false;
	}
	store_close(st);
	return in_use;
}

void disk_each_doubt(const char *dir,
		     void (*fn)(void *user, const char *sentence), void *user)
{
	struct store *st;

	if (store_file_open(dir, &st, NULL))
		return;
	fs_each_doubt(store_file_fs(st), fn, user);
	store_close(st);
}

int disk_dir_mount(const char *dir, char *type, size_t size)
{
	struct fs fs;

	if (!fs_of_path(dir, &fs) || !fs_is_remote(&fs))
		return 0;
	snprintf(type, size, "%s", fs.type);
	return fs.mount_id;
}

bool disk_is_open(const char *dir)
{
	struct store *st;
	struct zl_err err;
	int ret;

	if (store_file_open(dir, &st, NULL))
		return true;
	ret = store_file_look(st, DISK_JOURNAL, false, 0, &err);
	store_close(st);
	return ret;
}
