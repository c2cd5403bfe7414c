#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Formats a disk for dm-zoned and prints the table for dmsetup.

Debian has no package with dmzadm. The layout is that of struct dmz_super in
the kernel (drivers/md/dm-zoned-metadata.c), version 1: in blocks of 4096
bytes a super block, a map of chunks to zones and a bitmap for each zone, all
of it twice, from the start of the disk and from the next zone.
"""
import os
import struct
import sys
import zlib

BLOCK = 4096
RESERVED_ZONES = 16
GENERATION = 1


def queue(disk, name):
    with open(f"/sys/block/{os.path.basename(disk)}/queue/{name}") as f:
        return int(f.read())


class Layout:
    def __init__(self, disk):
        self.zone_sectors = queue(disk, "chunk_sectors")
        self.zone_blocks = self.zone_sectors * 512 // BLOCK
        self.zones = queue(disk, "nr_zones")
        self.bitmap_blocks = self.zones * max(1, self.zone_blocks // 8 // BLOCK)
        # Never more entries than zones; 8 bytes each.
        self.map_blocks = -(-self.zones * 8 // BLOCK)
        self.blocks = 1 + self.map_blocks + self.bitmap_blocks
        self.set_zones = -(-self.blocks // self.zone_blocks)
        self.chunks = self.zones - 2 * self.set_zones - RESERVED_ZONES

    def super_block(self, at):
        def packed(crc):
            fields = struct.pack("<4sIQQIIIIII", b"DBZD", 1, GENERATION, at,
                                 self.blocks, RESERVED_ZONES, self.chunks,
                                 self.map_blocks, self.bitmap_blocks, crc)
            return fields.ljust(BLOCK, b"\0")

        # The kernel's crc32 inverts neither seed nor result, zlib's both.
        crc = zlib.crc32(packed(0), GENERATION ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        return packed(crc)

    def write(self, fd):
        rest = b"\xff" * (self.map_blocks * BLOCK)
        rest += bytes(self.bitmap_blocks * BLOCK)
        for at in 0, self.set_zones * self.zone_blocks:
            os.pwrite(fd, self.super_block(at) + rest, at * BLOCK)


def main():
    layout = Layout(sys.argv[1])
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_EXCL)
    layout.write(fd)
    os.fsync(fd)
    os.close(fd)
    print(0, layout.chunks * layout.zone_sectors, "zoned", sys.argv[1])


main()
