// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop check --repair on directories damaged in every way. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/disk.h"
#include "run.h"
#include "skip.h"

#define OPTIONS	    "capacity_mb=8,zone_size_mb=1,conv_zones=2,block_size=512"
#define ALL_OPTIONS OPTIONS ",zone_capacity_mb=1,max_open_zones=0"
#define MIB	    1048576

static int enter(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create", OPTIONS, "d", NULL), 0);
	/* Zone 3 has data that must survive every repair. */
	assert_int_equal(truncate("d/seq-000003", 5 * 512), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
	return 0;
}

static int leave(void **state)
{
	assert_int_equal(file_size("d/seq-000003"), 5 * 512);
	return work_leave(state);
}

static void append(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

/* Would say so; does so; and then there is nothing left to do. */
static void repairs(const char *dry_words, const char *words)
{
	assert_int_equal(zloop("check", "--repair", "d", NULL), 1);
	assert_contains(run_out, dry_words);
	assert_int_equal(zloop("check", "d", NULL), 1); /* nothing changed */
	assert_int_equal(zloop("check", "--repair", "--yes", "d", NULL), 0);
	assert_contains(run_out, words);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("check", "-ry", "d", NULL), 0);
	assert_silent();
	assert_int_equal(zloop("check", "--repair", "d", NULL), 0);
	assert_silent();
}

static void missing_sequential(void **state)
{
	(void)state;
	unlink("d/seq-000004");
	repairs("zone 4: the missing file would be made anew: all that was in "
		"the zone is lost, it is empty",
		"zone 4: the missing file is made anew");
	assert_int_equal(file_size("d/seq-000004"), 0);
}

static void missing_conventional(void **state)
{
	(void)state;
	unlink("d/cnv-000001");
	repairs("zone 1: the missing file would be made anew: all that was in "
		"the zone is lost, it reads as zeros",
		"zone 1: the missing file is made anew");
	assert_int_equal(file_size("d/cnv-000001"), MIB);
}

static void too_long(void **state)
{
	(void)state;
	assert_int_equal(truncate("d/seq-000004", MIB + 512), 0);
	repairs("zone 4: the file would be cut from 1049088 to 1048576 bytes",
		"zone 4: the file is cut");
	assert_int_equal(file_size("d/seq-000004"), MIB);
}

/* It is another disk's sidecar, or somebody wrote there: data all the same. */
static void data_behind_the_end(const char *file)
{
	char path[32], cmd[64];

	snprintf(path, sizeof(path), "d/%s", file);
	snprintf(cmd, sizeof(cmd), "truncate -s 1048576 %s", file);
	assert_int_equal(truncate(path, 3 * MIB - 1), 0);
	append(path, "x", 1);
	assert_int_equal(zloop("check", "--repair", "d", NULL), 1);
	assert_contains(run_out, "is left alone, since zloop.json may be");
	assert_int_equal(zloop("check", "-ry", "d", NULL), 1);
	assert_contains(run_out, cmd);
	assert_int_equal(file_size(path), 3 * MIB);
	assert_int_equal(truncate(path, MIB), 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

static void too_long_with_data(void **state)
{
	(void)state;
	data_behind_the_end("seq-000004");
	data_behind_the_end("cnv-000001");
}

static void unaligned_tail(void **state)
{
	(void)state;
	assert_int_equal(truncate("d/seq-000004", 513), 0);
	repairs("zone 4: the file would be cut from 513 to 512 bytes, whole "
		"blocks: what is cut off was never acknowledged",
		"zone 4: the file is cut");
	assert_int_equal(file_size("d/seq-000004"), 512);
}

static void conventional_too_short(void **state)
{
	(void)state;
	assert_int_equal(truncate("d/cnv-000000", 4096), 0);
	repairs("zone 0: the file would be filled up with zeros from byte 4096"
		": what was there is lost",
		"zone 0: the file is filled up");
	assert_int_equal(file_size("d/cnv-000000"), MIB);
}

static void conventional_too_long(void **state)
{
	(void)state;
	assert_int_equal(truncate("d/cnv-000000", MIB + 1), 0);
	repairs("zone 0: the file would be cut from 1048577 to 1048576 bytes",
		"zone 0: the file is cut");
}

static void journal_missing(void **state)
{
	(void)state;
	unlink("d/zloop.state");
	repairs("zloop.state would be made anew: which zones were set "
		"read-only or offline is lost",
		"zloop.state is made anew");
}

static void journal_damaged(void **state)
{
	(void)state;
	append("d/zloop.state", "junk", 4);
	repairs("zloop.state would be rewritten without the 4 bytes",
		"zloop.state is rewritten");
}

static void everything_at_once(void **state)
{
	(void)state;
	unlink("d/seq-000002");
	unlink("d/cnv-000001");
	append("d/zloop.state", "junk", 4);
	assert_int_equal(truncate("d/seq-000004", MIB + 1), 0);
	assert_int_equal(truncate("d/seq-000005", 1), 0);
	assert_int_equal(zloop("check", "-ry", "d", NULL), 0);
	assert_int_equal(count_lines(run_out), 5);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

static void sidecar_missing(void **state)
{
	(void)state;
	unlink("d/zloop.json");
	assert_int_equal(zloop("check", "-r", "d", NULL), 1);
	assert_contains(run_err, "d has no zloop.json: give the options");
	/* Without the zone capacity it could not be done: not said either. */
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(zloop("check", i ? "-ry" : "-r", "-o", OPTIONS,
				       "d", NULL),
				 1);
		assert_string_equal(run_out, "");
		assert_sentence("zone_capacity_mb");
		assert_false(exists("d/zloop.json"));
	}
	assert_int_equal(zloop("check", "-r", "-o", ALL_OPTIONS, "d", NULL), 1);
	assert_contains(run_out, "zloop.json would be written anew");
	assert_false(exists("d/zloop.json"));
	assert_int_equal(zloop("check", "-ry", "-o", ALL_OPTIONS, "d", NULL),
			 0);
	assert_contains(run_out, "zloop.json is written anew");
	assert_int_equal(count_lines(run_out), 1);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
}

static void without_sidecar(bool damaged)
{
	if (damaged)
		assert_int_equal(system("echo broken >d/zloop.json"), 0);
	else
		unlink("d/zloop.json");
}

/* Said as it will be done, of both kinds of zones. */
static void with_zones_missing(bool damaged)
{
	without_sidecar(damaged);
	unlink("d/cnv-000000");
	unlink("d/seq-000004");
	assert_int_equal(zloop("check", "-r", "-o", ALL_OPTIONS, "d", NULL), 1);
	assert_contains(run_out, "zone 0: the missing file would be made anew");
	assert_contains(run_out, "zone 4: the missing file would be made anew");
	assert_contains(run_out, "zloop.json would be written anew");
	assert_int_equal(count_lines(run_out), 3);
	assert_false(exists("d/cnv-000000"));
	assert_false(exists("d/seq-000004"));
	assert_int_equal(zloop("check", "-ry", "-o", ALL_OPTIONS, "d", NULL),
			 0);
	assert_contains(run_out, "zone 0: the missing file is made anew");
	assert_contains(run_out, "zone 4: the missing file is made anew");
	assert_contains(run_out, "zloop.json is written anew");
	assert_int_equal(count_lines(run_out), 3);
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
}

static void sidecar_and_zones_missing(void **state)
{
	(void)state;
	with_zones_missing(false);
}

static void sidecar_damaged_and_zones_missing(void **state)
{
	(void)state;
	with_zones_missing(true);
}

/* Lost, or never there: a person must say. */
static void sidecar_and_last_zone_missing(void **state)
{
	static const char *const yes[] = { "-r", "-ry" };

	(void)state;
	without_sidecar(false);
	unlink("d/seq-000005");
	unlink("d/seq-000007");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			zloop("check", yes[i], "-o", ALL_OPTIONS, "d", NULL),
			1);
		assert_string_equal(run_out, "");
		assert_sentence("use capacity_mb=7, or make an empty file "
				"seq-000007 if the last ones are lost");
		assert_false(exists("d/seq-000005"));
	}
	assert_int_equal(system(": >d/seq-000007"), 0);
	assert_int_equal(zloop("check", "-ry", "-o", ALL_OPTIONS, "d", NULL),
			 0);
	assert_int_equal(zloop("check", "d", NULL), 0);
}

static void wrong_options(const char *options)
{
	static const char *const yes[] = { "-r", "-ry" };

	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(
			zloop("check", yes[i], "-o", options, "d", NULL), 1);
		assert_string_equal(run_out, "");
		assert_false(exists("d/zloop.json"));
		assert_int_equal(count_entries("d"), 9);
	}
}

static void sidecar_missing_and_wrong_options(void **state)
{
	(void)state;
	without_sidecar(false);
	wrong_options("capacity_mb=16,zone_size_mb=2,conv_zones=2,"
		      "block_size=512,zone_capacity_mb=2,max_open_zones=0");
	wrong_options("capacity_mb=8,zone_size_mb=1,conv_zones=3,"
		      "zone_capacity_mb=1");
	wrong_options("capacity_mb=8,zone_size_mb=1,conv_zones=1,"
		      "zone_capacity_mb=1");
	wrong_options("capacity_mb=7,zone_size_mb=1,conv_zones=2,"
		      "zone_capacity_mb=1");
	wrong_options("capacity_mb=9,zone_size_mb=1,conv_zones=2,"
		      "zone_capacity_mb=1");
}

/* Repairing makes no disk where none was. */
static void no_disk(void **state)
{
	static const char *const yes[] = { "-r", "-ry" };

	(void)state;
	assert_int_equal(mkdir("empty", 0700), 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(zloop("check", yes[i], "-o", ALL_OPTIONS,
				       "empty", NULL),
				 1);
		assert_string_equal(run_out, "");
		assert_sentence("no disk is in empty");
		assert_int_equal(count_entries("empty"), 0);
	}
}

static void as_json(void **state)
{
	struct json_object *array, *o;

	(void)state;
	unlink("d/seq-000004");
	assert_int_equal(zloop("check", "-rj", "d", "empty", NULL), 1);
	array = out_json();
	o = json_object_array_get_idx(array, 0);
	assert_string_equal(member_str(o, "directory"), "d");
	assert_int_equal(json_object_array_length(member(o, "repairs")), 1);
	assert_int_equal(json_object_array_length(member(o, "problems")), 1);
	o = json_object_array_get_idx(array, 1);
	assert_string_equal(member_str(o, "directory"), "empty");
	assert_contains(run_err, member_str(o, "error"));
	json_object_put(array);
}

/* A person must look at these. */
static void left_alone(void **state)
{
	(void)state;
	unlink("d/seq-000004");
	assert_int_equal(mkdir("d/seq-000004", 0700), 0);
	unlink("d/seq-000005");
	assert_int_equal(symlink("seq-000003", "d/seq-000005"), 0);
	assert_int_equal(zloop("check", "-ry", "d", NULL), 1);
	assert_contains(run_out, "seq-000004 is a directory");
	assert_contains(run_out, "seq-000005 is a symbolic link");
}

static void in_use(void **state)
{
	static const char *const files[] = { "cnv-000000", "seq-000002",
					     "seq-000007" };
	char path[32], words[64];
	int fd;

	(void)state;
	unlink("d/seq-000004");
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "d/%s", files[i]);
		snprintf(words, sizeof(words), "%s is open in another program",
			 path);
		fd = open(path, O_RDWR);
		assert_int_equal(zloop("check", "-ry", "d", NULL), 1);
		assert_sentence(words);
		assert_string_equal(run_out, "");
		assert_false(exists("d/seq-000004"));
		close(fd);
	}
}

/*
 * A disk that somebody has open is left alone by whatever writes to a
 * directory, also when the lock's file, or more, has been taken from under it.
 */

#define DELETE_ALL "find d -mindepth 1 -delete"

static const struct user_case {
	const char *by;	 /* what somebody has done to the directory */
	const char *dir; /* by which name it is come to */
} user_cases[] = {
	{ "true", "d" },
	{ "true", "link/d" },
	{ "true", "bound" },
	{ "rm d/zloop.state", "d" },
	{ "rm d/zloop.state", "bound" },
	{ "rm d/zloop.state && : >d/zloop.state", "d" },
	{ "mv d/zloop.json d/zloop.state .", "d" },
	{ "mv d/zloop.json d/zloop.state .", "bound" },
	{ "echo junk >d/zloop.json && rm d/zloop.state", "d" },
	{ DELETE_ALL, "d" },
	{ DELETE_ALL, "bound" },
	{ "mv d elsewhere && ln -s elsewhere d", "elsewhere" },
};

struct writer {
	const char *name;
	int (*run)(const char *dir);
};

static int run_repair(const char *dir)
{
	return zloop("check", "-ry", dir, NULL);
}

static int run_repair_with_options(const char *dir)
{
	return zloop("check", "-ry", "-o", ALL_OPTIONS, dir, NULL);
}

static int run_create(const char *dir)
{
	return zloop("create", ALL_OPTIONS, dir, NULL);
}

/* As the handler does. */
static int run_open(const char *dir)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		struct disk_open_args args = { 0 };
		struct disk *disk;
		struct zl_err err;

		_exit(disk_open(dir, &args, &disk, &err) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static const struct writer writers[] = {
	{ "check --repair --yes", run_repair },
	{ "check --repair --yes --options", run_repair_with_options },
	{ "create", run_create },
	{ "opening", run_open },
};

/* Names, sizes, inodes, times and contents. */
static char *picture(void)
{
	assert_int_equal(system("{ stat -L -c '%n %i %s %y %z' $(find -H d | "
				"sort); cat d/zloop.*; } >seen 2>/dev/null; "
				"true"),
			 0);
	return read_file("seen");
}

static void writes_nothing(const struct user_case *c, const struct writer *w)
{
	char *before = picture(), *after;
	int status = w->run(c->dir);

	after = picture();
	if (!status || strcmp(before, after))
		fail_msg("%s of %s after \"%s\": status %d; before:\n%s\n"
			 "after:\n%s\nand said: %s%s",
			 w->name, c->dir, c->by, status, before, after, run_out,
			 run_err);
	free(before);
	free(after);
}

/* False: it cannot be mounted here. */
static bool bind_mounted(void)
{
	return !unshare(CLONE_NEWNS) &&
	       !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) &&
	       !mkdir("bound", 0700) &&
	       !mount("d", "bound", NULL, MS_BIND, NULL);
}

static void beside(const struct user_case *c)
{
	struct disk_open_args args = { 0 };
	struct disk *disk;
	struct zl_err err;

	assert_int_equal(disk_open("d", &args, &disk, &err), 0);
	assert_int_equal(symlink(".", "link"), 0);
	if (!strcmp(c->dir, "bound") && !bind_mounted())
		skip_part("a directory cannot be bound to another name");
	else if (system(c->by))
		fail_msg("%s", c->by);
	else
		for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]);
		     i++)
			writes_nothing(c, &writers[i]);
	disk_close(disk);
}

static void a_disk_that_is_open_is_left_alone(void **state)
{
	for (size_t i = 0; i < sizeof(user_cases) / sizeof(user_cases[0]);
	     i++) {
		enter(state);
		beside(&user_cases[i]);
		umount2("bound", MNT_DETACH);
		work_leave(state);
	}
}

/* It takes no lock, but has every zone's file open, whichever is the first
 * that is still there. */
static void what_the_kernel_has_is_left_alone(void **state)
{
	char name[32];
	int fds[8], status = 0;

	(void)state;
	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "d/%s-%06d", i < 2 ? "cnv" : "seq",
			 i);
		fds[i] = open(name, O_RDWR);
		assert_true(fds[i] >= 0);
	}
	assert_int_equal(system("mv d/cnv-000000 d/seq-000007 d/zloop.* ."), 0);
	assert_int_equal(system("ls d >before"), 0);
	for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		status = writers[i].run("d");
		if (!status)
			fail_msg("%s was carried out", writers[i].name);
	}
	assert_int_equal(system("ls d | cmp - before && mv cnv-000000 "
				"seq-000007 d"),
			 0);
	assert_int_equal(run_create("d"), 1);
	assert_contains(run_err, "are open in another program");
	assert_int_equal(system("mv zloop.json d"), 0);
	assert_int_equal(run_repair("d"), 1);
	assert_contains(run_err, "is open in another program");
	assert_string_equal(run_out, "");
	assert_false(exists("d/zloop.state"));
	for (int i = 0; i < 8; i++)
		close(fds[i]);
}

static void usage(void **state)
{
	(void)state;
	assert_int_equal(zloop("check", "--yes", "d", NULL), 2);
	assert_contains(run_err, "--yes needs --repair");
	assert_int_equal(zloop("check", "-o", OPTIONS, "d", NULL), 2);
	assert_int_equal(zloop("check", "-r", "-o", "nothing", "d", NULL), 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		T(missing_sequential),
		T(missing_conventional),
		T(too_long),
		T(too_long_with_data),
		T(unaligned_tail),
		T(conventional_too_short),
		T(conventional_too_long),
		T(journal_missing),
		T(journal_damaged),
		T(everything_at_once),
		T(sidecar_missing),
		T(sidecar_and_zones_missing),
		T(sidecar_damaged_and_zones_missing),
		T(sidecar_and_last_zone_missing),
		T(sidecar_missing_and_wrong_options),
		T(no_disk),
		T(as_json),
		T(left_alone),
		T(in_use),
		cmocka_unit_test(a_disk_that_is_open_is_left_alone),
		T(what_the_kernel_has_is_left_alone),
		T(usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
