// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What an open disk does, counted: see activity.h. */
#include <assert.h>
#include <sched.h>
#include <time.h>

#include "base/counter.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/io.h"

static_assert(DISK_FENCED == DISK_NR_FAILURES,
	      "every status but DISK_OK is a failure");

uint64_t (*meter_clock_ns)(void) = counter_clock_ns;

const char *disk_kind_name(enum disk_kind kind)
{
	static const char *const names[] = {
		[DISK_KIND_READ] = "read",   [DISK_KIND_WRITE] = "write",
		[DISK_KIND_SYNC] = "sync",   [DISK_KIND_OPEN] = "open",
		[DISK_KIND_CLOSE] = "close", [DISK_KIND_FINISH] = "finish",
		[DISK_KIND_RESET] = "reset", [DISK_KIND_OTHER] = "other",
	};

	static_assert(ZL_ARRAY_SIZE(names) == DISK_NR_KINDS, "a name each");
	return names[kind];
}

const char *disk_failure_name(unsigned failure)
{
	static const char *const names[] = {
		[DISK_REFUSED] = "refused",
		[DISK_READ_ERROR] = "read-error",
		[DISK_WRITE_ERROR] = "write-error",
		[DISK_NO_SPACE] = "no-space",
		[DISK_WRITE_PROTECT] = "write-protect",
		[DISK_INTERNAL] = "internal",
		[DISK_BUSY] = "busy",
		[DISK_MISCOMPARE] = "miscompare",
		[DISK_FENCED] = "fenced",
	};

	return names[failure + 1];
}

static enum disk_kind zone_kind(const struct io *io)
{
	switch (io->pub->zone_op) {
	case ZO_OPEN:
		return DISK_KIND_OPEN;
	case ZO_CLOSE:
		return DISK_KIND_CLOSE;
	case ZO_FINISH:
		return DISK_KIND_FINISH;
	case ZO_RESET:
		return DISK_KIND_RESET;
	}
	return DISK_KIND_OTHER;
}

static enum disk_kind kind_of(const struct io *io)
{
	switch (io->pub->op) {
	case DISK_READ:
	case DISK_COMPARE:
		return DISK_KIND_READ;
	case DISK_WRITE:
	case DISK_COMPARE_WRITE:
		return DISK_KIND_WRITE;
	case DISK_SYNC:
		return DISK_KIND_SYNC;
	case DISK_ZONE:
		return zone_kind(io);
	default:
		return DISK_KIND_OTHER;
	}
}

static unsigned bucket_of(uint64_t ns)
{
	unsigned i =
		ns < DISK_BUCKET_NS(0) ? 0 : 54 - (unsigned)__builtin_clzll(ns);

	return i < DISK_NR_BUCKETS ? i : DISK_NR_BUCKETS - 1;
}

static struct meter_shard *my_shard(struct meter *m)
{
	int cpu = sched_getcpu();

	return &m->shard[cpu < 0 ? 0 : cpu % METER_SHARDS];
}

/* The shard that only the calling thread adds to, or NULL. */
static struct meter_shard *own_shard(struct meter *m)
{
	pthread_t self = pthread_self(), none = 0;
	pthread_t owner = atomic_load_explicit(&m->owner, memory_order_relaxed);

	if (owner == self ||
	    (!owner && atomic_compare_exchange_strong(&m->owner, &none, self)))
		return &m->shard[METER_SHARDS];
	return NULL;
}

static void add(atomic_uint_fast64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

/* Where nobody else adds: no other processor need be asked. */
static void add_own(atomic_uint_fast64_t *to, uint64_t n)
{
	uint64_t was = atomic_load_explicit(to, memory_order_relaxed);

	atomic_store_explicit(to, was + n, memory_order_relaxed);
}

static uint64_t get(atomic_uint_fast64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void meter_init(struct meter *m)
{
	m->open_ns = meter_clock_ns();
}

void meter_begin(struct io *io)
{
	io->start_ns = meter_clock_ns();
	io->end_ns = 0;
}

void meter_submit(struct disk *d, struct io *io)
{
	if (!io->start_ns)
		meter_begin(io);
	io->end_ns = 0;
	add(&my_shard(&d->meter)->submitted, 1);
}

uint64_t meter_end_ns(struct io *io)
{
	/* Another thread's clock may be behind that which it began on. */
	if (!io->end_ns)
		io->end_ns = max_u64(meter_clock_ns(), io->start_ns);
	return io->end_ns;
}

static inline void count(struct meter_shard *s, struct io *io,
			 void (*add_to)(atomic_uint_fast64_t *to, uint64_t n))
{
	enum disk_kind kind = kind_of(io);
	struct meter_kind *k = &s->kind[kind];
	uint64_t ns = meter_end_ns(io) - io->start_ns;

	add_to(&k->latency[bucket_of(ns)], 1);
	add_to(&k->total_ns, ns);
	if (io->pub->status != DISK_OK)
		add_to(&s->failed[io->pub->status - 1], 1);
	else if (kind <= DISK_KIND_WRITE)
		add_to(&k->bytes,
		       blocks_to_bytes(io->disk, io->pub->nr_blocks));
	/* The caller may use it again. */
	io->start_ns = 0;
}

void meter_end(struct disk *d, struct io *io)
{
	struct meter_shard *own = own_shard(&d->meter);

	if (own)
		count(own, io, add_own);
	else
		count(my_shard(&d->meter), io, add);
}

void meter_finish(struct disk *d, struct io *io)
{
	struct meter_shard *s;

	/* Not: a part of another I/O. */
	if (!io->start_ns)
		return;
	s = my_shard(&d->meter);
	count(s, io, add);
	add(&s->finished, 1);
}

static void sum_kind(struct meter_kind *from, struct disk_kind_activity *to)
{
	uint64_t n;

	to->bytes += get(&from->bytes);
	to->total_ns += get(&from->total_ns);
	for (unsigned i = 0; i < DISK_NR_BUCKETS; i++) {
		n = get(&from->latency[i]);
		to->latency[i] += n;
		to->done += n;
	}
}

uint64_t disk_open_ms(const struct disk *d)
{
	/* Who asks may have a clock that is behind that of who opened it. */
	uint64_t now_ns = max_u64(meter_clock_ns(), d->meter.open_ns);

	return (now_ns - d->meter.open_ns) / 1000000;
}

/* What is tried in the command thread does not count as submitted: where it
 * begins and where it ends. */
static uint64_t tried_mark(struct disk *d)
{
	struct meter_kind *kind = d->meter.shard[METER_SHARDS].kind;

	return get(&d->where.misses.commands) +
	       get(&kind[DISK_KIND_READ].total_ns) +
	       get(&kind[DISK_KIND_WRITE].total_ns);
}

uint64_t disk_activity_mark(struct disk *d)
{
	uint64_t mark = tried_mark(d);

	for (unsigned s = 0; s <= METER_SHARDS; s++)
		mark += get(&d->meter.shard[s].submitted) +
			get(&d->meter.shard[s].finished);
	return mark;
}

void disk_get_activity(struct disk *d, struct disk_activity *a)
{
	uint64_t submitted = 0, finished = 0;

	*a = (struct disk_activity){
		.open_ms = disk_open_ms(d),
	};
	/* What was finished first: never more than was submitted. */
	for (unsigned s = 0; s <= METER_SHARDS; s++)
		finished += get(&d->meter.shard[s].finished);
	for (unsigned s = 0; s <= METER_SHARDS; s++) {
		struct meter_shard *from = &d->meter.shard[s];

		submitted += get(&from->submitted);
		for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
			a->failed[i] += get(&from->failed[i]);
		for (unsigned i = 0; i < DISK_NR_KINDS; i++)
			sum_kind(&from->kind[i], &a->kind[i]);
	}
	a->in_flight = submitted > finished ? submitted - finished : 0;
}

void disk_note_job(struct disk *d, const char *name, uint64_t done_blocks)
{
	pthread_mutex_lock(&d->lock);
	d->meter.job = (struct disk_job){ name, done_blocks };
	pthread_mutex_unlock(&d->lock);
}

void disk_get_job(struct disk *d, struct disk_job *job)
{
	pthread_mutex_lock(&d->lock);
	*job = d->meter.job;
	pthread_mutex_unlock(&d->lock);
}

uint64_t disk_latency_ns(const struct disk_kind_activity *k, unsigned permille)
{
	uint64_t lo, hi, before = 0;
	/* The one that this many, rounded up, are not slower than. */
	uint64_t rank = (k->done * permille + 999) / 1000;

	if (!k->done)
		return 0;
	for (unsigned i = 0; i < DISK_NR_BUCKETS; i++) {
		if (before + k->latency[i] < rank) {
			before += k->latency[i];
			continue;
		}
		hi = DISK_BUCKET_NS(i);
		lo = i ? hi / 2 : 0;
		return lo +
		       (hi - lo) * (rank - before) / max_u64(k->latency[i], 1);
	}
	return DISK_BUCKET_NS(DISK_NR_BUCKETS - 1);
}
