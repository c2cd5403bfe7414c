// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The memory store: a directory of sparse files that outlives its stores. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/iov.h"
#include "base/num.h"
#include "stores/mem.h"

#define PIECE	   (4 << 10)
#define META_MAX   (64 * ZL_MIB)
#define NR_BUCKETS 1024

struct mem_file {
	struct mem_file *next;
	uint64_t size;
	uint64_t nr_pieces;	  /* of the array */
	uint8_t **piece;	  /* NULL: zeros without room */
	struct mem_store *holder; /* of the lock */
	char name[];
};

/* One lock for everything; it is not held over a done(). */
struct store_mem {
	pthread_mutex_t lock;
	uint64_t limit; /* bytes that may be allocated */
	uint64_t used;
	struct mem_file *bucket[NR_BUCKETS];
};

struct mem_store {
	struct store head;
	struct store_mem *mem;
	struct mem_file *locked;
};

static struct mem_store *to_mem(struct store *st)
{
	return (struct mem_store *)st;
}

/* Files. */

static struct mem_file **place_of(struct store_mem *mem, const char *name)
{
	struct mem_file **p;
	uint32_t h = 0;

	for (const char *c = name; *c; c++)
		h = h * 31 + (uint8_t)*c;
	p = &mem->bucket[h % NR_BUCKETS];
	while (*p && strcmp((*p)->name, name))
		p = &(*p)->next;
	return p;
}

static struct mem_file *find_file(struct store_mem *mem, const char *name)
{
	return *place_of(mem, name);
}

static struct mem_file *find_slot(struct store *st, uint32_t slot)
{
	char name[STORE_NAME_MAX];

	store_slot_name(st, slot, name);
	return find_file(to_mem(st)->mem, name);
}

static struct mem_file *add_file(struct store_mem *mem, const char *name)
{
	struct mem_file **p = place_of(mem, name);
	size_t len = strlen(name) + 1;
	struct mem_file *f;

	assert(!*p);
	f = calloc(1, sizeof(*f) + len);
	if (!f)
		return NULL;
	memcpy(f->name, name, len);
	*p = f;
	return f;
}

static void drop_piece(struct store_mem *mem, struct mem_file *f, uint64_t i)
{
	if (!f->piece[i])
		return;
	free(f->piece[i]);
	f->piece[i] = NULL;
	mem->used -= PIECE;
}

/* Frees all pieces that begin at @off or later. */
static void drop_from(struct store_mem *mem, struct mem_file *f, uint64_t off)
{
	for (uint64_t i = div_up_u64(off, PIECE); i < f->nr_pieces; i++)
		drop_piece(mem, f, i);
}

static void free_file(struct store_mem *mem, struct mem_file *f)
{
	drop_from(mem, f, 0);
	free(f->piece);
	free(f);
}

static void remove_file(struct store_mem *mem, const char *name)
{
	struct mem_file **p = place_of(mem, name);
	struct mem_file *f = *p;

	*p = f->next;
	free_file(mem, f);
}

static int grow_array(struct mem_file *f, uint64_t want)
{
	uint64_t n = max_u64(want, f->nr_pieces * 2);
	uint8_t **piece;

	if (want <= f->nr_pieces)
		return 0;
	if (n > SIZE_MAX / sizeof(*piece))
		return -EFBIG;
	piece = realloc(f->piece, n * sizeof(*piece));
	if (!piece)
		return -ENOMEM;
	memset(piece + f->nr_pieces, 0, (n - f->nr_pieces) * sizeof(*piece));
	f->piece = piece;
	f->nr_pieces = n;
	return 0;
}

/* Makes sure that piece @i is there, with zeros if it is new. */
static int need_piece(struct store_mem *mem, struct mem_file *f, uint64_t i)
{
	int ret = grow_array(f, i + 1);

	if (ret < 0 || f->piece[i])
		return ret;
	if (mem->used > mem->limit || mem->limit - mem->used < PIECE)
		return -ENOSPC;
	f->piece[i] = calloc(1, PIECE);
	if (!f->piece[i])
		return -ENOMEM;
	mem->used += PIECE;
	return 0;
}

/* The bytes from @off to the end of its piece, @len at most. */
static size_t in_piece(uint64_t off, uint64_t len)
{
	return (size_t)min_u64(PIECE - off % PIECE, len);
}

static void zero_range(struct store_mem *mem, struct mem_file *f, uint64_t off,
		       uint64_t len)
{
	size_t n;

	for (; len && off / PIECE < f->nr_pieces; off += n, len -= n) {
		n = in_piece(off, len);
		if (n == PIECE)
			drop_piece(mem, f, off / PIECE);
		else if (f->piece[off / PIECE])
			memset(f->piece[off / PIECE] + off % PIECE, 0, n);
	}
}

/* What lies beyond the size is always zeros, so growing is nothing more. */
static void set_size(struct store_mem *mem, struct mem_file *f, uint64_t size)
{
	if (size < f->size)
		zero_range(mem, f, size, f->size - size);
	drop_from(mem, f, size);
	f->size = size;
}

static int64_t mem_read(struct mem_file *f, uint64_t off, uint64_t len,
			struct iov_cur *cur)
{
	uint64_t done = 0;
	uint8_t *p;
	size_t n;

	if (off >= f->size)
		return 0;
	for (len = min_u64(len, f->size - off); done < len; done += n) {
		n = in_piece(off + done, len - done);
		p = NULL;
		if ((off + done) / PIECE < f->nr_pieces)
			p = f->piece[(off + done) / PIECE];
		if (p)
			iov_put(cur, p + (off + done) % PIECE, n);
		else
			iov_zero(cur, n);
	}
	return (int64_t)done;
}

/* As a file: what fits before the room ends is written. */
static int64_t mem_write(struct store_mem *mem, struct mem_file *f,
			 uint64_t off, uint64_t len, struct iov_cur *cur)
{
	uint64_t done = 0;
	size_t n;
	int ret;

	if (off > INT64_MAX || len > INT64_MAX - off)
		return -EFBIG;
	for (; done < len; done += n) {
		n = in_piece(off + done, len - done);
		ret = need_piece(mem, f, (off + done) / PIECE);
		if (ret < 0)
			return ret;
		iov_get(cur,
			f->piece[(off + done) / PIECE] + (off + done) % PIECE,
			n);
		f->size = max_u64(f->size, off + done + n);
	}
	return (int64_t)done;
}

static int mem_finish(struct store_mem *mem, struct mem_file *f, uint64_t len)
{
	if (f->size > len)
		return -EINVAL;
	drop_from(mem, f, f->size);
	f->size = len;
	return 0;
}

static int mem_cut(struct store_mem *mem, struct mem_file *f, uint64_t off)
{
	if (f->size < off)
		return -EINVAL;
	set_size(mem, f, off);
	return 0;
}

static int64_t run_on_file(struct store_mem *mem, struct mem_file *f,
			   const struct store_req *req)
{
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt);

	if (req->op == STORE_READ || req->op == STORE_WRITE)
		assert(iov_bytes(req->iov, req->iov_cnt) >= req->len);
	switch (req->op) {
	case STORE_READ:
		return mem_read(f, req->off, req->len, &cur);
	case STORE_WRITE:
		return mem_write(mem, f, req->off, req->len, &cur);
	case STORE_RESET:
		set_size(mem, f, 0);
		return 0;
	case STORE_FINISH:
		return mem_finish(mem, f, req->len);
	case STORE_CUT:
		return mem_cut(mem, f, req->off);
	case STORE_PUNCH:
		zero_range(mem, f, req->off, req->len);
		return 0;
	case STORE_SYNC:
		return 0;
	default:
		assert(!"a request's operation");
		return -EINVAL;
	}
}

static void mem_submit(struct store *st, struct store_req *req)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;

	pthread_mutex_lock(&mem->lock);
	f = find_slot(st, req->slot);
	req->res = f ? run_on_file(mem, f, req) : -ENOENT;
	pthread_mutex_unlock(&mem->lock);
	req->done(req);
}

/* The other operations; each takes the lock, the _locked parts have it. */

static uint64_t alloc_bytes(const struct mem_file *f)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < f->nr_pieces; i++)
		n += f->piece[i] ? PIECE : 0;
	return n;
}

static int mem_stat(struct store *st, uint32_t slot, struct store_stat *stat)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;

	memset(stat, 0, sizeof(*stat));
	pthread_mutex_lock(&mem->lock);
	f = find_slot(st, slot);
	if (f)
		*stat = (struct store_stat){ .kind = STORE_KIND_FILE,
					     .size_bytes = f->size,
					     .alloc_bytes = alloc_bytes(f),
					     .readable = true,
					     .writable = true };
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

static int make_locked(struct store *st, const char *name, uint64_t size_bytes)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;

	if (find_file(mem, name))
		return -EEXIST;
	if (size_bytes > INT64_MAX)
		return -EINVAL; /* as ftruncate() */
	f = add_file(mem, name);
	if (!f)
		return -ENOMEM;
	f->size = size_bytes;
	return 0;
}

static int mem_make(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct store_mem *mem = to_mem(st)->mem;
	char name[STORE_NAME_MAX];
	int ret;

	store_slot_name(st, slot, name);
	pthread_mutex_lock(&mem->lock);
	ret = make_locked(st, name, size_bytes);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static int mem_meta_remove(struct store *st, const char *name)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;

	pthread_mutex_lock(&mem->lock);
	f = find_file(mem, name);
	if (f) {
		/* As with a real file: the lock goes with its inode. */
		if (f->holder)
			f->holder->locked = NULL;
		remove_file(mem, name);
	}
	pthread_mutex_unlock(&mem->lock);
	return f ? 0 : -ENOENT;
}

static int mem_meta_cut(struct store *st, const char *name, uint64_t size)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;

	pthread_mutex_lock(&mem->lock);
	f = find_file(mem, name);
	if (f)
		set_size(mem, f, size);
	pthread_mutex_unlock(&mem->lock);
	return f ? 0 : -ENOENT;
}

static int mem_unmake(struct store *st, uint32_t slot)
{
	char name[STORE_NAME_MAX];

	store_slot_name(st, slot, name);
	return mem_meta_remove(st, name);
}

static int mem_resize(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct store_mem *mem = to_mem(st)->mem;
	struct mem_file *f;
	int ret = 0;

	pthread_mutex_lock(&mem->lock);
	f = find_slot(st, slot);
	if (!f)
		ret = -ENOENT;
	else if (size_bytes > INT64_MAX)
		ret = -EINVAL;
	else
		set_size(mem, f, size_bytes);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static int mem_sync_dir(struct store *st)
{
	(void)st;
	return 0;
}

static int mem_space(struct store *st, struct store_space *space)
{
	struct store_mem *mem = to_mem(st)->mem;

	pthread_mutex_lock(&mem->lock);
	*space = (struct store_space){
		.free_bytes = mem->limit - min_u64(mem->limit, mem->used),
		.free_inodes = UINT64_MAX,
		.block_bytes = 4096,
	};
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

/* All names, one behind the other, an empty one last. */
static char *copy_names(struct store_mem *mem)
{
	size_t len = 1;
	char *names, *p;

	for (int i = 0; i < NR_BUCKETS; i++)
		for (struct mem_file *f = mem->bucket[i]; f; f = f->next)
			len += strlen(f->name) + 1;
	p = names = calloc(1, len);
	if (!names)
		return NULL;
	for (int i = 0; i < NR_BUCKETS; i++)
		for (struct mem_file *f = mem->bucket[i]; f; f = f->next)
			p = stpcpy(p, f->name) + 1;
	return names;
}

static int mem_list(struct store *st, int (*each)(void *user, const char *name),
		    void *user)
{
	struct store_mem *mem = to_mem(st)->mem;
	char *names;
	int ret = 0;

	/* Copied, so that each() may call the store. */
	pthread_mutex_lock(&mem->lock);
	names = copy_names(mem);
	pthread_mutex_unlock(&mem->lock);
	if (!names)
		return -ENOMEM;
	for (char *p = names; *p && !ret; p += strlen(p) + 1)
		ret = each(user, p);
	free(names);
	return ret;
}

static int read_locked(struct store_mem *mem, const char *name, void **data,
		       size_t *len)
{
	struct mem_file *f = find_file(mem, name);
	struct iov_cur cur;
	struct iovec iov;
	uint8_t *buf;

	if (!f)
		return -ENOENT;
	if (f->size > META_MAX)
		return -EFBIG;
	buf = malloc(f->size + 1);
	if (!buf)
		return -ENOMEM;
	iov = (struct iovec){ .iov_base = buf, .iov_len = f->size };
	cur = iov_start(&iov, 1);
	mem_read(f, 0, f->size, &cur);
	buf[f->size] = 0;
	*data = buf;
	*len = f->size;
	return 0;
}

static int mem_meta_read(struct store *st, const char *name, void **data,
			 size_t *len)
{
	struct store_mem *mem = to_mem(st)->mem;
	int ret;

	pthread_mutex_lock(&mem->lock);
	ret = read_locked(mem, name, data, len);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

/* Adds at the end, or changes nothing. */
static int append_locked(struct store_mem *mem, struct mem_file *f,
			 const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct iov_cur cur = iov_start(&iov, 1);
	uint64_t size = f->size;
	int64_t n = mem_write(mem, f, size, len, &cur);

	if (n < 0)
		set_size(mem, f, size);
	return n < 0 ? (int)n : 0;
}

static int meta_write_locked(struct store_mem *mem, const char *name,
			     uint64_t off, const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct iov_cur cur = iov_start(&iov, 1);
	struct mem_file *f = find_file(mem, name);
	int64_t n = f ? mem_write(mem, f, off, len, &cur) : -ENOENT;

	return n < 0 ? (int)n : 0;
}

static int meta_append_locked(struct store_mem *mem, const char *name,
			      const void *data, size_t len)
{
	struct mem_file *f = find_file(mem, name);

	if (!f)
		f = add_file(mem, name);
	return f ? append_locked(mem, f, data, len) : -ENOMEM;
}

static int mem_meta_append(struct store *st, const char *name, const void *data,
			   size_t len, bool sync)
{
	struct store_mem *mem = to_mem(st)->mem;
	int ret;

	(void)sync;
	pthread_mutex_lock(&mem->lock);
	ret = meta_append_locked(mem, name, data, len);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static int mem_meta_write(struct store *st, const char *name, uint64_t off,
			  const void *data, size_t len, bool sync)
{
	struct store_mem *mem = to_mem(st)->mem;
	int ret;

	(void)sync;
	pthread_mutex_lock(&mem->lock);
	ret = meta_write_locked(mem, name, off, data, len);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

/* The new contents are written beside the old ones, and so need room too. */
static int replace_locked(struct store_mem *mem, const char *name,
			  const void *data, size_t len)
{
	struct mem_file next = { 0 }, *f;
	int ret = append_locked(mem, &next, data, len);

	f = find_file(mem, name);
	if (ret == 0 && !f)
		f = add_file(mem, name);
	if (ret == 0 && !f)
		ret = -ENOMEM;
	if (ret == 0) {
		drop_from(mem, f, 0);
		free(f->piece);
		f->piece = next.piece;
		f->nr_pieces = next.nr_pieces;
		f->size = next.size;
		return 0;
	}
	drop_from(mem, &next, 0);
	free(next.piece);
	return ret;
}

static int mem_meta_replace(struct store *st, const char *name,
			    const void *data, size_t len)
{
	struct store_mem *mem = to_mem(st)->mem;
	int ret;

	pthread_mutex_lock(&mem->lock);
	ret = replace_locked(mem, name, data, len);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static int lock_once(struct mem_store *ms, const char *name, bool make)
{
	struct mem_file *f = find_file(ms->mem, name);

	if (!f && !make)
		return -ENOENT;
	if (!f)
		f = add_file(ms->mem, name);
	if (!f)
		return -ENOMEM;
	if (f->holder)
		return -EBUSY;
	f->holder = ms;
	ms->locked = f;
	return 0;
}

static int mem_lock(struct store *st, const char *name, unsigned wait_ms,
		    bool make, struct zl_err *err)
{
	struct timespec ms = { .tv_nsec = 1000000 };
	struct mem_store *store = to_mem(st);
	int ret;

	if (store->locked)
		return zl_fail(err, EALREADY, "the memory is locked already");
	for (;;) {
		pthread_mutex_lock(&store->mem->lock);
		ret = lock_once(store, name, make);
		pthread_mutex_unlock(&store->mem->lock);
		if (ret != -EBUSY || !wait_ms--)
			break;
		nanosleep(&ms, NULL);
	}
	if (ret == -EBUSY)
		return zl_fail(err, EBUSY,
			       "the memory is in use by another store of "
			       "this process");
	if (ret < 0)
		return zl_fail(err, -ret, "cannot lock %s: %s", name,
			       strerror(-ret));
	return 0;
}

static void mem_close(struct store *st)
{
	struct mem_store *ms = to_mem(st);

	pthread_mutex_lock(&ms->mem->lock);
	if (ms->locked)
		ms->locked->holder = NULL;
	pthread_mutex_unlock(&ms->mem->lock);
	free(st->losses);
	free(ms);
}

static int mem_sync_all(struct store *st)
{
	(void)st;
	return 0;
}

static void move_contents(struct mem_file *to, struct mem_file *from)
{
	to->piece = from->piece;
	to->nr_pieces = from->nr_pieces;
	to->size = from->size;
	from->piece = NULL;
	from->nr_pieces = 0;
	from->size = 0;
}

static int aside_locked(struct store_mem *mem, const char *name,
			const char *undo, enum store_aside what)
{
	struct mem_file *f = find_file(mem, name), *old = find_file(mem, undo);

	if (what == STORE_ASIDE_SET ? !f : !old)
		return -ENOENT;
	if (what == STORE_ASIDE_SET) {
		if (old)
			remove_file(mem, undo);
		old = add_file(mem, undo);
		if (!old)
			return -ENOMEM;
		move_contents(old, f);
		return 0;
	}
	if (what == STORE_ASIDE_BACK) {
		if (f)
			remove_file(mem, name);
		f = add_file(mem, name);
		if (!f)
			return -ENOMEM;
		move_contents(f, old);
	}
	remove_file(mem, undo);
	return 0;
}

static int mem_aside(struct store *st, uint32_t slot, enum store_aside what)
{
	struct store_mem *mem = to_mem(st)->mem;
	char name[STORE_NAME_MAX], undo[STORE_NAME_MAX + 8];
	int ret;

	store_slot_name(st, slot, name);
	snprintf(undo, sizeof(undo), "%s.undo", name);
	pthread_mutex_lock(&mem->lock);
	ret = aside_locked(mem, name, undo, what);
	pthread_mutex_unlock(&mem->lock);
	return ret;
}

static const struct store_ops mem_ops = {
	.name = "memory",
	.submit = mem_submit,
	.stat = mem_stat,
	.make = mem_make,
	.unmake = mem_unmake,
	.resize = mem_resize,
	.sync_dir = mem_sync_dir,
	.space = mem_space,
	.list = mem_list,
	.meta_read = mem_meta_read,
	.meta_replace = mem_meta_replace,
	.meta_append = mem_meta_append,
	.meta_remove = mem_meta_remove,
	.meta_cut = mem_meta_cut,
	.meta_write = mem_meta_write,
	.lock = mem_lock,
	.sync_all = mem_sync_all,
	.aside = mem_aside,
	.close = mem_close,
};

struct store_mem *store_mem_new(void)
{
	struct store_mem *mem = calloc(1, sizeof(*mem));

	if (!mem)
		return NULL;
	pthread_mutex_init(&mem->lock, NULL);
	mem->limit = UINT64_MAX;
	return mem;
}

void store_mem_free(struct store_mem *mem)
{
	struct mem_file *f;

	if (!mem)
		return;
	for (int i = 0; i < NR_BUCKETS; i++) {
		while ((f = mem->bucket[i])) {
			mem->bucket[i] = f->next;
			free_file(mem, f);
		}
	}
	pthread_mutex_destroy(&mem->lock);
	free(mem);
}

struct store *store_mem_open(struct store_mem *mem)
{
	struct mem_store *ms = calloc(1, sizeof(*ms));

	if (!ms)
		return NULL;
	ms->head.ops = &mem_ops;
	ms->mem = mem;
	return &ms->head;
}

void store_mem_set_space(struct store_mem *mem, uint64_t bytes)
{
	pthread_mutex_lock(&mem->lock);
	mem->limit = bytes;
	pthread_mutex_unlock(&mem->lock);
}
