// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* See watch_state.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "watch_state.h"

/* Of the conditions that trouble is seen by. */
static const enum zone_cond conds[] = { ZC_READ_ONLY, ZC_OFFLINE };

struct watched {
	struct watched *next;
	char serial[DISK_SERIAL_LEN + 1];
	uint64_t faults; /* since it was opened */
	uint64_t opens;
	uint64_t nr[ZL_ARRAY_SIZE(conds)];
};

struct poll {
	struct watch_state *s;
	void (*fn)(void *user, const struct watch_news *news);
	void *user;
};

static struct watched *find(struct watch_state *s, const char *serial)
{
	struct watched *w = s->disks;

	while (w && strcmp(w->serial, serial))
		w = w->next;
	return w;
}

static void remember(struct watched *w, const struct control_info *is)
{
	w->faults = is->stats.n[DC_FAULTS_INJECTED];
	w->opens = is->stats.n[DC_OPENS];
	for (size_t i = 0; i < ZL_ARRAY_SIZE(conds); i++)
		w->nr[i] = is->nr_cond[conds[i]];
}

static void compare(const struct poll *p, struct watched *w,
		    const struct control_info *is)
{
	struct watch_news news = { .serial = is->serial, .dir = is->dir };

	/* It was opened anew. */
	if (is->stats.n[DC_OPENS] != w->opens)
		w->faults = 0;
	news.kind = WATCH_FAULTS;
	news.nr = is->stats.n[DC_FAULTS_INJECTED] - w->faults;
	if (news.nr)
		p->fn(p->user, &news);
	news.kind = WATCH_ZONES;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(conds); i++) {
		news.cond = conds[i];
		news.nr = is->nr_cond[conds[i]];
		if (news.nr != w->nr[i])
			p->fn(p->user, &news);
	}
}

static bool look(void *user, const char *serial)
{
	struct poll *p = user;
	struct watched *w = find(p->s, serial);
	struct control_info is;

	if (control_info(serial, &is, NULL, NULL))
		return true;
	if (w) {
		compare(p, w, &is);
	} else {
		w = calloc(1, sizeof(*w));
		if (!w)
			return false;
		snprintf(w->serial, sizeof(w->serial), "%s", serial);
		w->next = p->s->disks;
		p->s->disks = w;
	}
	remember(w, &is);
	return true;
}

void watch_poll(struct watch_state *s, const struct lio *lio,
		void (*fn)(void *user, const struct watch_news *news),
		void *user)
{
	bool ready = lio_daemon_state(lio, NULL) == LIO_DAEMON_READY;
	struct watch_news news = { .kind = WATCH_DAEMON,
				   .what = ready ? "ready" : "gone" };
	struct poll p = { s, fn, user };

	if (s->begun && ready != s->ready)
		fn(user, &news);
	s->ready = ready;
	s->begun = true;
	control_each(look, &p, NULL);
}

void watch_end(struct watch_state *s)
{
	struct watched *w;

	while ((w = s->disks)) {
		s->disks = w->next;
		free(w);
	}
}
