// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "base/clock.h"
#include "base/num.h"

#define NS_PER_S  1000000000
#define NS_PER_MS 1000000

static uint64_t read_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
	return clock_ns() / NS_PER_MS;
}

uint64_t clock_tick_ns(void)
{
	return read_ns(CLOCK_MONOTONIC_COARSE);
}

uint64_t clock_slept_ms(void)
{
	return read_ns(CLOCK_BOOTTIME) / NS_PER_MS;
}

int64_t clock_real_ns(void)
{
	return (int64_t)read_ns(CLOCK_REALTIME);
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NS_PER_S),
				  .tv_nsec = (long)(ns % NS_PER_S) };
}

void clock_sleep_ms(uint64_t ms)
{
	struct timespec t = timespec_of(ms * NS_PER_MS);

	nanosleep(&t, NULL);
}

bool clock_wait_step(uint64_t end_ms, uint64_t step_ms)
{
	uint64_t now_ms = clock_ms();

	if (now_ms >= end_ms)
		return false;
	clock_sleep_ms(min_u64(end_ms - now_ms, step_ms));
	return true;
}

void clock_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(cond, &attr);
	pthread_condattr_destroy(&attr);
}

struct timespec clock_at_ms(uint64_t ms)
{
	return timespec_of(ms * NS_PER_MS);
}
