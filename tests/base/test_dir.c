// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* A listing that fails is not one that is over. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/dir.h"

static struct dirent names[] = { { .d_name = "." },
				 { .d_name = "a" },
				 { .d_name = ".." },
				 { .d_name = "b" } };
static unsigned next, fails_at;

/* Stands before the system's. */
struct dirent *readdir(DIR *dir)
{
	(void)dir;
	if (next == fails_at) {
		errno = ESTALE;
		return NULL;
	}
	return next < 4 ? &names[next++] : NULL;
}

static char seen[16];

static int see(void *user, const char *name)
{
	strcat(seen, name);
	return user && !strcmp(user, name) ? 7 : 0;
}

static int list(unsigned fails, char *until)
{
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret;

	assert_true(fd >= 0);
	next = 0;
	fails_at = fails;
	seen[0] = 0;
	/* Left by somebody else. */
	errno = EIO;
	ret = dir_each_of(fd, see, until);
	close(fd);
	return ret;
}

static void to_its_end(void **state)
{
	(void)state;
	assert_int_equal(list(9, NULL), 0);
	assert_string_equal(seen, "ab");
}

static void until_somebody_has_enough(void **state)
{
	(void)state;
	assert_int_equal(list(9, "a"), 7);
	assert_string_equal(seen, "a");
}

static void until_it_fails(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= 4; i++)
		assert_int_equal(list(i, NULL), -ESTALE);
	assert_string_equal(seen, "ab");
	assert_int_equal(dir_each_of(-1, see, NULL), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(to_its_end),
		cmocka_unit_test(until_somebody_has_enough),
		cmocka_unit_test(until_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
