// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands, many at a time, with buffers that do not fit.  The stand-in
 * and the sanitizers watch the memory; here: every command is answered, no
 * stale byte comes out, and the disk is sound afterwards.
 */
#include "rig.h"
#include "scsi/gen.h"

#include <sys/stat.h>

#define ROUNDS	 1500
#define BATCH	 16u
#define DATA_MAX 8192u
#define STALE	 0xdb

struct shot {
	struct runner_cmd cmd;
	uint8_t data[DATA_MAX];
	unsigned over;
};

static void shot_done(struct runner_cmd *cmd)
{
	struct shot *shot = cmd->user;

	shot->over++;
}

static uint64_t some_lba(uint64_t *seed)
{
	switch (rnd_below(seed, 8)) {
	case 0:
		return rnd(seed);
	case 1:
		return RIG_BYTES / 512 - rnd_below(seed, 3);
	case 2:
		return UINT64_MAX - rnd_below(seed, 3);
	case 3:
		return rnd_below(seed, RIG_ZONES * ZONE_BLOCKS);
	default:
		return ZONE(rnd_below(seed, RIG_ZONES)) +
		       rnd_below(seed, 3) * 8;
	}
}

static uint8_t random_byte(void *seed)
{
	return (uint8_t)rnd(seed);
}

/* What would end the fun: the unit stopped, or busy with all of its data. */
static bool is_rough(const struct scsi_op *op)
{
	return op->run == scsi_job_run || op->run == scsi_stop_run;
}

/* Fields where such commands have them; mostly few blocks. */
static void likely_cdb(uint64_t *seed, uint8_t *cdb)
{
	const struct scsi_op *op;

	do
		op = gen_plain_op(rnd_below(seed, gen_plain_ops()));
	while (is_rough(op) && rnd_below(seed, 64));
	if (rnd_below(seed, 4))
		gen_bits(op, cdb, random_byte, seed);
	else
		gen_fixed(op, cdb);
	if (!gen_has_lba(op))
		return;
	gen_put_lba(op, cdb, some_lba(seed));
	if (rnd_below(seed, 8))
		gen_put_blocks(op, cdb, rnd_below(seed, 17));
}

static void random_cdb(uint64_t *seed, struct runner_cmd *cmd)
{
	memset(cmd->cdb, 0, sizeof(cmd->cdb));
	cmd->cdb_len = RUNNER_CDB_BYTES;
	if (rnd_below(seed, 8) == 0) {
		for (unsigned i = 0; i < RUNNER_CDB_BYTES; i++)
			cmd->cdb[i] = (uint8_t)rnd(seed);
		return;
	}
	likely_cdb(seed, cmd->cdb);
	/* One byte wrong, now and then. */
	if (rnd_below(seed, 4) == 0)
		cmd->cdb[rnd_below(seed, 16)] = (uint8_t)rnd(seed);
}

/*
 * What they write is the initiator's data: with the wrong direction it is a
 * reused page, which nobody in the daemon could know, and can be read later.
 */
static bool takes_data(uint8_t opcode)
{
	for (unsigned i = 0; i < scsi_op_count; i++)
		if (scsi_op_table[i].usage[0] == opcode)
			return scsi_op_table[i].begin == scsi_write ||
			       scsi_op_table[i].run == scsi_write_verify_run ||
			       scsi_op_table[i].run == scsi_write_same_run ||
			       scsi_op_table[i].run == scsi_compare_write_run ||
			       scsi_op_table[i].run == scsi_job_run;
	return false;
}

static void random_shot(uint64_t *seed, struct shot *shot)
{
	struct runner_cmd *cmd = &shot->cmd;

	random_cdb(seed, cmd);
	cmd->dir = (enum runner_dir)rnd_below(seed, 3);
	if (cmd->dir == RUNNER_IN && takes_data(cmd->cdb[0]))
		cmd->dir = RUNNER_OUT;
	cmd->data = shot->data;
	cmd->data_len = rnd_below(seed, 4) ? rnd_below(seed, 17) * 512
					   : rnd_below(seed, DATA_MAX + 1);
	cmd->done = shot_done;
	cmd->user = shot;
	shot->over = 0;
	for (uint32_t i = 0; i < DATA_MAX; i++)
		shot->data[i] = (uint8_t)(i % 101); /* never STALE */
}

static bool drops(uint8_t opcode)
{
	return opcode >= 0xc0 || (opcode >= 0x60 && opcode < 0x7f);
}

static void check_shot(const struct shot *shot)
{
	const struct runner_cmd *cmd = &shot->cmd;
	uint8_t format = cmd->sense[0] & 0x7f;

	assert_int_equal(shot->over, 1);
	if (drops(cmd->cdb[0]))
		return;
	assert_true(cmd->status == 0 || cmd->status == 2);
	if (cmd->status == 2)
		assert_true(format == 0x70 || format == 0x72);
	if (cmd->dir == RUNNER_IN)
		for (uint32_t i = 0; i + 4 <= cmd->data_len; i++)
			assert_false(shot->data[i] == STALE &&
				     shot->data[i + 1] == STALE &&
				     shot->data[i + 2] == STALE &&
				     shot->data[i + 3] == STALE);
}

/* What MODE SELECT and START STOP UNIT have changed. */
static void calm_down(struct rig *rig)
{
	uint8_t list[16] = { [4] = 0x0a, 10, 0, 0x10, [15] = 1 };

	assert_int_equal(rig_exec(rig, CDB(0x15, 0x10, 0, 0, 16, 0), 6,
				  RUNNER_OUT, list, sizeof(list)),
			 0);
	assert_int_equal(rig_exec(rig, CDB(0x1b, 0, 0, 0, 1, 0), 6, RUNNER_NONE,
				  NULL, 0),
			 0);
	assert_int_equal(
		rig_exec(rig, CDB(0, 0, 0, 0, 0, 0), 6, RUNNER_NONE, NULL, 0),
		0);
}

/* File size = write pointer. */
static void check_zones(struct rig *rig)
{
	struct rig_zone_info z;
	char path[256];
	struct stat sb;

	for (unsigned i = RIG_CONV; i < RIG_ZONES; i++) {
		rig_report(rig, ZONE(i), &z);
		assert_int_equal(z.type, 2);
		snprintf(path, sizeof(path), "%s/d/seq-%06u", rig->dir, i);
		assert_int_equal(stat(path, &sb), 0);
		if (z.cond == 0xe) /* FULL */
			assert_int_equal(sb.st_size, ZL_MIB);
		else
			assert_int_equal(sb.st_size / 512, z.wp - z.start);
	}
}

static void fuzz_with(struct rig *rig, enum runner_split split, uint64_t seed)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .ring.split = split,
					    .ring.depth = BATCH + 1,
					    .ring.seed = (uint32_t)seed,
					    .ring.max_data_bytes = DATA_MAX };
	struct shot *shots = calloc(BATCH, sizeof(*shots));
	unsigned good = 0;

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_non_null(shots);
	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		bool batch = rnd_below(&seed, 2);

		for (unsigned i = 0; i < BATCH; i++)
			random_shot(&seed, &shots[i]);
		if (batch)
			runner_hold(rig->dev);
		for (unsigned i = 0; i < BATCH; i++)
			runner_submit(rig->dev, &shots[i].cmd);
		if (batch)
			runner_release(rig->dev);
		assert_int_equal(runner_drain(rig->dev, 60000), 0);
		for (unsigned i = 0; i < BATCH; i++) {
			check_shot(&shots[i]);
			good += shots[i].cmd.status == 0;
		}
		if (round % 8 == 0)
			calm_down(rig);
	}
	calm_down(rig);
	check_zones(rig);
	print_message("%u of %u were GOOD\n", good, ROUNDS * BATCH);
	assert_true(good > ROUNDS * BATCH / 4);
	assert_false(rig_logged(rig, 4, "zloop:0: "));
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_logged(rig, "32 zones, 0 not in order");
	check_zones(rig);
	free(shots);
}

static void whole(void **state)
{
	fuzz_with(*state, RUNNER_WHOLE, 11);
}

static void pages(void **state)
{
	fuzz_with(*state, RUNNER_PAGES, 12);
}

static void odd(void **state)
{
	fuzz_with(*state, RUNNER_ODD, 13);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(whole), TEST(pages),
					    TEST(odd) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
