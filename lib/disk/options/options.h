/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * The options of a disk: one table for the handler's cfgstring, the command's
 * option string (the kernel's "add" string as it is) and the documentation.
 */
#ifndef ZL_DISK_OPTIONS_OPTIONS_H
#define ZL_DISK_OPTIONS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum disk_opt_id {
	OPT_CAPACITY_MB,
	OPT_ZONE_SIZE_MB,
	OPT_ZONE_CAPACITY_MB,
	OPT_CONV_ZONES,
	OPT_MAX_OPEN_ZONES,
	OPT_BLOCK_SIZE,		 /* logical block length in bytes */
	OPT_PHYSICAL_BLOCK_SIZE, /* bytes */
	OPT_SMALLER_LAST_ZONE,	 /* flag */
	OPT_ANY_ZONE_SIZE,	 /* flag */
	OPT_URSWRZ,		 /* 0 or 1 */
	OPT_RC_BASIS,		 /* 0 or 1 */
	OPT_MODEL,		 /* enum disk_model */
	/* With MODEL_REALMS only. */
	OPT_DOMAINS,	    /* kinds of zones, see opt_domain_nr() */
	OPT_REALMS,	    /* number, 0: from the capacity */
	OPT_REALM_ZONES,    /* pair: zones of a realm */
	OPT_CMR_REALMS,	    /* pair: realms at the bottom and the top */
	OPT_SMR_REALMS,	    /* number */
	OPT_DOMAIN_GAP,	    /* zones */
	OPT_ACTIVE,	    /* one kind of zones; 0: the first domain's */
	OPT_MAX_ACTIVATION, /* zones */
	OPT_DEVICE_TYPE,    /* enum disk_device_type */
	OPT_BUFFERED_IO,    /* flag: as without it */
	OPT_DIRECT_IO,	    /* flag */
	OPT_PROVISIONING,   /* enum disk_provisioning */
	OPT_WRITE_THROUGH,  /* flag */
	/* The kernel's options that change nothing here. */
	OPT_NR_QUEUES,
	OPT_QUEUE_DEPTH,
	OPT_ZONE_APPEND,
	OPT_ORDERED_ZONE_APPEND,
	OPT_DISCARD_WRITE_CACHE,
	/* Where the disk is: the command's option string only. */
	OPT_ID,
	OPT_BASE_DIR,
	OPT_NR,
};

enum disk_opt_kind {
	OPT_KIND_NUMBER,
	OPT_KIND_FLAG,
	OPT_KIND_STRING,
	OPT_KIND_CHOICE, /* a number with names: disk_opt_choice() */
	OPT_KIND_PAIR,	 /* two numbers: "4+5", or "4:5" where : is possible */
	/* Up to max kinds of zones: "conv+seq"; see opt_domain_nr(). */
	OPT_KIND_DOMAINS,
};

enum disk_model {
	MODEL_HOST_MANAGED,
	MODEL_HOST_AWARE,
	MODEL_REALMS,
};

/* As their zone types. */
enum disk_domain_kind {
	DOMAIN_CONV = 1,
	DOMAIN_SEQ,
	DOMAIN_SEQP,
	DOMAIN_SOBR,
	DOMAIN_NR,
};

enum disk_device_type {
	DEVICE_TYPE_00H,
	DEVICE_TYPE_14H,
};

enum disk_provisioning {
	PROVISIONING_FULL,
	PROVISIONING_THIN,
};

struct disk_opt {
	const char *name;
	enum disk_opt_kind kind;
	uint64_t min, max; /* bounds of a number, a choice, each of a pair or
			      the number of domains, both allowed */
	const char *def;   /* default as text, NULL = none */
	bool geometry;	  /* stored in the sidecar, fixed for the disk's life */
	bool cfgstring;	  /* allowed in the handler's cfgstring */
	const char *help; /* one line */
	bool use;	  /* of each opening: stays in the cfgstring */
};

/* Indexed by enum disk_opt_id. */
extern const struct disk_opt disk_opt_table[OPT_NR];

/* The name of a choice's value, as in "model=host-aware". */
const char *disk_opt_choice(enum disk_opt_id id, uint64_t value);

/* The option that whoever wrote @word, of @len bytes, may have meant; OPT_NR:
 * it is like none.  @cfgstring: of those allowed there. */
enum disk_opt_id disk_opt_near(const char *word, size_t len, bool cfgstring);

/* The two numbers of a pair. */
static inline uint32_t opt_first(uint64_t pair)
{
	return (uint32_t)(pair >> 32);
}

static inline uint32_t opt_second(uint64_t pair)
{
	return (uint32_t)pair;
}

/* How many domains an option of that kind names, and the kind of one of them
 * (0: there are not so many). */
static inline enum disk_domain_kind opt_domain(uint64_t domains, unsigned i)
{
	return (enum disk_domain_kind)(domains >> 8 * i & 0xff);
}

static inline unsigned opt_domain_nr(uint64_t domains)
{
	unsigned n = 0;

	while (n < 8 && opt_domain(domains, n))
		n++;
	return n;
}

const char *opt_domain_name(enum disk_domain_kind kind);

#define OPT_TEXT_MAX 64

/* An option's value as it could have been typed anywhere; not a string's. */
void disk_opt_text(char text[OPT_TEXT_MAX], enum disk_opt_id id,
		   uint64_t value);

struct disk_opts {
	uint64_t given; /* bit n: option n was given */
	uint64_t num[OPT_NR];
	char base_dir[256];
};

static inline void disk_opt_give(struct disk_opts *o, enum disk_opt_id id)
{
	o->given |= UINT64_C(1) << id;
}

static inline bool disk_opt_given(const struct disk_opts *o,
				  enum disk_opt_id id)
{
	return o->given >> id & 1;
}

/* Nothing given: every value is its default (0 where the table has none). */
void disk_opts_init(struct disk_opts *opts);

/* Whether an option was given that describes a disk to be made. */
bool disk_opts_has_geometry(const struct disk_opts *opts);

/*
 * Parses "OPTION[=VALUE]" separated by @sep ('/' in a cfgstring, ',' in the
 * kernel's string) into @opts, whose values not given are the table's defaults.
 * @len bytes; may be empty.  Refuses, with a sentence: unknown, repeated and
 * empty options, flags with a value, numbers with junk, out of bounds or
 * overflowing, and (for @cfgstring) options not allowed there.
 * Relations between options are checked by disk_opts_check().
 */
int disk_opts_parse(struct disk_opts *opts, const char *str, size_t len,
		    char sep, bool cfgstring, struct zl_err *err);

/*
 * Checks what can be said of the options among themselves, with the disk's size
 * in bytes if it is known (0: from capacity_mb if given, else unknown): zone
 * size no power of two without any_zone_size, larger than the disk, capacity
 * beyond the zone size, conv_zones, max_open_zones, block sizes, sizes that are
 * no multiple.  Only what was given counts, since the rest is as the disk has
 * it if there is one; a new disk's defaults are checked when it is made.
 */
int disk_opts_check(const struct disk_opts *opts, uint64_t size_bytes,
		    struct zl_err *err);

/* The same of a disk that is to be made, with the defaults of what was not
 * given. */
int disk_opts_check_new(const struct disk_opts *opts, struct zl_err *err);

/*
 * For the kernel's option string: makes capacity_mb a given option (its default
 * if it was not) and rounds it down to whole zones, as the kernel's driver does
 * (its documentation says up).  What is not above the zone size stays, for
 * disk_opts_check() to refuse.
 */
void disk_opts_round_capacity(struct disk_opts *opts);

/*
 * Splits the handler's cfgstring "[OPTION[=VALUE][/…]]@DIRECTORY" (without the
 * subtype's prefix, whose length counts towards the limit of 255 bytes), parses
 * and checks the options.  *dir points into @cfg.  Refuses: no '@', a directory
 * that is not absolute, empty, or has characters that targetcli or the kernel
 * would refuse or cut (white space, control characters, comma, colon,
 * semicolon, quotes, backslash).
 */
int disk_cfg_parse(const char *cfg, struct disk_opts *opts, const char **dir,
		   struct zl_err *err);

/*
 * Writes "[OPTION[=VALUE][/…]]@DIRECTORY" with those options given that are of
 * each opening of the disk, in the table's order: what opens the disk again, as
 * it was opened, and never makes one.  @opts may be NULL.  Returns the length
 * without the NUL; what does not fit in @size bytes is cut off, as by
 * snprintf().
 */
size_t disk_cfg_reopen(char *cfg, size_t size, const struct disk_opts *opts,
		       const char *dir);

#define DISK_CFG_MAX 255 /* bytes, "zloop/" included */

#endif
