// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop.gateway: see gateway.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "disk/holder.h"
#include "gateway.h"
#include "target.h"

int gateway_ask(const char *dir, struct control_info *now, struct zl_err *err)
{
	struct disk_meta meta;
	int ret;

	if (disk_read_meta(dir, &meta))
		return zl_fail(err, EIO, "%s cannot be read any more", dir);
	ret = control_info(meta.serial, now, NULL, err);
	return !ret && control_has_other(meta.serial, dir) ? -ENOENT : ret;
}

static int read_object(const char *dir, struct json_object **o)
{
	struct json_fault fault;
	size_t len;
	char *text;
	int ret = disk_gateway_read(dir, &text, &len);

	*o = NULL;
	if (ret)
		return ret;
	*o = json_read(text, len, 8, &fault);
	free(text);
	return json_object_is_type(*o, json_type_object) ? 0 : -EINVAL;
}

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
	if (how->open) {
		json_add_bool(o, "open", true);
		return o;
	}
	json_add_str(o, "initiator", how->acl);
	json_add_str(o, "user", how->user);
	json_add_str(o, "password", how->password);
	return o;
}

/* Of a machine that was cut off, what it does not serve any more would be taken
 * for how the one that does has it. */
static bool is_had_here(const char *dir)
{
	struct control_info now;
	struct disk_holder h;
	struct zl_err err;

	return !disk_read_holder(dir, &h, NULL) && h.here &&
	       !gateway_ask(dir, &now, &err) && !*now.fenced;
}

static void write_object(const char *dir, struct json_object *o)
{
	struct zl_err err;

	if (disk_gateway_write(
		    dir,
		    json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY),
		    &err))
		cli_note("%s; another machine that takes over must be told how "
			 "the disk was attached",
			 err.msg);
}

/* @target: NULL, or for this to put. */
static void note(const struct lio_backstore *bs, struct json_object *target)
{
	const char *dir = lio_backstore_dir(bs);
	char device[LIO_DEVICE_MAX];
	struct json_object *o = json_object_new_object();

	json_add_bool(o, "device", *cli_device(bs, device));
	json_object_object_add(o, "target", target);
	if (is_had_here(dir))
		write_object(dir, o);
	else
		cli_note("how the disk in %s is attached here is not noted for "
			 "another machine that takes over: no process that "
			 "answers has it open, or it was lost to one",
			 dir);
	json_object_put(o);
}

void gateway_note(const struct lio_backstore *bs, const struct export_how *how,
		  const char *iqn)
{
	if (disk_is_shared(lio_backstore_dir(bs)))
		note(bs, target_json(how, iqn));
}

void gateway_note_attached(const struct lio_backstore *bs)
{
	const char *dir = lio_backstore_dir(bs);
	struct json_object *was, *target = NULL;
	int ret;

	if (!disk_is_shared(dir))
		return;
	ret = read_object(dir, &was);
	if (!ret && json_object_object_get_ex(was, "target", &target))
		json_object_get(target);
	if (!ret || ret == -ENOENT)
		note(bs, target);
	else
		cli_note("%s/zloop.gateway cannot be read, and stays as it is",
			 dir);
	json_object_put(was);
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

/* Earlier versions said nothing more of such a target. */
static bool says_open(struct json_object *target)
{
	struct json_object *v;

	if (!json_object_object_get_ex(target, "open", &v))
		return json_object_object_length(target) == 2;
	return json_object_is_type(v, json_type_boolean) &&
	       json_object_get_boolean(v);
}

static bool read_access(struct export_how *how, struct json_object *target)
{
	how->acl = text_of(target, "initiator");
	how->user = text_of(target, "user");
	how->password = text_of(target, "password");
	how->open = says_open(target);
	return !how->open || !(how->acl || how->user || how->password);
}

static bool read_target(struct gateway *gw)
{
	struct json_object *target;
	const char *iqn;

	if (!json_object_object_get_ex(gw->text, "target", &target) || !target)
		return true;
	iqn = text_of(target, "iqn");
	if (!iqn || strlen(iqn) >= sizeof(gw->iqn) || !read_portals(gw, target))
		return false;
	strcpy(gw->iqn, iqn);
	gw->exported = true;
	return read_access(&gw->how, target) &&
	       export_is_sound(&gw->how, gw->iqn);
}

int gateway_read(const char *dir, struct gateway *gw, struct zl_err *err)
{
	struct json_object *device;
	int ret;

	*gw = (struct gateway){ .text = NULL };
	ret = read_object(dir, &gw->text);
	if (ret && ret != -EINVAL)
		return ret;
	if (ret || !read_target(gw))
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
