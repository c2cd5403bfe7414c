// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Sweeping a fault's position. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fault/sweep.h"

static const struct store_fault_plan no_faults = { .fail_at = UINT64_MAX };

/* One round; returns the number of calls that failed. */
static uint64_t sweep_at(const struct fault_sweep *sweep, uint64_t at)
{
	struct store_fault_plan plan = sweep->plan;
	struct store *lower = sweep->setup(sweep->user);
	struct store *st;
	uint64_t hits;
	int ret;

	assert_non_null(lower);
	st = store_fault_new(lower);
	assert_non_null(st);
	plan.fail_at = at;
	store_fault_arm(st, &plan);
	ret = sweep->run(sweep->user, st);
	hits = store_fault_hits(st);
	store_fault_arm(st, &no_faults);
	sweep->check(sweep->user, st, ret, hits);
	store_close(st);
	return hits;
}

uint64_t fault_sweep(const struct fault_sweep *sweep)
{
	uint64_t max = sweep->max_rounds ? sweep->max_rounds : 10000;
	uint64_t at = 0;

	while (sweep_at(sweep, at)) {
		at++;
		assert_true(at < max);
	}
	return at;
}
