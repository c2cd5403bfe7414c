/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A store that can take back what was not synced, in front of another one: a
 * simulated power failure while everything runs.
 *
 * Of each slot that was changed since its last STORE_SYNC it keeps the way
 * back: the size of a sequential file; the file itself, set aside, when it was
 * reset (see store_aside()); the old contents of overwritten parts of a file,
 * in memory.  When these would need more than 64 MiB the slot is synced early,
 * as a drive does whose cache is full, and if that makes too little room after
 * the change as well.  An early sync that fails is also the next STORE_SYNC's
 * failure.
 *
 * If the process dies, nothing is taken back: the way back is dropped with
 * store_rollback_clean() at the next opening.  That holds for a death in the
 * middle of a failure too: slots that were not reached keep what they have,
 * which a power failure may leave as well.
 */
#ifndef ZL_STORE_ROLLBACK_H
#define ZL_STORE_ROLLBACK_H

#include "store/store.h"

/* Wraps @lower.  NULL when there is no memory. */
struct store *store_rollback_new(struct store *lower);

/* Frees the wrapper alone and returns the store below; no request is under
 * way.  What was changed stays changed. */
struct store *store_rollback_release(struct store *st);

struct store_rollback_part {
	bool random; /* keep a random part of what was not synced, chosen with
			seed; false: take everything back */
	uint64_t seed;
	uint32_t granule_bytes; /* sizes and contents are kept in multiples */
};

/*
 * The power fails: of each slot that was not synced takes back what it can,
 * makes what is there now durable, and calls @changed with how many are to
 * follow and what that sync returned.  Waits for requests under way.  No
 * request that changes a sequential slot is under way or comes meanwhile.
 * Returns 0 or the first -errno; the other slots are done all the same.
 */
int store_rollback_fail(struct store *st,
			const struct store_rollback_part *part,
			void (*changed)(void *user, uint32_t slot,
					uint32_t left, int synced),
			void *user);

/* Removes what a dead process's rollback store left in the directory of @st,
 * which may be any store.  Returns how many names, or -errno. */
int store_rollback_clean(struct store *st);

#endif
