/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The file store over a model of what Linux does below it: a page cache, which
 * the real files are, a medium behind that, and writing back that fails.  Then
 *  - what was to be written back is lost, and its pages are clean: the next
 *    sync has nothing to do and succeeds;
 *  - the error is told to one sync of the file, the next one, whoever asks.
 *
 * All files whose descriptors medium_sync() gets are part of it; one medium at
 * a time, any thread.
 */
#ifndef TESTS_STORES_MEDIUM_H
#define TESTS_STORES_MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stores/zone_call.h"

#define MEDIUM_BLOCK 512u

/* Begins with media that have what the files have; fd_sync_fn is medium_sync()
 * from then on. */
void medium_start(uint64_t seed);
/* fd_sync_fn is fdatasync(). */
void medium_stop(void);

/* One block in so many syncs of a file fails; 0: none. */
void medium_fail_one_in(unsigned n);

/* As NFS: a write may be told in place of the next sync. */
void medium_tell_writers(void);

/* A write of whole blocks: who uses the model has a syscall() of its own that
 * comes here. */
ssize_t medium_write(const struct zone_call *c);

int medium_sync(int fd);
/* What the kernel does by itself now and then; it tells nobody. */
void medium_write_back(int fd);

/* What is clean leaves the page cache; the next read finds the medium's.  Who
 * uses the model has a posix_fadvise() of its own that comes here. */
void medium_drop(int fd);

/* Whether the file's block is on the medium as it is in @data. */
bool medium_has(const char *path, uint64_t block, const void *data);

/* The file system is mounted anew: the page cache is gone, the medium is what
 * there is. */
void medium_remount(const char *path);
/* What syncfs() does. */
void medium_write_back_all(const char *path);

#endif
