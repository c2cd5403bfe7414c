// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* CRC-32C against the examples of RFC 3720 B.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/crc32c.h"

static void known_values(void **state)
{
	uint8_t buf[32];

	(void)state;
	assert_int_equal(crc32c("", 0), 0);
	assert_int_equal(crc32c("123456789", 9), 0xe3069283);
	memset(buf, 0, sizeof(buf));
	assert_int_equal(crc32c(buf, sizeof(buf)), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(crc32c(buf, sizeof(buf)), 0x62a8ab43);
	for (uint8_t i = 0; i < 32; i++)
		buf[i] = i;
	assert_int_equal(crc32c(buf, sizeof(buf)), 0x46dd794e);
	for (uint8_t i = 0; i < 32; i++)
		buf[i] = 31 - i;
	assert_int_equal(crc32c(buf, sizeof(buf)), 0x113fdb5c);
}

static void every_single_bit_counts(void **state)
{
	uint8_t buf[32] = { 1, 2, 3 };
	uint32_t crc = crc32c(buf, sizeof(buf));

	(void)state;
	for (int bit = 0; bit < 256; bit++) {
		buf[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(crc32c(buf, sizeof(buf)), crc);
		buf[bit / 8] ^= 1 << bit % 8;
	}
}

/* The processor's instruction says what the table says. */
static void both_ways(void **state)
{
	/* More than once as much as three lanes. */
	static uint8_t buf[9999];

	(void)state;
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * i + i / 255);
	for (size_t len = 0; len < 300; len++)
		for (size_t at = 0; at < 9; at++)
			assert_int_equal(crc32c(buf + at, len),
					 crc32c_portable(buf + at, len));
	for (size_t len = 1000; len < sizeof(buf); len += 37)
		assert_int_equal(crc32c(buf, len), crc32c_portable(buf, len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_values),
		cmocka_unit_test(every_single_bit_counts),
		cmocka_unit_test(both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
