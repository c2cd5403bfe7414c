#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Where two things meet: a kill and two hosts that want one lock, a file that
# somebody cuts and the next write, a limit of the daemon and all its disks.
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../below.sh"

# --- two hosts ------------------------------------------------------------------

lock_lba=64

# A block of its own, that says what the lock's state is.
state_block() { # free|locked
  printf '%-512s' "$1"
}

set_free() {
  state_block free >/run/meet.free
  raw "8a 00 $(hex_bytes $lock_lba 8) 00 00 00 01 00 00" -s 512 -i /run/meet.free
}

take_lock() {
  { state_block free && state_block locked; } >/run/meet.take
  raw "89 00 $(hex_bytes $lock_lba 8) 00 00 00 01 00 00" -s 1024 \
    -i /run/meet.take
}

restart_killed() {
  runner_kill
  runner_start
  wait_for 20 sg_turs "$SG"
}

# What the first one has taken, and was told so, is not given to the second one.
second_owner() {
  local i
  make_fs ext4
  make
  use_disk
  for i in 1 2 3; do
    set_free
    take_lock
    restart_killed
    refused Miscompare take_lock
    refused Miscompare take_lock
  done
}

# Killed while both are at it. Who has the lock then has it until the others'
# command has been sent again and answered.
two_hosts() {
  local i pid
  use_disk
  for i in 1 2 3 4; do
    set_free
    rm -f /run/meet.keep.had
    python3 "$ZLOOP_TOP/tests/vm/two_hosts.py" "$SG" $lock_lba 6 /run/meet.keep \
      >/run/meet.out &
    pid=$!
    wait_for 60 test -e /run/meet.keep.had
    sleep 0.$i
    : >/run/meet.keep
    restart_killed
    sleep 1
    rm /run/meet.keep
    wait $pid
    cat /run/meet.out
    grep -q 'had it [1-9]' /run/meet.out
  done
}

# --- files ------------------------------------------------------------------------

# What was cut off does not come back as zeros, whoever lengthens the file.
cut_and_grown() {
  make_fs ext4
  make
  use_disk
  put 0 0
  put 0 40
  put 5 0
  put 5 1
  put 5 2
  flush
  truncate -s 65536 $dir/seq-000005
  truncate -s 65536 $dir/cnv-000000
  put 5 3
  put 0 1
  refused "$bad_read" get 5 1
  refused "$bad_read" get 0 40
  truncate -s 262144 $dir/seq-000005
  truncate -s 4M $dir/cnv-000000
  refused "$bad_read" get 5 1
  refused "$bad_read" get 0 40
  refused "$bad_write" flush
  open_again
  use_disk
  refused "$bad_read" get 5 2
  refused "$bad_read" get 0 40
  get 5 0
  get 0 0
  reset_zone 5
  put 5 0
  raw "93 00 $(hex_bytes 0 8) 00 00 20 00 00 00" -s 512 -i /dev/zero
  put 0 40
  flush
  get 5 0
  get 0 40
  sound
}

# Another file under a zone's name: nothing is written to what nobody will find,
# nor to what is not the disk's.
replaced_under_it() {
  local file sum
  use_disk
  put 6 0
  put 1 0
  flush
  for file in seq-000006 cnv-000001; do
    cp $dir/$file $dir/other
    mv $dir/other $dir/$file
  done
  sum=$(cat $dir/seq-000006 $dir/cnv-000001 | md5sum)
  sleep 0.1
  refused "$bad_write" put 6 1
  refused "$bad_write" put 1 1 FUA
  refused "$bad_write" flush
  put 9 0 FUA
  get 9 0
  equal "the others' files" "$sum" \
    "$(cat $dir/seq-000006 $dir/cnv-000001 | md5sum)"
}

# Nobody repairs, or opens once more, what is in use, by whichever name, and
# whatever has been done to the lock's file.
left_alone() {
  local at out bound=/run/meet.bound
  make_fs ext4
  make
  use_disk
  put 5 0
  mkdir -p $bound
  mount --bind $mnt $bound
  rm $dir/zloop.state $dir/seq-000009
  for at in $dir $bound/disk; do
    out=$(fails zloop check --repair --yes $at)
    contains "repair of $at" "is in use by process $(cat $RUNNER_PID) " "$out"
    lacks "repair of $at" "made anew" "$out"
    : >$at/zloop.state
    fails zloop check --repair --yes $at
    rm $at/zloop.state
  done
  [ ! -e $dir/seq-000009 ]
  umount $bound
  put 5 1
  get 5 0
  detach_disk
  zloop check --repair --yes $dir
  attach
  use_disk
  get 5 0
  get 5 1
  others_work 9
}

# --- limits of the daemon -----------------------------------------------------------

daemon_limit() { # OPTION
  prlimit --pid "$(cat $RUNNER_PID)" "$1"
}

# A hundred zones of 1 MiB.
use_many() {
  export ZONE_BLOCKS=2048 disk_bytes=$((100 << 20))
  use_disk
}

make_many() {
  make_fs ext4
  runner_alive || start_stack
  attach_quickly below $((100 << 20)) zone_size_mb=1/conv_zones=2@$dir
  head -c 65536 /dev/urandom >/run/below.new
  use_many
}

file_size_limit() {
  local pid
  make_many
  put 5 0
  put 5 1
  put 0 0
  flush
  pid=$(cat $RUNNER_PID)
  daemon_limit --fsize=131072:unlimited
  refused "$bad_write" put 5 2
  refused "$bad_write" put 5 2 FUA
  refused "$bad_write" put 0 2
  refused "$bad_write" raw "94 02 $(hex_bytes "$(zone_lba 6)" 8) 00 00 00 00 00 00"
  put 6 0
  put 0 1
  flush
  get 5 1
  equal "the daemon" "$pid" "$(pgrep -x tcmu-runner)"
  daemon_limit --fsize=unlimited:unlimited
  put 5 2
  flush
  get 5 2
  get 6 0
  contains "zloop create" "File too large.*ulimit -f" \
    "$(ulimit -S -f 512 && fails zloop create \
      capacity_mb=8,zone_size_mb=1,conv_zones=1 $mnt/limited)"
  zloop create $mnt/limited
}

# A file for each of a hundred zones, and not a descriptor for each.
descriptor_limit() {
  local zone n pids failed=0
  use_many
  daemon_limit --nofile=64:65536
  for n in 0 1; do
    pids=()
    for zone in $(seq 10 99); do
      put "$zone" $n >/run/meet.put.$zone &
      pids+=($!)
    done
    for zone in "${pids[@]}"; do wait "$zone" || failed=$((failed + 1)); done
    sort /run/meet.put.* | uniq -c
    equal "failed writes" 0 $failed
    flush
  done
  for zone in $(seq 10 99); do get "$zone" 1 >/dev/null; done
  # The rest of the daemon has some left.
  [ "$(ls "/proc/$(cat $RUNNER_PID)/fd" | wc -l)" -lt 64 ]
  daemon_limit --nofile=1024:65536
  reset_zone 50
  sound
}

below_start
check "a lock has one owner, although the daemon was killed" second_owner
check "two hosts at one lock while the daemon is killed" two_hosts
check "files cut and grown again" cut_and_grown
check "files replaced under the disk" replaced_under_it
check "a disk in use is left alone" left_alone
check "a limit on file sizes" file_size_limit
check "a limit on descriptors" descriptor_limit
below_end
summary
