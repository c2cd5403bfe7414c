/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Whether something should be mounted in a directory. */
#ifndef ZL_DISK_LIFE_MOUNTPOINT_H
#define ZL_DISK_LIFE_MOUNTPOINT_H

#include <stdbool.h>
#include <stddef.h>

/* mountpoint.c: true if @dir is named in fstab or by a mount unit and nothing
 * is mounted there now; @who gets the file that says so.  @root is put before
 * the names of the system's files (tests), else "". */
bool mountpoint_is_unmounted(const char *root, const char *dir, char *who,
			     size_t len);

#endif
