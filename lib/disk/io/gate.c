// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The gate: writes to conventional zones run side by side, but COMPARE AND
 * WRITE runs alone among them, so that nothing changes between its two halves.
 * It is rare, short, and never beside another, so that one gate does for all
 * zones; whoever came after it waits behind it.  An activation is alone in the
 * same way, also among OPENs of a disk with realms.
 */
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/io.h"
#include "disk/io/turn.h"
#include "disk/io/where.h"

bool gate_needed(const struct io *io)
{
	uint32_t first, end;

	for (turn_range(io, &first, &end); first < end; first++)
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

bool gate_enter(struct io *io, bool alone)
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
static struct io *gate_next(struct disk *d)
{
	struct io *io = d->gate.first;

	if (!io || !gate_open(d, io->gate == GATE_ALONE))
		return NULL;
	gate_take(d, io->gate == GATE_ALONE);
	d->gate.first = io->next;
	return io;
}

void gate_leave(struct disk *d, enum disk_gate gate)
{
	struct io *io;

	pthread_mutex_lock(&d->lock);
	if (gate == GATE_ALONE)
		d->gate.alone = false;
	else
		d->gate.shared--;
	while ((io = gate_next(d))) {
		pthread_mutex_unlock(&d->lock);
		where_go(io);
		pthread_mutex_lock(&d->lock);
	}
	pthread_mutex_unlock(&d->lock);
}
