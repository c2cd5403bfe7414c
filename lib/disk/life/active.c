// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A lost journal, or a lost record of it, must not cost data: it alone says
 * which zones are active, and the files of those that are not would be
 * leftovers.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/life/active.h"

uint8_t *active_unknown(const struct zone_geo *geo)
{
	uint32_t nr = geo->domains.nr_realms;
	/* One element at least: malloc() of none may return NULL. */
	uint8_t *active = malloc(nr + 1);

	if (active)
		memset(active, ZONE_NO_DOMAIN, nr);
	return active;
}

enum evidence {
	NO_FILE,
	NOT_KNOWN, /* no file that could be looked at */
	A_FILE,
	DATA,
};

static enum evidence look_at(const struct active_files *f, uint32_t slot)
{
	bool has_wp = zone_traits[zone_geo_type(f->geo, slot)].has_wp;
	struct store_stat stat;

	if (store_looks_stat(f->looks, f->st, slot, &stat))
		return NOT_KNOWN;
	if (stat.kind == STORE_KIND_MISSING)
		return NO_FILE;
	if (stat.kind != STORE_KIND_FILE)
		return NOT_KNOWN;
	return (has_wp ? stat.size_bytes : stat.alloc_bytes) ? DATA : A_FILE;
}

/* Behind the realm's zones in a domain. */
static uint32_t end_of(const struct active_files *f, uint32_t realm,
		       unsigned domain)
{
	return zone_realm_slot(f->geo, realm, domain) +
	       f->geo->domains.d[domain].realm_slots;
}

/* Whether one of the realm's zones in a domain has that much. */
static bool has_any(const struct active_files *f, uint32_t realm,
		    unsigned domain, enum evidence least)
{
	uint32_t slot, end;

	if (!zone_realm_has(f->geo, realm, domain))
		return false;
	slot = zone_realm_slot(f->geo, realm, domain);
	end = end_of(f, realm, domain);
	while (slot < end && look_at(f, slot) < least)
		slot++;
	return slot < end;
}

bool active_is_whole(const struct active_files *f, uint32_t realm,
		     unsigned domain)
{
	uint32_t slot = zone_realm_slot(f->geo, realm, domain);
	uint32_t end = end_of(f, realm, domain);

	while (slot < end && look_at(f, slot) >= A_FILE)
		slot++;
	return slot == end;
}

bool active_has_others(const struct active_files *f, uint32_t realm,
		       unsigned domain)
{
	for (unsigned i = 0; i < f->geo->domains.nr; i++)
		if (i != domain && has_any(f, realm, i, DATA))
			return true;
	return false;
}

/* The domain that has that much; @active rather than another one. */
static unsigned find(const struct active_files *f, uint32_t realm,
		     unsigned active, enum evidence least)
{
	if (has_any(f, realm, active, least))
		return active;
	for (unsigned i = 0; i < f->geo->domains.nr; i++)
		if (has_any(f, realm, i, least))
			return i;
	return ZONE_NO_DOMAIN;
}

unsigned active_find(const struct active_files *f, uint32_t realm,
		     unsigned said, unsigned usual)
{
	unsigned active = said == ZONE_NO_DOMAIN ? usual : said, found;

	if (active == said && has_any(f, realm, said, NOT_KNOWN))
		return said;
	found = find(f, realm, active, DATA);
	if (found == ZONE_NO_DOMAIN)
		found = find(f, realm, active, A_FILE);
	return found == ZONE_NO_DOMAIN ? active : found;
}
