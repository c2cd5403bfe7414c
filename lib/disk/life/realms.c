// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What can be asked of an open disk's zone domains and realms. */
#include "disk/internal.h"

void disk_domain(struct disk *d, unsigned domain, struct zone_domain_info *info)
{
	pthread_mutex_lock(&d->lock);
	zone_domain_info(&d->zones, domain, info);
	pthread_mutex_unlock(&d->lock);
}

void disk_each_realm(struct disk *d, uint32_t first,
		     bool (*fn)(void *user, const struct zone_realm_info *info),
		     void *user)
{
	struct zone_realm_info info;
	bool more = true;

	pthread_mutex_lock(&d->lock);
	for (; more && first < d->zones.geo.domains.nr_realms; first++) {
		zone_realm_info(&d->zones, first, &info);
		more = fn(user, &info);
	}
	pthread_mutex_unlock(&d->lock);
}

uint32_t disk_realm_at(const struct disk *d, uint64_t lba)
{
	return zone_realm_at(&d->zones, lba);
}

enum zone_verdict disk_query(struct disk *d, struct zone_activation *activation)
{
	enum zone_verdict verdict;

	pthread_mutex_lock(&d->lock);
	verdict = zone_activation_check(&d->zones, activation);
	pthread_mutex_unlock(&d->lock);
	return verdict;
}
