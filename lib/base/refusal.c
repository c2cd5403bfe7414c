// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* "DIRECTORY\nSENTENCE\n" in refused-HASH. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/refusal.h"
#include "base/run_dir.h"

static const char *dir_of(const char *config)
{
	const char *at = strchr(config, '@');

	return at ? at + 1 : config;
}

static void make_path(const char *config, const char *suffix,
		      char path[PATH_MAX])
{
	const char *dir = dir_of(config);

	snprintf(path, PATH_MAX, "%s/refused-%08" PRIx32 "%s", run_dir(),
		 crc32c(dir, strlen(dir)), suffix);
}

void refusal_note(const char *config, const char *sentence)
{
	char path[PATH_MAX], temporary[PATH_MAX];
	FILE *f;

	make_path(config, "", path);
	make_path(config, ".new", temporary);
	if (!sentence) {
		unlink(path);
		return;
	}
	if (run_dir_make(NULL))
		return;
	/* "x": what somebody else puts there is not followed. */
	unlink(temporary);
	f = fopen(temporary, "wxe");
	if (!f)
		return;
	fprintf(f, "%s\n%s\n", dir_of(config), sentence);
	if (fclose(f) || rename(temporary, path))
		unlink(temporary);
}

static struct refusal_mark mark_of(const struct stat *sb)
{
	return (struct refusal_mark){
		.inode = sb->st_ino,
		.time_ns = sb->st_mtim.tv_sec * INT64_C(1000000000) +
			   sb->st_mtim.tv_nsec,
	};
}

struct refusal_mark refusal_mark(const char *config)
{
	char path[PATH_MAX];
	struct stat sb;

	make_path(config, "", path);
	return lstat(path, &sb) ? (struct refusal_mark){ 0 } : mark_of(&sb);
}

/* Whether the next line is @text; it is passed over. */
static bool next_line_is(FILE *f, const char *text)
{
	size_t len = strlen(text);
	char line[PATH_MAX];

	return fgets(line, sizeof(line), f) && !strncmp(line, text, len) &&
	       !strcmp(line + len, "\n");
}

static int read_sentence(FILE *f, const char *config, struct zl_err *err)
{
	char line[sizeof(err->msg) + 1];

	if (!next_line_is(f, dir_of(config)) || !fgets(line, sizeof(line), f))
		return -ENOENT;
	line[strcspn(line, "\n")] = 0;
	zl_fail(err, EIO, "%s", line);
	return 0;
}

int refusal_since(const char *config, struct refusal_mark before,
		  struct zl_err *err)
{
	struct refusal_mark now;
	char path[PATH_MAX];
	struct stat sb;
	int ret = -ENOENT;
	FILE *f;

	make_path(config, "", path);
	f = fopen(path, "re");
	if (!f)
		return -ENOENT;
	if (!fstat(fileno(f), &sb)) {
		now = mark_of(&sb);
		if (now.inode != before.inode || now.time_ns != before.time_ns)
			ret = read_sentence(f, config, err);
	}
	fclose(f);
	return ret;
}
