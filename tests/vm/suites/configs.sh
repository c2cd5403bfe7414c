#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Every ready configuration of targetcli-config/examples, restored by its
# script, makes the disk that it is named for.
set -eu
. "$(dirname "$0")/../lib.sh"

examples=$ZLOOP_TOP/targetcli-config/examples
disks=/var/local/zloop

# A directory as the kernel's driver leaves it: 8 conventional zones, 24
# sequential ones, 8 KiB written to the first of those.
kernel_directory() {
  local n
  mkdir "$1"
  for n in 0 1 2 3 4 5 6 7; do truncate -s 64M "$1/cnv-00000$n"; done
  for n in {8..31}; do : >"$1/seq-$(printf %06d "$n")"; done
  head -c 8192 /dev/urandom >"$1/seq-000008"
  chmod 600 "$1"/*
  md5sum <"$1/seq-000008" >/run/kernel.sum
}

refused_without_directory() {
  contains "apply" "there is no $disks/kernel-zloop" \
    "$(fails "$examples/apply" "$examples/kernel-zloop.json")"
}

apply_all() {
  kernel_directory $disks/kernel-zloop
  "$examples/apply" /run/examples/*.json >/run/apply.out
  cat /run/apply.out
}

# of_example NAME: sets DISK and SG to the loopback disk of that example.
of_example() {
  local wwn address dev
  wwn=$(sed -n 's/.*"wwn": "\(naa[^"]*\)".*/\1/p' "$examples/$1.json")
  address=$(cat "$CONFIGFS/loopback/$wwn/tpgt_1/address")
  dev=/sys/bus/scsi/devices/$address:0
  DISK=/dev/$(basename "$dev"/block/*)
  SG=/dev/$(basename "$dev"/scsi_generic/*)
  queue=/sys/block/${DISK#/dev/}/queue
  equal "$1" host-managed "$(cat "$queue/zoned")"
}

attribute() { # NAME VALUE
  equal "$1" "$2" "$(cat "$queue/$1")"
}

loopback_disk() {
  of_example loopback
  attribute nr_zones 32
  attribute logical_block_size 512
  attribute physical_block_size 512
  equal "zones" 32 "$(zones | wc -l)"
  contains "shown" "${DISK#/dev/} +2G host-managed" "$(cat /run/apply.out)"
}

native_4k() {
  of_example 4kn
  attribute logical_block_size 4096
  equal "zone length" 0x4000 "$(zones --num=1 | cut -d'|' -f3)"
}

emulated_512() {
  of_example 512e
  attribute logical_block_size 512
  attribute physical_block_size 4096
}

small_capacity() {
  of_example small-capacity
  attribute nr_zones 32
  contains "zone 8" "len 0x020000, cap 0x018000" \
    "$(blkzone report -o $((8 * 131072)) -c 1 "$DISK")"
}

open_limit() {
  local n
  of_example limits
  attribute max_open_zones 4
  for n in 8 9 10 11; do sg_zone --open --zone="$(zone_lba $n)" "$SG"; done
  fails sg_zone --open --zone="$(zone_lba 12)" "$SG"
}

thin() {
  of_example 50tb
  equal "size" 54975581388800 "$(blockdev --getsize64 "$DISK")"
  attribute nr_zones 6400
  dd if=/dev/zero of="$DISK" bs=64k count=4 seek=$((6399 * 131072)) \
    oflag=direct,nonblock conv=notrunc status=none
  [ "$(du -sm $disks/50tb | cut -f1)" -lt 100 ] || fail "it is not thin"
}

of_the_kernel() {
  of_example kernel-zloop
  attribute logical_block_size 4096
  attribute nr_zones 32
  equal "data" "$(cat /run/kernel.sum)" \
    "$(dd if="$DISK" bs=4k skip=$((8 * 16384)) count=2 iflag=direct \
      status=none | md5sum)"
  equal "file" "$(cat /run/kernel.sum)" \
    "$(md5sum <$disks/kernel-zloop/seq-000008)"
}

# As its reader is told to.
refused_without_secret() {
  contains "what is said" 'has no secret: copy it' \
    "$(fails "$examples/apply" "$examples/iscsi-chap.json")"
  mkdir -p /run/examples
  cp "$examples"/* /run/examples
  sed -i 's/"chap_password": ""/"chap_password": "a-secret-of-16ch"/' \
    /run/examples/iscsi-chap.json
}

iscsi_chap() {
  local file=/run/examples/iscsi-chap.json iqn initiator user password
  modprobe -q md5 || skip_check "this kernel has no MD5, which CHAP needs"
  iqn=$(sed -n 's/.*"wwn": "\(.*\)".*/\1/p' "$file")
  initiator=$(sed -n 's/.*"node_wwn": "\(.*\)".*/\1/p' "$file")
  user=$(sed -n 's/.*"chap_userid": "\(.*\)".*/\1/p' "$file")
  password=$(sed -n 's/.*"chap_password": "\(.*\)".*/\1/p' "$file")
  contains "iscsi-inq" "Vendor:ZLOOP" "$(iscsi-inq -i "$initiator" \
    "iscsi://$user%$password@127.0.0.1/$iqn/0")"
  fails iscsi-inq -i "$initiator" "iscsi://127.0.0.1/$iqn/0"
  fails iscsi-inq -i "$initiator" "iscsi://$user%wrong-password@127.0.0.1/$iqn/0"
  fails iscsi-inq -i "$initiator.other" \
    "iscsi://$user%$password@127.0.0.1/$iqn/0"
  contains "shown" "session.auth.username -v $user" "$(cat /run/apply.out)"
}

# The same files open the disks that they made.
apply_again() {
  local before
  before=$(cat $disks/*/zloop.json | md5sum)
  tcli clearconfig confirm=True
  "$examples/apply" "$examples/loopback.json" "$examples/512e.json"
  equal "sidecars" "$before" "$(cat $disks/*/zloop.json | md5sum)"
  loopback_disk
  emulated_512
}

tear_down
rm -rf /data/examples
mkdir -p $disks /data/examples
mount --bind /data/examples $disks
check "set up" start_stack
check "a kernel's disk that is not there is not made" refused_without_directory
check "no secret, no target" refused_without_secret
check "all are restored" apply_all
check "loopback" loopback_disk
check "4kn" native_4k
check "512e" emulated_512
check "small-capacity" small_capacity
check "limits" open_limit
check "50tb" thin
check "kernel-zloop" of_the_kernel
check "iscsi-chap" iscsi_chap
check "restored again, they open what is there" apply_again
tear_down
tcli clearconfig confirm=True >/dev/null
umount $disks
rm -rf /data/examples
summary
