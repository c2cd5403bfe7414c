#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Host-aware disks: Linux, which may know no zones of them, and scsi_debug's.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/aware

# 20 zones of 2 MiB, four of them conventional.
create() {
  clean_place $place
  make_disk aware 40M $place zone_size_mb=2/conv_zones=4/model=host-aware
}

# Kernels before 6.9 say host-aware, later ones make nothing of it.
linux_view() {
  local zoned
  use_disk
  contains "device type" "Direct-Access|disk" "$(lsscsi -g | grep "$DISK")"
  zoned=$(cat "/sys/block/${DISK#/dev/}/queue/zoned")
  contains "queue/zoned" "^(host-aware|none)$" "$zoned"
  equal size 41943040 "$(blockdev --getsize64 "$DISK")"
  contains "VPD page B1h" "ZONED=1" "$(sg_vpd -p bdc "$SG")"
  contains "VPD page B6h" "host aware zone" "$(sg_vpd -p zbdch "$SG")"
  lacks "kernel log" "$(basename "$DISK").*(fail|rror|nvalid)" "$(dmesg)"
}

peer_sg() {
  local dev
  for dev in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*; do
    [ ! -d "$dev/scsi_generic" ] || echo "/dev/$(ls "$dev/scsi_generic")"
  done | grep .
}

# write_at DEV LBA BLOCKS
write_at() {
  # shellcheck disable=SC2046 # the bytes are words
  sg_raw -s $(($3 * 512)) -i /run/random "$1" 8a 00 $(hex_bytes "$2" 8) \
    $(hex_bytes "$3" 4) 00 00
}

# Writes in order and not, over each other, to a full zone; zone management.
# Nothing that reaches two zones: there the two differ, see
# docs/conformance.md.
commands() { # DEV
  local z=4096 dev=$1
  write_at "$dev" $((4 * z)) 8
  write_at "$dev" $((4 * z + 8)) 8
  write_at "$dev" $((5 * z + 100)) 8
  write_at "$dev" $((5 * z + 50)) 8
  write_at "$dev" $((6 * z)) 16
  write_at "$dev" $((6 * z + 4)) 16
  write_at "$dev" $((7 * z + z - 8)) 8
  write_at "$dev" $((7 * z)) 8
  write_at "$dev" $((8 * z)) 8
  sg_zone --close --zone=$((8 * z)) "$dev"
  write_at "$dev" $((9 * z + 8)) 8
  sg_zone --finish --zone=$((9 * z)) "$dev"
  write_at "$dev" $((9 * z + 8)) 8
  sg_zone --open --zone=$((10 * z)) "$dev"
  write_at "$dev" $((11 * z + 8)) 8
  sg_reset_wp --zone=$((11 * z)) "$dev"
  sg_zone --open --zone=$((12 * z)) "$dev"
  sg_zone --close --zone=$((12 * z)) "$dev"
  write_at "$dev" 3 8
  sg_raw "$dev" 94 03 00 00 00 00 00 00 00 00 00 00 00 00 00 00 || true
}

# Zones by option, and all data.
picture() { # DEV
  local option
  for option in 0 1 2 3 4 5 0x10 0x11 0x3f; do
    sg_rep_zones --maxlen=65536 --report=$option "$1" | grep -v "Same="
  done
  sg_dd if="$1" bs=512 bpt=64 count=81920 2>/dev/null | md5sum
}

# scsi_debug has one disk a module load; built in, what the kernel was told.
make_peer() {
  if modprobe -r scsi_debug 2>/dev/null; then
    modprobe scsi_debug zbc=aware delay=0 dev_size_mb=40 zone_size_mb=2 \
      zone_nr_conv=4
  elif [ "$(cat /sys/module/scsi_debug/parameters/zbc)" != aware ]; then
    skip_check "scsi_debug is built in and has other disks"
  fi
  wait_for 20 peer_sg >/dev/null
}

as_scsi_debug() {
  use_disk
  make_peer
  head -c 8192 /dev/urandom >/run/random
  commands "$SG" >/run/ours.log 2>&1
  commands "$(peer_sg)" >/run/peer.log 2>&1
  picture "$SG" >/run/ours
  picture "$(peer_sg)" >/run/peer
  modprobe -r scsi_debug 2>/dev/null || true
  diff -u --label ours --label scsi_debug /run/ours /run/peer
  # scsi_debug has no field pointers.
  sed -i '/Sense Key Specific/d' /run/ours.log
  diff -u --label ours --label scsi_debug /run/ours.log /run/peer.log
}

# What knows no zones uses all of it.
file_system() {
  detach_disk
  clean_place $place
  make_disk aware 256M $place zone_size_mb=4/conv_zones=1/model=host-aware
  use_disk
  mkfs.ext4 -q "$DISK"
  mkdir -p /mnt
  mount "$DISK" /mnt
  for n in {1..20}; do
    head -c $((n * 300000)) /dev/urandom >"/mnt/file$n"
  done
  rm /mnt/file3 /mnt/file14
  sync
  (cd /mnt && md5sum file*) >/run/sums
  umount /mnt
  contains "zones by reporting option 11h" "Non_seq: 1" \
    "$(sg_rep_zones --report=0x11 "$SG")"
}

# And finds it again.
again() {
  use_disk
  sg_rep_zones --maxlen=65536 "$SG" | grep -c "Non_seq: 1" >/run/before
  detach_disk
  runner_kill
  runner_start
  open_disk aware 256M $place
  use_disk
  equal "zones with NON_SEQ" "$(cat /run/before)" \
    "$(sg_rep_zones --maxlen=65536 "$SG" | grep -c "Non_seq: 1")"
  e2fsck -fn "$DISK"
  mount "$DISK" /mnt
  (cd /mnt && md5sum --quiet -c /run/sums)
  umount /mnt
}

[ "$HANDLER" = zloop ] || { echo "skipped: only for user:zloop"; exit 77; }
tear_down
check "set up" start_stack
check "a host-aware disk" create
check "Linux sees it" linux_view
check "as scsi_debug's" as_scsi_debug
check "ext4 on it" file_system
check "everything is there after tcmu-runner was killed" again
tear_down
summary
