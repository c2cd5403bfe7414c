// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "record/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "base/thread.h"

/* How long the thread waits for more before it looks. */
#define LOOK_MS	 2
#define MARK_MAX 255u
/* No physical block is larger, and all divide it. */
#define PHYSICAL_MAX 4096u
#define HUGE_PAGE    (2u << 20)

unsigned record_wait_ms = 5000;

void record_log_init(struct record_log *log)
{
	memset(log, 0, sizeof(*log));
	log->fd = -1;
	pthread_mutex_init(&log->lock, NULL);
	clock_cond_init(&log->filled);
	clock_cond_init(&log->emptied);
}

void record_log_destroy(struct record_log *log)
{
	pthread_cond_destroy(&log->filled);
	pthread_cond_destroy(&log->emptied);
	pthread_mutex_destroy(&log->lock);
}

/*
 * Ending.  All under the lock.
 */

static void end(struct record_log *log, const char *why)
{
	atomic_store(&log->on, false);
	snprintf(log->why, sizeof(log->why), "%s", why);
	pthread_cond_broadcast(&log->emptied);
	pthread_cond_broadcast(&log->filled);
}

static void say_broken(struct record_log *log, const char *why)
{
	end(log, why);
	zl_log(ZL_LOG_ERR,
	       "%s: nothing more is recorded in %s: %s; the disk goes on",
	       log->name, log->path, why);
}

static void broke(struct record_log *log, const char *why)
{
	if (record_log_is_on(log))
		say_broken(log, why);
}

void record_log_break(struct record_log *log, const char *why)
{
	pthread_mutex_lock(&log->lock);
	broke(log, why);
	pthread_mutex_unlock(&log->lock);
}

/*
 * The thread.
 */

static void seal_all(uint8_t *data, size_t len)
{
	struct record r;

	for (size_t at = 0; at < len; at += record_bytes(r.data_bytes)) {
		record_seal(data + at);
		record_decode(data + at, &r);
	}
}

static size_t sectors(size_t len)
{
	return len / RECORD_SECTOR * RECORD_SECTOR;
}

/* All of what @cur has. */
static int write_all(int fd, struct iov_cur *cur, uint64_t at)
{
	struct iovec iov[RECORD_AT_ONCE];
	struct iov_cur ahead;
	ssize_t n;
	size_t cnt;

	for (;;) {
		ahead = *cur;
		iov_slice(&ahead, SIZE_MAX, iov, RECORD_AT_ONCE, &cnt);
		if (!cnt)
			return 0;
		n = pwritev(fd, iov, (int)cnt, (off_t)at);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			at += (uint64_t)n;
			iov_skip(cur, (size_t)n);
		}
	}
}

static struct record_chunk *queued(const struct record_log *log, unsigned nr)
{
	return log->queue[(log->first + nr) % RECORD_CHUNKS];
}

static struct record_chunk *drained_chunk(const struct record_log *log)
{
	return queued(log, 0);
}

static struct record_chunk *filled_chunk(const struct record_log *log)
{
	return queued(log, log->nr_queued - 1);
}

static void set_direct(struct record_log *log, bool direct)
{
	if (!fcntl(log->fd, F_SETFL, direct ? O_DIRECT : 0))
		log->is_direct = direct;
}

/* Half of the memory is full: the page cache takes the rest.  Once nothing
 * waits it need not any more. */
static void choose_way(struct record_log *log)
{
	bool direct = log->is_direct;

	if (log->nr_queued > RECORD_CHUNKS / 2)
		direct = false;
	else if (log->nr_queued == 1)
		direct = log->direct;
	if (direct != log->is_direct)
		set_direct(log, direct);
}

/* What one call writes: the first chunks, of which all but the last one, if
 * nothing is queued behind it, are full. */
struct part {
	struct record_chunk *chunk;
	size_t out, len; /* bytes that were written, and that will be */
};

struct batch {
	struct part part[RECORD_AT_ONCE];
	unsigned nr;
	struct record_chunk *next; /* behind them, or NULL */
};

static void gather(const struct record_log *log, struct batch *b)
{
	size_t out = log->out;
	struct record_chunk *c;

	for (b->nr = 0; b->nr < min_u64(RECORD_AT_ONCE, log->nr_queued);
	     b->nr++) {
		c = queued(log, b->nr);
		b->part[b->nr] = (struct part){ c, out, c->len };
		out = c->len % RECORD_SECTOR;
	}
	b->next = b->nr < log->nr_queued ? queued(log, b->nr) : NULL;
}

/* What is behind the last sector of a chunk that is full goes with the next
 * one. */
static void seal_part(const struct part *p, struct record_chunk *next)
{
	size_t whole = sectors(p->len);

	seal_all(p->chunk->data + p->out, p->len - p->out);
	if (next)
		memcpy(next->data, p->chunk->data + whole, p->len - whole);
}

static void seal_batch(const struct batch *b)
{
	unsigned last = b->nr - 1;

	for (unsigned i = 0; i < last; i++)
		seal_part(&b->part[i], b->part[i + 1].chunk);
	seal_part(&b->part[last], b->next);
}

/* What is behind the last whole sector, which is written once more when there
 * is more of it. */
static int write_end(struct record_log *log, const struct part *last,
		     uint64_t at)
{
	size_t whole = sectors(last->len), len = last->len - whole;
	struct iovec iov = { log->end, RECORD_SECTOR };
	struct iov_cur cur = iov_start(&iov, 1);

	if (!len)
		return 0;
	memcpy(log->end, last->chunk->data + whole, len);
	memset(log->end + len, 0, RECORD_SECTOR - len);
	return write_all(log->fd, &cur, at);
}

static int write_batch(struct record_log *log, const struct batch *b)
{
	uint64_t at = log->at + sectors(log->out);
	struct iovec iov[RECORD_AT_ONCE];
	struct iov_cur cur = iov_start(iov, b->nr);
	size_t from;
	int ret;

	for (unsigned i = 0; i < b->nr; i++) {
		from = sectors(b->part[i].out);
		iov[i].iov_base = b->part[i].chunk->data + from;
		iov[i].iov_len = sectors(b->part[i].len) - from;
	}
	ret = write_all(log->fd, &cur, at);
	if (ret || b->next)
		return ret;
	return write_end(log, &b->part[b->nr - 1], at + iov_bytes(iov, b->nr));
}

/* The first one is written, and full: the next one's turn. */
static void pass_drained(struct record_log *log)
{
	struct record_chunk *c = drained_chunk(log);

	log->at += sectors(c->len);
	log->first = (log->first + 1) % RECORD_CHUNKS;
	log->nr_queued--;
	log->unused[log->nr_unused++] = c;
}

static void note_written(struct record_log *log, const struct batch *b)
{
	unsigned full = b->next ? b->nr : b->nr - 1;
	size_t last = b->part[b->nr - 1].len;

	for (unsigned i = 0; i < b->nr; i++)
		log->bytes += b->part[i].len - b->part[i].out;
	for (unsigned i = 0; i < full; i++)
		pass_drained(log);
	log->out = b->next ? last % RECORD_SECTOR : last;
	if (full)
		pthread_cond_broadcast(&log->emptied);
}

/* What was added is lost, be it the end. */
static void drain_failed(struct record_log *log, int error)
{
	char why[128];

	log->failed = true;
	if (!record_log_is_on(log) && !log->ended)
		return;
	log->ended = false;
	snprintf(why, sizeof(why), "%s", limit_strerror(-error));
	say_broken(log, why);
}

/* Writes what there is of some chunks; the lock is let go meanwhile, as nobody
 * changes what is there. */
static void drain(struct record_log *log)
{
	struct batch b;
	int ret;

	choose_way(log);
	gather(log, &b);
	pthread_mutex_unlock(&log->lock);
	seal_batch(&b);
	ret = write_batch(log, &b);
	if (ret == -EINVAL && log->is_direct) {
		/* Larger sectors than that. */
		log->direct = false;
		set_direct(log, false);
		ret = write_batch(log, &b);
	}
	pthread_mutex_lock(&log->lock);
	if (ret)
		drain_failed(log, ret);
	else
		note_written(log, &b);
}

static bool is_drained(const struct record_log *log)
{
	return log->nr_queued == 1 && log->out == drained_chunk(log)->len;
}

/* A chunk is full, or there is something, and it is time to look. */
static bool is_due(const struct record_log *log, bool looking)
{
	return log->nr_queued > 1 || (looking && !is_drained(log));
}

/* For a first record; who adds others need not wake the thread. */
static void wait_idle(struct record_log *log)
{
	log->idle = true;
	while (is_drained(log) && !log->stopping)
		pthread_cond_wait(&log->filled, &log->lock);
	log->idle = false;
}

/* For a full chunk: a few large writes are cheaper than many. */
static void wait_filled(struct record_log *log)
{
	struct timespec look = clock_at_ms(clock_ms() + LOOK_MS);

	pthread_cond_timedwait(&log->filled, &log->lock, &look);
}

static void *run(void *arg)
{
	struct record_log *log = arg;
	bool looking = false;

	pthread_mutex_lock(&log->lock);
	while (!log->failed) {
		if (is_due(log, looking || log->stopping)) {
			drain(log);
			looking = false;
		} else if (log->stopping) {
			break;
		} else if (looking) {
			wait_idle(log);
			looking = false;
		} else {
			wait_filled(log);
			looking = true;
		}
	}
	pthread_mutex_unlock(&log->lock);
	return NULL;
}

/*
 * Adding.
 */

/* Another chunk is filled from now on; the one before it has @before bytes. */
static void queue_one(struct record_log *log, size_t before)
{
	unsigned last = (log->first + log->nr_queued++) % RECORD_CHUNKS;
	struct record_chunk *c = log->unused[--log->nr_unused];

	c->len = before % RECORD_SECTOR;
	log->queue[last] = c;
}

/* A chunk that @need bytes go into, or NULL: the file is too slow.  Under the
 * lock, which may be let go. */
static struct record_chunk *room(struct record_log *log, size_t need)
{
	struct timespec end_at = clock_at_ms(clock_ms() + record_wait_ms);
	struct record_chunk *c;

	for (;;) {
		c = filled_chunk(log);
		if (!record_log_is_on(log))
			return NULL;
		if (c->len + need <= RECORD_CHUNK_BYTES)
			return c;
		if (log->nr_unused) {
			queue_one(log, c->len);
			pthread_cond_signal(&log->filled);
			continue;
		}
		if (pthread_cond_timedwait(&log->emptied, &log->lock,
					   &end_at)) {
			broke(log, "its file system is too slow");
			return NULL;
		}
	}
}

static bool add_one(struct record_log *log, struct record *r,
		    struct iov_cur *cur, size_t bytes)
{
	size_t need = record_bytes((uint32_t)bytes);
	struct record_chunk *c = room(log, need);
	uint8_t *p;

	if (!c)
		return false;
	r->seq = record_log_now(log) + 1;
	r->time_ns = clock_ns() - log->start_ns;
	r->data_bytes = (uint32_t)bytes;
	if (r->begin >= r->seq)
		r->begin = r->seq - 1;
	p = c->data + c->len;
	record_encode(p, r);
	memset(p + need - RECORD_ALIGN * !!bytes, 0, RECORD_ALIGN * !!bytes);
	if (bytes)
		iov_get(cur, p + RECORD_HEAD_BYTES, bytes);
	c->len += need;
	log->records++;
	log->marks += r->type == RECORD_MARK;
	atomic_store_explicit(&log->seq, r->seq, memory_order_relaxed);
	if (log->idle)
		pthread_cond_signal(&log->filled);
	return true;
}

bool record_log_has_room(struct record_log *log, size_t data_bytes)
{
	bool has;

	pthread_mutex_lock(&log->lock);
	has = log->nr_unused > data_bytes / RECORD_MAX_DATA + 1;
	pthread_mutex_unlock(&log->lock);
	return has;
}

/* Of a write that goes on: it ends with a physical block, which is not torn. */
static size_t part_bytes(uint64_t lba, size_t block)
{
	return RECORD_MAX_DATA - lba * block % PHYSICAL_MAX;
}

static void add(struct record_log *log, struct record *r, struct iov_cur *cur,
		size_t bytes)
{
	size_t block = r->nr_blocks ? bytes / r->nr_blocks : 0, n;
	uint32_t left = r->nr_blocks;

	while (r->type == RECORD_WRITE && bytes > RECORD_MAX_DATA) {
		n = part_bytes(r->lba, block);
		r->nr_blocks = (uint32_t)(n / block);
		r->flags |= RECORD_MORE;
		if (!add_one(log, r, cur, n))
			return;
		r->lba += r->nr_blocks;
		left -= r->nr_blocks;
		bytes -= n;
	}
	r->nr_blocks = left;
	r->flags &= ~(unsigned)RECORD_MORE;
	add_one(log, r, cur, bytes);
}

void record_log_add(struct record_log *log, struct record *r,
		    struct iov_cur *cur, size_t bytes)
{
	pthread_mutex_lock(&log->lock);
	if (record_log_is_on(log))
		add(log, r, cur, bytes);
	pthread_mutex_unlock(&log->lock);
}

static void add_text(struct record_log *log, enum record_type type,
		     const char *text)
{
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };
	struct iov_cur cur = iov_start(&iov, 1);
	struct record r = { .type = type, .begin = record_log_now(log) };

	add(log, &r, &cur, iov.iov_len);
}

int record_log_mark(struct record_log *log, const char *text, uint64_t *nr,
		    struct zl_err *err)
{
	int ret = 0;

	if (!*text || strlen(text) > MARK_MAX)
		return zl_fail(err, EINVAL, "a mark's text has 1 to %u bytes",
			       MARK_MAX);
	pthread_mutex_lock(&log->lock);
	add_text(log, RECORD_MARK, text);
	*nr = log->records - 1;
	if (!record_log_is_on(log))
		ret = zl_fail(err, EINVAL, "nothing is recorded%s%s",
			      log->why[0] ? ": " : "", log->why);
	pthread_mutex_unlock(&log->lock);
	return ret;
}

/*
 * Start and stop.
 */

static void free_chunks(struct record_log *log)
{
	free(log->memory);
	free(log->end);
	log->memory = log->end = NULL;
}

/* In huge pages, if they can be had: a third of what it costs to write from
 * small ones past the page cache is finding them. */
static uint8_t *get_memory(void)
{
	size_t len = (size_t)RECORD_CHUNKS * RECORD_CHUNK_BYTES;
	uint8_t *memory = aligned_alloc(HUGE_PAGE, len);

	if (memory)
		madvise(memory, len, MADV_HUGEPAGE);
	return memory;
}

static int get_chunks(struct record_log *log)
{
	log->end = aligned_alloc(RECORD_SECTOR, RECORD_SECTOR);
	log->memory = get_memory();
	if (!log->end || !log->memory) {
		free_chunks(log);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < RECORD_CHUNKS; i++) {
		log->chunk[i].data =
			log->memory + (size_t)i * RECORD_CHUNK_BYTES;
		log->unused[i] = &log->chunk[i];
	}
	log->nr_unused = RECORD_CHUNKS;
	log->first = log->nr_queued = 0;
	log->out = 0;
	log->at = 0;
	queue_one(log, 0);
	return 0;
}

static void give_up(struct record_log *log)
{
	free_chunks(log);
	if (log->fd >= 0) {
		close(log->fd);
		unlink(log->path);
	}
	log->fd = -1;
}

static int prepare(struct record_log *log, const char *path, const char *name,
		   struct zl_err *err)
{
	if (log->running)
		return zl_fail(err, EBUSY,
			       "%s is recorded in %s already; stop "
			       "that first",
			       name, log->path);
	if (strlen(path) >= sizeof(log->path))
		return zl_fail(err, ENAMETOOLONG, "%.64s… is too long a name",
			       path);
	log->fd =
		open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		     0600);
	if (log->fd < 0 && errno == EEXIST)
		return zl_fail(err, EEXIST,
			       "%s is there already; name a new file", path);
	if (log->fd < 0)
		return zl_fail(err, errno, "%s cannot be made: %s", path,
			       limit_strerror(errno));
	log->is_direct = false;
	set_direct(log, true);
	log->direct = log->is_direct;
	pthread_mutex_lock(&log->lock);
	snprintf(log->path, sizeof(log->path), "%s", path);
	snprintf(log->name, sizeof(log->name), "%s", name);
	log->why[0] = 0;
	log->idle = log->stopping = log->failed = log->ended = false;
	log->records = log->bytes = log->marks = 0;
	log->start_ns = clock_ns();
	pthread_mutex_unlock(&log->lock);
	return 0;
}

int record_log_start(struct record_log *log, const char *path, const char *name,
		     const void *head, size_t head_bytes, struct zl_err *err)
{
	struct iovec iov = { (void *)(uintptr_t)head, head_bytes };
	struct iov_cur cur = iov_start(&iov, 1);
	struct record r = { .type = RECORD_HEAD };
	int ret = prepare(log, path, name, err);

	if (ret)
		return ret;
	ret = get_chunks(log);
	if (!ret)
		ret = thread_start(&log->thread, "zloop-record", run, log);
	if (ret) {
		give_up(log);
		return zl_fail(err, -ret, "%s cannot be recorded: %s", name,
			       limit_strerror(-ret));
	}
	log->running = true;
	pthread_mutex_lock(&log->lock);
	atomic_store(&log->on, true);
	r.begin = record_log_now(log);
	add(log, &r, &cur, head_bytes);
	pthread_mutex_unlock(&log->lock);
	return 0;
}

/* Whole sectors were written. */
static bool close_file(struct record_log *log)
{
	bool ok = log->failed || !ftruncate(log->fd, (off_t)log->bytes);

	ok = !fsync(log->fd) && ok;

	ok = !close(log->fd) && ok;
	log->fd = -1;
	return ok;
}

/* Nothing comes behind it, and nobody holds it up. */
static void add_end(struct record_log *log, const char *why)
{
	add_text(log, RECORD_END, why);
	if (!record_log_is_on(log))
		return;
	log->ended = true;
	end(log, why);
}

int record_log_stop(struct record_log *log, const char *why, struct zl_err *err)
{
	bool safe;

	if (!log->running)
		return 0;
	pthread_mutex_lock(&log->lock);
	if (record_log_is_on(log))
		add_end(log, why);
	log->stopping = true;
	pthread_cond_signal(&log->filled);
	pthread_mutex_unlock(&log->lock);
	pthread_join(log->thread, NULL);
	log->running = false;
	safe = close_file(log);
	pthread_mutex_lock(&log->lock);
	free_chunks(log);
	pthread_mutex_unlock(&log->lock);
	if (!log->ended)
		return zl_fail(err, EIO, "%s ends before that: %s", log->path,
			       log->why);
	if (!safe)
		return zl_fail(err, EIO, "%s could not be made durable",
			       log->path);
	return 0;
}

void record_log_status(struct record_log *log, struct record_status *st)
{
	pthread_mutex_lock(&log->lock);
	st->on = record_log_is_on(log);
	memcpy(st->path, log->path, sizeof(st->path));
	memcpy(st->why, log->why, sizeof(st->why));
	st->records = log->records;
	st->bytes = log->bytes;
	st->marks = log->marks;
	st->seq = record_log_now(log);
	pthread_mutex_unlock(&log->lock);
}
