// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What the file store does otherwise where its files are on another machine:
 * which file system that is, the test says, and looks at the system calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "fault/mounts.h"
#include "ops.h"
#include "store/looks.h"

/* Each look at a file takes until so many are under way. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t enough;
	unsigned want, now, most;
	int flags; /* of the last one */
} looks = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .enough = PTHREAD_COND_INITIALIZER };

static void wait_for_others(int flags)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 60; /* so that a fault ends */
	pthread_mutex_lock(&looks.lock);
	looks.flags = flags;
	if (++looks.now > looks.most)
		looks.most = looks.now;
	pthread_cond_broadcast(&looks.enough);
	while (looks.most < looks.want &&
	       !pthread_cond_timedwait(&looks.enough, &looks.lock, &end))
		;
	looks.now--;
	pthread_mutex_unlock(&looks.lock);
}

static unsigned listed; /* looked at as they were, with no server asked */

int statx(int dir_fd, const char *path, int flags, unsigned mask,
	  struct statx *sx)
{
	if (flags & AT_STATX_DONT_SYNC)
		listed++;
	else
		wait_for_others(flags);
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, sx);
}

static int open_flags; /* of the last file that was made */

static int open_at(int dir_fd, const char *path, int flags, mode_t mode)
{
	if (flags & O_CREAT)
		open_flags = flags;
	return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

int openat(int dir_fd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return open_at(dir_fd, path, flags, mode);
}

static unsigned nodes_made;

int mknodat(int dir_fd, const char *path, mode_t mode, dev_t dev)
{
	nodes_made++;
	return (int)syscall(SYS_mknodat, dir_fd, path, mode, dev);
}

static struct store *open_on(const char *type, const char *dir)
{
	struct store *st;

	mounts_type = type;
	st = tmp_open(dir);
	mounts_type = "";
	store_set_layout(st, store_conv_first(1));
	return st;
}

/*
 * Looking.
 */

static uint32_t told_done;

static void told(void *user, uint32_t done, uint32_t total)
{
	assert_ptr_equal(user, &looks);
	assert_int_equal(total, 5000);
	assert_true(done >= told_done);
	told_done = done;
}

static void many_are_looked_at_at_once(void **state)
{
	char *dir = tmp_make();
	struct store *st = open_on("nfs4", dir);
	struct store_stat seen, now;
	struct store_looks *l;

	(void)state;
	assert_int_equal(store_make(st, 0, ZL_MIB), 0);
	for (uint32_t slot = 1; slot < 300; slot += 7)
		assert_int_equal(store_make(st, slot, slot * 512), 0);
	told_done = 0;
	looks.most = 0;
	looks.want = 32;
	listed = 0;
	l = store_looks_take(st, 5000, told, &looks);
	looks.want = 0;
	assert_non_null(l);
	assert_int_equal(looks.most, 32);
	assert_int_equal(looks.now, 0);
	assert_int_equal(told_done, 5000);
	/* Their names came first. */
	assert_int_equal(listed, 1 + 43);
	for (uint32_t slot = 0; slot < 5000; slot++) {
		assert_int_equal(store_looks_stat(l, st, slot, &seen), 0);
		assert_int_equal(store_stat(st, slot, &now), 0);
		assert_memory_equal(&seen, &now, sizeof(now));
	}
	/* It is what it was. */
	assert_int_equal(store_unmake(st, 8), 0);
	store_looks_stat(l, st, 8, &seen);
	assert_int_equal(seen.kind, STORE_KIND_FILE);
	free(l);
	store_close(st);
	tmp_remove(dir);
}

/* One after the other, and when it is wanted. */
static void none_at_once(const char *type, uint32_t nr)
{
	char *dir = tmp_make();
	struct store *st = open_on(type, dir);
	struct store_stat stat;

	assert_null(store_looks_take(st, nr, told, &looks));
	assert_int_equal(store_looks_stat(NULL, st, 1, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_MISSING);
	assert_int_equal(store_make(st, 1, 0), 0);
	assert_int_equal(store_looks_stat(NULL, st, 1, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_FILE);
	store_close(st);
	tmp_remove(dir);
}

static void few_or_local_ones_are_not(void **state)
{
	(void)state;
	none_at_once("ext4", 5000);
	none_at_once("nfs4", 8);
}

static const struct {
	const char *type;
	bool anew;
} rows[] = {
	{ "ext4", false },	{ "nfs", true },   { "nfs4", true },
	{ "smb3", true },	{ "ceph", false }, { "fuse.ceph-fuse", false },
	{ "fuse.sshfs", true }, { "9p", true },
};

/* What is known here may be from before another machine wrote. */
static void the_server_is_asked(void **state)
{
	char *dir = tmp_make();
	struct store_stat stat;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		struct store *st = open_on(rows[i].type, dir);

		assert_int_equal(store_stat(st, 0, &stat), 0);
		if (!!(looks.flags & AT_STATX_FORCE_SYNC) != rows[i].anew)
			fail_msg("%s", rows[i].type);
		assert_true(looks.flags & AT_SYMLINK_NOFOLLOW);
		store_close(st);
	}
	tmp_remove(dir);
}

/* A file's time is from another machine's clock. */
static void times_are_not_told(void **state)
{
	char *dir = tmp_make();
	struct store_stat stat;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		struct store *st = open_on(rows[i].type, dir);

		if (!i)
			assert_int_equal(store_make(st, 1, 0), 0);
		assert_int_equal(store_stat(st, 1, &stat), 0);
		assert_int_equal(stat.kind, STORE_KIND_FILE);
		assert_int_equal(!!stat.mtime_ns, !i);
		store_close(st);
	}
	tmp_remove(dir);
}

/*
 * Making.
 */

/* As everywhere, and by one OPEN that makes the file durable once. */
static void made_on_nfs(void **state)
{
	char *dir = tmp_make(), path[4096];
	struct store *st = open_on("nfs4", dir);
	struct stat sb;

	(void)state;
	nodes_made = 0;
	assert_int_equal(store_make(st, 0, ZL_MIB), 0);
	assert_false(open_flags & O_EXCL);
	open_flags = O_EXCL;
	assert_int_equal(store_make(st, 1, 0), 0);
	assert_false(open_flags & O_EXCL);
	assert_int_equal(nodes_made, 0);
	assert_int_equal(op_size(st, 0), ZL_MIB);
	assert_int_equal(op_size(st, 1), 0);
	snprintf(path, sizeof(path), "%s/seq-000001", dir);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(store_make(st, 0, ZL_MIB), -EEXIST);
	assert_int_equal(store_make(st, 1, 512), 0);
	assert_int_equal(op_size(st, 1), 512);
	assert_int_equal(store_make(st, 1, 0), -EEXIST);
	store_close(st);
	tmp_remove(dir);
}

static void what_is_there_stays(void **state)
{
	char *dir = tmp_make(), path[4096], target[4096];
	struct store *st = open_on("nfs4", dir);

	(void)state;
	snprintf(target, sizeof(target), "%s/target", dir);
	for (uint32_t slot = 1; slot < 4; slot++) {
		snprintf(path, sizeof(path), "%s/seq-%06u", dir, slot);
		if (slot == 1)
			assert_int_equal(symlink(target, path), 0);
		else if (slot == 2)
			assert_int_equal(mkdir(path, 0700), 0);
		else
			assert_int_equal(mkfifo(path, 0600), 0);
		assert_int_equal(store_make(st, slot, 0), -EEXIST);
	}
	assert_int_equal(access(target, F_OK), -1);
	store_close(st);
	tmp_remove(dir);
}

/* Elsewhere nothing is looked at first. */
static void made_elsewhere(void **state)
{
	char *dir = tmp_make();
	struct store *st = open_on("ext4", dir);

	(void)state;
	nodes_made = 0;
	open_flags = 0;
	assert_int_equal(store_make(st, 0, ZL_MIB), 0);
	assert_true(open_flags & O_EXCL);
	assert_int_equal(store_make(st, 1, 0), 0);
	assert_int_equal(nodes_made, 1);
	store_close(st);
	tmp_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_are_looked_at_at_once),
		cmocka_unit_test(few_or_local_ones_are_not),
		cmocka_unit_test(the_server_is_asked),
		cmocka_unit_test(times_are_not_told),
		cmocka_unit_test(made_on_nfs),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(made_elsewhere),
	};

	return cmocka_run_group_tests_name("store/remote", tests, NULL, NULL);
}
