/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* In which domain a realm is active, where the journal does not say, or cannot
 * be right. */
#ifndef ZL_DISK_LIFE_ACTIVE_H
#define ZL_DISK_LIFE_ACTIVE_H

#include "store/looks.h"
#include "zone/realm.h"

/* The files of a disk, whose layout the store has. */
struct active_files {
	struct store *st;
	const struct store_looks *looks; /* or NULL */
	const struct zone_geo *geo;
};

/* By realm ZONE_NO_DOMAIN, and room for what the journal says.  NULL: no
 * memory. The caller's to free(). */
uint8_t *active_unknown(const struct zone_geo *geo);

/*
 * @said if the realm's zones there have any file: whatever stops an activation,
 * those of the domain that the journal has are there.  Else, or if the journal
 * has none (ZONE_NO_DOMAIN), the domain of which the realm's zones have data,
 * or else files; @said or @usual if all are alike.
 */
unsigned active_find(const struct active_files *f, uint32_t realm,
		     unsigned said, unsigned usual);

/* Whether all of the realm's zones in @domain have their file: only then may
 * something be left of another domain. */
bool active_is_whole(const struct active_files *f, uint32_t realm,
		     unsigned domain);

/* Whether a zone of the realm in another domain than @domain has data. */
bool active_has_others(const struct active_files *f, uint32_t realm,
		       unsigned domain);

#endif
