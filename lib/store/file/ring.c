// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The file store's asynchronous engine: reads and writes through io_uring.
 *
 * The ring has the lock file and the directory registered.  It keeps them open
 * until its last request is over, even when the process is killed; so the
 * directory's lock is held for exactly as long as a request can still reach the
 * medium.
 *
 * One thread, the engine's, submits and reaps.  The kernel finishes a request
 * in the thread that submitted it: if that were the caller's, which may be
 * waiting for a slow write, all reads would wait along.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/log.h"
#include "base/num.h"
#include "base/thread.h"
#include "store/file/file.h"

#define RING_DEPTH 128
#define OP_IOVS	   16

/* A request under way. */
struct ring_op {
	struct ring_op *next; /* free list */
	struct store_req *req;
	struct fd_entry *fd;
	struct iov_cur cur; /* behind what is done */
	uint64_t done_bytes;
	bool direct, not_direct; /* is direct I/O; must not be */
	struct iovec iov[OP_IOVS];
};

struct file_ring {
	struct store_file *sf;
	pthread_t thread;
	int wake_fd; /* the ring always reads from this eventfd */

	pthread_mutex_t lock; /* up to here: */
	struct store_req *wait, *wait_tail;
	bool asleep; /* to be woken when something is added */
	bool stop;

	/* The engine's thread's alone. */
	struct io_uring ring;
	uint64_t wakes; /* read from wake_fd */
	struct ring_op *free;
	struct ring_op ops[RING_DEPTH];
};

static void wake(struct file_ring *r)
{
	const uint64_t one = 1;

	/* It cannot be full: each wake-up is read before the next. */
	while (write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void finish_req(struct store_req *req, int64_t res)
{
	req->res = res;
	req->done(req);
}

/* Pins the descriptor; false: finished with an error. */
static bool pin_req(struct file_ring *r, struct store_req *req,
		    struct fd_entry **fd)
{
	int ret = req->op == STORE_READ ? 0 : file_is_lost(r->sf);

	if (!ret)
		ret = fd_get(r->sf, req->slot, true, fd);
	if (!ret && req->op == STORE_WRITE && fd_wr_err(*fd)) {
		ret = -fd_wr_err(*fd);
		fd_put(*fd, false);
	} else if (!ret && req->op == STORE_WRITE) {
		ret = fd_check(*fd, req->size, 0, false);
		if (ret)
			fd_put(*fd, false);
	}
	if (ret)
		finish_req(req, ret);
	return !ret;
}

void file_ring_submit(struct file_ring *r, struct store_req *req)
{
	struct fd_entry *fd;
	bool asleep;

	if (!pin_req(r, req, &fd))
		return;
	req->priv = fd;
	req->next = NULL;
	pthread_mutex_lock(&r->lock);
	if (r->wait)
		r->wait_tail->next = req;
	else
		r->wait = req;
	r->wait_tail = req;
	asleep = r->asleep;
	r->asleep = false;
	pthread_mutex_unlock(&r->lock);
	if (asleep)
		wake(r);
}

/*
 * What follows runs in the engine's thread.
 */

/* The ring has an entry for each operation and one for this: get_sqe() always
 * finds one. */
static void queue_wake_up(struct file_ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	io_uring_prep_read(sqe, r->wake_fd, &r->wakes, sizeof(r->wakes), 0);
	io_uring_sqe_set_data(sqe, NULL);
}

/* Queues what is left of the request. */
static void queue_op(struct file_ring *r, struct ring_op *op)
{
	const struct store_req *req = op->req;
	uint64_t left = req->len - op->done_bytes;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	struct iov_cur at = op->cur;
	const struct iovec *iov = op->iov;
	uint64_t off = req->off + op->done_bytes;
	size_t cnt;
	int fd;

	if (!op->done_bytes && iov_bytes(req->iov, req->iov_cnt) == req->len) {
		iov = req->iov;
		cnt = min_u64(req->iov_cnt, 1024);
	} else {
		iov_slice(&at, left, op->iov, OP_IOVS, &cnt);
	}
	fd = op->not_direct ? fd_of(op->fd) : fd_for(op->fd, iov, cnt, off);
	op->direct = fd != fd_of(op->fd);
	if (req->op == STORE_READ)
		io_uring_prep_readv(sqe, fd, iov, (unsigned)cnt, off);
	else
		io_uring_prep_writev(sqe, fd, iov, (unsigned)cnt, off);
	io_uring_sqe_set_data(sqe, op);
}

static void start_op(struct file_ring *r, struct store_req *req)
{
	struct ring_op *op = r->free;

	r->free = op->next;
	op->req = req;
	op->fd = req->priv;
	op->cur = iov_start(req->iov, req->iov_cnt);
	op->done_bytes = 0;
	op->not_direct = false;
	queue_op(r, op);
}

/* The next request that waits, if it can be started. */
static struct store_req *take_waiting(struct file_ring *r)
{
	struct store_req *req = NULL;

	pthread_mutex_lock(&r->lock);
	if (r->free) {
		req = r->wait;
		if (req)
			r->wait = req->next;
		/* When nothing is free a completion comes before anything. */
		r->asleep = !req;
	}
	pthread_mutex_unlock(&r->lock);
	return req;
}

static void op_done(struct file_ring *r, struct ring_op *op, int64_t res)
{
	struct store_req *req = op->req;
	struct fd_entry *fd = op->fd;
	int64_t ret = res;

	if (res >= 0)
		ret = (int64_t)op->done_bytes;
	if (req->op == STORE_WRITE) {
		fd_set_dirty(fd);
		if (res >= 0 && op->done_bytes < req->len)
			ret = -EIO;
	}
	op->next = r->free;
	r->free = op;
	fd_put(fd, false);
	finish_req(req, ret);
}

static void op_complete(struct file_ring *r, struct ring_op *op, int res)
{
	if (res == -EINVAL && op->direct) {
		op->not_direct = true;
		res = -EAGAIN;
	}
	if (res > 0) {
		op->done_bytes += (uint64_t)res;
		iov_skip(&op->cur, (size_t)res);
	}
	/* A part is done, or nothing yet: go on.  0 is the end of the file. */
	if ((res > 0 && op->done_bytes < op->req->len) || res == -EINTR ||
	    res == -EAGAIN)
		queue_op(r, op);
	else
		op_done(r, op, res);
}

static void reap(struct file_ring *r)
{
	struct io_uring_cqe *cqe;
	struct ring_op *op;
	int res;

	while (!io_uring_peek_cqe(&r->ring, &cqe)) {
		op = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&r->ring, cqe);
		if (op)
			op_complete(r, op, res);
		else
			queue_wake_up(r);
	}
}

static bool stopped(struct file_ring *r)
{
	bool stop;

	pthread_mutex_lock(&r->lock);
	stop = r->stop;
	pthread_mutex_unlock(&r->lock);
	return stop;
}

static void *run(void *arg)
{
	struct file_ring *r = arg;
	struct store_req *req;
	int ret;

	queue_wake_up(r);
	while (!stopped(r)) {
		while ((req = take_waiting(r)))
			start_op(r, req);
		ret = io_uring_submit_and_wait(&r->ring, 1);
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN &&
		    ret != -EBUSY) {
			zl_log(ZL_LOG_ERR, "%s: io_uring: errno %d",
			       r->sf->path, -ret);
			abort();
		}
		reap(r);
	}
	return NULL;
}

/* Without signals from the kernel to itself the thread is interrupted less;
 * older kernels (before 5.19) do not know of it. */
static int init_ring(struct file_ring *r)
{
	const int locks[] = { r->sf->lock_fd, r->sf->dir_fd };
	int ret = io_uring_queue_init(RING_DEPTH + 1, &r->ring,
				      IORING_SETUP_COOP_TASKRUN);

	if (ret == -EINVAL)
		ret = io_uring_queue_init(RING_DEPTH + 1, &r->ring, 0);
	if (ret)
		return ret;
	if (r->sf->lock_fd >= 0)
		ret = io_uring_register_files(&r->ring, locks, 2);
	if (ret)
		io_uring_queue_exit(&r->ring);
	return ret;
}

/*
 * The kernel takes the ring down some time after this, in a thread of its own,
 * and would keep the lock file open until then, and the file system mounted.
 * The files of requests it has let go of when the thread that submitted them
 * has ended.
 */
static void exit_ring(struct file_ring *r)
{
	int ret;

	do
		ret = io_uring_unregister_files(&r->ring);
	while (ret == -EINTR);
	io_uring_queue_exit(&r->ring);
	close(r->wake_fd);
}

static int start(struct file_ring *r)
{
	int ret;

	r->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (r->wake_fd < 0)
		return -errno;
	ret = init_ring(r);
	if (ret) {
		close(r->wake_fd);
		return ret;
	}
	ret = thread_start(&r->thread, "zloop-ring", run, r);
	if (ret)
		exit_ring(r);
	return ret;
}

int file_ring_start(struct store_file *sf, struct file_ring **ring)
{
	struct file_ring *r = calloc(1, sizeof(*r));
	int ret;

	if (!r)
		return -ENOMEM;
	r->sf = sf;
	pthread_mutex_init(&r->lock, NULL);
	for (int i = 0; i < RING_DEPTH; i++) {
		r->ops[i].next = r->free;
		r->free = &r->ops[i];
	}
	ret = start(r);
	if (!ret) {
		*ring = r;
		return 0;
	}
	pthread_mutex_destroy(&r->lock);
	free(r);
	return ret;
}

void file_ring_relock(struct file_ring *r)
{
	int ret =
		io_uring_register_files_update(&r->ring, 0, &r->sf->lock_fd, 1);

	if (ret < 0)
		zl_log(ZL_LOG_WARN,
		       "%s: io_uring does not take the new lock file (%s)",
		       r->sf->path, strerror(-ret));
}

void file_ring_stop(struct file_ring *r)
{
	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_mutex_unlock(&r->lock);
	wake(r);
	pthread_join(r->thread, NULL);
	exit_ring(r);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
