// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The requests of the control socket as calls: from JSON to structures. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "control/internal.h"

/*
 * Members, which may be missing or of another kind.
 */

static struct json_object *member(struct json_object *o, const char *key)
{
	return json_object_is_type(o, json_type_object)
		       ? json_object_object_get(o, key)
		       : NULL;
}

static uint64_t u64(struct json_object *o, const char *key)
{
	return (uint64_t)json_object_get_int64(member(o, key));
}

/* null: invalid, as a write pointer can be. */
static uint64_t u64_or_invalid(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &v))
		return 0;
	return v ? (uint64_t)json_object_get_int64(v) : UINT64_MAX;
}

static void copy_text(struct json_object *o, const char *key, char *to,
		      size_t size)
{
	const char *s = json_object_get_string(member(o, key));

	snprintf(to, size, "%s", s ? s : "");
}

/*
 * Asking.
 */

static struct json_object *new_request(const char *name)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "request", json_object_new_string(name));
	return o;
}

/* What may take long: who hears something waits longer. */
static struct json_object *new_long_request(const char *name)
{
	struct json_object *o = new_request(name);

	json_object_object_add(o, "progress", json_object_new_boolean(true));
	return o;
}

/* A disk that is open here. */
static int ask_disk(struct disk *disk, struct json_object *request,
		    struct json_object **reply, struct zl_err *err)
{
	const char *text =
		json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	char *line = control_answer(disk, NULL, text, strlen(text), NULL, NULL);

	*reply = line ? json_tokener_parse(line) : NULL;
	free(line);
	return *reply ? reply_examine(reply, err)
		      : zl_fail(err, ENOMEM, "out of memory");
}

/* Takes @request over; the reply is put where nobody wants it. */
static int ask(const struct control_peer *to, struct json_object *request,
	       struct json_object **reply, disk_progress_fn *progress,
	       void *user, struct zl_err *err)
{
	struct json_object *o;
	int ret = -ENOENT;

	if (to->disk)
		ret = ask_disk(to->disk, request, &o, err);
	else if (to->serial)
		ret = control_call(to->serial, request, &o, progress, user,
				   err);
	json_object_put(request);
	if (!ret && reply)
		*reply = o;
	else if (!ret)
		json_object_put(o);
	return ret;
}

static int ask_socket(const char *serial, struct json_object *request,
		      struct json_object **reply, struct zl_err *err)
{
	const struct control_peer to = { .serial = serial };

	return ask(&to, request, reply, NULL, NULL, err);
}

/*
 * info, stats
 */

static void take_stats(struct json_object *reply, struct disk_stats *stats)
{
	for (unsigned c = 0; c < DC_NR; c++)
		stats->n[c] = u64(reply, disk_counter_table[c].key);
}

static void take_conditions(struct json_object *array,
			    struct control_info *info)
{
	size_t n = array_length(array);

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(array, i);

		info->nr_cond[u64(o, "code") % CONTROL_NR_CONDS] =
			u64(o, "zones");
	}
}

static void take_kind(struct json_object *o, struct disk_kind_activity *k)
{
	struct json_object *l = member(o, "latency");
	size_t n = min_u64(array_length(l), DISK_NR_BUCKETS);

	k->bytes = u64(o, "bytes");
	k->total_ns = u64(o, "total_ns");
	for (size_t i = 0; i < n; i++) {
		k->latency[i] = (uint64_t)json_object_get_int64(
			json_object_array_get_idx(l, i));
		k->done += k->latency[i];
	}
}

static void take_activity(struct json_object *o, struct disk_activity *a)
{
	struct json_object *kinds = member(o, "operations");
	struct json_object *failed = member(o, "failed");

	a->open_ms = u64(o, "open_ms");
	a->in_flight = u64(o, "in_flight");
	for (unsigned i = 0; i < DISK_NR_KINDS; i++)
		take_kind(member(kinds, disk_kind_name((enum disk_kind)i)),
			  &a->kind[i]);
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		a->failed[i] = u64(failed, disk_failure_name(i));
}

static void take_domain(struct json_object *o, struct control_domain *d)
{
	d->info = (struct zone_domain_info){
		.start_lba = u64(o, "start_lba"),
		.end_lba = u64(o, "end_lba"),
		.zones = (uint32_t)u64(o, "zones"),
		.active_zones = (uint32_t)u64(o, "active_zones"),
		.type = (enum zone_type)(u64(o, "type_code") & 0xf),
	};
	d->active_realms = u64(o, "active_realms");
}

static void take_domains(struct json_object *array, struct control_info *info)
{
	info->nr_domains =
		(unsigned)min_u64(array_length(array), ZONE_MAX_DOMAINS);
	for (unsigned i = 0; i < info->nr_domains; i++)
		take_domain(json_object_array_get_idx(array, i),
			    &info->domains[i]);
}

static void take_job(struct json_object *o, struct control_info *info)
{
	uint64_t done = u64(o, "done_blocks"), blocks = u64(o, "blocks");

	copy_text(o, "name", info->job, sizeof(info->job));
	info->job_percent = blocks ? (unsigned)(done / (blocks / 100 + 1)) : 0;
}

static void take_info(struct json_object *o, struct control_info *info)
{
	*info = (struct control_info){
		.capacity_bytes = u64(o, "capacity_bytes"),
		.zone_bytes = u64(o, "zone_size_bytes"),
		.block_bytes = u64(o, "block_size"),
		.max_open = u64(o, "max_open_zones"),
	};
	copy_text(o, "serial", info->serial, sizeof(info->serial));
	copy_text(o, "directory", info->dir, sizeof(info->dir));
	copy_text(o, "fenced", info->fenced, sizeof(info->fenced));
	take_conditions(member(o, "conditions"), info);
	take_domains(member(o, "domains"), info);
	take_job(member(o, "job"), info);
	take_stats(o, &info->stats);
	take_activity(o, &info->activity);
}

int control_info(const char *serial, struct control_info *info,
		 struct json_object **reply, struct zl_err *err)
{
	struct json_object *o;
	int ret = ask_socket(serial, new_request("info"), &o, err);

	if (ret)
		return ret;
	take_info(o, info);
	if (reply)
		*reply = o;
	else
		json_object_put(o);
	return 0;
}

/* What cannot be found is taken for the one that is meant: it may have been
 * moved, and the process may see other mounts. */
static bool is_other(const char *a, const char *b)
{
	struct stat sa, sb;

	return *a == '/' && !stat(a, &sa) && !stat(b, &sb) &&
	       (sa.st_dev != sb.st_dev || sa.st_ino != sb.st_ino);
}

bool control_has_other(const char *serial, const char *dir)
{
	struct json_object *o;
	const char *has;
	bool other;

	if (ask_socket(serial, new_request("info"), &o, NULL))
		return false;
	has = json_object_get_string(member(o, "directory"));
	other = has && is_other(has, dir);
	json_object_put(o);
	return other;
}

int control_stats(const char *serial, struct disk_stats *stats,
		  struct zl_err *err)
{
	struct json_object *o;
	int ret = ask_socket(serial, new_request("stats"), &o, err);

	if (ret)
		return ret;
	take_stats(o, stats);
	json_object_put(o);
	return 0;
}

int control_history(const char *serial, struct control_sample **samples,
		    unsigned *nr, struct zl_err *err)
{
	struct json_object *o;
	int ret = ask_socket(serial, new_request("history"), &o, err);

	if (ret)
		return ret;
	ret = history_take(o, samples, nr);
	json_object_put(o);
	return ret ? zl_fail(err, ENOMEM, "out of memory") : 0;
}

/*
 * zones
 */

static void take_zone(struct json_object *o, struct zone_info *z)
{
	*z = (struct zone_info){
		.start_lba = u64(o, "start_lba"),
		.blocks = u64(o, "blocks"),
		.wp_lba = u64_or_invalid(o, "write_pointer_lba"),
		.type = (enum zone_type)(u64(o, "type_code") & 0xf),
		.cond = (enum zone_cond)(u64(o, "condition_code") & 0xf),
		.attrs = (uint8_t)u64(o, "attributes"),
		.slot = (uint32_t)u64(o, "zone"),
	};
}

/* False: @fn wants no more. */
static bool pass_zones(struct json_object *zones, control_zone_fn *fn,
		       void *user)
{
	size_t n = array_length(zones);
	struct zone_info z;

	for (size_t i = 0; i < n; i++) {
		take_zone(json_object_array_get_idx(zones, i), &z);
		if (!fn(user, &z))
			return false;
	}
	return true;
}

/* One page; *lba becomes the next one's, UINT64_MAX: there is none. */
static int pass_page(const char *serial, uint64_t *lba, control_zone_fn *fn,
		     void *user, struct zl_err *err)
{
	struct json_object *request = new_request("zones"), *reply;
	uint64_t next;
	int ret;

	json_object_object_add(request, "start_lba", new_u64(*lba));
	ret = ask_socket(serial, request, &reply, err);
	if (ret)
		return ret;
	next = u64_or_invalid(reply, "next_lba");
	/* It must go on, whatever the other side says. */
	*lba = next > *lba ? next : UINT64_MAX;
	if (!pass_zones(member(reply, "zones"), fn, user))
		*lba = UINT64_MAX;
	json_object_put(reply);
	return 0;
}

int control_zones(const char *serial, uint64_t lba, control_zone_fn *fn,
		  void *user, struct zl_err *err)
{
	int ret = 0;

	while (!ret && lba != UINT64_MAX)
		ret = pass_page(serial, &lba, fn, user, err);
	return ret;
}

int control_open_zones(const char *serial, uint64_t count, control_zone_fn *fn,
		       void *user, struct zl_err *err)
{
	struct json_object *request = new_request("zones"), *reply;
	int ret;

	json_object_object_add(request, "open", json_object_new_boolean(true));
	json_object_object_add(request, "count", new_u64(count));
	ret = ask_socket(serial, request, &reply, err);
	if (ret)
		return ret;
	pass_zones(member(reply, "zones"), fn, user);
	json_object_put(reply);
	return 0;
}

/*
 * realms, activate
 */

static void take_realm(struct json_object *o, struct zone_realm_info *realm)
{
	struct json_object *ranges = member(o, "ranges"), *range;
	size_t n = min_u64(array_length(ranges), ZONE_MAX_DOMAINS);

	*realm = (struct zone_realm_info){
		.realm = (uint32_t)u64(o, "realm"),
		.active = (uint8_t)u64(o, "active"),
	};
	for (size_t i = 0; i < n; i++) {
		range = json_object_array_get_idx(ranges, i);
		realm->range[i].start_lba = u64(range, "start_lba");
		realm->range[i].end_lba = u64(range, "end_lba");
	}
}

/* One page; *first becomes the next one's, UINT64_MAX: there is none. */
static int pass_realms(const char *serial, uint64_t *first,
		       control_realm_fn *fn, void *user, struct zl_err *err)
{
	struct json_object *request = new_request("realms"), *reply, *realms;
	struct zone_realm_info realm;
	uint64_t next;
	bool more = true;
	int ret;

	json_object_object_add(request, "first", new_u64(*first));
	ret = ask_socket(serial, request, &reply, err);
	if (ret)
		return ret;
	next = u64_or_invalid(reply, "next_realm");
	realms = member(reply, "realms");
	for (size_t i = 0; more && i < array_length(realms); i++) {
		take_realm(json_object_array_get_idx(realms, i), &realm);
		more = fn(user, &realm);
	}
	/* It must go on, whatever the other side says. */
	*first = more && next > *first ? next : UINT64_MAX;
	json_object_put(reply);
	return 0;
}

int control_realms(const char *serial, uint32_t first, control_realm_fn *fn,
		   void *user, struct zl_err *err)
{
	uint64_t next = first;
	int ret = 0;

	while (!ret && next != UINT64_MAX)
		ret = pass_realms(serial, &next, fn, user, err);
	return ret;
}

/* Words of an array, with commas. */
static void join_words(struct json_object *array, char *to, size_t size)
{
	size_t len = 0;

	*to = 0;
	for (size_t i = 0; i < array_length(array) && len < size; i++)
		len += (size_t)snprintf(
			to + len, size - len, "%s%s", i ? ", " : "",
			json_object_get_string(
				json_object_array_get_idx(array, i)));
}

static struct json_object *new_activation(const struct control_activation *a)
{
	struct json_object *o = new_long_request("activate");

	if (a->all) {
		json_object_object_add(o, "all", json_object_new_boolean(true));
	} else {
		json_object_object_add(o, "first", new_u64(a->first));
		json_object_object_add(o, "last", new_u64(a->last));
	}
	json_object_object_add(o, "domain", new_u64(a->domain));
	json_object_object_add(o, "query", json_object_new_boolean(a->query));
	return o;
}

int control_activate(const struct control_peer *to,
		     struct control_activation *a, struct zl_err *err)
{
	struct json_object *reply;
	int ret = ask(to, new_activation(a), &reply, NULL, NULL, err);

	if (ret)
		return ret;
	a->activated = json_object_get_boolean(member(reply, "activated"));
	join_words(member(reply, "unmet"), a->unmet, sizeof(a->unmet));
	a->unmet_lba = u64_or_invalid(reply, "unmet_lba");
	a->realms = u64(reply, "realms");
	json_object_put(reply);
	return 0;
}

/*
 * powerfail, inject-…
 */

int control_powerfail(const char *serial, uint64_t seed, uint64_t *zones,
		      disk_progress_fn *progress, void *user,
		      struct zl_err *err)
{
	const struct control_peer to = { .serial = serial };
	struct json_object *request = new_long_request("powerfail"), *reply;
	int ret;

	if (seed != UINT64_MAX)
		json_object_object_add(request, "seed", new_u64(seed));
	ret = ask(&to, request, &reply, progress, user, err);
	if (ret)
		return ret;
	*zones = u64(reply, "zones");
	json_object_put(reply);
	return 0;
}

/*
 * snapshot, record-…
 */

static void add_text(struct json_object *o, const char *key, const char *text)
{
	if (text)
		json_object_object_add(o, key, new_text(text));
}

int control_snapshot(const char *serial, const char *name, const char *record,
		     struct zl_err *err)
{
	struct json_object *request = new_long_request("snapshot");

	add_text(request, "name", name);
	add_text(request, "record", record);
	return ask_socket(serial, request, NULL, err);
}

static void take_record(struct json_object *o, struct control_record *record)
{
	*record = (struct control_record){
		.on = json_object_get_boolean(member(o, "on")),
		.records = u64(o, "records"),
		.bytes = u64(o, "bytes"),
		.marks = u64(o, "marks"),
	};
	copy_text(o, "file", record->file, sizeof(record->file));
	copy_text(o, "why", record->why, sizeof(record->why));
}

static int ask_record(const char *serial, struct json_object *request,
		      struct control_record *record, struct zl_err *err)
{
	struct json_object *reply;
	int ret = ask_socket(serial, request, &reply, err);

	if (ret)
		return ret;
	take_record(member(reply, "record"), record);
	json_object_put(reply);
	return 0;
}

int control_record_status(const char *serial, struct control_record *record,
			  struct zl_err *err)
{
	return ask_record(serial, new_request("info"), record, err);
}

int control_record_stop(const char *serial, struct control_record *record,
			struct zl_err *err)
{
	return ask_record(serial, new_long_request("record-stop"), record, err);
}

int control_record_mark(const char *serial, const char *text, uint64_t *point,
			struct zl_err *err)
{
	struct json_object *request = new_request("record-mark"), *reply;
	int ret;

	add_text(request, "text", text);
	ret = ask_socket(serial, request, &reply, err);
	if (ret)
		return ret;
	*point = u64(reply, "point");
	json_object_put(reply);
	return 0;
}

int control_fault_add(const struct control_peer *to, struct json_object *fault,
		      uint64_t *id, struct zl_err *err)
{
	struct json_object *request = new_request("inject-add"), *reply;
	int ret;

	json_object_object_add(request, "fault", json_object_get(fault));
	ret = ask(to, request, &reply, NULL, NULL, err);
	if (ret)
		return ret;
	*id = u64(reply, "id");
	json_object_put(reply);
	return 0;
}

int control_fault_list(const struct control_peer *to,
		       struct json_object **faults, uint64_t *left_out,
		       struct zl_err *err)
{
	struct json_object *reply;
	int ret = ask(to, new_request("inject-list"), &reply, NULL, NULL, err);

	if (ret)
		return ret;
	*faults = array_length(member(reply, "faults"))
			  ? json_object_get(member(reply, "faults"))
			  : json_object_new_array();
	*left_out = u64(reply, "left_out");
	json_object_put(reply);
	return 0;
}

int control_fault_clear(const struct control_peer *to,
			struct json_object *where, struct zl_err *err)
{
	struct json_object *request = new_request("inject-clear");

	json_object_object_foreach(where, key, v)
		json_object_object_add(request, key, json_object_get(v));
	return ask(to, request, NULL, NULL, NULL, err);
}

int control_end_delays(const char *serial, struct zl_err *err)
{
	return ask_socket(serial, new_request("end-delays"), NULL, err);
}
