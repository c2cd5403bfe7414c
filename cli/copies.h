/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the subcommands share that photograph and record disks. */
#ifndef ZL_CLI_COPIES_H
#define ZL_CLI_COPIES_H

#include "cli.h"
#include "disk/snapshot.h"

/* @prefix and this moment, as the name of a snapshot that there is not. */
void copies_name(const char *dir, const char *prefix,
		 char name[SNAPSHOT_NAME_MAX + 1]);

/*
 * Takes a snapshot of the disk that @disk is a look at, attached or not; with
 * @log, a new file, a running one is recorded from that moment on.  0, or
 * -errno with a sentence.
 */
int copies_take(struct disk *disk, const char *name, const char *log,
		struct zl_err *err);

/* An absolute name for a file that is to be made; -errno with a sentence. */
int copies_absolute(const char *name, char path[PATH_MAX], struct zl_err *err);

/* For the end of a parser whose words are, in order, those of @words, at most
 * @max and at least @min; @names for the sentence. */
error_t copies_key_words(int key, char *arg, struct argp_state *state,
			 const char **words, unsigned min, unsigned max,
			 const char *names);

#endif
