/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A stand-in for tcmu-runner 1.5.4 and for the kernel's side of its ring: it
 * loads an unmodified handler_*.so and feeds it commands, in one process,
 * without root. It follows the daemon's order of events (tcmur_cmd_handler.c,
 * tcmur_aio.c, main.c) and ABORTS, naming the command, when the handler
 * breaks a rule that the daemon would answer with a crash or with silence.
 *
 * Rules that hold everywhere
 * - Functions return 0 or -errno unless they say otherwise.
 * - Lengths are bytes. Status is SAM's (00h GOOD, 02h CHECK CONDITION, 08h
 *   BUSY, 28h TASK SET FULL).
 * - Everything may be called from any thread, except that a device must not
 *   be used by others while runner_remove() takes it away.
 * - Commands, their data and the completions live in a ring, optionally in
 *   memory shared between processes, so that they outlive a killed daemon.
 *
 * What it aborts on ("runner: ABORT: ...", then SIGABRT)
 * - tcmur_cmd_complete() inside handle_cmd (done is NULL there), for a
 *   command completed before, for one that is none, or after close
 * - a callout that reports a failure of a command it has completed
 * - a status that the ABI does not have, or that completes nothing
 * - handle_cmd returning ASYNC_HANDLED with nr_threads 0: no sound way to
 *   complete it is left
 * - NOT_HANDLED for what the daemon would then emulate (INQUIRY, UNMAP, ...)
 * - bytes written outside the command's buffers, or into its memory after
 *   its completion (AddressSanitizer reports the latter, and late reads)
 * - commands that are never completed, at removal
 */
#ifndef ZLOOP_TESTS_RUNNER_H
#define ZLOOP_TESTS_RUNNER_H

#include <semaphore.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNNER_SENSE_BYTES 96
#define RUNNER_CDB_BYTES   264

enum runner_dir {
	RUNNER_NONE,
	RUNNER_IN,
	RUNNER_OUT
};

/* How a command's data lies in the ring's memory. */
enum runner_split {
	RUNNER_WHOLE, /* one iovec, page aligned */
	RUNNER_PAGES, /* an iovec per 4096 bytes, aligned, none adjacent */
	RUNNER_ODD,   /* up to 16 iovecs of odd sizes at odd addresses */
};

/* ---- the ring: the kernel's and the initiator's side ---- */

struct runner_ring_params {
	uint32_t depth;		 /* commands in flight; 0: 128 */
	uint32_t max_data_bytes; /* per command; 0: 1 MiB */
	enum runner_split split;
	uint32_t seed; /* for RUNNER_ODD */
	/*
	 * iovecs point to the caller's data, without copies and guards: for
	 * benchmarks, and only when submitter and handler share a process.
	 */
	bool zero_copy;
};

/* One command, owned by the caller until done() was called. */
struct runner_cmd {
	uint8_t cdb[RUNNER_CDB_BYTES];
	uint16_t cdb_len;
	enum runner_dir dir;
	void *data;
	uint32_t data_len;
	uint64_t tag; /* the caller's, for runner_ring_walk() */
	/*
	 * Called once, by whoever delivers: with submitter and handler in one
	 * process that is the handler's completing thread (as in the kernel),
	 * else the thread in runner_ring_poll(). May submit with
	 * runner_try_submit(), must not wait for other commands.
	 */
	void (*done)(struct runner_cmd *cmd);
	void *user;
	sem_t wait; /* runner_ring_exec()'s own */

	/* Results. All data_len bytes are set: a residual cannot be told. */
	uint8_t status;
	bool dropped; /* libtcmu dropped the opcode: the kernel's time-out */
	bool reset;   /* BUSY from runner_ring_reset() */
	uint8_t sense[RUNNER_SENSE_BYTES]; /* valid for CHECK CONDITION */
};

/* What the ring knows of one command, see runner_ring_walk(). */
enum runner_stage {
	RUNNER_SUBMITTED, /* not seen by the daemon yet */
	RUNNER_FETCHED,	  /* the handler has it */
	RUNNER_POSTED,	  /* completed by the daemon, not yet delivered */
};

struct runner_ring;

/* Bytes of memory that a ring needs. */
size_t runner_ring_bytes(const struct runner_ring_params *params);

/*
 * Makes a ring in @area: page aligned, zeroed, runner_ring_bytes() long;
 * mmap'ed with MAP_SHARED when it is to outlive the process that uses it. All
 * processes must have it at the same address (map it before fork). Returns
 * the ring.
 */
struct runner_ring *runner_ring_init(void *area,
				     const struct runner_ring_params *params);

/* Queues @cmd, waiting while the ring is full. */
void runner_ring_submit(struct runner_ring *ring, struct runner_cmd *cmd);

/* The same without waiting: -EAGAIN when the ring is full. */
int runner_ring_try_submit(struct runner_ring *ring, struct runner_cmd *cmd);

/*
 * Delivers this process's completions, waiting up to @timeout_ms for the
 * first. Returns how many. Not needed when the handler is in this process.
 */
int runner_ring_poll(struct runner_ring *ring, int timeout_ms);

/*
 * Submits and waits. Returns the SAM status, or -ETIMEDOUT after
 * @timeout_ms (0: for ever); then @cmd still belongs to the ring.
 */
int runner_ring_exec(struct runner_ring *ring, struct runner_cmd *cmd,
		     int timeout_ms);

/*
 * What the kernel does when a daemon comes back (facts of target_core_user):
 * delivers what was posted and completes everything else BUSY. No daemon may
 * use the ring meanwhile. Commands of a dead submitter are forgotten.
 * Returns how many were completed BUSY.
 */
int runner_ring_reset(struct runner_ring *ring);

/* Calls @fn for each command in the ring, in the order of submission. */
void runner_ring_walk(struct runner_ring *ring,
		      void (*fn)(void *arg, uint64_t tag,
				 enum runner_stage stage, const uint8_t *cdb,
				 uint8_t status),
		      void *arg);

/* ---- the daemon's side ---- */

struct runner_handler;
struct tcmu_device;

/*
 * Loads a handler as the daemon does: dlopen(RTLD_NOW), handler_init().
 * Returns NULL with a sentence in *@why (to be freed) when that fails.
 * Loading the same file again returns the same handler.
 */
struct runner_handler *runner_load(const char *path, char **why);

const char *runner_subtype(const struct runner_handler *h);
const char *runner_cfg_desc(const struct runner_handler *h);

/* The D-Bus call that targetcli makes. *@reason is to be freed, or NULL. */
bool runner_check_config(struct runner_handler *h, const char *cfgstring,
			 char **reason);

struct runner_dev_params {
	const char *name;      /* NULL: "disk" */
	const char *cfgstring; /* with the subtype; cut to 255 bytes */
	uint64_t size_bytes;
	uint32_t hw_block_size;	 /* 0: 512 */
	uint32_t hw_max_sectors; /* 0: 128 */
	const char *wwn;   /* unit serial; NULL: empty, as during creation */
	int control_error; /* -errno of writes to the control file; 0: none */
	bool configured;   /* the kernel has it: the daemon comes back to it */
	int write_cache;   /* the attribute emulate_write_cache; 0 at first */
	int drain_timeout_ms;		 /* 0: 10,000 */
	struct runner_ring_params ring;	 /* when shared_ring is NULL */
	struct runner_ring *shared_ring; /* reset it after a crash, first */
};

/*
 * Adds a device: check_config (a refusal is -EINVAL, as in the daemon), then
 * open, whose error it returns, then the command thread.
 */
int runner_add(struct runner_handler *h, const struct runner_dev_params *params,
	       struct tcmu_device **dev);

/*
 * Removes it in the daemon's order: waits for the commands (the kernel does),
 * cancels the worker threads, drains, cancels the command thread, close.
 */
void runner_remove(struct tcmu_device *dev);

/*
 * The same after the kernel's time-out: the kernel no longer waits, so
 * commands are still in the handler when the daemon starts to drain. What
 * the daemon has not fetched is completed BUSY.
 */
void runner_remove_busy(struct tcmu_device *dev);

/*
 * What the daemon does in fact when its command thread is in the middle of a
 * batch: it looks once whether its queue is empty, which it is; the thread
 * takes all that is in the ring and notices its cancellation only at the end,
 * and close() is called with commands in the handler.  While held, which is
 * over then.
 */
void runner_remove_in_batch(struct tcmu_device *dev);

/* reconfig(), as the kernel's netlink event brings it. -EOPNOTSUPP: none. */
int runner_resize(struct tcmu_device *dev, uint64_t size_bytes);
int runner_set_write_cache(struct tcmu_device *dev, bool enabled);
/* What the attribute emulate_write_cache has. */
int runner_write_cache(struct tcmu_device *dev);
int runner_set_config(struct tcmu_device *dev, const char *cfgstring);

/* The unit serial arrives after open (rtslib writes it then). */
void runner_set_wwn(struct tcmu_device *dev, const char *wwn);

struct runner_ring *runner_ring(struct tcmu_device *dev);
void runner_submit(struct tcmu_device *dev, struct runner_cmd *cmd);
int runner_try_submit(struct tcmu_device *dev, struct runner_cmd *cmd);

/*
 * One command, waited for without limit. Returns the SAM status; @sense
 * (RUNNER_SENSE_BYTES, may be NULL) is set for CHECK CONDITION, else zeroed.
 */
int runner_exec(struct tcmu_device *dev, const uint8_t *cdb, size_t cdb_len,
		enum runner_dir dir, void *data, size_t data_len,
		uint8_t *sense);

/*
 * Stops the command thread between two batches, so that what is submitted
 * until runner_release() becomes one batch.
 */
void runner_hold(struct tcmu_device *dev);
void runner_release(struct tcmu_device *dev);

/*
 * Waits until the handler has been called for everything submitted before.
 * Not while held.
 */
void runner_settle(struct tcmu_device *dev);

/* Waits until every submitted command was delivered. -ETIMEDOUT. */
int runner_drain(struct tcmu_device *dev, int timeout_ms);

struct runner_stats {
	uint64_t batches;      /* command thread wake-ups that found commands */
	uint64_t sync;	       /* completed by the command thread */
	uint64_t async;	       /* completed by tcmur_cmd_complete() */
	uint64_t kicks;	       /* writes to the uio fd */
	unsigned int notified; /* tcmu_notify_* calls */
};
void runner_stats(struct tcmu_device *dev, struct runner_stats *stats);

/* ---- configfs and the log ---- */

/*
 * Writes to the backstore's configfs control file, oldest first, through
 * whichever of libtcmu's functions. NULL behind the last. Kept until the
 * device is removed.
 */
const char *runner_control_write(struct tcmu_device *dev, unsigned int index);

/* syslog levels: 3 error, 4 warning, 6 info, 7 debug, 8 with every CDB. */
void runner_log_level(int level); /* 6, as the daemon's default */
void runner_log_echo(int level);  /* also to stderr; -1: none, the default */
void runner_log_clear(void);
/*
 * The @index'th kept line of @level or worse that contains @part (NULL: any),
 * with the daemon's prefix, to be freed; NULL when there is none. The last
 * 1,024 lines are kept.
 */
char *runner_log_find(int level, const char *part, unsigned int index);

#endif
