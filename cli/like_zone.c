// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What all readers of reports make zones with. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"
#include "like.h"

int like_refuse(const struct like *like, unsigned at, struct zl_err *err,
		const char *fmt, ...)
{
	char what[ZL_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return zl_fail(err, EINVAL, "%s, %s %u: %s", like->name, like->place,
		       at, what);
}

int like_add(struct like *like, const struct like_zone *zone,
	     struct zl_err *err)
{
	struct like_zone *zones;

	if (like->nr == like->room) {
		like->room = like->room ? 2 * like->room : 1024;
		zones = realloc(like->zones, like->room * sizeof(*zones));
		if (!zones)
			return zl_fail(err, ENOMEM, "out of memory");
		like->zones = zones;
	}
	like->zones[like->nr++] = *zone;
	return 0;
}

int like_type(const char *name)
{
	static const enum zone_type types[] = { ZT_CONVENTIONAL,
						ZT_SEQ_REQUIRED,
						ZT_SEQ_PREFERRED,
						ZT_SEQ_OR_BEFORE, ZT_GAP };
	char known[CLI_WORD_MAX];

	for (size_t i = 0; i < ZL_ARRAY_SIZE(types); i++) {
		const char *at = name;
		const char *k = cli_word(zone_type_name(types[i]), known);

		while (*k && (tolower((unsigned char)*at) == *k ||
			      (strchr(" _", *at) && *k == '-')))
			at++, k++;
		if (!*k && !isalnum((unsigned char)*at))
			return (int)types[i];
	}
	return -1;
}
