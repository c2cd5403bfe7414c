// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The daemon is killed at each of its calls, and an initiator like Linux (one
 * command in flight per zone) sees no error and loses nothing.
 *
 * The test is the initiator; the daemon, with the handler as it is built, is a
 * child process that it shares the ring with.  When it is dead, what it had
 * posted is delivered, the rest is BUSY and is sent again to the next daemon,
 * in any order, as the kernel and Linux do.  Writes may have other bytes then,
 * or fewer.
 *
 * Two hosts want one lock, a block that is free or locked for the n-th time,
 * and take it with COMPARE AND WRITE: both with the same bytes, so that only
 * GOOD says who has it.
 *
 * test_crash_kill [KILLS [SEED]]
 */
#include "tests/handler/rig.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kill_points.h"

#define CFG	       "zone_size_mb=1/conv_zones=2/max_open_zones=6@$/d"
#define NR_ZONES       12u
#define NR_CONV	       2u
#define WHOLE_DISK     NR_ZONES /* the lane of the whole disk's commands */
#define FIRST_HOST     (NR_ZONES + 1)
#define NR_LANES       (NR_ZONES + 3)
#define LOCK_ZONE      (NR_CONV - 1)
#define LOCK_LBA       (ZONE(LOCK_ZONE) + ZONE_BLOCKS - 1)
#define MAX_TAGS       64u /* of a command that many daemons die with */
#define MAX_EXPLICIT   3u
#define MAX_BLOCKS     700u
#define OPS_PER_ROUND  4000u /* more than any daemon lives for */
#define KILLS_PER_DISK 60u   /* between two looks at everything */

enum op {
	OP_NONE,
	OP_WRITE,
	OP_READ,
	OP_RESET,
	OP_FINISH,
	OP_OPEN,
	OP_CLOSE,
	OP_SYNC,
	OP_LOCK,
	OP_UNLOCK,
	OP_BREAK, /* the lock whose owner is not known */
};

/* What may be in flight at most once: a zone's commands, the disk's, or those
 * of a host that wants the lock. */
struct lane {
	struct sim *sim;
	struct runner_cmd cmd;
	enum op op;	/* in flight or waiting to be repeated */
	bool in_flight; /* else it was BUSY */
	uint64_t lba;
	uint32_t blocks, index;
	uint32_t all_blocks; /* … that it was sent with at first */
	bool repeated, guessing;
	bool answered; /* perhaps */
	/* With which a write was sent; then, from the last one on, until one of
	 * them is accepted. */
	uint32_t tags[MAX_TAGS], nr_tags;
	uint64_t lock; /* which one it takes or gives back */
	uint8_t *buf;
	/* The zone as the initiator knows it. */
	uint32_t wp;
	bool explicit_open;
	uint8_t *data;
};

struct sim {
	struct rig *rig;
	struct runner_ring *ring;
	size_t ring_bytes;
	struct kill_plan *plan; /* shared */
	struct lane lanes[NR_LANES];
	uint64_t seed;
	uint32_t window; /* commands in flight at most */
	uint32_t in_flight;
	uint32_t tag;
	uint64_t commands, kills, busy;
	/* The lock is free, or locked, for the lock_nr-th time; by whom? */
	uint64_t lock_nr, granted;
	struct lane *owner, *breaker;
	bool unsure; /* somebody may have it without knowing */
	uint64_t nr_locks, nr_unknown, nr_changed, nr_guessed;
};

static const char *config = CFG;
static uint64_t kills_wanted = DEFAULT_KILLS, first_seed = 20240607;

static bool is_seq(const struct lane *l)
{
	return l->index >= NR_CONV && l->index < NR_ZONES;
}

/*
 * The initiator's choice.
 */

static uint32_t explicit_zones(const struct sim *s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < NR_ZONES; i++)
		n += s->lanes[i].explicit_open || s->lanes[i].op == OP_OPEN;
	return n;
}

static uint32_t some_blocks(struct sim *s, uint32_t max)
{
	uint32_t n = 1 + rnd_below(&s->seed,
				   rnd_below(&s->seed, 3) ? 64 : MAX_BLOCKS);

	return n < max ? n : max;
}

static enum op choose_seq(struct sim *s, const struct lane *l)
{
	uint32_t dice = rnd_below(&s->seed, 100);

	if (l->wp == ZONE_BLOCKS && dice < 60)
		return OP_RESET;
	if (dice < 6)
		return OP_RESET;
	if (dice < 12)
		return OP_FINISH;
	if (dice < 17)
		return explicit_zones(s) < MAX_EXPLICIT ? OP_OPEN : OP_CLOSE;
	if (dice < 22)
		return OP_CLOSE;
	return dice < 35 || l->wp == ZONE_BLOCKS ? OP_READ : OP_WRITE;
}

static void choose_host(struct sim *s, struct lane *l)
{
	l->lba = LOCK_LBA;
	l->blocks = 1;
	l->lock = s->lock_nr;
	l->op = OP_NONE;
	if (s->breaker)
		l->op = l == s->breaker ? OP_BREAK : OP_NONE;
	else if (s->owner == l)
		l->op = OP_UNLOCK;
	else if (rnd_below(&s->seed, 2))
		l->op = OP_LOCK;
}

/* Of a zone's blocks, those that are not the hosts'. */
static uint32_t zone_blocks(const struct lane *l)
{
	return l->index == LOCK_ZONE ? ZONE_BLOCKS - 1 : ZONE_BLOCKS;
}

static void set_bytes(struct lane *l, uint32_t tag)
{
	fill(l->buf, l->lba, l->blocks, tag);
	assert_true(l->nr_tags < MAX_TAGS);
	l->tags[l->nr_tags++] = tag;
}

static void choose(struct sim *s, struct lane *l)
{
	l->repeated = l->guessing = l->answered = false;
	l->nr_tags = 0;
	if (l->index >= FIRST_HOST) {
		choose_host(s, l);
		return;
	}
	if (l->index == WHOLE_DISK) {
		l->op = rnd_below(&s->seed, 8) ? OP_NONE : OP_SYNC;
		return;
	}
	l->op = is_seq(l)		 ? choose_seq(s, l)
		: rnd_below(&s->seed, 3) ? OP_WRITE
					 : OP_READ;
	l->lba = ZONE(l->index);
	l->blocks = 0;
	if (l->op == OP_WRITE && is_seq(l)) {
		l->blocks = some_blocks(s, ZONE_BLOCKS - l->wp);
		if (!rnd_below(&s->seed, 8) &&
		    ZONE_BLOCKS - l->wp <= MAX_BLOCKS)
			l->blocks = ZONE_BLOCKS - l->wp;
		l->lba += l->wp;
	} else if (l->op == OP_WRITE || l->op == OP_READ) {
		l->blocks = some_blocks(s, zone_blocks(l));
		l->lba += rnd_below(&s->seed, zone_blocks(l) - l->blocks + 1);
	}
	l->all_blocks = l->blocks;
	if (l->op == OP_WRITE)
		set_bytes(l, ++s->tag);
}

static void put_lock(uint8_t *block, bool locked, uint64_t nr)
{
	memset(block, locked ? 0x4c : 0, 512);
	be64_put(block, nr);
}

/* Free for the first time is a block of zeros. */
static void put_lock_data(const struct lane *l)
{
	uint8_t *new = l->buf + 512;

	if (l->op == OP_BREAK) {
		put_lock(l->buf, false, l->lock + 1);
		return;
	}
	put_lock(l->buf, l->op == OP_UNLOCK, l->lock);
	if (l->op == OP_LOCK)
		put_lock(new, true, l->lock);
	else
		put_lock(new, false, l->lock + 1);
}

static void make_cdb(struct sim *s, struct lane *l)
{
	static const uint8_t sa[] = { [OP_RESET] = SA_RESET,
				      [OP_FINISH] = SA_FINISH,
				      [OP_OPEN] = SA_OPEN,
				      [OP_CLOSE] = SA_CLOSE };
	struct runner_cmd *c = &l->cmd;

	switch (l->op) {
	case OP_WRITE:
	case OP_READ:
		cdb_rw(c->cdb, l->op == OP_WRITE ? 0x8a : 0x88, l->lba,
		       l->blocks);
		if (l->op == OP_WRITE && !rnd_below(&s->seed, 4))
			c->cdb[1] = 0x08; /* FUA */
		break;
	case OP_SYNC:
		memset(c->cdb, 0, 16);
		c->cdb[0] = 0x91;
		break;
	case OP_LOCK:
	case OP_UNLOCK:
		memset(c->cdb, 0, 16);
		c->cdb[0] = 0x89;
		be64_put(c->cdb + 2, l->lba);
		c->cdb[13] = 1;
		break;
	case OP_BREAK:
		cdb_rw(c->cdb, 0x8a, l->lba, 1);
		break;
	default:
		cdb_zone(c->cdb, sa[l->op], ZONE(l->index), false);
	}
	c->dir = l->op == OP_READ			       ? RUNNER_IN
		 : l->op == OP_WRITE || l->index >= FIRST_HOST ? RUNNER_OUT
							       : RUNNER_NONE;
	c->data_len = l->blocks * 512;
	if (l->op == OP_LOCK || l->op == OP_UNLOCK)
		c->data_len *= 2;
	c->tag = l->index;
}

/*
 * What becomes of it.
 */

static void read_ended(const struct lane *l)
{
	size_t off = (l->lba - ZONE(l->index)) * 512;

	if (memcmp(l->buf, l->data + off, l->blocks * 512))
		fail_msg("zone %u: read of %u blocks at %llu is not what was "
			 "written",
			 l->index, l->blocks, (unsigned long long)l->lba);
}

static void locked(struct lane *l)
{
	struct sim *s = l->sim;

	if (s->granted > l->lock)
		fail_msg("lock %llu has two owners",
			 (unsigned long long)l->lock);
	s->granted = l->lock + 1;
	s->unsure = false;
	s->owner = l;
	s->nr_locks++;
}

static void unlocked(struct lane *l)
{
	struct sim *s = l->sim;

	s->lock_nr = l->lock + 1;
	s->owner = s->breaker = NULL;
	s->unsure = false;
}

static void apply(struct lane *l)
{
	size_t off = (l->lba - ZONE(l->index)) * 512;

	switch (l->op) {
	case OP_WRITE:
		memcpy(l->data + off, l->buf, l->blocks * 512);
		if (is_seq(l))
			l->wp += l->blocks;
		if (l->wp == ZONE_BLOCKS)
			l->explicit_open = false;
		break;
	case OP_READ:
		read_ended(l);
		break;
	case OP_RESET:
		memset(l->data, 0, ZONE_BLOCKS * 512);
		l->wp = 0;
		l->explicit_open = false;
		break;
	case OP_FINISH:
		l->wp = ZONE_BLOCKS;
		l->explicit_open = false;
		break;
	case OP_OPEN:
		l->explicit_open = l->wp < ZONE_BLOCKS;
		break;
	case OP_CLOSE:
		l->explicit_open = false;
		break;
	case OP_LOCK:
		locked(l);
		break;
	case OP_UNLOCK:
	case OP_BREAK:
		unlocked(l);
		break;
	default:
		break;
	}
	l->op = OP_NONE;
}

static bool has_command(const struct sim *s, uint32_t lane)
{
	return s->lanes[lane].op != OP_NONE;
}

/* One at a time, it is known when the daemon died while it answered. */
static bool may_be_answered(const struct lane *l)
{
	return l->repeated && (l->answered || l->sim->window > 1);
}

/*
 * Another host has the lock, or had it meanwhile; or this is the command
 * repeated, which was being answered when the daemon died.  Then nobody may
 * know that he has the lock, and it is broken when no one wants it.
 */
static bool lock_differs(struct lane *l)
{
	struct sim *s = l->sim;
	uint32_t other = FIRST_HOST + (l->index == FIRST_HOST);

	if (l->op == OP_UNLOCK) {
		if (!may_be_answered(l))
			return false;
		unlocked(l);
	} else if (l->lock == s->lock_nr && !s->owner) {
		s->unsure |= may_be_answered(l);
		if (!has_command(s, other)) {
			if (!s->unsure)
				return false;
			s->nr_unknown++;
			s->breaker = l;
		}
	}
	l->op = OP_NONE;
	return true;
}

/* A write that was being answered stays: only with the bytes that it had, and
 * to its end, is it accepted again. */
static bool try_earlier_bytes(struct lane *l)
{
	if (!is_seq(l) || l->op != OP_WRITE || !may_be_answered(l))
		return false;
	if (l->blocks == l->all_blocks && !--l->nr_tags)
		return false;
	l->sim->nr_guessed++;
	l->guessing = true;
	l->blocks = l->all_blocks;
	fill(l->buf, l->lba, l->blocks, l->tags[l->nr_tags - 1]);
	make_cdb(l->sim, l);
	return true;
}

static void ended(struct runner_cmd *cmd)
{
	struct lane *l = cmd->user;

	l->in_flight = false;
	l->sim->in_flight--;
	if (cmd->status == 0x08 && cmd->reset)
		l->sim->busy++; /* to be sent again */
	else if (cmd->status == 0)
		apply(l);
	else if ((cmd->sense[2] & 0xf) == 0xe && lock_differs(l))
		return;
	else if ((cmd->sense[2] & 0xf) == 5 && try_earlier_bytes(l))
		return;
	else
		fail_msg("zone %u: command %02x at %llu, %u blocks, write "
			 "pointer %u: status %02x, sense %x/%02x/%02x",
			 l->index, cmd->cdb[0], (unsigned long long)l->lba,
			 l->blocks, l->wp, cmd->status, cmd->sense[2] & 0xf,
			 cmd->sense[12], cmd->sense[13]);
}

/* As it was sent, or with other bytes, or fewer: an initiator does not know
 * that a part is there. */
static void repeat(struct sim *s, struct lane *l)
{
	l->repeated = true;
	if (l->op != OP_WRITE || l->guessing)
		return;
	if (is_seq(l) && l->blocks > 1 && !rnd_below(&s->seed, 4)) {
		l->blocks /= 2;
		make_cdb(s, l);
	}
	if (rnd_below(&s->seed, 4)) {
		set_bytes(l, ++s->tag);
		s->nr_changed++;
	}
}

static void submit(struct sim *s, struct lane *l)
{
	if (l->index >= FIRST_HOST)
		put_lock_data(l);
	l->in_flight = true;
	s->in_flight++;
	s->commands++;
	runner_ring_submit(s->ring, &l->cmd);
}

/* From a random zone on, so that the order differs each time. */
static void submit_some(struct sim *s, bool repeated, bool fresh)
{
	uint32_t first = rnd_below(&s->seed, NR_LANES);

	for (uint32_t i = 0; i < NR_LANES && s->in_flight < s->window; i++) {
		struct lane *l = &s->lanes[(first + i * 7) % NR_LANES];

		if (l->in_flight)
			continue;
		if (l->op != OP_NONE) {
			if (!repeated)
				continue;
			repeat(s, l);
			submit(s, l);
		} else if (fresh) {
			choose(s, l);
			if (l->op == OP_NONE)
				continue;
			make_cdb(s, l);
			submit(s, l);
		}
	}
}

/*
 * The daemon.
 */

static pid_t start_daemon(struct sim *s)
{
	struct runner_dev_params p = { .size_bytes = NR_ZONES * ZL_MIB,
				       .shared_ring = s->ring };
	pid_t pid;

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test fails */
	kill_points_arm(s->plan);
	runner_log_echo(3);
	if (rig_add_params(s->rig, config, &p))
		_exit(3);
	for (;;)
		pause();
}

static bool has_ended(pid_t pid)
{
	int status;
	pid_t ret = waitpid(pid, &status, WNOHANG);

	if (!ret)
		return false;
	assert_int_equal(ret, pid);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("the daemon ended by itself: status %x", status);
	return true;
}

static void reap_daemon(struct sim *s, pid_t pid)
{
	kill(pid, SIGKILL);
	while (!has_ended(pid))
		;
	runner_ring_reset(s->ring);
	assert_int_equal(s->in_flight, 0);
}

/* File size = write pointer, for every zone without a command in flight. */
static void check_sizes(struct sim *s)
{
	struct stat sb;
	char name[32];

	for (uint32_t i = NR_CONV; i < NR_ZONES; i++) {
		struct lane *l = &s->lanes[i];

		snprintf(name, sizeof(name), "$/d/seq-%06u", i);
		if (stat(rig_text(s->rig, name), &sb))
			continue; /* killed while it made the disk */
		if (l->op == OP_NONE || l->op == OP_READ)
			assert_int_equal(sb.st_size, l->wp * 512);
	}
}

/* Runs until the plan ends the daemon. */
static void run_to_death(struct sim *s)
{
	uint64_t end = s->commands + OPS_PER_ROUND;
	pid_t pid;

	atomic_store(&s->plan->calls, 0);
	atomic_store(&s->plan->posting, false);
	pid = start_daemon(s);
	while (!has_ended(pid)) {
		if (s->commands > end)
			fail_msg("the daemon outlives its end, at call %llu",
				 (unsigned long long)s->plan->at);
		submit_some(s, true, true);
		runner_ring_poll(s->ring, 1);
	}
	runner_ring_reset(s->ring);
	assert_int_equal(s->in_flight, 0);
	for (uint32_t i = 0; i < NR_LANES; i++)
		s->lanes[i].answered |= atomic_load(&s->plan->posting);
	s->kills++;
	check_sizes(s);
}

/*
 * Looking at everything.
 */

static bool anything_left(const struct sim *s)
{
	for (uint32_t i = 0; i < NR_LANES; i++)
		if (s->lanes[i].op != OP_NONE)
			return true;
	return false;
}

static void settle(struct sim *s)
{
	while (anything_left(s)) {
		submit_some(s, true, false);
		runner_ring_poll(s->ring, 1);
	}
}

static void read_zone(struct sim *s, struct lane *l)
{
	for (uint32_t at = 0; at < zone_blocks(l); at += l->blocks) {
		l->op = OP_READ;
		l->lba = ZONE(l->index) + at;
		l->blocks = ZONE_BLOCKS / 4;
		if (at + l->blocks > zone_blocks(l))
			l->blocks--;
		make_cdb(s, l);
		submit(s, l);
		while (l->in_flight)
			runner_ring_poll(s->ring, 100);
	}
}

static uint8_t expected_cond(const struct lane *l)
{
	if (l->wp == ZONE_BLOCKS)
		return 0xe;
	if (l->explicit_open)
		return 3;
	return l->wp ? 4 : 1;
}

static void check_report(struct sim *s)
{
	uint8_t data[64 + 64 * NR_ZONES];
	struct runner_cmd cmd = { .cdb = { 0x95 },
				  .cdb_len = 16,
				  .dir = RUNNER_IN,
				  .data = data,
				  .data_len = sizeof(data) };

	be32_put(cmd.cdb + 10, sizeof(data));
	assert_int_equal(runner_ring_exec(s->ring, &cmd, 30000), 0);
	for (uint32_t i = NR_CONV; i < NR_ZONES; i++) {
		const uint8_t *desc = data + 64 + 64 * i;
		uint8_t cond = desc[1] >> 4;

		/* Implicitly opened or closed: the disk may choose. */
		assert_int_equal(cond == 2 ? 4 : cond,
				 expected_cond(&s->lanes[i]));
		if (cond != 0xe)
			assert_int_equal(be64_get(desc + 24) - ZONE(i),
					 s->lanes[i].wp);
	}
}

static void look_at_everything(struct sim *s)
{
	pid_t pid;

	s->plan->at = 0;
	pid = start_daemon(s);
	settle(s);
	check_report(s);
	for (uint32_t i = 0; i < NR_ZONES; i++)
		read_zone(s, &s->lanes[i]);
	reap_daemon(s, pid);
}

/* The stopped disk's counter, as a person sees it. */
static uint64_t retries_absorbed(struct sim *s)
{
	const char *cmd = rig_text(
		s->rig,
		ZLOOP " info --json $/d | sed -n 's/.*\"retries_absorbed\": *"
		      "\\([0-9]*\\).*/\\1/p'");
	unsigned long long n = 0;
	FILE *f = popen(cmd, "r");

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu", &n), 1);
	pclose(f);
	return n;
}

/*
 * A disk's life.
 */

static void *shared(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	assert_ptr_not_equal(p, MAP_FAILED);
	return p;
}

static void sim_start(struct sim *s, struct rig *rig, uint64_t seed,
		      uint32_t window)
{
	struct runner_ring_params p = { .depth = NR_LANES + 3,
					.max_data_bytes = 512 * 1024,
					.split = RUNNER_PAGES };

	*s = (struct sim){ .rig = rig, .seed = seed, .window = window };
	s->plan = shared(sizeof(*s->plan));
	s->ring_bytes = runner_ring_bytes(&p);
	s->ring = runner_ring_init(shared(s->ring_bytes), &p);
	for (uint32_t i = 0; i < NR_LANES; i++) {
		struct lane *l = &s->lanes[i];

		l->sim = s;
		l->index = i;
		l->buf = malloc(MAX_BLOCKS * 512);
		l->data = calloc(ZONE_BLOCKS, 512);
		assert_true(l->buf && l->data);
		l->cmd = (struct runner_cmd){
			.cdb_len = 16, .data = l->buf, .done = ended, .user = l
		};
	}
}

static void sim_stop(struct sim *s)
{
	for (uint32_t i = 0; i < NR_LANES; i++) {
		free(s->lanes[i].buf);
		free(s->lanes[i].data);
	}
	munmap(s->ring, s->ring_bytes);
	munmap(s->plan, sizeof(*s->plan));
}

/*
 * Kills at the 1st call, the 2nd, …: opening has some dozens, and behind them
 * are the commands'.  Before, in and after each.
 */
static void kill_many(struct rig *rig, uint64_t seed, uint32_t window,
		      uint64_t kills)
{
	struct sim s;
	uint64_t absorbed;

	print_message("seed %llu, window %u\n", (unsigned long long)seed,
		      window);
	sim_start(&s, rig, seed, window);
	while (s.kills < kills) {
		s.plan->at = 1 + s.kills / KILL_NR % 97;
		s.plan->how = s.kills % KILL_NR;
		run_to_death(&s);
		if (s.kills % KILLS_PER_DISK == 0)
			look_at_everything(&s);
	}
	look_at_everything(&s);
	absorbed = retries_absorbed(&s);
	print_message("%llu kills, %llu commands, %llu of them BUSY, %llu "
		      "absorbed\n",
		      (unsigned long long)s.kills,
		      (unsigned long long)s.commands,
		      (unsigned long long)s.busy, (unsigned long long)absorbed);
	print_message("%llu locks, %llu with no known owner; %llu writes with "
		      "other bytes, %llu had to have those that they had\n",
		      (unsigned long long)s.nr_locks,
		      (unsigned long long)s.nr_unknown,
		      (unsigned long long)s.nr_changed,
		      (unsigned long long)s.nr_guessed);
	assert_true(absorbed > 0);
	assert_true(s.nr_locks > 0);
	sim_stop(&s);
}

/* One command at a time: which call ends the daemon is always the same. */
static void one_command_at_a_time(void **state)
{
	kill_many(*state, first_seed, 1, kills_wanted / 3);
}

static void all_zones_at_once(void **state)
{
	kill_many(*state, first_seed + 1, NR_LANES, kills_wanted / 3);
}

static void past_the_page_cache(void **state)
{
	config = "direct_io/" CFG;
	kill_many(*state, first_seed + 2, NR_LANES, kills_wanted / 3);
	config = CFG;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_command_at_a_time,
						rig_setup, rig_teardown),
		cmocka_unit_test_setup_teardown(all_zones_at_once, rig_setup,
						rig_teardown),
		cmocka_unit_test_setup_teardown(past_the_page_cache, rig_setup,
						rig_teardown),
	};

	if (argc > 1)
		kills_wanted = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
