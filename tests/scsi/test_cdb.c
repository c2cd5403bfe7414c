// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What holds for every command, tested over the whole table: reserved bits,
 * unknown commands, allocation lengths, REPORT SUPPORTED OPERATION CODES.
 */
#include "disk/medium/journal.h"
#include "rig.h"

#define OPTS "capacity_mb=8,zone_size_mb=1,conv_zones=2"

static bool thin;   /* provisioning */
static bool realms; /* zone domains and realms */

/* Zones 0 to 7 are conventional, 9 to 14 sequential, which are active. */
#define REALMS                                                  \
	"model=realms,zone_size_mb=1,realms=4,realm_zones=2+3," \
	"cmr_realms=1+1,active=seq"

RIG_EACH(realms ? REALMS : thin ? OPTS ",provisioning=thin" : OPTS)

/*
 * The whole command set as it should be, written down a second time: the CDB
 * usage data with thin provisioning or realms, and whether the command works on
 * a stopped unit.
 */
/* clang-format off */
#define FF4 0xff, 0xff, 0xff, 0xff
static const struct {
	int sa;
	uint8_t len;
	bool stopped;
	uint8_t usage[SCSI_CDB_MAX];
} command_set[] = {
	{ NO_SA, 6, 0, { 0x00 } },
	{ NO_SA, 6, 1, { 0x03, 0x01, 0, 0, 0xff } },
	{ NO_SA, 6, 0, { 0x04, 0x38 } },
	{ NO_SA, 6, 0, { 0x08, 0x1f, 0xff, 0xff, 0xff } },
	{ NO_SA, 6, 0, { 0x0a, 0x1f, 0xff, 0xff, 0xff } },
	{ NO_SA, 6, 1, { 0x12, 0x01, 0xff, 0xff, 0xff } },
	{ NO_SA, 6, 1, { 0x15, 0x11, 0, 0, 0xff } },
	{ NO_SA, 6, 1, { 0x1a, 0x08, 0xff, 0xff, 0xff } },
	{ NO_SA, 6, 1, { 0x1b, 0x01, 0, 0, 0x05 } },
	{ NO_SA, 6, 1, { 0x1c, 0x01, 0xff, 0xff, 0xff } },
	{ NO_SA, 6, 0, { 0x1d, 0xf7, 0, 0xff, 0xff } },
	{ NO_SA, 10, 1, { 0x25 } },
	{ NO_SA, 10, 0, { 0x28, 0x18, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x2a, 0x18, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x2e, 0x16, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x2f, 0x16, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x34, 0x02, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x35, 0x02, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x41, 0x08, FF4, 0, 0xff, 0xff } },
	{ NO_SA, 10, 0, { 0x42, 0, [7] = 0xff, 0xff } },
	{ 0x01, 10, 0, { 0x48, 0xe1, [7] = 0xff, 0xff } },
	{ 0x02, 10, 0, { 0x48, 0xe2, [7] = 0xff, 0xff } },
	{ 0x1f, 10, 0, { 0x48, 0xdf, [7] = 0xff, 0xff } },
	{ NO_SA, 10, 1, { 0x4c, 0x03, 0xff, 0xff, [7] = 0xff, 0xff } },
	{ NO_SA, 10, 1, { 0x4d, 0, 0xff, 0xff, 0, FF4 } },
	{ NO_SA, 10, 1, { 0x55, 0x11, [7] = 0xff, 0xff } },
	{ NO_SA, 10, 1, { 0x5a, 0x18, 0xff, 0xff, [7] = 0xff, 0xff } },
	{ 0xf800, 32, 0, { 0x7f, [7] = 0x18, 0xf8, 0x00, 0xc0, 0xff, FF4, FF4,
			   FF4, [28] = FF4 } },
	{ 0xf801, 32, 0, { 0x7f, [7] = 0x18, 0xf8, 0x01, 0xc0, 0xff, FF4, FF4,
			   FF4, [28] = FF4 } },
	{ NO_SA, 16, 0, { 0x88, 0x18, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x89, 0x18, FF4, FF4, [13] = 0xff } },
	{ NO_SA, 16, 0, { 0x8a, 0x18, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x8e, 0x16, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x8f, 0x16, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x90, 0x02, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x91, 0x02, FF4, FF4, FF4 } },
	{ NO_SA, 16, 0, { 0x93, 0x09, FF4, FF4, FF4 } },
	{ 1, 16, 0, { 0x94, 1, FF4, FF4, [12] = 0xff, 0xff, 0x01 } },
	{ 2, 16, 0, { 0x94, 2, FF4, FF4, [12] = 0xff, 0xff, 0x01 } },
	{ 3, 16, 0, { 0x94, 3, FF4, FF4, [12] = 0xff, 0xff, 0x01 } },
	{ 4, 16, 0, { 0x94, 4, FF4, FF4, [12] = 0xff, 0xff, 0x01 } },
	{ 0, 16, 0, { 0x95, 0, FF4, FF4, FF4, 0xbf } },
	{ 6, 16, 0, { 0x95, 6, FF4, FF4, FF4, 0x3f } },
	{ 7, 16, 0, { 0x95, 7, FF4, FF4, FF4, 0x3f } },
	{ 8, 16, 0, { 0x95, 0x88, FF4, FF4, FF4, 0xff } },
	{ 9, 16, 0, { 0x95, 0x89, FF4, FF4, FF4, 0xff } },
	{ 0x10, 16, 1, { 0x9e, 0x10, [10] = FF4 } },
	{ 0x12, 16, 0, { 0x9e, 0x12, FF4, FF4, FF4, 0xff } },
	{ NO_SA, 12, 1, { 0xa0, 0, 0xff, 0, 0, 0, FF4 } },
	{ 0x05, 12, 1, { 0xa3, 0x05, [6] = FF4, 0xfe } },
	{ 0x0c, 12, 1, { 0xa3, 0x0c, 0x87, 0xff, 0xff, 0xff, FF4 } },
	{ 0x0d, 12, 1, { 0xa3, 0x0d, 0x80, 0, 0, 0, FF4 } },
	{ NO_SA, 12, 0, { 0xa8, 0x18, FF4, FF4 } },
	{ NO_SA, 12, 0, { 0xaa, 0x18, FF4, FF4 } },
	{ 1, 12, 1, { 0xab, 0x01, [6] = FF4 } },
	{ NO_SA, 12, 0, { 0xae, 0x16, FF4, FF4 } },
	{ NO_SA, 12, 0, { 0xaf, 0x16, FF4, FF4 } },
};
/* clang-format on */

static bool is_there(unsigned row)
{
	uint8_t opcode = command_set[row].usage[0];

	if (opcode == 0x7f || (opcode == 0x95 && command_set[row].sa))
		return realms;
	return thin || opcode != 0x42; /* UNMAP */
}

static uint8_t usage_byte(unsigned row, unsigned byte)
{
	uint8_t opcode = command_set[row].usage[0];
	uint8_t bits = command_set[row].usage[byte];

	if (!thin && byte == 1 && (opcode == 0x41 || opcode == 0x93))
		bits &= 0xf7; /* UNMAP of WRITE SAME */
	return bits;
}

/*
 * A harmless CDB of a row: its opcode and service action; what must not be 0
 * for the command to be well formed is set.
 */
static void plain_cdb(const struct scsi_op *op, uint8_t cdb[SCSI_CDB_MAX])
{
	memset(cdb, 0, SCSI_CDB_MAX);
	cdb[0] = op->usage[0];
	if (op->usage[0] == 0x7f) {
		cdb[7] = 0x18;
		be16_put(cdb + 8, (uint16_t)op->sa);
		cdb[31] = 64; /* the least allocation length */
	} else if (op->sa != NO_SA) {
		cdb[1] = (uint8_t)op->sa;
	}
	if (op->usage[0] == 0x15 || op->usage[0] == 0x55)
		cdb[1] = 0x10; /* PF */
	if (op->usage[0] == 0x1a || op->usage[0] == 0x5a)
		cdb[2] = 0x3f; /* all pages */
	if (op->usage[0] == 0xa3 && op->sa == 0x0d)
		cdb[9] = 4; /* the least allocation length */
	if (op->usage[0] == 0x1b)
		cdb[4] = 0x01; /* START */
	if (op->usage[0] == 0x1c)
		cdb[1] = 0x01; /* PCV */
	if (op->usage[0] == 0xa0)
		cdb[9] = 16; /* the least allocation length */
	if (op->usage[0] == 0x41)
		cdb[8] = 1; /* WSNZ: not 0 blocks */
	if (op->usage[0] == 0x93)
		cdb[13] = 1;
	if (op->usage[0] == 0x94)
		be64_put(cdb + 2, (realms ? 9 : 2) * MIB_BLOCKS);
	if (op->usage[0] == 0x95 && op->sa >= 8) {
		cdb[11] = 2;  /* zones */
		cdb[13] = 64; /* the least allocation length */
	}
}

/*
 * Each command with a buffer that holds A5h bytes, whatever it is for:
 * rig_cmd() looks that none of them comes back.
 */
static void nothing_comes_back(const struct scsi_op *op)
{
	uint8_t cdb[SCSI_CDB_MAX];

	plain_cdb(op, cdb);
	for (size_t len = 0; len <= 256 * 512; len = len * 4 + 170)
		rig_cmd(&rig, cdb, op->cdb_len, NULL, len);
	rig_cmd(&rig, cdb, op->cdb_len, NULL, 256 * 512);
	for (unsigned i = 2; i < op->cdb_len; i++)
		cdb[i] |= op->usage[i]; /* no such LBA, parameter list, … */
	rig_cmd(&rig, cdb, op->cdb_len, NULL, 512);
}

static void buffers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < scsi_op_count; i++) {
		nothing_comes_back(&scsi_op_table[i]);
		rig.unit->swp = true;
		nothing_comes_back(&scsi_op_table[i]);
		rig.unit->swp = false;
		rig.unit->attention = true;
		nothing_comes_back(&scsi_op_table[i]);
	}
}

/* GOOD with a buffer for READ(6) and WRITE(6), which transfer 256 blocks. */
/* For one block: WRITE SAME and COMPARE AND WRITE refuse more than they use. */
static size_t plain_bytes(const uint8_t *cdb)
{
	switch (cdb[0]) {
	case 0x41:
	case 0x93:
		return 512;
	case 0x89:
		return 2 * 512;
	default:
		return 256 * 512;
	}
}

static void plain_commands(void **state)
{
	uint8_t cdb[SCSI_CDB_MAX];

	(void)state;
	for (unsigned i = 0; i < scsi_op_count; i++) {
		plain_cdb(&scsi_op_table[i], cdb);
		/* SANITIZE, overwrite, needs a parameter list. */
		if (!is_there(i) || (cdb[0] == 0x48 && cdb[1] == 0x01))
			continue;
		rig_cmd(&rig, cdb, scsi_op_table[i].cdb_len, NULL,
			plain_bytes(cdb));
		check_good(&rig);
	}
}

static void rows_are_sane(void **state)
{
	const struct scsi_op *op, *prev = NULL;

	(void)state;
	for (unsigned i = 0; i < scsi_op_count; i++, prev = op) {
		op = &scsi_op_table[i];
		assert_non_null(op->name);
		assert_non_null(op->begin);
		/* The group code of the opcode gives the length. */
		switch (op->usage[0] >> 5) {
		case 0:
			assert_int_equal(op->cdb_len, 6);
			break;
		case 1:
		case 2:
			assert_int_equal(op->cdb_len, 10);
			break;
		case 3:
			assert_int_equal(op->cdb_len, 32);
			break;
		case 4:
			assert_int_equal(op->cdb_len, 16);
			break;
		default:
			assert_int_equal(op->cdb_len, 12);
			break;
		}
		for (unsigned b = op->cdb_len; b < SCSI_CDB_MAX; b++)
			assert_int_equal(op->usage[b], 0);
		if (op->sa != NO_SA && op->usage[0] != 0x7f)
			assert_int_equal(op->usage[1] & 0x1f, op->sa);
		if (!prev)
			continue;
		assert_true(prev->usage[0] < op->usage[0] ||
			    (prev->usage[0] == op->usage[0] &&
			     prev->sa != NO_SA && prev->sa < op->sa));
	}
}

static bool is_sa_field(const struct scsi_op *op, unsigned byte, int bit)
{
	if (op->usage[0] == 0x7f)
		return byte == 8 || byte == 9;
	return op->sa != NO_SA && byte == 1 && bit < 5;
}

static void reserved_bits(void **state)
{
	uint8_t cdb[SCSI_CDB_MAX];
	const struct scsi_op *op;
	unsigned refused = 0;

	(void)state;
	for (unsigned i = 0; i < scsi_op_count; i++) {
		op = &scsi_op_table[i];
		if (!is_there(i))
			continue;
		for (unsigned bit = 8; bit < op->cdb_len * 8u; bit++) {
			if (is_sa_field(op, bit / 8, bit % 8) ||
			    usage_byte(i, bit / 8) & 1 << bit % 8)
				continue;
			plain_cdb(op, cdb);
			cdb[bit / 8] |= (uint8_t)(1 << bit % 8);
			rig_cmd(&rig, cdb, op->cdb_len, NULL, 16);
			check_bad_cdb(&rig, bit / 8, (int)(bit % 8));
			assert_false(rig.ran);
			refused++;
		}
	}
	/* Every row has at least CONTROL. */
	assert_true(refused >= scsi_op_count * 8);
}

/* Of several wrong bits, the pointer names the first byte's left-most. */
static void reserved_bits_order(void **state)
{
	(void)state;
	CMD(&rig, NULL, 0, 0x00, 0x42, 0xff, 0, 0, 0xff);
	check_bad_cdb(&rig, 1, 6);
	/* RDPROTECT and FUA_NV of READ(16), DPO and FUA being fine */
	CMD(&rig, NULL, 0, 0x88, 0x3a, [15] = 0x04);
	check_bad_cdb(&rig, 1, 5);
	/* NACA */
	CMD(&rig, NULL, 0, 0x88, 0x18, [15] = 0x04);
	check_bad_cdb(&rig, 15, 2);
}

static void short_cdbs(void **state)
{
	uint8_t cdb[SCSI_CDB_MAX];
	const struct scsi_op *op;

	(void)state;
	rig_cmd(&rig, NULL, 0, NULL, 8);
	check_sense(&rig, 0x52000);
	for (unsigned i = 0; i < scsi_op_count; i++) {
		op = &scsi_op_table[i];
		if (!is_there(i))
			continue;
		plain_cdb(op, cdb);
		for (size_t len = 1; len < op->cdb_len; len++) {
			uint8_t *exact = malloc(len);

			memcpy(exact, cdb, len);
			rig_cmd(&rig, exact, len, NULL, 8);
			if (op->usage[0] == 0x7f && len < 10)
				check_bad_cdb(&rig, 8, -1);
			else if (len > 1 || op->sa == NO_SA)
				check_bad_cdb(&rig, (unsigned)len, -1);
			assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
			free(exact);
		}
	}
}

static bool listed(int opcode, int sa)
{
	for (unsigned i = 0; i < scsi_op_count; i++)
		if (is_there(i) && scsi_op_table[i].usage[0] == opcode &&
		    (sa == NO_SA || scsi_op_table[i].sa == NO_SA ||
		     scsi_op_table[i].sa == sa))
			return true;
	return false;
}

static void unknown_commands(void **state)
{
	(void)state;
	for (int opcode = 0; opcode < 256; opcode++) {
		for (int sa = 0; sa < 32; sa++) {
			if (listed(opcode, sa))
				continue;
			CMD(&rig, NULL, 100, (uint8_t)opcode, (uint8_t)sa);
			if (listed(opcode, NO_SA))
				check_bad_cdb(&rig, 1, 4);
			else
				check_sense(&rig, 0x52000);
		}
	}
}

/* The SUPPORT field of REPORT SUPPORTED OPERATION CODES for one command. */
static int support(uint8_t options, uint8_t opcode, uint16_t sa)
{
	CMD(&rig, NULL, 64, 0xa3, 0x0c, options, opcode, (uint8_t)(sa >> 8),
	    (uint8_t)sa, [9] = 64);
	return rig.cmd.status == SCSI_GOOD ? rig.data[1] & 0x07 : -1;
}

/*
 * The list is asked for as a host does, and every possible command tried: what
 * is listed is answered, what is not is refused as unknown.
 */
/*
 * READ, VERIFY, WRITE AND VERIFY, WRITE and WRITE SAME (32), each well formed:
 * with type 0 protection they are to end so (SBC-4, type 0 protection), and
 * REPORT SUPPORTED OPERATION CODES says the same.
 */
static void cdbs_of_32_bytes(void **state)
{
	static const uint8_t actions[] = { 0x09, 0x0a, 0x0b, 0x0c, 0x0d };
	static const uint8_t no_command[4] = { 0, 0x01 };

	(void)state;
	for (size_t i = 0; i < sizeof(actions); i++) {
		CMD(&rig, NULL, 512, 0x7f, [7] = 0x18, 0, actions[i], [31] = 1);
		check_sense(&rig, 0x52000);
		for (uint8_t options = 1; options <= 3; options++) {
			CMD(&rig, NULL, 64, 0xa3, 0x0c, options, 0x7f, 0,
			    actions[i], [9] = 64);
			check_data(&rig, no_command, sizeof(no_command));
		}
	}
}

static void opcodes_do_not_lie(void **state)
{
	static bool in_list[256][32], has_sa[256];
	uint8_t cdb[SCSI_CDB_MAX];
	uint8_t *list;
	uint32_t len;
	int sup;

	(void)state;
	CMD(&rig, NULL, 4096, 0xa3, 0x0c, [8] = 0x10);
	check_good(&rig);
	len = be32_get(rig.data);
	assert_int_equal(rig.cmd.data_in_bytes, 4 + len);
	assert_int_equal(len % 8, 0);
	list = malloc(len);
	memcpy(list, rig.data + 4, len);
	memset(in_list, 0, sizeof(in_list));
	for (uint32_t i = 0; i < len; i += 8) {
		uint8_t opcode = list[i], sa = list[i + 3];

		assert_int_equal(list[i + 1] | list[i + 2] | list[i + 4], 0);
		assert_false(in_list[opcode][sa]);
		in_list[opcode][sa] = true;
		has_sa[opcode] = list[i + 5] & 0x01;
		assert_int_equal(list[i + 5] & ~0x01, 0);
	}
	free(list);
	for (int opcode = 0; opcode < 256; opcode++) {
		for (int sa = 0; sa < 32; sa++) {
			bool yes = in_list[opcode][sa];

			sup = support(3, (uint8_t)opcode, (uint16_t)sa);
			assert_int_equal(sup, yes ? 3 : 1);
			if (sa && !has_sa[opcode])
				continue;
			memset(cdb, 0, sizeof(cdb));
			cdb[0] = (uint8_t)opcode;
			cdb[1] = (uint8_t)sa;
			rig_cmd(&rig, cdb, sizeof(cdb), NULL, 64);
			if (!yes) {
				assert_int_equal(rig.cmd.status, 2);
				continue;
			}
			if (rig.cmd.status == SCSI_GOOD)
				continue;
			/* Neither an unknown opcode nor service action. */
			assert_int_not_equal(rig.cmd.sense[12], 0x20);
			if (rig.cmd.sense[12] == 0x24 && has_sa[opcode])
				assert_int_not_equal(rig.cmd.sense[17], 1);
		}
	}
}

static void opcodes_one_command(void **state)
{
	static const uint8_t read_16[] = { 0,	 3,    0,    16,   0x88,
					   0x18, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0xff, 0xff,
					   0xff, 0xff, 0xff, 0,	   0 };
	static const uint8_t reset_wp[] = { 0,	  3,	0,    16,   0x94,
					    0x04, 0xff, 0xff, 0xff, 0xff,
					    0xff, 0xff, 0xff, 0xff, 0,
					    0,	  0xff, 0xff, 0x01, 0 };
	static const uint8_t inquiry_timeouts[22] = { 0,    0x83, 0,	6,
						      0x12, 0x01, 0xff, 0xff,
						      0xff, 0,	  0,	0x0a };
	static const uint8_t none[] = { 0, 1, 0, 0 };

	(void)state;
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 1, 0x88, [9] = 100);
	check_data(&rig, read_16, sizeof(read_16));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 3, 0x88, [9] = 100);
	check_data(&rig, read_16, sizeof(read_16));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 2, 0x94, 0, 4, [9] = 100);
	check_data(&rig, reset_wp, sizeof(reset_wp));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 3, 0x94, 0, 4, [9] = 100);
	check_data(&rig, reset_wp, sizeof(reset_wp));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 0x81, 0x12, [9] = 100);
	check_data(&rig, inquiry_timeouts, 22);
	/* not supported: opcode, service action, service action given */
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 1, 0xc0, [9] = 100);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 0x82, 0x94, 0, 9, [9] = 100);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 2, 0x94, 1, 4, [9] = 100);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 3, 0x88, 0, 1, [9] = 100);
	check_data(&rig, none, sizeof(none));
	/* forms that do not fit */
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 1, 0x94, [9] = 100);
	check_bad_cdb(&rig, 2, 2);
	CMD(&rig, NULL, 100, 0xa3, 0x0c, 2, 0x88, [9] = 100);
	check_bad_cdb(&rig, 4, -1);
	for (uint8_t options = 4; options < 8; options++) {
		CMD(&rig, NULL, 100, 0xa3, 0x0c, options, 0x88, [9] = 100);
		check_bad_cdb(&rig, 2, 2);
	}
}

static void check_rows(void)
{
	for (unsigned i = 0; i < scsi_op_count; i++) {
		const struct scsi_op *op = &scsi_op_table[i];

		if (i >= ZL_ARRAY_SIZE(command_set) ||
		    op->usage[0] != command_set[i].usage[0] ||
		    op->sa != command_set[i].sa)
			fail_msg("command_set has not %s, which lib/scsi has",
				 op->name);
	}
	assert_int_equal(scsi_op_count, ZL_ARRAY_SIZE(command_set));
}

static void whole_command_set(void **state)
{
	(void)state;
	check_rows();
	for (unsigned i = 0; i < scsi_op_count; i++) {
		const uint8_t *usage = command_set[i].usage;
		uint8_t len = command_set[i].len;
		int sa = command_set[i].sa;

		if (!is_there(i))
			continue;
		if (sa == NO_SA)
			sa = 0;
		CMD(&rig, NULL, 64, 0xa3, 0x0c, 3, usage[0], (uint8_t)(sa >> 8),
		    (uint8_t)sa, [9] = 64);
		check_good(&rig);
		assert_int_equal(rig.cmd.data_in_bytes, 4 + len);
		assert_int_equal(rig.data[1], 3);
		assert_int_equal(be16_get(rig.data + 2), len);
		for (unsigned byte = 0; byte < len; byte++)
			assert_int_equal(rig.data[4 + byte],
					 usage_byte(i, byte));
	}
}

static void opcodes_all_with_timeouts(void **state)
{
	uint32_t each = 20, nr = 0;
	const uint8_t *d;

	(void)state;
	for (unsigned i = 0; i < scsi_op_count; i++)
		nr += is_there(i);
	CMD(&rig, NULL, 8192, 0xa3, 0x0c, 0x80, [8] = 0x20);
	check_good(&rig);
	assert_int_equal(be32_get(rig.data), nr * each);
	assert_int_equal(rig.cmd.data_in_bytes, 4 + nr * each);
	d = rig.data + 4;
	for (unsigned i = 0; i < scsi_op_count; i++) {
		if (!is_there(i))
			continue;
		assert_int_equal(d[0], scsi_op_table[i].usage[0]);
		assert_int_equal(d[5] & 0x02, 0x02);
		assert_int_equal(be16_get(d + 6), scsi_op_table[i].cdb_len);
		assert_int_equal(be16_get(d + 8), 0x0a);
		assert_int_equal(be32_get(d + 16), scsi_op_table[i].timeout_s);
		d += each;
	}
}

/*
 * Allocation lengths: 0 to one more than all, each with buffers that are
 * shorter, equal and longer.  The data is always the beginning of the whole.
 */
struct alloc_case {
	const char *what;
	uint8_t cdb[16];
	unsigned at, bytes; /* the ALLOCATION LENGTH field */
	unsigned min;	    /* least allocation length that is allowed */
	bool partial;	    /* the content depends on the allocation length */
};

static const struct alloc_case alloc_cases[] = {
	{ "INQUIRY", { 0x12 }, 3, 2 },
	{ "VPD 00h", { 0x12, 1, 0x00 }, 3, 2 },
	{ "VPD 80h", { 0x12, 1, 0x80 }, 3, 2 },
	{ "VPD 83h", { 0x12, 1, 0x83 }, 3, 2 },
	{ "VPD 86h", { 0x12, 1, 0x86 }, 3, 2 },
	{ "VPD B0h", { 0x12, 1, 0xb0 }, 3, 2 },
	{ "VPD B1h", { 0x12, 1, 0xb1 }, 3, 2 },
	{ "VPD B2h", { 0x12, 1, 0xb2 }, 3, 2 },
	{ "VPD B6h", { 0x12, 1, 0xb6 }, 3, 2 },
	{ "REQUEST SENSE", { 0x03 }, 4, 1 },
	{ "REQUEST SENSE, descriptors", { 0x03, 1 }, 4, 1 },
	{ "MODE SENSE(6)", { 0x1a, 0, 0x3f, 0xff }, 4, 1 },
	{ "MODE SENSE(6), DBD", { 0x1a, 8, 0x08 }, 4, 1 },
	{ "MODE SENSE(10)", { 0x5a, 0, 0x3f }, 7, 2 },
	{ "MODE SENSE(10), LLBAA", { 0x5a, 0x10, 0x3f }, 7, 2 },
	{ "LOG SENSE 00h", { 0x4d }, 7, 2 },
	{ "LOG SENSE 00h,FFh", { 0x4d, 0, 0, 0xff }, 7, 2 },
	{ "LOG SENSE 10h", { 0x4d, 0, 0x50 }, 7, 2 },
	{ "LOG SENSE 14h,01h", { 0x4d, 0, 0x54, 1 }, 7, 2 },
	{ "diagnostic pages", { 0x1c, 1 }, 3, 2 },
	{ "media serial number", { 0xab, 1 }, 6, 4 },
	{ "identifying information", { 0xa3, 5 }, 6, 4 },
	{ "REPORT LUNS", { 0xa0 }, 6, 4, 16 },
	{ "READ CAPACITY(16)", { 0x9e, 0x10 }, 10, 4 },
	/* of the last zone: as many descriptors with every length */
	{ "GET LBA STATUS", { 0x9e, 0x12, 0, 0, 0, 0, 0, 0, 0x38, 0 }, 10, 4 },
	{ "all opcodes", { 0xa3, 0x0c }, 6, 4 },
	{ "all opcodes, timeouts", { 0xa3, 0x0c, 0x80 }, 6, 4 },
	{ "one opcode", { 0xa3, 0x0c, 0x81, 0x12 }, 6, 4 },
	{ "task management", { 0xa3, 0x0d }, 6, 4, 4 },
	{ "task management, REPD", { 0xa3, 0x0d, 0x80 }, 6, 4, 4 },
	{ "REPORT ZONES", { 0x95 }, 10, 4 },
	{ "REPORT ZONES, PARTIAL", { 0x95, [14] = 0x80 }, 10, 4, 0, true },
};

static void put_alloc(const struct alloc_case *c, uint8_t *cdb, uint32_t alloc)
{
	for (unsigned i = c->bytes; i--; alloc >>= 8)
		cdb[c->at + i] = (uint8_t)alloc;
}

/* ZONE LIST LENGTH with PARTIAL: whole descriptors that fit. */
static uint32_t list_bytes(uint32_t alloc, size_t full_len)
{
	if (alloc < 64)
		return 0;
	return (uint32_t)min_u64((alloc - 64) / 64 * 64, full_len - 64);
}

static void alloc_one(const struct alloc_case *c, const uint8_t *full,
		      size_t full_len, uint32_t alloc, size_t buf)
{
	size_t want = min_u64(min_u64(alloc, buf), full_len);
	uint8_t cdb[16];

	memcpy(cdb, c->cdb, sizeof(cdb));
	put_alloc(c, cdb, alloc);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, buf);
	if (alloc < c->min) {
		check_bad_cdb(&rig, c->at, -1);
		return;
	}
	check_good(&rig);
	assert_int_equal(rig.cmd.data_in_bytes, want);
	if (c->partial) {
		if (want > 4)
			assert_int_equal(be32_get(rig.data),
					 list_bytes(alloc, full_len));
		/* SAME may differ, too: it speaks of the listed ones. */
		memcpy(rig.data, full, min_u64(want, 5));
	}
	check_data(&rig, full, want);
}

static void alloc_lengths(void **state)
{
	static uint8_t full[8192];
	const struct alloc_case *c;
	uint8_t cdb[16];
	size_t full_len;
	uint32_t max;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(alloc_cases); i++) {
		c = &alloc_cases[i];
		max = c->bytes == 1 ? 255 : 4096;
		memcpy(cdb, c->cdb, sizeof(cdb));
		put_alloc(c, cdb, max);
		rig_cmd(&rig, cdb, sizeof(cdb), NULL, sizeof(full));
		check_good(&rig);
		full_len = rig.cmd.data_in_bytes;
		assert_in_range(full_len, 4, max - 1);
		memcpy(full, rig.data, full_len);
		for (uint32_t alloc = 0; alloc <= full_len + 1; alloc++) {
			alloc_one(c, full, full_len, alloc, 0);
			alloc_one(c, full, full_len, alloc, alloc);
			alloc_one(c, full, full_len, alloc, alloc / 2);
			alloc_one(c, full, full_len, alloc, full_len + 70);
		}
		alloc_one(c, full, full_len,
			  c->bytes == 1	  ? 255
			  : c->bytes == 2 ? 0xffff
					  : UINT32_MAX,
			  full_len + 3);
	}
}

static void stopped_unit(void **state)
{
	uint8_t cdb[SCSI_CDB_MAX];
	const uint64_t seq = (realms ? 9 : 2) * MIB_BLOCKS;
	const struct scsi_op *op;

	(void)state;
	rig_write(&rig, seq, 1);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 0);
	check_good(&rig);
	assert_true(rig.ran);
	for (unsigned i = 0; i < scsi_op_count; i++) {
		op = &scsi_op_table[i];
		if (op->usage[0] == 0x1b || !is_there(i))
			continue;
		plain_cdb(op, cdb);
		rig_cmd(&rig, cdb, op->cdb_len, NULL, 256 * 512);
		if (command_set[i].stopped)
			check_good(&rig);
		else
			check_sense(&rig, 0x20402);
	}
	CMD(&rig, NULL, 18, 0x03, 0, 0, 0, 18);
	check_good(&rig);
	assert_int_equal(rig.data[2], 0x02);
	assert_int_equal(be16_get(rig.data + 12), 0x0402);
	CMD(&rig, NULL, 8, 0x03, 1, 0, 0, 18);
	check_data(&rig, (const uint8_t[8]){ 0x72, 2, 4, 2 }, 8);
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 1);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
	check_zone(&rig, seq, ZC_IMP_OPEN, seq + 1);
}

/* NO_FLUSH leaves the cache alone; a failing flush leaves the unit running. */
static void stop_flushes(void **state)
{
	struct store_fault_plan syncs = { .fail_at = UINT64_MAX,
					  .only = 1u << STORE_SYNC };

	(void)state;
	rig_write(&rig, 2 * MIB_BLOCKS, 1);
	store_fault_arm(rig.fault, &syncs);
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 0x04);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 0);
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 0x01);
	check_good(&rig);
	syncs = (struct store_fault_plan){ .fail_count = UINT64_MAX,
					   .error = EIO,
					   .only = 1u << STORE_SYNC };
	store_fault_arm(rig.fault, &syncs);
	CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 0);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(store_fault_hits(rig.fault), 1);
	syncs.fail_at = UINT64_MAX;
	store_fault_arm(rig.fault, &syncs);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(rows_are_sane),
		T(plain_commands),
		T(buffers),
		T(whole_command_set),
		T(reserved_bits),
		T(reserved_bits_order),
		T(short_cdbs),
		T(unknown_commands),
		T(cdbs_of_32_bytes),
		T(opcodes_do_not_lie),
		T(opcodes_one_command),
		T(opcodes_all_with_timeouts),
		T(alloc_lengths),
		T(stopped_unit),
		T(stop_flushes),
	};

	const struct CMUnitTest realms_tests[] = {
		T(plain_commands), T(buffers),	  T(whole_command_set),
		T(reserved_bits),  T(short_cdbs), T(opcodes_all_with_timeouts),
		T(stopped_unit),
	};
	int failed = cmocka_run_group_tests_name("cdb", tests, NULL, NULL);

	thin = true;
	failed += cmocka_run_group_tests_name("cdb, thin", tests, NULL, NULL);
	thin = false;
	realms = true;
	return failed + cmocka_run_group_tests_name("cdb, realms", realms_tests,
						    NULL, NULL);
}
