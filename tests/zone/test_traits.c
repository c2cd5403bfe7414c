// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The rules follow from a zone type's row of traits: the library with a table
 * that has more rows, one for each mixture of traits that makes sense, against
 * the model, which is told what they mean in its own words.  Disks of all types
 * in any order, conventional zones and gaps among them.
 *
 * The table here takes the place of lib/zone/traits.c; nothing else differs.
 */
#include <assert.h>

#include "model/zone_model.h"
#include "zone_test.h"

#define TYPE(wp, order, upto, reset, hides, non_seq, span_, resource_) \
	{                                                              \
		.name = "invented", .has_wp = wp, .in_order = order,   \
		.up_to_wp = upto, .only_reset = reset,                 \
		.hides_unwritten = hides, .tells_non_seq = non_seq,    \
		.span = span_, .resource = resource_,                  \
	}
#define RESOURCES(...)                                             \
	TYPE(__VA_ARGS__, ZR_NONE), TYPE(__VA_ARGS__, ZR_OPTIMAL), \
		TYPE(__VA_ARGS__, ZR_LIMITED)
#define SPANS(...)                                                        \
	RESOURCES(__VA_ARGS__, ZS_ZONE), RESOURCES(__VA_ARGS__, ZS_TYPE), \
		RESOURCES(__VA_ARGS__, ZS_TYPES)

/* Behind all that ZONE TYPE has room for. */
#define FIRST_INVENTED 16

/* clang-format off */
const struct zone_traits zone_traits[] = {
#include "zone/traits.inc"
	[FIRST_INVENTED] =
	TYPE(false, false, false, false, false, false, ZS_ZONE, ZR_NONE),
	TYPE(false, false, false, false, false, false, ZS_TYPE, ZR_NONE),
	TYPE(false, false, false, false, false, false, ZS_TYPES, ZR_NONE),
	SPANS(true, true, false, false, true, false),
	SPANS(true, true, false, false, false, false),
	SPANS(true, false, false, false, true, true),
	SPANS(true, false, false, false, true, false),
	SPANS(true, false, false, false, false, true),
	SPANS(true, false, false, false, false, false),
	SPANS(true, false, true, false, true, false),
	SPANS(true, false, true, false, false, true),
	SPANS(true, false, false, true, true, false),
	SPANS(true, true, false, true, false, false),
};
/* clang-format on */

const unsigned zone_nr_types = ZL_ARRAY_SIZE(zone_traits);

static_assert(ZL_ARRAY_SIZE(zone_traits) <= MODEL_TYPES, "room in the model");

/* The row of a mixture with a write pointer. */
static enum zone_type invented(bool order, bool hides, bool non_seq,
			       enum zone_span span, enum zone_resource resource)
{
	for (unsigned i = FIRST_INVENTED; i < zone_nr_types; i++) {
		const struct zone_traits *t = &zone_traits[i];

		if (t->has_wp && !t->up_to_wp && !t->only_reset &&
		    t->in_order == order && t->hides_unwritten == hides &&
		    t->tells_non_seq == non_seq && t->span == span &&
		    t->resource == resource)
			return i;
	}
	fail_msg("no such row");
	return 0;
}

static int tell_the_model(void **state)
{
	static const unsigned spans[] = {
		[ZS_ZONE] = M_ALONE,
		[ZS_TYPES] = M_MIXES,
	};
	static const unsigned resources[] = {
		[ZR_OPTIMAL] = M_OPTIMAL,
		[ZR_LIMITED] = M_LIMITED,
	};

	(void)state;
	for (unsigned i = FIRST_INVENTED; i < zone_nr_types; i++) {
		const struct zone_traits *t = &zone_traits[i];

		model_rules[i] = (t->has_wp ? M_WP : 0) |
				 (t->in_order ? M_ORDER : 0) |
				 (t->up_to_wp ? M_UPTO : 0) |
				 (t->only_reset ? M_ONLY_RESET : 0) |
				 (t->hides_unwritten ? M_HIDES : 0) |
				 (t->tells_non_seq ? M_NON_SEQ : 0) |
				 spans[t->span] | resources[t->resource];
	}
	return 0;
}

/* --- Random disks --- */

struct world {
	struct disk d;
	struct zone_model model;
	uint64_t rng;
	unsigned long seen[ZV_NO_RESOURCES + 1];
};

static uint32_t rnd(struct world *w, uint32_t n)
{
	w->rng ^= w->rng >> 12;
	w->rng ^= w->rng << 25;
	w->rng ^= w->rng >> 27;
	return (uint32_t)((w->rng * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

/* Some types, so that they often meet their like. */
static void some_geo(struct world *w, struct zone_geo *geo)
{
	static const enum zone_type real[] = { ZT_CONVENTIONAL, ZT_SEQ_REQUIRED,
					       ZT_SEQ_PREFERRED,
					       ZT_SEQ_OR_BEFORE, ZT_GAP };
	enum zone_type types[4];
	uint32_t end = 0;

	for (int i = 0; i < 4; i++)
		types[i] = rnd(w, 2) ? real[rnd(w, 5)]
				     : FIRST_INVENTED +
					       rnd(w, zone_nr_types -
							      FIRST_INVENTED);
	*geo = (struct zone_geo){
		.zone_blocks = 4,
		.zone_cap_blocks = rnd(w, 4) ? 4 : 2,
		.max_open = rnd(w, 4),
		.phys_blocks = 1 + rnd(w, 2),
		.urswrz = rnd(w, 2),
	};
	geo->capacity_blocks = 4 * (2 + rnd(w, DISK_SLOTS - 2)) - 2 * rnd(w, 2);
	for (int i = 0; i < ZONE_MAX_RUNS; i++) {
		end += rnd(w, 4);
		geo->runs[i] = (struct zone_run){ end, types[rnd(w, 4)] };
	}
	geo->runs[ZONE_MAX_RUNS - 1].end = UINT32_MAX;
}

static void same(struct world *w, enum zone_verdict lib,
		 enum zone_verdict model)
{
	assert_verdict(lib, model);
	w->seen[lib]++;
}

static uint64_t some_lba(struct world *w)
{
	uint32_t slot = rnd(w, w->d.set.nr_slots);
	uint64_t lba = zone_slot_start_lba(&w->d.set, slot);

	return lba +
	       (rnd(w, 4) ? zone_slot_wp_blocks(&w->d.set, slot) : rnd(w, 5));
}

static void do_write(struct world *w)
{
	uint64_t lba = some_lba(w);
	uint32_t nr = rnd(w, 10), slot;
	enum zone_verdict lib = zone_write_begin(&w->d.set, lba, nr, &slot);

	same(w, lib, model_write_begin(&w->model, lba, nr));
	if (lib)
		return;
	nr = rnd(w, 8) ? nr : rnd(w, nr + 1);
	zone_write_end(&w->d.set, lba, nr);
	model_write_end(&w->model, lba, nr);
}

static void do_read(struct world *w)
{
	uint64_t lba = some_lba(w);
	uint32_t nr = rnd(w, 10);

	lba -= lba && rnd(w, 2);
	same(w, zone_read_check(&w->d.set, lba, nr, NULL),
	     model_read(&w->model, lba, nr));
}

static void do_op(struct world *w)
{
	uint64_t id = zone_slot_start_lba(&w->d.set, rnd(w, w->d.set.nr_slots));
	enum zone_op op = ZO_CLOSE + rnd(w, 4);
	uint16_t count = rnd(w, 2) ? 0 : (uint16_t)rnd(w, 5);
	bool all = !rnd(w, 20);

	id += rnd(w, 10) ? 0 : rnd(w, 4);
	same(w, zone_op_run(&w->d.set, op, id, count, all),
	     model_op(&w->model, op, id, count, all));
}

static void do_fault(struct world *w)
{
	static const enum zone_cond conds[] = { ZC_READ_ONLY, ZC_OFFLINE,
						ZC_INACTIVE };
	uint32_t slot = rnd(w, w->d.set.nr_slots), wp_blocks;
	uint64_t lba = zone_slot_start_lba(&w->d.set, slot);
	enum zone_cond cond = conds[rnd(w, 3)];

	if (w->d.set.slots[slot].type == ZT_GAP)
		return;
	wp_blocks = w->d.set.slots[slot].wp_blocks;
	/* Mostly a zone is repaired. */
	if (rnd(w, 4)) {
		cond = zone_slot_has_wp(&w->d.set, slot) ? ZC_EMPTY : ZC_NOT_WP;
		wp_blocks = 0;
	}
	zone_set_state(&w->d.set, slot, cond, wp_blocks);
	model_set_state(&w->model, lba, cond, wp_blocks);
}

static void do_command(struct world *w)
{
	switch (rnd(w, 16)) {
	case 0:
		do_fault(w);
		break;
	case 1:
	case 2:
	case 3:
		do_op(w);
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		do_read(w);
		break;
	default:
		do_write(w);
		break;
	}
}

static void check(struct world *w, const struct zone_geo *geo)
{
	const char *differs = model_compare(&w->model, &w->d.set);

	if (differs)
		fail_msg("max_open %u: %s", geo->max_open, differs);
	assert_true(zone_set_check(&w->d.set));
}

static void any_mixture(void **state)
{
	struct world w = { .rng = 14 };
	bool used[MODEL_TYPES] = { false };
	struct zone_geo geo;

	(void)state;
	for (int n = 0; n < 3000;) {
		some_geo(&w, &geo);
		if (zone_geo_error(&geo))
			continue;
		n++;
		disk_init(&w.d, &geo);
		model_init(&w.model, &geo);
		for (uint32_t i = 0; i < w.d.set.nr_slots; i++)
			used[w.d.set.slots[i].type] = true;
		for (int i = 0; i < 300; i++) {
			do_command(&w);
			check(&w, &geo);
		}
		model_free(&w.model);
	}
	/* All of it has happened. */
	for (unsigned i = FIRST_INVENTED; i < zone_nr_types; i++)
		assert_true(used[i]);
	for (enum zone_verdict v = ZV_OK; v <= ZV_NO_RESOURCES; v++)
		assert_true(w.seen[v] > 20);
}

/* --- What a single trait does --- */

static void start(struct disk *d, enum zone_type a, enum zone_type b)
{
	struct zone_geo geo = plain_geo;

	geo.max_open = 2;
	geo.urswrz = false;
	geo.runs[0] = (struct zone_run){ 4, a };
	geo.runs[1] = (struct zone_run){ 6, b };
	geo.runs[2] = (struct zone_run){ UINT32_MAX, ZT_SEQ_REQUIRED };
	disk_init(d, &geo);
}

static void in_order_from_zone_to_zone(void **state)
{
	enum zone_type t = invented(true, true, false, ZS_TYPE, ZR_LIMITED);
	struct disk d;

	(void)state;
	start(&d, t, ZT_CONVENTIONAL);
	assert_verdict(disk_write(&d, 0, 20), ZV_OK);
	assert_zone(&d, 0, ZC_FULL, 16);
	assert_zone(&d, 1, ZC_IMP_OPEN, 4);
	assert_verdict(zone_read_check(&d.set, 10, 10, NULL), ZV_OK);
	assert_verdict(zone_read_check(&d.set, 10, 11, NULL), ZV_READ_INVALID);
	assert_verdict(disk_write(&d, 19, 1), ZV_UNALIGNED_WRITE);
	assert_verdict(disk_write(&d, 20, 40), ZV_OK);
	assert_zone(&d, 3, ZC_IMP_OPEN, 12);
	/* Three at once, and only two may be open. */
	start(&d, t, ZT_CONVENTIONAL);
	assert_verdict(disk_write(&d, 0, 33), ZV_NO_RESOURCES);
	assert_verdict(disk_write(&d, 0, 65), ZV_WRITE_BOUNDARY);
}

static void no_resource(void **state)
{
	enum zone_type t = invented(false, true, false, ZS_TYPE, ZR_NONE);
	struct disk d;

	(void)state;
	start(&d, t, ZT_SEQ_REQUIRED);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 64, 2, false), ZV_OK);
	for (uint32_t i = 0; i < 4; i++)
		assert_verdict(disk_write(&d, i * 16 + 3, 1), ZV_OK);
	for (uint32_t i = 0; i < 4; i++)
		assert_zone(&d, i, ZC_IMP_OPEN, 4);
	/* Not in order, but it says nothing of it, and hides what is not
	 * written. */
	assert_int_equal(d.set.nr_non_seq, 0);
	assert_verdict(zone_read_check(&d.set, 0, 4, NULL), ZV_OK);
	assert_verdict(zone_read_check(&d.set, 0, 5, NULL), ZV_READ_INVALID);
	assert_verdict(disk_write(&d, 96, 1), ZV_NO_RESOURCES);
}

static void each_resource_by_itself(void **state)
{
	struct disk d;

	(void)state;
	start(&d, ZT_SEQ_REQUIRED, ZT_SEQ_PREFERRED);
	assert_verdict(zone_op_run(&d.set, ZO_OPEN, 64, 2, false), ZV_OK);
	assert_verdict(disk_write(&d, 0, 1), ZV_OK);
	assert_verdict(disk_write(&d, 16, 1), ZV_OK);
	assert_zone(&d, 0, ZC_IMP_OPEN, 1);
	assert_zone(&d, 4, ZC_EXP_OPEN, 0);
	assert_verdict(disk_write(&d, 32, 1), ZV_OK);
	assert_zone(&d, 0, ZC_CLOSED, 1);
	assert_zone(&d, 4, ZC_EXP_OPEN, 0);
	assert_int_equal(zone_nr_open(&d.set), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_from_zone_to_zone),
		cmocka_unit_test(no_resource),
		cmocka_unit_test(each_resource_by_itself),
		cmocka_unit_test(any_mixture),
	};

	return cmocka_run_group_tests(tests, tell_the_model, NULL);
}
