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
	if (!size_bytes && !disk_opt_given(opts, OPT_CAPACITY_MB) &&
	    num[OPT_MODEL] != MODEL_REALMS)
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
	if (num[OPT_MODEL] == MODEL_REALMS)
		ret = meta_realms_from_opts(opts, size_bytes, meta, err);
	if (!ret)
		meta_derive(meta);
	return ret;
}

static uint32_t conv_slots(const struct disk_meta *meta)
{
	struct zone_domains domains;
	uint32_t n = 0;

	meta_domains(&meta->realms, &domains);
	for (unsigned i = 0; i < domains.nr; i++)
		if (!zone_traits[domains.d[i].type].has_wp)
			n += zone_domain_slots(&domains.d[i]);
	return n;
}

void meta_derive(struct disk_meta *meta)
{
	meta->smaller_last_zone = meta->capacity_bytes % meta->zone_bytes != 0;
	meta->any_zone_size = !is_pow2(meta->zone_bytes);
	if (meta->realms.nr_domains)
		meta->conv_zones = conv_slots(meta);
	else
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

bool meta_is_made(const struct disk_meta *meta, uint32_t slot, uint64_t *bytes)
{
	const struct zone_traits *t = traits(meta, slot);
	struct zone_geo geo;
	unsigned domain;

	*bytes = t->has_wp && !t->made_full ? 0 : meta_slot_bytes(meta, slot);
	if (!meta->realms.nr_domains)
		return t->span != ZS_NOTHING;
	meta_geo(meta, &geo);
	domain = zone_domain_of(&geo, slot);
	return domain != ZONE_NO_DOMAIN &&
	       domain == zone_realm_default(&geo, zone_realm_of(&geo, slot),
					    meta->realms.active);
}

uint32_t meta_tail_bytes(const struct disk_meta *meta, uint32_t slot)
{
	return traits(meta, slot)->in_order ? meta->phys_block_bytes
					    : meta->block_bytes;
}

static void set_layout(const struct zone_geo *geo, struct store *st)
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
	set_layout(&geo, st);
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
	if (meta->realms.nr_domains && meta_realms_error(meta))
		return meta_realms_error(meta);
	if (meta_slots(meta) > DISK_MAX_SLOTS)
		return "there are more than 1048576 zones";
	if (meta->rc_conv && meta->host_aware)
		return "RC_BASIS is 0 on a host-aware disk";
	meta_geo(meta, &geo);
	error = zone_geo_error(&geo);
	if (!error && meta->rc_conv && !geo.domains.nr &&
	    !zone_geo_first_wp(&geo))
		return "RC_BASIS is 0 without conventional zones";
	return error;
}

static uint64_t realms_value(const struct disk_meta *meta, enum disk_opt_id id)
{
	const struct disk_realms *r = &meta->realms;
	uint64_t domains = 0;

	switch (id) {
	case OPT_REALMS:
		return r->nr;
	case OPT_REALM_ZONES:
		return (uint64_t)r->cmr_zones << 32 | r->smr_zones;
	case OPT_CMR_REALMS:
		return (uint64_t)r->bottom << 32 | r->top;
	case OPT_SMR_REALMS:
		return r->smr;
	case OPT_DOMAIN_GAP:
		return r->gap;
	case OPT_ACTIVE:
		return r->types[r->active];
	case OPT_MAX_ACTIVATION:
		return r->max_activation;
	case OPT_DEVICE_TYPE:
		return meta->device_type ? DEVICE_TYPE_14H : DEVICE_TYPE_00H;
	case OPT_DOMAINS:
		for (unsigned i = 0; i < r->nr_domains; i++)
			domains |= (uint64_t)r->types[i] << 8 * i;
		return domains;
	default:
		assert(!"an option of the disk");
		return 0;
	}
}

enum disk_model meta_model(const struct disk_meta *meta)
{
	if (meta->realms.nr_domains)
		return MODEL_REALMS;
	return meta->host_aware ? MODEL_HOST_AWARE : MODEL_HOST_MANAGED;
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
		return meta_model(meta);
	case OPT_RC_BASIS:
		return !meta->rc_conv;
	default:
		return realms_value(meta, id);
	}
}

static int disagree(enum disk_opt_id id, uint64_t asked, uint64_t has,
		    const char *name, struct zl_err *err)
{
	const char *opt = disk_opt_table[id].name;
	uint64_t unit = opt_is_mib(id) ? ZL_MIB : 1;
	char asked_text[OPT_TEXT_MAX], has_text[OPT_TEXT_MAX];

	if (disk_opt_table[id].kind != OPT_KIND_NUMBER) {
		disk_opt_text(asked_text, id, asked);
		disk_opt_text(has_text, id, has);
		return zl_fail(err, EINVAL,
			       "%s=%s does not agree with the disk in %s; use "
			       "%s=%s or leave it out",
			       opt, asked_text, name, opt, has_text);
	}
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
	if (meta->realms.nr_domains)
		return "has realms";
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

static int check_realms(const struct disk_meta *meta, const char *name,
			const struct disk_opts *opts, struct zl_err *err)
{
	const struct disk_realms *r = &meta->realms;
	uint64_t room = opts->num[OPT_CAPACITY_MB] * ZL_MIB / meta->zone_bytes;

	if (r->nr_domains) {
		room /= max_u64(r->cmr_zones, r->smr_zones);
		if (!disk_opt_given(opts, OPT_CAPACITY_MB) || room == r->nr)
			return 0;
		return zl_fail(err, EINVAL,
			       "capacity_mb=%" PRIu64 " is room for %" PRIu64
			       " realms and does not agree with the disk in "
			       "%s, which has %u; leave it out",
			       opts->num[OPT_CAPACITY_MB], room, name, r->nr);
	}
	for (enum disk_opt_id id = OPT_DOMAINS; id <= OPT_DEVICE_TYPE; id++)
		if (disk_opt_given(opts, id) &&
		    !disk_opt_given(opts, OPT_MODEL))
			return zl_fail(err, EINVAL,
				       "%s is for disks with realms, and the "
				       "one in %s has none; leave it out",
				       disk_opt_table[id].name, name);
	return 0;
}

/* The capacity of realms is what the medium holds: check_realms(). */
static bool is_compared(const struct disk_meta *meta,
			const struct disk_opts *opts, enum disk_opt_id id)
{
	return disk_opt_given(opts, id) &&
	       !(meta->realms.nr_domains && id == OPT_CAPACITY_MB);
}

/* The flags only permit something at making: they always agree. */
static bool is_of_the_disk(enum disk_opt_id id)
{
	return disk_opt_table[id].geometry &&
	       disk_opt_table[id].kind != OPT_KIND_FLAG;
}

int meta_agrees(const struct disk_meta *meta, const char *name,
		const struct disk_opts *opts, uint64_t size_bytes,
		struct zl_err *err)
{
	int ret = opts ? check_realms(meta, name, opts, err) : 0;

	if (ret)
		return ret;
	for (enum disk_opt_id id = 0; opts && id < OPT_NR; id++) {
		uint64_t unit = opt_is_mib(id) ? ZL_MIB : 1;

		if (is_of_the_disk(id) && is_compared(meta, opts, id) &&
		    opts->num[id] * unit != disk_value(meta, id))
			return disagree(id, opts->num[id], disk_value(meta, id),
					name, err);
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
