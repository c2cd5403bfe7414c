/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Counting what activity.h has, on the way of every I/O: two looks at the clock
 * and three additions, to memory that no other thread adds to (the first that
 * disk_try() was called in: the daemon has one for all commands of a disk), or
 * that few processors share.
 */
#ifndef ZL_DISK_IO_METER_H
#define ZL_DISK_IO_METER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "disk/activity.h"

/* Processors have a shard each, until there are more of them.  Not threads: the
 * thread-local memory of a library that was loaded at run time is allocated at
 * its first use, and that would be while a command is carried out. */
#define METER_SHARDS 8

struct meter_kind {
	atomic_uint_fast64_t bytes;
	atomic_uint_fast64_t total_ns;
	atomic_uint_fast64_t latency[DISK_NR_BUCKETS];
};

struct meter_shard {
	atomic_uint_fast64_t submitted, finished;
	struct meter_kind kind[DISK_NR_KINDS];
	atomic_uint_fast64_t failed[DISK_NR_FAILURES];
};

struct meter {
	uint64_t open_ns;
	struct disk_job job; /* under disk->lock */
	/* The thread that the last shard belongs to; 0: none yet.  One that has
	 * its number after its end has the shard, too. */
	_Atomic(pthread_t) owner;
	struct meter_shard shard[METER_SHARDS + 1];
};

struct io;

/* Tests have their own. */
extern uint64_t (*meter_clock_ns)(void);

void meter_init(struct meter *m);
/* An I/O begins; it may be tried first. */
void meter_begin(struct io *io);
/* … and is submitted now. */
void meter_submit(struct disk *d, struct io *io);
/* When it was over: the first call looks at the clock, for all. */
uint64_t meter_end_ns(struct io *io);
/* It is over, with io->pub->status: in disk_try(); and one that was submitted.
 */
void meter_end(struct disk *d, struct io *io);
void meter_finish(struct disk *d, struct io *io);

#endif
