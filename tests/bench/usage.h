/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What time it is, and what this process has used. */
#ifndef ZLOOP_TESTS_BENCH_USAGE_H
#define ZLOOP_TESTS_BENCH_USAGE_H

double now_s(void);
/* Processor time, the kernel's part included: what a busy machine does not
 * stretch. */
double cpu_s(void);
/* Of memory, by its name in /proc/PID/status; -1: not known. */
long memory_kib(const char *name);

#endif
