/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A unit over a disk in memory, and commands for it.  Every buffer is scattered
 * over odd pieces between guard bytes, so that a byte too many shows.
 */
#ifndef ZL_TESTS_SCSI_RIG_H
#define ZL_TESTS_SCSI_RIG_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"
#include "stores/fault.h"
#include "stores/mem.h"

#define MIB_BLOCKS 2048u /* blocks of 512 bytes in a zone of 1 MiB */

struct rig {
	struct store_mem *mem;
	struct store *fault; /* the fault-injecting store on top of it */
	struct disk *disk;
	struct scsi_unit *unit;
	struct disk_opts opts;
	/* Of the last command. */
	struct scsi_cmd cmd;
	uint8_t *data; /* its buffer as it is afterwards */
	size_t len;
	bool ran; /* scsi_begin() left it to scsi_run() */
	/* What is left to scsi_run() goes to scsi_drop() instead. */
	bool drop;
};

/* Makes a disk; @opts as in the kernel's option string.  They are given at each
 * opening again. */
void rig_start(struct rig *rig, const char *opts);
void rig_start_args(struct rig *rig, const char *opts,
		    const struct scsi_unit_args *args);
void rig_stop(struct rig *rig);

/*
 * For a file whose tests each have a disk of their own, in `rig`, with these
 * options: start() and stop(), and T(), a test's row in its table.
 */
#define RIG_EACH(opts)                 \
	static struct rig rig;         \
                                       \
	static int start(void **state) \
	{                              \
		(void)state;           \
		rig_start(&rig, opts); \
		return 0;              \
	}                              \
                                       \
	static int stop(void **state)  \
	{                              \
		(void)state;           \
		rig_stop(&rig);        \
		return 0;              \
	}
#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

/*
 * Closes and opens again with the files of two slots damaged in between
 * (UINT32_MAX: none): one is gone (OFFLINE), the other too long (READ ONLY).
 */
void rig_damage(struct rig *rig, uint32_t offline_slot,
		uint32_t read_only_slot);

/* All that was not flushed goes. */
void rig_fail_power(struct rig *rig);

/* The process dies, and another one opens the disk. */
void rig_die(struct rig *rig);

/*
 * On a disk of 12 MiB with zones of 1 MiB, two of them conventional: zones in
 * every condition that commands and damaged files lead to.  Sequential zone 1
 * is implicitly open, 2 explicitly, 3 closed, 4 full, 6 read-only, 7 offline;
 * the others are empty.
 */
void rig_make_conditions(struct rig *rig);

/*
 * Runs a command with a buffer of @len bytes, which holds @out first (NULL:
 * A5h bytes).  Fails the test if a guard byte was changed, if done() was not
 * called just so, if sense data and status do not agree, or if what is not
 * data-in is not zeroed.
 */
void rig_cmd(struct rig *rig, const uint8_t *cdb, size_t cdb_len,
	     const void *out, size_t len);

/* The CDB as a list of bytes, filled up with zeros to 32. */
#define CMD(rig, out, len, ...)                                    \
	rig_cmd(rig, (const uint8_t[SCSI_CDB_MAX]){ __VA_ARGS__ }, \
		SCSI_CDB_MAX, out, len)

/* 16-byte CDBs of media and zone commands. */
void rig_rw(struct rig *rig, uint8_t opcode, uint64_t lba, uint32_t nr,
	    const void *out, size_t len);
void rig_zone(struct rig *rig, uint8_t sa, uint64_t zone_id);
void rig_zone_all(struct rig *rig, uint8_t sa);
/* Writes @nr blocks, each filled with the low byte of its LBA plus 1. */
void rig_write(struct rig *rig, uint64_t lba, uint32_t nr);
/* REPORT ZONES. */
void rig_report(struct rig *rig, uint64_t lba, uint8_t byte_14, uint32_t alloc,
		size_t len);

void check_good(const struct rig *rig);
/* GOOD with exactly these bytes. */
void check_data(const struct rig *rig, const void *want, size_t want_len);
/* CHECK CONDITION with nothing but a code. */
void check_sense(const struct rig *rig, uint32_t code);
/* INVALID FIELD IN CDB (or PARAMETER LIST) with this pointer. */
void check_bad_cdb(const struct rig *rig, unsigned byte, int bit);
void check_bad_param(const struct rig *rig, unsigned byte, int bit);
/* LOGICAL BLOCK ADDRESS OUT OF RANGE; @lba, the first that is, is INFORMATION
 * if it has room there. */
void check_range(const struct rig *rig, uint64_t lba);
/* A medium error with INFORMATION. */
void check_medium(const struct rig *rig, uint32_t code, uint32_t lba);

/* Condition and write pointer of the zone that starts at @lba. */
void check_zone(struct rig *rig, uint64_t lba, enum zone_cond cond,
		uint64_t wp_lba);

/* Seeded pseudo-random numbers (xorshift64*). */
struct rnd {
	uint64_t s;
};
uint64_t rnd_next(struct rnd *r);
uint64_t rnd_below(struct rnd *r, uint64_t n);

#endif
