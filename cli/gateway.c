// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop.gateway: see gateway.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "gateway.h"
#include "target.h"

/*
 * Writing.
 */

static struct json_object *portals_json(const struct export_how *how)
{
	struct json_object *array = json_object_new_array();

	for (unsigned i = 0; i < how->nr_portals; i++)
		json_object_array_add(array, json_text(how->portals[i]));
	return array;
}

static struct json_object *target_json(const struct export_how *how,
				       const char *iqn)
{
	struct json_object *o;

	if (!how)
		return NULL;
	o = json_object_new_object();
	json_add_str(o, "iqn", iqn);
	json_object_object_add(o, "portals", portals_json(how));
	if (how->open)
		return o;
	json_add_str(o, "initiator", how->acl);
	json_add_str(o, "user", how->user);
	json_add_str(o, "password", how->password);
	return o;
}

void gateway_note(const struct lio_backstore *bs, const struct export_how *how,
		  const char *iqn)
{
	const char *dir = lio_backstore_dir(bs);
	char device[LIO_DEVICE_MAX];
	struct json_object *o;
	struct zl_err err;

	if (!disk_is_shared(dir))
		return;
	o = json_object_new_object();
	json_add_bool(o, "device", *cli_device(bs, device));
	json_object_object_add(o, "target", target_json(how, iqn));
	if (disk_gateway_write(
		    dir,
		    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY),
		    &err))
		cli_note("%s; another machine that takes over must be told how "
			 "the disk was attached",
			 err.msg);
	json_object_put(o);
}

/*
 * Reading.
 */

/* The text @key of @o, NULL if it has none. */
static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v;

	return json_object_object_get_ex(o, key, &v) &&
			       json_object_is_type(v, json_type_string)
		       ? json_object_get_string(v)
		       : NULL;
}

static bool read_portals(struct gateway *gw, struct json_object *target)
{
	struct json_object *all, *portal;

	if (!json_object_object_get_ex(target, "portals", &all) ||
	    !json_object_is_type(all, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		portal = json_object_array_get_idx(all, i);
		if (!json_object_is_type(portal, json_type_string) ||
		    !export_add_portal(&gw->how,
				       json_object_get_string(portal)))
			return false;
	}
	return true;
}

static bool read_target(struct gateway *gw)
{
	struct export_how *how = &gw->how;
	struct json_object *target;
	const char *iqn;

	if (!json_object_object_get_ex(gw->text, "target", &target) || !target)
		return true;
	iqn = text_of(target, "iqn");
	if (!iqn || strlen(iqn) >= sizeof(gw->iqn) || !read_portals(gw, target))
		return false;
	strcpy(gw->iqn, iqn);
	gw->exported = true;
	how->acl = text_of(target, "initiator");
	how->user = text_of(target, "user");
	how->password = text_of(target, "password");
	how->open = !how->acl;
	return export_is_sound(how, gw->iqn);
}

int gateway_read(const char *dir, struct gateway *gw, struct zl_err *err)
{
	struct json_object *device;
	struct json_fault fault;
	size_t len;
	char *text;
	int ret = disk_gateway_read(dir, &text, &len);

	*gw = (struct gateway){ .text = NULL };
	if (ret)
		return ret;
	gw->text = json_read(text, len, 8, &fault);
	free(text);
	if (!gw->text || !read_target(gw))
		return zl_fail(err, EINVAL,
			       "%s/zloop.gateway does not say how the disk was "
			       "attached; delete it, and say so with options",
			       dir);
	gw->device = json_object_object_get_ex(gw->text, "device", &device) &&
		     json_object_get_boolean(device);
	return 0;
}

void gateway_free(struct gateway *gw)
{
	json_object_put(gw->text);
}
