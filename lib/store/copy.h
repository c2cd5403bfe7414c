/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Copies of a directory's files: by reflink where the file system has it, else
 * what of them is not a hole.
 */
#ifndef ZL_STORE_COPY_H
#define ZL_STORE_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct store_copy {
	/* Which names are copied, those of regular files only; what else has
	 * such a name is left out. */
	bool (*wants)(const char *name);
	/* Names of files that may be there, one for each number from 0 on,
	 * until it returns NULL: none of them is missed, even if the file
	 * system leaves it out of its list.  NULL: what is listed is all. */
	const char *(*known)(void *user, uint32_t nr);
	void *known_user;
	/* Names that are left as they are in the directory that is copied to;
	 * NULL: none. */
	bool (*leaves)(void *user, const char *name);
	/* Nobody changes the files meanwhile, and they will not be copied once
	 * more. */
	bool last;
	/* No file goes meanwhile: one that is listed and then not there is an
	 * error. */
	bool stays;
	/* store_copy_sync() or store_copy_name() will be called: what those
	 * could not be told of is synced at once. */
	bool durable;
	/* Called now and then; NULL: nobody is told. */
	void (*progress)(void *user, uint32_t done, uint32_t total);
	void *user;
	/* On clock_ms(): -ETIMEDOUT when it takes longer.  0: it may. */
	uint64_t end_ms;

	/* What was done. */
	uint32_t files, cloned;
	uint64_t copied_bytes;
};

/*
 * Makes the files of the directory @to what those of @from are.  One that was
 * copied before, and has not been changed since, by size and time, is left
 * alone: so what is being changed can be copied beside that, and once more when
 * it is not.  Not durable.  0, or -errno with a sentence: -ENOSPC before
 * anything is copied if there is no room, the sentence says how much is needed.
 */
int store_copy(const char *from, const char *to, struct store_copy *copy,
	       struct zl_err *err);

/* Makes one file what it is in the other directory, where it must be.  Not
 * durable; 0, or -errno with a sentence. */
int store_copy_file(const char *from, const char *to, const char *name,
		    struct zl_err *err);

/* Removes a directory and the files in it; what else is in it stays, and is an
 * error.  -ENOENT: there is none. */
int store_remove_dir(const char *path, struct zl_err *err);

/* What the two below need, from before the first file is copied to @path, or
 * somewhere else on its file system: whoever else is told of what fails from
 * then on, they are, too.  A descriptor, to be closed, or -errno. */
int store_copy_watch(const char *path, struct zl_err *err);

/* Makes all that was copied there durable, and the directory's own name. */
int store_copy_sync(int watch, const char *path, struct zl_err *err);

/* Gives a complete copy, after store_copy_sync(), its name, in the same
 * directory: what has that name is durable, and whole.  When an error is
 * returned it has its old one, unless the file system does not give it back. */
int store_copy_name(const char *from, const char *to, struct zl_err *err);

#endif
