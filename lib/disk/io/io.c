// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* An I/O's way from submission to completion. */
#include <assert.h>
#include <errno.h>
#include <semaphore.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/fua.h"
#include "disk/io/gate.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/recorder.h"
#include "disk/io/slot.h"
#include "disk/io/stats.h"
#include "disk/io/turn.h"
#include "disk/io/where.h"
#include "disk/io/work.h"

/* What became of the request that io_drive() submitted. */
enum phase {
	PHASE_SUBMITTED, /* the submitter is still there, it is not complete */
	PHASE_COMPLETE,	 /* complete; the submitter goes on */
	PHASE_LEFT,	 /* the submitter left; whoever completes it goes on */
};

static void req_done(struct store_req *req)
{
	struct io *io = req->user;

	if (atomic_exchange(&io->phase, PHASE_COMPLETE) == PHASE_LEFT)
		io_drive(io);
}

/* An injected error of the store, or 0. */
static int injected(struct disk *d, const struct store_req *req)
{
	int error = 0;

	if (disk_has_faults(d))
		error = d->faults.hooks->store_error(d, req);
	if (error)
		store_made_to_fail(d->store, req, error);
	return error;
}

void disk_request(struct disk *d, struct store_req *req)
{
	int error = injected(d, req);

	if (!error) {
		store_submit(d->store, req);
		return;
	}
	req->res = error;
	req->done(req);
}

int64_t disk_request_run(struct disk *d, struct store_req *req)
{
	int error = injected(d, req);

	return error ? error : store_run(d->store, req);
}

void io_drive(struct io *io)
{
	while (io->step(io)) {
		atomic_store(&io->phase, PHASE_SUBMITTED);
		io->req.done = req_done;
		io->req.user = io;
		disk_request(io->disk, &io->req);
		if (atomic_exchange(&io->phase, PHASE_LEFT) == PHASE_SUBMITTED)
			return;
	}
}

/*
 * The order matters: the completion is posted first, then the next one in the
 * slot's queue starts.  An initiator that sends the next write only after this
 * one's completion must never find it refused, even if the process dies in
 * between.
 */
void io_finish(struct io *io, enum disk_status status)
{
	struct disk *d = io->disk;
	enum disk_gate gate = io->gate;
	uint32_t slot = io->turn_slot, nr = io->nr_turns;
	struct flight_mark flight;
	bool held = io->held;

	io->pub->status = status;
	if (recorder_is_on(d))
		recorder_end(io);
	meter_finish(d, io);
	where_done(io);
	flight = flight_answer(io);
	io->pub->done(io->pub); /* the caller's again from here on */
	flight_end(d, &flight);
	turn_leave_all(d, slot, nr);
	if (gate == GATE_SHARED || gate == GATE_ALONE)
		gate_leave(d, gate);
	if (held)
		hold_leave(d);
}

void io_refuse(struct io *io, enum zone_verdict verdict)
{
	struct disk *d = io->disk;

	pthread_mutex_lock(&d->lock);
	stats_note_refused(d, io, verdict);
	pthread_mutex_unlock(&d->lock);
	io->pub->verdict = verdict;
	io_finish(io, DISK_REFUSED);
}

/* However often an initiator makes it happen. */
static void log_failure(const struct io *io, int error, uint64_t bad_lba)
{
	static const char *const names[] = {
		[DISK_READ] = "reading",
		[DISK_WRITE] = "writing",
		[DISK_SYNC] = "syncing",
		[DISK_ZONE] = "changing a zone",
		[DISK_COMPARE] = "comparing",
		[DISK_COMPARE_WRITE] = "comparing and writing",
		[DISK_UNMAP] = "unmapping",
		[DISK_REFILL] = "overwriting a zone",
		[DISK_SAVE] = "keeping parameters",
		[DISK_ACTIVATE] = "activating realms",
		[DISK_CONTROL] = "keeping a mode page",
	};
	struct disk *d = io->disk;

	zl_log_limited(&d->error_limit, ZL_LOG_ERR,
		       "%s: %s failed at LBA %llu: %s", d->name,
		       names[io->pub->op], (unsigned long long)bad_lba,
		       strerror(-error));
}

enum disk_status io_fail_status(struct io *io, int error, uint64_t bad_lba)
{
	io->pub->bad_lba = bad_lba;
	log_failure(io, error, bad_lba);
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return DISK_NO_SPACE;
	case -EROFS:
		return DISK_WRITE_PROTECT;
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
		return DISK_INTERNAL;
	default:
		return io->pub->op == DISK_READ || io->pub->op == DISK_COMPARE
			       ? DISK_READ_ERROR
			       : DISK_WRITE_ERROR;
	}
}

static void turn_granted(struct slot_turn *turn)
{
	struct io *io = (struct io *)((char *)turn - offsetof(struct io, turn));

	where_go(io);
}

static bool may_write(const struct io *io)
{
	return io->pub->op == DISK_WRITE || io->pub->op == DISK_COMPARE_WRITE ||
	       io->pub->op == DISK_UNMAP;
}

/*
 * The slot with a write pointer that an I/O will change first, or UINT32_MAX.
 * It queues there at once, so that I/Os of one zone run in the order in which
 * they came.
 */
static uint32_t slot_to_queue_at(const struct disk *d, const struct io *io)
{
	const struct zone_set *z = &d->zones;
	uint32_t slot;

	if (io->pub->lba >= z->geo.capacity_blocks)
		return UINT32_MAX;
	if (io->pub->op == DISK_ZONE &&
	    (io->pub->zone_all || io->pub->zone_count > 1 ||
	     io->pub->zone_op == ZO_OPEN || io->pub->zone_op == ZO_CLOSE))
		return UINT32_MAX;
	slot = zone_slot_of(z, io->pub->lba);
	/* The gate comes before all turns. */
	if (!zone_slot_has_wp(z, slot) || (may_write(io) && gate_needed(io)))
		return UINT32_MAX;
	return slot;
}

void (*const io_run_table[])(struct io *io) = {
	[DISK_READ] = read_run,	      [DISK_WRITE] = write_run,
	[DISK_SYNC] = sync_run,	      [DISK_ZONE] = zoneop_run,
	[DISK_COMPARE] = compare_run, [DISK_COMPARE_WRITE] = compare_write_run,
	[DISK_UNMAP] = unmap_run,     [DISK_REFILL] = refill_run,
	[DISK_SAVE] = save_run,	      [DISK_ACTIVATE] = activate_run,
	[DISK_CONTROL] = control_run,
};

/* Whether it changes anything on the medium. */
static bool changes(const struct io *io)
{
	return io->pub->op != DISK_READ && io->pub->op != DISK_SYNC &&
	       io->pub->op != DISK_COMPARE;
}

/* It is about no block of the disk. */
static bool is_beside_zones(const struct io *io)
{
	return io->pub->op == DISK_SAVE || io->pub->op == DISK_ACTIVATE ||
	       io->pub->op == DISK_CONTROL;
}

bool io_enter(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t slot = UINT32_MAX;

	if (changes(io) && !is_beside_zones(io))
		slot = slot_to_queue_at(d, io);
	if (slot == UINT32_MAX)
		return true;
	io->slot = io->turn_slot = slot;
	io->nr_turns = 1;
	return turn_take(d, slot, &io->turn);
}

static void init(struct disk *d, struct io *io, struct disk_io *pub)
{
	io->pub = pub;
	io->disk = d;
	io->run = io_run_table[io->pub->op];
	io->pub->verdict = ZV_OK;
	io->pub->bad_lba = 0;
	io->nr_turns = 0;
	io->gate = GATE_NONE;
	io->held = false;
	io->state = 0;
	io->error = 0;
	if (!io->pub->undivided)
		io->flight = (struct flight_mark){ 0 };
	io->turn.granted = turn_granted;
}

void disk_io_new(struct disk_io *pub)
{
	struct io *io = io_of(pub);

	io->start_ns = 0;
	io->flight = (struct flight_mark){ 0 };
}

void disk_submit(struct disk *d, struct disk_io *pub)
{
	struct io *io = io_of(pub);
	bool ready = true;

	assert(pub->op < ZL_ARRAY_SIZE(io_run_table));
	init(d, io, pub);
	meter_submit(d, io);
	recorder_begin(d, io);
	if (disk_has_faults(d) && !is_beside_zones(io))
		io->run = d->faults.hooks->run;
	where_choose(io);
	if (changes(io) && d->look_only) {
		io_finish(io, DISK_WRITE_PROTECT);
		return;
	}
	if (changes(io) || io->pub->undivided || fua_reads(io)) {
		pthread_mutex_lock(&d->lock);
		ready = hold_take(io) && io_enter(io);
		pthread_mutex_unlock(&d->lock);
	}
	/* Its turn may have come meanwhile, and its end: no longer ours. */
	if (ready)
		where_go(io);
}

static void run_done(struct disk_io *io)
{
	sem_post(io->user);
}

enum disk_status disk_run(struct disk *d, struct disk_io *io)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	io->done = run_done;
	io->user = &sem;
	disk_submit(d, io);
	while (sem_wait(&sem))
		;
	sem_destroy(&sem);
	return io->status;
}
