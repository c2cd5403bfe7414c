// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Do the accounts agree with the slots?  For tests. */
#include <string.h>

#include "zone/internal.h"
#include "zone/realm.h"

static bool slot_ok(const struct zone_set *set, uint32_t slot)
{
	const struct zone_traits *t = zone_slot_traits(set, slot);
	const struct zone_slot *s = &set->slots[slot];

	if (s->type != zone_geo_type(&set->geo, slot) ||
	    !zone_state_ok(set, slot, s->cond, s->wp_blocks))
		return false;
	if (!t->has_wp && s->wp_blocks)
		return false;
	if (s->attrs & ZA_NON_SEQ && (!t->tells_non_seq || !s->wp_blocks))
		return false;
	return s->cond == ZC_IMP_OPEN ||
	       (s->lru_prev == SLOT_NONE && s->lru_next == SLOT_NONE);
}

static bool slots_ok(const struct zone_set *set)
{
	for (uint32_t i = 0; i < set->nr_slots; i++)
		if (!slot_ok(set, i))
			return false;
	return true;
}

static bool counters_ok(const struct zone_set *set)
{
	uint32_t nr_cond[16] = { 0 }, nr_non_seq = 0, nr_wp = 0, nr_gaps = 0;

	for (uint32_t i = 0; i < set->nr_slots; i++) {
		nr_cond[set->slots[i].cond & 0xf]++;
		nr_non_seq += !!(set->slots[i].attrs & ZA_NON_SEQ);
		nr_wp += zone_slot_has_wp(set, i);
		nr_gaps += zone_slot_has_gap(set, i);
	}
	return nr_non_seq == set->nr_non_seq && nr_wp == set->nr_wp &&
	       nr_gaps == set->nr_gaps &&
	       !memcmp(nr_cond, set->nr_cond, sizeof(nr_cond));
}

static bool lru_ok(const struct zone_set *set, enum zone_resource resource)
{
	const struct zone_pool *pool = &set->pools[resource];
	uint32_t prev = SLOT_NONE, n = 0;

	for (uint32_t i = pool->lru_head; i != SLOT_NONE;
	     prev = i, i = set->slots[i].lru_next) {
		if (i >= set->nr_slots || ++n > set->nr_slots)
			return false;
		if (set->slots[i].cond != ZC_IMP_OPEN ||
		    set->slots[i].lru_prev != prev ||
		    zone_slot_traits(set, i)->resource != resource)
			return false;
	}
	return prev == pool->lru_tail && n == pool->nr_imp;
}

/* The optimal number may be exceeded by zones opened explicitly and the one
 * that was written last. */
static bool limit_ok(const struct zone_set *set, enum zone_resource resource)
{
	const struct zone_pool *pool = &set->pools[resource];

	if (!set->geo.max_open || resource == ZR_NONE ||
	    (resource == ZR_OPTIMAL && pool->nr_imp <= 1))
		return true;
	return (uint64_t)pool->nr_imp + pool->nr_exp <= set->geo.max_open;
}

static bool pools_ok(const struct zone_set *set)
{
	uint32_t nr_imp[ZR_NR] = { 0 }, nr_exp[ZR_NR] = { 0 };

	for (uint32_t i = 0; i < set->nr_slots; i++) {
		nr_imp[zone_slot_traits(set, i)->resource] +=
			set->slots[i].cond == ZC_IMP_OPEN;
		nr_exp[zone_slot_traits(set, i)->resource] +=
			set->slots[i].cond == ZC_EXP_OPEN;
	}
	for (int i = 0; i < ZR_NR; i++)
		if (set->pools[i].nr_imp != nr_imp[i] ||
		    set->pools[i].nr_exp != nr_exp[i] || !lru_ok(set, i) ||
		    !limit_ok(set, i))
			return false;
	return true;
}

/* INACTIVE are the zones of realms that are active elsewhere, and no others. */
static bool realms_ok(const struct zone_set *set)
{
	const struct zone_domains *domains = &set->geo.domains;
	uint32_t nr_active[ZONE_MAX_DOMAINS] = { 0 }, nr_inactive_wp = 0;

	if (!domains->nr)
		return !set->nr_inactive_wp;
	for (uint32_t r = 0; r < domains->nr_realms; r++) {
		if (!zone_realm_has(&set->geo, r, set->active[r]))
			return false;
		nr_active[set->active[r]]++;
	}
	for (uint32_t i = 0; i < set->nr_slots; i++) {
		bool inactive = set->slots[i].cond == ZC_INACTIVE;

		if (inactive != zone_slot_is_inactive(set, i))
			return false;
		nr_inactive_wp += inactive && zone_slot_has_wp(set, i);
	}
	return nr_inactive_wp == set->nr_inactive_wp &&
	       !memcmp(nr_active, set->nr_active, sizeof(nr_active));
}

bool zone_set_check(const struct zone_set *set)
{
	return slots_ok(set) && counters_ok(set) && pools_ok(set) &&
	       realms_ok(set);
}
