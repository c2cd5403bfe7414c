# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""What docs/python.md shows, with a block device of Linux. Needs root."""

import mmap
import os
import sys

import zloop

BLOCK = 4096


def write(device, offset, nr=16):
    """Past the page cache, which would write when it likes."""
    buf = mmap.mmap(-1, BLOCK * nr)
    buf.write(b"\x5a" * BLOCK * nr)
    fd = os.open(device, os.O_WRONLY | os.O_DIRECT)
    try:
        return os.pwrite(fd, buf, offset)
    finally:
        os.close(fd)


def try_disk(disk):
    zone_bytes = 16 << 20
    assert disk.device.startswith("/dev/sd"), disk
    assert os.path.exists(disk.sg)
    assert disk.info()["in_use"]
    assert len(disk.zones()) == 64

    write(disk.device, 3 * zone_bytes)
    assert disk.zone(3).written_blocks == 128
    assert disk.stats()["operations"]["write"]["bytes"] == 16 * BLOCK

    with disk.inject("write-error", zone=4):
        try:
            write(disk.device, 4 * zone_bytes)
            sys.exit("the injected fault did not happen")
        except OSError as e:
            print("as injected:", e)
    assert disk.faults() == []
    assert disk.powerfail() == 1
    assert os.path.exists(disk.device), "attached anew"
    assert disk.zone(3).written_blocks == 0
    write(disk.device, 3 * zone_bytes)

    disk.inject("offline", zone=9)
    assert [z.number for z in disk.zones("offline")] == [9]
    disk.clear(zone=9)
    assert disk.check() == []


def again(disk):
    """Detached and attached, as another name perhaps."""
    disk.remove()
    assert disk.zone(3).written_blocks == 128, "Linux flushes what it removes"
    try:
        disk.stats()
        sys.exit("a detached disk has no counters")
    except zloop.NotAttached:
        pass
    disk.add()
    write(disk.device, 5 << 24)
    assert disk.zone(5).written_blocks == 128


with zloop.temporary(directory=sys.argv[1], discard_write_cache=True) as d:
    try_disk(d)
    again(d)
    gone = d
assert not os.path.exists(gone.directory)
try:
    with zloop.temporary(directory=sys.argv[1]) as d:
        gone = d
        raise KeyError
except KeyError:
    pass
assert not os.path.exists(gone.directory)
print("gone:", os.listdir(sys.argv[1]))
