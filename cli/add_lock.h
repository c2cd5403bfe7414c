/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
#ifndef ZL_CLI_ADD_LOCK_H
#define ZL_CLI_ADD_LOCK_H

/* Waits, for so long, until nobody else adds the disk in @dir.  A descriptor,
 * with which it ends when it is closed, or -1: nobody waits for this one. */
int add_lock(const char *dir, unsigned wait_ms);

#endif
