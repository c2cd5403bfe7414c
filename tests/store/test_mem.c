// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The memory store's own: room that ends, sparse files. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/ops.h"
#include "stores/count.h"
#include "stores/mem.h"

#define PIECE 4096u

struct env {
	struct store_mem *mem;
	struct store *st;
};

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->mem = store_mem_new();
	env->st = store_mem_open(env->mem);
	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(store_make(env->st, 1, 0), 0);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	store_close(env->st);
	store_mem_free(env->mem);
	free(env);
	return 0;
}

static void a_full_store_writes_what_fits(void **state)
{
	struct env *env = *state;
	static uint8_t a[3 * PIECE], b[3 * PIECE];

	op_fill(a, sizeof(a), 1);
	store_mem_set_space(env->mem, 2 * PIECE);
	assert_int_equal(op_write(env->st, 0, 0, a, sizeof(a)), -ENOSPC);
	assert_int_equal(op_size(env->st, 0), 2 * PIECE);
	assert_int_equal(op_write(env->st, 1, 0, a, 1), -ENOSPC);
	assert_int_equal(op_size(env->st, 1), 0);
	/* Taken back, there is room again. */
	assert_int_equal(op_run(env->st, STORE_CUT, 0, 0, 0), 0);
	assert_int_equal(op_write(env->st, 1, 0, a, PIECE), PIECE);
	store_mem_set_space(env->mem, UINT64_MAX);
	assert_int_equal(op_write(env->st, 0, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(op_read(env->st, 0, 0, b, sizeof(b)), sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void small_files_fail_whole(void **state)
{
	struct env *env = *state;
	static uint8_t a[2 * PIECE];
	void *data;
	size_t len;

	assert_int_equal(store_meta_replace(env->st, "m", "old", 3), 0);
	store_mem_set_space(env->mem, 2 * PIECE);
	assert_int_equal(store_meta_replace(env->st, "m", a, sizeof(a)),
			 -ENOSPC);
	assert_int_equal(store_meta_append(env->st, "m", a, sizeof(a), true),
			 -ENOSPC);
	assert_int_equal(store_meta_read(env->st, "m", &data, &len), 0);
	assert_int_equal(len, 3);
	assert_string_equal(data, "old");
	free(data);
}

static void files_are_sparse(void **state)
{
	struct env *env = *state;
	const uint64_t big = UINT64_C(1) << 50;
	struct store_stat stat;
	uint8_t b[2];

	assert_int_equal(op_run(env->st, STORE_FINISH, 0, 0, big), 0);
	assert_int_equal(op_read(env->st, 0, big - 1, b, 2), 1);
	assert_int_equal(b[0], 0);
	assert_int_equal(store_stat(env->st, 0, &stat), 0);
	assert_int_equal(stat.size_bytes, big);
	assert_int_equal(stat.alloc_bytes, 0);
}

static void removing_the_locked_file_lets_go(void **state)
{
	struct env *env = *state;
	struct store *other = store_mem_open(env->mem);

	assert_int_equal(store_lock(env->st, "l", 0, true, NULL), 0);
	assert_int_equal(store_meta_remove(other, "l"), 0);
	assert_int_equal(store_lock(other, "l", 0, true, NULL), 0);
	store_close(other);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void what_is_written_is_counted(void **state)
{
	struct env *env = *state;
	struct store *st = store_count_new(store_mem_open(env->mem));

	assert_non_null(st);
	assert_int_equal(op_write(st, 0, 0, "abcd", 4), 4);
	assert_int_equal(op_size(st, 0), 4);
	assert_int_equal(store_count_bytes(st), 4);
	store_close(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_full_store_writes_what_fits),
		T(small_files_fail_whole),
		T(files_are_sparse),
		T(removing_the_locked_file_lets_go),
		T(what_is_written_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
