// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the subcommands need of json-c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "cli.h"

struct json_object *json_text(const char *v)
{
	char *text = utf8_text(v);
	struct json_object *o;

	if (!text)
		abort();
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
