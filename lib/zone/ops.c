// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * OPEN, CLOSE, FINISH and RESET (ZBC-2 clause 5).
 *
 * Both forms of each command come down to the set of conditions that it
 * changes; zones in other conditions are left alone.
 */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"

#define COND(c) (1u << (c))

/*
 * The conditions that a command changes.  With ALL, OPEN takes CLOSED zones
 * only and FINISH leaves EMPTY ones alone.
 */
static uint32_t conds_changed(enum zone_op op, bool all)
{
	uint32_t opened = COND(ZC_IMP_OPEN) | COND(ZC_EXP_OPEN);

	switch (op) {
	case ZO_OPEN:
		return COND(ZC_CLOSED) |
		       (all ? 0 : COND(ZC_EMPTY) | COND(ZC_IMP_OPEN));
	case ZO_CLOSE:
		return opened;
	case ZO_FINISH:
		return opened | COND(ZC_CLOSED) | (all ? 0 : COND(ZC_EMPTY));
	case ZO_RESET:
		return opened | COND(ZC_CLOSED) | COND(ZC_FULL);
	}
	return 0;
}

/* Whether zones of that type have the command. */
static bool is_for(enum zone_op op, const struct zone_traits *t)
{
	return t->has_wp && (op == ZO_RESET || !t->only_reset);
}

static bool changes(const struct zone_set *set, uint32_t slot, enum zone_op op,
		    uint32_t conds)
{
	return COND(set->slots[slot].cond) & conds &&
	       is_for(op, zone_slot_traits(set, slot));
}

static bool any_slot_in(const struct zone_set *set, uint32_t conds)
{
	for (unsigned int c = 0; c < ZL_ARRAY_SIZE(set->nr_cond); c++)
		if (COND(c) & conds && set->nr_cond[c])
			return true;
	return false;
}

uint32_t zone_op_next(const struct zone_set *set, enum zone_op op,
		      const struct zone_sel *sel, uint32_t from)
{
	uint32_t conds = conds_changed(op, sel->all);
	uint32_t end = sel->first + sel->count;

	if (!any_slot_in(set, conds))
		return SLOT_NONE;
	for (uint32_t i = from > sel->first ? from : sel->first; i < end; i++)
		if (changes(set, i, op, conds))
			return i;
	return SLOT_NONE;
}

/* Zones of the limited resource that OPEN would make explicitly opened. */
static uint32_t nr_to_open(const struct zone_set *set,
			   const struct zone_sel *sel)
{
	uint32_t i = zone_op_next(set, ZO_OPEN, sel, sel->first), n = 0;

	for (; i != SLOT_NONE; i = zone_op_next(set, ZO_OPEN, sel, i + 1))
		n += zone_slot_traits(set, i)->resource == ZR_LIMITED;
	return n;
}

static enum zone_verdict zone_id_check(const struct zone_set *set,
				       uint64_t zone_id)
{
	uint32_t slot;

	/*
	 * ZBC-1 calls this, too, "not the lowest LBA of a write pointer zone".
	 * scsi_debug answers LBA out of range, which libzbc's conformance tests
	 * name as the answer of ZBC-2.
	 */
	if (zone_id >= set->geo.capacity_blocks)
		return ZV_LBA_RANGE;
	slot = zone_slot_of(set, zone_id);
	if (zone_id ==
	    zone_slot_start_lba(set, slot) + zone_slot_cap_blocks(set, slot))
		return ZV_GAP;
	if (!zone_slot_has_wp(set, slot) ||
	    zone_id != zone_slot_start_lba(set, slot))
		return ZV_ZONE_ID;
	return ZV_OK;
}

/*
 * ZONE COUNT counts zones, and a gap zone is one: where there is a gap behind
 * the capacity, the second zone has no write pointer and the command ends
 * there.
 */
static bool zone_count_ok(const struct zone_set *set, uint32_t first,
			  uint32_t count)
{
	if (count > set->nr_slots - first)
		return false;
	for (uint32_t i = first + 1; i < first + count; i++)
		if (zone_slot_has_gap(set, i - 1) || !zone_slot_has_wp(set, i))
			return false;
	return true;
}

static enum zone_verdict zones_check(const struct zone_set *set,
				     enum zone_op op,
				     const struct zone_sel *sel)
{
	uint32_t end = sel->first + sel->count;
	enum zone_verdict verdict;

	for (uint32_t i = sel->first; i < end; i++) {
		verdict = zone_cond_refuses(set->slots[i].cond);
		if (verdict)
			return verdict;
		if (!is_for(op, zone_slot_traits(set, i)))
			return i == sel->first ? ZV_ZONE_ID : ZV_ZONE_COUNT;
	}
	return ZV_OK;
}

/* Without ALL: the zones must exist, have write pointers and be in reach. */
static enum zone_verdict select_zones(const struct zone_set *set,
				      enum zone_op op, uint64_t zone_id,
				      uint16_t zone_count, struct zone_sel *sel)
{
	enum zone_verdict verdict = zone_id_check(set, zone_id);

	if (verdict)
		return verdict;
	*sel = (struct zone_sel){
		.first = zone_slot_of(set, zone_id),
		.count = zone_count ? zone_count : 1,
	};
	if (!zone_count_ok(set, sel->first, sel->count))
		return ZV_ZONE_COUNT;
	return zones_check(set, op, sel);
}

enum zone_verdict zone_op_check(const struct zone_set *set, enum zone_op op,
				uint64_t zone_id, uint16_t zone_count, bool all,
				struct zone_sel *sel)
{
	struct zone_sel want = { .count = set->nr_slots, .all = true };
	enum zone_verdict verdict;

	if (!all) {
		verdict = select_zones(set, op, zone_id, zone_count, &want);
		if (verdict)
			return verdict;
	}
	/* FINISH of a zone that is not open needs no resource (scsi_debug). */
	if (op == ZO_OPEN && !zone_can_open(set, nr_to_open(set, &want)))
		return ZV_NO_RESOURCES;
	*sel = want;
	return ZV_OK;
}

static void reset_slot(struct zone_set *set, uint32_t slot)
{
	struct zone_slot *s = &set->slots[slot];

	s->wp_blocks = 0;
	zone_slot_set_attrs(set, slot,
			    s->attrs & (uint8_t) ~(ZA_RESET | ZA_NON_SEQ));
	zone_slot_set_cond(set, slot, ZC_EMPTY);
}

/* What was written out of order stays so: ZA_NON_SEQ is kept, as in
 * scsi_debug. */
static void finish_slot(struct zone_set *set, uint32_t slot)
{
	set->slots[slot].wp_blocks = zone_slot_cap_blocks(set, slot);
	zone_slot_set_cond(set, slot, ZC_FULL);
}

void zone_op_apply(struct zone_set *set, enum zone_op op, uint32_t slot)
{
	assert(op != ZO_OPEN && slot < set->nr_slots);
	if (!changes(set, slot, op, conds_changed(op, false)))
		return;
	if (op == ZO_CLOSE)
		zone_slot_close(set, slot);
	else if (op == ZO_FINISH)
		finish_slot(set, slot);
	else
		reset_slot(set, slot);
}

enum zone_verdict zone_open_apply(struct zone_set *set,
				  const struct zone_sel *sel)
{
	bool opened[ZR_NR] = { false };
	uint32_t i = sel->first;

	if (!zone_can_open(set, nr_to_open(set, sel)))
		return ZV_NO_RESOURCES;
	/*
	 * Open first, then close what is too many: the zones closed to make
	 * room are then never among those that this command opens.
	 */
	while ((i = zone_op_next(set, ZO_OPEN, sel, i)) != SLOT_NONE) {
		opened[zone_slot_traits(set, i)->resource] = true;
		zone_slot_set_cond(set, i, ZC_EXP_OPEN);
	}
	for (int r = 0; r < ZR_NR; r++)
		if (opened[r])
			zone_make_room(set, r, 0);
	return ZV_OK;
}

enum zone_verdict zone_op_run(struct zone_set *set, enum zone_op op,
			      uint64_t zone_id, uint16_t zone_count, bool all)
{
	enum zone_verdict verdict;
	struct zone_sel sel;
	uint32_t i;

	verdict = zone_op_check(set, op, zone_id, zone_count, all, &sel);
	if (verdict)
		return verdict;
	if (op == ZO_OPEN)
		return zone_open_apply(set, &sel);
	for (i = zone_op_next(set, op, &sel, 0); i != SLOT_NONE;
	     i = zone_op_next(set, op, &sel, i + 1))
		zone_op_apply(set, op, i);
	return ZV_OK;
}
