// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The options of a disk: the table, and what is refused of one option alone.
 * Names, defaults and bounds are those of the kernel's zloop
 * (drivers/block/zloop.c) where they mean the same.
 */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"
#include "base/num.h"
#include "disk/options/check.h"

/* MiB whose bytes still fit the file offset that a disk's end has. */
#define MAX_MIB (INT64_MAX / (int64_t)ZL_MIB)

const struct disk_opt disk_opt_table[OPT_NR] = {
	[OPT_CAPACITY_MB] = { "capacity_mb", OPT_KIND_NUMBER, 1, MAX_MIB,
			      "16384", true, true,
			      "the disk's size in MiB; a cfgstring needs it "
			      "only to have everything checked before the "
			      "device is made" },
	[OPT_ZONE_SIZE_MB] = { "zone_size_mb", OPT_KIND_NUMBER, 1, 16384, "256",
			       true, true,
			       "distance of zone starts in MiB, a power of two "
			       "unless any_zone_size is given" },
	[OPT_ZONE_CAPACITY_MB] = { "zone_capacity_mb", OPT_KIND_NUMBER, 1,
				   16384, NULL, true, true,
				   "writable MiB of a sequential zone, the "
				   "rest is a gap zone (default: the zone "
				   "size)" },
	[OPT_CONV_ZONES] = { "conv_zones", OPT_KIND_NUMBER, 0,
			     DISK_MAX_SLOTS - 1, "8", true, true,
			     "conventional zones, at the disk's start" },
	[OPT_MAX_OPEN_ZONES] = { "max_open_zones", OPT_KIND_NUMBER, 0,
				 DISK_MAX_SLOTS, "0", true, true,
				 "open sequential zones at a time, 0 = no "
				 "limit" },
	[OPT_BLOCK_SIZE] = { "block_size", OPT_KIND_NUMBER, 512, 4096, "512",
			     true, true,
			     "bytes of a logical block, 512 or 4096 (default: "
			     "the device's)" },
	[OPT_PHYSICAL_BLOCK_SIZE] = { "physical_block_size", OPT_KIND_NUMBER,
				      512, 4096, NULL, true, true,
				      "bytes of a physical block, 512 or 4096 "
				      "(default: the logical block's)" },
	[OPT_SMALLER_LAST_ZONE] = { "smaller_last_zone", OPT_KIND_FLAG, 0, 0,
				    NULL, true, true,
				    "the size may be no multiple of the zone "
				    "size: the last zone has the rest" },
	[OPT_ANY_ZONE_SIZE] = { "any_zone_size", OPT_KIND_FLAG, 0, 0, NULL,
				true, true,
				"the zone size may be no power of two (Linux "
				"refuses such disks)" },
	[OPT_URSWRZ] = { "urswrz", OPT_KIND_NUMBER, 0, 1, "1", true, true,
			 "1: reads may cross the write pointer and zones "
			 "(unrestricted reads), 0: they may not" },
	[OPT_RC_BASIS] = { "rc_basis", OPT_KIND_NUMBER, 0, 1, "1", true, true,
			   "READ CAPACITY answers for 1: the whole disk, 0: "
			   "the conventional zones at its start" },
	[OPT_MODEL] = { "model", OPT_KIND_CHOICE, MODEL_HOST_MANAGED,
			MODEL_REALMS, "host-managed", true, true,
			"host-managed: sequential zones must be written in "
			"order; host-aware: they may be written like others; "
			"realms: zone domains and realms, whose zones are "
			"activated by command" },
	[OPT_DOMAINS] = { "domains", OPT_KIND_DOMAINS, 2, 4, "conv+seq", true,
			  true,
			  "realms: the zones of each domain, in the order of "
			  "their addresses" },
	[OPT_REALMS] = { "realms", OPT_KIND_NUMBER, 1, DISK_MAX_SLOTS / 2, NULL,
			 true, true,
			 "realms: how many (default: what capacity_mb holds)" },
	[OPT_REALM_ZONES] = { "realm_zones", OPT_KIND_PAIR, 1, 4096, "4+5",
			      true, true,
			      "realms: zones of one as conv or sobr, and as "
			      "seq "
			      "or seqp" },
	[OPT_CMR_REALMS] = { "cmr_realms", OPT_KIND_PAIR, 0, DISK_MAX_SLOTS / 2,
			     "1+0", true, true,
			     "realms: so many at the bottom and at the top "
			     "exist in the first domain only" },
	[OPT_SMR_REALMS] = { "smr_realms", OPT_KIND_NUMBER, 0,
			     DISK_MAX_SLOTS / 2, "0", true, true,
			     "realms: so many exist as seq and seqp only" },
	[OPT_DOMAIN_GAP] = { "domain_gap", OPT_KIND_NUMBER, 0, 65536, "1", true,
			     true, "realms: gap zones between two domains" },
	[OPT_ACTIVE] = { "active", OPT_KIND_DOMAINS, 1, 1, NULL, true, true,
			 "realms: the domain that is active at first and after "
			 "FORMAT UNIT (default: the first)" },
	[OPT_MAX_ACTIVATION] = { "max_activation", OPT_KIND_NUMBER, 0,
				 UINT16_MAX, "0", true, true,
				 "realms: zones that one command activates at "
				 "most unless it names their number, 0 = no "
				 "limit" },
	[OPT_DEVICE_TYPE] = { "device_type", OPT_KIND_CHOICE, DEVICE_TYPE_00H,
			      DEVICE_TYPE_14H, "00h", true, true,
			      "realms: 00h: hosts see the first domain as an "
			      "ordinary disk; 14h: a zoned one" },
	[OPT_BUFFERED_IO] = { "buffered_io", OPT_KIND_FLAG, 0, 0, NULL, false,
			      true,
			      "go through the page cache, as without it" },
	[OPT_DIRECT_IO] = { "direct_io", OPT_KIND_FLAG, 0, 0, NULL, false, true,
			    "go past the page cache where the file system's "
			    "alignment allows it",
			    true },
	[OPT_PROVISIONING] = { "provisioning", OPT_KIND_CHOICE,
			       PROVISIONING_FULL, PROVISIONING_THIN, "full",
			       false, true,
			       "thin: conventional zones can be unmapped; "
			       "full: hosts are told of no provisioning, as "
			       "by real host-managed drives",
			       true },
	[OPT_WRITE_THROUGH] = { "write_through", OPT_KIND_FLAG, 0, 0, NULL,
				false, true,
				"no write cache, and MODE SELECT switches none "
				"on: what is GOOD is durable",
				true },
	[OPT_NR_QUEUES] = { "nr_queues", OPT_KIND_NUMBER, 1, UINT32_MAX, "1",
			    false, true, "the kernel's; without effect" },
	[OPT_QUEUE_DEPTH] = { "queue_depth", OPT_KIND_NUMBER, 1, UINT32_MAX,
			      "128", false, true,
			      "the kernel's; without effect" },
	[OPT_ZONE_APPEND] = { "zone_append", OPT_KIND_NUMBER, 0, 1, "1", false,
			      true,
			      "the kernel's; without effect: SCSI has no zone "
			      "append" },
	[OPT_ORDERED_ZONE_APPEND] = { "ordered_zone_append", OPT_KIND_FLAG, 0,
				      0, NULL, false, true,
				      "the kernel's; without effect" },
	[OPT_DISCARD_WRITE_CACHE] = { "discard_write_cache", OPT_KIND_FLAG, 0,
				      0, NULL, false, true,
				      "simulate a power failure when the "
				      "device "
				      "is removed, and on demand",
				      true },
	[OPT_ID] = { "id", OPT_KIND_NUMBER, 0, INT32_MAX, NULL, false, false,
		     "the disk's number: the directory's name (default: the "
		     "lowest free)" },
	[OPT_BASE_DIR] = { "base_dir", OPT_KIND_STRING, 0, 0,
			   "/var/local/zloop", false, false,
			   "where the disks' directories are" },
};

static_assert(OPT_NR <= 64, "struct disk_opts.given has a bit per option");

/* An option as it was typed: "NAME[=VALUE]" in a longer string. */
struct token {
	const char *name, *value; /* value is NULL without '=' */
	size_t name_len, value_len;
	bool bare;     /* a size's name without _mb, which needs a unit */
	char text[64]; /* all of it, made fit for a sentence */
};

void printable(char *out, size_t size, const char *s, size_t len)
{
	size_t n = min_u64(len, size - 1);

	for (size_t i = 0; i < n; i++)
		out[i] = s[i] >= ' ' && s[i] != 0x7f ? s[i] : '?';
	out[n] = 0;
	if (len > n && n >= 3)
		memcpy(out + n - 3, "...", 3);
}

static void token_split(struct token *t, const char *s, size_t len)
{
	const char *eq = memchr(s, '=', len);

	t->name = s;
	t->name_len = eq ? (size_t)(eq - s) : len;
	t->value = eq ? eq + 1 : NULL;
	t->value_len = eq ? len - t->name_len - 1 : 0;
	printable(t->text, sizeof(t->text), s, len);
}

bool opt_is_mib(enum disk_opt_id id)
{
	return id == OPT_CAPACITY_MB || id == OPT_ZONE_SIZE_MB ||
	       id == OPT_ZONE_CAPACITY_MB;
}

/* "zone_size" is zone_size_mb, if its value says what it is in. */
static enum disk_opt_id opt_find(struct token *t)
{
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		size_t len = strlen(disk_opt_table[id].name);

		t->bare = opt_is_mib(id) && t->name_len == len - 3;
		if ((len == t->name_len || t->bare) &&
		    !memcmp(disk_opt_table[id].name, t->name, t->name_len))
			return id;
	}
	return OPT_NR;
}

#define NAME_SIZE 40

/* Without what stands between words, which people forget or write otherwise. */
static size_t squeeze(const char *name, size_t len, char out[NAME_SIZE])
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < NAME_SIZE - 1; i++)
		if (!strchr("_-", name[i]))
			out[n++] = (char)tolower((unsigned char)name[i]);
	out[n] = 0;
	return n;
}

enum disk_opt_id disk_opt_near(const char *word, size_t len, bool cfgstring)
{
	char squeezed[NAME_SIZE], candidate[NAME_SIZE];
	enum disk_opt_id best = OPT_NR;
	struct near near = { .word = squeezed };

	near.len = squeeze(word, len, squeezed);
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		const char *name = disk_opt_table[id].name;
		unsigned cost = near.best ? near.cost : UINT_MAX;

		if (cfgstring && !disk_opt_table[id].cfgstring)
			continue;
		squeeze(name, strlen(name), candidate);
		near_try(&near, candidate);
		if (opt_is_mib(id)) {
			squeeze(name, strlen(name) - 3, candidate);
			near_try(&near, candidate);
		}
		if (near.best && near.cost < cost)
			best = id;
	}
	return best;
}

static int unknown_option(const struct token *t, bool cfgstring,
			  struct zl_err *err)
{
	enum disk_opt_id near = disk_opt_near(t->name, t->name_len, cfgstring);
	char name[48];

	printable(name, sizeof(name), t->name, t->name_len);
	if (near != OPT_NR)
		return zl_fail(err, EINVAL,
			       "unknown option %s; did you mean %s?", name,
			       disk_opt_table[near].name);
	return zl_fail(err, EINVAL,
		       "unknown option %s; zloop-handler(8) lists those that "
		       "there are",
		       name);
}

static int take_flag(struct disk_opts *opts, enum disk_opt_id id,
		     const struct token *t, struct zl_err *err)
{
	if (t->value)
		return zl_fail(err, EINVAL, "%s: %s takes no value; write %s",
			       t->text, disk_opt_table[id].name,
			       disk_opt_table[id].name);
	opts->num[id] = 1;
	return 0;
}

/* Bounded by the disk, which names its own limit: one after the other would be
 * two answers to one question. */
static bool disk_bounds_it(enum disk_opt_id id)
{
	return id == OPT_ZONE_CAPACITY_MB || id == OPT_CONV_ZONES ||
	       id == OPT_MAX_OPEN_ZONES;
}

int opts_check_bounds(const struct disk_opts *opts, struct zl_err *err)
{
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];

		if (disk_bounds_it(id) && opts->num[id] > o->max)
			return zl_fail(err, EINVAL,
				       "%s=%" PRIu64
				       " is out of bounds; use %" PRIu64
				       " to %" PRIu64,
				       o->name, opts->num[id], o->min, o->max);
	}
	return 0;
}

/* MiB without a unit.  A capacity is what there is room for; a zone's size is
 * what it is. */
static int take_mib(struct disk_opts *opts, enum disk_opt_id id,
		    const struct token *t, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];
	uint64_t bytes = 0, ignored, mib;
	int ret = parse_size(t->value, t->value_len, ZL_MIB, &bytes);
	bool plain = parse_u64(t->value, t->value_len, &ignored) != -EINVAL;

	if (ret == -EINVAL)
		return zl_fail(err, EINVAL,
			       "%s is not a size; write %s as in 64M, 2G, 20T "
			       "or 20TB",
			       t->text,
			       t->bare ? "a number and a unit"
				       : "MiB in digits, or a unit");
	if (t->bare && plain)
		return zl_fail(err, EINVAL,
			       "%s has no unit; write %sM, or %s for MiB",
			       t->text, t->text, o->name);
	mib = bytes / ZL_MIB;
	if (ret || mib < o->min || (mib > o->max && !disk_bounds_it(id)))
		return zl_fail(err, EINVAL,
			       "%s is out of bounds; use %" PRIu64
			       " to %" PRIu64 "%s",
			       t->text, o->min, o->max, plain ? "" : " MiB");
	if (bytes % ZL_MIB && id != OPT_CAPACITY_MB)
		return zl_fail(err, EINVAL,
			       "%s is no whole number of MiB; use %" PRIu64
			       "M or %" PRIu64 "M",
			       t->text, mib, mib + 1);
	opts->num[id] = mib;
	return 0;
}

static int take_number(struct disk_opts *opts, enum disk_opt_id id,
		       const struct token *t, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];
	uint64_t v;
	int ret;

	if (opt_is_mib(id))
		return take_mib(opts, id, t, err);
	ret = id == OPT_BLOCK_SIZE || id == OPT_PHYSICAL_BLOCK_SIZE
		      ? parse_size(t->value, t->value_len, 1, &v)
		      : parse_u64(t->value, t->value_len, &v);
	if (ret == -EINVAL)
		return zl_fail(err, EINVAL,
			       "%s is not a plain number; use digits only, "
			       "from %" PRIu64 " to %" PRIu64,
			       t->text, o->min, o->max);
	if (ret || v < o->min || (v > o->max && !disk_bounds_it(id)))
		return zl_fail(err, EINVAL,
			       "%s is out of bounds; use %" PRIu64
			       " to %" PRIu64,
			       t->text, o->min, o->max);
	opts->num[id] = v;
	return 0;
}

const char *disk_opt_choice(enum disk_opt_id id, uint64_t value)
{
	static const char *const models[] = {
		[MODEL_HOST_MANAGED] = "host-managed",
		[MODEL_HOST_AWARE] = "host-aware",
		[MODEL_REALMS] = "realms",
	};
	static const char *const device_types[] = {
		[DEVICE_TYPE_00H] = "00h",
		[DEVICE_TYPE_14H] = "14h",
	};
	static const char *const provisioning[] = {
		[PROVISIONING_FULL] = "full",
		[PROVISIONING_THIN] = "thin",
	};

	assert(disk_opt_table[id].kind == OPT_KIND_CHOICE &&
	       value <= disk_opt_table[id].max);
	if (id == OPT_DEVICE_TYPE)
		return device_types[value];
	return id == OPT_MODEL ? models[value] : provisioning[value];
}

const char *opt_domain_name(enum disk_domain_kind kind)
{
	static const char *const names[] = {
		[DOMAIN_CONV] = "conv",
		[DOMAIN_SEQ] = "seq",
		[DOMAIN_SEQP] = "seqp",
		[DOMAIN_SOBR] = "sobr",
	};

	assert(kind > 0 && kind < DOMAIN_NR);
	return names[kind];
}

static void domains_text(char text[OPT_TEXT_MAX], uint64_t domains)
{
	size_t n = 0;

	for (unsigned i = 0; i < opt_domain_nr(domains); i++)
		n += (size_t)snprintf(text + n, OPT_TEXT_MAX - n, "%s%s",
				      i ? "+" : "",
				      opt_domain_name(opt_domain(domains, i)));
}

void disk_opt_text(char text[OPT_TEXT_MAX], enum disk_opt_id id, uint64_t value)
{
	switch (disk_opt_table[id].kind) {
	case OPT_KIND_CHOICE:
		snprintf(text, OPT_TEXT_MAX, "%s", disk_opt_choice(id, value));
		break;
	case OPT_KIND_PAIR:
		snprintf(text, OPT_TEXT_MAX, "%" PRIu32 "+%" PRIu32,
			 opt_first(value), opt_second(value));
		break;
	case OPT_KIND_DOMAINS:
		domains_text(text, value);
		break;
	default:
		snprintf(text, OPT_TEXT_MAX, "%" PRIu64, value);
		break;
	}
}

/* Whether @id has a choice of this name. */
static bool find_choice(enum disk_opt_id id, const char *name, size_t len,
			uint64_t *value)
{
	const struct disk_opt *o = &disk_opt_table[id];
	const char *choice;

	for (uint64_t v = o->min; v <= o->max; v++) {
		choice = disk_opt_choice(id, v);
		if (strlen(choice) != len || memcmp(choice, name, len))
			continue;
		*value = v;
		return true;
	}
	return false;
}

static void list_choices(enum disk_opt_id id, char *text, size_t size)
{
	const struct disk_opt *o = &disk_opt_table[id];
	size_t n = 0;

	for (uint64_t v = o->min; v <= o->max; v++)
		n += (size_t)snprintf(text + n, size - n, "%s%s",
				      v > o->min ? " or " : "",
				      disk_opt_choice(id, v));
	assert(n < size);
}

static int take_choice(struct disk_opts *opts, enum disk_opt_id id,
		       const struct token *t, struct zl_err *err)
{
	char choices[64];

	if (find_choice(id, t->value, t->value_len, &opts->num[id]))
		return 0;
	list_choices(id, choices, sizeof(choices));
	return zl_fail(err, EINVAL, "%s is not possible; use %s", t->text,
		       choices);
}

/* "4+5", "4:5", or the first alone. */
static int take_pair(struct disk_opts *opts, enum disk_opt_id id,
		     const struct token *t, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];
	size_t len = 0;
	uint64_t a = 0, b = 0;
	bool ok;

	while (len < t->value_len && t->value[len] != '+' &&
	       t->value[len] != ':')
		len++;
	ok = !parse_u64(t->value, len, &a) && a >= o->min && a <= o->max;
	if (ok && len < t->value_len)
		ok = !parse_u64(t->value + len + 1, t->value_len - len - 1,
				&b) &&
		     b <= o->max;
	if (!ok || b < o->min)
		return zl_fail(err, EINVAL,
			       "%s is not possible; use two numbers from "
			       "%" PRIu64 " to %" PRIu64 ", as in %s=%s",
			       t->text, o->min, o->max, o->name, o->def);
	opts->num[id] = a << 32 | b;
	return 0;
}

/* 0: there is no such kind. */
static enum disk_domain_kind find_domain(const char *name, size_t len)
{
	enum disk_domain_kind kind;

	for (kind = DOMAIN_CONV; kind < DOMAIN_NR; kind++)
		if (strlen(opt_domain_name(kind)) == len &&
		    !memcmp(opt_domain_name(kind), name, len))
			return kind;
	return 0;
}

static bool has_domain(uint64_t domains, enum disk_domain_kind kind)
{
	for (unsigned i = 0; i < opt_domain_nr(domains); i++)
		if (opt_domain(domains, i) == kind)
			return true;
	return false;
}

static bool parse_domains(const struct token *t, uint64_t max,
			  uint64_t *domains)
{
	const char *s = t->value, *end = s + t->value_len, *stop;
	enum disk_domain_kind kind;
	unsigned n = 0;

	for (*domains = 0; n < max; n++, s = stop + 1) {
		stop = memchr(s, '+', (size_t)(end - s));
		kind = find_domain(s, (size_t)((stop ? stop : end) - s));
		if (!kind || has_domain(*domains, kind))
			return false;
		*domains |= (uint64_t)kind << 8 * n;
		if (!stop)
			return true;
	}
	return false;
}

static int take_domains(struct disk_opts *opts, enum disk_opt_id id,
			const struct token *t, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];
	uint64_t domains;

	if (!parse_domains(t, o->max, &domains) ||
	    opt_domain_nr(domains) < o->min)
		return zl_fail(err, EINVAL,
			       "%s is not possible; use %s of conv, sobr, seq "
			       "and seqp%s",
			       t->text,
			       o->max > 1 ? "two to four different ones"
					  : "one",
			       o->max > 1 ? ", with + between them" : "");
	opts->num[id] = domains;
	return 0;
}

static int take_string(struct disk_opts *opts, const struct token *t,
		       struct zl_err *err)
{
	if (t->value_len >= sizeof(opts->base_dir))
		return zl_fail(err, EINVAL,
			       "base_dir is %zu bytes long; use %zu or fewer",
			       t->value_len, sizeof(opts->base_dir) - 1);
	memcpy(opts->base_dir, t->value, t->value_len);
	opts->base_dir[t->value_len] = 0;
	return 0;
}

static int needs_value(enum disk_opt_id id, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];
	char what[64] = "NUMBER";

	if (o->kind == OPT_KIND_STRING)
		strcpy(what, "DIRECTORY");
	else if (o->kind == OPT_KIND_CHOICE)
		list_choices(id, what, sizeof(what));
	else if (o->kind == OPT_KIND_PAIR || o->kind == OPT_KIND_DOMAINS)
		strcpy(what, o->def ? o->def : "conv");
	return zl_fail(err, EINVAL, "%s needs a value: %s=%s", o->name, o->name,
		       what);
}

static int take_value(struct disk_opts *opts, enum disk_opt_id id,
		      const struct token *t, struct zl_err *err)
{
	const struct disk_opt *o = &disk_opt_table[id];

	if (o->kind == OPT_KIND_FLAG)
		return take_flag(opts, id, t, err);
	if (!t->value_len)
		return needs_value(id, err);
	if (o->kind == OPT_KIND_STRING)
		return take_string(opts, t, err);
	if (o->kind == OPT_KIND_CHOICE)
		return take_choice(opts, id, t, err);
	if (o->kind == OPT_KIND_PAIR)
		return take_pair(opts, id, t, err);
	if (o->kind == OPT_KIND_DOMAINS)
		return take_domains(opts, id, t, err);
	return take_number(opts, id, t, err);
}

static int take_token(struct disk_opts *opts, const char *s, size_t len,
		      char sep, bool cfgstring, struct zl_err *err)
{
	const struct disk_opt *o;
	enum disk_opt_id id;
	struct token t;
	int ret;

	if (!len)
		return zl_fail(
			err, EINVAL,
			"an option is empty; write OPTION=VALUE with one "
			"'%c' between two of them",
			sep);
	token_split(&t, s, len);
	id = opt_find(&t);
	if (id == OPT_NR)
		return unknown_option(&t, cfgstring, err);
	o = &disk_opt_table[id];
	if (cfgstring && !o->cfgstring)
		return zl_fail(
			err, EINVAL,
			"%s is not possible in a cfgstring; leave it out",
			o->name);
	if (disk_opt_given(opts, id))
		return zl_fail(err, EINVAL, "%s is given twice; give it once",
			       o->name);
	ret = take_value(opts, id, &t, err);
	if (!ret)
		disk_opt_give(opts, id);
	return ret;
}

void disk_opts_init(struct disk_opts *opts)
{
	*opts = (struct disk_opts){ 0 };
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];

		if (o->def && o->kind == OPT_KIND_NUMBER)
			parse_u64(o->def, strlen(o->def), &opts->num[id]);
	}
	opts->num[OPT_DOMAINS] = DOMAIN_CONV | DOMAIN_SEQ << 8;
	opts->num[OPT_REALM_ZONES] = UINT64_C(4) << 32 | 5;
	opts->num[OPT_CMR_REALMS] = UINT64_C(1) << 32;
	strcpy(opts->base_dir, disk_opt_table[OPT_BASE_DIR].def);
}

int disk_opts_parse(struct disk_opts *opts, const char *str, size_t len,
		    char sep, bool cfgstring, struct zl_err *err)
{
	const char *end = str + len;

	disk_opts_init(opts);
	if (!len)
		return 0;
	for (;;) {
		const char *stop = memchr(str, sep, (size_t)(end - str));
		size_t n = (size_t)((stop ? stop : end) - str);
		int ret = take_token(opts, str, n, sep, cfgstring, err);

		if (ret || !stop)
			return ret;
		str = stop + 1;
	}
}

bool disk_opts_has_geometry(const struct disk_opts *opts)
{
	for (enum disk_opt_id id = 0; id < OPT_NR; id++)
		if (disk_opt_table[id].geometry && disk_opt_given(opts, id))
			return true;
	return false;
}

void disk_opts_round_capacity(struct disk_opts *opts)
{
	uint64_t *mib = &opts->num[OPT_CAPACITY_MB];
	uint64_t zone_mib = opts->num[OPT_ZONE_SIZE_MB];

	/* Rounded to realms when the disk is made. */
	if (opts->num[OPT_MODEL] == MODEL_REALMS) {
		if (!disk_opt_given(opts, OPT_REALMS))
			disk_opt_give(opts, OPT_CAPACITY_MB);
		return;
	}
	disk_opt_give(opts, OPT_CAPACITY_MB);
	if (*mib > zone_mib && !disk_opt_given(opts, OPT_SMALLER_LAST_ZONE))
		*mib -= *mib % zone_mib;
}
