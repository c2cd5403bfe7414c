/* SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0 */
/* What runs each operation. */
#ifndef ZL_DISK_IO_OPS_H
#define ZL_DISK_IO_OPS_H

struct disk;
struct io;

/* read.c, write.c, zoneop.c, sync.c: the operations' io->run */
void read_run(struct io *io);
void write_run(struct io *io);
void compare_run(struct io *io);
void compare_write_run(struct io *io);
void unmap_run(struct io *io);
void refill_run(struct io *io);
void save_run(struct io *io);
/* The power has failed: DISK_SAVE_POWERED. */
void save_power_on(struct disk *d);
void zoneop_run(struct io *io);
void sync_run(struct io *io);
void activate_run(struct io *io);
void control_run(struct io *io);
/* The power has failed: what was not saved is gone. */
void control_power_on(struct disk *d);

#endif
