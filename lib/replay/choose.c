// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What of a plan a state has: the pieces of which a slot's file is made. */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "replay/internal.h"

/* Blocks [lo, hi) of what the effect changes. */
static int add_piece(struct pieces *out, const struct effect *e, uint32_t lo,
		     uint32_t hi)
{
	struct piece *more;

	if (out->nr == out->room) {
		out->room = out->room ? out->room * 2 : 64;
		more = realloc(out->p, out->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		out->p = more;
	}
	out->p[out->nr++] = (struct piece){
		.rec = e->rec, .lo = lo, .hi = hi, .skip = e->skip + lo - e->lo
	};
	return 0;
}

/*
 * Choosing.
 */

static uint64_t digit(struct choice *c, uint64_t radix)
{
	uint64_t v = c->state % radix;

	c->state /= radix;
	return v;
}

/* Often all or nothing, as flushes of others and plain luck have it. */
static uint64_t choose_steps(struct choice *c, uint32_t slot, uint64_t steps)
{
	uint64_t v;

	if (!c->crash || !steps)
		return steps;
	if (!c->crash->random)
		return digit(c, steps + 1);
	v = draw(c->plan, c->crash->state, slot);
	switch (v % 4) {
	case 0:
		return 0;
	case 1:
		return steps;
	default:
		return (v >> 2) % (steps + 1);
	}
}

/* Whether granule @n of the write is there: all of it, nothing, or torn. */
static bool choose_granule(const struct choice *c, const struct effect *e,
			   uint32_t n)
{
	uint64_t v = draw(c->plan, c->crash->state, e->rec->seq << 20 | 1);

	switch (v % 5) {
	case 0:
	case 1:
		return false;
	case 2:
	case 3:
		return true;
	default:
		return mix(v, n) % 2;
	}
}

/*
 * With a write pointer.
 */

/* The first @steps of it. */
static int take_steps(const struct plan *p, uint32_t slot,
		      const struct effect *e, uint64_t steps,
		      struct pieces *out)
{
	uint32_t g = p->r->granule, hi;

	switch (e->rec->type) {
	case RECORD_WRITE:
		hi = (uint32_t)min_u64((e->lo / g + steps) * g, e->hi);
		return hi > e->lo ? add_piece(out, e, e->lo, hi) : 0;
	case RECORD_FINISH:
		return add_piece(out, e, 0,
				 zone_slot_cap_blocks(&p->r->zones, slot));
	case RECORD_RESET:
		return add_piece(out, e, 0, e->hi);
	case RECORD_REFILL:
		hi = (uint32_t)min_u64((steps - 1) * g, e->hi);
		if (steps == effect_steps(p, e))
			hi = e->hi;
		return add_piece(out, e, 0, hi);
	default:
		return 0;
	}
}

/* What comes before the last reset is not there any more. */
static uint32_t start_at(const struct plan *p, uint32_t slot, uint64_t taken)
{
	uint32_t start = p->slots[slot].first;
	const struct effect *e;

	for (uint32_t i = start; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		if (!plan_is_safe(p, slot, e)) {
			if (!taken)
				break;
			taken -= min_u64(taken, effect_steps(p, e));
		}
		if (e->rec->type == RECORD_RESET)
			start = i;
	}
	return start;
}

/*
 * That a zone was written out of order is durable with the write that did so,
 * whatever becomes of its data; that a reset has ended that goes with the
 * reset.  @end: where the zone's base does.
 */
static int8_t order_of(const struct plan *p, uint32_t slot, uint64_t taken,
		       uint32_t end)
{
	const struct effect *e;
	bool is_there;
	int8_t is = p->slots[slot].base == SLOT_KEPT ? -1 : 0;

	for (uint32_t i = p->slots[slot].first; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		is_there = taken || plan_is_safe(p, slot, e);
		if (!plan_is_safe(p, slot, e))
			taken -= min_u64(taken, effect_steps(p, e));
		if (!is_there &&
		    (e->end > p->seq || e->rec->type == RECORD_RESET))
			break;
		if (e->rec->type == RECORD_RESET) {
			is = 0;
			end = 0;
		} else if (e->rec->type == RECORD_FINISH) {
			end = zone_slot_cap_blocks(&p->r->zones, slot);
		} else if (e->rec->type == RECORD_WRITE) {
			is = e->lo == end ? is : 1;
			end = e->hi > end ? e->hi : end;
		}
	}
	return is;
}

static int choose_wp(struct choice *c, uint32_t slot, uint32_t base_blocks,
		     struct pieces *out)
{
	const struct plan *p = c->plan;
	uint64_t taken = choose_steps(c, slot, plan_steps(p, slot)), steps;
	uint32_t start = start_at(p, slot, taken), i = p->slots[slot].first;
	const struct effect *e;
	bool begun = false;
	int ret = 0;

	out->non_seq = order_of(p, slot, taken, base_blocks);
	for (; i != NO_EFFECT && !ret; i = e->next) {
		e = &p->effects[i];
		steps = effect_steps(p, e);
		begun |= i == start;
		if (!plan_is_safe(p, slot, e)) {
			if (!taken)
				break;
			steps = min_u64(steps, taken);
			taken -= steps;
		}
		if (begun)
			ret = take_steps(p, slot, e, steps, out);
	}
	return ret;
}

/*
 * Without a write pointer.
 */

static int choose_all(const struct plan *p, uint32_t slot, struct pieces *out)
{
	const struct effect *e;
	int ret = 0;

	for (uint32_t i = p->slots[slot].first; i != NO_EFFECT && !ret;
	     i = e->next) {
		e = &p->effects[i];
		if (!e->safe)
			ret = add_piece(out, e, e->lo, e->hi);
	}
	return ret;
}

/* In place of how many may be there: how many of the first of them are. */
static void choose_some(struct choice *c, uint32_t *nr)
{
	if (*nr)
		*nr = (uint32_t)digit(c, (uint64_t)*nr + 1);
}

static void choose_later(struct choice *c, struct granules *g)
{
	for (uint32_t n = 0; n < g->nr; n++) {
		choose_some(c, &g->at[n].later);
		choose_some(c, &g->at[n].unsure);
	}
}

static bool is_there(const struct choice *c, struct granules *gs,
		     const struct effect *e, uint32_t n)
{
	struct granule *g = &gs->at[n];
	bool failed = effect_failed(e);
	uint32_t *left = failed ? &g->unsure : &g->later;

	if (granule_is_safe(c->plan, g, e))
		return true;
	if (failed && e->rec->seq <= g->settled)
		return false;
	if (c->crash->random)
		return choose_granule(c, e, n);
	if (!*left)
		return false;
	--*left;
	return true;
}

/* The granules that are there, those side by side at once. */
static int choose_granules(const struct choice *c, struct granules *g,
			   const struct effect *e, struct pieces *out)
{
	uint32_t per = c->plan->r->granule, lo = e->lo, at, end;
	int ret = 0;

	for (at = e->lo; at < e->hi && !ret; at = end) {
		end = (uint32_t)min_u64((at / per + 1) * per, e->hi);
		if (is_there(c, g, e, at / per))
			continue;
		if (lo < at)
			ret = add_piece(out, e, lo, at);
		lo = end;
	}
	return ret || lo >= e->hi ? ret : add_piece(out, e, lo, e->hi);
}

static int choose_conv(struct choice *c, uint32_t slot, struct pieces *out)
{
	const struct plan *p = c->plan;
	const struct effect *e;
	struct granules g;
	int ret;

	if (!c->crash)
		return choose_all(p, slot, out);
	ret = plan_granules(p, slot, &g);
	if (ret)
		return ret;
	if (!c->crash->random)
		choose_later(c, &g);
	for (uint32_t i = p->slots[slot].first; i != NO_EFFECT && !ret;
	     i = e->next) {
		e = &p->effects[i];
		if (!e->safe)
			ret = choose_granules(c, &g, e, out);
	}
	granules_free(&g);
	return ret;
}

int choose_pieces(struct choice *c, uint32_t slot, uint32_t base_blocks,
		  struct pieces *out)
{
	int ret;

	*out = (struct pieces){ .non_seq = -1 };
	if (zone_slot_has_wp(&c->plan->r->zones, slot))
		ret = choose_wp(c, slot, base_blocks, out);
	else
		ret = choose_conv(c, slot, out);
	if (ret)
		pieces_free(out);
	return ret;
}

void pieces_free(struct pieces *pieces)
{
	free(pieces->p);
	*pieces = (struct pieces){ .non_seq = -1 };
}
