// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The disk while it runs: start, stop, and what can be asked of it. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "disk/internal.h"
#include "disk/io/hold.h"
#include "disk/io/where.h"
#include "disk/io/work.h"
#include "disk/life/run.h"
#include "disk/medium/meta.h"
#include "store/looks.h"

static void start_engine(struct disk *d)
{
	int ret = store_start_engine(d->store);

	if (ret)
		zl_log(ret == -ENOSYS ? ZL_LOG_INFO : ZL_LOG_WARN,
		       "%s: no io_uring here (errno %d); threads do its work",
		       d->name, -ret);
	where_start(d);
}

int disk_start(struct disk *d, unsigned nr_workers, struct zl_err *err)
{
	int ret;

	pthread_mutex_init(&d->lock, NULL);
	pthread_mutex_init(&d->exp_lock, NULL);
	d->sync.waiting = NULL;
	d->sync.tail = &d->sync.waiting;
	d->sync.running = false;
	d->sync.stops = 0;
	hold_init(&d->hold);
	where_init(d);
	meter_init(&d->meter);
	faults_init(&d->faults);
	record_log_init(&d->record);
	ret = fence_init(d);
	if (!ret)
		ret = work_start(&d->work, nr_workers);
	if (ret) {
		fence_end(d);
		return zl_fail(err, -ret, "%s: cannot start %u threads",
			       d->name, nr_workers);
	}
	if (nr_workers)
		start_engine(d);
	return 0;
}

void disk_stop(struct disk *d)
{
	faults_stop(d);
	work_stop(&d->work);
	/* Its thread may be on its way out of the last I/O, as the workers. */
	store_stop_engine(d->store);
	fence_end(d);
	assert(!d->sync.running);
	assert(!d->hold.nr);
	hold_destroy(&d->hold);
	record_log_destroy(&d->record);
	pthread_mutex_destroy(&d->exp_lock);
	pthread_mutex_destroy(&d->lock);
}

void disk_count_zones(struct disk *d, uint32_t nr_cond[16])
{
	pthread_mutex_lock(&d->lock);
	memcpy(nr_cond, d->zones.nr_cond, sizeof(d->zones.nr_cond));
	pthread_mutex_unlock(&d->lock);
}

uint64_t disk_space_used(const char *dir, struct disk *disk)
{
	uint32_t nr_slots = (uint32_t)meta_slots(&disk->meta);
	struct store_looks *looks;
	struct store_stat stat;
	uint64_t sum = 0;
	struct store *st;

	if (store_file_open(dir, &st, NULL))
		return 0;
	meta_set_layout(&disk->meta, st);
	looks = store_looks_take(st, nr_slots, NULL, NULL);
	for (uint32_t slot = 0; slot < nr_slots; slot++)
		if (!store_looks_stat(looks, st, slot, &stat))
			sum += stat.alloc_bytes;
	free(looks);
	store_close(st);
	return sum;
}

void disk_keep_open(unsigned max_files)
{
	store_file_set_max_fds(max_files);
}

uint32_t disk_wp_zones(const struct disk *d)
{
	return d->zones.nr_wp;
}

void disk_zone_at(struct disk *d, uint64_t lba, struct zone_info *info)
{
	pthread_mutex_lock(&d->lock);
	zone_info_at(&d->zones, lba, info);
	pthread_mutex_unlock(&d->lock);
}

void disk_each_zone(struct disk *d, uint64_t lba,
		    bool (*fn)(void *user, const struct zone_info *info),
		    void *user)
{
	struct zone_info info;
	bool more = true;

	pthread_mutex_lock(&d->lock);
	while (more && lba < d->zones.geo.capacity_blocks) {
		zone_info_at(&d->zones, lba, &info);
		lba = info.start_lba + info.blocks;
		more = fn(user, &info);
	}
	pthread_mutex_unlock(&d->lock);
}
