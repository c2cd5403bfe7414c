// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop check: a line and a status for each kind of damage. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define MIB 1048576

static int disk_enter(void **state)
{
	if (work_enter(state))
		return -1;
	assert_int_equal(zloop("create",
			       "capacity_mb=16,zone_size_mb=2,conv_zones=2",
			       "d", NULL),
			 0);
	return 0;
}

static void all_well(void **state)
{
	struct json_object *array, *o;

	(void)state;
	make_file("d/seq-000003", MIB);
	make_file("d/seq-000004", 2 * MIB);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("check", "--json", "d", NULL), 0);
	assert_string_equal(run_err, "");
	array = out_json();
	assert_int_equal(json_object_array_length(array), 1);
	o = json_object_array_get_idx(array, 0);
	assert_string_equal(member_str(o, "directory"), "d");
	assert_int_equal(json_object_array_length(member(o, "problems")), 0);
	json_object_put(array);
}

/* One fault, one line. */
static void assert_found(const char *line)
{
	assert_int_equal(zloop("check", "d", NULL), 1);
	assert_string_equal(run_err, "");
	assert_int_equal(count_lines(run_out), 1);
	assert_contains(run_out, line);
}

static void missing(void **state)
{
	(void)state;
	assert_int_equal(unlink("d/seq-000007"), 0);
	assert_found("d: zone 7: seq-000007 is missing");
}

static void too_long(void **state)
{
	(void)state;
	make_file("d/seq-000002", 2 * MIB + 512);
	assert_found("d: zone 2: seq-000002 has 2097664 bytes, more than");
}

static void unaligned(void **state)
{
	(void)state;
	make_file("d/seq-000002", 1000);
	assert_found("d: zone 2: seq-000002 ");
	assert_int_equal(file_size("d/seq-000002"), 1000);
}

static void short_conventional(void **state)
{
	(void)state;
	make_file("d/cnv-000001", MIB);
	assert_found("d: zone 1: cnv-000001 has 1048576 bytes instead of "
		     "2097152");
}

static void symbolic_link(void **state)
{
	(void)state;
	assert_int_equal(unlink("d/seq-000003"), 0);
	assert_int_equal(symlink("seq-000004", "d/seq-000003"), 0);
	assert_found("d: zone 3: seq-000003 is a symbolic link");
}

static void directory(void **state)
{
	(void)state;
	assert_int_equal(unlink("d/seq-000003"), 0);
	assert_int_equal(mkdir("d/seq-000003", 0700), 0);
	assert_found("d: zone 3: seq-000003 is a directory");
}

static void every_problem(void **state)
{
	struct json_object *array, *problems;

	(void)state;
	assert_int_equal(unlink("d/cnv-000000"), 0);
	assert_int_equal(unlink("d/seq-000002"), 0);
	assert_int_equal(unlink("d/seq-000006"), 0);
	assert_int_equal(zloop("check", "d", NULL), 1);
	assert_int_equal(count_lines(run_out), 3);
	assert_int_equal(zloop("check", "--json", "d", NULL), 1);
	assert_string_equal(run_err, "");
	array = out_json();
	problems = member(json_object_array_get_idx(array, 0), "problems");
	assert_int_equal(json_object_array_length(problems), 3);
	assert_int_equal(
		member_u64(json_object_array_get_idx(problems, 1), "zone"), 2);
	json_object_put(array);
}

static void not_a_disk(void **state)
{
	struct json_object *array, *o;

	(void)state;
	assert_int_equal(mkdir("e", 0700), 0);
	assert_int_equal(zloop("check", "e", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("e");
	assert_int_equal(zloop("check", "-j", "e", "d", NULL), 1);
	assert_sentence("e");
	array = out_json();
	o = json_object_array_get_idx(array, 0);
	assert_contains(run_err, member_str(o, "error"));
	assert_int_equal(json_object_array_length(array), 2);
	json_object_put(array);
}

static void several(void **state)
{
	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=4,zone_size_mb=1,"
			       "conv_zones=1",
			       "e", NULL),
			 0);
	assert_int_equal(unlink("d/seq-000007"), 0);
	assert_int_equal(zloop("check", "d", "e", NULL), 1);
	assert_int_equal(count_lines(run_out), 1);
	assert_contains(run_out, "d: zone 7: ");
	assert_int_equal(zloop("check", "e", NULL), 0);
}

static void in_use(void **state)
{
	char words[64];
	int fd;

	(void)state;
	fd = open("d", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_string_equal(run_out, "");
	snprintf(words, sizeof(words), "note: d is in use by process %d (",
		 getpid());
	assert_sentence(words);
	close(fd);
}

/* Standard error is no terminal here: lines. */
static void progress(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", "--progress",
			       "capacity_mb=40,zone_size_mb=1", "p", NULL),
			 0);
	assert_string_equal(run_out, "");
	/* The files are made, then looked at. */
	assert_contains(run_err, "zloop: making: 50 %, 20 of 40 zones\n");
	assert_contains(run_err, "zloop: making: 100 %, 40 of 40 zones\n");
	assert_int_equal(zloop("check", "--progress", "p", NULL), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(count_lines(run_err), 10);
	assert_contains(run_err, "zloop: checking: 100 %, 40 of 40 zones\n");
	assert_int_equal(zloop("check", "--quiet", "p", NULL), 0);
	assert_silent();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, disk_enter, work_leave)
		T(all_well),
		T(missing),
		T(too_long),
		T(unaligned),
		T(short_conventional),
		T(symbolic_link),
		T(directory),
		T(every_problem),
		T(not_a_disk),
		T(several),
		T(in_use),
		T(progress),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
