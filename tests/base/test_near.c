// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What somebody may have meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/near.h"
#include "base/num.h"

static const char *const words[] = { "add", "list", "zone_size_mb",
				     "max_open_zones", "max_open" };

static const char *nearest(const char *word)
{
	struct near n = { .word = word, .len = strlen(word) };

	for (size_t i = 0; i < ZL_ARRAY_SIZE(words); i++)
		near_try(&n, words[i]);
	return n.best;
}

static void alike(void **state)
{
	(void)state;
	assert_string_equal(nearest("lst"), "list");
	assert_string_equal(nearest("lits"), "list");
	assert_string_equal(nearest("ad"), "add");
	assert_string_equal(nearest("addd"), "add");
	assert_string_equal(nearest("zone_size_bm"), "zone_size_mb");
	assert_string_equal(nearest("zonesize_mb"), "zone_size_mb");
	assert_string_equal(nearest("zone_si"), "zone_size_mb");
	assert_string_equal(nearest("max_open_zone"), "max_open_zones");
	assert_string_equal(nearest("max_opne"), "max_open");
}

static void not_alike(void **state)
{
	(void)state;
	assert_null(nearest(""));
	assert_null(nearest("x"));
	assert_null(nearest("frobnicate"));
	assert_null(nearest("mount"));
	assert_null(nearest("0123456789012345678901234567890123456789"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alike),
		cmocka_unit_test(not_alike),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
