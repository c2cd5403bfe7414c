/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The limit on the size of files (RLIMIT_FSIZE).  A write or truncate beyond it
 * fails with EFBIG, and sends SIGXFSZ to its thread, which ends the process
 * with all that it serves, by default.
 */
#ifndef ZL_BASE_FILE_LIMIT_H
#define ZL_BASE_FILE_LIMIT_H

/*
 * Ignores SIGXFSZ in this process, unless it has made up its mind about it.  To
 * block it in our threads instead would be no less, but dearer: it stays
 * pending and ends the process when somebody else's thread, which has called
 * us, unblocks it.  Any thread; before the first file is written.
 */
void file_limit_only_fails(void);

/* strerror() of a call that was to write or lengthen a file. */
const char *file_limit_strerror(int error);

#endif
