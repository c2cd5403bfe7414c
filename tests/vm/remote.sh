# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# What the suites of disks on servers share: a disk of 16 zones of 4 MiB in $dir,
# attached as the backstore $backstore. Sourced after lib.sh.

disk_bytes=$((64 << 20))
options=zone_size_mb=4/conv_zones=2

attach() { # [OPTIONS]
  attach_quickly "$backstore" $disk_bytes "${1:-}@$dir"
}

# fio's own checksums, in order in a sequential zone and anywhere in a
# conventional one.
verified() { # ZONE RW OPTION…
  local zone=$1 rw=$2
  shift 2
  fio --name=z --filename="$DISK" --direct=1 --ioengine=psync --rw="$rw" --bs=64k \
    --offset=$((zone * 4))m --size=4m --verify=crc32c "$@" \
    --zonemode=none --randrepeat=0 >"/run/fio.$zone"
}

write_verified() { # ZONE RW
  verified "$1" "$2" --do_verify=1
}

verify_again() { # ZONE RW
  verified "$1" "$2" --verify_only
}

made_and_verified() {
  attach $options
  use_disk
  write_verified 1 randwrite
  write_verified 5 write
  detach_disk
  zloop check "$dir"
}

opened_again() {
  attach
  use_disk
  verify_again 1 randwrite
  verify_again 5 write
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
  zloop check "$dir"
}
