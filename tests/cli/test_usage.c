// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The command line itself: help, versions, and what is wrong usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	assert_int_equal(zloop("", NULL), 2);
	assert_sentence("unknown command ''");
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
		assert_contains(run_out, "DIRECTORY");
		text = strdup(run_out);
		assert_int_equal(zloop(commands[i], "--help", NULL), 0);
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
}

static void no_directory(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_COMMANDS; i++) {
		if (!strcmp(commands[i], "help"))
			continue;
		assert_int_equal(zloop(commands[i], NULL), 2);
		assert_string_equal(run_out, "");
		assert_contains(run_err, strcmp(commands[i], "inject")
						 ? "there is no directory"
						 : "and the directory");
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

/* What could not be written was not done. */
static void output_full(void **state)
{
	char command[4096 + 64];

	(void)state;
	snprintf(command, sizeof(command), "%s help >/dev/full 2>err",
		 ZLOOP_PATH);
	assert_int_equal(system(command), 1 << 8);
	free(run_err);
	run_err = read_file("err");
	assert_sentence("cannot write the output: No space left on device");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_command),
		cmocka_unit_test(unknown_command),
		cmocka_unit_test(help),
		cmocka_unit_test(help_of_commands),
		cmocka_unit_test(version),
		cmocka_unit_test(no_directory),
		cmocka_unit_test(unknown_option),
		cmocka_unit_test(missing_directory),
		cmocka_unit_test(output_full),
	};

	return cmocka_run_group_tests(tests, work_enter, work_leave);
}
