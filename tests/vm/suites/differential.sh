#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The same random commands to a disk and to scsi_debug's: see zdiff.c.
# differential.sh [COUNT [SEED…]]: so many commands for each seed, 1000 and 1.
set -eu
. "$(dirname "$0")/../lib.sh"

count=${1:-1000}
seeds=(1)
[ $# -le 1 ] || seeds=("${@:2}")
place=/data/differential
zdiff=$ZLOOP_BUILD/tests/vm/zdiff

# scsi_debug has one disk a module load.
make_peer() { # OPTIONS…
  modprobe -r scsi_debug
  modprobe scsi_debug zbc=managed delay=0 "$@"
  wait_for 20 peer_sg
}

peer_sg() {
  local dev
  for dev in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*; do
    [ ! -d "$dev/scsi_generic" ] || echo "/dev/$(ls "$dev/scsi_generic")"
  done | grep .
}

# round OPTIONS PEER-OPTIONS…: 20 zones of 2 MiB, four of them conventional.
round() {
  local options=$1 seed
  shift
  clean_place $place
  make_peer dev_size_mb=40 zone_size_mb=2 zone_nr_conv=4 "$@"
  make_disk differential 40M $place "zone_size_mb=2/conv_zones=4$options"
  for seed in "${seeds[@]}"; do
    "$zdiff" --seed "$seed" --count "$count" "$SG" "$(peer_sg)"
  done
}

remove() {
  detach_disk
  modprobe -r scsi_debug
}

[ "$HANDLER" = zloop ] || { echo "skipped: only for user:zloop"; exit 77; }
command -v "$zdiff" >/dev/null || { echo "skipped: $zdiff is missing"; exit 77; }
tear_down
check "set up" start_stack
check "no limit of open zones" round /max_open_zones=0 \
  zone_max_open=0
remove
check "three open zones" round /max_open_zones=3 zone_max_open=3
remove
check "zones with gaps" round \
  /zone_capacity_mb=1/max_open_zones=4 zone_cap_mb=1 zone_max_open=4
remove
tear_down
summary
