/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Threads for what may block: one pool for all disks of the process, in which
 * each has its lane.  See base/pool.h.
 */
#ifndef ZL_DISK_IO_WORK_H
#define ZL_DISK_IO_WORK_H

#include "base/pool.h"

struct disk;
struct io;

/* Up to @max_workers I/Os at once; 0: everything runs where it is pushed.
 * -errno. */
int work_start(struct pool_lane *work, unsigned max_workers);
/* Nothing is under way. */
void work_stop(struct pool_lane *work);
/* Any thread. */
void work_push(struct disk *d, struct io *io);

/* How many have been pushed and not yet run to the end. */
static inline unsigned work_busy(const struct pool_lane *work)
{
	return pool_lane_busy(work);
}

#endif
