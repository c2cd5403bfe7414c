/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What an open disk is made of.  For lib/disk alone (and its tests).
 *
 * Locks, in the order in which they are taken:
 *   exp_lock     opening and closing zones and telling the journal; held over
 *                the journal's I/O
 *   journal.lock the journal's records and its file; held over its I/O
 *   lock         zone state, slot queues, dirty map, bad ranges, statistics;
 *                never held over I/O
 *   work.lock    the workers' queue; never held over anything
 */
#ifndef ZL_DISK_INTERNAL_H
#define ZL_DISK_INTERNAL_H

#include <pthread.h>

#include "disk/disk.h"

#define DISK_SIDECAR "zloop.json"
#define DISK_JOURNAL "zloop.state"

/* struct disk_slot flags */
#define SLOT_DIRTY	 0x01 /* changed since its last sync began */
#define SLOT_BAD	 0x02 /* has a range in disk->bad */
#define SLOT_CUT	 0x04 /* a failed write could not be taken back yet */
#define SLOT_JOURNAL_EXP 0x08 /* the journal says explicitly opened */
#define SLOT_DAMAGED	 0x10 /* its file is not what it should be */

struct disk_slot {
	/* What changes the slot's file runs one at a time: the head runs, the
	 * others wait (sequential slots). */
	struct slot_turn *head, *tail;
	uint32_t dirty_lo, dirty_hi; /* blocks changed since the last sync
					began, [lo, hi) */
	uint8_t flags;
	uint8_t gen; /* counts resets: a read that overlaps one may be short */
};

/* Blocks whose content is not to be trusted: their sync failed. */
struct bad_range {
	struct bad_range *next;
	uint32_t slot;
	uint32_t lo, hi; /* blocks of the slot, [lo, hi) */
};

struct problem {
	struct problem *next;
	uint32_t slot;
	char what[160];
};

/*
 * The journal: fixed records appended to zloop.state, see
 * docs/on-disk-format.md.
 */
struct journal {
	pthread_mutex_t lock;
	struct store *store;
	uint64_t seq;	  /* of the next record */
	uint32_t records; /* in the file */
	int error;	  /* the file could not be written: first errno */
};

enum journal_type {
	JR_OPEN = 1,	  /* the disk was opened; value: hash of the boot id */
	JR_CLEAN = 2,	  /* clean stop */
	JR_CONDITION = 3, /* slot, value: READ ONLY or OFFLINE and how far it
			     could be read; 0 = back to normal */
	JR_EXP_OPEN = 4,  /* slot, value: 1 explicitly opened, 0 no longer */
	JR_COUNTER = 5,	  /* slot field: which counter; value */
};

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct disk_io *head, *tail;
	pthread_t *threads;
	unsigned nr_threads;
	bool stop;
};

struct disk {
	struct store *store;
	char name[256]; /* the directory, for sentences */
	struct disk_meta meta;
	bool made, look_only;
	uint32_t block_shift; /* log2 of the block length */

	struct journal journal;
	struct worker_pool work;

	pthread_mutex_t exp_lock;

	pthread_mutex_t lock;
	struct zone_set zones;
	struct zone_slot *zone_slots;
	struct disk_slot *slots;
	uint64_t *dirty; /* bitmap over slots */
	struct bad_range *bad;
	struct disk_io *syncs, **syncs_tail; /* waiting for a round */
	bool syncing;			     /* a round is under way */
	struct problem *problems;
	struct disk_stats stats;
};

/* options.c, cfg.c: see options.h */

/* sidecar.c: zloop.json */
enum sidecar_state {
	SIDECAR_CREATING,
	SIDECAR_READY
};
int sidecar_write(struct store *st, const struct disk_meta *meta,
		  enum sidecar_state state);
/* -ENOENT without a sentence: there is none.  Others with one. */
int sidecar_read(struct store *st, const char *name, struct disk_meta *meta,
		 enum sidecar_state *state, struct zl_err *err);
/* Parses text (tests, fuzzing); @name for the sentence. */
int sidecar_parse(const char *text, size_t len, const char *name,
		  struct disk_meta *meta, enum sidecar_state *state,
		  struct zl_err *err);

/* meta.c: geometry from what was asked for, and the comparison with a disk */
int meta_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
		   struct disk_meta *meta, struct zl_err *err);
int meta_agrees(const struct disk_meta *meta, const struct disk_opts *opts,
		uint64_t size_bytes, struct zl_err *err);
void meta_geo(const struct disk_meta *meta, struct zone_geo *geo);

/* journal.c.  Records are kept in memory only as the zone state they led to. */
struct journal_state {
	bool clean;	/* ended with the mark of a clean stop */
	bool same_boot; /* the last opening was in this boot */
	bool damaged;	/* a torn or foreign tail was ignored */
	struct disk_stats stats;
};
/* Reads zloop.state; each_condition and each_exp are called for the slots'
 * last records. */
int journal_load(struct store *st, uint32_t nr_slots,
		 struct journal_state *state,
		 void (*each)(void *user, enum journal_type type, uint32_t slot,
			      uint64_t value),
		 void *user, struct zl_err *err);
/* Rewrites the file compactly from the disk as it is and marks it opened. */
int journal_start(struct disk *d, struct zl_err *err);
/* Appends one record; @sync: durable.  Errors are remembered. */
int journal_append(struct journal *j, enum journal_type type, uint32_t slot,
		   uint64_t value, bool sync);
/* The mark of a clean stop. */
int journal_stop(struct disk *d);

/* mountpoint.c: true if @dir is named in fstab or by a mount unit and nothing
 * is mounted there now; @who gets the file that says so. */
bool mountpoint_is_unmounted(const char *dir, char *who, size_t len);

/* make.c: creates, completes or adopts; meta is ready afterwards. */
int disk_make(struct store *st, const char *name, const struct disk_meta *meta,
	      const struct disk_open_args *args, struct zl_err *err);
int disk_adopt(struct store *st, const char *name, const struct disk_meta *meta,
	       const struct disk_open_args *args, struct zl_err *err);

/* load.c: zone states from file sizes and the journal */
int disk_load_zones(struct disk *d, const struct disk_open_args *args,
		    struct zl_err *err);
void disk_add_problem(struct disk *d, uint32_t slot, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* run.c: the disk while it runs.  start needs store, meta, zones and slots. */
int disk_start(struct disk *d, unsigned nr_workers, struct zl_err *err);
void disk_stop(struct disk *d);

/* io.c: completion, and the engine that drives an I/O's store requests */
void io_finish(struct disk_io *io, enum disk_status status);
void io_refuse(struct disk_io *io, enum zone_verdict verdict);
/* Status for an errno of the store; sets bad_lba. */
enum disk_status io_fail_status(struct disk_io *io, int error,
				uint64_t bad_lba);
/*
 * Calls io->step() until it returns false (the I/O is finished, or waits for
 * something else), submitting io->req each time that it returns true.  Goes on
 * in whatever thread a request completes.
 */
void io_drive(struct disk_io *io);

/*
 * segment.c: an I/O as a sequence of requests.  io->slot is the slot of
 * io->at_bytes.
 */
void segment_start(struct disk_io *io);
uint64_t segment_offset(const struct disk_io *io); /* bytes, in the slot */
uint64_t segment_lba(const struct disk_io *io);
/* Fills io->req for up to @max_bytes from here; io->req.len says how many. */
void segment_prepare(struct disk_io *io, enum store_op op, uint64_t max_bytes);
void segment_pass(struct disk_io *io, uint64_t bytes);
void segment_zero(struct disk_io *io, uint64_t bytes);

/* read.c, write.c, zoneop.c, sync.c: the operations' io->run */
void read_run(struct disk_io *io);
void write_run(struct disk_io *io);
void zoneop_run(struct disk_io *io);
void sync_run(struct disk_io *io);
/* Syncs everything dirty: 0, or the first -errno; failed ranges turn bad. */
int sync_round(struct disk *d);

/*
 * slot.c: all under disk->lock but slot_leave().
 */
void slot_mark_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* Takes the dirty mark away before a sync; false: it was clean. */
bool slot_take_dirty(struct disk *d, uint32_t slot, uint32_t *lo, uint32_t *hi);
/* The first dirty slot at or after @from, or UINT32_MAX. */
uint32_t slot_next_dirty(const struct disk *d, uint32_t from);
/* The first bad block among [lo, hi), or UINT32_MAX. */
uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi);
void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
void slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/*
 * Takes a turn at changing a slot's file: true when it is granted at once, else
 * turn->granted() is called later, by whoever leaves.
 */
bool slot_enter(struct disk *d, uint32_t slot, struct slot_turn *turn);
/* Ends the turn and grants the next one.  Not under the lock. */
void slot_leave(struct disk *d, uint32_t slot);

/* work.c: threads for what may block; without threads it runs at once */
int work_start(struct worker_pool *pool, unsigned nr_threads);
void work_stop(struct worker_pool *pool);
void work_push(struct disk *d, struct disk_io *io);

static inline uint64_t blocks_to_bytes(const struct disk *d, uint64_t blocks)
{
	return blocks << d->block_shift;
}

#endif
