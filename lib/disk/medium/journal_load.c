// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Reading the journal, zloop.state: see docs/on-disk-format.md. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crc32c.h"
#include "base/num.h"
#include "disk/medium/bad.h"
#include "disk/medium/journal.h"
#include "disk/medium/journal_format.h"
#include "disk/medium/sidecar.h"
#include "store/store.h"

#define SLOT_COND 0x0f /* a condition's code */
#define SLOT_EXP  0x10
#define SLOT_NSEQ 0x20

struct loader {
	struct journal_state *state;
	const struct zone_geo *geo;
	uint32_t nr_slots;
	uint8_t *slots;	 /* SLOT_COND, SLOT_EXP, SLOT_NSEQ */
	uint8_t *active; /* by realm; ZONE_NO_DOMAIN: nothing is said */
	uint64_t boot;	 /* of the last opening */
	bool stopped;	 /* … which has ended in an orderly way */
	bool hands_over; /* … for another machine to go on */
	uint64_t seq;	 /* of the last record, 0 = none yet */
	struct bad_ranges bad;
	/* Records behind the one that is taken. */
	const uint8_t *behind;
	size_t behind_bytes;
	bool failed; /* out of memory */
};

struct record {
	uint64_t seq, value;
	uint32_t slot;
	uint16_t type;
};

static bool decode(const uint8_t *p, struct record *r)
{
	if (memcmp(p, JOURNAL_MAGIC, 4) ||
	    crc32c(p, 28) != (uint32_t)le_get(p + 28, 4))
		return false;
	*r = (struct record){
		.type = (uint16_t)le_get(p + 4, 2),
		.seq = le_get(p + 8, 8),
		.value = le_get(p + 16, 8),
		.slot = (uint32_t)le_get(p + 24, 4),
	};
	return true;
}

/* What only the daemon's death leaves as it is. */
static void drop_powered(struct loader *l)
{
	l->state->saved &= ~DISK_SAVE_POWERED;
	l->state->control = l->state->control_saved;
	for (uint32_t i = 0; i < l->nr_slots; i++)
		l->slots[i] &= (uint8_t)~SLOT_EXP;
}

/* What the last one to open the disk acknowledged was durable. */
static bool is_write_through(const struct journal_state *s)
{
	return holder_has_write_through(&s->holder);
}

/* By clocks of two machines, perhaps; one that is set wrong must not make it
 * longer. */
static bool has_grace_left(const struct loader *l)
{
	uint64_t now_s = (uint64_t)clock_real_ns() / 1000000000;
	uint64_t end_s = l->state->owed >> 32;

	return now_s < end_s && end_s - now_s <= JOURNAL_GRACE_S;
}

/* Another machine has gone on, or goes on now, where one stopped. */
static bool is_handed_over(const struct loader *l, uint64_t boot)
{
	return has_grace_left(l) ||
	       (l->hands_over && boot && l->boot && boot != l->boot);
}

static bool goes_on(const struct loader *l, uint64_t boot)
{
	if (l->stopped)
		return is_handed_over(l, boot);
	return (boot && boot == l->boot) || is_write_through(l->state);
}

static void take_open(struct loader *l, uint64_t boot, uint32_t flight)
{
	if (!goes_on(l, boot))
		drop_powered(l);
	l->boot = boot;
	l->stopped = false;
	l->state->flight = flight;
	l->state->holder = (struct disk_holder){ 0 };
	l->state->clean = false;
}

static void take_clean(struct loader *l, const struct record *r)
{
	l->state->clean = l->stopped = true;
	l->hands_over = r->value & 1;
}

static bool take_condition(struct loader *l, const struct record *r)
{
	if (r->slot >= l->nr_slots ||
	    (r->value && r->value != ZC_READ_ONLY && r->value != ZC_OFFLINE))
		return false;
	l->slots[r->slot] &= (uint8_t)~SLOT_COND;
	l->slots[r->slot] |= (uint8_t)r->value;
	return true;
}

static bool take_explicit(struct loader *l, const struct record *r)
{
	if (r->slot >= l->nr_slots || r->value > 1)
		return false;
	l->slots[r->slot] &= (uint8_t)~SLOT_EXP;
	l->slots[r->slot] |= r->value ? SLOT_EXP : 0;
	return true;
}

static bool take_non_seq(struct loader *l, const struct record *r)
{
	if (r->slot >= l->nr_slots || r->value > 1)
		return false;
	l->slots[r->slot] &= (uint8_t)~SLOT_NSEQ;
	l->slots[r->slot] |= r->value ? SLOT_NSEQ : 0;
	return true;
}

static bool take_counter(struct loader *l, const struct record *r)
{
	uint64_t *n;

	if (r->slot >= DC_NR || disk_counter_table[r->slot].since_open)
		return false;
	n = &l->state->stats.n[r->slot];
	*n = disk_counter_table[r->slot].largest ? max_u64(*n, r->value)
						 : r->value;
	return true;
}

/* Whether the @nr records behind @r are there that it says something with. */
static bool has_rest(const struct loader *l, const struct record *r,
		     uint32_t nr)
{
	struct record next;

	if (nr > l->behind_bytes / JOURNAL_RECORD_BYTES)
		return false;
	for (uint32_t i = 0; i < nr; i++)
		if (!decode(l->behind + i * JOURNAL_RECORD_BYTES, &next) ||
		    next.seq != r->seq + 1 + i || next.type != JR_BAD ||
		    next.slot != r->slot ||
		    (uint32_t)(next.value >> 32) >= (uint32_t)next.value)
			return false;
	return true;
}

static bool take_bad(struct loader *l, const struct record *r)
{
	uint32_t lo = (uint32_t)(r->value >> 32), hi = (uint32_t)r->value;
	struct bad_ranges *bad = &l->bad;

	if (r->slot >= l->nr_slots || lo > hi)
		return false;
	if (lo == hi) {
		if (has_rest(l, r, lo))
			bad_clear(bad, r->slot, 0, UINT32_MAX);
	} else if (bad_add(bad, r->slot, lo, hi)) {
		l->failed = true;
	}
	return true;
}

/* A realm's zones, wherever it has any, are others than those that the records
 * so far are about: what is said of these behind an activation may be lost. */
static void activate(struct loader *l, uint32_t realm, uint8_t domain)
{
	const struct zone_domains *domains = &l->geo->domains;
	uint32_t slot, end;

	if (l->active[realm] == domain)
		return;
	l->active[realm] = domain;
	for (unsigned i = 0; i < domains->nr; i++) {
		if (!zone_realm_has(l->geo, realm, i))
			continue;
		slot = zone_realm_slot(l->geo, realm, i);
		end = slot + domains->d[i].realm_slots;
		for (; slot < end; slot++) {
			l->slots[slot] = 0;
			bad_clear(&l->bad, slot, 0, UINT32_MAX);
		}
	}
}

static bool take_activation(struct loader *l, const struct record *r)
{
	uint32_t count = (uint32_t)(r->value >> 32), end = r->slot + count;
	uint8_t named = (uint8_t)(r->value >> 8), domain = (uint8_t)r->value;
	const struct zone_domains *domains = &l->geo->domains;

	if (r->slot >= domains->nr_realms ||
	    count > domains->nr_realms - r->slot || domain >= domains->nr ||
	    (named != UINT8_MAX && named >= domains->nr))
		return false;
	for (uint32_t i = r->slot; i < end; i++)
		if (zone_realm_has(l->geo, i, domain) &&
		    (named == UINT8_MAX || zone_realm_has(l->geo, i, named)))
			activate(l, i, domain);
	return true;
}

static bool take_control(struct loader *l, const struct record *r)
{
	if (!l->geo->domains.nr || r->slot > 1 || !(r->value & 2))
		return false;
	l->state->control = r->value;
	if (r->slot)
		l->state->control_saved = r->value;
	return true;
}

/* False: sound, but not of this disk, or of a newer version. */
static bool take_record(struct loader *l, const struct record *r,
			const uint8_t *behind, size_t behind_bytes)
{
	l->behind = behind;
	l->behind_bytes = behind_bytes;
	switch (r->type) {
	case JR_OPEN:
		take_open(l, r->value, r->slot);
		return true;
	case JR_CLEAN:
		take_clean(l, r);
		return true;
	case JR_CONDITION:
		return take_condition(l, r);
	case JR_EXP_OPEN:
		return take_explicit(l, r);
	case JR_NON_SEQ:
		return take_non_seq(l, r);
	case JR_BAD:
		return take_bad(l, r);
	case JR_COUNTER:
		return take_counter(l, r);
	case JR_SAVED:
		l->state->saved = r->value;
		return true;
	case JR_ACTIVATE:
		return take_activation(l, r);
	case JR_CONTROL:
		return take_control(l, r);
	case JR_OWED:
		l->state->owed = r->value;
		return true;
	case JR_BASE:
		return true;
	case JR_HOLDER:
		return holder_take(&l->state->holder, r->slot, r->value);
	default:
		return false;
	}
}

/* An incomplete record: was it to be a clean stop?  See journal_start(). */
static void take_part(struct loader *l, const uint8_t *p, size_t len)
{
	l->state->last_type = 0;
	if (len >= 6 && !memcmp(p, JOURNAL_MAGIC, 4) &&
	    le_get(p + 4, 2) == JR_CLEAN)
		drop_powered(l);
}

/* The newest JR_BASE all of whose records are there; UINT64_MAX: there is none.
 * *seq: the largest number in the file. */
static uint64_t find_base(const uint8_t *p, size_t len, uint64_t *seq)
{
	uint64_t base = UINT64_MAX, base_seq = 0, run = 0;
	struct record r, next = { .seq = 0 };

	*seq = 0;
	for (size_t i = len / JOURNAL_RECORD_BYTES; i--;) {
		if (!decode(p + i * JOURNAL_RECORD_BYTES, &r) ||
		    r.seq == UINT64_MAX) {
			run = 0;
			continue;
		}
		run = run && next.seq == r.seq + 1 ? run + 1 : 1;
		next = r;
		*seq = max_u64(*seq, r.seq);
		if (r.type == JR_BASE && r.value && r.value <= run &&
		    r.seq >= base_seq) {
			base = i * JOURNAL_RECORD_BYTES;
			base_seq = r.seq;
		}
	}
	return base;
}

/*
 * A file that is rewritten in place: from the newest base on, up to something
 * older, or what was to become the next one.  What cannot be read counts only
 * if something that can be is behind it: else it was never acknowledged, or is
 * older.
 */
static void take_in_place(struct loader *l, const uint8_t *p, size_t len,
			  uint64_t base)
{
	uint64_t bad = 0, at = base;
	struct record r;

	for (; at + JOURNAL_RECORD_BYTES <= len; at += JOURNAL_RECORD_BYTES) {
		bad += JOURNAL_RECORD_BYTES;
		if (!decode(p + at, &r))
			continue;
		if (r.seq <= l->seq || (r.type == JR_BASE && at != base))
			break;
		l->seq = r.seq;
		if (!take_record(l, &r, p + at + JOURNAL_RECORD_BYTES,
				 len - at - JOURNAL_RECORD_BYTES))
			continue;
		l->state->bad_bytes += bad - JOURNAL_RECORD_BYTES;
		bad = 0;
		l->state->last_type = r.type;
		l->state->end = at + JOURNAL_RECORD_BYTES;
	}
	l->state->base = base;
	l->state->records =
		(uint32_t)((l->state->end - base) / JOURNAL_RECORD_BYTES);
}

/* Bad records are passed over: what is behind a flipped bit still counts. */
static void take_in_order(struct loader *l, const uint8_t *p, size_t len)
{
	struct record r;
	bool ok;

	for (; len >= JOURNAL_RECORD_BYTES;
	     p += JOURNAL_RECORD_BYTES, len -= JOURNAL_RECORD_BYTES) {
		ok = decode(p, &r) && r.seq > l->seq && r.seq < UINT64_MAX;
		if (ok) {
			l->seq = r.seq;
			ok = take_record(l, &r, p + JOURNAL_RECORD_BYTES,
					 len - JOURNAL_RECORD_BYTES);
		}
		if (!ok)
			l->state->bad_bytes += JOURNAL_RECORD_BYTES;
		l->state->last_type = ok ? r.type : 0;
		l->state->records++;
	}
	l->state->bad_bytes += len;
	if (len)
		take_part(l, p, len);
}

static void take_all(struct loader *l, const uint8_t *p, size_t len)
{
	uint64_t seq, base = find_base(p, len, &seq);

	if (base == UINT64_MAX) {
		take_in_order(l, p, len);
		l->state->end = div_up_u64(len, JOURNAL_RECORD_BYTES) *
				JOURNAL_RECORD_BYTES;
		return;
	}
	take_in_place(l, p, len, base);
	l->seq = seq;
}

static bool is_taken_over(const struct loader *l, uint64_t boot)
{
	if (l->state->clean)
		return is_handed_over(l, boot);
	return l->state->died ? has_grace_left(l) : is_write_through(l->state);
}

/* Who knows what an end that cannot be read said, or would have said. */
static void conclude(struct loader *l)
{
	struct journal_state *s = l->state;
	uint64_t boot = journal_boot_hash();

	s->same_boot = boot && boot == l->boot;
	s->boot_known = boot && l->boot && s->last_type;
	s->clean = s->clean && s->last_type;
	s->died = !s->clean && (s->same_boot || !s->boot_known);
	s->taken_over = is_taken_over(l, boot);
	s->lost_power =
		s->owed & 1 || (!s->clean && !s->died && !s->taken_over);
	s->next_seq = l->seq + 1;
}

static void report(struct loader *l,
		   void (*each)(void *user, enum journal_type type,
				uint32_t slot, uint64_t value),
		   void *user)
{
	if (!l->state->taken_over && (l->stopped || !l->state->same_boot))
		drop_powered(l);
	if (!each)
		return;
	for (uint32_t i = 0; i < l->geo->domains.nr_realms; i++)
		if (l->active[i] != ZONE_NO_DOMAIN)
			each(user, JR_ACTIVATE, i, l->active[i]);
	for (uint32_t i = 0; i < l->nr_slots; i++) {
		if (l->slots[i] & SLOT_COND)
			each(user, JR_CONDITION, i, l->slots[i] & SLOT_COND);
		if (l->slots[i] & SLOT_NSEQ)
			each(user, JR_NON_SEQ, i, 1);
		if (l->slots[i] & SLOT_EXP)
			each(user, JR_EXP_OPEN, i, 1);
	}
	for (const struct bad_range *b = l->bad.first; b; b = b->next)
		each(user, JR_BAD, b->slot, journal_bad_value(b->lo, b->hi));
}

static int read_file(struct store *st, const char *name, void **data,
		     size_t *len, struct zl_err *err)
{
	int ret = store_meta_read(st, DISK_JOURNAL, data, len);
	char why[META_ERROR_MAX];

	if (ret == -ENOENT) {
		*data = NULL;
		*len = 0;
		return 0;
	}
	if (ret)
		return zl_fail(err, -ret, "%s/" DISK_JOURNAL " is %s", name,
			       meta_read_error(ret, why));
	return 0;
}

static int alloc(struct loader *l)
{
	/* One element at least: malloc() of none may return NULL. */
	l->slots = calloc(l->nr_slots + 1, 1);
	l->active = malloc(l->geo->domains.nr_realms + 1);
	if (!l->slots || !l->active)
		return -ENOMEM;
	memset(l->active, ZONE_NO_DOMAIN, l->geo->domains.nr_realms);
	return 0;
}

int journal_load(struct store *st, const char *name, const struct zone_geo *geo,
		 struct journal_state *state,
		 void (*each)(void *user, enum journal_type type, uint32_t slot,
			      uint64_t value),
		 void *user, struct zl_err *err)
{
	struct loader l = {
		.state = state,
		.geo = geo,
		.nr_slots = zone_geo_slots(geo),
	};
	void *data;
	size_t len;
	int ret;

	*state = (struct journal_state){ .clean = true };
	ret = read_file(st, name, &data, &len, err);
	if (ret)
		return ret;
	l.failed = alloc(&l);
	if (!l.failed) {
		take_all(&l, data, len);
		state->bytes = len;
		conclude(&l);
	}
	if (!l.failed)
		report(&l, each, user);
	bad_free(&l.bad);
	free(l.slots);
	free(l.active);
	free(data);
	return l.failed ? zl_fail(err, ENOMEM, "out of memory") : 0;
}
