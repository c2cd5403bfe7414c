// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Direct I/O of the file store: what goes past the page cache, and that sizes
 * and data are right whatever does. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "skip.h"
#include "store/ops.h"
#include "stores/zone_call.h"

#define SEQ   0
#define BLOCK 4096u
#define MOST  (256u * 1024)

struct env {
	char *dir;
	struct store *st;
	uint8_t *data; /* aligned */
	uint8_t *back;
};

static struct store *open_direct(const char *dir)
{
	struct store *st = tmp_open(dir);

	store_file_set_direct(st);
	store_set_layout(st, store_conv_first(0));
	return st;
}

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->dir = tmp_make();
	env->st = open_direct(env->dir);
	env->data = aligned_alloc(BLOCK, MOST);
	env->back = aligned_alloc(BLOCK, MOST);
	op_fill(env->data, MOST, 1);
	assert_int_equal(store_make(env->st, SEQ, 0), 0);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	store_close(env->st);
	tmp_remove(env->dir);
	free(env->data);
	free(env->back);
	free(env);
	return 0;
}

/* Whether the page cache has the page at @off; looking does not read it. */
static bool is_cached(const struct env *env, off_t off)
{
	unsigned char resident = 0;
	char path[4096];
	void *page;
	int fd;

	snprintf(path, sizeof(path), "%s/seq-000000", env->dir);
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	page = mmap(NULL, BLOCK, PROT_READ, MAP_SHARED, fd, off);
	assert_true(page != MAP_FAILED);
	assert_int_equal(mincore(page, BLOCK, &resident), 0);
	munmap(page, BLOCK);
	close(fd);
	return resident & 1;
}

/* btrfs takes the page cache for some direct I/O, as it likes. */
static bool is_btrfs(const struct env *env)
{
	struct statfs fs;

	assert_int_equal(statfs(env->dir, &fs), 0);
	return fs.f_type == BTRFS_SUPER_MAGIC;
}

static void needs_direct_io(const struct env *env)
{
	assert_int_equal(op_write(env->st, SEQ, 0, env->data, BLOCK), BLOCK);
	if (!is_btrfs(env) && !is_cached(env, 0))
		return;
	skip_test("no direct I/O in %s", env->dir);
}

static void whole_blocks_go_past_the_page_cache(void **state)
{
	struct env *env = *state;

	needs_direct_io(env);
	assert_int_equal(
		op_write(env->st, SEQ, BLOCK, env->data + BLOCK, 2 * BLOCK),
		2 * BLOCK);
	assert_int_equal(op_size(env->st, SEQ), 3 * BLOCK);
	assert_int_equal(op_read(env->st, SEQ, 0, env->back, 3 * BLOCK),
			 3 * BLOCK);
	assert_memory_equal(env->back, env->data, 3 * BLOCK);
	for (int i = 0; i < 3; i++)
		assert_false(is_cached(env, i * (off_t)BLOCK));
}

static void the_rest_goes_through_it(void **state)
{
	struct env *env = *state;

	needs_direct_io(env);
	/* Neither the length nor, next, the offset or the memory fit. */
	assert_int_equal(op_write(env->st, SEQ, BLOCK, env->data + BLOCK, 100),
			 100);
	assert_int_equal(op_size(env->st, SEQ), BLOCK + 100);
	assert_int_equal(op_write(env->st, SEQ, BLOCK + 100,
				  env->data + BLOCK + 100, BLOCK),
			 BLOCK);
	assert_int_equal(op_size(env->st, SEQ), 2 * BLOCK + 100);
	assert_true(is_cached(env, BLOCK));
	/* A direct read sees it, and ends where the file does. */
	assert_int_equal(op_read(env->st, SEQ, 0, env->back, 3 * BLOCK),
			 2 * BLOCK + 100);
	assert_memory_equal(env->back, env->data, 2 * BLOCK + 100);
}

static void nothing_is_done_at_once(void **state)
{
	struct env *env = *state;

	assert_int_equal(op_write(env->st, SEQ, 0, env->data, BLOCK), BLOCK);
	assert_int_equal(op_flags(env->st, STORE_READ, STORE_NOWAIT, SEQ, 0,
				  env->back, BLOCK),
			 -EAGAIN);
	assert_int_equal(op_flags(env->st, STORE_WRITE, STORE_NO_OPEN, SEQ,
				  BLOCK, env->data, BLOCK),
			 -EAGAIN);
	assert_int_equal(op_size(env->st, SEQ), BLOCK);
}

static void both_descriptors_count(void **state)
{
	struct env *env = *state;

	needs_direct_io(env);
	assert_int_equal(store_file_nr_fds(), 2);
	store_close(env->st);
	assert_int_equal(store_file_nr_fds(), 0);
	env->st = open_direct(env->dir);
}

static unsigned next_rand(unsigned *rand, unsigned below)
{
	*rand = *rand * 1103515245u + 12345u;
	return (*rand >> 8) % below;
}

/* A length, with memory to match or not. */
static size_t pick(unsigned *rand, size_t left, size_t *shift)
{
	static const size_t units[] = { 1, 512, BLOCK, BLOCK };
	size_t unit = units[next_rand(rand, ZL_ARRAY_SIZE(units))];
	size_t len = (1 + next_rand(rand, 20)) * unit;

	*shift = next_rand(rand, 3) ? 0 : next_rand(rand, 64);
	return min_u64(len, left);
}

static void append_and_read(struct env *env, unsigned flags, unsigned seed)
{
	unsigned rand = seed;
	uint8_t *from = aligned_alloc(BLOCK, MOST);
	size_t size = 0, len, shift, at;

	while (size < MOST / 2) {
		len = pick(&rand, MOST / 2 - size, &shift);
		memcpy(from + shift, env->data + size, len);
		assert_int_equal(op_flags(env->st, STORE_WRITE, flags, SEQ,
					  size, from + shift, len),
				 len);
		size += len;
		if (op_size(env->st, SEQ) != size)
			fail_msg("seed %u: %zu bytes at %zu", seed, len,
				 size - len);
		at = next_rand(&rand, (unsigned)size) / BLOCK * BLOCK;
		len = min_u64(pick(&rand, MOST / 2, &shift), size - at);
		assert_int_equal(op_flags(env->st, STORE_READ, flags, SEQ, at,
					  from + shift, len),
				 len);
		if (memcmp(from + shift, env->data + at, len))
			fail_msg("seed %u: differs at %zu", seed, at);
	}
	free(from);
}

static void sizes_and_data_are_exact(void **state)
{
	for (unsigned seed = 1; seed <= 3; seed++) {
		append_and_read(*state, 0, seed);
		assert_int_equal(op_run(((struct env *)*state)->st, STORE_RESET,
					SEQ, 0, 0),
				 0);
	}
}

static void through_the_engine_as_well(void **state)
{
	struct env *env = *state;

	if (store_start_engine(env->st))
		skip_test("no io_uring here");
	assert_int_equal(op_read(env->st, SEQ, 0, env->back, 1), 0);
	append_and_read(env, STORE_ASYNC, 4);
}

/*
 * Writes that are under way, by kind: where one through the page cache meets
 * one past it, in the same page, Linux says that a sync has failed.
 */
static atomic_bool watched;
static atomic_int under_way[2], met, made[2];

static void meet(bool direct)
{
	atomic_fetch_add(&under_way[direct], 1);
	atomic_fetch_add(&made[direct], 1);
	/* Long enough for another one. */
	clock_sleep_ms(1);
	if (atomic_load(&under_way[!direct]))
		atomic_fetch_add(&met, 1);
	atomic_fetch_sub(&under_way[direct], 1);
}

long syscall(long nr, ...)
{
	struct zone_call c;
	long arg[6];
	va_list ap;

	va_start(ap, nr);
	zone_call_args(ap, arg);
	va_end(ap);
	if (!zone_call_of(&c, nr, arg))
		return zone_call_other(nr, arg);
	if (c.write && atomic_load(&watched))
		meet(fcntl(c.fd, F_GETFL) & O_DIRECT);
	return zone_call_make(&c);
}

struct writer {
	struct store *st;
	const uint8_t *data;
	uint32_t len;
	uint64_t off;
};

static void *write_often(void *arg)
{
	const struct writer *w = arg;

	for (unsigned i = 0; i < 40; i++)
		assert_int_equal(op_write(w->st, SEQ, w->off, w->data, w->len),
				 w->len);
	return NULL;
}

static void the_two_kinds_do_not_meet(void **state)
{
	struct env *env = *state;
	struct writer writers[] = {
		{ env->st, env->data, BLOCK, 0 },
		{ env->st, env->data, BLOCK, BLOCK },
		{ env->st, env->data, 100, 0 },
		{ env->st, env->data, 100, BLOCK + 100 },
	};
	pthread_t threads[ZL_ARRAY_SIZE(writers)];

	needs_direct_io(env);
	atomic_store(&watched, true);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(writers); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_often,
						&writers[i]),
				 0);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(writers); i++)
		pthread_join(threads[i], NULL);
	atomic_store(&watched, false);
	assert_true(atomic_load(&made[true]) && atomic_load(&made[false]));
	assert_int_equal(atomic_load(&met), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whole_blocks_go_past_the_page_cache),
		T(the_rest_goes_through_it),
		T(nothing_is_done_at_once),
		T(both_descriptors_count),
		T(sizes_and_data_are_exact),
		T(through_the_engine_as_well),
		T(the_two_kinds_do_not_meet),
	};

	return skip_run_tests(tests, NULL, NULL);
}
