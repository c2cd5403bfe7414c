// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's own: what stands in the directory, and what may not. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/num.h"
#include "held.h"
#include "skip.h"
#include "store/copy.h"
#include "store/ops.h"

/* Stands before the system's: the directory's fail while this is set. */
static bool dir_syncs_fail;
static unsigned dir_syncs;

int fsync(int fd)
{
	struct stat sb;

	if (!fstat(fd, &sb) && S_ISDIR(sb.st_mode)) {
		dir_syncs++;
		if (dir_syncs_fail) {
			errno = EIO;
			return -1;
		}
	}
	return (int)syscall(SYS_fsync, fd);
}

/* … and where there is no memory for a list of files. */
static bool lists_fail;

DIR *__real_fdopendir(int fd);
DIR *__wrap_fdopendir(int fd);

DIR *__wrap_fdopendir(int fd)
{
	if (!lists_fail)
		return __real_fdopendir(fd);
	errno = ENOMEM;
	return NULL;
}

struct env {
	char *dir;
	struct store *st;
};

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->dir = tmp_make();
	env->st = tmp_open(env->dir);
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

/* The path of @name in the directory; until the next call. */
static const char *path_of(struct env *env, const char *name)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	return path;
}

static void assert_refused(const char *path, int ret, const char *sentence)
{
	struct store *st;
	struct zl_err err = { "" };

	assert_int_equal(store_file_open(path, &st, &err), ret);
	if (!strstr(err.msg, sentence) || !strstr(err.msg, path))
		fail_msg("\"%s\" lacks \"%s\" or the path", err.msg, sentence);
}

static void bad_directories_are_refused(void **state)
{
	struct env *env = *state;
	char link[4096];

	assert_refused(path_of(env, "none"), -ENOENT, "does not exist");
	assert_int_equal(store_meta_replace(env->st, "file", "", 0), 0);
	assert_refused(path_of(env, "file"), -ENOTDIR, "not a directory");
	snprintf(link, sizeof(link), "%s/link", env->dir);
	assert_int_equal(symlink(env->dir, link), 0);
	assert_refused(link, -ELOOP, "symbolic link");
	assert_refused("", -ENOENT, "does not exist");
}

static void a_slash_at_the_end_follows_no_link(void **state)
{
	struct env *env = *state;
	struct zl_err err;
	struct store *st;
	char link[4096];

	snprintf(link, sizeof(link), "%s/link", env->dir);
	assert_int_equal(symlink(env->dir, link), 0);
	strcat(link, "//");
	assert_int_equal(store_file_open(link, &st, &err), -ELOOP);
	snprintf(link, sizeof(link), "%s/", env->dir);
	assert_int_equal(store_file_open(link, &st, &err), 0);
	store_close(st);
}

static void files_are_0600(void **state)
{
	const char *const names[] = { "seq-000000", "meta", "added", "lock" };
	struct env *env = *state;
	mode_t old = umask(0);
	struct stat sb;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(store_meta_replace(env->st, "meta", "", 0), 0);
	assert_int_equal(store_meta_append(env->st, "added", "", 0, false), 0);
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
	umask(old);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(names); i++) {
		assert_int_equal(stat(path_of(env, names[i]), &sb), 0);
		assert_int_equal(sb.st_mode, S_IFREG | 0600);
	}
}

/* None of these may hang, be followed, be opened, or be changed. */
/* A hint that needs no open file and changes nothing. */
static void a_sync_can_be_begun(void **state)
{
	struct env *env = *state;
	uint8_t a[4096], b[4096];

	op_fill(a, sizeof(a), 3);
	store_start_sync(env->st, 1);
	assert_int_equal(store_file_nr_fds(), 0);
	assert_int_equal(store_make(env->st, 2, 0), 0);
	assert_int_equal(op_write(env->st, 2, 0, a, sizeof(a)), sizeof(a));
	store_start_sync(env->st, 2);
	assert_int_equal(op_run(env->st, STORE_SYNC, 2, 0, 0), 0);
	assert_int_equal(op_read(env->st, 2, 0, b, sizeof(b)), sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void assert_unusable(struct env *env, enum store_kind kind, int ret)
{
	struct store_stat stat;
	uint8_t b[4] = { 0 };

	assert_int_equal(store_stat(env->st, 0, &stat), 0);
	assert_int_equal(stat.kind, kind);
	assert_int_equal(op_read(env->st, 0, 0, b, 4), ret);
	assert_int_equal(op_write(env->st, 0, 0, b, 4), ret);
	assert_int_equal(op_run(env->st, STORE_SYNC, 0, 0, 0), ret);
	assert_int_equal(store_resize(env->st, 0, 0), ret);
	assert_int_equal(store_file_probe_users(env->st, 0), ret);
	assert_int_equal(store_make(env->st, 0, 0), -EEXIST);
}

static void assert_unusable_meta(struct env *env, int ret)
{
	const char *name = "seq-000000";
	struct zl_err err = { "" };
	void *data;
	size_t len;

	assert_int_equal(store_meta_read(env->st, name, &data, &len), ret);
	assert_int_equal(store_meta_append(env->st, name, "x", 1, true), ret);
	assert_true(store_lock(env->st, name, 0, true, &err) < 0);
	assert_non_null(strstr(err.msg, name));
}

static void a_symlink_is_not_followed(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_meta_replace(env->st, "target", "abcd", 4), 0);
	assert_int_equal(symlink("target", path_of(env, "seq-000000")), 0);
	assert_unusable(env, STORE_KIND_SYMLINK, -ELOOP);
	assert_unusable_meta(env, -ELOOP);
}

static void a_directory_is_no_zone(void **state)
{
	struct env *env = *state;

	assert_int_equal(mkdir(path_of(env, "seq-000000"), 0700), 0);
	assert_unusable(env, STORE_KIND_DIR, -EISDIR);
	assert_unusable_meta(env, -EINVAL);
}

static void a_fifo_does_not_hang(void **state)
{
	struct env *env = *state;

	assert_int_equal(mkfifo(path_of(env, "seq-000000"), 0600), 0);
	alarm(60);
	assert_unusable(env, STORE_KIND_OTHER, -EINVAL);
	assert_unusable_meta(env, -EINVAL);
	alarm(0);
}

static void a_device_is_not_opened(void **state)
{
	struct env *env = *state;

	/* 1:8 is /dev/random. */
	if (mknod(path_of(env, "seq-000000"), S_IFCHR | 0600, 0x108) < 0)
		skip_test("cannot make a device: %s", strerror(errno));
	assert_unusable(env, STORE_KIND_OTHER, -EINVAL);
	assert_unusable_meta(env, -EINVAL);
}

static void mode_bits_are_honoured(void **state)
{
	struct env *env = *state;
	struct store_stat stat;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(chmod(path_of(env, "seq-000000"), 0400), 0);
	assert_int_equal(store_stat(env->st, 0, &stat), 0);
	assert_true(stat.readable);
	assert_false(stat.writable);
	assert_int_equal(chmod(path_of(env, "seq-000000"), 0), 0);
	assert_int_equal(store_stat(env->st, 0, &stat), 0);
	assert_false(stat.readable);
	assert_false(stat.writable);
}

/* In a child without root's powers; its exit status says where it failed. */
static int use_read_only_file(struct store *st)
{
	char b[4];

	if (op_read(st, 0, 0, b, 4) != 4 || memcmp(b, "abcd", 4))
		return 1;
	if (op_write(st, 0, 4, "efgh", 4) != -EACCES)
		return 2;
	if (op_run(st, STORE_RESET, 0, 0, 0) != -EACCES)
		return 3;
	if (store_resize(st, 0, 0) != -EACCES)
		return 4;
	if (op_run(st, STORE_SYNC, 0, 0, 0) != 0)
		return 5;
	/* The cause is gone: it is not forbidden for ever. */
	if (seteuid(0) == 0 && op_write(st, 0, 4, "efgh", 4) != 4)
		return 6;
	return 0;
}

static void a_read_only_file_can_be_read(void **state)
{
	struct env *env = *state;
	int status;
	pid_t pid;

	assert_int_equal(store_meta_replace(env->st, "seq-000000", "abcd", 4),
			 0);
	assert_int_equal(chmod(path_of(env, "seq-000000"), 0444), 0);
	assert_int_equal(chmod(env->dir, 0755), 0);
	pid = fork();
	if (pid == 0) {
		if (geteuid() == 0 && seteuid(65534) < 0)
			_exit(99);
		_exit(use_read_only_file(env->st));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define KERNELS_WP "user.zloop.wp"

static void set_kernels_wp(struct env *env, const char *name)
{
	uint64_t wp = 77;

	if (!setxattr(path_of(env, name), KERNELS_WP, &wp, sizeof(wp), 0))
		return;
	skip_test("no user attributes here: %s", strerror(errno));
}

static bool has_kernels_wp(struct env *env, const char *name)
{
	uint64_t wp;

	if (getxattr(path_of(env, name), KERNELS_WP, &wp, sizeof(wp)) > 0)
		return true;
	assert_int_equal(errno, ENODATA);
	return false;
}

/* As the kernel's driver may have, or a tool. */
static void allocate_behind(struct env *env, const char *name, uint64_t bytes)
{
	int fd = open(path_of(env, name), O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	/* Where there is none, nothing has to be given back. */
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes))
		assert_int_equal(errno, EOPNOTSUPP);
	close(fd);
}

static uint64_t allocated(struct env *env, uint32_t slot)
{
	struct store_stat stat;

	assert_int_equal(store_stat(env->st, slot, &stat), 0);
	return stat.alloc_bytes;
}

static void what_is_allocated_behind_the_end_is_given_back(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	allocate_behind(env, "seq-000000", 1 << 20);
	assert_int_equal(op_run(env->st, STORE_FINISH, 0, 0, 2 << 20), 0);
	assert_true(allocated(env, 0) <= 64 << 10);
	allocate_behind(env, "seq-000000", 4 << 20);
	assert_int_equal(op_run(env->st, STORE_RESET, 0, 0, 0), 0);
	assert_int_equal(allocated(env, 0), 0);
}

static void reset_removes_the_kernels_attribute(void **state)
{
	struct env *env = *state;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	set_kernels_wp(env, "seq-000000");
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_true(has_kernels_wp(env, "seq-000000"));
	assert_int_equal(op_run(env->st, STORE_RESET, 0, 0, 0), 0);
	assert_false(has_kernels_wp(env, "seq-000000"));
}

/* Who has no lock only looks; and the driver writes none for what is not in
 * order. */
static void what_is_written_outlives_the_kernels_attribute(void **state)
{
	struct env *env = *state;
	char byte;

	store_set_layout(env->st, store_conv_first(1));
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(store_make(env->st, i, 4), 0);
	set_kernels_wp(env, "cnv-000000");
	set_kernels_wp(env, "seq-000001");
	set_kernels_wp(env, "seq-000002");
	set_kernels_wp(env, "seq-000003");
	assert_int_equal(op_read(env->st, 3, 0, &byte, 1), 1);
	assert_true(has_kernels_wp(env, "seq-000003"));
	assert_int_equal(store_lock(env->st, "lock", 0, true, NULL), 0);
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_true(has_kernels_wp(env, "cnv-000000"));
	assert_int_equal(op_write(env->st, 1, 4, "abcd", 4), 4);
	assert_false(has_kernels_wp(env, "seq-000001"));
	assert_int_equal(op_run(env->st, STORE_FINISH, 2, 0, 8), 0);
	assert_false(has_kernels_wp(env, "seq-000002"));
}

/* A limit on file sizes makes the kernel write a part, then nothing. */
static void a_short_write_is_continued(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	static uint8_t a[10000];

	assert_int_equal(store_make(env->st, 0, 0), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ 6000, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(op_write(env->st, 0, 0, a, sizeof(a)), -EFBIG);
	assert_int_equal(store_meta_append(env->st, "m", a, 5000, false), 0);
	/* A small file gets all or nothing. */
	assert_true(store_meta_append(env->st, "m", a, 5000, false) < 0);
	assert_true(store_meta_replace(env->st, "m", a, 7000) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(op_size(env->st, 0), 6000);
	assert_int_equal(op_run(env->st, STORE_CUT, 0, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(access(path_of(env, "m.tmp"), F_OK), -1);
}

static void failed_appends_leave_nothing(void **state)
{
	struct env *env = *state;
	struct rlimit old, limit;
	static uint8_t a[5000];
	void *data;
	size_t len;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ 6000, old.rlim_max };
	assert_int_equal(store_meta_append(env->st, "m", a, 5000, false), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_true(store_meta_append(env->st, "m", a, 5000, false) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(store_meta_read(env->st, "m", &data, &len), 0);
	assert_int_equal(len, 5000);
	free(data);
}

struct reader {
	struct env *env;
	atomic_bool stop;
	unsigned seen, wrong;
};

/* A file is all 'a', 4000 times, or all 'b', 5000 times. */
static bool is_whole(const char *p, size_t len)
{
	if (len != (p[0] == 'a' ? 4000 : 5000))
		return false;
	for (size_t i = 1; i < len; i++)
		if (p[i] != p[0])
			return false;
	return true;
}

static void *read_over_and_over(void *arg)
{
	struct reader *r = arg;
	struct store *st = tmp_open(r->env->dir);
	void *data;
	size_t len;

	while (!atomic_load(&r->stop)) {
		if (store_meta_read(st, "m", &data, &len) < 0) {
			r->wrong++;
			continue;
		}
		if (!is_whole(data, len))
			r->wrong++;
		r->seen++;
		free(data);
	}
	store_close(st);
	return NULL;
}

static void replacing_is_atomic(void **state)
{
	struct env *env = *state;
	struct reader r = { .env = env };
	char a[4000], b[5000];
	pthread_t thread;

	memset(a, 'a', sizeof(a));
	memset(b, 'b', sizeof(b));
	assert_int_equal(store_meta_replace(env->st, "m", a, sizeof(a)), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_over_and_over, &r),
			 0);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(store_meta_replace(env->st, "m", b, sizeof(b)),
				 0);
		assert_int_equal(store_meta_replace(env->st, "m", a, sizeof(a)),
				 0);
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_int_equal(r.wrong, 0);
}

/* A name whose sync failed is synced with what is added durably. */
static void a_failed_sync_of_the_names_is_made_good(void **state)
{
	struct env *env = *state;

	dir_syncs_fail = true;
	assert_int_equal(store_meta_replace(env->st, "m", "a", 1), -EIO);
	dir_syncs = 0;
	assert_int_equal(store_meta_append(env->st, "m", "b", 1, false), 0);
	assert_int_equal(dir_syncs, 0);
	assert_int_equal(store_meta_append(env->st, "m", "c", 1, true), -EIO);
	dir_syncs_fail = false;
	assert_int_equal(store_meta_append(env->st, "m", "d", 1, true), 0);
	assert_int_equal(dir_syncs, 2);
	assert_int_equal(store_meta_append(env->st, "m", "e", 1, true), 0);
	assert_int_equal(dir_syncs, 2);
}

static void a_crashs_temporary_file_is_no_obstacle(void **state)
{
	struct env *env = *state;
	void *data;
	size_t len;

	assert_int_equal(store_meta_replace(env->st, "m.tmp", "half", 4), 0);
	assert_int_equal(store_meta_replace(env->st, "m", "whole", 5), 0);
	assert_int_equal(store_meta_read(env->st, "m", &data, &len), 0);
	assert_string_equal(data, "whole");
	free(data);
	assert_int_equal(access(path_of(env, "m.tmp"), F_OK), -1);
}

static void a_user_of_a_zone_file_is_seen(void **state)
{
	struct env *env = *state;
	int fd, ret;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(store_file_probe_users(env->st, 1), -ENOENT);
	ret = store_file_probe_users(env->st, 0);
	if (ret == -EINVAL)
		skip_test("no leases on this file system");
	assert_int_equal(ret, 0);
	/* Our own cached descriptor is nobody else's. */
	assert_int_equal(op_write(env->st, 0, 0, "abcd", 4), 4);
	assert_int_equal(store_file_probe_users(env->st, 0), 0);
	fd = open(path_of(env, "seq-000000"), O_RDWR);
	assert_true(fd >= 0);
	assert_int_equal(store_file_probe_users(env->st, 0), -EBUSY);
	close(fd);
	assert_int_equal(store_file_probe_users(env->st, 0), 0);
}

static void *open_over_and_over(void *arg)
{
	struct reader *r = arg;
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/seq-000000", r->env->dir);
	while (!atomic_load(&r->stop)) {
		fd = open(path, O_RDONLY);
		if (fd < 0)
			r->wrong++;
		else
			close(fd);
	}
	return NULL;
}

/* Each meets the lease now and then: neither may be ended by a signal. */
static void the_probe_disturbs_nobody(void **state)
{
	struct env *env = *state;
	struct reader r = { .env = env };
	pthread_t thread;
	int ret;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, open_over_and_over, &r),
			 0);
	for (int i = 0; i < 20000; i++) {
		ret = store_file_probe_users(env->st, 0);
		if (ret != 0 && ret != -EBUSY && ret != -EINVAL)
			break;
	}
	atomic_store(&r.stop, true);
	pthread_join(thread, NULL);
	assert_true(ret == 0 || ret == -EBUSY || ret == -EINVAL);
	assert_int_equal(r.wrong, 0);
}

/* Where file systems write down when files were read (relatime does once). */
static void reading_is_not_written_down(void **state)
{
	const struct timespec times[2] = { { .tv_sec = 1000 },
					   { .tv_sec = 2000 } };
	struct env *env = *state;
	char path[4096], name[STORE_NAME_MAX];
	struct stat sb;
	uint8_t b = 1;

	assert_int_equal(store_make(env->st, 0, 0), 0);
	assert_int_equal(op_write(env->st, 0, 0, &b, 1), 1);
	store_slot_name(env->st, 0, name);
	snprintf(path, sizeof(path), "%s/%s", env->dir, name);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	assert_int_equal(op_read(env->st, 0, 0, &b, 1), 1);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_atime, 1000);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static bool any_name(const char *name)
{
	return name[0] != '.';
}

/* A directory that cannot be listed is neither copied nor removed, and let go
 * of. */
static void a_list_that_fails_is_let_go(void **state)
{
	struct store_copy copy = { .wants = any_name, .stays = true };
	struct env *env = *state;
	unsigned fds = held_fds();
	char to[] = "/tmp/zl-copy-XXXXXX";
	struct zl_err err;

	assert_non_null(mkdtemp(to));
	lists_fail = true;
	assert_int_equal(store_copy(env->dir, to, &copy, &err), -ENOMEM);
	assert_int_equal(store_remove_dir(to, &err), -ENOMEM);
	lists_fail = false;
	assert_int_equal(held_fds(), fds);
	assert_int_equal(rmdir(to), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(bad_directories_are_refused),
		T(a_slash_at_the_end_follows_no_link),
		T(files_are_0600),
		T(reading_is_not_written_down),
		T(a_sync_can_be_begun),
		T(a_symlink_is_not_followed),
		T(a_directory_is_no_zone),
		T(a_fifo_does_not_hang),
		T(a_device_is_not_opened),
		T(mode_bits_are_honoured),
		T(a_read_only_file_can_be_read),
		T(what_is_allocated_behind_the_end_is_given_back),
		T(reset_removes_the_kernels_attribute),
		T(what_is_written_outlives_the_kernels_attribute),
		T(a_short_write_is_continued),
		T(failed_appends_leave_nothing),
		T(replacing_is_atomic),
		T(a_failed_sync_of_the_names_is_made_good),
		T(a_crashs_temporary_file_is_no_obstacle),
		T(a_list_that_fails_is_let_go),
		T(a_user_of_a_zone_file_is_seen),
		T(the_probe_disturbs_nobody),
	};

	return skip_run_tests(tests, NULL, NULL);
}
