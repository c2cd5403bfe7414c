// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Bars and lines of long work: cli/progress.c in this process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "progress.h"

static uint64_t now_ms;
static int terminal;
static char said[32768];

static uint64_t test_clock(void)
{
	return now_ms;
}

static unsigned width;

static unsigned test_columns(void)
{
	return width;
}

static int test_isatty(int fd)
{
	(void)fd;
	return terminal;
}

/* What @run writes to standard error. */
static const char *listen(void (*run)(void))
{
	FILE *f = tmpfile();
	int old = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(f);
	fflush(stderr);
	dup2(fileno(f), STDERR_FILENO);
	run();
	fflush(stderr);
	dup2(old, STDERR_FILENO);
	close(old);
	rewind(f);
	len = fread(said, 1, sizeof(said) - 1, f);
	said[len] = 0;
	fclose(f);
	return said;
}

/* 100 zones, a second each. */
static void slow_work(void)
{
	progress_start("making d");
	for (uint32_t i = 1; i <= 100; i++) {
		now_ms += 1000;
		progress_step(NULL, i, 100);
	}
	progress_end();
}

static void quick_work(void)
{
	progress_start("making d");
	for (uint32_t i = 1; i <= 100; i++)
		progress_step(NULL, i, 100);
	progress_end();
}

static int start(void **state)
{
	(void)state;
	progress_clock_ms = test_clock;
	progress_isatty = test_isatty;
	progress_columns = test_columns;
	width = 80;
	terminal = 0;
	progress_set(PROGRESS_AUTO);
	setenv("LC_ALL", "C.UTF-8", 1);
	return 0;
}

static unsigned count(const char *s, const char *what)
{
	unsigned nr = 0;

	for (; (s = strstr(s, what)); s++)
		nr++;
	return nr;
}

static void lines_every_ten_seconds(void **state)
{
	(void)state;
	listen(slow_work);
	assert_int_equal(count(said, "\n"), 10);
	assert_int_equal(strncmp(said,
				 "zloop: making d: 10 %, 10 of 100 zones\n"
				 "zloop: making d: 20 %, 20 of 100 zones\n",
				 78),
			 0);
	assert_null(strpbrk(said, "\r\033"));
}

static void lines_every_tenth(void **state)
{
	(void)state;
	assert_string_equal(listen(quick_work), "");
	progress_set(PROGRESS_ALWAYS);
	listen(quick_work);
	assert_int_equal(count(said, "\n"), 10);
	assert_non_null(strstr(said, "100 %, 100 of 100 zones\n"));
}

static void quiet(void **state)
{
	(void)state;
	progress_set(PROGRESS_QUIET);
	assert_string_equal(listen(slow_work), "");
	terminal = 1;
	assert_string_equal(listen(slow_work), "");
}

/* In UTF-8, without what moves the cursor. */
static unsigned longest_line(const char *s)
{
	unsigned longest = 0, n = 0;

	for (; *s; s++) {
		n = *s == '\r' ? 0 : n + ((*s & 0xc0) != 0x80);
		if (*s == '\033')
			n--, s += 2;
		longest = n > longest ? n : longest;
	}
	return longest;
}

/* What does not fit would scroll. */
static void narrow_terminal(void **state)
{
	(void)state;
	terminal = 1;
	for (width = 60; width < 100; width++) {
		assert_in_range(longest_line(listen(slow_work)), 48, width);
		assert_non_null(strstr(said, " ["));
	}
	width = 30;
	assert_null(strstr(listen(slow_work), " ["));
}

static void bar(void **state)
{
	(void)state;
	terminal = 1;
	/* Not for a moment's work. */
	assert_string_equal(listen(quick_work), "");
	listen(slow_work);
	assert_int_equal(count(said, "\n"), 0);
	assert_int_equal(count(said, "\r"), 101);
	assert_non_null(strstr(said, "\rmaking d [███████▌                    "
				     "  ]  25 %  25 of 100 zones  75 s left"
				     "\033[K"));
	/* Gone at the end. */
	assert_string_equal(said + strlen(said) - 4, "\r\033[K");
	setenv("LC_ALL", "C", 1);
	listen(slow_work);
	assert_non_null(strstr(said, "\rmaking d [#######                     "
				     "  ]  25 %  25 of 100 zones"));
}

/* What else is said comes at the beginning of a line. */
static void hide_twice(void)
{
	progress_set(PROGRESS_ALWAYS);
	progress_start("making d");
	progress_hide();
	progress_step(NULL, 1, 2);
	progress_hide();
	fputs("note\n", stderr);
	progress_end();
	progress_step(NULL, 2, 2);
}

static void hidden(void **state)
{
	(void)state;
	terminal = 1;
	listen(hide_twice);
	assert_non_null(strstr(said, "\033[K\r\033[Knote\n"));
	assert_string_equal(said + strlen(said) - 5, "note\n");
}

/* Never, whatever the numbers are. */
static void nothing_to_do(void)
{
	progress_set(PROGRESS_ALWAYS);
	progress_start("making d");
	progress_step(NULL, 0, 0);
	progress_end();
}

static void no_zones(void **state)
{
	(void)state;
	assert_string_equal(listen(nothing_to_do), "");
	terminal = 1;
	assert_string_equal(listen(nothing_to_do), "");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup(f, start)
		T(lines_every_ten_seconds),
		T(lines_every_tenth),
		T(quiet),
		T(bar),
		T(narrow_terminal),
		T(hidden),
		T(no_zones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
