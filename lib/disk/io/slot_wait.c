// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A thread that waits for its turn at a slot, but not for good. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "disk/internal.h"
#include "disk/io/slot.h"

unsigned slot_wait_ms = 20000;

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

int slot_wait(struct disk *d, uint32_t slot)
{
	struct waiting w = { .turn.granted = granted, .d = d };
	struct timespec until = clock_at_ms(clock_ms() + slot_wait_ms);
	bool gave_up = false;

	clock_cond_init(&w.cond);
	pthread_mutex_lock(&d->lock);
	w.granted = slot_enter(d, slot, &w.turn);
	while (!w.granted && !gave_up)
		/* What is no longer in the queue is being granted. */
		if (pthread_cond_timedwait(&w.cond, &d->lock, &until))
			gave_up = slot_unqueue(d, slot, &w.turn);
	pthread_mutex_unlock(&d->lock);
	pthread_cond_destroy(&w.cond);
	return gave_up ? -EBUSY : 0;
}
