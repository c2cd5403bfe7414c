// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Conventional zones elsewhere than at the start: nothing but
 * lib/disk/medium/layout.c, whose place meta_layout() below takes, may know
 * where they are.
 */
#include <errno.h>
#include <unistd.h>

#include "disk/io/gate.h"
#include "disk/io/ops.h"
#include "disk/life/open.h"
#include "disk/medium/meta.h"
#include "disk_fixture.h"

#define HM    FIXTURE_CFG
#define HA    FIXTURE_CFG ",model=host-aware"
#define CACHE ",discard_write_cache"

#define Z(slot) ((uint64_t)(slot)*ZONE)

/* The disk's two conventional zones. */
static uint32_t conv_a, conv_b;

void meta_layout(const struct disk_meta *meta,
		 struct zone_run runs[ZONE_MAX_RUNS])
{
	enum zone_type seq =
		meta->host_aware ? ZT_SEQ_PREFERRED : ZT_SEQ_REQUIRED;
	const struct zone_run layout[ZONE_MAX_RUNS] = {
		{ conv_a, seq },     { conv_a + 1, ZT_CONVENTIONAL },
		{ conv_b, seq },     { conv_b + 1, ZT_CONVENTIONAL },
		{ UINT32_MAX, seq },
	};

	assert_int_equal(meta->conv_zones, 2);
	memcpy(runs, layout, sizeof(layout));
}

static struct fixture fix;
static struct fixture *const f = &fix;

static void start(const char *options, uint32_t a, uint32_t b)
{
	conv_a = a;
	conv_b = b;
	fixture_start(f, options, 0);
}

static bool is_conv(uint32_t slot)
{
	return slot == conv_a || slot == conv_b;
}

/* Names, and sizes. */
static void check_files(void)
{
	struct store_stat st;
	char name[STORE_NAME_MAX], want[STORE_NAME_MAX];

	for (uint32_t i = 0; i < NR_ZONES; i++) {
		store_slot_name(f->fault, i, name);
		snprintf(want, sizeof(want), "%s-%06u",
			 is_conv(i) ? "cnv" : "seq", i);
		assert_string_equal(name, want);
		assert_int_equal(store_stat(f->fault, i, &st), 0);
		assert_int_equal(
			st.size_bytes / BLOCK,
			is_conv(i) ? ZONE
				   : zone_slot_wp_blocks(&f->disk->zones, i));
	}
}

static void check_zone(uint32_t slot, enum zone_cond cond, uint32_t wp_blocks)
{
	assert_string_equal(zone_cond_name(cond_of(f, Z(slot))),
			    zone_cond_name(cond));
	if (cond != ZC_NOT_WP)
		assert_int_equal(wp_of(f, Z(slot)), Z(slot) + wp_blocks);
	check_files();
}

static void check_data(uint64_t lba, uint32_t blocks, uint32_t tag)
{
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_filled(f->buf, lba, blocks, tag);
}

static void check_zeros(uint64_t lba, uint32_t blocks)
{
	assert_int_equal(do_read(f, lba, blocks), DISK_OK);
	assert_zeros(f->buf, (size_t)blocks * BLOCK);
}

static enum disk_status do_unmap(uint64_t lba, uint32_t blocks)
{
	struct disk_io io;

	return run_rw(f, &io, DISK_UNMAP, lba, blocks, false);
}

static bool count(void *user, const struct zone_info *info)
{
	uint32_t *nr = user;

	assert_int_equal(info->type == ZT_CONVENTIONAL, is_conv(info->slot));
	assert_int_equal(info->start_lba, Z(info->slot));
	++*nr;
	return true;
}

static void host_managed(void **state)
{
	struct disk_stats s;
	uint32_t nr = 0;

	(void)state;
	start(HM, 3, 4);
	check_files();
	disk_each_zone(f->disk, 0, count, &nr);
	assert_int_equal(nr, NR_ZONES);
	assert_int_equal(disk_wp_zones(f->disk), NR_ZONES - 2);
	assert_int_equal(zone_geo_first_wp(disk_geo(f->disk)), 0);

	/* From one conventional zone into the next, and no further. */
	assert_int_equal(do_write(f, Z(4) - 7, 20, 1), DISK_OK);
	assert_int_equal(do_write(f, Z(3) - 1, 2, 1), DISK_REFUSED);
	assert_int_equal(do_write(f, Z(5) - 1, 2, 1), DISK_REFUSED);
	assert_int_equal(do_read(f, Z(5) - 1, 2), DISK_REFUSED);
	assert_int_equal(do_write(f, Z(0) + 1, 1, 1), DISK_REFUSED);
	assert_int_equal(do_write(f, Z(0), 5, 1), DISK_OK);
	assert_int_equal(do_write_fua(f, Z(7), 6, 1), DISK_OK);
	check_zone(0, ZC_IMP_OPEN, 5);
	check_zone(3, ZC_NOT_WP, 0);
	check_data(Z(4) - 7, 20, 1);
	disk_get_stats(f->disk, &s);
	assert_int_equal(s.n[DC_MAX_NOT_EMPTY], 2);

	assert_int_equal(do_unmap(Z(4) - 3, 6), DISK_OK);
	check_zeros(Z(4) - 3, 6);
	check_data(Z(4) - 7, 4, 1);
	assert_int_equal(do_unmap(Z(0), 1), DISK_REFUSED);
	assert_int_equal(do_unmap(Z(5) - 1, 2), DISK_REFUSED);
	check_data(Z(0), 5, 1);

	assert_int_equal(do_zone(f, ZO_OPEN, Z(1), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, Z(3), false), DISK_REFUSED);
	disk_abandon(f->disk);
	fixture_open(f, HM, 0);
	check_zone(1, ZC_EXP_OPEN, 0);
	check_zone(0, ZC_CLOSED, 5);
	check_zone(7, ZC_CLOSED, 6);
	check_data(Z(4) - 7, 4, 1);

	assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
	check_zone(0, ZC_EMPTY, 0);
	check_zone(4, ZC_NOT_WP, 0);
	check_zone(7, ZC_EMPTY, 0);
	check_data(Z(4) - 7, 4, 1);
	fixture_stop(f);
}

/* Among preferred zones, which a write may reach from them and they from it. */
static void host_aware(void **state)
{
	struct disk_io io;

	(void)state;
	start(HA, 2, 4);
	assert_int_equal(do_write(f, Z(2) - 3, 3 + ZONE + 2, 1), DISK_OK);
	check_zone(1, ZC_FULL, ZONE);
	check_zone(3, ZC_IMP_OPEN, 2);
	check_data(Z(2) - 3, 3 + ZONE + 2, 1);
	assert_int_equal(do_write(f, Z(5) - 2, 7, 2), DISK_OK);
	check_zone(5, ZC_IMP_OPEN, 5);
	check_data(Z(5) - 2, 7, 2);

	/* The zone in the middle, or the first one, has a write pointer. */
	assert_int_equal(do_write(f, Z(3) - 1, 1, 3), DISK_OK);
	assert_int_equal(run_rw(f, &io, DISK_UNMAP, Z(3) - 1, ZONE + 2, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_ZONE_ID);
	assert_int_equal(do_unmap(Z(2) - 1, 2), DISK_REFUSED);
	check_data(Z(3) - 1, 1, 3);
	check_data(Z(5) - 2, 7, 2);

	disk_abandon(f->disk);
	fixture_open(f, HA, 0);
	assert_int_equal(f->disk->zones.slots[1].attrs, ZA_NON_SEQ);
	assert_int_equal(f->disk->zones.slots[5].attrs, 0);
	check_zone(1, ZC_FULL, ZONE);
	fixture_stop(f);
}

static unsigned nr_done;

static void one_done(struct disk_io *io)
{
	assert_int_equal(io->status, DISK_OK);
	nr_done++;
}

/* COMPARE AND WRITE is alone with conventional zones, whichever zone a write
 * that reaches one begins in; it has none of that zone's turn meanwhile. */
static void the_gate(void **state)
{
	struct disk_io alone = { .op = DISK_COMPARE_WRITE }, io;
	struct iovec iov = { NULL, 4 * BLOCK };

	(void)state;
	start(HA, 2, 4);
	iov.iov_base = f->buf;
	io_of(&alone)->pub = &alone;
	io_of(&alone)->disk = f->disk;
	nr_done = 0;
	io = (struct disk_io){ .op = DISK_WRITE,
			       .lba = Z(2) - 6,
			       .nr_blocks = 4,
			       .iov = &iov,
			       .iov_cnt = 1,
			       .done = one_done };
	assert_true(gate_enter(io_of(&alone), true));
	disk_submit(f->disk, &io);
	assert_int_equal(nr_done, 1);
	io.lba = Z(2) - 2;
	disk_submit(f->disk, &io);
	assert_int_equal(nr_done, 1);
	assert_int_equal(io_of(&io)->nr_turns, 0);
	gate_leave(f->disk, GATE_ALONE);
	assert_int_equal(nr_done, 2);
	fixture_stop(f);
}

/* Explicitly opened zones are no longer so, by the journal either. */
static void power_failure(void **state)
{
	const struct disk_powerfail how = { 0 };
	struct zl_err err;

	(void)state;
	start(HM CACHE, 1, 6);
	assert_int_equal(do_zone(f, ZO_OPEN, Z(0), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, Z(7), false), DISK_OK);
	assert_int_equal(disk_powerfail(f->disk, &how, &err), 0);
	check_zone(0, ZC_EMPTY, 0);
	disk_abandon(f->disk);
	fixture_open(f, HM CACHE, 0);
	check_zone(0, ZC_EMPTY, 0);
	check_zone(7, ZC_EMPTY, 0);
	fixture_stop(f);
}

/* --- Many commands, and what ends an opening, against what was written --- */

struct shadow {
	uint32_t tag[CAPACITY];	 /* of each block; 0: zeros */
	uint32_t safe[CAPACITY]; /* what was flushed */
	uint64_t rng;
	uint32_t next_tag;
};

static uint32_t rnd(struct shadow *s, uint32_t n)
{
	s->rng ^= s->rng >> 12;
	s->rng ^= s->rng << 25;
	s->rng ^= s->rng >> 27;
	return (uint32_t)((s->rng * UINT64_C(0x2545f4914f6cdd1d)) >> 32) % n;
}

static void some_write(struct shadow *s, bool host_aware)
{
	uint32_t slot = rnd(s, NR_ZONES), nr = 1 + rnd(s, 600), off;
	enum disk_status status;
	uint64_t lba;

	off = rnd(s, 4) ? zone_slot_wp_blocks(&f->disk->zones, slot)
			: rnd(s, ZONE);
	lba = Z(slot) + off;
	if (host_aware && !rnd(s, 16))
		nr = 1 + rnd(s, MAX_BLOCKS);
	if (lba + nr > CAPACITY)
		return;
	s->next_tag++;
	status = do_write(f, lba, nr, s->next_tag);
	assert_true(status == DISK_OK ||
		    (!host_aware && status == DISK_REFUSED));
	for (uint32_t i = 0; status == DISK_OK && i < nr; i++)
		s->tag[lba + i] = s->next_tag;
}

static void some_unmap(struct shadow *s)
{
	uint64_t lba = Z(rnd(s, 2) ? conv_a : conv_b) + rnd(s, ZONE - 50);
	uint32_t nr = 1 + rnd(s, 50);

	assert_int_equal(do_unmap(lba, nr), DISK_OK);
	memset(&s->tag[lba], 0, nr * sizeof(s->tag[0]));
}

static void some_reset(struct shadow *s)
{
	uint32_t slot = rnd(s, NR_ZONES);
	bool all = !rnd(s, 6);

	if (!all && is_conv(slot)) {
		assert_int_equal(do_zone(f, ZO_RESET, Z(slot), false),
				 DISK_REFUSED);
		return;
	}
	assert_int_equal(do_zone(f, ZO_RESET, Z(slot), all), DISK_OK);
	for (uint32_t i = 0; i < NR_ZONES; i++)
		if ((all || i == slot) && !is_conv(i))
			memset(&s->tag[Z(i)], 0, ZONE * sizeof(s->tag[0]));
}

static void lose_power(struct shadow *s)
{
	const struct disk_powerfail how = { 0 };
	struct zl_err err;

	assert_int_equal(disk_powerfail(f->disk, &how, &err), 0);
	memcpy(s->tag, s->safe, sizeof(s->tag));
}

static void check_all(const struct shadow *s)
{
	const uint64_t *p;
	uint64_t lba;

	check_files();
	for (uint32_t slot = 0; slot < NR_ZONES; slot++) {
		assert_int_equal(do_read(f, Z(slot), ZONE), DISK_OK);
		for (uint32_t i = 0; i < ZONE; i++) {
			p = (const uint64_t *)f->buf + (uint64_t)i * BLOCK / 8;
			lba = Z(slot) + i;
			assert_int_equal(
				*p, s->tag[lba] ? lba << 32 | s->tag[lba] : 0);
		}
	}
}

static void some_step(struct shadow *s, const char *options, bool host_aware)
{
	switch (rnd(s, 20)) {
	case 0:
		assert_int_equal(do_sync(f), DISK_OK);
		memcpy(s->safe, s->tag, sizeof(s->safe));
		break;
	case 1:
		some_reset(s);
		break;
	case 2:
	case 3:
		some_unmap(s);
		break;
	case 4:
		if (!rnd(s, 4))
			lose_power(s);
		break;
	case 5:
		if (rnd(s, 8))
			break;
		disk_abandon(f->disk);
		fixture_open(f, options, 0);
		memcpy(s->safe, s->tag, sizeof(s->safe));
		break;
	case 6:
		if (rnd(s, 8))
			break;
		/* Closing is a power failure, too. */
		fixture_reopen(f, options);
		memcpy(s->tag, s->safe, sizeof(s->tag));
		break;
	default:
		some_write(s, host_aware);
		break;
	}
}

static void many_commands(void **state)
{
	static const uint32_t places[][2] = { { 2, 3 }, { 1, 5 }, { 6, 7 } };
	struct shadow *s = calloc(1, sizeof(*s));

	(void)state;
	assert_non_null(s);
	for (int n = 0; n < 6; n++) {
		const char *options = n & 1 ? HA CACHE : HM CACHE;

		memset(s, 0, sizeof(*s));
		s->rng = 41 + (uint64_t)n;
		start(options, places[n / 2][0], places[n / 2][1]);
		for (int i = 0; i < 600; i++) {
			some_step(s, options, n & 1);
			if (i % 20 == 0)
				check_all(s);
		}
		check_all(s);
		fixture_stop(f);
	}
	free(s);
}

/* --- A directory: checked, repaired, adopted --- */

static void complain(void *user, uint32_t slot, const char *what)
{
	(void)user;
	print_message("zone %u: %s\n", slot, what);
}

static void in_a_directory(const char *verb, const char *file)
{
	char cmd[160];

	snprintf(cmd, sizeof(cmd), "%s %s/%s", verb, f->dir, file);
	assert_int_equal(system(cmd), 0);
}

/* The files of conventional zones tell it, wherever they are. */
static void check_zone_size(void)
{
	static const char options[] = "zone_size_mb=2,conv_zones=2";
	struct disk_open_args args = { .may_make = true,
				       .size_bytes = CAPACITY * BLOCK };
	struct disk_opts opts;
	struct zl_err err;

	assert_int_equal(disk_opts_parse(&opts, options, strlen(options), ',',
					 false, &err),
			 0);
	args.opts = &opts;
	assert_int_equal(disk_open(f->dir, &args, &f->disk, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "use zone_size_mb=1"));
}

static void a_directory(void **state)
{
	struct zl_err err;

	(void)state;
	conv_a = 3;
	conv_b = 7;
	fixture_start_files(f, HM, 0);
	assert_int_equal(do_write(f, Z(0), 5, 1), DISK_OK);
	assert_int_equal(do_write(f, Z(3), 5, 1), DISK_OK);
	disk_close(f->disk);
	assert_int_equal(disk_check(f->dir, complain, NULL, NULL, &err), 0);
	in_a_directory("rm", "cnv-000007");
	in_a_directory("rm", "seq-000001");
	assert_int_equal(disk_check(f->dir, complain, NULL, NULL, &err), 2);
	assert_int_equal(disk_repair(f->dir, NULL, false, complain, NULL, &err),
			 2);
	in_a_directory("test 1048576 -eq $(stat -c %s", "cnv-000007)");
	in_a_directory("touch", "cnv-000002");
	assert_int_equal(disk_check(f->dir, complain, NULL, NULL, &err), 1);
	in_a_directory("rm", "cnv-000002");

	/* What the kernel's driver would leave if it had such disks. */
	in_a_directory("rm", "zloop.json");
	in_a_directory("rm", "zloop.state");
	check_zone_size();
	fixture_open(f, HM, 0);
	assert_true(f->disk->meta.adopted);
	check_zone(0, ZC_CLOSED, 5);
	check_zone(3, ZC_NOT_WP, 0);
	check_data(Z(3), 5, 1);
	fixture_stop(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_managed),
		cmocka_unit_test(host_aware),
		cmocka_unit_test(the_gate),
		cmocka_unit_test(power_failure),
		cmocka_unit_test(many_commands),
		cmocka_unit_test(a_directory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
