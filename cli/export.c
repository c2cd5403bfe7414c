// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop export, zloop unexport: a disk as an iSCSI target. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "export.h"
#include "gateway.h"
#include "target.h"

#define IQN_PREFIX  "iqn.2003-01.org.linux-iscsi.zloop:"
#define PORTAL_SIZE EXPORT_PORTAL_MAX

struct export_args {
	const char *disk;
	struct export_how how;
	bool save;
};

static const struct argp_option options[] = {
	CLI_SAVE_OPTION,
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->how;
		return 0;
	case 's':
		a->save = true;
		return 0;
	case 't':
		cli_set_timeout(arg, state);
		return 0;
	case ARGP_KEY_NO_ARGS:
		argp_error(state, "there is no disk");
		return 0;
	case ARGP_KEY_SUCCESS:
		if (export_how_error(&a->how))
			argp_error(state, "%s", export_how_error(&a->how));
		return 0;
	default:
		return cli_key_one(key, arg, state, &a->disk);
	}
}

static const struct argp_child children[] = {
	{ .argp = &export_how_argp },
	{ 0 },
};

static const struct argp argp = {
	.options = options,
	.parser = parse,
	.children = children,
	.args_doc = "DISK",
	.doc = "Export a disk over iSCSI, to the initiator that --acl names "
	       "and with CHAP, and print the commands that the initiator "
	       "needs.  A disk that is not attached is attached." CLI_DISK_DOC,
};

/*
 * What the initiator types.
 */

/* An address of this machine, for a portal that has all of them. */
static void own_address(char *address, size_t size)
{
	struct ifaddrs *all, *i;

	snprintf(address, size, "127.0.0.1");
	if (getifaddrs(&all))
		return;
	for (i = all; i; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET &&
		    i->ifa_flags & IFF_UP && !(i->ifa_flags & IFF_LOOPBACK)) {
			struct sockaddr_in in;

			memcpy(&in, i->ifa_addr, sizeof(in));
			inet_ntop(AF_INET, &in.sin_addr, address,
				  (socklen_t)size);
			break;
		}
	freeifaddrs(all);
}

static void reachable(const char *portal, char out[PORTAL_SIZE])
{
	char address[INET_ADDRSTRLEN];
	const char *port = strrchr(portal, ':');

	if (strncmp(portal, "0.0.0.0:", 8) && strncmp(portal, "[::]:", 5)) {
		snprintf(out, PORTAL_SIZE, "%s", portal);
		return;
	}
	own_address(address, sizeof(address));
	snprintf(out, PORTAL_SIZE, "%s%s", address, port);
}

static void print_commands(const struct export_how *a, const char *iqn)
{
	char portal[PORTAL_SIZE];

	/* One portal tells of all of them. */
	reachable(a->portals[0], portal);
	printf("iscsiadm -m discovery -t sendtargets -p %s\n", portal);
	if (!a->open) {
		static const char set[] = "iscsiadm -m node -T %s -o update "
					  "-n node.session.auth.%s -v %s\n";

		printf(set, iqn, "authmethod", "CHAP");
		printf(set, iqn, "username", a->user);
		printf(set, iqn, "password", a->password);
	}
	printf("iscsiadm -m node -T %s --login\n", iqn);
}

/*
 * Doing it.
 */

static bool is_iscsi(void *user, const struct lio_export *ex)
{
	struct lio_export *found = user;

	if (strcmp(ex->fabric, "iscsi"))
		return true;
	*found = *ex;
	return false;
}

static int refuse_exported(const struct lio_backstore *bs)
{
	struct lio_export ex = { .lun = 0 };

	lio_each_export(cli_lio(), bs, is_iscsi, &ex);
	if (!*ex.wwn)
		return 0;
	cli_error("%s is exported already, as %s; zloop unexport %s ends that",
		  bs->name, ex.wwn, bs->name);
	return -EEXIST;
}

/* *attached: by this. */
static int need_backstore(const char *word, struct lio_backstore *bs,
			  bool *attached)
{
	char dir[PATH_MAX];
	int ret = cli_find(word, bs, dir);

	*attached = ret == 0;
	if (ret == 1)
		return refuse_exported(bs);
	if (ret == 0)
		return cli_attach_backstore(dir, NULL, bs);
	return ret == -ENOENT ? cli_need(word, bs) : ret;
}

/* One from targetcli has a UUID. */
void export_iqn(const struct lio_backstore *bs, char iqn[LIO_WWN_MAX])
{
	size_t len = (size_t)snprintf(iqn, LIO_WWN_MAX, IQN_PREFIX "%s",
				      bs->unit_serial);

	for (size_t i = 0; i < len; i++)
		iqn[i] = (char)tolower((unsigned char)iqn[i]);
}

int export_make(const struct lio_backstore *bs, const struct export_how *how,
		const char *iqn)
{
	struct lio_iscsi_args args = {
		.iqn = iqn,
		.initiator = how->acl,
		.user = how->user,
		.password = how->password,
		.nr_portals = how->nr_portals,
	};
	struct lio_export ex;
	struct zl_err err;
	int ret;

	for (unsigned i = 0; i < how->nr_portals; i++)
		args.portals[i] = how->portals[i];
	ret = lio_iscsi_make(cli_lio(), bs, &args, &ex, &err);
	if (ret)
		cli_error("%s", err.msg);
	else
		gateway_note(bs, how, iqn);
	return ret;
}

static void note_access(const struct export_how *how)
{
	if (how->open)
		cli_note("everybody who reaches the portal can read, write and "
			 "reset this disk");
	else if (how->password == how->secret && !how->password_file)
		cli_note("the secret is in the commands below and is not shown "
			 "again");
}

static int export_disk(struct export_args *a)
{
	char iqn[LIO_WWN_MAX];
	struct lio_backstore bs;
	bool attached;

	if (need_backstore(a->disk, &bs, &attached))
		return CLI_FAILED;
	export_iqn(&bs, iqn);
	if (!export_make(&bs, &a->how, iqn)) {
		note_access(&a->how);
		print_commands(&a->how, iqn);
		return CLI_OK;
	}
	if (attached)
		lio_backstore_remove(cli_lio(), &bs, NULL);
	return CLI_FAILED;
}

int export_main(int argc, char **argv)
{
	struct export_args a = { .disk = NULL };
	struct zl_err err;

	cli_parse(&argp, argc, argv, &a);
	if (cli_need_root() || export_how_complete(&a.how))
		return CLI_FAILED;
	if (lio_ready(cli_lio(), true, &err)) {
		cli_error("%s", err.msg);
		return CLI_FAILED;
	}
	return cli_finish(a.save, export_disk(&a), "the target is there");
}

/*
 * zloop unexport
 */

static const struct argp_option unexport_options[] = {
	CLI_DETACH_OPTIONS("Even if initiators are logged in"),
	{ 0 },
};

static const struct argp unexport_argp = {
	.options = unexport_options,
	.parser = cli_parse_detach,
	.args_doc = "DISK...\n--all",
	.doc = "Remove the iSCSI targets of disks, which stay "
	       "attached." CLI_DISK_DOC,
};

/* Of all disks, those that are not exported are no failure. */
static int unexport(const char *word, const struct cli_detach *a,
		    struct cli_seen *seen)
{
	struct lio_backstore bs;
	int nr;

	if (cli_need(word, &bs))
		return CLI_FAILED;
	cli_see_again(seen);
	if (!a->force && cli_refuse_in_use(seen, &bs, "iscsi"))
		return CLI_FAILED;
	nr = cli_remove_exports(seen, &bs, "iscsi");
	if (nr > 0)
		gateway_note(&bs, NULL, NULL);
	if (!nr && !a->all)
		cli_error("%s is not exported over iSCSI", bs.name);
	return nr > 0 || (!nr && a->all) ? CLI_OK : CLI_FAILED;
}

int unexport_main(int argc, char **argv)
{
	struct cli_detach a = { .force = false };
	struct cli_seen seen;
	int status = CLI_OK;

	cli_parse(&unexport_argp, argc, argv, &a);
	if (cli_need_root())
		return CLI_FAILED;
	argc -= a.first;
	argv += a.first;
	if (a.all)
		argc = cli_attached_dirs(&argv);
	cli_see(&seen);
	for (int i = 0; i < argc; i++)
		if (unexport(argv[i], &a, &seen))
			status = CLI_FAILED;
	cli_seen_free(&seen);
	if (a.all)
		cli_free_dirs(argv, argc);
	return cli_finish_detach(&a, argc, status);
}
