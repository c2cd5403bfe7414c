// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The zloop command: the table of subcommands. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file_limit.h"
#include "base/near.h"
#include "base/num.h"
#include "cli.h"
#include "like.h"

static int help_main(int argc, char **argv);

static const struct cli_command commands[] = {
	{ "create", "make a disk in a directory", create_main },
	{ "info", "say what a disk is and how it is", info_main },
	{ "zones", "list a disk's zones", zones_main },
	{ "realms", "list a disk's zone domains and realms", realms_main },
	{ "activate", "make realms active in another zone domain",
	  activate_main },
	{ "stats", "print the counters of running disks", stats_main },
	{ "top", "show what running disks do, again and again", top_main },
	{ "report", "write a page about a disk", report_main },
	{ "check", "look for everything that is not as it should be",
	  check_main },
	{ "inject", "make a disk suffer faults", inject_main },
	{ "powerfail", "take back what a running disk has not flushed",
	  powerfail_main },
	{ "snapshot", "keep a disk as it is now", snapshot_main },
	{ "snapshots", "list what was kept of a disk", snapshots_main },
	{ "restore", "make a disk what it was", restore_main },
	{ "clone", "copy a disk", clone_main },
	{ "record", "record what a running disk acknowledges", record_main },
	{ "replay", "build a recorded disk as it was, or could have been",
	  replay_main },
	{ "crashtest", "try a command on what power failures leave of a disk",
	  crashtest_main },
	{ "delete", "delete disks and all that is in them", delete_main },
	{ "add", "attach a disk, made if it is missing, as /dev/sdX",
	  add_main },
	{ "remove", "detach disks, whose files stay", remove_main },
	{ "list", "list the disks, attached or not", list_main },
	{ "export", "make a disk an iSCSI target", export_main },
	{ "unexport", "remove a disk's iSCSI targets", unexport_main },
	{ "watch", "say what happens to disks", watch_main },
	{ "config", "write a test suite's configuration", config_main },
	{ "help", "explain a command; help drives: what create --like knows",
	  help_main },
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

const char *cli_command_near(const char *word)
{
	struct near near = { .word = word, .len = strlen(word) };

	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		near_try(&near, commands[i].name);
	return near.best && near.cost <= 1 ? near.best : NULL;
}

static int unknown(const char *name)
{
	struct near near = { .word = name, .len = strlen(name) };
	char names[400] = "";
	size_t len = 0;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(commands); i++)
		near_try(&near, commands[i].name);
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

static int help_main(int argc, char **argv)
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
	cli_check_options(argp, argc, argv);
	argp_err_exit_status = CLI_USAGE;
	/* Fails only by exiting or for want of memory. */
	if (argp_parse(argp, argc, argv, 0, NULL, input)) {
		cli_error("out of memory");
		exit(CLI_FAILED);
	}
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
	file_limit_only_fails();
	on_exit(finish, NULL);
	return dispatch(argc, argv);
}
