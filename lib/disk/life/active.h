/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* In which domain a realm is active, where the journal does not say. */
#ifndef ZL_DISK_LIFE_ACTIVE_H
#define ZL_DISK_LIFE_ACTIVE_H

#include "store/store.h"
#include "zone/realm.h"

/*
 * The domain of which the realm's zones have data, or else files; @active if
 * all are alike.  The store's layout is that of the disk.
 */
unsigned active_find(struct store *st, const struct zone_geo *geo,
		     uint32_t realm, unsigned active);

#endif
