#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# A disk whose directory is on NFS: the kernel's own server on this guest's
# disk, mounted from itself (docs/beyond-one-machine.md).
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"
. "$(dirname "$0")/../nfsd.sh"

exported=/data/nfs
mnt=/run/nfs
other=/run/nfs2
dir=$mnt/disk
# shellcheck disable=SC2034 # of remote.sh
backstore=nfs

set_up() {
  nfsd_prepare
  mkdir -p $exported
  nfsd_export $exported
  nfsd_start
  rpc.mountd
  wait_for 20 nfsd_mount $mnt
  mkdir $dir
  start_stack
}

stop_serving() {
  umount $mnt
  nfsd_unexport $exported
  nfsd_end
}

opened_on_nfs() {
  opened_again
  contains "what cannot be found out" "does not say whether the kernel's zloop" \
    "$(cat $RUNNER_LOG)"
}

# Not answered by the server is waited for, and nothing is lost.
server_restarted() {
  local pid
  attach
  use_disk
  write_verified 8 write &
  pid=$!
  rpc.nfsd 0
  sleep 3
  nfsd_start
  wait $pid
  verify_again 8 write
  verify_again 5 write
  detach_disk
  zloop check $dir
}

# What goes through the page cache is durable, or is said not to be.
write_through() {
  attach write_through
  use_disk
  equal "cache" "write through" \
    "$(cat "/sys/block/${DISK#/dev/}"/device/scsi_disk/*/cache_type)"
  write_verified 9 write
  detach_disk
  umount $mnt
  nfsd_mount $mnt
  attach
  use_disk
  verify_again 9 write
  detach_disk
}

# Bytes that were written past the page cache.
written_directly() {
  awk -v mnt=" mounted on $mnt " '/^device / { on = index($0, mnt) }
    on && $1 == "bytes:" { print $5 }' /proc/self/mountstats
}

direct_io() {
  local before
  before=$(written_directly)
  attach direct_io
  use_disk
  write_verified 11 write
  write_verified 1 randwrite
  [ $(($(written_directly) - before)) -ge $((8 << 20)) ]
  lacks "the log" "no direct I/O" "$(cat $RUNNER_LOG)"
  detach_disk
  attach
  use_disk
  verify_again 11 write
  verify_again 1 randwrite
  detach_disk
}

# On a server with reflinks it copies nothing.
has_shared_blocks() { # FILE ON THE SERVER
  case $(stat -f -c %T $exported) in
    xfs | btrfs) filefrag -v "$1" | grep -q shared ;;
  esac
}

snapshots() {
  attach
  use_disk
  write_verified 12 write
  zloop snapshot -q $dir first
  has_shared_blocks $exported/disk/zloop.snapshots/first/seq-000012
  blkzone reset -o $((12 * 8192)) -c 1 "$DISK"
  write_verified 13 write
  detach_disk
  zloop clone -q $dir $mnt/copy
  zloop restore -q $dir first
  zloop check $dir
  attach
  use_disk
  verify_again 12 write
  equal "zone 13" 0 "$(stat -c %s $dir/seq-000013)"
  detach_disk
  zloop check $mnt/copy
  equal "zone 12 of the clone" 0 "$(stat -c %s $mnt/copy/seq-000012)"
  zloop snapshot -q --delete $dir first
  rm -r $mnt/copy
}

# A mount of its own, which knows nothing of what is done on the first. It had
# looked at the files before, and would not ask again for a minute. Of more zones
# than are opened to find other users of them.
another_machine_wrote() {
  mkdir $mnt/many
  dir=$mnt/many attach zone_size_mb=1/conv_zones=2
  detach_disk
  nfsd_mount $other vers=4.2,hard,nosharecache,actimeo=60
  zloop check $other/many
  dir=$mnt/many attach write_through
  use_disk
  head -c 262144 /dev/urandom >/run/nfs.data
  dd if=/run/nfs.data of="$DISK" bs=64k seek=$((23 * 16)) oflag=direct \
    conv=notrunc status=none
  detach_disk
  dir=$other/many attach
  use_disk
  dd if="$DISK" bs=64k skip=$((23 * 16)) count=4 iflag=direct status=none |
    cmp - /run/nfs.data
  detach_disk
  umount $other
  rm -r $mnt/many
}

mount_with() { # OPTIONS
  umount $mnt
  nfsd_mount $mnt "$1"
}

# What a mount means for a disk is said by who opens it and who checks it.
told_of_the_mount() {
  mount_with vers=4.2,soft
  contains "check" "mounted with soft: reads, writes and syncs fail" \
    "$(zloop check $dir 2>&1)"
  attach
  contains "the log" "mounted with soft: reads" "$(cat $RUNNER_LOG)"
  detach_disk
  mount_with vers=4.2,hard
  equal "check" "" "$(zloop check $dir 2>&1)"
}

mounted_read_only() {
  mount_with vers=4.2,hard,ro
  contains "add" "is on a read-only file system; mount it writable" \
    "$(fails zloop add $dir)"
  mount_with vers=4.2,hard
}

# The resource agent, by who tries those of Pacemaker, and gives them 20 s, which a
# guest under emulation has not always.
resource_agent() {
  local agent=$ZLOOP_TOP/targetcli-config/gateway/zloop
  command -v ocf-tester >/dev/null || skip_check "resource-agents is not installed"
  export ZLOOP_GATEWAY=${agent%/*}/gateway
  ocf-tester -n z -o directory=$dir -o CRM_meta_timeout=200000 "$agent"
  equal "attached" "" "$(backstores)"
}

nfsd_need
tear_down
rm -rf $exported
check "set up" set_up
check "made, written and verified" made_and_verified
check "removed and opened again" opened_on_nfs
check "the daemon killed" daemon_killed
check "the server restarted" server_restarted
check "write_through" write_through
check "direct_io" direct_io
check "a snapshot, a clone and restoring" snapshots
check "another machine wrote since it was looked at" another_machine_wrote
check "a soft mount" told_of_the_mount
check "a mount for reading" mounted_read_only
check "the resource agent" resource_agent
tear_down
check "an end" stop_serving
rm -rf $exported
summary
