// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* SYNCHRONIZE CACHE: syncs the files that are dirty, not the world. */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "disk/internal.h"

/*
 * What could not be synced may or may not be on the medium, and the next sync
 * of the same file would succeed without it: so it is bad from now on, but for
 * a sync that tried nothing (sync_not_tried()).  What was written while the
 * sync ran shares its fate.
 */
static void sync_failed(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi,
			int error)
{
	uint32_t lo2 = lo, hi2 = lo;

	pthread_mutex_lock(&d->lock);
	slot_take_dirty(d, slot, &lo2, &hi2);
	slot_sync_failed(d, slot, lo, hi, error);
	if (lo2 < hi2)
		slot_sync_failed(d, slot, lo2, hi2, error);
	pthread_mutex_unlock(&d->lock);
	if (sync_not_tried(error))
		return;
	zl_log_limited(
		&d->error_limit, ZL_LOG_ERR,
		"%s: zone %u: blocks %u to %u could not be synced (errno %d); "
		"they are unreadable until rewritten or reset",
		d->name, slot, lo, hi, -error);
}

/* Another sync may have failed beside this one, and have had the error. */
static bool has_failed_since(struct disk *d, uint32_t slot, uint8_t sync_fails)
{
	bool has;

	pthread_mutex_lock(&d->lock);
	has = d->slots[slot].sync_fails != sync_fails;
	pthread_mutex_unlock(&d->lock);
	return has;
}

int sync_slot(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi,
	      uint8_t sync_fails)
{
	struct store_req req = { .op = STORE_SYNC, .slot = slot };
	int64_t res = disk_request_run(d, &req);

	if (!res && has_failed_since(d, slot, sync_fails))
		res = -EIO;
	if (res < 0)
		sync_failed(d, slot, lo, hi, (int)res);
	return res < 0 ? (int)res : 0;
}

/* Lets the dirty files be written back side by side; each is waited for
 * afterwards. */
static void start_syncs(struct disk *d)
{
	uint32_t slot = 0;

	for (;; slot++) {
		pthread_mutex_lock(&d->lock);
		slot = slot_next_dirty(d, slot);
		pthread_mutex_unlock(&d->lock);
		if (slot == UINT32_MAX)
			return;
		store_start_sync(d->store, slot);
	}
}

int sync_round(struct disk *d)
{
	uint32_t slot, lo = 0, hi = 0;
	uint8_t fails = 0;
	int ret, first = 0;
	bool found;

	start_syncs(d);
	for (slot = 0;; slot++) {
		pthread_mutex_lock(&d->lock);
		slot = slot_next_dirty(d, slot);
		found = slot != UINT32_MAX &&
			slot_take_dirty(d, slot, &lo, &hi);
		if (found)
			fails = d->slots[slot].sync_fails;
		pthread_mutex_unlock(&d->lock);
		if (!found)
			break;
		ret = sync_slot(d, slot, lo, hi, fails);
		if (!first)
			first = ret;
	}
	ret = zoneop_journal_sync(d);
	if (!first)
		first = ret;
	pthread_mutex_lock(&d->lock);
	if (!first && d->bad)
		first = -EIO;
	pthread_mutex_unlock(&d->lock);
	return first;
}

static void finish_all(struct disk_io *batch, int error)
{
	struct disk_io *io, *next;

	for (io = batch; io; io = next) {
		next = io->next;
		io_finish(io, error ? io_fail_status(io, error, 0) : DISK_OK);
	}
}

/* Takes whoever waits; NULL ends the rounds.  Under the lock. */
static struct disk_io *take_batch(struct disk *d)
{
	struct disk_io *batch = d->syncs;

	/* It leaves them to sync_resume(). */
	if (d->sync_stops) {
		d->syncing = false;
		return NULL;
	}
	d->syncs = NULL;
	d->syncs_tail = &d->syncs;
	d->syncing = batch;
	return batch;
}

void sync_stop(struct disk *d)
{
	const struct timespec wait = { .tv_nsec = 1000000 };

	pthread_mutex_lock(&d->lock);
	/* From now on no round begins, however many want one. */
	d->sync_stops++;
	while (d->syncing) {
		pthread_mutex_unlock(&d->lock);
		nanosleep(&wait, NULL);
		pthread_mutex_lock(&d->lock);
	}
	d->sync_stops--;
	d->syncing = true;
	pthread_mutex_unlock(&d->lock);
}

void sync_resume(struct disk *d)
{
	struct disk_io *batch;

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
void sync_run(struct disk_io *io)
{
	struct disk *d = io->disk;
	struct disk_io *batch;
	bool running;
	int ret;

	if (io->lba > d->zones.geo.capacity_blocks ||
	    io->nr_blocks > d->zones.geo.capacity_blocks - io->lba) {
		io_refuse(io, ZV_LBA_RANGE);
		return;
	}
	io->next = NULL;
	pthread_mutex_lock(&d->lock);
	*d->syncs_tail = io;
	d->syncs_tail = &io->next;
	running = d->syncing || d->sync_stops;
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
