/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What changes with running disks and the daemon, and that nobody sends. */
#ifndef ZL_CLI_WATCH_STATE_H
#define ZL_CLI_WATCH_STATE_H

#include "control/ask.h"
#include "lio/lio.h"

enum watch_kind {
	WATCH_DAEMON, /* what: "ready" or "gone" */
	WATCH_FAULTS, /* injected faults have happened: nr more of them */
	WATCH_ZONES,  /* nr zones are in the condition cond now */
};

struct watch_news {
	enum watch_kind kind;
	const char *what;
	const char *serial, *dir;
	enum zone_cond cond;
	uint64_t nr;
};

/* All 0 at first. */
struct watch_state {
	struct watched *disks;
	bool begun;
	bool ready; /* the daemon */
};

/* Looks again, and calls @fn for each change since the last time; the first
 * time there is none. */
void watch_poll(struct watch_state *s, const struct lio *lio,
		void (*fn)(void *user, const struct watch_news *news),
		void *user);
void watch_end(struct watch_state *s);

#endif
