// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// libtcmu's log functions: filtered by level, cut as libtcmu cuts, kept for
// tests to look at.

#include "dev.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define LINE_BYTES 255 /* libtcmu's, with the terminating zero */
#define KEPT_LINES 1024

static struct {
	pthread_mutex_t lock;
	_Atomic int level;
	_Atomic int echo;
	uint64_t count;
	struct {
		int level;
		char text[LINE_BYTES];
	} lines[KEPT_LINES];
} kept = { .lock = PTHREAD_MUTEX_INITIALIZER, .level = LOG_INFO, .echo = -1 };

static int prefix(char *line, struct tcmu_device *dev, const char *func,
		  int number)
{
	if (dev)
		return snprintf(line, LINE_BYTES, "%s:%d %s/%s: ", func, number,
				dev->ops->subtype, dev->lib.name);
	return snprintf(line, LINE_BYTES, "%s:%d: ", func, number);
}

/* The caller has disabled cancellation: it would leave the lock taken. */
static void keep(int level, const char *line)
{
	pthread_mutex_lock(&kept.lock);
	kept.lines[kept.count % KEPT_LINES].level = level;
	strcpy(kept.lines[kept.count % KEPT_LINES].text, line);
	kept.count++;
	if (level <= kept.echo)
		fprintf(stderr, "runner: <%d> %s", level, line);
	pthread_mutex_unlock(&kept.lock);
}

__attribute__((format(printf, 5, 0))) static void
message(int level, struct tcmu_device *dev, const char *func, int number,
	const char *fmt, va_list ap)
{
	char line[LINE_BYTES];
	int cancel;
	int n;

	if (level > kept.level)
		return;
	n = prefix(line, dev, func, number);
	if (n < LINE_BYTES)
		vsnprintf(line + n, (size_t)(LINE_BYTES - n), fmt, ap);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	keep(level, line);
	pthread_setcancelstate(cancel, NULL);
}

#define MESSAGE(name, level)                                                  \
	void tcmu_##name##_message(struct tcmu_device *dev, const char *func, \
				   int line, const char *fmt, ...)            \
	{                                                                     \
		va_list ap;                                                   \
                                                                              \
		va_start(ap, fmt);                                            \
		message(level, dev, func, line, fmt, ap);                     \
		va_end(ap);                                                   \
	}

MESSAGE(crit, LOG_CRIT)
MESSAGE(err, LOG_ERR)
MESSAGE(warn, LOG_WARNING)
MESSAGE(info, LOG_INFO)
MESSAGE(dbg, LOG_DEBUG)
MESSAGE(dbg_scsi_cmd, LOG_DEBUG + 1)

unsigned int tcmu_get_log_level(void)
{
	return (unsigned int)kept.level;
}

void runner_log_level(int level)
{
	kept.level = level;
}

void runner_log_echo(int level)
{
	kept.echo = level;
}

void runner_log_clear(void)
{
	pthread_mutex_lock(&kept.lock);
	kept.count = 0;
	pthread_mutex_unlock(&kept.lock);
}

char *runner_log_find(int level, const char *part, unsigned int index)
{
	char *found = NULL;
	uint64_t i;

	pthread_mutex_lock(&kept.lock);
	i = kept.count > KEPT_LINES ? kept.count - KEPT_LINES : 0;
	for (; i < kept.count && !found; i++) {
		const char *text = kept.lines[i % KEPT_LINES].text;

		if (kept.lines[i % KEPT_LINES].level > level ||
		    (part && !strstr(text, part)))
			continue;
		if (!index--)
			found = strdup(text);
	}
	pthread_mutex_unlock(&kept.lock);
	return found;
}
