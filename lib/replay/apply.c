// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A slot's file becomes what a plan says.  Not through lib/store: that makes
 * durable what it closes, and what is built here is tried and thrown away,
 * hundreds of times a minute.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "replay/internal.h"
#include "store/store.h"

struct slot_file {
	struct building *b;
	const struct replay *r;
	uint32_t slot;
	int fd;
	uint64_t size; /* bytes, as far as it is known; with a write pointer */
};

static uint64_t bytes_of(const struct slot_file *f, uint32_t blocks)
{
	return (uint64_t)blocks << f->r->block_shift;
}

static int write_at(struct slot_file *f, const uint8_t *data, uint64_t len,
		    uint64_t at)
{
	ssize_t n;

	for (; len; data += n, len -= (uint64_t)n, at += (uint64_t)n) {
		n = pwrite(f->fd, data, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
		f->size = max_u64(f->size, at + (uint64_t)n);
	}
	return 0;
}

static int set_size(struct slot_file *f, uint64_t size)
{
	f->size = size;
	return ftruncate(f->fd, (off_t)size) < 0 ? -errno : 0;
}

static int zero(struct slot_file *f, uint64_t at, uint64_t len)
{
	static const uint8_t zeros[65536];
	uint64_t n;
	int ret = 0;

	if (!fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)at, (off_t)len))
		return 0;
	for (; len && !ret; at += n, len -= n) {
		n = min_u64(len, sizeof(zeros));
		ret = write_at(f, zeros, n, at);
	}
	return ret;
}

/* Blocks [lo, hi) of the effect. */
static int change(struct slot_file *f, const struct effect *e, uint32_t lo,
		  uint32_t hi)
{
	const uint8_t *data = e->rec->data;

	if (lo >= hi)
		return 0;
	if (e->rec->type == RECORD_UNMAP)
		return zero(f, bytes_of(f, lo), bytes_of(f, hi - lo));
	return write_at(f, data + bytes_of(f, e->skip + lo - e->lo),
			bytes_of(f, hi - lo), bytes_of(f, lo));
}

/*
 * With a write pointer.
 */

static int refill(struct slot_file *f, const struct effect *e)
{
	size_t block = (size_t)1 << f->r->block_shift;
	int ret = set_size(f, 0);

	if (!e->rec->data_bytes)
		return ret ? ret : set_size(f, bytes_of(f, e->hi));
	for (uint32_t i = 0; i < e->hi && !ret; i++)
		ret = write_at(f, e->rec->data, block, bytes_of(f, i));
	return ret;
}

/* The first @steps of it. */
static int take_steps(struct slot_file *f, const struct effect *e,
		      uint64_t steps)
{
	uint32_t g = f->r->granule;
	uint64_t hi = (e->lo / g + steps) * g;

	switch (e->rec->type) {
	case RECORD_WRITE:
		return change(f, e, e->lo, (uint32_t)min_u64(hi, e->hi));
	case RECORD_RESET:
		return set_size(f, 0);
	case RECORD_FINISH:
		return set_size(f, bytes_of(f, zone_slot_cap_blocks(
						       &f->r->zones, f->slot)));
	case RECORD_REFILL:
		return refill(f, e);
	default:
		return 0;
	}
}

/* How many of its steps are taken that are not durable. */
static uint64_t choose_steps(struct building *b, uint32_t slot, uint64_t steps);

/* What comes before the last reset is not there any more. */
static uint32_t start_at(const struct slot_file *f, uint64_t taken)
{
	const struct plan *p = f->b->plan;
	uint32_t start = p->slots[f->slot].first;
	const struct effect *e;

	for (uint32_t i = start; i != NO_EFFECT; i = e->next) {
		e = &p->effects[i];
		if (!plan_is_safe(p, f->slot, e)) {
			if (!taken)
				break;
			taken -= min_u64(taken, effect_steps(p, e));
		}
		if (e->rec->type == RECORD_RESET)
			start = i;
	}
	return start;
}

/*
 * That a zone was written out of order is durable with the write that did so,
 * whatever becomes of its data; that a reset has ended that goes with the
 * reset.  @taken as above.
 */
static void note_order(struct slot_file *f, uint64_t taken)
{
	const struct plan *p = f->b->plan;
	uint64_t end = f->size;
	const struct effect *e;
	bool is_there;
	int8_t is = p->slots[f->slot].base == SLOT_KEPT ? -1 : 0;

	for (uint32_t i = p->slots[f->slot].first; i != NO_EFFECT;
	     i = e->next) {
		e = &p->effects[i];
		is_there = taken || plan_is_safe(p, f->slot, e);
		if (!plan_is_safe(p, f->slot, e))
			taken -= min_u64(taken, effect_steps(p, e));
		if (!is_there &&
		    (e->rec->seq > p->seq || e->rec->type == RECORD_RESET))
			break;
		if (e->rec->type == RECORD_RESET) {
			is = 0;
			end = 0;
		} else if (e->rec->type == RECORD_FINISH) {
			end = bytes_of(
				f, zone_slot_cap_blocks(&f->r->zones, f->slot));
		} else if (e->rec->type == RECORD_WRITE) {
			is = bytes_of(f, e->lo) == end ? is : 1;
			end = max_u64(end, bytes_of(f, e->hi));
		}
	}
	f->b->non_seq[f->slot] = is;
}

static int apply_wp(struct slot_file *f)
{
	const struct plan *p = f->b->plan;
	uint64_t taken = choose_steps(f->b, f->slot, plan_steps(p, f->slot));
	uint32_t start = start_at(f, taken), i = p->slots[f->slot].first;
	const struct effect *e;
	uint64_t steps;
	bool begun = false;
	int ret = 0;

	if (f->b->non_seq &&
	    zone_slot_traits(&f->r->zones, f->slot)->tells_non_seq)
		note_order(f, taken);
	for (; i != NO_EFFECT && !ret; i = e->next) {
		e = &p->effects[i];
		steps = effect_steps(p, e);
		begun |= i == start;
		if (!plan_is_safe(p, f->slot, e)) {
			if (!taken)
				break;
			steps = min_u64(steps, taken);
			taken -= steps;
		}
		if (begun)
			ret = take_steps(f, e, steps);
	}
	return ret;
}

/*
 * Choosing.
 */

static uint64_t digit(struct building *b, uint64_t radix)
{
	uint64_t v = b->state % radix;

	b->state /= radix;
	return v;
}

/* Often all or nothing, as flushes of others and plain luck have it. */
static uint64_t choose_steps(struct building *b, uint32_t slot, uint64_t steps)
{
	uint64_t v;

	if (!b->crash || !steps)
		return steps;
	if (!b->crash->random)
		return digit(b, steps + 1);
	v = mix(b->crash->state, slot);
	switch (v % 4) {
	case 0:
		return 0;
	case 1:
		return steps;
	default:
		return (v >> 2) % (steps + 1);
	}
}

/* Whether granule @n of the write is there: all of it, nothing, or torn. */
static bool choose_granule(const struct building *b, const struct effect *e,
			   uint32_t n)
{
	uint64_t v = mix(b->crash->state, e->rec->seq << 20 | 1);

	switch (v % 5) {
	case 0:
	case 1:
		return false;
	case 2:
	case 3:
		return true;
	default:
		return mix(v, n) % 2;
	}
}

/*
 * Without a write pointer.
 */

static int apply_all(struct slot_file *f)
{
	const struct plan *p = f->b->plan;
	const struct effect *e;
	int ret = 0;

	for (uint32_t i = p->slots[f->slot].first; i != NO_EFFECT && !ret;
	     i = e->next) {
		e = &p->effects[i];
		if (!e->safe)
			ret = change(f, e, e->lo, e->hi);
	}
	return ret;
}

/* In place of how many are not durable: how many of them are there. */
static void choose_later(struct building *b, struct granules *g)
{
	for (uint32_t n = 0; n < g->nr; n++)
		if (g->later[n])
			g->later[n] =
				(uint32_t)digit(b, (uint64_t)g->later[n] + 1);
}

static bool is_there(struct building *b, struct granules *g,
		     const struct effect *e, uint32_t n)
{
	if (e->rec->seq <= g->floor[n])
		return true;
	if (b->crash->random)
		return choose_granule(b, e, n);
	if (!g->later[n])
		return false;
	g->later[n]--;
	return true;
}

/* The granules that are there, those side by side at once. */
static int apply_granules(struct slot_file *f, struct granules *g,
			  const struct effect *e)
{
	uint32_t per = f->r->granule, lo = e->lo, at, end;
	int ret = 0;

	for (at = e->lo; at < e->hi && !ret; at = end) {
		end = (uint32_t)min_u64((at / per + 1) * per, e->hi);
		if (is_there(f->b, g, e, at / per))
			continue;
		ret = change(f, e, lo, at);
		lo = end;
	}
	return ret ? ret : change(f, e, lo, e->hi);
}

static int apply_conv(struct slot_file *f)
{
	const struct plan *p = f->b->plan;
	const struct effect *e;
	struct granules g;
	int ret;

	if (!f->b->crash)
		return apply_all(f);
	ret = plan_granules(p, f->slot, &g);
	if (ret)
		return ret;
	if (!f->b->crash->random)
		choose_later(f->b, &g);
	for (uint32_t i = p->slots[f->slot].first; i != NO_EFFECT && !ret;
	     i = e->next) {
		e = &p->effects[i];
		if (!e->safe)
			ret = apply_granules(f, &g, e);
	}
	granules_free(&g);
	return ret;
}

static int open_file(struct slot_file *f, const char *name, bool wp)
{
	bool is_new = f->b->plan->slots[f->slot].base == SLOT_NEW;
	off_t end;

	f->fd = openat(f->b->dir_fd, name,
		       O_RDWR | O_NOFOLLOW | O_CLOEXEC |
			       (is_new ? O_CREAT | O_TRUNC : 0),
		       0600);
	if (f->fd < 0)
		return -errno;
	if (is_new && !wp)
		return set_size(f, bytes_of(f, zone_slot_blocks(&f->r->zones,
								f->slot)));
	end = lseek(f->fd, 0, SEEK_END);
	f->size = (uint64_t)end;
	return end < 0 ? -errno : 0;
}

/* What was only read has no file where a realm is active elsewhere. */
static bool is_only_read(const struct plan *p, uint32_t slot)
{
	uint32_t i = p->slots[slot].first;

	while (i != NO_EFFECT && p->effects[i].safe)
		i = p->effects[i].next;
	return i == NO_EFFECT && p->slots[slot].base == SLOT_KEPT;
}

static int remove_file(struct building *b, const char *name)
{
	return unlinkat(b->dir_fd, name, 0) && errno != ENOENT ? -errno : 0;
}

int apply_slot(struct building *b, uint32_t slot)
{
	struct slot_file f = {
		.b = b, .r = b->plan->r, .slot = slot, .fd = -1
	};
	bool wp = zone_slot_has_wp(&f.r->zones, slot);
	char name[STORE_NAME_MAX];
	int ret;

	snprintf(name, sizeof(name), "%s-%06u", wp ? "seq" : "cnv", slot);
	if (is_only_read(b->plan, slot))
		return 0;
	if (b->plan->slots[slot].base == SLOT_GONE) {
		ret = remove_file(b, name);
	} else {
		ret = open_file(&f, name, wp);
		if (!ret)
			ret = wp ? apply_wp(&f) : apply_conv(&f);
	}
	if (f.fd >= 0)
		close(f.fd);
	if (ret)
		return zl_fail(b->err, -ret, "%s/%s cannot be built: %s",
			       b->dir, name, strerror(-ret));
	return 0;
}
