// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What of a log may be on the medium at a point, slot by slot. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "replay/internal.h"
#include "zone/realm.h"

uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t n;

	return __builtin_mul_overflow(a, b, &n) ? UINT64_MAX : n;
}

static bool has_wp(const struct plan *p, uint32_t slot)
{
	return zone_slot_has_wp(&p->r->zones, slot);
}

static struct effect *new_effect(struct plan *p)
{
	struct effect *more;

	if (p->nr == p->room) {
		p->room = p->room ? p->room * 2 : 1024;
		more = realloc(p->effects, p->room * sizeof(*more));
		if (!more)
			return NULL;
		p->effects = more;
	}
	return &p->effects[p->nr];
}

static int add_effect(struct plan *p, uint32_t slot, const struct effect *e)
{
	struct slot_plan *s = &p->slots[slot];
	struct effect *to = new_effect(p);

	if (!to)
		return -ENOMEM;
	s->changes |= !e->safe;
	*to = *e;
	to->next = NO_EFFECT;
	if (s->unsafe == NO_EFFECT)
		s->unsafe = p->nr;
	if (s->first == NO_EFFECT)
		s->first = p->nr;
	else
		p->effects[s->last].next = p->nr;
	s->last = p->nr++;
	return 0;
}

static uint64_t end_of(const struct plan *p, const struct record *rec)
{
	return p->r->ends[rec - p->r->rd.records];
}

/* It had ended, or was in flight. */
static bool has_begun(const struct plan *p, const struct record *rec)
{
	return rec->seq <= p->seq || rec->begin < p->seq;
}

/*
 * What an I/O that failed has left is not known.  With a write pointer what it
 * brought is cut off when it ends, and is there in part until then; elsewhere
 * it may stay, which a power failure may make of it as well.
 */
static bool is_left_out(const struct plan *p, uint32_t slot,
			const struct effect *e)
{
	return effect_failed(e) &&
	       (!p->crash || (has_wp(p, slot) && e->end <= p->seq));
}

/* The first block whose contents, or whose place behind what is written, the
 * effect has changed. */
static uint32_t changes_from(const struct effect *e)
{
	if (e->rec->type == RECORD_WRITE)
		return e->lo;
	return e->rec->type == RECORD_FINISH ? e->hi : 0;
}

/* Whether the disk, for a READ with FUA of blocks that end at @hi, had to sync
 * the zone so far. */
static bool reads_unsafe(const struct plan *p, uint32_t slot, uint32_t hi)
{
	struct slot_plan *s = &p->slots[slot];
	const struct effect *e;

	for (uint32_t i = s->unsafe; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		if (i == s->unsafe && plan_is_safe(p, slot, e))
			s->unsafe = e->next;
		else if (hi > changes_from(e))
			return true;
	}
	return false;
}

static void add_read(struct plan *p, uint32_t slot, const struct effect *e)
{
	struct slot_plan *s = &p->slots[slot];

	s->read_seq = e->rec->seq;
	s->read_hi = e->hi > s->read_hi ? e->hi : s->read_hi;
	if (reads_unsafe(p, slot, e->hi))
		s->safe_seq = e->rec->seq;
}

/*
 * A change can be read before it is recorded: a READ with FUA that was answered
 * while it was in flight may have found it, and has made it durable then.  What
 * is recorded behind one that was not yet there has not begun before.
 */
static bool may_have_been_read(struct slot_plan *s, const struct effect *e)
{
	if (e->rec->begin < s->read_seq && changes_from(e) < s->read_hi)
		return true;
	s->read_hi = 0;
	return false;
}

/* In a zone with a write pointer. */
static int add_change(struct plan *p, uint32_t slot, struct effect *e)
{
	struct slot_plan *s = &p->slots[slot];

	if (effect_failed(e))
		s->cut = e->end;
	else if (may_have_been_read(s, e) ||
		 (e->rec->flags & RECORD_FUA && e->end <= p->seq))
		s->safe_seq = e->rec->seq;
	if (e->rec->type == RECORD_FINISH)
		e->hi = s->end;
	else if (e->rec->type == RECORD_RESET)
		s->end = 0;
	else
		s->end = e->hi > s->end ? e->hi : s->end;
	return add_effect(p, slot, e);
}

/* Within one slot. */
static int add_part(struct plan *p, uint32_t slot, struct effect *e)
{
	struct slot_plan *s = &p->slots[slot];
	const struct record *rec = e->rec;

	if (is_left_out(p, slot, e))
		return 0;
	/* What one that has not begun comes before, in a zone that is changed
	 * by one at a time, has not been carried out either. */
	s->late |= !has_begun(p, rec);
	s->closed |= has_wp(p, slot) && s->late;
	/* What comes behind one that fails begins when that is cut off. */
	s->closed |= s->cut && rec->seq > s->cut;
	if (s->closed || !has_begun(p, rec))
		return 0;
	if (has_wp(p, slot) && !e->safe)
		return add_change(p, slot, e);
	if (rec->seq > p->seq && e->safe)
		return 0;
	if (!has_wp(p, slot))
		return add_effect(p, slot, e);
	if (rec->flags & RECORD_READ)
		add_read(p, slot, e);
	else
		s->safe_seq = rec->seq;
	return 0;
}

/* The slots of a range of blocks. */
static int add_range(struct plan *p, const struct record *rec, bool only_safe)
{
	const struct zone_set *z = &p->r->zones;
	uint64_t lba = rec->lba, end = rec->lba + rec->nr_blocks, start, stop;
	struct effect e = { .rec = rec,
			    .end = end_of(p, rec),
			    .safe = only_safe };
	uint32_t slot;
	int ret = 0;

	for (; lba < end && !ret; lba = stop) {
		slot = zone_slot_of(z, lba);
		start = zone_slot_start_lba(z, slot);
		stop = min_u64(start + zone_slot_blocks(z, slot), end);
		e.lo = (uint32_t)(lba - start);
		e.hi = (uint32_t)(stop - start);
		e.skip = (uint32_t)(lba - rec->lba);
		ret = add_part(p, slot, &e);
	}
	return ret;
}

static int add_zone(struct plan *p, const struct record *rec)
{
	struct effect e = { .rec = rec,
			    .end = end_of(p, rec),
			    .hi = rec->nr_blocks };

	return add_part(p, zone_slot_of(&p->r->zones, rec->lba), &e);
}

/*
 * Activations: durable when they are answered, and each is there or is not.
 */

/* The slots of all domains that the realms have zones in. */
static void each_slot(struct plan *p, const struct record *rec,
		      void (*fn)(struct plan *p, const struct record *rec,
				 uint32_t slot, bool to_come))
{
	const struct zone_geo *geo = &p->r->zones.geo;
	unsigned to;

	for (uint32_t n = 0; n < rec->nr_blocks; n++) {
		uint32_t realm = (uint32_t)rec->lba + n, slot;

		to = record_realm_domain(rec->data, n);
		for (unsigned i = 0; i < geo->domains.nr; i++) {
			if (to == RECORD_REALM_STAYS ||
			    !zone_realm_has(geo, realm, i))
				continue;
			slot = zone_realm_slot(geo, realm, i);
			for (uint32_t k = 0; k < geo->domains.d[i].realm_slots;
			     k++)
				fn(p, rec, slot + k, i == to);
		}
	}
}

/* What comes before it there has ended before it began. */
static void look_for_late(struct plan *p, const struct record *rec,
			  uint32_t slot, bool to_come)
{
	(void)rec;
	(void)to_come;
	p->barred |= p->slots[slot].late;
}

static void renew(struct plan *p, const struct record *rec, uint32_t slot,
		  bool to_come)
{
	p->slots[slot] = (struct slot_plan){
		.first = NO_EFFECT,
		.unsafe = NO_EFFECT,
		.safe_seq = rec->seq,
		.base = to_come ? SLOT_NEW : SLOT_GONE,
	};
}

static void close_slot(struct plan *p, const struct record *rec, uint32_t slot,
		       bool to_come)
{
	(void)rec;
	(void)to_come;
	p->slots[slot].closed = true;
}

static bool is_taken(struct plan *p, const struct record *rec)
{
	if (rec->seq <= p->seq)
		return true;
	p->barred |= !has_begun(p, rec);
	each_slot(p, rec, look_for_late);
	return !p->barred && p->nr_in_flight++ < p->take;
}

static void add_activation(struct plan *p, const struct record *rec)
{
	unsigned to;

	if (!is_taken(p, rec)) {
		each_slot(p, rec, close_slot);
		return;
	}
	each_slot(p, rec, renew);
	for (uint32_t n = 0; n < rec->nr_blocks; n++) {
		to = record_realm_domain(rec->data, n);
		if (to != RECORD_REALM_STAYS)
			p->active[rec->lba + n] = (uint8_t)to;
	}
}

static int add_record(struct plan *p, const struct record *rec)
{
	switch (rec->type) {
	case RECORD_WRITE:
	case RECORD_UNMAP:
		return add_range(p, rec, false);
	case RECORD_SAFE:
		return add_range(p, rec, true);
	case RECORD_RESET:
	case RECORD_FINISH:
	case RECORD_REFILL:
		return add_zone(p, rec);
	case RECORD_FLUSH:
		if (rec->seq <= p->seq && rec->begin > p->safe_all)
			p->safe_all = rec->begin;
		return 0;
	case RECORD_ACTIVATE:
		add_activation(p, rec);
		return 0;
	default:
		return 0;
	}
}

static int make_slots(struct plan *p)
{
	const struct zone_set *z = &p->r->zones;
	uint32_t nr_realms = z->geo.domains.nr_realms;

	p->slots = calloc(z->nr_slots, sizeof(*p->slots));
	if (nr_realms)
		p->active = malloc(nr_realms);
	if (!p->slots || (nr_realms && !p->active))
		return -ENOMEM;
	for (uint32_t i = 0; i < z->nr_slots; i++)
		p->slots[i].first = p->slots[i].unsafe = NO_EFFECT;
	if (nr_realms)
		memset(p->active, UINT8_MAX, nr_realms);
	return 0;
}

int plan_make(const struct replay *r, uint64_t point, bool crash, uint32_t take,
	      struct plan *p, struct zl_err *err)
{
	const struct record *rec;
	int ret;

	*p = (struct plan){ .r = r,
			    .crash = crash,
			    .seq = r->rd.records[point].seq,
			    .take = take,
			    .safe_all = r->rd.records[0].seq };
	ret = make_slots(p);
	for (size_t i = 1; i < r->rd.nr && !ret; i++) {
		rec = &r->rd.records[i];
		if (i > point && !crash)
			break;
		ret = add_record(p, rec);
	}
	if (!ret)
		return 0;
	plan_free(p);
	return zl_fail(err, ENOMEM, "out of memory");
}

void plan_free(struct plan *p)
{
	free(p->effects);
	free(p->slots);
	free(p->active);
	*p = (struct plan){ 0 };
}

bool plan_is_safe(const struct plan *p, uint32_t slot, const struct effect *e)
{
	return !p->crash || e->end <= p->safe_all ||
	       e->rec->seq <= p->slots[slot].safe_seq;
}

uint32_t effect_steps(const struct plan *p, const struct effect *e)
{
	uint32_t g = p->r->granule;

	/* The zone is emptied, and then written, or filled up with zeros at
	 * once. */
	if (e->rec->type == RECORD_REFILL)
		return 1 + (e->rec->data_bytes ? (e->hi + g - 1) / g : 1);
	if (e->rec->type != RECORD_WRITE)
		return 1;
	return (e->hi + g - 1) / g - e->lo / g;
}

uint64_t plan_steps(const struct plan *p, uint32_t slot)
{
	const struct effect *e;
	uint64_t steps = 0;

	for (uint32_t i = p->slots[slot].first; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		if (!plan_is_safe(p, slot, e))
			steps += effect_steps(p, e);
	}
	return steps;
}

/*
 * Slots without a write pointer.
 */

typedef void granule_fn(const struct plan *p, const struct effect *e,
			uint32_t nr, struct granule *g);

static void each_granule(const struct plan *p, uint32_t slot,
			 struct granules *g, granule_fn *fn)
{
	uint32_t per = p->r->granule;
	const struct effect *e;

	for (uint32_t i = p->slots[slot].first; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		for (uint32_t n = e->lo / per; n * per < e->hi; n++)
			fn(p, e, n, &g->at[n]);
	}
}

/* See may_have_been_read(). */
static void raise_floor(const struct plan *p, const struct effect *e,
			uint32_t nr, struct granule *g)
{
	(void)nr;
	if (effect_failed(e))
		return;
	if (e->safe)
		g->read = e->rec->seq;
	if (e->safe || e->rec->begin < g->read ||
	    (e->rec->flags & RECORD_FUA && e->end <= p->seq))
		g->floor = max_u64(g->floor, e->rec->seq);
}

bool granule_is_safe(const struct plan *p, const struct granule *g,
		     const struct effect *e)
{
	return !effect_failed(e) &&
	       (e->end <= p->safe_all || e->rec->seq <= g->floor);
}

/* By a write that is durable. */
static void settle(const struct plan *p, const struct effect *e, uint32_t nr,
		   struct granule *g)
{
	uint32_t per = p->r->granule;

	if (!e->safe && granule_is_safe(p, g, e) && e->lo <= nr * per &&
	    e->hi >= (nr + 1) * per)
		g->settled = e->rec->seq;
}

static void count_change(const struct plan *p, const struct effect *e,
			 uint32_t nr, struct granule *g)
{
	(void)nr;
	if (effect_failed(e))
		g->unsure += e->rec->seq > g->settled;
	else
		g->later += !e->safe && !granule_is_safe(p, g, e);
}

int plan_granules(const struct plan *p, uint32_t slot, struct granules *g)
{
	uint32_t blocks = zone_slot_blocks(&p->r->zones, slot);

	g->nr = (uint32_t)div_up_u64(blocks, p->r->granule);
	g->at = calloc(g->nr, sizeof(*g->at));
	if (!g->at)
		return -ENOMEM;
	each_granule(p, slot, g, raise_floor);
	each_granule(p, slot, g, settle);
	each_granule(p, slot, g, count_change);
	return 0;
}

void granules_free(struct granules *g)
{
	free(g->at);
	*g = (struct granules){ 0 };
}
