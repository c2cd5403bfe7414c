// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whether there can be a disk like that. */
#include <stddef.h>

#include "base/num.h"
#include "zone/internal.h"
#include "zone/realm.h"

static bool is_gap(const struct zone_geo *geo, uint32_t slot)
{
	return zone_traits[zone_geo_type(geo, slot)].span == ZS_NOTHING;
}

/* Whether the slots before the domain, from @slot on, are gap zones, and its
 * own of its type. */
static bool domain_fits(const struct zone_geo *geo, const struct zone_domain *d,
			uint32_t slot)
{
	uint32_t slots = zone_geo_slots(geo);

	if (!d->realm_slots || !d->nr_realms || d->first_slot < slot ||
	    (uint64_t)d->nr_realms * d->realm_slots > slots ||
	    zone_domain_slots(d) > slots - d->first_slot)
		return false;
	for (; slot < d->first_slot; slot++)
		if (!is_gap(geo, slot))
			return false;
	return zone_geo_type(geo, slot) == d->type &&
	       zone_geo_type(geo, slot + zone_domain_slots(d) - 1) == d->type;
}

static bool realm_fits(const struct zone_geo *geo, uint32_t realm)
{
	for (unsigned i = 0; i < geo->domains.nr; i++)
		if (zone_realm_has(geo, realm, i))
			return true;
	return false;
}

static const char *domains_error(const struct zone_geo *geo)
{
	const struct zone_domains *domains = &geo->domains;
	uint32_t slot = 0;

	if (geo->zone_cap_blocks != geo->zone_blocks ||
	    geo->capacity_blocks % geo->zone_blocks)
		return "the zones of its domains do not have one size";
	for (unsigned i = 0; i < domains->nr; i++) {
		const struct zone_domain *d = &domains->d[i];

		if (!domain_fits(geo, d, slot))
			return "its domains are not where its zones are";
		slot = d->first_slot + zone_domain_slots(d);
	}
	if (slot != zone_geo_slots(geo))
		return "it does not end with a domain";
	for (uint32_t r = 0; r < domains->nr_realms; r++)
		if (!realm_fits(geo, r))
			return "a realm has no zones";
	return NULL;
}

/* NULL: there is no such type. */
static const struct zone_traits *type_traits(enum zone_type type)
{
	if ((unsigned)type >= zone_nr_types || !zone_traits[type].name)
		return NULL;
	return &zone_traits[type];
}

/* What the types of a disk's slots have in common. */
struct mixture {
	uint32_t end; /* where the runs end */
	bool has_wp, hides_unwritten, wp_and_types;
};

static void mix(const struct zone_geo *geo, uint64_t slots, struct mixture *m)
{
	const struct zone_traits *t;

	*m = (struct mixture){ 0 };
	for (unsigned i = 0; i < ZONE_MAX_RUNS && m->end < slots; i++) {
		/* One that has no slots is nothing. */
		if (geo->runs[i].end <= m->end)
			continue;
		t = type_traits(geo->runs[i].type);
		if (!t)
			return;
		m->end = geo->runs[i].end;
		m->has_wp |= t->has_wp;
		m->hides_unwritten |= t->hides_unwritten;
		m->wp_and_types |= t->has_wp && t->span == ZS_TYPES;
	}
}

static const char *types_error(const struct zone_geo *geo, uint64_t slots)
{
	struct mixture m;

	mix(geo, slots, &m);
	if (m.end < slots)
		return "there are zones without a type";
	/* Device type 14h: at least one sequential write required zone.  And
	 * without a zone that has a write pointer a disk is not host-aware. */
	if (!m.has_wp)
		return "the conventional zones leave no sequential zone";
	/* Hosts may use them like any other disk. */
	if (m.wp_and_types && geo->zone_cap_blocks < geo->zone_blocks)
		return "a host-aware disk has no gap zones";
	/* A mode page may say otherwise of a disk with realms. */
	if (!geo->urswrz && !m.hides_unwritten && !geo->domains.nr)
		return "URSWRZ 0 is about sequential write required zones, "
		       "which a host-aware disk has not";
	return NULL;
}

const char *zone_geo_error(const struct zone_geo *geo)
{
	uint64_t slots;

	if (!geo->capacity_blocks)
		return "the capacity is 0";
	if (!geo->zone_blocks)
		return "the zone size is 0";
	if (geo->zone_blocks > geo->capacity_blocks)
		return "the zone size is larger than the disk";
	if (!geo->zone_cap_blocks)
		return "the zone capacity is 0";
	if (geo->zone_cap_blocks > geo->zone_blocks)
		return "the zone capacity is larger than the zone size";
	if (!is_pow2(geo->phys_blocks))
		return "a physical block is not a power of two of logical "
		       "blocks";
	/* Else the blocks at a zone's end could never be written. */
	if (geo->zone_blocks % geo->phys_blocks ||
	    geo->zone_cap_blocks % geo->phys_blocks ||
	    geo->capacity_blocks % geo->phys_blocks)
		return "the zone size, the zone capacity and the disk's "
		       "capacity are not all whole physical blocks";
	slots = div_up_u64(geo->capacity_blocks, geo->zone_blocks);
	if (slots >= SLOT_NONE)
		return "there would be more than 4294967294 zones";
	if (types_error(geo, slots))
		return types_error(geo, slots);
	return geo->domains.nr ? domains_error(geo) : NULL;
}
