/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Text that must be UTF-8 (RFC 3629), as JSON's, of bytes that need not be. */
#ifndef ZL_BASE_UTF8_H
#define ZL_BASE_UTF8_H

#include <stdint.h>

/*
 * The bytes of the character that a text ending with a 0 has at @s; 0: the byte
 * there begins none.
 */
unsigned utf8_char_len(const char *s);

/* The number in Unicode of the character at @s, of @len bytes. */
uint32_t utf8_code(const char *s, unsigned len);

/*
 * A copy of @s, for the caller to free, in which each byte that is no part of a
 * character became U+FFFD.  NULL for want of memory.
 */
char *utf8_text(const char *s);

#endif
