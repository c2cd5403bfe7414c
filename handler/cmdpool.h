/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Commands in flight: reused, so that none is allocated once as many as the
 * initiators keep in flight have been made.  Any thread.
 */
#ifndef ZLOOP_CMDPOOL_H
#define ZLOOP_CMDPOOL_H

#include <pthread.h>

#include "scsi/scsi.h"

struct unit;
struct tcmur_cmd;

#define CMD_CDB_MAX 264 /* 8 + ADDITIONAL CDB LENGTH of 255, rounded up */

struct cmd {
	struct cmd *next;
	struct unit *unit;
	struct tcmur_cmd *tcmur_cmd;
	uint8_t cdb[CMD_CDB_MAX];
	struct scsi_cmd scsi;
};

struct cmd_pool {
	pthread_mutex_t lock;
	pthread_cond_t all_back;
	struct cmd *free;
	unsigned nr_out; /* taken and not put back */
};

void cmd_pool_init(struct cmd_pool *pool);
/* Waits until all that were taken are back.  Nobody takes one any more. */
void cmd_pool_wait(struct cmd_pool *pool);
/* Frees what is in the pool: nothing is in flight. */
void cmd_pool_free(struct cmd_pool *pool);
/* Returns a command, or NULL when there is no memory. */
struct cmd *cmd_pool_get(struct cmd_pool *pool);
/* The pool, and what it is part of, may be gone as soon as this returns. */
void cmd_pool_put(struct cmd_pool *pool, struct cmd *cmd);

#endif
