// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Writing the journal, zloop.state: see docs/on-disk-format.md. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "store/store.h"
#include "disk/medium/journal.h"
#include "disk/medium/journal_format.h"
#include "disk/options/check.h"

/* Records that may pile up before the file is rewritten (2 MiB), and that the
 * file may have at all: stores read no small file over 64 MiB. */
#define COMPACT_AFTER 65536
#define MAX_RECORDS   (31 * COMPACT_AFTER)
#define MAX_BYTES     ((uint64_t)MAX_RECORDS * JOURNAL_RECORD_BYTES)

static_assert(
	MAX_RECORDS - COMPACT_AFTER > DISK_MAX_SLOTS * 3 / 2,
	"a record for each slot fits, and for each realm, of two slots at "
	"least");

/* A new file's numbers go on from those of the old one, so that no record of
 * that one can count which a power loss leaves behind its end; but for those
 * that nobody reaches by counting. */
#define MAX_SEQ (UINT64_MAX / 2)

const char *journal_boot_id_path = "/proc/sys/kernel/random/boot_id";

uint64_t journal_boot_hash(void)
{
	FILE *f = fopen(journal_boot_id_path, "re");
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	size_t n = 0;
	int c;

	if (!f)
		return 0;
	for (; n < 64 && (c = getc(f)) != EOF && c != '\n'; n++)
		hash = (hash ^ (uint8_t)c) * UINT64_C(0x100000001b3);
	fclose(f);
	return n ? hash : 0;
}

void journal_encode(uint8_t rec[JOURNAL_RECORD_BYTES], uint64_t seq,
		    enum journal_type type, uint32_t slot, uint64_t value)
{
	memcpy(rec, JOURNAL_MAGIC, 4);
	le_put(rec + 4, 2, type);
	le_put(rec + 6, 2, 0);
	le_put(rec + 8, 8, seq);
	le_put(rec + 16, 8, value);
	le_put(rec + 24, 4, slot);
	le_put(rec + 28, 4, crc32c(rec, 28));
}

/* Records on their way to the file. */
struct batch {
	uint8_t *data;
	size_t records, room;
	uint64_t seq; /* of the next one */
	bool failed;  /* out of memory */
};

static void batch_add(struct batch *b, enum journal_type type, uint32_t slot,
		      uint64_t value)
{
	size_t room = b->room ? b->room * 2 : 64;
	uint8_t *data;

	if (b->records == b->room) {
		data = realloc(b->data, room * JOURNAL_RECORD_BYTES);
		if (!data) {
			b->failed = true;
			return;
		}
		b->data = data;
		b->room = room;
	}
	journal_encode(b->data + b->records * JOURNAL_RECORD_BYTES, b->seq,
		       type, slot, value);
	b->records++;
	b->seq++;
}

static uint64_t first_seq(const struct journal *j)
{
	/* What is older stays in a file that is rewritten in place. */
	return j->in_place || j->seq < MAX_SEQ ? j->seq : 1;
}

/* A reader would take none of what comes behind the end of the numbers. */
static bool batch_ran_out(const struct batch *b)
{
	return b->seq < b->records;
}

/* One that is in another batch. */
static void batch_repeat(struct batch *b, const uint8_t *rec)
{
	batch_add(b, (enum journal_type)le_get(rec + 4, 2),
		  (uint32_t)le_get(rec + 24, 4), le_get(rec + 16, 8));
}

static size_t batch_bytes(const struct batch *b)
{
	return b->records * JOURNAL_RECORD_BYTES;
}

static void add_counters(struct batch *b, const struct disk_stats *s)
{
	for (uint32_t c = 0; c < DC_NR; c++)
		if (!disk_counter_table[c].since_open)
			batch_add(b, JR_COUNTER, c, s->n[c]);
}

/* The slot's bad ranges, one record each.  Under disk->lock. */
static void add_bad(struct batch *b, const struct disk *d, uint32_t slot)
{
	if (d->slots.at[slot].flags & SLOT_ALL_BAD)
		batch_add(b, JR_BAD, slot,
			  journal_bad_value(0,
					    zone_slot_blocks(&d->zones, slot)));
	for (const struct bad_range *r = d->slots.bad.first; r; r = r->next)
		if (r->slot == slot)
			batch_add(b, JR_BAD, slot,
				  journal_bad_value(r->lo, r->hi));
}

/* The first record says how many follow: none may count without the others. */
static void batch_say_rest(struct batch *b, uint32_t slot)
{
	uint32_t nr = (uint32_t)b->records - 1;

	journal_encode(b->data, b->seq - b->records, JR_BAD, slot,
		       journal_bad_value(nr, nr));
}

static void add_slots(struct batch *b, struct disk *d)
{
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		uint16_t flags = d->slots.at[i].flags;

		if (flags & SLOT_JOURNAL_OFF)
			batch_add(b, JR_CONDITION, i, ZC_OFFLINE);
		else if (flags & SLOT_JOURNAL_RO)
			batch_add(b, JR_CONDITION, i, ZC_READ_ONLY);
		else if (flags & SLOT_JOURNAL_EXP)
			batch_add(b, JR_EXP_OPEN, i, 1);
		if (d->slots.at[i].journal_non_seq)
			batch_add(b, JR_NON_SEQ, i, 1);
		if (flags & SLOT_BAD)
			add_bad(b, d, i);
	}
}

/* Where realms are active, each run of them with one record; of those with
 * ZONE_NO_DOMAIN it says nothing. */
static void add_realms(struct batch *b, const struct disk *d,
		       const uint8_t *active)
{
	uint32_t nr = d->zones.geo.domains.nr_realms, end;

	for (uint32_t r = 0; r < nr; r = end) {
		for (end = r + 1; end < nr && active[end] == active[r];)
			end++;
		if (active[r] != ZONE_NO_DOMAIN)
			batch_add(b, JR_ACTIVATE, r,
				  journal_activate_value(end - r, UINT8_MAX,
							 active[r]));
	}
}

static void add_control(struct batch *b, const struct disk *d)
{
	if (!d->meta.realms.nr_domains)
		return;
	batch_add(b, JR_CONTROL, 1, journal_control_value(&d->control_saved));
	batch_add(b, JR_CONTROL, 0, journal_control_value(&d->control));
}

static void add_holder(void *batch, uint32_t where, uint64_t value)
{
	batch_add(batch, JR_HOLDER, where, value);
}

static uint64_t owed_value(const struct disk *d)
{
	return journal_owed_value(d->power_lost, d->grace_end_s);
}

/* All there is to say of an open disk, beginning with that it is open. */
static void add_all(struct batch *b, struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	if (d->journal.in_place)
		batch_add(b, JR_BASE, 0, 0); /* see replace_in_place() */
	batch_add(b, JR_OPEN, d->flight.number, journal_boot_hash());
	holder_each(&d->holder, add_holder, b);
	if (owed_value(d))
		batch_add(b, JR_OWED, 0, owed_value(d));
	add_counters(b, &d->stats);
	if (d->saved)
		batch_add(b, JR_SAVED, 0, d->saved);
	add_realms(b, d, d->active);
	add_control(b, d);
	add_slots(b, d);
	pthread_mutex_unlock(&d->lock);
}

static void set_compact_at(struct journal *j)
{
	j->compact_at = (uint32_t)min_u64(
		2 * (uint64_t)j->records + COMPACT_AFTER, MAX_RECORDS);
}

static int write_in_place(struct journal *j, uint64_t at, const struct batch *b,
			  bool sync)
{
	/* Stores read no more. */
	if (at + batch_bytes(b) > MAX_BYTES)
		return -EFBIG;
	return store_meta_write(j->disk->store, DISK_JOURNAL, at, b->data,
				batch_bytes(b), sync);
}

/*
 * Where a lost lock would not keep us from giving another file its name: before
 * what counts of it, or behind.  Until all of it is there what counted counts.
 */
static int replace_in_place(struct journal *j, const struct batch *b)
{
	uint64_t at = batch_bytes(b) <= j->base ? 0 : j->end;
	int ret;

	journal_encode(b->data, b->seq - b->records, JR_BASE, 0, b->records);
	ret = write_in_place(j, at, b, true);
	if (ret)
		return ret;
	j->base = at;
	j->end = at + batch_bytes(b);
	return 0;
}

static int write_anew(struct journal *j, const struct batch *b)
{
	if (b->failed)
		return -ENOMEM;
	if (j->in_place)
		return replace_in_place(j, b);
	return store_meta_replace(j->disk->store, DISK_JOURNAL, b->data,
				  batch_bytes(b));
}

/* Puts @b in the file's place. */
static int replace(struct journal *j, const struct batch *b)
{
	int ret = write_anew(j, b);

	/* A file that is in place although that is not durable has these
	 * numbers; or it is the old one still. */
	j->seq = ret ? max_u64(j->seq, b->seq) : b->seq;
	if (ret)
		return ret;
	j->records = (uint32_t)b->records;
	set_compact_at(j);
	j->error = 0;
	return 0;
}

static int write_end(struct journal *j, const struct batch *b, bool sync)
{
	struct store *st = j->disk->store;
	int ret;

	if (!j->in_place)
		return store_meta_append(st, DISK_JOURNAL, b->data,
					 batch_bytes(b), sync);
	ret = write_in_place(j, j->end, b, sync);
	if (!ret)
		j->end += batch_bytes(b);
	return ret;
}

static int append(struct journal *j, const struct batch *b, bool sync)
{
	int ret;

	if (batch_ran_out(b))
		return -ENOSPC;
	ret = b->failed ? -ENOMEM : write_end(j, b, sync);
	/* Whether or not they got out, their numbers are used up. */
	j->seq = b->seq;
	if (ret)
		j->error = ret;
	else
		j->records += (uint32_t)b->records;
	return ret;
}

/* All there is to say, @b behind it. */
static int rewrite(struct journal *j, const struct batch *more)
{
	struct batch b = { .seq = first_seq(j) };
	int ret;

	add_all(&b, j->disk);
	for (size_t i = 0; i < more->records; i++)
		batch_repeat(&b, more->data + i * JOURNAL_RECORD_BYTES);
	ret = more->failed ? -ENOMEM : replace(j, &b);
	free(b.data);
	return ret;
}

/* With new numbers: those that it had were used up. */
static int append_again(struct journal *j, const struct batch *b, bool sync)
{
	struct batch again = { .seq = j->seq, .failed = b->failed };
	int ret;

	for (size_t i = 0; i < b->records; i++)
		batch_repeat(&again, b->data + i * JOURNAL_RECORD_BYTES);
	ret = append(j, &again, sync);
	free(again.data);
	return ret;
}

/* Adds @b, or rewrites the file with it.  Under the lock. */
static int put(struct journal *j, const struct batch *b, bool sync)
{
	int ret = -ENOENT;

	if (j->ended)
		return -ESHUTDOWN;
	if (fence_is_lost(&j->disk->fence))
		return -STORE_FENCED;
	if (!j->error && j->records < j->compact_at && j->seq < MAX_SEQ)
		ret = append(j, b, sync);
	/* Or somebody has taken the file away. */
	if (ret != -ENOENT)
		return ret;
	ret = rewrite(j, b);
	/* No room for a new file is no reason not to add to the old one. */
	if (ret && !j->error && j->records < MAX_RECORDS) {
		set_compact_at(j);
		ret = append_again(j, b, sync);
	}
	return ret;
}

int journal_append(struct journal *j, enum journal_type type, uint32_t slot,
		   uint64_t value, bool sync)
{
	struct batch b = { .seq = 0 };
	int ret;

	pthread_mutex_lock(&j->lock);
	b.seq = j->seq;
	batch_add(&b, type, slot, value);
	ret = put(j, &b, sync);
	pthread_mutex_unlock(&j->lock);
	free(b.data);
	return ret;
}

int journal_owed(struct disk *d)
{
	uint64_t value;

	pthread_mutex_lock(&d->lock);
	value = owed_value(d);
	pthread_mutex_unlock(&d->lock);
	return journal_append(&d->journal, JR_OWED, 0, value, false);
}

int journal_bad(struct disk *d, uint32_t slot, bool less, bool sync)
{
	struct journal *j = &d->journal;
	struct batch b = { .seq = 0 };
	int ret;

	/* Whoever is the last to add has what is bad last. */
	pthread_mutex_lock(&j->lock);
	b.seq = j->seq;
	if (less)
		batch_add(&b, JR_BAD, slot, 0);
	pthread_mutex_lock(&d->lock);
	add_bad(&b, d, slot);
	pthread_mutex_unlock(&d->lock);
	if (less && !b.failed)
		batch_say_rest(&b, slot);
	ret = b.records ? put(j, &b, sync) : 0;
	pthread_mutex_unlock(&j->lock);
	free(b.data);
	return ret;
}

/* Whoever reads the journal cannot know which realms one that restores has
 * passed over. */
static void add_activation(struct batch *b, const struct disk *d,
			   const struct zone_activation *a, const uint8_t *to)
{
	if (a->restores)
		add_realms(b, d, to);
	else
		batch_add(b, JR_ACTIVATE, a->first,
			  journal_activate_value(a->end - a->first,
						 a->all ? UINT8_MAX : a->named,
						 a->domain));
}

static void activate(struct disk *d, const uint8_t *to)
{
	pthread_mutex_lock(&d->lock);
	zone_activation_apply(&d->zones, to);
	pthread_mutex_unlock(&d->lock);
}

/* The record may be in the file all the same: it is rewritten without, and as
 * long as that fails nothing counts as durable. */
static void take_back(struct journal *j)
{
	const struct batch nothing = { .seq = 0 };
	int ret = rewrite(j, &nothing);

	if (!ret)
		return;
	j->error = ret;
	pthread_mutex_lock(&j->disk->lock);
	j->told++;
	pthread_mutex_unlock(&j->disk->lock);
	zl_log(ZL_LOG_ERR,
	       "%s: " DISK_JOURNAL " cannot be written: whether an "
	       "activation of realms that has failed is in it will be "
	       "known at the next opening",
	       j->disk->name);
}

int journal_activate(struct disk *d, const struct zone_activation *a,
		     const uint8_t *to)
{
	struct journal *j = &d->journal;
	struct batch b = { .seq = 0 };
	int ret;

	pthread_mutex_lock(&j->lock);
	b.seq = j->seq;
	add_activation(&b, d, a, to);
	ret = put(j, &b, true);
	if (!ret)
		activate(d, to);
	else
		take_back(j);
	pthread_mutex_unlock(&j->lock);
	free(b.data);
	return ret;
}

static bool is_full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

static int append_open(struct journal *j)
{
	struct batch b = { .seq = j->seq };
	int ret;

	batch_add(&b, JR_OPEN, j->disk->flight.number, journal_boot_hash());
	ret = append(j, &b, true);
	free(b.data);
	return ret;
}

/* In the place of a record that is not needed, which has its block. */
static int write_over_end(struct journal *j, bool spare)
{
	if (!spare)
		return -ENOSPC;
	j->end -= JOURNAL_RECORD_BYTES;
	return append_open(j);
}

/*
 * Half of a clean stop, or of nothing behind a record that is needed: at an end
 * that cannot be read nobody knows how the last process ended, or in which
 * boot.  Neither needs room, since what is added has no block.
 */
static int spoil_end(struct journal *j, const struct journal_state *old)
{
	bool spare = old->last_type == JR_CLEAN || old->last_type == JR_COUNTER;
	uint64_t half = JOURNAL_RECORD_BYTES / 2;

	if (j->in_place)
		return write_over_end(j, spare);
	return store_meta_cut(j->disk->store, DISK_JOURNAL,
			      spare ? old->bytes - half : old->bytes + half);
}

/*
 * There is no room for a new file with @all.  The file's last block may have
 * some, for one record if not for all.
 */
static int mark_open(struct journal *j, const struct journal_state *old,
		     const struct batch *all)
{
	/* Or its numbers begin anew. */
	bool sound = !j->error && all->seq - all->records == old->next_seq;
	int ret = -ENOSPC;

	if (sound)
		ret = append(j, all, true);
	if (is_full(ret) && old->died)
		return 0; /* it says so already */
	if (is_full(ret) && sound)
		ret = append_open(j);
	if (is_full(ret)) {
		j->error = ret;
		ret = spoil_end(j, old);
	}
	return ret;
}

int journal_start(struct disk *d, const struct journal_state *old,
		  struct zl_err *err)
{
	struct journal *j = &d->journal;
	struct batch b = { 0 };
	int ret;

	pthread_mutex_lock(&j->lock);
	j->disk = d;
	j->seq = old->next_seq;
	j->in_place = d->store->fence == STORE_FENCE_LOCKED;
	b.seq = first_seq(j);
	j->records = old->records;
	j->base = old->base;
	j->end = old->end;
	set_compact_at(j);
	/* A torn end must not get something behind it. */
	j->error = old->bad_bytes ? -EIO : 0;
	add_all(&b, d);
	ret = replace(j, &b);
	if (is_full(ret)) {
		zl_log(ZL_LOG_WARN,
		       "%s: the file system is full: " DISK_JOURNAL
		       " cannot be rewritten",
		       d->name);
		ret = mark_open(j, old, &b);
	}
	pthread_mutex_unlock(&j->lock);
	free(b.data);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_JOURNAL " cannot be written: %s",
			       d->name, limit_strerror(-ret));
	return 0;
}

/* Where other machines have the directory, one of them may be about to go on
 * under the same hosts, whom write_through is to tell nothing of that. */
static bool hands_over(const struct disk *d)
{
	return d->write_through && d->store->fence != STORE_FENCE_NONE;
}

int journal_stop(struct disk *d)
{
	struct journal *j = &d->journal;
	struct batch b = { 0 };
	bool anew;
	int ret = 0;

	pthread_mutex_lock(&j->lock);
	anew = j->error || j->seq >= MAX_SEQ;
	b.seq = anew ? first_seq(j) : j->seq;
	if (anew)
		add_all(&b, d);
	else
		add_counters(&b, &d->stats);
	batch_add(&b, JR_CLEAN, 0, hands_over(d));
	ret = anew ? replace(j, &b) : append(j, &b, true);
	j->ended = !ret;
	pthread_mutex_unlock(&j->lock);
	free(b.data);
	return ret;
}
