#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# fio writes and verifies, by the zone rules, through the block layer.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/fio

create() {
  make_disk fio 2G $place
}

# First byte of zone N.
zone_byte() {
  echo $(($1 * ZONE_BLOCKS * 512))
}

fio_disk() {
  use_disk
  fio --filename="$DISK" --direct=1 --ioengine=libaio --randseed=1 \
    --verify=crc32c --verify_fatal=1 --group_reporting --output-format=terse \
    --terse-version=3 "$@"
}

errors_in_log() {
  lacks "kernel log" "(Unaligned write|I/O error|critical)" "$(dmesg)"
}

sequential_write() {
  fio_disk --name=seq --zonemode=zbd --rw=write --bs=128k --iodepth=8 \
    --offset="$(zone_byte 8)" --size=128M
  equal "zone 8" "Full -" "$(zone_state 8)"
  equal "zone 9" "Full -" "$(zone_state 9)"
  equal "zone 10" "Empty 0" "$(zone_state 10)"
  errors_in_log
}

random_write() {
  fio_disk --name=random --zonemode=zbd --rw=randwrite --bs=16k --iodepth=16 \
    --offset="$(zone_byte 12)" --size=512M --io_size=24M --max_open_zones=4 \
    --do_verify=1
  errors_in_log
}

# Writes that end in the middle of zones, over several jobs.
several_jobs() {
  fio_disk --name=jobs --zonemode=zbd --rw=write --bs=4k --iodepth=4 \
    --numjobs=3 --offset="$(zone_byte 22)" --offset_increment=64M --size=64M \
    --io_size=2M
  errors_in_log
}

conventional() {
  fio_disk --name=conventional --rw=randwrite --bs=8k --iodepth=16 --offset=0 \
    --size="$(zone_byte 8)" --io_size=16M
  errors_in_log
}

# What fio calls written is in the files.
files_agree() {
  local n file wp
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  use_disk
  sg_sync "$SG"
  for n in {8..31}; do
    file=$place/seq-$(printf %06d "$n")
    case $(zone_state "$n") in
      Full*) wp=$((ZONE_BLOCKS)) ;;
      *) wp=$(zone_state "$n" | grep -o '[0-9]*$') ;;
    esac
    equal "size of $file" $((wp * 512)) "$(stat -c %s "$file")"
  done
}

# The daemon's descriptors with O_DIRECT.
direct_descriptors() {
  local fd n=0
  for fd in /proc/"$(pgrep -x tcmu-runner)"/fd/*; do
    [[ $(readlink "$fd") == $place/* ]] || continue
    ! grep -q 'flags:.*4000[0-2]$' "${fd/fd/fdinfo}" || n=$((n + 1))
  done
  echo $n
}

past_the_page_cache() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  equal "descriptors with O_DIRECT before" 0 "$(direct_descriptors)"
  detach_disk
  attach_disk fio 2G direct_io@$place
  use_disk
  blkzone reset --offset $((8 * ZONE_BLOCKS)) "$DISK"
  random_write
  # Less than what many a file system can write directly.
  fio_disk --name=small --zonemode=zbd --rw=randwrite --bs=512 --iodepth=8 \
    --offset="$(zone_byte 24)" --size=256M --io_size=256k --max_open_zones=4
  [ "$(direct_descriptors)" -gt 0 ]
  errors_in_log
}

tear_down
clean_place $place
check "set up" start_stack
check "make a disk" create
check "sequential writes verify" sequential_write
check "random writes verify" random_write
check "several jobs verify" several_jobs
check "writes to conventional zones verify" conventional
check "file sizes are the write pointers" files_agree
check "writes past the page cache verify" past_the_page_cache
check "file sizes are the write pointers here too" files_agree
tear_down
summary
