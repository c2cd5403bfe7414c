/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Where a small read is carried out that misses the page cache: in the caller's
 * thread, which waits for it, or elsewhere, while the caller goes on.
 *
 * Waiting side by side gains where a device takes its time; where data come at
 * once (a virtual disk that its host has in memory) the thread switches cost
 * more than they save.  What a read takes does not tell: the same 100 us may be
 * all there is, or a third of it with others beside it.  So both are tried, and
 * what counts is how many commands come in the meantime, all kinds of them:
 * cached reads that wait behind a miss are then not forgotten.  The way that is
 * not the better one is tried again after longer and longer times, and here not
 * for long: until two reads, later four, in a row take more than a millisecond,
 * and than twice what a command costs elsewhere, and 20 ms, later 40, together.
 * The better way is given up when it was the worse one two times.
 */
#ifndef ZL_DISK_IO_MISS_H
#define ZL_DISK_IO_MISS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct io;

enum miss_way {
	MISS_ELSEWHERE,
	MISS_HERE,
	MISS_NR_WAYS
};

struct misses {
	_Atomic uint64_t commands; /* that were tried */
	_Atomic enum miss_way way; /* at the moment */
	/* The next reads are not asked for without waiting first, so many. */
	atomic_uint likely;
	/* A thread is at what follows; another does without. */
	atomic_bool busy;
	enum miss_way better;
	unsigned nr;		     /* misses since the way was changed */
	uint64_t start_ns;	     /* what is counted began then */
	uint64_t start_commands;     /* … with so many */
	uint64_t cost[MISS_NR_WAYS]; /* ns a command; 0: not known */
	uint64_t last[MISS_NR_WAYS]; /* … the last time it was counted */
	unsigned left;	  /* times counted before the other is tried */
	unsigned apart;	  /* … the next time */
	unsigned slow;	  /* so many in a row */
	uint64_t slow_ns; /* … which took so long together */
};

void miss_init(struct misses *m);

/* disk_try() has one more. */
static inline void miss_count(struct misses *m)
{
	uint64_t n = atomic_load_explicit(&m->commands, memory_order_relaxed);

	atomic_store_explicit(&m->commands, n + 1, memory_order_relaxed);
}

/* A read that misses most likely, as those before it, and would be carried out
 * here: it need not be asked for without waiting first. */
bool miss_is_likely(struct io *io);
/* A read has missed: whether it is carried out here. */
bool miss_comes_here(struct io *io);
/* One that was carried out here is over; times are on meter_clock_ns(). */
void miss_was_here(struct io *io, uint64_t end_ns);

#endif
