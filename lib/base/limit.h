/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Limits of the process (getrlimit(2)).
 *
 * On the size of files, RLIMIT_FSIZE: a write or truncate beyond it fails with
 * EFBIG, and sends SIGXFSZ to its thread, which ends the process with all that
 * it serves, by default.
 *
 * On descriptors, RLIMIT_NOFILE: 1024 where nobody has raised it, which is the
 * end with some 250 disks in one daemon.
 */
#ifndef ZL_BASE_LIMIT_H
#define ZL_BASE_LIMIT_H

#include <stdint.h>

/*
 * Ignores SIGXFSZ in this process, unless it has made up its mind about it.  To
 * block it in our threads instead would be no less, but dearer: it stays
 * pending and ends the process when somebody else's thread, which has called
 * us, unblocks it.  Any thread; before the first file is written.
 */
void limit_only_fails(void);

/* As many descriptors as tcmu-runner's systemd unit asks for, as far as the
 * hard limit goes, which is raised where it is the kernel's default and may be;
 * never less than there are.  Any thread. */
void limit_raise_descriptors(void);

/* How many this process may have now. */
uint64_t limit_descriptors(void);

/* strerror() that says which limit was met, and where it is set. */
const char *limit_strerror(int error);

#endif
