/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_STORES_DELAY_H
#define ZL_STORES_DELAY_H

#include <stdatomic.h>
#include <stdint.h>

#include "store/store.h"

/*
 * A store that wraps @lower, and whose reads miss the page cache and take a
 * given time on a clock of the test's: a read that may not wait (STORE_NOWAIT)
 * is refused with -EAGAIN, one in the caller's thread (STORE_NO_OPEN) takes
 * here_ns, any other there_ns.  Nothing really waits.
 */
struct store_delays {
	atomic_uint_fast64_t here_ns, there_ns;
	atomic_uint_fast64_t here, there, refused; /* counted */
	atomic_bool cached; /* nothing misses, or waits */
};
/* NULL when there is no memory.  @delays and @clock_ns stay the caller's. */
struct store *store_delay_new(struct store *lower, struct store_delays *delays,
			      atomic_uint_fast64_t *clock_ns);

#endif
