// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The command line itself: help, versions, and what is wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

static const char *const commands[] = { "create", "info",      "zones", "check",
					"inject", "powerfail", "help" };
#define NR_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void no_command(void **state)
{
	(void)state;
	assert_int_equal(zloop_alone(), 2);
	assert_string_equal(run_out, "");
	assert_contains(run_err, "usage: zloop COMMAND");
}

static void unknown_command(void **state)
{
	(void)state;
	assert_int_equal(zloop("frobnicate", NULL), 2);
	assert_string_equal(run_out, "");
	assert_sentence("unknown command 'frobnicate'");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		assert_contains(run_err, commands[i]);
	assert_int_equal(zloop("help", "frobnicate", NULL), 2);
	assert_sentence("unknown command 'frobnicate'");
	assert_int_equal(zloop("lits", NULL), 2);
	assert_sentence("unknown command 'lits'; did you mean list?");
	assert_int_equal(zloop("ls", NULL), 2);
	assert_sentence("unknown command 'ls'; did you mean list?");
	assert_int_equal(zloop("detach", "1", NULL), 2);
	assert_sentence("unknown command 'detach'; did you mean remove?");
	assert_int_equal(zloop("", NULL), 2);
	assert_sentence("unknown command ''");
}

static void mistyped_option(void **state)
{
	(void)state;
	assert_int_equal(zloop("zones", "--conditon=full", "z", NULL), 2);
	assert_sentence("there is no option --conditon; did you mean "
			"--condition?");
	assert_int_equal(zloop("check", "--quite", "z", NULL), 2);
	assert_sentence("there is no option --quite; did you mean --quiet?");
	assert_string_equal(run_out, "");
	assert_int_equal(zloop("list", "--frobnicate", NULL), 2);
	assert_contains(run_err, "unrecognized option '--frobnicate'");
	/* Short for --json, as getopt has it; a directory behind "--". */
	assert_int_equal(zloop("list", "--js", NULL), 0);
	assert_int_equal(zloop("info", "--", "--jsn", NULL), 1);
	assert_sentence("there is no disk --jsn");
}

static void help(void **state)
{
	char *text;

	(void)state;
	assert_int_equal(zloop("help", NULL), 0);
	assert_string_equal(run_err, "");
	for (size_t i = 0; i < NR_COMMANDS; i++)
		assert_contains(run_out, commands[i]);
	text = strdup(run_out);
	assert_int_equal(zloop("--help", NULL), 0);
	assert_string_equal(run_out, text);
	assert_int_equal(zloop("help", "help", NULL), 0);
	assert_string_equal(run_out, text);
	free(text);
}

static void help_of_commands(void **state)
{
	char usage[64], *text;

	(void)state;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i], "help"))
			continue;
		assert_int_equal(zloop("help", commands[i], NULL), 0);
		assert_string_equal(run_err, "");
		snprintf(usage, sizeof(usage), "Usage: zloop %s", commands[i]);
		assert_contains(run_out, usage);
		assert_contains(run_out, strcmp(commands[i], "create")
						 ? "DISK"
						 : "DIRECTORY");
		text = strdup(run_out);
		assert_int_equal(zloop(commands[i], "--help", NULL), 0);
		assert_string_equal(run_out, text);
		assert_int_equal(zloop(commands[i], "-h", NULL), 0);
		assert_string_equal(run_out, text);
		free(text);
	}
}

static void version(void **state)
{
	(void)state;
	assert_int_equal(zloop("--version", NULL), 0);
	assert_string_equal(run_out, "zloop " ZL_VERSION "\n");
	assert_string_equal(run_err, "");
	assert_int_equal(zloop("-v", NULL), 0);
	assert_string_equal(run_out, "zloop " ZL_VERSION "\n");
}

static void no_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i], "help"))
			continue;
		assert_int_equal(zloop(commands[i], NULL), 2);
		assert_string_equal(run_out, "");
		assert_contains(run_err, !strcmp(commands[i], "inject")
						 ? "and the disk"
					 : !strcmp(commands[i], "create")
						 ? "there is no directory"
						 : "there is no disk");
	}
}

static void unknown_option(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i], "help"))
			continue;
		assert_int_equal(zloop(commands[i], "--frobnicate", "d", NULL),
				 2);
		assert_string_equal(run_out, "");
		assert_contains(run_err, "--frobnicate");
	}
	assert_false(exists("d"));
}

static void missing_directory(void **state)
{
	static const char *const looking[] = { "info", "zones", "check" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(zloop(looking[i], "nowhere", NULL), 1);
		assert_string_equal(run_out, "");
		assert_sentence("nowhere");
		assert_false(exists("nowhere"));
	}
}

/* Runs "zloop WORDS" in a shell; its standard error is run_err. */
static int shell(const char *words)
{
	char command[4096 + 128];
	int status;

	snprintf(command, sizeof(command), "exec 3>err; %s %s", ZLOOP_PATH,
		 words);
	status = system(command);
	free(run_err);
	run_err = read_file("err");
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What could not be written was not done; the reason is given once. */
static void output_full(void **state)
{
	static const char *const words[] = {
		"help",
		"help create",
		"zones --help",
		"info --json full",
		"zones full",
		"zones --svg=- full",
		"zones --png=- full",
		"report --html=- full",
	};
	char command[128];

	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=8,zone_size_mb=1,conv_zones=1",
			       "full", NULL),
			 0);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		snprintf(command, sizeof(command), "%s >/dev/full 2>&3",
			 words[i]);
		assert_int_equal(shell(command), 1);
		assert_sentence("cannot write the output: No space left on "
				"device");
	}
}

/* A file of the disk must not become standard output: more than a buffer of
 * what is repaired once was in its journal. */
static void closed_streams(void **state)
{
	char path[64];

	(void)state;
	assert_int_equal(zloop("create",
			       "capacity_mb=64,zone_size_mb=1,conv_zones=1",
			       "closed", NULL),
			 0);
	for (unsigned i = 1; i < 64; i++) {
		snprintf(path, sizeof(path), "closed/seq-%06u", i);
		assert_int_equal(truncate(path, 1049088), 0);
	}
	assert_int_equal(shell("check -ry closed <&- >&- 2>&3"), 1);
	assert_sentence("cannot write the output: Bad file descriptor");
	assert_int_equal(zloop("check", "closed", NULL), 0);
	assert_silent();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_command),
		cmocka_unit_test(unknown_command),
		cmocka_unit_test(mistyped_option),
		cmocka_unit_test(help),
		cmocka_unit_test(help_of_commands),
		cmocka_unit_test(version),
		cmocka_unit_test(no_directory),
		cmocka_unit_test(unknown_option),
		cmocka_unit_test(missing_directory),
		cmocka_unit_test(output_full),
		cmocka_unit_test(closed_streams),
	};

	return cmocka_run_group_tests(tests, work_enter, work_leave);
}
