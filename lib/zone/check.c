// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Do the accounts agree with the slots?  For tests. */
#include <string.h>

#include "zone/internal.h"

static bool slots_ok(const struct zone_set *set)
{
	for (uint32_t i = 0; i < set->nr_slots; i++) {
		const struct zone_slot *s = &set->slots[i];

		if (!zone_state_ok(set, i, s->cond, s->wp_blocks))
			return false;
		if (zone_slot_is_conv(set, i) && s->wp_blocks)
			return false;
		if (s->attrs & ZA_NON_SEQ &&
		    (!zone_slot_is_preferred(set, i) || !s->wp_blocks))
			return false;
		if (s->cond != ZC_IMP_OPEN &&
		    (s->lru_prev != SLOT_NONE || s->lru_next != SLOT_NONE))
			return false;
	}
	return true;
}

static bool counters_ok(const struct zone_set *set)
{
	uint32_t nr_cond[16] = { 0 }, nr_non_seq = 0;

	for (uint32_t i = 0; i < set->nr_slots; i++) {
		nr_cond[set->slots[i].cond & 0xf]++;
		nr_non_seq += !!(set->slots[i].attrs & ZA_NON_SEQ);
	}
	return nr_non_seq == set->nr_non_seq &&
	       !memcmp(nr_cond, set->nr_cond, sizeof(nr_cond));
}

static bool lru_ok(const struct zone_set *set)
{
	uint32_t prev = SLOT_NONE, n = 0;

	for (uint32_t i = set->lru_head; i != SLOT_NONE;
	     prev = i, i = set->slots[i].lru_next) {
		if (i >= set->nr_slots || ++n > set->nr_slots)
			return false;
		if (set->slots[i].cond != ZC_IMP_OPEN ||
		    set->slots[i].lru_prev != prev)
			return false;
	}
	return prev == set->lru_tail && n == set->nr_cond[ZC_IMP_OPEN];
}

/* A host-aware disk may exceed it with zones opened explicitly and the one that
 * was written last. */
static bool limit_ok(const struct zone_set *set)
{
	if (set->geo.host_aware && set->nr_cond[ZC_IMP_OPEN] <= 1)
		return true;
	return !set->geo.max_open || zone_nr_open(set) <= set->geo.max_open;
}

bool zone_set_check(const struct zone_set *set)
{
	return slots_ok(set) && counters_ok(set) && lru_ok(set) &&
	       limit_ok(set);
}
