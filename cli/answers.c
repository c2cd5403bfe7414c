// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Directories on a server that does not answer: whoever looks at one waits
 * until it does, so that is found out first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "target.h"

/* Longer than a server takes that is busy, shorter than a person waits. */
#define ANSWER_MS 5000
/* For who looks again and again. */
#define KEEP_MS 5000

struct answer {
	int mount;
	uint64_t until_ms;
	bool came;
};

/* Asked once for all its directories. */
static bool answers(int mount, const char *path)
{
	static struct answer known[16];
	static unsigned next;
	struct answer *a;

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(known); i++)
		if (known[i].mount == mount && clock_ms() < known[i].until_ms)
			return known[i].came;
	a = &known[next++ % ZL_ARRAY_SIZE(known)];
	a->mount = mount;
	a->came = lio_answers(cli_lio(), path, ANSWER_MS);
	a->until_ms = clock_ms() + KEEP_MS;
	return a->came;
}

bool cli_answers(const char *dir, struct zl_err *err)
{
	char path[PATH_MAX] = "", type[32];
	size_t len = 0;
	int mount;

	if (*dir != '/' && getcwd(path, sizeof(path) - 1))
		len = strlen(strcat(path, "/"));
	snprintf(path + len, sizeof(path) - len, "%s", dir);
	mount = disk_dir_mount(path, type, sizeof(type));
	if (!mount || answers(mount, path))
		return true;
	zl_fail(err, ETIMEDOUT,
		"%s is on a file system (%s) whose server does not answer; "
		"disks on it wait for that",
		dir, type);
	return false;
}
