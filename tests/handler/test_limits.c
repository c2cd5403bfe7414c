// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Limits of the process: on the size of files, which ends it unless it minds
 * SIGXFSZ, and on descriptors.  A command that meets one fails, or waits; the
 * others and the other disks are served.
 */
#include "rig.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "skip.h"

#define HALF	     (ZONE_BLOCKS / 2)
#define MEDIUM_ERROR 0x030c00

static struct rlimit old;

static void limit(int what, rlim_t to)
{
	struct rlimit new;

	getrlimit(what, &old);
	new = (struct rlimit){ to, old.rlim_max };
	assert_int_equal(setrlimit(what, &new), 0);
}

static void no_limit(int what)
{
	assert_int_equal(setrlimit(what, &old), 0);
}

static int teardown_limits(void **state)
{
	struct rlimit max;

	getrlimit(RLIMIT_FSIZE, &max);
	max.rlim_cur = max.rlim_max;
	setrlimit(RLIMIT_FSIZE, &max);
	return rig_teardown(state);
}

static void assert_refused(int status)
{
	assert_int_equal(status, 2);
	assert_int_equal(rig_sense_code(), MEDIUM_ERROR);
}

static uint64_t wp_of(struct rig *rig, unsigned zone)
{
	struct rig_zone_info info;

	rig_report(rig, ZONE(zone), &info);
	return info.wp - ZONE(zone);
}

static void writes(struct rig *rig, unsigned zone, uint32_t at, uint32_t blocks,
		   bool good)
{
	static uint8_t data[ZONE_BLOCKS * 512];

	fill(data, ZONE(zone) + at, blocks, 1);
	if (good)
		assert_int_equal(rig_write(rig, ZONE(zone) + at, blocks, data),
				 0);
	else
		assert_refused(rig_write(rig, ZONE(zone) + at, blocks, data));
}

static void reads(struct rig *rig, unsigned zone, uint32_t blocks)
{
	static uint8_t data[ZONE_BLOCKS * 512];

	assert_int_equal(rig_read(rig, ZONE(zone), blocks, data), 0);
	assert_filled(data, ZONE(zone), blocks, 1);
}

static int sync_cache(struct rig *rig)
{
	return rig_exec(rig, CDB(0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0), 10,
			RUNNER_NONE, NULL, 0);
}

/* What passes the limit fails, all of it; what does not is as it was. */
static void beside_the_limit(struct rig *rig)
{
	writes(rig, 5, 0, HALF - 128, true);
	writes(rig, 5, HALF - 128, 256, false);
	assert_int_equal(wp_of(rig, 5), HALF - 128);
	writes(rig, 5, HALF - 128, 128, true);
	writes(rig, 5, HALF, 8, false);
	assert_int_equal(wp_of(rig, 5), HALF);
	writes(rig, 0, HALF, 8, false);
	writes(rig, 0, 0, 8, true);
	assert_refused(rig_zone(rig, SA_FINISH, ZONE(6), false));
	writes(rig, 6, 0, 8, true);
	assert_int_equal(rig_zone(rig, SA_OPEN, ZONE(7), false), 0);
	assert_int_equal(rig_zone(rig, SA_CLOSE, ZONE(7), false), 0);
	assert_int_equal(rig_zone(rig, SA_RESET, ZONE(6), false), 0);
	assert_int_equal(sync_cache(rig), 0);
	reads(rig, 5, HALF);
	reads(rig, 0, 8);
}

/* Not even a record of the journal can be written. */
static void below_everything(struct rig *rig)
{
	assert_refused(rig_zone(rig, SA_OPEN, ZONE(8), false));
	writes(rig, 9, 0, 8, false);
	reads(rig, 5, HALF);
}

static void a_limit_on_file_sizes(struct rig *rig, const char *cfg)
{
	assert_int_equal(rig_add(rig, cfg, RIG_BYTES), 0);
	limit(RLIMIT_FSIZE, HALF * 512);
	beside_the_limit(rig);
	no_limit(RLIMIT_FSIZE);
	limit(RLIMIT_FSIZE, 0);
	below_everything(rig);
	no_limit(RLIMIT_FSIZE);
	writes(rig, 5, HALF, 256, true);
	assert_int_equal(rig_zone(rig, SA_OPEN, ZONE(8), false), 0);
	assert_int_equal(rig_zone(rig, SA_FINISH, ZONE(9), false), 0);
	assert_int_equal(sync_cache(rig), 0);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	reads(rig, 5, HALF + 256);
	assert_int_equal(wp_of(rig, 6), 0);
}

static void file_sizes(void **state)
{
	a_limit_on_file_sizes(*state, RIG_CFG);
}

static void file_sizes_direct(void **state)
{
	a_limit_on_file_sizes(*state, "direct_io/" RIG_CFG);
}

static void file_sizes_with_a_way_back(void **state)
{
	a_limit_on_file_sizes(*state, "discard_write_cache/" RIG_CFG);
}

/* A disk that cannot be made, or opened, is refused in a sentence. */
static void making_and_opening(void **state)
{
	struct rig *rig = *state;

	limit(RLIMIT_FSIZE, HALF * 512);
	assert_int_not_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	no_limit(RLIMIT_FSIZE);
	assert_logged(rig, "$/d/cnv-000000 cannot be made: File too large, for "
			   "its file system or the limit of this process "
			   "(ulimit -f); the next opening completes the disk");
	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	writes(rig, 5, 0, 8, true);
	rig_remove(rig);
	limit(RLIMIT_FSIZE, 0);
	assert_int_not_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	no_limit(RLIMIT_FSIZE);
	assert_logged(rig, "$/d/zloop.state cannot be written: File too large");
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	reads(rig, 5, 8);
}

/* A removal under the limit says what is not durable, and ends. */
static void removing(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	writes(rig, 5, 0, 8, true);
	assert_int_equal(rig_zone(rig, SA_OPEN, ZONE(8), false), 0);
	limit(RLIMIT_FSIZE, 0);
	rig_remove(rig);
	no_limit(RLIMIT_FSIZE);
	assert_int_equal(rig_add(rig, "@$/d", RIG_BYTES), 0);
	reads(rig, 5, 8);
}

/*
 * Descriptors.
 */

#define MANY_ZONES 100u
#define MANY_CFG   "zone_size_mb=1/conv_zones=4@$/d"
#define ROUNDS	   8u

struct many {
	struct rig *rig;
	struct runner_cmd cmd[MANY_ZONES];
	uint8_t data[MANY_ZONES][8 * 512];
	sem_t done;
};

static void one_is_done(struct runner_cmd *cmd)
{
	sem_post(&((struct many *)cmd->user)->done);
}

/* One in each zone, at once. */
static void submit_all(struct many *m, uint8_t opcode, uint32_t at)
{
	for (unsigned i = 0; i < MANY_ZONES; i++) {
		struct runner_cmd *c = &m->cmd[i];

		memset(c, 0, sizeof(*c));
		cdb_rw(c->cdb, opcode, ZONE(i) + at, 8);
		c->cdb_len = 16;
		c->dir = opcode == 0x8a ? RUNNER_OUT : RUNNER_IN;
		c->data = m->data[i];
		c->data_len = sizeof(m->data[i]);
		c->done = one_is_done;
		c->user = m;
		if (opcode == 0x8a)
			fill(m->data[i], ZONE(i) + at, 8, 1);
		runner_submit(m->rig->dev, c);
	}
	for (unsigned i = 0; i < MANY_ZONES; i++)
		while (sem_wait(&m->done))
			;
}

static void assert_all_good(struct many *m, uint8_t opcode, uint32_t at)
{
	for (unsigned i = 0; i < MANY_ZONES; i++) {
		if (m->cmd[i].status)
			fail_msg("%02Xh in zone %u: %02x, %02x/%02x/%02x",
				 opcode, i, m->cmd[i].status,
				 m->cmd[i].sense[2] & 0xf, m->cmd[i].sense[12],
				 m->cmd[i].sense[13]);
		if (opcode == 0x88)
			assert_filled(m->data[i], ZONE(i) + at, 8, 1);
	}
}

static void few_descriptors(struct rig *rig, const char *cfg)
{
	struct many *m = calloc(1, sizeof(*m));

	m->rig = rig;
	sem_init(&m->done, 0, 0);
	limit(RLIMIT_NOFILE, 64);
	assert_int_equal(rig_add(rig, cfg, MANY_ZONES * ZL_MIB), 0);
	for (uint32_t r = 0; r < ROUNDS; r++) {
		submit_all(m, 0x8a, r * 8);
		assert_all_good(m, 0x8a, r * 8);
		assert_int_equal(sync_cache(rig), 0);
		submit_all(m, 0x88, r * 8);
		assert_all_good(m, 0x88, r * 8);
	}
	for (unsigned i = 4; i < MANY_ZONES; i++)
		assert_int_equal(rig_zone(rig, SA_FINISH, ZONE(i), false), 0);
	assert_int_equal(rig_zone(rig, SA_RESET, 0, true), 0);
	assert_int_equal(rig_zone(rig, SA_OPEN, ZONE(9), false), 0);
	rig_remove(rig);
	assert_int_equal(rig_add(rig, "@$/d", MANY_ZONES * ZL_MIB), 0);
	no_limit(RLIMIT_NOFILE);
	sem_destroy(&m->done);
	free(m);
}

#define BUSY_ZONES 600u

static unsigned zone_files_open(void)
{
	DIR *fds = opendir("/proc/self/fd");
	char link[4096];
	struct dirent *e;
	unsigned nr = 0;
	ssize_t n;

	assert_non_null(fds);
	while ((e = readdir(fds))) {
		n = readlinkat(dirfd(fds), e->d_name, link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = 0;
		nr += strstr(link, "/seq-") != NULL;
	}
	closedir(fds);
	return nr;
}

/* A file that is closed is synced first, and the next write waits for that. */
static void many_busy_zones(void **state)
{
	struct rig *rig = *state;
	struct rlimit now;

	getrlimit(RLIMIT_NOFILE, &now);
	if (now.rlim_cur < 4 * (BUSY_ZONES + 16))
		skip_test("%llu descriptors are all that may be",
			  (unsigned long long)now.rlim_cur);
	assert_int_equal(rig_add(rig, "zone_size_mb=1/conv_zones=0@$/d",
				 BUSY_ZONES * ZL_MIB),
			 0);
	for (unsigned i = 0; i < BUSY_ZONES; i++)
		writes(rig, i, 0, 8, true);
	assert_int_equal(zone_files_open(), BUSY_ZONES);
}

/* Where there is none, and none will come, nobody waits. */
static void no_descriptor(void **state)
{
	static uint8_t data[8 * 512];
	struct rig *rig = *state;
	uint64_t start_ms;
	int fd;

	assert_int_equal(rig_add(rig, RIG_CFG, RIG_BYTES), 0);
	fd = dup(STDIN_FILENO);
	close(fd);
	limit(RLIMIT_NOFILE, (rlim_t)fd);
	start_ms = clock_ms();
	assert_int_equal(rig_read(rig, ZONE(1), 8, data), 2);
	assert_int_equal(rig_sense_code(), 0x0b5500);
	assert_int_equal(rig_write(rig, ZONE(6), 8, data), 2);
	assert_int_equal(rig_sense_code(), 0x0b5500);
	assert_true(clock_ms() - start_ms < 2000);
	no_limit(RLIMIT_NOFILE);
	assert_int_equal(rig_write(rig, ZONE(6), 8, data), 0);
	assert_int_equal(rig_read(rig, ZONE(1), 8, data), 0);
}

/* What the stand-in takes before the handler is asked. */
#define OF_THE_RUNNER 2

/* Whether there were enough for all of it; what is said of one that was not to
 * be had, whatever it was for, says why. */
static bool were_enough(int ret, int descriptors)
{
	bool enough = !ret, says;
	char *all = rig_log();

	if (strcasestr(all, "too many open files"))
		enough = false;
	says = strstr(all, "ulimit -n");
	if (!enough && !says && descriptors >= OF_THE_RUNNER)
		fail_msg("with %d descriptors: %d, said:\n%s", descriptors, ret,
			 all);
	free(all);
	return enough;
}

/* One more at each try: what is made or opened fails at each of its calls, is
 * none the worse, and says why. */
static void each_descriptor(struct rig *rig, const char *cfg)
{
	int ret, n = 0, first = dup(STDIN_FILENO);
	bool enough;

	close(first);
	do {
		assert_in_range(n, 0, 64);
		runner_log_clear();
		limit(RLIMIT_NOFILE, (rlim_t)(first + n));
		ret = rig_add(rig, cfg, RIG_BYTES);
		no_limit(RLIMIT_NOFILE);
		enough = were_enough(ret, n++);
		if (!ret)
			rig_remove(rig);
	} while (!enough);
	/* And it was nothing less than all. */
	assert_int_equal(rig_add(rig, cfg, RIG_BYTES), 0);
	assert_true(n - 1 > OF_THE_RUNNER);
	rig_shell(rig, "ls $/run/*.sock >/dev/null");
	rig_remove(rig);
}

static void descriptors_to_make_and_to_open(void **state)
{
	each_descriptor(*state, RIG_CFG);
	each_descriptor(*state, "@$/d");
	each_descriptor(*state, "direct_io/discard_write_cache@$/d");
}

static void descriptors(void **state)
{
	few_descriptors(*state, MANY_CFG);
}

static void descriptors_direct(void **state)
{
	few_descriptors(*state, "direct_io/" MANY_CFG);
}

static void descriptors_with_a_way_back(void **state)
{
	few_descriptors(*state, "discard_write_cache/" MANY_CFG);
}

int main(void)
{
#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, rig_setup, teardown_limits)
	const struct CMUnitTest tests[] = {
		TEST(file_sizes),
		TEST(file_sizes_direct),
		TEST(file_sizes_with_a_way_back),
		TEST(making_and_opening),
		TEST(removing),
		TEST(many_busy_zones),
		TEST(no_descriptor),
		TEST(descriptors_to_make_and_to_open),
		TEST(descriptors),
		TEST(descriptors_direct),
		TEST(descriptors_with_a_way_back),
	};

	return skip_run_tests(tests, NULL, NULL);
}
