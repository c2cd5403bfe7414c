// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A disk that several threads use is photographed and recorded meanwhile: no
 * command is half in a snapshot, none fails, and the record ends with what the
 * disk has.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "disk/internal.h"
#include "disk/io/turn.h"
#include "disk/snapshot.h"
#include "replay/replay.h"
#include "store/ops.h"

#define ZONE	2048u /* blocks of 512 bytes */
#define NR_CONV 2u
#define NR_ALL	8u
#define THREADS 4u
/* What one write of a thread covers of a conventional zone. */
#define WIDE 64u

struct user {
	struct disk *disk;
	unsigned nr;
	atomic_bool stop;
	atomic_uint done, failed;
};

static enum disk_status run(struct disk *d, struct disk_io *io)
{
	if (disk_try(d, io))
		return io->status;
	return disk_run(d, io);
}

static enum disk_status io(struct user *u, enum disk_op op, uint64_t lba,
			   uint8_t c, uint32_t blocks, bool fua)
{
	static _Thread_local uint8_t buf[WIDE * 512];
	struct iovec iov = { buf, blocks * 512 };
	struct disk_io i = { .op = op,
			     .fua = fua,
			     .lba = lba,
			     .nr_blocks = op == DISK_SYNC ? 0 : blocks,
			     .iov = &iov,
			     .iov_cnt = op == DISK_UNMAP ? 0 : 1 };

	memset(buf, c, sizeof(buf));
	return run(u->disk, &i);
}

static enum disk_status zone_cmd(struct user *u, enum zone_op op, uint64_t lba,
				 bool all)
{
	struct disk_io i = {
		.op = DISK_ZONE, .zone_op = op, .lba = lba, .zone_all = all
	};

	return run(u->disk, &i);
}

/* Zone NR_CONV + nr is the thread's own, but for the resets of all. */
static void append(struct user *u, unsigned i)
{
	uint64_t start = (uint64_t)(NR_CONV + u->nr) * ZONE;
	struct zone_info zone;

	disk_zone_at(u->disk, start, &zone);
	if (zone.cond == ZC_FULL || i % 400 == 399)
		atomic_fetch_add(&u->failed,
				 zone_cmd(u, i % 2 ? ZO_RESET : ZO_FINISH,
					  start, false) != DISK_OK);
	else
		/* Somebody may have reset it: then it is refused. */
		io(u, DISK_WRITE, zone.wp_lba, (uint8_t)i, 1 + i % 8,
		   i % 31 == 0);
}

static void *use(void *arg)
{
	struct user *u = arg;
	uint64_t conv = (u->nr % NR_CONV) * ZONE + u->nr * 256;

	for (unsigned i = 0; !atomic_load(&u->stop); i++) {
		append(u, i);
		atomic_fetch_add(&u->failed, io(u, DISK_WRITE, conv, (uint8_t)i,
						WIDE, i % 50 == 0) != DISK_OK);
		if (i % 97 == 0)
			atomic_fetch_add(&u->failed, io(u, DISK_SYNC, 0, 0, 0,
							false) != DISK_OK);
		if (u->nr == 0 && i % 300 == 200)
			zone_cmd(u, ZO_RESET, 0, true);
		if (i % 211 == 0)
			atomic_fetch_add(&u->failed,
					 io(u, DISK_UNMAP, conv, 0, WIDE,
					    false) != DISK_OK);
		atomic_fetch_add(&u->done, 1);
	}
	return NULL;
}

static void must(int ret, const struct zl_err *err)
{
	if (ret)
		fail_msg("%s", err->msg);
}

static void problem(void *user, uint32_t slot, const char *what)
{
	(void)user;
	fail_msg("zone %d: %s", (int)slot, what);
}

static void read_bytes(const char *dir, unsigned zone, long at, uint8_t *buf,
		       size_t len)
{
	char path[PATH_MAX + 16];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cnv-%06u", dir, zone);
	f = fopen(path, "r");
	assert_non_null(f);
	fseek(f, at, SEEK_SET);
	assert_int_equal(fread(buf, 1, len, f), len);
	fclose(f);
}

/* Each write that covers WIDE blocks is there as a whole. */
static void assert_whole(const char *dir)
{
	static uint8_t buf[WIDE * 512];
	struct zl_err err = { "" };

	for (unsigned i = 0; i < THREADS; i++) {
		read_bytes(dir, i % NR_CONV, i * 256 * 512, buf, sizeof(buf));
		for (size_t n = 1; n < sizeof(buf); n++)
			if (buf[n] != buf[0])
				fail_msg("thread %u's write is torn", i);
	}
	assert_int_equal(disk_check(dir, problem, NULL, NULL, &err), 0);
}

static void snapshot(struct disk *d, const char *dir, const char *name,
		     const char *log)
{
	struct snapshot_work w;
	struct zl_err err = { "" };
	char path[PATH_MAX];

	must(snapshot_begin(dir, name, NULL, NULL, &w, &err), &err);
	must(disk_snapshot(d, name, log, &err), &err);
	must(snapshot_end(&w, &err), &err);
	must(snapshot_path(dir, name, path, &err), &err);
	assert_whole(path);
}

static struct disk *make_as(const char *dir, const char *cfg)
{
	struct disk_open_args args = { .may_make = true, .nr_workers = 3 };
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d;

	must(disk_opts_parse(&opts, cfg, strlen(cfg), ',', false, &err), &err);
	args.opts = &opts;
	must(disk_open(dir, &args, &d, &err), &err);
	return d;
}

static struct disk *make(const char *dir)
{
	return make_as(dir, "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
			    "max_open_zones=0");
}

static void start(struct user *u, pthread_t *thread, struct disk *d)
{
	for (unsigned i = 0; i < THREADS; i++) {
		u[i].disk = d;
		u[i].nr = i;
		pthread_create(&thread[i], NULL, use, &u[i]);
	}
}

static void await(struct user *u, unsigned more)
{
	for (unsigned i = 0; i < THREADS; i++) {
		unsigned until = atomic_load(&u[i].done) + more;

		while (atomic_load(&u[i].done) < until)
			usleep(1000);
	}
}

static void stop(struct user *u, pthread_t *thread)
{
	for (unsigned i = 0; i < THREADS; i++) {
		atomic_store(&u[i].stop, true);
		pthread_join(thread[i], NULL);
		assert_int_equal(u[i].failed, 0);
	}
}

static void rebuild(const char *log, const char *built)
{
	struct zl_err err = { "" };
	struct replay *r;

	must(replay_open(log, NULL, &r, &err), &err);
	must(replay_build(r, replay_last(r), NULL, built, NULL, NULL, NULL,
			  &err),
	     &err);
	replay_close(r);
}

static void assert_rebuilt(const char *dir, const char *log, const char *built)
{
	char cmd[512];

	rebuild(log, built);
	snprintf(cmd, sizeof(cmd),
		 "for f in %s/cnv-* %s/seq-*; do cmp $f %s/${f##*/} || exit 1; "
		 "done",
		 dir, dir, built);
	assert_int_equal(system(cmd), 0);
}

static void while_it_is_used(void **state)
{
	struct user u[THREADS] = { { 0 } };
	pthread_t thread[THREADS];
	char *dir = tmp_make(), *other = tmp_make();
	char log[128], built[128], name[16];
	struct zl_err err = { "" };
	struct disk *d = make(dir);

	(void)state;
	snprintf(log, sizeof(log), "%s/log", other);
	snprintf(built, sizeof(built), "%s/built", other);
	start(u, thread, d);
	for (unsigned i = 0; i < 5; i++) {
		await(u, 20);
		snprintf(name, sizeof(name), "s%u", i);
		snapshot(d, dir, name, NULL);
	}
	snapshot(d, dir, "base", log);
	await(u, 500);
	/* Snapshots do not disturb a record. */
	snapshot(d, dir, "later", NULL);
	await(u, 500);
	stop(u, thread);
	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
	assert_rebuilt(dir, log, built);
	tmp_remove(dir);
	tmp_remove(other);
}

static void over(struct disk_io *i)
{
	atomic_store((atomic_bool *)i->user, true);
}

/* Both what is to be over before the snapshot and what must wait for its end:
 * a command that an injected delay holds back. */
static void what_is_under_way_is_in_it(void **state)
{
	static uint8_t buf[512] = "x";
	const struct inject_fault late = { .kind = INJECT_DELAY,
					   .op = INJECT_OP_WRITE,
					   .nr_blocks = 1,
					   .count = 1,
					   .delay_ms = 300 };
	struct iovec iov = { buf, sizeof(buf) };
	atomic_bool is_over = false;
	struct disk_io i = { .op = DISK_WRITE,
			     .nr_blocks = 1,
			     .iov = &iov,
			     .iov_cnt = 1,
			     .done = over,
			     .user = &is_over };
	char *dir = tmp_make(), path[PATH_MAX];
	struct snapshot_work w;
	struct zl_err err = { "" };
	struct disk *d = make(dir);
	uint8_t found = 0;
	uint32_t id;

	(void)state;
	must(snapshot_begin(dir, "one", NULL, NULL, &w, &err), &err);
	must(disk_fault_add(d, &late, &id, &err), &err);
	disk_submit(d, &i);
	assert_false(is_over);
	must(disk_snapshot(d, "one", NULL, &err), &err);
	assert_true(is_over);
	assert_int_equal(i.status, DISK_OK);
	must(snapshot_end(&w, &err), &err);
	must(snapshot_path(dir, "one", path, &err), &err);
	read_bytes(path, 0, 0, &found, 1);
	assert_int_equal(found, 'x');
	disk_close(d);
	tmp_remove(dir);
}

/* A command that takes too long: there is no snapshot, and the disk goes on. */
static void a_command_that_takes_too_long(void **state)
{
	static uint8_t buf[512];
	const struct inject_fault late = { .kind = INJECT_DELAY,
					   .op = INJECT_OP_WRITE,
					   .nr_blocks = 1,
					   .count = 1,
					   .delay_ms = 1000000 };
	struct iovec iov = { buf, sizeof(buf) };
	atomic_bool is_over = false;
	struct disk_io i = { .op = DISK_WRITE,
			     .nr_blocks = 1,
			     .iov = &iov,
			     .iov_cnt = 1,
			     .done = over,
			     .user = &is_over };
	unsigned was_ms = turn_wait_ms;
	struct snapshot_work w;
	struct zl_err err = { "" };
	char *dir = tmp_make();
	struct disk *d = make(dir);
	struct user u = { .disk = d };
	uint32_t id;

	(void)state;
	must(snapshot_begin(dir, "one", NULL, NULL, &w, &err), &err);
	must(disk_fault_add(d, &late, &id, &err), &err);
	disk_submit(d, &i);
	turn_wait_ms = 20;
	assert_int_equal(disk_snapshot(d, "one", NULL, &err), -EBUSY);
	turn_wait_ms = was_ms;
	snapshot_give_up(&w);
	assert_int_equal(io(&u, DISK_WRITE, 100, 1, 1, false), DISK_OK);
	must(disk_fault_clear(d, &err), &err);
	while (!is_over)
		usleep(1000);
	disk_close(d);
	assert_int_equal(snapshot_find(dir, "one", &err), -ENOENT);
	tmp_remove(dir);
}

/* Who has a record open builds from the snapshot with which it begins. */
static void what_is_replayed_is_not_deleted(void **state)
{
	char *dir = tmp_make(), *other = tmp_make();
	char log[128], built[128];
	struct zl_err err = { "" };
	struct disk *d = make(dir);
	struct replay *r;

	(void)state;
	snprintf(log, sizeof(log), "%s/log", other);
	snprintf(built, sizeof(built), "%s/built", other);
	snapshot(d, dir, "base", log);
	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
	must(replay_open(log, NULL, &r, &err), &err);
	assert_int_equal(snapshot_delete(dir, "base", &err), -EBUSY);
	assert_non_null(strstr(err.msg, "restored, cloned or replayed"));
	assert_int_equal(snapshot_find(dir, "base", &err), 0);
	replay_close(r);
	must(snapshot_delete(dir, "base", &err), &err);
	must(replay_open(log, NULL, &r, &err), &err);
	assert_int_equal(
		replay_build(r, 0, NULL, built, NULL, NULL, NULL, &err),
		-ENOENT);
	replay_close(r);
	tmp_remove(dir);
	tmp_remove(other);
}

/* What is taken back is not what was recorded. */
static void a_power_failure_ends_the_record(void **state)
{
	static const struct disk_powerfail all = { .random = false };
	static const char cfg[] = "discard_write_cache";
	struct disk_open_args args = { .may_make = false };
	char *dir = tmp_make(), *other = tmp_make(), log[128];
	struct record_status st;
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d = make(dir);

	(void)state;
	disk_close(d);
	must(disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, '/', true, &err),
	     &err);
	args.opts = &opts;
	must(disk_open(dir, &args, &d, &err), &err);
	snprintf(log, sizeof(log), "%s/log", other);
	snapshot(d, dir, "base", log);
	must(disk_powerfail(d, &all, &err), &err);
	disk_record_status(d, &st);
	assert_false(st.on);
	assert_non_null(strstr(st.why, "a power failure was simulated"));
	assert_int_equal(disk_record_stop(d, "told to", &err), -EIO);
	disk_close(d);
	tmp_remove(dir);
	tmp_remove(other);
}

/*
 * A store below which a sync of another fails while a write is under way, and
 * then the write itself.
 */
struct lossy {
	struct store head; /* first */
	int writes;	   /* since it was told to; negative: it was not */
};

static void lossy_submit(struct store *st, struct store_req *req)
{
	struct lossy *l = (struct lossy *)st;

	if (l->writes < 0 || req->op != STORE_WRITE) {
		store_submit(st->lower, req);
	} else if (!l->writes++) {
		store_submit(st->lower, req);
		store_lost(st, req->slot);
	} else {
		req->res = -EIO;
		req->done(req);
	}
}

static void lossy_close(struct store *st)
{
	store_close(st->lower);
}

static const struct store_ops lossy_ops = {
	.name = "lossy",
	.submit = lossy_submit,
	.close = lossy_close,
};

static struct disk *open_lossy(const char *dir, struct lossy *l)
{
	static const char cfg[] = "capacity_mb=8,zone_size_mb=1,conv_zones=2,"
				  "max_open_zones=0";
	/* Without a worker nothing is tried first. */
	struct disk_open_args args = { .may_make = true, .nr_workers = 1 };
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d;

	must(disk_opts_parse(&opts, cfg, sizeof(cfg) - 1, ',', false, &err),
	     &err);
	args.opts = &opts;
	l->writes = -1;
	store_wrap(&l->head, &lossy_ops, tmp_open(dir));
	must(disk_open_store(&l->head, dir, &args, &d, &err), &err);
	return d;
}

/* It was there once, before its zone's losses were looked at, and was written
 * anew because of them, which failed: none of it was acknowledged. */
static void a_write_that_is_taken_back_is_not_recorded(void **state)
{
	char *dir = tmp_make(), *other = tmp_make(), log[128], built[128];
	struct lossy l = { .writes = -1 };
	struct zl_err err = { "" };
	struct disk *d = open_lossy(dir, &l);
	struct user u = { .disk = d };

	(void)state;
	snprintf(log, sizeof(log), "%s/log", other);
	snprintf(built, sizeof(built), "%s/built", other);
	assert_int_equal(io(&u, DISK_WRITE, 3 * ZONE, 1, 8, false), DISK_OK);
	snapshot(d, dir, "base", log);
	l.writes = 0;
	assert_int_not_equal(io(&u, DISK_WRITE, 3 * ZONE + 8, 2, 8, false),
			     DISK_OK);
	assert_int_equal(l.writes, 2);
	l.writes = -1;
	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
	assert_rebuilt(dir, log, built);
	tmp_remove(dir);
	tmp_remove(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(while_it_is_used),
		cmocka_unit_test(what_is_under_way_is_in_it),
		cmocka_unit_test(a_command_that_takes_too_long),
		cmocka_unit_test(what_is_replayed_is_not_deleted),
		cmocka_unit_test(a_power_failure_ends_the_record),
		cmocka_unit_test(a_write_that_is_taken_back_is_not_recorded),
	};

	return cmocka_run_group_tests_name("replay/beside", tests, NULL, NULL);
}
