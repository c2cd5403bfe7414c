// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The list of faults to inject, and which I/O each meets. */
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "base/num.h"
#include "disk/inject.h"

const char *const inject_kind_names[INJECT_NR + 1] = {
	[INJECT_READ_ERROR] = "read-error",
	[INJECT_WRITE_ERROR] = "write-error",
	[INJECT_DELAY] = "delay",
	[INJECT_BUSY] = "busy",
	[INJECT_NO_RESOURCES] = "no-zone-resources",
	[INJECT_BACKING_ERROR] = "backing-error",
	[INJECT_READ_ONLY] = "read-only",
	[INJECT_OFFLINE] = "offline",
	[INJECT_RESET_RECOMMENDED] = "reset-recommended",
	[INJECT_PREDICTED_ERRORS] = "predicted-errors",
};

const char *inject_kind_name(enum inject_kind kind)
{
	assert(kind < INJECT_NR);
	return inject_kind_names[kind];
}

static void remove_at(struct inject_list *list, unsigned i)
{
	list->nr--;
	memmove(&list->faults[i], &list->faults[i + 1],
		(list->nr - i) * sizeof(list->faults[0]));
}

static void make_room(struct inject_list *list)
{
	for (unsigned i = 0; i < list->nr; i++)
		if (!list->faults[i].count) {
			remove_at(list, i);
			return;
		}
}

uint32_t inject_add(struct inject_list *list, const struct inject_fault *fault)
{
	struct inject_fault *f;

	assert(!inject_is_state(fault->kind));
	if (list->nr == INJECT_MAX)
		make_room(list);
	if (list->nr == INJECT_MAX || list->last_id == UINT32_MAX)
		return 0;
	f = &list->faults[list->nr++];
	*f = *fault;
	f->id = ++list->last_id;
	return f->id;
}

bool inject_remove(struct inject_list *list, uint32_t id)
{
	for (unsigned i = 0; i < list->nr; i++)
		if (list->faults[i].id == id) {
			remove_at(list, i);
			return true;
		}
	return false;
}

const struct inject_fault *inject_find(const struct inject_list *list,
				       uint32_t id)
{
	for (unsigned i = 0; i < list->nr; i++)
		if (list->faults[i].id == id)
			return &list->faults[i];
	return NULL;
}

unsigned inject_live(const struct inject_list *list)
{
	unsigned n = 0;

	for (unsigned i = 0; i < list->nr; i++)
		n += list->faults[i].count > 0;
	return n;
}

static bool overlaps(const struct inject_fault *f, uint64_t lba, uint64_t nr)
{
	if (!nr)
		return true;
	if (lba < f->lba)
		return nr > f->lba - lba;
	return lba - f->lba < f->nr_blocks;
}

const struct inject_fault *inject_match(struct inject_list *list,
					enum inject_kind kind,
					enum inject_op op, uint64_t lba,
					uint64_t nr_blocks)
{
	for (unsigned i = 0; i < list->nr; i++) {
		struct inject_fault *f = &list->faults[i];

		if (f->kind != kind || !f->count ||
		    (f->op != INJECT_OP_ANY && f->op != op) ||
		    !overlaps(f, lba, nr_blocks))
			continue;
		if (f->count != INJECT_ALWAYS)
			f->count--;
		f->hits++;
		return f;
	}
	return NULL;
}
