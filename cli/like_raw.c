// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The data of REPORT ZONES (ZBC-2 clause 5.10), as sg_rep_zones --raw or --hex
 * prints it. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "cli.h"
#include "like.h"

#define HEAD  64
#define DESCR 64

static int check_length(struct like *like, const uint8_t *data, size_t len,
			struct zl_err *err)
{
	uint32_t list = len >= 4 ? be32_get(data) : 0;

	if (len < HEAD + DESCR || list % DESCR || !list)
		return zl_fail(err, EINVAL,
			       "%s is no report of zones: neither text nor the "
			       "data of REPORT ZONES; give what blkzone, "
			       "sg_rep_zones or zbc_report_zones prints",
			       like->name);
	if (len < HEAD + (size_t)list)
		return zl_fail(err, EINVAL,
			       "%s has %zu zone descriptors, but its head says "
			       "%" PRIu32 "; have sg_rep_zones print all "
			       "zones, with a larger --maxlen",
			       like->name, (len - HEAD) / DESCR, list / DESCR);
	return 0;
}

int like_raw(struct like *like, const uint8_t *data, size_t len,
	     struct zl_err *err)
{
	int ret = check_length(like, data, len, err);
	uint32_t nr = ret ? 0 : be32_get(data) / DESCR;

	like->place = "descriptor";
	if (nr)
		like->end = be64_get(data + 8) + 1;
	for (uint32_t i = 0; !ret && i < nr; i++) {
		const uint8_t *d = data + HEAD + (size_t)i * DESCR;
		struct like_zone z = {
			.start = be64_get(d + 16),
			.blocks = be64_get(d + 8),
			.cap = LIKE_NONE,
			.wp = be64_get(d + 24),
			.type = d[0] & 0xf,
			.cond = d[1] >> 4,
			.at = i,
		};

		ret = like_add(like, &z, err);
	}
	return ret;
}

/* The value of a token of two digits, or -1. */
static int byte(const char *s, size_t len)
{
	char digits[3] = { s[0], len > 1 ? s[1] : 0, 0 };

	if (len != 2 || !isxdigit((unsigned char)s[0]) ||
	    !isxdigit((unsigned char)s[1]))
		return -1;
	return (int)strtoul(digits, NULL, 16);
}

/* Where a line's bytes begin: an offset has more blanks behind it than a byte
 * has. */
static const char *skip_offset(const char *line)
{
	const char *at = line + strspn(line, " ");
	size_t digits = strspn(at, "0123456789abcdefABCDEF");
	size_t blanks = strspn(at + digits, " ");

	return blanks >= 3 || digits > 2 ? at + digits + blanks : at;
}

/* A line's bytes, at most 16: what is behind them are characters.  0: it has
 * others. */
static unsigned line_bytes(const char *line, uint8_t out[16])
{
	const char *at = skip_offset(line);
	unsigned nr = 0;

	while (nr < 16 && *at) {
		size_t len = strcspn(at, " \r\n");
		int v = byte(at, len);

		if (v < 0)
			return 0;
		out[nr++] = (uint8_t)v;
		at += len + strspn(at + len, " \r\n");
	}
	return nr;
}

bool like_is_hex(const char *text)
{
	char line[128];
	uint8_t bytes[16];
	const char *at = text + strspn(text, "\r\n");

	snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
	return line_bytes(line, bytes) == 16;
}

int like_hex(struct like *like, char *text, struct zl_err *err)
{
	/* Each byte takes at least two characters. */
	uint8_t *data = malloc(strlen(text) / 2 + 16);
	char *line, *rest = text;
	unsigned at = 0, nr;
	size_t len = 0;
	int ret = 0;

	if (!data)
		return zl_fail(err, ENOMEM, "out of memory");
	while (!ret && (line = strsep(&rest, "\n"))) {
		at++;
		if (!line[strspn(line, " \t\r")] || strstr(line, "descriptor"))
			continue;
		nr = line_bytes(line, data + len);
		len += nr;
		if (!nr)
			ret = like_refuse(like, at, err,
					  "'%.40s' are no bytes in "
					  "hexadecimal; give the output of "
					  "sg_rep_zones --hex and nothing else",
					  line);
	}
	if (!ret)
		ret = like_raw(like, data, len, err);
	free(data);
	return ret;
}
