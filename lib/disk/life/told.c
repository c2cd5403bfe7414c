// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What hosts are to be told, and have been: see told.h. */
#include <stdlib.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/work.h"
#include "disk/life/told.h"
#include "disk/medium/journal.h"

int told_init(struct disk *d, bool power_lost, struct zl_err *err)
{
	d->power_lost = power_lost;
	if (!power_lost)
		return 0;
	d->told = calloc(1, sizeof(*d->told));
	return d->told ? 0 : zl_fail(err, ENOMEM, "out of memory");
}

bool disk_lost_power(const struct disk *d)
{
	return d->power_lost;
}

/* A journal that cannot be written has them told once more. */
static void keep(struct io *io)
{
	journal_owed(io->disk);
}

void disk_told_power_loss(struct disk *d)
{
	bool news;

	pthread_mutex_lock(&d->lock);
	news = d->power_lost;
	d->power_lost = false;
	pthread_mutex_unlock(&d->lock);
	if (!news || !d->told)
		return;
	d->told->disk = d;
	d->told->run = keep;
	work_push(d, d->told);
}
