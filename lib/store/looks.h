/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What the files of many slots are, for who asks of all of them.  Where each
 * answer comes from another machine, many are waited for at once, and kept;
 * elsewhere each is asked for when it is wanted.
 */
#ifndef ZL_STORE_LOOKS_H
#define ZL_STORE_LOOKS_H

#include "store/store.h"

struct store_looks;

/*
 * Looks at the first @nr slots, at st->at_once of them at a time, in threads
 * that end with it.  NULL: that is not worth it here, or there is no memory for
 * it.  Calls @progress (unless that is NULL) now and then, in this thread.  The
 * caller's to free().
 */
struct store_looks *store_looks_take(struct store *st, uint32_t nr,
				     void (*progress)(void *user, uint32_t done,
						      uint32_t total),
				     void *user);

/* store_stat() as it was then; now, where @looks is NULL. */
int store_looks_stat(const struct store_looks *looks, struct store *st,
		     uint32_t slot, struct store_stat *stat);

#endif
