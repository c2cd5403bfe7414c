// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Faults as JSON objects: the control protocol's, and zloop.faults'. */
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stddef.h>
#include <string.h>

#include "base/near.h"
#include "base/num.h"
#include "disk/inject.h"
#include "disk/options/check.h"

#define MAX_DELAY_MS 600000

static const char *const op_names[INJECT_OP_NR] = {
	[INJECT_OP_ANY] = "any",       [INJECT_OP_READ] = "read",
	[INJECT_OP_WRITE] = "write",   [INJECT_OP_SYNC] = "sync",
	[INJECT_OP_ZONE] = "zone",     [INJECT_OP_RESET] = "reset",
	[INJECT_OP_FINISH] = "finish", [INJECT_OP_CUT] = "cut",
};

static const struct {
	const char *name;
	int error;
} errors[] = {
	{ "EIO", EIO },	      { "ENOSPC", ENOSPC }, { "EDQUOT", EDQUOT },
	{ "EROFS", EROFS },   { "ENFILE", ENFILE }, { "EMFILE", EMFILE },
	{ "ENOMEM", ENOMEM },
};

/* Members beside "fault"; bits of struct form. */
enum member {
	M_LBA = 1,
	M_BLOCKS = 2,
	M_COUNT = 4,
	M_PERSISTENT = 8,
	M_OP = 16,
	M_WRITTEN = 32,
	M_DELAY = 64,
	M_ERRNO = 128,
	M_ZONE = 256,
};

#define M_RANGE (M_LBA | M_BLOCKS | M_ZONE)
#define M_EVENT (M_RANGE | M_COUNT | M_PERSISTENT)
#define M_STATE (M_RANGE | M_PERSISTENT)

/* What a kind may have, what it must have, and the ops it knows. */
static const struct form {
	unsigned may, must, ops;
} forms[INJECT_NR] = {
	[INJECT_READ_ERROR] = { M_EVENT, 0, 0 },
	[INJECT_WRITE_ERROR] = { M_EVENT | M_WRITTEN, 0, 0 },
	[INJECT_DELAY] = { M_EVENT | M_OP | M_DELAY, M_DELAY,
			   1 << INJECT_OP_ANY | 1 << INJECT_OP_READ |
				   1 << INJECT_OP_WRITE | 1 << INJECT_OP_SYNC |
				   1 << INJECT_OP_ZONE },
	[INJECT_BUSY] = { M_EVENT | M_OP, 0,
			  1 << INJECT_OP_ANY | 1 << INJECT_OP_READ |
				  1 << INJECT_OP_WRITE | 1 << INJECT_OP_SYNC |
				  1 << INJECT_OP_ZONE },
	[INJECT_NO_RESOURCES] = { M_EVENT, 0, 0 },
	[INJECT_BACKING_ERROR] = { M_EVENT | M_OP | M_ERRNO, M_ERRNO,
				   1 << INJECT_OP_ANY | 1 << INJECT_OP_READ |
					   1 << INJECT_OP_WRITE |
					   1 << INJECT_OP_SYNC |
					   1 << INJECT_OP_RESET |
					   1 << INJECT_OP_FINISH |
					   1 << INJECT_OP_CUT },
	[INJECT_READ_ONLY] = { M_STATE, M_LBA, 0 },
	[INJECT_OFFLINE] = { M_STATE, M_LBA, 0 },
	[INJECT_RESET_RECOMMENDED] = { M_STATE, M_LBA, 0 },
	[INJECT_PREDICTED_ERRORS] = { M_STATE, M_LBA, 0 },
};

/* A value as a sentence quotes it. */
static const char *quote(struct json_object *v, char buf[48])
{
	const char *s = json_object_is_type(v, json_type_string)
				? json_object_get_string(v)
				: json_object_to_json_string_ext(
					  v, JSON_C_TO_STRING_PLAIN);

	printable(buf, 48, s ? s : "null", strlen(s ? s : "null"));
	return buf;
}

static int take_number(struct json_object *v, const char *name, uint64_t min,
		       uint64_t max, uint64_t *n, struct zl_err *err)
{
	uint64_t i = json_object_get_uint64(v);
	char text[48];

	/* json-c gives the nearest it has for what does not fit: 0 for what is
	 * below, and no @max is the largest. */
	if (!json_object_is_type(v, json_type_int) ||
	    json_object_get_int64(v) < 0 || i < min || i > max)
		return zl_fail(err, EINVAL,
			       "%s=%s is not a number from %" PRIu64
			       " to %" PRIu64,
			       name, quote(v, text), min, max);
	*n = i;
	return 0;
}

static int take_op(struct json_object *v, struct inject_fault *f,
		   struct zl_err *err)
{
	const char *s = json_object_get_string(v);
	char text[48];

	for (unsigned i = 0; s && i < INJECT_OP_NR; i++)
		if (!strcmp(s, op_names[i]) && forms[f->kind].ops >> i & 1) {
			f->op = (enum inject_op)i;
			return 0;
		}
	return zl_fail(err, EINVAL, "%s has no op=%s; use %s",
		       inject_kind_name(f->kind), quote(v, text),
		       f->kind == INJECT_BACKING_ERROR
			       ? "any, read, write, sync, reset, finish or cut"
			       : "any, read, write, sync or zone");
}

static int take_error(struct json_object *v, struct inject_fault *f,
		      struct zl_err *err)
{
	const char *s = json_object_get_string(v);
	char text[48];

	for (unsigned i = 0; s && i < ZL_ARRAY_SIZE(errors); i++)
		if (!strcmp(s, errors[i].name)) {
			f->error = errors[i].error;
			return 0;
		}
	return zl_fail(err, EINVAL,
		       "errno=%s is not one of EIO, ENOSPC, EDQUOT, EROFS, "
		       "ENFILE, EMFILE and ENOMEM",
		       quote(v, text));
}

static int take_count(struct json_object *v, struct inject_fault *f,
		      struct zl_err *err)
{
	const char *s = json_object_get_string(v);

	if (json_object_is_type(v, json_type_string) && s &&
	    !strcmp(s, "always"))
		return 0;
	return take_number(v, "count", 1, INT64_MAX, &f->count, err);
}

static int take_persistent(struct json_object *v, struct inject_fault *f,
			   struct zl_err *err)
{
	char text[48];

	f->persistent = json_object_get_boolean(v);
	if (json_object_is_type(v, json_type_boolean))
		return 0;
	return zl_fail(err, EINVAL, "persistent=%s is neither true nor false",
		       quote(v, text));
}

int inject_zone(const struct zone_geo *geo, uint64_t zone, uint64_t *lba,
		uint64_t *nr_blocks, struct zl_err *err)
{
	uint32_t nr = zone_geo_slots(geo);

	if (zone >= nr)
		return zl_fail(err, ERANGE,
			       "zone=%" PRIu64
			       " is beyond the disk's last zone; use 0 to "
			       "%" PRIu32,
			       zone, nr - 1);
	*lba = zone * geo->zone_blocks;
	*nr_blocks = min_u64(geo->zone_blocks, geo->capacity_blocks - *lba);
	return 0;
}

/* All of it has one member each; 0: it is none of them. */
static unsigned take_place(const char *key, struct json_object *v,
			   const struct zone_geo *geo, struct inject_fault *f,
			   int *ret, struct zl_err *err)
{
	uint64_t zone = 0;

	if (!strcmp(key, "lba")) {
		*ret = take_number(v, key, 0, INT64_MAX, &f->lba, err);
		return M_LBA;
	}
	if (!strcmp(key, "blocks")) {
		*ret = take_number(v, key, 1, INT64_MAX, &f->nr_blocks, err);
		return M_BLOCKS;
	}
	if (strcmp(key, "zone") || !geo)
		return 0;
	*ret = take_number(v, key, 0, INT64_MAX, &zone, err);
	if (!*ret)
		*ret = inject_zone(geo, zone, &f->lba, &f->nr_blocks, err);
	return M_ZONE;
}

static const struct {
	unsigned bit;
	const char *name;
} members[] = {
	{ M_LBA, "lba" },
	{ M_BLOCKS, "blocks" },
	{ M_ZONE, "zone" },
	{ M_COUNT, "count" },
	{ M_OP, "op" },
	{ M_WRITTEN, "written_blocks" },
	{ M_DELAY, "delay_ms" },
	{ M_ERRNO, "errno" },
	{ M_PERSISTENT, "persistent" },
};

static int no_member(enum inject_kind kind, const char *key, struct zl_err *err)
{
	struct near near = { .word = key, .len = strlen(key) };
	char text[32];

	for (size_t i = 0; i < ZL_ARRAY_SIZE(members); i++)
		if (members[i].bit & forms[kind].may &&
		    strcmp(members[i].name, key))
			near_try(&near, members[i].name);
	printable(text, sizeof(text), key, strlen(key));
	return zl_fail(err, EINVAL, "%s has no member %s%s%s%s",
		       inject_kind_name(kind), text,
		       near.best ? "; did you mean " : "",
		       near.best ? near.best : "", near.best ? "?" : "");
}

static int take_member(const char *key, struct json_object *v,
		       const struct zone_geo *geo, struct inject_fault *f,
		       unsigned *has, struct zl_err *err)
{
	uint64_t n = 0;
	int ret = 0;
	unsigned m = take_place(key, v, geo, f, &ret, err);

	if (m) {
		*has |= m;
		return ret;
	}
	if (!strcmp(key, "count")) {
		m = M_COUNT;
		ret = take_count(v, f, err);
	} else if (!strcmp(key, "persistent")) {
		m = M_PERSISTENT;
		ret = take_persistent(v, f, err);
	} else if (!strcmp(key, "op")) {
		m = M_OP;
		ret = take_op(v, f, err);
	} else if (!strcmp(key, "written_blocks")) {
		m = M_WRITTEN;
		ret = take_number(v, key, 0, UINT32_MAX, &n, err);
		f->written_blocks = (uint32_t)n;
	} else if (!strcmp(key, "delay_ms")) {
		m = M_DELAY;
		ret = take_number(v, key, 1, MAX_DELAY_MS, &n, err);
		f->delay_ms = (uint32_t)n;
	} else if (!strcmp(key, "errno")) {
		m = M_ERRNO;
		ret = take_error(v, f, err);
	}
	if (!(m & forms[f->kind].may)) {
		return no_member(f->kind, key, err);
	}
	*has |= m;
	return ret;
}

static int take_kind(struct json_object *o, struct inject_fault *f,
		     struct zl_err *err)
{
	struct json_object *v = NULL;
	struct near near = { .word = NULL };
	char text[48] = "";
	const char *s;

	if (json_object_object_get_ex(o, "fault", &v) &&
	    json_object_is_type(v, json_type_string)) {
		s = json_object_get_string(v);
		near = (struct near){ .word = s, .len = strlen(s) };
		for (unsigned i = 0; i < INJECT_NR; i++) {
			near_try(&near, inject_kind_names[i]);
			if (!strcmp(s, inject_kind_names[i])) {
				f->kind = (enum inject_kind)i;
				return 0;
			}
		}
	}
	if (near.best)
		return zl_fail(err, EINVAL,
			       "there is no fault %s; did you mean %s?",
			       quote(v, text), near.best);
	return zl_fail(
		err, EINVAL,
		"fault%s%s is not one of read-error, write-error, delay, "
		"busy, no-zone-resources, backing-error, read-only, "
		"offline, reset-recommended and predicted-errors",
		v ? "=" : "", v ? quote(v, text) : "");
}

static const char *missing(unsigned must)
{
	if (must & M_LBA)
		return "zone=NUMBER or lba=NUMBER";
	return must & M_DELAY ? "delay_ms" : "errno";
}

static int check_members(struct inject_fault *fault, unsigned has,
			 struct zl_err *err)
{
	if (has & M_ZONE && has & (M_LBA | M_BLOCKS))
		return zl_fail(err, EINVAL,
			       "zone says where, as lba and blocks do; leave "
			       "one of them out");
	if (has & M_ZONE)
		has |= M_LBA | M_BLOCKS;
	if (forms[fault->kind].must & ~has)
		return zl_fail(err, EINVAL, "%s needs %s",
			       inject_kind_name(fault->kind),
			       missing(forms[fault->kind].must));
	if (inject_is_state(fault->kind) && !inject_is_attr(fault->kind)) {
		if (has & M_PERSISTENT && !fault->persistent)
			return zl_fail(err, EINVAL, "%s is always persistent",
				       inject_kind_name(fault->kind));
		fault->persistent = true;
	}
	if (has & M_BLOCKS && !(has & M_LBA))
		return zl_fail(err, EINVAL, "blocks needs lba");
	if (!(has & M_BLOCKS))
		fault->nr_blocks = has & M_LBA ? 1 : UINT64_MAX;
	return 0;
}

int inject_parse(struct json_object *o, const struct zone_geo *geo,
		 struct inject_fault *fault, struct zl_err *err)
{
	unsigned has = 0;
	int ret;

	*fault = (struct inject_fault){ .count = INJECT_ALWAYS };
	if (!json_object_is_type(o, json_type_object))
		return zl_fail(err, EINVAL, "a fault is not a JSON object");
	ret = take_kind(o, fault, err);
	if (ret)
		return ret;
	json_object_object_foreach(o, key, v)
	{
		if (strcmp(key, "fault"))
			ret = take_member(key, v, geo, fault, &has, err);
		if (ret)
			return ret;
	}
	return check_members(fault, has, err);
}

static const char *error_name(int error)
{
	for (unsigned i = 0; i < ZL_ARRAY_SIZE(errors); i++)
		if (errors[i].error == error)
			return errors[i].name;
	return "EIO";
}

static void add_u64(struct json_object *o, const char *key, uint64_t v)
{
	json_object_object_add(o, key, json_object_new_int64((int64_t)v));
}

struct json_object *inject_format(const struct inject_fault *f)
{
	struct json_object *o = json_object_new_object();
	unsigned may = forms[f->kind].may;

	if (!o)
		return NULL;
	json_object_object_add(
		o, "fault", json_object_new_string(inject_kind_name(f->kind)));
	if (f->nr_blocks != UINT64_MAX) {
		add_u64(o, "lba", f->lba);
		add_u64(o, "blocks", f->nr_blocks);
	}
	if (may & M_COUNT && f->count != INJECT_ALWAYS)
		add_u64(o, "count", f->count);
	if (may & M_OP)
		json_object_object_add(o, "op",
				       json_object_new_string(op_names[f->op]));
	if (may & M_WRITTEN)
		add_u64(o, "written_blocks", f->written_blocks);
	if (may & M_DELAY)
		add_u64(o, "delay_ms", f->delay_ms);
	if (may & M_ERRNO)
		json_object_object_add(
			o, "errno",
			json_object_new_string(error_name(f->error)));
	if (may & M_PERSISTENT)
		json_object_object_add(o, "persistent",
				       json_object_new_boolean(f->persistent));
	return o;
}
