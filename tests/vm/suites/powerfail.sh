#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# discard_write_cache, with tools that know nothing of it: what was read from
# the medium (FUA, VERIFY) is there after the power has failed, what was not is
# gone; and a reset waits for nobody who reads.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/powerfail
slow=/run/slow
options=zone_size_mb=64/conv_zones=8/discard_write_cache
blocks=128 # of a command

create() {
  make_disk powerfail 2G $place $options
  head -c $((blocks * 512)) /dev/urandom >/run/pattern
  head -c $((blocks * 512)) /dev/zero >/run/zeros
}

# sg_dd sends the commands itself, past the page cache.
copy() { # ARGS of sg_dd…
  sg_dd bs=512 count=$blocks bpt=$blocks "$@" 2>&1
}

put() { # ZONE
  copy if=/run/pattern of="$SG" seek="$(zone_lba "$1")"
}

get() { # ZONE [ARGS of sg_dd…]
  local lba
  lba=$(zone_lba "$1")
  shift
  rm -f /run/got
  copy if="$SG" of=/run/got skip="$lba" "$@"
}

# Whoever asks first is told of it.
lose_power() {
  zloop powerfail -q $place
  wait_for 10 sg_turs "$SG"
}

is_there() { # ZONE
  get "$1"
  cmp /run/got /run/pattern
}

is_gone() { # ZONE
  get "$1"
  cmp /run/got /run/zeros
}

read_plainly() { # ZONE
  use_disk
  put "$1"
  is_there "$1"
  lose_power
  is_gone "$1"
}

read_fua() { # ZONE
  use_disk
  put "$1"
  get "$1" iflag=fua
  cmp /run/got /run/pattern
  lose_power
  is_there "$1"
}

verify() { # ZONE ARGS of sg_verify…
  local lba
  use_disk
  lba=$(zone_lba "$1")
  put "$1"
  shift
  sg_verify --16 --count=$blocks --lba="$lba" "$@" "$SG"
  lose_power
  is_there $((lba / ZONE_BLOCKS))
}

# The comparison has told that something is there.
compare_and_write() { # ZONE
  use_disk
  put "$1"
  cat /run/zeros /run/zeros >/run/zeros2
  contains "sense" "[Mm]iscompare" "$(fails sg_compare_and_write --fua \
    --in=/run/zeros2 --num=64 --lba="$(zone_lba "$1")" "$SG")"
  lose_power
  is_there "$1"
}

milliseconds() {
  echo $(($(date +%s%N) / 1000000))
}

# scsi_debug's disk, as a device that takes its time.
slow_device() {
  local dev
  modprobe scsi_debug dev_size_mb=64 delay=0 2>/dev/null || true
  for dev in /sys/bus/pseudo/drivers/scsi_debug/adapter*/host*/target*/*:*; do
    [ ! -d "$dev/block" ] || echo "/dev/$(ls "$dev/block")"
  done | grep .
}

# Up to so long, or readers that began together would end together.
slow_down() { # JIFFIES
  echo "$1" >/sys/bus/pseudo/drivers/scsi_debug/delay
  echo 1 >/sys/bus/pseudo/drivers/scsi_debug/random
}

make_slow_disk() {
  local dev
  dev=$(slow_device) || skip_check "no scsi_debug"
  [ "$(blockdev --getsize64 "$dev")" -ge $((32 << 20)) ] ||
    skip_check "scsi_debug is built in and has a small disk"
  slow_down 0
  mkfs.ext4 -q "$dev"
  mkdir -p $slow
  mount "$dev" $slow
  mkdir -p $slow/disk
  attach_disk slow 512M \
    "zone_size_mb=64/conv_zones=1/direct_io/discard_write_cache@$slow/disk"
  use_disk
}

# With a device below that takes some time for each read, and 48 readers, one
# has the zone's file in use at every moment.
reset_beside_readers() {
  local start took longest=0 reader zone=2
  detach_disk
  make_slow_disk
  put $zone
  sg_sync "$SG"
  slow_down 20
  fio --name=readers --filename="$DISK" --direct=1 --rw=randread --bs=4k \
    --offset=$(($(zone_lba $zone) * 512)) --size=64k --numjobs=48 --thread \
    --time_based --runtime=120 --ioengine=psync --group_reporting \
    >/run/fio.out 2>&1 &
  reader=$!
  sleep 3
  for _ in 1 2 3; do
    start=$(milliseconds)
    sg_reset_wp --zone="$(zone_lba $zone)" "$SG"
    took=$(($(milliseconds) - start))
    echo "reset: $took ms"
    [ $took -le $longest ] || longest=$took
    put $zone
    sleep 1
  done
  echo "longest of 3: $longest ms" >/run/longest
  kill $reader
  wait $reader || true
  wait_for 10 slow_down 0
  grep -q "err= 0" /run/fio.out || { cat /run/fio.out; return 1; }
  # 0.1 s, or on a busy machine 2: where readers come first it waits for them all.
  [ $longest -lt 20000 ] || fail "a reset took $longest ms"
}

tear_down
clean_place $place
check "set up" start_stack
check "make a disk" create
for zone in 0 8; do
  check "a READ may return what is lost, zone $zone" read_plainly $zone
  check "a READ with FUA may not, zone $zone" read_fua $((zone + 1))
  check "nor VERIFY, zone $zone" verify $((zone + 2))
  check "nor VERIFY with data, zone $zone" verify $((zone + 3)) \
    --ndo=$((blocks * 512)) --in=/run/pattern
done
check "nor COMPARE AND WRITE with FUA" compare_and_write 4
check "a reset beside 48 readers" reset_beside_readers
cat /run/longest 2>/dev/null || true
tear_down
umount $slow 2>/dev/null || true
summary
