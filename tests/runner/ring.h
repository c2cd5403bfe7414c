/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The daemon's side of the ring, see runner.h for the initiator's. The
 * daemon fetches entries, posts their completions and kicks; only what was
 * kicked is delivered, and what was posted survives the daemon.
 */
#ifndef ZLOOP_TESTS_RUNNER_RING_H
#define ZLOOP_TESTS_RUNNER_RING_H

#include "runner.h"

#include <stdatomic.h>
#include <sys/uio.h>

/* Prints "runner: ABORT: ..." and aborts. */
__attribute__((noreturn, format(printf, 1, 2))) void
runner_abort(const char *fmt, ...);

uint32_t ring_depth(const struct runner_ring *ring);
/* The most iovecs that a command of this ring can have. */
unsigned int ring_max_iovecs(const struct runner_ring *ring);

/* This process is the daemon now. */
void ring_attach(struct runner_ring *ring);

/* The next submitted entry, or -1. Only the command thread calls it. */
int ring_fetch(struct runner_ring *ring);
/*
 * Sleeps until something was submitted, or ring_wake() was called after
 * @wakes was read by ring_wakes(); returns early at times. A cancellation
 * point.
 */
uint32_t ring_wakes(struct runner_ring *ring);
void ring_wait(struct runner_ring *ring, uint32_t wakes);
void ring_wake(struct runner_ring *ring);

/*
 * Sleeps while *@word is @value, at most; a cancellation point. The system
 * call is made here because ThreadSanitizer loses track of a thread that is
 * cancelled inside libc's blocking calls.
 */
void futex_wait_cancellable(_Atomic uint32_t *word, uint32_t value);
void futex_wake_all(_Atomic uint32_t *word);

const uint8_t *ring_cdb(struct runner_ring *ring, int entry);
unsigned int ring_iovecs(struct runner_ring *ring, int entry,
			 struct iovec *iov);
/* False when bytes around the entry's buffers were changed. */
bool ring_guards_intact(struct runner_ring *ring, int entry);

/*
 * Writes a completion into the ring. One thread at a time. @sense may be
 * NULL unless @status is CHECK CONDITION.
 */
void ring_post(struct runner_ring *ring, int entry, uint8_t status,
	       const uint8_t *sense, bool dropped);
/* Has everything posted so far delivered. Any thread. */
void ring_kick(struct runner_ring *ring);

/* Commands whose done() has not returned yet. */
uint32_t ring_outstanding(struct runner_ring *ring);

#endif
