// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop info: what a disk is and how it is, as text and JSON. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "live.h"
#include "run.h"
#include "skip.h"

#define MIB 1048576

/* 32 MiB in 16 zones, of whose sequential ones a quarter is a gap. */
#define GAPS                                                             \
	"capacity_mb=32,zone_size_mb=2,zone_capacity_mb=1,conv_zones=3," \
	"max_open_zones=5,block_size=512,physical_block_size=4096"

static void make_disk(const char *options, const char *dir)
{
	assert_int_equal(zloop("create", options, dir, NULL), 0);
	assert_silent();
}

/* The only element of the array on standard output. */
static struct json_object *info_json(const char *dir)
{
	struct json_object *array, *o;

	assert_int_equal(zloop("info", "--json", dir, NULL), 0);
	assert_string_equal(run_err, "");
	array = out_json();
	assert_int_equal(json_object_get_type(array), json_type_array);
	assert_int_equal(json_object_array_length(array), 1);
	o = json_object_get(json_object_array_get_idx(array, 0));
	json_object_put(array);
	return o;
}

static void text(void **state)
{
	char *path = realpath(".", NULL), line[4096 + 128];

	(void)state;
	make_disk("capacity_mb=64,zone_size_mb=4,conv_zones=2", "d");
	assert_int_equal(zloop("info", "d", NULL), 0);
	assert_string_equal(run_err, "");
	assert_contains(run_out, "d\n  serial ");
	assert_contains(run_out, " 67108864 bytes (64 MiB)\n");
	assert_contains(run_out, " 512 bytes logical, 512 physical\n");
	assert_contains(run_out,
			" 2 conventional, 14 sequential write required\n");
	assert_contains(run_out, " 4194304 bytes (4 MiB)\n");
	assert_contains(run_out, " no limit\n");
	assert_contains(run_out, " 2 not-write-pointer, 14 empty\n");
	assert_contains(run_out, "  in use          no\n");
	assert_contains(run_out, "  last opened by  host ");
	assert_contains(run_out, "  openings        1, 0 after an unclean");
	assert_contains(run_out, "  made by         user:zloop\n");
	assert_null(strstr(run_out, "problem"));
	snprintf(line, sizeof(line),
		 "/backstores/user:zloop create name=NAME size=67108864 "
		 "cfgstring=@%s/d\n",
		 path);
	assert_contains(run_out, line);
	free(path);
}

static void json(void **state)
{
	struct json_object *o, *conditions, *holder;
	char host[65];

	(void)state;
	make_disk(GAPS, "d");
	o = info_json("d");
	assert_string_equal(member_str(o, "directory"), "d");
	assert_int_equal(strlen(member_str(o, "serial")), 16);
	assert_int_equal(member_u64(o, "capacity_bytes"), 32 * MIB);
	assert_int_equal(member_u64(o, "zone_size_bytes"), 2 * MIB);
	assert_int_equal(member_u64(o, "zone_capacity_bytes"), MIB);
	assert_int_equal(member_u64(o, "conv_zones"), 3);
	assert_int_equal(member_u64(o, "seq_zones"), 13);
	assert_int_equal(member_u64(o, "gap_zones"), 13);
	assert_int_equal(member_u64(o, "max_open_zones"), 5);
	assert_int_equal(member_u64(o, "block_size"), 512);
	assert_int_equal(member_u64(o, "physical_block_size"), 4096);
	assert_true(json_object_get_boolean(member(o, "urswrz")));
	assert_false(json_object_get_boolean(member(o, "adopted")));
	assert_false(json_object_get_boolean(member(o, "in_use")));
	assert_null(member(o, "in_use_by"));
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	holder = member(o, "holder");
	assert_string_equal(member_str(holder, "host"), host);
	assert_true(json_object_get_boolean(member(holder, "stopped")));
	assert_int_equal(json_object_array_length(member(o, "problems")), 0);
	conditions = member(o, "conditions");
	assert_int_equal(member_u64(conditions, "not-write-pointer"), 3);
	assert_int_equal(member_u64(conditions, "empty"), 13);
	json_object_put(o);
}

/* The sidecar's members are called as there and say the same. */
static void as_the_sidecar(void **state)
{
	struct json_object *o, *sidecar;
	unsigned same = 0;

	(void)state;
	make_disk(GAPS, "d");
	o = info_json("d");
	sidecar = json_object_from_file("d/zloop.json");
	assert_non_null(sidecar);
	json_object_object_foreach(sidecar, key, value)
	{
		if (!strcmp(key, "format_version") || !strcmp(key, "state") ||
		    !strcmp(key, "model"))
			continue;
		assert_string_equal(json_object_to_json_string(value),
				    json_object_to_json_string(member(o, key)));
		same++;
	}
	assert_int_equal(same, 11);
	json_object_put(sidecar);
	json_object_put(o);
}

static void host_aware(void **state)
{
	struct json_object *o;

	(void)state;
	make_disk("capacity_mb=32,zone_size_mb=2,conv_zones=3,model=host-aware,"
		  "max_open_zones=4",
		  "d");
	assert_int_equal(zloop("info", "d", NULL), 0);
	assert_contains(run_out, "  model           host-aware\n");
	assert_contains(run_out, "3 conventional, 13 sequential write "
				 "preferred\n");
	assert_contains(run_out, "  optimal open    4\n");
	o = info_json("d");
	assert_string_equal(member_str(o, "model"), "host-aware");
	json_object_put(o);
	assert_int_equal(zloop("create", "model=host-managed", "d", NULL), 1);
}

static void conditions_and_space(void **state)
{
	struct json_object *o, *conditions;
	uint64_t before;
	char page[4096];
	int fd;

	(void)state;
	make_disk("capacity_mb=64,zone_size_mb=4,conv_zones=2", "d");
	o = info_json("d");
	before = member_u64(o, "space_used_bytes");
	json_object_put(o);
	memset(page, 'x', sizeof(page));
	fd = open("d/seq-000004", O_WRONLY);
	assert_int_equal(write(fd, page, sizeof(page)), sizeof(page));
	assert_int_equal(fsync(fd), 0);
	close(fd);
	make_file("d/seq-000005", 4 * MIB);
	o = info_json("d");
	conditions = member(o, "conditions");
	assert_int_equal(member_u64(conditions, "not-write-pointer"), 2);
	assert_int_equal(member_u64(conditions, "empty"), 12);
	assert_int_equal(member_u64(conditions, "closed"), 1);
	assert_int_equal(member_u64(conditions, "full"), 1);
	assert_true(member_u64(o, "space_used_bytes") >= before + 4096);
	assert_true(member_u64(o, "space_used_bytes") < before + 4 * MIB);
	json_object_put(o);
}

static void in_use(void **state)
{
	struct json_object *o;
	char who[64];
	int fd;

	(void)state;
	make_disk(GAPS, "d");
	fd = open("d", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	o = info_json("d");
	assert_true(json_object_get_boolean(member(o, "in_use")));
	snprintf(who, sizeof(who), "process %d (", getpid());
	assert_contains(member_str(o, "in_use_by"), who);
	json_object_put(o);
	assert_int_equal(zloop("info", "d", NULL), 0);
	snprintf(who, sizeof(who), "  in use          by process %d (",
		 getpid());
	assert_contains(run_out, who);
	close(fd);
	o = info_json("d");
	assert_false(json_object_get_boolean(member(o, "in_use")));
	json_object_put(o);
}

static void *close_soon(void *live)
{
	clock_sleep_ms(3);
	live_close(live);
	return NULL;
}

/* Whoever has the disk may hang up at any moment. */
static void closed_meanwhile(void **state)
{
	struct live live;
	pthread_t thread;

	(void)state;
	make_disk(GAPS, "d");
	for (unsigned i = 0; i < 30; i++) {
		live_open(&live, "d");
		assert_int_equal(
			pthread_create(&thread, NULL, close_soon, &live), 0);
		assert_int_equal(zloop("info", "d", NULL), 0);
		assert_string_equal(run_err, "");
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

/* The kernel's zloop takes no lock, but has every file open. */
static void in_use_without_lock(void **state)
{
	struct json_object *o;
	int first, last;

	(void)state;
	make_disk(GAPS, "d");
	first = open("d/cnv-000000", O_RDWR);
	assert_true(first >= 0);
	if (fcntl(first, F_SETLEASE, F_WRLCK)) {
		close(first);
		skip_test("no leases on this file system");
	}
	assert_int_equal(fcntl(first, F_SETLEASE, F_UNLCK), 0);
	o = info_json("d");
	assert_false(json_object_get_boolean(member(o, "in_use")));
	json_object_put(o);
	last = open("d/seq-000015", O_RDWR);
	assert_true(last >= 0);
	o = info_json("d");
	assert_true(json_object_get_boolean(member(o, "in_use")));
	assert_contains(member_str(o, "in_use_by"), "kernel's zloop");
	json_object_put(o);
	close(first);
	close(last);
}

/* Looking leaves every file as it was, even one that an opening would mend. */
static void changes_nothing(void **state)
{
	char *journal, *after;

	(void)state;
	make_disk(GAPS, "d");
	make_file("d/seq-000007", 1000);
	journal = read_file("d/zloop.state");
	assert_int_equal(zloop("info", "d", NULL), 0);
	assert_contains(run_out, "  problem         zone 7: seq-000007 ");
	assert_int_equal(file_size("d/seq-000007"), 1000);
	after = read_file("d/zloop.state");
	assert_string_equal(journal, after);
	free(journal);
	free(after);
}

static void problems(void **state)
{
	struct json_object *o, *array, *problem;

	(void)state;
	make_disk(GAPS, "d");
	assert_int_equal(unlink("d/seq-000009"), 0);
	o = info_json("d");
	array = member(o, "problems");
	assert_int_equal(json_object_array_length(array), 1);
	problem = json_object_array_get_idx(array, 0);
	assert_int_equal(member_u64(problem, "zone"), 9);
	assert_contains(member_str(problem, "what"), "seq-000009 is missing");
	assert_int_equal(member_u64(member(o, "conditions"), "offline"), 1);
	json_object_put(o);
}

/* One that cannot be examined does not hide the others. */
static void several(void **state)
{
	struct json_object *array, *o;

	(void)state;
	make_disk(GAPS, "a");
	make_disk(GAPS, "c");
	assert_int_equal(zloop("info", "a", "b", "c", NULL), 1);
	assert_sentence("b");
	assert_contains(run_out, "a\n  serial ");
	assert_contains(run_out, "\n\nc\n  serial ");
	assert_int_equal(zloop("info", "b", "a", NULL), 1);
	assert_memory_equal(run_out, "a\n", 2);
	assert_int_equal(zloop("info", "--json", "a", "b", "c", NULL), 1);
	assert_sentence("b");
	array = out_json();
	assert_int_equal(json_object_array_length(array), 3);
	o = json_object_array_get_idx(array, 1);
	assert_string_equal(member_str(o, "directory"), "b");
	assert_contains(run_err, member_str(o, "error"));
	o = json_object_array_get_idx(array, 2);
	assert_string_equal(member_str(o, "directory"), "c");
	assert_int_equal(member_u64(o, "conv_zones"), 3);
	json_object_put(array);
}

static void write_sidecar(const char *text_of_it)
{
	FILE *f = fopen("d/zloop.json", "w");

	assert_non_null(f);
	assert_true(fputs(text_of_it, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void broken_sidecar(void **state)
{
	char *good;

	(void)state;
	make_disk(GAPS, "d");
	good = read_file("d/zloop.json");
	good[strlen(good) / 2] = 0;
	write_sidecar(good);
	free(good);
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("d/zloop.json is cut short");
	write_sidecar("[ 1, 2 ]");
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_sentence("d/zloop.json is not a JSON object");
	write_sidecar("{ \"format_version\": 3 }");
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_sentence("d/zloop.json has format version 3");
}

static void no_disk(void **state)
{
	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("d");
	assert_int_equal(count_entries("d"), 0);
}

/* As the kernel's zloop leaves it: no sidecar. */
static void kernel_directory(void **state)
{
	struct json_object *o;

	(void)state;
	assert_int_equal(mkdir("d", 0700), 0);
	make_file("d/cnv-000000", MIB);
	make_file("d/seq-000001", 4096);
	make_file("d/seq-000002", 0);
	assert_int_equal(zloop("info", "d", NULL), 1);
	assert_sentence("as the kernel's zloop leaves them");
	assert_int_equal(zloop("create",
			       "capacity_mb=3,zone_size_mb=1,zone_capacity_mb=1"
			       ",conv_zones=1,block_size=4096",
			       "d", NULL),
			 0);
	o = info_json("d");
	assert_true(json_object_get_boolean(member(o, "adopted")));
	assert_int_equal(member_u64(member(o, "conditions"), "closed"), 1);
	json_object_put(o);
	assert_int_equal(file_size("d/seq-000001"), 4096);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, work_enter, work_leave)
		T(text),
		T(json),
		T(as_the_sidecar),
		T(host_aware),
		T(conditions_and_space),
		T(in_use),
		T(closed_meanwhile),
		T(in_use_without_lock),
		T(changes_nothing),
		T(problems),
		T(several),
		T(broken_sidecar),
		T(no_disk),
		T(kernel_directory),
	};

	return skip_run_tests(tests, NULL, NULL);
}
