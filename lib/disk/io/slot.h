/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What of a slot is dirty or bad. */
#ifndef ZL_DISK_IO_SLOT_H
#define ZL_DISK_IO_SLOT_H

#include "disk/internal.h"
#include "disk/io/sync.h"

/*
 * slot.c: all under disk->lock but slot_tell_bad().
 */
/* Losses counted until now. */
static inline unsigned slot_losses(const struct disk *d, uint32_t slot)
{
	return store_nr_losses(d->store, slot);
}

/* The count that was earlier: they wrap. */
static inline unsigned older_losses(unsigned a, unsigned b)
{
	return (int)(a - b) < 0 ? a : b;
}

/* Changed by something that began when there were @losses. */
void slot_mark_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi,
		     unsigned losses);
/* What was behind the write pointer is cut off; durably with the next sync. */
void slot_was_cut(struct disk *d, uint32_t slot);
/* Takes the dirty mark away before a sync; false: it was clean. */
bool slot_take_dirty(struct disk *d, uint32_t slot, uint32_t *lo, uint32_t *hi);
/* Something of it is not known to be durable. */
static inline bool slot_is_unsynced(const struct disk *d, uint32_t slot)
{
	return d->slots.at[slot].flags & SLOT_DIRTY || d->slots.at[slot].syncs;
}
/* Perhaps it is no longer one of slot_next_unsynced(). */
void slot_note_clean(struct disk *d, uint32_t slot);
/* The first such slot at or after @from, or UINT32_MAX. */
uint32_t slot_next_unsynced(const struct disk *d, uint32_t from);
/* What is dirty of it may be lost, and nobody has been told yet: a descriptor
 * was closed for somebody who could not wait for that. */
static inline bool slot_dirty_is_lost(const struct disk *d, uint32_t slot)
{
	const struct disk_slot *s = &d->slots.at[slot];

	return s->flags & SLOT_DIRTY && s->dirty_losses != slot_losses(d, slot);
}
/* The first of a slot's syncs under way that are lost and not settled, at or
 * behind @part; NULL: there is none. */
struct sync_part *slot_lost_part(const struct disk *d, uint32_t slot,
				 struct sync_part *part);
/* The same, or what is being synced: another sync has failed, which may have
 * had it. */
static inline bool slot_has_lost(const struct disk *d, uint32_t slot)
{
	return slot_dirty_is_lost(d, slot) ||
	       (d->slots.at[slot].syncs &&
		slot_lost_part(d, slot, d->sync.parts));
}
/* The first block among [lo, hi) that is bad, or lost like that, or UINT32_MAX.
 */
uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi);
void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* Blocks have been written: whoever looks how much is left of the slot's file
 * does not take them for gone. */
static inline void slot_note_there(struct disk *d, uint32_t slot, uint32_t lo,
				   uint32_t hi)
{
	for (struct cut_look *l = d->sync.looks; l; l = l->next)
		bad_clear(&l->gone, slot, lo, hi);
}
/* The same, and they are no longer bad.  -ENOMEM: they stay so. */
int slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* These are lost; where there are none (the zone was reset) the next sync tries
 * again. */
void slot_lose(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* What is dirty, or being synced, since before the last loss is lost. */
void slot_settle(struct disk *d, uint32_t slot);
/* Something is to change the slot: settles it, so that what was lost before is
 * never taken for what comes.  Returns the losses counted before. */
static inline unsigned slot_begin_change(struct disk *d, uint32_t slot)
{
	/* In this order: a loss between the two is this change's as well. */
	unsigned losses = slot_losses(d, slot);

	if (slot_has_lost(d, slot))
		slot_settle(d, slot);
	return losses;
}
/* Tells the journal if what is bad has changed; @sync: durably.  -errno: it is
 * told with the next sync.  Not under the lock. */
int slot_tell_bad(struct disk *d, uint32_t slot, bool sync);
/* The same of all slots, if anything is bad. */
int slot_tell_all_bad(struct disk *d);
/* The I/O, which began when there were io->losses, wrote these blocks;
 * @durable: they need no sync.  -EIO: a sync has failed since, which may have
 * had them; no other will try. */
int slot_written(struct io *io, uint32_t lo, uint32_t hi, bool durable);
/* The same where nothing is lost, and they do need one. */
void slot_mark_written(struct io *io, uint32_t lo, uint32_t hi);
/* What is bad has changed, and the journal does not know it yet. */
static inline bool slot_has_news(const struct disk *d, uint32_t slot)
{
	const struct disk_slot *s = &d->slots.at[slot];

	return s->flags & SLOT_BAD_NEWS || s->telling;
}
/* Gaps and INACTIVE zones have none: an activation has taken it away. */
static inline bool slot_has_file(const struct disk *d, uint32_t slot)
{
	return zone_slot_traits(&d->zones, slot)->span != ZS_NOTHING &&
	       zone_slot_cond(&d->zones, slot) != ZC_INACTIVE;
}
/* Blocks that the slot's file has: what is below the write pointer, or all of a
 * conventional zone; none if it has no file. */
static inline uint32_t slot_file_blocks(const struct disk *d, uint32_t slot)
{
	if (zone_slot_has_wp(&d->zones, slot))
		return zone_slot_wp_blocks(&d->zones, slot);
	return slot_has_file(d, slot) ? zone_slot_cap_blocks(&d->zones, slot)
				      : 0;
}

#endif
