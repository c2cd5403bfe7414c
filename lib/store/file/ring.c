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
 * waiting for a slow write, all reads would wait along.  Nor is it shared by
 * several stores: to submit a read may mean to wait for a file system.
 *
 * Thread and ring come with the first request, and go when there has been none
 * for some seconds.  A process has a bounded number of them; who finds no place
 * does without.
 */
#include <errno.h>
#include <liburing.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/iov.h"
#include "base/limit.h"
#include "base/log.h"
#include "base/num.h"
#include "base/thread.h"
#include "store/file/file.h"

#define RING_DEPTH 128
#define OP_IOVS	   16
#define MAX_RINGS  16
#define RETRY_MS   5000 /* after one that could not be made */

unsigned file_ring_idle_ms = 5000;
static atomic_uint nr_rings;

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

	pthread_mutex_t lock; /* up to here: */
	pthread_t thread;
	bool started; /* to be joined */
	bool over;    /* … without waiting for it */
	bool takes;   /* requests */
	int lock_fd;
	bool has_lock; /* it is registered */
	uint64_t retry_at_ms;
	struct store_req *wait, *wait_tail;
	bool asleep;	     /* to be woken when something is added */
	atomic_uint nr_wake; /* are about to wake it; raised under the lock */
	bool stop;

	/* The engine's thread's alone, wake_fd but for waking it. */
	struct io_uring ring;
	int wake_fd;	/* the ring always reads from this eventfd */
	uint64_t wakes; /* read from wake_fd */
	struct ring_op *ops, *free;
	unsigned nr_ops; /* under way */
};

static void wake(struct file_ring *r)
{
	const uint64_t one = 1;

	/* It cannot be full: each wake-up is read before the next. */
	while (write(r->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
	atomic_fetch_sub(&r->nr_wake, 1);
}

/* Whether wake() is to be called.  Under the lock. */
static bool is_asleep(struct file_ring *r)
{
	bool asleep = r->asleep;

	r->asleep = false;
	if (asleep)
		atomic_fetch_add(&r->nr_wake, 1);
	return asleep;
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
		fd_put(*fd, true);
	} else if (!ret && req->op == STORE_WRITE) {
		ret = fd_check(*fd, req->size, 0, false);
		if (ret)
			fd_put(*fd, true);
	}
	if (ret)
		finish_req(req, ret);
	return !ret;
}

static bool take_place(void)
{
	if (atomic_fetch_add(&nr_rings, 1) < MAX_RINGS)
		return true;
	atomic_fetch_sub(&nr_rings, 1);
	return false;
}

static void *run(void *arg);

/* Whether requests are taken.  Under the lock. */
static bool be_there(struct file_ring *r)
{
	if (r->takes || r->stop || (r->started && !r->over))
		return r->takes;
	if (clock_ms() < r->retry_at_ms || !take_place())
		return false;
	if (r->started)
		pthread_join(r->thread, NULL);
	r->over = false;
	r->started = r->takes = !thread_start(&r->thread, "zloop-ring", run, r);
	if (!r->takes)
		atomic_fetch_sub(&nr_rings, 1);
	return r->takes;
}

static void add_waiting(struct file_ring *r, struct store_req *req)
{
	req->next = NULL;
	if (r->wait)
		r->wait_tail->next = req;
	else
		r->wait = req;
	r->wait_tail = req;
}

void file_ring_submit(struct file_ring *r, struct store_req *req)
{
	struct fd_entry *fd;
	bool asleep = false, taken;

	if (!pin_req(r, req, &fd))
		return;
	req->priv = fd;
	pthread_mutex_lock(&r->lock);
	taken = be_there(r);
	if (taken) {
		add_waiting(r, req);
		asleep = is_asleep(r);
	}
	pthread_mutex_unlock(&r->lock);
	if (asleep)
		wake(r);
	if (taken)
		return;
	fd_put(fd, true);
	finish_req(req, -EAGAIN);
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
	r->nr_ops++;
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
		r->asleep = !req && !r->stop;
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
	r->nr_ops--;
	fd_put(fd, true);
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

/* Whether it is to end: it is stopped, or there is @nothing to do. */
static bool ends(struct file_ring *r, bool nothing)
{
	bool end;

	pthread_mutex_lock(&r->lock);
	end = r->stop || (nothing && !r->wait);
	if (end)
		r->takes = r->asleep = false;
	pthread_mutex_unlock(&r->lock);
	return end;
}

/* -ETIME: nothing has come, and nothing is under way. */
static int submit_and_wait(struct file_ring *r)
{
	struct __kernel_timespec ts = { .tv_sec = file_ring_idle_ms / 1000,
					.tv_nsec = file_ring_idle_ms % 1000 *
						   1000000 };
	struct io_uring_cqe *cqe;

	if (r->nr_ops)
		return io_uring_submit_and_wait(&r->ring, 1);
	return io_uring_submit_and_wait_timeout(&r->ring, &cqe, 1, &ts, NULL);
}

static void serve(struct file_ring *r)
{
	struct store_req *req;
	int ret = 0;

	queue_wake_up(r);
	while (!ends(r, ret == -ETIME)) {
		while ((req = take_waiting(r)))
			start_op(r, req);
		ret = submit_and_wait(r);
		if (ret < 0 && ret != -EINTR && ret != -EAGAIN &&
		    ret != -EBUSY && ret != -ETIME) {
			zl_log(ZL_LOG_ERR, "%s: io_uring: errno %d",
			       r->sf->path, -ret);
			abort();
		}
		reap(r);
	}
}

/* Without signals from the kernel to itself the thread is interrupted less;
 * older kernels (before 5.19) do not know of it. */
static int make_ring(struct io_uring *ring)
{
	int ret = io_uring_queue_init(RING_DEPTH + 1, ring,
				      IORING_SETUP_COOP_TASKRUN);

	if (ret == -EINVAL)
		ret = io_uring_queue_init(RING_DEPTH + 1, ring, 0);
	return ret;
}

/* The lock's file may be replaced at any time. */
static int register_lock(struct file_ring *r)
{
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	if (r->lock_fd >= 0) {
		ret = io_uring_register_files(
			&r->ring, (int[]){ r->lock_fd, r->sf->dir_fd }, 2);
		r->has_lock = !ret;
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

static int make_ops(struct file_ring *r)
{
	r->ops = calloc(RING_DEPTH, sizeof(*r->ops));
	if (!r->ops)
		return -ENOMEM;
	r->free = NULL;
	for (int i = 0; i < RING_DEPTH; i++) {
		r->ops[i].next = r->free;
		r->free = &r->ops[i];
	}
	return 0;
}

/*
 * The kernel takes the ring down some time after this, in a thread of its own,
 * and would keep the lock file open until then, and the file system mounted.
 * The files of requests it has let go of when this thread has ended.
 */
static void exit_ring(struct file_ring *r)
{
	bool has_lock;

	pthread_mutex_lock(&r->lock);
	has_lock = r->has_lock;
	r->has_lock = false;
	pthread_mutex_unlock(&r->lock);
	while (has_lock && io_uring_unregister_files(&r->ring) == -EINTR)
		;
	io_uring_queue_exit(&r->ring);
}

static int begin_ring(struct file_ring *r)
{
	int ret = make_ring(&r->ring);

	if (ret)
		return ret;
	ret = register_lock(r);
	if (ret)
		io_uring_queue_exit(&r->ring);
	return ret;
}

static int begin(struct file_ring *r)
{
	int ret = make_ops(r);

	if (ret)
		return ret;
	r->wake_fd = eventfd(0, EFD_CLOEXEC);
	ret = r->wake_fd < 0 ? -errno : begin_ring(r);
	if (!ret)
		return 0;
	if (r->wake_fd >= 0)
		close(r->wake_fd);
	free(r->ops);
	return ret;
}

static void end(struct file_ring *r)
{
	exit_ring(r);
	while (atomic_load(&r->nr_wake))
		clock_sleep_ms(1);
	close(r->wake_fd);
	free(r->ops);
}

/* What waits goes without. */
static void refuse_all(struct file_ring *r, int error)
{
	struct store_req *req, *next;

	zl_log_limited(&r->sf->limit, ZL_LOG_WARN,
		       "%s: io_uring cannot be had now (%s); threads do its "
		       "work",
		       r->sf->path, limit_strerror(-error));
	pthread_mutex_lock(&r->lock);
	next = r->wait;
	r->wait = NULL;
	r->takes = false;
	r->retry_at_ms = clock_ms() + RETRY_MS;
	pthread_mutex_unlock(&r->lock);
	while ((req = next)) {
		next = req->next;
		fd_put(req->priv, true);
		finish_req(req, -EAGAIN);
	}
}

static void *run(void *arg)
{
	struct file_ring *r = arg;
	int ret = begin(r);

	if (ret) {
		refuse_all(r, ret);
	} else {
		serve(r);
		end(r);
	}
	atomic_fetch_sub(&nr_rings, 1);
	pthread_mutex_lock(&r->lock);
	r->over = true;
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/*
 * From any thread.
 */

/* Whether there is such a thing here: that does not change. */
static int probe(void)
{
	static atomic_bool works;
	struct io_uring ring;
	int ret;

	if (works)
		return 0;
	ret = make_ring(&ring);
	if (ret)
		return ret;
	io_uring_queue_exit(&ring);
	works = true;
	return 0;
}

int file_ring_start(struct store_file *sf, struct file_ring **ring)
{
	struct file_ring *r;
	int ret = probe();

	if (ret)
		return ret;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->sf = sf;
	r->lock_fd = sf->lock_fd;
	pthread_mutex_init(&r->lock, NULL);
	*ring = r;
	return 0;
}

void file_ring_relock(struct file_ring *r, int fd)
{
	int ret = 0;

	pthread_mutex_lock(&r->lock);
	r->lock_fd = fd;
	if (r->has_lock)
		ret = io_uring_register_files_update(&r->ring, 0, &fd, 1);
	pthread_mutex_unlock(&r->lock);
	if (ret < 0)
		zl_log(ZL_LOG_WARN,
		       "%s: io_uring does not take the new lock file (%s)",
		       r->sf->path, limit_strerror(-ret));
}

void file_ring_stop(struct file_ring *r)
{
	bool started, asleep;

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	asleep = is_asleep(r);
	started = r->started;
	pthread_mutex_unlock(&r->lock);
	if (asleep)
		wake(r);
	if (started)
		pthread_join(r->thread, NULL);
	pthread_mutex_destroy(&r->lock);
	free(r);
}
