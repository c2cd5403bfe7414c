// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The state of the zones: conditions, counters, and who holds an open resource.
 * The implicitly opened zones are a doubly linked list in the slots themselves,
 * least recently used first; nothing else links slots.
 */
#include <assert.h>

#include "zone/internal.h"

static void lru_remove(struct zone_set *set, uint32_t slot)
{
	struct zone_slot *s = &set->slots[slot];

	if (s->lru_prev == SLOT_NONE)
		set->lru_head = s->lru_next;
	else
		set->slots[s->lru_prev].lru_next = s->lru_next;
	if (s->lru_next == SLOT_NONE)
		set->lru_tail = s->lru_prev;
	else
		set->slots[s->lru_next].lru_prev = s->lru_prev;
	s->lru_prev = s->lru_next = SLOT_NONE;
}

static void lru_append(struct zone_set *set, uint32_t slot)
{
	struct zone_slot *s = &set->slots[slot];

	s->lru_prev = set->lru_tail;
	s->lru_next = SLOT_NONE;
	if (set->lru_tail == SLOT_NONE)
		set->lru_head = slot;
	else
		set->slots[set->lru_tail].lru_next = slot;
	set->lru_tail = slot;
}

void zone_slot_set_cond(struct zone_set *set, uint32_t slot,
			enum zone_cond cond)
{
	struct zone_slot *s = &set->slots[slot];

	if (s->cond == ZC_IMP_OPEN)
		lru_remove(set, slot);
	set->nr_cond[s->cond]--;
	s->cond = (uint8_t)cond;
	set->nr_cond[cond]++;
	if (cond == ZC_IMP_OPEN)
		lru_append(set, slot);
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
	if (!set->geo.max_open || set->geo.host_aware)
		return true;
	return (uint64_t)set->nr_cond[ZC_EXP_OPEN] + extra <= set->geo.max_open;
}

void zone_make_room(struct zone_set *set, uint32_t room)
{
	if (!set->geo.max_open)
		return;
	while ((uint64_t)zone_nr_open(set) + room > set->geo.max_open) {
		if (set->lru_head == SLOT_NONE) {
			assert(set->geo.host_aware);
			return;
		}
		zone_slot_close(set, set->lru_head);
	}
}

void zone_set_init(struct zone_set *set, const struct zone_geo *geo,
		   struct zone_slot *slots)
{
	uint32_t n = zone_geo_slots(geo);

	assert(!zone_geo_error(geo));
	*set = (struct zone_set){
		.geo = *geo,
		.nr_slots = n,
		.slots = slots,
		.lru_head = SLOT_NONE,
		.lru_tail = SLOT_NONE,
	};
	for (uint32_t i = 0; i < n; i++)
		slots[i] = (struct zone_slot){
			.lru_prev = SLOT_NONE,
			.lru_next = SLOT_NONE,
			.cond = i < geo->conv_slots ? ZC_NOT_WP : ZC_EMPTY,
		};
	set->nr_cond[ZC_NOT_WP] = geo->conv_slots;
	set->nr_cond[ZC_EMPTY] = n - geo->conv_slots;
}

/* Whether a sequential zone in @cond can have its write pointer there. */
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

static bool conv_can_be(enum zone_cond cond)
{
	return cond == ZC_NOT_WP || cond == ZC_READ_ONLY ||
	       cond == ZC_OFFLINE || cond == ZC_INACTIVE;
}

bool zone_state_ok(const struct zone_set *set, uint32_t slot,
		   enum zone_cond cond, uint32_t wp_blocks)
{
	if (zone_slot_is_conv(set, slot))
		return conv_can_be(cond);
	return wp_fits(cond, wp_blocks, zone_slot_cap_blocks(set, slot));
}

void zone_set_state(struct zone_set *set, uint32_t slot, enum zone_cond cond,
		    uint32_t wp_blocks)
{
	assert(zone_state_ok(set, slot, cond, wp_blocks));
	set->slots[slot].wp_blocks =
		zone_slot_is_conv(set, slot) ? 0 : wp_blocks;
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
	assert(!(attrs & ZA_NON_SEQ) || (zone_slot_is_preferred(set, slot) &&
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
