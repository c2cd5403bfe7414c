/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A recorded disk as it was, or as a power failure could have left it, by
 * docs/promises.md.
 *
 * Rules that hold everywhere here:
 * - A point is a record's number in its log: the moment after it.  Point 0 is
 *   the snapshot with which the record begins.
 * - What the snapshot has counts as durable.
 * - A struct replay does not change: any number of threads may build from it,
 *   each into a directory of its own.
 * - Functions return 0, or -errno with a sentence.
 */
#ifndef ZL_REPLAY_REPLAY_H
#define ZL_REPLAY_REPLAY_H

#include "disk/disk.h"
#include "record/record.h"

struct replay;

/* @base: the snapshot's directory, NULL: the one that the log names. */
int replay_open(const char *log, const char *base, struct replay **replay,
		struct zl_err *err);
void replay_close(struct replay *replay);

const struct disk_meta *replay_meta(const struct replay *replay);
uint64_t replay_last(const struct replay *replay); /* point */
const struct record *replay_at(const struct replay *replay, uint64_t point);
/* Whether the log has an end, and how much behind the last whole record was
 * left out. */
bool replay_is_complete(const struct replay *replay, uint64_t *bad_bytes);

/* Kinds of points, as bits. */
#define REPLAY_FLUSH 0x1 /* SYNCHRONIZE CACHE has answered */
#define REPLAY_FUA   0x2 /* … a write with FUA */
#define REPLAY_MARK  0x4
#define REPLAY_ANY   0x8

/* The first point of these kinds behind @point; UINT64_MAX: there is none. */
uint64_t replay_next(const struct replay *replay, uint64_t point,
		     unsigned kinds);

/* What a person calls a point: a number, "end", flush=K and fua=K (from 1),
 * mark=TEXT or just TEXT. */
int replay_find(const struct replay *replay, const char *word, uint64_t *point,
		struct zl_err *err);

/* A power failure: the state that is number @state of replay_count(), or the
 * one that @state chooses at random. */
struct replay_crash {
	bool random;
	uint64_t state;
};

/* How many states a power failure at @point could leave, where nothing but
 * whole physical blocks is there or is not; UINT64_MAX: that many or more. */
int replay_count(const struct replay *replay, uint64_t point, uint64_t *count,
		 struct zl_err *err);

/*
 * Builds the disk as it was at @point, or, with @crash, as a power failure then
 * could have left it, in the directory @dir, which is made, or is empty.  It
 * has a serial number of its own, in *meta (NULL: nobody asks).  Not durable.
 * What was opened is closed; parameters that were saved (MODE SELECT) and
 * injected faults are the snapshot's.
 */
int replay_build(const struct replay *replay, uint64_t point,
		 const struct replay_crash *crash, const char *dir,
		 disk_progress_fn *progress, void *user, struct disk_meta *meta,
		 struct zl_err *err);

/*
 * For who builds one state after the other in the same directory: @was is the
 * one that is in it, whatever has become of that, or NULL: none, as for
 * replay_build().  Files that nobody has changed are not written all anew; they
 * are known by their times, which are those of no other file.  After an error
 * it is not known what is there.  -ENOTEMPTY: somebody has made directories in
 * it.
 */
struct replay_state {
	uint64_t point;
	struct replay_crash crash;
};
int replay_build_next(const struct replay *replay,
		      const struct replay_state *was,
		      const struct replay_state *now, const char *dir,
		      struct zl_err *err);

#endif
