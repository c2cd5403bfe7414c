// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands, many at a time, with buffers that do not fit.  The stand-in
 * and the sanitizers watch the memory; here: every command is answered, no
 * stale byte comes out, and the disk is sound afterwards.
 */
#include "rig.h"

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

/* Fields where such commands have them; the rest is left 0, mostly. */
static void likely_cdb(uint64_t *seed, uint8_t *cdb)
{
	static const uint8_t opcodes[] = {
		0x00, 0x03, 0x08, 0x0a, 0x12, 0x15, 0x1a, 0x1b, 0x25, 0x28,
		0x2a, 0x35, 0x55, 0x5a, 0x7f, 0x88, 0x8a, 0x8a, 0x8a, 0x88,
		0x91, 0x94, 0x94, 0x95, 0x9e, 0xa3, 0xa8, 0xaa, 0x41, 0x42,
		0x89, 0x93, 0x2e, 0x2f, 0x34, 0x8e, 0x8f, 0x90, 0xae, 0xaf,
	};
	uint64_t lba = some_lba(seed);
	uint32_t n =
		rnd_below(seed, 8) ? rnd_below(seed, 17) : (uint32_t)rnd(seed);

	cdb[0] = opcodes[rnd_below(seed, sizeof(opcodes))];
	if (memchr("\x28\x2a\x2e\x2f\x34\x35\x41", cdb[0], 7)) {
		be32_put(cdb + 2, (uint32_t)lba);
		be16_put(cdb + 7, (uint16_t)n);
	} else if (cdb[0] >= 0xa8) {
		be32_put(cdb + 2, (uint32_t)lba);
		be32_put(cdb + 6, n);
	} else if (cdb[0] >= 0x80 && cdb[0] < 0xa0) {
		be64_put(cdb + 2, lba);
		be32_put(cdb + 10, n);
	}
	switch (cdb[0]) {
	case 0x94:
		cdb[1] = (uint8_t)(1 + rnd_below(seed, 4));
		memset(cdb + 10, 0, 4);
		cdb[14] = rnd_below(seed, 16) == 0;
		break;
	case 0x95:
		cdb[14] = (uint8_t)(rnd(seed) & 0xbf);
		break;
	case 0x1b: /* seldom stop */
		cdb[4] = rnd_below(seed, 64) != 0;
		break;
	case 0x12:
		cdb[1] = rnd_below(seed, 2) & 1;
		cdb[2] = (uint8_t)(rnd_below(seed, 2) ? 0xb0 : 0x80) |
			 (uint8_t)rnd_below(seed, 8);
		cdb[4] = (uint8_t)rnd(seed);
		break;
	case 0x08:
	case 0x0a:
		be16_put(cdb + 2, (uint16_t)lba);
		cdb[4] = (uint8_t)n;
		break;
	case 0x1a:
	case 0x5a:
		cdb[2] = 0x3f;
		cdb[cdb[0] == 0x1a ? 4 : 8] = (uint8_t)rnd(seed);
		break;
	case 0x9e:
		cdb[1] = rnd_below(seed, 2) ? 0x10 : 0x12;
		if (cdb[1] == 0x10)
			be64_put(cdb + 2, 0);
		break;
	case 0xa3:
		cdb[1] = 0x0c;
		cdb[2] = (uint8_t)rnd_below(seed, 4);
		cdb[8] = (uint8_t)rnd(seed);
		break;
	}
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
 * Their buffer is the initiator's data: with the wrong direction it is a reused
 * page, which nobody in the daemon could know.
 */
static bool takes_data(uint8_t opcode)
{
	static const uint8_t out[] = {
		0x04, 0x0a, 0x15, 0x1d, 0x2a, 0x2e, 0x2f, 0x3b, 0x41,
		0x42, 0x48, 0x4c, 0x55, 0x5f, 0x7f, 0x83, 0x89, 0x8a,
		0x8e, 0x8f, 0x93, 0x9c, 0x9d, 0x9f, 0xaa, 0xae, 0xaf,
	};

	return memchr(out, opcode, sizeof(out));
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
	uint8_t list[16] = { [4] = 0x0a, 10, 0, 0x10 };

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
