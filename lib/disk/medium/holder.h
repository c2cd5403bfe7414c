/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Who has a disk, in the journal's records: see docs/on-disk-format.md. */
#ifndef ZL_DISK_MEDIUM_HOLDER_H
#define ZL_DISK_MEDIUM_HOLDER_H

#include "disk/holder.h"

struct store;
struct disk_opts;

/* What a JR_HOLDER record has: the upper half of its slot field; the lower one
 * counts pieces of eight bytes. */
enum holder_what {
	HOLDER_SINCE,
	HOLDER_HOST,
	HOLDER_OPTIONS,
	HOLDER_DIR,
};

/* This machine, now, in the directory @dir (NULL: in none), with @opts (NULL:
 * none). */
void holder_is_us(struct disk_holder *h, const char *dir,
		  const struct disk_opts *opts);
/* Whether what it had was not @dir, of which that is a copy then. */
bool holder_had_another_dir(const struct disk_holder *h, const char *dir);
/* Calls @each with the slot field and the value of each record about @h. */
void holder_each(const struct disk_holder *h,
		 void (*each)(void *user, uint32_t where, uint64_t value),
		 void *user);
/* One that was read; false: it cannot be. */
bool holder_take(struct disk_holder *h, uint32_t where, uint64_t value);
/* Whether its options have it; those that this version does not know have not.
 */
bool holder_has_write_through(const struct disk_holder *h);
/* disk_read_holder() from a store, which sentences call @name. */
int holder_read(struct store *st, const char *name, struct disk_holder *h,
		struct zl_err *err);

#endif
