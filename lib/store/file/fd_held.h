/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Pins that requests which do not wait leave for the next one of their slot, so
 * that it finds its descriptor without a lock.  A table in each file store;
 * what is in it is pinned once for that.
 *
 * Only a store's own requests take and put; whoever wants its descriptors
 * closed calls them back.  Any thread.
 */
#ifndef ZL_STORE_FILE_FD_HELD_H
#define ZL_STORE_FILE_FD_HELD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FD_HELD_MAX 256u

struct fd_entry;

struct fd_held {
	_Atomic(struct fd_entry *) at[FD_HELD_MAX]; /* by slot */
	_Atomic(uint32_t) slot[FD_HELD_MAX];	    /* whose, most likely */
	atomic_bool some;    /* since all were called back */
	atomic_uint recalls; /* of one slot's */
};

/* The entry there, or NULL.  Its pin is the caller's. */
static inline struct fd_entry *fd_held_take_any(struct fd_held *h, uint32_t at)
{
	return atomic_exchange(&h->at[at % FD_HELD_MAX], NULL);
}

/* The slot's, as far as that is known; or NULL. */
static inline struct fd_entry *fd_held_take(struct fd_held *h, uint32_t slot)
{
	uint32_t at = slot % FD_HELD_MAX;

	if (atomic_load_explicit(&h->slot[at], memory_order_relaxed) != slot ||
	    !atomic_load_explicit(&h->at[at], memory_order_relaxed))
		return NULL;
	return fd_held_take_any(h, at);
}

/*
 * Leaves @e, of that slot, with the caller's pin.  @recalls: as they were
 * before the caller saw that it is not forgotten.  Returns NULL, or the entry
 * (that one, or another) whose pin is the caller's to end.
 */
static inline struct fd_entry *fd_held_put(struct fd_held *h, uint32_t slot,
					   struct fd_entry *e, unsigned recalls)
{
	uint32_t at = slot % FD_HELD_MAX;
	struct fd_entry *none = NULL;

	if (atomic_load_explicit(&h->at[at], memory_order_relaxed))
		return e;
	atomic_store_explicit(&h->slot[at], slot, memory_order_relaxed);
	if (!atomic_compare_exchange_strong(&h->at[at], &none, e))
		return e;
	if (!atomic_load(&h->some))
		atomic_store(&h->some, true);
	/* Whoever called it back meanwhile did not find it; it may be gone. */
	return atomic_load(&h->recalls) == recalls ? NULL
						   : fd_held_take_any(h, at);
}

/* After the slot's entry was forgotten: what is there, or NULL.  Whoever is
 * just putting it takes it out again. */
static inline struct fd_entry *fd_held_recall(struct fd_held *h, uint32_t slot)
{
	atomic_fetch_add(&h->recalls, 1);
	return fd_held_take_any(h, slot);
}

#endif
