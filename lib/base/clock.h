/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The clock that only goes forward (CLOCK_MONOTONIC), for whoever measures or
 * waits.  No other file asks the system what time it is.  Any thread.
 */
#ifndef ZL_BASE_CLOCK_H
#define ZL_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

uint64_t clock_ns(void);
uint64_t clock_ms(void);

/* Nanoseconds when the kernel last looked, up to 10 ms ago; costs a fifth of
 * clock_ns(). */
uint64_t clock_tick_ns(void);

/* Not that clock, but one that goes on while the machine sleeps
 * (CLOCK_BOOTTIME). */
uint64_t clock_slept_ms(void);

/* Nor that one, but the one of file times (CLOCK_REALTIME), which somebody
 * may set. */
int64_t clock_real_ns(void);

/* Sleeps so long, less if a signal comes. */
void clock_sleep_ms(uint64_t ms);

/* For who looks again and again until clock_ms() is @end_ms: sleeps for
 * @step_ms, or for what is left.  False: nothing is left. */
bool clock_wait_step(uint64_t end_ms, uint64_t step_ms);

/* A condition that is waited for on this clock, and the moment when clock_ms()
 * is @ms, for pthread_cond_timedwait(). */
void clock_cond_init(pthread_cond_t *cond);
struct timespec clock_at_ms(uint64_t ms);

#endif
