/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the files of lib/control share. */
#ifndef ZL_CONTROL_INTERNAL_H
#define ZL_CONTROL_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "control/ask.h"
#include "control/control.h"

/* A request that is being carried out. */
struct request {
	struct disk *disk;
	const struct history *history; /* NULL: there is none */
	disk_progress_fn *progress;    /* NULL: nobody is told */
	void *progress_user;
	struct json_object *in, *out;
	struct zl_err *err;
};

/* members.c */

/* Puts a member into the reply. */
void reply_add(struct request *r, const char *key, struct json_object *v);
/* null if it is beyond what JSON can say: an address that is not valid. */
struct json_object *new_u64(uint64_t v);
/* What is not UTF-8, as a file's name need not be, becomes U+FFFD. */
struct json_object *new_text(const char *s);
/* Text as one word: "implicitly-opened". */
struct json_object *new_word(const char *name);
/* A member that may be left out; false (and the sentence) if it is wrong. */
bool request_u64(struct request *r, const char *key, uint64_t max, uint64_t *v);
bool request_bool(struct request *r, const char *key, bool *v);

/* Whether who sends that line wants to hear something before the reply. */
bool request_wants_progress(const char *text, size_t len);

/* An array's length; 0 of what is none. */
size_t array_length(struct json_object *array);

/* numbers.c: info, stats, history */
int do_info(struct request *r);
int do_stats(struct request *r);
int do_history(struct request *r);
/* record.c; record_json: null if nothing ever was */
int do_snapshot(struct request *r);
int do_record_stop(struct request *r);
int do_record_mark(struct request *r);
struct json_object *record_json(struct disk *disk);
/* zones.c */
int do_zones(struct request *r);
/* realms.c */
int do_realms(struct request *r);
int do_activate(struct request *r);
/* An array; empty on a disk without. */
struct json_object *domains_json(struct disk *disk);

/*
 * history.c: what the disk has done, each second at first; when there are
 * HISTORY_MAX samples, every second one goes and they come half as often.
 */
#define HISTORY_MAX 240

struct history {
	struct control_sample samples[HISTORY_MAX];
	unsigned nr;
	uint64_t interval_ms;
	uint64_t due_ms;
	uint64_t mark; /* disk_activity_mark() at the last one */
	bool still;    /* and at the one before */
};

void history_init(struct history *h);
/* How long until the next one is to be taken; 0 = now. */
uint64_t history_wait_ms(const struct history *h, uint64_t now_ms);
void history_sample(struct history *h, struct disk *disk, uint64_t now_ms);
/* Members and samples, into a reply. */
void history_report(const struct history *h, struct json_object *out);
/* The same back, for the caller to free; or -ENOMEM. */
int history_take(struct json_object *reply, struct control_sample **samples,
		 unsigned *nr);

/* server.c: after so long, and again, who asked for progress is told that there
 * is something to wait for; tests set their own. */
extern atomic_uint control_still_ms;

/*
 * socket.c: a disk's socket at @path, not blocking; one that is left over is
 * replaced.  0, or -errno with a sentence (-EADDRINUSE: it is served).
 */
int socket_make(const char *path, int *fd, struct zl_err *err);

/* client.c: whether a reply says yes: 0, or -EPROTO with its sentence, and it
 * is put. */
int reply_examine(struct json_object **reply, struct zl_err *err);

#endif
