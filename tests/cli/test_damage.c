// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Every file of a disk damaged in every way: zloop check says what is wrong,
 * --repair mends it or says who must, what was healthy stays as it was, and
 * then there is nothing left to say.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define OPTIONS                                                         \
	"capacity_mb=8,zone_size_mb=1,zone_capacity_mb=1,conv_zones=2," \
	"block_size=512,max_open_zones=0"
#define MIB 1048576

enum damage {
	DELETED,
	EMPTIED,
	HALVED,	  /* in the middle of a block */
	LONGER,	  /* by seven bytes */
	BY_BLOCK, /* longer by one */
	DIRECTORY,
	SYMLINK,
	FIFO,
	MODE_0,
	NR_DAMAGES,
};

static const char *const damage_names[] = {
	"deleted",     "emptied",   "halved", "longer", "longer by a block",
	"a directory", "a symlink", "a FIFO", "mode 0",
};

/* Zones: 1 conventional, 3 some data, 4 full, 5 empty. */
static const struct {
	const char *name, *said; /* what a sentence calls it */
} files[] = {
	{ "zloop.json", "zloop.json" }, { "zloop.state", "zloop.state" },
	{ "cnv-000001", "zone 1" },	{ "seq-000003", "zone 3" },
	{ "seq-000004", "zone 4" },	{ "seq-000005", "zone 5" },
};
#define NR_FILES (sizeof(files) / sizeof(files[0]))

static void sh(const char *fmt, const char *a)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd), fmt, a, a, a);
	if (system(cmd))
		fail_msg("%s", cmd);
}

static int make_pristine(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create", OPTIONS, "good", NULL), 0);
	sh("seq 1 6000 | head -c 2560 > good/seq-000003", "");
	sh("yes full | head -c 1048576 > good/seq-000004", "");
	sh("yes conv | head -c 1048576 > good/cnv-000001", "");
	assert_int_equal(zloop("check", "good", NULL), 0);
	assert_silent();
	return 0;
}

static void damage(const char *dir, const char *file, enum damage how)
{
	char path[64];
	uint64_t size;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	size = file_size(path);
	switch (how) {
	case DELETED:
		unlink(path);
		break;
	case EMPTIED:
		assert_int_equal(truncate(path, 0), 0);
		break;
	case HALVED:
		assert_int_equal(truncate(path, (off_t)size / 2 + 1), 0);
		break;
	case LONGER:
		assert_int_equal(truncate(path, (off_t)size + 7), 0);
		break;
	case BY_BLOCK:
		assert_int_equal(truncate(path, (off_t)size + 512), 0);
		break;
	case DIRECTORY:
		sh("rm %s && mkdir %s", path);
		break;
	case SYMLINK:
		sh("mv %s moved && ln -s ../moved %s", path);
		break;
	case FIFO:
		sh("rm %s && mkfifo %s", path);
		break;
	default:
		assert_int_equal(chmod(path, 0), 0);
	}
}

/* A file of that size is as it should be: nothing shows; and zero bytes behind
 * the sidecar's text are no harm. */
static bool is_hidden(const char *file, enum damage how)
{
	if (!strcmp(file, "zloop.json"))
		return how == LONGER || how == BY_BLOCK;
	if (!strncmp(file, "seq-", 4))
		return how == EMPTIED ||
		       (how == BY_BLOCK && strcmp(file, "seq-000004"));
	return !strcmp(file, "zloop.state") && how == EMPTIED;
}

/* What no program can decide. */
static bool is_for_a_person(enum damage how)
{
	return how >= DIRECTORY;
}

static void must_say(const char *words)
{
	if (!strstr(run_out, words) && !strstr(run_err, words))
		fail_msg("nothing of %s: %s%s", words, run_out, run_err);
}

static void others_are_untouched(const char *file)
{
	char name[32];

	for (int i = 0; i < 8; i++) {
		snprintf(name, sizeof(name), "%s-%06d", i < 2 ? "cnv" : "seq",
			 i);
		if (strcmp(name, file))
			sh("cmp good/%s d/%s", name);
	}
}

static int repair(void)
{
	return zloop("check", "-ry", "-o", OPTIONS, "d", NULL);
}

static void must_be_clean(void)
{
	assert_int_equal(zloop("check", "d", NULL), 0);
	assert_silent();
}

static void one(unsigned i, enum damage how)
{
	const char *file = files[i].name;
	bool hidden = is_hidden(file, how);

	sh("rm -rf d moved && cp -a good d", "");
	damage("d", file, how);
	/* An empty journal says nothing; one with half a record says less. */
	assert_int_equal(zloop("check", "d", NULL), hidden ? 0 : 1);
	if (!hidden)
		must_say(files[i].said);
	if (is_for_a_person(how)) {
		assert_int_equal(repair(), 1);
		must_say(files[i].said);
		others_are_untouched(file);
		sh("rm -rf d/%s", file);
	}
	assert_int_equal(repair(), 0);
	if (!hidden)
		must_say(files[i].said);
	must_be_clean();
	others_are_untouched(file);
}

static void every_file_in_every_way(void **state)
{
	(void)state;
	for (unsigned i = 0; i < NR_FILES; i++) {
		for (int how = 0; how < NR_DAMAGES; how++) {
			/* Only zones' files are judged by their mode. */
			if (how == MODE_0 && i < 2)
				continue;
			print_message("%s %s\n", files[i].name,
				      damage_names[how]);
			one(i, how);
		}
	}
}

/* What was there below the end stays. */
static void the_rest_of_a_damaged_zone_stays(void **state)
{
	(void)state;
	sh("rm -rf d && cp -a good d", "");
	damage("d", "seq-000003", LONGER);
	damage("d", "seq-000004", BY_BLOCK);
	damage("d", "cnv-000001", HALVED);
	assert_int_equal(repair(), 0);
	must_be_clean();
	sh("cmp good/seq-000003 d/seq-000003", "");
	sh("cmp good/seq-000004 d/seq-000004", "");
	sh("cmp -n 524289 good/cnv-000001 d/cnv-000001", "");
	assert_int_equal(file_size("d/cnv-000001"), MIB);
}

static void flip(const char *path, uint64_t bit)
{
	int fd = open(path, O_RDWR);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
	byte ^= (uint8_t)(1 << bit % 8);
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
	close(fd);
}

/*
 * A flipped bit of the sidecar may leave another possible disk: then whatever
 * it does, it does no harm to the files of the zones.
 */
static void flipped_bits(void **state)
{
	static const char *const names[] = { "zloop.json", "zloop.state" };
	char path[64];
	uint64_t bits;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "good/%s", names[i]);
		bits = file_size(path) * 8;
		for (uint64_t bit = i; bit < bits; bit += bits / 24) {
			sh("rm -rf d && cp -a good d", "");
			snprintf(path, sizeof(path), "d/%s", names[i]);
			flip(path, bit);
			if (zloop("check", "d", NULL))
				must_say(i ? "zloop.state" : "d");
			if (repair())
				must_say("d");
			else
				must_be_clean();
			others_are_untouched("");
		}
	}
}

/* Of the kernel's driver: no sidecar, no journal. */
static void made_by_the_kernel(void **state)
{
	(void)state;
	for (unsigned i = 2; i < NR_FILES; i++) {
		for (int how = 0; how < NR_DAMAGES; how++) {
			sh("rm -rf d moved && cp -a good d && "
			   "rm d/zloop.json d/zloop.state",
			   "");
			damage("d", files[i].name, how);
			assert_int_equal(zloop("check", "d", NULL), 1);
			must_say("d");
			if (repair()) {
				print_message("%s %s: %s", files[i].name,
					      damage_names[how], run_err);
				must_say("d");
				/* Adopted with a zone that is out of reach. */
				assert_int_equal(exists("d/zloop.json"),
						 how == MODE_0);
			} else {
				/* What was cut was never acknowledged. */
				must_be_clean();
			}
			others_are_untouched(files[i].name);
		}
	}
}

static void a_damaged_sidecar(void **state)
{
	char *before, *after;

	(void)state;
	sh("rm -rf d && cp -a good d && before=$(grep serial d/zloop.json) && "
	   "echo \"$before\" > serial && truncate -s -3 d/zloop.json",
	   "");
	assert_int_equal(zloop("check", "-r", "d", NULL), 1);
	assert_sentence("cut short: its JSON does not end; to write it anew, "
			"give the options");
	assert_int_equal(zloop("check", "-r", "-o", OPTIONS, "d", NULL), 1);
	assert_contains(run_out, "would be written anew from the options, the "
				 "damaged one kept as zloop.json.bad: the "
				 "serial number stays");
	assert_false(exists("d/zloop.json.bad"));
	/* Another disk's options change nothing. */
	before = read_file("d/zloop.json");
	assert_int_equal(zloop("check", "-ry", "-o",
			       "capacity_mb=16,zone_size_mb=2,"
			       "zone_capacity_mb=2,conv_zones=2,"
			       "block_size=512,max_open_zones=0",
			       "d", NULL),
			 1);
	after = read_file("d/zloop.json");
	assert_string_equal(before, after);
	assert_false(exists("d/zloop.json.bad"));
	free(after);
	assert_int_equal(repair(), 0);
	must_be_clean();
	after = read_file("d/zloop.json.bad");
	assert_string_equal(before, after);
	sh("grep -qF \"$(cat serial)\" d/zloop.json", "");
	others_are_untouched("");
	free(before);
	free(after);
}

/* Nor is one that is newer replaced. */
static void a_newer_sidecar_is_left(void **state)
{
	(void)state;
	sh("rm -rf d && cp -a good d && sed -i "
	   "'s/\"format_version\": *[0-9]*/\"format_version\": 99/' "
	   "d/zloop.json",
	   "");
	assert_int_equal(repair(), 1);
	assert_sentence("use a newer one");
	assert_false(exists("d/zloop.json.bad"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, make_pristine, work_leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_file_in_every_way),
		T(the_rest_of_a_damaged_zone_stays),
		T(flipped_bits),
		T(made_by_the_kernel),
		T(a_damaged_sidecar),
		T(a_newer_sidecar_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
