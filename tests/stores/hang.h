/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_STORES_HANG_H
#define ZL_STORES_HANG_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "store/store.h"

/*
 * A store that wraps @lower and can be made to hang, as a file system does
 * whose device or server is gone: requests do not return before it goes on.
 */
struct store_hang {
	pthread_mutex_t lock;
	pthread_cond_t goes_on;
	bool on;
	sem_t hung; /* posted by each request that hangs */
};

void store_hang_init(struct store_hang *hang);
void store_hang_set(struct store_hang *hang, bool on);
/* Waits until so many more requests hang. */
void store_hang_wait(struct store_hang *hang, unsigned nr);
/* NULL when there is no memory.  @hang stays the caller's. */
struct store *store_hang_new(struct store *lower, struct store_hang *hang);

#endif
