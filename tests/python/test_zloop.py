#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""python/zloop.py, as far as it goes without a kernel that has a target: disks
that are not attached, one in the stand-in for tcmu-runner, and a command that
writes down what it was asked.

test_zloop.py ZLOOP RUNNER HANDLER [TEST...]
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "python"))

import zloop  # noqa: E402

SMALL = {"capacity": "8M", "zone_size": "1M", "conv_zones": 1}
BLOCKS = 2048  # of a zone


class Work(unittest.TestCase):
    """In a directory of its own, which has the sockets, too."""

    def setUp(self):
        work = tempfile.TemporaryDirectory(prefix="zl-python-")
        self.addCleanup(work.cleanup)
        self.dir = work.name
        os.environ["ZLOOP_RUN_DIR"] = os.path.join(self.dir, "run")
        os.mkdir(os.environ["ZLOOP_RUN_DIR"], 0o700)
        zloop.COMMAND = ZLOOP

    def fails(self, says, call, *args, **members):
        with self.assertRaises(zloop.Error) as caught:
            call(*args, **members)
        self.assertRegex(str(caught.exception), says)
        self.assertNotRegex(str(caught.exception), "^zloop: |\n")
        return caught.exception


class Detached(Work):
    def setUp(self):
        super().setUp()
        self.disk = zloop.Disk.create(self.dir + "/d", **SMALL)

    def test_info(self):
        info = self.disk.info()
        self.assertEqual(info["capacity_bytes"], 8 << 20)
        self.assertEqual(info["serial"], self.disk.serial)
        self.assertEqual(info["conditions"],
                         {"empty": 7, "not-write-pointer": 1})
        self.assertEqual(self.disk.check(), [])

    def test_zones(self):
        zones = self.disk.zones()
        self.assertEqual([z.number for z in zones], list(range(8)))
        self.assertEqual(zones[0].type, "conventional")
        self.assertIsNone(zones[0].write_pointer_lba)
        self.assertEqual(zones[0].written_blocks, 0)
        self.assertEqual(zones[3], self.disk.zone(3))
        self.assertEqual(zones[3], zloop.Zone(
            3, "sequential-write-required", "empty", 3 * BLOCKS, BLOCKS,
            3 * BLOCKS, False))
        self.assertEqual(len(self.disk.zones("empty")), 7)

    def test_states_stay(self):
        with self.disk.inject("offline", zone=5) as fault:
            self.assertIsNone(fault.id)
            self.assertEqual(self.disk.zone(5).condition, "offline")
            self.assertEqual(len(self.disk.faults()), 1)
        self.assertEqual(self.disk.zone(5).condition, "empty")
        self.assertEqual(self.disk.faults(), [])

    def test_persistent(self):
        fault = self.disk.inject("read-error", lba=9, persistent=True)
        self.assertEqual(self.disk.faults()[0]["lba"], 9)
        fault.clear()
        self.assertEqual(self.disk.faults(), [])
        self.disk.inject("read-error", lba=9, persistent=True)
        self.disk.clear()
        self.assertEqual(self.disk.faults(), [])

    def test_sentences(self):
        self.fails("only a persistent fault stays", self.disk.inject,
                   "read-error", lba=9)
        self.fails("fault", self.disk.inject, "read-eror", lba=9)
        usage = self.fails("conv_zones", zloop.Disk.create, self.dir + "/e",
                           capacity="8M", zone_size="1M", conv_zones=8)
        self.assertEqual(usage.status, 2)
        failed = self.fails("disk already", zloop.Disk.create, self.dir + "/d")
        self.assertEqual(failed.status, 1)
        self.fails("is not a disk", zloop.Disk("/etc").stats)
        self.assertRaises(zloop.NotAttached, self.disk.stats)
        self.assertRaises(zloop.NotAttached, self.disk.history)
        self.assertRaises(zloop.NotAttached, self.disk.powerfail)
        zloop.COMMAND = self.dir + "/none"
        self.fails("/none cannot be run: No such file", self.disk.info)

    def test_damage(self):
        os.unlink(self.dir + "/d/seq-000004")
        self.assertEqual([p["zone"] for p in self.disk.check()], [4])

    def test_delete(self):
        self.disk.delete()
        self.assertFalse(os.path.exists(self.disk.directory))
        self.fails("does not exist", self.disk.check)

    def test_kept(self):
        self.assertEqual(self.disk.snapshots(), [])
        self.assertEqual(self.disk.snapshot("a"), "a")
        b = self.disk.snapshot()
        self.disk.inject("offline", zone=2)
        self.disk.restore("a")
        self.assertEqual(self.disk.zone(2).condition, "empty")
        self.assertEqual(sorted(self.disk.snapshots()), sorted(["a", b]))
        self.disk.delete_snapshot("a")
        self.assertEqual(self.disk.snapshots(), [b])
        self.fails("there is no snapshot a", self.disk.restore, "a")

    def test_like(self):
        report = self.dir + "/report"
        with open(report, "w", encoding="utf-8") as f:
            f.write(subprocess.run(
                [ZLOOP, "zones", "--json", self.disk.directory], check=True,
                stdout=subprocess.PIPE, encoding="utf-8").stdout)
        like = zloop.Disk.create(self.dir + "/like", like=report,
                                 with_state=True)
        self.assertEqual(like.zones(), self.disk.zones())
        self.assertNotEqual(like.serial, self.disk.serial)

    def test_temporary(self):
        with zloop.temporary(attach=False, directory=self.dir,
                             capacity="64M", block_size=4096) as disk:
            self.assertEqual(disk.info()["block_size"], 4096)
            self.assertEqual(disk.info()["zone_size_bytes"], 16 << 20)
            path = disk.directory
        self.assertFalse(os.path.exists(path))
        with self.assertRaises(ZeroDivisionError):
            with zloop.temporary(attach=False, directory=self.dir) as disk:
                path = disk.directory
                raise ZeroDivisionError
        self.assertFalse(os.path.exists(path))
        with self.assertRaises(zloop.Error):
            with zloop.temporary(attach=False, directory=self.dir, colour=3):
                pass
        self.assertEqual(sorted(os.listdir(self.dir)), ["d", "run"])


class Running(Work):
    """The handler has it open."""

    def setUp(self):
        super().setUp()
        self.disk = zloop.Disk.create(self.dir + "/d", **SMALL)
        self.runner = subprocess.Popen(
            [RUNNER, "--handler", HANDLER, "--cfg",
             f"zloop/discard_write_cache@{self.disk.directory}",
             "--size", str(8 << 20)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, encoding="ascii")
        self.addCleanup(self.stop)
        with open(self.dir + "/data", "wb") as f:
            f.write(b"\xa5" * 4096)
        self.command("00 00 00 00 00 00")

    def stop(self):
        self.runner.communicate()

    def command(self, line):
        """Its status, after a retry for what power on leaves behind."""
        for _ in range(2):
            self.runner.stdin.write(line + "\n")
            self.runner.stdin.flush()
            status = self.runner.stdout.readline().split()[1]
            if status != "02":
                break
            self.skip_sense()
        return status

    def skip_sense(self):
        """The rows of a dump, 16 bytes each; byte 7 says how many follow."""
        nr = 8 + int(self.runner.stdout.readline().split()[2 + 7], 16)
        for _ in range((nr - 1) // 16):
            self.runner.stdout.readline()

    def write(self, lba, blocks=8):
        return self.command(f"8a 00 {lba:016x} {blocks:08x} 00 00 out "
                            f"{self.dir}/data")

    def test_write(self):
        self.assertEqual(self.write(3 * BLOCKS), "00")
        zone = self.disk.zone(3)
        self.assertEqual(zone.condition, "implicitly-opened")
        self.assertEqual(zone.written_blocks, 8)
        self.assertEqual(self.disk.zones("implicitly-opened"), [zone])
        self.assertEqual(self.disk.zones()[3], zone)
        stats = self.disk.stats()
        self.assertEqual(stats["operations"]["write"]["bytes"], 4096)
        self.assertNotIn("ok", stats)
        self.assertEqual(self.disk.history()[0]["writes"], 0)
        self.assertEqual(self.disk.info()["in_use"], True)

    def test_faults(self):
        with self.disk.inject("write-error", zone=3) as fault:
            self.assertEqual(self.write(3 * BLOCKS), "02")
            self.assertEqual(self.disk.faults()[0]["id"], fault.id)
            self.assertGreater(self.disk.faults()[0]["hits"], 0)
        self.assertEqual(self.write(3 * BLOCKS), "00")
        self.disk.inject("busy", op="write")
        self.assertEqual(self.write(3 * BLOCKS + 8), "08")
        self.disk.clear()
        self.fails("lbb", self.disk.inject, "busy", lbb=3)
        self.fails("no fault|not a fault|there is no", self.disk.clear, id=77)

    def test_powerfail(self):
        self.write(3 * BLOCKS)
        self.write(4 * BLOCKS)
        self.assertEqual(self.disk.powerfail(), 2)
        self.assertEqual(self.disk.zone(3).written_blocks, 0)
        self.assertEqual(self.disk.powerfail(seed=4), 0)

    def test_record(self):
        self.write(3 * BLOCKS)
        log = self.disk.record_start(self.dir + "/log")
        self.assertEqual(log, self.dir + "/log")
        name = self.disk.snapshots()[0]
        self.write(3 * BLOCKS + 8)
        point = self.disk.record_mark("both")
        self.write(4 * BLOCKS)
        self.assertEqual(self.disk.record_stop()["marks"], 1)
        for to, want in ((0, 8), (point, 16), ("both", 16)):
            built = zloop.replay(log, self.dir + f"/at-{to}", to=to)
            self.assertEqual(built.zone(3).written_blocks, want)
            self.assertEqual(built.zone(4).written_blocks, 0)
        ended = zloop.replay(log, self.dir + "/end")
        self.assertEqual(ended.zone(4).written_blocks, 8)
        # Nothing was flushed: the first state is the snapshot.
        lost = zloop.replay(log, self.dir + "/lost", state=0,
                            base=f"{self.disk.directory}/zloop.snapshots/"
                            + name)
        self.assertEqual(lost.zone(3).written_blocks, 8)
        self.assertEqual(lost.zone(4).written_blocks, 0)
        zloop.replay(log, self.dir + "/seed", to="both", seed=5)
        copy = self.disk.clone(self.dir + "/copy")
        self.assertEqual(copy.zone(4).written_blocks, 8)
        copy = self.disk.clone(self.dir + "/first", snapshot=name)
        self.assertEqual(copy.zone(3).written_blocks, 8)
        self.assertNotEqual(copy.serial, self.disk.serial)
        self.fails("no such|no mark", zloop.replay, log, self.dir + "/x",
                   to="never")

    def test_protocol(self):
        version = self.disk.control.request("version")
        self.assertEqual(version["protocol"], 1)
        self.fails("request is not one of", self.disk.control.request, "x")
        told = []
        self.write(3 * BLOCKS)
        self.disk.control.request("powerfail",
                                  progress=lambda *p: told.append(p))
        self.assertEqual(told, [(1, 1)])


class Attaching(Work):
    """What the command is asked, and what is made of its answer."""

    def setUp(self):
        super().setUp()
        zloop.COMMAND = self.dir + "/zloop"
        self.says({"device": "/dev/sdq", "sg": "/dev/sg3", "zones": 4,
                   "seed": None}, 0)
        self.disk = zloop.Disk(self.dir + "/d")

    def says(self, o, status, err=""):
        with open(zloop.COMMAND, "w", encoding="ascii") as f:
            f.write(f"""#!/bin/sh
printf '%s\\n' "$*" >>{self.dir}/asked
printf '%s' '{json.dumps(o)}'
printf '%s' '{err}' >&2
exit {status}
""")
        os.chmod(zloop.COMMAND, 0o755)

    def says_text(self, text):
        self.says({}, 0)
        with open(zloop.COMMAND, encoding="ascii") as f:
            script = f.read()
        with open(zloop.COMMAND, "w", encoding="ascii") as f:
            f.write(script.replace("'{}'", f"'{text}'"))

    def asked(self):
        with open(self.dir + "/asked", encoding="ascii") as f:
            words = f.read().replace(self.disk.directory, "DIR").splitlines()
        os.unlink(self.dir + "/asked")
        return words

    def test_add(self):
        self.assertEqual(self.disk.add(capacity="2G", direct_io=True,
                                       urswrz=False), "/dev/sdq")
        self.assertEqual(self.disk.device, "/dev/sdq")
        self.assertEqual(self.disk.sg, "/dev/sg3")
        self.assertIn("/dev/sdq", repr(self.disk))
        self.disk.remove()
        self.assertIsNone(self.disk.device)
        self.disk.remove(force=True)
        self.assertEqual(self.asked(), [
            "add --json capacity=2G,direct_io,urswrz=0 DIR",
            "remove DIR", "remove --force DIR"])

    def test_takeover(self):
        self.assertEqual(self.disk.takeover(timeout_s=5, write_through=True),
                         "/dev/sdq")
        self.assertEqual(self.disk.sg, "/dev/sg3")
        self.says({"device": None, "sg": None}, 0)
        self.assertIsNone(self.disk.takeover())
        self.assertEqual(self.asked(), [
            "takeover --json --quiet --timeout 5 write_through DIR",
            "takeover --json --quiet --timeout 300 DIR"])

    def test_powerfail(self):
        self.disk.add()
        self.says({"device": "/dev/sdr", "zones": 4, "seed": 7}, 0)
        self.assertEqual(self.disk.powerfail(seed=7), 4)
        self.assertEqual(self.disk.device, "/dev/sdr")
        self.assertEqual(self.asked()[1],
                         "powerfail --json --quiet --reattach --seed 7 DIR")

    def test_temporary(self):
        with zloop.temporary(directory=self.dir) as disk:
            self.disk = disk
            self.assertEqual(disk.device, "/dev/sdq")
        self.assertFalse(os.path.exists(disk.directory))
        self.assertEqual(self.asked(), [
            "add --json capacity=1G,zone_size=16M,conv_zones=1 DIR",
            "remove --force DIR"])

    def test_restore(self):
        self.disk.restore("a")
        self.assertIsNone(self.disk.device)
        self.disk.add()
        self.says_text("/dev/sdr")
        self.disk.restore("a")
        self.assertEqual(self.disk.device, "/dev/sdr")
        self.assertEqual(self.asked()[::2], [
            "restore --quiet DIR a", "restore --quiet --reattach DIR a"])

    def test_what_cannot_be_removed_stays(self):
        with self.assertRaises(zloop.Error) as caught:
            with zloop.temporary(directory=self.dir) as disk:
                self.says({}, 1, "zloop: note: x\nzloop: it is stuck\n")
        self.assertEqual(str(caught.exception), "it is stuck")
        self.assertTrue(os.path.exists(disk.directory))

    def test_no_json(self):
        with open(zloop.COMMAND, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho nonsense\n")
        self.fails("status 0", self.disk.info)


class Liar(Work):
    """Whoever else answers."""

    def test_replies(self):
        os.mkdir(self.dir + "/d")
        with open(self.dir + "/d/zloop.json", "w", encoding="ascii") as f:
            json.dump({"serial": "f" * 16}, f)
        disk = zloop.Disk(self.dir + "/d")
        with socket.socket(socket.AF_UNIX) as sock:
            sock.bind(disk.control.path)
            sock.listen(16)
            for says, want in ((b"", "no reply"), (b"\n", "no reply"),
                               (b"[]\n", "no reply"), (b"{}\n", "not one"),
                               (b"\xff\n", "no reply"),
                               (b'{"ok":true}', "no reply"),
                               (b'{"ok":false,"error":"a b"}\n', "^a b$")):
                thread = threading.Thread(target=self.answer,
                                          args=(sock, says))
                thread.start()
                self.fails(want, disk.stats)
                thread.join()

    @staticmethod
    def answer(sock, says):
        with sock.accept()[0] as s:
            s.recv(4096)
            s.sendall(says)


if __name__ == "__main__":
    ZLOOP, RUNNER, HANDLER = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1] + sys.argv[4:])
