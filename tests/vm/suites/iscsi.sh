#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The disk over iSCSI, on the guest's own loopback address only.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/iscsi
iqn=iqn.2003-01.org.linux-iscsi.zloop:z0
url=iscsi://127.0.0.1/$iqn/0

export_disk() {
  make_disk iscsi 2G $place
  export_iscsi $iqn iscsi
}

list() {
  local out
  out=$(iscsi-ls -s iscsi://127.0.0.1)
  contains iscsi-ls "Target:$iqn" "$out"
  contains iscsi-ls "Lun:0 " "$out"
}

inquiry() {
  local out
  out=$(iscsi-inq "$url")
  contains iscsi-inq "Peripheral Qualifier:CONNECTED" "$out"
  [ "$HANDLER" = zloop ] || return 0
  contains iscsi-inq "Vendor:ZLOOP" "$out"
  out=$(iscsi-inq -e 1 -c 128 "$url")
  use_disk
  contains "unit serial number" \
    "$(sg_vpd -p 0x80 "$SG" | sed -n 's/.*serial number: *//p')" "$out"
}

login() {
  login_iscsi $iqn
  wait_for 30 second_path
  second_path >/run/second
}

# The SCSI disk that open-iscsi made.
second_path() {
  local dev
  for dev in /sys/class/iscsi_session/session*/device/target*/*/block/*; do
    [ -e "$dev/queue/zoned" ] || continue
    [ "$(blockdev --getsize64 "/dev/$(basename "$dev")")" -gt 0 ] || continue
    basename "$dev"
    return 0
  done
  return 1
}

same_disk() {
  local name
  use_disk
  name=$(cat /run/second)
  equal zoned host-managed "$(cat "/sys/block/$name/queue/zoned")"
  equal nr_zones 32 "$(cat "/sys/block/$name/queue/nr_zones")"
  equal "VPD page 83h" "$(sg_vpd -p 0x83 "$SG" | grep 0x)" \
    "$(sg_vpd -p 0x83 "/dev/$name" | grep 0x)"
  diff <(zones) <(SG=/dev/$name zones)
  [ "$HANDLER" = zloop ] || return 0
  equal "VPD page 80h" "$(sg_vpd -p 0x80 "$SG")" \
    "$(sg_vpd -p 0x80 "/dev/$name")"
}

# Written on one path, read on the other, in both directions.
shared_zones() {
  local name
  use_disk
  name=$(cat /run/second)
  head -c 262144 /dev/urandom >/run/pattern
  DISK=/dev/$name write_zone 8 0 4 /run/pattern
  equal "zone 8, first path" "Implicitly opened 512" "$(zone_state 8)"
  read_zone 8 0 4 | cmp - /run/pattern
  sg_reset_wp --zone="$(zone_lba 8)" "$SG"
  equal "zone 8, second path" "Empty 0" "$(SG=/dev/$name zone_state 8)"
}

fio_second_path() {
  fio --name=iscsi --filename="/dev/$(cat /run/second)" --direct=1 \
    --zonemode=zbd --rw=write --bs=64k --ioengine=libaio --iodepth=4 \
    --offset=$((10 * ZONE_BLOCKS * 512)) --size=64M --verify=crc32c \
    --verify_fatal=1 --output-format=terse
}

logout() {
  iscsiadm -m node -T $iqn -p 127.0.0.1 --logout
  wait_for 10 bash -c "[ ! -e /sys/block/$(cat /run/second) ]"
  use_disk
  sg_turs "$SG"
}

tear_down
clean_place $place
check "set up" start_stack
check "export over iSCSI" export_disk
check "iscsi-ls" list
check "iscsi-inq" inquiry
check "open-iscsi logs in" login
check "the second path is the same zoned disk" same_disk
check "both paths share the zones" shared_zones
check "fio verifies on the second path" fio_second_path
check "open-iscsi logs out" logout
pkill -x iscsid || true
tear_down
summary
