/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The faults that an open disk suffers (see inject.h).  Nothing here is called
 * for an I/O while no fault is armed, but disk_has_faults().
 */
#ifndef ZL_DISK_FAULTS_H
#define ZL_DISK_FAULTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "disk/inject.h"
#include "store/store.h"

struct disk;
struct disk_io;

#define DISK_FAULTS "zloop.faults" /* the persistent ones, as JSON */

struct disk_faults {
	atomic_uint armed; /* faults that can still happen */
	/* Guards the rest; never held over anything but the file's I/O. */
	pthread_mutex_t lock;
	struct inject_list list;
	uint64_t injected;
	struct zl_limit log_limit;
	bool file;   /* there is a file DISK_FAULTS */
	bool behind; /* … that could not be brought up to date */
	/* The I/Os that wait, the first due first, and who wakes them. */
	struct disk_io *delayed;
	pthread_cond_t more;
	pthread_t thread;
	bool has_thread, stop;
	bool no_delays; /* the disk is to be closed */
};

/* At disk_start() and disk_stop(); load: the persistent faults.  No I/O is
 * under way. */
void faults_init(struct disk_faults *fs);
void faults_stop(struct disk *d);
void faults_load(struct disk *d);
/* Writes the file of the persistent faults.  With the lock. */
int faults_save(struct disk *d);
/* Before an orderly end: once more, if that failed. */
void faults_settle(struct disk *d);

/* An I/O's run() while faults are armed: meets them, or goes on as usual. */
void faults_run(struct disk_io *io);

/* I/Os that wait for a delay which is no longer in the list go on.  With the
 * lock. */
void faults_let_go(struct disk_faults *fs);

/* A fault for a call of the store: its -errno, or 0. */
int faults_store_error(struct disk *d, const struct store_req *req);

#endif
