// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Random commands of the whole table, SANITIZE and FORMAT UNIT among them, to a
 * disk that is recorded: what is built from the record has the same bytes.
 *
 * test_replay_commands [SEED [COMMANDS]]
 */
#include "disk/snapshot.h"
#include "replay/replay.h"
#include "scsi/gen.h"
#include "scsi/rig.h"
#include "store/ops.h"

static struct rig rig;
static struct rnd rnd;
static uint64_t seed = 20260704;
static unsigned long nr_commands = 20000;

static uint8_t random_byte(void *from)
{
	(void)from;
	return (uint8_t)rnd_next(&rnd);
}

/* Where something is, mostly: a write pointer or the beginning of a zone. */
static uint64_t random_lba(void)
{
	uint64_t lba = rnd_below(&rnd, 8) * MIB_BLOCKS;
	struct zone_info zone;

	disk_zone_at(rig.disk, lba, &zone);
	if (rnd_below(&rnd, 4) && zone.wp_lba < lba + MIB_BLOCKS)
		return zone.wp_lba;
	return lba + rnd_below(&rnd, 3) * 8;
}

static void random_command(void)
{
	const struct scsi_op *op =
		&scsi_op_table[rnd_below(&rnd, scsi_op_count)];
	static uint8_t out[32768];
	uint8_t cdb[SCSI_CDB_MAX];
	uint32_t blocks = (uint32_t)rnd_below(&rnd, 60);

	for (size_t i = 0; i < 64; i++)
		out[rnd_below(&rnd, sizeof(out))] = random_byte(NULL);
	if (rnd_below(&rnd, 2))
		memset(out, 0, 8);
	gen_bits(op, cdb, random_byte, NULL);
	if (gen_has_lba(op)) {
		gen_put_lba(op, cdb, random_lba());
		gen_put_blocks(op, cdb, blocks);
	}
	rig_cmd(&rig, cdb, SCSI_CDB_MAX, out,
		rnd_below(&rnd, 4) ? blocks * 512 : rnd_below(&rnd, 600));
}

static void must(int ret, const struct zl_err *err)
{
	if (ret)
		fail_msg("%s", err->msg);
}

static void start(const char *dir, const char *opts)
{
	struct disk_open_args args = { .opts = &rig.opts, .may_make = true };
	struct zl_err err = { "" };

	memset(&rig, 0, sizeof(rig));
	must(disk_opts_parse(&rig.opts, opts, strlen(opts), ',', false, &err),
	     &err);
	must(disk_open(dir, &args, &rig.disk, &err), &err);
	assert_int_equal(scsi_unit_new(rig.disk, NULL, &rig.unit), 0);
}

static void record(const char *dir, const char *log)
{
	struct snapshot_work w;
	struct zl_err err = { "" };

	must(snapshot_begin(dir, "base", NULL, NULL, &w, &err), &err);
	must(disk_snapshot(rig.disk, "base", log, &err), &err);
	must(snapshot_end(&w, &err), &err);
}

static unsigned long count(const struct replay *r, enum record_type type)
{
	unsigned long n = 0;

	for (uint64_t i = 0; i <= replay_last(r); i++)
		n += replay_at(r, i)->type == type;
	return n;
}

/* Else the test tests nothing. */
static void assert_all_sorts(const struct replay *r)
{
	static const enum record_type types[] = {
		RECORD_WRITE,  RECORD_UNMAP, RECORD_RESET,
		RECORD_FINISH, RECORD_OPEN,  RECORD_CLOSE,
		RECORD_REFILL, RECORD_FLUSH, RECORD_SAFE,
	};

	if (replay_meta(r)->realms.nr_domains && !count(r, RECORD_ACTIVATE))
		fail_msg("nothing is activated");

	for (size_t i = 0; i < ZL_ARRAY_SIZE(types); i++)
		if (!count(r, types[i]) &&
		    (types[i] != RECORD_UNMAP || !replay_meta(r)->host_aware))
			fail_msg("there is no %s", record_type_name(types[i]));
}

static void assert_rebuilt(const char *dir, const char *log, const char *built)
{
	struct zl_err err = { "" };
	struct replay *r;
	char cmd[768];

	must(replay_open(log, NULL, &r, &err), &err);
	must(replay_build(r, replay_last(r), NULL, built, NULL, NULL, NULL,
			  &err),
	     &err);
	assert_all_sorts(r);
	replay_close(r);
	snprintf(cmd, sizeof(cmd),
		 "for f in $(ls %s | grep -e ^cnv -e ^seq); do cmp %s/$f %s/$f "
		 "|| exit 1; "
		 "done; for f in $(ls %s | grep -e ^cnv -e ^seq); do test -e "
		 "%s/$f || exit 1; "
		 "done",
		 dir, dir, built, built, dir);
	assert_int_equal(system(cmd), 0);
}

static void run_on(const char *opts)
{
	char *dir = tmp_make(), *other = tmp_make();
	char log[128], built[128];
	struct zl_err err = { "" };

	snprintf(log, sizeof(log), "%s/log", other);
	snprintf(built, sizeof(built), "%s/built", other);
	start(dir, opts);
	record(dir, log);
	for (unsigned long i = 0; i < nr_commands; i++) {
		if (i % 128 == 0) /* it may have been stopped */
			CMD(&rig, NULL, 0, 0x1b, 0, 0, 0, 1);
		/* BLOCK ERASE with ZNR, which chance hardly ever finds. */
		if (i % 512 == 128)
			CMD(&rig, NULL, 0, 0x48, 0x42);
		random_command();
	}
	/* A job that goes on is over then. */
	scsi_unit_free(rig.unit);
	free(rig.data);
	must(disk_record_stop(rig.disk, "told to", &err), &err);
	disk_close(rig.disk);
	assert_rebuilt(dir, log, built);
	tmp_remove(dir);
	tmp_remove(other);
}

static void host_managed(void **state)
{
	(void)state;
	printf("seed %llu, %lu commands\n", (unsigned long long)seed,
	       nr_commands);
	rnd.s = seed;
	run_on("capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=3,"
	       "provisioning=thin");
}

static void host_aware(void **state)
{
	(void)state;
	rnd.s = seed;
	run_on("capacity_mb=8,zone_size_mb=1,conv_zones=2,max_open_zones=3,"
	       "model=host-aware");
}

/* Zones that are INACTIVE have no file, here and there. */
static void with_realms(void **state)
{
	(void)state;
	rnd.s = seed;
	run_on("model=realms,domains=conv+seq,zone_size_mb=1,realms=3,"
	       "realm_zones=1+2,max_open_zones=3");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_managed),
		cmocka_unit_test(host_aware),
		cmocka_unit_test(with_realms),
	};

	if (argc > 1)
		seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		nr_commands = strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests_name("replay/commands", tests, NULL,
					   NULL);
}
