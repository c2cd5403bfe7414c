// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * A write that a killed process had given to io_uring may end long after its
 * death.  The directory's lock is held until then: nothing lands behind the
 * back of whoever opens the disk next.  (Linux 6 gives a buffered write up when
 * it comes to it after the kill; direct ones land.)
 *
 * The write is held back in the kernel: another process is inside a write to
 * the same file, which has the file's lock, and waits for a page of its buffer
 * that comes when the test likes (userfaultfd).
 */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "skip.h"
#include "store/store.h"

#define LOCK_FILE  "lock"
#define SLOT	   0u
#define OLD_BYTES  4096u
#define LATE	   'L'
#define LATE_BYTES 8192u

struct late {
	char dir[64];
	int said[2];  /* pipe: a child tells how far it is */
	int go_on[2]; /* pipe: the blocker may go on */
	pid_t blocker, victim, next;
};

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
}

static struct store *open_locked(const struct late *t, unsigned wait_ms)
{
	struct zl_err err;
	struct store *st;

	if (store_file_open(t->dir, &st, &err))
		return NULL;
	store_set_layout(st, store_conv_first(0));
	if (store_lock(st, LOCK_FILE, wait_ms, true, &err)) {
		store_close(st);
		return NULL;
	}
	return st;
}

static void say(const struct late *t, char what)
{
	if (write(t->said[1], &what, 1) != 1)
		_exit(9);
}

/* Waits for what a child says next. */
static char hear(const struct late *t)
{
	char c = 0;

	assert_int_equal(read(t->said[0], &c, 1), 1);
	return c;
}

/*
 * The blocker: a process of its own, since a killed one would take the missing
 * page along.
 */
struct hole {
	const struct late *late;
	char *page;
	size_t len;
};

static void *write_from_hole(void *arg)
{
	struct hole *h = arg;
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/seq-000000", h->late->dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || pwrite(fd, h->page, OLD_BYTES, 0) != OLD_BYTES)
		_exit(8);
	return NULL;
}

/* A page that is not there until fill_hole(); -1: the kernel does not let us.
 */
static int make_hole(struct hole *h)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	h->len = (size_t)sysconf(_SC_PAGESIZE);
	h->page = mmap(NULL, h->len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)h->page;
	reg.range.len = h->len;
	if (h->page == MAP_FAILED || ioctl(fd, UFFDIO_REGISTER, &reg))
		return -1;
	return fd;
}

static int fill_hole(const struct hole *h, int fd)
{
	struct uffdio_zeropage zero = {
		.range = { .start = (uintptr_t)h->page, .len = h->len },
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero);
}

static void be_blocker(struct late *t)
{
	struct hole hole = { .late = t };
	struct uffd_msg msg;
	pthread_t writer;
	char c;
	int fd = make_hole(&hole);

	if (fd < 0) {
		say(t, 's');
		_exit(0);
	}
	if (pthread_create(&writer, NULL, write_from_hole, &hole))
		_exit(7);
	/* The fault: the write is under way, with the file's lock. */
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		_exit(6);
	say(t, 'b');
	if (read(t->go_on[0], &c, 1) != 1 || fill_hole(&hole, fd))
		_exit(5);
	pthread_join(writer, NULL);
	_exit(0);
}

/*
 * The victim: the daemon that dies with a write in the kernel.
 */

static void never_done(struct store_req *req)
{
	(void)req;
}

static void be_victim(struct late *t)
{
	static uint8_t data[LATE_BYTES];
	struct iovec iov = { data, 1 };
	struct store_req req = { .op = STORE_READ,
				 .slot = SLOT,
				 .iov = &iov,
				 .iov_cnt = 1,
				 .len = 1 };
	struct store *st = open_locked(t, 0);

	if (!st)
		_exit(4);
	if (store_start_engine(st)) {
		say(t, 's');
		_exit(0);
	}
	/* It must be open already. */
	if (store_run(st, &req) != 1)
		_exit(3);
	memset(data, LATE, sizeof(data));
	iov.iov_len = sizeof(data);
	req = (struct store_req){ .op = STORE_WRITE,
				  .flags = STORE_ASYNC,
				  .slot = SLOT,
				  .off = OLD_BYTES,
				  .len = sizeof(data),
				  .iov = &iov,
				  .iov_cnt = 1,
				  .done = never_done };
	store_submit(st, &req);
	say(t, 'v');
	for (;;)
		pause();
}

/* Whoever opens the disk next: what it sees once it has the lock stays so. */
static void be_next(struct late *t)
{
	struct store *st = open_locked(t, 20000);
	struct store_stat first, again;

	if (!st || store_stat(st, SLOT, &first))
		_exit(2);
	for (int i = 0; i < 20; i++) {
		nap();
		if (store_stat(st, SLOT, &again) ||
		    again.size_bytes != first.size_bytes)
			_exit(1);
	}
	_exit(0);
}

static pid_t start(struct late *t, void (*be)(struct late *t))
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test fails */
		be(t);
	}
	return pid;
}

static void assert_ends(pid_t pid, int code)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

/* The state letter of a thread that runs what io_uring was given, or 0. */
static char worker_state(pid_t pid, const char *tid)
{
	char path[320], name[64] = "", state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%s/stat", pid, tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%*d (%63[^)]) %c", name, &state) != 2 ||
	    strncmp(name, "iou-wrk", 7))
		state = 0;
	fclose(f);
	return state;
}

/* Whether the victim's write has begun and cannot be interrupted. */
static bool is_stuck(pid_t pid)
{
	char path[64];
	struct dirent *e;
	bool stuck = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((e = readdir(dir)))
		stuck |= worker_state(pid, e->d_name) == 'D';
	closedir(dir);
	return stuck;
}

static void make_dir(struct late *t)
{
	struct store *st;

	strcpy(t->dir, "/tmp/zloop-late-XXXXXX");
	assert_non_null(mkdtemp(t->dir));
	assert_int_equal(pipe(t->said), 0);
	assert_int_equal(pipe(t->go_on), 0);
	st = open_locked(t, 0);
	assert_non_null(st);
	assert_int_equal(store_make(st, SLOT, OLD_BYTES), 0);
	store_close(st);
}

static void drop_dir(struct late *t)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -r %s", t->dir);
	assert_int_equal(system(cmd), 0);
}

static void skip_unless(struct late *t, char heard, char wanted,
			const char *why)
{
	if (heard == wanted)
		return;
	drop_dir(t);
	skip_test("%s", why);
}

static int rename_lock(const struct late *t, const char *from, const char *to)
{
	char old[64], new[64];

	snprintf(old, sizeof(old), "%s/%s", t->dir, from);
	snprintf(new, sizeof(new), "%s/%s", t->dir, to);
	return rename(old, new);
}

static void the_lock_waits_for_the_write(void **state)
{
	struct late t;

	(void)state;
	make_dir(&t);
	t.blocker = start(&t, be_blocker);
	skip_unless(&t, hear(&t), 'b', "no userfaultfd: CAP_SYS_PTRACE?");
	t.victim = start(&t, be_victim);
	skip_unless(&t, hear(&t), 'v', "no io_uring");
	while (!is_stuck(t.victim))
		nap();
	kill(t.victim, SIGKILL);

	/* It is dead, but what it began is not: nobody gets in. */
	for (int i = 0; i < 20; i++) {
		nap();
		assert_null(open_locked(&t, 0));
	}
	/* Nor with another file in the place of the locked one. */
	assert_int_equal(rename_lock(&t, LOCK_FILE, "away"), 0);
	assert_null(open_locked(&t, 0));
	assert_int_equal(rename_lock(&t, "away", LOCK_FILE), 0);
	t.next = start(&t, be_next);
	for (int i = 0; i < 20; i++) {
		nap();
		assert_int_equal(waitpid(t.next, NULL, WNOHANG), 0);
	}

	/* With the write over, the next one comes in. */
	assert_int_equal(write(t.go_on[1], "", 1), 1);
	assert_ends(t.next, 0);
	assert_ends(t.blocker, 0);
	assert_int_equal(waitpid(t.victim, NULL, 0), t.victim);
	drop_dir(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lock_waits_for_the_write),
	};

	return skip_run_tests(tests, NULL, NULL);
}
