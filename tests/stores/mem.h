/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_STORES_MEM_H
#define ZL_STORES_MEM_H

#include <stdint.h>

#include "store/store.h"

/*
 * A store in memory.  A struct store_mem is the "directory": it keeps its files
 * until freed, and any number of stores can be opened on it one after the
 * other.  Sparse: only what was written takes room (4 KiB pieces).
 */
struct store_mem;
struct store_mem *store_mem_new(void);
void store_mem_free(struct store_mem *mem);
struct store *store_mem_open(struct store_mem *mem);
/* Bounds what can be allocated, in pieces of 4 KiB and counting what is there,
 * before -ENOSPC; UINT64_MAX (default) = no bound. */
void store_mem_set_space(struct store_mem *mem, uint64_t bytes);

#endif
