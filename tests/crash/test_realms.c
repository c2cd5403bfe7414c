// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The power fails in each step of an activation: it is all there afterwards, or
 * nothing of it, and nothing else is lost.  The disk is that of
 * tests/disk/test_realms.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "crash/power.h"
#include "disk/internal.h"
#include "stores/crash.h"
#include "zone/internal.h"

#define OPTIONS	  "model=realms,zone_size_mb=1,realms=3,realm_zones=1+2"
#define BLOCK	  512u
#define ZONE	  2048u /* blocks */
#define ZONES	  8u
#define GAP	  3u /* slot */
#define LBA(slot) ((uint64_t)(slot)*ZONE)
#define SEEDS	  12

enum {
	CONV,
	SEQUENTIAL
};

struct machine {
	struct store_crash *crash;
	struct disk *disk;
	/* Of realm 2: as acknowledged, and as it may be. */
	uint8_t active, maybe;
	/* What its conventional zone is full of; 0: zeros, or nobody knows. */
	int data;
	uint8_t buf[8 * BLOCK];
};

static struct disk *open_disk(struct machine *m, const char *options)
{
	struct disk_open_args args = { .may_make = true };
	struct disk_opts opts;
	struct disk *d;
	struct zl_err err = { "" };

	disk_opts_parse(&opts, options, strlen(options), ',', false, &err);
	args.opts = &opts;
	if (disk_open_store(store_crash_open(m->crash), "test", &args, &d,
			    &err))
		fail_msg("%s", err.msg);
	return d;
}

static enum disk_status rw(struct machine *m, enum disk_op op, uint32_t slot,
			   int c)
{
	struct iovec iov = { m->buf, sizeof(m->buf) };
	struct disk_io io = { .op = op,
			      .lba = LBA(slot),
			      .nr_blocks = 8,
			      .iov = &iov,
			      .iov_cnt = 1,
			      .fua = op == DISK_WRITE };

	memset(m->buf, c, sizeof(m->buf));
	return disk_run(m->disk, &io);
}

/* Of realm 2; false: the power has failed. */
static bool activate(struct machine *m, uint32_t slot, uint32_t nr,
		     uint8_t domain)
{
	struct zone_activation a = { .zone_id = LBA(slot),
				     .nr_zones = nr,
				     .other = CONV };
	struct disk_io io = { .op = DISK_ACTIVATE, .activation = &a };

	m->maybe = domain;
	if (disk_run(m->disk, &io) != DISK_OK) {
		assert_true(store_crash_is_off(m->crash));
		return false;
	}
	assert_int_equal(a.unmet, 0);
	/* It was acknowledged in the moment that the power failed. */
	m->active = domain;
	m->data = 0;
	return !store_crash_is_off(m->crash);
}

static void start(struct machine *m)
{
	m->crash = store_crash_new();
	m->disk = open_disk(m, OPTIONS);
	assert_true(activate(m, 4, 2, SEQUENTIAL));
	assert_int_equal(rw(m, DISK_WRITE, 4, 1), DISK_OK);
	assert_int_equal(rw(m, DISK_WRITE, 2, 2), DISK_OK);
	m->active = m->maybe = CONV;
	m->data = 2;
}

static void use(struct machine *m)
{
	if (!activate(m, 6, 2, SEQUENTIAL) || !activate(m, 2, 1, CONV))
		return;
	if (rw(m, DISK_WRITE, 2, 3) == DISK_OK)
		m->data = 3;
}

static void check_zones(struct machine *m)
{
	struct disk *d = m->disk;
	const uint8_t active[] = { CONV, SEQUENTIAL, d->active[2] };
	struct store_stat stat;

	/* But for a record that is torn. */
	for (const struct problem *p = d->problems.first; p; p = p->next)
		assert_int_equal(p->slot, UINT32_MAX);
	for (uint32_t slot = 0; slot < ZONES; slot++) {
		uint32_t realm = zone_realm_of(&d->zones.geo, slot);
		bool is = slot != GAP &&
			  active[realm] == zone_domain_of(&d->zones.geo, slot);

		assert_int_equal(store_stat(d->store, slot, &stat), 0);
		assert_int_equal(stat.kind == STORE_KIND_FILE, is);
		assert_int_equal(zone_slot_cond(&d->zones, slot) == ZC_INACTIVE,
				 slot != GAP && !is);
	}
	assert_true(zone_set_check(&d->zones));
}

static void check_block(struct machine *m, uint32_t slot, int c)
{
	assert_int_equal(rw(m, DISK_READ, slot, 0xee), DISK_OK);
	for (size_t i = 0; i < sizeof(m->buf); i++)
		assert_int_equal(m->buf[i], c);
}

/* After the power has come back. */
static void check(struct machine *m)
{
	uint8_t is;

	power_new_boot();
	m->disk = open_disk(m, "");
	is = m->disk->active[2];
	if (is != m->active && is != m->maybe)
		fail_msg("realm 2 is active in domain %d", is);
	check_zones(m);
	check_block(m, 4, 1);
	if (is == CONV && m->active == CONV && m->data)
		check_block(m, 2, m->data);
	/* It is of use. */
	assert_int_equal(rw(m, DISK_WRITE, is == CONV ? 2 : 6, 4), DISK_OK);
	disk_close(m->disk);
	store_crash_free(m->crash);
}

/* Returns whether the power failed before all was over. */
static bool fail_at(uint64_t at, enum store_crash_keep keep, uint64_t seed)
{
	struct machine m;
	bool off;

	start(&m);
	store_crash_arm(m.crash, at);
	use(&m);
	off = store_crash_is_off(m.crash);
	store_crash_arm(m.crash, 0);
	disk_close(m.disk);
	store_crash_cycle(m.crash, keep, seed);
	check(&m);
	return off;
}

static void power_lost_at_every_step(void **state)
{
	uint64_t at = 0;

	(void)state;
	power_new_boot();
	for (bool off = true; off; at++) {
		off = fail_at(at, STORE_CRASH_KEEP_NOTHING, 0);
		fail_at(at, STORE_CRASH_KEEP_ALL, 0);
		for (uint64_t seed = 0; seed < SEEDS; seed++)
			fail_at(at, STORE_CRASH_KEEP_RANDOM, seed);
	}
	print_message("%u steps\n", (unsigned)at);
	assert_true(at > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(power_lost_at_every_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
