// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "stores/zone_call.h"

/* The library's functions for it are another way, which nobody sees. */
static ssize_t unseen(const char *name)
{
	fprintf(stderr, "zone_call: no test sees %s()\n", name);
	abort();
}

#define UNSEEN __attribute__((visibility("default"))) ssize_t

UNSEEN preadv2(int fd, const struct iovec *iov, int cnt, off_t off, int flags)
{
	(void)fd, (void)iov, (void)cnt, (void)off, (void)flags;
	return unseen("preadv2");
}

UNSEEN pwritev2(int fd, const struct iovec *iov, int cnt, off_t off, int flags)
{
	(void)fd, (void)iov, (void)cnt, (void)off, (void)flags;
	return unseen("pwritev2");
}

long zone_call_other(long nr, const long arg[6])
{
	long (*next)(long, ...);

	*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	if (!next)
		abort();
	return next(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

void zone_call_args(va_list ap, long arg[6])
{
	for (int i = 0; i < 6; i++)
		arg[i] = va_arg(ap, long);
}

static void set_vec(struct zone_call *c, const long arg[6])
{
	c->iov = (const struct iovec *)arg[1];
	c->cnt = (int)arg[2];
	c->flags = (int)arg[5];
}

static void set_one(struct zone_call *c, const long arg[6])
{
	c->one = (struct iovec){ (void *)arg[1], (size_t)arg[2] };
	c->iov = &c->one;
	c->cnt = 1;
	c->flags = 0;
}

static void must_not_move_data(long nr)
{
	static const long calls[] = { SYS_read,	 SYS_readv,  SYS_preadv,
				      SYS_write, SYS_writev, SYS_pwritev };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if (nr != calls[i])
			continue;
		fprintf(stderr, "zone_call: no test sees system call %ld\n",
			nr);
		abort();
	}
}

bool zone_call_of(struct zone_call *c, long nr, const long arg[6])
{
	switch (nr) {
	case SYS_preadv2:
	case SYS_pwritev2:
		set_vec(c, arg);
		break;
	case SYS_pread64:
	case SYS_pwrite64:
		set_one(c, arg);
		break;
	default:
		must_not_move_data(nr);
		return false;
	}
	c->write = nr == SYS_pwritev2 || nr == SYS_pwrite64;
	c->fd = (int)arg[0];
	c->off = arg[3];
	return true;
}

ssize_t zone_call_make(const struct zone_call *c)
{
	const long arg[6] = {
		c->fd, (long)c->iov, c->cnt, c->off, 0, c->flags
	};

	return zone_call_other(c->write ? SYS_pwritev2 : SYS_preadv2, arg);
}
