// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop snapshot, restore and clone killed before each of their calls, or held
 * there while the snapshot is deleted: there is all of it afterwards, or
 * nothing.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kill_calls.h"
#include "run.h"
#include "skip.h"

static bool killed_at(unsigned n, const char *const words[])
{
	int killed = kill_zloop_at(n, words);

	if (killed < 0)
		skip_test("no process may be traced here");
	return killed;
}

static void sh(const char *cmd)
{
	if (system(cmd))
		fail_msg("%s", cmd);
}

/* "old", and "snap" with the same disk as it was when its zones had x. */
static int make_disks(void **state)
{
	work_enter(state);
	assert_int_equal(zloop("create",
			       "capacity_mb=5,zone_size_mb=1,"
			       "conv_zones=1",
			       "old", NULL),
			 0);
	sh("for z in 1 2; do yes x | head -c 2048 > old/seq-00000$z; done;"
	   "yes x | dd of=old/cnv-000000 bs=4096 count=2 conv=notrunc "
	   "iflag=fullblock status=none");
	assert_int_equal(zloop("snapshot", "old", "one", NULL), 0);
	sh("for z in 2 3; do yes y | head -c 4096 > old/seq-00000$z; done;"
	   "yes y | dd of=old/cnv-000000 bs=4096 count=2 conv=notrunc "
	   "iflag=fullblock status=none");
	return 0;
}

static bool same(const char *a, const char *b)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd),
		 "for f in %s/cnv-* %s/seq-*; do "
		 "cmp -s $f %s/${f##*/} || exit 1; done",
		 a, a, b);
	return !system(cmd);
}

static void must_be_sound(unsigned n, const char *dir)
{
	if (zloop("check", dir, NULL))
		fail_msg("killed at call %u: %s%s", n, run_out, run_err);
	assert_string_equal(run_out, "");
	if (*run_err)
		assert_sentence(": a restore that ");
}

static void restore(void **state)
{
	static const char *const words[] = { "restore", "d", "one", NULL };
	bool killed = true;
	unsigned n, olds = 0;

	(void)state;
	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a old d");
		killed = killed_at(n, words);
		/* The first look settles it. */
		must_be_sound(n, "d");
		assert_false(exists("d/zloop.restore"));
		assert_false(exists("d/zloop.restore.tmp"));
		if (same("old", "d"))
			olds++;
		else if (!same("d/zloop.snapshots/one", "d"))
			fail_msg("killed at call %u: half restored", n);
		assert_true(same("old/zloop.snapshots/one",
				 "d/zloop.snapshots/one"));
		assert_int_equal(zloop("restore", "d", "one", NULL), 0);
		assert_true(same("old/zloop.snapshots/one", "d"));
	}
	print_message("killed %u times, %u before it counts\n", n - 1, olds);
	assert_in_range(olds, 8, n - 6);
}

static void snapshot(void **state)
{
	static const char *const words[] = { "snapshot", "d", "two", NULL };
	bool killed = true;
	unsigned n;

	(void)state;
	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a old d");
		killed = killed_at(n, words);
		must_be_sound(n, "d");
		assert_int_equal(zloop("snapshots", "d", NULL), 0);
		if (!strstr(run_out, "two"))
			assert_int_equal(zloop("snapshot", "d", "two", NULL),
					 0);
		must_be_sound(n, "d/zloop.snapshots/two");
		assert_true(same("old", "d/zloop.snapshots/two"));
		assert_true(same("old", "d"));
		assert_false(exists("d/zloop.snapshots/two.tmp"));
	}
	print_message("killed %u times\n", n - 1);
	assert_in_range(n, 20, 1000);
}

static void delete_one(void **state)
{
	static const char *const words[] = { "snapshot", "--delete", "d", "one",
					     NULL };
	bool killed = true;
	unsigned n;

	(void)state;
	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a old d");
		killed = killed_at(n, words);
		assert_int_equal(zloop("snapshots", "d", NULL), 0);
		if (strstr(run_out, "one"))
			assert_true(same("old/zloop.snapshots/one",
					 "d/zloop.snapshots/one"));
		must_be_sound(n, "d");
	}
	assert_in_range(n, 5, 1000);
}

/* What is left in the way of deleting the disk is what is listed. */
static void can_be_deleted(const char *prepare, const char *const words[])
{
	bool killed = true;
	unsigned n, left;

	for (n = 0; killed; n++) {
		sh("rm -rf d && cp -a old d");
		sh(prepare);
		killed = killed_at(n, words);
		assert_int_equal(zloop("snapshots", "d", NULL), 0);
		left = count_lines(run_out);
		if (zloop("delete", "d", NULL) != !!left)
			fail_msg("killed at call %u, %u listed: %s", n, left,
				 run_err);
		assert_int_equal(exists("d"), !!left);
	}
	assert_in_range(n, 5, 1000);
}

static void nothing_hidden_is_left(void **state)
{
	static const char *const take[] = { "snapshot", "d", "two", NULL };
	static const char *const drop[] = { "snapshot", "--delete", "d", "one",
					    NULL };

	(void)state;
	can_be_deleted("rm -r d/zloop.snapshots", take);
	can_be_deleted("true", drop);
}

/* What is left of it is no disk, or all of it. */
static void clone_disk(void **state)
{
	static const char *const words[] = { "clone", "old", "c", NULL };
	bool killed = true;
	unsigned n;

	(void)state;
	for (n = 0; killed; n++) {
		sh("rm -rf c");
		killed = killed_at(n, words);
		if (exists("c/zloop.json"))
			assert_true(same("old", "c"));
	}
	must_be_sound(n, "c");
	assert_in_range(n, 15, 1000);
}

/*
 * The snapshot is deleted meanwhile, if that is not refused.
 */

static bool deleted;

static void delete_meanwhile(pid_t pid)
{
	(void)pid;
	deleted = !zloop("snapshot", "--delete", "d", "one", NULL);
	if (!deleted)
		assert_int_equal(count_lines(run_err), 1);
}

/* What the command left where it failed, and where it did not. */
static void beside_deletion(const char *const words[], unsigned each,
			    bool (*undone)(void), const char *made)
{
	unsigned n, refused = 0;
	int held = 1, status;

	for (n = 0; held; n += each) {
		sh("rm -rf c d && cp -a old d");
		held = hold_zloop_at(n, words, delete_meanwhile, &status);
		if (held < 0)
			skip_test("no process may be traced here");
		refused += held && !deleted;
		if (status ? !undone() : !same("old/zloop.snapshots/one", made))
			fail_msg("held at call %u: status %d and half of it", n,
				 status);
		if (status)
			assert_true(held && deleted);
		must_be_sound(n, "d");
	}
	print_message("held %u times, %u times it was refused\n", n / each - 1,
		      refused);
	assert_in_range(refused, 8, 1000);
}

static bool is_as_before(void)
{
	return same("old", "d");
}

static bool no_clone(void)
{
	return !exists("c");
}

static void restore_beside_deletion(void **state)
{
	static const char *const words[] = { "restore", "d", "one", NULL };

	(void)state;
	/* Who deletes waits a second for who restores. */
	beside_deletion(words, 4, is_as_before, "d");
}

static void clone_beside_deletion(void **state)
{
	static const char *const words[] = { "clone", "--snapshot", "one",
					     "d",     "c",	    NULL };

	(void)state;
	beside_deletion(words, 1, no_clone, "c");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make_disks, work_leave)
	const struct CMUnitTest tests[] = {
		T(restore),
		T(snapshot),
		T(delete_one),
		T(nothing_hidden_is_left),
		T(clone_disk),
		T(restore_beside_deletion),
		T(clone_beside_deletion),
	};

	return skip_run_tests(tests, NULL, NULL);
}
