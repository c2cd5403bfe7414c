/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Writes that the initiator repeats since the process that had carried them out
 * died before it could say so.
 */
#ifndef ZL_DISK_IO_GRACE_H
#define ZL_DISK_IO_GRACE_H

#include "disk/internal.h"

/*
 * grace.c: writes that the initiator repeats since the process that had carried
 * them out died before it could say so.
 */
/* How long after opening, on flight_clock_ms(). */
#define GRACE_MS 60000
/* … the disk of a machine that is gone. */
#define GRACE_ELSEWHERE_MS (JOURNAL_GRACE_S * UINT64_C(1000))
/* The last process has died: each sequential write required zone of which it
 * is not known that nothing was under way gets its grace. */
void grace_begin(struct disk *d, uint64_t ms);
/* The same where that was on a machine that is gone, which had everything
 * durable that it acknowledged: what was under way may have holes. */
void grace_begin_elsewhere(struct disk *d);
/* The slot's grace is over.  Under disk->lock. */
static inline void grace_end(struct disk *d, uint32_t slot)
{
	d->slots.at[slot].grace = false;
}
/* … that of all slots that the I/O reaches, which is in range. */
void grace_end_all(const struct io *io);
/*
 * Whether the WRITE, which was refused with @verdict and has its slot's turn,
 * is a repeated one: then sets io->slot and there_blocks.  Reads from the store
 * and waits: only where that is allowed.
 */
bool grace_repeats(struct io *io, enum zone_verdict verdict);
/* A repeated write has been accepted: counts it, in the journal as well. */
void grace_count(struct disk *d);

#endif
