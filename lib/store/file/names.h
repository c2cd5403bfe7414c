/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Whether a directory's names lead where they did, without a look at each: who
 * makes, removes or renames one changes the directory's time.  Of file systems
 * that are known to keep it only.
 */
#ifndef ZL_STORE_FILE_NAMES_H
#define ZL_STORE_FILE_NAMES_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/store.h"

struct fs;

struct dir_names {
	bool known; /* such a file system */
	int dir_fd;
	atomic_uint_fast64_t at;  /* the tick when that was looked at last */
	atomic_uint_fast64_t gen; /* … and what it was: never 0 */
	pthread_mutex_t lock;	  /* of who looks */
	int64_t time_ns;
	bool settled; /* what happens next will have another time */
};

/* File systems keep times in steps of 2 s at most.  (Tests have less.) */
extern int64_t names_settle_ns;

void names_init(struct dir_names *n);
void names_start(struct dir_names *n, int dir_fd, const struct fs *fs);
void names_destroy(struct dir_names *n);

/*
 * A number that is another one when names have changed since it was asked for,
 * before the tick @at at the latest; 0: look at the name.  Any thread.
 */
uint64_t names_gen(struct dir_names *n, uint64_t at);

/* What a file was when it was opened by its name. */
struct named_file {
	char name[STORE_NAME_MAX];
	dev_t dev;
	ino_t ino;
	_Atomic(uint64_t) checked_at; /* the tick; 0: not yet */
	_Atomic(uint64_t) gen;	      /* of the names, then */
};

void names_opened(struct named_file *f, const struct stat *sb);
/* fd_check(), of a file that is open as @fd. */
int names_check(struct dir_names *n, struct named_file *f, int fd,
		uint64_t size_bytes, uint64_t now_ns, bool now);

#endif
