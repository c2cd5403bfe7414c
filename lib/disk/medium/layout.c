// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Which zones lie where.  Nothing else knows that conventional ones come first:
 * the kernel's zloop has them so, and the sidecar only says how many.  On a
 * disk with realms one domain lies behind the other. */
#include <assert.h>
#include <string.h>

#include "disk/medium/meta.h"

/* The domains, and the gaps before all but the first. */
static void realms_layout(const struct disk_realms *r,
			  struct zone_run runs[ZONE_MAX_RUNS])
{
	struct zone_domains domains;
	unsigned n = 0;

	static_assert(ZONE_MAX_RUNS >= 2 * ZONE_MAX_DOMAINS - 1, "a run each");
	meta_domains(r, &domains);
	memset(runs, 0, ZONE_MAX_RUNS * sizeof(*runs));
	for (unsigned i = 0; i < domains.nr; i++) {
		const struct zone_domain *d = &domains.d[i];

		if (i)
			runs[n++] = (struct zone_run){ d->first_slot, ZT_GAP };
		runs[n++] =
			(struct zone_run){ d->first_slot + zone_domain_slots(d),
					   d->type };
	}
	runs[n - 1].end = UINT32_MAX;
}

void meta_layout(const struct disk_meta *meta,
		 struct zone_run runs[ZONE_MAX_RUNS])
{
	const struct zone_run layout[ZONE_MAX_RUNS] = {
		{ meta->conv_zones, ZT_CONVENTIONAL },
		{ UINT32_MAX,
		  meta->host_aware ? ZT_SEQ_PREFERRED : ZT_SEQ_REQUIRED },
	};

	if (meta->realms.nr_domains)
		realms_layout(&meta->realms, runs);
	else
		memcpy(runs, layout, sizeof(layout));
}
