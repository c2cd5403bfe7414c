// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "skip.h"

static size_t nr_skipped;

static void say(const char *fmt, va_list ap)
{
	printf("skipped: ");
	vprintf(fmt, ap);
	printf("\n");
	fflush(stdout);
}

void skip_test_at(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
	nr_skipped++;
	_skip(file, line);
}

void skip_part(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap);
	va_end(ap);
}

int skip_status(int failed, size_t nr_tests)
{
	if (nr_skipped)
		printf("%zu of %zu tests skipped\n", nr_skipped, nr_tests);
	if (failed)
		return 1;
	return nr_tests && nr_skipped == nr_tests ? SKIP_STATUS : 0;
}
