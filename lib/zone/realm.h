/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Zone domains and zone realms (ZBC-2): a realm is a piece of the medium that
 * has zones in several domains, of which those in one are active at a time and
 * those in the others INACTIVE.  Where they lie is arithmetic and never changes
 * (struct zone_domains); which domain a realm is active in changes by
 * activation.
 *
 * The rules of zone.h hold.  Domains and realms have numbers from 0: their IDs.
 * Only for disks with domains (geo.domains.nr) unless said otherwise.
 */
#ifndef ZL_ZONE_REALM_H
#define ZL_ZONE_REALM_H

#include "zone/zone.h"

/* Neither a domain nor a realm: of a gap zone, or on a disk without. */
#define ZONE_NO_DOMAIN ZONE_MAX_DOMAINS
#define ZONE_NO_REALM  UINT32_MAX

/* Zones that a domain has. */
uint32_t zone_domain_slots(const struct zone_domain *domain);

/* The domain and the realm of a slot; none for gap zones and on disks without.
 */
unsigned zone_domain_of(const struct zone_geo *geo, uint32_t slot);
uint32_t zone_realm_of(const struct zone_geo *geo, uint32_t slot);

/* Whether the realm has zones in the domain, and the first of them. */
bool zone_realm_has(const struct zone_geo *geo, uint32_t realm,
		    unsigned domain);
uint32_t zone_realm_slot(const struct zone_geo *geo, uint32_t realm,
			 unsigned domain);

/* The domain that a realm comes up in when all are to be active in @domain: it,
 * or the first that the realm has zones in. */
unsigned zone_realm_default(const struct zone_geo *geo, uint32_t realm,
			    unsigned domain);

/* Whether the slot belongs to a realm that is active elsewhere: it is INACTIVE.
 * False on a disk without domains.  Any thread with the caller's lock. */
bool zone_slot_is_inactive(const struct zone_set *set, uint32_t slot);

/* What REPORT ZONE DOMAINS tells of a domain. */
struct zone_domain_info {
	uint64_t start_lba, end_lba; /* the last block is included */
	uint32_t zones, active_zones;
	enum zone_type type;
};
void zone_domain_info(const struct zone_set *set, unsigned domain,
		      struct zone_domain_info *info);

/* What REPORT REALMS tells of a realm. */
struct zone_realm_info {
	uint32_t realm;
	uint8_t active; /* domain */
	/* By domain; both 0: it has no zones there. */
	struct {
		uint64_t start_lba, end_lba;
	} range[ZONE_MAX_DOMAINS];
};
void zone_realm_info(const struct zone_set *set, uint32_t realm,
		     struct zone_realm_info *info);

/*
 * The realm that has the block @lba, which is below the capacity, in one of its
 * domains; of a gap zone the realm of the next zone that has one.
 */
uint32_t zone_realm_at(const struct zone_set *set, uint64_t lba);

/*
 * After zone_set_init(): makes each realm active in zone_realm_default() of
 * @domain, its zones there EMPTY (NOT WRITE POINTER) and all others INACTIVE.
 * @active has room for geo.domains.nr_realms elements and stays the caller's.
 */
void zone_realms_init(struct zone_set *set, uint8_t *active, unsigned domain);

/*
 * Makes a realm active in a domain that it has zones in, whatever its zones are
 * like: EMPTY or NOT WRITE POINTER there, INACTIVE in the one that it was
 * active in.  What was found on the medium, FORMAT UNIT; who obeys the rules
 * has asked zone_activation_check().
 */
void zone_realm_activate(struct zone_set *set, uint32_t realm, unsigned domain);

/*
 * Activation.
 */

/* Why realms are not activated: the bits of byte 9 of the parameter data of
 * ZONE ACTIVATE and ZONE QUERY. */
enum zone_unmet {
	ZU_NOT_INACTIVE = 0x01, /* a realm is active in the domain already */
	ZU_NOT_EMPTY = 0x02,	/* a zone to be deactivated has data or is
				   open, or is READ ONLY or OFFLINE */
	ZU_ALIGNMENT = 0x04,	/* does not begin or end where a realm does */
	ZU_TYPES = 0x08,	/* reaches zones of another type */
	ZU_RESTRICTION = 0x10,	/* a realm has no zones in the domain */
	ZU_DOMAINS = 0x20,	/* reaches another domain */
	ZU_SECURITY = 0x40,	/* never */
};

/* One descriptor of the parameter data: zones that change, or would. */
struct zone_activated {
	uint64_t zone_id;
	uint32_t nr_zones;
	uint8_t domain;
	enum zone_type type;
	enum zone_cond cond; /* afterwards */
};

struct zone_activation {
	/* Set by the caller. */
	bool all; /* every realm; zone_id and nr_zones are ignored */
	/* FORMAT UNIT, with ALL: each realm becomes active in
	 * zone_realm_default() of `other`, and one with a zone that is not
	 * empty is left as it is, and no prerequisite. */
	bool restores;
	uint64_t zone_id;  /* in any domain of the realms: the first zone */
	uint32_t nr_zones; /* … and how many, of the same domain */
	/* OTHER ZONE DOMAIN ID: the domain to activate with ALL or if the zone
	 * at zone_id is active; if that is INACTIVE, its own is activated. */
	uint8_t other;
	/* Room for descriptors; may be NULL with 0. */
	struct zone_activated *list;
	uint32_t room;

	/* Set by zone_activation_check() on ZV_OK. */
	uint8_t unmet;	     /* enum zone_unmet; 0: it can be carried out */
	uint64_t unmet_lba;  /* ZONE ID WITH UNMET PREREQUISITES */
	uint8_t domain;	     /* to be activated */
	uint8_t named;	     /* domain of zone_id */
	uint32_t first, end; /* realms that are named: those of [first, end)
				that have zones in that domain (ALL: all) */
	/* Descriptors that there are, in ascending order of zone_id: one for
	 * each realm that changes and direction.  The first @room are in the
	 * list. */
	uint32_t nr_list;
};

/*
 * Checks ZONE ACTIVATE or ZONE QUERY, in this order: the domain (ZV_DOMAIN);
 * without ALL zone_id (ZV_LBA_RANGE beyond the capacity; ZV_ZONE_ID where no
 * zone begins, and in a gap), nr_zones (ZV_ZONE_COUNT: 0, or beyond the last
 * zone), ZU_DOMAINS | ZU_TYPES, ZU_ALIGNMENT; then of all realms, from the
 * first up, ZU_RESTRICTION, ZU_NOT_INACTIVE (with ALL such realms are left
 * out), ZU_NOT_EMPTY.  The first unmet prerequisite is told.  Nothing changes.
 */
enum zone_verdict zone_activation_check(const struct zone_set *set,
					struct zone_activation *a);

/* The domain that a realm becomes active in with an activation without unmet
 * prerequisites, as things are now, or ZONE_NO_DOMAIN: it stays as it is. */
unsigned zone_activation_domain(const struct zone_set *set,
				const struct zone_activation *a,
				uint32_t realm);

/* Carries it out: @to has that of each realm, and nothing has changed since. */
void zone_activation_apply(struct zone_set *set, const uint8_t *to);

#endif
