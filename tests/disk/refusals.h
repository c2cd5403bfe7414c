/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Sentences that are asserted literally. */
#ifndef TESTS_DISK_REFUSALS_H
#define TESTS_DISK_REFUSALS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"

/* @ret is a refusal for @input, with exactly this sentence. */
static inline void assert_refused(const char *input, int ret,
				  const struct zl_err *err,
				  const char *sentence)
{
	if (ret >= 0)
		fail_msg("%s: not refused", input);
	if (strcmp(err->msg, sentence))
		fail_msg("%s\n is: %s\nnot: %s", input, err->msg, sentence);
}

static inline void assert_accepted(const char *input, int ret,
				   const struct zl_err *err)
{
	if (ret)
		fail_msg("%s: refused: %s", input, err->msg);
}

#endif
