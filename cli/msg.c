// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Messages for people, all on standard error; and files that are asked for. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "progress.h"

/* In one write: several processes may say something at the same time. */
static void say(const char *prefix, const char *fmt, va_list ap)
{
	char *text;

	progress_hide();
	fflush(stdout);
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	fprintf(stderr, "%s%s\n", prefix, text);
	free(text);
}

void cli_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("zloop: ", fmt, ap);
	va_end(ap);
}

void cli_note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("zloop: note: ", fmt, ap);
	va_end(ap);
}

void cli_log(enum zl_log_level level, const char *line)
{
	if (level == ZL_LOG_ERR)
		cli_error("%s", line);
	else if (level == ZL_LOG_WARN)
		cli_note("%s", line);
}

const char *cli_size(uint64_t bytes, char buf[CLI_SIZE_MAX])
{
	return size_in_words(bytes, buf);
}

FILE *cli_open_output(const char *name)
{
	FILE *f = strcmp(name, "-") ? fopen(name, "we") : stdout;

	if (!f)
		cli_error("%s cannot be written: %s", name, strerror(errno));
	return f;
}

int cli_close_output(FILE *f, const char *name, int ret)
{
	if (ferror(f) && !ret)
		ret = -EIO;
	/* main() says that, and why. */
	if (f == stdout && ferror(f))
		return ret;
	if (f != stdout && fclose(f) && !ret)
		ret = -errno;
	if (ret)
		cli_error("%s cannot be written: %s", name, strerror(-ret));
	return ret;
}
