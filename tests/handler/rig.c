// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* The handler in the stand-in: see rig.h. */
#include "rig.h"

#include "tests/runner/dev.h"

#define TEXTS 8

uint8_t rig_sense[RUNNER_SENSE_BYTES];

struct runner_handler *rig_handler(void)
{
	static struct runner_handler *h;
	char *why;

	if (h)
		return h;
	h = runner_load(HANDLER, &why);
	if (!h)
		fail_msg("%s", why);
	return h;
}

int rig_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");
	struct rig *rig = calloc(1, sizeof(*rig));

	assert_non_null(rig);
	snprintf(rig->dir, sizeof(rig->dir), "%s/zloop-handler-XXXXXX",
		 tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(rig->dir));
	rig_shell(rig, "mkdir $/d");
	setenv("ZLOOP_RUN_DIR", rig_text(rig, "$/run"), 1);
	rig_handler();
	runner_log_clear();
	*state = rig;
	return 0;
}

int rig_setup_dev(void **state)
{
	rig_setup(state);
	return rig_add(*state, RIG_CFG, RIG_BYTES);
}

int rig_teardown(void **state)
{
	struct rig *rig = *state;

	if (rig->dev)
		rig_remove(rig);
	rig_shell(rig, "rm -rf $");
	free(rig);
	return 0;
}

const char *rig_text(const struct rig *rig, const char *text)
{
	static char texts[TEXTS][2048];
	static unsigned next;
	char *to = texts[next++ % TEXTS], *at = to;

	for (; *text; text++)
		if (*text == '$')
			at += sprintf(at, "%s", rig->dir);
		else
			*at++ = *text;
	*at = 0;
	return to;
}

void rig_shell(const struct rig *rig, const char *command)
{
	assert_int_equal(system(rig_text(rig, command)), 0);
}

static int add(struct rig *rig, struct runner_handler *h, const char *cfg,
	       struct runner_dev_params *params)
{
	char cfgstring[512];

	assert_null(rig->dev);
	snprintf(cfgstring, sizeof(cfgstring), "zloop/%s", rig_text(rig, cfg));
	params->cfgstring = cfgstring;
	return runner_add(h, params, &rig->dev);
}

int rig_add_params(struct rig *rig, const char *cfg,
		   struct runner_dev_params *params)
{
	return add(rig, rig_handler(), cfg, params);
}

int rig_add_unchecked(struct rig *rig, const char *cfg,
		      struct runner_dev_params *params)
{
	static struct tcmur_handler ops;
	static struct runner_handler h = { .ops = &ops };

	ops = *rig_handler()->ops;
	ops.check_config = NULL;
	return add(rig, &h, cfg, params);
}

int rig_add(struct rig *rig, const char *cfg, uint64_t size_bytes)
{
	struct runner_dev_params params = { .size_bytes = size_bytes };

	return rig_add_params(rig, cfg, &params);
}

void rig_remove(struct rig *rig)
{
	runner_remove(rig->dev);
	rig->dev = NULL;
}

bool rig_logged(const struct rig *rig, int level, const char *part)
{
	char *line =
		runner_log_find(level, part ? rig_text(rig, part) : NULL, 0);

	free(line);
	return line;
}

/* Behind "zloop:0: ", without the newline. */
static char *log_text(unsigned index)
{
	char *line = runner_log_find(7, "zloop:0: ", index);

	if (line) {
		memmove(line, line + 9, strlen(line + 9) + 1);
		line[strcspn(line, "\n")] = 0;
	}
	return line;
}

char *rig_log(void)
{
	char *all = calloc(1, 1024 * 256), *line, *end = all;

	assert_non_null(all);
	for (unsigned i = 0; (line = log_text(i)); i++) {
		if (end - all > 4 && !strncmp(line, "... ", 4) &&
		    !memcmp(end - 5, " ...\n", 5))
			end += sprintf(end - 5, " %s\n", line + 4) - 5;
		else
			end += sprintf(end, "%s\n", line);
		free(line);
	}
	return all;
}

void assert_logged(const struct rig *rig, const char *sentence)
{
	const char *want = rig_text(rig, sentence);
	char *all = rig_log();

	if (!strstr(all, want))
		fail_msg("not in the log: %s\nbut:\n%s", want, all);
	free(all);
}

int rig_exec(struct rig *rig, const uint8_t *cdb, size_t cdb_len,
	     enum runner_dir dir, void *data, size_t len)
{
	return runner_exec(rig->dev, cdb, cdb_len, dir, data, len, rig_sense);
}

void cdb_rw(uint8_t cdb[16], uint8_t opcode, uint64_t lba, uint32_t blocks)
{
	memset(cdb, 0, 16);
	cdb[0] = opcode;
	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, blocks);
}

void cdb_zone(uint8_t cdb[16], uint8_t sa, uint64_t lba, bool all)
{
	memset(cdb, 0, 16);
	cdb[0] = 0x94;
	cdb[1] = sa;
	be64_put(cdb + 2, lba);
	cdb[14] = all;
}

int rig_write(struct rig *rig, uint64_t lba, uint32_t blocks, const void *data)
{
	uint8_t cdb[16];

	cdb_rw(cdb, 0x8a, lba, blocks);
	return rig_exec(rig, cdb, 16, RUNNER_OUT, (void *)(uintptr_t)data,
			blocks * 512);
}

int rig_read(struct rig *rig, uint64_t lba, uint32_t blocks, void *data)
{
	uint8_t cdb[16];

	cdb_rw(cdb, 0x88, lba, blocks);
	return rig_exec(rig, cdb, 16, RUNNER_IN, data, blocks * 512);
}

int rig_zone(struct rig *rig, uint8_t sa, uint64_t lba, bool all)
{
	uint8_t cdb[16];

	cdb_zone(cdb, sa, lba, all);
	return rig_exec(rig, cdb, 16, RUNNER_NONE, NULL, 0);
}

void rig_report(struct rig *rig, uint64_t lba, struct rig_zone_info *info)
{
	uint8_t cdb[16] = { 0x95 }, data[128];

	be64_put(cdb + 2, lba);
	be32_put(cdb + 10, sizeof(data));
	cdb[14] = 0x80; /* PARTIAL */
	assert_int_equal(rig_exec(rig, cdb, 16, RUNNER_IN, data, sizeof(data)),
			 0);
	assert_int_equal(be32_get(data), 64);
	info->type = data[64] & 0x0f;
	info->cond = data[65] >> 4;
	info->blocks = be64_get(data + 72);
	info->start = be64_get(data + 80);
	info->wp = be64_get(data + 88);
}

uint32_t rig_sense_code(void)
{
	return (uint32_t)(rig_sense[2] & 0x0f) << 16 |
	       (uint32_t)rig_sense[12] << 8 | rig_sense[13];
}

/* A block's bytes: its LBA and the tag, again and again. */
void fill(uint8_t *data, uint64_t lba, uint32_t blocks, uint32_t tag)
{
	for (uint32_t b = 0; b < blocks; b++)
		for (uint32_t i = 0; i < 512; i += 16, data += 16) {
			be64_put(data, lba + b);
			be32_put(data + 8, tag);
			be32_put(data + 12, i);
		}
}

void assert_filled(const uint8_t *data, uint64_t lba, uint32_t blocks,
		   uint32_t tag)
{
	uint8_t want[512];

	for (uint32_t b = 0; b < blocks; b++, data += 512) {
		fill(want, lba + b, 1, tag);
		if (memcmp(data, want, 512))
			fail_msg("block %llu is not as it was written (tag %u)",
				 (unsigned long long)lba + b, tag);
	}
}

uint64_t rnd(uint64_t *seed)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(2685821657736338717)) >> 16;
}
