// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The log hook. */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "base/log.h"

static zl_log_fn *log_fn;

void zl_log_set(zl_log_fn *fn)
{
	log_fn = fn;
}

void zl_log(enum zl_log_level level, const char *fmt, ...)
{
	int saved = errno;
	char line[1024];
	va_list ap;

	if (!log_fn)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_fn(level, line);
	errno = saved;
}
