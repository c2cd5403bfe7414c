// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <stdlib.h>

#include "stores/hang.h"

struct hang_store {
	struct store head; /* first */
	struct store_hang *hang;
};

static void maybe_hang(struct store *st)
{
	struct store_hang *hang = ((struct hang_store *)st)->hang;

	pthread_mutex_lock(&hang->lock);
	if (hang->on)
		sem_post(&hang->hung);
	while (hang->on)
		pthread_cond_wait(&hang->goes_on, &hang->lock);
	pthread_mutex_unlock(&hang->lock);
}

static void hang_submit(struct store *st, struct store_req *req)
{
	maybe_hang(st);
	store_submit(st->lower, req);
}

static int hang_meta_replace(struct store *st, const char *name,
			     const void *data, size_t len)
{
	maybe_hang(st);
	return store_meta_replace(st->lower, name, data, len);
}

static void hang_close(struct store *st)
{
	store_close(st->lower);
	free(st);
}

static const struct store_ops hang_ops = {
	.name = "hang",
	.submit = hang_submit,
	.meta_replace = hang_meta_replace,
	.close = hang_close,
};

void store_hang_init(struct store_hang *hang)
{
	*hang = (struct store_hang){ .lock = PTHREAD_MUTEX_INITIALIZER,
				     .goes_on = PTHREAD_COND_INITIALIZER };
	sem_init(&hang->hung, 0, 0);
}

void store_hang_set(struct store_hang *hang, bool on)
{
	pthread_mutex_lock(&hang->lock);
	hang->on = on;
	pthread_cond_broadcast(&hang->goes_on);
	pthread_mutex_unlock(&hang->lock);
}

void store_hang_wait(struct store_hang *hang, unsigned nr)
{
	while (nr--)
		while (sem_wait(&hang->hung))
			;
}

struct store *store_hang_new(struct store *lower, struct store_hang *hang)
{
	struct hang_store *st = calloc(1, sizeof(*st));

	if (!st)
		return NULL;
	store_wrap(&st->head, &hang_ops, lower);
	st->hang = hang;
	return &st->head;
}
