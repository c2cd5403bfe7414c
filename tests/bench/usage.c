// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What time it is, and what this process has used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "usage.h"

static double time_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

double now_s(void)
{
	return time_of(CLOCK_MONOTONIC);
}

double cpu_s(void)
{
	return time_of(CLOCK_PROCESS_CPUTIME_ID);
}

long memory_kib(const char *name)
{
	size_t len = strlen(name);
	char line[256];
	long kib = -1;
	FILE *f = fopen("/proc/self/status", "re");

	while (f && kib < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len) && line[len] == ':')
			kib = strtol(line + len + 1, NULL, 10);
	if (f)
		fclose(f);
	return kib;
}
