// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The device's attributes: what goes to tcmu-runner, what comes from it. */
#include "rig.h"

#include "handler/tcmur_abi.h"

static int add_with_block(struct rig *rig, const char *cfg, uint32_t block)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .hw_block_size = block };

	return rig_add_params(rig, cfg, &params);
}

static void check_blocks(struct rig *rig, uint32_t bytes)
{
	uint8_t cdb[16] = { 0x9e, 0x10 }, data[32];

	assert_int_equal(tcmu_dev_get_block_size(rig->dev), bytes);
	assert_int_equal(tcmu_dev_get_num_lbas(rig->dev), RIG_BYTES / bytes);
	cdb[13] = sizeof(data);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_IN, data, sizeof(data)),
			 0);
	assert_int_equal(be64_get(data), RIG_BYTES / bytes - 1);
	assert_int_equal(be32_get(data + 8), bytes);
}

/* hw_block_size is what block_size would be. */
static void attribute_makes_4kn(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(add_with_block(rig, RIG_CFG, 4096), 0);
	check_blocks(rig, 4096);
	rig_remove(rig);
	assert_int_equal(add_with_block(rig, "@$/d", 4096), 0);
	check_blocks(rig, 4096);
}

static void option_makes_4kn(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(
		add_with_block(rig, "block_size=4096/zone_size_mb=1@$/d", 512),
		0);
	check_blocks(rig, 4096);
	rig_remove(rig);
	/* 512 is the attribute's default and says nothing. */
	assert_int_equal(add_with_block(rig, "@$/d", 512), 0);
	check_blocks(rig, 4096);
}

static void both_make_4kn(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(
		add_with_block(rig, "block_size=4096/zone_size_mb=1@$/d", 4096),
		0);
	check_blocks(rig, 4096);
}

static void default_is_512(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(add_with_block(rig, RIG_CFG, 0), 0);
	check_blocks(rig, 512);
}

/* Data and addresses with 4096-byte blocks. */
static void data_in_4kn(void **state)
{
	struct rig *rig = *state;
	uint8_t out[8192], in[8192], cdb[16];
	uint64_t lba = 8 * 256; /* of the first sequential zone */

	assert_int_equal(add_with_block(rig, "zone_size_mb=1@$/d", 4096), 0);
	fill(out, 7, 16, 3);
	cdb_rw(cdb, 0x8a, lba, 2);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_OUT, out, sizeof(out)),
			 0);
	rig_shell(rig, "test `stat -c %s $/d/seq-000008` = 8192");
	cdb_rw(cdb, 0x88, lba, 2);
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_IN, in, sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
}

/* The limit is the disk's own, whatever hw_max_sectors is. */
static void transfer_length(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .hw_max_sectors = 8 };
	struct rig *rig = *state;
	uint8_t *data = calloc(2049, 512), vpd[64];

	assert_non_null(data);
	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	assert_int_equal(rig_exec(rig, CDB(0x12, 1, 0xb0, 0, 64, 0), 6,
				  RUNNER_IN, vpd, sizeof(vpd)),
			 0);
	assert_int_equal(be32_get(vpd + 8), 2048);
	assert_int_equal(rig_write(rig, ZONE(4), 2048, data), 0);
	assert_int_equal(rig_read(rig, ZONE(4), 2048, data), 0);
	rig_remove(rig);

	params.ring.max_data_bytes = 2049 * 512;
	assert_int_equal(rig_add_params(rig, "@$/d", &params), 0);
	assert_int_equal(rig_read(rig, ZONE(4), 2049, data), 2);
	assert_int_equal(rig_sense_code(), 0x052400);
	free(data);
}

/* The unit serial comes after open; the disk's own one counts. */
static void unit_serial_changes_nothing(void **state)
{
	struct rig *rig = *state;
	uint8_t before[64], after[64];
	const uint8_t *cdb = CDB(0x12, 1, 0x80, 0, 64, 0);

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(rig_exec(rig, cdb, 6, RUNNER_IN, before, 64), 0);
	runner_set_wwn(rig->dev, "11111111-2222-3333-4444-555555555555");
	assert_int_equal(rig_exec(rig, cdb, 6, RUNNER_IN, after, 64), 0);
	assert_memory_equal(before, after, 64);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_int_equal(rig_exec(rig, cdb, 6, RUNNER_IN, after, 64), 0);
	assert_memory_equal(before, after, 64);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

/* A restore sets what is there already; everything else is refused. */
static void attributes_set_again(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(
		runner_set_config(rig->dev, rig_text(rig, "zloop/@$/d")), 0);
	assert_int_equal(
		runner_set_config(rig->dev, rig_text(rig, "zloop/@$/e")),
		-EINVAL);
	assert_logged(rig, "the disk stays where it is: remove it and create "
			   "it again with @DIRECTORY");
	assert_int_equal(runner_resize(rig->dev, RIG_BYTES), 0);
	assert_int_equal(runner_resize(rig->dev, 2 * RIG_BYTES), -EINVAL);
	assert_logged(rig, "size=67108864 is not the disk's: it has "
			   "size=33554432");
}

/* WCE of MODE SENSE's current values. */
static bool wce(struct rig *rig)
{
	uint8_t data[24];

	assert_int_equal(rig_exec(rig, CDB(0x1a, 0x08, 0x08, 0, 24, 0), 6,
				  RUNNER_IN, data, sizeof(data)),
			 0);
	return data[6] & 0x04;
}

static void set_wce(struct rig *rig, bool on, bool save)
{
	uint8_t list[24] = { [4] = 0x08, 18, on ? 0x04 : 0 };

	assert_int_equal(rig_exec(rig, CDB(0x15, 0x10 | save, 0, 0, 24, 0), 6,
				  RUNNER_OUT, list, sizeof(list)),
			 0);
}

/* Initiators know what WCE is: then the attribute does not say otherwise. */
static void write_cache_is_not_the_attributes(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(runner_write_cache(rig->dev), 1);
	assert_true(wce(rig));
	assert_int_equal(runner_set_write_cache(rig->dev, true), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, false), -EINVAL);
	assert_logged(rig, "emulate_write_cache=0 is not possible while the "
			   "write cache is on: initiators have been told so; "
			   "switch it with MODE SELECT (sdparm --clear WCE)");
	assert_int_equal(runner_write_cache(rig->dev), 1);
	assert_true(wce(rig));
	set_wce(rig, false, false);
	assert_int_equal(runner_set_write_cache(rig->dev, false), 0);
	assert_int_equal(runner_write_cache(rig->dev), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, true), -EINVAL);
	assert_logged(rig, "emulate_write_cache=1 is not possible while the "
			   "write cache is off: initiators have been told so; "
			   "switch it with MODE SELECT (sdparm --set WCE)");
	assert_false(wce(rig));
}

/* Nobody knows yet what it is: a saved configuration may say. */
static void write_cache_of_a_saved_configuration(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, true), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, false), 0);
	assert_logged(rig, "emulate_write_cache=0 switches the write cache "
			   "off; MODE SELECT (sdparm --set WCE) switches it "
			   "on");
	assert_false(wce(rig));
	rig_remove(rig);

	/* It was not saved; this is. */
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_int_equal(runner_write_cache(rig->dev), 1);
	assert_true(wce(rig));
	set_wce(rig, false, true);
	rig_remove(rig);

	/* No error, but it stays off. */
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	assert_int_equal(runner_write_cache(rig->dev), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, true), 0);
	assert_logged(rig, "emulate_write_cache=1 changes nothing: MODE "
			   "SELECT has switched the write cache off, and only "
			   "that switches it on");
	assert_false(wce(rig));
}

/* Nor does anything switch on what write_through leaves out. */
static void write_cache_of_write_through(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, "write_through/" RIG_CFG, RIG_BYTES), 0);
	assert_int_equal(runner_write_cache(rig->dev), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, true), 0);
	assert_logged(rig, "emulate_write_cache=1 changes nothing: the disk is "
			   "open with write_through");
	assert_false(wce(rig));
	assert_int_equal(runner_set_write_cache(rig->dev, false), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, true), -EINVAL);
	assert_logged(rig, "emulate_write_cache=1 is not possible with "
			   "write_through; remove the disk and create it again "
			   "with @DIRECTORY");
	assert_int_equal(runner_write_cache(rig->dev), 0);
}

/* The kernel has the device, with the attribute as it was left: it is not
 * written, as the kernel would ask the thread that does. */
static void write_cache_after_a_restart(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES,
					    .configured = true,
					    .write_cache = 0 };
	struct rig *rig = *state;

	assert_int_equal(rig_add_params(rig, RIG_CFG, &params), 0);
	assert_int_equal(runner_write_cache(rig->dev), 0);
	assert_int_equal(runner_set_write_cache(rig->dev, false), -EINVAL);
	assert_true(wce(rig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(attribute_makes_4kn),
		TEST(option_makes_4kn),
		TEST(both_make_4kn),
		TEST(default_is_512),
		TEST(data_in_4kn),
		TEST(transfer_length),
		TEST(unit_serial_changes_nothing),
		TEST(attributes_set_again),
		TEST(write_cache_is_not_the_attributes),
		TEST(write_cache_of_a_saved_configuration),
		TEST(write_cache_of_write_through),
		TEST(write_cache_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
