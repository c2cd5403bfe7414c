// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Zone conditions and types as words, written and read. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "cli.h"

const char *cli_word(const char *name, char buf[CLI_WORD_MAX])
{
	char *p = buf;

	snprintf(buf, CLI_WORD_MAX, "%s", name);
	for (; *p; p++)
		*p = *p == ' ' ? '-' : (char)tolower((unsigned char)*p);
	return buf;
}

/* As our own output has them, T10, blkzone(8) and sg_rep_zones(8). */
static const struct {
	enum zone_cond cond;
	const char *names[6];
} conditions[] = {
	{ ZC_NOT_WP, { "notwritepointer", "notwp", "nw", "conventional" } },
	{ ZC_EMPTY, { "empty", "em" } },
	{ ZC_IMP_OPEN,
	  { "implicitlyopened", "implicitlyopen", "implicitopen", "implicit",
	    "impopen", "oi" } },
	{ ZC_EXP_OPEN,
	  { "explicitlyopened", "explicitlyopen", "explicitopen", "explicit",
	    "expopen", "oe" } },
	{ ZC_CLOSED, { "closed", "cl" } },
	{ ZC_FULL, { "full", "fu" } },
	{ ZC_READ_ONLY, { "readonly", "rdonly", "ro" } },
	{ ZC_OFFLINE, { "offline", "off", "ol" } },
	{ ZC_INACTIVE, { "inactive", "in" } },
};

int cli_cond_parse(const char *name)
{
	char word[CLI_WORD_MAX];
	size_t len = 0;

	for (; *name && len < sizeof(word) - 1; name++)
		if (!strchr(" -_", *name))
			word[len++] = (char)tolower((unsigned char)*name);
	word[len] = 0;
	for (size_t i = 0; !*name && i < ZL_ARRAY_SIZE(conditions); i++)
		for (size_t j = 0; j < ZL_ARRAY_SIZE(conditions[i].names); j++)
			if (conditions[i].names[j] &&
			    !strcmp(conditions[i].names[j], word))
				return (int)conditions[i].cond;
	return -1;
}
