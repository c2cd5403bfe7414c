// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Looking at configfs, sysfs and procfs. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "lio/internal.h"

void lio_path(const struct lio *lio, char *buf, const char *fmt, ...)
{
	int len = snprintf(buf, PATH_MAX, "%s", lio->root);
	va_list ap;

	va_start(ap, fmt);
	if (len >= 0 && len < PATH_MAX)
		vsnprintf(buf + len, (size_t)(PATH_MAX - len), fmt, ap);
	va_end(ap);
}

int lio_print(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

int lio_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	*buf = 0;
	if (fd < 0)
		return -errno;
	while (len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	while (len && strchr(" \t\r\n", buf[len - 1]))
		len--;
	buf[len] = 0;
	return 0;
}

bool lio_exists(const char *path)
{
	return !access(path, F_OK);
}

bool lio_is_dir(const char *path)
{
	struct stat sb;

	return !stat(path, &sb) && S_ISDIR(sb.st_mode);
}

const char *lio_last(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

void lio_each_path(const struct lio *lio,
		   bool (*fn)(void *user, const char *path), void *user,
		   const char *fmt, ...)
{
	char pattern[PATH_MAX], full[PATH_MAX];
	bool more = true;
	va_list ap;
	glob_t g;

	va_start(ap, fmt);
	vsnprintf(pattern, sizeof(pattern), fmt, ap);
	va_end(ap);
	lio_path(lio, full, "%s", pattern);
	if (glob(full, 0, NULL, &g))
		return;
	for (size_t i = 0; more && i < g.gl_pathc; i++)
		more = fn(user, g.gl_pathv[i]);
	globfree(&g);
}

void *lio_one_more(void *all, size_t nr, size_t *room, size_t size)
{
	size_t more = *room ? 2 * *room : 16;

	if (nr < *room)
		return all;
	all = realloc(all, more * size);
	if (all)
		*room = more;
	return all;
}

/* Directories of as many entries as there are disks: glob() would ask for each
 * whether it is there. */
void lio_each_entry(const char *dir, const char *prefix,
		    bool (*fn)(void *user, const char *path), void *user)
{
	char path[PATH_MAX];
	struct dirent **entries;
	bool more = true;
	int nr = scandir(dir, &entries, NULL, versionsort);

	for (int i = 0; i < nr; i++) {
		const char *name = entries[i]->d_name;

		if (more && strcmp(name, ".") && strcmp(name, "..") &&
		    !strncmp(name, prefix, strlen(prefix)) &&
		    !lio_print(path, sizeof(path), "%s/%s", dir, name))
			more = fn(user, path);
		free(entries[i]);
	}
	if (nr >= 0)
		free(entries);
}

/* First often, since most of what is waited for comes at once. */
bool lio_until(bool (*fn)(void *user), void *user, unsigned ms)
{
	uint64_t end = clock_ms() + ms;
	struct timespec pause = { .tv_nsec = 200000 };

	while (!fn(user)) {
		if (clock_ms() >= end)
			return false;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 20000000)
			pause.tv_nsec *= 2;
	}
	return true;
}
