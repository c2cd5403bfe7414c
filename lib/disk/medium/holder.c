// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Who has a disk, in the journal's records. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "disk/medium/holder.h"
#include "disk/options/options.h"

static uint64_t dir_number(const char *dir)
{
	struct stat st;

	return dir && !stat(dir, &st) ? st.st_ino : 0;
}

bool holder_had_another_dir(const struct disk_holder *h, const char *dir)
{
	uint64_t number = dir_number(dir);

	return h->dir && number && h->dir != number;
}

void holder_is_us(struct disk_holder *h, const char *dir,
		  const struct disk_opts *opts)
{
	char cfg[DISK_OPTIONS_MAX];

	*h = (struct disk_holder){ .here = true };
	if (gethostname(h->host, sizeof(h->host)))
		h->host[0] = 0;
	h->host[sizeof(h->host) - 1] = 0;
	h->dir = dir_number(dir);
	h->since_s = (uint64_t)clock_real_ns() / 1000000000;
	disk_cfg_reopen(cfg, sizeof(cfg), opts, "");
	cfg[strcspn(cfg, "@")] = 0;
	strcpy(h->options, cfg);
	h->write_through = opts && disk_opt_given(opts, OPT_WRITE_THROUGH);
}

bool holder_has_write_through(const struct disk_holder *h)
{
	struct disk_opts opts;

	disk_opts_init(&opts);
	return !disk_opts_parse(&opts, h->options, strlen(h->options), '/',
				true, NULL) &&
	       disk_opt_given(&opts, OPT_WRITE_THROUGH);
}

static void take_text(char *text, size_t size, size_t at, uint64_t value)
{
	for (; value && at + 1 < size; value >>= 8)
		text[at++] = (char)value;
}

bool holder_take(struct disk_holder *h, uint32_t where, uint64_t value)
{
	size_t at = (size_t)(where & 0xffff) * 8;

	switch (where >> 16) {
	case HOLDER_SINCE:
		h->since_s = value;
		return !at;
	case HOLDER_HOST:
		take_text(h->host, sizeof(h->host), at, value);
		return at < sizeof(h->host);
	case HOLDER_OPTIONS:
		take_text(h->options, sizeof(h->options), at, value);
		return at < sizeof(h->options);
	case HOLDER_DIR:
		h->dir = value;
		return !at;
	default:
		return false;
	}
}

static void each_of_text(const char *text, uint32_t what,
			 void (*each)(void *user, uint32_t where,
				      uint64_t value),
			 void *user)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += 8) {
		uint64_t value = 0;

		for (size_t i = 0; i < 8 && at + i < len; i++)
			value |= (uint64_t)(uint8_t)text[at + i] << 8 * i;
		each(user, what << 16 | (uint32_t)(at / 8), value);
	}
}

void holder_each(const struct disk_holder *h,
		 void (*each)(void *user, uint32_t where, uint64_t value),
		 void *user)
{
	each(user, HOLDER_SINCE << 16, h->since_s);
	each_of_text(h->host, HOLDER_HOST, each, user);
	each_of_text(h->options, HOLDER_OPTIONS, each, user);
	each(user, HOLDER_DIR << 16, h->dir);
}

const char *disk_holder_text(const struct disk_holder *h,
			     char text[DISK_HOLDER_TEXT_MAX])
{
	time_t since = (time_t)h->since_s;
	char when[32];
	struct tm tm;

	*text = 0;
	if (!*h->host)
		return text;
	if (!gmtime_r(&since, &tm) ||
	    !strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm))
		strcpy(when, "?");
	snprintf(text, DISK_HOLDER_TEXT_MAX, "host %s since %s UTC", h->host,
		 when);
	return text;
}
