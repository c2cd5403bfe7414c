/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Why tcmu-runner's handler did not open a disk, for whoever asked for it: the
 * kernel passes on no more than that it failed.  A file of run_dir() for each
 * directory, replaced each time.
 */
#ifndef ZL_BASE_REFUSAL_H
#define ZL_BASE_REFUSAL_H

#include <stdint.h>

#include "base/err.h"

/* Which refusal is there; compared as a whole, 0: none. */
struct refusal_mark {
	uint64_t inode;
	int64_t time_ns;
};

/* The handler's side: notes that the disk of this cfgstring (without "zloop/")
 * was refused, as far as that is possible; NULL: it was opened. */
void refusal_note(const char *config, const char *sentence);

/* The other side: what there is before the handler is asked, */
struct refusal_mark refusal_mark(const char *config);
/* and the sentence that has come since; 0, or -ENOENT: none. */
int refusal_since(const char *config, struct refusal_mark before,
		  struct zl_err *err);

#endif
