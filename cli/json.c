// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the subcommands need of json-c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* The bytes of the character of UTF-8 (RFC 3629) at @s, 0: it is none. */
static unsigned char_len(const unsigned char *s)
{
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

struct json_object *json_text(const char *v)
{
	static const char unknown[] = "\xef\xbf\xbd";
	char *text = malloc(3 * strlen(v) + 1), *end = text;
	struct json_object *o;
	unsigned len;

	if (!text)
		abort();
	for (; *v; v += len ? len : 1) {
		len = char_len((const unsigned char *)v);
		end = mempcpy(end, len ? v : unknown, len ? len : 3);
	}
	*end = 0;
	o = json_object_new_string(text);
	free(text);
	return o;
}

void json_add_str(struct json_object *o, const char *key, const char *v)
{
	json_object_object_add(o, key, json_text(v));
}

void json_add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_uint64(v));
}

void json_add_bool(struct json_object *o, const char *key, bool v)
{
	json_object_object_add(o, key, json_object_new_boolean(v));
}

void json_add_problem(struct json_object *array, uint32_t slot,
		      const char *what)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(
		o, "zone",
		slot == UINT32_MAX ? NULL : json_object_new_uint64(slot));
	json_add_str(o, "what", what);
	json_object_array_add(array, o);
}

static void print(struct json_object *o, int flags)
{
	const char *text = json_object_to_json_string_ext(
		o, flags | JSON_C_TO_STRING_NOSLASHESCAPE);

	if (text)
		fputs(text, stdout);
	json_object_put(o);
}

void json_print(struct json_object *o)
{
	print(o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	putchar('\n');
}

void json_print_compact(struct json_object *o)
{
	print(o, JSON_C_TO_STRING_SPACED);
}
