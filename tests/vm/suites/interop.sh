#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Directories shared with the kernel's own zloop driver, in both directions
# (docs/interop.md). Needs a kernel that has it: `vm --uml`.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/shared
options=capacity_mb=64,zone_size_mb=4,conv_zones=4
# The kernel driver's block is the file system's.
ours=capacity_mb=64/zone_size_mb=4/zone_capacity_mb=4/conv_zones=4/block_size=4096

kernel_add() { # ID [OPTIONS]
  echo "add id=$1,base_dir=$base,$options${2:+,$2}" >/dev/zloop-control
  wait_for 10 test -b "/dev/zloop$1"
}

kernel_remove() { # ID
  wait_for 10 kernel_remove_once "$1"
}

kernel_remove_once() { # ID: busy for as long as somebody looks at the disk
  echo "remove id=$1" >/dev/zloop-control
}

# block_zones DEVICE: START LENGTH CAPACITY WP CONDITION of each zone as the
# block layer has them, the same for both drivers. What is open is said as what
# it will be when it no longer is; a full zone has no write pointer.
block_zones() {
  blkzone report "$1" | tr -s ' ,' '  ' | awk '{
    start = $2; len = $4; cap = $6; wp = $8
    condition = $0
    sub(/.*zcond: ?[0-9]+\( ?/, "", condition)
    sub(/\).*/, "", condition)
    if (condition ~ /^o[ie]$/)
      condition = wp ~ /^0x0+$/ ? "em" : "cl"
    if (condition ~ /^(fu|nw)$/)
      wp = "-"
    print start, len, cap, wp, condition
  }'
}

# put DEVICE ZONE OFFSET BLOCKS SEED: in one write, in blocks of 4 KiB.
put() {
  pattern "$5" "$4" | dd of="$1" bs=$(($4 * 4096)) count=1 \
    seek=$((($2 * 1024 + $3) * 4096)) oflag=direct,seek_bytes \
    iflag=fullblock conv=notrunc,nocreat status=none
}

# pattern SEED BLOCKS: every line its number and the seed.
pattern() {
  seq -f "$1 %.0f" $(($2 * 1024)) | head -c $(($2 * 4096))
}

# The kernel's commands count in 512-byte sectors, ours in blocks of 4 KiB.
zone_range() { # ZONE
  echo "-o $(($1 * 8192)) -l 8192"
}

zone_start() { # ZONE
  echo $(($1 * 1024))
}

sum() { # DEVICE
  dd if="$1" bs=1M iflag=direct status=none | md5sum
}

attach_ours() { # ID [OPTIONS]
  [ ! -e /run/disk ] || detach_disk
  attach_disk shared 64M "${2:-}@$base/$1"
}

# Every condition that a file's size can say.
kernel_fills() { # ID
  local dev=/dev/zloop$1 zone
  put "$dev" 0 0 16 1  # conventional
  put "$dev" 2 9 7 2   # conventional, not at its start
  put "$dev" 4 0 1 3   # closed
  for zone in 0 256 512 768; do put "$dev" 5 $zone 256 4; done # full
  put "$dev" 6 0 5 5
  put "$dev" 7 0 9 6
  # shellcheck disable=SC2046 # two options
  blkzone finish $(zone_range 6) "$dev"
  # shellcheck disable=SC2046
  blkzone reset $(zone_range 7) "$dev"
  # shellcheck disable=SC2046
  blkzone open $(zone_range 8) "$dev"
}

kernel_to_ours() {
  mkdir -p $base/0
  kernel_add 0
  kernel_fills 0
  block_zones /dev/zloop0 >/run/kernel.zones
  sum /dev/zloop0 >/run/kernel.sum
  kernel_remove 0
  attach_ours 0 "$ours"
  block_zones "$DISK" >/run/our.zones
  same_zones
  sum "$DISK" | diff /run/kernel.sum -
}

same_zones() {
  diff /run/kernel.zones /run/our.zones
}

ours_to_kernel() {
  use_disk
  fails put "$DISK" 4 0 8 7
  put "$DISK" 4 1 3 7
  sg_reset_wp --zone="$(zone_start 5)" "$SG"
  sg_zone --finish --zone="$(zone_start 9)" "$SG"
  put "$DISK" 3 11 3 8
  block_zones "$DISK" >/run/our.zones
  sum "$DISK" >/run/our.sum
  detach_disk
  kernel_add 0
  block_zones /dev/zloop0 >/run/kernel.zones
  same_zones
  sum /dev/zloop0 | diff /run/our.sum -
  put /dev/zloop0 5 0 2 9
  kernel_remove 0
  attach_ours 0
  contains "zone 5" '^0x00000a000 .* 0x000010 cl$' "$(block_zones "$DISK")"
  detach_disk
  zloop check $base/0
}

made_here() {
  mkdir -p $base/1
  zloop create "${ours//\//,}" $base/1
  kernel_add 1
  put /dev/zloop1 4 0 11 10
  block_zones /dev/zloop1 >/run/kernel.zones
  sum /dev/zloop1 >/run/kernel.sum
  kernel_remove 1
  attach_ours 1
  block_zones "$DISK" >/run/our.zones
  same_zones
  sum "$DISK" | diff /run/kernel.sum -
  detach_disk
}

# Also if some of what tells of it has been taken away.
not_repaired() {
  local last out
  last=$(cd $base/1 && ls -d seq-* | tail -n 1)
  mkdir /run/taken
  mv $base/1/zloop.state $base/1/cnv-000000 "$base/1/$last" /run/taken
  out=$(fails zloop check --repair --yes $base/1)
  contains "repair" "is open in another program; end that first" "$out"
  lacks "repair" "made anew" "$out"
  fails zloop create "${ours//\//,}" $base/1
  equal "made meanwhile" "" "$(cd $base/1 && ls -d zloop.state cnv-000000 \
    "$last" 2>/dev/null || true)"
  mv /run/taken/* $base/1
  rmdir /run/taken
}

# The driver holds its files open: that much can be seen of it.
not_at_once() {
  kernel_add 1
  fails backstore_create shared 64M "@$base/1"
  contains "log" 'another program' "$(tail -n 5 $RUNNER_LOG)"
  contains "zloop check" 'in use' "$(zloop check $base/1 2>&1)"
  not_repaired
  kernel_remove 1
  attach_ours 1
  detach_disk
}

flushed_attribute() { # FILE
  python3 -c 'import os, sys; print(os.getxattr(sys.argv[1], "user.zloop.wp"))' \
    "$1"
}

# The attribute says how far a zone was flushed. It must not outlive a reset.
stale_attribute() {
  mkdir -p $base/2
  kernel_add 2 discard_write_cache
  put /dev/zloop2 4 0 8 11
  sync /dev/zloop2
  blockdev --flushbufs /dev/zloop2
  kernel_remove 2
  flushed_attribute $base/2/seq-000004
  attach_ours 2 "$ours"
  # Linux remembers write pointers: a reset behind its back would not do.
  # shellcheck disable=SC2046 # two options
  blkzone reset $(zone_range 4) "$DISK"
  put "$DISK" 4 0 2 12
  sg_sync "$SG"
  detach_disk
  fails flushed_attribute $base/2/seq-000004
  kernel_add 2 discard_write_cache
  kernel_remove 2
  kernel_add 2
  equal "bytes" 8192 "$(stat -c %s $base/2/seq-000004)"
  kernel_remove 2
}

# Nor what we write behind it, which the driver would cut off.
attribute_of_less() {
  mkdir -p $base/4
  kernel_add 4 discard_write_cache
  put /dev/zloop4 4 0 8 13
  sync /dev/zloop4
  kernel_remove 4
  flushed_attribute $base/4/seq-000004
  attach_ours 4 "$ours"
  put "$DISK" 4 8 8 14
  sg_sync "$SG"
  sum "$DISK" >/run/our.sum
  detach_disk
  kernel_add 4 discard_write_cache
  kernel_remove 4
  kernel_add 4
  sum /dev/zloop4 | diff /run/our.sum -
  kernel_remove 4
}

# Blocks of 512 bytes can stop where the kernel's cannot.
small_blocks() {
  mkdir -p $base/3
  zloop create "$options" $base/3
  attach_ours 3
  dd if=/dev/urandom of="$DISK" bs=512 count=3 seek=$((4 * 8192)) \
    oflag=direct conv=notrunc,nocreat status=none
  detach_disk
  fails kernel_add 3
  attach_ours 3
  contains "zone 4" '^0x000008000 .* 0x000003 cl$' "$(block_zones "$DISK")"
  detach_disk
}

# What was written to /dev/zloop-control is all that it takes.
the_kernels_own_string() {
  local dev
  mkdir -p $base/5
  kernel_add 5
  put /dev/zloop5 5 0 9 15
  block_zones /dev/zloop5 >/run/kernel.zones
  kernel_remove 5
  dev=$(zloop add "id=5,base_dir=$base,$options")
  block_zones "$dev" >/run/our.zones
  same_zones
  zloop remove "$dev"
}

# A snapshot lies in the directory, where the kernel's driver looks for zones
# only; what that writes is no part of it.
beside_snapshots() {
  mkdir -p $base/6
  zloop create "${ours//\//,}" $base/6
  attach_ours 6
  put "$DISK" 4 0 3 16
  zloop snapshot -q $base/6 kept >/dev/null
  put "$DISK" 4 3 1 17
  detach_disk
  kernel_add 6
  put /dev/zloop6 4 4 2 18
  put /dev/zloop6 5 0 1 19
  contains "zone 4" '^0x000008000 .* 0x000030 ' "$(block_zones /dev/zloop6)"
  kernel_remove 6
  equal "snapshots" kept "$(zloop snapshots $base/6 | sed 's/ .*//')"
  zloop check $base/6
  zloop restore -q $base/6 kept
  kernel_add 6
  contains "zone 4" '^0x000008000 .* 0x000018 ' "$(block_zones /dev/zloop6)"
  contains "zone 5" '^0x00000a000 .* 0x000000 em' "$(block_zones /dev/zloop6)"
  kernel_remove 6
}

[ -e /dev/zloop-control ] || {
  echo "skipped: this kernel has no zloop driver"
  exit 77
}
clean_place $base
check "set up" start_stack
check "a directory that the kernel made opens here" kernel_to_ours
check "the kernel goes on with what was written here" ours_to_kernel
check "the kernel takes a directory made here" made_here
check "the kernel's own string adds the kernel's directory" \
  the_kernels_own_string
check "never both at once" not_at_once
check "the flushed write pointer's attribute is no trap" stale_attribute
check "the attribute cuts off nothing that was written here" attribute_of_less
check "a pointer between the kernel's blocks is refused there" small_blocks
check "the kernel takes a directory with snapshots" beside_snapshots
tear_down
clean_place $base
summary
