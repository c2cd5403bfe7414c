#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What Linux makes of logical block provisioning: of a disk without any, and of
# one that was asked for it.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/provisioning
mib=$((1024 * 1024))
dmz=zloop-dmz
export DM_DISABLE_UDEV=1 # there is none: dmsetup makes the node

# 128 zones of 16 MiB, 32 of them conventional.
options=zone_size_mb=16/conv_zones=32

state_of() { # ZONE
  ZONE_BLOCKS=32768 zone_state "$1"
}

queue() { # FILE [DISK]
  cat "/sys/block/$(basename "${2:-$DISK}")/queue/$1"
}

provisioning_mode() {
  cat "/sys/block/$(basename "$DISK")"/device/scsi_disk/*/provisioning_mode
}

# Of a conventional zone's file, in bytes.
stored() { # ZONE
  echo $(($(stat -c '%b * %B' "$place/cnv-00000$1")))
}

create() { # [OPTIONS]
  clean_place $place
  make_disk provisioning 2G $place "$options${1:-}"
  use_disk
  dmesg -C
}

clean_kernel_log() {
  lacks "kernel log" "(I/O error|critical|BTRFS error|Call Trace)" "$(dmesg)"
}

# data FIRST COUNT: MiB of the disk.
data() {
  dd if="$DISK" bs=$mib skip="$1" count="$2" iflag=direct status=none
}

is_zeros() { # FIRST COUNT
  cmp -n $(($2 * mib)) <(data "$1" "$2") /dev/zero
}

write_mib() { # FIRST COUNT
  dd if=/dev/urandom of="$DISK" bs=$mib seek="$1" count="$2" oflag=direct \
    iflag=fullblock conv=notrunc status=none
}

# Of zone 32: what may not unmap, and what may.
zeros_at_a_write_pointer() {
  blkdiscard -z -o $((512 * mib)) -l $((4 * mib)) "$DISK"
  contains "zone 32" " $((4 * 2048))$" "$(state_of 32)"
  fallocate -p -o $((516 * mib)) -l $((4 * mib)) "$DISK"
  contains "zone 32" " $((8 * 2048))$" "$(state_of 32)"
  is_zeros 512 8
}

none_is_told() {
  create
  contains "READ CAPACITY(16)" "lbpme=0, lbprz=0" "$(sg_readcap -l "$SG")"
  contains "UNMAP" "not supported" "$(sg_unmap --force -l 0 -n 1 "$SG" 2>&1 || true)"
  equal "discard_max_bytes" 0 "$(queue discard_max_bytes)"
  equal "provisioning" full "$(provisioning_mode)"
}

# Zeros, written by WRITE SAME: in conventional zones, and at a write pointer.
holes_are_written() {
  use_disk
  write_mib 16 48
  fallocate -p -o $((32 * mib)) -l $((16 * mib)) "$DISK"
  is_zeros 32 16
  fails is_zeros 16 16
  fails is_zeros 48 16
  fallocate -z -o $((48 * mib)) -l $((8 * mib)) "$DISK"
  is_zeros 48 8
  zeros_at_a_write_pointer
  write_mib 520 1
  clean_kernel_log
}

# Refused by Linux, and nothing is the worse for it.
no_discard() {
  use_disk
  contains "blkdiscard" "Operation not supported" "$(fails blkdiscard -f "$DISK")"
  contains "a zone" "Operation not supported" \
    "$(fails blkdiscard -f -o $((512 * mib)) -l $((16 * mib)) "$DISK")"
  holes_are_written_again
  blkzone reset "$DISK"
  clean_kernel_log
}

holes_are_written_again() {
  fallocate -p -o $((16 * mib)) -l $((16 * mib)) "$DISK"
  is_zeros 16 16
}

second_disk() {
  for DISK2 in $(loop_disk); do
    [ "/dev/$DISK2" = "$DISK" ] || break
  done
  DISK2=/dev/$DISK2
  [ "$DISK2" != "$DISK" ] && [ "$(blockdev --getsize64 "$DISK2")" -gt 0 ]
}

add_second_disk() { # [OPTIONS]
  clean_place ${place}2
  mkdir -p ${place}2
  tcli_session <<END
/backstores/user:$HANDLER create name=second size=2G cfgstring=$options${1:-}@${place}2
/loopback/$LOOP_WWN/luns create /backstores/user:$HANDLER/second
END
  wait_for 30 second_disk
  second_disk
  # The first disk has a unit attention condition: there is a LUN more.
  wait_for 10 sg_turs "$SG"
}

# Linux 6.1.192 panics in the middle, in btrfs' own do_zone_finish().
can_replace() {
  [ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -n 1)" = 6.9 ]
}

# What was between them is written as zeros when they are copied, up to the next
# one's place in the zone.
files_with_gaps() {
  local n
  for n in {1..16}; do
    head -c 3000000 /dev/urandom >"/mnt/file$n"
    sync
  done
  rm /mnt/file{1,4,5,8,11,14}
  sync
  md5sum /mnt/file* >/run/sums
}

# With 7.2 and a disk that advertised LBPWS, but refused what that allows, it
# never came to its end.
btrfs_replace() { # [OPTIONS]
  can_replace || skip_check "btrfs of Linux $(uname -r) panics"
  create "${1:-}"
  add_second_disk "${1:-}"
  dmesg -C
  modprobe btrfs
  mkfs.btrfs -q -f -O zoned -d single -m single "$DISK"
  mkdir -p /mnt
  mount -t btrfs "$DISK" /mnt
  files_with_gaps
  timeout 240 btrfs replace start -B -f 1 "$DISK2" /mnt
  contains status "finished.*0 write errs" "$(btrfs replace status -1 /mnt)"
  umount /mnt
  wipefs -q -a "$DISK" || true
  mount -t btrfs "$DISK2" /mnt
  md5sum --quiet -c /run/sums
  umount /mnt
  clean_kernel_log
}

has_dm_zoned() {
  modprobe dm-zoned 2>/dev/null || true
  dmsetup targets | grep -q '^zoned'
}

dm_zoned() {
  has_dm_zoned || skip_check "this kernel has no dm-zoned"
  create
  "$ZLOOP_TOP/tests/vm/mkdmzoned.py" "$DISK" >/run/table
  dmsetup create $dmz </run/table
  DISK=/dev/mapper/$dmz
  write_mib 100 24
  md5sum < <(data 100 24) >/run/sums
  blkdiscard -o $((110 * mib)) -l $mib "$DISK"
  is_zeros 110 1
  data 100 10 >/run/before
  dmsetup remove $dmz
  dmsetup create $dmz </run/table
  cmp /run/before <(data 100 10)
  is_zeros 110 1
  dmsetup remove $dmz
  clean_kernel_log
}

thin_is_told() {
  create /provisioning=thin
  contains "READ CAPACITY(16)" "lbpme=1, lbprz=1" "$(sg_readcap -l "$SG")"
  equal "provisioning" unmap "$(provisioning_mode)"
  [ "$(queue discard_max_bytes)" -gt 0 ]
  write_mib 16 16
  blkdiscard -f -o $((16 * mib)) -l $((16 * mib)) "$DISK"
  is_zeros 16 16
  equal "bytes stored" 0 "$(stored 1)"
}

# What used to turn off all of the disk's discards.
thin_holes_and_writes() {
  use_disk
  write_mib 32 16
  fallocate -p -o $((32 * mib)) -l $((16 * mib)) "$DISK"
  is_zeros 32 16
  equal "bytes stored" 0 "$(stored 2)"
  zeros_at_a_write_pointer
  [ "$(queue discard_max_bytes)" -gt 0 ]
  clean_kernel_log
}

remove() {
  umount /mnt 2>/dev/null || true
  dmsetup remove $dmz 2>/dev/null || true
  detach_disk
}

[ "$HANDLER" = zloop ] || { echo "skipped: only for user:zloop"; exit 77; }
tear_down
check "set up" start_stack
check "a disk has no provisioning" none_is_told
check "zeros are written" holes_are_written
check "blkdiscard is not supported" no_discard
remove
check "btrfs replaces one disk by another" btrfs_replace
remove
check "dm-zoned" dm_zoned
remove
check "a disk that is thin" thin_is_told
check "holes and zeros of a thin disk" thin_holes_and_writes
remove
check "btrfs replaces one thin disk by another" btrfs_replace /provisioning=thin
remove
tear_down
summary
