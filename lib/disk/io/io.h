/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* An I/O from disk_submit() to done(), and its requests to the store. */
#ifndef ZL_DISK_IO_IO_H
#define ZL_DISK_IO_IO_H

#include "base/iov.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/sync.h"
#include "disk/io/turn.h"

/* An I/O under way: in the room that its caller's struct disk_io has for it. */
struct io {
	struct disk_io *pub;
	struct disk *disk;
	/* It waits in one list at a time, or for a worker. */
	union {
		struct io *next;
		struct pool_job job;
	};
	/* When it began, see meter.c; 0 = not yet.  When it ended; 0 = not seen
	 * yet. */
	uint64_t start_ns, end_ns;
	uint64_t record_begin; /* see recorder.h */
	void (*run)(struct io *io);

	/* See io_drive(). */
	bool (*step)(struct io *io);
	struct store_req req;
	atomic_uint phase;
	unsigned state;
	int error;
	bool async;

	/* What it has, or waits for. */
	bool held; /* see hold.c */
	enum disk_gate gate;
	struct slot_turn turn;
	uint32_t turn_slot, nr_turns; /* slots whose turn it has */

	/* See segment.c. */
	struct iov_cur cur;
	struct iovec seg[8];
	uint64_t at_bytes;   /* where the next segment starts on the disk */
	uint64_t left_bytes; /* from there on */
	uint32_t slot;

	uint32_t there_blocks; /* of a repeated WRITE, see grace.c */
	/* Of a WRITE or UNMAP, from its first block on: what the store was
	 * asked for so far; and, where it is not in order, what has come of
	 * that, and stays there if the rest fails. */
	uint32_t tried_blocks, brought_blocks;
	uint64_t size;	       /* of the file, before the write; bytes */
	unsigned losses;       /* see slot_losses() and fua_begin() */
	uint8_t gen;	       /* the slot's, before the read */
	bool there_again;      /* there_blocks are to be written again */
	struct sync_part part; /* being synced */
	struct flight_mark flight;
	struct zone_sel sel; /* of a DISK_ZONE */

	/* Of an injected fault, see faults.c. */
	struct {
		void (*done)(struct disk_io *pub);
		uint32_t asked_blocks;
		uint64_t start_ns;
		uint64_t due_ms;
		uint32_t fault_id; /* what it waits for */
	} faulty;
};

_Static_assert(sizeof(struct io) <= DISK_IO_OWN_BYTES, "no room for it");

static inline struct io *io_of(struct disk_io *pub)
{
	return (struct io *)pub->own;
}

/* submit.c: what runs each operation */
extern void (*const io_run_table[])(struct io *io);

/* enter.c */

/* Whether it changes anything on the medium. */
bool io_changes(const struct io *io);
/* It is about no block of the disk. */
bool io_is_beside_zones(const struct io *io);
/* An I/O that changes something queues for its first slot: true if it can go
 * on.  Under disk->lock. */
bool io_enter(struct io *io);

/* io.c: completion, and the engine that drives an I/O's store requests */
void io_finish(struct io *io, enum disk_status status);
void io_refuse(struct io *io, enum zone_verdict verdict);
/* What one that went well is answered: DISK_OK if the disk is ours, which may
 * have to be asked for. */
enum disk_status io_prove(struct io *io);
/* Status for an errno of the store; sets bad_lba. */
enum disk_status io_fail_status(struct io *io, int error, uint64_t bad_lba);
/*
 * Calls io->step() until it returns false (the I/O is finished, or waits for
 * something else), submitting io->req each time that it returns true.  Goes on
 * in whatever thread a request completes.
 */
void io_drive(struct io *io);

/* The branch that injecting faults costs while there are none. */
static inline bool disk_has_faults(struct disk *d)
{
	return __builtin_expect(
		atomic_load_explicit(&d->faults.armed, memory_order_relaxed),
		0);
}

/* store_run() for what an I/O does. */
int64_t disk_request_run(struct disk *d, struct store_req *req);

#endif
