/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* Geometry from what was asked for, and the comparison with a disk. */
#ifndef ZL_DISK_MEDIUM_META_H
#define ZL_DISK_MEDIUM_META_H

#include "disk/disk.h"

/* meta.c: geometry from what was asked for, and the comparison with a disk */
int meta_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
		   struct disk_meta *meta, struct zl_err *err);
int meta_agrees(const struct disk_meta *meta, const char *name,
		const struct disk_opts *opts, uint64_t size_bytes,
		struct zl_err *err);
enum disk_model meta_model(const struct disk_meta *meta);
void meta_geo(const struct disk_meta *meta, struct zone_geo *geo);
/* Sets the members that follow from others. */
void meta_derive(struct disk_meta *meta);
uint64_t meta_slots(const struct disk_meta *meta);
/* layout.c: which zones lie where. */
void meta_layout(const struct disk_meta *meta,
		 struct zone_run runs[ZONE_MAX_RUNS]);
/* The mode page as the disk is made: one realm's zones at a time. */
struct disk_control meta_control(const struct disk_meta *meta);
/* Where the domains of a disk with realms lie; returns the slots it has. */
uint64_t meta_domains(const struct disk_realms *realms,
		      struct zone_domains *domains);
/* What the options say of realms, and what follows for @meta: a sentence where
 * that is no disk, or none of @size_bytes (0: whatever it is). */
int meta_realms_from_opts(const struct disk_opts *opts, uint64_t size_bytes,
			  struct disk_meta *meta, struct zl_err *err);
/* As meta_error(). */
const char *meta_realms_error(const struct disk_meta *meta);
/* Whether a slot has a file when the disk has just been made: it is no gap, nor
 * INACTIVE; and of how many bytes. */
bool meta_is_made(const struct disk_meta *meta, uint32_t slot, uint64_t *bytes);
/* … and tells the store, and all below it. */
void meta_set_layout(const struct disk_meta *meta, struct store *st);
/* Whether the slot has a write pointer: its file's size. */
bool meta_has_wp(const struct disk_meta *meta, uint32_t slot);
/* The largest size that the slot's file can have; one without a write pointer
 * has it always. */
uint64_t meta_slot_bytes(const struct disk_meta *meta, uint32_t slot);
/* What the size of the file of a slot with a write pointer is a multiple of:
 * the unit of writes. */
uint32_t meta_tail_bytes(const struct disk_meta *meta, uint32_t slot);
/* Why a geometry from outside is impossible (a clause), or NULL. */
const char *meta_error(const struct disk_meta *meta);
/* A random serial number. */
int meta_new_serial(struct disk_meta *meta, struct zl_err *err);

#endif
