/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* zloop killed, or held, before each of its calls that change something. */
#ifndef ZL_TESTS_CLI_KILL_CALLS_H
#define ZL_TESTS_CLI_KILL_CALLS_H

#include <sys/types.h>

/*
 * Runs "zloop WORD…", the last word being NULL, and kills it before its call
 * number @n, from 0 on, of those that may change something.  1: killed; 0: it
 * has ended before; -1: no process may be traced here.
 */
int kill_zloop_at(unsigned n, const char *const words[]);

/* The same, but holds it there while @meanwhile is called, and lets it go on;
 * its exit status, or 128 and the signal, as in a shell, goes to *exit_status.
 */
int hold_zloop_at(unsigned n, const char *const words[],
		  void (*meanwhile)(pid_t pid), int *exit_status);

#endif
