// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where the zone domains of a disk lie, and the realms in them. */
#include "disk/medium/meta.h"

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
