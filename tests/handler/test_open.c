// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * open: making and opening, what it refuses in the log, the lock, degraded
 * zones, and the cfgstring that a saved configuration keeps.
 */
#include "rig.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Time for the handler, which finds these instead of the C library's: with
 * warp on, only sleeping moves the clock, and takes no time.
 */
static atomic_bool warp;
static _Atomic uint64_t warp_start_ns, warped_ns;
static void (*warp_hook)(void);

#define EXPORT __attribute__((visibility("default")))
#define NS     UINT64_C(1000000000)

EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
	if (!warp || id != CLOCK_MONOTONIC)
		return (int)syscall(SYS_clock_gettime, id, ts);
	ts->tv_sec = (time_t)((warp_start_ns + warped_ns) / NS);
	ts->tv_nsec = (long)((warp_start_ns + warped_ns) % NS);
	return 0;
}

EXPORT int nanosleep(const struct timespec *ts, struct timespec *rest)
{
	if (!warp)
		return (int)syscall(SYS_nanosleep, ts, rest);
	warped_ns += (uint64_t)ts->tv_sec * 1000000000 + (uint64_t)ts->tv_nsec;
	if (warp_hook)
		warp_hook();
	return 0;
}

static void warp_start(void (*hook)(void))
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	warp_start_ns = (uint64_t)now.tv_sec * NS + (uint64_t)now.tv_nsec;
	warped_ns = 0;
	warp_hook = hook;
	warp = true;
}

/* Returns the seconds slept. */
static unsigned warp_end(void)
{
	warp = false;
	return (unsigned)(warped_ns / NS);
}

/* Making and opening. */

static void makes_the_disk(void **state)
{
	struct rig *rig = *state;
	struct rig_zone_info z;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_shell(rig, "test `ls $/d | grep -c cnv-00000[0-3]` = 4");
	rig_shell(rig, "test `ls $/d/seq-* | wc -l` = 28");
	rig_shell(rig, "test `stat -c %s $/d/cnv-000003` = 1048576");
	rig_shell(rig, "test `stat -c %s $/d/seq-000004` = 0");
	rig_report(rig, ZONE(RIG_CONV), &z);
	assert_int_equal(z.cond, 1);
	assert_int_equal(z.blocks, ZONE_BLOCKS);
	assert_logged(rig, "$/d: made the disk ");
	assert_false(rig_logged(rig, 4, NULL)); /* nothing to worry about */
}

static void opens_what_is_there(void **state)
{
	struct rig *rig = *state;
	uint8_t out[8 * 512], in[8 * 512];
	struct rig_zone_info z;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	fill(out, ZONE(5), 8, 1);
	assert_int_equal(rig_write(rig, ZONE(5), 8, out), 0);
	rig_remove(rig);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rig_add(rig, i ? RIG_CFG : "@$/d", RIG_BYTES),
				 0);
		rig_report(rig, ZONE(5), &z);
		assert_int_equal(z.cond, 4); /* CLOSED */
		assert_int_equal(z.wp, ZONE(5) + 8);
		assert_int_equal(rig_read(rig, ZONE(5), 8, in), 0);
		assert_memory_equal(in, out, sizeof(in));
		assert_logged(rig, "$/d: opened the disk ");
		rig_remove(rig);
	}
}

/* What only open can see; check_config has passed. */
static void refuses(void **state)
{
	static const struct {
		const char *cfg, *sentence;
		uint64_t bytes;
		uint32_t block;
	} cases[] = {
		{ "zone_size_mb=1@$/d",
		  "size=33554433 is not a multiple of the block size of 512 "
		  "bytes; use size=33554432 or size=33554944",
		  RIG_BYTES + 1, 512 },
		{ "zone_size_mb=1@$/d",
		  "size=34078720 is not a multiple of zone_size_mb=1; use "
		  "size=33554432 or size=34603008, or add smaller_last_zone",
		  RIG_BYTES + ZL_MIB / 2, 512 },
		{ "zone_size_mb=64@$/d",
		  "zone_size_mb=64 is larger than the disk: size=33554432; "
		  "use a smaller zone_size_mb",
		  RIG_BYTES, 512 },
		{ "zone_size_mb=1/conv_zones=32@$/d",
		  "conv_zones=32 leaves no sequential zone: size=33554432 has "
		  "32 zones of 1 MiB; use conv_zones=31 or less",
		  RIG_BYTES, 512 },
		{ "zone_size_mb=1/max_open_zones=25@$/d",
		  "max_open_zones=25 is more than the 24 sequential zones; use "
		  "24 or less, or 0 for no limit",
		  RIG_BYTES, 512 },
		{ "zone_size_mb=1/capacity_mb=16@$/d",
		  "capacity_mb=16 does not agree with size=33554432; use "
		  "size=16777216, or leave capacity_mb out",
		  RIG_BYTES, 512 },
		{ "zone_size_mb=1@$/d",
		  "hw_block_size=1024 is not possible; use 512 or 4096",
		  RIG_BYTES, 1024 },
		{ "zone_size_mb=1/block_size=512@$/d",
		  "block_size=512 does not agree with hw_block_size=4096; "
		  "leave one of them out",
		  RIG_BYTES, 4096 },
		{ "@$/disk",
		  "size=67108864 does not agree with the disk in $/disk; use "
		  "size=33554432",
		  2 * RIG_BYTES, 512 },
		{ "@$/disk",
		  "size=33554433 does not agree with the disk in $/disk; use "
		  "size=33554432",
		  RIG_BYTES + 1, 512 },
		{ "@$/disk",
		  "hw_block_size=4096 does not agree with the disk in $/disk, "
		  "whose blocks have 512 bytes; leave hw_block_size out",
		  RIG_BYTES, 4096 },
	};
	struct rig *rig = *state;
	char line[512];

	rig_shell(rig, "mkdir $/disk");
	assert_int_equal(rig_add(rig, "zone_size_mb=1@$/disk", RIG_BYTES), 0);
	rig_remove(rig);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		struct runner_dev_params params = {
			.size_bytes = cases[i].bytes,
			.hw_block_size = cases[i].block,
		};

		runner_log_clear();
		assert_int_equal(rig_add_params(rig, cases[i].cfg, &params),
				 -EINVAL);
		snprintf(line, sizeof(line), "%s: %s\n", cases[i].cfg,
			 cases[i].sentence);
		assert_logged(rig, line);
		rig_shell(rig, "test -z \"`ls -A $/d`\"");
		/* For whoever asked, who hears of the kernel's error only. */
		snprintf(line, sizeof(line),
			 "grep -qFx '%s' $/run/refused-????????",
			 cases[i].sentence);
		rig_shell(rig, line);
	}
	assert_int_equal(rig_add(rig, "@$/disk", RIG_BYTES), 0);
	rig_shell(rig, "test `ls $/run/refused-* | wc -l` = 1");
}

/*
 * A saved configuration says @DIRECTORY and perhaps hw_block_size: a file
 * system that is not mounted must not become a new disk.
 */
static void never_makes_without_options(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	struct rig *rig = *state;

	for (int i = 0; i < 2; i++) {
		params.hw_block_size = i ? 4096 : 512;
		runner_log_clear();
		assert_int_equal(rig_add_unchecked(rig, "@$/d", &params),
				 -ENOENT);
		assert_logged(rig, "@$/d: $/d is empty: no disk is there; to "
				   "make one, give an option, e.g. "
				   "zone_size_mb=256\n");
		assert_int_equal(rig_add_unchecked(rig, "@$/none", &params),
				 -ENOENT);
		assert_logged(rig,
			      "@$/none: directory $/none does not exist\n");
		rig_shell(rig, "test -z \"`ls -A $/d`\" -a ! -e $/none");
	}
}

/* The lock. */

static pid_t holder;

/* A process that holds the lock, as another daemon would. */
static void holder_start(const struct rig *rig)
{
	char path[256], c;
	int fds[2], fd;

	snprintf(path, sizeof(path), "%s/d/zloop.state", rig->dir);
	assert_int_equal(pipe(fds), 0);
	fflush(NULL);
	holder = fork();
	assert_true(holder >= 0);
	if (!holder) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(path, O_RDWR);
		if (fd < 0 || flock(fd, LOCK_EX) || write(fds[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &c, 1), 1);
	close(fds[0]);
	close(fds[1]);
}

static void holder_stop(void)
{
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
}

static void waits_and_names_the_holder(void **state)
{
	struct rig *rig = *state;
	char line[256];

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	holder_start(rig);
	warp_start(NULL);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), -EBUSY);
	assert_int_equal(warp_end(), 10);
	snprintf(line, sizeof(line),
		 "@$/d: $/d is in use by process %d (test_handler_op)\n",
		 (int)holder);
	assert_logged(rig, line);
	holder_stop();
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
}

/* A restarted daemon: the old one's lock goes a little later. */
static void stop_after_3_seconds(void)
{
	if (holder && warped_ns > 3 * NS) {
		holder_stop();
		holder = 0;
	}
}

static void opens_once_the_holder_is_gone(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	holder_start(rig);
	warp_start(stop_after_3_seconds);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_in_range(warp_end(), 3, 9);
	assert_int_equal(
		rig_exec(rig, CDB(0, 0, 0, 0, 0, 0), 6, RUNNER_NONE, NULL, 0),
		0);
}

static void same_directory_twice(void **state)
{
	struct rig *rig = *state, other = *rig;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	/* At once: nobody is going to give it back. */
	warp_start(NULL);
	assert_int_equal(rig_add(&other, "@$/d", RIG_BYTES), -EBUSY);
	assert_int_equal(warp_end(), 0);
	assert_logged(rig, "@$/d: $/d is in use: "
			   "test_handler_open has it open already\n");
	assert_int_equal(
		rig_exec(rig, CDB(0, 0, 0, 0, 0, 0), 6, RUNNER_NONE, NULL, 0),
		0);
}

/* One identity, two disks. */
static void copied_directory(void **state)
{
	struct rig *rig = *state, other = *rig;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	rig_shell(rig, "cp -r $/d $/copy");
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_int_equal(rig_add(&other, "@$/copy", RIG_BYTES), -EBUSY);
	assert_logged(rig, "@$/copy: $/copy has the serial number ");
	assert_logged(rig, " of the disk in $/d, which is open; a copy needs "
			   "another one in its zloop.json\n");
}

/* Degraded zones. */

static void check_cond(struct rig *rig, unsigned zone, uint8_t cond)
{
	struct rig_zone_info z;

	rig_report(rig, ZONE(zone), &z);
	assert_int_equal(z.cond, cond);
}

static unsigned count_logged(const struct rig *rig, const char *part)
{
	char *line;
	unsigned n = 0;

	while ((line = runner_log_find(4, rig_text(rig, part), n))) {
		free(line);
		n++;
	}
	return n;
}

static void damaged_zones_are_logged(void **state)
{
	struct rig *rig = *state;
	uint8_t data[8 * 512];

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	rig_shell(rig, "rm $/d/seq-000007 && truncate -s 4k $/d/cnv-000001 && "
		       "truncate -s 2M $/d/seq-000008 && "
		       "truncate -s 1000 $/d/seq-000009 && "
		       "rm $/d/seq-000010 && ln -s x $/d/seq-000010 && "
		       "rm $/d/seq-000011 && mkdir $/d/seq-000011");
	runner_log_clear();
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_logged(rig, "$/d: zone 7: seq-000007 is missing: the zone is "
			   "offline\n");
	assert_logged(rig, "$/d: zone 1: cnv-000001 has 4096 bytes instead of "
			   "1048576: the zone is read-only\n");
	assert_logged(rig, "$/d: zone 8: seq-000008 has 2097152 bytes, more "
			   "than the zone's 1048576: the zone is read-only\n");
	assert_logged(rig, "$/d: zone 9: seq-000009 has 1000 bytes, no whole "
			   "blocks: cut to 512\n");
	assert_logged(rig, "$/d: zone 10: seq-000010 is a symbolic link: the "
			   "zone is offline\n");
	assert_logged(rig, "$/d: zone 11: seq-000011 is a directory: the zone "
			   "is offline\n");
	assert_int_equal(count_logged(rig, "seq-000007"), 1);
	check_cond(rig, 7, 0xf);
	check_cond(rig, 1, 0xd);
	check_cond(rig, 8, 0xd);
	check_cond(rig, 9, 0x4);
	check_cond(rig, 10, 0xf);
	check_cond(rig, 11, 0xf);

	fill(data, ZONE(7), 8, 1);
	assert_int_equal(rig_write(rig, ZONE(7), 8, data), 2);
	assert_int_equal(rig_sense_code(), 0x072c0e); /* ZONE IS OFFLINE */
	assert_int_equal(rig_write(rig, ZONE(12), 8, data), 0);
}

/* The log has room for what can be told, and the disk has no room for fear. */
static void all_zones_missing(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(
		rig_add(rig, "zone_size_mb=1/conv_zones=0@$/d", 128 * ZL_MIB),
		0);
	rig_remove(rig);
	rig_shell(rig, "rm $/d/seq-*");
	runner_log_clear();
	assert_int_equal(rig_add(rig, "@$/d", 128 * ZL_MIB), 0);
	assert_int_equal(count_logged(rig, "is missing"), 32);
	assert_logged(rig, "$/d: 96 more zones are not as they should be; "
			   "zloop check lists them\n");
	check_cond(rig, 127, 0xf);
}

/* The log. */

static void long_lines_are_not_cut(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	struct rig *rig = *state;
	char cfg[256] = "@$/", text[1024], *line, *reason;
	size_t room = 255 - 6 - strlen(rig->dir) - 2;

	/* As targetcli shows it, which has room. */
	memset(cfg + 3, 'f', 120);
	snprintf(text, sizeof(text), "touch %s", cfg + 1);
	rig_shell(rig, text);
	snprintf(text, sizeof(text), "zloop/%s", cfg);
	assert_false(runner_check_config(rig_handler(), rig_text(rig, text),
					 &reason));
	assert_true(rig_add_unchecked(rig, cfg, &params) < 0);
	snprintf(text, sizeof(text), "%s: %s\n", cfg, reason);
	assert_true(strlen(text) > 255);
	assert_logged(rig, text);
	free(reason);

	/* As long as a cfgstring can be, and no space to split at. */
	memset(cfg + 3, 'n', room);
	assert_int_equal(rig_add_unchecked(rig, cfg, &params), -ENOENT);
	assert_true(rig_logged(rig, 3, "does not exist"));
	for (unsigned i = 0; (line = runner_log_find(7, NULL, i)); i++) {
		assert_int_equal(line[strlen(line) - 1], '\n');
		free(line);
	}
}

/* The cfgstring that is saved. */

static void cfgstring_is_rewritten(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .name = "z-0.a_b" };
	struct rig *rig = *state, other = *rig;

	rig_shell(rig, "mkdir $/e");
	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	/* A neighbour, whose control file is not this one's. */
	params.name = "z-0.a";
	assert_int_equal(rig_add_params(&other, "zone_size_mb=1@$/e", &params),
			 0);
	assert_string_equal(runner_control_write(rig->dev, 0),
			    rig_text(rig, "dev_config=zloop/@$/d"));
	assert_null(runner_control_write(rig->dev, 1));
	assert_string_equal(runner_control_write(other.dev, 0),
			    rig_text(rig, "dev_config=zloop/@$/e"));
	assert_null(runner_control_write(other.dev, 1));
	rig_remove(&other);
}

/* Options on a disk that is there: made before the write could be done. */
static void cfgstring_is_rewritten_later(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_string_equal(runner_control_write(rig->dev, 0),
			    rig_text(rig, "dev_config=zloop/@$/d"));
}

static void bare_cfgstring_is_left(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_null(runner_control_write(rig->dev, 0));
}

/* What it cannot make a disk with stays: it is not in the sidecar. */
static void volatile_option_is_kept(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, "discard_write_cache/zone_size_mb=1@$/d",
				 RIG_BYTES),
			 0);
	assert_string_equal(
		runner_control_write(rig->dev, 0),
		rig_text(rig, "dev_config=zloop/discard_write_cache@$/d"));
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "discard_write_cache@$/d", RIG_BYTES), 0);
	assert_null(runner_control_write(rig->dev, 0));
	rig_remove(rig);
	assert_int_equal(
		rig_add(rig, "direct_io/zone_size_mb=1/discard_write_cache@$/d",
			RIG_BYTES),
		0);
	assert_string_equal(
		runner_control_write(rig->dev, 0),
		rig_text(rig,
			 "dev_config=zloop/direct_io/discard_write_cache@$/d"));
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "direct_io@$/d", RIG_BYTES), 0);
	assert_null(runner_control_write(rig->dev, 0));
}

/* READ CAPACITY(16): LBPME and LBPRZ. */
static uint8_t provisioning(struct rig *rig)
{
	uint8_t cdb[16] = { 0x9e, 0x10, [13] = 32 }, data[32] = { 0 };

	assert_int_equal(
		rig_exec(rig, cdb, sizeof(cdb), RUNNER_IN, data, sizeof(data)),
		0);
	return data[14] & 0xc0;
}

/* Of each opening: given once it stays, and it is not the disk's. */
static void provisioning_is_asked_for(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(provisioning(rig), 0);
	rig_remove(rig);
	assert_int_equal(
		rig_add(rig, "provisioning=thin/zone_size_mb=1@$/d", RIG_BYTES),
		0);
	assert_string_equal(
		runner_control_write(rig->dev, 0),
		rig_text(rig, "dev_config=zloop/provisioning=thin@$/d"));
	assert_int_equal(provisioning(rig), 0xc0);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_int_equal(provisioning(rig), 0);
}

static void no_rewriting_where_open_failed(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	struct rig *rig = *state;

	assert_int_equal(rig_add_params(rig, "zone_size_mb=64@$/d", &params),
			 -EINVAL);
	assert_false(rig_logged(rig, 7, "could not set"));
}

static void rewriting_that_fails_is_harmless(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .control_error = -EACCES };
	struct rig *rig = *state;
	uint8_t data[512];

	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	assert_logged(rig,
		      "$/d: could not set dev_config=zloop/@$/d (Permission "
		      "denied); a saved target configuration keeps the options "
		      "that made the disk\n");
	fill(data, ZONE(4), 1, 1);
	assert_int_equal(rig_write(rig, ZONE(4), 1, data), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_the_disk),
		TEST(opens_what_is_there),
		TEST(refuses),
		TEST(never_makes_without_options),
		TEST(waits_and_names_the_holder),
		TEST(opens_once_the_holder_is_gone),
		TEST(same_directory_twice),
		TEST(copied_directory),
		TEST(damaged_zones_are_logged),
		TEST(all_zones_missing),
		TEST(long_lines_are_not_cut),
		TEST(cfgstring_is_rewritten),
		TEST(cfgstring_is_rewritten_later),
		TEST(bare_cfgstring_is_left),
		TEST(volatile_option_is_kept),
		TEST(provisioning_is_asked_for),
		TEST(no_rewriting_where_open_failed),
		TEST(rewriting_that_fails_is_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
