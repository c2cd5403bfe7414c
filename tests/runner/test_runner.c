// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// The stand-in with handlers that keep the rules: the daemon's order of
// events, its own answers, and what tests see of them.

#include "testing.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#define BLOCKS (DISK_BYTES / 512)

static const uint8_t test_unit_ready[6];

static int exec_none(struct tcmu_device *dev, const uint8_t *cdb, size_t len,
		     uint8_t *sense)
{
	return runner_exec(dev, cdb, len, RUNNER_NONE, NULL, 0, sense);
}

static void write_and_read(struct tcmu_device *dev, uint32_t lba,
			   uint32_t blocks)
{
	uint8_t *out = malloc(blocks * 512);
	uint8_t *in = malloc(blocks * 512);
	uint8_t cdb[16];
	uint32_t i;

	for (i = 0; i < blocks * 512; i++)
		out[i] = (uint8_t)(i * 7 + lba + i / 512);
	rw16(cdb, 0x8a, 0, lba, blocks);
	assert_int_equal(
		runner_exec(dev, cdb, 16, RUNNER_OUT, out, blocks * 512, NULL),
		0);
	rw16(cdb, 0x88, 0, lba, blocks);
	assert_int_equal(
		runner_exec(dev, cdb, 16, RUNNER_IN, in, blocks * 512, NULL),
		0);
	assert_memory_equal(in, out, blocks * 512);
	free(out);
	free(in);
}

static void data_goes_there_and_back(struct runner_ring_params ring)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", &ring);
	static const uint32_t lengths[] = { 1, 2, 7, 8, 9, 64, 2047, 2048 };
	unsigned int i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		write_and_read(dev, lengths[i] < 100 ? i : 0, lengths[i]);
	runner_remove(dev);
}

static void test_whole(void **state)
{
	(void)state;
	data_goes_there_and_back((struct runner_ring_params){ 0 });
}

static void test_pages(void **state)
{
	(void)state;
	data_goes_there_and_back(
		(struct runner_ring_params){ .split = RUNNER_PAGES });
}

static void test_odd(void **state)
{
	uint32_t seed;

	(void)state;
	for (seed = 0; seed < 20; seed++)
		data_goes_there_and_back((struct runner_ring_params){
			.split = RUNNER_ODD, .seed = seed, .depth = 3 });
}

static void test_zero_copy(void **state)
{
	(void)state;
	data_goes_there_and_back(
		(struct runner_ring_params){ .zero_copy = true });
}

struct counted {
	struct runner_cmd cmd;
	uint8_t block[512];
	atomic_int *count;
};

static void count_done(struct runner_cmd *cmd)
{
	struct counted *c = cmd->user;

	assert_int_equal(cmd->status, 0);
	atomic_fetch_add(c->count, 1);
}

static void prepare(struct counted *c, atomic_int *count, uint8_t opcode,
		    uint8_t flags, uint32_t lba)
{
	memset(c, 0, sizeof(*c));
	c->count = count;
	c->cmd.cdb_len = 16;
	c->cmd.dir = opcode == 0x8a ? RUNNER_OUT : RUNNER_IN;
	c->cmd.data = c->block;
	c->cmd.data_len = sizeof(c->block);
	c->cmd.done = count_done;
	c->cmd.user = c;
	rw16(c->cmd.cdb, opcode, flags, lba, 1);
}

/* A batch is what was submitted while the command thread was held. */
static void test_hold_makes_one_batch(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	struct runner_stats before, after;
	struct counted c[10];
	atomic_int count = 0;
	unsigned int i;

	(void)state;
	runner_hold(dev);
	runner_stats(dev, &before);
	for (i = 0; i < 10; i++) {
		prepare(&c[i], &count, 0x8a, 0, i);
		runner_submit(dev, &c[i].cmd);
	}
	assert_int_equal(count, 0);
	runner_release(dev);
	assert_int_equal(runner_drain(dev, 10000), 0);
	assert_int_equal(count, 10);
	/* The counters move after the commands are done. */
	runner_settle(dev);
	runner_stats(dev, &after);
	assert_int_equal(after.batches, before.batches + 1);
	assert_int_equal(after.async, before.async + 10);
	assert_int_equal(after.sync, before.sync);
	runner_remove(dev);
}

static void blocking_cmd(struct counted *c, atomic_int *count, sem_t *in,
			 sem_t *go)
{
	prepare(c, count, 0, 0, 0);
	c->cmd.dir = RUNNER_NONE;
	c->cmd.cdb_len = 24;
	memset(c->cmd.cdb, 0, 24);
	c->cmd.cdb[0] = 0x7f;
	c->cmd.cdb[7] = 16;
	memcpy(c->cmd.cdb + 8, &in, sizeof(in));
	memcpy(c->cmd.cdb + 16, &go, sizeof(go));
}

/* What completed early in a batch is not seen before the batch ends. */
static void test_sync_completions_wait_for_the_batch(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	struct counted tur, block;
	atomic_int count = 0;
	sem_t in, go;

	(void)state;
	sem_init(&in, 0, 0);
	sem_init(&go, 0, 0);
	prepare(&tur, &count, 0, 0, 0);
	tur.cmd.dir = RUNNER_NONE;
	tur.cmd.cdb_len = 6;
	blocking_cmd(&block, &count, &in, &go);

	runner_hold(dev);
	runner_submit(dev, &tur.cmd);
	runner_submit(dev, &block.cmd);
	runner_release(dev);
	while (sem_wait(&in))
		;
	assert_int_equal(count, 0);
	sem_post(&go);
	assert_int_equal(runner_drain(dev, 10000), 0);
	assert_int_equal(count, 2);
	runner_remove(dev);
}

static void resubmit(struct runner_cmd *cmd)
{
	struct counted *c = cmd->user;
	struct tcmu_device *dev = *(struct tcmu_device **)(c + 1);

	assert_int_equal(cmd->status, 0);
	if (atomic_fetch_add(c->count, 1) < 500)
		assert_int_equal(runner_try_submit(dev, cmd), 0);
}

static void test_done_may_submit(void **state)
{
	struct runner_ring_params ring = { .depth = 16 };
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", &ring);
	struct {
		struct counted c;
		struct tcmu_device *dev;
	} cmds[8];
	atomic_int count = 0;
	unsigned int i;

	(void)state;
	for (i = 0; i < 8; i++) {
		prepare(&cmds[i].c, &count, 0x88, 0, i);
		cmds[i].c.cmd.done = resubmit;
		cmds[i].dev = dev;
		runner_submit(dev, &cmds[i].c.cmd);
	}
	assert_int_equal(runner_drain(dev, 30000), 0);
	assert_true(count >= 501);
	runner_remove(dev);
}

static void test_ring_full(void **state)
{
	struct runner_ring_params ring = { .depth = 2 };
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", &ring);
	struct counted c[3];
	atomic_int count = 0;

	(void)state;
	runner_hold(dev);
	prepare(&c[0], &count, 0x88, 0, 0);
	prepare(&c[1], &count, 0x88, 0, 1);
	prepare(&c[2], &count, 0x88, 0, 2);
	assert_int_equal(runner_try_submit(dev, &c[0].cmd), 0);
	assert_int_equal(runner_try_submit(dev, &c[1].cmd), 0);
	assert_int_equal(runner_try_submit(dev, &c[2].cmd), -EAGAIN);
	runner_release(dev);
	runner_submit(dev, &c[2].cmd);
	assert_int_equal(runner_drain(dev, 10000), 0);
	assert_int_equal(count, 3);
	runner_remove(dev);
}

/* READ(10) is called out, WRITE(10) fails in the callout. */
static void test_callouts(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	uint8_t cdb[10] = { 0x28, 0, 0, 0, 0, 3, 0, 0, 1 };
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t block[512];

	(void)state;
	write_and_read(dev, 3, 1);
	assert_int_equal(
		runner_exec(dev, cdb, 10, RUNNER_IN, block, 512, sense), 0);
	assert_int_equal(block[1], 10);
	cdb[0] = 0x2a;
	assert_int_equal(
		runner_exec(dev, cdb, 10, RUNNER_OUT, block, 512, sense), 2);
	assert_sense(sense, 0x3, 0x0c, 0);
	cdb[0] = 0x35; /* SYNCHRONIZE CACHE(10) */
	assert_int_equal(exec_none(dev, cdb, 10, sense), 0);
	runner_remove(dev);
}

/* The daemon's own checks, its wrong one for READ(6) included. */
static void test_daemons_checks(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	uint8_t read_6[6] = { 0x08, 0, 0, 0, 0 };
	uint8_t read_10[10] = { 0x28, 0, 0, 0, BLOCKS >> 8, 0, 0, 0, 1 };
	uint8_t sense[RUNNER_SENSE_BYTES];
	static uint8_t data[256 * 512];
	char *line;

	(void)state;
	runner_log_clear();
	assert_int_equal(
		runner_exec(dev, read_6, 6, RUNNER_IN, data, 131072, sense), 2);
	assert_sense(sense, 0x4, 0x44, 0);
	line = runner_log_find(3, "iov len mismatch", 0);
	assert_non_null(line);
	free(line);
	assert_int_equal(
		runner_exec(dev, read_10, 10, RUNNER_IN, data, 512, sense), 2);
	assert_sense(sense, 0x5, 0x21, 0);
	runner_remove(dev);
}

static void test_unknown_and_dropped_opcodes(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	struct runner_cmd cmd = { .cdb = { 0xc0 }, .cdb_len = 10 };
	uint8_t seek[10] = { 0x2b };
	uint8_t sense[RUNNER_SENSE_BYTES];

	(void)state;
	assert_int_equal(exec_none(dev, seek, 10, sense), 2);
	assert_sense(sense, 0x5, 0x20, 0);
	assert_int_equal(runner_ring_exec(runner_ring(dev), &cmd, 0), 2);
	assert_true(cmd.dropped);
	assert_sense(cmd.sense, 0x2, 0x08, 0);
	cmd.cdb[0] = 0x60;
	assert_int_equal(runner_ring_exec(runner_ring(dev), &cmd, 0), 2);
	assert_true(cmd.dropped);
	runner_remove(dev);
}

/* libtcmu.c of 1.5.4, tcmu_sts_to_scsi() */
static void test_statuses(void **state)
{
	static const struct {
		uint8_t sts, scsi, key, asc, ascq;
	} expect[] = {
		{ 0, 0x00, 0, 0, 0 },	       { 1, 0x28, 0, 0, 0 },
		{ 2, 0x02, 0x5, 0x21, 0x04 },  { 3, 0x08, 0, 0, 0 },
		{ 4, 0x02, 0x3, 0x0c, 0x00 },  { 5, 0x02, 0x3, 0x11, 0x00 },
		{ 7, 0x02, 0x5, 0x20, 0x00 },  { 8, 0x02, 0x5, 0x24, 0x00 },
		{ 9, 0x02, 0x5, 0x26, 0x00 },  { 10, 0x02, 0x5, 0x1a, 0x00 },
		{ 11, 0x08, 0, 0, 0 },	       { 12, 0x02, 0x2, 0x04, 0x0b },
		{ 13, 0x02, 0x4, 0x44, 0x00 }, { 14, 0x02, 0x5, 0x21, 0x00 },
		{ 16, 0x02, 0x6, 0x2a, 0x09 }, { 17, 0x02, 0x5, 0x39, 0x00 },
		{ 18, 0x02, 0x5, 0x30, 0x05 }, { 19, 0x02, 0x2, 0x04, 0x0a },
		{ 20, 0x02, 0x6, 0x2a, 0x07 }, { 21, 0x02, 0x4, 0x67, 0x0a },
		{ 23, 0x02, 0x5, 0x26, 0x09 }, { 24, 0x02, 0x5, 0x26, 0x07 },
		{ 25, 0x02, 0xa, 0x0d, 0x02 }, { 26, 0x02, 0xa, 0x0d, 0x03 },
		{ 27, 0x02, 0x5, 0x26, 0x08 }, { 28, 0x02, 0x5, 0x26, 0x06 },
	};
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t cdb[6] = { 0x01 };
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(expect) / sizeof(expect[0]); i++) {
		cdb[4] = expect[i].sts;
		assert_int_equal(exec_none(dev, cdb, 6, sense), expect[i].scsi);
		if (expect[i].scsi == 0x02)
			assert_sense(sense, expect[i].key, expect[i].asc,
				     expect[i].ascq);
		else
			assert_int_equal(sense[0], 0);
	}
	runner_remove(dev);
}

/* Data-in that the handler leaves alone shows what was in the page before. */
static void test_unfilled_data_is_stale(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	uint8_t inquiry[6] = { 0x12, 0, 0, 0, 64 };
	uint8_t data[64] = { 0 };

	(void)state;
	assert_int_equal(
		runner_exec(dev, inquiry, 6, RUNNER_IN, data, 64, NULL), 0);
	assert_memory_equal(data, "0123456789abcdefghijklmnopqrstuvwxyz", 36);
	assert_int_equal(data[36], 0xdb);
	assert_int_equal(data[63], 0xdb);
	runner_remove(dev);
}

static void test_resize_raises_unit_attention(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	uint8_t inquiry[6] = { 0x12, 0, 0, 0, 36 };
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t data[36];

	(void)state;
	assert_int_equal(runner_resize(dev, DISK_BYTES), 0);
	assert_int_equal(exec_none(dev, test_unit_ready, 6, sense), 0);
	assert_int_equal(runner_resize(dev, DISK_BYTES / 2), 0);
	assert_int_equal(
		runner_exec(dev, inquiry, 6, RUNNER_IN, data, 36, sense), 0);
	assert_int_equal(exec_none(dev, test_unit_ready, 6, sense), 2);
	assert_sense(sense, 0x6, 0x2a, 0x09);
	assert_int_equal(exec_none(dev, test_unit_ready, 6, sense), 0);
	assert_int_equal(runner_set_write_cache(dev, false), -EINVAL);
	runner_remove(dev);
}

/* Commands are still in the handler when the daemon starts to remove. */
static void test_removal_drains(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	struct counted c[5];
	atomic_int count = 0;
	unsigned int i;
	char *line;

	(void)state;
	runner_log_clear();
	for (i = 0; i < 5; i++) {
		prepare(&c[i], &count, 0x8a, 0x01, i);
		runner_submit(dev, &c[i].cmd);
	}
	runner_settle(dev);
	runner_remove_busy(dev);
	assert_int_equal(count, 5);
	line = runner_log_find(6, "closed", 0);
	assert_non_null(line);
	free(line);
}

static void expect_busy(struct runner_cmd *cmd)
{
	struct counted *c = cmd->user;

	assert_int_equal(cmd->status, 0x08);
	assert_true(cmd->reset);
	atomic_fetch_add(c->count, 1);
}

static void test_removal_completes_unfetched_busy(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", NULL);
	atomic_int count = 0;
	struct counted c;

	(void)state;
	runner_hold(dev);
	prepare(&c, &count, 0x8a, 0, 0);
	c.cmd.done = expect_busy;
	runner_submit(dev, &c.cmd);
	runner_remove_busy(dev);
	assert_int_equal(count, 1);
}

static void test_check_config_and_open_errors(void **state)
{
	struct runner_handler *h = load(HANDLER_DIR "/handler_door.so");
	struct runner_dev_params p = { .cfgstring = "door/fail",
				       .size_bytes = DISK_BYTES };
	struct tcmu_device *dev;
	char *reason;
	char *line;

	(void)state;
	assert_true(runner_check_config(h, "door/x", &reason));
	assert_null(reason);
	assert_false(runner_check_config(h, "door/refuse", &reason));
	assert_string_equal(reason, "refused as asked");
	free(reason);

	assert_int_equal(runner_add(h, &p, &dev), -EIO);
	assert_null(dev);
	runner_log_clear();
	p.cfgstring = "door/refuse";
	assert_int_equal(runner_add(h, &p, &dev), -EINVAL);
	line = runner_log_find(3, "refused as asked", 0);
	assert_non_null(line);
	free(line);
}

static void test_load(void **state)
{
	struct runner_handler *h = load(HANDLER_DIR "/handler_door.so");
	char *why;

	(void)state;
	assert_ptr_equal(runner_load(HANDLER_DIR "/handler_door.so", &why), h);
	assert_string_equal(runner_subtype(h), "door");
	assert_string_equal(runner_cfg_desc(h), "door/anything");
	assert_null(runner_load(HANDLER_DIR "/handler_none.so", &why));
	assert_non_null(why);
	free(why);
}

/* nr_threads > 0: the daemon's workers complete with the return value. */
static void test_worker_threads(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_workers.so"), "workers/", NULL);
	uint8_t sync_cache[10] = { 0x35 };
	struct counted c[20];
	atomic_int count = 0;
	unsigned int i;

	(void)state;
	write_and_read(dev, 5, 30);
	for (i = 0; i < 20; i++) {
		prepare(&c[i], &count, 0x8a, 0, i);
		runner_submit(dev, &c[i].cmd);
	}
	assert_int_equal(runner_drain(dev, 10000), 0);
	assert_int_equal(count, 20);
	assert_int_equal(exec_none(dev, sync_cache, 10, NULL), 0x08);
	runner_remove(dev);
}

static void test_passthrough_threads(void **state)
{
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_passthrough.so"), "p/", NULL);
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t unmap[10] = { 0x42 };

	(void)state;
	assert_int_equal(exec_none(dev, test_unit_ready, 6, sense), 0);
	assert_int_equal(exec_none(dev, unmap, 10, sense), 2);
	assert_sense(sense, 0x5, 0x20, 0);
	runner_remove(dev);
}

#define SUBMITTERS 4
#define EACH	   500

struct submitter {
	struct tcmu_device *dev;
	uint32_t first_lba;
};

static void *submit_many(void *arg)
{
	struct submitter *s = arg;
	unsigned int i;

	for (i = 0; i < EACH; i++)
		write_and_read(s->dev, s->first_lba + i % 8 * 3, 3);
	return NULL;
}

static void test_many_submitters(void **state)
{
	struct runner_ring_params ring = { .depth = 3, .split = RUNNER_ODD };
	struct tcmu_device *dev =
		add(load(HANDLER_DIR "/handler_door.so"), "door/x", &ring);
	struct submitter s[SUBMITTERS];
	pthread_t t[SUBMITTERS];
	unsigned int i;

	(void)state;
	for (i = 0; i < SUBMITTERS; i++) {
		s[i] = (struct submitter){ dev, i * 100 };
		assert_int_equal(
			pthread_create(&t[i], NULL, submit_many, &s[i]), 0);
	}
	for (i = 0; i < SUBMITTERS; i++)
		pthread_join(t[i], NULL);
	runner_remove(dev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_check_config_and_open_errors),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_zero_copy),
		cmocka_unit_test(test_hold_makes_one_batch),
		cmocka_unit_test(test_sync_completions_wait_for_the_batch),
		cmocka_unit_test(test_done_may_submit),
		cmocka_unit_test(test_ring_full),
		cmocka_unit_test(test_callouts),
		cmocka_unit_test(test_daemons_checks),
		cmocka_unit_test(test_unknown_and_dropped_opcodes),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_unfilled_data_is_stale),
		cmocka_unit_test(test_resize_raises_unit_attention),
		cmocka_unit_test(test_removal_drains),
		cmocka_unit_test(test_removal_completes_unfetched_busy),
		cmocka_unit_test(test_worker_threads),
		cmocka_unit_test(test_passthrough_threads),
		cmocka_unit_test(test_many_submitters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
