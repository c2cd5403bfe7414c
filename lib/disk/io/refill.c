// SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
/* Replacing the data of a sequential zone: SANITIZE with ZNR. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "disk/internal.h"
#include "disk/io/grace.h"
#include "disk/io/io.h"
#include "disk/io/ops.h"
#include "disk/io/recorder.h"
#include "disk/io/slot.h"
#include "disk/io/zone_journal.h"

#define CHUNK_BYTES 65536

static int64_t run_req(struct io *io, enum store_op op, uint64_t off,
		       uint64_t len, const struct iovec *iov)
{
	io->req = (struct store_req){ .op = op,
				      .slot = io->slot,
				      .off = off,
				      .len = len,
				      .iov = iov,
				      .iov_cnt = iov ? 1 : 0 };
	return disk_request_run(io->disk, &io->req);
}

static int64_t write_pattern(struct io *io, uint64_t end_bytes)
{
	size_t block = (size_t)1 << io->disk->block_shift;
	uint8_t *data = malloc(CHUNK_BYTES);
	struct iovec iov = { .iov_base = data };
	struct iov_cur cur;
	int64_t res = 0;
	uint64_t off;

	if (!data)
		return -ENOMEM;
	for (size_t at = 0; at < CHUNK_BYTES; at += block) {
		cur = iov_start(io->pub->iov, io->pub->iov_cnt);
		iov_get(&cur, data + at, block);
	}
	for (off = 0; off < end_bytes && res >= 0; off += iov.iov_len) {
		iov.iov_len = min_u64(end_bytes - off, CHUNK_BYTES);
		res = run_req(io, STORE_WRITE, off, iov.iov_len, &iov);
	}
	free(data);
	return res;
}

static void set_gen(struct disk *d, uint32_t slot)
{
	pthread_mutex_lock(&d->lock);
	d->slots.at[slot].gen++;
	pthread_mutex_unlock(&d->lock);
}

/* The old data is gone; the new data is there, or the zone is empty, but for
 * what could not be @cut. */
static int refilled(struct io *io, uint32_t wp, bool ok, bool cut)
{
	struct disk *d = io->disk;
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	d->slots.at[io->slot].flags &= ~SLOT_CUT;
	flight_drop(d, io->slot);
	if (!ok && !cut)
		d->slots.at[io->slot].flags |= SLOT_CUT;
	slot_clear_bad(d, io->slot, 0, UINT32_MAX);
	slot_mark_dirty(d, io->slot, 0, 0, io->losses);
	if (ok)
		ret = slot_written(io, 0, wp, false);
	else
		zone_op_apply(&d->zones, ZO_RESET, io->slot);
	if (ret)
		slot_settle(d, io->slot);
	pthread_mutex_unlock(&d->lock);
	return ret;
}

static enum disk_status refill(struct io *io, uint32_t wp)
{
	struct disk *d = io->disk;
	uint64_t bytes = blocks_to_bytes(d, wp);
	bool cut = true;
	int64_t res;
	int ret;

	set_gen(d, io->slot);
	res = run_req(io, STORE_RESET, 0, 0, NULL);
	if (res >= 0) {
		res = io->pub->iov_cnt
			      ? write_pattern(io, bytes)
			      : run_req(io, STORE_FINISH, 0, bytes, NULL);
		if (res < 0)
			cut = run_req(io, STORE_RESET, 0, 0, NULL) >= 0;
		ret = refilled(io, wp, res >= 0, cut);
		recorder_refilled(io, wp, res >= 0);
		zone_journal_tell(d, io->slot);
		if (res >= 0)
			res = ret;
	}
	set_gen(d, io->slot);
	return res < 0 ? io_fail_status(io, (int)res, io->pub->lba) : DISK_OK;
}

/* Zones that cannot be written are left alone by who calls this.  An EMPTY one
 * may have the rest of a failed write. */
void refill_run(struct io *io)
{
	struct disk *d = io->disk;
	enum zone_verdict verdict = ZV_OK;
	bool rest = false;
	uint32_t wp = 0;

	if (io->nr_turns)
		sync_settle(d, io->slot);
	pthread_mutex_lock(&d->lock);
	if (io->nr_turns) {
		grace_end(d, io->slot);
		wp = zone_slot_wp_blocks(&d->zones, io->slot);
		rest = d->slots.at[io->slot].flags & SLOT_CUT;
		io->losses = slot_begin_change(d, io->slot);
	} else {
		verdict = ZV_ZONE_ID;
	}
	if (!verdict)
		switch (zone_slot_cond(&d->zones, io->slot)) {
		case ZC_READ_ONLY:
			verdict = ZV_READ_ONLY;
			break;
		case ZC_OFFLINE:
			verdict = ZV_OFFLINE;
			break;
		case ZC_INACTIVE:
			verdict = ZV_INACTIVE;
			break;
		default:
			break;
		}
	pthread_mutex_unlock(&d->lock);
	if (verdict)
		io_refuse(io, verdict);
	else
		io_finish(io, wp || rest ? refill(io, wp) : DISK_OK);
}
