// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Nothing that was called durable is lost, and nothing lost is called good,
 * over a model of Linux that tells of a lost write once (stores/medium.h):
 * several threads, few descriptors, removals, deaths of the process, remounts.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/num.h"
#include "disk/dirs.h"
#include "disk/io/io.h"
#include "disk/life/open.h"
#include "disk/snapshot.h"
#include "store/file/file.h"
#include "stores/medium.h"
#include "stores/zone_call.h"

#define CFG	   "zone_size_mb=1,conv_zones=2"
#define BLOCK	   512u
#define ZONE	   2048u
#define NR_ZONES   8u
#define NR_CONV	   2u
#define NR_THREADS 3u
#define USED	   24u /* blocks of each zone */
#define STEPS	   160u
#define NEVER	   0u
#define UNKNOWN	   UINT32_MAX
#define FDS	   4
#define NR_VALUES  (1u << 17)

/* What is lost is lost in a moment between two threads: many tries. */
#ifdef __SANITIZE_THREAD__
#define ROUNDS 8u
#else
#define ROUNDS 120u
#endif

/* The way in which zone files are written, with the model in it. */
long syscall(long nr, ...)
{
	struct zone_call c;
	long arg[6];
	va_list ap;

	va_start(ap, nr);
	zone_call_args(ap, arg);
	va_end(ap);
	if (!zone_call_of(&c, nr, arg))
		return zone_call_other(nr, arg);
	return c.write ? medium_write(&c) : zone_call_make(&c);
}

int posix_fadvise(int fd, off_t off, off_t len, int advice)
{
	(void)off, (void)len;
	if (advice == POSIX_FADV_DONTNEED)
		medium_drop(fd);
	return 0;
}

/* What a block has: a number that is written all over it. */
struct block {
	uint32_t acked;	  /* last GOOD write; UNKNOWN: a later one failed */
	uint32_t durable; /* … that is promised to be on the medium */
};

struct zone {
	struct block block[USED];
	uint32_t wp;
};

static struct world {
	struct tmp_dir dir;
	bool nfs;
	struct disk *disk;
	struct zone zone[NR_ZONES];
	atomic_uint next;
	uint16_t place[NR_VALUES]; /* where each was written */
} w;

/* Thread t has all of sequential zone NR_CONV + t and its own blocks of the
 * conventional ones, so that nobody else changes what it compares. */
struct job {
	unsigned nr;
	uint64_t rng;
	unsigned good, failed;
};

static unsigned pick(struct job *j, unsigned n)
{
	j->rng = j->rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(j->rng >> 33) % n;
}

static void fill(uint32_t *data, uint32_t value)
{
	for (unsigned i = 0; i < BLOCK / 4; i++)
		data[i] = value;
}

static void path_of(uint32_t zone, char path[160])
{
	snprintf(path, 160, "%s/%s-%06u", w.dir.path,
		 zone < NR_CONV ? "cnv" : "seq", zone);
}

static bool is_on_medium(uint32_t zone, uint32_t b, uint32_t value)
{
	uint32_t data[BLOCK / 4];
	char path[160];

	fill(data, value);
	path_of(zone, path);
	return medium_has(path, b, data);
}

static void must_be_on_medium(uint32_t zone, uint32_t b)
{
	if (!is_on_medium(zone, b, w.zone[zone].block[b].durable))
		fail_msg("zone %u block %u is not durable", zone, b);
}

static enum disk_status rw(enum disk_op op, uint32_t zone, uint32_t b, bool fua,
			   void *data)
{
	struct iovec iov = { .iov_base = data, .iov_len = BLOCK };
	struct disk_io io = { .op = op,
			      .lba = (uint64_t)zone * ZONE + b,
			      .nr_blocks = 1,
			      .fua = fua,
			      .iov = &iov,
			      .iov_cnt = 1 };

	if (disk_try(w.disk, &io))
		return io.status;
	return disk_run(w.disk, &io);
}

static bool owns(const struct job *j, uint32_t zone, uint32_t b)
{
	return zone < NR_CONV ? b % NR_THREADS == j->nr
			      : zone == NR_CONV + j->nr;
}

/*
 * All that the thread wrote to the zone, or everywhere (NR_ZONES), is promised
 * to be durable.  A FUA write promises nothing of blocks that an earlier sync
 * has lost: these are unreadable.
 */
static void now_durable(struct job *j, uint32_t only)
{
	uint32_t data[BLOCK / 4];

	for (uint32_t z = 0; z < NR_ZONES; z++) {
		for (uint32_t b = 0; b < USED; b++) {
			struct block *block = &w.zone[z].block[b];

			if (!owns(j, z, b) || (only < NR_ZONES && z != only) ||
			    block->acked == UNKNOWN || block->acked == NEVER)
				continue;
			if (only < NR_ZONES &&
			    !is_on_medium(z, b, block->acked) &&
			    rw(DISK_READ, z, b, false, data) != DISK_OK)
				continue;
			block->durable = block->acked;
			must_be_on_medium(z, b);
		}
	}
}

static void write_block(struct job *j, uint32_t zone, uint32_t b)
{
	uint32_t value = atomic_fetch_add(&w.next, 1), data[BLOCK / 4];
	struct block *block = &w.zone[zone].block[b];
	bool fua = pick(j, 2), seq = zone >= NR_CONV;
	enum disk_status status;

	fill(data, value);
	assert_in_range(value, 0, NR_VALUES - 1);
	w.place[value] = (uint16_t)(zone * USED + b);
	status = rw(DISK_WRITE, zone, b, fua, data);
	if (status != DISK_OK) {
		j->failed++;
		/* A sequential zone is as it was. */
		if (!seq)
			*block = (struct block){ UNKNOWN, UNKNOWN };
		return;
	}
	j->good++;
	block->acked = value;
	if (seq)
		w.zone[zone].wp++;
	if (fua && seq) {
		now_durable(j, zone);
	} else if (fua) {
		block->durable = value;
		must_be_on_medium(zone, b);
	}
}

static enum disk_status zone_reset(uint32_t zone)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .lba = (uint64_t)zone * ZONE,
			      .zone_op = ZO_RESET };

	return disk_run(w.disk, &io);
}

static void append(struct job *j)
{
	uint32_t zone = NR_CONV + j->nr;

	if (w.zone[zone].wp == USED || !pick(j, 16)) {
		assert_int_equal(zone_reset(zone), DISK_OK);
		memset(&w.zone[zone], 0, sizeof(w.zone[zone]));
	}
	write_block(j, zone, w.zone[zone].wp);
}

static void sync_all(struct job *j)
{
	struct disk_io io = { .op = DISK_SYNC };

	if (disk_run(w.disk, &io) == DISK_OK)
		now_durable(j, NR_ZONES);
}

/* What was written there later than what is safe may be there as well. */
static bool is_later(uint32_t value, uint32_t zone, uint32_t b)
{
	const struct block *block = &w.zone[zone].block[b];

	return value > block->durable && value <= block->acked &&
	       w.place[value] == zone * USED + b;
}

/* GOOD with what was acknowledged, or no GOOD. */
static void read_block(uint32_t zone, uint32_t b, bool lost_cache)
{
	struct block *block = &w.zone[zone].block[b];
	uint32_t data[BLOCK / 4], want = block->acked;

	if (lost_cache)
		want = block->durable;
	if (want == UNKNOWN || want == NEVER)
		return;
	if (rw(DISK_READ, zone, b, false, data) != DISK_OK)
		return;
	if (data[0] != want && !(lost_cache && is_later(data[0], zone, b)))
		fail_msg("zone %u block %u has %u instead of %u", zone, b,
			 data[0], want);
	/* Whichever of the two it is, the other one is gone. */
	if (lost_cache)
		block->acked = block->durable = data[0];
}

/* What a READ with FUA returns is on the medium, whatever it is. */
static void read_fua(uint32_t zone, uint32_t b)
{
	uint32_t data[BLOCK / 4];

	if (rw(DISK_READ, zone, b, true, data) == DISK_OK && data[0] != NEVER &&
	    !is_on_medium(zone, b, data[0]))
		fail_msg("zone %u block %u has been read with FUA, but is not "
			 "durable",
			 zone, b);
}

static void *work(void *arg)
{
	struct job *j = arg;
	uint32_t b;

	for (unsigned i = 0; i < STEPS; i++) {
		b = pick(j, USED / NR_THREADS) * NR_THREADS + j->nr;
		switch (pick(j, 8)) {
		case 0:
			sync_all(j);
			break;
		case 1:
			read_block(pick(j, NR_CONV), b, false);
			read_fua(pick(j, NR_CONV), b);
			break;
		case 2:
		case 3:
			append(j);
			if (w.zone[NR_CONV + j->nr].wp)
				read_fua(NR_CONV + j->nr,
					 pick(j, w.zone[NR_CONV + j->nr].wp));
			break;
		default:
			write_block(j, pick(j, NR_CONV), b);
		}
	}
	return NULL;
}

static void open_it(const char *options)
{
	struct disk_open_args args = { .nr_workers = NR_THREADS };
	struct disk_opts opts;
	struct zl_err err = { "" };

	assert_int_equal(disk_opts_parse(&opts, options, strlen(options), ',',
					 false, &err),
			 0);
	args.opts = &opts;
	args.may_make = true;
	args.size_bytes = *options ? (uint64_t)NR_ZONES * ZONE * BLOCK : 0;
	if (disk_open(w.dir.path, &args, &w.disk, &err))
		fail_msg("%s", err.msg);
	if (w.nfs)
		to_file(w.disk->store)->fs.kind = FS_NFS;
}

static void each_file(void (*fn)(const char *path))
{
	char path[160];

	for (uint32_t z = 0; z < NR_ZONES; z++) {
		path_of(z, path);
		fn(path);
	}
}

enum ending {
	REMOVED, /* and added again: the page cache stays */
	REMOVED_REMOUNTED,
	DIED,
	POWER_LOST,
	NR_ENDINGS,
};

static void read_all(bool lost_cache)
{
	for (uint32_t z = 0; z < NR_ZONES; z++)
		for (uint32_t b = 0; b < USED; b++)
			read_block(z, b, lost_cache);
}

static void forget_undurable(void)
{
	for (uint32_t z = 0; z < NR_ZONES; z++)
		for (uint32_t b = 0; b < USED; b++)
			if (w.zone[z].block[b].acked !=
			    w.zone[z].block[b].durable)
				w.zone[z].block[b].acked = UNKNOWN;
}

static void end_round(enum ending ending)
{
	medium_fail_one_in(0);
	if (ending == REMOVED || ending == REMOVED_REMOUNTED)
		disk_close(w.disk);
	else
		disk_abandon(w.disk);
	if (ending == DIED)
		each_file(medium_write_back_all);
	if (ending == REMOVED_REMOUNTED || ending == POWER_LOST)
		each_file(medium_remount);
	open_it("");
	read_all(ending == POWER_LOST);
	if (ending == POWER_LOST)
		forget_undurable();
}

static void run_round(uint64_t seed, enum ending ending)
{
	struct job job[NR_THREADS] = { { 0 } };
	pthread_t thread[NR_THREADS];

	store_file_set_max_fds(FDS);
	medium_fail_one_in(6);
	for (unsigned i = 0; i < NR_THREADS; i++) {
		job[i].nr = i;
		job[i].rng = seed * NR_THREADS + i;
		assert_int_equal(
			pthread_create(&thread[i], NULL, work, &job[i]), 0);
	}
	for (unsigned i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_true(job[i].good);
	}
	end_round(ending);
}

static void run_rounds(uint64_t seed, bool nfs)
{
	memset(&w, 0, sizeof(w));
	atomic_store(&w.next, 1);
	w.nfs = nfs;
	tmp_dir_make(&w.dir);
	medium_start(seed);
	if (nfs)
		medium_tell_writers();
	open_it(CFG);
	for (unsigned i = 0; i < ROUNDS; i++)
		run_round(seed * ROUNDS + i, (enum ending)(i % NR_ENDINGS));
	disk_close(w.disk);
	medium_stop();
	tmp_dir_drop(&w.dir);
}

static void nothing_lost_is_called_good(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2; seed++)
		run_rounds(seed, false);
}

static void nor_what_a_write_was_told_of(void **state)
{
	(void)state;
	run_rounds(3, true);
}

/* A descriptor is closed to make room, and what that loses no command asks for
 * before the process dies. */
static void what_is_lost_in_passing_is_known(void **state)
{
	uint32_t data[BLOCK / 4];

	(void)state;
	memset(&w, 0, sizeof(w));
	tmp_dir_make(&w.dir);
	medium_start(1);
	open_it(CFG);
	store_file_set_max_fds(FDS);
	fill(data, 1);
	assert_int_equal(rw(DISK_WRITE, 0, 0, false, data), DISK_OK);
	medium_fail_one_in(1);
	for (uint32_t z = 1; z < NR_ZONES; z++)
		assert_int_equal(rw(DISK_WRITE, z, 0, false, data), DISK_OK);
	medium_fail_one_in(0);
	assert_false(is_on_medium(0, 0, 1));
	disk_abandon(w.disk);
	each_file(medium_write_back_all);
	open_it("");
	assert_int_equal(rw(DISK_READ, 0, 0, false, data), DISK_READ_ERROR);
	disk_close(w.disk);
	medium_stop();
	tmp_dir_drop(&w.dir);
}

/* All descriptors are closed, as when the process has no more of them, and the
 * syncs of those that are dirty fail. */
static void lose_all_at_once(void)
{
	medium_fail_one_in(1);
	while (fd_evict(NULL))
		;
	medium_fail_one_in(0);
}

/* Not told of before the next sync, but not GOOD with what the medium has
 * either; and what is written from then on is as good as any. */
static void what_nobody_was_told_of_is_not_read(void **state)
{
	uint32_t data[BLOCK / 4];
	static const uint32_t zones[] = { 0, NR_CONV };

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(zones); i++) {
		memset(&w, 0, sizeof(w));
		tmp_dir_make(&w.dir);
		medium_start(1);
		open_it(CFG);
		for (uint32_t b = 0; b < 3; b++) {
			fill(data, 1 + b);
			assert_int_equal(
				rw(DISK_WRITE, zones[i], b, false, data),
				DISK_OK);
		}
		lose_all_at_once();
		assert_int_equal(rw(DISK_READ, zones[i], 1, false, data),
				 DISK_READ_ERROR);
		fill(data, 9);
		assert_int_equal(rw(DISK_WRITE, zones[i], 3, false, data),
				 DISK_OK);
		fill(data, 0);
		assert_int_equal(rw(DISK_READ, zones[i], 3, false, data),
				 DISK_OK);
		assert_int_equal(data[0], 9);
		/* The process dies before anybody has synced. */
		disk_abandon(w.disk);
		each_file(medium_write_back_all);
		open_it("");
		for (uint32_t b = 0; b < 3; b++)
			assert_int_equal(
				rw(DISK_READ, zones[i], b, false, data),
				DISK_READ_ERROR);
		assert_int_equal(rw(DISK_READ, zones[i], 3, false, data),
				 DISK_OK);
		assert_int_equal(data[0], 9);
		disk_close(w.disk);
		medium_stop();
		tmp_dir_drop(&w.dir);
	}
}

/* The same where nothing is read in between: a write comes first. */
static void nor_is_it_forgotten_by_a_write(void **state)
{
	uint32_t data[BLOCK / 4];

	(void)state;
	memset(&w, 0, sizeof(w));
	tmp_dir_make(&w.dir);
	medium_start(1);
	open_it(CFG);
	fill(data, 1);
	for (uint32_t b = 0; b < 3; b++)
		assert_int_equal(rw(DISK_WRITE, 0, b, false, data), DISK_OK);
	lose_all_at_once();
	fill(data, 2);
	assert_int_equal(rw(DISK_WRITE, 0, 1, false, data), DISK_OK);
	assert_int_equal(rw(DISK_READ, 0, 1, false, data), DISK_OK);
	assert_int_equal(data[0], 2);
	assert_int_equal(rw(DISK_READ, 0, 0, false, data), DISK_READ_ERROR);
	assert_int_equal(rw(DISK_READ, 0, 2, false, data), DISK_READ_ERROR);
	disk_close(w.disk);
	medium_stop();
	tmp_dir_drop(&w.dir);
}

/*
 * A snapshot meanwhile: of what is lost while it is made, or was lost before,
 * it has no block GOOD with something else than was written.
 */

static struct {
	void (*lose)(void);
	unsigned at, nr;
	bool met;
} copying;

static void copying_call(void)
{
	void (*lose)(void) = copying.lose;

	if (!lose || copying.nr++ != copying.at)
		return;
	copying.lose = NULL;
	copying.met = true;
	lose();
}

/* Of each file that is copied, the first and the last call. */
ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t len,
			unsigned flags)
{
	(void)in, (void)from, (void)out, (void)to, (void)len, (void)flags;
	copying_call();
	errno = EXDEV;
	return -1;
}

int futimens(int fd, const struct timespec times[2])
{
	copying_call();
	return utimensat(fd, "", times, AT_EMPTY_PATH);
}

static void drop_pages(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	medium_drop(fd);
	close(fd);
}

/* Counted, but no command comes that could tell it. */
static void lose_counted(void)
{
	lose_all_at_once();
	each_file(drop_pages);
}

/* As the kernel does when it writes back by itself. */
static void lose_uncounted(void)
{
	medium_fail_one_in(1);
	each_file(medium_write_back_all);
	medium_fail_one_in(0);
	each_file(drop_pages);
}

static void write_some(uint32_t first)
{
	uint32_t data[BLOCK / 4];

	for (uint32_t z = 0; z < NR_ZONES; z++)
		for (uint32_t b = 0; b < 3; b++) {
			fill(data, first + z * 3 + b);
			assert_int_equal(rw(DISK_WRITE, z, b, false, data),
					 DISK_OK);
		}
}

static void must_be_sound(uint32_t first, unsigned n)
{
	uint32_t data[BLOCK / 4];

	for (uint32_t z = 0; z < NR_ZONES; z++)
		for (uint32_t b = 0; b < 3; b++)
			if (rw(DISK_READ, z, b, false, data) == DISK_OK &&
			    data[0] != first + z * 3 + b)
				fail_msg("lost at call %u: zone %u block %u "
					 "has %u",
					 n, z, b, data[0]);
}

static int snapshot(void (*lose)(void), unsigned at)
{
	struct snapshot_work work;
	struct zl_err err;
	int ret;

	if (snapshot_begin(w.dir.path, "s", NULL, NULL, &work, &err))
		fail_msg("%s", err.msg);
	copying.lose = at ? lose : NULL;
	copying.at = at - 1;
	copying.nr = 0;
	copying.met = !at;
	write_some(101);
	if (!at)
		lose();
	ret = disk_snapshot(w.disk, "s", NULL, &err);
	copying.lose = NULL;
	if (ret)
		snapshot_give_up(&work);
	else if (snapshot_end(&work, &err))
		fail_msg("%s", err.msg);
	return ret;
}

/* True: it was reached. */
static bool snapshot_and_lose(void (*lose)(void), unsigned at, unsigned *taken)
{
	char top[sizeof(w.dir.path)];
	int ret;

	memset(&w, 0, sizeof(w));
	tmp_dir_make(&w.dir);
	medium_start(1);
	open_it(CFG);
	ret = snapshot(lose, at);
	disk_close(w.disk);
	*taken += !ret;
	if (!ret) {
		strcpy(top, w.dir.path);
		strcat(w.dir.path, "/zloop.snapshots/s");
		open_it("");
		must_be_sound(101, at);
		disk_close(w.disk);
		strcpy(w.dir.path, top);
	}
	medium_stop();
	tmp_dir_drop(&w.dir);
	return copying.met;
}

static void a_snapshot_knows_what_is_lost(void **state)
{
	unsigned at, taken = 0;

	(void)state;
	for (at = 0; snapshot_and_lose(lose_counted, at, &taken); at++)
		;
	assert_in_range(at, NR_ZONES, 100);
	assert_int_equal(taken, at + 1);
	for (at = 0; snapshot_and_lose(lose_uncounted, at, &taken); at++)
		;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_knows_what_is_lost),
		cmocka_unit_test(what_nobody_was_told_of_is_not_read),
		cmocka_unit_test(nor_is_it_forgotten_by_a_write),
		cmocka_unit_test(what_is_lost_in_passing_is_known),
		cmocka_unit_test(nothing_lost_is_called_good),
		cmocka_unit_test(nor_what_a_write_was_told_of),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
