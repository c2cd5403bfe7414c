// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What zloop config writes is what the suites' shells read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

/* A second disk, z1, as /dev/sdr, with the directory disks/1. */
static void second_disk(void)
{
	char info[4300];

	snprintf(info, sizeof(info),
		 "Status: ACTIVATED\n        Config: zloop/@%.4000s/disks/1  "
		 "Size: 8388608 MaxDataAreaMB: 8",
		 machine_dir);
	machine_put(TARGET "/core/user_0/z1/info", info);
	machine_put(TARGET "/core/user_0/z1/enable", "1");
	machine_put(TARGET "/loopback/naa.6/tpgt_1/address", "4:0:1");
	machine_put("root/sys/bus/scsi/devices/4:0:1:0/block/sdr/size",
		    "16384");
	mkdir(TARGET "/loopback/naa.6/tpgt_1/lun", 0755);
	mkdir(TARGET "/loopback/naa.6/tpgt_1/lun/lun_0", 0755);
	assert_int_equal(symlink("../../../../../core/user_0/z1",
				 TARGET "/loopback/naa.6/tpgt_1/lun/lun_0/z1"),
			 0);
}

static void two_disks(const char *options)
{
	second_disk();
	assert_int_equal(zloop("create", options, "disks/0", NULL), 0);
	assert_int_equal(zloop("create", options, "disks/1", NULL), 0);
}

#define LARGE "capacity_mb=10240,zone_size_mb=64,conv_zones=8"

/* What a shell that reads ./config has for @words. */
static void shell_has(const char *words, const char *want)
{
	char command[512], line[512] = "";
	FILE *f;

	snprintf(command, sizeof(command),
		 "bash -euc '. ./config; echo \"%s\"'", words);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(pclose(f), 0);
	line[strcspn(line, "\n")] = 0;
	assert_string_equal(line, want);
}

/* It is written all the same: Linux may take it for a zoned one. */
static void for_blktests_host_aware(void **state)
{
	(void)state;
	two_disks(SMALL ",model=host-aware");
	assert_int_equal(
		zloop("config", "blktests", "-o", "config", "z0", NULL), 0);
	assert_sentence("z0 is host-aware: where Linux takes it for a disk "
			"without zones, blktests tests a null_blk in its "
			"place");
	shell_has("${TEST_DEVS[*]}", "/dev/sdq");
}

static void for_blktests(void **state)
{
	(void)state;
	two_disks(SMALL);
	assert_int_equal(zloop("config", "blktests", "-o", "config", "z0",
			       "/dev/sdr", NULL),
			 0);
	assert_silent();
	shell_has("${TEST_DEVS[*]} ${#TEST_DEVS[@]} $DEVICE_ONLY",
		  "/dev/sdq /dev/sdr 2 1");
	assert_int_equal(zloop("config", NULL), 2);
	assert_contains(run_err, "say for what: blktests or xfstests");
	assert_int_equal(zloop("config", "blktests", "disks/1", NULL), 0);
	assert_contains(run_out, "\nTEST_DEVS=(/dev/sdr)\n");
}

static void for_xfstests(void **state)
{
	(void)state;
	two_disks(LARGE);
	assert_int_equal(
		zloop("config", "xfstests", "-o", "config", "z0", "z1", NULL),
		0);
	assert_silent();
	shell_has("$FSTYP|$MKFS_OPTIONS|$RECREATE_TEST_DEV|$TEST_DEV|$TEST_DIR|"
		  "$SCRATCH_DEV|$SCRATCH_MNT|${SCRATCH_DEV_POOL-}",
		  "btrfs|-O zoned -d single -m single|true|/dev/sdq|/mnt/test|"
		  "/dev/sdr|/mnt/scratch|");
	assert_int_equal(zloop("config", "xfstests", "--fs=f2fs",
			       "--test-dir=/a", "--scratch-dir=/b", "-o",
			       "config", "z1", "z0", NULL),
			 0);
	shell_has("$FSTYP|$MKFS_OPTIONS|$TEST_DEV|$TEST_DIR|$SCRATCH_MNT",
		  "f2fs|-m|/dev/sdr|/a|/b");
	assert_int_equal(zloop("config", "xfstests", "--fs=xfs", "-o", "config",
			       "z1", "z0", NULL),
			 0);
	shell_has("$FSTYP|$MKFS_OPTIONS", "xfs|");
}

static void small_disks(void **state)
{
	(void)state;
	two_disks("capacity_mb=64,zone_size_mb=4,conv_zones=0");
	assert_int_equal(zloop("config", "xfstests", "z0", "z1", NULL), 0);
	assert_contains(run_err, "z0 has 64 MiB; many tests of xfstests are "
				 "not run on less than 10 GiB");
	assert_int_equal(
		zloop("config", "xfstests", "--fs=xfs", "z0", "z1", NULL), 1);
	assert_sentence("z0 has no conventional zones, where xfs keeps its "
			"metadata: make it with conv_zones=N");
	assert_string_equal(run_out, "");
}

static void refusals(void **state)
{
	(void)state;
	two_disks(SMALL);
	assert_int_equal(zloop("config", "xfstests", "z0", "z1", NULL), 1);
	assert_sentence("z0 has zones of 1 MiB; btrfs takes 4 MiB to 8 GiB");
	assert_int_equal(zloop("config", "xfstests", "z0", NULL), 2);
	assert_sentence("xfstests takes 2 to 16 disks, not 1");
	assert_int_equal(zloop("config", "blktests", NULL), 2);
	assert_sentence("blktests takes 1 to 16 disks, not 0");
	assert_int_equal(zloop("config", "fio", "z0", NULL), 2);
	assert_sentence("'fio' is no suite that is known");
	assert_int_equal(zloop("config", "blktests", "z0", "disks/0", NULL), 2);
	assert_sentence("disks/0 is there twice");
	assert_int_equal(zloop("config", "blktests", "--fs=xfs", "z0", NULL),
			 2);
	assert_sentence("blktests uses no file system");
	assert_int_equal(zloop("config", "blktests", "nowhere", NULL), 1);
	assert_sentence("no disk nowhere is attached");
	assert_int_equal(zloop("config", "xfstests", "--test-dir=/a b", "z0",
			       "z1", NULL),
			 2);
	assert_contains(run_err, "'/a b' is no absolute path");
	assert_int_equal(
		zloop("config", "xfstests", "--fs=ext4", "z0", "z1", NULL), 2);
	assert_contains(run_err, "--fs 'ext4' is none of btrfs, f2fs and xfs");
}

static void without_device(void **state)
{
	(void)state;
	two_disks(SMALL);
	assert_int_equal(unlink(TARGET "/loopback/naa.6/tpgt_1/lun/lun_0/z1"),
			 0);
	assert_int_equal(zloop("config", "blktests", "z1", NULL), 1);
	assert_sentence("z1 is no disk of this machine; zloop add ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(for_blktests_host_aware,
						machine_enter, machine_leave),
		cmocka_unit_test_setup_teardown(for_blktests, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(for_xfstests, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(small_disks, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(refusals, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(without_device, machine_enter,
						machine_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
