// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Of several zloop add of one disk the second finds what the first has done,
 * and not what it is doing.  Who is not let in goes on without: what must not
 * be is refused by the disk's own lock and by the kernel.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "add_lock.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/run_dir.h"
#include "copies.h"

#define RETRY_MS 20

/* Of the directory, which need not be there yet. */
static int open_lock(const char *dir)
{
	char path[PATH_MAX], file[PATH_MAX];

	if (!realpath(dir, path) && copies_absolute(dir, path, NULL))
		return -1;
	if (run_dir_make(NULL) ||
	    snprintf(file, sizeof(file), "%s/add-%08x.lock", run_dir(),
		     crc32c(path, strlen(path))) >= (int)sizeof(file))
		return -1;
	return open(file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

int add_lock(const char *dir, unsigned wait_ms)
{
	uint64_t end_ms = clock_ms() + wait_ms;
	int fd = open_lock(dir);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB))
		if (!clock_wait_step(end_ms, RETRY_MS))
			break;
	return fd;
}
