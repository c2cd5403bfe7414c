// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What was under way when the process died is known: a write that was not
 * answered is taken back, one that was stays, and one that may have been can be
 * sent again.  Processes die here by SIGKILL, in a child.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/num.h"
#include "disk/io/flight_file.h"
#include "disk/io/gate.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/io/where.h"
#include "disk/io/slot.h"
#include "disk/io/turn.h"
#include "disk/medium/journal.h"
#include "disk_fixture.h"

#define CFG_HA	  FIXTURE_CFG ",model=host-aware"
#define CFG_POWER FIXTURE_CFG ",discard_write_cache"

static bool syncfs_fails;

int syncfs(int fd)
{
	if (!syncfs_fails)
		return (int)syscall(SYS_syncfs, fd);
	errno = EIO;
	return -1;
}

static struct fixture fix;
static struct fixture *const f = &fix;
static const char *cfg = FIXTURE_CFG;
static char run_path[64];
static char serial[DISK_SERIAL_LEN + 1]; /* the disk's */
static uint64_t now_ms;

static uint64_t fake_clock(void)
{
	return now_ms;
}

static int setup(void **state)
{
	(void)state;
	now_ms = 0;
	cfg = FIXTURE_CFG;
	fixture_notes = true;
	flight_clock_ms = fake_clock;
	strcpy(run_path, "/tmp/zloop-run-XXXXXX");
	assert_non_null(mkdtemp(run_path));
	setenv("ZLOOP_RUN_DIR", run_path, 1);
	return 0;
}

static int teardown(void **state)
{
	char cmd[128];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -r %s", run_path);
	return system(cmd);
}

/*
 * Where the child dies.
 */

enum point {
	IN_NOTHING, /* when all is done */
	BEFORE_CALL,
	IN_CALL, /* a part of it has happened */
	AFTER_CALL,
	IN_DONE, /* it is being answered */
};

static enum point point;
static enum store_op at_op;
static unsigned at_nr; /* so many of them before */
static struct store_ops ops;
static const struct store_ops *real_ops;

static void die(void)
{
	kill(getpid(), SIGKILL);
}

/* The first 3 blocks and a half. */
static void write_part(struct store *st, const struct store_req *req)
{
	uint8_t data[3 * BLOCK + BLOCK / 2];
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt);
	struct iovec iov = { data, sizeof(data) };
	struct store_req part = *req;

	assert_true(req->len > sizeof(data));
	iov_get(&cur, data, sizeof(data));
	part.iov = &iov;
	part.iov_cnt = 1;
	part.len = sizeof(data);
	st->ops = real_ops;
	store_run(st, &part);
}

static void nothing(struct store_req *req)
{
	(void)req;
}

static void submit_or_die(struct store *st, struct store_req *req)
{
	bool here = req->op == at_op && !at_nr--;

	if (here && point == BEFORE_CALL)
		die();
	if (here && point == IN_CALL)
		write_part(st, req);
	if (here && point == AFTER_CALL)
		req->done = nothing;
	real_ops->submit(st, req);
	if (here && (point == IN_CALL || point == AFTER_CALL))
		die();
}

static void done_or_die(struct disk_io *io)
{
	if (point == IN_DONE)
		die();
	*(bool *)io->user = true;
}

static enum disk_status run(struct disk_io *io)
{
	bool done = false;

	io->done = done_or_die;
	io->user = &done;
	disk_submit(f->disk, io);
	assert_true(done);
	return io->status;
}

static enum disk_status write_tag(uint64_t lba, uint32_t blocks, uint32_t tag,
				  bool fua)
{
	struct iovec iov = { f->buf, (size_t)blocks * BLOCK };
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = lba,
			      .nr_blocks = blocks,
			      .fua = fua,
			      .iov = &iov,
			      .iov_cnt = 1 };

	fill(f->buf, lba, blocks, tag);
	return run(&io);
}

static enum disk_status compare_write(uint64_t lba, uint32_t blocks,
				      uint32_t old, uint32_t new)
{
	struct iovec iov = { f->buf, 2 * (size_t)blocks * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, lba, blocks, &iov);

	fill(f->buf, lba, blocks, old);
	fill(f->buf + blocks * BLOCK, lba, blocks, new);
	return run(&io);
}

/* From now on the child dies at the call. */
static void arm(enum point p, enum store_op op, unsigned nr)
{
	point = p;
	at_op = op;
	at_nr = nr;
	if (p == IN_NOTHING || p == IN_DONE)
		return;
	real_ops = f->disk->store->ops;
	ops = *real_ops;
	ops.submit = submit_or_die;
	f->disk->store->ops = &ops;
}

static void make_disk(void)
{
	fixture_start_files(f, cfg, 0);
	strcpy(serial, disk_meta(f->disk)->serial);
	disk_close(f->disk);
}

/* A process opens the disk, does @what and dies. */
static void live_and_die(void (*what)(void))
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		/* What fails in here must not go on with the next test. */
		point = IN_NOTHING;
		fixture_open(f, cfg, 0);
		what();
		die();
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void open_again(void)
{
	point = IN_NOTHING;
	fixture_open(f, cfg, 0);
}

/* A new disk lives through that, and is open. */
static void survive(void (*what)(void))
{
	make_disk();
	live_and_die(what);
	open_again();
}

static uint64_t absorbed(void)
{
	struct disk_stats stats;

	disk_get_stats(f->disk, &stats);
	return stats.n[DC_RETRIES_ABSORBED];
}

static void assert_refused(uint64_t lba, uint32_t blocks, uint32_t tag)
{
	uint64_t wp = wp_of(f, lba);

	assert_int_equal(write_tag(lba, blocks, tag, false), DISK_REFUSED);
	assert_int_equal(wp_of(f, lba), wp);
	assert_sizes_match(f);
}

static void assert_data(uint64_t lba, uint32_t blocks, uint32_t tag)
{
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_filled(f->buf, lba, blocks, tag);
}

static void assert_accepted(uint64_t lba, uint32_t blocks, uint32_t tag)
{
	assert_int_equal(write_tag(lba, blocks, tag, false), DISK_OK);
	assert_data(lba, blocks, tag);
	assert_sizes_match(f);
}

static void flight_path(char path[128], const char *suffix)
{
	snprintf(path, 128, "%s/%s.flight%s", run_path, serial, suffix);
}

static bool has_file(const char *suffix)
{
	char path[128];

	flight_path(path, suffix);
	return !access(path, F_OK);
}

/*
 * Writes to sequential write required zones.
 */

static enum point die_at;

/* 10 blocks are answered, 20 more are not, or perhaps. */
static void write_twice(void)
{
	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	assert_int_equal(write_tag(SEQ(1), 7, 1, false), DISK_OK);
	arm(die_at, STORE_WRITE, 0);
	write_tag(SEQ(0) + 10, 20, 2, false);
	fail_msg("alive");
}

static void check_taken_back(void)
{
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1) + 7);
	assert_int_equal(absorbed(), die_at == BEFORE_CALL ? 0 : 1);
	assert_sizes_match(f);
	assert_data(SEQ(0), 10, 1);
	/* What was answered is not to be repeated. */
	assert_refused(SEQ(0), 10, 1);
	assert_refused(SEQ(1), 7, 1);
}

static void with_other_bytes(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		make_disk();
		live_and_die(write_twice);
		check_taken_back();
		assert_accepted(SEQ(0) + 10, 20, 3);
		assert_refused(SEQ(0) + 10, 20, 3);
		assert_data(SEQ(0), 10, 1);
		fixture_stop(f);
	}
}

static void cut_up_in_another_way(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		make_disk();
		live_and_die(write_twice);
		check_taken_back();
		assert_accepted(SEQ(0) + 10, 3, 2);
		assert_accepted(SEQ(0) + 13, 15, 2);
		assert_accepted(SEQ(0) + 28, 100, 2);
		fixture_stop(f);
	}
}

static void write_and_sync(void)
{
	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	arm(die_at, STORE_SYNC, 0);
	write_tag(SEQ(0) + 10, 20, 2, true);
	fail_msg("alive");
}

static void with_fua_in_the_sync(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at += 2) {
		survive(write_and_sync);
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
		assert_accepted(SEQ(0) + 10, 20, 3);
		fixture_stop(f);
	}
}

static void nothing_more(void)
{
}

static void write_two_and_sync_one(void)
{
	assert_int_equal(write_tag(SEQ(1), 10, 1, true), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 10, 1, true), DISK_OK);
	assert_int_equal(write_tag(SEQ(0) + 10, 10, 1, false), DISK_OK);
	assert_int_equal(write_tag(3, 4, 1, false), DISK_OK);
}

/* If it has been lost meanwhile, somebody else may have been told. */
static void what_was_not_synced_is_synced_once_more(void **state)
{
	const struct disk_slot *s;

	(void)state;
	make_disk();
	live_and_die(write_two_and_sync_one);
	/* Nor is it forgotten if the next one dies as well. */
	live_and_die(nothing_more);
	open_again();
	s = f->disk->slots.at;
	assert_true(s[0].flags & SLOT_DIRTY);
	assert_int_equal(s[0].dirty_lo, 3);
	assert_int_equal(s[0].dirty_hi, 7);
	assert_true(s[NR_CONV].flags & SLOT_DIRTY);
	assert_int_equal(s[NR_CONV].dirty_lo, 10);
	assert_int_equal(s[NR_CONV].dirty_hi, 20);
	assert_false(s[NR_CONV + 1].flags & SLOT_DIRTY);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(slot_next_unsynced(f->disk, 0), UINT32_MAX);
	fixture_stop(f);
}

/* More buffers than one call of the store takes. */
static void write_in_parts(void)
{
	struct iovec iov[20];
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = SEQ(0) + 10,
			      .nr_blocks = 20,
			      .iov = iov,
			      .iov_cnt = 20 };

	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	for (unsigned i = 0; i < 20; i++)
		iov[i] = (struct iovec){ f->buf + i * 3 * BLOCK, BLOCK };
	/* So that it is not handed over as it is. */
	iov[0].iov_len = 0;
	iov[1].iov_len = 2 * BLOCK;
	arm(die_at, STORE_WRITE, 1);
	run(&io);
}

static void between_two_calls(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		survive(write_in_parts);
		assert_accepted(wp_of(f, SEQ(0)), 1, 5);
		assert_true(wp_of(f, SEQ(0)) == SEQ(0) + 11 ||
			    wp_of(f, SEQ(0)) == SEQ(0) + 31);
		fixture_stop(f);
	}
}

static void fill_zone(void)
{
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(1), false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	arm(die_at, STORE_WRITE, 0);
	write_tag(SEQ(0) + 10, ZONE - 10, 2, false);
}

/* The zone is what it was, not FULL. */
static void that_filled_the_zone(void **state)
{
	(void)state;
	die_at = AFTER_CALL;
	survive(fill_zone);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_EXP_OPEN);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_EXP_OPEN);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
	assert_accepted(SEQ(0) + 10, ZONE - 11, 3);
	assert_accepted(SEQ(0) + ZONE - 1, 1, 3);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_FULL);
	fixture_stop(f);
}

static void first_write(void)
{
	arm(AFTER_CALL, STORE_WRITE, 0);
	write_tag(SEQ(3), 10, 1, false);
}

static void that_was_the_first(void **state)
{
	(void)state;
	survive(first_write);
	assert_int_equal(cond_of(f, SEQ(3)), ZC_EMPTY);
	assert_accepted(SEQ(3), 5, 3);
	fixture_stop(f);
}

/* Acknowledged or not: nobody knows, so it stays, and may come again. */
static void that_was_being_answered(void **state)
{
	(void)state;
	die_at = IN_DONE;
	survive(write_twice);
	assert_int_equal(absorbed(), 0);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_data(SEQ(0) + 10, 20, 2);
	assert_refused(SEQ(0) + 10, 20, 3);
	/* This one was answered before. */
	assert_refused(SEQ(1), 7, 1);
	/* It begins in what was. */
	fill(f->buf, SEQ(0), 10, 1);
	fill(f->buf + 10 * BLOCK, SEQ(0) + 10, 20, 2);
	assert_int_equal(run(&(struct disk_io){
				 .op = DISK_WRITE,
				 .lba = SEQ(0) + 9,
				 .nr_blocks = 21,
				 .iov = &(struct iovec){ f->buf + 9 * BLOCK,
							 21 * BLOCK },
				 .iov_cnt = 1 }),
			 DISK_REFUSED);
	assert_accepted(SEQ(0) + 10, 20, 2);
	assert_int_equal(absorbed(), 1);
	assert_refused(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

static void write_and_end(void)
{
	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0) + 10, 20, 2, false), DISK_OK);
}

static void that_was_answered(void **state)
{
	(void)state;
	survive(write_and_end);
	assert_int_equal(absorbed(), 0);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 2);
	assert_data(SEQ(0), 10, 1);
	assert_data(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

/*
 * disk_try(): the answer is the caller's.
 */

static bool say_answered;

static void try_write(void)
{
	struct iovec iov = { f->buf, 8 * BLOCK };
	struct disk_io io = rw_io(DISK_WRITE, SEQ(0) + 10, 8, &iov);

	disk_close(f->disk);
	fixture_open(f, cfg, 1);
	assert_int_equal(do_write(f, SEQ(0), 10, 1), DISK_OK);
	/* Also on a machine that has other things to do. */
	f->disk->where.small_blocks = UINT32_MAX;
	f->disk->where.avoid_until_ns = 0;
	fill(f->buf, SEQ(0) + 10, 8, 1);
	arm(die_at, STORE_WRITE, 0);
	/* A worker may still be on its way out of the slot. */
	while (!disk_try(f->disk, &io))
		usleep(1000);
	if (say_answered)
		disk_answered(f->disk, &io);
}

static void tried(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		survive(try_write);
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
		assert_accepted(SEQ(0) + 10, 5, 3);
		fixture_stop(f);
	}
}

static void tried_and_perhaps_answered(void **state)
{
	(void)state;
	die_at = IN_NOTHING;
	for (int said = 0; said < 2; said++) {
		say_answered = said;
		survive(try_write);
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 18);
		assert_data(SEQ(0), 18, 1);
		assert_refused(SEQ(0) + 10, 8, 2);
		if (said)
			assert_refused(SEQ(0) + 10, 8, 1);
		else
			assert_accepted(SEQ(0) + 10, 8, 1);
		fixture_stop(f);
	}
	say_answered = false;
}

static struct disk_io late;

static void answer_late(struct store *st, struct store_req *req)
{
	if (req->op == STORE_WRITE)
		disk_answered(f->disk, &late);
	req->done = nothing;
	real_ops->submit(st, req);
	if (req->op == STORE_WRITE)
		die();
}

/* The next write to the zone has begun already. */
static void try_and_answer_late(void)
{
	static struct iovec iov;

	disk_close(f->disk);
	fixture_open(f, cfg, 1);
	assert_int_equal(do_write(f, SEQ(0), 10, 1), DISK_OK);
	f->disk->where.small_blocks = UINT32_MAX;
	f->disk->where.avoid_until_ns = 0;
	fill(f->buf, SEQ(0) + 10, 8, 1);
	iov = (struct iovec){ f->buf, 8 * BLOCK };
	late = (struct disk_io){ .op = DISK_WRITE,
				 .lba = SEQ(0) + 10,
				 .nr_blocks = 8,
				 .iov = &iov,
				 .iov_cnt = 1 };
	while (!disk_try(f->disk, &late))
		usleep(1000);
	real_ops = f->disk->store->ops;
	ops = *real_ops;
	ops.submit = answer_late;
	f->disk->store->ops = &ops;
	do_write(f, SEQ(0) + 18, 20, 2);
}

static void tried_and_answered_late(void **state)
{
	(void)state;
	survive(try_and_answer_late);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 18);
	assert_data(SEQ(0), 18, 1);
	assert_accepted(SEQ(0) + 18, 20, 3);
	fixture_stop(f);
}

/*
 * A command of several I/Os: WRITE AND VERIFY.
 */

static bool write_is_last(struct disk_io *io)
{
	return io->op != DISK_WRITE;
}

static void then_compare(struct disk_io *io)
{
	if (io->op == DISK_COMPARE) {
		done_or_die(io);
		return;
	}
	io->op = DISK_COMPARE;
	io->iov_cnt = 0;
	io->goes_on = io->undivided = true;
	disk_submit(f->disk, io);
}

static void write_verify(void)
{
	struct iovec iov = { f->buf, 20 * BLOCK };
	bool done = false;
	struct disk_io io = { .op = DISK_WRITE,
			      .fua = true,
			      .lba = SEQ(0) + 10,
			      .nr_blocks = 20,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .is_last = write_is_last,
			      .done = then_compare,
			      .user = &done };

	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	fill(f->buf, SEQ(0) + 10, 20, 2);
	arm(die_at, STORE_READ, 0);
	disk_submit(f->disk, &io);
	assert_true(done);
}

static void of_a_command_that_goes_on(void **state)
{
	(void)state;
	die_at = BEFORE_CALL;
	survive(write_verify);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
	assert_accepted(SEQ(0) + 10, 20, 3);
	fixture_stop(f);

	die_at = IN_DONE;
	survive(write_verify);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_accepted(SEQ(0) + 10, 20, 2);
	fixture_stop(f);

	die_at = IN_NOTHING;
	survive(write_verify);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

/* Between its two I/Os another write comes, and is answered: that one stays. */
static void write_between(struct disk_io *io)
{
	static uint8_t data[BLOCK];
	struct iovec iov = { data, BLOCK };
	struct disk_io other = rw_io(DISK_WRITE, SEQ(0) + 30, 1, &iov);

	if (io->op == DISK_COMPARE) {
		done_or_die(io);
		return;
	}
	fill(data, SEQ(0) + 30, 1, 4);
	*(bool *)io->user = true;
	point = IN_NOTHING;
	turn_leave_all(f->disk, NR_CONV, 1); /* as io_finish() is about to */
	io->done = then_compare;
	assert_int_equal(run(&other), DISK_OK);
	die();
}

static void write_between_two(void)
{
	struct iovec iov = { f->buf, 20 * BLOCK };
	bool done = false;
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = SEQ(0) + 10,
			      .nr_blocks = 20,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .is_last = write_is_last,
			      .done = write_between,
			      .user = &done };

	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	fill(f->buf, SEQ(0) + 10, 20, 2);
	disk_submit(f->disk, &io);
}

static void with_another_behind_it(void **state)
{
	(void)state;
	survive(write_between_two);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 31);
	assert_data(SEQ(0) + 10, 20, 2);
	assert_data(SEQ(0) + 30, 1, 4);
	fixture_stop(f);
}

/*
 * What fails.
 */

static enum zone_op then_op;

/* Neither the write nor the cut behind it works: 3 blocks are left. */
static void leave_something(void)
{
	const struct store_fault_plan plan = { .fail_count = 2,
					       .error = EIO,
					       .partial_bytes = 3 * BLOCK,
					       .only = 1u << STORE_WRITE |
						       1u << STORE_CUT };

	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	store_fault_arm(f->fault, &plan);
	assert_int_equal(write_tag(SEQ(0) + 10, 20, 2, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(store_fault_hits(f->fault), 2);
}

static void what_failed_is_cut_off(void **state)
{
	(void)state;
	survive(leave_something);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
	assert_accepted(SEQ(0) + 10, 20, 3);
	fixture_stop(f);
}

static void leave_and_change(void)
{
	leave_something();
	assert_int_equal(do_zone(f, then_op, SEQ(0), false), DISK_OK);
	if (then_op == ZO_RESET)
		assert_int_equal(write_tag(SEQ(0), 12, 5, false), DISK_OK);
}

/* … and what comes after it stays. */
static void what_failed_is_forgotten(void **state)
{
	(void)state;
	then_op = ZO_FINISH;
	survive(leave_and_change);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_FULL);
	fixture_stop(f);

	then_op = ZO_RESET;
	survive(leave_and_change);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 12);
	assert_data(SEQ(0), 12, 5);
	fixture_stop(f);
}

/* 30 blocks are safe, a reset is not, nor what failed behind it. */
static void leave_and_lose_power(void)
{
	const struct store_fault_plan plan = { .fail_count = 2,
					       .error = EIO,
					       .partial_bytes = 3 * BLOCK,
					       .only = 1u << STORE_WRITE |
						       1u << STORE_CUT };
	struct disk_powerfail all = { .random = false };
	struct zl_err err;

	assert_int_equal(write_tag(SEQ(0), 30, 1, false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	store_fault_arm(f->fault, &plan);
	assert_int_equal(write_tag(SEQ(0), 100, 2, false), DISK_WRITE_ERROR);
	store_fault_arm(f->fault,
			&(struct store_fault_plan){ .fail_at = UINT64_MAX });
	assert_int_equal(disk_powerfail(f->disk, &all, &err), 0);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
}

static void what_power_failures_bring_back_stays(void **state)
{
	(void)state;
	cfg = CFG_POWER;
	survive(leave_and_lose_power);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_data(SEQ(0), 30, 1);
	fixture_stop(f);
}

/* The cut at opening does not work: what is there is what may come again. */
static void cannot_be_taken_back(void **state)
{
	struct disk_open_args args = { .note_flight = true };
	const struct store_fault_plan plan = { .fail_count = 1,
					       .error = EIO,
					       .only = 1u << (16 + 3) };
	struct store *st;
	struct zl_err err;

	(void)state;
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	assert_int_equal(store_file_open(f->dir, &st, &err), 0);
	f->fault = store_fault_new(st);
	store_fault_arm(f->fault, &plan);
	point = IN_NOTHING;
	assert_int_equal(
		disk_open_store(f->fault, "test", &args, &f->disk, &err), 0);
	assert_int_equal(store_fault_hits(f->fault), 1);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 3);
	assert_accepted(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

/*
 * Several deaths.
 */

static void nothing_at_all(void)
{
}

static void repeat_and_more(void)
{
	arm(AFTER_CALL, STORE_WRITE, 0);
	fill(f->buf, SEQ(0) + 10, 20, 2);
	fill(f->buf + 20 * BLOCK, SEQ(0) + 30, 5, 2);
	write_tag(SEQ(0) + 10, 25, 2, false);
}

/* The next process dies before the command comes, or in the middle of it. */
static void deaths_in_a_row(void **state)
{
	(void)state;
	die_at = IN_DONE;
	make_disk();
	live_and_die(write_twice);
	live_and_die(nothing_at_all);
	live_and_die(repeat_and_more);
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 25, 3);
	assert_accepted(SEQ(0) + 10, 25, 2);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 35);
	fixture_stop(f);

	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	live_and_die(nothing_at_all);
	open_again();
	assert_accepted(SEQ(0) + 10, 20, 3);
	fixture_stop(f);
}

/* The grace does not begin anew with each death. */
static void time_goes_on(void **state)
{
	(void)state;
	die_at = IN_DONE;
	make_disk();
	live_and_die(write_twice);
	live_and_die(nothing_at_all);
	now_ms += GRACE_MS;
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 2);
	fixture_stop(f);

	survive(write_twice);
	now_ms += GRACE_MS;
	assert_refused(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

/*
 * COMPARE AND WRITE.
 */

static uint64_t lock_lba;
static uint32_t lock_blocks;

static void take_lock(void)
{
	struct disk_io io;

	fill(f->buf, lock_lba, lock_blocks, 1);
	assert_int_equal(
		run_rw(f, &io, DISK_WRITE, lock_lba, lock_blocks, false),
		DISK_OK);
	assert_int_equal(write_tag(5, 1, 8, false), DISK_OK);
	arm(die_at, STORE_WRITE, 0);
	compare_write(lock_lba, lock_blocks, 1, 2);
}

/* Its own retry, or another host's, finds what it was. */
static void lock_is_free(void)
{
	open_again();
	assert_data(lock_lba, lock_blocks, 1);
	assert_int_equal(compare_write(lock_lba, lock_blocks, 1, 2), DISK_OK);
	assert_int_equal(compare_write(lock_lba, lock_blocks, 1, 2),
			 DISK_MISCOMPARE);
	assert_data(lock_lba, lock_blocks, 2);
	assert_data(5, 1, 8);
	fixture_stop(f);
}

static void locks_not_answered(void **state)
{
	static const struct {
		uint64_t lba;
		uint32_t blocks;
	} where[] = { { 17, 7 },
		      { ZONE - 3, 7 }, /* … and the next zone */
		      { 2 * ZONE - DISK_MAX_COMPARE_BLOCKS,
			DISK_MAX_COMPARE_BLOCKS } };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
			lock_lba = where[i].lba;
			lock_blocks = where[i].blocks;
			if (i == 1 && die_at == IN_CALL)
				continue; /* 3 blocks are one call */
			make_disk();
			live_and_die(take_lock);
			lock_is_free();
		}
}

static void set_times_ahead(void)
{
	struct timespec times[2];
	char path[128];

	clock_gettime(CLOCK_REALTIME, &times[0]);
	times[0].tv_sec += 3600;
	times[1] = times[0];
	for (unsigned slot = 0; slot < 3; slot++) {
		snprintf(path, sizeof(path), "%s/%s-%06u", f->dir,
			 slot < NR_CONV ? "cnv" : "seq", slot);
		assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	}
}

/* Whoever has given the files their times is ahead, or the clock here was set
 * back: that tells nothing of when the files were changed. */
static void clocks_differ(void **state)
{
	(void)state;
	lock_lba = 17;
	lock_blocks = 7;
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(take_lock);
	set_times_ahead();
	lock_is_free();
	make_disk();
	live_and_die(write_twice);
	set_times_ahead();
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
	fixture_stop(f);
}

/* Nobody gets GOOD a second time. */
static void locks_answered(void **state)
{
	(void)state;
	lock_lba = 17;
	lock_blocks = 1;
	for (int i = 0; i < 2; i++) {
		die_at = i ? IN_DONE : IN_NOTHING;
		survive(take_lock);
		assert_data(lock_lba, 1, 2);
		assert_int_equal(compare_write(lock_lba, 1, 1, 2),
				 DISK_MISCOMPARE);
		assert_int_equal(compare_write(lock_lba, 1, 2, 1), DISK_OK);
		fixture_stop(f);
	}
}

static void lock_and_write(void)
{
	take_lock();
	assert_int_equal(write_tag(lock_lba, 1, 9, false), DISK_OK);
}

static void what_was_written_after_it_stays(void **state)
{
	(void)state;
	die_at = IN_NOTHING;
	lock_lba = 17;
	lock_blocks = 1;
	survive(lock_and_write);
	assert_data(lock_lba, 1, 9);
	fixture_stop(f);
}

static bool never_last(struct disk_io *io)
{
	(void)io;
	return false;
}

static void overwrite_lock(struct disk_io *io)
{
	(void)io;
	/* As io_finish() is about to. */
	gate_leave(f->disk, GATE_ALONE);
	point = IN_NOTHING;
	assert_int_equal(write_tag(lock_lba, 1, 9, false), DISK_OK);
	die();
}

/* The command goes on, but no longer alone. */
static void lock_and_sync(void)
{
	struct iovec iov = { f->buf, 2 * BLOCK };
	struct disk_io io = { .op = DISK_COMPARE_WRITE,
			      .lba = lock_lba,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .is_last = never_last,
			      .done = overwrite_lock };

	memset(f->buf, 0, BLOCK);
	fill(f->buf + BLOCK, lock_lba, 1, 2);
	disk_submit(f->disk, &io);
}

static void what_was_written_beside_the_rest_of_it_stays(void **state)
{
	(void)state;
	lock_lba = 17;
	survive(lock_and_sync);
	assert_data(lock_lba, 1, 9);
	fixture_stop(f);
}

static void lock_at_the_write_pointer(void)
{
	struct iovec iov = { f->buf, 2 * 5 * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, SEQ(0) + 10, 5, &iov);

	if (die_at)
		assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	memset(f->buf, 0, 5 * BLOCK);
	fill(f->buf + 5 * BLOCK, SEQ(0) + 10, 5, 2);
	if (die_at)
		arm(die_at, STORE_WRITE, 0);
	run(&io);
	assert_int_equal(io.status, DISK_OK);
}

static void write_and_lock(void)
{
	assert_int_equal(write_tag(SEQ(0), 10, 1, false), DISK_OK);
	die_at = IN_NOTHING;
	lock_at_the_write_pointer();
}

/* It compares with what is not written, and is an ordinary write besides. */
static void locks_in_sequential_zones(void **state)
{
	(void)state;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		enum point at = die_at;

		survive(lock_at_the_write_pointer);
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 10);
		die_at = IN_NOTHING;
		lock_at_the_write_pointer();
		assert_data(SEQ(0) + 10, 5, 2);
		fixture_stop(f);
		die_at = at;
	}
	/* Answered, it stays. */
	survive(write_and_lock);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 15);
	assert_data(SEQ(0) + 10, 5, 2);
	assert_refused(SEQ(0) + 10, 5, 2);
	fixture_stop(f);
}

static bool another_lock;

static void take_lock_that_fails(void)
{
	const struct store_fault_plan plan = { .fail_count = 1,
					       .error = EIO,
					       .only = 1u << STORE_WRITE };

	die_at = IN_NOTHING;
	take_lock();
	assert_int_equal(compare_write(lock_lba, 1, 2, 3), DISK_OK);
	store_fault_arm(f->fault, &plan);
	assert_int_equal(compare_write(lock_lba, 1, 3, 4), DISK_WRITE_ERROR);
	assert_int_equal(write_tag(lock_lba, 1, 6, false), DISK_OK);
	if (!another_lock)
		die();
	/* There is a record for the next one. */
	arm(AFTER_CALL, STORE_WRITE, 0);
	compare_write(lock_lba, 1, 6, 7);
}

static void locks_after_one_that_failed(void **state)
{
	(void)state;
	lock_lba = 17;
	lock_blocks = 1;
	for (int another = 0; another < 2; another++) {
		another_lock = another;
		survive(take_lock_that_fails);
		assert_data(lock_lba, 1, 6);
		fixture_stop(f);
	}
}

/*
 * Host-aware disks: writes reach several zones, and are never refused.
 */

static bool non_seq(uint64_t lba)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	return info.attrs & ZA_NON_SEQ;
}

/* From the last conventional zone's end over two zones into a third. */
static void write_over_zones(void)
{
	arm(die_at, STORE_WRITE, 2);
	write_tag(SEQ(0) - 4, 4 + ZONE + 20, 2, false);
}

static void over_several_zones(void **state)
{
	(void)state;
	cfg = CFG_HA;
	for (die_at = BEFORE_CALL; die_at <= AFTER_CALL; die_at++) {
		survive(write_over_zones);
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0));
		assert_int_equal(wp_of(f, SEQ(1)), SEQ(1));
		assert_accepted(SEQ(0) - 4, 4 + ZONE + 20, 3);
		assert_false(non_seq(SEQ(0)));
		assert_false(non_seq(SEQ(1)));
		fixture_stop(f);
	}
	/* And all of it stays when it may have been answered. */
	die_at = IN_DONE;
	survive(write_over_zones);
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1) + 20);
	assert_data(SEQ(0) - 4, 4 + ZONE + 20, 2);
	fixture_stop(f);
}

static void write_over_the_write_pointer(void)
{
	assert_int_equal(write_tag(SEQ(0), 20, 1, false), DISK_OK);
	arm(AFTER_CALL, STORE_WRITE, 0);
	write_tag(SEQ(0) + 10, 20, 2, false);
}

/* What was below the write pointer is overwritten, the rest is gone. */
static void in_place(void **state)
{
	(void)state;
	cfg = CFG_HA;
	survive(write_over_the_write_pointer);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 20);
	assert_data(SEQ(0), 10, 1);
	assert_accepted(SEQ(0) + 10, 20, 3);
	fixture_stop(f);
}

/* Over the write pointer: blocks that were never written are zeros. */
static void lock_over_the_write_pointer(void)
{
	struct iovec iov = { f->buf, 2 * 8 * BLOCK };
	struct disk_io io = rw_io(DISK_COMPARE_WRITE, SEQ(0) + 12, 8, &iov);

	if (die_at)
		assert_int_equal(write_tag(SEQ(0), 16, 1, false), DISK_OK);
	fill(f->buf, SEQ(0) + 12, 4, 1);
	memset(f->buf + 4 * BLOCK, 0, 4 * BLOCK);
	fill(f->buf + 8 * BLOCK, SEQ(0) + 12, 8, 2);
	if (die_at)
		arm(die_at, STORE_WRITE, 0);
	run(&io);
	assert_int_equal(io.status, DISK_OK);
}

static void locks_in_preferred_zones(void **state)
{
	(void)state;
	cfg = CFG_HA;
	die_at = AFTER_CALL;
	survive(lock_over_the_write_pointer);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 16);
	assert_sizes_match(f);
	assert_data(SEQ(0), 16, 1);
	die_at = IN_NOTHING;
	lock_over_the_write_pointer();
	assert_data(SEQ(0) + 12, 8, 2);
	fixture_stop(f);
}

/*
 * The file.
 */

static void goes_with_a_clean_stop(void **state)
{
	struct stat sb;
	char path[128];

	(void)state;
	make_disk();
	assert_false(has_file("") || has_file(".new"));
	open_again();
	flight_path(path, "");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_false(has_file(".new"));
	/* None of it is a hole. */
	assert_true(sb.st_blocks * 512 >= sb.st_size);
	fixture_stop(f);
	assert_false(has_file(""));
}

/* Nothing is known, so today's rule holds: by content, in every zone. */
static void check_guessed(void)
{
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 3);
	assert_accepted(SEQ(0) + 10, 20, 2);
	assert_accepted(SEQ(1), 7, 1);
	/* This one is known again. */
	assert_true(has_file(""));
	fixture_stop(f);
}

/* What @command does to the file ($) when the process is dead. */
static void damaged_by(const char *command)
{
	char path[128], cmd[512];

	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	flight_path(path, "");
	snprintf(cmd, sizeof(cmd), "set -e; f=%s; %s", path, command);
	assert_int_equal(system(cmd), 0);
	open_again();
	check_guessed();
}

static void that_does_not_count(void **state)
{
	(void)state;
	damaged_by("rm $f");
	damaged_by(": >$f");
	damaged_by("truncate -s -1 $f");
	damaged_by("truncate -s +64 $f");
	damaged_by("mv $f $f.x; ln -s $f.x $f");
	damaged_by("mv $f $f.x; mkdir $f; cp $f.x $f; rm -r $f; mkfifo $f");
	damaged_by("chmod 620 $f");
	/* Magic, serial number, boot, directory, number, size of a block. */
	for (unsigned at = 0; at < sizeof(struct flight_head); at++) {
		char cmd[128];

		if (at % 5)
			continue;
		snprintf(cmd, sizeof(cmd),
			 "printf '\\377\\376\\375\\374\\373' | dd of=$f bs=1 "
			 "seek=%u conv=notrunc status=none",
			 at);
		damaged_by(cmd);
	}
}

static void change_record(uint32_t slot, struct flight_record *r, bool write)
{
	uint64_t at =
		(sizeof(struct flight_head) + 63) / 64 * 64 + slot * sizeof(*r);
	char path[128];
	int fd;

	flight_path(path, "");
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	if (write)
		assert_int_equal(pwrite(fd, r, sizeof(*r), (off_t)at),
				 sizeof(*r));
	else
		assert_int_equal(pread(fd, r, sizeof(*r), (off_t)at),
				 sizeof(*r));
	close(fd);
}

/* The file was changed long after the write began: by the kernel's driver. */
static void changed_by_somebody(void **state)
{
	struct flight_record r;

	(void)state;
	for (int later = 0; later < 2; later++) {
		die_at = AFTER_CALL;
		make_disk();
		live_and_die(write_twice);
		change_record(NR_CONV, &r, false);
		r.begun -= later ? 70 : 40;
		r.sum = flight_sum(&r, NR_CONV);
		change_record(NR_CONV, &r, true);
		open_again();
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + (later ? 30 : 10));
		if (later)
			assert_refused(SEQ(0) + 10, 20, 3);
		assert_accepted(SEQ(0) + 10, 20, 2);
		fixture_stop(f);
	}
}

/* A damaged record is one zone's matter. */
static void damaged_record(void **state)
{
	struct flight_record r;

	(void)state;
	for (unsigned n = 0; n < 4; n++) {
		uint32_t *field[] = { &r.wp, &r.lo, &r.hi, &r.sum };

		die_at = AFTER_CALL;
		make_disk();
		live_and_die(write_twice);
		change_record(NR_CONV, &r, false);
		assert_int_equal(r.state % 4, FLIGHT_BEGUN);
		assert_int_equal(r.wp, 10);
		assert_int_equal(r.lo, 10);
		assert_int_equal(r.hi, 30);
		*field[n] ^= 1;
		change_record(NR_CONV, &r, true);
		open_again();
		assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
		assert_refused(SEQ(1), 7, 1);
		assert_accepted(SEQ(0) + 10, 20, 2);
		fixture_stop(f);
	}
}

static void damaged_compare(void **state)
{
	struct flight_compare c;
	uint64_t at = (sizeof(struct flight_head) + 63) / 64 * 64 +
		      NR_ZONES * sizeof(struct flight_record);
	char path[128];
	int fd;

	(void)state;
	for (unsigned n = 0; n < 5; n++) {
		die_at = AFTER_CALL;
		lock_lba = 17;
		lock_blocks = 2;
		make_disk();
		live_and_die(take_lock);
		flight_path(path, "");
		fd = open(path, O_RDWR);
		assert_int_equal(pread(fd, &c, sizeof(c), (off_t)at),
				 sizeof(c));
		assert_int_equal(c.state, FLIGHT_BEGUN);
		assert_int_equal(c.lba, lock_lba);
		if (n == 0)
			c.lba = UINT64_MAX;
		else if (n == 1)
			c.nr_blocks = UINT32_MAX;
		else if (n == 2)
			c.nr_blocks--;
		else if (n == 3)
			c.crc++;
		else
			c.begun -= 70; /* as above */
		assert_int_equal(pwrite(fd, &c, sizeof(c), (off_t)at),
				 sizeof(c));
		close(fd);
		open_again();
		assert_data(lock_lba, lock_blocks, 2);
		assert_int_equal(compare_write(lock_lba, 2, 1, 2),
				 DISK_MISCOMPARE);
		fixture_stop(f);
	}
}

/* Somebody who keeps no such file has had the disk in between. */
static void write_on(void)
{
	assert_int_equal(write_tag(SEQ(0) + 10, 20, 2, false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 25, 7, false), DISK_OK);
}

static void of_another_opening(void **state)
{
	(void)state;
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	fixture_notes = false;
	live_and_die(write_on);
	fixture_notes = true;
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 25);
	assert_data(SEQ(0), 25, 7);
	fixture_stop(f);
}

/* … or has no place for it. */
static void no_place(void **state)
{
	char cmd[192];

	(void)state;
	make_disk();
	snprintf(cmd, sizeof(cmd), "rmdir %s && touch %s", run_path, run_path);
	assert_int_equal(system(cmd), 0);
	die_at = AFTER_CALL;
	live_and_die(write_twice);
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 3);
	assert_accepted(SEQ(0) + 10, 20, 2);
	fixture_stop(f);
}

static void of_another_boot(void **state)
{
	const char *path = journal_boot_id_path;
	char other[] = "/tmp/zloop-boot-XXXXXX";
	int fd = mkstemp(other);

	(void)state;
	assert_int_equal(write(fd, "other\n", 6), 6);
	close(fd);
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	journal_boot_id_path = other;
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	assert_refused(SEQ(0) + 10, 20, 2);
	journal_boot_id_path = path;
	unlink(other);
	fixture_stop(f);
}

/* More than the write would have written is there: it is somebody else's. */
static void longer_than_that(void **state)
{
	char name[96];

	(void)state;
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	snprintf(name, sizeof(name), "%s/seq-000002", f->dir);
	assert_int_equal(truncate(name, 31 * BLOCK), 0);
	open_again();
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 31);
	assert_data(SEQ(0) + 10, 20, 2);
	assert_refused(SEQ(0) + 10, 20, 3);
	fixture_stop(f);
}

/* A copy of the directory has serial number and journal of the original. */
static void of_a_copy(void **state)
{
	struct disk_open_args args = { .note_flight = true };
	char cmd[256], dir[80];
	struct zl_err err;

	(void)state;
	die_at = AFTER_CALL;
	make_disk();
	live_and_die(write_twice);
	snprintf(dir, sizeof(dir), "%s.copy", f->dir);
	snprintf(cmd, sizeof(cmd), "cp -r %s %s", f->dir, dir);
	assert_int_equal(system(cmd), 0);
	point = IN_NOTHING;
	assert_int_equal(disk_open(dir, &args, &f->disk, &err), 0);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 30);
	disk_close(f->disk);
	snprintf(cmd, sizeof(cmd), "rm -r %s %s", f->dir, dir);
	assert_int_equal(system(cmd), 0);
	free(f->buf);
}

static void write_safe_and_not(void)
{
	assert_int_equal(write_tag(0, 8, 1, true), DISK_OK);
	assert_int_equal(write_tag(8, 8, 1, false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 8, 1, true), DISK_OK);
	assert_int_equal(write_tag(SEQ(0) + 8, 8, 1, false), DISK_OK);
	assert_int_equal(write_tag(SEQ(1), 8, 1, true), DISK_OK);
	assert_int_equal(write_tag(24, 8, 1, true), DISK_OK);
	/* … which dies behind its write, and is taken back. */
	arm(AFTER_CALL, STORE_WRITE, 0);
	compare_write(24, 8, 1, 2);
}

/* Not all of it can be written back, and then no file can be synced once: what
 * was durable before is none the worse. */
static void what_was_safe_is_not_lost(void **state)
{
	const struct store_fault_plan none = { .fail_at = UINT64_MAX };
	const struct store_fault_plan all = { .fail_count = UINT64_MAX,
					      .error = EIO,
					      .only = 1u << STORE_SYNC };

	(void)state;
	make_disk();
	live_and_die(write_safe_and_not);
	syncfs_fails = true;
	open_again();
	syncfs_fails = false;
	store_fault_arm(f->fault, &all);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	/* All of them, since nobody knows which. */
	assert_int_equal(store_fault_hits(f->fault), f->disk->zones.nr_slots);
	store_fault_arm(f->fault, &none);
	assert_data(0, 8, 1);
	assert_int_equal(do_read(f, 8, 8), DISK_READ_ERROR);
	assert_data(SEQ(0), 8, 1);
	assert_int_equal(do_read(f, SEQ(0) + 8, 8), DISK_READ_ERROR);
	assert_data(SEQ(1), 8, 1);
	assert_int_equal(do_read(f, 24, 8), DISK_READ_ERROR);
	fixture_stop(f);
}

/* What is lost while the journal cannot be written to either. */
static void lose_untold(void)
{
	const struct store_fault_plan all = { .fail_count = UINT64_MAX,
					      .error = EIO };

	assert_int_equal(write_tag(0, 8, 1, true), DISK_OK);
	assert_int_equal(write_tag(8, 8, 1, false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 8, 1, true), DISK_OK);
	assert_int_equal(write_tag(SEQ(0) + 8, 8, 1, false), DISK_OK);
	store_fault_arm(f->fault, &all);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
}

static void lose_untold_and_close(void)
{
	lose_untold();
	disk_close(f->disk);
}

/* It can be written again while the journal cannot; where that would have to be
 * told first it is still lost. */
static void lose_untold_and_rewrite(void)
{
	const struct store_fault_plan no_request = { .fail_count = UINT64_MAX,
						     .error = EIO,
						     .only = UINT32_MAX << 16 };

	lose_untold();
	store_fault_arm(f->fault, &no_request);
	do_zone(f, ZO_RESET, SEQ(0), false);
	assert_int_equal(write_tag(SEQ(0), 16, 2, false), DISK_OK);
	assert_int_equal(write_tag(6, 6, 2, false), DISK_WRITE_ERROR);
}

static void assert_lost(uint64_t lba, uint32_t blocks)
{
	for (; blocks--; lba++)
		assert_int_equal(do_read(f, lba, 1), DISK_READ_ERROR);
}

static void check_lost(void)
{
	assert_data(0, 8, 1);
	assert_lost(8, 8);
	assert_data(SEQ(0), 8, 1);
	assert_lost(SEQ(0) + 8, 8);
	assert_int_equal(f->disk->problems.nr, 2);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
}

/* Only memory, and this file, knew of it. */
static void what_no_journal_was_told_of_is_lost(void **state)
{
	static void (*const ways[])(void) = { lose_untold,
					      lose_untold_and_close };

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(ways); i++) {
		make_disk();
		live_and_die(ways[i]);
		live_and_die(nothing_more);
		open_again();
		check_lost();
		/* From here on the journal knows. */
		fixture_reopen(f, cfg);
		check_lost();
		fixture_stop(f);
	}
}

static void but_not_what_was_rewritten(void **state)
{
	(void)state;
	survive(lose_untold_and_rewrite);
	assert_data(SEQ(0), 16, 2);
	assert_data(0, 6, 1);
	assert_lost(8, 8);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(write_tag(SEQ(0), 4, 3, false), DISK_OK);
	assert_int_equal(write_tag(6, 10, 3, false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	fixture_reopen(f, cfg);
	assert_data(SEQ(0), 4, 3);
	assert_data(8, 8, 3);
	fixture_stop(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(with_other_bytes),
		T(what_was_not_synced_is_synced_once_more),
		T(cut_up_in_another_way),
		T(with_fua_in_the_sync),
		T(between_two_calls),
		T(that_filled_the_zone),
		T(that_was_the_first),
		T(that_was_being_answered),
		T(that_was_answered),
		T(tried),
		T(tried_and_perhaps_answered),
		T(tried_and_answered_late),
		T(of_a_command_that_goes_on),
		T(with_another_behind_it),
		T(what_failed_is_cut_off),
		T(what_failed_is_forgotten),
		T(what_power_failures_bring_back_stays),
		T(cannot_be_taken_back),
		T(deaths_in_a_row),
		T(time_goes_on),
		T(locks_not_answered),
		T(clocks_differ),
		T(locks_answered),
		T(what_was_written_after_it_stays),
		T(what_was_written_beside_the_rest_of_it_stays),
		T(locks_in_sequential_zones),
		T(locks_after_one_that_failed),
		T(over_several_zones),
		T(in_place),
		T(locks_in_preferred_zones),
		T(goes_with_a_clean_stop),
		T(that_does_not_count),
		T(changed_by_somebody),
		T(damaged_record),
		T(damaged_compare),
		T(of_another_opening),
		T(no_place),
		T(of_another_boot),
		T(longer_than_that),
		T(of_a_copy),
		T(what_no_journal_was_told_of_is_lost),
		T(but_not_what_was_rewritten),
		/* That it has failed once is remembered. */
		T(what_was_safe_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
