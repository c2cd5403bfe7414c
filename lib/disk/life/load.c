// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The zones' state from their files' sizes and the journal.  A file that is not
 * as it should be costs its zone, not the disk.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/slot.h"
#include "disk/io/stats.h"
#include "disk/life/active.h"
#include "disk/life/load.h"
#include "disk/life/make.h"
#include "disk/medium/journal.h"
#include "disk/medium/meta.h"
#include "disk/medium/problems.h"
#include "store/looks.h"

/* The slot that is being loaded. */
struct loading {
	struct disk *d;
	const struct store_looks *looks;
	const uint8_t *said; /* see struct told */
	uint32_t slot;
	struct store_stat stat;
	char file[STORE_NAME_MAX];
	uint64_t cap_bytes;
};

static void damaged(const struct loading *l, enum zone_cond cond,
		    uint64_t wp_bytes)
{
	struct disk *d = l->d;

	d->slots.at[l->slot].flags |= SLOT_DAMAGED;
	zone_set_state(&d->zones, l->slot, cond,
		       (uint32_t)(wp_bytes >> d->block_shift));
}

static void offline(const struct loading *l, const char *why)
{
	disk_add_problem(l->d, l->slot, "%s %s: the zone is offline", l->file,
			 why);
	damaged(l, ZC_OFFLINE, 0);
}

/* What keeps a file from being used at all, or NULL. */
static const char *unusable(const struct store_stat *stat)
{
	switch (stat->kind) {
	case STORE_KIND_MISSING:
		return "is missing";
	case STORE_KIND_SYMLINK:
		return "is a symbolic link";
	case STORE_KIND_DIR:
		return "is a directory";
	case STORE_KIND_OTHER:
		return "is not a regular file";
	case STORE_KIND_FILE:
		break;
	}
	return stat->readable ? NULL : "cannot be read";
}

static void load_conv(const struct loading *l)
{
	uint64_t size = l->stat.size_bytes;

	/* Its blocks may be shifted or gone: to look at, not to write to. */
	if (size != l->cap_bytes)
		disk_add_problem(l->d, l->slot,
				 "%s has %" PRIu64 " bytes instead of %" PRIu64
				 ": the zone is read-only",
				 l->file, size, l->cap_bytes);
	else if (!l->stat.writable)
		disk_add_problem(l->d, l->slot,
				 "%s cannot be written: the zone is read-only",
				 l->file);
	else
		return;
	damaged(l, ZC_READ_ONLY, 0);
}

/* What a crash in the middle of a write left was never acknowledged. */
static int cut_tail(const struct loading *l, uint64_t *size)
{
	uint32_t unit = meta_tail_bytes(&l->d->meta, l->slot);
	uint64_t cut = *size - *size % unit;
	int ret = 0;

	if (cut == *size)
		return 0;
	if (!l->d->look_only)
		ret = store_resize(l->d->store, l->slot, cut);
	if (ret)
		disk_add_problem(l->d, l->slot,
				 "%s has %" PRIu64
				 " bytes, no whole blocks, and cannot be cut "
				 "(%s): the zone is read-only",
				 l->file, *size, limit_strerror(-ret));
	else
		disk_add_problem(
			l->d, l->slot,
			"%s has %" PRIu64 " bytes, no whole %sblocks: "
			"%s to %" PRIu64,
			l->file, *size,
			unit == l->d->meta.block_bytes ? "" : "physical ",
			l->d->look_only ? "opening cuts it" : "cut", cut);
	*size = cut;
	return ret;
}

/* What was under way when the last process died was never acknowledged
 * either. */
static void take_back(const struct loading *l, uint64_t *size)
{
	struct disk *d = l->d;
	uint64_t keep;
	int ret;

	if (d->look_only || !flight_had_begun(d, l->slot, &l->stat, &keep))
		return;
	ret = store_resize(d->store, l->slot, keep);
	if (ret) {
		disk_add_problem(d, l->slot,
				 "%s cannot be cut to %" PRIu64
				 " bytes (%s): a write that was under way "
				 "stays",
				 l->file, keep, limit_strerror(-ret));
		return;
	}
	zl_log(ZL_LOG_DEBUG,
	       "%s: zone %u: a write that was under way is taken back: %" PRIu64
	       " bytes instead of %" PRIu64,
	       d->name, l->slot, keep, *size);
	*size = keep;
	d->stats.n[DC_RETRIES_ABSORBED]++;
}

static void load_seq(const struct loading *l)
{
	struct disk *d = l->d;
	uint64_t size = l->stat.size_bytes;
	enum zone_cond cond = ZC_CLOSED;

	if (size > l->cap_bytes) {
		disk_add_problem(d, l->slot,
				 "%s has %" PRIu64
				 " bytes, more than the zone's %" PRIu64
				 ": the zone is read-only",
				 l->file, size, l->cap_bytes);
		damaged(l, ZC_READ_ONLY, l->cap_bytes);
		return;
	}
	if (!l->stat.writable) {
		disk_add_problem(d, l->slot,
				 "%s cannot be written: the zone is read-only",
				 l->file);
		damaged(l, ZC_READ_ONLY, size);
		return;
	}
	take_back(l, &size);
	if (cut_tail(l, &size)) {
		damaged(l, ZC_READ_ONLY, size);
		return;
	}
	if (!size)
		cond = ZC_EMPTY;
	else if (size == l->cap_bytes)
		cond = ZC_FULL;
	zone_set_state(&d->zones, l->slot, cond,
		       (uint32_t)(size >> d->block_shift));
}

/* What the journal says, as far as the file can still follow it. */
static void apply_journal(const struct loading *l)
{
	struct disk *d = l->d;
	enum zone_cond cond = zone_slot_cond(&d->zones, l->slot);
	uint32_t wp = zone_slot_wp_blocks(&d->zones, l->slot);
	uint16_t *flags = &d->slots.at[l->slot].flags;

	if (cond == ZC_OFFLINE)
		*flags &= ~SLOT_JOURNAL_EXP;
	else if (*flags & SLOT_JOURNAL_OFF)
		zone_set_state(&d->zones, l->slot, ZC_OFFLINE, wp);
	else if (*flags & SLOT_JOURNAL_RO)
		zone_set_state(&d->zones, l->slot, ZC_READ_ONLY, wp);
	else if (*flags & SLOT_JOURNAL_EXP &&
		 (cond == ZC_EMPTY || cond == ZC_CLOSED) &&
		 zone_slot_may_open(&d->zones, l->slot)) {
		zone_set_state(&d->zones, l->slot, ZC_EXP_OPEN, wp);
		return;
	} else if (cond == ZC_FULL) {
		/* It was when it was filled; its reset tells the journal. */
		return;
	}
	*flags &= ~SLOT_JOURNAL_EXP;
}

/* An empty file has nothing that is out of order. */
static void apply_non_seq(const struct loading *l)
{
	struct disk_slot *s = &l->d->slots.at[l->slot];
	uint32_t wp = zone_slot_wp_blocks(&l->d->zones, l->slot);

	if (!wp && !(s->flags & SLOT_DAMAGED))
		s->journal_non_seq = false;
	if (s->journal_non_seq && wp)
		zone_set_attrs(&l->d->zones, l->slot, ZA_NON_SEQ);
}

/*
 * What the journal says cannot be trusted, as far as it is still there; of a
 * file that is not as it should be all of it, since that may be put right.
 * It is no news to the journal, but for what that could not be told.
 */
static void apply_bad(const struct loading *l)
{
	struct disk *d = l->d;
	uint16_t *flags = &d->slots.at[l->slot].flags;
	uint32_t lo, hi;

	if (!(*flags & SLOT_BAD))
		return;
	if (!(*flags & SLOT_DAMAGED))
		slot_clear_bad(d, l->slot, slot_file_blocks(d, l->slot),
			       UINT32_MAX);
	*flags &= ~(SLOT_BAD_NEWS | SLOT_BAD_LESS);
	if (flight_was_lost(d, l->slot, &lo, &hi) &&
	    slot_first_bad(d, l->slot, lo, hi) != UINT32_MAX)
		*flags |= SLOT_BAD_NEWS;
	for (const struct bad_range *b = d->slots.bad.first; b; b = b->next)
		if (b->slot == l->slot)
			disk_add_problem(d, b->slot,
					 "blocks %u to %u were lost when they "
					 "could not be synced, or their file "
					 "was cut: they are unreadable until "
					 "rewritten or reset",
					 b->lo, b->hi);
}

static struct active_files active_files(const struct disk *d,
					const struct store_looks *looks)
{
	return (struct active_files){ d->store, looks, &d->zones.geo };
}

/* The zones that came into this one's place were durable before the journal
 * could say so: a record that is lost is another matter. */
static bool was_deactivated(const struct loading *l)
{
	struct active_files files = active_files(l->d, l->looks);
	uint32_t realm = zone_realm_of(files.geo, l->slot);
	uint8_t active = l->d->active[realm];

	return l->said[realm] == active &&
	       active_is_whole(&files, realm, active);
}

/*
 * What an INACTIVE zone has for a file is left of an activation: empty if it
 * was not over, since the zone was to come; else that zone was deactivated,
 * with data if it was a conventional one.
 */
static bool is_leftover(const struct loading *l)
{
	if (l->stat.kind != STORE_KIND_FILE)
		return false;
	if (zone_slot_has_wp(&l->d->zones, l->slot))
		return !l->stat.size_bytes;
	return !l->stat.alloc_bytes || was_deactivated(l);
}

/* What the journal says of it was so before its realm became active elsewhere,
 * whichever record got there first. */
static void drop_journal(const struct loading *l)
{
	struct disk_slot *s = &l->d->slots.at[l->slot];

	slot_clear_bad(l->d, l->slot, 0, UINT32_MAX);
	s->flags &= ~(SLOT_BAD_NEWS | SLOT_BAD_LESS | SLOT_JOURNAL_EXP |
		      SLOT_JOURNAL_RO | SLOT_JOURNAL_OFF);
	s->journal_non_seq = false;
}

static void load_leftover(const struct loading *l)
{
	struct disk *d = l->d;
	int ret = 0;

	if (l->stat.kind == STORE_KIND_MISSING)
		return;
	if (!is_leftover(l)) {
		disk_add_problem(d, l->slot,
				 "%s has something, but the zone is inactive: "
				 "it is left alone until its realm is "
				 "activated there",
				 l->file);
		return;
	}
	if (!d->look_only)
		ret = store_unmake(d->store, l->slot);
	if (!d->look_only && !ret && l->stat.alloc_bytes)
		zl_log(ZL_LOG_INFO,
		       "%s: %s, left of an interrupted activation, is removed",
		       d->name, l->file);
	if (d->look_only || ret)
		disk_add_problem(
			d, l->slot,
			"%s is left of an interrupted activation: %s", l->file,
			ret ? limit_strerror(-ret) : "opening removes it");
}

/* @why: it cannot be used, or NULL. */
static void load_active(const struct loading *l, const char *why)
{
	if (why)
		offline(l, why);
	else if (zone_slot_has_wp(&l->d->zones, l->slot))
		load_seq(l);
	else
		load_conv(l);
	apply_journal(l);
	apply_non_seq(l);
	apply_bad(l);
}

static void load_slot(struct disk *d, const struct store_looks *looks,
		      const uint8_t *said, uint32_t slot)
{
	struct loading l = {
		.d = d, .looks = looks, .said = said, .slot = slot
	};
	int ret;

	if (zone_slot_traits(&d->zones, slot)->span == ZS_NOTHING)
		return;

	l.cap_bytes = blocks_to_bytes(d, zone_slot_cap_blocks(&d->zones, slot));
	store_slot_name(d->store, slot, l.file);
	ret = store_looks_stat(looks, d->store, slot, &l.stat);
	if (zone_slot_is_inactive(&d->zones, slot)) {
		drop_journal(&l);
		if (!ret)
			load_leftover(&l);
		return;
	}
	load_active(&l, ret ? "cannot be examined" : unusable(&l.stat));
}

/*
 * A lost journal, or somebody has made an empty one; a lost record; or one that
 * the files belie.
 */
static void find_active(struct disk *d, const struct store_looks *looks,
			const uint8_t *said)
{
	struct active_files files = active_files(d, looks);
	uint32_t nr = d->zones.geo.domains.nr_realms, found = 0;

	for (uint32_t r = 0; r < nr; r++) {
		unsigned domain = active_find(&files, r, said[r], d->active[r]);

		found += domain != said[r];
		if (domain != d->active[r])
			zone_realm_activate(&d->zones, r, domain);
	}
	if (found)
		disk_add_problem(d, UINT32_MAX,
				 DISK_JOURNAL
				 " does not say of %u of %u realms where they "
				 "are active, or what their files belie: that "
				 "is taken from the files that there are",
				 found, nr);
}

static void load_slots(struct disk *d, const struct disk_open_args *args,
		       const uint8_t *said)
{
	uint32_t n = d->zones.nr_slots;
	struct store_looks *looks = store_looks_take(
		d->store, n, args->progress, args->progress_user);

	/* A new one has nothing yet that could say it. */
	if (!d->made)
		find_active(d, looks, said);
	for (uint32_t i = 0; i < n; i++) {
		load_slot(d, looks, said, i);
		if (!looks)
			make_progress(args, i + 1, n);
	}
	free(looks);
}

/* What the journal says. */
struct told {
	struct disk *d;
	uint8_t *active; /* by realm: its domain, ZONE_NO_DOMAIN: nothing */
};

static void take_journal(void *user, enum journal_type type, uint32_t slot,
			 uint64_t value)
{
	struct told *told = user;
	struct disk *d = told->d;
	uint16_t *flags = &d->slots.at[slot].flags;

	/* Of a realm, whose number is below those of the slots. */
	if (type == JR_ACTIVATE)
		told->active[slot] = (uint8_t)value;
	else if (type == JR_EXP_OPEN && zone_slot_has_wp(&d->zones, slot))
		*flags |= SLOT_JOURNAL_EXP;
	else if (type == JR_NON_SEQ)
		d->slots.at[slot].journal_non_seq =
			zone_slot_traits(&d->zones, slot)->tells_non_seq;
	else if (type == JR_BAD)
		slot_add_bad(d, slot, (uint32_t)(value >> 32), (uint32_t)value);
	else if (type == JR_CONDITION)
		*flags |= value == ZC_OFFLINE ? SLOT_JOURNAL_OFF
					      : SLOT_JOURNAL_RO;
}

/* What the last process lost, and could not tell the journal. */
static void take_lost(struct disk *d)
{
	uint32_t lo, hi;

	for (uint32_t i = 0; i < d->zones.nr_slots; i++)
		if (flight_was_lost(d, i, &lo, &hi))
			slot_add_bad(d, i, lo, hi);
}

/*
 * Linux may have told others, who called syncfs() before us, that something
 * could not be written; of a file it tells those who sync that.  If it has told
 * us (@failed), only their own syncs can tell which files that were, and all
 * are to be synced; but what the dead process knew to be durable is none the
 * worse for it.
 */
static void mark_leftovers(struct disk *d, uint32_t slot, bool failed)
{
	uint32_t blocks = slot_file_blocks(d, slot), lo = blocks, hi = blocks;

	if (zone_slot_cond(&d->zones, slot) == ZC_OFFLINE ||
	    !slot_has_file(d, slot))
		return;
	if (failed && !flight_is_known(d))
		lo = 0;
	else if (flight_was_dirty(d, slot, &lo, &hi))
		hi = hi < blocks ? hi : blocks;
	else
		lo = hi = blocks;
	if (lo < hi || failed)
		slot_mark_dirty(d, slot, lo < hi ? lo : hi, hi,
				slot_losses(d, slot));
}

static void mark_all_leftovers(struct disk *d, bool failed)
{
	for (uint32_t i = 0; i < d->zones.nr_slots; i++)
		mark_leftovers(d, i, failed);
}

/*
 * What a dead process of this boot (or the kernel's driver) wrote may still be
 * in the page cache only, and nobody knows which files it had changed.  A sync
 * of each would take minutes on a large disk, so all at once, and now: an
 * initiator's SYNCHRONIZE CACHE must not have to wait for it.
 */
static void sync_leftovers(struct disk *d, const struct journal_state *j)
{
	int ret;

	if (d->look_only || !(j->died || (d->made && d->meta.adopted)))
		return;
	ret = store_sync_all(d->store);
	if (ret)
		zl_log(ZL_LOG_ERR,
		       "%s: what was written before cannot be made durable: "
		       "%s; it is tried again with the next sync",
		       d->name, limit_strerror(-ret));
	mark_all_leftovers(d, ret);
}

static void log_rest(const struct disk *d)
{
	if (d->problems.nr > PROBLEMS_LOGGED)
		zl_log(ZL_LOG_WARN,
		       "%s: %u more zones are not as they should be; zloop "
		       "check lists them",
		       d->name, d->problems.nr - PROBLEMS_LOGGED);
}

static void take_control(struct disk *d, const struct journal_state *j)
{
	d->control = d->control_saved = meta_control(&d->meta);
	if (j->control_saved)
		d->control_saved = journal_control(j->control_saved);
	d->control =
		j->control ? journal_control(j->control) : d->control_saved;
	d->zones.geo.urswrz = d->control.urswrz;
}

/* A new disk has INACTIVE zones; a journal from before there was that counter
 * has the other one. */
static void count_taken(struct disk *d)
{
	uint64_t *n = d->stats.n;

	n[DC_MAX_TAKEN] = max_u64(n[DC_MAX_TAKEN], n[DC_MAX_NOT_EMPTY]);
	stats_note_zones(d);
}

/* The last process lost its lock, with what was in its cache, and could not
 * tell the journal.  What it had begun is taken back as if it had just died. */
static void lose_power(struct disk *d, struct journal_state *j)
{
	j->lost_power = true;
	d->saved &= ~DISK_SAVE_POWERED;
	j->control = j->control_saved;
	take_control(d, j);
	for (uint32_t i = 0; i < d->zones.nr_slots; i++)
		d->slots.at[i].flags &= ~SLOT_JOURNAL_EXP;
}

static int load_zones(struct told *told, const struct disk_open_args *args,
		      struct journal_state *journal, struct zl_err *err)
{
	struct disk *d = told->d;
	int ret;

	ret = journal_load(d->store, d->name, &d->zones.geo, journal,
			   take_journal, told, err);
	if (ret)
		return ret;
	/* Nobody has used it yet. */
	if (d->made)
		journal->clean = true;
	journal->died &= !journal->clean;
	d->stats = journal->stats;
	d->saved = journal->saved;
	take_control(d, journal);
	flight_load(d, journal);
	if (flight_was_fenced(d))
		lose_power(d, journal);
	take_lost(d);
	load_slots(d, args, told->active);
	log_rest(d);
	if (journal->bad_bytes)
		disk_add_problem(d, UINT32_MAX,
				 DISK_JOURNAL " has %" PRIu64
					      " bytes that are no records of "
					      "this disk; they are ignored",
				 journal->bad_bytes);
	d->stats.n[DC_RETRIES_ABSORBED] += flight_restore(d);
	count_taken(d);
	sync_leftovers(d, journal);
	return 0;
}

int disk_load_zones(struct disk *d, const struct disk_open_args *args,
		    struct journal_state *journal, struct zl_err *err)
{
	struct told told = { d, active_unknown(&d->zones.geo) };
	int ret;

	if (!told.active)
		return zl_fail(err, ENOMEM, "out of memory");
	ret = load_zones(&told, args, journal, err);
	free(told.active);
	return ret;
}
