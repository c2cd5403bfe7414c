// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What went wrong, as one sentence for a person. */
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

int zl_fail(struct zl_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return -errnum;
}
