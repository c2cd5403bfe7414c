/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A store in memory whose machine can lose power.  What was not synced is kept
 * in a list; when the power fails each entry is kept, dropped or torn, in every
 * way that a journaling POSIX file system (ext4, XFS, btrfs, f2fs) may:
 *
 * - A file's data and size are safe after a sync of that file, and a name after
 *   a sync of the directory.  Nothing else is, and files do not wait for each
 *   other.
 * - A write is made of sectors of 512 bytes, each of which is there or not.
 * - The sizes that a file had come in their order, and independently of its
 *   data: below the size there may be bytes that never arrived; they read as
 *   zeros or as garbage (0xdb).  A write that makes the file longer may have
 *   done so by a part.
 * - A file that was made shorter was so before what was written afterwards
 *   arrives: journaling file systems do not give freed blocks away earlier.
 * - A rename happened or did not.  One name's changes come in their order.
 *
 * Every change is made of steps, counted since store_crash_arm(); a small
 * file's replacement has one for each system call.  The power fails in the
 * middle of a step: what it was about is under way and may be kept as well.
 * From then on every call fails with -EIO.
 */
#ifndef ZL_STORES_CRASH_H
#define ZL_STORES_CRASH_H

#include "store/store.h"

/* The machine: keeps its files until freed. */
struct store_crash;

enum store_crash_keep {
	STORE_CRASH_KEEP_NOTHING, /* that need not be kept */
	STORE_CRASH_KEEP_ALL,
	STORE_CRASH_KEEP_RANDOM,
};

/* NULL when there is no memory. */
struct store_crash *store_crash_new(void);
void store_crash_free(struct store_crash *crash);
/* Any number of stores, one after the other. */
struct store *store_crash_open(struct store_crash *crash);

/* Lets the power fail in step number @at from now on, counted from 0;
 * UINT64_MAX: never. */
void store_crash_arm(struct store_crash *crash, uint64_t at);
uint64_t store_crash_steps(const struct store_crash *crash); /* since arm */
bool store_crash_is_off(const struct store_crash *crash);

/*
 * Cuts the power if it is still there, decides what is on the medium, and turns
 * it on again.  All stores are closed.  @seed for STORE_CRASH_KEEP_RANDOM.
 */
void store_crash_cycle(struct store_crash *crash, enum store_crash_keep keep,
		       uint64_t seed);

#endif
