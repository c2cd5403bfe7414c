// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Reads that take a given time. */
#include <errno.h>
#include <stdlib.h>

#include "stores/delay.h"

struct delay_store {
	struct store head; /* first */
	struct store_delays *delays;
	atomic_uint_fast64_t *clock_ns;
};

/* Whether it is refused. */
static bool misses(struct delay_store *ds, const struct store_req *req)
{
	struct store_delays *d = ds->delays;

	if (req->flags & STORE_NOWAIT) {
		atomic_fetch_add(&d->refused, 1);
		return true;
	}
	if (req->flags & STORE_NO_OPEN) {
		atomic_fetch_add(&d->here, 1);
		atomic_fetch_add(ds->clock_ns, d->here_ns);
	} else {
		atomic_fetch_add(&d->there, 1);
		atomic_fetch_add(ds->clock_ns, d->there_ns);
	}
	return false;
}

static void delay_submit(struct store *st, struct store_req *req)
{
	struct delay_store *ds = (struct delay_store *)st;

	if (req->op == STORE_READ && !ds->delays->cached && misses(ds, req)) {
		req->res = -EAGAIN;
		req->done(req);
		return;
	}
	store_submit(st->lower, req);
}

static void delay_close(struct store *st)
{
	store_close(st->lower);
	free(st);
}

static const struct store_ops delay_ops = {
	.name = "delay",
	.submit = delay_submit,
	.close = delay_close,
};

struct store *store_delay_new(struct store *lower, struct store_delays *delays,
			      atomic_uint_fast64_t *clock_ns)
{
	struct delay_store *ds = calloc(1, sizeof(*ds));

	if (!ds)
		return NULL;
	ds->delays = delays;
	ds->clock_ns = clock_ns;
	store_wrap(&ds->head, &delay_ops, lower);
	return &ds->head;
}
