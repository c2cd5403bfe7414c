/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The faults that an open disk suffers (see inject.h).  Nothing here is called
 * for an I/O while no fault is armed, but disk_has_faults().
 */
#ifndef ZL_DISK_FAULTS_FAULTS_H
#define ZL_DISK_FAULTS_FAULTS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "disk/inject.h"
#include "store/store.h"

struct disk;
struct io;

#define DISK_FAULTS "zloop.faults" /* the persistent ones, as JSON */

/* What the I/O's wing asks of this one, which it does not know. */
struct fault_hooks {
	/* An I/O's run() while faults are armed: meets them, or goes on as
	 * usual. */
	void (*run)(struct io *io);
	/* A fault for a call of the store: its -errno, or 0. */
	int (*store_error)(struct disk *d, const struct store_req *req);
	/* attrs_zone_was_reset(), faults_settle() */
	void (*zone_was_reset)(struct disk *d, uint32_t slot);
	void (*settle)(struct disk *d);
};

struct disk_faults {
	const struct fault_hooks *hooks;
	atomic_uint armed; /* faults that can still happen */
	/* Changed under the lock, and read without: what only counts does not
	 * wait for I/O. */
	_Atomic uint64_t injected;
	/* Guards the rest; never held over anything but the file's I/O. */
	pthread_mutex_t lock;
	struct inject_list list;
	struct zl_limit log_limit;
	bool file;   /* there is a file DISK_FAULTS */
	bool behind; /* … that could not be brought up to date */
	/* Attributes of each slot that are to persist; NULL: none. */
	uint8_t *kept;
	atomic_bool has_kept; /* … ever since it was opened */
	/* The I/Os that wait, the first due first, and who wakes them. */
	struct io *delayed;
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
/* faults_file.c: writes the file of the persistent faults.  With the lock. */
int faults_save(struct disk *d);
/* Once more, if that failed or attributes went. */
void faults_settle(struct disk *d);

static inline uint8_t attr_bits(enum inject_kind kind)
{
	return kind == INJECT_PREDICTED_ERRORS ? ZA_PUEP : ZA_RESET;
}

/*
 * faults_attrs.c: attributes that are to persist, of slots from @first to
 * @last. take: with the lock, in memory only.  keep: in the file, or -errno and
 * as before.  forget: all of them; -errno: the file still has them.
 */
int attrs_take(struct disk *d, const struct inject_fault *f, uint32_t first,
	       uint32_t last);
int attrs_keep(struct disk *d, const struct inject_fault *f, uint32_t first,
	       uint32_t last);
int attrs_forget(struct disk *d, uint32_t first, uint32_t last);
bool attrs_are_kept(struct disk *d, uint32_t slot, uint8_t bits);
void attrs_drop(struct disk_faults *fs);
/* RESET persists no longer: faults_settle() before the command is over. */
void attrs_zone_was_reset(struct disk *d, uint32_t slot);

/* I/Os that wait for a delay which is no longer in the list go on.  With the
 * lock. */
void faults_let_go(struct disk_faults *fs);
#endif
