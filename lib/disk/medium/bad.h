/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Blocks whose content is not to be trusted: a sync of them failed, or somebody
 * cut them off.  Few, if any.  Blocks are counted from the slot's start; ranges
 * are [lo, hi), and those of one slot neither overlap nor touch.  One thread at
 * a time.
 */
#ifndef ZL_DISK_MEDIUM_BAD_H
#define ZL_DISK_MEDIUM_BAD_H

#include <stdbool.h>
#include <stdint.h>

struct bad_range {
	struct bad_range *next;
	uint32_t slot;
	uint32_t lo, hi;
};

struct bad_ranges {
	struct bad_range *first;
	uint32_t nr;
	uint32_t nr_all; /* slots that are SLOT_ALL_BAD; the disk's */
};

/*
 * Adds a range; it may end up longer, never shorter, where there is no memory
 * or are too many.  -ENOMEM: it could not even be added to one of the slot's;
 * nothing was added.
 */
int bad_add(struct bad_ranges *bad, uint32_t slot, uint32_t lo, uint32_t hi);
/* Takes a range away.  -ENOMEM: it is the middle of one, and stays. */
int bad_clear(struct bad_ranges *bad, uint32_t slot, uint32_t lo, uint32_t hi);
/* The first bad block of [lo, hi), or UINT32_MAX. */
uint32_t bad_first(const struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		   uint32_t hi);
void bad_free(struct bad_ranges *bad);

#endif
