// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The crash-simulating store's files: unsynced changes and their fate. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "stores/crash_file.h"

#define GARBAGE 0xdb

struct crash_op {
	struct crash_op *next;
	bool resize;
	bool forced;	   /* safe by itself */
	uint64_t size;	   /* the file's, afterwards */
	uint64_t off, len; /* of data */
	uint8_t data[];
};

uint64_t crash_random(uint64_t *rng, uint64_t n)
{
	uint64_t x; /* splitmix64 */

	*rng += UINT64_C(0x9e3779b97f4a7c15);
	x = *rng;
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % n;
}

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

struct crash_file *crash_file_new(void)
{
	struct crash_file *f = must(calloc(1, sizeof(*f)));

	f->ops_end = &f->ops;
	return f;
}

static void drop_ops(struct crash_file *f)
{
	struct crash_op *op;

	while ((op = f->ops)) {
		f->ops = op->next;
		free(op);
	}
	f->ops_end = &f->ops;
}

void crash_file_free(struct crash_file *f)
{
	drop_ops(f);
	free(f->now.data);
	free(f->medium.data);
	free(f);
}

/* Content. */

static void need(struct crash_bytes *b, uint64_t len)
{
	if (len <= b->len)
		return;
	b->data = must(realloc(b->data, len));
	memset(b->data + b->len, 0, len - b->len);
	b->len = len;
}

static void set_size(struct crash_bytes *b, uint64_t size)
{
	if (size < b->len) {
		b->len = size;
		/* Not to 0, which would free it. */
		b->data = must(realloc(b->data, max_u64(size, 1)));
	}
	b->size = size;
}

static void put(struct crash_bytes *b, uint64_t off, const void *data,
		uint64_t len)
{
	if (!len)
		return;
	need(b, off + len);
	memcpy(b->data + off, data, len);
	b->size = max_u64(b->size, off + len);
}

static void copy(struct crash_bytes *to, const struct crash_bytes *from)
{
	set_size(to, 0);
	put(to, 0, from->data, from->len);
	set_size(to, from->size);
}

/* Changes. */

static struct crash_op *add_op(struct crash_file *f, uint64_t off, uint64_t len)
{
	struct crash_op *op = must(calloc(1, sizeof(*op) + len));

	op->off = off;
	op->len = len;
	*f->ops_end = op;
	f->ops_end = &op->next;
	return op;
}

void crash_file_write(struct crash_file *f, uint64_t off, uint64_t len,
		      struct iov_cur *cur)
{
	struct crash_op *op = add_op(f, off, len);

	iov_get(cur, op->data, len);
	put(&f->now, off, op->data, len);
	op->size = f->now.size;
}

void crash_file_force(struct crash_file *f)
{
	struct crash_op *op = f->ops;

	assert(op);
	while (op->next)
		op = op->next;
	op->forced = true;
}

void crash_file_zero(struct crash_file *f, uint64_t off, uint64_t len)
{
	struct crash_op *op;

	if (off >= f->now.size)
		return;
	op = add_op(f, off, min_u64(len, f->now.size - off));
	put(&f->now, off, op->data, op->len);
	op->size = f->now.size;
}

void crash_file_resize(struct crash_file *f, uint64_t size)
{
	struct crash_op *op = add_op(f, 0, 0);

	op->resize = true;
	op->size = size;
	set_size(&f->now, size);
}

void crash_file_sync(struct crash_file *f)
{
	copy(&f->medium, &f->now);
	drop_ops(f);
}

uint64_t crash_file_read(const struct crash_file *f, uint64_t off, uint64_t len,
			 struct iov_cur *cur)
{
	uint64_t data;

	if (off >= f->now.size)
		return 0;
	len = min_u64(len, f->now.size - off);
	data = off < f->now.len ? min_u64(len, f->now.len - off) : 0;
	if (data) /* else there may be no bytes to point at */
		iov_put(cur, f->now.data + off, data);
	iov_zero(cur, len - data);
	return len;
}

/* What the power's failure leaves. */

struct settling {
	enum store_crash_keep keep;
	uint64_t *rng;
	struct crash_bytes *b;	      /* the medium, as it becomes */
	const struct crash_op *front; /* the first change of size that did not
					 get there; NULL = all did */
};

/* How likely a write's sectors are there: in quarters. */
static unsigned chance(const struct settling *s, const struct crash_op *op)
{
	static const unsigned quarters[] = { 0, 2, 4 };

	if (s->keep == STORE_CRASH_KEEP_ALL || op->forced)
		return 4;
	if (s->keep == STORE_CRASH_KEEP_NOTHING)
		return 0;
	return quarters[crash_random(s->rng, 3)];
}

/* One sector's part of a write. */
static void settle_sector(struct settling *s, const struct crash_op *op,
			  uint64_t off, uint64_t len, unsigned quarters)
{
	uint8_t garbage[CRASH_SECTOR];

	if (crash_random(s->rng, 4) < quarters) {
		put(s->b, off, op->data + (off - op->off), len);
	} else if (off >= s->b->size && s->keep == STORE_CRASH_KEEP_RANDOM &&
		   crash_random(s->rng, 2)) {
		memset(garbage, GARBAGE, sizeof(garbage));
		put(s->b, off, garbage, len);
	}
}

static void settle_write(struct settling *s, const struct crash_op *op)
{
	unsigned quarters = chance(s, op);
	uint64_t off = op->off, end = op->off + op->len, n;

	for (; off < end; off += n) {
		n = min_u64(CRASH_SECTOR - off % CRASH_SECTOR, end - off);
		settle_sector(s, op, off, n, quarters);
	}
}

static const struct crash_op *pick_front(const struct crash_file *f,
					 const struct settling *s)
{
	const struct crash_op *op = f->ops;
	uint64_t n = 0;

	if (s->keep == STORE_CRASH_KEEP_ALL)
		return NULL;
	if (s->keep == STORE_CRASH_KEEP_NOTHING)
		return op;
	for (; op; op = op->next)
		n++;
	n = crash_random(s->rng, n + 1);
	for (op = f->ops; n--; op = op->next)
		;
	return op;
}

/* The size at the front: that before it, or a part of the way. */
static uint64_t pick_size(const struct settling *s, uint64_t before)
{
	const struct crash_op *op = s->front;
	uint64_t size;

	if (!op || op->resize || op->size <= before ||
	    s->keep != STORE_CRASH_KEEP_RANDOM || crash_random(s->rng, 2))
		return before;
	size = before + crash_random(s->rng, op->size - before + 1);
	/* Most file systems write whole blocks; some tests should see that. */
	if (crash_random(s->rng, 2))
		size -= size % CRASH_SECTOR;
	return max_u64(size, before);
}

void crash_file_settle(struct crash_file *f, enum store_crash_keep keep,
		       uint64_t *rng)
{
	struct settling s = { .keep = keep, .rng = rng, .b = &f->medium };
	uint64_t size = f->medium.size, before = size;
	bool passed = false, held = false;

	s.front = pick_front(f, &s);
	for (const struct crash_op *op = f->ops; op; op = op->next) {
		passed |= op == s.front;
		/* A shrinking that did not get there holds back the rest. */
		held |= passed && op->size < before;
		before = op->size;
		if (!passed)
			size = op->size;
		if (!op->resize && !held)
			settle_write(&s, op);
		else if (op->resize && !passed)
			set_size(s.b, op->size);
	}
	set_size(s.b, pick_size(&s, size));
	drop_ops(f);
	copy(&f->now, &f->medium);
	f->made = false;
}
