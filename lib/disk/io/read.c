// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* READ: data below the write pointer, zeros behind it. */
#include <errno.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/fua.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/rw.h"
#include "disk/io/segment.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/where.h"

enum read_state {
	READ_NEXT,
	READ_DATA
};

/* Bytes from the segment's start to the first bad block.  Under the lock. */
static uint64_t good_bytes(const struct io *io, uint64_t bytes)
{
	const struct disk *d = io->disk;
	uint64_t off = segment_offset(io);
	uint32_t bad;

	bad = slot_first_bad(d, io->slot, (uint32_t)(off >> d->block_shift),
			     (uint32_t)((off + bytes - 1) >> d->block_shift) +
				     1);
	if (bad == UINT32_MAX)
		return bytes;
	return blocks_to_bytes(d, bad) > off ? blocks_to_bytes(d, bad) - off
					     : 0;
}

uint64_t read_look(struct io *io, bool *has_data)
{
	struct disk *d = io->disk;
	uint64_t off, written, end;

	io->slot = zone_slot_of(&d->zones, io->at_bytes >> d->block_shift);
	io->gen = d->slots.at[io->slot].gen;
	off = segment_offset(io);
	if (!io->pub->fua)
		io->losses = slot_losses(d, io->slot);
	else if (segment_begins_slot(io))
		fua_begin(io);
	written = blocks_to_bytes(d, slot_file_blocks(d, io->slot));
	*has_data = off < written;
	end = *has_data ? written
			: blocks_to_bytes(
				  d, zone_slot_blocks(&d->zones, io->slot));
	return good_bytes(io, min_u64(end - off, io->left_bytes));
}

bool read_has_lost(const struct io *io)
{
	return !io->pub->fua && slot_losses(io->disk, io->slot) != io->losses;
}

/* So much of a slot has been read; false: finished. */
static bool go_on(struct io *io)
{
	enum disk_status status;
	int ret;

	if (!io->pub->fua || !segment_ends_slot(io))
		return true;
	ret = fua_end(io);
	if (!ret)
		return true;
	status = io_fail_status(io, ret, io->pub->lba);
	/* It is a write that has failed. */
	io_finish(io, status == DISK_READ_ERROR ? DISK_WRITE_ERROR : status);
	return false;
}

/* The first block is bad, and perhaps nobody has been told yet: not in the
 * caller's thread. */
static bool is_bad(struct io *io)
{
	if (io->async) {
		where_move(io);
		return false;
	}
	sync_settle(io->disk, io->slot);
	io_finish(io, io_fail_status(io, -EIO, segment_lba(io)));
	return false;
}

/* Finds the next data to read; false: finished. */
static bool read_next(struct io *io)
{
	bool has_data;
	uint64_t bytes;

	while (io->left_bytes) {
		pthread_mutex_lock(&io->disk->lock);
		bytes = read_look(io, &has_data);
		pthread_mutex_unlock(&io->disk->lock);
		if (!bytes)
			return is_bad(io);
		if (has_data) {
			segment_prepare(io, STORE_READ, bytes);
			io->state = READ_DATA;
			return true;
		}
		segment_zero(io, bytes);
		if (!go_on(io))
			return false;
	}
	io_finish(io, DISK_OK);
	return false;
}

/*
 * The file ended before the write pointer.  Right if the zone was reset while
 * the read was under way; else somebody cut the file.
 */
static bool was_reset(struct io *io)
{
	struct disk *d = io->disk;
	bool reset;

	pthread_mutex_lock(&d->lock);
	reset = d->slots.at[io->slot].gen != io->gen || io->gen % 2;
	pthread_mutex_unlock(&d->lock);
	return reset;
}

/* What is gone stays so when a later write makes the file longer again. */
static bool was_cut(struct io *io, uint64_t read_bytes)
{
	struct disk *d = io->disk;
	uint32_t blocks;

	if (io->async) {
		/* The journal is told: not in the engine's thread. */
		where_move(io);
		return false;
	}
	segment_pass(io, read_bytes);
	pthread_mutex_lock(&d->lock);
	blocks = slot_file_blocks(d, io->slot);
	pthread_mutex_unlock(&d->lock);
	sync_file_was_cut(d, io->slot, io->gen, blocks, false);
	io_finish(io, io_fail_status(io, -EIO, segment_lba(io)));
	return false;
}

static bool read_step(struct io *io)
{
	int64_t res = io->req.res;
	uint64_t want = io->req.len;

	if (io->state == READ_NEXT)
		return read_next(io);
	if (res == -EAGAIN && io->async) {
		/* A file must be opened first: not in the caller's thread. */
		where_move(io);
		return false;
	}
	/* An activation has taken the file away. */
	if (res < 0 && was_reset(io))
		res = 0;
	if (res < 0) {
		io_finish(io, io_fail_status(io, (int)res, segment_lba(io)));
		return false;
	}
	if ((uint64_t)res < want && !was_reset(io))
		return was_cut(io, (uint64_t)res);
	if (read_has_lost(io))
		return read_next(io);
	segment_pass(io, (uint64_t)res);
	if ((uint64_t)res < want) {
		segment_zero(io, want - (uint64_t)res);
	}
	return go_on(io) && read_next(io);
}

void read_run(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	pthread_mutex_lock(&d->lock);
	verdict = zone_read_check(&d->zones, io->pub->lba, io->pub->nr_blocks,
				  NULL);
	pthread_mutex_unlock(&d->lock);
	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	segment_start(io);
	io->state = READ_NEXT;
	io->step = read_step;
	io_drive(io);
}
