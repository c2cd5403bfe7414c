// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "base/limit.h"

void limit_only_fails(void)
{
	struct sigaction is;

	if (sigaction(SIGXFSZ, NULL, &is) || is.sa_flags & SA_SIGINFO ||
	    is.sa_handler != SIG_DFL)
		return;
	signal(SIGXFSZ, SIG_IGN);
}

/* LimitNOFILE= of tcmu-runner.service. */
#define DESCRIPTORS 1000000
/* The kernel's default of what may be (INR_OPEN_MAX): nobody's choice. */
#define NOBODYS 4096

void limit_raise_descriptors(void)
{
	struct rlimit now, new;

	if (getrlimit(RLIMIT_NOFILE, &now) || now.rlim_cur >= DESCRIPTORS)
		return;
	new.rlim_cur = DESCRIPTORS;
	new.rlim_max = now.rlim_max;
	if (now.rlim_max <= NOBODYS)
		new.rlim_max = DESCRIPTORS;
	else if (now.rlim_max < DESCRIPTORS)
		new.rlim_cur = now.rlim_max;
	if (!setrlimit(RLIMIT_NOFILE, &new))
		return;
	/* No privilege, or less than that in the whole system. */
	new.rlim_cur = new.rlim_max = now.rlim_max;
	setrlimit(RLIMIT_NOFILE, &new);
}

uint64_t limit_descriptors(void)
{
	struct rlimit now;

	return getrlimit(RLIMIT_NOFILE, &now) ? 0 : now.rlim_cur;
}

const char *limit_strerror(int error)
{
	switch (error) {
	case EFBIG:
		return "File too large, for its file system or the limit of "
		       "this process (ulimit -f)";
	case EMFILE:
		return "Too many open files, for the limit of this process "
		       "(ulimit -n; LimitNOFILE= of a systemd unit)";
	case ENFILE:
		return "Too many open files, for the limit of this system "
		       "(sysctl fs.file-max)";
	default:
		return strerror(error);
	}
}
