# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Several writers in one conventional zone, each with one command in flight.

side_by_side.py write SG LBA SECONDS fua|plain LOG: each writes 4096 bytes at
places of its own, again and again, whatever is answered; the log says what has
been answered: PLACE VERSION STATUS.
side_by_side.py verify SG LBA LOG: reads all of it. What was answered GOOD last
must be there, or what was tried after it, unless the read is refused. Says how
many are lost, how many are refused, and how many are there. Fails if any is
lost, or no write has failed, or fewer than 100 are there.
"""
import ctypes
import fcntl
import os
import random
import sys
import time

SG_IO = 0x2285
TO_DEV, FROM_DEV = -2, -3
BYTES = 4096
BLOCKS = BYTES // 512
PLACES = 512
WRITERS = 6


class Header(ctypes.Structure):
    _fields_ = [("interface_id", ctypes.c_int),
                ("dxfer_direction", ctypes.c_int),
                ("cmd_len", ctypes.c_ubyte),
                ("mx_sb_len", ctypes.c_ubyte),
                ("iovec_count", ctypes.c_ushort),
                ("dxfer_len", ctypes.c_uint),
                ("dxferp", ctypes.c_void_p),
                ("cmdp", ctypes.c_void_p),
                ("sbp", ctypes.c_void_p),
                ("timeout", ctypes.c_uint),
                ("flags", ctypes.c_uint),
                ("pack_id", ctypes.c_int),
                ("usr_ptr", ctypes.c_void_p),
                ("status", ctypes.c_ubyte),
                ("masked_status", ctypes.c_ubyte),
                ("msg_status", ctypes.c_ubyte),
                ("sb_len_wr", ctypes.c_ubyte),
                ("host_status", ctypes.c_ushort),
                ("driver_status", ctypes.c_ushort),
                ("resid", ctypes.c_int),
                ("duration", ctypes.c_uint),
                ("info", ctypes.c_uint)]


def command(fd, cdb, data, direction):
    """Returns whether it is GOOD."""
    sense = ctypes.create_string_buffer(96)
    cdb = ctypes.create_string_buffer(bytes(cdb), len(cdb))
    h = Header(ord("S"), direction, len(cdb), len(sense), 0, len(data),
               ctypes.addressof(data), ctypes.addressof(cdb),
               ctypes.addressof(sense), 60000)
    fcntl.ioctl(fd, SG_IO, h)
    if h.host_status:
        sys.exit("no answer")
    return h.status == 0


def cdb16(opcode, flags, lba):
    return ([opcode, flags] + list(lba.to_bytes(8, "big")) +
            list(BLOCKS.to_bytes(4, "big")) + [0, 0])


def content(place, version):
    return (b"%8d%8d" % (place, version)) * (BYTES // 16)


def writer(number, sg, first, end, fua, log):
    fd = os.open(sg, os.O_RDWR)
    rnd = random.Random(number)
    version = 0
    with open(f"{log}.{number}", "w") as out:
        while time.monotonic() < end:
            place = rnd.randrange(PLACES // WRITERS) * WRITERS + number
            version += 1
            data = ctypes.create_string_buffer(content(place, version), BYTES)
            good = command(fd, cdb16(0x8a, 8 if fua else 0,
                                     first + place * BLOCKS), data, TO_DEV)
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
        if not command(fd, cdb16(0x88, 0, first + place * BLOCKS), data,
                       FROM_DEV):
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
