#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# One guest's part in takeovers, which tests/vm/takeover conducts: a disk on NFS
# that two gateways can have, and an initiator that has it over iSCSI. The address
# of the target moves with it.
#
#   takeover.sh serve           the NFS server; its clients are the gateways
#   takeover.sh gateway         mounts that, and starts what a gateway needs
#   takeover.sh export          makes the disk, exports it, has the address
#   takeover.sh take            takes it over, and the address
#   takeover.sh removed         lets go of it
#   takeover.sh race HOW        wants it as another one does, by that command
#   takeover.sh copied          has it, and copies its directory
#   takeover.sh copy_taken      attaches that copy
#   takeover.sh fenced          had it, was paused, and has lost it
#   takeover.sh login           the initiator
#   takeover.sh logout
#   takeover.sh load, loaded    fio with verification begins, and ends
#   takeover.sh probe           one read that was answered: when
#   takeover.sh checked         the disk, at the end
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../nfsd.sh"

server=10.9.0.1
address=10.9.0.100
initiator=iqn.1993-08.org.debian:01:zloopvm
secret=takenover12345
exported=/data/nfs
mnt=/srv/disks
dir=$mnt/disk

# --- the NFS server ---------------------------------------------------------

serve() {
  join_guests
  nfsd_prepare
  mkdir -p $exported
  nfsd_export $exported 10.9.0.0/24
  nfsd_start
  rpc.mountd -N 3
}

checked() {
  zloop check $exported/disk
}

# --- gateways ---------------------------------------------------------------

mount_nfs() {
  mount -t nfs -o vers=4.2,hard $server:/ $mnt
}

gateway() {
  join_guests
  # Clocks say nothing: this one's is wrong.
  [ "$ZLOOP_TEST_NAME" != b ] || date -s '+1 hour' >/dev/null
  # One that wakes up asks for its neighbours in its own name, not in that of the
  # address which another one has by then.
  echo 2 >/proc/sys/net/ipv4/conf/vec0/arp_announce
  mkdir -p $mnt
  wait_for 30 mount_nfs
  start_stack
}

has_address() {
  ip address replace $address/24 dev vec0
  busybox arping -q -A -c 2 -w 3 -I vec0 $address || true
}

export_disk() {
  zloop create capacity_mb=32,zone_size_mb=1,conv_zones=4 $dir
  zloop add write_through $dir
  zloop export --acl $initiator --password $secret $dir
  has_address
}

# As a cluster does it: the disk, then the address.
take() {
  zloop takeover $dir >/run/taken 2>&1 || { cat /run/taken; return 1; }
  has_address
  cat /run/taken
  contains "for whom it waited" "host [ab] since .* had the disk" \
    "$(cat /run/taken)"
  contains "target" "^iqn" "$(cat /run/taken)"
  contains "options" "write_through" "$(cat $CONFIGFS/core/user_*/*/info)"
}

removed() {
  ip address del $address/24 dev vec0 2>/dev/null || true
  zloop remove $dir
}

race() { # takeover|add
  local rc=0
  if [ "$1" = takeover ]; then
    zloop takeover --timeout 30 $dir >/run/raced 2>&1 || rc=$?
  else
    zloop add write_through $dir >/run/raced 2>&1 || rc=$?
  fi
  [ $rc != 0 ] || echo "got it"
  cat /run/raced
}

# The same disk twice: one machine does not have both.
copied() {
  cp -a $dir $mnt/copy
  contains "takeover" "one is a copy of the other" \
    "$(fails zloop takeover --timeout 30 $mnt/copy)"
  contains "add" "serial" "$(fails zloop add $mnt/copy)"
}

# Another machine does not see both, but whose it was.
copy_taken() {
  contains "takeover" "another directory, of which .*/copy is a copy" \
    "$(fails zloop takeover --timeout 30 $mnt/copy)"
  contains "add" "note: .* is a copy of the directory that host .* had" \
    "$(zloop add $mnt/copy 2>&1)"
  zloop remove $mnt/copy
  rm -r $mnt/copy
}

has_lost() {
  ! zloop takeover --check $dir
}

# It notices by itself, says why, and lets go.
fenced() {
  wait_for 60 has_lost
  fails zloop takeover --check $dir
  ip address del $address/24 dev vec0
  zloop remove --force $dir
}

# --- the initiator ----------------------------------------------------------

iscsi_disk() {
  local dev
  for dev in /sys/class/iscsi_session/session*/device/target*/*/block/*; do
    [ -e "$dev/queue/zoned" ] || continue
    [ "$(blockdev --getsize64 "/dev/$(basename "$dev")")" -gt 0 ] || continue
    echo "/dev/$(basename "$dev")"
    return 0
  done
  return 1
}

# How long a gateway may be away: above the lease and the takeover.
login() {
  local portal=$address:3260
  mkdir -p /run/lock/iscsi
  echo "InitiatorName=$initiator" >/etc/iscsi/initiatorname.iscsi
  modprobe -q iscsi_tcp || true
  iscsid
  iscsiadm -m discovery -t sendtargets -p $portal
  node_set node.session.auth.authmethod CHAP
  node_set node.session.auth.username zloop
  node_set node.session.auth.password $secret
  node_set node.session.timeo.replacement_timeout 600
  iscsiadm -m node --login
  wait_for 30 iscsi_disk
  iscsi_disk >/run/iscsi-disk
}

node_set() { # NAME VALUE
  iscsiadm -m node -o update -n "$1" -v "$2"
}

load() {
  rm -f /run/load.stop /run/load.status
  setsid "$0" load_loop </dev/null >/run/load.out 2>&1 &
}

# Linux does not repeat what changes zones when the connection is lost under it
# (sd_zbc_setup_zone_mgmt_cmnd()), as it does all else: so whoever asked has to.
reset_zones() { # DISK
  until blkzone reset -o $((4 << 11)) -l $((8 << 11)) "$1"; do
    sleep 1
  done
}

# All zones are written, in order or anywhere, and verified, again and again.
load_loop() {
  local disk rc=0 rounds=0
  disk=$(cat /run/iscsi-disk)
  while [ ! -e /run/load.stop ] && [ $rc = 0 ]; do
    reset_zones "$disk"
    fio --filename="$disk" --direct=1 --ioengine=libaio --verify=crc32c \
      --verify_fatal=1 --randrepeat=0 \
      --name=in-order --zonemode=zbd --rw=write --bs=64k --iodepth=8 \
      --offset=4m --size=8m \
      --name=anywhere --rw=randwrite --bs=16k --iodepth=4 --size=1m || rc=$?
    rounds=$((rounds + 1))
  done
  echo "rounds $rounds"
  echo $rc >/run/load.status
}

loaded() {
  touch /run/load.stop
  wait_for 400 test -e /run/load.status
  grep rounds /run/load.out
  equal "fio's status" 0 "$(cat /run/load.status)" || { cat /run/load.out; return 1; }
  lacks "the kernel" "I/O error|offlined|rejecting" \
    "$(dmesg | grep -v 'op 0x[0-9a-f]*:(ZONE_RESET)')"
}

logout() {
  iscsiadm -m node --logout
}

probe() {
  dd if="$(cat /run/iscsi-disk)" of=/dev/null bs=4k count=1 iflag=direct \
    status=none
  date +%s.%N
}

# What a failure needs for being understood.
trap '[ $? = 0 ] || show_logs' EXIT

case $1 in
  serve | gateway | take | fenced | removed | login | logout | load | \
    load_loop | loaded | probe | checked | copied | copy_taken) "$1" ;;
  race) race "$2" ;;
  export) export_disk ;;
  *) echo "takeover.sh: there is no step $1"; exit 2 ;;
esac
