/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who else has a disk's files open. */
#ifndef ZL_DISK_LIFE_USERS_H
#define ZL_DISK_LIFE_USERS_H

#include "base/err.h"
#include "store/store.h"

/* users.c: -EBUSY with a sentence if anybody has any file of a zone open,
 * whatever the disk's geometry is.  Changes the store's layout. */
int users_refuse(struct store *st, const char *name, struct zl_err *err);

/*
 * Whether a program that takes no lock has the disk open in the directory of
 * the file store @st, as the kernel's zloop has it: the first and the last
 * zone's file, or most of a sample of those that are there.  A backup has one
 * at a time. The store's layout is that of the disk.  *untold (NULL: not
 * wanted): the file system does not say, see store_file_probe_users().
 */
bool users_drive(struct store *st, uint32_t nr_slots, bool *untold);

/* store_lock() of the journal; who has it is told from the journal where that
 * is another machine. */
int users_lock(struct store *st, const char *name, unsigned wait_ms, bool make,
	       struct zl_err *err);

#endif
