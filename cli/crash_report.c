// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What came of a crash test: a table, JSON, or a page. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crashtest.h"
#include "report.h"

#define SHOWN_LINES 3 /* of a command's output in the table */

static uint64_t count_flushes(const struct replay *r, uint64_t point)
{
	uint64_t n = 0, at = 0;

	while ((at = replay_next(r, at, REPLAY_FLUSH)) <= point)
		n++;
	return n;
}

/* Where a point is, for people: "flush=3", "mark=TEXT", "before flush=4". */
#define WHERE_MAX 96
static const char *where_is(const struct replay *r, uint64_t point,
			    char buf[WHERE_MAX])
{
	const struct record *rec = replay_at(r, point);
	const struct record *next = replay_at(r, point + 1);
	uint64_t flushes = count_flushes(r, point);

	if (rec->type == RECORD_FLUSH)
		snprintf(buf, WHERE_MAX, "flush=%" PRIu64, flushes);
	else if (rec->type == RECORD_MARK)
		snprintf(buf, WHERE_MAX, "mark=%.*s", (int)rec->data_bytes,
			 (const char *)rec->data);
	else if (next && next->type == RECORD_FLUSH)
		snprintf(buf, WHERE_MAX, "before flush=%" PRIu64, flushes + 1);
	else
		snprintf(buf, WHERE_MAX, "%s", record_type_name(rec->type));
	return buf;
}

static const char *result_text(const struct crash_failure *x, char buf[48])
{
	switch (x->result) {
	case CRASH_EXIT:
		snprintf(buf, 48, "exit %d", x->status);
		break;
	case CRASH_SIGNAL:
		snprintf(buf, 48, "signal %d", x->status);
		break;
	default:
		snprintf(buf, 48, "timeout");
	}
	return buf;
}

/* In single quotes where it needs them. */
static void put_word(FILE *f, const char *word)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-+=:,./@%";

	if (*word && strspn(word, plain) == strlen(word)) {
		fputs(word, f);
		return;
	}
	fputc('\'', f);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", f);
		else
			fputc(*word, f);
	fputc('\'', f);
}

/*
 * The two lines of a failure.
 */

/* "zloop VERB LOG --WHERE POINT". */
static FILE *begin_line(const struct crashtest *t, const char *verb,
			const char *where, uint64_t point, char **line,
			size_t *len)
{
	FILE *f = open_memstream(line, len);

	if (!f)
		abort();
	fprintf(f, "zloop %s ", verb);
	put_word(f, t->args->log);
	fprintf(f, " --%s %" PRIu64, where, point);
	return f;
}

static void put_base(const struct crashtest *t, FILE *f)
{
	if (!t->args->base)
		return;
	fputs(" --base ", f);
	put_word(f, t->args->base);
}

/* What tries one state again. */
static char *again(const struct crashtest *t, const struct replay_state *s)
{
	const struct crash_args *a = t->args;
	char *line;
	size_t len;
	FILE *f = begin_line(t, "crashtest", "at", s->point, &line, &len);

	fprintf(f, " --seeds %" PRIu64 " --seed %" PRIu64, a->seeds,
		s->crash.state);
	put_base(t, f);
	if (!a->attach)
		fputs(" --no-attach", f);
	if (a->timeout_s != CRASH_TIMEOUT_S)
		fprintf(f, " --timeout %u", a->timeout_s);
	if (a->into) {
		fputs(" --into ", f);
		put_word(f, a->into);
	}
	fputs(" --", f);
	for (char **word = a->command; *word; word++) {
		fputc(' ', f);
		put_word(f, *word);
	}
	fclose(f);
	return line;
}

/* What builds it, to be looked at. */
static char *rebuild(const struct crashtest *t, const struct replay_state *s)
{
	char *line;
	size_t len;
	FILE *f = begin_line(t, "replay", "to", s->point, &line, &len);

	fprintf(f, " --crash --%s %" PRIu64, s->crash.random ? "seed" : "state",
		s->crash.state);
	put_base(t, f);
	fputs(" --into DIRECTORY", f);
	fclose(f);
	return line;
}

/* The last lines, indented. */
static void put_lines(const char *text, unsigned nr)
{
	size_t len = text ? strlen(text) : 0;
	const char *at;

	while (len && text[len - 1] == '\n')
		len--;
	if (!len)
		return;
	for (at = text + len; at > text && nr; at--)
		nr -= at[-1] == '\n';
	at += at > text;
	while (at < text + len) {
		int n = (int)strcspn(at, "\n");

		if (n > text + len - at)
			n = (int)(text + len - at);
		printf("    %.*s\n", n, at);
		at += n + 1;
	}
}

static void print_failure(const struct crashtest *t,
			  const struct crash_failure *x)
{
	char where[WHERE_MAX], result[48];
	char *line = again(t, &x->state), *built = rebuild(t, &x->state);

	printf("%-10" PRIu64 " %-8" PRIu64 " %-10s %s\n", x->state.point,
	       x->state.crash.state, result_text(x, result),
	       where_is(t->replay, x->state.point, where));
	put_lines(x->output, t->args->verbose ? UINT_MAX : SHOWN_LINES);
	printf("    %s\n    %s\n", line, built);
	free(line);
	free(built);
}

static double per_minute(const struct crashtest *t)
{
	uint64_t ms = t->elapsed_ms ? t->elapsed_ms : 1;

	return (double)t->states * 60000 / (double)ms;
}

void crash_print(const struct crashtest *t)
{
	if (t->nr_failures)
		printf("%-10s %-8s %-10s %s\n", "POINT", "STATE", "RESULT",
		       "WHERE");
	for (size_t i = 0; i < t->nr_failures; i++)
		print_failure(t, &t->failures[i]);
	printf("%s%" PRIu64 " points, %" PRIu64 " states (%.0f a minute), %zu "
	       "failed\n",
	       t->nr_failures ? "\n" : "", t->points, t->states, per_minute(t),
	       t->nr_failures);
}

static struct json_object *failure_json(const struct crashtest *t,
					const struct crash_failure *x)
{
	struct json_object *o = json_object_new_object();
	char where[WHERE_MAX], result[48];
	char *line = again(t, &x->state), *built = rebuild(t, &x->state);

	json_add_u64(o, "point", x->state.point);
	json_add_str(o, "where", where_is(t->replay, x->state.point, where));
	json_add_u64(o, "state", x->state.crash.state);
	json_add_bool(o, "random", x->state.crash.random);
	json_add_str(o, "result", result_text(x, result));
	json_add_str(o, "output", x->output ? x->output : "");
	json_add_str(o, "again", line);
	json_add_str(o, "rebuild", built);
	free(line);
	free(built);
	return o;
}

void crash_print_json(const struct crashtest *t)
{
	struct json_object *o = json_object_new_object();
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < t->nr_failures; i++)
		json_object_array_add(list, failure_json(t, &t->failures[i]));
	json_add_str(o, "record", t->args->log);
	json_add_u64(o, "points", t->points);
	json_add_u64(o, "states", t->states);
	json_add_u64(o, "milliseconds", t->elapsed_ms);
	json_add_bool(o, "interrupted", t->interrupted);
	json_object_object_add(o, "failures", list);
	json_print(o);
}

/*
 * The page.
 */

static void html_text(FILE *f, const char *before, const char *text,
		      const char *behind)
{
	fputs(before, f);
	svg_escape(f, text);
	fputs(behind, f);
}

static void html_failure(const struct crashtest *t,
			 const struct crash_failure *x, FILE *f)
{
	char *line = again(t, &x->state), *built = rebuild(t, &x->state);
	char result[48];

	fprintf(f, "<b>state %" PRIu64 ": <span class=\"bad\">%s</span></b>\n",
		x->state.crash.state, result_text(x, result));
	html_text(f, "<pre>", x->output ? x->output : "", "</pre>\n");
	html_text(f, "<pre class=\"again\">", line, "\n");
	html_text(f, "", built, "</pre>\n");
	free(line);
	free(built);
}

/* Failures at the point of number @i. */
static size_t count_at(const struct crashtest *t, size_t i)
{
	size_t n = 1;

	while (i + n < t->nr_failures &&
	       t->failures[i + n].state.point == t->failures[i].state.point)
		n++;
	return n;
}

/* What had been promised by then. */
static void html_mark(const struct crashtest *t, uint64_t point, FILE *f)
{
	const struct record *mark = crash_last_mark(t->replay, point);
	char text[WHERE_MAX];

	if (!mark)
		return;
	snprintf(text, sizeof(text), "%.*s", (int)mark->data_bytes,
		 (const char *)mark->data);
	svg_escape(f, text);
}

static void html_points(const struct crashtest *t, FILE *f)
{
	char where[WHERE_MAX];
	uint64_t point;
	size_t n;

	fputs("<h2>Points at which states failed</h2>\n<div class=\"box\">"
	      "<table id=\"failed-points\">\n<tr><th>point</th>"
	      "<th class=\"l\">where</th><th class=\"l\">last mark</th>"
	      "<th>states that failed</th></tr>\n",
	      f);
	for (size_t i = 0; i < t->nr_failures; i += n) {
		n = count_at(t, i);
		point = t->failures[i].state.point;
		fprintf(f,
			"<tr><td><a href=\"#point-%" PRIu64 "\">%" PRIu64
			"</a></td>",
			point, point);
		html_text(f, "<td class=\"l\">",
			  where_is(t->replay, point, where),
			  "</td><td class=\"l\">");
		html_mark(t, point, f);
		fprintf(f, "</td><td>%zu</td></tr>\n", n);
	}
	fputs("</table></div>\n", f);
}

/* One of them, and the others for who asks. */
static void html_point(const struct crashtest *t, size_t i, size_t n, FILE *f)
{
	uint64_t point = t->failures[i].state.point;
	char where[WHERE_MAX];

	fprintf(f, "<h2 id=\"point-%" PRIu64 "\">Point %" PRIu64 ", ", point,
		point);
	html_text(f, "", where_is(t->replay, point, where),
		  "</h2>\n<div class=\"box\">\n");
	html_failure(t, &t->failures[i], f);
	if (n > 1)
		fprintf(f, "<details><summary>%zu more</summary>\n", n - 1);
	for (size_t k = 1; k < n; k++)
		html_failure(t, &t->failures[i + k], f);
	fputs(n > 1 ? "</details></div>\n" : "</div>\n", f);
}

/* The zones at the first failure, of which the state is built once more. */
static int html_zones(const struct crashtest *t, FILE *f)
{
	const struct replay_state *s = &t->failures[0].state;
	char dir[PATH_MAX], where[WHERE_MAX], name[160];
	struct map map = { .dir = NULL };
	struct disk *disk;
	struct zl_err err;
	int ret;

	snprintf(dir, sizeof(dir), "%.4000s/first", t->work);
	ret = replay_build(t->replay, s->point, &s->crash, dir, NULL, NULL,
			   NULL, &err);
	if (!ret)
		ret = cli_look(dir, &disk, &err);
	if (ret) {
		cli_error("%s", err.msg);
		return ret;
	}
	snprintf(name, sizeof(name), "point %" PRIu64 ", %s, state %" PRIu64,
		 s->point, where_is(t->replay, s->point, where),
		 s->crash.state);
	ret = map_read(&map, disk, name, 0, UINT64_MAX, MAP_PICTURE_CELLS);
	fputs("<h2>Zones at the first failure, before COMMAND</h2>\n", f);
	if (!ret)
		html_picture(f, &map);
	map_free(&map);
	disk_close(disk);
	return ret;
}

static void html_command(const struct crashtest *t, FILE *f)
{
	char when[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(f, "<p class=\"sub\">crash test, %s:", when);
	for (char **word = t->args->command; *word; word++)
		html_text(f, " ", *word, "");
	fputs("</p>\n<div class=\"cards\">\n", f);
}

static int html_failures(const struct crashtest *t, FILE *f)
{
	int ret = html_zones(t, f);
	size_t n;

	html_points(t, f);
	for (size_t i = 0; i < t->nr_failures; i += n) {
		n = count_at(t, i);
		html_point(t, i, n, f);
	}
	return ret;
}

static int write_page(const struct crashtest *t, FILE *f)
{
	int ret = 0;

	html_head(f, t->args->log);
	fputs("<h1>", f);
	svg_escape(f, t->args->log);
	fprintf(f, " <span class=\"state %s\" id=\"state\">%s</span></h1>\n",
		t->nr_failures ? "bad" : "live",
		t->nr_failures ? "failed" : "passed");
	html_command(t, f);
	html_card(f, "points", "points", "%" PRIu64, t->points);
	html_card(f, "states", "states", "%" PRIu64, t->states);
	html_card(f, "failed", "failed", "%zu", t->nr_failures);
	html_card(f, "rate", "states a minute", "%.0f", per_minute(t));
	fputs("</div>\n", f);
	if (t->nr_failures)
		ret = html_failures(t, f);
	html_end(f);
	return ret;
}

int crash_html(const struct crashtest *t, const char *name)
{
	FILE *f = cli_open_output(name);
	int ret;

	if (!f)
		return -EIO;
	ret = write_page(t, f);
	return cli_close_output(f, name, ret);
}
