/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Looking for damage. */
#ifndef ZL_DISK_LIFE_CHECK_H
#define ZL_DISK_LIFE_CHECK_H

#include "disk/disk.h"

/* check.c: disk_check() on a store, which stays the caller's. */
int check_store(struct store *st, const char *name, disk_problem_fn *fn,
		void *user, struct zl_err *err);

#endif
