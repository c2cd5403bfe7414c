// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A disk's geometry: from what was asked for, and compared with it. */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/num.h"
#include "disk/medium/meta.h"
#include "disk/options/check.h"
#include "store/store.h"

int meta_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
		   struct disk_meta *meta, struct zl_err *err)
{
	const uint64_t *num = opts->num;
	int ret = opts_check(opts, size_bytes, true, err);

	if (ret)
		return ret;
	if (!size_bytes && !disk_opt_given(opts, OPT_CAPACITY_MB))
		return zl_fail(err, EINVAL,
			       "the size of the new disk is not known; add "
			       "capacity_mb=NUMBER");
	*meta = (struct disk_meta){
		.capacity_bytes =
			size_bytes ? size_bytes : num[OPT_CAPACITY_MB] * ZL_MIB,
		.zone_bytes = num[OPT_ZONE_SIZE_MB] * ZL_MIB,
		.zone_cap_bytes = num[OPT_ZONE_CAPACITY_MB] * ZL_MIB,
		.conv_zones = (uint32_t)num[OPT_CONV_ZONES],
		.max_open = (uint32_t)num[OPT_MAX_OPEN_ZONES],
		.block_bytes = (uint32_t)num[OPT_BLOCK_SIZE],
		.phys_block_bytes = (uint32_t)num[OPT_PHYSICAL_BLOCK_SIZE],
		.urswrz = num[OPT_URSWRZ],
		.rc_conv = !num[OPT_RC_BASIS],
		.host_aware = num[OPT_MODEL] == MODEL_HOST_AWARE,
	};
	if (!meta->zone_cap_bytes)
		meta->zone_cap_bytes = meta->zone_bytes;
	if (!meta->phys_block_bytes)
		meta->phys_block_bytes = meta->block_bytes;
	meta_derive(meta);
	return 0;
}

void meta_derive(struct disk_meta *meta)
{
	meta->smaller_last_zone = meta->capacity_bytes % meta->zone_bytes != 0;
	meta->any_zone_size = !is_pow2(meta->zone_bytes);
	if (!meta->realms.nr_domains)
		meta->device_type = meta->host_aware ? 0x00 : 0x14;
}

void meta_geo(const struct disk_meta *meta, struct zone_geo *geo)
{
	uint32_t block = meta->block_bytes;

	*geo = (struct zone_geo){
		.capacity_blocks = meta->capacity_bytes / block,
		.zone_blocks = (uint32_t)(meta->zone_bytes / block),
		.zone_cap_blocks = (uint32_t)(meta->zone_cap_bytes / block),
		.max_open = meta->max_open,
		.phys_blocks = meta->phys_block_bytes / block,
		.urswrz = meta->urswrz,
	};
	meta_layout(meta, geo->runs);
	if (meta->realms.nr_domains)
		meta_domains(&meta->realms, &geo->domains);
}

struct disk_control meta_control(const struct disk_meta *meta)
{
	const struct disk_realms *r = &meta->realms;
	uint32_t max = r->max_activation ? r->max_activation : UINT32_MAX;

	return (struct disk_control){
		.nr_zones = (uint32_t)min_u64(r->cmr_zones, max),
		.max_activation = r->max_activation,
		.urswrz = meta->urswrz,
	};
}

uint64_t meta_slots(const struct disk_meta *meta)
{
	return div_up_u64(meta->capacity_bytes, meta->zone_bytes);
}

static const struct zone_traits *traits(const struct disk_meta *meta,
					uint32_t slot)
{
	struct zone_geo geo;

	meta_layout(meta, geo.runs);
	return &zone_traits[zone_geo_type(&geo, slot)];
}

bool meta_has_wp(const struct disk_meta *meta, uint32_t slot)
{
	return traits(meta, slot)->has_wp;
}

uint64_t meta_slot_bytes(const struct disk_meta *meta, uint32_t slot)
{
	uint64_t rest = meta->capacity_bytes - slot * meta->zone_bytes;

	return min_u64(rest, meta_has_wp(meta, slot) ? meta->zone_cap_bytes
						     : meta->zone_bytes);
}

uint32_t meta_tail_bytes(const struct disk_meta *meta, uint32_t slot)
{
	return traits(meta, slot)->in_order ? meta->phys_block_bytes
					    : meta->block_bytes;
}

void disk_set_layout(const struct zone_geo *geo, struct store *st)
{
	struct store_layout layout = { 0 };

	static_assert(STORE_MAX_RUNS >= ZONE_MAX_RUNS, "a run for each");
	for (int i = 0; i < ZONE_MAX_RUNS; i++)
		layout.runs[i] = (struct store_run){
			.end = geo->runs[i].end,
			.conv = !zone_traits[geo->runs[i].type].has_wp,
		};
	store_set_layout(st, layout);
}

void meta_set_layout(const struct disk_meta *meta, struct store *st)
{
	struct zone_geo geo;

	meta_geo(meta, &geo);
	disk_set_layout(&geo, st);
}

static bool block_size_ok(uint32_t bytes)
{
	return bytes == 512 || bytes == 4096;
}

const char *meta_error(const struct disk_meta *meta)
{
	struct zone_geo geo;
	const char *error;

	if (!block_size_ok(meta->block_bytes) ||
	    !block_size_ok(meta->phys_block_bytes) ||
	    meta->phys_block_bytes < meta->block_bytes)
		return "the block sizes are not 512 or 4096";
	if (meta->capacity_bytes % meta->block_bytes ||
	    meta->zone_bytes % meta->block_bytes ||
	    meta->zone_cap_bytes % meta->block_bytes)
		return "a size is not a multiple of the block size";
	if (meta->capacity_bytes > INT64_MAX)
		return "the capacity is larger than a file can be";
	if (!meta->zone_bytes)
		return "the zone size is 0";
	/* Before geo cuts them to 32 bits of blocks. */
	if (meta->zone_bytes > 16384 * ZL_MIB)
		return "the zone size is larger than 16384 MiB";
	if (meta->zone_cap_bytes > meta->zone_bytes)
		return "the zone capacity is larger than the zone size";
	if (meta_slots(meta) > DISK_MAX_SLOTS)
		return "there are more than 1048576 zones";
	if (meta->rc_conv && meta->host_aware)
		return "RC_BASIS is 0 on a host-aware disk";
	meta_geo(meta, &geo);
	error = zone_geo_error(&geo);
	if (!error && meta->rc_conv && !zone_geo_first_wp(&geo))
		return "RC_BASIS is 0 without conventional zones";
	return error;
}

static uint64_t disk_value(const struct disk_meta *meta, enum disk_opt_id id)
{
	switch (id) {
	case OPT_CAPACITY_MB:
		return meta->capacity_bytes;
	case OPT_ZONE_SIZE_MB:
		return meta->zone_bytes;
	case OPT_ZONE_CAPACITY_MB:
		return meta->zone_cap_bytes;
	case OPT_CONV_ZONES:
		return meta->conv_zones;
	case OPT_MAX_OPEN_ZONES:
		return meta->max_open;
	case OPT_BLOCK_SIZE:
		return meta->block_bytes;
	case OPT_PHYSICAL_BLOCK_SIZE:
		return meta->phys_block_bytes;
	case OPT_URSWRZ:
		return meta->urswrz;
	case OPT_MODEL:
		return meta->host_aware ? MODEL_HOST_AWARE : MODEL_HOST_MANAGED;
	default:
		return !meta->rc_conv;
	}
}

static int disagree(enum disk_opt_id id, uint64_t asked, uint64_t has,
		    const char *name, struct zl_err *err)
{
	const char *opt = disk_opt_table[id].name;
	uint64_t unit = opt_is_mib(id) ? ZL_MIB : 1;

	if (disk_opt_table[id].kind == OPT_KIND_CHOICE)
		return zl_fail(err, EINVAL,
			       "%s=%s does not agree with the disk in %s; use "
			       "%s=%s or leave it out",
			       opt, disk_opt_choice(id, asked), name, opt,
			       disk_opt_choice(id, has));
	if (has % unit)
		return zl_fail(err, EINVAL,
			       "%s=%" PRIu64
			       " does not agree with the disk in %s, which has "
			       "%" PRIu64 " bytes there; leave %s out",
			       opt, asked, name, has, opt);
	return zl_fail(err, EINVAL,
		       "%s=%" PRIu64
		       " does not agree with the disk in %s; use %s=%" PRIu64
		       " or leave it out",
		       opt, asked, name, opt, has / unit);
}

/* NULL: it is possible. */
static const char *why_not_thin(const struct disk_meta *meta)
{
	if (meta->host_aware)
		return "is host-aware";
	return meta->conv_zones ? NULL : "has no conventional zones";
}

static int check_thin(const struct disk_meta *meta, const char *name,
		      const struct disk_opts *opts, struct zl_err *err)
{
	const char *why = why_not_thin(meta);

	if (!opts || !why || opts->num[OPT_PROVISIONING] != PROVISIONING_THIN)
		return 0;
	return zl_fail(err, EINVAL,
		       "provisioning=thin is not possible with the disk in %s, "
		       "which %s; leave provisioning out",
		       name, why);
}

int meta_agrees(const struct disk_meta *meta, const char *name,
		const struct disk_opts *opts, uint64_t size_bytes,
		struct zl_err *err)
{
	/* The flags only permit something at making: they always agree. */
	static const enum disk_opt_id ids[] = {
		OPT_CAPACITY_MB,
		OPT_ZONE_SIZE_MB,
		OPT_ZONE_CAPACITY_MB,
		OPT_CONV_ZONES,
		OPT_MAX_OPEN_ZONES,
		OPT_BLOCK_SIZE,
		OPT_PHYSICAL_BLOCK_SIZE,
		OPT_URSWRZ,
		OPT_RC_BASIS,
		OPT_MODEL,
	};

	for (size_t i = 0; opts && i < ZL_ARRAY_SIZE(ids); i++) {
		uint64_t unit = opt_is_mib(ids[i]) ? ZL_MIB : 1;
		uint64_t has = disk_value(meta, ids[i]);

		if (disk_opt_given(opts, ids[i]) &&
		    opts->num[ids[i]] * unit != has)
			return disagree(ids[i], opts->num[ids[i]], has, name,
					err);
	}
	if (size_bytes && size_bytes != meta->capacity_bytes)
		return zl_fail(err, EINVAL,
			       "size=%" PRIu64
			       " does not agree with the disk in %s; use "
			       "size=%" PRIu64,
			       size_bytes, name, meta->capacity_bytes);
	return check_thin(meta, name, opts, err);
}

int meta_new_serial(struct disk_meta *meta, struct zl_err *err)
{
	uint64_t v;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		return zl_fail(err, EIO,
			       "the system gives no random number for a serial "
			       "number");
	snprintf(meta->serial, sizeof(meta->serial), "%016" PRIx64, v);
	return 0;
}
