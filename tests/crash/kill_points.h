/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Kills this process at a call of the handler's.  The program exports the
 * system's functions that the handler changes the medium with, and so stands
 * between the two; no build of the handler knows of it.
 */
#ifndef TESTS_CRASH_KILL_POINTS_H
#define TESTS_CRASH_KILL_POINTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum kill_how {
	KILL_BEFORE, /* the call has not happened */
	KILL_TORN,   /* a part of a write has; others: as KILL_AFTER */
	KILL_AFTER,  /* it has, but nobody has seen its result */
	KILL_NR,
};

/* In memory that the test shares with the process to be killed. */
struct kill_plan {
	enum kill_how how;
	uint64_t at; /* number of the call, from 1; 0: never */
	_Atomic uint64_t calls;
	/* Set when it ends in the call that posts a completion: that command is
	 * being answered, and perhaps not answered. */
	atomic_bool posting;
};

/* From now on calls are counted and the plan is followed; NULL: neither. */
void kill_points_arm(struct kill_plan *plan);

#endif
