// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The simulated power failure between any two requests that an I/O makes of the
 * store, and between the last one and its completion: an I/O is before the
 * failure or after it, as a whole, while others run beside it.
 */
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "stores/mem.h"

#define BLOCK	   512u
#define ZONE	   256u /* blocks */
#define ZONES	   13u
#define CONV	   5u /* conventional ones */
#define HALF	   (ZONE / 2)
#define MAX_BLOCKS (2 * ZONE)
#define SEQ_LBA	   (CONV * ZONE)

/* Zones of the I/O that the power fails in; others have the others. */
static const uint32_t mine[] = { 0, 1, 4, 5, 6, 7 };

struct machine {
	struct store_mem *mem;
	struct disk *disk;
	uint8_t buf[MAX_BLOCKS * BLOCK];
};

/* What the zones have that are mine. */
struct picture {
	uint64_t wp_lba[ZL_ARRAY_SIZE(mine)];
	uint8_t data[ZL_ARRAY_SIZE(mine)][ZONE * BLOCK];
};

static enum disk_status run(struct machine *m, struct disk_io io, int c)
{
	struct iovec iov = { m->buf, (size_t)io.nr_blocks * BLOCK };

	if (io.op == DISK_WRITE || io.op == DISK_READ) {
		io.iov = &iov;
		io.iov_cnt = 1;
		memset(m->buf, c, iov.iov_len);
	}
	return disk_run(m->disk, &io);
}

static void write_at(struct machine *m, uint64_t lba, uint32_t nr, int c)
{
	struct disk_io io = { .op = DISK_WRITE, .lba = lba, .nr_blocks = nr };

	assert_int_equal(run(m, io, c), DISK_OK);
}

static void sync_all(struct machine *m)
{
	assert_int_equal(run(m, (struct disk_io){ .op = DISK_SYNC }, 0),
			 DISK_OK);
}

static void write_sidecar(struct store *st, bool host_aware)
{
	struct disk_meta meta = {
		.serial = "0123456789abcdef",
		.capacity_bytes = ZONES * ZONE * BLOCK,
		.zone_bytes = ZONE * BLOCK,
		.zone_cap_bytes = ZONE * BLOCK,
		.conv_zones = CONV,
		.block_bytes = BLOCK,
		.phys_block_bytes = BLOCK,
		.urswrz = true,
		.host_aware = host_aware,
	};

	meta_derive(&meta);
	assert_int_equal(sidecar_write(st, &meta, SIDECAR_CREATING), 0);
}

/* The conventional zones of mine are full of 'o', and so are half of the first
 * two others, and all of the third: safe. */
static void start(struct machine *m, bool host_aware)
{
	struct disk_open_args args = { .may_make = true, .nr_workers = 3 };
	const char *opt = "discard_write_cache";
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct store *st;

	assert_int_equal(
		disk_opts_parse(&opts, opt, strlen(opt), '/', true, &err), 0);
	args.opts = &opts;
	m->mem = store_mem_new();
	st = store_mem_open(m->mem);
	write_sidecar(st, host_aware);
	assert_int_equal(disk_open_store(st, "test", &args, &m->disk, &err), 0);
	write_at(m, 0, 2 * ZONE, 'o');
	write_at(m, SEQ_LBA - ZONE, ZONE, 'o');
	write_at(m, SEQ_LBA, HALF, 'o');
	write_at(m, SEQ_LBA + ZONE, HALF, 'o');
	write_at(m, SEQ_LBA + 2 * ZONE, ZONE, 'o');
	sync_all(m);
}

static void stop(struct machine *m)
{
	disk_close(m->disk);
	store_mem_free(m->mem);
}

static void look(struct machine *m, struct picture *p)
{
	struct disk_io io = { .op = DISK_READ, .nr_blocks = ZONE };
	struct zone_info info;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(mine); i++) {
		io.lba = (uint64_t)mine[i] * ZONE;
		disk_zone_at(m->disk, io.lba, &info);
		p->wp_lba[i] = info.wp_lba;
		assert_int_equal(run(m, io, 0), DISK_OK);
		memcpy(p->data[i], m->buf, sizeof(p->data[i]));
	}
}

static bool is_same(const struct picture *a, const struct picture *b)
{
	return !memcmp(a->wp_lba, b->wp_lba, sizeof(a->wp_lba)) &&
	       !memcmp(a->data, b->data, sizeof(a->data));
}

static int take_all_back(struct disk *d)
{
	static const struct disk_powerfail all = { .random = false };
	struct zl_err err;

	return disk_powerfail(d, &all, &err);
}

/*
 * The I/Os.
 */

enum model {
	BOTH,
	MANAGED,
	AWARE
};

struct kind {
	const char *name;
	struct disk_io io;
	size_t pieces; /* buffers that the data is in */
	enum model model;
	bool unsynced; /* other writes come before, and are not synced */
	bool in_part;  /* some of it may be durable and the rest not */
	bool durable;  /* once it is over */
};

static const struct kind kinds[] = {
	{ "write over two conventional zones",
	  { .op = DISK_WRITE, .lba = ZONE - 8, .nr_blocks = 16 },
	  .pieces = 1 },
	{ "write of many buffers",
	  { .op = DISK_WRITE, .lba = ZONE - 12, .nr_blocks = 20 },
	  .pieces = 20 },
	{ "write with FUA over two conventional zones",
	  { .op = DISK_WRITE, .fua = true, .lba = ZONE - 8, .nr_blocks = 16 },
	  .pieces = 1 },
	{ "write of one request",
	  { .op = DISK_WRITE, .lba = 8, .nr_blocks = 8 },
	  .pieces = 1 },
	{ "write at a write pointer",
	  { .op = DISK_WRITE, .lba = SEQ_LBA + HALF, .nr_blocks = 8 },
	  .pieces = 1 },
	{ "write with FUA at a write pointer",
	  { .op = DISK_WRITE,
	    .fua = true,
	    .lba = SEQ_LBA + HALF,
	    .nr_blocks = 8 },
	  .pieces = 1 },
	{ "write over two preferred zones",
	  { .op = DISK_WRITE, .lba = SEQ_LBA + HALF, .nr_blocks = ZONE },
	  .pieces = 1,
	  .model = AWARE },
	{ "write from a conventional zone to a preferred one",
	  { .op = DISK_WRITE, .lba = SEQ_LBA - 4, .nr_blocks = 8 },
	  .pieces = 1,
	  .model = AWARE },
	{ "write with FUA over two preferred zones",
	  { .op = DISK_WRITE,
	    .fua = true,
	    .lba = SEQ_LBA + ZONE - 8,
	    .nr_blocks = 16 },
	  .pieces = 1,
	  .model = AWARE },
	{ "COMPARE AND WRITE",
	  { .op = DISK_COMPARE_WRITE, .lba = ZONE - 8, .nr_blocks = 16 },
	  .pieces = 2 },
	{ "COMPARE AND WRITE with FUA",
	  { .op = DISK_COMPARE_WRITE,
	    .fua = true,
	    .lba = ZONE - 8,
	    .nr_blocks = 16 },
	  .pieces = 2 },
	{ "unmap over two zones",
	  { .op = DISK_UNMAP, .lba = 8, .nr_blocks = ZONE } },
	{ "unmap with FUA over two zones",
	  { .op = DISK_UNMAP, .fua = true, .lba = 8, .nr_blocks = ZONE } },
	{ "overwriting a zone with a pattern",
	  { .op = DISK_REFILL, .lba = SEQ_LBA + 2 * ZONE },
	  .pieces = 1 },
	{ "overwriting a zone with zeros",
	  { .op = DISK_REFILL, .lba = SEQ_LBA + 2 * ZONE } },
	{ "reset of a zone",
	  { .op = DISK_ZONE, .zone_op = ZO_RESET, .lba = SEQ_LBA } },
	{ "reset of three zones",
	  { .op = DISK_ZONE,
	    .zone_op = ZO_RESET,
	    .lba = SEQ_LBA,
	    .zone_count = 3 } },
	{ "reset of all zones",
	  { .op = DISK_ZONE, .zone_op = ZO_RESET, .zone_all = true } },
	{ "reset with FUA of three zones",
	  { .op = DISK_ZONE,
	    .fua = true,
	    .zone_op = ZO_RESET,
	    .lba = SEQ_LBA,
	    .zone_count = 3 } },
	{ "finish of two zones",
	  { .op = DISK_ZONE,
	    .zone_op = ZO_FINISH,
	    .lba = SEQ_LBA,
	    .zone_count = 2 } },
	{ "finish of all zones",
	  { .op = DISK_ZONE, .zone_op = ZO_FINISH, .zone_all = true } },
	{ "read with FUA over two conventional zones",
	  { .op = DISK_READ, .fua = true, .nr_blocks = ZONE + 8 },
	  .pieces = 1,
	  .unsynced = true,
	  .in_part = true },
	{ "read with FUA of many buffers up to a write pointer",
	  { .op = DISK_READ,
	    .fua = true,
	    .lba = SEQ_LBA + HALF - 12,
	    .nr_blocks = 20 },
	  .pieces = 20,
	  .unsynced = true,
	  .in_part = true },
	{ "read with FUA over two preferred zones",
	  { .op = DISK_READ,
	    .fua = true,
	    .lba = SEQ_LBA + HALF,
	    .nr_blocks = ZONE + 8 },
	  .pieces = 1,
	  .model = AWARE,
	  .unsynced = true,
	  .in_part = true },
	{ "verify over two conventional zones",
	  { .op = DISK_COMPARE, .fua = true, .nr_blocks = ZONE + 8 },
	  .unsynced = true,
	  .in_part = true },
	{ "sync",
	  { .op = DISK_SYNC },
	  .unsynced = true,
	  .in_part = true,
	  .durable = true },
};

static uint32_t data_blocks(const struct disk_io *io)
{
	switch (io->op) {
	case DISK_READ:
	case DISK_WRITE:
		return io->nr_blocks;
	case DISK_COMPARE_WRITE:
		return 2 * io->nr_blocks;
	default:
		return 1;
	}
}

static enum disk_status run_kind(struct machine *m, const struct kind *k)
{
	struct disk_io io = k->io;
	size_t bytes = data_blocks(&io) * BLOCK, piece;
	struct iovec iov[20];

	memset(m->buf, 'n', bytes);
	if (io.op == DISK_COMPARE_WRITE)
		memset(m->buf, 'o', bytes / 2);
	piece = k->pieces ? bytes / k->pieces : 0;
	for (size_t i = 0; i < k->pieces; i++)
		iov[i] = (struct iovec){ m->buf + i * piece, piece };
	io.iov = iov;
	io.iov_cnt = k->pieces;
	return disk_run(m->disk, &io);
}

static void come_before(struct machine *m, const struct kind *k)
{
	if (!k->unsynced)
		return;
	write_at(m, 0, 8, 'u');
	write_at(m, SEQ_LBA + HALF, 8, 'u');
	write_at(m, SEQ_LBA + ZONE + HALF, 8, 'u');
}

/*
 * The failure, in a thread of its own: a request of the disk's store, the one
 * that takes things back, waits meanwhile.
 */
static struct {
	struct disk *disk;
	const struct store_ops *real;
	atomic_bool counting;
	atomic_uint nr;	   /* requests for my zones */
	unsigned at;	   /* fails at this one … */
	bool behind;	   /* … when it is complete */
	bool began, early; /* it did not wait for the I/O */
	int ret;
	pthread_t thread;
	sem_t over;
	void (*done)(struct store_req *req); /* of that one */
	void *user;
} failure;

static void *fail_power(void *arg)
{
	(void)arg;
	failure.ret = take_all_back(failure.disk);
	sem_post(&failure.over);
	return NULL;
}

static bool is_held_up(struct disk *d)
{
	bool is;

	pthread_mutex_lock(&d->lock);
	is = (d->hold.stopped && d->hold.nr) || d->sync.stops;
	pthread_mutex_unlock(&d->lock);
	return is;
}

/* It is over, or waits for the I/O; what does neither is given a second. */
static void fail_now(void)
{
	const struct timespec wait = { .tv_nsec = 100000 };
	int over = 0;

	failure.began = true;
	pthread_create(&failure.thread, NULL, fail_power, NULL);
	for (int i = 0; i < 10000; i++) {
		sem_getvalue(&failure.over, &over);
		failure.early = over;
		if (over || is_held_up(failure.disk))
			return;
		nanosleep(&wait, NULL);
	}
}

static void fail_behind(struct store_req *req)
{
	req->done = failure.done;
	req->user = failure.user;
	fail_now();
	req->done(req);
}

static void submit_or_fail(struct store *st, struct store_req *req)
{
	bool is_mine =
		req->slot < 2 || (req->slot >= CONV && req->slot < CONV + 3);

	if (is_mine && atomic_load(&failure.counting) &&
	    atomic_fetch_add(&failure.nr, 1) == failure.at) {
		if (failure.behind) {
			failure.done = req->done;
			failure.user = req->user;
			req->done = fail_behind;
		} else {
			fail_now();
		}
	}
	failure.real->submit(st, req);
}

/* While nothing else runs. */
static void arm(struct machine *m, unsigned at, bool behind)
{
	static struct store_ops ops;

	failure.disk = m->disk;
	failure.real = m->disk->store->ops;
	ops = *failure.real;
	ops.submit = submit_or_fail;
	m->disk->store->ops = &ops;
	failure.at = at;
	failure.behind = behind;
	failure.began = failure.early = false;
	atomic_store(&failure.nr, 0);
	sem_init(&failure.over, 0, 0);
	atomic_store(&failure.counting, true);
}

/* Whether there was such a request.  The failure is over then. */
static bool disarm(void)
{
	atomic_store(&failure.counting, false);
	if (!failure.began)
		return false;
	pthread_join(failure.thread, NULL);
	assert_int_equal(failure.ret, 0);
	return true;
}

/*
 * Others: in conventional zones, each of their I/Os over two, and in zones of
 * the other kind.  What becomes of them is not looked at here.
 */
struct other {
	struct disk *disk;
	pthread_t thread;
	unsigned nr;
	atomic_bool stop;
};

static struct disk_io other_conv(unsigned i)
{
	struct disk_io io = { .op = DISK_WRITE,
			      .fua = i % 7 == 0,
			      .lba = 3 * ZONE - 4,
			      .nr_blocks = 8 };

	if (i % 5 == 0)
		io.op = DISK_COMPARE_WRITE;
	else if (i % 3 == 0)
		io.op = DISK_UNMAP;
	return io;
}

static struct disk_io other_seq(struct disk *d, uint64_t zone, unsigned i)
{
	struct disk_io io = { .op = DISK_ZONE, .lba = zone * ZONE };
	struct zone_info info;

	disk_zone_at(d, io.lba, &info);
	if (info.cond == ZC_FULL || i % 13 == 0) {
		io.zone_op = i % 2 ? ZO_RESET : ZO_FINISH;
		return io;
	}
	io.op = DISK_WRITE;
	io.fua = i % 7 == 0;
	io.lba = info.wp_lba;
	io.nr_blocks = 4;
	return io;
}

static void *be_other(void *arg)
{
	struct other *o = arg;
	uint8_t data[16 * BLOCK];
	struct iovec iov = { data, 0 };
	struct disk_io io;

	memset(data, 'x', sizeof(data));
	for (unsigned i = 0; !atomic_load(&o->stop); i++) {
		io = o->nr % 2 ? other_seq(o->disk, ZONES - 1, i)
			       : other_conv(i);
		iov.iov_len = io.nr_blocks * BLOCK *
			      (io.op == DISK_COMPARE_WRITE ? 2 : 1);
		io.iov = &iov;
		io.iov_cnt = 1;
		disk_run(o->disk, &io);
	}
	return NULL;
}

static void start_others(struct other *o, unsigned nr, struct disk *d)
{
	for (unsigned i = 0; i < nr; i++) {
		o[i] = (struct other){ .disk = d, .nr = i };
		pthread_create(&o[i].thread, NULL, be_other, &o[i]);
	}
}

static void stop_others(struct other *o, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		atomic_store(&o[i].stop, true);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(o[i].thread, NULL);
}

/*
 * The sweep.
 */

static bool reads(const struct disk_io *io)
{
	return io->op == DISK_READ || io->op == DISK_COMPARE;
}

static void check(struct machine *m, const struct kind *k,
		  enum disk_status status, const struct picture *before,
		  const struct picture *after)
{
	struct picture *now = malloc(sizeof(*now));
	struct picture *later = malloc(sizeof(*later));

	look(m, now);
	sync_all(m);
	assert_int_equal(take_all_back(m->disk), 0);
	look(m, later);
	if (!is_same(now, later))
		fail_msg("%s, failure %s request %u: safe, but gone", k->name,
			 failure.behind ? "behind" : "before", failure.at);
	if (status == DISK_OK && !reads(&k->io) &&
	    (k->durable || k->io.fua || failure.early) && !is_same(now, after))
		fail_msg("%s, failure %s request %u: GOOD, but gone", k->name,
			 failure.behind ? "behind" : "before", failure.at);
	if (!k->in_part && !is_same(now, before) && !is_same(now, after))
		fail_msg("%s, failure %s request %u: done in part", k->name,
			 failure.behind ? "behind" : "before", failure.at);
	free(now);
	free(later);
}

/* What was read with FUA is there when the power fails once more, as it was
 * read. */
static void check_read(struct machine *m, const struct kind *k,
		       enum disk_status status)
{
	size_t bytes = (size_t)k->io.nr_blocks * BLOCK;
	struct disk_io again = k->io;
	uint8_t *was;

	if (k->io.op != DISK_READ || status != DISK_OK)
		return;
	was = malloc(bytes);
	memcpy(was, m->buf, bytes);
	assert_int_equal(take_all_back(m->disk), 0);
	again.fua = false;
	assert_int_equal(run(m, again, 0), DISK_OK);
	if (memcmp(was, m->buf, bytes))
		fail_msg("%s, failure %s request %u: read, but gone", k->name,
			 failure.behind ? "behind" : "before", failure.at);
	free(was);
}

/* False: there is no such request. */
static bool fail_at(const struct kind *k, bool aware, unsigned at, bool behind,
		    const struct picture *before, const struct picture *after)
{
	static struct machine m;
	struct other other[2];
	enum disk_status status;
	bool reached;

	start(&m, aware);
	come_before(&m, k);
	arm(&m, at, behind);
	start_others(other, ZL_ARRAY_SIZE(other), m.disk);
	status = run_kind(&m, k);
	reached = disarm();
	if (reached) {
		check_read(&m, k, status);
		check(&m, k, status, before, after);
	}
	stop_others(other, ZL_ARRAY_SIZE(other));
	stop(&m);
	return reached;
}

/* What it finds, when the power fails right before, and what it makes. */
static void look_at_both(const struct kind *k, bool aware,
			 struct picture *before, struct picture *after)
{
	static struct machine m;

	start(&m, aware);
	look(&m, before);
	come_before(&m, k);
	assert_int_equal(run_kind(&m, k), DISK_OK);
	look(&m, after);
	stop(&m);
}

static void sweep(const struct kind *k, bool aware)
{
	struct picture *before = malloc(sizeof(*before));
	struct picture *after = malloc(sizeof(*after));
	unsigned at = 0;

	look_at_both(k, aware, before, after);
	while (fail_at(k, aware, at, false, before, after)) {
		fail_at(k, aware, at, true, before, after);
		at++;
	}
	printf("%s, %s: %u requests\n", aware ? "host-aware" : "host-managed",
	       k->name, at);
	fflush(stdout);
	assert_true(at > 0);
	free(before);
	free(after);
}

static void between_any_two_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++) {
		if (kinds[i].model != AWARE)
			sweep(&kinds[i], false);
		if (kinds[i].model != MANAGED)
			sweep(&kinds[i], true);
	}
}

/*
 * Everybody beside everybody, over zones of both types, with injected delays
 * and zones that change their conditions: nobody waits for good.
 */

struct crowd {
	struct disk *disk;
	pthread_t thread;
	unsigned nr;
	atomic_bool *stop;
};

/* Any I/O anywhere; what becomes of it does not matter. */
static void *be_anybody(void *arg)
{
	struct crowd *c = arg;
	uint8_t data[2 * 16 * BLOCK];
	struct iovec iov = { data, 0 };
	struct disk_io io;

	memset(data, 'x', sizeof(data));
	for (unsigned i = c->nr * 7; !atomic_load(c->stop); i++) {
		io = kinds[i % ZL_ARRAY_SIZE(kinds)].io;
		io.nr_blocks = io.nr_blocks > 16 ? 16 : io.nr_blocks;
		iov.iov_len = data_blocks(&io) * BLOCK;
		io.iov = &iov;
		io.iov_cnt = 1;
		disk_run(c->disk, &io);
	}
	return NULL;
}

static void *fail_often(void *arg)
{
	struct crowd *c = arg;

	while (!atomic_load(c->stop))
		take_all_back(c->disk);
	return NULL;
}

static void *turn_read_only(void *arg)
{
	const struct inject_fault fault = { .kind = INJECT_READ_ONLY,
					    .lba = SEQ_LBA,
					    .nr_blocks = 1 };
	struct crowd *c = arg;
	struct zl_err err;
	uint32_t id;

	while (!atomic_load(c->stop)) {
		disk_fault_add(c->disk, &fault, &id, &err);
		disk_fault_restore(c->disk, 0, UINT64_MAX, &err);
	}
	return NULL;
}

static void crowd(bool aware, unsigned failures)
{
	const struct inject_fault late = { .kind = INJECT_DELAY,
					   .nr_blocks = ZONES * ZONE,
					   .count = INJECT_ALWAYS,
					   .delay_ms = 1 };
	void *(*const be[])(void *arg) = { be_anybody, be_anybody,
					   be_anybody, be_anybody,
					   fail_often, turn_read_only };
	struct crowd c[ZL_ARRAY_SIZE(be)];
	static struct machine m;
	atomic_bool over = false;
	struct zl_err err;
	uint32_t id;

	start(&m, aware);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(be); i++) {
		c[i] = (struct crowd){ .disk = m.disk, .nr = i, .stop = &over };
		pthread_create(&c[i].thread, NULL, be[i], &c[i]);
	}
	for (unsigned i = 0; i < failures; i++) {
		if (i == failures / 2)
			assert_int_equal(
				disk_fault_add(m.disk, &late, &id, &err), 0);
		assert_int_equal(take_all_back(m.disk), 0);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(be); i++)
		pthread_join(c[i].thread, NULL);
	assert_int_equal(disk_fault_clear(m.disk, &err), 0);
	assert_int_equal(take_all_back(m.disk), 0);
	stop(&m);
}

static void nobody_waits_for_good(void **state)
{
	(void)state;
	crowd(false, 200);
	crowd(true, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_for_good),
		cmocka_unit_test(between_any_two_requests),
	};

	return cmocka_run_group_tests_name("crash/powerfail_between", tests,
					   NULL, NULL);
}
