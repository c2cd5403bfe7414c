// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See run.h. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "run.h"

#define MAX_WORDS 16

const char *run_path = ZLOOP_PATH;
char *run_out, *run_err;

static char work_dir[4096], start_dir[4096];

int work_enter(void **state)
{
	char name[] = "zloop-cli-XXXXXX";

	(void)state;
	if (!getcwd(start_dir, sizeof(start_dir)) || !mkdtemp(name) ||
	    chdir(name) || !getcwd(work_dir, sizeof(work_dir)))
		return -1;
	return 0;
}

static int remove_entry(const char *path, const struct stat *sb, int type,
			struct FTW *ftw)
{
	(void)sb, (void)type, (void)ftw;
	return remove(path);
}

int work_leave(void **state)
{
	(void)state;
	free(run_out);
	free(run_err);
	run_out = run_err = NULL;
	if (chdir(start_dir))
		return -1;
	return nftw(work_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static char *read_all(int fd)
{
	size_t len = 0, room = 4096;
	char *buf = malloc(room + 1);
	ssize_t n;

	assert_non_null(buf);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	while ((n = read(fd, buf + len, room - len)) > 0) {
		len += (size_t)n;
		if (len == room) {
			room *= 2;
			buf = realloc(buf, room + 1);
			assert_non_null(buf);
		}
	}
	assert_int_equal(n, 0);
	buf[len] = 0;
	close(fd);
	return buf;
}

static int temporary(void)
{
	int fd = memfd_create("output", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void child(char **words, int out, int err)
{
	int null = open("/dev/null", O_RDONLY);

	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 ||
	    dup2(err, 2) < 0)
		_exit(126);
	execv(run_path, words);
	_exit(127);
}

static int run_words(char **words)
{
	int out = temporary(), err = temporary(), status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid)
		child(words, out, err);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	free(run_out);
	free(run_err);
	run_out = read_all(out);
	run_err = read_all(err);
	if (!WIFEXITED(status))
		fail_msg("signal %d: %s", WTERMSIG(status), run_err);
	return WEXITSTATUS(status);
}

int zloop(const char *word, ...)
{
	char *words[MAX_WORDS + 2] = { (char *)run_path };
	size_t nr = 1;
	va_list ap;

	va_start(ap, word);
	for (; word; word = va_arg(ap, const char *)) {
		assert_true(nr <= MAX_WORDS);
		words[nr++] = (char *)word;
	}
	va_end(ap);
	return run_words(words);
}

int zloop_alone(void)
{
	char *words[] = { (char *)run_path, NULL };

	return run_words(words);
}

void assert_contains_at(const char *haystack, const char *needle,
			const char *file, int line)
{
	if (strstr(haystack, needle))
		return;
	print_error("\"%s\" is not in:\n%s\n", needle, haystack);
	_fail(file, line);
}

unsigned count_lines(const char *text)
{
	unsigned nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	return nr;
}

void assert_sentence(const char *words)
{
	if (strncmp(run_err, "zloop: ", 7) || count_lines(run_err) != 1)
		fail_msg("not one sentence: %s", run_err);
	assert_contains(run_err, words);
}

void assert_silent(void)
{
	assert_string_equal(run_out, "");
	assert_string_equal(run_err, "");
}

struct json_object *out_json(void)
{
	size_t len = strlen(run_out);
	struct json_fault fault;
	struct json_object *o;

	assert_true(len && run_out[len - 1] == '\n');
	o = json_read(run_out, len - 1, JSON_TOKENER_DEFAULT_DEPTH, &fault);
	if (!o)
		fail_msg("not JSON: %s", run_out);
	return o;
}

struct json_object *member(struct json_object *o, const char *key)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, key, &v))
		fail_msg("no member %s: %s", key,
			 json_object_to_json_string(o));
	return v;
}

uint64_t member_u64(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key);

	assert_int_equal(json_object_get_type(v), json_type_int);
	return json_object_get_uint64(v);
}

const char *member_str(struct json_object *o, const char *key)
{
	struct json_object *v = member(o, key);

	assert_int_equal(json_object_get_type(v), json_type_string);
	return json_object_get_string(v);
}

void make_file(const char *path, uint64_t size_bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size_bytes), 0);
	close(fd);
}

uint64_t file_size(const char *path)
{
	struct stat sb;

	assert_int_equal(lstat(path, &sb), 0);
	return (uint64_t)sb.st_size;
}

bool exists(const char *path)
{
	struct stat sb;

	return !lstat(path, &sb);
}

unsigned count_entries(const char *dir)
{
	struct dirent *e;
	unsigned nr = 0;
	DIR *d = opendir(dir);

	assert_non_null(d);
	while ((e = readdir(d)))
		nr += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return nr;
}

char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return read_all(fd);
}
