// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at many files at once: see looks.h. */
#include <stdlib.h>

#include "base/num.h"
#include "base/thread.h"
#include "store/looks.h"

/* For fewer than that a thread is not worth starting. */
#define LEAST_EACH 8
#define TELL_EACH  1024

struct store_looks {
	struct store *st;
	uint32_t nr;
	atomic_uint next; /* that nobody looks at */
	struct look {
		int ret;
		struct store_stat stat;
	} at[];
};

/* False: all have been looked at. */
static bool look_at_one(struct store_looks *l, uint32_t *slot)
{
	struct look *look;

	*slot = atomic_fetch_add(&l->next, 1);
	if (*slot >= l->nr)
		return false;
	look = &l->at[*slot];
	look->ret = store_stat(l->st, *slot, &look->stat);
	return true;
}

static void *help(void *looks)
{
	uint32_t slot;

	while (look_at_one(looks, &slot))
		;
	return NULL;
}

static int only_listed(void *user, const char *name)
{
	(void)user;
	(void)name;
	return 0;
}

static void look_at_all(struct store_looks *l, unsigned nr_helpers,
			void (*progress)(void *user, uint32_t done,
					 uint32_t total),
			void *user)
{
	pthread_t helpers[STORE_MAX_AT_ONCE];
	uint32_t slot, told = 0;
	unsigned nr = 0;

	/* Names come many at a time; then each file has to be asked for once,
	 * and not its name first. */
	store_list(l->st, only_listed, NULL);
	while (nr < nr_helpers &&
	       !thread_start(&helpers[nr], "zloop-look", help, l))
		nr++;
	while (look_at_one(l, &slot))
		if (progress && slot - told >= TELL_EACH) {
			told = slot;
			progress(user, slot, l->nr);
		}
	while (nr)
		pthread_join(helpers[--nr], NULL);
	if (progress)
		progress(user, l->nr, l->nr);
}

struct store_looks *store_looks_take(struct store *st, uint32_t nr,
				     void (*progress)(void *user, uint32_t done,
						      uint32_t total),
				     void *user)
{
	unsigned at_once = (unsigned)min_u64(st->at_once, nr / LEAST_EACH);
	struct store_looks *l;

	if (at_once < 2)
		return NULL;
	l = calloc(1, sizeof(*l) + nr * sizeof(l->at[0]));
	if (!l)
		return NULL;
	l->st = st;
	l->nr = nr;
	look_at_all(l, at_once - 1, progress, user);
	return l;
}

int store_looks_stat(const struct store_looks *looks, struct store *st,
		     uint32_t slot, struct store_stat *stat)
{
	if (!looks)
		return store_stat(st, slot, stat);
	*stat = looks->at[slot].stat;
	return looks->at[slot].ret;
}
