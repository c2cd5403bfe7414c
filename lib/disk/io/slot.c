// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What of a slot is dirty or bad. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/slot.h"
#include "disk/medium/journal.h"

static uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

void slot_mark_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi,
		     unsigned losses)
{
	struct disk_slot *s = &d->slots.at[slot];

	flight_note_dirty(d, slot, lo, hi);
	if (s->flags & SLOT_DIRTY) {
		s->dirty_lo = min_u32(s->dirty_lo, lo);
		s->dirty_gap = min_u32(s->dirty_gap, lo);
		s->dirty_hi = max_u32(s->dirty_hi, hi);
		s->dirty_losses = older_losses(s->dirty_losses, losses);
		return;
	}
	s->flags |= SLOT_DIRTY;
	s->dirty_losses = losses;
	s->dirty_lo = s->dirty_gap = lo;
	s->dirty_hi = hi;
	d->slots.dirty[slot / 64] |= UINT64_C(1) << slot % 64;
}

void slot_was_cut(struct disk *d, uint32_t slot)
{
	uint32_t wp = zone_slot_wp_blocks(&d->zones, slot);

	d->slots.at[slot].flags &= ~SLOT_CUT;
	if (!(d->slots.at[slot].flags & SLOT_DIRTY))
		slot_mark_dirty(d, slot, wp, wp, slot_losses(d, slot));
}

bool slot_take_dirty(struct disk *d, uint32_t slot, uint32_t *lo, uint32_t *hi)
{
	struct disk_slot *s = &d->slots.at[slot];

	if (!(s->flags & SLOT_DIRTY))
		return false;
	s->flags &= ~SLOT_DIRTY;
	s->undo_non_seq = false;
	*lo = s->dirty_lo;
	*hi = s->dirty_hi;
	slot_note_clean(d, slot);
	return true;
}

void slot_note_clean(struct disk *d, uint32_t slot)
{
	if (slot_is_unsynced(d, slot))
		return;
	d->slots.dirty[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	flight_note_clean(d, slot);
}

uint32_t slot_next_unsynced(const struct disk *d, uint32_t from)
{
	uint32_t words = (uint32_t)div_up_u64(d->zones.nr_slots, 64);
	uint32_t w = from / 64;
	uint64_t bits;

	if (w >= words)
		return UINT32_MAX;
	bits = d->slots.dirty[w] & UINT64_MAX << from % 64;
	while (!bits) {
		if (++w == words)
			return UINT32_MAX;
		bits = d->slots.dirty[w];
	}
	return w * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* Of those that are recorded. */
static uint32_t first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			  uint32_t hi)
{
	uint16_t flags = d->slots.at[slot].flags;

	if (flags & SLOT_ALL_BAD)
		return lo < hi ? lo : UINT32_MAX;
	return flags & SLOT_BAD ? bad_first(&d->slots.bad, slot, lo, hi)
				: UINT32_MAX;
}

struct sync_part *slot_lost_part(const struct disk *d, uint32_t slot,
				 struct sync_part *part)
{
	while (part && (part->slot != slot || part->settled ||
			part->losses == slot_losses(d, slot)))
		part = part->next;
	return part;
}

/* The first that both have, or UINT32_MAX. */
static uint32_t first_of_both(uint32_t lo, uint32_t hi, uint32_t lo2,
			      uint32_t hi2)
{
	lo = max_u32(lo, lo2);
	return lo < min_u32(hi, hi2) ? lo : UINT32_MAX;
}

/* Of those that are lost, and not recorded yet. */
static uint32_t first_lost(const struct disk *d, uint32_t slot, uint32_t lo,
			   uint32_t hi)
{
	const struct disk_slot *s = &d->slots.at[slot];
	struct sync_part *p = d->sync.parts;
	uint32_t first = UINT32_MAX;

	/* A reset may have come since they were written. */
	hi = min_u32(hi, slot_file_blocks(d, slot));
	if (slot_dirty_is_lost(d, slot))
		first = first_of_both(lo, hi, s->dirty_lo, s->dirty_hi);
	while ((p = slot_lost_part(d, slot, p))) {
		first = min_u32(first, first_of_both(lo, hi, p->lo, p->hi));
		p = p->next;
	}
	return first;
}

uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi)
{
	uint32_t first = first_bad(d, slot, lo, hi);

	return slot_has_lost(d, slot)
		       ? min_u32(first, first_lost(d, slot, lo, hi))
		       : first;
}

/* Here and nowhere else: they are counted. */
static void set_all_bad(struct disk *d, uint32_t slot, bool all)
{
	struct disk_slot *s = &d->slots.at[slot];
	bool was = s->flags & SLOT_ALL_BAD;

	assert(!was || d->slots.bad.nr_all);
	d->slots.bad.nr_all += all - was;
	s->flags &= ~SLOT_ALL_BAD;
	s->flags |= all ? SLOT_ALL_BAD : 0;
}

void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct disk_slot *s = &d->slots.at[slot];

	if (lo >= hi)
		return;
	/* Forgetting a failed sync would be a lie about somebody's data. */
	if (bad_add(&d->slots.bad, slot, lo, hi))
		set_all_bad(d, slot, true);
	s->flags |= SLOT_BAD | SLOT_BAD_NEWS;
	flight_note_lost(d, slot, lo, hi);
}

int slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct disk_slot *s = &d->slots.at[slot];
	int ret;

	slot_note_there(d, slot, lo, hi);
	if (!(s->flags & SLOT_BAD) || first_bad(d, slot, lo, hi) == UINT32_MAX)
		return 0;
	if (s->flags & SLOT_ALL_BAD && (lo || hi != UINT32_MAX)) {
		ret = bad_add(&d->slots.bad, slot, 0,
			      zone_slot_blocks(&d->zones, slot));
		if (ret)
			return ret;
	}
	ret = bad_clear(&d->slots.bad, slot, lo, hi);
	if (ret)
		return ret;
	set_all_bad(d, slot, false);
	if (bad_first(&d->slots.bad, slot, 0, UINT32_MAX) == UINT32_MAX)
		s->flags &= ~SLOT_BAD;
	s->flags |= SLOT_BAD_NEWS | SLOT_BAD_LESS;
	flight_note_rewritten(d, slot, lo, hi);
	return 0;
}

void slot_lose(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	/* A reset may have come since the sync began, or an activation. */
	hi = min_u32(hi, slot_file_blocks(d, slot));
	if (lo < hi)
		slot_add_bad(d, slot, lo, hi);
	else
		slot_mark_dirty(d, slot, hi, hi, slot_losses(d, slot));
}

/* Before it is no longer noted as dirty: whoever dies in between has noted the
 * one or the other. */
static void note_lost(struct disk *d, uint32_t slot)
{
	const struct disk_slot *s = &d->slots.at[slot];
	uint32_t end = min_u32(s->dirty_hi, slot_file_blocks(d, slot));

	if (s->flags & SLOT_DIRTY && s->dirty_lo < end)
		flight_note_lost(d, slot, s->dirty_lo, end);
}

void slot_settle(struct disk *d, uint32_t slot)
{
	struct sync_part *p = d->sync.parts;
	uint32_t lo, hi;

	if (slot_dirty_is_lost(d, slot)) {
		note_lost(d, slot);
		if (slot_take_dirty(d, slot, &lo, &hi))
			slot_lose(d, slot, lo, hi);
	}
	while ((p = slot_lost_part(d, slot, p))) {
		slot_lose(d, slot, p->lo, p->hi);
		p->settled = true;
	}
}

int slot_tell_bad(struct disk *d, uint32_t slot, bool sync)
{
	struct disk_slot *s = &d->slots.at[slot];
	uint16_t news;
	bool tell, less;
	int ret;

	pthread_mutex_lock(&d->lock);
	news = s->flags & (SLOT_BAD_NEWS | SLOT_BAD_LESS);
	s->flags &= ~news;
	/* What somebody else is telling need not be durable yet. */
	tell = news || s->telling;
	less = news & SLOT_BAD_LESS || s->telling_less;
	s->telling += tell;
	s->telling_less += less;
	pthread_mutex_unlock(&d->lock);
	if (!tell)
		return 0;
	ret = journal_bad(d, slot, less, sync);
	pthread_mutex_lock(&d->lock);
	s->telling--;
	s->telling_less -= less;
	if (ret)
		s->flags |= news;
	else if (!slot_has_news(d, slot))
		flight_note_told(d, slot);
	if (ret || !sync)
		d->journal.told++;
	pthread_mutex_unlock(&d->lock);
	if (ret)
		zl_log_limited(&d->error_limit, ZL_LOG_ERR,
			       "%s: zone %u: what is unreadable cannot be "
			       "written to " DISK_JOURNAL ": %s",
			       d->name, slot, limit_strerror(-ret));
	return ret;
}

static uint32_t next_news(struct disk *d, uint32_t slot)
{
	pthread_mutex_lock(&d->lock);
	if (!d->slots.bad.first && !d->slots.bad.nr_all)
		slot = d->zones.nr_slots;
	while (slot < d->zones.nr_slots &&
	       !(d->slots.at[slot].flags & SLOT_BAD_NEWS))
		slot++;
	pthread_mutex_unlock(&d->lock);
	return slot;
}

int slot_tell_all_bad(struct disk *d)
{
	uint32_t slot = next_news(d, 0);
	int ret, first = 0;

	for (; slot < d->zones.nr_slots; slot = next_news(d, slot + 1)) {
		ret = slot_tell_bad(d, slot, true);
		if (!first)
			first = ret;
	}
	return first;
}

void slot_mark_written(struct io *io, uint32_t lo, uint32_t hi)
{
	struct disk *d = io->disk;
	struct disk_slot *s = &d->slots.at[io->slot];

	slot_mark_dirty(d, io->slot, lo, hi, io->losses);
	if (zone_slot_has_wp(&d->zones, io->slot))
		s->dirty_gap = min_u32(
			s->dirty_gap, zone_slot_wp_blocks(&d->zones, io->slot));
}

int slot_written(struct io *io, uint32_t lo, uint32_t hi, bool durable)
{
	bool lost = slot_losses(io->disk, io->slot) != io->losses;

	if (lost || !durable)
		slot_mark_written(io, lo, hi);
	return lost ? -EIO : 0;
}
