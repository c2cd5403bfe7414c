// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* What a directory has, before a sidecar says what it should have. */
#include <errno.h>
#include <string.h>

#include "base/limit.h"
#include "base/num.h"
#include "disk/internal.h"
#include "disk/medium/journal.h"
#include "disk/medium/sidecar.h"
#include "disk/medium/survey.h"
#include "disk/options/check.h"

/* The temporary files are what a crash during store_meta_replace() leaves. */
static const char *const our_files[] = {
	DISK_SIDECAR,	     DISK_JOURNAL,	  DISK_SIDECAR ".tmp",
	DISK_JOURNAL ".tmp", DISK_FAULTS,	  DISK_FAULTS ".tmp",
	DISK_GATEWAY,	     DISK_GATEWAY ".tmp", "lost+found",
};

bool survey_zone_name(const char *name, bool *conv, uint32_t *slot)
{
	size_t digits;
	uint64_t v;

	if (strncmp(name, "cnv-", 4) && strncmp(name, "seq-", 4))
		return false;
	digits = strlen(name + 4);
	/* As printf's %06u writes it, not "seq-7" or "seq-0000007". */
	if (digits < 6 || (digits > 6 && name[4] == '0'))
		return false;
	if (parse_u64(name + 4, digits, &v) || v >= UINT32_MAX)
		return false;
	*conv = name[0] == 'c';
	*slot = (uint32_t)v;
	return true;
}

static bool is_ours(const char *name)
{
	for (size_t i = 0; i < ZL_ARRAY_SIZE(our_files); i++)
		if (!strcmp(name, our_files[i]))
			return true;
	return false;
}

static int take_name(void *user, const char *name)
{
	struct survey *sv = user;
	uint32_t slot;
	bool conv;

	if (survey_zone_name(name, &conv, &slot)) {
		if (conv && (!sv->conv_files || slot < sv->first_conv))
			sv->first_conv = slot;
		sv->conv_files += conv;
		sv->seq_files += !conv;
		if (slot >= sv->end)
			sv->end = slot + 1;
	} else if (!is_ours(name) && !sv->foreign) {
		sv->foreign = true;
		printable(sv->foreign_name, sizeof(sv->foreign_name), name,
			  strlen(name));
	}
	return 0;
}

int survey_dir(struct store *st, const char *name, struct survey *sv,
	       struct zl_err *err)
{
	int ret;

	*sv = (struct survey){ 0 };
	ret = store_list(st, take_name, sv);
	if (ret)
		return zl_fail(err, -ret, "%s cannot be listed: %s", name,
			       limit_strerror(-ret));
	return 0;
}
