// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Reports of zones as JSON: sg_rep_zones --json (sg3_utils 1.48) and zloop
 * zones --json.  Zones are counted from 0, as both do. */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "like.h"

/* Whichever of two members is there; sg_rep_zones may put a number into an
 * object with its meaning. */
static struct json_object *either(struct json_object *o, const char *a,
				  const char *b)
{
	struct json_object *v = NULL, *i;

	if (!json_object_object_get_ex(o, a, &v) &&
	    !json_object_object_get_ex(o, b, &v))
		return NULL;
	if (json_object_object_get_ex(v, "i", &i))
		return i;
	return v;
}

/* -1 is none. */
static bool number(struct json_object *v, uint64_t *n)
{
	if (json_object_get_type(v) != json_type_int)
		return false;
	*n = json_object_get_int64(v) < 0 ? LIKE_NONE
					  : json_object_get_uint64(v);
	return true;
}

static bool code(struct json_object *v, int (*parse)(const char *name),
		 unsigned *n)
{
	uint64_t number_of = 0;
	int named = -1;

	if (json_object_get_type(v) == json_type_string)
		named = parse(json_object_get_string(v));
	else if (number(v, &number_of) && number_of <= 0xf)
		named = (int)number_of;
	*n = (unsigned)named;
	return named >= 0;
}

static int zone(struct like *like, struct json_object *o, unsigned at,
		struct zl_err *err)
{
	struct like_zone z = { .cap = LIKE_NONE, .wp = LIKE_NONE, .at = at };

	if (!code(either(o, "type", "zone_type"), like_type, &z.type))
		return like_refuse(like, at, err, "there is no type");
	if (!code(either(o, "condition", "zone_condition"), cli_cond_parse,
		  &z.cond))
		return like_refuse(like, at, err, "there is no condition");
	if (!number(either(o, "start_lba", "zone_start_lba"), &z.start))
		return like_refuse(like, at, err, "there is no start LBA");
	if (!number(either(o, "blocks", "zone_length"), &z.blocks))
		return like_refuse(like, at, err, "there is no length");
	number(either(o, "write_pointer_lba", "write_pointer_lba"), &z.wp);
	return like_add(like, &z, err);
}

static int zones(struct like *like, struct json_object *root,
		 struct zl_err *err)
{
	struct json_object *list =
		either(root, "zones", "zone_descriptors_list");
	uint64_t n;
	int ret = 0;

	if (json_object_get_type(list) != json_type_array)
		return zl_fail(err, EINVAL,
			       "%s has neither \"zones\" nor "
			       "\"zone_descriptors_list\"; give what zloop "
			       "zones --json or sg_rep_zones --json prints",
			       like->name);
	like->place = "zone";
	if (number(either(root, "block_size", "block_size"), &n) &&
	    n <= UINT32_MAX)
		like->block_bytes = (uint32_t)n;
	if (number(either(root, "maximum_lba", "maximum_lba"), &n))
		like->end = n + 1;
	for (size_t i = 0; !ret && i < json_object_array_length(list); i++)
		ret = zone(like, json_object_array_get_idx(list, i),
			   (unsigned)i, err);
	return ret;
}

static unsigned line_of(const char *text, size_t offset)
{
	unsigned line = 1;

	for (size_t i = 0; i < offset && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

int like_json(struct like *like, const char *text, struct zl_err *err)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *root;
	int ret;

	if (!tok)
		return zl_fail(err, ENOMEM, "out of memory");
	root = json_tokener_parse_ex(tok, text, -1);
	if (root)
		ret = zones(like, root, err);
	else
		ret = like_refuse(
			like, line_of(text, json_tokener_get_parse_end(tok)),
			err,
			"JSON ends or is wrong here (%s); give the whole "
			"output and nothing else",
			json_tokener_error_desc(json_tokener_get_error(tok)));
	json_object_put(root);
	json_tokener_free(tok);
	return ret;
}
