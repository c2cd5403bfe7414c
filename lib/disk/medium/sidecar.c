// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The sidecar, zloop.json: see docs/on-disk-format.md. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/limit.h"
#include "base/num.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "store/store.h"

/* Of disks with realms, whose directories are laid out in another way. */
#define REALMS_VERSION 2
#define FORMAT_VERSION 1
#define SIDECAR_MAX    65536 /* bytes; ours has some hundred */

static const char *const state_name[] = {
	[SIDECAR_CREATING] = "creating",
	[SIDECAR_READY] = "ready",
};

/*
 * Writing.
 */

/* json-c takes the value over even where adding it fails for want of memory:
 * the text is then refused by our own reader before it is written. */
static void add(struct json_object *o, const char *key, struct json_object *v)
{
	json_object_object_add(o, key, v);
}

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	add(o, key, json_object_new_uint64(v));
}

static void add_str(struct json_object *o, const char *key, const char *v)
{
	add(o, key, json_object_new_string(v));
}

static void add_domains(struct json_object *o, const char *key,
			const struct disk_realms *r)
{
	struct json_object *list = json_object_new_array();

	for (unsigned i = 0; i < r->nr_domains; i++)
		json_object_array_add(
			list, json_object_new_string(opt_domain_name(
				      (enum disk_domain_kind)r->types[i])));
	add(o, key, list);
}

static void add_realms(struct json_object *o, const struct disk_meta *meta)
{
	const struct disk_realms *r = &meta->realms;

	add_domains(o, "domains", r);
	add_u64(o, "realms", r->nr);
	add_u64(o, "bottom_realms", r->bottom);
	add_u64(o, "top_realms", r->top);
	add_u64(o, "smr_realms", r->smr);
	add_u64(o, "cmr_zones", r->cmr_zones);
	add_u64(o, "smr_zones", r->smr_zones);
	add_u64(o, "domain_gap", r->gap);
	add_u64(o, "active_domain", r->active);
	add_u64(o, "max_activation", r->max_activation);
	add_u64(o, "device_type", meta->device_type);
}

static struct json_object *to_json(const struct disk_meta *meta,
				   enum sidecar_state state)
{
	struct json_object *o = json_object_new_object();

	if (!o)
		return NULL;
	add_u64(o, "format_version",
		meta->realms.nr_domains ? REALMS_VERSION : FORMAT_VERSION);
	add_str(o, "state", state_name[state]);
	add_str(o, "serial", meta->serial);
	add_str(o, "model", disk_opt_choice(OPT_MODEL, meta_model(meta)));
	add_u64(o, "capacity_bytes", meta->capacity_bytes);
	add_u64(o, "zone_size_bytes", meta->zone_bytes);
	add_u64(o, "zone_capacity_bytes", meta->zone_cap_bytes);
	add_u64(o, "conv_zones", meta->conv_zones);
	add_u64(o, "max_open_zones", meta->max_open);
	add_u64(o, "block_size", meta->block_bytes);
	add_u64(o, "physical_block_size", meta->phys_block_bytes);
	add(o, "urswrz", json_object_new_boolean(meta->urswrz));
	add_u64(o, "rc_basis", !meta->rc_conv);
	add(o, "adopted", json_object_new_boolean(meta->adopted));
	if (meta->realms.nr_domains)
		add_realms(o, meta);
	return o;
}

static int check_own(const char *text, size_t len)
{
	struct disk_meta meta;
	enum sidecar_state state;

	return sidecar_parse(text, len, "", &meta, &state, NULL) ? -ENOMEM : 0;
}

/* With a newline at its end; the caller frees it. */
static char *text_of(struct json_object *o)
{
	const char *text = NULL;
	char *copy = NULL;

	if (o)
		text = json_object_to_json_string_ext(
			o, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED);
	if (text && asprintf(&copy, "%s\n", text) < 0)
		copy = NULL;
	json_object_put(o);
	return copy;
}

static char *sound_text(const struct disk_meta *meta, enum sidecar_state state)
{
	char *text = text_of(to_json(meta, state));

	if (!text || !check_own(text, strlen(text)))
		return text;
	free(text);
	return NULL;
}

int sidecar_write(struct store *st, const struct disk_meta *meta,
		  enum sidecar_state state)
{
	char *text = sound_text(meta, state);
	int ret;

	if (!text)
		return -ENOMEM;
	ret = store_meta_replace(st, DISK_SIDECAR, text, strlen(text));
	free(text);
	return ret;
}

int sidecar_make(struct store *st, const struct disk_meta *meta, bool durable)
{
	char *text;
	int ret;

	if (durable)
		return sidecar_write(st, meta, SIDECAR_READY);
	text = sound_text(meta, SIDECAR_READY);
	if (!text)
		return -ENOMEM;
	ret = store_meta_append(st, DISK_SIDECAR, text, strlen(text), false);
	free(text);
	return ret;
}

char *sidecar_head(const struct disk_meta *meta, const char *snapshot)
{
	struct json_object *o = json_object_new_object();
	struct json_object *disk = to_json(meta, SIDECAR_READY);

	if (!o || !disk) {
		json_object_put(o);
		json_object_put(disk);
		return NULL;
	}
	json_object_object_add(o, "record", json_object_new_int(1));
	json_object_object_add(o, "snapshot", json_object_new_string(snapshot));
	json_object_object_add(o, "disk", disk);
	return text_of(o);
}

/*
 * Reading.
 */

struct reader {
	struct json_object *o;
	const char *name; /* of the directory */
	struct zl_err *err;
	int ret;
};

static void bad(struct reader *r, const char *key, const char *what)
{
	if (!r->ret)
		r->ret = zl_fail(r->err, EINVAL,
				 "%s/" DISK_SIDECAR ": \"%s\" %s", r->name, key,
				 what);
}

static struct json_object *get(struct reader *r, const char *key,
			       enum json_type type, const char *what)
{
	struct json_object *v;

	if (!json_object_object_get_ex(r->o, key, &v)) {
		bad(r, key, "is missing");
		return NULL;
	}
	if (json_object_get_type(v) != type) {
		bad(r, key, what);
		return NULL;
	}
	return v;
}

static uint64_t get_u64(struct reader *r, const char *key, uint64_t max)
{
	struct json_object *v = get(r, key, json_type_int, "is not a number");
	uint64_t n;

	if (!v)
		return 0;
	/* Saturated by json-c at both ends. */
	if (json_object_get_int64(v) < 0) {
		bad(r, key, "is negative");
		return 0;
	}
	n = json_object_get_uint64(v);
	if (n > max) {
		bad(r, key, "is too large");
		return 0;
	}
	return n;
}

static bool get_bool(struct reader *r, const char *key)
{
	struct json_object *v =
		get(r, key, json_type_boolean, "is not true or false");

	return v && json_object_get_boolean(v);
}

static const char *get_str(struct reader *r, const char *key)
{
	struct json_object *v =
		get(r, key, json_type_string, "is not a string");
	const char *s = v ? json_object_get_string(v) : NULL;

	if (s && strlen(s) != (size_t)json_object_get_string_len(v)) {
		bad(r, key, "has a zero byte");
		return NULL;
	}
	return s;
}

/* Returns whether it is that of a disk with realms. */
static bool get_version(struct reader *r)
{
	uint64_t v = get_u64(r, "format_version", UINT64_MAX);

	if (r->ret || v == FORMAT_VERSION || v == REALMS_VERSION)
		return v == REALMS_VERSION;
	r->ret = zl_fail(r->err, ENOTSUP,
			 "%s/" DISK_SIDECAR " has format version %" PRIu64
			 ", but this program knows %d and %d only; use a newer "
			 "one",
			 r->name, v, FORMAT_VERSION, REALMS_VERSION);
	return false;
}

static void get_state(struct reader *r, enum sidecar_state *state)
{
	const char *s = get_str(r, "state");

	if (!s)
		return;
	if (!strcmp(s, state_name[SIDECAR_CREATING]))
		*state = SIDECAR_CREATING;
	else if (!strcmp(s, state_name[SIDECAR_READY]))
		*state = SIDECAR_READY;
	else
		bad(r, "state", "is not \"creating\" or \"ready\"");
}

static void get_serial(struct reader *r, char serial[DISK_SERIAL_LEN + 1])
{
	const char *s = get_str(r, "serial");

	if (!s)
		return;
	if (strlen(s) != DISK_SERIAL_LEN ||
	    strspn(s, "0123456789abcdef") != DISK_SERIAL_LEN)
		bad(r, "serial", "is not 16 digits 0-9 and a-f");
	else
		memcpy(serial, s, DISK_SERIAL_LEN + 1);
}

/* Of the disks of each version. */
static bool get_host_aware(struct reader *r, bool realms)
{
	const char *s = get_str(r, "model");
	bool aware;

	if (!s)
		return false;
	if (realms) {
		if (strcmp(s, disk_opt_choice(OPT_MODEL, MODEL_REALMS)))
			bad(r, "model", "is not \"realms\"");
		return false;
	}
	aware = !strcmp(s, disk_opt_choice(OPT_MODEL, MODEL_HOST_AWARE));
	if (!aware && strcmp(s, disk_opt_choice(OPT_MODEL, MODEL_HOST_MANAGED)))
		bad(r, "model", "is not \"host-managed\" or \"host-aware\"");
	return aware;
}

/* 0: no kind has this name. */
static unsigned domain_kind(struct json_object *v)
{
	const char *s = json_object_is_type(v, json_type_string)
				? json_object_get_string(v)
				: "";
	enum disk_domain_kind kind;

	for (kind = DOMAIN_CONV; kind < DOMAIN_NR; kind++)
		if (!strcmp(s, opt_domain_name(kind)))
			return kind;
	return 0;
}

static void get_domains(struct reader *r, struct disk_realms *realms)
{
	struct json_object *list =
		get(r, "domains", json_type_array, "is not a list");
	size_t n = list ? json_object_array_length(list) : 0;

	if (list && (n < 2 || n > ZONE_MAX_DOMAINS)) {
		bad(r, "domains", "has not two to four of them");
		return;
	}
	realms->nr_domains = (unsigned)n;
	for (size_t i = 0; i < n; i++) {
		realms->types[i] =
			domain_kind(json_object_array_get_idx(list, i));
		if (!realms->types[i])
			bad(r, "domains", "has a kind that there is not");
	}
}

static void get_realms(struct reader *r, struct disk_meta *meta)
{
	struct disk_realms *d = &meta->realms;

	get_domains(r, d);
	d->nr = (uint32_t)get_u64(r, "realms", UINT32_MAX);
	d->bottom = (uint32_t)get_u64(r, "bottom_realms", UINT32_MAX);
	d->top = (uint32_t)get_u64(r, "top_realms", UINT32_MAX);
	d->smr = (uint32_t)get_u64(r, "smr_realms", UINT32_MAX);
	d->cmr_zones = (uint32_t)get_u64(r, "cmr_zones", UINT32_MAX);
	d->smr_zones = (uint32_t)get_u64(r, "smr_zones", UINT32_MAX);
	d->gap = (uint32_t)get_u64(r, "domain_gap", UINT32_MAX);
	d->active = (uint8_t)get_u64(r, "active_domain", UINT8_MAX);
	d->max_activation = (uint16_t)get_u64(r, "max_activation", UINT16_MAX);
	meta->device_type = (uint8_t)get_u64(r, "device_type", 0x14);
	if (!r->ret && meta->device_type && meta->device_type != 0x14)
		bad(r, "device_type", "is not 0 or 20");
}

/* Disks made before there was a choice do not have it. */
static bool get_rc_conv(struct reader *r)
{
	struct json_object *v;

	if (!json_object_object_get_ex(r->o, "rc_basis", &v))
		return false;
	return !get_u64(r, "rc_basis", 1);
}

static void get_all(struct reader *r, struct disk_meta *meta,
		    enum sidecar_state *state)
{
	const char *error;
	bool realms = get_version(r);

	get_state(r, state);
	get_serial(r, meta->serial);
	meta->host_aware = get_host_aware(r, realms);
	meta->capacity_bytes = get_u64(r, "capacity_bytes", INT64_MAX);
	meta->zone_bytes = get_u64(r, "zone_size_bytes", INT64_MAX);
	meta->zone_cap_bytes = get_u64(r, "zone_capacity_bytes", INT64_MAX);
	meta->conv_zones = (uint32_t)get_u64(r, "conv_zones", UINT32_MAX);
	meta->max_open = (uint32_t)get_u64(r, "max_open_zones", UINT32_MAX);
	meta->block_bytes = (uint32_t)get_u64(r, "block_size", UINT32_MAX);
	meta->phys_block_bytes =
		(uint32_t)get_u64(r, "physical_block_size", UINT32_MAX);
	meta->urswrz = get_bool(r, "urswrz");
	meta->rc_conv = get_rc_conv(r);
	meta->adopted = get_bool(r, "adopted");
	if (realms)
		get_realms(r, meta);
	if (r->ret)
		return;
	error = meta_error(meta);
	if (error)
		r->ret = zl_fail(r->err, EINVAL,
				 "%s/" DISK_SIDECAR
				 " describes an impossible disk: %s",
				 r->name, error);
	else
		meta_derive(meta);
}

static struct json_object *parse_text(const char *text, size_t len,
				      const char *name, struct zl_err *err)
{
	struct json_fault fault;
	struct json_object *o =
		json_read(text, len, JSON_TOKENER_DEFAULT_DEPTH, &fault);

	if (fault.no_memory)
		zl_fail(err, ENOMEM, "out of memory");
	else if (fault.why == json_tokener_continue)
		zl_fail(err, EINVAL,
			"%s/" DISK_SIDECAR
			" is cut short: its JSON does not end",
			name);
	else if (fault.why != json_tokener_success)
		zl_fail(err, EINVAL,
			"%s/" DISK_SIDECAR " is not JSON: %s at byte %zu", name,
			json_tokener_error_desc(fault.why), fault.at);
	else if (!o)
		zl_fail(err, EINVAL, "%s/" DISK_SIDECAR " is not a JSON object",
			name);
	return o;
}

static int parse_head(struct json_object *o, const char *log,
		      char snapshot[PATH_MAX], struct disk_meta *meta,
		      struct zl_err *err)
{
	struct json_object *path = NULL, *disk = NULL;
	enum sidecar_state state;
	const char *text;

	if (json_object_is_type(o, json_type_object)) {
		json_object_object_get_ex(o, "snapshot", &path);
		json_object_object_get_ex(o, "disk", &disk);
	}
	if (!json_object_is_type(path, json_type_string) || !disk ||
	    json_object_get_string_len(path) >= PATH_MAX)
		return zl_fail(err, EINVAL, "%s is no record of a disk", log);
	snprintf(snapshot, PATH_MAX, "%s", json_object_get_string(path));
	text = json_object_to_json_string(disk);
	if (!text)
		return zl_fail(err, ENOMEM, "out of memory");
	return sidecar_parse(text, strlen(text), log, meta, &state, err);
}

int sidecar_parse_head(const char *text, size_t len, const char *log,
		       char snapshot[PATH_MAX], struct disk_meta *meta,
		       struct zl_err *err)
{
	struct json_object *o = parse_text(text, len, log, err);
	int ret;

	if (!o)
		return -EINVAL;
	ret = parse_head(o, log, snapshot, meta, err);
	json_object_put(o);
	return ret;
}

int sidecar_parse(const char *text, size_t len, const char *name,
		  struct disk_meta *meta, enum sidecar_state *state,
		  struct zl_err *err)
{
	struct reader r = { .name = name, .err = err };

	if (len > SIDECAR_MAX)
		return zl_fail(err, EINVAL,
			       "%s/" DISK_SIDECAR
			       " has %zu bytes, too many for a sidecar",
			       name, len);
	r.o = parse_text(text, len, name, err);
	if (!r.o)
		return -EINVAL;
	*meta = (struct disk_meta){ 0 };
	*state = SIDECAR_CREATING;
	if (json_object_get_type(r.o) == json_type_object)
		get_all(&r, meta, state);
	else
		r.ret = zl_fail(err, EINVAL,
				"%s/" DISK_SIDECAR " is not a JSON object",
				name);
	json_object_put(r.o);
	return r.ret;
}

int sidecar_read(struct store *st, const char *name, struct disk_meta *meta,
		 enum sidecar_state *state, struct zl_err *err)
{
	char why[META_ERROR_MAX];
	void *data;
	size_t len;
	int ret = store_meta_read(st, DISK_SIDECAR, &data, &len);

	if (ret == -ENOENT)
		return ret;
	if (ret)
		return zl_fail(err, -ret, "%s/" DISK_SIDECAR " is %s", name,
			       meta_read_error(ret, why));
	ret = sidecar_parse(data, len, name, meta, state, err);
	free(data);
	return ret;
}

const char *meta_read_error(int error, char text[META_ERROR_MAX])
{
	switch (error) {
	case -ELOOP:
		return "a symbolic link; it must be a regular file";
	case -EINVAL:
		return "not a regular file";
	case -EFBIG:
		return "too large";
	case -EACCES:
	case -EPERM:
		return "not readable for this user";
	case -EMFILE:
	case -ENFILE:
		snprintf(text, META_ERROR_MAX, "not readable: %s",
			 limit_strerror(-error));
		return text;
	default:
		return "not readable: the file system reports an error";
	}
}
