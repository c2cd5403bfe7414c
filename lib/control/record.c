// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Requests about snapshots and the record. */
#include <errno.h>
#include <json-c/json.h>

#include "control/internal.h"
#include "disk/snapshot.h"

/* A member that is text; NULL: there is none, or it is none. */
static const char *text_of(struct request *r, const char *key)
{
	struct json_object *o;

	if (!json_object_object_get_ex(r->in, key, &o) ||
	    !json_object_is_type(o, json_type_string))
		return NULL;
	return json_object_get_string(o);
}

int do_snapshot(struct request *r)
{
	const char *name = text_of(r, "name"), *file = text_of(r, "record");

	if (!name)
		return zl_fail(r->err, EINVAL,
			       "say which snapshot is to be completed: name");
	if (file && file[0] != '/')
		return zl_fail(r->err, EINVAL,
			       "record is not the absolute path of a file");
	return disk_snapshot(r->disk, name, file, r->err);
}

struct json_object *record_json(struct disk *disk)
{
	struct record_status st;
	struct json_object *o;

	disk_record_status(disk, &st);
	if (!st.path[0])
		return NULL;
	o = json_object_new_object();
	json_object_object_add(o, "on", json_object_new_boolean(st.on));
	json_object_object_add(o, "file", new_text(st.path));
	json_object_object_add(o, "records", new_u64(st.records));
	json_object_object_add(o, "bytes", new_u64(st.bytes));
	json_object_object_add(o, "marks", new_u64(st.marks));
	json_object_object_add(o, "why", new_text(st.why));
	return o;
}

int do_record_stop(struct request *r)
{
	int ret = disk_record_stop(r->disk, "it was told to stop", r->err);

	reply_add(r, "record", record_json(r->disk));
	return ret;
}

int do_record_mark(struct request *r)
{
	const char *text = text_of(r, "text");
	uint64_t point;
	int ret;

	if (!text)
		return zl_fail(r->err, EINVAL, "say what the mark is: text");
	ret = disk_record_mark(r->disk, text, &point, r->err);
	if (!ret)
		reply_add(r, "point", new_u64(point));
	return ret;
}
