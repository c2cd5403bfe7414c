/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A made-up machine for the commands that look at the kernel's target: a tree
 * of files with everything but netlink, and one disk attached: the backstore
 * z0 with disks/0, of 8 MiB, which is mounted as /dev/sdq.
 */
#ifndef ZL_TESTS_CLI_MACHINE_H
#define ZL_TESTS_CLI_MACHINE_H

#include "run.h"

#define TARGET "root/sys/kernel/config/target"
#define SMALL  "capacity_mb=8,zone_size_mb=1,conv_zones=1"

/* The working directory. */
extern char machine_dir[4096];

/* Setup and teardown of a test; the disk's files are not there yet. */
int machine_enter(void **state);
int machine_leave(void **state);

/* A file of one line. */
void machine_put(const char *path, const char *text);

#endif
