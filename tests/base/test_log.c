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

static long long fake_seconds;

static long long fake_clock(void)
{
	return fake_seconds;
}

/* A burst passes, then nothing until the next window, which says how many. */
static void limited(void **state)
{
	struct zl_limit limit = { 0 };

	(void)state;
	zl_log_set(keep_line);
	zl_limit_clock = fake_clock;
	for (int window = 0; window < 2; window++) {
		fake_seconds = window * ZL_LIMIT_SECONDS;
		nr_lines = 0;
		for (int i = 0; i < 1000; i++)
			zl_log_limited(&limit, ZL_LOG_ERR, "failure %d", i);
		assert_int_equal(nr_lines, ZL_LIMIT_BURST + window);
		assert_string_equal(last_line, "failure 9");
	}
	fake_seconds += ZL_LIMIT_SECONDS;
	nr_lines = 0;
	errno = ENOENT;
	zl_log_limited(&limit, ZL_LOG_ERR, "once");
	assert_int_equal(errno, ENOENT);
	assert_int_equal(nr_lines, 2);
	fake_seconds += ZL_LIMIT_SECONDS;
	zl_log_limited(&limit, ZL_LOG_ERR, "again");
	assert_int_equal(nr_lines, 3);
	zl_log_set(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line),
		cmocka_unit_test(no_hook),
		cmocka_unit_test(too_long_is_cut),
		cmocka_unit_test(limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
