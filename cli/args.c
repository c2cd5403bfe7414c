// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The words that several subcommands take: for the ends of their parsers. */
#include "cli.h"

error_t cli_key_dir(int key, char *arg, struct argp_state *state,
		    const char **dir)
{
	switch (key) {
	case ARGP_KEY_ARG:
		if (*dir)
			argp_error(state, "'%s' is one word too many", arg);
		*dir = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no directory");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t cli_key_dirs(int key, struct argp_state *state, int *first)
{
	switch (key) {
	case ARGP_KEY_ARGS:
		*first = state->next;
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no directory");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}
