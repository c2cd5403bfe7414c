// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop realms and activate, of a disk that is open and one that is not. */
#include <stdio.h>
#include <string.h>

#include "live.h"

/* Realm 0 has zones 0 and 1; realm 1 zones 2 and 3, or 9 to 11; realm 2 zones 4
 * and 5, or 12 to 14; realm 3 zones 6 and 7. */
static int disk_enter(void **state)
{
	if (work_enter(state))
		return -1;
	assert_int_equal(zloop("create", "--quiet",
			       "model=realms,zone_size_mb=1,realms=4,"
			       "realm_zones=2+3,cmr_realms=1+1",
			       "d", NULL),
			 0);
	return 0;
}

static void check_active(unsigned realm, uint64_t domain)
{
	struct json_object *root, *realms;

	assert_int_equal(zloop("realms", "--json", "d", NULL), 0);
	root = out_json();
	realms = member(root, "realms");
	assert_int_equal(json_object_array_length(realms), 4);
	assert_int_equal(
		member_u64(json_object_array_get_idx(realms, realm), "active"),
		domain);
	json_object_put(root);
}

static void listed(void **state)
{
	(void)state;
	assert_int_equal(zloop("realms", "d", NULL), 0);
	assert_int_equal(count_lines(run_out), 3 + 1 + 5);
	assert_contains(run_out, "conventional");
	assert_contains(run_out, "0x4800-0x77ff             6       0 of 2");
	assert_contains(run_out, "1      0      0x1000-0x1fff             "
				 "0x4800-0x5fff\n");
	assert_contains(run_out, "3      0      0x3000-0x3fff             -\n");
	assert_int_equal(zloop("info", "d", NULL), 0);
	assert_contains(run_out, "model           realms");
	assert_contains(run_out, "6 zones, sequential write required, 0 of 2 "
				 "realms active");
	assert_int_equal(zloop("zones", "--map", "d", NULL), 0);
	assert_contains(run_out, "8 conventional, 6 sequential write required");
	/* INACTIVE zones have no file. */
	assert_int_equal(zloop("zones", "--condition", "inactive", "d", NULL),
			 0);
	assert_int_equal(count_lines(run_out), 1 + 6);
	assert_null(strstr(run_out, "seq-"));
}

static void activated(void **state)
{
	(void)state;
	assert_int_equal(zloop("activate", "--query", "d", "1-2", "seq", NULL),
			 0);
	assert_contains(run_out, "2 realms can be activated\n");
	check_active(1, 0);
	assert_int_equal(zloop("activate", "d", "1", "seq", NULL), 0);
	assert_contains(run_out, "1 realm activated\n");
	check_active(1, 1);
	check_active(2, 0);
	assert_true(exists("d/seq-000009"));
	assert_false(exists("d/cnv-000002"));
	assert_int_equal(zloop("activate", "d", "all", "1", NULL), 0);
	assert_contains(run_out, "1 realm activated\n");
	check_active(2, 1);
	check_active(3, 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

/* Of what was active when the snapshot was taken, and nothing else is there. */
static void restored(void **state)
{
	FILE *f;

	(void)state;
	assert_int_equal(zloop("snapshot", "d", "before", NULL), 0);
	assert_int_equal(zloop("activate", "d", "1", "seq", NULL), 0);
	f = fopen("d/seq-000009", "w");
	assert_non_null(f);
	for (unsigned i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	assert_int_equal(zloop("snapshot", "d", "behind", NULL), 0);
	assert_int_equal(zloop("restore", "d", "before", NULL), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	check_active(1, 0);
	assert_true(exists("d/cnv-000002"));
	assert_false(exists("d/seq-000009"));
	assert_int_equal(zloop("restore", "d", "behind", NULL), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	check_active(1, 1);
	assert_false(exists("d/cnv-000002"));
	assert_int_equal(file_size("d/seq-000009"), 4096);
}

static void refused(void **state)
{
	(void)state;
	assert_int_equal(zloop("activate", "d", "1", "conv", NULL), 1);
	assert_sentence("zone 2 is active in that domain already");
	assert_int_equal(zloop("activate", "d", "0", "seq", NULL), 1);
	assert_sentence("realm 0 has no zones in domain 1");
	assert_int_equal(zloop("activate", "d", "4", "seq", NULL), 2);
	assert_sentence("REALMS 4 is not among those that there are, 0-3");
	assert_int_equal(zloop("activate", "d", "2-1", "seq", NULL), 2);
	assert_sentence("REALMS 2-1 is not among");
	assert_int_equal(zloop("activate", "d", "x", "seq", NULL), 2);
	assert_sentence("neither a number, nor FIRST-LAST, nor all");
	assert_int_equal(zloop("activate", "d", "1", "sobr", NULL), 2);
	assert_sentence("DOMAIN sobr is not one of the disk's");
	assert_int_equal(zloop("activate", "d", "1", "2", NULL), 2);
	assert_int_equal(zloop("activate", "d", "1", NULL), 2);
	assert_contains(run_err, "DISK, REALMS and DOMAIN are needed");
	check_active(1, 0);
	assert_int_equal(zloop("create", "--quiet",
			       "capacity_mb=4,"
			       "zone_size_mb=1,"
			       "conv_zones=1",
			       "o", NULL),
			 0);
	assert_int_equal(zloop("realms", "o", NULL), 1);
	assert_sentence("neither zone domains nor realms");
}

/* Through the process that has it open, which knows what is in its zones. */
static void while_open(void **state)
{
	struct live live;

	(void)state;
	live_open(&live, "d");
	assert_int_equal(zloop("activate", "d", "1-2", "seq", NULL), 0);
	assert_contains(run_out, "2 realms activated\n");
	check_active(2, 1);
	assert_int_equal(live_io(&live, DISK_WRITE, 9 * 2048), DISK_OK);
	assert_int_equal(zloop("activate", "d", "1", "conv", NULL), 1);
	assert_sentence("zone 9 is not empty");
	assert_int_equal(zloop("activate", "--json", "d", "1", "conv", NULL),
			 1);
	assert_contains(run_out, "\"unmet\": \"not-empty\"");
	assert_int_equal(zloop("stats", "--prometheus", "d", NULL), 0);
	assert_contains(run_out, "domain=\"1\",type=\"sequential-write-"
				 "required\"} 2\n");
	assert_contains(run_out, "condition=\"inactive\"} 4\n");
	assert_int_equal(zloop("report", "--html", "-", "d", NULL), 0);
	assert_contains(run_out, "<table id=\"domains\">");
	live_close(&live);
	check_active(1, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, disk_enter, work_leave)
	const struct CMUnitTest tests[] = {
		T(listed), T(activated), T(restored), T(refused), T(while_open),
	};

	return cmocka_run_group_tests_name("zloop realms", tests, NULL, NULL);
}
