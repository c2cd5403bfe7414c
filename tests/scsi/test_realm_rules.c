// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * The rules of zone domains and realms, a row each.  A row that has the number
 * of a script of libzbc's tests expects what that script does; where libzbc and
 * docs/realms.md differ the row says so.
 *
 * Four realms.  Realm 1 is active as sequential zones, the others as
 * conventional or sequential or before required ones; realms 0 and 3 have no
 * others.  By zone:
 *
 *    0  1 | 2  3 | 4  5 | 6  7 | 8 | 9 10 11 | 12 13 14
 *    realm 0   1      2      3  gap  realm 1    realm 2
 *          inactive                             inactive
 */
#include "rig.h"

#define OPTS                                                    \
	"model=realms,zone_size_mb=1,realms=4,realm_zones=2+3," \
	"cmr_realms=1+1,max_open_zones=2,physical_block_size=4096"

/* Zones. */
enum {
	FIRST = 0, /* of the first domain, active */
	SECOND = 1,
	GONE = 2, /* of the first domain, inactive */
	LAST = 7,
	GAP = 8,
	SEQ = 9, /* of the other domain, active */
	SEQ_LAST = 11,
	SEQ_GONE = 12,
	NR_ZONES = 15,
};

enum disk_kind {
	CONV = 0,
	SOBR = 1,
	RESTRICTED = 2, /* URSWRZ=0 */
	/* Sequential write preferred zones 8 to 13, without a gap. */
	BESIDE = 4,
};

enum act {
	END,
	CLOSE = ZO_CLOSE,
	FINISH = ZO_FINISH,
	OPEN = ZO_OPEN,
	RESET = ZO_RESET,
	ALL = 0x10, /* with one of these */
	READ = 0x20,
	WRITE,
	VERIFY,
	WRITE_SAME,
};

/* @nr: blocks; of a zone command ZONE COUNT. */
struct step {
	enum act act;
	uint8_t zone;
	uint16_t at, nr;
	uint32_t sense;	     /* 0: GOOD */
	enum zone_cond cond; /* of the zone afterwards, … */
	int wp;		     /* … and its write pointer; -1: none */
	uint8_t field;	     /* pointer of 5/24/00; 0: 2 */
};

struct rule {
	const char *name;
	unsigned disk;
	struct step steps[9];
};

#define BAD_CDB	   0x52400
#define UNALIGNED  0x52104
#define W_BOUNDARY 0x52105
#define R_INVALID  0x52106
#define IN_GAP	   0x52109
#define INACTIVE   0x72c12

#define Z MIB_BLOCKS

#define NOT_WP	  ZC_NOT_WP, -1
#define EMPTY	  ZC_EMPTY, 0
#define GONE_COND ZC_INACTIVE, -1
#define IMP(wp)	  ZC_IMP_OPEN, wp
#define FULL	  ZC_FULL, Z

static const struct rule rules[] = {
	/* Zone management. */
	{ "05.320 330 340 350, sequential",
	  CONV,
	  { { OPEN, SEQ_GONE, 0, 0, INACTIVE, GONE_COND },
	    { CLOSE, SEQ_GONE, 0, 0, INACTIVE, GONE_COND },
	    { FINISH, SEQ_GONE, 0, 0, INACTIVE, GONE_COND },
	    { RESET, SEQ_GONE, 0, 0, INACTIVE, GONE_COND } } },
	{ "05.322 332 342 352, conventional",
	  CONV,
	  { { OPEN, GONE, 0, 0, BAD_CDB, GONE_COND },
	    { CLOSE, GONE, 0, 0, BAD_CDB, GONE_COND },
	    { FINISH, GONE, 0, 0, BAD_CDB, GONE_COND },
	    { RESET, GONE, 0, 0, BAD_CDB, GONE_COND } } },
	{ "05.322 332 342 352, sequential or before required",
	  SOBR,
	  { { OPEN, GONE, 0, 0, INACTIVE, GONE_COND },
	    { CLOSE, GONE, 0, 0, INACTIVE, GONE_COND },
	    { FINISH, GONE, 0, 0, INACTIVE, GONE_COND },
	    { RESET, GONE, 0, 0, INACTIVE, GONE_COND } } },
	{ "05.323 333 343 353",
	  CONV,
	  { { OPEN, GAP, 0, 0, IN_GAP, NOT_WP },
	    { CLOSE, GAP, 0, 0, IN_GAP, NOT_WP },
	    { FINISH, GAP, 0, 0, IN_GAP, NOT_WP },
	    { RESET, GAP, 0, 0, IN_GAP, NOT_WP } } },
	{ "05.201 202 203 204, empty",
	  SOBR,
	  { { OPEN, FIRST, 0, 0, BAD_CDB, EMPTY },
	    { CLOSE, FIRST, 0, 0, BAD_CDB, EMPTY },
	    { FINISH, FIRST, 0, 0, BAD_CDB, EMPTY },
	    { RESET, FIRST, 0, 0, 0, EMPTY } } },
	{ "05.205 206 207 208, implicitly opened",
	  SOBR,
	  { { WRITE, FIRST, 0, 8, 0, IMP(8) },
	    { OPEN, FIRST, 0, 0, BAD_CDB, IMP(8) },
	    { CLOSE, FIRST, 0, 0, BAD_CDB, IMP(8) },
	    { FINISH, FIRST, 0, 0, BAD_CDB, IMP(8) },
	    { RESET, FIRST, 0, 0, 0, EMPTY } } },
	{ "05.221 222 223 224, full",
	  SOBR,
	  { { WRITE, FIRST, 0, Z, 0, FULL },
	    { OPEN, FIRST, 0, 0, BAD_CDB, FULL },
	    { CLOSE, FIRST, 0, 0, BAD_CDB, FULL },
	    { FINISH, FIRST, 0, 0, BAD_CDB, FULL },
	    { RESET, FIRST, 0, 0, 0, EMPTY } } },
	{ "05.225 226 227 228, empty, ALL",
	  SOBR,
	  { { ALL | OPEN, FIRST, 0, 0, 0, EMPTY },
	    { ALL | CLOSE, FIRST, 0, 0, 0, EMPTY },
	    { ALL | FINISH, FIRST, 0, 0, 0, EMPTY },
	    { ALL | RESET, FIRST, 0, 0, 0, EMPTY } } },
	/* 05.231 wants 5/24/00 of FINISH ALL: it is skipped, as everything is
	 * that does not know the command. */
	{ "05.229 230 231 232, implicitly opened, ALL",
	  SOBR,
	  { { WRITE, FIRST, 0, 8, 0, IMP(8) },
	    { ALL | OPEN, FIRST, 0, 0, 0, IMP(8) },
	    { ALL | CLOSE, FIRST, 0, 0, 0, IMP(8) },
	    { ALL | FINISH, FIRST, 0, 0, 0, IMP(8) },
	    { ALL | RESET, FIRST, 0, 0, 0, EMPTY } } },
	{ "05.245 246 247 248, full, ALL",
	  SOBR,
	  { { WRITE, FIRST, 0, Z, 0, FULL },
	    { ALL | OPEN, FIRST, 0, 0, 0, FULL },
	    { ALL | CLOSE, FIRST, 0, 0, 0, FULL },
	    { ALL | FINISH, FIRST, 0, 0, 0, FULL },
	    { ALL | RESET, FIRST, 0, 0, 0, EMPTY } } },
	{ "ALL passes inactive and gap zones over",
	  CONV,
	  { { WRITE, SEQ, 0, 8, 0, IMP(8) },
	    { ALL | CLOSE, SEQ_GONE, 0, 0, 0, GONE_COND },
	    { ALL | OPEN, SEQ, 0, 0, 0, ZC_EXP_OPEN, 8 },
	    { ALL | FINISH, SEQ, 0, 0, 0, FULL },
	    { ALL | RESET, GAP, 0, 0, 0, NOT_WP },
	    { ALL | RESET, GONE, 0, 0, 0, GONE_COND },
	    { ALL | RESET, SEQ, 0, 0, 0, EMPTY } } },
	{ "05.120 to 150, not the start of a zone",
	  SOBR,
	  { { OPEN, FIRST, 8, 0, BAD_CDB, EMPTY },
	    { RESET, FIRST, 8, 0, BAD_CDB, EMPTY },
	    { RESET, GONE, 8, 0, BAD_CDB, GONE_COND },
	    { OPEN, GAP, 8, 0, BAD_CDB, NOT_WP },
	    { RESET, SEQ_GONE, 8, 0, BAD_CDB, GONE_COND } } },
	{ "ZONE COUNT from one realm into an inactive one",
	  CONV,
	  { { FINISH, SEQ, 0, 3, 0, FULL },
	    { RESET, SEQ, 0, 4, INACTIVE, FULL },
	    { RESET, SEQ, 0, 3, 0, EMPTY } } },
	{ "ZONE COUNT over a domain's end",
	  SOBR,
	  { { RESET, LAST, 0, 2, BAD_CDB, EMPTY, 12 } } },
	{ "ZONE COUNT over the last zone",
	  CONV,
	  { { RESET, SEQ_LAST, 0, 5, BAD_CDB, EMPTY, 12 } } },

	/* Reads.  05.062 takes 5/21/07, too. */
	{ "05.360 362 363",
	  CONV,
	  { { READ, SEQ_GONE, 0, 8, 0, GONE_COND },
	    { READ, GONE, 0, 8, 0, GONE_COND },
	    { READ, GAP, 0, 8, 0, NOT_WP },
	    { VERIFY, SEQ_GONE, 0, 8, 0, GONE_COND },
	    { VERIFY, GAP, 0, 8, 0, NOT_WP } } },
	{ "05.360 362 363, URSWRZ=0",
	  CONV | RESTRICTED,
	  { { READ, SEQ_GONE, 0, 8, INACTIVE, GONE_COND },
	    { READ, GONE, 0, 8, 0, GONE_COND },
	    { READ, GAP, 0, 8, IN_GAP, NOT_WP },
	    { VERIFY, SEQ_GONE, 0, 8, INACTIVE, GONE_COND } } },
	{ "05.062, into the gap",
	  CONV,
	  { { READ, LAST, Z - 8, 16, R_INVALID, NOT_WP } } },
	{ "05.062, into the gap, URSWRZ=0",
	  CONV | RESTRICTED,
	  { { READ, LAST, Z - 8, 16, IN_GAP, NOT_WP } } },
	{ "05.160 to 164, URSWRZ=0",
	  SOBR | RESTRICTED,
	  { { READ, FIRST, 0, 8, R_INVALID, EMPTY },
	    { WRITE, FIRST, 0, Z, 0, FULL },
	    { READ, FIRST, Z - 8, 16, R_INVALID, FULL },
	    { WRITE, SECOND, 0, 8, 0, IMP(8) },
	    { READ, FIRST, Z - 8, 16, 0, FULL },
	    { READ, FIRST, Z - 8, 17, R_INVALID, FULL } } },
	{ "05.160 to 164, URSWRZ=1",
	  SOBR,
	  { { READ, FIRST, 0, 8, 0, EMPTY },
	    { READ, FIRST, Z - 8, 16, 0, EMPTY } } },

	/* Writes. */
	{ "05.370 372 373",
	  CONV,
	  { { WRITE, SEQ_GONE, 0, 8, INACTIVE, GONE_COND },
	    { WRITE, GONE, 0, 8, INACTIVE, GONE_COND },
	    { WRITE, GAP, 0, 8, IN_GAP, NOT_WP },
	    { WRITE_SAME, SEQ_GONE, 0, 8, INACTIVE, GONE_COND },
	    { WRITE_SAME, GAP, 0, 8, IN_GAP, NOT_WP } } },
	{ "05.390",
	  CONV,
	  { { WRITE, SEQ_LAST, 0, Z - 8, 0, IMP(Z - 8) },
	    { WRITE, SEQ_LAST, Z - 8, 16, W_BOUNDARY, IMP(Z - 8) } } },
	{ "05.391",
	  SOBR,
	  { { WRITE, SECOND, 0, Z - 8, 0, IMP(Z - 8) },
	    { WRITE, SECOND, Z - 8, 16, INACTIVE, IMP(Z - 8) } } },
	{ "conventional into inactive",
	  CONV,
	  { { WRITE, SECOND, Z - 8, 16, INACTIVE, NOT_WP } } },
	{ "05.170 193 196, above the write pointer",
	  SOBR,
	  { { WRITE, FIRST, 8, 8, UNALIGNED, EMPTY },
	    { WRITE, FIRST, 0, 8, 0, IMP(8) },
	    { WRITE, FIRST, 16, 8, UNALIGNED, IMP(8) },
	    { WRITE, SECOND, 8, 8, UNALIGNED, EMPTY } } },
	{ "05.270 to 272, at or below the write pointer",
	  SOBR,
	  { { WRITE, FIRST, 0, 16, 0, IMP(16) },
	    { WRITE, FIRST, 0, 8, 0, IMP(16) },
	    { WRITE, FIRST, 8, 16, 0, IMP(24) },
	    { WRITE, FIRST, 24, 8, 0, IMP(32) },
	    { WRITE, FIRST, 0, 32, 0, IMP(32) } } },
	{ "05.175 176, parts of physical blocks",
	  SOBR,
	  { { WRITE, FIRST, 0, 16, 0, IMP(16) },
	    { WRITE, FIRST, 1, 3, 0, IMP(16) },
	    { WRITE, FIRST, 15, 1, 0, IMP(16) },
	    { WRITE, FIRST, 8, 12, UNALIGNED, IMP(16) },
	    { WRITE, FIRST, 16, 1, UNALIGNED, IMP(16) },
	    { WRITE, FIRST, 9, 15, 0, IMP(24) } } },
	{ "05.271 273, to the end",
	  SOBR,
	  { { WRITE, FIRST, 0, Z - 8, 0, IMP(Z - 8) },
	    { WRITE, FIRST, Z - 16, 16, 0, FULL } } },
	{ "05.174 278, full",
	  SOBR,
	  { { WRITE, FIRST, 0, Z, 0, FULL },
	    { WRITE, FIRST, 0, 8, 0, FULL },
	    { WRITE, FIRST, Z - 1, 1, 0, FULL },
	    { WRITE, FIRST, 3, 2, 0, FULL } } },
	{ "05.171 190 to 195, into the next zone",
	  SOBR,
	  { { WRITE, FIRST, 0, Z - 8, 0, IMP(Z - 8) },
	    { WRITE, FIRST, Z - 8, 16, 0, FULL },
	    { WRITE, SECOND, 0, 8, 0, IMP(8) },
	    { WRITE, FIRST, Z - 8, 8 + 16, 0, FULL },
	    { WRITE, SECOND, 16, 8, 0, IMP(24) },
	    { WRITE, FIRST, Z - 8, 8 + 9, 0, FULL },
	    { WRITE, SECOND, 24, 8, 0, IMP(32) } } },
	{ "05.671, every resource explicitly held",
	  SOBR,
	  { { OPEN, SEQ, 0, 2, 0, ZC_EXP_OPEN, 0 },
	    { OPEN, SEQ_LAST, 0, 0, 0x7550e, EMPTY },
	    { WRITE, SEQ_LAST, 0, 8, 0x7550e, EMPTY },
	    { WRITE, FIRST, 0, 8, 0, IMP(8) },
	    { WRITE, SECOND, 0, 8, 0, IMP(8) },
	    { WRITE, LAST, 0, 8, 0, IMP(8) } } },
	{ "sequential or before required into the gap",
	  SOBR,
	  { { WRITE, LAST, 0, Z - 8, 0, IMP(Z - 8) },
	    { WRITE, LAST, Z - 8, 16, IN_GAP, IMP(Z - 8) } } },
	{ "from one domain into the next",
	  BESIDE,
	  { { WRITE, LAST, Z - 8, 16, W_BOUNDARY, NOT_WP },
	    { READ, LAST, Z - 8, 16, R_INVALID, NOT_WP },
	    { VERIFY, LAST, Z - 8, 16, R_INVALID, NOT_WP },
	    { WRITE, GAP, Z - 8, 16, 0, FULL },
	    { READ, GAP, Z - 8, 16, 0, FULL } } },
};

static struct rig rig;

static uint64_t lba_of(uint8_t zone)
{
	return (uint64_t)zone * Z;
}

static const char *domains_of(unsigned disk)
{
	if (disk & BESIDE)
		return "conv+seqp,domain_gap=0";
	return disk & SOBR ? "sobr+seq" : "conv+seq";
}

/* ZONE ACTIVATE of realm 1, by its zones in the first domain. */
static void start(const struct rule *rule)
{
	char opts[300];

	snprintf(opts, sizeof(opts), "%s,domains=%s,urswrz=%d", OPTS,
		 domains_of(rule->disk), !(rule->disk & RESTRICTED));
	rig_start(&rig, opts);
	/* Sequential or before required zones are FULL at first. */
	rig_zone_all(&rig, ZO_RESET);
	CMD(&rig, NULL, 200, 0x95, 0x08, [8] = 0x10, [11] = 2, [13] = 200, 1);
	check_good(&rig);
	assert_int_equal(rig.data[8], 0x81);
}

static void transfer(const struct step *s, uint8_t opcode, size_t blocks)
{
	uint8_t *data = calloc(blocks + 1, 512);

	assert_non_null(data);
	rig_rw(&rig, opcode, lba_of(s->zone) + s->at, s->nr, data,
	       blocks * 512);
	free(data);
}

static void manage(const struct step *s)
{
	uint8_t cdb[16] = { 0x94,
			    (uint8_t)(s->act & ~ALL), [13] = (uint8_t)s->nr,
			    s->act & ALL ? 1 : 0 };

	be64_put(cdb + 2, lba_of(s->zone) + s->at);
	rig_cmd(&rig, cdb, sizeof(cdb), NULL, 0);
}

static void carry_out(const struct step *s)
{
	switch (s->act) {
	case READ:
		transfer(s, 0x88, s->nr);
		break;
	case WRITE:
		transfer(s, 0x8a, s->nr);
		break;
	case VERIFY:
		transfer(s, 0x8f, 0);
		break;
	case WRITE_SAME:
		transfer(s, 0x93, 1);
		break;
	default:
		manage(s);
	}
}

static void check_step(const struct step *s)
{
	uint64_t start_lba = lba_of(s->zone);

	if (!s->sense)
		check_good(&rig);
	else if (s->sense == BAD_CDB)
		check_bad_cdb(&rig, s->field ? s->field : 2, -1);
	else
		check_sense(&rig, s->sense);
	check_zone(&rig, start_lba, s->cond,
		   s->wp < 0 ? UINT64_MAX : start_lba + (uint64_t)s->wp);
}

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < ZL_ARRAY_SIZE(rules); i++) {
		const struct step *s = rules[i].steps;

		print_message("%s\n", rules[i].name);
		start(&rules[i]);
		for (; s->act; s++) {
			carry_out(s);
			check_step(s);
		}
		rig_stop(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
	};

	return cmocka_run_group_tests_name("realm_rules", tests, NULL, NULL);
}
