/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What went wrong, as one sentence for a person.  The sentence names the
 * option or file, its value, and what would be right; it has no newline and no
 * full stop, since whoever prints it adds a prefix.
 */
#ifndef ZL_BASE_ERR_H
#define ZL_BASE_ERR_H

#include <stdbool.h>

#define ZL_ERR_MAX 512

struct zl_err {
	char msg[ZL_ERR_MAX];
	char who[128];	  /* of zl_fail_in_use(), else "" */
	bool who_unknown; /* who[] says no more than that somebody does */
};

/*
 * Writes the sentence to @err (NULL: nobody wants it) and returns -@errnum, so
 * that a function can end with "return zl_fail(err, EINVAL, …)".  A sentence
 * over ZL_ERR_MAX - 1 bytes is cut.
 */
int zl_fail(struct zl_err *err, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same of something that is in use: "WHAT is in use by WHO", -EBUSY. */
int zl_fail_in_use(struct zl_err *err, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
