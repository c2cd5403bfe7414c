// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Opening the disk of a machine that died: with write_through as after the
 * daemon's death, without as after a power failure.  And a disk whose lock is
 * lost, whatever the store is.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "disk/io/grace.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk_fixture.h"

#define THROUGH FIXTURE_CFG ",write_through"

static char boot_file[] = "/tmp/zl-boot-XXXXXX";
static atomic_uint_fast64_t now_ms;

static uint64_t fake_clock(void)
{
	return now_ms;
}

static void set_boot(const char *id)
{
	FILE *f = fopen(boot_file, "w");

	assert_non_null(f);
	fputs(id, f);
	fclose(f);
}

static int setup(void **state)
{
	int fd;

	(void)state;
	strcpy(boot_file, "/tmp/zl-boot-XXXXXX");
	fd = mkstemp(boot_file);
	close(fd);
	journal_boot_id_path = boot_file;
	flight_clock_ms = fence_clock_ms = fake_clock;
	now_ms = 1000;
	set_boot("machine-a");
	return fd < 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(boot_file);
}

/* The machine that has it dies, and another one opens it. */
static void take_over(struct fixture *f, const char *cfg)
{
	disk_abandon(f->disk);
	set_boot("machine-b");
	fixture_open(f, cfg, 0);
}

static void opened_zones_stay(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, THROUGH, 0);
	assert_int_equal(do_write_fua(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
	take_over(&f, THROUGH);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_EXP_OPEN);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
	assert_false(disk_lost_power(f.disk));
	/* And the next one. */
	disk_abandon(f.disk);
	set_boot("machine-c");
	fixture_open(&f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
	/* That one had a cache. */
	take_over(&f, THROUGH);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EMPTY);
	assert_true(disk_lost_power(f.disk));
	fixture_stop(&f);
}

static void without_it_power_is_lost(void **state)
{
	struct fixture f;
	struct disk_io io;

	(void)state;
	fixture_start(&f, FIXTURE_CFG, 0);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(0), false), DISK_OK);
	take_over(&f, FIXTURE_CFG);
	assert_int_equal(cond_of(&f, SEQ(0)), ZC_CLOSED);
	assert_true(disk_lost_power(f.disk));
	fill(f.buf, SEQ(0), 8, 1);
	assert_int_equal(run_rw(&f, &io, DISK_WRITE, SEQ(0), 8, false),
			 DISK_REFUSED);
	/* An orderly end is none. */
	disk_told_power_loss(f.disk);
	disk_close(f.disk);
	set_boot("machine-c");
	fixture_open(&f, FIXTURE_CFG, 0);
	assert_false(disk_lost_power(f.disk));
	fixture_stop(&f);
}

/* Whatever is done with the disk before a host comes. */
static void told_once_though_opened_twice(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned told = 0; told < 2; told++) {
		set_boot("machine-a");
		fixture_start(&f, FIXTURE_CFG, 0);
		take_over(&f, FIXTURE_CFG);
		if (told)
			disk_told_power_loss(f.disk);
		fixture_reopen(&f, FIXTURE_CFG);
		assert_int_equal(disk_lost_power(f.disk), !told);
		disk_close(f.disk);
		set_boot("machine-c");
		fixture_open(&f, THROUGH, 0);
		assert_int_equal(disk_lost_power(f.disk), !told);
		/* The daemon dies; and has told it as its last act. */
		disk_abandon(f.disk);
		fixture_open(&f, THROUGH, 0);
		assert_int_equal(disk_lost_power(f.disk), !told);
		disk_told_power_loss(f.disk);
		assert_false(disk_lost_power(f.disk));
		disk_abandon(f.disk);
		fixture_open(&f, THROUGH, 0);
		assert_false(disk_lost_power(f.disk));
		fixture_stop(&f);
	}
}

/* What the dead one's write left: @blocks from @lba on, some of them holes. */
static void leave(struct fixture *f, uint64_t lba, uint32_t blocks,
		  uint32_t tag, uint64_t holes)
{
	assert_int_equal(do_write_fua(f, lba, blocks, tag), DISK_OK);
	for (uint32_t i = 0; i < blocks; i++) {
		struct iovec iov = { f->buf, BLOCK };
		struct store_req req = {
			.op = STORE_WRITE,
			.slot = (uint32_t)(lba / ZONE),
			.off = (lba % ZONE + i) * BLOCK,
			.len = BLOCK,
			.iov = &iov,
			.iov_cnt = 1,
		};

		if (!(holes >> i & 1))
			continue;
		memset(f->buf, 0, BLOCK);
		assert_int_equal(store_run(f->disk->store, &req), BLOCK);
	}
}

static void repeated_over_holes(void **state)
{
	static const uint64_t holes[] = { 0, 1, 0x80, 0x3c, 0xff };
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		set_boot("machine-a");
		fixture_start(&f, THROUGH, 0);
		assert_int_equal(do_write_fua(&f, SEQ(0), 8, 1), DISK_OK);
		leave(&f, SEQ(0) + 8, 8, 2, holes[i]);
		take_over(&f, THROUGH);
		now_ms += GRACE_ELSEWHERE_MS - 1;
		/* The first eight blocks of sixteen were there, in part. */
		assert_int_equal(do_write_fua(&f, SEQ(0) + 8, 16, 2), DISK_OK);
		assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 24);
		assert_int_equal(do_read(&f, SEQ(0) + 8, 16), DISK_OK);
		assert_filled(f.buf, SEQ(0) + 8, 16, 2);
		assert_int_equal(do_read(&f, SEQ(0), 8), DISK_OK);
		assert_filled(f.buf, SEQ(0), 8, 1);
		fixture_stop(&f);
	}
}

/* All of it is there, with holes. */
static void repeated_to_the_end(void **state)
{
	struct fixture f;

	(void)state;
	fixture_start(&f, THROUGH, 0);
	leave(&f, SEQ(0), 8, 2, 0x55);
	take_over(&f, THROUGH);
	assert_int_equal(do_write(&f, SEQ(0), 8, 2), DISK_OK);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 8);
	assert_int_equal(do_read(&f, SEQ(0), 8), DISK_OK);
	assert_filled(f.buf, SEQ(0), 8, 2);
	fixture_stop(&f);
}

/* All of it is there, but perhaps in the server's memory only, and no sync of
 * this machine's would reach that: it is written again. */
static void repeated_is_written_again(void **state)
{
	const struct store_fault_plan count = { .fail_at = UINT64_MAX,
						.only = 1u << STORE_WRITE };
	struct fixture f;

	(void)state;
	for (unsigned fua = 0; fua < 2; fua++) {
		set_boot("machine-a");
		fixture_start(&f, THROUGH, 0);
		leave(&f, SEQ(0), 8, 2, 0);
		take_over(&f, THROUGH);
		store_fault_arm(f.fault, &count);
		assert_int_equal(
			(fua ? do_write_fua : do_write)(&f, SEQ(0), 8, 2),
			DISK_OK);
		assert_int_equal(store_fault_calls(f.fault), 1);
		assert_int_equal(do_sync(&f), DISK_OK);
		fixture_stop(&f);
	}
}

static void refused(struct fixture *f, uint64_t lba, uint32_t tag)
{
	struct disk_io io;

	fill(f->buf, lba, 8, tag);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, lba, 8, false),
			 DISK_REFUSED);
}

static void what_is_no_repetition(void **state)
{
	struct fixture f;

	(void)state;
	/* Other data in what is no hole. */
	fixture_start(&f, THROUGH, 0);
	leave(&f, SEQ(0), 8, 2, 0xfe);
	take_over(&f, THROUGH);
	refused(&f, SEQ(0), 3);
	/* Too late. */
	now_ms += GRACE_ELSEWHERE_MS;
	refused(&f, SEQ(0), 2);
	fixture_stop(&f);
	/* A hole below what the daemon's death left on this machine. */
	set_boot("machine-a");
	fixture_start(&f, THROUGH, 0);
	leave(&f, SEQ(0), 8, 2, 1);
	disk_abandon(f.disk);
	fixture_open(&f, THROUGH, 0);
	refused(&f, SEQ(0), 2);
	fixture_stop(&f);
}

/* Before a host comes it is closed once more, or the daemon dies. */
static void repeated_to_the_second(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned dies = 0; dies < 2; dies++) {
		set_boot("machine-a");
		fixture_start(&f, THROUGH, 0);
		assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
		leave(&f, SEQ(0), 8, 2, 0x55);
		take_over(&f, THROUGH);
		if (dies)
			disk_abandon(f.disk);
		else
			disk_close(f.disk);
		fixture_open(&f, THROUGH, 0);
		assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
		assert_int_equal(do_write(&f, SEQ(0), 8, 2), DISK_OK);
		assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 8);
		fixture_stop(&f);
	}
}

/* … but it does not go on for ever, nor by a clock that is set wrong. */
static void repeated_no_longer(void **state)
{
	uint32_t now_s = (uint32_t)(clock_real_ns() / 1000000000);
	const uint32_t ends[] = { now_s - 1, now_s + 3600 };
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		set_boot("machine-a");
		fixture_start(&f, THROUGH, 0);
		leave(&f, SEQ(0), 8, 2, 0);
		take_over(&f, THROUGH);
		assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
		f.disk->grace_end_s = ends[i];
		assert_int_equal(journal_owed(f.disk), 0);
		fixture_reopen(&f, THROUGH);
		assert_int_equal(cond_of(&f, SEQ(1)), ZC_EMPTY);
		refused(&f, SEQ(0), 2);
		fixture_stop(&f);
	}
}

/*
 * A store that loses its lock.
 */

static atomic_bool gone, unknown;
static atomic_bool silent; /* no question is answered */
static unsigned changes, slow_ms;

static int prove(struct store *st)
{
	(void)st;
	while (atomic_load(&silent))
		clock_sleep_ms(1);
	if (unknown)
		return -EIO;
	return gone ? -STORE_FENCED : 0;
}

static void submit(struct store *st, struct store_req *req)
{
	now_ms += slow_ms;
	if (req->op == STORE_READ || slow_ms || !(gone || unknown)) {
		store_submit(st->lower, req);
		return;
	}
	changes++;
	req->res = -EIO;
	req->done(req);
}

static int append(struct store *st, const char *name, const void *data,
		  size_t len, bool sync)
{
	changes += gone;
	return gone ? -EIO
		    : store_meta_append(st->lower, name, data, len, sync);
}

static void close_lower(struct store *st)
{
	store_close(st->lower);
	free(st);
}

static struct store *losing(struct store *lower)
{
	static const struct store_ops ops = { .name = "losing",
					      .submit = submit,
					      .close = close_lower,
					      .meta_append = append,
					      .prove = prove };
	struct store *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	store_wrap(st, &ops, lower);
	st->fence = STORE_FENCE_ALL;
	return st;
}

static unsigned told;

static void count(void *user)
{
	(void)user;
	told++;
}

static void start_losing_with(struct fixture *f, const char *cfg,
			      unsigned nr_workers)
{
	gone = unknown = false;
	atomic_store(&silent, false);
	changes = told = slow_ms = 0;
	fixture_wrap = losing;
	set_boot("machine-a");
	fixture_start(f, cfg, nr_workers);
	fixture_wrap = NULL;
	disk_on_fenced(f->disk, count, NULL);
	/* disk_try() tries, as it does over files. */
	f->disk->where.try_blocks = MAX_BLOCKS;
	f->disk->where.small_blocks = MAX_BLOCKS;
}

static void start_losing(struct fixture *f, const char *cfg)
{
	start_losing_with(f, cfg, 0);
}

/* Moved while both machines are well: what was carried out, but not answered
 * any more, is sent again. */
static void a_move_is_as_invisible(void **state)
{
	struct fixture f;

	(void)state;
	start_losing(&f, THROUGH);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
	disk_close(f.disk);
	set_boot("machine-b");
	fixture_open(&f, THROUGH, 0);
	assert_int_equal(f.disk->stats.n[DC_UNCLEAN_OPENS], 0);
	assert_int_equal(cond_of(&f, SEQ(1)), ZC_EXP_OPEN);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(wp_of(&f, SEQ(0)), SEQ(0) + 8);
	assert_false(disk_lost_power(f.disk));
	fixture_stop(&f);
}

/* A stop is one where nobody goes on: on the same machine, where no other one
 * has the directory, and without write_through. */
static void an_end_is_one(void **state)
{
	struct fixture f;

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		fixture_wrap = i == 2 ? NULL : losing;
		gone = unknown = false;
		set_boot("machine-a");
		fixture_start(&f, i == 1 ? FIXTURE_CFG : THROUGH, 0);
		fixture_wrap = NULL;
		assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
		assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
		disk_close(f.disk);
		if (i)
			set_boot("machine-b");
		fixture_open(&f, THROUGH, 0);
		assert_int_equal(cond_of(&f, SEQ(1)), ZC_EMPTY);
		refused(&f, SEQ(0), 1);
		fixture_stop(&f);
	}
}

/* From the first I/O that fails for it on, nothing reaches the store. */
static void found_out_by_an_io(void **state)
{
	struct fixture f;
	char why[256];

	(void)state;
	start_losing(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_false(disk_is_fenced(f.disk, why, sizeof(why)));
	gone = true;
	assert_int_equal(do_write(&f, SEQ(0) + 8, 8, 1), DISK_FENCED);
	assert_true(disk_is_fenced(f.disk, why, sizeof(why)));
	assert_string_equal(why, "this machine has lost its lock, and another "
				 "one may have the disk");
	assert_int_equal(told, 1);
	changes = 0;
	assert_int_equal(do_read(&f, SEQ(0), 8), DISK_FENCED);
	assert_int_equal(do_zone(&f, ZO_RESET, SEQ(0), false), DISK_FENCED);
	assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_FENCED);
	assert_int_equal(do_sync(&f), DISK_FENCED);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_FENCED);
	/* For good. */
	gone = false;
	assert_int_equal(do_write(&f, SEQ(1), 8, 1), DISK_FENCED);
	fixture_stop(&f);
	assert_int_equal(changes, 0);
	assert_int_equal(told, 1);
}

/* The device is removed and added on the same machine, or the daemon dies, and
 * nobody else has had the disk: what was in its cache is gone all the same. */
static void lost_power_by_that(void **state)
{
	char run_path[] = "/tmp/zloop-run-XXXXXX", cmd[64];
	struct fixture f;

	(void)state;
	assert_non_null(mkdtemp(run_path));
	setenv("ZLOOP_RUN_DIR", run_path, 1);
	fixture_notes = true;
	for (unsigned i = 0; i < 4; i++) {
		bool dies = i % 2, through = i / 2;

		start_losing(&f, through ? THROUGH : FIXTURE_CFG);
		assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
		assert_int_equal(do_zone(&f, ZO_OPEN, SEQ(1), false), DISK_OK);
		gone = true;
		disk_watch(f.disk);
		if (dies)
			disk_abandon(f.disk);
		else
			disk_close(f.disk);
		fixture_open(&f, FIXTURE_CFG, 0);
		assert_int_equal(disk_lost_power(f.disk), !through);
		assert_int_equal(cond_of(&f, SEQ(1)),
				 through ? ZC_EXP_OPEN : ZC_EMPTY);
		/* Once. */
		disk_told_power_loss(f.disk);
		disk_abandon(f.disk);
		fixture_open(&f, FIXTURE_CFG, 0);
		assert_false(disk_lost_power(f.disk));
		fixture_stop(&f);
	}
	fixture_notes = false;
	unsetenv("ZLOOP_RUN_DIR");
	snprintf(cmd, sizeof(cmd), "rm -r %s", run_path);
	assert_int_equal(system(cmd), 0);
}

/* No error is taken for it that has another reason. */
static void an_error_alone_proves_nothing(void **state)
{
	struct fixture f;

	(void)state;
	start_losing(&f, FIXTURE_CFG);
	unknown = true;
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_WRITE_ERROR);
	assert_false(disk_is_fenced(f.disk, NULL, 0));
	unknown = false;
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(told, 0);
	fixture_stop(&f);
}

static sem_t being_told;
static atomic_bool was_told;

static void take_long(void *user)
{
	(void)user;
	sem_post(&being_told);
	clock_sleep_ms(100);
	atomic_store(&was_told, true);
}

static void *watch(void *disk)
{
	disk_watch(disk);
	return NULL;
}

/* Who is told may be gone once it has said that it wants to hear no more. */
static void not_told_any_more(void **state)
{
	struct fixture f;
	pthread_t thread;

	(void)state;
	sem_init(&being_told, 0, 0);
	atomic_store(&was_told, false);
	start_losing(&f, FIXTURE_CFG);
	disk_on_fenced(f.disk, take_long, NULL);
	gone = true;
	assert_int_equal(pthread_create(&thread, NULL, watch, f.disk), 0);
	while (sem_wait(&being_told))
		;
	disk_on_fenced(f.disk, NULL, NULL);
	assert_true(atomic_load(&was_told));
	pthread_join(thread, NULL);
	fixture_stop(&f);
}

/* With nothing to do but watch, and by a sync that has nothing to sync. */
static void a_quiet_disk_finds_out(void **state)
{
	struct fixture f;

	(void)state;
	start_losing(&f, FIXTURE_CFG);
	assert_true(disk_is_watched(f.disk));
	disk_watch(f.disk);
	assert_int_equal(told, 0);
	gone = true;
	disk_watch(f.disk);
	assert_int_equal(told, 1);
	assert_int_equal(do_read(&f, 0, 1), DISK_FENCED);
	fixture_stop(&f);
	start_losing(&f, FIXTURE_CFG);
	assert_int_equal(do_sync(&f), DISK_OK);
	gone = true;
	assert_int_equal(do_sync(&f), DISK_FENCED);
	fixture_stop(&f);
	/* Where there is nothing to lose nobody asks. */
	fixture_start(&f, FIXTURE_CFG, 0);
	assert_false(disk_is_watched(f.disk));
	fixture_stop(&f);
}

/* Eight blocks; @sem is posted if they had to be submitted. */
struct some {
	uint8_t data[8 * BLOCK];
	struct iovec iov;
	struct disk_io io;
};

static void some_done(struct disk_io *io)
{
	sem_post(io->user);
}

static bool tried(struct fixture *f, struct some *s, enum disk_op op,
		  uint64_t lba)
{
	s->iov = (struct iovec){ s->data, sizeof(s->data) };
	s->io = rw_io(op, lba, 8, &s->iov);
	return disk_try(f->disk, &s->io);
}

static void submit_some(struct fixture *f, struct some *s, enum disk_op op,
			uint64_t lba, sem_t *sem)
{
	assert_false(tried(f, s, op, lba));
	s->io.done = some_done;
	s->io.user = sem;
	disk_submit(f->disk, &s->io);
}

/* Cut off from its storage only: nobody says that the lock is lost, and the
 * page cache would answer for ever. */
static void no_answer_is_none_either(void **state)
{
	static struct some read, zeros, write;
	struct fixture f;
	sem_t sem;

	(void)state;
	for (unsigned lost = 0; lost < 2; lost++) {
		sem_init(&sem, 0, 0);
		start_losing_with(&f, FIXTURE_CFG, 4);
		assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
		atomic_store(&silent, true);
		now_ms += FENCE_PROVEN_MS - 1;
		assert_true(tried(&f, &read, DISK_READ, SEQ(0)));
		assert_int_equal(read.io.status, DISK_OK);
		now_ms++;
		submit_some(&f, &read, DISK_READ, SEQ(0), &sem);
		submit_some(&f, &zeros, DISK_READ, SEQ(1), &sem);
		submit_some(&f, &write, DISK_WRITE, SEQ(0) + 8, &sem);
		clock_sleep_ms(50);
		assert_int_not_equal(sem_trywait(&sem), 0);
		gone = lost;
		atomic_store(&silent, false);
		for (unsigned i = 0; i < 3; i++)
			while (sem_wait(&sem))
				;
		assert_int_equal(read.io.status, lost ? DISK_FENCED : DISK_OK);
		assert_int_equal(zeros.io.status, read.io.status);
		assert_int_equal(write.io.status, read.io.status);
		/* Asked once, it is known. */
		if (!lost)
			assert_true(tried(&f, &read, DISK_READ, SEQ(0)));
		fixture_stop(&f);
		sem_destroy(&sem);
	}
}

/* The dirty limit has held back what was tried in the command's thread. */
static void one_that_took_too_long(void **state)
{
	static struct some write;
	struct fixture f;

	(void)state;
	start_losing(&f, FIXTURE_CFG);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	slow_ms = 2 * FENCE_PROVEN_MS;
	assert_true(tried(&f, &write, DISK_WRITE, SEQ(0) + 8));
	assert_int_equal(write.io.status, DISK_OK);
	slow_ms = 0;
	disk_watch(f.disk);
	slow_ms = 2 * FENCE_PROVEN_MS;
	gone = true;
	assert_true(tried(&f, &write, DISK_WRITE, SEQ(0) + 16));
	assert_int_equal(write.io.status, DISK_FENCED);
	fixture_stop(&f);
}

/*
 * The journal where names are not fenced.
 */

static unsigned left; /* bytes that still reach the file */

static int write_some(struct store *st, const char *name, uint64_t off,
		      const void *data, size_t len, bool sync)
{
	size_t part = len < left ? len : left;

	left -= (unsigned)part;
	if (part)
		store_meta_write(st->lower, name, off, data, part, sync);
	return part == len ? 0 : -EIO;
}

static void pass(struct store *st, struct store_req *req)
{
	store_submit(st->lower, req);
}

static struct store *tearing(struct store *lower)
{
	static const struct store_ops ops = { .name = "tearing",
					      .submit = pass,
					      .close = close_lower,
					      .meta_write = write_some };
	struct store *st = calloc(1, sizeof(*st));

	assert_non_null(st);
	store_wrap(st, &ops, lower);
	st->fence = STORE_FENCE_LOCKED;
	return st;
}

/* Sets one zone after the other READ ONLY, the journal rewritten before each
 * second one, until that fails.  Returns how many are. */
static uint32_t set_read_only(struct disk *d)
{
	uint32_t slot;

	for (slot = NR_CONV; slot < NR_ZONES; slot++) {
		struct inject_fault fault = {
			.kind = INJECT_READ_ONLY,
			.lba = (uint64_t)slot * ZONE,
			.nr_blocks = ZONE,
		};
		uint32_t id;

		if (slot % 2)
			d->journal.compact_at = d->journal.records;
		if (disk_fault_add(d, &fault, &id, NULL))
			break;
	}
	return slot - NR_CONV;
}

static uint32_t nr_read_only(struct disk *d)
{
	uint32_t n = 0;

	while (n < NR_ZONES - NR_CONV &&
	       zone_slot_cond(&d->zones, NR_CONV + n) == ZC_READ_ONLY)
		n++;
	for (uint32_t i = n; i < NR_ZONES - NR_CONV; i++)
		assert_int_equal(zone_slot_cond(&d->zones, NR_CONV + i),
				 ZC_EMPTY);
	return n;
}

/* Torn after @bytes; false: none was. */
static bool torn_after(unsigned bytes)
{
	struct fixture f;
	uint32_t done, there;
	bool torn;

	left = UINT32_MAX;
	fixture_wrap = tearing;
	fixture_start(&f, FIXTURE_CFG, 0);
	left = bytes;
	done = set_read_only(f.disk);
	torn = done < NR_ZONES - NR_CONV;
	disk_abandon(f.disk);
	left = UINT32_MAX;
	/* Twice, and once where names are as they should be. */
	for (unsigned i = 0; i < 3; i++) {
		fixture_wrap = i < 2 ? tearing : NULL;
		fixture_open(&f, FIXTURE_CFG, 0);
		there = nr_read_only(f.disk);
		if (there != done && there != done + torn)
			fail_msg("torn after %u bytes: %u of %u zones", bytes,
				 there, done);
		assert_null(f.disk->problems.first);
		disk_abandon(f.disk);
	}
	fixture_open(&f, FIXTURE_CFG, 0);
	fixture_stop(&f);
	fixture_wrap = NULL;
	return torn;
}

static void a_journal_in_place(void **state)
{
	unsigned bytes = 0;

	(void)state;
	while (torn_after(bytes))
		bytes += 8;
	assert_true(bytes > 1000);
}

/* It does not grow for ever, and a clean stop is one. */
static void it_stays_small(void **state)
{
	struct fixture f;
	void *data;
	size_t len;

	(void)state;
	left = UINT32_MAX;
	fixture_wrap = tearing;
	fixture_start(&f, FIXTURE_CFG, 0);
	for (unsigned i = 0; i < 100; i++) {
		fixture_reopen(&f, FIXTURE_CFG);
		assert_int_equal(f.disk->stats.n[DC_UNCLEAN_OPENS], 0);
		assert_int_equal(f.disk->stats.n[DC_OPENS], i + 2);
	}
	assert_int_equal(
		store_meta_read(f.disk->store, DISK_JOURNAL, &data, &len), 0);
	free(data);
	assert_true(len < 8192);
	fixture_stop(&f);
	fixture_wrap = NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(opened_zones_stay),
		T(without_it_power_is_lost),
		T(repeated_over_holes),
		T(repeated_is_written_again),
		T(repeated_to_the_end),
		T(what_is_no_repetition),
		T(told_once_though_opened_twice),
		T(repeated_to_the_second),
		T(repeated_no_longer),
		T(lost_power_by_that),
		T(found_out_by_an_io),
		T(an_error_alone_proves_nothing),
		T(not_told_any_more),
		T(a_quiet_disk_finds_out),
		T(no_answer_is_none_either),
		T(one_that_took_too_long),
		T(a_move_is_as_invisible),
		T(an_end_is_one),
		T(a_journal_in_place),
		T(it_stays_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
