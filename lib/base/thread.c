// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
#include <signal.h>

#include "base/thread.h"

int thread_start(pthread_t *thread, const char *name, void *(*run)(void *arg),
		 void *arg)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!ret)
		pthread_setname_np(*thread, name);
	return -ret;
}
