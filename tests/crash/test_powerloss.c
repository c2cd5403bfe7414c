// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The power fails at every step of random commands, and all that was promised
 * is there afterwards.  Seeds are printed; "test_crash_powerloss SEED [COUNT]"
 * runs others.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crash/power.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "stores/fault.h"

#define NR_COMMANDS 40
#define NR_RANDOM   3 /* outcomes of each power failure, beside the extremes */

static uint64_t first_seed = 1, nr_seeds = 6;

struct machine {
	struct power p;
	struct store_crash *c;
};

static bool is_off(struct power *p)
{
	struct machine *m = p->user;

	return store_crash_is_off(m->c);
}

static int try_open(struct machine *m, bool may_make)
{
	struct disk_open_args args = { .may_make = may_make };
	struct zl_err err = { "" };
	int ret;

	m->p.store = store_crash_open(m->c);
	assert_non_null(m->p.store);
	ret = disk_open_store(m->p.store, "test", &args, &m->p.disk, &err);
	if (!ret)
		return 0;
	m->p.disk = NULL;
	store_close(m->p.store);
	if (!store_crash_is_off(m->c))
		fail_msg("%s (after %s)", err.msg, m->p.last);
	return ret;
}

static void start(struct machine *m, uint64_t seed)
{
	struct store *st;

	memset(m, 0, sizeof(*m));
	m->c = store_crash_new();
	assert_non_null(m->c);
	m->p.user = m;
	m->p.is_off = is_off;
	m->p.phys_blocks = seed % 4 ? 1 : 8;
	m->p.host_aware = seed % 3 == 2;
	power_init(&m->p, seed);
	st = store_crash_open(m->c);
	power_sidecar(&m->p, st);
	store_close(st);
	assert_int_equal(try_open(m, true), 0);
}

static void stop(struct machine *m)
{
	disk_close(m->p.disk);
	store_crash_free(m->c);
}

/* The daemon stops or dies, and comes again: nothing acknowledged is lost. */
static void restart(struct machine *m)
{
	bool clean = power_random(&m->p, 2);

	snprintf(m->p.last, sizeof(m->p.last), clean ? "close" : "death");
	if (clean)
		disk_close(m->p.disk);
	else
		disk_abandon(m->p.disk);
	if (clean && !is_off(&m->p))
		power_all_safe(&m->p);
	if (!try_open(m, false))
		power_assert_unchanged(&m->p);
}

/* Up to @nr commands; ends when the power fails. */
static void run_commands(struct machine *m, unsigned nr)
{
	while (nr-- && !is_off(&m->p)) {
		if (!power_random(&m->p, 20))
			restart(m);
		else
			power_step(&m->p);
	}
}

static void power_cycle(struct machine *m, enum store_crash_keep keep,
			uint64_t seed)
{
	if (m->p.disk)
		disk_abandon(m->p.disk);
	store_crash_cycle(m->c, keep, seed);
	power_new_boot();
	assert_int_equal(try_open(m, false), 0);
}

/* One run in which the power fails at step @at; false: it was not reached. */
static bool fail_at(uint64_t seed, uint64_t at, enum store_crash_keep keep,
		    uint64_t outcome)
{
	struct machine m;
	bool reached;

	start(&m, seed);
	store_crash_arm(m.c, at);
	run_commands(&m, NR_COMMANDS);
	reached = is_off(&m.p);
	power_cycle(&m, keep, outcome);
	power_assert_promises(&m.p);
	power_use_all(&m.p);
	power_cycle(&m, STORE_CRASH_KEEP_NOTHING, 0);
	power_assert_only_safe(&m.p);
	stop(&m);
	return reached;
}

static bool all_outcomes(uint64_t seed, uint64_t at)
{
	bool reached = fail_at(seed, at, STORE_CRASH_KEEP_NOTHING, 0);

	fail_at(seed, at, STORE_CRASH_KEEP_ALL, 0);
	for (uint64_t i = 0; i < NR_RANDOM; i++)
		fail_at(seed, at, STORE_CRASH_KEEP_RANDOM, at * 100 + i);
	return reached;
}

static void at_every_step(void **state)
{
	uint64_t seed, at, runs = 0;

	(void)state;
	for (seed = first_seed; seed < first_seed + nr_seeds; seed++) {
		printf("seed %" PRIu64 "\n", seed);
		fflush(stdout);
		for (at = 0; all_outcomes(seed, at); at++)
			runs += 2 + NR_RANDOM;
	}
	printf("%" PRIu64 " power failures\n", runs);
	assert_true(runs > 0);
}

/* One disk through many power failures. */
static void again_and_again(void **state)
{
	uint64_t seed, rounds = 300;
	struct machine m;

	(void)state;
	for (seed = first_seed; seed < first_seed + nr_seeds; seed++) {
		start(&m, seed);
		for (uint64_t i = 0; i < rounds; i++) {
			store_crash_arm(m.c, power_random(&m.p, 60));
			run_commands(&m, 200);
			power_cycle(&m, STORE_CRASH_KEEP_RANDOM,
				    seed * rounds + i);
			power_assert_promises(&m.p);
		}
		power_use_all(&m.p);
		stop(&m);
	}
}

/* Making the disk: whenever the power fails, the same call completes it. */
static void while_the_disk_is_made(void **state)
{
	static const char cfg[] = "zone_size_mb=1,conv_zones=2,capacity_mb=5";
	struct disk_open_args args = { .may_make = true };
	struct disk_opts opts;
	struct zl_err err = { "" };
	bool reached = true;
	struct machine m;

	(void)state;
	assert_int_equal(
		disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, ',', false, &err),
		0);
	for (uint64_t at = 0; reached; at++) {
		for (uint64_t out = 0; out < 40; out++) {
			enum store_crash_keep keep =
				out == 0   ? STORE_CRASH_KEEP_NOTHING
				: out == 1 ? STORE_CRASH_KEEP_ALL
					   : STORE_CRASH_KEEP_RANDOM;
			int ret;

			memset(&m, 0, sizeof(m));
			m.c = store_crash_new();
			m.p.store = store_crash_open(m.c);
			args.opts = &opts;
			store_crash_arm(m.c, at);
			ret = disk_open_store(m.p.store, "test", &args,
					      &m.p.disk, &err);
			reached = store_crash_is_off(m.c);
			assert_true(reached || ret == 0);
			if (ret)
				store_close(m.p.store);
			else
				disk_abandon(m.p.disk);
			store_crash_cycle(m.c, keep, at * 100 + out);
			power_new_boot();
			/* Once made, it opens as it is. */
			args.opts = ret ? &opts : NULL;
			args.may_make = ret;
			m.p.store = store_crash_open(m.c);
			if (disk_open_store(m.p.store, "test", &args, &m.p.disk,
					    &err))
				fail_msg("step %" PRIu64 ": %s", at, err.msg);
			assert_int_equal(m.p.disk->problems.nr, 0);
			disk_close(m.p.disk);
			store_crash_free(m.c);
			args.may_make = true;
		}
	}
}

/* A write of two blocks full of @c at @lba. */
static enum disk_status write_two_at(struct machine *m, uint64_t lba, char c)
{
	uint8_t data[2 * PW_BLOCK];
	struct iovec iov = { data, sizeof(data) };
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = lba,
			      .nr_blocks = 2,
			      .iov = &iov,
			      .iov_cnt = 1 };

	memset(data, c, sizeof(data));
	return disk_run(m->p.disk, &io);
}

/* … at @off of the first sequential zone. */
static enum disk_status write_two(struct machine *m, uint32_t off)
{
	return write_two_at(m, PW_CONV * PW_ZONE + off, 'x');
}

/* What was cut off of a failed write before a SYNCHRONIZE CACHE, or before the
 * end, does not come back. */
static void part_of_a_failed_write(void **state)
{
	const struct store_fault_plan part = { .fail_count = 1,
					       .error = EIO,
					       .partial_bytes = PW_BLOCK,
					       .only = 1u << STORE_WRITE };
	const struct store_fault_plan stuck = { .fail_count = 2,
						.error = EIO,
						.partial_bytes = PW_BLOCK,
						.only = 1u << STORE_WRITE |
							1u << STORE_CUT };
	const struct disk_open_args args = { 0 };
	struct disk_io sync;
	struct store *fault;
	struct machine m;
	struct zl_err err;

	(void)state;
	for (uint64_t i = 0; i < 60; i++) {
		bool close = i % 3 == 0;

		start(&m, i % 2 ? 1 : 2);
		assert_int_equal(write_two(&m, 0), DISK_OK);
		disk_close(m.p.disk);
		fault = store_fault_new(store_crash_open(m.c));
		assert_int_equal(
			disk_open_store(fault, "test", &args, &m.p.disk, &err),
			0);
		store_fault_arm(fault, close ? &stuck : &part);
		assert_int_equal(write_two(&m, 2), DISK_WRITE_ERROR);
		sync = (struct disk_io){ .op = DISK_SYNC };
		if (close) {
			disk_close(m.p.disk);
			m.p.disk = NULL;
		} else {
			assert_int_equal(disk_run(m.p.disk, &sync), DISK_OK);
		}
		power_cycle(&m, STORE_CRASH_KEEP_RANDOM, i);
		assert_int_equal(zone_slot_wp_blocks(&m.p.disk->zones, PW_CONV),
				 2);
		stop(&m);
	}
}

/* What is written in place stays, and what can be read is made safe: in a
 * conventional zone, and in a sequential write preferred one, also if what is
 * behind its write pointer cannot be cut off. */
static void part_of_a_failed_write_in_place(void **state)
{
	const struct store_fault_plan part = { .fail_count = 2,
					       .error = EIO,
					       .partial_bytes = PW_BLOCK,
					       .only = 1u << STORE_WRITE |
						       1u << STORE_CUT };
	const struct disk_open_args args = { 0 };
	struct disk_io sync = { .op = DISK_SYNC };
	uint8_t data[PW_BLOCK];
	struct iovec iov = { data, sizeof(data) };
	struct disk_io read = {
		.op = DISK_READ, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};
	struct store *fault;
	struct machine m;
	struct zl_err err;

	(void)state;
	for (unsigned zone = 0; zone <= PW_CONV; zone += PW_CONV) {
		start(&m, 2);
		read.lba = zone * PW_ZONE;
		assert_int_equal(write_two_at(&m, read.lba, 'o'), DISK_OK);
		disk_close(m.p.disk);
		fault = store_fault_new(store_crash_open(m.c));
		assert_int_equal(
			disk_open_store(fault, "test", &args, &m.p.disk, &err),
			0);
		store_fault_arm(fault, &part);
		assert_int_equal(write_two_at(&m, read.lba, 'n'),
				 DISK_WRITE_ERROR);
		assert_int_equal(disk_run(m.p.disk, &read), DISK_OK);
		assert_int_equal(data[0], 'n');
		assert_int_equal(disk_run(m.p.disk, &sync), DISK_OK);
		power_cycle(&m, STORE_CRASH_KEEP_NOTHING, 0);
		assert_int_equal(disk_run(m.p.disk, &read), DISK_OK);
		assert_int_equal(data[0], 'n');
		stop(&m);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_the_disk_is_made),
		cmocka_unit_test(part_of_a_failed_write),
		cmocka_unit_test(part_of_a_failed_write_in_place),
		cmocka_unit_test(at_every_step),
		cmocka_unit_test(again_and_again),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		nr_seeds = strtoull(argv[2], NULL, 10);
	power_new_boot();
	return cmocka_run_group_tests_name("crash/powerloss", tests, NULL,
					   NULL);
}
