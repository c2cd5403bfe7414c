// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The same cases for every kind of store: what store.h promises of all. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "skip.h"
#include "stores/count.h"
#include "stores/crash.h"
#include "store/ops.h"
#include "store/rollback.h"
#include "stores/fault.h"
#include "stores/mem.h"

#define CNV 0 /* a conventional slot, with a file of 256 KiB */
#define SEQ 2 /* a sequential one, with an empty file */
#define NEW 3 /* a sequential one without a file */
#define KIB 1024u

/* A kind of store: a directory of its own, and how to open a store on it. */
struct kind {
	const char *name;
	void *(*new_dir)(void);
	void (*free_dir)(void *dir);
	struct store *(*open)(void *dir);
};

static const struct kind *kind; /* the one being tested */

struct env {
	void *dir;
	struct store *st;
};

static void *new_mem(void)
{
	return store_mem_new();
}

static void free_mem(void *dir)
{
	store_mem_free(dir);
}

static struct store *open_mem(void *dir)
{
	return store_mem_open(dir);
}

static void *new_tmp(void)
{
	return tmp_make();
}

static void free_tmp(void *dir)
{
	tmp_remove(dir);
}

static struct store *open_tmp(void *dir)
{
	return tmp_open(dir);
}

static struct store *open_direct(void *dir)
{
	struct store *st = tmp_open(dir);

	store_file_set_direct(st);
	return st;
}

static struct store *open_fault_mem(void *dir)
{
	return store_fault_new(store_mem_open(dir));
}

static struct store *open_fault_tmp(void *dir)
{
	return store_fault_new(tmp_open(dir));
}

static void *new_crash(void)
{
	return store_crash_new();
}

static void free_crash(void *dir)
{
	store_crash_free(dir);
}

static struct store *open_crash(void *dir)
{
	return store_crash_open(dir);
}

static struct store *open_rollback_mem(void *dir)
{
	return store_rollback_new(store_mem_open(dir));
}

static struct store *open_rollback_tmp(void *dir)
{
	return store_rollback_new(tmp_open(dir));
}

static struct store *open_count(void *dir)
{
	return store_count_new(store_mem_open(dir));
}

static const struct kind kinds[] = {
	{ "memory", new_mem, free_mem, open_mem },
	{ "file", new_tmp, free_tmp, open_tmp },
	{ "file, direct I/O", new_tmp, free_tmp, open_direct },
	{ "fault over memory", new_mem, free_mem, open_fault_mem },
	{ "fault over file", new_tmp, free_tmp, open_fault_tmp },
	{ "crash", new_crash, free_crash, open_crash },
	{ "rollback over memory", new_mem, free_mem, open_rollback_mem },
	{ "rollback over file", new_tmp, free_tmp, open_rollback_tmp },
	{ "count over memory", new_mem, free_mem, open_count },
};

static struct store *open_again(struct env *env)
{
	struct store *st = kind->open(env->dir);

	assert_non_null(st);
	store_set_layout(st, store_conv_first(2));
	return st;
}

static int setup(void **state)
{
	struct env *env = calloc(1, sizeof(*env));

	env->dir = kind->new_dir();
	env->st = open_again(env);
	assert_int_equal(store_make(env->st, CNV, 256 * KIB), 0);
	assert_int_equal(store_make(env->st, SEQ, 0), 0);
	*state = env;
	return 0;
}

static int teardown(void **state)
{
	struct env *env = *state;

	store_close(env->st);
	kind->free_dir(env->dir);
	free(env);
	return 0;
}

static void assert_zeros(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(p[i], 0);
}

static void names_follow_the_layout(void **state)
{
	struct env *env = *state;
	char name[STORE_NAME_MAX];

	store_slot_name(env->st, 1, name);
	assert_string_equal(name, "cnv-000001");
	store_slot_name(env->st, 2, name);
	assert_string_equal(name, "seq-000002");
	store_slot_name(env->st, UINT32_MAX, name);
	assert_string_equal(name, "seq-4294967295");
}

static void stat_tells_missing_from_there(void **state)
{
	struct env *env = *state;
	struct store_stat stat;

	memset(&stat, 0xff, sizeof(stat));
	assert_int_equal(store_stat(env->st, NEW, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_MISSING);
	assert_int_equal(stat.size_bytes, 0);
	assert_int_equal(store_stat(env->st, CNV, &stat), 0);
	assert_int_equal(stat.kind, STORE_KIND_FILE);
	assert_int_equal(stat.size_bytes, 256 * KIB);
	assert_int_equal(stat.alloc_bytes, 0);
	assert_true(stat.readable && stat.writable);
}

static void make_and_unmake(void **state)
{
	struct store *st = ((struct env *)*state)->st;

	assert_int_equal(store_make(st, CNV, 1), -EEXIST);
	assert_int_equal(op_size(st, CNV), 256 * KIB);
	assert_int_equal(store_make(st, NEW, 0), 0);
	assert_int_equal(op_write(st, NEW, 0, "abc", 3), 3);
	assert_int_equal(store_unmake(st, NEW), 0);
	assert_int_equal(store_unmake(st, NEW), -ENOENT);
	assert_int_equal(op_write(st, NEW, 0, "abc", 3), -ENOENT);
	assert_int_equal(store_make(st, NEW, 0), 0);
	assert_int_equal(op_size(st, NEW), 0);
	assert_int_equal(store_sync_dir(st), 0);
	assert_int_equal(store_sync_all(st), 0);
}

static void a_write_at_the_end_grows_the_file(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t a[100 * KIB], b[100 * KIB];

	op_fill(a, sizeof(a), 1);
	assert_int_equal(op_write(st, SEQ, 0, a, 512), 512);
	assert_int_equal(op_size(st, SEQ), 512);
	assert_int_equal(op_write(st, SEQ, 512, a + 512, sizeof(a) - 512),
			 sizeof(a) - 512);
	assert_int_equal(op_size(st, SEQ), sizeof(a));
	assert_int_equal(op_read(st, SEQ, 0, b, sizeof(b)), sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void a_read_ends_at_the_end(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[20];

	memset(b, 0xee, sizeof(b));
	assert_int_equal(op_read(st, SEQ, 0, b, 20), 0);
	assert_int_equal(op_write(st, SEQ, 0, "0123456789", 10), 10);
	assert_int_equal(op_read(st, SEQ, 4, b, 20), 6);
	assert_memory_equal(b, "456789\xee", 7);
	assert_int_equal(op_read(st, SEQ, 10, b, 20), 0);
	assert_int_equal(op_read(st, SEQ, UINT64_C(1) << 40, b, 20), 0);
	assert_int_equal(op_read(st, SEQ, 0, b, 0), 0);
}

static void a_conventional_slot_is_overwritten_in_place(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[8];

	assert_int_equal(op_write(st, CNV, 70000, "abcdef", 6), 6);
	assert_int_equal(op_write(st, CNV, 70002, "XY", 2), 2);
	assert_int_equal(op_read(st, CNV, 69999, b, 8), 8);
	assert_memory_equal(b, "\0abXYef\0", 8);
	assert_int_equal(op_size(st, CNV), 256 * KIB);
}

/* Over IOV_MAX (1024), of uneven lengths, some of them empty. */
static void many_iovecs(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	enum {
		NR = 3000
	};
	static uint8_t a[NR * 7], b[NR * 7];
	static struct iovec out[NR], in[NR];
	struct store_req req = { .slot = SEQ, .iov_cnt = NR };
	size_t len = 0;

	op_fill(a, sizeof(a), 2);
	for (int i = 0; i < NR; i++) {
		size_t n = (size_t)(i * 5 % 8);

		out[i] = (struct iovec){ a + len, n };
		in[i] = (struct iovec){ b + len, n };
		len += n;
	}
	req.op = STORE_WRITE;
	req.iov = out;
	req.len = len;
	assert_int_equal(store_run(st, &req), len);
	assert_int_equal(op_size(st, SEQ), len);
	memset(b, 0, sizeof(b));
	req.op = STORE_READ;
	req.iov = in;
	assert_int_equal(store_run(st, &req), len);
	assert_memory_equal(a, b, len);
}

static void reset_empties(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t a[8 * KIB], b[8 * KIB];

	op_fill(a, sizeof(a), 3);
	assert_int_equal(op_run(st, STORE_RESET, SEQ, 0, 0), 0);
	assert_int_equal(op_write(st, SEQ, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(op_run(st, STORE_RESET, SEQ, 0, 0), 0);
	assert_int_equal(op_size(st, SEQ), 0);
	/* Nothing of the old contents comes back. */
	assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, sizeof(b)), 0);
	assert_int_equal(op_read(st, SEQ, 0, b, sizeof(b)), sizeof(b));
	assert_zeros(b, sizeof(b));
}

static void finish_grows_without_data(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[16];

	assert_int_equal(op_write(st, SEQ, 0, "abcd", 4), 4);
	assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, 200 * KIB), 0);
	assert_int_equal(op_size(st, SEQ), 200 * KIB);
	assert_int_equal(op_read(st, SEQ, 0, b, 16), 16);
	assert_memory_equal(b, "abcd", 4);
	assert_zeros(b + 4, 12);
	assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, 200 * KIB), 0);
	assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, 100 * KIB), -EINVAL);
	assert_int_equal(op_size(st, SEQ), 200 * KIB);
}

static void cut_takes_back(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t a[100 * KIB], b[100 * KIB];

	op_fill(a, sizeof(a), 4);
	assert_int_equal(op_write(st, SEQ, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(op_run(st, STORE_CUT, SEQ, 1000, 0), 0);
	assert_int_equal(op_size(st, SEQ), 1000);
	assert_int_equal(op_run(st, STORE_CUT, SEQ, 1001, 0), -EINVAL);
	assert_int_equal(op_run(st, STORE_CUT, SEQ, 1000, 0), 0);
	assert_int_equal(op_size(st, SEQ), 1000);
	assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, sizeof(b)), 0);
	assert_int_equal(op_read(st, SEQ, 0, b, sizeof(b)), sizeof(b));
	assert_memory_equal(a, b, 1000);
	assert_zeros(b + 1000, sizeof(b) - 1000);
}

static void punch_reads_as_zeros(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	static uint8_t a[256 * KIB], b[256 * KIB];
	const size_t from = 5000, len = 150000;

	op_fill(a, sizeof(a), 5);
	assert_int_equal(op_write(st, CNV, 0, a, sizeof(a)), sizeof(a));
	assert_int_equal(op_run(st, STORE_PUNCH, CNV, from, len), 0);
	assert_int_equal(op_run(st, STORE_PUNCH, CNV, 1, 0), 0);
	memset(a + from, 0, len);
	assert_int_equal(op_size(st, CNV), sizeof(a));
	memset(b, 0x55, sizeof(b));
	assert_int_equal(op_read(st, CNV, 0, b, sizeof(b)), sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void syncs_succeed(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[4];

	assert_int_equal(op_run(st, STORE_SYNC, SEQ, 0, 0), 0);
	assert_int_equal(
		op_flags(st, STORE_WRITE, STORE_DSYNC, SEQ, 0, "abcd", 4), 4);
	assert_int_equal(op_run(st, STORE_SYNC, SEQ, 0, 0), 0);
	assert_int_equal(op_read(st, SEQ, 0, b, 4), 4);
	assert_memory_equal(b, "abcd", 4);
}

/* Either all at once or -EAGAIN (-EOPNOTSUPP: it cannot tell), after which the
 * plain request does it. */
static void nowait_is_all_or_eagain(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t a[64 * KIB], b[64 * KIB];
	int64_t res;

	op_fill(a, sizeof(a), 6);
	res = op_flags(st, STORE_WRITE, STORE_NOWAIT, SEQ, 0, a, sizeof(a));
	if (res == -EAGAIN || res == -EOPNOTSUPP)
		res = op_write(st, SEQ, 0, a, sizeof(a));
	assert_int_equal(res, sizeof(a));
	assert_int_equal(op_size(st, SEQ), sizeof(a));
	res = op_flags(st, STORE_READ, STORE_NOWAIT, SEQ, 0, b, sizeof(b));
	if (res == -EAGAIN)
		res = op_read(st, SEQ, 0, b, sizeof(b));
	assert_int_equal(res, sizeof(b));
	assert_memory_equal(a, b, sizeof(a));
}

static void a_missing_file_is_enoent(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[4] = { 0 };

	assert_int_equal(op_read(st, NEW, 0, b, 4), -ENOENT);
	assert_int_equal(op_write(st, NEW, 0, b, 4), -ENOENT);
	for (int op = STORE_RESET; op < STORE_NR_OPS; op++)
		assert_int_equal(op_run(st, op, NEW, 0, 4), -ENOENT);
	assert_int_equal(store_resize(st, NEW, 4), -ENOENT);
}

static void resize_both_ways(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	uint8_t b[8];

	assert_int_equal(op_write(st, SEQ, 0, "abcdef", 6), 6);
	assert_int_equal(store_resize(st, SEQ, 3), 0);
	assert_int_equal(op_size(st, SEQ), 3);
	assert_int_equal(store_resize(st, SEQ, 8), 0);
	assert_int_equal(op_read(st, SEQ, 0, b, 8), 8);
	assert_memory_equal(b, "abc\0\0\0\0\0", 8);
}

struct names {
	unsigned cnv, seq, meta, other, stop_after;
};

static int count_name(void *user, const char *name)
{
	struct names *n = user;

	if (!strcmp(name, "cnv-000000"))
		n->cnv++;
	else if (!strcmp(name, "seq-000002"))
		n->seq++;
	else if (!strcmp(name, "a.json"))
		n->meta++;
	else
		n->other++;
	return n->stop_after && --n->stop_after == 0 ? 77 : 0;
}

static void list_names_each_once(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct names n = { 0 }, first = { .stop_after = 1 };

	assert_int_equal(store_meta_replace(st, "a.json", "{}", 2), 0);
	for (int i = 0; i < 2; i++) {
		n = (struct names){ 0 };
		assert_int_equal(store_list(st, count_name, &n), 0);
		assert_int_equal(n.cnv, 1);
		assert_int_equal(n.seq, 1);
		assert_int_equal(n.meta, 1);
		assert_int_equal(n.other, 0);
	}
	assert_int_equal(store_list(st, count_name, &first), 77);
	assert_int_equal(first.cnv + first.seq + first.meta, 1);
}

static void space_is_told(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	struct store_space space;

	assert_int_equal(store_space(st, &space), 0);
	assert_true(space.free_bytes > 0);
	assert_true(space.free_inodes > 0);
	assert_true(is_pow2(space.block_bytes));
	assert_false(space.read_only);
}

static void assert_meta(struct store *st, const char *name, const char *want)
{
	void *data = NULL;
	size_t len = 0;

	assert_int_equal(store_meta_read(st, name, &data, &len), 0);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(data, want, len + 1);
	free(data);
}

static void meta_files(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	void *data;
	size_t len;

	assert_int_equal(store_meta_read(st, "m", &data, &len), -ENOENT);
	assert_int_equal(store_meta_remove(st, "m"), -ENOENT);
	assert_int_equal(store_meta_replace(st, "m", "first", 5), 0);
	assert_meta(st, "m", "first");
	assert_int_equal(store_meta_replace(st, "m", "2nd", 3), 0);
	assert_meta(st, "m", "2nd");
	assert_int_equal(store_meta_append(st, "m", " and 3rd", 8, false), 0);
	assert_meta(st, "m", "2nd and 3rd");
	assert_int_equal(store_meta_append(st, "m", NULL, 0, true), 0);
	assert_meta(st, "m", "2nd and 3rd");
	assert_int_equal(store_meta_replace(st, "m", NULL, 0), 0);
	assert_meta(st, "m", "");
	assert_int_equal(store_meta_remove(st, "m"), 0);
	assert_int_equal(store_meta_read(st, "m", &data, &len), -ENOENT);
	assert_int_equal(store_meta_append(st, "m", "made", 4, true), 0);
	assert_meta(st, "m", "made");
	assert_int_equal(store_meta_cut(st, "m", 2), 0);
	assert_meta(st, "m", "ma");
	assert_int_equal(store_meta_append(st, "m", "x", 1, true), 0);
	assert_meta(st, "m", "max");
	assert_int_equal(store_meta_cut(st, "m", 5), 0);
	assert_int_equal(store_meta_read(st, "m", &data, &len), 0);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "max\0", 5);
	free(data);
	assert_int_equal(store_meta_cut(st, "none", 0), -ENOENT);
}

static void a_meta_file_over_64_mib_is_refused(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	void *data;
	size_t len;

	assert_int_equal(store_make(st, NEW, 64 * ZL_MIB + 1), 0);
	assert_int_equal(store_meta_read(st, "seq-000003", &data, &len),
			 -EFBIG);
	assert_int_equal(store_resize(st, NEW, 64 * ZL_MIB), 0);
	assert_int_equal(store_meta_read(st, "seq-000003", &data, &len), 0);
	assert_int_equal(len, 64 * ZL_MIB);
	free(data);
}

static void one_lock_per_directory(void **state)
{
	struct env *env = *state;
	struct store *other = open_again(env);
	struct zl_err err = { "" };

	assert_int_equal(store_lock(env->st, "l", 0, false, &err), -ENOENT);
	assert_true(err.msg[0]);
	assert_int_equal(store_lock(env->st, "l", 0, true, &err), 0);
	assert_int_equal(store_lock(env->st, "l", 0, true, &err), -EALREADY);
	err.msg[0] = 0;
	assert_int_equal(store_lock(other, "l", 0, true, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "in use"));
	assert_int_equal(store_lock(other, "l", 30, true, NULL), -EBUSY);
	store_close(env->st);
	env->st = other;
	assert_int_equal(store_lock(other, "l", 0, false, &err), 0);
}

static void replacing_the_locked_file_keeps_it_locked(void **state)
{
	struct env *env = *state;
	struct store *other = open_again(env);

	assert_int_equal(store_lock(env->st, "l", 0, true, NULL), 0);
	assert_int_equal(store_meta_append(env->st, "l", "old", 3, true), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_meta_replace(env->st, "l", "new", 3), 0);
		assert_int_equal(store_lock(other, "l", 0, true, NULL), -EBUSY);
		assert_int_equal(store_meta_append(env->st, "l", "er", 2, true),
				 0);
		assert_meta(other, "l", "newer");
	}
	store_close(env->st);
	env->st = other;
	assert_int_equal(store_lock(other, "l", 0, true, NULL), 0);
	assert_int_equal(store_meta_append(other, "l", "!", 1, true), 0);
	assert_meta(other, "l", "newer!");
}

static void everything_is_there_after_reopening(void **state)
{
	struct env *env = *state;
	uint8_t b[6];

	assert_int_equal(op_write(env->st, SEQ, 0, "abcdef", 6), 6);
	assert_int_equal(store_meta_replace(env->st, "m", "x", 1), 0);
	store_close(env->st);
	env->st = open_again(env);
	assert_int_equal(op_size(env->st, CNV), 256 * KIB);
	assert_int_equal(op_read(env->st, SEQ, 0, b, 6), 6);
	assert_memory_equal(b, "abcdef", 6);
	assert_meta(env->st, "m", "x");
}

struct job {
	struct store *st;
	uint32_t slot;
	bool ok;
};

static void *write_and_check(void *arg)
{
	struct job *job = arg;
	uint8_t a[4 * KIB], b[4 * KIB];

	job->ok = true;
	for (unsigned i = 0; i < 50 && job->ok; i++) {
		op_fill(a, sizeof(a), job->slot * 1000 + i);
		job->ok = op_write(job->st, job->slot, i * sizeof(a), a,
				   sizeof(a)) == sizeof(a) &&
			  op_run(job->st, STORE_SYNC, job->slot, 0, 0) == 0 &&
			  op_read(job->st, job->slot, i * sizeof(a), b,
				  sizeof(b)) == sizeof(b) &&
			  !memcmp(a, b, sizeof(a));
	}
	return NULL;
}

static void requests_from_several_threads(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	pthread_t thread[4];
	struct job job[4];

	for (uint32_t i = 0; i < 4; i++) {
		job[i] = (struct job){ .st = st, .slot = 10 + i };
		assert_int_equal(store_make(st, job[i].slot, 0), 0);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&thread[i], NULL,
						write_and_check, &job[i]),
				 0);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	for (int i = 0; i < 4; i++)
		assert_true(job[i].ok);
}

/* Random operations on one sequential slot, against a plain array. */
#define MODEL_MAX (300 * KIB)

struct model {
	uint8_t data[MODEL_MAX];
	size_t size;
	unsigned rand;
};

static unsigned next_rand(struct model *m, unsigned below)
{
	m->rand = m->rand * 1103515245u + 12345u;
	return (m->rand >> 8) % below;
}

static void random_write(struct model *m, struct store *st)
{
	static uint8_t a[MODEL_MAX];
	size_t len = next_rand(m, (unsigned)(MODEL_MAX - m->size) + 1) / 2;

	op_fill(a, len, m->rand);
	assert_int_equal(op_write(st, SEQ, m->size, a, len), len);
	memcpy(m->data + m->size, a, len);
	m->size += len;
}

static void random_step(struct model *m, struct store *st)
{
	size_t n;

	switch (next_rand(m, 6)) {
	case 0:
		assert_int_equal(op_run(st, STORE_RESET, SEQ, 0, 0), 0);
		m->size = 0;
		break;
	case 1:
		n = m->size + next_rand(m, 5000);
		n = min_u64(n, MODEL_MAX);
		assert_int_equal(op_run(st, STORE_FINISH, SEQ, 0, n), 0);
		memset(m->data + m->size, 0, n - m->size);
		m->size = n;
		break;
	case 2:
	case 3:
		n = next_rand(m, (unsigned)m->size + 1);
		assert_int_equal(op_run(st, STORE_CUT, SEQ, n, 0), 0);
		m->size = n;
		break;
	default:
		random_write(m, st);
	}
}

static void random_operations(void **state)
{
	struct store *st = ((struct env *)*state)->st;
	static uint8_t b[MODEL_MAX];
	static struct model m;
	const unsigned seed = 20;

	m = (struct model){ .rand = seed };
	for (int i = 0; i < 1500; i++) {
		random_step(&m, st);
		memset(b, 0x55, sizeof(b));
		if (op_size(st, SEQ) != m.size ||
		    op_read(st, SEQ, 0, b, sizeof(b)) != (int64_t)m.size ||
		    memcmp(b, m.data, m.size))
			fail_msg("seed %u: differs after step %d", seed, i);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static size_t nr_tests;

static int run_kind(const struct kind *k)
{
	const struct CMUnitTest tests[] = {
		T(names_follow_the_layout),
		T(stat_tells_missing_from_there),
		T(make_and_unmake),
		T(a_write_at_the_end_grows_the_file),
		T(a_read_ends_at_the_end),
		T(a_conventional_slot_is_overwritten_in_place),
		T(many_iovecs),
		T(reset_empties),
		T(finish_grows_without_data),
		T(cut_takes_back),
		T(punch_reads_as_zeros),
		T(syncs_succeed),
		T(nowait_is_all_or_eagain),
		T(a_missing_file_is_enoent),
		T(resize_both_ways),
		T(list_names_each_once),
		T(space_is_told),
		T(meta_files),
		T(a_meta_file_over_64_mib_is_refused),
		T(one_lock_per_directory),
		T(replacing_the_locked_file_keeps_it_locked),
		T(everything_is_there_after_reopening),
		T(requests_from_several_threads),
		T(random_operations),
	};

	kind = k;
	nr_tests += ZL_ARRAY_SIZE(tests);
	return cmocka_run_group_tests_name(k->name, tests, NULL, NULL);
}

int main(void)
{
	int failed = 0;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++)
		failed += run_kind(&kinds[i]);
	return skip_status(failed, nr_tests);
}
