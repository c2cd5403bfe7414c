// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's small named files. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "store/file/file.h"

#define META_MAX (64 * ZL_MIB)

/* Up to @len bytes from the start: less only at the end of the file. */
static ssize_t read_all(int fd, uint8_t *data, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, data + done, len - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static int read_fd(int fd, void **data, size_t *len)
{
	struct stat sb;
	uint8_t *buf;
	ssize_t n;

	if (fstat(fd, &sb) < 0)
		return -errno;
	if ((uint64_t)sb.st_size > META_MAX)
		return -EFBIG;
	buf = malloc((size_t)sb.st_size + 1);
	if (!buf)
		return -ENOMEM;
	n = read_all(fd, buf, (size_t)sb.st_size);
	if (n < 0) {
		free(buf);
		return (int)n;
	}
	buf[n] = 0;
	*data = buf;
	*len = (size_t)n;
	return 0;
}

/* A directory in a small file's place is as wrong as anything else. */
static int open_meta(struct store_file *sf, const char *name, int flags)
{
	int fd = file_openat(sf, name, flags);

	return fd == -EISDIR ? -EINVAL : fd;
}

int file_meta_read(struct store *st, const char *name, void **data, size_t *len)
{
	int fd = open_meta(to_file(st), name, O_RDONLY);
	int ret;

	if (fd < 0)
		return fd;
	ret = read_fd(fd, data, len);
	close(fd);
	return ret;
}

static int write_at(int fd, const uint8_t *data, size_t len, uint64_t off)
{
	ssize_t n;

	while (len) {
		n = pwrite(fd, data, len, (off_t)off);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		data += n;
		off += (uint64_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static int fill_next(struct store_file *sf, int fd, const char *name,
		     const void *data, size_t len)
{
	int ret = write_at(fd, data, len, 0);

	if (ret == 0 && fsync(fd) < 0)
		ret = -errno;
	if (ret == 0 && file_is_locked(sf, name))
		ret = file_lock_next(sf, fd);
	return ret;
}

static int replace(struct store_file *sf, const char *tmp, const char *name,
		   const void *data, size_t len)
{
	int fd, ret;

	/* What a crash left is nobody's. */
	unlinkat(sf->dir_fd, tmp, 0);
	fd = open_meta(sf, tmp, O_RDWR | O_CREAT | O_EXCL | O_APPEND);
	if (fd < 0)
		return fd;
	ret = fill_next(sf, fd, name, data, len);
	if (ret == 0)
		ret = file_prove_first(sf);
	if (ret == 0 && renameat(sf->dir_fd, tmp, sf->dir_fd, name) < 0)
		ret = -errno;
	if (ret < 0) {
		close(fd);
		unlinkat(sf->dir_fd, tmp, 0);
		return ret;
	}
	if (file_is_locked(sf, name))
		file_lock_swap(sf, fd);
	else
		close(fd);
	return file_sync_entries(sf);
}

int file_meta_replace(struct store *st, const char *name, const void *data,
		      size_t len)
{
	struct store_file *sf = to_file(st);
	char *tmp;
	int ret;

	if (asprintf(&tmp, "%s.tmp", name) < 0)
		return -ENOMEM;
	pthread_mutex_lock(&sf->names_lock);
	ret = replace(sf, tmp, name, data, len);
	pthread_mutex_unlock(&sf->names_lock);
	free(tmp);
	return ret;
}

/* Adds @len bytes behind @size, or nothing. */
static int append_once(int fd, off_t size, const void *data, size_t len)
{
	ssize_t n;
	int ret;

	/* Not write(): the lock's descriptor may not be one that appends. */
	do
		n = pwrite(fd, data, len, size);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		return 0;
	ret = n < 0 ? -errno : -ENOSPC;
	/* A torn record would hide all that is added behind it. */
	if (n > 0 && ftruncate(fd, size) < 0)
		ret = -errno;
	return ret;
}

static int append_fd(int fd, const void *data, size_t len, bool sync)
{
	struct stat sb;
	int ret = 0;

	if (fstat(fd, &sb) < 0)
		return -errno;
	if (len)
		ret = append_once(fd, sb.st_size, data, len);
	if (ret == 0 && sync && fdatasync(fd) < 0)
		ret = -errno;
	return ret;
}

static int append_named(struct store_file *sf, const char *name,
			const void *data, size_t len, bool sync)
{
	int fd = open_meta(sf, name, O_WRONLY | O_APPEND);
	bool made = fd == -ENOENT;
	int ret;

	if (made)
		fd = open_meta(sf, name, O_WRONLY | O_APPEND | O_CREAT);
	if (fd < 0)
		return fd;
	ret = append_fd(fd, data, len, sync);
	close(fd);
	if (ret == 0 && made && sync)
		ret = file_sync_entries(sf);
	return ret;
}

/* What is added durably needs a name that is durable. */
static int sync_names_left(struct store_file *sf)
{
	return sf->names_unsynced ? file_sync_entries(sf) : 0;
}

int file_meta_append(struct store *st, const char *name, const void *data,
		     size_t len, bool sync)
{
	struct store_file *sf = to_file(st);
	int ret;

	pthread_mutex_lock(&sf->names_lock);
	if (file_is_lost(sf))
		ret = -STORE_FENCED;
	else if (!file_is_locked(sf, name) || sf->lock_read_only)
		ret = append_named(sf, name, data, len, sync);
	else if (file_lock_is_named(sf))
		ret = append_fd(sf->lock_fd, data, len, sync);
	else
		ret = -ENOENT;
	if (ret == 0 && sync)
		ret = sync_names_left(sf);
	pthread_mutex_unlock(&sf->names_lock);
	return ret;
}

int file_meta_write(struct store *st, const char *name, uint64_t off,
		    const void *data, size_t len, bool sync)
{
	struct store_file *sf = to_file(st);
	int ret;

	pthread_mutex_lock(&sf->names_lock);
	ret = file_is_lost(sf);
	if (!ret && !file_is_locked(sf, name))
		ret = -EINVAL;
	if (!ret && !file_lock_is_named(sf))
		ret = -ENOENT;
	if (!ret)
		ret = write_at(sf->lock_fd, data, len, off);
	if (!ret && sync && fdatasync(sf->lock_fd) < 0)
		ret = -errno;
	pthread_mutex_unlock(&sf->names_lock);
	return ret;
}

int file_meta_remove(struct store *st, const char *name)
{
	int ret = file_prove_first(to_file(st));

	if (ret)
		return ret;
	return unlinkat(to_file(st)->dir_fd, name, 0) < 0 ? -errno : 0;
}

static int cut_fd(int fd, uint64_t size)
{
	if (ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

/* Through the lock's own descriptor, if it is that file. */
static int cut_locked(struct store_file *sf, uint64_t size)
{
	int ret = file_prove_first(sf);

	return ret ? ret : cut_fd(sf->lock_fd, size);
}

int file_meta_cut(struct store *st, const char *name, uint64_t size)
{
	struct store_file *sf = to_file(st);
	int fd, ret;

	if (file_is_locked(sf, name) && !sf->lock_read_only)
		return cut_locked(sf, size);
	fd = open_meta(sf, name, O_WRONLY);
	if (fd < 0)
		return fd;
	ret = cut_fd(fd, size);
	close(fd);
	return ret;
}
