/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What the subcommands of zloop share.
 *
 * Rules that hold everywhere here:
 * - Standard output has what was asked for and nothing else; everything else
 *   goes to standard error as "zloop: SENTENCE".
 * - One thread.
 */
#ifndef ZL_CLI_CLI_H
#define ZL_CLI_CLI_H

#include <argp.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>

#include "base/log.h"
#include "base/num.h"
#include "disk/medium/counters.h"
#include "disk/disk.h"
#include "disk/holder.h"

/* Exit status, as zloop(8) documents it. */
enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1, /* the operation failed, or check found something */
	CLI_USAGE = 2,	/* the command line is wrong; nothing was done */
};

/*
 * A subcommand: a row of commands.inc.  run() gets its own words, with
 * "zloop NAME" as argv[0], and returns an enum cli_status.
 */
struct cli_command {
	const char *name;
	const char *help; /* one line */
	int (*run)(int argc, char **argv);
};

#define COMMAND(name, help) int name##_main(int argc, char **argv);
#include "commands.inc"
#undef COMMAND

/* Decimal, or hexadecimal with 0x; false: it is no such number. */
bool cli_number(const char *s, uint64_t *v);

/* mistakes.c */

/* Parses a subcommand's words; exits on --help and on a usage error, of which
 * an option that is like one that there is says so. */
void cli_parse(const struct argp *argp, int argc, char **argv, void *input);
/* Refuses a word that is to become a directory in the working one
 * and reads like an option or a subcommand, unless it is there. */
void cli_question_dir(const char *word, struct argp_state *state);

/* args.c: the end of a parser whose words are one DISK (or DIRECTORY), or
 * several, or perhaps none, the first of which is argv[*first]. */
error_t cli_key_one(int key, char *arg, struct argp_state *state,
		    const char **dir);
error_t cli_key_disks(int key, struct argp_state *state, int *first);
error_t cli_key_any(int key, struct argp_state *state, int *first);
/* … or several or --all, which an option of the parser sets in *@all. */
error_t cli_key_disks_or_all(int key, struct argp_state *state, int *first,
			     const bool *all);
#define CLI_ALL_OPTION                                                   \
	{                                                                \
		"all", 'a', NULL, 0,                                     \
			"All disks that zloop list shows as attached", 0 \
	}
/* The end of their --help. */
#define CLI_DISK_DOC                                                           \
	"\n\nDISK is a name or number that zloop list shows, /dev/sdX, id=N, " \
	"or a DIRECTORY."
/* --progress and --quiet, as the children of a parser. */
extern const struct argp_child cli_progress_options[];

/* create.c */

/* The options of a disk that is to be made in @dir: rounds the capacity as the
 * kernel does, with a note, and checks them.  One that is half made knows its
 * options, and those that are given must agree. */
int cli_disk_opts(const char *dir, struct disk_opts *opts, struct zl_err *err);
/* 1: made, 0: was there, -errno when it has said why not. */
int cli_make_dir(const char *dir);
/* Makes a disk in an empty directory; 0, or -errno when it has said why not. */
int cli_make_disk(const char *dir, const struct disk_opts *opts);

/* msg.c: "zloop: SENTENCE" and "zloop: note: SENTENCE" on standard error. */
void cli_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A log hook that passes on warnings and errors. */
void cli_log(enum zl_log_level level, const char *line);

/* A file to write, "-": standard output.  NULL when it has said why not. */
FILE *cli_open_output(const char *name);
/* @ret: what went wrong before, or 0.  0, or -errno when it has said so;
 * of standard output main() says it. */
int cli_close_output(FILE *f, const char *name, int ret);

#define CLI_SIZE_MAX SIZE_TEXT_MAX
/* Writes a size for people, e.g. "2 GiB" or "1.5 MiB". */
const char *cli_size(uint64_t bytes, char buf[CLI_SIZE_MAX]);

/* name.c: the directory of the disk that @word names, attached or not; -errno
 * with a sentence if there is none, or two.  See target.h. */
int cli_disk_dir(const char *word, char dir[PATH_MAX], struct zl_err *err);

/* look.c: looking at directories, which changes nothing. */

/* answers.c: false with a sentence (@err may be NULL): the directory is on a
 * file system whose server does not answer, and is better not looked at.  Takes
 * some seconds then. */
bool cli_answers(const char *dir, struct zl_err *err);

/* Opens a disk to look at it; 0, or -errno with a sentence. */
int cli_look(const char *dir, struct disk **disk, struct zl_err *err);
/* The same of the disk that @word names, whose directory is @dir then. */
int cli_look_word(const char *word, char dir[PATH_MAX], struct disk **disk,
		  struct zl_err *err);
/* A disk as its sidecar says: no zone's file is looked at, of which there may
 * be a million. */
struct cli_glance {
	char dir[PATH_MAX];
	struct zone_geo geo;
	bool open; /* by somebody who may be asked by its serial number */
	char serial[DISK_SERIAL_LEN + 1];
};

/* Of the disk that @word names; 0, or -errno with a sentence. */
int cli_glance(const char *word, struct cli_glance *glance, struct zl_err *err);

/* Whether what @h had was another directory on the network file system that
 * @dir is on: one of them is a copy of the other. */
bool cli_is_copy(const char *dir, const struct disk_holder *h);
/* Who has the disk in @dir, or had it last; NULL: nobody knows. */
struct json_object *cli_holder_json(const char *dir);

/* live.c: the process that has the disk open, if it has a control socket. */

/* Whether that of this serial number has the disk in @dir, and not what is a
 * copy of it. */
bool cli_is_served(const char *dir, const char *serial);
/* Before the disk in @dir is removed: the kernel and tcmu-runner wait for all
 * commands, and none is to wait for an injected delay. */
void cli_end_delays(const char *dir);

/* What a call of control/ask.h returned as an exit status; says what went
 * wrong. */
int cli_said(int ret, const struct zl_err *err);
/* The serial number by which the process that has the disk open is asked
 * (control/ask.h), or NULL: nobody has it open.  Not every disk with this
 * number is: a copy of its directory has it, too. */
const char *cli_serial(struct disk *disk);
/* disk_each_zone() of the open disk where there is one, else of the directory;
 * 0, or -errno when it has said why not. */
int cli_each_zone(struct disk *disk, uint64_t lba,
		  bool (*fn)(void *user, const struct zone_info *info),
		  void *user);
/*
 * faults.c: the calls of control/ask.h about faults, which a disk that nobody
 * has open answers, too: it is opened for that.
 */
int cli_fault_add(const struct cli_glance *g, struct json_object *fault,
		  uint64_t *id, struct zl_err *err);
int cli_fault_list(const struct cli_glance *g, struct json_object **faults,
		   uint64_t *left_out, struct zl_err *err);
int cli_fault_clear(const struct cli_glance *g, struct json_object *where,
		    struct zl_err *err);
/* All of a disk's faults; none if it does not answer. */
struct json_object *cli_faults(struct disk *disk);
/* One of them for people, e.g. "zone 9: offline" or "read-error lba=7". */
#define CLI_FAULT_MAX 256
const char *cli_fault_text(struct disk *disk, struct json_object *fault,
			   char buf[CLI_FAULT_MAX]);

/* realms.c: how many realms are active in each domain, in the process that has
 * the disk open where there is one; all 0 on a disk without.  0, or -errno when
 * it has said why not. */
int cli_count_realms(struct disk *disk, uint64_t nr_active[ZONE_MAX_DOMAINS]);
/* An array with an object for each domain. */
struct json_object *
cli_domains_json(struct disk *disk, const uint64_t nr_active[ZONE_MAX_DOMAINS]);

/* words.c: a condition or type as one word, as options and JSON spell it, e.g.
 * "implicitly-opened". */
#define CLI_WORD_MAX 32
const char *cli_word(const char *name, char buf[CLI_WORD_MAX]);
/* The condition that @name spells, or -1. */
int cli_cond_parse(const char *name);

/* json.c */

/* What is not UTF-8, as a file's name need not be, becomes U+FFFD. */
struct json_object *json_text(const char *v);
/* Members of an object, which takes the value over. */
void json_add_str(struct json_object *o, const char *key, const char *v);
void json_add_u64(struct json_object *o, const char *key, uint64_t v);
void json_add_bool(struct json_object *o, const char *key, bool v);
/* Appends {"zone": slot or null, "what": sentence} to an array. */
void json_add_problem(struct json_object *array, uint32_t slot,
		      const char *what);
/* Prints and frees. */
void json_print(struct json_object *o);
void json_print_compact(struct json_object *o);

#endif
