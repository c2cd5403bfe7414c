// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Numbers: strict parsing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include <string.h>
#include <strings.h>

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

/* 0: it is no unit, or one that does not fit. */
static uint64_t unit_bytes(const char *s, size_t len)
{
	static const char letters[] = "kmgtp";
	const char *at = memchr(letters, s[0] | 0x20, sizeof(letters) - 1);
	uint64_t base = 1024, bytes = 1;

	if (!at)
		return 0;
	if (len == 2 && !strncasecmp(s + 1, "b", 1))
		base = 1000;
	else if (len != 1 && (len != 3 || strncasecmp(s + 1, "ib", 2)))
		return 0;
	for (const char *p = letters; p <= at; p++)
		bytes *= base;
	return bytes;
}

int parse_size(const char *s, size_t len, uint64_t unit, uint64_t *bytes)
{
	size_t digits = 0;
	uint64_t n;
	int ret;

	while (digits < len && s[digits] >= '0' && s[digits] <= '9')
		digits++;
	if (digits < len)
		unit = unit_bytes(s + digits, len - digits);
	if (!unit)
		return -EINVAL;
	ret = parse_u64(s, digits, &n);
	if (!ret && __builtin_mul_overflow(n, unit, &n))
		ret = -ERANGE;
	if (!ret)
		*bytes = n;
	return ret;
}

const char *size_in_words(uint64_t bytes, char buf[SIZE_TEXT_MAX])
{
	static const char *const units[] = { "bytes", "KiB", "MiB",
					     "GiB",   "TiB", "PiB" };
	unsigned unit = 0;
	uint64_t tenths;

	while (unit < 5 && bytes >> (10 * (unit + 1)))
		unit++;
	tenths = unit ? (bytes >> (10 * (unit - 1)) & 1023) * 10 / 1024 : 0;
	if (tenths)
		snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 ".%" PRIu64 " %s",
			 bytes >> (10 * unit), tenths, units[unit]);
	else
		snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 " %s",
			 bytes >> (10 * unit), units[unit]);
	return buf;
}
