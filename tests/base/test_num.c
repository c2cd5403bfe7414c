// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Strict numbers and small arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/num.h"

static void good_numbers(void **state)
{
	static const struct {
		const char *text;
		uint64_t value;
	} rows[] = {
		{ "0", 0 },
		{ "7", 7 },
		{ "007", 7 },
		{ "4294967296", UINT64_C(4294967296) },
		{ "18446744073709551615", UINT64_MAX },
		{ "00000000000000000000000000000001", 1 },
	};
	uint64_t v;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		v = 99;
		assert_int_equal(
			parse_u64(rows[i].text, strlen(rows[i].text), &v), 0);
		assert_true(v == rows[i].value);
	}
	/* The text need not end there. */
	assert_int_equal(parse_u64("123/x", 3, &v), 0);
	assert_int_equal(v, 123);
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{ "7", 7 * ZL_MIB },
		{ "2G", UINT64_C(2) << 30 },
		{ "20T", UINT64_C(20) << 40 },
		{ "64m", 64 * ZL_MIB },
		{ "64MiB", 64 * ZL_MIB },
		{ "4k", 4096 },
		{ "20TB", UINT64_C(20000000000000) },
		{ "1pb", UINT64_C(1000000000000000) },
		{ "0K", 0 },
	};
	static const char *const bad[] = {
		"", "M", "2X", "2MM", "2iB", "2B", "2 G", "1.5G", "-1M", "2Mib2"
	};
	uint64_t v = 0;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		assert_int_equal(parse_size(rows[i].text, strlen(rows[i].text),
					    ZL_MIB, &v),
				 0);
		assert_true(v == rows[i].bytes);
	}
	for (size_t i = 0; i < ZL_ARRAY_SIZE(bad); i++)
		assert_int_equal(parse_size(bad[i], strlen(bad[i]), ZL_MIB, &v),
				 -EINVAL);
	assert_int_equal(parse_size("16384P", 6, 1, &v), -ERANGE);
	assert_int_equal(parse_size("17592186044416", 14, ZL_MIB, &v), -ERANGE);
	/* The text need not end there. */
	assert_int_equal(parse_size("2G/x", 2, 1, &v), 0);
	assert_true(v == UINT64_C(2) << 30);
}

static void sizes_for_people(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 bytes" },
		{ 1023, "1023 bytes" },
		{ 1024, "1 KiB" },
		{ 1536, "1.5 KiB" },
		{ 3000000000, "2.7 GiB" },
		{ UINT64_C(50) << 40, "50 TiB" },
		{ (UINT64_C(1) << 40) - 1, "1023.9 GiB" },
		{ UINT64_MAX, "16383.9 PiB" },
	};
	char buf[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++)
		assert_string_equal(size_in_words(rows[i].bytes, buf),
				    rows[i].text);
}

static void bad_numbers(void **state)
{
	static const struct {
		const char *text;
		int error;
	} rows[] = {
		{ "", -EINVAL },
		{ "-1", -EINVAL },
		{ "+1", -EINVAL },
		{ " 1", -EINVAL },
		{ "1 ", -EINVAL },
		{ "1\n", -EINVAL },
		{ "0x10", -EINVAL },
		{ "1k", -EINVAL },
		{ "1.5", -EINVAL },
		{ "\xb2", -EINVAL },
		{ "18446744073709551616", -ERANGE },
		{ "18446744073709551620", -ERANGE },
		{ "99999999999999999999999999", -ERANGE },
		{ "99999999999999999999999999x", -EINVAL },
	};
	uint64_t v = 99;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rows); i++) {
		assert_int_equal(
			parse_u64(rows[i].text, strlen(rows[i].text), &v),
			rows[i].error);
		assert_int_equal(v, 99);
	}
	assert_int_equal(parse_u64("1\0002", 3, &v), -EINVAL);
}

static void arithmetic(void **state)
{
	(void)state;
	assert_false(is_pow2(0));
	assert_true(is_pow2(1));
	assert_false(is_pow2(3));
	assert_true(is_pow2(UINT64_C(1) << 63));
	assert_false(is_pow2(UINT64_MAX));
	assert_true(div_up_u64(0, 4) == 0);
	assert_true(div_up_u64(8, 4) == 2);
	assert_true(div_up_u64(9, 4) == 3);
	assert_true(div_up_u64(UINT64_MAX, 2) == UINT64_C(1) << 63);
	assert_true(min_u64(1, UINT64_MAX) == 1);
	assert_true(max_u64(1, UINT64_MAX) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_numbers),
		cmocka_unit_test(sizes),
		cmocka_unit_test(sizes_for_people),
		cmocka_unit_test(bad_numbers),
		cmocka_unit_test(arithmetic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
