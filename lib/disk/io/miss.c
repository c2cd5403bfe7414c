// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Where a read is carried out that misses the page cache: see miss.h. */
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"
#include "disk/io/miss.h"

/* Misses after a change that still show what was before, and more than others
 * have in flight; then so many are counted. */
#define SETTLE	64
#define COUNTED 64
/* After so many of them it may be plain that the other way is no better. */
#define MIN_COUNTED 16
/* How many times those before the other way is tried again. */
#define MIN_APART 64
#define MAX_APART 4096
/* … and after the better way was left for slow reads: that may be over. */
#define SOON_APART 8
/* A read is slow that takes longer here, and longer than twice what a command
 * costs elsewhere.  So many in a row, which have held up others for so long
 * together, are the last: fewer on trial than where it has been the better way.
 * Where threads wait for each other (User Mode Linux) some take milliseconds,
 * however quick the medium. */
#define SLOW_NS	       UINT64_C(1000000)
#define TRIAL_SLOW     2
#define MAX_SLOW       4
#define SLOW_NS_IN_ALL UINT64_C(10000000) /* for each of those */
/* In so long a time few commands came, and nothing is learned. */
#define IDLE_NS UINT64_C(300000000)
/* Reads that are not asked for without waiting, after one that missed. */
#define LIKELY 8

void miss_init(struct misses *m)
{
	*m = (struct misses){ .left = 1 };
}

static bool take(struct misses *m)
{
	return !atomic_exchange_explicit(&m->busy, true, memory_order_acquire);
}

static void leave(struct misses *m)
{
	atomic_store_explicit(&m->busy, false, memory_order_release);
}

static enum miss_way way_of(const struct misses *m)
{
	return atomic_load_explicit(&m->way, memory_order_relaxed);
}

static enum miss_way other(enum miss_way way)
{
	return way == MISS_HERE ? MISS_ELSEWHERE : MISS_HERE;
}

static void go(struct misses *m, enum miss_way way)
{
	if (way != m->better)
		m->last[way] = 0;
	atomic_store_explicit(&m->way, way, memory_order_relaxed);
	atomic_store_explicit(&m->likely, 0, memory_order_relaxed);
	m->nr = m->slow = 0;
	m->slow_ns = 0;
}

static uint64_t commands(const struct misses *m)
{
	return atomic_load_explicit(&m->commands, memory_order_relaxed);
}

static void start_counting(struct misses *m, uint64_t now_ns)
{
	m->nr = SETTLE;
	m->start_ns = now_ns;
	m->start_commands = commands(m);
}

static uint64_t cost(const struct misses *m, uint64_t now_ns)
{
	return max_u64(1, (now_ns - m->start_ns) /
				  max_u64(1, commands(m) - m->start_commands));
}

/* A fifth less at least: what differs by less is not worth a change. */
static bool is_better(uint64_t cost, uint64_t than)
{
	return cost && than && cost * 5 < than * 4;
}

/* One count may have met a pause of the machine. */
static bool deserves_another(const struct misses *m, enum miss_way way,
			     bool first)
{
	return first && m->cost[way] && m->cost[way] <= 2 * m->cost[m->better];
}

/* The other way was tried, and was no better. */
static void not_better(struct misses *m)
{
	if (m->apart < MIN_APART)
		m->apart = MIN_APART;
	else if (m->apart < MAX_APART)
		m->apart *= 4;
	m->left = m->apart;
	go(m, m->better);
}

static void change(struct misses *m, enum miss_way better)
{
	m->better = better;
	m->left = m->apart = MIN_APART;
	if (way_of(m) != better)
		go(m, better);
}

/* Of the last two times: one pause of the machine tells nothing, and what it
 * would have made of this way would be remembered until the next change. */
static uint64_t lower_cost(struct misses *m, enum miss_way way, uint64_t now_ns)
{
	uint64_t was = m->last[way];

	m->last[way] = cost(m, now_ns);
	return was && was < m->last[way] ? was : m->last[way];
}

/* @idle: nobody knows what it costs. */
static void counted(struct misses *m, uint64_t now_ns, bool idle)
{
	enum miss_way way = way_of(m);
	bool first = !m->last[way];

	m->cost[way] = idle ? 0 : lower_cost(m, way, now_ns);
	start_counting(m, now_ns);
	if (way != m->better) {
		if (is_better(m->cost[way], m->cost[m->better]))
			change(m, way);
		else if (!deserves_another(m, way, first))
			not_better(m);
	} else if (is_better(m->cost[other(way)], m->cost[way])) {
		change(m, other(way));
	} else if (!idle && !--m->left) {
		go(m, other(way));
	}
}

static void note(struct misses *m, uint64_t now_ns)
{
	bool idle;

	if (m->nr == SETTLE)
		start_counting(m, now_ns);
	if (m->nr++ <= SETTLE)
		return;
	idle = now_ns - m->start_ns > IDLE_NS;
	if (m->nr > SETTLE + COUNTED || idle)
		counted(m, now_ns, idle);
	else if (way_of(m) != m->better && m->nr > SETTLE + MIN_COUNTED &&
		 cost(m, now_ns) > 2 * m->cost[m->better])
		counted(m, now_ns, false);
}

bool miss_comes_here(struct io *io)
{
	struct where *w = &io->disk->where;
	struct misses *m = &w->misses;
	bool here;

	if (io->pub->nr_blocks > w->engine_blocks || !take(m))
		return false;
	note(m, io->start_ns);
	here = way_of(m) == MISS_HERE;
	if (here && !atomic_load_explicit(&m->likely, memory_order_relaxed))
		atomic_store_explicit(&m->likely, LIKELY, memory_order_relaxed);
	leave(m);
	return here;
}

bool miss_is_likely(struct io *io)
{
	struct misses *m = &io->disk->where.misses;
	unsigned likely =
		atomic_load_explicit(&m->likely, memory_order_relaxed);

	if (!likely)
		return false;
	/* The last of them is asked for, to see whether that is still so. */
	atomic_store_explicit(&m->likely, likely - 1, memory_order_relaxed);
	return likely > 1 && miss_comes_here(io);
}

static bool has_become_slow(struct misses *m, uint64_t ns)
{
	unsigned max = m->better == MISS_HERE ? MAX_SLOW : TRIAL_SLOW;

	m->slow_ns += ns;
	return ++m->slow >= max && m->slow_ns >= max * SLOW_NS_IN_ALL &&
	       way_of(m) == MISS_HERE;
}

static void no_longer_slow(struct misses *m)
{
	m->slow = 0;
	m->slow_ns = 0;
}

/* Who waits behind it must not wait twice for nothing. */
static void too_slow(struct misses *m)
{
	m->cost[MISS_HERE] = 0;
	if (m->better == MISS_ELSEWHERE) {
		not_better(m);
		return;
	}
	change(m, MISS_ELSEWHERE);
	m->left = m->apart = SOON_APART;
}

void miss_was_here(struct io *io, uint64_t end_ns)
{
	struct misses *m = &io->disk->where.misses;
	uint64_t ns = end_ns - io->start_ns;

	if (!take(m))
		return;
	if (ns <= max_u64(SLOW_NS, 2 * m->cost[MISS_ELSEWHERE]))
		no_longer_slow(m);
	else if (has_become_slow(m, ns))
		too_slow(m);
	leave(m);
}
