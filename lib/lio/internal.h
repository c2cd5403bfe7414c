/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the files of this layer share. */
#ifndef ZL_LIO_INTERNAL_H
#define ZL_LIO_INTERNAL_H

#include <limits.h>

#include "lio/lio.h"

#define LIO_TARGET "/sys/kernel/config/target"

/* fs.c: looking. */

/* Writes lio->root and the rest to @buf of PATH_MAX bytes; longer paths cannot
 * be and are cut. */
void lio_path(const struct lio *lio, char *buf, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Reads a small file without the white space at its end; -errno. */
int lio_read(const char *path, char *buf, size_t size);
bool lio_exists(const char *path);
bool lio_is_dir(const char *path);
/* Calls @fn for each path below lio->root that matches the pattern, in order,
 * until it returns false. */
void lio_each_path(const struct lio *lio,
		   bool (*fn)(void *user, const char *path), void *user,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Calls @fn for the path of each entry of @dir that begins with @prefix, in
 * order, numbers as such, until it returns false. */
void lio_each_entry(const char *dir, const char *prefix,
		    bool (*fn)(void *user, const char *path), void *user);
/* The array @all of @nr elements of @size bytes, with place for one more, of
 * @room in all; NULL: there is no memory, and it is as it was. */
void *lio_one_more(void *all, size_t nr, size_t *room, size_t size);
/* The last component of a path. */
const char *lio_last(const char *path);
/* Calls @fn(@user) until it is true or time is over; whether it was. */
bool lio_until(bool (*fn)(void *user), void *user, unsigned ms);
/* printf() into an array, which must be large enough: -ENAMETOOLONG if not. */
int lio_print(char *buf, size_t size, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* bounded.c: changing.  -errno, -ETIMEDOUT after lio->wait_ms. */
int lio_make_dir(const struct lio *lio, const char *path);
int lio_remove_dir(const struct lio *lio, const char *path);
int lio_make_link(const struct lio *lio, const char *to, const char *path);
int lio_remove_link(const struct lio *lio, const char *path);
/* Whether a device can be opened, which reads from some. */
int lio_open_device(const struct lio *lio, const char *path);
/* … by who wants it for himself, for a moment; -EBUSY if somebody has it so. */
int lio_claim_device(const struct lio *lio, const char *path);
/*
 * Enables the backstore at @path.  -EOWNERDEAD: tcmu-runner does not run any
 * more.  -ETIMEDOUT: once the kernel has got its answer, the backstore is
 * removed.
 */
int lio_enable(const struct lio *lio, const char *path);
/* Runs a program, its output dropped; its exit status, or -errno. */
int lio_run_program(const char *const *words, unsigned ms);
/* Starts one that stays. */
int lio_start_program(const char *const *words);

/* A directory that may be there already. */
int lio_need_dir(const struct lio *lio, const char *path);
/* Writes printf()ed text to the file @name below @dir. */
int lio_set(const struct lio *lio, const char *dir, const char *name,
	    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

void lio_backstore_path(const struct lio *lio, const struct lio_backstore *bs,
			char *path);
void lio_tpg_path(const struct lio *lio, const struct lio_export *ex,
		  char *path);
/* The target's directory, made unless it is there; @path is set to it. */
int lio_need_target(const struct lio *lio, const struct lio_export *ex,
		    char *path);
/* The LUN's directory and the link in it, below a TPG that is there. */
int lio_lun_make(const struct lio *lio, const struct lio_export *ex,
		 const struct lio_backstore *bs);
/* The LUNs of a target's portal group, whoever's they are. */
unsigned lio_count_luns(const struct lio *lio, const struct lio_export *ex);
/* Takes a target down that is only half made, with whoever has logged in. */
void lio_target_undo(const struct lio *lio, const struct lio_export *ex);

/* Waits until udev, where it runs, is done with what the kernel has told it. */
void lio_settle(const struct lio *lio);

/* What is wrong with tcmu-runner, for the end of a sentence; "" if nothing. */
const char *lio_daemon_trouble(const struct lio *lio, char buf[128]);

/* events.c: a message of the family @family, 0 or -EINVAL. */
int lio_event_parse(const void *msg, size_t len, int family,
		    struct lio_event *event);

#endif
