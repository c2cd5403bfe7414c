// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who may read and write where (ZBC-2 4.4.3).
 *
 * The standard does not order the checks of one command.  Here: the range; then
 * of one zone after the other whether it is a gap, its condition, whether the
 * command may leave it or come to it, FULL, alignment; resources.  So a write
 * that leaves its zone is told that, and not what is the matter with the next,
 * which libzbc's conformance tests expect.  Reads have the restrictions of
 * URSWRZ=0 last, behind scsi_debug's check of zone types.
 *
 * What belongs to a zone type is asked of its traits.  Sequential write
 * preferred zones and the conventional ones beside them refuse nothing but what
 * cannot be: hosts that know nothing of zones use a host-aware disk like any
 * other, so that reads and writes may begin and end wherever they like, across
 * zones and zone types.  (scsi_debug refuses writes from a conventional zone
 * into a sequential write preferred one.)  Not so from one domain into the
 * next: who has domains knows of zones.
 *
 * Where reads are unrestricted they reach gaps and INACTIVE zones too, as
 * libzbc and WD's prototype of realms have it; a conventional zone that is
 * INACTIVE even where they are not, since URSWRZ speaks of write pointers.
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

enum zone_verdict zone_cond_refuses(enum zone_cond cond)
{
	switch (cond) {
	case ZC_READ_ONLY:
		return ZV_READ_ONLY;
	case ZC_OFFLINE:
		return ZV_OFFLINE;
	case ZC_INACTIVE:
		return ZV_INACTIVE;
	default:
		return ZV_OK;
	}
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

/* The part of a range that is in one zone. */
struct part {
	uint32_t slot;
	bool gap; /* behind the slot's capacity, or instead of it */
	uint64_t lba, end_lba;
};

static void set_end(const struct zone_set *set, const struct range *r,
		    struct part *p)
{
	uint64_t end_lba = zone_slot_start_lba(set, p->slot);

	end_lba += p->gap ? set->geo.zone_blocks
			  : zone_slot_cap_blocks(set, p->slot);
	p->end_lba = min_u64(end_lba, r->last_lba + 1);
}

static struct part first_part(const struct zone_set *set, const struct range *r)
{
	struct part p = { .slot = r->first, .lba = r->lba };

	p.gap = zone_in_gap(set, p.slot, p.lba);
	set_end(set, r, &p);
	return p;
}

static bool is_last(const struct range *r, const struct part *p)
{
	return p->end_lba > r->last_lba;
}

/* The next zone's, of which there is one. */
static void next_part(const struct zone_set *set, const struct range *r,
		      struct part *p)
{
	p->lba = p->end_lba;
	p->slot = zone_slot_of(set, p->lba);
	p->gap = zone_in_gap(set, p->slot, p->lba);
	set_end(set, r, p);
}

static enum zone_type part_type(const struct zone_set *set,
				const struct part *p)
{
	return p->gap ? ZT_GAP : set->slots[p->slot].type;
}

/* Whether one command may go on from a zone of one type into one of the other:
 * never from one domain into the next. */
static bool joins(const struct zone_set *set, enum zone_type from,
		  enum zone_type to)
{
	return from == to ||
	       (!set->geo.domains.nr && zone_traits[from].span == ZS_TYPES &&
		zone_traits[to].span == ZS_TYPES);
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

/* INACTIVE zones read as zones without data do. */
static enum zone_verdict read_zone(const struct zone_set *set,
				   const struct part *p)
{
	const struct zone_slot *s = &set->slots[p->slot];

	if (p->gap)
		return set->geo.urswrz ? ZV_OK : ZV_GAP;
	if (s->cond == ZC_OFFLINE)
		return ZV_OFFLINE;
	return s->cond == ZC_INACTIVE && !set->geo.urswrz &&
			       zone_traits[s->type].has_wp
		       ? ZV_INACTIVE
		       : ZV_OK;
}

static enum zone_verdict read_rules(const struct zone_set *set,
				    const struct range *r, uint32_t *slot)
{
	struct part p = first_part(set, r);
	enum zone_type first = part_type(set, &p);
	enum zone_verdict verdict;

	for (;; next_part(set, r, &p)) {
		verdict = read_zone(set, &p);
		if (verdict)
			return fault(verdict, p.slot, slot);
		/*
		 * The codes of both types could do, those of URSWRZ=0 too;
		 * scsi_debug answers this one for any change of type.
		 */
		if (!joins(set, first, part_type(set, &p)))
			return fault(ZV_READ_INVALID, r->first, slot);
		if (is_last(r, &p))
			break;
	}
	verdict = set->geo.urswrz ? ZV_OK : read_restricted(set, r);
	return verdict ? fault(verdict, r->first, slot) : ZV_OK;
}

enum zone_verdict zone_read_check(const struct zone_set *set, uint64_t lba,
				  uint64_t nr, uint32_t *slot)
{
	struct range r;

	if (!in_range(set, lba, nr))
		return fault(ZV_LBA_RANGE, SLOT_NONE, slot);
	if (!nr)
		return ZV_OK;
	r = range_of(set, lba, nr);
	return read_rules(set, &r, slot);
}

static bool needs_resource(enum zone_cond cond)
{
	return cond == ZC_EMPTY || cond == ZC_CLOSED;
}

/* The rules of a zone that is written in order. */
static enum zone_verdict write_in_order(const struct zone_set *set,
					const struct part *p)
{
	const struct zone_slot *s = &set->slots[p->slot];
	uint64_t off = p->lba - zone_slot_start_lba(set, p->slot);
	uint32_t phys_mask = set->geo.phys_blocks - 1;

	if (s->cond == ZC_FULL)
		return ZV_FULL;
	if (off != s->wp_blocks || (p->lba | p->end_lba) & phys_mask)
		return ZV_UNALIGNED_WRITE;
	return ZV_OK;
}

static enum zone_verdict write_up_to_wp(const struct zone_set *set,
					const struct part *p)
{
	const struct zone_slot *s = &set->slots[p->slot];
	uint64_t wp_lba = zone_slot_start_lba(set, p->slot) + s->wp_blocks;

	if (p->lba > wp_lba)
		return ZV_UNALIGNED_WRITE;
	return p->end_lba > wp_lba && p->end_lba & (set->geo.phys_blocks - 1)
		       ? ZV_UNALIGNED_WRITE
		       : ZV_OK;
}

/* A write has begun in a zone of type @first. */
static enum zone_verdict write_zone(const struct zone_set *set,
				    const struct range *r, const struct part *p,
				    enum zone_type first)
{
	const struct zone_traits *t = zone_slot_traits(set, p->slot);
	enum zone_verdict verdict;

	if (p->gap)
		return ZV_GAP;
	verdict = zone_cond_refuses(set->slots[p->slot].cond);
	if (verdict)
		return verdict;
	if (!joins(set, first, set->slots[p->slot].type) ||
	    (t->span == ZS_ZONE && !is_last(r, p)))
		return ZV_WRITE_BOUNDARY;
	if (t->in_order)
		return write_in_order(set, p);
	return t->up_to_wp ? write_up_to_wp(set, p) : ZV_OK;
}

static bool is_out_of_reach(enum zone_verdict verdict)
{
	return verdict == ZV_READ_ONLY || verdict == ZV_OFFLINE ||
	       verdict == ZV_INACTIVE;
}

static enum zone_verdict write_rules(const struct zone_set *set,
				     const struct range *r, uint32_t *slot)
{
	struct part p = first_part(set, r);
	enum zone_type first = part_type(set, &p);
	enum zone_verdict verdict;
	uint32_t nr_limited = 0;

	for (;; next_part(set, r, &p)) {
		verdict = write_zone(set, r, &p, first);
		if (verdict)
			return fault(verdict,
				     is_out_of_reach(verdict) ? p.slot
							      : r->first,
				     slot);
		nr_limited +=
			zone_slot_traits(set, p.slot)->resource == ZR_LIMITED &&
			needs_resource(set->slots[p.slot].cond);
		if (is_last(r, &p))
			break;
	}
	return nr_limited && !zone_can_open(set, nr_limited)
		       ? fault(ZV_NO_RESOURCES, r->first, slot)
		       : ZV_OK;
}

static enum zone_verdict write_check(const struct zone_set *set, uint64_t lba,
				     uint64_t nr, struct range *r,
				     uint32_t *slot)
{
	if (!in_range(set, lba, nr))
		return fault(ZV_LBA_RANGE, SLOT_NONE, slot);
	if (!nr)
		return ZV_OK;
	*r = range_of(set, lba, nr);
	return write_rules(set, r, slot);
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
