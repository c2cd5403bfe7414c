// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop create: what it makes, and what it refuses without leaving a trace. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define MIB 1048576

#define SMALL "capacity_mb=16,zone_size_mb=1,conv_zones=2"

static mode_t mode_of(const char *path)
{
	struct stat sb;

	assert_int_equal(lstat(path, &sb), 0);
	return sb.st_mode & 07777;
}

static void files_of_a_disk(void **state)
{
	char name[32];

	(void)state;
	umask(0);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	umask(022);
	assert_silent();
	assert_int_equal(mode_of("d"), 0700);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "d/%s-%06u", i < 2 ? "cnv" : "seq",
			 i);
		assert_int_equal(file_size(name), i < 2 ? MIB : 0);
		assert_int_equal(mode_of(name), 0600);
	}
	assert_true(exists("d/zloop.json"));
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
}

/* As the kernel's zloop leaves it: its own string is enough. */
static void the_kernels_directory(void **state)
{
	char name[32];

	(void)state;
	mkdir("d", 0700);
	for (unsigned i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), "d/%s-%06u", i < 2 ? "cnv" : "seq",
			 i);
		make_file(name, i < 2 ? MIB : 0);
	}
	assert_int_equal(zloop("create", "zone_size_mb=1", "d", NULL), 1);
	assert_sentence("conv_zones=8 (the default) does not fit d, which has "
			"2 files of conventional zones; use conv_zones=2");
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_string_equal(run_out, "");
	assert_contains(run_err, "zloop: note: d: adopted from the kernel's "
				 "zloop; not to be verified: max_open_zones=0, "
				 "zone_capacity_mb=1");
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
}

static void defaults(void **state)
{
	(void)state;
	/* It may say that there is less room than that. */
	assert_int_equal(zloop("create", "d", NULL), 0);
	assert_string_equal(run_out, "");
	assert_int_equal(file_size("d/cnv-000007"), 256 * MIB);
	assert_int_equal(file_size("d/seq-000008"), 0);
	assert_true(exists("d/seq-000063"));
	assert_false(exists("d/seq-000064"));
}

static void empty_directory(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(mkdir("d/lost+found", 0700), 0);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_silent();
	assert_true(exists("d/seq-000015"));
	assert_int_equal(mode_of("d"), 0755);
}

static void absolute_and_slash(void **state)
{
	char *dir = realpath(".", NULL), path[4096];

	(void)state;
	assert_non_null(dir);
	snprintf(path, sizeof(path), "%s/d/", dir);
	free(dir);
	assert_int_equal(zloop("create", SMALL, path, NULL), 0);
	assert_true(exists("d/seq-000015"));
}

static void rounded_down(void **state)
{
	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=100,zone_size_mb=8,conv_zones=1",
			       "d", NULL),
			 0);
	assert_string_equal(run_out, "");
	assert_sentence("note: capacity_mb=100 is rounded down to 96, whole "
			"zones of 8 MiB");
	assert_true(exists("d/seq-000011"));
	assert_false(exists("d/seq-000012"));
}

static void smaller_last_zone(void **state)
{
	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=100,zone_size_mb=8,conv_zones=1,"
			       "smaller_last_zone",
			       "d", NULL),
			 0);
	assert_silent();
	assert_true(exists("d/seq-000012"));
}

/* The kernel's string as it is. */
static void options_of_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(zloop("create",
			       SMALL ",nr_queues=4,queue_depth=64,buffered_io,"
				     "zone_append=0,discard_write_cache",
			       "d", NULL),
			 0);
	assert_string_equal(run_out, "");
	assert_int_equal(count_lines(run_err), 5);
	assert_contains(run_err, "zloop: note: nr_queues changes nothing");
	assert_contains(run_err, "discard_write_cache changes nothing");
}

static void a_disk_already(void **state)
{
	char *before, *after;

	(void)state;
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	before = read_file("d/zloop.json");
	assert_int_equal(zloop("create", SMALL, "d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("d is a disk already, with serial number ");
	assert_int_equal(zloop("create", "d", NULL), 1);
	assert_sentence("d is a disk already, with serial number ");
	after = read_file("d/zloop.json");
	assert_string_equal(before, after);
	assert_false(exists("d/seq-000016"));
	free(before);
	free(after);
}

/* Stopped after the sidecar and some files. */
/* It is found out only when it is attached. */
static void cannot_be_attached(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "a b", NULL), 0);
	assert_contains(run_err, "note: the disk can be looked at, but not "
				 "attached as long as it is there: the "
				 "cfgstring has a space");
	assert_int_equal(zloop("info", "a b", NULL), 0);
}

static void make_half(char serial[64])
{
	struct json_object *sidecar;

	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	sidecar = json_object_from_file("d/zloop.json");
	snprintf(serial, 64, "%s", member_str(sidecar, "serial"));
	json_object_object_add(sidecar, "state",
			       json_object_new_string("creating"));
	assert_int_equal(json_object_to_file("d/zloop.json", sidecar), 0);
	json_object_put(sidecar);
	assert_int_equal(unlink("d/seq-000011"), 0);
	assert_int_equal(unlink("d/zloop.state"), 0);
}

/* The sidecar has all that was asked for. */
static void completed_by_its_name_alone(void **state)
{
	char serial[64], *text;

	(void)state;
	make_half(serial);
	assert_int_equal(zloop("list", "d", NULL), 0);
	assert_string_equal(run_err, "");
	assert_contains(run_out, "16 MiB     half made  d\n");
	assert_int_equal(zloop("create", "d", NULL), 0);
	assert_silent();
	text = read_file("d/zloop.json");
	assert_contains(text, serial);
	free(text);
	assert_int_equal(file_size("d/seq-000011"), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_int_equal(zloop("create", "d", NULL), 1);
	assert_sentence("d is a disk already");
}

/* What cannot be opened is none the less there. */
static void listed_though_damaged(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_int_equal(truncate("d/zloop.json", 20), 0);
	assert_int_equal(zloop("list", ".", NULL), 0);
	assert_string_equal(run_err, "");
	assert_contains(run_out, "-          damaged  ./d\n");
	assert_int_equal(zloop("list", "--json", ".", NULL), 0);
	assert_contains(run_out, "\"capacity_bytes\": null");
}

static void half_made(void **state)
{
	char serial[64], *text;

	(void)state;
	make_half(serial);
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_sentence("the disk in d is half made; zloop create d completes "
			"it");
	assert_int_equal(zloop("check", "d", NULL), 1);
	assert_contains(run_out, "d: the disk in d is half made; zloop create "
				 "d completes it");
	assert_int_equal(zloop("check", "--repair", "d", NULL), 1);
	assert_sentence("zloop create d completes it");
	assert_int_equal(zloop("create",
			       "capacity_mb=16,zone_size_mb=1,conv_zones=3",
			       "d", NULL),
			 1);
	assert_sentence("conv_zones=3 does not agree with the disk in d");
	assert_false(exists("d/seq-000011"));
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_silent();
	assert_true(exists("d/seq-000011"));
	text = read_file("d/zloop.json");
	assert_contains(text, serial);
	assert_contains(text, "ready");
	free(text);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

static void not_empty(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	make_file("d/letter", 1);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("letter");
	assert_int_equal(count_entries("d"), 1);
}

static void no_parent(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, "a/d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("a/d cannot be made, since the directory above it does "
			"not exist");
	assert_false(exists("a"));
}

static void not_a_directory(void **state)
{
	(void)state;
	make_file("d", 3);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 1);
	assert_sentence("d");
	assert_int_equal(file_size("d"), 3);
	assert_int_equal(mkdir("real", 0700), 0);
	assert_int_equal(symlink("real", "link"), 0);
	assert_int_equal(zloop("create", SMALL, "link", NULL), 1);
	assert_sentence("symbolic link");
	assert_int_equal(zloop("create", SMALL, "link/", NULL), 1);
	assert_sentence("symbolic link");
	assert_int_equal(count_entries("real"), 0);
}

/* Defaults do not fit either: only known when the disk is made. */
static void default_does_not_fit(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", "capacity_mb=1024", "d", NULL), 2);
	assert_sentence("conv_zones");
	assert_false(exists("d"));
}

/* The limit is the disk's, and no other one is named before. */
static void one_limit(void **state)
{
	static const char *const words[][2] = {
		{ "max_open_zones=99999999999", "use 14 or less" },
		{ "max_open_zones=15", "use 14 or less" },
		{ "conv_zones=99999999999", "use conv_zones=15 or less" },
		{ "zone_capacity_mb=99999999999",
		  "use zone_capacity_mb=1 or less" },
	};
	char options[128];

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(options, sizeof(options),
			 "capacity_mb=16,zone_size_mb=1%s,%s",
			 i < 2 ? ",conv_zones=2" : "", words[i][0]);
		assert_int_equal(zloop("create", options, "d", NULL), 2);
		assert_sentence(words[i][1]);
	}
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_int_equal(
		zloop("create", "max_open_zones=99999999999", "e", NULL), 2);
	assert_sentence("use 56 or less");
	assert_false(exists("e"));
}

static void deleted(void **state)
{
	char serial[64];

	(void)state;
	assert_int_equal(zloop("create", SMALL, "e", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "f", NULL), 0);
	assert_int_equal(zloop("inject", "add", "f", "offline", "zone=3", NULL),
			 0);
	assert_int_equal(
		zloop("inject", "add", "f", "busy", "persistent=true", NULL),
		0);
	assert_int_equal(zloop("delete", "e", "f", NULL), 0);
	assert_silent();
	assert_false(exists("e"));
	assert_false(exists("f"));
	assert_int_equal(zloop("delete", "e", NULL), 1);
	assert_sentence("there is no disk e");
	/* One that was not made to the end, and one that was deleted in part.
	 */
	make_half(serial);
	assert_int_equal(zloop("delete", "d", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	unlink("d/cnv-000000");
	unlink("d/seq-000009");
	unlink("d/zloop.state");
	assert_int_equal(zloop("delete", "d", NULL), 0);
	assert_false(exists("d"));
	assert_int_equal(zloop("delete", NULL), 2);
}

/* Whatever is not surely a disk and nothing else stays, all of it. */
static void not_deleted(void **state)
{
	static const char *const more[] = { "d/notes.txt", "d/seq-000016",
					    "d/cnv-000002" };
	unsigned nr;

	(void)state;
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++) {
		make_file(more[i], 3);
		nr = count_entries("d");
		assert_int_equal(zloop("delete", "d", NULL), 1);
		assert_sentence(i ? "not surely one disk"
				  : "has other files than the disk's");
		assert_int_equal(count_entries("d"), nr);
		unlink(more[i]);
	}
	assert_int_equal(rename("d/zloop.json", "kept"), 0);
	nr = count_entries("d");
	assert_int_equal(zloop("delete", "d", NULL), 1);
	assert_sentence("d has no zloop.json: it is not surely a disk");
	make_file("d/zloop.json", 7);
	assert_int_equal(zloop("delete", "d", NULL), 1);
	assert_sentence("zloop.json");
	assert_int_equal(rename("kept", "d/zloop.json"), 0);
	assert_int_equal(count_entries("d"), nr + 1);
	assert_int_equal(mkdir("empty", 0700), 0);
	assert_int_equal(zloop("delete", "empty", NULL), 1);
	assert_true(exists("empty"));
	assert_int_equal(zloop("check", "d", NULL), 0);
}

static void only_options(void **state)
{
	(void)state;
	assert_int_equal(zloop("create", SMALL, NULL), 2);
	assert_contains(run_err, "there is no directory behind the options");
	assert_false(exists(SMALL));
	assert_int_equal(zloop("create", SMALL, "d", "e", NULL), 2);
	assert_contains(run_err, "'e' is one word too many");
	assert_false(exists("d"));
	assert_int_equal(zloop("create", "./d", SMALL, NULL), 2);
	assert_contains(run_err, "options come before the directory: zloop "
				 "create " SMALL " ./d");
	assert_false(exists("d"));
}

/* What nobody wants a disk of 16 GiB to be called. */
static void odd_directory(void **state)
{
	static const char *const words[] = { "capcity",	 "conv_zone",
					     "zonesize", "direct_io",
					     "inof",	 "crate",
					     "lists" };

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		assert_int_equal(zloop("create", words[i], NULL), 2);
		assert_contains(run_err, "may be meant as ");
		assert_contains(run_err, "if it is the directory, write ./");
		assert_false(exists(words[i]));
		assert_int_equal(zloop("create", SMALL, words[i], NULL), 2);
		assert_false(exists(words[i]));
	}
	assert_int_equal(zloop("create", SMALL, "./lists", NULL), 0);
	assert_int_equal(mkdir("crate", 0755), 0);
	assert_int_equal(zloop("create", SMALL, "crate", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "disk", NULL), 0);
}

static const struct {
	const char *options, *words;
} bad[] = {
	{ "zone_size=1", "zone_size=1 has no unit" },
	{ "zonesize_mb=1", "did you mean zone_size_mb?" },
	{ "zone_size_mb", "zone_size_mb needs a value" },
	{ "zone_size_mb=", "zone_size_mb needs a value" },
	{ "zone_size_mb=64,zone_size_mb=64", "zone_size_mb is given twice" },
	{ "zone_size_mb=64,,conv_zones=8", "an option is empty" },
	{ ",", "an option is empty" },
	{ "zone_size_mb=64,", "an option is empty" },
	{ "zone_size_mb=12x", "zone_size_mb=12x" },
	{ "zone_size_mb=-1", "zone_size_mb=-1" },
	{ "zone_size_mb= 1", "zone_size_mb= 1" },
	{ "zone_size_mb=0", "zone_size_mb=0" },
	{ "zone_size_mb=48", "power of two" },
	{ "zone_size_mb=32768", "zone_size_mb=32768" },
	{ "capacity_mb=99999999999999999999",
	  "capacity_mb=99999999999999999999" },
	{ "capacity_mb=8796093022208", "capacity_mb=8796093022208" },
	{ "capacity_mb=64,zone_size_mb=128", "larger than the disk" },
	{ "capacity_mb=2048,zone_size_mb=64,conv_zones=32", "conv_zones=32" },
	{ "capacity_mb=2048,zone_size_mb=64,conv_zones=8,max_open_zones=25",
	  "max_open_zones=25" },
	{ "zone_size_mb=64,zone_capacity_mb=65", "zone_capacity_mb=65" },
	{ "block_size=1024", "block_size=1024" },
	{ "block_size=4096,physical_block_size=512",
	  "physical_block_size=512" },
	{ "urswrz=2", "urswrz=2" },
	{ "buffered_io=1", "buffered_io takes no value" },
	{ "id=1", "id says where the disk is" },
	{ "base_dir=x", "base_dir says where the disk is" },
};

static void bad_options(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int status = zloop("create", bad[i].options, "d", NULL);

		if (status != 2)
			fail_msg("%s: status %d, %s", bad[i].options, status,
				 run_err);
		assert_string_equal(run_out, "");
		assert_contains(run_err, "zloop: ");
		assert_contains(run_err, bad[i].words);
		assert_false(exists("d"));
	}
}

/* As after "ulimit -f 512": the command is not ended by a signal. */
static void a_limit_on_file_sizes(void **state)
{
	struct rlimit old, limit;

	(void)state;
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ 512 << 10, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(zloop("create", SMALL, "d", NULL), 1);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_sentence("cnv-000000 cannot be made: File too large, for its "
			"file system or the limit of this process (ulimit -f)"
			"; the next opening completes the disk");
	assert_int_equal(zloop("create", SMALL, "d", NULL), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, work_enter, work_leave)
		T(files_of_a_disk),
		T(a_limit_on_file_sizes),
		T(the_kernels_directory),
		T(defaults),
		T(empty_directory),
		T(absolute_and_slash),
		T(rounded_down),
		T(smaller_last_zone),
		T(options_of_the_kernel),
		T(a_disk_already),
		T(half_made),
		T(completed_by_its_name_alone),
		T(cannot_be_attached),
		T(listed_though_damaged),
		T(not_empty),
		T(no_parent),
		T(not_a_directory),
		T(default_does_not_fit),
		T(only_options),
		T(odd_directory),
		T(one_limit),
		T(deleted),
		T(not_deleted),
		T(bad_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
