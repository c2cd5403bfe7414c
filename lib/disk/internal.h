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
 *   the pool's   the workers' queues, of all disks; never held over anything
 */
#ifndef ZL_DISK_INTERNAL_H
#define ZL_DISK_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "disk/disk.h"
#include "disk/faults/faults.h"
#include "disk/io/fence.h"
#include "disk/io/flight.h"
#include "disk/io/gate.h"
#include "disk/io/hold.h"
#include "disk/io/meter.h"
#include "disk/io/where.h"
#include "disk/io/sync.h"
#include "disk/io/work.h"
#include "disk/life/powerfail.h"
#include "disk/medium/counters.h"
#include "disk/medium/journal.h"
#include "disk/medium/problems.h"
#include "disk/medium/slots.h"
#include "record/log.h"

struct disk {
	struct store *store;
	char name[256]; /* the directory, for sentences */
	struct disk_meta meta;
	bool made, look_only;
	bool closing;	    /* under open.c's lock */
	bool direct;	    /* data go past the page cache */
	bool thin;	    /* disk_is_thin() */
	bool write_through; /* disk_is_write_through() */
	bool note_flight;
	struct disk_holder holder; /* we */
	uint32_t block_shift;	   /* log2 of the block length */

	struct journal journal;
	struct flight flight;
	struct fence fence;
	struct record_log record; /* see io/recorder.h */
	struct pool_lane work;
	struct disk_faults faults;
	struct zl_limit error_limit; /* of the log lines about the store */
	struct where where;

	pthread_mutex_t exp_lock;

	pthread_mutex_t lock;
	struct zone_set zones;
	struct slot_table slots;
	uint8_t *active; /* of zones: by realm */
	struct gate gate;
	uint64_t saved;
	struct disk_control control, control_saved; /* with realms */
	struct syncs sync;
	struct problems problems;
	struct disk_stats stats;
	struct meter meter;
	uint64_t grace_end_ms; /* on flight_clock_ms() */
	uint32_t grace_end_s;  /* … in seconds since 1970; 0: see grace.c */
	bool grace_holes;      /* see grace.c */
	bool power_lost;       /* disk_lost_power() */
	struct io *told;       /* … and has to be kept */
	struct hold hold;
	struct powerfail powerfail;
	struct disk *next_open; /* open.c's list */
};

static inline uint64_t blocks_to_bytes(const struct disk *d, uint64_t blocks)
{
	return blocks << d->block_shift;
}

#endif
