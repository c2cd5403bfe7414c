// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Where an I/O is carried out: at once in the caller's thread, which is
 * cheapest, or elsewhere, which lets several run side by side.
 */
#include <sched.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/pace.h"
#include "disk/io/work.h"

/* Up to here a copy costs less than handing the I/O to another thread. */
#define SMALL_BYTES (32 * 1024)
/* How many more are carried out here after one that was alone, and if the one
 * after those was alone as well, twice as many. */
#define MIN_ALONE_TIMES 64
#define MAX_ALONE_TIMES 1024
/* A write that took longer has waited for something; for some times as long the
 * next ones are not carried out by a thread that others need, and for twice as
 * many if the first one after that is slow again. */
#define SLOW_NS		UINT64_C(10000000)
#define MIN_AVOID_TIMES 4
#define MAX_AVOID_TIMES 64

void pace_init(struct disk *d)
{
	struct pace *p = &d->pace;
	cpu_set_t cpus;

	p->small_blocks = SMALL_BYTES >> d->block_shift;
	p->nr_cpus = 1;
	if (!sched_getaffinity(0, sizeof(cpus), &cpus))
		p->nr_cpus = (unsigned)CPU_COUNT(&cpus);
	atomic_store(&p->probe, NULL);
	atomic_store(&p->probing, false);
	atomic_store(&p->alone, 0);
	atomic_store(&p->alone_times, MIN_ALONE_TIMES);
	atomic_store(&p->avoid_until_ns, 0);
	atomic_store(&p->avoid_times, MIN_AVOID_TIMES);
}

/*
 * Whether the last one that was handed over is done already: whoever sent it
 * waited for it before sending this one, and will do so with the next ones.
 */
static void look_at_probe(struct pace *p)
{
	unsigned times =
		atomic_load_explicit(&p->alone_times, memory_order_relaxed);

	if (!atomic_exchange_explicit(&p->probing, false, memory_order_relaxed))
		return;
	if (atomic_load_explicit(&p->probe, memory_order_acquire)) {
		times = MIN_ALONE_TIMES;
	} else {
		atomic_store_explicit(&p->alone, times, memory_order_relaxed);
		times = times < MAX_ALONE_TIMES ? 2 * times : times;
	}
	atomic_store_explicit(&p->alone_times, times, memory_order_relaxed);
}

static bool is_alone(struct pace *p)
{
	unsigned alone = atomic_load_explicit(&p->alone, memory_order_relaxed);

	if (alone)
		atomic_store_explicit(&p->alone, alone - 1,
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
bool pace_here(struct disk *d, uint32_t nr_blocks)
{
	struct pace *p = &d->pace;
	unsigned busy;

	if (nr_blocks <= p->small_blocks)
		return true;
	look_at_probe(p);
	busy = work_busy(&d->work);
	if (busy + 1 >= p->nr_cpus)
		return true;
	if (!busy && is_alone(p))
		return true;
	atomic_store_explicit(&p->probing, true, memory_order_relaxed);
	return false;
}

void pace_handed_over(struct disk *d, struct io *io)
{
	struct pace *p = &d->pace;

	if (atomic_load_explicit(&p->probing, memory_order_relaxed))
		atomic_store_explicit(&p->probe, io, memory_order_relaxed);
}

void pace_done(struct disk *d, struct io *io)
{
	struct pace *p = &d->pace;

	if (atomic_load_explicit(&p->probe, memory_order_relaxed) == io)
		atomic_store_explicit(&p->probe, NULL, memory_order_release);
}

bool pace_may_wait(struct disk *d, uint64_t now_ns)
{
	return now_ns >= atomic_load_explicit(&d->pace.avoid_until_ns,
					      memory_order_relaxed);
}

void pace_waited(struct disk *d, uint64_t start_ns, uint64_t end_ns)
{
	struct pace *p = &d->pace;
	unsigned times =
		atomic_load_explicit(&p->avoid_times, memory_order_relaxed);

	if (end_ns - start_ns > SLOW_NS) {
		atomic_store_explicit(&p->avoid_until_ns,
				      end_ns + times * (end_ns - start_ns),
				      memory_order_relaxed);
		times = times < MAX_AVOID_TIMES ? 2 * times : times;
	} else {
		times = MIN_AVOID_TIMES;
	}
	atomic_store_explicit(&p->avoid_times, times, memory_order_relaxed);
}
