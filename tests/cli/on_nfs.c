// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The command on a machine all of whose directories are on NFS 4.2, and all
 * of whose locks are another one's; who looks
 * below /srv/silent gets no answer. */
#include <sys/stat.h>
#include <unistd.h>

#include "fault/mounts.h"

__attribute__((constructor)) static void on_nfs(void)
{
	mounts_type = "nfs4";
	mounts_options = "rw,vers=4.2,hard";
	mounts_hide_locks = true;
}

/* The C library cannot do so with a file that is none. */
FILE *freopen(const char *path, const char *mode, FILE *f)
{
	fclose(f);
	return fopen(path, mode);
}

int statx(int dir, const char *path, int flags, unsigned mask, struct statx *sx)
{
	int (*next)(int, const char *, int, unsigned, struct statx *) =
		(int (*)(int, const char *, int, unsigned,
			 struct statx *))dlsym(RTLD_NEXT, "statx");

	while (!strncmp(path, "/srv/silent/", 12))
		pause();
	return next(dir, path, flags, mask, sx);
}
