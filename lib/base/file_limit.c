// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/file_limit.h"

void file_limit_only_fails(void)
{
	struct sigaction is;

	if (sigaction(SIGXFSZ, NULL, &is) || is.sa_flags & SA_SIGINFO ||
	    is.sa_handler != SIG_DFL)
		return;
	signal(SIGXFSZ, SIG_IGN);
}

const char *file_limit_strerror(int error)
{
	if (error == EFBIG)
		return "File too large, for its file system or the limit of "
		       "this process (ulimit -f)";
	return strerror(error);
}
