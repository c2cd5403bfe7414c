// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Cutting an I/O into requests, each for one slot and a few buffers. */
#include <assert.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/segment.h"

uint64_t segment_start(struct io *io)
{
	uint64_t bytes = blocks_to_bytes(io->disk, io->pub->nr_blocks);
	uint64_t room = iov_bytes(io->pub->iov, io->pub->iov_cnt);

	io->cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	io->at_bytes = blocks_to_bytes(io->disk, io->pub->lba);
	io->left_bytes = min_u64(bytes, room);
	assert(io->pub->op == DISK_READ || io->left_bytes == bytes);
	return room;
}

uint64_t segment_offset(const struct io *io)
{
	const struct disk *d = io->disk;
	uint64_t start_lba = zone_slot_start_lba(&d->zones, io->slot);

	return io->at_bytes - blocks_to_bytes(d, start_lba);
}

uint64_t segment_lba(const struct io *io)
{
	return io->at_bytes >> io->disk->block_shift;
}

void segment_prepare(struct io *io, enum store_op op, uint64_t max_bytes)
{
	uint64_t bytes = min_u64(io->left_bytes, max_bytes);
	struct iov_cur ahead = io->cur;

	io->req.op = op;
	io->req.flags = io->async ? STORE_ASYNC : 0;
	io->req.slot = io->slot;
	io->req.off = segment_offset(io);
	if (ahead.iov == io->pub->iov && !ahead.off &&
	    iov_bytes(io->pub->iov, io->pub->iov_cnt) == bytes) {
		io->req.iov = io->pub->iov;
		io->req.iov_cnt = io->pub->iov_cnt;
	} else {
		bytes = iov_slice(&ahead, bytes, io->seg,
				  ZL_ARRAY_SIZE(io->seg), &io->req.iov_cnt);
		io->req.iov = io->seg;
	}
	io->req.len = bytes;
}

void segment_pass(struct io *io, uint64_t bytes)
{
	iov_skip(&io->cur, bytes);
	io->at_bytes += bytes;
	io->left_bytes -= bytes;
}

void segment_zero(struct io *io, uint64_t bytes)
{
	iov_zero(&io->cur, bytes);
	io->at_bytes += bytes;
	io->left_bytes -= bytes;
}

bool segment_begins_slot(const struct io *io)
{
	return !segment_offset(io) ||
	       io->at_bytes == blocks_to_bytes(io->disk, io->pub->lba);
}

bool segment_ends_slot(const struct io *io)
{
	const struct zone_set *z = &io->disk->zones;

	return !io->left_bytes || zone_slot_of(z, segment_lba(io)) != io->slot;
}
