// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Turns: what changes a slot's file runs one at a time. */
#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"

bool turn_take(struct disk *d, uint32_t slot, struct slot_turn *turn)
{
	struct disk_slot *s = &d->slots.at[slot];

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

/* Takes a turn that is waited for out of the queue.  False: it is not there,
 * and will be granted. */
static bool unqueue(struct disk *d, uint32_t slot, const struct slot_turn *turn)
{
	struct disk_slot *s = &d->slots.at[slot];
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

void turn_range(const struct io *io, uint32_t *first, uint32_t *end)
{
	const struct zone_set *z = &io->disk->zones;
	uint64_t capacity = z->geo.capacity_blocks;

	*first = *end = 0;
	if (!io->pub->nr_blocks || io->pub->lba >= capacity ||
	    io->pub->nr_blocks > capacity - io->pub->lba)
		return;
	*first = zone_slot_of(z, io->pub->lba);
	*end = *first + 1;
	if (zone_slot_traits(z, *first)->span != ZS_ZONE)
		*end = zone_slot_of(z, io->pub->lba + io->pub->nr_blocks - 1) +
		       1;
}

bool turn_take_range(struct io *io)
{
	struct disk *d = io->disk;
	bool granted = true;
	uint32_t first, end;

	turn_range(io, &first, &end);
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
		granted =
			turn_take(d, io->turn_slot + io->nr_turns++, &io->turn);
	pthread_mutex_unlock(&d->lock);
	return granted;
}

void turn_leave_all(struct disk *d, uint32_t slot, uint32_t nr)
{
	for (; nr--; slot++)
		turn_leave(d, slot);
}

struct slot_turn *turn_pass_on(struct disk *d, uint32_t slot)
{
	struct disk_slot *s = &d->slots.at[slot];
	struct slot_turn *next = s->first;

	assert(s->flags & SLOT_BUSY);
	if (next)
		s->first = next->next;
	else
		s->flags &= ~SLOT_BUSY;
	return next;
}

void turn_leave(struct disk *d, uint32_t slot)
{
	struct slot_turn *next;

	pthread_mutex_lock(&d->lock);
	next = turn_pass_on(d, slot);
	pthread_mutex_unlock(&d->lock);
	if (next)
		next->granted(next);
}

/*
 * A thread that waits for its turn, but not for good.
 */

unsigned turn_wait_ms = 20000;

struct waiting {
	struct slot_turn turn; /* first */
	struct disk *d;
	pthread_cond_t cond;
	bool granted;
};

static void granted(struct slot_turn *turn)
{
	struct waiting *w = (struct waiting *)turn;

	pthread_mutex_lock(&w->d->lock);
	w->granted = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->d->lock);
}

int turn_wait(struct disk *d, uint32_t slot)
{
	struct waiting w = { .turn.granted = granted, .d = d };
	struct timespec until = clock_at_ms(clock_ms() + turn_wait_ms);
	bool gave_up = false;

	clock_cond_init(&w.cond);
	pthread_mutex_lock(&d->lock);
	w.granted = turn_take(d, slot, &w.turn);
	while (!w.granted && !gave_up)
		/* What is no longer in the queue is being granted. */
		if (pthread_cond_timedwait(&w.cond, &d->lock, &until))
			gave_up = unqueue(d, slot, &w.turn);
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&w.cond);
	return gave_up ? -EBUSY : 0;
}
