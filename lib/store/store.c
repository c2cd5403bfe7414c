// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What all kinds of stores have in common. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

void store_slot_name(const struct store *st, uint32_t slot,
		     char buf[STORE_NAME_MAX])
{
	snprintf(buf, STORE_NAME_MAX, "%s-%06u",
		 store_slot_is_conv(st, slot) ? "cnv" : "seq", slot);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
};

static void wake(struct store_req *req)
{
	struct waiter *w = req->user;

	/* Signalled under the lock: the waiter's frame may go right after. */
	pthread_mutex_lock(&w->lock);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

int64_t store_run(struct store *st, struct store_req *req)
{
	struct waiter w = { .lock = PTHREAD_MUTEX_INITIALIZER,
			    .cond = PTHREAD_COND_INITIALIZER };

	req->done = wake;
	req->user = &w;
	store_submit(st, req);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	pthread_cond_destroy(&w.cond);
	pthread_mutex_destroy(&w.lock);
	return req->res;
}

int store_start_engine(struct store *st)
{
	int ret = -ENOSYS;

	if (st->lower)
		ret = store_start_engine(st->lower);
	else if (st->ops->start_engine)
		ret = st->ops->start_engine(st);
	if (!ret)
		st->async = true;
	return ret;
}

void store_stop_engine(struct store *st)
{
	st->async = false;
	if (st->lower)
		store_stop_engine(st->lower);
	else if (st->ops->stop_engine)
		st->ops->stop_engine(st);
}

int store_count_losses(struct store *st, uint32_t nr_slots)
{
	struct store *low = st;
	struct store_losses *l;

	while (low->lower)
		low = low->lower;
	if (!low->losses || low->losses->nr_slots < nr_slots) {
		l = calloc(1, sizeof(*l) + nr_slots * sizeof(l->count[0]));
		if (!l)
			return -ENOMEM;
		l->nr_slots = nr_slots;
		pthread_mutex_init(&l->lock, NULL);
		free(low->losses);
		low->losses = l;
	}
	for (; st; st = st->lower)
		st->losses = low->losses;
	return 0;
}

void store_on_unasked_loss(struct store *st,
			   void (*fn)(void *user, uint32_t slot), void *user)
{
	struct store_losses *l = st->losses;

	pthread_mutex_lock(&l->lock);
	l->unasked = fn;
	l->user = user;
	pthread_mutex_unlock(&l->lock);
}

void store_tell_unasked_loss(struct store *st, uint32_t slot)
{
	struct store_losses *l = st->losses;

	if (!l || slot >= l->nr_slots)
		return;
	pthread_mutex_lock(&l->lock);
	if (l->unasked)
		l->unasked(l->user, slot);
	pthread_mutex_unlock(&l->lock);
}
