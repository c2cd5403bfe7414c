/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What the options' wing offers beside options.h. */
#ifndef ZL_DISK_OPTIONS_CHECK_H
#define ZL_DISK_OPTIONS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/options/options.h"

/* Bounds memory and time whatever a sidecar says, and with them the journal. */
#define DISK_MAX_SLOTS (UINT32_C(1) << 20)

/* Copies text from outside for a sentence: cut to @size - 1 bytes, control
 * characters replaced. */
void printable(char *out, size_t size, const char *s, size_t len);

/* Whether the option's number is MiB. */
bool opt_is_mib(enum disk_opt_id id);
/* Of the options that the disk bounds, what no disk can have. */
int opts_check_bounds(const struct disk_opts *opts, struct zl_err *err);
/* disk_opts_check(); @making: options not given count with their defaults. */
int opts_check(const struct disk_opts *opts, uint64_t size_bytes, bool making,
	       struct zl_err *err);

#endif
