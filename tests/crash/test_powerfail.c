// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The simulated power failure of discard_write_cache: random commands, then
 * everything not flushed, or a random part of it, is taken back.  Seeds are
 * printed; "test_crash_powerfail SEED [COUNT]" runs others.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "crash/power.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"
#include "disk/life/open.h"
#include "store/ops.h"
#include "stores/mem.h"

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

/* … and right after a simulated one, which leaves what is safe. */
static void and_then_the_real_one(void **state)
{
	struct machine m;

	(void)state;
	for (uint64_t s = first_seed; s < first_seed + 10 * nr_seeds; s++) {
		start(&m, ON_CRASH, s, 0);
		for (int i = 0; i < 60; i++)
			power_step(&m.p);
		powerfail(&m, s % 2, s);
		power_assert_promises(&m.p);
		disk_abandon(m.p.disk);
		store_crash_cycle(m.c,
				  s % 5 ? STORE_CRASH_KEEP_RANDOM
					: STORE_CRASH_KEEP_NOTHING,
				  s);
		power_new_boot();
		assert_int_equal(try_open(&m, 0), 0);
		power_assert_only_safe(&m.p);
		stop(&m);
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

/*
 * What was read with FUA is never older again, whoever else is at work: the
 * power fails, the conventional zone is shared, and what is written counts up.
 * In the zones of the others the write pointer is such a number.
 */
struct reader {
	struct disk *disk;
	uint64_t lba; /* of its block, or of its sequential zone */
	bool seq;
	uint32_t safe, written;
	bool older; /* it was */
	atomic_uint nr_read;
	atomic_bool stop;
};

static enum disk_status one_block(struct reader *r, enum disk_op op, bool fua,
				  uint64_t lba, uint32_t *value)
{
	uint32_t data[PW_BLOCK / 4] = { *value };
	struct iovec iov = { data, sizeof(data) };
	struct disk_io io = { .op = op,
			      .fua = fua,
			      .lba = lba,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };
	enum disk_status status;

	status = disk_try(r->disk, &io) ? io.status : disk_run(r->disk, &io);
	*value = data[0];
	return status;
}

static uint32_t wp_blocks(struct reader *r)
{
	struct zone_info info;

	disk_zone_at(r->disk, r->lba, &info);
	return info.cond == ZC_FULL ? PW_ZONE
				    : (uint32_t)(info.wp_lba - r->lba);
}

/* The next number, if it is not taken back at once. */
static void count_up(struct reader *r)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_RESET,
			      .lba = r->lba };
	uint32_t wp, value = ++r->written;

	if (!r->seq) {
		assert_int_equal(
			one_block(r, DISK_WRITE, false, r->lba, &value),
			DISK_OK);
		return;
	}
	wp = wp_blocks(r);
	if (wp < PW_ZONE) {
		one_block(r, DISK_WRITE, false, r->lba + wp, &value);
		return;
	}
	r->safe = 0;
	assert_int_equal(disk_run(r->disk, &io), DISK_OK);
}

static void read_back(struct reader *r, bool fua)
{
	uint32_t value = 0, wp = r->seq ? wp_blocks(r) : 1;

	if (!wp)
		return;
	assert_int_equal(one_block(r, DISK_READ, fua, r->lba + wp - 1, &value),
			 DISK_OK);
	/* Zeros: it was taken back in between. */
	if (r->seq)
		value = value ? wp : r->safe;
	r->older |= value < r->safe;
	if (fua)
		r->safe = value;
	atomic_fetch_add(&r->nr_read, 1);
}

static void *be_reader(void *arg)
{
	struct reader *r = arg;

	for (unsigned i = 0; !atomic_load(&r->stop); i++) {
		count_up(r);
		read_back(r, i % 3 == 0);
		r->older |= r->seq && wp_blocks(r) < r->safe;
	}
	return NULL;
}

static bool all_have_read(struct reader *r, unsigned nr)
{
	for (unsigned i = 0; i < 4; i++)
		if (atomic_load(&r[i].nr_read) < nr)
			return false;
	return true;
}

static void what_was_read_with_fua(void **state)
{
	struct reader r[4] = { { 0 } };
	pthread_t thread[4];
	struct machine m;

	(void)state;
	start(&m, ON_FILES, 1, 3);
	for (uint32_t i = 0; i < 4; i++) {
		r[i].disk = m.p.disk;
		r[i].seq = i % 2;
		r[i].lba = r[i].seq ? (PW_CONV + i) * PW_ZONE : i * 8;
		pthread_create(&thread[i], NULL, be_reader, &r[i]);
	}
	for (unsigned i = 0; i < 200 || !all_have_read(r, 200); i++)
		powerfail(&m, i % 2, i);
	for (uint32_t i = 0; i < 4; i++) {
		atomic_store(&r[i].stop, true);
		pthread_join(thread[i], NULL);
	}
	for (uint32_t i = 0; i < 4; i++)
		assert_false(r[i].older);
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

/* What a dead daemon set aside is removed, and nothing else. */
static void left_over_names(void **state)
{
	const char *const names[] = { "seq-000003.undo", "seq-000004.new",
				      "seq-000003.old" };
	struct machine m;
	void *data;
	size_t len;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(names); i++)
		assert_int_equal(
			store_meta_append(m.p.store, names[i], "x", 1, true),
			0);
	disk_abandon(m.p.disk);
	assert_int_equal(try_open(&m, 0), 0);
	store_list(m.p.store, no_left_over, &m.p);
	assert_int_equal(store_meta_read(m.p.store, names[2], &data, &len), 0);
	free(data);
	stop(&m);
}

static void over(struct disk_io *io)
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
				  .done = over,
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
	const struct inject_fault late = { .kind = INJECT_DELAY,
					   .op = INJECT_OP_WRITE,
					   .nr_blocks = 1,
					   .count = 1,
					   .delay_ms = 1000000 };
	uint8_t buf[PW_BLOCK] = "x";
	struct iovec iov = { buf, sizeof(buf) };
	unsigned was_ms = turn_wait_ms, done = 0;
	struct disk_io io = { .op = DISK_WRITE,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .done = over,
			      .user = &done };
	struct machine m;
	struct zl_err err;
	uint32_t id;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	turn_wait_ms = 20;
	assert_int_equal(disk_fault_add(m.p.disk, &late, &id, &err), 0);
	disk_submit(m.p.disk, &io);
	assert_int_equal(disk_powerfail(m.p.disk, &all, &err), -EBUSY);
	assert_string_equal(err.msg,
			    "a command takes too long; nothing was taken back "
			    "(an injected delay ends when it is cleared)");
	assert_int_equal(done, 0);
	turn_wait_ms = was_ms;
	assert_int_equal(disk_fault_clear(m.p.disk, &err), 0);
	powerfail(&m, false, 0);
	assert_int_equal(done, 1);
	assert_int_equal(io.status, DISK_OK);
	stop(&m);
}

/* I/Os that come meanwhile are carried out afterwards, in their order, and
 * before those that come then. */
static void who_comes_meanwhile(void **state)
{
	uint8_t buf[PW_BLOCK] = "x";
	struct iovec iov = { buf, sizeof(buf) };
	unsigned done = 0, nr = PW_ZONE - 1;
	struct disk_io io[PW_ZONE], last;
	struct machine m;

	(void)state;
	start(&m, ON_MEMORY, 1, 3);
	assert_int_equal(hold_stop(m.p.disk), 0);
	for (unsigned i = 0; i < nr; i++) {
		io[i] = (struct disk_io){ .op = DISK_WRITE,
					  .lba = PW_CONV * PW_ZONE + i,
					  .nr_blocks = 1,
					  .iov = &iov,
					  .iov_cnt = 1,
					  .done = over,
					  .user = &done };
		assert_false(disk_try(m.p.disk, &io[i]));
		disk_submit(m.p.disk, &io[i]);
	}
	last = io[0];
	last.lba += nr;
	assert_int_equal(done, 0);
	hold_resume(m.p.disk);
	assert_int_equal(disk_run(m.p.disk, &last), DISK_OK);
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(io[i].status, DISK_OK);
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

/* A power failure in the middle of a SYNCHRONIZE CACHE waits for its end: that
 * must not answer for what is taken back.  It is given time not to wait. */
static struct store_ops ops;
static const struct store_ops *real_ops;
static struct disk *failing_disk;
static pthread_t failing_thread;
static sem_t failing_over;
static bool failing_began, failed_early;

static void *fail_power(void *arg)
{
	const struct disk_powerfail how = { 0 };
	struct zl_err err;

	(void)arg;
	disk_powerfail(failing_disk, &how, &err);
	sem_post(&failing_over);
	return NULL;
}

static void submit_and_fail(struct store *st, struct store_req *req)
{
	struct timespec end;

	if (req->op == STORE_SYNC && !failing_began) {
		failing_began = true;
		pthread_create(&failing_thread, NULL, fail_power, NULL);
		clock_gettime(CLOCK_REALTIME, &end);
		end.tv_sec++;
		failed_early = !sem_timedwait(&failing_over, &end);
	}
	real_ops->submit(st, req);
}

static void in_the_middle_of_a_sync(void **state)
{
	uint8_t buf[PW_BLOCK] = "x";
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = {
		.op = DISK_WRITE, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};
	struct machine m;

	(void)state;
	start(&m, ON_MEMORY, 1, 0);
	assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	sem_init(&failing_over, 0, 0);
	failing_disk = m.p.disk;
	real_ops = m.p.disk->store->ops;
	ops = *real_ops;
	ops.submit = submit_and_fail;
	m.p.disk->store->ops = &ops;
	io = (struct disk_io){ .op = DISK_SYNC };
	assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	assert_true(failing_began);
	pthread_join(failing_thread, NULL);
	m.p.disk->store->ops = real_ops;
	assert_false(failed_early);
	io = (struct disk_io){
		.op = DISK_READ, .nr_blocks = 1, .iov = &iov, .iov_cnt = 1
	};
	assert_int_equal(disk_run(m.p.disk, &io), DISK_OK);
	assert_int_equal(buf[0], 'x');
	stop(&m);
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(over_memory),
		cmocka_unit_test(over_files),
		cmocka_unit_test(and_the_real_one),
		cmocka_unit_test(and_then_the_real_one),
		cmocka_unit_test(under_load),
		cmocka_unit_test(what_was_read_with_fua),
		cmocka_unit_test(opened_zones),
		cmocka_unit_test(left_over_names),
		cmocka_unit_test(a_sync_that_waits_fails),
		cmocka_unit_test(a_command_that_takes_too_long),
		cmocka_unit_test(who_comes_meanwhile),
		cmocka_unit_test(says_how_far),
		cmocka_unit_test(not_without_the_option),
		cmocka_unit_test(in_the_middle_of_a_sync),
		cmocka_unit_test(a_full_cache_is_flushed),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		nr_seeds = strtoull(argv[2], NULL, 10);
	power_new_boot();
	return cmocka_run_group_tests_name("crash/powerfail", tests, NULL,
					   NULL);
}
