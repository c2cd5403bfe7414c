// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Opening: the directory itself, the lock, the serial number. */
#include <sys/wait.h>

#include "disk/dirs.h"
#include "disk/life/open.h"
#include "disk/medium/problems.h"
#include "skip.h"

static int setup(void **state)
{
	struct tmp_dir *t = malloc(sizeof(*t));

	tmp_dir_make(t);
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	tmp_dir_drop(*state);
	free(*state);
	return 0;
}

static struct disk *open_usual(struct tmp_dir *t, enum how how)
{
	struct disk *d;
	struct zl_err err;

	if (open_dir(t->path, how & MAKE ? USUAL : NULL,
		     how & MAKE ? USUAL_SIZE : 0, how, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

/* @fmt has the directory as %s, twice at most. */
static void refused(const char *path, const char *options, uint64_t size,
		    enum how how, const char *sentence)
{
	struct disk *d;
	struct zl_err err;

	assert_refused(path, open_dir(path, options, size, how, &d, &err), &err,
		       sentence);
}

static void text_of(char *out, const char *before, const struct tmp_dir *t,
		    const char *behind)
{
	snprintf(out, 512, "%s%s%s", before, t->path, behind);
}

static void made_with_safe_modes(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	static const char *const name[] = { "cnv-000000", "seq-000002",
					    "zloop.json", "zloop.state" };
	struct stat sb;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(name); i++) {
		assert_int_equal(fstatat(t->fd, name[i], &sb, 0), 0);
		assert_int_equal(sb.st_mode & 07777, 0600);
	}
	disk_close(d);
}

static void no_such_directory(void **state)
{
	struct tmp_dir *t = *state;
	char path[128], sentence[512];
	struct disk *d;
	struct zl_err err;

	snprintf(path, sizeof(path), "%s/nowhere", t->path);
	assert_int_equal(open_dir(path, USUAL, USUAL_SIZE, MAKE, &d, &err),
			 -ENOENT);
	assert_non_null(strstr(err.msg, path));
	assert_non_null(strstr(err.msg, "does not exist"));

	tmp_put(t, "file", 10);
	snprintf(path, sizeof(path), "%s/file", t->path);
	assert_int_equal(open_dir(path, USUAL, USUAL_SIZE, MAKE, &d, &err),
			 -ENOTDIR);
	assert_non_null(strstr(err.msg, "is not a directory"));

	text_of(sentence, "", t,
		" has no disk but other files (file); use an "
		"empty directory");
	refused(t->path, USUAL, USUAL_SIZE, MAKE, sentence);
	assert_int_equal(faccessat(t->fd, "zloop.state", F_OK, 0), -1);
}

static void a_symbolic_link_to_a_directory(void **state)
{
	struct tmp_dir *t = *state;
	char path[128];
	struct disk *d;
	struct zl_err err;

	assert_int_equal(mkdirat(t->fd, "dir", 0700), 0);
	assert_int_equal(symlinkat("dir", t->fd, "link"), 0);
	snprintf(path, sizeof(path), "%s/link", t->path);
	assert_true(open_dir(path, USUAL, USUAL_SIZE, MAKE, &d, &err) < 0);
	assert_non_null(strstr(err.msg, "symbolic link"));
}

static void asking_leaves_no_lock_file(void **state)
{
	struct tmp_dir *t = *state;
	char sentence[512];

	text_of(sentence, "", t,
		" is empty: no disk is there; to make one, "
		"give an option, e.g. zone_size_mb=256");
	refused(t->path, NULL, 0, MAKE, sentence);
	assert_int_equal(faccessat(t->fd, "zloop.state", F_OK, 0), -1);
}

static void disagreement_is_told_before_the_lock(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	char sentence[512];

	text_of(sentence, "zone_size_mb=2 does not agree with the disk in ", t,
		"; use zone_size_mb=1 or leave it out");
	refused(t->path, "zone_size_mb=2", 0, MAKE, sentence);
	text_of(sentence, "size=4194304 does not agree with the disk in ", t,
		"; use size=8388608");
	refused(t->path, NULL, 4194304, 0, sentence);
	disk_close(d);
}

static void in_use_by_this_process(void **state)
{
	struct tmp_dir *t = *state;
	/* An hour: it is not waited for what only we could give back. */
	struct disk_open_args args = { .lock_wait_ms = 3600000 };
	struct disk *d = open_usual(t, MAKE), *look;
	struct zl_err err;

	assert_int_equal(disk_open(t->path, &args, &look, &err), -EBUSY);
	assert_non_null(strstr(
		err.msg, "is in use: test_disk_open has it open already"));
	/* Looking is possible all the same. */
	look = open_usual(t, LOOK);
	assert_int_equal(cond_at(look, 3), ZC_EMPTY);
	disk_close(look);
	disk_close(d);
	d = open_usual(t, 0);
	disk_close(d);
}

/* In a child: opens, tells by a byte, waits for one, and closes. */
static void child(struct tmp_dir *t, int out, int in)
{
	struct disk *d;
	struct zl_err err;
	char c = 'x';

	if (open_dir(t->path, NULL, 0, 0, &d, &err) || write(out, &c, 1) != 1 ||
	    read(in, &c, 1) != 1)
		_exit(1);
	disk_close(d);
	_exit(0);
}

static void in_use_by_another_process(void **state)
{
	struct tmp_dir *t = *state;
	struct disk_open_args args = { .lock_wait_ms = 20000 };
	struct disk *d = open_usual(t, MAKE);
	struct zl_err err;
	char want[64], c;
	int up[2], down[2], status;
	pid_t pid;

	disk_close(d);
	assert_int_equal(pipe(up) | pipe(down), 0);
	pid = fork();
	if (!pid)
		child(t, up[1], down[0]);
	assert_int_equal(read(up[0], &c, 1), 1);
	assert_int_equal(open_dir(t->path, NULL, 0, 0, &d, &err), -EBUSY);
	snprintf(want, sizeof(want), "is in use by process %d", pid);
	assert_non_null(strstr(err.msg, want));
	/* A restart: the old one ends while the new one waits. */
	assert_int_equal(write(down[1], &c, 1), 1);
	assert_accepted("wait", disk_open(t->path, &args, &d, &err), &err);
	disk_close(d);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

static void a_copied_directory(void **state)
{
	struct tmp_dir *t = *state, copy;
	struct disk *d = open_usual(t, MAKE), *second;
	char cmd[256], sentence[512];

	disk_close(d);
	tmp_dir_make(&copy);
	snprintf(cmd, sizeof(cmd), "cp -a %s/. %s", t->path, copy.path);
	assert_int_equal(system(cmd), 0);
	d = open_usual(t, 0);
	snprintf(
		sentence, sizeof(sentence),
		"%s has the serial number %s of the disk in %s, which is open; "
		"a copy needs another one in its zloop.json",
		copy.path, disk_meta(d)->serial, t->path);
	refused(copy.path, NULL, 0, 0, sentence);
	disk_close(d);
	/* One after the other is no harm. */
	second = open_usual(&copy, 0);
	disk_close(second);
	tmp_dir_drop(&copy);
}

static void the_lock_file_is_gone(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	char sentence[512];

	disk_close(d);
	assert_int_equal(unlinkat(t->fd, "zloop.state", 0), 0);
	text_of(sentence, "", t,
		"/zloop.state is missing: the lock and the record of read-only "
		"and offline zones; put it back, or make an empty file of that "
		"name");
	refused(t->path, NULL, 0, MAKE, sentence);
	tmp_put(t, "zloop.state", 0);
	d = open_usual(t, 0);
	disk_close(d);
}

static enum disk_status open_zone(struct disk *d, uint32_t slot)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_OPEN,
			      .lba = zone_slot_start_lba(&d->zones, slot) };

	return disk_run(d, &io);
}

/* What is to be recorded is, in a file that is found. */
static void the_lock_file_goes_while_the_disk_runs(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);

	assert_int_equal(open_zone(d, 3), DISK_OK);
	assert_int_equal(unlinkat(t->fd, "zloop.state", 0), 0);
	assert_int_equal(open_zone(d, 4), DISK_OK);
	assert_int_equal(unlinkat(t->fd, "zloop.state", 0), 0);
	tmp_put(t, "zloop.state", 0);
	assert_int_equal(open_zone(d, 5), DISK_OK);
	disk_abandon(d);
	d = open_usual(t, 0);
	for (uint32_t slot = 3; slot < 6; slot++)
		assert_int_equal(zone_slot_cond(&d->zones, slot), ZC_EXP_OPEN);
	disk_close(d);
}

static void the_sidecar_is_something_else(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	char sentence[512];

	disk_close(d);
	assert_int_equal(renameat(t->fd, "zloop.json", t->fd, "kept"), 0);
	assert_int_equal(symlinkat("kept", t->fd, "zloop.json"), 0);
	text_of(sentence, "", t,
		"/zloop.json is a symbolic link; it must be a regular file");
	refused(t->path, NULL, 0, MAKE, sentence);
	assert_int_equal(unlinkat(t->fd, "zloop.json", 0), 0);
	assert_int_equal(mkdirat(t->fd, "zloop.json", 0700), 0);
	text_of(sentence, "", t, "/zloop.json is not a regular file");
	refused(t->path, NULL, 0, MAKE, sentence);
	assert_int_equal(unlinkat(t->fd, "zloop.json", AT_REMOVEDIR), 0);
	text_of(sentence, "", t,
		" has lost its zloop.json, which zloop check --repair "
		"--yes --options zone_size_mb=1,conv_zones=2,capacity_mb=8,"
		"zone_capacity_mb=NUMBER DIRECTORY writes anew; "
		"zone_capacity_mb is zone_size_mb if it was not given; add "
		"what else was no default");
	refused(t->path, USUAL, USUAL_SIZE, MAKE, sentence);
}

/* As the kernel's zloop: every zone's file is open, and no lock is taken. */
static void zone_files_open_elsewhere(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	struct store *st;
	struct zl_err err;
	char sentence[512];
	int first, last;

	disk_close(d);
	assert_int_equal(store_file_open(t->path, &st, &err), 0);
	store_set_layout(st, store_conv_first(USUAL_CONV));
	if (store_file_probe_users(st, 0) == -EINVAL) {
		store_close(st);
		skip_test("no leases on this file system");
	}
	store_close(st);
	first = openat(t->fd, "cnv-000000", O_RDWR);
	last = openat(t->fd, "seq-000007", O_RDWR);
	assert_true(first >= 0 && last >= 0);
	text_of(sentence, "the zone files in ", t,
		" are open in another program; if that is the kernel's zloop, "
		"remove its device first");
	refused(t->path, NULL, 0, 0, sentence);
	/* Somebody who reads one file after the other is no driver. */
	close(last);
	d = open_usual(t, 0);
	disk_close(d);
	close(first);
}

static void looking_needs_no_lock_file(void **state)
{
	struct tmp_dir *t = *state;
	struct disk *d = open_usual(t, MAKE);
	struct stat before, after;

	disk_close(d);
	assert_int_equal(fstatat(t->fd, "zloop.state", &before, 0), 0);
	d = open_usual(t, LOOK);
	disk_close(d);
	assert_int_equal(fstatat(t->fd, "zloop.state", &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(before.st_size, after.st_size);
	assert_int_equal(unlinkat(t->fd, "zloop.state", 0), 0);
	d = open_usual(t, LOOK);
	disk_close(d);
	assert_int_equal(faccessat(t->fd, "zloop.state", F_OK, 0), -1);
}

/* A failing call anywhere is a refusal or a degraded zone, never a loss. */
static void each_call_fails(void **state)
{
	struct store_fault_plan plan = { .fail_count = 1, .error = EIO };
	uint64_t hits;
	unsigned refusals = 0, degraded = 0, others = 0;

	(void)state;
	do {
		struct store_mem *mem = usual_disk();
		struct store *st = store_fault_new(store_mem_open(mem));
		struct disk_open_args args = { 0 };
		struct disk *d;
		struct zl_err err;

		set_size(mem, 3, 4096);
		store_fault_arm(st, &plan);
		memset(&err, 0, sizeof(err));
		if (disk_open_store(st, "/d", &args, &d, &err)) {
			assert_true(err.msg[0]);
			hits = store_fault_hits(st);
			store_close(st);
			refusals++;
		} else {
			hits = store_fault_hits(st);
			for (struct problem *p = d->problems.first; p;
			     p = p->next) {
				degraded += p->slot != UINT32_MAX;
				others += p->slot == UINT32_MAX;
			}
			disk_abandon(d);
		}
		d = must_open(mem, NULL, 0);
		assert_problems(d, "");
		assert_int_equal(wp_at(d, 3), 8);
		disk_close(d);
		store_mem_free(mem);
	} while (plan.fail_at++ < 1000 && hits);
	assert_true(refusals >= 5);
	assert_int_equal(degraded, USUAL_NR);
	/* The file of injected faults. */
	assert_int_equal(others, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(made_with_safe_modes),
		T(no_such_directory),
		T(a_symbolic_link_to_a_directory),
		T(asking_leaves_no_lock_file),
		T(disagreement_is_told_before_the_lock),
		T(in_use_by_this_process),
		T(in_use_by_another_process),
		T(a_copied_directory),
		T(the_lock_file_is_gone),
		T(the_lock_file_goes_while_the_disk_runs),
		T(the_sidecar_is_something_else),
		T(zone_files_open_elsewhere),
		T(looking_needs_no_lock_file),
		cmocka_unit_test(each_call_fails),
	};

	return skip_run_tests(tests, NULL, NULL);
}
