// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Members of requests and replies. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "base/utf8.h"
#include "control/internal.h"

void reply_add(struct request *r, const char *key, struct json_object *v)
{
	json_object_object_add(r->out, key, v);
}

struct json_object *new_u64(uint64_t v)
{
	return v > INT64_MAX ? NULL : json_object_new_int64((int64_t)v);
}

struct json_object *new_text(const char *s)
{
	char *text = utf8_text(s);
	struct json_object *o = text ? json_object_new_string(text) : NULL;

	free(text);
	return o;
}

struct json_object *new_word(const char *name)
{
	char word[32];
	size_t i;

	for (i = 0; name[i] && i < sizeof(word) - 1; i++)
		word[i] = name[i] == ' '
				  ? '-'
				  : (char)tolower((unsigned char)name[i]);
	word[i] = 0;
	return json_object_new_string(word);
}

bool request_u64(struct request *r, const char *key, uint64_t max, uint64_t *v)
{
	struct json_object *o;
	uint64_t n;

	if (!json_object_object_get_ex(r->in, key, &o))
		return true;
	/* json-c gives the nearest it has for what does not fit: 0 for what is
	 * below, and no @max is the largest. */
	n = json_object_get_uint64(o);
	if (json_object_is_type(o, json_type_int) &&
	    json_object_get_int64(o) >= 0 && n <= max) {
		*v = n;
		return true;
	}
	zl_fail(r->err, EINVAL, "%s is not a number from 0 to %llu", key,
		(unsigned long long)max);
	return false;
}

bool request_bool(struct request *r, const char *key, bool *v)
{
	struct json_object *o;

	if (!json_object_object_get_ex(r->in, key, &o))
		return true;
	if (json_object_is_type(o, json_type_boolean)) {
		*v = json_object_get_boolean(o);
		return true;
	}
	zl_fail(r->err, EINVAL, "%s is neither true nor false", key);
	return false;
}

size_t array_length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array)
		       ? json_object_array_length(array)
		       : 0;
}
