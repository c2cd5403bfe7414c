/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The control socket of an open disk: a Unix stream socket on which requests
 * and replies are JSON objects, one a line.  docs/control-protocol.md has the
 * requests.
 *
 * Rules that hold everywhere here:
 * - Who connects must be root or the user of the process, as the kernel says
 *   (SO_PEERCRED).
 * - A message is bounded (CONTROL_REQUEST_MAX, CONTROL_REPLY_MAX bytes), and so
 *   are the clients of a disk (CONTROL_MAX_CLIENTS).
 * - I/O never waits for a request.  One thread serves the sockets of all disks
 *   of the process, and waits for none: a disk's requests are carried out
 *   elsewhere, one after the other, and a client that does not read its replies
 *   holds back nobody but itself.
 */
#ifndef ZL_CONTROL_CONTROL_H
#define ZL_CONTROL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "disk/disk.h"

struct control;
struct json_object;

#define CONTROL_REQUEST_MAX 65536
#define CONTROL_REPLY_MAX   (4 << 20)
#define CONTROL_MAX_CLIENTS 16
#define CONTROL_MAX_ZONES   1000 /* in one reply */

#define CONTROL_PATH_MAX 108 /* struct sockaddr_un */

/*
 * The name, in the run_dir(), of the socket for the disk with this serial
 * number. 0 or -ENAMETOOLONG.
 */
int control_path(const char *serial, char path[CONTROL_PATH_MAX]);

/*
 * Calls @fn with the serial number of each disk that has a socket, in order,
 * until it returns false.  A socket that was left over is one as well.  0, or
 * -errno with a sentence if the directory cannot be read; that there is none is
 * no error.
 */
int control_each(bool (*fn)(void *user, const char *serial), void *user,
		 struct zl_err *err);

/*
 * Starts to serve an open disk, which must outlive it.  Makes the directory and
 * the socket (0600); one of that name that is left over is replaced.
 * -EADDRINUSE: somebody serves it, who has the disk's copy open, as the disk's
 * lock is ours.
 */
int control_start(struct disk *disk, struct control **control,
		  struct zl_err *err);
/* Ends it and removes the socket.  NULL: there is none. */
void control_stop(struct control *control);

struct history;

/*
 * Carries out one request, the @len bytes at @text, and returns the reply as
 * malloc'ed text with a newline at its end, or NULL for want of memory.
 * @history: the samples that were taken, or NULL.  @progress: called while a
 * request that asks for it is carried out; or NULL.
 */
char *control_answer(struct disk *disk, const struct history *history,
		     const char *text, size_t len, disk_progress_fn *progress,
		     void *user);

/*
 * The client's side.  call: sends @request, waits (up to some seconds for each
 * line) for the reply, which is the caller's to put; -ENOENT without a sentence
 * when nobody serves the disk, -EPROTO with the reply's sentence when it says
 * no.  @progress: gets what comes before the reply of a request with
 * "progress": true, with 0 < done <= total; or NULL.
 */
int control_call(const char *serial, struct json_object *request,
		 struct json_object **reply, disk_progress_fn *progress,
		 void *user, struct zl_err *err);

#endif
