// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop check --repair --yes killed before each of its calls that changes
 * something, and run again: then all is as if it had not been killed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kill_calls.h"
#include "run.h"
#include "skip.h"

#define OPTIONS                                                     \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512," \
	"zone_capacity_mb=1,max_open_zones=0"

static char good_serial[64];

static bool killed_at(unsigned n, const char *const words[])
{
	int killed = kill_zloop_at(n, words);

	if (killed < 0)
		skip_test("no process may be traced here");
	return killed;
}

static void sh(const char *cmd)
{
	if (system(cmd))
		fail_msg("%s", cmd);
}

static char *serial_of(const char *path)
{
	char *text = read_file(path), *at = strstr(text, "\"serial\"");
	char *serial;

	assert_non_null(at);
	serial = strndup(at, strcspn(at, "\n"));
	free(text);
	return serial;
}

static int make_good(void **state)
{
	char *serial;

	work_enter(state);
	assert_int_equal(zloop("create", OPTIONS, "good", NULL), 0);
	sh("seq 1 6000 | head -c 2560 > good/seq-000003");
	sh("yes conv | head -c 1048576 > good/cnv-000001");
	assert_int_equal(zloop("check", "good", NULL), 0);
	serial = serial_of("good/zloop.json");
	snprintf(good_serial, sizeof(good_serial), "%s", serial);
	free(serial);
	return 0;
}

static void must_be_whole(unsigned n)
{
	char *serial;

	if (zloop("check", "-ry", "-o", OPTIONS, "d", NULL))
		fail_msg("killed at call %u: %s%s", n, run_out, run_err);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
	serial = serial_of("d/zloop.json");
	if (strcmp(serial, good_serial))
		fail_msg("killed at call %u: %s instead of %s", n, serial,
			 good_serial);
	free(serial);
	sh("cmp good/seq-000003 d/seq-000003");
	sh("cmp good/cnv-000001 d/cnv-000001");
}

static void killed_at_each_call(const char *damage)
{
	static const char *const repair[] = { "check", "--repair", "--yes",
					      "-o",    OPTIONS,	   "d",
					      NULL };
	bool killed = true;
	unsigned n;

	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a good d");
		sh(damage);
		killed = killed_at(n, repair);
		must_be_whole(n);
	}
	print_message("killed %u times\n", n - 1);
	assert_in_range(n, 10, 1000);
}

static void at_a_sidecar(void **state)
{
	(void)state;
	killed_at_each_call("truncate -s -3 d/zloop.json");
}

static void at_zones_and_journal(void **state)
{
	(void)state;
	killed_at_each_call("printf junk >> d/zloop.state;"
			    "rm d/seq-000004 d/cnv-000000;"
			    "printf x >> d/seq-000005;"
			    "truncate -s 2M d/seq-000006");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_good, work_leave)
	const struct CMUnitTest tests[] = {
		T(at_a_sidecar),
		T(at_zones_and_journal),
	};

	return skip_run_tests(tests, NULL, NULL);
}
