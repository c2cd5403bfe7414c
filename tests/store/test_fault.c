// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The fault-injecting store: what it counts and what it lets through. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "fault/sweep.h"
#include "store/ops.h"
#include "store/rollback.h"
#include "stores/mem.h"

struct env {
	struct store_mem *mem;
	struct store *st;
};

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->mem = store_mem_new();
	env->st = store_fault_new(store_mem_open(env->mem));
	assert_int_equal(store_make(env->st, 0, 0), 0);
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

static void the_nth_call_fails(void **state)
{
	struct store *st = ((struct env *)*state)->st;

	store_fault_arm(st, &(struct store_fault_plan){ .fail_at = 2,
							.fail_count = 2,
							.error = EIO });
	assert_int_equal(op_write(st, 0, 0, "a", 1), 1);
	assert_int_equal(op_write(st, 0, 1, "b", 1), 1);
	assert_int_equal(op_write(st, 0, 2, "c", 1), -EIO);
	assert_int_equal(op_run(st, STORE_SYNC, 0, 0, 0), -EIO);
	assert_int_equal(op_run(st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_fault_calls(st), 5);
	assert_int_equal(store_fault_hits(st), 2);
	assert_int_equal(op_size(st, 0), 2);
}

static void arming_counts_from_zero(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = 1,
					 .error = ENOSPC };

	for (int i = 0; i < 2; i++) {
		store_fault_arm(st, &plan);
		assert_int_equal(op_write(st, 0, 0, "a", 1), -ENOSPC);
		assert_int_equal(op_write(st, 0, 0, "a", 1), 1);
		assert_int_equal(store_fault_calls(st), 2);
		assert_int_equal(store_fault_hits(st), 1);
	}
}

static void all_from_there_on(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store_stat stat;

	store_fault_arm(st,
			&(struct store_fault_plan){ .fail_at = 1,
						    .fail_count = UINT64_MAX,
						    .error = ENODEV });
	assert_int_equal(store_stat(st, 0, &stat), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(store_stat(st, 0, &stat), -ENODEV);
	assert_int_equal(store_fault_hits(st), 100);
}

static void a_failing_write_writes_a_part(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store_fault_plan plan = { .fail_at = 0,
					 .fail_count = UINT64_MAX,
					 .error = EIO,
					 .partial_bytes = 5 };
	struct iovec iov[] = { { "ab", 2 }, { "", 0 }, { "cdefgh", 6 } };
	struct store_req req = {
		.op = STORE_WRITE, .len = 8, .iov = iov, .iov_cnt = 3
	};
	uint8_t b[8];

	store_fault_arm(st, &plan);
	assert_int_equal(store_run(st, &req), -EIO);
	store_fault_arm(st,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	assert_int_equal(op_size(st, 0), 5);
	assert_int_equal(op_read(st, 0, 0, b, 8), 5);
	assert_memory_equal(b, "abcde", 5);
	/* More than all is all; the write fails nevertheless. */
	plan.partial_bytes = 100;
	store_fault_arm(st, &plan);
	req.off = 5;
	assert_int_equal(store_run(st, &req), -EIO);
	store_fault_arm(st,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	assert_int_equal(op_size(st, 0), 13);
}

/* Each of the other operations, in struct store_ops' order. */
static int call_other(struct store *st, int nr)
{
	struct store_space space;
	struct store_stat stat;
	void *data = NULL;
	size_t len;
	int ret;

	switch (nr) {
	case 0:
		return store_stat(st, 0, &stat);
	case 1:
		return store_make(st, 1, 0);
	case 2:
		return store_unmake(st, 1);
	case 3:
		return store_resize(st, 0, 10);
	case 4:
		return store_sync_dir(st);
	case 5:
		return store_space(st, &space);
	case 6:
		return store_list(st, NULL, NULL);
	case 7:
		ret = store_meta_read(st, "m", &data, &len);
		free(data);
		return ret;
	case 8:
		return store_meta_replace(st, "m", "x", 1);
	case 9:
		return store_meta_append(st, "m", "x", 1, true);
	case 10:
		return store_meta_remove(st, "m");
	case 11:
		return store_lock(st, "m", 0, true, NULL);
	case 12:
		return store_sync_all(st);
	case 13:
		return store_aside(st, 1, STORE_ASIDE_SET);
	default:
		return store_meta_cut(st, "m", 1);
	}
}

#define NR_OTHERS 15

static void every_operation_has_its_bit(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO };

	for (int op = 0; op < STORE_NR_OPS; op++) {
		plan.only = UINT32_C(1) << op;
		store_fault_arm(st, &plan);
		for (int i = 0; i < STORE_NR_OPS; i++)
			assert_int_equal(op_run(st, i, 0, 0, 0) == -EIO,
					 i == op);
		assert_int_equal(store_fault_calls(st), 1);
	}
	for (int nr = 0; nr < NR_OTHERS; nr++) {
		plan.only = UINT32_C(1) << (16 + nr);
		store_fault_arm(st, &plan);
		assert_int_equal(call_other(st, nr), -EIO);
		assert_int_equal(store_fault_hits(st), 1);
		assert_int_equal(op_run(st, STORE_SYNC, 0, 0, 0), 0);
		assert_int_equal(store_fault_calls(st), 1);
	}
}

static void a_failing_lock_has_a_sentence(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct zl_err err = { "" };

	store_fault_arm(st, &(struct store_fault_plan){ .fail_count = 1,
							.error = ENOLCK });
	assert_int_equal(store_lock(st, "l", 0, true, &err), -ENOLCK);
	assert_non_null(strstr(err.msg, "injected"));
}

static void the_layout_goes_down(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store *top = store_fault_new(st);

	store_set_layout(top, store_conv_first(7));
	for (const struct store *s = top; s; s = s->lower) {
		assert_true(store_slot_is_conv(s, 6));
		assert_false(store_slot_is_conv(s, 7));
	}
	((struct env *)*state)->st = top;
}

static void conventional_slots_anywhere(void **state)
{
	static const struct store_layout layout = { .runs = { { 2, false },
							      { 4, true },
							      { 9, false },
							      { 11, true } } };
	struct store *st = ((struct env *)*state)->st;
	char name[STORE_NAME_MAX];

	store_set_layout(st, layout);
	for (uint32_t i = 0; i < 13; i++) {
		store_slot_name(st, i, name);
		assert_memory_equal(name,
				    i == 2 || i == 3 || i == 9 || i == 10
					    ? "cnv-0000"
					    : "seq-0000",
				    8);
	}
}

struct job {
	struct store *st;
	unsigned failed;
};

static void *sync_often(void *arg)
{
	struct job *job = arg;

	for (int i = 0; i < 2000; i++)
		job->failed += op_run(job->st, STORE_SYNC, 0, 0, 0) == -EIO;
	return NULL;
}

/* Every number is given once, whoever calls. */
static void threads_are_counted_exactly(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct job job[4] = { { st, 0 }, { st, 0 }, { st, 0 }, { st, 0 } };
	pthread_t thread[4];
	unsigned failed = 0;

	store_fault_arm(st, &(struct store_fault_plan){ .fail_at = 1000,
							.fail_count = 3000,
							.error = EIO });
	for (int i = 0; i < 4; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, sync_often, &job[i]),
			0);
	for (int i = 0; i < 4; i++) {
		pthread_join(thread[i], NULL);
		failed += job[i].failed;
	}
	assert_int_equal(failed, 3000);
	assert_int_equal(store_fault_hits(st), 3000);
	assert_int_equal(store_fault_calls(st), 8000);
}

/* The sweep itself: a write of three steps that gives up at the first error. */
static struct store *sweep_setup(void *user)
{
	struct env *env = user;
	struct store *st = store_mem_open(env->mem);

	store_unmake(st, 0);
	assert_int_equal(store_make(st, 0, 0), 0);
	return st;
}

static int three_steps(void *user, struct store *st)
{
	(void)user;
	for (unsigned i = 0; i < 3; i++)
		if (op_write(st, 0, i, "x", 1) != 1)
			return -EIO;
	return 0;
}

static unsigned rounds;

static void check_steps(void *user, struct store *st, int ret, uint64_t hits)
{
	(void)user;
	/* In round n, step n fails: n steps are done. */
	assert_int_equal(op_size(st, 0), rounds);
	assert_int_equal(ret, rounds < 3 ? -EIO : 0);
	assert_int_equal(hits, rounds < 3 ? 1 : 0);
	rounds++;
}

static void the_sweep_meets_every_call(void **state)
{
	struct fault_sweep sweep = { .plan = { .fail_count = 1, .error = EIO },
				     .setup = sweep_setup,
				     .run = three_steps,
				     .check = check_steps,
				     .user = *state };

	rounds = 0;
	assert_int_equal(fault_sweep(&sweep), 3);
	assert_int_equal(rounds, 4);
}

static unsigned lines;

static void count_line(enum zl_log_level level, const char *line)
{
	(void)level, (void)line;
	lines++;
}

/* An initiator's resets, where no file can be set aside. */
static void resets_do_not_flood_the_log(void **state)
{
	struct env *env = *state;
	struct store_fault_plan no_links = {
		.fail_count = UINT64_MAX,
		.error = EPERM,
		.only = UINT32_C(1) << 29,
	};
	struct store *st = store_rollback_new(env->st);

	assert_non_null(st);
	store_fault_arm(env->st, &no_links);
	zl_log_set(count_line);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(op_write(st, 0, 0, "a", 1), 1);
		assert_int_equal(op_run(st, STORE_SYNC, 0, 0, 0), 0);
		assert_int_equal(op_run(st, STORE_RESET, 0, 0, 0), 0);
	}
	zl_log_set(NULL);
	assert_int_equal(store_fault_hits(env->st), 1000);
	assert_in_range(lines, 1, 100);
	assert_ptr_equal(store_rollback_release(st), env->st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_nth_call_fails),
		T(arming_counts_from_zero),
		T(all_from_there_on),
		T(a_failing_write_writes_a_part),
		T(every_operation_has_its_bit),
		T(a_failing_lock_has_a_sentence),
		T(the_layout_goes_down),
		T(conventional_slots_anywhere),
		T(threads_are_counted_exactly),
		T(the_sweep_meets_every_call),
		T(resets_do_not_flood_the_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
