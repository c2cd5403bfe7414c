#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# discard_write_cache, with tools that know nothing of it: what was read from
# the medium (FUA, VERIFY) is there after the power has failed, what was not is
# gone; and a reset waits for nobody who reads.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/powerfail
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

# Readers of the zone to be reset, and a look at how long that takes.
reset_beside_readers() { # ZONE
  local lba start took longest=0 reader
  use_disk
  lba=$(zone_lba "$1")
  put "$1"
  sg_sync "$SG"
  fio --name=readers --filename="$DISK" --direct=1 --rw=randread --bs=4k \
    --offset=$((lba * 512)) --size=64k --numjobs=48 --thread --time_based \
    --runtime=120 --ioengine=psync --group_reporting >/run/fio.out 2>&1 &
  reader=$!
  sleep 3
  for _ in 1 2 3 4 5 6 7 8; do
    start=$(milliseconds)
    sg_reset_wp --zone="$lba" "$SG"
    took=$(($(milliseconds) - start))
    echo "reset: $took ms"
    [ $took -le $longest ] || longest=$took
    put "$1" >/dev/null
    sleep 0.2
  done
  echo "longest: $longest ms" >/run/longest
  kill $reader
  wait $reader || true
  grep -q "err= 0" /run/fio.out || { cat /run/fio.out; return 1; }
  [ $longest -lt 1000 ] || fail "a reset took $longest ms"
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
check "a reset beside 48 readers" reset_beside_readers 20
cat /run/longest 2>/dev/null || true
tear_down
summary
