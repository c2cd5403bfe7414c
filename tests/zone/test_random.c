// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands on a disk of thousands of zones, against the model.  The seed
 * is printed; ZL_TEST_SEED sets another, ZL_TEST_COMMANDS another length.
 */
#include <stdio.h>
#include <stdlib.h>

#include "model/zone_model.h"
#include "zone_test.h"

struct random_disk {
	struct zone_set set;
	struct zone_model model;
	uint64_t rng;
};

static uint64_t env_u64(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);
	uint64_t v;

	if (!s)
		return otherwise;
	assert_int_equal(parse_u64(s, strlen(s), &v), 0);
	return v;
}

/* xorshift64*, below @n. */
static uint32_t rnd(struct random_disk *r, uint32_t n)
{
	r->rng ^= r->rng >> 12;
	r->rng ^= r->rng << 25;
	r->rng ^= r->rng >> 27;
	return (uint32_t)((r->rng * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

/* Mostly among a few zones, so that they fill up and compete. */
static uint32_t rnd_slot(struct random_disk *r)
{
	uint32_t border = r->set.geo.runs[0].end, few = border + 40;

	if (rnd(r, 8))
		return border - 1 + rnd(r, 40);
	return rnd(r, 2) ? r->set.nr_slots - 1 - rnd(r, few)
			 : rnd(r, r->set.nr_slots);
}

static void do_write(struct random_disk *r)
{
	uint32_t slot = rnd_slot(r), nr = rnd(r, 10), done = nr;
	uint64_t lba = zone_slot_start_lba(&r->set, slot);
	enum zone_verdict lib, model;

	lba += rnd(r, 8) ? r->set.slots[slot].wp_blocks : rnd(r, 20);
	lib = zone_write_begin(&r->set, lba, nr, NULL);
	model = model_write_begin(&r->model, lba, nr);
	assert_verdict(lib, model);
	if (lib || !nr)
		return;
	if (!rnd(r, 16))
		done = rnd(r, nr + 1);
	zone_write_end(&r->set, lba, done);
	model_write_end(&r->model, lba, done);
}

static void do_read(struct random_disk *r)
{
	uint64_t lba = zone_slot_start_lba(&r->set, rnd_slot(r)) + rnd(r, 17);
	uint64_t nr = rnd(r, 40);

	assert_verdict(zone_read_check(&r->set, lba, nr, NULL),
		       model_read(&r->model, lba, nr));
}

static void do_op(struct random_disk *r)
{
	uint64_t id = zone_slot_start_lba(&r->set, rnd_slot(r));
	enum zone_op op = ZO_CLOSE + rnd(r, 4);
	uint16_t count = rnd(r, 4) ? 0 : (uint16_t)rnd(r, 12);
	bool all = !rnd(r, 200);

	if (!rnd(r, 20))
		id += rnd(r, 40);
	assert_verdict(zone_op_run(&r->set, op, id, count, all),
		       model_op(&r->model, op, id, count, all));
}

static void do_fault(struct random_disk *r)
{
	static const enum zone_cond conds[] = { ZC_READ_ONLY, ZC_OFFLINE,
						ZC_INACTIVE };
	uint32_t slot = rnd_slot(r), wp_blocks = r->set.slots[slot].wp_blocks;
	uint64_t lba = zone_slot_start_lba(&r->set, slot);
	enum zone_cond cond = conds[rnd(r, 3)];

	if (r->set.slots[slot].type == ZT_GAP)
		return;
	/* Now and then a zone is repaired. */
	if (rnd(r, 2)) {
		cond = zone_slot_has_wp(&r->set, slot) ? ZC_EMPTY : ZC_NOT_WP;
		wp_blocks = 0;
	}
	zone_set_state(&r->set, slot, cond, wp_blocks);
	model_set_state(&r->model, lba, cond, wp_blocks);
}

static void do_command(struct random_disk *r)
{
	uint32_t kind = rnd(r, 1000);

	if (kind < 600)
		do_write(r);
	else if (kind < 700)
		do_read(r);
	else if (kind < 995)
		do_op(r);
	else if (kind < 999)
		do_fault(r);
	else {
		zone_power_on(&r->set);
		model_power_on(&r->model);
	}
}

static void check(struct random_disk *r, uint64_t i)
{
	const char *differs = model_compare(&r->model, &r->set);

	if (differs)
		fail_msg("after %llu commands: %s", (unsigned long long)i,
			 differs);
	assert_true(zone_set_check(&r->set));
}

static void run(const struct zone_geo *geo, uint64_t seed, uint64_t commands)
{
	struct random_disk r = { .rng = seed | 1 };
	struct zone_slot *slots;

	assert_null(zone_geo_error(geo));
	slots = calloc(zone_geo_slots(geo), sizeof(*slots));
	assert_non_null(slots);
	zone_set_init(&r.set, geo, slots);
	model_init(&r.model, geo);
	print_message("  seed %llu, %llu commands, %u slots\n",
		      (unsigned long long)seed, (unsigned long long)commands,
		      r.set.nr_slots);
	for (uint64_t i = 0; i < commands; i++) {
		do_command(&r);
		if (i % 256 == 0)
			check(&r, i);
	}
	check(&r, commands);
	model_free(&r.model);
	free(slots);
}

static void thousands_of_zones(void **state)
{
	uint64_t seed = env_u64("ZL_TEST_SEED", 20240607);
	uint64_t commands = env_u64("ZL_TEST_COMMANDS", 100000);
	struct zone_geo geo = {
		.capacity_blocks = 4000 * 16,
		.zone_blocks = 16,
		.zone_cap_blocks = 16,
		.runs = { { 10, ZT_CONVENTIONAL },
			  { UINT32_MAX, ZT_SEQ_REQUIRED } },
		.max_open = 12,
		.phys_blocks = 1,
		.urswrz = true,
	};

	(void)state;
	run(&geo, seed, commands);
	geo.zone_cap_blocks = 11;
	geo.capacity_blocks -= 3;
	geo.urswrz = false;
	run(&geo, seed + 1, commands);
	geo.zone_cap_blocks = 16;
	geo.capacity_blocks -= 1;
	geo.phys_blocks = 4;
	geo.max_open = 0;
	run(&geo, seed + 2, commands);
	geo.phys_blocks = 1;
	geo.max_open = 12;
	geo.urswrz = true;
	geo.runs[1].type = ZT_SEQ_PREFERRED;
	run(&geo, seed + 3, commands);
	geo.runs[2] = geo.runs[1];
	geo.runs[1] = (struct zone_run){ 25, ZT_SEQ_REQUIRED };
	run(&geo, seed + 4, commands);
	geo.zone_cap_blocks = 13;
	geo.runs[0] = (struct zone_run){ 17, ZT_SEQ_REQUIRED };
	geo.runs[1] = (struct zone_run){ 30, ZT_CONVENTIONAL };
	geo.runs[2] = (struct zone_run){ 36, ZT_SEQ_REQUIRED };
	geo.runs[3] = (struct zone_run){ 38, ZT_GAP };
	geo.runs[4] = (struct zone_run){ 3990, ZT_SEQ_REQUIRED };
	geo.runs[5] = (struct zone_run){ UINT32_MAX, ZT_CONVENTIONAL };
	run(&geo, seed + 5, commands);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(thousands_of_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
