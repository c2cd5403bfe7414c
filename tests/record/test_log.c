// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Logs: what is added is there, in order; what breaks ends the log only. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "base/limit.h"
#include "record/log.h"

static char dir[64], path[96];
static struct record_log rl;
static uint8_t data[3u << 20];

static int set_up(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/zloop-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 4096);
	record_log_init(&rl);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	record_log_destroy(&rl);
	unlink(path);
	rmdir(dir);
	return 0;
}

static void start(void)
{
	struct zl_err err = { "" };

	if (record_log_start(&rl, path, "the disk", "{}", 2, &err))
		fail_msg("%s", err.msg);
}

static void stop(void)
{
	struct zl_err err = { "" };

	if (record_log_stop(&rl, "told to", &err))
		fail_msg("%s", err.msg);
}

static void add_write(uint64_t lba, uint32_t blocks)
{
	struct iovec iov = { data, blocks * 512 };
	struct iov_cur cur = iov_start(&iov, 1);
	struct record r = { .type = RECORD_WRITE,
			    .begin = record_log_now(&rl),
			    .lba = lba,
			    .nr_blocks = blocks };

	record_log_add(&rl, &r, &cur, iov.iov_len);
}

static void what_is_added_is_there(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	uint64_t nr;

	(void)state;
	start();
	for (uint32_t i = 0; i < 1000; i++)
		add_write(i, 1 + i % 9);
	assert_int_equal(record_log_mark(&rl, "here", &nr, &err), 0);
	assert_int_equal(nr, 1001);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 1003);
	assert_int_equal(rd.bad_bytes, 0);
	for (uint32_t i = 0; i < 1000; i++) {
		const struct record *r = &rd.records[i + 1];

		assert_int_equal(r->type, RECORD_WRITE);
		assert_int_equal(r->lba, i);
		assert_int_equal(r->begin, r->seq - 1);
		assert_int_equal(r->data_bytes, (1 + i % 9) * 512);
		assert_memory_equal(r->data, data, r->data_bytes);
	}
	assert_int_equal(rd.records[1001].type, RECORD_MARK);
	assert_memory_equal(rd.records[1001].data, "here", 4);
	assert_int_equal(rd.records[1002].type, RECORD_END);
	assert_memory_equal(rd.records[1002].data, "told to", 7);
	record_close(&rd);
}

static void a_long_write_is_several_records(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	uint64_t lba = 16, left = sizeof(data);

	(void)state;
	start();
	add_write(lba, sizeof(data) / 512);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 2 + sizeof(data) / RECORD_MAX_DATA);
	for (size_t i = 1; i < rd.nr - 1; i++) {
		const struct record *r = &rd.records[i];

		assert_int_equal(r->lba, lba);
		left -= r->data_bytes;
		assert_int_equal(!!(r->flags & RECORD_MORE), left > 0);
		assert_memory_equal(r->data, data + (lba - 16) * 512,
				    r->data_bytes);
		lba += r->nr_blocks;
	}
	assert_int_equal(left, 0);
	record_close(&rd);
}

/* Parts end at physical blocks of up to 4096 bytes, wherever it begins. */
static void a_long_write_is_cut_at_physical_blocks(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	uint64_t end = 1;

	(void)state;
	start();
	add_write(1, 1200);
	add_write(8 * 512, 512);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 2 + 3 + 1);
	for (size_t i = 1; i < 4; i++) {
		assert_int_equal(rd.records[i].lba, end);
		assert_memory_equal(rd.records[i].data, data + (end - 1) * 512,
				    rd.records[i].data_bytes);
		end += rd.records[i].nr_blocks;
		assert_true(i == 3 || !(end % 8));
	}
	assert_int_equal(end, 1201);
	record_close(&rd);
}

/* Sequence numbers go on, so that what began before a log cannot be taken for
 * something in it. */
static void another_log_goes_on(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	uint64_t last;

	(void)state;
	start();
	add_write(0, 1);
	stop();
	last = record_log_now(&rl);
	assert_int_equal(record_log_start(&rl, path, "the disk", "{}", 2, &err),
			 -EEXIST);
	assert_int_equal(unlink(path), 0);
	start();
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.records[0].seq, last + 1);
	record_close(&rd);
}

/* Any length of a log is one up to its last whole record; no flipped bit is
 * taken for data. */
static void what_is_cut_off(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	struct stat sb;
	size_t nr = 0, ends[16];

	(void)state;
	start();
	for (uint32_t i = 0; i < 5; i++)
		add_write(i, 1);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	for (nr = 0; nr < rd.nr; nr++)
		ends[nr] = rd.records[nr].at_bytes +
			   record_bytes(rd.records[nr].data_bytes);
	record_close(&rd);
	assert_int_equal(stat(path, &sb), 0);
	for (off_t len = sb.st_size - 1; len > 0; len -= 13) {
		assert_int_equal(truncate(path, len), 0);
		while (nr && ends[nr - 1] > (size_t)len)
			nr--;
		if (!nr) {
			assert_int_equal(record_open(path, &rd, &err), -EINVAL);
			continue;
		}
		assert_int_equal(record_open(path, &rd, &err), 0);
		assert_int_equal(rd.nr, nr);
		assert_int_equal(rd.bad_bytes, (size_t)len - ends[nr - 1]);
		record_close(&rd);
	}
}

static void a_flipped_bit(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	size_t whole, at;
	uint8_t byte;
	int fd;

	(void)state;
	start();
	add_write(0, 1);
	add_write(1, 1);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	whole = rd.nr;
	at = rd.records[2].at_bytes;
	record_close(&rd);
	fd = open(path, O_RDWR);
	for (size_t i = 0; i < RECORD_HEAD_BYTES + 512; i++) {
		/* Bytes 52 to 59 have no meaning, but a checksum. */
		assert_int_equal(pread(fd, &byte, 1, at + i), 1);
		byte ^= 1 << i % 8;
		assert_int_equal(pwrite(fd, &byte, 1, at + i), 1);
		assert_int_equal(record_open(path, &rd, &err), 0);
		assert_int_equal(rd.nr, 2);
		record_close(&rd);
		byte ^= 1 << i % 8;
		assert_int_equal(pwrite(fd, &byte, 1, at + i), 1);
	}
	close(fd);
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, whole);
	record_close(&rd);
}

/* A file that can grow no further ends the log with a sentence; who adds is not
 * held up. */
static void a_full_log(void **state)
{
	struct rlimit old, few = { 1u << 20, RLIM_INFINITY };
	struct record_reader rd;
	struct record_status st;
	struct zl_err err = { "" };
	uint64_t nr;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	start();
	for (uint32_t i = 0; i < 300; i++)
		add_write(i, 256);
	while (record_log_is_on(&rl))
		usleep(1000);
	add_write(0, 256);
	record_log_status(&rl, &st);
	assert_false(st.on);
	assert_string_equal(st.why, limit_strerror(EFBIG));
	assert_int_equal(record_log_mark(&rl, "x", &nr, &err), -EINVAL);
	assert_non_null(
		strstr(err.msg, "nothing is recorded: File too large, for"));
	assert_int_equal(record_log_stop(&rl, "told to", &err), -EIO);
	assert_non_null(strstr(err.msg, "ends before that: File too large"));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	/* What was written whole stays. */
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 1 + few.rlim_cur / record_bytes(256 * 512));
	assert_true(rd.bad_bytes < record_bytes(256 * 512));
	record_close(&rd);
}

/* Nobody asks for it to be. */
static void await_written(uint64_t bytes)
{
	struct record_status st;

	for (unsigned i = 0; i < 3000; i++) {
		record_log_status(&rl, &st);
		if (st.bytes == bytes)
			return;
		usleep(10000);
	}
	_exit(1);
}

/* What was added until a few milliseconds ago is there, and nothing else: the
 * rest of the last sector is none of it. */
static void a_process_that_dies(void **state)
{
	struct record_reader rd;
	uint64_t bytes = record_bytes(2);
	struct zl_err err = { "" };
	pid_t pid = fork();
	int status;

	(void)state;
	if (!pid) {
		start();
		for (uint32_t i = 0; i < 700; i++) {
			add_write(i, 1 + i % 9);
			bytes += record_bytes((1 + i % 9) * 512);
		}
		await_written(bytes);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 1 + 700);
	assert_int_equal(rd.bad_bytes, 0);
	record_close(&rd);
}

static atomic_bool stuck;

ssize_t __real_pwritev64(int fd, const struct iovec *iov, int cnt, off_t at);
ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int cnt, off_t at);

ssize_t __wrap_pwritev64(int fd, const struct iovec *iov, int cnt, off_t at)
{
	while (atomic_load(&stuck))
		usleep(1000);
	return __real_pwritev64(fd, iov, cnt, at);
}

/* One that stands still: who adds waits for it, but not for good. */
static void a_slow_log(void **state)
{
	struct record_reader rd;
	struct record_status st;
	struct zl_err err = { "" };
	uint32_t added = 0;

	(void)state;
	record_wait_ms = 50;
	atomic_store(&stuck, true);
	start();
	while (record_log_has_room(&rl, 256 * 512)) {
		add_write(added++, 256);
		assert_true(record_log_is_on(&rl));
	}
	/* There is more room than that, and then there is none. */
	while (record_log_is_on(&rl))
		add_write(added++, 256);
	assert_in_range(added, 300, 600);
	record_log_status(&rl, &st);
	assert_string_equal(st.why, "its file system is too slow");
	atomic_store(&stuck, false);
	assert_int_equal(record_log_stop(&rl, "told to", &err), -EIO);
	record_wait_ms = 5000;
	/* What was added until then is there. */
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, added);
	assert_int_equal(rd.bad_bytes, 0);
	record_close(&rd);
}

static void *add_many(void *arg)
{
	for (uint32_t i = 0; i < 2000; i++)
		add_write((uint64_t)(uintptr_t)arg << 32 | i, 8);
	return NULL;
}

/* From many threads, each one's in its order. */
static void side_by_side(void **state)
{
	uint64_t next[4] = { 0 };
	struct record_reader rd;
	struct zl_err err = { "" };
	pthread_t thread[4];

	(void)state;
	start();
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, add_many, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	stop();
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.nr, 2 + 4 * 2000);
	for (size_t i = 1; i < rd.nr - 1; i++) {
		uint64_t lba = rd.records[i].lba;

		assert_int_equal(lba & UINT32_MAX, next[lba >> 32]++);
		assert_memory_equal(rd.records[i].data, data, 4096);
	}
	record_close(&rd);
}

static atomic_bool enough;

static void *add_until_enough(void *arg)
{
	uint64_t until_ms = clock_ms() + 10000;

	for (uint32_t i = 0; !atomic_load(&enough) && clock_ms() < until_ms;
	     i++)
		add_write((uint64_t)(uintptr_t)arg << 32 | i, 8);
	return NULL;
}

static void stop_under_load(void)
{
	uint64_t begin_ms = clock_ms();

	usleep(20000);
	stop();
	assert_true(clock_ms() - begin_ms < 5000);
	assert_false(record_log_is_on(&rl));
}

/* Who adds meanwhile neither holds the end up nor comes behind it. */
static void stopped_under_load(void **state)
{
	struct record_reader rd;
	struct zl_err err = { "" };
	pthread_t thread[4];

	(void)state;
	atomic_store(&enough, false);
	start();
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&thread[i], NULL, add_until_enough, (void *)i);
	stop_under_load();
	atomic_store(&enough, true);
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(record_open(path, &rd, &err), 0);
	assert_int_equal(rd.records[rd.nr - 1].type, RECORD_END);
	assert_int_equal(rd.bad_bytes, 0);
	record_close(&rd);
}

static pthread_t release;

static void *let_go(void *arg)
{
	uint64_t until_ms = clock_ms() + 5000;

	while (record_log_is_on(&rl) && clock_ms() < until_ms)
		usleep(1000);
	atomic_store(&stuck, false);
	return arg;
}

/* What cannot be written any more when the end has been added. */
static void an_end_that_is_lost(void **state)
{
	struct rlimit old, few = { 1u << 20, RLIM_INFINITY };
	struct record_status st;
	struct zl_err err = { "" };

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	few.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	atomic_store(&stuck, true);
	start();
	for (uint32_t i = 0; i < 20; i++)
		add_write(i, 256);
	assert_int_equal(pthread_create(&release, NULL, let_go, NULL), 0);
	assert_int_equal(record_log_stop(&rl, "told to", &err), -EIO);
	assert_non_null(strstr(err.msg, "ends before that: File too large"));
	pthread_join(release, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	record_log_status(&rl, &st);
	assert_string_equal(st.why, limit_strerror(EFBIG));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_added_is_there),
		TEST(a_long_write_is_several_records),
		TEST(a_long_write_is_cut_at_physical_blocks),
		TEST(another_log_goes_on),
		TEST(what_is_cut_off),
		TEST(a_flipped_bit),
		TEST(a_full_log),
		TEST(a_process_that_dies),
		TEST(a_slow_log),
		TEST(side_by_side),
		TEST(stopped_under_load),
		TEST(an_end_that_is_lost),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
