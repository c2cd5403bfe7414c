// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* OPEN, CLOSE, FINISH and RESET: files first, then the zones' state. */
#include <errno.h>

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

enum zoneop_state {
	ZONEOP_NEW,
	ZONEOP_CHECKED
};

static int64_t run_req(struct io *io, enum store_op op, uint64_t off,
		       uint64_t len)
{
	io->req = (struct store_req){
		.op = op, .slot = io->slot, .off = off, .len = len
	};
	return disk_request_run(io->disk, &io->req);
}

static void next_gen(struct disk *d, uint32_t slot)
{
	pthread_mutex_lock(&d->lock);
	d->slots.at[slot].gen++;
	pthread_mutex_unlock(&d->lock);
}

/* gen is odd while the file may be shorter than the write pointer says. */
static int64_t reset_file(struct io *io)
{
	int64_t ret;

	next_gen(io->disk, io->slot);
	ret = run_req(io, STORE_RESET, 0, 0);
	if (ret < 0)
		next_gen(io->disk, io->slot);
	return ret;
}

static int64_t finish_file(struct io *io)
{
	struct disk *d = io->disk;
	struct store_req req = { .op = STORE_FINISH, .slot = io->slot };
	uint32_t wp, cap;
	uint8_t gen;
	bool cut;
	int64_t ret;

	pthread_mutex_lock(&d->lock);
	wp = zone_slot_wp_blocks(&d->zones, io->slot);
	cap = zone_slot_cap_blocks(&d->zones, io->slot);
	cut = d->slots.at[io->slot].flags & SLOT_CUT;
	gen = d->slots.at[io->slot].gen;
	pthread_mutex_unlock(&d->lock);
	if (cut) {
		ret = run_req(io, STORE_CUT, blocks_to_bytes(d, wp), 0);
		if (ret < 0)
			return ret;
		pthread_mutex_lock(&d->lock);
		slot_was_cut(d, io->slot);
		pthread_mutex_unlock(&d->lock);
	}
	req.size = blocks_to_bytes(d, wp);
	req.len = blocks_to_bytes(d, cap);
	ret = disk_request_run(d, &req);
	if (ret != -ENODATA)
		return ret;
	ret = sync_file_was_cut(d, io->slot, gen, wp, true);
	return ret ? ret : disk_request_run(d, &req);
}

static void apply(struct io *io)
{
	struct disk *d = io->disk;
	struct disk_slot *s = &d->slots.at[io->slot];
	uint32_t wp = zone_slot_wp_blocks(&d->zones, io->slot);
	uint32_t cap = zone_slot_cap_blocks(&d->zones, io->slot);

	if (io->pub->zone_op == ZO_RESET)
		d->faults.hooks->zone_was_reset(d, io->slot);
	pthread_mutex_lock(&d->lock);
	s->undo_non_seq |= io->pub->zone_op == ZO_RESET &&
			   d->zones.slots[io->slot].attrs & ZA_NON_SEQ;
	zone_op_apply(&d->zones, io->pub->zone_op, io->slot);
	stats_note_zones(d);
	s->flags &= ~SLOT_CUT;
	flight_drop(d, io->slot);
	if (io->pub->zone_op == ZO_RESET) {
		zone_set_attrs(&d->zones, io->slot,
			       d->zones.slots[io->slot].attrs &
				       (uint8_t)~ZA_RESET);
		d->stats.n[DC_EMPTIED] += wp > 0;
		s->gen++;
		slot_clear_bad(d, io->slot, 0, UINT32_MAX);
		slot_mark_dirty(d, io->slot, 0, 0, io->losses);
	} else {
		slot_mark_dirty(d, io->slot, wp, cap, io->losses);
	}
	pthread_mutex_unlock(&d->lock);
	recorder_zone(io);
}

/*
 * RESET has nothing to do in an EMPTY zone, but its file may have the rest of a
 * failed write that could not be cut off: it would count as written when the
 * process dies.  Or the journal would have it explicitly opened then.  Or the
 * attribute RESET was injected, which is to go.  Under the lock.
 */
static bool has_rest(const struct io *io, uint32_t slot)
{
	const struct disk *d = io->disk;
	const struct disk_slot *s = &d->slots.at[slot];

	return io->pub->zone_op == ZO_RESET &&
	       (s->flags & (SLOT_CUT | SLOT_BAD_NEWS) || s->journal_owed ||
		d->zones.slots[slot].attrs & ZA_RESET) &&
	       zone_slot_cond(&d->zones, slot) == ZC_EMPTY;
}

/*
 * With FUA: the zone is what the command makes of it, but not durably, as when
 * the sync of the same command has failed before: then what FINISH filled is
 * not dirty, but bad.  Under the lock.
 */
static bool is_to_be_synced(const struct io *io, uint32_t slot)
{
	const struct disk *d = io->disk;

	return io->pub->fua &&
	       (slot_is_unsynced(d, slot) ||
		d->slots.at[slot].flags & SLOT_BAD) &&
	       zone_slot_cond(&d->zones, slot) ==
		       (io->pub->zone_op == ZO_RESET ? ZC_EMPTY : ZC_FULL);
}

/* The first slot from @from on that has something to be done.  Under the lock.
 */
static uint32_t slot_to_change(const struct io *io, const struct zone_sel *sel,
			       uint32_t from)
{
	const struct disk *d = io->disk;
	uint32_t next = zone_op_next(&d->zones, io->pub->zone_op, sel, from);
	uint32_t end = sel->first + sel->count;

	if (io->pub->zone_op != ZO_RESET && !io->pub->fua)
		return next;
	for (; from < end && from < next; from++)
		if (has_rest(io, from) || is_to_be_synced(io, from))
			return from;
	return next;
}

static int make_durable(struct io *io)
{
	int ret = sync_slot(io->disk, io->slot, io->losses);

	if (!ret)
		ret = zone_journal_sync(io->disk);
	if (!ret)
		recorder_zone_safe(io);
	return ret;
}

/* FINISH or RESET of io->slot, whose turn we have. */
static int64_t change_slot(struct io *io)
{
	struct disk *d = io->disk;
	struct zone_sel one = { .first = io->slot, .count = 1 };
	bool only_sync;
	uint32_t slot;
	int64_t ret;

	/* The turn may have come late: is there still something to do? */
	one.all = io->sel.all;
	sync_settle(d, io->slot);
	pthread_mutex_lock(&d->lock);
	grace_end(d, io->slot);
	io->losses = slot_begin_change(d, io->slot);
	slot = slot_to_change(io, &one, io->slot);
	only_sync = is_to_be_synced(io, io->slot) && !has_rest(io, io->slot);
	pthread_mutex_unlock(&d->lock);
	if (slot != io->slot)
		return 0;
	if (only_sync)
		return make_durable(io);
	ret = io->pub->zone_op == ZO_RESET ? reset_file(io) : finish_file(io);
	if (ret < 0)
		return ret;
	apply(io);
	ret = zone_journal_tell(d, io->slot);
	return ret < 0 || !io->pub->fua ? ret : make_durable(io);
}

/* Leaves the slot whose turn we have and asks for the next one's. */
static bool move_on(struct io *io, uint32_t slot)
{
	struct disk *d = io->disk;
	bool granted;

	turn_leave_all(d, io->turn_slot, io->nr_turns);
	pthread_mutex_lock(&d->lock);
	io->slot = io->turn_slot = slot;
	io->nr_turns = 1;
	granted = turn_take(d, slot, &io->turn);
	pthread_mutex_unlock(&d->lock);
	return granted;
}

static uint32_t next_slot(struct io *io, uint32_t from)
{
	struct disk *d = io->disk;
	uint32_t slot;

	pthread_mutex_lock(&d->lock);
	slot = slot_to_change(io, &io->sel, from);
	pthread_mutex_unlock(&d->lock);
	return slot;
}

static void fail_at_slot(struct io *io, int error)
{
	uint64_t lba = zone_slot_start_lba(&io->disk->zones, io->slot);

	io_finish(io, io_fail_status(io, error, lba));
}

/* With the attributes that zones have lost. */
static void finish_change(struct io *io)
{
	if (io->pub->zone_op == ZO_RESET &&
	    atomic_load(&io->disk->faults.has_kept))
		io->disk->faults.hooks->settle(io->disk);
	io_finish(io, DISK_OK);
}

/*
 * FINISH and RESET change one slot after the other, each in its turn.  When a
 * turn must be waited for, this returns, and is called again with it.
 */
static void change_run(struct io *io)
{
	uint32_t slot;
	int64_t ret;

	if (!io->nr_turns) {
		slot = next_slot(io, io->sel.first);
		if (slot == UINT32_MAX) {
			finish_change(io);
			return;
		}
		if (!move_on(io, slot))
			return;
	}
	for (;;) {
		ret = change_slot(io);
		if (ret < 0) {
			fail_at_slot(io, (int)ret);
			return;
		}
		slot = next_slot(io, io->slot + 1);
		if (slot == UINT32_MAX) {
			finish_change(io);
			return;
		}
		if (!move_on(io, slot))
			return;
	}
}

/* The first slot from @from on of which the journal knows something else. */
static uint32_t next_unjournaled(struct io *io, uint32_t from)
{
	struct disk *d = io->disk;
	uint32_t end = io->sel.first + io->sel.count;

	pthread_mutex_lock(&d->lock);
	while (from < end && !zone_journal_is_owed(d, from))
		from++;
	pthread_mutex_unlock(&d->lock);
	return from < end ? from : UINT32_MAX;
}

static int journal_sel(struct io *io)
{
	uint32_t slot = next_unjournaled(io, io->sel.first);
	int ret, first = 0;

	while (slot != UINT32_MAX) {
		ret = zone_journal_tell(io->disk, slot);
		if (!first)
			first = ret;
		slot = next_unjournaled(io, slot + 1);
	}
	return first;
}

/* The journal could not be told of zones that OPEN has opened: the command has
 * failed, so none of those stays so of which it was news.  (An implicitly
 * opened one may be closed by the disk at any time.) */
static void take_opening_back(struct io *io)
{
	struct disk *d = io->disk;
	uint32_t end = io->sel.first + io->sel.count;

	pthread_mutex_lock(&d->lock);
	for (uint32_t slot = io->sel.first; slot < end; slot++) {
		if (zone_slot_cond(&d->zones, slot) != ZC_EXP_OPEN ||
		    !d->slots.at[slot].journal_owed)
			continue;
		zone_op_apply(&d->zones, ZO_CLOSE, slot);
		/* Nor must a rewritten file say so. */
		d->slots.at[slot].flags &= (uint16_t)~SLOT_JOURNAL_EXP;
	}
	pthread_mutex_unlock(&d->lock);
}

static void close_sel(struct io *io)
{
	struct zone_set *z = &io->disk->zones;
	uint32_t slot = zone_op_next(z, ZO_CLOSE, &io->sel, 0);

	for (; slot != UINT32_MAX;
	     slot = zone_op_next(z, ZO_CLOSE, &io->sel, slot + 1))
		zone_op_apply(z, ZO_CLOSE, slot);
}

/* OPEN and CLOSE touch no file of a zone: all at once. */
static void open_close(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict = ZV_OK;
	int ret;

	pthread_mutex_lock(&d->lock);
	if (io->pub->zone_op == ZO_OPEN) {
		verdict = zone_open_apply(&d->zones, &io->sel);
		stats_note_zones(d);
	} else {
		close_sel(io);
	}
	pthread_mutex_unlock(&d->lock);
	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	io->slot = io->sel.first;
	ret = journal_sel(io);
	if (ret < 0) {
		if (io->pub->zone_op == ZO_OPEN)
			take_opening_back(io);
		fail_at_slot(io, ret);
	} else {
		io_finish(io, DISK_OK);
	}
}

/* OPEN takes no turn, and so would find zones in the middle of an activation,
 * which has seen that they are EMPTY. */
static bool opens_beside_realms(const struct io *io)
{
	return io->pub->zone_op == ZO_OPEN &&
	       io->disk->zones.geo.domains.nr_realms;
}

void zoneop_run(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	if (io->state == ZONEOP_CHECKED) {
		change_run(io);
		return;
	}
	if (io->gate == GATE_NONE && opens_beside_realms(io) &&
	    !gate_enter(io, false))
		return;
	pthread_mutex_lock(&d->lock);
	verdict =
		zone_op_check(&d->zones, io->pub->zone_op, io->pub->lba,
			      io->pub->zone_count, io->pub->zone_all, &io->sel);
	pthread_mutex_unlock(&d->lock);
	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	io->state = ZONEOP_CHECKED;
	if (io->pub->zone_op == ZO_FINISH || io->pub->zone_op == ZO_RESET)
		change_run(io);
	else
		open_close(io);
}
