// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zloop takeover: what is refused, on a made-up machine whose disks are on a
 * local file system, or said to be on NFS; taking over is a matter of real
 * servers (tests/vm/takeover).
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk/medium/holder.h"
#include "disk/medium/journal.h"
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

/*
 * On NFS.
 */

static int enter_on_nfs(void **state)
{
	if (machine_enter(state))
		return -1;
	make_disks();
	run_path = ZLOOP_ON_NFS;
	return 0;
}

static int leave_on_nfs(void **state)
{
	run_path = ZLOOP_PATH;
	return machine_leave(state);
}

struct records {
	FILE *f;
	uint64_t seq;
};

static void put_record(struct records *r, enum journal_type type,
		       uint32_t where, uint64_t value)
{
	uint8_t rec[JOURNAL_RECORD_BYTES];

	journal_encode(rec, ++r->seq, type, where, value);
	assert_int_equal(fwrite(rec, sizeof(rec), 1, r->f), 1);
}

static void put_holder(void *records, uint32_t where, uint64_t value)
{
	put_record(records, JR_HOLDER, where, value);
}

static void put_journal(const char *opts, bool stopped)
{
	struct records r = { .f = fopen("disks/1/zloop.state", "w") };
	struct disk_holder h = { .host = "gw1" };

	assert_non_null(r.f);
	put_record(&r, JR_OPEN, 0, 7);
	if (opts) {
		strcpy(h.options, opts);
		holder_each(&h, put_holder, &r);
	}
	if (stopped)
		put_record(&r, JR_CLEAN, 0, 0);
	assert_int_equal(fclose(r.f), 0);
}

/* As if another machine had disks/1 with these options; NULL: it found no room
 * to say who it is. */
static void had_with(const char *opts)
{
	put_journal(opts, false);
}

static void had_and_stopped(const char *opts)
{
	put_journal(opts, true);
}

static void refuses_options(const char *why)
{
	assert_int_equal(zloop("takeover", "disks/1", NULL), 1);
	assert_sentence(why);
	assert_contains(run_err, "; say which, as in zloop takeover "
				 "write_through /");
	assert_contains(run_err, "/disks/1, or '' for none: initiators that "
				 "were told of no write cache flush none");
}

/* With a cache, what they take for durable would not be. */
static void unknown_options(void **state)
{
	(void)state;
	had_with(NULL);
	refuses_options("zloop.state does not say with which options the disk "
			"was open");
	had_with("future/write_through");
	refuses_options("had the disk with future/write_through, which this "
			"version does not know");
}

/* It is something else that is missing on a machine that is made up. */
static void takes_options(const char *opts)
{
	assert_int_equal(zloop("takeover", opts ? opts : "disks/1",
			       opts ? "disks/1" : NULL, NULL),
			 1);
	assert_sentence("");
	assert_null(strstr(run_err, "options"));
}

/* Given, or known, or of a disk that nobody has had. */
static void known_options(void **state)
{
	(void)state;
	takes_options(NULL);
	had_with(NULL);
	takes_options("write_through");
	takes_options("");
	had_with("write_through");
	takes_options(NULL);
	had_with("");
	takes_options(NULL);
}

/* The other machine lets go of disks/1, having stopped or not, and takes it
 * again, if it does, a second later. */
static pid_t let_go(int lock, bool stops, bool again)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	usleep(700000);
	if (stops)
		had_and_stopped("write_through");
	flock(lock, LOCK_UN);
	sleep(1);
	if (again)
		flock(lock, LOCK_EX);
	_exit(0);
}

/* Whether it would be attached then. */
static bool takes_over_from(bool stops, bool again, const char *timeout)
{
	int lock = open("disks/1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid;

	assert_true(lock >= 0);
	had_with("write_through");
	assert_int_equal(flock(lock, LOCK_EX), 0);
	pid = let_go(lock, stops, again);
	assert_true(pid > 0);
	assert_int_equal(
		zloop("takeover", "-q", "-t", timeout, "disks/1", NULL), 1);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(lock);
	assert_sentence("");
	return !strstr(run_err, "host gw1 since 1970-01-01 00:00:00 UTC still "
				"has the disk");
}

/* Its daemon has died and is started again. */
static void not_from_who_starts_again(void **state)
{
	(void)state;
	assert_false(takes_over_from(false, true, "4"));
}

static void from_who_is_gone(void **state)
{
	(void)state;
	assert_true(takes_over_from(false, false, "60"));
}

static void at_once_from_who_has_stopped(void **state)
{
	(void)state;
	assert_true(takes_over_from(true, false, "5"));
}

/* Whoever looks there waits for good. */
static void silent_server(void **state)
{
	(void)state;
	assert_int_equal(zloop("takeover", "--check", "/srv/silent/7", NULL),
			 1);
	assert_sentence("/srv/silent/7 is on a file system (nfs4) whose server "
			"does not answer");
	assert_int_equal(
		zloop("takeover", "--timeout", "1", "/srv/silent/7", NULL), 1);
	assert_sentence("whose server does not answer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, machine_enter, machine_leave)
		TEST(local),
		TEST(attached_already),
		TEST(copy_of_another),
		TEST(no_disk),
		TEST(wrong_words),
		TEST(checked),
		TEST(killed),
#undef TEST
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, enter_on_nfs, leave_on_nfs)
		TEST(unknown_options),
		TEST(known_options),
		TEST(silent_server),
		TEST(not_from_who_starts_again),
		TEST(from_who_is_gone),
		TEST(at_once_from_who_has_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
