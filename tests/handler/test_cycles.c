// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Adding and removing leaves nothing behind: descriptors, threads, memory. */
#include "rig.h"

#include <unistd.h>

#include "held.h"

#define CYCLES	100
#define NR_IDLE 50u

struct count {
	unsigned fds, threads;
};

static struct count count(void)
{
	return (struct count){ held_fds(), held_threads() };
}

/* A joined thread's entry may stay for a moment. */
static void assert_same(struct count before)
{
	for (int i = 0; i < 1000 && count().threads > before.threads; i++)
		usleep(1000);
	assert_int_equal(count().threads, before.threads);
	assert_int_equal(count().fds, before.fds);
}

static void use(struct rig *rig, unsigned round)
{
	uint8_t out[8 * 512], in[8 * 512];
	uint64_t lba = ZONE(4 + round % 28);

	fill(out, lba, 8, round);
	assert_int_equal(rig_zone(rig, SA_RESET, lba, false), 0);
	assert_int_equal(rig_write(rig, lba, 8, out), 0);
	assert_int_equal(rig_read(rig, lba, 8, in), 0);
	assert_memory_equal(in, out, sizeof(in));
}

static void add_use_remove(void **state)
{
	struct rig *rig = *state;
	struct count before;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	before = count();
	for (unsigned i = 0; i < CYCLES; i++) {
		assert_int_equal(
			rig_add(rig, i % 2 ? RIG_CFG : "@$/d", RIG_BYTES), 0);
		use(rig, i);
		rig_remove(rig);
	}
	assert_same(before);
	rig_shell(rig, "test -z \"`ls -A $/run`\""); /* no socket */
}

static void make_each_time(void **state)
{
	struct rig *rig = *state;
	struct count before = count();

	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
		rig_remove(rig);
		rig_shell(rig, "rm $/d/*");
	}
	assert_same(before);
}

/* What is refused leaves nothing either. */
static void refused(void **state)
{
	struct runner_dev_params params = { .size_bytes = RIG_BYTES };
	struct rig *rig = *state;
	struct count before;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	rig_remove(rig);
	before = count();
	for (unsigned i = 0; i < CYCLES; i++) {
		params.size_bytes = RIG_BYTES;
		params.hw_block_size = 512;
		assert_int_equal(rig_add_unchecked(rig, "x@$/d", &params),
				 -EINVAL);
		assert_int_equal(rig_add_unchecked(rig, "@$/none", &params),
				 -ENOENT);
		params.hw_block_size = 4096;
		assert_int_equal(rig_add_unchecked(rig, "@$/d", &params),
				 -EINVAL);
		params.size_bytes++;
		assert_int_equal(rig_add_unchecked(rig, "@$/d", &params),
				 -EINVAL);
	}
	assert_same(before);
	use(rig, rig_add(rig, "@$/d", RIG_BYTES)); /* 0 */
}

/* Several disks side by side, taken away in another order. */
static void many_disks(void **state)
{
	struct rig *rig = *state, rigs[8];
	struct count before = count();
	char cfg[64];

	for (unsigned i = 0; i < 8; i++) {
		rigs[i] = *rig;
		snprintf(cfg, sizeof(cfg), "mkdir $/%u", i);
		rig_shell(rig, cfg);
		snprintf(cfg, sizeof(cfg), "zone_size_mb=1/conv_zones=4@$/%u",
			 i);
		assert_int_equal(rig_add(&rigs[i], cfg, RIG_BYTES), 0);
		use(&rigs[i], i);
	}
	for (unsigned i = 0; i < 8; i++) {
		use(&rigs[i * 3 % 8], i + 1);
		rig_remove(&rigs[i * 3 % 8]);
	}
	assert_same(before);
}

static void add_idle(struct rig *rig, unsigned i)
{
	struct runner_dev_params params = {
		.size_bytes = RIG_BYTES,
		.ring = { .depth = 2, .max_data_bytes = 4096 }
	};
	char cfg[64];

	snprintf(cfg, sizeof(cfg), "mkdir $/%u", i);
	rig_shell(rig, cfg);
	snprintf(cfg, sizeof(cfg), "zone_size_mb=1/conv_zones=4@$/%u", i);
	assert_int_equal(rig_add_params(rig, cfg, &params), 0);
}

/*
 * Of each: a directory, its lock and a socket, and the daemon's own thread.  Of
 * all of them: a thread for what blocks, one for the sockets, one for what is
 * asked there, and two descriptors of the second.
 */
static void idle_disks(void **state)
{
	struct rig *rig = *state, rigs[NR_IDLE];
	struct count before = count(), now;

	for (unsigned i = 0; i < NR_IDLE; i++) {
		rigs[i] = *rig;
		add_idle(&rigs[i], i);
		now = count();
		assert_int_equal(now.fds, before.fds + 2 + 3 * (i + 1));
		assert_int_equal(now.threads, before.threads + 3 + i + 1);
	}
	for (unsigned i = 0; i < NR_IDLE; i++)
		rig_remove(&rigs[i]);
	assert_same(before);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(add_use_remove), TEST(make_each_time), TEST(refused),
		TEST(many_disks),     TEST(idle_disks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
