// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* zloop export, zloop unexport: a disk as an iSCSI target. */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/num.h"
#include "target.h"

#define IQN_PREFIX  "iqn.2003-01.org.linux-iscsi.zloop:"
#define ISCSI_PORT  "3260"
#define SECRET_LEN  16 /* bytes; some initiators want 12 to 16 */
#define CHAP_MAX    64
#define PORTAL_SIZE 80

struct export_args {
	const char *disk, *acl, *user, *password, *password_file;
	char portals[LIO_MAX_PORTALS][PORTAL_SIZE];
	unsigned nr_portals;
	bool open, save;
	char secret[CHAP_MAX + 2]; /* made, or read: with a newline */
};

static const struct argp_option options[] = {
	{ "acl", 'a', "IQN", 0,
	  "The initiator that may log in, as in its "
	  "/etc/iscsi/initiatorname.iscsi",
	  0 },
	{ "user", 'u', "NAME", 0, "CHAP user name (default: zloop)", 0 },
	{ "password", 'w', "SECRET", 0,
	  "CHAP secret (default: one is made, and shown once); everybody on "
	  "this machine can see it",
	  0 },
	{ "password-file", 'W', "FILE", 0,
	  "Read the CHAP secret from FILE; from - it is standard input, a "
	  "terminal is asked",
	  0 },
	{ "portal", 'p', "ADDRESS[:PORT]", 0,
	  "Where to listen; may be repeated (default: 0.0.0.0:" ISCSI_PORT ")",
	  0 },
	{ "open", 'o', NULL, 0,
	  "Let everybody in who reaches the portal, without a secret", 0 },
	CLI_SAVE_OPTION,
	CLI_TIMEOUT_OPTION,
	{ 0 },
};

/*
 * The command line.
 */

/* ADDRESS[:PORT], [IPv6][:PORT]: as configfs wants it, numeric and with a
 * port. */
static bool take_portal(const char *s, char *portal)
{
	char address[64];
	const char *end = s[0] == '[' ? strchr(s, ']') : strrchr(s, ':');
	const char *port = end;
	unsigned char bytes[16];
	size_t from = s[0] == '[';
	uint64_t n;

	if (from && !end)
		return false;
	if (!end)
		end = port = s + strlen(s);
	if (*port == ']')
		port++;
	if ((size_t)(end - s) - from >= sizeof(address))
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(end - s - (int)from),
		 s + from);
	if (inet_pton(from ? AF_INET6 : AF_INET, address, bytes) != 1)
		return false;
	if (!*port)
		port = ":" ISCSI_PORT;
	if (*port != ':' || parse_u64(port + 1, strlen(port + 1), &n) || !n ||
	    n > 65535)
		return false;
	snprintf(portal, PORTAL_SIZE, from ? "[%s]:%u" : "%s:%u", address,
		 (unsigned)n);
	return true;
}

static void add_portal(struct export_args *a, const char *arg,
		       struct argp_state *state)
{
	if (a->nr_portals == LIO_MAX_PORTALS)
		argp_error(state, "--portal %s is one too many; use up to %d",
			   arg, LIO_MAX_PORTALS);
	else if (!take_portal(arg, a->portals[a->nr_portals++]))
		argp_error(state,
			   "--portal %s is not ADDRESS[:PORT] with a numeric "
			   "address, an IPv6 one in [ ]",
			   arg);
}

/* RFC 3720 3.2.6; what configfs takes for a name of a directory. */
static bool is_initiator(const char *s)
{
	if (strncmp(s, "iqn.", 4) && strncmp(s, "eui.", 4) &&
	    strncmp(s, "naa.", 4))
		return false;
	for (const char *p = s; *p; p++)
		if (!islower((unsigned char)*p) &&
		    !isdigit((unsigned char)*p) && !strchr(".:-", *p))
			return false;
	return strlen(s) <= 223;
}

static bool is_chap_word(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-:@+/=", *p))
			return false;
	return *s && strlen(s) < CHAP_MAX;
}

#define CHAP_WORDS "letters, digits and ._-:@+/=, less than 64 of them"
static_assert(CHAP_MAX == 64, "CHAP_WORDS says so");

/* NULL: it will do. */
static const char *secret_error(const char *secret)
{
	if (!is_chap_word(secret))
		return "a CHAP secret has " CHAP_WORDS;
	if (strlen(secret) < 12)
		return "the CHAP secret has less than 12 characters, which "
		       "initiators refuse";
	return NULL;
}

static void check_args(struct export_args *a, struct argp_state *state)
{
	if (a->open && (a->acl || a->user || a->password || a->password_file))
		argp_error(state, "--open lets everybody in; leave it out, or "
				  "--acl, --user and --password");
	else if (a->password && a->password_file)
		argp_error(state, "--password and --password-file are two "
				  "secrets; give one");
	else if (!a->open && !a->acl)
		argp_error(state,
			   "say who may log in: --acl IQN, which is in the "
			   "initiator's /etc/iscsi/initiatorname.iscsi, or "
			   "--open for everybody");
	if (a->acl && !is_initiator(a->acl))
		argp_error(state,
			   "--acl %s is not an initiator's name such as "
			   "iqn.1993-08.org.debian:01:abc, in small letters",
			   a->acl);
	if (a->user && !is_chap_word(a->user))
		argp_error(state, "--user takes " CHAP_WORDS);
	if (a->password && secret_error(a->password))
		argp_error(state, "%s", secret_error(a->password));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export_args *a = state->input;

	switch (key) {
	case 'a':
		a->acl = arg;
		return 0;
	case 'u':
		a->user = arg;
		return 0;
	case 'w':
		a->password = arg;
		return 0;
	case 'W':
		a->password_file = arg;
		return 0;
	case 'p':
		add_portal(a, arg, state);
		return 0;
	case 'o':
		a->open = true;
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
	case ARGP_KEY_END:
		check_args(a, state);
		return 0;
	default:
		return cli_key_one(key, arg, state, &a->disk);
	}
}

static const struct argp argp = {
	.options = options,
	.parser = parse,
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

static void print_commands(const struct export_args *a, const char *iqn)
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

static int make_secret(char *secret)
{
	static const char set[] = "abcdefghijkmnpqrstuvwxyz23456789";
	unsigned char bytes[SECRET_LEN];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return -EIO;
	for (unsigned i = 0; i < SECRET_LEN; i++)
		secret[i] = set[bytes[i] % (sizeof(set) - 1)];
	secret[SECRET_LEN] = 0;
	return 0;
}

/* The first line of a file; a person is asked, and not shown. */
static int read_secret(struct export_args *a)
{
	const char *name = a->password_file, *error;
	FILE *f = strcmp(name, "-") ? fopen(name, "re") : stdin;
	const char *typed = NULL;

	if (!f) {
		cli_error("%s cannot be read: %s", name, strerror(errno));
		return -errno;
	}
	if (f == stdin && isatty(STDIN_FILENO))
		typed = getpass("CHAP secret: ");
	if (typed)
		snprintf(a->secret, sizeof(a->secret), "%s", typed);
	else if (!fgets(a->secret, sizeof(a->secret), f))
		*a->secret = 0;
	if (f != stdin)
		fclose(f);
	a->secret[strcspn(a->secret, "\n")] = 0;
	a->password = a->secret;
	error = secret_error(a->secret);
	if (error)
		cli_error("%s: %s", name, error);
	return error ? -EINVAL : 0;
}

static int need_secret(struct export_args *a)
{
	if (a->password_file)
		return read_secret(a);
	if (a->password)
		return 0;
	a->password = a->secret;
	if (!make_secret(a->secret))
		return 0;
	cli_error("no random numbers for a secret");
	return -EIO;
}

static int complete_args(struct export_args *a)
{
	if (!a->nr_portals)
		strcpy(a->portals[a->nr_portals++], "0.0.0.0:" ISCSI_PORT);
	if (a->open)
		return 0;
	if (!a->user)
		a->user = "zloop";
	return need_secret(a);
}

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
		return cli_attach_backstore(dir, bs);
	return ret == -ENOENT ? cli_need(word, bs) : ret;
}

/* One from targetcli has a UUID. */
static void make_iqn(const struct lio_backstore *bs, char iqn[LIO_WWN_MAX])
{
	size_t len = (size_t)snprintf(iqn, LIO_WWN_MAX, IQN_PREFIX "%s",
				      bs->unit_serial);

	for (size_t i = 0; i < len; i++)
		iqn[i] = (char)tolower((unsigned char)iqn[i]);
}

static int export_disk(struct export_args *a)
{
	struct lio_iscsi_args args = {
		.initiator = a->acl,
		.user = a->user,
		.password = a->password,
		.nr_portals = a->nr_portals,
	};
	char iqn[LIO_WWN_MAX];
	struct lio_backstore bs;
	struct lio_export ex;
	struct zl_err err;
	bool attached;

	for (unsigned i = 0; i < a->nr_portals; i++)
		args.portals[i] = a->portals[i];
	if (need_backstore(a->disk, &bs, &attached))
		return CLI_FAILED;
	make_iqn(&bs, iqn);
	args.iqn = iqn;
	if (!lio_iscsi_make(cli_lio(), &bs, &args, &ex, &err)) {
		if (a->open)
			cli_note("everybody who reaches the portal can read, "
				 "write and reset this disk");
		else if (a->password == a->secret && !a->password_file)
			cli_note("the secret is in the commands below and is "
				 "not shown again");
		print_commands(a, iqn);
		return CLI_OK;
	}
	cli_error("%s", err.msg);
	if (attached)
		lio_backstore_remove(cli_lio(), &bs, NULL);
	return CLI_FAILED;
}

int export_main(int argc, char **argv)
{
	struct export_args a = { .disk = NULL };
	struct zl_err err;

	cli_parse(&argp, argc, argv, &a);
	if (cli_need_root() || complete_args(&a))
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
static int unexport(const char *word, const struct cli_detach *a)
{
	struct lio_backstore bs;
	int nr;

	if (cli_need(word, &bs))
		return CLI_FAILED;
	if (!a->force && cli_refuse_in_use(&bs, "iscsi"))
		return CLI_FAILED;
	nr = cli_remove_exports(&bs, "iscsi");
	if (!nr && !a->all)
		cli_error("%s is not exported over iSCSI", bs.name);
	return nr > 0 || (!nr && a->all) ? CLI_OK : CLI_FAILED;
}

int unexport_main(int argc, char **argv)
{
	struct cli_detach a = { .force = false };
	int status = CLI_OK;

	cli_parse(&unexport_argp, argc, argv, &a);
	if (cli_need_root())
		return CLI_FAILED;
	argc -= a.first;
	argv += a.first;
	if (a.all)
		argc = cli_attached_dirs(&argv);
	for (int i = 0; i < argc; i++)
		if (unexport(argv[i], &a))
			status = CLI_FAILED;
	if (a.all)
		cli_free_dirs(argv, argc);
	return cli_finish(a.save, status, "");
}
