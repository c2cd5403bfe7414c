// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whose descriptors a store may close: see fd_group.h. */
#include "store/file/fd_group.h"

#define MIN_SHARE 4

struct fd_group fd_groups[FD_NR_GROUPS] = {
	[0 ... FD_NR_GROUPS - 1] = { .held_lock = PTHREAD_MUTEX_INITIALIZER },
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct fd_group *find(dev_t dev)
{
	struct fd_group *unused = NULL;

	for (unsigned i = FD_NR_GROUPS; i--;) {
		if (!fd_groups[i].nr_stores)
			unused = &fd_groups[i];
		else if (fd_groups[i].dev == dev)
			return &fd_groups[i];
	}
	return unused ? unused : &fd_groups[FD_NR_GROUPS - 1];
}

struct fd_group *fd_group_join(bool remote, dev_t dev)
{
	struct fd_group *g;

	pthread_mutex_lock(&lock);
	g = find(dev);
	if (!g->nr_stores++) {
		g->dev = dev;
		g->remote = false;
	}
	/* The last one may have both. */
	if (remote)
		g->remote = true;
	pthread_mutex_unlock(&lock);
	return g;
}

void fd_group_leave(struct fd_group *g)
{
	pthread_mutex_lock(&lock);
	g->nr_stores--;
	pthread_mutex_unlock(&lock);
}

bool fd_group_may_take(const struct fd_group *own, const struct fd_group *from)
{
	return from == own || (from->nr_stores && !from->remote);
}

unsigned fd_group_share(const struct fd_group *g, unsigned bound)
{
	unsigned others = 0, share;

	for (unsigned i = 0; i < FD_NR_GROUPS; i++)
		others += &fd_groups[i] != g && fd_groups[i].nr_stores;
	share = bound / (1 + others);
	return share < MIN_SHARE ? MIN_SHARE : share;
}
