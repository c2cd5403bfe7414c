// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The crash-simulating store: a directory and the moment the power fails. */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "stores/crash_file.h"

#define NAME_MAX_BYTES 32
#define META_MAX       (64 * ZL_MIB)

/* A directory: a few names. */
struct names {
	struct name {
		char name[NAME_MAX_BYTES];
		struct crash_file *file;
	} * at;
	size_t nr, room;
};

/* An unsynced change of the directory: @name becomes @file (NULL: nothing),
 * and @from disappears if it is not empty. */
struct name_op {
	struct name_op *next;
	char name[NAME_MAX_BYTES], from[NAME_MAX_BYTES];
	struct crash_file *file;
};

struct store_crash {
	pthread_mutex_t lock; /* everything; not held over a done() */
	struct crash_file *files;
	struct names now, medium;
	struct name_op *ops, **ops_end;
	uint64_t steps, fail_at;
	bool off;
	struct crash_store *holder; /* of the lock */
	char locked[NAME_MAX_BYTES];
	unsigned nr_stores;
};

struct crash_store {
	struct store head;
	struct store_crash *c;
};

static struct store_crash *to_crash(struct store *st)
{
	return ((struct crash_store *)st)->c;
}

/* Names. */

static struct name *find_name(const struct names *d, const char *name)
{
	for (size_t i = 0; i < d->nr; i++)
		if (!strcmp(d->at[i].name, name))
			return &d->at[i];
	return NULL;
}

static void set_name(struct names *d, const char *name, struct crash_file *file)
{
	struct name *n = find_name(d, name);

	if (n && !file) {
		*n = d->at[--d->nr];
	} else if (n) {
		n->file = file;
	} else if (file) {
		if (d->nr == d->room) {
			d->room = d->room ? d->room * 2 : 16;
			d->at = realloc(d->at, d->room * sizeof(*d->at));
			if (!d->at)
				abort();
		}
		n = &d->at[d->nr++];
		snprintf(n->name, sizeof(n->name), "%s", name);
		n->file = file;
	}
}

static void apply_name(struct names *d, const struct name_op *op)
{
	set_name(d, op->name, op->file);
	if (op->from[0])
		set_name(d, op->from, NULL);
}

static void copy_names(struct names *to, const struct names *from)
{
	to->nr = 0;
	for (size_t i = 0; i < from->nr; i++)
		set_name(to, from->at[i].name, from->at[i].file);
}

static void change_name(struct store_crash *c, const char *name,
			const char *from, struct crash_file *file)
{
	struct name_op *op = calloc(1, sizeof(*op));

	if (!op)
		abort();
	snprintf(op->name, sizeof(op->name), "%s", name);
	snprintf(op->from, sizeof(op->from), "%s", from);
	op->file = file;
	*c->ops_end = op;
	c->ops_end = &op->next;
	apply_name(&c->now, op);
}

static struct crash_file *find_file(struct store_crash *c, const char *name)
{
	struct name *n = find_name(&c->now, name);

	return n ? n->file : NULL;
}

static struct crash_file *find_slot(struct store *st, uint32_t slot)
{
	char name[STORE_NAME_MAX];

	store_slot_name(st, slot, name);
	return find_file(to_crash(st), name);
}

static struct crash_file *new_file(struct store_crash *c)
{
	struct crash_file *f = crash_file_new();

	f->next = c->files;
	c->files = f;
	return f;
}

/* Steps. */

enum step {
	STEP_DONE,    /* the power is there */
	STEP_FAILING, /* it fails now: the change is under way */
	STEP_OFF,
};

static enum step step(struct store_crash *c)
{
	if (c->off)
		return STEP_OFF;
	if (c->steps == c->fail_at) {
		c->off = true;
		return STEP_FAILING;
	}
	c->steps++;
	return STEP_DONE;
}

/* A step's result: what it changes has been entered unless it was STEP_OFF. */
static int step_error(enum step s)
{
	return s == STEP_DONE ? 0 : -EIO;
}

/* A step that makes safe what came before: not if the power fails now. */
static int sync_file(struct store_crash *c, struct crash_file *f)
{
	enum step s = step(c);

	if (s == STEP_DONE)
		crash_file_sync(f);
	return step_error(s);
}

static void drop_name_ops(struct store_crash *c)
{
	struct name_op *op;

	while ((op = c->ops)) {
		c->ops = op->next;
		free(op);
	}
	c->ops_end = &c->ops;
}

static int sync_names(struct store_crash *c)
{
	enum step s = step(c);

	if (s == STEP_DONE) {
		copy_names(&c->medium, &c->now);
		drop_name_ops(c);
	}
	return step_error(s);
}

static int set_name_step(struct store_crash *c, const char *name,
			 const char *from, struct crash_file *file)
{
	enum step s = step(c);

	if (s != STEP_OFF)
		change_name(c, name, from, file);
	return step_error(s);
}

/* Requests. */

static int64_t do_write(struct store_crash *c, struct crash_file *f,
			const struct store_req *req, bool conv)
{
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt);
	enum step s = step(c);

	if (s != STEP_OFF)
		crash_file_write(f, req->off, req->len, &cur);
	if (s != STEP_DONE)
		return -EIO;
	if (!(req->flags & STORE_DSYNC))
		return (int64_t)req->len;
	s = step(c);
	if (s != STEP_DONE)
		return -EIO;
	/* O_DSYNC promises the write's own bytes and what finds them. */
	if (conv && f->medium.size == f->now.size)
		crash_file_force(f);
	else
		crash_file_sync(f);
	return (int64_t)req->len;
}

static int resize_step(struct store_crash *c, struct crash_file *f,
		       uint64_t size)
{
	enum step s = step(c);

	if (s != STEP_OFF)
		crash_file_resize(f, size);
	return step_error(s);
}

static int zero_step(struct store_crash *c, struct crash_file *f,
		     const struct store_req *req)
{
	enum step s = step(c);

	if (s != STEP_OFF)
		crash_file_zero(f, req->off, req->len);
	return step_error(s);
}

static int64_t do_read(const struct crash_file *f, const struct store_req *req)
{
	struct iov_cur cur = iov_start(req->iov, req->iov_cnt);

	return (int64_t)crash_file_read(f, req->off, req->len, &cur);
}

static int64_t run_on_file(struct store *st, struct crash_file *f,
			   const struct store_req *req)
{
	struct store_crash *c = to_crash(st);

	switch (req->op) {
	case STORE_READ:
		return do_read(f, req);
	case STORE_WRITE:
		if (req->off > INT64_MAX || req->len > INT64_MAX - req->off)
			return -EFBIG;
		return do_write(c, f, req, store_slot_is_conv(st, req->slot));
	case STORE_RESET:
		return resize_step(c, f, 0);
	case STORE_FINISH:
		if (f->now.size > req->len)
			return -EINVAL;
		return resize_step(c, f, req->len);
	case STORE_CUT:
		if (f->now.size < req->off)
			return -EINVAL;
		return resize_step(c, f, req->off);
	case STORE_PUNCH:
		return zero_step(c, f, req);
	case STORE_SYNC:
		return sync_file(c, f);
	default:
		assert(!"a request's operation");
		return -EINVAL;
	}
}

static void crash_submit(struct store *st, struct store_req *req)
{
	struct store_crash *c = to_crash(st);
	struct crash_file *f;

	pthread_mutex_lock(&c->lock);
	f = find_slot(st, req->slot);
	if (c->off)
		req->res = -EIO;
	else
		req->res = f ? run_on_file(st, f, req) : -ENOENT;
	pthread_mutex_unlock(&c->lock);
	req->done(req);
}

/* The other operations; the functions with _locked have the lock. */

static int crash_stat(struct store *st, uint32_t slot, struct store_stat *stat)
{
	struct store_crash *c = to_crash(st);
	struct crash_file *f;
	int ret;

	memset(stat, 0, sizeof(*stat));
	pthread_mutex_lock(&c->lock);
	f = find_slot(st, slot);
	if (f)
		*stat = (struct store_stat){ .kind = STORE_KIND_FILE,
					     .size_bytes = f->now.size,
					     .alloc_bytes = f->now.len,
					     .readable = true,
					     .writable = true };
	ret = c->off ? -EIO : 0;
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int make_locked(struct store_crash *c, const char *name, uint64_t size)
{
	struct crash_file *f;
	int ret;

	if (find_file(c, name))
		return -EEXIST;
	if (size > INT64_MAX)
		return -EINVAL;
	f = new_file(c);
	f->made = true;
	ret = set_name_step(c, name, "", f);
	return ret || !size ? ret : resize_step(c, f, size);
}

static int crash_make(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct store_crash *c = to_crash(st);
	char name[STORE_NAME_MAX];
	int ret;

	store_slot_name(st, slot, name);
	pthread_mutex_lock(&c->lock);
	ret = make_locked(c, name, size_bytes);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int crash_meta_remove(struct store *st, const char *name)
{
	struct store_crash *c = to_crash(st);
	int ret = -ENOENT;

	pthread_mutex_lock(&c->lock);
	if (find_file(c, name))
		ret = set_name_step(c, name, "", NULL);
	if (!ret && !strcmp(c->locked, name))
		c->holder = NULL;
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int crash_unmake(struct store *st, uint32_t slot)
{
	char name[STORE_NAME_MAX];

	store_slot_name(st, slot, name);
	return crash_meta_remove(st, name);
}

static int crash_resize(struct store *st, uint32_t slot, uint64_t size_bytes)
{
	struct store_crash *c = to_crash(st);
	struct crash_file *f;
	int ret = -ENOENT;

	pthread_mutex_lock(&c->lock);
	f = find_slot(st, slot);
	if (f && size_bytes > INT64_MAX)
		ret = -EINVAL;
	else if (f)
		ret = resize_step(c, f, size_bytes);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

/* The files made since the last time are safe with it, as store.h has it. */
static int sync_dir_locked(struct store_crash *c)
{
	int ret = 0;

	for (struct crash_file *f = c->files; f && !ret; f = f->next) {
		if (!f->made)
			continue;
		ret = sync_file(c, f);
		f->made = false;
	}
	return ret ? ret : sync_names(c);
}

static int crash_sync_dir(struct store *st)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = sync_dir_locked(c);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int sync_all_locked(struct store_crash *c)
{
	int ret = 0;

	for (struct crash_file *f = c->files; f && !ret; f = f->next)
		ret = sync_file(c, f);
	return ret ? ret : sync_names(c);
}

static int crash_sync_all(struct store *st)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = sync_all_locked(c);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int set_aside(struct store_crash *c, const char *name, const char *undo)
{
	struct crash_file *f = find_file(c, name);
	int ret;

	if (!f)
		return -ENOENT;
	ret = set_name_step(c, undo, "", f);
	return ret ? ret : set_name_step(c, name, "", new_file(c));
}

static int crash_aside(struct store *st, uint32_t slot, enum store_aside what)
{
	struct store_crash *c = to_crash(st);
	char name[STORE_NAME_MAX], undo[NAME_MAX_BYTES];
	struct crash_file *old;
	int ret = -ENOENT;

	store_slot_name(st, slot, name);
	snprintf(undo, sizeof(undo), "%s.undo", name);
	pthread_mutex_lock(&c->lock);
	old = find_file(c, undo);
	if (what == STORE_ASIDE_SET)
		ret = set_aside(c, name, undo);
	else if (old && what == STORE_ASIDE_BACK)
		ret = set_name_step(c, name, undo, old);
	else if (old)
		ret = set_name_step(c, undo, "", NULL);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int crash_space(struct store *st, struct store_space *space)
{
	*space = (struct store_space){ .free_bytes = INT64_MAX,
				       .free_inodes = UINT64_MAX,
				       .block_bytes = 4096 };
	return store_crash_is_off(to_crash(st)) ? -EIO : 0;
}

static int crash_list(struct store *st,
		      int (*each)(void *user, const char *name), void *user)
{
	struct store_crash *c = to_crash(st);
	struct names copy = { 0 };
	int ret = 0;

	/* Copied, so that each() may call the store. */
	pthread_mutex_lock(&c->lock);
	copy_names(&copy, &c->now);
	ret = c->off ? -EIO : 0;
	pthread_mutex_unlock(&c->lock);
	for (size_t i = 0; i < copy.nr && !ret; i++)
		ret = each(user, copy.at[i].name);
	free(copy.at);
	return ret;
}

static int read_locked(struct store_crash *c, const char *name, void **data,
		       size_t *len)
{
	struct crash_file *f = find_file(c, name);
	struct iov_cur cur;
	struct iovec iov;
	uint8_t *buf;

	if (c->off)
		return -EIO;
	if (!f)
		return -ENOENT;
	if (f->now.size > META_MAX)
		return -EFBIG;
	buf = malloc(f->now.size + 1);
	if (!buf)
		return -ENOMEM;
	iov = (struct iovec){ .iov_base = buf, .iov_len = f->now.size };
	cur = iov_start(&iov, 1);
	*len = crash_file_read(f, 0, f->now.size, &cur);
	buf[*len] = 0;
	*data = buf;
	return 0;
}

static int crash_meta_read(struct store *st, const char *name, void **data,
			   size_t *len)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = read_locked(c, name, data, len);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int append_step(struct store_crash *c, struct crash_file *f,
		       const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct iov_cur cur = iov_start(&iov, 1);
	enum step s = step(c);

	if (s != STEP_OFF)
		crash_file_write(f, f->now.size, len, &cur);
	return step_error(s);
}

static int append_locked(struct store_crash *c, const char *name,
			 const void *data, size_t len, bool sync)
{
	struct crash_file *f = find_file(c, name);
	bool made = !f;
	int ret = 0;

	if (made) {
		f = new_file(c);
		ret = set_name_step(c, name, "", f);
	}
	if (!ret && len)
		ret = append_step(c, f, data, len);
	if (!ret && sync)
		ret = sync_file(c, f);
	if (!ret && sync && made)
		ret = sync_names(c);
	return ret;
}

static int crash_meta_append(struct store *st, const char *name,
			     const void *data, size_t len, bool sync)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = append_locked(c, name, data, len, sync);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int cut_locked(struct store_crash *c, const char *name, uint64_t size)
{
	struct crash_file *f = find_file(c, name);
	enum step s;

	if (!f)
		return -ENOENT;
	s = step(c);
	if (s != STEP_OFF)
		crash_file_resize(f, size);
	return step_error(s) ? step_error(s) : sync_file(c, f);
}

static int crash_meta_cut(struct store *st, const char *name, uint64_t size)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = cut_locked(c, name, size);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

/* Call by call what the file store does. */
static int replace_locked(struct store_crash *c, const char *name,
			  const void *data, size_t len)
{
	char tmp[NAME_MAX_BYTES];
	struct crash_file *f;
	int ret = 0;

	snprintf(tmp, sizeof(tmp), "%.27s.tmp", name);
	if (find_file(c, tmp))
		ret = set_name_step(c, tmp, "", NULL);
	if (ret)
		return ret;
	f = new_file(c);
	ret = set_name_step(c, tmp, "", f);
	if (!ret)
		ret = append_step(c, f, data, len);
	if (!ret)
		ret = sync_file(c, f);
	if (!ret)
		ret = set_name_step(c, name, tmp, f);
	return ret ? ret : sync_names(c);
}

static int crash_meta_replace(struct store *st, const char *name,
			      const void *data, size_t len)
{
	struct store_crash *c = to_crash(st);
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = replace_locked(c, name, data, len);
	pthread_mutex_unlock(&c->lock);
	return ret;
}

static int lock_locked(struct crash_store *cs, const char *name, bool make)
{
	struct store_crash *c = cs->c;
	int ret = 0;

	if (c->holder)
		return c->holder == cs ? -EALREADY : -EBUSY;
	if (!find_file(c, name))
		ret = make ? set_name_step(c, name, "", new_file(c)) : -ENOENT;
	if (ret)
		return ret;
	c->holder = cs;
	snprintf(c->locked, sizeof(c->locked), "%s", name);
	return c->off ? -EIO : 0;
}

/* Nobody who has it gives it back while we wait: that is not worth a wait. */
static int crash_lock(struct store *st, const char *name, unsigned wait_ms,
		      bool make, struct zl_err *err)
{
	struct store_crash *c = to_crash(st);
	int ret;

	(void)wait_ms;
	pthread_mutex_lock(&c->lock);
	ret = lock_locked((struct crash_store *)st, name, make);
	pthread_mutex_unlock(&c->lock);
	if (ret == -EBUSY)
		return zl_fail(err, EBUSY,
			       "the memory is in use by another store of "
			       "this process");
	if (ret)
		return zl_fail(err, -ret, "cannot lock %s: %s", name,
			       strerror(-ret));
	return 0;
}

static void crash_close(struct store *st)
{
	struct store_crash *c = to_crash(st);

	pthread_mutex_lock(&c->lock);
	if (c->holder == (struct crash_store *)st)
		c->holder = NULL;
	c->nr_stores--;
	pthread_mutex_unlock(&c->lock);
	free(st->losses);
	free(st);
}

static const struct store_ops crash_ops = {
	.name = "crash",
	.submit = crash_submit,
	.stat = crash_stat,
	.make = crash_make,
	.unmake = crash_unmake,
	.resize = crash_resize,
	.sync_dir = crash_sync_dir,
	.space = crash_space,
	.list = crash_list,
	.meta_read = crash_meta_read,
	.meta_replace = crash_meta_replace,
	.meta_append = crash_meta_append,
	.meta_remove = crash_meta_remove,
	.meta_cut = crash_meta_cut,
	.lock = crash_lock,
	.sync_all = crash_sync_all,
	.aside = crash_aside,
	.close = crash_close,
};

struct store_crash *store_crash_new(void)
{
	struct store_crash *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->ops_end = &c->ops;
	c->fail_at = UINT64_MAX;
	return c;
}

void store_crash_free(struct store_crash *c)
{
	struct crash_file *f;

	if (!c)
		return;
	assert(!c->nr_stores);
	drop_name_ops(c);
	while ((f = c->files)) {
		c->files = f->next;
		crash_file_free(f);
	}
	free(c->now.at);
	free(c->medium.at);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

struct store *store_crash_open(struct store_crash *c)
{
	struct crash_store *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	cs->head.ops = &crash_ops;
	cs->c = c;
	pthread_mutex_lock(&c->lock);
	c->nr_stores++;
	pthread_mutex_unlock(&c->lock);
	return &cs->head;
}

void store_crash_arm(struct store_crash *c, uint64_t at)
{
	pthread_mutex_lock(&c->lock);
	c->steps = 0;
	c->fail_at = at;
	pthread_mutex_unlock(&c->lock);
}

uint64_t store_crash_steps(const struct store_crash *c)
{
	struct store_crash *lockable = (struct store_crash *)c;
	uint64_t steps;

	pthread_mutex_lock(&lockable->lock);
	steps = c->steps;
	pthread_mutex_unlock(&lockable->lock);
	return steps;
}

bool store_crash_is_off(const struct store_crash *c)
{
	struct store_crash *lockable = (struct store_crash *)c;
	bool off;

	pthread_mutex_lock(&lockable->lock);
	off = c->off;
	pthread_mutex_unlock(&lockable->lock);
	return off;
}

/* The power failed. */

/* One name's changes come in their order: one that is lost loses those behind
 * it. */
static bool is_held(const struct names *lost, const struct name_op *op)
{
	return find_name(lost, op->name) ||
	       (op->from[0] && find_name(lost, op->from));
}

static void settle_names(struct store_crash *c, enum store_crash_keep keep,
			 uint64_t *rng)
{
	static struct crash_file mark;
	struct names lost = { 0 };
	bool kept;

	for (const struct name_op *op = c->ops; op; op = op->next) {
		kept = keep == STORE_CRASH_KEEP_ALL ||
		       (keep == STORE_CRASH_KEEP_RANDOM &&
			crash_random(rng, 4));
		if (kept && !is_held(&lost, op)) {
			apply_name(&c->medium, op);
			continue;
		}
		set_name(&lost, op->name, &mark);
		if (op->from[0])
			set_name(&lost, op->from, &mark);
	}
	drop_name_ops(c);
	copy_names(&c->now, &c->medium);
	free(lost.at);
}

static void drop_unnamed(struct store_crash *c)
{
	struct crash_file **link = &c->files, *f;

	for (size_t i = 0; i < c->now.nr; i++)
		c->now.at[i].file->named = true;
	while ((f = *link)) {
		if (f->named) {
			f->named = false;
			link = &f->next;
		} else {
			*link = f->next;
			crash_file_free(f);
		}
	}
}

void store_crash_cycle(struct store_crash *c, enum store_crash_keep keep,
		       uint64_t seed)
{
	uint64_t rng = seed;

	pthread_mutex_lock(&c->lock);
	assert(!c->nr_stores);
	for (struct crash_file *f = c->files; f; f = f->next)
		crash_file_settle(f, keep, &rng);
	settle_names(c, keep, &rng);
	drop_unnamed(c);
	c->off = false;
	c->fail_at = UINT64_MAX;
	pthread_mutex_unlock(&c->lock);
}
