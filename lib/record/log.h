/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Writing a log.  Records are copied into memory by who acknowledges them, and
 * one thread writes that to the file, so that a disk waits for the file only
 * when it is RECORD_CHUNKS × RECORD_CHUNK_BYTES ahead of it, and then no longer
 * than RECORD_WAIT_MS: a file that is slower than that, full or broken ends
 * the log, with a sentence, and never the disk.
 *
 * The thread writes past the page cache where that is possible, which takes a
 * fifth of the processor time, and through it while the file is behind: what is
 * slow on the medium is quick there, for a while.
 *
 * Any thread may call anything, but start and stop, which one does at a time.
 */
#ifndef ZL_RECORD_LOG_H
#define ZL_RECORD_LOG_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/iov.h"
#include "record/record.h"

#define RECORD_CHUNKS	   64u
#define RECORD_CHUNK_BYTES (1u << 20)
/* So many are written with one call where the file is behind: a device takes
 * large writes faster. */
#define RECORD_AT_ONCE 4u
/* What is written past the page cache begins and ends at multiples of this. */
#define RECORD_SECTOR 4096u

extern unsigned record_wait_ms; /* 5000; tests set their own */

/* Begins at a sector of the file with what the chunk before it has of that,
 * which the thread puts there. */
struct record_chunk {
	uint8_t *data;
	size_t len;
};

struct record_log {
	atomic_bool on;
	atomic_uint_fast64_t seq; /* of the last record; never goes back */
	pthread_mutex_t lock;
	pthread_cond_t filled, emptied;
	char path[4096];
	char name[256];	 /* of the disk, for sentences */
	char why[256];	 /* it ended, "": nobody knows of one */
	uint8_t *memory; /* of all chunks */
	struct record_chunk chunk[RECORD_CHUNKS];
	/* Chunks with something in them: the first is written, the last is
	 * filled. */
	struct record_chunk *queue[RECORD_CHUNKS];
	unsigned first, nr_queued;
	/* The others, the one that was used last on top: it is still in the
	 * processor's cache. */
	struct record_chunk *unused[RECORD_CHUNKS];
	unsigned nr_unused;
	size_t out;	/* bytes of the first that are written */
	uint64_t at;	/* where the first is in the file */
	uint8_t *end;	/* a sector: the last one that is written, in part */
	bool direct;	/* past the page cache: possible, … */
	bool is_direct; /* … and done */
	bool running;	/* the thread */
	bool idle;	/* … waits for a first record */
	bool stopping, failed;
	bool ended; /* with RECORD_END, which is in the file by and by */
	pthread_t thread;
	int fd;
	uint64_t start_ns;
	uint64_t records, bytes, marks;
};

struct record_status {
	bool on;
	char path[4096];
	char why[256];
	uint64_t records, bytes, marks;
	uint64_t seq;
};

void record_log_init(struct record_log *log);
void record_log_destroy(struct record_log *log); /* stopped */

/*
 * Begins a log in the new file @path; -EEXIST: it is there.  @head: the first
 * record's data.  The disk's name is for sentences.
 */
int record_log_start(struct record_log *log, const char *path, const char *name,
		     const void *head, size_t head_bytes, struct zl_err *err);

static inline bool record_log_is_on(struct record_log *log)
{
	return atomic_load_explicit(&log->on, memory_order_relaxed);
}

/* For struct record's begin, whether it is on or not. */
static inline uint64_t record_log_now(struct record_log *log)
{
	return atomic_load_explicit(&log->seq, memory_order_relaxed);
}

/* Whether a record with so much data need not wait for the file now. */
bool record_log_has_room(struct record_log *log, size_t data_bytes);

/*
 * Adds @r, whose seq, time and data it sets: the next @bytes at @cur.  WRITEs
 * longer than a record become several.
 */
void record_log_add(struct record_log *log, struct record *r,
		    struct iov_cur *cur, size_t bytes);

/* 0, or -EINVAL: nothing is recorded, or the text is too long.  @nr: the
 * number of its record, counted from 0. */
int record_log_mark(struct record_log *log, const char *text, uint64_t *nr,
		    struct zl_err *err);

/* Ends it as a file that cannot be written does: nothing more is added. */
void record_log_break(struct record_log *log, const char *why);

/*
 * Writes what is left, with @why as the last record, and closes the file,
 * durably.  0 (also if nothing was recorded), or -errno with a sentence.
 */
int record_log_stop(struct record_log *log, const char *why,
		    struct zl_err *err);

void record_log_status(struct record_log *log, struct record_status *st);

#endif
