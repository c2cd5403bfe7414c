// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The crash-simulating store: what it may lose it loses, and nothing else. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stores/crash.h"
#include "store/ops.h"

#define CNV	0
#define SEQ	2
#define SEC	512u
#define NR_RUNS 400u

struct env {
	struct store_crash *c;
	struct store *st;
};

static void power_on(struct env *e)
{
	e->st = store_crash_open(e->c);
	assert_non_null(e->st);
	store_set_layout(e->st, store_conv_first(2));
}

static void cycle(struct env *e, enum store_crash_keep keep, uint64_t seed)
{
	store_close(e->st);
	store_crash_cycle(e->c, keep, seed);
	power_on(e);
}

/* A conventional file of 4 sectors of 'c' and a sequential one of 2 of 's',
 * both safe. */
static void start(struct env *e)
{
	uint8_t data[4 * SEC];

	e->c = store_crash_new();
	assert_non_null(e->c);
	power_on(e);
	assert_int_equal(store_make(e->st, CNV, 4 * SEC), 0);
	assert_int_equal(store_make(e->st, SEQ, 0), 0);
	memset(data, 'c', sizeof(data));
	op_write(e->st, CNV, 0, data, 4 * SEC);
	memset(data, 's', sizeof(data));
	op_write(e->st, SEQ, 0, data, 2 * SEC);
	assert_int_equal(op_run(e->st, STORE_SYNC, CNV, 0, 0), 0);
	assert_int_equal(op_run(e->st, STORE_SYNC, SEQ, 0, 0), 0);
	assert_int_equal(store_sync_dir(e->st), 0);
}

static void stop(struct env *e)
{
	store_close(e->st);
	store_crash_free(e->c);
}

static void write_sectors(struct env *e, uint32_t slot, uint64_t sector,
			  unsigned nr, char c, unsigned flags)
{
	uint8_t data[8 * SEC];

	memset(data, c, sizeof(data));
	assert_int_equal(op_flags(e->st, STORE_WRITE, flags, slot, sector * SEC,
				  data, nr * SEC),
			 nr * SEC);
}

/* A sector's character; '?' if it is mixed, '-' behind the end. */
static char sector(struct env *e, uint32_t slot, uint64_t nr)
{
	uint8_t data[SEC];

	if (op_read(e->st, slot, nr * SEC, data, SEC) != SEC)
		return '-';
	for (unsigned i = 1; i < SEC; i++)
		if (data[i] != data[0])
			return '?';
	return (char)data[0];
}

static void nothing_or_all(void **state)
{
	struct env e;

	(void)state;
	for (int all = 0; all < 2; all++) {
		start(&e);
		write_sectors(&e, CNV, 1, 1, 'x', 0);
		write_sectors(&e, SEQ, 2, 3, 'y', 0);
		cycle(&e, all ? STORE_CRASH_KEEP_ALL : STORE_CRASH_KEEP_NOTHING,
		      0);
		assert_int_equal(sector(&e, CNV, 0), 'c');
		assert_int_equal(sector(&e, CNV, 1), all ? 'x' : 'c');
		assert_int_equal(op_size(e.st, SEQ), (all ? 5 : 2) * SEC);
		assert_int_equal(sector(&e, SEQ, 1), 's');
		stop(&e);
	}
}

static void synced_stays(void **state)
{
	struct env e;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		write_sectors(&e, CNV, 1, 2, 'x', 0);
		op_run(e.st, STORE_SYNC, CNV, 0, 0);
		write_sectors(&e, CNV, 2, 1, 'y', 0);
		op_run(e.st, STORE_RESET, SEQ, 0, 0);
		op_run(e.st, STORE_SYNC, SEQ, 0, 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		assert_int_equal(sector(&e, CNV, 0), 'c');
		assert_int_equal(sector(&e, CNV, 1), 'x');
		assert_int_equal(op_size(e.st, SEQ), 0);
		stop(&e);
	}
}

/* Notes that @c was seen. */
static void see(bool seen[256], char c)
{
	seen[(uint8_t)c] = true;
}

static void sectors_are_torn(void **state)
{
	bool seen[2][2] = { { false } };
	struct env e;
	char a, b;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		write_sectors(&e, CNV, 1, 2, 'x', 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		a = sector(&e, CNV, 1);
		b = sector(&e, CNV, 2);
		assert_true((a == 'c' || a == 'x') && (b == 'c' || b == 'x'));
		seen[a == 'x'][b == 'x'] = true;
		stop(&e);
	}
	for (int i = 0; i < 4; i++)
		assert_true(seen[i / 2][i % 2]);
}

static void size_goes_ahead_of_data(void **state)
{
	bool size[8 * SEC] = { false }, seen[256] = { false };
	bool ragged = false;
	struct env e;
	uint64_t n;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		write_sectors(&e, SEQ, 2, 2, 'y', 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		n = op_size(e.st, SEQ);
		assert_in_range(n, 2 * SEC, 4 * SEC);
		assert_int_equal(sector(&e, SEQ, 1), 's');
		size[n] = true;
		ragged |= n % SEC != 0;
		see(seen, sector(&e, SEQ, 2));
		stop(&e);
	}
	assert_true(size[2 * SEC] && size[3 * SEC] && size[4 * SEC] && ragged);
	assert_true(seen['y'] && seen[0] && seen[0xdb] && seen['-']);
}

/* Blocks that a truncation frees are not used before it is safe. */
static void truncation_holds_back(void **state)
{
	bool seen[256] = { false };
	struct env e;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		op_run(e.st, STORE_RESET, SEQ, 0, 0);
		write_sectors(&e, SEQ, 0, 1, 'n', 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		see(seen, sector(&e, SEQ, 0));
		if (op_size(e.st, SEQ) == 2 * SEC)
			assert_int_equal(sector(&e, SEQ, 0), 's');
		else
			assert_true(op_size(e.st, SEQ) <= SEC &&
				    sector(&e, SEQ, 0) != 's');
		stop(&e);
	}
	assert_true(seen['s'] && seen['n'] && seen['-'] && seen[0]);
}

static void dsync_is_safe_alone(void **state)
{
	bool seen[256] = { false };
	struct env e;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		write_sectors(&e, CNV, 0, 2, 'o', 0);
		write_sectors(&e, CNV, 1, 1, 'f', STORE_DSYNC);
		write_sectors(&e, CNV, 2, 1, 'l', 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		assert_int_equal(sector(&e, CNV, 1), 'f');
		see(seen, sector(&e, CNV, 0));
		see(seen, sector(&e, CNV, 2));
		stop(&e);
	}
	assert_true(seen['c'] && seen['o'] && seen['l']);
}

static void punches_are_writes(void **state)
{
	bool seen[256] = { false };
	struct env e;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		op_run(e.st, STORE_PUNCH, CNV, SEC, SEC);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		see(seen, sector(&e, CNV, 1));
		assert_int_equal(sector(&e, CNV, 2), 'c');
		stop(&e);
	}
	assert_true(seen['c'] && seen[0]);
}

static void names_need_the_directory(void **state)
{
	unsigned lost = 0, kept = 0;
	struct store_stat stat;
	struct env e;

	(void)state;
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		assert_int_equal(store_make(e.st, 3, 0), 0);
		assert_int_equal(op_run(e.st, STORE_SYNC, 3, 0, 0), 0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		assert_int_equal(store_stat(e.st, 3, &stat), 0);
		lost += stat.kind == STORE_KIND_MISSING;
		kept += stat.kind == STORE_KIND_FILE;
		assert_int_equal(sector(&e, SEQ, 0), 's');
		stop(&e);
	}
	assert_true(lost && kept);
}

/* The power fails in each step: the old text or the new one, never a mixture.
 */
static void replacement_is_atomic(void **state)
{
	bool was_old = false, was_new = false, done = false;
	struct env e;
	void *data;
	size_t len;
	int ret;

	(void)state;
	for (uint64_t at = 0; !done; at++) {
		for (uint64_t seed = 0; seed < 50; seed++) {
			start(&e);
			assert_int_equal(
				store_meta_replace(e.st, "m", "old", 3), 0);
			store_crash_arm(e.c, at);
			ret = store_meta_replace(e.st, "m", "newer", 5);
			done = !store_crash_is_off(e.c);
			assert_int_equal(ret, done ? 0 : -EIO);
			cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
			assert_int_equal(
				store_meta_read(e.st, "m", &data, &len), 0);
			if (len == 5)
				assert_memory_equal(data, "newer", 5);
			else
				assert_memory_equal(data, "old", 4);
			was_new |= len == 5;
			was_old |= len == 3;
			assert_true(!done || len == 5);
			free(data);
			stop(&e);
		}
	}
	assert_true(was_old && was_new);
}

static void append_is_torn(void **state)
{
	unsigned lost = 0, torn = 0, kept = 0;
	char line[600];
	struct env e;
	void *data;
	size_t len;

	(void)state;
	memset(line, 'l', sizeof(line));
	for (uint64_t seed = 0; seed < NR_RUNS; seed++) {
		start(&e);
		assert_int_equal(store_meta_append(e.st, "j", "safe", 4, true),
				 0);
		assert_int_equal(
			store_meta_append(e.st, "j", line, sizeof(line), false),
			0);
		cycle(&e, STORE_CRASH_KEEP_RANDOM, seed);
		assert_int_equal(store_meta_read(e.st, "j", &data, &len), 0);
		assert_true(len >= 4);
		assert_memory_equal(data, "safe", 4);
		if (len == 4)
			lost++;
		else if (len == 4 + sizeof(line) &&
			 !memcmp((char *)data + 4, line, sizeof(line)))
			kept++;
		else
			torn++;
		free(data);
		stop(&e);
	}
	assert_true(lost && torn && kept);
}

static void off_is_off(void **state)
{
	struct store_stat stat;
	struct env e;
	uint8_t data[SEC] = { 0 };

	(void)state;
	start(&e);
	store_crash_arm(e.c, 1);
	assert_int_equal(op_write(e.st, SEQ, 2 * SEC, data, SEC), SEC);
	assert_int_equal(store_crash_steps(e.c), 1);
	assert_false(store_crash_is_off(e.c));
	assert_int_equal(op_run(e.st, STORE_SYNC, SEQ, 0, 0), -EIO);
	assert_true(store_crash_is_off(e.c));
	assert_int_equal(op_read(e.st, SEQ, 0, data, SEC), -EIO);
	assert_int_equal(store_stat(e.st, SEQ, &stat), -EIO);
	assert_int_equal(store_meta_append(e.st, "j", "x", 1, true), -EIO);
	cycle(&e, STORE_CRASH_KEEP_NOTHING, 0);
	assert_int_equal(op_size(e.st, SEQ), 2 * SEC);
	stop(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_or_all),
		cmocka_unit_test(synced_stays),
		cmocka_unit_test(sectors_are_torn),
		cmocka_unit_test(size_goes_ahead_of_data),
		cmocka_unit_test(truncation_holds_back),
		cmocka_unit_test(dsync_is_safe_alone),
		cmocka_unit_test(punches_are_writes),
		cmocka_unit_test(names_need_the_directory),
		cmocka_unit_test(replacement_is_atomic),
		cmocka_unit_test(append_is_torn),
		cmocka_unit_test(off_is_off),
	};

	return cmocka_run_group_tests_name("store/crash", tests, NULL, NULL);
}
