/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Where an I/O is carried out.  Nowhere else is that decided:
 *
 * - in the caller's thread, by disk_try(), if it surely need not wait or, for a
 *   small write, if waiting is unlikely and nobody has just been kept waiting;
 * - there, too, if it is a small read that missed the page cache, and that has
 *   been seen to be quicker for all (miss.h);
 * - in the engine, if it is a small read that missed the page cache while
 *   others are under way;
 * - in a worker in all other cases.
 *
 * A step of an I/O may go on in whatever thread completed its last request.
 */
#ifndef ZL_DISK_IO_WHERE_H
#define ZL_DISK_IO_WHERE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "disk/io/miss.h"

struct disk;
struct io;

struct where {
	/* Longer ones are not carried out in the caller's thread; 0: none is.
	 */
	uint32_t try_blocks;
	uint32_t small_blocks;	/* up to here always tried there */
	uint32_t engine_blocks; /* longer reads are not left to the engine */
	unsigned nr_cpus;
	struct misses misses;
	/* Writes that may wait are avoided until then, for so long after the
	 * last one that waited, … */
	atomic_uint_fast64_t avoid_until_ns;
	atomic_uint_fast64_t avoid_ns;
	atomic_uint avoid_times; /* … so many times as long as it took */
	/* The last large I/O handed over while it is under way, to be looked
	 * at when the next one comes. */
	_Atomic(struct io *) probe;
	atomic_bool probing;
	atomic_uint alone;	 /* so many more are taken for alone */
	atomic_uint alone_times; /* … so many the next time */
};

/* A disk without threads: everything runs where it is submitted. */
void where_init(struct disk *d);
/* The workers are there, and the engine, if there is one. */
void where_start(struct disk *d);

/* Whether an I/O of disk_try() may be carried out here, as far as that does not
 * depend on its zone and file. */
bool where_here(const struct io *io);
/* What of the store's flags such a write needs; @syncing: a sync is under way.
 */
unsigned where_write_flags(const struct io *io, bool syncing);
/* A write that may have waited is over; times are on meter_clock_ns(). */
void where_waited(struct where *w, uint64_t start_ns, uint64_t end_ns);

/* An I/O of disk_submit(), before it takes a turn: engine or worker. */
void where_choose(struct io *io);
/* Runs it there: io->run(). */
void where_go(struct io *io);
/* What the engine began goes on in a worker: it has to wait for something. */
void where_move(struct io *io);
/* It is about to be posted. */
void where_done(struct io *io);

#endif
