// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* iSCSI targets: one portal group with one LUN, and who may log in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lio/internal.h"

/* Who logs in needs an ACL and CHAP; or nobody needs anything. */
static int set_access(const struct lio *lio, const char *tpg, bool open)
{
	int ret = lio_set(lio, tpg, "attrib/authentication", "%d", !open);

	if (!ret)
		ret = lio_set(lio, tpg, "attrib/generate_node_acls", "%d",
			      open);
	if (!ret)
		ret = lio_set(lio, tpg, "attrib/demo_mode_write_protect", "%d",
			      !open);
	return ret;
}

static int make_acl(const struct lio *lio, const struct lio_export *ex,
		    const char *tpg, const struct lio_iscsi_args *args)
{
	char acl[PATH_MAX], lun[PATH_MAX], link[PATH_MAX], to[PATH_MAX];
	int ret;

	if (!args->initiator)
		return 0;
	if (lio_print(acl, sizeof(acl), "%s/acls/%s", tpg, args->initiator) ||
	    lio_print(lun, sizeof(lun), "%s/lun_0", acl) ||
	    lio_print(link, sizeof(link), "%s/lun", lun) ||
	    lio_print(to, sizeof(to), "%s/lun/lun_%u", tpg, ex->lun))
		return -ENAMETOOLONG;
	ret = lio_make_dir(lio, acl);
	if (!ret)
		ret = lio_set(lio, acl, "auth/userid", "%s", args->user);
	if (!ret)
		ret = lio_set(lio, acl, "auth/password", "%s", args->password);
	if (!ret)
		ret = lio_make_dir(lio, lun);
	if (!ret)
		ret = lio_make_link(lio, to, link);
	return ret;
}

/*
 * A portal may be shared by targets, but two that overlap, as an address and
 * all addresses with the same port, are refused with no more than EINVAL.
 */
struct holder {
	const char *portal, *port;
	char text[PATH_MAX];
};

static bool take_holder(void *user, const char *path)
{
	struct holder *h = user;
	const char *end = strstr(path, "/iscsi/"), *portal = lio_last(path);
	const char *port = strrchr(portal, ':');

	if (!end || !port || strcmp(port, h->port) ||
	    !strcmp(portal, h->portal))
		return true;
	end += strlen("/iscsi/");
	snprintf(h->text, sizeof(h->text), "; the target %.*s has %s",
		 (int)strcspn(end, "/"), end, portal);
	return false;
}

static int fail_portal(const struct lio *lio, const char *portal, int ret,
		       struct zl_err *err)
{
	struct holder h = { .portal = portal, .port = strrchr(portal, ':') };

	lio_each_path(lio, take_holder, &h, LIO_TARGET "/iscsi/*/tpgt_*/np/*");
	if (!*h.text)
		return zl_fail(err, -ret, "the portal %s cannot be made: %s",
			       portal, strerror(-ret));
	return zl_fail(err, -ret,
		       "the portal %s cannot be made%s: use that or another "
		       "port, as in --portal 0.0.0.0:3261",
		       portal, h.text);
}

static int make_portals(const struct lio *lio, const char *tpg,
			const struct lio_iscsi_args *args, struct zl_err *err)
{
	char path[PATH_MAX];
	int ret = 0;

	for (unsigned i = 0; i < args->nr_portals && !ret; i++) {
		ret = lio_print(path, sizeof(path), "%s/np/%s", tpg,
				args->portals[i]);
		if (!ret)
			ret = lio_make_dir(lio, path);
		if (ret)
			fail_portal(lio, args->portals[i], ret, err);
	}
	return ret;
}

static int make_group(const struct lio *lio, const struct lio_export *ex,
		      const char *tpg)
{
	char path[PATH_MAX];
	int ret;

	/* What targetcli has restored while another machine had the disk. */
	if (lio_is_dir(tpg) && !lio_count_luns(lio, ex))
		lio_target_undo(lio, ex);
	ret = lio_need_target(lio, ex, path);
	if (ret)
		return ret;
	ret = lio_make_dir(lio, tpg);
	/* It goes if nothing else is in it. */
	if (ret && ret != -EEXIST)
		lio_remove_dir(lio, path);
	return ret;
}

static int fill_group(const struct lio *lio, const struct lio_export *ex,
		      const char *tpg, const struct lio_backstore *bs,
		      const struct lio_iscsi_args *args, struct zl_err *err)
{
	int ret = set_access(lio, tpg, !args->initiator);

	*err->msg = 0;
	if (!ret)
		ret = lio_lun_make(lio, ex, bs);
	if (!ret)
		ret = make_acl(lio, ex, tpg, args);
	if (!ret)
		ret = make_portals(lio, tpg, args, err);
	return ret ? ret : lio_set(lio, tpg, "enable", "1");
}

int lio_iscsi_make(const struct lio *lio, const struct lio_backstore *bs,
		   const struct lio_iscsi_args *args, struct lio_export *ex,
		   struct zl_err *err)
{
	char tpg[PATH_MAX];
	int ret;

	*ex = (struct lio_export){ .fabric = "iscsi", .tpg = "tpgt_1" };
	if (lio_print(ex->wwn, sizeof(ex->wwn), "%s", args->iqn))
		return zl_fail(err, ENAMETOOLONG, "%s is too long", args->iqn);
	lio_tpg_path(lio, ex, tpg);
	ret = make_group(lio, ex, tpg);
	if (ret)
		return zl_fail(err, -ret,
			       "the iSCSI target %s cannot be made: %s",
			       args->iqn, strerror(-ret));
	ret = fill_group(lio, ex, tpg, bs, args, err);
	if (!ret)
		return 0;
	lio_target_undo(lio, ex);
	if (*err->msg)
		return ret;
	return zl_fail(err, -ret, "the iSCSI target %s cannot be set up: %s",
		       args->iqn, strerror(-ret));
}

struct count {
	unsigned nr;
};

/* "No active iSCSI Session for Initiator Endpoint: …", or its name. */
static bool count_acl(void *user, const char *path)
{
	struct count *c = user;
	char text[512];

	if (!lio_read(path, text, sizeof(text)) &&
	    !strncmp(text, "InitiatorName:", 14))
		c->nr++;
	return true;
}

unsigned lio_export_sessions(const struct lio *lio, const struct lio_export *ex)
{
	char path[PATH_MAX], file[PATH_MAX], text[4096];
	struct count c = { 0 };

	if (strcmp(ex->fabric, "iscsi"))
		return 0;
	lio_each_path(lio, count_acl, &c, LIO_TARGET "/%s/%s/%s/acls/*/info",
		      ex->fabric, ex->wwn, ex->tpg);
	/* Of initiators without an ACL, one a line. */
	lio_tpg_path(lio, ex, path);
	if (!lio_print(file, sizeof(file), "%s/dynamic_sessions", path) &&
	    !lio_read(file, text, sizeof(text)))
		for (char *s = text; *s; s++)
			c.nr += s == text || s[-1] == '\n';
	return c.nr;
}
