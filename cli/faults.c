// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is injected into a disk, attached or not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "control/control.h"
#include "target.h"

/* Somebody else may be looking, which takes no longer. */
#define LOCK_WAIT_MS 2000

/* @disk answers as if it had a socket. */
static int answer(struct disk *disk, struct json_object *request,
		  struct json_object **reply, struct zl_err *err)
{
	const char *text =
		json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	char *line = control_answer(disk, NULL, text, strlen(text), NULL, NULL);
	const char *why;

	*reply = line ? json_tokener_parse(line) : NULL;
	free(line);
	if (!*reply)
		return zl_fail(err, ENOMEM, "out of memory");
	if (json_object_get_boolean(json_object_object_get(*reply, "ok")))
		return 0;
	why = json_object_get_string(json_object_object_get(*reply, "error"));
	zl_fail(err, EPROTO, "%s", why ? why : "");
	json_object_put(*reply);
	*reply = NULL;
	return -EPROTO;
}

/* What happens again and again is over with the closing. */
static int refuse_passing(const struct zone_geo *geo,
			  struct json_object *request, struct zl_err *err)
{
	struct inject_fault fault;
	struct json_object *o;

	if (!json_object_object_get_ex(request, "fault", &o) ||
	    inject_parse(o, geo, &fault, NULL) || fault.persistent)
		return 0;
	return zl_fail(err, EINVAL,
		       "the disk is not attached, so that only a persistent "
		       "fault stays; add persistent=true, or attach it first");
}

static int change_detached(struct disk *look, struct json_object *request,
			   struct json_object **reply, struct zl_err *err)
{
	const struct disk_open_args args = { .lock_wait_ms = LOCK_WAIT_MS };
	const char *dir = disk_name(look);
	struct lio_backstore bs;
	struct disk *disk;
	int ret;

	if (cli_find_dir(dir, &bs))
		return zl_fail(err, EBUSY,
			       "%s is attached as %s, but no process has it "
			       "open; start tcmu-runner, which does",
			       dir, bs.name);
	ret = refuse_passing(disk_geo(look), request, err);
	if (!ret)
		ret = disk_open(dir, &args, &disk, err);
	if (ret)
		return ret;
	ret = answer(disk, request, reply, err);
	disk_close(disk);
	return ret;
}

int cli_ask_faults(struct disk *disk, struct json_object *request,
		   struct json_object **reply, struct zl_err *err)
{
	const char *name;
	int ret = cli_ask(disk, json_object_get(request), reply, err);

	if (ret == -ENOENT && !cli_is_open(disk_name(disk))) {
		name = json_object_get_string(
			json_object_object_get(request, "request"));
		ret = strcmp(name, "inject-list")
			      ? change_detached(disk, request, reply, err)
			      : answer(disk, request, reply, err);
	}
	json_object_put(request);
	return ret;
}

struct json_object *cli_faults(struct disk *disk)
{
	struct json_object *reply, *faults;
	struct zl_err err;

	if (cli_ask_faults(disk, cli_request("inject-list"), &reply, &err))
		return json_object_new_array();
	faults = json_object_get(json_object_object_get(reply, "faults"));
	json_object_put(reply);
	return faults;
}

static void append(char *buf, const char *key, struct json_object *v)
{
	size_t len = strlen(buf);

	if (!strcmp(key, "lba"))
		snprintf(buf + len, CLI_FAULT_MAX - len, "lba=0x%" PRIx64,
			 json_object_get_uint64(v));
	else
		snprintf(buf + len, CLI_FAULT_MAX - len, "%s%s%s", key,
			 *key ? "=" : "", json_object_get_string(v));
}

/* What it is has no place but its zones. */
static bool is_state(struct json_object *o)
{
	return !json_object_object_get(o, "id");
}

static void write_zones(struct disk *disk, struct json_object *o, char *buf)
{
	uint64_t zone_blocks = disk_geo(disk)->zone_blocks;
	uint64_t lba = json_object_get_uint64(json_object_object_get(o, "lba"));
	uint64_t blocks =
		json_object_get_uint64(json_object_object_get(o, "blocks"));
	uint64_t first = lba / zone_blocks;
	uint64_t last = (lba + max_u64(blocks, 1) - 1) / zone_blocks;

	if (first == last)
		snprintf(buf, CLI_FAULT_MAX, "zone %" PRIu64 ": ", first);
	else
		snprintf(buf, CLI_FAULT_MAX,
			 "zones %" PRIu64 " to %" PRIu64 ": ", first, last);
}

const char *cli_fault_text(struct disk *disk, struct json_object *o,
			   char buf[CLI_FAULT_MAX])
{
	static const char *const silent[] = { "fault", "id", "hits",
					      "persistent" };

	*buf = 0;
	if (is_state(o))
		write_zones(disk, o, buf);
	append(buf, "", json_object_object_get(o, "fault"));
	json_object_object_foreach(o, key, v)
	{
		bool said = !v || is_state(o);

		for (size_t i = 0; i < ZL_ARRAY_SIZE(silent); i++)
			said |= !strcmp(key, silent[i]);
		if (said)
			continue;
		strncat(buf, " ", CLI_FAULT_MAX - strlen(buf) - 1);
		append(buf, key, v);
	}
	if (!json_object_get_boolean(json_object_object_get(o, "persistent")))
		strncat(buf, ", until the disk is closed",
			CLI_FAULT_MAX - strlen(buf) - 1);
	return buf;
}
