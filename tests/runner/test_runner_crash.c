// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// The ring outlives a daemon that is killed: what it had posted is delivered,
// the rest is BUSY, and a new daemon goes on with it.

#include "testing.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH 32

struct tally {
	int good;
	int busy;
};

static struct tally tally;

static void count(struct runner_cmd *cmd)
{
	if (cmd->status == 0x08 && cmd->reset)
		tally.busy++;
	else if (cmd->status == 0x00)
		tally.good++;
}

static struct runner_ring *shared_ring(void)
{
	struct runner_ring_params p = { .depth = DEPTH,
					.max_data_bytes = 4096 };
	void *area = mmap(NULL, runner_ring_bytes(&p), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(area, MAP_FAILED);
	return runner_ring_init(area, &p);
}

static pid_t start_daemon(struct runner_ring *ring)
{
	struct runner_dev_params p = { .cfgstring = "door/x",
				       .size_bytes = DISK_BYTES,
				       .shared_ring = ring };
	struct tcmu_device *dev;
	pid_t pid;
	char *why;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	if (runner_add(runner_load(HANDLER_DIR "/handler_door.so", &why), &p,
		       &dev))
		_exit(3);
	for (;;)
		pause();
}

static void kill_daemon(pid_t pid)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

struct stages {
	uint64_t next_tag;
	int posted;
	int others;
};

static void count_stage(void *arg, uint64_t tag, enum runner_stage stage,
			const uint8_t *cdb, uint8_t status)
{
	struct stages *s = arg;

	(void)status;
	assert_int_equal(cdb[0], 0x8a);
	assert_true(tag >= s->next_tag); /* the order of submission */
	s->next_tag = tag + 1;
	if (stage == RUNNER_POSTED)
		s->posted++;
	else
		s->others++;
}

/* Slow writes of 20 ms each; the daemon is killed after @ms. */
static void crash_after(int ms)
{
	struct timespec ts = { .tv_nsec = ms * 1000000L };
	static struct runner_cmd cmds[DEPTH];
	static uint8_t data[DEPTH][512];
	struct runner_ring *ring = shared_ring();
	struct stages s = { 0 };
	pid_t pid = start_daemon(ring);
	int delivered = 0;
	unsigned int i;

	tally = (struct tally){ 0 };
	for (i = 0; i < DEPTH; i++) {
		cmds[i] = (struct runner_cmd){ .cdb_len = 16,
					       .dir = RUNNER_OUT,
					       .data = data[i],
					       .data_len = 512,
					       .tag = i,
					       .done = count };
		rw16(cmds[i].cdb, 0x8a, 0x01, i, 1);
		runner_ring_submit(ring, &cmds[i]);
	}
	nanosleep(&ts, NULL);
	delivered = runner_ring_poll(ring, 0);
	kill_daemon(pid);

	runner_ring_walk(ring, count_stage, &s);
	assert_int_equal(delivered + s.posted + s.others, DEPTH);
	assert_int_equal(runner_ring_reset(ring), s.others);
	assert_int_equal(tally.busy, s.others);
	assert_int_equal(tally.good, delivered + s.posted);

	/* A new daemon, the same ring: retries work. */
	pid = start_daemon(ring);
	for (i = 0; i < DEPTH; i++)
		if (cmds[i].status == 0x08)
			assert_int_equal(
				runner_ring_exec(ring, &cmds[i], 30000), 0);
	kill_daemon(pid);
	assert_int_equal(runner_ring_reset(ring), 0);
}

static void test_killed_at_any_point(void **state)
{
	int ms;

	(void)state;
	for (ms = 0; ms <= 300; ms += 60)
		crash_after(ms);
}

static void test_killed_before_the_daemon_came(void **state)
{
	struct runner_ring *ring = shared_ring();
	struct runner_cmd cmd = { .cdb_len = 6, .done = count };

	(void)state;
	tally = (struct tally){ 0 };
	runner_ring_submit(ring, &cmd);
	assert_int_equal(runner_ring_poll(ring, 10), 0);
	assert_int_equal(runner_ring_reset(ring), 1);
	assert_int_equal(tally.busy, 1);
}

/* The submitter dies too: its commands are seen, then forgotten. */
static void test_submitter_killed_with_the_daemon(void **state)
{
	struct runner_ring *ring = shared_ring();
	struct runner_dev_params p = { .cfgstring = "door/x",
				       .size_bytes = DISK_BYTES,
				       .shared_ring = ring };
	static struct runner_cmd cmds[4];
	struct runner_cmd again = { .cdb_len = 6 };
	struct stages s = { 0 };
	struct tcmu_device *dev;
	uint8_t block[512] = { 0 };
	unsigned int i;
	char *why;
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (runner_add(
			    runner_load(HANDLER_DIR "/handler_door.so", &why),
			    &p, &dev))
			_exit(3);
		runner_hold(dev);
		for (i = 0; i < 4; i++) {
			cmds[i] = (struct runner_cmd){ .cdb_len = 16,
						       .dir = RUNNER_OUT,
						       .data = block,
						       .data_len = 512,
						       .tag = 10 + i,
						       .done = count };
			rw16(cmds[i].cdb, 0x8a, 0, i, 1);
			runner_submit(dev, &cmds[i]);
		}
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	runner_ring_walk(ring, count_stage, &s);
	assert_int_equal(s.others, 4);
	tally = (struct tally){ 0 };
	assert_int_equal(runner_ring_reset(ring), 4);
	assert_int_equal(tally.busy, 0);
	pid = start_daemon(ring);
	assert_int_equal(runner_ring_exec(ring, &again, 30000), 0);
	kill_daemon(pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_any_point),
		cmocka_unit_test(test_killed_before_the_daemon_came),
		cmocka_unit_test(test_submitter_killed_with_the_daemon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
