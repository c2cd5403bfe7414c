// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What is slow holds up nothing else: while a file's read, sync, reset or
 * finish hangs in a worker, or a write where slow ones are to be expected, all
 * other zones are read and written, and all are reported.  A test that is held
 * up hangs, and is ended by SIGALRM.
 */
#include "disk/io/io.h"
#include "disk/io/where.h"
#include "disk_fixture.h"

#include <errno.h>
#include <semaphore.h>
#include <unistd.h>

#define NR_WORKERS 2
#define SLOW	   SEQ(0)
#define OTHER	   SEQ(3)

/* The store's first request of this kind for the slow zone hangs until told
 * not to; tries that must not block do not. */
static struct store_ops slow_ops;
static const struct store_ops *real_ops;
static enum store_op slow_op;
static atomic_bool armed;
static sem_t hangs, go_on;

static void slow_submit(struct store *st, struct store_req *req)
{
	bool is_it = req->op == slow_op && req->slot == NR_CONV;

	if (is_it && req->flags & STORE_NOWAIT && atomic_load(&armed)) {
		req->res = -EAGAIN;
		req->done(req);
		return;
	}
	if (is_it && atomic_exchange(&armed, false)) {
		sem_post(&hangs);
		while (sem_wait(&go_on))
			;
	}
	real_ops->submit(st, req);
}

static void slow_done(struct disk_io *io)
{
	sem_post(io->user);
}

struct slow {
	const char *name;
	enum store_op store_op;
	struct disk_io io;
	bool changes_all; /* other sequential zones may have to wait */
	bool after_slow;  /* writes are expected to wait */
};

static const struct slow cases[] = {
	{ "a read that misses the page cache",
	  STORE_READ,
	  { .op = DISK_READ, .lba = SLOW, .nr_blocks = 8 },
	  false },
	{ "a write after a slow one",
	  STORE_WRITE,
	  { .op = DISK_WRITE, .lba = SLOW + 8, .nr_blocks = 8 },
	  false,
	  true },
	{ "a write with FUA",
	  STORE_SYNC,
	  { .op = DISK_WRITE, .lba = SLOW + 8, .nr_blocks = 8, .fua = true },
	  false },
	{ "SYNCHRONIZE CACHE", STORE_SYNC, { .op = DISK_SYNC }, false },
	{ "RESET",
	  STORE_RESET,
	  { .op = DISK_ZONE, .lba = SLOW, .zone_op = ZO_RESET },
	  false },
	{ "FINISH",
	  STORE_FINISH,
	  { .op = DISK_ZONE, .lba = SLOW, .zone_op = ZO_FINISH },
	  false },
	{ "RESET ALL",
	  STORE_RESET,
	  { .op = DISK_ZONE, .zone_op = ZO_RESET, .zone_all = true },
	  true },
	{ "FINISH ALL",
	  STORE_FINISH,
	  { .op = DISK_ZONE, .zone_op = ZO_FINISH, .zone_all = true },
	  true },
};

/* As the handler does it. */
static enum disk_status run(struct fixture *f, enum disk_op op, uint64_t lba)
{
	struct iovec iov = { f->buf, 8 * BLOCK };
	struct disk_io io = {
		.op = op, .lba = lba, .nr_blocks = 8, .iov = &iov, .iov_cnt = 1
	};

	return disk_try(f->disk, &io) ? io.status : disk_run(f->disk, &io);
}

static bool count(void *user, const struct zone_info *info)
{
	(void)info;
	++*(unsigned *)user;
	return true;
}

static void everything_else(struct fixture *f, const struct slow *c)
{
	struct disk_stats stats;
	unsigned zones = 0;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(run(f, DISK_WRITE, 8 * (uint64_t)i), DISK_OK);
		assert_int_equal(run(f, DISK_READ, 8 * (uint64_t)i), DISK_OK);
		assert_int_equal(run(f, DISK_READ, OTHER), DISK_OK);
	}
	if (!c->changes_all)
		for (unsigned i = 0; i < 20; i++)
			assert_int_equal(run(f, DISK_WRITE, OTHER + 8 + 8 * i),
					 DISK_OK);
	disk_each_zone(f->disk, 0, count, &zones);
	assert_int_equal(zones, NR_ZONES);
	disk_get_stats(f->disk, &stats);
}

static void hang_in(struct fixture *f, const struct slow *c)
{
	static uint8_t data[8 * BLOCK];
	struct iovec iov = { data, sizeof(data) };
	struct disk_io io = c->io;
	sem_t over;

	print_message("%s\n", c->name);
	assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
	assert_int_equal(run(f, DISK_WRITE, SLOW), DISK_OK);
	assert_int_equal(run(f, DISK_WRITE, OTHER), DISK_OK);
	sem_init(&over, 0, 0);
	if (io.nr_blocks) {
		io.iov = &iov;
		io.iov_cnt = 1;
	}
	io.done = slow_done;
	io.user = &over;
	if (c->after_slow)
		where_waited(&f->disk->where, 0, meter_clock_ns());
	slow_op = c->store_op;
	atomic_store(&armed, true);
	if (!disk_try(f->disk, &io))
		disk_submit(f->disk, &io);
	while (sem_wait(&hangs))
		;
	everything_else(f, c);
	assert_int_equal(sem_trywait(&over), -1);
	sem_post(&go_on);
	while (sem_wait(&over))
		;
	assert_int_equal(io.status, DISK_OK);
	sem_destroy(&over);
}

static void nothing_waits_for_what_is_slow(void **state)
{
	struct fixture f;

	(void)state;
	alarm(120);
	sem_init(&hangs, 0, 0);
	sem_init(&go_on, 0, 0);
	fixture_start(&f, FIXTURE_CFG, NR_WORKERS);
	real_ops = f.fault->ops;
	slow_ops = *real_ops;
	slow_ops.submit = slow_submit;
	f.fault->ops = &slow_ops;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		hang_in(&f, &cases[i]);
	f.fault->ops = real_ops;
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_waits_for_what_is_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
