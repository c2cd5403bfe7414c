// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A slot's file becomes what a choice of a plan says.  Not through lib/store:
 * that makes durable what it closes, and what is built here is tried and thrown
 * away, hundreds of times a minute.
 *
 * Where one state after the other is built in the same directory, a file that
 * nobody has changed since has a time that says so.  Of that only what the two
 * states do not share is written: of a zone with a write pointer what comes
 * behind, else the blocks from the first to the last in which they differ.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/num.h"
#include "replay/internal.h"
#include "store/copy.h"
#include "store/store.h"

struct slot_file {
	struct building *b;
	const struct replay *r;
	const char *name;
	uint32_t slot;
	int fd;
};

static uint64_t bytes_of(const struct slot_file *f, uint32_t blocks)
{
	return (uint64_t)blocks << f->r->block_shift;
}

static int write_at(struct slot_file *f, const uint8_t *data, uint64_t len,
		    uint64_t at)
{
	ssize_t n;

	for (; len; data += n, len -= (uint64_t)n, at += (uint64_t)n) {
		n = pwrite(f->fd, data, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
	}
	return 0;
}

static int set_size(struct slot_file *f, uint64_t size)
{
	return ftruncate(f->fd, (off_t)size) < 0 ? -errno : 0;
}

static int zero(struct slot_file *f, uint64_t at, uint64_t len)
{
	static const uint8_t zeros[65536];
	uint64_t n;
	int ret = 0;

	if (!fallocate(f->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		       (off_t)at, (off_t)len))
		return 0;
	for (; len && !ret; at += n, len -= n) {
		n = min_u64(len, sizeof(zeros));
		ret = write_at(f, zeros, n, at);
	}
	return ret;
}

/* Of blocks [lo, hi) of the slot those that the piece has. */
static int change(struct slot_file *f, const struct piece *p, uint32_t lo,
		  uint32_t hi)
{
	const uint8_t *data = p->rec->data;

	lo = lo > p->lo ? lo : p->lo;
	hi = hi < p->hi ? hi : p->hi;
	if (lo >= hi)
		return 0;
	if (p->rec->type == RECORD_UNMAP)
		return zero(f, bytes_of(f, lo), bytes_of(f, hi - lo));
	return write_at(f, data + bytes_of(f, p->skip + lo - p->lo),
			bytes_of(f, hi - lo), bytes_of(f, lo));
}

static int refill(struct slot_file *f, const struct piece *p)
{
	size_t block = (size_t)1 << f->r->block_shift;
	int ret = set_size(f, 0);

	if (!p->rec->data_bytes)
		return ret ? ret : set_size(f, bytes_of(f, p->hi));
	for (uint32_t i = 0; i < p->hi && !ret; i++)
		ret = write_at(f, p->rec->data, block, bytes_of(f, i));
	return ret;
}

static int apply_piece(struct slot_file *f, const struct piece *p)
{
	switch (p->rec->type) {
	case RECORD_RESET:
		return set_size(f, 0);
	case RECORD_FINISH:
		return set_size(f, bytes_of(f, p->hi));
	case RECORD_REFILL:
		return refill(f, p);
	default:
		return change(f, p, 0, UINT32_MAX);
	}
}

static int apply_pieces(struct slot_file *f, const struct pieces *now,
			uint32_t from)
{
	int ret = 0;

	for (uint32_t i = from; i < now->nr && !ret; i++)
		ret = apply_piece(f, &now->p[i]);
	return ret;
}

/*
 * From one state to the other.
 */

/* So many pieces at the beginning are in both. */
static uint32_t in_both(const struct pieces *was, const struct pieces *now)
{
	uint32_t n = 0;

	while (n < was->nr && n < now->nr && was->p[n].rec == now->p[n].rec &&
	       was->p[n].lo == now->p[n].lo && was->p[n].hi == now->p[n].hi)
		n++;
	return n;
}

static uint32_t blocks_after(uint32_t blocks, const struct piece *p)
{
	if (p->rec->type == RECORD_RESET)
		return 0;
	if (p->rec->type == RECORD_REFILL)
		return p->hi;
	return blocks > p->hi ? blocks : p->hi;
}

/* Whether what comes behind the first @n was only added behind the first
 * *blocks, which the slot has then. */
static bool is_added(const struct pieces *was, uint32_t n, uint32_t *blocks)
{
	uint32_t i = 0;

	for (; i < n; i++)
		*blocks = blocks_after(*blocks, &was->p[i]);
	while (i < was->nr && was->p[i].rec->type == RECORD_WRITE &&
	       was->p[i].lo >= *blocks)
		i++;
	return i == was->nr;
}

/* False: not from this one. */
static bool go_on_wp(struct slot_file *f, uint32_t base_blocks,
		     const struct pieces *was, const struct pieces *now,
		     int *ret)
{
	uint32_t n = in_both(was, now), blocks = base_blocks;

	*ret = 0;
	if (!n && now->nr && now->p[0].rec->type == RECORD_RESET)
		*ret = apply_pieces(f, now, 0);
	else if (!is_added(was, n, &blocks))
		return false;
	else if (n < was->nr)
		*ret = set_size(f, bytes_of(f, blocks));
	if (!*ret)
		*ret = apply_pieces(f, now, n);
	return true;
}

static void add_range(const struct pieces *from, uint32_t n, uint32_t *lo,
		      uint32_t *hi)
{
	for (; n < from->nr; n++) {
		*lo = *lo < from->p[n].lo ? *lo : from->p[n].lo;
		*hi = *hi > from->p[n].hi ? *hi : from->p[n].hi;
	}
}

/* Blocks [lo, hi) become what the base has. */
static int take_back(struct slot_file *f, uint32_t lo, uint32_t hi)
{
	uint64_t at = bytes_of(f, lo), end = bytes_of(f, hi);
	uint8_t buf[65536];
	ssize_t n = 0;
	int fd, ret = 0;

	if (f->b->plan->slots[f->slot].base == SLOT_NEW)
		return zero(f, at, end - at);
	fd = openat(f->b->base_fd, f->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	for (; at < end && !ret; at += (uint64_t)n) {
		n = pread(fd, buf, min_u64(sizeof(buf), end - at), (off_t)at);
		if (n <= 0)
			ret = n ? -errno : -EIO;
		else
			ret = write_at(f, buf, (uint64_t)n, at);
	}
	close(fd);
	return ret;
}

static int go_on_conv(struct slot_file *f, const struct pieces *was,
		      const struct pieces *now)
{
	uint32_t n = in_both(was, now), lo = UINT32_MAX, hi = 0;
	int ret;

	if (n == was->nr)
		return apply_pieces(f, now, n);
	add_range(was, n, &lo, &hi);
	add_range(now, n, &lo, &hi);
	ret = take_back(f, lo, hi);
	for (uint32_t i = 0; i < now->nr && !ret; i++)
		ret = change(f, &now->p[i], lo, hi);
	return ret;
}

/* Of no file that was written since 1970, nor of a copy that kept its time. */
static struct timespec mark_of(const struct slot_file *f, const struct stat *sb)
{
	return (struct timespec){ .tv_sec = 1 + (time_t)f->slot,
				  .tv_nsec = (long)(sb->st_ino % 1000000000) };
}

static bool is_marked(const struct slot_file *f)
{
	struct timespec mark;
	struct stat sb;

	if (fstat(f->fd, &sb) || !S_ISREG(sb.st_mode))
		return false;
	mark = mark_of(f, &sb);
	return sb.st_mtim.tv_sec == mark.tv_sec &&
	       sb.st_mtim.tv_nsec == mark.tv_nsec;
}

static int set_mark(const struct slot_file *f)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct stat sb;

	if (fstat(f->fd, &sb))
		return -errno;
	times[1] = mark_of(f, &sb);
	return futimens(f->fd, times) ? -errno : 0;
}

/* The file, if it still is what was built. */
static bool open_built(struct slot_file *f)
{
	const struct building *b = f->b;
	uint32_t slot = f->slot;

	if (!b->was.plan || !plan_changes(b->was.plan, slot) ||
	    b->was.plan->slots[slot].base != b->plan->slots[slot].base)
		return false;
	f->fd = openat(b->dir_fd, f->name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (f->fd >= 0 && is_marked(f))
		return true;
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
	return false;
}

/* False: the file is to be made anew. */
static bool go_on(struct slot_file *f, uint32_t base_blocks,
		  const struct pieces *was, const struct pieces *now, int *ret)
{
	*ret = 0;
	if (!open_built(f))
		return false;
	if (!zone_slot_has_wp(&f->r->zones, f->slot)) {
		*ret = go_on_conv(f, was, now);
		return true;
	}
	if (go_on_wp(f, base_blocks, was, now, ret))
		return true;
	close(f->fd);
	f->fd = -1;
	return false;
}

/*
 * Anew.
 */

static int make_file(struct slot_file *f)
{
	bool is_new = f->b->plan->slots[f->slot].base == SLOT_NEW;
	int ret = 0;

	if (!is_new && f->b->was.plan)
		ret = store_copy_file(f->r->base, f->b->dir, f->name,
				      f->b->err);
	if (ret)
		return ret;
	f->fd = openat(f->b->dir_fd, f->name,
		       O_RDWR | O_NOFOLLOW | O_CLOEXEC |
			       (is_new ? O_CREAT | O_TRUNC : 0),
		       0600);
	if (f->fd < 0)
		return -errno;
	if (is_new && !zone_slot_has_wp(&f->r->zones, f->slot))
		return set_size(f, bytes_of(f, zone_slot_blocks(&f->r->zones,
								f->slot)));
	return 0;
}

/* What the base has for the slot, a file that is to come being empty. */
static int base_size(const struct slot_file *f, uint32_t *blocks)
{
	struct stat sb;

	*blocks = 0;
	if (f->b->plan->slots[f->slot].base != SLOT_KEPT)
		return 0;
	if (fstatat(f->b->base_fd, f->name, &sb, AT_SYMLINK_NOFOLLOW))
		return -errno;
	*blocks = (uint32_t)((uint64_t)sb.st_size >> f->r->block_shift);
	return 0;
}

static int build_slot(struct slot_file *f, const struct pieces *was)
{
	struct building *b = f->b;
	struct pieces now = { .nr = 0 };
	uint32_t base_blocks;
	int ret = base_size(f, &base_blocks);

	if (!ret)
		ret = choose_pieces(&b->now, f->slot, base_blocks, &now);
	if (ret)
		return ret;
	if (b->non_seq &&
	    zone_slot_traits(&f->r->zones, f->slot)->tells_non_seq)
		b->non_seq[f->slot] = now.non_seq;
	if (!go_on(f, base_blocks, was, &now, &ret) && !ret) {
		ret = make_file(f);
		if (!ret)
			ret = apply_pieces(f, &now, 0);
	}
	if (!ret && b->marks)
		ret = set_mark(f);
	pieces_free(&now);
	return ret;
}

void replay_slot_name(const struct replay *r, uint32_t slot,
		      char name[STORE_NAME_MAX])
{
	snprintf(name, STORE_NAME_MAX, "%s-%06u",
		 zone_slot_has_wp(&r->zones, slot) ? "seq" : "cnv", slot);
}

int apply_slot(struct building *b, uint32_t slot)
{
	char name[STORE_NAME_MAX];
	struct slot_file f = {
		.b = b, .r = b->plan->r, .name = name, .slot = slot, .fd = -1
	};
	struct pieces was = { .nr = 0 };
	int ret = 0;

	replay_slot_name(f.r, slot, name);
	/* A numbered state's digits are for all slots, one after the other. */
	if (b->was.plan && plan_changes(b->was.plan, slot))
		ret = choose_pieces(&b->was, slot, 0, &was);
	if (ret || !plan_changes(b->plan, slot))
		;
	else if (b->plan->slots[slot].base != SLOT_GONE)
		ret = build_slot(&f, &was);
	else if (unlinkat(b->dir_fd, name, 0) && errno != ENOENT)
		ret = -errno;
	pieces_free(&was);
	if (f.fd >= 0)
		close(f.fd);
	if (ret)
		return zl_fail(b->err, -ret, "%s/%s cannot be built: %s",
			       b->dir, name, limit_strerror(-ret));
	return 0;
}
