// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// The ring between initiator and daemon, in memory that may be shared. It
// stands where target_core_user's mailbox and data area stand.

#include "ring.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE	    4096u
#define GUARD_BYTES 64u
#define GUARD	    0xec
#define STALE	    0xdb /* what a reused data page shows */
#define ODD_PIECES  16u

#define SAM_BUSY	    0x08
#define SAM_CHECK_CONDITION 0x02

enum stage {
	FREE,
	SUBMITTED,
	FETCHED
};

struct entry {
	_Atomic uint32_t stage;
	pid_t pid; /* whose pointers cmd and data are */
	struct runner_cmd *cmd;
	void *data;
	uint64_t seq;
	uint64_t tag;
	uint32_t data_len;
	uint32_t seed;
	uint8_t dir;
	uint8_t status;
	bool dropped;
	uint8_t cdb[RUNNER_CDB_BYTES];
	uint8_t sense[RUNNER_SENSE_BYTES];
};

/*
 * Indices run freely; slots are taken modulo depth. submit_lock and
 * deliver_lock belong to the initiator's process alone, so that a daemon
 * killed anywhere leaves no lock of the initiator's behind.
 */
struct runner_ring {
	struct runner_ring_params p;
	size_t data_stride;
	_Atomic pid_t initiator;
	_Atomic pid_t daemon;

	pthread_mutex_t submit_lock; /* sq tail, free entries, seq */
	uint64_t seq;
	uint32_t free_count;
	sem_t free_sem; /* counts free entries */
	_Atomic uint32_t outstanding;

	_Atomic uint32_t sq_head;
	_Atomic uint32_t sq_tail;
	_Atomic uint32_t sq_idle; /* the command thread wants a wake-up */
	_Atomic uint32_t sq_wakes;

	pthread_mutex_t deliver_lock; /* cq head */
	uint32_t cq_head;
	_Atomic uint32_t cq_kicked;
	_Atomic uint32_t cq_tail;
	sem_t cq_sem;
};

static pid_t self_pid;

static void note_pid(void)
{
	self_pid = getpid();
}

/* getpid() is a system call, too dear for each command. */
__attribute__((constructor)) static void watch_pid(void)
{
	note_pid();
	pthread_atfork(NULL, NULL, note_pid);
}

void runner_abort(const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "runner: ABORT: ");
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, fmt, ap);
	va_end(ap);
	strcat(line, "\n");
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		abort();
	abort();
}

/* ---- where things are ---- */

static size_t round_up(size_t n, size_t to)
{
	return (n + to - 1) / to * to;
}

static struct runner_ring_params defaults(const struct runner_ring_params *p)
{
	struct runner_ring_params r = *p;

	if (!r.depth)
		r.depth = 128;
	if (!r.max_data_bytes)
		r.max_data_bytes = 1u << 20;
	return r;
}

/* Room for every way to split max_data_bytes. */
static size_t data_stride(const struct runner_ring_params *p)
{
	if (p->zero_copy)
		return 0;
	return round_up(2 * (size_t)p->max_data_bytes, PAGE) + 3 * PAGE;
}

static size_t entries_offset(void)
{
	return round_up(sizeof(struct runner_ring), 64);
}

static size_t arrays_offset(uint32_t depth)
{
	return entries_offset() + depth * sizeof(struct entry);
}

static size_t data_offset(uint32_t depth)
{
	return round_up(arrays_offset(depth) + 3 * depth * sizeof(uint32_t),
			PAGE);
}

static struct entry *entry_at(struct runner_ring *r, uint32_t i)
{
	return (struct entry *)((char *)r + entries_offset()) + i;
}

static uint32_t *sq(struct runner_ring *r)
{
	return (uint32_t *)((char *)r + arrays_offset(r->p.depth));
}

static uint32_t *cq(struct runner_ring *r)
{
	return sq(r) + r->p.depth;
}

static uint32_t *free_entries(struct runner_ring *r)
{
	return cq(r) + r->p.depth;
}

static uint8_t *data_area(struct runner_ring *r, uint32_t i)
{
	return (uint8_t *)r + data_offset(r->p.depth) + i * r->data_stride;
}

/* ---- the pieces that an entry's data lies in ---- */

struct pieces {
	enum runner_split split;
	uint32_t left;
	uint32_t rng;
	unsigned int count;
	size_t next; /* offset behind the last piece */
};

static struct pieces pieces_begin(struct runner_ring *r, const struct entry *e)
{
	return (struct pieces){ .split = r->p.split,
				.left = e->data_len,
				.rng = e->seed };
}

static uint32_t rng_next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

static void piece_odd(struct pieces *p, size_t *off, uint32_t *len)
{
	*len = p->left;
	if (p->count < ODD_PIECES - 1 && p->left > 2)
		*len = (1 + rng_next(&p->rng) % (p->left / 2)) | 1;
	*off = p->next + GUARD_BYTES + rng_next(&p->rng) % 32;
}

/* False when there is none left. */
static bool piece_next(struct pieces *p, size_t *off, uint32_t *len)
{
	if (!p->left)
		return false;
	switch (p->split) {
	case RUNNER_ODD:
		piece_odd(p, off, len);
		break;
	case RUNNER_PAGES:
		*off = PAGE + p->count * 2 * PAGE;
		*len = p->left < PAGE ? p->left : PAGE;
		break;
	case RUNNER_WHOLE:
	default:
		*off = PAGE;
		*len = p->left;
	}
	p->next = *off + *len;
	p->left -= *len;
	p->count++;
	return true;
}

static void data_prepare(struct runner_ring *r, uint32_t i)
{
	struct entry *e = entry_at(r, i);
	struct pieces p = pieces_begin(r, e);
	uint8_t *area = data_area(r, i);
	const uint8_t *src = e->data;
	uint32_t len;
	size_t off;

	if (r->p.zero_copy)
		return;
	while (piece_next(&p, &off, &len)) {
		memset(area + off - GUARD_BYTES, GUARD, GUARD_BYTES);
		memset(area + off + len, GUARD, GUARD_BYTES);
		if (e->dir == RUNNER_OUT)
			memcpy(area + off, src, len);
		else
			memset(area + off, STALE, len);
		src += len;
	}
}

static void data_return(struct runner_ring *r, uint32_t i)
{
	struct entry *e = entry_at(r, i);
	struct pieces p = pieces_begin(r, e);
	uint8_t *dest = e->data;
	uint32_t len;
	size_t off;

	if (r->p.zero_copy || e->dir != RUNNER_IN)
		return;
	while (piece_next(&p, &off, &len)) {
		memcpy(dest, data_area(r, i) + off, len);
		dest += len;
	}
}

static bool all_guard(const uint8_t *p)
{
	unsigned int i;

	for (i = 0; i < GUARD_BYTES; i++)
		if (p[i] != GUARD)
			return false;
	return true;
}

bool ring_guards_intact(struct runner_ring *r, int i)
{
	struct pieces p = pieces_begin(r, entry_at(r, (uint32_t)i));
	uint8_t *area = data_area(r, (uint32_t)i);
	uint32_t len;
	size_t off;

	if (r->p.zero_copy)
		return true;
	while (piece_next(&p, &off, &len))
		if (!all_guard(area + off - GUARD_BYTES) ||
		    !all_guard(area + off + len))
			return false;
	return true;
}

unsigned int ring_iovecs(struct runner_ring *r, int i, struct iovec *iov)
{
	struct entry *e = entry_at(r, (uint32_t)i);
	struct pieces p = pieces_begin(r, e);
	unsigned int n = 0;
	uint32_t len;
	size_t off;

	if (r->p.zero_copy) {
		iov[0] = (struct iovec){ e->data, e->data_len };
		return e->data_len ? 1 : 0;
	}
	while (piece_next(&p, &off, &len))
		iov[n++] =
			(struct iovec){ data_area(r, (uint32_t)i) + off, len };
	return n;
}

unsigned int ring_max_iovecs(const struct runner_ring *r)
{
	if (r->p.split == RUNNER_PAGES)
		return r->p.max_data_bytes / PAGE + 1;
	return r->p.split == RUNNER_ODD ? ODD_PIECES : 1;
}

uint32_t ring_depth(const struct runner_ring *r)
{
	return r->p.depth;
}

/* ---- making and resetting ---- */

size_t runner_ring_bytes(const struct runner_ring_params *params)
{
	struct runner_ring_params p = defaults(params);

	return data_offset(p.depth) + p.depth * data_stride(&p);
}

static void shared_mutex(pthread_mutex_t *m)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	memset(m, 0, sizeof(*m));
	pthread_mutex_init(m, &attr);
	pthread_mutexattr_destroy(&attr);
}

/* Everything empty, but for the entries' contents. */
static void ring_clear(struct runner_ring *r)
{
	uint32_t i;

	shared_mutex(&r->submit_lock);
	shared_mutex(&r->deliver_lock);
	sem_init(&r->free_sem, 1, r->p.depth);
	sem_init(&r->cq_sem, 1, 0);
	r->outstanding = 0;
	r->sq_head = 0;
	r->sq_tail = 0;
	r->sq_idle = 0;
	r->cq_head = 0;
	r->cq_kicked = 0;
	r->cq_tail = 0;
	r->daemon = 0;
	for (i = 0; i < r->p.depth; i++) {
		free_entries(r)[i] = i;
		entry_at(r, i)->stage = FREE;
	}
	r->free_count = r->p.depth;
}

struct runner_ring *runner_ring_init(void *area,
				     const struct runner_ring_params *params)
{
	struct runner_ring *r = area;

	assert((uintptr_t)area % PAGE == 0);
	r->p = defaults(params);
	r->data_stride = data_stride(&r->p);
	ring_clear(r);
	return r;
}

/* ---- the initiator ---- */

/* The caller holds a count of free_sem. */
static uint32_t entry_take(struct runner_ring *r)
{
	assert(r->free_count > 0);
	return free_entries(r)[--r->free_count];
}

static void entry_release(struct runner_ring *r, uint32_t i)
{
	pthread_mutex_lock(&r->submit_lock);
	entry_at(r, i)->stage = FREE;
	free_entries(r)[r->free_count++] = i;
	pthread_mutex_unlock(&r->submit_lock);
	sem_post(&r->free_sem);
}

static void entry_fill(struct runner_ring *r, uint32_t i,
		       struct runner_cmd *cmd)
{
	struct entry *e = entry_at(r, i);

	e->pid = self_pid;
	e->cmd = cmd;
	e->data = cmd->data;
	e->data_len = cmd->dir == RUNNER_NONE ? 0 : cmd->data_len;
	e->dir = (uint8_t)cmd->dir;
	e->tag = cmd->tag;
	e->dropped = false;
	memcpy(e->cdb, cmd->cdb, cmd->cdb_len);
	memset(e->cdb + cmd->cdb_len, 0, sizeof(e->cdb) - cmd->cdb_len);
	e->seed = r->p.seed + (uint32_t)i * 2654435761u;
}

static void submit(struct runner_ring *r, struct runner_cmd *cmd)
{
	uint32_t i;

	if (cmd->cdb_len > RUNNER_CDB_BYTES)
		runner_abort("the test submits a CDB of %u bytes",
			     cmd->cdb_len);
	if (cmd->dir != RUNNER_NONE && cmd->data_len > r->p.max_data_bytes)
		runner_abort("the test submits %u bytes, max_data_bytes is %u",
			     cmd->data_len, r->p.max_data_bytes);
	atomic_store_explicit(&r->initiator, self_pid, memory_order_relaxed);
	atomic_fetch_add(&r->outstanding, 1);

	pthread_mutex_lock(&r->submit_lock);
	i = entry_take(r);
	pthread_mutex_unlock(&r->submit_lock);

	entry_fill(r, i, cmd);
	data_prepare(r, i);

	pthread_mutex_lock(&r->submit_lock);
	entry_at(r, i)->seq = r->seq++;
	entry_at(r, i)->stage = SUBMITTED;
	sq(r)[r->sq_tail % r->p.depth] = i;
	atomic_fetch_add(&r->sq_tail, 1);
	pthread_mutex_unlock(&r->submit_lock);

	if (atomic_exchange(&r->sq_idle, 0))
		ring_wake(r);
}

void runner_ring_submit(struct runner_ring *r, struct runner_cmd *cmd)
{
	while (sem_wait(&r->free_sem))
		;
	submit(r, cmd);
}

int runner_ring_try_submit(struct runner_ring *r, struct runner_cmd *cmd)
{
	if (sem_trywait(&r->free_sem))
		return -EAGAIN;
	submit(r, cmd);
	return 0;
}

static void deliver(struct runner_ring *r, uint32_t i, bool reset)
{
	struct entry *e = entry_at(r, i);
	struct runner_cmd *cmd = e->cmd;

	data_return(r, i);
	cmd->status = e->status;
	cmd->dropped = e->dropped;
	cmd->reset = reset;
	memcpy(cmd->sense, e->sense, sizeof(cmd->sense));
	entry_release(r, i);
	cmd->done(cmd);
	atomic_fetch_sub(&r->outstanding, 1);
}

/* -1 when nothing kicked is left. */
static int deliver_take(struct runner_ring *r)
{
	int i = -1;

	pthread_mutex_lock(&r->deliver_lock);
	if (r->cq_head != r->cq_kicked)
		i = (int)cq(r)[r->cq_head++ % r->p.depth];
	pthread_mutex_unlock(&r->deliver_lock);
	return i;
}

static int deliver_all(struct runner_ring *r)
{
	int n = 0;
	int i;

	while ((i = deliver_take(r)) >= 0) {
		deliver(r, (uint32_t)i, false);
		n++;
	}
	return n;
}

static struct timespec deadline_after(int ms)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += ms / 1000;
	ts.tv_nsec += ms % 1000 * 1000000L;
	if (ts.tv_nsec >= 1000000000L) {
		ts.tv_nsec -= 1000000000L;
		ts.tv_sec++;
	}
	return ts;
}

int runner_ring_poll(struct runner_ring *r, int timeout_ms)
{
	struct timespec until = deadline_after(timeout_ms);
	int n = deliver_all(r);

	while (!n) {
		if (sem_timedwait(&r->cq_sem, &until) && errno == ETIMEDOUT)
			return deliver_all(r);
		n = deliver_all(r);
	}
	return n;
}

static void exec_done(struct runner_cmd *cmd)
{
	sem_post(&cmd->wait);
}

/* With the handler in this process its completing thread delivers. */
static bool delivered_inline(struct runner_ring *r)
{
	return r->daemon == self_pid;
}

static bool exec_wait_some(struct runner_ring *r, struct runner_cmd *cmd)
{
	struct timespec until = deadline_after(50);

	if (delivered_inline(r))
		return sem_timedwait(&cmd->wait, &until) == 0;
	if (sem_trywait(&cmd->wait) == 0)
		return true;
	runner_ring_poll(r, 50);
	return sem_trywait(&cmd->wait) == 0;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int runner_ring_exec(struct runner_ring *r, struct runner_cmd *cmd,
		     int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;

	sem_init(&cmd->wait, 0, 0);
	cmd->done = exec_done;
	runner_ring_submit(r, cmd);
	while (!exec_wait_some(r, cmd))
		if (timeout_ms && now_ms() >= end)
			return -ETIMEDOUT;
	return cmd->status;
}

uint32_t ring_outstanding(struct runner_ring *r)
{
	return r->outstanding;
}

static bool is_posted(struct runner_ring *r, uint32_t i)
{
	uint32_t c;

	for (c = r->cq_head; c != r->cq_tail; c++)
		if (cq(r)[c % r->p.depth] == i)
			return true;
	return false;
}

/* The entry in use with the lowest seq of at least @seq, or -1. */
static int oldest_from(struct runner_ring *r, uint64_t seq)
{
	int best = -1;
	uint32_t i;

	for (i = 0; i < r->p.depth; i++) {
		struct entry *e = entry_at(r, i);

		if (e->stage == FREE || e->seq < seq)
			continue;
		if (best < 0 || e->seq < entry_at(r, (uint32_t)best)->seq)
			best = (int)i;
	}
	return best;
}

void runner_ring_walk(struct runner_ring *r,
		      void (*fn)(void *arg, uint64_t tag,
				 enum runner_stage stage, const uint8_t *cdb,
				 uint8_t status),
		      void *arg)
{
	uint64_t seq = 0;
	int i;

	while ((i = oldest_from(r, seq)) >= 0) {
		struct entry *e = entry_at(r, (uint32_t)i);
		enum runner_stage stage = e->stage == SUBMITTED
						  ? RUNNER_SUBMITTED
						  : RUNNER_FETCHED;

		if (is_posted(r, (uint32_t)i))
			stage = RUNNER_POSTED;
		fn(arg, e->tag, stage, e->cdb, e->status);
		seq = e->seq + 1;
	}
}

/* What a reset hands to the caller, in this order. */
struct verdicts {
	unsigned int count;
	struct {
		uint32_t entry;
		bool reset;
	} v[];
};

static void verdict_add(struct runner_ring *r, struct verdicts *vs, uint32_t i,
			bool reset)
{
	if (entry_at(r, i)->pid != self_pid)
		return;
	vs->v[vs->count].entry = i;
	vs->v[vs->count++].reset = reset;
}

static int verdicts_collect(struct runner_ring *r, struct verdicts *vs)
{
	uint64_t seq = 0;
	uint32_t c;
	int busy = 0;
	int i;

	for (c = r->cq_head; c != r->cq_tail; c++)
		verdict_add(r, vs, cq(r)[c % r->p.depth], false);
	while ((i = oldest_from(r, seq)) >= 0) {
		struct entry *e = entry_at(r, (uint32_t)i);

		seq = e->seq + 1;
		if (is_posted(r, (uint32_t)i))
			continue;
		e->status = SAM_BUSY;
		e->dropped = false;
		memset(e->sense, 0, sizeof(e->sense));
		verdict_add(r, vs, (uint32_t)i, true);
		busy++;
	}
	return busy;
}

/* Entries are taken again in any order: undo entry_take() for one. */
static void entry_reserve(struct runner_ring *r, uint32_t i)
{
	uint32_t n;

	for (n = 0; free_entries(r)[n] != i; n++)
		assert(n < r->free_count);
	free_entries(r)[n] = free_entries(r)[--r->free_count];
	entry_at(r, i)->stage = FETCHED;
	while (sem_wait(&r->free_sem))
		;
}

int runner_ring_reset(struct runner_ring *r)
{
	struct verdicts *vs;
	unsigned int n;
	int busy;

	vs = calloc(1, sizeof(*vs) + r->p.depth * sizeof(vs->v[0]));
	if (!vs)
		runner_abort("out of memory");
	busy = verdicts_collect(r, vs);
	ring_clear(r);
	for (n = 0; n < vs->count; n++)
		entry_reserve(r, vs->v[n].entry);
	r->outstanding = vs->count;
	for (n = 0; n < vs->count; n++)
		deliver(r, vs->v[n].entry, vs->v[n].reset);
	free(vs);
	return busy;
}

/* ---- the daemon ---- */

void ring_attach(struct runner_ring *r)
{
	r->daemon = self_pid;
}

int ring_fetch(struct runner_ring *r)
{
	uint32_t head = r->sq_head;
	uint32_t i;

	if (head == r->sq_tail)
		return -1;
	i = sq(r)[head % r->p.depth];
	entry_at(r, i)->stage = FETCHED;
	r->sq_head = head + 1;
	return (int)i;
}

void futex_wait_cancellable(_Atomic uint32_t *word, uint32_t value)
{
	int type;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
	pthread_setcanceltype(type, NULL);
}

void futex_wake_all(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

uint32_t ring_wakes(struct runner_ring *r)
{
	return r->sq_wakes;
}

void ring_wait(struct runner_ring *r, uint32_t wakes)
{
	atomic_store(&r->sq_idle, 1);
	if (r->sq_head == r->sq_tail)
		futex_wait_cancellable(&r->sq_wakes, wakes);
	atomic_store(&r->sq_idle, 0);
}

void ring_wake(struct runner_ring *r)
{
	atomic_fetch_add(&r->sq_wakes, 1);
	futex_wake_all(&r->sq_wakes);
}

const uint8_t *ring_cdb(struct runner_ring *r, int i)
{
	return entry_at(r, (uint32_t)i)->cdb;
}

/* The kernel takes as much sense data as its length byte says. */
static void take_sense(struct entry *e, const uint8_t *sense)
{
	size_t len = 8u + sense[7];

	if (len > sizeof(e->sense))
		len = sizeof(e->sense);
	memcpy(e->sense, sense, len);
}

void ring_post(struct runner_ring *r, int i, uint8_t status,
	       const uint8_t *sense, bool dropped)
{
	struct entry *e = entry_at(r, (uint32_t)i);

	e->status = status;
	e->dropped = dropped;
	memset(e->sense, 0, sizeof(e->sense));
	if (status == SAM_CHECK_CONDITION)
		take_sense(e, sense);
	cq(r)[r->cq_tail % r->p.depth] = (uint32_t)i;
	/* From here on the completion survives this process. */
	atomic_fetch_add(&r->cq_tail, 1);
}

static void kicked_forward(struct runner_ring *r)
{
	uint32_t tail = r->cq_tail;
	uint32_t old = r->cq_kicked;

	while ((int32_t)(tail - old) > 0)
		if (atomic_compare_exchange_weak(&r->cq_kicked, &old, tail))
			return;
}

void ring_kick(struct runner_ring *r)
{
	kicked_forward(r);
	if (atomic_load_explicit(&r->initiator, memory_order_relaxed) ==
	    self_pid)
		deliver_all(r);
	else
		sem_post(&r->cq_sem);
}
