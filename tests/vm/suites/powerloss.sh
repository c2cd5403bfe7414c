#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The power fails under a real file system: dm-log-writes records what reaches
# the device below it while SCSI commands are sent to the disk. The record is
# replayed up to a point, the file system mounted, the disk opened, and what is
# there must be what was promised (crash/power.h).
#
#   powerloss.sh         some points per file system
#   powerloss.sh --long  more commands, and every point
set -eu
. "$(dirname "$0")/../lib.sh"

work=/data/powerloss
states=/run/powerloss.states
tools=$ZLOOP_BUILD/tests/vm
export DM_DISABLE_UDEV=1 # there is none: dmsetup makes the node
fs_bytes=$((320 << 20))
disk_bytes=$((24 * 256 * 512)) # as power_disk makes it
commands=80 most_points=12 seeds=1
[ "${1:-}" != --long ] || commands=300 most_points=100000 seeds=2

clean() {
  tear_down
  umount $work/mnt 2>/dev/null || true
  dmsetup remove powerloss 2>/dev/null || true
  losetup -D
  rm -rf $work $states
}

make_fs() { # TYPE FILE
  case $1 in
    xfs) mkfs.xfs -q -K "$2" ;;
    ext4) mkfs.ext4 -q -E nodiscard "$2" ;;
  esac
}

# The copy has the identity of the file system that it is a copy of.
mount_copy() { # TYPE FILE
  case $1 in
    xfs) mount -t xfs -o loop,nouuid "$2" $work/mnt ;;
    ext4) mount -t ext4 -o loop "$2" $work/mnt ;;
  esac
}

start_record() { # TYPE
  local dev log
  mkdir -p $work/mnt $states
  truncate -s $fs_bytes $work/dev
  make_fs "$1" $work/dev
  cp --reflink=auto --sparse=always $work/dev $work/base
  truncate -s 1G $work/log
  dev=$(losetup -f --show $work/dev)
  log=$(losetup -f --show $work/log)
  dmsetup create powerloss --table \
    "0 $((fs_bytes / 512)) log-writes $dev $log"
  mount -t "$1" /dev/mapper/powerloss $work/mnt
  mkdir $work/mnt/disk
}

end_record() {
  umount $work/mnt
  dmsetup remove powerloss
  losetup -D
  "$tools/replay_log" $work/log >$work/list
}

# record TYPE SEED [PRELOADED]: leaves $work/{base,log,list} and the models.
record() {
  clean
  start_record "$1"
  "$tools/power_disk" make $work/mnt/disk
  start_dbus
  LD_PRELOAD=${3:-} runner_start
  attach_quickly powerloss $disk_bytes @$work/mnt/disk
  "$tools/power_disk" run "$SG" $states "$2" $commands powerloss
  detach_disk
  runner_stop
  end_record
}

# The points at which the power fails, as "FLUSHED ENTRY COMMAND": the record's
# first ENTRY entries got to the device, FLUSHED of them before its last flush;
# COMMAND was under way. A point is behind each flush, at the mark that follows
# (a command was answered, nothing more came), and between flushes.
points() {
  awk '
    function point(entry) { print flushed + 0, entry, command }
    $2 == "mark" && $3 ~ /^[0-9]+$/ {
      if (command != "" && fresh) point($1)
      command = $3 + 1
      fresh = 0
    }
    command == "" { if ($2 == "flush") flushed = $1 + 1; next }
    $2 == "flush" {
      if (writes > 1) point($1 - int(writes / 2))
      flushed = $1 + 1
      point(flushed)
      writes = 0
      fresh = 1
    }
    $2 == "write" { writes++; fresh = 1 }' $work/list
}

# $most_points of them, evenly.
some_points() {
  points | awk -v most=$most_points '
    { line[n++] = $0 }
    END {
      step = n > most ? n / most : 1
      for (i = 0; i < n; i += step) print line[int(i)]
    }'
}

# fail_at TYPE FROM FLUSHED ENTRY COMMAND: 1: something promised is not there.
fail_at() {
  local rc=0
  "$tools/replay_log" $work/log $work/base "$2" "$3" || return
  cp --reflink=auto --sparse=always $work/base $work/copy || return
  "$tools/replay_log" $work/log $work/copy "$3" "$4" "$4" || return
  mount_copy "$1" $work/copy || return
  # With what `zloop check` looks at.
  "$tools/power_disk" verify $work/mnt/disk $states/"$5" >$work/out 2>&1 || rc=1
  umount $work/mnt
  return $rc
}

# Replays the record; prints the number of power failures. Ends with status 1
# at the first one that broke a promise.
replay() { # TYPE
  local from=0 flushed entry command n=0
  while read -r flushed entry command; do
    if ! fail_at "$1" $from "$flushed" "$entry" "$command"; then
      echo "after entry $entry (flushed: $flushed), command $command:"
      cat $work/out
      return 1
    fi
    from=$flushed
    n=$((n + 1))
  done < <(some_points)
  echo "$1: $n power failures of $(points | wc -l) points," \
    "$(wc -l <$work/list) entries" >>/run/powerloss.summary
  [ $n -ge 10 ] || fail "only $n power failures"
}

# With syncs that do nothing, promises are broken, and that is found.
finds_missing_syncs() {
  local out
  record xfs 1 "$(realpath "$tools/libnosync.so")"
  out=$(fails replay xfs)
  contains "verdict" "(it was safe up to|was made safe)" "$out"
}

rm -f /run/powerloss.summary
modprobe -a loop dm-log-writes xfs ext4
load_modules
for type in xfs ext4; do
  for ((seed = 1; seed <= seeds; seed++)); do
    check "commands are recorded above $type, seed $seed" record $type $seed
    check "what was promised is there on $type, seed $seed" replay $type
  done
done
cat /run/powerloss.summary 2>/dev/null || true
check "syncs that do nothing are found out" finds_missing_syncs
clean
summary
