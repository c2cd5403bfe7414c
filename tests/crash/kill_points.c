// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Kills this process at a call of the handler's: see kill_points.h. */
#include "kill_points.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/num.h"
#include "stores/zone_call.h"
#include "tests/runner/ring.h"

#define EXPORT	 __attribute__((visibility("default")))
#define MAX_TORN 64 /* iovecs of a torn write */

static struct kill_plan *plan;

void kill_points_arm(struct kill_plan *p)
{
	plan = p;
}

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* Counts the call; whether the process is to end at it, and is there still. */
static bool is_the_one(void)
{
	if (!plan || atomic_fetch_add(&plan->calls, 1) + 1 != plan->at)
		return false;
	if (plan->how == KILL_BEFORE)
		die();
	return true;
}

static void *real(const char *name)
{
	void *fn = dlsym(RTLD_NEXT, name);

	if (!fn)
		abort();
	return fn;
}

/* A function that is called through, with its assembler name @sym. */
#define THROUGH(type, name, sym, params, args) \
	EXPORT type name params                \
	{                                      \
		type(*next) params;            \
		bool last = is_the_one();      \
		type ret;                      \
                                               \
		*(void **)&next = real(sym);   \
		ret = next args;               \
		if (last)                      \
			die();                 \
		return ret;                    \
	}

THROUGH(int, ftruncate, "ftruncate64", (int fd, off_t len), (fd, len))
THROUGH(int, fallocate, "fallocate64", (int fd, int mode, off_t off, off_t len),
	(fd, mode, off, len))
THROUGH(int, fsync, "fsync", (int fd), (fd))
THROUGH(int, fdatasync, "fdatasync", (int fd), (fd))
THROUGH(int, syncfs, "syncfs", (int fd), (fd))
THROUGH(int, fremovexattr, "fremovexattr", (int fd, const char *name),
	(fd, name))
THROUGH(int, renameat, "renameat",
	(int from_fd, const char *from, int to_fd, const char *to),
	(from_fd, from, to_fd, to))
THROUGH(int, unlinkat, "unlinkat", (int fd, const char *name, int flags),
	(fd, name, flags))
THROUGH(int, flock, "flock", (int fd, int op), (fd, op))
THROUGH(int, io_uring_submit, "io_uring_submit", (struct io_uring * ring),
	(ring))

/* Half of it, and not of whole blocks. */
static size_t torn_bytes(size_t len)
{
	return len > 2 ? len / 2 | 1 : 1;
}

static ssize_t torn_zone_call(struct zone_call *c)
{
	struct iov_cur cur = iov_start(c->iov, (size_t)c->cnt);
	size_t bytes = iov_bytes(c->iov, (size_t)c->cnt), cnt;
	struct iovec torn[MAX_TORN];

	iov_slice(&cur, torn_bytes(bytes), torn, MAX_TORN, &cnt);
	c->iov = torn;
	c->cnt = (int)cnt;
	return zone_call_make(c);
}

static ssize_t zone_call(struct zone_call *c)
{
	bool last = is_the_one();
	ssize_t ret = last && c->write && plan->how == KILL_TORN
			      ? torn_zone_call(c)
			      : zone_call_make(c);

	if (last)
		die();
	return ret;
}

EXPORT long syscall(long nr, ...)
{
	struct zone_call c;
	long arg[6];
	va_list ap;

	va_start(ap, nr);
	zone_call_args(ap, arg);
	va_end(ap);
	return zone_call_of(&c, nr, arg) ? zone_call(&c)
					 : zone_call_other(nr, arg);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t len, off_t off)
{
	ssize_t (*next)(int, const void *, size_t, off_t);
	bool last = is_the_one();
	ssize_t ret;

	*(void **)&next = real("pwrite64");
	if (last && plan->how == KILL_TORN)
		len = torn_bytes(len);
	ret = next(fd, data, len, off);
	if (last)
		die();
	return ret;
}

EXPORT ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*next)(int, const void *, size_t);
	bool last = is_the_one();
	ssize_t ret;

	*(void **)&next = real("write");
	if (last && plan->how == KILL_TORN)
		len = torn_bytes(len);
	ret = next(fd, data, len);
	if (last)
		die();
	return ret;
}

/* The handler waits for the dead one's lock in long steps. */
EXPORT int nanosleep(const struct timespec *want, struct timespec *left)
{
	int (*next)(const struct timespec *, struct timespec *);
	struct timespec ts = *want;

	*(void **)&next = real("nanosleep");
	ts.tv_nsec = (long)min_u64((uint64_t)ts.tv_nsec, 1000000);
	return next(&ts, left);
}

/* The completion's way into the ring (wrapped by the linker). */
void __real_ring_post(struct runner_ring *ring, int entry, uint8_t status,
		      const uint8_t *sense, bool dropped);
void __wrap_ring_post(struct runner_ring *ring, int entry, uint8_t status,
		      const uint8_t *sense, bool dropped);

void __wrap_ring_post(struct runner_ring *ring, int entry, uint8_t status,
		      const uint8_t *sense, bool dropped)
{
	bool last;

	if (plan)
		atomic_store(&plan->posting, true);
	last = is_the_one();
	__real_ring_post(ring, entry, status, sense, dropped);
	if (last)
		die();
	if (plan)
		atomic_store(&plan->posting, false);
}
