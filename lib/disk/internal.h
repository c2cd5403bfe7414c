/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What an open disk is made of.  For lib/disk alone (and its tests).
 *
 * Locks, in the order in which they are taken:
 *   exp_lock     opening and closing zones, DISK_SAVE, and telling the journal;
 *                held over the journal's I/O
 *   journal.lock the journal's records and its file; held over its I/O
 *   lock         zone state, slot queues, dirty map, bad ranges, statistics;
 *                never held over I/O
 *   faults.lock  injected faults; held over their file's I/O only
 *   work.lock    the workers' queue; never held over anything
 */
#ifndef ZL_DISK_INTERNAL_H
#define ZL_DISK_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "disk/disk.h"
#include "disk/faults/faults.h"
#include "disk/io/flight.h"
#include "disk/io/gate.h"
#include "disk/io/hold.h"
#include "disk/io/meter.h"
#include "disk/io/pace.h"
#include "disk/io/sync.h"
#include "disk/io/work.h"
#include "disk/life/powerfail.h"
#include "disk/medium/bad.h"
#include "disk/medium/counters.h"
#include "disk/medium/journal.h"
#include "disk/medium/problems.h"

/* struct disk_slot flags */
#define SLOT_DIRTY	 0x01  /* changed since its last sync began */
#define SLOT_BAD	 0x02  /* has a range in disk->bad */
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
	uint16_t syncs;	      /* under way */
	uint16_t telling;     /* so many tell the journal what is bad */
	bool finishing;	      /* who has the turn is posting its completion */
	bool grace;	      /* a write may be repeated once, see grace.c */
	uint32_t grace_lo;    /* … if it begins there or behind */
	bool journal_non_seq; /* the journal says ZA_NON_SEQ */
	bool journal_owed; /* it could not be told that the zone is explicitly
			      opened, or that it or ZA_NON_SEQ is no longer */
	bool undo_non_seq; /* a reset since the last sync took it away */
	uint8_t gen; /* changes when a reset begins (odd: under way) and when it
			ends: a read that overlaps one may be short */
};

struct disk {
	struct store *store;
	char name[256]; /* the directory, for sentences */
	struct disk_meta meta;
	bool made, look_only;
	bool closing; /* under open.c's lock */
	bool direct;  /* data go past the page cache */
	bool thin;    /* disk_is_thin() */
	bool note_flight;
	uint32_t block_shift; /* log2 of the block length */

	struct journal journal;
	struct flight flight;
	struct worker_pool work;
	struct disk_faults faults;
	struct zl_limit error_limit; /* of the log lines about the store */
	uint32_t try_blocks;   /* how long an I/O disk_try() tries; 0 = none */
	uint32_t async_blocks; /* … reads that miss go to the engine */
	struct pace pace;

	pthread_mutex_t exp_lock;

	pthread_mutex_t lock;
	struct zone_set zones;
	struct zone_slot *zone_slots;
	struct disk_slot *slots;
	uint64_t *dirty; /* bitmap over slots: see slot_is_unsynced() */
	struct bad_ranges bad;
	struct gate gate;
	uint64_t saved;
	struct syncs sync;
	struct problems problems;
	struct disk_stats stats;
	struct meter meter;
	uint64_t grace_end_ms; /* on grace_clock_ms() */
	struct hold hold;
	struct powerfail powerfail;
	struct disk *next_open; /* open.c's list */
};

static inline uint64_t blocks_to_bytes(const struct disk *d, uint64_t blocks)
{
	return blocks << d->block_shift;
}

#endif
