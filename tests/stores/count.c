// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <stdlib.h>

#include "stores/count.h"

struct count_store {
	struct store head; /* first */
	atomic_uint_fast64_t bytes;
};

static void count_submit(struct store *st, struct store_req *req)
{
	struct count_store *cs = (struct count_store *)st;

	if (req->op == STORE_WRITE)
		atomic_fetch_add(&cs->bytes, req->len);
	store_submit(st->lower, req);
}

static void count_close(struct store *st)
{
	store_close(st->lower);
	free(st);
}

/* All that is not here passes it by. */
static const struct store_ops count_ops = {
	.name = "count",
	.submit = count_submit,
	.close = count_close,
};

struct store *store_count_new(struct store *lower)
{
	struct count_store *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	store_wrap(&cs->head, &count_ops, lower);
	return &cs->head;
}

uint64_t store_count_bytes(const struct store *st)
{
	return atomic_load(&((const struct count_store *)st)->bytes);
}
