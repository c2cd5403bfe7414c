# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
"""Host-managed zoned SCSI disks of user:zloop, for tests in Python.

    import zloop

    with zloop.temporary(capacity="1G", zone_size="16M") as disk:
        subprocess.run(["mkfs.btrfs", disk.device], check=True)
        with disk.inject("read-error", zone=7):
            ...
        print(disk.stats()["operations"]["write"]["bytes"])

A disk that is attached is asked through its control socket, everything else is
done by the command zloop.  With pytest, `pytest_plugins = ["zloop"]` gives the
fixture zloop_disk: a disk per test.  docs/python.md has more.

One file, Python 3.9 or later, nothing else is needed.
"""

import contextlib
import dataclasses
import json
import os
import shutil
import socket
import subprocess
import tempfile
from typing import Any, Callable, Dict, Iterator, List, Optional, Union

__all__ = ["Control", "Disk", "Error", "Fault", "NotAttached", "Zone",
           "replay", "temporary"]

#: The command; the environment variable ZLOOP names another one.
COMMAND = os.environ.get("ZLOOP", "zloop")
#: How long a reply may take, in seconds: one may wait for a zone's FINISH.
TIMEOUT_S = 30
#: What a disk of temporary() and of the fixture is, if nothing else is said.
DEFAULTS = {"capacity": "1G", "zone_size": "16M", "conv_zones": 1}

_MAX_REPLY = 4 << 20


class Error(Exception):
    """What zloop or a disk has to say; str() is its sentence.

    status is the command's exit status: 1 it failed, 2 wrong usage; None if
    it comes from the control socket.
    """

    def __init__(self, sentence: str, status: Optional[int] = None):
        super().__init__(sentence)
        self.status = status


class NotAttached(Error):
    """Nobody serves the disk's control socket."""


@dataclasses.dataclass(frozen=True)
class Zone:
    """A zone; addresses and lengths are logical blocks."""

    number: int
    type: str  # "conventional", "sequential-write-required", ...
    condition: str  # "empty", "implicitly-opened", ..., "offline"
    start_lba: int
    blocks: int
    write_pointer_lba: Optional[int]  # None where it is invalid
    non_seq: bool

    @property
    def written_blocks(self) -> int:
        """What is below the write pointer; 0 where that is invalid."""
        if self.write_pointer_lba is None:
            return 0
        return self.write_pointer_lba - self.start_lba


def _zone(o: Dict[str, Any]) -> Zone:
    # The socket has all attributes, the command one of them.
    non_seq = o["non_seq"] if "non_seq" in o else bool(o["attributes"] & 2)
    return Zone(o["zone"], o["type"], o["condition"], o["start_lba"],
                o["blocks"], o["write_pointer_lba"], non_seq)


class Control:
    """The control socket of the disk with this serial number."""

    def __init__(self, serial: str, run_dir: Optional[str] = None):
        run_dir = run_dir or os.environ.get("ZLOOP_RUN_DIR") or "/run/zloop"
        self.path = os.path.join(run_dir, serial + ".sock")

    def request(self, name: str,
                progress: Optional[Callable[[int, int], None]] = None,
                **members: Any) -> Dict[str, Any]:
        """The reply to a request of docs/control-protocol.md.

        progress(done, total) is called where the request says how far it is.
        Raises NotAttached, or Error with the reply's sentence.
        """
        if progress:
            members["progress"] = True
        line = json.dumps({"request": name, **members}).encode() + b"\n"
        with self._connect() as sock:
            try:
                sock.sendall(line)
            except (BrokenPipeError, ConnectionResetError):
                pass  # hung up, perhaps with a reply that says why
            return self._reply(sock, progress)

    def _connect(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(TIMEOUT_S)
        try:
            sock.connect(self.path)
        except (FileNotFoundError, ConnectionRefusedError):
            sock.close()
            raise NotAttached(f"nobody serves {self.path}; is the disk "
                              "attached, and does tcmu-runner run?") from None
        except OSError as e:
            sock.close()
            raise Error(f"cannot connect to {self.path}: {e}") from None
        return sock

    def _reply(self, sock, progress) -> Dict[str, Any]:
        with sock.makefile("rb") as lines:
            while True:
                o = self._object(lines)
                step = o.get("progress")
                if not isinstance(step, dict):
                    break
                if progress and step["total"]:
                    progress(step["done"], step["total"])
        if o.pop("ok", False) is not True:
            raise Error(str(o.get("error", "the reply is not one")))
        return o

    def _object(self, lines) -> Dict[str, Any]:
        try:
            line = lines.readline(_MAX_REPLY)
            o = json.loads(line) if line.endswith(b"\n") else None
        except (OSError, ValueError):
            o = None
        if not isinstance(o, dict):
            raise Error(f"there is no reply from {self.path}")
        return o


class Fault:
    """An injected fault: clear() takes it back, as the end of `with` does."""

    def __init__(self, disk: "Disk", id: Optional[int], where: Dict[str, int]):
        self.disk = disk
        self.id = id  # None: a state of zones
        self._where = {"id": id} if id else where

    def clear(self) -> None:
        self.disk.clear(**self._where)

    def __enter__(self) -> "Fault":
        return self

    def __exit__(self, *exc: Any) -> None:
        self.clear()


class Disk:
    """The disk in a directory, attached or not."""

    def __init__(self, directory: str):
        self.directory = os.path.realpath(directory)
        self.device: Optional[str] = None  # "/dev/sdX", once it is added
        self.sg: Optional[str] = None  # "/dev/sgN"

    def __repr__(self) -> str:
        return f"<zloop.Disk {self.directory} {self.device or 'detached'}>"

    # Making, attaching, taking away.

    @classmethod
    def create(cls, directory: str, like: Optional[str] = None,
               with_state: bool = False, **options: Any) -> "Disk":
        """Makes a disk, which is not attached, in a new or empty directory.

        like is a report of a drive's zones, a zoned block device, or one of
        `zloop help drives`; with_state takes its write pointers, too.
        """
        words = [] if like is None else ["--like", like]
        _zloop("create", *words, *(["--with-state"] if with_state else []),
               *_words(options), directory)
        return cls(directory)

    def add(self, **options: Any) -> str:
        """Attaches the disk, which is made if it is missing; its device."""
        is_ = _json("add", "--json", *_words(options), self.directory)
        self.device, self.sg = is_["device"], is_["sg"]
        return is_["device"]

    def takeover(self, timeout_s: int = 300,
                 **options: Any) -> Optional[str]:
        """Attaches it as another machine had it, once that lets go of it.

        Its device; None if it is exported only.
        """
        is_ = _json("takeover", "--json", "--quiet", "--timeout",
                    str(timeout_s), *_words(options), self.directory)
        self.device, self.sg = is_["device"], is_["sg"]
        return is_["device"]

    def remove(self, force: bool = False) -> None:
        """Detaches it; the files stay."""
        _zloop("remove", *(["--force"] if force else []), self.directory)
        self.device = self.sg = None

    def delete(self) -> None:
        """Deletes the disk, which is not attached, and all that is in it."""
        _zloop("delete", self.directory)

    # Looking.

    def info(self) -> Dict[str, Any]:
        """What `zloop info --json` has of it."""
        return _json("info", "--json", self.directory)[0]

    def check(self) -> List[Dict[str, Any]]:
        """What is not as it should be: {"zone": number or None, "what"}."""
        found = _json("check", "--json", self.directory, may_fail=True)[0]
        if "error" in found:
            raise Error(found["error"], 1)
        return found["problems"]

    def stats(self) -> Dict[str, Any]:
        """Counters of a disk that is attached, as "stats" has them."""
        return self.control.request("stats")

    def history(self) -> List[Dict[str, int]]:
        """What it did since it was attached, in samples."""
        reply = self.control.request("history")
        return [dict(zip(reply["members"], row)) for row in reply["samples"]]

    def zones(self, condition: Optional[str] = None) -> List[Zone]:
        """All zones, as they are now, or those in this condition."""
        try:
            all_ = list(self._live_zones())
        except NotAttached:
            all_ = [_zone(o) for o in
                    _json("zones", "--json", self.directory)["zones"]]
        return [z for z in all_ if condition in (None, z.condition)]

    def zone(self, number: int) -> Zone:
        """One of them."""
        is_ = self.info()
        lba = number * is_["zone_size_bytes"] // is_["block_size"]
        try:
            o = self.control.request("zones", start_lba=lba, count=1)
        except NotAttached:
            o = _json("zones", "--json", "--start", str(lba), "--count", "1",
                      self.directory)
        return _zone(o["zones"][0])

    def _live_zones(self) -> Iterator[Zone]:
        lba: Optional[int] = 0
        while lba is not None:
            reply = self.control.request("zones", start_lba=lba)
            yield from (_zone(o) for o in reply["zones"])
            lba = reply["next_lba"]

    # Faults and power failures.

    def inject(self, fault: str, **members: Any) -> Fault:
        """Injects a fault of docs/control-protocol.md, such as
        inject("read-error", lba=4096, count=1) or inject("offline", zone=5).

        One that is not attached takes persistent=True and zones' states only.
        """
        what = {"fault": fault, **members}
        try:
            reply = self.control.request("inject-add", fault=what)
        except NotAttached:
            reply = _json("inject", "add", "--json", self.directory,
                          json.dumps(what))
        where = {k: members[k] for k in ("zone", "lba", "blocks")
                 if k in members}
        return Fault(self, reply["id"], where)

    def faults(self) -> List[Dict[str, Any]]:
        """All that is injected."""
        try:
            return self.control.request("inject-list")["faults"]
        except NotAttached:
            return _json("inject", "list", "--json", self.directory)

    def clear(self, **where: int) -> None:
        """Takes faults back: by id, by zone or lba (and blocks) the zones'
        states, or without any of these all."""
        try:
            self.control.request("inject-clear", **(where or {"all": True}))
        except NotAttached:
            words = [f"{k}={v}" for k, v in where.items()] or ["all"]
            _zloop("inject", "clear", self.directory, *words)

    def powerfail(self, seed: Optional[int] = None,
                  reattach: bool = True) -> int:
        """Takes back what was not flushed; of how many zones.

        The disk must have been added with discard_write_cache=True.  With a
        seed a part of it that the seed chooses.  Linux goes on to believe in
        its own write pointers, so that the block device is attached anew,
        whoever uses it; its name is in `device` then.
        """
        if reattach and self.device:
            words = [] if seed is None else ["--seed", str(seed)]
            is_ = _json("powerfail", "--json", "--quiet", "--reattach", *words,
                        self.directory)
            self.device = is_["device"]
            return is_["zones"]
        members = {} if seed is None else {"seed": seed}
        # Who hears something waits longer.
        return self.control.request("powerfail", progress=lambda *_: None,
                                    **members)["zones"]

    # Keeping it, and putting it back.

    def snapshot(self, name: Optional[str] = None) -> str:
        """Keeps the disk as it is, attached or not; the snapshot's name."""
        return _json("snapshot", "--json", "--quiet", self.directory,
                     *([name] if name else []))["name"]

    def snapshots(self) -> List[str]:
        """Their names."""
        return [o["name"] for o in
                _json("snapshots", "--json", self.directory)]

    def delete_snapshot(self, name: str) -> None:
        _zloop("snapshot", "--delete", self.directory, name)

    def restore(self, name: str) -> None:
        """Makes the disk what it was; one that is attached is added again,
        and nobody may use it.  Its name is in `device` then."""
        if not self.device:
            _zloop("restore", "--quiet", self.directory, name)
            return
        done = _run("restore", "--quiet", "--reattach", self.directory, name)
        self.device = done.stdout.strip() or self.device
        self.sg = None
        if done.returncode:
            raise _said(done)

    def clone(self, directory: str, snapshot: Optional[str] = None) -> "Disk":
        """A copy of it, or of a snapshot, with a serial number of its own."""
        words = ["--snapshot", snapshot] if snapshot else []
        _zloop("clone", "--quiet", *words, self.directory, directory)
        return Disk(directory)

    # Recording it, while it is attached.

    def record_start(self, file: Optional[str] = None) -> str:
        """Records all that is acknowledged from now on; the record's file."""
        return _json("record", "start", "--json", "--quiet", self.directory,
                     *([file] if file else []))["file"]

    def record_mark(self, text: str) -> int:
        """Puts a mark into the record; its point."""
        return _json("record", "mark", "--json", self.directory,
                     text)["point"]

    def record_stop(self) -> Dict[str, Any]:
        """Ends the record; what `zloop record stop --json` has of it."""
        return _json("record", "stop", "--json", self.directory)

    # The socket.

    @property
    def control(self) -> Control:
        """The control socket; whether anybody is there shows a request."""
        return Control(self.serial)

    @property
    def serial(self) -> str:
        """16 hexadecimal digits: the disk's identity."""
        sidecar = os.path.join(self.directory, "zloop.json")
        try:
            with open(sidecar, encoding="utf-8") as f:
                return json.load(f)["serial"]
        except (OSError, ValueError, KeyError):
            raise Error(f"{self.directory} is not a disk") from None


def replay(file: str, directory: str, to: Optional[Union[int, str]] = None,
           seed: Optional[int] = None, state: Optional[int] = None,
           base: Optional[str] = None) -> Disk:
    """The recorded disk as it was at a point (a number, a mark's text,
    "flush=3", …; without one at the end), in a new or empty directory.

    With a seed, or a state's number, as a power failure there could have left
    it.  base is the snapshot with which the record begins, if that is not
    where it was.
    """
    words = [] if to is None else ["--to", str(to)]
    if seed is not None or state is not None:
        words += ["--crash"]
    words += [] if seed is None else ["--seed", str(seed)]
    words += [] if state is None else ["--state", str(state)]
    words += [] if base is None else ["--base", base]
    _zloop("replay", "--quiet", file, *words, "--into", directory)
    return Disk(directory)


@contextlib.contextmanager
def temporary(attach: bool = True, directory: Optional[str] = None,
              **options: Any) -> Iterator[Disk]:
    """A disk in a temporary directory (below this one), which goes at the end.

    The options are those of zloop-handler(8), e.g. capacity="2G",
    discard_write_cache=True; what is not said is as DEFAULTS has it.  It is
    attached unless attach=False, which needs neither root nor a kernel.
    """
    path = tempfile.mkdtemp(prefix="zloop-", dir=directory)
    options = {**DEFAULTS, **options}
    disk = Disk(path)
    try:
        if attach:
            disk.add(**options)
        else:
            Disk.create(path, **options)
        yield disk
    finally:
        # Also one that was attached anew, or by others.
        if disk.device or _is_attached(disk):
            disk.remove(force=True)
        shutil.rmtree(path)


def _is_attached(disk: Disk) -> bool:
    try:
        disk.control.request("version")
        return True
    except Error:
        return False


# The command.

def _words(options: Dict[str, Any]) -> List[str]:
    """As one word of the command: "capacity=1G,direct_io"."""
    words = [k if v is True else f"{k}={int(v) if v is False else v}"
             for k, v in options.items() if v is not None]
    return [",".join(words)] if words else []


def _run(*words: str) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run([COMMAND, *words], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              encoding="utf-8", errors="surrogateescape",
                              check=False)
    except OSError as e:
        raise Error(f"{COMMAND} cannot be run: {e.strerror}") from None


def _said(done: "subprocess.CompletedProcess[str]") -> Error:
    lines = [line[len("zloop: "):] for line in done.stderr.splitlines()
             if line.startswith("zloop: ")
             and not line.startswith("zloop: note: ")]
    return Error("; ".join(lines) or done.stderr.strip() or
                 f"{COMMAND} ended with status {done.returncode}",
                 done.returncode)


def _zloop(*words: str) -> None:
    done = _run(*words)
    if done.returncode:
        raise _said(done)


def _json(*words: str, may_fail: bool = False) -> Any:
    done = _run(*words)
    if done.returncode and not (may_fail and done.returncode == 1):
        raise _said(done)
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise _said(done) from None


# pytest: `pytest_plugins = ["zloop"]` in conftest.py, or `pytest -p zloop`.

try:
    import pytest as _pytest
except ImportError:
    pass
else:
    def pytest_configure(config: Any) -> None:
        config.addinivalue_line(
            "markers", "zloop(attach=True, **options): what zloop_disk is")

    @_pytest.fixture
    def zloop_disk(request: Any, tmp_path: Any) -> Iterator[Disk]:
        """A disk of this test, as its mark says:
        @pytest.mark.zloop(capacity="4G", max_open_zones=8)
        """
        mark = request.node.get_closest_marker("zloop")
        with temporary(directory=str(tmp_path),
                       **(mark.kwargs if mark else {})) as disk:
            yield disk
