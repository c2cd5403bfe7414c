// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* JSON is read the same whatever json-c reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/num.h"

static struct json_object *read_text(const char *text, struct json_fault *fault)
{
	return json_read(text, strlen(text), 4, fault);
}

/* The value of the only element. */
static void reads(const char *text, const char *want)
{
	struct json_fault fault;
	struct json_object *o = read_text(text, &fault);

	assert_non_null(o);
	assert_int_equal(fault.why, json_tokener_success);
	assert_string_equal(
		json_object_get_string(json_object_array_get_idx(o, 0)), want);
	json_object_put(o);
}

static void refuses(const char *text, enum json_tokener_error why, size_t at)
{
	struct json_fault fault;

	assert_null(read_text(text, &fault));
	assert_false(fault.no_memory);
	assert_int_equal(fault.why, why);
	assert_int_equal(fault.at, at);
}

#define EVERY "\xc3\xa9\xe2\x82\xac\xf0\x9f\x92\xbe\x7f\xc2\x80\xf4\x8f\xbf\xbf"

static void characters(void **state)
{
	(void)state;
	reads("[\"" EVERY "\"]", EVERY);
	reads("[\"\\\"\xc3\xa9\\\\\"]", "\"\xc3\xa9\\");
	reads("[\"99999999999999999999\\\" -99999999999999999999\"]",
	      "99999999999999999999\" -99999999999999999999");
}

static void numbers(void **state)
{
	(void)state;
	reads("[18446744073709551615]", "18446744073709551615");
	reads("[18446744073709551616]", "18446744073709551615");
	reads("[99999999999999999999999999]", "18446744073709551615");
	reads("[-9223372036854775808]", "-9223372036854775808");
	reads("[-9223372036854775809]", "-9223372036854775808");
	reads("[-99999999999999999999999999]", "-9223372036854775808");
	reads("[9007199254740993]", "9007199254740993");
	reads("[0]", "0");
	reads("[99999999999999999999999999.5]", "99999999999999999999999999.5");
	reads("[99999999999999999999999999e3]", "99999999999999999999999999e3");
}

static void others(void **state)
{
	struct json_fault fault;
	struct json_object *o = read_text("[]", &fault);

	(void)state;
	assert_int_equal(json_object_array_length(o), 0);
	json_object_put(o);
	assert_null(read_text("null ", &fault));
	assert_int_equal(fault.why, json_tokener_success);
}

static void faults(void **state)
{
	(void)state;
	refuses("", json_tokener_continue, 0);
	refuses("[1, ", json_tokener_continue, 4);
	refuses("[\"\xc3\xa9", json_tokener_continue, 4);
	refuses("[\"\xff\"]", json_tokener_error_parse_utf8_string, 2);
	refuses("[\"\xed\xa0\x80\"]", json_tokener_error_parse_utf8_string, 2);
	refuses("[\"\xe2\x82\"]", json_tokener_error_parse_utf8_string, 2);
	refuses("[\"a\tb\"]", json_tokener_error_parse_string, 4);
	refuses("[\"\n\"]", json_tokener_error_parse_string, 3);
	refuses("['a']", json_tokener_error_parse_unexpected, 1);
	refuses("[1,]", json_tokener_error_parse_unexpected, 3);
	refuses("[[[[1]]]]", json_tokener_error_depth, 4);
	refuses("[1 // one\n]", json_tokener_error_parse_array, 3);
	/* Counted in the text as it was given. */
	refuses("[\"" EVERY "\" 99999999999999999999999999]",
		json_tokener_error_parse_array, 4 + strlen(EVERY));
	refuses("[\xc3\xa9]", json_tokener_error_parse_unexpected, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(characters),
		cmocka_unit_test(numbers),
		cmocka_unit_test(others),
		cmocka_unit_test(faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
