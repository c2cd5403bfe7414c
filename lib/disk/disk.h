/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * An open disk: zones, data, and what must survive.
 *
 * Rules that hold everywhere here:
 * - Addresses and lengths of I/O are logical blocks; the geometry of a new disk
 *   is given in bytes.
 * - struct disk_io belongs to the caller, who fills it and hands it over with
 *   disk_submit(); it comes back through done(), exactly once, perhaps before
 *   disk_submit() returns and perhaps on another thread.
 * - Any thread may call any function that takes a struct disk, side by side,
 *   but disk_close(), which comes last and alone.
 * - Functions that can fail return 0 or -errno and write a sentence for a
 *   person to a struct zl_err.
 */
#ifndef ZL_DISK_DISK_H
#define ZL_DISK_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/err.h"
#include "disk/inject.h"
#include "disk/options/options.h"
#include "zone/realm.h"
#include "zone/zone.h"

struct disk;
struct store;

#define DISK_SERIAL_LEN 16 /* lower-case hexadecimal digits */

/*
 * Zone domains and realms as they were asked for; what follows from it is in
 * disk_geo()->domains.  The realms come in this order: @bottom of those that
 * have zones in the first domain only, those that have zones in all, @smr of
 * those that have none in conventional and sequential or before required
 * domains, @top like @bottom.
 */
struct disk_realms {
	unsigned nr_domains;			/* 0: the disk has neither */
	enum zone_type types[ZONE_MAX_DOMAINS]; /* of the domains */
	uint32_t nr;				/* realms */
	uint32_t bottom, top, smr;
	/* Zones of a realm in a domain of conventional or sequential or before
	 * required zones, and in one of the other two types. */
	uint32_t cmr_zones, smr_zones;
	uint32_t gap;	/* gap zones between two domains */
	uint8_t active; /* domain that is active after making and FORMAT
			   UNIT, where a realm has it */
	uint16_t max_activation; /* MAXIMUM ACTIVATION as made; 0 = no limit */
};

/* What the sidecar says of a disk; does not change while it is open. */
struct disk_meta {
	char serial[DISK_SERIAL_LEN + 1];
	uint64_t capacity_bytes;
	uint64_t zone_bytes;
	uint64_t zone_cap_bytes;
	uint32_t conv_zones;
	uint32_t max_open; /* 0 = no limit */
	uint32_t block_bytes;
	uint32_t phys_block_bytes;
	bool urswrz;
	bool rc_conv; /* RC_BASIS 00b: READ CAPACITY answers for the
			 conventional zones only */
	bool smaller_last_zone;
	bool any_zone_size;  /* the zone size may be no power of two */
	bool host_aware;     /* else host-managed */
	bool adopted;	     /* made by the kernel driver */
	uint8_t device_type; /* PERIPHERAL DEVICE TYPE: 00h or 14h */
	struct disk_realms realms;
};

/*
 * Opening.
 */

/* So many zones are done. */
typedef void disk_progress_fn(void *user, uint32_t done, uint32_t total);

struct disk_open_args {
	/* What was asked for; the options that were given must agree with the
	 * sidecar.  NULL: nothing was. */
	const struct disk_opts *opts;
	/* The device's size as its creator gave it, 0 = nobody did.  It must
	 * be the disk's. */
	uint64_t size_bytes;
	/* Make a disk if the directory is empty and opts has a geometry
	 * option; adopt one of the kernel driver's if every geometry option is
	 * given.  Without it only what is there is opened. */
	bool may_make;
	/* Look only: no lock, no change, no repair; disk_submit() refuses
	 * everything that would write. */
	bool look_only;
	/* How long to wait for the directory's lock. */
	unsigned lock_wait_ms;
	/* Threads that run what may block; 0: everything runs in the thread
	 * that submits it. */
	unsigned nr_workers;
	/* Note what is under way in the run directory, so that it is known,
	 * and not guessed, if the process dies. */
	bool note_flight;
	/* Of a new disk: the bytes that a slot with a write pointer begins
	 * with, zeros and not above its capacity.  NULL: it is EMPTY. */
	uint64_t (*written)(void *user, uint32_t slot);
	void *written_user;
	/* Called now and then while files are made or examined. */
	disk_progress_fn *progress;
	void *progress_user;
};

/*
 * Opens the disk in the directory @dir.  What cannot be right is refused with a
 * sentence; a damaged zone is not a reason to refuse: it comes up READ ONLY or
 * OFFLINE, and each is logged and listed by disk_each_problem().
 */
int disk_open(const char *dir, const struct disk_open_args *args,
	      struct disk **disk, struct zl_err *err);

/*
 * What disk_open() with may_make would refuse in @dir for reasons that will not
 * go away by themselves: looks without a lock and changes nothing, so that a
 * person can be told before a device is made.  A disk in use is no reason.  The
 * size is unknown unless capacity_mb is given.
 */
int disk_precheck(const char *dir, const struct disk_opts *opts,
		  struct zl_err *err);

/*
 * What the sidecar of @dir says, and no more; 0, or -errno without a sentence.
 */
int disk_read_meta(const char *dir, struct disk_meta *meta);
/* The geometry that follows from it. */
void disk_meta_geo(const struct disk_meta *meta, struct zone_geo *geo);

/*
 * Whether the making of the disk in @dir was interrupted; @meta gets what it is
 * to be.  disk_open() with may_make completes it; no option is needed for that.
 */
bool disk_is_half_made(const char *dir, struct disk_meta *meta);

/*
 * Whether @dir is a mount point according to fstab or a mount unit, and nothing
 * is mounted there: disk_open() makes no disk in it.  @who gets which of them
 * says so.
 */
bool disk_dir_is_unmounted(const char *dir, char *who, size_t size);

/*
 * disk_open() on a store of the caller's, which becomes the disk's on success
 * and stays the caller's on failure; @name is what sentences call it.
 */
int disk_open_store(struct store *store, const char *name,
		    const struct disk_open_args *args, struct disk **disk,
		    struct zl_err *err);

/*
 * Closes: no I/O is under way.  Syncs what is dirty and writes the mark of a
 * clean stop.
 */
void disk_close(struct disk *disk);

/* Whether this open made the disk or adopted it. */
bool disk_was_made(const struct disk *disk);

/* What disk_open() was given for the directory, cut to 255 bytes. */
const char *disk_name(const struct disk *disk);
const struct disk_meta *disk_meta(const struct disk *disk);
const struct zone_geo *disk_geo(const struct disk *disk);

/* Whether hosts are to be told that conventional zones can be unmapped
 * (provisioning=thin).  DISK_UNMAP works all the same. */
bool disk_is_thin(const struct disk *disk);
/* Whether there is to be no write cache (write_through): struct disk_io.fua is
 * the caller's to set. */
bool disk_is_write_through(const struct disk *disk);

/*
 * A zone whose file is not as it should be.  @what is a sentence.
 */
typedef void disk_problem_fn(void *user, uint32_t slot, const char *what);

/* Calls @fn for each zone that came up degraded or was mended at opening. */
void disk_each_problem(const struct disk *disk, disk_problem_fn *fn,
		       void *user);

/*
 * Zones.
 */

/* Describes the zone that contains @lba (below the capacity) as it is now. */
void disk_zone_at(struct disk *disk, uint64_t lba, struct zone_info *info);

/*
 * Calls @fn for consecutive zones from the one that contains @lba to the end,
 * until it returns false.  One consistent picture: nothing changes meanwhile,
 * so @fn must be quick and must not call the disk.
 */
void disk_each_zone(struct disk *disk, uint64_t lba,
		    bool (*fn)(void *user, const struct zone_info *info),
		    void *user);

/* How many zones are in each condition; gap zones are not counted. */
void disk_count_zones(struct disk *disk, uint32_t nr_cond[16]);
/* How many have a write pointer. */
uint32_t disk_wp_zones(const struct disk *disk);

/*
 * Zone domains and realms: for disks with disk_geo()->domains.nr > 0, unless
 * said otherwise.
 */

/* The zoned block device control mode page (0Ah/0Fh). */
struct disk_control {
	uint32_t nr_zones;	 /* FSNOZ: what an activation without a number
				    of zones is about */
	uint16_t max_activation; /* zones; 0 = no limit */
	bool urswrz; /* unrestricted reads, now: see disk_urswrz() */
};

void disk_domain(struct disk *disk, unsigned domain,
		 struct zone_domain_info *info);
/* Calls @fn for the realms from @first on until it returns false: one
 * consistent picture, see disk_each_zone(). */
void disk_each_realm(struct disk *disk, uint32_t first,
		     bool (*fn)(void *user, const struct zone_realm_info *info),
		     void *user);
/* zone_realm_at() and zone_activation_check(), which is ZONE QUERY. */
uint32_t disk_realm_at(const struct disk *disk, uint64_t lba);
enum zone_verdict disk_query(struct disk *disk,
			     struct zone_activation *activation);
/* As it is now, as it was saved, and as the disk was made with.  Each may be
 * NULL. */
void disk_get_control(struct disk *disk, struct disk_control *now,
		      struct disk_control *saved, struct disk_control *made);
/* Whether reads are unrestricted now.  Any disk; it changes with DISK_CONTROL
 * only. */
bool disk_urswrz(struct disk *disk);

/*
 * I/O.
 */

enum disk_op {
	DISK_READ,
	DISK_WRITE,
	DISK_SYNC, /* make everything durable that was acknowledged before */
	DISK_ZONE, /* OPEN, CLOSE, FINISH or RESET */
	/* Compares the range with iov: nr_blocks of data, or one block that
	 * each must equal, or nothing: then only reads. */
	DISK_COMPARE,
	/* iov: nr_blocks to compare, then nr_blocks to write if they are equal.
	 * No other write of a conventional zone comes in between. */
	DISK_COMPARE_WRITE,
	/* Deallocates a range of conventional zones: it reads as zeros. */
	DISK_UNMAP,
	/* The sequential zone at lba: all data below its write pointer becomes
	 * repetitions of iov's one block, or zeros without. */
	DISK_REFILL,
	DISK_SAVE, /* keeps those bits of lba that save_mask has */
	/* ZONE ACTIVATE, of a disk with realms: io->activation.  DISK_OK also
	 * with an unmet prerequisite, and then nothing has changed; else it is
	 * done, all of it, and durable.  Any other status: nothing of it. */
	DISK_ACTIVATE,
	/* Sets io->control, on a disk with realms. */
	DISK_CONTROL,
};

/* The longest COMPARE AND WRITE that is taken back if the process dies in it.
 */
#define DISK_MAX_COMPARE_BLOCKS 128

/* The bits of DISK_SAVE that outlive the process's death only: an orderly end,
 * another boot and a simulated power failure clear them. */
#define DISK_SAVE_POWERED UINT64_C(0xffff000000000000)

/* Why an I/O failed.  lib/scsi turns each into status and sense data. */
enum disk_status {
	DISK_OK,
	DISK_REFUSED,	    /* the zone state machine: see io->verdict */
	DISK_READ_ERROR,    /* io->bad_lba: first block that cannot be read */
	DISK_WRITE_ERROR,   /* io->bad_lba: first block not written */
	DISK_NO_SPACE,	    /* the backing file system is full */
	DISK_WRITE_PROTECT, /* the backing file system is read-only */
	DISK_INTERNAL,	    /* out of descriptors or memory */
	DISK_BUSY,	    /* not now (injected only) */
	DISK_MISCOMPARE,    /* io->differs_at: offset in the compared data */
	DISK_FENCED,	    /* another machine has taken the disk over */
};

/* Room for what the disk keeps of an I/O: struct io of io/io.h. */
#define DISK_IO_OWN_BYTES 528

struct disk_io {
	/* Set by the caller. */
	enum disk_op op;
	/* What writes, FINISH and RESET: durable when it is over.  READ,
	 * COMPARE and the comparison of COMPARE_WRITE: what was read is. */
	bool fua;
	uint64_t lba;
	uint32_t nr_blocks;
	/* READ fills, WRITE takes nr_blocks blocks, scattered.  The array and
	 * the buffers stay until done().  For READ they may be shorter: what
	 * does not fit is checked against the zones, but not read. */
	const struct iovec *iov;
	size_t iov_cnt;
	/* DISK_ZONE: lba is the ZONE ID. */
	enum zone_op zone_op;
	uint16_t zone_count;
	bool zone_all;
	uint64_t save_mask; /* DISK_SAVE: the other bits stay as they are */
	struct zone_activation *activation; /* DISK_ACTIVATE */
	struct disk_control control;	    /* DISK_CONTROL */
	bool save; /* DISK_CONTROL: for good; else an orderly end, another boot
		      and a simulated power failure bring back what was saved */
	/* Comes after others of the same command, so it cannot be DISK_BUSY,
	 * which says that nothing was done. */
	bool goes_on;
	/* Submitted by the done() of another one of the same command: no
	 * simulated power failure comes between the two. */
	bool undivided;

	void (*done)(struct disk_io *io);
	void *user;
	/* Asked before the done() of an I/O that went well: whether that ends
	 * the command, or submits this I/O anew for the rest of it.  NULL: it
	 * ends it. */
	bool (*is_last)(struct disk_io *io);

	/* Set before done(). */
	enum disk_status status;
	enum zone_verdict verdict;
	uint64_t bad_lba;
	uint64_t differs_at; /* bytes */

	/* The disk's own.  All zeros, or as disk_io_new() leaves it, before the
	 * first I/O of a command. */
	_Alignas(max_align_t) unsigned char own[DISK_IO_OWN_BYTES];
};

/* @io is memory that may have had another command's I/O. */
void disk_io_new(struct disk_io *io);

/* Starts an I/O.  Never fails by itself: everything comes through done(). */
void disk_submit(struct disk *disk, struct disk_io *io);

/*
 * Tries to carry a READ or WRITE out at once, without blocking; where the file
 * system cannot say whether a write would block, without doing so often.  True:
 * it is done, and io->status is set; done() is not called.  False: nothing has
 * happened; disk_submit() it.
 */
bool disk_try(struct disk *disk, struct disk_io *io);

/*
 * Who sent it has the answer to an I/O that disk_try() carried out, or is to
 * get another one than that it went well; or nothing more will be done for the
 * command of an I/O that was not its last (is_last).  Until then the initiator
 * may send it again should the process die.
 */
void disk_answered(struct disk *disk, struct disk_io *io);

/* Submits and waits; returns io->status.  Overwrites done and user. */
enum disk_status disk_run(struct disk *disk, struct disk_io *io);

/*
 * Faults, see disk/inject.h.  Each that happens is counted and logged.
 */

/*
 * Makes the disk suffer a fault: from now on (events), or at once (a zone that
 * becomes READ ONLY or OFFLINE, which is durable when this returns, or gets an
 * attribute).  *id names an event's fault for disk_fault_remove().  Refuses,
 * with a sentence, a range beyond the disk, states that a zone cannot have, and
 * a list that is full.
 */
int disk_fault_add(struct disk *disk, const struct inject_fault *fault,
		   uint32_t *id, struct zl_err *err);
int disk_fault_remove(struct disk *disk, uint32_t id, struct zl_err *err);
/* Takes back what was injected into the state of the zones from the one that
 * contains @lba on. */
int disk_fault_restore(struct disk *disk, uint64_t lba, uint64_t nr_blocks,
		       struct zl_err *err);
/* All of both. */
int disk_fault_clear(struct disk *disk, struct zl_err *err);
/* The disk is to be closed: no I/O waits for an injected delay any more. */
void disk_end_delays(struct disk *disk);
/* Calls @fn for each fault; for a state of zones that lie side by side with id
 * 0 and their range. */
void disk_fault_each(struct disk *disk,
		     void (*fn)(void *user, const struct inject_fault *fault),
		     void *user);

/*
 * A simulated power failure, of a disk opened with the option
 * discard_write_cache: what was written, finished or reset since the last
 * DISK_SYNC and without FUA is taken back, in every kind of zone; opened zones
 * become CLOSED or EMPTY.  disk_close() does the same with such a disk, in
 * place of making everything durable.
 */
struct disk_powerfail {
	bool random;   /* take back a random part, as a real failure may; false:
			  everything */
	uint64_t seed; /* the same changes and the same seed: the same part */
	/* Called after each zone that is taken back, of those of which anything
	 * is; I/O waits for it.  It must not call the disk.  NULL: none. */
	disk_progress_fn *progress;
	void *progress_user;
};

/*
 * While the disk runs: I/Os under way are finished first, and count as done
 * before, those that come meanwhile wait; DISK_SYNCs that wait fail with
 * DISK_INTERNAL.  Returns 0, -EOPNOTSUPP (without that option), -EBUSY (what
 * was under way has not ended for 20 seconds, and nothing has been taken back),
 * or -errno of a file that could not be put back (the rest is done all the
 * same). Not from done().
 */
int disk_powerfail(struct disk *disk, const struct disk_powerfail *how,
		   struct zl_err *err);

/* Whether the disk was opened with that option. */
bool disk_can_powerfail(const struct disk *disk);

/*
 * Calls @fn in each disk_powerfail(), before I/O goes on: initiators are to be
 * told, with the unit attention condition POWER ON OCCURRED.  @fn must not
 * call the disk.  One at a time; NULL: none.
 */
void disk_on_powerfail(struct disk *disk, void (*fn)(void *user), void *user);

/*
 * On a file system that other machines have, too, and that keeps one which was
 * cut off from writing: whether this one has lost the disk to another.  For
 * good: every I/O ends with DISK_FENCED, nothing is written, and all that is
 * left is disk_close().  @why (or NULL) gets a sentence for a person.
 */
bool disk_is_fenced(struct disk *disk, char *why, size_t size);
/* Calls @fn when that is found out, on any thread, or at once if it has been;
 * @fn must not call the disk.  One at a time; NULL: none, and when this returns
 * it is not being called either. */
void disk_on_fenced(struct disk *disk, void (*fn)(void *user), void *user);
/* Whether a disk has to be looked after also when no I/O comes to it, and does
 * that, without waiting: to be called each second or so.  Without, I/O has to
 * ask from time to time, and waits for the answer. */
bool disk_is_watched(const struct disk *disk);
void disk_watch(struct disk *disk);

/* Whether one that had it open lost what was in its cache: hosts are still to
 * be told, with the unit attention condition POWER ON OCCURRED. */
bool disk_lost_power(const struct disk *disk);
/* They have been.  Does not wait. */
void disk_told_power_loss(struct disk *disk);

/* What each DISK_SAVE kept, durably, since the disk was made (or, those of
 * DISK_SAVE_POWERED, since power on); 0 at first.
 * The disk gives it no meaning. */
uint64_t disk_saved(struct disk *disk);

/*
 * Deletes the disk in @dir and leaves an empty directory.  0, or -errno with a
 * sentence: -EBUSY when somebody uses it, or what is there is not surely a disk
 * and nothing else.  What is interrupted is a damaged disk, which can be
 * deleted.  @progress, or NULL, is called with @user now and then.
 */
int disk_delete(const char *dir, unsigned lock_wait_ms,
		disk_progress_fn *progress, void *user, struct zl_err *err);

/*
 * Looking at a directory that may be damaged.
 */

/*
 * Checks the directory @dir completely: sidecar, journal, every zone file.
 * Calls @fn for each thing that is not as it should be (slot UINT32_MAX: not a
 * zone's matter).  Returns the number of problems, or -errno with a sentence
 * when there is no disk to check.  Changes nothing.  @progress, or NULL, is
 * called with @user now and then.
 */
int disk_check(const char *dir, disk_problem_fn *fn, disk_progress_fn *progress,
	       void *user, struct zl_err *err);

/*
 * Calls @fn with a sentence for each thing about the file system of @dir that
 * who has a disk there has to know, e.g. "is on a file system mounted with
 * soft: …".  Opening a disk logs them.
 */
void disk_each_doubt(const char *dir,
		     void (*fn)(void *user, const char *sentence), void *user);

/*
 * The mount (its number in mountinfo) of the server's file system that has the
 * path @dir, which is not looked at, and its type in @type; 0: it is local, or
 * that is not known.
 */
int disk_dir_mount(const char *dir, char *type, size_t size);

/*
 * False: no handler has the disk in @dir open.  A copy of a disk's directory
 * has its serial number, and with that the name of its socket.
 */
bool disk_is_open(const char *dir);

/*
 * Whether somebody has the disk in @dir open, which is @disk, opened to look at
 * it, and still has it after @wait_ms; @who gets who it is, as far as can be
 * found out, e.g. "process 12 (tcmu-runner)".  Who asks is in the way of who
 * opens it for a moment, and not of others who ask.
 */
bool disk_in_use(const char *dir, struct disk *disk, unsigned wait_ms,
		 char *who, size_t size);

/* How long to wait for a lock that may be that of somebody who only asks. */
#define DISK_MOMENT_MS 2000

/* Whether other machines may have @dir, too: it is on a network file system. */
bool disk_is_shared(const char *dir);

/*
 * How the machine that has the disk in @dir attached it, for another one that
 * takes over: a text that the disk gives no meaning, in zloop.gateway.  read:
 * *text is malloc'ed and ends with a NUL behind @len bytes; -ENOENT if there is
 * none.  write: atomic and durable.
 */
int disk_gateway_read(const char *dir, char **text, size_t *len);
int disk_gateway_write(const char *dir, const char *text, struct zl_err *err);

/* How many zone files of all disks of the process stay open; half of
 * RLIMIT_NOFILE is another bound. */
void disk_keep_open(unsigned max_files);

/* What its zone files take on the backing file system, in bytes. */
uint64_t disk_space_used(const char *dir, struct disk *disk);

/*
 * Repairs what can be without losing anything that could still be read: makes
 * missing files, gives files the size that they must have, cuts off what was
 * never acknowledged, rewrites the journal, and (with @opts, all geometry
 * options) a missing sidecar.  Calls @fn for each repair with what is done and
 * what is lost; @dry: would be, and nothing is changed.  What a person must
 * decide is left for disk_check() to say.  Returns the number of repairs or
 * -errno with a sentence; -EBUSY: the disk is open.
 */
int disk_repair(const char *dir, const struct disk_opts *opts, bool dry,
		disk_problem_fn *fn, void *user, struct zl_err *err);

#endif
