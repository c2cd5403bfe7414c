// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* check_config: what targetcli shows, word for word, before a device is made.
 */
#include "base/refusal.h"
#include "rig.h"

/*
 * What is in the test's directory:
 *   d      empty               full   a file that is no disk's
 *   disk   the usual disk      file   a regular file
 *   link   a link to disk      found  lost+found and nothing else
 *   kernel as the kernel's zloop leaves it: 2 conventional zones of 1 MiB
 */
static int setup(void **state)
{
	struct rig *rig;

	rig_setup(state);
	rig = *state;
	rig_shell(rig,
		  "mkdir $/disk $/full $/found $/found/lost+found $/kernel "
		  "$/torn $/text $/newer");
	rig_shell(rig, "ln -s disk $/link && touch $/file $/full/x");
	rig_shell(rig, "truncate -s 1M $/kernel/cnv-000000 $/kernel/cnv-000001 "
		       "&& touch $/kernel/seq-000002 $/kernel/seq-000003");
	assert_int_equal(
		rig_add(rig, "zone_size_mb=1/conv_zones=4@$/disk", RIG_BYTES),
		0);
	rig_remove(rig);
	rig_shell(rig, "head -c 50 $/disk/zloop.json >$/torn/zloop.json");
	rig_shell(rig, "echo hello >$/text/zloop.json");
	rig_shell(rig, "sed 's/format_version\" *: *1/format_version\":2/' "
		       "$/disk/zloop.json >$/newer/zloop.json");
	return 0;
}

static bool check(const struct rig *rig, const char *cfg, char **reason)
{
	char text[2048];

	snprintf(text, sizeof(text), "zloop/%s", rig_text(rig, cfg));
	return runner_check_config(rig_handler(), text, reason);
}

/* A sentence that ends with ... goes on. */
static bool is_sentence(const char *is, const char *want)
{
	size_t len = strlen(want);

	if (len > 3 && !strcmp(want + len - 3, "..."))
		return !strncmp(is, want, len - 3);
	return !strcmp(is, want);
}

static void assert_refused(const struct rig *rig, const char *cfg,
			   const char *sentence)
{
	const char *want = rig_text(rig, sentence);
	char *reason;

	if (check(rig, cfg, &reason))
		fail_msg("%s: not refused", cfg);
	if (!reason || !is_sentence(reason, want))
		fail_msg("%s\n is: %s\nnot: %s", cfg, reason, want);
	free(reason);
}

/* For whoever attaches through configfs, who hears nothing of it. */
static void noted(void **state)
{
	const char *cfg = "zone_size_mb=3@/nowhere";
	struct rig *rig = *state;
	struct refusal_mark before;
	struct zl_err err;
	char *reason;

	before = refusal_mark(cfg);
	assert_false(check(rig, cfg, &reason));
	assert_int_equal(refusal_since(cfg, before, &err), 0);
	assert_string_equal(err.msg, reason);
	free(reason);
}

static void assert_good(const struct rig *rig, const char *cfg)
{
	char *reason;

	if (!check(rig, cfg, &reason))
		fail_msg("%s: refused: %s", cfg, reason);
	assert_null(reason);
}

static const struct {
	const char *cfg, *sentence;
} refusals[] = {
	/* The grammar. */
	{ "", "the cfgstring has no @; write OPTION=VALUE/OPTION=VALUE@/"
	      "DIRECTORY, or @/DIRECTORY for a disk that is there" },
	{ "$/d", "the cfgstring has no @; write OPTION=VALUE/OPTION=VALUE@/"
		 "DIRECTORY, or @/DIRECTORY for a disk that is there" },
	{ "zone_size_mb=1@",
	  "there is no directory behind @; write @/DIRECTORY" },
	{ "zone_size_mb=1@d",
	  "the directory d is relative; write it from /, as @/DIRECTORY" },
	{ "zone_size_mb=1@./d",
	  "the directory ./d is relative; write it from /, as @/DIRECTORY" },
	{ "zone_size_mb=1,conv_zones=2@$/d",
	  "the cfgstring has the character , at byte 14; use none of , : ; ' "
	  "\" ` \\ and a directory without them" },
	{ "@/a b", "the cfgstring has a space at byte 3; use none, and a "
		   "directory without any" },
	{ "@/a:b", "the cfgstring has the character : at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a;b", "the cfgstring has the character ; at byte 3; use none of , "
		   ": ; ' \" ` \\ and a directory without them" },
	{ "@/a\nb", "the cfgstring has a control character at byte 3; use "
		    "none, and a directory without any" },
	/* Options. */
	{ "zone_sizes_mb=1@$/d",
	  "unknown option zone_sizes_mb; did you mean zone_size_mb?" },
	{ "zone_size=1@$/d",
	  "zone_size=1 has no unit; write zone_size=1M, or zone_size_mb for "
	  "MiB" },
	{ "conv_zones=1/zone_size_mb=1/conv_zones=1@$/d",
	  "conv_zones is given twice; give it once" },
	{ "/zone_size_mb=1@$/d", "an option is empty; write OPTION=VALUE with "
				 "one '/' between two of them" },
	{ "zone_size_mb=1//conv_zones=1@$/d",
	  "an option is empty; write OPTION=VALUE with one '/' between two of "
	  "them" },
	{ "zone_size_mb@$/d",
	  "zone_size_mb needs a value: zone_size_mb=NUMBER" },
	{ "zone_size_mb=@$/d",
	  "zone_size_mb needs a value: zone_size_mb=NUMBER" },
	{ "smaller_last_zone=1@$/d",
	  "smaller_last_zone=1: smaller_last_zone takes no value; write "
	  "smaller_last_zone" },
	{ "id=0@$/d", "id is not possible in a cfgstring; leave it out" },
	{ "base_dir=x@$/d",
	  "base_dir is not possible in a cfgstring; leave it out" },
	/* Numbers. */
	{ "zone_size_mb=64X@$/d",
	  "zone_size_mb=64X is not a size; write MiB in digits, or a unit as "
	  "in 64M, 2G, 20T or 20TB" },
	{ "conv_zones=-1@$/d",
	  "conv_zones=-1 is not a plain number; use digits only, from 0 to "
	  "1048575" },
	{ "conv_zones=+1@$/d",
	  "conv_zones=+1 is not a plain number; use digits only, from 0 to "
	  "1048575" },
	{ "conv_zones=18446744073709551616@$/d",
	  "conv_zones=18446744073709551616 is out of bounds; use 0 to "
	  "1048575" },
	{ "capacity_mb=17592186044416@$/d",
	  "capacity_mb=17592186044416 is out of bounds; use 1 to "
	  "8796093022207" },
	/* The geometry. */
	{ "zone_size_mb=0@$/d",
	  "zone_size_mb=0 is out of bounds; use 1 to 16384" },
	{ "zone_size_mb=32768@$/d",
	  "zone_size_mb=32768 is out of bounds; use 1 to 16384" },
	{ "zone_size_mb=96@$/d",
	  "zone_size_mb=96 is not a power of two; Linux refuses such disks: "
	  "use 64 or 128, or add any_zone_size" },
	{ "zone_size_mb=64/capacity_mb=32@$/d",
	  "zone_size_mb=64 is larger than the disk: capacity_mb=32; use a "
	  "smaller zone_size_mb" },
	{ "zone_size_mb=4/zone_capacity_mb=5@$/d",
	  "zone_capacity_mb=5 is larger than zone_size_mb=4; use "
	  "zone_capacity_mb=4 or less" },
	{ "zone_capacity_mb=300@$/d",
	  "zone_capacity_mb=300 is larger than zone_size_mb=256 (the default); "
	  "use zone_capacity_mb=256 or less" },
	{ "zone_size_mb=1/capacity_mb=8/conv_zones=8@$/d",
	  "conv_zones=8 leaves no sequential zone: capacity_mb=8 has 8 zones "
	  "of 1 MiB; use conv_zones=7 or less" },
	{ "zone_size_mb=1/capacity_mb=8/conv_zones=4/max_open_zones=5@$/d",
	  "max_open_zones=5 is more than the 4 sequential zones; use 4 or "
	  "less, or 0 for no limit" },
	{ "zone_size_mb=4/capacity_mb=33/conv_zones=1@$/d",
	  "capacity_mb=33 is not a multiple of zone_size_mb=4; use "
	  "capacity_mb=32 or capacity_mb=36, or add smaller_last_zone" },
	{ "block_size=1024@$/d",
	  "block_size=1024 is not possible; use 512 or 4096" },
	{ "block_size=4096/physical_block_size=512@$/d",
	  "physical_block_size=512 is smaller than block_size=4096; use "
	  "physical_block_size=4096 or leave it out" },
	/* The directory. */
	{ "zone_size_mb=1@$/none", "directory $/none does not exist" },
	{ "@$/none", "directory $/none does not exist" },
	{ "@$/file", "$/file is not a directory" },
	{ "@$/link", "$/link is a symbolic link: give the directory that it "
		     "points to" },
	{ "@$/link/", "$/link is a symbolic link: give the directory that it "
		      "points to" },
	{ "zone_size_mb=1@$/full", "$/full has no disk but other files (x); "
				   "use an empty directory" },
	{ "@$/full", "$/full has no disk but other files (x); use an empty "
		     "directory" },
	{ "@$/d", "$/d is empty: no disk is there; to make one, give an "
		  "option, e.g. zone_size_mb=256" },
	{ "buffered_io@$/d", "$/d is empty: no disk is there; to make one, "
			     "give an option, e.g. zone_size_mb=256" },
	/* A disk that is there. */
	{ "zone_size_mb=2@$/disk",
	  "zone_size_mb=2 does not agree with the disk in $/disk; use "
	  "zone_size_mb=1 or leave it out" },
	{ "conv_zones=5@$/disk",
	  "conv_zones=5 does not agree with the disk in $/disk; use "
	  "conv_zones=4 or leave it out" },
	{ "capacity_mb=64@$/disk",
	  "capacity_mb=64 does not agree with the disk in $/disk; use "
	  "capacity_mb=32 or leave it out" },
	{ "block_size=4096@$/disk",
	  "block_size=4096 does not agree with the disk in $/disk; use "
	  "block_size=512 or leave it out" },
	{ "@$/kernel",
	  "$/kernel has zone files but no zloop.json, as the kernel's zloop "
	  "leaves them; to adopt them, create the disk with zone_size_mb=1, "
	  "conv_zones=2, capacity_mb=4, zone_capacity_mb=NUMBER if it is not "
	  "the zone size" },
};

static void bad(void **state)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(refusals); i++)
		assert_refused(*state, refusals[i].cfg, refusals[i].sentence);
}

/* The sentence's words are lib/disk's matter; the file is to be named. */
static void bad_sidecar(void **state)
{
	static const char *const dirs[] = { "torn", "text", "newer" };
	const struct rig *rig = *state;
	char cfg[64], file[64], *reason;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(dirs); i++) {
		snprintf(cfg, sizeof(cfg), "@$/%s", dirs[i]);
		snprintf(file, sizeof(file), "$/%s/zloop.json", dirs[i]);
		assert_false(check(rig, cfg, &reason));
		assert_non_null(reason);
		if (!strstr(reason, rig_text(rig, file)))
			fail_msg("%s: %s", cfg, reason);
		free(reason);
	}
}

/* The kernel cuts what is longer, silently: to another directory. */
static void too_long(void **state)
{
	char cfg[300] = "@/";
	char *reason;

	memset(cfg + 2, 'd', 255 - 6 - 2);
	assert_false(check(*state, cfg, &reason));
	assert_non_null(strstr(reason, "does not exist"));
	free(reason);
	cfg[255 - 6] = 'd';
	assert_refused(*state, cfg,
		       "the cfgstring is 256 bytes long with zloop/, and the "
		       "kernel cuts it at 255; use a shorter directory");
}

static void good(void **state)
{
	static const char *const cfgs[] = {
		"zone_size_mb=64@$/d",
		"zone_size_mb=64M@$/d",
		"zone_size=64M/capacity=2G/block_size=4K@$/d",
		"zone_size_mb=64/conv_zones=8@$/d",
		"zone_size_mb=64/conv_zones=8@$/d/",
		"zone_size_mb=96/any_zone_size@$/d",
		("zone_size_mb=4/capacity_mb=33/conv_zones=1/"
		 "smaller_last_zone@$/d"),
		"zone_size_mb=4/zone_capacity_mb=3/max_open_zones=1@$/d",
		"capacity_mb=16384@$/d",
		"block_size=4096@$/d",
		"block_size=512/physical_block_size=4096/urswrz=0@$/d",
		"zone_size_mb=64/buffered_io/nr_queues=2/queue_depth=32@$/d",
		"zone_size_mb=64@$/found",
		"@$/disk",
		"@$/disk/",
		"buffered_io@$/disk",
		"zone_size_mb=1/conv_zones=4/capacity_mb=32@$/disk",
		"zone_size_mb=1/zone_capacity_mb=1/conv_zones=2@$/kernel",
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cfgs); i++)
		assert_good(*state, cfgs[i]);
}

/*
 * The starting daemon asks again for devices that are there, perhaps before
 * the disk's last user is gone; a refusal would be for good.
 */
static void in_use(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, "@$/disk", RIG_BYTES), 0);
	assert_good(rig, "@$/disk");
	assert_good(rig, "zone_size_mb=1@$/disk");
	assert_refused(rig, "zone_size_mb=2@$/disk",
		       "zone_size_mb=2 does not agree with the disk in "
		       "$/disk; use zone_size_mb=1 or leave it out");
}

/* Looking changes nothing: no file, no lock. */
static void leaves_no_trace(void **state)
{
	const struct rig *rig = *state;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(refusals); i++) {
		char *reason;

		assert_false(check(rig, refusals[i].cfg, &reason));
		free(reason);
	}
	good(state);
	rig_shell(rig, "test -z \"`ls -A $/d`\"");
	rig_shell(rig, "test \"`ls -A $/full`\" = x");
	rig_shell(rig, "test \"`ls -A $/kernel | wc -l`\" = 4");
	rig_shell(rig, "test \"`ls -A $/found`\" = lost+found");
}

/* What targetcli prints as help. */
static void description(void **state)
{
	const char *desc = runner_cfg_desc(rig_handler());

	(void)state;
	assert_string_equal(runner_subtype(rig_handler()), "zloop");
	assert_non_null(strstr(desc, "@DIRECTORY"));
	assert_null(strchr(desc, '\n'));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(bad),	   TEST(bad_sidecar), TEST(too_long),
		TEST(good),	   TEST(in_use),      TEST(leaves_no_trace),
		TEST(description), TEST(noted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
