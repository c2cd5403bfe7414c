// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Two machines and one directory on a file system with leases.  A is paused
 * before one of its system calls, and meanwhile loses all the locks that it has
 * at that moment; B, another process, opens the disk, changes it and closes it.
 * Then A goes on: from there on nothing in the directory may change any more,
 * and A answers nothing GOOD that it was asked for after that.  So before every
 * call that A makes from the moment that it has the lock, one after the other.
 *
 * The same for `zloop restore`, which changes names: nothing keeps those from
 * being changed, but right before each the lock is proven, and A is not paused
 * in between.
 *
 * What Linux' NFS client does is played here: a descriptor whose lock was lost
 * reads and writes nothing, others go on, so do those that are opened and
 * locked anew, and names can always be changed.  Syncs succeed (COMMIT needs no
 * lock), and what is in the page cache can be read.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "disk/dirs.h"
#include "disk/snapshot.h"
#include "fault/mounts.h"
#include "stores/zone_call.h"

#define MAX_FD 1024

/* A's descriptors. */
static bool locked[MAX_FD], lost[MAX_FD];
static bool holds;	    /* A has the directory's lock, or had it */
static unsigned calls, cut; /* so far; before which of them it is cut off */
static bool is_cut;
static int lock_fd;	/* the directory's lock is on it */
static bool has_proven; /* the last call was a read through it */
static const char *dir;
static char self[256];

static void *next_of(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

/* The directory's names and what is in its files. */
struct picture {
	char *text;
	size_t len;
};

static struct picture before;

static void take_picture(struct picture *p)
{
	FILE *f = open_memstream(&p->text, &p->len);
	char cmd[256], line[256];
	FILE *in;

	snprintf(cmd, sizeof(cmd),
		 "cd '%s' && { find . -type f -exec md5sum {} +; find . -type "
		 "d; } | sort",
		 dir);
	in = popen(cmd, "r");
	while (fgets(line, sizeof(line), in))
		fputs(line, f);
	assert_int_equal(pclose(in), 0);
	fclose(f);
}

static void lose_locks(void)
{
	int (*unlock)(int, int);

	*(void **)&unlock = next_of("flock");
	for (int fd = 0; fd < MAX_FD; fd++) {
		if (!locked[fd])
			continue;
		lost[fd] = true;
		locked[fd] = false;
		unlock(fd, LOCK_UN);
	}
}

static void run_b(void)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execl(self, self, "b", dir, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (status)
		fail_msg("B failed when A was cut off before call %u", cut);
}

/* Before each call of A's. */
static void point(void)
{
	has_proven = false;
	if (!holds || is_cut || ++calls != cut)
		return;
	is_cut = true;
	lose_locks();
	holds = false; /* what follows is not counted */
	run_b();
	take_picture(&before);
}

static bool is_lost(int fd)
{
	return fd >= 0 && fd < MAX_FD && lost[fd];
}

static bool fails(int fd, int error)
{
	point();
	if (!is_lost(fd))
		return false;
	errno = error;
	return true;
}

#define THROUGH(type, name, sym, error, params, args) \
	type name params;                             \
	type name params                              \
	{                                             \
		type(*next) params;                   \
                                                      \
		*(void **)&next = next_of(sym);       \
		if (fails(fd, error))                 \
			return -1;                    \
		return next args;                     \
	}

THROUGH(int, ftruncate, "ftruncate64", EBADF, (int fd, off_t len), (fd, len))
THROUGH(int, fallocate, "fallocate64", EIO,
	(int fd, int mode, off_t off, off_t len), (fd, mode, off, len))
THROUGH(ssize_t, pwrite, "pwrite64", EIO,
	(int fd, const void *buf, size_t len, off_t off), (fd, buf, len, off))

ssize_t pread(int fd, void *buf, size_t len, off_t off)
{
	ssize_t (*next)(int, void *, size_t, off_t);

	*(void **)&next = next_of("pread64");
	if (fails(fd, EIO))
		return -1;
	has_proven = holds && fd == lock_fd;
	return next(fd, buf, len, off);
}

/* Those that no lock is needed for. */
#define POINT(type, name, sym, params, args)    \
	type name params;                       \
	type name params                        \
	{                                       \
		type(*next) params;             \
                                                \
		*(void **)&next = next_of(sym); \
		point();                        \
		return next args;               \
	}

/* Those that change a name of the disk, or make one. */
#define NAMES(type, name, sym, params, args)    \
	type name params;                       \
	type name params                        \
	{                                       \
		type(*next) params;             \
                                                \
		*(void **)&next = next_of(sym); \
		if (!has_proven)                \
			point();                \
		has_proven = false;             \
		return next args;               \
	}

POINT(int, fsync, "fsync", (int fd), (fd))
POINT(int, fdatasync, "fdatasync", (int fd), (fd))
POINT(int, syncfs, "syncfs", (int fd), (fd))
NAMES(int, renameat, "renameat",
      (int from_fd, const char *from, int to_fd, const char *to),
      (from_fd, from, to_fd, to))
NAMES(int, rename, "rename", (const char *from, const char *to), (from, to))
NAMES(int, mkdir, "mkdir", (const char *path, mode_t mode), (path, mode))
POINT(int, rmdir, "rmdir", (const char *path), (path))
POINT(int, unlinkat, "unlinkat", (int fd, const char *name, int flags),
      (fd, name, flags))
POINT(int, mknodat, "mknodat",
      (int fd, const char *name, mode_t mode, dev_t dev), (fd, name, mode, dev))

int flock(int fd, int op)
{
	int (*next)(int, int);
	struct stat sb;
	int ret;

	*(void **)&next = next_of("flock");
	point();
	/* On NFS a directory's lock is each machine's own. */
	if (!fstat(fd, &sb) && S_ISDIR(sb.st_mode))
		return 0;
	ret = next(fd, op);
	if (ret)
		return ret;
	locked[fd] = !(op & LOCK_UN);
	if (op & LOCK_EX && !is_cut) {
		holds = true;
		lock_fd = fd;
	}
	return 0;
}

int close(int fd)
{
	int (*next)(int);

	*(void **)&next = next_of("close");
	point();
	if (fd >= 0 && fd < MAX_FD)
		locked[fd] = lost[fd] = false;
	return next(fd);
}

/* Not every file system of a test has direct I/O of any size. */
int fcntl(int fd, int cmd, ...)
{
	int (*next)(int, int, ...);
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	*(void **)&next = next_of("fcntl64");
	point();
	return next(fd, cmd, cmd == F_SETFL ? arg & ~O_DIRECT : arg);
}

int openat(int fd, const char *name, int flags, ...)
{
	int (*next)(int, const char *, int, ...);
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	*(void **)&next = next_of("openat64");
	point();
	return next(fd, name, flags & ~O_DIRECT, mode);
}

long syscall(long nr, ...)
{
	struct zone_call c;
	long arg[6];
	va_list ap;

	va_start(ap, nr);
	zone_call_args(ap, arg);
	va_end(ap);
	if (!zone_call_of(&c, nr, arg))
		return zone_call_other(nr, arg);
	if (!c.write)
		point();
	else if (fails(c.fd, EIO))
		return -1;
	return zone_call_make(&c);
}

/*
 * What both do.
 */

static int open_on(struct disk **d, struct zl_err *err)
{
	const struct disk_open_args args = { .lock_wait_ms = 0 };

	return disk_open(dir, &args, d, err);
}

static uint8_t data[16 * 512];

static struct disk_io write_io(struct iovec *iov, uint64_t lba, bool fua)
{
	*iov = (struct iovec){ data, sizeof(data) };
	return (struct disk_io){ .op = DISK_WRITE,
				 .lba = lba,
				 .nr_blocks = 16,
				 .fua = fua,
				 .iov = iov,
				 .iov_cnt = 1 };
}

static uint64_t start_of(struct disk *d, uint32_t slot)
{
	return zone_slot_start_lba(&d->zones, slot);
}

static enum disk_status zone_op(struct disk *d, enum zone_op op, uint32_t slot)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = op,
			      .lba = start_of(d, slot) };

	return disk_run(d, &io);
}

static enum disk_status write_at_wp(struct disk *d, uint32_t slot, bool fua)
{
	struct iovec iov;
	uint32_t wp = zone_slot_has_wp(&d->zones, slot) ? wp_at(d, slot) : 64;
	struct disk_io io = write_io(&iov, start_of(d, slot) + wp, fua);

	return disk_run(d, &io);
}

static enum disk_status sync_all(struct disk *d)
{
	struct disk_io io = { .op = DISK_SYNC };

	return disk_run(d, &io);
}

static enum disk_status keep(struct disk *d)
{
	struct disk_io io = { .op = DISK_SAVE, .lba = 1, .save_mask = 1 };

	return disk_run(d, &io);
}

static enum disk_status unmap(struct disk *d)
{
	struct disk_io io = { .op = DISK_UNMAP, .lba = 64, .nr_blocks = 16 };

	return disk_run(d, &io);
}

static int b(const char *path)
{
	struct disk *d;
	struct zl_err err;

	dir = path;
	if (open_on(&d, &err)) {
		fprintf(stderr, "B: %s\n", err.msg);
		return 1;
	}
	memset(data, 'B', sizeof(data));
	/* All that A uses, too: what A does late would be seen. */
	for (uint32_t slot = 2; slot < USUAL_NR; slot++)
		if (zone_op(d, ZO_RESET, slot) ||
		    write_at_wp(d, slot, slot % 2))
			return 1;
	if (write_at_wp(d, 0, false) || zone_op(d, ZO_OPEN, 3) || sync_all(d))
		return 1;
	disk_close(d);
	return 0;
}

/*
 * A.
 */

static enum disk_status step(struct disk *d, unsigned nr)
{
	switch (nr) {
	case 0:
		return write_at_wp(d, 2, false);
	case 1:
		return write_at_wp(d, 3, true);
	case 2:
		return zone_op(d, ZO_OPEN, 4);
	case 3:
		return write_at_wp(d, 0, false);
	case 4:
		return write_at_wp(d, 1, true);
	case 5:
		return sync_all(d);
	case 6:
		return zone_op(d, ZO_FINISH, 3);
	case 7:
		return unmap(d);
	case 8:
		d->journal.compact_at = d->journal.records;
		return zone_op(d, ZO_OPEN, 5);
	case 9:
		return write_at_wp(d, 6, false);
	case 10:
		return zone_op(d, ZO_RESET, 2);
	case 11:
		return keep(d);
	case 12:
		return zone_op(d, ZO_CLOSE, 5);
	case 13:
		return write_at_wp(d, 7, true);
	default:
		return sync_all(d);
	}
}

#define STEPS 15

static void work(struct disk *d)
{
	bool fenced = false, was_cut;
	enum disk_status status;

	for (unsigned nr = 0; nr < STEPS; nr++) {
		was_cut = is_cut;
		status = step(d, nr);
		if (!is_cut && status)
			fail_msg("step %u failed: %d", nr, status);
		if (was_cut && status != DISK_FENCED)
			fail_msg("cut before call %u: step %u ended with %d",
				 cut, nr, status);
		fenced |= status == DISK_FENCED;
		if (fenced && !disk_is_fenced(d, NULL, 0))
			fail_msg("not fenced any more");
	}
}

static void compare(void)
{
	struct picture after;

	take_picture(&after);
	if (strcmp(before.text, after.text))
		fail_msg("A was cut off before call %u, and changed:\n%s\n%s",
			 cut, before.text, after.text);
	free(after.text);
	free(before.text);
}

static void open_and_work(void)
{
	struct disk *d;
	struct zl_err err;

	if (!open_on(&d, &err)) {
		work(d);
		disk_close(d);
	} else if (!is_cut) {
		fail_msg("%s", err.msg);
	}
}

static void restore(void)
{
	struct zl_err err;

	if (snapshot_restore(dir, "was", NULL, NULL, &err) && !is_cut)
		fail_msg("%s", err.msg);
}

/* False: A was through before that call. */
static bool cut_off_before(const char *template, void (*a)(void), unsigned call)
{
	struct tmp_dir t;
	char cmd[256];

	tmp_dir_make(&t);
	snprintf(cmd, sizeof(cmd), "cp -a '%s/.' '%s'", template, t.path);
	assert_int_equal(system(cmd), 0);
	dir = t.path;
	memset(data, 'A', sizeof(data));
	holds = is_cut = false;
	calls = 0;
	cut = call;
	a();
	holds = false;
	if (is_cut)
		compare();
	tmp_dir_drop(&t);
	return is_cut;
}

/* Returns how many there are. */
static unsigned before_every_call(void (*a)(void))
{
	struct tmp_dir t;
	struct disk *d;
	struct zl_err err;
	unsigned call = 1;

	cut = 0;
	tmp_dir_make(&t);
	if (open_dir(t.path, USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(write_at_wp(d, 2, false), DISK_OK);
	disk_close(d);
	if (snapshot_take(t.path, "was", NULL, NULL, &err))
		fail_msg("%s", err.msg);
	while (cut_off_before(t.path, a, call))
		call++;
	printf("%u calls\n", call - 1);
	tmp_dir_drop(&t);
	return call - 1;
}

static void of_an_open_disk(void **state)
{
	(void)state;
	/* Opening, two dozen commands and closing. */
	assert_true(before_every_call(open_and_work) > 80);
}

static void of_a_restore(void **state)
{
	(void)state;
	/* A file of each zone and the journal, copied and renamed. */
	assert_true(before_every_call(restore) > 3 * USUAL_NR);
}

static void no_log(enum zl_log_level level, const char *line)
{
	(void)level;
	if (getenv("ZL_TEST_LOG"))
		fprintf(stderr, "%s\n", line);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_an_open_disk),
		cmocka_unit_test(of_a_restore),
	};

	zl_log_set(no_log);
	mounts_type = "nfs4";
	mounts_options = "rw,vers=4.2,hard,local_lock=none";
	/* So that files are opened anew after the cut. */
	store_file_set_max_fds(4);
	if (argc == 3)
		return b(argv[2]);
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
