// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Every verdict and every I/O status as sense data, in both formats. */
#include "disk/io/io.h"
#include "rig.h"

RIG_EACH("capacity_mb=4,zone_size_mb=1,conv_zones=1")

/* A WRITE(16) that the disk is said to have failed. */
static void fail_io(enum disk_status status, enum zone_verdict verdict,
		    uint64_t bad_lba)
{
	uint8_t out[512] = { 0 };

	rig_rw(&rig, 0x8a, 0, 1, out, sizeof(out));
	check_good(&rig);
	rig.cmd.io.status = status;
	rig.cmd.io.verdict = verdict;
	rig.cmd.io.bad_lba = bad_lba;
	assert_int_equal(scsi_fail_io(&rig.cmd), SCSI_DONE);
}

static void verdicts(void **state)
{
	static const uint32_t codes[] = {
		[ZV_UNALIGNED_WRITE] = 0x52104,
		[ZV_WRITE_BOUNDARY] = 0x52105,
		[ZV_READ_INVALID] = 0x52106,
		[ZV_READ_BOUNDARY] = 0x52107,
		[ZV_GAP] = 0x52109,
		[ZV_READ_ONLY] = 0x72708,
		[ZV_OFFLINE] = 0x72c0e,
		[ZV_INACTIVE] = 0x72c12,
		[ZV_NO_RESOURCES] = 0x7550e,
	};

	(void)state;
	for (unsigned v = ZV_OK + 1; v <= ZV_NO_RESOURCES; v++) {
		fail_io(DISK_REFUSED, (enum zone_verdict)v, 7);
		if (v == ZV_LBA_RANGE)
			check_range(&rig, rig.unit->capacity_blocks);
		else if (codes[v])
			check_sense(&rig, codes[v]);
		else
			check_bad_cdb(&rig, v == ZV_ZONE_COUNT ? 12 : 2, -1);
	}
}

static void statuses(void **state)
{
	(void)state;
	fail_io(DISK_READ_ERROR, ZV_OK, 0x12345678);
	check_medium(&rig, 0x31100, 0x12345678);
	fail_io(DISK_WRITE_ERROR, ZV_OK, UINT32_MAX);
	check_medium(&rig, 0x30c00, UINT32_MAX);
	fail_io(DISK_WRITE_ERROR, ZV_OK, UINT64_C(0x100000000));
	check_sense(&rig, 0x30c00);
	fail_io(DISK_NO_SPACE, ZV_OK, 7);
	check_sense(&rig, 0x72707);
	fail_io(DISK_WRITE_PROTECT, ZV_OK, 7);
	check_sense(&rig, 0x72700);
	fail_io(DISK_INTERNAL, ZV_OK, 7);
	check_sense(&rig, 0xb5500);
	fail_io(DISK_BUSY, ZV_OK, 7);
	assert_int_equal(rig.cmd.status, SCSI_BUSY);
	assert_int_equal(rig.cmd.sense_len, 0);
}

/* The same of another operation. */
static void fail_op(enum disk_op op, struct zone_activation *activation)
{
	fail_io(DISK_WRITE_ERROR, ZV_OK, 7);
	rig.cmd.io.op = op;
	rig.cmd.io.activation = activation;
	assert_int_equal(scsi_fail_io(&rig.cmd), SCSI_DONE);
}

/* What is about no block names none. */
static void no_block(void **state)
{
	static const enum disk_op ops[] = { DISK_SYNC, DISK_SAVE,
					    DISK_CONTROL };
	struct zone_activation a = { .zone_id = 7 };

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(ops); i++) {
		fail_op(ops[i], NULL);
		check_sense(&rig, 0x30c00);
	}
	fail_op(DISK_ACTIVATE, &a);
	check_medium(&rig, 0x30c00, 7);
	a.all = true;
	fail_op(DISK_ACTIVATE, &a);
	check_sense(&rig, 0x30c00);
}

static void formats(void **state)
{
	struct sense s = { .code = INVALID_FIELD_IN_PARAMETER_LIST,
			   .has_info = true,
			   .info = UINT64_C(0x1122334455667788),
			   .sks = { 0x8b, 0x01, 0x02 } };
	static const uint8_t descriptor[28] = {
		0x72, 5, 0x26, 0,    0,	   0,	 0,    20,   0,	   10,
		0x80, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88,
		2,    6, 0,    0,    0x8b, 1,	 2,    0
	};
	static const uint8_t fixed[18] = {
		0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0, 0, 0x8b, 1, 2
	};
	uint8_t buf[SCSI_SENSE_MAX];

	(void)state;
	assert_int_equal(sense_build(&s, true, buf), sizeof(descriptor));
	assert_memory_equal(buf, descriptor, sizeof(descriptor));
	assert_int_equal(sense_build(&s, false, buf), sizeof(fixed));
	assert_memory_equal(buf, fixed, sizeof(fixed));
	s.info = 0x99aabbcc;
	assert_int_equal(sense_build(&s, false, buf), sizeof(fixed));
	assert_int_equal(buf[0], 0xf0);
	assert_int_equal(be32_get(buf + 3), 0x99aabbcc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(verdicts),
		T(statuses),
		T(no_block),
		T(formats),
	};

	return cmocka_run_group_tests_name("sense", tests, NULL, NULL);
}
