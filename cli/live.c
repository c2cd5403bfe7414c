// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What only the process that has a disk open knows, asked on its socket. */
#include <errno.h>
#include <string.h>

#include "cli.h"
#include "control/control.h"
#include "progress.h"
#include "running.h"

static uint64_t get_u64(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		return 0;
	/* null: invalid, as for a write pointer. */
	return v ? (uint64_t)json_object_get_int64(v) : UINT64_MAX;
}

int cli_ask(struct disk *disk, struct json_object *request,
	    struct json_object **reply, struct zl_err *err)
{
	int ret = -ENOENT;

	if (cli_is_open(disk_name(disk)))
		ret = control_call(disk_meta(disk)->serial, request, reply,
				   progress_step, NULL, err);
	json_object_put(request);
	return ret;
}

int cli_said(int ret, const struct zl_err *err)
{
	if (ret == -ENOENT)
		cli_error("the disk is not attached, or no process that "
			  "answers has it open; attach it, or start "
			  "tcmu-runner");
	else if (ret)
		cli_error("%s", err->msg);
	return ret ? CLI_FAILED : CLI_OK;
}

struct json_object *cli_request(const char *name)
{
	struct json_object *o = json_object_new_object();

	json_add_str(o, "request", name);
	return o;
}

static void take_zone(struct json_object *o, struct zone_info *z)
{
	*z = (struct zone_info){
		.start_lba = get_u64(o, "start_lba"),
		.blocks = get_u64(o, "blocks"),
		.wp_lba = get_u64(o, "write_pointer_lba"),
		.type = (enum zone_type)(get_u64(o, "type_code") & 0xf),
		.cond = (enum zone_cond)(get_u64(o, "condition_code") & 0xf),
		.attrs = (uint8_t)get_u64(o, "attributes"),
		.slot = (uint32_t)get_u64(o, "zone"),
	};
}

/* One page; *lba becomes the next one's, UINT64_MAX: there is none. */
static bool pass_page(struct json_object *reply, uint64_t *lba,
		      bool (*fn)(void *user, const struct zone_info *info),
		      void *user)
{
	struct json_object *zones = json_object_object_get(reply, "zones");
	size_t n = 0;
	struct zone_info z;
	uint64_t next = get_u64(reply, "next_lba");

	if (json_object_is_type(zones, json_type_array))
		n = json_object_array_length(zones);
	/* It must go on, whatever the other side says. */
	*lba = next > *lba ? next : UINT64_MAX;
	for (size_t i = 0; i < n; i++) {
		take_zone(json_object_array_get_idx(zones, i), &z);
		if (!fn(user, &z))
			return false;
	}
	return true;
}

static int live_zones(struct disk *disk, uint64_t lba,
		      bool (*fn)(void *user, const struct zone_info *info),
		      void *user, struct zl_err *err)
{
	struct json_object *o, *reply;
	bool more = true;
	int ret;

	while (more && lba != UINT64_MAX) {
		o = cli_request("zones");
		json_add_u64(o, "start_lba", lba);
		ret = cli_ask(disk, o, &reply, err);
		if (ret)
			return ret;
		more = pass_page(reply, &lba, fn, user);
		json_object_put(reply);
	}
	return 0;
}

int cli_open_zones(const char *serial, uint64_t count,
		   bool (*fn)(void *user, const struct zone_info *info),
		   void *user, struct zl_err *err)
{
	struct json_object *request = cli_request("zones"), *reply;
	uint64_t lba = 0;
	int ret;

	json_add_bool(request, "open", true);
	json_add_u64(request, "count", count);
	ret = control_call(serial, request, &reply, NULL, NULL, err);
	json_object_put(request);
	if (ret)
		return ret;
	pass_page(reply, &lba, fn, user);
	json_object_put(reply);
	return 0;
}

int cli_each_zone(struct disk *disk, uint64_t lba,
		  bool (*fn)(void *user, const struct zone_info *info),
		  void *user)
{
	struct zl_err err;
	int ret = live_zones(disk, lba, fn, user, &err);

	if (ret == -ENOENT)
		disk_each_zone(disk, lba, fn, user);
	else if (ret)
		cli_error("%s", err.msg);
	return ret == -ENOENT ? 0 : ret;
}

void cli_live_stats(struct disk *disk, struct disk_stats *stats)
{
	struct json_object *reply;
	struct zl_err err;

	if (cli_ask(disk, cli_request("stats"), &reply, &err))
		return;
	running_take_stats(reply, stats);
	json_object_put(reply);
}
