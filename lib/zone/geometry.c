// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where the zones of a disk lie. */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"

const char *zone_geo_error(const struct zone_geo *geo)
{
	uint64_t slots;

	if (!geo->capacity_blocks)
		return "the capacity is 0";
	if (!geo->zone_blocks)
		return "the zone size is 0";
	if (geo->zone_blocks > geo->capacity_blocks)
		return "the zone size is larger than the disk";
	if (!geo->zone_cap_blocks)
		return "the zone capacity is 0";
	if (geo->zone_cap_blocks > geo->zone_blocks)
		return "the zone capacity is larger than the zone size";
	if (!is_pow2(geo->phys_blocks))
		return "a physical block is not a power of two of logical "
		       "blocks";
	/* Else the blocks at a zone's end could never be written. */
	if (geo->zone_blocks % geo->phys_blocks ||
	    geo->zone_cap_blocks % geo->phys_blocks ||
	    geo->capacity_blocks % geo->phys_blocks)
		return "the zone size, the zone capacity and the disk's "
		       "capacity are not all whole physical blocks";
	slots = div_up_u64(geo->capacity_blocks, geo->zone_blocks);
	if (slots >= SLOT_NONE)
		return "there would be more than 4294967294 zones";
	/* Device type 14h: at least one sequential write required zone.  And
	 * without a zone that has a write pointer a disk is not host-aware. */
	if (geo->conv_slots >= slots)
		return "the conventional zones leave no sequential zone";
	if (!geo->host_aware)
		return NULL;
	/* Hosts may use it like any other disk. */
	if (geo->zone_cap_blocks < geo->zone_blocks)
		return "a host-aware disk has no gap zones";
	if (!geo->urswrz)
		return "URSWRZ 0 is about sequential write required zones, "
		       "which a host-aware disk has not";
	return NULL;
}

uint32_t zone_geo_slots(const struct zone_geo *geo)
{
	return (uint32_t)div_up_u64(geo->capacity_blocks, geo->zone_blocks);
}

uint32_t zone_slot_of(const struct zone_set *set, uint64_t lba)
{
	assert(lba < set->geo.capacity_blocks);
	return (uint32_t)(lba / set->geo.zone_blocks);
}

uint64_t zone_slot_start_lba(const struct zone_set *set, uint32_t slot)
{
	assert(slot < set->nr_slots);
	return (uint64_t)slot * set->geo.zone_blocks;
}

uint32_t zone_slot_blocks(const struct zone_set *set, uint32_t slot)
{
	uint64_t start_lba = zone_slot_start_lba(set, slot);

	return (uint32_t)min_u64(set->geo.zone_blocks,
				 set->geo.capacity_blocks - start_lba);
}

bool zone_slot_is_conv(const struct zone_set *set, uint32_t slot)
{
	assert(slot < set->nr_slots);
	return slot < set->geo.conv_slots;
}

bool zone_slot_is_preferred(const struct zone_set *set, uint32_t slot)
{
	return set->geo.host_aware && !zone_slot_is_conv(set, slot);
}

uint32_t zone_slot_cap_blocks(const struct zone_set *set, uint32_t slot)
{
	uint32_t blocks = zone_slot_blocks(set, slot);

	if (zone_slot_is_conv(set, slot))
		return blocks;
	return (uint32_t)min_u64(blocks, set->geo.zone_cap_blocks);
}

bool zone_lba_in_gap(const struct zone_set *set, uint64_t lba)
{
	uint32_t slot = zone_slot_of(set, lba);

	return lba - zone_slot_start_lba(set, slot) >=
	       zone_slot_cap_blocks(set, slot);
}

uint64_t zone_count_all(const struct zone_set *set)
{
	uint32_t last = set->nr_slots - 1;
	uint64_t gaps = 0;

	/* All sequential slots are alike, but the last may be smaller. */
	if (set->geo.zone_cap_blocks < set->geo.zone_blocks)
		gaps = last - set->geo.conv_slots;
	if (zone_slot_cap_blocks(set, last) < zone_slot_blocks(set, last))
		gaps++;
	return set->nr_slots + gaps;
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

static enum zone_type slot_type(const struct zone_set *set, uint32_t slot)
{
	if (zone_slot_is_conv(set, slot))
		return ZT_CONVENTIONAL;
	return set->geo.host_aware ? ZT_SEQ_PREFERRED : ZT_SEQ_REQUIRED;
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

	if (zone_lba_in_gap(set, lba)) {
		gap_info(set, slot, info);
		return;
	}
	*info = (struct zone_info){
		.start_lba = start_lba,
		.blocks = zone_slot_cap_blocks(set, slot),
		.wp_lba = wp_lba(start_lba, s),
		.type = slot_type(set, slot),
		.cond = s->cond,
		.attrs = s->attrs,
		.slot = slot,
	};
}
