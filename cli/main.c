// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zloop command: the table of subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/limit.h"
#include "base/near.h"
#include "base/num.h"
#include "cli.h"
#include "like.h"

static const struct cli_command commands[] = {
#define COMMAND(name, help) { #name, help, name##_main },
#include "commands.inc"
#undef COMMAND
};

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static void usage(FILE *f)
{
	fputs("usage: zloop COMMAND [ARGUMENT...]\n"
	      "       zloop COMMAND --help\n"
	      "       zloop --version\n\n"
	      "Disks of the tcmu-runner handler user:zloop: one directory "
	      "each, one file per zone.\n\n",
	      f);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		fprintf(f, "  %-9s  %s\n", commands[i].name, commands[i].help);
	fputs("\nExit status: 0 done, 1 failed or something found, 2 wrong "
	      "usage.  See zloop(8).\n",
	      f);
}

static int run(const struct cli_command *command, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof(name), "zloop %s", command->name);
	argv[0] = name;
	return command->run(argc, argv);
}

/* What other tools call it. */
static const char *synonym(const char *name)
{
	static const struct {
		const char *word, *command;
	} words[] = {
		{ "ls", "list" },	 { "show", "info" },
		{ "status", "info" },	 { "attach", "add" },
		{ "start", "add" },	 { "detach", "remove" },
		{ "stop", "remove" },	 { "rm", "delete" },
		{ "destroy", "delete" }, { "new", "create" },
		{ "format", "create" },	 { "map", "zones" },
		{ "faults", "inject" },	 { "fsck", "check" },
		{ "repair", "check" },
	};

	for (size_t i = 0; i < ZL_ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, name))
			return words[i].command;
	return NULL;
}

static int unknown(const char *name)
{
	struct near near = { .word = name, .len = strlen(name) };
	char names[400] = "";
	size_t len = 0;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		near_try(&near, commands[i].name);
	if (synonym(name))
		near.best = synonym(name);
	if (near.best) {
		cli_error("unknown command '%s'; did you mean %s?", name,
			  near.best);
		return CLI_USAGE;
	}
	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len,
					"%s%s", i ? ", " : "",
					commands[i].name);
	cli_error("unknown command '%s'; there are %s", name, names);
	return CLI_USAGE;
}

int help_main(int argc, char **argv)
{
	char option[] = "--help", *words[] = { NULL, option, NULL };
	const struct cli_command *command;

	if (argc < 2 || argv[1][0] == '-' || !strcmp(argv[1], "help")) {
		usage(stdout);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "drives")) {
		like_drives_print(argc > 2 && !strcmp(argv[2], "--json"));
		return CLI_OK;
	}
	command = find(argv[1]);
	return command ? run(command, 2, words) : unknown(argv[1]);
}

/* What could not be written was not done.  argp exits on its own. */
static void finish(int status, void *unused)
{
	int failed = ferror(stdout);

	(void)unused;
	if (!fclose(stdout) && !failed)
		return;
	cli_error("cannot write the output: %s", strerror(errno));
	if (!status)
		_exit(CLI_FAILED);
}

/* What is opened later, a file of a disk for example, must not become standard
 * output.  As before, nothing can be written to one that was closed. */
static void fill_streams(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDONLY);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int dispatch(int argc, char **argv)
{
	const struct cli_command *command;

	if (argc < 2) {
		usage(stderr);
		return CLI_USAGE;
	}
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V") ||
	    !strcmp(argv[1], "-v")) {
		puts("zloop " ZL_VERSION);
		return CLI_OK;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return CLI_OK;
	}
	command = find(argv[1]);
	return command ? run(command, argc - 1, argv + 1) : unknown(argv[1]);
}

int main(int argc, char **argv)
{
	fill_streams();
	limit_only_fails();
	on_exit(finish, NULL);
	return dispatch(argc, argv);
}
