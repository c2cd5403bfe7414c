/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* zloop.json, which says what a disk is. */
#ifndef ZL_DISK_MEDIUM_SIDECAR_H
#define ZL_DISK_MEDIUM_SIDECAR_H

#include "disk/disk.h"

#define DISK_SIDECAR "zloop.json"

enum sidecar_state {
	SIDECAR_CREATING,
	SIDECAR_READY
};
int sidecar_write(struct store *st, const struct disk_meta *meta,
		  enum sidecar_state state);
/* -ENOENT without a sentence: there is none.  Others with one. */
int sidecar_read(struct store *st, const char *name, struct disk_meta *meta,
		 enum sidecar_state *state, struct zl_err *err);
/* Parses text (tests, fuzzing); @name for the sentence. */
int sidecar_parse(const char *text, size_t len, const char *name,
		  struct disk_meta *meta, enum sidecar_state *state,
		  struct zl_err *err);

/* Why a small file could not be read: "… is %s". */
const char *meta_read_error(int error);

#endif
