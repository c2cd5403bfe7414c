/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * zloop.gateway, in a disk's directory: how this machine has the disk attached,
 * for another one that takes over.  Only where other machines have the
 * directory, too.
 */
#ifndef ZL_CLI_GATEWAY_H
#define ZL_CLI_GATEWAY_H

#include "cli.h"
#include "control/ask.h"
#include "export.h"

struct gateway {
	bool device; /* it was a block device there */
	bool exported;
	char iqn[LIO_WWN_MAX]; /* if it was exported, as @how */
	struct export_how how;
	struct json_object *text; /* what @how points into */
};

/* control_info() of whoever has the disk in @dir open on this machine. */
int gateway_ask(const char *dir, struct control_info *now, struct zl_err *err);

/* Notes how @bs is attached, and with @how as which target it is exported; @how
 * NULL: it is not.  Only warns where that fails, or this machine does not have
 * the disk any more. */
void gateway_note(const struct lio_backstore *bs, const struct export_how *how,
		  const char *iqn);
/* The same of one that is just attached: what is noted of its target stays for
 * whoever takes over. */
void gateway_note_attached(const struct lio_backstore *bs);

/* What is noted in @dir; if nothing is, -ENOENT.  -EINVAL with a sentence if it
 * makes no sense.  Freed by gateway_free(), whatever it returns. */
int gateway_read(const char *dir, struct gateway *gw, struct zl_err *err);
void gateway_free(struct gateway *gw);

#endif
