// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/refusal.h"

#define CONFIG "zone_size_mb=64@/srv/a"

static char top[64];

static int enter(void **state)
{
	char dir[80];

	(void)state;
	strcpy(top, "/tmp/zloop-refusal-XXXXXX");
	if (!mkdtemp(top))
		return -1;
	snprintf(dir, sizeof(dir), "%s/run", top);
	return setenv("ZLOOP_RUN_DIR", dir, 1);
}

static int leave(void **state)
{
	char command[80];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", top);
	return system(command);
}

/* Of the same directory, whatever the options. */
static void told(void **state)
{
	struct refusal_mark none = refusal_mark(CONFIG);
	struct zl_err err;

	(void)state;
	assert_int_equal(refusal_since(CONFIG, none, &err), -ENOENT);
	refusal_note(CONFIG, "there is no file seq-000008");
	assert_int_equal(refusal_since("@/srv/a", none, &err), 0);
	assert_string_equal(err.msg, "there is no file seq-000008");
	assert_int_equal(refusal_since("@/srv/b", none, &err), -ENOENT);
	refusal_note(CONFIG, NULL);
	assert_int_equal(refusal_since(CONFIG, none, &err), -ENOENT);
}

/* One from before is no answer to what is asked now. */
static void old(void **state)
{
	struct refusal_mark mark;
	struct zl_err err;

	(void)state;
	refusal_note(CONFIG, "first");
	mark = refusal_mark(CONFIG);
	assert_int_equal(refusal_since(CONFIG, mark, &err), -ENOENT);
	refusal_note(CONFIG, "second");
	assert_int_equal(refusal_since(CONFIG, mark, &err), 0);
	assert_string_equal(err.msg, "second");
}

/* Two directories with the same CRC-32C, found by trying. */
static void same_hash(void **state)
{
	struct refusal_mark none = { 0 };
	struct zl_err err;

	(void)state;
	refusal_note("@/srv/a60ac2d3a3", "of a");
	assert_int_equal(refusal_since("@/srv/a60ac2d3a3", none, &err), 0);
	assert_int_equal(refusal_since("@/srv/259214b786", none, &err),
			 -ENOENT);
}

/* Where nothing can be noted, nothing is. */
static void nowhere(void **state)
{
	struct refusal_mark none = { 0 };
	struct zl_err err;

	(void)state;
	setenv("ZLOOP_RUN_DIR", "/nowhere/at/all", 1);
	refusal_note(CONFIG, "lost");
	assert_int_equal(refusal_since(CONFIG, none, &err), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(told, enter, leave),
		cmocka_unit_test_setup_teardown(old, enter, leave),
		cmocka_unit_test_setup_teardown(same_hash, enter, leave),
		cmocka_unit_test_setup_teardown(nowhere, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
