// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A simulated power failure of a running disk: what was not made durable is
 * taken back, and the zones are what they are at power on.
 */
#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/io/grace.h"
#include "disk/io/hold.h"
#include "disk/io/ops.h"
#include "disk/io/slot.h"
#include "disk/io/sync.h"
#include "disk/io/zone_journal.h"
#include "disk/life/powerfail.h"
#include "store/rollback.h"

int powerfail_prepare(struct disk *d, struct zl_err *err)
{
	struct store *st = store_rollback_new(d->store);

	if (!st)
		return zl_fail(err, ENOMEM, "out of memory");
	d->store = st;
	d->powerfail.possible = true;
	return 0;
}

void powerfail_undo_prepare(struct disk *d)
{
	if (d->powerfail.possible)
		d->store = store_rollback_release(d->store);
	d->powerfail.possible = false;
}

/* Reads that find a file shorter than its write pointer are to know why. */
static void next_gens(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		d->slots.at[i].gen += zone_slot_has_wp(&d->zones, i);
		grace_end(d, i);
		flight_drop(d, i);
	}
	pthread_mutex_unlock(&d->lock);
}

static enum zone_cond cond_at(const struct disk *d, uint32_t slot, uint32_t wp)
{
	enum zone_cond cond = zone_slot_cond(&d->zones, slot);

	if (cond == ZC_OFFLINE || cond == ZC_READ_ONLY || cond == ZC_INACTIVE)
		return cond;
	if (!wp)
		return ZC_EMPTY;
	return wp == zone_slot_cap_blocks(&d->zones, slot) ? ZC_FULL
							   : ZC_CLOSED;
}

/* As opening finds it.  Under the lock. */
static void reload_too_long(struct disk *d, uint32_t slot)
{
	uint32_t cap = zone_slot_cap_blocks(&d->zones, slot);
	enum zone_cond cond = cond_at(d, slot, cap);

	zl_log(ZL_LOG_ERR,
	       "%s: zone %u: its file has more bytes than the zone: the zone "
	       "is read-only",
	       d->name, slot);
	zone_set_state(&d->zones, slot, cond == ZC_FULL ? ZC_READ_ONLY : cond,
		       cap);
	d->slots.at[slot].flags |= SLOT_DAMAGED;
	d->slots.at[slot].flags &= ~SLOT_CUT;
}

/* Under the lock. */
static void reload_slot(struct disk *d, uint32_t slot, uint32_t wp)
{
	bool undo = d->slots.at[slot].undo_non_seq;

	zone_set_state(&d->zones, slot, cond_at(d, slot, wp), wp);
	/* Before the reset that may have been taken back. */
	if (undo && wp)
		zone_set_attrs(&d->zones, slot,
			       d->zones.slots[slot].attrs | ZA_NON_SEQ);
	slot_clear_bad(d, slot, wp, UINT32_MAX);
	d->slots.at[slot].flags &= ~SLOT_CUT;
}

/* The file of the slot, which is no conventional one, has become what it was
 * before. */
static void reload(struct disk *d, uint32_t slot)
{
	struct store_stat stat;
	uint64_t wp;

	if (store_stat(d->store, slot, &stat)) {
		zl_log(ZL_LOG_ERR, "%s: zone %u cannot be examined", d->name,
		       slot);
		return;
	}
	wp = stat.size_bytes >> d->block_shift;
	pthread_mutex_lock(&d->lock);
	if (wp > zone_slot_cap_blocks(&d->zones, slot))
		reload_too_long(d, slot);
	else
		reload_slot(d, slot, (uint32_t)wp);
	pthread_mutex_unlock(&d->lock);
}

struct taking_back {
	struct disk *d;
	const struct disk_powerfail *how;
	uint32_t done;
};

static void taken_back(void *user, uint32_t slot, uint32_t left, int synced)
{
	struct taking_back *t = user;
	struct disk *d = t->d;
	struct sync_part part;

	if (zone_slot_has_wp(&d->zones, slot))
		reload(d, slot);
	/* Its sync is over. */
	pthread_mutex_lock(&d->lock);
	sync_begin(d, slot, slot_losses(d, slot), &part);
	pthread_mutex_unlock(&d->lock);
	sync_end(d, &part, synced);
	t->done++;
	if (t->how->progress)
		t->how->progress(t->how->progress_user, t->done,
				 t->done + left);
}

static void close_all(struct disk *d)
{
	bool news;

	pthread_mutex_lock(&d->lock);
	zone_power_on(&d->zones);
	pthread_mutex_unlock(&d->lock);
	for (uint32_t i = 0; i < d->zones.nr_slots; i++) {
		pthread_mutex_lock(&d->lock);
		news = d->slots.at[i].flags &
			       (SLOT_JOURNAL_EXP | SLOT_BAD_NEWS) ||
		       d->slots.at[i].journal_non_seq !=
			       !!(d->zones.slots[i].attrs & ZA_NON_SEQ);
		pthread_mutex_unlock(&d->lock);
		if (news)
			zone_journal_tell(d, i);
	}
}

static void tell(struct disk *d)
{
	void (*fn)(void *user);
	void *user;

	pthread_mutex_lock(&d->lock);
	fn = d->powerfail.fn;
	user = d->powerfail.user;
	pthread_mutex_unlock(&d->lock);
	if (fn)
		fn(user);
}

int disk_powerfail(struct disk *d, const struct disk_powerfail *how,
		   struct zl_err *err)
{
	struct store_rollback_part part = {
		.random = how->random,
		.seed = how->seed,
		.granule_bytes = d->meta.phys_block_bytes,
	};
	struct taking_back t = { .d = d, .how = how };
	int ret;

	if (!d->powerfail.possible)
		return zl_fail(err, EOPNOTSUPP,
			       "the disk in %s was opened without "
			       "discard_write_cache, so nothing can be taken "
			       "back; open it with that option",
			       d->name);
	if (hold_stop(d))
		return zl_fail(err, EBUSY,
			       "a command takes too long; nothing was taken "
			       "back (an injected delay ends when it is "
			       "cleared)");
	record_log_break(&d->record,
			 "a power failure was simulated, which takes back "
			 "what is recorded");
	sync_stop(d, UINT64_MAX);
	next_gens(d);
	ret = store_rollback_fail(d->store, &part, taken_back, &t);
	close_all(d);
	save_power_on(d);
	control_power_on(d);
	next_gens(d);
	tell(d);
	sync_resume(d);
	hold_resume(d);
	zl_log(ZL_LOG_INFO, "%s: simulated a power failure", d->name);
	if (ret)
		return zl_fail(err, -ret,
			       "not everything in %s could be taken back: %s",
			       d->name, limit_strerror(-ret));
	return 0;
}

bool disk_can_powerfail(const struct disk *d)
{
	return d->powerfail.possible;
}

void disk_on_powerfail(struct disk *d, void (*fn)(void *user), void *user)
{
	pthread_mutex_lock(&d->lock);
	d->powerfail.fn = fn;
	d->powerfail.user = user;
	pthread_mutex_unlock(&d->lock);
}
