// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* How a disk is exported over iSCSI, as options say. */
#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/num.h"
#include "export.h"
#include "cli.h"

#define ISCSI_PORT  "3260"
#define SECRET_LEN  16 /* bytes; some initiators want 12 to 16 */
#define CHAP_MAX    EXPORT_CHAP_MAX
#define PORTAL_SIZE EXPORT_PORTAL_MAX

static const struct argp_option how_options[] = {
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

bool export_add_portal(struct export_how *a, const char *s)
{
	return a->nr_portals < LIO_MAX_PORTALS &&
	       take_portal(s, a->portals[a->nr_portals++]);
}

static void add_portal(struct export_how *a, const char *arg,
		       struct argp_state *state)
{
	if (a->nr_portals == LIO_MAX_PORTALS)
		argp_error(state, "--portal %s is one too many; use up to %d",
			   arg, LIO_MAX_PORTALS);
	else if (!export_add_portal(a, arg))
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

bool export_is_sound(const struct export_how *how, const char *iqn)
{
	if (!is_initiator(iqn) || !how->nr_portals)
		return false;
	return how->open ||
	       (how->acl && how->user && how->password &&
		is_initiator(how->acl) && is_chap_word(how->user) &&
		!secret_error(how->password));
}

static bool names_secret(const struct export_how *a)
{
	return a->user || a->password || a->password_file;
}

static void check_how(struct export_how *a, struct argp_state *state)
{
	if (a->open && (a->acl || names_secret(a)))
		argp_error(state, "--open lets everybody in; leave it out, or "
				  "--acl, --user and --password");
	else if (a->password && a->password_file)
		argp_error(state, "--password and --password-file are two "
				  "secrets; give one");
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

static error_t parse_how(int key, char *arg, struct argp_state *state)
{
	struct export_how *a = state->input;

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
	case ARGP_KEY_END:
		check_how(a, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp export_how_argp = {
	.options = how_options,
	.parser = parse_how,
};

bool export_how_given(const struct export_how *a)
{
	return a->acl || names_secret(a) || a->nr_portals || a->open;
}

const char *export_how_error(const struct export_how *a)
{
	return a->open || a->acl
		       ? NULL
		       : "say who may log in: --acl IQN, which is in the "
			 "initiator's /etc/iscsi/initiatorname.iscsi, or "
			 "--open for everybody";
}

/*
 * What was given in place of what there is.
 */

static void overlay_access(struct export_how *how,
			   const struct export_how *given)
{
	if (given->acl) {
		how->acl = given->acl;
		how->open = false;
	}
	if (given->user)
		how->user = given->user;
	if (given->password || given->password_file) {
		how->password = given->password;
		how->password_file = given->password_file;
	}
}

int export_how_overlay(struct export_how *how, const struct export_how *given)
{
	if (given->nr_portals) {
		memcpy(how->portals, given->portals, sizeof(how->portals));
		how->nr_portals = given->nr_portals;
	}
	if (given->open) {
		how->open = true;
		how->acl = how->user = how->password = NULL;
		return 0;
	}
	overlay_access(how, given);
	if (!export_how_error(how) && !(how->open && names_secret(given)))
		return 0;
	/* Where everybody may log in nobody needs a secret. */
	how->open = false;
	cli_error("%s", export_how_error(how));
	return -EINVAL;
}

/*
 * What was not given.
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
static int read_secret(struct export_how *a)
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

static int need_secret(struct export_how *a)
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

int export_how_complete(struct export_how *a)
{
	if (!a->nr_portals)
		strcpy(a->portals[a->nr_portals++], "0.0.0.0:" ISCSI_PORT);
	if (a->open)
		return 0;
	if (!a->user)
		a->user = "zloop";
	return need_secret(a);
}
