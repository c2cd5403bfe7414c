#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What zloop shows of a disk that Linux uses, against what Linux counts itself.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/see

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

create() {
  make_disk see 2G $place
}

# metric NAME [LABELS]: Prometheus' number of the disk.
metric() {
  zloop stats --prometheus $place |
    sed -n "s/^zloop_$1{[^}]*${2:-}[^}]*} //p"
}

# Sectors that the kernel's block layer has read and written.
sectors() {
  awk '{ print $3, $7 }' "/sys/block/${DISK#/dev/}/stat"
}

bytes() {
  local reads writes
  reads=$(metric transferred_bytes_total 'operation="read"')
  writes=$(metric transferred_bytes_total 'operation="write"')
  echo "$reads $writes"
}

# change OLD NEW FIELD: by how much the FIELDth number of two has grown.
change() {
  echo $(($(cut -d' ' -f"$3" <<<"$2") - $(cut -d' ' -f"$3" <<<"$1")))
}

# As many bytes in the disk as through the block layer.
same_bytes() {
  local kernel ours kernel_then ours_then
  only_zloop
  use_disk
  kernel_then=$(sectors)
  ours_then=$(bytes)
  write_zone 8 0 256
  dd if="$DISK" of=/dev/null bs=64k count=128 skip=$((8 * 1024)) \
    iflag=direct status=none
  kernel=$(sectors)
  ours=$(bytes)
  equal "bytes written" $((16 << 20)) "$(change "$ours_then" "$ours" 2)"
  equal "bytes written, as the kernel says" \
    $(($(change "$kernel_then" "$kernel" 2) * 512)) \
    "$(change "$ours_then" "$ours" 2)"
  equal "bytes read, as the kernel says" \
    $(($(change "$kernel_then" "$kernel" 1) * 512)) \
    "$(change "$ours_then" "$ours" 1)"
  equal "in flight" 0 "$(metric operations_in_flight)"
}

zones_agree() {
  local map
  only_zloop
  use_disk
  equal "open zones" "$(zones | grep -c opened)" \
    "$(metric zones 'condition="implicitly-opened"')"
  map=$(LC_ALL=C.UTF-8 zloop zones --map $place)
  contains "map" "^ *0  C C C C C C C C  I▂E E E E E E E  E E" "$map"
}

# A write that is not at the write pointer.
refused() {
  local before
  only_zloop
  use_disk
  before=$(metric operations_failed_total 'reason="refused"')
  fails sg_dd if=/dev/zero of="$SG" bs=512 seek="$(($(zone_lba 9) + 8))" \
    count=8 oflag=sgio
  equal "refused" $((before + 1)) \
    "$(metric operations_failed_total 'reason="refused"')"
}

pictures() {
  only_zloop
  zloop zones --svg /run/see.svg --png /run/see.png $place
  equal "PNG" PNG "$(head -c 4 /run/see.png | tail -c 3)"
  contains "SVG" "<title>zone 8: implicitly-opened; written 16 MiB of 64 MiB" \
    "$(cat /run/see.svg)"
}

live() {
  only_zloop
  contains "zloop top" "^  open zones 1, in flight 0, failed 1" \
    "$(zloop top --batch --count 1 $place)"
  zloop report --html /run/see.html $place
  contains "report" "<polyline " "$(cat /run/see.html)"
}

tear_down
clean_place $place
check "set up" start_stack
check "make a disk" create
check "bytes as the kernel counts them" same_bytes
check "a refused write is counted" refused
check "zones as Linux sees them" zones_agree
check "pictures" pictures
check "top and a report" live
tear_down
summary
