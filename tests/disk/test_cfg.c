// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The cfgstring: [OPTION[=VALUE][/…]]@DIRECTORY. */
#include "base/num.h"
#include "disk/internal.h"
#include "disk/refusals.h"

static int parse(const char *text, struct disk_opts *opts, char *dir,
		 struct zl_err *err)
{
	char *copy = strdup(text); /* on the heap: an overrun is seen */
	const char *at;
	int ret;

	assert_non_null(copy);
	ret = disk_cfg_parse(copy, opts, &at, err);
	if (!ret)
		strcpy(dir, at);
	free(copy);
	return ret;
}

static void good(void **state)
{
	static const struct {
		const char *text, *dir;
		uint64_t zone_mib;
	} cases[] = {
		{ "@/d", "/d", 256 },
		{ "@/", "/", 256 },
		{ "zone_size_mb=64@/var/local/zloop/0", "/var/local/zloop/0",
		  64 },
		{ "zone_size_mb=64/conv_zones=1/smaller_last_zone@/a@b=c",
		  "/a@b=c", 64 },
		{ "@/a/zone_size_mb=64@/b", "/a/zone_size_mb=64@/b", 256 },
	};
	struct disk_opts o;
	struct zl_err err;
	char dir[256];

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		assert_accepted(cases[i].text,
				parse(cases[i].text, &o, dir, &err), &err);
		assert_string_equal(dir, cases[i].dir);
		assert_int_equal(o.num[OPT_ZONE_SIZE_MB], cases[i].zone_mib);
	}
}

static const struct {
	const char *text, *sentence;
} bad_cfg[] = {
	{ "", "the cfgstring has no @; write OPTION=VALUE/OPTION=VALUE@/"
	      "DIRECTORY, or @/DIRECTORY for a disk that is there" },
	{ "/var/local/zloop/0",
	  "the cfgstring has no @; write OPTION=VALUE/OPTION=VALUE@/DIRECTORY, "
	  "or @/DIRECTORY for a disk that is there" },
	{ "zone_size_mb=64",
	  "the cfgstring has no @; write OPTION=VALUE/OPTION=VALUE@/DIRECTORY, "
	  "or @/DIRECTORY for a disk that is there" },
	{ "@", "there is no directory behind @; write @/DIRECTORY" },
	{ "zone_size_mb=64@",
	  "there is no directory behind @; write @/DIRECTORY" },
	{ "@zloop/0", "the directory zloop/0 is relative; write it from /, as "
		      "@/DIRECTORY" },
	{ "@@/d", "the directory @/d is relative; write it from /, as "
		  "@/DIRECTORY" },
	{ "@~/d", "the directory ~/d is relative; write it from /, as "
		  "@/DIRECTORY" },
	{ "zone_size_mb=64,conv_zones=1@/d",
	  "the cfgstring has the character , at byte 15; use none of , : ; ' "
	  "\" ` \\ and a directory without them" },
	{ "@/a:b", "the cfgstring has the character : at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a;b", "the cfgstring has the character ; at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a'b", "the cfgstring has the character ' at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a\"b", "the cfgstring has the character \" at byte 3; use none of "
		    ", : ; ' \" ` \\ and a directory without them" },
	{ "@/a`b", "the cfgstring has the character ` at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a\\b", "the cfgstring has the character \\ at byte 3; use none of "
		    ", : ; ' \" ` \\ and a directory without them" },
	{ "@/a b", "the cfgstring has a space at byte 3; use none, and a "
		   "directory without any" },
	{ "@/a\tb", "the cfgstring has a control character at byte 3; use "
		    "none, and a directory without any" },
	{ "@/a\n", "the cfgstring has a control character at byte 3; use none, "
		   "and a directory without any" },
	{ "@/a\x7f", "the cfgstring has a control character at byte 3; use "
		     "none, and a directory without any" },
	{ "zone_size_mb=65@/d",
	  "zone_size_mb=65 is not a power of two; Linux refuses such disks: "
	  "use 64 or 128, or add any_zone_size" },
	{ "zone_size_mb=64/@/d", "an option is empty; write OPTION=VALUE with "
				 "one '/' between two of them" },
	{ "capacity_mb=1000/zone_size_mb=64@/d",
	  "capacity_mb=1000 is not a multiple of zone_size_mb=64; use "
	  "capacity_mb=960 or capacity_mb=1024, or add smaller_last_zone" },
};

static void bad(void **state)
{
	struct disk_opts o;
	struct zl_err err;
	char dir[256];

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(bad_cfg); i++)
		assert_refused(bad_cfg[i].text,
			       parse(bad_cfg[i].text, &o, dir, &err), &err,
			       bad_cfg[i].sentence);
}

/* The kernel cuts a longer one silently: another directory. */
static void length(void **state)
{
	char text[300] = "@/";
	struct disk_opts o;
	struct zl_err err;
	char dir[256];

	(void)state;
	memset(text + 2, 'd', 255 - 6 - 2);
	assert_accepted(text, parse(text, &o, dir, &err), &err);
	text[255 - 6] = 'd';
	assert_refused(text, parse(text, &o, dir, &err), &err,
		       "the cfgstring is 256 bytes long with zloop/, and the "
		       "kernel cuts it at 255; use a shorter directory");
}

/* Any byte string is either taken or gets a sentence. */
static void any_bytes(void **state)
{
	static const char *const piece[] = {
		"zone_size_mb", "conv_zones", "=",  "/", "@", "64", "1",
		"capacity_mb",	"-",	      "\n", "9", "",  "x",  "urswrz",
	};
	struct disk_opts o;
	struct zl_err err;
	char dir[256], text[256];
	uint32_t seed = 1;
	unsigned taken = 0;

	(void)state;
	print_message("seed %u\n", seed);
	for (unsigned round = 0; round < 20000; round++) {
		text[0] = 0;
		for (unsigned i = 0; i < 12; i++) {
			seed = seed * 1103515245 + 12345;
			strcat(text,
			       piece[(seed >> 16) % ZL_ARRAY_SIZE(piece)]);
		}
		memset(&err, 0, sizeof(err));
		if (!parse(text, &o, dir, &err)) {
			taken++;
			assert_int_equal(dir[0], '/');
		} else {
			assert_true(err.msg[0]);
		}
	}
	assert_true(taken > 0);
}

/* What opens the disk again as it was opened; cut off as by snprintf(). */
static void reopened(void **state)
{
	static const struct {
		const char *text, *again;
	} cases[] = {
		{ "@/d", "@/d" },
		{ "zone_size_mb=64/model=host-aware/buffered_io@/d", "@/d" },
		{ "discard_write_cache/conv_zones=1/direct_io@/a@b",
		  "direct_io/discard_write_cache@/a@b" },
		{ "provisioning=thin/direct_io@/d",
		  "direct_io/provisioning=thin@/d" },
		{ "provisioning=full@/d", "provisioning=full@/d" },
	};
	char dir[256], again[DISK_CFG_MAX + 1];
	struct disk_opts o;
	struct zl_err err;
	size_t len;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		assert_accepted(cases[i].text,
				parse(cases[i].text, &o, dir, &err), &err);
		len = disk_cfg_reopen(again, sizeof(again), &o, dir);
		assert_string_equal(again, cases[i].again);
		assert_int_equal(len, strlen(again));
		for (size_t size = 0; size <= len; size++) {
			memset(again, 'x', sizeof(again));
			assert_int_equal(disk_cfg_reopen(again, size, &o, dir),
					 len);
			assert_int_equal(again[size], 'x');
			if (size)
				assert_int_equal(strlen(again), size - 1);
		}
	}
	disk_cfg_reopen(again, sizeof(again), NULL, "/d");
	assert_string_equal(again, "@/d");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),	     cmocka_unit_test(bad),
		cmocka_unit_test(length),    cmocka_unit_test(reopened),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
