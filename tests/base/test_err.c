// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Sentences for people: formatted, cut, or wanted by nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <string.h>
#include <cmocka.h>

#include "base/err.h"

static void a_sentence(void **state)
{
	struct zl_err err;

	(void)state;
	assert_int_equal(zl_fail(&err, EINVAL, "zone_size_mb=%d is %s", 3,
				 "not a power of two"),
			 -EINVAL);
	assert_string_equal(err.msg, "zone_size_mb=3 is not a power of two");
}

static void nobody_wants_it(void **state)
{
	(void)state;
	assert_int_equal(zl_fail(NULL, ENOSPC, "%s", "full"), -ENOSPC);
}

static void too_long_is_cut(void **state)
{
	struct {
		struct zl_err err;
		char behind[8];
	} s;
	char text[2 * ZL_ERR_MAX];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memset(s.behind, '!', sizeof(s.behind));
	assert_int_equal(zl_fail(&s.err, EIO, "%s", text), -EIO);
	assert_int_equal(strlen(s.err.msg), ZL_ERR_MAX - 1);
	assert_memory_equal(s.behind, "!!!!!!!!", 8);
}

static void who_is_in_the_way(void **state)
{
	struct zl_err err;

	(void)state;
	assert_int_equal(zl_fail_in_use(&err, "/d", "process %d", 7), -EBUSY);
	assert_string_equal(err.msg, "/d is in use by process 7");
	assert_string_equal(err.who, "process 7");
	zl_fail(&err, EIO, "nobody");
	assert_string_equal(err.who, "");
	assert_int_equal(zl_fail_in_use(NULL, "/d", "you"), -EBUSY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sentence),
		cmocka_unit_test(nobody_wants_it),
		cmocka_unit_test(too_long_is_cut),
		cmocka_unit_test(who_is_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
