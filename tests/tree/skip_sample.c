// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* skip_sample WHAT: a program of two tests, for tree_skipped.  WHAT is a word
 * or more of: first, second (which are skipped), part, fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "skip.h"

static const char *what;

static void the_first(void **state)
{
	(void)state;
	if (strstr(what, "first"))
		skip_test("there is no %s", "left shoe");
}

static void the_second(void **state)
{
	(void)state;
	if (strstr(what, "part"))
		skip_part("it does not rain");
	if (strstr(what, "second"))
		skip_test("there is no right one");
	assert_null(strstr(what, "fail"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first),
		cmocka_unit_test(the_second),
	};

	what = argc > 1 ? argv[1] : "";
	return skip_run_tests(tests, NULL, NULL);
}
