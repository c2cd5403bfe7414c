/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * How many descriptors and threads this process has.  To be compared: each
 * number is too large by the same few.
 */
#ifndef TESTS_HELD_H
#define TESTS_HELD_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static inline unsigned held_entries(const char *path)
{
	DIR *dir = opendir(path);
	unsigned nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

static inline unsigned held_fds(void)
{
	return held_entries("/proc/self/fd");
}

static inline unsigned held_threads(void)
{
	return held_entries("/proc/self/task");
}

#endif
