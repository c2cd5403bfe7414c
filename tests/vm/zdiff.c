// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * zdiff [--seed N] [--count N] SG PEER: sends the same random commands to two
 * host-managed disks and compares status, sense, zones and data.  PEER is
 * scsi_debug's; where it is wrong or may differ, rules[] says so, and only SG
 * gets the command.  The first difference is shrunk and printed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <scsi/sg.h>

#include "base/be.h"

#define BLOCK	   512
#define MAX_BLOCKS 300
#define MAX_ZONES  128
#define BUF_BYTES  (64 + 64 * MAX_ZONES + MAX_BLOCKS * BLOCK)
#define NO_LIMIT   UINT32_MAX

enum {
	CONVENTIONAL = 1,
	SEQUENTIAL = 2,
	GAP = 5
};
enum {
	EMPTY = 1,
	IMP_OPEN = 2,
	EXP_OPEN = 3,
	CLOSED = 4,
	FULL = 14
};
enum {
	CLOSE_ZONE = 1,
	FINISH_ZONE,
	OPEN_ZONE,
	RESET_WP
};

/* Key, ASC and ASCQ; 0 is GOOD. */
enum {
	GOOD = 0,
	INVALID_FIELD = 0x52400,
	ACCESS_GAP = 0x52109,
	OUT_OF_RANGE = 0x52100,
};

struct command {
	uint8_t cdb[16];
	uint8_t cdb_len;
	bool out;
	uint32_t bytes; /* of data, as the initiator has it */
};

struct zone {
	unsigned type, cond;
	uint64_t start, blocks, wp;
};

struct device {
	const char *name;
	int fd;
	struct zone zone[MAX_ZONES];
	unsigned nr_zones;
	uint32_t sense;
	uint8_t *data;
};

static struct device ours, peer;
static uint64_t capacity;
static uint32_t max_open = NO_LIMIT;
static uint8_t *pattern;
static uint64_t rng;
static char difference[512];
static unsigned long compared, one_sided;

static uint64_t next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1d;
}

static uint64_t below(uint64_t n)
{
	return (next_random() >> 16) % n;
}

static void die(const char *what, const char *name)
{
	fprintf(stderr, "zdiff: %s: %s\n", name, what);
	exit(2);
}

/* --- one command on one disk ---------------------------------------------- */

static uint32_t parse_sense(const uint8_t *sense, unsigned len)
{
	if (len >= 4 && (sense[0] & 0x7e) == 0x72)
		return (uint32_t)(sense[1] & 15) << 16 |
		       (uint32_t)sense[2] << 8 | sense[3];
	if (len >= 14)
		return (uint32_t)(sense[2] & 15) << 16 |
		       (uint32_t)sense[12] << 8 | sense[13];
	return 0xffffff;
}

/* The sense, 0 with GOOD, or the status where there is no sense data. */
static uint32_t send(struct device *dev, const struct command *cmd)
{
	uint8_t sense[64] = { 0 };
	struct sg_io_hdr h = {
		.interface_id = 'S',
		.dxfer_direction = !cmd->bytes ? SG_DXFER_NONE
				   : cmd->out  ? SG_DXFER_TO_DEV
					       : SG_DXFER_FROM_DEV,
		.cmd_len = cmd->cdb_len,
		.mx_sb_len = sizeof(sense),
		.dxfer_len = cmd->bytes,
		.dxferp = cmd->out ? pattern : dev->data,
		.cmdp = (unsigned char *)(uintptr_t)cmd->cdb,
		.sbp = sense,
		.timeout = 30000,
	};

	if (!cmd->out)
		memset(dev->data, 0, cmd->bytes);
	if (ioctl(dev->fd, SG_IO, &h))
		die(strerror(errno), dev->name);
	if (h.host_status)
		die("the command did not reach the disk", dev->name);
	dev->sense = GOOD;
	if (h.status == 2)
		dev->sense = parse_sense(sense, h.sb_len_wr);
	else if (h.status)
		dev->sense = 0xff000000 | h.status;
	return dev->sense;
}

static struct command report_command(uint64_t lba, uint32_t alloc,
				     uint8_t options)
{
	struct command cmd = { .cdb = { 0x95 }, .cdb_len = 16, .bytes = alloc };

	be64_put(cmd.cdb + 2, lba);
	be32_put(cmd.cdb + 10, alloc);
	cmd.cdb[14] = options;
	return cmd;
}

static void parse_zone(const uint8_t *d, struct zone *z)
{
	z->type = d[0] & 15;
	z->cond = d[1] >> 4;
	z->blocks = be64_get(d + 8);
	z->start = be64_get(d + 16);
	z->wp = be64_get(d + 24);
	/* What it says of these conditions means nothing. */
	if (z->type != SEQUENTIAL || z->cond == FULL)
		z->wp = UINT64_MAX;
}

static void read_zones(struct device *dev)
{
	struct command cmd = report_command(0, 64 + 64 * MAX_ZONES, 0);
	unsigned i;

	if (send(dev, &cmd))
		die("REPORT ZONES fails", dev->name);
	dev->nr_zones = be32_get(dev->data) / 64;
	if (!dev->nr_zones || dev->nr_zones > MAX_ZONES)
		die("too many zones, or none", dev->name);
	for (i = 0; i < dev->nr_zones; i++)
		parse_zone(dev->data + 64 + 64 * i, &dev->zone[i]);
}

static struct command zone_command(unsigned sa, uint64_t lba, uint16_t count,
				   bool all)
{
	struct command cmd = { .cdb = { 0x94, (uint8_t)sa }, .cdb_len = 16 };

	be64_put(cmd.cdb + 2, lba);
	be16_put(cmd.cdb + 12, count);
	cmd.cdb[14] = all;
	return cmd;
}

/* --- what a command is about ---------------------------------------------- */

static bool is_zone_op(const struct command *cmd)
{
	return cmd->cdb[0] == 0x94;
}

static bool is_report(const struct command *cmd)
{
	return cmd->cdb[0] == 0x95;
}

static uint64_t cmd_lba(const struct command *cmd)
{
	if (cmd->cdb_len == 6)
		return be24_get(cmd->cdb + 1) & 0x1fffff;
	if (cmd->cdb_len == 16)
		return be64_get(cmd->cdb + 2);
	return be32_get(cmd->cdb + 2);
}

static uint32_t cmd_blocks(const struct command *cmd)
{
	switch (cmd->cdb_len) {
	case 6:
		return cmd->cdb[4] ? cmd->cdb[4] : 256;
	case 10:
		return be16_get(cmd->cdb + 7);
	case 12:
		return be32_get(cmd->cdb + 6);
	default:
		return be32_get(cmd->cdb + 10);
	}
}

/* NULL beyond the last LBA. */
static const struct zone *zone_of(uint64_t lba)
{
	unsigned i;

	for (i = 0; i < ours.nr_zones; i++)
		if (lba - ours.zone[i].start < ours.zone[i].blocks)
			return &ours.zone[i];
	return NULL;
}

static bool any_zone(unsigned cond)
{
	unsigned i;

	for (i = 0; i < ours.nr_zones; i++)
		if (ours.zone[i].cond == cond)
			return true;
	return false;
}

static bool plain_zone_op(const struct command *cmd)
{
	return is_zone_op(cmd) && !(cmd->cdb[14] & 1);
}

static bool starts_in_gap(const struct command *cmd)
{
	const struct zone *z = zone_of(cmd_lba(cmd));

	return z && z->type == GAP;
}

/* --- where the peer is wrong, or free to differ --------------------------- */

static bool gap_op(const struct command *cmd)
{
	return plain_zone_op(cmd) && starts_in_gap(cmd) &&
	       zone_of(cmd_lba(cmd))->start == cmd_lba(cmd);
}

static bool several_zones(const struct command *cmd)
{
	return plain_zone_op(cmd) && be16_get(cmd->cdb + 12) > 1 &&
	       cmd_lba(cmd) < capacity;
}

static bool open_all_closing(const struct command *cmd)
{
	return is_zone_op(cmd) && cmd->cdb[1] == OPEN_ZONE &&
	       cmd->cdb[14] & 1 && max_open != NO_LIMIT && any_zone(IMP_OPEN) &&
	       any_zone(CLOSED);
}

static bool inactive(const struct command *cmd)
{
	return is_report(cmd) && (cmd->cdb[14] & 0x3f) == 8 &&
	       cmd_lba(cmd) < capacity;
}

static bool no_room(const struct command *cmd)
{
	return is_report(cmd) && be32_get(cmd->cdb + 10) < 64;
}

static bool no_blocks(const struct command *cmd)
{
	return !is_zone_op(cmd) && !is_report(cmd) && !cmd_blocks(cmd) &&
	       cmd_lba(cmd) <= capacity;
}

static bool wraps_around(const struct command *cmd)
{
	return !is_zone_op(cmd) && !is_report(cmd) &&
	       cmd_lba(cmd) > UINT64_MAX - cmd_blocks(cmd);
}

static uint32_t expect_out_of_range(const struct command *cmd)
{
	(void)cmd;
	return OUT_OF_RANGE;
}

static uint32_t expect_good(const struct command *cmd)
{
	(void)cmd;
	return GOOD;
}

static uint32_t expect_gap(const struct command *cmd)
{
	(void)cmd;
	return ACCESS_GAP;
}

static uint32_t expect_report(const struct command *cmd)
{
	uint8_t option = cmd->cdb[14] & 0x3f;

	if (cmd_lba(cmd) >= capacity)
		return OUT_OF_RANGE;
	if (option <= 8 || option == 0x10 || option == 0x11 || option >= 0x3e)
		return GOOD;
	return INVALID_FIELD;
}

/* All of them sequential, or nothing happens. */
static uint32_t expect_several(const struct command *cmd)
{
	uint64_t lba = cmd_lba(cmd);
	unsigned left = be16_get(cmd->cdb + 12);
	const struct zone *z;

	for (; left; left--, lba += z->blocks) {
		z = zone_of(lba);
		if (!z || z->start != lba || z->type != SEQUENTIAL)
			return INVALID_FIELD;
	}
	return GOOD;
}

/*
 * ours() says what this disk has to answer.  The peer does not get the command;
 * with each_zone set and GOOD it gets one for each zone instead.
 */
static const struct rule {
	const char *why;
	bool (*applies)(const struct command *cmd);
	uint32_t (*ours)(const struct command *cmd);
	bool each_zone;
} rules[] = {
	{ "scsi_debug opens, closes, finishes gap zones; ATTEMPT TO ACCESS GAP "
	  "ZONE",
	  gap_op, expect_gap, false },
	{ "scsi_debug is older than ZONE COUNT and ignores it (ZBC-2)",
	  several_zones, expect_several, true },
	{ "scsi_debug's OPEN ALL opens what it closes to make room",
	  open_all_closing, NULL, false },
	{ "scsi_debug is older than INACTIVE zones: no zone is (ZBC-2)",
	  inactive, expect_good, false },
	{ "scsi_debug reports nothing in less than a header, unchecked, or "
	  "writes beyond its buffer",
	  no_room, expect_report, false },
	{ "scsi_debug looks at the block before when there is none to "
	  "transfer; GOOD, nothing changes (SBC-4)",
	  no_blocks, expect_good, false },
	{ "scsi_debug adds LBA and length in 64 bits, and looks for a zone far "
	  "outside of its memory",
	  wraps_around, expect_out_of_range, false },
};

#define NR_RULES (sizeof(rules) / sizeof(rules[0]))

static unsigned long rule_used[NR_RULES];

static const struct rule *find_rule(const struct command *cmd)
{
	unsigned i;

	for (i = 0; i < NR_RULES; i++)
		if (rules[i].applies(cmd))
			return &rules[i];
	return NULL;
}

/* --- comparing ------------------------------------------------------------ */

static bool differ(const char *what, uint64_t at, uint64_t a, uint64_t b)
{
	snprintf(difference, sizeof(difference),
		 "%s (%llu): %llxh, but the peer has %llxh", what,
		 (unsigned long long)at, (unsigned long long)a,
		 (unsigned long long)b);
	return false;
}

static bool same_zone(const struct zone *a, const struct zone *b)
{
	if (a->type != b->type)
		return differ("type of the zone", a->start, a->type, b->type);
	if (a->start != b->start || a->blocks != b->blocks)
		return differ("bounds of the zone", a->start, a->blocks,
			      b->blocks);
	if (a->cond != b->cond)
		return differ("condition of the zone", a->start, a->cond,
			      b->cond);
	if (a->wp != b->wp)
		return differ("write pointer of the zone", a->start, a->wp,
			      b->wp);
	return true;
}

static bool chose_another(const struct zone *a, const struct zone *b)
{
	return (a->cond == IMP_OPEN && b->cond == CLOSED) ||
	       (a->cond == CLOSED && b->cond == IMP_OPEN);
}

/*
 * Which implicitly opened zone is closed to make room for another is the
 * disk's choice (ZBC-2): where the two chose differently, close them on both.
 */
static void settle_choice(void)
{
	struct command cmd;
	unsigned i, closed = 0;

	if (max_open == NO_LIMIT)
		return;
	for (i = 0; i < ours.nr_zones; i++) {
		if (!chose_another(&ours.zone[i], &peer.zone[i]))
			continue;
		cmd = zone_command(CLOSE_ZONE, ours.zone[i].start, 0, false);
		send(&ours, &cmd);
		send(&peer, &cmd);
		closed++;
	}
	if (!closed)
		return;
	read_zones(&ours);
	read_zones(&peer);
}

static bool same_zones(void)
{
	unsigned i;

	read_zones(&ours);
	read_zones(&peer);
	if (ours.nr_zones != peer.nr_zones)
		return differ("zones", 0, ours.nr_zones, peer.nr_zones);
	settle_choice();
	for (i = 0; i < ours.nr_zones; i++)
		if (!same_zone(&ours.zone[i], &peer.zone[i]))
			return false;
	return true;
}

/* scsi_debug counts the descriptor that PARTIAL has cut. */
static bool same_list_length(const struct command *cmd)
{
	bool cut = cmd->cdb[14] & 0x80 && be32_get(cmd->cdb + 10) % 64;
	uint32_t a = be32_get(ours.data), b = be32_get(peer.data);

	return a == b || (cut && a + 64 == b) ||
	       differ("zone list length", cmd_lba(cmd), a, b);
}

/* SAME may differ: 0, which scsi_debug always says, is always right. */
static bool same_report(const struct command *cmd)
{
	uint32_t alloc = be32_get(cmd->cdb + 10);
	uint32_t len = be32_get(ours.data), i;
	struct zone a, b;

	if (!same_list_length(cmd))
		return false;
	if (memcmp(ours.data + 5, peer.data + 5, 59))
		return differ("maximum LBA", cmd_lba(cmd),
			      be64_get(ours.data + 8), be64_get(peer.data + 8));
	for (i = 64; i < 64 + len && i + 64 <= alloc; i += 64) {
		parse_zone(ours.data + i, &a);
		parse_zone(peer.data + i, &b);
		if ((ours.data[i + 1] ^ peer.data[i + 1]) & 15)
			return differ("zone attributes", a.start,
				      ours.data[i + 1], peer.data[i + 1]);
		if (!same_zone(&a, &b))
			return false;
	}
	return true;
}

static bool same_data(const struct command *cmd)
{
	uint32_t i;

	if (ours.sense || cmd->out)
		return true;
	if (is_report(cmd))
		return same_report(cmd);
	for (i = 0; i < cmd->bytes; i++)
		if (ours.data[i] != peer.data[i])
			return differ("byte of LBA", cmd_lba(cmd) + i / BLOCK,
				      ours.data[i], peer.data[i]);
	return true;
}

static void each_zone(const struct command *cmd)
{
	uint64_t lba = cmd_lba(cmd);
	unsigned left = be16_get(cmd->cdb + 12);
	struct command one;

	for (; left; left--) {
		one = zone_command(cmd->cdb[1], lba, 0, false);
		if (send(&peer, &one))
			return;
		lba += zone_of(lba)->blocks;
	}
}

static bool run_rule(const struct rule *rule, const struct command *cmd)
{
	uint32_t want;

	one_sided++;
	rule_used[rule - rules]++;
	if (!rule->ours)
		return true; /* nobody gets it */
	want = rule->ours(cmd);
	if (send(&ours, cmd) != want) {
		differ("sense, where the peer is not asked", cmd_lba(cmd),
		       ours.sense, want);
		return false;
	}
	if (rule->each_zone && want == GOOD)
		each_zone(cmd);
	return is_report(cmd) || same_zones();
}

/* Data that tells each write from the others. */
static void make_pattern(const struct command *cmd)
{
	uint32_t i;

	for (i = 0; i < cmd->bytes; i += 8)
		be64_put(pattern + i,
			 (cmd_lba(cmd) * BLOCK + i) * 0x9e3779b97f4a7c15 +
				 ours.zone[0].blocks + cmd->cdb_len);
}

static bool run(const struct command *cmd)
{
	const struct rule *rule = find_rule(cmd);

	if (cmd->out)
		make_pattern(cmd);
	if (rule)
		return run_rule(rule, cmd);
	compared++;
	send(&ours, cmd);
	send(&peer, cmd);
	if (ours.sense != peer.sense)
		return differ("sense", cmd_lba(cmd), ours.sense, peer.sense);
	if (!same_data(cmd))
		return false;
	return !(is_zone_op(cmd) || cmd->out) || same_zones();
}

/* --- random commands ------------------------------------------------------ */

static const struct zone *random_zone(void)
{
	return &ours.zone[below(ours.nr_zones)];
}

static uint64_t any_lba(void)
{
	const struct zone *z = random_zone();

	switch (below(8)) {
	case 0:
		return z->start + z->blocks - 1 - below(8);
	case 1:
		return z->start + below(z->blocks);
	case 2:
		return capacity - 8 + below(16);
	default:
		return z->start;
	}
}

/* Mostly where the write pointer is, and often up to the end of the zone. */
static void write_place(uint64_t *lba, uint32_t *blocks)
{
	const struct zone *z = random_zone();

	*lba = z->wp == UINT64_MAX ? any_lba() : z->wp;
	if (below(8) == 0)
		*lba += below(3) - 1;
	*blocks = (uint32_t)below(MAX_BLOCKS);
	if (z->wp != UINT64_MAX && below(2) &&
	    z->start + z->blocks - z->wp < MAX_BLOCKS)
		*blocks = (uint32_t)(z->start + z->blocks - z->wp +
				     (below(8) == 0));
}

static struct command transfer(bool out, uint64_t lba, uint32_t blocks)
{
	static const struct {
		uint8_t len, read;
	} forms[] = { { 6, 0x08 }, { 10, 0x28 }, { 12, 0xa8 }, { 16, 0x88 } };
	unsigned form = (unsigned)below(4);
	struct command cmd = { .out = out, .bytes = blocks * BLOCK };

	/* READ(6) has no length 0 and few bits. */
	if (!form && (blocks > 256 || !blocks || lba > 0x1fffff))
		form = 3;
	cmd.cdb_len = forms[form].len;
	cmd.cdb[0] = forms[form].read;
	if (out)
		cmd.cdb[0] |= 2;
	switch (cmd.cdb_len) {
	case 6:
		cmd.cdb[1] = (uint8_t)(lba >> 16);
		be16_put(cmd.cdb + 2, (uint16_t)lba);
		cmd.cdb[4] = (uint8_t)blocks;
		break;
	case 10:
		be32_put(cmd.cdb + 2, (uint32_t)lba);
		be16_put(cmd.cdb + 7, (uint16_t)blocks);
		break;
	case 12:
		be32_put(cmd.cdb + 2, (uint32_t)lba);
		be32_put(cmd.cdb + 6, blocks);
		break;
	default:
		be64_put(cmd.cdb + 2, lba);
		be32_put(cmd.cdb + 10, blocks);
	}
	return cmd;
}

static struct command random_zone_op(void)
{
	unsigned sa = 1 + (unsigned)below(4);
	bool all = below(24) == 0;
	uint16_t count = 0;

	if (below(8) == 0)
		count = (uint16_t)(1 + below(4));
	/* The peer opens them one by one: no resources for the last. */
	if (sa == OPEN_ZONE && max_open != NO_LIMIT)
		count &= 1;
	return zone_command(sa, any_lba(), count, all);
}

static struct command random_report(void)
{
	static const uint8_t options[] = { 0,	 1,    2,    3,	   4,	 5,
					   6,	 7,    8,    9,	   0x10, 0x11,
					   0x12, 0x3d, 0x3e, 0x3f, 0,	 0 };
	uint32_t alloc = (uint32_t)(64 * below(MAX_ZONES));

	if (below(4) == 0)
		alloc += (uint32_t)below(64);
	/* With PARTIAL scsi_debug has the same whole descriptors only. */
	return report_command(any_lba(), alloc,
			      options[below(sizeof(options))] |
				      (below(2) ? 0x80 : 0));
}

static struct command random_command(void)
{
	uint64_t lba;
	uint32_t blocks;

	switch (below(10)) {
	case 0:
	case 1:
	case 2:
		return random_zone_op();
	case 3:
		return random_report();
	case 4:
	case 5:
	case 6:
		return transfer(false, any_lba(), (uint32_t)below(MAX_BLOCKS));
	default:
		write_place(&lba, &blocks);
		return transfer(true, lba, blocks);
	}
}

/* --- runs ----------------------------------------------------------------- */

/* All zones empty; what is in conventional ones is the same on both. */
static void start_over(void)
{
	struct command cmd = zone_command(RESET_WP, 0, 0, true);
	unsigned i;

	if (send(&ours, &cmd) || send(&peer, &cmd))
		die("RESET ALL fails", ours.name);
	read_zones(&ours);
	read_zones(&peer);
	for (i = 0; i < ours.nr_zones; i++)
		if (!same_zone(&ours.zone[i], &peer.zone[i]))
			die(difference, "the disks differ when empty");
}

static bool differs(const struct command *list, unsigned n)
{
	unsigned i;

	start_over();
	for (i = 0; i < n; i++)
		if (!run(&list[i]))
			return true;
	return false;
}

/* Leaves out what the difference does not need: halves, then less. */
static unsigned shrink(struct command *list, unsigned n)
{
	struct command *without = calloc(n, sizeof(*without));
	unsigned step, at, cut, tries = 0;

	if (!without)
		die("no memory", ours.name);
	for (step = (n + 1) / 2; step && tries < 400; step /= 2) {
		for (at = 0; at + 1 < n && tries < 400;) {
			cut = step < n - 1 - at ? step : n - 1 - at;
			memcpy(without, list, at * sizeof(*list));
			memcpy(without + at, list + at + cut,
			       (n - at - cut) * sizeof(*list));
			tries++;
			if (differs(without, n - cut)) {
				n -= cut;
				memcpy(list, without, n * sizeof(*list));
			} else {
				at += cut;
			}
		}
	}
	free(without);
	return n;
}

static void print_command(const struct command *cmd)
{
	unsigned i;

	for (i = 0; i < cmd->cdb_len; i++)
		printf(" %02x", cmd->cdb[i]);
	printf("\n");
}

static int random_run(unsigned count)
{
	struct command *list = calloc(count, sizeof(*list));
	unsigned i, n;

	if (!list)
		die("no memory", ours.name);
	start_over();
	for (i = 0; i < count; i++) {
		list[i] = random_command();
		if (!run(&list[i]))
			break;
	}
	if (i == count) {
		free(list);
		return 0;
	}
	printf("command %u: %s\n", i, difference);
	n = shrink(list, i + 1);
	differs(list, n);
	printf("in short: %s\nafter RESET ALL:\n", difference);
	for (i = 0; i < n; i++)
		print_command(&list[i]);
	free(list);
	return 1;
}

static void open_device(struct device *dev, const char *name)
{
	static const struct command ready = { .cdb_len = 6 };
	unsigned tries;

	dev->name = name;
	dev->data = malloc(BUF_BYTES);
	dev->fd = open(name, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0 || !dev->data)
		die(strerror(errno), name);
	for (tries = 0; send(dev, &ready); tries++)
		if (tries == 10)
			die("is not ready", name);
	read_zones(dev);
}

static uint32_t open_limit(struct device *dev)
{
	const struct command cmd = { .cdb = { 0x12, 1, 0xb6, 0, 64 },
				     .cdb_len = 6,
				     .bytes = 64 };

	if (send(dev, &cmd))
		die("has no VPD page B6h", dev->name);
	return be32_get(dev->data + 16);
}

static unsigned long number(const char *arg)
{
	char *end;
	unsigned long n = strtoul(arg, &end, 0);

	if (!*arg || *end || !n)
		die("is no positive number", arg);
	return n;
}

int main(int argc, char **argv)
{
	unsigned long seed = 1, count = 2000;
	unsigned i;
	int rc;

	for (; argc > 4; argc -= 2, argv += 2) {
		if (!strcmp(argv[1], "--seed"))
			seed = number(argv[2]);
		else if (!strcmp(argv[1], "--count"))
			count = number(argv[2]);
		else
			break;
	}
	if (argc != 3) {
		fprintf(stderr,
			"usage: zdiff [--seed N] [--count N] SG PEER\n");
		return 2;
	}
	pattern = calloc(1, BUF_BYTES);
	if (!pattern)
		die("no memory", argv[1]);
	open_device(&ours, argv[1]);
	open_device(&peer, argv[2]);
	capacity = ours.zone[ours.nr_zones - 1].start +
		   ours.zone[ours.nr_zones - 1].blocks;
	max_open = open_limit(&ours);
	if (open_limit(&peer) != max_open)
		die("has another limit of open zones", peer.name);
	rng = seed * 0x9e3779b97f4a7c15 | 1;
	rc = random_run((unsigned)count);
	printf("seed %lu: %lu commands compared, %lu by rule\n", seed, compared,
	       one_sided);
	for (i = 0; i < NR_RULES; i++)
		printf("%6lu  %s\n", rule_used[i], rules[i].why);
	return rc;
}
