// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

unsigned utf8_char_len(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	unsigned len = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (len == 1)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Written too long, a surrogate, or beyond U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

uint32_t utf8_code(const char *s, unsigned len)
{
	uint32_t code = (unsigned char)s[0];

	if (len > 1)
		code &= 0x7fu >> len;
	for (unsigned i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)s[i] & 0x3f);
	return code;
}

char *utf8_text(const char *s)
{
	static const char unknown[] = "\xef\xbf\xbd";
	char *text = malloc(3 * strlen(s) + 1), *end = text;
	unsigned len;

	if (!text)
		return NULL;
	for (; *s; s += len ? len : 1) {
		len = utf8_char_len(s);
		end = mempcpy(end, len ? s : unknown, len ? len : 3);
	}
	*end = 0;
	return text;
}
