/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the subcommands share that attach disks: add, remove, list, export. */
#ifndef ZL_CLI_TARGET_H
#define ZL_CLI_TARGET_H

#include <limits.h>

#include "cli.h"
#include "lio/lio.h"

/* The kernel's target of this machine, or of the tree in ZLOOP_SYSTEM_ROOT. */
const struct lio *cli_lio(void);
/* 0, or -errno when it has said that one must be root. */
int cli_need_root(void);

/*
 * name.c: a disk by whatever a person calls it.  @word is a backstore's name,
 * the number of a disk as N or id=N[,base_dir=DIR], a block device, or a
 * directory; what is both a name or number and a directory is refused.
 */

/* 1: it is attached; 0: it is not, and its directory is @dir; -ENOENT: there is
 * no such disk; -EINVAL when it has said that there are two. */
int cli_find(const char *word, struct lio_backstore *bs, char dir[PATH_MAX]);
bool cli_find_name(const char *name, struct lio_backstore *bs);
bool cli_find_dir(const char *dir, struct lio_backstore *bs);
/* 0, or -ENOENT when it has said that there is none. */
int cli_need(const char *word, struct lio_backstore *bs);
/* Whether a word can only be a directory. */
bool cli_is_dir_word(const char *word);
bool cli_is_dir(const char *path);
/* Opens a disk that nobody has open, to change it; 0, or -errno with a
 * sentence.
 */
int cli_open_detached(const char *dir, struct disk **disk, struct zl_err *err);
/* Which directory a path leads to; none where its server does not answer. */
struct cli_dir {
	bool known;
	dev_t dev;
	ino_t ino;
};
struct cli_dir cli_dir_of(const char *path);
static inline bool cli_dir_is(struct cli_dir a, struct cli_dir b)
{
	return a.known && b.known && a.dev == b.dev && a.ino == b.ino;
}
/* Whether two paths are the same directory. */
bool cli_same_dir(const char *a, const char *b);
/* The directory of id=N,base_dir=DIR, and the name of its backstore. */
void cli_id_dir(const struct disk_opts *opts, char dir[PATH_MAX]);
void cli_id_name(const struct disk_opts *opts, char name[LIO_NAME_MAX]);
/* Whether @name is zloopN, and N where it always is is another disk than that
 * in @dir. */
bool cli_is_others_name(const char *name, const char *dir);
/* Its block device on this machine, "sda", or "". */
const char *cli_device(const struct lio_backstore *bs,
		       char device[LIO_DEVICE_MAX]);

/* --timeout SECONDS: how long one step may wait for the kernel. */
#define CLI_TIMEOUT_OPTION                                                     \
	{                                                                      \
		"timeout", 't', "SECONDS", 0,                                  \
			"How long the kernel may wait for tcmu-runner in one " \
			"step (default: 60)",                                  \
			0                                                      \
	}
/* --save: as targetcli's saveconfig. */
#define CLI_SAVE_OPTION                                                      \
	{                                                                    \
		"save", 's', NULL, 0,                                        \
			"Save what targets there are now, so that it is so " \
			"after a reboot, too",                               \
			0                                                    \
	}
/* Saves if @save and @status is CLI_OK; the status in the end.  A person is
 * told of what was not saved, in @what, "": nothing. */
int cli_finish(bool save, int status, const char *what);
void cli_set_timeout(const char *arg, struct argp_state *state);
/* A step may wait that long for each of @nr processes, this one among them. */
void cli_wait_for_others(unsigned nr);

/* In a child: it ends when @parent does, be that by now. */
void cli_end_with(pid_t parent);

/* What remove and unexport are told, as their parser's input. */
struct cli_detach {
	bool force, all, save;
	int first; /* of the disks */
};

/* cli_finish() of @nr disks, some of which may have been done if not all. */
int cli_finish_detach(const struct cli_detach *a, int nr, int status);

#define CLI_DETACH_OPTIONS(force)                                             \
	CLI_ALL_OPTION, { "force", 'f', NULL, 0, force, 0 }, CLI_SAVE_OPTION, \
		CLI_TIMEOUT_OPTION
error_t cli_parse_detach(int key, char *arg, struct argp_state *state);

/*
 * What is looked at for all disks that are detached, and again when it is older
 * than a second, or than four times what looking takes.  A LUN that another
 * disk has meanwhile is left alone.
 */
struct cli_seen {
	struct lio_luns *luns;
	struct lio_opens *opens; /* NULL until a disk is detached */
	uint64_t until_ms;
};
void cli_see(struct cli_seen *seen);
/* Once more, if it is time for it. */
void cli_see_again(struct cli_seen *seen);
void cli_seen_free(struct cli_seen *seen);

/* 0, or -EBUSY when it has said who uses a LUN of @fabric (NULL: of any). */
int cli_refuse_in_use(const struct cli_seen *seen,
		      const struct lio_backstore *bs, const char *fabric);
/* Removes the LUNs of @fabric (NULL: all); how many, or -errno, said. */
int cli_remove_exports(const struct cli_seen *seen,
		       const struct lio_backstore *bs, const char *fabric);
/* Removes its LUNs and targets, and the backstore; says who has its block
 * device open, which is no use that keeps others out.  0, or -errno, said. */
int cli_detach_disk(struct cli_seen *seen, const struct lio_backstore *bs);

/* The directories of all disks that are attached; how many. */
int cli_attached_dirs(char ***dirs);
void cli_free_dirs(char **dirs, int nr);

/* list.c: what list --json has of it. */
struct json_object *cli_backstore_json(const struct lio_backstore *bs);

/* add.c */

/* 0, or -EEXIST when it has said that the disk in @dir is attached. */
int cli_refuse_attached(const char *dir);
/* A backstore for the disk in @dir, which is there; without a LUN.  Of @opts,
 * or NULL, those of use. */
int cli_attach_backstore(const char *dir, const struct disk_opts *opts,
			 struct lio_backstore *bs);
/* The same with a block device of this machine. */
int cli_attach_device(const char *dir, const struct disk_opts *opts,
		      struct lio_events *events, char device[LIO_DEVICE_MAX]);
/* What was removed, under its name and with its options; with a block device of
 * this machine.  0, or -errno when it has said why not. */
int cli_attach_again(const struct lio_backstore *was,
		     char device[LIO_DEVICE_MAX]);

#endif
