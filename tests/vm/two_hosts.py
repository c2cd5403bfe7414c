# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Two hosts want one lock, a block, by COMPARE AND WRITE.

two_hosts.py SG LBA SECONDS KEEP: each changes "free" to "locked", as often as it
can, and back. Fails if both have it at one time. Says how often it was had. As
long as there is a file named KEEP, whoever has it keeps it. A file KEEP.had is made
when it is had for the first time; the seconds count from then on, a minute at most.

What a host cannot know is whether a command that failed was carried out before
somebody killed the daemon: then nobody has the lock, and both wait in vain.
"""
import ctypes
import os
import sys
import tempfile
import time

from sgio import TO_DEV, cdb16, command

FREE = b"free".ljust(512)
LOCKED = b"locked".ljust(512)


def compare_and_write(fd, lba, old, new):
    data = ctypes.create_string_buffer(old + new, 1024)
    cdb = cdb16(0x89, 0, lba, 0)
    cdb[13] = 1
    return command(fd, cdb, data, TO_DEV)


def keep_it(keep):
    time.sleep(0.002)
    while os.path.exists(keep):
        time.sleep(0.01)


def goes_on(seconds, begun, had_file):
    """Until so long after somebody has had it."""
    if not os.path.exists(had_file):
        return time.monotonic() < begun + 60
    return time.time() < os.stat(had_file).st_mtime + seconds


def host(sg, lba, seconds, mark, keep):
    fd = os.open(sg, os.O_RDWR)
    had = 0
    begun = time.monotonic()
    while goes_on(seconds, begun, keep + ".had"):
        if not compare_and_write(fd, lba, FREE, LOCKED):
            continue
        had += 1
        if not os.path.exists(keep + ".had"):
            open(keep + ".had", "w").close()
        os.mkdir(mark)  # fails if the other one is there
        keep_it(keep)
        os.rmdir(mark)
        compare_and_write(fd, lba, LOCKED, FREE)
    print(f"had it {had} times", flush=True)


def main():
    sg, lba, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    with tempfile.TemporaryDirectory(dir="/run") as directory:
        for _ in range(2):
            if not os.fork():
                host(sg, lba, seconds, directory + "/mark", sys.argv[4])
                os._exit(0)
        sys.exit(any([os.wait()[1] for _ in range(2)]))


main()
