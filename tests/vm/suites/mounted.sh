#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# File systems that are mounted and written while tcmu-runner is killed notice
# nothing; after a power failure they have what they had flushed.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/mounted
disk_bytes=$((2 << 30))
kept=10 # files that each writer keeps

# Small zones: a file system needs many, and a kill is to meet several.
create() { # CONVENTIONAL-ZONES [OPTION]
  clean_place $place
  mkdir -p $place /mnt
  attach_quickly mounted $disk_bytes "zone_size_mb=16/conv_zones=$1${2:-}@$place"
  head -c 4000000 /dev/urandom >/run/mounted.pattern
  rm -f /run/mounted.stop /run/mounted.failed
  dmesg -C
}

make_fs() { # TYPE
  case $1 in
    btrfs) mkfs.btrfs -q -f -O zoned -d single -m single "$DISK" ;;
    f2fs) mkfs.f2fs -q -f -m "$DISK" ;;
  esac
}

# --- the load: files that can be told apart, the oldest ones deleted ---------

part() { # NUMBER: what the file of that number holds
  dd if=/run/mounted.pattern bs=64k iflag=skip_bytes,count_bytes \
    skip=$(($1 * 4096 % 2000000)) count=$(($1 * 77777 % 1500000 + 1)) status=none
}

write_files() { # WRITER: /run/mounted.WRITER lists what is there and flushed
  local n=0 dir=/mnt/$1
  mkdir "$dir"
  : >"/run/mounted.$1"
  while [ ! -e /run/mounted.stop ]; do
    n=$((n + 1))
    part $n >"$dir/$n" || return
    if ((n % 2)); then
      sync "$dir/$n" "$dir" || return
      echo $n >>"/run/mounted.$1"
    fi
    [ $n -le $kept ] || rm "$dir/$((n - kept))"
  done
  echo $n >"/run/mounted.$1.last"
}

start_writers() {
  local name
  writers=()
  for name in a b c; do
    { write_files $name || touch /run/mounted.failed; } 2>/dev/null &
    writers+=($!)
  done
}

# The newest files are there, as they were written, and no other.
verify() {
  local name n last
  for name in a b c; do
    last=$(cat /run/mounted.$name.last)
    n=$((last > kept ? last - kept + 1 : 1))
    equal "files of $name" $((last - n + 1)) "$(ls /mnt/$name | wc -l)"
    for (( ; n <= last; n++)); do
      part $n | cmp - "/mnt/$name/$n"
    done
  done
}

check_fs() { # TYPE
  case $1 in
    btrfs) btrfs check "$DISK" ;;
    f2fs) contains fsck.f2fs "Done" "$(fsck.f2fs --dry-run -f "$DISK" 2>&1)" ;;
  esac
}

# --- kills --------------------------------------------------------------------

# Also twice at once, and before it has opened its disks.
kill_again_and_again() { # TIMES
  local n
  for ((n = 1; n <= $1; n++)); do
    sleep 0.$((RANDOM % 90 + 10))
    runner_kill
    if ((n % 2)); then
      link_handlers
      tcmu-runner --handler-path /run/handlers >>/var/log/tcmu-runner.out 2>&1 &
      echo $! >"$RUNNER_PID"
      sleep 0.$((RANDOM % 30 + 10))
      runner_kill
    fi
    runner_start
  done
}

killed() { # TYPE CONVENTIONAL-ZONES
  local pid
  create "$2"
  kill_again_and_again 1 &
  pid=$!
  make_fs "$1"
  wait $pid
  mount -t "$1" "$DISK" /mnt
  start_writers
  kill_again_and_again 3
  touch /run/mounted.stop
  wait "${writers[@]}"
  [ ! -e /run/mounted.failed ]
  sync
  echo 3 >/proc/sys/vm/drop_caches
  verify
  umount /mnt
  check_fs "$1"
  mount -t "$1" "$DISK" /mnt
  verify
  umount /mnt
  lacks "kernel log" \
    "(I/O error|critical|Sense Key|BTRFS error|F2FS-fs.*nvalid)" "$(dmesg)"
  detach_disk
  zloop check $place
}

# --- power failures -----------------------------------------------------------

# The host goes first: what it would still write is not to get there. What
# was flushed and is not deleted is there; nothing else is asked for.
power_fails() { # TYPE CONVENTIONAL-ZONES
  local name n
  rm -f /run/mounted.?
  create "$2" /discard_write_cache
  make_fs "$1"
  mount -t "$1" "$DISK" /mnt
  start_writers
  for name in a b c; do wait_for 60 test -s /run/mounted.$name; done
  sleep 0.$((RANDOM % 90 + 10))
  echo offline >"/sys/block/$(basename "$DISK")/device/state"
  zloop powerfail $place
  wait "${writers[@]}"
  umount /mnt
  detach_disk
  attach_quickly mounted $disk_bytes "@$place"
  mount -t "$1" "$DISK" /mnt
  for name in a b c; do
    n=$(tail -n 1 /run/mounted.$name)
    [ "$n" -gt 0 ]
    part "$n" | cmp - "/mnt/$name/$n"
  done
  umount /mnt
  check_fs "$1"
  detach_disk
  zloop check $place
}

tear_down
check "set up" start_stack
for fs in "btrfs 0" "f2fs 16"; do
  # shellcheck disable=SC2086 # a name and a number
  check "${fs% *} goes on over kills of tcmu-runner" killed $fs
  # shellcheck disable=SC2086
  check "${fs% *} has what was flushed before the power failed" power_fails $fs
done
tear_down
summary
