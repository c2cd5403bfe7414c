// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who may read and write where (ZBC-2 4.4.3).
 *
 * The standard does not order the checks of one command.  The order here is
 * scsi_debug's where that driver has the check: range, zones that are out of
 * reach, gap, boundaries, FULL, alignment, resources for writes; range, zones
 * that are out of reach, gap, zone types, then the restrictions of URSWRZ=0 for
 * reads.
 *
 * A host-aware disk refuses nothing but what cannot be: hosts that know nothing
 * of zones use it like any other disk, so that reads and writes may begin and
 * end wherever they like, across zones and zone types.  (scsi_debug refuses
 * writes from a conventional zone into a sequential write preferred one.)
 *
 * A length of 0 transfers nothing, so that only the LBA matters; the LBA behind
 * the last passes, as in scsi_debug.
 */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"

static enum zone_verdict fault(enum zone_verdict verdict, uint32_t at,
			       uint32_t *slot)
{
	if (slot)
		*slot = at;
	return verdict;
}

static bool in_range(const struct zone_set *set, uint64_t lba, uint64_t nr)
{
	uint64_t capacity = set->geo.capacity_blocks;

	return lba <= capacity && nr <= capacity - lba;
}

static enum zone_verdict reach_read(enum zone_cond cond)
{
	switch (cond) {
	case ZC_OFFLINE:
		return ZV_OFFLINE;
	case ZC_INACTIVE:
		return ZV_INACTIVE;
	default:
		return ZV_OK;
	}
}

enum zone_verdict zone_cond_refuses(enum zone_cond cond)
{
	if (cond == ZC_READ_ONLY)
		return ZV_READ_ONLY;
	return reach_read(cond);
}

/*
 * The first zone from @lba to @last_lba that is out of reach for the access.
 * Gap zones have no such conditions: only those slots count of which more than
 * the gap is touched.
 */
static enum zone_verdict reach_check(const struct zone_set *set, uint64_t lba,
				     uint64_t last_lba,
				     enum zone_verdict (*test)(enum zone_cond),
				     uint32_t *slot)
{
	uint32_t last = zone_slot_of(set, last_lba);
	uint32_t i = zone_slot_of(set, lba);
	enum zone_verdict verdict;

	/* Nearly always: no need to look at each zone of a long range. */
	if (!set->nr_cond[ZC_OFFLINE] && !set->nr_cond[ZC_READ_ONLY] &&
	    !set->nr_cond[ZC_INACTIVE])
		return ZV_OK;
	if (zone_lba_in_gap(set, lba))
		i++;
	for (; i <= last; i++) {
		verdict = test(set->slots[i].cond);
		if (verdict)
			return fault(verdict, i, slot);
	}
	return ZV_OK;
}

/* What comes first for reads and writes alike. */
static enum zone_verdict access_check(const struct zone_set *set, uint64_t lba,
				      uint64_t nr,
				      enum zone_verdict (*test)(enum zone_cond),
				      uint32_t *slot)
{
	if (!in_range(set, lba, nr))
		return fault(ZV_LBA_RANGE, SLOT_NONE, slot);
	return nr ? reach_check(set, lba, lba + nr - 1, test, slot) : ZV_OK;
}

/* Whether all blocks from @lba to @last_lba are in zones of one type. */
static bool one_type(const struct zone_set *set, uint64_t lba,
		     uint64_t last_lba)
{
	uint32_t first = zone_slot_of(set, lba);
	uint32_t last = zone_slot_of(set, last_lba);

	if (first == last)
		return zone_lba_in_gap(set, lba) ==
		       zone_lba_in_gap(set, last_lba);
	if (zone_slot_is_conv(set, first))
		return zone_slot_is_conv(set, last);
	/* The gap behind the first slot's capacity is touched, if any. */
	return zone_slot_cap_blocks(set, first) == zone_slot_blocks(set, first);
}

/* The rules for sequential write required zones with URSWRZ=0. */
static enum zone_verdict read_restricted(const struct zone_set *set,
					 uint64_t lba, uint64_t last_lba)
{
	uint32_t first = zone_slot_of(set, lba);
	uint64_t wp_lba;

	if (zone_slot_is_conv(set, first))
		return ZV_OK;
	if (zone_slot_of(set, last_lba) != first)
		return ZV_READ_BOUNDARY;
	/* READ ONLY zones keep the write pointer that they had. */
	wp_lba = zone_slot_start_lba(set, first) + set->slots[first].wp_blocks;
	return last_lba < wp_lba ? ZV_OK : ZV_READ_INVALID;
}

enum zone_verdict zone_read_check(const struct zone_set *set, uint64_t lba,
				  uint64_t nr, uint32_t *slot)
{
	enum zone_verdict verdict =
		access_check(set, lba, nr, reach_read, slot);
	uint64_t last_lba = lba + nr - 1;
	uint32_t first;

	if (verdict || !nr || set->geo.host_aware)
		return verdict;
	first = zone_slot_of(set, lba);
	/*
	 * Where a read leaves one type for another the codes of both types
	 * could do, those of URSWRZ=0 too; scsi_debug answers this one for
	 * any change of type.
	 */
	if (!one_type(set, lba, last_lba))
		return fault(ZV_READ_INVALID, first, slot);
	/* scsi_debug lets such reads through; the code exists for them. */
	if (zone_lba_in_gap(set, lba))
		return fault(ZV_GAP, first, slot);
	if (set->geo.urswrz)
		return ZV_OK;
	verdict = read_restricted(set, lba, last_lba);
	return verdict ? fault(verdict, first, slot) : ZV_OK;
}

static bool needs_resource(enum zone_cond cond)
{
	return cond == ZC_EMPTY || cond == ZC_CLOSED;
}

/* The rules inside one sequential write required zone. */
static enum zone_verdict write_seq(const struct zone_set *set, uint32_t first,
				   uint64_t lba, uint64_t nr)
{
	const struct zone_slot *s = &set->slots[first];
	uint64_t start_lba = zone_slot_start_lba(set, first);
	uint32_t phys_mask = set->geo.phys_blocks - 1;

	if (lba - start_lba + nr > zone_slot_cap_blocks(set, first))
		return ZV_WRITE_BOUNDARY;
	if (s->cond == ZC_FULL)
		return ZV_FULL;
	if (lba != start_lba + s->wp_blocks || lba & phys_mask ||
	    nr & phys_mask)
		return ZV_UNALIGNED_WRITE;
	if (needs_resource(s->cond) && !zone_can_open(set, 1))
		return ZV_NO_RESOURCES;
	return ZV_OK;
}

enum zone_verdict zone_write_check(const struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot)
{
	enum zone_verdict verdict =
		access_check(set, lba, nr, zone_cond_refuses, slot);
	uint64_t last_lba = lba + nr - 1;
	uint32_t first;

	if (verdict || !nr || set->geo.host_aware)
		return verdict;
	first = zone_slot_of(set, lba);
	if (zone_lba_in_gap(set, lba))
		return fault(ZV_GAP, first, slot);
	/* Conventional zones are random access, physical blocks included. */
	if (zone_slot_is_conv(set, first))
		verdict = one_type(set, lba, last_lba) ? ZV_OK
						       : ZV_WRITE_BOUNDARY;
	else
		verdict = write_seq(set, first, lba, nr);
	return verdict ? fault(verdict, first, slot) : ZV_OK;
}

/* For a write that has been let through. */
static void open_implicitly(struct zone_set *set, uint32_t slot)
{
	enum zone_cond cond = set->slots[slot].cond;

	if (zone_slot_is_conv(set, slot) || cond == ZC_EXP_OPEN ||
	    cond == ZC_FULL)
		return;
	if (needs_resource(cond))
		zone_make_room(set, 1);
	zone_slot_set_cond(set, slot, ZC_IMP_OPEN);
}

enum zone_verdict zone_write_begin(struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot)
{
	enum zone_verdict verdict = zone_write_check(set, lba, nr, slot);
	uint32_t first, last;

	if (verdict || !nr)
		return verdict;
	first = zone_slot_of(set, lba);
	last = zone_slot_of(set, lba + nr - 1);
	for (uint32_t i = first; i <= last; i++)
		open_implicitly(set, i);
	return ZV_OK;
}

/* The slot's data has grown, or been overwritten. */
static void written(struct zone_set *set, uint32_t slot, uint32_t wp_blocks)
{
	struct zone_slot *s = &set->slots[slot];

	s->wp_blocks = wp_blocks;
	switch (s->cond) {
	case ZC_EMPTY:
		zone_slot_set_cond(set, slot, ZC_CLOSED);
		/* fall through */
	case ZC_IMP_OPEN:
	case ZC_EXP_OPEN:
	case ZC_CLOSED:
		if (wp_blocks == zone_slot_cap_blocks(set, slot))
			zone_slot_set_cond(set, slot, ZC_FULL);
		break;
	default:
		/* A fault has overtaken the write; its data can be read. */
		break;
	}
}

static void end_required(struct zone_set *set, uint32_t slot, uint32_t nr)
{
	const struct zone_slot *s = &set->slots[slot];

	/* FULL: a FINISH has overtaken the write. */
	if (s->cond == ZC_FULL)
		return;
	assert(nr <= zone_slot_cap_blocks(set, slot) - s->wp_blocks);
	written(set, slot, s->wp_blocks + nr);
}

/* The write pointer of a FULL zone is at its end, where no write begins. */
static void end_preferred(struct zone_set *set, uint32_t slot, uint32_t off,
			  uint32_t nr)
{
	const struct zone_slot *s = &set->slots[slot];
	bool at_wp = off == s->wp_blocks;

	written(set, slot, off + nr > s->wp_blocks ? off + nr : s->wp_blocks);
	if (!at_wp)
		zone_slot_set_attrs(set, slot, s->attrs | ZA_NON_SEQ);
}

void zone_write_end(struct zone_set *set, uint64_t lba, uint32_t nr)
{
	uint32_t slot, off, part;

	for (; nr; lba += part, nr -= part) {
		slot = zone_slot_of(set, lba);
		off = (uint32_t)(lba - zone_slot_start_lba(set, slot));
		part = (uint32_t)min_u64(nr, zone_slot_blocks(set, slot) - off);
		if (zone_slot_is_preferred(set, slot))
			end_preferred(set, slot, off, part);
		else if (!zone_slot_is_conv(set, slot))
			end_required(set, slot, part);
	}
}
