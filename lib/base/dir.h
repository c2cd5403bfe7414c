/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The names in a directory, to the end: readdir() says the same of a listing
 * that failed as of one that is over.  Some file systems (of a network, most of
 * all) leave out names while others come and go, and say nothing: who must not
 * miss any asks for those that it knows.
 */
#ifndef ZL_BASE_DIR_H
#define ZL_BASE_DIR_H

#include <dirent.h>
#include <stdbool.h>

/* Calls @fn for each name but "." and "..", until it returns something other
 * than 0, which is returned; -errno: it cannot be listed to its end. */
int dir_each(DIR *dir, int (*fn)(void *user, const char *name), void *user);
/* The same of what @fd is of, whose position does not change. */
int dir_each_of(int fd, int (*fn)(void *user, const char *name), void *user);
/* Whether it has that name, of whatever kind, or that cannot be found out. */
bool dir_has(int fd, const char *name);

#endif
