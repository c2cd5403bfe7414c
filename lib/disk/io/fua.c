// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * READ with FUA.  The blocks are read first, and then synced if they may have
 * been newer than the medium's: who syncs first and reads then may find what
 * has been written in between.
 */
#include <assert.h>
#include <errno.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/fua.h"
#include "disk/io/io.h"
#include "disk/io/segment.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/zone_journal.h"

/*
 * What is dirty, or being synced, may have been lost already without anybody
 * knowing: it counts from before the first write of that.
 */
void fua_begin(struct io *io)
{
	const struct disk_slot *s = &io->disk->slots.at[io->slot];

	io->losses = slot_losses(io->disk, io->slot);
	if (s->flags & SLOT_DIRTY)
		io->losses = older_losses(io->losses, s->dirty_losses);
	io->losses = sync_oldest(io->disk, io->slot, io->losses);
}

/* Somebody changes the slot's file and has not told yet what. */
static bool is_changing(const struct io *io)
{
	const struct disk *d = io->disk;

	/* The one who does is the one who reads. */
	if (io->gate == GATE_PART)
		return false;
	if (!zone_slot_has_wp(&d->zones, io->slot))
		return d->gate.shared || d->gate.alone;
	return d->slots.at[io->slot].flags & SLOT_BUSY;
}

/*
 * Of a zone with a write pointer a file is durable up to the first dirty block;
 * after a reset that is none, and what is read as zeros is not safe either.
 */
static bool is_dirty(const struct io *io)
{
	const struct disk *d = io->disk;
	const struct disk_slot *s = &d->slots.at[io->slot];
	uint64_t start_lba = zone_slot_start_lba(&d->zones, io->slot);
	uint64_t lo = max_u64(start_lba, io->pub->lba) - start_lba;
	uint64_t end = segment_offset(io);

	if (!(s->flags & SLOT_DIRTY) || end <= blocks_to_bytes(d, s->dirty_gap))
		return false;
	return lo < s->dirty_hi || zone_slot_has_wp(&d->zones, io->slot);
}

static bool slot_is_unsure(const struct io *io)
{
	const struct disk *d = io->disk;

	return d->slots.at[io->slot].syncs || is_changing(io) || is_dirty(io) ||
	       slot_losses(d, io->slot) != io->losses;
}

bool fua_is_unsynced(const struct io *io)
{
	/* The journal may have blocks that were bad and have been rewritten. */
	return slot_is_unsure(io) || slot_has_news(io->disk, io->slot) ||
	       io->disk->journal.safe != io->disk->journal.told;
}

int fua_end(struct io *io)
{
	struct disk *d = io->disk;
	unsigned losses;
	bool unsure;
	int ret = 0;

	assert(!io->async);
	pthread_mutex_lock(&d->lock);
	unsure = slot_is_unsure(io);
	losses = slot_losses(d, io->slot);
	pthread_mutex_unlock(&d->lock);
	if (unsure)
		ret = sync_slot(d, io->slot, losses);
	if (!ret && slot_losses(d, io->slot) != io->losses)
		ret = -EIO;
	/* Blocks that were bad may have been rewritten by who tells it yet. */
	if (!ret)
		ret = slot_tell_bad(d, io->slot, false);
	return ret ? ret : zone_journal_sync(d);
}
