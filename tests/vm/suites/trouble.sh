#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What is below the disk fails: the file system is full, over quota, read-only
# or unmounted, its device has bad sectors or is gone, a zone's file is cut,
# deleted or replaced. Each costs what docs/promises.md says and nothing else,
# and when its cause is gone the disk works again.
#
#   trouble.sh         each on one file system
#   trouble.sh --long  on both ext4 and XFS
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../below.sh"

# --- full ---------------------------------------------------------------------

# write_zone_file ZONE / read_zone_file ZONE: all of it, at once.
write_zone_file() {
  dd if=/run/trouble.zone of="$DISK" bs=256k seek=$(($1 * 16)) oflag=direct \
    conv=notrunc,nocreat iflag=fullblock status=none
}

read_zone_file() {
  dd if="$DISK" bs=256k skip=$(($1 * 16)) count=16 iflag=direct status=none |
    cmp - /run/trouble.zone
}

# Two zones fit, and some of a third one; whatever the reason is. Room comes
# with a reset.
full() {
  local n=0
  use_disk
  head -c 4194304 /dev/urandom >/run/trouble.zone
  write_zone_file 2
  write_zone_file 3
  while put 4 $n >/run/trouble.sense; do n=$((n + 1)); done
  echo "full at $n"
  [ $n -lt 32 ]
  refused "$no_space" put 4 $n
  refused "$no_space" put 4 $n
  equal "write pointer" $((n * 128)) "$(zone_state 4 | grep -o '[0-9]*$')"
  read_zone_file 3
  flush
  reset_zone 3
  flush
  put 4 $n
  flush
  get 4 $n
  read_zone_file 2
  sound
  use_disk
  get 4 $n
  read_zone_file 2
}

full_ext4() {
  make_fs ext4
  make
  leave_kib 9000
  full
}

over_quota() {
  need_quotas
  make_fs xfs "-o gquota"
  limit_disk 9m
  make
  full
}

# --- input and output errors --------------------------------------------------

bad_sectors() { # TYPE
  make_fs "$1"
  make
  put 0 0
  put 0 1
  put 5 0
  put 5 1
  put 6 0
  flush
  open_again
  use_disk
  # shellcheck disable=SC2046 # two words
  map $(extent seq-000005)
  echo 3 >/proc/sys/vm/drop_caches
  refused "$bad_read" get 5 0
  get 6 0
  others_work 7
  # shellcheck disable=SC2046 # two words
  map $(extent cnv-000000)
  get 5 0
  put 0 0
  refused "$bad_write" flush
  refused "$bad_write" flush
  put 7 0 FUA
  map 0 0
  # What was lost is not forgotten because the sectors are well again.
  refused "$bad_write" flush
  refused "$bad_read" get 0 0
  get 6 0
  put 0 0
  put 0 1
  flush
  get 0 0
  get 7 0
  sound
}

# The device is gone, and comes back after the file system has been mounted
# again: whatever was flushed is there.
dead_device() { # TYPE
  make_fs "$1"
  make
  put 0 3
  put 5 0
  put 5 1
  flush
  put 6 0 FUA
  put 5 2
  put 7 0
  map 0 $sectors
  refused "$bad_write|$protected" flush
  refused "$bad_write|$protected" put 8 0 FUA
  zones | wc -l | grep -qx 16
  detach_disk
  unmount
  map 0 0
  mount_fs
  zloop check $dir
  attach
  get 0 3
  get 5 0
  get 5 1
  get 6 0
  others_work 9
}

# --- read-only, unmounted -------------------------------------------------------

# Emergency, as files are open for writing. It takes every file system.
make_read_only() {
  local before
  before=$(emergencies)
  echo u >/proc/sysrq-trigger
  wait_for 30 one_more_than "$before"
  grep -q " $mnt [a-z0-9]* ro[ ,]" /proc/mounts
}

emergencies() {
  dmesg | grep -c "Emergency Remount complete" || true
}

one_more_than() {
  [ "$(emergencies)" -gt "$1" ]
}

# ext4 refuses to be made writable when a file was to be cut meanwhile.
make_writable() {
  mount -o remount,rw /data
  case $mount_options in
    *xfs*) mount -o remount,rw $mnt ;;
    *)
      detach_disk
      unmount
      mount_fs
      attach
      ;;
  esac
}

read_only() { # TYPE
  local rc
  make_fs "$1"
  make
  put 5 0
  put 6 0
  put 0 0
  flush
  open_again
  use_disk
  put 5 1
  make_read_only
  set +e
  (set -e; check_read_only)
  rc=$?
  set -e
  make_writable
  [ $rc = 0 ]
  flush
  get 5 1
  put 6 1
  put 0 0
  put 7 0
  flush
  reset_zone 5
  sound
  use_disk
  get 6 1
  get 0 0
  get 7 0
}

# What is open already can still be written to on some file systems: into the
# page cache, which SYNCHRONIZE CACHE does not take for durable.
check_read_only() {
  get 5 0
  get 5 1
  get 6 0
  refused "$protected" put 6 1
  refused "$protected" reset_zone 6
  refused "$protected" put 0 0 FUA
  get 6 0
  if put 5 2; then refused "$protected" flush; fi
}

# Whoever has it open goes on; nobody else finds it, and nothing is made where
# it was.
unmounted() {
  make_fs ext4
  make
  put 5 0
  umount -l $mnt
  put 5 1
  put 6 0
  flush
  get 5 0
  get 5 1
  get 6 0
  detach_disk
  fails attach
  fails attach zone_size_mb=4/conv_zones=2
  equal "made where nothing is mounted" "" "$(ls $mnt)"
  remove_backstores
  mount_fs
  attach
  get 5 0
  get 5 1
  get 6 0
  others_work 7
  sound
}

# --- files ----------------------------------------------------------------------

make_for_files() {
  make_fs ext4
  make
  put 5 0
  put 5 1
  put 6 0
  put 7 0
  put 8 0
  flush
}

cut_file() {
  use_disk
  truncate -s 65536 $dir/seq-000005
  get 5 0
  refused "$bad_read" get 5 1
  get 6 0
  # What is gone stays so when the zone is written on, and is not durable.
  put 5 2
  refused "$bad_read" get 5 1
  get 5 2
  refused "$bad_write" flush
  reset_zone 5
  others_work 9
  put 5 0
  put 5 1
  flush
  get 5 0
  get 5 1
}

# What is there can be read as long as the descriptor is kept, and nothing that is
# written is called good; at the next opening the zone is OFFLINE.
deleted_file() {
  use_disk
  put 6 1
  rm $dir/seq-000006
  refused "$bad_write" put 6 2
  refused "$bad_write" flush
  get 6 0
  open_again
  use_disk
  contains "zone 6" Offline "$(zone_state 6)"
  fails get 6 0
  fails put 6 3
  others_work 9
  get 5 1
  get 7 0
}

replaced_file() {
  use_disk
  mv $dir/seq-000007 $dir/away
  ln -s away $dir/seq-000007
  mkdir $dir/other
  mv $dir/seq-000008 $dir/other
  mkdir $dir/seq-000008
  open_again
  use_disk
  contains "zone 7" Offline "$(zone_state 7)"
  contains "zone 8" Offline "$(zone_state 8)"
  fails get 7 0
  others_work 9
  get 5 1
}

mended_files() {
  local out
  detach_disk
  out=$(fails zloop check $dir)
  contains "zloop check" "seq-000006|zone 6" "$out"
  mv $dir/away $dir/seq-000007
  rmdir $dir/seq-000008
  mv $dir/other/seq-000008 $dir
  rmdir $dir/other
  zloop check --repair --yes $dir || true
  zloop check $dir
  attach
  get 5 1
  get 7 0
  get 8 0
  put 6 0
  flush
  get 6 0
}

# The daemon may have no more descriptors than it has.
no_descriptors() {
  local pid free=0
  make_fs ext4
  make
  put 5 0
  put 6 0
  flush
  open_again
  use_disk
  pid=$(cat $RUNNER_PID)
  # The first number that is free.
  while [ -L "/proc/$pid/fd/$free" ]; do free=$((free + 1)); done
  prlimit --pid "$pid" --nofile=$free:65536
  refused "$no_resources" get 6 0
  refused "$no_resources" put 6 1
  zones | wc -l | grep -qx 16
  prlimit --pid "$pid" --nofile=1024:65536
  get 6 0
  put 6 1
  flush
  get 6 1
  sound
}

below_start
check "a full file system" full_ext4
check "a quota that is used up" over_quota
check "bad sectors below ext4" bad_sectors ext4
check "a device below xfs that is gone" dead_device xfs
check "ext4 that turns read-only" read_only ext4
if [ "${1:-}" = --long ]; then
  check "bad sectors below xfs" bad_sectors xfs
  check "a device below ext4 that is gone" dead_device ext4
  check "xfs that turns read-only" read_only xfs
fi
check "a file system unmounted below the disk" unmounted
check "a disk whose files will change" make_for_files
check "a zone's file is cut" cut_file
check "a zone's file is deleted" deleted_file
check "zones' files are replaced" replaced_file
check "zones' files are mended" mended_files
check "no descriptors are left" no_descriptors
below_end
summary
