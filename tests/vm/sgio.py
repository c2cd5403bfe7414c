# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""One SCSI command at a time through SG_IO."""
import ctypes
import fcntl
import sys

SG_IO = 0x2285
TO_DEV, FROM_DEV = -2, -3


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


def cdb16(opcode, flags, lba, blocks):
    return ([opcode, flags] + list(lba.to_bytes(8, "big")) +
            list(blocks.to_bytes(4, "big")) + [0, 0])
