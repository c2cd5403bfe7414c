// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Which states a power failure could leave, by records that are made by hand:
 * none of what was promised is missing, and none that there may be is left out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "disk/disk.h"
#include "disk/inject.h"
#include "disk/snapshot.h"
#include "replay/replay.h"
#include "store/ops.h"

#define ZONE  2048u /* blocks of 512 bytes */
#define SMALL "capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=0"
#define LARGE SMALL ",physical_block_size=4096"

/* Zones 0 and 1 are conventional; what a block has is one byte, many times. */
struct machine {
	char *dir, *other;
	char log[128], built[128];
	struct replay *r;
	FILE *f;
	uint64_t seq0;
	uint64_t nr; /* records so far */
	struct replay_state was;
	bool is_built;
};

static void must(int ret, const struct zl_err *err)
{
	if (ret)
		fail_msg("%s", err->msg);
}

static struct disk *make(struct machine *m, const char *options)
{
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d;

	*m = (struct machine){ .dir = tmp_make(), .other = tmp_make() };
	snprintf(m->log, sizeof(m->log), "%s/log", m->other);
	snprintf(m->built, sizeof(m->built), "%s/built", m->other);
	must(disk_opts_parse(&opts, options, strlen(options), ',', false, &err),
	     &err);
	args.opts = &opts;
	must(disk_open(m->dir, &args, &d, &err), &err);
	return d;
}

static void record(struct machine *m, struct disk *d)
{
	struct snapshot_work w;
	struct zl_err err = { "" };

	must(snapshot_begin(m->dir, "base", NULL, NULL, &w, &err), &err);
	must(disk_snapshot(d, "base", m->log, &err), &err);
	must(snapshot_end(&w, &err), &err);
}

/* A record of @data_bytes of @c; @begin of *rec is a point. */
static void put(struct machine *m, const struct record *rec, uint8_t c)
{
	uint8_t *all = calloc(1, record_bytes(rec->data_bytes));
	struct record r = *rec;

	assert_non_null(all);
	r.seq = m->seq0 + m->nr++;
	r.begin += m->seq0;
	record_encode(all, &r);
	if (rec->data)
		memcpy(all + RECORD_HEAD_BYTES, rec->data, rec->data_bytes);
	else
		memset(all + RECORD_HEAD_BYTES, c, rec->data_bytes);
	record_seal(all);
	assert_int_equal(fwrite(all, record_bytes(rec->data_bytes), 1, m->f),
			 1);
	free(all);
}

/* A record with nothing but its head. */
static void start(struct machine *m, const char *options)
{
	struct disk *d = make(m, options);
	struct record_reader rd;
	struct zl_err err = { "" };
	struct record head;

	record(m, d);
	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
	must(record_open(m->log, &rd, &err), &err);
	m->f = fopen(m->log, "r+");
	assert_non_null(m->f);
	m->seq0 = rd.records[0].seq;
	head = rd.records[0];
	head.begin = UINT64_MAX; /* one before it */
	put(m, &head, 0);
	record_close(&rd);
}

/* What is @rec's begins behind all before it, unless it says else. */
static uint64_t say(struct machine *m, struct record rec, uint8_t c)
{
	if (!rec.begin)
		rec.begin = m->nr - 1;
	put(m, &rec, c);
	return m->nr - 1;
}

static struct record write_of(uint64_t lba, uint32_t blocks)
{
	return (struct record){ .type = RECORD_WRITE,
				.lba = lba,
				.nr_blocks = blocks,
				.data_bytes = blocks * 512 };
}

/* Returns its point. */
static uint64_t say_write(struct machine *m, uint64_t lba, uint32_t blocks,
			  uint8_t c)
{
	return say(m, write_of(lba, blocks), c);
}

static uint64_t say_failed(struct machine *m, uint64_t lba, uint32_t blocks,
			   uint8_t c)
{
	struct record r = write_of(lba, blocks);

	r.flags = RECORD_FAILED;
	return say(m, r, c);
}

static uint64_t say_flush(struct machine *m)
{
	return say(m, (struct record){ .type = RECORD_FLUSH }, 0);
}

/* By a READ with FUA. */
static uint64_t say_read(struct machine *m, uint64_t lba, uint32_t blocks)
{
	return say(m,
		   (struct record){ .type = RECORD_SAFE,
				    .flags = RECORD_READ,
				    .lba = lba,
				    .nr_blocks = blocks },
		   0);
}

static uint64_t say_zone(struct machine *m, enum record_type type, uint64_t lba)
{
	return say(m, (struct record){ .type = type, .lba = lba }, 0);
}

static void open_log(struct machine *m)
{
	struct zl_err err = { "" };

	must(replay_open(m->log, NULL, &m->r, &err), &err);
}

static void told(struct machine *m)
{
	say(m, (struct record){ .type = RECORD_END }, 0);
	assert_int_equal(ftruncate(fileno(m->f), ftell(m->f)), 0);
	assert_int_equal(fclose(m->f), 0);
	open_log(m);
}

static void end(struct machine *m)
{
	replay_close(m->r);
	tmp_remove(m->dir);
	tmp_remove(m->other);
}

static uint64_t count(struct machine *m, uint64_t point)
{
	struct zl_err err = { "" };
	uint64_t n;

	must(replay_count(m->r, point, &n, &err), &err);
	return n;
}

static void build(struct machine *m, uint64_t point, bool random,
		  uint64_t state)
{
	struct replay_state now = { .point = point,
				    .crash = { random, state } };
	struct zl_err err = { "" };

	must(replay_build_next(m->r, m->is_built ? &m->was : NULL, &now,
			       m->built, &err),
	     &err);
	m->was = now;
	m->is_built = true;
}

static FILE *zone_file(struct machine *m, const char *kind, unsigned zone)
{
	char path[192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s-%06u", m->built, kind, zone);
	f = fopen(path, "r");
	assert_non_null(f);
	return f;
}

static uint32_t blocks_of(struct machine *m, unsigned zone)
{
	FILE *f = zone_file(m, "seq", zone);
	long bytes;

	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	bytes = ftell(f);
	fclose(f);
	return (uint32_t)(bytes / 512);
}

/* What a block of a conventional zone has. */
static uint8_t byte_of(struct machine *m, unsigned zone, uint32_t block)
{
	FILE *f = zone_file(m, "cnv", zone);
	int c;

	assert_int_equal(fseek(f, (long)block * 512, SEEK_SET), 0);
	c = fgetc(f);
	fclose(f);
	return (uint8_t)c;
}

/* Of two zones either may be ahead of the other, whatever the seed. */
static void a_seed_draws_anew_at_each_point(void **state)
{
	bool first = false, second = false;
	struct machine m;
	uint64_t at[64];
	uint32_t a, b;

	(void)state;
	start(&m, SMALL);
	for (unsigned i = 0; i < 64; i++) {
		say_write(&m, 2 * ZONE + 3 * i, 3, 1);
		at[i] = say_write(&m, 3 * ZONE + 3 * i, 3, 1);
		say_flush(&m);
	}
	told(&m);
	for (unsigned i = 0; i < 64; i++) {
		assert_int_equal(count(&m, at[i]), 16);
		build(&m, at[i], true, 0);
		a = blocks_of(&m, 2) - 3 * i;
		b = blocks_of(&m, 3) - 3 * i;
		assert_true(a <= 3 && b <= 3);
		first |= a == 0 && b == 3;
		second |= a == 3 && b == 0;
	}
	assert_true(first && second);
	end(&m);
}

/* … and a write of a conventional zone may be lost at one point and there at
 * another, where nothing is flushed. */
static void so_it_does_of_each_write(void **state)
{
	unsigned there = 0;
	struct machine m;
	uint64_t first;

	(void)state;
	start(&m, SMALL);
	first = say_write(&m, 0, 1, 7);
	for (unsigned i = 1; i < 32; i++)
		say_write(&m, i, 1, 7);
	told(&m);
	for (unsigned i = 0; i < 32; i++) {
		build(&m, first + i, true, 0);
		there += byte_of(&m, 0, 0) == 7;
	}
	assert_in_range(there, 1, 31);
	end(&m);
}

/* What a write that failed has left is not known, and no flush makes that
 * certain. */
static void a_failed_write_is_never_certain(void **state)
{
	bool old = false, new = false;
	struct machine m;
	uint64_t flush;
	uint8_t c;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 0, 4, 1);
	say_failed(&m, 0, 4, 2);
	flush = say_flush(&m);
	told(&m);
	assert_int_equal(count(&m, flush), 1 << 4);
	for (uint64_t i = 0; i < 1 << 4; i++) {
		build(&m, flush, false, i);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(byte_of(&m, 0, k), 1 + (i >> k) % 2);
	}
	for (uint64_t i = 0; i < 16; i++) {
		build(&m, flush, true, i);
		c = byte_of(&m, 0, 0);
		old |= c == 1;
		new |= c == 2;
		assert_in_range(c, 1, 2);
	}
	assert_true(old && new);
	end(&m);
}

/* Until something else is there for certain. */
static void until_it_is_overwritten(void **state)
{
	struct machine m;
	uint64_t flush, last;

	(void)state;
	start(&m, SMALL);
	say_failed(&m, 0, 2, 1);
	say_write(&m, 0, 2, 2);
	flush = say_flush(&m);
	say_failed(&m, 0, 1, 3);
	last = say_flush(&m);
	told(&m);
	assert_int_equal(count(&m, flush), 1);
	build(&m, flush, false, 0);
	assert_int_equal(byte_of(&m, 0, 0), 2);
	assert_int_equal(count(&m, last), 2);
	build(&m, last, false, 0);
	assert_int_equal(byte_of(&m, 0, 0), 2);
	build(&m, last, false, 1);
	assert_int_equal(byte_of(&m, 0, 0), 3);
	assert_int_equal(byte_of(&m, 0, 1), 2);
	end(&m);
}

/* Of a larger physical block what was not overwritten stays unsure. */
static void in_part(void **state)
{
	struct machine m;
	uint64_t flush;

	(void)state;
	start(&m, LARGE);
	say_write(&m, 0, 8, 1);
	say_failed(&m, 0, 8, 2);
	say_write(&m, 0, 4, 3);
	flush = say_flush(&m);
	told(&m);
	assert_int_equal(count(&m, flush), 2);
	for (uint64_t i = 0; i < 2; i++) {
		build(&m, flush, false, i);
		assert_int_equal(byte_of(&m, 0, 0), 3);
		assert_int_equal(byte_of(&m, 0, 7), 1 + i);
	}
	end(&m);
}

/* It is cut off when it fails; until then some of it is there. */
static void one_at_a_write_pointer_that_will_fail(void **state)
{
	struct machine m;
	struct record r = write_of(2 * ZONE + 8, 4);
	uint64_t before, after;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 2 * ZONE, 8, 1);
	before = say_flush(&m);
	r.flags = RECORD_FAILED;
	r.begin = before - 1;
	after = say(&m, r, 2);
	say_write(&m, 2 * ZONE + 8, 2, 3);
	told(&m);
	assert_int_equal(count(&m, before), 5);
	for (uint64_t i = 0; i < 5; i++) {
		build(&m, before, false, i);
		assert_int_equal(blocks_of(&m, 2), 8 + i);
	}
	assert_int_equal(count(&m, after), 1);
	build(&m, before, true, 3);
	build(&m, after, true, 3);
	assert_int_equal(blocks_of(&m, 2), 8);
	end(&m);
}

/* A write of two records, of which nothing is answered before the second. */
static uint64_t say_long(struct machine *m, uint64_t lba, unsigned flags)
{
	struct record r = write_of(lba, 512);
	uint64_t first;

	r.begin = m->nr - 1;
	r.flags = flags | RECORD_MORE;
	first = say(m, r, 1);
	r.flags = flags;
	r.lba += 512;
	say(m, r, 2);
	return first;
}

static void a_part_with_fua_is_not_answered(void **state)
{
	struct machine m;
	uint64_t first;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 2 * ZONE, 4, 1);
	first = say_long(&m, 2 * ZONE + 4, RECORD_FUA);
	told(&m);
	assert_int_equal(count(&m, first), 4 + 1024 + 1);
	build(&m, first, false, 0);
	assert_int_equal(blocks_of(&m, 2), 0);
	assert_int_equal(count(&m, first + 1), 1);
	build(&m, first + 1, false, 0);
	assert_int_equal(blocks_of(&m, 2), 4 + 1024);
	end(&m);
}

static void nor_is_it_in_a_conventional_zone(void **state)
{
	bool old = false;
	struct machine m;
	uint64_t first;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 0, 1, 7);
	say_flush(&m);
	first = say_long(&m, 0, RECORD_FUA);
	told(&m);
	for (uint64_t i = 0; i < 16; i++) {
		build(&m, first, true, i);
		old |= byte_of(&m, 0, 0) == 7;
	}
	assert_true(old);
	assert_int_equal(count(&m, first + 1), 1);
	end(&m);
}

/* The flush did not wait for it. */
static void a_flush_between_the_parts(void **state)
{
	struct record flush = { .type = RECORD_FLUSH };
	struct machine m;
	uint64_t last;

	(void)state;
	start(&m, SMALL);
	say_flush(&m);
	flush.begin = say_long(&m, 2 * ZONE, 0);
	last = say(&m, flush, 0);
	told(&m);
	assert_int_equal(count(&m, last), 1024 + 1);
	end(&m);
}

/* It is not cut off before it has ended. */
static void a_long_write_that_fails(void **state)
{
	struct machine m;
	uint64_t first;

	(void)state;
	start(&m, SMALL);
	say_flush(&m);
	first = say_long(&m, 2 * ZONE, RECORD_FAILED);
	told(&m);
	assert_int_equal(count(&m, first), 1024 + 1);
	build(&m, first, false, 1000);
	assert_int_equal(blocks_of(&m, 2), 1000);
	assert_int_equal(count(&m, first + 1), 1);
	build(&m, first + 1, false, 0);
	assert_int_equal(blocks_of(&m, 2), 0);
	end(&m);
}

static enum disk_status try(struct disk *d, enum disk_op op, uint64_t lba,
			    uint32_t blocks, bool fua)
{
	static uint8_t buf[2 * ZONE * 512], n;
	struct iovec iov = { buf, blocks * 512 };
	struct disk_io io = { .op = op,
			      .fua = fua,
			      .lba = lba,
			      .nr_blocks = blocks,
			      .iov = &iov,
			      .iov_cnt = op == DISK_UNMAP ? 0 : 1 };

	if (op == DISK_WRITE)
		memset(buf, ++n, blocks * 512);
	return disk_run(d, &io);
}

static void run(struct disk *d, enum disk_op op, uint64_t lba, uint32_t blocks)
{
	assert_int_equal(try(d, op, lba, blocks, op == DISK_READ), DISK_OK);
}

static void stopped(struct machine *m, struct disk *d)
{
	struct zl_err err = { "" };

	must(disk_record_stop(d, "told to", &err), &err);
	disk_close(d);
	open_log(m);
}

/* The disk has nothing to sync for it. */
static void reading_what_is_durable(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL);

	(void)state;
	record(&m, d);
	run(d, DISK_WRITE, 2 * ZONE, 8);
	run(d, DISK_SYNC, 0, 0);
	run(d, DISK_WRITE, 2 * ZONE + 8, 100);
	run(d, DISK_READ, 2 * ZONE, 1);
	run(d, DISK_READ, 2 * ZONE, 9);
	stopped(&m, d);
	assert_int_equal(count(&m, 4), 101);
	build(&m, 4, false, 0);
	assert_int_equal(blocks_of(&m, 2), 8);
	assert_int_equal(count(&m, 5), 1);
	build(&m, 5, false, 0);
	assert_int_equal(blocks_of(&m, 2), 108);
	end(&m);
}

/* After a reset nothing is durable, after FINISH what was there before it. */
static void reading_a_changed_zone(void **state)
{
	uint64_t reset, again, full, zeros;
	struct machine m;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 2 * ZONE, 8, 1);
	say_write(&m, 3 * ZONE, 8, 1);
	say_flush(&m);
	say_zone(&m, RECORD_RESET, 2 * ZONE);
	reset = say_read(&m, 2 * ZONE + 100, 1);
	say_write(&m, 2 * ZONE, 8, 1);
	again = say_read(&m, 2 * ZONE, 1);
	say_zone(&m, RECORD_FINISH, 3 * ZONE);
	full = say_read(&m, 3 * ZONE, 8);
	zeros = say_read(&m, 3 * ZONE, 9);
	told(&m);
	assert_int_equal(count(&m, reset), 1);
	assert_int_equal(count(&m, again), 1);
	assert_int_equal(count(&m, full), 2);
	assert_int_equal(count(&m, zeros), 1);
	end(&m);
}

/* Older logs do not tell it from RESET and FINISH with FUA. */
static void reading_in_an_old_log(void **state)
{
	struct machine m;
	uint64_t last;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 2 * ZONE, 8, 1);
	say_flush(&m);
	say_write(&m, 2 * ZONE + 8, 8, 1);
	last = say(&m,
		   (struct record){ .type = RECORD_SAFE,
				    .lba = 2 * ZONE,
				    .nr_blocks = 1 },
		   0);
	told(&m);
	assert_int_equal(count(&m, last), 1);
	end(&m);
}

/* A write can be read before it is recorded. */
static void read_before_it_was_recorded(void **state)
{
	struct record seq = write_of(2 * ZONE + 8, 8), conv = write_of(0, 1);
	struct machine m;
	uint64_t read;

	(void)state;
	start(&m, SMALL);
	say_write(&m, 2 * ZONE, 8, 1);
	seq.begin = conv.begin = say_write(&m, 0, 1, 1);
	say_read(&m, 2 * ZONE + 8, 1);
	read = say_read(&m, 0, 1);
	say(&m, seq, 2);
	say(&m, conv, 2);
	told(&m);
	for (uint64_t at = read; at < read + 3; at++) {
		assert_int_equal(count(&m, at), 1);
		build(&m, at, false, 0);
		assert_int_equal(blocks_of(&m, 2), 16);
		assert_int_equal(byte_of(&m, 0, 0), 2);
	}
	/* At the first read nothing says yet that the other was. */
	assert_int_equal(count(&m, read - 1), 3);
	end(&m);
}

/* Neither what was behind the blocks, nor what began after that. */
static void not_what_was_not_read(void **state)
{
	struct record behind = write_of(2 * ZONE + 8, 8), next;
	struct machine m;
	uint64_t read, last;

	(void)state;
	start(&m, SMALL);
	behind.begin = say_write(&m, 2 * ZONE, 8, 1);
	read = say_read(&m, 2 * ZONE, 8);
	last = say(&m, behind, 2);
	next = write_of(2 * ZONE + 16, 8);
	next.begin = read;
	last = say(&m, next, 3);
	told(&m);
	assert_int_equal(count(&m, read), 9);
	assert_int_equal(count(&m, last), 17);
	end(&m);
}

/* One call of the store fails for the zone. */
static void fail_once(struct disk *d, enum inject_op op, unsigned zone)
{
	const struct inject_fault f = { .kind = INJECT_BACKING_ERROR,
					.op = op,
					.lba = (uint64_t)zone * ZONE,
					.nr_blocks = ZONE,
					.count = 1,
					.error = ENOSPC };
	struct zl_err err = { "" };
	uint32_t id;

	must(disk_fault_add(d, &f, &id, &err), &err);
}

static void assert_same_files(struct machine *m)
{
	struct zl_err err = { "" };
	char cmd[512];

	must(replay_build(m->r, replay_last(m->r), NULL, m->built, NULL, NULL,
			  NULL, &err),
	     &err);
	snprintf(cmd, sizeof(cmd),
		 "for f in %s/cnv-* %s/seq-*; do cmp $f %s/${f##*/} || exit 1; "
		 "done",
		 m->dir, m->dir, m->built);
	assert_int_equal(system(cmd), 0);
}

/* Where nothing is written in order what a write has brought before it failed
 * stays, and moves write pointers: from one such zone to the next, … */
static void what_a_failed_write_has_brought(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL ",model=host-aware");

	(void)state;
	record(&m, d);
	run(d, DISK_WRITE, 3 * ZONE - 64, 8);
	fail_once(d, INJECT_OP_WRITE, 3);
	assert_int_equal(try(d, DISK_WRITE, 3 * ZONE - 32, 64, false),
			 DISK_NO_SPACE);
	run(d, DISK_WRITE, 3 * ZONE, 8);
	stopped(&m, d);
	assert_same_files(&m);
	end(&m);
}

/* … from one without a write pointer, … */
static void from_a_conventional_zone(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL ",model=host-aware");

	(void)state;
	record(&m, d);
	fail_once(d, INJECT_OP_WRITE, 2);
	assert_int_equal(try(d, DISK_WRITE, 2 * ZONE - 32, 64, false),
			 DISK_NO_SPACE);
	fail_once(d, INJECT_OP_WRITE, 3);
	assert_int_equal(try(d, DISK_WRITE, 2 * ZONE - 8, 8 + ZONE + 8, false),
			 DISK_NO_SPACE);
	stopped(&m, d);
	assert_same_files(&m);
	end(&m);
}

/* … and with FUA, where the sync fails. */
static void written_but_not_synced(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL ",model=host-aware");

	(void)state;
	record(&m, d);
	run(d, DISK_WRITE, 2 * ZONE, 8);
	fail_once(d, INJECT_OP_SYNC, 2);
	assert_int_not_equal(try(d, DISK_WRITE, 2 * ZONE + 8, 8, true),
			     DISK_OK);
	run(d, DISK_WRITE, 2 * ZONE + 16, 8);
	stopped(&m, d);
	assert_same_files(&m);
	end(&m);
}

/* An UNMAP as well. */
static void unmapped_in_part(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL ",provisioning=thin");

	(void)state;
	run(d, DISK_WRITE, ZONE - 8, 16);
	record(&m, d);
	fail_once(d, INJECT_OP_ANY, 1);
	assert_int_not_equal(try(d, DISK_UNMAP, ZONE - 8, 16, false), DISK_OK);
	stopped(&m, d);
	assert_same_files(&m);
	end(&m);
}

/* An injected error comes before the write. */
static void nothing_was_tried(void **state)
{
	const struct inject_fault f = { .kind = INJECT_WRITE_ERROR,
					.nr_blocks = 1,
					.count = 1 };
	struct machine m;
	struct disk *d = make(&m, SMALL);
	struct zl_err err = { "" };
	uint32_t id;

	(void)state;
	record(&m, d);
	must(disk_fault_add(d, &f, &id, &err), &err);
	assert_int_equal(try(d, DISK_WRITE, 0, 8, false), DISK_WRITE_ERROR);
	stopped(&m, d);
	assert_int_equal(count(&m, replay_last(m.r)), 1);
	assert_same_files(&m);
	end(&m);
}

/* SANITIZE empties the zone, and writes it then. */
static void a_refill_in_part(void **state)
{
	struct record r = { .type = RECORD_REFILL,
			    .lba = 2 * ZONE,
			    .nr_blocks = 20,
			    .data_bytes = 512 };
	struct machine m;
	uint64_t data, zeros;

	(void)state;
	start(&m, LARGE);
	say_write(&m, 2 * ZONE, 20, 1);
	say_flush(&m);
	data = say(&m, r, 2);
	say_flush(&m);
	r.data_bytes = 0;
	zeros = say(&m, r, 0);
	told(&m);
	assert_int_equal(count(&m, data), 3 + 2);
	for (uint64_t i = 0; i < 5; i++) {
		static const uint32_t blocks[] = { 20, 0, 8, 16, 20 };

		build(&m, data, false, i);
		assert_int_equal(blocks_of(&m, 2), blocks[i]);
	}
	assert_int_equal(count(&m, zeros), 3);
	for (uint64_t i = 0; i < 3; i++) {
		build(&m, zeros, false, i);
		assert_int_equal(blocks_of(&m, 2), i == 1 ? 0 : 20);
	}
	end(&m);
}

static void reset(struct disk *d, uint64_t lba)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_RESET,
			      .lba = lba };

	assert_int_equal(disk_run(d, &io), DISK_OK);
}

/* What was built. */
static struct disk *reopen(const struct machine *m)
{
	const struct disk_open_args args = { .may_make = false };
	struct zl_err err = { "" };
	struct disk *d;

	must(disk_open(m->built, &args, &d, &err), &err);
	return d;
}

/* What is built could not tell what has become readable since. */
static void unreadable_blocks_are_not_recorded(void **state)
{
	struct machine m;
	struct disk *d = make(&m, SMALL);
	struct snapshot_work w;
	struct zl_err err = { "" };

	(void)state;
	run(d, DISK_WRITE, 2 * ZONE, 8);
	fail_once(d, INJECT_OP_SYNC, 2);
	assert_int_not_equal(try(d, DISK_SYNC, 0, 0, false), DISK_OK);
	must(snapshot_begin(m.dir, "base", NULL, NULL, &w, &err), &err);
	assert_int_equal(disk_snapshot(d, "base", m.log, &err), -EIO);
	assert_non_null(strstr(err.msg, "blocks 0 to 7 of zone 2 were lost"));
	snapshot_give_up(&w);
	assert_int_not_equal(access(m.log, F_OK), 0);
	reset(d, 2 * ZONE);
	record(&m, d);
	run(d, DISK_WRITE, 2 * ZONE, 8);
	stopped(&m, d);
	build(&m, replay_last(m.r), false, 0);
	d = reopen(&m);
	run(d, DISK_SYNC, 0, 0);
	disk_close(d);
	end(&m);
}

/* A physical block is there or is not, though a write of several records does
 * not begin with one. */
static void no_physical_block_is_torn(void **state)
{
	uint8_t c, old, new;
	struct machine m;
	struct disk *d = make(&m, LARGE);

	(void)state;
	run(d, DISK_WRITE, 0, 608);
	record(&m, d);
	run(d, DISK_WRITE, 1, 600);
	stopped(&m, d);
	build(&m, 0, false, 0);
	old = byte_of(&m, 0, 8);
	new = old + 1;
	for (uint64_t i = 0; i < 64; i++) {
		build(&m, replay_last(m.r), true, i);
		for (uint32_t k = 8; k < 600; k++) {
			c = byte_of(&m, 0, k);
			assert_true(c == old || c == new);
			assert_true(k % 8 == 0 || c == byte_of(&m, 0, k - 1));
		}
	}
	end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_draws_anew_at_each_point),
		cmocka_unit_test(so_it_does_of_each_write),
		cmocka_unit_test(a_failed_write_is_never_certain),
		cmocka_unit_test(until_it_is_overwritten),
		cmocka_unit_test(in_part),
		cmocka_unit_test(one_at_a_write_pointer_that_will_fail),
		cmocka_unit_test(a_part_with_fua_is_not_answered),
		cmocka_unit_test(nor_is_it_in_a_conventional_zone),
		cmocka_unit_test(a_flush_between_the_parts),
		cmocka_unit_test(a_long_write_that_fails),
		cmocka_unit_test(reading_what_is_durable),
		cmocka_unit_test(reading_a_changed_zone),
		cmocka_unit_test(reading_in_an_old_log),
		cmocka_unit_test(read_before_it_was_recorded),
		cmocka_unit_test(not_what_was_not_read),
		cmocka_unit_test(what_a_failed_write_has_brought),
		cmocka_unit_test(from_a_conventional_zone),
		cmocka_unit_test(written_but_not_synced),
		cmocka_unit_test(unmapped_in_part),
		cmocka_unit_test(nothing_was_tried),
		cmocka_unit_test(a_refill_in_part),
		cmocka_unit_test(unreadable_blocks_are_not_recorded),
		cmocka_unit_test(no_physical_block_is_torn),
	};

	return cmocka_run_group_tests_name("replay/states", tests, NULL, NULL);
}
