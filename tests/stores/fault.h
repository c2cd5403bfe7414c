/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_STORES_FAULT_H
#define ZL_STORES_FAULT_H

#include <stdint.h>

#include "store/store.h"

/*
 * A store that wraps @lower and makes calls fail.  Every operation (requests
 * and the others, each call of meta_* being one) has a number, counted from 0
 * since the last store_fault_arm(); the plan says what happens.  Closing it
 * closes @lower.
 */
struct store_fault_plan {
	uint64_t fail_at;    /* number of the first call to fail;
				UINT64_MAX = none */
	uint64_t fail_count; /* how many from there on; UINT64_MAX = all */
	int error;	     /* errno, e.g. EIO */
	/* A failing WRITE lets this many bytes through first (at most all). */
	uint64_t partial_bytes;
	/* Only calls of these operations are counted; 0 = all: bit n is
	 * enum store_op n, bit 16 + n the n-th of the other operations in
	 * struct store_ops' order (stat = 16 …). */
	uint32_t only;
	/* … and only requests with one of these flags (STORE_…); 0 = any. */
	unsigned only_flags;
};
/* NULL when there is no memory. */
struct store *store_fault_new(struct store *lower);
/* Sets the plan and counts from 0 again; while nothing else runs. */
void store_fault_arm(struct store *st, const struct store_fault_plan *plan);
uint64_t store_fault_calls(const struct store *st); /* counted since arm */
uint64_t store_fault_hits(const struct store *st);  /* failed since arm */
/* The operation that failed last, as the bit of store_fault_plan.only. */
unsigned store_fault_last(const struct store *st);

#endif
