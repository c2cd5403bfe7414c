// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Scattered buffers. */
#include <string.h>

#include "base/iov.h"

/* The next contiguous run, @len bytes at most; 0 at the end. */
static size_t next_run(struct iov_cur *cur, size_t len, uint8_t **p)
{
	while (cur->cnt && cur->off == cur->iov->iov_len) {
		cur->iov++;
		cur->cnt--;
		cur->off = 0;
	}
	if (!cur->cnt || !len)
		return 0;
	*p = (uint8_t *)cur->iov->iov_base + cur->off;
	if (len > cur->iov->iov_len - cur->off)
		len = cur->iov->iov_len - cur->off;
	cur->off += len;
	return len;
}

size_t iov_bytes(const struct iovec *iov, size_t cnt)
{
	size_t sum = 0;

	for (size_t i = 0; i < cnt; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			return SIZE_MAX;
	return sum;
}

size_t iov_skip(struct iov_cur *cur, size_t len)
{
	size_t done = 0, n;
	uint8_t *p;

	while (done < len && (n = next_run(cur, len - done, &p)))
		done += n;
	return done;
}

size_t iov_zero(struct iov_cur *cur, size_t len)
{
	size_t done = 0, n;
	uint8_t *p;

	while (done < len && (n = next_run(cur, len - done, &p))) {
		memset(p, 0, n);
		done += n;
	}
	return done;
}

size_t iov_put(struct iov_cur *cur, const void *data, size_t len)
{
	const uint8_t *from = data;
	size_t done = 0, n;
	uint8_t *p;

	while (done < len && (n = next_run(cur, len - done, &p))) {
		memcpy(p, from + done, n);
		done += n;
	}
	return done;
}

size_t iov_get(struct iov_cur *cur, void *data, size_t len)
{
	uint8_t *to = data;
	size_t done = 0, n;
	uint8_t *p;

	while (done < len && (n = next_run(cur, len - done, &p))) {
		memcpy(to + done, p, n);
		done += n;
	}
	return done;
}

static size_t equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t n = 0;

	if (!memcmp(a, b, len))
		return len;
	while (a[n] == b[n])
		n++;
	return n;
}

size_t iov_match(struct iov_cur *cur, const void *data, size_t len)
{
	const uint8_t *want = data;
	size_t done = 0, n, same;
	uint8_t *p;

	while (done < len && (n = next_run(cur, len - done, &p))) {
		same = equal_bytes(p, want + done, n);
		done += same;
		if (same < n) {
			cur->off -= n - same;
			break;
		}
	}
	return done;
}

size_t iov_slice(struct iov_cur *cur, size_t len, struct iovec *out, size_t max,
		 size_t *out_cnt)
{
	size_t done = 0, n, i = 0;
	uint8_t *p;

	while (i < max && (n = next_run(cur, len - done, &p))) {
		out[i++] = (struct iovec){ .iov_base = p, .iov_len = n };
		done += n;
	}
	*out_cnt = i;
	return done;
}
