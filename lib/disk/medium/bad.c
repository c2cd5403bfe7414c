// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Ranges of blocks that are not to be trusted. */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "disk/medium/bad.h"

/* Bounds the time that looking for one takes. */
#define MAX_RANGES 4096

static void unlink_range(struct bad_ranges *bad, struct bad_range **link)
{
	struct bad_range *b = *link;

	*link = b->next;
	free(b);
	bad->nr--;
}

static int insert(struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		  uint32_t hi)
{
	struct bad_range *b = malloc(sizeof(*b));

	if (!b)
		return -ENOMEM;
	*b = (struct bad_range){
		.next = bad->first, .slot = slot, .lo = lo, .hi = hi
	};
	bad->first = b;
	bad->nr++;
	return 0;
}

/* Makes [lo, hi) longer by those that it touches, and takes these away but for
 * one, which gets to be all of it. */
static struct bad_range *merge(struct bad_ranges *bad, uint32_t slot,
			       uint32_t lo, uint32_t hi)
{
	struct bad_range **link = &bad->first, *kept = NULL, *b;

	while ((b = *link)) {
		if (b->slot != slot || b->lo > hi || b->hi < lo) {
			link = &b->next;
			continue;
		}
		lo = b->lo < lo ? b->lo : lo;
		hi = b->hi > hi ? b->hi : hi;
		if (!kept) {
			kept = b;
			link = &b->next;
		} else {
			unlink_range(bad, link);
		}
		kept->lo = lo;
		kept->hi = hi;
	}
	return kept;
}

static struct bad_range *any_of(const struct bad_ranges *bad, uint32_t slot)
{
	struct bad_range *b = bad->first;

	while (b && b->slot != slot)
		b = b->next;
	return b;
}

int bad_add(struct bad_ranges *bad, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct bad_range *b;

	if (lo >= hi || merge(bad, slot, lo, hi))
		return 0;
	if (bad->nr < MAX_RANGES && !insert(bad, slot, lo, hi))
		return 0;
	b = any_of(bad, slot);
	if (!b)
		return insert(bad, slot, lo, hi);
	merge(bad, slot, b->lo < lo ? b->lo : lo, b->hi > hi ? b->hi : hi);
	return 0;
}

int bad_clear(struct bad_ranges *bad, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct bad_range **link = &bad->first, *b;

	while ((b = *link)) {
		if (b->slot != slot || b->lo >= hi || b->hi <= lo) {
			link = &b->next;
		} else if (b->lo >= lo && b->hi <= hi) {
			unlink_range(bad, link);
		} else if (b->lo < lo && b->hi > hi) {
			if (insert(bad, slot, hi, b->hi))
				return -ENOMEM;
			b->hi = lo;
			return 0;
		} else {
			if (b->lo < lo)
				b->hi = lo;
			else
				b->lo = hi;
			link = &b->next;
		}
	}
	return 0;
}

uint32_t bad_first(const struct bad_ranges *bad, uint32_t slot, uint32_t lo,
		   uint32_t hi)
{
	uint32_t first = UINT32_MAX, at;

	for (const struct bad_range *b = bad->first; b; b = b->next) {
		if (b->slot != slot || b->lo >= hi || b->hi <= lo)
			continue;
		at = b->lo > lo ? b->lo : lo;
		first = at < first ? at : first;
	}
	return first;
}

void bad_free(struct bad_ranges *bad)
{
	while (bad->first)
		unlink_range(bad, &bad->first);
}
