/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A clock for who looks at it twice a command.  clock_ns() is a system call
 * wherever the kernel has no better way (User Mode Linux), and some 30 ns at
 * best.  Where the processor says that its counter runs at one rate whatever
 * happens (x86: invariant TSC), and the kernel does not distrust it, that is
 * read instead; ten times a second it is compared with clock_ns(), and as long
 * as the two do not agree, clock_ns() it is.
 *
 * It is off by what came between the two when they were compared: as a rule by
 * microseconds, at most by 1/64 of the time between two comparisons.  It
 * differs by as much between threads, or from a moment ago: who subtracts must
 * bear an end before the beginning.
 */
#ifndef ZL_BASE_COUNTER_H
#define ZL_BASE_COUNTER_H

#include <stdint.h>

/* About clock_ns().  Any thread. */
uint64_t counter_clock_ns(void);

/* What a counter's reading means in ns; all 0 to begin with. */
struct counter {
	uint64_t count, ns; /* compared last; count 0: never */
	uint64_t first_count, first_ns;
	uint64_t rate; /* ns for 2^24 of it; 0: not known */
};

/* For tests: the same on another counter, of which @now was just read, and
 * another clock. */
uint64_t counter_ns(struct counter *c, uint64_t now, uint64_t (*count)(void),
		    uint64_t (*clock)(void));

#endif
