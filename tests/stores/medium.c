// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A model of writing back, and of who is told when it fails. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file/file.h"
#include "stores/medium.h"

struct inode {
	struct inode *next;
	dev_t dev;
	ino_t ino;
	size_t bytes;
	uint8_t *medium;
	uint8_t *clean; /* what the page cache had when it was last written
			   back, or should have been */
	bool *dirty;	/* by block: written since, perhaps with the same */
	uint8_t *cache; /* what the page cache has, as last read */
	int error;	/* not told yet */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct inode *inodes;
static uint64_t rng;
static unsigned one_in;
static bool writes_tell; /* as on NFS */

static unsigned pick(unsigned n)
{
	rng = rng * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)(rng >> 33) % n;
}

static void grow(struct inode *i, size_t bytes)
{
	if (bytes <= i->bytes)
		return;
	i->medium = realloc(i->medium, bytes);
	i->clean = realloc(i->clean, bytes);
	i->dirty = realloc(i->dirty, bytes / MEDIUM_BLOCK);
	/* Kept: a megabyte that is new at each look is all page faults. */
	i->cache = realloc(i->cache, bytes);
	assert(i->medium && i->clean && i->dirty && i->cache);
	memset(i->medium + i->bytes, 0, bytes - i->bytes);
	memset(i->clean + i->bytes, 0, bytes - i->bytes);
	memset(i->dirty + i->bytes / MEDIUM_BLOCK, 0,
	       (bytes - i->bytes) / MEDIUM_BLOCK);
	i->bytes = bytes;
}

static struct inode *find(const struct stat *sb)
{
	struct inode *i = inodes;

	while (i && (i->dev != sb->st_dev || i->ino != sb->st_ino))
		i = i->next;
	return i;
}

/* The file's inode, as large as the file is, in whole blocks. */
static struct inode *look(int fd, size_t *bytes)
{
	struct inode *i;
	struct stat sb;

	assert(!fstat(fd, &sb));
	i = find(&sb);
	if (!i) {
		i = calloc(1, sizeof(*i));
		assert(i);
		i->dev = sb.st_dev;
		i->ino = sb.st_ino;
		i->next = inodes;
		inodes = i;
	}
	*bytes = (size_t)sb.st_size / MEDIUM_BLOCK * MEDIUM_BLOCK;
	grow(i, *bytes);
	return i;
}

/* With what the page cache has. */
static struct inode *look_inside(int fd, size_t *bytes)
{
	struct inode *i = look(fd, bytes);
	ssize_t n = pread(fd, i->cache, *bytes, 0);

	assert(n >= 0);
	*bytes = (size_t)n / MEDIUM_BLOCK * MEDIUM_BLOCK;
	return i;
}

/* Looked at as a whole first: most of a file is as it was. */
enum {
	PIECE = 128 * MEDIUM_BLOCK
};

static bool piece_is_clean(const struct inode *i, size_t at, size_t end)
{
	return !memcmp(i->clean + at, i->cache + at, end - at) &&
	       !memchr(i->dirty + at / MEDIUM_BLOCK, true,
		       (end - at) / MEDIUM_BLOCK);
}

static bool has_zeros(const uint8_t *block)
{
	static const uint8_t zeros[MEDIUM_BLOCK];

	return !memcmp(block, zeros, MEDIUM_BLOCK);
}

static void write_back_block(struct inode *i, size_t at, bool fails)
{
	bool *dirty = &i->dirty[at / MEDIUM_BLOCK];
	const uint8_t *now = i->cache + at;

	if (!*dirty && !memcmp(i->clean + at, now, MEDIUM_BLOCK))
		return;
	/* Files are cut and have holes made; what is written comes by here. */
	assert(*dirty || has_zeros(now));
	*dirty = false;
	memcpy(i->clean + at, now, MEDIUM_BLOCK);
	if (fails)
		i->error = writes_tell ? ENOSPC : EIO;
	else
		memcpy(i->medium + at, now, MEDIUM_BLOCK);
}

/* Every dirty block, those that fail as well, is clean afterwards. */
static void write_back(struct inode *i, size_t bytes)
{
	bool fails = one_in && !pick(one_in);

	for (size_t at = 0; at < bytes; at += PIECE) {
		size_t end = bytes - at < PIECE ? bytes : at + PIECE;

		if (piece_is_clean(i, at, end))
			continue;
		for (size_t block = at; block < end; block += MEDIUM_BLOCK)
			write_back_block(i, block, fails);
	}
}

/* Of one that is clean. */
static void drop_block(struct inode *i, int fd, size_t at)
{
	if (i->dirty[at / MEDIUM_BLOCK] ||
	    memcmp(i->clean + at, i->cache + at, MEDIUM_BLOCK) ||
	    !memcmp(i->medium + at, i->cache + at, MEDIUM_BLOCK))
		return;
	memcpy(i->clean + at, i->medium + at, MEDIUM_BLOCK);
	assert(pwrite(fd, i->medium + at, MEDIUM_BLOCK, (off_t)at) ==
	       MEDIUM_BLOCK);
}

void medium_drop(int fd)
{
	struct inode *i;
	size_t bytes;

	pthread_mutex_lock(&lock);
	i = look_inside(fd, &bytes);
	for (size_t at = 0; at < bytes; at += MEDIUM_BLOCK)
		drop_block(i, fd, at);
	pthread_mutex_unlock(&lock);
}

static int write_back_fd(int fd, bool tell)
{
	struct inode *i;
	size_t bytes;
	int error = 0;

	pthread_mutex_lock(&lock);
	i = look_inside(fd, &bytes);
	write_back(i, bytes);
	if (tell) {
		error = i->error;
		i->error = 0;
	}
	pthread_mutex_unlock(&lock);
	errno = error;
	return error ? -1 : 0;
}

/* Linux' NFS client (nfs_file_write()): if something could not be written back
 * meanwhile, for want of room, the write has all of it written back and says
 * what became of that, which may be something else, and no sync will. */
static bool tells(struct inode *i, int fd)
{
	size_t bytes;

	if (!writes_tell || pick(4))
		return false;
	look_inside(fd, &bytes);
	write_back(i, bytes);
	if (!i->error)
		return false;
	i->error = 0;
	errno = pick(2) ? ENOSPC : EIO;
	return true;
}

/* Its pages are dirty, also where they have what they had. */
ssize_t medium_write(const struct zone_call *c)
{
	struct inode *i;
	size_t bytes;
	ssize_t n;

	pthread_mutex_lock(&lock);
	n = zone_call_make(c);
	if (n > 0) {
		i = look(c->fd, &bytes);
		for (ssize_t done = 0; done < n; done += MEDIUM_BLOCK)
			i->dirty[(c->off + done) / MEDIUM_BLOCK] = true;
		if (tells(i, c->fd))
			n = -1;
	}
	pthread_mutex_unlock(&lock);
	return n;
}

int medium_sync(int fd)
{
	return write_back_fd(fd, true);
}

void medium_write_back(int fd)
{
	write_back_fd(fd, false);
}

void medium_start(uint64_t seed)
{
	rng = seed;
	one_in = 0;
	writes_tell = false;
	fd_sync_fn = medium_sync;
}

void medium_stop(void)
{
	struct inode *i;

	fd_sync_fn = fdatasync;
	while ((i = inodes)) {
		inodes = i->next;
		free(i->medium);
		free(i->clean);
		free(i->dirty);
		free(i->cache);
		free(i);
	}
}

void medium_fail_one_in(unsigned n)
{
	pthread_mutex_lock(&lock);
	one_in = n;
	pthread_mutex_unlock(&lock);
}

void medium_tell_writers(void)
{
	writes_tell = true;
}

bool medium_has(const char *path, uint64_t block, const void *data)
{
	size_t at = block * MEDIUM_BLOCK;
	struct inode *i;
	struct stat sb;
	bool has;

	assert(!stat(path, &sb));
	pthread_mutex_lock(&lock);
	i = find(&sb);
	has = i && at < i->bytes && !memcmp(i->medium + at, data, MEDIUM_BLOCK);
	pthread_mutex_unlock(&lock);
	return has;
}

void medium_remount(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct inode *i;
	size_t bytes;

	assert(fd >= 0);
	pthread_mutex_lock(&lock);
	i = look(fd, &bytes);
	assert(pwrite(fd, i->medium, bytes, 0) == (ssize_t)bytes);
	if (bytes)
		memcpy(i->clean, i->medium, bytes);
	if (i->bytes)
		memset(i->dirty, 0, i->bytes / MEDIUM_BLOCK);
	i->error = 0;
	pthread_mutex_unlock(&lock);
	close(fd);
}

void medium_write_back_all(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert(fd >= 0);
	medium_write_back(fd);
	close(fd);
}
