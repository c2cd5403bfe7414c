// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A record of a disk with realms: an activation that was answered is there at
 * every point behind it, one that was in flight wholly or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "disk/internal.h"
#include "disk/snapshot.h"
#include "replay/replay.h"
#include "store/ops.h"

/* Zones 0 to 2 are conventional, 4 and 5, and 6 and 7, are what the realms of 1
 * and 2 have instead; realm 0 cannot be changed. */
#define OPTIONS                                                   \
	"model=realms,domains=conv+seqp,zone_size_mb=1,realms=3," \
	"realm_zones=1+2,max_open_zones=0"
#define ZONE   2048u /* blocks of 512 bytes */
#define BLOCKS 8u

struct machine {
	char *dir, *other;
	char log[128], built[128];
	struct disk *disk;
};

static void must(int ret, const struct zl_err *err)
{
	if (ret)
		fail_msg("%s", err->msg);
}

static struct disk *open_disk(const char *dir, const char *options)
{
	struct disk_open_args args = { .may_make = true };
	struct zl_err err = { "" };
	struct disk_opts opts;
	struct disk *d;

	must(disk_opts_parse(&opts, options, strlen(options), ',', false, &err),
	     &err);
	args.opts = &opts;
	must(disk_open(dir, &args, &d, &err), &err);
	return d;
}

static void write_at(struct machine *m, uint64_t lba, uint8_t c)
{
	static uint8_t buf[BLOCKS * 512];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = { .op = DISK_WRITE,
			      .lba = lba,
			      .nr_blocks = BLOCKS,
			      .iov = &iov,
			      .iov_cnt = 1 };

	memset(buf, c, sizeof(buf));
	assert_int_equal(disk_run(m->disk, &io), DISK_OK);
}

static void reset(struct machine *m, uint64_t lba)
{
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_RESET,
			      .lba = lba };

	assert_int_equal(disk_run(m->disk, &io), DISK_OK);
}

static void activate(struct machine *m, uint64_t zone, uint32_t nr_zones)
{
	struct zone_activation a = { .zone_id = zone * ZONE,
				     .nr_zones = nr_zones };
	struct disk_io i = { .op = DISK_ACTIVATE, .activation = &a };

	assert_int_equal(disk_run(m->disk, &i), DISK_OK);
	assert_int_equal(a.unmet, 0);
}

static void start(struct machine *m)
{
	m->dir = tmp_make();
	m->other = tmp_make();
	snprintf(m->log, sizeof(m->log), "%s/log", m->other);
	snprintf(m->built, sizeof(m->built), "%s/built", m->other);
	m->disk = open_disk(m->dir, OPTIONS);
}

static void record(struct machine *m)
{
	struct snapshot_work w;
	struct zl_err err = { "" };

	must(snapshot_begin(m->dir, "base", NULL, NULL, &w, &err), &err);
	must(disk_snapshot(m->disk, "base", m->log, &err), &err);
	must(snapshot_end(&w, &err), &err);
}

static void mark(struct machine *m, const char *text)
{
	struct zl_err err = { "" };
	uint64_t nr;

	must(disk_record_mark(m->disk, text, &nr, &err), &err);
}

static struct replay *stop(struct machine *m)
{
	struct zl_err err = { "" };
	struct replay *r;

	must(disk_record_stop(m->disk, "told to", &err), &err);
	disk_close(m->disk);
	must(replay_open(m->log, NULL, &r, &err), &err);
	return r;
}

static void end(struct machine *m, struct replay *r)
{
	replay_close(r);
	tmp_remove(m->dir);
	tmp_remove(m->other);
}

static void problem(void *user, uint32_t slot, const char *what)
{
	(void)user;
	fail_msg("zone %d: %s", (int)slot, what);
}

/* Opens what was built. */
static struct disk *build(struct machine *m, struct replay *r, uint64_t point,
			  const struct replay_crash *crash)
{
	struct zl_err err = { "" };

	must(replay_build(r, point, crash, m->built, NULL, NULL, NULL, &err),
	     &err);
	assert_int_equal(disk_check(m->built, problem, NULL, NULL, &err), 0);
	return open_disk(m->built, "");
}

static void drop(struct machine *m, struct disk *d)
{
	char cmd[192];

	disk_close(d);
	snprintf(cmd, sizeof(cmd), "rm -r %s", m->built);
	assert_int_equal(system(cmd), 0);
}

static struct zone_info zone_of(struct disk *d, uint32_t zone)
{
	struct zone_info info;

	disk_zone_at(d, (uint64_t)zone * ZONE, &info);
	return info;
}

static bool is_active(struct disk *d, uint32_t zone)
{
	return zone_of(d, zone).cond != ZC_INACTIVE;
}

static uint32_t written(struct disk *d, uint32_t zone)
{
	struct zone_info info = zone_of(d, zone);

	return (uint32_t)(info.wp_lba - info.start_lba);
}

static uint8_t first_byte(struct disk *d, uint32_t zone)
{
	uint8_t buf[512];
	struct iovec iov = { buf, sizeof(buf) };
	struct disk_io io = { .op = DISK_READ,
			      .lba = (uint64_t)zone * ZONE,
			      .nr_blocks = 1,
			      .iov = &iov,
			      .iov_cnt = 1 };

	assert_int_equal(disk_run(d, &io), DISK_OK);
	return buf[0];
}

static uint64_t find(struct replay *r, const char *text)
{
	struct zl_err err = { "" };
	uint64_t point;

	must(replay_find(r, text, &point, &err), &err);
	return point;
}

/* Realm 2 is sequential, conventional, and sequential again, each time with
 * something in it. */
static void every_moment(void **state)
{
	struct machine m;
	struct replay *r;
	struct disk *d;

	(void)state;
	start(&m);
	activate(&m, 6, 2);
	record(&m);
	write_at(&m, 6 * ZONE, 1);
	write_at(&m, 6 * ZONE, 2); /* not in order */
	mark(&m, "written");
	reset(&m, 6 * ZONE);
	activate(&m, 2, 1);
	write_at(&m, 2 * ZONE, 3);
	mark(&m, "conventional");
	activate(&m, 6, 2);
	mark(&m, "again");
	write_at(&m, 7 * ZONE, 4);
	activate(&m, 4, 2);
	r = stop(&m);
	d = build(&m, r, find(r, "written"), NULL);
	assert_int_equal(written(d, 6), BLOCKS);
	assert_true(zone_of(d, 6).attrs & ZA_NON_SEQ);
	assert_false(is_active(d, 2));
	drop(&m, d);
	d = build(&m, r, find(r, "conventional"), NULL);
	assert_false(is_active(d, 6));
	assert_int_equal(first_byte(d, 2), 3);
	drop(&m, d);
	d = build(&m, r, find(r, "again"), NULL);
	assert_int_equal(written(d, 6), 0);
	assert_false(zone_of(d, 6).attrs & ZA_NON_SEQ);
	drop(&m, d);
	d = build(&m, r, replay_last(r), NULL);
	assert_int_equal(written(d, 7), BLOCKS);
	assert_true(is_active(d, 4));
	assert_false(is_active(d, 1));
	drop(&m, d);
	end(&m, r);
}

/* What the snapshot's journal says of zones that were changed twice. */
static void what_was_known_is_void(void **state)
{
	struct machine m;
	struct replay *r;
	struct disk *d;

	(void)state;
	start(&m);
	activate(&m, 6, 2);
	write_at(&m, 6 * ZONE, 1);
	write_at(&m, 6 * ZONE, 2);
	record(&m);
	reset(&m, 6 * ZONE);
	activate(&m, 2, 1);
	activate(&m, 6, 2);
	write_at(&m, 6 * ZONE, 3);
	r = stop(&m);
	d = build(&m, r, replay_last(r), NULL);
	assert_int_equal(first_byte(d, 6), 3);
	assert_false(zone_of(d, 6).attrs & ZA_NON_SEQ);
	drop(&m, d);
	end(&m, r);
}

/* An activation is durable when it is answered, what is written then is not. */
static void it_is_durable(void **state)
{
	struct machine m;
	struct replay_crash crash = { .random = false };
	struct zl_err err = { "" };
	struct replay *r;
	struct disk *d;
	uint64_t count;

	(void)state;
	start(&m);
	record(&m);
	write_at(&m, 2 * ZONE, 1);
	activate(&m, 6, 2);
	write_at(&m, 6 * ZONE, 2);
	r = stop(&m);
	must(replay_count(r, replay_last(r), &count, &err), &err);
	assert_int_equal(count, BLOCKS + 1);
	for (; crash.state < count; crash.state++) {
		d = build(&m, r, replay_last(r), &crash);
		assert_false(is_active(d, 2));
		assert_int_equal(written(d, 6), crash.state);
		drop(&m, d);
	}
	end(&m, r);
}

/* As if the command had begun with the record. */
static void begin_early(const char *log, const struct record *rec)
{
	static uint8_t head[RECORD_HEAD_BYTES + BLOCKS * 512];
	struct record r = *rec;
	FILE *f = fopen(log, "r+");

	assert_non_null(f);
	r.begin = 0;
	record_encode(head, &r);
	memcpy(head + RECORD_HEAD_BYTES, rec->data, rec->data_bytes);
	record_seal(head);
	fseek(f, (long)rec->at_bytes, SEEK_SET);
	assert_int_equal(fwrite(head, RECORD_HEAD_BYTES, 1, f), 1);
	fclose(f);
}

/* All activations, and all that is written behind them. */
static struct replay *all_in_flight(const char *log, struct replay *r)
{
	struct zl_err err = { "" };
	bool begun = false;

	for (uint64_t i = 1; i < replay_last(r); i++) {
		begun |= replay_at(r, i)->type == RECORD_ACTIVATE;
		if (begun)
			begin_early(log, replay_at(r, i));
	}
	replay_close(r);
	must(replay_open(log, NULL, &r, &err), &err);
	return r;
}

/* Both, or the first, or none; and then what was written to the first. */
static unsigned what_is_there(struct disk *d)
{
	if (!is_active(d, 4)) {
		assert_false(is_active(d, 6));
		assert_int_equal(first_byte(d, 1), 1);
		return 0;
	}
	assert_true(is_active(d, 5));
	assert_false(is_active(d, 1));
	assert_true(written(d, 4) <= BLOCKS);
	assert_int_equal(is_active(d, 6), is_active(d, 7));
	assert_int_not_equal(is_active(d, 6), is_active(d, 2));
	return is_active(d, 6) ? 2 : 1;
}

static void in_flight(void **state)
{
	struct replay_crash crash = { .random = false };
	struct zl_err err = { "" };
	unsigned seen[3] = { 0 };
	struct machine m;
	struct replay *r;
	struct disk *d;
	uint64_t count, point;

	(void)state;
	start(&m);
	write_at(&m, ZONE, 1);
	record(&m);
	write_at(&m, 0, 7);
	mark(&m, "here");
	activate(&m, 4, 2);
	write_at(&m, 4 * ZONE, 2);
	activate(&m, 6, 2);
	r = all_in_flight(m.log, stop(&m));
	point = find(r, "here");
	must(replay_count(r, point, &count, &err), &err);
	/* What came before them is there or is not, block by block; of the
	 * write behind the first one any number of blocks. */
	assert_int_equal(count, (1 << BLOCKS) * (1 + 2 * (BLOCKS + 1)));
	for (; crash.state < count; crash.state += 97) {
		d = build(&m, r, point, &crash);
		seen[what_is_there(d)]++;
		drop(&m, d);
	}
	assert_true(seen[0] && seen[1] > seen[0] && seen[2] > seen[0]);
	memset(seen, 0, sizeof(seen));
	crash.random = true;
	for (crash.state = 0; crash.state < 24; crash.state++) {
		d = build(&m, r, point, &crash);
		seen[what_is_there(d)]++;
		drop(&m, d);
	}
	assert_true(seen[0] && seen[1] && seen[2]);
	end(&m, r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_moment),
		cmocka_unit_test(what_was_known_is_void),
		cmocka_unit_test(it_is_durable),
		cmocka_unit_test(in_flight),
	};

	return cmocka_run_group_tests_name("replay/realms", tests, NULL, NULL);
}
