#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# A disk whose directory is on NFS: the kernel's own server on this guest's
# disk, mounted from itself (docs/beyond-one-machine.md).
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../remote.sh"

exported=/data/nfs
mnt=/run/nfs
dir=$mnt/disk
# shellcheck disable=SC2034 # of remote.sh
backstore=nfs

# Who had locks before the server's restart may have them again, and no other may
# have them before: newer kernels leave it to a daemon to remember the clients,
# without which they are lost.
track_clients() {
  command -v nfsdcld >/dev/null || return 0
  mkdir -p /run/rpc_pipefs /var/lib/nfs/nfsdcld
  mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
  nfsdcld -p /run/rpc_pipefs -s /var/lib/nfs/nfsdcld
}

# With the shortest time for that, as hosts wait for a command half a minute, and
# after three times that give their disk up.
start_server() {
  rpc.nfsd --no-udp -L 10 -G 10 -N 3 4
}

# What they note is for one boot. The export is the root of what the server shows:
# what the guest's own root is on cannot be exported.
serve() {
  mount -t tmpfs none /var/lib/nfs
  mkdir /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/v4recovery
  touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
  mount -t nfsd nfsd /proc/fs/nfsd
  track_clients
  rpcbind -w
  mkdir -p $exported
  exportfs -o rw,no_root_squash,insecure,fsid=0 "127.0.0.1:$exported"
  start_server
  rpc.mountd
}

mount_nfs() {
  mkdir -p $mnt
  mount -t nfs -o vers=4.2,hard 127.0.0.1:/ $mnt
}

set_up() {
  ip link set lo up
  serve
  wait_for 20 mount_nfs
  mkdir $dir
  start_stack
}

stop_serving() {
  umount $mnt
  exportfs -u "127.0.0.1:$exported"
  rpc.nfsd 0
  pkill -x rpc.mountd
  pkill -x rpcbind
  ! pkill -x nfsdcld || umount /run/rpc_pipefs
  umount /proc/fs/nfsd /var/lib/nfs
}

need() {
  command -v rpc.nfsd >/dev/null || {
    echo "skipped: nfs-kernel-server is not installed" \
      "(targetcli-config/deps nfs installs it, and starts a server)"
    exit 77
  }
  modprobe -a nfsd nfs nfsv4 2>/dev/null || {
    echo "skipped: this kernel has no NFS"
    exit 77
  }
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
  start_server
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
  mount_nfs
  attach
  use_disk
  verify_again 9 write
  detach_disk
}

mount_with() { # OPTIONS
  umount $mnt
  mount -t nfs -o "$1" 127.0.0.1:/ $mnt
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

need
tear_down
rm -rf $exported
check "set up" set_up
check "made, written and verified" made_and_verified
check "removed and opened again" opened_on_nfs
check "the daemon killed" daemon_killed
check "the server restarted" server_restarted
check "write_through" write_through
check "a soft mount" told_of_the_mount
check "a mount for reading" mounted_read_only
tear_down
check "an end" stop_serving
rm -rf $exported
summary
