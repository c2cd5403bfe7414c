// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* SYNCHRONIZE CACHE: syncs the files that are dirty, not the world. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/where.h"
#include "disk/io/zone_journal.h"

unsigned sync_oldest(const struct disk *d, uint32_t slot, unsigned losses)
{
	for (const struct sync_part *p = d->sync.parts; p; p = p->next)
		if (p->slot == slot)
			losses = older_losses(losses, p->losses);
	return losses;
}

void sync_begin(struct disk *d, uint32_t slot, unsigned losses,
		struct sync_part *part)
{
	struct disk_slot *s = &d->slots.at[slot];

	*part = (struct sync_part){
		.slot = slot,
		.losses = losses,
		.gen = s->gen,
		.blocks = slot_file_blocks(d, slot),
	};
	/* What is dirty may have begun before the caller's write. */
	if (s->flags & SLOT_DIRTY)
		part->losses = older_losses(s->dirty_losses, losses);
	/* It stays to be synced until this is over: a SYNCHRONIZE CACHE that
	 * comes meanwhile has to wait for it as well. */
	s->syncs++;
	part->beside = sync_oldest(d, slot, part->losses);
	part->next = d->sync.parts;
	d->sync.parts = part;
	slot_take_dirty(d, slot, &part->lo, &part->hi);
}

void sync_request(const struct disk *d, const struct sync_part *part,
		  struct store_req *req)
{
	*req = (struct store_req){
		.op = STORE_SYNC,
		.slot = part->slot,
		.size = part->gen % 2 ? 0 : blocks_to_bytes(d, part->blocks),
	};
}

static void log_lost(struct disk *d, const struct sync_part *part, int res)
{
	zl_log_limited(
		&d->error_limit, ZL_LOG_ERR,
		"%s: zone %u: blocks %u to %u could not be synced (%s); they "
		"are unreadable until rewritten or reset",
		d->name, part->slot, part->lo, part->hi,
		res < 0 ? limit_strerror(-res)
			: "as a sync beside this one said");
}

/* Under the lock. */
static void unlink_part(struct disk *d, struct sync_part *part)
{
	struct sync_part **link = &d->sync.parts;

	while (*link != part)
		link = &(*link)->next;
	*link = part->next;
	d->slots.at[part->slot].syncs--;
	slot_note_clean(d, part->slot);
}

/*
 * A sync that was tried and failed has lost what it was for, whatever its
 * errno: the next one would succeed without it.  What was written while it ran
 * shares its fate.  One that failed with no loss counted tried nothing.  One
 * that succeeded may have come after another, not over yet, that has lost what
 * it took along: then not all of the slot is durable.
 */
int sync_end(struct disk *d, struct sync_part *part, int res)
{
	unsigned losses;
	bool lost;

	pthread_mutex_lock(&d->lock);
	losses = slot_losses(d, part->slot);
	lost = losses != part->losses;
	/* This part among others, and before it is unlinked: who dies here has
	 * noted what is lost before it is no longer noted as unsynced. */
	if (lost)
		slot_settle(d, part->slot);
	else if (res < 0)
		slot_mark_dirty(d, part->slot, part->lo, part->hi,
				part->losses);
	unlink_part(d, part);
	pthread_mutex_unlock(&d->lock);
	if (!lost)
		return !res && losses != part->beside ? -EIO : res;
	/* Else what was lost is another's to tell. */
	if (part->lo < part->hi)
		log_lost(d, part, res);
	/* Where it cannot be told, the next sync tells it, and fails. */
	slot_tell_bad(d, part->slot, true);
	return -EIO;
}

void sync_settle(struct disk *d, uint32_t slot)
{
	bool tell;

	pthread_mutex_lock(&d->lock);
	slot_settle(d, slot);
	/* Or a change has settled it, and come to nothing. */
	tell = d->slots.at[slot].flags & SLOT_BAD_NEWS;
	pthread_mutex_unlock(&d->lock);
	if (tell)
		slot_tell_bad(d, slot, true);
}

void sync_lost_unasked(void *disk, uint32_t slot)
{
	sync_settle(disk, slot);
}

/* Somebody has cut the file, or it was reset meanwhile: what is there is synced
 * all the same. */
static int sync_what_is_there(struct disk *d, const struct sync_part *part,
			      struct store_req *req)
{
	int ret = sync_file_was_cut(d, part->slot, part->gen, part->blocks,
				    false);

	if (ret)
		return ret;
	req->size = 0;
	return (int)disk_request_run(d, req);
}

int sync_slot(struct disk *d, uint32_t slot, unsigned losses)
{
	struct sync_part part;
	struct store_req req;
	int res;

	pthread_mutex_lock(&d->lock);
	if (!slot_has_file(d, slot)) {
		pthread_mutex_unlock(&d->lock);
		return 0;
	}
	sync_begin(d, slot, losses, &part);
	pthread_mutex_unlock(&d->lock);
	sync_request(d, &part, &req);
	res = (int)disk_request_run(d, &req);
	if (res == -ENODATA)
		res = sync_what_is_there(d, &part, &req);
	return sync_end(d, &part, res);
}

/* What is written from here on is not gone, however short the file was before
 * that. */
static int begin_look(struct disk *d, struct cut_look *look, uint32_t slot,
		      uint32_t blocks)
{
	int ret = bad_add(&look->gone, slot, 0, blocks);

	pthread_mutex_lock(&d->lock);
	look->next = d->sync.looks;
	d->sync.looks = look;
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static void end_look(struct disk *d, struct cut_look *look)
{
	struct cut_look **link = &d->sync.looks;

	pthread_mutex_lock(&d->lock);
	while (*link != look)
		link = &(*link)->next;
	*link = look->next;
	pthread_mutex_unlock(&d->lock);
	bad_free(&look->gone);
}

/* What is gone of a zone that was not reset since then, from @left on.  False:
 * it was. */
static bool add_gone(struct disk *d, uint32_t slot, uint8_t gen, uint32_t left,
		     struct cut_look *look)
{
	bool same;

	pthread_mutex_lock(&d->lock);
	same = gen == d->slots.at[slot].gen && gen % 2 == 0;
	bad_clear(&look->gone, slot, 0, left);
	for (struct bad_range *b = look->gone.first; same && b; b = b->next)
		slot_add_bad(d, slot, b->lo, b->hi);
	pthread_mutex_unlock(&d->lock);
	return same;
}

/* Adds what is gone.  1: something is; 0: nothing, or nobody minds. */
static int look_what_is_gone(struct disk *d, uint32_t slot, uint8_t gen,
			     uint32_t blocks, struct cut_look *look)
{
	struct store_stat stat = { 0 };
	uint32_t left;
	int ret = store_stat(d->store, slot, &stat);

	if (ret)
		return ret;
	left = (uint32_t)(stat.size_bytes >> d->block_shift);
	if (left >= blocks || !add_gone(d, slot, gen, left, look))
		return 0;
	zl_log_limited(&d->error_limit, ZL_LOG_ERR,
		       "%s: zone %u: its file was cut by somebody: blocks %u "
		       "to %u are gone",
		       d->name, slot, left, blocks);
	return 1;
}

int sync_file_was_cut(struct disk *d, uint32_t slot, uint8_t gen,
		      uint32_t blocks, bool grow)
{
	struct cut_look look = { 0 };
	int ret = begin_look(d, &look, slot, blocks);

	if (!ret)
		ret = look_what_is_gone(d, slot, gen, blocks, &look);
	end_look(d, &look);
	if (ret <= 0)
		return ret;
	/* Before the file has its size again, which would hide it. */
	ret = slot_tell_bad(d, slot, true);
	if (!ret && grow)
		ret = store_resize(d->store, slot, blocks_to_bytes(d, blocks));
	return ret;
}

/* Lets the dirty files be written back side by side; each is waited for
 * afterwards. */
static void start_syncs(struct disk *d)
{
	uint32_t slot = 0;

	for (;; slot++) {
		pthread_mutex_lock(&d->lock);
		slot = slot_next_unsynced(d, slot);
		pthread_mutex_unlock(&d->lock);
		if (slot == UINT32_MAX)
			return;
		store_start_sync(d->store, slot);
	}
}

int sync_round(struct disk *d)
{
	uint32_t slot;
	int ret, first = 0;

	start_syncs(d);
	for (slot = 0;; slot++) {
		pthread_mutex_lock(&d->lock);
		slot = slot_next_unsynced(d, slot);
		pthread_mutex_unlock(&d->lock);
		if (slot == UINT32_MAX)
			break;
		ret = sync_slot(d, slot, slot_losses(d, slot));
		if (!first)
			first = ret;
	}
	ret = slot_tell_all_bad(d);
	if (!first)
		first = ret;
	ret = zone_journal_sync(d);
	if (!first)
		first = ret;
	/* Nothing may have been left to write. */
	if (!first)
		first = fence_ask(d);
	pthread_mutex_lock(&d->lock);
	if (!first && (d->slots.bad.first || d->slots.bad.nr_all))
		first = -EIO;
	pthread_mutex_unlock(&d->lock);
	return first;
}

bool sync_is_done(struct disk *d)
{
	bool done;

	pthread_mutex_lock(&d->lock);
	done = slot_next_unsynced(d, 0) == UINT32_MAX &&
	       d->journal.safe == d->journal.told;
	pthread_mutex_unlock(&d->lock);
	return done;
}

static void finish_all(struct io *batch, int error)
{
	struct io *io, *next;

	for (io = batch; io; io = next) {
		next = io->next;
		io_finish(io, error ? io_fail_status(io, error, 0) : DISK_OK);
	}
}

/* Takes whoever waits; NULL ends the rounds.  Under the lock. */
static struct io *take_batch(struct disk *d)
{
	struct io *batch = d->sync.waiting;

	/* It leaves them to sync_resume(). */
	if (d->sync.stops) {
		d->sync.running = false;
		return NULL;
	}
	d->sync.waiting = NULL;
	d->sync.tail = &d->sync.waiting;
	d->sync.running = batch;
	return batch;
}

bool sync_stop(struct disk *d, uint64_t end_ms)
{
	const struct timespec wait = { .tv_nsec = 1000000 };
	bool stopped;

	pthread_mutex_lock(&d->lock);
	/* From now on no round begins, however many want one. */
	d->sync.stops++;
	while (d->sync.running && clock_ms() < end_ms) {
		pthread_mutex_unlock(&d->lock);
		nanosleep(&wait, NULL);
		pthread_mutex_lock(&d->lock);
	}
	d->sync.stops--;
	stopped = !d->sync.running;
	if (stopped)
		d->sync.running = true;
	pthread_mutex_unlock(&d->lock);
	return stopped;
}

void sync_go_on(struct disk *d)
{
	struct io *io, *next;

	pthread_mutex_lock(&d->lock);
	io = d->sync.waiting;
	d->sync.waiting = NULL;
	d->sync.tail = &d->sync.waiting;
	d->sync.running = false;
	pthread_mutex_unlock(&d->lock);
	for (; io; io = next) {
		next = io->next;
		where_go(io);
	}
}

void sync_resume(struct disk *d)
{
	struct io *batch;

	do {
		pthread_mutex_lock(&d->lock);
		batch = take_batch(d);
		pthread_mutex_unlock(&d->lock);
		finish_all(batch, -ENOMEM);
	} while (batch);
}

/*
 * One round at a time, for all that wait: who comes while a round is under way
 * needs a new one, since its own writes may be newer.
 */
void sync_run(struct io *io)
{
	struct disk *d = io->disk;
	struct io *batch;
	bool running;
	int ret;

	if (io->pub->lba > d->zones.geo.capacity_blocks ||
	    io->pub->nr_blocks > d->zones.geo.capacity_blocks - io->pub->lba) {
		io_refuse(io, ZV_LBA_RANGE);
		return;
	}
	io->next = NULL;
	pthread_mutex_lock(&d->lock);
	*d->sync.tail = io;
	d->sync.tail = &io->next;
	running = d->sync.running || d->sync.stops;
	batch = running ? NULL : take_batch(d);
	pthread_mutex_unlock(&d->lock);
	while (batch) {
		ret = sync_round(d);
		finish_all(batch, ret);
		pthread_mutex_lock(&d->lock);
		batch = take_batch(d);
		pthread_mutex_unlock(&d->lock);
	}
}
