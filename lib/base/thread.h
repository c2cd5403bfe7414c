/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Threads of a library in somebody else's process. */
#ifndef ZL_BASE_THREAD_H
#define ZL_BASE_THREAD_H

#include <pthread.h>

/*
 * Starts @run(@arg) in a thread that takes no signals: those of the process are
 * its owner's.  The caller joins it.  @name: up to 15 bytes, by which ps, top
 * and gdb tell it from the owner's own.  0 or -errno.
 */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg),
		 void *arg);

#endif
