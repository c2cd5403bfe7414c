// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop snapshot, snapshots, restore, clone, record and replay; disks that are
 * open in the test, and disks that are not. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kill_calls.h"
#include "live.h"
#include "skip.h"

#define ZONE_BLOCKS 2048u
#define ZONE(n)	    ((uint64_t)(n)*ZONE_BLOCKS)

static const char how[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2";
static struct live a;

static int enter(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create", how, "a", NULL), 0);
	return 0;
}

static int enter_live(void **state)
{
	enter(state);
	live_open(&a, "a");
	return 0;
}

static int leave_live(void **state)
{
	live_close(&a);
	return work_leave(state);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* As a disk of 512 byte blocks has it. */
static void write_zone(const char *dir, const char *zone, char c)
{
	char path[64], text[1025];

	memset(text, c, 1024);
	text[1024] = 0;
	snprintf(path, sizeof(path), "%s/%s", dir, zone);
	write_file(path, text);
}

static void assert_zone(const char *dir, const char *zone, char c)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/%s", dir, zone);
	assert_int_equal(file_size(path), c ? 1024 : 0);
	text = read_file(path);
	if (c)
		assert_int_equal(text[1000], c);
	free(text);
}

static void there_and_back(void **state)
{
	struct json_object *root;

	(void)state;
	write_zone("a", "seq-000003", 'x');
	assert_int_equal(zloop("snapshot", "a", "first", NULL), 0);
	assert_string_equal(run_out, "first\n");
	write_zone("a", "seq-000003", 'y');
	write_zone("a", "seq-000004", 'z');
	assert_int_equal(zloop("snapshots", "--json", "a", NULL), 0);
	root = out_json();
	assert_int_equal(json_object_array_length(root), 1);
	assert_string_equal(
		member_str(json_object_array_get_idx(root, 0), "name"),
		"first");
	json_object_put(root);
	assert_int_equal(zloop("restore", "a", "first", NULL), 0);
	assert_silent();
	assert_zone("a", "seq-000003", 'x');
	assert_zone("a", "seq-000004", 0);
	assert_int_equal(zloop("restore", "--json", "a", "first", NULL), 0);
	root = out_json();
	assert_string_equal(member_str(root, "name"), "first");
	assert_null(member(root, "device"));
	json_object_put(root);
	/* The snapshot is still there, and nobody minds. */
	assert_zone("a/zloop.snapshots/first", "seq-000003", 'x');
	assert_int_equal(zloop("check", "a", NULL), 0);
	assert_int_equal(zloop("info", "a", NULL), 0);
	assert_contains(run_out, "\n  snapshot        first\n");
	assert_int_equal(
		zloop("snapshot", "--delete", "--json", "a", "first", NULL), 0);
	root = out_json();
	assert_string_equal(member_str(root, "name"), "first");
	assert_true(json_object_get_boolean(member(root, "deleted")));
	json_object_put(root);
	assert_false(exists("a/zloop.snapshots"));
	assert_int_equal(zloop("delete", "a", NULL), 0);
}

static void refusals(void **state)
{
	(void)state;
	assert_int_equal(zloop("snapshot", "a", "one", NULL), 0);
	assert_int_equal(zloop("snapshot", "a", "one", NULL), 1);
	assert_sentence("there is a snapshot one of ");
	assert_int_equal(zloop("snapshot", "a", "../b", NULL), 1);
	assert_sentence("'../b' is no snapshot's name");
	assert_int_equal(zloop("snapshot", "a", "x.tmp", NULL), 1);
	assert_int_equal(zloop("snapshot", "--delete", "a", "two", NULL), 1);
	assert_sentence("there is no snapshot two of ");
	assert_int_equal(zloop("restore", "a", "two", NULL), 1);
	assert_sentence("there is no snapshot two of ");
	assert_int_equal(zloop("clone", "a", "a", NULL), 1);
	assert_sentence("a is not empty");
	assert_int_equal(zloop("delete", "a", NULL), 1);
	assert_sentence("has snapshots or records in zloop.snapshots; zloop "
			"snapshot --delete deletes a snapshot, and records "
			"(*.zlog) are files");
	assert_int_equal(zloop("record", "start", "a", NULL), 1);
	assert_sentence("the disk is not attached");
	assert_int_equal(zloop("record", "begin", "a", NULL), 2);
	assert_int_equal(zloop("replay", "a/zloop.json", "--list", NULL), 1);
	assert_sentence("a/zloop.json is no record of a disk");
}

static void a_clone_is_another_disk(void **state)
{
	struct json_object *root;

	(void)state;
	write_zone("a", "seq-000003", 'x');
	assert_int_equal(zloop("snapshot", "a", "first", NULL), 0);
	write_zone("a", "seq-000003", 'y');
	assert_int_equal(zloop("clone", "a", "b", NULL), 0);
	assert_zone("b", "seq-000003", 'y');
	assert_int_equal(
		zloop("clone", "-s", "first", "--json", "a", "c", NULL), 0);
	assert_zone("c", "seq-000003", 'x');
	root = out_json();
	assert_int_equal(strlen(member_str(root, "serial")), 16);
	json_object_put(root);
	for (const char *d = "bc"; *d; d++) {
		char dir[2] = { *d, 0 };

		assert_int_equal(zloop("check", dir, NULL), 0);
	}
	assert_int_equal(
		system("test $(grep -h serial a/zloop.json b/zloop.json "
		       "c/zloop.json | sort -u | wc -l) = 3"),
		0);
}

/* Whoever looks next completes it. */
static void an_interrupted_restore(void **state)
{
	(void)state;
	write_zone("a", "seq-000003", 'x');
	assert_int_equal(zloop("snapshot", "a", "first", NULL), 0);
	write_zone("a", "seq-000003", 'y');
	write_zone("a", "seq-000004", 'z');
	/* Not all is there yet: it is undone. */
	assert_int_equal(system("mkdir a/zloop.restore.tmp && "
				"cp a/zloop.snapshots/first/seq-000003 "
				"a/zloop.restore.tmp"),
			 0);
	assert_int_equal(zloop("info", "a", NULL), 0);
	assert_contains(run_err, "a: a restore that had not begun to replace "
				 "files is undone\n");
	assert_false(exists("a/zloop.restore.tmp"));
	assert_zone("a", "seq-000003", 'y');
	/* All was there, and the first files had been replaced. */
	assert_int_equal(system("cp -r a/zloop.snapshots/first a/zloop.restore "
				"&& rm a/zloop.restore/zloop.json "
				"a/zloop.restore/cnv-000000"),
			 0);
	assert_int_equal(zloop("check", "a", NULL), 0);
	assert_contains(run_err,
			"a: a restore that was interrupted is completed\n");
	assert_false(exists("a/zloop.restore"));
	assert_zone("a", "seq-000003", 'x');
	assert_zone("a", "seq-000004", 0);
}

static void of_a_running_disk(void **state)
{
	(void)state;
	live_io(&a, DISK_WRITE, ZONE(3));
	live_zone(&a, ZO_OPEN, ZONE(4));
	assert_int_equal(zloop("snapshot", "a", "first", NULL), 0);
	live_io(&a, DISK_WRITE, ZONE(3) + 1);
	assert_int_equal(file_size("a/zloop.snapshots/first/seq-000003"), 512);
	assert_int_equal(file_size("a/seq-000003"), 1024);
	/* Nobody has the copy open, and it was stopped. */
	assert_int_equal(zloop("info", "a/zloop.snapshots/first", NULL), 0);
	assert_contains(run_out, "1 closed");
	assert_null(strstr(run_out, "explicitly-opened"));
	assert_int_equal(zloop("restore", "a", "first", NULL), 1);
	assert_sentence(" is in use");
	assert_int_equal(file_size("a/seq-000003"), 1024);
	assert_int_equal(zloop("clone", "a", "b", NULL), 0);
	assert_int_equal(file_size("b/seq-000003"), 1024);
	assert_int_equal(zloop("snapshots", "a", NULL), 0);
	assert_int_equal(count_lines(run_out), 1);
}

static void build(const char *point, const char *dir, uint64_t seq3)
{
	char path[64];

	assert_int_equal(
		zloop("replay", "log", "--to", point, "--into", dir, NULL), 0);
	snprintf(path, sizeof(path), "%s/seq-000003", dir);
	assert_int_equal(file_size(path), seq3);
	assert_int_equal(zloop("check", dir, NULL), 0);
}

static void record_and_replay(void **state)
{
	struct json_object *root;

	(void)state;
	live_io(&a, DISK_WRITE, ZONE(3));
	assert_int_equal(zloop("record", "mark", "a", "x", NULL), 1);
	assert_sentence("nothing is recorded");
	assert_int_equal(zloop("record", "start", "a", "log", NULL), 0);
	assert_contains(run_out, "/log\n");
	live_io(&a, DISK_WRITE, ZONE(3) + 1);
	live_io(&a, DISK_SYNC, 0);
	live_io(&a, DISK_WRITE, ZONE(3) + 2);
	assert_int_equal(zloop("record", "mark", "a", "half way", NULL), 0);
	assert_string_equal(run_out, "4\n");
	live_zone(&a, ZO_RESET, ZONE(3));
	assert_int_equal(zloop("record", "start", "a", "log2", NULL), 1);
	assert_contains(run_err, "is recorded in ");
	assert_int_equal(zloop("info", "a", NULL), 0);
	assert_contains(run_out, "\n  record          /");
	assert_int_equal(zloop("record", "stop", "--json", "a", NULL), 0);
	root = out_json();
	assert_int_equal(member_u64(root, "records"), 7);
	assert_int_equal(member_u64(root, "marks"), 1);
	json_object_put(root);

	assert_int_equal(zloop("replay", "log", "--list", "--json", NULL), 0);
	root = out_json();
	assert_int_equal(json_object_array_length(root), 7);
	assert_string_equal(
		member_str(json_object_array_get_idx(root, 4), "text"),
		"half way");
	json_object_put(root);
	build("0", "b0", 512);
	build("flush=1", "b1", 1024);
	build("half way", "b2", 1536);
	build("end", "b3", 0);
	/* The write behind the flush, and the reset: each there or not. */
	assert_int_equal(zloop("replay", "log", "--crash", "--count", NULL), 0);
	assert_string_equal(run_out, "3\n");
	assert_int_equal(zloop("replay", "log", "--crash", "--state", "1",
			       "--into", "c1", NULL),
			 0);
	assert_int_equal(file_size("c1/seq-000003"), 1536);
	assert_int_equal(zloop("replay", "log", "--crash", "--state", "3",
			       "--into", "c3", NULL),
			 1);
	assert_sentence("has the states 0 to 2 there, and not 3");
	assert_false(exists("c3"));
	assert_int_equal(
		zloop("replay", "log", "--to", "flush=2", "--into", "c3", NULL),
		1);
	assert_sentence("log has no flush=2");
}

/* There is something of the snapshot's name, when it is to have it. */
static void take_name(pid_t pid)
{
	(void)pid;
	if (system("cd a/zloop.snapshots 2>/dev/null || exit 0; for t in "
		   "*.tmp; "
		   "do test ! -d $t || mkdir -p ${t%.tmp}/x; done"))
		fail_msg("no directory can be made");
}

static void interrupt(pid_t pid)
{
	kill(pid, SIGTERM);
}

/* What was not said to have begun does not go on in the background, but in the
 * moment, or two, in which it is said. */
static void record_beside(void (*trouble)(pid_t pid), unsigned said)
{
	static const char *const words[] = { "record", "start", "a", "log",
					     NULL };
	unsigned failed = 0, n;
	int held = 1, status;
	bool on;

	for (n = 0; held; n++) {
		held = hold_zloop_at(n, words, trouble, &status);
		if (held < 0)
			skip_test("no process may be traced here");
		failed += !!status;
		on = !zloop("record", "stop", "a", NULL);
		if (!on)
			assert_sentence("nothing is recorded");
		if (on != exists("log") || (on && status && !said--))
			fail_msg("held at call %u: status %d", n, status);
		assert_true(on || status);
		assert_int_equal(system("rm -rf log a/zloop.snapshots"), 0);
	}
	assert_in_range(failed, 5, n);
}

static void a_record_that_fails(void **state)
{
	(void)state;
	record_beside(take_name, 0);
}

static void a_record_that_is_interrupted(void **state)
{
	(void)state;
	record_beside(interrupt, 2);
}

/* A daemon that dies leaves a log without an end. */
static void a_log_without_an_end(void **state)
{
	(void)state;
	assert_int_equal(zloop("record", "start", "a", "log", NULL), 0);
	live_io(&a, DISK_WRITE, ZONE(3));
	live_io(&a, DISK_WRITE, ZONE(3) + 1);
	assert_int_equal(zloop("record", "stop", "a", NULL), 0);
	assert_int_equal(truncate("log", (off_t)file_size("log") - 200), 0);
	assert_int_equal(zloop("replay", "log", "--list", NULL), 0);
	assert_contains(run_err, "the record was not stopped");
	assert_int_equal(zloop("replay", "log", "--into", "b", NULL), 0);
	assert_int_equal(file_size("b/seq-000003"), 512);
}

#define OF_FILES(fn) cmocka_unit_test_setup_teardown(fn, enter, work_leave)
#define LIVE(fn)     cmocka_unit_test_setup_teardown(fn, enter_live, leave_live)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OF_FILES(there_and_back),
		OF_FILES(refusals),
		OF_FILES(a_clone_is_another_disk),
		OF_FILES(an_interrupted_restore),
		LIVE(of_a_running_disk),
		LIVE(record_and_replay),
		LIVE(a_record_that_fails),
		LIVE(a_record_that_is_interrupted),
		LIVE(a_log_without_an_end),
	};

	return skip_run_tests(tests, NULL, NULL);
}
