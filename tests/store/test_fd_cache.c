// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The descriptor cache: its bound, who leaves first, and that no error of a
 * sync is lost on the way.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "fault/mounts.h"
#include "held.h"
#include "skip.h"
#include "store/file/file.h"
#include "store/ops.h"

struct env {
	char *dir;
	struct store *st;
	unsigned fds; /* of the process, before any slot was used */
};

static atomic_uint nr_syncs;
static atomic_int sync_error; /* errno for the next sync; 0 = none */
static atomic_int wait_error,
	start_error;	      /* … of sync_file_range(), likewise */
static struct store *company; /* of sync_after_anothers() */

/* Instead of fdatasync(): counts, and fails once where told to.  A real sync
 * would only make the tests wait for the disk. */
static int fake_sync(int fd)
{
	int error = atomic_exchange(&sync_error, 0);

	(void)fd;
	atomic_fetch_add(&nr_syncs, 1);
	errno = error;
	return error ? -1 : 0;
}

/* Waits for what is being written back, or begins to write. */
int sync_file_range(int fd, off_t off, off_t len, unsigned flags)
{
	atomic_int *error =
		flags == SYNC_FILE_RANGE_WRITE ? &start_error : &wait_error;

	(void)fd, (void)off, (void)len;
	errno = atomic_exchange(error, 0);
	return errno ? -1 : 0;
}

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->dir = tmp_make();
	env->st = tmp_open(env->dir);
	assert_int_equal(store_count_losses(env->st, 8), 0);
	env->fds = held_fds();
	store_file_set_max_fds(8);
	atomic_store(&nr_syncs, 0);
	atomic_store(&sync_error, 0);
	wait_error = start_error = 0;
	fd_sync_fn = fake_sync;
	assert_int_equal(store_file_nr_fds(), 0);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	store_close(env->st);
	assert_int_equal(store_file_nr_fds(), 0);
	fd_sync_fn = fdatasync;
	tmp_remove(env->dir);
	free(env);
	return 0;
}

static void make_slots(struct env *env, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(store_make(env->st, i, 0), 0);
}

/* Uses slots that nothing else uses until @slot has left the cache. */
static void push_out(struct env *env)
{
	uint8_t b;

	for (uint32_t i = 100; i < 108; i++) {
		store_make(env->st, i, 0);
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	}
}

static bool is_cached(struct env *env, uint32_t slot)
{
	struct fd_entry *e;

	if (fd_get(to_file(env->st), slot, true, &e) < 0)
		return false;
	fd_put(e, true);
	return true;
}

static void descriptors_are_bounded(void **state)
{
	struct env *env = *state;
	const uint32_t nr = 2000;
	uint32_t got;

	make_slots(env, nr);
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < nr; i++) {
			assert_int_equal(op_write(env->st, i, round * 4, &i, 4),
					 4);
			assert_true(store_file_nr_fds() <= 8);
		}
	}
	assert_int_equal(held_fds(), env->fds + store_file_nr_fds());
	for (uint32_t i = 0; i < nr; i++) {
		assert_int_equal(op_read(env->st, i, 4, &got, 4), 4);
		assert_int_equal(got, i);
	}
}

static void the_least_recently_used_leaves(void **state)
{
	struct env *env = *state;
	uint8_t b;

	make_slots(env, 20);
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
		assert_int_equal(op_read(env->st, 0, 0, &b, 1), 0);
		assert_true(is_cached(env, 0));
	}
	assert_false(is_cached(env, 1));
	assert_true(is_cached(env, 19));
}

static void a_lower_bound_holds_at_once(void **state)
{
	struct env *env = *state;
	uint8_t b;

	make_slots(env, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	assert_int_equal(store_file_nr_fds(), 8);
	store_file_set_max_fds(0);
	assert_int_equal(store_file_nr_fds(), 4);
}

static void pinned_ones_stay_over_the_bound(void **state)
{
	struct env *env = *state;
	struct fd_entry *e[20];

	make_slots(env, 20);
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(fd_get(to_file(env->st), i, false, &e[i]), 0);
	assert_int_equal(store_file_nr_fds(), 20);
	assert_false(fd_evict(NULL));
	assert_int_equal(fd_drop(to_file(env->st), 3), -EBUSY);
	for (uint32_t i = 0; i < 20; i++)
		fd_put(e[i], false);
	assert_int_equal(store_file_nr_fds(), 8);
	assert_int_equal(held_fds(), env->fds + 8);
}

static bool all_cached(struct store *st, uint32_t nr)
{
	struct env env = { .st = st };

	for (uint32_t i = 0; i < nr; i++)
		if (!is_cached(&env, i))
			return false;
	return true;
}

/* As if it were another one than that of all the tests' directories. */
static struct store *open_on_device(const char *dir, dev_t dev)
{
	struct store *st = tmp_open(dir);
	struct store_file *sf = to_file(st);

	fd_group_leave(sf->group);
	sf->group = fd_group_join(fs_is_remote(&sf->fs), dev);
	return st;
}

static void make_dirty(struct store *st, uint32_t nr)
{
	uint8_t b = 1;

	for (uint32_t i = 0; i < nr; i++) {
		assert_int_equal(store_make(st, i, 0), 0);
		assert_int_equal(op_write(st, i, 0, &b, 1), 1);
	}
}

static void read_each(struct store *st, uint32_t nr)
{
	uint8_t b;

	for (uint32_t i = 0; i < nr; i++)
		assert_int_equal(op_read(st, i, 0, &b, 1), 0);
}

/* A store on a server's file system, which takes its time to sync and to close
 * a file: it is not waited for by those who have nothing there. */
static void files_of_a_server_are_left_to_its_own(void **state)
{
	char *dir = tmp_make();
	struct env *env = *state;
	struct store *remote;
	uint8_t b = 1;

	mounts_type = "nfs4";
	mounts_options = "rw,vers=4.2,hard";
	remote = open_on_device(dir, 77);
	mounts_type = "";
	make_slots(env, 20);
	make_dirty(remote, 4);
	read_each(env->st, 20);
	assert_true(all_cached(remote, 4));
	assert_int_equal(store_file_nr_fds(), 8);
	/* Nor where the process is out of descriptors. */
	while (fd_evict(to_file(env->st)))
		;
	assert_true(all_cached(remote, 4));
	assert_int_equal(nr_syncs, 0);
	/* Its own share is its own to make room in. */
	assert_int_equal(store_make(remote, 4, 0), 0);
	assert_int_equal(op_read(remote, 4, 0, &b, 1), 0);
	assert_int_equal(nr_syncs, 1);
	assert_int_equal(store_file_nr_fds(), 4);
	store_close(remote);
	assert_int_equal(store_file_nr_fds(), 0);
	tmp_remove(dir);
}

/* One that hangs costs those on others nothing: nobody syncs or closes there
 * but who has a file there. */
static void files_of_another_device_are_left_alone(void **state)
{
	char *dir = tmp_make();
	struct env *env = *state;
	struct store *other = open_on_device(dir, 77);

	make_slots(env, 20);
	make_dirty(other, 4);
	read_each(env->st, 20);
	assert_true(all_cached(other, 4));
	assert_int_equal(nr_syncs, 0);
	assert_int_equal(store_file_nr_fds(), 8);
	/* Out of descriptors: one's own go first. */
	for (uint32_t i = 0; i < 4; i++)
		assert_true(fd_evict(to_file(env->st)));
	assert_true(all_cached(other, 4));
	assert_true(fd_evict(to_file(env->st)));
	assert_int_equal(nr_syncs, 1);
	assert_int_equal(store_file_nr_fds(), 3);
	store_close(other);
	tmp_remove(dir);
}

/* Alone, it has all of it. */
static void shares_are_of_those_who_are_there(void **state)
{
	struct fd_group *local = fd_group_join(false, 76), *nfs, *ceph;

	(void)state;
	assert_int_equal(fd_group_share(local, 512), 512);
	nfs = fd_group_join(true, 77);
	assert_int_equal(fd_group_share(local, 512), 256);
	assert_int_equal(fd_group_share(nfs, 512), 256);
	assert_ptr_equal(fd_group_join(true, 77), nfs);
	ceph = fd_group_join(true, 78);
	assert_ptr_not_equal(ceph, nfs);
	assert_int_equal(fd_group_share(nfs, 512), 170);
	assert_int_equal(fd_group_share(ceph, 4), 4);
	fd_group_leave(nfs);
	fd_group_leave(nfs);
	assert_int_equal(fd_group_share(ceph, 512), 256);
	fd_group_leave(ceph);
	fd_group_leave(local);
	/* What has left is forgotten. */
	assert_ptr_equal(fd_group_join(false, 79), local);
	assert_false(local->remote);
	assert_false(fd_group_may_take(NULL, nfs));
	fd_group_leave(local);
}

static void more_than_there_are_groups_share_one(void **state)
{
	struct fd_group *g = NULL, *last = &fd_groups[FD_NR_GROUPS - 1];

	(void)state;
	for (dev_t dev = 1; dev <= 20; dev++)
		g = fd_group_join(dev == 20, dev);
	assert_ptr_equal(g, last);
	assert_int_equal(fd_group_share(g, 512), 512 / FD_NR_GROUPS);
	assert_true(fd_group_may_take(NULL, fd_groups));
	assert_false(fd_group_may_take(fd_groups, last));
	assert_true(fd_group_may_take(last, last));
	for (unsigned i = 0; i < FD_NR_GROUPS; i++)
		while (fd_groups[i].nr_stores)
			fd_group_leave(&fd_groups[i]);
}

static void nowait_opens_nothing(void **state)
{
	struct env *env = *state;
	uint8_t b;

	make_slots(env, 1);
	assert_int_equal(
		op_flags(env->st, STORE_READ, STORE_NOWAIT, 0, 0, &b, 1),
		-EAGAIN);
	assert_int_equal(store_file_nr_fds(), 0);
	assert_int_equal(op_read(env->st, 0, 0, &b, 1), 0);
	assert_true(is_cached(env, 0));
}

static void without_descriptors_cached_ones_are_closed(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	struct store *other;
	uint8_t b;

	make_slots(env, 200);
	store_file_set_max_fds(1000);
	getrlimit(RLIMIT_NOFILE, &old);
	/* The limit is on the highest number; a DIR is open in held_fds(). */
	limit = (struct rlimit){ env->fds + 20, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	assert_true(store_file_nr_fds() > 8);
	/* The others who open take from the cache as well. */
	assert_int_equal(store_make(env->st, 200, 0), 0);
	assert_int_equal(op_read(env->st, 200, 0, &b, 1), 0);
	assert_int_equal(store_meta_replace(env->st, "m", "x", 1), 0);
	other = tmp_open(env->dir);
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	assert_int_equal(store_lock(other, "l", 0, true, NULL), 0);
	store_close(other);
	setrlimit(RLIMIT_NOFILE, &old);
}

/* The rest of the process needs some, too. */
static void half_of_what_the_process_may_have(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	uint8_t b;

	make_slots(env, 100);
	store_file_set_max_fds(1000);
	getrlimit(RLIMIT_NOFILE, &old);
	limit = (struct rlimit){ 64, old.rlim_max };
	for (uint32_t i = 0; i < 50; i++)
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	assert_int_equal(store_file_nr_fds(), 50);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (uint32_t i = 50; i < 100; i++)
		assert_int_equal(op_read(env->st, i, 0, &b, 1), 0);
	assert_int_equal(store_file_nr_fds(), 32);
	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(op_read(env->st, 0, 0, &b, 1), 0);
	assert_int_equal(store_file_nr_fds(), 33);
}

struct late_put {
	struct fd_entry *entry;
	atomic_bool opened;
};

static void *put_late(void *arg)
{
	struct late_put *late = arg;

	clock_sleep_ms(100);
	assert_false(atomic_load(&late->opened));
	fd_put(late->entry, false);
	return NULL;
}

static void who_needs_one_waits_for_it(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	struct late_put late = { .opened = false };
	struct fd_entry *e;
	pthread_t thread;

	make_slots(env, 2);
	getrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(fd_get(to_file(env->st), 0, false, &late.entry), 0);
	/* Nothing above what is open. */
	limit = (struct rlimit){ fd_of(late.entry) + 1, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(dup(STDIN_FILENO), -1);
	pthread_create(&thread, NULL, put_late, &late);
	assert_int_equal(fd_get(to_file(env->st), 1, false, &e), 0);
	atomic_store(&late.opened, true);
	pthread_join(thread, NULL);
	/* Not for ever. */
	fd_wait_ms = 20;
	assert_int_equal(store_meta_append(env->st, "m", "x", 1, false),
			 -EMFILE);
	fd_wait_ms = 5000;
	fd_put(e, false);
	assert_int_equal(store_meta_append(env->st, "m", "x", 1, false), 0);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void nobody_waits_for_nothing(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	uint64_t start_ms = clock_ms();
	struct fd_entry *e;
	int fd = dup(STDIN_FILENO);

	make_slots(env, 1);
	getrlimit(RLIMIT_NOFILE, &old);
	limit = (struct rlimit){ fd, old.rlim_max };
	close(fd);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(fd_get(to_file(env->st), 0, false, &e), -EMFILE);
	assert_true(clock_ms() - start_ms < fd_wait_ms / 2);
	setrlimit(RLIMIT_NOFILE, &old);
}

static void a_dirty_file_is_synced_before_it_leaves(void **state)
{
	struct env *env = *state;

	make_slots(env, 2);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_int_equal(atomic_load(&nr_syncs), 0);
	push_out(env);
	assert_false(is_cached(env, 0));
	assert_int_equal(atomic_load(&nr_syncs), 1);
	/* A clean one is not; a synced one is clean. */
	assert_int_equal(op_write(env->st, 1, 0, "abcd", 4), 4);
	assert_int_equal(op_run(env->st, STORE_SYNC, 1, 0, 0), 0);
	assert_int_equal(atomic_load(&nr_syncs), 2);
	push_out(env);
	assert_false(is_cached(env, 1));
	assert_int_equal(atomic_load(&nr_syncs), 2);
}

static void every_change_is_dirty(void **state)
{
	static const enum store_op ops[] = { STORE_WRITE, STORE_RESET,
					     STORE_FINISH, STORE_CUT,
					     STORE_PUNCH };
	struct env *env = *state;
	char data[4096] = "";

	make_slots(env, 1);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(ops); i++) {
		assert_int_equal(store_resize(env->st, 0, 4096), 0);
		assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
		if (ops[i] == STORE_WRITE)
			op_write(env->st, 0, 4096, data, sizeof(data));
		else
			op_run(env->st, ops[i], 0, 0, 4096);
		atomic_store(&nr_syncs, 0);
		assert_int_equal(fd_drop(to_file(env->st), 0), 0);
		assert_int_equal(atomic_load(&nr_syncs), 1);
	}
	assert_int_equal(store_resize(env->st, 0, 512), 0);
	assert_int_equal(fd_drop(to_file(env->st), 0), 0);
	assert_int_equal(atomic_load(&nr_syncs), 2);
}

static void a_write_of_the_engine_is_dirty(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	if (store_start_engine(env->st))
		skip_test("no io_uring here");
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_ASYNC, 0, 4, "efgh", 4),
		4);
	atomic_store(&nr_syncs, 0);
	assert_int_equal(fd_drop(to_file(env->st), 0), 0);
	assert_int_equal(atomic_load(&nr_syncs), 1);
}

/* Another file system's store takes half of the places.  They are given up bit
 * by bit, and not by the thread that all of a disk's reads go through. */
static void nobody_makes_room_for_all(void **state)
{
	struct env *env = *state;
	struct fd_group *other;
	uint8_t b;

	make_slots(env, 8);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(op_write(env->st, i, 0, "abcd", 4), 4);
	if (store_start_engine(env->st))
		skip_test("no io_uring here");
	other = fd_group_join(false, 77);
	atomic_store(&nr_syncs, 0);
	assert_int_equal(
		op_flags(env->st, STORE_READ, STORE_ASYNC, 7, 0, &b, 1), 1);
	/* It has let go of the descriptor. */
	store_stop_engine(env->st);
	assert_int_equal(atomic_load(&nr_syncs), 0);
	assert_int_equal(op_read(env->st, 7, 0, &b, 1), 1);
	assert_in_range(atomic_load(&nr_syncs), 1, 2);
	assert_int_equal(op_read(env->st, 7, 0, &b, 1), 1);
	assert_int_equal(store_file_nr_fds(), 4);
	fd_group_leave(other);
}

static void closing_syncs_what_is_dirty(void **state)
{
	struct env *env = *state;

	make_slots(env, 2);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_int_equal(op_write(env->st, 1, 0, "abcd", 4), 4);
	store_close(env->st);
	assert_int_equal(atomic_load(&nr_syncs), 2);
	assert_int_equal(store_file_nr_fds(), 0);
	env->st = tmp_open(env->dir);
}

static void an_error_at_eviction_is_counted(void **state)
{
	struct env *env = *state;

	make_slots(env, 2);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	atomic_store(&sync_error, EIO);
	push_out(env);
	assert_false(is_cached(env, 0));
	assert_int_equal(atomic_load(&nr_syncs), 1);
	/* The kernel says it once; the count stays. */
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	assert_int_equal(store_nr_losses(env->st, 1), 0);
}

static void a_file_that_is_away_is_no_loss(void **state)
{
	struct env *env = *state;
	char name[STORE_NAME_MAX], from[4096], to[4096];

	make_slots(env, 1);
	store_slot_name(env->st, 0, name);
	snprintf(from, sizeof(from), "%s/%s", env->dir, name);
	snprintf(to, sizeof(to), "%s/away", env->dir);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	push_out(env);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), -ENOENT);
	assert_int_equal(rename(to, from), 0);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 0);
}

static void a_durable_write_s_error_is_counted(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	atomic_store(&sync_error, EIO);
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_DSYNC, 0, 4, "efgh", 4),
		-EIO);
	assert_int_equal(op_size(env->st, 0), 8);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	assert_int_equal(op_run(env->st, STORE_CUT, 0, 4, 0), 0);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
}

/* The sync of somebody else has had the error of this write. */
static int sync_after_anothers(int fd)
{
	(void)fd;
	store_lost(&to_file(company)->head, 0);
	return 0;
}

static void a_durable_write_compares_with_the_count_before_it(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	company = env->st;
	fd_sync_fn = sync_after_anothers;
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_DSYNC, 0, 0, "abcd", 4),
		-EIO);
	fd_sync_fn = fake_sync;
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_DSYNC, 0, 4, "efgh", 4),
		4);
}

/* Nothing was synced and nothing lost: it stays dirty, and is not reported. */
static void a_read_only_file_systems_error_is_no_loss(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	atomic_store(&sync_error, EROFS);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), -EROFS);
	push_out(env);
	assert_int_equal(atomic_load(&nr_syncs), 2);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 4, "efgh", 4), 4);
	atomic_store(&sync_error, EROFS);
	push_out(env);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 0);
}

/* ext4 whose journal is aborted says EROFS, and no more what could not be
 * written back before that. */
static void what_a_read_only_file_system_lost_is_counted(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	wait_error = EIO;
	atomic_store(&sync_error, EROFS);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), -EIO);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	/* What is not lost is still to be synced. */
	atomic_store(&nr_syncs, 0);
	assert_int_equal(fd_drop(to_file(env->st), 0), 0);
	assert_int_equal(atomic_load(&nr_syncs), 1);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
}

/* What was not tried, or not even that. */
static void what_is_no_loss_to_wait_for(void **state)
{
	static const int errors[] = { EROFS, EINVAL, ENOSYS, ESPIPE };
	struct env *env = *state;

	make_slots(env, 1);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(errors); i++) {
		wait_error = errors[i];
		assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	}
	assert_int_equal(store_nr_losses(env->st, 0), 0);
}

static void what_is_a_loss_to_begin_with(void **state)
{
	static const int losses[] = { EIO, ENOSPC, EDQUOT };
	static const int none[] = {
		EROFS, ENOMEM, EINTR, EINVAL, ENOSYS, ESPIPE
	};
	struct env *env = *state;

	make_slots(env, 1);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(none); i++) {
		start_error = none[i];
		store_start_sync(env->st, 0);
		assert_int_equal(start_error, 0);
		assert_int_equal(store_nr_losses(env->st, 0), 0);
	}
	for (size_t i = 0; i < ZL_ARRAY_SIZE(losses); i++) {
		start_error = losses[i];
		store_start_sync(env->st, 0);
		assert_int_equal(store_nr_losses(env->st, 0), i + 1);
	}
}

static void interrupted_syncs_are_repeated(void **state)
{
	struct env *env = *state;

	make_slots(env, 1);
	atomic_store(&sync_error, EINTR);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(atomic_load(&nr_syncs), 2);
}

/* Two syncs side by side: the kernel tells only one of the error. */
static atomic_int second_tid;

static char task_state(int tid)
{
	char path[64], line[512] = "";
	char *p;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return '?';
	p = fgets(line, sizeof(line), f);
	fclose(f);
	p = p ? strrchr(p, ')') : NULL;
	return p ? p[2] : '?';
}

/* The first sync fails once the second waits for it. */
static int sync_with_company(int fd)
{
	int tid;

	(void)fd;
	if (atomic_fetch_add(&nr_syncs, 1))
		return 0;
	while (!(tid = atomic_load(&second_tid)) || task_state(tid) != 'S')
		usleep(100);
	errno = EIO;
	return -1;
}

static void *second_sync(void *arg)
{
	struct env *env = arg;

	while (!atomic_load(&nr_syncs))
		;
	atomic_store(&second_tid, gettid());
	op_run(env->st, STORE_SYNC, 0, 0, 0);
	/* Who ends after the one that failed must find it counted. */
	return (void *)(intptr_t)store_nr_losses(env->st, 0);
}

static void an_error_is_counted_before_a_sync_beside_it_ends(void **state)
{
	struct env *env = *state;
	pthread_t thread;
	void *losses;

	make_slots(env, 1);
	fd_sync_fn = sync_with_company;
	assert_int_equal(pthread_create(&thread, NULL, second_sync, env), 0);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), -EIO);
	pthread_join(thread, &losses);
	assert_int_equal((intptr_t)losses, 1);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
}

/*
 * What somebody does to a file behind the disk's back.
 */
static int64_t write_to(struct env *env, uint64_t off, uint64_t size)
{
	struct iovec iov = { .iov_base = "abcd", .iov_len = 4 };
	struct store_req req = { .op = STORE_WRITE,
				 .off = off,
				 .len = 4,
				 .size = size,
				 .iov = &iov,
				 .iov_cnt = 1 };

	return store_run(env->st, &req);
}

static int64_t sync_of(struct env *env, uint64_t size)
{
	struct store_req req = { .op = STORE_SYNC, .size = size };

	return store_run(env->st, &req);
}

static void file_name(struct env *env, char path[4096])
{
	char name[STORE_NAME_MAX];

	store_slot_name(env->st, 0, name);
	snprintf(path, 4096, "%s/%s", env->dir, name);
}

static void a_file_cut_by_somebody_is_found_out(void **state)
{
	struct env *env = *state;
	char path[4096];

	make_slots(env, 1);
	file_name(env, path);
	assert_int_equal(write_to(env, 0, 0), 4);
	assert_int_equal(write_to(env, 4, 4), 4);
	assert_int_equal(truncate(path, 2), 0);
	assert_int_equal(sync_of(env, 8), -ENODATA);
	usleep(50000);
	assert_int_equal(write_to(env, 8, 8), -ENODATA);
	assert_int_equal(op_size(env->st, 0), 2);
	/* A descriptor that is opened anew is looked at, too. */
	push_out(env);
	assert_int_equal(write_to(env, 8, 8), -ENODATA);
	assert_int_equal(op_run(env->st, STORE_CUT, 0, 0, 0), 0);
	assert_int_equal(write_to(env, 0, 0), 4);
	assert_int_equal(sync_of(env, 4), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 0);
}

static void a_file_removed_or_replaced_is_found_out(void **state)
{
	struct env *env = *state;
	char path[4096];

	make_slots(env, 1);
	file_name(env, path);
	assert_int_equal(write_to(env, 0, 0), 4);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sync_of(env, 4), -ESTALE);
	assert_int_equal(store_make(env->st, 0, 4), 0);
	assert_int_equal(sync_of(env, 4), -ESTALE);
	usleep(50000);
	assert_int_equal(write_to(env, 4, 4), -ESTALE);
}

struct job {
	struct store *st;
	uint32_t first, nr;
	unsigned rand;
	unsigned over; /* the most descriptors seen */
	bool ok;
};

static bool step(struct job *job, uint32_t *size)
{
	uint32_t i = (job->rand = job->rand * 1103515245u + 12345u) >> 8;
	uint32_t slot, value, got;

	i %= job->nr;
	slot = job->first + i;
	value = slot * 1000 + size[i];
	if (op_write(job->st, slot, size[i] * 4, &value, 4) != 4)
		return false;
	size[i]++;
	if (job->rand % 8 == 0 && op_run(job->st, STORE_SYNC, slot, 0, 0))
		return false;
	if (op_read(job->st, slot, (size[i] - 1) * 4, &got, 4) != 4)
		return false;
	if (store_file_nr_fds() > job->over)
		job->over = store_file_nr_fds();
	return got == value;
}

static void *work(void *arg)
{
	struct job *job = arg;
	uint32_t *size = calloc(job->nr, sizeof(*size));

	job->ok = true;
	for (int i = 0; i < 1500 && job->ok; i++)
		job->ok = step(job, size);
	free(size);
	return NULL;
}

static void keep_files(struct job *job)
{
	for (uint32_t i = 0; i < job->nr; i++)
		assert_int_equal(store_make(job->st, job->first + i, 0), 0);
}

/* Two stores, eight threads, thousands of slots and few descriptors. */
static void threads_share_the_bound(void **state)
{
	enum {
		NR = 8,
		SLOTS = 400,
		MAX = 16
	};
	struct env *env = *state;
	char *dir = tmp_make();
	struct store *other = tmp_open(dir);
	struct job job[NR];
	pthread_t thread[NR];

	store_file_set_max_fds(MAX);
	for (int i = 0; i < NR; i++) {
		job[i] = (struct job){ .st = i % 2 ? other : env->st,
				       .first = (uint32_t)i * SLOTS,
				       .nr = SLOTS,
				       .rand = (unsigned)i };
		keep_files(&job[i]);
	}
	for (int i = 0; i < NR; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, work, &job[i]), 0);
	for (int i = 0; i < NR; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < NR; i++) {
		assert_true(job[i].ok);
		/* Each thread may have counted one that it is about to open. */
		assert_in_range(job[i].over, 1, MAX + NR);
	}
	assert_true(store_file_nr_fds() <= MAX);
	store_close(other);
	tmp_remove(dir);
}

/* Uses a slot as a request that does not wait: its pin stays. */
static void leave_pin(struct env *env, uint32_t slot)
{
	uint8_t b;

	op_read(env->st, slot, 0, &b, 1);
	assert_true(is_cached(env, slot));
	assert_true(is_cached(env, slot));
}

static void pins_that_were_left_are_called_back(void **state)
{
	struct env *env = *state;
	struct store_file *sf = to_file(env->st);

	make_slots(env, 3);
	leave_pin(env, 0);
	assert_int_equal(fd_drop(sf, 0), 0);
	assert_false(is_cached(env, 0));
	leave_pin(env, 1);
	fd_forget(sf, 1);
	assert_false(is_cached(env, 1));
	assert_int_equal(held_fds(), env->fds);
	leave_pin(env, 2);
	push_out(env);
	assert_false(is_cached(env, 2));
	/* And when the store is closed. */
	leave_pin(env, 2);
}

/* Two slots have one place. */
static void pins_of_two_slots(void **state)
{
	struct env *env = *state;
	struct store_file *sf = to_file(env->st);

	assert_int_equal(store_make(env->st, 5, 0), 0);
	assert_int_equal(store_make(env->st, 5 + FD_HELD_MAX, 0), 0);
	for (int i = 0; i < 3; i++) {
		leave_pin(env, 5);
		leave_pin(env, 5 + FD_HELD_MAX);
	}
	fd_forget(sf, 5 + FD_HELD_MAX);
	assert_int_equal(held_fds(), env->fds + 1);
	fd_forget(sf, 5);
	assert_int_equal(held_fds(), env->fds);
}

static atomic_bool uses_over;

static void *use_slots(void *arg)
{
	struct env *env = arg;
	uint8_t b;

	for (uint32_t n = 0; !atomic_load(&uses_over); n++) {
		if (!is_cached(env, n % 3))
			op_read(env->st, n % 3, 0, &b, 1);
	}
	return NULL;
}

static void pins_are_left_and_called_back_at_once(void **state)
{
	struct env *env = *state;
	struct store_file *sf = to_file(env->st);
	pthread_t threads[3];

	make_slots(env, 3);
	atomic_store(&uses_over, false);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, use_slots, env), 0);
	for (uint32_t n = 0; n < 3000; n++) {
		fd_forget(sf, n % 3);
		fd_drop(sf, (n + 1) % 3);
		if (n % 8 == 0)
			fd_evict(NULL);
	}
	atomic_store(&uses_over, true);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (uint32_t i = 0; i < 3; i++)
		fd_forget(sf, i);
	/* None was left behind that nobody would find. */
	assert_int_equal(held_fds(), env->fds);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pins_that_were_left_are_called_back),
		T(pins_of_two_slots),
		T(pins_are_left_and_called_back_at_once),
		T(descriptors_are_bounded),
		T(the_least_recently_used_leaves),
		T(a_lower_bound_holds_at_once),
		T(pinned_ones_stay_over_the_bound),
		T(files_of_a_server_are_left_to_its_own),
		T(files_of_another_device_are_left_alone),
		cmocka_unit_test(shares_are_of_those_who_are_there),
		cmocka_unit_test(more_than_there_are_groups_share_one),
		T(nowait_opens_nothing),
		T(without_descriptors_cached_ones_are_closed),
		T(half_of_what_the_process_may_have),
		T(who_needs_one_waits_for_it),
		T(nobody_waits_for_nothing),
		T(a_dirty_file_is_synced_before_it_leaves),
		T(every_change_is_dirty),
		T(a_write_of_the_engine_is_dirty),
		T(nobody_makes_room_for_all),
		T(closing_syncs_what_is_dirty),
		T(an_error_at_eviction_is_counted),
		T(a_file_that_is_away_is_no_loss),
		T(a_durable_write_s_error_is_counted),
		T(a_durable_write_compares_with_the_count_before_it),
		T(a_read_only_file_systems_error_is_no_loss),
		T(what_a_read_only_file_system_lost_is_counted),
		T(what_is_no_loss_to_wait_for),
		T(what_is_a_loss_to_begin_with),
		T(interrupted_syncs_are_repeated),
		T(an_error_is_counted_before_a_sync_beside_it_ends),
		T(a_file_cut_by_somebody_is_found_out),
		T(a_file_removed_or_replaced_is_found_out),
		T(threads_share_the_bound),
	};

	return skip_run_tests(tests, NULL, NULL);
}
