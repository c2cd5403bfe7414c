// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A machine that was cut off, and whose directory another one has taken over,
 * must write nothing when it is back.  No clock is asked for that, but the file
 * system.
 *
 * Linux' NFS client (fs/nfs/nfs4state.c, nfs4proc.c): a client that has lost
 * its lease opens its files anew and does not take its locks again
 * (recover_lost_locks=0).  I/O through a descriptor whose lock was lost fails
 * with EIO, a change of size with EBADF; through a descriptor that never had
 * one it goes on, and so do all changes of names.  So each descriptor that is
 * written through has a lock, a shared one, since two of one file may be open
 * side by side; who has the directory is decided by the exclusive one of the
 * locked file.  All of a client's locks are of one lease, and are lost at once:
 * a descriptor that was locked *before* the exclusive lock was seen to stand is
 * lost with it.
 *
 * That this one stands is known from a read through its descriptor which the
 * server must answer: it carries the lock's state id.  F_OFD_GETLK would ask
 * nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file/file.h"

#define PIECE 4096

/* Past the page cache: an NFS client asks the server for it. */
static int read_direct(int fd)
{
	alignas(PIECE) char data[PIECE];
	ssize_t n;

	do
		n = pread(fd, data, sizeof(data), 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The same by somebody who has no lock. */
static int read_unlocked(struct store_file *sf)
{
	int fd = file_openat(sf, sf->lock_name, O_RDONLY | O_DIRECT);
	int ret;

	if (fd < 0)
		return fd;
	ret = read_direct(fd);
	close(fd);
	return ret;
}

/* Nothing but the lock may be the reason. */
static int ask_by_reading(struct store_file *sf)
{
	int ret = read_direct(sf->lock_fd);

	if (!ret || read_unlocked(sf))
		return ret;
	return -STORE_FENCED;
}

/* A client of CephFS whose session was ended gets EACCES for all that the
 * metadata server would have to answer (mds_client.c), and what a blocklist
 * says of it where that is asked. */
static int ask_for_size(struct store_file *sf)
{
	struct statx sx;

	if (!statx(sf->dir_fd, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC,
		   STATX_SIZE, &sx))
		return 0;
	return errno == EACCES || errno == ESHUTDOWN ? -STORE_FENCED : -errno;
}

int file_prove(struct store *st)
{
	struct store_file *sf = to_file(st);
	int ret = file_is_lost(sf);

	if (ret || st->fence == STORE_FENCE_NONE || sf->lock_fd < 0)
		return ret;
	ret = st->fence == STORE_FENCE_ALL ? ask_for_size(sf)
					   : ask_by_reading(sf);
	if (ret == -STORE_FENCED)
		atomic_store(&sf->lost, true);
	return ret;
}

int file_prove_first(struct store_file *sf)
{
	if (sf->head.fence == STORE_FENCE_LOCKED)
		return file_prove(&sf->head);
	return file_is_lost(sf);
}

/* Who is refused the shared lock has met somebody who has the file for himself.
 */
static int lock_shared(int fd)
{
	int ret;

	do
		ret = flock(fd, LOCK_SH | LOCK_NB) < 0 ? -errno : 0;
	while (ret == -EINTR);
	return ret == -EWOULDBLOCK ? -ENOLCK : ret;
}

int file_fence(struct store_file *sf, int fd, int direct)
{
	int ret;

	if (sf->head.fence != STORE_FENCE_LOCKED || sf->lock_fd < 0)
		return 0;
	ret = lock_shared(fd);
	if (!ret && direct >= 0)
		ret = lock_shared(direct);
	return ret ? ret : file_prove(&sf->head);
}

/* NFS has no descriptor that both appends and is direct (nfs_check_flags()). */
int file_fence_begin(struct store_file *sf)
{
	int flags;

	if (sf->head.fence != STORE_FENCE_LOCKED)
		return 0;
	flags = fcntl(sf->lock_fd, F_GETFL);
	if (flags < 0 ||
	    fcntl(sf->lock_fd, F_SETFL, (flags & ~O_APPEND) | O_DIRECT) < 0)
		return -errno;
	return file_prove(&sf->head);
}
