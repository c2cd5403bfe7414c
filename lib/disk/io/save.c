// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What the disk keeps for those above it. */
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/medium/journal.h"

uint64_t disk_saved(struct disk *d)
{
	uint64_t saved;

	pthread_mutex_lock(&d->lock);
	saved = d->saved;
	pthread_mutex_unlock(&d->lock);
	return saved;
}

/* The journal may be rewritten from the disk as it is: it is told after that.
 */
static int save(struct disk *d, uint64_t mask, uint64_t value)
{
	uint64_t old, now;
	int ret;

	pthread_mutex_lock(&d->exp_lock);
	pthread_mutex_lock(&d->lock);
	old = d->saved;
	now = (old & ~mask) | (value & mask);
	d->saved = now;
	pthread_mutex_unlock(&d->lock);
	ret = journal_append(&d->journal, JR_SAVED, 0, now, true);
	if (ret < 0) {
		pthread_mutex_lock(&d->lock);
		d->saved = old;
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_unlock(&d->exp_lock);
	return ret;
}

void save_power_on(struct disk *d)
{
	if (disk_saved(d) & DISK_SAVE_POWERED)
		save(d, DISK_SAVE_POWERED, 0);
}

void save_run(struct io *io)
{
	struct disk *d = io->disk;
	int ret = save(d, io->pub->save_mask, io->pub->lba);

	io_finish(io, ret < 0 ? io_fail_status(io, ret, 0) : DISK_OK);
}
