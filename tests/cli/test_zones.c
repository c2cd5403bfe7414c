// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop zones: the report's lines and JSON, and what selects from it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "run.h"

#define MIB	    1048576
#define ZONE_BLOCKS (2 * MIB / 512)

/* 8 zones of 2 MiB: 2 conventional; one closed at 1 MiB, one full. */
static int disk_enter(void **state)
{
	if (work_enter(state))
		return -1;
	assert_int_equal(zloop("create",
			       "capacity_mb=16,zone_size_mb=2,conv_zones=2",
			       "d", NULL),
			 0);
	make_file("d/seq-000003", MIB);
	make_file("d/seq-000005", 2 * MIB);
	return 0;
}

/* The zones on standard output; the caller puts *root. */
static struct json_object *zones_of(struct json_object **root)
{
	struct json_object *zones;

	assert_string_equal(run_err, "");
	*root = out_json();
	assert_string_equal(member_str(*root, "directory"), "d");
	assert_int_equal(member_u64(*root, "block_size"), 512);
	zones = member(*root, "zones");
	assert_int_equal(json_object_get_type(zones), json_type_array);
	return zones;
}

static const char *cond_of_slot(unsigned slot)
{
	if (slot < 2)
		return "not-write-pointer";
	if (slot == 3)
		return "closed";
	return slot == 5 ? "full" : "empty";
}

static void check_wp(struct json_object *z, unsigned slot)
{
	if (slot < 2)
		assert_null(member(z, "write_pointer_lba"));
	else if (slot == 3)
		assert_int_equal(member_u64(z, "write_pointer_lba"),
				 3 * ZONE_BLOCKS + ZONE_BLOCKS / 2);
	else if (slot != 5)
		assert_int_equal(member_u64(z, "write_pointer_lba"),
				 slot * ZONE_BLOCKS);
}

static void json(void **state)
{
	struct json_object *root, *zones;

	(void)state;
	assert_int_equal(zloop("zones", "--json", "d", NULL), 0);
	zones = zones_of(&root);
	assert_int_equal(json_object_array_length(zones), 8);
	for (unsigned i = 0; i < 8; i++) {
		struct json_object *z = json_object_array_get_idx(zones, i);

		assert_int_equal(member_u64(z, "zone"), i);
		assert_string_equal(member_str(z, "type"),
				    i < 2 ? "conventional"
					  : "sequential-write-required");
		assert_string_equal(member_str(z, "condition"),
				    cond_of_slot(i));
		assert_int_equal(member_u64(z, "start_lba"), i * ZONE_BLOCKS);
		assert_int_equal(member_u64(z, "blocks"), ZONE_BLOCKS);
		check_wp(z, i);
	}
	json_object_put(root);
}

static void text(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "d", NULL), 0);
	assert_string_equal(run_err, "");
	assert_int_equal(count_lines(run_out), 9);
	assert_int_equal(strncmp(run_out, "FILE ", 5), 0);
	assert_contains(run_out,
			"\ncnv-000001  conventional               "
			"not-write-pointer  0x1000       0x1000     -\n");
	assert_contains(run_out,
			"\nseq-000002  sequential-write-required  "
			"empty              0x2000       0x1000     0x2000\n");
	assert_contains(run_out,
			"\nseq-000003  sequential-write-required  "
			"closed             0x3000       0x1000     0x3800\n");
	assert_contains(run_out, "\nseq-000005  sequential-write-required  "
				 "full               0x5000       0x1000     ");
}

static unsigned count_json(void)
{
	struct json_object *root, *zones = zones_of(&root);
	unsigned nr = (unsigned)json_object_array_length(zones);

	json_object_put(root);
	return nr;
}

static void condition(void **state)
{
	static const char *const spellings[] = {
		"EMPTY",
		"Read Only",
		"read_only",
		"readonly",
		"nw",
		"em",
		"oi",
		"oe",
		"cl",
		"fu",
		"ro",
		"ol",
		"imp-open",
		"explicit-open",
		"implicitly_opened",
		"off",
		"not-wp",
		"inactive",
	};

	static const struct {
		const char *name;
		unsigned nr;
	} conds[] = {
		{ "not-write-pointer", 2 },
		{ "empty", 4 },
		{ "implicitly-opened", 0 },
		{ "explicitly-opened", 0 },
		{ "closed", 1 },
		{ "full", 1 },
		{ "read-only", 0 },
		{ "offline", 0 },
		{ "inactive", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(conds) / sizeof(conds[0]); i++) {
		assert_int_equal(zloop("zones", "--json", "--condition",
				       conds[i].name, "d", NULL),
				 0);
		assert_int_equal(count_json(), conds[i].nr);
		assert_int_equal(zloop("zones", "-c", conds[i].name, "d", NULL),
				 0);
		assert_int_equal(count_lines(run_out), 1 + conds[i].nr);
	}
	for (size_t i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		assert_int_equal(zloop("zones", "-c", spellings[i], "d", NULL),
				 0);
		assert_string_equal(run_err, "");
	}
	assert_int_equal(zloop("zones", "--condition=written", "d", NULL), 2);
	assert_string_equal(run_out, "");
	assert_contains(run_err, "--condition written is unknown");
	assert_contains(run_err, "explicitly-opened");
}

static void start(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--start", "20479", "-j", "d", NULL),
			 0);
	assert_int_equal(count_json(), 4);
	assert_int_equal(zloop("zones", "--start", "0x5000", "-j", "d", NULL),
			 0);
	assert_int_equal(count_json(), 3);
	assert_int_equal(zloop("zones", "--start", "32767", "-j", "d", NULL),
			 0);
	assert_int_equal(count_json(), 1);
	assert_int_equal(zloop("zones", "--start", "32768", "d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence(
		"--start 0x8000 is beyond the disk; use 0x7fff or less");
}

static void count(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--count", "3", "-j", "d", NULL), 0);
	assert_int_equal(count_json(), 3);
	assert_int_equal(zloop("zones", "-n", "0", "-j", "d", NULL), 0);
	assert_int_equal(count_json(), 0);
	/* Of those in the condition. */
	assert_int_equal(
		zloop("zones", "-n2", "-cempty", "-s0x3000", "d", NULL), 0);
	assert_int_equal(count_lines(run_out), 3);
	assert_contains(run_out, "seq-000004");
	assert_contains(run_out, "seq-000006");
}

static void bad_numbers(void **state)
{
	static const char *const bad[] = {
		"",
		"x",
		"1x",
		"-1",
		" 1",
		"+1",
		"0x",
		"0xg",
		"1 ",
		"a",
		"0x0x1",
		"18446744073709551616",
		"0x10000000000000000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (zloop("zones", "--start", bad[i], "d", NULL) != 2 ||
		    !strstr(run_err, "is not a number"))
			fail_msg("--start '%s': %s", bad[i], run_err);
		if (zloop("zones", "--count", bad[i], "d", NULL) != 2 ||
		    !strstr(run_err, "is not a number"))
			fail_msg("--count '%s': %s", bad[i], run_err);
	}
	assert_int_equal(zloop("zones", "d", "e", NULL), 2);
	assert_contains(run_err, "'e' is one word too many");
}

static void gap_zones(void **state)
{
	struct json_object *root, *zones, *z;

	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=4,zone_capacity_mb=3"
			       ",conv_zones=1",
			       "gap", NULL),
			 0);
	assert_int_equal(zloop("zones", "-j", "gap", NULL), 0);
	root = out_json();
	zones = member(root, "zones");
	assert_int_equal(json_object_array_length(zones), 3);
	z = json_object_array_get_idx(zones, 1);
	assert_int_equal(member_u64(z, "blocks"), 3 * MIB / 512);
	z = json_object_array_get_idx(zones, 2);
	assert_string_equal(member_str(z, "type"), "gap");
	assert_int_equal(member_u64(z, "start_lba"), 7 * MIB / 512);
	assert_int_equal(member_u64(z, "blocks"), MIB / 512);
	assert_null(member(z, "write_pointer_lba"));
	json_object_put(root);
	assert_int_equal(zloop("zones", "gap", NULL), 0);
	assert_contains(run_out, "\n-           gap    ");
}

/* A damaged disk is listed, and the damage mentioned. */
static void damaged(void **state)
{
	(void)state;
	assert_int_equal(unlink("d/cnv-000001"), 0);
	assert_int_equal(zloop("zones", "--condition", "offline", "d", NULL),
			 0);
	assert_int_equal(count_lines(run_out), 2);
	assert_contains(run_out, "cnv-000001");
	assert_sentence("zloop check d explains");
}

/* More than fits a pipe or one JSON value's comfort. */
static void many(void **state)
{
	struct json_object *root;

	(void)state;
	assert_int_equal(zloop("create", "capacity_mb=1500,zone_size_mb=1",
			       "many", NULL),
			 0);
	assert_int_equal(zloop("zones", "-j", "many", NULL), 0);
	root = out_json();
	assert_int_equal(json_object_array_length(member(root, "zones")), 1500);
	json_object_put(root);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, disk_enter, work_leave)
		T(json),	T(text),      T(condition), T(start), T(count),
		T(bad_numbers), T(gap_zones), T(damaged),   T(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
