// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Requests of the control socket: see docs/control-protocol.md. */
#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "base/num.h"
#include "control/internal.h"
#include "disk/disk.h"

struct request {
	struct disk *disk;
	struct json_object *in, *out;
	struct zl_err *err;
};

static void add(struct request *r, const char *key, struct json_object *v)
{
	json_object_object_add(r->out, key, v);
}

static struct json_object *new_u64(uint64_t v)
{
	return v > INT64_MAX ? NULL : json_object_new_int64((int64_t)v);
}

/* A condition or type as one word: "implicitly-opened". */
static struct json_object *new_word(const char *name)
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

/* A number that may be left out; false (and the sentence) if it is none. */
static bool get_u64(struct request *r, const char *key, uint64_t max,
		    uint64_t *v)
{
	struct json_object *o;
	int64_t n;

	if (!json_object_object_get_ex(r->in, key, &o))
		return true;
	n = json_object_get_int64(o);
	if (json_object_is_type(o, json_type_int) && n >= 0 &&
	    (uint64_t)n <= max) {
		*v = (uint64_t)n;
		return true;
	}
	zl_fail(r->err, EINVAL, "%s is not a number from 0 to %llu", key,
		(unsigned long long)max);
	return false;
}

static int do_version(struct request *r)
{
	add(r, "version", json_object_new_string(ZL_VERSION));
	add(r, "protocol", json_object_new_int(1));
	return 0;
}

/*
 * info, stats
 */

struct counts {
	uint64_t by_cond[16];
};

static bool count_zone(void *user, const struct zone_info *z)
{
	struct counts *c = user;

	if (z->type != ZT_GAP)
		c->by_cond[z->cond]++;
	return true;
}

static int do_stats(struct request *r)
{
	struct disk_stats s;

	disk_get_stats(r->disk, &s);
	add(r, "opens", new_u64(s.opens));
	add(r, "unclean_opens", new_u64(s.unclean_opens));
	add(r, "retries_absorbed", new_u64(s.retries_absorbed));
	add(r, "faults_injected", new_u64(s.faults_injected));
	return 0;
}

static int do_info(struct request *r)
{
	const struct disk_meta *m = disk_meta(r->disk);
	struct json_object *conds = json_object_new_array();
	struct counts c = { { 0 } };

	add(r, "serial", json_object_new_string(m->serial));
	add(r, "capacity_bytes", new_u64(m->capacity_bytes));
	add(r, "zone_size_bytes", new_u64(m->zone_bytes));
	add(r, "zone_capacity_bytes", new_u64(m->zone_cap_bytes));
	add(r, "block_size", new_u64(m->block_bytes));
	disk_each_zone(r->disk, 0, count_zone, &c);
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(c.by_cond); i++) {
		struct json_object *o;

		if (!c.by_cond[i])
			continue;
		o = json_object_new_object();
		json_object_object_add(
			o, "condition",
			new_word(zone_cond_name((enum zone_cond)i)));
		json_object_object_add(o, "code", new_u64(i));
		json_object_object_add(o, "zones", new_u64(c.by_cond[i]));
		json_object_array_add(conds, o);
	}
	add(r, "conditions", conds);
	return do_stats(r);
}

/*
 * zones
 */

struct page {
	struct json_object *zones;
	uint64_t left;
	uint64_t next_lba; /* UINT64_MAX: that was all */
};

static bool add_zone(void *user, const struct zone_info *z)
{
	struct page *p = user;
	struct json_object *o;

	if (!p->left) {
		p->next_lba = z->start_lba;
		return false;
	}
	p->left--;
	o = json_object_new_object();
	json_object_object_add(o, "zone", new_u64(z->slot));
	json_object_object_add(o, "type", new_word(zone_type_name(z->type)));
	json_object_object_add(o, "type_code", new_u64(z->type));
	json_object_object_add(o, "condition",
			       new_word(zone_cond_name(z->cond)));
	json_object_object_add(o, "condition_code", new_u64(z->cond));
	json_object_object_add(o, "start_lba", new_u64(z->start_lba));
	json_object_object_add(o, "blocks", new_u64(z->blocks));
	json_object_object_add(o, "write_pointer_lba", new_u64(z->wp_lba));
	json_object_object_add(o, "attributes", new_u64(z->attrs));
	json_object_array_add(p->zones, o);
	return true;
}

static int do_zones(struct request *r)
{
	uint64_t capacity = disk_geo(r->disk)->capacity_blocks;
	uint64_t start = 0, count = CONTROL_MAX_ZONES;
	struct page p = { .next_lba = UINT64_MAX };

	if (!get_u64(r, "start_lba", capacity - 1, &start) ||
	    !get_u64(r, "count", CONTROL_MAX_ZONES, &count))
		return -EINVAL;
	p.left = count;
	p.zones = json_object_new_array();
	disk_each_zone(r->disk, start, add_zone, &p);
	add(r, "zones", p.zones);
	add(r, "next_lba", new_u64(p.next_lba));
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
	ret = inject_parse(o, &fault, r->err);
	if (!ret)
		ret = disk_fault_add(r->disk, &fault, &id, r->err);
	if (ret)
		return ret;
	add(r, "id", id ? new_u64(id) : NULL);
	return 0;
}

static void list_fault(void *user, const struct inject_fault *f)
{
	struct json_object *all = user, *o;

	/* A disk may have a million zones; a reply has an end. */
	if (json_object_array_length(all) >= INJECT_MAX + CONTROL_MAX_ZONES)
		return;
	o = inject_format(f);
	json_object_object_add(o, "id", f->id ? new_u64(f->id) : NULL);
	json_object_object_add(o, "hits", f->id ? new_u64(f->hits) : NULL);
	json_object_array_add(all, o);
}

static int do_inject_list(struct request *r)
{
	struct json_object *all = json_object_new_array();

	disk_fault_each(r->disk, list_fault, all);
	add(r, "faults", all);
	return 0;
}

static int do_inject_clear(struct request *r)
{
	uint64_t id = 0, lba = UINT64_MAX, blocks = 1;
	bool all;

	all = json_object_get_boolean(json_object_object_get(r->in, "all"));
	if (!get_u64(r, "id", UINT32_MAX, &id) ||
	    !get_u64(r, "lba", INT64_MAX, &lba) ||
	    !get_u64(r, "blocks", INT64_MAX, &blocks))
		return -EINVAL;
	if (all + (id != 0) + (lba != UINT64_MAX) != 1 || !blocks)
		return zl_fail(r->err, EINVAL,
			       "say what to clear: id, lba (and blocks), or "
			       "\"all\": true");
	if (all)
		return disk_fault_clear(r->disk, r->err);
	if (id)
		return disk_fault_remove(r->disk, (uint32_t)id, r->err);
	return disk_fault_restore(r->disk, lba, blocks, r->err);
}

static int do_powerfail(struct request *r)
{
	struct disk_powerfail how = { .random = false };
	uint64_t seed = UINT64_MAX;

	if (!get_u64(r, "seed", INT64_MAX, &seed))
		return -EINVAL;
	if (seed != UINT64_MAX) {
		how.random = true;
		how.seed = seed;
	}
	return disk_powerfail(r->disk, &how, r->err);
}

static const struct {
	const char *name;
	int (*run)(struct request *r);
} requests[] = {
	{ "version", do_version },
	{ "info", do_info },
	{ "stats", do_stats },
	{ "zones", do_zones },
	{ "inject-add", do_inject_add },
	{ "inject-list", do_inject_list },
	{ "inject-clear", do_inject_clear },
	{ "powerfail", do_powerfail },
};

static int dispatch(struct request *r)
{
	const char *name = NULL;
	struct json_object *v;

	if (!json_object_is_type(r->in, json_type_object))
		return zl_fail(r->err, EINVAL, "a request is a JSON object");
	if (json_object_object_get_ex(r->in, "request", &v) &&
	    json_object_is_type(v, json_type_string))
		name = json_object_get_string(v);
	for (size_t i = 0; name && i < ZL_ARRAY_SIZE(requests); i++)
		if (!strcmp(name, requests[i].name))
			return requests[i].run(r);
	return zl_fail(r->err, EINVAL,
		       "request is not one of version, info, stats, zones, "
		       "inject-add, inject-list, inject-clear and powerfail");
}

static struct json_object *parse(const char *text, size_t len,
				 struct zl_err *err)
{
	struct json_tokener *tok = json_tokener_new_ex(8);
	struct json_object *o = NULL;
	enum json_tokener_error why;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	if (len <= CONTROL_REQUEST_MAX)
		o = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	if (!o || why != json_tokener_success) {
		zl_fail(err, EINVAL, "this is not JSON");
		json_object_put(o);
		o = NULL;
	}
	json_tokener_free(tok);
	return o;
}

/* What a reply is written from; NULL for want of memory. */
static struct json_object *answer(struct disk *disk, const char *text,
				  size_t len)
{
	struct zl_err err = { "out of memory" };
	struct request r = { .disk = disk, .err = &err };
	struct json_object *out = json_object_new_object();
	int ret = -ENOMEM;

	if (!out)
		return NULL;
	r.out = out;
	add(&r, "ok", json_object_new_boolean(1));
	r.in = parse(text, len, &err);
	if (r.in)
		ret = dispatch(&r);
	json_object_put(r.in);
	if (!ret)
		return out;
	json_object_put(out);
	out = json_object_new_object();
	json_object_object_add(out, "ok", json_object_new_boolean(0));
	json_object_object_add(out, "error", json_object_new_string(err.msg));
	return out;
}

char *control_answer(struct disk *disk, const char *text, size_t len)
{
	struct json_object *out = answer(disk, text, len);
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
