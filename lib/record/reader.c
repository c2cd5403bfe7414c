// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Reading a log, up to its last whole record. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "record/record.h"

static int map_file(const char *path, struct record_reader *rd,
		    struct zl_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	struct stat sb;
	void *map;

	if (fd < 0)
		return zl_fail(err, errno, "%s cannot be opened: %s", path,
			       limit_strerror(errno));
	if (fstat(fd, &sb) < 0)
		ret = zl_fail(err, errno, "%s cannot be examined: %s", path,
			      limit_strerror(errno));
	else if (!S_ISREG(sb.st_mode) || !sb.st_size)
		ret = zl_fail(err, EINVAL, "%s is no record of a disk", path);
	if (!ret) {
		rd->map_bytes = (size_t)sb.st_size;
		map = mmap(NULL, rd->map_bytes, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			ret = zl_fail(err, errno, "%s cannot be read: %s", path,
				      limit_strerror(errno));
		else
			rd->map = map;
	}
	close(fd);
	return ret;
}

/* The record at @at; false: there is no whole one. */
static bool take(const struct record_reader *rd, size_t at, uint64_t last,
		 struct record *r)
{
	size_t left = rd->map_bytes - at;

	if (left < RECORD_HEAD_BYTES || !record_decode(rd->map + at, r) ||
	    left < record_bytes(r->data_bytes))
		return false;
	/* Of an older log that was written over it would be a smaller one. */
	if ((at && r->seq != last + 1) || r->begin >= r->seq)
		return false;
	r->at_bytes = at;
	r->data = rd->map + at + RECORD_HEAD_BYTES;
	return record_data_is_sound(rd->map + at);
}

static bool grow(struct record_reader *rd, size_t *room)
{
	struct record *more;

	if (rd->nr < *room)
		return true;
	*room = *room ? *room * 2 : 1024;
	more = realloc(rd->records, *room * sizeof(*more));
	if (more)
		rd->records = more;
	return more;
}

/* A daemon that died leaves the rest of a sector. */
static bool is_padding(const uint8_t *p, size_t len)
{
	while (len && !p[len - 1])
		len--;
	return !len;
}

static int take_all(struct record_reader *rd, struct zl_err *err)
{
	size_t at = 0, room = 0;
	uint64_t last = 0;
	struct record r;

	while (at < rd->map_bytes && take(rd, at, last, &r)) {
		if (!grow(rd, &room))
			return zl_fail(err, ENOMEM, "out of memory");
		rd->records[rd->nr++] = r;
		last = r.seq;
		at += record_bytes(r.data_bytes);
		if (r.type == RECORD_END)
			break;
	}
	if (!is_padding(rd->map + at, rd->map_bytes - at))
		rd->bad_bytes = rd->map_bytes - at;
	return 0;
}

int record_open(const char *path, struct record_reader *rd, struct zl_err *err)
{
	int ret;

	*rd = (struct record_reader){ 0 };
	ret = map_file(path, rd, err);
	if (!ret)
		ret = take_all(rd, err);
	if (!ret && (!rd->nr || rd->records[0].type != RECORD_HEAD))
		ret = zl_fail(err, EINVAL, "%s is no record of a disk", path);
	if (ret)
		record_close(rd);
	return ret;
}

void record_close(struct record_reader *rd)
{
	if (rd->map)
		munmap((void *)(uintptr_t)rd->map, rd->map_bytes);
	free(rd->records);
	*rd = (struct record_reader){ 0 };
}
