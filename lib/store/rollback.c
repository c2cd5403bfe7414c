// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The store that can take back what was not synced. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/iov.h"
#include "base/log.h"
#include "base/num.h"
#include "store/rollback.h"

#define CHUNK	   4096u
#define MAX_KEPT   (64 * ZL_MIB) /* of old contents */
#define NR_STRIPES 16
#define NR_BUCKETS 256

/* What an overwritten part of a file was at its last sync. */
struct chunk {
	struct chunk *next;
	uint64_t nr; /* offset / CHUNK */
	uint32_t len;
	uint8_t old[CHUNK];
};

/* A slot that was changed since its last sync. */
struct undo {
	uint32_t slot;
	/* Sequential slots. */
	uint64_t base_bytes; /* size at the last sync */
	bool aside;	     /* that file is set aside */
	/* Conventional ones, and those that were not written in order: by
	 * number; NULL until there is one. */
	struct chunk **bucket;
};

/* A slot is being changed or synced: on the stack of who does that. */
struct turn {
	struct turn *next;
	uint32_t slot;
};

/* Some of the slots.  An undo is its slot's turn's. */
struct stripe {
	pthread_mutex_t lock; /* of all here; never held over I/O */
	pthread_cond_t over;  /* a turn is, or a failure */
	struct turn *turns;   /* under way: one for a slot at most */
	bool failing;	      /* there are none */
	struct undo **at;     /* by slot / NR_STRIPES */
	uint32_t room;	      /* of it */
};

struct rollback {
	struct store head;
	struct stripe stripe[NR_STRIPES];
	atomic_uint_fast64_t kept; /* bytes of chunks */
	struct zl_limit limit;	   /* of what commands cause */
};

static struct rollback *to_rollback(struct store *st)
{
	return (struct rollback *)st;
}

static struct stripe *stripe_of(struct rollback *rb, uint32_t slot)
{
	return &rb->stripe[slot % NR_STRIPES];
}

/* Turns. */

static bool must_wait(const struct stripe *sp, uint32_t slot)
{
	const struct turn *t = sp->turns;

	while (t && t->slot != slot)
		t = t->next;
	return t || sp->failing;
}

static void take_turn(struct stripe *sp, struct turn *t)
{
	pthread_mutex_lock(&sp->lock);
	while (must_wait(sp, t->slot))
		pthread_cond_wait(&sp->over, &sp->lock);
	t->next = sp->turns;
	sp->turns = t;
	pthread_mutex_unlock(&sp->lock);
}

static void end_turn(struct stripe *sp, struct turn *t)
{
	struct turn **link = &sp->turns;

	pthread_mutex_lock(&sp->lock);
	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	pthread_cond_broadcast(&sp->over);
	pthread_mutex_unlock(&sp->lock);
}

/* Waits for the turns, and lets nobody have one. */
static void stop_turns(struct stripe *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->failing = true;
	while (sp->turns)
		pthread_cond_wait(&sp->over, &sp->lock);
	pthread_mutex_unlock(&sp->lock);
}

static void resume_turns(struct stripe *sp)
{
	pthread_mutex_lock(&sp->lock);
	sp->failing = false;
	pthread_cond_broadcast(&sp->over);
	pthread_mutex_unlock(&sp->lock);
}

/* Requests below. */

static int64_t run_below(struct rollback *rb, enum store_op op, uint32_t slot,
			 uint64_t off, uint64_t len, void *data)
{
	struct iovec iov = { .iov_base = data, .iov_len = len };
	struct store_req req = { .op = op,
				 .slot = slot,
				 .off = off,
				 .len = len,
				 .iov = &iov,
				 .iov_cnt = 1 };

	return store_run(rb->head.lower, &req);
}

static int64_t pass_down(struct rollback *rb, const struct store_req *req)
{
	struct store_req copy = *req;

	copy.flags &= STORE_DSYNC;
	return store_run(rb->head.lower, &copy);
}

static int stat_below(struct rollback *rb, uint32_t slot, uint64_t *size_bytes)
{
	struct store_stat stat = { 0 };
	int ret = store_stat(rb->head.lower, slot, &stat);

	*size_bytes = stat.size_bytes;
	return ret;
}

static int aside_below(struct rollback *rb, uint32_t slot,
		       enum store_aside what)
{
	return store_aside(rb->head.lower, slot, what);
}

/* The way back. */

static struct undo *find_undo(struct stripe *sp, uint32_t slot)
{
	uint32_t i = slot / NR_STRIPES;
	struct undo *u;

	pthread_mutex_lock(&sp->lock);
	u = i < sp->room ? sp->at[i] : NULL;
	pthread_mutex_unlock(&sp->lock);
	return u;
}

/* Under the lock. */
static int make_place(struct stripe *sp, uint32_t slot)
{
	uint32_t i = slot / NR_STRIPES, room = sp->room ? sp->room : 16;
	struct undo **at;

	if (i < sp->room)
		return 0;
	while (room <= i)
		room *= 2;
	at = realloc(sp->at, room * sizeof(struct undo *));
	if (!at)
		return -ENOMEM;
	memset(at + sp->room, 0, (room - sp->room) * sizeof(struct undo *));
	sp->at = at;
	sp->room = room;
	return 0;
}

static int put_undo(struct stripe *sp, struct undo *u)
{
	int ret;

	pthread_mutex_lock(&sp->lock);
	ret = make_place(sp, u->slot);
	if (!ret)
		sp->at[u->slot / NR_STRIPES] = u;
	pthread_mutex_unlock(&sp->lock);
	return ret;
}

static void drop_chunks(struct rollback *rb, struct undo *u)
{
	struct chunk *c;

	for (int i = 0; u->bucket && i < NR_BUCKETS; i++) {
		while ((c = u->bucket[i])) {
			u->bucket[i] = c->next;
			free(c);
			atomic_fetch_sub(&rb->kept, sizeof(*c));
		}
	}
	free(u->bucket);
	u->bucket = NULL;
}

static void free_undo(struct rollback *rb, struct stripe *sp, struct undo *u)
{
	pthread_mutex_lock(&sp->lock);
	sp->at[u->slot / NR_STRIPES] = NULL;
	pthread_mutex_unlock(&sp->lock);
	drop_chunks(rb, u);
	free(u);
}

/* The slot's undo, made if there is none. */
static int need_undo(struct rollback *rb, struct stripe *sp, uint32_t slot,
		     struct undo **undo)
{
	struct undo *u = find_undo(sp, slot);
	int ret;

	*undo = u;
	if (u)
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->slot = slot;
	ret = stat_below(rb, slot, &u->base_bytes);
	if (!ret)
		ret = put_undo(sp, u);
	if (ret) {
		free(u);
		return ret;
	}
	*undo = u;
	return 0;
}

static struct chunk **find_chunk(struct undo *u, uint64_t nr)
{
	struct chunk **link = &u->bucket[nr % NR_BUCKETS];

	while (*link && (*link)->nr != nr)
		link = &(*link)->next;
	return link;
}

/* Remembers what the chunk is now, unless that is known already. */
static int keep_chunk(struct rollback *rb, struct undo *u, uint64_t nr)
{
	struct chunk **link = find_chunk(u, nr), *c;
	int64_t res;

	if (*link)
		return 0;
	c = malloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	res = run_below(rb, STORE_READ, u->slot, nr * CHUNK, CHUNK, c->old);
	if (res < 0) {
		free(c);
		return (int)res;
	}
	c->next = NULL;
	c->nr = nr;
	c->len = (uint32_t)res;
	*link = c;
	atomic_fetch_add(&rb->kept, sizeof(*c));
	return 0;
}

/* A sync, after which nothing of the slot can be taken back. */
static int sync_slot(struct rollback *rb, struct stripe *sp,
		     const struct store_req *req)
{
	struct store_req sync = { .op = STORE_SYNC,
				  .slot = req->slot,
				  .size = req->op == STORE_SYNC ? req->size
								: 0 };
	struct undo *u = find_undo(sp, req->slot);
	int ret = (int)store_run(rb->head.lower, &sync);

	if (ret || !u)
		return ret;
	if (u->aside) {
		ret = store_sync_dir(rb->head.lower);
		if (ret)
			return ret;
		/* What cannot be removed is no harm. */
		aside_below(rb, req->slot, STORE_ASIDE_DROP);
	}
	free_undo(rb, sp, u);
	return 0;
}

static bool is_room(struct rollback *rb, const struct store_req *req)
{
	return atomic_load(&rb->kept) + req->len <= MAX_KEPT;
}

/*
 * Room for old contents, by an early sync if need be.  *through: there is none
 * even then, so that the change is to be synced as well.
 */
static int make_room(struct rollback *rb, struct stripe *sp,
		     const struct store_req *req, bool *through)
{
	int ret;

	if (is_room(rb, req))
		return 0;
	ret = sync_slot(rb, sp, req);
	*through = !is_room(rb, req);
	return ret;
}

/* The contents from @off to @end are going to be changed. */
static int keep_range(struct rollback *rb, struct undo *u, uint64_t off,
		      uint64_t end)
{
	uint64_t end_nr = div_up_u64(end, CHUNK);
	int ret = 0;

	if (!u->bucket)
		u->bucket = calloc(NR_BUCKETS, sizeof(*u->bucket));
	if (!u->bucket)
		return -ENOMEM;
	for (uint64_t nr = off / CHUNK; nr < end_nr && !ret; nr++)
		ret = keep_chunk(rb, u, nr);
	return ret;
}

/*
 * The same for a request.  What cannot be read cannot be kept, but is to be
 * overwritten all the same: as in make_room() the slot is synced early, and the
 * change goes *through.
 */
static int keep_old(struct rollback *rb, struct stripe *sp, struct undo *u,
		    const struct store_req *req, uint64_t end, bool *through)
{
	int ret = keep_range(rb, u, req->off, end);

	if (!ret || ret == -ENOMEM)
		return ret;
	ret = sync_slot(rb, sp, req);
	*through = !ret;
	return ret;
}

/* The range was written durably: that is what the way back leads to. */
static void update_range(struct stripe *sp, const struct store_req *req)
{
	struct undo *u = find_undo(sp, req->slot);
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt);
	uint64_t off = req->off, end = req->off + req->len, n;
	struct chunk *c;

	for (; u && u->bucket && off < end; off += n) {
		n = min_u64(CHUNK - off % CHUNK, end - off);
		c = *find_chunk(u, off / CHUNK);
		if (c)
			iov_get(&cur, c->old + off % CHUNK, n);
		else
			iov_skip(&cur, n);
	}
}

/* Requests. */

static int64_t written_through(struct rollback *rb, struct stripe *sp,
			       const struct store_req *req, int64_t res)
{
	int ret = res < 0 ? 0 : sync_slot(rb, sp, req);

	return ret ? ret : res;
}

static int64_t change_conv(struct rollback *rb, struct stripe *sp,
			   const struct store_req *req)
{
	bool durable = req->op == STORE_WRITE && req->flags & STORE_DSYNC;
	bool keep = !durable && req->len, through = false;
	struct undo *u;
	int64_t res;
	int ret = 0;

	if (keep)
		ret = make_room(rb, sp, req, &through);
	keep &= !through;
	if (keep && !ret)
		ret = need_undo(rb, sp, req->slot, &u);
	if (keep && !ret)
		ret = keep_old(rb, sp, u, req, req->off + req->len, &through);
	if (ret)
		return ret;
	res = pass_down(rb, req);
	if (durable && res >= 0)
		update_range(sp, req);
	return through ? written_through(rb, sp, req, res) : res;
}

/* Where a file cannot be set aside, its reset cannot be undone: that much of
 * the cache was flushed. */
static int64_t reset_seq(struct rollback *rb, struct undo *u,
			 const struct store_req *req)
{
	int64_t res;
	int ret;

	if (!u->aside && u->base_bytes) {
		ret = aside_below(rb, req->slot, STORE_ASIDE_SET);
		if (!ret) {
			u->aside = true;
			return 0;
		}
		zl_log_limited(&rb->limit, ZL_LOG_WARN,
			       "slot %u cannot be set aside (errno %d): a "
			       "power failure will not undo its reset",
			       req->slot, -ret);
	}
	res = pass_down(rb, req);
	if (!res && !u->aside) {
		u->base_bytes = 0;
		drop_chunks(rb, u);
	}
	return res;
}

/* Keeps what a write that is not in order takes of the file as it was; when
 * that has been set aside it is there as a whole. */
static int keep_seq(struct rollback *rb, struct stripe *sp,
		    const struct store_req *req, struct undo **u, bool *through)
{
	uint64_t end = req->off + req->len;
	int ret = need_undo(rb, sp, req->slot, u);

	if (ret || (*u)->aside || req->op != STORE_WRITE ||
	    req->off >= (*u)->base_bytes)
		return ret;
	ret = make_room(rb, sp, req, through);
	if (!ret && *through)
		return 0;
	if (!ret)
		ret = need_undo(rb, sp, req->slot, u);
	return ret ? ret
		   : keep_old(rb, sp, *u, req, min_u64(end, (*u)->base_bytes),
			      through);
}

static int64_t change_seq(struct rollback *rb, struct stripe *sp,
			  const struct store_req *req)
{
	bool through = false;
	struct undo *u;
	int64_t res;
	int ret = keep_seq(rb, sp, req, &u, &through);

	if (ret)
		return ret;
	if (req->op == STORE_RESET)
		return reset_seq(rb, u, req);
	res = pass_down(rb, req);
	if (!res && req->op == STORE_CUT && !u->aside)
		u->base_bytes = min_u64(u->base_bytes, req->off);
	if (res >= 0 && req->flags & STORE_DSYNC)
		return sync_slot(rb, sp, req) ? -EIO : res;
	return through ? written_through(rb, sp, req, res) : res;
}

static int64_t change(struct rollback *rb, const struct store_req *req)
{
	struct stripe *sp = stripe_of(rb, req->slot);
	struct turn turn = { .slot = req->slot };
	int64_t res;

	take_turn(sp, &turn);
	if (req->op == STORE_SYNC)
		res = sync_slot(rb, sp, req);
	else if (store_slot_is_conv(&rb->head, req->slot))
		res = change_conv(rb, sp, req);
	else
		res = change_seq(rb, sp, req);
	end_turn(sp, &turn);
	return res;
}

static void rollback_submit(struct store *st, struct store_req *req)
{
	switch (req->op) {
	case STORE_READ:
		store_submit(st->lower, req);
		return;
	case STORE_WRITE:
		/* Reading the old contents first may block and open files. */
		if (req->flags & ~(unsigned)STORE_DSYNC) {
			req->res = -EAGAIN;
			break;
		}
		req->res = change(to_rollback(st), req);
		break;
	default:
		req->res = change(to_rollback(st), req);
	}
	req->done(req);
}

/* The power fails. */

struct failing {
	struct rollback *rb;
	const struct store_rollback_part *part;
	uint64_t rng;
	bool dir;      /* the directory has been changed */
	uint32_t left; /* slots */
	void (*changed)(void *user, uint32_t slot, uint32_t left, int synced);
	void *user;
};

/* Below @n, which is not 0. */
static uint64_t pick(struct failing *f, uint64_t n)
{
	f->rng = f->rng * UINT64_C(6364136223846793005) +
		 UINT64_C(1442695040888963407);
	return (f->rng >> 33) % n;
}

/* A size from @lo to @hi that a random failure leaves. */
static uint64_t pick_size(struct failing *f, uint64_t lo, uint64_t hi)
{
	uint32_t granule = f->part->granule_bytes;

	if (!f->part->random || hi <= lo)
		return lo;
	return lo + pick(f, (hi - lo) / granule + 1) * granule;
}

static int cut(struct rollback *rb, uint32_t slot, uint64_t size_bytes)
{
	uint64_t now;
	int ret = stat_below(rb, slot, &now);

	if (ret || now <= size_bytes)
		return ret;
	return (int)run_below(rb, STORE_CUT, slot, size_bytes, 0, NULL);
}

static int fail_chunk(struct failing *f, uint32_t slot, struct chunk *c)
{
	uint32_t granule = f->part->random ? f->part->granule_bytes : c->len, n;
	int64_t res = 0;

	for (uint32_t off = 0; off < c->len && res >= 0; off += n) {
		n = (uint32_t)min_u64(granule, c->len - off);
		if (f->part->random && pick(f, 2))
			continue;
		res = run_below(f->rb, STORE_WRITE, slot, c->nr * CHUNK + off,
				n, c->old + off);
	}
	return res < 0 ? (int)res : 0;
}

static int fail_chunks(struct failing *f, struct undo *u)
{
	int ret = 0;

	for (int i = 0; u->bucket && i < NR_BUCKETS; i++)
		for (struct chunk *c = u->bucket[i]; c && !ret; c = c->next)
			ret = fail_chunk(f, u->slot, c);
	return ret;
}

static int fail_seq(struct failing *f, struct undo *u)
{
	uint64_t base = u->base_bytes, now;
	int ret = 0;

	if (u->aside) {
		f->dir = true;
		/* Was it before the reset or after it? */
		if (f->part->random && pick(f, 2)) {
			aside_below(f->rb, u->slot, STORE_ASIDE_DROP);
			base = 0;
		} else {
			ret = aside_below(f->rb, u->slot, STORE_ASIDE_BACK);
		}
		if (!ret)
			u->aside = false;
	}
	/* Those are of the file that there was at the last sync. */
	if (!ret && base == u->base_bytes)
		ret = fail_chunks(f, u);
	if (!ret)
		ret = stat_below(f->rb, u->slot, &now);
	if (!ret)
		ret = cut(f->rb, u->slot, pick_size(f, base, now));
	return ret;
}

/* What cannot be taken back is there now, and no longer to be synced. */
static int fail_slot(struct failing *f, struct undo *u, int *synced)
{
	int ret = store_slot_is_conv(&f->rb->head, u->slot) ? fail_chunks(f, u)
							    : fail_seq(f, u);

	*synced = (int)run_below(f->rb, STORE_SYNC, u->slot, 0, 0, NULL);
	if (!ret)
		ret = *synced;
	if (ret)
		zl_log(ZL_LOG_ERR,
		       "slot %u: what was not synced cannot be taken back "
		       "(errno %d)",
		       u->slot, -ret);
	return ret;
}

static uint32_t count_undos(const struct stripe *sp)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < sp->room; i++)
		n += sp->at[i] != NULL;
	return n;
}

static int fail_stripe(struct failing *f, struct stripe *sp)
{
	int ret, synced, first = 0;

	for (uint32_t i = 0; i < sp->room; i++) {
		struct undo *u = sp->at[i];

		if (!u)
			continue;
		ret = fail_slot(f, u, &synced);
		if (!first)
			first = ret;
		f->changed(f->user, u->slot, --f->left, synced);
		free_undo(f->rb, sp, u);
	}
	return first;
}

int store_rollback_fail(struct store *st,
			const struct store_rollback_part *part,
			void (*changed)(void *user, uint32_t slot,
					uint32_t left, int synced),
			void *user)
{
	struct rollback *rb = to_rollback(st);
	struct failing f = { .rb = rb,
			     .part = part,
			     .rng = part->seed,
			     .changed = changed,
			     .user = user };
	int ret, first = 0;

	assert(part->granule_bytes);
	for (int i = 0; i < NR_STRIPES; i++) {
		stop_turns(&rb->stripe[i]);
		f.left += count_undos(&rb->stripe[i]);
	}
	for (int i = 0; i < NR_STRIPES; i++) {
		ret = fail_stripe(&f, &rb->stripe[i]);
		if (!first)
			first = ret;
	}
	ret = f.dir ? store_sync_dir(rb->head.lower) : 0;
	for (int i = 0; i < NR_STRIPES; i++)
		resume_turns(&rb->stripe[i]);
	return first ? first : ret;
}

static bool is_left_over(const char *name)
{
	size_t len = strspn(name, "cnvseq-0123456789");

	return !strncmp(name, "seq-", 4) && len >= 10 &&
	       (!strcmp(name + len, ".undo") || !strcmp(name + len, ".new"));
}

struct cleaning {
	struct store *st;
	int removed;
};

static int clean_name(void *user, const char *name)
{
	struct cleaning *c = user;
	int ret;

	if (!is_left_over(name))
		return 0;
	ret = store_meta_remove(c->st, name);
	c->removed += !ret;
	return ret == -ENOENT ? 0 : ret;
}

int store_rollback_clean(struct store *st)
{
	struct cleaning c = { .st = st };
	int ret = store_list(st, clean_name, &c);

	return ret < 0 ? ret : c.removed;
}

static int rollback_aside(struct store *st, uint32_t slot,
			  enum store_aside what)
{
	(void)st;
	(void)slot;
	(void)what;
	return -EOPNOTSUPP; /* one can be in the way of the other */
}

/* There is no way back to a file that is removed. */
static int rollback_unmake(struct store *st, uint32_t slot)
{
	struct rollback *rb = to_rollback(st);
	struct stripe *sp = stripe_of(rb, slot);
	struct turn turn = { .slot = slot };
	struct undo *u;
	int ret;

	take_turn(sp, &turn);
	u = find_undo(sp, slot);
	ret = store_unmake(st->lower, slot);
	if (u && (!ret || ret == -ENOENT)) {
		if (u->aside)
			aside_below(rb, slot, STORE_ASIDE_DROP);
		free_undo(rb, sp, u);
	}
	end_turn(sp, &turn);
	return ret;
}

static void drop_stripe(struct rollback *rb, struct stripe *sp)
{
	for (uint32_t i = 0; i < sp->room; i++)
		if (sp->at[i])
			free_undo(rb, sp, sp->at[i]);
	free(sp->at);
	pthread_cond_destroy(&sp->over);
	pthread_mutex_destroy(&sp->lock);
}

struct store *store_rollback_release(struct store *st)
{
	struct rollback *rb = to_rollback(st);
	struct store *lower = st->lower;

	for (int i = 0; i < NR_STRIPES; i++)
		drop_stripe(rb, &rb->stripe[i]);
	free(rb);
	return lower;
}

static void rollback_close(struct store *st)
{
	store_close(store_rollback_release(st));
}

static const struct store_ops rollback_ops = {
	.name = "rollback",
	.submit = rollback_submit,
	.unmake = rollback_unmake,
	.aside = rollback_aside,
	.close = rollback_close,
};

struct store *store_rollback_new(struct store *lower)
{
	struct rollback *rb = calloc(1, sizeof(*rb));

	if (!rb)
		return NULL;
	store_wrap(&rb->head, &rollback_ops, lower);
	for (int i = 0; i < NR_STRIPES; i++) {
		pthread_mutex_init(&rb->stripe[i].lock, NULL);
		pthread_cond_init(&rb->stripe[i].over, NULL);
	}
	return &rb->head;
}
