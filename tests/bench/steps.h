/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a call costs, in steps of the processor: counted one by one with its
 * trap flag, so that neither a busy machine nor a missing performance counter
 * changes the result.  x86-64 only.  One thread at a time.
 */
#ifndef ZLOOP_TESTS_BENCH_STEPS_H
#define ZLOOP_TESTS_BENCH_STEPS_H

#include <stdbool.h>
#include <stdint.h>

struct steps {
	uint64_t instructions; /* of the process; the kernel's are not seen */
	uint64_t syscalls;
	uint64_t atomics; /* locked instructions; a mutex has two */
};

/* A function that is not counted. */
#define STEPS_UNCOUNTED __attribute__((noinline, section("uncounted")))

/* Before all others.  False: this processor's steps cannot be counted. */
bool steps_init(void);

/* From steps_begin() to steps_end(), of the calling thread alone. */
void steps_begin(void);
void steps_end(struct steps *counted);

/* From now on each step's place, "FILE OFFSET", goes to this file (for
 * addr2line); NULL: no longer. */
void steps_trace(const char *path);

#endif
