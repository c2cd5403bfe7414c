// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where the zones of a disk lie. */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"

uint32_t zone_geo_slots(const struct zone_geo *geo)
{
	return (uint32_t)div_up_u64(geo->capacity_blocks, geo->zone_blocks);
}

static const struct zone_run *run_of(const struct zone_geo *geo, uint32_t slot)
{
	const struct zone_run *run = geo->runs;

	while (slot >= run->end) {
		run++;
		assert(run < geo->runs + ZONE_MAX_RUNS);
	}
	return run;
}

enum zone_type zone_geo_type(const struct zone_geo *geo, uint32_t slot)
{
	return run_of(geo, slot)->type;
}

bool zone_geo_has(const struct zone_geo *geo, enum zone_type type)
{
	uint32_t slots = zone_geo_slots(geo), start = 0;

	for (int i = 0; i < ZONE_MAX_RUNS && start < slots; i++) {
		if (geo->runs[i].end <= start)
			continue;
		if (geo->runs[i].type == type)
			return true;
		start = geo->runs[i].end;
	}
	return false;
}

uint32_t zone_geo_first_wp(const struct zone_geo *geo)
{
	uint32_t start = 0;

	while (!zone_traits[zone_geo_type(geo, start)].has_wp)
		start = run_of(geo, start)->end;
	return start;
}

bool zone_slot_has_gap(const struct zone_set *set, uint32_t slot)
{
	uint32_t cap = zone_slot_cap_blocks(set, slot);

	return cap && cap < zone_slot_blocks(set, slot);
}

uint64_t zone_count_all(const struct zone_set *set)
{
	return (uint64_t)set->nr_slots + set->nr_gaps;
}

static void gap_info(const struct zone_set *set, uint32_t slot,
		     struct zone_info *info)
{
	uint32_t cap = zone_slot_cap_blocks(set, slot);

	*info = (struct zone_info){
		.start_lba = zone_slot_start_lba(set, slot) + cap,
		.blocks = zone_slot_blocks(set, slot) - cap,
		.wp_lba = UINT64_MAX,
		.type = ZT_GAP,
		.cond = ZC_NOT_WP,
		.slot = slot,
	};
}

/* ZBC-2 leaves the field invalid where there is no write pointer. */
static uint64_t wp_lba(uint64_t start_lba, const struct zone_slot *s)
{
	switch (s->cond) {
	case ZC_EMPTY:
	case ZC_IMP_OPEN:
	case ZC_EXP_OPEN:
	case ZC_CLOSED:
	case ZC_FULL:
		return start_lba + s->wp_blocks;
	default:
		return UINT64_MAX;
	}
}

void zone_info_at(const struct zone_set *set, uint64_t lba,
		  struct zone_info *info)
{
	uint32_t slot = zone_slot_of(set, lba);
	uint64_t start_lba = zone_slot_start_lba(set, slot);
	const struct zone_slot *s = &set->slots[slot];

	if (zone_in_gap(set, slot, lba)) {
		gap_info(set, slot, info);
		return;
	}
	*info = (struct zone_info){
		.start_lba = start_lba,
		.blocks = zone_slot_cap_blocks(set, slot),
		.wp_lba = wp_lba(start_lba, s),
		.type = s->type,
		.cond = s->cond,
		.attrs = s->attrs,
		.slot = slot,
	};
}
