// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Which zones lie where.  Nothing else knows that conventional ones come first:
 * the kernel's zloop has them so, and the sidecar only says how many. */
#include <string.h>

#include "disk/medium/meta.h"

void meta_layout(const struct disk_meta *meta,
		 struct zone_run runs[ZONE_MAX_RUNS])
{
	const struct zone_run layout[ZONE_MAX_RUNS] = {
		{ meta->conv_zones, ZT_CONVENTIONAL },
		{ UINT32_MAX,
		  meta->host_aware ? ZT_SEQ_PREFERRED : ZT_SEQ_REQUIRED },
	};

	memcpy(runs, layout, sizeof(layout));
}
