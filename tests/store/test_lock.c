// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The directory's lock between processes. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "skip.h"
#include "store/file/file.h"
#include "store/ops.h"

struct env {
	char *dir;
	struct store *st;
	pid_t pid;
	int to_child, from_child;
};

/*
 * The other process: does what each letter says and answers with a letter.
 * l: locks, r: replaces the locked file, q: ends; and as the NFS server of this
 * machine does for its clients, p: locks the file, u: unlocks it.
 */
static int lock_for_client(const char *dir, short type)
{
	struct flock all = { .l_type = type, .l_whence = SEEK_SET };
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	/* Open until this process ends, or closes another one. */
	return fd < 0 ? fd : fcntl(fd, F_SETLK, &all);
}

static int carry_out(struct store *st, const char *dir, char what)
{
	switch (what) {
	case 'l':
		return store_lock(st, "lock", 0, true, NULL);
	case 'r':
		return store_meta_replace(st, "lock", "new", 3);
	case 'p':
		return lock_for_client(dir, F_WRLCK);
	default:
		return lock_for_client(dir, F_UNLCK);
	}
}

static int serve(const char *dir, int in, int out)
{
	struct store *st = tmp_open(dir);
	char c;

	prctl(PR_SET_NAME, "holder");
	while (read(in, &c, 1) == 1 && c != 'q') {
		int ret = carry_out(st, dir, c);

		c = ret ? 'n' : 'y';
		if (write(out, &c, 1) != 1)
			return 1;
	}
	store_close(st);
	return 0;
}

static char ask(struct env *env, char what)
{
	char c = '?';

	assert_int_equal(write(env->to_child, &what, 1), 1);
	assert_int_equal(read(env->from_child, &c, 1), 1);
	return c;
}

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));
	int in[2], out[2];

	env->dir = tmp_make();
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	env->pid = fork();
	if (env->pid == 0) {
		close(in[1]);
		close(out[0]);
		_exit(serve(env->dir, in[0], out[1]));
	}
	close(in[0]);
	close(out[1]);
	env->to_child = in[1];
	env->from_child = out[0];
	env->st = tmp_open(env->dir);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	close(env->to_child);
	close(env->from_child);
	if (env->pid)
		waitpid(env->pid, NULL, 0);
	store_close(env->st);
	tmp_remove(env->dir);
	free(env);
	return 0;
}

static void the_holder_is_named(void **state)
{
	struct env *env = *state;
	struct zl_err err = { "" };
	char want[64];
	FILE *f = fopen("/proc/locks", "r");
	char line[256];
	int shown = 0;

	assert_int_equal(ask(env, 'l'), 'y');
	assert_int_equal(store_lock(env->st, "lock", 0, true, &err), -EBUSY);
	assert_non_null(strstr(err.msg, env->dir));
	/* Some containers' /proc/locks is empty. */
	snprintf(want, sizeof(want), " %d ", env->pid);
	while (f && fgets(line, sizeof(line), f))
		shown |= strstr(line, "FLOCK") && strstr(line, want);
	if (f)
		fclose(f);
	if (!shown) {
		assert_non_null(strstr(err.msg, "another process"));
		skip_test("/proc/locks does not show locks");
	}
	snprintf(want, sizeof(want), "process %d (holder)", env->pid);
	if (!strstr(err.msg, want))
		fail_msg("\"%s\" lacks \"%s\"", err.msg, want);
}

/* The name leads to another file, or to none, but the directory is locked. */
static void a_lock_that_was_deleted_holds(void **state)
{
	struct env *env = *state;
	struct zl_err err = { "" };
	char path[128];

	snprintf(path, sizeof(path), "%s/lock", env->dir);
	assert_int_equal(ask(env, 'l'), 'y');
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_lock(env->st, "lock", 0, false, &err), -EBUSY);
	assert_non_null(strstr(err.msg, " is in use by "));
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), -EBUSY);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(store_meta_append(env->st, "lock", "x", 1, false), 0);
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), -EBUSY);
	assert_int_equal(write(env->to_child, "q", 1), 1);
	assert_int_equal(store_lock(env->st, "lock", 10000, true, NULL), 0);
}

/* Without its file the directory is locked all the same, until closed. */
static void a_lock_without_a_file(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_lock(env->st, "lock", 0, false, NULL), -ENOENT);
	assert_int_equal(ask(env, 'l'), 'n');
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
	assert_int_equal(ask(env, 'l'), 'n');
	store_close(env->st);
	env->st = tmp_open(env->dir);
	assert_int_equal(ask(env, 'l'), 'y');
}

static void this_process_is_named(void **state)
{
	struct env *env = *state;
	struct store *other = tmp_open(env->dir);
	struct zl_err err = { "" };

	assert_int_equal(store_lock(other, "lock", 0, true, NULL), 0);
	assert_int_equal(store_lock(env->st, "lock", 0, true, &err), -EBUSY);
	assert_true(strstr(err.msg, "which is this one") ||
		    strstr(err.msg, "another process"));
	store_close(other);
}

/* The child ends while the parent waits; no matter which comes first, the
 * parent gets it. */
static void a_waiter_gets_it_when_the_holder_ends(void **state)
{
	struct env *env = *state;

	assert_int_equal(ask(env, 'l'), 'y');
	assert_int_equal(write(env->to_child, "q", 1), 1);
	assert_int_equal(store_lock(env->st, "lock", 60000, false, NULL), 0);
}

static void a_waiter_gets_it_when_the_holder_is_killed(void **state)
{
	struct env *env = *state;

	assert_int_equal(ask(env, 'l'), 'y');
	assert_int_equal(store_lock(env->st, "lock", 50, false, NULL), -EBUSY);
	kill(env->pid, SIGKILL);
	assert_int_equal(store_lock(env->st, "lock", 60000, false, NULL), 0);
}

static void a_replaced_file_is_held_all_the_time(void **state)
{
	struct env *env = *state;
	void *data;
	size_t len;

	assert_int_equal(ask(env, 'l'), 'y');
	for (int i = 0; i < 20; i++) {
		assert_int_equal(ask(env, 'r'), 'y');
		assert_int_equal(store_lock(env->st, "lock", 0, true, NULL),
				 -EBUSY);
	}
	assert_int_equal(write(env->to_child, "q", 1), 1);
	assert_int_equal(store_lock(env->st, "lock", 60000, false, NULL), 0);
	/* It is the file that has the name. */
	assert_int_equal(store_meta_append(env->st, "lock", "er", 2, true), 0);
	assert_int_equal(store_meta_read(env->st, "lock", &data, &len), 0);
	assert_string_equal(data, "newer");
	free(data);
}

static bool has_answered(struct env *env)
{
	struct pollfd p = { .fd = env->from_child, .events = POLLIN };
	char c;

	if (poll(&p, 1, 0) != 1)
		return false;
	assert_int_equal(read(env->from_child, &c, 1), 1);
	assert_int_equal(c, 'y');
	return true;
}

/* The child replaces all the time, the parent tries all the time. */
static void no_moment_is_left_to_a_waiter(void **state)
{
	struct env *env = *state;
	const int nr = 300;

	assert_int_equal(ask(env, 'l'), 'y');
	for (int i = 0; i < nr; i++)
		assert_int_equal(write(env->to_child, "r", 1), 1);
	for (int i = 0; i < nr; i += has_answered(env))
		assert_int_equal(store_lock(env->st, "lock", 0, true, NULL),
				 -EBUSY);
}

/* A read by the engine: thread and ring are there. */
static void run_engine(struct env *env)
{
	char c;

	if (store_make(env->st, 0, 0))
		assert_int_equal(store_resize(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "x", 1), 1);
	assert_int_equal(
		op_flags(env->st, STORE_READ, STORE_ASYNC, 0, 0, &c, 1), 1);
}

/* … but an orderly end leaves no lock behind, not even for a moment. */
static void the_engine_leaves_no_lock(void **state)
{
	struct env *env = *state;

	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
		if (store_start_engine(env->st))
			skip_test("no io_uring here");
		run_engine(env);
		store_close(env->st);
		env->st = tmp_open(env->dir);
	}
}

/* As when this process has died, and the kernel is not done with its requests.
 */
static void the_engine_holds_a_replaced_file(void **state)
{
	struct env *env = *state;
	struct store_file *sf = (struct store_file *)env->st;

	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
	if (store_start_engine(env->st))
		skip_test("no io_uring here");
	run_engine(env);
	assert_int_equal(store_meta_replace(env->st, "lock", "new", 3), 0);
	close(sf->lock_fd);
	sf->lock_fd = -1;
	assert_int_equal(ask(env, 'l'), 'n');
	store_close(env->st);
	env->st = tmp_open(env->dir);
	/* The kernel takes its time. */
	while (ask(env, 'l') != 'y')
		usleep(1000);
}

static int look(struct env *env, bool alone)
{
	struct store *st = tmp_open(env->dir);
	int ret = store_file_look(st, "lock", alone, 0, NULL);

	store_close(st);
	return ret;
}

/* A client's lock is a POSIX lock on the server. */
static void a_client_of_our_server_has_it(void **state)
{
	struct env *env = *state;
	struct zl_err err = { "" };

	assert_int_equal(ask(env, 'p'), 'y');
	assert_int_equal(store_lock(env->st, "lock", 0, true, &err), -EBUSY);
	assert_true(err.who_unknown);
	store_close(env->st);
	env->st = tmp_open(env->dir);
	assert_int_equal(look(env, false), -EBUSY);
	assert_int_equal(look(env, true), -EBUSY);
	assert_int_equal(ask(env, 'u'), 'y');
	assert_int_equal(look(env, false), 0);
	assert_int_equal(look(env, true), 0);
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
}

static void a_client_of_our_server_wants_it(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
	assert_int_equal(ask(env, 'p'), 'n');
	for (int i = 0; i < 20; i++) {
		assert_int_equal(store_meta_replace(env->st, "lock", "new", 3),
				 0);
		assert_int_equal(ask(env, 'p'), 'n');
	}
	store_close(env->st);
	assert_int_equal(ask(env, 'p'), 'y');
	/* Who looks is in nobody's way. */
	assert_int_equal(ask(env, 'u'), 'y');
	env->st = tmp_open(env->dir);
	assert_int_equal(store_file_look(env->st, "lock", true, 0, NULL), 0);
	assert_int_equal(ask(env, 'p'), 'y');
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_holder_is_named),
		T(a_lock_that_was_deleted_holds),
		T(a_lock_without_a_file),
		T(this_process_is_named),
		T(a_waiter_gets_it_when_the_holder_ends),
		T(a_waiter_gets_it_when_the_holder_is_killed),
		T(a_replaced_file_is_held_all_the_time),
		T(no_moment_is_left_to_a_waiter),
		T(a_client_of_our_server_has_it),
		T(a_client_of_our_server_wants_it),
		T(the_engine_leaves_no_lock),
		T(the_engine_holds_a_replaced_file),
	};

	return skip_run_tests(tests, NULL, NULL);
}
