// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is text, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/num.h"
#include "base/utf8.h"

#define U "\xef\xbf\xbd"

static void becomes(const char *s, const char *want)
{
	char *text = utf8_text(s);

	assert_string_equal(text, want);
	free(text);
}

static void text_stays(void **state)
{
	static const char *const texts[] = {
		"",
		"/srv/z0",
		"\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe",
		"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80",
		"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf",
	};

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(texts); i++)
		becomes(texts[i], texts[i]);
}

static void the_rest_is_marked(void **state)
{
	(void)state;
	becomes("\xff", U);
	becomes("a\x80z", "a" U "z");
	/* Cut short, at the end and before it. */
	becomes("\xe2\x82", U U);
	becomes("\xe2\x82z", U U "z");
	/* Too long, a surrogate, too large. */
	becomes("\xc0\xaf", U U);
	becomes("\xe0\x9f\xbf", U U U);
	becomes("\xed\xa0\x80", U U U);
	becomes("\xf4\x90\x80\x80", U U U U);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_stays),
		cmocka_unit_test(the_rest_is_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
