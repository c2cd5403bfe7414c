/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The log hook.  The library never prints: it hands lines to whoever set the
 * hook (the handler: tcmu-runner's log; the command: stderr).
 */
#ifndef ZL_BASE_LOG_H
#define ZL_BASE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>

enum zl_log_level {
	ZL_LOG_ERR,   /* data or service is at risk */
	ZL_LOG_WARN,  /* degraded: a zone offline, an option ignored */
	ZL_LOG_INFO,  /* once per open or close */
	ZL_LOG_DEBUG, /* an initiator's mistakes, per command */
};

/* @line has no newline and is gone when the function returns. */
typedef void zl_log_fn(enum zl_log_level level, const char *line);

/*
 * Sets the process's hook (NULL: lines are dropped, as at the start).  Not to
 * be called while other threads log.  Returns the one before.
 */
zl_log_fn *zl_log_set(zl_log_fn *fn);

/* Logs one line.  Any thread; keeps errno. */
void zl_log(enum zl_log_level level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Bounds how often something is logged: a burst of ZL_LIMIT_BURST lines every
 * ZL_LIMIT_SECONDS.  All zero at first; any thread.
 */
#define ZL_LIMIT_BURST	 10
#define ZL_LIMIT_SECONDS 10

struct zl_limit {
	atomic_llong window; /* in which of them the lines were counted */
	atomic_uint lines;   /* … that wanted to be logged */
};

/* Logs a line if it may be; says first how many were dropped. */
void zl_log_limited(struct zl_limit *limit, enum zl_log_level level,
		    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The clock, in seconds (tests set their own). */
extern long long (*zl_limit_clock)(void);

#endif
