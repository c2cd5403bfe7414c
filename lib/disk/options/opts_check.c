// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * What is refused of options among themselves.  An option counts if it was
 * given or, when a disk is being made, with its default.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "disk/options/check.h"

struct check {
	const struct disk_opts *opts;
	uint64_t device_bytes; /* as the device's creator gave it, 0 = nobody */
	uint64_t bytes;	       /* the disk's size, 0 = unknown */
	bool making;
	struct zl_err *err;
	char size[48]; /* the size as it was typed */
};

static uint64_t num(const struct check *c, enum disk_opt_id id)
{
	return c->opts->num[id];
}

static bool given(const struct check *c, enum disk_opt_id id)
{
	return disk_opt_given(c->opts, id);
}

static bool counts(const struct check *c, enum disk_opt_id id)
{
	return c->making || given(c, id);
}

static const char *default_note(const struct check *c, enum disk_opt_id id)
{
	return given(c, id) ? "" : " (the default)";
}

/* Writes a size the way this size was typed: in bytes or MiB. */
static const char *size_text(const struct check *c, uint64_t bytes,
			     char buf[48])
{
	if (c->device_bytes)
		snprintf(buf, 48, "size=%" PRIu64, bytes);
	else
		snprintf(buf, 48, "capacity_mb=%" PRIu64, bytes / ZL_MIB);
	return buf;
}

static int check_block_size(const struct check *c, enum disk_opt_id id)
{
	uint64_t v = num(c, id);

	if (!given(c, id) || v == 512 || v == 4096)
		return 0;
	return zl_fail(c->err, EINVAL,
		       "%s=%" PRIu64 " is not possible; use 512 or 4096",
		       disk_opt_table[id].name, v);
}

static int check_io(const struct check *c)
{
	if (!given(c, OPT_DIRECT_IO) || !given(c, OPT_BUFFERED_IO))
		return 0;
	return zl_fail(c->err, EINVAL,
		       "direct_io and buffered_io exclude each other; leave "
		       "one of them out");
}

static int check_blocks(const struct check *c)
{
	uint64_t block = num(c, OPT_BLOCK_SIZE);
	uint64_t phys = num(c, OPT_PHYSICAL_BLOCK_SIZE);
	int ret = check_block_size(c, OPT_BLOCK_SIZE);

	if (!ret)
		ret = check_block_size(c, OPT_PHYSICAL_BLOCK_SIZE);
	if (ret)
		return ret;
	if (counts(c, OPT_BLOCK_SIZE) && given(c, OPT_PHYSICAL_BLOCK_SIZE) &&
	    phys < block)
		return zl_fail(c->err, EINVAL,
			       "physical_block_size=%" PRIu64
			       " is smaller than block_size=%" PRIu64
			       "; use physical_block_size=%" PRIu64
			       " or leave it out",
			       phys, block, block);
	return 0;
}

static uint64_t pow2_below(uint64_t v)
{
	return UINT64_C(1) << (63 - __builtin_clzll(v));
}

static int check_zone_size(const struct check *c)
{
	uint64_t mib = num(c, OPT_ZONE_SIZE_MB);

	if (!given(c, OPT_ZONE_SIZE_MB) || is_pow2(mib) ||
	    given(c, OPT_ANY_ZONE_SIZE))
		return 0;
	return zl_fail(c->err, EINVAL,
		       "zone_size_mb=%" PRIu64
		       " is not a power of two; Linux refuses such disks: use "
		       "%" PRIu64 " or %" PRIu64 ", or add any_zone_size",
		       mib, pow2_below(mib),
		       min_u64(pow2_below(mib) * 2, 16384));
}

static int check_zone_capacity(const struct check *c)
{
	uint64_t cap = num(c, OPT_ZONE_CAPACITY_MB);
	uint64_t size = num(c, OPT_ZONE_SIZE_MB);

	if (!given(c, OPT_ZONE_CAPACITY_MB) || !counts(c, OPT_ZONE_SIZE_MB) ||
	    cap <= size)
		return 0;
	return zl_fail(c->err, EINVAL,
		       "zone_capacity_mb=%" PRIu64
		       " is larger than zone_size_mb=%" PRIu64
		       "%s; use zone_capacity_mb=%" PRIu64 " or less",
		       cap, size, default_note(c, OPT_ZONE_SIZE_MB), size);
}

static bool is_realms(const struct check *c)
{
	return num(c, OPT_MODEL) == MODEL_REALMS;
}

/* READ CAPACITY names a block, and there must be one. */
static int check_rc_basis(const struct check *c)
{
	if (is_realms(c) || !given(c, OPT_RC_BASIS) || num(c, OPT_RC_BASIS) ||
	    !counts(c, OPT_CONV_ZONES) || num(c, OPT_CONV_ZONES))
		return 0;
	return zl_fail(c->err, EINVAL,
		       "rc_basis=0 makes READ CAPACITY answer for the "
		       "conventional zones, and conv_zones=0 leaves none; use "
		       "conv_zones=1 or more, or leave rc_basis out");
}

/* A host-aware disk has no sequential write required zones, which some options
 * are about, and no block that cannot be written: hosts may know no zones. */
static int check_host_aware(const struct check *c)
{
	uint64_t cap = num(c, OPT_ZONE_CAPACITY_MB);
	uint64_t size = num(c, OPT_ZONE_SIZE_MB);

	if (!given(c, OPT_MODEL) || num(c, OPT_MODEL) != MODEL_HOST_AWARE)
		return 0;
	if (given(c, OPT_ZONE_CAPACITY_MB) && counts(c, OPT_ZONE_SIZE_MB) &&
	    cap < size)
		return zl_fail(c->err, EINVAL,
			       "zone_capacity_mb=%" PRIu64
			       " is smaller than zone_size_mb=%" PRIu64
			       "%s, but a host-aware disk has no gap zones; "
			       "leave zone_capacity_mb out",
			       cap, size, default_note(c, OPT_ZONE_SIZE_MB));
	if (given(c, OPT_URSWRZ) && !num(c, OPT_URSWRZ))
		return zl_fail(c->err, EINVAL,
			       "urswrz=0 is not possible with "
			       "model=host-aware, whose zones can all be read "
			       "everywhere; leave urswrz out");
	if (given(c, OPT_RC_BASIS) && !num(c, OPT_RC_BASIS))
		return zl_fail(c->err, EINVAL,
			       "rc_basis=0 is not possible with "
			       "model=host-aware, which has no sequential "
			       "write required zones to leave out; leave "
			       "rc_basis out");
	return 0;
}

/* What is about realms needs them, and what is about other disks is not about
 * theirs. */
static int check_model(const struct check *c)
{
	static const enum disk_opt_id others[] = {
		OPT_ZONE_CAPACITY_MB,
		OPT_SMALLER_LAST_ZONE,
		OPT_CONV_ZONES,
	};

	for (enum disk_opt_id id = OPT_DOMAINS; id <= OPT_DEVICE_TYPE; id++)
		/* Of a disk that is there it is compared. */
		if (given(c, id) && !is_realms(c) &&
		    (c->making || given(c, OPT_MODEL)))
			return zl_fail(c->err, EINVAL,
				       "%s is for disks with zone realms; add "
				       "model=realms, or leave it out",
				       disk_opt_table[id].name);
	for (size_t i = 0; is_realms(c) && i < ZL_ARRAY_SIZE(others); i++)
		if (given(c, others[i]))
			return zl_fail(
				c->err, EINVAL,
				"%s is not possible with model=realms, "
				"whose zones all have one size; leave it "
				"out",
				disk_opt_table[others[i]].name);
	return 0;
}

static bool is_cmr(enum disk_domain_kind kind)
{
	return kind == DOMAIN_CONV || kind == DOMAIN_SOBR;
}

static int check_domains(const struct check *c)
{
	uint64_t domains = num(c, OPT_DOMAINS);
	unsigned n = opt_domain_nr(domains), nr_cmr = 0;
	enum disk_domain_kind active = opt_domain(num(c, OPT_ACTIVE), 0);
	bool has_active = !active;
	char text[OPT_TEXT_MAX];

	for (unsigned i = 0; i < n; i++) {
		nr_cmr += is_cmr(opt_domain(domains, i));
		has_active |= opt_domain(domains, i) == active;
	}
	disk_opt_text(text, OPT_DOMAINS, domains);
	if (!is_cmr(opt_domain(domains, 0)) || nr_cmr == n)
		return zl_fail(c->err, EINVAL,
			       "domains=%s is not possible; the first must be "
			       "conv or sobr, which hosts can use like any "
			       "other disk, and another one seq or seqp, as in "
			       "domains=conv+seq",
			       text);
	if (!has_active)
		return zl_fail(c->err, EINVAL,
			       "active=%s is none of domains=%s; use one of "
			       "them, or leave active out",
			       opt_domain_name(active), text);
	return 0;
}

/* Hosts take a type 00h for an ordinary disk with all blocks that READ CAPACITY
 * tells, most of which may be inactive. */
static int check_realms(const struct check *c)
{
	if (!is_realms(c))
		return 0;
	if (given(c, OPT_RC_BASIS) && num(c, OPT_RC_BASIS) &&
	    num(c, OPT_DEVICE_TYPE) == DEVICE_TYPE_00H)
		return zl_fail(c->err, EINVAL,
			       "rc_basis=1 is not possible with model=realms "
			       "and device type 00h, whose hosts would take "
			       "inactive zones for blocks like others; leave "
			       "rc_basis out, or add device_type=14h");
	if (num(c, OPT_PROVISIONING) == PROVISIONING_THIN)
		return zl_fail(c->err, EINVAL,
			       "provisioning=thin is not possible with "
			       "model=realms; leave provisioning out");
	if (c->making && !given(c, OPT_REALMS) && !given(c, OPT_CAPACITY_MB))
		return zl_fail(c->err, EINVAL,
			       "how large the disk is to be is not known; add "
			       "realms=NUMBER or capacity_mb=NUMBER");
	return check_domains(c);
}

/* Only what can be unmapped is thin; a host that takes a host-aware disk for an
 * ordinary one would unmap whatever it likes. */
static int check_provisioning(const struct check *c)
{
	if (num(c, OPT_PROVISIONING) != PROVISIONING_THIN)
		return 0;
	if (given(c, OPT_MODEL) && num(c, OPT_MODEL) == MODEL_HOST_AWARE)
		return zl_fail(c->err, EINVAL,
			       "provisioning=thin is not possible with "
			       "model=host-aware, whose hosts may know no "
			       "zones; leave provisioning out");
	if (counts(c, OPT_CONV_ZONES) && !num(c, OPT_CONV_ZONES))
		return zl_fail(c->err, EINVAL,
			       "provisioning=thin is for conventional zones, "
			       "and conv_zones=0 leaves none; use "
			       "conv_zones=1 or more, or leave provisioning "
			       "out");
	return 0;
}

static int check_capacity_mb(const struct check *c)
{
	uint64_t bytes = num(c, OPT_CAPACITY_MB) * ZL_MIB;

	/* Of realms it is what the medium holds, not the addresses. */
	if (!given(c, OPT_CAPACITY_MB) || !c->device_bytes || is_realms(c) ||
	    bytes == c->device_bytes)
		return 0;
	return zl_fail(c->err, EINVAL,
		       "capacity_mb=%" PRIu64
		       " does not agree with size=%" PRIu64
		       "; use size=%" PRIu64 ", or leave capacity_mb out",
		       num(c, OPT_CAPACITY_MB), c->device_bytes, bytes);
}

/* Blocks that the size must be whole of, as far as they are known. */
static uint64_t unit_bytes(const struct check *c)
{
	uint64_t block =
		counts(c, OPT_BLOCK_SIZE) ? num(c, OPT_BLOCK_SIZE) : 512;

	return max_u64(block, num(c, OPT_PHYSICAL_BLOCK_SIZE));
}

static int not_a_multiple(const struct check *c, uint64_t unit,
			  const char *what, const char *or_else)
{
	uint64_t down = c->bytes - c->bytes % unit;
	char a[48], b[48];

	if (!down)
		return zl_fail(c->err, EINVAL,
			       "%s is not a multiple of %s; use %s%s", c->size,
			       what, size_text(c, unit, a), or_else);
	return zl_fail(c->err, EINVAL,
		       "%s is not a multiple of %s; use %s or %s%s", c->size,
		       what, size_text(c, down, a),
		       size_text(c, down + unit, b), or_else);
}

static int check_size_blocks(const struct check *c)
{
	uint64_t unit = unit_bytes(c);
	char what[48];

	if (c->bytes % unit == 0)
		return 0;
	snprintf(what, sizeof(what), "the block size of %" PRIu64 " bytes",
		 unit);
	return not_a_multiple(c, unit, what, "");
}

static int check_size_zones(const struct check *c)
{
	uint64_t mib = num(c, OPT_ZONE_SIZE_MB);
	char what[48];

	if (c->bytes < mib * ZL_MIB)
		return zl_fail(c->err, EINVAL,
			       "zone_size_mb=%" PRIu64
			       "%s is larger than the disk: %s; use a smaller "
			       "zone_size_mb",
			       mib, default_note(c, OPT_ZONE_SIZE_MB), c->size);
	if (c->bytes % (mib * ZL_MIB) == 0 || given(c, OPT_SMALLER_LAST_ZONE))
		return 0;
	snprintf(what, sizeof(what), "zone_size_mb=%" PRIu64 "%s", mib,
		 default_note(c, OPT_ZONE_SIZE_MB));
	return not_a_multiple(c, mib * ZL_MIB, what,
			      ", or add smaller_last_zone");
}

static int check_nr_zones(const struct check *c, uint64_t zones)
{
	uint64_t conv = num(c, OPT_CONV_ZONES);
	uint64_t max_open = num(c, OPT_MAX_OPEN_ZONES);
	uint64_t mib = num(c, OPT_ZONE_SIZE_MB);

	if (zones > DISK_MAX_SLOTS)
		return zl_fail(c->err, EINVAL,
			       "%s has %" PRIu64 " zones of %" PRIu64
			       " MiB, more than %u; use a larger zone_size_mb",
			       c->size, zones, mib, DISK_MAX_SLOTS);
	if (!counts(c, OPT_CONV_ZONES))
		conv = 0;
	if (conv >= zones)
		return zl_fail(c->err, EINVAL,
			       "conv_zones=%" PRIu64
			       "%s leaves no sequential zone: %s has %" PRIu64
			       " zone%s of %" PRIu64
			       " MiB; use conv_zones=%" PRIu64 "%s",
			       conv, default_note(c, OPT_CONV_ZONES), c->size,
			       zones, zones > 1 ? "s" : "", mib, zones - 1,
			       zones > 1 ? " or less" : "");
	if (given(c, OPT_MAX_OPEN_ZONES) && max_open > zones - conv)
		return zl_fail(c->err, EINVAL,
			       "max_open_zones=%" PRIu64
			       " is more than the %" PRIu64
			       " sequential zones; use %" PRIu64
			       " or less, or 0 for no limit",
			       max_open, zones - conv, zones - conv);
	return 0;
}

static int check_size(const struct check *c)
{
	uint64_t zone_bytes = num(c, OPT_ZONE_SIZE_MB) * ZL_MIB;
	int ret = check_size_blocks(c);

	if (ret || !counts(c, OPT_ZONE_SIZE_MB))
		return ret;
	ret = check_size_zones(c);
	if (ret)
		return ret;
	return check_nr_zones(c, div_up_u64(c->bytes, zone_bytes));
}

static int (*const checks[])(const struct check *c) = {
	check_io,	    check_blocks,
	check_zone_size,    check_zone_capacity,
	check_rc_basis,	    check_model,
	check_realms,	    check_host_aware,
	check_provisioning, check_capacity_mb,
};

int opts_check(const struct disk_opts *opts, uint64_t size_bytes, bool making,
	       struct zl_err *err)
{
	struct check c = {
		.opts = opts,
		.device_bytes = size_bytes,
		.bytes = size_bytes,
		.making = making,
		.err = err,
	};
	int ret = 0;

	if (!c.bytes && given(&c, OPT_CAPACITY_MB))
		c.bytes = num(&c, OPT_CAPACITY_MB) * ZL_MIB;
	size_text(&c, c.bytes, c.size);
	for (size_t i = 0; i < ZL_ARRAY_SIZE(checks) && !ret; i++)
		ret = checks[i](&c);
	/* The size of a disk with realms follows from these. */
	if (!ret && c.bytes && !is_realms(&c))
		ret = check_size(&c);
	return ret;
}

int disk_opts_check_new(const struct disk_opts *opts, struct zl_err *err)
{
	return opts_check(opts, 0, true, err);
}

int disk_opts_check(const struct disk_opts *opts, uint64_t size_bytes,
		    struct zl_err *err)
{
	return opts_check(opts, size_bytes, false, err);
}
