// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Short forms of a store's requests, and directories to try them in. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/ops.h"

int64_t op_flags(struct store *st, enum store_op op, unsigned flags,
		 uint32_t slot, uint64_t off, const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct store_req req = { .op = op,
				 .flags = flags,
				 .slot = slot,
				 .off = off,
				 .len = len,
				 .iov = &iov,
				 .iov_cnt = 1 };

	return store_run(st, &req);
}

int64_t op_read(struct store *st, uint32_t slot, uint64_t off, void *data,
		size_t len)
{
	return op_flags(st, STORE_READ, 0, slot, off, data, len);
}

int64_t op_write(struct store *st, uint32_t slot, uint64_t off,
		 const void *data, size_t len)
{
	return op_flags(st, STORE_WRITE, 0, slot, off, data, len);
}

int64_t op_run(struct store *st, enum store_op op, uint32_t slot, uint64_t off,
	       uint64_t len)
{
	struct store_req req = {
		.op = op, .slot = slot, .off = off, .len = len
	};

	return store_run(st, &req);
}

uint64_t op_size(struct store *st, uint32_t slot)
{
	struct store_stat stat;

	assert_int_equal(store_stat(st, slot, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_FILE);
	return stat.size_bytes;
}

void op_fill(void *data, size_t len, unsigned seed)
{
	uint32_t x = seed * 2654435761u + 1;
	uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

char *tmp_make(void)
{
	const char *base = getenv("TMPDIR");
	char *dir;

	if (asprintf(&dir, "%s/zloop-store-XXXXXX", base ? base : "/tmp") < 0)
		abort();
	if (!mkdtemp(dir)) {
		perror(dir);
		abort();
	}
	return dir;
}

static int remove_one(const char *path, const struct stat *sb, int flag,
		      struct FTW *ftw)
{
	(void)sb;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void tmp_remove(char *dir)
{
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

struct store *tmp_open(const char *dir)
{
	struct zl_err err = { "" };
	struct store *st = NULL;

	if (store_file_open(dir, &st, &err) < 0)
		fail_msg("%s", err.msg);
	return st;
}
