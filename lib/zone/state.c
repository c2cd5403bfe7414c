// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The state of the zones: conditions, counters, and who holds an open resource.
 * The implicitly opened zones of each resource are a doubly linked list in the
 * slots themselves, least recently used first; nothing else links slots.
 */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"

static struct zone_pool *pool_of(struct zone_set *set, uint32_t slot)
{
	return &set->pools[zone_slot_traits(set, slot)->resource];
}

static void lru_remove(struct zone_set *set, uint32_t slot)
{
	struct zone_pool *pool = pool_of(set, slot);
	struct zone_slot *s = &set->slots[slot];

	if (s->lru_prev == SLOT_NONE)
		pool->lru_head = s->lru_next;
	else
		set->slots[s->lru_prev].lru_next = s->lru_next;
	if (s->lru_next == SLOT_NONE)
		pool->lru_tail = s->lru_prev;
	else
		set->slots[s->lru_next].lru_prev = s->lru_prev;
	s->lru_prev = s->lru_next = SLOT_NONE;
	pool->nr_imp--;
}

static void lru_append(struct zone_set *set, uint32_t slot)
{
	struct zone_pool *pool = pool_of(set, slot);
	struct zone_slot *s = &set->slots[slot];

	s->lru_prev = pool->lru_tail;
	s->lru_next = SLOT_NONE;
	if (pool->lru_tail == SLOT_NONE)
		pool->lru_head = slot;
	else
		set->slots[pool->lru_tail].lru_next = slot;
	pool->lru_tail = slot;
	pool->nr_imp++;
}

void zone_slot_set_cond(struct zone_set *set, uint32_t slot,
			enum zone_cond cond)
{
	struct zone_slot *s = &set->slots[slot];

	/* The last of the list becomes the last. */
	if (cond == ZC_IMP_OPEN && s->cond == cond && s->lru_next == SLOT_NONE)
		return;
	if (s->cond == ZC_IMP_OPEN)
		lru_remove(set, slot);
	else if (s->cond == ZC_EXP_OPEN)
		pool_of(set, slot)->nr_exp--;
	set->nr_cond[s->cond]--;
	s->cond = (uint8_t)cond;
	set->nr_cond[cond]++;
	if (cond == ZC_IMP_OPEN)
		lru_append(set, slot);
	else if (cond == ZC_EXP_OPEN)
		pool_of(set, slot)->nr_exp++;
}

void zone_slot_close(struct zone_set *set, uint32_t slot)
{
	bool written = set->slots[slot].wp_blocks > 0;

	zone_slot_set_cond(set, slot, written ? ZC_CLOSED : ZC_EMPTY);
}

uint32_t zone_nr_open(const struct zone_set *set)
{
	return set->nr_cond[ZC_IMP_OPEN] + set->nr_cond[ZC_EXP_OPEN];
}

bool zone_can_open(const struct zone_set *set, uint32_t extra)
{
	uint64_t nr_exp = set->pools[ZR_LIMITED].nr_exp;

	return !set->geo.max_open || nr_exp + extra <= set->geo.max_open;
}

bool zone_slot_may_open(const struct zone_set *set, uint32_t slot)
{
	return zone_slot_traits(set, slot)->resource != ZR_LIMITED ||
	       zone_can_open(set, 1);
}

void zone_make_room(struct zone_set *set, enum zone_resource resource,
		    uint32_t room)
{
	struct zone_pool *pool = &set->pools[resource];

	if (!set->geo.max_open || resource == ZR_NONE)
		return;
	while ((uint64_t)pool->nr_imp + pool->nr_exp + room >
	       set->geo.max_open) {
		if (pool->lru_head == SLOT_NONE) {
			assert(resource != ZR_LIMITED);
			return;
		}
		zone_slot_close(set, pool->lru_head);
	}
}

static void slot_init(struct zone_set *set, uint32_t slot)
{
	struct zone_slot *s = &set->slots[slot];
	bool has_wp;

	*s = (struct zone_slot){
		.lru_prev = SLOT_NONE,
		.lru_next = SLOT_NONE,
		.type = (uint8_t)zone_geo_type(&set->geo, slot),
	};
	has_wp = zone_slot_has_wp(set, slot);
	s->cond = has_wp ? ZC_EMPTY : ZC_NOT_WP;
	set->nr_cond[s->cond]++;
	set->nr_wp += has_wp;
	set->nr_gaps += zone_slot_has_gap(set, slot);
}

void zone_set_init(struct zone_set *set, const struct zone_geo *geo,
		   struct zone_slot *slots)
{
	assert(!zone_geo_error(geo));
	*set = (struct zone_set){
		.geo = *geo,
		.nr_slots = zone_geo_slots(geo),
		.slots = slots,
	};
	if (is_pow2(geo->zone_blocks))
		set->zone_shift = (uint8_t)__builtin_ctzll(geo->zone_blocks);
	for (int i = 0; i < ZR_NR; i++)
		set->pools[i].lru_head = set->pools[i].lru_tail = SLOT_NONE;
	for (uint32_t i = 0; i < set->nr_slots; i++)
		slot_init(set, i);
}

/* Whether a zone in @cond can have its write pointer there. */
static bool wp_fits(enum zone_cond cond, uint32_t wp_blocks, uint32_t cap)
{
	switch (cond) {
	case ZC_EMPTY:
		return wp_blocks == 0;
	case ZC_IMP_OPEN:
	case ZC_EXP_OPEN:
		return wp_blocks < cap;
	case ZC_CLOSED:
		return wp_blocks > 0 && wp_blocks < cap;
	case ZC_FULL:
		return wp_blocks == cap;
	case ZC_READ_ONLY:
	case ZC_OFFLINE:
	case ZC_INACTIVE:
		return wp_blocks <= cap;
	default:
		return false;
	}
}

static bool without_wp_can_be(enum zone_cond cond, bool gap)
{
	if (gap)
		return cond == ZC_NOT_WP;
	return cond == ZC_NOT_WP || cond == ZC_READ_ONLY ||
	       cond == ZC_OFFLINE || cond == ZC_INACTIVE;
}

bool zone_state_ok(const struct zone_set *set, uint32_t slot,
		   enum zone_cond cond, uint32_t wp_blocks)
{
	const struct zone_traits *t = zone_slot_traits(set, slot);

	if (!t->has_wp)
		return without_wp_can_be(cond, t->span == ZS_NOTHING);
	return wp_fits(cond, wp_blocks, zone_slot_cap_blocks(set, slot));
}

void zone_set_state(struct zone_set *set, uint32_t slot, enum zone_cond cond,
		    uint32_t wp_blocks)
{
	assert(zone_state_ok(set, slot, cond, wp_blocks));
	set->slots[slot].wp_blocks =
		zone_slot_has_wp(set, slot) ? wp_blocks : 0;
	zone_slot_set_cond(set, slot, cond);
	if (!set->slots[slot].wp_blocks)
		zone_slot_set_attrs(set, slot,
				    set->slots[slot].attrs & ~ZA_NON_SEQ);
}

void zone_slot_set_attrs(struct zone_set *set, uint32_t slot, uint8_t attrs)
{
	struct zone_slot *s = &set->slots[slot];

	set->nr_non_seq -= !!(s->attrs & ZA_NON_SEQ);
	s->attrs = attrs;
	set->nr_non_seq += !!(s->attrs & ZA_NON_SEQ);
}

void zone_set_attrs(struct zone_set *set, uint32_t slot, uint8_t attrs)
{
	assert(slot < set->nr_slots);
	assert(!(attrs & ZA_NON_SEQ) ||
	       (zone_slot_traits(set, slot)->tells_non_seq &&
		set->slots[slot].wp_blocks));
	zone_slot_set_attrs(set, slot, attrs);
}

void zone_power_on(struct zone_set *set)
{
	for (uint32_t i = 0; i < set->nr_slots && zone_nr_open(set); i++)
		if (set->slots[i].cond == ZC_IMP_OPEN ||
		    set->slots[i].cond == ZC_EXP_OPEN)
			zone_slot_close(set, i);
}
