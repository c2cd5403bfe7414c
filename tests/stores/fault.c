// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The fault-injecting store: makes calls to the store below fail. */
#include <assert.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/iov.h"
#include "base/num.h"
#include "stores/fault.h"

/* Bits of struct store_fault_plan.only from 16 on, in struct store_ops' order.
 */
enum other_op {
	OP_STAT = 16,
	OP_MAKE,
	OP_UNMAKE,
	OP_RESIZE,
	OP_SYNC_DIR,
	OP_SPACE,
	OP_LIST,
	OP_META_READ,
	OP_META_REPLACE,
	OP_META_APPEND,
	OP_META_REMOVE,
	OP_LOCK,
	OP_SYNC_ALL,
	OP_ASIDE,
	OP_META_CUT,
};

_Static_assert((int)STORE_NR_OPS <= OP_STAT, "bits of store_fault_plan.only");

struct fault_store {
	struct store head;
	struct store_fault_plan plan; /* changed by arm only */
	atomic_uint_fast64_t calls;
	atomic_uint_fast64_t hits;
	atomic_uint last; /* operation of the last one of these */
};

static struct fault_store *to_fault(struct store *st)
{
	return (struct fault_store *)st;
}

/* Counts one call of operation @op: 0, or -errno if it is to fail. */
static int count(struct fault_store *fs, unsigned op)
{
	const struct store_fault_plan *plan = &fs->plan;
	uint64_t nr;

	if (plan->only && !(plan->only & UINT32_C(1) << op))
		return 0;
	nr = atomic_fetch_add(&fs->calls, 1);
	if (nr < plan->fail_at || nr - plan->fail_at >= plan->fail_count)
		return 0;
	atomic_fetch_add(&fs->hits, 1);
	atomic_store(&fs->last, op);
	return -plan->error;
}

/* A failing write's first part, on its way through the store below. */
struct part {
	struct store_req req;
	struct store_req *whole;
	int error; /* -errno */
	struct iovec iov[];
};

static void finish(struct store_req *req, int error)
{
	req->res = error;
	req->done(req);
}

static void part_done(struct store_req *req)
{
	struct part *part = req->user;
	struct store_req *whole = part->whole;
	int error = part->error;

	free(part);
	finish(whole, error);
}

static void submit_part(struct store *lower, struct store_req *whole,
			uint64_t len, int error)
{
	struct iov_cur cur = iov_start(whole->iov, whole->iov_cnt);
	struct part *part;

	part = calloc(1, sizeof(*part) + whole->iov_cnt * sizeof(struct iovec));
	if (!part) {
		finish(whole, error);
		return;
	}
	part->whole = whole;
	part->error = error;
	part->req = (struct store_req){ .op = STORE_WRITE,
					.slot = whole->slot,
					.flags = whole->flags,
					.off = whole->off,
					.len = len,
					.iov = part->iov,
					.done = part_done,
					.user = part };
	iov_slice(&cur, len, part->iov, whole->iov_cnt, &part->req.iov_cnt);
	store_submit(lower, &part->req);
}

static void fault_submit(struct store *st, struct store_req *req)
{
	struct fault_store *fs = to_fault(st);
	bool counts = !fs->plan.only_flags || req->flags & fs->plan.only_flags;
	int ret = counts ? count(fs, req->op) : 0;
	uint64_t len;

	len = min_u64(fs->plan.partial_bytes, req->len);
	if (ret == 0) {
		store_submit(st->lower, req);
	} else if (req->op == STORE_WRITE && len) {
		submit_part(st->lower, req, len, ret);
	} else {
		store_made_to_fail(st, req, ret);
		finish(req, ret);
	}
}

static int fault_stat(struct store *st, uint32_t slot, struct store_stat *stat)
{
	int ret = count(to_fault(st), OP_STAT);

	return ret ? ret : store_stat(st->lower, slot, stat);
}

static int fault_make(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	int ret = count(to_fault(st), OP_MAKE);

	return ret ? ret : store_make(st->lower, slot, size_bytes);
}

static int fault_unmake(struct store *st, uint32_t slot)
{
	int ret = count(to_fault(st), OP_UNMAKE);

	return ret ? ret : store_unmake(st->lower, slot);
}

static int fault_resize(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	int ret = count(to_fault(st), OP_RESIZE);

	return ret ? ret : store_resize(st->lower, slot, size_bytes);
}

static int fault_sync_dir(struct store *st)
{
	int ret = count(to_fault(st), OP_SYNC_DIR);

	return ret ? ret : store_sync_dir(st->lower);
}

static int fault_space(struct store *st, struct store_space *space)
{
	int ret = count(to_fault(st), OP_SPACE);

	return ret ? ret : store_space(st->lower, space);
}

static int fault_list(struct store *st,
		      int (*each)(void *user, const char *name), void *user)
{
	int ret = count(to_fault(st), OP_LIST);

	return ret ? ret : store_list(st->lower, each, user);
}

static int fault_meta_read(struct store *st, const char *name, void **data,
			   size_t *len)
{
	int ret = count(to_fault(st), OP_META_READ);

	return ret ? ret : store_meta_read(st->lower, name, data, len);
}

static int fault_meta_replace(struct store *st, const char *name,
			      const void *data, size_t len)
{
	int ret = count(to_fault(st), OP_META_REPLACE);

	return ret ? ret : store_meta_replace(st->lower, name, data, len);
}

static int fault_meta_append(struct store *st, const char *name,
			     const void *data, size_t len, bool sync)
{
	int ret = count(to_fault(st), OP_META_APPEND);

	return ret ? ret : store_meta_append(st->lower, name, data, len, sync);
}

static int fault_meta_cut(struct store *st, const char *name, uint64_t size)
{
	int ret = count(to_fault(st), OP_META_CUT);

	return ret ? ret : store_meta_cut(st->lower, name, size);
}

static int fault_meta_remove(struct store *st, const char *name)
{
	int ret = count(to_fault(st), OP_META_REMOVE);

	return ret ? ret : store_meta_remove(st->lower, name);
}

static int fault_lock(struct store *st, const char *name, unsigned wait_ms,
		      bool make, struct zl_err *err)
{
	int ret = count(to_fault(st), OP_LOCK);

	if (ret)
		return zl_fail(err, -ret, "cannot lock %s: %s (injected)", name,
			       strerror(-ret));
	return store_lock(st->lower, name, wait_ms, make, err);
}

static void fault_close(struct store *st)
{
	store_close(st->lower);
	free(st);
}

static int fault_sync_all(struct store *st)
{
	int ret = count(to_fault(st), OP_SYNC_ALL);

	return ret ? ret : store_sync_all(st->lower);
}

static int fault_aside(struct store *st, uint32_t slot, enum store_aside what)
{
	int ret = count(to_fault(st), OP_ASIDE);

	return ret ? ret : store_aside(st->lower, slot, what);
}

static const struct store_ops fault_ops = {
	.name = "fault",
	.submit = fault_submit,
	.stat = fault_stat,
	.make = fault_make,
	.unmake = fault_unmake,
	.resize = fault_resize,
	.sync_dir = fault_sync_dir,
	.space = fault_space,
	.list = fault_list,
	.meta_read = fault_meta_read,
	.meta_replace = fault_meta_replace,
	.meta_append = fault_meta_append,
	.meta_remove = fault_meta_remove,
	.meta_cut = fault_meta_cut,
	.lock = fault_lock,
	.sync_all = fault_sync_all,
	.aside = fault_aside,
	.close = fault_close,
};

struct store *store_fault_new(struct store *lower)
{
	struct fault_store *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	store_wrap(&fs->head, &fault_ops, lower);
	fs->plan.fail_at = UINT64_MAX;
	return &fs->head;
}

void store_fault_arm(struct store *st, const struct store_fault_plan *plan)
{
	struct fault_store *fs = to_fault(st);

	assert(st->ops == &fault_ops);
	assert(plan->error > 0 || plan->fail_at == UINT64_MAX);
	fs->plan = *plan;
	atomic_store(&fs->calls, 0);
	atomic_store(&fs->hits, 0);
}

uint64_t store_fault_calls(const struct store *st)
{
	assert(st->ops == &fault_ops);
	return atomic_load(&((struct fault_store *)st)->calls);
}

uint64_t store_fault_hits(const struct store *st)
{
	assert(st->ops == &fault_ops);
	return atomic_load(&((struct fault_store *)st)->hits);
}

unsigned store_fault_last(const struct store *st)
{
	assert(st->ops == &fault_ops);
	return atomic_load(&((struct fault_store *)st)->last);
}
