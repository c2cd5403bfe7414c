/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What a sync vouches for. */
#ifndef ZL_DISK_IO_SYNC_H
#define ZL_DISK_IO_SYNC_H

#include <stdbool.h>
#include <stdint.h>

#include "disk/medium/bad.h"

struct disk;
struct io;
struct store_req;

/* See sync_begin(): blocks of a slot that are being synced. */
struct sync_part {
	uint32_t slot, lo, hi;
	uint32_t blocks; /* the file has that many */
	unsigned losses; /* before the first of them was written */
	unsigned beside; /* … and before those of other syncs under way */
	uint8_t gen;
	bool settled; /* they are lost, and bad already */
	struct sync_part *next;
};

/* Somebody looks how much is left of a slot's file that was cut. */
struct cut_look {
	struct bad_ranges gone; /* perhaps: not what is written meanwhile */
	struct cut_look *next;
};

/* SYNCHRONIZE CACHE goes in rounds: one vouches for all that came before it
 * began.  Under disk->lock. */
struct syncs {
	struct sync_part *parts;    /* of slots, under way */
	struct cut_look *looks;	    /* under way */
	struct io *waiting, **tail; /* for the next round */
	bool running;		    /* a round */
	unsigned stops;		    /* who waits in sync_stop() */
};

/*
 * sync.c: what one sync of a slot vouches for: the blocks, if no loss has been
 * counted since the first of them was written.
 */
/* @losses, or what was counted before the first block that is being synced was
 * written, if that is older.  Under disk->lock. */
unsigned sync_oldest(const struct disk *d, uint32_t slot, unsigned losses);
/* Takes what is dirty of the slot; what the caller wrote began when there were
 * @losses.  Under disk->lock. */
void sync_begin(struct disk *d, uint32_t slot, unsigned losses,
		struct sync_part *part);
/* The request for it. */
void sync_request(const struct disk *d, const struct sync_part *part,
		  struct store_req *req);
/*
 * A sync of it has ended with @res: 0, and all of it is durable, or -errno: it
 * is dirty as it was if nothing was tried; else it is lost (-EIO), and bad, and
 * the journal knows; or another sync has lost something of the slot (-EIO).
 * Waits for the journal then.  Not under the lock.
 */
int sync_end(struct disk *d, struct sync_part *part, int res);
/* All three, for what is dirty of the slot and what the caller wrote. */
int sync_slot(struct disk *d, uint32_t slot, unsigned losses);
/* What is dirty of the slot since before a loss is lost, and the journal is
 * told, which is waited for.  Not under the lock. */
void sync_settle(struct disk *d, uint32_t slot);
/* The same for store_on_unasked_loss(). */
void sync_lost_unasked(void *disk, uint32_t slot);
/* Syncs everything dirty: 0, or the first -errno; -EIO also where anything is
 * bad. */
int sync_round(struct disk *d);
/* Whether nothing is left for a next round to do. */
bool sync_is_done(struct disk *d);
/*
 * The slot's file has been found to be shorter than the @blocks that it had to
 * have when the slot's generation was @gen: what is gone is bad, and the
 * journal knows, unless the zone was reset meanwhile.  @grow: the file gets its
 * size again; for who has the slot's turn or passed the gate.  -errno: that is
 * not known, or could not be told, or it could not be grown.
 */
int sync_file_was_cut(struct disk *d, uint32_t slot, uint8_t gen,
		      uint32_t blocks, bool grow);
/* Waits until no round is under way and lets none begin.  False: one still was
 * at @end_ms, on clock_ms(), and nothing has changed. */
bool sync_stop(struct disk *d, uint64_t end_ms);
/* Those that came meanwhile fail; then as before. */
void sync_resume(struct disk *d);
/* Those that came meanwhile get their rounds, on other threads. */
void sync_go_on(struct disk *d);

#endif
