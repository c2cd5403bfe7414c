// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Zone files that are not as they should be cost their zone, not the disk. */
#include "disk/dirs.h"
#include "disk/io/slot.h"
#include "disk/medium/journal.h"
#include "disk/medium/problems.h"
#include "disk/medium/sidecar.h"

/* One file's size, and what becomes of its zone. */
struct damage {
	uint32_t slot;
	uint64_t size;
	enum zone_cond cond;
	uint32_t wp;
	uint64_t size_after;
	const char *problem;
};

#define CONV_WRONG(size)                                                    \
	"1: cnv-000001 has " size " bytes instead of 1048576: the zone is " \
	"read-only\n"

static const struct damage sizes[] = {
	{ 2, 0, ZC_EMPTY, 0, 0, "" },
	{ 2, 512, ZC_CLOSED, 1, 512, "" },
	{ 2, ZL_MIB - 512, ZC_CLOSED, 2047, ZL_MIB - 512, "" },
	{ 2, ZL_MIB, ZC_FULL, 2048, ZL_MIB, "" },
	{ 2, 1, ZC_EMPTY, 0, 0,
	  "2: seq-000002 has 1 bytes, no whole blocks: cut to 0\n" },
	{ 2, 511, ZC_EMPTY, 0, 0,
	  "2: seq-000002 has 511 bytes, no whole blocks: cut to 0\n" },
	{ 7, 1025, ZC_CLOSED, 2, 1024,
	  "7: seq-000007 has 1025 bytes, no whole blocks: cut to 1024\n" },
	{ 7, ZL_MIB - 1, ZC_CLOSED, 2047, ZL_MIB - 512,
	  "7: seq-000007 has 1048575 bytes, no whole blocks: cut to "
	  "1048064\n" },
	{ 2, ZL_MIB + 1, ZC_READ_ONLY, 2048, ZL_MIB + 1,
	  "2: seq-000002 has 1048577 bytes, more than the zone's 1048576: the "
	  "zone is read-only\n" },
	{ 2, ZL_MIB * 1000, ZC_READ_ONLY, 2048, ZL_MIB * 1000,
	  "2: seq-000002 has 1048576000 bytes, more than the zone's 1048576: "
	  "the zone is read-only\n" },
	{ 1, 0, ZC_READ_ONLY, 0, 0, CONV_WRONG("0") },
	{ 1, ZL_MIB - 512, ZC_READ_ONLY, 0, ZL_MIB - 512,
	  CONV_WRONG("1048064") },
	{ 1, ZL_MIB + 512, ZC_READ_ONLY, 0, ZL_MIB + 512,
	  CONV_WRONG("1049088") },
	{ 1, ZL_MIB, ZC_NOT_WP, 0, ZL_MIB, "" },
};

static void assert_others_are_fine(const struct disk *d, uint32_t slot)
{
	for (uint32_t i = 0; i < USUAL_NR; i++)
		if (i != slot)
			assert_int_equal(cond_at(d, i),
					 i < USUAL_CONV ? ZC_NOT_WP : ZC_EMPTY);
}

static void sizes_of_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(sizes); i++) {
		const struct damage *s = &sizes[i];
		struct store_mem *mem = usual_disk();
		struct disk *d;

		set_size(mem, s->slot, s->size);
		d = must_open(mem, NULL, 0);
		assert_problems(d, s->problem);
		assert_int_equal(cond_at(d, s->slot), s->cond);
		if (s->slot >= USUAL_CONV)
			assert_int_equal(wp_at(d, s->slot), s->wp);
		assert_others_are_fine(d, s->slot);
		assert_int_equal(!!(d->slots.at[s->slot].flags & SLOT_DAMAGED),
				 s->cond == ZC_READ_ONLY);
		disk_close(d);
		assert_int_equal(size_of(mem, s->slot), s->size_after);
		/* What was mended is no problem any more. */
		d = must_open(mem, NULL, 0);
		assert_problems(d, s->cond == ZC_READ_ONLY ? s->problem : "");
		disk_close(d);
		store_mem_free(mem);
	}
}

static void looking_changes_nothing(void **state)
{
	struct store_mem *mem = usual_disk();
	void *before, *after;
	size_t len, len_after;
	struct disk *d;

	(void)state;
	set_size(mem, 2, 1000);
	before = get_file(mem, DISK_JOURNAL, &len);
	d = must_open(mem, NULL, LOOK);
	assert_int_equal(cond_at(d, 2), ZC_CLOSED);
	assert_int_equal(wp_at(d, 2), 1);
	assert_problems(d, "2: seq-000002 has 1000 bytes, no whole blocks: "
			   "opening cuts it to 512\n");
	disk_close(d);
	assert_int_equal(size_of(mem, 2), 1000);
	after = get_file(mem, DISK_JOURNAL, &len_after);
	assert_int_equal(len, len_after);
	assert_memory_equal(before, after, len);
	free(before);
	free(after);
	store_mem_free(mem);
}

/* Blocks that no write could be aligned to again are cut as well. */
static void tail_within_a_physical_block(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	(void)state;
	assert_accepted("",
			open_mem(mem, USUAL ",physical_block_size=4096",
				 USUAL_SIZE, MAKE, &d, &err),
			&err);
	disk_close(d);
	set_size(mem, 3, 4096 + 512);
	d = must_open(mem, NULL, 0);
	assert_problems(d, "3: seq-000003 has 4608 bytes, no whole physical "
			   "blocks: cut to 4096\n");
	assert_int_equal(wp_at(d, 3), 8);
	disk_close(d);
	assert_int_equal(size_of(mem, 3), 4096);
	store_mem_free(mem);
}

static void longer_than_the_zone_capacity(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	(void)state;
	assert_accepted("",
			open_mem(mem,
				 "zone_size_mb=2,zone_capacity_mb=1,"
				 "conv_zones=1",
				 USUAL_SIZE, MAKE, &d, &err),
			&err);
	disk_close(d);
	set_size(mem, 2, 2 * ZL_MIB);
	d = must_open(mem, NULL, 0);
	assert_int_equal(cond_at(d, 2), ZC_READ_ONLY);
	assert_int_equal(wp_at(d, 2), 2048);
	disk_close(d);
	store_mem_free(mem);
}

static void missing_files(void **state)
{
	struct store_mem *mem = usual_disk();
	struct disk *d;

	(void)state;
	drop_file(mem, "cnv-000000");
	drop_file(mem, "seq-000007");
	start_log();
	d = must_open(mem, NULL, 0);
	assert_problems(d, "0: cnv-000000 is missing: the zone is offline\n"
			   "7: seq-000007 is missing: the zone is offline\n");
	assert_logged("/d: zone 0: cnv-000000 is missing: the zone is offline");
	assert_int_equal(cond_at(d, 0), ZC_OFFLINE);
	assert_int_equal(cond_at(d, 7), ZC_OFFLINE);
	assert_int_equal(cond_at(d, 6), ZC_EMPTY);
	disk_close(d);
	store_mem_free(mem);
}

static void all_files_missing(void **state)
{
	struct store_mem *mem = usual_disk();
	struct problem_list l = { .nr = 0 };
	struct disk *d;

	(void)state;
	for (uint32_t i = 0; i < USUAL_NR; i++) {
		char name[STORE_NAME_MAX];

		snprintf(name, sizeof(name), "%s-%06u",
			 i < USUAL_CONV ? "cnv" : "seq", i);
		drop_file(mem, name);
	}
	d = must_open(mem, NULL, 0);
	disk_each_problem(d, list_problem, &l);
	assert_int_equal(l.nr, USUAL_NR);
	for (uint32_t i = 0; i < USUAL_NR; i++)
		assert_int_equal(cond_at(d, i), ZC_OFFLINE);
	disk_close(d);
	store_mem_free(mem);
}

/* A log is for reading: thousands of bad zones are not thousands of lines. */
static void many_bad_zones(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct problem_list l = { .nr = 0 };
	struct disk *d;
	struct zl_err err;
	unsigned lines = 0;
	struct store *st;

	(void)state;
	assert_accepted("", open_mem(mem, USUAL, 1000 * ZL_MIB, MAKE, &d, &err),
			&err);
	disk_close(d);
	st = files_of(mem);
	for (uint32_t i = 2; i < 1000; i++)
		assert_int_equal(store_unmake(st, i), 0);
	store_close(st);
	start_log();
	d = must_open(mem, NULL, 0);
	for (const char *p = logged; (p = strchr(p, '\n')); p++)
		lines++;
	assert_in_range(lines, 20, 50);
	assert_logged("/d: 966 more zones are not as they should be; zloop "
		      "check lists them");
	disk_each_problem(d, list_problem, &l);
	assert_int_equal(l.nr, 998);
	disk_close(d);
	store_mem_free(mem);
}

static void a_sidecar_of_another_disk(void **state)
{
	struct store_mem *big = store_mem_new(), *mem = usual_disk();
	struct disk *d;
	struct zl_err err;
	size_t len;
	void *text;

	(void)state;
	assert_accepted(
		"", open_mem(big, USUAL, 2 * USUAL_SIZE, MAKE, &d, &err), &err);
	disk_close(d);
	text = get_file(mem, DISK_SIDECAR, &len);
	put_file(big, DISK_SIDECAR, text, len);
	free(text);
	d = must_open(big, NULL, 0);
	assert_problems(d, "-: there are zone files beyond the last zone, 7; "
			   "does zloop.json belong here?\n");
	disk_close(d);
	store_mem_free(big);
	store_mem_free(mem);
}

#define OP_STAT_BIT   (UINT32_C(1) << 16)
#define OP_RESIZE_BIT (UINT32_C(1) << 19)

static struct disk *open_failing(struct store_mem *mem, uint32_t op,
				 uint64_t at)
{
	struct store_fault_plan plan = {
		.fail_at = at,
		.fail_count = 1,
		.error = EIO,
		.only = op,
	};
	struct store *st = store_fault_new(store_mem_open(mem));
	struct disk *d;
	struct zl_err err;

	store_fault_arm(st, &plan);
	if (open_store(st, NULL, 0, 0, &d, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(store_fault_hits(st), 1);
	return d;
}

static void a_file_that_cannot_be_examined(void **state)
{
	struct store_mem *mem = usual_disk();
	struct disk *d;

	(void)state;
	for (uint32_t i = 0; i < USUAL_NR; i++) {
		d = open_failing(mem, OP_STAT_BIT, i);
		assert_int_equal(cond_at(d, i), ZC_OFFLINE);
		assert_others_are_fine(d, i);
		disk_close(d);
	}
	store_mem_free(mem);
}

static void a_tail_that_cannot_be_cut(void **state)
{
	struct store_mem *mem = usual_disk();
	struct disk *d;

	(void)state;
	set_size(mem, 4, 1000);
	d = open_failing(mem, OP_RESIZE_BIT, 0);
	assert_problems(d, "4: seq-000004 has 1000 bytes, no whole blocks, and "
			   "cannot be cut (Input/output error): the zone is "
			   "read-only\n");
	assert_int_equal(cond_at(d, 4), ZC_READ_ONLY);
	assert_int_equal(wp_at(d, 4), 1);
	disk_close(d);
	store_mem_free(mem);
}

/* Files of other kinds need a real directory. */

static void replace_file(struct tmp_dir *t, const char *name,
			 const char *command)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cd '%s' && mv %s kept && %s", t->path, name,
		 command);
	assert_int_equal(system(cmd), 0);
}

static void put_back(struct tmp_dir *t, const char *name)
{
	char cmd[256];

	snprintf(cmd, sizeof(cmd), "cd '%s' && rm -rf %s && mv kept %s",
		 t->path, name, name);
	assert_int_equal(system(cmd), 0);
}

static void other_kinds_of_files(void **state)
{
	static const struct {
		const char *name;
		uint32_t slot;
		const char *command;
		enum zone_cond cond;
		const char *problem;
	} kinds[] = {
		{ "seq-000003", 3, "ln -s kept seq-000003", ZC_OFFLINE,
		  "3: seq-000003 is a symbolic link: the zone is offline\n" },
		{ "seq-000003", 3, "ln -s nowhere seq-000003", ZC_OFFLINE,
		  "3: seq-000003 is a symbolic link: the zone is offline\n" },
		{ "seq-000003", 3, "mkdir seq-000003", ZC_OFFLINE,
		  "3: seq-000003 is a directory: the zone is offline\n" },
		{ "seq-000003", 3, "mkfifo seq-000003", ZC_OFFLINE,
		  "3: seq-000003 is not a regular file: the zone is "
		  "offline\n" },
		{ "seq-000003", 3, "cp kept seq-000003; chmod 000 seq-000003",
		  ZC_OFFLINE,
		  "3: seq-000003 cannot be read: the zone is offline\n" },
		{ "seq-000003", 3, "cp kept seq-000003; chmod 400 seq-000003",
		  ZC_READ_ONLY,
		  "3: seq-000003 cannot be written: the zone is read-only\n" },
		{ "cnv-000001", 1, "ln -s kept cnv-000001", ZC_OFFLINE,
		  "1: cnv-000001 is a symbolic link: the zone is offline\n" },
		{ "cnv-000001", 1, "mkdir cnv-000001", ZC_OFFLINE,
		  "1: cnv-000001 is a directory: the zone is offline\n" },
		{ "cnv-000001", 1, "mkfifo cnv-000001", ZC_OFFLINE,
		  "1: cnv-000001 is not a regular file: the zone is "
		  "offline\n" },
		{ "cnv-000001", 1, "cp kept cnv-000001; chmod 400 cnv-000001",
		  ZC_READ_ONLY,
		  "1: cnv-000001 cannot be written: the zone is read-only\n" },
		{ "cnv-000001", 1, "true", ZC_OFFLINE,
		  "1: cnv-000001 is missing: the zone is offline\n" },
	};
	struct tmp_dir t;
	struct disk *d;
	struct zl_err err;

	(void)state;
	tmp_dir_make(&t);
	assert_accepted("", open_dir(t.path, USUAL, USUAL_SIZE, MAKE, &d, &err),
			&err);
	disk_close(d);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++) {
		replace_file(&t, kinds[i].name, kinds[i].command);
		for (int how = 0; how <= LOOK; how++) {
			assert_accepted(
				kinds[i].command,
				open_dir(t.path, NULL, 0, how, &d, &err), &err);
			assert_int_equal(cond_at(d, kinds[i].slot),
					 kinds[i].cond);
			assert_problems(d, kinds[i].problem);
			assert_others_are_fine(d, kinds[i].slot);
			disk_close(d);
		}
		put_back(&t, kinds[i].name);
		assert_accepted("restored",
				open_dir(t.path, NULL, 0, 0, &d, &err), &err);
		assert_problems(d, "");
		disk_close(d);
	}
	tmp_dir_drop(&t);
}

/*
 * What a sync has lost stays unreadable while the zone's file is away, and
 * after that: the zone is OFFLINE meanwhile, and nobody knows how much it has.
 */
static void lost_blocks_of_a_file_that_was_away(void **state)
{
	struct store_mem *mem = usual_disk();
	struct disk *d;

	(void)state;
	set_size(mem, 3, 4096);
	d = must_open(mem, NULL, 0);
	slot_add_bad(d, 3, 2, 4);
	assert_int_equal(slot_tell_bad(d, 3, true), 0);
	disk_close(d);
	drop_file(mem, "seq-000003");
	d = must_open(mem, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_OFFLINE);
	disk_close(d);
	put_file(mem, "seq-000003", "", 0);
	set_size(mem, 3, 4096);
	d = must_open(mem, NULL, 0);
	assert_int_equal(slot_first_bad(d, 3, 0, 8), 2);
	/* It is no news to the journal. */
	assert_false(d->slots.at[3].flags & SLOT_BAD_NEWS);
	disk_close(d);
	/* Nor is anything lost that is no longer there. */
	set_size(mem, 3, 1024);
	d = must_open(mem, NULL, 0);
	assert_int_equal(slot_first_bad(d, 3, 0, 8), UINT32_MAX);
	disk_close(d);
	store_mem_free(mem);
}

#define MANY_NR 64u

static uint32_t last_told;

static void told(void *user, uint32_t done, uint32_t total)
{
	(void)user;
	assert_int_equal(total, MANY_NR);
	last_told = done;
}

/* As it is on another machine; only looked at. */
static struct disk *look_at_once(struct store_mem *mem, unsigned at_once)
{
	struct store *st = store_mem_open(mem);
	struct disk_open_args args = { .look_only = true, .progress = told };
	struct zl_err err;
	struct disk *d;

	st->at_once = at_once;
	last_told = 0;
	assert_accepted("", disk_open_store(st, "/d", &args, &d, &err), &err);
	assert_int_equal(last_told, MANY_NR);
	return d;
}

/* What is found is the same, and said in the same order. */
static void many_looked_at_at_once(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct problem_list one = { .nr = 0 }, many = { .nr = 0 };
	struct disk *d, *e;
	struct zl_err err;

	(void)state;
	assert_accepted("",
			open_mem(mem, USUAL, MANY_NR * ZL_MIB, MAKE, &d, &err),
			&err);
	disk_close(d);
	set_size(mem, 0, 512);
	for (uint32_t slot = 3; slot < MANY_NR; slot += 5)
		set_size(mem, slot, slot % 2 ? slot * 512 : 700);
	drop_file(mem, "seq-000063");
	d = look_at_once(mem, 1);
	e = look_at_once(mem, 8);
	for (uint32_t slot = 0; slot < MANY_NR; slot++) {
		assert_int_equal(cond_at(d, slot), cond_at(e, slot));
		if (slot >= USUAL_CONV)
			assert_int_equal(wp_at(d, slot), wp_at(e, slot));
	}
	disk_each_problem(d, list_problem, &one);
	disk_each_problem(e, list_problem, &many);
	assert_true(one.nr > 6);
	assert_string_equal(one.text, many.text);
	disk_close(d);
	disk_close(e);
	store_mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_of_files),
		cmocka_unit_test(looking_changes_nothing),
		cmocka_unit_test(tail_within_a_physical_block),
		cmocka_unit_test(longer_than_the_zone_capacity),
		cmocka_unit_test(missing_files),
		cmocka_unit_test(all_files_missing),
		cmocka_unit_test(many_bad_zones),
		cmocka_unit_test(a_sidecar_of_another_disk),
		cmocka_unit_test(a_file_that_cannot_be_examined),
		cmocka_unit_test(a_tail_that_cannot_be_cut),
		cmocka_unit_test(other_kinds_of_files),
		cmocka_unit_test(lost_blocks_of_a_file_that_was_away),
		cmocka_unit_test(many_looked_at_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
