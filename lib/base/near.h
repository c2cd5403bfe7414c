/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Which of some words somebody may have meant who typed another one. */
#ifndef ZL_BASE_NEAR_H
#define ZL_BASE_NEAR_H

#include <stddef.h>

/* Set word and len; the rest is 0. */
struct near {
	const char *word; /* as it was typed, len bytes */
	size_t len;
	const char *best; /* NULL: none is alike */
	unsigned cost;	  /* of best; its own */
};

/* Whether @candidate is alike, and more so than those before: a few letters are
 * missing, superfluous, wrong or swapped, or it only goes on. */
void near_try(struct near *n, const char *candidate);

#endif
