// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The table of counters. */
#include "disk/medium/counters.h"
#include "zone/zone.h"

const struct disk_counter_row disk_counter_table[DC_NR] = {
	[DC_OPENS] = {
		.key = "opens",
		.help = "Times the disk was opened",
		.metric = "opens_total",
	},
	[DC_UNCLEAN_OPENS] = {
		.key = "unclean_opens",
		.help = "Times it was opened after an unclean stop",
		.metric = "unclean_opens_total",
	},
	[DC_RETRIES_ABSORBED] = {
		.key = "retries_absorbed",
		.help = "Writes that were under way when the daemon died: taken "
			"back, or repeated and found on the medium",
		.metric = "retries_absorbed_total",
		.largest = true,
	},
	[DC_MAX_OPEN] = {
		.key = "most_open_zones",
		.help = "Most zones that were open at the same time",
		.metric = "open_zones_max",
		.gauge = true,
		.zoned = true,
		.param = 0x0000,
	},
	[DC_MAX_EXP_OPEN] = {
		.key = "most_explicitly_open_zones",
		.help = "Most that were explicitly open",
		.metric = "explicitly_open_zones_max",
		.gauge = true,
		.zoned = true,
		.param = 0x0001,
	},
	[DC_MAX_IMP_OPEN] = {
		.key = "most_implicitly_open_zones",
		.help = "Most that were implicitly open",
		.metric = "implicitly_open_zones_max",
		.gauge = true,
		.zoned = true,
		.param = 0x0002,
	},
	[DC_MAX_NOT_EMPTY] = {
		.key = "most_zones_not_empty",
		.help = "Most sequential zones that were not empty",
		.metric = "zones_not_empty_max",
		.gauge = true,
		.zoned = true,
		.param = DC_NO_PARAM,
	},
	[DC_EMPTIED] = {
		.key = "zones_emptied",
		.help = "Zones that lost data to a reset",
		.metric = "zones_emptied_total",
		.zoned = true,
		.param = 0x0005,
	},
	[DC_FAILED_OPENS] = {
		.key = "failed_explicit_opens",
		.help = "OPEN ZONE commands without enough resources",
		.metric = "failed_explicit_opens_total",
		.zoned = true,
		.param = 0x0008,
	},
	[DC_READ_VIOLATIONS] = {
		.key = "read_rule_violations",
		.help = "Reads refused by the zones' rules",
		.metric = "read_rule_violations_total",
		.zoned = true,
		.param = 0x0009,
	},
	[DC_WRITE_VIOLATIONS] = {
		.key = "write_rule_violations",
		.help = "Writes refused by the zones' rules",
		.metric = "write_rule_violations_total",
		.zoned = true,
		.param = 0x000a,
	},
	[DC_MAX_NON_SEQ] = {
		.key = "most_non_sequential_zones",
		.help = "Most sequential write preferred zones that were not "
			"written in order",
		.metric = "non_sequential_zones_max",
		.gauge = true,
		.zoned = true,
		.param = 0x0004,
		.zone_type = ZT_SEQ_PREFERRED,
	},
	[DC_NON_SEQ_WRITES] = {
		.key = "suboptimal_writes",
		.help = "Writes of sequential write preferred zones that were "
			"not at the write pointer",
		.metric = "suboptimal_writes_total",
		.zoned = true,
		.param = 0x0006,
		.zone_type = ZT_SEQ_PREFERRED,
	},
	[DC_FAULTS_INJECTED] = {
		.key = "faults_injected",
		.help = "Injected faults that happened since the disk was "
			"opened",
		.metric = "faults_injected_total",
		.since_open = true,
	},
	[DC_MAX_OPEN_BEFORE] = {
		.key = "most_open_before_required_zones",
		.help = "Most sequential or before required zones that were "
			"open, which is implicitly",
		.metric = "open_before_required_zones_max",
		.gauge = true,
		.zoned = true,
		.param = 0x000b,
		.zone_type = ZT_SEQ_OR_BEFORE,
	},
	[DC_MAX_TAKEN] = {
		.key = "most_zones_taken",
		.help = "Most sequential zones that were not empty, or inactive",
		.metric = "zones_taken_max",
		.gauge = true,
		.zoned = true,
		.param = 0x0003,
		.rest = true,
	},
};
