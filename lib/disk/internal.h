/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What an open disk is made of.  For lib/disk alone (and its tests).
 *
 * Locks, in the order in which they are taken:
 *   exp_lock     opening and closing zones, DISK_SAVE, and telling the journal;
 *                held over the journal's I/O
 *   journal.lock the journal's records and its file; held over its I/O
 *   lock         zone state, slot queues, dirty map, bad ranges, statistics;
 *                never held over I/O
 *   faults.lock  injected faults; held over their file's I/O only
 *   work.lock    the workers' queue; never held over anything
 */
#ifndef ZL_DISK_INTERNAL_H
#define ZL_DISK_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "disk/medium/bad.h"
#include "disk/medium/counters.h"
#include "disk/disk.h"
#include "disk/faults/faults.h"
#include "disk/io/flight.h"
#include "disk/io/meter.h"

#define DISK_SIDECAR "zloop.json"
#define DISK_JOURNAL "zloop.state"

/* Bounds memory and time whatever a sidecar says, and with them the journal. */
#define DISK_MAX_SLOTS (UINT32_C(1) << 20)

/* struct disk_slot flags */
#define SLOT_DIRTY	 0x01  /* changed since its last sync began */
#define SLOT_BAD	 0x02  /* has a range in disk->bad */
#define SLOT_CUT	 0x04  /* a failed write could not be taken back yet */
#define SLOT_JOURNAL_EXP 0x08  /* the journal says explicitly opened */
#define SLOT_DAMAGED	 0x10  /* its file is not what it should be */
#define SLOT_JOURNAL_RO	 0x20  /* the journal says READ ONLY */
#define SLOT_JOURNAL_OFF 0x40  /* the journal says OFFLINE */
#define SLOT_BUSY	 0x80  /* somebody has the turn */
#define SLOT_ALL_BAD	 0x100 /* … but there was no memory to say which */
#define SLOT_BAD_NEWS	 0x200 /* the journal does not know what is bad now */
#define SLOT_BAD_LESS	 0x400 /* … and something no longer is */

struct disk_slot {
	/* What changes a sequential slot's file runs one at a time; these wait
	 * for their turn. */
	struct slot_turn *first, *last;
	uint32_t dirty_lo, dirty_hi; /* blocks changed since the last sync
					began, [lo, hi) */
	/* store_nr_losses() before the first of these changes began: if it is
	 * another one now, they may be lost. */
	unsigned dirty_losses;
	unsigned sync_losses; /* the same of what is being synced */
	uint16_t flags;
	uint16_t syncs;	      /* under way */
	bool finishing;	      /* who has the turn is posting its completion */
	bool grace;	      /* a write may be repeated once, see grace.c */
	uint32_t grace_lo;    /* … if it begins there or behind */
	bool journal_non_seq; /* the journal says ZA_NON_SEQ */
	bool journal_owed; /* it could not be told that the zone is explicitly
			      opened, or that it or ZA_NON_SEQ is no longer */
	bool undo_non_seq; /* a reset since the last sync took it away */
	uint8_t gen; /* changes when a reset begins (odd: under way) and when it
			ends: a read that overlaps one may be short */
};

struct problem {
	struct problem *next;
	uint32_t slot; /* UINT32_MAX: not a zone's matter */
	char what[];
};

/*
 * The journal: fixed records appended to zloop.state, see
 * docs/on-disk-format.md.
 */
struct journal {
	pthread_mutex_t lock;
	struct disk *disk;
	uint64_t seq;	     /* of the next record */
	uint32_t records;    /* in the file */
	uint32_t compact_at; /* … when it is rewritten */
	int error; /* why the file's end is not sound: it is rewritten before
		      the next record; 0 = it is */
};

enum journal_type {
	JR_OPEN = 1,	  /* the disk was opened; value: hash of the boot id,
			     slot field: flight.number */
	JR_CLEAN = 2,	  /* clean stop */
	JR_CONDITION = 3, /* slot, value: ZC_READ_ONLY or ZC_OFFLINE, 0 = back
			     to normal */
	JR_EXP_OPEN = 4,  /* slot, value: 1 explicitly opened, 0 no longer */
	JR_COUNTER = 5,	  /* slot field: enum disk_counter; value */
	JR_NON_SEQ = 7,	  /* slot, value: 1 not written in order, 0 no longer */
	JR_SAVED = 6,	  /* value: disk_saved() */
	JR_BAD = 8,	  /* slot, value: see journal_bad_value() */
};

struct worker_pool {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct disk_io *head, *tail;
	pthread_t *threads;
	unsigned nr_threads;
	atomic_uint busy; /* pushed and not yet run to the end */
	bool stop;
};

/* Where I/Os are carried out, see pace.c. */
struct pace {
	uint32_t small_blocks; /* these always in the caller's thread */
	unsigned nr_cpus;
	atomic_uint_fast64_t avoid_until_ns;
	atomic_uint avoid_times; /* … so many times as long as it took */
	/* The last large I/O handed over while it is under way, to be looked
	 * at when the next one comes. */
	_Atomic(struct disk_io *) probe;
	atomic_bool probing;
	atomic_uint alone;	 /* so many more are taken for alone */
	atomic_uint alone_times; /* … so many the next time */
};

/* See hold.c; under disk->lock. */
struct hold {
	uint32_t nr;  /* I/Os and others that hold the disk now */
	bool stopped; /* nobody gets it */
	struct disk_io *first, *last; /* waiting for it */
	pthread_cond_t changed;
};

struct disk {
	struct store *store;
	char name[256]; /* the directory, for sentences */
	struct disk_meta meta;
	bool made, look_only;
	bool closing; /* under open.c's lock */
	bool direct;  /* data go past the page cache */
	bool thin;    /* disk_is_thin() */
	bool note_flight;
	uint32_t block_shift; /* log2 of the block length */

	struct journal journal;
	struct flight flight;
	struct worker_pool work;
	struct disk_faults faults;
	struct zl_limit error_limit; /* of the log lines about the store */
	uint32_t try_blocks;   /* how long an I/O disk_try() tries; 0 = none */
	uint32_t async_blocks; /* … reads that miss go to the engine */
	struct pace pace;

	pthread_mutex_t exp_lock;

	pthread_mutex_t lock;
	struct zone_set zones;
	struct zone_slot *zone_slots;
	struct disk_slot *slots;
	uint64_t *dirty; /* bitmap over slots: see slot_is_unsynced() */
	struct bad_ranges bad;
	/* See slot.c: who writes to conventional zones, who waits for it. */
	uint32_t gate_shared;
	bool gate_alone;
	struct disk_io *gate_first, *gate_last;
	uint64_t saved;
	struct disk_io *syncs, **syncs_tail; /* waiting for a round */
	bool syncing;			     /* a round is under way */
	unsigned sync_stops;		     /* who waits in sync_stop() */
	struct problem *problems, **problems_end;
	uint32_t nr_problems;
	/* Changes that the journal was told without a sync, and how many of
	 * them are durable: for zoneop_journal_sync(). */
	uint64_t journal_told, journal_safe;
	struct disk_stats stats;
	struct meter meter;
	uint64_t grace_end_ms; /* on grace_clock_ms() */
	bool can_powerfail;    /* store is one of rollback.h's */
	struct hold hold;
	void (*powerfail_fn)(void *user);
	void *powerfail_user;
	struct disk *next_open; /* open.c's list */
};

/* options.c, cfg.c, opts_check.c: see options.h */

/* Copies text from outside for a sentence: cut to @size - 1 bytes, control
 * characters replaced. */
void printable(char *out, size_t size, const char *s, size_t len);

/* Of the options that the disk bounds, what no disk can have. */
int opts_check_bounds(const struct disk_opts *opts, struct zl_err *err);
/* disk_opts_check(); @making: options not given count with their defaults. */
int opts_check(const struct disk_opts *opts, uint64_t size_bytes, bool making,
	       struct zl_err *err);

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

/* Why a small file could not be read: "… is %s". */
const char *meta_read_error(int error);

/* meta.c: geometry from what was asked for, and the comparison with a disk */
int meta_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
		   struct disk_meta *meta, struct zl_err *err);
int meta_agrees(const struct disk_meta *meta, const char *name,
		const struct disk_opts *opts, uint64_t size_bytes,
		struct zl_err *err);
void meta_geo(const struct disk_meta *meta, struct zone_geo *geo);
/* Sets the members that follow from others. */
void meta_derive(struct disk_meta *meta);
uint64_t meta_slots(const struct disk_meta *meta);
/* What the size of a sequential zone's file is a multiple of: the unit of
 * writes. */
uint32_t meta_tail_bytes(const struct disk_meta *meta);
/* Why a geometry from outside is impossible (a clause), or NULL. */
const char *meta_error(const struct disk_meta *meta);
/* A random serial number. */
int meta_new_serial(struct disk_meta *meta, struct zl_err *err);

/* journal.c */
struct journal_state {
	bool clean;	/* the last process stopped */
	bool same_boot; /* the last opening was in this boot */
	bool boot_known;
	/* The last process died in this boot of the machine, for all that is
	 * known: what it wrote may be in the page cache only. */
	bool died;
	uint32_t flight;    /* flight.number of the last process */
	uint64_t bytes;	    /* of the file */
	uint16_t last_type; /* of its last record; 0: there is none, or it
			       cannot be read */
	uint64_t bad_bytes; /* ignored: torn, or not records of this disk */
	uint64_t next_seq;
	uint32_t records;
	uint64_t saved;
	struct disk_stats stats;
};

/*
 * Reads zloop.state (missing: as if empty).  Calls @each with JR_CONDITION
 * (value: the condition), JR_EXP_OPEN and JR_NON_SEQ (value 1) for the slots
 * that the last records say so of; explicitly opened only where that outlives
 * the stop; and with JR_BAD (journal_bad_value()) for each range.
 */
int journal_load(struct store *st, const char *name, uint32_t nr_slots,
		 struct journal_state *state,
		 void (*each)(void *user, enum journal_type type, uint32_t slot,
			      uint64_t value),
		 void *user, struct zl_err *err);

/*
 * Rewrites the file compactly from the disk as it is and marks it opened.
 * Where there is no room for that, only the mark is added; where there is none
 * for that either, half of the last record is cut off, so that nobody takes the
 * disk for one that was stopped.
 */
int journal_start(struct disk *d, const struct journal_state *old,
		  struct zl_err *err);

/*
 * Appends one record; @sync: durable.  Rewrites the file first when it has
 * grown or an earlier record did not get out; conditions and explicitly opened
 * zones are then those that the slots' flags say, so a caller sets the flag
 * first.  Takes disk->lock.
 */
int journal_append(struct journal *j, enum journal_type type, uint32_t slot,
		   uint64_t value, bool sync);

/*
 * The slot's bad ranges as they are now; @less: in place of those that the
 * journal had before, else in addition, so that nothing is forgotten if the
 * power fails in the middle.  As journal_append().
 */
int journal_bad(struct disk *d, uint32_t slot, bool less, bool sync);

/* JR_BAD: one more range of blocks, or, empty, none any longer. */
static inline uint64_t journal_bad_value(uint32_t lo, uint32_t hi)
{
	return (uint64_t)lo << 32 | hi;
}

/* A record as it is in the file (tests). */
#define JOURNAL_RECORD_BYTES 32
void journal_encode(uint8_t rec[JOURNAL_RECORD_BYTES], uint64_t seq,
		    enum journal_type type, uint32_t slot, uint64_t value);

/* Counters and the mark of a clean stop. */
int journal_stop(struct disk *d);

/* Where the id of this boot is read (tests). */
extern const char *journal_boot_id_path;

/* problems.c */
#define PROBLEMS_LOGGED 32 /* so many of zones have a line in the log */
/* Logs it (the first ones, and what no zone has) and keeps it for
 * disk_each_problem(). */
void disk_add_problem(struct disk *d, uint32_t slot, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void disk_drop_problems(struct disk *d);

/* mountpoint.c: true if @dir is named in fstab or by a mount unit and nothing
 * is mounted there now; @who gets the file that says so.  @root is put before
 * the names of the system's files (tests), else "". */
bool mountpoint_is_unmounted(const char *root, const char *dir, char *who,
			     size_t len);

/* survey.c: what a directory has, before a sidecar says what it should have */
struct survey {
	bool foreign; /* something that is no file of a disk */
	char foreign_name[64];
	uint32_t conv_files, seq_files;
	uint32_t end; /* highest number of a zone file + 1 */
};
int survey_dir(struct store *st, const char *name, struct survey *sv,
	       struct zl_err *err);
/* Parses "cnv-%06u" and "seq-%06u". */
bool survey_zone_name(const char *name, bool *conv, uint32_t *slot);

/* users.c: -EBUSY with a sentence if anybody has any file of a zone open,
 * whatever the disk's geometry is.  Changes the store's layout. */
int users_refuse(struct store *st, const char *name, struct zl_err *err);

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
/* Whether @args make a disk of the zone files that are there: of the kernel
 * driver's as it would do it, of others only with every option. */
bool adopt_wanted(struct store *st, const struct disk_open_args *args,
		  bool size_comes_later);
/* Whether no option is left to be assumed that says where zones are. */
bool adopt_all_is_given(const struct disk_open_args *args);

/* load.c: zone states from file sizes and the journal */
/*
 * Examines every slot's file and sets the zones' state; mends what a crash left
 * (not in look_only mode).  @journal gets what zloop.state said.
 */
int disk_load_zones(struct disk *d, const struct disk_open_args *args,
		    struct journal_state *journal, struct zl_err *err);
/* open.c */
int disk_alloc(struct store *st, const char *name, const struct disk_meta *meta,
	       struct disk **disk, struct zl_err *err);
/* Frees; the store stays. */
void disk_free(struct disk *d);
/* What the death of the process does (tests): no sync, no mark of a clean stop;
 * no I/O is under way. */
void disk_abandon(struct disk *d);

/* check.c: disk_check() on a store, which stays the caller's. */
int check_store(struct store *st, const char *name, disk_problem_fn *fn,
		void *user, struct zl_err *err);

/* run.c: the disk while it runs.  start needs store, meta, zones and slots. */
int disk_start(struct disk *d, unsigned nr_workers, struct zl_err *err);
void disk_stop(struct disk *d);

/* io.c: what runs each operation; completion, and the engine that drives an
 * I/O's store requests */
extern void (*const io_run_table[])(struct disk_io *io);
void io_finish(struct disk_io *io, enum disk_status status);
/* An I/O that changes something queues for its first slot: true if it can go
 * on.  Under disk->lock. */
bool io_enter(struct disk_io *io);
/* It goes on.  Not under the lock. */
void io_go(struct disk_io *io);
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
/* Whether the next segment, if there is one, is in another slot. */
bool segment_ends_slot(const struct disk_io *io);
void segment_zero(struct disk_io *io, uint64_t bytes);

/*
 * grace.c: writes that the initiator repeats since the process that had carried
 * them out died before it could say so.
 */
/* How long after opening, and the clock (tests set their own). */
#define GRACE_MS 60000
extern uint64_t (*grace_clock_ms)(void);
/* The last process has died: each sequential write required zone of which it
 * is not known that nothing was under way gets its grace. */
void grace_begin(struct disk *d);
/* The slot's grace is over.  Under disk->lock. */
static inline void grace_end(struct disk *d, uint32_t slot)
{
	d->slots[slot].grace = false;
}
/* … that of all slots that the I/O reaches, which is in range. */
void grace_end_all(const struct disk_io *io);
/*
 * Whether the WRITE, which was refused with @verdict and has its slot's turn,
 * is a repeated one: then sets io->slot and there_blocks.  Reads from the store
 * and waits: only where that is allowed.
 */
bool grace_repeats(struct disk_io *io, enum zone_verdict verdict);
/* A repeated write has been accepted: counts it, in the journal as well. */
void grace_count(struct disk *d);

/* read.c, write.c, zoneop.c, sync.c: the operations' io->run */
void read_run(struct disk_io *io);
void write_run(struct disk_io *io);
void compare_run(struct disk_io *io);
void compare_write_run(struct disk_io *io);
void unmap_run(struct disk_io *io);
void refill_run(struct disk_io *io);
void save_run(struct disk_io *io);
/* The power has failed: DISK_SAVE_POWERED. */
void save_power_on(struct disk *d);
void zoneop_run(struct disk_io *io);
void sync_run(struct disk_io *io);
/* Explicitly opened, written out of order, or no longer: tells the journal
 * where that differs from what it was told last.  Not under disk->lock. */
int zoneop_journal_slot(struct disk *d, uint32_t slot);
/* Makes durable what it was told of zones that are no longer out of order,
 * after the zones' files.  Not under disk->lock. */
int zoneop_journal_sync(struct disk *d);

/*
 * sync.c: what one sync of a slot vouches for: the blocks, if no loss has been
 * counted since the first of them was written.
 */
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
 * the journal knows.  Waits for the journal then.  Not under the lock.
 */
int sync_end(struct disk *d, const struct sync_part *part, int res);
/* All three, for what is dirty of the slot and what the caller wrote. */
int sync_slot(struct disk *d, uint32_t slot, unsigned losses);
/* Syncs everything dirty: 0, or the first -errno; -EIO also where anything is
 * bad. */
int sync_round(struct disk *d);
/* Whether nothing is left for a next round to do. */
bool sync_is_done(struct disk *d);
/*
 * The slot's file has been found to be shorter than the @blocks that it has to
 * have: what is gone is bad, and the journal knows.  @grow: the file gets its
 * size again.  For who has the slot's turn or passed the gate, or (not @grow)
 * knows that the zone was not reset.  -errno: it could not be grown.
 */
int sync_file_was_cut(struct disk *d, uint32_t slot, uint32_t blocks,
		      bool grow);
/* Waits until no round is under way and lets none begin. */
void sync_stop(struct disk *d);
/* Those that came meanwhile fail; then as before. */
void sync_resume(struct disk *d);

/*
 * fua.c: what a READ with FUA returns is on the medium: what the page cache has
 * of it is written there, and so it outlives a power failure (SBC-4).  One slot
 * after the other.
 */
/* Before anything of io->slot is read.  Under disk->lock. */
void fua_begin(struct disk_io *io);
/* After: whether something of what was read may not be durable.  Under
 * disk->lock. */
bool fua_is_unsynced(const struct disk_io *io);
/* After: makes it so.  -errno: it is not, or may not be.  Waits; not under the
 * lock. */
int fua_end(struct disk_io *io);
static inline bool fua_reads(const struct disk_io *io)
{
	return io->fua && (io->op == DISK_READ || io->op == DISK_COMPARE);
}

/*
 * hold.c: what a simulated power failure must not divide.  All of it costs
 * nothing, and waits for nobody, where none can be simulated.
 */
void hold_init(struct hold *h);
void hold_destroy(struct hold *h);
/* The I/O holds the disk until it is over; before it has a turn or has passed
 * the gate.  False: not yet; io_enter() and io_go() are called for it then.
 * Under disk->lock. */
bool hold_take(struct disk_io *io);
/* The same for what cannot be called later.  Under the lock. */
bool hold_try(struct disk *d);
void hold_leave_locked(struct disk *d);
void hold_leave(struct disk *d);
/* For a thread that can wait, but as slot_wait() not for good: 0 or -EBUSY.
 * Not under the lock. */
int hold_wait(struct disk *d);
/* Lets nobody hold the disk any more and waits until nobody does; -EBUSY as
 * above, and nothing has happened. */
int hold_stop(struct disk *d);
/* Who waits comes first. */
void hold_resume(struct disk *d);

/* powerfail.c: puts the store that can take things back before the disk's; and
 * takes it away again. */
int powerfail_prepare(struct disk *d, struct zl_err *err);
void powerfail_undo_prepare(struct disk *d);

/* stats.c: under disk->lock.  After zones changed their conditions; after a
 * write was let through, before it changes anything; after a command was
 * refused. */
void stats_note_zones(struct disk *d);
void stats_note_write(struct disk *d, const struct disk_io *io);
void stats_note_refused(struct disk *d, const struct disk_io *io,
			enum zone_verdict verdict);

/*
 * slot.c: all under disk->lock but slot_leave() and the gate's.
 */
/* Losses counted until now. */
static inline unsigned slot_losses(const struct disk *d, uint32_t slot)
{
	return store_nr_losses(d->store, slot);
}

/* The count that was earlier: they wrap. */
static inline unsigned older_losses(unsigned a, unsigned b)
{
	return (int)(a - b) < 0 ? a : b;
}

/* Changed by something that began when there were @losses. */
void slot_mark_dirty(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi,
		     unsigned losses);
/* What was behind the write pointer is cut off; durably with the next sync. */
void slot_was_cut(struct disk *d, uint32_t slot);
/* Takes the dirty mark away before a sync; false: it was clean. */
bool slot_take_dirty(struct disk *d, uint32_t slot, uint32_t *lo, uint32_t *hi);
/* Something of it is not known to be durable. */
static inline bool slot_is_unsynced(const struct disk *d, uint32_t slot)
{
	return d->slots[slot].flags & SLOT_DIRTY || d->slots[slot].syncs;
}
/* Perhaps it is no longer one of slot_next_unsynced(). */
void slot_note_clean(struct disk *d, uint32_t slot);
/* The first such slot at or after @from, or UINT32_MAX. */
uint32_t slot_next_unsynced(const struct disk *d, uint32_t from);
/* The first bad block among [lo, hi), or UINT32_MAX. */
uint32_t slot_first_bad(const struct disk *d, uint32_t slot, uint32_t lo,
			uint32_t hi);
void slot_add_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* -ENOMEM: they stay bad. */
int slot_clear_bad(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* These are lost; where there are none (the zone was reset) the next sync tries
 * again. */
void slot_lose(struct disk *d, uint32_t slot, uint32_t lo, uint32_t hi);
/* What is dirty since before the last loss is lost. */
void slot_settle(struct disk *d, uint32_t slot);
/* Tells the journal if what is bad has changed; @sync: durably.  -errno: it is
 * told with the next sync.  Not under the lock. */
int slot_tell_bad(struct disk *d, uint32_t slot, bool sync);
/* The I/O, which began when there were io->losses, wrote these blocks;
 * @durable: they need no sync.  -EIO: a sync has failed since, which may have
 * had them; no other will try. */
int slot_written(struct disk_io *io, uint32_t lo, uint32_t hi, bool durable);
/*
 * Takes a turn at changing a slot's file: true when it is granted at once, else
 * turn->granted() is called later, by whoever leaves.
 */
bool slot_enter(struct disk *d, uint32_t slot, struct slot_turn *turn);
/* Takes a turn that is waited for out of the queue.  False: it is not there,
 * and will be granted. */
bool slot_unqueue(struct disk *d, uint32_t slot, const struct slot_turn *turn);
/*
 * slot_wait.c: for a thread that can wait: 0 with the turn, or -EBUSY without
 * it after so long, since an injected delay may hold an I/O for minutes.  Not
 * under the lock.
 */
extern unsigned slot_wait_ms; /* tests set their own */
int slot_wait(struct disk *d, uint32_t slot);
/* Ends the turn: the next one, which is to be granted without the lock, or
 * NULL. */
struct slot_turn *slot_pass_on(struct disk *d, uint32_t slot);
/* … and grants it.  Not under the lock. */
void slot_leave(struct disk *d, uint32_t slot);

/*
 * On a host-aware disk a write may reach several sequential slots: takes the
 * turns of all, from the lowest on, so that two never wait for each other.
 * After the gate, if it has to pass that.  False: not yet; io->run is called
 * again with the turn that was missing.  Not under the lock.
 */
bool slot_enter_range(struct disk_io *io);
/* Ends all turns that the I/O has.  Not under the lock. */
void slot_leave_all(struct disk *d, uint32_t slot, uint32_t nr);

/* Whether a write at @lba is one of a conventional zone. */
bool gate_needed(const struct disk *d, uint64_t lba);
/*
 * Lets the I/O, which writes to conventional zones, pass alone or beside others
 * like it.  False: not yet; io->run is called again then.
 */
bool gate_enter(struct disk_io *io, bool alone);
/* The same for an I/O that cannot wait.  Under disk->lock. */
bool gate_try(struct disk *d);
void gate_leave(struct disk *d, enum disk_gate gate);

/* work.c: threads for what may block; without threads it runs at once */
int work_start(struct worker_pool *pool, unsigned nr_threads);
void work_stop(struct worker_pool *pool);
void work_push(struct disk *d, struct disk_io *io);

static inline unsigned work_busy(struct worker_pool *pool)
{
	return atomic_load_explicit(&pool->busy, memory_order_relaxed);
}

/* pace.c: any thread; times are on meter_clock_ns(). */
void pace_init(struct disk *d);
/* Whether an I/O of this length is tried in the caller's thread. */
bool pace_here(struct disk *d, uint32_t nr_blocks);
/* An I/O goes elsewhere; an I/O is about to be posted. */
void pace_handed_over(struct disk *d, struct disk_io *io);
void pace_done(struct disk *d, struct disk_io *io);
/* Whether a write that may wait can be carried out there. */
bool pace_may_wait(struct disk *d, uint64_t now_ns);
/* Such a write is over. */
void pace_waited(struct disk *d, uint64_t start_ns, uint64_t end_ns);

/* The branch that injecting faults costs while there are none. */
static inline bool disk_has_faults(struct disk *d)
{
	return __builtin_expect(
		atomic_load_explicit(&d->faults.armed, memory_order_relaxed),
		0);
}

/* store_submit() and store_run() for what an I/O does. */
void disk_request(struct disk *d, struct store_req *req);
int64_t disk_request_run(struct disk *d, struct store_req *req);

/* Blocks that the slot's file has: all of a conventional zone, what is below
 * the write pointer of another one.  Under disk->lock. */
static inline uint32_t slot_file_blocks(const struct disk *d, uint32_t slot)
{
	return zone_slot_is_conv(&d->zones, slot)
		       ? zone_slot_blocks(&d->zones, slot)
		       : zone_slot_wp_blocks(&d->zones, slot);
}

static inline uint64_t blocks_to_bytes(const struct disk *d, uint64_t blocks)
{
	return blocks << d->block_shift;
}

#endif
