// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Which commands leave what they have read on the medium: those with FUA, and
 * VERIFY.  Each finds four blocks that were written and not synced; then the
 * power fails.  And with write_through, that every command that changes
 * something is durable when it is GOOD.
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
	rig_fail_power(&rig);
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

/* What a power failure could take: the beginnings of the first zone of each
 * type, and a write pointer. */
struct picture {
	uint8_t conv[2 * NR * 512], seq[2 * NR * 512];
	uint64_t wp;
};

static void take_picture(struct picture *p)
{
	memset(p, 0, sizeof(*p));
	rig_rw(&rig, 0x88, 0, 2 * NR, NULL, sizeof(p->conv));
	check_good(&rig);
	memcpy(p->conv, rig.data, sizeof(p->conv));
	rig_rw(&rig, 0x88, SEQ_LBA, 2 * NR, NULL, sizeof(p->seq));
	check_good(&rig); /* URSWRZ */
	memcpy(p->seq, rig.data, sizeof(p->seq));
	rig_report(&rig, SEQ_LBA, 0x80, 128, 128);
	check_good(&rig);
	p->wp = be64_get(rig.data + 64 + 24);
}

static const struct change {
	uint8_t cdb[SCSI_CDB_MAX];
	uint16_t len; /* data-out */
} changes[] = {
	{ { 0x0a, 0x00, 0x10, 0x04, NR }, NR * 512 },
	{ { 0x2a, 0, 0, 0, 0, 0, 0, 0, NR }, NR * 512 },
	{ { 0x2e, 0, 0, 0, 0x10, 0x04, 0, 0, NR }, NR * 512 },
	{ { 0xaa, 0, 0, 0, 0x10, 0x04, 0, 0, 0, NR }, NR * 512 },
	{ { 0x8a, 0, [7] = 0, [8] = 0x10, 0x04, [13] = NR }, NR * 512 },
	{ { 0x8e, 0, [13] = NR }, NR * 512 },
	{ { 0x41, 0, 0, 0, 0x10, 0x04, 0, 0, NR }, 512 },
	{ { 0x93, 0, [13] = NR }, 512 },
	{ { 0x93, 0x08, [13] = NR }, 512 }, /* UNMAP */
	{ { 0x89, 0, [13] = NR }, 2 * NR * 512 },
	{ { 0x42, 0, 0, 0, 0, 0, 0, 0, 24 }, 24 },
	{ { 0x94, 0x02, [8] = 0x10 }, 0 }, /* FINISH ZONE */
	{ { 0x94, 0x04, [8] = 0x10 }, 0 }, /* RESET WRITE POINTER */
	{ { 0x94, 0x04, [14] = 1 }, 0 },   /* … of all */
};

/* COMPARE AND WRITE finds what is there; UNMAP has one descriptor. */
static void change(const struct change *c)
{
	uint8_t data[2 * NR * 512];

	memset(data, 0xa5, sizeof(data));
	if (c->cdb[0] == 0x89)
		memset(data, 0x5a, sizeof(data) / 2);
	if (c->cdb[0] == 0x42) {
		memset(data, 0, 24);
		be16_put(data, 22);
		be16_put(data + 2, 16);
		be32_put(data + 16, NR);
	}
	rig_cmd(&rig, c->cdb, sizeof(c->cdb), data, c->len);
	check_good(&rig);
}

static void written_through(void **state)
{
	struct picture old, new, after;

	(void)state;
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(changes); i++) {
		rig_start(&rig, OPTS ",provisioning=thin,write_through");
		write_blocks(0);
		write_blocks(SEQ_LBA);
		take_picture(&old);
		change(&changes[i]);
		take_picture(&new);
		fail_power();
		take_picture(&after);
		if (!memcmp(&old, &new, sizeof(old)) ||
		    memcmp(&new, &after, sizeof(new)))
			fail_msg("%u: opcode %02Xh is not durable", i,
				 changes[i].cdb[0]);
		rig_stop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conventional),
		cmocka_unit_test(write_required),
		cmocka_unit_test(write_preferred),
		cmocka_unit_test(written_through),
	};

	return cmocka_run_group_tests_name("scsi/fua", tests, NULL, NULL);
}
