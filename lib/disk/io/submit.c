// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* How an I/O begins. */
#include <assert.h>
#include <semaphore.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/fua.h"
#include "disk/io/hold.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/recorder.h"
#include "disk/io/turn.h"
#include "disk/io/where.h"

void (*const io_run_table[])(struct io *io) = {
	[DISK_READ] = read_run,	      [DISK_WRITE] = write_run,
	[DISK_SYNC] = sync_run,	      [DISK_ZONE] = zoneop_run,
	[DISK_COMPARE] = compare_run, [DISK_COMPARE_WRITE] = compare_write_run,
	[DISK_UNMAP] = unmap_run,     [DISK_REFILL] = refill_run,
	[DISK_SAVE] = save_run,	      [DISK_ACTIVATE] = activate_run,
	[DISK_CONTROL] = control_run,
};

static void turn_granted(struct slot_turn *turn)
{
	where_go(ZL_CONTAINER(turn, struct io, turn));
}

static void init(struct disk *d, struct io *io, struct disk_io *pub)
{
	io->pub = pub;
	io->disk = d;
	io->run = io_run_table[io->pub->op];
	io->pub->verdict = ZV_OK;
	io->pub->bad_lba = 0;
	io->nr_turns = 0;
	io->gate = GATE_NONE;
	io->held = false;
	io->state = 0;
	io->error = 0;
	io->tried_blocks = io->brought_blocks = 0;
	if (!io->pub->undivided)
		io->flight = (struct flight_mark){ 0 };
	io->turn.granted = turn_granted;
}

void disk_io_new(struct disk_io *pub)
{
	struct io *io = io_of(pub);

	io->start_ns = 0;
	io->flight = (struct flight_mark){ 0 };
}

void disk_submit(struct disk *d, struct disk_io *pub)
{
	struct io *io = io_of(pub);
	bool ready = true;

	assert(pub->op < ZL_ARRAY_SIZE(io_run_table));
	init(d, io, pub);
	meter_submit(d, io);
	recorder_begin(d, io);
	if (disk_has_faults(d) && !io_is_beside_zones(io))
		io->run = d->faults.hooks->run;
	where_choose(io);
	if (fence_is_lost(&d->fence)) {
		io_finish(io, DISK_FENCED);
		return;
	}
	if (io_changes(io) && d->look_only) {
		io_finish(io, DISK_WRITE_PROTECT);
		return;
	}
	if (io_changes(io) || io->pub->undivided || fua_reads(io)) {
		pthread_mutex_lock(&d->lock);
		ready = hold_take(io) && io_enter(io);
		pthread_mutex_unlock(&d->lock);
	}
	/* Its turn may have come meanwhile, and its end: no longer ours. */
	if (ready)
		where_go(io);
}

static void run_done(struct disk_io *io)
{
	sem_post(io->user);
}

enum disk_status disk_run(struct disk *d, struct disk_io *io)
{
	sem_t sem;

	sem_init(&sem, 0, 0);
	io->done = run_done;
	io->user = &sem;
	disk_submit(d, io);
	while (sem_wait(&sem))
		;
	sem_destroy(&sem);
	return io->status;
}
