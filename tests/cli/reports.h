/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/*
 * Reports of real devices as they were published, each with its source.  What
 * a source leaves out ("...") is filled in as the program prints it.
 */
#ifndef ZL_TESTS_CLI_REPORTS_H
#define ZL_TESTS_CLI_REPORTS_H

/* What a program prints of one zone more. */
struct report_lines {
	const char *head;
	/* For each zone from @first up to before @end a line of @fmt, with
	 * what @form says. */
	struct {
		unsigned first, end;
		const char *line;
	} runs[4];
	/* Lines of the source, which must be in what is made. */
	const char *quoted[12];
};

/*
 * The whole text; the caller frees it.  In a line %S is the zone's start and %L
 * its length in hexadecimal with nine and six digits, %s and %l in decimal, %n
 * its number with five digits.
 */
char *report_text(const struct report_lines *r, unsigned long long zone_len);

extern const struct report_lines report_hc620_blkzone, report_hc620_zbc,
	report_tcmu_zbc, report_scsi_debug_zbc, report_scsi_debug_zbc6,
	report_qemu_zns, report_zloop_kernel;
extern const char report_qemu_virtio[], report_femu[], report_null_blk_old[],
	report_hc620_sg_start[];

#endif
