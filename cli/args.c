// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The words that several subcommands take: for the ends of their parsers. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "cli.h"
#include "progress.h"

bool cli_number(const char *s, uint64_t *v)
{
	bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
	const char *digits = hex ? s + 2 : s;
	char *end;

	errno = 0;
	*v = strtoull(digits, &end, hex ? 16 : 10);
	/* strtoull() itself would pass over spaces, signs and a second 0x. */
	return isxdigit((unsigned char)*digits) && !*end && !errno &&
	       !(hex && (digits[1] == 'x' || digits[1] == 'X'));
}

error_t cli_key_one(int key, char *arg, struct argp_state *state,
		    const char **disk)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (*disk)
			argp_error(state, "'%s' is one word too many", arg);
		*disk = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no disk");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t cli_key_any(int key, struct argp_state *state, int *first)
{
	switch (key) {
	case ARGP_KEY_ARGS:
		*first = state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		*first = state->argc;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t cli_key_disks_or_all(int key, struct argp_state *state, int *first,
			     const bool *all)
{
	if (key != ARGP_KEY_END)
		return cli_key_any(key, state, first);
	if (*all && *first < state->argc)
		argp_error(state, "--all are all disks; name none");
	else if (!*all && *first == state->argc)
		argp_error(state, "there is no disk");
	return 0;
}

error_t cli_key_disks(int key, struct argp_state *state, int *first)
{
	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "there is no disk");
	return cli_key_any(key, state, first);
}

static const struct argp_option progress_options[] = {
	{ "progress", 'p', NULL, 0,
	  "Say how far it is from the beginning, every 10 %", 0 },
	{ "quiet", 'q', NULL, 0, "Do not say how far it is", 0 },
	{ 0 },
};

static error_t parse_progress(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	(void)state;
	switch (key) {
	case 'p':
		progress_set(PROGRESS_ALWAYS);
		return 0;
	case 'q':
		progress_set(PROGRESS_QUIET);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp progress_argp = {
	.options = progress_options,
	.parser = parse_progress,
};

const struct argp_child cli_progress_options[] = {
	{ &progress_argp, 0, NULL, 0 },
	{ 0 },
};
