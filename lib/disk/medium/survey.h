/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What a directory has, before a sidecar says what it should have. */
#ifndef ZL_DISK_MEDIUM_SURVEY_H
#define ZL_DISK_MEDIUM_SURVEY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

/* survey.c: what a directory has, before a sidecar says what it should have */
struct survey {
	bool foreign; /* something that is no file of a disk */
	char foreign_name[64];
	uint32_t conv_files, seq_files;
	uint32_t first_conv; /* if there are such files */
	uint32_t end;	     /* highest number of a zone file + 1 */
};
int survey_dir(struct store *st, const char *name, struct survey *sv,
	       struct zl_err *err);
/* Parses "cnv-%06u" and "seq-%06u". */
bool survey_zone_name(const char *name, bool *conv, uint32_t *slot);

#endif
