/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Disks like a drive: what create --like reads.  A report of a drive's zones,
 * in whatever form, becomes one array; like_fit() makes options of it, or says
 * in which line it is not a drive's, or not one that a disk here can be like.
 *
 * Rules that hold everywhere here:
 * - Functions that can fail return 0 or -errno with a sentence.
 * - Addresses and lengths are in the report's unit.
 */
#ifndef ZL_CLI_LIKE_H
#define ZL_CLI_LIKE_H

#include <stdint.h>

#include "base/err.h"
#include "disk/disk.h"

#define LIKE_NONE UINT64_MAX /* it does not say */

struct like_zone {
	uint64_t start, blocks;
	uint64_t cap;	     /* what can be written; LIKE_NONE: all of it */
	uint64_t wp;	     /* LIKE_NONE: no valid one */
	unsigned type, cond; /* enum zone_type, enum zone_cond */
	unsigned at;	     /* its line, or what else sentences call it by */
};

struct like {
	char name[64];	     /* for sentences */
	const char *place;   /* "line", …: what zones are at */
	uint32_t unit_bytes; /* 0: logical blocks, which it does not know */
	uint32_t block_bytes, phys_bytes; /* 0: it does not say */
	uint64_t max_open;		  /* LIKE_NONE: it does not say */
	uint64_t end;	  /* the drive's, if it says so; else LIKE_NONE */
	uint64_t nr_said; /* zones of the drive, if it says so */
	bool takes_conv;  /* conv_zones was to be given, and is in it */
	/* After like_fit() one for each slot, its gap zone included. */
	struct like_zone *zones;
	uint32_t nr, room;
};

/*
 * Reads what @word names: a file ("-": standard input), a block device, or one
 * of the drives that like_drives_print() lists.  @opts: the options that were
 * given, of which a drive without a known number of conventional zones takes
 * conv_zones.  like_close() also after a failure.
 */
int like_open(struct like *like, const char *word, const struct disk_opts *opts,
	      struct zl_err *err);
void like_close(struct like *like);

/*
 * Adds the drive's geometry to @opts; what was given and is no geometry stays.
 * The capacity is in *size_bytes, since it may be no multiple of a MiB.
 * @state: the conditions and write pointers are wanted, too, and checked.
 */
int like_fit(struct like *like, bool state, struct disk_opts *opts,
	     uint64_t *size_bytes, struct zl_err *err);

/* After like_fit(): what is written in a slot, for disk_open_args.written. */
uint64_t like_written(void *like, uint32_t slot);
/* … and READ ONLY and OFFLINE zones. */
int like_apply_faults(const struct like *like, struct disk *disk,
		      struct zl_err *err);

/*
 * The readers.
 */

/* like_zone.c: makes room; 0 or -ENOMEM with a sentence. */
int like_add(struct like *like, const struct like_zone *zone,
	     struct zl_err *err);
/* "NAME, line N: …", -EINVAL. */
int like_refuse(const struct like *like, unsigned at, struct zl_err *err,
		const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* enum zone_type by a report's word for it, or -1. */
int like_type(const char *name);

/* blkzone, sg_rep_zones, zbc_report_zones; @text is changed. */
int like_text(struct like *like, char *text, struct zl_err *err);
/* sg_rep_zones --json, zloop zones --json. */
int like_json(struct like *like, const char *text, struct zl_err *err);
/* The data of REPORT ZONES, as bytes or as a hexadecimal dump. */
int like_raw(struct like *like, const uint8_t *data, size_t len,
	     struct zl_err *err);
bool like_is_hex(const char *text);
int like_hex(struct like *like, char *text, struct zl_err *err);
/* A device, open for reading. */
int like_device(struct like *like, int fd, struct zl_err *err);

/*
 * drives.c: drives with published numbers.
 */

/* -ENOENT without a sentence: there is none of that name. */
int like_drive(struct like *like, const char *name,
	       const struct disk_opts *opts, struct zl_err *err);
void like_drives_print(bool json);

#endif
