/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who changes a slot, and what of it is dirty or bad. */
#ifndef ZL_DISK_IO_SLOT_H
#define ZL_DISK_IO_SLOT_H

#include "disk/internal.h"

/*
 * slot.c: all under disk->lock but slot_leave() and the gate's.
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
	return d->slots[slot].flags & SLOT_DIRTY || d->slots[slot].syncs;
}
/* Perhaps it is no longer one of slot_next_unsynced(). */
void slot_note_clean(struct disk *d, uint32_t slot);
/* The first such slot at or after @from, or UINT32_MAX. */
uint32_t slot_next_unsynced(const struct disk *d, uint32_t from);
/* The first bad block among [lo, hi), or UINT32_MAX. */
uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi);
void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* -ENOMEM: they stay bad. */
int slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* These are lost; where there are none (the zone was reset) the next sync tries
 * again. */
void slot_lose(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* What is dirty since before the last loss is lost. */
void slot_settle(struct disk *d, uint32_t slot);
/* Tells the journal if what is bad has changed; @sync: durably.  -errno: it is
 * told with the next sync.  Not under the lock. */
int slot_tell_bad(struct disk *d, uint32_t slot, bool sync);
/* The I/O, which began when there were io->losses, wrote these blocks;
 * @durable: they need no sync.  -EIO: a sync has failed since, which may have
 * had them; no other will try. */
int slot_written(struct disk_io *io, uint32_t lo, uint32_t hi, bool durable);
/*
 * Takes a turn at changing a slot's file: true when it is granted at once, else
 * turn->granted() is called later, by whoever leaves.
 */
bool slot_enter(struct disk *d, uint32_t slot, struct slot_turn *turn);
/* Takes a turn that is waited for out of the queue.  False: it is not there,
 * and will be granted. */
bool slot_unqueue(struct disk *d, uint32_t slot, const struct slot_turn *turn);
/*
 * slot_wait.c: for a thread that can wait: 0 with the turn, or -EBUSY without
 * it after so long, since an injected delay may hold an I/O for minutes.  Not
 * under the lock.
 */
extern unsigned slot_wait_ms; /* tests set their own */
int slot_wait(struct disk *d, uint32_t slot);
/* Ends the turn: the next one, which is to be granted without the lock, or
 * NULL. */
struct slot_turn *slot_pass_on(struct disk *d, uint32_t slot);
/* … and grants it.  Not under the lock. */
void slot_leave(struct disk *d, uint32_t slot);

/*
 * A write may reach several slots: takes the turns of all from the first with a
 * write pointer on, the lowest first, so that two never wait for each other.
 * After the gate, if it has to pass that.  False: not yet; io->run is called
 * again with the turn that was missing.  Not under the lock.
 */
bool slot_enter_range(struct disk_io *io);
/* Ends all turns that the I/O has.  Not under the lock. */
void slot_leave_all(struct disk *d, uint32_t slot, uint32_t nr);

/* Whether a write may reach a conventional zone. */
bool gate_needed(const struct disk_io *io);
/*
 * Lets the I/O, which writes to conventional zones, pass alone or beside others
 * like it.  False: not yet; io->run is called again then.
 */
bool gate_enter(struct disk_io *io, bool alone);
/* The same for an I/O that cannot wait.  Under disk->lock. */
bool gate_try(struct disk *d);
void gate_leave(struct disk *d, enum disk_gate gate);

/* Blocks that the slot's file has: all of a conventional zone, what is below
 * the write pointer of another one.  Under disk->lock. */
static inline uint32_t slot_file_blocks(const struct disk *d, uint32_t slot)
{
	return zone_slot_has_wp(&d->zones, slot)
		       ? zone_slot_wp_blocks(&d->zones, slot)
		       : zone_slot_blocks(&d->zones, slot);
}

#endif
