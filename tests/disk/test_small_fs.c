// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A disk on a real file system that is too small for it, and files that are
 * deleted, cut and replaced under it.  The full file system needs root and a
 * loop device; it is mounted where only this process sees it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dirs.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "skip.h"

#define OPTIONS	    "capacity_mb=32,zone_size_mb=4,conv_zones=0,block_size=4096"
#define ZONE_BLOCKS 1024u
#define NR	    64u /* blocks of an I/O */
#define BYTES	    (NR * 4096u)

static uint8_t buf[BYTES];

static enum disk_status rw(struct disk *d, enum disk_op op, uint64_t lba,
			   uint8_t tag)
{
	struct iovec iov = { buf, BYTES };
	struct disk_io io = {
		.op = op, .lba = lba, .nr_blocks = NR, .iov = &iov, .iov_cnt = 1
	};
	enum disk_status status;

	memset(buf, tag, BYTES);
	status = disk_run(d, &io);
	return status;
}

static void check_tag(struct disk *d, uint64_t lba, uint8_t tag)
{
	assert_int_equal(rw(d, DISK_READ, lba, 0), DISK_OK);
	for (size_t i = 0; i < BYTES; i++)
		if (buf[i] != tag)
			fail_msg("LBA %llu: byte %zu is %02xh, not %02xh",
				 (unsigned long long)lba, i, buf[i], tag);
}

static enum disk_status sync_disk(struct disk *d)
{
	struct disk_io io = { .op = DISK_SYNC };

	return disk_run(d, &io);
}

static enum disk_status reset(struct disk *d, uint64_t lba)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_RESET,
			      .lba = lba };

	return disk_run(d, &io);
}

static struct disk *open_at(const char *path)
{
	struct disk_open_args args = { .may_make = true };
	struct disk_opts opts;
	struct zl_err err;
	struct disk *d;

	assert_int_equal(disk_opts_parse(&opts, OPTIONS, strlen(OPTIONS), ',',
					 false, &err),
			 0);
	args.opts = &opts;
	if (disk_open(path, &args, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

/* Blocks written before the file system was full. */
static uint64_t fill_up(struct disk *d)
{
	enum disk_status status = DISK_OK;
	uint64_t lba = 0;

	while (status == DISK_OK && lba < 8 * ZONE_BLOCKS) {
		status = rw(d, DISK_WRITE, lba, (uint8_t)(lba / NR + 1));
		if (status == DISK_OK)
			lba += NR;
	}
	assert_int_equal(status, DISK_NO_SPACE);
	assert_in_range(lba, 2 * ZONE_BLOCKS, 7 * ZONE_BLOCKS);
	return lba;
}

/* Not a byte more, in any file. */
static void fill_the_rest(const char *path)
{
	static const char zeros[65536];
	size_t len = sizeof(zeros);
	char name[128];
	int fd;

	snprintf(name, sizeof(name), "%s/../rest", path);
	fd = open(name, O_WRONLY | O_CREAT | O_APPEND, 0600);
	assert_true(fd >= 0);
	while (len) {
		if (write(fd, zeros, len) < 0) {
			assert_int_equal(errno, ENOSPC);
			len /= 2;
		}
	}
	assert_int_equal(fsync(fd), 0);
	close(fd);
}

/* A block full of records, another boot's, the last of which is needed. */
static void put_journal(const char *path)
{
	uint8_t rec[4096 / JOURNAL_RECORD_BYTES][JOURNAL_RECORD_BYTES];
	char name[128];
	struct stat sb;
	size_t n;
	int fd;

	snprintf(name, sizeof(name), "%s/" DISK_JOURNAL, path);
	fd = open(name, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &sb), 0);
	assert_in_range(sb.st_blksize, sb.st_size, sizeof(rec));
	n = (size_t)sb.st_blksize / JOURNAL_RECORD_BYTES;
	for (size_t i = 0; i < n; i++)
		journal_encode(rec[i], i + 1, JR_OPEN, 0, 1);
	journal_encode(rec[n - 1], n, JR_CONDITION, 7, ZC_OFFLINE);
	assert_int_equal(write(fd, rec, (size_t)sb.st_blksize), sb.st_blksize);
	assert_int_equal(ftruncate(fd, sb.st_blksize), 0);
	close(fd);
}

static void full_file_system(const char *path)
{
	struct disk *d = open_at(path);
	uint64_t end, lba;
	struct zone_info z;

	end = fill_up(d);
	/* As often as one likes; the write pointer stays. */
	for (int i = 0; i < 20; i++)
		assert_int_equal(rw(d, DISK_WRITE, end, 0xee), DISK_NO_SPACE);
	disk_zone_at(d, end, &z);
	assert_int_equal(z.wp_lba, end);
	for (lba = 0; lba < end; lba += NR)
		check_tag(d, lba, (uint8_t)(lba / NR + 1));
	/* It can be closed and opened, and the process may die. */
	fill_the_rest(path);
	disk_close(d);
	put_journal(path);
	disk_abandon(open_at(path));
	d = open_at(path);
	disk_zone_at(d, 7 * ZONE_BLOCKS, &z);
	assert_int_equal(z.cond, ZC_OFFLINE);
	disk_zone_at(d, end, &z);
	assert_int_equal(z.wp_lba, end);
	/* Room again: the same write works. */
	assert_int_equal(reset(d, 0), DISK_OK);
	assert_int_equal(sync_disk(d), DISK_OK);
	assert_int_equal(rw(d, DISK_WRITE, end, (uint8_t)(end / NR + 1)),
			 DISK_OK);
	for (lba = ZONE_BLOCKS; lba <= end; lba += NR)
		check_tag(d, lba, (uint8_t)(lba / NR + 1));
	assert_int_equal(sync_disk(d), DISK_OK);
	disk_close(d);
	d = open_at(path);
	for (lba = ZONE_BLOCKS; lba <= end; lba += NR)
		check_tag(d, lba, (uint8_t)(lba / NR + 1));
	assert_int_equal(d->problems.nr, 0);
	disk_close(d);
}

static int shell(const char *fmt, const char *a, const char *b)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), fmt, a, b);
	return system(cmd);
}

static bool mount_small(struct tmp_dir *t, const char *fs)
{
	char img[96], mnt[96];

	snprintf(img, sizeof(img), "%s/img", t->path);
	snprintf(mnt, sizeof(mnt), "%s/mnt", t->path);
	mkdir(mnt, 0700);
	if (!strcmp(fs, "tmpfs"))
		return !shell("mount -t tmpfs -o size=24m none %s%s", mnt, "");
	tmp_put(t, "img", 28 << 20);
	return !shell("mkfs.%s -q %s", fs, img) &&
	       !shell("mount -o loop %s %s 2>/dev/null", img, mnt);
}

static void small(const char *fs)
{
	struct tmp_dir t;
	char path[96];
	bool mounted;

	if (geteuid() || unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		skip_test("%s needs root to be mounted", fs);
	}
	tmp_dir_make(&t);
	mounted = mount_small(&t, fs);
	if (mounted) {
		snprintf(path, sizeof(path), "%s/mnt/d", t.path);
		assert_int_equal(mkdir(path, 0700), 0);
		full_file_system(path);
		assert_int_equal(shell("umount %s/mnt%s", t.path, ""), 0);
	}
	tmp_dir_drop(&t);
	if (!mounted)
		skip_test("%s cannot be mounted here", fs);
}

static void full_ext4(void **state)
{
	(void)state;
	small("ext4");
}

static void full_tmpfs(void **state)
{
	(void)state;
	small("tmpfs");
}

/*
 * Files that somebody changes meanwhile.
 */

static struct tmp_dir dir;
static struct disk *disk;

static int start(void **state)
{
	(void)state;
	tmp_dir_make(&dir);
	disk = open_at(dir.path);
	assert_int_equal(rw(disk, DISK_WRITE, 0, 1), DISK_OK);
	assert_int_equal(rw(disk, DISK_WRITE, ZONE_BLOCKS, 2), DISK_OK);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	disk_close(disk);
	tmp_dir_drop(&dir);
	return 0;
}

/* The other zone is as it was and goes on. */
static void check_other(void)
{
	check_tag(disk, ZONE_BLOCKS, 2);
	assert_int_equal(rw(disk, DISK_WRITE, ZONE_BLOCKS + NR, 3), DISK_OK);
	check_tag(disk, ZONE_BLOCKS + NR, 3);
}

static void reopen(void)
{
	disk_close(disk);
	disk = open_at(dir.path);
}

static void a_file_that_is_cut(void **state)
{
	int fd = openat(dir.fd, "seq-000000", O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	close(fd);
	assert_int_equal(rw(disk, DISK_READ, 0, 0), DISK_READ_ERROR);
	check_other();
	assert_int_equal(reset(disk, 0), DISK_OK);
	assert_int_equal(rw(disk, DISK_WRITE, 0, 4), DISK_OK);
	check_tag(disk, 0, 4);
}

/* Descriptors are kept: what is gone shows at the next opening. */
static void a_file_that_is_deleted(void **state)
{
	struct zone_info z;

	(void)state;
	assert_int_equal(unlinkat(dir.fd, "seq-000000", 0), 0);
	check_other();
	reopen();
	disk_zone_at(disk, 0, &z);
	assert_int_equal(z.cond, ZC_OFFLINE);
	assert_int_equal(rw(disk, DISK_READ, 0, 0), DISK_REFUSED);
	check_tag(disk, ZONE_BLOCKS, 2);
}

static void a_file_that_is_replaced(void **state)
{
	struct zone_info z;

	(void)state;
	assert_int_equal(unlinkat(dir.fd, "seq-000000", 0), 0);
	assert_int_equal(symlinkat("seq-000001", dir.fd, "seq-000000"), 0);
	check_other();
	reopen();
	disk_zone_at(disk, 0, &z);
	assert_int_equal(z.cond, ZC_OFFLINE);
	check_tag(disk, ZONE_BLOCKS, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_file_that_is_cut, start,
						stop),
		cmocka_unit_test_setup_teardown(a_file_that_is_deleted, start,
						stop),
		cmocka_unit_test_setup_teardown(a_file_that_is_replaced, start,
						stop),
		cmocka_unit_test(full_tmpfs),
		cmocka_unit_test(full_ext4),
	};

	return skip_run_tests(tests, NULL, NULL);
}
