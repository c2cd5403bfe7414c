// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * ZONE ACTIVATE and ZONE QUERY: what they name, and what must be so (ZBC-2);
 * and what becomes of realms.
 *
 * An activation begins and ends where realms do (AAORB).  A READ ONLY or
 * OFFLINE zone may have data that somebody wants, and its realm stays as it is.
 * INACTIVE zones are in no other condition, so those to be activated need no
 * check.
 */
#include <assert.h>

#include "base/num.h"
#include "zone/internal.h"
#include "zone/realm.h"

static void unmet(struct zone_activation *a, uint8_t why, uint64_t zone_id)
{
	a->unmet = why;
	a->unmet_lba = zone_id;
}

/* The realms that are named by zones of one domain; false: the range does not
 * begin and end where realms do. */
static bool name_realms(const struct zone_set *set, unsigned from,
			uint32_t slot, struct zone_activation *a)
{
	const struct zone_domain *d = &set->geo.domains.d[from];
	uint32_t off = slot - d->first_slot;

	if (off % d->realm_slots || a->nr_zones % d->realm_slots)
		return false;
	a->first = zone_realm_of(&set->geo, slot);
	a->end = zone_realm_of(&set->geo, slot + a->nr_zones - 1) + 1;
	return true;
}

/* What zone_id and nr_zones name; a->unmet says what is wrong with it. */
static enum zone_verdict name_zones(const struct zone_set *set,
				    struct zone_activation *a)
{
	const struct zone_geo *geo = &set->geo;
	uint32_t slot, behind;
	unsigned from;

	if (a->zone_id >= geo->capacity_blocks)
		return ZV_LBA_RANGE;
	slot = zone_slot_of(set, a->zone_id);
	from = zone_domain_of(geo, slot);
	if (a->zone_id % geo->zone_blocks || from == ZONE_NO_DOMAIN)
		return ZV_ZONE_ID;
	if (!a->nr_zones || a->nr_zones > set->nr_slots - slot)
		return ZV_ZONE_COUNT;
	a->named = (uint8_t)from;
	if (zone_slot_is_inactive(set, slot))
		a->domain = (uint8_t)from;
	behind = geo->domains.d[from].first_slot +
		 zone_domain_slots(&geo->domains.d[from]);
	if (a->nr_zones > behind - slot)
		unmet(a, ZU_DOMAINS | ZU_TYPES,
		      (uint64_t)behind * geo->zone_blocks);
	else if (!name_realms(set, from, slot, a))
		unmet(a, ZU_ALIGNMENT, a->zone_id);
	return ZV_OK;
}

/* Whether the activation is about the realm, as far as it is up to what was
 * named. */
static bool is_named(const struct zone_set *set,
		     const struct zone_activation *a, uint32_t realm)
{
	return a->all || zone_realm_has(&set->geo, realm, a->named);
}

static uint64_t active_lba(const struct zone_set *set, uint32_t realm)
{
	uint32_t slot = zone_realm_slot(&set->geo, realm, set->active[realm]);

	return zone_slot_start_lba(set, slot);
}

/* The first of the realm's zones that keeps it from being deactivated. */
static bool find_not_empty(const struct zone_set *set, uint32_t realm,
			   uint32_t *slot)
{
	unsigned domain = set->active[realm];
	uint32_t end;

	*slot = zone_realm_slot(&set->geo, realm, domain);
	end = *slot + set->geo.domains.d[domain].realm_slots;
	for (; *slot < end; (*slot)++) {
		enum zone_cond cond = zone_slot_cond(set, *slot);

		if (cond != ZC_EMPTY && cond != ZC_NOT_WP)
			return true;
	}
	return false;
}

/* The domain that a realm is to be active in, if it has zones there. */
static unsigned domain_for(const struct zone_set *set,
			   const struct zone_activation *a, uint32_t realm)
{
	return a->restores ? zone_realm_default(&set->geo, realm, a->domain)
			   : a->domain;
}

/* Restoring passes over realms that cannot be deactivated. */
static bool changes(const struct zone_set *set, const struct zone_activation *a,
		    uint32_t realm)
{
	unsigned domain = domain_for(set, a, realm);
	uint32_t slot;

	return is_named(set, a, realm) && set->active[realm] != domain &&
	       zone_realm_has(&set->geo, realm, domain) &&
	       !(a->restores && find_not_empty(set, realm, &slot));
}

/* Realms of which ALL takes no notice. */

static void need_domain(const struct zone_set *set, struct zone_activation *a,
			uint32_t realm)
{
	if (!a->all && !zone_realm_has(&set->geo, realm, a->domain))
		unmet(a, ZU_RESTRICTION, active_lba(set, realm));
}

static void need_inactive(const struct zone_set *set, struct zone_activation *a,
			  uint32_t realm)
{
	if (!a->all && set->active[realm] == a->domain)
		unmet(a, ZU_NOT_INACTIVE, active_lba(set, realm));
}

static void need_empty(const struct zone_set *set, struct zone_activation *a,
		       uint32_t realm)
{
	uint32_t slot;

	if (changes(set, a, realm) && find_not_empty(set, realm, &slot))
		unmet(a, ZU_NOT_EMPTY, zone_slot_start_lba(set, slot));
}

/* One prerequisite of all realms after the other. */
static void check_realms(const struct zone_set *set, struct zone_activation *a)
{
	static void (*const needs[])(const struct zone_set *,
				     struct zone_activation *, uint32_t) = {
		need_domain,
		need_inactive,
		need_empty,
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(needs); i++)
		for (uint32_t r = a->first; r < a->end && !a->unmet; r++)
			if (is_named(set, a, r))
				needs[i](set, a, r);
}

/* The zones of a realm in a domain, as they will be. */
static void describe(const struct zone_set *set, struct zone_activation *a,
		     uint32_t realm, unsigned domain)
{
	const struct zone_domain *d = &set->geo.domains.d[domain];
	uint32_t slot = zone_realm_slot(&set->geo, realm, domain);
	enum zone_cond cond = ZC_INACTIVE;

	if (domain == domain_for(set, a, realm))
		cond = zone_slot_has_wp(set, slot) ? ZC_EMPTY : ZC_NOT_WP;
	if (a->nr_list < a->room)
		a->list[a->nr_list] = (struct zone_activated){
			.zone_id = zone_slot_start_lba(set, slot),
			.nr_zones = d->realm_slots,
			.domain = (uint8_t)domain,
			.type = d->type,
			.cond = cond,
		};
	a->nr_list++;
}

/* By domain and realm, which is by LBA. */
static void describe_all(const struct zone_set *set, struct zone_activation *a)
{
	for (unsigned d = 0; d < set->geo.domains.nr; d++)
		for (uint32_t r = a->first; r < a->end; r++)
			if (changes(set, a, r) &&
			    (d == domain_for(set, a, r) || d == set->active[r]))
				describe(set, a, r, d);
}

enum zone_verdict zone_activation_check(const struct zone_set *set,
					struct zone_activation *a)
{
	enum zone_verdict verdict = ZV_OK;

	if (a->other >= set->geo.domains.nr)
		return ZV_DOMAIN;
	a->domain = a->other;
	a->unmet = 0;
	a->unmet_lba = 0;
	a->nr_list = 0;
	a->first = 0;
	a->end = set->geo.domains.nr_realms;
	if (!a->all)
		verdict = name_zones(set, a);
	if (verdict)
		return verdict;
	check_realms(set, a);
	if (!a->unmet)
		describe_all(set, a);
	return ZV_OK;
}

unsigned zone_activation_domain(const struct zone_set *set,
				const struct zone_activation *a, uint32_t realm)
{
	assert(!a->unmet);
	return realm >= a->first && realm < a->end && changes(set, a, realm)
		       ? domain_for(set, a, realm)
		       : ZONE_NO_DOMAIN;
}

void zone_activation_apply(struct zone_set *set, const uint8_t *to)
{
	for (uint32_t r = 0; r < set->geo.domains.nr_realms; r++)
		if (to[r] != ZONE_NO_DOMAIN)
			zone_realm_activate(set, r, to[r]);
}

/* A realm's zones in a domain all become EMPTY (NOT WRITE POINTER), or
 * INACTIVE. */
static void set_zones(struct zone_set *set, uint32_t realm, unsigned domain,
		      bool active)
{
	uint32_t slot = zone_realm_slot(&set->geo, realm, domain);
	uint32_t end = slot + set->geo.domains.d[domain].realm_slots;
	enum zone_cond cond = ZC_INACTIVE;

	if (active)
		cond = zone_slot_has_wp(set, slot) ? ZC_EMPTY : ZC_NOT_WP;
	if (zone_slot_has_wp(set, slot))
		set->nr_inactive_wp += active ? slot - end : end - slot;
	for (; slot < end; slot++) {
		zone_set_state(set, slot, cond, 0);
		zone_slot_set_attrs(
			set, slot, set->slots[slot].attrs & (uint8_t)~ZA_RESET);
	}
}

void zone_realms_init(struct zone_set *set, uint8_t *active, unsigned domain)
{
	const struct zone_domains *domains = &set->geo.domains;

	set->active = active;
	for (uint32_t r = 0; r < domains->nr_realms; r++) {
		active[r] = (uint8_t)zone_realm_default(&set->geo, r, domain);
		set->nr_active[active[r]]++;
		for (unsigned i = 0; i < domains->nr; i++)
			if (i != active[r] && zone_realm_has(&set->geo, r, i))
				set_zones(set, r, i, false);
	}
}

void zone_realm_activate(struct zone_set *set, uint32_t realm, unsigned domain)
{
	set_zones(set, realm, set->active[realm], false);
	set->nr_active[set->active[realm]]--;
	set->active[realm] = (uint8_t)domain;
	set->nr_active[domain]++;
	set_zones(set, realm, domain, true);
}
