// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Threads for what may block: see work.h. */
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/work.h"

#define MAX_WORKERS 32

static struct pool workers = POOL_INIT("zloop-work", MAX_WORKERS);

static void run(struct pool_job *job)
{
	struct io *io = ZL_CONTAINER(job, struct io, job);

	io->run(io);
}

void work_push(struct disk *d, struct io *io)
{
	pool_put(&d->work, &io->job);
}

int work_start(struct pool_lane *work, unsigned max_workers)
{
	return pool_lane_begin(work, &workers, max_workers, run);
}

void work_stop(struct pool_lane *work)
{
	pool_lane_end(work);
}
