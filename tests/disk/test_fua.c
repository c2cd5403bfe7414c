// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * READ with FUA: what it returned is there after a power failure, in zones of
 * every type, whatever came before it and beside it; and it syncs no more than
 * that takes.
 */
#include <errno.h>
#include <semaphore.h>

#include "base/num.h"
#include "disk/disk_fixture.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "stores/crash.h"

#define MANAGED FIXTURE_CFG ",discard_write_cache"
#define AWARE	MANAGED ",model=host-aware"

static struct fixture f;

/* The zone that a case is about. */
static struct place {
	const char *options;
	uint64_t lba;
	bool only_grows;
} places[] = {
	{ MANAGED, 0, false },
	{ MANAGED, SEQ(0), true },
	{ AWARE, SEQ(0), false },
};

/* How it is read. */
enum way {
	SUBMITTED,
	TRIED, /* first in the caller's thread */
	COMPARED,
	NR_WAYS,
};

/* All syncs fail from number @at on. */
static void arm(uint64_t at)
{
	struct store_fault_plan plan = { .fail_at = at,
					 .fail_count = UINT64_MAX,
					 .error = EIO,
					 .only = 1u << STORE_SYNC };

	store_fault_arm(f.fault, &plan);
}

static unsigned nr_syncs(void)
{
	return (unsigned)store_fault_calls(f.fault);
}

/* An I/O of eight blocks that something else goes on beside. */
static struct disk_io *beside(enum disk_op op, uint64_t lba, bool fua)
{
	static uint8_t data[8 * BLOCK];
	static struct iovec iov = { data, sizeof(data) };
	static struct disk_io io;

	io = rw_io(op, lba, 8, &iov);
	io.fua = fua;
	return &io;
}

static enum disk_status read_as(enum way way, bool fua, uint64_t lba,
				uint32_t blocks)
{
	struct iovec iov = { f.buf, (size_t)blocks * BLOCK };
	struct disk_io io = { .op = way == COMPARED ? DISK_COMPARE : DISK_READ,
			      .fua = fua,
			      .lba = lba,
			      .nr_blocks = blocks,
			      .iov = &iov,
			      .iov_cnt = way == COMPARED ? 0 : 1 };

	if (way != COMPARED)
		memset(f.buf, 0xee, iov.iov_len);
	if (way == TRIED && disk_try(f.disk, &io))
		return io.status;
	return disk_run(f.disk, &io);
}

static void take_all_back(void)
{
	static const struct disk_powerfail all = { .random = false };
	struct zl_err err;

	if (disk_powerfail(f.disk, &all, &err))
		fail_msg("%s", err.msg);
}

static void each(void (*test)(const struct place *w, enum way way))
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(places); i++) {
		for (unsigned way = 0; way < NR_WAYS; way++) {
			fixture_start(&f, places[i].options, 0);
			/* Then disk_try() tries, as it does over files. */
			f.disk->where.try_blocks = MAX_BLOCKS;
			/* Counts begin anywhere. */
			store_lost(f.disk->store,
				   (uint32_t)(places[i].lba / ZONE));
			test(&places[i], (enum way)way);
			fixture_stop(&f);
		}
	}
}

static void assert_there(const struct place *w, uint64_t lba, uint32_t blocks,
			 uint32_t tag)
{
	assert_int_equal(do_read(&f, w->lba + lba, blocks), DISK_OK);
	assert_filled(f.buf, w->lba + lba, blocks, tag);
}

static void written_one(const struct place *w, enum way way)
{
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(UINT64_MAX);
	assert_int_equal(read_as(way, true, w->lba + 2, 4), DISK_OK);
	assert_int_equal(nr_syncs(), 1);
	if (way != COMPARED)
		assert_filled(f.buf, w->lba + 2, 4, 1);
	/* That was all that there was to do. */
	assert_int_equal(read_as(way, true, w->lba, 8), DISK_OK);
	assert_int_equal(nr_syncs(), 1);
	take_all_back();
	assert_there(w, 0, 8, 1);
}

static void what_was_written(void **state)
{
	(void)state;
	each(written_one);
}

/* It syncs nothing, and what it returned may go. */
static void without_one(const struct place *w, enum way way)
{
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(UINT64_MAX);
	assert_int_equal(read_as(way, false, w->lba, 8), DISK_OK);
	assert_int_equal(nr_syncs(), 0);
	take_all_back();
	assert_int_equal(do_read(&f, w->lba, 8), DISK_OK);
	assert_zeros(f.buf, (size_t)8 * BLOCK);
}

static void without_fua(void **state)
{
	(void)state;
	each(without_one);
}

/* What else is dirty stays so: before it in a conventional zone, behind it in
 * any. */
static void elsewhere_one(const struct place *w, enum way way)
{
	bool conv = !w->lba;

	assert_int_equal(do_write(&f, w->lba, 16, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	assert_int_equal(do_write(&f, w->lba + 16, 8, 2), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(1), 8, 2), DISK_OK);
	arm(UINT64_MAX);
	assert_int_equal(read_as(way, true, w->lba, 16), DISK_OK);
	if (conv)
		assert_int_equal(read_as(way, true, w->lba + 24, 8), DISK_OK);
	assert_int_equal(nr_syncs(), 0);
	assert_int_equal(read_as(way, true, w->lba + 15, 2), DISK_OK);
	assert_int_equal(nr_syncs(), 1);
}

static void what_is_dirty_elsewhere(void **state)
{
	(void)state;
	each(elsewhere_one);
}

/* Zeros that a write has passed over are there since it. */
static void what_was_passed_over(void **state)
{
	(void)state;
	fixture_start(&f, AWARE, 0);
	assert_int_equal(do_write(&f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	assert_int_equal(do_write(&f, SEQ(0) + 16, 8, 2), DISK_OK);
	arm(UINT64_MAX);
	assert_int_equal(read_as(SUBMITTED, true, SEQ(0), 8), DISK_OK);
	assert_int_equal(nr_syncs(), 0);
	assert_int_equal(read_as(SUBMITTED, true, SEQ(0) + 4, 8), DISK_OK);
	assert_int_equal(nr_syncs(), 1);
	fixture_stop(&f);
}

/* Zeros are data as well: those that a reset, or UNMAP, left. */
static void emptied_one(const struct place *w, enum way way)
{
	struct disk_io io;

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	if (w->lba)
		assert_int_equal(do_zone(&f, ZO_RESET, w->lba, false), DISK_OK);
	else
		assert_int_equal(run_rw(&f, &io, DISK_UNMAP, 0, 8, false),
				 DISK_OK);
	assert_int_equal(read_as(way, true, w->lba + 4, 4), DISK_OK);
	take_all_back();
	assert_int_equal(do_read(&f, w->lba, 8), DISK_OK);
	assert_zeros(f.buf, (size_t)8 * BLOCK);
}

static void what_was_emptied(void **state)
{
	(void)state;
	each(emptied_one);
}

/* Zeros that FINISH makes readable, and a write pointer that moved over them.
 */
static void finished_one(const struct place *w, enum way way)
{
	if (!w->lba)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	assert_int_equal(do_zone(&f, ZO_FINISH, w->lba, false), DISK_OK);
	assert_int_equal(read_as(way, true, w->lba + 100, 4), DISK_OK);
	take_all_back();
	assert_int_equal(cond_of(&f, w->lba), ZC_FULL);
}

static void what_was_finished(void **state)
{
	(void)state;
	each(finished_one);
}

/* Each slot that is read is synced, if there is something to sync. */
static void over_zones(void **state)
{
	(void)state;
	for (unsigned way = 0; way < NR_WAYS; way++) {
		fixture_start(&f, AWARE, 0);
		f.disk->where.try_blocks = MAX_BLOCKS;
		assert_int_equal(do_write(&f, ZONE - 4, 8, 1), DISK_OK);
		assert_int_equal(do_write(&f, SEQ(0) - 4, 8, 2), DISK_OK);
		arm(UINT64_MAX);
		assert_int_equal(read_as(way, true, ZONE - 4, ZONE + 8),
				 DISK_OK);
		assert_int_equal(nr_syncs(), 3);
		take_all_back();
		assert_int_equal(do_read(&f, ZONE - 4, 8), DISK_OK);
		assert_filled(f.buf, ZONE - 4, 8, 1);
		assert_int_equal(do_read(&f, SEQ(0) - 4, 8), DISK_OK);
		assert_filled(f.buf, SEQ(0) - 4, 8, 2);
		fixture_stop(&f);
	}
}

/* A write error, since that is what it is; what it was to write is lost. */
static void fails_one(const struct place *w, enum way way)
{
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(0);
	assert_int_equal(read_as(way, true, w->lba + 2, 4), DISK_WRITE_ERROR);
	arm(UINT64_MAX);
	assert_int_equal(read_as(way, true, w->lba + 2, 4), DISK_READ_ERROR);
	assert_int_equal(read_as(way, false, w->lba + 2, 4), DISK_READ_ERROR);
}

static void a_sync_that_fails(void **state)
{
	(void)state;
	each(fails_one);
}

/* COMPARE AND WRITE: that the blocks differ is known, and so they stay. */
static void compare_and_write(void **state)
{
	struct iovec iov;
	struct disk_io io;

	(void)state;
	for (unsigned fua = 0; fua < 2; fua++) {
		fixture_start(&f, MANAGED, 0);
		assert_int_equal(do_write(&f, 4, 4, 1), DISK_OK);
		iov = (struct iovec){ f.buf, (size_t)8 * BLOCK };
		memset(f.buf, 'x', iov.iov_len);
		io = (struct disk_io){ .op = DISK_COMPARE_WRITE,
				       .fua = fua,
				       .lba = 4,
				       .nr_blocks = 4,
				       .iov = &iov,
				       .iov_cnt = 1 };
		arm(UINT64_MAX);
		assert_int_equal(disk_run(f.disk, &io), DISK_MISCOMPARE);
		assert_int_equal(nr_syncs(), fua);
		take_all_back();
		assert_int_equal(do_read(&f, 4, 4), DISK_OK);
		if (fua)
			assert_filled(f.buf, 4, 4, 1);
		else
			assert_zeros(f.buf, (size_t)4 * BLOCK);
		fixture_stop(&f);
	}
}

/*
 * Beside others: a request of the store below waits, when it has been carried
 * out, until it is let go.
 */
static struct {
	const struct store_ops *real;
	enum store_op op;
	bool on;
	void (*done)(struct store_req *req);
	sem_t there, go;
} held;

static void held_done(struct store_req *req)
{
	req->done = held.done;
	sem_post(&held.there);
	sem_wait(&held.go);
	req->done(req);
}

static void held_submit(struct store *st, struct store_req *req)
{
	if (held.on && req->op == held.op) {
		held.on = false;
		held.done = req->done;
		req->done = held_done;
	}
	held.real->submit(st, req);
}

static void *run_held(void *arg)
{
	disk_run(f.disk, arg);
	return NULL;
}

/* Until its request waits. */
static void begin_held(pthread_t *thread, struct disk_io *io, enum store_op op)
{
	static struct store_ops ops;

	held.real = f.disk->store->ops;
	ops = *held.real;
	ops.submit = held_submit;
	f.disk->store->ops = &ops;
	held.op = op;
	held.on = true;
	sem_init(&held.there, 0, 0);
	sem_init(&held.go, 0, 0);
	assert_int_equal(pthread_create(thread, NULL, run_held, io), 0);
	sem_wait(&held.there);
	f.disk->store->ops = held.real;
}

static void end_held(pthread_t thread)
{
	sem_post(&held.go);
	pthread_join(thread, NULL);
}

/* What a write has changed that is not over. */
static void changing_one(const struct place *w, enum way way)
{
	struct disk_io *io = beside(DISK_WRITE, w->lba, false);
	pthread_t thread;

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	if (w->only_grows)
		io->lba += 8;
	fill(io->iov->iov_base, io->lba, 8, 2);
	begin_held(&thread, io, STORE_WRITE);
	assert_int_equal(read_as(way, true, w->lba, 8), DISK_OK);
	if (way != COMPARED)
		assert_filled(f.buf, w->lba, 8, io->lba == w->lba ? 2 : 1);
	end_held(thread);
	assert_int_equal(io->status, DISK_OK);
	take_all_back();
	assert_there(w, 0, 8, io->lba == w->lba ? 2 : 1);
}

static void what_is_being_written(void **state)
{
	(void)state;
	each(changing_one);
}

/* A sync under way has failed already, which nobody knows yet. */
static void failing_one(const struct place *w, enum way way)
{
	struct disk_io sync = { .op = DISK_SYNC };
	pthread_t thread;

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(0);
	begin_held(&thread, &sync, STORE_SYNC);
	arm(UINT64_MAX);
	assert_int_equal(read_as(way, true, w->lba, 8), DISK_READ_ERROR);
	end_held(thread);
	assert_int_equal(sync.status, DISK_WRITE_ERROR);
	assert_int_equal(read_as(way, true, w->lba, 8), DISK_READ_ERROR);
}

static void beside_a_sync_that_fails(void **state)
{
	(void)state;
	each(failing_one);
}

/* … and neither a FUA write, which makes all of its zone durable, nor another
 * SYNCHRONIZE CACHE is told otherwise. */
static void nor_a_write_one(const struct place *w, enum way way)
{
	struct disk_io sync = { .op = DISK_SYNC };
	enum disk_status status;
	pthread_t thread;

	if (way != SUBMITTED || !w->lba)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(0);
	begin_held(&thread, &sync, STORE_SYNC);
	arm(UINT64_MAX);
	status = do_write_fua(&f, w->lba + 8, 8, 2);
	end_held(thread);
	assert_int_equal(status, DISK_WRITE_ERROR);
	assert_int_equal(do_write_fua(&f, wp_of(&f, w->lba), 8, 2), DISK_OK);
}

static void nor_a_write(void **state)
{
	(void)state;
	each(nor_a_write_one);
}

static void nor_a_sync_one(const struct place *w, enum way way)
{
	struct disk_io *io = beside(DISK_WRITE, w->lba + 8, true);
	enum disk_status status;
	pthread_t thread;

	if (way != SUBMITTED || !w->lba)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(0);
	begin_held(&thread, io, STORE_SYNC);
	arm(UINT64_MAX);
	status = do_sync(&f);
	end_held(thread);
	assert_int_equal(io->status, DISK_WRITE_ERROR);
	assert_int_equal(status, DISK_WRITE_ERROR);
	assert_int_equal(do_read(&f, w->lba, 8), DISK_READ_ERROR);
}

static void nor_a_sync(void **state)
{
	(void)state;
	each(nor_a_sync_one);
}

/* But that ends with the one that failed, however they overlap. */
static void no_chain_of_failures(void **state)
{
	struct sync_part first, second, third;

	(void)state;
	fixture_start(&f, MANAGED, 0);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	pthread_mutex_lock(&f.disk->lock);
	sync_begin(f.disk, 0, slot_losses(f.disk, 0), &first);
	store_lost(f.disk->store, 0);
	sync_begin(f.disk, 0, slot_losses(f.disk, 0), &second);
	pthread_mutex_unlock(&f.disk->lock);
	assert_int_equal(sync_end(f.disk, &first, -EIO), -EIO);
	pthread_mutex_lock(&f.disk->lock);
	sync_begin(f.disk, 0, slot_losses(f.disk, 0), &third);
	pthread_mutex_unlock(&f.disk->lock);
	assert_int_equal(sync_end(f.disk, &second, 0), -EIO);
	assert_int_equal(sync_end(f.disk, &third, 0), 0);
	fixture_stop(&f);
}

/* … or may fail yet. */
static void syncing_one(const struct place *w, enum way way)
{
	struct disk_io sync = { .op = DISK_SYNC };
	pthread_t thread;

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	arm(UINT64_MAX);
	begin_held(&thread, &sync, STORE_SYNC);
	assert_int_equal(nr_syncs(), 1);
	assert_int_equal(read_as(way, true, w->lba, 8), DISK_OK);
	assert_int_equal(nr_syncs(), 2);
	end_held(thread);
	assert_int_equal(sync.status, DISK_OK);
}

static void beside_a_sync(void **state)
{
	(void)state;
	each(syncing_one);
}

/* … or fails, and is over, while the read is under way. */
static void failed_one(const struct place *w, enum way way)
{
	struct disk_io *io = beside(DISK_READ, w->lba, true);
	pthread_t thread;

	if (way != SUBMITTED)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	begin_held(&thread, io, STORE_READ);
	arm(0);
	assert_int_equal(do_sync(&f), DISK_WRITE_ERROR);
	arm(UINT64_MAX);
	end_held(thread);
	assert_int_equal(io->status, DISK_WRITE_ERROR);
}

static void a_sync_fails_meanwhile(void **state)
{
	(void)state;
	each(failed_one);
}

/* Or it had failed before, which is found out meanwhile. */
static void lost_one(const struct place *w, enum way way)
{
	struct disk_io *io = beside(DISK_READ, w->lba, true);
	pthread_t thread;

	if (way != SUBMITTED)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	begin_held(&thread, io, STORE_READ);
	store_lost(f.disk->store, (uint32_t)(w->lba / ZONE));
	assert_int_equal(do_sync(&f), DISK_WRITE_ERROR);
	end_held(thread);
	assert_int_equal(io->status, DISK_WRITE_ERROR);
}

/* Before anybody has found it, but after it was there. */
static void unfound_one(const struct place *w, enum way way)
{
	struct disk_io *io = beside(DISK_READ, w->lba, true);

	if (way != SUBMITTED)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	store_lost(f.disk->store, (uint32_t)(w->lba / ZONE));
	assert_false(disk_try(f.disk, io));
	assert_int_equal(disk_run(f.disk, io), DISK_READ_ERROR);
}

/* A sync of it is under way that will find that another one has failed, which
 * may have had what it is for. */
static void begin_lost_sync(const struct place *w, struct sync_part *sync)
{
	uint32_t slot = (uint32_t)(w->lba / ZONE);

	pthread_mutex_lock(&f.disk->lock);
	sync_begin(f.disk, slot, slot_losses(f.disk, slot), sync);
	store_lost(f.disk->store, slot);
	pthread_mutex_unlock(&f.disk->lock);
}

/* … while what was written is read. */
static struct disk_io *read_beside_loss(const struct place *w, bool fua,
					pthread_t *thread,
					struct sync_part *sync)
{
	struct disk_io *io = beside(DISK_READ, w->lba, fua);

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	begin_held(thread, io, STORE_READ);
	begin_lost_sync(w, sync);
	return io;
}

/* … or is told of it. */
static void told_one(const struct place *w, enum way way)
{
	struct sync_part sync;
	struct disk_io *io;
	pthread_t thread;

	if (way != SUBMITTED)
		return;
	io = read_beside_loss(w, true, &thread, &sync);
	assert_int_equal(sync_end(f.disk, &sync, -EIO), -EIO);
	end_held(thread);
	assert_int_equal(io->status, DISK_WRITE_ERROR);
}

static void a_loss_is_found_meanwhile(void **state)
{
	(void)state;
	each(lost_one);
	each(unfound_one);
	each(told_one);
}

/* What is lost may have left the page cache already: no READ at all is GOOD
 * with what is older. */
static void older_one(const struct place *w, enum way way)
{
	struct sync_part sync;

	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	begin_lost_sync(w, &sync);
	assert_int_equal(read_as(way, false, w->lba + 2, 4), DISK_READ_ERROR);
	assert_int_equal(read_as(way, true, w->lba + 2, 4), DISK_READ_ERROR);
	assert_int_equal(sync_end(f.disk, &sync, 0), -EIO);
	assert_int_equal(read_as(way, false, w->lba + 2, 4), DISK_READ_ERROR);
}

/* The loss comes while it is read. */
static void older_meanwhile_one(const struct place *w, enum way way)
{
	struct sync_part sync;
	struct disk_io *io;
	pthread_t thread;

	if (way != SUBMITTED)
		return;
	io = read_beside_loss(w, false, &thread, &sync);
	end_held(thread);
	assert_int_equal(io->status, DISK_READ_ERROR);
	assert_int_equal(sync_end(f.disk, &sync, -EIO), -EIO);
}

static void nothing_older_is_read(void **state)
{
	(void)state;
	each(older_one);
	each(older_meanwhile_one);
}

/* What was written since the loss is no part of it. */
static void rewritten_beside_one(const struct place *w, enum way way)
{
	/* With FUA all of a zone with a write pointer is to be durable. */
	bool fua = way == SUBMITTED && !w->lba;
	struct disk_io *io = beside(DISK_WRITE, w->lba, fua);
	struct sync_part sync;

	if (way == COMPARED)
		return;
	assert_int_equal(do_write(&f, w->lba, 8, 1), DISK_OK);
	begin_lost_sync(w, &sync);
	if (w->only_grows)
		assert_int_equal(do_zone(&f, ZO_RESET, w->lba, false), DISK_OK);
	fill(io->iov->iov_base, w->lba, 8, 2);
	if (way != TRIED || !disk_try(f.disk, io))
		disk_run(f.disk, io);
	assert_int_equal(io->status, DISK_OK);
	assert_int_equal(sync_end(f.disk, &sync, 0), -EIO);
	assert_there(w, 0, 8, 2);
	assert_int_equal(do_sync(&f), DISK_OK);
}

static void what_is_rewritten_is_good(void **state)
{
	(void)state;
	each(rewritten_beside_one);
}

/* A simulated power failure waits for it. */
static void not_in_the_middle(void **state)
{
	struct disk_io *io = beside(DISK_READ, 0, true);
	static const struct disk_powerfail all = { .random = false };
	unsigned was_ms = turn_wait_ms;
	struct zl_err err;
	pthread_t thread;

	(void)state;
	fixture_start(&f, MANAGED, 0);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	begin_held(&thread, io, STORE_READ);
	turn_wait_ms = 20;
	assert_int_equal(disk_powerfail(f.disk, &all, &err), -EBUSY);
	turn_wait_ms = was_ms;
	end_held(thread);
	assert_int_equal(io->status, DISK_OK);
	/* Nor is one tried while it is under way. */
	f.disk->where.try_blocks = MAX_BLOCKS;
	assert_true(disk_try(f.disk, io));
	assert_int_equal(hold_stop(f.disk), 0);
	assert_false(disk_try(f.disk, io));
	hold_resume(f.disk);
	fixture_stop(&f);
}

/*
 * A real one: the journal says that blocks are bad, and does not durably say
 * that they have been rewritten.
 */
static struct disk *open_crash(struct store_crash *c)
{
	struct disk_open_args args = { .may_make = true };
	struct store *st = store_crash_open(c);
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d;

	args.size_bytes = CAPACITY * BLOCK;
	assert_int_equal(disk_opts_parse(&opts, FIXTURE_CFG,
					 strlen(FIXTURE_CFG), ',', false, &err),
			 0);
	args.opts = &opts;
	if (disk_open_store(st, "test", &args, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

static void be_bad(uint32_t lo, uint32_t hi)
{
	pthread_mutex_lock(&f.disk->lock);
	slot_add_bad(f.disk, 0, lo, hi);
	pthread_mutex_unlock(&f.disk->lock);
	assert_int_equal(slot_tell_bad(f.disk, 0, true), 0);
}

static void rewritten_one(bool fua)
{
	struct store_crash *c = store_crash_new();
	enum disk_status status;

	f.buf = calloc(MAX_BLOCKS, BLOCK);
	f.disk = open_crash(c);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	be_bad(0, 8);
	assert_int_equal(do_read(&f, 0, 8), DISK_READ_ERROR);
	assert_int_equal(do_write(&f, 0, 8, 2), DISK_OK);
	assert_int_equal(read_as(SUBMITTED, fua, 0, 8), DISK_OK);
	disk_abandon(f.disk);
	store_crash_cycle(c, STORE_CRASH_KEEP_NOTHING, 0);
	f.disk = open_crash(c);
	status = do_read(&f, 0, 8);
	assert_int_equal(status, fua ? DISK_OK : DISK_READ_ERROR);
	if (fua)
		assert_filled(f.buf, 0, 8, 2);
	disk_close(f.disk);
	store_crash_free(c);
	free(f.buf);
}

static void what_had_been_bad(void **state)
{
	(void)state;
	rewritten_one(false);
	rewritten_one(true);
}

/* As a write leaves it that is about to tell the journal that what it has
 * rewritten is no longer bad; or is at it (@telling). */
static void be_rewritten(uint32_t lo, uint32_t hi, bool telling)
{
	struct disk_slot *s = &f.disk->slots.at[0];

	pthread_mutex_lock(&f.disk->lock);
	assert_int_equal(slot_clear_bad(f.disk, 0, lo, hi), 0);
	if (telling) {
		s->flags &= (uint16_t) ~(SLOT_BAD_NEWS | SLOT_BAD_LESS);
		s->telling = s->telling_less = 1;
	}
	pthread_mutex_unlock(&f.disk->lock);
}

static void told_yet_one(bool telling, enum way way)
{
	struct store_crash *c = store_crash_new();

	f.buf = calloc(MAX_BLOCKS, BLOCK);
	f.disk = open_crash(c);
	f.disk->where.try_blocks = MAX_BLOCKS;
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	assert_int_equal(do_sync(&f), DISK_OK);
	be_bad(0, 8);
	be_rewritten(0, 8, telling);
	assert_int_equal(read_as(way, true, 0, 8), DISK_OK);
	disk_abandon(f.disk);
	store_crash_cycle(c, STORE_CRASH_KEEP_NOTHING, 0);
	f.disk = open_crash(c);
	assert_int_equal(do_read(&f, 0, 8), DISK_OK);
	disk_close(f.disk);
	store_crash_free(c);
	free(f.buf);
}

static void what_is_being_told(void **state)
{
	(void)state;
	for (unsigned way = SUBMITTED; way <= TRIED; way++) {
		told_yet_one(false, (enum way)way);
		told_yet_one(true, (enum way)way);
	}
}

/* Of what the journal is told at once, each sector may be there or not. */
static void what_stays_bad(void **state)
{
	struct store_crash *c;

	(void)state;
	f.buf = calloc(MAX_BLOCKS, BLOCK);
	for (uint64_t seed = 0; seed < 40; seed++) {
		c = store_crash_new();
		f.disk = open_crash(c);
		be_bad(0, 8);
		be_bad(100, 108);
		while (f.disk->journal.records % 16 != 15)
			assert_int_equal(journal_append(&f.disk->journal,
							JR_COUNTER, 0, 1, true),
					 0);
		assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
		assert_int_equal(do_read(&f, 0, 8), DISK_OK);
		disk_abandon(f.disk);
		store_crash_cycle(c, STORE_CRASH_KEEP_RANDOM, seed);
		f.disk = open_crash(c);
		assert_int_equal(do_read(&f, 100, 8), DISK_READ_ERROR);
		disk_close(f.disk);
		store_crash_free(c);
	}
	free(f.buf);
}

/* Nor does a write with FUA after the one that has rewritten them. */
static void what_is_written_once_more(void **state)
{
	struct store_crash *c = store_crash_new();

	(void)state;
	f.buf = calloc(MAX_BLOCKS, BLOCK);
	f.disk = open_crash(c);
	be_bad(0, 8);
	assert_int_equal(do_write(&f, 0, 8, 1), DISK_OK);
	assert_int_equal(do_write_fua(&f, 0, 8, 2), DISK_OK);
	disk_abandon(f.disk);
	store_crash_cycle(c, STORE_CRASH_KEEP_NOTHING, 0);
	f.disk = open_crash(c);
	assert_int_equal(do_read(&f, 0, 8), DISK_OK);
	assert_filled(f.buf, 0, 8, 2);
	disk_close(f.disk);
	store_crash_free(c);
	free(f.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written),
		cmocka_unit_test(without_fua),
		cmocka_unit_test(what_is_dirty_elsewhere),
		cmocka_unit_test(what_was_passed_over),
		cmocka_unit_test(what_was_emptied),
		cmocka_unit_test(what_was_finished),
		cmocka_unit_test(over_zones),
		cmocka_unit_test(a_sync_that_fails),
		cmocka_unit_test(compare_and_write),
		cmocka_unit_test(what_is_being_written),
		cmocka_unit_test(beside_a_sync_that_fails),
		cmocka_unit_test(nor_a_write),
		cmocka_unit_test(nor_a_sync),
		cmocka_unit_test(no_chain_of_failures),
		cmocka_unit_test(beside_a_sync),
		cmocka_unit_test(a_sync_fails_meanwhile),
		cmocka_unit_test(a_loss_is_found_meanwhile),
		cmocka_unit_test(nothing_older_is_read),
		cmocka_unit_test(what_is_rewritten_is_good),
		cmocka_unit_test(not_in_the_middle),
		cmocka_unit_test(what_had_been_bad),
		cmocka_unit_test(what_is_being_told),
		cmocka_unit_test(what_stays_bad),
		cmocka_unit_test(what_is_written_once_more),
	};

	return cmocka_run_group_tests_name("disk/fua", tests, NULL, NULL);
}
