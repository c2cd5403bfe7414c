/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* zloop.json, which says what a disk is. */
#ifndef ZL_DISK_MEDIUM_SIDECAR_H
#define ZL_DISK_MEDIUM_SIDECAR_H

#include <limits.h>

#include "disk/disk.h"

#define DISK_SIDECAR "zloop.json"
/* Not of the disk, but of who has it attached: see disk_gateway_write(). */
#define DISK_GATEWAY "zloop.gateway"

enum sidecar_state {
	SIDECAR_CREATING,
	SIDECAR_READY
};
int sidecar_write(struct store *st, const struct disk_meta *meta,
		  enum sidecar_state state);
/* In state READY where there is none; durable, or for now. */
int sidecar_make(struct store *st, const struct disk_meta *meta, bool durable);
/* What a record of the disk begins with: "disk", as the sidecar has it, and
 * "snapshot".  The caller frees it; NULL for want of memory. */
char *sidecar_head(const struct disk_meta *meta, const char *snapshot);
/* Reads that; @log is what sentences call it. */
int sidecar_parse_head(const char *text, size_t len, const char *log,
		       char snapshot[PATH_MAX], struct disk_meta *meta,
		       struct zl_err *err);
/* -ENOENT without a sentence: there is none.  Others with one. */
int sidecar_read(struct store *st, const char *name, struct disk_meta *meta,
		 enum sidecar_state *state, struct zl_err *err);
/* Parses text (tests, fuzzing); @name for the sentence. */
int sidecar_parse(const char *text, size_t len, const char *name,
		  struct disk_meta *meta, enum sidecar_state *state,
		  struct zl_err *err);

#define META_ERROR_MAX 160
/* Why a small file could not be read: "… is %s".  @text is room for it. */
const char *meta_read_error(int error, char text[META_ERROR_MAX]);

#endif
