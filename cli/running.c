// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Running disks: which there are, and what they say of themselves. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "running.h"

const unsigned running_permille[RUNNING_NR_PERMILLE] = { 500, 990, 999 };

struct found {
	running_serial *serials;
	unsigned nr;
};

static bool add_serial(void *user, const char *serial)
{
	struct found *f = user;
	running_serial *more =
		realloc(f->serials, (f->nr + 1) * sizeof(*f->serials));

	if (!more) {
		cli_error("out of memory");
		return false;
	}
	f->serials = more;
	snprintf(f->serials[f->nr++], sizeof(*f->serials), "%s", serial);
	return true;
}

static void add_disk(struct found *f, const char *word)
{
	char dir[PATH_MAX];
	const char *serial;
	struct disk *disk;
	struct zl_err err;

	if (cli_look_word(word, dir, &disk, &err)) {
		cli_error("%s", err.msg);
		add_serial(f, "");
		return;
	}
	serial = cli_serial(disk);
	/* No socket has that name. */
	add_serial(f, serial ? serial : "-");
	disk_close(disk);
}

unsigned running_find(char **words, unsigned nr_words, running_serial **serials)
{
	struct found f = { .nr = 0 };
	struct zl_err err;

	for (unsigned i = 0; i < nr_words; i++)
		add_disk(&f, words[i]);
	if (!nr_words && control_each(add_serial, &f, &err)) {
		cli_error("%s", err.msg);
		add_serial(&f, "");
	}
	*serials = f.serials;
	return f.nr;
}

void running_since(const struct disk_activity *now,
		   const struct disk_activity *then, struct disk_activity *diff)
{
	*diff = *now;
	diff->open_ms -= then->open_ms;
	for (unsigned i = 0; i < DISK_NR_FAILURES; i++)
		diff->failed[i] -= then->failed[i];
	for (unsigned i = 0; i < DISK_NR_KINDS; i++) {
		struct disk_kind_activity *k = &diff->kind[i];
		const struct disk_kind_activity *t = &then->kind[i];

		k->done -= t->done;
		k->bytes -= t->bytes;
		k->total_ns -= t->total_ns;
		for (unsigned b = 0; b < DISK_NR_BUCKETS; b++)
			k->latency[b] -= t->latency[b];
	}
}

const char *running_time(uint64_t ns, char buf[CLI_SIZE_MAX])
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	unsigned unit = 0;
	double v = (double)ns;

	for (; v >= 999.5 && unit < 3; unit++)
		v /= 1000;
	snprintf(buf, CLI_SIZE_MAX, unit && v < 9.95 ? "%.1f %s" : "%.0f %s", v,
		 units[unit]);
	return buf;
}

uint64_t running_open_zones(const struct control_info *r)
{
	return r->nr_cond[ZC_IMP_OPEN] + r->nr_cond[ZC_EXP_OPEN];
}
