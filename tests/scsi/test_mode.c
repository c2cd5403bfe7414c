// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* MODE SENSE and MODE SELECT. */
#include "disk/internal.h"
#include "disk/medium/journal.h"
#include "rig.h"

#define OPTS	  "capacity_mb=8,zone_size_mb=1,conv_zones=2"
#define NR_BLOCKS (8 * MIB_BLOCKS)

RIG_EACH(OPTS)

/* clang-format off */
#define PAGE_01 0x01, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define PAGE_08(wce) 0x08, 18, wce, 0, 0, 0, 0, 0, 0, 0,                       \
		     0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define PAGE_0A(d_sense, swp) 0x0a, 10, d_sense, 0x10, swp, 0, 0, 0, 0, 0, 0, 1
#define PAGE_1C 0x1c, 10, 0, 0x06, 0, 0, 0, 0, 0, 0, 0, 0
#define PAGE_07 0x07, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define PAGE_0A_01 0x4a, 0x01, 0, 28, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
#define PAGE_1C_01 0x5c, 0x01, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
/* Before a page: it can be saved. */
#define PS 0x80 |
/* Block descriptors of 16384 blocks of 512 bytes. */
#define SHORT_BD 0, 0, 0x40, 0, 0, 0, 2, 0
#define LONG_BD 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 2, 0
/* clang-format on */

#define SENSE_6(pc_page, sub) \
	CMD(&rig, NULL, 255, 0x1a, 0x08, pc_page, sub, 255)

static void sense_6(void **state)
{
	static const uint8_t all[] = { 79,
				       0,
				       0x10,
				       8,
				       SHORT_BD,
				       PS PAGE_01,
				       PS PAGE_07,
				       PS PAGE_08(0x04),
				       PS PAGE_0A(0, 0),
				       PS PAGE_1C };
	static const uint8_t all_subpages[] = { 127,
						0,
						0x10,
						8,
						SHORT_BD,
						PS PAGE_01,
						PS PAGE_07,
						PS PAGE_08(0x04),
						PS PAGE_0A(0, 0),
						PS PAGE_0A_01,
						PS PAGE_1C,
						PS PAGE_1C_01 };
	static const uint8_t caching[] = { 23, 0, 0x10, 0, PS PAGE_08(0x04) };
	static const uint8_t control_ext[] = { 35, 0, 0x10, 0, PS PAGE_0A_01 };

	(void)state;
	CMD(&rig, NULL, 255, 0x1a, 0, 0x3f, 0, 255);
	check_data(&rig, all, sizeof(all));
	CMD(&rig, NULL, 255, 0x1a, 0, 0x3f, 0xff, 255);
	check_data(&rig, all_subpages, sizeof(all_subpages));
	SENSE_6(0x08, 0);
	check_data(&rig, caching, sizeof(caching));
	/* defaults; saved; subpage FFh of a page with none */
	SENSE_6(0x88, 0);
	check_data(&rig, caching, sizeof(caching));
	SENSE_6(0xc8, 0);
	check_data(&rig, caching, sizeof(caching));
	SENSE_6(0x08, 0xff);
	check_data(&rig, caching, sizeof(caching));
	SENSE_6(0x0a, 1);
	check_data(&rig, control_ext, sizeof(control_ext));
}

static void sense_10(void **state)
{
	static const uint8_t shorter[] = { 0, 26, 0, 0x10,     0,
					   0, 0,  8, SHORT_BD, PS PAGE_1C };
	static const uint8_t longer[] = { 0, 34, 0,  0x10,    1,
					  0, 0,	 16, LONG_BD, PS PAGE_1C };
	static const uint8_t none[] = {
		0, 18, 0, 0x10, 0, 0, 0, 0, PS PAGE_1C
	};
	static const uint8_t none_long[] = { 0, 18, 0, 0x10,	  1,
					     0, 0,  0, PS PAGE_1C };

	(void)state;
	CMD(&rig, NULL, 99, 0x5a, 0, 0x1c, [8] = 99);
	check_data(&rig, shorter, sizeof(shorter));
	CMD(&rig, NULL, 99, 0x5a, 0x10, 0x1c, [8] = 99);
	check_data(&rig, longer, sizeof(longer));
	CMD(&rig, NULL, 99, 0x5a, 0x08, 0x1c, [8] = 99);
	check_data(&rig, none, sizeof(none));
	CMD(&rig, NULL, 99, 0x5a, 0x18, 0x1c, [8] = 99);
	check_data(&rig, none_long, sizeof(none_long));
}

static void sense_changeable(void **state)
{
	static const uint8_t all[] = {
		71,   0,  0x10, 0, 0x81, 10, 0,	   0, 0, 0, 0, 0,
		0,    0,  0,	0, 0x87, 10, 0,	   0, 0, 0, 0, 0,
		0,    0,  0,	0, 0x88, 18, 0x04, 0, 0, 0, 0, 0,
		0,    0,  0,	0, 0,	 0,  0,	   0, 0, 0, 0, 0,
		0x8a, 10, 0x04, 0, 0x08, 0,  0,	   0, 0, 0, 0, 0,
		0x9c, 10, 0,	0, 0,	 0,  0,	   0, 0, 0, 0, 0,
	};

	(void)state;
	SENSE_6(0x7f, 0);
	check_data(&rig, all, sizeof(all));
}

/* Saved values: apart from the current ones, and after the disk is opened again
 * the current ones. */
static void saved_values(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 0, PAGE_08(0), PAGE_0A(4, 0) };
	static const uint8_t d_sense_off[] = { 0, 0, 0, 0, PAGE_0A(0, 0) };
	static const uint8_t caching[] = { 23, 0, 0x10, 0, PS PAGE_08(0) };
	static const uint8_t control[] = { 15, 0, 0x10, 0, PS PAGE_0A(4, 0) };

	(void)state;
	CMD(&rig, list, sizeof(list), 0x15, 0x11, 0, 0, sizeof(list));
	check_good(&rig);
	assert_true(rig.ran);
	SENSE_6(0xc8, 0);
	check_data(&rig, caching, sizeof(caching));
	CMD(&rig, d_sense_off, sizeof(d_sense_off), 0x15, 0x10, 0, 0,
	    sizeof(d_sense_off));
	check_good(&rig);
	SENSE_6(0xca, 0);
	check_data(&rig, control, sizeof(control));
	SENSE_6(0x0a, 0);
	assert_int_equal(rig.data[4 + 2], 0);
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	SENSE_6(0x0a, 0);
	check_data(&rig, control, sizeof(control));
	SENSE_6(0x08, 0);
	check_data(&rig, caching, sizeof(caching));
}

/* What could not be kept is not said to be saved; the flush comes after it. */
static void saving_fails(void **state)
{
	static const uint8_t list[] = { 0, 0, 0, 0, PAGE_08(0) };
	struct store_fault_plan plan = { .fail_count = UINT64_MAX,
					 .error = EIO };

	(void)state;
	store_fault_arm(rig.fault, &plan);
	CMD(&rig, list, sizeof(list), 0x55, 0x10, [8] = 0);
	check_good(&rig);
	CMD(&rig, list, sizeof(list), 0x55, 0x11, [8] = 0);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	CMD(&rig, list, sizeof(list), 0x15, 0x11, 0, 0, sizeof(list));
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	plan.fail_at = UINT64_MAX;
	store_fault_arm(rig.fault, &plan);
	SENSE_6(0xc8, 0);
	assert_int_equal(rig.data[4 + 2], 0x04);
}

static void sense_refused(void **state)
{
	(void)state;
	/* unknown page, unknown subpage */
	SENSE_6(0x02, 0);
	check_bad_cdb(&rig, 2, 5);
	SENSE_6(0x00, 0);
	check_bad_cdb(&rig, 2, 5);
	SENSE_6(0x08, 1);
	check_bad_cdb(&rig, 3, -1);
	SENSE_6(0x3f, 1);
	check_bad_cdb(&rig, 3, -1);
	CMD(&rig, NULL, 99, 0x5a, 0, 0x0a, 2, [8] = 99);
	check_bad_cdb(&rig, 3, -1);
}

static void select_6(const uint8_t *list, size_t len)
{
	CMD(&rig, list, len, 0x15, 0x10, 0, 0, (uint8_t)len);
}

static void select_10(const uint8_t *list, size_t len)
{
	CMD(&rig, list, len, 0x55, 0x10, [7] = (uint8_t)(len >> 8),
	    (uint8_t)len);
}

#define SELECT_6(...)                              \
	select_6((const uint8_t[]){ __VA_ARGS__ }, \
		 sizeof((const uint8_t[]){ __VA_ARGS__ }))
#define SELECT_10(...)                              \
	select_10((const uint8_t[]){ __VA_ARGS__ }, \
		  sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void check_current(uint8_t wce, uint8_t d_sense, uint8_t swp)
{
	CMD(&rig, NULL, 255, 0x1a, 0x08, 0x3f, 0, 255);
	check_good(&rig);
	assert_int_equal(rig.data[2], swp ? 0x90 : 0x10);
	assert_int_equal(rig.data[4 + 24 + 2], wce);
	assert_int_equal(rig.data[4 + 24 + 20 + 2], d_sense);
	assert_int_equal(rig.data[4 + 24 + 20 + 4], swp);
}

static void select_saving(uint8_t wce)
{
	const uint8_t list[] = { 0, 0, 0, 0, PAGE_08(wce) };

	CMD(&rig, list, sizeof(list), 0x15, 0x11, 0, 0, sizeof(list));
	check_good(&rig);
}

static void select_changes(void **state)
{
	(void)state;
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	check_good(&rig);
	assert_true(rig.ran);
	check_current(0, 0, 0);
	/* off stays off: the first flush may have failed; on: nothing to do */
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	check_good(&rig);
	assert_true(rig.ran);
	SELECT_10(0, 0, 0, 0, 0, 0, 0, 0, PAGE_08(0x04));
	check_good(&rig);
	assert_true(rig.ran); /* the disk is told */
	SELECT_10(0, 0, 0, 0, 0, 0, 0, 0, PAGE_08(0x04));
	check_good(&rig);
	assert_false(rig.ran);
	/* two pages, a block descriptor, WP and DPOFUA sent back */
	SELECT_6(0, 0, 0x90, 8, SHORT_BD, PAGE_0A(0, 8), PAGE_08(0));
	check_good(&rig);
	check_current(0, 0, 8);
	SELECT_10(0, 0, 0, 0x10, 1, 0, 0, 16, LONG_BD, PAGE_0A(0, 0));
	check_good(&rig);
	check_current(0, 0, 0);
	/* what MODE SENSE gives for all pages can be sent back */
	SELECT_6(0, 0, 0x10, 8, SHORT_BD, PAGE_01, PAGE_07, PAGE_08(0x04),
		 PAGE_0A(0, 0), PAGE_0A_01, PAGE_1C, PAGE_1C_01);
	check_good(&rig);
	check_current(4, 0, 0);
	/* nothing at all; a header alone; with a block descriptor */
	CMD(&rig, NULL, 0, 0x15, 0x10);
	check_good(&rig);
	SELECT_6(0, 0, 0, 0);
	check_good(&rig);
	SELECT_6(0, 0, 0, 8, SHORT_BD);
	check_good(&rig);
	check_current(4, 0, 0);
}

static int start_write_through(void **state)
{
	(void)state;
	rig_start(&rig, OPTS ",write_through");
	return 0;
}

/* WCE is 0 in every page control, cannot be changed, and what was saved is
 * there again without the option. */
static void write_through(void **state)
{
	static const uint8_t page[] = { 23, 0, 0x10, 0, PS PAGE_08(0) };

	(void)state;
	assert_false(rig.unit->wce);
	for (unsigned pc = 0; pc < 4; pc++) {
		SENSE_6(pc << 6 | 0x08, 0);
		check_data(&rig, page, sizeof(page));
	}
	SELECT_6(0, 0, 0, 0, PAGE_08(0x04));
	check_bad_param(&rig, 6, 2);
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	check_good(&rig);
	select_saving(0);
	SELECT_6(0, 0, 0, 0, PAGE_08(0), PAGE_0A(4, 0));
	check_good(&rig);
	check_current(0, 4, 0);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 0));
	check_good(&rig);
	assert_false(rig.unit->wce);
	rig.opts.given &= ~(UINT64_C(1) << OPT_WRITE_THROUGH);
	rig_die(&rig);
	assert_true(rig.unit->wce);
	check_current(4, 0, 0);
	select_saving(0);
	assert_false(rig.unit->wce);
	disk_opt_give(&rig.opts, OPT_WRITE_THROUGH);
	rig_die(&rig);
	select_saving(0);
	rig.opts.given &= ~(UINT64_C(1) << OPT_WRITE_THROUGH);
	rig_die(&rig);
	check_current(0, 0, 0);
}

/* Current values that were not saved outlive the daemon's death: to a host that
 * has switched the write cache off, GOOD says that data are durable. */
static void current_values(void **state)
{
	(void)state;
	SELECT_6(0, 0, 0, 0, PAGE_08(0), PAGE_0A(4, 8));
	check_good(&rig);
	rig_die(&rig);
	check_current(0, 4, 8);
	assert_false(rig.unit->wce);
	CMD(&rig, NULL, 255, 0x1a, 0x08, 0xc8, 0, 255); /* saved */
	assert_int_equal(rig.data[4 + 2], 4);
	rig_die(&rig);
	check_current(0, 4, 8);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 0));
	check_good(&rig);
	rig_die(&rig);
	check_current(0, 0, 0);
	/* saved and changed again, and back */
	select_saving(0);
	SELECT_6(0, 0, 0, 0, PAGE_08(4));
	rig_die(&rig);
	check_current(4, 0, 0);
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	rig_die(&rig);
	check_current(0, 0, 0);
	SELECT_6(0, 0, 0, 0, PAGE_08(4));
	select_saving(4);
	rig_die(&rig);
	check_current(4, 0, 0);
}

/* From outside: before the first command, and as good as MODE SELECT. */
static void switched_off_before(void **state)
{
	(void)state;
	assert_true(scsi_is_unused(rig.unit));
	assert_true(scsi_write_cache(rig.unit));
	assert_int_equal(scsi_write_cache_off(rig.unit), 0);
	assert_false(scsi_write_cache(rig.unit));
	assert_true(scsi_is_unused(rig.unit));
	rig_die(&rig);
	assert_false(scsi_write_cache(rig.unit));
	check_current(0, 0, 0);
	assert_false(scsi_is_unused(rig.unit));
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	check_current(4, 0, 0);
}

static void switched_off_in_trouble(void **state)
{
	struct store_fault_plan syncs = { .fail_count = UINT64_MAX,
					  .error = EIO };

	(void)state;
	rig_write(&rig, 2 * MIB_BLOCKS, 1);
	store_fault_arm(rig.fault, &syncs);
	assert_int_equal(scsi_write_cache_off(rig.unit), -EIO);
	assert_false(scsi_write_cache(rig.unit));
}

/* They do not outlive an orderly end, or another boot. */
static void current_values_end(void **state)
{
	const char *path = journal_boot_id_path;

	(void)state;
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	rig_damage(&rig, UINT32_MAX, UINT32_MAX);
	check_current(4, 0, 0);
	rig_die(&rig);
	check_current(4, 0, 0);
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	/* A reboot is told. */
	journal_boot_id_path = "/proc/sys/kernel/ostype";
	rig_die(&rig);
	CMD(&rig, NULL, 0, 0x00);
	check_sense(&rig, 0x62901);
	check_current(4, 0, 0);
	rig_die(&rig);
	check_current(4, 0, 0);
	journal_boot_id_path = path;
}

/* Without a list it is what there is that is saved. */
static void saved_without_list(void **state)
{
	(void)state;
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	check_good(&rig);
	SENSE_6(0xc8, 0);
	assert_int_equal(rig.data[4 + 2], 0x04);
	CMD(&rig, NULL, 0, 0x15, 0x11);
	check_good(&rig);
	SENSE_6(0xc8, 0);
	assert_int_equal(rig.data[4 + 2], 0x00);
	check_current(0, 0, 0);
}

/* How long an extended self-test takes: of the capacity, so that it can be sent
 * back whatever has been written. */
static void self_test_time(void **state)
{
	(void)state;
	SENSE_6(0x4a, 0); /* changeable */
	assert_int_equal(be16_get(rig.data + 4 + 10), 0);
	SENSE_6(0x0a, 0);
	assert_int_equal(be16_get(rig.data + 4 + 10), 1);
	SELECT_6(0, 0, 0, 0, 0x0a, 10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 2);
	check_bad_param(&rig, 4 + 10, -1);
	rig_stop(&rig);
	rig_start(&rig, "capacity_mb=29952,zone_size_mb=256,conv_zones=2");
	SENSE_6(0x8a, 0);
	assert_int_equal(be16_get(rig.data + 4 + 10), 300);
	CMD(&rig, NULL, 64, 0x12, 0x01, 0x86, 0, 64);
	assert_int_equal(be16_get(rig.data + 10), 5);
}

static void select_block_descriptor(void **state)
{
	(void)state;
	/* the capacity cannot be changed: NUMBER OF LOGICAL BLOCKS is ignored
	 */
	SELECT_6(0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 2, 0);
	check_good(&rig);
	SELECT_6(0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0);
	check_good(&rig);
	SELECT_6(0, 0, 0, 8, 0, 0, 0x20, 0, 0, 0, 2, 0);
	check_good(&rig);
	SELECT_10(0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x40, 1, 0, 0, 0,
		  0, 0, 0, 2, 0);
	check_good(&rig);
	/* reserved, another block length */
	SELECT_6(0, 0, 0, 8, 0, 0, 0x40, 0, 1, 0, 2, 0);
	check_bad_param(&rig, 8, -1);
	SELECT_6(0, 0, 0, 8, 0, 0, 0x40, 0, 0, 0, 0x10, 0);
	check_bad_param(&rig, 9, -1);
	SELECT_10(0, 0, 0, 0, 1, 0, 0, 16, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0, 0,
		  0, 0, 0, 2, 1);
	check_bad_param(&rig, 20, -1);
	/* its length */
	SELECT_6(0, 0, 0, 16, LONG_BD);
	check_bad_param(&rig, 3, -1);
	SELECT_10(0, 0, 0, 0, 0, 0, 0, 16, LONG_BD);
	check_bad_param(&rig, 6, -1);
	SELECT_10(0, 0, 0, 0, 1, 0, 0, 8, SHORT_BD);
	check_bad_param(&rig, 6, -1);
}

static void select_cdb_refused(void **state)
{
	static const uint8_t list[24] = { 0, 0, 0, 0, PAGE_08(0) };

	(void)state;
	/* PF=0, even without a list; reserved */
	CMD(&rig, list, 24, 0x15, 0x00, 0, 0, 24);
	check_bad_cdb(&rig, 1, 4);
	CMD(&rig, list, 0, 0x55, 0x00);
	check_bad_cdb(&rig, 1, 4);
	CMD(&rig, list, 24, 0x15, 0x12, 0, 0, 24);
	check_bad_cdb(&rig, 1, 1);
	/* less data than the list's length */
	CMD(&rig, list, 23, 0x15, 0x10, 0, 0, 24);
	check_bad_cdb(&rig, 4, -1);
	CMD(&rig, list, 24, 0x55, 0x10, [7] = 0xff, 0xff);
	check_bad_cdb(&rig, 7, -1);
	check_current(4, 0, 0);
}

/* A list cut at any byte is refused and changes nothing. */
static void select_cut_off(void **state)
{
	static const uint8_t six[] = {
		0, 0, 0, 8, SHORT_BD, PAGE_08(0), PAGE_0A(4, 8)
	};
	static const uint8_t ten[] = {
		0, 0, 0, 0, 1, 0, 0, 16, LONG_BD, PAGE_08(0), PAGE_0A(4, 8)
	};

	(void)state;
	for (size_t len = 1; len < sizeof(six); len++) {
		if (len == 4 + 8 || len == 4 + 8 + 20)
			continue; /* whole pages */
		select_6(six, len);
		check_sense(&rig, 0x51a00);
	}
	for (size_t len = 1; len < sizeof(ten); len++) {
		if (len == 8 + 16 || len == 8 + 16 + 20)
			continue;
		select_10(ten, len);
		check_sense(&rig, 0x51a00);
	}
	check_current(4, 0, 0);
}

static void select_list_refused(void **state)
{
	(void)state;
	/* header: MODE DATA LENGTH, MEDIUM TYPE, reserved */
	SELECT_6(23, 0, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 0, -1);
	SELECT_6(0, 1, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 1, -1);
	SELECT_10(0, 1, 0, 0, 0, 0, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 0, -1);
	SELECT_10(0, 0, 1, 0, 0, 0, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 2, -1);
	SELECT_10(0, 0, 0, 0, 2, 0, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 4, 7);
	SELECT_10(0, 0, 0, 0, 0, 1, 0, 0, PAGE_08(0));
	check_bad_param(&rig, 5, -1);
	/* page: PS, SPF, unknown, length */
	SELECT_6(0, 0, 0, 0, 0x88, 18, 0);
	check_bad_param(&rig, 4, 7);
	SELECT_6(0, 0, 0, 0, 0x48, 0x01, 0, 0);
	check_bad_param(&rig, 4, 5);
	SELECT_6(0, 0, 0, 0, 0x48, 0x00, 0, 16);
	check_bad_param(&rig, 4, 6);
	SELECT_6(0, 0, 0, 0, 0x3f, 18, 0);
	check_bad_param(&rig, 4, 5);
	SELECT_6(0, 0, 0, 0, 0x08, 17, 0);
	check_bad_param(&rig, 5, -1);
	SELECT_6(0, 0, 0, 0, 0x08, 19, 0);
	check_bad_param(&rig, 5, -1);
	check_current(4, 0, 0);
}

/* Every bit of every page that is not changeable, behind one good page. */
/* To the first byte of a field that has several. */
static void check_pointer(uint8_t code, size_t page, size_t byte, int bit)
{
	static const struct {
		uint8_t code, first, len;
	} fields[] = {
		{ 0x01, 10, 2 }, { 0x08, 4, 2 },  { 0x08, 6, 2 },
		{ 0x08, 8, 2 },	 { 0x08, 10, 2 }, { 0x08, 14, 2 },
		{ 0x1c, 4, 4 },	 { 0x1c, 8, 4 },
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(fields); i++) {
		size_t first = page + fields[i].first;

		if (fields[i].code == code && byte >= first &&
		    byte < first + fields[i].len) {
			check_bad_param(&rig, (unsigned)first, -1);
			return;
		}
	}
	check_bad_param(&rig, (unsigned)byte, bit);
}

static void select_unchangeable(void **state)
{
	static const uint8_t list[] = {
		0, 0, 0, 0, PAGE_0A(0, 8), PAGE_01, PAGE_08(4), PAGE_1C
	};
	uint8_t changed[sizeof(list)];
	unsigned refused = 0;
	size_t byte = 4 + 12;

	(void)state;
	while (byte < sizeof(list)) {
		size_t page = byte, len = list[byte + 1];

		for (byte += 2; byte < page + 2 + len; byte++) {
			for (int bit = 0; bit < 8; bit++) {
				if (list[page] == 0x08 && byte == page + 2 &&
				    bit == 2)
					continue; /* WCE */
				memcpy(changed, list, sizeof(list));
				changed[byte] ^= (uint8_t)(1 << bit);
				select_6(changed, sizeof(changed));
				check_pointer(list[page], page, byte, bit);
				refused++;
			}
		}
	}
	assert_int_equal(refused, (10 + 18 + 10) * 8 - 1);
	/* the good page before it was not applied either */
	check_current(4, 0, 0);
}

/* D_SENSE: the sense data of the next command already. */
static void descriptor_sense(void **state)
{
	static const uint8_t opcode[8] = { 0x72, 5, 0x20 };
	static const uint8_t field[16] = { 0x72, 5, 0x24, 0, 0,	   0, 0, 8,
					   2,	 6, 0,	  0, 0xcf, 0, 1, 0 };

	(void)state;
	SELECT_6(0, 0, 0, 0, PAGE_0A(4, 0));
	check_good(&rig);
	CMD(&rig, NULL, 0, 0xc0);
	assert_int_equal(rig.cmd.status, SCSI_CHECK_CONDITION);
	assert_int_equal(rig.cmd.sense_len, sizeof(opcode));
	assert_memory_equal(rig.cmd.sense, opcode, sizeof(opcode));
	CMD(&rig, NULL, 0, 0x00, 0x80);
	assert_int_equal(rig.cmd.sense_len, sizeof(field));
	assert_memory_equal(rig.cmd.sense, field, sizeof(field));
	check_current(4, 4, 0);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 0));
	check_good(&rig);
	CMD(&rig, NULL, 0, 0xc0);
	check_sense(&rig, 0x52000);
}

/* SWP: whatever changes the medium is refused; the rest is not. */
static void software_write_protect(void **state)
{
	static const uint8_t opcodes[] = { 0x0a, 0x2a, 0x8a, 0xaa };
	uint64_t lba = 2 * MIB_BLOCKS;

	(void)state;
	rig_write(&rig, lba, 1);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 8));
	check_good(&rig);
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		CMD(&rig, NULL, 256 * 512, opcodes[i]);
		check_sense(&rig, 0x72702);
	}
	rig_rw(&rig, 0x8a, NR_BLOCKS, 1, NULL, 512);
	check_range(&rig, NR_BLOCKS);
	for (uint8_t sa = 1; sa <= 4; sa++) {
		rig_zone(&rig, sa, lba);
		check_sense(&rig, 0x72702);
		rig_zone_all(&rig, sa);
		check_sense(&rig, 0x72702);
	}
	rig_rw(&rig, 0x88, lba, 1, NULL, 512);
	check_good(&rig);
	CMD(&rig, NULL, 0, 0x91);
	check_good(&rig);
	check_zone(&rig, lba, ZC_IMP_OPEN, lba + 1);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 0));
	check_good(&rig);
	rig_write(&rig, lba + 1, 1);
	check_good(&rig);
}

/* Without the write cache each write is as one with FUA. */
static void write_cache_off(void **state)
{
	struct store_fault_plan plan = { .fail_at = UINT64_MAX,
					 .only = 1u << STORE_SYNC };
	uint64_t lba = 2 * MIB_BLOCKS;

	(void)state;
	store_fault_arm(rig.fault, &plan);
	rig_write(&rig, lba, 1);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 0);
	/* switching it off writes what it holds */
	SELECT_6(0, 0, 0, 0, PAGE_08(0));
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 1);
	rig_write(&rig, lba + 1, 1);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 2);
	SELECT_6(0, 0, 0, 0, PAGE_08(4));
	check_good(&rig);
	rig_write(&rig, lba + 2, 1);
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 2);
	/* nothing is written behind software write protection */
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 8));
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 3);
	SELECT_6(0, 0, 0, 0, PAGE_0A(0, 0));
	check_good(&rig);
	assert_int_equal(store_fault_calls(rig.fault), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(sense_6),
		T(sense_10),
		T(sense_changeable),
		T(saved_values),
		T(saved_without_list),
		T(self_test_time),
		T(saving_fails),
		T(sense_refused),
		T(select_changes),
		cmocka_unit_test_setup_teardown(write_through,
						start_write_through, stop),
		T(current_values),
		T(switched_off_before),
		T(switched_off_in_trouble),
		T(current_values_end),
		T(select_block_descriptor),
		T(select_cdb_refused),
		T(select_cut_off),
		T(select_list_refused),
		T(select_unchangeable),
		T(descriptor_sense),
		T(software_write_protect),
		T(write_cache_off),
	};

	return cmocka_run_group_tests_name("mode", tests, NULL, NULL);
}
