#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# File systems for zoned disks: made, mounted, stressed, mounted again, checked.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/fs

# Small zones: a file system needs many, and their tails cost it space.
create() { # CONVENTIONAL-ZONES
  clean_place "$place$1"
  case $HANDLER in
    zbc) make_disk fs 4G "$place$1" "model-HM/zsize-16/conv-$1" ;;
    *) make_disk fs 4G "$place$1" "zone_size_mb=16/conv_zones=$1" ;;
  esac
  use_disk
  dmesg -C
}

remove() {
  umount /mnt 2>/dev/null || true
  detach_disk
}

# Files of several sizes, some removed and overwritten, so that the cleaner
# has something to do.
stress() {
  local n
  mkdir -p /mnt/d
  for n in {1..12}; do
    head -c $((n * 100000)) /dev/urandom >"/mnt/d/file$n"
  done
  sync
  rm /mnt/d/file3 /mnt/d/file7
  for n in 5 9; do
    head -c $((n * 70000)) /dev/urandom >"/mnt/d/file$n"
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

# On sequential zones only, where its super block is a log in two zones. (With
# conventional ones Linux 6.1's scrub takes a good super block for a bad one.)
btrfs() {
  create 0
  modprobe btrfs
  mkfs.btrfs -q -f -O zoned -d single -m single "$DISK"
  mount_stress_remount btrfs
  contains scrub "no errors found" "$(command btrfs scrub start -B /mnt)"
  umount /mnt
  command btrfs check "$DISK"
  clean_kernel_log
}

# f2fs keeps its metadata in conventional zones.
f2fs() {
  create 16
  modprobe f2fs
  mkfs.f2fs -q -f -m "$DISK"
  mount_stress_remount f2fs
  umount /mnt
  contains fsck.f2fs "Done" "$(fsck.f2fs --dry-run -f "$DISK" 2>&1)"
  clean_kernel_log
}

# zonefs shows each zone as a file. Written with libaio: a synchronous direct
# write becomes a zone append, after which zonefs of Linux 6.1.192 reports a
# corrupted write pointer, on scsi_debug's disks as well.
zonefs() {
  create 16
  modprobe zonefs
  python3 "$ZLOOP_TOP/tests/vm/mkzonefs.py" "$DISK"
  mkdir -p /mnt
  mount -t zonefs "$DISK" /mnt
  # Zone 0 holds the super block.
  equal "conventional files" 15 "$(ls /mnt/cnv | wc -l)"
  equal "sequential files" 240 "$(ls /mnt/seq | wc -l)"
  zone_file_io --rw=write
  equal "size of seq/3" 1048576 "$(stat -c %s /mnt/seq/3)"
  md5sum /mnt/seq/3 >/run/sums
  umount /mnt
  contains "zone 19" " 2048$" "$(zone_19)"
  mount -t zonefs "$DISK" /mnt
  md5sum --quiet -c /run/sums
  fails dd if=/dev/zero of=/mnt/seq/3 bs=64k count=1 oflag=direct conv=notrunc
  truncate -s 0 /mnt/seq/3
  umount /mnt
  equal "zone 19" "Empty 0" "$(zone_19)"
  clean_kernel_log
}

zone_file_io() {
  fio --name=zonefs --filename=/mnt/seq/3 --bs=64k --size=1M --direct=1 \
    --ioengine=libaio --iodepth=4 --fallocate=none --create_on_open=1 \
    --allow_file_create=0 --verify=crc32c --verify_fatal=1 --randseed=1 \
    --output-format=terse "$@"
}

zone_19() {
  ZONE_BLOCKS=32768 zone_state 19
}

tear_down
check "set up" start_stack
check "btrfs" btrfs
remove
check "f2fs" f2fs
remove
check "zonefs" zonefs
remove
tear_down
summary
