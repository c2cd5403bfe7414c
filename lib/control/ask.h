/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What an open disk can be asked on its control socket, a call for each request
 * of docs/control-protocol.md.
 *
 * Rules that hold everywhere here:
 * - A call returns 0, -ENOENT without a sentence when nobody serves the disk,
 *   -EPROTO with the reply's sentence when it says no, or another -errno with a
 *   sentence.  It waits up to some seconds for each line that comes.
 * - Whoever answers may be older or newer: what a reply does not have is 0.
 * - Any thread.
 */
#ifndef ZL_CONTROL_ASK_H
#define ZL_CONTROL_ASK_H

#include <stdint.h>

#include "control/control.h"
#include "disk/activity.h"
#include "disk/medium/counters.h"

/* Who is asked: the socket of the disk with this serial number (NULL: nobody),
 * or a disk that is open here, which answers as if it had one. */
struct control_peer {
	const char *serial;
	struct disk *disk; /* NULL: the socket */
};

#define CONTROL_NR_CONDS 16

struct control_domain {
	struct zone_domain_info info;
	uint64_t active_realms;
};

struct control_info {
	char serial[DISK_SERIAL_LEN + 1];
	char dir[256];
	uint64_t capacity_bytes, zone_bytes, block_bytes;
	uint64_t max_open; /* 0: no limit */
	uint64_t nr_cond[CONTROL_NR_CONDS];
	unsigned nr_domains; /* 0: neither domains nor realms */
	struct control_domain domains[ZONE_MAX_DOMAINS];
	char job[16]; /* work on the whole disk, "": none */
	unsigned job_percent;
	char fenced[256]; /* why, "": it is not */
	struct disk_stats stats;
	struct disk_activity activity;
};

/* @reply: also the reply as it came, for the caller to put; or NULL. */
int control_info(const char *serial, struct control_info *info,
		 struct json_object **reply, struct zl_err *err);
/* Whether who serves that serial number has surely another directory than @dir:
 * one of them is a copy of the other. */
bool control_has_other(const char *serial, const char *dir);
/* The counters for good alone. */
int control_stats(const char *serial, struct disk_stats *stats,
		  struct zl_err *err);

/* All but open_zones: since the disk was opened. */
struct control_sample {
	uint64_t open_ms;
	uint64_t reads, read_bytes;
	uint64_t writes, written_bytes;
	uint64_t failed;
	uint64_t open_zones;
};

#define CONTROL_MAX_SAMPLES 1024

/* @samples: *nr of them, for the caller to free. */
int control_history(const char *serial, struct control_sample **samples,
		    unsigned *nr, struct zl_err *err);

typedef bool control_zone_fn(void *user, const struct zone_info *zone);

/* Calls @fn for each zone from the one that contains @lba on, in order, until
 * it returns false. */
int control_zones(const char *serial, uint64_t lba, control_zone_fn *fn,
		  void *user, struct zl_err *err);
/* … for the first @count that are open, at most CONTROL_MAX_ZONES. */
int control_open_zones(const char *serial, uint64_t count, control_zone_fn *fn,
		       void *user, struct zl_err *err);

typedef bool control_realm_fn(void *user, const struct zone_realm_info *realm);

/* Calls @fn for each realm from @first on, in order, until it returns false. */
int control_realms(const char *serial, uint32_t first, control_realm_fn *fn,
		   void *user, struct zl_err *err);

struct control_activation {
	bool all; /* else the realms from first to last */
	uint32_t first, last;
	uint8_t domain;
	bool query; /* nothing is to change */
	/* Set by the call. */
	bool activated;
	char unmet[128];    /* words with commas between them; "": none */
	uint64_t unmet_lba; /* UINT64_MAX: none */
	uint64_t realms;    /* that have changed, or would */
};

/* ZONE ACTIVATE or ZONE QUERY.  0 also with an unmet prerequisite. */
int control_activate(const struct control_peer *to,
		     struct control_activation *activation, struct zl_err *err);

/* @seed: UINT64_MAX for all that was not flushed.  @zones: of how many
 * something was taken back. */
int control_powerfail(const char *serial, uint64_t seed, uint64_t *zones,
		      disk_progress_fn *progress, void *user,
		      struct zl_err *err);

/* Completes the snapshot that snapshot_begin() has begun, see
 * disk/snapshot.h; @record: the log's file, or NULL. */
int control_snapshot(const char *serial, const char *name, const char *record,
		     struct zl_err *err);

struct control_record {
	bool on;
	char file[4096]; /* "": nothing ever was */
	char why[256];	 /* it ended */
	uint64_t records, bytes, marks;
};

int control_record_status(const char *serial, struct control_record *record,
			  struct zl_err *err);
int control_record_stop(const char *serial, struct control_record *record,
			struct zl_err *err);
/* @point: its number in the log, see replay/replay.h. */
int control_record_mark(const char *serial, const char *text, uint64_t *point,
			struct zl_err *err);

/* Faults are JSON objects as the protocol has them, which inject_parse() reads.
 * @id: 0 for a zone's state. */
int control_fault_add(const struct control_peer *to, struct json_object *fault,
		      uint64_t *id, struct zl_err *err);
/* @faults: an array, for the caller to put; @left_out: how many more there are.
 */
int control_fault_list(const struct control_peer *to,
		       struct json_object **faults, uint64_t *left_out,
		       struct zl_err *err);
/* @where: the members of "inject-clear". */
int control_fault_clear(const struct control_peer *to,
			struct json_object *where, struct zl_err *err);
/* The disk is to be removed: no command waits for an injected delay any more.
 */
int control_end_delays(const char *serial, struct zl_err *err);

#endif
