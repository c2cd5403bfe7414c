/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Numbers: strict parsing and small arithmetic.  No function has side effects;
 * all are safe from any thread.
 */
#ifndef ZL_BASE_NUM_H
#define ZL_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ZL_MIB		 (UINT64_C(1) << 20)
#define ZL_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* What @p is the @member of. */
#define ZL_CONTAINER(p, type, member) \
	((type *)((char *)(p)-offsetof(type, member)))

static inline bool is_pow2(uint64_t v)
{
	return v && !(v & (v - 1));
}

static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* a / b rounded up; b is not 0. */
static inline uint64_t div_up_u64(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

/* Whether @len bytes are all 0; so are none. */
static inline bool bytes_are_zero(const void *data, size_t len)
{
	const uint8_t *p = data;

	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

/*
 * Parses the @len bytes at @s as a plain decimal number: digits only, no sign,
 * no white space, no suffix.  Returns 0, -EINVAL for anything else, or -ERANGE
 * when it does not fit; *v is set only on success.
 */
int parse_u64(const char *s, size_t len, uint64_t *v);

/*
 * The same with a unit behind it, in capital or small letters: K, M, G, T or P,
 * perhaps with iB, are powers of 1024; KB, MB, GB, TB and PB of 1000.  *bytes
 * is the number times it, or times @unit where there is none.
 */
int parse_size(const char *s, size_t len, uint64_t unit, uint64_t *bytes);

#define SIZE_TEXT_MAX 32
/* Writes a size for people, in the largest unit that it is at least one of,
 * with a tenth, both cut: "2 GiB", "1.5 MiB". */
const char *size_in_words(uint64_t bytes, char buf[SIZE_TEXT_MAX]);

#endif
