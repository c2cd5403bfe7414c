// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Commands that are begun and dropped: as if they had never come. */
#include "rig.h"

#define OPTS                                                          \
	"capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=2," \
	"provisioning=thin"
#define SEQ(n) ((2 + (uint64_t)(n)) * MIB_BLOCKS)

RIG_EACH(OPTS)

static int start_written(void **state)
{
	start(state);
	rig_write(&rig, 0, 64);
	rig_write(&rig, SEQ(0), 8);
	check_good(&rig);
	return 0;
}

/* What there is to see of a unit without looking at its data. */
struct look {
	size_t len;
	uint8_t data[4096];
};

static void add(struct look *look, const uint8_t *cdb, size_t cdb_len)
{
	rig_cmd(&rig, cdb, cdb_len, NULL, 1024);
	check_good(&rig);
	assert_in_range(look->len + rig.cmd.data_in_bytes, 1,
			sizeof(look->data));
	memcpy(look->data + look->len, rig.data, rig.cmd.data_in_bytes);
	look->len += rig.cmd.data_in_bytes;
}

static void look_at_unit(struct look *look)
{
	static const uint8_t report[16] = { 0x95, [12] = 4 };
	static const uint8_t current[10] = { 0x5a, 0, 0x3f, 0xff, [7] = 4 };
	static const uint8_t saved[10] = { 0x5a, 0, 0xff, 0xff, [7] = 4 };
	static const uint8_t logs[10] = { 0x4d, 0, 0x54, 1, [7] = 4 };
	static const uint8_t sense[6] = { 0x03, [4] = 252 };

	memset(look, 0, sizeof(*look));
	add(look, report, sizeof(report));
	add(look, current, sizeof(current));
	add(look, saved, sizeof(saved));
	add(look, logs, sizeof(logs));
	add(look, sense, sizeof(sense));
}

static void drop(const uint8_t *cdb, const void *out, size_t len)
{
	struct look before, after;

	look_at_unit(&before);
	rig.drop = true;
	rig_cmd(&rig, cdb, SCSI_CDB_MAX, out, len);
	assert_true(rig.ran);
	rig.drop = false;
	look_at_unit(&after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.data, before.data, before.len);
}

#define DROP(out, len, ...) \
	drop((const uint8_t[SCSI_CDB_MAX]){ __VA_ARGS__ }, out, len)

/* Everything that can be left to scsi_run(), one of each kind. */
static void nothing_happens(void **state)
{
	static const uint8_t wce_off[] = { 0, 0, 0, 0, 0x08, 18, [23] = 0 };
	static const uint8_t d_sense[] = { 0,  0, 0,	0,	 0x0a,
					   10, 4, 0x10, [15] = 1 };
	static const uint8_t unmap[24] = { 0, 22, 0, 16, [19] = 1 };
	static const uint8_t pattern[8] = { 1, 0, 0, 4, 1, 2, 3, 4 };
	static const uint8_t immed[4] = { 0, 0x02 };
	uint8_t data[2 * 512] = { 0 };

	(void)state;
	DROP(NULL, 0, 0x04);
	DROP(immed, 4, 0x04, 0x10);
	DROP(wce_off, 24, 0x15, 0x10, 0, 0, 24);
	DROP(wce_off, 24, 0x15, 0x11, 0, 0, 24);
	DROP(d_sense, 16, 0x15, 0x11, 0, 0, 16);
	DROP(d_sense, 16, 0x15, 0x10, 0, 0, 16);
	DROP(NULL, 0, 0x1b);
	DROP(NULL, 512, 0x28, [8] = 1);
	DROP(data, 512, 0x2a, [8] = 1);
	DROP(data, 512, 0x2e, [8] = 1);
	DROP(data, 512, 0x2f, 0x02, [8] = 1);
	DROP(NULL, 0, 0x35);
	DROP(data, 512, 0x41, [8] = 1);
	DROP(unmap, 24, 0x42, [8] = 24);
	DROP(pattern, 8, 0x48, 0xa1, [8] = 8);
	DROP(NULL, 0, 0x48, 0x02);
	DROP(data, 1024, 0x89, [13] = 1);
	for (uint8_t sa = 1; sa <= 4; sa++)
		DROP(NULL, 0, 0x94, sa, [14] = 1);
}

/* What ends the failure of an earlier SANITIZE is what that one said. */
static void failed_sanitize_stays_open(void **state)
{
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO,
					 .only = 1u << STORE_PUNCH };

	(void)state;
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, NULL, 0, 0x48, 0x22); /* AUSE */
	check_sense(&rig, 0x33103);
	plan.fail_at = UINT64_MAX;
	store_fault_arm(rig.fault, &plan);
	rig.drop = true;
	CMD(&rig, NULL, 0, 0x48, 0x02);
	assert_true(rig.ran);
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	assert_true(rig.ran);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x33103);
	rig.drop = false;
	CMD(&rig, NULL, 0, 0x48, 0x1f);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_good(&rig);
}

int main(void)
{
#define W(f) cmocka_unit_test_setup_teardown(f, start_written, stop)
	const struct CMUnitTest tests[] = {
		W(nothing_happens),
		W(failed_sanitize_stays_open),
	};

	return cmocka_run_group_tests_name("drop", tests, NULL, NULL);
}
