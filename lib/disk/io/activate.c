// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * ZONE ACTIVATE: files of the zones to come first, then one record in the
 * journal, with which all realms change at once (one for each run of realms if
 * it restores), then the files that were.
 *
 * Whenever it ends in between, the journal says where a realm is active, and
 * what an INACTIVE zone has for a file is a leftover, which the next opening
 * removes.
 *
 * Nothing else changes these realms meanwhile: writes to conventional zones and
 * OPEN are kept out by the gate, all else by the turns of the slots with a
 * write pointer, taken from the lowest up behind the gate as everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/limit.h"
#include "base/log.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/recorder.h"
#include "disk/io/slot.h"
#include "disk/io/stats.h"
#include "disk/io/sync.h"
#include "disk/io/turn.h"
#include "disk/io/zone_journal.h"
#include "disk/medium/journal.h"

enum activate_state {
	ACTIVATE_NEW,
	ACTIVATE_ALONE, /* the gate is passed */
};

/* The zones that an activation changes, in the order of their slots. */
struct change {
	struct io *io;
	struct disk *d;
	struct zone_activation *a;
	uint8_t *to; /* by realm: see zone_activation_apply() */
	uint32_t nr;
	struct changed {
		uint32_t slot;
		bool to_come; /* else it is to become INACTIVE */
	} * slots;
};

/* Those of a realm in one domain. */
static void add_zones(struct change *c, uint32_t realm, unsigned domain)
{
	const struct zone_geo *geo = &c->d->zones.geo;
	uint32_t slot = zone_realm_slot(geo, realm, domain);
	uint32_t n = geo->domains.d[domain].realm_slots;

	while (n--)
		c->slots[c->nr++] = (struct changed){
			.slot = slot++,
			.to_come = domain == c->to[realm],
		};
}

/* As things are now, and no other realms than before. */
static void choose(struct change *c)
{
	const struct zone_set *z = &c->d->zones;

	pthread_mutex_lock(&c->d->lock);
	for (uint32_t r = 0; r < z->geo.domains.nr_realms; r++)
		if (c->to[r] != ZONE_NO_DOMAIN)
			c->to[r] = (uint8_t)zone_activation_domain(z, c->a, r);
	pthread_mutex_unlock(&c->d->lock);
}

/* Nobody but an activation, which has the gate alone, changes what is active:
 * the lock is needed for the zones only. */
static int collect(struct change *c)
{
	const struct zone_set *z = &c->d->zones;
	uint32_t nr = z->geo.domains.nr_realms;

	c->to = calloc(nr, 1); /* a domain: each may change */
	c->slots = calloc(z->nr_slots, sizeof(*c->slots));
	if (!c->to || !c->slots)
		return -ENOMEM;
	choose(c);
	for (unsigned i = 0; i < z->geo.domains.nr; i++)
		for (uint32_t r = 0; r < nr; r++)
			if (c->to[r] != ZONE_NO_DOMAIN &&
			    (i == c->to[r] || i == z->active[r]))
				add_zones(c, r, i);
	return 0;
}

/* Turns, of the first @nr. */
static void leave(struct change *c, uint32_t nr)
{
	while (nr--)
		turn_leave(c->d, c->slots[nr].slot);
}

static int enter(struct change *c)
{
	int ret = 0;

	for (uint32_t i = 0; i < c->nr && !ret; i++) {
		ret = turn_wait(c->d, c->slots[i].slot);
		if (ret)
			leave(c, i);
	}
	return ret;
}

/*
 * An activation that restores passes over what has become READ ONLY or OFFLINE
 * before it had the turns.  What could change only since then it leaves, too:
 * it has not the turns of that, nor its files.
 */
static void pass_over(struct change *c)
{
	const struct zone_geo *geo = &c->d->zones.geo;
	uint32_t nr = 0;

	choose(c);
	for (uint32_t i = 0; i < c->nr; i++)
		if (c->to[zone_realm_of(geo, c->slots[i].slot)] ==
		    ZONE_NO_DOMAIN)
			turn_leave(c->d, c->slots[i].slot);
		else
			c->slots[nr++] = c->slots[i];
	c->nr = nr;
}

/* Once more, since all that is needed for it is held now. */
static enum zone_verdict check(struct change *c)
{
	enum zone_verdict verdict;

	pthread_mutex_lock(&c->d->lock);
	verdict = zone_activation_check(&c->d->zones, c->a);
	pthread_mutex_unlock(&c->d->lock);
	return verdict;
}

/*
 * The files.
 */

/* A leftover may be there. */
static int make_file(struct change *c, uint32_t slot)
{
	struct disk *d = c->d;
	uint64_t bytes = 0;
	int ret;

	if (!zone_slot_has_wp(&d->zones, slot))
		bytes = blocks_to_bytes(d, zone_slot_blocks(&d->zones, slot));
	ret = store_make(d->store, slot, bytes);
	if (ret != -EEXIST)
		return ret;
	ret = store_unmake(d->store, slot);
	return ret ? ret : store_make(d->store, slot, bytes);
}

static void remove_files(struct change *c, bool to_come, uint32_t nr)
{
	int ret;

	for (uint32_t i = 0; i < nr; i++) {
		if (c->slots[i].to_come != to_come)
			continue;
		ret = store_unmake(c->d->store, c->slots[i].slot);
		if (ret && ret != -ENOENT)
			zl_log_limited(&c->d->error_limit, ZL_LOG_WARN,
				       "%s: the file of zone %u, which is "
				       "inactive, cannot be removed: %s; the "
				       "next opening tries again",
				       c->d->name, c->slots[i].slot,
				       limit_strerror(-ret));
	}
}

static int make_files(struct change *c)
{
	int ret = 0;

	for (uint32_t i = 0; i < c->nr && !ret; i++) {
		if (!c->slots[i].to_come)
			continue;
		ret = make_file(c, c->slots[i].slot);
		if (ret)
			remove_files(c, true, i);
	}
	if (ret)
		return ret;
	ret = store_sync_dir(c->d->store);
	if (ret)
		remove_files(c, true, c->nr);
	return ret;
}

/*
 * What the disk knows of the slots.
 */

/* There is nothing left to be durable, bad, or repeated.  Under the lock. */
static void forget(struct disk *d, uint32_t slot)
{
	uint32_t lo, hi;

	slot_take_dirty(d, slot, &lo, &hi);
	slot_clear_bad(d, slot, 0, UINT32_MAX);
	grace_end(d, slot);
	flight_drop(d, slot);
	/* Whoever reads it at this moment is to know why it has no file. */
	d->slots.at[slot].gen += 2;
	d->slots.at[slot].flags &= ~(SLOT_CUT | SLOT_DAMAGED);
	d->slots.at[slot].undo_non_seq = false;
}

/* A sync of it that is under way still needs the file; none begins any more. */
static void await_sync(struct disk *d, uint32_t slot)
{
	const struct timespec wait = { .tv_nsec = 1000000 };

	while (d->slots.at[slot].syncs) {
		pthread_mutex_unlock(&d->lock);
		nanosleep(&wait, NULL);
		pthread_mutex_lock(&d->lock);
	}
}

static void settle(struct change *c)
{
	struct disk *d = c->d;

	for (uint32_t i = 0; i < c->nr; i++) {
		pthread_mutex_lock(&d->lock);
		forget(d, c->slots[i].slot);
		await_sync(d, c->slots[i].slot);
		/* It may have failed. */
		forget(d, c->slots[i].slot);
		pthread_mutex_unlock(&d->lock);
		d->faults.hooks->zone_was_reset(d, c->slots[i].slot);
		/* What cannot be told is told with the next sync. */
		zone_journal_tell(d, c->slots[i].slot);
	}
}

/* A log that cannot say what has happened ends. */
static void record(struct change *c)
{
	uint32_t nr = c->a->end - c->a->first;
	const uint8_t *to = c->to + c->a->first;
	uint8_t *domains;

	if (!recorder_is_on(c->d))
		return;
	domains = malloc(record_realm_bytes(nr));
	if (!domains) {
		record_log_break(&c->d->record, "out of memory");
		return;
	}
	memset(domains, UINT8_MAX, record_realm_bytes(nr));
	for (uint32_t r = 0; r < nr; r++)
		if (to[r] != ZONE_NO_DOMAIN)
			record_realm_set(domains, r, to[r]);
	recorder_activated(c->io, c->a->first, nr, domains);
	free(domains);
}

static int change(struct change *c)
{
	int ret;

	pass_over(c);
	/* Then there is nothing to tell either. */
	if (!c->nr)
		return 0;
	ret = make_files(c);
	if (ret)
		return ret;
	ret = journal_activate(c->d, c->a, c->to);
	/* The files stay: it may be in the journal, for all that is known. */
	if (ret) {
		record_log_break(&c->d->record,
				 "whether an activation of realms that failed "
				 "is durable is not known");
		return ret;
	}
	record(c);
	settle(c);
	pthread_mutex_lock(&c->d->lock);
	stats_note_zones(c->d);
	pthread_mutex_unlock(&c->d->lock);
	if (atomic_load(&c->d->faults.has_kept))
		c->d->faults.hooks->settle(c->d);
	remove_files(c, false, c->nr);
	return 0;
}

static enum disk_status run(struct change *c)
{
	int ret = collect(c);

	if (!ret)
		ret = enter(c);
	/* A command in its way takes too long: an injected delay. */
	if (ret == -EBUSY)
		return DISK_BUSY;
	if (ret)
		return io_fail_status(c->io, ret, c->a->zone_id);
	c->io->pub->verdict = check(c);
	if (!c->io->pub->verdict && !c->a->unmet)
		ret = change(c);
	leave(c, c->nr);
	if (ret)
		return io_fail_status(c->io, ret, c->a->zone_id);
	return c->io->pub->verdict ? DISK_REFUSED : DISK_OK;
}

void activate_run(struct io *io)
{
	struct change c = { .io = io, .d = io->disk, .a = io->pub->activation };
	enum disk_status status = DISK_OK;

	if (io->state == ACTIVATE_NEW) {
		io->state = ACTIVATE_ALONE;
		if (!gate_enter(io, true))
			return;
	}
	io->pub->verdict = check(&c);
	if (io->pub->verdict)
		status = DISK_REFUSED;
	else if (!c.a->unmet)
		status = run(&c);
	free(c.to);
	free(c.slots);
	io_finish(io, status);
}
