// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Faults that an open disk suffers. */
#include <errno.h>
#include <json-c/json.h>
#include <sched.h>
#include <semaphore.h>
#include <time.h>
#include <unistd.h>

#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"
#include "disk/life/open.h"
#include "disk_fixture.h"
#include "stores/crash.h"

static int setup(void **state)
{
	static struct fixture f;

	fixture_start(&f, FIXTURE_CFG, 0);
	*state = &f;
	return 0;
}

static int setup_open_limit(void **state)
{
	static struct fixture f;

	fixture_start(&f, FIXTURE_CFG ",block_size=512,max_open_zones=2", 2);
	*state = &f;
	return 0;
}

static int teardown(void **state)
{
	fixture_stop(*state);
	return 0;
}

static int try_inject(struct fixture *f, const char *text, uint32_t *id,
		      struct zl_err *err)
{
	struct json_object *o = json_tokener_parse(text);
	struct inject_fault fault;
	int ret;

	assert_non_null(o);
	ret = inject_parse(o, disk_geo(f->disk), &fault, err);
	if (!ret)
		ret = disk_fault_add(f->disk, &fault, id, err);
	json_object_put(o);
	return ret;
}

/* @fmt: a fault as JSON with one number, written with ' for ". */
static uint32_t inject(struct fixture *f, const char *fmt, uint64_t n)
{
	char text[512];
	struct zl_err err;
	uint32_t id;

	snprintf(text, sizeof(text), fmt, (unsigned long long)n);
	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	if (try_inject(f, text, &id, &err))
		fail_msg("%s: %s", text, err.msg);
	return id;
}

static uint64_t injected(struct fixture *f)
{
	struct disk_stats stats;

	disk_get_stats(f->disk, &stats);
	return stats.n[DC_FAULTS_INJECTED];
}

static void count_one(void *user, const struct inject_fault *fault)
{
	(void)fault;
	++*(unsigned *)user;
}

static unsigned nr_listed(struct fixture *f)
{
	unsigned n = 0;

	disk_fault_each(f->disk, count_one, &n);
	return n;
}

static void clear(struct fixture *f)
{
	struct zl_err err;

	assert_int_equal(disk_fault_clear(f->disk, &err), 0);
	assert_int_equal(nr_listed(f), 0);
	assert_false(disk_has_faults(f->disk));
}

static void read_error_names_the_block(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 16, 1), DISK_OK);
	inject(f, "{'fault':'read-error','lba':%llu,'blocks':2}", SEQ(0) + 5);
	assert_int_equal(do_read(f, SEQ(0), 5), DISK_OK);
	assert_int_equal(run_rw(f, &io, DISK_READ, SEQ(0), 16, false),
			 DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 5);
	assert_int_equal(run_rw(f, &io, DISK_READ, SEQ(0) + 6, 4, false),
			 DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, SEQ(0) + 6);
	assert_int_equal(do_read(f, SEQ(0) + 7, 9), DISK_OK);
	assert_int_equal(injected(f), 2);
	clear(f);
	assert_int_equal(do_read(f, SEQ(0), 16), DISK_OK);
	assert_filled(f->buf, SEQ(0), 16, 1);
}

static void what_the_zones_refuse_meets_no_error_of_the_medium(void **state)
{
	struct fixture *f = *state;

	inject(f, "{'fault':'write-error','lba':%llu,'blocks':99}", SEQ(0));
	assert_int_equal(do_write(f, SEQ(0) + 1, 1, 1), DISK_REFUSED);
	assert_int_equal(injected(f), 0);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_WRITE_ERROR);
	clear(f);
}

static void write_error_stops_part_way(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	inject(f,
	       "{'fault':'write-error','lba':%llu,'count':1,"
	       "'written_blocks':3}",
	       SEQ(1));
	fill(f->buf, SEQ(1), 8, 1);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1), 8, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(1) + 3);
	assert_int_equal(io.nr_blocks, 8);
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1) + 3);
	assert_sizes_match(f);
	/* On from there. */
	assert_int_equal(do_write(f, SEQ(1) + 3, 5, 1), DISK_OK);
	assert_int_equal(do_read(f, SEQ(1), 8), DISK_OK);
	assert_filled(f->buf, SEQ(1), 8, 1);
	assert_false(disk_has_faults(f->disk)); /* once only */
}

static void a_write_error_never_writes_everything(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	inject(f, "{'fault':'write-error','lba':%llu,'written_blocks':99}",
	       SEQ(1));
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1), 1, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(1));
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1));
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1), 4, true),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, SEQ(1) + 3);
	assert_int_equal(wp_of(f, SEQ(1)), SEQ(1) + 3);
	clear(f);
}

static void write_error_in_a_conventional_zone(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, 0, 8, 1), DISK_OK);
	inject(f, "{'fault':'write-error','lba':%llu,'written_blocks':3}", 0);
	fill(f->buf, 0, 8, 2);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, 0, 8, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, 3);
	clear(f);
	assert_int_equal(do_read(f, 0, 8), DISK_OK);
	assert_filled(f->buf, 0, 3, 2);
	assert_filled(f->buf + 3 * BLOCK, 3, 5, 1);
}

static enum disk_status compare_write(struct fixture *f, struct disk_io *io,
				      uint64_t lba, uint32_t old, uint32_t new)
{
	struct iovec iov = { f->buf, 8 * BLOCK };

	fill(f->buf, lba, 4, old);
	fill(f->buf + 4 * BLOCK, lba, 4, new);
	*io = (struct disk_io){ .op = DISK_COMPARE_WRITE,
				.lba = lba,
				.nr_blocks = 4,
				.iov = &iov,
				.iov_cnt = 1 };
	return disk_run(f->disk, io);
}

static void compare_and_write_meets_both(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, 0, 4, 1), DISK_OK);
	inject(f, "{'fault':'read-error','lba':%llu}", 2);
	assert_int_equal(compare_write(f, &io, 0, 1, 2), DISK_READ_ERROR);
	assert_int_equal(io.bad_lba, 2);
	clear(f);
	/* all or nothing */
	inject(f, "{'fault':'write-error','lba':%llu,'written_blocks':3}", 0);
	assert_int_equal(compare_write(f, &io, 0, 1, 2), DISK_WRITE_ERROR);
	assert_int_equal(io.bad_lba, 0);
	clear(f);
	assert_int_equal(do_read(f, 0, 4), DISK_OK);
	assert_filled(f->buf, 0, 4, 1);
	assert_int_equal(compare_write(f, &io, 0, 1, 2), DISK_OK);
	/* in a sequential zone only where the zone allows it */
	inject(f, "{'fault':'read-error','lba':%llu,'blocks':99}", SEQ(0));
	assert_int_equal(compare_write(f, &io, SEQ(0) + 1, 0, 1), DISK_REFUSED);
	assert_int_equal(injected(f), 2);
	assert_int_equal(compare_write(f, &io, SEQ(0), 0, 1), DISK_READ_ERROR);
	clear(f);
	inject(f, "{'fault':'no-zone-resources','lba':%llu}", SEQ(0));
	assert_int_equal(compare_write(f, &io, SEQ(0), 0, 1), DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_NO_RESOURCES);
	clear(f);
}

static void busy_does_nothing(void **state)
{
	struct fixture *f = *state;

	inject(f, "{'fault':'busy','op':'write','count':%llu}", 2);
	assert_int_equal(do_read(f, SEQ(0), 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_BUSY);
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_BUSY);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0));
	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	inject(f, "{'fault':'busy','op':'zone','count':%llu}", 1);
	assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_BUSY);
	assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
	inject(f, "{'fault':'busy','op':'sync','count':%llu}", 1);
	assert_int_equal(do_sync(f), DISK_BUSY);
	assert_int_equal(do_sync(f), DISK_OK);
}

static void no_resources_for_what_would_open(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	inject(f, "{'fault':'no-zone-resources','count':%llu}", 1000);
	assert_int_equal(do_write(f, SEQ(0) + 1, 1, 1), DISK_OK);
	assert_int_equal(do_write(f, 0, 1, 1), DISK_OK);
	assert_int_equal(run_rw(f, &io, DISK_WRITE, SEQ(1), 1, false),
			 DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_NO_RESOURCES);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(1), false), DISK_REFUSED);
	assert_int_equal(do_zone(f, ZO_CLOSE, SEQ(0), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	clear(f);
	assert_int_equal(do_write(f, SEQ(1), 1, 1), DISK_OK);
}

/* OPEN ZONE of several zones, or of all that are CLOSED, wherever they are. */
static void no_resources_for_any_of_several(void **state)
{
	struct fixture *f = *state;
	struct disk_io io = { .op = DISK_ZONE,
			      .zone_op = ZO_OPEN,
			      .lba = SEQ(0),
			      .zone_count = 2 };

	assert_int_equal(do_write(f, SEQ(3), 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_CLOSE, SEQ(3), false), DISK_OK);
	inject(f, "{'fault':'no-zone-resources','lba':%llu}", SEQ(3));
	assert_int_equal(do_zone(f, ZO_OPEN, 0, true), DISK_REFUSED);
	assert_int_equal(cond_of(f, SEQ(3)), ZC_CLOSED);
	clear(f);
	inject(f, "{'fault':'no-zone-resources','lba':%llu}", SEQ(1));
	assert_int_equal(disk_run(f->disk, &io), DISK_REFUSED);
	assert_int_equal(io.verdict, ZV_NO_RESOURCES);
	/* It opens another one. */
	assert_int_equal(do_zone(f, ZO_OPEN, 0, true), DISK_OK);
	assert_int_equal(cond_of(f, SEQ(3)), ZC_EXP_OPEN);
	assert_int_equal(injected(f), 2);
	/* Nothing is opened. */
	clear(f);
	inject(f, "{'fault':'no-zone-resources','count':%llu}", 9);
	assert_int_equal(do_write(f, SEQ(1), 0, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, 0, true), DISK_OK);
	assert_int_equal(injected(f), 2);
}

static void backing_errors_have_their_own_status(void **state)
{
	static const struct {
		const char *error;
		enum disk_status status;
	} t[] = {
		{ "EIO", DISK_WRITE_ERROR }, { "ENOSPC", DISK_NO_SPACE },
		{ "EDQUOT", DISK_NO_SPACE }, { "EROFS", DISK_WRITE_PROTECT },
		{ "ENFILE", DISK_INTERNAL }, { "EMFILE", DISK_INTERNAL },
		{ "ENOMEM", DISK_INTERNAL },
	};
	struct fixture *f = *state;
	char text[128];

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		snprintf(text, sizeof(text),
			 "{'fault':'backing-error','op':'write','errno':'%s',"
			 "'lba':%%llu,'blocks':%u,'count':1}",
			 t[i].error, ZONE);
		inject(f, text, SEQ(2));
		assert_int_equal(do_write(f, SEQ(3), 1, 1), DISK_OK);
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(3), false), DISK_OK);
		assert_int_equal(do_write(f, SEQ(2), 4, 1), t[i].status);
		assert_int_equal(wp_of(f, SEQ(2)), SEQ(2));
		assert_sizes_match(f);
	}
	assert_int_equal(do_write(f, SEQ(2), 4, 1), DISK_OK);
}

/* UNMAP and what SANITIZE does call the file as well. */
static void backing_errors_of_holes_and_refills(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;

	assert_int_equal(do_write(f, 0, 8, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	inject(f,
	       "{'fault':'backing-error','op':'write','errno':'EIO',"
	       "'lba':%llu}",
	       4);
	assert_int_equal(run_rw(f, &io, DISK_UNMAP, 0, 4, false), DISK_OK);
	assert_int_equal(run_rw(f, &io, DISK_UNMAP, 4, 4, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, 4, 4), DISK_OK);
	assert_filled(f->buf, 4, 4, 1);
	clear(f);
	inject(f,
	       "{'fault':'backing-error','op':'reset','errno':'EIO',"
	       "'count':%llu}",
	       1);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(0), 1, false),
			 DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
	assert_filled(f->buf, SEQ(0), 8, 1);
	inject(f,
	       "{'fault':'backing-error','op':'write','errno':'ENOSPC',"
	       "'count':%llu}",
	       1);
	assert_int_equal(run_rw(f, &io, DISK_REFILL, SEQ(0), 1, false),
			 DISK_NO_SPACE);
	assert_int_equal(injected(f), 3);
}

static void a_backing_error_of_sync_is_remembered(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(2), 4, 1), DISK_OK);
	inject(f,
	       "{'fault':'backing-error','op':'sync','errno':'EIO',"
	       "'count':%llu}",
	       1);
	assert_int_equal(do_sync(f), DISK_WRITE_ERROR);
	assert_int_equal(do_read(f, SEQ(2), 4), DISK_READ_ERROR);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(2), false), DISK_OK);
	assert_int_equal(do_sync(f), DISK_OK);
}

static void reset_and_finish_can_fail(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(do_write(f, SEQ(2), 4, 1), DISK_OK);
	inject(f,
	       "{'fault':'backing-error','op':'reset','errno':'EIO',"
	       "'count':%llu}",
	       1);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(2), false), DISK_WRITE_ERROR);
	assert_int_equal(wp_of(f, SEQ(2)), SEQ(2) + 4);
	inject(f,
	       "{'fault':'backing-error','op':'finish','errno':'ENOSPC',"
	       "'count':%llu}",
	       1);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(2), false), DISK_NO_SPACE);
	assert_int_equal(do_zone(f, ZO_FINISH, SEQ(2), false), DISK_OK);
	assert_sizes_match(f);
}

static void zones_change_at_once_and_for_good(void **state)
{
	struct fixture *f = *state;
	struct disk_io io;
	struct zl_err err;

	assert_int_equal(do_write(f, SEQ(0), 8, 1), DISK_OK);
	assert_int_equal(do_write(f, SEQ(1), ZONE, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_OPEN, SEQ(2), false), DISK_OK);
	inject(f, "{'fault':'read-only','lba':%llu}", SEQ(0) + 3);
	inject(f, "{'fault':'offline','lba':%llu}", SEQ(1));
	inject(f, "{'fault':'read-only','lba':%llu}", SEQ(2));
	inject(f, "{'fault':'offline','lba':%llu}", 0);
	assert_int_equal(nr_listed(f), 4);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cond_of(f, SEQ(0)), ZC_READ_ONLY);
		assert_int_equal(cond_of(f, SEQ(1)), ZC_OFFLINE);
		assert_int_equal(cond_of(f, SEQ(2)), ZC_READ_ONLY);
		assert_int_equal(cond_of(f, 0), ZC_OFFLINE);
		assert_int_equal(
			run_rw(f, &io, DISK_WRITE, SEQ(0) + 8, 1, false),
			DISK_REFUSED);
		assert_int_equal(io.verdict, ZV_READ_ONLY);
		assert_int_equal(do_read(f, SEQ(0), 8), DISK_OK);
		assert_filled(f->buf, SEQ(0), 8, 1);
		assert_int_equal(run_rw(f, &io, DISK_READ, SEQ(1), 1, false),
				 DISK_REFUSED);
		assert_int_equal(io.verdict, ZV_OFFLINE);
		fixture_reopen(f, FIXTURE_CFG);
	}
	assert_int_equal(disk_fault_restore(f->disk, SEQ(1), 1, &err), 0);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_FULL);
	assert_int_equal(cond_of(f, SEQ(0)), ZC_READ_ONLY);
	clear(f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(cond_of(f, SEQ(0)), ZC_CLOSED);
		assert_int_equal(cond_of(f, SEQ(1)), ZC_FULL);
		assert_int_equal(cond_of(f, SEQ(2)), ZC_EMPTY);
		assert_int_equal(cond_of(f, 0), ZC_NOT_WP);
		assert_int_equal(do_read(f, SEQ(1), ZONE), DISK_OK);
		assert_filled(f->buf, SEQ(1), ZONE, 1);
		fixture_reopen(f, FIXTURE_CFG);
	}
	assert_int_equal(do_write(f, SEQ(0) + 8, 8, 1), DISK_OK);
}

/* Also while the zone's file is not there: the two have nothing to do with each
 * other. */
static void a_damaged_zone_is_cleared(void **state)
{
	struct fixture *f = *state;

	inject(f, "{'fault':'offline','lba':%llu}", SEQ(1));
	inject(f, "{'fault':'read-only','lba':%llu}", 0);
	assert_int_equal(store_unmake(f->fault, NR_CONV + 1), 0);
	assert_int_equal(store_resize(f->fault, 0, 512), 0);
	fixture_reopen(f, FIXTURE_CFG);
	clear(f);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_OFFLINE);
	assert_int_equal(cond_of(f, 0), ZC_READ_ONLY);
	assert_int_equal(store_make(f->fault, NR_CONV + 1, 0), 0);
	assert_int_equal(store_resize(f->fault, 0, ZONE * BLOCK), 0);
	disk_abandon(f->disk);
	fixture_open(f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_EMPTY);
	assert_int_equal(cond_of(f, 0), ZC_NOT_WP);
}

/* At the death of the process as well: nothing else makes it durable. */
static void a_condition_survives_the_process(void **state)
{
	struct fixture *f = *state;

	inject(f, "{'fault':'offline','lba':%llu}", SEQ(1));
	disk_abandon(f->disk);
	fixture_open(f, FIXTURE_CFG, 0);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_OFFLINE);
}

static void a_condition_that_cannot_be_kept_is_not_set(void **state)
{
	struct store_fault_plan all = { .fail_at = 0,
					.fail_count = UINT64_MAX,
					.error = EIO };
	struct store_fault_plan none = { .fail_at = UINT64_MAX };
	struct fixture *f = *state;
	char text[128];
	struct zl_err err;
	uint32_t id;

	snprintf(text, sizeof(text), "{\"fault\":\"offline\",\"lba\":%llu}",
		 (unsigned long long)SEQ(1));
	store_fault_arm(f->fault, &all);
	assert_int_equal(try_inject(f, text, &id, &err), -EIO);
	store_fault_arm(f->fault, &none);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_EMPTY);
	assert_int_equal(nr_listed(f), 0);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(cond_of(f, SEQ(1)), ZC_EMPTY);
}

static const struct store_ops *real_ops;
static unsigned nr_appends, nr_synced;
static bool last_synced;

static int counted_append(struct store *st, const char *name, const void *data,
			  size_t len, bool sync)
{
	nr_appends++;
	nr_synced += sync;
	last_synced = sync;
	return real_ops->meta_append(st, name, data, len, sync);
}

static unsigned nr_lines;

static void count_line(enum zl_log_level level, const char *line)
{
	(void)level, (void)line;
	nr_lines++;
}

/* A disk may have a million zones: they are durable together, and no line is
 * logged for each. */
static void many_zones_at_once(void **state)
{
	struct fixture *f = *state;
	static struct store_ops ops;
	struct zl_err err;

	real_ops = f->fault->ops;
	ops = *real_ops;
	ops.meta_append = counted_append;
	f->fault->ops = &ops;
	zl_log_set(count_line);
	nr_lines = nr_appends = nr_synced = 0;
	inject(f, "{'fault':'offline','lba':0,'blocks':%llu}", CAPACITY);
	assert_true(nr_appends >= NR_ZONES);
	assert_true(nr_synced <= 2);
	assert_true(last_synced);
	assert_int_equal(nr_lines, 1);
	assert_int_equal(nr_listed(f), 1);
	assert_int_equal(injected(f), NR_ZONES);
	nr_synced = 0;
	/* The last one is as it is to be already. */
	assert_int_equal(disk_fault_restore(f->disk, SEQ(5), 1, &err), 0);
	nr_synced = 0;
	assert_int_equal(disk_fault_restore(f->disk, 0, CAPACITY, &err), 0);
	assert_true(last_synced);
	assert_true(nr_synced <= 2);
	zl_log_set(NULL);
	f->fault->ops = real_ops;
	for (unsigned i = 0; i < NR_ZONES; i++)
		assert_int_equal(cond_of(f, (uint64_t)i * ZONE),
				 i < NR_CONV ? ZC_NOT_WP : ZC_EMPTY);
}

static int setup_gaps(void **state)
{
	static struct fixture f;

	fixture_start(&f,
		      "zone_size_mb=2,zone_capacity_mb=1,conv_zones=1,"
		      "block_size=512",
		      0);
	*state = &f;
	return 0;
}

/* A range that touches the gap behind a zone does not touch the zone. */
static void gaps_have_no_state(void **state)
{
	struct fixture *f = *state;
	char text[128];
	struct zl_err err;
	uint32_t id;

	/* Zones of 4096 blocks, the second half of which is a gap. */
	snprintf(text, sizeof(text),
		 "{\"fault\":\"offline\",\"lba\":%u,\"blocks\":2}",
		 4096 + 2048);
	assert_int_equal(try_inject(f, text, &id, &err), -EINVAL);
	assert_string_equal(err.msg, "LBA 0x1800 is in a gap zone, whose state "
				     "cannot be changed");
	assert_int_equal(cond_of(f, 4096), ZC_EMPTY);
	inject(f, "{'fault':'offline','lba':6144,'blocks':%llu}", 2049);
	assert_int_equal(cond_of(f, 4096), ZC_EMPTY);
	assert_int_equal(cond_of(f, 8192), ZC_OFFLINE);
	inject(f, "{'fault':'read-only','lba':%llu}", 4096);
	assert_int_equal(disk_fault_restore(f->disk, 6144, 4096, &err), 0);
	assert_int_equal(cond_of(f, 4096), ZC_READ_ONLY);
	assert_int_equal(cond_of(f, 8192), ZC_EMPTY);
	/* Events may be there, and never happen. */
	inject(f, "{'fault':'read-error','lba':%llu}", 6144);
}

static uint8_t attrs_of(struct fixture *f, uint64_t lba)
{
	struct zone_info info;

	disk_zone_at(f->disk, lba, &info);
	return info.attrs;
}

static void attributes(void **state)
{
	struct fixture *f = *state;
	struct zl_err err;
	uint32_t id;

	assert_int_equal(do_write(f, SEQ(0), 1, 1), DISK_OK);
	inject(f, "{'fault':'reset-recommended','lba':%llu}", SEQ(0));
	inject(f, "{'fault':'predicted-errors','lba':%llu}", SEQ(0));
	inject(f, "{'fault':'predicted-errors','lba':%llu}", 0);
	assert_int_equal(attrs_of(f, SEQ(0)), ZA_RESET | ZA_PUEP);
	assert_int_equal(attrs_of(f, 0), ZA_PUEP);
	assert_int_equal(nr_listed(f), 3);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(attrs_of(f, SEQ(0)), ZA_PUEP);
	/* Of an EMPTY zone, too: else a host resets it for ever. */
	inject(f, "{'fault':'reset-recommended','lba':%llu,'blocks':4096}",
	       SEQ(0));
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
	assert_int_equal(attrs_of(f, SEQ(0)), ZA_PUEP);
	assert_int_equal(do_zone(f, ZO_RESET, 0, true), DISK_OK);
	assert_int_equal(attrs_of(f, SEQ(1)), 0);
	assert_int_equal(try_inject(f,
				    "{\"fault\":\"reset-recommended\","
				    "\"lba\":0}",
				    &id, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "zone 0 is conventional: it has no write "
				     "pointer to reset");
	clear(f);
	assert_int_equal(attrs_of(f, SEQ(0)), 0);
}

static void persistent_faults_come_back(void **state)
{
	struct fixture *f = *state;

	inject(f, "{'fault':'busy','op':'read','persistent':true,'count':%llu}",
	       2);
	inject(f, "{'fault':'busy','op':'read','count':%llu}", 1);
	assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
	fixture_reopen(f, FIXTURE_CFG);
	/* One of the two times is left; what was not persistent is gone. */
	assert_int_equal(nr_listed(f), 1);
	assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
	assert_int_equal(do_read(f, 0, 1), DISK_OK);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(nr_listed(f), 0);
	assert_int_equal(do_read(f, 0, 1), DISK_OK);
}

static void attributes_come_back(void **state)
{
	struct store_fault_plan full = { .fail_count = UINT64_MAX,
					 .error = ENOSPC,
					 .only = UINT32_C(1) << 24 };
	struct store_fault_plan none = { .fail_at = UINT64_MAX };
	struct fixture *f = *state;
	char text[128];
	struct zl_err err;
	uint32_t id;

	inject(f,
	       "{'fault':'reset-recommended','persistent':true,'lba':%llu,"
	       "'blocks':8192}",
	       SEQ(0));
	inject(f, "{'fault':'predicted-errors','persistent':true,'lba':%llu}",
	       SEQ(1));
	inject(f, "{'fault':'predicted-errors','lba':%llu}", SEQ(2));
	inject(f, "{'fault':'predicted-errors','persistent':true,'lba':%llu}",
	       0);
	assert_int_equal(nr_listed(f), 4);
	/* The death of the process is no other matter. */
	disk_abandon(f->disk);
	fixture_open(f, FIXTURE_CFG, 0);
	assert_int_equal(nr_listed(f), 3);
	assert_int_equal(attrs_of(f, SEQ(0)), ZA_RESET);
	assert_int_equal(attrs_of(f, SEQ(1)), ZA_RESET | ZA_PUEP);
	assert_int_equal(attrs_of(f, SEQ(2)), ZA_RESET);
	assert_int_equal(attrs_of(f, SEQ(3)), ZA_RESET);
	assert_int_equal(attrs_of(f, 0), ZA_PUEP);
	assert_false(disk_has_faults(f->disk));
	/* What a reset took away does not. */
	assert_int_equal(do_write(f, SEQ(1), 1, 1), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(1), false), DISK_OK);
	assert_int_equal(do_zone(f, ZO_RESET, SEQ(2), false), DISK_OK);
	assert_int_equal(disk_fault_restore(f->disk, SEQ(3), 1, &err), 0);
	disk_abandon(f->disk);
	fixture_open(f, FIXTURE_CFG, 0);
	assert_int_equal(attrs_of(f, SEQ(0)), ZA_RESET);
	assert_int_equal(attrs_of(f, SEQ(1)), ZA_PUEP);
	assert_int_equal(attrs_of(f, SEQ(2)), 0);
	assert_int_equal(attrs_of(f, SEQ(3)), 0);
	/* Nor what could not be kept. */
	snprintf(text, sizeof(text),
		 "{\"fault\":\"predicted-errors\",\"persistent\":true,"
		 "\"lba\":%llu}",
		 (unsigned long long)SEQ(4));
	store_fault_arm(f->fault, &full); /* meta_replace */
	assert_int_equal(try_inject(f, text, &id, &err), -ENOSPC);
	store_fault_arm(f->fault, &none);
	assert_int_equal(attrs_of(f, SEQ(4)), 0);
	clear(f);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(nr_listed(f), 0);
	assert_int_equal(attrs_of(f, SEQ(0)), 0);
}

static void open_on_crash(struct fixture *f, struct store_crash *crash)
{
	struct disk_open_args args = { .may_make = true,
				       .size_bytes = CAPACITY * BLOCK };
	struct disk_opts opts;
	struct zl_err err;

	assert_int_equal(disk_opts_parse(&opts, FIXTURE_CFG,
					 strlen(FIXTURE_CFG), ',', false, &err),
			 0);
	args.opts = &opts;
	if (disk_open_store(store_crash_open(crash), "test", &args, &f->disk,
			    &err))
		fail_msg("%s", err.msg);
}

/* One change of what persists after the other, each confirmed. */
static void change_persistent(struct fixture *f, unsigned nr)
{
	struct zl_err err;

	switch (nr) {
	case 0:
		inject(f,
		       "{'fault':'busy','op':'read','persistent':true,"
		       "'count':%llu}",
		       1);
		break;
	case 1: /* the last one */
		assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
		break;
	case 2:
		inject(f,
		       "{'fault':'reset-recommended','persistent':true,"
		       "'lba':%llu}",
		       SEQ(0));
		break;
	case 3: /* again */
		assert_int_equal(do_zone(f, ZO_RESET, SEQ(0), false), DISK_OK);
		break;
	case 4:
		inject(f,
		       "{'fault':'predicted-errors','persistent':true,"
		       "'lba':%llu}",
		       0);
		break;
	case 5:
		assert_int_equal(disk_fault_restore(f->disk, 0, 1, &err), 0);
		break;
	case 6:
		inject(f,
		       "{'fault':'write-error','persistent':true,'lba':%llu}",
		       0);
		break;
	case 7:
		assert_int_equal(disk_fault_clear(f->disk, &err), 0);
		break;
	}
}
#define NR_CHANGES 8u

/* Of all changes since the power was last there the last is the one to be
 * kept. */
static void what_is_confirmed_survives_a_power_loss(void **state)
{
	struct fixture f = { .buf = ((struct fixture *)*state)->buf };
	struct store_crash *crash;

	for (unsigned first = 0; first < NR_CHANGES; first++) {
		crash = store_crash_new();
		open_on_crash(&f, crash);
		for (unsigned nr = 0; nr < NR_CHANGES; nr++) {
			change_persistent(&f, nr);
			if (nr < first)
				continue;
			disk_abandon(f.disk);
			store_crash_cycle(crash, STORE_CRASH_KEEP_NOTHING, 0);
			open_on_crash(&f, crash);
			assert_int_equal(nr_listed(&f), nr % 2 == 0);
		}
		disk_close(f.disk);
		store_crash_free(crash);
	}
}

/* READ ONLY and OFFLINE are anyhow. */
static void conditions_may_be_asked_to_persist(void **state)
{
	struct fixture *f = *state;
	struct zl_err err;
	uint32_t id;

	inject(f, "{'fault':'offline','persistent':true,'lba':%llu}", SEQ(0));
	assert_int_equal(cond_of(f, SEQ(0)), ZC_OFFLINE);
	assert_int_equal(try_inject(f,
				    "{\"fault\":\"read-only\",\"lba\":0,"
				    "\"persistent\":false}",
				    &id, &err),
			 -EINVAL);
	assert_string_equal(err.msg, "read-only is always persistent");
}

/* What is used up while the file cannot be written does not come back. */
static void used_up_while_the_disk_is_full(void **state)
{
	struct store_fault_plan full = { .fail_count = UINT64_MAX,
					 .error = ENOSPC,
					 .only = UINT32_C(1) << 24 };
	struct store_fault_plan none = { .fail_at = UINT64_MAX };
	struct fixture *f = *state;

	inject(f, "{'fault':'busy','op':'read','persistent':true,'count':%llu}",
	       3);
	store_fault_arm(f->fault, &full); /* meta_replace */
	assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
	assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
	assert_int_equal(store_fault_hits(f->fault), 2);
	store_fault_arm(f->fault, &none);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(do_read(f, 0, 1), DISK_BUSY);
	assert_int_equal(do_read(f, 0, 1), DISK_OK);
}

static void a_damaged_file_of_faults_is_ignored(void **state)
{
#define PUEP "{\"fault\":\"predicted-errors\",\"persistent\":true,\"lba\":4096}"
	static const char *const bad[] = {
		"[" PUEP ",{\"fault\":\"busy\"},7]",
		"[" PUEP ",{\"fault\":\"offline\",\"lba\":0}]",
		"[" PUEP ",{\"fault\":\"predicted-errors\",\"lba\":0}]",
		"[" PUEP ",{\"fault\":\"predicted-errors\",\"lba\":16384,"
		"\"persistent\":true}]",
		"[" PUEP ",{\"fault\":\"reset-recommended\",\"lba\":0,"
		"\"persistent\":true}]",
	};
	struct fixture *f = *state;
	struct store *st;

	for (unsigned i = 0; i < 5; i++) {
		disk_close(f->disk);
		st = store_mem_open(f->mem);
		assert_int_equal(store_meta_replace(st, DISK_FAULTS, bad[i],
						    strlen(bad[i])),
				 0);
		store_close(st);
		fixture_open(f, FIXTURE_CFG, 0);
		assert_int_equal(nr_listed(f), 0);
		assert_int_equal(f->disk->problems.nr, 1);
		assert_int_equal(do_read(f, 0, 1), DISK_OK);
	}
	clear(f);
	fixture_reopen(f, FIXTURE_CFG);
	assert_int_equal(f->disk->problems.nr, 0);
}

static void bad_ranges_and_ids_are_refused(void **state)
{
	struct fixture *f = *state;
	struct zl_err err;
	uint32_t id;

	assert_int_equal(
		try_inject(f, "{\"fault\":\"busy\",\"lba\":16384}", &id, &err),
		-EINVAL);
	assert_string_equal(err.msg, "the range is beyond the disk, which has "
				     "16384 blocks");
	assert_int_equal(try_inject(f,
				    "{\"fault\":\"busy\",\"lba\":16383,"
				    "\"blocks\":2}",
				    &id, &err),
			 -EINVAL);
	assert_int_equal(disk_fault_remove(f->disk, 7, &err), -ENOENT);
	assert_string_equal(err.msg, "there is no fault 7");
}

/* Delayed I/Os. */

static void posted(struct disk_io *io)
{
	sem_post(io->user);
}

static void delays_hold_back_no_others(void **state)
{
	struct fixture *f = *state;
	struct disk_io io[16] = { 0 };
	uint8_t buf[16][BLOCK];
	struct iovec iov[16];
	sem_t sem;

	sem_init(&sem, 0, 0);
	inject(f, "{'fault':'delay','delay_ms':300,'op':'read','lba':%llu}",
	       SEQ(0));
	/* More than there are workers. */
	for (int i = 0; i < 16; i++) {
		iov[i] = (struct iovec){ buf[i], BLOCK };
		io[i] = (struct disk_io){ .op = DISK_READ,
					  .lba = SEQ(0),
					  .nr_blocks = 1,
					  .iov = &iov[i],
					  .iov_cnt = 1,
					  .done = posted,
					  .user = &sem };
		disk_submit(f->disk, &io[i]);
	}
	assert_int_equal(do_write(f, SEQ(1), 1, 1), DISK_OK);
	assert_int_equal(sem_trywait(&sem), -1);
	for (int i = 0; i < 16; i++)
		while (sem_wait(&sem))
			;
	for (int i = 0; i < 16; i++)
		assert_int_equal(io[i].status, DISK_OK);
	assert_int_equal(injected(f), 16);
	sem_destroy(&sem);
}

/* The order in a zone stays, and a delayed write still meets the next fault. */
static void a_delayed_write_keeps_its_turn(void **state)
{
	struct fixture *f = *state;
	uint8_t buf[2][BLOCK] = { { 1 }, { 2 } };
	struct iovec iov[2] = { { buf[0], BLOCK }, { buf[1], BLOCK } };
	struct disk_io io[2] = { 0 };
	sem_t sem;

	sem_init(&sem, 0, 0);
	inject(f, "{'fault':'delay','delay_ms':100,'lba':%llu,'count':1}",
	       SEQ(0));
	for (unsigned i = 0; i < 2; i++) {
		io[i] = (struct disk_io){ .op = DISK_WRITE,
					  .lba = SEQ(0) + i,
					  .nr_blocks = 1,
					  .iov = &iov[i],
					  .iov_cnt = 1,
					  .done = posted,
					  .user = &sem };
		disk_submit(f->disk, &io[i]);
	}
	for (int i = 0; i < 2; i++)
		while (sem_wait(&sem))
			;
	assert_int_equal(io[0].status, DISK_OK);
	assert_int_equal(io[1].status, DISK_OK);
	assert_int_equal(wp_of(f, SEQ(0)), SEQ(0) + 2);
	sem_destroy(&sem);
}

/* A write that waits for a delay of ten minutes. */
struct held {
	struct disk_io io;
	struct iovec iov;
	uint8_t buf[BLOCK];
	sem_t done;
};

static void hold(struct fixture *f, struct held *h, uint64_t lba)
{
	sem_init(&h->done, 0, 0);
	h->iov = (struct iovec){ h->buf, BLOCK };
	h->io = (struct disk_io){ .op = DISK_WRITE,
				  .lba = lba,
				  .nr_blocks = 1,
				  .iov = &h->iov,
				  .iov_cnt = 1,
				  .done = posted,
				  .user = &h->done };
	disk_submit(f->disk, &h->io);
}

static void await(struct held *h)
{
	while (sem_wait(&h->done))
		;
	assert_int_equal(h->io.status, DISK_OK);
	sem_destroy(&h->done);
}

static uint32_t inject_delay(struct fixture *f, uint64_t lba)
{
	return inject(f,
		      "{'fault':'delay','delay_ms':600000,'op':'write',"
		      "'lba':%llu}",
		      lba);
}

/* And what is to be done to their zones does not wait for them. */
static void clearing_a_delay_lets_go_who_waits(void **state)
{
	struct fixture *f = *state;
	struct held h[3] = { 0 };
	struct zl_err err;
	char text[128];
	uint32_t id, ids[3];

	alarm(60);
	turn_wait_ms = 20;
	for (unsigned i = 0; i < 3; i++) {
		ids[i] = inject_delay(f, SEQ(i));
		hold(f, &h[i], SEQ(i));
	}
	while (injected(f) < 3)
		sched_yield();
	snprintf(text, sizeof(text), "{\"fault\":\"offline\",\"lba\":%llu}",
		 (unsigned long long)SEQ(0));
	assert_int_equal(try_inject(f, text, &id, &err), -EBUSY);
	assert_string_equal(err.msg, "a command to zone 2 takes too long (an "
				     "injected delay ends when it is cleared)");
	assert_int_equal(disk_fault_remove(f->disk, ids[1], &err), 0);
	await(&h[1]);
	assert_int_equal(sem_trywait(&h[0].done), -1);
	assert_int_equal(sem_trywait(&h[2].done), -1);
	clear(f);
	await(&h[0]);
	await(&h[2]);
	inject(f, "{'fault':'offline','lba':%llu}", SEQ(0));
	assert_int_equal(wp_of(f, SEQ(2)), SEQ(2) + 1);
	assert_int_equal(do_write(f, SEQ(1) + 1, 1, 1), DISK_OK);
	alarm(0);
}

/* The disk is about to go. */
static void delays_end(void **state)
{
	struct fixture *f = *state;
	struct held h = { 0 };

	alarm(60);
	inject_delay(f, SEQ(0));
	hold(f, &h, SEQ(0));
	while (!injected(f))
		sched_yield();
	disk_end_delays(f->disk);
	await(&h);
	assert_int_equal(do_write(f, SEQ(0) + 1, 1, 1), DISK_OK);
	alarm(0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(read_error_names_the_block),
		T(what_the_zones_refuse_meets_no_error_of_the_medium),
		T(write_error_stops_part_way),
		T(a_write_error_never_writes_everything),
		T(write_error_in_a_conventional_zone),
		T(compare_and_write_meets_both),
		T(busy_does_nothing),
		cmocka_unit_test_setup_teardown(
			no_resources_for_what_would_open, setup_open_limit,
			teardown),
		cmocka_unit_test_setup_teardown(no_resources_for_any_of_several,
						setup_open_limit, teardown),
		T(backing_errors_have_their_own_status),
		T(backing_errors_of_holes_and_refills),
		T(a_backing_error_of_sync_is_remembered),
		T(reset_and_finish_can_fail),
		T(zones_change_at_once_and_for_good),
		T(a_damaged_zone_is_cleared),
		T(a_condition_survives_the_process),
		T(a_condition_that_cannot_be_kept_is_not_set),
		T(many_zones_at_once),
		cmocka_unit_test_setup_teardown(gaps_have_no_state, setup_gaps,
						teardown),
		T(attributes),
		T(persistent_faults_come_back),
		T(attributes_come_back),
		T(what_is_confirmed_survives_a_power_loss),
		T(conditions_may_be_asked_to_persist),
		T(used_up_while_the_disk_is_full),
		T(a_damaged_file_of_faults_is_ignored),
		T(bad_ranges_and_ids_are_refused),
		cmocka_unit_test_setup_teardown(delays_hold_back_no_others,
						setup_open_limit, teardown),
		cmocka_unit_test_setup_teardown(a_delayed_write_keeps_its_turn,
						setup_open_limit, teardown),
		cmocka_unit_test_setup_teardown(
			clearing_a_delay_lets_go_who_waits, setup_open_limit,
			teardown),
		cmocka_unit_test_setup_teardown(delays_end, setup_open_limit,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
