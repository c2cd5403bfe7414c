// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Numbers: strict parsing. */
#include <errno.h>

#include "base/num.h"

int parse_u64(const char *s, size_t len, uint64_t *v)
{
	uint64_t n = 0;
	bool overflow = false;

	if (!len)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		/* Go on after an overflow: junk is named before size. */
		overflow |= __builtin_mul_overflow(n, 10, &n);
		overflow |= __builtin_add_overflow(n, s[i] - '0', &n);
	}
	if (overflow)
		return -ERANGE;
	*v = n;
	return 0;
}
