#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Zone domains and realms on a kernel that knows nothing of them: the first
# domain is an ordinary disk with a file system, while realms behind that are
# activated beside it.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/realms
# Ten realms of 4 conventional or 5 sequential zones of 4 MiB, the first of
# which is conventional always: zones 0 to 39, a gap, 41 to 85.
options=model=realms/zone_size_mb=4/realms=10/cmr_realms=1/max_open_zones=8
bytes=$((86 * 4 << 20))
zone=8192 # blocks
# The file system has realms 0 to 5.
fs_kib=$((6 * 4 * 4 << 10))

# sg3_utils 1.48, or the check is skipped.
need_tools() {
  "$ZLOOP_TOP/tests/scsi/sg3" path 2>&1 ||
    skip_check "sg3_utils know no realms"
}

use_tools() {
  use_disk
  PATH=$(need_tools | tail -n 1):$PATH
}

create() {
  clean_place $place
  make_disk realms $bytes $place $options
}

linux_view() {
  use_disk
  contains "device type" "disk" "$(lsscsi -g | grep "$DISK")"
  equal size $((40 * 4 << 20)) "$(blockdev --getsize64 "$DISK")"
  equal queue/zoned none "$(cat "/sys/block/${DISK#/dev/}/queue/zoned")"
  lacks "kernel log" "$(basename "$DISK").*(fail|rror|nvalid)" "$(dmesg)"
}

tools_view() {
  use_tools
  contains "VPD page B6h" "extension: 0x2|omains and realms" "$(sg_vpd -p zbdc "$SG")"
  contains "mode page 0Ah,0Fh" "ca 0f 00 10" "$(sg_modes -p 0xa,0xf "$SG")"
  equal domains 2 "$(sg_rep_zones --domain "$SG" | grep -c "Zone domain zone type")"
  equal realms 10 "$(sg_rep_zones --realm "$SG" | grep -c "Realm id=")"
  equal "inactive zones" 45 \
    "$(sg_rep_zones --maxlen=65536 --report=8 "$SG" | grep -c ": Inactive")"
}

file_system() {
  use_disk
  mkfs.ext4 -q "$DISK" $fs_kib
  mkdir -p /mnt
  mount "$DISK" /mnt
  head -c 20000000 /dev/urandom >/mnt/first
  sync
  (cd /mnt && md5sum first) >/run/sums
}

# Each time other files, whose sums are kept.
write_files() { # TAG
  local n
  for n in {1..8}; do
    head -c $((n * 200000)) /dev/urandom >"/mnt/$1.$n"
  done
  sync
  (cd /mnt && md5sum "$1".*) >>/run/sums
}

active_in() { # REALM
  zloop realms --json $place |
    python3 -c "import json,sys
print(json.load(sys.stdin)['realms'][$1]['active'])"
}

# One zone, in order, and back.
use_zone() { # ZONE
  sg_dd if=/run/zone of="$SG" bs=512 bpt=128 seek=$(($1 * zone)) \
    count=$zone 2>/dev/null
  sg_dd if="$SG" of=/run/back bs=512 bpt=128 skip=$(($1 * zone)) \
    count=$zone 2>/dev/null
  cmp /run/zone /run/back
}

# By SCSI: realm 6, named by its conventional zones.
activate_by_sg() {
  use_tools
  sg_z_act_query --activate --zone=$((24 * zone)) --num=4 --other=1 "$SG" \
    >/run/out
  equal "realm 6" 1 "$(active_in 6)"
  head -c $((zone * 512)) /dev/urandom >/run/zone
  use_zone 66
  contains "zone 66" "ull" \
    "$(sg_rep_zones --num=1 --start=$((66 * zone)) "$SG")"
  # It has data, so it stays.
  sg_z_act_query --activate --zone=$((66 * zone)) --num=5 --other=0 "$SG" \
    >/run/out
  equal "realm 6" 1 "$(active_in 6)"
}

# By the command: all of the rest.
activate_by_zloop() {
  use_disk
  zloop activate --query $place 7-9 seq
  equal "realm 8" 0 "$(active_in 8)"
  zloop activate $place 7-9 seq
  equal "realm 8" 1 "$(active_in 8)"
  use_zone 76
  contains refusal "zone 66 is not empty" \
    "$(zloop activate $place 6-8 conv 2>&1 || true)"
}

beside() {
  local n
  use_disk
  (for n in {1..4}; do write_files "beside$n"; done) &
  activate_by_sg
  activate_by_zloop
  sg_reset_wp --all "$SG"
  for n in {1..5}; do
    zloop activate $place 6-9 conv
    zloop activate $place 6-9 seq
  done
  wait $!
  umount /mnt
  e2fsck -fn "$DISK"
  mount "$DISK" /mnt
  (cd /mnt && md5sum --quiet -c /run/sums)
}

killed() {
  use_disk
  zloop activate $place 7 conv
  runner_kill
  runner_start
  wait_for 30 sg_turs "$SG"
  equal "realm 7" 0 "$(active_in 7)"
  equal "realm 8" 1 "$(active_in 8)"
  write_files killed
  echo 3 >/proc/sys/vm/drop_caches
  (cd /mnt && md5sum --quiet -c /run/sums)
  umount /mnt
  e2fsck -fn "$DISK"
}

opened_again() {
  detach_disk
  zloop check $place
  open_disk realms $bytes $place
  use_disk
  equal "realm 7" 0 "$(active_in 7)"
  mount "$DISK" /mnt
  (cd /mnt && md5sum --quiet -c /run/sums)
  umount /mnt
}

loop_sg() {
  local dev
  for dev in /sys/bus/scsi/devices/*:*:*:*/; do
    case $(realpath "$dev") in
      */tcm_loop_adapter_*) ls "$dev/scsi_generic" ;;
    esac
  done | grep -m 1 .
}

# As a host-managed disk: Linux refuses its zones, and the disk with them, but
# for SCSI commands.
device_type_14h() {
  local sg name
  detach_disk
  clean_place $place
  find_disk() { :; }
  make_disk managed $bytes $place "$options/device_type=14h"
  wait_for 30 loop_sg
  sg=/dev/$(loop_sg)
  wait_for 30 sg_turs "$sg"
  name=$(loop_disk)
  {
    echo "Linux $(uname -r): $name, $(cat "/sys/block/$name/queue/zoned")," \
      "$(blockdev --getsize64 "/dev/$name") bytes"
    dmesg | grep -F "[$name]" | tail -n 8
  } >/run/linux14
  contains "the disk" "PDT=20" "$(sg_inq -d "$sg")"
  zloop activate $place all seq
  equal "realm 9" 1 "$(active_in 9)"
  sg_readcap -l "$sg"
  equal "size to Linux" 0 "$(blockdev --getsize64 "/dev/$name")"
}

[ "$HANDLER" = zloop ] || { echo "skipped: only for user:zloop"; exit 77; }
tear_down
check "set up" start_stack
check "a disk with realms" create
check "Linux sees the first domain" linux_view
check "sg3_utils see the rest" tools_view
check "ext4 on the first realms" file_system
check "realms are activated beside it" beside
check "all is there after tcmu-runner was killed" killed
check "and when it is opened again" opened_again
check "device type 14h" device_type_14h
cat /run/linux14 || true
tear_down
summary
