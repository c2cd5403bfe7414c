/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The system calls that read and write zone files.  The file store makes them
 * with syscall() (lib/store/file/io.c), of which a test may have one of its
 * own; it sees all of them in the same form, one buffer as a vector of one.
 */
#ifndef TESTS_STORES_ZONE_CALL_H
#define TESTS_STORES_ZONE_CALL_H

#include <stdarg.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

struct zone_call {
	bool write;
	int fd;
	const struct iovec *iov; /* perhaps one */
	int cnt;
	off_t off;
	int flags; /* RWF_… */
	struct iovec one;
};

/* What follows the number in syscall(), as many as there may be. */
void zone_call_args(va_list ap, long arg[6]);

/* Whether syscall(@nr, @arg…) is one of them, which @c then describes for as
 * long as @arg's vector is there.  Another one that moves data ends the
 * program: no test may overlook what the store does. */
bool zone_call_of(struct zone_call *c, long nr, const long arg[6]);

/* Makes the call by the function syscall() that comes after the program's. */
ssize_t zone_call_make(const struct zone_call *c);
/* The same, of any system call. */
long zone_call_other(long nr, const long arg[6]);

#endif
