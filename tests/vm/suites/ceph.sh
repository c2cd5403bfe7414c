#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# A disk whose directory is on CephFS, by the kernel's client and by ceph-fuse:
# Ceph runs in this guest (docs/beyond-one-machine.md).
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"
. "$(dirname "$0")/../ceph.sh"

mnt=/run/cephfs
other=/run/cephfs2
dir=$mnt/disk
# shellcheck disable=SC2034 # of remote.sh
backstore=ceph

need() {
  command -v ceph-mds >/dev/null || {
    echo "skipped: Ceph is not installed (targetcli-config/deps ceph)"
    exit 77
  }
  modprobe ceph 2>/dev/null || grep -qw ceph /proc/filesystems || {
    echo "skipped: this kernel has no CephFS"
    exit 77
  }
}

mount_kernel() { # DIR [OPTIONS]
  mkdir -p "$1"
  mount -i -t ceph $CEPH_ADDRESS:6789:/ "$1" -o "name=admin${2:+,$2}"
}

mount_fuse() { # DIR
  mkdir -p "$1"
  modprobe fuse 2>/dev/null || true
  ceph-fuse --client_die_on_failed_dentry_invalidate=false "$1"
}

has_room() {
  [ "$(stat -f -c %a $mnt)" -gt 0 ]
}

set_up() {
  ip link set lo up
  ceph_start
  wait_for 60 mount_kernel $mnt
  wait_for 60 has_room
  mkdir $dir
  start_stack
}

# The next one takes over after the time that is given to the first, 15 s.
metadata_server_killed() {
  local pid
  attach
  use_disk
  for zone in 8 9; do write_verified $zone write; done &
  pid=$!
  ceph_kill "mds.$(ceph_active_mds)"
  wait $pid
  wait_for 90 ceph_is_active
  verify_again 8 write
  detach_disk
  zloop check $dir
}

# A client of its own, as on another machine.
locked_for_others() {
  mount_kernel $other noshare
  attach
  contains "the other client" "$other/disk is in use by" \
    "$(fails zloop delete $other/disk)"
  detach_disk
  zloop check $other/disk
  umount $other
}

client_by() { # kernel|fuse
  ceph tell "mds.$(ceph_active_mds)" client ls 2>/dev/null |
    python3 -c 'import json, sys
for c in json.load(sys.stdin):
    if ("kernel_version" in c["client_metadata"]) == (sys.argv[1] == "kernel"):
        print(c["id"])' "$1"
}

evict() { # CLIENT
  wait_for 60 ceph tell "mds.$(ceph_active_mds)" client evict "id=$1"
}

times_fenced() {
  grep -c "fenced: this machine has lost its lock" $RUNNER_LOG
}

was_fenced() { # TIMES BEFORE
  [ "$(times_fenced)" -gt "$1" ]
}

mount_anew() { # kernel|fuse
  umount -f $mnt || umount -l $mnt
  if [ "$1" = kernel ]; then mount_kernel $mnt noshare; else mount_fuse $mnt; fi
}

# What a machine has cut off: it must not write any more, and must not say that it
# has.
evicted() { # kernel|fuse ZONE NEXT-ZONE
  local before
  before=$(times_fenced || true)
  attach write_through
  use_disk
  write_verified "$2" write
  evict "$(client_by "$1")"
  fails dd if=/dev/zero of="$DISK" bs=64k count=1 seek=$(($3 * 64)) oflag=direct
  wait_for 20 was_fenced "$before"
  contains "a command" "Not Ready" \
    "$(fails sg_raw -v "$SG" 00 00 00 00 00 00 | tr '\n' ' ')"
  runner_alive
  detach_disk
  mount_anew "$1"
  zloop check $dir
  attach
  use_disk
  verify_again "$2" write
  equal "zone $3" "0" "$(stat -c %s "$dir/seq-$(printf %06d "$3")")"
  write_verified "$3" write
  detach_disk
}

by_fuse() {
  umount $mnt
  mount_fuse $mnt
  attach
  use_disk
  verify_again 10 write
  write_verified 12 write
  runner_kill
  runner_start
  wait_for 20 sg_turs "$SG"
  verify_again 12 write
  detach_disk
  zloop check $dir
  mount_kernel $other noshare
  attach
  contains "another client" "$other/disk is in use by" \
    "$(fails zloop delete $other/disk)"
  detach_disk
  umount $other
}

stop() {
  umount $mnt
  ceph_stop
}

need
tear_down
check "set up" set_up
check "made, written and verified" made_and_verified
check "removed and opened again" opened_again
check "the daemon killed" daemon_killed
check "the metadata server killed" metadata_server_killed
check "locks that others see" locked_for_others
check "evicted" evicted kernel 10 11
check "by ceph-fuse" by_fuse
check "evicted from ceph-fuse" evicted fuse 13 14
tear_down
check "an end" stop
summary
