// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The handler's cfgstring: [OPTION[=VALUE][/OPTION[=VALUE]…]]@DIRECTORY. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "disk/options/check.h"

#define CFG_PREFIX "zloop/"

/*
 * What targetcli or rtslib refuse, what the kernel takes for the value's end
 * (comma, newline) or tcmu-runner for its own (semicolon), and what a shell
 * would not pass on unquoted.
 */
static bool char_is_forbidden(unsigned char c)
{
	return c <= ' ' || c == 0x7f || strchr(",:;'\"`\\", c);
}

static int check_chars(const char *cfg, struct zl_err *err)
{
	for (const char *p = cfg; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (!char_is_forbidden(c))
			continue;
		if (c <= ' ' || c == 0x7f)
			return zl_fail(
				err, EINVAL,
				"the cfgstring has a %s at byte %zu; use "
				"none, and a directory without any",
				c == ' ' ? "space" : "control character",
				(size_t)(p - cfg));
		return zl_fail(
			err, EINVAL,
			"the cfgstring has the character %c at byte %zu; "
			"use none of , : ; ' \" ` \\ and a directory "
			"without them",
			c, (size_t)(p - cfg));
	}
	return 0;
}

static int check_length(const char *cfg, struct zl_err *err)
{
	size_t len = strlen(CFG_PREFIX) + strlen(cfg);

	if (len <= DISK_CFG_MAX)
		return 0;
	return zl_fail(
		err, ENAMETOOLONG,
		"the cfgstring is %zu bytes long with " CFG_PREFIX
		", and the kernel cuts it at %d; use a shorter directory",
		len, DISK_CFG_MAX);
}

static int check_dir(const char *dir, struct zl_err *err)
{
	if (!*dir)
		return zl_fail(err, EINVAL,
			       "there is no directory behind @; write "
			       "@/DIRECTORY");
	if (*dir != '/')
		return zl_fail(err, EINVAL,
			       "the directory %s is relative; write it from /, "
			       "as @/DIRECTORY",
			       dir);
	return 0;
}

int disk_cfg_parse(const char *cfg, struct disk_opts *opts, const char **dir,
		   struct zl_err *err)
{
	const char *at;
	int ret;

	ret = check_length(cfg, err);
	if (!ret)
		ret = check_chars(cfg, err);
	if (ret)
		return ret;
	at = strchr(cfg, '@');
	if (!at)
		return zl_fail(err, EINVAL,
			       "the cfgstring has no @; write "
			       "OPTION=VALUE/OPTION=VALUE@/DIRECTORY, or "
			       "@/DIRECTORY for a disk that is there");
	ret = check_dir(at + 1, err);
	if (ret)
		return ret;
	ret = disk_opts_parse(opts, cfg, (size_t)(at - cfg), '/', true, err);
	if (ret)
		return ret;
	*dir = at + 1;
	ret = disk_opts_check(opts, 0, err);
	return ret ? ret : opts_check_bounds(opts, err);
}

/* An option as it could have been typed. */
static void option_text(char *text, size_t size, const struct disk_opts *opts,
			enum disk_opt_id id)
{
	const struct disk_opt *o = &disk_opt_table[id];
	char value[OPT_TEXT_MAX];

	if (o->kind == OPT_KIND_FLAG) {
		snprintf(text, size, "%s", o->name);
		return;
	}
	disk_opt_text(value, id, opts->num[id]);
	snprintf(text, size, "%s=%s", o->name,
		 o->kind == OPT_KIND_STRING ? opts->base_dir : value);
}

/* Returns the length with what has been added, whether it fits or not. */
static size_t append(char *cfg, size_t size, size_t len, const char *before,
		     const char *text)
{
	size_t at = min_u64(len, size);

	return len +
	       (size_t)snprintf(cfg + at, size - at, "%s%s", before, text);
}

size_t disk_cfg_reopen(char *cfg, size_t size, const struct disk_opts *opts,
		       const char *dir)
{
	char text[sizeof(opts->base_dir) + 32];
	size_t len = 0;

	for (enum disk_opt_id id = 0; opts && id < OPT_NR; id++) {
		if (!disk_opt_table[id].use || !disk_opt_given(opts, id))
			continue;
		option_text(text, sizeof(text), opts, id);
		len = append(cfg, size, len, len ? "/" : "", text);
	}
	return append(cfg, size, len, "@", dir);
}
