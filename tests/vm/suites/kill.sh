#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# tcmu-runner is killed again and again under writes to many zones, with resets
# and finishes among them: no initiator sees an error, and nothing is lost.
#
#   kill.sh         12 kills
#   kill.sh --long  50
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/kill
# How often a kill hits between a write and its completion depends on the
# machine (seen: the 1st kill, the 21st): only many kills can ask for it.
kills=12 most=12
[ "${1:-}" != --long ] || kills=50 most=200

# 256 MiB in 64 zones of 4 MiB, of which 4 are conventional.
ZONE_BLOCKS=8192
zone_bytes=$((ZONE_BLOCKS * 512))

create() {
  make_disk kill 256M $place zone_size_mb=4/conv_zones=4
  rm -f /run/kill.* /run/zone-pattern.*
  head -c $zone_bytes /dev/urandom >/run/zone-pattern
}

# --- the load: each part goes on until told to stop, and fails at any error ---

going_on() {
  [ ! -e /run/kill.stop ]
}

# Every job resets its zones, fills them and reads them again. $1: first zone,
# three jobs of six zones each.
load_fio() {
  while going_on; do
    fio --name=kill --filename="$DISK" --direct=1 --ioengine=libaio \
      --zonemode=zbd --rw="$3" --bs="$2" --iodepth=8 --numjobs=3 \
      --offset=$(($1 * zone_bytes)) --offset_increment=$((6 * zone_bytes)) \
      --size=$((6 * zone_bytes)) --io_size=$((3 * zone_bytes)) \
      --max_open_zones=4 --randseed=$((RANDOM + 1)) --verify=crc32c \
      --do_verify=1 --verify_fatal=1 --group_reporting \
      --output-format=terse --terse-version=3
    echo round >>/run/kill.rounds
  done
}

# Without --force it wants the disk for itself, and there are two of them.
blkzone_at() { # COMMAND ZONE
  blkzone "$1" --force -o "$(zone_lba "$2")" -c 1 "$DISK"
}

part() { # ZONE OFFSET COUNT, in 64 KiB: the pattern at that place
  dd if=/run/zone-pattern bs=64k skip="$2" count="$3" status=none
}

write_part() {
  part "$@" | dd of="$DISK" bs=64k seek=$(($1 * zone_bytes / 65536 + $2)) \
    iflag=fullblock oflag=direct conv=notrunc,nocreat status=none
}

read_part() {
  dd if="$DISK" bs=64k skip=$(($1 * zone_bytes / 65536 + $2)) count="$3" \
    iflag=direct status=none
}

# Open, write, close, write, finish or fill, compare, reset: one zone after the
# other.
load_zones() { # FIRST LAST
  local n
  while going_on; do
    for ((n = $1; n <= $2; n++)); do
      blkzone_at reset "$n"
      blkzone_at open "$n"
      write_part "$n" 0 7
      blkzone_at close "$n"
      write_part "$n" 7 25
      if ((n % 2)); then
        blkzone_at finish "$n"
      else
        write_part "$n" 32 32
      fi
      contains "zone $n" "Full" "$(zone_state "$n")"
      cmp <(part "$n" 0 32) <(read_part "$n" 0 32)
      echo zone >>/run/kill.zones
    done
  done
}

load_conventional() {
  while going_on; do
    write_part 0 0 32
    write_part 1 8 24
    cmp <(part 0 0 32) <(read_part 0 0 32)
    cmp <(part 1 8 24) <(read_part 1 8 24)
    echo zone >>/run/kill.zones
  done
}

start_load() { # COMMAND…
  bash -eu -c "$*" >"/run/kill.out.${#load_pids[@]}" 2>&1 ||
    touch /run/kill.failed &
  load_pids+=($!)
}

# --- the kills ---------------------------------------------------------------

absorbed() {
  zloop info --json $place | sed -n 's/.*"retries_absorbed": *\([0-9]*\).*/\1/p'
}

enough() { # KILLS SO FAR
  [ "$1" -ge "$most" ] && return
  [ "$1" -ge "$kills" ] && [ "$(absorbed)" -gt 0 ]
}

kill_again_and_again() {
  local n=0
  until enough $n; do
    sleep 0.$((RANDOM % 90 + 10))
    runner_kill
    runner_start
    n=$((n + 1))
    [ ! -e /run/kill.failed ] || return 0
  done
  echo "$n" >/run/kill.count
}

under_load() {
  local load_pids=() pid
  export -f going_on load_fio blkzone_at part write_part read_part load_zones \
    load_conventional zone_lba zone_state zones contains
  export ZONE_BLOCKS zone_bytes DISK SG
  use_disk
  start_load load_fio 8 128k write
  start_load load_fio 26 16k randwrite
  start_load load_zones 44 52
  start_load load_zones 53 63
  start_load load_conventional 0 3
  sleep 2
  kill_again_and_again
  touch /run/kill.stop
  for pid in "${load_pids[@]}"; do wait "$pid"; done
  if [ -e /run/kill.failed ]; then
    tail -n 20 /run/kill.out.*
    return 1
  fi
  echo "$(cat /run/kill.count) kills, $(wc -l </run/kill.rounds) rounds of fio," \
    "$(wc -l </run/kill.zones) zones filled, $(absorbed) writes absorbed" |
    tee /run/kill.summary
}

no_errors_in_log() {
  lacks "kernel log" "(Unaligned write|I/O error|critical|Sense Key)" "$(dmesg)"
}

some_absorbed() {
  [ "$kills" -gt 12 ] || skip_check "only with --long; $(absorbed) were"
  [ "$(absorbed)" -gt 0 ]
}

still_sound() {
  detach_disk
  zloop check $place
}

tear_down
clean_place $place
check "set up" start_stack
check "make a disk" create
check "writes go on over kills of tcmu-runner" under_load
cat /run/kill.summary 2>/dev/null || true
check "the kernel log has no errors" no_errors_in_log
check "repeated writes were absorbed" some_absorbed
check "zloop check has nothing to say" still_sound
tear_down
summary
