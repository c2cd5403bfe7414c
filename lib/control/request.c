// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Requests of the control socket: see docs/control-protocol.md. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "control/internal.h"
#include "disk/disk.h"

static int do_version(struct request *r)
{
	reply_add(r, "version", json_object_new_string(ZL_VERSION));
	reply_add(r, "protocol", json_object_new_int(1));
	return 0;
}

/*
 * inject-…
 */

static int do_inject_add(struct request *r)
{
	struct inject_fault fault;
	struct json_object *o = NULL;
	uint32_t id;
	int ret;

	json_object_object_get_ex(r->in, "fault", &o);
	ret = inject_parse(o, disk_geo(r->disk), &fault, r->err);
	if (!ret)
		ret = disk_fault_add(r->disk, &fault, &id, r->err);
	if (ret)
		return ret;
	reply_add(r, "id", id ? new_u64(id) : NULL);
	return 0;
}

struct fault_list {
	struct json_object *all;
	uint64_t left_out;
};

static void list_fault(void *user, const struct inject_fault *f)
{
	struct fault_list *l = user;
	struct json_object *o;

	/* A disk may have a million zones; a reply has an end. */
	if (json_object_array_length(l->all) >=
	    INJECT_MAX + CONTROL_MAX_ZONES) {
		l->left_out++;
		return;
	}
	o = inject_format(f);
	json_object_object_add(o, "id", f->id ? new_u64(f->id) : NULL);
	json_object_object_add(o, "hits", f->id ? new_u64(f->hits) : NULL);
	json_object_array_add(l->all, o);
}

static int do_inject_list(struct request *r)
{
	struct fault_list l = { .all = json_object_new_array() };

	disk_fault_each(r->disk, list_fault, &l);
	reply_add(r, "faults", l.all);
	if (l.left_out)
		reply_add(r, "left_out", new_u64(l.left_out));
	return 0;
}

static int do_inject_clear(struct request *r)
{
	uint64_t id = 0, lba = UINT64_MAX, blocks = 1, zone = UINT64_MAX;
	bool all = false;

	if (!request_bool(r, "all", &all) ||
	    !request_u64(r, "id", UINT32_MAX, &id) ||
	    !request_u64(r, "lba", INT64_MAX, &lba) ||
	    !request_u64(r, "blocks", INT64_MAX, &blocks) ||
	    !request_u64(r, "zone", INT64_MAX, &zone))
		return -EINVAL;
	if (all + (id != 0) + (lba != UINT64_MAX) + (zone != UINT64_MAX) != 1 ||
	    !blocks)
		return zl_fail(r->err, EINVAL,
			       "say what to clear: id, zone, lba (and blocks), "
			       "or \"all\": true");
	if (zone != UINT64_MAX &&
	    inject_zone(disk_geo(r->disk), zone, &lba, &blocks, r->err))
		return -EINVAL;
	if (all)
		return disk_fault_clear(r->disk, r->err);
	if (id)
		return disk_fault_remove(r->disk, (uint32_t)id, r->err);
	return disk_fault_restore(r->disk, lba, blocks, r->err);
}

static int do_end_delays(struct request *r)
{
	disk_end_delays(r->disk);
	return 0;
}

/* Of which something is taken back. */
struct counted {
	struct request *r; /* who is told, if anybody is */
	uint32_t zones;
};

static void count_zones(void *user, uint32_t done, uint32_t total)
{
	struct counted *c = user;

	c->zones = total;
	if (c->r->progress)
		c->r->progress(c->r->progress_user, done, total);
}

static int do_powerfail(struct request *r)
{
	struct counted counted = { .r = r };
	struct disk_powerfail how = { .progress = count_zones,
				      .progress_user = &counted };
	int ret;
	uint64_t seed = UINT64_MAX;

	if (!request_u64(r, "seed", INT64_MAX, &seed))
		return -EINVAL;
	if (seed != UINT64_MAX) {
		how.random = true;
		how.seed = seed;
	}
	ret = disk_powerfail(r->disk, &how, r->err);
	reply_add(r, "zones", new_u64(counted.zones));
	reply_add(r, "seed", new_u64(seed));
	return ret;
}

static const struct {
	const char *name;
	int (*run)(struct request *r);
} requests[] = {
	{ "version", do_version },
	{ "info", do_info },
	{ "stats", do_stats },
	{ "history", do_history },
	{ "zones", do_zones },
	{ "realms", do_realms },
	{ "activate", do_activate },
	{ "inject-add", do_inject_add },
	{ "inject-list", do_inject_list },
	{ "inject-clear", do_inject_clear },
	{ "end-delays", do_end_delays },
	{ "powerfail", do_powerfail },
	{ "snapshot", do_snapshot },
	{ "record-stop", do_record_stop },
	{ "record-mark", do_record_mark },
};

static int refuse_name(struct request *r)
{
	const size_t last = ZL_ARRAY_SIZE(requests) - 1;
	char names[512];
	size_t len = 0;

	for (size_t i = 0; i < last && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
					"%s%s", i ? ", " : "",
					requests[i].name);
	return zl_fail(r->err, EINVAL, "request is not one of %s and %s", names,
		       requests[last].name);
}

static int take_progress(struct request *r)
{
	bool tell = false;

	if (!request_bool(r, "progress", &tell))
		return -EINVAL;
	if (!tell)
		r->progress = NULL;
	return 0;
}

static int dispatch(struct request *r)
{
	const char *name = NULL;
	struct json_object *v;

	if (!json_object_is_type(r->in, json_type_object))
		return zl_fail(r->err, EINVAL, "a request is a JSON object");
	if (take_progress(r))
		return -EINVAL;
	if (json_object_object_get_ex(r->in, "request", &v) &&
	    json_object_is_type(v, json_type_string))
		name = json_object_get_string(v);
	for (size_t i = 0; name && i < ZL_ARRAY_SIZE(requests); i++)
		if (!strcmp(name, requests[i].name))
			return requests[i].run(r);
	return refuse_name(r);
}

static struct json_object *parse(const char *text, size_t len,
				 struct zl_err *err)
{
	struct json_object *o = NULL;
	struct json_fault fault = { .why = json_tokener_error_size };

	if (len <= CONTROL_REQUEST_MAX)
		o = json_read(text, len, 8, &fault);
	if (!o && !fault.no_memory)
		zl_fail(err, EINVAL, "this is not JSON");
	return o;
}

bool request_wants_progress(const char *text, size_t len)
{
	struct request r = { .in = parse(text, len, NULL) };
	bool wants = false;

	if (json_object_is_type(r.in, json_type_object))
		request_bool(&r, "progress", &wants);
	json_object_put(r.in);
	return wants;
}

/* What a reply is written from; NULL for want of memory. */
static struct json_object *answer(struct request *r, const char *text,
				  size_t len)
{
	struct zl_err err = { "out of memory" };
	struct json_object *out = json_object_new_object();
	int ret = -ENOMEM;

	if (!out)
		return NULL;
	r->err = &err;
	r->out = out;
	reply_add(r, "ok", json_object_new_boolean(1));
	r->in = parse(text, len, &err);
	if (r->in)
		ret = dispatch(r);
	json_object_put(r->in);
	if (!ret)
		return out;
	json_object_put(out);
	out = json_object_new_object();
	json_object_object_add(out, "ok", json_object_new_boolean(0));
	json_object_object_add(out, "error", new_text(err.msg));
	return out;
}

char *control_answer(struct disk *disk, const struct history *history,
		     const char *text, size_t len, disk_progress_fn *progress,
		     void *user)
{
	struct request r = { .disk = disk,
			     .history = history,
			     .progress = progress,
			     .progress_user = user };
	struct json_object *out = answer(&r, text, len);
	const char *line;
	char *reply = NULL;
	size_t n;

	if (!out)
		return NULL;
	line = json_object_to_json_string_ext(out, JSON_C_TO_STRING_PLAIN);
	n = line ? strlen(line) : 0;
	if (line)
		reply = malloc(n + 2);
	if (reply) {
		memcpy(reply, line, n);
		memcpy(reply + n, "\n", 2);
	}
	json_object_put(out);
	return reply;
}
