/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A disk whose lock was lost, since this machine was cut off and another one
 * has taken over: from then on nothing is written, and nothing is answered
 * GOOD. That it is lost is never guessed from an error, but asked for:
 * store_prove(). Only where the store can lose it (store->fence); elsewhere
 * this costs nothing.
 */
#ifndef ZL_DISK_IO_FENCE_H
#define ZL_DISK_IO_FENCE_H

#include <stdatomic.h>
#include <stdbool.h>

struct disk;
struct io;

struct fence {
	atomic_bool lost;
	atomic_bool asking; /* the watch is under way */
	struct io *watch;   /* NULL: there is nothing to watch */
	/* Under disk->lock: */
	char why[256]; /* for a person; "": not lost */
	void (*fn)(void *user);
	void *user;
};

/* 0 or -ENOMEM.  fence_end(): no I/O is under way. */
int fence_init(struct disk *d);
void fence_end(struct disk *d);

/* Asks, and waits for the answer: 0, -STORE_FENCED, or another -errno if that
 * cannot be found out. */
int fence_ask(struct disk *d);
/* Whether that is why the store failed with @error. */
bool fence_is_why(struct disk *d, int error);

/* What is known. */
static inline bool fence_is_lost(const struct fence *f)
{
	return __builtin_expect(
		atomic_load_explicit(&f->lost, memory_order_relaxed), 0);
}

#endif
