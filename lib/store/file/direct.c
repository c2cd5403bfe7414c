// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The file store's direct I/O: which transfers can go past the page cache. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "store/file/file.h"

/* Where the kernel (before 6.1) does not say: good on most file systems. */
#define USUAL_ALIGN 4096

static void ask_alignment(int fd, uint32_t *mem, uint32_t *off)
{
	*mem = *off = USUAL_ALIGN;
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (!statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) &&
	    stx.stx_mask & STATX_DIOALIGN) {
		*mem = stx.stx_dio_mem_align;
		*off = stx.stx_dio_offset_align;
	}
#else
	(void)fd;
#endif
}

/* Once a disk: all its files are on one file system. */
static void tell(struct store_file *sf, uint32_t align)
{
	if (atomic_exchange(&sf->direct_told, true))
		return;
	if (!align)
		zl_log(ZL_LOG_WARN,
		       "%s: the file system has no direct I/O: data go through "
		       "the page cache in spite of direct_io",
		       sf->path);
	else if (align > 512)
		zl_log(ZL_LOG_INFO,
		       "%s: what is not whole %u-byte blocks goes through the "
		       "page cache in spite of direct_io",
		       sf->path, align);
}

/* Where no descriptor is left, the other one must do: nobody waits for it. */
static int open_direct(struct store_file *sf, const char *path, int flags)
{
	int fd;

	do {
		fd = open(path, flags | O_DIRECT | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	} while ((fd == -EMFILE || fd == -ENFILE) && fd_evict(sf));
	return fd;
}

int file_direct_open(struct store_file *sf, int fd, bool read_only,
		     uint32_t *mem_align, uint32_t *off_align)
{
	char path[32];
	int direct = -1;

	ask_alignment(fd, mem_align, off_align);
	/* The same file, whatever has its name now. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (*mem_align && *off_align)
		direct = open_direct(sf, path,
				     (read_only ? O_RDONLY : O_RDWR) |
					     (fcntl(fd, F_GETFL) & O_NOATIME));
	if (direct != -EMFILE && direct != -ENFILE)
		tell(sf, direct < 0 ? 0 : *off_align);
	return direct < 0 ? -1 : direct;
}

bool file_direct_fits(const struct iovec *iov, size_t cnt, uint64_t off,
		      uint32_t mem_align, uint32_t off_align)
{
	if (off % off_align)
		return false;
	for (size_t i = 0; i < cnt; i++)
		if ((uintptr_t)iov[i].iov_base % mem_align ||
		    iov[i].iov_len % off_align)
			return false;
	return true;
}

void store_file_set_direct(struct store *st)
{
	to_file(st)->direct = true;
}
