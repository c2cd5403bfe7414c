#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# crashfs.sh [--long]: file systems for zoned disks, recorded under a workload of
# fsync, rename, truncate and unlink, and of balance or garbage collection, or of
# zones; mounted and checked after power failures behind each flush and at each mark:
# what was fsynced before must be there. With --long more of each, in twenty states or
# as many as ZLOOP_TEST_SEEDS says, and just before each flush, too, where f2fs is known
# to fail (docs/crash-testing.md): how often is printed.
set -eu
. "$(dirname "$0")/../lib.sh"
. "$ZLOOP_TOP/tests/vm/crash.sh"

base=/data/crashfs
nr_files=4
seeds=1
balance=-d
long=
[ "${1:-}" != --long ] ||
  { long=1 nr_files=8 seeds=20 balance=--full-balance; }
seeds=${ZLOOP_TEST_SEEDS:-$seeds}
check_files=$ZLOOP_TOP/tests/vm/check-files
check_zones=$ZLOOP_TOP/tests/vm/check-zones

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

promise() { # DISK TEXT
  zloop record mark "$1" "$2" >/dev/null
}

# Each zone is a file: two writes, of which the first is fsynced before its mark;
# files 2, 5, … become empty again, which is fsynced, too.
work_in_zones() { # DISK
  local n
  for ((n = 1; n <= nr_files; n++)); do
    zone_contents $n | dd of=/mnt/work/seq/$n bs=64k count=2 oflag=direct \
      iflag=fullblock conv=notrunc status=none
    sync /mnt/work/seq/$n
    promise "$1" "written $n"
    head -c 65536 /dev/zero | dd of=/mnt/work/seq/$n bs=64k oflag=append,direct \
      iflag=fullblock conv=notrunc status=none
    if ((n % 3 == 0)); then
      truncate -s 0 /mnt/work/seq/$((n - 1))
      sync /mnt/work/seq/$((n - 1))
      promise "$1" "emptied $n"
    fi
  done
}

# Between the files is what becomes free, half a zone each: four files on there is a
# zone of which something else must go elsewhere before it can be used again.
work_in_files() { # DISK TYPE
  local n
  for ((n = 1; n <= nr_files; n++)); do
    work_on_file $n promise "$1"
    head -c 8M /dev/zero >/mnt/work/filler$n
    sync /mnt/work/filler$n
    ((n % 4)) || collect "$1" "$2" $n
  done
}

collect() { # DISK TYPE N
  rm /mnt/work/filler*
  sync -f /mnt/work
  "collect_$2"
  promise "$1" "collected $3"
}

collect_btrfs() {
  contains "balance" "had to relocate [1-9]" \
    "$(btrfs balance start "$balance" /mnt/work)"
}

# All sections of which something is in use, until there is no other.
collect_f2fs() {
  local n=0
  while collect_section; do n=$((n + 1)); done
  [ $n -gt 0 ] || fail "f2fs found no section to collect"
}

collect_section() {
  python3 - <<'END'
import fcntl, os, struct, sys
F2FS_IOC_GARBAGE_COLLECT = 0x4004F506
try:
    fcntl.ioctl(os.open("/mnt/work", os.O_RDONLY), F2FS_IOC_GARBAGE_COLLECT,
                struct.pack("I", 1))
except OSError as e:
    print(e)
    sys.exit(1)
END
}

# As if the disk were full: whatever is not in use is to be free for writing.
collect_xfs() {
  local xfs
  xfs=/sys/fs/xfs/$(basename "$(findmnt -n -o SOURCE /mnt/work)")
  echo 1 >"$xfs/stats/stats_clear"
  echo 100 >"$xfs/zoned/zonegc_low_space"
  wait_for 60 xfs_has_collected "$xfs"
  echo 0 >"$xfs/zoned/zonegc_low_space"
}

# It has written what was in a zone, and emptied one.
xfs_has_collected() { # XFS
  awk '/^zoned / { found = $3 && $4 } END { exit !found }' "$1/stats/stats"
}

# record NAME TYPE WORK OPTIONS MKFS…: makes the disk, does the work on it and takes
# it away.
record() {
  local disk=$base/$1 type=$2 work=$3 options=$4 dev
  shift 4
  only_zloop
  modprobe "$type"
  dev=$(zloop add "capacity_mb=2048,zone_size_mb=16,$options" "$disk")
  "$@" "$dev"
  zloop record start "$disk" "$disk.zlog"
  mount -t "$type" "$dev" /mnt/work
  "$work" "$disk" "$type"
  umount /mnt/work
  zloop record stop "$disk"
  zloop remove "$disk"
}

try_states() { # NAME AT CHECK…
  local log=$base/$1.zlog at=$2
  shift 2
  : >"$KNOWN_FAULTS"
  zloop crashtest "$log" --jobs 1 --at "$at" --seeds "$seeds" --quiet --verbose \
    -- "$@"
}

tell() { # NAME AT OUTPUT
  {
    echo "# $1, $2: $(tail -n 1 <<<"$3")"
    sort "$KNOWN_FAULTS" | uniq -c | sed 's/^/#   known: /'
  } >>/run/states
}

must_pass() { # NAME AT CHECK…
  local out
  out=$(try_states "$@") || {
    echo "$out"
    sort "$KNOWN_FAULTS" | uniq -c
    around_failures "$1" "$out"
    return 1
  }
  tell "$1" "$2" "$out"
}

# What was written before the first point that failed, and soon after: each record is
# another one, and is gone with the guest.
around_failures() { # NAME OUTPUT
  local point
  point=$(awk '$3 == "exit" || $3 == "signal" || $3 == "timeout" { print $1; exit }' \
    <<<"$2")
  zloop replay "$base/$1.zlog" --list |
    awk -v p="${point:-0}" '$1 > p - 40 && $1 < p + 10'
}

# Of what is known to go wrong: more than one in ten is something else.
mostly_passes() { # NAME AT CHECK…
  local out
  out=$(try_states "$@") || true
  tell "$1" "$2" "$out"
  awk 'END { exit !($2 == "points," && $(NF - 1) * 10 <= $3) }' <<<"$out" ||
    { echo "$out"; return 1; }
}

# All of it must pass; and a check that is told of more than there was must not, lest
# nothing be looked at.
crashtest() { # NAME CHECK…
  local name=$1
  shift
  must_pass "$name" flush,mark "$@"
  contains "one file too many" "^1 points, 1 states .* 1 failed" \
    "$(seeds=1 fails try_states "$name" end env \
      ZLOOP_MARK="written $((nr_files + 1))" "$@")"
}

# With nodes of so many bytes, on a disk that can write half of one, or cannot.
btrfs_states() { # NODE PHYSICAL-BLOCK
  local name=btrfs-$1-$2
  record "$name" btrfs work_in_files "conv_zones=0,physical_block_size=$2" \
    mkfs.btrfs -q -f -O zoned -d single -m single -n "$1"
  set -- "$check_files" btrfs btrfs check --force
  crashtest "$name" "$@"
  [ -z "$long" ] || must_pass "$name" before "$@"
}

f2fs_states() { # BYTES
  local name=f2fs-$1
  record "$name" f2fs work_in_files "conv_zones=16,physical_block_size=$1" \
    mkfs.f2fs -q -f -m
  set -- "$check_files" f2fs fsck.f2fs --dry-run -f
  crashtest "$name" "$@"
  [ -z "$long" ] || mostly_passes "$name" before "$@"
}

xfs_states() {
  local tools
  tools=$("$ZLOOP_TOP/tests/vm/fstools" path 2>&1) || skip_check "$tools"
  PATH=$tools:$PATH
  record xfs xfs work_in_files conv_zones=32 mkfs.xfs -q -f -K -r zoned=1
  set -- "$check_files" xfs xfs_repair -n
  crashtest xfs "$@"
  [ -z "$long" ] || must_pass xfs before "$@"
}

zonefs_states() {
  record zonefs zonefs work_in_zones conv_zones=1 \
    python3 "$ZLOOP_TOP/tests/vm/mkzonefs.py"
  crashtest zonefs "$check_zones"
  [ -z "$long" ] || must_pass zonefs before "$check_zones"
}

# The first indented lines below that heading.
lines_of_the_document() {
  awk '/^## Your file system, in ten lines/ { here = 1; next }
    here && /^    / { there = 1; print substr($0, 5); next }
    there && !/^$/ { exit }' "$ZLOOP_TOP/docs/crash-testing.md"
}

# As they stand, by somebody who has a directory.
document() {
  only_zloop
  modprobe btrfs
  rm -rf /data/d /data/d.zlog /run/ten
  mkdir /run/ten
  cd /run/ten
  lines_of_the_document >lines
  contains "the lines" "^zloop crashtest " "$(tail -n 1 lines)"
  bash -eu lines >out || { cat out; return 1; }
  contains "states" "^[0-9]+ points, [0-9]+ states .* 0 failed" "$(cat out)"
  echo "# the document's lines: $(tail -n 1 out)" >>/run/states
  rm -rf /data/d /data/d.zlog
}

# A check, and what it has to tell.
tried() { # NAME COMMAND…
  : >/run/states
  check "$@"
  cat /run/states
}

tear_down
rm -rf $base
mkdir -p $base /mnt/work
check "set up" start_stack
tried "the document's lines" document
tried "btrfs after power failures" btrfs_states 16384 512
[ -z "$long" ] ||
  tried "btrfs on a disk that does not tear its nodes" btrfs_states 4096 4096
tried "f2fs after power failures" f2fs_states 512
[ -z "$long" ] ||
  tried "f2fs on a disk that does not tear its blocks" f2fs_states 4096
tried "xfs after power failures" xfs_states
tried "zonefs after power failures" zonefs_states
tear_down
rm -rf $base
summary
