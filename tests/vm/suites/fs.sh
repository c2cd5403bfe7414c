#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# File systems for zoned disks: made, mounted, stressed, mounted again, checked.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/fs

# Small zones: a file system needs many, and their tails cost it space.
create() {
  case $HANDLER in
    zbc) make_disk fs 4G $place model-HM/zsize-16/conv-16 ;;
    *) make_disk fs 4G $place zone_size_mb=16/conv_zones=16 ;;
  esac
}

reset_disk() {
  use_disk
  blkzone reset -o "$((16 * 32768))" "$DISK"
  wipefs -aq "$DISK" 2>/dev/null || true
  # What an earlier file system left in the conventional zones.
  dd if=/dev/zero of="$DISK" bs=1M count=16 oflag=direct status=none
}

# Files of several sizes, some removed and overwritten, so that the cleaner
# has something to do.
stress() {
  local n
  mkdir -p /mnt/d
  for n in {1..12}; do
    head -c $((n * 300000)) /dev/urandom >"/mnt/d/file$n"
  done
  sync
  rm /mnt/d/file3 /mnt/d/file7
  for n in 5 9; do
    head -c $((n * 200000)) /dev/urandom >"/mnt/d/file$n"
  done
  dd if=/dev/urandom of=/mnt/d/file12 bs=64k count=5 seek=10 conv=notrunc \
    oflag=direct status=none
  sync
  (cd /mnt/d && md5sum file*) >/run/sums
}

verify() {
  echo 3 >/proc/sys/vm/drop_caches
  (cd /mnt/d && md5sum --quiet -c /run/sums)
  equal files 10 "$(ls /mnt/d | wc -l)"
}

clean_kernel_log() {
  lacks "kernel log" "(I/O error|critical|BTRFS error|F2FS-fs.*(rror|nvalid))" \
    "$(dmesg)"
}

mount_stress_remount() { # TYPE
  mkdir -p /mnt
  mount -t "$1" "$DISK" /mnt
  stress
  umount /mnt
  mount -t "$1" "$DISK" /mnt
  verify
}

btrfs() {
  reset_disk
  modprobe btrfs
  mkfs.btrfs -q -f -O zoned -d single -m single "$DISK"
  mount_stress_remount btrfs
  contains scrub "no errors found" "$(command btrfs scrub start -B /mnt)"
  umount /mnt
  command btrfs check "$DISK"
  clean_kernel_log
}

f2fs() {
  reset_disk
  modprobe f2fs
  mkfs.f2fs -q -f -m "$DISK"
  mount_stress_remount f2fs
  umount /mnt
  contains fsck.f2fs "Done" "$(fsck.f2fs --dry-run -f "$DISK" 2>&1)"
  clean_kernel_log
}

# zonefs shows each zone as a file; its super block is all that mkfs writes.
zonefs() {
  reset_disk
  modprobe zonefs
  python3 "$ZLOOP_TOP/tests/vm/mkzonefs.py" "$DISK"
  mkdir -p /mnt
  mount -t zonefs "$DISK" /mnt
  # Zone 0 holds the super block.
  equal "conventional files" 15 "$(ls /mnt/cnv | wc -l)"
  equal "sequential files" 240 "$(ls /mnt/seq | wc -l)"
  head -c 1048576 /dev/urandom >/run/pattern
  dd if=/run/pattern of=/mnt/seq/3 bs=64k oflag=direct,append conv=notrunc \
    status=none
  equal "size of seq/3" 1048576 "$(stat -c %s /mnt/seq/3)"
  fails dd if=/run/pattern of=/mnt/seq/3 bs=64k count=1 oflag=direct \
    conv=notrunc
  umount /mnt
  mount -t zonefs "$DISK" /mnt
  cmp /run/pattern /mnt/seq/3
  truncate -s 0 /mnt/seq/3
  umount /mnt
  equal "zone 19" Empty "$(zones --num=1 --start=$((19 * 32768)) |
    cut -d'|' -f2)"
  clean_kernel_log
}

tear_down
clean_place $place
dmesg -C
check "set up" start_stack
check "make a disk" create
check "btrfs" btrfs
umount /mnt 2>/dev/null || true
check "f2fs" f2fs
umount /mnt 2>/dev/null || true
check "zonefs" zonefs
tear_down
summary
