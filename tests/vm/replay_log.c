// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Replays what the kernel's dm-log-writes recorded (its format: the comments in
 * drivers/md/dm-log-writes.c and Documentation/admin-guide/device-mapper/
 * log-writes.rst).
 *
 *   replay_log LOG
 *     lists "NUMBER KIND [MARK]" per entry; KIND is mark, flush or write
 *   replay_log LOG TARGET FROM TO [SEED]
 *     writes entries FROM to TO - 1 to the file TARGET; with SEED a random part
 *     of those that no flush and no FUA made durable
 */
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC	  UINT64_C(0x6a736677736872)
#define F_FLUSH	  1u
#define F_FUA	  2u
#define F_DISCARD 4u
#define F_MARK	  8u

struct super {
	uint64_t magic, version, nr_entries;
	uint32_t sector_bytes;
};

struct entry {
	uint64_t sector, nr_sectors, flags, data_bytes;
};

struct log {
	int fd;
	uint64_t nr_entries, sector_bytes;
};

static void read_at(const struct log *log, void *buf, size_t len, uint64_t off)
{
	if (pread(log->fd, buf, len, (off_t)off) != (ssize_t)len)
		err(1, "reading the log at %" PRIu64, off);
}

static void open_log(struct log *log, const char *path)
{
	struct super s;

	log->fd = open(path, O_RDONLY);
	if (log->fd < 0)
		err(1, "%s", path);
	read_at(log, &s, sizeof(s), 0);
	if (le64toh(s.magic) != MAGIC || le64toh(s.version) != 1)
		errx(1, "%s: no log of dm-log-writes", path);
	log->sector_bytes = le32toh(s.sector_bytes);
	log->nr_entries = le64toh(s.nr_entries);
}

/* Reads the entry at *@off and moves *@off behind it; returns where its data
 * begins. */
static uint64_t next_entry(const struct log *log, struct entry *e,
			   uint64_t *off)
{
	uint64_t data = *off + log->sector_bytes;

	read_at(log, e, sizeof(*e), *off);
	*e = (struct entry){ le64toh(e->sector), le64toh(e->nr_sectors),
			     le64toh(e->flags), le64toh(e->data_bytes) };
	/* A mark's text is behind the entry, in the same sector. */
	if (e->flags & F_MARK)
		data = *off + sizeof(*e);
	*off += log->sector_bytes;
	if (!(e->flags & (F_MARK | F_DISCARD)))
		*off += e->nr_sectors * log->sector_bytes;
	return data;
}

static void list(const struct log *log)
{
	uint64_t off = log->sector_bytes, data;
	char mark[256];
	struct entry e;

	for (uint64_t i = 0; i < log->nr_entries; i++) {
		data = next_entry(log, &e, &off);
		memset(mark, 0, sizeof(mark));
		if (e.flags & F_MARK && e.data_bytes < sizeof(mark))
			read_at(log, mark, e.data_bytes, data);
		printf("%" PRIu64 " %s %s\n", i,
		       e.flags & F_MARK		     ? "mark"
		       : e.flags & (F_FLUSH | F_FUA) ? "flush"
						     : "write",
		       mark);
	}
}

static void write_entry(const struct log *log, const struct entry *e,
			uint64_t data, int target)
{
	uint64_t len = e->nr_sectors * log->sector_bytes;
	off_t at = (off_t)(e->sector * log->sector_bytes);
	uint8_t *buf;

	if (e->flags & F_MARK || !len)
		return;
	if (e->flags & F_DISCARD) {
		/* It may be anything; zeros will do. */
		if (fallocate(target,
			      FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at,
			      (off_t)len))
			err(1, "discarding");
		return;
	}
	buf = malloc(len);
	if (!buf)
		err(1, "memory for an entry");
	read_at(log, buf, len, data);
	if (pwrite(target, buf, len, at) != (ssize_t)len)
		err(1, "writing the target");
	free(buf);
}

static bool is_lost(const struct entry *e, const char *seed)
{
	return seed && !(e->flags & (F_FLUSH | F_FUA)) && random() % 2;
}

static void replay(const struct log *log, const char *path, uint64_t from,
		   uint64_t to, const char *seed)
{
	uint64_t off = log->sector_bytes, data;
	int target = open(path, O_WRONLY);
	struct entry e;

	if (target < 0)
		err(1, "%s", path);
	if (seed)
		srandom((unsigned)strtoul(seed, NULL, 10));
	for (uint64_t i = 0; i < to && i < log->nr_entries; i++) {
		data = next_entry(log, &e, &off);
		if (i >= from && !is_lost(&e, seed))
			write_entry(log, &e, data, target);
	}
	close(target);
}

int main(int argc, char **argv)
{
	struct log log;

	if (argc != 2 && argc != 5 && argc != 6)
		errx(2, "usage: replay_log LOG [TARGET FROM TO [SEED]]");
	open_log(&log, argv[1]);
	if (argc == 2)
		list(&log);
	else
		replay(&log, argv[2], strtoull(argv[3], NULL, 10),
		       strtoull(argv[4], NULL, 10), argc > 5 ? argv[5] : NULL);
	return ferror(stdout) || fclose(stdout);
}
