// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* An I/O's requests of the store, and its completion. */
#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/recorder.h"
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

static void submit_request(struct disk *d, struct store_req *req)
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
		io->req.now_ns = 0;
		submit_request(io->disk, &io->req);
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
static void finish(struct io *io, enum disk_status status)
{
	struct disk *d = io->disk;
	enum disk_gate gate = io->gate;
	uint32_t slot = io->turn_slot, nr = io->nr_turns;
	struct flight_mark flight;
	bool held = io->held;

	/* Whatever came of it: nothing counts that is said from here on. */
	if (fence_is_lost(&d->fence))
		status = DISK_FENCED;
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

enum disk_status io_prove(struct io *io)
{
	struct disk *d = io->disk;
	int ret = fence_is_proven(&d->fence) ? 0 : fence_ask(d);

	return ret ? io_fail_status(io, ret, io->pub->lba) : DISK_OK;
}

static void prove_and_finish(struct io *io)
{
	finish(io, io_prove(io));
}

/* Whoever has to ask waits for the answer: not in this thread. */
void io_finish(struct io *io, enum disk_status status)
{
	if (status == DISK_OK && !fence_is_proven(&io->disk->fence)) {
		io->run = prove_and_finish;
		work_push(io->disk, io);
		return;
	}
	finish(io, status);
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
		       limit_strerror(-error));
}

enum disk_status io_fail_status(struct io *io, int error, uint64_t bad_lba)
{
	io->pub->bad_lba = bad_lba;
	if (fence_is_why(io->disk, error))
		return DISK_FENCED;
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
