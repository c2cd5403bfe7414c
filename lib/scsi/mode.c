// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * MODE SENSE and MODE SELECT (SPC-5 6.14 to 6.17, 7.5; SBC-4 6.5).
 *
 * Pages are rows of a table: default values and which bits can be changed.
 * Three bits can be changed, and with SP saved: the disk keeps which of them
 * are saved with another value than the default one, and as long as the power
 * is on which of them have another value than the saved one: the daemon's death
 * must not switch a write cache on.  The zoned block device control page is all
 * the disk's: it is not kept here, but built when it is asked for.
 *
 * MODE SELECT raises no unit attention for other initiators (SPC-5 wants MODE
 * PARAMETERS CHANGED): which initiator sent a command is not known here, and
 * the sender must not get one.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/be.h"
#include "base/num.h"
#include "scsi/internal.h"

#define PAGE_ALL    0x3f
#define SUBPAGE_ALL 0xff

#define SHORT_BLOCK_DESC 8
#define LONG_BLOCK_DESC	 16

#define PS  0x80
#define SPF 0x40

#define DEV_SPECIFIC_WP	    0x80
#define DEV_SPECIFIC_DPOFUA 0x10

#define WCE	0x04 /* byte 2 of the caching page */
#define D_SENSE 0x04 /* byte 2 of the control page */
#define SWP	0x08 /* byte 4 of the control page */

/* EXTENDED SELF-TEST COMPLETION TIME, of the control page. */
#define SELF_TEST_TIME 10

/* Fields of the zoned block device control page: the default number of zones,
 * unrestricted reads, MAXIMUM ACTIVATION. */
#define FSNOZ	       4
#define URSWRZ	       10
#define MAX_ACTIVATION 16

struct mode_page {
	uint8_t len; /* with its header */
	uint8_t def[MODE_PAGE_MAX];
	uint8_t changeable[MODE_PAGE_MAX];
};

/* Ascending by page code, then subpage code. */
static const struct mode_page pages[MODE_NR] = {
	/* Nothing is retried or reallocated here: the backing file system has
	 * done what could be done. */
	[MODE_ERROR_RECOVERY] = { .len = 12, .def = { 0x01, 10 } },
	[MODE_VERIFY_RECOVERY] = { .len = 12, .def = { 0x07, 10 } },
	[MODE_CACHING] = { .len = 20,
			   .def = { 0x08, 18, WCE },
			   .changeable = { [2] = WCE } },
	/* QUEUE ALGORITHM MODIFIER 1: commands of different zones run side by
	 * side. */
	[MODE_CONTROL] = { .len = 12,
			   .def = { 0x0a, 10, 0, 0x10 },
			   .changeable = { [2] = D_SENSE, [4] = SWP } },
	[MODE_CONTROL_EXT] = { .len = 32, .def = { 0x0a | SPF, 0x01, 0, 28 } },
	[MODE_ZONED] = { .len = 20,
			 .def = { 0x0a | SPF, 0x0f, 0, 16 },
			 .changeable = { [FSNOZ] = 0xff,
					 0xff,
					 0xff,
					 0xff,
					 [URSWRZ] = 0x01,
					 [MAX_ACTIVATION] = 0xff,
					 0xff } },
	/* MRIE 6h: informational exceptions are reported to those who ask. */
	[MODE_IE_CONTROL] = { .len = 12, .def = { 0x1c, 10, 0, 0x06 } },
	[MODE_BACKGROUND] = { .len = 16, .def = { 0x1c | SPF, 0x01, 0, 12 } },
};

static uint8_t page_code(const struct mode_page *page)
{
	return page->def[0] & 0x3f;
}

static uint8_t subpage_code(const struct mode_page *page)
{
	return page->def[0] & SPF ? page->def[1] : 0;
}

/* Whether this unit has that page. */
static bool page_there(const struct scsi_unit *u, unsigned id)
{
	return u->realms || id != MODE_ZONED;
}

/*
 * Bits that are 0 and stay 0, whatever page control is asked for: a unit that
 * writes through has no cache that could be switched on.  What was chosen and
 * saved at another time is kept for another time.
 */
static uint8_t fixed_bits(const struct scsi_unit *u, unsigned id, unsigned byte)
{
	return u->write_through && id == MODE_CACHING && byte == 2 ? WCE : 0;
}

/* The copies that commands look at.  Under mode_lock. */
static void refresh(struct scsi_unit *u)
{
	u->wce = u->mode[MODE_CACHING][2] & WCE && !u->write_through;
	u->d_sense = u->mode[MODE_CONTROL][2] & D_SENSE;
	u->swp = u->mode[MODE_CONTROL][4] & SWP;
}

/* What can be saved: a bit of the value that the disk keeps for each. */
static const struct saved_bit {
	enum mode_id id;
	uint8_t byte, mask;
} saved_bits[] = {
	{ MODE_CACHING, 2, WCE },
	{ MODE_CONTROL, 2, D_SENSE },
	{ MODE_CONTROL, 4, SWP },
};

static uint64_t encode_saved(uint8_t mode[][MODE_PAGE_MAX])
{
	const struct saved_bit *s = saved_bits;
	uint64_t v = 0;

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(saved_bits); i++, s++)
		if ((mode[s->id][s->byte] ^ pages[s->id].def[s->byte]) &
		    s->mask)
			v |= UINT64_C(1) << i;
	return v;
}

/* Bits of a newer version's are not ours to understand. */
static void decode_saved(uint64_t v, uint8_t mode[][MODE_PAGE_MAX])
{
	const struct saved_bit *s = saved_bits;

	for (unsigned i = 0; i < ZL_ARRAY_SIZE(saved_bits); i++, s++)
		if (v >> i & 1)
			mode[s->id][s->byte] ^= s->mask;
}

/* All pages as those values say. */
static void set_values(uint8_t mode[][MODE_PAGE_MAX], uint64_t values)
{
	for (unsigned i = 0; i < MODE_NR; i++)
		memcpy(mode[i], pages[i].def, MODE_PAGE_MAX);
	decode_saved(values, mode);
}

/* The one-byte MODE DATA LENGTH of MODE SENSE(6) must do for all pages. */
static void check_lengths(void)
{
	unsigned sum = 4 + SHORT_BLOCK_DESC;

	for (unsigned i = 0; i < MODE_NR; i++) {
		assert(pages[i].len <= MODE_PAGE_MAX);
		sum += pages[i].len;
	}
	assert(sum <= 256);
	(void)sum;
}

void scsi_mode_init(struct scsi_unit *unit)
{
	pthread_mutex_init(&unit->mode_lock, NULL);
	check_lengths();
	set_values(unit->saved_mode, disk_saved(unit->disk));
	scsi_mode_power_on(unit);
	/* Unless the power was on all the time. */
	decode_saved(disk_saved(unit->disk) >> CURRENT_SHIFT, unit->mode);
	refresh(unit);
}

void scsi_mode_power_on(struct scsi_unit *unit)
{
	pthread_mutex_lock(&unit->mode_lock);
	memcpy(unit->mode, unit->saved_mode, sizeof(unit->mode));
	refresh(unit);
	pthread_mutex_unlock(&unit->mode_lock);
}

/*
 * MODE SENSE.
 */

enum page_control {
	PC_CURRENT,
	PC_CHANGEABLE,
	PC_DEFAULT,
	PC_SAVED
};

/* Writes the fields of the disk's page. */
static void put_control(const struct disk_control *c, uint8_t *page)
{
	be32_put(page + FSNOZ, c->nr_zones);
	page[URSWRZ] = c->urswrz;
	be16_put(page + MAX_ACTIVATION, c->max_activation);
}

static void build_control(struct scsi_unit *u, enum page_control pc,
			  uint8_t *to)
{
	struct disk_control now, saved, made;

	disk_get_control(u->disk, &now, &saved, &made);
	if (pc == PC_CURRENT)
		put_control(&now, to);
	else if (pc == PC_DEFAULT)
		put_control(&made, to);
	else if (pc == PC_SAVED)
		put_control(&saved, to);
}

static void put_self_test_time(const struct scsi_unit *u, uint8_t *page)
{
	be16_put(page + SELF_TEST_TIME,
		 (uint16_t)min_u64(scsi_self_test_secs(u), UINT16_MAX));
}

/* Under mode_lock.  Returns the page's length. */
static size_t build_page(struct scsi_unit *u, unsigned id, enum page_control pc,
			 uint8_t *to)
{
	const struct mode_page *page = &pages[id];
	size_t head = page->def[0] & SPF ? 4 : 2;

	if (pc == PC_CURRENT)
		memcpy(to, u->mode[id], page->len);
	else if (pc == PC_DEFAULT)
		memcpy(to, page->def, page->len);
	else if (pc == PC_SAVED)
		memcpy(to, u->saved_mode[id], page->len);
	else
		memcpy(to, page->changeable, page->len);
	memcpy(to, page->def, head);
	for (unsigned i = head; i < page->len; i++)
		to[i] &= (uint8_t)~fixed_bits(u, id, i);
	if (id == MODE_ZONED)
		build_control(u, pc, to);
	if (id == MODE_CONTROL && pc != PC_CHANGEABLE)
		put_self_test_time(u, to);
	to[0] |= PS;
	return page->len;
}

static bool page_asked_for(const struct mode_page *page, uint8_t code,
			   uint8_t sub)
{
	return (code == PAGE_ALL || code == page_code(page)) &&
	       (sub == SUBPAGE_ALL || sub == subpage_code(page));
}

static bool code_known(uint8_t code)
{
	for (unsigned i = 0; i < MODE_NR; i++)
		if (page_code(&pages[i]) == code)
			return true;
	return code == PAGE_ALL;
}

/* Returns the length of the pages; 0: there is none such. */
static size_t build_pages(struct scsi_unit *u, enum page_control pc,
			  uint8_t code, uint8_t sub, uint8_t *to)
{
	size_t len = 0;

	if (code == PAGE_ALL && sub != 0 && sub != SUBPAGE_ALL)
		return 0;
	pthread_mutex_lock(&u->mode_lock);
	for (unsigned i = 0; i < MODE_NR; i++)
		if (page_there(u, i) && page_asked_for(&pages[i], code, sub))
			len += build_page(u, i, pc, to + len);
	pthread_mutex_unlock(&u->mode_lock);
	return len;
}

static size_t build_block_desc(const struct scsi_unit *u, bool long_lba,
			       uint8_t *to)
{
	/* With realms it is the size of the disk that READ CAPACITY tells of.
	 */
	uint64_t nr = u->realms ? scsi_told_blocks(u) : u->capacity_blocks;

	if (long_lba) {
		memset(to, 0, LONG_BLOCK_DESC);
		be64_put(to, nr);
		be32_put(to + 12, u->block_bytes);
		return LONG_BLOCK_DESC;
	}
	be32_put(to, (uint32_t)min_u64(nr, UINT32_MAX));
	be32_put(to + 4, u->block_bytes); /* byte 4 is reserved */
	return SHORT_BLOCK_DESC;
}

static uint8_t device_specific(const struct scsi_unit *u)
{
	return DEV_SPECIFIC_DPOFUA | (u->swp ? DEV_SPECIFIC_WP : 0);
}

#define MODE_DATA_MAX (8 + LONG_BLOCK_DESC + MODE_NR * MODE_PAGE_MAX)

struct mode_sense {
	bool six, dbd, long_lba;
	enum page_control pc;
	uint8_t code, sub;
	uint32_t alloc_bytes;
};

static void decode_sense(struct mode_sense *ms, const uint8_t *cdb, bool six)
{
	ms->six = six;
	ms->dbd = cdb[1] & 0x08;
	ms->long_lba = !six && cdb[1] & 0x10;
	ms->pc = (enum page_control)(cdb[2] >> 6);
	ms->code = cdb[2] & 0x3f;
	ms->sub = cdb[3];
	ms->alloc_bytes = six ? cdb[4] : be16_get(cdb + 7);
}

/* Length fields tell the whole length, whatever the allocation length cuts. */
static void build_header(const struct scsi_unit *u, const struct mode_sense *ms,
			 uint8_t *data, size_t len, size_t desc_len)
{
	if (ms->six) {
		data[0] = (uint8_t)(len - 1);
		data[2] = device_specific(u);
		data[3] = (uint8_t)desc_len;
		return;
	}
	be16_put(data, (uint16_t)(len - 2));
	data[3] = device_specific(u);
	data[4] = ms->long_lba; /* LONGLBA */
	be16_put(data + 6, (uint16_t)desc_len);
}

static enum scsi_next mode_sense(struct scsi_cmd *cmd, bool six)
{
	struct scsi_unit *u = cmd->unit;
	uint8_t data[MODE_DATA_MAX] = { 0 };
	size_t head_len = six ? 4 : 8, desc_len = 0, len;
	struct mode_sense ms;

	decode_sense(&ms, cmd->cdb, six);
	if (!ms.dbd)
		desc_len = build_block_desc(u, ms.long_lba, data + head_len);
	len = build_pages(u, ms.pc, ms.code, ms.sub,
			  data + head_len + desc_len);
	if (!len)
		return code_known(ms.code) ? scsi_bad_cdb(cmd, 3, NO_BIT)
					   : scsi_bad_cdb(cmd, 2, 5);
	len += head_len + desc_len;
	build_header(u, &ms, data, len, desc_len);
	return data_in_all(cmd, ms.alloc_bytes, data, len);
}

enum scsi_next scsi_mode_sense_6(struct scsi_cmd *cmd)
{
	return mode_sense(cmd, true);
}

enum scsi_next scsi_mode_sense_10(struct scsi_cmd *cmd)
{
	return mode_sense(cmd, false);
}

bool scsi_mode_in_sanitize(const uint8_t *cdb)
{
	uint8_t code = cdb[2] & 0x3f;

	return !cdb[3] && (code == page_code(&pages[MODE_CACHING]) ||
			   code == page_code(&pages[MODE_CONTROL]) ||
			   code == page_code(&pages[MODE_IE_CONTROL]));
}

/*
 * MODE SELECT.  The parameter list is read piece by piece; each function
 * returns false when it has ended the command with sense data.
 */

struct mode_list {
	struct scsi_cmd *cmd;
	struct iov_cur cur;
	unsigned at;   /* offset of the next byte in the list */
	unsigned left; /* bytes */
};

static bool take(struct mode_list *list, uint8_t *to, unsigned len)
{
	if (list->left < len) {
		scsi_fail(list->cmd, PARAMETER_LIST_LENGTH_ERROR);
		return false;
	}
	iov_get(&list->cur, to, len);
	list->at += len;
	list->left -= len;
	return true;
}

static bool bad(struct mode_list *list, unsigned byte, int bit)
{
	scsi_bad_param(list->cmd, byte, bit);
	return false;
}

/* MODE DATA LENGTH is reserved here; the device-specific parameter (WP and
 * DPOFUA) is ignored, so that what MODE SENSE returned can be sent back. */
static bool take_header_6(struct mode_list *list, bool *long_lba,
			  unsigned *desc_len)
{
	uint8_t head[4];

	if (!take(list, head, sizeof(head)))
		return false;
	if (head[0])
		return bad(list, 0, NO_BIT);
	if (head[1]) /* MEDIUM TYPE */
		return bad(list, 1, NO_BIT);
	*long_lba = false;
	*desc_len = head[3];
	return !*desc_len || *desc_len == SHORT_BLOCK_DESC ||
	       bad(list, 3, NO_BIT);
}

static bool take_header_10(struct mode_list *list, bool *long_lba,
			   unsigned *desc_len)
{
	uint8_t head[8];

	if (!take(list, head, sizeof(head)))
		return false;
	if (be16_get(head))
		return bad(list, 0, NO_BIT);
	if (head[2]) /* MEDIUM TYPE */
		return bad(list, 2, NO_BIT);
	if (head[4] & ~0x01)
		return bad(list, 4, 7);
	if (head[5])
		return bad(list, 5, NO_BIT);
	*long_lba = head[4] & 0x01;
	*desc_len = be16_get(head + 6);
	return !*desc_len ||
	       *desc_len == (*long_lba ? LONG_BLOCK_DESC : SHORT_BLOCK_DESC) ||
	       bad(list, 6, NO_BIT);
}

/*
 * Neither capacity nor block length can be changed.  NUMBER OF LOGICAL BLOCKS
 * is ignored for that (SBC-4 6.5.2), the rest must be what MODE SENSE returns.
 */
static bool take_block_desc(struct mode_list *list, bool long_lba)
{
	const struct scsi_unit *u = list->cmd->unit;
	uint8_t now[LONG_BLOCK_DESC], d[LONG_BLOCK_DESC];
	unsigned len = (unsigned)build_block_desc(u, long_lba, now);
	unsigned at = list->at, block_len = long_lba ? 12 : 5;

	if (!take(list, d, len))
		return false;
	for (unsigned i = long_lba ? 8 : 4; i < len; i++)
		if (d[i] != now[i])
			return bad(list, at + (i < block_len ? i : block_len),
				   NO_BIT);
	return true;
}

static int find_page(const struct scsi_unit *u, uint8_t code, uint8_t sub)
{
	for (int i = 0; i < MODE_NR; i++)
		if (page_there(u, (unsigned)i) &&
		    page_code(&pages[i]) == code &&
		    subpage_code(&pages[i]) == sub)
			return i;
	return -1;
}

/* Fields of several bytes: sense data point to the first of them. */
static const struct field {
	enum mode_id id;
	uint8_t first, len;
} long_fields[] = {
	{ MODE_ERROR_RECOVERY, 10, 2 },
	{ MODE_VERIFY_RECOVERY, 10, 2 },
	{ MODE_CACHING, 4, 2 },
	{ MODE_CACHING, 6, 2 },
	{ MODE_CACHING, 8, 2 },
	{ MODE_CACHING, 10, 2 },
	{ MODE_CACHING, 14, 2 },
	{ MODE_CONTROL, 8, 2 },
	{ MODE_CONTROL, SELF_TEST_TIME, 2 },
	{ MODE_IE_CONTROL, 4, 4 },
	{ MODE_IE_CONTROL, 8, 4 },
	{ MODE_BACKGROUND, 6, 2 },
	{ MODE_BACKGROUND, 8, 2 },
	{ MODE_BACKGROUND, 10, 2 },
	{ MODE_BACKGROUND, 12, 2 },
};

static bool bad_field(struct mode_list *list, unsigned at, unsigned id,
		      unsigned byte, uint8_t wrong)
{
	const struct field *f = long_fields;

	for (size_t i = 0; i < ZL_ARRAY_SIZE(long_fields); i++, f++)
		if (f->id == id && byte >= f->first && byte < f->first + f->len)
			return bad(list, at + f->first, NO_BIT);
	return bad(list, at + byte, top_bit(wrong));
}

/* Everything from byte @from on may differ from @now in changeable bits only;
 * those that are fixed are 0, and become what they are behind that. */
static bool check_changes(struct mode_list *list, unsigned at, unsigned id,
			  unsigned from, const uint8_t *now, uint8_t *data)
{
	const struct mode_page *page = &pages[id];
	uint8_t fixed, wrong;

	for (unsigned i = from; i < page->len; i++) {
		fixed = fixed_bits(list->cmd->unit, id, i);
		wrong = (data[i] ^ now[i]) & (uint8_t)~page->changeable[i];
		wrong |= data[i] & fixed;
		if (wrong)
			return bad_field(list, at, id, i, wrong);
		data[i] |= now[i] & fixed;
	}
	return true;
}

/*
 * A default number of zones of 0 stays as it is; one that is above MAXIMUM
 * ACTIVATION is refused, and one that was not meant to change goes down with
 * it.
 */
static bool control_ok(struct mode_list *list, unsigned at, const uint8_t *now,
		       uint8_t *data)
{
	uint32_t max = be16_get(data + MAX_ACTIVATION);
	uint32_t old = be32_get(now + FSNOZ), nr = be32_get(data + FSNOZ);

	if (!nr)
		nr = old;
	if (max && nr > max) {
		if (nr != old)
			return bad(list, at + FSNOZ, NO_BIT);
		nr = max;
	}
	be32_put(data + FSNOZ, nr);
	return true;
}

static bool take_page(struct mode_list *list, uint8_t mode[][MODE_PAGE_MAX])
{
	uint8_t data[MODE_PAGE_MAX];
	unsigned at = list->at, head = 2;
	const struct mode_page *page;
	int id;

	if (!take(list, data, 2))
		return false;
	if (data[0] & PS) /* reserved here */
		return bad(list, at, 7);
	if (data[0] & SPF) {
		head = 4;
		if (!take(list, data + 2, 2))
			return false;
	}
	id = find_page(list->cmd->unit, data[0] & 0x3f,
		       head == 4 ? data[1] : 0);
	if (id < 0)
		return bad(list, at, 5);
	page = &pages[id];
	/* One page, one form: SPF and the page length must be the page's. */
	if ((data[0] ^ page->def[0]) & SPF)
		return bad(list, at, 6);
	if (memcmp(data, page->def, head))
		return bad(list, at + head / 2, NO_BIT);
	if (!take(list, data + head, page->len - head))
		return false;
	if (!check_changes(list, at, (unsigned)id, head, mode[id], data) ||
	    (id == MODE_ZONED && !control_ok(list, at, mode[id], data)))
		return false;
	memcpy(mode[id], data, page->len);
	return true;
}

/* The list as a whole is right, or nothing changes. */
static bool take_list(struct mode_list *list, bool six,
		      uint8_t mode[][MODE_PAGE_MAX])
{
	unsigned desc_len;
	bool long_lba;

	if (!(six ? take_header_6(list, &long_lba, &desc_len)
		  : take_header_10(list, &long_lba, &desc_len)))
		return false;
	if (desc_len && !take_block_desc(list, long_lba))
		return false;
	while (list->left)
		if (!take_page(list, mode))
			return false;
	return true;
}

/* Of the current values from the saved ones.  Under mode_lock. */
static uint64_t difference(struct scsi_unit *u, uint64_t values)
{
	return (values ^ encode_saved(u->saved_mode)) << CURRENT_SHIFT;
}

/* What the disk is to keep of these current values.  Under mode_lock. */
static uint64_t to_save(const struct scsi_cmd *cmd, uint64_t values)
{
	return cmd->sp ? values : difference(cmd->unit, values);
}

/* Whether the disk has something to keep. */
static bool is_news(const struct scsi_cmd *cmd, uint64_t value)
{
	return cmd->sp ||
	       value != (disk_saved(cmd->unit->disk) & SAVED_CURRENT);
}

/* The current values with what the list changes.  Under mode_lock. */
static uint64_t changed_values(const struct scsi_cmd *cmd)
{
	uint64_t now = encode_saved(cmd->unit->mode);

	return (now & ~cmd->mode_mask) | (cmd->mode_values & cmd->mode_mask);
}

/* Under mode_lock. */
static void apply(struct scsi_cmd *cmd)
{
	uint64_t values = changed_values(cmd);

	set_values(cmd->unit->mode, values);
	refresh(cmd->unit);
	cmd->mode_values = values;
}

/* What the list makes of the disk's page. */
static void take_control(struct scsi_cmd *cmd, const uint8_t *old,
			 const uint8_t *page)
{
	cmd->has_control = cmd->unit->realms &&
			   (cmd->sp || memcmp(old, page, MODE_PAGE_MAX));
	cmd->control = (struct disk_control){
		.nr_zones = be32_get(page + FSNOZ),
		.max_activation = be16_get(page + MAX_ACTIVATION),
		.urswrz = page[URSWRZ],
	};
}

/*
 * Reads the list.  Returns whether it is right; *at_once: and nothing has to be
 * flushed or kept, so that it has been applied.
 */
static bool take_changes(struct mode_list *list, bool six, bool *at_once)
{
	struct scsi_cmd *cmd = list->cmd;
	struct scsi_unit *u = cmd->unit;
	uint8_t mode[MODE_NR][MODE_PAGE_MAX], old[MODE_PAGE_MAX];
	bool ok;

	pthread_mutex_lock(&u->mode_lock);
	memcpy(mode, u->mode, sizeof(mode));
	put_self_test_time(u, mode[MODE_CONTROL]);
	if (u->realms)
		build_control(u, PC_CURRENT, mode[MODE_ZONED]);
	memcpy(old, mode[MODE_ZONED], sizeof(old));
	ok = !list->left || take_list(list, six, mode);
	if (ok) {
		cmd->mode_values = encode_saved(mode);
		cmd->mode_mask = cmd->mode_values ^ encode_saved(u->mode);
		take_control(cmd, old, mode[MODE_ZONED]);
		*at_once = (mode[MODE_CACHING][2] & WCE || u->write_through) &&
			   !cmd->has_control &&
			   !is_news(cmd, to_save(cmd, cmd->mode_values));
		if (*at_once)
			apply(cmd);
	}
	pthread_mutex_unlock(&u->mode_lock);
	return ok;
}

static enum scsi_next mode_select(struct scsi_cmd *cmd, bool six)
{
	unsigned len_at = six ? 4 : 7;
	unsigned len = six ? cmd->cdb[4] : be16_get(cmd->cdb + 7);
	struct mode_list list = { .cmd = cmd,
				  .cur = iov_start(cmd->iov, cmd->iov_cnt),
				  .left = len };
	bool at_once;

	if (!(cmd->cdb[1] & 0x10)) /* PF: pages, not vendor specific data */
		return scsi_bad_cdb(cmd, 1, 4);
	/* Without a list SP saves what there is. */
	cmd->sp = cmd->cdb[1] & 0x01;
	if (!len && !cmd->sp)
		return scsi_good(cmd);
	if (len > cmd->buf_bytes)
		return scsi_bad_cdb(cmd, len_at, NO_BIT);
	if (!take_changes(&list, six, &at_once))
		return SCSI_DONE;
	return at_once ? scsi_good(cmd) : SCSI_RUN;
}

/* True: there is nothing for the disk to take. */
static bool control(struct scsi_cmd *cmd)
{
	if (!cmd->has_control)
		return true;
	cmd->io.op = DISK_CONTROL;
	cmd->io.control = cmd->control;
	cmd->io.save = cmd->sp;
	scsi_submit(cmd, NULL);
	return false;
}

static bool saved(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;

	if (cmd->sp) {
		pthread_mutex_lock(&u->mode_lock);
		set_values(u->saved_mode, cmd->mode_values);
		pthread_mutex_unlock(&u->mode_lock);
	}
	return control(cmd);
}

/* True: there is nothing to save. */
static bool save(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;
	uint64_t value;

	pthread_mutex_lock(&u->mode_lock);
	value = to_save(cmd, cmd->mode_values);
	pthread_mutex_unlock(&u->mode_lock);
	if (!is_news(cmd, value))
		return control(cmd);
	cmd->io.op = DISK_SAVE;
	cmd->io.lba = value;
	cmd->io.save_mask =
		cmd->sp ? SAVED_MODE | SAVED_CURRENT : SAVED_CURRENT;
	scsi_submit(cmd, cmd->sp || cmd->has_control ? saved : NULL);
	return false;
}

/*
 * What the cache holds must not outlast the promise that there is none: with
 * the cache off it may have something left, perhaps since it has been switched
 * off only now, or what was to be flushed then could not be.  So does software
 * write protection (SPC-5 7.5.8), which nothing is written behind.
 */
void scsi_mode_select_run(struct scsi_cmd *cmd)
{
	struct scsi_unit *u = cmd->unit;

	pthread_mutex_lock(&u->mode_lock);
	apply(cmd);
	pthread_mutex_unlock(&u->mode_lock);
	/* The current values have changed. */
	cmd->io.goes_on = true;
	if (!u->wce || u->swp)
		scsi_submit_sync(cmd, save);
	else if (save(cmd))
		scsi_finish(cmd);
}

bool scsi_is_unused(const struct scsi_unit *u)
{
	return !u->used;
}

bool scsi_write_cache(const struct scsi_unit *u)
{
	return u->wce;
}

int scsi_write_cache_off(struct scsi_unit *u)
{
	struct disk_io sync = { .op = DISK_SYNC };
	struct disk_io save = { .op = DISK_SAVE, .save_mask = SAVED_CURRENT };

	pthread_mutex_lock(&u->mode_lock);
	u->mode[MODE_CACHING][2] &= (uint8_t)~WCE;
	refresh(u);
	save.lba = difference(u, encode_saved(u->mode));
	pthread_mutex_unlock(&u->mode_lock);
	return disk_run(u->disk, &sync) || disk_run(u->disk, &save) ? -EIO : 0;
}

enum scsi_next scsi_mode_select_6(struct scsi_cmd *cmd)
{
	return mode_select(cmd, true);
}

enum scsi_next scsi_mode_select_10(struct scsi_cmd *cmd)
{
	return mode_select(cmd, false);
}
