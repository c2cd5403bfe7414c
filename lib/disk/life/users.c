// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Who uses a directory's zones without its lock: the kernel's zloop takes none,
 * but has every zone's file open.
 */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "disk/disk.h"
#include "disk/life/users.h"
#include "disk/medium/survey.h"

/* So many files, spread over the disk, are asked for. */
#define SAMPLES 16u

struct samples {
	struct store *store;
	unsigned there, busy;
};

/* Whether anybody has it open; false also if that cannot be told. */
static bool sample(struct samples *s, uint32_t slot)
{
	int ret = store_file_probe_users(s->store, slot);

	s->there += !ret || ret == -EBUSY;
	s->busy += ret == -EBUSY;
	return ret == -EBUSY;
}

bool disk_is_driven(struct store *st, uint32_t nr_slots)
{
	struct samples s = { .store = st };
	uint32_t last = nr_slots - 1, nr = (uint32_t)min_u64(SAMPLES, nr_slots);
	bool ends = sample(&s, 0);

	ends = sample(&s, last) && ends;
	for (uint32_t i = 1; !ends && i + 1 < nr; i++)
		sample(&s, (uint32_t)((uint64_t)i * last / (nr - 1)));
	return ends || s.busy > s.there / 2;
}

struct search {
	struct store *store;
	char *file;
};

static int ask_for_one(void *user, const char *name)
{
	struct search *s = user;
	uint32_t slot;
	bool conv;

	if (!survey_zone_name(name, &conv, &slot))
		return 0;
	store_set_layout(s->store, store_conv_first(conv ? slot + 1 : 0));
	if (store_file_probe_users(s->store, slot) != -EBUSY)
		return 0;
	store_slot_name(s->store, slot, s->file);
	return -EBUSY;
}

int users_refuse(struct store *st, const char *name, struct zl_err *err)
{
	char file[STORE_NAME_MAX];
	struct search s = { .store = st, .file = file };
	int ret = store_list(st, ask_for_one, &s);

	if (ret == -EBUSY)
		return zl_fail(err, EBUSY,
			       "%s/%s is open in another program; end that "
			       "first",
			       name, file);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be listed: %s", name,
			       strerror(-ret));
	return 0;
}
