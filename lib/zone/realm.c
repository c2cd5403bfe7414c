// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Zone domains and zone realms: where they lie, and which are active. */
#include <assert.h>
#include <stddef.h>

#include "zone/internal.h"
#include "zone/realm.h"

uint32_t zone_domain_slots(const struct zone_domain *domain)
{
	return domain->nr_realms * domain->realm_slots;
}

unsigned zone_domain_of(const struct zone_geo *geo, uint32_t slot)
{
	for (unsigned i = 0; i < geo->domains.nr; i++) {
		const struct zone_domain *d = &geo->domains.d[i];

		if (slot >= d->first_slot &&
		    slot - d->first_slot < zone_domain_slots(d))
			return i;
	}
	return ZONE_NO_DOMAIN;
}

uint32_t zone_realm_of(const struct zone_geo *geo, uint32_t slot)
{
	unsigned domain = zone_domain_of(geo, slot);
	const struct zone_domain *d = &geo->domains.d[domain];
	uint32_t realm;

	if (domain == ZONE_NO_DOMAIN)
		return ZONE_NO_REALM;
	realm = d->first_realm + (slot - d->first_slot) / d->realm_slots;
	return realm < d->hole_at ? realm : realm + d->hole_realms;
}

bool zone_realm_has(const struct zone_geo *geo, uint32_t realm, unsigned domain)
{
	const struct zone_domain *d = &geo->domains.d[domain];

	if (realm < d->first_realm ||
	    (realm >= d->hole_at && realm - d->hole_at < d->hole_realms))
		return false;
	if (realm >= d->hole_at)
		realm -= d->hole_realms;
	return realm - d->first_realm < d->nr_realms;
}

uint32_t zone_realm_slot(const struct zone_geo *geo, uint32_t realm,
			 unsigned domain)
{
	const struct zone_domain *d = &geo->domains.d[domain];

	assert(zone_realm_has(geo, realm, domain));
	if (realm >= d->hole_at)
		realm -= d->hole_realms;
	return d->first_slot + (realm - d->first_realm) * d->realm_slots;
}

unsigned zone_realm_default(const struct zone_geo *geo, uint32_t realm,
			    unsigned domain)
{
	if (zone_realm_has(geo, realm, domain))
		return domain;
	for (domain = 0; !zone_realm_has(geo, realm, domain); domain++)
		assert(domain < geo->domains.nr);
	return domain;
}

bool zone_slot_is_inactive(const struct zone_set *set, uint32_t slot)
{
	uint32_t realm = zone_realm_of(&set->geo, slot);

	return realm != ZONE_NO_REALM &&
	       set->active[realm] != zone_domain_of(&set->geo, slot);
}

static uint64_t slot_lba(const struct zone_set *set, uint32_t slot)
{
	return (uint64_t)slot * set->geo.zone_blocks;
}

void zone_domain_info(const struct zone_set *set, unsigned domain,
		      struct zone_domain_info *info)
{
	const struct zone_domain *d = &set->geo.domains.d[domain];
	uint32_t slots = zone_domain_slots(d);

	*info = (struct zone_domain_info){
		.start_lba = slot_lba(set, d->first_slot),
		.end_lba = slot_lba(set, d->first_slot + slots) - 1,
		.zones = slots,
		.active_zones = set->nr_active[domain] * d->realm_slots,
		.type = d->type,
	};
}

void zone_realm_info(const struct zone_set *set, uint32_t realm,
		     struct zone_realm_info *info)
{
	const struct zone_domains *domains = &set->geo.domains;

	*info = (struct zone_realm_info){
		.realm = realm,
		.active = set->active[realm],
	};
	for (unsigned i = 0; i < domains->nr; i++) {
		uint32_t slot;

		if (!zone_realm_has(&set->geo, realm, i))
			continue;
		slot = zone_realm_slot(&set->geo, realm, i);
		info->range[i].start_lba = slot_lba(set, slot);
		info->range[i].end_lba =
			slot_lba(set, slot + domains->d[i].realm_slots) - 1;
	}
}

/* The disk ends with a domain, so that there is a next zone. */
uint32_t zone_realm_at(const struct zone_set *set, uint64_t lba)
{
	uint32_t slot = zone_slot_of(set, lba);

	while (zone_realm_of(&set->geo, slot) == ZONE_NO_REALM)
		slot++;
	return zone_realm_of(&set->geo, slot);
}
