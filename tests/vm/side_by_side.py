# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Several writers in one conventional zone, each with one command in flight.

side_by_side.py write SG LBA SECONDS fua|plain LOG: each writes 4096 bytes at
places of its own, again and again, whatever is answered, and longer if fewer than
60 were GOOD; the log says what has been answered: PLACE VERSION STATUS.
side_by_side.py verify SG LBA LOG: reads all of it. What was answered GOOD last
must be there, or what was tried after it, unless the read is refused. Says how
many are lost, how many are refused, and how many are there. Fails if any is
lost, or no write has failed, or fewer than 100 are there.
"""
import ctypes
import os
import random
import sys
import time

from sgio import FROM_DEV, TO_DEV, cdb16, command

BYTES = 4096
BLOCKS = BYTES // 512
PLACES = 512
WRITERS = 6


def content(place, version):
    return (b"%8d%8d" % (place, version)) * (BYTES // 16)


def writer(number, sg, first, end, fua, log):
    fd = os.open(sg, os.O_RDWR)
    rnd = random.Random(number)
    version = nr_good = 0
    with open(f"{log}.{number}", "w", buffering=1) as out:
        while time.monotonic() < (end if nr_good >= 60 else end + 60):
            place = rnd.randrange(PLACES // WRITERS) * WRITERS + number
            version += 1
            data = ctypes.create_string_buffer(content(place, version), BYTES)
            cdb = cdb16(0x8a, 8 if fua else 0, first + place * BLOCKS, BLOCKS)
            good = command(fd, cdb, data, TO_DEV)
            nr_good += good
            print(place, version, "GOOD" if good else "failed", file=out)


def write(sg, first, seconds, fua, log):
    end = time.monotonic() + seconds
    for number in range(WRITERS):
        if not os.fork():
            writer(number, sg, first, end, fua, log)
            os._exit(0)
    if any(os.wait()[1] for _ in range(WRITERS)):
        sys.exit("a writer has failed")


def answers(log):
    """What may be at each place, and how many writes failed."""
    may, failed = {}, 0
    for number in range(WRITERS):
        with open(f"{log}.{number}") as lines:
            for line in lines:
                place, version, status = line.split()
                if status == "GOOD":
                    may[int(place)] = [int(version)]
                else:
                    failed += 1
                    may.setdefault(int(place), []).append(int(version))
    return may, failed


def verify(sg, first, log):
    fd = os.open(sg, os.O_RDWR)
    lost = refused = there = 0
    may, failed = answers(log)
    for place, versions in sorted(may.items()):
        data = ctypes.create_string_buffer(BYTES)
        cdb = cdb16(0x88, 0, first + place * BLOCKS, BLOCKS)
        if not command(fd, cdb, data, FROM_DEV):
            refused += 1
        elif data.raw in [content(place, v) for v in versions]:
            there += 1
        else:
            lost += 1
    print(f"{lost} lost, {refused} refused, {there} there; "
          f"{failed} writes failed")
    sys.exit(bool(lost or not failed or there < 100))


if sys.argv[1] == "write":
    write(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]),
          sys.argv[5] == "fua", sys.argv[6])
else:
    verify(sys.argv[2], int(sys.argv[3]), sys.argv[4])
