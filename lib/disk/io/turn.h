/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who changes a slot, and who waits for that. */
#ifndef ZL_DISK_IO_TURN_H
#define ZL_DISK_IO_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct disk;
struct io;

/* A turn at changing a slot. */
struct slot_turn {
	struct slot_turn *next;
	void (*granted)(struct slot_turn *turn); /* called without locks */
};

/*
 * Takes a turn at changing a slot's file: true when it is granted at once, else
 * turn->granted() is called later, by whoever leaves.  This and what follows is
 * under disk->lock where nothing else is said.
 */
bool turn_take(struct disk *d, uint32_t slot, struct slot_turn *turn);
/*
 * For a thread that can wait: 0 with the turn, or -EBUSY without it after so
 * long, since an injected delay may hold an I/O for minutes.  Not under the
 * lock.
 */
extern unsigned turn_wait_ms; /* tests set their own */
int turn_wait(struct disk *d, uint32_t slot);
/* Ends the turn: the next one, which is to be granted without the lock, or
 * NULL. */
struct slot_turn *turn_pass_on(struct disk *d, uint32_t slot);
/* … and grants it.  Not under the lock. */
void turn_leave(struct disk *d, uint32_t slot);

/*
 * A write may reach several slots: takes the turns of all from the first with a
 * write pointer on, the lowest first, so that two never wait for each other.
 * After the gate, if it has to pass that.  False: not yet; io->run is called
 * again with the turn that was missing.  Not under the lock.
 */
bool turn_take_range(struct io *io);
/* Ends all turns that the I/O has.  Not under the lock. */
void turn_leave_all(struct disk *d, uint32_t slot, uint32_t nr);
/*
 * The slots that a write may reach, [*first, *end), or none if it is out of
 * range.  Of what must stay in one zone the first one is enough: it will be
 * refused if it reaches another.  With or without the lock.
 */
void turn_range(const struct io *io, uint32_t *first, uint32_t *end);

#endif
