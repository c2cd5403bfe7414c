// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whether the disk is still ours: see fence.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/io/fence.h"
#include "disk/io/io.h"
#include "disk/io/work.h"
#include "disk/medium/holder.h"

uint64_t (*fence_clock_ms)(void) = clock_slept_ms;

int fence_init(struct disk *d)
{
	d->fence.watch = NULL;
	atomic_store(&d->fence.proven_ms, 0);
	if (d->store->fence == STORE_FENCE_NONE || d->look_only)
		return 0;
	d->fence.watch = calloc(1, sizeof(*d->fence.watch));
	return d->fence.watch ? 0 : -ENOMEM;
}

void fence_end(struct disk *d)
{
	free(d->fence.watch);
	d->fence.watch = NULL;
}

/* The journal is the other one's by now. */
static void find_why(struct disk *d, char *why, size_t size)
{
	char text[DISK_HOLDER_TEXT_MAX] = "";
	struct disk_holder h;

	if (!holder_read(d->store, d->name, &h, NULL) && !h.here)
		disk_holder_text(&h, text);
	snprintf(why, size,
		 "this machine has lost its lock, and %s%s may have the disk",
		 *text ? text : "another one", *text ? " has or" : "");
}

/* Under disk->lock, so that who has ended it with disk_on_fenced() is not told
 * any more. */
static void tell(struct disk *d)
{
	if (d->fence.fn && fence_is_lost(&d->fence))
		d->fence.fn(d->fence.user);
}

static void set_lost(struct disk *d)
{
	char why[sizeof(d->fence.why)];

	if (atomic_exchange(&d->fence.lost, true))
		return;
	if (!d->write_through)
		flight_note_fenced(d);
	find_why(d, why, sizeof(why));
	pthread_mutex_lock(&d->lock);
	snprintf(d->fence.why, sizeof(d->fence.why), "%s", why);
	tell(d);
	pthread_mutex_unlock(&d->lock);
	zl_log(ZL_LOG_ERR,
	       "%s: fenced: %s: nothing is written to it from here any more, "
	       "and every command fails; remove the device here",
	       d->name, why);
}

int fence_ask(struct disk *d)
{
	uint64_t begun_ms;
	int ret;

	if (d->store->fence == STORE_FENCE_NONE)
		return 0;
	begun_ms = fence_clock_ms();
	ret = store_prove(d->store);
	if (!ret)
		atomic_store(&d->fence.proven_ms, begun_ms);
	if (ret == -STORE_FENCED)
		set_lost(d);
	return ret;
}

bool fence_proof_is_younger(const struct fence *f, uint64_t ms)
{
	uint64_t proven_ms =
		atomic_load_explicit(&f->proven_ms, memory_order_relaxed);

	return proven_ms && !fence_is_lost(f) &&
	       fence_clock_ms() - proven_ms < ms;
}

bool fence_is_why(struct disk *d, int error)
{
	if (d->store->fence == STORE_FENCE_NONE)
		return false;
	if (error == -STORE_FENCED)
		set_lost(d);
	else if (!fence_is_lost(&d->fence))
		fence_ask(d);
	return fence_is_lost(&d->fence);
}

static void watch(struct io *io)
{
	struct disk *d = io->disk;

	fence_ask(d);
	atomic_store(&d->fence.asking, false);
}

bool disk_is_watched(const struct disk *d)
{
	return d->fence.watch;
}

void disk_watch(struct disk *d)
{
	struct fence *f = &d->fence;

	if (!f->watch || fence_is_lost(f) || atomic_exchange(&f->asking, true))
		return;
	f->watch->disk = d;
	f->watch->run = watch;
	work_push(d, f->watch);
}

bool disk_is_fenced(struct disk *d, char *why, size_t size)
{
	bool lost = fence_is_lost(&d->fence);

	if (!why || !size)
		return lost;
	pthread_mutex_lock(&d->lock);
	snprintf(why, size, "%s", lost ? d->fence.why : "");
	pthread_mutex_unlock(&d->lock);
	return lost;
}

void disk_on_fenced(struct disk *d, void (*fn)(void *user), void *user)
{
	pthread_mutex_lock(&d->lock);
	d->fence.fn = fn;
	d->fence.user = user;
	tell(d);
	pthread_mutex_unlock(&d->lock);
}
