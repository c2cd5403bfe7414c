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

#include "control/internal.h"

#define WAIT_SECONDS 30 /* a request may wait for a zone's FINISH */

static int connect_to(const char *path, struct zl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int ret, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return zl_fail(err, errno, "no socket: %s", strerror(errno));
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
		       strerror(ret));
}

static int send_line(int fd, const char *text, struct zl_err *err)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left) {
		n = send(fd, text, left, MSG_NOSIGNAL);
		if (n < 0)
			return zl_fail(err, errno,
				       "the request cannot be "
				       "sent: %s",
				       strerror(errno));
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

/* Up to the newline, which is not in *len. */
static int receive_line(int fd, char *buf, size_t *len, struct zl_err *err)
{
	char *end = NULL;
	size_t have = 0;
	ssize_t n;

	while (!end) {
		n = recv(fd, buf + have, CONTROL_REPLY_MAX - have, 0);
		if (n <= 0)
			return zl_fail(err, EIO,
				       "there is no reply to the request");
		end = memchr(buf + have, '\n', (size_t)n);
		have += (size_t)n;
	}
	*len = (size_t)(end - buf);
	return 0;
}

static int take_reply(char *text, size_t len, struct json_object **reply,
		      struct zl_err *err)
{
	struct json_object *v;
	const char *why = "the reply is not one";

	text[len] = 0;
	*reply = json_tokener_parse(text);
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
		struct zl_err *err)
{
	char *buf = malloc(CONTROL_REPLY_MAX);
	const char *text;
	size_t len = 0;
	int ret;

	if (!buf)
		return zl_fail(err, ENOMEM, "out of memory");
	text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	ret = send_line(fd, text, err);
	if (!ret)
		ret = send_line(fd, "\n", err);
	if (!ret)
		ret = receive_line(fd, buf, &len, err);
	if (!ret)
		ret = take_reply(buf, len, reply, err);
	free(buf);
	return ret;
}

int control_call(const char *serial, struct json_object *request,
		 struct json_object **reply, struct zl_err *err)
{
	char path[CONTROL_PATH_MAX];
	int fd, ret;

	*reply = NULL;
	if (control_path(serial, path))
		return zl_fail(err, ENAMETOOLONG,
			       "%s is too long a name for sockets",
			       control_dir());
	fd = connect_to(path, err);
	if (fd < 0)
		return fd;
	ret = talk(fd, request, reply, err);
	close(fd);
	return ret;
}
