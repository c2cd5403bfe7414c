// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What makes things durable is asked of the kernel, in the right order, and its
 * answer counts.  A power failure would show the lack of a call by chance only;
 * here the calls are written down.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "store/file/file.h"
#include "store/ops.h"

struct env {
	char *dir;
	struct store *st;
};

static char calls[512]; /* since the last assert_calls(), each behind a ' ' */
static const char *failing; /* … of which this one fails … */
static int failing_with = EIO;
static bool no_holes;  /* the file system cannot make any */
static bool read_only; /* what the file system says it is */

/* The first sync of the directory, which succeeds, does not return before the
 * second, which fails, has; or before it is clear that there is none. */
static struct {
	bool on;
	atomic_uint nr;
	atomic_bool failed;
} beside;

/* False: it is to fail. */
static bool note(const char *what, const char *name)
{
	char call[128];

	snprintf(call, sizeof(call), " %s:%s", what, name);
	assert_true(strlen(calls) + strlen(call) < sizeof(calls));
	strcat(calls, call);
	errno = failing_with;
	return !failing || strcmp(call + 1, failing) != 0;
}

/* A descriptor's file, without its directories; "." for the directory. */
static const char *name_of(int fd)
{
	static char path[4096];
	char link[32];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	assert_true(n > 0);
	path[n] = 0;
	path[strcspn(path, " ")] = 0; /* "… (deleted)" */
	name = strrchr(path, '/') + 1;
	return strncmp(name, "zloop-store-", 12) ? name : ".";
}

/*
 * These stand before the system's.
 */

static int fsync_beside(int fd)
{
	const struct timespec wait = { .tv_nsec = 1000000 };
	int ret;

	if (atomic_fetch_add(&beside.nr, 1)) {
		atomic_store(&beside.failed, true);
		errno = EIO;
		return -1;
	}
	ret = (int)syscall(SYS_fsync, fd);
	for (int ms = 0; ms < 500 && !atomic_load(&beside.failed); ms++)
		nanosleep(&wait, NULL);
	/* The other thread has its result in hand. */
	nanosleep(&wait, NULL);
	return ret;
}

int fsync(int fd)
{
	if (beside.on)
		return strcmp(name_of(fd), ".") ? (int)syscall(SYS_fsync, fd)
						: fsync_beside(fd);
	return note("fsync", name_of(fd)) ? (int)syscall(SYS_fsync, fd) : -1;
}

int fdatasync(int fd)
{
	return note("fdatasync", name_of(fd)) ? (int)syscall(SYS_fdatasync, fd)
					      : -1;
}

int syncfs(int fd)
{
	return note("syncfs", name_of(fd)) ? (int)syscall(SYS_syncfs, fd) : -1;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return beside.on || note("rename", to)
		       ? (int)syscall(SYS_renameat2, from_fd, from, to_fd, to,
				      0)
		       : -1;
}

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags)
{
	return note("link", to) ? (int)syscall(SYS_linkat, from_fd, from, to_fd,
					       to, flags)
				: -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
	/* cmocka writes as well */
	if (fd > 2 && !beside.on && !note("write", name_of(fd)))
		return -1;
	return syscall(SYS_write, fd, data, len);
}

/* Of the small files, and zeros where there are no holes. */
ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	if (!beside.on && !note("write", name_of(fd)))
		return -1;
	return syscall(SYS_pwrite64, fd, data, len, off);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	if (!no_holes)
		return (int)syscall(SYS_fallocate, fd, mode, off, len);
	errno = EOPNOTSUPP;
	return -1;
}

static int statvfs_error;
static unsigned nr_statvfs;

int fstatvfs(int fd, struct statvfs *fs)
{
	(void)fd;
	nr_statvfs++;
	errno = statvfs_error;
	if (statvfs_error)
		return -1;
	*fs = (struct statvfs){ .f_flag = read_only ? ST_RDONLY : 0 };
	return 0;
}

static unsigned asked_for; /* of files, by statx() */

int statx(int dir_fd, const char *path, int flags, unsigned mask,
	  struct statx *sx)
{
	if (*path)
		asked_for |= mask;
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, sx);
}

static void assert_calls(const char *want)
{
	assert_string_equal(calls[0] ? calls + 1 : "", want);
	calls[0] = 0;
}

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->dir = tmp_make();
	env->st = tmp_open(env->dir);
	calls[0] = 0;
	failing = NULL;
	failing_with = EIO;
	read_only = no_holes = false;
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	failing = NULL;
	store_close(env->st);
	tmp_remove(env->dir);
	free(env);
	return 0;
}

static void assert_meta(struct env *env, const char *want)
{
	void *data;
	size_t len;

	assert_int_equal(store_meta_read(env->st, "m", &data, &len), 0);
	assert_string_equal(data, want);
	free(data);
}

/* The data before the name, the name before the answer. */
static void a_small_file_is_replaced(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_meta_replace(env->st, "m", "old", 3), 0);
	assert_calls("write:m.tmp fsync:m.tmp rename:m fsync:.");
	failing = "fsync:m.tmp";
	assert_int_equal(store_meta_replace(env->st, "m", "new", 3), -EIO);
	assert_calls("write:m.tmp fsync:m.tmp");
	assert_meta(env, "old");
	failing = "rename:m";
	assert_int_equal(store_meta_replace(env->st, "m", "new", 3), -EIO);
	assert_meta(env, "old");
	calls[0] = 0;
	failing = "fsync:.";
	assert_int_equal(store_meta_replace(env->st, "m", "new", 3), -EIO);
	assert_calls("write:m.tmp fsync:m.tmp rename:m fsync:.");
}

static void something_is_added(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_meta_append(env->st, "m", "a", 1, true), 0);
	assert_calls("write:m fdatasync:m fsync:.");
	assert_int_equal(store_meta_append(env->st, "m", "b", 1, true), 0);
	assert_calls("write:m fdatasync:m");
	assert_int_equal(store_meta_append(env->st, "m", "c", 1, false), 0);
	assert_calls("write:m");
	assert_int_equal(store_meta_append(env->st, "m", "", 0, true), 0);
	assert_calls("fdatasync:m");
	failing = "fdatasync:m";
	assert_int_equal(store_meta_append(env->st, "m", "d", 1, true), -EIO);
	assert_calls("write:m fdatasync:m");
	failing = "fsync:.";
	assert_int_equal(store_meta_append(env->st, "n", "a", 1, true), -EIO);
	assert_calls("write:n fdatasync:n fsync:.");
}

/* The file that is locked is kept open: its own way. */
static void something_is_added_to_the_locked_file(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_lock(env->st, "m", 0, true, NULL), 0);
	assert_int_equal(store_meta_append(env->st, "m", "a", 1, true), 0);
	assert_calls("write:m fdatasync:m");
	assert_int_equal(store_meta_append(env->st, "m", "b", 1, false), 0);
	assert_calls("write:m");
	failing = "fdatasync:m";
	assert_int_equal(store_meta_append(env->st, "m", "c", 1, true), -EIO);
}

static void a_small_file_is_cut(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_meta_append(env->st, "m", "ab", 2, false), 0);
	calls[0] = 0;
	assert_int_equal(store_meta_cut(env->st, "m", 1), 0);
	assert_calls("fsync:m");
	failing = "fsync:m";
	assert_int_equal(store_meta_cut(env->st, "m", 0), -EIO);
}

/* What has been made has sizes, which a directory's sync does not make safe. */
static void files_are_made(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_sync_dir(env->st), 0);
	assert_calls("fsync:.");
	for (uint32_t size = 0; size <= 4096; size += 4096) {
		assert_int_equal(store_make(env->st, size / 4096, size), 0);
		failing = "syncfs:.";
		assert_int_equal(store_sync_dir(env->st), -EIO);
		assert_calls("syncfs:.");
		failing = NULL;
		assert_int_equal(store_sync_dir(env->st), 0);
		assert_calls("syncfs:. fsync:.");
	}
	failing = "fsync:.";
	assert_int_equal(store_sync_dir(env->st), -EIO);
}

static void everything_is_synced(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_sync_all(env->st), 0);
	assert_calls("syncfs:.");
	failing = "syncfs:.";
	assert_int_equal(store_sync_all(env->st), -EIO);
	/* It may have been another one's files, who is not told any more. */
	failing = NULL;
	assert_int_equal(store_sync_all(env->st), -EIO);
}

static void a_slot_is_synced(void **state)
{
	struct env *env = *state;

	store_set_layout(env->st, store_conv_first(0));
	assert_int_equal(store_count_losses(env->st, 1), 0);
	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_calls("");
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_calls("fdatasync:seq-000000");
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_DSYNC, 0, 4, "efgh", 4),
		4);
	assert_calls("fdatasync:seq-000000");
	failing = "fdatasync:seq-000000";
	assert_int_equal(
		op_flags(env->st, STORE_WRITE, STORE_DSYNC, 0, 8, "ijkl", 4),
		-EIO);
	failing = NULL;
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
}

/* Linux' NFS client tells whoever writes, and then no sync, of what an earlier
 * write has lost; where it cannot make holes zeros are such a write. */
static void zeros_that_are_told_of_a_loss(void **state)
{
	struct env *env = *state;

	store_set_layout(env->st, store_conv_first(1));
	assert_int_equal(store_count_losses(env->st, 1), 0);
	assert_int_equal(store_make(env->st, 0, 4096), 0);
	no_holes = true;
	failing = "write:cnv-000000";
	failing_with = ENOSPC;
	assert_int_equal(op_run(env->st, STORE_PUNCH, 0, 0, 4096), -ENOSPC);
	assert_int_equal(store_nr_losses(env->st, 0), 0);
	to_file(env->st)->fs.kind = FS_NFS;
	assert_int_equal(op_run(env->st, STORE_PUNCH, 0, 0, 4096), -ENOSPC);
	assert_int_equal(store_nr_losses(env->st, 0), 1);
	/* What it waited for then has failed in another way. */
	failing_with = EIO;
	assert_int_equal(op_run(env->st, STORE_PUNCH, 0, 0, 4096), -EIO);
	assert_int_equal(store_nr_losses(env->st, 0), 2);
	/* One that was not to wait has not begun. */
	failing_with = EAGAIN;
	assert_int_equal(op_run(env->st, STORE_PUNCH, 0, 0, 4096), -EAGAIN);
	assert_int_equal(store_nr_losses(env->st, 0), 2);
	failing = NULL;
	assert_int_equal(op_run(env->st, STORE_PUNCH, 0, 0, 4096), 0);
}

/* Before it says when a file was changed, Linux' NFS client writes all of it
 * back. */
static void a_look_at_a_file_asks_for_no_times(void **state)
{
	struct env *env = *state;
	struct iovec iov = { .iov_base = "abcd", .iov_len = 4 };
	struct store_req req = { .op = STORE_WRITE,
				 .off = 4,
				 .len = 4,
				 .size = 4,
				 .iov = &iov,
				 .iov_cnt = 1 };

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	asked_for = 0;
	assert_int_equal(store_run(env->st, &req), 4);
	assert_int_equal(asked_for, STATX_INO | STATX_SIZE);
}

/* There, ext4 and f2fs answer with success and sync nothing. */
static void a_file_system_has_become_read_only(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	read_only = true;
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), -EROFS);
	read_only = false;
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
}

/* What the file system says of itself is no sync's failure, and no server's
 * business. */
static void no_loss_for_want_of_a_mount_flag(void **state)
{
	struct env *env = *state;
	struct store_file *sf = to_file(env->st);
	unsigned losses;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	losses = store_nr_losses(env->st, 0);
	statvfs_error = ESTALE;
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	statvfs_error = 0;
	assert_int_equal(store_nr_losses(env->st, 0), losses);
	sf->fs.kind = FS_NFS;
	nr_statvfs = 0;
	assert_int_equal(op_write(env->st, 0, 4, "abcd", 4), 4);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), 0);
	assert_int_equal(nr_statvfs, 0);
}

/* A slot always has its name, whatever the order in which names arrive. */
static void a_file_is_set_aside(void **state)
{
	struct env *env = *state;

	store_set_layout(env->st, store_conv_first(0));
	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_int_equal(store_aside(env->st, 0, STORE_ASIDE_SET), 0);
	assert_calls("link:seq-000000.undo rename:seq-000000");
	assert_int_equal(op_size(env->st, 0), 0);
	assert_int_equal(store_aside(env->st, 0, STORE_ASIDE_BACK), 0);
	assert_calls("rename:seq-000000");
	assert_int_equal(op_size(env->st, 0), 4);
	failing = "rename:seq-000000";
	assert_int_equal(store_aside(env->st, 0, STORE_ASIDE_SET), -EIO);
	assert_int_equal(op_size(env->st, 0), 4);
	assert_int_equal(store_aside(env->st, 0, STORE_ASIDE_DROP), -ENOENT);
}

static void *replace_n(void *arg)
{
	struct store *st = arg;

	while (!atomic_load(&beside.nr))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return (void *)(intptr_t)store_meta_replace(st, "n", "new", 3);
}

/* Two small files, each with a thread of its own. */
static void a_failure_beside_a_success_is_not_forgotten(void **state)
{
	struct env *env = *state;
	pthread_t thread;
	void *ret;

	assert_int_equal(store_meta_replace(env->st, "n", "old", 3), 0);
	beside.on = true;
	assert_int_equal(pthread_create(&thread, NULL, replace_n, env->st), 0);
	assert_int_equal(store_meta_replace(env->st, "m", "new", 3), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	beside.on = false;
	assert_int_equal((intptr_t)ret, -EIO);
	calls[0] = 0;
	assert_int_equal(store_meta_append(env->st, "n", "a", 1, true), 0);
	assert_calls("write:n fdatasync:n fsync:.");
	assert_int_equal(store_meta_append(env->st, "n", "b", 1, true), 0);
	assert_calls("write:n fdatasync:n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_small_file_is_replaced),
		T(something_is_added),
		T(something_is_added_to_the_locked_file),
		T(a_small_file_is_cut),
		T(everything_is_synced),
		T(files_are_made),
		T(a_slot_is_synced),
		T(zeros_that_are_told_of_a_loss),
		T(a_look_at_a_file_asks_for_no_times),
		T(a_file_system_has_become_read_only),
		T(no_loss_for_want_of_a_mount_flag),
		T(a_file_is_set_aside),
		T(a_failure_beside_a_success_is_not_forgotten),
	};

	return cmocka_run_group_tests_name("store/syncs", tests, NULL, NULL);
}
