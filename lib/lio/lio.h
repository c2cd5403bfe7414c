/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The kernel's SCSI target, LIO: backstores of the kind "user" whose handler is
 * zloop, and the loopback and iSCSI targets that export them, as configfs has
 * them.  Laid out as rtslib lays it out, so that targetcli shows, saves and
 * removes what is made here, and the other way round.
 *
 * Rules that hold everywhere here:
 * - Every path is below lio->root: "" on a running system, a made-up tree in a
 *   test.
 * - Nothing waits forever.  Enabling or removing a backstore makes the kernel
 *   wait for tcmu-runner without any limit (drivers/target/target_core_user.c,
 *   the replies on netlink), and a signal does not end that.  So each change is
 *   made by a child process, which is left behind when it takes longer than
 *   lio->wait_ms; -ETIMEDOUT is returned then.
 * - Functions return 0 or -errno, and where they take a struct zl_err, with a
 *   sentence.
 * - Others may add and remove at the same time: what vanishes while it is
 * looked at is left out.
 * - One thread.
 */
#ifndef ZL_LIO_LIO_H
#define ZL_LIO_LIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LIO_NAME_MAX   128 /* bytes with the final 0 */
#define LIO_WWN_MAX    256
#define LIO_CONFIG_MAX 256
#define LIO_SUBTYPE    "zloop/"

/* How configfs is changed; each returns 0 or -errno. */
struct lio_ops {
	int (*make_dir)(const char *path);
	int (*remove_dir)(const char *path);
	int (*make_link)(const char *to, const char *path);
	int (*remove_link)(const char *path);
	int (*write)(const char *path, const char *text);
};

extern const struct lio_ops lio_kernel_ops;

struct lio {
	const char *root;
	const struct lio_ops *ops;
	unsigned wait_ms;
};

/*
 * Backstores.
 */

struct lio_backstore {
	char hba[32]; /* user_N */
	char name[LIO_NAME_MAX];
	char config[LIO_CONFIG_MAX]; /* without "zloop/" */
	char unit_serial[64];
	uint64_t size_bytes;
	bool enabled;
};

struct lio_backstore_args {
	const char *name;
	const char *spare_name; /* if that is taken; NULL: fail with -EEXIST */
	const char *config;	/* a cfgstring, without "zloop/" */
	const char *unit_serial;
	uint64_t size_bytes;
	uint32_t block_bytes;
	uint32_t max_xfer_bytes;    /* hw_max_sectors, in bytes */
	uint32_t min_data_area_mib; /* what the kernel's default is raised to */
};

/* The directory of a backstore, behind the '@' of its cfgstring; "" if none. */
const char *lio_backstore_dir(const struct lio_backstore *bs);

/* Calls @fn for each backstore of zloop, until it returns false. */
void lio_each_backstore(const struct lio *lio,
			bool (*fn)(void *user, const struct lio_backstore *bs),
			void *user);

/*
 * The first for which @is_it is true, whole, into @bs; false: none is.  @is_it
 * sees hba, name, config and size_bytes only, which is one look at each.
 */
bool lio_find_backstore(const struct lio *lio,
			bool (*is_it)(void *user,
				      const struct lio_backstore *bs),
			void *user, struct lio_backstore *bs);
/* The one of zloop that has that name; false: none has. */
bool lio_find_name(const struct lio *lio, const char *name,
		   struct lio_backstore *bs);

/* Whether some backstore of the kind "user" has that name, whoever's it is. */
bool lio_name_is_taken(const struct lio *lio, const char *name);

/*
 * Makes and enables a backstore: returns when tcmu-runner's handler has opened
 * the disk.  Leaves nothing behind if it fails, as far as that is possible.
 */
int lio_backstore_make(const struct lio *lio,
		       const struct lio_backstore_args *args,
		       struct lio_backstore *bs, struct zl_err *err);

/* Removes a backstore that nothing exports. */
int lio_backstore_remove(const struct lio *lio, const struct lio_backstore *bs,
			 struct zl_err *err);

/*
 * Exports: a LUN of a target of any fabric.
 */

struct lio_export {
	char fabric[16]; /* "loopback", "iscsi", … */
	char wwn[LIO_WWN_MAX];
	char tpg[16]; /* tpgt_N */
	unsigned lun;
};

/*
 * The LUNs of all targets as they are now: for whoever asks for those of many
 * backstores.  NULL, which is none: there is no memory.
 */
struct lio_luns;
struct lio_luns *lio_luns_read(const struct lio *lio);
void lio_luns_free(struct lio_luns *luns);
/* Calls @fn for each of them that exports @bs, until it returns false. */
void lio_luns_each(const struct lio_luns *luns, const struct lio_backstore *bs,
		   bool (*fn)(void *user, const struct lio_export *ex),
		   void *user);

/* lio_luns_each() of what is there now. */
void lio_each_export(const struct lio *lio, const struct lio_backstore *bs,
		     bool (*fn)(void *user, const struct lio_export *ex),
		     void *user);

/* Whether @ex, which was seen some time ago, exports @bs still. */
bool lio_export_is_of(const struct lio *lio, const struct lio_export *ex,
		      const struct lio_backstore *bs);

/* Removes the LUN, and the target if that was its last one. */
int lio_export_remove(const struct lio *lio, const struct lio_export *ex,
		      struct zl_err *err);

/* Initiators that are logged in to an iSCSI target. */
unsigned lio_export_sessions(const struct lio *lio,
			     const struct lio_export *ex);

#define LIO_DEVICE_MAX 32
/* The disk that a loopback LUN is on this machine, as "sda"; -ENODEV while
 * there is none. */
int lio_export_device(const struct lio *lio, const struct lio_export *ex,
		      char device[LIO_DEVICE_MAX]);

/* The LUN that @ex says, which is no more, and its target. */
int lio_loopback_again(const struct lio *lio, const struct lio_backstore *bs,
		       const struct lio_export *ex, struct zl_err *err);

/* A local SCSI disk: the LUN 0 of a loopback target of its own. */
int lio_loopback_make(const struct lio *lio, const struct lio_backstore *bs,
		      struct lio_export *ex, struct zl_err *err);

#define LIO_MAX_PORTALS 8

struct lio_iscsi_args {
	const char *iqn;
	const char *portals[LIO_MAX_PORTALS]; /* ADDRESS:PORT */
	unsigned nr_portals;
	const char *initiator;	     /* IQN that may log in; NULL: everybody */
	const char *user, *password; /* CHAP, with @initiator */
};

/* One of that name that has no LUN is replaced; one that has is -EEXIST. */
int lio_iscsi_make(const struct lio *lio, const struct lio_backstore *bs,
		   const struct lio_iscsi_args *args, struct lio_export *ex,
		   struct zl_err *err);

/*
 * What uses the block device "sda", in words, e.g. "it is mounted on /mnt";
 * false: nothing does.
 */
bool lio_device_in_use(const struct lio *lio, const char *device, char *who,
		       size_t size);

/*
 * The block devices that processes have open as they are now, as far as this
 * process may look: for whoever asks for many.  NULL, which is none: there is
 * no memory.
 */
struct lio_opens;
struct lio_opens *lio_opens_read(const struct lio *lio);
void lio_opens_free(struct lio_opens *opens);
/* Whether a process has "sda" open, without keeping others out; who it is, e.g.
 * "process 12 (fio)". */
bool lio_device_is_open(const struct lio_opens *opens, const char *device,
			char *who, size_t size);

/*
 * All of it together: a backstore with its loopback LUN, and the disk that
 * comes of it.  Waits for the kernel's word that the device was added, if
 * @events is not NULL, and for the disk: it can be opened, the kernel knows its
 * zones, and udev is done with it.  Undoes everything if it fails.
 */
struct lio_events;
int lio_attach(const struct lio *lio, const struct lio_backstore_args *args,
	       struct lio_events *events, char device[LIO_DEVICE_MAX],
	       struct zl_err *err);

/*
 * Takes the loopback LUN @ex of @bs away and makes it again, so that Linux
 * forgets what it knew of the disk; waits as lio_attach() does.  Whoever uses
 * the old disk gets errors.
 */
int lio_renew_disk(const struct lio *lio, const struct lio_backstore *bs,
		   const struct lio_export *ex, char device[LIO_DEVICE_MAX],
		   struct zl_err *err);

/* lio_attach() without the LUN. */
int lio_attach_backstore(const struct lio *lio,
			 const struct lio_backstore_args *args,
			 struct lio_events *events, struct lio_backstore *bs,
			 struct zl_err *err);

/*
 * What has to run.
 */

enum lio_daemon {
	LIO_DAEMON_NONE,       /* tcmu-runner does not run */
	LIO_DAEMON_HANGS,      /* … was killed, and cannot end */
	LIO_DAEMON_STARTING,   /* … is not ready yet */
	LIO_DAEMON_NO_HANDLER, /* … has not loaded handler_zloop.so */
	LIO_DAEMON_READY,
};

/* The state of tcmu-runner; *pid gets its process (NULL: not wanted). */
enum lio_daemon lio_daemon_state(const struct lio *lio, int *pid);

/*
 * Loads what is missing of the kernel's modules target_core_user, tcm_loop and,
 * with @iscsi, iscsi_target_mod, mounts configfs, and starts tcmu-runner, with
 * systemd where that runs.  Says what is missing when that does not help.
 */
int lio_ready(const struct lio *lio, bool iscsi, struct zl_err *err);

/*
 * Whether looking at @path, by its server if it has one, ends within @ms; what
 * comes of it is no matter.  In a child process, since what the kernel waits
 * for cannot always be interrupted.
 */
bool lio_answers(const struct lio *lio, const char *path, unsigned ms);

/* Saves what targets and backstores there are, whoever's, as "targetcli
 * saveconfig" does: they are restored at boot. */
int lio_save(const struct lio *lio, struct zl_err *err);

/*
 * Makes the kernel give up what it waits for when nobody can answer: only if
 * tcmu-runner does not run.  True: done.
 */
bool lio_unblock(const struct lio *lio);

/*
 * Netlink: what the kernel tells of its backstores of the kind "user".
 */

enum lio_event_kind {
	LIO_ADDED,
	LIO_REMOVED,
	LIO_RECONFIGURED
};

struct lio_event {
	enum lio_event_kind kind;
	char hba[32]; /* user_N */
	char name[LIO_NAME_MAX];
	char config[LIO_CONFIG_MAX]; /* with the subtype: "zloop/…" */
	uint32_t minor;		     /* /dev/uioN */
	/* LIO_RECONFIGURED: what is to change. */
	char new_config[LIO_CONFIG_MAX]; /* "": not that */
	bool has_size, has_write_cache;
	uint64_t new_size_bytes;
	bool new_write_cache;
};

/* Needs the module target_core_user. */
int lio_events_open(struct lio_events **events, struct zl_err *err);
void lio_events_close(struct lio_events *events);
/* 1: *event is the next one; 0: none came in time (-1: no limit); -errno. */
int lio_events_next(struct lio_events *events, int timeout_ms,
		    struct lio_event *event);

#endif
