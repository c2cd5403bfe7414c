/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Disk directories in memory and real ones, opened in all ways.  The usual disk
 * has 8 zones of 1 MiB, 2 of them conventional.
 */
#ifndef TESTS_DISK_DIRS_H
#define TESTS_DISK_DIRS_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/refusals.h"
#include "stores/fault.h"
#include "stores/mem.h"

#define USUAL	   "zone_size_mb=1,conv_zones=2"
#define USUAL_SIZE (8 * ZL_MIB)
#define USUAL_CONV 2
#define USUAL_NR   8

enum how {
	LOOK = 1, /* look_only */
	MAKE = 2, /* may_make */
};

/* What zl_log() was told, one line after the other. */
static char logged[65536];

static inline void keep_log(enum zl_log_level level, const char *line)
{
	size_t n = strlen(logged);

	(void)level;
	snprintf(logged + n, sizeof(logged) - n, "%s\n", line);
}

static inline void start_log(void)
{
	logged[0] = 0;
	zl_log_set(keep_log);
}

static inline void assert_logged(const char *text)
{
	if (!strstr(logged, text))
		fail_msg("not logged: %s\nbut:\n%s", text, logged);
}

static inline void fill_args(struct disk_open_args *args,
			     struct disk_opts *opts, const char *options,
			     uint64_t size_bytes, enum how how)
{
	struct zl_err err;

	*args = (struct disk_open_args){
		.size_bytes = size_bytes,
		.may_make = how & MAKE,
		.look_only = how & LOOK,
	};
	if (!options)
		return;
	assert_accepted(options,
			disk_opts_parse(opts, options, strlen(options), ',',
					false, &err),
			&err);
	args->opts = opts;
}

/* Opens the disk on @st, which is closed where that fails. */
static inline int open_store(struct store *st, const char *options,
			     uint64_t size_bytes, enum how how,
			     struct disk **disk, struct zl_err *err)
{
	struct disk_open_args args;
	struct disk_opts opts;
	int ret;

	fill_args(&args, &opts, options, size_bytes, how);
	memset(err, 0, sizeof(*err));
	ret = disk_open_store(st, "/d", &args, disk, err);
	if (ret) {
		store_close(st);
		assert_true(ret < 0);
		assert_true(err->msg[0]);
	}
	return ret;
}

static inline int open_mem(struct store_mem *mem, const char *options,
			   uint64_t size_bytes, enum how how,
			   struct disk **disk, struct zl_err *err)
{
	return open_store(store_mem_open(mem), options, size_bytes, how, disk,
			  err);
}

static inline struct disk *must_open(struct store_mem *mem, const char *options,
				     enum how how)
{
	struct disk *d;
	struct zl_err err;

	if (open_mem(mem, options, 0, how, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

/* A directory in memory with the usual disk, closed. */
static inline struct store_mem *usual_disk(void)
{
	struct store_mem *mem = store_mem_new();
	struct disk *d;
	struct zl_err err;

	if (open_mem(mem, USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	disk_close(d);
	return mem;
}

/* To lay hands on the usual disk's files. */
static inline struct store *files_of(struct store_mem *mem)
{
	struct store *st = store_mem_open(mem);

	store_set_layout(st, store_conv_first(USUAL_CONV));
	return st;
}

static inline void set_size(struct store_mem *mem, uint32_t slot, uint64_t size)
{
	struct store *st = files_of(mem);

	assert_int_equal(store_resize(st, slot, size), 0);
	store_close(st);
}

static inline uint64_t size_of(struct store_mem *mem, uint32_t slot)
{
	struct store *st = files_of(mem);
	struct store_stat stat;

	assert_int_equal(store_stat(st, slot, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_FILE);
	store_close(st);
	return stat.size_bytes;
}

static inline void put_file(struct store_mem *mem, const char *name,
			    const void *data, size_t len)
{
	struct store *st = store_mem_open(mem);

	assert_int_equal(store_meta_replace(st, name, data, len), 0);
	store_close(st);
}

static inline void drop_file(struct store_mem *mem, const char *name)
{
	struct store *st = store_mem_open(mem);

	assert_int_equal(store_meta_remove(st, name), 0);
	store_close(st);
}

static inline void *get_file(struct store_mem *mem, const char *name,
			     size_t *len)
{
	struct store *st = store_mem_open(mem);
	void *data;

	assert_int_equal(store_meta_read(st, name, &data, len), 0);
	store_close(st);
	return data;
}

/* The condition and write pointer (blocks) of a slot. */
static inline enum zone_cond cond_at(const struct disk *d, uint32_t slot)
{
	return zone_slot_cond(&d->zones, slot);
}

static inline uint32_t wp_at(const struct disk *d, uint32_t slot)
{
	return zone_slot_wp_blocks(&d->zones, slot);
}

/* The problems' sentences, one a line: "SLOT: WHAT", "-" for no slot. */
struct problem_list {
	char text[8192];
	unsigned nr;
};

static inline void list_problem(void *user, uint32_t slot, const char *what)
{
	struct problem_list *l = user;
	size_t n = strlen(l->text);

	l->nr++;
	if (slot == UINT32_MAX)
		snprintf(l->text + n, sizeof(l->text) - n, "-: %s\n", what);
	else
		snprintf(l->text + n, sizeof(l->text) - n, "%u: %s\n", slot,
			 what);
}

static inline void assert_problems(const struct disk *d, const char *text)
{
	struct problem_list l = { .nr = 0 };

	disk_each_problem(d, list_problem, &l);
	assert_string_equal(l.text, text);
}

/* Real directories. */

struct tmp_dir {
	char path[64];
	int fd;
};

static inline void tmp_dir_make(struct tmp_dir *t)
{
	strcpy(t->path, "/tmp/zl-disk-XXXXXX");
	assert_non_null(mkdtemp(t->path));
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(t->fd >= 0);
}

static inline void tmp_dir_drop(struct tmp_dir *t)
{
	char cmd[128];

	close(t->fd);
	snprintf(cmd, sizeof(cmd), "rm -rf '%.63s'", t->path);
	assert_int_equal(system(cmd), 0);
}

static inline void tmp_put(struct tmp_dir *t, const char *name, uint64_t size)
{
	int fd = openat(t->fd, name, O_CREAT | O_RDWR | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static inline int open_dir(const char *path, const char *options,
			   uint64_t size_bytes, enum how how,
			   struct disk **disk, struct zl_err *err)
{
	struct disk_open_args args;
	struct disk_opts opts;

	fill_args(&args, &opts, options, size_bytes, how);
	memset(err, 0, sizeof(*err));
	return disk_open(path, &args, disk, err);
}

#endif
