/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Sweeping a fault's position: the 1st call to the store fails, then the 2nd,
 * and so on until what is tried runs through without meeting one.
 */
#ifndef TESTS_FAULT_SWEEP_H
#define TESTS_FAULT_SWEEP_H

#include "store/store.h"
#include "stores/fault.h"

struct fault_sweep {
	/* What fails; fail_at is the sweep's. */
	struct store_fault_plan plan;
	/* Makes a fresh store in the state to start from (the sweep closes it).
	 */
	struct store *(*setup)(void *user);
	/* What is tried; its result goes to check(). */
	int (*run)(void *user, struct store *st);
	/* Looks at the outcome; no call fails any more.  @hits is how many
	 * calls failed: 0 in the last round only. */
	void (*check)(void *user, struct store *st, int ret, uint64_t hits);
	void *user;
	/* A sweep that is longer fails the test; 0 = 10000. */
	uint64_t max_rounds;
};

/* Returns the number of positions that failed. */
uint64_t fault_sweep(const struct fault_sweep *sweep);

#endif
