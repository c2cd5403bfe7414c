// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The engine is there while there is something to do, and only then. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "held.h"
#include "skip.h"
#include "store/file/file.h"
#include "store/ops.h"

#define NR_STORES 20u
#define MAX_RINGS 16u

struct env {
	char *dir[NR_STORES];
	struct store *st[NR_STORES];
	unsigned threads, fds; /* without an engine */
};

static bool become(const struct env *env)
{
	for (int i = 0; i < 30000; i++) {
		if (held_threads() == env->threads && held_fds() == env->fds)
			return true;
		clock_sleep_ms(1);
	}
	return false;
}

/* As a disk has it: locked, the file open. */
static struct store *open_store(const char *dir)
{
	struct store *st = tmp_open(dir);

	assert_int_equal(store_lock(st, "lock", 0, true, NULL), 0);
	if (store_start_engine(st))
		skip_test("no io_uring here");
	assert_int_equal(store_make(st, 0, 0), 0);
	assert_int_equal(op_write(st, 0, 0, "x", 1), 1);
	return st;
}

static int64_t read_async(struct store *st)
{
	char c = 0;
	int64_t res = op_flags(st, STORE_READ, STORE_ASYNC, 0, 0, &c, 1);

	if (res == 1)
		assert_int_equal(c, 'x');
	return res;
}

static int setup(void **state)
{
	static struct env env;

	memset(&env, 0, sizeof(env));
	for (unsigned i = 0; i < NR_STORES; i++) {
		env.dir[i] = tmp_make();
		env.st[i] = open_store(env.dir[i]);
	}
	env.threads = held_threads();
	env.fds = held_fds();
	file_ring_idle_ms = 20;
	*state = &env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	for (unsigned i = 0; i < NR_STORES; i++) {
		store_close(env->st[i]);
		tmp_remove(env->dir[i]);
	}
	return 0;
}

static void none_before_the_first_request(void **state)
{
	struct env *env = *state;

	file_ring_idle_ms = 60000;
	assert_int_equal(read_async(env->st[0]), 1);
	assert_int_equal(held_threads(), env->threads + 1);
	/* The ring and what wakes its thread. */
	assert_int_equal(held_fds(), env->fds + 2);
	assert_int_equal(read_async(env->st[0]), 1);
	assert_int_equal(held_threads(), env->threads + 1);
}

static void none_after_the_last_request(void **state)
{
	struct env *env = *state;

	for (int round = 0; round < 3; round++) {
		assert_int_equal(read_async(env->st[0]), 1);
		assert_true(become(env));
	}
}

/* Whatever it is about to do when the next one comes. */
static void requests_while_it_ends(void **state)
{
	struct env *env = *state;
	int64_t res;
	int taken = 0;

	file_ring_idle_ms = 1;
	for (int round = 0; round < 500; round++) {
		res = read_async(env->st[0]);
		taken += res == 1;
		assert_true(res == 1 || res == -EAGAIN);
		if (round % 2)
			clock_sleep_ms(1 + (unsigned)round % 3);
	}
	assert_true(taken > 0);
	assert_true(become(env));
}

/* The others do without, until there is a place again. */
static void a_process_has_so_many(void **state)
{
	struct env *env = *state;
	unsigned taken = 0;

	file_ring_idle_ms = 60000;
	for (unsigned i = 0; i < NR_STORES; i++)
		taken += read_async(env->st[i]) == 1;
	assert_int_equal(taken, MAX_RINGS);
	assert_int_equal(held_threads(), env->threads + MAX_RINGS);
	store_close(env->st[0]);
	env->st[0] = tmp_open(env->dir[0]);
	assert_int_equal(read_async(env->st[NR_STORES - 1]), 1);
}

static void closed_at_any_moment(void **state)
{
	struct env *env = *state;

	file_ring_idle_ms = 1;
	for (unsigned round = 0; round < 100; round++) {
		read_async(env->st[0]);
		if (round % 4)
			clock_sleep_ms(round % 4);
		store_close(env->st[0]);
		env->st[0] = tmp_open(env->dir[0]);
		assert_int_equal(store_lock(env->st[0], "lock", 0, false, NULL),
				 0);
		assert_int_equal(store_start_engine(env->st[0]), 0);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(none_before_the_first_request),
		T(none_after_the_last_request),
		T(requests_while_it_ends),
		T(a_process_has_so_many),
		T(closed_at_any_moment),
	};

	pthread_t thread;

	/* ThreadSanitizer's own comes with the first one. */
	pthread_create(&thread, NULL, nothing, NULL);
	pthread_join(thread, NULL);
	return skip_run_tests(tests, NULL, NULL);
}
