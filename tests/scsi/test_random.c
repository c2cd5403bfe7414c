// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random CDBs with random buffers.  Whatever comes: guard bytes stay, done() is
 * called just so, and what the reply says agrees with itself.
 *
 * test_scsi_random [SEED [COMMANDS]]
 */
#include "rig.h"
#include "scsi/gen.h"

/* ThreadSanitizer would take three minutes, and one thread sends them. */
#ifdef __SANITIZE_THREAD__
#define NR_COMMANDS 100000
#else
#define NR_COMMANDS 1000000
#endif

static struct rig rig;
static struct rnd rnd;
static uint64_t seed = 20240229;
static unsigned long nr_commands = NR_COMMANDS;

static uint8_t random_byte(void *from)
{
	(void)from;
	return (uint8_t)rnd_next(&rnd);
}

/* Mostly real commands, with few bits wrong; addresses near the edges. */
static void random_cdb(uint8_t cdb[SCSI_CDB_MAX])
{
	const struct scsi_op *op =
		&scsi_op_table[rnd_below(&rnd, scsi_op_count)];

	if (!rnd_below(&rnd, 20)) {
		for (int i = 0; i < SCSI_CDB_MAX; i++)
			cdb[i] = random_byte(NULL);
		return;
	}
	gen_bits(op, cdb, random_byte, NULL);
	if (gen_has_lba(op) && rnd_below(&rnd, 8)) {
		gen_put_lba(op, cdb,
			    rnd_below(&rnd, 8) * MIB_BLOCKS +
				    rnd_below(&rnd, 3) * 8);
		gen_put_blocks(op, cdb, (uint32_t)rnd_below(&rnd, 40) * 8);
	}
	if (!rnd_below(&rnd, 30))
		cdb[rnd_below(&rnd, op->cdb_len)] ^=
			(uint8_t)(1 << rnd_below(&rnd, 8));
}

static size_t random_len(void)
{
	switch (rnd_below(&rnd, 4)) {
	case 0:
		return 0;
	case 1:
		return rnd_below(&rnd, 300);
	case 2:
		return rnd_below(&rnd, 33) * 512;
	default:
		return rnd_below(&rnd, 16384);
	}
}

static size_t random_cdb_len(void)
{
	return rnd_below(&rnd, 16) ? SCSI_CDB_MAX
				   : 1 + rnd_below(&rnd, SCSI_CDB_MAX);
}

static void check_consistent(void)
{
	const struct scsi_cmd *cmd = &rig.cmd;

	if (cmd->status == SCSI_CHECK_CONDITION) {
		uint8_t format = cmd->sense[0] & 0x7f;

		assert_true(format == 0x70 || format == 0x72);
		assert_int_equal(cmd->sense_len, cmd->sense[7] + 8u);
	} else {
		assert_int_equal(cmd->status, SCSI_GOOD);
	}
}

/* All zones reported, whatever happened: the map has no holes. */
static void check_map(void)
{
	uint64_t lba = 0;

	rig_report(&rig, 0, 0, 4096, 4096);
	if (rig.cmd.status != SCSI_GOOD)
		return; /* stopped */
	for (uint32_t i = 0; i < be32_get(rig.data); i += 64) {
		assert_int_equal(be64_get(rig.data + 64 + i + 16), lba);
		lba += be64_get(rig.data + 64 + i + 8);
	}
	assert_int_equal(lba, rig.unit->capacity_blocks);
}

/* Nor have the extents, and written blocks are never called deallocated. */
static void check_extents(void)
{
	static const uint8_t cdb[16] = { 0x9e, 0x12, [12] = 0x10 };
	struct zone_info zone;
	uint64_t lba = 0;

	rig_cmd(&rig, cdb, sizeof(cdb), NULL, 4096);
	if (rig.cmd.status != SCSI_GOOD)
		return;
	for (uint32_t i = 8; i < be32_get(rig.data) + 4; i += 16) {
		const uint8_t *d = rig.data + i;

		assert_int_equal(be64_get(d), lba);
		disk_zone_at(rig.disk, lba, &zone);
		if (d[12])
			assert_true(zone.type == ZT_GAP || lba >= zone.wp_lba);
		lba += be32_get(d + 8);
		assert_in_range(lba, zone.start_lba + 1,
				zone.start_lba + zone.blocks);
	}
	assert_int_equal(lba, rig.unit->capacity_blocks);
}

static void run_on(const char *opts, unsigned long commands)
{
	static uint8_t out[16384];
	uint8_t cdb[SCSI_CDB_MAX];
	unsigned long good = 0;

	rig_start(&rig, opts);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)rnd_next(&rnd);
	for (unsigned long i = 0; i < commands; i++) {
		size_t len = random_len();

		/* Parameter lists that are not hopeless. */
		if (rnd_below(&rnd, 2))
			memset(out, 0, 8);
		else
			out[rnd_below(&rnd, 40)] = (uint8_t)rnd_next(&rnd);
		random_cdb(cdb);
		rig_cmd(&rig, cdb, random_cdb_len(), out, len);
		check_consistent();
		good += rig.cmd.status == SCSI_GOOD;
		if (i % 1024 == 0) {
			CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 1);
			check_map();
			check_extents();
		}
	}
	/* Else the test tests nothing. */
	assert_true(good > commands / 10);
	rig_stop(&rig);
}

static void random_commands(void **state)
{
	(void)state;
	printf("seed %llu, %lu commands\n", (unsigned long long)seed,
	       nr_commands);
	rnd.s = seed;
	run_on("capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=3,"
	       "provisioning=thin",
	       nr_commands / 4);
	run_on("capacity_mb=7,zone_size_mb=2,zone_capacity_mb=1,conv_zones=1,"
	       "urswrz=0,physical_block_size=4096,smaller_last_zone",
	       nr_commands / 4);
	run_on("capacity_mb=8,zone_size_mb=1,conv_zones=0,block_size=4096",
	       nr_commands / 4);
	run_on("capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=3,"
	       "model=host-aware",
	       nr_commands / 4);
	run_on("model=realms,zone_size_mb=1,realms=3,realm_zones=1+2,"
	       "cmr_realms=1+0,max_open_zones=2",
	       nr_commands / 4);
	run_on("model=realms,domains=sobr+seq+seqp,zone_size_mb=1,realms=2,"
	       "realm_zones=1+1,cmr_realms=0+0,device_type=14h,urswrz=0",
	       nr_commands / 4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_commands),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		nr_commands = strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("random", tests, NULL, NULL);
}
