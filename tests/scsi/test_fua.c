// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Which commands leave what they have read on the medium: those with FUA, and
 * VERIFY.  Each finds four blocks that were written and not synced; then the
 * power fails.
 */
#include "rig.h"

#define OPTS                                         \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2," \
	"discard_write_cache"
#define SEQ_LBA (2 * MIB_BLOCKS)
#define NR	4u

enum buffer {
	NONE,
	IN,
	SAME,	/* data-out: the blocks */
	ONE,	/* … the first one, for two bytes of BYTCHK */
	OTHERS, /* … others, to compare with and to write */
};

static const struct {
	uint8_t opcode, byte_1;
	enum buffer buffer;
	bool safe;
} commands[] = {
	{ 0x08, 0, IN, false },	      { 0x28, 0, IN, false },
	{ 0x28, 0x10, IN, false }, /* DPO */
	{ 0x28, 0x08, IN, true },     { 0x28, 0x18, IN, true },
	{ 0xa8, 0, IN, false },	      { 0xa8, 0x08, IN, true },
	{ 0x88, 0, IN, false },	      { 0x88, 0x08, IN, true },
	{ 0x2f, 0x00, NONE, true },   { 0x2f, 0x02, SAME, true },
	{ 0xaf, 0x00, NONE, true },   { 0xaf, 0x02, SAME, true },
	{ 0x8f, 0x00, NONE, true },   { 0x8f, 0x02, SAME, true },
	{ 0x8f, 0x06, ONE, true },    { 0x89, 0x00, OTHERS, false },
	{ 0x89, 0x08, OTHERS, true }, { 0x34, 0, NONE, false },
	{ 0x90, 0, NONE, false },
};

static struct rig rig;

/* The first byte that says how long it is in its group. */
static void make_cdb(uint8_t cdb[SCSI_CDB_MAX], unsigned i, uint32_t lba)
{
	memset(cdb, 0, SCSI_CDB_MAX);
	cdb[0] = commands[i].opcode;
	cdb[1] = commands[i].byte_1;
	switch (cdb[0] >> 5) {
	case 0:
		be24_put(cdb + 1, lba);
		cdb[4] = NR;
		break;
	case 1:
		be32_put(cdb + 2, lba);
		cdb[8] = NR;
		break;
	case 4:
		be64_put(cdb + 2, lba);
		cdb[13] = NR;
		break;
	default:
		be32_put(cdb + 2, lba);
		cdb[9] = NR;
		break;
	}
}

/* The same byte everywhere, so that one block stands for all. */
static void write_blocks(uint32_t lba)
{
	uint8_t data[NR * 512];

	memset(data, 0x5a, sizeof(data));
	rig_rw(&rig, 0x8a, lba, NR, data, sizeof(data));
	check_good(&rig);
}

static void run_command(unsigned i, uint32_t lba)
{
	uint8_t cdb[SCSI_CDB_MAX], data[2 * NR * 512];
	enum buffer buffer = commands[i].buffer;
	size_t len = buffer == NONE	? 0
		     : buffer == ONE	? 512
		     : buffer == OTHERS ? sizeof(data)
					: NR * 512;

	make_cdb(cdb, i, lba);
	memset(data, buffer == OTHERS ? 0xa5 : 0x5a, sizeof(data));
	rig_cmd(&rig, cdb, sizeof(cdb), buffer == IN ? NULL : data, len);
	if (buffer == OTHERS)
		check_medium(&rig, 0xe1d00, 0);
	else
		check_good(&rig);
}

/* … and back again; the first command afterwards is told. */
static void fail_power(void)
{
	static const struct disk_powerfail all = { .random = false };
	struct zl_err err;

	if (disk_powerfail(rig.disk, &all, &err))
		fail_msg("%s", err.msg);
	CMD(&rig, NULL, 0, 0x00);
}

static void check_blocks(unsigned i, uint32_t lba)
{
	uint8_t want = commands[i].safe ? 0x5a : 0;

	rig_rw(&rig, 0x88, lba, NR, NULL, NR * 512);
	check_good(&rig);
	for (size_t at = 0; at < NR * 512; at++)
		if (rig.data[at] != want)
			fail_msg("opcode %02Xh, byte 1 %02Xh, LBA %u: %s",
				 commands[i].opcode, commands[i].byte_1, lba,
				 want ? "what was read is gone"
				      : "synced without need");
}

static void each_at(const char *opts, uint32_t lba)
{
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(commands); i++) {
		/* It compares with what it could overwrite. */
		if (commands[i].buffer == OTHERS && lba &&
		    !strstr(opts, "host-aware"))
			continue;
		rig_start(&rig, opts);
		write_blocks(lba);
		run_command(i, lba);
		fail_power();
		check_blocks(i, lba);
		rig_stop(&rig);
	}
}

static void conventional(void **state)
{
	(void)state;
	each_at(OPTS, 0);
}

static void write_required(void **state)
{
	(void)state;
	each_at(OPTS, SEQ_LBA);
}

static void write_preferred(void **state)
{
	(void)state;
	each_at(OPTS ",model=host-aware", SEQ_LBA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conventional),
		cmocka_unit_test(write_required),
		cmocka_unit_test(write_preferred),
	};

	return cmocka_run_group_tests_name("scsi/fua", tests, NULL, NULL);
}
