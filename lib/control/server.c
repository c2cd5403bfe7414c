// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The thread of all control sockets of the process: connections, lines in,
 * lines out, and what is to be done from time to time.  It waits for nobody, a
 * disk or a client: requests are carried out in threads of a pool, those of a
 * disk one after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "base/pool.h"
#include "base/run_dir.h"
#include "base/thread.h"
#include "control/internal.h"
#include "disk/disk.h"

#define PROGRESS_MS  250 /* between lines */
#define WATCH_MS     1000
#define DEAF_MS	     1000 /* after a connection that could not be taken */
#define TOGETHER_MS  500  /* what is due so soon is done now */
#define MAX_EVENTS   64
#define MAX_REQUESTS 8 /* at once */

/* What epoll has a pointer to. */
struct watched {
	void (*ready)(struct watched *w);
};

struct client {
	struct watched watched; /* first */
	struct pool_job job;
	struct control *ctl;
	int fd; /* -1 = free */
	char *in;
	size_t in_len;
	char *out; /* the reply that is being sent; NULL = none */
	size_t out_len, out_pos;
	uint64_t still_at_ms; /* when it is told to wait on; 0: it is not */
};

/* All but what does not change is under the server's lock; a client's lines
 * are the request's while one is carried out. */
struct control {
	struct watched watched; /* first; the listening socket */
	struct disk *disk;
	char path[CONTROL_PATH_MAX];
	int listen_fd;
	struct control *next, *next_leaving;
	bool leaves, has_left;
	uint64_t deaf_until_ms; /* listen_fd is not looked at */
	uint64_t watch_at_ms;	/* see disk_watch() */
	struct history history;
	struct pool_lane lane;
	struct client clients[CONTROL_MAX_CLIENTS];
};

static struct server {
	pthread_mutex_t life; /* starting and ending it; before the lock */
	unsigned nr;
	pthread_t thread;
	int epoll_fd, wake_fd;
	struct watched woken;

	pthread_mutex_t lock;
	pthread_cond_t left;
	struct control *first, *leaving;
	uint64_t due_ms;
	bool stop;
} server = {
	.life = PTHREAD_MUTEX_INITIALIZER,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.left = PTHREAD_COND_INITIALIZER,
};

atomic_uint control_still_ms = 5000;

static struct pool requests = POOL_INIT("zloop-request", MAX_REQUESTS);

static int listen_for(int op, int fd, struct watched *w, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data = { .ptr = w } };

	return epoll_ctl(server.epoll_fd, op, fd, &ev) ? -errno : 0;
}

static void wake(void)
{
	const uint64_t one = 1;

	while (write(server.wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void was_woken(struct watched *w)
{
	uint64_t times;

	(void)w;
	while (read(server.wake_fd, &times, sizeof(times)) < 0 &&
	       errno == EINTR)
		;
}

/*
 * A client.  Each event is told once; what comes next is said when it has been
 * looked into.
 */

static void drop(struct client *c)
{
	close(c->fd);
	free(c->in);
	free(c->out);
	c->fd = -1;
	c->in = c->out = NULL;
	c->in_len = 0;
	c->still_at_ms = 0;
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

static bool receive(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len,
			 CONTROL_REQUEST_MAX - c->in_len, MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->in_len += (size_t)n;
	return n > 0;
}

static bool has_line(const struct client *c)
{
	return memchr(c->in, '\n', c->in_len);
}

/* False: it is to be dropped. */
static bool wait_for_more(struct client *c)
{
	/* A line that does not end. */
	if (!c->out && c->in_len == CONTROL_REQUEST_MAX)
		return false;
	return !listen_for(EPOLL_CTL_MOD, c->fd, &c->watched,
			   EPOLLONESHOT | (c->out ? EPOLLOUT : EPOLLIN));
}

/* Until the reply.  Under the lock, as what follows. */
static void tell_to_wait(struct client *c)
{
	c->still_at_ms = clock_ms() + control_still_ms;
	server.due_ms = min_u64(server.due_ms, c->still_at_ms);
	wake();
}

/* Its turn may come late: others' requests come first, each for as long as it
 * takes. */
static void queue_request(struct client *c)
{
	char *end = memchr(c->in, '\n', c->in_len);

	if (request_wants_progress(c->in, (size_t)(end - c->in)))
		tell_to_wait(c);
	pool_put(&c->ctl->lane, &c->job);
}

/* The next request only when the reply to the last is sent. */
static void go_on(struct client *c)
{
	if (!c->out && has_line(c))
		queue_request(c);
	else if (!wait_for_more(c))
		drop(c);
}

static void client_ready(struct watched *w)
{
	struct client *c = (struct client *)w;

	if (c->out ? flush(c) : receive(c))
		go_on(c);
	else
		drop(c);
}

/* What does not fit is left out: the work does not wait for who asked for it.
 * From several threads, as it is one line. */
static void tell(int fd, uint32_t done, uint32_t total)
{
	char line[80];
	int len;
	ssize_t n;

	len = snprintf(line, sizeof(line),
		       "{\"progress\":{\"done\":%" PRIu32 ",\"total\":%" PRIu32
		       "}}\n",
		       done, total);
	n = send(fd, line, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
	/* Linux takes so short a line whole or not at all
	 * (unix_stream_sendmsg()); nothing may follow a part of one. */
	if (n >= 0 && n != len)
		shutdown(fd, SHUT_RDWR);
}

struct telling {
	struct client *client;
	uint64_t due_ms; /* the next line, if it is not the last */
};

static void send_progress(void *user, uint32_t done, uint32_t total)
{
	struct telling *t = user;
	uint64_t now = clock_ms();

	if (now >= t->due_ms || done == total) {
		t->due_ms = now + PROGRESS_MS;
		tell(t->client->fd, done, total);
	}
}

static void get_history(struct control *ctl, struct history *history)
{
	pthread_mutex_lock(&server.lock);
	*history = ctl->history;
	pthread_mutex_unlock(&server.lock);
}

/* Under the lock. */
static void take_reply(struct client *c, size_t len, char *reply)
{
	c->out = reply;
	c->out_len = reply ? strlen(reply) : 0;
	c->out_pos = 0;
	c->still_at_ms = 0;
	c->in_len -= len + 1;
	memmove(c->in, c->in + len + 1, c->in_len);
}

/* The reply is there; the next line may be.  Under the lock. */
static void end_request(struct client *c, size_t len, char *reply)
{
	bool ok;

	take_reply(c, len, reply);
	ok = reply && !c->ctl->leaves && flush(c);
	if (ok && !c->out && !has_line(c))
		ok = receive(c);
	if (ok)
		go_on(c);
	else
		drop(c);
}

/* Not who only has nothing more to say. */
static bool is_gone(const struct client *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static void carry_out(struct client *c)
{
	struct telling t = { .client = c };
	char *end = memchr(c->in, '\n', c->in_len), *reply;
	size_t len = (size_t)(end - c->in);
	struct history history;

	get_history(c->ctl, &history);
	reply = control_answer(c->ctl->disk, &history, c->in, len,
			       send_progress, &t);
	pthread_mutex_lock(&server.lock);
	end_request(c, len, reply);
	pthread_mutex_unlock(&server.lock);
}

/* In a thread of the pool: one, and behind those of others the next.  Who has
 * given up meanwhile thinks that nothing was done. */
static void run_request(struct pool_job *job)
{
	struct client *c = ZL_CONTAINER(job, struct client, job);

	if (!is_gone(c)) {
		carry_out(c);
		return;
	}
	pthread_mutex_lock(&server.lock);
	drop(c);
	pthread_mutex_unlock(&server.lock);
}

/*
 * Connections.
 */

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

static void greet(struct control *ctl, struct client *c, int fd)
{
	c->watched.ready = client_ready;
	c->ctl = ctl;
	c->in = malloc(CONTROL_REQUEST_MAX);
	if (c->in && !listen_for(EPOLL_CTL_ADD, fd, &c->watched,
				 EPOLLONESHOT | EPOLLIN)) {
		c->fd = fd;
		return;
	}
	free(c->in);
	c->in = NULL;
	close(fd);
}

/* Out of descriptors, whoever connects waits in the queue, and would be told
 * again and again. */
static void be_deaf(struct control *ctl)
{
	ctl->deaf_until_ms = clock_ms() + DEAF_MS;
	server.due_ms = min_u64(server.due_ms, ctl->deaf_until_ms);
	listen_for(EPOLL_CTL_MOD, ctl->listen_fd, &ctl->watched, 0);
}

static void take_client(struct watched *w)
{
	struct control *ctl = (struct control *)w;
	int fd = accept4(ctl->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct client *c = free_client(ctl);

	if (fd < 0)
		be_deaf(ctl);
	else if (!may_connect(fd))
		close(fd);
	else if (!c)
		turn_away(fd);
	else
		greet(ctl, c, fd);
}

/*
 * The thread.
 */

static uint64_t mind_history(struct control *ctl, uint64_t now)
{
	if (history_wait_ms(&ctl->history, now) <= TOGETHER_MS)
		history_sample(&ctl->history, ctl->disk, now);
	return now + history_wait_ms(&ctl->history, now);
}

/* Until the disk is to be looked after again. */
static uint64_t mind_disk(struct control *ctl, uint64_t now)
{
	if (!disk_is_watched(ctl->disk))
		return UINT64_MAX;
	if (now + TOGETHER_MS >= ctl->watch_at_ms) {
		disk_watch(ctl->disk);
		ctl->watch_at_ms = now + WATCH_MS;
	}
	return ctl->watch_at_ms;
}

static uint64_t mind_connections(struct control *ctl, uint64_t now)
{
	if (!ctl->deaf_until_ms)
		return UINT64_MAX;
	if (now < ctl->deaf_until_ms)
		return ctl->deaf_until_ms;
	ctl->deaf_until_ms = 0;
	listen_for(EPOLL_CTL_MOD, ctl->listen_fd, &ctl->watched, EPOLLIN);
	return UINT64_MAX;
}

static uint64_t mind_waiting(struct control *ctl, uint64_t now)
{
	uint64_t due = UINT64_MAX;

	for (struct client *c = ctl->clients;
	     c < ctl->clients + CONTROL_MAX_CLIENTS; c++) {
		if (!c->still_at_ms)
			continue;
		if (now >= c->still_at_ms) {
			tell(c->fd, 0, 0);
			c->still_at_ms = now + control_still_ms;
		}
		due = min_u64(due, c->still_at_ms);
	}
	return due;
}

/* Does what it is time for; how long to wait for the next. */
static int mind_time(void)
{
	uint64_t now = clock_ms(), due = UINT64_MAX;

	if (now >= server.due_ms) {
		for (struct control *ctl = server.first; ctl; ctl = ctl->next) {
			due = min_u64(due, mind_history(ctl, now));
			due = min_u64(due, mind_disk(ctl, now));
			due = min_u64(due, mind_connections(ctl, now));
			due = min_u64(due, mind_waiting(ctl, now));
		}
		server.due_ms = due;
	}
	return (int)min_u64(server.due_ms - now, INT_MAX);
}

static void forget(struct control *ctl)
{
	struct control **link = &server.first;

	while (*link != ctl)
		link = &(*link)->next;
	*link = ctl->next;
}

/* Those whose request is being carried out go with its end. */
static void drop_idle_clients(struct control *ctl)
{
	for (struct client *c = ctl->clients;
	     c < ctl->clients + CONTROL_MAX_CLIENTS; c++)
		if (c->fd >= 0 && (c->out || !has_line(c)))
			drop(c);
}

/* Between events, none of which is about what goes here. */
static void let_leave(void)
{
	struct control *ctl;

	while ((ctl = server.leaving)) {
		server.leaving = ctl->next_leaving;
		forget(ctl);
		listen_for(EPOLL_CTL_DEL, ctl->listen_fd, &ctl->watched, 0);
		drop_idle_clients(ctl);
		ctl->has_left = true;
		pthread_cond_broadcast(&server.left);
	}
}

static void *serve_thread(void *arg)
{
	struct epoll_event events[MAX_EVENTS];
	struct watched *w;
	int wait_ms, nr;

	pthread_mutex_lock(&server.lock);
	while (!server.stop) {
		let_leave();
		wait_ms = mind_time();
		pthread_mutex_unlock(&server.lock);
		nr = epoll_wait(server.epoll_fd, events, MAX_EVENTS, wait_ms);
		pthread_mutex_lock(&server.lock);
		for (int i = 0; i < nr; i++) {
			w = events[i].data.ptr;
			w->ready(w);
		}
	}
	pthread_mutex_unlock(&server.lock);
	return arg;
}

/*
 * Its beginning and end, which come with the first disk and go with the last.
 */

static void close_server(void)
{
	if (server.epoll_fd >= 0)
		close(server.epoll_fd);
	if (server.wake_fd >= 0)
		close(server.wake_fd);
}

static int make_server(void)
{
	int ret;

	server.stop = false;
	server.woken.ready = was_woken;
	server.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	server.wake_fd = eventfd(0, EFD_CLOEXEC);
	ret = server.epoll_fd < 0 || server.wake_fd < 0 ? -errno : 0;
	if (!ret)
		ret = listen_for(EPOLL_CTL_ADD, server.wake_fd, &server.woken,
				 EPOLLIN);
	if (!ret)
		ret = thread_start(&server.thread, "zloop-control",
				   serve_thread, NULL);
	if (ret)
		close_server();
	return ret;
}

static void stop_server(void)
{
	pthread_mutex_lock(&server.lock);
	server.stop = true;
	pthread_mutex_unlock(&server.lock);
	wake();
	pthread_join(server.thread, NULL);
	close_server();
}

static int join(void)
{
	int ret = 0;

	pthread_mutex_lock(&server.life);
	if (!server.nr)
		ret = make_server();
	server.nr += !ret;
	pthread_mutex_unlock(&server.life);
	return ret;
}

static void part(void)
{
	pthread_mutex_lock(&server.life);
	if (!--server.nr)
		stop_server();
	pthread_mutex_unlock(&server.life);
}

static int be_served(struct control *ctl)
{
	int ret = pool_lane_begin(&ctl->lane, &requests, 1, run_request);

	if (ret)
		return ret;
	pthread_mutex_lock(&server.lock);
	ret = listen_for(EPOLL_CTL_ADD, ctl->listen_fd, &ctl->watched, EPOLLIN);
	if (!ret) {
		ctl->next = server.first;
		server.first = ctl;
		server.due_ms = 0;
	}
	pthread_mutex_unlock(&server.lock);
	if (ret)
		pool_lane_end(&ctl->lane);
	wake();
	return ret;
}

static void leave(struct control *ctl)
{
	pthread_mutex_lock(&server.lock);
	ctl->leaves = true;
	ctl->next_leaving = server.leaving;
	server.leaving = ctl;
	wake();
	while (!ctl->has_left)
		pthread_cond_wait(&server.left, &server.lock);
	pthread_mutex_unlock(&server.lock);
	pool_lane_end(&ctl->lane);
}

static int start(struct control *ctl, struct zl_err *err)
{
	int ret = control_path(disk_meta(ctl->disk)->serial, ctl->path);

	if (ret)
		return zl_fail(err, -ret, "%s is too long a name for sockets",
			       run_dir());
	ret = run_dir_make(err);
	if (!ret)
		ret = socket_make(ctl->path, &ctl->listen_fd, err);
	if (ret)
		return ret;
	ret = join();
	if (!ret) {
		ret = be_served(ctl);
		if (ret)
			part();
	}
	if (!ret)
		return 0;
	close(ctl->listen_fd);
	unlink(ctl->path);
	return zl_fail(err, -ret, "cannot serve it: %s", limit_strerror(-ret));
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
	ctl->watched.ready = take_client;
	/* It begins with nothing, whatever is done before the thread looks. */
	history_init(&ctl->history);
	history_sample(&ctl->history, disk, clock_ms());
	for (int i = 0; i < CONTROL_MAX_CLIENTS; i++)
		ctl->clients[i].fd = -1;
	ret = start(ctl, err);
	if (ret) {
		free(ctl);
		return ret;
	}
	*control = ctl;
	return 0;
}

void control_stop(struct control *ctl)
{
	if (!ctl)
		return;
	leave(ctl);
	part();
	close(ctl->listen_fd);
	unlink(ctl->path);
	free(ctl);
}
