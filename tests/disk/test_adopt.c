// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Directories as the kernel's zloop leaves them. */
#include "disk/dirs.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"

/* Like: echo "add id=0,capacity_mb=8,zone_size_mb=1,conv_zones=2". */
#define GEOMETRY "zone_size_mb=1,zone_capacity_mb=1,conv_zones=2"

static struct store_mem *kernels_disk(void)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = files_of(mem);

	for (uint32_t i = 0; i < USUAL_NR; i++)
		assert_int_equal(store_make(st, i, i < USUAL_CONV ? ZL_MIB : 0),
				 0);
	assert_int_equal(store_resize(st, 2, ZL_MIB), 0);
	assert_int_equal(store_resize(st, 3, 8192), 0);
	store_close(st);
	return mem;
}

static int setup(void **state)
{
	*state = kernels_disk();
	return 0;
}

static int teardown(void **state)
{
	store_mem_free(*state);
	return 0;
}

static bool has_sidecar(struct store_mem *mem)
{
	struct store *st = store_mem_open(mem);
	void *data;
	size_t len;
	int ret = store_meta_read(st, DISK_SIDECAR, &data, &len);

	store_close(st);
	if (!ret)
		free(data);
	return !ret;
}

static void refused(struct store_mem *mem, const char *options, uint64_t size,
		    enum how how, const char *sentence)
{
	struct disk *d;
	struct zl_err err;

	assert_refused(options ? options : "(none)",
		       open_mem(mem, options, size, how, &d, &err), &err,
		       sentence);
	assert_false(has_sidecar(mem));
}

static void adopted(void **state)
{
	struct disk *d;
	struct zl_err err;

	start_log();
	assert_accepted("",
			open_mem(*state, GEOMETRY, USUAL_SIZE, MAKE, &d, &err),
			&err);
	assert_true(disk_was_made(d));
	assert_true(disk_meta(d)->adopted);
	assert_int_equal(strlen(disk_meta(d)->serial), DISK_SERIAL_LEN);
	assert_problems(d, "");
	assert_int_equal(cond_at(d, 1), ZC_NOT_WP);
	assert_int_equal(cond_at(d, 2), ZC_FULL);
	assert_int_equal(cond_at(d, 3), ZC_CLOSED);
	assert_int_equal(wp_at(d, 3), 16);
	assert_int_equal(cond_at(d, 4), ZC_EMPTY);
	assert_logged("/d: adopted from the kernel's zloop; not to be "
		      "verified: max_open_zones=0, zone_capacity_mb=1");
	disk_close(d);
	d = must_open(*state, NULL, 0);
	assert_true(disk_meta(d)->adopted);
	assert_false(disk_was_made(d));
	disk_close(d);
	/* The zone files are as the kernel left them. */
	assert_int_equal(size_of(*state, 0), ZL_MIB);
	assert_int_equal(size_of(*state, 2), ZL_MIB);
	assert_int_equal(size_of(*state, 3), 8192);
}

static void size_as_an_option(void **state)
{
	struct disk *d;
	struct zl_err err;

	assert_accepted(
		"",
		open_mem(*state, GEOMETRY ",capacity_mb=8", 0, MAKE, &d, &err),
		&err);
	disk_close(d);
}

#define TO_ADOPT                                                             \
	"/d has zone files but no zloop.json, as the kernel's zloop leaves " \
	"them; to adopt them, create the disk with "

/* What its driver would be given is enough, and it assumes the rest. */
static void as_the_driver_would(void **state)
{
	static const char *const strings[] = {
		"zone_size_mb=1,conv_zones=2",
		"zone_size_mb=1,conv_zones=2,max_open_zones=3,buffered_io",
		"zone_size_mb=1,conv_zones=2,capacity_mb=8",
	};
	struct disk *d;
	struct zl_err err;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(strings); i++) {
		struct store_mem *mem = kernels_disk();

		start_log();
		assert_accepted(
			strings[i],
			open_mem(mem, strings[i], USUAL_SIZE, MAKE, &d, &err),
			&err);
		assert_logged("not to be verified: max_open_zones=");
		assert_logged(", zone_capacity_mb=1");
		assert_int_equal(cond_at(d, 2), ZC_FULL);
		disk_close(d);
		store_mem_free(mem);
	}
	refused(*state, "zone_size_mb=1", USUAL_SIZE, MAKE,
		"conv_zones=8 (the default) leaves no sequential zone: "
		"size=8388608 has 8 zones of 1 MiB; use conv_zones=7 or less");
	refused(*state, "zone_size_mb=1", 16 * ZL_MIB, MAKE,
		"conv_zones=8 (the default) does not fit /d, which has 2 files "
		"of conventional zones; use conv_zones=2");
	refused(*state, "conv_zones=2", 1024 * ZL_MIB, MAKE,
		"zone_size_mb=256 (the default) does not fit /d, whose "
		"conventional zones' files have 1 MiB; use zone_size_mb=1");
}

/* What was a disk of ours may have been made with any options. */
static void what_is_assumed_of_ours(void **state)
{
	uint8_t rec[JOURNAL_RECORD_BYTES];

	journal_encode(rec, 1, JR_OPEN, 0, 0);
	put_file(*state, "zloop.state", rec, sizeof(rec));
	refused(*state, "zone_size_mb=1,conv_zones=2", USUAL_SIZE, MAKE,
		"/d has lost its zloop.json, which zloop check --repair "
		"--yes --options zone_size_mb=1,conv_zones=2,capacity_mb=8,"
		"zone_capacity_mb=NUMBER DIRECTORY writes anew; "
		"zone_capacity_mb is zone_size_mb if it was not given; add "
		"what else was no default");
}

static void options_are_missing(void **state)
{
	static const char all[] =
		TO_ADOPT "zone_size_mb=1, conv_zones=2, capacity_mb=8, "
			 "zone_capacity_mb=NUMBER if it is not the zone size";

	refused(*state, NULL, 0, MAKE, all);
	refused(*state, NULL, 0, LOOK, all);
	/* It may be meant for a disk that is there. */
	refused(*state, NULL, USUAL_SIZE, MAKE,
		TO_ADOPT "zone_size_mb=1, conv_zones=2, "
			 "zone_capacity_mb=NUMBER if it is not the zone size");
	refused(*state, GEOMETRY, 0, MAKE, TO_ADOPT "capacity_mb=8");
	refused(*state, GEOMETRY, USUAL_SIZE, 0,
		TO_ADOPT "the options that you have given");
	refused(*state, GEOMETRY, USUAL_SIZE, LOOK,
		TO_ADOPT "the options that you have given");
}

static void without_conventional_zones(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	struct disk *d;
	struct zl_err err;

	(void)state;
	store_set_layout(st, store_conv_first(0));
	for (uint32_t i = 0; i < 4; i++)
		assert_int_equal(store_make(st, i, 4096 * i), 0);
	store_close(st);
	refused(mem, NULL, 0, MAKE,
		TO_ADOPT "zone_size_mb=NUMBER, conv_zones=0, "
			 "capacity_mb=NUMBER, zone_capacity_mb=NUMBER if it is "
			 "not the zone size");
	start_log();
	assert_accepted("",
			open_mem(mem,
				 "zone_size_mb=4,zone_capacity_mb=3,"
				 "conv_zones=0",
				 16 * ZL_MIB, MAKE, &d, &err),
			&err);
	assert_logged("not to be verified: max_open_zones=0, "
		      "zone_capacity_mb=3, the zone size");
	disk_close(d);
	store_mem_free(mem);
}

static void geometry_that_does_not_fit(void **state)
{
	refused(*state, "zone_size_mb=1,zone_capacity_mb=1,conv_zones=1",
		USUAL_SIZE, MAKE,
		"conv_zones=1 does not fit /d, which has 2 files of "
		"conventional zones; use conv_zones=2");
	refused(*state, "zone_size_mb=1,zone_capacity_mb=1,conv_zones=3",
		USUAL_SIZE, MAKE,
		"conv_zones=3 does not fit /d, which has 2 files of "
		"conventional zones; use conv_zones=2");
	refused(*state, "zone_size_mb=2,zone_capacity_mb=1,conv_zones=2",
		2 * USUAL_SIZE, MAKE,
		"zone_size_mb=2 does not fit /d, whose conventional zones' "
		"files have 1 MiB; use zone_size_mb=1");
	/* Fewer zones: addresses beyond would be gone. */
	refused(*state, GEOMETRY, USUAL_SIZE - ZL_MIB, MAKE,
		"/d has files for 8 zones, but the size given makes 7; use "
		"size=8388608");
	refused(*state, GEOMETRY, USUAL_SIZE + ZL_MIB, MAKE,
		"/d has files for 8 zones, but the size given makes 9; use "
		"size=8388608");
	refused(*state, GEOMETRY ",capacity_mb=9", 0, MAKE,
		"/d has files for 8 zones, but capacity_mb=9 makes 9; use "
		"capacity_mb=8");
	refused(*state, GEOMETRY, USUAL_SIZE + 512, MAKE,
		"size=8389120 is not a multiple of zone_size_mb=1; use "
		"size=8388608 or size=9437184, or add smaller_last_zone");
}

/* The kernel's driver knows no host-aware disks; a directory that has lost its
 * sidecar is another matter. */
static void host_aware(void **state)
{
	uint8_t rec[JOURNAL_RECORD_BYTES];
	struct disk *d;
	struct zl_err err;

	/* Refused after it had locked the directory. */
	refused(*state, "zone_size_mb=1,zone_capacity_mb=1,conv_zones=1",
		USUAL_SIZE, MAKE,
		"conv_zones=1 does not fit /d, which has 2 files of "
		"conventional zones; use conv_zones=2");
	refused(*state, GEOMETRY ",model=host-aware", USUAL_SIZE, MAKE,
		"model=host-aware is not possible for the zone files in /d, "
		"which are the kernel's zloop's: its disks are host-managed; "
		"leave model out");
	journal_encode(rec, 1, JR_OPEN, 0, 0);
	put_file(*state, "zloop.state", rec, sizeof(rec));
	assert_accepted("",
			open_mem(*state, GEOMETRY ",model=host-aware",
				 USUAL_SIZE, MAKE, &d, &err),
			&err);
	assert_true(disk_meta(d)->host_aware);
	assert_problems(d, "");
	assert_int_equal(wp_at(d, 3), 16);
	disk_close(d);
}

static void files_that_do_not_fit(void **state)
{
	set_size(*state, 3, ZL_MIB + 512);
	refused(*state, GEOMETRY, USUAL_SIZE, MAKE,
		"/d/seq-000003 is larger than the zone capacity that is given: "
		"it has 1049088 bytes; correct zone_size_mb, zone_capacity_mb "
		"or block_size");
	set_size(*state, 3, 4096 + 512);
	refused(*state, GEOMETRY ",block_size=4096", USUAL_SIZE, MAKE,
		"/d/seq-000003 is not a multiple of the block size that is "
		"given: it has 4608 bytes; correct zone_size_mb, "
		"zone_capacity_mb or block_size");
	set_size(*state, 3, 100);
	refused(*state, GEOMETRY, USUAL_SIZE, MAKE,
		"/d/seq-000003 is not a multiple of the block size that is "
		"given: it has 100 bytes; correct zone_size_mb, "
		"zone_capacity_mb or block_size");
	set_size(*state, 3, 0);
	set_size(*state, 1, ZL_MIB - 1);
	refused(*state, GEOMETRY, USUAL_SIZE, MAKE,
		"/d/cnv-000001 does not have the zone size that is given: it "
		"has 1048575 bytes; correct zone_size_mb, zone_capacity_mb or "
		"block_size");
}

static void files_that_are_missing_or_too_many(void **state)
{
	drop_file(*state, "seq-000005");
	refused(*state, GEOMETRY, USUAL_SIZE, MAKE,
		"/d/seq-000005 is missing, so the directory cannot be adopted");
	put_file(*state, "seq-000005", "", 0);
	drop_file(*state, "cnv-000000");
	put_file(*state, "cnv-000002", "", 0);
	refused(*state, GEOMETRY, USUAL_SIZE, MAKE,
		"/d/cnv-000000 is missing, so the directory cannot be adopted");
	drop_file(*state, "cnv-000002");
	put_file(*state, "seq-000008", "", 0);
	refused(*state, "zone_size_mb=1,zone_capacity_mb=1,conv_zones=1",
		USUAL_SIZE, MAKE,
		"/d has files for 9 zones, but the size given makes 8; use "
		"size=9437184");
}

/* Any failure leaves the kernel's directory as it was, or adopted. */
static void each_call_fails(void **state)
{
	struct store_fault_plan plan = { .fail_count = 1, .error = EIO };
	uint64_t hits;
	unsigned failed = 0;

	(void)state;
	do {
		struct store_mem *mem = kernels_disk();
		struct store *st = store_fault_new(store_mem_open(mem));
		struct disk_open_args args;
		struct disk_opts opts;
		struct disk *d;
		struct zl_err err;

		fill_args(&args, &opts, GEOMETRY, USUAL_SIZE, MAKE);
		store_fault_arm(st, &plan);
		if (disk_open_store(st, "/d", &args, &d, &err)) {
			hits = store_fault_hits(st);
			store_close(st);
			failed++;
		} else {
			hits = store_fault_hits(st);
			disk_abandon(d);
		}
		assert_accepted(
			"the next one",
			open_mem(mem, GEOMETRY, USUAL_SIZE, MAKE, &d, &err),
			&err);
		assert_true(disk_meta(d)->adopted);
		assert_problems(d, "");
		assert_int_equal(cond_at(d, 2), ZC_FULL);
		assert_int_equal(wp_at(d, 3), 16);
		disk_close(d);
		store_mem_free(mem);
	} while (plan.fail_at++ < 1000 && hits);
	assert_true(failed > USUAL_NR);
}

static void names_of_zone_files(void **state)
{
	static const struct {
		const char *name;
		bool ok, conv;
		uint32_t slot;
	} names[] = {
		{ "cnv-000000", true, true, 0 },
		{ "seq-000012", true, false, 12 },
		{ "seq-999999", true, false, 999999 },
		{ "seq-1000000", true, false, 1000000 },
		{ "seq-4294967294", true, false, 4294967294 },
		{ "seq-4294967295", false, false, 0 },
		{ "seq-0000012", false, false, 0 },
		{ "seq-00012", false, false, 0 },
		{ "seq-00001x", false, false, 0 },
		{ "seq-", false, false, 0 },
		{ "seq", false, false, 0 },
		{ "s", false, false, 0 },
		{ "", false, false, 0 },
		{ "SEQ-000001", false, false, 0 },
		{ "seq-000001~", false, false, 0 },
		{ "seq-99999999999999999999999", false, false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(names); i++) {
		uint32_t slot = 0;
		bool conv = false;
		char *copy = strdup(names[i].name);

		assert_int_equal(survey_zone_name(copy, &conv, &slot),
				 names[i].ok);
		assert_int_equal(conv, names[i].conv);
		assert_int_equal(slot, names[i].slot);
		free(copy);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(adopted),
		T(size_as_an_option),
		T(as_the_driver_would),
		T(what_is_assumed_of_ours),
		T(options_are_missing),
		T(without_conventional_zones),
		T(geometry_that_does_not_fit),
		T(host_aware),
		T(files_that_do_not_fit),
		T(files_that_are_missing_or_too_many),
		T(each_call_fails),
		cmocka_unit_test(names_of_zone_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
