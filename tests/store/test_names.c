// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Whether a directory's time tells of all that happens to its names, however
 * closely, and whether who writes to a zone is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fault/mounts.h"
#include "ops.h"
#include "store/file/file.h"

#define SETTLE_NS 40000000
#define SETTLE_US (2 * SETTLE_NS / 1000)

static unsigned nr_by_name; /* looks at a name */

int statx(int dir_fd, const char *name, int flags, unsigned mask,
	  struct statx *sx)
{
	nr_by_name += *name != 0;
	return (int)syscall(SYS_statx, dir_fd, name, flags, mask, sx);
}

struct env {
	char *dir;
	struct store *st;
	char file[4096]; /* slot 0's */
	uint64_t size;
};

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));
	char name[STORE_NAME_MAX];

	names_settle_ns = SETTLE_NS;
	env->dir = tmp_make();
	mounts_type = "ext4";
	env->st = tmp_open(env->dir);
	mounts_type = "";
	assert_int_equal(store_make(env->st, 0, 0), 0);
	store_slot_name(env->st, 0, name);
	snprintf(env->file, sizeof(env->file), "%s/%s", env->dir, name);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	store_close(env->st);
	tmp_remove(env->dir);
	free(env);
	return 0;
}

static const char *path_of(const struct env *env, const char *name)
{
	static char path[2][4096];
	static int which;

	which = !which;
	snprintf(path[which], sizeof(path[which]), "%s/%s", env->dir, name);
	return path[which];
}

static void make(const struct env *env, const char *name)
{
	int fd = open(path_of(env, name), O_CREAT | O_WRONLY, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static uint64_t gen(const struct env *env)
{
	static uint64_t at;

	return names_gen(&to_file(env->st)->names, ++at);
}

/* Nothing happens: it settles, and stays. */
static uint64_t settled(const struct env *env)
{
	uint64_t was;

	usleep(SETTLE_US);
	gen(env);
	was = gen(env);
	for (int i = 0; i < 10; i++)
		assert_int_equal(gen(env), was);
	return was;
}

static void do_make(const struct env *env)
{
	make(env, "a");
}

static void do_rename(const struct env *env)
{
	rename(path_of(env, "a"), path_of(env, "b"));
}

static void do_replace(const struct env *env)
{
	make(env, "c");
	settled(env);
	rename(path_of(env, "c"), path_of(env, "b"));
}

static void do_move_out(const struct env *env)
{
	char to[4200];

	snprintf(to, sizeof(to), "%s.out", env->dir);
	rename(path_of(env, "b"), to);
}

static void do_move_in(const struct env *env)
{
	char from[4200];

	snprintf(from, sizeof(from), "%s.out", env->dir);
	rename(from, path_of(env, "b"));
}

static void do_link(const struct env *env)
{
	link(path_of(env, "b"), path_of(env, "d"));
}

static void do_remove(const struct env *env)
{
	unlink(path_of(env, "b"));
	unlink(path_of(env, "d"));
}

static void each_change_is_seen(void **state)
{
	static void (*const changes[])(const struct env *env) = {
		do_make,    do_rename, do_replace, do_move_out,
		do_move_in, do_link,   do_remove,
	};
	struct env *env = *state;
	uint64_t was;

	for (unsigned i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		was = settled(env);
		changes[i](env);
		assert_int_not_equal(gen(env), was);
	}
}

/* Far more often than the file system's clock goes on. */
static void each_of_many_in_a_row(void **state)
{
	struct env *env = *state;
	uint64_t was;

	make(env, "a");
	for (int i = 0; i < 2000; i++) {
		was = gen(env);
		rename(path_of(env, i % 2 ? "b" : "a"),
		       path_of(env, i % 2 ? "a" : "b"));
		assert_int_not_equal(gen(env), was);
	}
	/* The last one came after a look at the same time. */
	was = gen(env);
	usleep(SETTLE_US);
	assert_int_not_equal(gen(env), was);
}

static void a_clock_that_was_set_back(void **state)
{
	struct env *env = *state;
	uint64_t was;

	names_settle_ns = INT64_C(1) << 60; /* what it looks like */
	usleep(SETTLE_US);
	was = gen(env);
	assert_int_not_equal(gen(env), was);
}

static int64_t write_one(struct env *env)
{
	struct iovec iov = { .iov_base = "abcd", .iov_len = 4 };
	struct store_req req = { .op = STORE_WRITE,
				 .off = env->size,
				 .len = 4,
				 .size = env->size,
				 .iov = &iov,
				 .iov_cnt = 1 };
	int64_t ret;

	usleep(20000);
	ret = store_run(env->st, &req);
	if (ret > 0)
		env->size += (uint64_t)ret;
	return ret;
}

/* Until names are not looked at any more. */
static void write_some(struct env *env)
{
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_one(env), 4);
	usleep(SETTLE_US);
	for (int i = 0; i < 3; i++)
		assert_int_equal(write_one(env), 4);
	nr_by_name = 0;
	for (int i = 0; i < 5; i++)
		assert_int_equal(write_one(env), 4);
	assert_int_equal(nr_by_name, 0);
}

static void a_file_that_is_renamed(void **state)
{
	struct env *env = *state;

	write_some(env);
	rename(env->file, path_of(env, "x"));
	assert_int_equal(write_one(env), -ESTALE);
	assert_int_equal(write_one(env), -ESTALE);
	/* And back. */
	rename(path_of(env, "x"), env->file);
	write_some(env);
}

static void a_file_that_is_replaced(void **state)
{
	struct env *env = *state;

	write_some(env);
	make(env, "x");
	assert_int_equal(truncate(path_of(env, "x"), 1000), 0);
	write_some(env);
	rename(path_of(env, "x"), env->file);
	assert_int_equal(write_one(env), -ESTALE);
}

static void a_file_that_is_removed(void **state)
{
	struct env *env = *state;

	write_some(env);
	unlink(env->file);
	assert_int_equal(write_one(env), -ESTALE);
}

static void a_file_that_is_cut(void **state)
{
	struct env *env = *state;

	write_some(env);
	assert_int_equal(truncate(env->file, 3), 0);
	assert_int_equal(write_one(env), -ENODATA);
	assert_int_equal(nr_by_name, 0);
}

static void other_file_systems(void **state)
{
	struct env *env = *state;
	struct store *st;

	(void)env;
	mounts_type = "nfs4";
	st = tmp_open(env->dir);
	mounts_type = "";
	assert_int_equal(names_gen(&to_file(st)->names, 1), 0);
	store_close(st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_change_is_seen),	      T(each_of_many_in_a_row),
		T(a_clock_that_was_set_back), T(a_file_that_is_renamed),
		T(a_file_that_is_replaced),   T(a_file_that_is_removed),
		T(a_file_that_is_cut),	      T(other_file_systems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
