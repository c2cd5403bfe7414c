/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Faults to inject: what they are, which I/O each meets, and their text form.
 * Data and matching only: no locks (the caller serialises calls for one list),
 * no I/O.  faults.c makes a disk suffer them.
 */
#ifndef ZL_DISK_INJECT_H
#define ZL_DISK_INJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "zone/zone.h"

struct json_object;

enum inject_kind {
	INJECT_READ_ERROR,    /* MEDIUM ERROR at the first block of the range
				 that is read */
	INJECT_WRITE_ERROR,   /* MEDIUM ERROR; written_blocks of the write
				 reach the medium, and the write pointer
				 stands behind them */
	INJECT_DELAY,	      /* the command waits for delay_ms first */
	INJECT_BUSY,	      /* status BUSY, nothing done */
	INJECT_NO_RESOURCES,  /* INSUFFICIENT ZONE RESOURCES for what would
				 open a zone */
	INJECT_BACKING_ERROR, /* a call of the store fails with an errno */
	/* What a zone is rather than what happens: not in a list. */
	INJECT_READ_ONLY,
	INJECT_OFFLINE,
	INJECT_RESET_RECOMMENDED, /* zone attribute */
	INJECT_PREDICTED_ERRORS,  /* zone attribute PUEP */
	INJECT_NR,
};

/* Which commands or, for INJECT_BACKING_ERROR, calls of the store. */
enum inject_op {
	INJECT_OP_ANY,
	INJECT_OP_READ,
	INJECT_OP_WRITE,
	INJECT_OP_SYNC,
	INJECT_OP_ZONE,	  /* commands: OPEN, CLOSE, FINISH, RESET */
	INJECT_OP_RESET,  /* calls of the store … */
	INJECT_OP_FINISH, /* … */
	INJECT_OP_CUT,	  /* … that takes back a failed write */
	INJECT_OP_NR,
};

#define INJECT_ALWAYS UINT64_MAX

struct inject_fault {
	uint32_t id; /* given by inject_add(); 0 = a zone's state */
	enum inject_kind kind;
	enum inject_op op; /* DELAY, BUSY, BACKING_ERROR */
	/* Logical blocks; nr_blocks UINT64_MAX: to the end of the disk. */
	uint64_t lba, nr_blocks;
	uint64_t count; /* how many more times; INJECT_ALWAYS */
	uint64_t hits;	/* how many times so far */
	uint32_t written_blocks;
	uint32_t delay_ms;
	int error; /* errno */
	bool persistent;
};

#define INJECT_MAX 256 /* faults of a disk */

struct inject_list {
	struct inject_fault faults[INJECT_MAX];
	unsigned nr;
	uint32_t last_id;
};

/* Whether the kind is a zone's state and not a member of a list. */
static inline bool inject_is_state(enum inject_kind kind)
{
	return kind >= INJECT_READ_ONLY;
}

/* … an attribute. */
static inline bool inject_is_attr(enum inject_kind kind)
{
	return kind == INJECT_RESET_RECOMMENDED ||
	       kind == INJECT_PREDICTED_ERRORS;
}

/* Adds a copy and returns its id, or 0 when the list is full; a fault that is
 * used up makes room. */
uint32_t inject_add(struct inject_list *list, const struct inject_fault *fault);

/* False: there is no such fault. */
bool inject_remove(struct inject_list *list, uint32_t id);

/* NULL: there is no such fault. */
const struct inject_fault *inject_find(const struct inject_list *list,
				       uint32_t id);

/* Faults that can still happen. */
unsigned inject_live(const struct inject_list *list);

/*
 * The first fault of @kind that meets @op on [lba, lba + nr_blocks) (nr_blocks
 * 0: the whole disk), or NULL.  Counts it as happened.
 */
const struct inject_fault *inject_match(struct inject_list *list,
					enum inject_kind kind,
					enum inject_op op, uint64_t lba,
					uint64_t nr_blocks);

/*
 * The text form, see docs/control-protocol.md.  parse: a JSON object; refuses
 * with a sentence what is unknown, missing or out of bounds (-EINVAL), and a
 * zone that a disk of @geo does not have (-ERANGE); NULL: no zone is known.
 * format: a new object, or NULL for want of memory.
 */
int inject_parse(struct json_object *o, const struct zone_geo *geo,
		 struct inject_fault *fault, struct zl_err *err);
/* The blocks of a zone, by its number; -ERANGE with a sentence. */
int inject_zone(const struct zone_geo *geo, uint64_t zone, uint64_t *lba,
		uint64_t *nr_blocks, struct zl_err *err);
struct json_object *inject_format(const struct inject_fault *fault);

/* "read-error", … */
const char *inject_kind_name(enum inject_kind kind);
/* The names of all kinds, NULL at the end (the command's help). */
extern const char *const inject_kind_names[INJECT_NR + 1];

#endif
