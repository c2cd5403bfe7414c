/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_CLI_ADD_LOCK_H
#define ZL_CLI_ADD_LOCK_H

#include <limits.h>

struct add_lock {
	int fd; /* -1: nobody waits for this one */
	char file[PATH_MAX];
};

/* Waits, for so long, until nobody else adds the disk in @dir, and goes on
 * without the lock then. */
void add_lock_take(struct add_lock *lock, const char *dir, unsigned wait_ms);
void add_lock_drop(struct add_lock *lock);

#endif
