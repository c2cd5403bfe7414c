// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What changes the disk holds it, from before its first request of the store
 * until its completion has been posted, however many requests it makes and
 * zones it reaches; a simulated power failure, or a snapshot, waits until
 * nobody does, and keeps everybody out.  So an I/O is before the failure or
 * after it, as a whole: what was acknowledged was not taken back in part before
 * that.  Nor is a command of several I/Os divided: the next one gets the disk
 * while the one before it still holds it, even if a failure waits.
 *
 * It is held before a turn is queued for and the gate is passed, so that
 * whoever has those never waits for the failure.  An I/O that an injected delay
 * holds back holds the disk all the same, as it may have a turn.
 */
#include "base/clock.h"
#include "disk/internal.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/where.h"
#include "disk/io/turn.h"

void hold_init(struct hold *h)
{
	*h = (struct hold){ .nr = 0 };
	clock_cond_init(&h->changed);
}

void hold_destroy(struct hold *h)
{
	pthread_cond_destroy(&h->changed);
}

bool hold_try(struct disk *d)
{
	if (d->hold.stopped)
		return false;
	d->hold.nr++;
	return true;
}

static bool take(struct io *io)
{
	struct hold *h = &io->disk->hold;

	if (hold_try(io->disk))
		return true;
	if (!io->pub->undivided || !h->nr)
		return false;
	h->nr++;
	return true;
}

bool hold_take(struct io *io)
{
	struct hold *h = &io->disk->hold;

	io->held = take(io);
	if (io->held)
		return true;
	io->next = NULL;
	if (h->first)
		h->last->next = io;
	else
		h->first = io;
	h->last = io;
	return false;
}

void hold_leave_locked(struct disk *d)
{
	if (!--d->hold.nr && d->hold.stopped)
		pthread_cond_broadcast(&d->hold.changed);
}

void hold_leave(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	hold_leave_locked(d);
	pthread_mutex_unlock(&d->lock);
}

/* Until no power failure is under way.  Under the lock. */
static bool wait_resumed(struct disk *d, const struct timespec *end)
{
	struct hold *h = &d->hold;

	while (h->stopped)
		if (pthread_cond_timedwait(&h->changed, &d->lock, end))
			return !h->stopped;
	return true;
}

/* Until nobody holds the disk.  Under the lock. */
static bool wait_left(struct disk *d, const struct timespec *end)
{
	struct hold *h = &d->hold;

	while (h->nr)
		if (pthread_cond_timedwait(&h->changed, &d->lock, end))
			return !h->nr;
	return true;
}

int hold_wait(struct disk *d)
{
	struct timespec end = clock_at_ms(clock_ms() + turn_wait_ms);
	bool held;

	pthread_mutex_lock(&d->lock);
	held = wait_resumed(d, &end) && hold_try(d);
	pthread_mutex_unlock(&d->lock);
	return held ? 0 : -EBUSY;
}

int hold_stop(struct disk *d)
{
	struct timespec end = clock_at_ms(clock_ms() + turn_wait_ms);
	bool stopped, left = false;

	pthread_mutex_lock(&d->lock);
	stopped = wait_resumed(d, &end);
	if (stopped) {
		d->hold.stopped = true;
		left = wait_left(d, &end);
	}
	pthread_mutex_unlock(&d->lock);
	if (stopped && !left)
		hold_resume(d);
	return left ? 0 : -EBUSY;
}

/* Each gets its place in its slot's queue before anybody who comes now. */
void hold_resume(struct disk *d)
{
	struct io *io, *next, *ready = NULL, **tail = &ready;
	struct hold *h = &d->hold;

	pthread_mutex_lock(&d->lock);
	h->stopped = false;
	for (io = h->first; io; io = next) {
		next = io->next;
		io->next = NULL;
		h->nr++;
		io->held = true;
		if (!io_enter(io))
			continue;
		*tail = io;
		tail = &io->next;
	}
	h->first = h->last = NULL;
	pthread_cond_broadcast(&h->changed);
	pthread_mutex_unlock(&d->lock);
	for (io = ready; io; io = next) {
		next = io->next;
		where_go(io);
	}
}
