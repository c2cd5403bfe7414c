// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Faults to inject: matching, counting, and their text form. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/num.h"
#include "disk/inject.h"

static struct inject_fault read_error(uint64_t lba, uint64_t nr, uint64_t count)
{
	return (struct inject_fault){ .kind = INJECT_READ_ERROR,
				      .lba = lba,
				      .nr_blocks = nr,
				      .count = count };
}

static bool hit(struct inject_list *l, uint64_t lba, uint64_t nr)
{
	return inject_match(l, INJECT_READ_ERROR, INJECT_OP_READ, lba, nr);
}

static void ranges_overlap_exactly(void **state)
{
	struct inject_fault f = read_error(100, 10, INJECT_ALWAYS);
	struct inject_list l = { .nr = 0 };

	(void)state;
	assert_int_equal(inject_add(&l, &f), 1);
	assert_false(hit(&l, 90, 10));
	assert_true(hit(&l, 90, 11));
	assert_true(hit(&l, 100, 1));
	assert_true(hit(&l, 109, 1));
	assert_false(hit(&l, 110, 1));
	assert_true(hit(&l, 0, UINT64_MAX));
	assert_true(hit(&l, 0, 0)); /* the whole disk */
	assert_int_equal(l.faults[0].hits, 5);
}

static void a_range_to_the_end_has_no_end(void **state)
{
	struct inject_fault f = read_error(5, UINT64_MAX, INJECT_ALWAYS);
	struct inject_list l = { .nr = 0 };

	(void)state;
	inject_add(&l, &f);
	assert_false(hit(&l, 4, 1));
	assert_true(hit(&l, UINT64_MAX - 1, 1));
}

static void counts_run_out(void **state)
{
	struct inject_fault f = read_error(0, 1, 2);
	struct inject_list l = { .nr = 0 };

	(void)state;
	inject_add(&l, &f);
	assert_int_equal(inject_live(&l), 1);
	assert_true(hit(&l, 0, 1));
	assert_true(hit(&l, 0, 1));
	assert_false(hit(&l, 0, 1));
	assert_int_equal(inject_live(&l), 0);
	assert_int_equal(l.nr, 1); /* still listed, with its hits */
	assert_int_equal(l.faults[0].hits, 2);
}

static void kinds_and_ops_are_told_apart(void **state)
{
	struct inject_fault f = { .kind = INJECT_BUSY,
				  .op = INJECT_OP_WRITE,
				  .nr_blocks = 1,
				  .count = INJECT_ALWAYS };
	struct inject_list l = { .nr = 0 };

	(void)state;
	inject_add(&l, &f);
	assert_null(inject_match(&l, INJECT_DELAY, INJECT_OP_WRITE, 0, 1));
	assert_null(inject_match(&l, INJECT_BUSY, INJECT_OP_READ, 0, 1));
	assert_non_null(inject_match(&l, INJECT_BUSY, INJECT_OP_WRITE, 0, 1));
}

static void removal_is_by_id(void **state)
{
	struct inject_fault f = read_error(0, 1, 1);
	struct inject_list l = { .nr = 0 };
	uint32_t second;

	(void)state;
	inject_add(&l, &f);
	f.lba = 7;
	second = inject_add(&l, &f);
	assert_false(inject_remove(&l, 99));
	assert_true(inject_remove(&l, 1));
	assert_false(inject_remove(&l, 1));
	assert_int_equal(l.nr, 1);
	assert_int_equal(l.faults[0].id, second);
}

static void a_full_list_drops_only_what_is_used_up(void **state)
{
	struct inject_fault f = read_error(0, 1, 1);
	struct inject_list *l = calloc(1, sizeof(*l));

	(void)state;
	assert_non_null(l);
	for (unsigned i = 0; i < INJECT_MAX; i++)
		assert_true(inject_add(l, &f));
	assert_int_equal(inject_add(l, &f), 0);
	assert_true(hit(l, 0, 1));
	assert_int_equal(inject_add(l, &f), INJECT_MAX + 1);
	assert_int_equal(l->faults[0].id, 2);
	free(l);
}

/* 8 zones of 16 blocks, the last one of 10. */
static const struct zone_geo geo = {
	.capacity_blocks = 122,
	.zone_blocks = 16,
	.zone_cap_blocks = 16,
	.runs = { { 2, ZT_CONVENTIONAL }, { UINT32_MAX, ZT_SEQ_REQUIRED } },
	.phys_blocks = 1,
};

static int parse(const char *text, struct inject_fault *f, struct zl_err *err)
{
	struct json_object *o = json_tokener_parse(text);
	int ret;

	assert_non_null(o);
	ret = inject_parse(o, &geo, f, err);
	json_object_put(o);
	return ret;
}

/* What each text becomes when it is written again. */
static void text_form(void **state)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "{'fault':'read-error','lba':7}",
		  "{'fault':'read-error','lba':7,'blocks':1,"
		  "'persistent':false}" },
		{ "{'fault':'write-error','lba':1,'blocks':2,'count':3,"
		  "'written_blocks':4,'persistent':true}",
		  "{'fault':'write-error','lba':1,'blocks':2,'count':3,"
		  "'written_blocks':4,'persistent':true}" },
		{ "{'fault':'delay','delay_ms':5,'op':'sync'}",
		  "{'fault':'delay','op':'sync','delay_ms':5,"
		  "'persistent':false}" },
		{ "{'fault':'busy','count':'always'}",
		  "{'fault':'busy','op':'any','persistent':false}" },
		{ "{'fault':'no-zone-resources','lba':0,'blocks':9}",
		  "{'fault':'no-zone-resources','lba':0,'blocks':9,"
		  "'persistent':false}" },
		{ "{'errno':'ENOSPC','op':'cut','fault':'backing-error'}",
		  "{'fault':'backing-error','op':'cut','errno':'ENOSPC',"
		  "'persistent':false}" },
		{ "{'fault':'offline','lba':4096}",
		  "{'fault':'offline','lba':4096,'blocks':1,"
		  "'persistent':true}" },
		{ "{'fault':'predicted-errors','lba':1}",
		  "{'fault':'predicted-errors','lba':1,'blocks':1,"
		  "'persistent':false}" },
	};
	struct inject_fault f;
	struct json_object *o;
	struct zl_err err;
	char in[256], out[256];

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(t); i++) {
		for (size_t j = 0; j <= strlen(t[i].in); j++)
			in[j] = t[i].in[j] == '\'' ? '"' : t[i].in[j];
		for (size_t j = 0; j <= strlen(t[i].out); j++)
			out[j] = t[i].out[j] == '\'' ? '"' : t[i].out[j];
		if (parse(in, &f, &err))
			fail_msg("%s: %s", in, err.msg);
		o = inject_format(&f);
		assert_string_equal(json_object_to_json_string_ext(
					    o, JSON_C_TO_STRING_PLAIN),
				    out);
		json_object_put(o);
	}
}

static void refusals(void **state)
{
	static const struct {
		const char *in, *says;
	} t[] = {
		{ "[]", "a fault is not a JSON object" },
		{ "{}", "fault is not one of read-error, write-error, delay, "
			"busy, no-zone-resources, backing-error, read-only, "
			"offline, reset-recommended and predicted-errors" },
		{ "{\"fault\":\"read-error\",\"size\":1}",
		  "read-error has no member size" },
		{ "{\"fault\":\"read-error\",\"delay_ms\":1}",
		  "read-error has no member delay_ms" },
		{ "{\"fault\":\"read-error\",\"lba\":-1}",
		  "lba=-1 is not a number from 0 to 9223372036854775807" },
		{ "{\"fault\":\"read-error\",\"lba\":\"7x\"}",
		  "lba=7x is not a number from 0 to 9223372036854775807" },
		{ "{\"fault\":\"read-error\",\"blocks\":1}",
		  "blocks needs lba" },
		{ "{\"fault\":\"read-error\",\"lba\":0,\"blocks\":0}",
		  "blocks=0 is not a number from 1 to 9223372036854775807" },
		{ "{\"fault\":\"read-error\",\"count\":0}",
		  "count=0 is not a number from 1 to 9223372036854775807" },
		{ "{\"fault\":\"busy\",\"count\":9223372036854775808}",
		  "count=9223372036854775808 is not a number from 1 to "
		  "9223372036854775807" },
		{ "{\"fault\":\"busy\",\"count\":99999999999999999999999}",
		  "count=18446744073709551615 is not a number from 1 to "
		  "9223372036854775807" },
		{ "{\"fault\":\"busy\",\"count\":-99999999999999999999999}",
		  "count=-9223372036854775808 is not a number from 1 to "
		  "9223372036854775807" },
		{ "{\"fault\":\"read-error\",\"persistent\":1}",
		  "persistent=1 is neither true nor false" },
		{ "{\"fault\":\"delay\"}", "delay needs delay_ms" },
		{ "{\"fault\":\"delay\",\"delay_ms\":600001}",
		  "delay_ms=600001 is not a number from 1 to 600000" },
		{ "{\"fault\":\"delay\",\"delay_ms\":1,\"op\":\"cut\"}",
		  "delay has no op=cut; use any, read, write, sync or zone" },
		{ "{\"fault\":\"backing-error\",\"op\":\"zone\"}",
		  "backing-error has no op=zone; use any, read, write, sync, "
		  "reset, finish or cut" },
		{ "{\"fault\":\"backing-error\"}",
		  "backing-error needs errno" },
		{ "{\"fault\":\"backing-error\",\"errno\":5}",
		  "errno=5 is not one of EIO, ENOSPC, EDQUOT, EROFS, ENFILE, "
		  "EMFILE and ENOMEM" },
		{ "{\"fault\":\"offline\"}",
		  "offline needs zone=NUMBER or lba=NUMBER" },
		{ "{\"fault\":\"offline\",\"zone\":1,\"lba\":0}",
		  "zone says where, as lba and blocks do; leave one of them "
		  "out" },
		{ "{\"fault\":\"offline\",\"zone\":\"a\"}",
		  "zone=a is not a number from 0 to 9223372036854775807" },
		{ "{\"fault\":\"read_error\"}",
		  "there is no fault read_error; did you mean read-error?" },
		{ "{\"fault\":\"delay\",\"delay\":1}",
		  "delay has no member delay; did you mean delay_ms?" },
		{ "{\"fault\":\"slow\"}",
		  "fault=slow is not one of read-error, write-error, delay, "
		  "busy, no-zone-resources, backing-error, read-only, "
		  "offline, reset-recommended and predicted-errors" },
		{ "{\"fault\":\"offline\",\"lba\":0,\"count\":1}",
		  "offline has no member count" },
	};
	struct inject_fault f;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(t); i++) {
		assert_int_equal(parse(t[i].in, &f, &err), -EINVAL);
		assert_string_equal(err.msg, t[i].says);
	}
}

static void a_zone_by_its_number(void **state)
{
	struct inject_fault f;
	struct zl_err err;

	(void)state;
	assert_int_equal(parse("{\"fault\":\"offline\",\"zone\":3}", &f, &err),
			 0);
	assert_int_equal(f.lba, 48);
	assert_int_equal(f.nr_blocks, 16);
	assert_int_equal(parse("{\"fault\":\"busy\",\"zone\":7}", &f, &err), 0);
	assert_int_equal(f.lba, 112);
	assert_int_equal(f.nr_blocks, 10);
	assert_int_equal(parse("{\"fault\":\"busy\",\"zone\":8}", &f, &err),
			 -ERANGE);
	assert_string_equal(err.msg, "zone=8 is beyond the disk's last zone; "
				     "use 0 to 7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_overlap_exactly),
		cmocka_unit_test(a_range_to_the_end_has_no_end),
		cmocka_unit_test(counts_run_out),
		cmocka_unit_test(kinds_and_ops_are_told_apart),
		cmocka_unit_test(removal_is_by_id),
		cmocka_unit_test(a_full_list_drops_only_what_is_used_up),
		cmocka_unit_test(text_form),
		cmocka_unit_test(refusals),
		cmocka_unit_test(a_zone_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
