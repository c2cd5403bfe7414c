// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop stats and zloop top, with disks that are open here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "live.h"
#include "skip.h"

#define ZONE_BLOCKS 2048u

static struct live a, b;

static int enter(void **state)
{
	static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
				  "max_open_zones=3";

	work_enter(state);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_int_equal(zloop("create", how, "a", NULL), 0);
	/* A name that needs care in most forms. */
	assert_int_equal(zloop("create", how, "b \"<&\\", NULL), 0);
	live_open(&a, "a");
	live_open(&b, "b \"<&\\");
	/* 2 writes, 1 read, 1 sync, 1 open, 1 refused write. */
	live_io(&a, DISK_WRITE, 2 * ZONE_BLOCKS);
	live_io(&a, DISK_WRITE, 2 * ZONE_BLOCKS + 1);
	live_io(&a, DISK_READ, 0);
	live_io(&a, DISK_SYNC, 0);
	live_zone(&a, ZO_OPEN, 3 * ZONE_BLOCKS);
	assert_int_equal(live_io(&a, DISK_WRITE, 4 * ZONE_BLOCKS + 7),
			 DISK_REFUSED);
	return 0;
}

static int leave(void **state)
{
	live_close(&a);
	live_close(&b);
	return work_leave(state);
}

static void text(void **state)
{
	(void)state;
	assert_int_equal(zloop("stats", "a", NULL), 0);
	assert_string_equal(run_err, "");
	assert_contains(run_out, "/a\n  serial ");
	assert_contains(run_out, "  zones: 2 not-write-pointer, 4 empty, "
				 "1 implicitly-opened, 1 explicitly-opened\n");
	assert_contains(run_out, "\n  write                3        1 KiB ");
	assert_contains(run_out, "\n  read                 1    512 bytes ");
	assert_contains(run_out, "\n  open                 1            - ");
	assert_contains(run_out, "\n  failed: refused 1\n");
	assert_contains(run_out, "\n  write_rule_violations                   "
				 "1\n");
	assert_null(strstr(run_out, "b \""));
}

/* One of each kind. */
static void open_zones(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--condition=open", "a", NULL), 0);
	assert_int_equal(count_lines(run_out), 3);
	assert_contains(run_out, "implicitly-opened");
	assert_contains(run_out, "explicitly-opened");
}

static struct json_object *one_of(struct json_object *root, const char *dir)
{
	for (size_t i = 0; i < json_object_array_length(root); i++) {
		struct json_object *o = json_object_array_get_idx(root, i);

		if (strstr(member_str(o, "directory"), dir))
			return o;
	}
	fail_msg("%s is not there", dir);
	return NULL;
}

static void json_of_all(void **state)
{
	struct json_object *root, *o;

	(void)state;
	assert_int_equal(zloop("stats", "--json", NULL), 0);
	root = out_json();
	assert_int_equal(json_object_array_length(root), 2);
	assert_non_null(one_of(root, "/b \"<&\\"));
	o = member(member(one_of(root, "/a"), "operations"), "write");
	assert_int_equal(member_u64(o, "done"), 3);
	assert_int_equal(member_u64(o, "bytes"), 1024);
	assert_int_equal(json_object_array_length(member(o, "latency")), 26);
	assert_int_equal(member_u64(one_of(root, "/a"), "max_open_zones"), 3);
	json_object_put(root);
}

static void feed(const char *command)
{
	FILE *f = popen(command, "w");

	assert_non_null(f);
	assert_int_equal(fputs(run_out, f) < 0, 0);
	if (pclose(f))
		fail_msg("%s complains of:\n%s", command, run_out);
}

static void prometheus(void **state)
{
	(void)state;
	assert_int_equal(zloop("stats", "--prometheus", NULL), 0);
	assert_string_equal(run_err, "");
	feed(PROMETHEUS_CHECK);
	assert_contains(run_out, "# HELP zloop_zones Zones in each condition."
				 "\n# TYPE zloop_zones gauge\n");
	assert_contains(run_out, "/a\",condition=\"explicitly-opened\"} 1\n");
	assert_contains(run_out, "/b \\\"<&\\\\\",condition=\"empty\"} 6\n");
	/* What nothing was in is left out. */
	assert_null(strstr(run_out, "/a\",operation=\"finish\",le=\"1"));
	assert_contains(run_out, "/a\",operation=\"finish\",le=\"+Inf\"} 0\n");
	assert_null(strstr(run_out, "/a\",operation=\"write\",le=\"17.1"));
	assert_contains(run_out, "/a\",operation=\"write\",le=\"");
	assert_contains(run_out, "/a\",operation=\"write\",le=\"+Inf\"} 3\n");
	assert_contains(run_out, "/a\",reason=\"refused\"} 1\n");
	assert_contains(run_out, "/a\",operation=\"write\"} 1024\n");
}

/* The disk's block device, as others call it. */
static void prometheus_device(void **state)
{
	static const char make[] =
		"t=root/sys/kernel/config/target; l=$t/loopback/naa.5/tpgt_1 "
		"&& "
		"mkdir -p $t/core/user_0/z0 $l/lun/lun_0 "
		"root/sys/bus/scsi/devices/3:0:1:0/block/sdq && "
		"echo \"Config: zloop/@$PWD/a Size: 8\" "
		">$t/core/user_0/z0/info "
		"&& echo 1 >$t/core/user_0/z0/enable && echo 3:0:1 >$l/address "
		"&& ln -s ../../../../../core/user_0/z0 $l/lun/lun_0/z0";

	(void)state;
	assert_int_equal(system(make), 0);
	setenv("ZLOOP_SYSTEM_ROOT", "root", 1);
	assert_int_equal(zloop("stats", "--prometheus", NULL), 0);
	unsetenv("ZLOOP_SYSTEM_ROOT");
	feed(PROMETHEUS_CHECK);
	assert_contains(run_out,
			"/a\",device=\"sdq\",condition=\"empty\"} 4\n");
	assert_contains(run_out, "/b \\\"<&\\\\\",condition=\"empty\"} 6\n");
	assert_int_equal(system("rm -r root"), 0);
}

/* A socket without a daemon, and a disk without either. */
static void not_running(void **state)
{
	struct json_object *o;
	char *run_dir;

	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=2,zone_size_mb=1,"
			       "conv_zones=1",
			       "c", NULL),
			 0);
	make_file("0123456789abcdef.sock", 0);
	assert_int_equal(zloop("stats", "-j", NULL), 0);
	assert_string_equal(run_err, "");
	/* Silence would look like a disk that does nothing. */
	setenv("ZLOOP_SYSTEM_ROOT", "root", 1);
	run_dir = strdup(getenv("ZLOOP_RUN_DIR"));
	setenv("ZLOOP_RUN_DIR", "/nowhere", 1);
	assert_int_equal(zloop("stats", NULL), 0);
	assert_sentence("note: no disk is attached");
	assert_int_equal(
		system("mkdir -p root/sys/kernel/config/target/core/user_0/z0 "
		       "&& cd root/sys/kernel/config/target/core/user_0/z0 && "
		       "echo 'Config: zloop/@/d Size: 8' >info && "
		       "echo 1 >enable"),
		0);
	assert_int_equal(zloop("stats", NULL), 1);
	assert_sentence("1 disk is attached, but no process has it open");
	unsetenv("ZLOOP_SYSTEM_ROOT");
	setenv("ZLOOP_RUN_DIR", run_dir, 1);
	free(run_dir);
	assert_int_equal(zloop("stats", "c", NULL), 1);
	assert_sentence("nobody has the disk in c open");
	assert_string_equal(run_out, "");
	assert_int_equal(zloop("stats", "nowhere", "a", NULL), 1);
	assert_sentence("nowhere");
	assert_contains(run_out, "/a\n");
	assert_int_equal(zloop("stats", "--json", "--prometheus", NULL), 2);
	setenv("ZLOOP_RUN_DIR", "/nowhere/at/all", 1);
	assert_int_equal(zloop("stats", NULL), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(zloop("stats", "-p", NULL), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(zloop("stats", "-j", NULL), 0);
	/* Lists are printed differently by json-c 0.18. */
	o = out_json();
	assert_int_equal(json_object_array_length(o), 0);
	json_object_put(o);
}

static void top(void **state)
{
	(void)state;
	assert_int_equal(zloop("top", "--batch", "--count", "2", "--interval",
			       "0.1", "a", NULL),
			 0);
	assert_string_equal(run_err, "");
	assert_int_equal(strncmp(run_out, "zloop top  ", 11), 0);
	assert_contains(run_out, "  1 disk, every 0.1 s\n");
	assert_contains(run_out, "\n  open zones 2 of 3, in flight 0, failed "
				 "1 (of 1), repeated writes absorbed 0\n");
	/* The second picture is about the time in between. */
	assert_contains(run_out, "\n  open zones 2 of 3, in flight 0, failed "
				 "0 (of 1), repeated writes absorbed 0\n");
	assert_contains(run_out, "\n  write         0.0            -    0.00 "
				 "       -        -        -\n");
	assert_contains(run_out, "\n  zones       2 I▁                   3 X ");
	assert_null(strchr(run_out, '\033'));
}

static void top_of_all(void **state)
{
	(void)state;
	/* Not a terminal: as with --batch. */
	assert_int_equal(zloop("top", "-n1", NULL), 0);
	assert_contains(run_out, "  2 disks, every 1 s\n");
	assert_contains(run_out, "/b \"<&\\\n");
}

/* What cannot be seen is no empty picture for ever. */
static void top_of_none(void **state)
{
	(void)state;
	live_close(&b);
	assert_int_equal(zloop("top", "-n1", "b \"<&\\", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("nobody has the disk in b \"<&\\ open");
	live_open(&b, "b \"<&\\");
}

/* On a terminal of so many lines; the words are shell's. */
static void on_a_terminal(unsigned lines, const char *words)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "script -qec \"stty rows %u cols 100; " ZLOOP_PATH
		 " top %s\" /dev/null </dev/null >out",
		 lines, words);
	assert_int_equal(system(cmd), 0);
}

/* The header stays where it is, and the order is the directories'. */
static void top_of_more_than_fit(void **state)
{
	char *out;

	(void)state;
	if (!have_tool("script"))
		skip_test("no script(1)");
	on_a_terminal(16, "-n1");
	out = read_file("out");
	assert_contains(out, "2 disks, every 1 s");
	assert_contains(out, "/a\r\n");
	assert_null(strstr(out, "/b \""));
	assert_contains(out, "\r\n1 more disk; zloop top DISK... shows");
	free(out);
	on_a_terminal(40, "-n1");
	out = read_file("out");
	assert_true(strstr(out, "/b \"") > strstr(out, "/a\r\n"));
	assert_null(strstr(out, "more disk"));
	free(out);
}

static void top_usage(void **state)
{
	(void)state;
	assert_int_equal(zloop("top", "-n0", NULL), 2);
	assert_int_equal(zloop("top", "-nx", NULL), 2);
	assert_int_equal(zloop("top", "-i0", NULL), 2);
	assert_contains(run_err, "from 0.1 to 3600");
	assert_int_equal(zloop("top", "-inan", NULL), 2);
	assert_int_equal(zloop("top", "-n1", "nowhere", NULL), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, enter, leave)
		T(text),
		T(open_zones),
		T(json_of_all),
		T(prometheus),
		T(prometheus_device),
		T(not_running),
		T(top),
		T(top_of_all),
		T(top_of_none),
		T(top_of_more_than_fit),
		T(top_usage),
	};

	return skip_run_tests(tests, NULL, NULL);
}
