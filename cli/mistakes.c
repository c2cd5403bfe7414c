// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Words of the command line that look like other ones. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/near.h"
#include "cli.h"

/* Something is to be made of that name, and it reads like a mistake. */
void cli_question_dir(const char *word, struct argp_state *state)
{
	enum disk_opt_id id = OPT_NR;
	const char *verb = NULL;

	/* Short ones are like everything. */
	if (strlen(word) < 4 || strchr(word, '/') || strchr(word, '=') ||
	    !access(word, F_OK))
		return;
	verb = cli_command_near(word);
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

void cli_check_options(const struct argp *argp, int argc, char **argv)
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
