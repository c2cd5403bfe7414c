// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Every command from every reachable state of disks of four slots, compared
 * with the model of tests/model.
 *
 * Breadth first: a state is taken from the list, every command is tried on a
 * copy of it in both implementations, and a state not seen before is appended.
 * Faults (a zone becomes READ ONLY, OFFLINE or INACTIVE) are transitions too,
 * from states without one: at most one zone is at fault at a time, and none
 * where the limit of open zones is above 2, which bounds the number of states.
 * On disks with realms, whose zones are INACTIVE by activation only, that is a
 * command like the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/num.h"
#include "model/zone_model.h"
#include "skip.h"
#include "zone/internal.h"
#include "zone/realm.h"

#define SLOTS	   4
#define MAX_STATES 65536 /* of one disk; running out fails the test */
#define HASH_SLOTS (MAX_STATES * 4)

/* Both implementations; the library's slots go along when this is copied. */
struct pair {
	struct zone_set set;
	struct zone_slot slots[SLOTS];
	uint8_t active[SLOTS]; /* by realm */
	struct zone_model model;
};

struct explorer {
	struct zone_geo geo;
	uint64_t *keys; /* all states, in the order in which they were found */
	uint32_t nr_states;
	uint32_t *hash; /* index + 1 into keys, 0 = free */
	uint64_t nr_commands;
	/* The state, a command's result, and a write begun but not ended. */
	struct pair from, now, mid;
	/* x->now is a copy of this one still; NULL: it is not, or who knows. */
	const struct pair *now_is;
	/* The command, for complaints: a format of up to four numbers. */
	const char *name;
	unsigned long long args[4];
};

static void pair_copy(struct pair *to, const struct pair *from)
{
	to->set = from->set;
	memcpy(to->slots, from->slots, sizeof(to->slots));
	to->set.slots = to->slots;
	memcpy(to->active, from->active, sizeof(to->active));
	to->set.active = to->active;
	model_copy(&to->model, &from->model);
}

/* --- States as numbers: a byte a slot, then the order of opening. --- */

static uint64_t key_of(const struct zone_set *set)
{
	uint64_t key = 0, order = 0;
	unsigned int shift = 0;

	for (uint32_t i = 0; i < set->nr_slots; i++)
		key |= (uint64_t)(set->slots[i].cond |
				  set->slots[i].wp_blocks << 4 |
				  (set->slots[i].attrs & ZA_NON_SEQ ? 0x80 : 0))
		       << 8 * i;
	/* Which list a slot is in follows from its type. */
	for (int r = 0; r < ZR_NR; r++)
		for (uint32_t i = set->pools[r].lru_head; i != SLOT_NONE;
		     i = set->slots[i].lru_next, shift += 3)
			order |= (uint64_t)(i + 1) << shift;
	return key | order << 8 * SLOTS;
}

static void set_slot(struct pair *p, uint32_t slot, uint64_t key)
{
	uint64_t lba = zone_slot_start_lba(&p->set, slot);
	enum zone_cond cond = key >> 8 * slot & 0xf;
	uint32_t wp_blocks = key >> (8 * slot + 4) & 0x7;
	bool non_seq = key >> (8 * slot + 7) & 1;

	zone_set_state(&p->set, slot, cond, wp_blocks);
	zone_set_attrs(&p->set, slot, non_seq ? ZA_NON_SEQ : 0);
	model_set_state(&p->model, lba, cond, wp_blocks);
	model_set_non_seq(&p->model, lba, non_seq);
}

/* Which zones are INACTIVE says where their realms are active. */
static void set_active(struct pair *p)
{
	struct zone_set *set = &p->set;
	uint32_t realm;
	unsigned domain;

	memset(set->nr_active, 0, sizeof(set->nr_active));
	set->nr_inactive_wp = 0;
	for (uint32_t i = 0; i < set->nr_slots; i++) {
		realm = zone_realm_of(&set->geo, i);
		domain = zone_domain_of(&set->geo, i);
		if (realm == ZONE_NO_REALM)
			continue;
		if (set->slots[i].cond == ZC_INACTIVE) {
			set->nr_inactive_wp += zone_slot_has_wp(set, i);
			continue;
		}
		set->active[realm] = (uint8_t)domain;
		/* Each has one zone in a domain. */
		set->nr_active[domain]++;
	}
}

static void pair_from_key(struct explorer *x, struct pair *p, uint64_t key)
{
	for (uint32_t i = 0; i < p->set.nr_slots; i++)
		set_slot(p, i, key);
	/* Again, in the order in which they were opened. */
	for (uint64_t order = key >> 8 * SLOTS; order; order >>= 3)
		set_slot(p, (uint32_t)(order & 0x7) - 1, key);
	set_active(p);
	x->now_is = NULL;
}

static uint32_t hash_of(uint64_t key)
{
	return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32) %
	       HASH_SLOTS;
}

static void add_state(struct explorer *x, uint64_t key)
{
	uint32_t h = hash_of(key);

	for (; x->hash[h]; h = (h + 1) % HASH_SLOTS)
		if (x->keys[x->hash[h] - 1] == key)
			return;
	if (x->nr_states == MAX_STATES)
		fail_msg("more than %d states", MAX_STATES);
	x->keys[x->nr_states++] = key;
	x->hash[h] = x->nr_states;
}

/* --- Comparing --- */

static void name(struct explorer *x, const char *format, uint64_t a, uint64_t b,
		 uint64_t c, uint64_t d)
{
	x->name = format;
	x->args[0] = a;
	x->args[1] = b;
	x->args[2] = c;
	x->args[3] = d;
}

/* Makes x->now a copy of @from, which costs nothing when it is one. */
static void take(struct explorer *x, const struct pair *from)
{
	if (x->now_is != from)
		pair_copy(&x->now, from);
	x->now_is = NULL;
}

static void print_state(const char *title, const struct zone_set *set)
{
	fprintf(stderr, "%s:", title);
	for (uint32_t i = 0; i < set->nr_slots; i++)
		fprintf(stderr, " [%s wp %u%s]",
			zone_cond_name(set->slots[i].cond),
			set->slots[i].wp_blocks,
			set->slots[i].attrs & ZA_NON_SEQ ? " NON_SEQ" : "");
	fprintf(stderr, "\n");
}

static void complain(struct explorer *x, const char *what)
{
	fprintf(stderr, "max_open %u, capacity %llu, zone %u of %u blocks\n",
		x->geo.max_open, (unsigned long long)x->geo.capacity_blocks,
		x->geo.zone_cap_blocks, x->geo.zone_blocks);
	print_state("from", &x->from.set);
	print_state("to", &x->now.set);
	fprintf(stderr, x->name, x->args[0], x->args[1], x->args[2],
		x->args[3]);
	fail_msg(": %s", what);
}

static bool model_unchanged(const struct zone_model *a,
			    const struct zone_model *b)
{
	return a->nr_imp == b->nr_imp &&
	       !memcmp(a->imp, b->imp, a->nr_imp * sizeof(*a->imp)) &&
	       !memcmp(a->zones, b->zones, a->nr_zones * sizeof(*a->zones)) &&
	       !memcmp(a->written, b->written, a->geo.capacity_blocks);
}

static bool unchanged(const struct pair *a, const struct pair *b)
{
	return !memcmp(a->slots, b->slots, sizeof(a->slots)) &&
	       !memcmp(a->set.nr_cond, b->set.nr_cond,
		       sizeof(a->set.nr_cond)) &&
	       !memcmp(a->set.pools, b->set.pools, sizeof(a->set.pools));
}

static void check_state(struct explorer *x)
{
	const char *differs = model_compare(&x->now.model, &x->now.set);

	if (differs)
		complain(x, differs);
	if (!zone_set_check(&x->now.set))
		complain(x, "the accounts are wrong");
	add_state(x, key_of(&x->now.set));
}

/* Compares the result of a command in x->now, and keeps it if it is new. */
static void check_result(struct explorer *x, enum zone_verdict lib,
			 enum zone_verdict model, const struct pair *before)
{
	x->nr_commands++;
	if (lib != model) {
		fprintf(stderr, "lib: %s, model: %s\n", zone_verdict_name(lib),
			zone_verdict_name(model));
		complain(x, "verdicts differ");
	}
	if (unchanged(&x->now, before) &&
	    model_unchanged(&x->now.model, &before->model)) {
		x->now_is = before; /* and that one has been compared */
		return;
	}
	if (lib != ZV_OK)
		complain(x, "refused, but something has changed");
	check_state(x);
}

/* --- Commands --- */

static void do_op(struct explorer *x, const struct pair *before,
		  enum zone_op op, uint64_t id, uint16_t count, bool all)
{
	enum zone_verdict lib, model;

	take(x, before);
	lib = zone_op_run(&x->now.set, op, id, count, all);
	model = model_op(&x->now.model, op, id, count, all);
	name(x, "op %llu id %llu count %llu all %llu", op, id, count, all);
	check_result(x, lib, model, before);
}

static void try_ops(struct explorer *x)
{
	for (enum zone_op op = ZO_CLOSE; op <= ZO_RESET; op++) {
		for (uint64_t id = 0; id < x->geo.capacity_blocks + 2; id++)
			for (uint16_t count = 0; count <= 5; count++)
				do_op(x, &x->from, op, id, count, false);
		do_op(x, &x->from, op, UINT64_MAX, UINT16_MAX, false);
		do_op(x, &x->from, op, 1, 7, true);
	}
}

static void try_reads(struct explorer *x)
{
	uint64_t end = x->geo.capacity_blocks + 2;
	enum zone_verdict lib, model;

	for (uint64_t lba = 0; lba < end; lba++)
		for (uint64_t nr = 0; nr < end; nr++) {
			lib = zone_read_check(&x->from.set, lba, nr, NULL);
			model = model_read(&x->from.model, lba, nr);
			x->nr_commands++;
			if (lib == model)
				continue;
			name(x, "read %llu+%llu: verdict %llu, model %llu", lba,
			     nr, lib, model);
			complain(x, "verdicts differ");
		}
}

/* --- Writes: begin (x->mid), perhaps another command, end --- */

/* A write under way; @nr blocks of it will reach the medium. */
struct write {
	uint64_t lba;
	uint32_t nr;
	uint32_t first, last; /* slots, those that are not reached too */
};

static bool touches(const struct write *w, uint32_t slot)
{
	return slot >= w->first && slot <= w->last;
}

static void end_write(struct explorer *x, const struct write *w)
{
	x->now_is = NULL;
	zone_write_end(&x->now.set, w->lba, w->nr);
	model_write_end(&x->now.model, w->lba, w->nr);
	check_result(x, ZV_OK, ZV_OK, &x->from);
}

static void between_op(struct explorer *x, const struct write *w,
		       enum zone_op op, uint32_t target, bool all)
{
	uint64_t id = zone_slot_start_lba(&x->mid.set, target);

	/* The caller keeps a reset away from zones with a write in flight. */
	if (op == ZO_RESET && (all || touches(w, target)))
		return;
	do_op(x, &x->mid, op, id, 1, all);
	end_write(x, w);
}

static void between_write(struct explorer *x, const struct write *w,
			  uint32_t target)
{
	const struct zone_slot *s = &x->mid.slots[target];
	struct write other = {
		.lba = zone_slot_start_lba(&x->mid.set, target) + s->wp_blocks,
		.nr = x->geo.phys_blocks,
		.first = target,
		.last = target,
	};
	enum zone_verdict lib, model;

	/* A full zone's write pointer is in the next zone. */
	if (touches(w, target) ||
	    s->wp_blocks == zone_slot_cap_blocks(&x->mid.set, target))
		return;
	take(x, &x->mid);
	lib = zone_write_begin(&x->now.set, other.lba, other.nr, NULL);
	model = model_write_begin(&x->now.model, other.lba, other.nr);
	name(x, "write of %llu+%llu, to slot %llu in between", w->lba, w->nr,
	     target, 0);
	check_result(x, lib, model, &x->mid);
	end_write(x, w);
	if (lib == ZV_OK)
		end_write(x, &other);
}

static void set_fault(struct pair *p, uint32_t slot, enum zone_cond cond)
{
	uint32_t wp_blocks = p->slots[slot].wp_blocks;

	zone_set_state(&p->set, slot, cond, wp_blocks);
	model_set_state(&p->model, zone_slot_start_lba(&p->set, slot), cond,
			wp_blocks);
}

static bool has_fault(const struct zone_set *set)
{
	return set->nr_cond[ZC_READ_ONLY] || set->nr_cond[ZC_OFFLINE] ||
	       (set->nr_cond[ZC_INACTIVE] && !set->geo.domains.nr);
}

static void between(struct explorer *x, const struct write *w)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		for (enum zone_op op = ZO_CLOSE; op <= ZO_RESET; op++)
			between_op(x, w, op, i, false);
		between_write(x, w, i);
	}
	for (enum zone_op op = ZO_CLOSE; op < ZO_RESET; op++)
		between_op(x, w, op, 0, true);
	take(x, &x->mid);
	zone_power_on(&x->now.set);
	model_power_on(&x->now.model);
	name(x, "write of %llu+%llu, power on in between", w->lba, w->nr, 0, 0);
	end_write(x, w);
	take(x, &x->mid);
	set_fault(&x->now, w->last, ZC_READ_ONLY);
	name(x, "write of %llu+%llu, READ ONLY in between", w->lba, w->nr, 0,
	     0);
	end_write(x, w);
}

static bool any_wp(const struct zone_set *set, uint32_t first, uint32_t last)
{
	while (first < last && !zone_slot_has_wp(set, first))
		first++;
	return zone_slot_has_wp(set, first);
}

/* A write that was let through, ended with every number of blocks. */
static void try_ends(struct explorer *x, uint64_t lba, uint32_t nr)
{
	struct write w = {
		.lba = lba,
		.first = zone_slot_of(&x->from.set, lba),
		.last = zone_slot_of(&x->from.set, lba + nr - 1),
	};

	if (!any_wp(&x->from.set, w.first, w.last)) {
		w.nr = nr;
		end_write(x, &w);
		return;
	}
	for (w.nr = 0; w.nr <= nr; w.nr++) {
		take(x, &x->mid);
		name(x, "write %llu+%llu, %llu done", lba, nr, w.nr, 0);
		end_write(x, &w);
		/* A zone at fault elsewhere would only multiply the time. */
		if (!has_fault(&x->from.set))
			between(x, &w);
	}
}

static void try_write(struct explorer *x, uint64_t lba, uint64_t nr)
{
	enum zone_verdict lib, model;

	take(x, &x->from);
	lib = zone_write_begin(&x->now.set, lba, nr, NULL);
	model = model_write_begin(&x->now.model, lba, nr);
	name(x, "write %llu+%llu", lba, nr, 0, 0);
	check_result(x, lib, model, &x->from);
	if (lib != zone_write_check(&x->from.set, lba, nr, NULL))
		complain(x, "begin and check differ");
	if (lib != ZV_OK || !nr)
		return;
	pair_copy(&x->mid, &x->now);
	x->now_is = NULL;
	try_ends(x, lba, (uint32_t)nr);
}

static void try_writes(struct explorer *x)
{
	/* Where a write may leave its zone, one that reaches three. */
	bool far = zone_geo_has(&x->geo, ZT_SEQ_PREFERRED) ||
		   zone_geo_has(&x->geo, ZT_SEQ_OR_BEFORE);
	uint64_t most = x->geo.zone_blocks + (far ? 2U : 1U);

	for (uint64_t lba = 0; lba < x->geo.capacity_blocks + 2; lba++)
		for (uint64_t nr = 0; nr <= most; nr++)
			try_write(x, lba, nr);
	try_write(x, 0, x->geo.capacity_blocks);
	try_write(x, 1, UINT64_MAX);
	try_write(x, UINT64_MAX, 1);
}

static void try_power_on(struct explorer *x)
{
	take(x, &x->from);
	zone_power_on(&x->now.set);
	model_power_on(&x->now.model);
	name(x, "power on", 0, 0, 0, 0);
	check_result(x, ZV_OK, ZV_OK, &x->from);
}

static void apply(struct explorer *x, const struct zone_activation *a)
{
	uint8_t to[SLOTS];

	for (uint32_t r = 0; r < x->geo.domains.nr_realms; r++)
		to[r] = (uint8_t)zone_activation_domain(&x->now.set, a, r);
	zone_activation_apply(&x->now.set, to);
}

static void do_activation(struct explorer *x, bool all, uint64_t id,
			  uint32_t nr, uint8_t other)
{
	struct zone_activation lib = {
		.all = all, .zone_id = id, .nr_zones = nr, .other = other
	};
	struct zone_activation model = lib;
	enum zone_verdict lib_verdict, model_verdict;

	take(x, &x->from);
	lib_verdict = zone_activation_check(&x->now.set, &lib);
	if (!lib_verdict && !lib.unmet)
		apply(x, &lib);
	model_verdict = model_activate(&x->now.model, &model);
	name(x, "activate all %llu id %llu count %llu other %llu", all, id, nr,
	     other);
	if (!lib_verdict &&
	    (lib.unmet != model.unmet || lib.unmet_lba != model.unmet_lba)) {
		fprintf(stderr, "lib: %x at %u, model: %x at %u\n", lib.unmet,
			(unsigned)lib.unmet_lba, model.unmet,
			(unsigned)model.unmet_lba);
		complain(x, "unmet prerequisites differ");
	}
	check_result(x, lib_verdict, model_verdict, &x->from);
}

static void try_activations(struct explorer *x)
{
	if (!x->geo.domains.nr)
		return;
	for (uint8_t other = 0; other <= x->geo.domains.nr; other++) {
		do_activation(x, true, 1, 7, other);
		for (uint64_t id = 0; id < x->geo.capacity_blocks + 2; id++)
			for (uint32_t nr = 0; nr <= SLOTS + 1; nr++)
				do_activation(x, false, id, nr, other);
		do_activation(x, false, UINT64_MAX, UINT32_MAX, other);
	}
}

static bool may_become(const struct explorer *x, uint32_t slot,
		       enum zone_cond cond)
{
	if (x->geo.domains.nr &&
	    (cond == ZC_INACTIVE || x->from.slots[slot].cond == ZC_INACTIVE))
		return false;
	return zone_geo_type(&x->geo, slot) != ZT_GAP;
}

static void try_faults(struct explorer *x)
{
	static const enum zone_cond faults[] = { ZC_READ_ONLY, ZC_OFFLINE,
						 ZC_INACTIVE };

	/* Higher limits are hardly met with one zone out of reach. */
	if (has_fault(&x->from.set) || x->geo.max_open > 2)
		return;
	for (uint32_t i = 0; i < SLOTS; i++)
		for (size_t f = 0; f < ZL_ARRAY_SIZE(faults); f++) {
			if (!may_become(x, i, faults[f]))
				continue;
			take(x, &x->from);
			set_fault(&x->now, i, faults[f]);
			name(x, "condition %llu for slot %llu", faults[f], i, 0,
			     0);
			check_result(x, ZV_OK, ZV_OK, &x->from);
		}
}

static void pair_init(struct pair *p, const struct zone_geo *geo,
		      const struct zone_model *model)
{
	zone_set_init(&p->set, geo, p->slots);
	zone_realms_init(&p->set, p->active, 0);
	model_clone(&p->model, model);
}

static void explore_from(struct explorer *x)
{
	pair_copy(&x->now, &x->from);
	name(x, "setting the state", 0, 0, 0, 0);
	check_state(x);
	try_ops(x);
	try_writes(x);
	/* The limit of open zones has nothing to do with reading. */
	if (!x->geo.max_open)
		try_reads(x);
	try_power_on(x);
	try_faults(x);
	try_activations(x);
}

static void explore(const struct zone_geo *geo)
{
	struct explorer *x = calloc(1, sizeof(*x));
	struct zone_model fresh;

	assert_non_null(x);
	assert_null(zone_geo_error(geo));
	assert_int_equal(zone_geo_slots(geo), SLOTS);
	x->geo = *geo;
	x->keys = calloc(MAX_STATES, sizeof(*x->keys));
	x->hash = calloc(HASH_SLOTS, sizeof(*x->hash));
	assert_non_null(x->keys);
	assert_non_null(x->hash);
	model_init(&fresh, geo);
	model_realms_init(&fresh, 0);
	pair_init(&x->from, geo, &fresh);
	pair_init(&x->now, geo, &fresh);
	pair_init(&x->mid, geo, &fresh);
	add_state(x, key_of(&x->from.set));
	for (uint32_t i = 0; i < x->nr_states; i++) {
		pair_from_key(x, &x->from, x->keys[i]);
		explore_from(x);
	}
	print_message("max_open %u: %u states, %llu commands\n", geo->max_open,
		      x->nr_states, (unsigned long long)x->nr_commands);
	model_free_clone(&x->from.model);
	model_free_clone(&x->now.model);
	model_free_clone(&x->mid.model);
	model_free(&fresh);
	free(x->keys);
	free(x->hash);
	free(x);
}

/* Under a sanitizer, which makes it ten times slower: a limit that is met, and
 * none (and with it reading) for small disks only: a fifth of all commands. */
#if defined(__SANITIZE_ADDRESS__)
#define FEWER true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FEWER true
#endif
#endif
#ifndef FEWER
#define FEWER false
#endif

static void explore_limits(struct zone_geo geo)
{
	const uint32_t first = FEWER && geo.capacity_blocks >= 16;
	const uint32_t last = FEWER ? 1 : SLOTS;

	if (FEWER)
		skip_part("a sanitizer is slow: limits %u to 1 only", first);
	for (geo.max_open = first; geo.max_open <= last; geo.max_open++)
		explore(&geo);
}

static void mixed_zones(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 16,
		.zone_blocks = 4,
		.zone_cap_blocks = 4,
		.runs = { { 1, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 1,
		.urswrz = true,
	});
}

static void gap_zones_and_smaller_last_zone(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 14,
		.zone_blocks = 4,
		.zone_cap_blocks = 3,
		.runs = { { 1, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 1,
	});
}

static void physical_blocks_of_two(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 14,
		.zone_blocks = 4,
		.zone_cap_blocks = 4,
		.runs = { { 2, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 2,
	});
}

static void sequential_zones_only(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 16,
		.runs = { { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.zone_blocks = 4,
		.zone_cap_blocks = 2,
		.phys_blocks = 2,
		.urswrz = true,
	});
}

static void sequential_write_preferred_zones(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 16,
		.zone_blocks = 4,
		.zone_cap_blocks = 4,
		.runs = { { 2, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_PREFERRED } },
		.phys_blocks = 1,
		.urswrz = true,
	});
}

static void three_preferred_zones_the_last_smaller(void **state)
{
	(void)state;
	explore_limits((struct zone_geo){
		.capacity_blocks = 7,
		.zone_blocks = 2,
		.zone_cap_blocks = 2,
		.runs = { { 1, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_PREFERRED } },
		.phys_blocks = 1,
		.urswrz = true,
	});
}

/* Higher limits of open zones differ little where few zones can be open. */
static void explore_few(struct zone_geo geo)
{
	for (geo.max_open = 0; geo.max_open <= (FEWER ? 1 : 2); geo.max_open++)
		explore(&geo);
}

static void conventional_zones_in_the_middle(void **state)
{
	(void)state;
	explore_few((struct zone_geo){
		.capacity_blocks = 11,
		.zone_blocks = 3,
		.zone_cap_blocks = 2,
		.runs = { { 1, ZT_SEQ_REQUIRED },
			  { 2, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 1,
	});
}

static void conventional_zones_at_the_end(void **state)
{
	(void)state;
	explore_few((struct zone_geo){
		.capacity_blocks = 12,
		.zone_blocks = 3,
		.zone_cap_blocks = 3,
		.runs = { { 2, ZT_SEQ_REQUIRED },
			  { UINT32_MAX, ZT_CONVENTIONAL } },
		.phys_blocks = 1,
		.urswrz = true,
	});
}

static void conventional_between_preferred(void **state)
{
	(void)state;
	explore_few((struct zone_geo){
		.capacity_blocks = 7,
		.zone_blocks = 2,
		.zone_cap_blocks = 2,
		.runs = { { 2, ZT_SEQ_PREFERRED },
			  { 3, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_PREFERRED } },
		.phys_blocks = 1,
		.urswrz = true,
	});
}

/* Which have no resources that a limit could be about. */
static void sequential_or_before_zones(void **state)
{
	struct zone_geo geo = {
		.capacity_blocks = 7,
		.zone_blocks = 2,
		.zone_cap_blocks = 2,
		.runs = { { 1, ZT_SEQ_REQUIRED },
			  { UINT32_MAX, ZT_SEQ_OR_BEFORE } },
		.phys_blocks = 1,
	};

	(void)state;
	explore(&geo);
	geo = (struct zone_geo){
		.capacity_blocks = 16,
		.zone_blocks = 4,
		.zone_cap_blocks = 4,
		.runs = { { 1, ZT_GAP },
			  { 2, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_OR_BEFORE } },
		.phys_blocks = 2,
	};
	explore(&geo);
}

/* Two domains, and two realms that have a zone in each. */
static struct zone_geo two_realms(enum zone_type cmr, enum zone_type smr)
{
	return (struct zone_geo){
		.capacity_blocks = 12,
		.zone_blocks = 3,
		.zone_cap_blocks = 3,
		.runs = { { 2, cmr }, { UINT32_MAX, smr } },
		.phys_blocks = 1,
		.domains = { .nr = 2,
			     .nr_realms = 2,
			     .d = { { .type = cmr,
				      .realm_slots = 1,
				      .nr_realms = 2,
				      .hole_at = 2 },
				    { .type = smr,
				      .first_slot = 2,
				      .realm_slots = 1,
				      .nr_realms = 2,
				      .hole_at = 2 } } },
	};
}

static void two_domains_and_two_realms(void **state)
{
	static const enum zone_type cmr[] = { ZT_CONVENTIONAL,
					      ZT_SEQ_OR_BEFORE };
	static const enum zone_type smr[] = { ZT_SEQ_REQUIRED,
					      ZT_SEQ_PREFERRED };
	struct zone_geo geo;

	(void)state;
	for (int i = 0; i < 4; i++) {
		geo = two_realms(cmr[i / 2], smr[i % 2]);
		geo.urswrz = i == 1;
		explore_few(geo);
	}
}

/* A realm that has the first domain only, one that has both, and a gap. */
static void a_realm_apart_and_a_gap(void **state)
{
	struct zone_geo geo = two_realms(ZT_CONVENTIONAL, ZT_SEQ_REQUIRED);

	(void)state;
	geo.runs[1] = (struct zone_run){ 3, ZT_GAP };
	geo.runs[2] = (struct zone_run){ UINT32_MAX, ZT_SEQ_REQUIRED };
	geo.domains.d[1].first_slot = 3;
	geo.domains.d[1].first_realm = 1;
	geo.domains.d[1].nr_realms = 1;
	explore_few(geo);
}

/* No such disk can be made yet. */
static void all_types_on_one_disk(void **state)
{
	(void)state;
	explore_few((struct zone_geo){
		.capacity_blocks = 8,
		.zone_blocks = 2,
		.zone_cap_blocks = 2,
		.runs = { { 1, ZT_SEQ_REQUIRED },
			  { 2, ZT_GAP },
			  { 3, ZT_SEQ_PREFERRED },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.phys_blocks = 1,
	});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sequential_write_preferred_zones),
		cmocka_unit_test(three_preferred_zones_the_last_smaller),
		cmocka_unit_test(mixed_zones),
		cmocka_unit_test(gap_zones_and_smaller_last_zone),
		cmocka_unit_test(physical_blocks_of_two),
		cmocka_unit_test(sequential_zones_only),
		cmocka_unit_test(conventional_zones_in_the_middle),
		cmocka_unit_test(conventional_zones_at_the_end),
		cmocka_unit_test(conventional_between_preferred),
		cmocka_unit_test(all_types_on_one_disk),
		cmocka_unit_test(sequential_or_before_zones),
		cmocka_unit_test(two_domains_and_two_realms),
		cmocka_unit_test(a_realm_apart_and_a_gap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
