/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A file of the crash-simulating store, and what it becomes when the power
 * fails.  Private to that store.  Memory that runs out ends the process: this
 * is a test's tool.  The caller serialises.
 */
#ifndef ZL_STORES_CRASH_FILE_H
#define ZL_STORES_CRASH_FILE_H

#include "base/iov.h"
#include "stores/crash.h"

#define CRASH_SECTOR 512u

/* Content: bytes from len to size are zeros. */
struct crash_bytes {
	uint8_t *data;
	size_t len;
	uint64_t size;
};

struct crash_op;

struct crash_file {
	struct crash_file *next;	 /* of all */
	struct crash_bytes now, medium;	 /* as seen; as synced */
	struct crash_op *ops, **ops_end; /* from medium to now */
	bool made;  /* since the last sync of the directory */
	bool named; /* for the owner's sweep */
};

struct crash_file *crash_file_new(void);
void crash_file_free(struct crash_file *f);

void crash_file_write(struct crash_file *f, uint64_t off, uint64_t len,
		      struct iov_cur *cur);
/* Makes the bytes of the last crash_file_write() safe, but not what came
 * before. */
void crash_file_force(struct crash_file *f);
void crash_file_zero(struct crash_file *f, uint64_t off, uint64_t len);
void crash_file_resize(struct crash_file *f, uint64_t size);
void crash_file_sync(struct crash_file *f);
/* Bytes read: fewer only at the end. */
uint64_t crash_file_read(const struct crash_file *f, uint64_t off, uint64_t len,
			 struct iov_cur *cur);

/* The power failed: medium and now become what is left. */
void crash_file_settle(struct crash_file *f, enum store_crash_keep keep,
		       uint64_t *rng);

/* A number below @n, which is not 0. */
uint64_t crash_random(uint64_t *rng, uint64_t n);

#endif
