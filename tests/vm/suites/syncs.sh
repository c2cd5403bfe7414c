#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Syncs that fail, where a write meets another, a removal, a kill or a remount:
# nothing that was answered GOOD is gone, and what is gone is not called good. The
# sectors below one file fail, all others are well: with all writes failing (a
# file system that is gone) everybody hears of it.
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../below.sh"

# The file system's and the page cache's idea of it are gone.
remount() {
  detach_disk
  unmount
  mount_fs
  attach
  use_disk
}

write_cache() { # 0|1
  sg_wr_mode -p 8 -c 8,12,$(($1 * 4)) -m ff,ff,ff "$SG" >/dev/null
}

# All of zone 0's file is there, so that a write changes no metadata.
make_full() {
  make_fs "$1"
  make
  use_disk
  dd if=/dev/zero of="$DISK" bs=1M count=4 oflag=direct conv=notrunc,nocreat \
    status=none
  flush
}

are_good() { # NR
  [ "$(cat /run/syncs.* | grep -c GOOD)" -ge "$1" ]
}

# Six writers; while they are at it half of the file begins to fail.
writers() { # TYPE fua|plain
  local first count pid
  make_full "$1"
  [ "$2" = fua ] || write_cache 0
  read -r first count < <(extent cnv-000000)
  equal "sectors in one piece" $ZONE_BLOCKS "$count"
  rm -f /run/syncs.*
  python3 "$ZLOOP_TOP/tests/vm/side_by_side.py" write "$SG" 0 6 "$2" /run/syncs &
  pid=$!
  wait_for 60 are_good 200
  map $((first + 1024)) 1024
  wait $pid
  map 0 0
  python3 "$ZLOOP_TOP/tests/vm/side_by_side.py" verify "$SG" 0 /run/syncs
  remount
  python3 "$ZLOOP_TOP/tests/vm/side_by_side.py" verify "$SG" 0 /run/syncs
}

# A failed SYNCHRONIZE CACHE is remembered, however the disk comes back.
still_lost() { # ZONE N
  refused "$bad_read" get "$1" "$2"
  refused "$bad_write" flush
}

remembered() { # TYPE ZONE FILE
  local zone=$2 first
  make_full "$1"
  put "$zone" 0
  put 6 0
  flush
  put "$zone" 1
  # With what a sequential zone's file is going to get.
  read -r first _ < <(extent "$3")
  map "$first" $ZONE_BLOCKS
  refused "$bad_write" flush
  map 0 0
  still_lost "$zone" 1
  open_again
  use_disk
  still_lost "$zone" 1
  runner_kill
  runner_start
  wait_for 20 sg_turs "$SG"
  still_lost "$zone" 1
  detach_disk
  runner_kill
  runner_start
  attach
  use_disk
  still_lost "$zone" 1
  remount
  still_lost "$zone" 1
  get 6 0
  put 9 0 FUA
  get 9 0
}

conventional() { # TYPE
  remembered "$1" 0 cnv-000000
  put 0 0
  put 0 1
  flush
  remount
  get 0 1
  sound
}

sequential() { # TYPE
  remembered "$1" 5 seq-000005
  reset_zone 5
  put 5 0
  flush
  remount
  get 5 0
  sound
}

# Linux tells one of what it could not write back by itself: another disk of the
# file system, which the daemon opens first, is not the only one to hear of it.
told_to_another_disk() {
  local first count other=$CONFIGFS/core/user_0/other
  make_fs ext4
  mkdir $mnt/other "$other"
  echo "dev_size=$disk_bytes,dev_config=$HANDLER/zone_size_mb=4/conv_zones=2@$mnt/other" \
    >"$other/control"
  echo 1 >"$other/enable"
  make
  use_disk
  dd if=/dev/zero of="$DISK" bs=1M count=4 oflag=direct conv=notrunc,nocreat \
    status=none
  flush
  put 0 1
  read -r first count < <(extent cnv-000000)
  map "$first" "$count"
  runner_kill
  runner_start
  wait_for 20 sg_turs "$SG"
  map 0 0
  refused "$bad_write" flush
  still_lost 0 1
  rmdir "$other"
}

# Nor is anybody else who has called syncfs().
told_to_somebody() {
  local first count
  make_full ext4
  read -r first count < <(extent cnv-000000)
  put 0 1
  map "$first" "$count"
  runner_kill
  fails sync -f $mnt
  runner_start
  wait_for 20 sg_turs "$SG"
  map 0 0
  refused "$bad_write" flush
  still_lost 0 1
}

# The device has no room left, which only a sync finds out: the data are lost, so
# that is no DATA PROTECT, after which they would be there.
no_room_at_sync() {
  clean
  losetup -d "$below"
  mkdir -p /run/thin
  mount -t tmpfs -o size=24m none /run/thin
  truncate -s $((sectors * 512)) /run/thin/img
  below=$(losetup -f --show /run/thin/img)
  # Else ext4 takes room for its inode tables in the background.
  make_fs ext4 "-o noinit_itable"
  make
  use_disk
  put 5 0
  flush
  dd if=/dev/zero of=/run/thin/filler bs=64k status=none || true
  put 5 1
  put 0 1
  refused "$bad_write" flush
  rm /run/thin/filler
  refused "$bad_write" flush
  refused "$bad_read" get 0 1
  get 5 0
  put 0 1
  reset_zone 5
  flush
  get 0 1
  sound
  clean
  losetup -d "$below"
  umount /run/thin
  below=$(losetup -f --show /run/below.img)
}

below_start
check "writes with FUA side by side on ext4" writers ext4 fua
check "writes without a cache side by side on ext4" writers ext4 plain
check "writes with FUA side by side on xfs" writers xfs fua
check "a conventional zone's failed sync is remembered" conventional ext4
check "a sequential zone's failed sync is remembered" sequential ext4
check "what another disk was told of" told_to_another_disk
check "what somebody was told of" told_to_somebody
check "no room at a sync" no_room_at_sync
below_end
summary
