// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The socket's thread: connections, lines in, lines out. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/num.h"
#include "base/run_dir.h"
#include "base/thread.h"
#include "control/internal.h"
#include "disk/disk.h"

#define PROGRESS_MS 250 /* between lines */
#define WATCH_MS    1000
#define DYING_MS    1000 /* how long the end of a process may take */
#define DEAF_MS	    1000 /* after a connection that could not be taken */

struct client {
	int fd; /* -1 = free */
	char *in;
	size_t in_len;
	char *out; /* the reply that is being sent; NULL = none */
	size_t out_len, out_pos;
};

struct control {
	struct disk *disk;
	char path[CONTROL_PATH_MAX];
	int listen_fd, stop_fd;
	uint64_t deaf_until_ms; /* listen_fd is not looked at */
	uint64_t watch_at_ms;	/* see disk_watch() */
	pthread_t thread;
	struct history history;
	struct client clients[CONTROL_MAX_CLIENTS];
};

static void drop(struct client *c)
{
	close(c->fd);
	free(c->in);
	free(c->out);
	*c = (struct client){ .fd = -1 };
}

static bool may_connect(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static struct client *free_client(struct control *ctl)
{
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (ctl->clients[i].fd < 0)
			return &ctl->clients[i];
	return NULL;
}

/* The reply to whatever it asks. */
static void turn_away(int fd)
{
	static const char reply[] =
		"{\"ok\":false,\"error\":\"the control socket has as many "
		"clients as it serves; try again when one has left\"}\n";

	send(fd, reply, sizeof(reply) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	close(fd);
}

/* Out of descriptors, whoever connects waits in the queue, and poll() would
 * return for it at once, again and again. */
static void take_client(struct control *ctl)
{
	int fd = accept4(ctl->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = free_client(ctl);

	if (fd < 0) {
		ctl->deaf_until_ms = clock_ms() + DEAF_MS;
		return;
	}
	if (!may_connect(fd)) {
		close(fd);
		return;
	}
	if (!c) {
		turn_away(fd);
		return;
	}
	c->in = malloc(CONTROL_REQUEST_MAX);
	if (!c->in)
		close(fd);
	else
		c->fd = fd;
}

/* Sends what can be sent; false: the client is gone. */
static bool flush(struct client *c)
{
	ssize_t n;

	while (c->out && c->out_pos < c->out_len) {
		n = send(c->fd, c->out + c->out_pos, c->out_len - c->out_pos,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		c->out_pos += (size_t)n;
	}
	free(c->out);
	c->out = NULL;
	return true;
}

struct telling {
	int fd;
	uint64_t due_ms; /* the next line, if it is not the last */
};

/* What does not fit is left out: the work does not wait for who asked for it.
 */
static void send_progress(void *user, uint32_t done, uint32_t total)
{
	struct telling *t = user;
	uint64_t now = clock_ms();
	char line[80];
	int len;
	ssize_t n;

	if (now < t->due_ms && done != total)
		return;
	t->due_ms = now + PROGRESS_MS;
	len = snprintf(line, sizeof(line),
		       "{\"progress\":{\"done\":%" PRIu32 ",\"total\":%" PRIu32
		       "}}\n",
		       done, total);
	n = send(t->fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* Linux takes so short a line whole or not at all
	 * (unix_stream_sendmsg()); nothing may follow a part of one. */
	if (n >= 0 && n != len)
		shutdown(t->fd, SHUT_RDWR);
}

static void reply_to_line(struct control *ctl, struct client *c, size_t len)
{
	struct telling t = { .fd = c->fd };

	c->out = control_answer(ctl->disk, &ctl->history, c->in, len,
				send_progress, &t);
	c->out_len = c->out ? strlen(c->out) : 0;
	c->out_pos = 0;
	c->in_len -= len + 1;
	memmove(c->in, c->in + len + 1, c->in_len);
}

/*
 * Carries out the lines that are there, one after the other: the next only when
 * the reply to the last is sent.  False: the client is to be dropped.
 */
static bool serve_lines(struct control *ctl, struct client *c)
{
	char *end;

	while (!c->out) {
		end = memchr(c->in, '\n', c->in_len);
		if (!end)
			/* A line that does not end. */
			return c->in_len < CONTROL_REQUEST_MAX;
		reply_to_line(ctl, c, (size_t)(end - c->in));
		if (!c->out || !flush(c))
			return false;
	}
	return true;
}

static bool receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len,
			 CONTROL_REQUEST_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in_len += (size_t)n;
	return n > 0;
}

static void serve(struct control *ctl, struct client *c, short events)
{
	bool ok = true;

	if (events & POLLOUT)
		ok = flush(c);
	else if (events & (POLLIN | POLLHUP | POLLERR))
		ok = receive(c);
	if (!ok || !serve_lines(ctl, c))
		drop(c);
}

static void fill_polls(const struct control *ctl, struct pollfd *p)
{
	const struct client *c = ctl->clients;

	p[0] = (struct pollfd){ .fd = ctl->stop_fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = ctl->deaf_until_ms ? -1 : ctl->listen_fd,
				.events = POLLIN };
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		p[2 + i] = (struct pollfd){
			.fd = c[i].fd,
			.events = c[i].out ? POLLOUT : POLLIN,
		};
}

/* Until the disk is to be looked after again. */
static uint64_t watch_ms(struct control *ctl, uint64_t now)
{
	if (now >= ctl->watch_at_ms) {
		disk_watch(ctl->disk);
		ctl->watch_at_ms = now + WATCH_MS;
	}
	return ctl->watch_at_ms - now;
}

/* Does what it is time for; how long to wait for the next. */
static int mind_time(struct control *ctl)
{
	uint64_t now = clock_ms(), wait;

	if (!history_wait_ms(&ctl->history, now))
		history_sample(&ctl->history, ctl->disk, now);
	wait = min_u64(history_wait_ms(&ctl->history, now), INT_MAX);
	if (disk_is_watched(ctl->disk))
		wait = min_u64(wait, watch_ms(ctl, now));
	if (ctl->deaf_until_ms <= now)
		ctl->deaf_until_ms = 0;
	else
		wait = min_u64(wait, ctl->deaf_until_ms - now);
	return (int)wait;
}

static void *serve_thread(void *arg)
{
	struct control *ctl = arg;
	struct pollfd p[2 + CONTROL_MAX_CLIENTS];
	int wait_ms;

	for (;;) {
		wait_ms = mind_time(ctl);
		fill_polls(ctl, p);
		if (poll(p, 2 + CONTROL_MAX_CLIENTS, wait_ms) <= 0)
			continue;
		if (p[0].revents)
			break;
		for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
			if (ctl->clients[i].fd >= 0 && p[2 + i].revents)
				serve(ctl, &ctl->clients[i], p[2 + i].revents);
		if (p[1].revents)
			take_client(ctl);
	}
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		if (ctl->clients[i].fd >= 0)
			drop(&ctl->clients[i]);
	return NULL;
}

/* A socket that was left over refuses, one whose queue is full says EAGAIN. */
static bool is_served(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool served;

	if (fd < 0)
		return false;
	served = !connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
		 errno == EAGAIN;
	close(fd);
	return served;
}

/* A process that was killed may have lost the disk's lock a moment before its
 * socket. */
static bool stays_served(const struct sockaddr_un *addr)
{
	const struct timespec wait = { .tv_nsec = 10000000 };
	unsigned times = DYING_MS / 10;

	while (is_served(addr)) {
		if (!times--)
			return true;
		nanosleep(&wait, NULL);
	}
	return false;
}

/* Nobody can connect before listen(): the mode is right by then. */
static int make_socket(struct control *ctl, struct zl_err *err)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	strcpy(addr.sun_path, ctl->path);
	if (stays_served(&addr))
		return zl_fail(err, EADDRINUSE,
			       "%s is another process's, which has a disk of "
			       "this serial number open, perhaps a copy",
			       ctl->path);
	ctl->listen_fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlink(ctl->path);
	if (ctl->listen_fd < 0 ||
	    bind(ctl->listen_fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    chmod(ctl->path, 0600) || listen(ctl->listen_fd, 8))
		return zl_fail(err, errno, "the socket %s cannot be made: %s",
			       ctl->path, strerror(errno));
	return 0;
}

static int start_thread(struct control *ctl)
{
	ctl->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (ctl->stop_fd < 0)
		return -errno;
	return thread_start(&ctl->thread, "zloop-control", serve_thread, ctl);
}

static void release(struct control *ctl)
{
	if (ctl->listen_fd >= 0) {
		close(ctl->listen_fd);
		unlink(ctl->path);
	}
	if (ctl->stop_fd >= 0)
		close(ctl->stop_fd);
	free(ctl);
}

static int start(struct control *ctl, struct zl_err *err)
{
	int ret = control_path(disk_meta(ctl->disk)->serial, ctl->path);

	if (ret)
		return zl_fail(err, -ret, "%s is too long a name for sockets",
			       run_dir());
	ret = run_dir_make(err);
	if (!ret)
		ret = make_socket(ctl, err);
	if (ret)
		return ret;
	ret = start_thread(ctl);
	if (ret)
		return zl_fail(err, -ret, "cannot start a thread: %s",
			       strerror(-ret));
	return 0;
}

int control_start(struct disk *disk, struct control **control,
		  struct zl_err *err)
{
	struct control *ctl = calloc(1, sizeof(*ctl));
	int ret;

	*control = NULL;
	if (!ctl)
		return zl_fail(err, ENOMEM, "out of memory");
	ctl->disk = disk;
	history_init(&ctl->history);
	ctl->listen_fd = ctl->stop_fd = -1;
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		ctl->clients[i].fd = -1;
	ret = start(ctl, err);
	if (ret) {
		release(ctl);
		return ret;
	}
	*control = ctl;
	return 0;
}

void control_stop(struct control *ctl)
{
	uint64_t one = 1;

	if (!ctl)
		return;
	while (write(ctl->stop_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	pthread_join(ctl->thread, NULL);
	release(ctl);
}
