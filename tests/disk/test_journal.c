// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The journal: what it keeps over which kind of stop, torn and damaged. */
#include "disk/dirs.h"
#include "disk/io/io.h"
#include "disk/io/slot.h"
#include "disk/life/open.h"
#include "disk/medium/journal.h"

#define REC JOURNAL_RECORD_BYTES

static char boot_file[] = "/tmp/zl-boot-XXXXXX";

static void set_boot(const char *id)
{
	FILE *f = fopen(boot_file, "w");

	assert_non_null(f);
	fputs(id, f);
	fclose(f);
	journal_boot_id_path = boot_file;
}

static int setup_all(void **state)
{
	int fd = mkstemp(boot_file);

	(void)state;
	close(fd);
	return fd < 0;
}

static int teardown_all(void **state)
{
	(void)state;
	return unlink(boot_file);
}

static int setup(void **state)
{
	set_boot("boot-1");
	*state = usual_disk();
	return 0;
}

static int teardown(void **state)
{
	store_mem_free(*state);
	return 0;
}

/* What journal_load() calls. */
struct seen {
	uint64_t cond[USUAL_NR], exp[USUAL_NR];
	unsigned calls;
};

static void see(void *user, enum journal_type type, uint32_t slot,
		uint64_t value)
{
	struct seen *s = user;

	assert_true(slot < USUAL_NR);
	s->calls++;
	if (type == JR_CONDITION)
		s->cond[slot] = value;
	else if (type == JR_EXP_OPEN)
		s->exp[slot] = value;
	else
		fail_msg("type %d", type);
}

static void load(struct store_mem *mem, struct journal_state *state,
		 struct seen *seen)
{
	const struct zone_geo geo = { .capacity_blocks = USUAL_NR,
				      .zone_blocks = 1 };
	struct store *st = store_mem_open(mem);
	struct zl_err err;

	*seen = (struct seen){ 0 };
	assert_accepted(
		"", journal_load(st, "/d", &geo, state, see, seen, &err), &err);
	store_close(st);
}

static enum disk_status zone_op(struct disk *d, enum zone_op op, uint32_t slot)
{
	struct disk_io io = {
		.op = DISK_ZONE,
		.zone_op = op,
		.lba = zone_slot_start_lba(&d->zones, slot),
	};

	return disk_run(d, &io);
}

static void set_condition(struct disk *d, uint32_t slot, enum zone_cond cond)
{
	d->slots.at[slot].flags |=
		cond == ZC_OFFLINE ? SLOT_JOURNAL_OFF : SLOT_JOURNAL_RO;
	zone_set_state(&d->zones, slot, cond, wp_at(d, slot));
	assert_int_equal(
		journal_append(&d->journal, JR_CONDITION, slot, cond, true), 0);
}

/* The format, byte by byte: docs/on-disk-format.md. */
static void a_record_in_bytes(void **state)
{
	static const uint8_t want[28] = {
		'Z',  'L',  'J',  '1',	3,    0,    0,	  0,	0x08, 0x07,
		0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15,
		0x14, 0x13, 0x12, 0x11, 0x24, 0x23, 0x22, 0x21,
	};
	uint8_t rec[REC];

	(void)state;
	journal_encode(rec, UINT64_C(0x0102030405060708), JR_CONDITION,
		       0x21222324, UINT64_C(0x1112131415161718));
	assert_memory_equal(rec, want, sizeof(want));
	/* CRC-32C of those, from an independent implementation. */
	assert_int_equal(rec[28] | rec[29] << 8 | rec[30] << 16 |
				 (uint32_t)rec[31] << 24,
			 UINT32_C(0x65ce95e0));
}

static void made_opened_and_closed(void **state)
{
	struct journal_state js;
	struct seen seen;
	struct disk *d;

	load(*state, &js, &seen);
	assert_true(js.clean);
	assert_int_equal(js.stats.n[DC_OPENS], 1);
	assert_int_equal(js.stats.n[DC_UNCLEAN_OPENS], 0);
	d = must_open(*state, NULL, 0);
	load(*state, &js, &seen);
	assert_false(js.clean);
	assert_true(js.same_boot);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	disk_close(d);
	load(*state, &js, &seen);
	assert_true(js.clean);
	assert_int_equal(js.stats.n[DC_OPENS], 3);
	assert_int_equal(js.stats.n[DC_UNCLEAN_OPENS], 1);
	assert_int_equal(js.bad_bytes, 0);
	assert_int_equal(seen.calls, 0);
}

static void explicitly_opened_survives_the_daemons_death(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	assert_int_equal(zone_op(d, ZO_OPEN, 4), DISK_OK);
	assert_int_equal(zone_op(d, ZO_OPEN, 5), DISK_OK);
	assert_int_equal(zone_op(d, ZO_CLOSE, 4), DISK_OK);
	assert_int_equal(zone_op(d, ZO_RESET, 5), DISK_OK);
	disk_abandon(d);
	/* Twice: the first one rewrites the journal. */
	for (int i = 0; i < 2; i++) {
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 3), ZC_EXP_OPEN);
		assert_int_equal(cond_at(d, 4), ZC_EMPTY);
		assert_int_equal(cond_at(d, 5), ZC_EMPTY);
		disk_abandon(d);
	}
}

static void explicitly_opened_ends_with_power(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_abandon(d);
	set_size(*state, 4, 4096);
	set_boot("boot-2");
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	assert_int_equal(cond_at(d, 4), ZC_CLOSED);
	disk_abandon(d);
	/* And does not come back with the old boot's id. */
	set_boot("boot-1");
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
}

static void explicitly_opened_ends_with_a_clean_stop(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_close(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
}

static void no_boot_id_is_another_boot(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_abandon(d);
	journal_boot_id_path = "/nonexistent/boot_id";
	for (int i = 0; i < 2; i++) {
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 3), ZC_EMPTY);
		assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
		disk_abandon(d);
	}
}

/* Explicitly opened ones beyond a limit cannot be: the journal is not ours. */
static void limit_of_open_zones_holds(void **state)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;
	unsigned open = 0;

	(void)state;
	assert_int_equal(open_mem(mem, USUAL ",max_open_zones=2", USUAL_SIZE,
				  MAKE, &d, &err),
			 0);
	for (uint32_t slot = 2; slot < 6; slot++) {
		d->slots.at[slot].flags |= SLOT_JOURNAL_EXP;
		journal_append(&d->journal, JR_EXP_OPEN, slot, 1, false);
	}
	disk_abandon(d);
	d = must_open(mem, NULL, 0);
	for (uint32_t slot = 2; slot < 8; slot++)
		open += cond_at(d, slot) == ZC_EXP_OPEN;
	assert_int_equal(open, 2);
	disk_close(d);
	store_mem_free(mem);
}

static void conditions_are_kept(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	set_condition(d, 1, ZC_READ_ONLY);
	set_condition(d, 3, ZC_OFFLINE);
	set_condition(d, 4, ZC_READ_ONLY);
	disk_abandon(d);
	set_size(*state, 4, 4096);
	set_boot("boot-2");
	/* Over an unclean stop, another boot, clean stops and rewriting. */
	for (int i = 0; i < 3; i++) {
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 1), ZC_READ_ONLY);
		assert_int_equal(cond_at(d, 3), ZC_OFFLINE);
		assert_int_equal(cond_at(d, 4), ZC_READ_ONLY);
		assert_int_equal(wp_at(d, 4), 8);
		assert_problems(d, "");
		disk_close(d);
	}
	d = must_open(*state, NULL, 0);
	d->slots.at[4].flags &= (uint8_t)~SLOT_JOURNAL_RO;
	assert_int_equal(journal_append(&d->journal, JR_CONDITION, 4, 0, true),
			 0);
	disk_close(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 4), ZC_CLOSED);
	disk_close(d);
}

/* A missing file must not become the journal's opinion. */
static void damage_is_not_journaled(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);
	struct store *st;

	set_condition(d, 3, ZC_READ_ONLY);
	disk_close(d);
	drop_file(*state, "seq-000003");
	drop_file(*state, "seq-000004");
	for (int i = 0; i < 2; i++) {
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 3), ZC_OFFLINE);
		assert_int_equal(cond_at(d, 4), ZC_OFFLINE);
		disk_close(d);
	}
	st = files_of(*state);
	assert_int_equal(store_make(st, 3, 0), 0);
	assert_int_equal(store_make(st, 4, 0), 0);
	store_close(st);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_READ_ONLY);
	assert_int_equal(cond_at(d, 4), ZC_EMPTY);
	disk_close(d);
}

/* A journal of known records: OPEN, cond 3 RO, exp 4, cond 5 OFFLINE. */
static uint8_t *records(size_t *len)
{
	static uint8_t rec[4 * REC];

	journal_encode(rec, 7, JR_OPEN, 0, 99);
	journal_encode(rec + REC, 8, JR_CONDITION, 3, ZC_READ_ONLY);
	journal_encode(rec + 2 * REC, 9, JR_COUNTER, DC_OPENS, 42);
	journal_encode(rec + 3 * REC, 10, JR_CONDITION, 5, ZC_OFFLINE);
	*len = sizeof(rec);
	return rec;
}

static void torn_at_every_byte(void **state)
{
	struct journal_state js;
	struct seen seen;
	struct disk *d;
	uint8_t *rec;
	size_t len;

	rec = records(&len);
	for (size_t cut = 0; cut <= len; cut++) {
		put_file(*state, DISK_JOURNAL, rec, cut);
		load(*state, &js, &seen);
		assert_false(js.clean);
		assert_int_equal(js.bad_bytes, cut % REC);
		assert_int_equal(seen.cond[3],
				 cut >= 2 * REC ? ZC_READ_ONLY : 0);
		assert_int_equal(js.stats.n[DC_OPENS], cut >= 3 * REC ? 42 : 0);
		assert_int_equal(seen.cond[5], cut == len ? ZC_OFFLINE : 0);
		/* The next opening mends it. */
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 3),
				 cut >= 2 * REC ? ZC_READ_ONLY : ZC_EMPTY);
		disk_close(d);
		load(*state, &js, &seen);
		assert_int_equal(js.bad_bytes, 0);
		assert_int_equal(seen.cond[3],
				 cut >= 2 * REC ? ZC_READ_ONLY : 0);
	}
}

/* A flipped bit costs its record, not the others. */
static void every_flipped_bit(void **state)
{
	struct journal_state js;
	struct seen seen;
	uint8_t *rec;
	size_t len;

	rec = records(&len);
	for (size_t bit = 0; bit < len * 8; bit++) {
		unsigned hit = (unsigned)(bit / 8 / REC);

		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
		put_file(*state, DISK_JOURNAL, rec, len);
		rec[bit / 8] ^= (uint8_t)(1 << bit % 8);
		load(*state, &js, &seen);
		assert_int_equal(js.bad_bytes, REC);
		assert_int_equal(seen.cond[3], hit == 1 ? 0 : ZC_READ_ONLY);
		assert_int_equal(js.stats.n[DC_OPENS], hit == 2 ? 0 : 42);
		assert_int_equal(seen.cond[5], hit == 3 ? 0 : ZC_OFFLINE);
	}
}

static void foreign_records(void **state)
{
	struct journal_state js;
	struct seen seen;
	uint8_t rec[9 * REC];
	char junk[1000];

	/* A slot that is not, odd values, a newer type, numbers going back. */
	journal_encode(rec, 5, JR_CONDITION, USUAL_NR, ZC_OFFLINE);
	journal_encode(rec + REC, 6, JR_CONDITION, UINT32_MAX, ZC_OFFLINE);
	journal_encode(rec + 2 * REC, 7, JR_CONDITION, 3, ZC_EMPTY);
	journal_encode(rec + 3 * REC, 8, JR_EXP_OPEN, 3, 2);
	journal_encode(rec + 4 * REC, 9, JR_EXP_OPEN, USUAL_NR, 1);
	journal_encode(rec + 5 * REC, 10, JR_COUNTER, 77, 1);
	journal_encode(rec + 6 * REC, 11, (enum journal_type)77, 0, 1);
	journal_encode(rec + 7 * REC, 11, JR_CONDITION, 3, ZC_OFFLINE);
	journal_encode(rec + 8 * REC, UINT64_MAX, JR_CONDITION, 3, ZC_OFFLINE);
	put_file(*state, DISK_JOURNAL, rec, sizeof(rec));
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, sizeof(rec));
	assert_int_equal(seen.calls, 0);
	assert_int_equal(js.next_seq, 12);

	memset(junk, 'j', sizeof(junk));
	put_file(*state, DISK_JOURNAL, junk, sizeof(junk));
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, sizeof(junk));
	memset(junk, 0, sizeof(junk));
	put_file(*state, DISK_JOURNAL, junk, sizeof(junk));
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, sizeof(junk));
}

static void damage_is_reported(void **state)
{
	struct disk *d;

	put_file(*state, DISK_JOURNAL, "rubbish", 7);
	start_log();
	d = must_open(*state, NULL, 0);
	assert_problems(d, "-: zloop.state has 7 bytes that are no records of "
			   "this disk; they are ignored\n");
	assert_logged("/d: zloop.state has 7 bytes that are no records of this "
		      "disk; they are ignored");
	disk_close(d);
}

/* Opening and closing zones for ever does not fill the file system. */
static void the_file_stays_small(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);
	struct journal_state js;
	struct seen seen;
	size_t len, max = 0;

	assert_int_equal(zone_op(d, ZO_OPEN, 5), DISK_OK);
	set_condition(d, 6, ZC_OFFLINE);
	for (unsigned i = 0; i < 150000; i++) {
		assert_int_equal(zone_op(d, i % 2 ? ZO_CLOSE : ZO_OPEN, 3),
				 DISK_OK);
		if (i % 1000 == 0) {
			free(get_file(*state, DISK_JOURNAL, &len));
			max = max_u64(max, len);
		}
	}
	assert_true(max < 3 << 20);
	assert_int_equal(zone_op(d, ZO_OPEN, 4), DISK_OK);
	disk_abandon(d);
	load(*state, &js, &seen);
	assert_int_equal(seen.exp[3], 0);
	assert_int_equal(seen.exp[4], 1);
	assert_int_equal(seen.exp[5], 1);
	assert_int_equal(seen.cond[6], ZC_OFFLINE);
}

/* The record that did not get out is there when the next one is. */
static void a_failed_append_is_made_good(void **state)
{
	static const struct store_fault_plan fail = {
		.fail_at = 0,
		.fail_count = 1,
		.error = EIO,
	};
	static const struct store_fault_plan never = { .fail_at = UINT64_MAX };
	struct store *st = store_fault_new(store_mem_open(*state));
	struct journal_state js;
	struct seen seen;
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	store_fault_arm(st, &fail);
	d->slots.at[3].flags |= SLOT_JOURNAL_RO;
	assert_int_equal(journal_append(&d->journal, JR_CONDITION, 3,
					ZC_READ_ONLY, true),
			 -EIO);
	store_fault_arm(st, &never);
	assert_int_equal(journal_append(&d->journal, JR_EXP_OPEN, 4, 1, false),
			 0);
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, 0);
	assert_int_equal(seen.cond[3], ZC_READ_ONLY);
	assert_int_equal(seen.exp[4], 1);
	disk_abandon(d);
}

/* What an OPEN that failed has left is not told with what comes next. */
static void a_failed_open_does_not_come_back(void **state)
{
	static const struct store_fault_plan fail = { .fail_count = 1,
						      .error = EIO };
	struct store *st = store_fault_new(store_mem_open(*state));
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	store_fault_arm(st, &fail);
	assert_int_not_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	assert_int_equal(store_fault_hits(st), 1);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	/* This one rewrites the journal. */
	assert_int_equal(zone_op(d, ZO_OPEN, 4), DISK_OK);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	assert_int_equal(cond_at(d, 4), ZC_EXP_OPEN);
	disk_abandon(d);
}

#define OP_META_REPLACE_BIT (UINT32_C(1) << 24)
#define OP_META_APPEND_BIT  (UINT32_C(1) << 25)

/* Opens with these operations of the store failing for want of room. */
static int open_without_room(struct store_mem *mem, uint32_t ops,
			     struct disk **d)
{
	struct store_fault_plan full = {
		.fail_count = UINT64_MAX,
		.error = ENOSPC,
		.only = ops,
	};
	struct store *st = store_fault_new(store_mem_open(mem));
	struct zl_err err;

	store_fault_arm(st, &full);
	return open_store(st, NULL, 0, 0, d, &err);
}

static void a_full_file_system_opens(void **state)
{
	struct journal_state js;
	struct seen seen;
	struct disk *d;

	start_log();
	assert_int_equal(open_without_room(*state, OP_META_REPLACE_BIT, &d), 0);
	load(*state, &js, &seen);
	assert_false(js.clean);
	assert_int_equal(js.stats.n[DC_OPENS], 2);
	assert_logged("/d: the file system is full: zloop.state cannot be "
		      "rewritten");
	disk_abandon(d);
	assert_int_equal(
		open_without_room(*state,
				  OP_META_REPLACE_BIT | OP_META_APPEND_BIT, &d),
		0);
	disk_abandon(d);
}

/*
 * A zone that a write had filled was explicitly opened until then; its reset
 * ends that also where the journal could not be rewritten in between.
 */
static void a_full_file_system_reopens_nothing(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);
	struct disk_io io = { .op = DISK_WRITE, .lba = 3 * 2048 };
	struct iovec iov = { calloc(1, ZL_MIB), ZL_MIB };

	io.nr_blocks = 2048;
	io.iov = &iov;
	io.iov_cnt = 1;
	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	assert_int_equal(disk_run(d, &io), DISK_OK);
	assert_int_equal(cond_at(d, 3), ZC_FULL);
	disk_abandon(d);
	assert_int_equal(open_without_room(*state, OP_META_REPLACE_BIT, &d), 0);
	assert_int_equal(cond_at(d, 3), ZC_FULL);
	assert_int_equal(zone_op(d, ZO_RESET, 3), DISK_OK);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
	free(iov.iov_base);
}

/* … nor does it bring back what a clean stop has ended. */
static void a_full_file_system_knows_of_clean_stops(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_close(d);
	assert_int_equal(open_without_room(*state, OP_META_REPLACE_BIT, &d), 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
}

/* Nobody would find what is added behind a record that is not complete. */
static void nothing_is_added_behind_a_torn_end(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);
	struct store *st;

	disk_abandon(d);
	st = store_mem_open(*state);
	assert_int_equal(store_meta_append(st, DISK_JOURNAL, "torn", 4, true),
			 0);
	store_close(st);
	assert_int_equal(open_without_room(*state, OP_META_REPLACE_BIT, &d), 0);
	assert_int_not_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
}

/* A zone that it could not be told of is told of when the command comes again.
 */
static void a_failed_opening_is_made_good(void **state)
{
	static const struct store_fault_plan fail = {
		.fail_count = 1,
		.error = ENOSPC,
		.only = OP_META_APPEND_BIT,
	};
	struct store *st = store_fault_new(store_mem_open(*state));
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	store_fault_arm(st, &fail);
	assert_int_not_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	assert_int_equal(store_fault_hits(st), 1);
	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	assert_int_equal(cond_at(d, 3), ZC_EXP_OPEN);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(cond_at(d, 3), ZC_EXP_OPEN);
	disk_close(d);
}

/* That a zone is no longer explicitly opened is told until it gets out. */
static void a_failed_end_is_made_good(void **state)
{
	static const struct store_fault_plan fail = {
		.fail_count = 1,
		.error = ENOSPC,
		.only = OP_META_APPEND_BIT,
	};
	struct store *st;
	struct disk *d;
	struct zl_err err;

	for (enum zone_op op = ZO_OPEN; op <= ZO_RESET; op++) {
		if (op == ZO_OPEN || op == ZO_FINISH)
			continue;
		st = store_fault_new(store_mem_open(*state));
		assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
		assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
		store_fault_arm(st, &fail);
		assert_int_not_equal(zone_op(d, op, 3), DISK_OK);
		assert_int_equal(store_fault_hits(st), 1);
		assert_int_equal(zone_op(d, op, 3), DISK_OK);
		assert_int_equal(cond_at(d, 3), ZC_EMPTY);
		disk_abandon(d);
		d = must_open(*state, NULL, 0);
		assert_int_equal(cond_at(d, 3), ZC_EMPTY);
		disk_close(d);
	}
}

static uint64_t count_sync_all(struct store_mem *mem, bool fail,
			       struct disk **d);

/* Where not even a mark fits, a clean stop before is not believed either. */
static void a_full_file_system_does_not_hide_a_death(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);
	struct journal_state js;
	struct seen seen;

	assert_int_equal(zone_op(d, ZO_OPEN, 3), DISK_OK);
	disk_close(d);
	/* Twice: nothing can be said the second time either. */
	for (int i = 0; i < 2; i++) {
		assert_int_equal(open_without_room(*state,
						   OP_META_REPLACE_BIT |
							   OP_META_APPEND_BIT,
						   &d),
				 0);
		assert_int_equal(cond_at(d, 3), ZC_EMPTY);
		disk_abandon(d);
		load(*state, &js, &seen);
		assert_false(js.clean);
		assert_true(js.died);
	}
	set_size(*state, 4, 4096);
	assert_int_equal(count_sync_all(*state, false, &d), 1);
	assert_int_equal(d->stats.n[DC_UNCLEAN_OPENS], 1);
	assert_true(d->slots.at[4].grace);
	/* What the stop had ended does not come back. */
	assert_int_equal(cond_at(d, 3), ZC_EMPTY);
	disk_close(d);
	load(*state, &js, &seen);
	assert_true(js.clean);
	assert_int_equal(js.bad_bytes, 0);
}

/* Nor is a file without a record, which somebody made. */
static void an_empty_journal_is_no_clean_stop(void **state)
{
	struct disk *d;

	put_file(*state, DISK_JOURNAL, "", 0);
	assert_int_equal(
		open_without_room(*state,
				  OP_META_REPLACE_BIT | OP_META_APPEND_BIT, &d),
		0);
	disk_abandon(d);
	assert_int_equal(count_sync_all(*state, false, &d), 1);
	disk_close(d);
}

/* A condition is not given up for the mark, whatever the record before it. */
static void a_full_file_system_keeps_a_condition(void **state)
{
	static const struct {
		enum journal_type type;
		uint64_t value; /* 1: another boot */
	} before[] = { { JR_CLEAN, 0 }, { JR_OPEN, 1 } };
	uint8_t rec[2 * REC];
	struct journal_state js;
	struct seen seen;
	struct disk *d;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(before); i++) {
		journal_encode(rec, 7, before[i].type, 0, before[i].value);
		journal_encode(rec + REC, 8, JR_CONDITION, 3, ZC_OFFLINE);
		put_file(*state, DISK_JOURNAL, rec, sizeof(rec));
		assert_int_equal(open_without_room(*state,
						   OP_META_REPLACE_BIT |
							   OP_META_APPEND_BIT,
						   &d),
				 0);
		assert_int_equal(cond_at(d, 3), ZC_OFFLINE);
		disk_abandon(d);
		load(*state, &js, &seen);
		assert_int_equal(seen.cond[3], ZC_OFFLINE);
		/* This boot's death is one, and has left things to sync. */
		assert_true(js.died);
		assert_int_equal(count_sync_all(*state, false, &d), 1);
		disk_close(d);
		load(*state, &js, &seen);
		assert_true(js.clean);
		assert_int_equal(seen.cond[3], ZC_OFFLINE);
	}
}

/*
 * A rewrite that failed may have put the new file in place: what is added then
 * has to count in either.
 */
static void a_record_after_a_failed_rewrite_counts(void **state)
{
	struct store_fault_plan plan = {
		.fail_count = 1,
		.error = EIO,
		.only = OP_META_REPLACE_BIT,
	};
	struct store *st = store_fault_new(store_mem_open(*state));
	uint64_t before, records;
	struct journal_state js;
	struct seen seen;
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	before = d->journal.seq;
	records = d->journal.records;
	d->journal.compact_at = 0;
	store_fault_arm(st, &plan);
	d->slots.at[3].flags |= SLOT_JOURNAL_OFF;
	assert_int_equal(
		journal_append(&d->journal, JR_CONDITION, 3, ZC_OFFLINE, true),
		0);
	assert_int_equal(store_fault_hits(st), 1);
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, 0);
	assert_int_equal(seen.cond[3], ZC_OFFLINE);
	/* The numbers in the file that failed are all below it. */
	assert_true(js.next_seq > before + records + 1);
	disk_abandon(d);
}

/* Opens a disk whose journal's last number is @last, with zone 3 OFFLINE. */
static struct disk *open_numbered(struct store_mem *mem, uint64_t last,
				  uint32_t failing)
{
	uint8_t rec[2 * REC];
	struct disk *d;

	journal_encode(rec, last - 1, JR_CLEAN, 0, 0);
	journal_encode(rec + REC, last, JR_CONDITION, 3, ZC_OFFLINE);
	put_file(mem, DISK_JOURNAL, rec, sizeof(rec));
	if (failing)
		assert_int_equal(open_without_room(mem, failing, &d), 0);
	else
		d = must_open(mem, NULL, 0);
	return d;
}

/* No reader takes a number that is not larger than the one before it: a death
 * must not look like the clean stop that was before. */
static void the_numbers_end(void **state)
{
	static const uint32_t failing[] = {
		0,
		OP_META_REPLACE_BIT,
		OP_META_REPLACE_BIT | OP_META_APPEND_BIT,
	};
	struct journal_state js;
	struct seen seen;
	struct disk *d;

	for (size_t f = 0; f < ZL_ARRAY_SIZE(failing); f++)
		for (uint64_t left = 1; left < 40; left++) {
			d = open_numbered(*state, UINT64_MAX - left,
					  failing[f]);
			assert_int_equal(cond_at(d, 3), ZC_OFFLINE);
			if (!failing[f])
				set_condition(d, 4, ZC_READ_ONLY);
			disk_abandon(d);
			load(*state, &js, &seen);
			assert_true(js.died);
			assert_int_equal(seen.cond[3], ZC_OFFLINE);
			assert_int_equal(seen.cond[4],
					 failing[f] ? 0 : ZC_READ_ONLY);
			d = must_open(*state, NULL, 0);
			disk_close(d);
			load(*state, &js, &seen);
			assert_true(js.clean);
			assert_int_equal(js.bad_bytes, 0);
			assert_int_equal(seen.cond[3], ZC_OFFLINE);
		}
}

/* Where the file cannot be rewritten meanwhile, adding fails. */
static void the_numbers_end_while_the_disk_runs(void **state)
{
	static const struct store_fault_plan full = {
		.fail_count = UINT64_MAX,
		.error = ENOSPC,
		.only = OP_META_REPLACE_BIT,
	};
	static const struct store_fault_plan never = { .fail_at = UINT64_MAX };
	struct store *st = store_fault_new(store_mem_open(*state));
	struct journal_state js;
	struct seen seen;
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	d->journal.seq = UINT64_MAX - 1;
	store_fault_arm(st, &full);
	set_condition(d, 3, ZC_OFFLINE);
	d->slots.at[4].flags |= SLOT_JOURNAL_RO;
	assert_int_equal(journal_append(&d->journal, JR_CONDITION, 4,
					ZC_READ_ONLY, true),
			 -ENOSPC);
	load(*state, &js, &seen);
	assert_int_equal(js.bad_bytes, 0);
	assert_int_equal(seen.cond[3], ZC_OFFLINE);
	store_fault_arm(st, &never);
	set_condition(d, 5, ZC_OFFLINE);
	disk_close(d);
	load(*state, &js, &seen);
	assert_true(js.clean);
	assert_int_equal(js.bad_bytes, 0);
	assert_int_equal(seen.cond[3], ZC_OFFLINE);
	assert_int_equal(seen.cond[4], ZC_READ_ONLY);
	assert_int_equal(seen.cond[5], ZC_OFFLINE);
}

static void an_unwritable_journal_is_refused(void **state)
{
	struct store_fault_plan plan = {
		.fail_count = UINT64_MAX,
		.error = EIO,
		.only = OP_META_REPLACE_BIT,
	};
	struct store *st = store_fault_new(store_mem_open(*state));
	struct disk *d;
	struct zl_err err;

	store_fault_arm(st, &plan);
	assert_refused("", open_store(st, NULL, 0, 0, &d, &err), &err,
		       "/d/zloop.state cannot be written: Input/output error");
}

#define OP_SYNC_ALL_BIT (UINT32_C(1) << 28)

/* Opens; returns how many calls to sync all there were, failing if @fail. */
static uint64_t count_sync_all(struct store_mem *mem, bool fail,
			       struct disk **d)
{
	struct store_fault_plan plan = {
		.fail_at = fail ? 0 : UINT64_MAX,
		.fail_count = UINT64_MAX,
		.error = EIO,
		.only = OP_SYNC_ALL_BIT,
	};
	struct store *st = store_fault_new(store_mem_open(mem));
	struct zl_err err;

	store_fault_arm(st, &plan);
	if (open_store(st, NULL, 0, 0, d, &err))
		fail_msg("%s", err.msg);
	return store_fault_calls(st);
}

/* What a dead process left in the page cache is synced by the next one. */
static void what_a_dead_process_left_is_synced(void **state)
{
	struct disk *d;

	assert_int_equal(count_sync_all(*state, false, &d), 0);
	disk_abandon(d);
	assert_int_equal(count_sync_all(*state, false, &d), 1);
	assert_int_equal(slot_next_unsynced(d, 0), UINT32_MAX);
	disk_close(d);
	assert_int_equal(count_sync_all(*state, false, &d), 0);
	disk_abandon(d);
	set_boot("boot-2");
	assert_int_equal(count_sync_all(*state, false, &d), 0);
	disk_close(d);
}

/* Closes a disk that has something to sync and to cut off. */
static void close_failing(struct store_mem *mem, uint32_t only)
{
	struct store_fault_plan plan = {
		.fail_at = only ? 0 : UINT64_MAX,
		.fail_count = UINT64_MAX,
		.error = EIO,
		.only = only,
	};
	struct store *st = store_fault_new(store_mem_open(mem));
	struct disk *d;
	struct zl_err err;

	assert_int_equal(open_store(st, NULL, 0, 0, &d, &err), 0);
	slot_mark_dirty(d, 3, 0, 8, slot_losses(d, 3));
	d->slots.at[4].flags |= SLOT_CUT;
	store_fault_arm(st, &plan);
	disk_close(d);
}

static void a_stop_that_leaves_something_is_not_clean(void **state)
{
	static const struct {
		uint32_t only;
		bool clean;
	} cases[] = {
		{ 0, true },
		{ 1u << STORE_SYNC, false },
		{ 1u << STORE_CUT, false },
	};
	struct journal_state js;
	struct seen seen;
	struct disk *d;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		close_failing(*state, cases[i].only);
		load(*state, &js, &seen);
		assert_int_equal(js.clean, cases[i].clean);
		/* The next one syncs it, and stops as it should. */
		assert_int_equal(count_sync_all(*state, false, &d),
				 !cases[i].clean);
		disk_close(d);
	}
}

static void what_cannot_be_synced_is_dirty(void **state)
{
	struct disk *d = must_open(*state, NULL, 0);

	disk_abandon(d);
	start_log();
	assert_int_equal(count_sync_all(*state, true, &d), 1);
	assert_logged("/d: what was written before cannot be made durable: "
		      "Input/output error; it is tried again with the next "
		      "sync");
	for (uint32_t i = 0; i < USUAL_NR; i++)
		assert_int_equal(slot_next_unsynced(d, i), i);
	/* All that it may have written. */
	assert_int_equal(d->slots.at[0].dirty_lo, 0);
	assert_int_equal(d->slots.at[0].dirty_hi,
			 zone_slot_blocks(&d->zones, 0));
	disk_close(d);
}

/* Gaps and INACTIVE zones have nothing that could be synced: conventional zones
 * 0 to 2, the gap, sequential zones 4 to 7. */
static void what_has_no_file_is_not_dirty(void **state)
{
	static const char options[] =
		"model=realms,zone_size_mb=1,realms=3,realm_zones=1+2";
	struct store_mem *mem = store_mem_new();
	struct disk_io io = { .op = DISK_SYNC };
	struct journal_state js;
	struct disk *d;
	struct zl_err err;
	struct seen seen;

	(void)state;
	assert_accepted(options, open_mem(mem, options, 0, MAKE, &d, &err),
			&err);
	disk_abandon(d);
	assert_int_equal(count_sync_all(mem, true, &d), 1);
	assert_int_equal(slot_next_unsynced(d, 2), 2);
	assert_int_equal(slot_next_unsynced(d, 3), UINT32_MAX);
	assert_int_equal(disk_run(d, &io), DISK_OK);
	disk_close(d);
	load(mem, &js, &seen);
	assert_true(js.clean);
	store_mem_free(mem);
}

/* What says how many ranges follow counts if these are there, and ranges. */
static void what_is_bad_is_told_as_a_whole(void **state)
{
	static const uint32_t told[][2] = {
		{ 0, 8 }, { 2, 2 }, { 5, 6 }, { 9, 9 }
	};
	struct disk *d = must_open(*state, NULL, 0);

	for (size_t i = 0; i < ZL_ARRAY_SIZE(told); i++)
		assert_int_equal(journal_append(&d->journal, JR_BAD, 0,
						journal_bad_value(told[i][0],
								  told[i][1]),
						true),
				 0);
	disk_abandon(d);
	d = must_open(*state, NULL, 0);
	assert_int_equal(slot_first_bad(d, 0, 0, UINT32_MAX), 0);
	disk_close(d);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_record_in_bytes),
		T(made_opened_and_closed),
		T(explicitly_opened_survives_the_daemons_death),
		T(explicitly_opened_ends_with_power),
		T(explicitly_opened_ends_with_a_clean_stop),
		T(no_boot_id_is_another_boot),
		T(limit_of_open_zones_holds),
		T(conditions_are_kept),
		T(damage_is_not_journaled),
		T(torn_at_every_byte),
		T(every_flipped_bit),
		T(foreign_records),
		T(damage_is_reported),
		T(the_file_stays_small),
		T(a_failed_append_is_made_good),
		T(a_failed_open_does_not_come_back),
		T(a_full_file_system_opens),
		T(a_full_file_system_reopens_nothing),
		T(a_full_file_system_knows_of_clean_stops),
		T(nothing_is_added_behind_a_torn_end),
		T(a_failed_opening_is_made_good),
		T(a_failed_end_is_made_good),
		T(a_full_file_system_does_not_hide_a_death),
		T(an_empty_journal_is_no_clean_stop),
		T(a_full_file_system_keeps_a_condition),
		T(a_record_after_a_failed_rewrite_counts),
		T(the_numbers_end),
		T(the_numbers_end_while_the_disk_runs),
		T(an_unwritable_journal_is_refused),
		T(what_a_dead_process_left_is_synced),
		T(a_stop_that_leaves_something_is_not_clean),
		T(what_cannot_be_synced_is_dirty),
		T(what_has_no_file_is_not_dirty),
		T(what_is_bad_is_told_as_a_whole),
	};

	return cmocka_run_group_tests(tests, setup_all, teardown_all);
}
