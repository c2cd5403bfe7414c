/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The directory of what is to outlive the process, but not the boot: control
 * sockets, why a disk was refused.
 */
#ifndef ZL_BASE_RUN_DIR_H
#define ZL_BASE_RUN_DIR_H

#include "base/err.h"

/* Its name: /run/zloop, or what the environment variable ZLOOP_RUN_DIR says if
 * that is an absolute path. */
const char *run_dir(void);

/*
 * Makes it (0700) if it is not there.  0, or -errno with a sentence; -EPERM:
 * somebody else could put something in the place of what is ours.
 */
int run_dir_make(struct zl_err *err);

#endif
