// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whom an I/O waits for before it begins. */
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"

bool io_changes(const struct io *io)
{
	return io->pub->op != DISK_READ && io->pub->op != DISK_SYNC &&
	       io->pub->op != DISK_COMPARE;
}

bool io_is_beside_zones(const struct io *io)
{
	return io->pub->op == DISK_SAVE || io->pub->op == DISK_ACTIVATE ||
	       io->pub->op == DISK_CONTROL;
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

bool io_enter(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t slot = UINT32_MAX;

	if (io_changes(io) && !io_is_beside_zones(io))
		slot = slot_to_queue_at(d, io);
	if (slot == UINT32_MAX)
		return true;
	io->slot = io->turn_slot = slot;
	io->nr_turns = 1;
	return turn_take(d, slot, &io->turn);
}
