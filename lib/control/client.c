// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The client's side of the control socket. */
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/run_dir.h"
#include "control/internal.h"

#define WAIT_SECONDS 30 /* a request may wait for a zone's FINISH */

static int connect_to(const char *path, struct zl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int ret, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return zl_fail(err, errno, "no socket: %s",
			       limit_strerror(errno));
	strcpy(addr.sun_path, path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	ret = errno;
	close(fd);
	if (ret == ENOENT || ret == ECONNREFUSED)
		return -ENOENT;
	return zl_fail(err, ret, "cannot connect to %s: %s", path,
		       limit_strerror(ret));
}

static int send_line(int fd, const char *text, struct zl_err *err)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = send(fd, text, left, MSG_NOSIGNAL);
		/* It is hung up, perhaps with a reply that says why. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0)
			return zl_fail(err, errno,
				       "the request cannot be "
				       "sent: %s",
				       limit_strerror(errno));
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* What was received and not looked at yet. */
struct input {
	int fd;
	size_t have;
	char *buf; /* CONTROL_REPLY_MAX bytes */
};

/* The next line, with a NUL for its newline; *len counts that. */
static int receive_line(struct input *in, size_t *len, struct zl_err *err)
{
	size_t seen = 0;
	char *end;
	ssize_t n;

	while (!(end = memchr(in->buf + seen, '\n', in->have - seen))) {
		seen = in->have;
		n = recv(in->fd, in->buf + seen, CONTROL_REPLY_MAX - seen, 0);
		if (n <= 0)
			return zl_fail(err, EIO,
				       "there is no reply to the request");
		in->have += (size_t)n;
	}
	*end = 0;
	*len = (size_t)(end - in->buf) + 1;
	return 0;
}

static int receive_object(struct input *in, struct json_object **o,
			  struct zl_err *err)
{
	size_t len = 0;
	int ret = receive_line(in, &len, err);

	if (ret)
		return ret;
	*o = json_tokener_parse(in->buf);
	in->have -= len;
	memmove(in->buf, in->buf + len, in->have);
	return 0;
}

/* False: the line is something else, and so the reply. */
static bool pass_progress(struct json_object *o, disk_progress_fn *progress,
			  void *user)
{
	struct json_object *v;
	int64_t done, total;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, "progress", &v) ||
	    !json_object_is_type(v, json_type_object))
		return false;
	done = json_object_get_int64(json_object_object_get(v, "done"));
	total = json_object_get_int64(json_object_object_get(v, "total"));
	if (progress && done > 0 && done <= total && total <= UINT32_MAX)
		progress(user, (uint32_t)done, (uint32_t)total);
	return true;
}

static int receive_reply(struct input *in, struct json_object **reply,
			 disk_progress_fn *progress, void *user,
			 struct zl_err *err)
{
	int ret = receive_object(in, reply, err);

	while (!ret && pass_progress(*reply, progress, user)) {
		json_object_put(*reply);
		*reply = NULL;
		ret = receive_object(in, reply, err);
	}
	return ret;
}

int reply_examine(struct json_object **reply, struct zl_err *err)
{
	struct json_object *v;
	const char *why = "the reply is not one";

	if (json_object_is_type(*reply, json_type_object) &&
	    json_object_get_boolean(json_object_object_get(*reply, "ok")))
		return 0;
	if (json_object_is_type(*reply, json_type_object) &&
	    json_object_object_get_ex(*reply, "error", &v))
		why = json_object_get_string(v);
	zl_fail(err, EPROTO, "%s", why ? why : "");
	json_object_put(*reply);
	*reply = NULL;
	return -EPROTO;
}

static int talk(int fd, struct json_object *request, struct json_object **reply,
		disk_progress_fn *progress, void *user, struct zl_err *err)
{
	struct input in = { .fd = fd, .buf = malloc(CONTROL_REPLY_MAX) };
	const char *text;
	int ret;

	if (!in.buf)
		return zl_fail(err, ENOMEM, "out of memory");
	text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	ret = send_line(fd, text, err);
	if (!ret)
		ret = send_line(fd, "\n", err);
	if (!ret)
		ret = receive_reply(&in, reply, progress, user, err);
	if (!ret)
		ret = reply_examine(reply, err);
	free(in.buf);
	return ret;
}

int control_call(const char *serial, struct json_object *request,
		 struct json_object **reply, disk_progress_fn *progress,
		 void *user, struct zl_err *err)
{
	char path[CONTROL_PATH_MAX];
	int fd, ret;

	*reply = NULL;
	if (control_path(serial, path))
		return zl_fail(err, ENAMETOOLONG,
			       "%s is too long a name for sockets", run_dir());
	fd = connect_to(path, err);
	if (fd < 0)
		return fd;
	ret = talk(fd, request, reply, progress, user, err);
	close(fd);
	return ret;
}
