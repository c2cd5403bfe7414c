// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The memory of what an open disk keeps of each slot. */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "disk/medium/slots.h"
#include "zone/zone.h"

int slot_table_alloc(struct slot_table *t, uint32_t nr)
{
	t->at = calloc(nr, sizeof(*t->at));
	t->zones = calloc(nr, sizeof(*t->zones));
	t->dirty = calloc(div_up_u64(nr, 64), sizeof(*t->dirty));
	return t->at && t->zones && t->dirty ? 0 : -ENOMEM;
}

void slot_table_free(struct slot_table *t)
{
	bad_free(&t->bad);
	free(t->at);
	free(t->zones);
	free(t->dirty);
}
