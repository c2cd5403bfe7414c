// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A lost journal must not cost data: it alone says which zones are active, and
 * the files of those that are not would be leftovers.
 */
#include "disk/life/active.h"

enum evidence {
	NO_FILE,
	A_FILE,
	DATA,
};

static enum evidence look_at(struct store *st, const struct zone_geo *geo,
			     uint32_t slot)
{
	bool has_wp = zone_traits[zone_geo_type(geo, slot)].has_wp;
	struct store_stat stat;

	if (store_stat(st, slot, &stat) || stat.kind == STORE_KIND_MISSING)
		return NO_FILE;
	return (has_wp ? stat.size_bytes : stat.alloc_bytes) ? DATA : A_FILE;
}

static enum evidence look(struct store *st, const struct zone_geo *geo,
			  uint32_t realm, unsigned domain)
{
	uint32_t slot = zone_realm_slot(geo, realm, domain);
	uint32_t end = slot + geo->domains.d[domain].realm_slots;
	enum evidence now, most = NO_FILE;

	for (; slot < end; slot++) {
		now = look_at(st, geo, slot);
		if (now > most)
			most = now;
	}
	return most;
}

unsigned active_find(struct store *st, const struct zone_geo *geo,
		     uint32_t realm, unsigned active)
{
	enum evidence now, most = look(st, geo, realm, active);

	for (unsigned i = 0; i < geo->domains.nr; i++) {
		if (!zone_realm_has(geo, realm, i))
			continue;
		now = look(st, geo, realm, i);
		if (now > most) {
			most = now;
			active = i;
		}
	}
	return active;
}
