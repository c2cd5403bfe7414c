// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Who has a disk: noted by who opens it, read by anybody. */
#include <pthread.h>

#include "base/clock.h"
#include "disk/dirs.h"
#include "disk/holder.h"
#include "disk/life/open.h"
#include "disk/medium/holder.h"
#include "disk/medium/journal.h"
#include "disk/snapshot.h"

static char boot_file[] = "/tmp/zl-boot-XXXXXX";

static void set_boot(const char *id)
{
	FILE *f = fopen(boot_file, "w");

	assert_non_null(f);
	fputs(id, f);
	fclose(f);
	journal_boot_id_path = boot_file;
}

static int setup(void **state)
{
	struct tmp_dir *t = malloc(sizeof(*t));
	int fd;

	tmp_dir_make(t);
	*state = t;
	strcpy(boot_file, "/tmp/zl-boot-XXXXXX");
	fd = mkstemp(boot_file);
	close(fd);
	set_boot("boot-1");
	return fd < 0;
}

static int teardown(void **state)
{
	unlink(boot_file);
	tmp_dir_drop(*state);
	free(*state);
	return 0;
}

static struct disk *open_with(struct tmp_dir *t, const char *options)
{
	struct disk *d;
	struct zl_err err;

	if (open_dir(t->path, options, 0, 0, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

static struct disk *make(struct tmp_dir *t)
{
	struct disk *d;
	struct zl_err err;

	if (open_dir(t->path, USUAL, USUAL_SIZE, MAKE, &d, &err))
		fail_msg("%s", err.msg);
	return d;
}

static struct disk_holder read_holder(struct tmp_dir *t)
{
	struct disk_holder h;
	struct zl_err err;

	assert_accepted("read", disk_read_holder(t->path, &h, &err), &err);
	return h;
}

static void noted_while_open_and_after(void **state)
{
	struct tmp_dir *t = *state;
	char host[DISK_HOST_MAX];
	struct disk_holder h;
	struct disk *d;

	disk_close(make(t));
	d = open_with(t, "write_through,direct_io");
	h = read_holder(t);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	assert_string_equal(h.host, host);
	assert_string_equal(h.options, "direct_io/write_through");
	assert_true(h.write_through && h.here && !h.clean);
	assert_true(h.since_s + 100 > (uint64_t)time(NULL));
	disk_close(d);
	h = read_holder(t);
	assert_string_equal(h.host, host);
	assert_true(h.clean && h.here);
	/* The next one, without options, on a machine that was restarted. */
	disk_close(open_with(t, NULL));
	set_boot("boot-2");
	h = read_holder(t);
	assert_string_equal(h.options, "");
	assert_false(h.write_through || h.here);
}

/* Of a directory that is there twice one is not the one that was opened; what
 * zloop clone makes is a disk of its own. */
static void a_copy_is_known(void **state)
{
	struct tmp_dir *t = *state;
	struct disk_holder h;
	struct disk_meta meta;
	struct disk *d = make(t);
	char copy[PATH_MAX + 8], command[3 * PATH_MAX];
	struct zl_err err;

	snprintf(copy, sizeof(copy), "%s.copy", t->path);
	snprintf(command, sizeof(command), "cp -a %s %s", t->path, copy);
	assert_int_equal(system(command), 0);
	assert_int_equal(disk_read_holder(copy, &h, &err), 0);
	assert_true(h.copied && !h.clean);
	assert_false(read_holder(t).copied);
	disk_close(d);
	assert_int_equal(open_dir(copy, NULL, 0, 0, &d, &err), 0);
	assert_int_equal(disk_read_holder(copy, &h, &err), 0);
	assert_false(h.copied);
	disk_close(d);
	assert_int_equal(disk_delete(copy, 0, NULL, NULL, &err), 0);
	rmdir(copy);
	assert_accepted(
		"clone",
		disk_clone(t->path, NULL, copy, NULL, NULL, &meta, &err), &err);
	assert_int_equal(disk_read_holder(copy, &h, &err), 0);
	assert_false(h.copied);
	assert_int_equal(disk_delete(copy, 0, NULL, NULL, &err), 0);
	rmdir(copy);
}

static void no_journal_is_said(void **state)
{
	struct tmp_dir *t = *state;
	struct disk_holder h;
	struct zl_err err;

	assert_int_equal(disk_read_holder(t->path, &h, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "has no zloop.state"));
}

static void add(void *user, uint32_t where, uint64_t value)
{
	assert_true(holder_take(user, where, value));
}

/* Texts of every length come back, and none is read beyond its end. */
static void texts_of_any_length(void **state)
{
	struct disk_holder h = { .since_s = 1234567890 }, got;
	char text[DISK_HOLDER_TEXT_MAX];

	(void)state;
	for (unsigned len = 0; len < DISK_HOST_MAX; len++) {
		memset(h.host, 0, sizeof(h.host));
		memset(h.host, 'h', len);
		memset(h.options, 0, sizeof(h.options));
		memset(h.options, 'o', len * 3);
		got = (struct disk_holder){ 0 };
		holder_each(&h, add, &got);
		assert_memory_equal(&h, &got, sizeof(h));
	}
	assert_false(holder_take(&got, HOLDER_HOST << 16 | 99, 1));
	assert_false(holder_take(&got, 99u << 16, 1));
	strcpy(h.host, "gw1");
	assert_string_equal(disk_holder_text(&h, text),
			    "host gw1 since 2009-02-13 23:31:30 UTC");
	*h.host = 0;
	assert_string_equal(disk_holder_text(&h, text), "");
}

/* A store whose lock somebody on another machine has. */
static int locked_elsewhere(struct store *st, const char *name,
			    unsigned wait_ms, bool make, struct zl_err *err)
{
	(void)st;
	(void)name;
	(void)wait_ms;
	(void)make;
	zl_fail_in_use(err, "/d", "another process");
	err->who_unknown = true;
	return -EBUSY;
}

static void pass(struct store *st, struct store_req *req)
{
	store_submit(st->lower, req);
}

static void close_lower(struct store *st)
{
	store_close(st->lower);
}

static const struct store_ops elsewhere = { .name = "elsewhere",
					    .submit = pass,
					    .close = close_lower,
					    .lock = locked_elsewhere };

static void the_refusal_names_it(void **state)
{
	const struct disk_open_args args = { .lock_wait_ms = 0 };
	struct tmp_dir *t = *state;
	char want[192], text[DISK_HOLDER_TEXT_MAX];
	struct store *st, wrapped;
	struct disk_holder h;
	struct disk *d = make(t), *second;
	struct zl_err err;

	h = read_holder(t);
	snprintf(want, sizeof(want), "/d is in use by %s",
		 disk_holder_text(&h, text));
	assert_int_equal(store_file_open(t->path, &st, &err), 0);
	store_wrap(&wrapped, &elsewhere, st);
	/* Another process of another machine: nobody here has it open. */
	disk_abandon(d);
	assert_int_equal(disk_open_store(&wrapped, "/d", &args, &second, &err),
			 -EBUSY);
	assert_string_equal(err.msg, want);
	store_close(&wrapped);
}

/* What another process, or machine, does in a moment. */
struct other {
	pthread_t thread;
	struct tmp_dir *dir;
	struct store *store; /* whose lock it has until then, or NULL */
	struct disk *disk;
};

static void *act_soon(void *user)
{
	struct other *o = user;

	clock_sleep_ms(100);
	if (o->store)
		store_close(o->store);
	else
		o->disk = open_with(o->dir, NULL);
	return NULL;
}

static void begin(struct other *o)
{
	assert_int_equal(pthread_create(&o->thread, NULL, act_soon, o), 0);
}

static void end(struct other *o)
{
	assert_int_equal(pthread_join(o->thread, NULL), 0);
}

/* It has the lock, and notes that it has the disk only then. */
static void one_that_is_just_opening_it_is_named(void **state)
{
	const struct disk_open_args args = { .lock_wait_ms = 20000 };
	struct other other = { .dir = *state };
	struct store *st, wrapped;
	struct disk *second;
	struct zl_err err;
	char host[DISK_HOST_MAX], want[DISK_HOST_MAX + 32];

	disk_close(make(*state));
	assert_int_equal(store_file_open(other.dir->path, &st, &err), 0);
	store_wrap(&wrapped, &elsewhere, st);
	begin(&other);
	assert_int_equal(disk_open_store(&wrapped, "/d", &args, &second, &err),
			 -EBUSY);
	end(&other);
	assert_int_equal(gethostname(host, sizeof(host)), 0);
	snprintf(want, sizeof(want), "/d is in use by host %s since", host);
	assert_memory_equal(err.msg, want, strlen(want));
	disk_close(other.disk);
	store_close(&wrapped);
}

/* Whoever looks has the lock for a moment, and is not taken for a user. */
static void one_that_looks_is_waited_for(void **state)
{
	struct other other = { .dir = *state };
	struct disk *d = make(*state);
	struct zl_err err;
	char who[128];

	disk_close(d);
	assert_int_equal(store_file_open(other.dir->path, &other.store, &err),
			 0);
	assert_int_equal(store_lock(other.store, DISK_JOURNAL, 0, false, &err),
			 0);
	assert_int_equal(open_dir(other.dir->path, NULL, 0, LOOK, &d, &err), 0);
	assert_true(disk_in_use(other.dir->path, d, 0, who, sizeof(who)));
	begin(&other);
	assert_false(disk_in_use(other.dir->path, d, 20000, who, sizeof(who)));
	assert_string_equal(who, "");
	end(&other);
	disk_close(d);
}

/* Many who look at the same time are neither users of the disk nor in the way
 * of one who opens it. */
#define LOOKERS 6
#define LOOKS	60

struct looker {
	pthread_t thread;
	const char *dir;
	unsigned in_use, open;
};

static void *look_often(void *user)
{
	struct looker *l = user;
	struct disk *d;
	struct zl_err err;
	char who[128];

	for (unsigned i = 0; i < LOOKS; i++) {
		if (open_dir(l->dir, NULL, 0, LOOK, &d, &err))
			fail_msg("%s", err.msg);
		l->in_use += disk_in_use(l->dir, d, 0, who, sizeof(who));
		disk_close(d);
		l->open += disk_is_open(l->dir);
	}
	return NULL;
}

static void start_looking(struct looker l[LOOKERS], const char *dir)
{
	for (unsigned i = 0; i < LOOKERS; i++) {
		l[i] = (struct looker){ .dir = dir };
		assert_int_equal(
			pthread_create(&l[i].thread, NULL, look_often, &l[i]),
			0);
	}
}

static void end_looking(struct looker l[LOOKERS])
{
	for (unsigned i = 0; i < LOOKERS; i++)
		assert_int_equal(pthread_join(l[i].thread, NULL), 0);
}

/* So often each of them finds it in use. */
static void all_find(const char *dir, unsigned times)
{
	struct looker l[LOOKERS];

	start_looking(l, dir);
	end_looking(l);
	for (unsigned i = 0; i < LOOKERS; i++) {
		assert_int_equal(l[i].in_use, times);
		assert_int_equal(l[i].open, times);
	}
}

static void open_and_close(const char *dir)
{
	const struct disk_open_args args = { .lock_wait_ms = 20000 };
	struct zl_err err;
	struct disk *d;

	for (unsigned i = 0; i < 10; i++) {
		assert_accepted("open", disk_open(dir, &args, &d, &err), &err);
		disk_close(d);
	}
}

static void lookers_do_not_see_each_other(void **state)
{
	struct tmp_dir *t = *state;
	struct looker l[LOOKERS];
	struct disk *d = make(t);

	all_find(t->path, LOOKS);
	disk_close(d);
	all_find(t->path, 0);
	start_looking(l, t->path);
	open_and_close(t->path);
	end_looking(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(noted_while_open_and_after,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_copy_is_known, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_journal_is_said, setup,
						teardown),
		cmocka_unit_test(texts_of_any_length),
		cmocka_unit_test_setup_teardown(the_refusal_names_it, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			one_that_is_just_opening_it_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(one_that_looks_is_waited_for,
						setup, teardown),
		cmocka_unit_test_setup_teardown(lookers_do_not_see_each_other,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
