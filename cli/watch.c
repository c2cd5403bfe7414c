// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop watch: what the kernel says on netlink, and what it does not, a line
 * each.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "target.h"
#include "watch_state.h"

#define POLL_MS 1000

struct watch_args {
	bool json;
	uint64_t count;
};

static const struct argp_option options[] = {
	{ "json", 'j', NULL, 0, "Print JSON, an object in a line", 0 },
	{ "count", 'n', "N", 0, "End after N lines", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct watch_args *a = state->input;

	switch (key) {
	case 'j':
		a->json = true;
		return 0;
	case 'n':
		if (parse_u64(arg, strlen(arg), &a->count) || !a->count)
			argp_error(state, "--count %s is not a number from 1",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "'%s' is one word too many", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.doc = "Print a line when the kernel adds, removes or reconfigures a "
	       "backstore of tcmu-runner, of any handler, when the daemon dies "
	       "or is there again, when an injected fault has happened, and "
	       "when zones become read-only or offline or are that no more, "
	       "until it is interrupted.",
};

static const char *const kinds[] = {
	[LIO_ADDED] = "added",
	[LIO_REMOVED] = "removed",
	[LIO_RECONFIGURED] = "reconfigured",
};

static void print_text(const struct lio_event *e)
{
	printf("%s %s %s uio%" PRIu32, kinds[e->kind], e->name, e->config,
	       e->minor);
	if (*e->new_config)
		printf(" config=%s", e->new_config);
	if (e->has_size)
		printf(" size=%" PRIu64, e->new_size_bytes);
	if (e->has_write_cache)
		printf(" write_cache=%d", e->new_write_cache);
	putchar('\n');
}

static void print_json(const struct lio_event *e)
{
	struct json_object *o = json_object_new_object();
	char uio[24];

	snprintf(uio, sizeof(uio), "uio%" PRIu32, e->minor);
	json_add_str(o, "event", kinds[e->kind]);
	json_add_str(o, "name", e->name);
	json_add_str(o, "config", e->config);
	json_add_str(o, "uio", uio);
	if (*e->new_config)
		json_add_str(o, "new_config", e->new_config);
	if (e->has_size)
		json_add_u64(o, "new_size_bytes", e->new_size_bytes);
	if (e->has_write_cache)
		json_add_bool(o, "new_write_cache", e->new_write_cache);
	json_print_compact(o);
	putchar('\n');
}

struct watching {
	const struct watch_args *a;
	uint64_t nr; /* lines */
};

static void print_news_text(const struct watch_news *n)
{
	char word[CLI_WORD_MAX];

	if (n->kind == WATCH_DAEMON)
		printf("daemon %s\n", n->what);
	else if (n->kind == WATCH_FAULTS)
		printf("faults %s %" PRIu64 "\n", n->dir, n->nr);
	else
		printf("zones %s %s=%" PRIu64 "\n", n->dir,
		       cli_word(zone_cond_name(n->cond), word), n->nr);
}

static void print_news_json(const struct watch_news *n)
{
	struct json_object *o = json_object_new_object();
	char word[CLI_WORD_MAX];

	if (n->kind == WATCH_DAEMON) {
		json_add_str(o, "event", "daemon");
		json_add_str(o, "state", n->what);
	} else {
		json_add_str(o, "event",
			     n->kind == WATCH_FAULTS ? "faults" : "zones");
		json_add_str(o, "directory", n->dir);
		json_add_str(o, "serial", n->serial);
	}
	if (n->kind == WATCH_FAULTS)
		json_add_u64(o, "faults", n->nr);
	if (n->kind == WATCH_ZONES) {
		json_add_str(o, "condition",
			     cli_word(zone_cond_name(n->cond), word));
		json_add_u64(o, "zones", n->nr);
	}
	json_print_compact(o);
	putchar('\n');
}

static void print_news(void *user, const struct watch_news *news)
{
	struct watching *w = user;

	if (w->a->count && w->nr == w->a->count)
		return;
	w->nr++;
	if (w->a->json)
		print_news_json(news);
	else
		print_news_text(news);
}

/* One that the kernel sends, or a second without any; as lio_events_next(). */
static int next(struct lio_events *events, struct watching *w)
{
	struct lio_event event;
	int ret = lio_events_next(events, POLL_MS, &event);

	if (ret == -ENOBUFS)
		cli_note("events came too fast; some were lost");
	if (ret <= 0)
		return ret == -ENOBUFS ? 0 : ret;
	w->nr++;
	if (w->a->json)
		print_json(&event);
	else
		print_text(&event);
	return ret;
}

static int watch(struct lio_events *events, const struct watch_args *a)
{
	struct watch_state state = { .begun = false };
	struct watching w = { .a = a };
	uint64_t due = 0;
	int ret = 0;

	while (ret >= 0 && !ferror(stdout) && (!a->count || w.nr < a->count)) {
		if (clock_ms() >= due) {
			watch_poll(&state, cli_lio(), print_news, &w);
			due = clock_ms() + POLL_MS;
		} else {
			ret = next(events, &w);
		}
		if (fflush(stdout))
			break;
	}
	watch_end(&state);
	if (ret < 0)
		cli_error("netlink: %s", strerror(-ret));
	return ret < 0 || ferror(stdout) ? CLI_FAILED : CLI_OK;
}

int watch_main(int argc, char **argv)
{
	struct watch_args a = { .json = false };
	struct lio_events *events;
	struct zl_err err;
	int status;

	cli_parse(&argp, argc, argv, &a);
	if (cli_need_root())
		return CLI_FAILED;
	if (lio_events_open(&events, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	status = watch(events, &a);
	lio_events_close(events);
	return status;
}
