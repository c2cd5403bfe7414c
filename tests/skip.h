/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a test cannot do here is said, and counted: cmocka's own skip() leaves
 * the exit status as if all had been tested.  Each sentence becomes a line
 * "skipped: …", which tests/skipped finds in ctest's log.
 *
 * Of one thread, and not in a child process.
 */
#ifndef TESTS_SKIP_H
#define TESTS_SKIP_H

#include <stddef.h>

/* The exit status by which ctest knows a program that tested nothing. */
#define SKIP_STATUS 77

/* Ends the test that runs; the arguments, as printf()'s, say why. */
#define skip_test(...) skip_test_at(__FILE__, __LINE__, __VA_ARGS__)

void skip_test_at(const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The test goes on without a part of it. */
void skip_part(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What main() returns, after @nr_tests tests of which @failed failed: not 0 if
 * some did, SKIP_STATUS if each was skipped. */
int skip_status(int failed, size_t nr_tests);

/* cmocka_run_group_tests() of all that a program has, with that result. */
#define skip_run_tests(tests, set_up, tear_down)                      \
	skip_status(cmocka_run_group_tests(tests, set_up, tear_down), \
		    sizeof(tests) / sizeof((tests)[0]))

#endif
