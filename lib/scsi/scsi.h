/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A logical unit of device type 14h (host-managed zoned block device), or 00h
 * (host-aware), over a disk: CDBs and data in, data, status and sense out.
 * SPC-5, SBC-4, ZBC-2.
 *
 * Rules that hold everywhere here:
 * - A command is untrusted: any CDB, any buffer length.  Everything is checked
 *   here, once; what comes out is either done or refused with exact sense data.
 * - Nothing in scsi_begin() blocks, but for what disk_try() says of itself.
 *   What may block is left for scsi_run().
 * - Several threads may run commands of one unit side by side.
 */
#ifndef ZL_SCSI_SCSI_H
#define ZL_SCSI_SCSI_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "disk/disk.h"

struct scsi_unit;
struct scsi_op;

/* Status codes (SAM-5 table "Status codes"). */
enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_CONDITION_MET = 0x04,
	SCSI_BUSY = 0x08,
};

#define SCSI_SENSE_MAX 96 /* room for sense data in a command */

struct scsi_cmd {
	/* Set by the caller; stay until the command is done. */
	const uint8_t *cdb;
	size_t cdb_len; /* bytes readable at cdb */
	/* The data-in or data-out buffer, scattered; which of the two it is,
	 * the CDB says.  May be empty.  Written to in either case. */
	const struct iovec *iov;
	size_t iov_cnt;
	/* Called once by scsi_run(), perhaps before it returns, on any thread;
	 * never by scsi_begin(). */
	void (*done)(struct scsi_cmd *cmd);
	void *user;

	/* Set when the command is done.  Fixed or descriptor format, as D_SENSE
	 * says; sense_len is 0 with GOOD.  What of the buffer is not data-in is
	 * zeroed, with any status, also if it was data-out. */
	enum scsi_status status;
	uint8_t sense[SCSI_SENSE_MAX];
	size_t sense_len;
	size_t data_in_bytes; /* bytes of data-in, zeroed rest not counted */

	/* The unit's own. */
	struct scsi_unit *unit;
	const struct scsi_op *op;
	size_t buf_bytes;
	uint64_t lba;
	uint32_t nr_blocks;
	uint8_t lba_at; /* byte of the CDB's LBA or ZONE ID field */
	uint8_t nr_at;	/* … and of its transfer length field */
	bool fua;
	uint8_t bytchk; /* BYTCHK of VERIFY and WRITE AND VERIFY */
	uint32_t stage; /* of a command that takes several I/Os */
	/* MODE SELECT: what it changes, as lib/scsi/mode.c encodes values. */
	uint64_t mode_values, mode_mask;
	bool sp; /* … SAVE PAGES */
	/* … and what it makes of the zoned block device control page. */
	struct disk_control control;
	bool has_control;
	void *mem; /* freed when the command is done */
	/* After a successful I/O.  False: another one is under way. */
	bool (*then)(struct scsi_cmd *cmd);
	bool to_sync;	    /* the I/O is over, but the command is not */
	unsigned power_ons; /* the unit's when the command came */
	struct disk_io io;
};

enum scsi_next {
	SCSI_DONE, /* status, sense and data are there */
	SCSI_RUN,  /* checked; call scsi_run() */
};

struct scsi_unit_args {
	const char *vendor;	  /* ≤ 8 ASCII characters; NULL: "ZLOOP" */
	const char *product;	  /* ≤ 16; NULL: "zoned disk" */
	const char *revision;	  /* ≤ 4; NULL: from the version */
	uint32_t max_xfer_blocks; /* MAXIMUM TRANSFER LENGTH of VPD B0h;
				     0 = not reported, not enforced */
};

/* Makes a unit over an open disk, which must outlive it.  0 or -ENOMEM. */
int scsi_unit_new(struct disk *disk, const struct scsi_unit_args *args,
		  struct scsi_unit **unit);
/* Before the last commands are waited for: what is delayed or would take hours
 * (an injected delay, a SANITIZE, a self-test) ends soon.  None begins after
 * this. */
void scsi_unit_hurry(struct scsi_unit *unit);
/* Waits for a FORMAT UNIT under way, and for a SANITIZE to give up: it has
 * failed then, also when a unit is made again. */
void scsi_unit_free(struct scsi_unit *unit);

/* Whether no command has come yet, so that nobody knows what the unit is. */
bool scsi_is_unused(const struct scsi_unit *unit);

/* Whether the write cache is on (WCE). */
bool scsi_write_cache(const struct scsi_unit *unit);

/*
 * Switches it off, as MODE SELECT without SP does: what it holds is made
 * durable, and the daemon's death does not switch it on.  For a unit that is
 * not used; may block.  0, or -EIO: it is off, but one of the two failed.
 */
int scsi_write_cache_off(struct scsi_unit *unit);

/*
 * Decodes and checks a command, and carries it out if it cannot block: all but
 * media access, cache and zone management commands, and of those READ and WRITE
 * where disk_try() can.
 */
enum scsi_next scsi_begin(struct scsi_unit *unit, struct scsi_cmd *cmd);

/*
 * A command that scsi_begin() has carried out has been answered: who is told so
 * after the process's death knows that it will not come again.  Not needed, and
 * allowed, for all others; before scsi_begin() is called with it anew.
 */
void scsi_answered(struct scsi_cmd *cmd);

/* Carries out what scsi_begin() left.  Comes back through cmd->done(). */
void scsi_run(struct scsi_cmd *cmd);

/*
 * In place of scsi_run(): the command is forgotten, as if it had never come,
 * and what it held is released.  done() is not called, the buffers, which may
 * be another command's by now, are not touched.
 */
void scsi_drop(struct scsi_cmd *cmd);

#endif
