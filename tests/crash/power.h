/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What a disk promises over a power failure, as a model beside the disk: what
 * must be there, and what may be there since it was never made safe.  See
 * docs/promises.md.
 */
#ifndef TESTS_CRASH_POWER_H
#define TESTS_CRASH_POWER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "disk/internal.h"
#include "disk/io/io.h"
#include "stores/crash.h"

/* Who builds power.c may have another disk. */
#ifndef PW_ZONE
#define PW_ZONE	    32u /* blocks */
#define PW_ZONES    8u
#define PW_CONV	    2u
#define PW_MAX_OPEN 3u
#endif
#define PW_BLOCK     512u
#define PW_BLOCKS    (PW_ZONES * PW_ZONE)
#define PW_MAX_WRITE (PW_ZONE / 4) /* blocks */

/* What a block has: the number of the write that wrote it, or these. */
#define PW_ZEROS   0u
#define PW_GARBAGE UINT32_MAX

struct pw_zone {
	uint32_t wp;	   /* as acknowledged */
	uint32_t safe_wp;  /* as it was when the zone was last made safe */
	uint32_t maybe_wp; /* that may be safe as well */
	uint32_t max_wp;   /* since then, before a reset … */
	uint32_t max_wp2;  /* … and after it */
	bool reset;	   /* has been reset since */
	bool exp_open;
	bool read_only, maybe_read_only;
	/* Host-aware: written out of order, as acknowledged or only tried. */
	bool non_seq, maybe_non_seq;
};

struct pw_block {
	uint32_t now;	/* as acknowledged */
	uint32_t safe;	/* when it was last made safe */
	uint32_t maybe; /* that may be safe as well */
	uint32_t since; /* later writes have higher numbers */
};

/* A disk and its model.  One write's number follows the other. */
struct power {
	struct disk *disk;
	struct store *store;
	/* Runs power_step()'s commands on a disk that is elsewhere; then @disk
	 * is NULL and no zone turns READ ONLY.  NULL: disk_run(). */
	enum disk_status (*run)(struct power *p, struct disk_io *io);
	uint64_t rng;
	uint32_t writes;
	struct pw_zone zone[PW_ZONES];
	struct pw_block block[PW_BLOCKS];
	uint32_t phys_blocks;
	bool host_aware;
	/* Whether the power is gone: then results mean nothing.  Asked after
	 * each command, when the model knows what it may have done and not yet
	 * that it has. */
	bool (*is_off)(struct power *p);
	void *user;
	uint8_t buf[PW_ZONE * PW_BLOCK];
	char last[64]; /* the last operation, for messages */
};

/* An empty disk's model. */
void power_init(struct power *p, uint64_t seed);

/* A number below @n. */
uint32_t power_random(struct power *p, uint32_t n);

/* One random command: WRITE, READ with FUA, SYNCHRONIZE CACHE, RESET, FINISH,
 * OPEN, CLOSE or a zone that turns READ ONLY; fails the test if the result is
 * wrong. */
void power_step(struct power *p);

/* Everything acknowledged is safe now. */
void power_all_safe(struct power *p);

/* The disk has exactly what was acknowledged: the power did not fail. */
void power_assert_unchanged(struct power *p);

/*
 * The power has failed: whatever was promised is there, and what is there was
 * written.  The model then goes on from what is there.
 */
void power_assert_promises(struct power *p);

/* … and nothing else is there. */
void power_assert_only_safe(struct power *p);

/* Writes to every zone and makes it safe: none is lost. */
void power_use_all(struct power *p);

/* The sidecar of the tests' disk, in the state "creating": opening it with
 * may_make makes the disk. */
void power_sidecar(struct power *p, struct store *st);

/* Another boot of the machine, for the journal. */
void power_new_boot(void);

#endif
