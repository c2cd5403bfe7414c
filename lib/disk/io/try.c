// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Reads and writes that need not wait for anything: from and to the page cache,
 * in the caller's thread.  Or not for long.
 */
#include <errno.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/fua.h"
#include "disk/io/gate.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/recorder.h"
#include "disk/io/rw.h"
#include "disk/io/segment.h"
#include "disk/io/slot.h"
#include "disk/io/stats.h"
#include "disk/io/turn.h"
#include "disk/io/where.h"

static bool end(struct io *io, enum disk_status status,
		enum zone_verdict verdict)
{
	io->pub->status = status;
	io->pub->verdict = verdict;
	return true;
}

static bool refused(struct io *io, enum zone_verdict verdict)
{
	struct disk *d = io->disk;

	pthread_mutex_lock(&d->lock);
	stats_note_refused(d, io, verdict);
	pthread_mutex_unlock(&d->lock);
	return end(io, DISK_REFUSED, verdict);
}

static void nowait_done(struct store_req *req)
{
	(void)req; /* it completes before store_submit() returns */
}

/* Runs io->req, which covers all of the I/O; false: not all of it was done. */
static bool run_here(struct io *io, enum store_op op, unsigned flags)
{
	io->req.op = op;
	io->req.flags = flags;
	io->req.slot = io->slot;
	io->req.off = segment_offset(io);
	io->req.len = io->left_bytes;
	io->req.size = op == STORE_WRITE ? io->size : 0;
	io->req.now_ns = io->start_ns;
	io->req.iov = io->pub->iov;
	io->req.iov_cnt = io->pub->iov_cnt;
	io->req.done = nowait_done;
	store_submit(io->disk->store, &io->req);
	return io->req.res == (int64_t)io->req.len;
}

/* Some of it is not in the page cache, or the file system cannot tell. */
static bool has_missed(const struct io *io)
{
	return io->req.res == -EAGAIN || io->req.res == -EOPNOTSUPP ||
	       io->req.res >= 0;
}

static bool read_data(struct io *io)
{
	bool done;

	if (!miss_is_likely(io)) {
		if (run_here(io, STORE_READ, STORE_NOWAIT))
			return true;
		if (!has_missed(io) || !miss_comes_here(io))
			return false;
	}
	done = run_here(io, STORE_READ, STORE_NO_OPEN);
	if (done)
		miss_was_here(io, meter_end_ns(io));
	return done;
}

static bool read_here(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;
	bool has_data = false;
	uint64_t bytes = 0;

	pthread_mutex_lock(&d->lock);
	verdict = zone_read_check(&d->zones, io->pub->lba, io->pub->nr_blocks,
				  NULL);
	if (!verdict && io->left_bytes)
		bytes = read_look(io, &has_data);
	pthread_mutex_unlock(&d->lock);
	if (verdict)
		return refused(io, verdict);
	if (bytes < io->left_bytes)
		return false;
	/* A short read or an error is looked into by the full path. */
	if (has_data && (!read_data(io) || read_has_lost(io)))
		return false;
	if (!has_data)
		segment_zero(io, bytes);
	return end(io, DISK_OK, ZV_OK);
}

/* What must be synced first is for the full path; and what is not must not be
 * taken back meanwhile. */
static bool read_fua_here(struct io *io)
{
	struct disk *d = io->disk;
	bool done;

	if (!io->left_bytes)
		return false;
	pthread_mutex_lock(&d->lock);
	done = hold_try(d);
	pthread_mutex_unlock(&d->lock);
	if (!done)
		return false;
	done = read_here(io);
	segment_pass(io, io->left_bytes);
	pthread_mutex_lock(&d->lock);
	if (done && io->pub->status == DISK_OK)
		done = !fua_is_unsynced(io);
	pthread_mutex_unlock(&d->lock);
	if (done && recorder_is_on(d))
		recorder_end(io);
	hold_leave(d);
	return done;
}

static bool try_read(struct io *io)
{
	return io->pub->fua ? read_fua_here(io) : read_here(io);
}

/* The journal must be told, and must be waited for.  Under the lock. */
static bool is_news(const struct io *io)
{
	const struct disk *d = io->disk;
	uint64_t wp =
		blocks_to_bytes(d, zone_slot_wp_blocks(&d->zones, io->slot));

	if (!zone_slot_traits(&d->zones, io->slot)->tells_non_seq ||
	    d->slots.at[io->slot].journal_non_seq)
		return false;
	/* Or a write before this one could not tell it. */
	return segment_offset(io) != wp ||
	       d->zones.slots[io->slot].attrs & ZA_NON_SEQ;
}

/* The write's one slot is free for us and needs nothing first.  Under the
 * lock. */
static bool can_try_write(struct io *io)
{
	struct disk *d = io->disk;
	struct disk_slot *s;
	uint64_t end_off;

	if (io->pub->lba >= d->zones.geo.capacity_blocks)
		return false;
	io->slot = zone_slot_of(&d->zones, io->pub->lba);
	s = &d->slots.at[io->slot];
	end_off = segment_offset(io) + io->left_bytes;
	return !s->grace && !is_news(io) &&
	       !(s->flags & (SLOT_BUSY | SLOT_CUT | SLOT_BAD)) &&
	       end_off <= blocks_to_bytes(
				  d, zone_slot_blocks(&d->zones, io->slot));
}

/* What a write must hold and pass before it has a turn; nothing of it if it
 * would have to wait.  Under the lock. */
static bool pass(struct io *io)
{
	struct disk *d = io->disk;

	io->gate = GATE_NONE;
	if (!hold_try(d))
		return false;
	if (zone_slot_has_wp(&d->zones, io->slot))
		return true;
	if (gate_try(d)) {
		io->gate = GATE_SHARED;
		return true;
	}
	hold_leave_locked(d);
	return false;
}

static void leave_gate(struct io *io)
{
	if (io->gate)
		gate_leave(io->disk, io->gate);
}

static void leave(struct io *io)
{
	leave_gate(io);
	hold_leave(io->disk);
}

/* Begins the write and takes the slot's turn; *verdict if it is refused;
 * *syncing: a sync is under way. */
static bool begin_write(struct io *io, enum zone_verdict *verdict,
			bool *syncing)
{
	struct disk *d = io->disk;
	bool ok;

	*verdict = ZV_OK;
	pthread_mutex_lock(&d->lock);
	*syncing = d->sync.running;
	ok = can_try_write(io) && pass(io);
	if (ok) {
		*verdict = write_begin(io);
		if (!*verdict) {
			turn_take(d, io->slot, &io->turn);
			io->size = blocks_to_bytes(
				d, slot_file_blocks(d, io->slot));
		}
	}
	pthread_mutex_unlock(&d->lock);
	if (*verdict)
		leave(io);
	return ok;
}

/* Behind the write pointer, of a write that was not carried out. */
static bool has_left_something(const struct io *io)
{
	int64_t res = io->req.res;

	return res != -EAGAIN && res != -EOPNOTSUPP && res != -ENODATA &&
	       res != -ESTALE && zone_slot_has_wp(&io->disk->zones, io->slot);
}

/* False: it was not carried out, or a sync failed beside it, and it is written
 * once more.  Takes the lock. */
static bool note_written(struct io *io, bool written)
{
	struct disk *d = io->disk;
	uint32_t lo = (uint32_t)(segment_offset(io) >> d->block_shift);

	pthread_mutex_lock(&d->lock);
	/* Something was lost before it, which its beginning has found. */
	if (d->slots.at[io->slot].flags & SLOT_BAD)
		written = false;
	if (written && write_end(io, lo, lo + io->pub->nr_blocks, false))
		written = false;
	/* Part of it is there; the next write cuts it off. */
	if (!written && has_left_something(io))
		d->slots.at[io->slot].flags |= SLOT_CUT;
	flight_tried(io, written);
	return written;
}

/* Returns whether it is written; then that is recorded as long as the slot is
 * ours. */
static bool end_write(struct io *io, bool written)
{
	struct disk *d = io->disk;
	struct slot_turn *next;

	written = note_written(io, written);
	if (written && recorder_is_on(d)) {
		pthread_mutex_unlock(&d->lock);
		io->pub->status = DISK_OK;
		recorder_end(io);
		pthread_mutex_lock(&d->lock);
	}
	next = turn_pass_on(d, io->slot);
	hold_leave_locked(d);
	pthread_mutex_unlock(&d->lock);
	if (next)
		next->granted(next);
	leave_gate(io);
	return written;
}

static bool try_write(struct io *io)
{
	enum zone_verdict verdict;
	bool written, syncing;
	unsigned flags;

	if (io->disk->look_only || io->pub->fua || !io->left_bytes)
		return false;
	if (!begin_write(io, &verdict, &syncing))
		return false;
	if (verdict)
		return refused(io, verdict);
	flags = where_write_flags(io, syncing);
	written = run_here(io, STORE_WRITE, flags);
	if (!(flags & STORE_NOWAIT))
		where_waited(&io->disk->where, io->start_ns, meter_end_ns(io));
	written = end_write(io, written);
	return written && end(io, DISK_OK, ZV_OK);
}

static bool try_rw(struct disk *d, struct io *io)
{
	if (io->pub->op != DISK_READ && io->pub->op != DISK_WRITE)
		return false;
	io->disk = d;
	io->there_blocks = 0;
	io->there_again = false;
	if (!fence_is_proven(&d->fence) || recorder_must_wait(io) ||
	    !where_here(io))
		return false;
	miss_count(&d->where.misses);
	recorder_begin(d, io);
	io->pub->bad_lba = 0;
	io->flight = (struct flight_mark){ 0 };
	if (segment_start(io) != io->left_bytes)
		return false;
	return io->pub->op == DISK_READ ? try_read(io) : try_write(io);
}

/* Looks at the clock twice: where that is not the processor's counter, it costs
 * as much as all the rest. */
bool disk_try(struct disk *d, struct disk_io *pub)
{
	struct io *io = io_of(pub);
	bool done;

	io->pub = pub;
	meter_begin(io);
	done = try_rw(d, io);
	/* It has waited for the file system after all. */
	if (done && pub->status == DISK_OK && !fence_is_still_proven(&d->fence))
		pub->status = io_prove(io);
	if (done)
		meter_end(d, io);
	return done;
}
