// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Checking: everything is found, nothing is changed. */
#include "disk/dirs.h"
#include "disk/life/check.h"
#include "disk/medium/journal.h"
#include "disk/medium/sidecar.h"

static int check(struct store_mem *mem, struct problem_list *l,
		 struct zl_err *err)
{
	struct store *st = store_mem_open(mem);
	int ret;

	*l = (struct problem_list){ .nr = 0 };
	memset(err, 0, sizeof(*err));
	ret = check_store(st, "/d", list_problem, l, err);
	store_close(st);
	return ret;
}

static void expect(struct store_mem *mem, const char *problems)
{
	struct problem_list l;
	struct zl_err err;
	int ret = check(mem, &l, &err);

	if (ret < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(l.text, problems);
	assert_int_equal(ret, l.nr);
}

static void a_sound_disk(void **state)
{
	struct store_mem *mem = usual_disk();

	(void)state;
	expect(mem, "");
	store_mem_free(mem);
}

static void a_running_disk(void **state)
{
	struct store_mem *mem = usual_disk();
	struct disk *d = must_open(mem, NULL, 0);

	(void)state;
	expect(mem, "");
	disk_close(d);
	store_mem_free(mem);
}

/* The order of names in a directory is anybody's. */
static void assert_found(struct store_mem *mem, const char *const *want,
			 unsigned nr)
{
	struct problem_list l;
	struct zl_err err;

	assert_int_equal(check(mem, &l, &err), nr);
	for (unsigned i = 0; i < nr; i++)
		if (!strstr(l.text, want[i]))
			fail_msg("%snot in\n%s", want[i], l.text);
}

static void everything_at_once(void **state)
{
	static const char *const want[] = {
		"0: cnv-000000 has 1048577 bytes instead of 1048576: the zone "
		"is read-only\n",
		"2: seq-000002 has 513 bytes, no whole blocks: opening cuts it "
		"to 512\n",
		"3: seq-000003 has 2097152 bytes, more than the zone's "
		"1048576: the zone is read-only\n",
		"5: seq-000005 is missing: the zone is offline\n",
		"-: cnv-000005 does not belong to the disk: zone 5 is "
		"sequential\n",
		"-: seq-000000 does not belong to the disk: zone 0 is "
		"conventional\n",
		"-: seq-000008 is beyond the last zone, 7\n",
		"-: seq-000999 is beyond the last zone, 7\n",
		"-: zloop.state has 4 bytes that are no records of this disk; "
		"they are ignored\n",
	};
	struct store_mem *mem = usual_disk();

	(void)state;
	set_size(mem, 0, ZL_MIB + 1);
	set_size(mem, 2, 513);
	set_size(mem, 3, ZL_MIB * 2);
	drop_file(mem, "seq-000005");
	put_file(mem, "cnv-000005", "", 0);
	put_file(mem, "seq-000000", "", 0);
	put_file(mem, "seq-000008", "", 0);
	put_file(mem, "seq-000999", "", 0);
	put_file(mem, DISK_JOURNAL, "torn", 4);
	assert_found(mem, want, ZL_ARRAY_SIZE(want));
	/* Nothing was mended. */
	assert_int_equal(size_of(mem, 2), 513);
	store_mem_free(mem);
}

static void the_lock_file_is_gone(void **state)
{
	struct store_mem *mem = usual_disk();

	(void)state;
	drop_file(mem, DISK_JOURNAL);
	expect(mem, "-: zloop.state is missing\n");
	store_mem_free(mem);
}

static void half_made(void **state)
{
	struct store_mem *mem = usual_disk();
	struct store *st = store_mem_open(mem);
	struct disk_meta meta;
	enum sidecar_state sidecar;
	struct zl_err err;

	(void)state;
	assert_int_equal(sidecar_read(st, "/d", &meta, &sidecar, &err), 0);
	assert_int_equal(sidecar_write(st, &meta, SIDECAR_CREATING), 0);
	store_close(st);
	expect(mem, "-: the disk in /d is half made; zloop create /d completes "
		    "it\n");
	store_mem_free(mem);
}

static void refused(struct store_mem *mem, const char *sentence)
{
	struct problem_list l;
	struct zl_err err;

	assert_refused("check", check(mem, &l, &err), &err, sentence);
	assert_int_equal(l.nr, 0);
}

static void no_disk(void **state)
{
	struct store_mem *mem = store_mem_new();

	(void)state;
	refused(mem, "no disk is in /d");
	put_file(mem, "file", "", 0);
	refused(mem, "no disk is in /d");
	put_file(mem, "seq-000000", "", 0);
	refused(mem, "/d has zone files but no zloop.json, as the kernel's "
		     "zloop leaves them; to adopt them, create the disk with "
		     "zone_size_mb=NUMBER, conv_zones=0, capacity_mb=NUMBER, "
		     "zone_capacity_mb=NUMBER if it is not the zone size");
	put_file(mem, DISK_SIDECAR, "{", 1);
	refused(mem, "/d/zloop.json is cut short: its JSON does not end");
	store_mem_free(mem);
}

static void a_real_directory(void **state)
{
	struct problem_list l = { .nr = 0 };
	struct tmp_dir t;
	struct disk *d;
	struct zl_err err;

	(void)state;
	tmp_dir_make(&t);
	assert_int_equal(disk_check(t.path, list_problem, NULL, &l, &err),
			 -ENOENT);
	assert_int_equal(
		disk_check("/nonexistent", list_problem, NULL, &l, &err),
		-ENOENT);
	assert_accepted("", open_dir(t.path, USUAL, USUAL_SIZE, MAKE, &d, &err),
			&err);
	assert_int_equal(disk_check(t.path, list_problem, NULL, &l, &err), 0);
	disk_close(d);
	assert_int_equal(unlinkat(t.fd, "seq-000004", 0), 0);
	assert_int_equal(symlinkat("seq-000003", t.fd, "seq-000004"), 0);
	assert_int_equal(disk_check(t.path, list_problem, NULL, &l, &err), 1);
	assert_string_equal(l.text, "4: seq-000004 is a symbolic link: the "
				    "zone is offline\n");
	tmp_dir_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_sound_disk),
		cmocka_unit_test(a_running_disk),
		cmocka_unit_test(everything_at_once),
		cmocka_unit_test(the_lock_file_is_gone),
		cmocka_unit_test(half_made),
		cmocka_unit_test(no_disk),
		cmocka_unit_test(a_real_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
