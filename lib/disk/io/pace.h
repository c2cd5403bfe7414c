/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Where I/Os are carried out. */
#ifndef ZL_DISK_IO_PACE_H
#define ZL_DISK_IO_PACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct disk;
struct io;

/* Where I/Os are carried out, see pace.c. */
struct pace {
	uint32_t small_blocks; /* these always in the caller's thread */
	unsigned nr_cpus;
	atomic_uint_fast64_t avoid_until_ns;
	atomic_uint avoid_times; /* … so many times as long as it took */
	/* The last large I/O handed over while it is under way, to be looked
	 * at when the next one comes. */
	_Atomic(struct io *) probe;
	atomic_bool probing;
	atomic_uint alone;	 /* so many more are taken for alone */
	atomic_uint alone_times; /* … so many the next time */
};

/* pace.c: any thread; times are on meter_clock_ns(). */
void pace_init(struct disk *d);
/* Whether an I/O of this length is tried in the caller's thread. */
bool pace_here(struct disk *d, uint32_t nr_blocks);
/* An I/O goes elsewhere; an I/O is about to be posted. */
void pace_handed_over(struct disk *d, struct io *io);
void pace_done(struct disk *d, struct io *io);
/* Whether a write that may wait can be carried out there. */
bool pace_may_wait(struct disk *d, uint64_t now_ns);
/* Such a write is over. */
void pace_waited(struct disk *d, uint64_t start_ns, uint64_t end_ns);

#endif
