// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Of several zloop add of one disk the second finds what the first has done,
 * and not what it is doing.  Who is not let in goes on without: what must not
 * be is refused by the disk's own lock and by the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "add_lock.h"
#include "base/clock.h"
#include "base/crc32c.h"
#include "base/named.h"
#include "base/run_dir.h"

#define RETRY_MS 20

/* Cuts off the last component; false: there is none. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash && !*path)
		return false;
	if (slash == path)
		slash++;
	*(slash ? slash : path) = 0;
	return true;
}

/* One slash where there are several, and none at the end. */
static void squeeze(char *path)
{
	char *to = path;

	for (const char *from = path; *from; from++)
		if (*from != '/' || (from[1] && from[1] != '/'))
			*to++ = *from;
	*to = 0;
}

/* Of the directory, of which nothing need be there yet: by the real name of
 * what is. */
static int real_name(const char *dir, char path[PATH_MAX])
{
	char head[PATH_MAX], real[PATH_MAX];
	int n = snprintf(head, sizeof(head), "%s", dir);

	if (n >= (int)sizeof(head))
		return -ENAMETOOLONG;
	while (!realpath(*head ? head : ".", real))
		if (!cut_last(head))
			return -ENOENT;
	n = snprintf(path, PATH_MAX, "%s/%s", real, dir + strlen(head));
	if (n >= PATH_MAX)
		return -ENAMETOOLONG;
	squeeze(path);
	return 0;
}

static int name_file(struct add_lock *l, const char *dir)
{
	char path[PATH_MAX];
	int n;

	if (real_name(dir, path))
		return -ENOENT;
	n = snprintf(l->file, sizeof(l->file), "%s/add-%08x.lock", run_dir(),
		     crc32c(path, strlen(path)));
	return n < (int)sizeof(l->file) ? run_dir_make(NULL) : -ENAMETOOLONG;
}

static bool try(struct add_lock *l)
{
	l->fd = open(l->file, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* Who had it before removes the file, which the next one makes anew. */
	if (l->fd < 0 || (!flock(l->fd, LOCK_EX | LOCK_NB) &&
			  fd_is_named(l->fd, AT_FDCWD, l->file)))
		return true;
	close(l->fd);
	l->fd = -1;
	return false;
}

void add_lock_take(struct add_lock *l, const char *dir, unsigned wait_ms)
{
	uint64_t end_ms = clock_ms() + wait_ms;

	l->fd = -1;
	if (!name_file(l, dir))
		while (!try(l) && clock_wait_step(end_ms, RETRY_MS))
			;
}

void add_lock_drop(struct add_lock *l)
{
	if (l->fd < 0)
		return;
	unlink(l->file);
	close(l->fd);
}
