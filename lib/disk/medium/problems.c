// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What is wrong with a disk: said in the log, and kept for who asks. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "disk/internal.h"
#include "disk/medium/problems.h"

#define MAX_KEPT 65536 /* for disk_each_problem() */

static void keep_problem(struct disk *d, uint32_t slot, const char *what)
{
	struct problem *p = malloc(sizeof(*p) + strlen(what) + 1);

	if (!p)
		return; /* it has been logged */
	p->next = NULL;
	p->slot = slot;
	strcpy(p->what, what);
	*d->problems.end = p;
	d->problems.end = &p->next;
}

void disk_add_problem(struct disk *d, uint32_t slot, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	d->problems.nr++;
	if (slot == UINT32_MAX)
		zl_log(ZL_LOG_WARN, "%s: %s", d->name, what);
	else if (d->problems.nr <= PROBLEMS_LOGGED)
		zl_log(ZL_LOG_WARN, "%s: zone %u: %s", d->name, slot, what);
	if (d->problems.nr <= MAX_KEPT)
		keep_problem(d, slot, what);
}

void disk_each_problem(const struct disk *d, disk_problem_fn *fn, void *user)
{
	for (const struct problem *p = d->problems.first; p; p = p->next)
		fn(user, p->slot, p->what);
}

void disk_drop_problems(struct disk *d)
{
	struct problem *p;

	while ((p = d->problems.first)) {
		d->problems.first = p->next;
		free(p);
	}
}
