// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's requests. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/iov.h"
#include "base/num.h"
#include "store/file/file.h"

/* Elements per system call: 1 MiB of 4 KiB pages, and below IOV_MAX. */
#define IOV_CHUNK 256

static long call_vec(int fd, enum store_op op, const struct iovec *iov,
		     size_t cnt, uint64_t off, int flags)
{
	long nr = op == STORE_READ ? SYS_preadv2 : SYS_pwritev2;

	return syscall(nr, fd, iov, cnt, (unsigned long)off,
		       (unsigned long)(off >> (8 * sizeof(long) - 1) >> 1),
		       flags);
}

/* One buffer: finding it in a vector takes 0.2 us, of 1.3 for 4 KiB.
 * Where longs are short each architecture passes an offset in a way of its own.
 */
static long call_one(int fd, enum store_op op, const struct iovec *iov,
		     uint64_t off)
{
#ifdef __LP64__
	long nr = op == STORE_READ ? SYS_pread64 : SYS_pwrite64;

	return syscall(nr, fd, iov->iov_base, iov->iov_len, off);
#else
	return call_vec(fd, op, iov, 1, off, 0);
#endif
}

/* As pread() and preadv2() and those that write, but for what makes them
 * cancellation points: two atomic operations each, and nobody is cancelled
 * here.
 */
static ssize_t call(int fd, enum store_op op, const struct iovec *iov,
		    size_t cnt, uint64_t off, int flags)
{
	bool one = cnt == 1 && !flags;
	long n;

	do
		n = one ? call_one(fd, op, iov, off)
			: call_vec(fd, op, iov, cnt, off, flags);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* By one of the entry's two descriptors. */
static ssize_t call_mixed(struct fd_entry *e, int fd,
			  const struct store_req *req, const struct iovec *iov,
			  size_t cnt, uint64_t off)
{
	bool write = req->op == STORE_WRITE;
	ssize_t n;

	if (write)
		fd_mixed_begin(e, fd);
	n = call(fd, req->op, iov, cnt, off, 0);
	if (write)
		fd_mixed_end(e);
	return n;
}

static ssize_t rw_mixed(struct fd_entry *e, const struct store_req *req,
			const struct iovec *iov, size_t cnt, uint64_t off)
{
	int fd = fd_for(e, iov, cnt, off);
	ssize_t n = call_mixed(e, fd, req, iov, cnt, off);

	/* Not direct after all. */
	if (n == -EINVAL && fd != fd_of(e))
		n = call_mixed(e, fd_of(e), req, iov, cnt, off);
	return n;
}

/* One system call: its bytes, 0 at the end of the file, -errno. */
static ssize_t rw_once(struct fd_entry *e, const struct store_req *req,
		       const struct iovec *iov, size_t cnt, uint64_t off)
{
	int flags = req->flags & STORE_NOWAIT ? RWF_NOWAIT : 0;
	int fd = fd_only(e);

	if (fd < 0)
		return rw_mixed(e, req, iov, cnt, off);
	return call(fd, req->op, iov, cnt, off, flags);
}

/* The rest of a request, a few buffers at a time, of which @done are there. */
static int64_t rw_rest(struct fd_entry *e, const struct store_req *req,
		       uint64_t done)
{
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt), ahead;
	struct iovec part[IOV_CHUNK];
	ssize_t n;
	size_t cnt;

	iov_skip(&cur, done);
	while (done < req->len) {
		ahead = cur;
		iov_slice(&ahead, req->len - done, part, IOV_CHUNK, &cnt);
		n = rw_once(e, req, part, cnt, req->off + done);
		if (n < 0)
			return done && req->flags & STORE_NOWAIT ? (int64_t)done
								 : n;
		if (n == 0)
			return req->op == STORE_READ ? (int64_t)done : -EIO;
		done += (uint64_t)n;
		iov_skip(&cur, (size_t)n);
	}
	return (int64_t)done;
}

/* The whole of a READ or WRITE; a READ ends at the end of the file. */
static int64_t rw(struct fd_entry *e, const struct store_req *req)
{
	size_t bytes = iov_bytes(req->iov, req->iov_cnt);
	ssize_t n;

	assert(bytes >= req->len);
	if (bytes > req->len || req->iov_cnt > IOV_CHUNK || !bytes)
		return rw_rest(e, req, 0);
	n = rw_once(e, req, req->iov, req->iov_cnt, req->off);
	if (n < 0 || (uint64_t)n == req->len)
		return n;
	if (n == 0)
		return req->op == STORE_READ ? 0 : -EIO;
	return rw_rest(e, req, (uint64_t)n);
}

/* What fd_write_begin() began, with this result. */
static int64_t end_write(struct fd_entry *e, bool begun, int64_t res)
{
	fd_set_dirty(e);
	fd_write_end(e, begun, res);
	return res;
}

static int64_t write_data(struct fd_entry *e, const struct store_req *req)
{
	bool begun = fd_write_begin(e);

	return end_write(e, begun, rw(e, req));
}

static int64_t do_write(struct store_file *sf, struct fd_entry *e,
			const struct store_req *req)
{
	bool sync = req->flags & STORE_DSYNC;
	unsigned losses = sync ? store_nr_losses(&sf->head, req->slot) : 0;
	int64_t res = fd_check(e, req->size, req->now_ns, false);
	int ret;

	if (res < 0)
		return res;
	res = write_data(e, req);
	if (res < 0 || !sync)
		return res;
	/* A call of its own and not RWF_DSYNC, whose error does not say whether
	 * the sync failed; only that one may spoil what was written before. */
	ret = fd_sync(e);
	if (!ret && store_nr_losses(&sf->head, req->slot) != losses)
		ret = -EIO;
	return ret < 0 ? ret : res;
}

static int do_sync(struct fd_entry *e, const struct store_req *req)
{
	int ret = fd_check(e, req->size, 0, true);

	return ret ? ret : fd_sync(e);
}

static int set_size(int fd, uint64_t size_bytes)
{
	int ret;

	do
		ret = ftruncate(fd, (off_t)size_bytes) < 0 ? -errno : 0;
	while (ret == -EINTR);
	return ret;
}

static int get_size(int fd, uint64_t *size_bytes)
{
	struct stat sb;

	if (fstat(fd, &sb) < 0)
		return -errno;
	*size_bytes = (uint64_t)sb.st_size;
	return 0;
}

static int do_fallocate(int fd, int mode, uint64_t off, uint64_t len)
{
	int ret;

	do
		ret = fallocate(fd, mode, (off_t)off, (off_t)len) < 0 ? -errno
								      : 0;
	while (ret == -EINTR);
	return ret;
}

static int do_reset(int fd)
{
	int ret = set_size(fd, 0);

	if (ret == 0)
		file_forget_flushed(fd);
	return ret;
}

static int do_finish(int fd, uint64_t len, uint64_t at_least)
{
	uint64_t size = 0;
	int ret = get_size(fd, &size);

	if (ret < 0)
		return ret;
	if (size < at_least)
		return -ENODATA;
	if (size > len)
		return -EINVAL;
	/* Truncating to the present size gives back what somebody has allocated
	 * behind it (not on tmpfs). */
	ret = set_size(fd, size);
	return ret < 0 ? ret : set_size(fd, len);
}

static int do_cut(int fd, uint64_t off)
{
	uint64_t size = 0;
	int ret = get_size(fd, &size);

	if (ret < 0)
		return ret;
	return size < off ? -EINVAL : set_size(fd, off);
}

static int put_zeros(int fd, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[64 << 10];
	ssize_t n;

	while (len) {
		n = pwrite(fd, zeros, min_u64(len, sizeof(zeros)), (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int write_zeros(struct fd_entry *e, uint64_t off, uint64_t len)
{
	bool begun = fd_write_begin(e), two = fd_only(e) < 0;
	int ret;

	if (two)
		fd_mixed_begin(e, fd_of(e));
	ret = put_zeros(fd_of(e), off, len);
	if (two)
		fd_mixed_end(e);
	return (int)end_write(e, begun, ret);
}

static int do_punch(struct fd_entry *e, uint64_t off, uint64_t len)
{
	int ret;

	if (!len)
		return 0;
	ret = do_fallocate(fd_of(e), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			   off, len);
	return ret == -EOPNOTSUPP ? write_zeros(e, off, len) : ret;
}

static int do_change(struct store_file *sf, struct fd_entry *e,
		     const struct store_req *req)
{
	/* Linux' NFS client sends a change of size without a lock while it
	 * finds out that this is lost: not long after it has been seen to hold.
	 */
	int ret = file_prove_first(sf);

	if (ret)
		return ret;
	switch (req->op) {
	case STORE_RESET:
		return do_reset(fd_of(e));
	case STORE_FINISH:
		return do_finish(fd_of(e), req->len, req->size);
	case STORE_CUT:
		return do_cut(fd_of(e), req->off);
	case STORE_PUNCH:
		return do_punch(e, req->off, req->len);
	default:
		assert(!"an operation that changes a file");
		return -EINVAL;
	}
}

static int64_t run_pinned(struct store_file *sf, struct fd_entry *e,
			  const struct store_req *req)
{
	int ret;

	if (req->op == STORE_READ)
		return rw(e, req);
	if (req->op == STORE_SYNC)
		return do_sync(e, req);
	if (fd_wr_err(e))
		return -fd_wr_err(e);
	if (req->op == STORE_WRITE)
		return do_write(sf, e, req);
	ret = do_change(sf, e, req);
	fd_set_dirty(e);
	return ret;
}

int64_t file_request(struct store_file *sf, const struct store_req *req)
{
	bool nowait = req->flags & (STORE_NOWAIT | STORE_NO_OPEN) &&
		      (req->op == STORE_READ || req->op == STORE_WRITE);
	struct fd_entry *e;
	int64_t res;
	int ret;

	assert(req->op < STORE_NR_OPS);
	assert(!(nowait && req->flags & STORE_DSYNC));
	if (nowait && sf->direct)
		return -EAGAIN;
	ret = req->op == STORE_READ ? 0 : file_is_lost(sf);
	if (!ret)
		ret = fd_get(sf, req->slot, nowait, &e);
	if (ret < 0)
		return ret;
	res = run_pinned(sf, e, req);
	fd_put(e, nowait);
	return res;
}

/* What is not open has been synced when its descriptor was closed. */
void file_start_sync(struct store *st, uint32_t slot)
{
	struct fd_entry *e;

	if (fd_get(to_file(st), slot, true, &e))
		return;
	fd_start_sync(e);
	fd_put(e, true);
}
