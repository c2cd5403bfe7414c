// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include "copies.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
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

static int take_running(struct disk *disk, const char *serial, const char *name,
			const char *log, struct zl_err *err)
{
	struct snapshot_work work;
	int ret = snapshot_begin(disk_name(disk), name, progress_step, NULL,
				 &work, err);

	if (ret)
		return ret;
	ret = control_snapshot(serial, name, log, err);
	if (ret == -ENOENT)
		zl_fail(err, ENOENT,
			"the process that has %s open does not "
			"answer",
			disk_name(disk));
	if (ret) {
		snapshot_give_up(&work);
		return ret;
	}
	return snapshot_end(&work, err);
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
