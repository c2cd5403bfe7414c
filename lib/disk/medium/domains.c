// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Zone domains and realms: as they are asked for, and where they lie. */
#include <errno.h>
#include <inttypes.h>

#include "base/num.h"
#include "disk/medium/meta.h"
#include "disk/options/check.h"

#define MAX_REALM_ZONES 4096
#define MAX_GAP		65536

static bool is_cmr(enum zone_type type)
{
	return type == ZT_CONVENTIONAL || type == ZT_SEQ_OR_BEFORE;
}

/* The realms that have zones in the domain: see struct disk_realms. */
static void place_realms(const struct disk_realms *r, unsigned domain,
			 struct zone_domain *d)
{
	uint32_t all = r->nr - r->bottom - r->smr - r->top;

	d->hole_at = r->nr;
	if (!domain) {
		d->nr_realms = r->nr - r->smr;
		d->hole_at = r->bottom + all;
		d->hole_realms = r->smr;
		return;
	}
	d->first_realm = r->bottom;
	d->nr_realms = all + (is_cmr(d->type) ? 0 : r->smr);
}

uint64_t meta_domains(const struct disk_realms *r, struct zone_domains *domains)
{
	uint64_t slot = 0;

	*domains = (struct zone_domains){
		.nr = r->nr_domains,
		.nr_realms = r->nr,
	};
	for (unsigned i = 0; i < r->nr_domains; i++) {
		struct zone_domain *d = &domains->d[i];

		slot += i ? r->gap : 0;
		d->type = r->types[i];
		d->first_slot = (uint32_t)slot;
		d->realm_slots = is_cmr(d->type) ? r->cmr_zones : r->smr_zones;
		place_realms(r, i, d);
		slot += (uint64_t)d->nr_realms * d->realm_slots;
	}
	return slot;
}

/* So that the arithmetic on what comes from outside cannot overflow. */
static bool in_bounds(const struct disk_realms *r)
{
	return r->nr_domains >= 2 && r->nr_domains <= ZONE_MAX_DOMAINS &&
	       r->active < r->nr_domains && r->nr <= DISK_MAX_SLOTS / 2 &&
	       r->bottom <= DISK_MAX_SLOTS && r->top <= DISK_MAX_SLOTS &&
	       r->smr <= DISK_MAX_SLOTS && r->cmr_zones &&
	       r->cmr_zones <= MAX_REALM_ZONES && r->smr_zones &&
	       r->smr_zones <= MAX_REALM_ZONES && r->gap <= MAX_GAP;
}

static const char *types_error(const struct disk_realms *r)
{
	unsigned nr_cmr = 0;

	for (unsigned i = 0; i < r->nr_domains; i++) {
		nr_cmr += is_cmr(r->types[i]);
		for (unsigned k = 0; k < i; k++)
			if (r->types[k] == r->types[i])
				return "two zone domains have one type";
	}
	if (!is_cmr(r->types[0]) || nr_cmr == r->nr_domains)
		return "the zone domains are not of types that go together";
	return NULL;
}

const char *meta_realms_error(const struct disk_meta *meta)
{
	const struct disk_realms *r = &meta->realms;
	struct zone_domains domains;
	uint64_t slots;

	if (!in_bounds(r))
		return "what it says of realms is out of bounds";
	if (types_error(r))
		return types_error(r);
	if (r->bottom + r->top + r->smr >= r->nr)
		return "no realm exists in all domains";
	slots = meta_domains(r, &domains);
	if (slots > DISK_MAX_SLOTS)
		return "there are more than 1048576 zones";
	if (meta->capacity_bytes != slots * meta->zone_bytes ||
	    meta->zone_cap_bytes != meta->zone_bytes)
		return "the capacity is not that of the domains";
	return NULL;
}

static void take_options(const uint64_t *num, struct disk_realms *r)
{
	uint64_t domains = num[OPT_DOMAINS];

	*r = (struct disk_realms){
		.nr_domains = opt_domain_nr(domains),
		.nr = (uint32_t)num[OPT_REALMS],
		.bottom = opt_first(num[OPT_CMR_REALMS]),
		.top = opt_second(num[OPT_CMR_REALMS]),
		.smr = (uint32_t)num[OPT_SMR_REALMS],
		.cmr_zones = opt_first(num[OPT_REALM_ZONES]),
		.smr_zones = opt_second(num[OPT_REALM_ZONES]),
		.gap = (uint32_t)num[OPT_DOMAIN_GAP],
		.max_activation = (uint16_t)num[OPT_MAX_ACTIVATION],
	};
	for (unsigned i = 0; i < r->nr_domains; i++) {
		r->types[i] = (enum zone_type)opt_domain(domains, i);
		if (opt_domain(domains, i) == opt_domain(num[OPT_ACTIVE], 0))
			r->active = (uint8_t)i;
	}
}

static uint64_t realms_in(const struct disk_opts *opts)
{
	uint64_t zones = opts->num[OPT_REALM_ZONES];

	return opts->num[OPT_CAPACITY_MB] / opts->num[OPT_ZONE_SIZE_MB] /
	       max_u64(opt_first(zones), opt_second(zones));
}

static int check_number(const struct disk_opts *opts,
			const struct disk_realms *r, struct zl_err *err)
{
	uint32_t apart = r->bottom + r->top + r->smr;

	if (disk_opt_given(opts, OPT_REALMS) &&
	    disk_opt_given(opts, OPT_CAPACITY_MB) && realms_in(opts) != r->nr)
		return zl_fail(
			err, EINVAL,
			"realms=%u does not agree with capacity_mb=%" PRIu64
			", which is room for %" PRIu64
			"; leave one of them out",
			r->nr, opts->num[OPT_CAPACITY_MB], realms_in(opts));
	if (r->nr > apart)
		return 0;
	return zl_fail(err, EINVAL,
		       "the disk would have %u realms, and cmr_realms and "
		       "smr_realms take %u of them; use realms=%u or more",
		       r->nr, apart, apart + 1);
}

static int check_zones(const struct disk_opts *opts,
		       const struct disk_realms *r, uint64_t slots,
		       struct zl_err *err)
{
	uint64_t smr = 0, max_open = opts->num[OPT_MAX_OPEN_ZONES];
	struct zone_domains domains;

	if (slots > DISK_MAX_SLOTS)
		return zl_fail(err, EINVAL,
			       "%u realms have %" PRIu64
			       " zones in all domains, more than %u; use fewer "
			       "realms or a larger zone_size_mb",
			       r->nr, slots, DISK_MAX_SLOTS);
	meta_domains(r, &domains);
	for (unsigned i = 0; i < domains.nr; i++)
		if (!is_cmr(domains.d[i].type))
			smr += zone_domain_slots(&domains.d[i]);
	if (!disk_opt_given(opts, OPT_MAX_OPEN_ZONES) || max_open <= smr)
		return 0;
	return zl_fail(err, EINVAL,
		       "max_open_zones=%" PRIu64 " is more than the %" PRIu64
		       " sequential zones; use %" PRIu64
		       " or less, or 0 for no limit",
		       max_open, smr, smr);
}

int meta_realms_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
			  struct disk_meta *meta, struct zl_err *err)
{
	struct disk_realms *r = &meta->realms;
	struct zone_domains domains;
	uint64_t slots;
	int ret;

	take_options(opts->num, r);
	if (!disk_opt_given(opts, OPT_REALMS))
		r->nr = (uint32_t)min_u64(realms_in(opts), DISK_MAX_SLOTS / 2);
	ret = check_number(opts, r, err);
	if (ret)
		return ret;
	slots = meta_domains(r, &domains);
	ret = check_zones(opts, r, slots, err);
	if (ret)
		return ret;
	meta->capacity_bytes = slots * meta->zone_bytes;
	meta->device_type =
		opts->num[OPT_DEVICE_TYPE] == DEVICE_TYPE_14H ? 0x14 : 0x00;
	/* READ CAPACITY tells what an ordinary host may use. */
	meta->rc_conv |= !meta->device_type;
	if (!size_bytes || size_bytes == meta->capacity_bytes)
		return 0;
	return zl_fail(err, EINVAL,
		       "size=%" PRIu64
		       " does not agree with the addresses of %u realms in all "
		       "domains; use size=%" PRIu64,
		       size_bytes, r->nr, meta->capacity_bytes);
}
