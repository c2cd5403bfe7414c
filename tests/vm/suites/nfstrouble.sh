#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What is wrong with a disk's file system is its server's, and is told late: with
# the sync, and not with the write. The server's file system is full, over quota or
# gone, or other clients change, cut and remove zones' files. Each costs what
# docs/beyond-one-machine.md says. The server, of this guest, shows $mnt; the disk is
# in $client, and "another client" is whoever uses $mnt.
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../below.sh"
. "$(dirname "$0")/../nfsd.sh"

client=/run/nfs

# --- the server ---------------------------------------------------------------

serve() {
  nfsd_prepare
  nfsd_start
  rpc.mountd
}

stop_serving() {
  unserve
  clean
  nfsd_end
}

serve_fs() { # TYPE [MOUNT OPTIONS]
  unserve
  dir=$mnt/disk make_fs "$@"
  nfsd_export $mnt
  wait_for 20 nfsd_mount $client
  dir=$client/disk
}

unserve() {
  remove_loopback 2>/dev/null || true
  remove_backstores 2>/dev/null || true
  ! mountpoint -q $client || wait_for 20 umount $client
  nfsd_unexport $mnt 2>/dev/null || true
}

# The same place in a check of its own.
use_client() {
  use_disk
  dir=$client/disk
}

# --- full -----------------------------------------------------------------------

# Zone 2, all of it.
fill_zone() {
  head -c 4194304 /dev/urandom >/run/trouble.zone
  dd if=/run/trouble.zone of="$DISK" bs=256k seek=$((2 * 16)) oflag=direct \
    conv=notrunc,nocreat iflag=fullblock status=none
}

zone_is_there() {
  dd if="$DISK" bs=256k skip=$((2 * 16)) count=16 iflag=direct status=none |
    cmp - /run/trouble.zone
}

# put_some ZONE / get_some ZONE: 1 MiB.
put_some() {
  local n
  for ((n = 0; n < 16; n++)); do put "$1" $n || return 1; done
}

get_some() {
  local n
  for ((n = 0; n < 16; n++)); do get "$1" $n || return 1; done
}

# One zone fits, and a little. The server says so when that is written back: what
# was lost is told by each flush until it is rewritten or reset. A write may be told
# of it before, and then fails.
late() {
  fill_zone
  flush
  put_some 4 >/run/trouble.sense ||
    contains "a write" "$no_space" "$(tr '\n' ' ' </run/trouble.sense)"
  refused "$bad_write" flush
  refused "$bad_write" flush
  refused "$bad_read" get_some 4
  zone_is_there
  open_again
  use_disk
  refused "$bad_write" flush
  refused "$bad_read" get_some 4
  zone_is_there
  reset_zone 2
  reset_zone 4
  flush
  put_some 4
  flush
  get_some 4
  sound
  use_disk
  get_some 4
}

full_late() {
  serve_fs ext4
  make
  leave_kib 4600
  late
}

over_quota_late() {
  need_quotas
  serve_fs xfs "-o gquota"
  limit_disk 4600k
  make
  late
}

# With write_through it is the write that is told, and nothing is lost but itself.
full_at_once() {
  local n=0
  serve_fs ext4
  make
  detach_disk
  attach write_through
  use_disk
  leave_kib 4600
  fill_zone
  while put 4 $n >/run/trouble.sense; do n=$((n + 1)); done
  echo "full at $n: $(cat /run/trouble.sense)"
  [ $n -lt 16 ]
  refused "$bad_write" put 4 $n
  equal "write pointer" $((n * 128)) "$(zone_state 4 | grep -o '[0-9]*$')"
  flush
  zone_is_there
  reset_zone 2
  put 4 $n
  get 4 $n
  get 4 0
  sound
}

# --- the server's device --------------------------------------------------------

device_gone() { # TYPE
  serve_fs "$1"
  make
  put 5 0
  put 0 0
  flush
  put 5 1
  put 0 1
  map 0 $sectors
  refused "$bad_write|$protected" flush
  refused "$bad_write|$protected" put 8 0 FUA
  zones | wc -l | grep -qx 16
  detach_disk
  umount $client
  nfsd_unexport $mnt
  rpc.nfsd 0
  unmount
  map 0 0
  mount_fs
  nfsd_export $mnt
  nfsd_start
  nfsd_mount $client
  attach
  get 5 0
  get 0 0
  others_work 9
}

# --- other clients --------------------------------------------------------------

# What a client knows of a file it asks again after the time that its mount says.
make_for_others() {
  local zone
  serve_fs ext4
  umount $client
  nfsd_mount $client vers=4.2,hard,actimeo=1
  make
  for zone in 5 6 7 8 10; do put $zone 0; done
  put 5 1
  flush
}

cut_by_another() {
  use_client
  # Waits until the delegation is given back, which truncate(1) does not.
  dd if=/dev/null of=$mnt/disk/seq-000005 bs=65536 seek=1 count=0 status=none
  sleep 2
  put 5 2
  refused "$bad_write" flush
  refused "$bad_read" get 5 1
  get 5 0
  get 6 0
  reset_zone 5
  flush
  put 5 0
  put 5 1
  flush
  get 5 1
}

removed_by_another() {
  use_client
  put 6 1
  rm $mnt/disk/seq-000006
  sleep 2
  refused "$bad_write" flush
  refused "$bad_write" put 6 2 FUA
  open_again
  use_disk
  contains "zone 6" Offline "$(zone_state 6)"
  fails put 6 3
  get 5 1
  others_work 9
}

# On the server, which asks for the client's delegation first; truncate(1) does not
# wait for that.
set_size() { # ZONE BYTES
  wait_for 30 truncate -s "$2" "$mnt/disk/seq-0000$1"
}

# A size is a write pointer, whoever gave it.
changed_while_closed() {
  dir=$client/disk
  detach_disk
  set_size 07 131072
  set_size 08 0
  set_size 10 70000
  attach
  use_disk
  contains "zone 7" "256$" "$(zone_state 7)"
  equal "zone 8" "Empty 0" "$(zone_state 8)"
  contains "zone 10" "136$" "$(zone_state 10)"
  get 7 0
  get 10 0
  put 8 0
  flush
}

# NFS' way of removing a file that is open.
silly_renamed() {
  dir=$client/disk
  detach_disk
  exec 9<$dir/seq-000011
  mv $dir/seq-000011 $dir/kept
  cp $dir/kept $dir/seq-000011
  rm $dir/kept
  [ -n "$(find $dir -maxdepth 1 -name '.nfs*')" ]
  touch $dir/seq-000006
  zloop check $dir
  attach
  use_disk
  get 5 1
  put 11 0
  flush
  detach_disk
  zloop check $dir
  exec 9<&-
  attach
  use_disk
  get 11 0
}

nfsd_need
below_start
start_stack
check "a server" serve
check "a full server, told late" full_late
check "a quota that is used up, told late" over_quota_late
check "a full server, and write_through" full_at_once
check "a device below the server's xfs that is gone" device_gone xfs
check "a device below the server's ext4 that is gone" device_gone ext4
check "a disk whose files others will change" make_for_others
check "a file that another client cuts" cut_by_another
check "a file that another client removes" removed_by_another
check "sizes that another client changes while it is closed" changed_while_closed
check "a file removed while it is open" silly_renamed
check "an end" stop_serving
below_end
summary
