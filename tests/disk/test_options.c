// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The options: each bad one gets its sentence. */
#include "base/num.h"
#include "disk/internal.h"
#include "disk/medium/meta.h"
#include "disk/options/check.h"
#include "disk/refusals.h"

#define GIB UINT64_C(1073741824)

static int parse(const char *text, bool cfgstring, struct disk_opts *opts,
		 struct zl_err *err)
{
	/* On the heap, without an end: an overrun is then seen. */
	size_t len = strlen(text);
	char *copy = malloc(len + !len);
	int ret;

	assert_non_null(copy);
	memcpy(copy, text, len);
	ret = disk_opts_parse(opts, copy, len, cfgstring ? '/' : ',', cfgstring,
			      err);
	free(copy);
	return ret;
}

static void table_agrees_with_itself(void **state)
{
	(void)state;
	for (enum disk_opt_id id = 0; id < OPT_NR; id++) {
		const struct disk_opt *o = &disk_opt_table[id];
		uint64_t def;

		assert_non_null(o->name);
		assert_non_null(o->help);
		for (enum disk_opt_id other = 0; other < id; other++)
			assert_string_not_equal(o->name,
						disk_opt_table[other].name);
		if (o->kind == OPT_KIND_CHOICE)
			assert_string_equal(o->def, disk_opt_choice(id, 0));
		if (o->kind != OPT_KIND_NUMBER)
			continue;
		assert_true(o->min <= o->max);
		if (!o->def)
			continue;
		assert_int_equal(parse_u64(o->def, strlen(o->def), &def), 0);
		assert_in_range(def, o->min, o->max);
	}
}

/* drivers/block/zloop.c. */
static void defaults_are_the_kernels(void **state)
{
	struct disk_opts o;

	(void)state;
	disk_opts_init(&o);
	assert_int_equal(o.given, 0);
	assert_int_equal(o.num[OPT_CAPACITY_MB], 16384);
	assert_int_equal(o.num[OPT_ZONE_SIZE_MB], 256);
	assert_int_equal(o.num[OPT_CONV_ZONES], 8);
	assert_int_equal(o.num[OPT_MAX_OPEN_ZONES], 0);
	assert_int_equal(o.num[OPT_NR_QUEUES], 1);
	assert_int_equal(o.num[OPT_QUEUE_DEPTH], 128);
	assert_int_equal(o.num[OPT_ZONE_APPEND], 1);
	assert_string_equal(o.base_dir, "/var/local/zloop");
}

static void values_are_taken(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	assert_accepted("cfg",
			parse("zone_size_mb=64/conv_zones=0/smaller_last_zone/"
			      "urswrz=0/model=host-managed",
			      true, &o, &err),
			&err);
	assert_int_equal(o.num[OPT_MODEL], MODEL_HOST_MANAGED);
	assert_int_equal(o.num[OPT_ZONE_SIZE_MB], 64);
	assert_int_equal(o.num[OPT_CONV_ZONES], 0);
	assert_int_equal(o.num[OPT_SMALLER_LAST_ZONE], 1);
	assert_int_equal(o.num[OPT_URSWRZ], 0);
	assert_int_equal(o.num[OPT_BLOCK_SIZE], 512);
	assert_int_equal(o.given, 1u << OPT_ZONE_SIZE_MB |
					  1u << OPT_CONV_ZONES |
					  1u << OPT_SMALLER_LAST_ZONE |
					  1u << OPT_URSWRZ | 1u << OPT_MODEL);
	assert_true(disk_opts_has_geometry(&o));
}

static void nothing_is_fine(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	assert_accepted("", parse("", true, &o, &err), &err);
	assert_int_equal(o.given, 0);
	assert_false(disk_opts_has_geometry(&o));
}

static void kernels_string_as_it_is(void **state)
{
	const char *text = "id=3,capacity_mb=2048,zone_size_mb=64,"
			   "zone_capacity_mb=63,conv_zones=4,"
			   "max_open_zones=8,base_dir=/srv/zloop,nr_queues=4,"
			   "queue_depth=64,buffered_io,zone_append=0,"
			   "ordered_zone_append,discard_write_cache";
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	assert_accepted(text, parse(text, false, &o, &err), &err);
	assert_int_equal(o.num[OPT_ID], 3);
	assert_string_equal(o.base_dir, "/srv/zloop");
	assert_int_equal(o.num[OPT_DISCARD_WRITE_CACHE], 1);
	assert_accepted(text, disk_opts_check(&o, 0, &err), &err);
}

static void no_geometry_in_what_changes_nothing(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	assert_accepted("cfg",
			parse("buffered_io/queue_depth=7", true, &o, &err),
			&err);
	assert_false(disk_opts_has_geometry(&o));
}

struct refusal {
	const char *text;
	uint64_t size_bytes;
	const char *sentence;
};

#define NO_SIZE                                                              \
	" is not a size; write MiB in digits, or a unit as in 64M, 2G, 20T " \
	"or 20TB"

static const struct refusal syntax[] = {
	{ "/", 0,
	  "an option is empty; write OPTION=VALUE with one '/' between "
	  "two of them" },
	{ "zone_size_mb=64/", 0,
	  "an option is empty; write OPTION=VALUE with one '/' between two of "
	  "them" },
	{ "zone_size_mb=64//conv_zones=1", 0,
	  "an option is empty; write OPTION=VALUE with one '/' between two of "
	  "them" },
	{ "zsize=64", 0,
	  "unknown option zsize; zloop-handler(8) lists those that there are" },
	{ "zone_sizemb=64", 0,
	  "unknown option zone_sizemb; did you mean zone_size_mb?" },
	{ "zonesize=64", 0,
	  "unknown option zonesize; did you mean "
	  "zone_size_mb?" },
	{ "capacityy=2G", 0,
	  "unknown option capacityy; did you mean "
	  "capacity_mb?" },
	{ "capcity=2G", 0,
	  "unknown option capcity; did you mean capacity_mb?" },
	{ "maxopen=4", 0,
	  "unknown option maxopen; did you mean "
	  "max_open_zones?" },
	{ "Direct-IO", 0, "unknown option Direct-IO; did you mean direct_io?" },
	{ "conv", 0, "unknown option conv; did you mean conv_zones?" },
	{ "base_di=/x", 0,
	  "unknown option base_di; zloop-handler(8) lists those that there "
	  "are" },
	{ "=64", 0,
	  "unknown option ; zloop-handler(8) lists those that there are" },
	{ "zone_size_mb", 0,
	  "zone_size_mb needs a value: zone_size_mb=NUMBER" },
	{ "zone_size_mb=", 0,
	  "zone_size_mb needs a value: zone_size_mb=NUMBER" },
	{ "zone_size_mb=64/zone_size_mb=64", 0,
	  "zone_size_mb is given twice; give it once" },
	{ "smaller_last_zone/smaller_last_zone", 0,
	  "smaller_last_zone is given twice; give it once" },
	{ "smaller_last_zone=1", 0,
	  "smaller_last_zone=1: smaller_last_zone takes no value; write "
	  "smaller_last_zone" },
	{ "any_zone_size=", 0,
	  "any_zone_size=: any_zone_size takes no value; write any_zone_size" },
	{ "zone_size_mb=64X", 0, "zone_size_mb=64X" NO_SIZE },
	{ "zone_size_mb=0x40", 0, "zone_size_mb=0x40" NO_SIZE },
	{ "zone_size_mb=-64", 0, "zone_size_mb=-64" NO_SIZE },
	{ "zone_size_mb= 64", 0, "zone_size_mb= 64" NO_SIZE },
	{ "zone_size_mb=64=64", 0, "zone_size_mb=64=64" NO_SIZE },
	{ "zone_size_mb=6\t4", 0, "zone_size_mb=6?4" NO_SIZE },
	{ "zone_size_mb=64 M", 0, "zone_size_mb=64 M" NO_SIZE },
	{ "zone_size_mb=6.4G", 0, "zone_size_mb=6.4G" NO_SIZE },
	{ "zone_size=64", 0,
	  "zone_size=64 has no unit; write zone_size=64M, or zone_size_mb for "
	  "MiB" },
	{ "zone_size=64MB", 0,
	  "zone_size=64MB is no whole number of MiB; use 61M or 62M" },
	{ "zone_size=1T", 0,
	  "zone_size=1T is out of bounds; use 1 to 16384 MiB" },
	{ "capacity=8192P", 0,
	  "capacity=8192P is out of bounds; use 1 to "
	  "8796093022207 MiB" },
	{ "capacity=99999P", 0,
	  "capacity=99999P is out of bounds; use 1 to "
	  "8796093022207 MiB" },
	{ "block_size=4KB/block_size=1", 0,
	  "block_size is given twice; give it once" },
	{ "zone_size_mb=0", 0,
	  "zone_size_mb=0 is out of bounds; use 1 to 16384" },
	{ "zone_size_mb=32768", 0,
	  "zone_size_mb=32768 is out of bounds; use 1 to 16384" },
	{ "zone_size_mb=18446744073709551617", 0,
	  "zone_size_mb=18446744073709551617 is out of bounds; use 1 to "
	  "16384" },
	{ "zone_size_mb=184467440737095516170000000000000000000000000000000000",
	  0,
	  "zone_size_mb=18446744073709551617000000000000000000000000000... is "
	  "out of bounds; use 1 to 16384" },
	{ "capacity_mb=0", 0,
	  "capacity_mb=0 is out of bounds; use 1 to 8796093022207" },
	{ "capacity_mb=8796093022208", 0,
	  "capacity_mb=8796093022208 is out of bounds; use 1 to "
	  "8796093022207" },
	{ "urswrz=2", 0, "urswrz=2 is out of bounds; use 0 to 1" },
	{ "model=host_aware", 0,
	  "model=host_aware is not possible; use host-managed or host-aware "
	  "or realms" },
	{ "model=", 0,
	  "model needs a value: model=host-managed or host-aware or realms" },
	{ "domains=conv", 0,
	  "domains=conv is not possible; use two to four different ones of "
	  "conv, sobr, seq and seqp, with + between them" },
	{ "domains=conv+seq+conv", 0,
	  "domains=conv+seq+conv is not possible; use two to four different "
	  "ones of conv, sobr, seq and seqp, with + between them" },
	{ "domains=conv+", 0,
	  "domains=conv+ is not possible; use two to four different ones of "
	  "conv, sobr, seq and seqp, with + between them" },
	{ "domains=", 0, "domains needs a value: domains=conv+seq" },
	{ "active=smr", 0,
	  "active=smr is not possible; use one of conv, sobr, seq and seqp" },
	{ "active=conv+seq", 0,
	  "active=conv+seq is not possible; use one of conv, sobr, seq and "
	  "seqp" },
	{ "realm_zones=4", 0,
	  "realm_zones=4 is not possible; use two numbers from 1 to 4096, as "
	  "in realm_zones=4+5" },
	{ "realm_zones=4+5+6", 0,
	  "realm_zones=4+5+6 is not possible; use two numbers from 1 to 4096, "
	  "as in realm_zones=4+5" },
	{ "realm_zones=4+4097", 0,
	  "realm_zones=4+4097 is not possible; use two numbers from 1 to 4096, "
	  "as in realm_zones=4+5" },
	{ "device_type=14", 0,
	  "device_type=14 is not possible; use 00h or 14h" },
	{ "model=1", 0,
	  "model=1 is not possible; use host-managed or host-aware "
	  "or realms" },
	{ "base_dir=/x", 0,
	  "base_dir is not possible in a cfgstring; leave it out" },
	{ "id=1", 0, "id is not possible in a cfgstring; leave it out" },
};

/* What people write. */
static void units(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	assert_accepted("",
			parse("capacity=20TB/zone_size=256M/"
			      "zone_capacity=200MiB/block_size=4K/"
			      "physical_block_size=4096",
			      true, &o, &err),
			&err);
	/* 20 * 10^12 bytes, what there is room for of them. */
	assert_true(o.num[OPT_CAPACITY_MB] == 19073486);
	assert_true(o.num[OPT_ZONE_SIZE_MB] == 256);
	assert_true(o.num[OPT_ZONE_CAPACITY_MB] == 200);
	assert_true(o.num[OPT_BLOCK_SIZE] == 4096);
	assert_true(o.num[OPT_PHYSICAL_BLOCK_SIZE] == 4096);
	assert_accepted("",
			parse("capacity_mb=2g/zone_size_mb=64", true, &o, &err),
			&err);
	assert_true(o.num[OPT_CAPACITY_MB] == 2048);
	assert_true(o.num[OPT_ZONE_SIZE_MB] == 64);
}

static void bad_syntax(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(syntax); i++)
		assert_refused(syntax[i].text,
			       parse(syntax[i].text, true, &o, &err), &err,
			       syntax[i].sentence);
}

static void bad_strings(void **state)
{
	struct disk_opts o;
	struct zl_err err;
	char text[300] = "base_dir=";

	(void)state;
	assert_refused("base_dir=", parse("base_dir=", false, &o, &err), &err,
		       "base_dir needs a value: base_dir=DIRECTORY");
	memset(text + 9, 'x', 255);
	assert_accepted(text, parse(text, false, &o, &err), &err);
	assert_int_equal(strlen(o.base_dir), 255);
	memset(text + 9, 'x', 256);
	assert_refused(text, parse(text, false, &o, &err), &err,
		       "base_dir is 256 bytes long; use 255 or fewer");
	assert_refused("zone_size_mb=64,",
		       parse("zone_size_mb=64,", false, &o, &err), &err,
		       "an option is empty; write OPTION=VALUE with one ',' "
		       "between two of them");
}

static const struct refusal relations[] = {
	{ "zone_size_mb=96", 0,
	  "zone_size_mb=96 is not a power of two; Linux refuses such disks: "
	  "use 64 or 128, or add any_zone_size" },
	{ "zone_size_mb=10000", 0,
	  "zone_size_mb=10000 is not a power of two; Linux refuses such disks: "
	  "use 8192 or 16384, or add any_zone_size" },
	{ "zone_size_mb=64/zone_capacity_mb=65", 0,
	  "zone_capacity_mb=65 is larger than zone_size_mb=64; use "
	  "zone_capacity_mb=64 or less" },
	{ "direct_io/buffered_io", 0,
	  "direct_io and buffered_io exclude each other; leave one of them "
	  "out" },
	{ "provisioning=thin/model=host-aware", 0,
	  "provisioning=thin is not possible with model=host-aware, whose "
	  "hosts may know no zones; leave provisioning out" },
	{ "provisioning=thin/conv_zones=0", 0,
	  "provisioning=thin is for conventional zones, and conv_zones=0 "
	  "leaves none; use conv_zones=1 or more, or leave provisioning out" },
	{ "block_size=1024", 0,
	  "block_size=1024 is not possible; use 512 or 4096" },
	{ "physical_block_size=2048", 0,
	  "physical_block_size=2048 is not possible; use 512 or 4096" },
	{ "block_size=4096/physical_block_size=512", 0,
	  "physical_block_size=512 is smaller than block_size=4096; use "
	  "physical_block_size=4096 or leave it out" },
	{ "zone_size_mb=256/capacity_mb=128", 0,
	  "zone_size_mb=256 is larger than the disk: capacity_mb=128; use a "
	  "smaller zone_size_mb" },
	{ "zone_size_mb=256", 128 << 20,
	  "zone_size_mb=256 is larger than the disk: size=134217728; use a "
	  "smaller zone_size_mb" },
	{ "zone_size_mb=64", 1000000000,
	  "size=1000000000 is not a multiple of zone_size_mb=64; use "
	  "size=939524096 or size=1006632960, or add smaller_last_zone" },
	{ "zone_size_mb=64/capacity_mb=1000", 0,
	  "capacity_mb=1000 is not a multiple of zone_size_mb=64; use "
	  "capacity_mb=960 or capacity_mb=1024, or add smaller_last_zone" },
	{ "zone_size_mb=64/smaller_last_zone", 1000000001,
	  "size=1000000001 is not a multiple of the block size of 512 bytes; "
	  "use size=1000000000 or size=1000000512" },
	{ "block_size=4096", 1000000512,
	  "size=1000000512 is not a multiple of the block size of 4096 bytes; "
	  "use size=999997440 or size=1000001536" },
	{ "physical_block_size=4096", 1000000512,
	  "size=1000000512 is not a multiple of the block size of 4096 bytes; "
	  "use size=999997440 or size=1000001536" },
	{ "block_size=512", 100,
	  "size=100 is not a multiple of the block size of 512 bytes; use "
	  "size=512" },
	{ "zone_size_mb=64/conv_zones=16", GIB,
	  "conv_zones=16 leaves no sequential zone: size=1073741824 has 16 "
	  "zones of 64 MiB; use conv_zones=15 or less" },
	{ "zone_size_mb=64/conv_zones=1/capacity_mb=64", 0,
	  "conv_zones=1 leaves no sequential zone: capacity_mb=64 has 1 zone "
	  "of 64 MiB; use conv_zones=0" },
	{ "zone_size_mb=64/conv_zones=6/max_open_zones=11", GIB,
	  "max_open_zones=11 is more than the 10 sequential zones; use 10 or "
	  "less, or 0 for no limit" },
	{ "capacity_mb=2048", GIB,
	  "capacity_mb=2048 does not agree with size=1073741824; use "
	  "size=2147483648, or leave capacity_mb out" },
	{ "rc_basis=0/conv_zones=0", 0,
	  "rc_basis=0 makes READ CAPACITY answer for the conventional zones, "
	  "and conv_zones=0 leaves none; use conv_zones=1 or more, or leave "
	  "rc_basis out" },
	{ "model=host-aware/zone_size_mb=64/zone_capacity_mb=63", 0,
	  "zone_capacity_mb=63 is smaller than zone_size_mb=64, but a "
	  "host-aware disk has no gap zones; leave zone_capacity_mb out" },
	{ "model=host-aware/urswrz=0", 0,
	  "urswrz=0 is not possible with model=host-aware, whose zones can all "
	  "be read everywhere; leave urswrz out" },
	{ "rc_basis=0/model=host-aware", 0,
	  "rc_basis=0 is not possible with model=host-aware, which has no "
	  "sequential write required zones to leave out; leave rc_basis out" },
	{ "model=realms/conv_zones=2", 0,
	  "conv_zones is not possible with model=realms, whose zones all have "
	  "one size; leave it out" },
	{ "model=realms/domains=seq+conv", 0,
	  "domains=seq+conv is not possible; the first must be conv or sobr, "
	  "which hosts can use like any other disk, and another one seq or "
	  "seqp, as in domains=conv+seq" },
	{ "model=realms/domains=conv+sobr", 0,
	  "domains=conv+sobr is not possible; the first must be conv or sobr, "
	  "which hosts can use like any other disk, and another one seq or "
	  "seqp, as in domains=conv+seq" },
	{ "model=realms/active=seqp", 0,
	  "active=seqp is none of domains=conv+seq; use one of them, or leave "
	  "active out" },
	{ "model=realms/rc_basis=1", 0,
	  "rc_basis=1 is not possible with model=realms and device type 00h, "
	  "whose hosts would take inactive zones for blocks like others; leave "
	  "rc_basis out, or add device_type=14h" },
	{ "model=realms/provisioning=thin", 0,
	  "provisioning=thin is not possible with model=realms; leave "
	  "provisioning out" },
	{ "model=host-managed/realms=4", 0,
	  "realms is for disks with zone realms; add model=realms, or leave it "
	  "out" },
	{ "zone_size_mb=1/capacity_mb=8796093022207", 0,
	  "capacity_mb=8796093022207 has 8796093022207 zones of 1 MiB, more "
	  "than 1048576; use a larger zone_size_mb" },
	{ "zone_size_mb=64/smaller_last_zone", INT64_MAX - 511,
	  "size=9223372036854775296 has 137438953472 zones of 64 MiB, more "
	  "than 1048576; use a larger zone_size_mb" },
};

static void bad_relations(void **state)
{
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(relations); i++) {
		const struct refusal *r = &relations[i];

		assert_accepted(r->text, parse(r->text, true, &o, &err), &err);
		assert_refused(r->text,
			       disk_opts_check(&o, r->size_bytes, &err), &err,
			       r->sentence);
		/* A new disk is no less checked. */
		assert_true(opts_check(&o, r->size_bytes, true, NULL) < 0);
	}
}

static void good_relations(void **state)
{
	static const struct refusal good[] = {
		{ "", 0, NULL },
		{ "", GIB, NULL }, /* what the disk has is not known */
		{ "zone_size_mb=96/any_zone_size", 0, NULL },
		{ "zone_size_mb=96/any_zone_size/conv_zones=1", 960 << 20,
		  NULL },
		{ "zone_size_mb=64/smaller_last_zone", 1000000000, NULL },
		{ "zone_size_mb=64/conv_zones=15", GIB, NULL },
		{ "zone_size_mb=64/conv_zones=15/max_open_zones=1", GIB, NULL },
		{ "zone_size_mb=64/zone_capacity_mb=64", GIB, NULL },
		{ "zone_size_mb=64/zone_capacity_mb=1", GIB, NULL },
		{ "zone_capacity_mb=1000", 0, NULL },
		{ "conv_zones=100", GIB, NULL },
		{ "capacity_mb=1024", GIB, NULL },
		{ "block_size=512/physical_block_size=4096", GIB, NULL },
	};
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(good); i++) {
		assert_accepted(good[i].text,
				parse(good[i].text, true, &o, &err), &err);
		assert_accepted(good[i].text,
				disk_opts_check(&o, good[i].size_bytes, &err),
				&err);
	}
}

static const struct refusal making[] = {
	{ "conv_zones=2", 0,
	  "the size of the new disk is not known; add capacity_mb=NUMBER" },
	{ "block_size=512", GIB,
	  "conv_zones=8 (the default) leaves no sequential zone: "
	  "size=1073741824 has 4 zones of 256 MiB; use conv_zones=3 or less" },
	{ "conv_zones=1", 64 << 20,
	  "zone_size_mb=256 (the default) is larger than the disk: "
	  "size=67108864; use a smaller zone_size_mb" },
	{ "conv_zones=1", GIB + 512,
	  "size=1073742336 is not a multiple of zone_size_mb=256 (the "
	  "default); use size=1073741824 or size=1342177280, or add "
	  "smaller_last_zone" },
	{ "zone_capacity_mb=257", 16 * GIB,
	  "zone_capacity_mb=257 is larger than zone_size_mb=256 (the default); "
	  "use zone_capacity_mb=256 or less" },
};

static void defaults_count_when_a_disk_is_made(void **state)
{
	struct disk_opts o;
	struct disk_meta meta;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(making); i++) {
		const struct refusal *m = &making[i];

		assert_accepted(m->text, parse(m->text, true, &o, &err), &err);
		assert_accepted(m->text,
				disk_opts_check(&o, m->size_bytes, &err), &err);
		assert_refused(m->text,
			       meta_from_opts(&o, m->size_bytes, &meta, &err),
			       &err, m->sentence);
	}
}

/* What only making knows. */
static const struct refusal making_realms[] = {
	{ "model=realms", 0,
	  "how large the disk is to be is not known; add realms=NUMBER or "
	  "capacity_mb=NUMBER" },
	{ "model=realms/realms=5/cmr_realms=2+1/smr_realms=2", 0,
	  "the disk would have 5 realms, and cmr_realms and smr_realms take 5 "
	  "of them; use realms=6 or more" },
	{ "model=realms/realms=10/capacity_mb=2560/zone_size_mb=64", 0,
	  "realms=10 does not agree with capacity_mb=2560, which is room for "
	  "8; leave one of them out" },
	{ "model=realms/realms=200000/zone_size_mb=64", 0,
	  "200000 realms have 1799996 zones in all domains, more than 1048576; "
	  "use fewer realms or a larger zone_size_mb" },
	{ "model=realms/realms=3/max_open_zones=11", 0,
	  "max_open_zones=11 is more than the 10 sequential zones; use 10 or "
	  "less, or 0 for no limit" },
	{ "model=realms/realms=3/zone_size_mb=64", GIB,
	  "size=1073741824 does not agree with the addresses of 3 realms in "
	  "all domains; use size=1543503872" },
};

static void realms_that_cannot_be_made(void **state)
{
	struct disk_opts o;
	struct disk_meta meta;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(making_realms); i++) {
		const struct refusal *m = &making_realms[i];

		assert_accepted(m->text, parse(m->text, true, &o, &err), &err);
		assert_refused(m->text,
			       meta_from_opts(&o, m->size_bytes, &meta, &err),
			       &err, m->sentence);
	}
}

/* 64 GiB: what the medium holds, and where it ends up. */
static void realms_from_options(void **state)
{
	struct zone_domains domains;
	struct disk_opts o;
	struct disk_meta m;
	struct zl_err err;

	(void)state;
	parse("model=realms,capacity_mb=65536,zone_size_mb=64,"
	      "cmr_realms=1:2,smr_realms=3,domains=conv+seqp+seq,active=seq,"
	      "max_activation=40,device_type=14h",
	      false, &o, &err);
	assert_accepted("realms", meta_from_opts(&o, 0, &m, &err), &err);
	assert_null(meta_error(&m));
	assert_int_equal(m.realms.nr, 204);
	assert_int_equal(m.realms.active, 2);
	assert_int_equal(m.device_type, 0x14);
	assert_false(m.rc_conv);
	assert_int_equal(meta_domains(&m.realms, &domains),
			 201 * 4 + 1 + 201 * 5 + 1 + 201 * 5);
	assert_int_equal(m.capacity_bytes, UINT64_C(2816) * 64 << 20);
	assert_int_equal(m.conv_zones, 804);
	/* Behind the SMR-only ones is the first of those at the top. */
	assert_int_equal(domains.d[0].hole_at, 199);
	assert_int_equal(domains.d[0].hole_realms, 3);
	assert_int_equal(domains.d[2].first_realm, 1);
	assert_int_equal(domains.d[2].nr_realms, 201);
}

static void geometry_from_options(void **state)
{
	struct disk_opts o;
	struct disk_meta m;
	struct zl_err err;

	(void)state;
	parse("zone_size_mb=64/zone_capacity_mb=60/conv_zones=3/"
	      "max_open_zones=5/physical_block_size=4096/smaller_last_zone",
	      true, &o, &err);
	assert_accepted("geometry", meta_from_opts(&o, GIB + 4096, &m, &err),
			&err);
	assert_int_equal(m.capacity_bytes, GIB + 4096);
	assert_int_equal(m.zone_bytes, 64 << 20);
	assert_int_equal(m.zone_cap_bytes, 60 << 20);
	assert_int_equal(m.conv_zones, 3);
	assert_int_equal(m.max_open, 5);
	assert_int_equal(m.block_bytes, 512);
	assert_int_equal(m.phys_block_bytes, 4096);
	assert_true(m.urswrz);
	assert_true(m.smaller_last_zone);
	assert_false(m.any_zone_size);
	assert_int_equal(meta_slots(&m), 17);
	assert_null(meta_error(&m));
	assert_false(m.host_aware);
	parse("model=host-aware/zone_size_mb=64/max_open_zones=5", true, &o,
	      &err);
	assert_accepted("model", meta_from_opts(&o, GIB, &m, &err), &err);
	assert_true(m.host_aware);
	assert_null(meta_error(&m));
}

static void thin_disagrees(struct disk_meta m)
{
	struct disk_opts o;
	struct zl_err err;

	parse("provisioning=full", true, &o, &err);
	assert_accepted("full", meta_agrees(&m, "/d", &o, 0, &err), &err);
	parse("provisioning=thin", true, &o, &err);
	assert_accepted("thin", meta_agrees(&m, "/d", &o, 0, &err), &err);
	m.conv_zones = 0;
	assert_refused("thin", meta_agrees(&m, "/d", &o, 0, &err), &err,
		       "provisioning=thin is not possible with the disk in "
		       "/d, which has no conventional zones; leave "
		       "provisioning out");
	m.conv_zones = 1;
	m.host_aware = true;
	assert_refused("thin", meta_agrees(&m, "/d", &o, 0, &err), &err,
		       "provisioning=thin is not possible with the disk in "
		       "/d, which is host-aware; leave provisioning out");
	parse("provisioning=full", true, &o, &err);
	assert_accepted("full", meta_agrees(&m, "/d", &o, 0, &err), &err);
}

static void disagreements_name_the_disks_value(void **state)
{
	static const struct refusal bad[] = {
		{ "capacity_mb=512", 0,
		  "capacity_mb=512 does not agree with the disk in /d; use "
		  "capacity_mb=1024 or leave it out" },
		{ "zone_size_mb=128", 0,
		  "zone_size_mb=128 does not agree with the disk in /d; use "
		  "zone_size_mb=64 or leave it out" },
		{ "zone_capacity_mb=64", 0,
		  "zone_capacity_mb=64 does not agree with the disk in /d; use "
		  "zone_capacity_mb=60 or leave it out" },
		{ "conv_zones=8", 0,
		  "conv_zones=8 does not agree with the disk in /d; use "
		  "conv_zones=3 or leave it out" },
		{ "max_open_zones=0", 0,
		  "max_open_zones=0 does not agree with the disk in /d; use "
		  "max_open_zones=5 or leave it out" },
		{ "block_size=4096", 0,
		  "block_size=4096 does not agree with the disk in /d; use "
		  "block_size=512 or leave it out" },
		{ "physical_block_size=512", 0,
		  "physical_block_size=512 does not agree with the disk in /d; "
		  "use physical_block_size=4096 or leave it out" },
		{ "urswrz=1", 0,
		  "urswrz=1 does not agree with the disk in /d; use urswrz=0 "
		  "or leave it out" },
		{ "domains=conv+seq", 0,
		  "domains is for disks with realms, and the one in /d has "
		  "none; leave it out" },
		{ "model=host-aware", 0,
		  "model=host-aware does not agree with the disk in /d; use "
		  "model=host-managed or leave it out" },
		{ "rc_basis=0", 0,
		  "rc_basis=0 does not agree with the disk in /d; use "
		  "rc_basis=1 or leave it out" },
		{ "", 2 * GIB,
		  "size=2147483648 does not agree with the disk in /d; use "
		  "size=1073741824" },
	};
	const char *own = "capacity_mb=1024/zone_size_mb=64/"
			  "zone_capacity_mb=60/conv_zones=3/max_open_zones=5/"
			  "block_size=512/physical_block_size=4096/urswrz=0";
	struct disk_opts o;
	struct disk_meta m;
	struct zl_err err;

	(void)state;
	parse(own, true, &o, &err);
	assert_accepted(own, meta_from_opts(&o, GIB, &m, &err), &err);
	assert_accepted(own, meta_agrees(&m, "/d", &o, GIB, &err), &err);
	assert_accepted(own, meta_agrees(&m, "/d", NULL, 0, &err), &err);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(bad); i++) {
		parse(bad[i].text, true, &o, &err);
		assert_refused(
			bad[i].text,
			meta_agrees(&m, "/d", &o, bad[i].size_bytes, &err),
			&err, bad[i].sentence);
	}
	thin_disagrees(m);
	m.capacity_bytes += 4096;
	parse("capacity_mb=1024", true, &o, &err);
	assert_refused("capacity", meta_agrees(&m, "/d", &o, 0, &err), &err,
		       "capacity_mb=1024 does not agree with the disk in /d, "
		       "which has 1073745920 bytes there; leave capacity_mb "
		       "out");
}

static void kernels_capacity_is_rounded_down(void **state)
{
	static const struct {
		const char *text;
		uint64_t mib;
	} cases[] = {
		{ "", 16384 },
		{ "capacity_mb=2000,zone_size_mb=64", 1984 },
		{ "capacity_mb=2048,zone_size_mb=64", 2048 },
		{ "capacity_mb=2000,zone_size_mb=64,smaller_last_zone", 2000 },
		{ "capacity_mb=100", 100 }, /* smaller than a zone: refused */
	};
	struct disk_opts o;
	struct zl_err err;

	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(cases); i++) {
		parse(cases[i].text, false, &o, &err);
		disk_opts_round_capacity(&o);
		assert_true(disk_opt_given(&o, OPT_CAPACITY_MB));
		assert_int_equal(o.num[OPT_CAPACITY_MB], cases[i].mib);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_agrees_with_itself),
		cmocka_unit_test(defaults_are_the_kernels),
		cmocka_unit_test(values_are_taken),
		cmocka_unit_test(nothing_is_fine),
		cmocka_unit_test(kernels_string_as_it_is),
		cmocka_unit_test(no_geometry_in_what_changes_nothing),
		cmocka_unit_test(units),
		cmocka_unit_test(bad_syntax),
		cmocka_unit_test(bad_strings),
		cmocka_unit_test(bad_relations),
		cmocka_unit_test(good_relations),
		cmocka_unit_test(defaults_count_when_a_disk_is_made),
		cmocka_unit_test(geometry_from_options),
		cmocka_unit_test(realms_that_cannot_be_made),
		cmocka_unit_test(realms_from_options),
		cmocka_unit_test(disagreements_name_the_disks_value),
		cmocka_unit_test(kernels_capacity_is_rounded_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
