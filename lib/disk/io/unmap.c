// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* UNMAP in conventional zones: holes in their files, which read as zeros. */
#include <errno.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/zone_journal.h"

/* All of it is there, or some; what of it is lost is bad.  Under the lock. */
static int64_t note_unmapped(struct io *io, int64_t res, uint32_t lo,
			     uint32_t hi)
{
	struct disk *d = io->disk;
	int cleared = res < 0 ? 0 : slot_clear_bad(d, io->slot, lo, hi);
	int written = slot_written(io, lo, hi, false);

	if (written)
		slot_settle(d, io->slot);
	if (res >= 0)
		res = cleared ? cleared : written;
	return res;
}

/* The part of the range that is in one slot. */
static int64_t unmap_slot(struct io *io, uint32_t lo, uint32_t hi)
{
	struct disk *d = io->disk;
	int64_t res;
	int ret;

	io->req = (struct store_req){
		.op = STORE_PUNCH,
		.slot = io->slot,
		.off = blocks_to_bytes(d, lo),
		.len = blocks_to_bytes(d, hi - lo),
	};
	sync_settle(d, io->slot);
	pthread_mutex_lock(&d->lock);
	io->losses = slot_begin_change(d, io->slot);
	pthread_mutex_unlock(&d->lock);
	io->tried_blocks += hi - lo;
	res = disk_request_run(d, &io->req);
	if (res >= 0)
		io->brought_blocks = io->tried_blocks;
	pthread_mutex_lock(&d->lock);
	res = note_unmapped(io, res, lo, hi);
	pthread_mutex_unlock(&d->lock);
	ret = slot_tell_bad(d, io->slot, false);
	if (res >= 0)
		res = ret;
	if (res < 0 || !io->pub->fua)
		return res;
	ret = sync_slot(d, io->slot, io->losses);
	return ret ? ret : zone_journal_sync(d);
}

static enum disk_status unmap(struct io *io)
{
	struct disk *d = io->disk;
	uint64_t lba = io->pub->lba,
		 end_lba = io->pub->lba + io->pub->nr_blocks, start, stop;
	int64_t res;

	for (; lba < end_lba; lba = stop) {
		io->slot = zone_slot_of(&d->zones, lba);
		start = zone_slot_start_lba(&d->zones, io->slot);
		stop = min_u64(start + zone_slot_blocks(&d->zones, io->slot),
			       end_lba);
		res = unmap_slot(io, (uint32_t)(lba - start),
				 (uint32_t)(stop - start));
		if (res < 0)
			return io_fail_status(io, (int)res, lba);
	}
	return DISK_OK;
}

/* Where there is a write pointer it alone tells what is there. */
static bool any_wp(const struct io *io)
{
	const struct zone_set *z = &io->disk->zones;
	uint32_t last = zone_slot_of(z, io->pub->lba + io->pub->nr_blocks - 1);

	for (uint32_t i = zone_slot_of(z, io->pub->lba); i <= last; i++)
		if (zone_slot_has_wp(z, i))
			return true;
	return false;
}

void unmap_run(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	if (io->gate == GATE_NONE && gate_needed(io) && !gate_enter(io, false))
		return;
	pthread_mutex_lock(&d->lock);
	verdict = zone_write_check(&d->zones, io->pub->lba, io->pub->nr_blocks,
				   NULL);
	pthread_mutex_unlock(&d->lock);
	if (!verdict && io->pub->nr_blocks && any_wp(io))
		verdict = ZV_ZONE_ID;
	if (verdict)
		io_refuse(io, verdict);
	else
		io_finish(io, unmap(io));
}
