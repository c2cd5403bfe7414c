#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Writes a zonefs super block to the first zone of a disk.

Debian has no package with a mkfs for zonefs. The layout is that of struct
zonefs_super in the kernel (fs/zonefs/zonefs.h): 4096 bytes, little-endian,
with a CRC-32 over the block in which the CRC field itself is zero.
"""
import os
import struct
import sys
import uuid
import zlib

MAGIC = 0x5A4F4653
SIZE = 4096


def super_block():
    def packed(crc):
        fields = struct.pack("<II64s16sQIII", MAGIC, crc, b"zloop",
                             uuid.UUID(int=1).bytes, 0, 0, 0, 0o640)
        return fields.ljust(SIZE, b"\0")

    # The kernel's crc32() does not invert the result, zlib's does.
    return packed(zlib.crc32(packed(0)) ^ 0xFFFFFFFF)


def main():
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_EXCL)
    os.pwrite(fd, super_block(), 0)
    os.fsync(fd)
    os.close(fd)


main()
