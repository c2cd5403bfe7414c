/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * How far long work is, on standard error: a bar on a terminal once it takes
 * longer than a moment, a line every ten seconds elsewhere.  One at a time.
 */
#ifndef ZL_CLI_PROGRESS_H
#define ZL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_mode {
	PROGRESS_AUTO,
	PROGRESS_QUIET,	 /* nothing */
	PROGRESS_ALWAYS, /* at once, and where it is lines, every 10 % */
};

/* For all that is started from now on; PROGRESS_AUTO at first. */
void progress_set(enum progress_mode mode);
/* Whether PROGRESS_QUIET was asked for. */
bool progress_is_quiet(void);
/* @what: for people, e.g. "making". */
void progress_start(const char *what);
/* @unit: what is counted, in place of zones. */
void progress_start_of(const char *what, const char *unit);
/* So many are done; for callbacks of lib/disk. */
void progress_step(void *user, uint32_t done, uint32_t total);
/* Something else is to be printed: the bar makes room until it is drawn again.
 */
void progress_hide(void);
void progress_end(void);

/* Tests have their own. */
extern uint64_t (*progress_clock_ms)(void);
extern int (*progress_isatty)(int fd);
extern unsigned (*progress_columns)(void); /* of the terminal */

#endif
