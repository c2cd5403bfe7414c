// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop crashtest: a store that forgets a flush and one that writes its super
 * block too early are caught, at the point where it happens; the right one
 * passes everywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

/* A record of the store in "log". */
static void record(const char *variant)
{
	char command[4200];

	assert_int_equal(mkdir("d", 0700), 0);
	snprintf(command, sizeof(command), "%s write d log %s", LOGSTORE,
		 variant);
	assert_int_equal(system(command), 0);
	assert_true(exists("log"));
}

/* Of the last run with --json; the caller puts it. */
static struct json_object *failures(struct json_object **root)
{
	*root = out_json();
	return member(*root, "failures");
}

static bool is_at(struct json_object *failure, const char *where)
{
	return !strcmp(member_str(failure, "where"), where);
}

static void nothing_left(void)
{
	/* The disk, the record, and what the test itself keeps. */
	assert_int_equal(count_entries("."), 2);
}

static void right(void **state)
{
	struct json_object *root;

	(void)state;
	record("good");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "--json",
			       "--quiet", "--at=flush,before,fua,mark", "-s",
			       "3", "--", LOGSTORE, "check", NULL),
			 0);
	assert_string_equal(run_err, "");
	assert_int_equal(json_object_array_length(failures(&root)), 0);
	/* 80 flushes and the moments before them, 20 super blocks; marks. */
	assert_true(member_u64(root, "points") > 200);
	assert_true(member_u64(root, "states") > 400);
	json_object_put(root);
	nothing_left();
}

/* Where a zone begins, the put is acknowledged and may be lost. */
static void forgets_a_flush(void **state)
{
	static const char *const where[] = { "mark=put=1", "mark=put=33",
					     "mark=put=65" };
	struct json_object *root, *list;
	bool seen[3] = { false };

	(void)state;
	record("forgets");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-j", "-q",
			       "--at", "mark", "--", LOGSTORE, "check", NULL),
			 1);
	list = failures(&root);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		unsigned at = 0;

		while (at < 3 && !is_at(f, where[at]))
			at++;
		assert_true(at < 3);
		seen[at] = true;
		assert_string_equal(member_str(f, "result"), "exit 1");
		assert_contains(member_str(f, "output"), "acknowledged: ");
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	json_object_put(root);
	nothing_left();
}

/* The super block is durable, and what it counts is not. */
static void super_block_too_early(void **state)
{
	struct json_object *root, *list;

	(void)state;
	record("early");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-j", "-q",
			       "--at", "before", "--", LOGSTORE, "check", NULL),
			 1);
	list = failures(&root);
	assert_true(json_object_array_length(list) > 0);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		unsigned flush;

		assert_int_equal(sscanf(member_str(f, "where"),
					"before flush=%u", &flush),
				 1);
		/* Every fourth put has one. */
		assert_int_equal(flush % 4, 0);
	}
	json_object_put(root);
	/* No flush is missing: the moments after them are all right. */
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-a",
			       "flush", "--", LOGSTORE, "check", NULL),
			 0);
}

/* The line that a failure is printed with fails in the same way. */
static void once_more(void **state)
{
	struct json_object *root, *f;
	char command[9000], *output;

	(void)state;
	record("forgets");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-j", "-q",
			       "-x", "-a", "mark", "-n", "1", "--", LOGSTORE,
			       "check", NULL),
			 1);
	f = json_object_array_get_idx(failures(&root), 0);
	assert_string_equal(member_str(f, "where"), "mark=put=1");
	output = strdup(member_str(f, "output"));
	assert_int_equal(strncmp(member_str(f, "again"), "zloop ", 6), 0);
	snprintf(command, sizeof(command), "%s %s >out 2>&1", ZLOOP_PATH,
		 member_str(f, "again") + 6);
	json_object_put(root);
	assert_int_equal(WEXITSTATUS(system(command)), 1);
	f = NULL;
	free(run_out);
	run_out = read_file("out");
	assert_contains(run_out, "mark=put=1");
	assert_contains(run_out, "1 points, 1 states");
	assert_contains(run_out, output);
	free(output);
}

static void what_the_command_is_told(void **state)
{
	(void)state;
	record("good");
	assert_int_equal(
		zloop("crashtest", "log", "--no-attach", "-q", "-a", "flush=2",
		      "-s", "1", "--", "sh", "-c",
		      "echo $ZLOOP_POINT $ZLOOP_MARK; test -e "
		      "$ZLOOP_DIR/seq-000002 -a ! -e \"$ZLOOP_DEVICE\" || "
		      "exit 3; exit 7",
		      NULL),
		1);
	assert_contains(run_out, " exit 7     flush=2\n    ");
	assert_contains(run_out, " put=1\n    zloop crashtest log --at ");
	assert_contains(run_out, " -- sh -c 'echo $ZLOOP_POINT $ZLOOP_MARK; ");
	assert_contains(run_out, "\n1 points, 1 states (");
	assert_contains(run_out, " 1 failed\n");
}

static void ways_to_fail(void **state)
{
	(void)state;
	record("good");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "--", "sh", "-c", "kill -SEGV $$", NULL),
			 1);
	assert_contains(run_out, " signal 11 ");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "-t", "1", "--", "sleep", "60", NULL),
			 1);
	assert_contains(run_out, " timeout ");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "--", "./nowhere", NULL),
			 1);
	assert_contains(run_out, "exit 127");
	assert_contains(run_out, "./nowhere cannot be run: No such file");
	nothing_left();
}

/* Where a file system's check says it is not always at the end. */
static void all_of_the_output(void **state)
{
	static const char *const says = "seq 5000 8999 >&2; exit 1";

	(void)state;
	record("good");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "--", "sh", "-c", says, NULL),
			 1);
	assert_contains(run_out, "\n    8997\n    8998\n    8999\n    zloop ");
	assert_null(strstr(run_out, " 8996\n"));
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "--verbose", "--", "sh", "-c", says, NULL),
			 1);
	assert_contains(run_out, "\n    5000\n    5001\n");
	assert_contains(run_out, "\n    8999\n    zloop ");
}

/* The line that tries a state again has what was said of the first time. */
static void again_as_before(void **state)
{
	(void)state;
	record("good");
	assert_int_equal(mkdir("elsewhere", 0700), 0);
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "-t", "7", "--into", "elsewhere", "--", "false",
			       NULL),
			 1);
	assert_contains(run_out, " --no-attach --timeout 7 --into elsewhere -- "
				 "false\n");
}

static void page(void **state)
{
	char *text;

	(void)state;
	record("early");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "-x",
			       "--html", "page", "--", LOGSTORE, "check", NULL),
			 1);
	text = read_file("page");
	assert_contains(text, "id=\"state\">failed</span>");
	assert_contains(text, "<svg");
	assert_contains(text, "before flush=4");
	assert_contains(text, "super block: 4, ");
	assert_contains(text, "zloop crashtest log --at ");
	/* What was tried, where, and what had been acknowledged by then. */
	assert_contains(text, "zl_logstore check</p>");
	assert_contains(text, ">before flush=4</td><td class=\"l\">put=3</td>");
	/* The state is not there any more, and is not named by where it was. */
	assert_contains(text, ", before flush=4, state ");
	assert_null(strstr(text, "/crashtest-"));
	free(text);
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-q", "--at",
			       "flush", "--html", "page", "--", "true", NULL),
			 0);
	text = read_file("page");
	assert_contains(text, "id=\"state\">passed</span>");
	free(text);
}

/* Who reads the first lines only has the page, and nothing is left behind. */
static void nobody_reads(void **state)
{
	(void)state;
	record("good");
	assert_int_equal(system(ZLOOP_PATH " crashtest log --no-attach -q "
					   "-s 1 --at mark --html page -- "
					   "false | true"),
			 0);
	assert_true(exists("page"));
	assert_int_equal(unlink("page"), 0);
	nothing_left();
}

static void refused(void **state)
{
	(void)state;
	make_file("empty", 0);
	assert_int_equal(zloop("crashtest", "empty", "--", "true", NULL), 1);
	assert_sentence("empty");
	assert_int_equal(zloop("crashtest", "none", "--", "true", NULL), 1);
	assert_sentence("none");
	assert_int_equal(zloop("crashtest", NULL), 2);
	assert_contains(run_err, "there is no FILE");
	assert_int_equal(zloop("crashtest", "log", "--", NULL), 2);
	assert_contains(run_err, "there is no COMMAND behind log");
	assert_int_equal(zloop("crashtest", "--seeds=0", "log", "true", NULL),
			 2);
	assert_contains(run_err, "--seeds 0 is not a number from 1 to");
	record("good");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-a", "flask",
			       "--", "true", NULL),
			 1);
	assert_sentence("flask");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "--into",
			       "nowhere", "--", "true", NULL),
			 1);
	assert_sentence("no directory can be made in nowhere");
}

/* Here nothing can be attached, and that is said, not counted as a failure. */
static void not_attached(void **state)
{
	(void)state;
	record("good");
	assert_int_equal(setenv("ZLOOP_SYSTEM_ROOT", "/nowhere", 1), 0);
	assert_int_equal(
		zloop("crashtest", "log", "-q", "-n", "1", "--", "true", NULL),
		1);
	unsetenv("ZLOOP_SYSTEM_ROOT");
	assert_string_equal(run_out, "");
	assert_contains(run_err, "cannot be attached; where COMMAND needs no "
				 "device, use --no-attach\n");
	assert_contains(run_err, " is left as it is\n");
}

/* A lot of cheap states, so that one sees how many there are a minute. */
static void rate(void **state)
{
	struct json_object *root;

	(void)state;
	record("good");
	assert_int_equal(zloop("crashtest", "log", "--no-attach", "-j", "-q",
			       "--at", "every=3", "-s", "1", "--", "true",
			       NULL),
			 0);
	root = out_json();
	print_message("%u states in %u ms\n",
		      (unsigned)member_u64(root, "states"),
		      (unsigned)member_u64(root, "milliseconds"));
	assert_true(member_u64(root, "points") > 80);
	json_object_put(root);
}

#define T(f) cmocka_unit_test_setup_teardown(f, work_enter, work_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(right),
		T(forgets_a_flush),
		T(super_block_too_early),
		T(once_more),
		T(what_the_command_is_told),
		T(ways_to_fail),
		T(all_of_the_output),
		T(again_as_before),
		T(page),
		T(nobody_reads),
		T(refused),
		T(not_attached),
		T(rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
