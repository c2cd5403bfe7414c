/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Linux' NFS client (nfs_file_write()): if something of a file could not be
 * written back while a write was under way, for want of room, that write has
 * all of it written back, and says what became of that, whatever it was; the
 * next sync will not.  So a sync there waits for the writes that
 * were under way beside it, which count what they were told of.
 */
#ifndef ZL_STORE_FILE_FD_WRITES_H
#define ZL_STORE_FILE_FD_WRITES_H

#include <pthread.h>
#include <stdbool.h>

struct fd_writes {
	pthread_mutex_t lock;
	pthread_cond_t none;
	unsigned under_way[2];
	bool side; /* that new ones are counted on */
};

void fd_writes_init(struct fd_writes *w);
void fd_writes_destroy(struct fd_writes *w);

/* A write begins; what is returned is for its end. */
bool fd_writes_begin(struct fd_writes *w);
void fd_writes_end(struct fd_writes *w, bool side);
/* Until those that have begun before this are over.  One thread at a time. */
void fd_writes_wait(struct fd_writes *w);

#endif
