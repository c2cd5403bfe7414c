# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For suites: the kernel's own NFS server in this guest. Sourced after lib.sh; root.

nfsd_need() {
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

# Who had locks before the server's restart may have them again, and no other may
# have them before: newer kernels leave it to a daemon to remember the clients,
# without which they are lost.
nfsd_track_clients() {
  command -v nfsdcld >/dev/null || return 0
  mkdir -p /run/rpc_pipefs /var/lib/nfs/nfsdcld
  mount -t rpc_pipefs rpc_pipefs /run/rpc_pipefs
  nfsdcld -p /run/rpc_pipefs -s /var/lib/nfs/nfsdcld
}

# What they note is for one boot.
nfsd_prepare() {
  ip link set lo up
  mount -t tmpfs none /var/lib/nfs
  mkdir /var/lib/nfs/sm /var/lib/nfs/sm.bak /var/lib/nfs/v4recovery
  touch /var/lib/nfs/etab /var/lib/nfs/rmtab /var/lib/nfs/state
  mount -t nfsd nfsd /proc/fs/nfsd
  nfsd_track_clients
  rpcbind -w
}

# nfsd_export DIR [CLIENTS]: as the root of what the server shows. What the guest's
# own root is on cannot be exported.
nfsd_export() {
  exportfs -o rw,no_root_squash,insecure,fsid=0 "${2:-127.0.0.1}:$1"
}

nfsd_unexport() { # DIR
  exportfs -u "127.0.0.1:$1"
  exportfs -f
}

nfsd_mount() { # DIR [OPTIONS]
  mkdir -p "$1"
  mount -t nfs -o "${2:-vers=4.2,hard}" 127.0.0.1:/ "$1"
}

# With the shortest time for taking locks back, as hosts wait for a command half a
# minute, and after three times that give their disk up.
nfsd_start() {
  rpc.nfsd --no-udp -L 10 -G 10 -N 3 4
}

nfsd_end() {
  rpc.nfsd 0
  pkill -x rpc.mountd
  pkill -x rpcbind
  # Until they have ended.
  ! pkill -x nfsdcld || wait_for 20 umount /run/rpc_pipefs
  wait_for 20 umount /proc/fs/nfsd
  wait_for 20 umount /var/lib/nfs
}
