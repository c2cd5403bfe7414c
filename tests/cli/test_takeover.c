// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop takeover: what is refused, on a made-up machine whose disks are on a
 * local file system; taking over is a matter of real servers
 * (tests/vm/takeover).
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"

static void make_disks(void)
{
	assert_int_equal(zloop("create", SMALL, "disks/0", NULL), 0);
	assert_int_equal(zloop("create", SMALL, "disks/1", NULL), 0);
}

/* No file system where another machine could have it. */
static void local(void **state)
{
	(void)state;
	make_disks();
	assert_int_equal(zloop("takeover", "disks/1", NULL), 1);
	assert_string_equal(run_out, "");
	assert_sentence("disks/1 is not on a network file system, so that no "
			"other machine has the disk; zloop add it");
}

static void attached_already(void **state)
{
	(void)state;
	make_disks();
	assert_int_equal(zloop("takeover", "disks/0", NULL), 1);
	assert_sentence("disks/0 is attached already, as z0, /dev/sdq");
}

/* Two disks with one serial number are one too many here. */
static void copy_of_another(void **state)
{
	(void)state;
	make_disks();
	assert_int_equal(system("rm -r disks/1 && cp -r disks/0 disks/1"), 0);
	assert_int_equal(zloop("takeover", "disks/1", NULL), 1);
	assert_sentence("disks/1 has the serial number of the disk in");
	assert_contains(run_err, "zloop clone");
}

static void no_disk(void **state)
{
	(void)state;
	assert_int_equal(zloop("takeover", "disks/7", NULL), 1);
	assert_sentence("disks/7: No such file or directory");
	assert_int_equal(zloop("takeover", "disks", NULL), 1);
	assert_sentence("is empty: no disk is there");
}

static void wrong_words(void **state)
{
	static const struct {
		const char *words[3], *sentence;
	} rows[] = {
		{ { NULL }, "there is no disk" },
		{ { "a", "b", "c" }, "'c' is one word too many" },
		{ { "frob", "d" }, "unknown option frob" },
		{ { "capacity_mb=5", "d" }, "capacity_mb is no option of use" },
		{ { "--timeout=0", "d" }, "--timeout 0 is not a number" },
		{ { "--portal=x", "d" }, "--portal x is not ADDRESS[:PORT]" },
		{ { "--open", "--acl=iqn.a", "d" },
		  "--open lets everybody in" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *const *w = rows[i].words;

		assert_int_equal(zloop("takeover", w[0], w[0] ? w[1] : NULL,
				       w[0] && w[1] ? w[2] : NULL, NULL),
				 2);
		assert_contains(run_err, rows[i].sentence);
	}
}

/* Its child, which the server may keep waiting, does not go on without it. Here
 * it waits a second for a lock. */
static void killed(void **state)
{
	static const char command[] =
		"exec 9<disks/1; flock 9;" ZLOOP_PATH
		" takeover disks/1 9<&- & p=$!; c=;"
		"until [ -n \"$c\" ]; do"
		"  read c </proc/$p/task/$p/children || kill -0 $p || exit 3;"
		"done;"
		"kill -9 $p; for i in 1 2 3 4 5 6 7 8; do"
		"  readlink /proc/$c/exe >/dev/null || exit 0; sleep 0.1;"
		"done; exit 4";

	(void)state;
	make_disks();
	assert_int_equal(mkdir("disks/1/zloop.restore", 0700), 0);
	assert_int_equal(system(command), 0);
}

/* Whether this machine has it; its process does not answer. */
static void checked(void **state)
{
	(void)state;
	make_disks();
	assert_int_equal(zloop("takeover", "--check", "disks/1", NULL), 1);
	assert_contains(run_err, "disks/1 is not attached");
	assert_int_equal(zloop("takeover", "--check", "disks/0", NULL), 1);
	assert_contains(run_err, "no process that answers has it open");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, machine_enter, machine_leave)
		TEST(local),   TEST(attached_already), TEST(copy_of_another),
		TEST(no_disk), TEST(wrong_words),      TEST(checked),
		TEST(killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
