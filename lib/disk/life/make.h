/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Making a disk, completing one, adopting one of the kernel driver's. */
#ifndef ZL_DISK_LIFE_MAKE_H
#define ZL_DISK_LIFE_MAKE_H

#include "disk/medium/survey.h"
#include "disk/disk.h"

/* make.c: creates, or completes where the sidecar says so; adopt.c: adopts. The
 * sidecar says "ready" afterwards. */
int disk_make(struct store *st, const char *name, const struct survey *sv,
	      const struct disk_meta *meta, bool complete,
	      const struct disk_open_args *args, struct zl_err *err);
int disk_adopt(struct store *st, const char *name, const struct survey *sv,
	       const struct disk_meta *meta, const struct disk_open_args *args,
	       struct zl_err *err);
/* Refuses a disk whose making was interrupted, with what completes it. */
int make_is_half(const char *name, struct zl_err *err);
/* Calls args->progress now and then. */
void make_progress(const struct disk_open_args *args, uint32_t done,
		   uint32_t total);

/* adopt.c: what must be added before a directory of the kernel driver's can be
 * adopted; always fails. */
int adopt_missing(struct store *st, const char *name, const struct survey *sv,
		  const struct disk_open_args *args, struct zl_err *err);
/* Refuses a model that the files cannot have. */
int adopt_model(struct store *st, const char *name,
		const struct disk_meta *meta, struct zl_err *err);
/* Whether the files that there are can be those of a disk of @meta of which
 * some files between them are missing. */
int adopt_check_rest(struct store *st, const char *name,
		     const struct survey *sv, const struct disk_meta *meta,
		     const struct disk_open_args *args, struct zl_err *err);
/* Whether @args make a disk of the zone files that are there: of the kernel
 * driver's as it would do it, of others only with every option. */
bool adopt_wanted(struct store *st, const struct disk_open_args *args,
		  bool size_comes_later);
/* Whether no option is left to be assumed that says where zones are. */
bool adopt_all_is_given(const struct disk_open_args *args);

#endif
