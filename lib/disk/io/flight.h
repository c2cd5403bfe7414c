/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What is under way: the file SERIAL.flight of the run directory, mapped
 * shared, which outlives the process but not the boot.  A record per slot, and
 * a few for COMPARE AND WRITE, are written by plain stores:
 *
 *	begun		before the first byte goes to the slot's file
 *	answering	before the completion is posted, if that is GOOD
 *	none		when it has been posted
 *
 * So whoever opens the disk after the process's death knows: what had begun and
 * not come to an answer was not acknowledged, and is taken back.  What was
 * being answered perhaps was, and stays; it may be sent again.  A process that
 * is killed has done all of its stores up to some instruction and none behind
 * it, so that only their order in the program matters.
 *
 * The file counts only if the journal names it (the number in the record of the
 * opening): else somebody has had the disk without it in between.
 */
#ifndef ZL_DISK_FLIGHT_H
#define ZL_DISK_FLIGHT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct disk;
struct store_stat;
struct io;
struct journal_state;

enum flight_state {
	FLIGHT_NONE,
	FLIGHT_BEGUN,
	FLIGHT_ANSWERING,
	/* What an earlier process of this boot was answering, or may have: to
	 * be sent again until the grace is over. */
	FLIGHT_EARLIER,
	FLIGHT_DAMAGED, /* nobody knows; not in a file */
};

/* In the file, as in memory.  Blocks count from the slot's start. */
struct flight_record {
	_Atomic uint32_t state; /* flight_state and, above, whose it is */
	uint32_t wp;		/* when it began: the file's length */
	uint32_t lo, hi;	/* what is written, [lo, hi) */
	uint32_t begun;		/* when: clock_ns() / 2^30 */
	uint32_t sum;		/* of these four and the slot's number */
	/* Blocks that have changed since the last sync, [dirty_lo, dirty_hi):
	 * the kernel may have told somebody else that they are lost. */
	uint32_t dirty_lo, dirty_hi;
};

/* In the file, too: blocks of a slot that are lost, [lo, hi), while the journal
 * does not know it; and those between them, where they are several ranges. */
struct flight_lost {
	uint32_t lo, hi; /* none: hi 0 */
};

/* COMPARE AND WRITE: what was there before.  In the file. */
struct flight_compare {
	_Atomic uint32_t state; /* flight_state */
	uint32_t nr_blocks;
	uint64_t lba;
	uint32_t crc;	/* of the blocks, CRC-32C */
	uint32_t begun; /* as above */
	uint32_t spare[2];
};

/* Where it is noted what an I/O has begun. */
struct flight_mark {
	uint32_t slot, nr; /* records; none: 0 */
	uint32_t id;
	uint32_t compare; /* number of a COMPARE AND WRITE's, from 1; 0: none */
};

/* The clock by which what may be sent again is too old for that; one that goes
 * on over deaths (tests set their own). */
extern uint64_t (*flight_clock_ms)(void);

struct flight_head;

struct flight {
	struct flight_head *head; /* the mapping; NULL: there is no file */
	struct flight_record *records;
	struct flight_compare *compares;
	uint8_t *blocks; /* of the first of compares */
	struct flight_lost *lost;
	uint64_t bytes;	       /* of the file */
	uint32_t number;       /* in the journal; 0: no file */
	bool kept;	       /* the file has its name */
	uint32_t ids;	       /* given to I/Os */
	uint64_t blocks_bytes; /* per one of compares */
	unsigned nr_compares;
	unsigned compares_claimed; /* a bit for each; under disk->lock */
	struct flight_head *old;   /* while the disk is opened: what the last
				      process left */
};

/*
 * Opening.  flight_load() finds what the last process, which died, has left;
 * flight_start() makes a new file, with what is still to be repeated, which
 * counts once flight_keep() was called and the journal names its number.
 * What cannot be read or made is no error: then nothing is known of what is
 * under way.  flight_remove() removes the file; I/Os may still be on their way
 * out, and write to it, until flight_stop() lets go.
 */
void flight_load(struct disk *d, const struct journal_state *journal);
void flight_start(struct disk *d);
void flight_keep(struct disk *d);
void flight_remove(struct disk *d);
void flight_stop(struct disk *d);

/* The lock is lost: what is not on the medium is gone, and the journal cannot
 * be told.  Any thread. */
void flight_note_fenced(struct disk *d);
/* Between flight_load() and flight_start(): whether the last process did. */
bool flight_was_fenced(const struct disk *d);

/* Between flight_load() and flight_start(): whether it is known what was under
 * way. */
bool flight_is_known(const struct disk *d);
/* Whether a write to the slot, whose file is @stat, had begun and was not
 * answered, and nobody else has changed the file since: *keep_bytes are older.
 */
bool flight_had_begun(const struct disk *d, uint32_t slot,
		      const struct store_stat *stat, uint64_t *keep_bytes);
/* From where on what the slot's file of @blocks has may be sent again; @blocks:
 * nothing. */
uint32_t flight_repeats_from(const struct disk *d, uint32_t slot,
			     uint32_t blocks);
/* Gives back what COMPARE AND WRITEs had overwritten.  Returns how many. */
unsigned flight_restore(struct disk *d);

/*
 * While the disk runs.  flight_begin(): a write from io->slot on, in its slots'
 * turns; under disk->lock.  flight_compare_begin(): a COMPARE AND WRITE whose
 * data to compare are what is there, and which is alone.
 */
void flight_begin(struct io *io);
void flight_compare_begin(struct io *io);
/* The I/O is over, with io->pub->status, and its done() comes next: what is to
 * be ended when that has returned. */
struct flight_mark flight_answer(struct io *io);
void flight_end(struct disk *d, const struct flight_mark *mark);
/* disk_try() has @written all of it, or nothing that is to stay.  Under the
 * lock. */
void flight_tried(struct io *io, bool written);
/* Whatever there was in the slot, nothing of it is to be taken back. */
void flight_drop(struct disk *d, uint32_t slot);

/* Blocks have changed; and what had changed is durable, or known to be lost.
 * Under the lock. */
void flight_note_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
void flight_note_clean(struct disk *d, uint32_t slot);
/* What the last process had not synced, or more. */
bool flight_was_dirty(const struct disk *d, uint32_t slot, uint32_t *lo,
		      uint32_t *hi);

/* Blocks are lost; they have been written again, or are gone; and the journal
 * knows which are.  Under the lock. */
void flight_note_lost(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
void flight_note_rewritten(struct disk *d, uint32_t slot, uint32_t lo,
			   uint32_t hi);
void flight_note_told(struct disk *d, uint32_t slot);
/* What the last process could not tell the journal, or more. */
bool flight_was_lost(const struct disk *d, uint32_t slot, uint32_t *lo,
		     uint32_t *hi);

#endif
