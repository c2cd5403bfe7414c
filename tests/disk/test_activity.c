// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What an open disk counts of its I/Os. */
#include "disk_fixture.h"

#include "base/num.h"
#include "disk/activity.h"
#include "disk/io/io.h"

static struct fixture f;
static struct disk_activity now;

/* Each look at the clock is @step_ns later. */
static uint64_t time_ns, step_ns;

static uint64_t test_clock(void)
{
	return time_ns += step_ns;
}

static int start(void **state)
{
	(void)state;
	time_ns = 1;
	step_ns = 0;
	meter_clock_ns = test_clock;
	fixture_start(&f, FIXTURE_CFG, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	fixture_stop(&f);
	return 0;
}

static enum disk_status io(struct disk_io io)
{
	struct iovec iov = { f.buf, (size_t)io.nr_blocks * BLOCK };

	io.iov = &iov;
	io.iov_cnt = 1;
	return disk_run(f.disk, &io);
}

static const struct disk_kind_activity *kind(enum disk_kind k)
{
	disk_get_activity(f.disk, &now);
	return &now.kind[k];
}

static uint64_t all_done(void)
{
	uint64_t sum = 0;

	disk_get_activity(f.disk, &now);
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		sum += now.kind[i].done;
	return sum;
}

static void each_kind(void **state)
{
	static const struct {
		struct disk_io io;
		enum disk_kind kind;
		uint64_t bytes;
	} cases[] = {
		{ { .op = DISK_WRITE, .lba = SEQ(0), .nr_blocks = 8 },
		  DISK_KIND_WRITE,
		  8 * BLOCK },
		{ { .op = DISK_READ, .lba = SEQ(0), .nr_blocks = 5 },
		  DISK_KIND_READ,
		  5 * BLOCK },
		{ { .op = DISK_COMPARE, .lba = 0, .nr_blocks = 1 },
		  DISK_KIND_READ,
		  BLOCK },
		{ { .op = DISK_SYNC }, DISK_KIND_SYNC, 0 },
		{ { .op = DISK_ZONE, .lba = SEQ(1), .zone_op = ZO_OPEN },
		  DISK_KIND_OPEN,
		  0 },
		{ { .op = DISK_ZONE, .lba = SEQ(1), .zone_op = ZO_CLOSE },
		  DISK_KIND_CLOSE,
		  0 },
		{ { .op = DISK_ZONE, .lba = SEQ(0), .zone_op = ZO_FINISH },
		  DISK_KIND_FINISH,
		  0 },
		{ { .op = DISK_ZONE, .lba = SEQ(0), .zone_op = ZO_RESET },
		  DISK_KIND_RESET,
		  0 },
		{ { .op = DISK_UNMAP, .lba = 0, .nr_blocks = 8 },
		  DISK_KIND_OTHER,
		  0 },
	};

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		struct disk_kind_activity was = *kind(cases[i].kind);
		uint64_t done = all_done();

		memset(f.buf, 0, BLOCK);
		assert_int_equal(io(cases[i].io), DISK_OK);
		assert_int_equal(kind(cases[i].kind)->done, was.done + 1);
		assert_int_equal(kind(cases[i].kind)->bytes,
				 was.bytes + cases[i].bytes);
		assert_int_equal(all_done(), done + 1);
	}
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		assert_int_equal(now.failed[i], 0);
	assert_int_equal(now.in_flight, 0);
}

/* COMPARE AND WRITE reads and writes inside: it is one I/O. */
static void parts_are_not_counted(void **state)
{
	struct disk_io cas = { .op = DISK_COMPARE_WRITE, .nr_blocks = 1 };
	struct iovec iov = { f.buf, 2 * BLOCK };

	(void)state;
	memset(f.buf, 0, 2 * BLOCK);
	cas.iov = &iov;
	cas.iov_cnt = 1;
	assert_int_equal(disk_run(f.disk, &cas), DISK_OK);
	assert_int_equal(all_done(), 1);
	assert_int_equal(kind(DISK_KIND_WRITE)->bytes, BLOCK);
}

static void tried_ones_count_once(void **state)
{
	struct iovec iov = { f.buf, BLOCK };
	struct disk_io w = rw_io(DISK_WRITE, SEQ(0), 1, &iov);

	(void)state;
	disk_close(f.disk);
	fixture_open(&f, FIXTURE_CFG, 1);
	/* Not one that disk_try() can do; its time goes on. */
	w.fua = true;
	step_ns = 1000;
	assert_false(disk_try(f.disk, &w));
	assert_int_equal(all_done(), 0);
	time_ns += 1000000;
	assert_int_equal(disk_run(f.disk, &w), DISK_OK);
	assert_int_equal(all_done(), 1);
	assert_int_equal(kind(DISK_KIND_WRITE)->bytes, BLOCK);
	assert_true(now.kind[DISK_KIND_WRITE].total_ns > 1000000);
	/* A refused one is done, as disk_try() says. */
	w.fua = false;
	if (disk_try(f.disk, &w))
		assert_int_equal(w.status, DISK_REFUSED);
	else
		assert_int_equal(disk_run(f.disk, &w), DISK_REFUSED);
	assert_int_equal(all_done(), 2);
	assert_int_equal(now.failed[DISK_REFUSED - 1], 1);
	assert_int_equal(now.in_flight, 0);
}

/* Also where part of a write reaches the medium before it fails. */
static void failures(void **state)
{
	struct inject_fault fault = {
		.kind = INJECT_WRITE_ERROR,
		.count = INJECT_ALWAYS,
		.lba = SEQ(0),
		.nr_blocks = ZONE,
		.written_blocks = 2,
	};
	struct zl_err err;
	uint32_t id;

	(void)state;
	assert_int_equal(disk_fault_add(f.disk, &fault, &id, &err), 0);
	assert_int_equal(io((struct disk_io){ .op = DISK_WRITE,
					      .lba = SEQ(0),
					      .nr_blocks = 4 }),
			 DISK_WRITE_ERROR);
	assert_int_equal(kind(DISK_KIND_WRITE)->done, 1);
	assert_int_equal(kind(DISK_KIND_WRITE)->bytes, 0);
	assert_int_equal(now.failed[DISK_WRITE_ERROR - 1], 1);
	assert_int_equal(now.in_flight, 0);
}

/* The clock is looked at when it begins and when it ends. */
static void buckets(void **state)
{
	static const struct {
		uint64_t ns;
		unsigned bucket;
	} cases[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ 1023, 0 },
		{ 1024, 1 },
		{ 2047, 1 },
		{ 2048, 2 },
		{ 1000000, 10 },
		{ DISK_BUCKET_NS(24) - 1, 24 },
		{ DISK_BUCKET_NS(24), 25 },
		{ DISK_BUCKET_NS(25), 25 },
		{ UINT64_C(1) << 62, 25 },
	};
	const struct disk_kind_activity *k;
	uint64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		uint64_t was = kind(DISK_KIND_SYNC)->latency[cases[i].bucket];

		step_ns = cases[i].ns;
		assert_int_equal(io((struct disk_io){ .op = DISK_SYNC }),
				 DISK_OK);
		step_ns = 0;
		k = kind(DISK_KIND_SYNC);
		if (k->latency[cases[i].bucket] != was + 1)
			fail_msg("%llu ns is not in bucket %u",
				 (unsigned long long)cases[i].ns,
				 cases[i].bucket);
		sum += cases[i].ns;
		assert_int_equal(k->total_ns, sum);
		assert_int_equal(k->done, i + 1);
	}
	assert_true(now.open_ms >= sum / 1000000);
}

static void percentiles(void **state)
{
	struct disk_kind_activity k = { 0 };

	(void)state;
	assert_int_equal(disk_latency_ns(&k, 500), 0);
	/* 100 of 1024 to 2047 ns, evenly spread. */
	k.done = k.latency[1] = 100;
	assert_int_equal(disk_latency_ns(&k, 500), 1024 + 512);
	assert_int_equal(disk_latency_ns(&k, 1000), 2048);
	/* One slow one. */
	k.latency[20] = 1;
	k.done = 101;
	assert_in_range(disk_latency_ns(&k, 990), 2000, 2048);
	assert_int_equal(disk_latency_ns(&k, 1000), DISK_BUCKET_NS(20));
}

static void names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		assert_non_null(disk_kind_name((enum disk_kind)i));
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		assert_non_null(disk_failure_name(i));
	assert_string_equal(disk_failure_name(DISK_REFUSED - 1), "refused");
	assert_string_equal(disk_failure_name(DISK_MISCOMPARE - 1),
			    "miscompare");
}

static void condition_counts(void **state)
{
	uint32_t nr[16];

	(void)state;
	io((struct disk_io){
		.op = DISK_ZONE, .lba = SEQ(0), .zone_op = ZO_OPEN });
	disk_count_zones(f.disk, nr);
	assert_int_equal(nr[ZC_NOT_WP], NR_CONV);
	assert_int_equal(nr[ZC_EXP_OPEN], 1);
	assert_int_equal(nr[ZC_EMPTY], NR_ZONES - NR_CONV - 1);
	assert_string_equal(disk_name(f.disk), "test");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		T(each_kind), T(parts_are_not_counted),
		T(failures),  T(tried_ones_count_once),
		T(buckets),   T(percentiles),
		T(names),     T(condition_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
