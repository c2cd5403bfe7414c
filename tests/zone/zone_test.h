/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the zone tests share: a small disk, and one look at all of a zone. */
#ifndef ZL_TESTS_ZONE_ZONE_TEST_H
#define ZL_TESTS_ZONE_ZONE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/num.h"
#include "zone/internal.h"

#define DISK_SLOTS 16

struct disk {
	struct zone_set set;
	struct zone_slot slots[DISK_SLOTS];
};

/* 8 slots of 16 blocks, 2 of them conventional: sequential from LBA 32. */
static const struct zone_geo plain_geo = {
	.capacity_blocks = 128,
	.zone_blocks = 16,
	.zone_cap_blocks = 16,
	.runs = { { 2, ZT_CONVENTIONAL }, { UINT32_MAX, ZT_SEQ_REQUIRED } },
	.max_open = 3,
	.phys_blocks = 1,
	.urswrz = true,
};

static inline void disk_init(struct disk *d, const struct zone_geo *geo)
{
	assert_null(zone_geo_error(geo));
	assert_in_range(zone_geo_slots(geo), 1, DISK_SLOTS);
	zone_set_init(&d->set, geo, d->slots);
	assert_true(zone_set_check(&d->set));
}

static inline enum zone_verdict disk_write(struct disk *d, uint64_t lba,
					   uint32_t nr)
{
	enum zone_verdict verdict = zone_write_begin(&d->set, lba, nr, NULL);

	if (verdict == ZV_OK && nr)
		zone_write_end(&d->set, lba, nr);
	return verdict;
}

/* Condition, write pointer and accounts together. */
#define assert_zone(d, slot, cond_, wp_blocks_)                            \
	do {                                                               \
		assert_string_equal(zone_cond_name((d)->slots[slot].cond), \
				    zone_cond_name(cond_));                \
		assert_int_equal((d)->slots[slot].wp_blocks, wp_blocks_);  \
		assert_true(zone_set_check(&(d)->set));                    \
	} while (0)

#define assert_verdict(got, want) \
	assert_string_equal(zone_verdict_name(got), zone_verdict_name(want))

#endif
