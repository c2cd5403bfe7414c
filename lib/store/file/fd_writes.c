// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The writes of a file that are under way: see fd_writes.h. */
#include "store/file/fd_writes.h"

void fd_writes_init(struct fd_writes *w)
{
	*w = (struct fd_writes){ .side = false };
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->none, NULL);
}

void fd_writes_destroy(struct fd_writes *w)
{
	pthread_cond_destroy(&w->none);
	pthread_mutex_destroy(&w->lock);
}

bool fd_writes_begin(struct fd_writes *w)
{
	bool side;

	pthread_mutex_lock(&w->lock);
	side = w->side;
	w->under_way[side]++;
	pthread_mutex_unlock(&w->lock);
	return side;
}

void fd_writes_end(struct fd_writes *w, bool side)
{
	pthread_mutex_lock(&w->lock);
	if (!--w->under_way[side])
		pthread_cond_signal(&w->none);
	pthread_mutex_unlock(&w->lock);
}

/* The other side is empty: whoever waited last has waited for it. */
void fd_writes_wait(struct fd_writes *w)
{
	bool side;

	pthread_mutex_lock(&w->lock);
	side = w->side;
	w->side = !side;
	while (w->under_way[side])
		pthread_cond_wait(&w->none, &w->lock);
	pthread_mutex_unlock(&w->lock);
}
