// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A disk by each of its names, in every subcommand. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "live.h"
#include "machine.h"
#include "skip.h"

static struct live live;

/* The disk z0 is open in this test, and there is another one. */
static int enter(void **state)
{
	if (machine_enter(state))
		return -1;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "disks/1", NULL), 0);
	live_open(&live, "disks/0");
	machine_put("root/dev/null", "");
	return 0;
}

static int leave(void **state)
{
	live_close(&live);
	return machine_leave(state);
}

/* The backstore gets another name, as if its disk had been attached so. */
static void rename_backstore(const char *name)
{
	static const char lun[] = TARGET "/loopback/naa.5/tpgt_1/lun/lun_0";
	char path[256], to[256];

	snprintf(path, sizeof(path), TARGET "/core/user_0/%s", name);
	assert_int_equal(rename(TARGET "/core/user_0/z0", path), 0);
	assert_int_equal(unlink(TARGET "/loopback/naa.5/tpgt_1/lun/lun_0/z0"),
			 0);
	snprintf(path, sizeof(path), "../../../../../core/user_0/%s", name);
	snprintf(to, sizeof(to), "%s/%s", lun, name);
	assert_int_equal(symlink(path, to), 0);
}

static const char *const names[] = { "z0", "/dev/sdq", "disks/0",
				     "id=0,base_dir=disks", "./disks/0/" };
#define NR_NAMES (sizeof(names) / sizeof(names[0]))

static void each_name(const char *dir, const char *serial)
{
	for (size_t i = 0; i < NR_NAMES; i++) {
		assert_int_equal(zloop("info", names[i], NULL), 0);
		assert_contains(run_out, serial);
		assert_int_equal(zloop("zones", "--json", names[i], NULL), 0);
		assert_contains(run_out, dir);
		assert_int_equal(zloop("check", names[i], NULL), 0);
		assert_contains(run_err, "is in use");
		assert_int_equal(zloop("stats", names[i], NULL), 0);
		assert_contains(run_out, serial);
		assert_int_equal(zloop("top", "-n1", names[i], NULL), 0);
		assert_contains(run_out, "1 disk,");
		assert_int_equal(zloop("report", "--html=-", names[i], NULL),
				 0);
		assert_contains(run_out, serial);
		assert_int_equal(zloop("inject", "add", names[i], "busy", NULL),
				 0);
		assert_int_equal(
			zloop("inject", "clear", names[i], "all", NULL), 0);
		assert_int_equal(zloop("powerfail", names[i], NULL), 1);
		assert_contains(run_err, "discard_write_cache");
		assert_int_equal(zloop("remove", names[i], NULL), 1);
		assert_contains(run_err, "is in use: it is mounted");
		assert_int_equal(zloop("unexport", names[i], NULL), 1);
		assert_contains(run_err, "is not exported");
	}
}

static void every_verb(void **state)
{
	(void)state;
	each_name("disks/0", disk_meta(live.disk)->serial);
}

/* Numbers are the whole machine's, wherever the disk is. */
static void numbers(void **state)
{
	static const char *const words[] = { "id=7", "7", "zloop7" };

	(void)state;
	rename_backstore("zloop7");
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(zloop("remove", words[i], NULL), 1);
		assert_sentence("zloop7 (/dev/sdq) is in use");
		assert_int_equal(zloop("info", words[i], NULL), 0);
		assert_contains(run_out, disk_meta(live.disk)->serial);
	}
	/* No other disk gets it. */
	assert_int_equal(zloop("add", "id=7,base_dir=disks", NULL), 1);
	assert_contains(run_err, "id=7 is the disk in");
	assert_false(exists("disks/7"));
	/* … nor is it this one when it is said where. */
	assert_int_equal(zloop("remove", "id=7,base_dir=disks", NULL), 1);
	assert_sentence("no disk id=7,base_dir=disks is attached");
}

/* A copy that somebody has open, with the serial number of the disk that the
 * socket is of. */
static void a_copy(void **state)
{
	static const char *const verbs[] = { "powerfail", "snapshot" };
	int fd;

	(void)state;
	assert_int_equal(system("cp -a disks/0 disks/copy"), 0);
	fd = open("disks/copy", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(
		zloop("inject", "add", "disks/copy", "offline", "zone=3", NULL),
		1);
	assert_sentence("disks/copy is in use by");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(zloop(verbs[i], "disks/copy", NULL), 1);
		assert_int_equal(count_lines(run_err), 1);
	}
	assert_int_equal(zloop("inject", "list", "disks/0", NULL), 0);
	assert_null(strstr(run_out, "offline"));
	assert_int_equal(zloop("stats", "disks/copy", NULL), 1);
	close(fd);
	assert_int_equal(
		zloop("inject", "add", "disks/copy", "offline", "zone=3", NULL),
		0);
	assert_int_equal(zloop("zones", "disks/0", NULL), 0);
	assert_null(strstr(run_out, "offline"));
}

/* Where numbers are when nobody says where; for the rest of this program. */
static void take_var_local(void)
{
	if (unshare(CLONE_NEWNS) ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/var/local", "tmpfs", 0, NULL))
		skip_test("nothing can be mounted here");
	assert_int_equal(mkdir("/var/local/zloop", 0700), 0);
}

/* The same number where it always is, which would be next. */
static void two_of_a_number(void **state)
{
	static const char *const words[] = { "7", "id=7" };
	static const char own[] = "/var/local/zloop/7";

	(void)state;
	take_var_local();
	rename_backstore("zloop7");
	assert_int_equal(mkdir(own, 0700), 0);
	assert_int_equal(zloop("info", "7", NULL), 0);
	assert_int_equal(zloop("create", SMALL, own, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(zloop("info", words[i], NULL), 1);
		assert_sentence("7 is the disk in");
		assert_contains(run_err, "disks/0, attached as zloop7, and the "
					 "one in /var/local/zloop/7");
		assert_int_equal(zloop("remove", words[i], NULL), 1);
		assert_contains(run_err, "7 is the disk in");
		assert_int_equal(zloop("delete", words[i], NULL), 1);
		assert_contains(run_err, "7 is the disk in");
	}
	assert_int_equal(zloop("info", own, NULL), 0);
	assert_int_equal(zloop("info", "zloop7", NULL), 0);
	assert_contains(run_out, disk_meta(live.disk)->serial);
	assert_int_equal(zloop("delete", own, NULL), 0);
}

/* A word that means two disks means none. */
static void ambiguous(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "z0", NULL), 0);
	assert_int_equal(zloop("info", "z0", NULL), 1);
	assert_sentence("z0 is the disk in");
	assert_int_equal(zloop("remove", "z0", NULL), 1);
	assert_sentence("and the one in the directory ./z0");
	assert_int_equal(zloop("info", "./z0", NULL), 0);
	assert_int_equal(zloop("info", "/dev/sdq", NULL), 0);
}

/* … but a directory without a disk is none. */
static void not_ambiguous(void **state)
{
	(void)state;
	mkdir("z0", 0755);
	assert_int_equal(zloop("info", "z0", NULL), 0);
	assert_contains(run_out, disk_meta(live.disk)->serial);
}

/* The last word of add needs no slash. */
static void added(void **state)
{
	(void)state;
	assert_int_equal(zloop("add", "z0", NULL), 1);
	assert_contains(run_err, "is attached already, as z0, /dev/sdq");
	assert_int_equal(zloop("add", SMALL, "z0", NULL), 1);
	assert_contains(run_err, "is attached already, as z0, /dev/sdq");
	assert_int_equal(zloop("add", "/dev/sdq", NULL), 1);
	assert_contains(run_err, "is attached already, as z0, /dev/sdq");
	assert_int_equal(chdir("disks"), 0);
	setenv("ZLOOP_SYSTEM_ROOT", "../root", 1);
	assert_int_equal(zloop("add", "0", NULL), 1);
	assert_contains(run_err, "is attached already, as z0, /dev/sdq");
	/* An option, mistyped or not, is no directory. */
	assert_int_equal(zloop("add", "direct_ioo", NULL), 2);
	assert_int_equal(zloop("add", SMALL, "direct_io", NULL), 2);
	assert_int_equal(zloop("add", "base_dir=/srv", "x", NULL), 2);
	assert_sentence("as x does; leave them out");
	assert_int_equal(zloop("add", "id=3", "0", NULL), 2);
	assert_sentence("as 0 does; leave them out");
	assert_int_equal(zloop("add", "base_dir=.", "0", NULL), 1);
	assert_contains(run_err, "is attached already, as z0, /dev/sdq");
	assert_int_equal(zloop("add", "/dev/sdr", NULL), 1);
	assert_sentence("no disk /dev/sdr");
	assert_int_equal(count_entries("."), 2);
	assert_int_equal(chdir(".."), 0);
}

static void unknown(void **state)
{
	static const char *const verbs[] = { "info",  "zones",	   "check",
					     "stats", "powerfail", "remove",
					     "export" };

	(void)state;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		assert_int_equal(zloop(verbs[i], "zloop9", NULL),
				 strcmp(verbs[i], "export") ? 1 : 2);
		assert_contains(run_err, strcmp(verbs[i], "export")
						 ? "disk zloop9"
						 : "say who may log in");
	}
	assert_int_equal(zloop("export", "--open", "zloop9", NULL), 1);
	assert_contains(run_err, "no disk zloop9");
	assert_int_equal(zloop("info", "--json", "/dev/sdz", NULL), 1);
	assert_contains(run_out, "there is no disk /dev/sdz");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_verb, enter, leave),
		cmocka_unit_test_setup_teardown(numbers, enter, leave),
		cmocka_unit_test_setup_teardown(ambiguous, enter, leave),
		cmocka_unit_test_setup_teardown(not_ambiguous, enter, leave),
		cmocka_unit_test_setup_teardown(added, enter, leave),
		cmocka_unit_test_setup_teardown(unknown, enter, leave),
		cmocka_unit_test_setup_teardown(a_copy, enter, leave),
		cmocka_unit_test_setup_teardown(two_of_a_number, enter, leave),
	};

	return skip_run_tests(tests, NULL, NULL);
}
