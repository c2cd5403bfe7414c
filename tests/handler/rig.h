/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * handler_zloop.so in the stand-in for tcmu-runner, with a directory of the
 * test's own.
 */
#ifndef ZL_TESTS_HANDLER_RIG_H
#define ZL_TESTS_HANDLER_RIG_H

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
#include "tests/runner/runner.h"

/* The usual disk: 32 zones of 1 MiB, 4 of them conventional. */
#define RIG_CFG	    "zone_size_mb=1/conv_zones=4@$/d"
#define RIG_ZONES   32u
#define RIG_CONV    4u
#define RIG_BYTES   (RIG_ZONES * ZL_MIB)
#define ZONE_BLOCKS 2048u
#define ZONE(n)	    ((uint64_t)(n)*ZONE_BLOCKS)

struct rig {
	/* Empty but for "d", which is empty; later "run" has the sockets. */
	char dir[128];
	struct tcmu_device *dev;
};

/* cmocka's fixtures: *state is a struct rig. */
int rig_setup(void **state);	 /* no device */
int rig_setup_dev(void **state); /* with the usual disk */
int rig_teardown(void **state);	 /* removes the device if there is one */

struct runner_handler *rig_handler(void);

/* @text with the rig's directory for each $; valid for some calls. */
const char *rig_text(const struct rig *rig, const char *text);
void rig_shell(const struct rig *rig, const char *command);

/* A device with this cfgstring ($, without "zloop/"); runner_add()'s result. */
int rig_add(struct rig *rig, const char *cfg, uint64_t size_bytes);
int rig_add_params(struct rig *rig, const char *cfg,
		   struct runner_dev_params *params);
/* The same straight to open(), without the daemon's check_config before. */
int rig_add_unchecked(struct rig *rig, const char *cfg,
		      struct runner_dev_params *params);
void rig_remove(struct rig *rig);

/* The log has a line of @level or worse with this ($; NULL: any) in it. */
bool rig_logged(const struct rig *rig, int level, const char *part);
/*
 * What the log says, put together again where a sentence goes on in the next
 * line.  To be freed.
 */
char *rig_log(void);
void assert_logged(const struct rig *rig, const char *sentence);

/* Status; the sense data are in rig_sense. */
extern uint8_t rig_sense[RUNNER_SENSE_BYTES];
int rig_exec(struct rig *rig, const uint8_t *cdb, size_t cdb_len,
	     enum runner_dir dir, void *data, size_t len);
#define CDB(...)            \
	(const uint8_t[])   \
	{                   \
		__VA_ARGS__ \
	}

void cdb_rw(uint8_t cdb[16], uint8_t opcode, uint64_t lba, uint32_t blocks);
void cdb_zone(uint8_t cdb[16], uint8_t sa, uint64_t lba, bool all);
int rig_write(struct rig *rig, uint64_t lba, uint32_t blocks, const void *data);
int rig_read(struct rig *rig, uint64_t lba, uint32_t blocks, void *data);
int rig_zone(struct rig *rig, uint8_t sa, uint64_t lba, bool all);

enum {
	SA_CLOSE = 1,
	SA_FINISH = 2,
	SA_OPEN = 3,
	SA_RESET = 4
};

struct rig_zone_info {
	uint8_t type, cond;
	uint64_t blocks, start, wp;
};
void rig_report(struct rig *rig, uint64_t lba, struct rig_zone_info *info);

/* The last command's sense key, code and qualifier, as 0xKKAAQQ. */
uint32_t rig_sense_code(void);

/* Bytes that say which block they are. */
void fill(uint8_t *data, uint64_t lba, uint32_t blocks, uint32_t tag);
void assert_filled(const uint8_t *data, uint64_t lba, uint32_t blocks,
		   uint32_t tag);

/* xorshift64* */
uint64_t rnd(uint64_t *seed);
static inline uint32_t rnd_below(uint64_t *seed, uint32_t n)
{
	return (uint32_t)(rnd(seed) % n);
}

#endif
