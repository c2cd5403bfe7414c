// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Big-endian fields: the bytes' order, unaligned places, nothing beside them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/be.h"

static const uint8_t bytes[] = { 0x81, 0x02, 0x83, 0x04, 0x85,
				 0x06, 0x87, 0x08, 0xff };

static void get(void **state)
{
	(void)state;
	assert_int_equal(be16_get(bytes), 0x8102);
	assert_int_equal(be24_get(bytes), 0x810283);
	assert_int_equal(be32_get(bytes), 0x81028304);
	assert_true(be64_get(bytes) == UINT64_C(0x8102830485068708));
	assert_true(be64_get(bytes + 1) == UINT64_C(0x02830485068708ff));
}

static void put(void **state)
{
	uint8_t buf[12];

	(void)state;
#define PUT(bits, value)                                       \
	do {                                                   \
		memset(buf, 0xee, sizeof(buf));                \
		be##bits##_put(buf + 1, value);                \
		assert_memory_equal(buf + 1, bytes, bits / 8); \
		assert_int_equal(buf[0], 0xee);                \
		assert_int_equal(buf[1 + bits / 8], 0xee);     \
	} while (0)
	PUT(16, 0x8102);
	PUT(24, 0x810283);
	PUT(24, 0xff810283); /* the top byte has no place */
	PUT(32, 0x81028304);
	PUT(64, UINT64_C(0x8102830485068708));
#undef PUT
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get),
		cmocka_unit_test(put),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
