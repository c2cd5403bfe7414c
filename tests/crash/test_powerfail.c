// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The simulated power failure of discard_write_cache: random commands, then
 * everything not flushed, or a random part of it, is taken back.  Seeds are
 * printed; "test_crash_powerfail SEED [COUNT]" runs others.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "crash/power.h"
#include "store/ops.h"

static uint64_t first_seed = 1, nr_seeds = 20;

struct machine {
	struct power p;
	struct store_mem *mem;
	struct store_crash *c;
	char *dir;
};

static bool is_off(struct power *p)
{
	struct machine *m = p->user;

	return m->c && store_crash_is_off(m->c);
}

static struct store *open_store(struct machine *m)
{
	if (m->c)
		return store_crash_open(m->c);
	return m->dir ? tmp_open(m->dir) : store_mem_open(m->mem);
}

static int try_open(struct machine *m, unsigned nr_workers)
{
	struct disk_open_args args = { .may_make = true,
				       .nr_workers = nr_workers };
	const char *opt = "discard_write_cache";
	struct zl_err err = { "" };
	struct disk_opts opts;

	assert_int_equal(
		disk_opts_parse(&opts, opt, strlen(opt), '/', true, &err), 0);
	args.opts = &opts;
	m->p.store = open_store(m);
	assert_non_null(m->p.store);
	if (!disk_open_store(m->p.store, "test", &args, &m->p.disk, &err)) {
		assert_true(disk_can_powerfail(m->p.disk));
		return 0;
	}
	m->p.disk = NULL;
	store_close(m->p.store);
	if (!is_off(&m->p))
		fail_msg("%s (after %s)", err.msg, m->p.last);
	return -1;
}

enum on {
	ON_MEMORY,
	ON_FILES,
	ON_CRASH
};

static void start(struct machine *m, enum on on, uint64_t seed,
		  unsigned nr_workers)
{
	struct store *st;

	memset(m, 0, sizeof(*m));
	m->mem = on == ON_MEMORY ? store_mem_new() : NULL;
	m->dir = on == ON_FILES ? tmp_make() : NULL;
	m->c = on == ON_CRASH ? store_crash_new() : NULL;
	m->p.user = m;
	m->p.is_off = is_off;
	m->p.phys_blocks = seed % 4 ? 1 : 8;
	m->p.host_aware = seed % 3 == 2;
	power_init(&m->p, seed);
	st = open_store(m);
	power_sidecar(&m->p, st);
	store_close(st);
	assert_int_equal(try_open(m, nr_workers), 0);
}

static void stop(struct machine *m)
{
	disk_close(m->p.disk);
	store_mem_free(m->mem);
	store_crash_free(m->c);
	if (m->dir)
		tmp_remove(m->dir);
}

static void powerfail(struct machine *m, bool random, uint64_t seed)
{
	const struct disk_powerfail how = { .random = random, .seed = seed };
	struct zl_err err;

	if (disk_powerfail(m->p.disk, &how, &err))
		fail_msg("%s", err.msg);
}

/* What is set aside must be gone when it is no longer needed. */
static int no_left_over(void *user, const char *name)
{
	struct power *p = user;

	if (strstr(name, ".undo") || strstr(name, ".new"))
		fail_msg("%s is left (after %s)", name, p->last);
	return 0;
}

static void all_kinds(struct machine *m, uint64_t seed, unsigned rounds)
{
	for (unsigned i = 0; i < rounds; i++) {
		for (uint32_t n = power_random(&m->p, 30); n--;)
			power_step(&m->p);
		switch (power_random(&m->p, 4)) {
		case 0:
			powerfail(m, false, 0);
			power_assert_only_safe(&m->p);
			break;
		case 1:
			disk_close(m->p.disk);
			assert_int_equal(try_open(m, 0), 0);
			power_assert_only_safe(&m->p);
			break;
		case 2:
			powerfail(m, true, seed * 1000 + i);
			power_assert_promises(&m->p);
			break;
		default: /* the daemon's death is no power failure */
			disk_abandon(m->p.disk);
			assert_int_equal(try_open(m, 0), 0);
			power_assert_unchanged(&m->p);
			/* It makes what is there durable. */
			power_all_safe(&m->p);
			continue;
		}
		store_list(m->p.store, no_left_over, &m->p);
	}
	power_use_all(&m->p);
	powerfail(m, false, 0);
	power_assert_only_safe(&m->p);
}

static void over_memory(void **state)
{
	struct machine m;

	(void)state;
	for (uint64_t s = first_seed; s < first_seed + nr_seeds; s++) {
		printf("seed %" PRIu64 "\n", s);
		fflush(stdout);
		start(&m, ON_MEMORY, s, 0);
		all_kinds(&m, s, 100);
		stop(&m);
	}
}

static void over_files(void **state)
{
	struct machine m;

	(void)state;
	for (uint64_t s = first_seed; s < first_seed + 3; s++) {
		start(&m, ON_FILES, s, 0);
		all_kinds(&m, s, 30);
		stop(&m);
	}
}

/* A real power failure with the option on, at every step. */
static void and_the_real_one(void **state)
{
	enum store_crash_keep keep;
	struct machine m;
	bool reached = true;

	(void)state;
	for (uint64_t at = 0; reached; at++) {
		for (uint64_t out = 0; out < 12; out++) {
			keep = out == 0	  ? STORE_CRASH_KEEP_NOTHING
			       : out == 1 ? STORE_CRASH_KEEP_ALL
					  : STORE_CRASH_KEEP_RANDOM;
			start(&m, ON_CRASH, first_seed + out % 4, 0);
			store_crash_arm(m.c, at);
			for (int i = 0; i < 40 && !is_off(&m.p); i++)
				power_step(&m.p);
			reached = is_off(&m.p);
			disk_abandon(m.p.disk);
			store_crash_cycle(m.c, keep, at * 100 + out);
			power_new_boot();
			assert_int_equal(try_open(&m, 0), 0);
			power_assert_promises(&m.p);
			power_use_all(&m.p);
			stop(&m);
		}
	}
}

static void count_call(void *user)
{
	atomic_fetch_add((atomic_uint *)user, 1);
}

struct load {
	struct disk *disk;
	uint32_t zone;
	atomic_bool stop;
};

/* Fills its zone and resets it, over and over, whatever becomes of it. */
static void *load_zone(void *arg)
{
	struct load *l = arg;
	uint8_t buf[PW_BLOCK];
	struct iovec iov = { buf, sizeof(buf) };
	struct zone_info info;
	struct disk_io io;

	memset(buf, 'x', sizeof(buf));
	for (unsigned i = 0; !atomic_load(&l->stop); i++) {
		disk_zone_at(l->disk, l->zone * PW_ZONE, &info);
		io = (struct disk_io){ .op = DISK_WRITE,
				       .lba = info.wp_lba,
				       .nr_blocks = 1,
				       .fua = i % 7 == 0,
				       .iov = &iov,
				       .iov_cnt = 1 };
		if (info.cond == ZC_FULL || i % 20 == 0)
			io = (struct disk_io){ .op = DISK_ZONE,
					       .zone_op = i % 40 ? ZO_RESET
								 : ZO_FINISH,
					       .lba = info.start_lba };
		else if (info.cond == ZC_NOT_WP)
			io.lba = info.start_lba + i % PW_ZONE;
		else if (i % 9 == 0)
			io = (struct disk_io){ .op = DISK_SYNC };
		disk_run(l->disk, &io);
		io = (struct disk_io){ .op = DISK_READ,
				       .lba = l->zone * PW_ZONE,
				       .nr_blocks = 1,
				       .iov = &iov,
				       .iov_cnt = 1 };
		assert_int_equal(disk_run(l->disk, &io), DISK_OK);
	}
	return NULL;
}

/* Power failures while threads write, reset, finish, sync and read. */
static void under_load(void **state)
{
	struct load load[4] = { { 0 } };
	struct store_stat stat;
	pthread_t thread[4];
	atomic_uint told = 0;
	struct machine m;

	(void)state;
	start(&m, ON_FILES, 1, 3);
	disk_on_powerfail(m.p.disk, count_call, &told);
	for (uint32_t i = 0; i < 4; i++) {
		load[i].disk = m.p.disk;
		load[i].zone = i ? PW_CONV + i : 0;
		pthread_create(&thread[i], NULL, load_zone, &load[i]);
	}
	for (unsigned i = 0; i < 100; i++)
		powerfail(&m, i % 2, i);
	for (uint32_t i = 0; i < 4; i++) {
		atomic_store(&load[i].stop, true);
		pthread_join(thread[i], NULL);
	}
	assert_int_equal(told, 100);
	powerfail(&m, false, 0);
	for (uint32_t z = PW_CONV; z < PW_ZONES; z++) {
		assert_int_equal(store_stat(m.p.store, z, &stat), 0);
		assert_int_equal(stat.size_bytes / PW_BLOCK,
				 zone_slot_wp_blocks(&m.p.disk->zones, z));
	}
	stop(&m);
}

/* Opened zones are closed, and EMPTY if nothing was written. */
static void opened_zones(void **state)
{
	struct machine m;
	struct disk_io io;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	io = (struct disk_io){ .op = DISK_ZONE,
			       .zone_op = ZO_OPEN,
			       .lba = PW_CONV * PW_ZONE };
	assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	powerfail(&m, false, 0);
	assert_int_equal(zone_slot_cond(&m.p.disk->zones, PW_CONV), ZC_EMPTY);
	/* Nor does the daemon's death bring them back. */
	disk_abandon(m.p.disk);
	assert_int_equal(try_open(&m, 0), 0);
	assert_int_equal(zone_slot_cond(&m.p.disk->zones, PW_CONV), ZC_EMPTY);
	stop(&m);
}

static void sync_over(struct disk_io *io)
{
	++*(unsigned *)io->user;
}

struct waiting {
	struct disk *disk;
	struct disk_io io;
	unsigned done;
};

static void begin_sync(void *user)
{
	struct waiting *w = user;

	w->io = (struct disk_io){ .op = DISK_SYNC,
				  .done = sync_over,
				  .user = &w->done };
	disk_submit(w->disk, &w->io);
	assert_int_equal(w->done, 0);
}

/* It would answer for what has been taken back. */
static void a_sync_that_waits_fails(void **state)
{
	struct waiting w = { .done = 0 };
	struct machine m;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	w.disk = m.p.disk;
	disk_on_powerfail(m.p.disk, begin_sync, &w);
	powerfail(&m, false, 0);
	assert_int_equal(w.done, 1);
	assert_int_not_equal(w.io.status, DISK_OK);
	disk_on_powerfail(m.p.disk, NULL, NULL);
	w.io = (struct disk_io){ .op = DISK_SYNC };
	assert_int_equal(disk_run(m.p.disk, &w.io), DISK_OK);
	stop(&m);
}

/* The request's thread is all that the control socket has. */
static void a_command_that_takes_too_long(void **state)
{
	static const struct disk_powerfail all = { .random = false };
	unsigned was_ms = slot_wait_ms;
	struct slot_turn turn;
	struct disk_io io = { .op = DISK_SYNC };
	struct machine m;
	struct zl_err err;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	slot_wait_ms = 20;
	pthread_mutex_lock(&m.p.disk->lock);
	assert_true(slot_enter(m.p.disk, PW_CONV + 1, &turn));
	pthread_mutex_unlock(&m.p.disk->lock);
	assert_int_equal(disk_powerfail(m.p.disk, &all, &err), -EBUSY);
	assert_string_equal(err.msg,
			    "a command to zone 3 takes too long; nothing was "
			    "taken back (an injected delay ends when it is "
			    "cleared)");
	assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	slot_leave(m.p.disk, PW_CONV + 1);
	powerfail(&m, false, 0);
	slot_wait_ms = was_ms;
	stop(&m);
}

struct heard {
	unsigned nr;
	uint32_t total;
};

static void hear(void *user, uint32_t done, uint32_t total)
{
	struct heard *h = user;

	h->nr++;
	assert_int_equal(done, h->nr);
	assert_true(h->nr == 1 || total == h->total);
	h->total = total;
}

/* Each zone of which something is taken back, conventional ones too. */
static void says_how_far(void **state)
{
	struct heard h = { 0 };
	const struct disk_powerfail how = { .progress = hear,
					    .progress_user = &h };
	uint8_t buf[4096] = { 1 };
	struct iovec iov = { buf, sizeof(buf) };
	struct machine m;
	struct zl_err err;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	for (unsigned zone = 0; zone < PW_CONV + 3; zone++) {
		struct disk_io io = { .op = DISK_WRITE,
				      .lba = zone * PW_ZONE,
				      .nr_blocks = 1,
				      .iov = &iov,
				      .iov_cnt = 1 };

		iov.iov_len = disk_meta(m.p.disk)->block_bytes;
		assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	}
	assert_int_equal(disk_powerfail(m.p.disk, &how, &err), 0);
	assert_int_equal(h.nr, PW_CONV + 3);
	assert_int_equal(h.total, PW_CONV + 3);
	assert_int_equal(disk_powerfail(m.p.disk, &how, &err), 0);
	assert_int_equal(h.nr, PW_CONV + 3);
	stop(&m);
}

static void not_without_the_option(void **state)
{
	const struct disk_powerfail how = { 0 };
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct power p = { .phys_blocks = 1 };
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	struct disk *d;

	(void)state;
	power_sidecar(&p, st);
	assert_int_equal(disk_open_store(st, "test", &args, &d, &err), 0);
	assert_false(disk_can_powerfail(d));
	assert_int_equal(disk_powerfail(d, &how, &err), -EOPNOTSUPP);
	assert_non_null(strstr(err.msg, "discard_write_cache"));
	disk_close(d);
	store_mem_free(mem);
}

/* More old contents than are kept: the slot is synced early. */
static void a_full_cache_is_flushed(void **state)
{
	static const char cfg[] =
		"zone_size_mb=64,conv_zones=2,capacity_mb=192,"
		"discard_write_cache";
	const struct disk_powerfail how = { 0 };
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	const uint32_t blocks = 2048;
	uint8_t *buf = malloc(blocks * 512);
	struct iovec iov = { buf, blocks * 512 };
	struct disk_opts opts;
	struct disk_io io;
	struct disk *d;
	bool old = false, new = false;

	(void)state;
	assert_int_equal(
		disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, ',', false, &err),
		0);
	args.opts = &opts;
	assert_int_equal(disk_open_store(st, "test", &args, &d, &err), 0);
	for (uint64_t lba = 0; lba < 2 * 131072; lba += blocks) {
		memset(buf, 'n', blocks * 512);
		io = (struct disk_io){ .op = DISK_WRITE,
				       .lba = lba,
				       .nr_blocks = blocks,
				       .iov = &iov,
				       .iov_cnt = 1 };
		assert_int_equal(disk_run(d, &io), DISK_OK);
	}
	assert_int_equal(disk_powerfail(d, &how, &err), 0);
	for (uint64_t lba = 0; lba < 2 * 131072; lba += blocks) {
		io = (struct disk_io){ .op = DISK_READ,
				       .lba = lba,
				       .nr_blocks = blocks,
				       .iov = &iov,
				       .iov_cnt = 1 };
		assert_int_equal(disk_run(d, &io), DISK_OK);
		old |= buf[0] == 0;
		new |= buf[0] == 'n';
	}
	assert_true(old && new);
	disk_close(d);
	store_mem_free(mem);
	free(buf);
}

/*
 * A disk of two conventional zones of 128 MiB, and one of the other kind, over
 * a store whose calls are counted or fail.
 */
#define BIG_ZONE UINT32_C(262144) /* blocks */
#define MANY	 UINT32_C(8192)

struct big {
	struct store_mem *mem;
	struct store *fault;
	struct disk *disk;
	uint8_t *buf;
};

static void big_start(struct big *b)
{
	static const char cfg[] =
		"zone_size_mb=128,conv_zones=2,capacity_mb=384,"
		"discard_write_cache";
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct disk_opts opts;

	assert_int_equal(
		disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, ',', false, &err),
		0);
	args.opts = &opts;
	b->mem = store_mem_new();
	b->fault = store_fault_new(store_mem_open(b->mem));
	b->buf = malloc(MANY * 512);
	assert_int_equal(
		disk_open_store(b->fault, "test", &args, &b->disk, &err), 0);
}

static void big_stop(struct big *b)
{
	disk_close(b->disk);
	store_mem_free(b->mem);
	free(b->buf);
}

static enum disk_status big_run(struct big *b, enum disk_op op, uint64_t lba,
				uint32_t nr)
{
	struct iovec iov = { b->buf, MANY * 512 };
	struct disk_io io = { .op = op, .lba = lba, .nr_blocks = nr };

	if (op == DISK_READ || op == DISK_WRITE) {
		io.iov = &iov;
		io.iov_cnt = 1;
	}
	return disk_run(b->disk, &io);
}

static void big_arm(struct big *b, enum store_op op, uint64_t fail_count)
{
	const struct store_fault_plan plan = { .fail_count = fail_count,
					       .error = EIO,
					       .only = 1u << op };

	store_fault_arm(b->fault, &plan);
}

/* More than can be kept is durable at once. */
static void a_whole_zone_is_unmapped(void **state)
{
	const struct disk_powerfail how = { 0 };
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	memset(b.buf, 'n', MANY * 512);
	for (uint64_t zone = 0; zone < 2; zone++)
		assert_int_equal(big_run(&b, DISK_WRITE, zone * BIG_ZONE, MANY),
				 DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	/* What is kept is read first, in pieces of 4 KiB. */
	big_arm(&b, STORE_READ, 0);
	for (uint64_t zone = 0; zone < 2; zone++)
		assert_int_equal(
			big_run(&b, DISK_UNMAP, zone * BIG_ZONE, BIG_ZONE),
			DISK_OK);
	assert_in_range(store_fault_calls(b.fault), 0, (64 << 20) / 4096);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	assert_int_equal(big_run(&b, DISK_READ, BIG_ZONE, MANY), DISK_OK);
	assert_int_equal(b.buf[0], 0);
	big_stop(&b);
}

/* Nor does it help that another zone is what fills the memory. */
static void another_zone_has_filled_the_cache(void **state)
{
	struct big b;

	(void)state;
	big_start(&b);
	for (uint64_t lba = 0; lba + MANY < BIG_ZONE / 2; lba += MANY)
		assert_int_equal(big_run(&b, DISK_WRITE, lba, MANY), DISK_OK);
	big_arm(&b, STORE_READ, 0);
	assert_int_equal(big_run(&b, DISK_WRITE, BIG_ZONE, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_WRITE, 2 * BIG_ZONE - MANY, MANY),
			 DISK_OK);
	assert_int_equal(store_fault_calls(b.fault), 0);
	big_stop(&b);
}

/* What was acknowledged before is not known to be durable, ever. */
static void flushing_a_full_cache_fails(void **state)
{
	struct big b;
	uint64_t lba = 0;

	(void)state;
	big_start(&b);
	big_arm(&b, STORE_SYNC, 1);
	while (big_run(&b, DISK_WRITE, lba, MANY) == DISK_OK)
		lba += MANY;
	assert_in_range(lba, MANY, BIG_ZONE - 1);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_READ, 0, MANY), DISK_READ_ERROR);
	big_stop(&b);
}

/* … nor does a sync that is not even tried hide that. */
static void flushing_fails_and_then_cannot_be_tried(void **state)
{
	const struct store_fault_plan not_tried = { .fail_count = 1,
						    .error = EROFS,
						    .only = 1u << STORE_SYNC };
	struct big b;
	uint64_t lba = 0;

	(void)state;
	big_start(&b);
	big_arm(&b, STORE_SYNC, 1);
	while (big_run(&b, DISK_WRITE, lba, MANY) == DISK_OK)
		lba += MANY;
	assert_int_equal(store_fault_hits(b.fault), 1);
	store_fault_arm(b.fault, &not_tried);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	assert_int_equal(big_run(&b, DISK_READ, 0, MANY), DISK_READ_ERROR);
	big_stop(&b);
}

/* Where files can have no second name. */
static void a_reset_that_cannot_be_taken_back(void **state)
{
	const struct store_fault_plan no_links = {
		.fail_count = UINT64_MAX,
		.error = EPERM,
		.only = UINT32_C(1) << 29, /* setting aside */
	};
	const struct disk_powerfail how = { 0 };
	struct disk_io reset = { .op = DISK_ZONE,
				 .zone_op = ZO_RESET,
				 .lba = 2 * BIG_ZONE };
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	memset(b.buf, 'n', MANY * 512);
	assert_int_equal(big_run(&b, DISK_WRITE, reset.lba, MANY), DISK_OK);
	assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
	store_fault_arm(b.fault, &no_links);
	assert_int_equal(disk_run(b.disk, &reset), DISK_OK);
	assert_int_equal(store_fault_hits(b.fault), 1);
	assert_int_equal(big_run(&b, DISK_WRITE, reset.lba, 8), DISK_OK);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), 0);
	disk_zone_at(b.disk, reset.lba, &info);
	assert_int_equal(info.cond, ZC_EMPTY);
	assert_int_equal(big_run(&b, DISK_READ, reset.lba, MANY), DISK_OK);
	assert_int_equal(b.buf[0], 0);
	big_stop(&b);
}

/* What a power failure left is not known to be durable, ever: not in a
 * conventional zone, and not in another one. */
static void syncing_what_is_left_fails(void **state)
{
	const struct disk_powerfail how = { 0 };
	const uint64_t lba[] = { 0, 2 * BIG_ZONE };
	struct zl_err err;
	struct big b;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(lba); i++) {
		big_start(&b);
		assert_int_equal(big_run(&b, DISK_WRITE, lba[i], 8), DISK_OK);
		assert_int_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
		assert_int_equal(big_run(&b, DISK_WRITE, lba[i] + 8, 8),
				 DISK_OK);
		big_arm(&b, STORE_SYNC, 1);
		assert_int_equal(disk_powerfail(b.disk, &how, &err), -EIO);
		assert_int_equal(store_fault_hits(b.fault), 1);
		/* All of the second one is gone: what is to be tried again is
		 * its size. */
		big_arm(&b, STORE_SYNC, i);
		assert_int_not_equal(big_run(&b, DISK_SYNC, 0, 0), DISK_OK);
		big_stop(&b);
	}
}

/* Then it is there, and is made durable as it is. */
static void what_cannot_be_taken_back(void **state)
{
	const struct store_fault_plan stuck = { .fail_count = 1,
						.error = EIO,
						.only = 1u << STORE_CUT |
							1u << STORE_SYNC };
	const struct disk_powerfail how = { 0 };
	struct zone_info info;
	struct zl_err err;
	struct big b;

	(void)state;
	big_start(&b);
	assert_int_equal(big_run(&b, DISK_WRITE, 2 * BIG_ZONE, 8), DISK_OK);
	store_fault_arm(b.fault, &stuck);
	assert_int_equal(disk_powerfail(b.disk, &how, &err), -EIO);
	assert_int_equal(store_fault_calls(b.fault), 2);
	disk_zone_at(b.disk, 2 * BIG_ZONE, &info);
	assert_int_equal(info.wp_lba, info.start_lba + 8);
	big_stop(&b);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_memory),
		cmocka_unit_test(over_files),
		cmocka_unit_test(and_the_real_one),
		cmocka_unit_test(under_load),
		cmocka_unit_test(opened_zones),
		cmocka_unit_test(a_sync_that_waits_fails),
		cmocka_unit_test(a_command_that_takes_too_long),
		cmocka_unit_test(says_how_far),
		cmocka_unit_test(not_without_the_option),
		cmocka_unit_test(a_full_cache_is_flushed),
		cmocka_unit_test(a_whole_zone_is_unmapped),
		cmocka_unit_test(another_zone_has_filled_the_cache),
		cmocka_unit_test(flushing_a_full_cache_fails),
		cmocka_unit_test(flushing_fails_and_then_cannot_be_tried),
		cmocka_unit_test(a_reset_that_cannot_be_taken_back),
		cmocka_unit_test(syncing_what_is_left_fails),
		cmocka_unit_test(what_cannot_be_taken_back),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		nr_seeds = strtoull(argv[2], NULL, 10);
	power_new_boot();
	return cmocka_run_group_tests_name("crash/powerfail", tests, NULL,
					   NULL);
}
