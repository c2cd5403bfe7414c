// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Adding and removing faults of an open disk: those that happen, with the file
 * of the persistent ones, and those that are a zone's state, with the journal.
 */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/hold.h"
#include "disk/io/turn.h"
#include "disk/io/zone_journal.h"
#include "disk/medium/journal.h"
#include "disk/medium/problems.h"
#include "disk/medium/sidecar.h"

/*
 * Ranges.
 */

/* With nr_blocks UINT64_MAX to the end. */
static int check_range(const struct disk *d, uint64_t lba, uint64_t nr_blocks,
		       struct zl_err *err)
{
	uint64_t capacity = d->zones.geo.capacity_blocks;

	if (lba < capacity &&
	    (nr_blocks == UINT64_MAX || nr_blocks <= capacity - lba))
		return 0;
	return zl_fail(err, EINVAL,
		       "the range is beyond the disk, which has %llu blocks",
		       (unsigned long long)capacity);
}

/* The slots whose zones the range touches; behind some is a gap zone, which has
 * no state to change. */
static int slots_of(const struct disk *d, uint64_t lba, uint64_t nr_blocks,
		    uint32_t *first, uint32_t *last, struct zl_err *err)
{
	uint64_t capacity = d->zones.geo.capacity_blocks;
	int ret = check_range(d, lba, nr_blocks, err);

	if (ret)
		return ret;
	*first = zone_slot_of(&d->zones, lba);
	if (lba - zone_slot_start_lba(&d->zones, *first) >=
	    zone_slot_cap_blocks(&d->zones, *first))
		++*first;
	*last = zone_slot_of(&d->zones, nr_blocks == UINT64_MAX
						? capacity - 1
						: lba + nr_blocks - 1);
	if (*first > *last)
		return zl_fail(
			err, EINVAL,
			"LBA 0x%llx is in a gap zone, whose state cannot "
			"be changed",
			(unsigned long long)lba);
	return 0;
}

static int check_attr(const struct disk *d, uint32_t first,
		      enum inject_kind kind, struct zl_err *err)
{
	if (kind != INJECT_RESET_RECOMMENDED ||
	    zone_slot_has_wp(&d->zones, first))
		return 0;
	return zl_fail(err, EINVAL,
		       "zone %u is conventional: it has no write pointer to "
		       "reset",
		       first);
}

static void set_attr(struct disk *d, uint32_t slot, uint8_t bits)
{
	pthread_mutex_lock(&d->lock);
	zone_set_attrs(&d->zones, slot, d->zones.slots[slot].attrs | bits);
	pthread_mutex_unlock(&d->lock);
}

static void count_armed(struct disk_faults *fs)
{
	atomic_store(&fs->armed, inject_live(&fs->list));
}

/* READ ONLY and OFFLINE are in the journal. */
static int take_state(struct disk *d, const struct inject_fault *f,
		      struct zl_err *err)
{
	uint32_t first, last;
	int ret;

	if (!inject_is_attr(f->kind) || !f->persistent)
		return zl_fail(err, EINVAL, "it has what it cannot have");
	ret = slots_of(d, f->lba, f->nr_blocks, &first, &last, err);
	if (!ret)
		ret = check_attr(d, first, f->kind, err);
	if (ret)
		return ret;
	ret = attrs_take(d, f, first, last);
	return ret ? zl_fail(err, -ret, "out of memory") : 0;
}

static int parse_all(struct disk *d, struct json_object *all,
		     struct zl_err *err)
{
	size_t n = json_object_array_length(all);
	struct inject_fault f;
	int ret;

	for (size_t i = 0; i < n; i++) {
		ret = inject_parse(json_object_array_get_idx(all, i), NULL, &f,
				   err);
		if (ret)
			return ret;
		if (inject_is_state(f.kind))
			ret = take_state(d, &f, err);
		else if (!inject_add(&d->faults.list, &f))
			ret = zl_fail(err, EINVAL,
				      "it has what it cannot have");
		if (ret)
			return ret;
	}
	return 0;
}

static int parse_text(struct disk *d, const char *text, size_t len,
		      struct zl_err *err)
{
	struct json_tokener *tok = json_tokener_new();
	struct json_object *all = NULL;
	int ret;

	if (!tok)
		return zl_fail(err, ENOMEM, "out of memory");
	if (len <= 1 << 20)
		all = json_tokener_parse_ex(tok, text, (int)len);
	json_tokener_free(tok);
	if (json_object_is_type(all, json_type_array))
		ret = parse_all(d, all, err);
	else
		ret = zl_fail(err, EINVAL, "it is not a JSON array");
	json_object_put(all);
	return ret;
}

void faults_load(struct disk *d)
{
	struct disk_faults *fs = &d->faults;
	char why[META_ERROR_MAX];
	struct zl_err err;
	void *text;
	size_t len;
	int ret = store_meta_read(d->store, DISK_FAULTS, &text, &len);

	if (ret == -ENOENT)
		return;
	fs->file = true;
	if (ret) {
		disk_add_problem(d, UINT32_MAX, DISK_FAULTS " is %s",
				 meta_read_error(ret, why));
		return;
	}
	if (parse_text(d, text, len, &err)) {
		fs->list.nr = 0;
		attrs_drop(fs);
		disk_add_problem(d, UINT32_MAX,
				 DISK_FAULTS " is not a list of faults (%s); "
					     "it is ignored",
				 err.msg);
	}
	free(text);
	/* Who looks suffers nothing. */
	if (!d->look_only)
		count_armed(fs);
	for (uint32_t slot = 0; fs->kept && slot < d->zones.nr_slots; slot++)
		if (fs->kept[slot])
			set_attr(d, slot, fs->kept[slot]);
	if (fs->list.nr && !d->look_only)
		zl_log(ZL_LOG_WARN, "%s: %u injected faults are armed", d->name,
		       fs->list.nr);
}

static int fail_file(const struct disk *d, int ret, struct zl_err *err)
{
	return zl_fail(err, -ret, "%s/" DISK_FAULTS " cannot be written: %s",
		       d->name, limit_strerror(-ret));
}

/*
 * Faults that happen.
 */

static int add_event(struct disk *d, const struct inject_fault *f, uint32_t *id,
		     struct zl_err *err)
{
	struct disk_faults *fs = &d->faults;
	int ret = 0;

	pthread_mutex_lock(&fs->lock);
	*id = inject_add(&fs->list, f);
	if (*id && f->persistent)
		ret = faults_save(d);
	if (ret)
		inject_remove(&fs->list, *id);
	count_armed(fs);
	pthread_mutex_unlock(&fs->lock);
	if (ret)
		return fail_file(d, ret, err);
	if (!*id)
		return zl_fail(err, ENOSPC,
			       "the disk has %d faults already; clear some",
			       INJECT_MAX);
	zl_log(ZL_LOG_INFO, "%s: fault %u armed: %s", d->name, *id,
	       inject_kind_name(f->kind));
	return 0;
}

int disk_fault_remove(struct disk *d, uint32_t id, struct zl_err *err)
{
	struct disk_faults *fs = &d->faults;
	bool found;
	int ret;

	pthread_mutex_lock(&fs->lock);
	found = inject_remove(&fs->list, id);
	count_armed(fs);
	faults_let_go(fs);
	ret = found ? faults_save(d) : 0;
	pthread_mutex_unlock(&fs->lock);
	if (!found)
		return zl_fail(err, ENOENT, "there is no fault %u", id);
	if (ret)
		return zl_fail(err, -ret,
			       "fault %u is cleared, but %s/" DISK_FAULTS
			       " cannot be written: %s",
			       id, d->name, limit_strerror(-ret));
	return 0;
}

/*
 * Zones' states.
 */

#define JOURNAL_FLAGS (SLOT_JOURNAL_RO | SLOT_JOURNAL_OFF)

static uint16_t cond_flags(enum zone_cond cond)
{
	if (cond == ZC_OFFLINE)
		return SLOT_JOURNAL_OFF;
	return cond == ZC_READ_ONLY ? SLOT_JOURNAL_RO : 0;
}

/* What a zone is without a fault, by its write pointer.  Under the lock. */
static enum zone_cond natural_cond(const struct disk *d, uint32_t slot)
{
	uint32_t wp = zone_slot_wp_blocks(&d->zones, slot);

	if (!zone_slot_has_wp(&d->zones, slot))
		return ZC_NOT_WP;
	if (!wp)
		return ZC_EMPTY;
	return wp == zone_slot_cap_blocks(&d->zones, slot) ? ZC_FULL
							   : ZC_CLOSED;
}

/*
 * @cond: READ ONLY, OFFLINE, or 0: back to normal, where the zone's file lets
 * it: a damaged one goes on until the next opening.  Without @sync it is
 * durable with the next zone_journal_sync(): a sync for each of many zones
 * takes minutes.  With the slot's turn.
 */
static int change_cond(struct disk *d, uint32_t slot, enum zone_cond cond,
		       bool sync)
{
	struct disk_slot *s = &d->slots.at[slot];
	uint16_t was;
	int ret;

	pthread_mutex_lock(&d->lock);
	was = s->flags & JOURNAL_FLAGS;
	if (was == cond_flags(cond)) {
		pthread_mutex_unlock(&d->lock);
		return 0;
	}
	s->flags = (s->flags & ~JOURNAL_FLAGS) | cond_flags(cond);
	pthread_mutex_unlock(&d->lock);
	ret = journal_append(&d->journal, JR_CONDITION, slot, cond, sync);
	pthread_mutex_lock(&d->lock);
	d->journal.told += !ret && !sync;
	if (ret)
		s->flags = (s->flags & ~JOURNAL_FLAGS) | was;
	else if (!(s->flags & SLOT_DAMAGED))
		zone_set_state(&d->zones, slot,
			       cond ? cond : natural_cond(d, slot),
			       zone_slot_wp_blocks(&d->zones, slot));
	pthread_mutex_unlock(&d->lock);
	if (!ret)
		ret = zone_journal_tell(d, slot);
	return ret;
}

static int fail_journal(struct zl_err *err, uint32_t slot, int ret)
{
	return zl_fail(err, -ret, "zone %u: the journal cannot be written: %s",
		       slot, limit_strerror(-ret));
}

/* For the slot's turn, after any power failure. */
static int wait_alone(struct disk *d, uint32_t slot)
{
	int ret = hold_wait(d);

	if (ret)
		return ret;
	ret = turn_wait(d, slot);
	if (ret)
		hold_leave(d);
	return ret;
}

/* It has no file whose state this could be. */
static int refuse_inactive(struct disk *d, uint32_t slot, enum zone_cond cond,
			   struct zl_err *err)
{
	bool inactive;

	pthread_mutex_lock(&d->lock);
	inactive = zone_slot_cond(&d->zones, slot) == ZC_INACTIVE;
	pthread_mutex_unlock(&d->lock);
	if (!inactive || !cond)
		return 0;
	return zl_fail(err, EINVAL,
		       "zone %u is inactive: its realm must be activated there "
		       "first",
		       slot);
}

static int set_cond(struct disk *d, uint32_t slot, enum zone_cond cond,
		    bool sync, struct zl_err *err)
{
	enum zone_cond is;
	bool damaged;
	int ret;

	pthread_mutex_lock(&d->lock);
	damaged = d->slots.at[slot].flags & SLOT_DAMAGED;
	is = zone_slot_cond(&d->zones, slot);
	pthread_mutex_unlock(&d->lock);
	if (damaged && cond)
		return zl_fail(err, EINVAL,
			       "zone %u is %s since its file is not as it "
			       "should be; zloop check explains",
			       slot, zone_cond_name(is));
	if (wait_alone(d, slot))
		return zl_fail(err, EBUSY,
			       "a command to zone %u takes too long (an "
			       "injected delay ends when it is cleared)",
			       slot);
	/* Only now no activation comes in between. */
	ret = refuse_inactive(d, slot, cond, err);
	if (!ret) {
		ret = change_cond(d, slot, cond, sync);
		if (ret)
			fail_journal(err, slot, ret);
	}
	turn_leave(d, slot);
	hold_leave(d);
	return ret;
}

static int set_state(struct disk *d, uint32_t slot, enum inject_kind kind,
		     bool sync, struct zl_err *err)
{
	/* It has no state to change. */
	if (zone_slot_traits(&d->zones, slot)->span == ZS_NOTHING)
		return 0;
	switch (kind) {
	case INJECT_READ_ONLY:
		return set_cond(d, slot, ZC_READ_ONLY, sync, err);
	case INJECT_OFFLINE:
		return set_cond(d, slot, ZC_OFFLINE, sync, err);
	default:
		set_attr(d, slot, attr_bits(kind));
		return 0;
	}
}

/* Zones from @first to @end - 1. */
static void note_states(struct disk *d, enum inject_kind kind, uint32_t first,
			uint32_t end)
{
	if (first == end)
		return;
	if (end - first == 1)
		zl_log(ZL_LOG_INFO, "%s: injected %s into zone %u", d->name,
		       inject_kind_name(kind), first);
	else
		zl_log(ZL_LOG_INFO, "%s: injected %s into zones %u to %u",
		       d->name, inject_kind_name(kind), first, end - 1);
	pthread_mutex_lock(&d->faults.lock);
	d->faults.injected += end - first;
	pthread_mutex_unlock(&d->faults.lock);
}

static int clear_state(struct disk *d, uint32_t slot, bool sync,
		       struct zl_err *err)
{
	bool has_cond;

	pthread_mutex_lock(&d->lock);
	zone_set_attrs(&d->zones, slot,
		       d->zones.slots[slot].attrs & ZA_NON_SEQ);
	has_cond = d->slots.at[slot].flags & JOURNAL_FLAGS;
	pthread_mutex_unlock(&d->lock);
	/* Nobody waits for the commands to other zones. */
	return has_cond ? set_cond(d, slot, (enum zone_cond)0, sync, err) : 0;
}

static int sync_states(struct disk *d, uint32_t last, struct zl_err *err)
{
	int ret = zone_journal_sync(d);

	return ret ? fail_journal(err, last, ret) : 0;
}

static int prepare_attrs(struct disk *d, const struct inject_fault *f,
			 uint32_t first, uint32_t last, struct zl_err *err)
{
	int ret = check_attr(d, first, f->kind, err);

	if (ret || !f->persistent)
		return ret;
	ret = attrs_keep(d, f, first, last);
	return ret ? fail_file(d, ret, err) : 0;
}

static int add_states(struct disk *d, const struct inject_fault *f,
		      struct zl_err *err)
{
	uint32_t slot, first, last;
	int ret = slots_of(d, f->lba, f->nr_blocks, &first, &last, err);

	if (!ret && inject_is_attr(f->kind))
		ret = prepare_attrs(d, f, first, last, err);
	if (ret)
		return ret;
	for (slot = first; !ret && slot <= last; slot += !ret)
		ret = set_state(d, slot, f->kind, slot == last, err);
	note_states(d, f->kind, first, slot);
	return ret ? ret : sync_states(d, last, err);
}

int disk_fault_add(struct disk *d, const struct inject_fault *f, uint32_t *id,
		   struct zl_err *err)
{
	int ret;

	*id = 0;
	if (inject_is_state(f->kind))
		return add_states(d, f, err);
	ret = check_range(d, f->lba, f->nr_blocks, err);
	return ret ? ret : add_event(d, f, id, err);
}

int disk_fault_restore(struct disk *d, uint64_t lba, uint64_t nr_blocks,
		       struct zl_err *err)
{
	uint32_t first, last;
	int ret = slots_of(d, lba, nr_blocks, &first, &last, err), ret2;

	if (ret)
		return ret;
	ret2 = attrs_forget(d, first, last);
	for (; !ret && first <= last; first++)
		ret = clear_state(d, first, first == last, err);
	if (!ret)
		ret = sync_states(d, last, err);
	return ret || !ret2 ? ret : fail_file(d, ret2, err);
}

int disk_fault_clear(struct disk *d, struct zl_err *err)
{
	struct disk_faults *fs = &d->faults;
	int ret;

	pthread_mutex_lock(&fs->lock);
	fs->list.nr = 0;
	count_armed(fs);
	faults_let_go(fs);
	if (fs->kept)
		memset(fs->kept, 0, d->zones.nr_slots);
	ret = faults_save(d);
	pthread_mutex_unlock(&fs->lock);
	if (ret)
		return zl_fail(err, -ret,
			       "%s/" DISK_FAULTS " cannot be removed: %s",
			       d->name, limit_strerror(-ret));
	return disk_fault_restore(d, 0, UINT64_MAX, err);
}

enum has_state {
	HAS_NOT,
	HAS,
	HAS_FOR_GOOD /* persistent */
};

static enum has_state has_state(struct disk *d, uint32_t slot,
				enum inject_kind kind)
{
	uint8_t flags, attrs;

	pthread_mutex_lock(&d->lock);
	flags = d->slots.at[slot].flags;
	attrs = d->zones.slots[slot].attrs;
	pthread_mutex_unlock(&d->lock);
	if (!inject_is_attr(kind))
		return flags & (kind == INJECT_OFFLINE ? SLOT_JOURNAL_OFF
						       : SLOT_JOURNAL_RO)
			       ? HAS_FOR_GOOD
			       : HAS_NOT;
	if (!(attrs & attr_bits(kind)))
		return HAS_NOT;
	return attrs_are_kept(d, slot, attr_bits(kind)) ? HAS_FOR_GOOD : HAS;
}

/* Zones that lie side by side are one fault, as they may be a million. */
static void each_state(struct disk *d, enum inject_kind kind,
		       void (*fn)(void *user, const struct inject_fault *fault),
		       void *user)
{
	struct inject_fault f = { .kind = kind, .count = INJECT_ALWAYS };
	enum has_state has, before = HAS_NOT;

	for (uint32_t slot = 0; slot <= d->zones.nr_slots; slot++) {
		has = slot < d->zones.nr_slots ? has_state(d, slot, kind)
					       : HAS_NOT;
		if (before && has != before) {
			f.persistent = before == HAS_FOR_GOOD;
			fn(user, &f);
			f.nr_blocks = 0;
		}
		if (has && !f.nr_blocks)
			f.lba = zone_slot_start_lba(&d->zones, slot);
		if (has)
			f.nr_blocks += zone_slot_blocks(&d->zones, slot);
		before = has;
	}
}

void disk_fault_each(struct disk *d,
		     void (*fn)(void *user, const struct inject_fault *fault),
		     void *user)
{
	struct disk_faults *fs = &d->faults;
	struct inject_fault *copy = malloc(sizeof(fs->list.faults));
	unsigned nr = 0;

	if (!copy)
		return;
	pthread_mutex_lock(&fs->lock);
	nr = fs->list.nr;
	memcpy(copy, fs->list.faults, nr * sizeof(*copy));
	pthread_mutex_unlock(&fs->lock);
	for (unsigned i = 0; i < nr; i++)
		fn(user, &copy[i]);
	free(copy);
	for (enum inject_kind k = INJECT_READ_ONLY; k < INJECT_NR; k++)
		each_state(d, k, fn, user);
}
