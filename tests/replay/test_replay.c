// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands to a disk that is recorded.  Built up to any point the disk
 * is what it was then; after a power failure it has what was promised, by the
 * model that the simulated power failures are held to.  "test_replay SEED
 * [COUNT]" runs other seeds.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "crash/power.h"
#include "disk/snapshot.h"
#include "replay/replay.h"
#include "store/ops.h"

#define NR_STEPS  160
#define NR_KEPT	  12 /* moments that are built */
#define NR_STATES 5  /* … with so many power failures each */
#define NR_NEXT	  40 /* states that are built in one directory */

static uint64_t first_seed = 1, nr_seeds = 5;

struct moment {
	struct power model;
	uint64_t point;
};

struct machine {
	struct power p;
	struct disk *disk;
	char *dir, *parent;
	char log[128], built[128];
	uint64_t seq0;
	struct moment kept[NR_KEPT];
	unsigned nr_kept;
};

static bool never_off(struct power *p)
{
	(void)p;
	return false;
}

static enum disk_status run_on_disk(struct power *p, struct disk_io *io)
{
	struct machine *m = p->user;

	return disk_run(m->disk, io);
}

static struct disk *must_open(const char *dir, unsigned nr_workers)
{
	struct disk_open_args args = { .may_make = true,
				       .nr_workers = nr_workers };
	struct zl_err err = { "" };
	struct disk *d;

	if (disk_open(dir, &args, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

static void must(int ret, const struct zl_err *err)
{
	if (ret)
		fail_msg("%s", err->msg);
}

static void snapshot(struct machine *m, const char *name, const char *log)
{
	struct snapshot_work w;
	struct zl_err err = { "" };

	must(snapshot_begin(m->dir, name, NULL, NULL, &w, &err), &err);
	must(disk_snapshot(m->disk, name, log, &err), &err);
	must(snapshot_end(&w, &err), &err);
}

static void start(struct machine *m, uint64_t seed)
{
	struct record_status st;
	struct store *store;

	memset(m, 0, sizeof(*m));
	m->parent = tmp_make();
	m->dir = tmp_make();
	snprintf(m->log, sizeof(m->log), "%s/log", m->parent);
	snprintf(m->built, sizeof(m->built), "%s/built", m->parent);
	m->p.user = m;
	m->p.is_off = never_off;
	m->p.run = run_on_disk;
	m->p.phys_blocks = seed % 4 ? 1 : 8;
	m->p.host_aware = seed % 3 == 2;
	power_init(&m->p, seed);
	store = tmp_open(m->dir);
	power_sidecar(&m->p, store);
	store_close(store);
	m->disk = must_open(m->dir, seed % 2 ? 2 : 0);
	for (int i = 0; i < 60; i++)
		power_step(&m->p);
	snapshot(m, "base", m->log);
	disk_record_status(m->disk, &st);
	assert_true(st.on);
	m->seq0 = st.seq;
	/* What the snapshot has counts as durable. */
	power_all_safe(&m->p);
}

static void keep(struct machine *m)
{
	struct moment *k = &m->kept[m->nr_kept++];
	struct record_status st;

	disk_record_status(m->disk, &st);
	k->model = m->p;
	k->point = st.seq - m->seq0;
}

static void run_commands(struct machine *m)
{
	for (int i = 0; i < NR_STEPS; i++) {
		if (i % (NR_STEPS / NR_KEPT) == 0 && m->nr_kept < NR_KEPT)
			keep(m);
		power_step(&m->p);
	}
}

static void stop(struct machine *m)
{
	tmp_remove(m->dir);
	tmp_remove(m->parent);
}

static void open_built(struct machine *m, struct power *model)
{
	model->store = tmp_open(m->built);
	model->disk = must_open(m->built, 0);
	model->run = NULL;
}

static void drop_built(struct machine *m, struct power *model)
{
	char cmd[192];

	disk_close(model->disk);
	store_close(model->store);
	snprintf(cmd, sizeof(cmd), "rm -r %s", m->built);
	assert_int_equal(system(cmd), 0);
}

static void build(struct machine *m, struct replay *r, uint64_t point,
		  const struct replay_crash *crash)
{
	struct zl_err err = { "" };
	struct disk_meta meta;

	must(replay_build(r, point, crash, m->built, NULL, NULL, &meta, &err),
	     &err);
	assert_string_not_equal(meta.serial, replay_meta(r)->serial);
}

/* Explicitly opened zones are the process's, and are closed. */
static void as_it_was(struct machine *m, struct replay *r,
		      const struct moment *k)
{
	static struct power model;

	model = k->model;
	build(m, r, k->point, NULL);
	open_built(m, &model);
	power_assert_unchanged(&model);
	drop_built(m, &model);
}

static void after_a_failure(struct machine *m, struct replay *r,
			    const struct moment *k,
			    const struct replay_crash *crash)
{
	static struct power model;

	model = k->model;
	snprintf(model.last, sizeof(model.last),
		 "point %" PRIu64 ", state %" PRIu64 "%s", k->point,
		 crash->state, crash->random ? " at random" : "");
	build(m, r, k->point, crash);
	open_built(m, &model);
	/* Of a larger physical block all is kept if a part of it must be. */
	if (!crash->random && !crash->state && model.phys_blocks == 1)
		power_assert_only_safe(&model);
	else
		power_assert_promises(&model);
	drop_built(m, &model);
}

static void each_state(struct machine *m, struct replay *r,
		       const struct moment *k)
{
	struct replay_crash crash = { .random = true };
	struct zl_err err = { "" };
	uint64_t count;

	for (crash.state = 0; crash.state < NR_STATES; crash.state++)
		after_a_failure(m, r, k, &crash);
	crash.random = false;
	must(replay_count(r, k->point, &count, &err), &err);
	assert_true(count > 0);
	/* The first and the last are the extremes. */
	if (count == UINT64_MAX) {
		crash.state = 0;
		assert_int_equal(replay_build(r, k->point, &crash, m->built,
					      NULL, NULL, NULL, &err),
				 -ERANGE);
		return;
	}
	for (uint64_t i = 0; i < NR_STATES && i < count; i++) {
		crash.state = i ? (count - 1) / i : 0;
		after_a_failure(m, r, k, &crash);
	}
	crash.state = count;
	assert_int_equal(replay_build(r, k->point, &crash, m->built, NULL, NULL,
				      NULL, &err),
			 -ERANGE);
}

/* Byte by byte, which the model's contents are not. */
static void assert_same_files(struct machine *m)
{
	char cmd[512];

	snprintf(cmd, sizeof(cmd),
		 "for f in %s/cnv-* %s/seq-*; do cmp $f %s/${f##*/} || exit 1; "
		 "done",
		 m->dir, m->dir, m->built);
	assert_int_equal(system(cmd), 0);
}

/*
 * States in one directory, one after the other.
 */

/* What a command may do to it. */
static void disturb(const char *dir, unsigned i)
{
	static const char *const what[] = {
		"true",
		"true",
		"echo x >>seq-000003",
		"printf x | dd of=cnv-000001 seek=77 bs=1 conv=notrunc",
		"rm -f seq-000002 seq-000004; echo >other",
		"cp -p seq-000005 x && rm seq-000005 && mv x seq-000002",
		"truncate -s 0 seq-000006; rm zloop.state zloop.json",
	};
	char cmd[512];

	snprintf(cmd, sizeof(cmd), "cd %s && { %s; } 2>/dev/null", dir,
		 what[i % ZL_ARRAY_SIZE(what)]);
	if (system(cmd))
		fail_msg("%s", cmd);
}

static void assert_same_state(struct machine *m, const char *next)
{
	char cmd[768];

	/* Serial numbers differ. */
	snprintf(cmd, sizeof(cmd), "diff -r -x zloop.json %s %s", m->built,
		 next);
	if (system(cmd))
		fail_msg("%s differs from %s", next, m->built);
}

static struct replay_state any_state(struct machine *m, struct replay *r,
				     unsigned i)
{
	struct zl_err err = { "" };
	struct replay_state s = { .crash = { .random = true, .state = i } };
	uint64_t count;

	s.point = m->kept[i * 7 / 3 % m->nr_kept].point;
	must(replay_count(r, s.point, &count, &err), &err);
	if (i % 3 == 0 && count != UINT64_MAX) {
		s.crash.random = false;
		s.crash.state = count / (1 + i % 5) % count;
	}
	return s;
}

static void one_after_the_other(struct machine *m, struct replay *r)
{
	struct replay_state was, now;
	struct zl_err err = { "" };
	char next[160], cmd[384];

	snprintf(next, sizeof(next), "%s/next", m->parent);
	for (unsigned i = 0; i < NR_NEXT; i++) {
		now = any_state(m, r, i);
		must(replay_build_next(r, i ? &was : NULL, &now, next, &err),
		     &err);
		build(m, r, now.point, &now.crash);
		assert_same_state(m, next);
		snprintf(cmd, sizeof(cmd), "rm -r %s", m->built);
		assert_int_equal(system(cmd), 0);
		disturb(next, i);
		was = now;
	}
	snprintf(cmd, sizeof(cmd), "mkdir %s/sub", next);
	assert_int_equal(system(cmd), 0);
	assert_int_equal(replay_build_next(r, &was, &now, next, &err),
			 -ENOTEMPTY);
}

/*
 * Any number of threads build from one record.
 */

struct builder {
	struct machine *m;
	struct replay *r;
	unsigned nr;
	int ret;
};

static void dir_of(const struct builder *b, char dir[160])
{
	snprintf(dir, 160, "%s/thread-%u", b->m->parent, b->nr);
}

/* Asserts nothing: this is not cmocka's thread. */
static void *build_some(void *arg)
{
	struct builder *b = arg;
	struct replay_state was, now;
	struct zl_err err;
	char dir[160];

	dir_of(b, dir);
	for (unsigned i = 0; i < NR_NEXT / 2 && !b->ret; i++) {
		now = any_state(b->m, b->r, b->nr + 2 * i);
		b->ret = replay_build_next(b->r, i ? &was : NULL, &now, dir,
					   &err);
		was = now;
	}
	return NULL;
}

static void two_at_once(struct machine *m, struct replay *r)
{
	struct builder b[2] = { { m, r, 0, 0 }, { m, r, 1, 0 } };
	struct replay_state last;
	pthread_t threads[2];
	char dir[160], cmd[384];

	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, build_some, &b[i]),
			0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(b[i].ret, 0);
		last = any_state(m, r, i + 2 * (NR_NEXT / 2 - 1));
		build(m, r, last.point, &last.crash);
		dir_of(&b[i], dir);
		assert_same_state(m, dir);
		snprintf(cmd, sizeof(cmd), "rm -r %s", m->built);
		assert_int_equal(system(cmd), 0);
	}
}

static void run_seed(uint64_t seed)
{
	struct replay *r;
	struct zl_err err = { "" };
	static struct machine m;
	uint64_t bad;

	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	start(&m, seed);
	run_commands(&m);
	must(disk_record_stop(m.disk, "told to", &err), &err);
	disk_close(m.disk);
	must(replay_open(m.log, NULL, &r, &err), &err);
	assert_true(replay_is_complete(r, &bad));
	assert_int_equal(bad, 0);
	for (unsigned i = 0; i < m.nr_kept; i++) {
		as_it_was(&m, r, &m.kept[i]);
		each_state(&m, r, &m.kept[i]);
	}
	one_after_the_other(&m, r);
	two_at_once(&m, r);
	build(&m, r, replay_last(r), NULL);
	assert_same_files(&m);
	replay_close(r);
	stop(&m);
}

static void random_commands(void **state)
{
	(void)state;
	for (uint64_t seed = first_seed; seed < first_seed + nr_seeds; seed++)
		run_seed(seed);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_commands),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 2)
		nr_seeds = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
