#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# zloop export: what it prints is what an initiator needs, with CHAP, and two
# portals are two paths to one disk.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/export
initiator=iqn.1993-08.org.debian:01:zloopvm
installed=$(dirname "$(stock_handlers | head -n 1)")/handler_zloop.so
commands=/run/initiator.sh

export_disk() {
  ln -sf "$(find_handler)" "$installed"
  rm -rf $base
  mkdir -p $base
  zloop create capacity_mb=2048,zone_size_mb=64 $base/x
  zloop export --acl $initiator --portal 127.0.0.1 --portal 127.0.0.2 \
    $base/x >$commands 2>/run/export.err
  pgrep -x tcmu-runner >$RUNNER_PID
  contains "standard error" "is not shown again" "$(cat /run/export.err)"
  equal "commands" 5 "$(grep -c '^iscsiadm -m ' $commands)"
  iqn=$(sed -n 's/.* -T \([^ ]*\) --login$/\1/p' $commands)
  equal "target" "iqn.2003-01.org.linux-iscsi.zloop:$(sed -n \
    's/.*"serial": "\(.*\)".*/\1/p' $base/x/zloop.json)" "$iqn"
  echo "iqn=$iqn" >/run/iqn
}

targetcli_view() {
  local out
  out=$(targetcli ls /iscsi)
  contains "targetcli ls" "$initiator .*1-way auth, Mapped LUNs: 1" "$out"
  contains "targetcli ls" "127.0.0.2:3260 .*OK" "$out"
}

# What follows is about what targetcli has restored.
saved() {
  tcli saveconfig /run/export-config.json
  zloop remove x
  equal "left in configfs" "" "$(backstores)$(ls -d $CONFIGFS/iscsi/iqn.* \
    2>/dev/null || true)"
  tcli restoreconfig /run/export-config.json || true
  contains "zloop list" "^x +- .* attached +$base/x iqn" \
    "$(zloop list $base)"
}

# printed NAME: the value that the commands set it to.
printed() {
  sed -n "s/.* -n $1 -v //p" $commands
}

# A login that is refused is libiscsi's: over one, the initiator of Linux 6.1
# has died.
secrets() {
  local url user secret
  . /run/iqn
  modprobe -q md5 || skip_check "this kernel has no MD5, which CHAP needs"
  url=127.0.0.1/$iqn/0
  user=$(printed node.session.auth.username)
  secret=$(printed node.session.auth.password)
  contains iscsi-inq "Vendor:ZLOOP" \
    "$(iscsi-inq -i $initiator "iscsi://$user%$secret@$url")"
  fails iscsi-inq -i $initiator "iscsi://$user%${secret}x@$url"
  fails iscsi-inq -i $initiator "iscsi://$url"
  fails iscsi-inq -i $initiator.other "iscsi://$user%$secret@$url"
}

start_initiator() {
  modprobe iscsi_tcp
  mkdir -p /run/lock/iscsi
  echo "InitiatorName=$initiator" >/etc/iscsi/initiatorname.iscsi
  pgrep -x iscsid >/dev/null || iscsid
}

iscsi_disks() {
  local dev
  for dev in /sys/class/iscsi_session/session*/device/target*/*/block/*; do
    [ -e "$dev/queue/zoned" ] || continue
    [ "$(blockdev --getsize64 "/dev/$(basename "$dev")")" -gt 0 ] || continue
    basename "$dev"
  done
}

two_disks() {
  [ "$(iscsi_disks | wc -l)" = 2 ]
}

two_paths() {
  local a b out
  modprobe -q md5 || skip_check "this kernel has no MD5, which CHAP needs"
  start_initiator
  bash -e $commands
  wait_for 30 two_disks
  read -r a b < <(iscsi_disks | xargs)
  equal zoned "host-managed host-managed" \
    "$(cat /sys/block/{"$a","$b"}/queue/zoned | xargs)"
  equal wwid "$(cat "/sys/block/$a/device/wwid")" \
    "$(cat "/sys/block/$b/device/wwid")"
  equal "VPD page 83h" "$(sg_vpd -p 0x83 "/dev/$a" | grep 0x)" \
    "$(sg_vpd -p 0x83 "/dev/$b" | grep 0x)"
  DISK=/dev/$a write_zone 9 0 4
  contains "zone 9 on the other path" " 512$" "$(SG=/dev/$b zone_state 9)"
  out=$(zloop list $base)
  contains "zloop list" "^x +- .* attached +$base/x iqn" "$out"
}

guarded() {
  local out
  out=$(fails zloop remove x)
  contains "logged in" "initiator" "$out"
  out=$(fails zloop unexport $base/x)
  contains "logged in" "initiator" "$out"
  out=$(fails zloop export --open x)
  contains "again" "is exported already" "$out"
}

logout() {
  . /run/iqn
  iscsiadm -m node -T "$iqn" --logout
  iscsiadm -m node -T "$iqn" -o delete
  zloop unexport x
  equal "targets" "" "$(ls -d $CONFIGFS/iscsi/iqn.* 2>/dev/null || true)"
  contains "zloop list" "^x +- .* attached +$base/x$" "$(zloop list)"
}

open_to_all() {
  local out iqn
  . /run/iqn
  out=$(zloop export --open --portal 127.0.0.1 x 2>/run/export.err)
  contains warning "everybody who reaches the portal" "$(cat /run/export.err)"
  lacks commands "auth" "$out"
  start_initiator
  bash -ec "$out"
  wait_for 30 bash -c 'ls /sys/class/iscsi_session/session*'
  iscsiadm -m node --logout
  iscsi-perf -i $initiator -n "iscsi://127.0.0.1/$iqn/0" >/run/perf.out 2>&1 &
  wait_for 30 grep -qs iqn \
    "$CONFIGFS/iscsi/$iqn/tpgt_1/dynamic_sessions"
  contains "logged in" "initiator" "$(fails zloop remove x)"
  zloop remove --force x
  kill $!
  equal "left in configfs" "" "$(backstores)"
  [ -e $base/x/zloop.json ]
}

two_loop_disks() {
  [ "$(loop_disk | wc -l)" = 2 ]
}

# map_paths A B: both into /dev/mapper/paths.
map_paths() {
  local table
  table="0 $(blockdev --getsz "/dev/$1") multipath 0 0 1 1 round-robin 0 2 1"
  table+=" $(cat "/sys/block/$1/dev") 1 $(cat "/sys/block/$2/dev") 1"
  dmsetup create paths --table "$table" && dmsetup mknodes
}

# multipathed MODEL: dm-multipath itself, without its daemon. That of Linux 6.1
# refuses host-managed disks, whoever makes them.
multipathed() {
  local a b
  modprobe -a dm-multipath dm-round-robin || skip_check "no dm-multipath"
  remove_paths
  mkdir $base/paths
  tcli_session <<END
/backstores/user:zloop create name=paths size=2G cfgstring=model=$1/zone_size_mb=64@$base/paths
/loopback create naa.5001405000000001
/loopback/naa.5001405000000001/luns create /backstores/user:zloop/paths
/loopback create naa.5001405000000002
/loopback/naa.5001405000000002/luns create /backstores/user:zloop/paths
END
  wait_for 10 two_loop_disks
  read -r a b < <(loop_disk | xargs)
  map_paths "$a" "$b" || unmapped
  dd if=/dev/urandom of=/run/written bs=1M count=4 status=none
  dd if=/run/written of=/dev/mapper/paths bs=1M oflag=direct status=none
  echo offline >"/sys/block/$a/device/state"
  dd if=/run/written of=/dev/mapper/paths bs=1M seek=4 oflag=direct status=none
  dd if=/dev/mapper/paths bs=4M count=2 iflag=direct status=none |
    cmp - <(cat /run/written /run/written)
  contains "paths" " F .* A " "$(dmsetup status paths)"
  dmsetup remove paths
}

unmapped() {
  remove_paths
  dmesg | grep -q 'zoned model is not consistent' &&
    skip_check "dm-multipath of this kernel takes no such disk"
  fail "the table was refused"
}

remove_paths() {
  dmsetup remove paths 2>/dev/null || true
  remove_loopback
  remove_backstores
  rm -rf $base/paths
}

# What udev would load for a disk.
modprobe -a sd_mod sg
tear_down
check "zloop export attaches and exports" export_disk
check "targetcli sees ACL and portals" targetcli_view
check "saved and restored by targetcli" saved
check "only who has the secret gets in" secrets
check "two portals are two paths" two_paths
check "a disk that initiators use stays" guarded
check "zloop unexport" logout
check "zloop export --open, removed by force" open_to_all
check "multipath over a host-managed disk" multipathed host-managed
check "multipath over a host-aware disk" multipathed host-aware
remove_paths
pkill -x iscsid || true
rm -f "$installed"
tear_down
summary
