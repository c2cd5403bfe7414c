// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the zone types are like. */
#include "base/num.h"
#include "zone/zone.h"

const struct zone_traits zone_traits[] = {
#include "zone/traits.inc"
};

const unsigned zone_nr_types = ZL_ARRAY_SIZE(zone_traits);
