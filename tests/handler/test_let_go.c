// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * When a device is removed nothing of its directory is held any more, not for a
 * moment: no descriptor, no mapping, no lock, nor what io_uring keeps without a
 * descriptor, and the file system can be unmounted.
 */
#include "rig.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "skip.h"

#define ROUNDS 20

/* The directory with what is in it, as links have it. */
static const char *real_dir(struct rig *rig)
{
	static char path[4096];

	assert_non_null(realpath(rig_text(rig, "$/d"), path));
	return path;
}

static void assert_no_descriptor(struct rig *rig)
{
	const char *dir = real_dir(rig);
	DIR *fds = opendir("/proc/self/fd");
	char link[4096];
	struct dirent *e;
	ssize_t n;

	assert_non_null(fds);
	while ((e = readdir(fds))) {
		n = readlinkat(dirfd(fds), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		if (!strncmp(link, dir, strlen(dir)))
			fail_msg("descriptor %s: %s", e->d_name, link);
	}
	closedir(fds);
}

static void assert_no_mapping(struct rig *rig)
{
	const char *dir = real_dir(rig);
	FILE *f = fopen("/proc/self/maps", "re");
	char line[4096 + 128];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strstr(line, dir))
			fail_msg("mapping %s", line);
	fclose(f);
}

/* The kernel gives a write lease on a file that nobody has open. */
static void assert_not_open(int dir_fd, const char *name)
{
	int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETSIG, SIGURG), 0);
	if (fcntl(fd, F_SETLEASE, F_WRLCK))
		fail_msg("%s is open somewhere: %s", name, strerror(errno));
	fcntl(fd, F_SETLEASE, F_UNLCK);
	if (!strcmp(name, "zloop.state"))
		assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

static void assert_let_go(struct rig *rig)
{
	DIR *dir = opendir(rig_text(rig, "$/d"));
	struct dirent *e;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			assert_not_open(dirfd(dir), e->d_name);
	closedir(dir);
	assert_no_descriptor(rig);
	assert_no_mapping(rig);
}

/* The next reads miss the page cache. */
static void drop_cache(struct rig *rig)
{
	DIR *dir = opendir(rig_text(rig, "$/d"));
	struct dirent *e;
	int fd;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (strncmp(e->d_name, "seq-", 4))
			continue;
		fd = openat(dirfd(dir), e->d_name, O_RDONLY | O_CLOEXEC);
		assert_true(fd >= 0);
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		close(fd);
	}
	closedir(dir);
}

/* Everything that opens: reads that miss the page cache, writes, syncs, faults,
 * and a journal that is replaced when the disk is opened. */
static void use(struct rig *rig, unsigned round)
{
	uint8_t out[64 * 512], in[64 * 512];
	const uint8_t sync[10] = { 0x35 };
	uint64_t lba;

	for (unsigned n = 0; n < RIG_ZONES - RIG_CONV; n++) {
		lba = ZONE(RIG_CONV + n);
		fill(out, lba, 64, round);
		assert_int_equal(rig_zone(rig, SA_RESET, lba, false), 0);
		assert_int_equal(rig_write(rig, lba, 64, out), 0);
	}
	assert_int_equal(
		rig_exec(rig, sync, sizeof(sync), RUNNER_NONE, NULL, 0), 0);
	drop_cache(rig);
	for (unsigned n = 0; n < RIG_ZONES - RIG_CONV; n++) {
		lba = ZONE(RIG_CONV + n);
		assert_int_equal(rig_read(rig, lba, 64, in), 0);
		assert_filled(in, lba, 64, round);
		assert_int_equal(rig_write(rig, ZONE(n % RIG_CONV), 64, in), 0);
	}
}

static void add_use_remove(struct rig *rig, const char *cfg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(rig_add(rig, cfg, RIG_BYTES), 0);
		use(rig, i);
		rig_remove(rig);
		assert_let_go(rig);
	}
}

static void buffered(void **state)
{
	add_use_remove(*state, RIG_CFG);
}

static void direct(void **state)
{
	add_use_remove(*state, "direct_io/" RIG_CFG);
}

static void with_powerfail(void **state)
{
	add_use_remove(*state, "discard_write_cache/" RIG_CFG);
}

/* Another disk's I/O closes this one's descriptors, when its own are too many.
 */
static void beside_another_disk(void **state)
{
	struct rig *rig = *state, other = *rig;
	struct rlimit old, few;

	getrlimit(RLIMIT_NOFILE, &old);
	few = (struct rlimit){ 1024, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_shell(rig, "mkdir $/e");
	assert_int_equal(rig_add(&other,
				 "zone_size_mb=1/conv_zones=0/"
				 "smaller_last_zone@$/e",
				 1024 * ZL_MIB),
			 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
		use(rig, i);
		for (unsigned n = 0; n < 1024; n++)
			assert_int_equal(
				rig_zone(&other, SA_FINISH, ZONE(n), false), 0);
		assert_int_equal(rig_zone(&other, SA_RESET, 0, true), 0);
		rig_remove(rig);
		assert_let_go(rig);
	}
	rig_remove(&other);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

/* A refused opening is a removal, too. */
static void refused(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .hw_block_size = 512 };
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, "block_size=512/" RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	for (unsigned i = 0; i < ROUNDS; i++) {
		params.hw_block_size = 4096;
		assert_int_equal(rig_add_unchecked(rig, "@$/d", &params),
				 -EINVAL);
		assert_let_go(rig);
	}
}

static void the_file_system_can_be_unmounted(void **state)
{
	struct rig *rig = *state;
	const char *dir = rig_text(rig, "$/d");

	if (unshare(CLONE_NEWNS) ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		skip_test("may not mount: %s", strerror(errno));
	}
	for (unsigned i = 0; i < ROUNDS; i++) {
		assert_int_equal(mount("none", dir, "tmpfs", 0, "mode=0700"),
				 0);
		assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
		use(rig, i);
		rig_remove(rig);
		if (umount(dir))
			fail_msg("round %u: %s", i, strerror(errno));
		dir = rig_text(rig, "$/d");
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(buffered),	      TEST(direct),
		TEST(with_powerfail), TEST(beside_another_disk),
		TEST(refused),	      TEST(the_file_system_can_be_unmounted),
	};

	return skip_run_tests(tests, NULL, NULL);
}
