// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whether something has a block device: mounts, swap, devices on top of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lio/internal.h"

/* A file system may be on the device itself or on a partition of it. */
struct search {
	const struct lio *lio;
	const char *device;
	char *who;
	size_t size;
	bool found;
};

/* Fields of /proc/self/mountinfo (proc(5)): 3 is the device's numbers, 5 the
 * mount point. */
static void find_mount(struct search *s, const char *numbers)
{
	char path[PATH_MAX], line[PATH_MAX + 512], dev[32], dir[PATH_MAX];
	FILE *f;

	lio_path(s->lio, path, "/proc/self/mountinfo");
	f = fopen(path, "re");
	if (!f)
		return;
	while (!s->found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %*s %31s %*s %4095s", dev, dir) == 2 &&
		    !strcmp(dev, numbers)) {
			snprintf(s->who, s->size, "it is mounted on %s", dir);
			s->found = true;
		}
	fclose(f);
}

static bool visit_numbers(void *user, const char *path)
{
	struct search *s = user;
	char numbers[32];

	if (!lio_read(path, numbers, sizeof(numbers)))
		find_mount(s, numbers);
	return !s->found;
}

static bool visit_holder(void *user, const char *path)
{
	struct search *s = user;

	snprintf(s->who, s->size, "the device %s is on top of it",
		 lio_last(path));
	s->found = true;
	return false;
}

/* Mounts of several devices (btrfs) and swap are known to the device only:
 * whoever has it for himself keeps out who wants that too. */
static void find_claim(struct search *s)
{
	char path[PATH_MAX];
	int ret;

	lio_path(s->lio, path, "/dev/%s", s->device);
	ret = lio_claim_device(s->lio, path);
	s->found = ret == -EBUSY || ret == -ETIMEDOUT;
	if (s->found)
		snprintf(s->who, s->size, "%s",
			 ret == -EBUSY ? "a program or file system has it for "
					 "itself"
				       : "opening it takes too long for "
					 "knowing");
}

bool lio_device_in_use(const struct lio *lio, const char *device, char *who,
		       size_t size)
{
	struct search s = { lio, device, who, size, false };

	lio_each_path(lio, visit_numbers, &s, "/sys/block/%s/dev", device);
	if (!s.found)
		lio_each_path(lio, visit_numbers, &s, "/sys/block/%s/%s*/dev",
			      device, device);
	if (!s.found)
		lio_each_path(lio, visit_holder, &s, "/sys/block/%s/holders/*",
			      device);
	if (!s.found)
		find_claim(&s);
	return s.found;
}

/* A link "/proc/PID/fd/N" to the device. */
static bool visit_fd(void *user, const char *path)
{
	struct search *s = user;
	char to[PATH_MAX], comm[PATH_MAX + 8], name[64], *end;
	ssize_t len = readlink(path, to, sizeof(to) - 1);

	to[len < 0 ? 0 : len] = 0;
	if (strncmp(to, "/dev/", 5) || strcmp(to + 5, s->device))
		return true;
	snprintf(comm, sizeof(comm), "%s", path);
	end = strstr(comm + strlen(s->lio->root), "/fd/");
	strcpy(end, "/comm");
	lio_read(comm, name, sizeof(name));
	*end = 0;
	snprintf(s->who, s->size, "process %s (%s)", lio_last(comm), name);
	s->found = true;
	return false;
}

bool lio_device_is_open(const struct lio *lio, const char *device, char *who,
			size_t size)
{
	struct search s = { lio, device, who, size, false };

	lio_each_path(lio, visit_fd, &s, "/proc/[0-9]*/fd/*");
	return s.found;
}
