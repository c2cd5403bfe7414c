// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Limits of the process: who minds SIGXFSZ, and how many descriptors. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/limit.h"

static void handle(int sig)
{
	(void)sig;
}

static void handle_info(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
}

static void the_default_is_changed(void **state)
{
	struct sigaction is;

	(void)state;
	signal(SIGXFSZ, SIG_DFL);
	limit_only_fails();
	sigaction(SIGXFSZ, NULL, &is);
	assert_ptr_equal(is.sa_handler, SIG_IGN);
}

static void what_somebody_has_set_stays(void **state)
{
	struct sigaction set = { .sa_sigaction = handle_info,
				 .sa_flags = SA_SIGINFO };
	struct sigaction is;

	(void)state;
	signal(SIGXFSZ, handle);
	limit_only_fails();
	sigaction(SIGXFSZ, NULL, &is);
	assert_ptr_equal(is.sa_handler, handle);
	sigaction(SIGXFSZ, &set, NULL);
	limit_only_fails();
	sigaction(SIGXFSZ, NULL, &is);
	assert_ptr_equal(is.sa_sigaction, handle_info);
}

static void the_limit_is_named(void **state)
{
	(void)state;
	assert_non_null(strstr(limit_strerror(EFBIG), "ulimit -f"));
	assert_non_null(strstr(limit_strerror(EMFILE), "ulimit -n"));
	assert_non_null(strstr(limit_strerror(ENFILE), "fs.file-max"));
	assert_string_equal(limit_strerror(EIO), strerror(EIO));
}

/* The process's, as far as those who ask can see, and what is refused. */
static struct rlimit descriptors;
static bool all_refused, hard_refused;

int getrlimit(__rlimit_resource_t what, struct rlimit *limit)
{
	assert_int_equal(what, RLIMIT_NOFILE);
	*limit = descriptors;
	return 0;
}

int setrlimit(__rlimit_resource_t what, const struct rlimit *limit)
{
	assert_int_equal(what, RLIMIT_NOFILE);
	assert_true(limit->rlim_cur <= limit->rlim_max);
	if (all_refused ||
	    (hard_refused && limit->rlim_max > descriptors.rlim_max)) {
		errno = EPERM;
		return -1;
	}
	descriptors = *limit;
	return 0;
}

static void raised(rlim_t cur, rlim_t max, rlim_t to, rlim_t max_to)
{
	descriptors = (struct rlimit){ cur, max };
	limit_raise_descriptors();
	assert_int_equal(descriptors.rlim_cur, to);
	assert_int_equal(descriptors.rlim_max, max_to);
}

static void descriptors_are_raised(void **state)
{
	(void)state;
	raised(1024, 4096, 1000000, 1000000);
	raised(1024, RLIM_INFINITY, 1000000, RLIM_INFINITY);
	raised(1024, 20000, 20000, 20000);
	/* Nobody's is lowered. */
	raised(1000001, 1000002, 1000001, 1000002);
	raised(RLIM_INFINITY, RLIM_INFINITY, RLIM_INFINITY, RLIM_INFINITY);
	hard_refused = true;
	raised(1024, 4096, 4096, 4096);
	raised(1024, 1024, 1024, 1024);
	raised(1024, 2000000, 1000000, 2000000);
	all_refused = true;
	raised(1024, 4096, 1024, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_changed),
		cmocka_unit_test(what_somebody_has_set_stays),
		cmocka_unit_test(the_limit_is_named),
		cmocka_unit_test(descriptors_are_raised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
