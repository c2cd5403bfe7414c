/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who else has a disk's files open. */
#ifndef ZL_DISK_LIFE_USERS_H
#define ZL_DISK_LIFE_USERS_H

#include "base/err.h"
#include "store/store.h"

/* users.c: -EBUSY with a sentence if anybody has any file of a zone open,
 * whatever the disk's geometry is.  Changes the store's layout. */
int users_refuse(struct store *st, const char *name, struct zl_err *err);

#endif
