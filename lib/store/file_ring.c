// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The file store's asynchronous engine: reads and writes through io_uring.
 *
 * The ring has the lock file registered.  It keeps it open until its last
 * request is over, even when the process is killed; so the directory's lock is
 * held for exactly as long as a request can still reach the medium.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/iov.h"
#include "base/log.h"
#include "base/num.h"
#include "store/file.h"

#define RING_DEPTH 128
#define OP_IOVS	   16

/* A request under way. */
struct ring_op {
	struct ring_op *next; /* free list */
	struct store_req *req;
	struct fd_entry *fd;
	struct iov_cur cur; /* behind what is done */
	uint64_t done_bytes;
	/* Hands the operation from thread to thread, for the memory model: what
	 * the kernel does in between is invisible to it. */
	atomic_uint handed;
	struct iovec iov[OP_IOVS];
};

struct file_ring {
	struct store_file *sf;
	struct io_uring ring;
	pthread_t reaper;
	pthread_mutex_t lock; /* the submission queue, the lists below */
	struct ring_op *free;
	struct store_req *wait, *wait_tail; /* no op was free */
	struct ring_op ops[RING_DEPTH];
};

/* Under the lock. */
static struct ring_op *take_op(struct file_ring *r)
{
	struct ring_op *op = r->free;

	if (op)
		r->free = op->next;
	return op;
}

/* Queues what is left of the request.  Under the lock; as many operations as
 * the ring has entries, so there is always one free. */
static void queue_op(struct file_ring *r, struct ring_op *op)
{
	const struct store_req *req = op->req;
	uint64_t left = req->len - op->done_bytes;
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
	struct iov_cur at = op->cur;
	const struct iovec *iov = op->iov;
	size_t cnt;

	if (!op->done_bytes && iov_bytes(req->iov, req->iov_cnt) == req->len) {
		iov = req->iov;
		cnt = min_u64(req->iov_cnt, 1024);
	} else {
		iov_slice(&at, left, op->iov, OP_IOVS, &cnt);
	}
	if (req->op == STORE_READ)
		io_uring_prep_readv(sqe, fd_of(op->fd), iov, (unsigned)cnt,
				    req->off + op->done_bytes);
	else
		io_uring_prep_writev(sqe, fd_of(op->fd), iov, (unsigned)cnt,
				     req->off + op->done_bytes);
	io_uring_sqe_set_data(sqe, op);
	atomic_store_explicit(&op->handed, 1, memory_order_release);
}

static void flush_ring(struct file_ring *r)
{
	int ret;

	do
		ret = io_uring_submit(&r->ring);
	while (ret == -EINTR || ret == -EAGAIN || ret == -EBUSY);
	if (ret < 0)
		zl_log(ZL_LOG_ERR, "%s: io_uring_submit: errno %d", r->sf->path,
		       -ret);
}

static void start_op(struct file_ring *r, struct ring_op *op,
		     struct store_req *req, struct fd_entry *fd)
{
	op->req = req;
	op->fd = fd;
	op->cur = iov_start(req->iov, req->iov_cnt);
	op->done_bytes = 0;
	queue_op(r, op);
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
	int ret = fd_get(r->sf, req->slot, true, fd);

	if (!ret && req->op == STORE_WRITE && fd_wr_err(*fd)) {
		ret = -fd_wr_err(*fd);
		fd_put(*fd, false);
	}
	if (ret)
		finish_req(req, ret);
	return !ret;
}

void file_ring_submit(struct file_ring *r, struct store_req *req)
{
	struct fd_entry *fd;
	struct ring_op *op;

	if (!pin_req(r, req, &fd))
		return;
	req->priv = fd;
	pthread_mutex_lock(&r->lock);
	op = take_op(r);
	if (op) {
		start_op(r, op, req, fd);
		flush_ring(r);
	} else {
		req->next = NULL;
		if (r->wait)
			r->wait_tail->next = req;
		else
			r->wait = req;
		r->wait_tail = req;
	}
	pthread_mutex_unlock(&r->lock);
}

/* The operation is over: the next request that waits gets it. */
static void reuse_op(struct file_ring *r, struct ring_op *op)
{
	struct store_req *req;

	pthread_mutex_lock(&r->lock);
	req = r->wait;
	if (req) {
		r->wait = req->next;
		start_op(r, op, req, req->priv);
		flush_ring(r);
	} else {
		op->next = r->free;
		r->free = op;
	}
	pthread_mutex_unlock(&r->lock);
}

static void op_done(struct file_ring *r, struct ring_op *op, int64_t res)
{
	struct store_req *req = op->req;
	struct fd_entry *fd = op->fd;
	int64_t ret = res;

	if (res >= 0)
		ret = (int64_t)op->done_bytes;
	else if (req->op == STORE_WRITE)
		fd_set_dirty(fd);
	if (req->op == STORE_WRITE && res >= 0) {
		fd_set_dirty(fd);
		if (op->done_bytes < req->len)
			ret = -EIO;
	}
	reuse_op(r, op);
	fd_put(fd, false);
	finish_req(req, ret);
}

static void op_complete(struct file_ring *r, struct ring_op *op, int res)
{
	if (res > 0) {
		op->done_bytes += (uint64_t)res;
		iov_skip(&op->cur, (size_t)res);
	}
	/* A part is done, or nothing yet: go on.  0 is the end of the file. */
	if ((res > 0 && op->done_bytes < op->req->len) || res == -EINTR ||
	    res == -EAGAIN) {
		pthread_mutex_lock(&r->lock);
		queue_op(r, op);
		flush_ring(r);
		pthread_mutex_unlock(&r->lock);
		return;
	}
	op_done(r, op, res);
}

static void *reap(void *arg)
{
	struct file_ring *r = arg;
	struct io_uring_cqe *cqe;
	struct ring_op *op;
	int ret, res;

	for (;;) {
		ret = io_uring_wait_cqe(&r->ring, &cqe);
		if (ret == -EINTR)
			continue;
		if (ret < 0) {
			zl_log(ZL_LOG_ERR, "%s: io_uring_wait_cqe: errno %d",
			       r->sf->path, -ret);
			abort();
		}
		op = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&r->ring, cqe);
		if (!op)
			return NULL;
		atomic_load_explicit(&op->handed, memory_order_acquire);
		op_complete(r, op, res);
	}
}

static int start_reaper(struct file_ring *r)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&r->reaper, NULL, reap, r);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -ret;
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
	/* One more for the message that ends the reaper. */
	ret = io_uring_queue_init(RING_DEPTH + 1, &r->ring, 0);
	if (ret)
		goto free_ring;
	if (sf->lock_fd >= 0) {
		ret = io_uring_register_files(&r->ring, &sf->lock_fd, 1);
		if (ret)
			goto exit_ring;
	}
	ret = start_reaper(r);
	if (ret)
		goto exit_ring;
	*ring = r;
	return 0;
exit_ring:
	io_uring_queue_exit(&r->ring);
free_ring:
	pthread_mutex_destroy(&r->lock);
	free(r);
	return ret;
}

/* The lock file was replaced: the ring holds the new one. */
int file_ring_relock(struct file_ring *r)
{
	int ret =
		io_uring_register_files_update(&r->ring, 0, &r->sf->lock_fd, 1);

	return ret < 0 ? ret : 0;
}

void file_ring_stop(struct file_ring *r)
{
	struct io_uring_sqe *sqe;

	pthread_mutex_lock(&r->lock);
	sqe = io_uring_get_sqe(&r->ring);
	io_uring_prep_nop(sqe);
	io_uring_sqe_set_data(sqe, NULL);
	flush_ring(r);
	pthread_mutex_unlock(&r->lock);
	pthread_join(r->reaper, NULL);
	io_uring_queue_exit(&r->ring);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
