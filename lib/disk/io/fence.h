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
#include <stdint.h>

struct disk;
struct io;

/* So long after it was proven that the disk is ours things are answered GOOD
 * without asking again: it is proven each second, and no lease is as short. */
#define FENCE_PROVEN_MS 5000

struct fence {
	atomic_bool lost;
	atomic_bool asking; /* the watch is under way */
	struct io *watch;   /* NULL: there is nothing to watch */
	/* When the last proof that came began, on fence_clock_ms(); 0: none. */
	atomic_uint_fast64_t proven_ms;
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

/* Where there is something to watch: whether the last proof is younger than
 * @ms. */
bool fence_proof_is_younger(const struct fence *f, uint64_t ms);

/*
 * Whether something may be answered GOOD without asking: a machine that is cut
 * off from its storage only, whose question nobody answers, would else go on
 * out of its page cache while another one has the disk.
 */
static inline bool fence_is_proven(const struct fence *f)
{
	return __builtin_expect(!f->watch, 1) ||
	       fence_proof_is_younger(f, FENCE_PROVEN_MS);
}

/* The same of something that began when it was: who has not waited for long in
 * between need not ask, which may take long. */
static inline bool fence_is_still_proven(const struct fence *f)
{
	return __builtin_expect(!f->watch, 1) ||
	       fence_proof_is_younger(f, 2 * FENCE_PROVEN_MS);
}

/* What is known. */
static inline bool fence_is_lost(const struct fence *f)
{
	return __builtin_expect(
		atomic_load_explicit(&f->lost, memory_order_relaxed), 0);
}

/* CLOCK_BOOTTIME (tests). */
extern uint64_t (*fence_clock_ms)(void);

#endif
