/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What an open disk keeps of each slot.  Under disk->lock. */
#ifndef ZL_DISK_MEDIUM_SLOTS_H
#define ZL_DISK_MEDIUM_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/medium/bad.h"

struct slot_turn;
struct zone_slot;

/* struct disk_slot flags */
#define SLOT_DIRTY	 0x01  /* changed since its last sync began */
#define SLOT_BAD	 0x02  /* has a range in slot_table.bad */
#define SLOT_CUT	 0x04  /* a failed write could not be taken back yet */
#define SLOT_JOURNAL_EXP 0x08  /* the journal says explicitly opened */
#define SLOT_DAMAGED	 0x10  /* its file is not what it should be */
#define SLOT_JOURNAL_RO	 0x20  /* the journal says READ ONLY */
#define SLOT_JOURNAL_OFF 0x40  /* the journal says OFFLINE */
#define SLOT_BUSY	 0x80  /* somebody has the turn */
#define SLOT_ALL_BAD	 0x100 /* … but there was no memory to say which */
#define SLOT_BAD_NEWS	 0x200 /* the journal does not know what is bad now */
#define SLOT_BAD_LESS	 0x400 /* … and something no longer is */

struct disk_slot {
	/* What changes a sequential slot's file runs one at a time; these wait
	 * for their turn. */
	struct slot_turn *first, *last;
	uint32_t dirty_lo, dirty_hi; /* blocks changed since the last sync
					began, [lo, hi) */
	uint32_t dirty_gap; /* dirty_lo, or where the zeros begin that a write
			       has passed over on its way there */
	/* store_nr_losses() before the first of these changes began: if it is
	 * another one now, they may be lost. */
	unsigned dirty_losses;
	uint16_t flags;
	uint16_t syncs;	       /* under way */
	uint16_t telling;      /* so many tell the journal what is bad */
	uint16_t telling_less; /* … of whom so many that something is not */
	uint32_t grace_lo;     /* a repeated write begins there or behind */
	bool grace : 1;	       /* a write may be repeated once, see grace.c */
	bool journal_non_seq : 1; /* the journal says ZA_NON_SEQ */
	/* It could not be told that the zone is explicitly opened, or that it
	 * or ZA_NON_SEQ is no longer. */
	bool journal_owed : 1;
	bool undo_non_seq : 1; /* a reset since the last sync took it away */
	uint8_t gen; /* changes when a reset begins (odd: under way) and when it
			ends: a read that overlaps one may be short */
};

struct slot_table {
	struct disk_slot *at;	 /* by number */
	struct zone_slot *zones; /* struct zone_set's */
	uint64_t *dirty;	 /* a bit each: see slot_is_unsynced() */
	struct bad_ranges bad;
};

/* All clean, for @nr slots; 0 or -ENOMEM, and to be freed in either case. */
int slot_table_alloc(struct slot_table *t, uint32_t nr);
void slot_table_free(struct slot_table *t);

#endif
