// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What went wrong, as one sentence for a person. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

int zl_fail(struct zl_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		err->who[0] = 0;
		err->who_unknown = false;
	}
	return -errnum;
}

int zl_fail_in_use(struct zl_err *err, const char *what, const char *fmt, ...)
{
	char who[sizeof(err->who)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(who, sizeof(who), fmt, ap);
	va_end(ap);
	zl_fail(err, EBUSY, "%s is in use by %s", what, who);
	if (err)
		memcpy(err->who, who, strlen(who) + 1);
	return -EBUSY;
}
