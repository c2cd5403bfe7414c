// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Zones' attributes that were injected to persist: which they are, beside the
 * list of faults, and in its file.  RESET ends with the zone's reset.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "disk/internal.h"

static int need_kept(struct disk *d)
{
	struct disk_faults *fs = &d->faults;

	if (!fs->kept)
		fs->kept = calloc(d->zones.nr_slots, 1);
	return fs->kept ? 0 : -ENOMEM;
}

int attrs_take(struct disk *d, const struct inject_fault *f, uint32_t first,
	       uint32_t last)
{
	uint8_t bits = attr_bits(f->kind);
	int ret = need_kept(d);

	if (ret)
		return ret;
	for (; first <= last; first++)
		d->faults.kept[first] |= bits;
	atomic_store(&d->faults.has_kept, true);
	return 0;
}

int attrs_keep(struct disk *d, const struct inject_fault *f, uint32_t first,
	       uint32_t last)
{
	struct disk_faults *fs = &d->faults;
	size_t len = last - first + 1;
	uint8_t *was = malloc(len);
	int ret = -ENOMEM;

	pthread_mutex_lock(&fs->lock);
	if (was)
		ret = need_kept(d);
	if (!ret) {
		memcpy(was, fs->kept + first, len);
		attrs_take(d, f, first, last);
		ret = faults_save(d);
		if (ret)
			memcpy(fs->kept + first, was, len);
	}
	pthread_mutex_unlock(&fs->lock);
	free(was);
	return ret;
}

void attrs_drop(struct disk_faults *fs)
{
	free(fs->kept);
	fs->kept = NULL;
	atomic_store(&fs->has_kept, false);
}

int attrs_forget(struct disk *d, uint32_t first, uint32_t last)
{
	struct disk_faults *fs = &d->faults;
	bool any = false;
	int ret = 0;

	pthread_mutex_lock(&fs->lock);
	for (; fs->kept && first <= last; first++) {
		any |= fs->kept[first];
		fs->kept[first] = 0;
	}
	if (any)
		ret = faults_save(d);
	pthread_mutex_unlock(&fs->lock);
	return ret;
}

void attrs_zone_was_reset(struct disk *d, uint32_t slot)
{
	struct disk_faults *fs = &d->faults;

	if (!atomic_load(&fs->has_kept))
		return;
	pthread_mutex_lock(&fs->lock);
	fs->behind |= fs->kept[slot] & ZA_RESET;
	fs->kept[slot] &= (uint8_t)~ZA_RESET;
	pthread_mutex_unlock(&fs->lock);
}

bool attrs_are_kept(struct disk *d, uint32_t slot, uint8_t bits)
{
	struct disk_faults *fs = &d->faults;
	bool kept;

	pthread_mutex_lock(&fs->lock);
	kept = fs->kept && fs->kept[slot] & bits;
	pthread_mutex_unlock(&fs->lock);
	return kept;
}
