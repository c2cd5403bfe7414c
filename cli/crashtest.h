/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * What zloop crashtest is made of: which states of a recorded disk are tried
 * (crashtest.c), how one is (crash_state.c), and what is said of it all
 * (crash_report.c).
 */
#ifndef ZL_CLI_CRASHTEST_H
#define ZL_CLI_CRASHTEST_H

#include "cli.h"
#include "replay/replay.h"

struct crash_args {
	const char *log;
	const char *base; /* NULL: as the log says */
	const char *into; /* where states are built; NULL: beside the log */
	const char *html; /* NULL: no report */
	unsigned kinds;	  /* REPLAY_FLUSH … */
	bool before;	  /* the moment before each flush */
	uint64_t every;	  /* so many records; 0: not */
	const char *at;	  /* one point, as replay_find() takes it; or NULL */
	uint64_t seeds;	  /* states of a point */
	uint64_t seed;	  /* only this one; UINT64_MAX: all */
	unsigned jobs;
	unsigned timeout_s; /* 0: none */
	bool stop, attach, json, verbose;
	char **command; /* ends with NULL */
};

enum crash_result {
	CRASH_BROKEN, /* the state could not be built or attached */
	CRASH_PASSED,
	CRASH_EXIT,    /* with a status other than 0 */
	CRASH_SIGNAL,  /* the command was killed */
	CRASH_TIMEOUT, /* … by us */
	CRASH_INTERRUPTED,
};

#define CRASH_TIMEOUT_S	 300   /* of a command, if nothing else is said */
#define CRASH_OUTPUT_MAX 65536 /* the last bytes of what a command printed */

struct crash_failure {
	struct replay_state state;
	enum crash_result result;
	int status; /* of CRASH_EXIT; the signal of CRASH_SIGNAL */
	char *output;
};

struct crashtest {
	const struct crash_args *args;
	struct replay *replay;
	char work[PATH_MAX];
	uint64_t points, states;
	uint64_t elapsed_ms;
	struct crash_failure *failures; /* by point, then state */
	size_t nr_failures;
	bool interrupted;
	bool broken; /* a state could not be built, attached or detached */
};

/* A place where states are built and tried, one after the other. */
struct crash_place {
	bool is_built;		 /* there is one, … */
	struct replay_state was; /* … or what the command made of it */
};

/*
 * Builds the state in @dir, attaches it if that is wanted, runs the command
 * with its output in the file @out, and detaches it.  In a process of its own,
 * with SIGINT, SIGTERM and SIGCHLD blocked.
 */
enum crash_result crash_try(const struct crashtest *t,
			    struct crash_place *place,
			    const struct replay_state *s, const char *dir,
			    const char *out, int *status);
/* The last at or before the point, or NULL. */
const struct record *crash_last_mark(const struct replay *replay,
				     uint64_t point);
/* Removes a directory and all that is in it. */
void crash_remove(const char *dir);

/* On standard output. */
void crash_print(const struct crashtest *t);
void crash_print_json(const struct crashtest *t);
/* 0, or -errno when it has said why not. */
int crash_html(const struct crashtest *t, const char *name);

#endif
