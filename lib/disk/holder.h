/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Who has a disk, or had it last: what its journal says, so that it can be read
 * on any machine that has the directory, also while another one has the disk.
 */
#ifndef ZL_DISK_HOLDER_H
#define ZL_DISK_HOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define DISK_HOST_MAX	 65
#define DISK_OPTIONS_MAX 256

struct disk_holder {
	char host[DISK_HOST_MAX]; /* "": the journal does not say */
	uint64_t since_s; /* when it opened the disk, in seconds since 1970, by
			     its own clock */
	uint64_t dir;	  /* the inode number of its directory; 0: not known */
	/* The options of that use, as in a cfgstring before its '@'. */
	char options[DISK_OPTIONS_MAX];
	bool write_through; /* … with which GOOD meant durable */
	bool here;	    /* it was this machine, since it was started */
	bool clean;  /* it has stopped since, in an orderly way: nobody has the
			disk but who is just opening it */
	bool copied; /* what it had was another directory, of which this one is
			a copy: both are the same disk.  Not so of clones */
};

/*
 * Reads it from @dir, without a lock and without a change.  0, or -errno with a
 * sentence: there is no journal, or it cannot be read.  Whether the disk is
 * held at this moment is for disk_in_use() to say.
 */
int disk_read_holder(const char *dir, struct disk_holder *holder,
		     struct zl_err *err);

#define DISK_HOLDER_TEXT_MAX 128

/* "host gw1 since 2026-11-30 04:05:06 UTC"; "" if the journal does not say. */
const char *disk_holder_text(const struct disk_holder *holder,
			     char text[DISK_HOLDER_TEXT_MAX]);

#endif
