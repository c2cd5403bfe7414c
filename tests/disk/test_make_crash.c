// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Power lost at every step of making, adopting and opening a disk. */
#include "disk/dirs.h"
#include "disk/io/io.h"
#include "disk/life/check.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "stores/crash.h"

#define GEOMETRY "zone_size_mb=1,zone_capacity_mb=1,conv_zones=2"
#define SEEDS	 8

static int try_open(struct store_crash *crash, const char *options,
		    uint64_t size, struct disk **d, struct zl_err *err)
{
	return open_store(store_crash_open(crash), options, size, MAKE, d, err);
}

static void must(struct store_crash *crash, const char *options, uint64_t size,
		 struct disk **d)
{
	struct zl_err err;

	if (try_open(crash, options, size, d, &err))
		fail_msg("%s", err.msg);
}

/* Opens with the power failing in step @at; false: it did not get there. */
static bool lose_power_at(struct store_crash *crash, const char *options,
			  uint64_t at, unsigned seed)
{
	struct disk *d;
	struct zl_err err;
	bool off;

	store_crash_arm(crash, at);
	if (!try_open(crash, options, USUAL_SIZE, &d, &err))
		disk_abandon(d);
	off = store_crash_is_off(crash);
	store_crash_arm(crash, UINT64_MAX);
	if (seed == SEEDS)
		store_crash_cycle(crash, STORE_CRASH_KEEP_NOTHING, 0);
	else if (seed == SEEDS + 1)
		store_crash_cycle(crash, STORE_CRASH_KEEP_ALL, 0);
	else
		store_crash_cycle(crash, STORE_CRASH_KEEP_RANDOM,
				  at * SEEDS + seed);
	return off;
}

/* As zloop check sees it. */
static void assert_sound(struct store_crash *crash)
{
	struct store *st = store_crash_open(crash);
	struct problem_list l = { .nr = 0 };
	struct zl_err err;

	if (check_store(st, "/d", list_problem, &l, &err))
		fail_msg("%s%s", err.msg, l.text);
	store_close(st);
}

static void while_it_is_made(void **state)
{
	unsigned completed = 0;
	uint64_t at = 0;
	bool off = true;

	(void)state;
	for (; off; at++) {
		for (unsigned seed = 0; seed < SEEDS + 2; seed++) {
			struct store_crash *crash = store_crash_new();
			struct disk *d;
			struct zl_err err;

			off = lose_power_at(crash, USUAL, at, seed);
			/* Without options: completed, opened, or empty. */
			if (try_open(crash, NULL, 0, &d, &err)) {
				assert_non_null(strstr(err.msg, "is empty"));
				must(crash, USUAL, USUAL_SIZE, &d);
			} else {
				completed += disk_was_made(d);
			}
			assert_problems(d, "");
			for (uint32_t i = USUAL_CONV; i < USUAL_NR; i++)
				assert_int_equal(cond_at(d, i), ZC_EMPTY);
			/* Once made, it stays made. */
			disk_abandon(d);
			store_crash_cycle(crash, STORE_CRASH_KEEP_NOTHING, 0);
			must(crash, NULL, 0, &d);
			assert_problems(d, "");
			disk_close(d);
			assert_sound(crash);
			store_crash_free(crash);
		}
		assert_true(at < 1000);
	}
	assert_true(completed > USUAL_NR * SEEDS);
}

/* What is left of a disk that was in the directory. */
static struct store_crash *older_disk(void)
{
	static const char faults[] =
		"[{\"fault\":\"read-error\",\"persistent\":true}]";
	struct store_crash *crash = store_crash_new();
	struct store *st = store_crash_open(crash);
	uint8_t rec[JOURNAL_RECORD_BYTES];

	journal_encode(rec, 7, JR_CONDITION, 3, ZC_OFFLINE);
	assert_int_equal(store_meta_replace(st, DISK_JOURNAL, rec, sizeof(rec)),
			 0);
	assert_int_equal(
		store_meta_replace(st, DISK_FAULTS, faults, sizeof(faults) - 1),
		0);
	store_close(st);
	return crash;
}

static void in_the_place_of_an_older_one(void **state)
{
	uint64_t at = 0;
	bool off = true;

	(void)state;
	for (; off; at++) {
		for (unsigned seed = 0; seed < SEEDS + 2; seed++) {
			struct store_crash *crash = older_disk();
			struct disk *d;

			off = lose_power_at(crash, USUAL, at, seed);
			must(crash, USUAL, USUAL_SIZE, &d);
			assert_int_equal(cond_at(d, 3), ZC_EMPTY);
			assert_false(disk_has_faults(d));
			disk_close(d);
			store_crash_free(crash);
		}
		assert_true(at < 1000);
	}
}

static struct store_crash *kernels_disk(void)
{
	struct store_crash *crash = store_crash_new();
	struct store *st = store_crash_open(crash);
	struct store_req sync = { .op = STORE_SYNC };

	store_set_layout(st, store_conv_first(USUAL_CONV));
	for (uint32_t i = 0; i < USUAL_NR; i++) {
		assert_int_equal(store_make(st, i, i < USUAL_CONV ? ZL_MIB : 0),
				 0);
		sync.slot = i;
		if (i == 3)
			assert_int_equal(store_resize(st, i, 8192), 0);
		assert_int_equal(store_run(st, &sync), 0);
	}
	assert_int_equal(store_sync_dir(st), 0);
	store_close(st);
	return crash;
}

static void while_it_is_adopted(void **state)
{
	uint64_t at = 0;
	bool off = true;

	(void)state;
	for (; off; at++) {
		for (unsigned seed = 0; seed < SEEDS + 2; seed++) {
			struct store_crash *crash = kernels_disk();
			struct disk *d;

			off = lose_power_at(crash, GEOMETRY, at, seed);
			must(crash, GEOMETRY, USUAL_SIZE, &d);
			assert_true(disk_meta(d)->adopted);
			assert_problems(d, "");
			assert_int_equal(wp_at(d, 3), 16);
			disk_close(d);
			assert_sound(crash);
			store_crash_free(crash);
		}
		assert_true(at < 1000);
	}
	assert_true(at > 5);
}

/* … and what its driver wrote may be in the page cache only. */
static void what_the_kernels_driver_wrote(void **state)
{
	struct store_crash *crash = kernels_disk();
	struct store *st = store_crash_open(crash);
	uint8_t data[4096] = { 1 };
	struct iovec iov = { data, sizeof(data) };
	struct store_req write = { .op = STORE_WRITE,
				   .slot = 3,
				   .off = 8192,
				   .len = sizeof(data),
				   .iov = &iov,
				   .iov_cnt = 1 };
	struct disk_io sync = { .op = DISK_SYNC };
	struct disk *d;

	(void)state;
	store_set_layout(st, store_conv_first(USUAL_CONV));
	assert_int_equal(store_run(st, &write), sizeof(data));
	store_close(st);
	must(crash, GEOMETRY, USUAL_SIZE, &d);
	assert_int_equal(wp_at(d, 3), 24);
	assert_int_equal(disk_run(d, &sync), DISK_OK);
	disk_abandon(d);
	store_crash_cycle(crash, STORE_CRASH_KEEP_NOTHING, 0);
	must(crash, NULL, 0, &d);
	assert_int_equal(wp_at(d, 3), 24);
	disk_close(d);
	store_crash_free(crash);
}

/* The mark of an offline zone survives whatever happens at later openings. */
static void while_it_is_opened(void **state)
{
	uint64_t at = 0;
	bool off = true;

	(void)state;
	for (; off; at++) {
		for (unsigned seed = 0; seed < SEEDS + 2; seed++) {
			struct store_crash *crash = store_crash_new();
			struct disk *d;

			must(crash, USUAL, USUAL_SIZE, &d);
			d->slots.at[4].flags |= SLOT_JOURNAL_OFF;
			assert_int_equal(journal_append(&d->journal,
							JR_CONDITION, 4,
							ZC_OFFLINE, true),
					 0);
			disk_abandon(d);
			off = lose_power_at(crash, NULL, at, seed);
			must(crash, NULL, 0, &d);
			assert_int_equal(cond_at(d, 4), ZC_OFFLINE);
			assert_int_equal(cond_at(d, 5), ZC_EMPTY);
			disk_close(d);
			assert_sound(crash);
			store_crash_free(crash);
		}
		assert_true(at < 1000);
	}
	assert_true(at > 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_is_made),
		cmocka_unit_test(in_the_place_of_an_older_one),
		cmocka_unit_test(while_it_is_adopted),
		cmocka_unit_test(what_the_kernels_driver_wrote),
		cmocka_unit_test(while_it_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
