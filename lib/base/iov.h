/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Scattered buffers.  A struct iov_cur walks over an iovec array that stays
 * the caller's and is never changed.  Lengths and offsets are bytes.  No
 * locking: a cursor belongs to one thread at a time.
 */
#ifndef ZL_BASE_IOV_H
#define ZL_BASE_IOV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct iov_cur {
	const struct iovec *iov;
	size_t cnt; /* elements left, the current one included */
	size_t off; /* bytes of the current element already passed */
};

/* Starts at the first byte of the array. */
static inline struct iov_cur iov_start(const struct iovec *iov, size_t cnt)
{
	return (struct iov_cur){ .iov = iov, .cnt = cnt };
}

/* Returns the number of bytes in the array, or SIZE_MAX on overflow. */
size_t iov_bytes(const struct iovec *iov, size_t cnt);

/*
 * Each of these passes over up to @len bytes and returns how many there were:
 * less than @len only when the array ended.
 */
size_t iov_skip(struct iov_cur *cur, size_t len);
size_t iov_zero(struct iov_cur *cur, size_t len);
size_t iov_put(struct iov_cur *cur, const void *data, size_t len); /* into */
size_t iov_get(struct iov_cur *cur, void *data, size_t len);	   /* from */

/*
 * Compares up to @len bytes with @data without changing either.  Returns the
 * number of equal bytes before the first difference, the array's end, or @len;
 * the cursor stands behind them.
 */
size_t iov_match(struct iov_cur *cur, const void *data, size_t len);

/*
 * Writes iovecs that cover the next bytes, @len at most, to @out (room for
 * @max elements); sets *out_cnt and returns the bytes covered.  Less than @len
 * means that the array ended or @out was full: call again for the rest.
 */
size_t iov_slice(struct iov_cur *cur, size_t len, struct iovec *out, size_t max,
		 size_t *out_cnt);

#endif
