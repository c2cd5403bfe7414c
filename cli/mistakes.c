// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A subcommand's words, and those that look like other ones. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/near.h"
#include "base/num.h"
#include "cli.h"

/* The subcommand that is but one letter from @word, or it; NULL: none is. */
static const char *command_near(const char *word)
{
	static const char *const names[] = {
#define COMMAND(name, help) #name,
#include "commands.inc"
#undef COMMAND
	};
	struct near near = { .word = word, .len = strlen(word) };

	for (size_t i = 0; i < ZL_ARRAY_SIZE(names); i++)
		near_try(&near, names[i]);
	return near.best && near.cost <= 1 ? near.best : NULL;
}

/* Something is to be made of that name, and it reads like a mistake. */
void cli_question_dir(const char *word, struct argp_state *state)
{
	enum disk_opt_id id = OPT_NR;
	const char *verb = NULL;

	/* Short ones are like everything. */
	if (strlen(word) < 4 || strchr(word, '/') || strchr(word, '=') ||
	    !access(word, F_OK))
		return;
	verb = command_near(word);
	if (!verb)
		id = disk_opt_near(word, strlen(word), false);
	if (verb || id != OPT_NR)
		argp_error(state,
			   "'%s' may be meant as %s; if it is the directory, "
			   "write ./%s",
			   word, verb ? verb : disk_opt_table[id].name, word);
}

/*
 * Long options that are wrong: getopt only says so.
 */

/* False: getopt knows what to do with the word. */
static bool try_options(const struct argp *argp, struct near *near)
{
	for (const struct argp_option *o = argp->options; o && o->name; o++) {
		if (!strncmp(o->name, near->word, near->len))
			return false;
		near_try(near, o->name);
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		if (!try_options(c->argp, near))
			return false;
	return true;
}

static void check_options(const struct argp *argp, int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		struct near near = { .word = argv[i] + 2 };

		if (strncmp(argv[i], "--", 2))
			continue;
		near.len = strcspn(near.word, "=");
		if (!strncmp("help", near.word, near.len) ||
		    !strncmp("usage", near.word, near.len) ||
		    !try_options(argp, &near) || !near.best)
			continue;
		cli_error("there is no option --%.*s; did you mean --%s?",
			  (int)near.len, near.word, near.best);
		exit(CLI_USAGE);
	}
}

/* What people try first, and argp has no letter for. */
static void take_h(int argc, char **argv)
{
	static char help[] = "--help";

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "-h"))
			argv[i] = help;
}

void cli_parse(const struct argp *argp, int argc, char **argv, void *input)
{
	take_h(argc, argv);
	check_options(argp, argc, argv);
	argp_err_exit_status = CLI_USAGE;
	/* Fails only by exiting or for want of memory. */
	if (argp_parse(argp, argc, argv, 0, NULL, input)) {
		cli_error("out of memory");
		exit(CLI_FAILED);
	}
}
