// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where an I/O is carried out. */
#include <sched.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/where.h"
#include "disk/io/work.h"

/* The longest I/Os that are tried in the caller's thread, and the longest reads
 * that go to the engine when they miss the page cache; what is longer is copied
 * by the workers, side by side. */
#define TRY_BYTES    (1024 * 1024)
#define ENGINE_BYTES (32 * 1024)
/* Up to here a copy costs less than handing the I/O to another thread. */
#define SMALL_BYTES (32 * 1024)
/* How many more are carried out here after one that was alone, and if the one
 * after those was alone as well, twice as many. */
#define MIN_ALONE_TIMES 64
#define MAX_ALONE_TIMES 1024
/* A write that took longer has waited for something; for as long as that the
 * next ones are not carried out by a thread that others need, and for twice as
 * long each time that another is slow soon after.  One that is slow once in a
 * while, since the machine stood still or the file system's journal was full,
 * must not cost more than it did: small writes that are handed over are half as
 * fast.  Where the kernel makes writers of dirty pages wait, it
 * lets some dozens pass between two that wait; a quick one says nothing. */
#define SLOW_NS		UINT64_C(10000000)
#define MAX_AVOID_TIMES 64
/* What is soon: within so many times as long as writes were avoided. */
#define SOON_TIMES 4

void where_init(struct disk *d)
{
	struct where *w = &d->where;
	cpu_set_t cpus;

	w->small_blocks = SMALL_BYTES >> d->block_shift;
	w->nr_cpus = 1;
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		w->nr_cpus = (unsigned)CPU_COUNT(&cpus);
	miss_init(&w->misses);
	atomic_store(&w->probe, NULL);
	atomic_store(&w->probing, false);
	atomic_store(&w->alone, 0);
	atomic_store(&w->alone_times, MIN_ALONE_TIMES);
	atomic_store(&w->avoid_until_ns, 0);
	atomic_store(&w->avoid_ns, 0);
	atomic_store(&w->avoid_times, 1);
}

void where_start(struct disk *d)
{
	d->where.try_blocks = TRY_BYTES >> d->block_shift;
	d->where.engine_blocks = ENGINE_BYTES >> d->block_shift;
	/* A device always takes its time, and nothing is copied. */
	if (d->direct) {
		d->where.try_blocks = 0;
		d->where.engine_blocks = UINT32_MAX;
	}
}

/*
 * Whether the last one that was handed over is done already: whoever sent it
 * waited for it before sending this one, and will do so with the next ones.
 */
static void look_at_probe(struct where *w)
{
	unsigned times =
		atomic_load_explicit(&w->alone_times, memory_order_relaxed);

	if (!atomic_exchange_explicit(&w->probing, false, memory_order_relaxed))
		return;
	if (atomic_load_explicit(&w->probe, memory_order_acquire)) {
		times = MIN_ALONE_TIMES;
	} else {
		atomic_store_explicit(&w->alone, times, memory_order_relaxed);
		times = times < MAX_ALONE_TIMES ? 2 * times : times;
	}
	atomic_store_explicit(&w->alone_times, times, memory_order_relaxed);
}

static bool is_alone(struct where *w)
{
	unsigned alone = atomic_load_explicit(&w->alone, memory_order_relaxed);

	if (alone)
		atomic_store_explicit(&w->alone, alone - 1,
				      memory_order_relaxed);
	return alone;
}

/*
 * A large I/O that is alone is carried out here.  Where more wait behind it,
 * the workers get as many as there are processors beside this thread's.  How
 * many wait in the daemon's ring cannot be seen, and no clock tells: a quick
 * initiator's next command comes as soon as one that has been waiting, and on a
 * slow machine both come late.  So one is handed over from time to time.
 */
static bool large_here(struct disk *d)
{
	struct where *w = &d->where;
	unsigned busy;

	look_at_probe(w);
	busy = work_busy(&d->work);
	if (busy + 1 >= w->nr_cpus)
		return true;
	if (!busy && is_alone(w))
		return true;
	atomic_store_explicit(&w->probing, true, memory_order_relaxed);
	return false;
}

bool where_here(const struct io *io)
{
	struct disk *d = io->disk;
	uint32_t nr_blocks = io->pub->nr_blocks;

	if (nr_blocks > d->where.try_blocks || disk_has_faults(d))
		return false;
	return nr_blocks <= d->where.small_blocks || large_here(d);
}

/*
 * A write that may wait is carried out all the same unless waiting is to be
 * expected: a sync is under way, or a write has just taken long.  Only then the
 * file system is asked for one that does not wait.  Asked each time, it would
 * refuse far too many: ext4 knows of no such writes, and xfs refuses the first
 * one to each file in each tick of the clock, as that one changes the file's
 * time, which is every write to most zones.
 */
unsigned where_write_flags(const struct io *io, bool syncing)
{
	uint64_t until_ns = atomic_load_explicit(
		&io->disk->where.avoid_until_ns, memory_order_relaxed);

	return syncing || io->start_ns < until_ns ? STORE_NOWAIT
						  : STORE_NO_OPEN;
}

static unsigned avoid_times(const struct where *w, uint64_t start_ns)
{
	uint64_t until_ns, avoid_ns;
	unsigned times;

	until_ns =
		atomic_load_explicit(&w->avoid_until_ns, memory_order_relaxed);
	avoid_ns = atomic_load_explicit(&w->avoid_ns, memory_order_relaxed);
	times = atomic_load_explicit(&w->avoid_times, memory_order_relaxed);
	if (start_ns >= until_ns + SOON_TIMES * avoid_ns)
		return 1;
	return times < MAX_AVOID_TIMES ? 2 * times : times;
}

void where_waited(struct where *w, uint64_t start_ns, uint64_t end_ns)
{
	uint64_t ns = end_ns - start_ns;
	unsigned times;

	if (ns <= SLOW_NS)
		return;
	times = avoid_times(w, start_ns);
	atomic_store_explicit(&w->avoid_times, times, memory_order_relaxed);
	atomic_store_explicit(&w->avoid_ns, times * ns, memory_order_relaxed);
	atomic_store_explicit(&w->avoid_until_ns, end_ns + times * ns,
			      memory_order_relaxed);
}

void where_choose(struct io *io)
{
	struct disk *d = io->disk;
	const struct disk_io *pub = io->pub;
	struct where *w = &d->where;

	/* A read that is alone is quickest in a worker. */
	io->async = pub->op == DISK_READ && !pub->fua && d->store->async &&
		    pub->nr_blocks <= w->engine_blocks && work_busy(&d->work) &&
		    !disk_has_faults(d);
	if (atomic_load_explicit(&w->probing, memory_order_relaxed))
		atomic_store_explicit(&w->probe, io, memory_order_relaxed);
}

void where_go(struct io *io)
{
	if (io->async)
		io->run(io);
	else
		work_push(io->disk, io);
}

void where_move(struct io *io)
{
	io->async = false;
	work_push(io->disk, io);
}

void where_done(struct io *io)
{
	struct where *w = &io->disk->where;

	if (atomic_load_explicit(&w->probe, memory_order_relaxed) == io)
		atomic_store_explicit(&w->probe, NULL, memory_order_release);
}
