// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Snapshots, clones and restores where something fails at each of their steps:
 * listing a directory (or it leaves a name out), a sync, which may tell others.
 * There is all of it, or what was before.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <sys/syscall.h>

#include "disk/dirs.h"
#include "disk/holder.h"
#include "disk/snapshot.h"
#include "store/fs.h"

#define GONE 5u /* has no file in the snapshot: OFFLINE */

enum trouble {
	NONE,
	FAILS,
	SKIPS,
};

static struct {
	enum trouble what;
	unsigned at, nr;
	bool met;
} list;

/* Of all calls that are counted these fail. */
static struct {
	bool on;
	unsigned nr, from, to;
} calls;

static bool call_fails(void)
{
	unsigned nr;

	if (!calls.on)
		return false;
	nr = calls.nr++;
	errno = EIO;
	return nr >= calls.from && nr < calls.to;
}

static struct dirent *next_name(DIR *dir)
{
	static struct dirent *(*real)(DIR * dir);

	if (!real)
		real = (struct dirent * (*)(DIR *)) dlsym(
			RTLD_NEXT, sizeof(long) == 8 ? "readdir" : "readdir64");
	return real(dir);
}

/* Stands before the system's. */
struct dirent *readdir(DIR *dir)
{
	if (!list.what || list.nr++ != list.at)
		return next_name(dir);
	list.met = true;
	if (list.what == FAILS) {
		errno = EIO;
		return NULL;
	}
	/* If it was the last one there is none to be left out. */
	return next_name(dir) ? next_name(dir) : NULL;
}

static void begin(enum trouble what, unsigned at)
{
	list.what = what;
	list.at = at;
	list.nr = 0;
	list.met = false;
}

/* Whether it was met. */
static bool end(void)
{
	list.what = NONE;
	return list.met;
}

static struct tmp_dir top;

static void sh(const char *cmd)
{
	char line[512];

	snprintf(line, sizeof(line), "cd '%s' && %s", top.path, cmd);
	if (system(line))
		fail_msg("%s", line);
}

static const char *in_top(const char *name)
{
	static char path[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", top.path, name);
	return path[next];
}

/* No listing is needed to know what should be there. */
static bool same(const char *a, const char *b)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "cd '%s'; for i in 0 1 2 3 4 5 6 7; do t=seq; "
		 "test $i -lt 2 && t=cnv; f=$t-00000$i; "
		 "if test -e %s/$f; then cmp -s %s/$f %s/$f || exit 1; "
		 "else ! test -e %s/$f || exit 1; fi; done",
		 top.path, a, a, b, b);
	return !system(line);
}

/* "old", and "old/zloop.snapshots/one" of what it was before. */
static int setup(void **state)
{
	struct zl_err err;
	struct disk *d;

	(void)state;
	tmp_dir_make(&top);
	sh("mkdir old");
	if (open_dir(in_top("old"), USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	disk_close(d);
	sh("cd old; for i in 2 3 4 6 7; do yes x | head -c $((i * 512)) "
	   "> seq-00000$i; done; yes x | dd of=cnv-000000 bs=4096 count=2 "
	   "conv=notrunc iflag=fullblock status=none; rm seq-000005");
	if (snapshot_take(in_top("old"), "one", NULL, NULL, &err))
		fail_msg("%s", err.msg);
	sh("cd old; for i in 2 3 4 5 6 7; do yes y | head -c $((i * 1024)) "
	   "> seq-00000$i; done; yes y | dd of=cnv-000000 bs=4096 count=2 "
	   "conv=notrunc iflag=fullblock status=none; "
	   "echo '[]' > zloop.faults");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tmp_dir_drop(&top);
	return 0;
}

static void must_be_there(const char *name, bool there)
{
	assert_int_equal(!access(in_top(name), F_OK), there);
}

static void snapshot(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d");
		begin(what, n);
		ret = snapshot_take(in_top("d"), "two", NULL, NULL, &err);
		end();
		must_be_there("d/zloop.snapshots/two", !ret);
		if (!ret && !same("old", "d/zloop.snapshots/two"))
			fail_msg("listed %u names: half a snapshot", n);
		assert_true(same("old", "d"));
	}
	assert_in_range(n, 20, 1000);
}

static void clone_of(const char *snap, const char *from, enum trouble what)
{
	struct disk_meta meta;
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf c");
		begin(what, n);
		ret = disk_clone(in_top("old"), snap, in_top("c"), NULL, NULL,
				 &meta, &err);
		end();
		must_be_there("c/zloop.json", !ret);
		if (!ret && !same(from, "c"))
			fail_msg("listed %u names: half a clone", n);
	}
	assert_in_range(n, 10, 1000);
}

static void restore(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d");
		begin(what, n);
		ret = snapshot_restore(in_top("d"), "one", NULL, NULL, &err);
		end();
		if (!ret)
			must_be_there("d/zloop.restore", false);
		assert_int_equal(disk_settle(in_top("d"), 0, &err), 0);
		if (!same("d/zloop.snapshots/one", "d") &&
		    (!ret || !same("old", "d")))
			fail_msg("listed %u names: half restored", n);
		assert_true(same("old/zloop.snapshots/one",
				 "d/zloop.snapshots/one"));
	}
	assert_in_range(n, 20, 1000);
}

static void settle(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d && rm d/seq-000005 && "
		   "cp -a d/zloop.snapshots/one d/zloop.restore && "
		   "rm d/zloop.restore/zloop.json");
		begin(what, n);
		ret = disk_settle(in_top("d"), 0, &err);
		end();
		if (ret)
			ret = disk_settle(in_top("d"), 0, &err);
		assert_int_equal(ret, 0);
		must_be_there("d/zloop.restore", false);
		if (!same("d/zloop.snapshots/one", "d"))
			fail_msg("listed %u names: half restored", n);
	}
	assert_in_range(n, 10, 1000);
}

static void where_listing_fails(void **state)
{
	(void)state;
	snapshot(FAILS);
	clone_of(NULL, "old", FAILS);
	clone_of("one", "old/zloop.snapshots/one", FAILS);
	settle(FAILS);
	restore(FAILS);
}

static void where_a_name_is_left_out(void **state)
{
	(void)state;
	snapshot(SKIPS);
	clone_of(NULL, "old", SKIPS);
	clone_of("one", "old/zloop.snapshots/one", SKIPS);
	settle(SKIPS);
	restore(SKIPS);
}

/* As it was then: OFFLINE, and not with today's data. */
static void a_zone_without_a_file(void **state)
{
	struct zl_err err;

	(void)state;
	sh("cp -a old d");
	assert_int_equal(snapshot_restore(in_top("d"), "one", NULL, NULL, &err),
			 0);
	must_be_there("d/seq-000005", false);
	must_be_there("d/zloop.faults", false);
	assert_true(same("d/zloop.snapshots/one", "d"));
}

/*
 * Linux tells a syncfs() of what could not be written back since its descriptor
 * was opened, or what nobody has been told of: errseq_t in its sources.
 */

#define MAX_FDS 256

static struct {
	unsigned losses;
	bool seen; /* somebody was told of the last one */
	unsigned since[MAX_FDS];
	unsigned lose_at, nr; /* at which call of the copy */
	bool on;
} fs_model;

static void note_open(int fd)
{
	if (fd >= 0 && fd < MAX_FDS)
		fs_model.since[fd] = fs_model.losses && !fs_model.seen
					     ? fs_model.losses - 1
					     : fs_model.losses;
}

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	int fd = call_fails()
			 ? -1
			 : (int)syscall(SYS_openat, dir, path, flags, mode);

	note_open(fd);
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_at(dir, path, flags, mode);
}

int syncfs(int fd)
{
	bool lost = fs_model.on && fs_model.since[fd] != fs_model.losses;

	if (call_fails())
		return -1;
	if (!fs_model.on)
		return 0;
	fs_model.since[fd] = fs_model.losses;
	fs_model.seen = true;
	errno = EIO;
	return lost ? -1 : 0;
}

/* Each file that is copied comes by here.  What is lost is told to another
 * program, which knows nothing of this one. */
int futimens(int fd, const struct timespec times[2])
{
	if (fs_model.on && fs_model.nr++ == fs_model.lose_at) {
		fs_model.losses++;
		fs_model.seen = true;
	}
	return utimensat(fd, "", times, AT_EMPTY_PATH);
}

static int take(void)
{
	struct zl_err err;

	return snapshot_take(in_top("d"), "two", NULL, NULL, &err);
}

static int put_back(void)
{
	struct zl_err err;

	return snapshot_restore(in_top("d"), "one", NULL, NULL, &err);
}

static int copy(void)
{
	struct disk_meta meta;
	struct zl_err err;

	return disk_clone(in_top("d"), NULL, in_top("c"), NULL, NULL, &meta,
			  &err);
}

static int (*const works[])(void) = { take, put_back, copy };

static void what_another_program_was_told(void **state)
{
	unsigned n;
	int ret;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(works); i++) {
		for (n = 0;; n++) {
			sh("rm -rf c d && cp -a old d");
			memset(&fs_model, 0, sizeof(fs_model));
			fs_model.lose_at = n;
			fs_model.on = true;
			ret = works[i]();
			fs_model.on = false;
			if (!fs_model.losses)
				break;
			assert_int_not_equal(ret, 0);
		}
		assert_int_equal(ret, 0);
		assert_in_range(n, 8, 20);
	}
}

/*
 * Where syncfs() says nothing each file is synced.
 */

static const char *fs_type;
static enum fs_kind fs_kind;
static unsigned nr_syncs, sync_fails_at;

void __real_fs_of(int fd, struct fs *fs);
void __wrap_fs_of(int fd, struct fs *fs);

void __wrap_fs_of(int fd, struct fs *fs)
{
	__real_fs_of(fd, fs);
	if (!fs_type)
		return;
	fs->kind = fs_kind;
	snprintf(fs->type, sizeof(fs->type), "%s", fs_type);
	if (fs_kind == FS_NFS)
		strcpy(fs->version, "4.2");
}

int fdatasync(int fd)
{
	if (!fs_type || nr_syncs++ != sync_fails_at)
		return (int)syscall(SYS_fdatasync, fd);
	errno = EIO;
	return -1;
}

static void where_syncfs_says_nothing(void **state)
{
	static const struct {
		enum fs_kind kind;
		const char *type;
	} rows[] = { { FS_PROGRAM, "fuse.x" },
		     { FS_CEPH_FUSE, "fuse.ceph-fuse" },
		     { FS_LOCAL, "overlay" } };
	unsigned nr;
	int ret;

	(void)state;
	for (unsigned i = 0; i < 9; i++) {
		for (nr = sync_fails_at = 0;; sync_fails_at++) {
			sh("rm -rf c d && cp -a old d");
			nr_syncs = 0;
			fs_kind = rows[i / 3].kind;
			fs_type = rows[i / 3].type;
			ret = works[i % 3]();
			fs_type = NULL;
			if (nr_syncs <= sync_fails_at)
				break;
			nr += !!ret;
		}
		assert_int_equal(ret, 0);
		/* Files with something in them, and the journal. */
		assert_in_range(nr, 7, sync_fails_at);
	}
}

/*
 * A call of a restore fails, or all from one on.
 */

int fsync(int fd)
{
	return call_fails() ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
	return call_fails() ? -1
			    : (int)syscall(SYS_renameat2, AT_FDCWD, from,
					   AT_FDCWD, to, 0);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return call_fails() ? -1
			    : (int)syscall(SYS_renameat2, from_fd, from, to_fd,
					   to, 0);
}

int unlinkat(int fd, const char *name, int flags)
{
	return call_fails() ? -1 : (int)syscall(SYS_unlinkat, fd, name, flags);
}

int rmdir(const char *path)
{
	return call_fails() ? -1
			    : (int)syscall(SYS_unlinkat, AT_FDCWD, path,
					   AT_REMOVEDIR);
}

int mkdir(const char *path, mode_t mode)
{
	return call_fails() ? -1
			    : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

/* An error means that the disk is what it was, or says that it will not be. */
static void restore_fails(unsigned at, unsigned nr, unsigned *said)
{
	struct zl_err err, later;
	bool is_said;
	int ret;

	sh("rm -rf d && cp -a old d");
	calls.nr = 0;
	calls.from = at;
	calls.to = at + nr;
	calls.on = true;
	ret = snapshot_restore(in_top("d"), "one", NULL, NULL, &err);
	calls.on = false;
	is_said = ret &&
		  strstr(err.msg,
			 "the restore is completed when the disk is opened");
	*said += is_said;
	assert_int_equal(disk_settle(in_top("d"), 0, &later), 0);
	if (!same(ret && !is_said ? "old" : "d/zloop.snapshots/one", "d"))
		fail_msg("call %u: %s", at, ret ? err.msg : "succeeded");
}

static void where_calls_fail(void **state)
{
	static const unsigned nr[] = { 1, UINT32_MAX / 2 };
	unsigned said, at;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(nr); i++) {
		said = at = 0;
		do
			restore_fails(at, nr[i], &said);
		while (calls.nr > at++);
		assert_in_range(at, 50, 1000);
		assert_in_range(said, 5, at - 40);
	}
}

/*
 * Somebody has zone files open and no lock, as the kernel's driver has.
 */

static int look(void)
{
	struct zl_err err;
	struct disk *d;
	int ret = open_dir(in_top("d"), NULL, 0, LOOK, &d, &err);

	if (!ret)
		disk_close(d);
	return ret;
}

static void ignore(void *user, uint32_t slot, const char *what)
{
	(void)user, (void)slot, (void)what;
}

static int check(void)
{
	struct zl_err err;

	return disk_check(in_top("d"), ignore, NULL, NULL, &err);
}

static int settle_it(void)
{
	struct zl_err err;

	return disk_settle(in_top("d"), 0, &err);
}

static void beside_the_kernels_driver(void **state)
{
	static int (*const all[])(void) = { settle_it, look, check,
					    take,      copy, put_back };
	int fd;

	(void)state;
	sh("cp -a old d && cp -a d/zloop.snapshots/one d/zloop.restore && "
	   "rm d/zloop.restore/zloop.json");
	fd = open(in_top("d/seq-000004"), O_RDWR | O_CLOEXEC);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(all); i++) {
		assert_int_equal(all[i](), -EBUSY);
		must_be_there("c", false);
		assert_true(same("old", "d"));
		sh("cd d/zloop.restore && for f in *; do "
		   "cmp $f ../zloop.snapshots/one/$f || exit 1; done");
	}
	/* One that has not begun is in nobody's way. */
	sh("mv d/zloop.restore d/zloop.restore.tmp");
	assert_int_equal(settle_it(), 0);
	must_be_there("d/zloop.restore.tmp/seq-000004", true);
	close(fd);
	assert_int_equal(settle_it(), 0);
	must_be_there("d/zloop.restore.tmp", false);
	assert_true(same("old", "d"));
}

/*
 * The journal where it is rewritten in place: what counts of it may end before
 * the file does.
 */

/* There a descriptor may be direct and take any number of bytes. */
int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	if (cmd == F_SETFL)
		arg &= ~(long)O_DIRECT;
	return (int)syscall(SYS_fcntl, fd, cmd, arg);
}

static struct disk *open_on_nfs(void)
{
	struct zl_err err;
	struct disk *d;

	if (open_dir(in_top("n"), USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

/* Nobody takes it for a part of the disk it was made of. */
static void must_be_stopped(const char *dir, unsigned opened)
{
	struct disk_holder holder;
	struct zl_err err;

	if (disk_read_holder(in_top(dir), &holder, &err))
		fail_msg("%s", err.msg);
	if (!holder.clean || holder.copied)
		fail_msg("opened %u times: %s is%s clean and%s a copy", opened,
			 dir, holder.clean ? "" : " not",
			 holder.copied ? "" : " not");
}

static void opened_often(unsigned nr)
{
	struct snapshot_work work;
	struct disk_meta meta;
	struct zl_err err;
	struct disk *d;

	sh("rm -rf n c && mkdir n");
	for (unsigned i = 0; i < nr; i++)
		disk_close(open_on_nfs());
	d = open_on_nfs();
	if (snapshot_begin(in_top("n"), "s", NULL, NULL, &work, &err) ||
	    disk_snapshot(d, "s", NULL, &err) || snapshot_end(&work, &err))
		fail_msg("%s", err.msg);
	must_be_stopped("n/zloop.snapshots/s", nr);
	disk_close(d);
	if (disk_clone(in_top("n"), NULL, in_top("c"), NULL, NULL, &meta, &err))
		fail_msg("%s", err.msg);
	must_be_stopped("c", nr);
}

static void a_journal_in_place(void **state)
{
	(void)state;
	sync_fails_at = UINT32_MAX;
	fs_kind = FS_NFS;
	fs_type = "nfs4";
	for (unsigned nr = 0; nr < 5; nr++)
		opened_often(nr);
	fs_type = NULL;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_zone_without_a_file),     T(where_listing_fails),
		T(where_a_name_is_left_out),  T(what_another_program_was_told),
		T(where_syncfs_says_nothing), T(where_calls_fail),
		T(beside_the_kernels_driver), T(a_journal_in_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
