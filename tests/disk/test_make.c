// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Making a disk: when, and what stops it, and what is left then. */
#include "disk/dirs.h"
#include "disk/io/io.h"
#include "disk/life/check.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"
#include "disk/medium/sidecar.h"

static void expect_refusal(struct store_mem *mem, const char *options,
			   uint64_t size, enum how how, const char *sentence)
{
	struct disk *d;
	struct zl_err err;

	assert_refused(options ? options : "(none)",
		       open_mem(mem, options, size, how, &d, &err), &err,
		       sentence);
}

static unsigned nr_names;

static int count_name(void *user, const char *name)
{
	(void)user;
	(void)name;
	nr_names++;
	return 0;
}

static unsigned names_in(struct store_mem *mem)
{
	struct store *st = store_mem_open(mem);

	nr_names = 0;
	assert_int_equal(store_list(st, count_name, NULL), 0);
	store_close(st);
	return nr_names;
}

/* The usual disk, whole and new. */
static void assert_usual(struct store_mem *mem)
{
	struct disk *d = must_open(mem, NULL, 0);
	struct problem_list l = { .nr = 0 };
	struct store *st;
	struct zl_err err;

	assert_int_equal(disk_meta(d)->capacity_bytes, USUAL_SIZE);
	assert_int_equal(disk_meta(d)->zone_bytes, ZL_MIB);
	assert_int_equal(disk_meta(d)->conv_zones, USUAL_CONV);
	assert_problems(d, "");
	for (uint32_t i = 0; i < USUAL_NR; i++)
		assert_int_equal(cond_at(d, i),
				 i < USUAL_CONV ? ZC_NOT_WP : ZC_EMPTY);
	disk_close(d);
	for (uint32_t i = 0; i < USUAL_NR; i++)
		assert_int_equal(size_of(mem, i), i < USUAL_CONV ? ZL_MIB : 0);
	assert_int_equal(names_in(mem), USUAL_NR + 2);
	st = store_mem_open(mem);
	assert_int_equal(check_store(st, "/d", list_problem, &l, &err), 0);
	store_close(st);
}

static void made_in_an_empty_directory(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	(void)state;
	assert_accepted("", open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err),
			&err);
	assert_true(disk_was_made(d));
	assert_int_equal(strlen(disk_meta(d)->serial), DISK_SERIAL_LEN);
	disk_close(d);
	assert_usual(mem);
	d = must_open(mem, NULL, MAKE);
	assert_false(disk_was_made(d));
	disk_close(d);
	store_mem_free(mem);
}

static void serials_differ(void **state)
{
	struct store_mem *a = usual_disk(), *b = usual_disk();
	struct disk *da = must_open(a, NULL, 0), *db = must_open(b, NULL, 0);

	(void)state;
	assert_string_not_equal(disk_meta(da)->serial, disk_meta(db)->serial);
	disk_close(da);
	disk_close(db);
	store_mem_free(a);
	store_mem_free(b);
}

static void never_made_by_the_way(void **state)
{
	struct store_mem *mem = store_mem_new();

	(void)state;
	expect_refusal(mem, NULL, USUAL_SIZE, MAKE,
		       "/d is empty: no disk is there; to make one, give an "
		       "option, e.g. zone_size_mb=256");
	expect_refusal(mem, "", USUAL_SIZE, MAKE,
		       "/d is empty: no disk is there; to make one, give an "
		       "option, e.g. zone_size_mb=256");
	expect_refusal(mem, "buffered_io,nr_queues=2", USUAL_SIZE, MAKE,
		       "/d is empty: no disk is there; to make one, give an "
		       "option, e.g. zone_size_mb=256");
	expect_refusal(mem, USUAL, USUAL_SIZE, 0,
		       "/d is empty: no disk is there");
	expect_refusal(mem, USUAL, USUAL_SIZE, LOOK,
		       "/d is empty: no disk is there");
	/* And nothing was left by asking. */
	assert_int_equal(names_in(mem), 0);
	store_mem_free(mem);
}

static void bad_geometry_leaves_nothing(void **state)
{
	struct store_mem *mem = store_mem_new();

	(void)state;
	expect_refusal(mem, "zone_size_mb=3,conv_zones=1", 6 * ZL_MIB, MAKE,
		       "zone_size_mb=3 is not a power of two; Linux refuses "
		       "such disks: use 2 or 4, or add any_zone_size");
	expect_refusal(mem, "zone_size_mb=1,conv_zones=0", USUAL_SIZE + 512,
		       MAKE,
		       "size=8389120 is not a multiple of zone_size_mb=1; use "
		       "size=8388608 or size=9437184, or add "
		       "smaller_last_zone");
	expect_refusal(mem, "zone_size_mb=1", USUAL_SIZE, MAKE,
		       "conv_zones=8 (the default) leaves no sequential zone: "
		       "size=8388608 has 8 zones of 1 MiB; use conv_zones=7 or "
		       "less");
	expect_refusal(mem, USUAL, 0, MAKE,
		       "the size of the new disk is not known; add "
		       "capacity_mb=NUMBER");
	assert_int_equal(names_in(mem), 0);
	store_mem_free(mem);
}

static void other_files_are_left_alone(void **state)
{
	struct store_mem *mem = store_mem_new();

	(void)state;
	put_file(mem, "holiday.jpg", "x", 1);
	expect_refusal(mem, USUAL, USUAL_SIZE, MAKE,
		       "/d has no disk but other files (holiday.jpg); use an "
		       "empty directory");
	assert_int_equal(names_in(mem), 1);
	store_mem_free(mem);
}

/* What an earlier attempt or mkfs left is as good as nothing. */
static void counts_as_empty(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	(void)state;
	put_file(mem, "lost+found", "", 0);
	put_file(mem, "zloop.state", "", 0);
	put_file(mem, "zloop.json.tmp", "{", 1);
	put_file(mem, "zloop.state.tmp", "", 0);
	assert_accepted("", open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err),
			&err);
	disk_close(d);
	store_mem_free(mem);
}

/* What is left of a disk that was removed says nothing of the next one. */
static void knows_nothing_of_an_older_disk(void **state)
{
	static const char faults[] =
		"[{\"fault\":\"read-error\",\"persistent\":true}]";
	struct store_mem *mem = store_mem_new();
	uint8_t rec[3 * JOURNAL_RECORD_BYTES];
	struct disk_stats stats;
	struct disk *d;
	struct zl_err err;

	(void)state;
	journal_encode(rec, 7, JR_OPEN, 0, 0);
	journal_encode(rec + 32, 8, JR_CONDITION, 3, ZC_OFFLINE);
	journal_encode(rec + 64, 9, JR_COUNTER, DC_OPENS, 41);
	put_file(mem, "zloop.state", rec, sizeof(rec));
	put_file(mem, "zloop.faults", faults, sizeof(faults) - 1);
	assert_accepted("", open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err),
			&err);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cond_at(d, 3), ZC_EMPTY);
		disk_get_stats(d, &stats);
		assert_int_equal(stats.n[DC_OPENS], i + 1);
		assert_false(disk_has_faults(d));
		disk_close(d);
		d = must_open(mem, NULL, 0);
	}
	disk_close(d);
	store_mem_free(mem);
}

static void geometry_of_all_kinds(void **state)
{
	struct store_mem *mem = store_mem_new();
	const char *options = "zone_size_mb=3,any_zone_size,conv_zones=1,"
			      "zone_capacity_mb=2,smaller_last_zone,"
			      "block_size=4096,max_open_zones=2,urswrz=0";
	struct disk *d;
	struct zl_err err;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_accepted(
			"", open_mem(mem, options, 10 * ZL_MIB, MAKE, &d, &err),
			&err);
		assert_int_equal(disk_geo(d)->capacity_blocks, 2560);
		assert_int_equal(disk_geo(d)->zone_blocks, 768);
		assert_int_equal(disk_geo(d)->zone_cap_blocks, 512);
		assert_int_equal(disk_geo(d)->max_open, 2);
		assert_false(disk_geo(d)->urswrz);
		assert_true(disk_meta(d)->smaller_last_zone);
		assert_int_equal(d->zones.nr_slots, 4);
		disk_close(d);
	}
	store_mem_free(mem);
}

/* A smaller last zone that is conventional's neighbour, and files of it. */
static void last_zone_smaller_than_its_capacity(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	(void)state;
	assert_accepted("",
			open_mem(mem,
				 "zone_size_mb=1,conv_zones=2,"
				 "smaller_last_zone",
				 2 * ZL_MIB + 1024, MAKE, &d, &err),
			&err);
	disk_close(d);
	set_size(mem, 2, 1024);
	d = must_open(mem, NULL, 0);
	assert_int_equal(cond_at(d, 2), ZC_FULL);
	disk_close(d);
	store_mem_free(mem);
}

/* What is tried in the sweep: one attempt with faults, then one without. */
static int attempt(struct store_mem *mem, const struct store_fault_plan *plan,
		   uint64_t *hits)
{
	struct store *lower = store_mem_open(mem);
	struct store *st = store_fault_new(lower);
	struct disk_open_args args;
	struct disk_opts opts;
	struct disk *d;
	struct zl_err err;
	int ret;

	fill_args(&args, &opts, USUAL, USUAL_SIZE, MAKE);
	store_fault_arm(st, plan);
	memset(&err, 0, sizeof(err));
	ret = disk_open_store(st, "/d", &args, &d, &err);
	*hits = store_fault_hits(st);
	if (!ret) {
		disk_abandon(d);
		return 0;
	}
	assert_true(ret < 0);
	assert_true(err.msg[0]);
	store_close(st);
	return ret;
}

/* Each call fails once, or all from there on; what is left can be opened. */
static void sweep(int error, uint64_t fail_count, const char *again)
{
	struct store_fault_plan plan = {
		.fail_count = fail_count,
		.error = error,
	};
	unsigned failed = 0;
	uint64_t hits;

	for (;; plan.fail_at++) {
		struct store_mem *mem = store_mem_new();
		struct disk *d;
		struct zl_err err;
		int ret = attempt(mem, &plan, &hits);

		failed += ret != 0;
		ret = open_mem(mem, again, 0, MAKE, &d, &err);
		if (ret == -ENOENT && !again) {
			/* It failed before the directory said anything. */
			assert_non_null(strstr(err.msg, "is empty"));
			ret = open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err);
		} else if (ret == -EINVAL && again) {
			assert_string_equal(err.msg,
					    "the size of the new disk is not "
					    "known; add capacity_mb=NUMBER");
			ret = open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err);
		}
		assert_accepted("the next one", ret, &err);
		disk_close(d);
		assert_usual(mem);
		store_mem_free(mem);
		if (!hits)
			break;
		assert_true(plan.fail_at < 1000);
	}
	/* All of sidecar, files, directory, sidecar and journal were met. */
	assert_true(failed > USUAL_NR + 5);
}

static void each_call_fails_once(void **state)
{
	(void)state;
	sweep(EIO, 1, NULL);
	sweep(EIO, 1, USUAL);
}

static void all_calls_fail_from_one_on(void **state)
{
	(void)state;
	sweep(EIO, UINT64_MAX, NULL);
	sweep(ENOSPC, UINT64_MAX, NULL);
	sweep(EROFS, UINT64_MAX, USUAL);
}

/* A half-made disk: the sidecar says so, some files are there. */
static struct store_mem *half_made(void)
{
	struct store_mem *mem = usual_disk();
	struct disk *d = must_open(mem, NULL, LOOK);
	struct disk_meta meta = *disk_meta(d);
	struct store *st;

	disk_close(d);
	st = files_of(mem);
	assert_int_equal(sidecar_write(st, &meta, SIDECAR_CREATING), 0);
	store_close(st);
	for (uint32_t slot = 5; slot < USUAL_NR; slot++) {
		char name[STORE_NAME_MAX];

		snprintf(name, sizeof(name), "seq-%06u", slot);
		drop_file(mem, name);
	}
	return mem;
}

static void half_made_is_refused_without_leave(void **state)
{
	struct store_mem *mem = half_made();

	(void)state;
	expect_refusal(mem, NULL, 0, 0,
		       "the disk in /d is half made; zloop create /d completes "
		       "it");
	expect_refusal(mem, NULL, 0, LOOK,
		       "the disk in /d is half made; zloop create /d completes "
		       "it");
	expect_refusal(mem, "zone_size_mb=2", 0, MAKE,
		       "zone_size_mb=2 does not agree with the disk in /d; use "
		       "zone_size_mb=1 or leave it out");
	assert_int_equal(names_in(mem), USUAL_NR + 2 - 3);
	store_mem_free(mem);
}

static void half_made_keeps_its_identity(void **state)
{
	struct store_mem *mem = half_made();
	char serial[DISK_SERIAL_LEN + 1];
	struct disk_meta meta;
	enum sidecar_state sidecar;
	struct store *st = store_mem_open(mem);
	struct disk *d;
	struct zl_err err;

	(void)state;
	assert_int_equal(sidecar_read(st, "/d", &meta, &sidecar, &err), 0);
	store_close(st);
	strcpy(serial, meta.serial);
	d = must_open(mem, NULL, MAKE);
	assert_true(disk_was_made(d));
	assert_string_equal(disk_meta(d)->serial, serial);
	disk_close(d);
	assert_usual(mem);
	store_mem_free(mem);
}

/* The crash came between the file and its size. */
static void half_made_file_gets_its_size(void **state)
{
	struct store_mem *mem = half_made();
	struct disk *d;

	(void)state;
	set_size(mem, 1, 0);
	d = must_open(mem, NULL, MAKE);
	disk_close(d);
	assert_usual(mem);
	store_mem_free(mem);
}

static void half_made_with_something_in_the_way(void **state)
{
	struct store_mem *mem = half_made();
	struct disk *d;

	(void)state;
	set_size(mem, 1, 512);
	expect_refusal(mem, NULL, 0, MAKE,
		       "/d/cnv-000001 cannot be made: something else is in its "
		       "place, remove it; the next opening completes the disk");
	drop_file(mem, "cnv-000001");
	set_size(mem, 3, 512);
	expect_refusal(mem, NULL, 0, MAKE,
		       "/d/seq-000003 cannot be made: something else is in its "
		       "place, remove it; the next opening completes the disk");
	drop_file(mem, "seq-000003");
	d = must_open(mem, NULL, MAKE);
	disk_close(d);
	assert_usual(mem);
	store_mem_free(mem);
}

/* A store that tells of a file system of our choice. */
static struct store_space pretended;
static struct store_ops pretending_ops;

static int pretend(struct store *st, struct store_space *space)
{
	(void)st;
	*space = pretended;
	return 0;
}

static int open_pretending(struct store_mem *mem, const char *options,
			   uint64_t size, enum how how, struct zl_err *err)
{
	struct store *st = store_mem_open(mem);
	struct disk *d;
	int ret;

	pretending_ops = *st->ops;
	pretending_ops.space = pretend;
	st->ops = &pretending_ops;
	ret = open_store(st, options, size, how, &d, err);
	if (!ret)
		disk_close(d);
	return ret;
}

static void too_few_inodes(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct zl_err err;

	(void)state;
	pretended = (struct store_space){ .free_bytes = UINT64_C(1) << 40,
					  .free_inodes = USUAL_NR + 1 };
	assert_refused(
		"", open_pretending(mem, USUAL, USUAL_SIZE, MAKE, &err), &err,
		"the disk needs 10 more files, but the file system of /d "
		"has room for 9; use a larger zone_size_mb or another "
		"file system");
	/* Only the lock file is there, which is no disk. */
	assert_int_equal(names_in(mem), 1);
	pretended.free_inodes = USUAL_NR + 2;
	assert_accepted("", open_pretending(mem, USUAL, USUAL_SIZE, MAKE, &err),
			&err);
	store_mem_free(mem);
}

static void a_thin_disk_is_made_with_a_warning(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct zl_err err;

	(void)state;
	pretended = (struct store_space){ .free_bytes = 3000000000,
					  .free_inodes = UINT64_MAX };
	start_log();
	assert_accepted("",
			open_pretending(mem, "zone_size_mb=16384,conv_zones=1",
					UINT64_C(51200) << 30, MAKE, &err),
			&err);
	assert_logged("/d: the disk has 50 TiB, but its file system only "
		      "2.7 GiB free: writes fail when that is used up");
	store_mem_free(mem);
}

static void read_only_file_system(void **state)
{
	struct store_mem *mem = store_mem_new(), *disk = usual_disk();
	struct zl_err err;

	(void)state;
	pretended = (struct store_space){ .free_inodes = UINT64_MAX,
					  .read_only = true };
	assert_refused("", open_pretending(mem, USUAL, USUAL_SIZE, MAKE, &err),
		       &err,
		       "/d is on a read-only file system; mount it writable");
	assert_refused("", open_pretending(disk, NULL, 0, 0, &err), &err,
		       "/d is on a read-only file system; mount it writable");
	assert_accepted("", open_pretending(disk, NULL, 0, LOOK, &err), &err);
	store_mem_free(mem);
	store_mem_free(disk);
}

static uint32_t last_done, nr_calls, nr_rounds;

static void on_progress(void *user, uint32_t done, uint32_t total)
{
	assert_ptr_equal(user, &last_done);
	assert_int_equal(total, 5000);
	assert_true(done > last_done);
	nr_calls++;
	nr_rounds += done == total;
	last_done = done == total ? 0 : done;
}

static void progress_is_told(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk_open_args args;
	struct disk_opts opts;
	struct disk *d;
	struct zl_err err;

	(void)state;
	fill_args(&args, &opts, "zone_size_mb=1,conv_zones=1", 5000 * ZL_MIB,
		  MAKE);
	args.progress = on_progress;
	args.progress_user = &last_done;
	assert_accepted(
		"", disk_open_store(store_mem_open(mem), "/d", &args, &d, &err),
		&err);
	/* Once for making the files, once for examining them. */
	assert_int_equal(nr_rounds, 2);
	assert_in_range(nr_calls, 200, 210);
	disk_close(d);
	store_mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(made_in_an_empty_directory),
		cmocka_unit_test(serials_differ),
		cmocka_unit_test(never_made_by_the_way),
		cmocka_unit_test(bad_geometry_leaves_nothing),
		cmocka_unit_test(other_files_are_left_alone),
		cmocka_unit_test(counts_as_empty),
		cmocka_unit_test(knows_nothing_of_an_older_disk),
		cmocka_unit_test(geometry_of_all_kinds),
		cmocka_unit_test(last_zone_smaller_than_its_capacity),
		cmocka_unit_test(each_call_fails_once),
		cmocka_unit_test(all_calls_fail_from_one_on),
		cmocka_unit_test(half_made_is_refused_without_leave),
		cmocka_unit_test(half_made_keeps_its_identity),
		cmocka_unit_test(half_made_file_gets_its_size),
		cmocka_unit_test(half_made_with_something_in_the_way),
		cmocka_unit_test(too_few_inodes),
		cmocka_unit_test(a_thin_disk_is_made_with_a_warning),
		cmocka_unit_test(read_only_file_system),
		cmocka_unit_test(progress_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
