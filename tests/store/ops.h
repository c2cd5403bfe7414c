/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Short forms of a store's requests, and directories to try them in. */
#ifndef TESTS_STORE_OPS_H
#define TESTS_STORE_OPS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/store.h"

/* Each runs one request and returns its res. */
int64_t op_read(struct store *st, uint32_t slot, uint64_t off, void *data,
		size_t len);
int64_t op_write(struct store *st, uint32_t slot, uint64_t off,
		 const void *data, size_t len);
int64_t op_flags(struct store *st, enum store_op op, unsigned flags,
		 uint32_t slot, uint64_t off, const void *data, size_t len);
/* The operations without data. */
int64_t op_run(struct store *st, enum store_op op, uint32_t slot, uint64_t off,
	       uint64_t len);

/* The slot's size; fails the test if there is no such file. */
uint64_t op_size(struct store *st, uint32_t slot);

/* Fills with bytes that differ for every @seed and place. */
void op_fill(void *data, size_t len, unsigned seed);

/* A new empty directory; the caller's to remove with tmp_remove(). */
char *tmp_make(void);
void tmp_remove(char *dir);

/* The file store on @dir; fails the test with the store's sentence. */
struct store *tmp_open(const char *dir);

#endif
