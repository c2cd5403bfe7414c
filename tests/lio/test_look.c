// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at a machine: tcmu-runner, what is missing, who uses a disk. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lio/fake.h"

static void daemon_states(void **state)
{
	int pid;

	(void)state;
	assert_int_equal(lio_daemon_state(&fake_lio, &pid), LIO_DAEMON_READY);
	assert_int_equal(pid, 4242);
	fake_put("/sys/module/target_core_user/parameters/block_netlink",
		 "blocked");
	assert_int_equal(lio_daemon_state(&fake_lio, NULL),
			 LIO_DAEMON_STARTING);
	fake_put("/sys/module/target_core_user/parameters/block_netlink",
		 "unblocked");
	fake_put("/proc/4242/maps", "7f00-7f01 /usr/lib/handler_fbo.so");
	assert_int_equal(lio_daemon_state(&fake_lio, NULL),
			 LIO_DAEMON_NO_HANDLER);
	fake_put("/proc/4242/comm", "tcmu-runners");
	assert_int_equal(lio_daemon_state(&fake_lio, NULL), LIO_DAEMON_NONE);
}

/* As /proc/PID/status says it of one that was killed. */
static void a_daemon_that_cannot_end(void **state)
{
	static const struct {
		const char *status;
		enum lio_daemon answer;
	} rows[] = {
		{ "Name:\ttcmu-runner\nState:\tS (sleeping)\nThreads:\t9\n"
		  "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n",
		  LIO_DAEMON_READY },
		{ "State:\tS (sleeping)\nThreads:\t9\n"
		  "SigPnd:\t0000000000000000\nShdPnd:\t0000000000004002\n",
		  LIO_DAEMON_READY },
		{ "State:\tD (disk sleep)\nThreads:\t1\n"
		  "SigPnd:\t0000000000000100\nShdPnd:\t0000000000000000\n",
		  LIO_DAEMON_HANGS },
		{ "State:\tS (sleeping)\nThreads:\t9\n"
		  "SigPnd:\t0000000000000000\nShdPnd:\t0000000000000100\n",
		  LIO_DAEMON_HANGS },
		{ "State:\tZ (zombie)\nThreads:\t2\n", LIO_DAEMON_HANGS },
		{ "State:\tZ (zombie)\nThreads:\t1\n", LIO_DAEMON_READY },
	};
	struct zl_err err;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fake_put("/proc/4242/status", rows[i].status);
		assert_int_equal(lio_daemon_state(&fake_lio, NULL),
				 rows[i].answer);
	}
	fake_put("/proc/4242/status", rows[2].status);
	fake_put("/proc/4242/maps", "");
	fake_put("/sys/module/tcm_loop/x", "");
	assert_int_equal(lio_ready(&fake_lio, false, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "was killed, but does not end"));
}

static bool silent;

/* Instead of the C library's. */
int statx(int dir_fd, const char *path, int flags, unsigned mask,
	  struct statx *sx)
{
	while (silent)
		pause();
	return (int)syscall(SYS_statx, dir_fd, path, flags, mask, sx);
}

static void servers_that_do_not_answer(void **state)
{
	(void)state;
	assert_true(lio_answers(&fake_lio, "/tmp", 20000));
	assert_true(lio_answers(&fake_lio, "/not/there", 20000));
	silent = true;
	assert_false(lio_answers(&fake_lio, "/tmp", 100));
	silent = false;
}

/* Each thing that is missing is named. */
static void what_is_missing(void **state)
{
	struct zl_err err;

	(void)state;
	assert_int_equal(lio_ready(&fake_lio, false, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "no module tcm_loop"));
	fake_put("/sys/module/tcm_loop/x", "");
	assert_int_equal(lio_ready(&fake_lio, false, &err), 0);
	assert_int_equal(lio_ready(&fake_lio, true, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "no module iscsi_target_mod"));
	fake_put("/sys/module/iscsi_target_mod/x", "");
	assert_int_equal(lio_ready(&fake_lio, true, &err), 0);

	fake_put("/proc/4242/maps", "7f00-7f01 /usr/lib/handler_fbo.so");
	assert_int_equal(lio_ready(&fake_lio, true, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "has not loaded handler_zloop.so"));
	fake_stop_daemon();
	assert_int_equal(lio_ready(&fake_lio, true, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "tcmu-runner does not run"));
	fake_drop(FAKE_TARGET);
	assert_int_equal(lio_ready(&fake_lio, true, &err), -ENODEV);
	assert_non_null(strstr(err.msg, "mount configfs"));
}

static void devices_in_use(void **state)
{
	char who[256];

	(void)state;
	fake_put("/sys/block/sdq/dev", "65:0");
	fake_put("/sys/block/sdq/sdq1/dev", "65:1");
	fake_put("/proc/self/mountinfo",
		 "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		 "26 1 65:16 / /other rw - xfs /dev/sdr rw");
	assert_false(lio_device_in_use(&fake_lio, "sdq", who, sizeof(who)));
	fake_put("/sys/block/sdq/holders/dm-3/dev", "253:3");
	assert_true(lio_device_in_use(&fake_lio, "sdq", who, sizeof(who)));
	assert_string_equal(who, "the device dm-3 is on top of it");
	fake_put("/proc/self/mountinfo",
		 "25 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		 "26 1 65:1 / /mnt rw - xfs /dev/sdq1 rw");
	assert_true(lio_device_in_use(&fake_lio, "sdq", who, sizeof(who)));
	assert_string_equal(who, "it is mounted on /mnt");
	assert_false(lio_device_in_use(&fake_lio, "sdz", who, sizeof(who)));
}

static bool is_open(const char *device, char who[256])
{
	struct lio_opens *opens = lio_opens_read(&fake_lio);
	bool found = lio_device_is_open(opens, device, who, 256);

	lio_opens_free(opens);
	return found;
}

/* Who does not keep others out is found by what he has open. */
static void devices_open(void **state)
{
	char who[256], path[PATH_MAX];

	(void)state;
	/* What has no program is a thread of the kernel's, and not looked at.
	 */
	fake_put("/proc/31/comm", "kworker/0:1");
	fake_put("/proc/31/fd/x", "");
	snprintf(path, sizeof(path), "%s/proc/31/fd/4", fake_lio.root);
	assert_int_equal(symlink("/dev/sdq", path), 0);
	fake_put("/proc/77/comm", "fio");
	fake_put("/proc/77/fd/x", "");
	fake_put("/proc/77/exe", "");
	assert_false(is_open("sdq", who));
	snprintf(path, sizeof(path), "%s/proc/77/fd/5", fake_lio.root);
	assert_int_equal(symlink("/dev/sdq", path), 0);
	snprintf(path, sizeof(path), "%s/proc/77/fd/6", fake_lio.root);
	assert_int_equal(
		symlink("/dev/disk/by-id/a-name-that-no-disk-has", path), 0);
	assert_true(is_open("sdq", who));
	assert_string_equal(who, "process 77 (fio)");
	assert_false(is_open("sd", who));
	assert_false(is_open("sdqq", who));
	/* It has ended. */
	fake_drop("/proc/77/comm");
	assert_false(is_open("sdq", who));
}

static bool count(void *user, const struct lio_backstore *bs)
{
	(void)bs;
	++*(unsigned *)user;
	return true;
}

/* What vanishes or is nonsense is left out. */
static void odd_backstores(void **state)
{
	unsigned nr = 0;

	(void)state;
	fake_put(FAKE_TARGET "/core/user_0/half/enable", "0");
	fake_put(FAKE_TARGET "/core/user_1/none/info", "");
	fake_put(FAKE_TARGET "/core/user_2/cut/info", "Status: X  Config: ");
	fake_put(FAKE_TARGET "/core/user_3/other/info",
		 "Config: zbc/@/x  Size: 1");
	fake_put(FAKE_TARGET "/core/user_4/like/info",
		 "Config: zloopy/@/x  Size: 1");
	fake_put(FAKE_TARGET "/core/user_5/ours/info", "Config: zloop/@/x");
	lio_each_backstore(&fake_lio, count, &nr);
	assert_int_equal(nr, 1);
}

/* Files that are opened or looked for, directories apart. */
static unsigned opens;

int access(const char *path, int mode)
{
	opens++;
	return (int)syscall(SYS_faccessat, AT_FDCWD, path, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	opens++;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

static void put_backstore(unsigned i)
{
	char path[PATH_MAX], text[128];

	snprintf(path, sizeof(path), FAKE_TARGET "/core/user_%u/hba_info", i);
	fake_put(path, "HBA Index: 1 plugin: user version: v2.0");
	snprintf(path, sizeof(path), FAKE_TARGET "/core/user_%u/z%u/info", i,
		 i);
	snprintf(text, sizeof(text),
		 "Status: ACTIVATED  Config: zloop/@/disks/%u  Size: 4096", i);
	fake_put(path, text);
	snprintf(path, sizeof(path), FAKE_TARGET "/core/user_%u/z%u/enable", i,
		 i);
	fake_put(path, "1");
	snprintf(path, sizeof(path),
		 FAKE_TARGET "/core/user_%u/z%u/wwn/vpd_unit_serial", i, i);
	fake_put(path, "T10 VPD Unit Serial Number: 1234");
}

/* One that has been seen may be another disk's by now. */
static void what_was_seen(void **state)
{
	const struct lio_export ex = { "loopback", "naa.5", "tpgt_1", 3 };
	struct lio_backstore a = { .hba = "user_1", .name = "z" };
	struct lio_backstore b = { .hba = "user_11", .name = "z" };
	char path[PATH_MAX];

	(void)state;
	fake_put(FAKE_TARGET "/loopback/naa.5/tpgt_1/lun/lun_3/alua_tg_pt_gp",
		 "");
	assert_false(lio_export_is_of(&fake_lio, &ex, &a));
	snprintf(path, sizeof(path),
		 "%s" FAKE_TARGET "/loopback/naa.5/tpgt_1/lun/lun_3/x",
		 fake_lio.root);
	assert_int_equal(symlink("../../../../../core/user_1/z", path), 0);
	assert_true(lio_export_is_of(&fake_lio, &ex, &a));
	assert_false(lio_export_is_of(&fake_lio, &ex, &b));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("../../../../../core/user_11/z", path), 0);
	assert_false(lio_export_is_of(&fake_lio, &ex, &a));
}

static bool is_in(void *user, const struct lio_backstore *bs)
{
	return !strcmp(lio_backstore_dir(bs), user);
}

static unsigned nr_user;
static char order[64];

static bool note_order(void *user, const struct lio_backstore *bs)
{
	size_t len = strlen(order);

	(void)user;
	snprintf(order + len, sizeof(order) - len, "%.8s ", bs->name);
	return ++nr_user < 11;
}

/* Whole when it is found, and in the order in which they were made. */
static void finding(void **state)
{
	static const char *const not_names[] = { "z",  "z*",	  "z[12]",
						 "?1", "",	  "z1/info",
						 "..", "hba_info" };
	struct lio_backstore bs;
	char dir[] = "/disks/10";

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		put_backstore(i);
	assert_true(lio_find_backstore(&fake_lio, is_in, dir, &bs));
	assert_string_equal(bs.name, "z10");
	assert_string_equal(bs.hba, "user_10");
	assert_string_equal(bs.unit_serial, "1234");
	assert_int_equal(bs.size_bytes, 4096);
	assert_true(bs.enabled);
	strcpy(dir, "/disks");
	assert_false(lio_find_backstore(&fake_lio, is_in, dir, &bs));

	assert_true(lio_find_name(&fake_lio, "z2", &bs));
	assert_string_equal(lio_backstore_dir(&bs), "/disks/2");
	assert_string_equal(bs.unit_serial, "1234");
	assert_string_equal(bs.name, "z2");
	for (unsigned i = 0; i < sizeof(not_names) / sizeof(not_names[0]); i++)
		assert_false(lio_find_name(&fake_lio, not_names[i], &bs));
	lio_each_backstore(&fake_lio, note_order, NULL);
	assert_string_equal(order, "z0 z1 z2 z3 z4 z5 z6 z7 z8 z9 z10 ");
}

static unsigned opens_of_a_search(void)
{
	struct lio_backstore bs;

	opens = 0;
	lio_find_backstore(&fake_lio, is_in, "/nowhere", &bs);
	lio_find_name(&fake_lio, "nobody", &bs);
	lio_name_is_taken(&fake_lio, "nobody");
	return opens;
}

/* Beside a thousand disks each command looks at all of them. */
static void one_look_at_each(void **state)
{
	unsigned before;

	(void)state;
	put_backstore(0);
	before = opens_of_a_search();
	for (unsigned i = 1; i <= 20; i++)
		put_backstore(i);
	/* Its info for the directory, and twice whether that name is there. */
	assert_int_equal(opens_of_a_search(), before + 20 * 3);
}

/* The kernel has several threads for each, which are younger than it is. */
static void the_daemon_is_found_first(void **state)
{
	char path[64];
	int pid;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		snprintf(path, sizeof(path), "/proc/%u/comm", 10000 + i);
		fake_put(path, "scsi_eh");
	}
	/* One that was ready before is not looked for. */
	fake_put("/proc/4242/comm", "other");
	assert_int_equal(lio_daemon_state(&fake_lio, &pid), LIO_DAEMON_NONE);
	fake_put("/proc/4242/comm", "tcmu-runner");
	opens = 0;
	assert_int_equal(lio_daemon_state(&fake_lio, &pid), LIO_DAEMON_READY);
	assert_int_equal(pid, 4242);
	assert_in_range(opens, 1, 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_enter, fake_leave)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(daemon_states),
		TEST(what_is_missing),
		TEST(devices_in_use),
		TEST(devices_open),
		TEST(odd_backstores),
		TEST(a_daemon_that_cannot_end),
		TEST(servers_that_do_not_answer),
		TEST(finding),
		TEST(what_was_seen),
		TEST(one_look_at_each),
		TEST(the_daemon_is_found_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
