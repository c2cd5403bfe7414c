/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* An I/O from disk_submit() to done(), and its requests to the store. */
#ifndef ZL_DISK_IO_IO_H
#define ZL_DISK_IO_IO_H

#include "disk/internal.h"

/* io.c: what runs each operation; completion, and the engine that drives an
 * I/O's store requests */
extern void (*const io_run_table[])(struct disk_io *io);
void io_finish(struct disk_io *io, enum disk_status status);
/* An I/O that changes something queues for its first slot: true if it can go
 * on.  Under disk->lock. */
bool io_enter(struct disk_io *io);
/* It goes on.  Not under the lock. */
void io_go(struct disk_io *io);
void io_refuse(struct disk_io *io, enum zone_verdict verdict);
/* Status for an errno of the store; sets bad_lba. */
enum disk_status io_fail_status(struct disk_io *io, int error,
				uint64_t bad_lba);
/*
 * Calls io->step() until it returns false (the I/O is finished, or waits for
 * something else), submitting io->req each time that it returns true.  Goes on
 * in whatever thread a request completes.
 */
void io_drive(struct disk_io *io);

/* The branch that injecting faults costs while there are none. */
static inline bool disk_has_faults(struct disk *d)
{
	return __builtin_expect(
		atomic_load_explicit(&d->faults.armed, memory_order_relaxed),
		0);
}

/* store_submit() and store_run() for what an I/O does. */
void disk_request(struct disk *d, struct store_req *req);
int64_t disk_request_run(struct disk *d, struct store_req *req);

#endif
