// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
// runner: tries a handler from the command line, without kernel and daemon.

#include "runner.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DATA (16u << 20)

static const char usage[] =
	"usage: runner --handler SO --cfg SUBTYPE/... --size BYTES\n"
	"              [--block-size BYTES] [--log LEVEL] [--split pages|odd]\n"
	"\n"
	"Reads commands from standard input, one a line:\n"
	"  CDB-BYTES-IN-HEX             no data\n"
	"  CDB-BYTES-IN-HEX in LENGTH [FILE]   data-in, shown or stored\n"
	"  CDB-BYTES-IN-HEX out FILE    data-out, the whole file\n";

static void hex_dump(const uint8_t *data, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (i % 16 == 0)
			printf("%06zx ", i);
		printf(" %02x%s", data[i],
		       i % 16 == 15 || i == len - 1 ? "\n" : "");
	}
}

/* Takes hex digits from *@text up to a word that is not hex. */
static size_t parse_cdb(char **text, uint8_t *cdb)
{
	size_t n = 0;
	char *p = *text;

	while (n < RUNNER_CDB_BYTES) {
		p += strspn(p, " \t");
		if (!isxdigit(p[0]) || !isxdigit(p[1]))
			break;
		cdb[n++] =
			(uint8_t)strtoul((char[]){ p[0], p[1], 0 }, NULL, 16);
		p += 2;
	}
	*text = p;
	return n;
}

static int save(const char *path, const uint8_t *data, size_t len)
{
	FILE *f = fopen(path, "wb");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f)) {
		fprintf(stderr, "runner: cannot write %s: %s\n", path,
			strerror(errno));
		return -1;
	}
	return 0;
}

static ssize_t load_file(const char *path, uint8_t *data)
{
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		fprintf(stderr, "runner: cannot read %s: %s\n", path,
			strerror(errno));
		return -1;
	}
	n = fread(data, 1, MAX_DATA, f);
	fclose(f);
	return (ssize_t)n;
}

static void show_result(int status, const uint8_t *sense)
{
	printf("status %02x\n", (unsigned int)status);
	if (status == 0x02) {
		printf("sense ");
		hex_dump(sense, 8u + (sense[7] <= 88 ? sense[7] : 88));
	}
}

static int run_line(struct tcmu_device *dev, char *line, uint8_t *data)
{
	enum runner_dir dir = RUNNER_NONE;
	uint8_t sense[RUNNER_SENSE_BYTES];
	uint8_t cdb[RUNNER_CDB_BYTES];
	char file[256] = "";
	ssize_t len = 0;
	size_t cdb_len = parse_cdb(&line, cdb);
	int status;

	if (sscanf(line, "in %zd %255s", &len, file) >= 1)
		dir = RUNNER_IN;
	else if (sscanf(line, "out %255s", file) == 1)
		dir = RUNNER_OUT;
	if (dir == RUNNER_OUT)
		len = load_file(file, data);
	if (!cdb_len || len < 0 || len > MAX_DATA) {
		fprintf(stderr, "runner: cannot run this line\n");
		return -1;
	}
	status = runner_exec(dev, cdb, cdb_len, dir, data, (size_t)len, sense);
	show_result(status, sense);
	if (dir == RUNNER_IN && *file)
		return save(file, data, (size_t)len);
	if (dir == RUNNER_IN)
		hex_dump(data, (size_t)len);
	return 0;
}

static int run_script(struct tcmu_device *dev)
{
	uint8_t *data = malloc(MAX_DATA);
	char line[2048];
	int ret = 0;

	while (data && fgets(line, sizeof(line), stdin))
		if (line[strspn(line, " \t\n")] && line[0] != '#')
			ret |= run_line(dev, line, data);
	free(data);
	return ret;
}

static const struct option options[] = {
	{ "handler", required_argument, NULL, 'h' },
	{ "cfg", required_argument, NULL, 'c' },
	{ "size", required_argument, NULL, 's' },
	{ "block-size", required_argument, NULL, 'b' },
	{ "log", required_argument, NULL, 'l' },
	{ "split", required_argument, NULL, 'p' },
	{ NULL, 0, NULL, 0 },
};

static void set_option(int c, const char *arg, struct runner_dev_params *p,
		       const char **so)
{
	switch (c) {
	case 'h':
		*so = arg;
		break;
	case 'c':
		p->cfgstring = arg;
		break;
	case 's':
		p->size_bytes = strtoull(arg, NULL, 0);
		break;
	case 'b':
		p->hw_block_size = (uint32_t)strtoul(arg, NULL, 0);
		break;
	case 'l':
		runner_log_level(atoi(arg));
		runner_log_echo(atoi(arg));
		break;
	case 'p':
		p->ring.split = *arg == 'o' ? RUNNER_ODD : RUNNER_PAGES;
		break;
	default:
		fputs(usage, stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct runner_dev_params p = { .ring.depth = 4,
				       .ring.max_data_bytes = MAX_DATA };
	struct runner_handler *h;
	struct tcmu_device *dev;
	const char *so = NULL;
	char *why;
	int c;
	int ret;

	runner_log_echo(6);
	/* Whoever gives it one line after the other waits for each. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(c, optarg, &p, &so);
	if (!so || !p.cfgstring || !p.size_bytes)
		set_option('?', NULL, &p, &so);
	h = runner_load(so, &why);
	if (!h) {
		fprintf(stderr, "runner: %s\n", why);
		return 1;
	}
	ret = runner_add(h, &p, &dev);
	if (ret) {
		fprintf(stderr, "runner: open failed: %s\n", strerror(-ret));
		return 1;
	}
	ret = run_script(dev);
	runner_remove(dev);
	return ret ? 1 : 0;
}
