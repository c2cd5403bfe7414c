// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The sidecar: what is written is read, and nothing else is believed. */
#include <errno.h>
#include <stdio.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/medium/meta.h"
#include "disk/medium/sidecar.h"
#include "disk/refusals.h"
#include "stores/mem.h"

/* A whole sidecar, one member a line, as docs/on-disk-format.md has it. */
static const char *const member[] = {
	"\"format_version\": 1",
	"\"state\": \"ready\"",
	"\"serial\": \"0123456789abcdef\"",
	"\"model\": \"host-managed\"",
	"\"capacity_bytes\": 1073741824",
	"\"zone_size_bytes\": 67108864",
	"\"zone_capacity_bytes\": 62914560",
	"\"conv_zones\": 3",
	"\"max_open_zones\": 5",
	"\"block_size\": 512",
	"\"physical_block_size\": 4096",
	"\"urswrz\": true",
	"\"rc_basis\": 0",
	"\"adopted\": false",
};
#define NR_MEMBERS ZL_ARRAY_SIZE(member)
#define RC_BASIS   12

/* Writes the sidecar with member @at replaced by @with (NULL: left out). */
static void build(char *text, size_t at, const char *with)
{
	const char *sep = "{";

	*text = 0;
	for (size_t i = 0; i < NR_MEMBERS; i++) {
		const char *m = i == at ? with : member[i];

		if (!m)
			continue;
		strcat(text, sep);
		strcat(text, m);
		sep = ",";
	}
	strcat(text, "}");
}

static int parse(const char *text, size_t len, struct disk_meta *meta,
		 enum sidecar_state *state, struct zl_err *err)
{
	char *copy = malloc(len + !len); /* an overrun is seen */
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	memset(err, 0, sizeof(*err));
	ret = sidecar_parse(copy, len, "/d", meta, state, err);
	free(copy);
	return ret;
}

static void refused(const char *text, const char *sentence)
{
	struct disk_meta meta;
	enum sidecar_state state;
	struct zl_err err;

	assert_refused(text, parse(text, strlen(text), &meta, &state, &err),
		       &err, sentence);
}

static void a_good_one(void **unused)
{
	char text[1024];
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	build(text, NR_MEMBERS, NULL);
	assert_accepted(text, parse(text, strlen(text), &m, &state, &err),
			&err);
	assert_int_equal(state, SIDECAR_READY);
	assert_string_equal(m.serial, "0123456789abcdef");
	assert_int_equal(m.capacity_bytes, 1073741824);
	assert_int_equal(m.zone_bytes, 67108864);
	assert_int_equal(m.zone_cap_bytes, 62914560);
	assert_int_equal(m.conv_zones, 3);
	assert_int_equal(m.max_open, 5);
	assert_int_equal(m.block_bytes, 512);
	assert_int_equal(m.phys_block_bytes, 4096);
	assert_true(m.urswrz);
	assert_true(m.rc_conv);
	assert_false(m.adopted);
	assert_false(m.smaller_last_zone);
	assert_false(m.any_zone_size);
}

static void written_and_read(void **unused)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	struct disk_meta m = {
		.serial = "00000000deadbeef",
		.capacity_bytes = (UINT64_C(96) << 20) * 10 + 4096,
		.zone_bytes = 96 << 20,
		.zone_cap_bytes = 90 << 20,
		.conv_zones = 1,
		.max_open = 2,
		.block_bytes = 4096,
		.phys_block_bytes = 4096,
		.urswrz = false,
		.adopted = true,
	};
	struct disk_meta got;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	assert_int_equal(sidecar_read(st, "/d", &got, &state, &err), -ENOENT);
	assert_int_equal(sidecar_write(st, &m, SIDECAR_CREATING), 0);
	assert_accepted("", sidecar_read(st, "/d", &got, &state, &err), &err);
	assert_int_equal(state, SIDECAR_CREATING);
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), 0);
	assert_accepted("", sidecar_read(st, "/d", &got, &state, &err), &err);
	assert_int_equal(state, SIDECAR_READY);
	assert_true(got.smaller_last_zone);
	assert_true(got.any_zone_size);
	meta_derive(&m);
	assert_memory_equal(&got, &m, sizeof(m));
	store_close(st);
	store_mem_free(mem);
}

static const struct disk_meta realms_meta = {
	.serial = "00000000deadbeef",
	.capacity_bytes = UINT64_C(24) << 20,
	.zone_bytes = 1 << 20,
	.zone_cap_bytes = 1 << 20,
	.block_bytes = 512,
	.phys_block_bytes = 4096,
	.urswrz = true,
	.rc_conv = true,
	.realms = { .nr_domains = 3,
		    .types = { ZT_SEQ_OR_BEFORE, ZT_CONVENTIONAL,
			       ZT_SEQ_REQUIRED },
		    .nr = 4,
		    .bottom = 1,
		    .smr = 1,
		    .cmr_zones = 2,
		    .smr_zones = 3,
		    .gap = 2,
		    .active = 1,
		    .max_activation = 7 },
};

/* Domains of 3 × 2, 2 × 2 and 3 × 3 zones, and two gaps of two: 23, not 24. */
static void realms_written_and_read(void **unused)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	struct disk_meta m = realms_meta, got;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	/* Its own reader would refuse it. */
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), -ENOMEM);
	m.capacity_bytes = UINT64_C(23) << 20;
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), 0);
	assert_accepted("", sidecar_read(st, "/d", &got, &state, &err), &err);
	meta_derive(&m);
	assert_int_equal(m.conv_zones, 4);
	assert_memory_equal(&got, &m, sizeof(m));
	store_close(st);
	store_mem_free(mem);
}

/* Disks without realms stay as they are. */
static void an_ordinary_one_to_the_byte(void **unused)
{
	static const char want[] = "{\n"
				   "  \"format_version\": 1,\n"
				   "  \"state\": \"ready\",\n"
				   "  \"serial\": \"0123456789abcdef\",\n"
				   "  \"model\": \"host-managed\",\n"
				   "  \"capacity_bytes\": 1073741824,\n"
				   "  \"zone_size_bytes\": 67108864,\n"
				   "  \"zone_capacity_bytes\": 62914560,\n"
				   "  \"conv_zones\": 3,\n"
				   "  \"max_open_zones\": 5,\n"
				   "  \"block_size\": 512,\n"
				   "  \"physical_block_size\": 4096,\n"
				   "  \"urswrz\": true,\n"
				   "  \"rc_basis\": 0,\n"
				   "  \"adopted\": false\n"
				   "}\n";
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	enum sidecar_state state;
	struct disk_meta m;
	struct zl_err err;
	char text[1024];
	void *data;
	size_t len;

	(void)unused;
	build(text, NR_MEMBERS, NULL);
	assert_accepted(text, parse(text, strlen(text), &m, &state, &err),
			&err);
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), 0);
	assert_int_equal(store_meta_read(st, DISK_SIDECAR, &data, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(data, want, len);
	free(data);
	store_close(st);
	store_mem_free(mem);
}

/* Cut anywhere, as a file system without order might leave it. */
static void truncated_at_every_byte(void **unused)
{
	char text[1024];
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	build(text, NR_MEMBERS, NULL);
	for (size_t len = 0; len < strlen(text); len++)
		assert_refused(text, parse(text, len, &m, &state, &err), &err,
			       "/d/zloop.json is cut short: its JSON does not "
			       "end");
}

/* One flipped bit is either refused, or changes what a value says. */
static void every_flipped_bit(void **unused)
{
	char text[1024];
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;
	unsigned bad = 0, n;

	(void)unused;
	build(text, NR_MEMBERS, NULL);
	n = (unsigned)strlen(text) * 8;
	for (unsigned i = 0; i < n; i++) {
		text[i / 8] ^= 1 << i % 8;
		if (parse(text, n / 8, &m, &state, &err)) {
			assert_true(err.msg[0]);
			bad++;
		} else {
			assert_null(meta_error(&m));
		}
		text[i / 8] ^= 1 << i % 8;
	}
	assert_true(bad > n / 2);
}

static void each_member_missing(void **unused)
{
	char text[1024], sentence[128], name[40];

	(void)unused;
	for (size_t i = 0; i < NR_MEMBERS; i++) {
		assert_int_equal(sscanf(member[i], "\"%39[^\"]", name), 1);
		if (!strcmp(name, "rc_basis"))
			continue;
		build(text, i, NULL);
		snprintf(sentence, sizeof(sentence),
			 "/d/zloop.json: \"%s\" is missing", name);
		refused(text, sentence);
	}
}

/* Those of earlier versions. */
static void without_rc_basis(void **unused)
{
	char text[1024];
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	build(text, RC_BASIS, NULL);
	assert_accepted(text, parse(text, strlen(text), &m, &state, &err),
			&err);
	assert_false(m.rc_conv);
}

static void host_aware(void **unused)
{
	struct store_mem *mem = store_mem_new();
	struct store *st = store_mem_open(mem);
	struct disk_meta m = {
		.serial = "00000000deadbeef",
		.capacity_bytes = UINT64_C(64) << 20,
		.zone_bytes = 1 << 20,
		.zone_cap_bytes = 1 << 20,
		.block_bytes = 512,
		.phys_block_bytes = 4096,
		.urswrz = true,
		.host_aware = true,
	};
	struct disk_meta got;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), 0);
	assert_accepted("", sidecar_read(st, "/d", &got, &state, &err), &err);
	assert_memory_equal(&got, &m, sizeof(m));
	/* What it cannot be. */
	m.urswrz = false;
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), -ENOMEM);
	m.urswrz = true;
	m.zone_cap_bytes /= 2;
	assert_int_equal(sidecar_write(st, &m, SIDECAR_READY), -ENOMEM);
	store_close(st);
	store_mem_free(mem);
}

static const char *type_error(const char *m)
{
	const char *value = strchr(m, ':') + 2;

	if (*value == '"')
		return "is not a string";
	return *value == 't' || *value == 'f' ? "is not true or false"
					      : "is not a number";
}

static void each_member_of_another_type(void **unused)
{
	static const char *const value[] = { "null", "1.5", "\"1\"",	"true",
					     "12",   "[1]", "{\"a\":1}" };
	char text[1024], sentence[128], name[40], with[80];

	(void)unused;
	for (size_t i = 0; i < NR_MEMBERS; i++) {
		const char *what = type_error(member[i]);

		assert_int_equal(sscanf(member[i], "\"%39[^\"]", name), 1);
		snprintf(sentence, sizeof(sentence), "/d/zloop.json: \"%s\" %s",
			 name, what);
		for (size_t v = 0; v < ZL_ARRAY_SIZE(value); v++) {
			if ((*value[v] == '"' && strstr(what, "string")) ||
			    (*value[v] == 't' && strstr(what, "true")) ||
			    (!strcmp(value[v], "12") && strstr(what, "number")))
				continue;
			snprintf(with, sizeof(with), "\"%s\": %s", name,
				 value[v]);
			build(text, i, with);
			refused(text, sentence);
		}
	}
}

static void values(void **unused)
{
	static const struct {
		size_t at;
		const char *with, *sentence;
	} bad[] = {
		{ 0, "\"format_version\": 3",
		  "/d/zloop.json has format version 3, but this program knows "
		  "1 and 2 only; use a newer one" },
		{ 0, "\"format_version\": 2",
		  "/d/zloop.json: \"model\" is not \"realms\"" },
		{ 3, "\"model\": \"realms\"",
		  "/d/zloop.json: \"model\" is not \"host-managed\" or "
		  "\"host-aware\"" },
		{ 0, "\"format_version\": 0",
		  "/d/zloop.json has format version 0, but this program knows "
		  "1 and 2 only; use a newer one" },
		{ 1, "\"state\": \"done\"",
		  "/d/zloop.json: \"state\" is not \"creating\" or \"ready\"" },
		{ 1, "\"state\": \"ready\\u0000\"",
		  "/d/zloop.json: \"state\" has a zero byte" },
		{ 2, "\"serial\": \"0123456789abcde\"",
		  "/d/zloop.json: \"serial\" is not 16 digits 0-9 and a-f" },
		{ 2, "\"serial\": \"0123456789ABCDEF\"",
		  "/d/zloop.json: \"serial\" is not 16 digits 0-9 and a-f" },
		{ 2, "\"serial\": \"0123456789abcdef0\"",
		  "/d/zloop.json: \"serial\" is not 16 digits 0-9 and a-f" },
		{ 3, "\"model\": \"host\"",
		  "/d/zloop.json: \"model\" is not \"host-managed\" or "
		  "\"host-aware\"" },
		{ 3, "\"model\": \"host-aware\"",
		  "/d/zloop.json describes an impossible disk: RC_BASIS is 0 "
		  "on a host-aware disk" },
		{ 4, "\"capacity_bytes\": -1",
		  "/d/zloop.json: \"capacity_bytes\" is negative" },
		{ 4, "\"capacity_bytes\": 9223372036854775808",
		  "/d/zloop.json: \"capacity_bytes\" is too large" },
		{ 4, "\"capacity_bytes\": 99999999999999999999999999",
		  "/d/zloop.json: \"capacity_bytes\" is too large" },
		{ 4, "\"capacity_bytes\": 0",
		  "/d/zloop.json describes an impossible disk: the capacity is "
		  "0" },
		{ 4, "\"capacity_bytes\": 1073741825",
		  "/d/zloop.json describes an impossible disk: a size is not a "
		  "multiple of the block size" },
		{ 4, "\"capacity_bytes\": 1073742336",
		  "/d/zloop.json describes an impossible disk: the zone size, "
		  "the zone capacity and the disk's capacity are not all whole "
		  "physical blocks" },
		{ 4, "\"capacity_bytes\": 4096",
		  "/d/zloop.json describes an impossible disk: the zone size "
		  "is larger than the disk" },
		{ 4, "\"capacity_bytes\": 9223372036854771712",
		  "/d/zloop.json describes an impossible disk: there are more "
		  "than 1048576 zones" },
		{ 5, "\"zone_size_bytes\": 0",
		  "/d/zloop.json describes an impossible disk: the zone size "
		  "is 0" },
		{ 5, "\"zone_size_bytes\": 17179873280",
		  "/d/zloop.json describes an impossible disk: the zone size "
		  "is larger than 16384 MiB" },
		{ 5, "\"zone_size_bytes\": 4398046511104",
		  "/d/zloop.json describes an impossible disk: the zone size "
		  "is larger than 16384 MiB" },
		{ 6, "\"zone_capacity_bytes\": 0",
		  "/d/zloop.json describes an impossible disk: the zone "
		  "capacity is 0" },
		{ 6, "\"zone_capacity_bytes\": 67112960",
		  "/d/zloop.json describes an impossible disk: the zone "
		  "capacity is larger than the zone size" },
		{ 7, "\"conv_zones\": 16",
		  "/d/zloop.json describes an impossible disk: the "
		  "conventional zones leave no sequential zone" },
		{ 7, "\"conv_zones\": 4294967296",
		  "/d/zloop.json: \"conv_zones\" is too large" },
		{ 9, "\"block_size\": 0",
		  "/d/zloop.json describes an impossible disk: the block sizes "
		  "are not 512 or 4096" },
		{ 9, "\"block_size\": 1024",
		  "/d/zloop.json describes an impossible disk: the block sizes "
		  "are not 512 or 4096" },
		{ 10, "\"physical_block_size\": 8192",
		  "/d/zloop.json describes an impossible disk: the block sizes "
		  "are not 512 or 4096" },
		{ RC_BASIS, "\"rc_basis\": 2",
		  "/d/zloop.json: \"rc_basis\" is too large" },
		{ 7, "\"conv_zones\": 0",
		  "/d/zloop.json describes an impossible disk: RC_BASIS is 0 "
		  "without conventional zones" },
	};
	char text[1024];

	(void)unused;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(bad); i++) {
		build(text, bad[i].at, bad[i].with);
		refused(text, bad[i].sentence);
	}
}

static void other_files(void **unused)
{
	(void)unused;
	refused("", "/d/zloop.json is cut short: its JSON does not end");
	refused("[]", "/d/zloop.json is not a JSON object");
	refused("12 ", "/d/zloop.json is not a JSON object");
	refused("\"text\"", "/d/zloop.json is not a JSON object");
	refused("null ", "/d/zloop.json is not a JSON object");
}

static void not_json(void **unused)
{
	static const char *const text[] = {
		"zone_size_mb=64",
		"{'a':1}",
		"{\"a\":1,}",
		"<xml/>",
		"{\"format_version\": 1} x",
		"{\"a\": \"\xff\"}",
		"{]",
		"\x7f",
		"/* c */ {}",
		"{\"a\": 01}",
		"{\"a\": NaN}",
	};
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(text); i++) {
		assert_int_equal(
			parse(text[i], strlen(text[i]), &m, &state, &err),
			-EINVAL);
		if (!strstr(err.msg, "/d/zloop.json is not JSON: ") &&
		    !strstr(err.msg, "/d/zloop.json: "))
			fail_msg("%s: %s", text[i], err.msg);
	}
}

/* Deep nesting must not eat the stack. */
static void hostile_depth_and_length(void **unused)
{
	size_t len = 200000;
	char *text = malloc(len);
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	memset(text, '[', len);
	assert_int_equal(parse(text, 60000, &m, &state, &err), -EINVAL);
	assert_non_null(strstr(err.msg, "is not JSON"));
	assert_refused("long", parse(text, len, &m, &state, &err), &err,
		       "/d/zloop.json has 200000 bytes, too many for a "
		       "sidecar");
	free(text);
}

static void members_of_others_are_ignored(void **unused)
{
	char text[1024];
	struct disk_meta m;
	enum sidecar_state state;
	struct zl_err err;

	(void)unused;
	build(text, 0,
	      "\"format_version\": 1, \"comment\": {\"a\": [1, null]}, "
	      "\"zone_domains\": 3");
	assert_accepted(text, parse(text, strlen(text), &m, &state, &err),
			&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_one),
		cmocka_unit_test(written_and_read),
		cmocka_unit_test(realms_written_and_read),
		cmocka_unit_test(an_ordinary_one_to_the_byte),
		cmocka_unit_test(truncated_at_every_byte),
		cmocka_unit_test(every_flipped_bit),
		cmocka_unit_test(each_member_missing),
		cmocka_unit_test(without_rc_basis),
		cmocka_unit_test(host_aware),
		cmocka_unit_test(each_member_of_another_type),
		cmocka_unit_test(values),
		cmocka_unit_test(other_files),
		cmocka_unit_test(not_json),
		cmocka_unit_test(hostile_depth_and_length),
		cmocka_unit_test(members_of_others_are_ignored),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
