// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The log hook: lines arrive whole, errno survives, no hook means silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/log.h"

static enum zl_log_level last_level;
static char last_line[2048];
static int nr_lines;

static void keep_line(enum zl_log_level level, const char *line)
{
	last_level = level;
	snprintf(last_line, sizeof(last_line), "%s", line);
	nr_lines++;
	errno = EBADF;
}

static void a_line(void **state)
{
	(void)state;
	nr_lines = 0;
	zl_log_set(keep_line);
	errno = ENOENT;
	zl_log(ZL_LOG_WARN, "zone %d is %s", 7, "offline");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(nr_lines, 1);
	assert_int_equal(last_level, ZL_LOG_WARN);
	assert_string_equal(last_line, "zone 7 is offline");
}

static void no_hook(void **state)
{
	(void)state;
	nr_lines = 0;
	zl_log_set(NULL);
	zl_log(ZL_LOG_ERR, "nobody hears %s", "this");
	assert_int_equal(nr_lines, 0);
}

static void too_long_is_cut(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	zl_log_set(keep_line);
	zl_log(ZL_LOG_INFO, "%s", text);
	assert_in_range(strlen(last_line), 500, sizeof(text) - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line),
		cmocka_unit_test(no_hook),
		cmocka_unit_test(too_long_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
