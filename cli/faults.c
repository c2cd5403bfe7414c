// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is injected into a disk, attached or not. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "control/ask.h"
#include "target.h"

/* What happens again and again is over with the closing. */
static int refuse_passing(const struct zone_geo *geo, struct json_object *fault,
			  struct zl_err *err)
{
	struct inject_fault f;

	if (inject_parse(fault, geo, &f, NULL) || f.persistent)
		return 0;
	return zl_fail(err, EINVAL,
		       "the disk is not attached, so that only a persistent "
		       "fault stays; add persistent=true, or attach it first");
}

/* To change it, or only to look. */
static int open_detached(const struct cli_glance *g, bool look,
			 struct disk **disk, struct zl_err *err)
{
	return look ? cli_look(g->dir, disk, err)
		    : cli_open_detached(g->dir, disk, err);
}

int cli_fault_add(const struct cli_glance *g, struct json_object *fault,
		  uint64_t *id, struct zl_err *err)
{
	struct control_peer to = { .serial = g->serial };
	int ret;

	if (g->open)
		return control_fault_add(&to, fault, id, err);
	ret = refuse_passing(&g->geo, fault, err);
	if (!ret)
		ret = open_detached(g, false, &to.disk, err);
	if (ret)
		return ret;
	ret = control_fault_add(&to, fault, id, err);
	disk_close(to.disk);
	return ret;
}

int cli_fault_clear(const struct cli_glance *g, struct json_object *where,
		    struct zl_err *err)
{
	struct control_peer to = { .serial = g->serial };
	int ret;

	if (g->open)
		return control_fault_clear(&to, where, err);
	ret = open_detached(g, false, &to.disk, err);
	if (ret)
		return ret;
	ret = control_fault_clear(&to, where, err);
	disk_close(to.disk);
	return ret;
}

int cli_fault_list(const struct cli_glance *g, struct json_object **faults,
		   uint64_t *left_out, struct zl_err *err)
{
	struct control_peer to = { .serial = g->serial };
	int ret;

	if (g->open)
		return control_fault_list(&to, faults, left_out, err);
	ret = open_detached(g, true, &to.disk, err);
	if (ret)
		return ret;
	ret = control_fault_list(&to, faults, left_out, err);
	disk_close(to.disk);
	return ret;
}

struct json_object *cli_faults(struct disk *disk)
{
	struct control_peer to = { .serial = cli_serial(disk) };
	struct json_object *faults;
	struct zl_err err;
	uint64_t left_out;

	if (!to.serial)
		to.disk = disk;
	return control_fault_list(&to, &faults, &left_out, &err)
		       ? json_object_new_array()
		       : faults;
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
