/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_STORES_COUNT_H
#define ZL_STORES_COUNT_H

#include "store/store.h"

/* A store that wraps @lower and counts what is written; NULL: no memory. */
struct store *store_count_new(struct store *lower);
/* Bytes that it was asked to write. */
uint64_t store_count_bytes(const struct store *st);

#endif
