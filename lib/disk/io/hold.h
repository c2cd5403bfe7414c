/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What a simulated power failure or a snapshot must not divide. */
#ifndef ZL_DISK_IO_HOLD_H
#define ZL_DISK_IO_HOLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct disk;
struct io;

/* See hold.c; under disk->lock. */
struct hold {
	uint32_t nr;		 /* I/Os and others that hold the disk now */
	bool stopped;		 /* nobody gets it */
	struct io *first, *last; /* waiting for it */
	pthread_cond_t changed;
};

/*
 * hold.c: what a simulated power failure or a snapshot must not divide.
 */
void hold_init(struct hold *h);
void hold_destroy(struct hold *h);
/* The I/O holds the disk until it is over; before it has a turn or has passed
 * the gate.  False: not yet; io_enter() and where_go() are called for it then.
 * Under disk->lock. */
bool hold_take(struct io *io);
/* The same for what cannot be called later.  Under the lock. */
bool hold_try(struct disk *d);
void hold_leave_locked(struct disk *d);
void hold_leave(struct disk *d);
/* For a thread that can wait, but as turn_wait() not for good: 0 or -EBUSY.
 * Not under the lock. */
int hold_wait(struct disk *d);
/* Lets nobody hold the disk any more and waits until nobody does; -EBUSY as
 * above, and nothing has happened. */
int hold_stop(struct disk *d);
/* Who waits comes first. */
void hold_resume(struct disk *d);

#endif
