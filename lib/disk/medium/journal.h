/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* zloop.state: what changes, and what a file's size cannot say. */
#ifndef ZL_DISK_MEDIUM_JOURNAL_H
#define ZL_DISK_MEDIUM_JOURNAL_H

#include <pthread.h>

#include "disk/disk.h"
#include "disk/medium/counters.h"
#include "disk/medium/holder.h"

#define DISK_JOURNAL "zloop.state"

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
	/* Rewritten in place, since names are not fenced: what counts of the
	 * file is from here to there, in bytes. */
	bool in_place;
	uint64_t base, end;
	bool ended; /* with a clean stop, which nothing comes behind */
	int error;  /* why the file's end is not sound: it is rewritten before
		       the next record; 0 = it is */
	/* Changes that it was told without a sync, and how many of them are
	 * durable: for zone_journal_sync().  Under disk->lock. */
	uint64_t told, safe;
};

enum journal_type {
	JR_OPEN = 1,  /* the disk was opened; value: hash of the boot id,
			 slot field: flight.number */
	JR_CLEAN = 2, /* clean stop; value: 1 if another machine may go on as
			 if nothing had been */
	JR_CONDITION = 3, /* slot, value: ZC_READ_ONLY or ZC_OFFLINE, 0 = back
			     to normal */
	JR_EXP_OPEN = 4,  /* slot, value: 1 explicitly opened, 0 no longer */
	JR_COUNTER = 5,	  /* slot field: enum disk_counter; value */
	JR_NON_SEQ = 7,	  /* slot, value: 1 not written in order, 0 no longer */
	JR_SAVED = 6,	  /* value: disk_saved() */
	JR_BAD = 8,	  /* slot, value: see journal_bad_value() */
	JR_ACTIVATE = 9,  /* slot field: a realm; see journal_activate() */
	JR_CONTROL = 10,  /* slot field: 1 saved as well; value: see
			     journal_control_value() */
	JR_HOLDER = 11,	  /* who has opened the disk: see holder.h */
	JR_OWED = 13,	  /* what hosts are to be told or granted yet: see
			     journal_owed_value() */
	JR_BASE = 12,	  /* value: this record and those behind it, so many in
			     all, say all there is to say */
};

struct journal_state {
	bool clean;	/* the last process stopped */
	bool same_boot; /* the last opening was in this boot */
	bool boot_known;
	/* The last process died in this boot of the machine, for all that is
	 * known: what it wrote may be in the page cache only. */
	bool died;
	/* It died or stopped in another boot or machine, with write_through:
	 * all that was acknowledged is on the medium, and what was not may be
	 * sent again, as if nothing had been.  Or it has taken over so, and
	 * died or stopped before hosts need have come. */
	bool taken_over;
	/* It died there without, so that the power is gone for what it had in
	 * its cache; or an earlier one did, and hosts have not been told. */
	bool lost_power;
	uint32_t flight;    /* flight.number of the last process */
	uint64_t bytes;	    /* of the file */
	uint64_t base, end; /* what counts of it; see JR_BASE */
	uint16_t last_type; /* of its last record; 0: there is none, or it
			       cannot be read */
	uint64_t bad_bytes; /* ignored: torn, or not records of this disk */
	uint64_t next_seq;
	uint32_t records;
	uint64_t saved;
	uint64_t owed; /* journal_owed_value() */
	/* journal_control_value(); 0: it does not say. */
	uint64_t control, control_saved;
	struct disk_stats stats;
	struct disk_holder holder; /* of the last opening */
};

/*
 * Reads zloop.state (missing: as if empty).  Calls @each with JR_CONDITION
 * (value: the condition), JR_EXP_OPEN and JR_NON_SEQ (value 1) for the slots
 * that the last records say so of; explicitly opened only where that outlives
 * the stop; with JR_ACTIVATE before these, for the realms that it says anything
 * of (slot: the realm, value: its active domain); and with JR_BAD
 * (journal_bad_value()) for each range; NULL: @state is all that is wanted.
 */
int journal_load(struct store *st, const char *name, const struct zone_geo *geo,
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

/* What hosts are owed, as it is now.  As journal_append(), without a sync. */
int journal_owed(struct disk *d);

/*
 * Tells of an activation that has no unmet prerequisite, durably, and applies
 * it to the disk's zones (@to: see zone_activation_apply()), so that whoever
 * rewrites the file has either all of it or nothing.  It is one record, so that
 * it happens as a whole or not at all; one that restores has a record for each
 * run of realms that change, and power that fails may leave it half done.
 * -errno: nothing has changed, and the next opening will not find it changed
 * either, unless nothing can be written any more.  Takes disk->lock.
 */
int journal_activate(struct disk *d, const struct zone_activation *a,
		     const uint8_t *to);

/* JR_ACTIVATE: so many realms from the record's on, of those that have zones in
 * the domain @named (UINT8_MAX: any), become active in @domain if they have
 * zones there. */
static inline uint64_t journal_activate_value(uint32_t count, uint8_t named,
					      uint8_t domain)
{
	return (uint64_t)count << 32 | (uint64_t)named << 8 | domain;
}

/* JR_CONTROL; never 0. */
static inline uint64_t journal_control_value(const struct disk_control *c)
{
	return (uint64_t)c->nr_zones << 32 | (uint64_t)c->max_activation << 16 |
	       (c->urswrz ? 3 : 2);
}

static inline struct disk_control journal_control(uint64_t value)
{
	return (struct disk_control){
		.nr_zones = (uint32_t)(value >> 32),
		.max_activation = (uint16_t)(value >> 16),
		.urswrz = value & 1,
	};
}

/* So long hosts may send again what a machine that is gone had under way:
 * initiators look for its address until it is here (Linux' iSCSI for 120 s
 * before it fails what was under way), and log in anew. */
#define JOURNAL_GRACE_S 180

/* JR_OWED: whether hosts are to be told of a power loss, and until when
 * (seconds since 1970; 0: not) they may send again what a machine that is gone
 * had under way. */
static inline uint64_t journal_owed_value(bool power, uint32_t grace_end_s)
{
	return (uint64_t)grace_end_s << 32 | power;
}

/* JR_BAD: one more range of blocks, or, empty, none any longer but those of so
 * many records that follow. */
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

#endif
