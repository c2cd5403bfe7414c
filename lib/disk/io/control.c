// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zoned block device control mode page, as far as it is the disk's. */
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"

/* Under the lock. */
static void take(struct disk *d, const struct disk_control *now)
{
	d->control = *now;
	d->zones.geo.urswrz = now->urswrz;
}

/* The journal may be rewritten from the disk as it is: it is told after that.
 */
static int control(struct disk *d, const struct disk_control *now, bool save)
{
	struct disk_control old, old_saved;
	int ret;

	pthread_mutex_lock(&d->exp_lock);
	pthread_mutex_lock(&d->lock);
	old = d->control;
	old_saved = d->control_saved;
	take(d, now);
	if (save)
		d->control_saved = *now;
	pthread_mutex_unlock(&d->lock);
	ret = journal_append(&d->journal, JR_CONTROL, save,
			     journal_control_value(now), save);
	if (ret < 0) {
		pthread_mutex_lock(&d->lock);
		take(d, &old);
		d->control_saved = old_saved;
		pthread_mutex_unlock(&d->lock);
	}
	pthread_mutex_unlock(&d->exp_lock);
	return ret;
}

void control_run(struct io *io)
{
	int ret = control(io->disk, &io->pub->control, io->pub->save);

	io_finish(io, ret < 0 ? io_fail_status(io, ret, 0) : DISK_OK);
}

void control_power_on(struct disk *d)
{
	struct disk_control saved;

	if (!d->meta.realms.nr_domains)
		return;
	disk_get_control(d, NULL, &saved, NULL);
	control(d, &saved, true);
}

void disk_get_control(struct disk *d, struct disk_control *now,
		      struct disk_control *saved, struct disk_control *made)
{
	pthread_mutex_lock(&d->lock);
	if (now)
		*now = d->control;
	if (saved)
		*saved = d->control_saved;
	pthread_mutex_unlock(&d->lock);
	if (made)
		*made = meta_control(&d->meta);
}

bool disk_urswrz(struct disk *d)
{
	bool urswrz;

	pthread_mutex_lock(&d->lock);
	urswrz = d->zones.geo.urswrz;
	pthread_mutex_unlock(&d->lock);
	return urswrz;
}
