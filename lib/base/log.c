// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The log hook. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

static zl_log_fn *log_fn;

zl_log_fn *zl_log_set(zl_log_fn *fn)
{
	zl_log_fn *before = log_fn;

	log_fn = fn;
	return before;
}

static void log_va(enum zl_log_level level, const char *fmt, va_list ap)
{
	int saved = errno;
	char line[1024];

	if (!log_fn)
		return;
	vsnprintf(line, sizeof(line), fmt, ap);
	log_fn(level, line);
	errno = saved;
}

void zl_log(enum zl_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_va(level, fmt, ap);
	va_end(ap);
}

static long long monotonic_seconds(void)
{
	return (long long)(clock_tick_ns() / 1000000000);
}

long long (*zl_limit_clock)(void) = monotonic_seconds;

/*
 * Whether this line may be logged.  *dropped gets how many were not in the last
 * window, when this is the first line of a new one; else 0.  Windows have
 * numbers from 1: 0 is "none yet".
 */
static bool may_log(struct zl_limit *limit, unsigned *dropped)
{
	long long now = zl_limit_clock() / ZL_LIMIT_SECONDS + 1;
	long long old = atomic_load(&limit->window);
	unsigned lines = 0;

	*dropped = 0;
	if (old != now &&
	    atomic_compare_exchange_strong(&limit->window, &old, now)) {
		lines = atomic_exchange(&limit->lines, 0);
		if (lines > ZL_LIMIT_BURST)
			*dropped = lines - ZL_LIMIT_BURST;
	}
	return atomic_fetch_add(&limit->lines, 1) < ZL_LIMIT_BURST;
}

void zl_log_limited(struct zl_limit *limit, enum zl_log_level level,
		    const char *fmt, ...)
{
	unsigned dropped;
	va_list ap;

	if (!may_log(limit, &dropped))
		return;
	if (dropped)
		zl_log(level, "%u more lines like the next were not logged",
		       dropped);
	va_start(ap, fmt);
	log_va(level, fmt, ap);
	va_end(ap);
}
