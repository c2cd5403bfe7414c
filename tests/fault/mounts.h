/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Whatever is opened is on the file system that a test says.  Replaces fopen()
 * for the kernel's files that tell: in one file of a program.
 */
#ifndef TESTS_FAULT_MOUNTS_H
#define TESTS_FAULT_MOUNTS_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* "" : as it is; NULL: it is not told. */
static const char *mounts_type = "", *mounts_options;
/* Who has a lock is the server's to know, not this machine's. */
static bool mounts_hide_locks;

static inline FILE *mounts_file(const char *path)
{
	static char text[2][512];
	bool id = strncmp(path, "/proc/self/fdinfo/", 18) == 0;

	if (id)
		snprintf(text[id], sizeof(text[id]),
			 "pos:\t0\nflags:\t0100000\nmnt_id:\t7\n");
	else
		snprintf(text[id], sizeof(text[id]),
			 "%d 1 0:40 / /srv rw,relatime shared:9 - %s a:/b %s\n",
			 mounts_type ? 7 : 8, mounts_type ? mounts_type : "x",
			 mounts_options ? mounts_options : "rw");
	return fmemopen(text[id], strlen(text[id]), "r");
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) =
		(FILE * (*)(const char *, const char *))
			dlsym(RTLD_NEXT, "fopen");

	if (mounts_hide_locks && !strcmp(path, "/proc/locks"))
		return NULL;
	if ((!mounts_type || *mounts_type) &&
	    (!strcmp(path, "/proc/self/mountinfo") ||
	     !strncmp(path, "/proc/self/fdinfo/", 18)))
		return mounts_file(path);
	return next(path, mode);
}

#endif
