// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "disk/io/recorder.h"

#include "base/iov.h"

bool recorder_must_wait(struct io *io)
{
	struct disk *d = io->disk;

	return recorder_is_on(d) && io->pub->op == DISK_WRITE &&
	       !record_log_has_room(&d->record,
				    blocks_to_bytes(d, io->pub->nr_blocks));
}

/* Only what every I/O has: who submits one sets no other field than those that
 * are for its operation. */
static struct record record_of(const struct io *io, enum record_type type)
{
	return (struct record){ .type = type, .begin = io->record_begin };
}

static struct record record_of_blocks(const struct io *io,
				      enum record_type type)
{
	struct record r = record_of(io, type);

	r.lba = io->pub->lba;
	r.nr_blocks = io->pub->nr_blocks;
	return r;
}

static void add(struct io *io, struct record *r, size_t bytes)
{
	struct iov_cur cur = iov_start(NULL, 0);

	if (bytes)
		cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	record_log_add(&io->disk->record, r, &cur, bytes);
}

/* Blocks [lo, hi) of the I/O. */
static void add_blocks(struct io *io, enum record_type type, uint32_t lo,
		       uint32_t hi, unsigned flags)
{
	struct record r = record_of(io, type);
	struct iov_cur cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	uint64_t bytes = 0;

	if (lo == hi)
		return;
	r.flags = flags;
	r.lba = io->pub->lba + lo;
	r.nr_blocks = hi - lo;
	if (type == RECORD_WRITE) {
		iov_skip(&cur, blocks_to_bytes(io->disk, lo));
		bytes = blocks_to_bytes(io->disk, hi - lo);
	}
	record_log_add(&io->disk->record, &r, &cur, bytes);
}

/* Of one that has failed what it has brought is there for certain, if not
 * durably, and nothing of what it did not come to. */
static void add_change(struct io *io, enum record_type type)
{
	if (io->pub->status == DISK_OK) {
		add_blocks(io, type, 0, io->pub->nr_blocks,
			   io->pub->fua ? RECORD_FUA : 0);
	} else {
		add_blocks(io, type, 0, io->brought_blocks, 0);
		add_blocks(io, type, io->brought_blocks, io->tried_blocks,
			   RECORD_FAILED);
	}
}

/* That something was opened or closed changes no file: it is told as it was
 * asked for. */
static void add_opening(struct io *io)
{
	struct record r = record_of(
		io, io->pub->zone_op == ZO_OPEN ? RECORD_OPEN : RECORD_CLOSE);

	if (io->pub->zone_op != ZO_OPEN && io->pub->zone_op != ZO_CLOSE)
		return;
	if (io->pub->zone_all)
		r.flags = RECORD_ALL;
	else
		r.lba = io->pub->lba;
	r.nr_blocks = io->pub->zone_count ? io->pub->zone_count : 1;
	add(io, &r, 0);
}

static void add_told(struct io *io, struct record r)
{
	add(io, &r, 0);
}

static void add_read(struct io *io)
{
	struct record r = record_of_blocks(io, RECORD_SAFE);

	r.flags = RECORD_READ;
	add_told(io, r);
}

void recorder_end(struct io *io)
{
	bool ok = io->pub->status == DISK_OK;

	if (io->pub->op == DISK_WRITE)
		add_change(io, RECORD_WRITE);
	else if (io->pub->op == DISK_UNMAP)
		add_change(io, RECORD_UNMAP);
	else if (io->pub->op == DISK_ZONE && ok)
		add_opening(io);
	else if (io->pub->op == DISK_SYNC && ok)
		add_told(io, record_of(io, RECORD_FLUSH));
	else if (io->pub->op == DISK_READ && io->pub->fua && ok &&
		 io->pub->nr_blocks)
		add_read(io);
}

static void add_zone(struct io *io, enum record_type type, uint32_t nr_blocks,
		     size_t bytes)
{
	struct record r = record_of(io, type);

	r.lba = zone_slot_start_lba(&io->disk->zones, io->slot);
	r.nr_blocks = nr_blocks;
	add(io, &r, bytes);
}

void recorder_zone(struct io *io)
{
	if (recorder_is_on(io->disk))
		add_zone(io,
			 io->pub->zone_op == ZO_RESET ? RECORD_RESET
						      : RECORD_FINISH,
			 0, 0);
}

void recorder_zone_safe(struct io *io)
{
	if (recorder_is_on(io->disk))
		add_zone(io, RECORD_SAFE, 1, 0);
}

void recorder_refilled(struct io *io, uint32_t wp_blocks, bool ok)
{
	if (!recorder_is_on(io->disk))
		return;
	if (ok)
		add_zone(io, RECORD_REFILL, wp_blocks,
			 io->pub->iov_cnt ? (size_t)1 << io->disk->block_shift
					  : 0);
	else
		add_zone(io, RECORD_RESET, 0, 0);
}

void recorder_activated(struct io *io, uint32_t first, uint32_t nr,
			const uint8_t *domains)
{
	struct iovec iov = { (void *)(uintptr_t)domains,
			     record_realm_bytes(nr) };
	struct iov_cur cur = iov_start(&iov, 1);
	struct record r = record_of(io, RECORD_ACTIVATE);

	r.lba = first;
	r.nr_blocks = nr;
	record_log_add(&io->disk->record, &r, &cur, iov.iov_len);
}
