// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Many disks in one process: what an idle one has, and one that hangs. */
#include "disk_fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <unistd.h>

#include "disk/dirs.h"
#include "held.h"
#include "skip.h"
#include "stores/hang.h"

#define NR_DISKS   50u
#define NR_WORKERS 8u
#define NR_IOS	   12u /* at once */

static struct disk *open_file_disk(const char *path, bool make)
{
	struct disk_open_args args;
	struct disk_opts opts;
	struct zl_err err;
	struct disk *d;

	fill_args(&args, &opts, make ? USUAL : NULL, USUAL_SIZE, MAKE);
	args.nr_workers = NR_WORKERS;
	args.note_flight = true;
	if (disk_open(path, &args, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

/* A directory and the locked file each, and one thread for all. */
static void idle_ones(void **state)
{
	static struct tmp_dir dirs[NR_DISKS];
	struct disk *disks[NR_DISKS];
	unsigned nr_threads, nr_fds;

	(void)state;
	for (unsigned i = 0; i < NR_DISKS; i++) {
		tmp_dir_make(&dirs[i]);
		disk_close(open_file_disk(dirs[i].path, true));
	}
	nr_threads = held_threads();
	nr_fds = held_fds();
	for (unsigned i = 0; i < NR_DISKS; i++) {
		disks[i] = open_file_disk(dirs[i].path, false);
		assert_int_equal(held_threads(), nr_threads + 1);
		assert_int_equal(held_fds(), nr_fds + 2 * (i + 1));
	}
	for (unsigned i = 0; i < NR_DISKS; i++)
		disk_close(disks[i]);
	assert_int_equal(held_threads(), nr_threads);
	assert_int_equal(held_fds(), nr_fds);
	for (unsigned i = 0; i < NR_DISKS; i++)
		tmp_dir_drop(&dirs[i]);
}

static struct store_hang hang;

static struct store *hang_new(struct store *lower)
{
	return store_hang_new(lower, &hang);
}

struct reads {
	struct disk_io io[NR_IOS];
	struct iovec iov;
	uint8_t data[BLOCK];
	sem_t done;
};

static void read_done(struct disk_io *io)
{
	struct reads *r = io->user;

	sem_post(&r->done);
}

static void read_many(struct fixture *f, struct reads *r)
{
	sem_init(&r->done, 0, 0);
	r->iov = (struct iovec){ r->data, BLOCK };
	for (unsigned i = 0; i < NR_IOS; i++) {
		r->io[i] = (struct disk_io){ .op = DISK_READ,
					     .nr_blocks = 1,
					     .iov = &r->iov,
					     .iov_cnt = 1,
					     .done = read_done,
					     .user = r };
		disk_io_new(&r->io[i]);
		disk_submit(f->disk, &r->io[i]);
	}
}

static void end_reads(struct reads *r)
{
	for (unsigned i = 0; i < NR_IOS; i++)
		while (sem_wait(&r->done))
			;
	for (unsigned i = 0; i < NR_IOS; i++)
		assert_int_equal(r->io[i].status, DISK_OK);
	sem_destroy(&r->done);
}

/* A write, a flush and a reset of another disk. */
static void use(struct fixture *f)
{
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
}

/* So many disks hang, each with more than it may have begun; others go on. */
static void others_go_on(unsigned nr)
{
	struct fixture f[NR_WORKERS + 1];
	static struct reads reads[NR_WORKERS];

	fixture_wrap = hang_new;
	for (unsigned i = 0; i < nr; i++)
		fixture_start(&f[i], FIXTURE_CFG, NR_WORKERS);
	fixture_wrap = NULL;
	fixture_start(&f[nr], FIXTURE_CFG, NR_WORKERS);
	store_hang_set(&hang, true);
	for (unsigned i = 0; i < nr; i++)
		read_many(&f[i], &reads[i]);
	store_hang_wait(&hang, nr * NR_WORKERS);
	for (unsigned i = 0; i < 20; i++)
		use(&f[nr]);
	store_hang_set(&hang, false);
	for (unsigned i = 0; i < nr; i++) {
		end_reads(&reads[i]);
		fixture_stop(&f[i]);
	}
	fixture_stop(&f[nr]);
}

static void one_that_hangs(void **state)
{
	(void)state;
	others_go_on(1);
}

/* More than there are threads in common. */
static void several_that_hang(void **state)
{
	(void)state;
	others_go_on(NR_WORKERS);
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(idle_ones),
		cmocka_unit_test(one_that_hangs),
		cmocka_unit_test(several_that_hang),
	};

	pthread_t thread;

	/* ThreadSanitizer's own comes with the first one. */
	pthread_create(&thread, NULL, nothing, NULL);
	pthread_join(thread, NULL);
	store_hang_init(&hang);
	return skip_run_tests(tests, NULL, NULL);
}
