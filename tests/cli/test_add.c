// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop add, remove, list, export, unexport and watch, as far as they go
 * without a kernel that has a target: in a made-up tree of files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "machine.h"

static void wrong_usage(void **state)
{
	static const char *const wrong[][4] = {
		{ "add", SMALL, "./a", "./b" },
		{ "add", SMALL, "conv_zones=2" },
		{ "add", "frobnicate=1" },
		{ "add", "zone_size_mb=3" },
		{ "add", "capacity_mb" },
		{ "add", "id=1", "./a" },
		{ "add", "1", "2" },
		{ "add", "--timeout", "0" },
		{ "add", "--timeout", "1s" },
		{ "remove" },
		{ "remove", "--all", "b" },
		{ "export" },
		{ "export", "z0" },
		{ "export", "z0", "--acl", "nobody" },
		{ "export", "z0", "--acl", "iqn.2001-01.Big" },
		{ "export", "z0", "--acl", "iqn.a/../../b" },
		{ "export", "z0", "--open", "--user=a" },
		{ "export", "z0", "--acl=iqn.a", "--password=short" },
		{ "export", "z0", "--acl=iqn.a", "--user=a b" },
		{ "export", "z0", "--open", "--password-file=x" },
		{ "export", "z0", "--open", "--portal=localhost" },
		{ "export", "z0", "--open", "--portal=1.2.3.4:" },
		{ "export", "z0", "--open", "--portal=1.2.3.4:0" },
		{ "export", "z0", "--open", "--portal=1.2.3.4:65536" },
		{ "export", "z0", "--open", "--portal=[::1" },
		{ "export", "z0", "--open", "--portal=[::1]3260" },
		{ "export", "z0", "--open", "--portal=::1" },
		{ "export", "z0", "--open", "--portal=[1.2.3.4]" },
		{ "unexport" },
		{ "watch", "a" },
		{ "watch", "--count", "0" },
		{ "watch", "--count", "-1" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(zloop(wrong[i][0], wrong[i][1], wrong[i][2],
				       wrong[i][3], NULL),
				 2);
		assert_string_equal(run_out, "");
		assert_string_not_equal(run_err, "");
	}
	assert_int_equal(count_entries("disks"), 0);
	assert_int_equal(zloop("add", "1", "2", NULL), 2);
	assert_contains(run_err, "1 and 2 are two disks");
}

/* Before anything is made. */
static void machine_not_ready(void **state)
{
	(void)state;
	machine_put("root/proc/77/maps", "7f00 /usr/lib/handler_fbo.so");
	assert_int_equal(zloop("add", SMALL, "./disks/1", NULL), 1);
	assert_sentence("has not loaded handler_zloop.so");
	assert_int_equal(zloop("export", "z0", "--open", NULL), 1);
	assert_sentence("has not loaded handler_zloop.so");
	unlink("root/proc/77/comm");
	assert_int_equal(zloop("add", SMALL, "./disks/1", NULL), 1);
	assert_sentence("tcmu-runner does not run");
	rename("root/sys/module/tcm_loop", "root/away");
	assert_int_equal(zloop("add", SMALL, "./disks/1", NULL), 1);
	assert_sentence("no module tcm_loop");
	assert_string_equal(run_out, "");
	assert_int_equal(count_entries("disks"), 0);
}

/* Nothing is attached for a secret that will not do. */
static void secrets(void **state)
{
	static const char *const bad[][2] = {
		{ "short", "has less than 12 characters" },
		{ "twelve chars or so", "letters, digits and" },
		{ "", "letters, digits and" },
	};

	(void)state;
	unlink("root/proc/77/comm");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		machine_put("secret", bad[i][0]);
		assert_int_equal(zloop("export", "z0", "--acl=iqn.a",
				       "--password-file=secret", NULL),
				 1);
		assert_sentence(bad[i][1]);
	}
	assert_int_equal(zloop("export", "z0", "--acl=iqn.a",
			       "--password-file=nowhere", NULL),
			 1);
	assert_sentence("nowhere cannot be read");
	/* It is good, and nothing is said of it: the daemon is missing. */
	machine_put("secret", "0123456789abcdef");
	assert_int_equal(zloop("export", "z0", "--acl=iqn.a",
			       "--password-file=secret", NULL),
			 1);
	assert_sentence("tcmu-runner does not run");
	assert_int_equal(zloop("export", "z0", "--acl=iqn.a", NULL), 1);
	assert_sentence("tcmu-runner does not run");
}

/* What is there already is as good, if it is what was asked for. */
static void ensured(void **state)
{
	struct json_object *o;

	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("add", "--ensure", "disks/0", NULL), 0);
	assert_string_equal(run_out, "/dev/sdq\n");
	assert_int_equal(zloop("add", "--ensure", SMALL, "z0", NULL), 0);
	assert_string_equal(run_out, "/dev/sdq\n");
	assert_int_equal(zloop("add", "--ensure", "id=0,base_dir=disks", NULL),
			 0);
	assert_string_equal(run_out, "/dev/sdq\n");
	assert_int_equal(zloop("add", "-ej", "disks/0", NULL), 0);
	o = out_json();
	assert_string_equal(member_str(o, "device"), "/dev/sdq");
	assert_string_equal(member_str(o, "name"), "z0");
	assert_int_equal(member_u64(o, "zones"), 8);
	assert_false(json_object_get_boolean(member(o, "made")));
	json_object_put(o);
	assert_int_equal(
		zloop("add", "--ensure", "conv_zones=2", "disks/0", NULL), 1);
	assert_sentence("conv_zones=2 does not agree with the disk in disks/0");
	assert_int_equal(zloop("add", "disks/0", NULL), 1);
	assert_sentence("attached already");
	assert_int_equal(zloop("add", "--ensure", NULL), 2);
	assert_sentence("--ensure needs to know which disk");
	/* It goes on to add it, as far as this machine lets it. */
	unlink("root/proc/77/comm");
	assert_int_equal(zloop("add", "--ensure", SMALL, "./disks/1", NULL), 1);
	assert_sentence("tcmu-runner does not run");
}

#define BACKSTORE TARGET "/core/user_0/z0"
#define BLOCK	  "root/sys/bus/scsi/devices/3:0:1:0/block/sdq"

/* Somebody else is attaching it. */
static void ensured_meanwhile(void **state)
{
	static const char *const steps[] = {
		"(sleep 0.4; echo 1 >" BACKSTORE "/enable) &",
		"mv " BLOCK " sdq; (sleep 0.4; mv sdq " BLOCK ") &",
	};

	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	machine_put(BACKSTORE "/enable", "0");
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(system(steps[i]), 0);
		assert_int_equal(zloop("add", "--ensure", "disks/0", NULL), 0);
		assert_string_equal(run_out, "/dev/sdq\n");
	}
	/* There is an end of it. */
	machine_put(BACKSTORE "/enable", "0");
	assert_int_equal(zloop("add", "-e", "-t1", "disks/0", NULL), 1);
	assert_sentence("z0, but has no block device on this machine");
}

/* One that waits for another's turn, and finds what that has done. */
static void ensured_in_turn(void **state)
{
	char name[32], path[4200], command[512];

	snprintf(path, sizeof(path), "%s/disks/0", machine_dir);
	snprintf(name, sizeof(name), "add-%08x.lock",
		 crc32c(path, strlen(path)));
	snprintf(command, sizeof(command),
		 "exec 9>%s && flock 9 && "
		 "mv " TARGET "/core/user_0 . && { "
		 "(sleep 0.4; mv user_0 " TARGET "/core; sleep 0.1; rm %s) & }",
		 name, name);

	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("add", "--ensure", "disks/0", NULL), 0);
	assert_int_equal(system(command), 0);
	assert_int_equal(zloop("add", "--ensure", "disks/0", NULL), 0);
	assert_string_equal(run_out, "/dev/sdq\n");
	assert_false(exists(name));
}

/* Also where nothing is yet of where the disk is to be, however it is spelled.
 */
static void in_turn_before_it_is_there(void **state)
{
	static const char *const names[] = { "new/deep/7", "new//deep/7/",
					     "./new/deep/7", "new/deep//7//" };
	char name[32], path[4200], command[512];

	(void)state;
	snprintf(path, sizeof(path), "%s/new/deep/7", machine_dir);
	snprintf(name, sizeof(name), "add-%08x.lock",
		 crc32c(path, strlen(path)));
	snprintf(command, sizeof(command),
		 "exec 9>%s && flock 9 && "
		 "{ (sleep 0.3; touch over; rm %s) & }",
		 name, name);
	unlink("root/proc/77/comm");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(system(command), 0);
		assert_int_equal(zloop("add", "-e", SMALL, names[i], NULL), 1);
		assert_true(exists("over"));
		unlink("over");
	}
}

/* A number that is none makes no disk in the working directory. */
static void no_number(void **state)
{
	static const char *const words[] = { "2147483648",
					     "99999999999999999999" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(zloop("add", words[i], NULL), 1);
		assert_sentence(" is no disk's number, which are 0 to "
				"2147483647; a directory of that name is ./");
		assert_false(exists(words[i]));
	}
}

/* Of the machine that is looked at, not of the one that the test runs on. */
static void saved(void **state)
{
	static const char bad[] = "#!/bin/sh\nexit 1";
	char root[4200];

	(void)state;
	snprintf(root, sizeof(root), "%s/root", machine_dir);
	setenv("ZLOOP_SYSTEM_ROOT", root, 1);
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("add", "-e", "disks/0", "--save", NULL), 1);
	assert_sentence("neither targetctl (python3-rtslib-fb) nor targetcli");
	assert_string_equal(run_out, "/dev/sdq\n");
	machine_put("root/usr/bin/targetcli", bad);
	assert_int_equal(chmod("root/usr/bin/targetcli", 0755), 0);
	assert_int_equal(zloop("add", "-e", "disks/0", "--save", NULL), 1);
	assert_sentence("the configuration is not saved: targetctl save fails");
	machine_put("root/usr/bin/targetctl", "#!/bin/sh\n[ \"$*\" = save ]");
	assert_int_equal(chmod("root/usr/bin/targetctl", 0755), 0);
	assert_int_equal(zloop("add", "-e", "disks/0", "--save", NULL), 0);
	assert_string_equal(run_err, "");
	/* What failed is not saved. */
	unlink("root/usr/bin/targetctl");
	assert_int_equal(zloop("remove", "nothing", "--save", NULL), 1);
	assert_sentence("no disk nothing is attached");
	/* … of several that is not clear without a word. */
	assert_int_equal(zloop("remove", "no", "such", "--save", NULL), 1);
	assert_contains(run_err, "zloop: note: nothing is saved, as not all");
	assert_int_equal(zloop("remove", "no", "such", NULL), 1);
	assert_int_equal(count_lines(run_err), 2);
	assert_int_equal(zloop("unexport", "z0", "no", "--save", NULL), 1);
	assert_contains(run_err, "zloop: note: nothing is saved, as not all");
	assert_int_equal(zloop("unexport", "z0", "--save", NULL), 1);
	assert_sentence("is not exported over iSCSI");
	assert_int_equal(zloop("unexport", "--all", "--save", NULL), 1);
	assert_sentence("the configuration is not saved");
}

static void notes(void **state)
{
	(void)state;
	unlink("root/proc/77/comm");
	assert_int_equal(
		zloop("add",
		      "buffered_io,nr_queues=2,queue_depth=64,"
		      "zone_append=0,ordered_zone_append,discard_write_cache",
		      NULL),
		1);
	assert_int_equal(count_lines(run_err), 6);
	assert_contains(run_err, "note: ordered_zone_append changes nothing");
}

static void lists(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/1", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	mkdir("disks/empty", 0755);
	assert_int_equal(zloop("list", "disks", NULL), 0);
	assert_string_equal(run_err, "");
	assert_contains(run_out, "z0    /dev/sdq   8 MiB      attached  ");
	assert_contains(run_out, "-     -          8 MiB      detached  "
				 "disks/1\n");
	/* Attached, and not once more. */
	assert_int_equal(count_lines(run_out), 3);
	unlink("root/proc/77/comm");
	assert_int_equal(zloop("list", NULL), 0);
	assert_contains(run_out, " no tcmu-runner ");
	assert_int_equal(zloop("list", "nowhere", NULL), 1);
	assert_sentence("nowhere");
}

static void lists_json(void **state)
{
	struct json_object *all, *o, *ex;

	(void)state;
	machine_put("root/sys/block/sdq/device/scsi_generic/sg7/dev", "21:7");
	machine_put(TARGET "/iscsi/iqn.t/tpgt_1/acls/iqn.i/info",
		    "InitiatorName: iqn.i");
	mkdir(TARGET "/iscsi/iqn.t/tpgt_1/lun", 0755);
	mkdir(TARGET "/iscsi/iqn.t/tpgt_1/lun/lun_3", 0755);
	assert_int_equal(symlink("/x/core/user_0/z0",
				 TARGET "/iscsi/iqn.t/tpgt_1/lun/lun_3/z0"),
			 0);
	assert_int_equal(zloop("create", SMALL, "disks/1", NULL), 0);
	assert_int_equal(zloop("list", "--json", "disks/1", NULL), 0);
	all = out_json();
	assert_int_equal(json_object_array_length(all), 2);
	o = json_object_array_get_idx(all, 0);
	assert_string_equal(member_str(o, "name"), "z0");
	assert_string_equal(member_str(o, "device"), "/dev/sdq");
	assert_int_equal(member_u64(o, "capacity_bytes"), 8388608);
	assert_true(json_object_get_boolean(member(o, "attached")));
	assert_int_equal(json_object_array_length(member(o, "exports")), 2);
	ex = json_object_array_get_idx(member(o, "exports"), 0);
	assert_string_equal(member_str(ex, "target"), "iqn.t");
	assert_int_equal(member_u64(ex, "lun"), 3);
	assert_int_equal(member_u64(ex, "sessions"), 1);
	ex = json_object_array_get_idx(member(o, "exports"), 1);
	assert_string_equal(member_str(ex, "device"), "/dev/sdq");
	assert_string_equal(member_str(o, "sg"), "/dev/sg7");
	assert_null(member(o, "id"));
	assert_null(member(o, "serial"));
	o = json_object_array_get_idx(all, 1);
	assert_null(member(o, "name"));
	assert_null(member(o, "device"));
	assert_string_equal(member_str(o, "state"), "detached");
	assert_int_equal(strlen(member_str(o, "serial")), 16);
	assert_int_equal(member_u64(o, "id"), 1);
	assert_int_equal(member_u64(o, "zones"), 8);
	assert_int_equal(member_u64(o, "zone_size_bytes"), 1048576);
	assert_string_equal(member_str(o, "model"), "host-managed");
	assert_null(member(o, "sg"));
	json_object_put(all);
}

/* Deleted or moved under the disk that is attached. */
static void directory_is_gone(void **state)
{
	char dir[4200];
	const char *const names[] = { "z0", "/dev/sdq", dir };

	(void)state;
	snprintf(dir, sizeof(dir), "%s/disks/0", machine_dir);
	assert_int_equal(zloop("list", NULL), 0);
	assert_contains(run_out, " directory is gone ");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(zloop("info", names[i], NULL), 1);
		assert_sentence("the disk z0 is attached, but its directory ");
		assert_contains(run_err, "zloop remove z0 detaches it");
	}
}

/* A directory's name is no pattern, and need not be text. */
static void lists_odd_names(void **state)
{
	static const char *const dirs[] = { "disks/[0-9]*?", "disks/\\a",
					    "disks/\xff\xc3\xa9" };
	char path[64];
	struct json_object *all;

	(void)state;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		mkdir(dirs[i], 0755);
		snprintf(path, sizeof(path), "%s/1", dirs[i]);
		assert_int_equal(zloop("create", SMALL, path, NULL), 0);
		assert_int_equal(zloop("list", dirs[i], NULL), 0);
		assert_contains(run_out, path);
	}
	/* JSON is UTF-8: what is not is shown as U+FFFD. */
	assert_int_equal(zloop("list", "--json", dirs[2], NULL), 0);
	assert_contains(run_out, "disks/\xef\xbf\xbd\xc3\xa9/1\"");
	all = out_json();
	json_object_put(all);
	assert_int_equal(zloop("info", "--json", path, NULL), 0);
	assert_null(strchr(run_out, '\xff'));
}

/* All that are attached, as far as they can be. */
static void removes_several(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("remove", "--all", NULL), 1);
	assert_sentence("z0 (/dev/sdq) is in use: it is mounted on /mnt");
	assert_int_equal(zloop("remove", "nowhere", "z0", NULL), 1);
	assert_contains(run_err, "no disk nowhere is attached");
	assert_contains(run_err, "z0 (/dev/sdq) is in use");
	assert_int_equal(zloop("info", "--all", NULL), 0);
	assert_contains(run_out, "/disks/0\n  serial ");
	assert_int_equal(zloop("check", "--all", NULL), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(zloop("check", "--all", "z0", NULL), 2);
	assert_int_equal(zloop("info", NULL), 2);
	assert_int_equal(zloop("delete", "z0", NULL), 1);
	assert_sentence("is attached as z0; zloop remove z0 first");
	assert_true(exists("disks/0/zloop.json"));
}

/* By every name that it has. */
static void in_use(void **state)
{
	static const char *const names[] = { "z0", "/dev/sdq", "disks/0",
					     "id=0,base_dir=disks" };

	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(zloop("remove", names[i], NULL), 1);
		assert_sentence("z0 (/dev/sdq) is in use: it is mounted on "
				"/mnt");
	}
	assert_true(exists(TARGET "/loopback/naa.5/tpgt_1/lun/lun_0/z0"));
	assert_int_equal(zloop("unexport", "z0", NULL), 1);
	assert_sentence("z0 is not exported over iSCSI");
}

static void not_attached(void **state)
{
	static const char *const names[] = { "z1",	"/dev/sda", "disks/1",
					     "id=1",	"1",	    "id=x",
					     "nowhere", "/" };

	(void)state;
	assert_int_equal(zloop("create", SMALL, "disks/1", NULL), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(zloop("remove", names[i], NULL), 1);
		assert_sentence("is attached");
		assert_contains(run_err, names[i]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wrong_usage, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(machine_not_ready,
						machine_enter, machine_leave),
		cmocka_unit_test_setup_teardown(secrets, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(ensured, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(ensured_meanwhile,
						machine_enter, machine_leave),
		cmocka_unit_test_setup_teardown(ensured_in_turn, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(in_turn_before_it_is_there,
						machine_enter, machine_leave),
		cmocka_unit_test_setup_teardown(no_number, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(saved, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(notes, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(lists, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(lists_json, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(directory_is_gone,
						machine_enter, machine_leave),
		cmocka_unit_test_setup_teardown(lists_odd_names, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(removes_several, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(in_use, machine_enter,
						machine_leave),
		cmocka_unit_test_setup_teardown(not_attached, machine_enter,
						machine_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
