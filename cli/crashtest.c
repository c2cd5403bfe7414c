// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop crashtest: a command is run on every state that power failures could
 * have left of a recorded disk. */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "crashtest.h"
#include "progress.h"

#define MAX_JOBS 256

static const struct argp_option options[] = {
	{ "at", 'a', "WHERE", 0,
	  "Where the power fails: flush, before (a flush), fua, mark, every=N "
	  "records, several with commas; or one point as zloop replay takes "
	  "it.  before,flush,mark without it",
	  0 },
	{ "seeds", 's', "K", 0,
	  "So many states of each point, all of them where there are no more "
	  "(8)",
	  0 },
	{ "seed", 'e', "S", 0, "Only the state with this number", 0 },
	{ "jobs", 'n', "J", 0, "So many at a time (the processors)", 0 },
	{ "stop", 'x', NULL, 0, "Stop at the first that fails", 0 },
	{ "timeout", 't', "SECONDS", 0,
	  "COMMAND fails when it takes longer (300; 0: never)", 0 },
	{ "no-attach", 'u', NULL, 0, "COMMAND wants the disk's directory only",
	  0 },
	{ "html", 'o', "FILE", 0, "Write a report to FILE", 0 },
	{ "json", 'j', NULL, 0, "Print JSON", 0 },
	{ "verbose", 'v', NULL, 0,
	  "Print all that COMMAND said where it failed, not the last lines",
	  0 },
	{ "into", 'i', "DIRECTORY", 0, "Build the states there (where FILE is)",
	  0 },
	{ "base", 'b', "DIRECTORY", 0,
	  "The snapshot with which the record begins (the one FILE names)", 0 },
	{ 0 },
};

static uint64_t number(const char *option, const char *s, uint64_t min,
		       uint64_t max, struct argp_state *state)
{
	uint64_t v;

	if (!cli_number(s, &v) || v < min || v > max)
		argp_error(state,
			   "%s %s is not a number from %" PRIu64 " to %" PRIu64,
			   option, s, min, max);
	return v;
}

/* False: it is none of the kinds. */
static bool take_kind(struct crash_args *a, const char *word, size_t len)
{
	static const struct {
		const char *name;
		unsigned kind;
	} kinds[] = { { "flush", REPLAY_FLUSH },
		      { "fua", REPLAY_FUA },
		      { "mark", REPLAY_MARK },
		      { "before", 0 } };

	for (size_t i = 0; i < ZL_ARRAY_SIZE(kinds); i++)
		if (strlen(kinds[i].name) == len &&
		    !strncmp(kinds[i].name, word, len)) {
			a->kinds |= kinds[i].kind;
			a->before |= !kinds[i].kind;
			return true;
		}
	return len > 6 && !strncmp(word, "every=", 6) &&
	       !parse_u64(word + 6, len - 6, &a->every) && a->every;
}

static void take_at(struct crash_args *a, const char *words)
{
	size_t len;

	for (const char *at = words; *at; at += len + (at[len] == ',')) {
		len = strcspn(at, ",");
		if (!take_kind(a, at, len)) {
			a->at = words;
			return;
		}
	}
}

static void take_words(struct crash_args *a, struct argp_state *state)
{
	char **words = state->argv + state->next;

	a->log = words[0];
	/* argp leaves the "--" where the log comes before it. */
	a->command = words + 1;
	if (a->command[0] && !strcmp(a->command[0], "--"))
		a->command++;
	if (!a->command[0])
		argp_error(state, "there is no COMMAND behind %s", a->log);
	state->next = state->argc;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct crash_args *a = state->input;

	switch (key) {
	case 'a':
		take_at(a, arg);
		return 0;
	case 's':
		a->seeds = number("--seeds", arg, 1, UINT32_MAX, state);
		return 0;
	case 'e':
		a->seed = number("--seed", arg, 0, UINT64_MAX - 1, state);
		return 0;
	case 'n':
		a->jobs = (unsigned)number("--jobs", arg, 1, MAX_JOBS, state);
		return 0;
	case 't':
		a->timeout_s =
			(unsigned)number("--timeout", arg, 0, 86400, state);
		return 0;
	case 'x':
		a->stop = true;
		return 0;
	case 'u':
		a->attach = false;
		return 0;
	case 'o':
		a->html = arg;
		return 0;
	case 'j':
		a->json = true;
		return 0;
	case 'v':
		a->verbose = true;
		return 0;
	case 'i':
		a->into = arg;
		return 0;
	case 'b':
		a->base = arg;
		return 0;
	case ARGP_KEY_ARGS:
		take_words(a, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no FILE");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = cli_progress_options,
	.args_doc = "FILE -- COMMAND [ARGUMENT...]",
	.doc = "Run COMMAND on the states that power failures could have left "
	       "of the disk that FILE is a record of; one that does not exit "
	       "with 0 fails.\v"
	       "COMMAND finds the disk in $ZLOOP_DEVICE and $ZLOOP_DIR, the "
	       "text of the last mark before the failure in $ZLOOP_MARK, the "
	       "failure in $ZLOOP_POINT and $ZLOOP_SEED.  The exit status is 1 "
	       "if a state fails.",
};

/*
 * Which states.
 */

struct iterator {
	uint64_t point;	       /* the one under way; 0: none yet */
	uint64_t next, states; /* of it */
	bool random;
};

static uint64_t next_point(const struct crashtest *t, uint64_t point)
{
	const struct crash_args *a = t->args;
	uint64_t next = UINT64_MAX, flush;

	if (a->kinds)
		next = replay_next(t->replay, point, a->kinds);
	if (a->before) {
		flush = replay_next(t->replay, point + 1, REPLAY_FLUSH);
		if (flush != UINT64_MAX && flush - 1 < next)
			next = flush - 1;
	}
	if (a->every) {
		flush = (point / a->every + 1) * a->every;
		if (flush <= replay_last(t->replay) && flush < next)
			next = flush;
	}
	return next;
}

static int begin_point(struct crashtest *t, struct iterator *it,
		       struct zl_err *err)
{
	const struct crash_args *a = t->args;
	uint64_t count;
	int ret = replay_count(t->replay, it->point, &count, err);

	if (ret)
		return ret;
	it->random = count > a->seeds;
	it->states = it->random ? a->seeds : count;
	it->next = 0;
	if (a->seed == UINT64_MAX)
		return 0;
	it->random = a->seed >= count || count > a->seeds;
	it->next = a->seed;
	it->states = a->seed + 1;
	return 0;
}

/* 1: there is one, 0: there is none, -errno. */
static int next_state(struct crashtest *t, struct iterator *it,
		      struct replay_state *s, struct zl_err *err)
{
	int ret;

	while (it->next == it->states) {
		if (t->args->at && it->point)
			return 0;
		if (t->args->at)
			ret = replay_find(t->replay, t->args->at, &it->point,
					  err);
		else
			ret = (it->point = next_point(t, it->point)) ==
					      UINT64_MAX
				      ? 1
				      : 0;
		if (ret)
			return ret < 0 ? ret : 0;
		ret = begin_point(t, it, err);
		if (ret)
			return ret;
		t->points++;
	}
	*s = (struct replay_state){
		.point = it->point,
		.crash = { .random = it->random, .state = it->next },
	};
	it->next++;
	return 1;
}

/*
 * Several at a time, each in a process of its own.
 */

struct job {
	pid_t pid; /* 0: none; the parent's alone */
	struct crash_place place;
	struct replay_state state;
	enum crash_result result;
	int status;
};

struct pool {
	struct crashtest *t;
	struct job *jobs; /* shared with the processes */
	unsigned running;
	struct zl_err *err;
};

static void job_paths(const struct pool *p, const struct job *job,
		      char dir[PATH_MAX], char out[PATH_MAX])
{
	unsigned nr = (unsigned)(job - p->jobs);

	snprintf(dir, PATH_MAX, "%.4000s/%u", p->t->work, nr);
	snprintf(out, PATH_MAX, "%.4000s/%u.out", p->t->work, nr);
}

static int start_job(struct pool *p, const struct replay_state *s)
{
	char dir[PATH_MAX], out[PATH_MAX];
	struct job *job = p->jobs;
	pid_t pid;

	while (job->pid)
		job++;
	*job = (struct job){ .place = job->place,
			     .state = *s,
			     .result = CRASH_BROKEN };
	job_paths(p, job, dir, out);
	fflush(stdout);
	pid = fork();
	if (pid < 0)
		return zl_fail(p->err, errno, "no process can be made: %s",
			       strerror(errno));
	if (!pid) {
		job->result =
			crash_try(p->t, &job->place, s, dir, out, &job->status);
		_exit(0);
	}
	job->pid = pid;
	p->running++;
	p->t->states++;
	return 0;
}

/* The end of a file. */
static char *read_tail(const char *name)
{
	char *text = calloc(1, CRASH_OUTPUT_MAX + 1), *less;
	FILE *f = fopen(name, "re");
	size_t n = 0;

	if (text && f) {
		if (fseek(f, -(long)CRASH_OUTPUT_MAX, SEEK_END))
			rewind(f);
		n = fread(text, 1, CRASH_OUTPUT_MAX, f);
		text[n] = 0;
	}
	if (f)
		fclose(f);
	less = text ? realloc(text, n + 1) : NULL;
	return less ? less : text;
}

/* Why a state could not be tried is what was said last. */
static const char *last_line(char *output)
{
	size_t len = output ? strlen(output) : 0;
	char *line;

	while (len && output[len - 1] == '\n')
		output[--len] = 0;
	if (!len)
		return "a state could not be tried";
	line = strrchr(output, '\n');
	line = line ? line + 1 : output;
	return strncmp(line, "zloop: ", 7) ? line : line + 7;
}

static int add_failure(struct pool *p, const struct job *job, char *output)
{
	struct crashtest *t = p->t;
	struct crash_failure *more =
		reallocarray(t->failures, t->nr_failures + 1, sizeof(*more));

	if (!more) {
		free(output);
		return zl_fail(p->err, ENOMEM, "out of memory");
	}
	t->failures = more;
	more[t->nr_failures++] = (struct crash_failure){
		.state = job->state,
		.result = job->result,
		.status = job->status,
		.output = output,
	};
	return 0;
}

static int end_job(struct pool *p, struct job *job)
{
	char dir[PATH_MAX], out[PATH_MAX], *output;

	p->running--;
	job->pid = 0;
	if (job->result == CRASH_PASSED)
		return 0;
	if (job->result == CRASH_INTERRUPTED) {
		p->t->interrupted = true;
		return 0;
	}
	job_paths(p, job, dir, out);
	output = read_tail(out);
	if (job->result != CRASH_BROKEN)
		return add_failure(p, job, output);
	p->t->broken = true;
	zl_fail(p->err, EIO, "%s", last_line(output));
	free(output);
	return -EIO;
}

static int reap(struct pool *p, unsigned jobs)
{
	int ret = 0;
	pid_t pid;

	while (!ret && (pid = waitpid(-1, NULL, WNOHANG)) > 0)
		for (unsigned i = 0; i < jobs; i++)
			if (p->jobs[i].pid == pid)
				ret = end_job(p, &p->jobs[i]);
	return ret;
}

/* A signal has come, or a child has ended. */
static void wait_for_one(struct pool *p, unsigned jobs)
{
	struct timespec wait = { .tv_sec = 1 };
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sig = sigtimedwait(&set, NULL, &wait);
	if (sig != SIGINT && sig != SIGTERM)
		return;
	p->t->interrupted = true;
	for (unsigned i = 0; i < jobs; i++)
		if (p->jobs[i].pid)
			kill(p->jobs[i].pid, SIGTERM);
}

static void step(const struct pool *p, const struct iterator *it)
{
	uint64_t last = replay_last(p->t->replay);

	progress_step(NULL, (uint32_t)min_u64(it->point, last), (uint32_t)last);
}

static int run_all(struct pool *p)
{
	unsigned jobs = p->t->args->jobs;
	struct iterator it = { .point = 0 };
	struct replay_state s;
	int ret = 0, more = 1;

	while (!ret && (more || p->running)) {
		if (p->t->interrupted ||
		    (p->t->args->stop && p->t->nr_failures))
			more = 0;
		if (more && p->running < jobs) {
			ret = more = next_state(p->t, &it, &s, p->err);
			ret = ret == 1 ? start_job(p, &s) : ret;
			step(p, &it);
			continue;
		}
		if (p->running)
			wait_for_one(p, jobs);
		ret = reap(p, jobs);
	}
	while (p->running) {
		wait_for_one(p, jobs);
		reap(p, jobs);
	}
	return ret;
}

static int by_point(const void *a, const void *b)
{
	const struct replay_state *x =
		&((const struct crash_failure *)a)->state;
	const struct replay_state *y =
		&((const struct crash_failure *)b)->state;

	if (x->point != y->point)
		return x->point < y->point ? -1 : 1;
	return x->crash.state < y->crash.state
		       ? -1
		       : x->crash.state > y->crash.state;
}

static int run_jobs(struct crashtest *t, struct zl_err *err)
{
	size_t bytes = t->args->jobs * sizeof(struct job);
	struct pool p = { .t = t, .err = err };
	uint64_t start = clock_ms();
	sigset_t set;
	int ret;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	p.jobs = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (p.jobs == MAP_FAILED)
		return zl_fail(err, ENOMEM, "out of memory");
	progress_start_of("trying", "records");
	ret = run_all(&p);
	progress_end();
	munmap(p.jobs, bytes);
	t->elapsed_ms = clock_ms() - start;
	if (t->nr_failures)
		qsort(t->failures, t->nr_failures, sizeof(*t->failures),
		      by_point);
	return ret;
}

/*
 * All of it.
 */

static int make_work(struct crashtest *t, struct zl_err *err)
{
	char log[PATH_MAX], dir[PATH_MAX];
	const char *into = t->args->into;

	snprintf(log, sizeof(log), "%s", t->args->log);
	if (!into)
		into = dirname(log);
	/* COMMAND may go elsewhere. */
	if (realpath(into, dir)) {
		snprintf(t->work, sizeof(t->work), "%.4000s/crashtest-XXXXXX",
			 dir);
		if (mkdtemp(t->work))
			return 0;
	}
	return zl_fail(err, errno,
		       "no directory can be made in %s: %s; name another one "
		       "with --into",
		       into, strerror(errno));
}

static void say(const struct crashtest *t)
{
	if (t->args->json)
		crash_print_json(t);
	else
		crash_print(t);
}

/* What may still be attached is not deleted below somebody. */
static void end_work(const struct crashtest *t)
{
	if (t->broken && t->args->attach)
		cli_note("%s is left as it is", t->work);
	else
		crash_remove(t->work);
}

static int run_test(struct crashtest *t)
{
	struct zl_err err = { "" };
	int ret = make_work(t, &err), said = 0;

	if (ret) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	ret = run_jobs(t, &err);
	if (ret)
		cli_error("%s", err.msg);
	else if (t->args->html)
		said = crash_html(t, t->args->html);
	if (t->interrupted)
		cli_note("interrupted: not all states were tried");
	end_work(t);
	/* Last: who was to read it may have gone, and SIGPIPE ends this. */
	if (!ret)
		say(t);
	return ret || said || t->nr_failures || t->interrupted ? CLI_FAILED
							       : CLI_OK;
}

static void set_defaults(struct crash_args *a)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (!a->kinds && !a->before && !a->every && !a->at) {
		a->kinds = REPLAY_FLUSH | REPLAY_MARK;
		a->before = true;
	}
	if (!a->jobs)
		a->jobs = cpus > 0 && cpus < MAX_JOBS ? (unsigned)cpus : 1;
}

int crashtest_main(int argc, char **argv)
{
	struct crash_args a = { .seeds = 8,
				.seed = UINT64_MAX,
				.timeout_s = CRASH_TIMEOUT_S,
				.attach = true };
	struct crashtest t = { .args = &a };
	struct zl_err err;
	int status;

	cli_parse(&argp, argc, argv, &a);
	set_defaults(&a);
	if (replay_open(a.log, a.base, &t.replay, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	status = run_test(&t);
	for (size_t i = 0; i < t.nr_failures; i++)
		free(t.failures[i].output);
	free(t.failures);
	replay_close(t.replay);
	return status;
}
