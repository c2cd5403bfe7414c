// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/*
 * Comparing what is on the medium with a buffer.  Runs where waiting is
 * allowed, with a buffer of bounded size.
 */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/gate.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/recorder.h"
#include "disk/io/turn.h"

#define CHUNK_BYTES 65536

struct chunk {
	struct disk_io read;
	struct iovec iov;
	uint8_t data[CHUNK_BYTES];
};

static void part_done(struct disk_io *part)
{
	sem_post(part->user);
}

/* Runs an I/O that is part of @io and waits for it. */
static enum disk_status run_part(struct io *io, struct disk_io *part,
				 void (*run)(struct io *part))
{
	struct io *own = io_of(part);
	sem_t sem;

	sem_init(&sem, 0, 0);
	own->pub = part;
	own->disk = io->disk;
	own->gate = io->pub->op == DISK_COMPARE ? GATE_NONE : GATE_PART;
	part->done = part_done;
	part->user = &sem;
	own->record_begin = io->record_begin;
	run(own);
	while (sem_wait(&sem))
		;
	sem_destroy(&sem);
	io->pub->verdict = part->verdict;
	io->pub->bad_lba = part->bad_lba;
	return part->status;
}

static enum disk_status read_chunk(struct io *io, struct chunk *c, uint64_t lba,
				   uint64_t bytes)
{
	c->iov = (struct iovec){ .iov_base = c->data, .iov_len = bytes };
	memset(&c->read, 0, sizeof(c->read));
	c->read.op = DISK_READ;
	c->read.fua = io->pub->fua;
	c->read.lba = lba;
	c->read.nr_blocks = (uint32_t)(bytes >> io->disk->block_shift);
	c->read.iov = &c->iov;
	c->read.iov_cnt = 1;
	return run_part(io, &c->read, read_run);
}

/* Compares a chunk with what the initiator sent; *cur goes on behind it. */
static bool chunk_equal(struct io *io, const struct chunk *c,
			struct iov_cur *cur, bool repeat, uint64_t done)
{
	size_t block = (size_t)1 << io->disk->block_shift;
	size_t step = repeat ? block : c->iov.iov_len;
	size_t same;

	for (size_t at = 0; at < c->iov.iov_len; at += step) {
		if (repeat)
			*cur = iov_start(io->pub->iov, io->pub->iov_cnt);
		same = iov_match(cur, c->data + at, step);
		if (same < step) {
			io->pub->differs_at = done + at + same;
			return false;
		}
	}
	return true;
}

/*
 * Compares all blocks with the buffer from *cur on, or only reads them where
 * there is no buffer.
 */
static enum disk_status compare_by(struct chunk *c, struct io *io,
				   struct iov_cur *cur, bool repeat)
{
	struct disk *d = io->disk;
	uint64_t left = blocks_to_bytes(d, io->pub->nr_blocks), done = 0, n;
	enum disk_status status;

	for (; left; left -= n, done += n) {
		n = min_u64(left, CHUNK_BYTES);
		status = read_chunk(io, c,
				    io->pub->lba + (done >> d->block_shift), n);
		if (status != DISK_OK)
			return status;
		if (io->pub->iov_cnt && !chunk_equal(io, c, cur, repeat, done))
			return DISK_MISCOMPARE;
	}
	return DISK_OK;
}

static enum disk_status compare(struct io *io, struct iov_cur *cur, bool repeat)
{
	struct chunk *c = malloc(sizeof(*c));
	enum disk_status status = DISK_INTERNAL;

	if (c)
		status = compare_by(c, io, cur, repeat);
	free(c);
	return status;
}

static enum zone_verdict
check(struct io *io,
      enum zone_verdict (*rules)(const struct zone_set *set, uint64_t lba,
				 uint64_t nr, uint32_t *slot))
{
	struct disk *d = io->disk;
	enum zone_verdict verdict;

	pthread_mutex_lock(&d->lock);
	verdict = rules(&d->zones, io->pub->lba, io->pub->nr_blocks, NULL);
	pthread_mutex_unlock(&d->lock);
	return verdict;
}

/* A refusal of a part was counted when the part was refused. */
void compare_run(struct io *io)
{
	enum zone_verdict verdict = check(io, zone_read_check);
	struct iov_cur cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	size_t bytes = iov_bytes(io->pub->iov, io->pub->iov_cnt);

	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	io_finish(io, compare(io, &cur,
			      bytes < blocks_to_bytes(io->disk,
						      io->pub->nr_blocks)));
}

/* The buffer's second half, written at the same place. */
static enum disk_status write_half(struct io *io, struct iov_cur *cur)
{
	struct iovec *iov = malloc(io->pub->iov_cnt * sizeof(*iov));
	struct disk_io *part = calloc(1, sizeof(*part));
	enum disk_status status = DISK_INTERNAL;

	if (iov && part) {
		part->op = DISK_WRITE;
		part->fua = io->pub->fua;
		part->lba = io->pub->lba;
		part->nr_blocks = io->pub->nr_blocks;
		part->iov = iov;
		iov_slice(cur, blocks_to_bytes(io->disk, io->pub->nr_blocks),
			  iov, io->pub->iov_cnt, &part->iov_cnt);
		status = run_part(io, part, write_run);
		io->flight.slot = io_of(part)->flight.slot;
		io->flight.nr = io_of(part)->flight.nr;
		io->flight.id = io_of(part)->flight.id;
	}
	free(part);
	free(iov);
	return status;
}

/*
 * The rules for writes come first, as the command is one: in a sequential write
 * required zone it can only ever compare with what is not written yet.
 */
void compare_write_run(struct io *io)
{
	struct iov_cur cur = iov_start(io->pub->iov, io->pub->iov_cnt);
	enum zone_verdict verdict;
	enum disk_status status;
	uint64_t differs_at;

	if (io->gate == GATE_NONE && gate_needed(io) && !gate_enter(io, true))
		return;
	if (!turn_take_range(io))
		return;
	verdict = check(io, zone_write_check);
	if (verdict) {
		io_refuse(io, verdict);
		return;
	}
	status = compare(io, &cur, false);
	differs_at = io->pub->differs_at;
	if (status == DISK_OK && io->pub->nr_blocks) {
		flight_compare_begin(io);
		status = write_half(io, &cur);
	}
	io->pub->differs_at = differs_at;
	io_finish(io, status);
}
