#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Snapshots and clones of a disk that a file system is on, and restoring it:
# Linux believes in the write pointers that the disk has then.
set -eu
. "$(dirname "$0")/../lib.sh"
. "$ZLOOP_TOP/tests/vm/crash.sh"

base=/data/keep
disk=$base/disk fs=$base/fs
options=capacity_mb=1024,zone_size_mb=64,conv_zones=4

# Appended, past the page cache, at the write pointer that Linux knows.
append() { # DEVICE ZONE OFFSET COUNT, in 64 KiB
  dd if=/dev/urandom of="$1" bs=64k count="$4" seek=$(($2 * 1024 + $3)) \
    oflag=direct conv=notrunc,nocreat status=none
}

sum_of() { # DEVICE ZONE COUNT
  dd if="$1" bs=64k count="$3" skip=$(($2 * 1024)) iflag=direct status=none |
    md5sum
}

# Of a zone with so many blocks of 64 KiB.
pointer_is() { # DEVICE ZONE COUNT
  equal "write pointer of zone $2" "$(printf '0x%06x' $(($3 * 128)))" \
    "$(blkzone report -o $(($2 * 131072)) -c 1 "$1" |
      sed 's/.*wptr *\([0-9a-fx]*\).*/\1/')"
}

restored() {
  local dev again before
  dev=$(zloop add $options,discard_write_cache $disk)
  append "$dev" 8 0 3
  append "$dev" 9 0 2
  before=$(sum_of "$dev" 8 3)
  zloop snapshot -q $disk first >/dev/null
  append "$dev" 8 3 5
  blkzone reset -o $((9 * 131072)) -c 1 "$dev"
  append "$dev" 10 0 1
  contains "without --reattach" "zloop restore --reattach, or zloop remove" \
    "$(fails zloop restore $disk first)"
  contains "no such snapshot" "there is no snapshot second" \
    "$(fails zloop restore --reattach $disk second)"
  pointer_is "$dev" 8 8
  again=$(zloop restore --reattach -q $disk first)
  [ -b "$again" ]
  pointer_is "$again" 8 3
  pointer_is "$again" 9 2
  pointer_is "$again" 10 0
  equal "zone 8" "$before" "$(sum_of "$again" 8 3)"
  append "$again" 8 3 1
  # With the options that it had: without this one it would be refused.
  zloop powerfail -q --reattach $disk >/dev/null
  equal "snapshots" first "$(zloop snapshots $disk | sed 's/ .*//')"
  zloop remove $disk
}

# Nothing happens to a disk that somebody uses.
in_use() {
  local dev
  dev=$(zloop add capacity_mb=2048,zone_size_mb=16,conv_zones=16 $fs)
  modprobe f2fs
  mkfs.f2fs -q -f -m "$dev"
  zloop snapshot -q $fs empty >/dev/null
  mkdir -p /mnt/work
  mount -t f2fs "$dev" /mnt/work
  seq 1000 >/mnt/work/file
  sync -f /mnt/work
  contains "in use" "is mounted on /mnt/work" \
    "$(fails zloop restore --reattach $fs empty)"
  seq 1000 | cmp - /mnt/work/file
  umount /mnt/work
  dev=$(zloop restore --reattach -q $fs empty)
  mount -t f2fs "$dev" /mnt/work
  [ ! -e /mnt/work/file ]
  umount /mnt/work
  zloop remove $fs
}

# Both go their own ways.
cloned() {
  local dev copy pid
  dev=$(zloop add $fs)
  mount -t f2fs "$dev" /mnt/work
  seq 100000 >/mnt/work/file
  sync -f /mnt/work
  : >/run/keep.on
  while [ -e /run/keep.on ]; do
    seq 10000 >/mnt/work/more
    sync -f /mnt/work
  done &
  pid=$!
  zloop clone -q $fs $base/copy >/dev/null || { rm /run/keep.on && false; }
  copy=$(zloop add $base/copy)
  mkdir -p /mnt/copy
  mount -t f2fs "$copy" /mnt/copy
  seq 100000 | cmp - /mnt/copy/file
  echo mine >/mnt/copy/mine
  rm /run/keep.on
  wait $pid
  [ ! -e /mnt/work/mine ]
  umount /mnt/copy /mnt/work
  zloop remove $base/copy $fs
}

# What was recorded until a moment before the daemon was killed is there.
record_of_the_killed() {
  local dev log=$base/record.zlog
  dev=$(zloop add $options $base/record)
  zloop record start -q $base/record $log
  append "$dev" 8 0 64
  zloop record mark $base/record here
  wait_for 30 bash -c "zloop replay $log --list | grep ' mark \+here$'"
  runner_kill
  contains "the record" " mark +here$" "$(zloop replay $log --list)"
  zloop replay -q $log --to here --into $base/built
  equal "size" $((64 << 16)) "$(stat -c %s $base/built/seq-000008)"
  cmp -n $((64 << 16)) $base/built/seq-000008 $base/record/seq-000008
  runner_start
  wait_for 20 sg_turs "$dev"
  contains "after that" "nothing is recorded" \
    "$(zloop record status $base/record)"
  zloop remove $base/record
}

# While there is a record.
promise() { # DISK TEXT
  zloop record mark "$1" "$2" >/dev/null 2>&1 || true
}

# Until nobody wants more.
work_in_files() { # DISK
  local n
  for ((n = 1; n <= 200; n++)); do
    [ -e /run/keep.on ] || break
    work_on_file $n promise "$1"
    echo $n >/run/keep.nr
  done
}

nr_written_more_than() { # NUMBER
  [ "$(cat /run/keep.nr)" -gt "$1" ]
}

# The disk goes on, as a file system sees it, and the record has ended: what was
# acknowledged until a moment before is in it, and every failure before that leaves
# a file system that has what it had promised.
record_of_the_killed_below() {
  local dev pid nr log=$base/below.zlog
  local files=("$ZLOOP_TOP/tests/vm/check-files" btrfs)
  modprobe btrfs
  mkdir -p /mnt/work
  dev=$(zloop add capacity_mb=1024,zone_size_mb=16,conv_zones=0 $base/below)
  mkfs.btrfs -q -f -O zoned -d single -m single "$dev"
  zloop record start -q $base/below $log
  mount -t btrfs "$dev" /mnt/work
  : >/run/keep.on
  echo 0 >/run/keep.nr
  work_in_files $base/below &
  pid=$!
  wait_for 60 nr_written_more_than 5
  runner_kill
  runner_start
  nr=$(cat /run/keep.nr)
  wait_for 60 nr_written_more_than $((nr + 2))
  rm /run/keep.on
  wait $pid
  umount /mnt/work
  contains "after that" "nothing is recorded" \
    "$(zloop record status $base/below)"
  contains "a mark" "nothing is recorded" \
    "$(fails zloop record mark $base/below more)"
  ZLOOP_DEVICE=$dev ZLOOP_MARK="all $(cat /run/keep.nr)" "${files[@]}"
  zloop remove $base/below
  contains "marks" " mark +written [5-9]" "$(zloop replay $log --list)"
  zloop crashtest $log --jobs 1 --at flush,mark --seeds 2 -q -- "${files[@]}"
}

# What blkzone says of both: where zones are, how long, and where they end.
same_zones() { # DEVICE DEVICE
  diff <(blkzone report "$1") <(blkzone report "$2")
}

like_it() { # DEVICE
  local dev
  rm -rf $base/like $base/like-state
  zloop create -q --like "$1" $base/like
  zloop create -q --like "$1" --with-state $base/like-state
  dev=$(zloop add $base/like-state)
  # One that is open is so for the process that has it.
  same_zones "$1" "$dev"
  zloop remove $base/like-state
  lacks "written without --with-state" '[^0] (closed|full)' \
    "$(zloop info $base/like | grep conditions)"
  equal "zones" "$(zloop zones --json $base/like-state | grep -c start_lba)" \
    "$(zloop zones --json $base/like | grep -c start_lba)"
}

like_a_disk() {
  local dev
  dev=$(zloop add $options $base/model)
  append "$dev" 8 0 3
  append "$dev" 9 0 1024
  # Nothing is open.
  zloop remove $base/model
  dev=$(zloop add $base/model)
  like_it "$dev"
  zloop remove $base/model
}

like_scsi_debug() { # managed|aware
  local dev
  modprobe -r scsi_debug 2>/dev/null ||
    skip_check "scsi_debug is built in and has other disks"
  modprobe scsi_debug dev_size_mb=64 zbc=$1 zone_size_mb=4 \
    zone_nr_conv=2 zone_max_open=4
  dev=/dev/$(ls /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*/block)
  dd if=/dev/urandom of="$dev" bs=64k count=5 seek=$((3 * 64)) oflag=direct \
    conv=notrunc,nocreat status=none
  blkzone finish -o $((4 * 8192)) -c 1 "$dev"
  blkzone close -o $((3 * 8192)) -c 1 "$dev"
  like_it "$dev"
  modprobe -r scsi_debug
}

tear_down
rm -rf $base
mkdir -p $base
check "set up" start_stack
check "a disk is restored and attached again" restored
check "a disk that is in use is left alone" in_use
check "a disk in use is cloned" cloned
check "a record of a daemon that is killed" record_of_the_killed
check "a record of a daemon that is killed below btrfs" record_of_the_killed_below
check "a disk like another one" like_a_disk
# One disk a module load.
check "a disk like another driver's" like_scsi_debug managed
check "a host-aware disk like another driver's" like_scsi_debug aware
tear_down
rm -rf $base
summary
