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
 * What belongs to a zone type is asked of its traits.  Sequential write
 * preferred zones and the conventional ones beside them refuse nothing but what
 * cannot be: hosts that know nothing of zones use a host-aware disk like any
 * other, so that reads and writes may begin and end wherever they like, across
 * zones and zone types.  (scsi_debug refuses writes from a conventional zone
 * into a sequential write preferred one.)
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

/* The blocks of a command, at least one, and the slots that they are in. */
struct range {
	uint64_t lba, last_lba;
	uint32_t first, last;
};

static struct range range_of(const struct zone_set *set, uint64_t lba,
			     uint64_t nr)
{
	struct range r = { .lba = lba, .last_lba = lba + nr - 1 };

	r.first = r.last = zone_slot_of(set, lba);
	if (r.last_lba - zone_slot_start_lba(set, r.first) >=
	    set->geo.zone_blocks)
		r.last = zone_slot_of(set, r.last_lba);
	return r;
}

static bool in_gap(const struct zone_set *set, uint32_t slot, uint64_t lba)
{
	return lba - zone_slot_start_lba(set, slot) >=
	       zone_slot_cap_blocks(set, slot);
}

bool zone_lba_in_gap(const struct zone_set *set, uint64_t lba)
{
	return in_gap(set, zone_slot_of(set, lba), lba);
}

/*
 * The first zone of the range that is out of reach for the access.  Gap zones
 * have no such conditions: only those slots count of which more than the gap is
 * touched.
 */
static enum zone_verdict reach_check(const struct zone_set *set,
				     const struct range *r,
				     enum zone_verdict (*test)(enum zone_cond),
				     uint32_t *slot)
{
	enum zone_verdict verdict;
	uint32_t i = r->first;

	/* Nearly always: no need to look at each zone of a long range. */
	if (!set->nr_cond[ZC_OFFLINE] && !set->nr_cond[ZC_READ_ONLY] &&
	    !set->nr_cond[ZC_INACTIVE])
		return ZV_OK;
	if (in_gap(set, i, r->lba))
		i++;
	for (; i <= r->last; i++) {
		verdict = test(set->slots[i].cond);
		if (verdict)
			return fault(verdict, i, slot);
	}
	return ZV_OK;
}

/* What comes first for reads and writes alike; for nr > 0 finds the range. */
static enum zone_verdict access_check(const struct zone_set *set, uint64_t lba,
				      uint64_t nr,
				      enum zone_verdict (*test)(enum zone_cond),
				      struct range *r, uint32_t *slot)
{
	if (!in_range(set, lba, nr))
		return fault(ZV_LBA_RANGE, SLOT_NONE, slot);
	if (!nr)
		return ZV_OK;
	*r = range_of(set, lba, nr);
	return reach_check(set, r, test, slot);
}

/* Whether one command may go on from a zone of one type into one of the other.
 */
static bool joins(enum zone_type from, enum zone_type to)
{
	return from == to || (zone_traits[from].span == ZS_TYPES &&
			      zone_traits[to].span == ZS_TYPES);
}

/* Whether the types of all zones of the range join. */
static bool all_join(const struct zone_set *set, const struct range *r)
{
	bool gap = in_gap(set, r->first, r->lba);
	uint64_t lba = r->lba;

	for (uint32_t i = r->first; i < r->last; i++) {
		if (!gap && zone_slot_has_gap(set, i))
			return false;
		if (!joins(gap ? ZT_GAP : set->slots[i].type,
			   set->slots[i + 1].type))
			return false;
		lba = zone_slot_start_lba(set, i + 1);
		gap = false;
	}
	return in_gap(set, r->last, lba) == in_gap(set, r->last, r->last_lba);
}

/* The rules of URSWRZ=0. */
static enum zone_verdict read_restricted(const struct zone_set *set,
					 const struct range *r)
{
	for (uint32_t i = r->first; i <= r->last; i++) {
		const struct zone_traits *t = zone_slot_traits(set, i);
		uint64_t off;

		if (!t->hides_unwritten)
			continue;
		if (t->span == ZS_ZONE && r->first != r->last)
			return ZV_READ_BOUNDARY;
		off = min_u64(r->last_lba - zone_slot_start_lba(set, i),
			      set->geo.zone_blocks - 1);
		/* READ ONLY zones keep the write pointer that they had. */
		if (off >= set->slots[i].wp_blocks)
			return ZV_READ_INVALID;
	}
	return ZV_OK;
}

static enum zone_verdict read_rules(const struct zone_set *set,
				    const struct range *r)
{
	/*
	 * Where a read leaves one type for another the codes of both types
	 * could do, those of URSWRZ=0 too; scsi_debug answers this one for
	 * any change of type.
	 */
	if (!all_join(set, r))
		return ZV_READ_INVALID;
	/* scsi_debug lets such reads through; the code exists for them. */
	if (in_gap(set, r->first, r->lba))
		return ZV_GAP;
	return set->geo.urswrz ? ZV_OK : read_restricted(set, r);
}

enum zone_verdict zone_read_check(const struct zone_set *set, uint64_t lba,
				  uint64_t nr, uint32_t *slot)
{
	enum zone_verdict verdict;
	struct range r;

	verdict = access_check(set, lba, nr, reach_read, &r, slot);
	if (verdict || !nr)
		return verdict;
	verdict = read_rules(set, &r);
	return verdict ? fault(verdict, r.first, slot) : ZV_OK;
}

static bool needs_resource(enum zone_cond cond)
{
	return cond == ZC_EMPTY || cond == ZC_CLOSED;
}

/* The rules of a zone that is written in order, for the @nr blocks from offset
 * @off that a write has in it. */
static enum zone_verdict write_in_order(const struct zone_set *set,
					uint32_t slot, uint64_t off,
					uint64_t nr)
{
	uint64_t lba = zone_slot_start_lba(set, slot) + off;
	const struct zone_slot *s = &set->slots[slot];
	uint32_t phys_mask = set->geo.phys_blocks - 1;

	if (s->cond == ZC_FULL)
		return ZV_FULL;
	if (off != s->wp_blocks || lba & phys_mask || nr & phys_mask)
		return ZV_UNALIGNED_WRITE;
	return ZV_OK;
}

/* Zone by zone. */
static enum zone_verdict write_parts(const struct zone_set *set,
				     const struct range *r)
{
	uint64_t off = r->lba - zone_slot_start_lba(set, r->first), end;
	enum zone_verdict verdict;
	uint32_t nr_limited = 0;

	for (uint32_t i = r->first; i <= r->last; i++, off = 0) {
		const struct zone_traits *t = zone_slot_traits(set, i);

		end = min_u64(r->last_lba - zone_slot_start_lba(set, i) + 1,
			      set->geo.zone_blocks);
		verdict = t->in_order ? write_in_order(set, i, off, end - off)
				      : ZV_OK;
		if (verdict)
			return verdict;
		nr_limited += t->resource == ZR_LIMITED &&
			      needs_resource(set->slots[i].cond);
	}
	return nr_limited && !zone_can_open(set, nr_limited) ? ZV_NO_RESOURCES
							     : ZV_OK;
}

static enum zone_verdict write_rules(const struct zone_set *set,
				     const struct range *r)
{
	if (in_gap(set, r->first, r->lba))
		return ZV_GAP;
	if (!all_join(set, r))
		return ZV_WRITE_BOUNDARY;
	if (zone_slot_traits(set, r->first)->span == ZS_ZONE &&
	    r->first != r->last)
		return ZV_WRITE_BOUNDARY;
	return write_parts(set, r);
}

static enum zone_verdict write_check(const struct zone_set *set, uint64_t lba,
				     uint64_t nr, struct range *r,
				     uint32_t *slot)
{
	enum zone_verdict verdict;

	verdict = access_check(set, lba, nr, zone_cond_refuses, r, slot);
	if (verdict || !nr)
		return verdict;
	verdict = write_rules(set, r);
	return verdict ? fault(verdict, r->first, slot) : ZV_OK;
}

enum zone_verdict zone_write_check(const struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot)
{
	struct range r;

	return write_check(set, lba, nr, &r, slot);
}

/* For a write that has been let through. */
static void open_implicitly(struct zone_set *set, uint32_t slot)
{
	const struct zone_traits *t = zone_slot_traits(set, slot);
	enum zone_cond cond = set->slots[slot].cond;

	if (!t->has_wp || cond == ZC_EXP_OPEN || cond == ZC_FULL)
		return;
	if (needs_resource(cond))
		zone_make_room(set, t->resource, 1);
	zone_slot_set_cond(set, slot, ZC_IMP_OPEN);
}

enum zone_verdict zone_write_begin(struct zone_set *set, uint64_t lba,
				   uint64_t nr, uint32_t *slot)
{
	struct range r;
	enum zone_verdict verdict = write_check(set, lba, nr, &r, slot);

	if (verdict || !nr)
		return verdict;
	for (uint32_t i = r.first; i <= r.last; i++)
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

static void end_in_order(struct zone_set *set, uint32_t slot, uint32_t nr)
{
	const struct zone_slot *s = &set->slots[slot];

	/* FULL: a FINISH has overtaken the write. */
	if (s->cond == ZC_FULL)
		return;
	assert(nr <= zone_slot_cap_blocks(set, slot) - s->wp_blocks);
	written(set, slot, s->wp_blocks + nr);
}

/* The write pointer of a FULL zone is at its end, where no write begins. */
static void end_anywhere(struct zone_set *set, uint32_t slot, uint32_t off,
			 uint32_t nr)
{
	const struct zone_slot *s = &set->slots[slot];
	bool at_wp = off == s->wp_blocks;

	written(set, slot, off + nr > s->wp_blocks ? off + nr : s->wp_blocks);
	if (!at_wp && zone_slot_traits(set, slot)->tells_non_seq)
		zone_slot_set_attrs(set, slot, s->attrs | ZA_NON_SEQ);
}

void zone_write_end(struct zone_set *set, uint64_t lba, uint32_t nr)
{
	uint32_t slot = nr ? zone_slot_of(set, lba) : 0, part;

	for (; nr; lba += part, nr -= part, slot++) {
		uint32_t off = (uint32_t)(lba - zone_slot_start_lba(set, slot));

		part = (uint32_t)min_u64(nr, zone_slot_blocks(set, slot) - off);
		if (zone_slot_traits(set, slot)->in_order)
			end_in_order(set, slot, part);
		else if (zone_slot_has_wp(set, slot))
			end_anywhere(set, slot, off, part);
	}
}
