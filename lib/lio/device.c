// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Whether something has a block device: mounts, swap, devices on top of it. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

/*
 * Open.
 */

struct open_device {
	char name[LIO_DEVICE_MAX];
	char process[32]; /* its /proc/PID, below lio->root */
};

struct lio_opens {
	const struct lio *lio;
	const char *process;
	struct open_device *all;
	size_t nr, room;
};

/* The place of one more; NULL: there is no memory. */
static struct open_device *new_open(struct lio_opens *o)
{
	struct open_device *all =
		lio_one_more(o->all, o->nr, &o->room, sizeof(*all));

	if (!all)
		return NULL;
	o->all = all;
	return &all[o->nr];
}

/* A link "/proc/PID/fd/N" to a device. */
static bool visit_fd(void *user, const char *path)
{
	struct lio_opens *o = user;
	struct open_device *d;
	char to[PATH_MAX];
	ssize_t len = readlink(path, to, sizeof(to) - 1);

	to[len < 0 ? 0 : len] = 0;
	if (strncmp(to, "/dev/", 5))
		return true;
	d = new_open(o);
	/* Block devices have short names, and what has others is none. */
	if (d && !lio_print(d->name, sizeof(d->name), "%s", to + 5) &&
	    !lio_print(d->process, sizeof(d->process), "%s",
		       o->process + strlen(o->lio->root)))
		o->nr++;
	return d != NULL;
}

/* The kernel's own have neither a program nor files, and are several for each
 * disk. */
static bool is_kernel_thread(const char *process)
{
	char path[PATH_MAX], to[8];

	return lio_print(path, sizeof(path), "%s/exe", process) ||
	       (readlink(path, to, sizeof(to)) < 0 && errno == ENOENT);
}

static bool visit_process(void *user, const char *path)
{
	struct lio_opens *o = user;
	char fds[PATH_MAX];

	if (!isdigit((unsigned char)*lio_last(path)) ||
	    is_kernel_thread(path) ||
	    lio_print(fds, sizeof(fds), "%s/fd", path))
		return true;
	o->process = path;
	lio_each_entry(fds, "", visit_fd, o);
	return true;
}

struct lio_opens *lio_opens_read(const struct lio *lio)
{
	struct lio_opens *o = calloc(1, sizeof(*o));
	char proc[PATH_MAX];

	if (!o)
		return NULL;
	o->lio = lio;
	lio_path(lio, proc, "/proc");
	lio_each_entry(proc, "", visit_process, o);
	return o;
}

void lio_opens_free(struct lio_opens *opens)
{
	if (opens)
		free(opens->all);
	free(opens);
}

/* False: it has ended since. */
static bool say_who(const struct lio_opens *o, const struct open_device *d,
		    char *who, size_t size)
{
	char comm[PATH_MAX], name[64];

	lio_path(o->lio, comm, "%s/comm", d->process);
	if (lio_read(comm, name, sizeof(name)))
		return false;
	snprintf(who, size, "process %s (%s)", lio_last(d->process), name);
	return true;
}

bool lio_device_is_open(const struct lio_opens *opens, const char *device,
			char *who, size_t size)
{
	for (size_t i = 0; opens && i < opens->nr; i++) {
		if (!strcmp(opens->all[i].name, device) &&
		    say_who(opens, &opens->all[i], who, size))
			return true;
	}
	return false;
}
