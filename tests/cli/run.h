/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Running the zloop command in a directory of its own and looking at what it
 * says.  Each failure ends the cmocka test.
 */
#ifndef ZL_TESTS_CLI_RUN_H
#define ZL_TESTS_CLI_RUN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <json-c/json.h>

/* What is run: the command, or one like it. */
extern const char *run_path;
/* What the last run left. */
extern char *run_out, *run_err;

/* Setup and teardown of a test: a new, empty working directory. */
int work_enter(void **state);
int work_leave(void **state);

/* Runs "zloop WORD…", the last word being NULL; returns the exit status.  A
 * signal is a failure. */
int zloop(const char *word, ...) __attribute__((sentinel));
int zloop_alone(void);

#define assert_contains(haystack, needle) \
	assert_contains_at(haystack, needle, __FILE__, __LINE__)
void assert_contains_at(const char *haystack, const char *needle,
			const char *file, int line);

/* Standard error is one line, "zloop: …", with @words in it. */
void assert_sentence(const char *words);
/* Nothing on standard output and standard error. */
void assert_silent(void);
unsigned count_lines(const char *text);

/* Standard output as JSON; the caller puts it. */
struct json_object *out_json(void);
/* A member, which must be there. */
struct json_object *member(struct json_object *o, const char *key);
uint64_t member_u64(struct json_object *o, const char *key);
const char *member_str(struct json_object *o, const char *key);

/* Files. */
void make_file(const char *path, uint64_t size_bytes);
uint64_t file_size(const char *path);
bool exists(const char *path);
unsigned count_entries(const char *dir);
char *read_file(const char *path); /* freed by the caller */

#endif
