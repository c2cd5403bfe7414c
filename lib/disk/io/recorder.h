/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What is acknowledged goes into a log, see record/log.h, while the one who did
 * it still has its turn at the slot or has passed the gate: so the records of a
 * zone have the order in which its file was changed.  (Writes of overlapping
 * blocks of a conventional zone that are under way together have none; the log
 * has one of them first, as an initiator must expect.)
 */
#ifndef ZL_DISK_IO_RECORDER_H
#define ZL_DISK_IO_RECORDER_H

#include "disk/internal.h"
#include "disk/io/io.h"

static inline bool recorder_is_on(struct disk *d)
{
	return __builtin_expect(record_log_is_on(&d->record), 0);
}

/* It begins. */
static inline void recorder_begin(struct disk *d, struct io *io)
{
	io->record_begin = record_log_now(&d->record);
}

/* Not by disk_try(): the log's file is behind. */
bool recorder_must_wait(struct io *io);

/* It has ended with its status, and nobody knows yet.  Not under the lock. */
void recorder_end(struct io *io);

/* RESET or FINISH has changed io->slot. */
void recorder_zone(struct io *io);
/* … and that is durable. */
void recorder_zone_safe(struct io *io);
/* DISK_REFILL has replaced what is below io->slot's write pointer, or, not
 * @ok, emptied it. */
void recorder_refilled(struct io *io, uint32_t wp_blocks, bool ok);
/* Of @nr realms from @first on: @domains is as RECORD_ACTIVATE has it.  The
 * slots' turns are still ours. */
void recorder_activated(struct io *io, uint32_t first, uint32_t nr,
			const uint8_t *domains);

#endif
