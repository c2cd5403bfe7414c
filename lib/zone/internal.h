/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What the files of lib/zone share, and what its tests look at.  The rules of
 * zone.h hold.
 */
#ifndef ZL_ZONE_INTERNAL_H
#define ZL_ZONE_INTERNAL_H

#include "zone/zone.h"

/* "No slot": the end of the list of implicitly opened zones. */
#define SLOT_NONE UINT32_MAX

/*
 * Gives a slot a condition and keeps the accounts: the counters, and the list
 * of implicitly opened zones, in which a zone that is (again) implicitly opened
 * becomes the last.  The write pointer is the caller's to set.
 */
void zone_slot_set_cond(struct zone_set *set, uint32_t slot,
			enum zone_cond cond);

/* CLOSED, or EMPTY where nothing was written (ZBC-2, close zone operation). */
void zone_slot_close(struct zone_set *set, uint32_t slot);

/* Open zones, implicitly and explicitly. */
uint32_t zone_nr_open(const struct zone_set *set);

/*
 * Whether @extra more zones of the resource that is limited, none of them
 * explicitly opened now, can be opened when each implicitly opened one may be
 * closed for it.
 */
bool zone_can_open(const struct zone_set *set, uint32_t extra);

/*
 * Closes the least recently used implicitly opened zones of a resource until at
 * most geo.max_open - @room of its zones are open.  There must be enough of
 * them where it is limited, else as many as there are.
 */
void zone_make_room(struct zone_set *set, enum zone_resource resource,
		    uint32_t room);

/* What a READ ONLY, OFFLINE or INACTIVE zone answers to any change. */
enum zone_verdict zone_cond_refuses(enum zone_cond cond);

/* Sets the slot's attributes and keeps the account of ZA_NON_SEQ. */
void zone_slot_set_attrs(struct zone_set *set, uint32_t slot, uint8_t attrs);

/* Whether @lba, of the slot, is in a gap zone: behind the slot's capacity or
 * instead of it. */
static inline bool zone_in_gap(const struct zone_set *set, uint32_t slot,
			       uint64_t lba)
{
	return lba - zone_slot_start_lba(set, slot) >=
	       zone_slot_cap_blocks(set, slot);
}

/* Whether a gap zone is behind the slot's other zone. */
bool zone_slot_has_gap(const struct zone_set *set, uint32_t slot);

/* Whether the slot can be in @cond with its write pointer at @wp_blocks. */
bool zone_state_ok(const struct zone_set *set, uint32_t slot,
		   enum zone_cond cond, uint32_t wp_blocks);

/*
 * For tests: whether the accounts agree with the slots (types, conditions that
 * these can have, write pointers that fit the conditions, counters, the lists
 * of implicitly opened zones, the limit of open zones).
 */
bool zone_set_check(const struct zone_set *set);

#endif
