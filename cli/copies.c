// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "copies.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "control/ask.h"
#include "progress.h"

void copies_name(const char *dir, const char *prefix,
		 char name[SNAPSHOT_NAME_MAX + 1])
{
	time_t now = (time_t)(clock_real_ns() / 1000000000);
	char text[32];
	struct tm tm;

	localtime_r(&now, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H-%M-%S", &tm);
	snprintf(name, SNAPSHOT_NAME_MAX + 1, "%s%s", prefix, text);
	for (unsigned i = 2; i < 100 && !snapshot_find(dir, name, NULL); i++)
		snprintf(name, SNAPSHOT_NAME_MAX + 1, "%s%s-%u", prefix, text,
			 i);
}

static int complete(struct snapshot_work *work, const char *serial,
		    const char *log, struct zl_err *err)
{
	int ret = control_snapshot(serial, work->name, log, err);

	if (ret == -ENOENT)
		zl_fail(err, ENOENT,
			"the process that has %s open does not "
			"answer",
			work->dir);
	if (!ret)
		return snapshot_end(work, err);
	snapshot_give_up(work);
	return ret;
}

/* The signals by which a person, or a job, ends this. */
static void hold_signals(sigset_t *held, sigset_t *was)
{
	static const int ends[] = { SIGHUP, SIGINT, SIGTERM };
	struct sigaction sa;

	sigemptyset(held);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(ends); i++)
		if (!sigaction(ends[i], NULL, &sa) && sa.sa_handler != SIG_IGN)
			sigaddset(held, ends[i]);
	sigprocmask(SIG_BLOCK, held, was);
}

static bool is_interrupted(const sigset_t *held)
{
	sigset_t pending;

	sigpending(&pending);
	sigandset(&pending, &pending, held);
	return !sigisemptyset(&pending);
}

/* What the caller is not told of does not go on, be it that the answer alone is
 * missing. */
static void end_record(const char *serial, const char *log)
{
	struct control_record r;

	if (!control_record_status(serial, &r, NULL) && r.on &&
	    !strcmp(r.file, log) && !control_record_stop(serial, &r, NULL))
		unlink(log);
}

static int complete_record(struct snapshot_work *work, const char *serial,
			   const char *log, struct zl_err *err)
{
	sigset_t held, was;
	int ret;

	hold_signals(&held, &was);
	ret = complete(work, serial, log, err);
	if (!ret && is_interrupted(&held)) {
		snapshot_delete(work->dir, work->name, NULL);
		ret = zl_fail(err, EINTR, "interrupted: nothing is recorded");
	}
	/* The process that has the disk refused: what it records is another's.
	 */
	if (ret && ret != -EPROTO)
		end_record(serial, log);
	sigprocmask(SIG_SETMASK, &was, NULL);
	return ret;
}

static int take_running(struct disk *disk, const char *serial, const char *name,
			const char *log, struct zl_err *err)
{
	struct snapshot_work work;
	int ret = snapshot_begin(disk_name(disk), name, progress_step, NULL,
				 &work, err);

	if (ret)
		return ret;
	return log ? complete_record(&work, serial, log, err)
		   : complete(&work, serial, NULL, err);
}

int copies_take(struct disk *disk, const char *name, const char *log,
		struct zl_err *err)
{
	const char *serial = cli_serial(disk);
	int ret;

	progress_start("copying");
	if (serial)
		ret = take_running(disk, serial, name, log, err);
	else
		ret = snapshot_take(disk_name(disk), name, progress_step, NULL,
				    err);
	progress_end();
	return ret;
}

int copies_absolute(const char *name, char path[PATH_MAX], struct zl_err *err)
{
	char *copy = strdup(name), *copy2 = strdup(name), *dir = NULL;
	int ret = 0;

	if (copy && copy2)
		dir = realpath(dirname(copy), NULL);
	if (!dir)
		ret = zl_fail(err, errno, "%s cannot be made: %s", name,
			      strerror(errno));
	else if (snprintf(path, PATH_MAX, "%s/%s", dir, basename(copy2)) >=
		 PATH_MAX)
		ret = zl_fail(err, ENAMETOOLONG, "%.64s… is too long a path",
			      name);
	free(dir);
	free(copy);
	free(copy2);
	return ret;
}

error_t copies_key_words(int key, char *arg, struct argp_state *state,
			 const char **words, unsigned min, unsigned max,
			 const char *names)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (state->arg_num >= max)
			argp_error(state, "'%s' is one word too many", arg);
		words[state->arg_num] = arg;
		return 0;
	case ARGP_KEY_END:
		if (state->arg_num < min)
			argp_error(state, "there must be %s", names);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}
