/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* A device of the stand-in, shared by runner.c and libtcmu.c. */
#ifndef ZLOOP_TESTS_RUNNER_DEV_H
#define ZLOOP_TESTS_RUNNER_DEV_H

#include "handler/tcmur_abi.h"
#include "ring.h"

#include <pthread.h>
#include <stdatomic.h>

struct runner_handler {
	struct runner_handler *next;
	void *dl;
	struct tcmur_handler *ops;
};

/*
 * The libtcmu part. Set before open and by the handler; no lock, as in
 * libtcmu.
 */
struct lib_dev {
	char name[128];
	char hba_name[16]; /* "user_N" */
	char uio_name[16]; /* "uioN" */
	char cfgstring[4096];
	uint64_t num_lbas;
	uint32_t block_size;
	uint32_t max_xfer_len;
	uint32_t opt_xcopy_rw_len;
	uint32_t max_unmap_len;
	uint32_t opt_unmap_gran;
	uint32_t unmap_gran_align;
	bool write_cache_enabled;
	bool solid_state_media;
	bool unmap_enabled;
	void *private_data;
};

/* configfs, as far as a handler sees it. */
struct cfgfs {
	pthread_mutex_t lock;
	uint64_t size_bytes;
	uint32_t hw_block_size;
	uint32_t hw_max_sectors;
	int control_error;
	bool configured; /* "enable" is 1 */
	int write_cache; /* the attribute emulate_write_cache */
	char wwn[256];
	char **writes;
	unsigned int num_writes;
};

enum slot_state {
	SLOT_FREE,
	SLOT_HANDLE_CMD, /* done is NULL */
	SLOT_CALLED_OUT, /* done is set, tracked */
	SLOT_COMPLETING,
};

/* What the stand-in knows of a command, out of the handler's reach. */
struct slot {
	_Atomic int state;
	_Atomic uint64_t generation; /* counts the commands it had */
	int entry;
	char *mem;
	size_t used_bytes; /* of mem; the rest must stay untouched */
	struct tcmulib_cmd *lib;
	struct tcmur_cmd *cmd;
	int last_status;
	bool last_sync;
	uint8_t cdb[16]; /* as submitted, for messages */
};

struct work {
	struct work *next;
	struct slot *slot;
	int (*fn)(struct tcmu_device *dev, struct slot *slot);
};

#define DEV_LIVE 0x7a6c6976u
#define DEV_GONE 0x7a6c676fu

/*
 * Never freed, so that a completion after close is recognised. What is big
 * goes with the removal.
 *
 * Lock order: work_lock, mailbox, track_lock; none held over a callout.
 */
struct tcmu_device {
	_Atomic uint32_t magic;
	struct tcmu_device *next;
	struct runner_handler *handler;
	struct tcmur_handler *ops;
	void *handler_private;
	struct lib_dev lib;
	struct cfgfs cfgfs;
	int drain_timeout_ms;

	struct runner_ring *ring;
	size_t own_ring_bytes; /* 0: the caller's */

	pthread_mutex_t mailbox; /* slots' free list, ring_post() */
	struct slot *slots;
	char *slot_mem;
	size_t slot_stride;
	uint32_t num_slots;
	uint32_t *free_slots; /* a queue: the longest unused comes first */
	uint32_t free_head;
	uint32_t free_count;

	pthread_mutex_t track_lock;
	pthread_cond_t track_empty;
	unsigned int tracked;
	unsigned int pending_wakeups;
	_Atomic unsigned int completers; /* inside tcmur_cmd_complete() */

	pthread_t command_thread;
	_Atomic bool stopping;
	_Atomic bool busy; /* the command thread is handling one */
	bool stopped;
	_Atomic unsigned int pending_uas;

	_Atomic bool cancel_in_batch; /* runner_remove_in_batch() */
	_Atomic bool hold;
	sem_t held;
	_Atomic uint32_t releases;

	pthread_t *workers;
	pthread_mutex_t work_lock;
	pthread_cond_t work_cond;
	struct work *work_head;
	struct work **work_tail;

	_Atomic uint64_t batches;
	_Atomic uint64_t sync;
	_Atomic uint64_t async;
	_Atomic uint64_t kicks;
	_Atomic unsigned int notified;
};

/* The device whose configfs or uio folder @path is in, or NULL. */
struct tcmu_device *dev_by_path(const char *path, const char **rest);

/* A write to the control file. */
void cfgfs_record(struct tcmu_device *dev, const char *text, size_t len);

/* ---- cmd.c: commands and their completion ---- */

void slots_make(struct tcmu_device *dev);
/* Aborts when a command's memory was written after its completion. */
void slots_free(struct tcmu_device *dev);
/* Aborts, naming a command that the handler still has; @when: "at close". */
void slots_abort_if_open(struct tcmu_device *dev, const char *when);
/* Fetches and handles all that was submitted, then kicks if need be. */
void run_batch(struct tcmu_device *dev);
int track_wait_empty(struct tcmu_device *dev, int timeout_ms);

int workers_start(struct tcmu_device *dev);
void workers_cancel(struct tcmu_device *dev);
void workers_free(struct tcmu_device *dev);

/* The SAM status that @sts ends as; sets sense data where libtcmu does. */
uint8_t sts_to_scsi(int sts, uint8_t *sense);
/* May a command end with @sts? */
bool sts_completes(int sts);

#endif
