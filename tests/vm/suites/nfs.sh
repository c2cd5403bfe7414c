#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# A disk whose directory is on NFS 4.2: the kernel's own server on this guest's
# disk, mounted from itself (docs/beyond-one-machine.md).
set -eu
. "$(dirname "$0")/../lib.sh"

exported=/data/nfs
mnt=/run/nfs
dir=$mnt/disk
disk_bytes=$((64 << 20))
options=zone_size_mb=4/conv_zones=2

# What they note is for one boot. The export is the root of what the server shows:
# what the guest's own root is on cannot be exported.
serve() {
  mount -t tmpfs none /var/lib/nfs
  mkdir /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/v4recovery
  touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
  mount -t nfsd nfsd /proc/fs/nfsd
  rpcbind -w
  mkdir -p $exported
  exportfs -o rw,no_root_squash,insecure,fsid=0 "127.0.0.1:$exported"
  rpc.nfsd --no-udp -N 3 4
  rpc.mountd -N 3
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

attach() { # [OPTIONS]
  attach_quickly nfs $disk_bytes "${1:-}@$dir"
}

# fio's own checksums, in order in a sequential zone and anywhere in a
# conventional one.
write_verified() { # ZONE RW
  fio --name=z --filename="$DISK" --direct=1 --ioengine=psync --rw="$2" --bs=64k \
    --offset=$(($1 * 4))m --size=4m --verify=crc32c --do_verify=1 \
    --zonemode=none --randrepeat=0 >/run/fio.out
}

verify_again() { # ZONE RW
  fio --name=z --filename="$DISK" --direct=1 --ioengine=psync --rw="$2" --bs=64k \
    --offset=$(($1 * 4))m --size=4m --verify=crc32c --verify_only \
    --zonemode=none --randrepeat=0 >/run/fio.out
}

made_and_verified() {
  attach $options
  use_disk
  write_verified 1 randwrite
  write_verified 5 write
  detach_disk
  zloop check $dir
}

opened_again() {
  attach
  use_disk
  verify_again 1 randwrite
  verify_again 5 write
  contains "what cannot be found out" "does not say whether the kernel's zloop" \
    "$(cat $RUNNER_LOG)"
}

# The lock goes with the process: this is one client.
daemon_killed() {
  use_disk
  write_verified 6 write
  runner_kill
  runner_start
  wait_for 20 sg_turs "$SG"
  verify_again 1 randwrite
  verify_again 6 write
  write_verified 7 write
  detach_disk
  zloop check $dir
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
  rpc.nfsd --no-udp -N 3 4
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

need
tear_down
rm -rf $exported
check "set up" set_up
check "made, written and verified" made_and_verified
check "removed and opened again" opened_again
check "the daemon killed" daemon_killed
check "the server restarted" server_restarted
check "write_through" write_through
tear_down
check "an end" stop_serving
rm -rf $exported
summary
