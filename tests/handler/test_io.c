// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Many commands at a time: data, order within a zone, batches, zone commands
 * beside writes, and devices that go.
 */
#include "rig.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#define DEPTH	 32
#define MAX_XFER 64u /* blocks */

/* A command with its own buffer. */
struct job {
	struct runner_cmd cmd;
	uint8_t data[MAX_XFER * 512];
	uint64_t lba;
	uint32_t blocks, tag;
	atomic_int over;
	sem_t *more; /* posted when it is over; may be NULL */
};

static void job_done(struct runner_cmd *cmd)
{
	struct job *job = cmd->user;
	sem_t *more = job->more;

	atomic_store(&job->over, 1);
	if (more)
		sem_post(more);
}

static void job_init(struct job *job, uint8_t opcode, uint64_t lba,
		     uint32_t blocks, uint32_t tag)
{
	assert_true(blocks <= MAX_XFER);
	memset(&job->cmd, 0, sizeof(job->cmd));
	job->lba = lba;
	job->blocks = blocks;
	job->tag = tag;
	job->over = 0;
	job->more = NULL;
	cdb_rw(job->cmd.cdb, opcode, lba, blocks);
	job->cmd.cdb_len = 16;
	job->cmd.dir = opcode == 0x8a ? RUNNER_OUT : RUNNER_IN;
	job->cmd.data = job->data;
	job->cmd.data_len = blocks * 512;
	job->cmd.done = job_done;
	job->cmd.user = job;
	if (opcode == 0x8a)
		fill(job->data, lba, blocks, tag);
	else
		memset(job->data, 0xdb, sizeof(job->data));
}

static void job_write(struct job *job, uint64_t lba, uint32_t blocks,
		      uint32_t tag)
{
	job_init(job, 0x8a, lba, blocks, tag);
}

static void job_read(struct job *job, uint64_t lba, uint32_t blocks,
		     uint32_t tag)
{
	job_init(job, 0x88, lba, blocks, tag);
}

static void job_cdb(struct job *job, const uint8_t *cdb, uint32_t len)
{
	job_init(job, 0x88, 0, 0, 0);
	memcpy(job->cmd.cdb, cdb, 16);
	job->cmd.dir = len ? RUNNER_IN : RUNNER_NONE;
	job->cmd.data_len = len;
}

static void job_zone(struct job *job, uint8_t sa, uint64_t lba)
{
	uint8_t cdb[16];

	cdb_zone(cdb, sa, lba, false);
	job_cdb(job, cdb, 0);
}

static uint32_t job_sense(const struct job *job)
{
	const uint8_t *s = job->cmd.sense;

	return job->cmd.status == 2
		       ? (uint32_t)(s[2] & 15) << 16 | s[12] << 8 | s[13]
		       : job->cmd.status;
}

/* Submits as one batch, or as it comes, and waits for all. */
static void run_jobs(struct rig *rig, struct job *jobs, unsigned n, bool batch)
{
	if (batch)
		runner_hold(rig->dev);
	for (unsigned i = 0; i < n; i++)
		runner_submit(rig->dev, &jobs[i].cmd);
	if (batch)
		runner_release(rig->dev);
	assert_int_equal(runner_drain(rig->dev, 60000), 0);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(jobs[i].over, 1);
}

static struct job *new_jobs(unsigned n)
{
	struct job *jobs = calloc(n, sizeof(*jobs));

	assert_non_null(jobs);
	return jobs;
}

static uint64_t wp_of(struct rig *rig, unsigned zone)
{
	struct rig_zone_info z;

	rig_report(rig, ZONE(zone), &z);
	return z.wp - z.start;
}

/*
 * A host that keeps one write in flight per sequential zone, writes and reads
 * everywhere, resets what is full, and knows what must be there.
 */

struct host_zone {
	uint32_t tag;  /* of what is written since the last reset */
	uint32_t wp;   /* acknowledged */
	unsigned busy; /* jobs in flight */
	bool writing;
};

struct host {
	struct rig *rig;
	struct host_zone zones[RIG_ZONES];
	struct job *jobs; /* DEPTH; blocks 0: idle */
	bool used[DEPTH];
	sem_t more;
	uint64_t seed;
	unsigned writes, reads, resets;
};

static bool is_conv(unsigned zone)
{
	return zone < RIG_CONV;
}

static unsigned zone_of(const struct job *job)
{
	return (unsigned)(job->lba / ZONE_BLOCKS);
}

static bool start_reset(struct host *h, struct job *job, unsigned zone)
{
	struct host_zone *z = &h->zones[zone];

	if (is_conv(zone) || z->busy || z->wp < ZONE_BLOCKS / 2)
		return false;
	job_zone(job, SA_RESET, ZONE(zone));
	job->lba = ZONE(zone);
	z->writing = true; /* nothing else meanwhile */
	z->tag++;
	z->wp = 0;
	h->resets++;
	return true;
}

static bool start_write(struct host *h, struct job *job, unsigned zone)
{
	struct host_zone *z = &h->zones[zone];
	uint32_t blocks = 1 + rnd_below(&h->seed, MAX_XFER);

	if (z->writing)
		return false;
	if (z->wp == ZONE_BLOCKS && !is_conv(zone))
		return start_reset(h, job, zone);
	if (z->wp == ZONE_BLOCKS)
		z->wp = 0; /* round and round */
	if (z->wp + blocks > ZONE_BLOCKS)
		blocks = ZONE_BLOCKS - z->wp;
	job_write(job, ZONE(zone) + z->wp, blocks, z->tag);
	if (rnd_below(&h->seed, 16) == 0)
		job->cmd.cdb[1] = 0x08; /* FUA */
	z->writing = true;
	h->writes++;
	return true;
}

static bool start_read(struct host *h, struct job *job, unsigned zone)
{
	struct host_zone *z = &h->zones[zone];
	uint32_t at, blocks;

	if (!z->wp)
		return false;
	at = rnd_below(&h->seed, z->wp);
	blocks = 1 +
		 rnd_below(&h->seed, (uint32_t)min_u64(MAX_XFER, z->wp - at));
	job_read(job, ZONE(zone) + at, blocks, z->tag);
	h->reads++;
	return true;
}

static bool start(struct host *h, struct job *job)
{
	unsigned zone = rnd_below(&h->seed, RIG_ZONES);
	struct host_zone *z = &h->zones[zone];
	uint32_t what = rnd_below(&h->seed, 10);
	bool ok;

	/* A reset is under way: it is the only one. */
	if (z->writing && !z->wp)
		return false;
	if (what < 6)
		ok = start_write(h, job, zone);
	else if (what < 9)
		ok = start_read(h, job, zone);
	else
		ok = start_reset(h, job, zone);
	z->busy += ok;
	return ok;
}

static void finish(struct host *h, struct job *job)
{
	struct host_zone *z = &h->zones[zone_of(job)];

	assert_int_equal(job_sense(job), 0);
	z->busy--;
	switch (job->cmd.cdb[0]) {
	case 0x88:
		assert_filled(job->data, job->lba, job->blocks, job->tag);
		break;
	case 0x8a:
		z->wp += job->blocks;
		z->writing = false;
		break;
	default:
		z->writing = false;
	}
}

/* Returns whether anything is in flight. */
static bool submit_some(struct host *h)
{
	bool any = false;

	for (unsigned i = 0; i < DEPTH; i++) {
		struct job *job = &h->jobs[i];

		for (int tries = 0; !h->used[i] && tries < 8; tries++)
			if (start(h, job)) {
				h->used[i] = true;
				job->more = &h->more;
				runner_submit(h->rig->dev, &job->cmd);
			}
		any |= h->used[i];
	}
	return any;
}

static unsigned reap(struct host *h)
{
	unsigned left = 0;

	for (unsigned i = 0; i < DEPTH; i++)
		if (h->used[i] && atomic_load(&h->jobs[i].over)) {
			h->used[i] = false;
			finish(h, &h->jobs[i]);
		} else {
			left += h->used[i];
		}
	return left;
}

static void check_all(struct host *h)
{
	static uint8_t data[ZONE_BLOCKS * 512];

	for (unsigned i = 0; i < RIG_ZONES; i++) {
		if (!is_conv(i))
			assert_int_equal(wp_of(h->rig, i), h->zones[i].wp);
		assert_int_equal(rig_read(h->rig, ZONE(i), ZONE_BLOCKS, data),
				 0);
		assert_filled(data, ZONE(i), h->zones[i].wp, h->zones[i].tag);
	}
}

static void load_with(struct rig *rig, enum runner_split split, uint64_t seed,
		      unsigned commands)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .ring.split = split,
					    .ring.depth = DEPTH,
					    .ring.seed = (uint32_t)seed };
	struct host h = { .rig = rig, .seed = seed };

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	h.jobs = new_jobs(DEPTH);
	sem_init(&h.more, 0, 0);
	while (h.writes + h.reads + h.resets < commands) {
		if (!submit_some(&h))
			continue;
		while (sem_wait(&h.more))
			;
		reap(&h);
	}
	assert_int_equal(runner_drain(rig->dev, 60000), 0);
	assert_int_equal(reap(&h), 0);
	print_message("%u writes, %u reads, %u resets\n", h.writes, h.reads,
		      h.resets);
	assert_true(h.writes > commands / 10 && h.reads > commands / 10);
	assert_true(h.resets > 5);
	check_all(&h);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	check_all(&h);
	sem_destroy(&h.more);
	free(h.jobs);
}

static void load_whole(void **state)
{
	load_with(*state, RUNNER_WHOLE, 1, 10000);
}

static void load_pages(void **state)
{
	load_with(*state, RUNNER_PAGES, 2, 5000);
}

static void load_odd(void **state)
{
	load_with(*state, RUNNER_ODD, 3, 5000);
}

/*
 * Order within a zone.
 */

/* As many as fit, all at once: they run in the order they came in. */
static void writes_of_one_zone_keep_their_order(void **state)
{
	struct rig *rig = *state;
	struct job *jobs = new_jobs(100);
	uint8_t data[512];

	for (unsigned batch = 0; batch < 2; batch++) {
		unsigned zone = 6 + batch;

		for (unsigned i = 0; i < 100; i++)
			job_write(&jobs[i], ZONE(zone) + 7 * i, 7, 1);
		run_jobs(rig, jobs, 100, batch);
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(job_sense(&jobs[i]), 0);
		assert_int_equal(wp_of(rig, zone), 700);
		for (unsigned i = 0; i < 700; i++) {
			assert_int_equal(rig_read(rig, ZONE(zone) + i, 1, data),
					 0);
			assert_filled(data, ZONE(zone) + i, 1, 1);
		}
	}
	free(jobs);
}

/* Zone commands of one zone are part of the order. */
static void zone_commands_keep_the_order(void **state)
{
	struct rig *rig = *state;
	struct job *jobs = new_jobs(8);
	uint64_t z = ZONE(8);
	struct rig_zone_info info;

	for (unsigned batch = 0; batch < 2; batch++) {
		job_write(&jobs[0], z, 8, 1);
		job_write(&jobs[1], z + 8, 8, 1);
		job_zone(&jobs[2], SA_RESET, z);
		job_write(&jobs[3], z + 16, 8, 2); /* was right before */
		job_write(&jobs[4], z, 8, 2);
		job_zone(&jobs[5], SA_FINISH, z);
		job_write(&jobs[6], z + 8, 8, 2); /* full */
		job_zone(&jobs[7], SA_RESET, z);
		run_jobs(rig, jobs, 8, batch);
		assert_int_equal(job_sense(&jobs[0]), 0);
		assert_int_equal(job_sense(&jobs[1]), 0);
		assert_int_equal(job_sense(&jobs[2]), 0);
		assert_int_equal(job_sense(&jobs[3]), 0x052104);
		assert_int_equal(job_sense(&jobs[4]), 0);
		assert_int_equal(job_sense(&jobs[5]), 0);
		assert_int_equal(job_sense(&jobs[6]), 0x052400);
		assert_int_equal(job_sense(&jobs[7]), 0);
		rig_report(rig, z, &info);
		assert_int_equal(info.cond, 1); /* EMPTY */
	}
	free(jobs);
}

/* A batch of everything, with answers of every kind. */
static void mixed_batch(void **state)
{
	struct rig *rig = *state;
	struct job *jobs = new_jobs(12);
	const uint8_t report[16] = { 0x95, [12] = 2 };

	for (unsigned round = 0; round < 50; round++) {
		uint64_t z = ZONE(4 + round % 28), c = ZONE(round % 4);

		job_cdb(&jobs[0], CDB(0x00, 0, 0, 0, 0, 0, [15] = 0), 0);
		job_write(&jobs[1], z, 8, round);
		job_write(&jobs[2], z, 8, round); /* unaligned by now */
		job_cdb(&jobs[3], CDB(0x12, 0, 0, 0, 96, 0, [15] = 0), 96);
		job_cdb(&jobs[4], report, 512);
		job_cdb(&jobs[5], CDB(0x81, [15] = 0), 0);
		job_write(&jobs[6], c, 8, round);
		job_cdb(&jobs[7], CDB(0x35, [15] = 0), 0);
		job_write(&jobs[8], z + 8, 8, round);
		job_read(&jobs[9], ZONE(31) + 2047, 2, 0); /* beyond */
		job_zone(&jobs[10], SA_RESET, z);
		job_write(&jobs[11], z, 8, round);
		run_jobs(rig, jobs, 12, true);
		for (unsigned i = 0; i < 12; i++)
			assert_int_equal(job_sense(&jobs[i]),
					 i == 2	  ? 0x052104
					 : i == 5 ? 0x052000
					 : i == 9 ? 0x052100
						  : 0);
		assert_int_equal(jobs[3].data[0], 0x14);
		assert_int_equal(be32_get(jobs[4].data), 32 * 64);
		assert_int_equal(wp_of(rig, 4 + round % 28), 8);
		assert_int_equal(rig_zone(rig, SA_RESET, z, false), 0);
	}
	free(jobs);
}

/*
 * Zone commands of all zones and reports beside writes: which comes first is
 * open, but nothing may be in between.
 */
static void resets_beside_writes(void **state)
{
	struct rig *rig = *state;
	struct job *jobs = new_jobs(120);
	uint8_t all[16], report[16] = { 0x95, [2] = 0, [12] = 8 };
	uint64_t seed = 4;

	print_message("seed %llu\n", (unsigned long long)seed);
	be64_put(report + 2, ZONE(4));
	for (unsigned round = 0; round < 40; round++) {
		uint8_t sa = round % 2 ? SA_RESET : SA_FINISH;

		assert_int_equal(rig_zone(rig, SA_RESET, 0, true), 0);
		for (unsigned i = 0; i < 120; i++) {
			unsigned zone = 4 + i % 28;

			job_write(&jobs[i], ZONE(zone) + i / 28 * 8, 8, 1);
			if (i % 28 == 9 && i / 28 == round % 4) {
				cdb_zone(all, sa, 0, true);
				job_cdb(&jobs[i], all, 0);
			} else if (rnd_below(&seed, 8) == 0) {
				job_cdb(&jobs[i], report, 2048);
			}
		}
		run_jobs(rig, jobs, 120, round % 3);
		for (unsigned i = 0; i < 120; i++) {
			const struct job *job = &jobs[i];
			uint32_t sense = job_sense(job);

			if (job->cmd.cdb[0] == 0x8a)
				assert_true(!sense || sense == 0x052104 ||
					    sense == 0x052400);
			else
				assert_int_equal(sense, 0);
		}
		for (unsigned zone = 4; zone < 32; zone++) {
			uint8_t data[512];
			struct rig_zone_info z;
			uint64_t wp;

			rig_report(rig, ZONE(zone), &z);
			if (z.cond == 0xe) /* FULL: no write pointer */
				continue;
			wp = z.wp - z.start;
			assert_int_equal(wp % 8, 0);
			for (uint64_t b = 0; b < wp; b += 8) {
				assert_int_equal(
					rig_read(rig, ZONE(zone) + b, 1, data),
					0);
				assert_filled(data, ZONE(zone) + b, 1, 1);
			}
		}
	}
	free(jobs);
}

/*
 * Devices that go.
 */

static void removed_while_idle(void **state)
{
	struct rig *rig = *state;

	for (unsigned i = 0; i < 20; i++) {
		rig_remove(rig);
		assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	}
}

/* At the moment that the last completion is seen. */
static void removed_right_after_completion(void **state)
{
	struct rig *rig = *state;
	struct job *job = new_jobs(1);
	sem_t more;

	sem_init(&more, 0, 0);
	for (unsigned i = 0; i < 100; i++) {
		job_write(job, ZONE(5) + 8 * i, 8, 1);
		if (i % 2)
			job->cmd.cdb[1] = 0x08;
		job->more = &more;
		runner_submit(rig->dev, &job->cmd);
		while (sem_wait(&more))
			;
		assert_int_equal(job_sense(job), 0);
		rig_remove(rig);
		assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
		assert_int_equal(wp_of(rig, 5), 8 * (i + 1));
	}
	sem_destroy(&more);
	free(job);
}

/*
 * After the kernel's time-out the daemon closes with commands still in the
 * handler: what was GOOD is there, and the rest is whole or not there.
 */
static void removed_while_busy(void **state)
{
	struct rig *rig = *state;
	struct job *jobs = new_jobs(100);
	uint8_t data[512];

	for (unsigned round = 0; round < 20; round++) {
		assert_int_equal(rig_zone(rig, SA_RESET, 0, true), 0);
		for (unsigned i = 0; i < 100; i++) {
			job_write(&jobs[i], ZONE(4 + i % 28) + i / 28 * 8, 8,
				  round);
			jobs[i].cmd.cdb[1] = i % 2 ? 0x08 : 0;
		}
		for (unsigned i = 0; i < 100; i++)
			runner_submit(rig->dev, &jobs[i].cmd);
		runner_remove_busy(rig->dev);
		rig->dev = NULL;
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(jobs[i].over, 1);
			assert_true(jobs[i].cmd.status == 0 ||
				    jobs[i].cmd.status == 8);
		}
		assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
		for (unsigned i = 0; i < 100; i++) {
			unsigned zone = 4 + i % 28;
			uint64_t wp = wp_of(rig, zone);

			assert_int_equal(wp % 8, 0);
			if (jobs[i].cmd.status)
				continue;
			assert_true(wp >= i / 28 * 8 + 8);
			assert_int_equal(rig_read(rig, jobs[i].lba, 1, data),
					 0);
			assert_filled(data, jobs[i].lba, 1, round);
		}
	}
	free(jobs);
}

/* What the removed disk is to do: cached writes, durable ones, syncs and reads.
 */
static void mixed_job(struct job *job, unsigned i)
{
	static const uint8_t sync[16] = { 0x91 };
	uint64_t lba = ZONE(5 + i / 4 % 20) + i / 80 * 8;

	if (i % 4 == 2)
		job_cdb(job, sync, 0);
	else if (i % 4 == 3)
		job_read(job, lba, 8, 1);
	else
		job_write(job, lba + i % 4 * 64, 8, 1);
	if (i % 4 == 1)
		job->cmd.cdb[1] = 0x08; /* FUA */
}

static void remove_in_batch(struct rig *rig, struct job *jobs, unsigned nr)
{
	runner_hold(rig->dev);
	job_read(&jobs[0], ZONE(2), 8, 1);
	for (unsigned i = 1; i < nr; i++)
		mixed_job(&jobs[i], i);
	for (unsigned i = 0; i < nr; i++)
		runner_submit(rig->dev, &jobs[i].cmd);
	runner_remove_in_batch(rig->dev);
	rig->dev = NULL;
	for (unsigned i = 0; i < nr; i++)
		assert_int_equal(jobs[i].over, 1);
}

/* The daemon calls close() while its command thread has just handed over what
 * was left in the ring; one of the commands is delayed for long. */
static void removed_in_a_batch(void **state)
{
	static const char delay[] =
		"echo '[{\"kind\":\"delay\",\"op\":\"read\",\"lba\":4096,"
		"\"blocks\":1,\"delay_ms\":600000}]' >$/d/zloop.faults";
	struct rig *rig = *state;
	struct job *jobs = new_jobs(100);

	for (unsigned round = 0; round < 40; round++) {
		assert_int_equal(rig_zone(rig, SA_RESET, 0, true), 0);
		remove_in_batch(rig, jobs, 1 + round * 7 % 100);
		if (round % 2)
			rig_shell(rig, "rm $/d/zloop.faults");
		else
			rig_shell(rig, delay);
		assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	}
	free(jobs);
}

#define LOAD(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup_dev, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOAD(load_whole),
		LOAD(load_pages),
		LOAD(load_odd),
		TEST(writes_of_one_zone_keep_their_order),
		TEST(zone_commands_keep_the_order),
		TEST(mixed_batch),
		TEST(resets_beside_writes),
		TEST(removed_while_idle),
		TEST(removed_right_after_completion),
		TEST(removed_while_busy),
		TEST(removed_in_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
