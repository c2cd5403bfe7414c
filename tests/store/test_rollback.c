// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The store that can take things back: who waits for whom.  What it takes back
 * is tests/crash's subject.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/file/file.h"
#include "store/ops.h"
#include "store/rollback.h"
#include "stores/mem.h"

#define CONV 64u /* conventional slots */

/* Somebody who uses a slot, in a thread of his own. */
struct user {
	struct store *st;
	uint32_t slot;
	int64_t res;
	pthread_t thread;
	sem_t over;
};

static void start(struct user *u, struct store *st, uint32_t slot,
		  void *(*use)(void *))
{
	*u = (struct user){ .st = st, .slot = slot };
	sem_init(&u->over, 0, 0);
	assert_int_equal(pthread_create(&u->thread, NULL, use, u), 0);
}

/* False: he still waits for something after some seconds. */
static bool is_over(struct user *u)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	return !sem_timedwait(&u->over, &end);
}

static void join(struct user *u)
{
	pthread_join(u->thread, NULL);
	sem_destroy(&u->over);
}

static void *reset(void *arg)
{
	struct user *u = arg;

	u->res = op_run(u->st, STORE_RESET, u->slot, 0, 0);
	sem_post(&u->over);
	return NULL;
}

static void ignore(void *user, uint32_t slot, uint32_t left, int synced)
{
	(void)user;
	(void)slot;
	(void)left;
	assert_int_equal(synced, 0);
}

static void take_back(struct store *st)
{
	const struct store_rollback_part all = { .granule_bytes = 1 };

	assert_int_equal(store_rollback_fail(st, &all, ignore, NULL), 0);
}

/* A read that is under way has the file's descriptor pinned. */
static void a_reset_waits_for_no_reader(void **state)
{
	char *dir = tmp_make(), got[4];
	struct store *file = tmp_open(dir), *st;
	struct iovec iov = { got, sizeof(got) };
	struct fd_entry *read;
	struct user u;
	bool over;

	(void)state;
	st = store_rollback_new(file);
	assert_int_equal(store_make(st, 0, 0), 0);
	assert_int_equal(op_write(st, 0, 0, "abcd", 4), 4);
	assert_int_equal(op_run(st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(fd_get(to_file(file), 0, false, &read), 0);
	start(&u, st, 0, reset);
	over = is_over(&u);
	if (over) {
		assert_int_equal(preadv(fd_of(read), &iov, 1, 0), 4);
		assert_int_equal(op_write(st, 0, 0, "ef", 2), 2);
		assert_int_equal(op_read(st, 0, 0, got, 4), 2);
		assert_memory_equal(got, "efcd", 4);
		assert_int_equal(store_file_nr_fds(), 2);
	}
	fd_put(read, false);
	join(&u);
	assert_true(over);
	assert_int_equal(u.res, 0);
	assert_int_equal(store_file_nr_fds(), 1);
	take_back(st);
	assert_int_equal(op_read(st, 0, 0, got, 4), 4);
	assert_memory_equal(got, "abcd", 4);
	store_close(st);
	assert_int_equal(store_file_nr_fds(), 0);
	tmp_remove(dir);
}

/*
 * A user whose call below waits: to him alone, whatever it is.
 */
static __thread bool is_held;
static struct {
	const struct store_ops *real;
	unsigned nr, at; /* his calls, and which one */
	bool reached;
	sem_t there, go; /* he waits, or is over; he may go on */
} held;

static void call(void)
{
	if (!is_held || held.nr++ != held.at)
		return;
	held.reached = true;
	sem_post(&held.there);
	sem_wait(&held.go);
}

static void held_submit(struct store *st, struct store_req *req)
{
	call();
	held.real->submit(st, req);
}

static int held_stat(struct store *st, uint32_t slot, struct store_stat *stat)
{
	call();
	return held.real->stat(st, slot, stat);
}

static int held_aside(struct store *st, uint32_t slot, enum store_aside what)
{
	call();
	return held.real->aside(st, slot, what);
}

static int held_sync_dir(struct store *st)
{
	call();
	return held.real->sync_dir(st);
}

static struct store *open_held(struct store_mem *mem)
{
	struct store *lower = store_mem_open(mem);
	static struct store_ops ops;

	held.real = lower->ops;
	ops = *lower->ops;
	ops.submit = held_submit;
	ops.stat = held_stat;
	ops.aside = held_aside;
	ops.sync_dir = held_sync_dir;
	lower->ops = &ops;
	store_set_layout(lower, store_conv_first(CONV));
	return store_rollback_new(lower);
}

/* All that is done to a slot. */
static int64_t use(struct store *st, uint32_t slot)
{
	char got[4];

	op_write(st, slot, 0, "abcd", 4);
	op_run(st, STORE_SYNC, slot, 0, 0);
	op_write(st, slot, 0, "ABCD", 4);
	op_read(st, slot, 0, got, 4);
	if (slot < CONV) {
		op_run(st, STORE_PUNCH, slot, 0, 4);
	} else {
		op_run(st, STORE_RESET, slot, 0, 0);
		op_write(st, slot, 0, "ef", 2);
		op_run(st, STORE_SYNC, slot, 0, 0);
		op_run(st, STORE_FINISH, slot, 0, 64);
		op_run(st, STORE_CUT, slot, 2, 0);
	}
	op_flags(st, STORE_WRITE, STORE_DSYNC, slot, 2, "gh", 2);
	return op_run(st, STORE_SYNC, slot, 0, 0);
}

static void *be_held(void *arg)
{
	struct user *u = arg;

	is_held = true;
	u->res = use(u->st, u->slot);
	sem_post(&held.there);
	return NULL;
}

/* One slot after the other. */
static void *be_other(void *arg)
{
	struct user *u = arg;

	for (uint32_t slot = 0; slot < 2 * CONV && !u->res; slot++)
		if (slot != u->slot)
			u->res = use(u->st, slot);
	sem_post(&u->over);
	return NULL;
}

/* False: he has no such call. */
static bool others_go_on(uint32_t slot, unsigned at)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = open_held(mem);
	struct user mine, other;
	bool over;

	for (uint32_t i = 0; i < 2 * CONV; i++)
		assert_int_equal(store_make(st, i, i < CONV ? 8 : 0), 0);
	held.nr = 0;
	held.at = at;
	held.reached = false;
	sem_init(&held.there, 0, 0);
	sem_init(&held.go, 0, 0);
	start(&mine, st, slot, be_held);
	sem_wait(&held.there);
	start(&other, st, slot, be_other);
	over = is_over(&other);
	sem_post(&held.go);
	join(&mine);
	join(&other);
	if (!over)
		fail_msg("slot %u, call %u: others wait for it", slot, at);
	assert_int_equal(mine.res, 0);
	assert_int_equal(other.res, 0);
	store_close(st);
	store_mem_free(mem);
	return held.reached;
}

static void a_slot_stops_no_other(void **state)
{
	unsigned at;

	(void)state;
	for (at = 0; others_go_on(0, at); at++)
		;
	assert_true(at > 5);
	for (at = 0; others_go_on(CONV, at); at++)
		;
	assert_true(at > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reset_waits_for_no_reader),
		cmocka_unit_test(a_slot_stops_no_other),
	};

	return cmocka_run_group_tests_name("store/rollback", tests, NULL, NULL);
}
