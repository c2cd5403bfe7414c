// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See load.h. */
#include "load.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "runner.h"

#define FLUSH_ZONES 32
#define FLUSH_BYTES (UINT64_C(128) << 10) /* a write */

/* One command's place in the queue. */
struct place {
	struct runner_cmd cmd;
	struct load *load;
	uint8_t *data;
	uint64_t start_ns;
	uint32_t zone;
	bool writes, during_flush;
};

struct load {
	struct tcmu_device *dev;
	const struct workload *w;
	uint32_t read_first;
	uint64_t read_bytes; /* per zone */
	uint64_t end_ns, write_left;
	pthread_mutex_t lock; /* all below */
	uint64_t rnd, commands, errors;
	unsigned active;
	sem_t over;
	uint64_t wp[MAX_ZONES], read_at;
	bool busy[MAX_ZONES];
	uint32_t lat[LAT_BUCKETS];
	uint64_t lat_count, lat_max;
	atomic_bool flushing;
	struct place places[MAX_QD];
};

static uint8_t *buffers;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t next_random(struct load *l)
{
	l->rnd ^= l->rnd << 13;
	l->rnd ^= l->rnd >> 7;
	l->rnd ^= l->rnd << 17;
	return l->rnd;
}

/* Buckets of 1/16 of a power of two, from 16 ns on. */
static unsigned lat_bucket(uint64_t ns)
{
	unsigned log;

	if (ns < 16)
		return 0;
	log = 63 - (unsigned)__builtin_clzll(ns);
	return (log - 4) * 16 + (unsigned)(ns >> (log - 4)) - 15;
}

static uint64_t bucket_ns(unsigned b)
{
	return b ? (uint64_t)(16 + (b - 1) % 16) << (b - 1) / 16 : 0;
}

static void lat_add(struct load *l, uint64_t ns)
{
	l->lat[lat_bucket(ns)]++;
	l->lat_count++;
	if (ns > l->lat_max)
		l->lat_max = ns;
}

static double lat_percentile(const struct load *l, double part)
{
	uint64_t want = (uint64_t)((double)l->lat_count * part), sum = 0;

	for (unsigned b = 0; b < LAT_BUCKETS; b++) {
		sum += l->lat[b];
		if (sum > want)
			return (double)bucket_ns(b) / 1000;
	}
	return (double)l->lat_max / 1000;
}

static void put_be(uint8_t *p, uint64_t v, int bytes)
{
	while (bytes--) {
		p[bytes] = (uint8_t)v;
		v >>= 8;
	}
}

static void set_rw(struct runner_cmd *cmd, bool write, uint64_t off,
		   uint32_t bytes, void *data)
{
	memset(cmd->cdb, 0, 16);
	cmd->cdb[0] = write ? 0x8a : 0x88;
	put_be(cmd->cdb + 2, off / BLOCK_BYTES, 8);
	put_be(cmd->cdb + 10, bytes / BLOCK_BYTES, 4);
	cmd->cdb_len = 16;
	cmd->dir = write ? RUNNER_OUT : RUNNER_IN;
	cmd->data = data;
	cmd->data_len = bytes;
}

static uint64_t write_offset(const struct load *l, uint32_t zone)
{
	return (WRITE_ZONES + zone) * ZONE_BYTES + l->wp[zone];
}

/* A zone that takes a write now; false: none. */
static bool pick_zone(struct load *l, uint32_t *zone)
{
	unsigned n = l->w->zones;
	uint32_t z = l->w->sequential ? 0 : (uint32_t)(next_random(l) % n);

	for (unsigned i = 0; i < n; i++, z = (z + 1) % n)
		if (!l->busy[z] && l->wp[z] + l->w->bytes <= ZONE_BYTES) {
			*zone = z;
			return true;
		}
	return false;
}

static bool pick_write(struct load *l, struct place *p)
{
	if (l->write_left < l->w->bytes || !pick_zone(l, &p->zone))
		return false;
	l->write_left -= l->w->bytes;
	l->busy[p->zone] = true;
	p->writes = true;
	set_rw(&p->cmd, true, write_offset(l, p->zone), l->w->bytes, p->data);
	return true;
}

static void pick_read(struct load *l, struct place *p)
{
	uint64_t per_zone = l->read_bytes / l->w->bytes;
	uint64_t n = per_zone * l->w->zones, at;

	at = l->w->sequential ? l->read_at++ % n : next_random(l) % n;
	p->writes = false;
	set_rw(&p->cmd, false,
	       (l->read_first + at / per_zone) * ZONE_BYTES +
		       at % per_zone * l->w->bytes,
	       l->w->bytes, p->data);
}

/* Under the lock. */
static bool pick(struct load *l, struct place *p)
{
	if (now_ns() >= l->end_ns)
		return false;
	if (l->w->op == LOAD_WRITE)
		return pick_write(l, p);
	if (l->w->op == LOAD_MIXED && next_random(l) % 10 >= 7 &&
	    pick_write(l, p))
		return true;
	pick_read(l, p);
	return true;
}

static void submit(struct load *l, struct place *p)
{
	p->during_flush = atomic_load(&l->flushing);
	p->start_ns = now_ns();
	if (runner_try_submit(l->dev, &p->cmd)) {
		fprintf(stderr, "bench: the ring is full\n");
		abort();
	}
}

/* Under the lock. */
static void account(struct load *l, struct place *p, uint64_t ns)
{
	l->commands++;
	l->errors += p->cmd.status != 0;
	if (p->writes) {
		l->busy[p->zone] = false;
		l->wp[p->zone] += l->w->bytes;
	}
	if (l->w->op != LOAD_FLUSH || p->during_flush ||
	    atomic_load(&l->flushing))
		lat_add(l, ns);
}

static void place_done(struct runner_cmd *cmd)
{
	struct place *p = cmd->user;
	struct load *l = p->load;
	uint64_t ns = now_ns() - p->start_ns;
	bool more, over;

	pthread_mutex_lock(&l->lock);
	account(l, p, ns);
	more = pick(l, p);
	over = !more && --l->active == 0;
	pthread_mutex_unlock(&l->lock);
	if (more)
		submit(l, p);
	if (over)
		sem_post(&l->over);
}

int load_exec(struct tcmu_device *dev, bool write, uint64_t off, uint32_t bytes,
	      void *data)
{
	struct runner_cmd cmd;

	set_rw(&cmd, write, off, bytes, data);
	return runner_exec(dev, cmd.cdb, cmd.cdb_len, cmd.dir, data, bytes,
			   NULL);
}

static int exec_sync(struct tcmu_device *dev)
{
	uint8_t cdb[10] = { 0x35 };

	return runner_exec(dev, cdb, 10, RUNNER_NONE, NULL, 0, NULL);
}

static int reset_zones(struct tcmu_device *dev)
{
	uint8_t cdb[16] = { 0x94, 0x04 };
	int ret = 0;

	for (uint32_t z = 0; z < MAX_ZONES && !ret; z++) {
		put_be(cdb + 2, (WRITE_ZONES + z) * ZONE_BYTES / BLOCK_BYTES,
		       8);
		ret = runner_exec(dev, cdb, 16, RUNNER_NONE, NULL, 0, NULL);
	}
	return ret ? -EIO : 0;
}

static int need_buffers(void)
{
	if (buffers)
		return 0;
	buffers = mmap(NULL, LOAD_BUF_BYTES, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffers == MAP_FAILED)
		return -ENOMEM;
	memset(buffers, 0x5a, LOAD_BUF_BYTES);
	return 0;
}

static int fill_zones(struct tcmu_device *dev, uint32_t first, unsigned n,
		      uint64_t total)
{
	const uint32_t step = 1 << 20;

	for (unsigned z = 0; z < n; z++)
		for (uint64_t at = 0; at < total / n; at += step)
			if (load_exec(dev, true, (first + z) * ZONE_BYTES + at,
				      step, buffers))
				return -EIO;
	return 0;
}

int load_fill(struct tcmu_device *dev, const struct load_limits *lim)
{
	int ret = need_buffers();

	if (!ret)
		ret = fill_zones(dev, READ_128_ZONES, 128, lim->fill_bytes);
	if (!ret)
		ret = fill_zones(dev, READ_8_ZONES, 8, lim->fill_bytes);
	if (!ret)
		ret = fill_zones(dev, READ_1_ZONE, 1, lim->fill_bytes);
	if (!ret && exec_sync(dev))
		ret = -EIO;
	return ret;
}

/* Writes and flushes until the round is over. */
static void *flusher(void *arg)
{
	struct load *l = arg;
	uint8_t *data = buffers + LOAD_BUF_BYTES - FLUSH_BYTES;

	while (now_ns() < l->end_ns) {
		for (uint32_t z = 0; z < FLUSH_ZONES; z++) {
			if (load_exec(l->dev, true, write_offset(l, z),
				      FLUSH_BYTES, data))
				__atomic_fetch_add(&l->errors, 1,
						   __ATOMIC_RELAXED);
			l->wp[z] += FLUSH_BYTES;
		}
		atomic_store(&l->flushing, true);
		if (exec_sync(l->dev))
			__atomic_fetch_add(&l->errors, 1, __ATOMIC_RELAXED);
		atomic_store(&l->flushing, false);
	}
	return NULL;
}

static void start_places(struct load *l)
{
	struct place *p;
	bool more;

	pthread_mutex_lock(&l->lock);
	l->active++; /* us */
	pthread_mutex_unlock(&l->lock);
	for (unsigned i = 0; i < l->w->qd; i++) {
		p = &l->places[i];
		p->load = l;
		p->cmd.done = place_done;
		p->cmd.user = p;
		p->data = buffers + (uint64_t)i * l->w->bytes;
		pthread_mutex_lock(&l->lock);
		more = pick(l, p);
		l->active += more;
		pthread_mutex_unlock(&l->lock);
		if (more)
			submit(l, p);
	}
	pthread_mutex_lock(&l->lock);
	if (--l->active == 0)
		sem_post(&l->over);
	pthread_mutex_unlock(&l->lock);
}

static void take_result(struct load *l, uint64_t ns, uint64_t cpu,
			struct load_result *res)
{
	res->commands = l->commands;
	res->errors = l->errors;
	res->iops = (double)l->commands * 1e9 / (double)ns;
	res->cpu_us = (double)cpu / 1000 / (double)l->commands;
	res->p50_us = lat_percentile(l, 0.5);
	res->p99_us = lat_percentile(l, 0.99);
	res->max_us = (double)l->lat_max / 1000;
}

static int run_places(struct load *l, struct load_result *res)
{
	uint64_t start = now_ns(), cpu = cpu_ns();
	pthread_t thread;

	if (l->w->op == LOAD_FLUSH && pthread_create(&thread, NULL, flusher, l))
		return -EAGAIN;
	start_places(l);
	while (sem_wait(&l->over))
		;
	take_result(l, now_ns() - start, cpu_ns() - cpu, res);
	if (l->w->op == LOAD_FLUSH)
		pthread_join(thread, NULL);
	return 0;
}

static uint32_t read_first(const struct workload *w)
{
	switch (w->zones) {
	case 1:
		return READ_1_ZONE;
	case 8:
		return READ_8_ZONES;
	default:
		return READ_128_ZONES;
	}
}

int load_run(struct tcmu_device *dev, const struct workload *w, bool zoned,
	     const struct load_limits *lim, uint32_t seed,
	     struct load_result *res)
{
	struct load *l = calloc(1, sizeof(*l));
	int ret = need_buffers();

	if (!l || ret)
		return -ENOMEM;
	if (zoned && w->op != LOAD_READ)
		ret = reset_zones(dev);
	l->dev = dev;
	l->w = w;
	l->read_first = read_first(w);
	l->read_bytes = lim->fill_bytes / w->zones;
	l->rnd = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	l->write_left = lim->write_bytes;
	l->end_ns = now_ns() + lim->ms * UINT64_C(1000000);
	pthread_mutex_init(&l->lock, NULL);
	sem_init(&l->over, 0, 0);
	if (!ret)
		ret = run_places(l, res);
	/* What one round leaves must not be written back during the next. */
	if (!ret && w->op != LOAD_READ && exec_sync(dev))
		ret = -EIO;
	sem_destroy(&l->over);
	pthread_mutex_destroy(&l->lock);
	free(l);
	return ret;
}
