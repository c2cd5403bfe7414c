// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the disk knows of each slot: who changes it, what is dirty or bad. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/slot.h"
#include "disk/io/work.h"
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
	struct disk_slot *s = &d->slots[slot];

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
	d->dirty[slot / 64] |= UINT64_C(1) << slot % 64;
}

void slot_was_cut(struct disk *d, uint32_t slot)
{
	uint32_t wp = zone_slot_wp_blocks(&d->zones, slot);

	d->slots[slot].flags &= ~SLOT_CUT;
	if (!(d->slots[slot].flags & SLOT_DIRTY))
		slot_mark_dirty(d, slot, wp, wp, slot_losses(d, slot));
}

bool slot_take_dirty(struct disk *d, uint32_t slot, uint32_t *lo, uint32_t *hi)
{
	struct disk_slot *s = &d->slots[slot];

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
	d->dirty[slot / 64] &= ~(UINT64_C(1) << slot % 64);
	flight_note_clean(d, slot);
}

uint32_t slot_next_unsynced(const struct disk *d, uint32_t from)
{
	uint32_t words = (uint32_t)div_up_u64(d->zones.nr_slots, 64);
	uint32_t w = from / 64;
	uint64_t bits;

	if (w >= words)
		return UINT32_MAX;
	bits = d->dirty[w] & UINT64_MAX << from % 64;
	while (!bits) {
		if (++w == words)
			return UINT32_MAX;
		bits = d->dirty[w];
	}
	return w * 64 + (uint32_t)__builtin_ctzll(bits);
}

uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi)
{
	uint16_t flags = d->slots[slot].flags;

	if (flags & SLOT_ALL_BAD)
		return lo < hi ? lo : UINT32_MAX;
	return flags & SLOT_BAD ? bad_first(&d->bad, slot, lo, hi) : UINT32_MAX;
}

void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct disk_slot *s = &d->slots[slot];

	if (lo >= hi)
		return;
	/* Forgetting a failed sync would be a lie about somebody's data. */
	if (bad_add(&d->bad, slot, lo, hi) && !(s->flags & SLOT_ALL_BAD)) {
		s->flags |= SLOT_ALL_BAD;
		d->bad.nr_all++;
	}
	s->flags |= SLOT_BAD | SLOT_BAD_NEWS;
}

int slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	struct disk_slot *s = &d->slots[slot];
	int ret;

	if (!(s->flags & SLOT_BAD) ||
	    slot_first_bad(d, slot, lo, hi) == UINT32_MAX)
		return 0;
	if (s->flags & SLOT_ALL_BAD && (lo || hi != UINT32_MAX)) {
		ret = bad_add(&d->bad, slot, 0,
			      zone_slot_blocks(&d->zones, slot));
		if (ret)
			return ret;
	}
	ret = bad_clear(&d->bad, slot, lo, hi);
	if (ret)
		return ret;
	d->bad.nr_all -= !!(s->flags & SLOT_ALL_BAD);
	s->flags &= ~SLOT_ALL_BAD;
	if (bad_first(&d->bad, slot, 0, UINT32_MAX) == UINT32_MAX)
		s->flags &= ~SLOT_BAD;
	s->flags |= SLOT_BAD_NEWS | SLOT_BAD_LESS;
	return 0;
}

void slot_lose(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi)
{
	const struct zone_set *z = &d->zones;

	/* A reset may have come since the sync began. */
	if (zone_slot_has_wp(z, slot))
		hi = min_u32(hi, zone_slot_wp_blocks(z, slot));
	if (lo < hi)
		slot_add_bad(d, slot, lo, hi);
	else
		slot_mark_dirty(d, slot, hi, hi, slot_losses(d, slot));
}

void slot_settle(struct disk *d, uint32_t slot)
{
	struct disk_slot *s = &d->slots[slot];
	uint32_t lo, hi;

	if (s->dirty_losses != slot_losses(d, slot) &&
	    slot_take_dirty(d, slot, &lo, &hi))
		slot_lose(d, slot, lo, hi);
}

int slot_tell_bad(struct disk *d, uint32_t slot, bool sync)
{
	struct disk_slot *s = &d->slots[slot];
	uint16_t news;
	bool tell;
	int ret;

	pthread_mutex_lock(&d->lock);
	news = s->flags & (SLOT_BAD_NEWS | SLOT_BAD_LESS);
	s->flags &= ~news;
	/* What somebody else is telling need not be durable yet. */
	tell = news || s->telling;
	s->telling += tell;
	pthread_mutex_unlock(&d->lock);
	if (!tell)
		return 0;
	ret = journal_bad(d, slot, news & SLOT_BAD_LESS, sync);
	pthread_mutex_lock(&d->lock);
	s->telling--;
	if (ret)
		s->flags |= news;
	if (ret || !sync)
		d->journal.told++;
	pthread_mutex_unlock(&d->lock);
	if (ret)
		zl_log_limited(&d->error_limit, ZL_LOG_ERR,
			       "%s: zone %u: what is unreadable cannot be "
			       "written to " DISK_JOURNAL ": %s",
			       d->name, slot, strerror(-ret));
	return ret;
}

int slot_written(struct disk_io *io, uint32_t lo, uint32_t hi, bool durable)
{
	struct disk *d = io->disk;
	struct disk_slot *s = &d->slots[io->slot];
	bool lost = slot_losses(d, io->slot) != io->losses;

	if (lost || !durable) {
		slot_mark_dirty(d, io->slot, lo, hi, io->losses);
		if (zone_slot_has_wp(&d->zones, io->slot))
			s->dirty_gap = min_u32(
				s->dirty_gap,
				zone_slot_wp_blocks(&d->zones, io->slot));
	}
	return lost ? -EIO : 0;
}

bool slot_enter(struct disk *d, uint32_t slot, struct slot_turn *turn)
{
	struct disk_slot *s = &d->slots[slot];

	if (!(s->flags & SLOT_BUSY)) {
		s->flags |= SLOT_BUSY;
		return true;
	}
	turn->next = NULL;
	if (s->first)
		s->last->next = turn;
	else
		s->first = turn;
	s->last = turn;
	return false;
}

bool slot_unqueue(struct disk *d, uint32_t slot, const struct slot_turn *turn)
{
	struct disk_slot *s = &d->slots[slot];
	struct slot_turn **link = &s->first, *before = NULL;

	while (*link && *link != turn) {
		before = *link;
		link = &before->next;
	}
	if (!*link)
		return false;
	*link = turn->next;
	if (s->last == turn)
		s->last = before;
	return true;
}

/*
 * The slots that a write may reach, [*first, *end), or none if it is out of
 * range.  Of what must stay in one zone the first one is enough: it will be
 * refused if it reaches another.
 */
static void reached(const struct disk_io *io, uint32_t *first, uint32_t *end)
{
	const struct zone_set *z = &io->disk->zones;
	uint64_t capacity = z->geo.capacity_blocks;

	*first = *end = 0;
	if (!io->nr_blocks || io->lba >= capacity ||
	    io->nr_blocks > capacity - io->lba)
		return;
	*first = zone_slot_of(z, io->lba);
	*end = *first + 1;
	if (zone_slot_traits(z, *first)->span != ZS_ZONE)
		*end = zone_slot_of(z, io->lba + io->nr_blocks - 1) + 1;
}

bool slot_enter_range(struct disk_io *io)
{
	struct disk *d = io->disk;
	bool granted = true;
	uint32_t first, end;

	reached(io, &first, &end);
	/* Before the first write pointer none has a turn. */
	while (first < end && !zone_slot_has_wp(&d->zones, first))
		first++;
	if (first >= end)
		return true;
	pthread_mutex_lock(&d->lock);
	if (!io->nr_turns)
		io->turn_slot = first;
	/* Counted before it is granted: whoever grants it comes back here. */
	while (granted && io->turn_slot + io->nr_turns < end)
		granted = slot_enter(d, io->turn_slot + io->nr_turns++,
				     &io->turn);
	pthread_mutex_unlock(&d->lock);
	return granted;
}

void slot_leave_all(struct disk *d, uint32_t slot, uint32_t nr)
{
	for (; nr--; slot++)
		slot_leave(d, slot);
}

/*
 * The gate: writes to conventional zones run side by side, but COMPARE AND
 * WRITE runs alone among them, so that nothing changes between its two halves.
 * It is rare, short, and never beside another, so that one gate does for all
 * zones; whoever came after it waits behind it.
 */
bool gate_needed(const struct disk_io *io)
{
	uint32_t first, end;

	for (reached(io, &first, &end); first < end; first++)
		if (!zone_slot_has_wp(&io->disk->zones, first))
			return true;
	return false;
}

static bool gate_open(const struct disk *d, bool alone)
{
	return !d->gate.alone && !(alone && d->gate.shared);
}

static void gate_take(struct disk *d, bool alone)
{
	if (alone)
		d->gate.alone = true;
	else
		d->gate.shared++;
}

bool gate_enter(struct disk_io *io, bool alone)
{
	struct disk *d = io->disk;
	bool pass;

	io->gate = alone ? GATE_ALONE : GATE_SHARED;
	pthread_mutex_lock(&d->lock);
	pass = !d->gate.first && gate_open(d, alone);
	if (pass) {
		gate_take(d, alone);
	} else {
		io->next = NULL;
		if (d->gate.first)
			d->gate.last->next = io;
		else
			d->gate.first = io;
		d->gate.last = io;
	}
	pthread_mutex_unlock(&d->lock);
	return pass;
}

bool gate_try(struct disk *d)
{
	if (d->gate.first || !gate_open(d, false))
		return false;
	gate_take(d, false);
	return true;
}

/* The next in line, if it may pass now. */
static struct disk_io *gate_next(struct disk *d)
{
	struct disk_io *io = d->gate.first;

	if (!io || !gate_open(d, io->gate == GATE_ALONE))
		return NULL;
	gate_take(d, io->gate == GATE_ALONE);
	d->gate.first = io->next;
	return io;
}

void gate_leave(struct disk *d, enum disk_gate gate)
{
	struct disk_io *io;

	pthread_mutex_lock(&d->lock);
	if (gate == GATE_ALONE)
		d->gate.alone = false;
	else
		d->gate.shared--;
	while ((io = gate_next(d))) {
		pthread_mutex_unlock(&d->lock);
		work_push(d, io);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
}

struct slot_turn *slot_pass_on(struct disk *d, uint32_t slot)
{
	struct disk_slot *s = &d->slots[slot];
	struct slot_turn *next = s->first;

	assert(s->flags & SLOT_BUSY);
	s->finishing = false;
	if (next)
		s->first = next->next;
	else
		s->flags &= ~SLOT_BUSY;
	return next;
}

void slot_leave(struct disk *d, uint32_t slot)
{
	struct slot_turn *next;

	pthread_mutex_lock(&d->lock);
	next = slot_pass_on(d, slot);
	pthread_mutex_unlock(&d->lock);
	if (next)
		next->granted(next);
}
