/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * A made-up kernel target in a temporary directory: what configfs does when
 * directories and links are made, with the attributes that this project uses,
 * the SCSI disk that a loopback LUN becomes, and tcmu-runner as a process.
 */
#ifndef ZL_TESTS_LIO_FAKE_H
#define ZL_TESTS_LIO_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lio/lio.h"

/* Shared with the processes that change the tree. */
struct fake_state {
	unsigned changes; /* so far */
	unsigned fail_at; /* which of them fails, with EIO; 0: none */
	bool hang;	  /* enabling waits until this is false … */
	bool resettable;  /* … or the kernel's wait is given up */
	bool daemon_dies; /* … and tcmu-runner dies meanwhile */
	bool refuses;	  /* the handler does not open the disk … */
	bool silently;	  /* … and leaves no word */
	bool no_disk;	  /* a loopback LUN becomes no disk … */
	bool no_zones;	  /* … or one whose zones are not known … */
	bool no_device;	  /* … or one that cannot be opened … */
	bool late;	  /* … until now */
	bool stays;	  /* somebody who may hang has not left his directory */
	bool inherits;	  /* … or has FAKE_FD open */
};
extern struct fake_state *fake;
extern struct lio fake_lio;

/* Setup and teardown of a test. */
int fake_enter(void **state);
int fake_leave(void **state);

/* Files below the root. */
void fake_put(const char *path, const char *text);
/* Its text without the newline; gone at the next call. */
const char *fake_get(const char *path);
bool fake_has(const char *path);
void fake_drop(const char *path);
/* How many paths match a pattern. */
unsigned fake_count(const char *pattern);

void fake_start_daemon(void);
void fake_stop_daemon(void);

#define FAKE_TARGET "/sys/kernel/config/target"

/* The disk that the tests attach, and its names. */
extern const struct lio_backstore_args fake_args;
#define FAKE_FD	 9 /* of the caller */
#define FAKE_WWN "naa.5001405012345678"

/* Nothing is left of an attached disk. */
void fake_assert_clean(void);

#endif
