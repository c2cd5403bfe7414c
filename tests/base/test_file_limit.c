// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* SIGXFSZ is ignored where nobody else minds it. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file_limit.h"

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
	file_limit_only_fails();
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
	file_limit_only_fails();
	sigaction(SIGXFSZ, NULL, &is);
	assert_ptr_equal(is.sa_handler, handle);
	sigaction(SIGXFSZ, &set, NULL);
	file_limit_only_fails();
	sigaction(SIGXFSZ, NULL, &is);
	assert_ptr_equal(is.sa_sigaction, handle_info);
}

static void the_limit_is_named(void **state)
{
	(void)state;
	assert_non_null(strstr(file_limit_strerror(EFBIG), "ulimit -f"));
	assert_string_equal(file_limit_strerror(EIO), strerror(EIO));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_default_is_changed),
		cmocka_unit_test(what_somebody_has_set_stays),
		cmocka_unit_test(the_limit_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
