// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at a machine: tcmu-runner, what is missing, who uses a disk. */
#include <errno.h>
#include <limits.h>
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

/* Who does not keep others out is found by what he has open. */
static void devices_open(void **state)
{
	char who[256], path[PATH_MAX];

	(void)state;
	fake_put("/proc/31/comm", "cat");
	fake_put("/proc/77/comm", "fio");
	fake_put("/proc/77/fd/x", "");
	assert_false(lio_device_is_open(&fake_lio, "sdq", who, sizeof(who)));
	snprintf(path, sizeof(path), "%s/proc/77/fd/5", fake_lio.root);
	assert_int_equal(symlink("/dev/sdq", path), 0);
	assert_true(lio_device_is_open(&fake_lio, "sdq", who, sizeof(who)));
	assert_string_equal(who, "process 77 (fio)");
	assert_false(lio_device_is_open(&fake_lio, "sd", who, sizeof(who)));
	assert_false(lio_device_is_open(&fake_lio, "sdqq", who, sizeof(who)));
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
