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
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Those that @counts, or all. */
static inline unsigned held_entries(const char *path,
				    bool (*counts)(const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *e;
	unsigned nr = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		nr += !counts || counts(e->d_name);
	closedir(dir);
	return nr;
}

static inline unsigned held_fds(void)
{
	return held_entries("/proc/self/fd", NULL);
}

/* One that was joined is here until the kernel has taken it away, too. */
static inline bool held_thread_stays(const char *tid)
{
	const unsigned pf_exiting = 0x4;
	char path[300], line[512] = "";
	unsigned flags = pf_exiting;
	const char *behind;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f) && (behind = strrchr(line, ')')))
		sscanf(behind, ") %*c %*d %*d %*d %*d %*d %u", &flags);
	fclose(f);
	return !(flags & pf_exiting);
}

static inline unsigned held_threads(void)
{
	return held_entries("/proc/self/task", held_thread_stays);
}

#endif
