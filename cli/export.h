/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* A disk as an iSCSI target: what export and takeover share. */
#ifndef ZL_CLI_EXPORT_H
#define ZL_CLI_EXPORT_H

#include <argp.h>
#include <stdbool.h>

#include "lio/lio.h"

#define EXPORT_CHAP_MAX	  64
#define EXPORT_PORTAL_MAX 80

/* Who may log in, and where. */
struct export_how {
	const char *acl, *user, *password, *password_file;
	char portals[LIO_MAX_PORTALS][EXPORT_PORTAL_MAX];
	unsigned nr_portals;
	bool open;
	char secret[EXPORT_CHAP_MAX + 2]; /* made, or read: with a newline */
};

/* Its options, as the child of a parser whose child's input it is. */
extern const struct argp export_how_argp;
/* Whether any of them was given. */
bool export_how_given(const struct export_how *how);
/* Why that lets nobody in: a sentence, or NULL. */
const char *export_how_error(const struct export_how *how);
/* ADDRESS[:PORT], as an option has it; false: it is not, or one too many. */
bool export_add_portal(struct export_how *how, const char *s);
/* Whether all of it, complete, is what the options would take. */
bool export_is_sound(const struct export_how *how, const char *iqn);
/* What was given takes the place of what @how has, each by itself; 0, or
 * -EINVAL when it has said that nobody could log in so. */
int export_how_overlay(struct export_how *how, const struct export_how *given);
/* What was not given; 0, or -errno when it has said why not. */
int export_how_complete(struct export_how *how);

/* The target's name that a disk has if nobody says otherwise. */
void export_iqn(const struct lio_backstore *bs, char iqn[LIO_WWN_MAX]);
/* 0, or -errno when it has said why not. */
int export_make(const struct lio_backstore *bs, const struct export_how *how,
		const char *iqn);

#endif
