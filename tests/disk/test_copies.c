// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Snapshots, clones and restores where listing a directory fails, or leaves a
 * name out, at each of its steps: there is all of it, or what was before.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <sys/wait.h>

#include "disk/dirs.h"
#include "disk/snapshot.h"

#define GONE 5u /* has no file in the snapshot: OFFLINE */

enum trouble {
	NONE,
	FAILS,
	SKIPS,
};

static struct {
	enum trouble what;
	unsigned at, nr;
	bool met;
} list;

static struct dirent *next_name(DIR *dir)
{
	static struct dirent *(*real)(DIR * dir);

	if (!real)
		real = (struct dirent * (*)(DIR *)) dlsym(
			RTLD_NEXT, sizeof(long) == 8 ? "readdir" : "readdir64");
	return real(dir);
}

/* Stands before the system's. */
struct dirent *readdir(DIR *dir)
{
	if (!list.what || list.nr++ != list.at)
		return next_name(dir);
	list.met = true;
	if (list.what == FAILS) {
		errno = EIO;
		return NULL;
	}
	/* If it was the last one there is none to be left out. */
	return next_name(dir) ? next_name(dir) : NULL;
}

static void begin(enum trouble what, unsigned at)
{
	list.what = what;
	list.at = at;
	list.nr = 0;
	list.met = false;
}

/* Whether it was met. */
static bool end(void)
{
	list.what = NONE;
	return list.met;
}

static struct tmp_dir top;

static void sh(const char *cmd)
{
	char line[512];

	snprintf(line, sizeof(line), "cd '%s' && %s", top.path, cmd);
	if (system(line))
		fail_msg("%s", line);
}

static const char *in_top(const char *name)
{
	static char path[4][128];
	static unsigned next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", top.path, name);
	return path[next];
}

/* No listing is needed to know what should be there. */
static bool same(const char *a, const char *b)
{
	char line[512];

	snprintf(line, sizeof(line),
		 "cd '%s'; for i in 0 1 2 3 4 5 6 7; do t=seq; "
		 "test $i -lt 2 && t=cnv; f=$t-00000$i; "
		 "if test -e %s/$f; then cmp -s %s/$f %s/$f || exit 1; "
		 "else ! test -e %s/$f || exit 1; fi; done",
		 top.path, a, a, b, b);
	return !system(line);
}

/* "old", and "old/zloop.snapshots/one" of what it was before. */
static int setup(void **state)
{
	struct zl_err err;
	struct disk *d;

	(void)state;
	tmp_dir_make(&top);
	sh("mkdir old");
	if (open_dir(in_top("old"), USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	disk_close(d);
	sh("cd old; for i in 2 3 4 6 7; do yes x | head -c $((i * 512)) "
	   "> seq-00000$i; done; yes x | dd of=cnv-000000 bs=4096 count=2 "
	   "conv=notrunc iflag=fullblock status=none; rm seq-000005");
	if (snapshot_take(in_top("old"), "one", NULL, NULL, &err))
		fail_msg("%s", err.msg);
	sh("cd old; for i in 2 3 4 5 6 7; do yes y | head -c $((i * 1024)) "
	   "> seq-00000$i; done; yes y | dd of=cnv-000000 bs=4096 count=2 "
	   "conv=notrunc iflag=fullblock status=none; "
	   "echo '[]' > zloop.faults");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tmp_dir_drop(&top);
	return 0;
}

static void must_be_there(const char *name, bool there)
{
	assert_int_equal(!access(in_top(name), F_OK), there);
}

static void snapshot(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d");
		begin(what, n);
		ret = snapshot_take(in_top("d"), "two", NULL, NULL, &err);
		end();
		must_be_there("d/zloop.snapshots/two", !ret);
		if (!ret && !same("old", "d/zloop.snapshots/two"))
			fail_msg("listed %u names: half a snapshot", n);
		assert_true(same("old", "d"));
	}
	assert_in_range(n, 20, 1000);
}

static void clone_of(const char *snap, const char *from, enum trouble what)
{
	struct disk_meta meta;
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf c");
		begin(what, n);
		ret = disk_clone(in_top("old"), snap, in_top("c"), NULL, NULL,
				 &meta, &err);
		end();
		must_be_there("c/zloop.json", !ret);
		if (!ret && !same(from, "c"))
			fail_msg("listed %u names: half a clone", n);
	}
	assert_in_range(n, 10, 1000);
}

static void restore(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d");
		begin(what, n);
		ret = snapshot_restore(in_top("d"), "one", NULL, NULL, &err);
		end();
		if (!ret)
			must_be_there("d/zloop.restore", false);
		assert_int_equal(disk_settle(in_top("d"), 0, &err), 0);
		if (!same("d/zloop.snapshots/one", "d") &&
		    (!ret || !same("old", "d")))
			fail_msg("listed %u names: half restored", n);
		assert_true(same("old/zloop.snapshots/one",
				 "d/zloop.snapshots/one"));
	}
	assert_in_range(n, 20, 1000);
}

static void settle(enum trouble what)
{
	struct zl_err err;
	unsigned n;
	int ret;

	for (n = 0, list.met = true; list.met; n++) {
		sh("rm -rf d && cp -a old d && rm d/seq-000005 && "
		   "cp -a d/zloop.snapshots/one d/zloop.restore && "
		   "rm d/zloop.restore/zloop.json");
		begin(what, n);
		ret = disk_settle(in_top("d"), 0, &err);
		end();
		if (ret)
			ret = disk_settle(in_top("d"), 0, &err);
		assert_int_equal(ret, 0);
		must_be_there("d/zloop.restore", false);
		if (!same("d/zloop.snapshots/one", "d"))
			fail_msg("listed %u names: half restored", n);
	}
	assert_in_range(n, 10, 1000);
}

static void where_listing_fails(void **state)
{
	(void)state;
	snapshot(FAILS);
	clone_of(NULL, "old", FAILS);
	clone_of("one", "old/zloop.snapshots/one", FAILS);
	settle(FAILS);
	restore(FAILS);
}

static void where_a_name_is_left_out(void **state)
{
	(void)state;
	snapshot(SKIPS);
	clone_of(NULL, "old", SKIPS);
	clone_of("one", "old/zloop.snapshots/one", SKIPS);
	settle(SKIPS);
	restore(SKIPS);
}

/* As it was then: OFFLINE, and not with today's data. */
static void a_zone_without_a_file(void **state)
{
	struct zl_err err;

	(void)state;
	sh("cp -a old d");
	assert_int_equal(snapshot_restore(in_top("d"), "one", NULL, NULL, &err),
			 0);
	must_be_there("d/seq-000005", false);
	must_be_there("d/zloop.faults", false);
	assert_true(same("d/zloop.snapshots/one", "d"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_zone_without_a_file),
		T(where_listing_fails),
		T(where_a_name_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
