#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What zloop config writes, used: file systems made and mounted as xfstests
# would. With --long the suites themselves, of the built trees that
# ZLOOP_TEST_BLKTESTS and ZLOOP_TEST_XFSTESTS name.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/suites

# Two disks, of 2 GiB, thin, with conventional zones as f2fs wants them.
make_disks() {
  local n
  for n in 0 1; do
    zloop add "capacity=${1:-2G},zone_size=64M,conv_zones=8,block_size=4096" \
      $place/$n
  done
}

# in_config COMMAND: by a shell that has read the configuration.
in_config() {
  bash -euc '. /run/config; '"$1"
}

made_and_mounted() { # FILE-SYSTEM
  PATH=$PATH:/usr/sbin command -v "mkfs.$1" >/dev/null ||
    skip_check "mkfs.$1 is not installed"
  zloop config xfstests --fs="$1" --test-dir=/run/test --scratch-dir=/run/scratch \
    -o /run/config $place/0 $place/1
  mkdir -p /run/test /run/scratch
  # shellcheck disable=SC2016 # for the inner shell
  in_config '
    mkfs.$FSTYP -f $MKFS_OPTIONS $TEST_DEV
    mkfs.$FSTYP -f $MKFS_OPTIONS $SCRATCH_DEV
    mount -t $FSTYP $TEST_DEV $TEST_DIR
    mount -t $FSTYP $SCRATCH_DEV $SCRATCH_MNT
    head -c 1M /dev/urandom >$TEST_DIR/a
    cp $TEST_DIR/a $SCRATCH_MNT/a
    umount $TEST_DIR $SCRATCH_MNT
    mount -t $FSTYP $SCRATCH_DEV $SCRATCH_MNT
    mount -t $FSTYP $TEST_DEV $TEST_DIR
    cmp $TEST_DIR/a $SCRATCH_MNT/a
    umount $TEST_DIR $SCRATCH_MNT'
}

zones_as_blktests() {
  zloop config blktests -o /run/config $place/0 $place/1
  # shellcheck disable=SC2016
  equal "zones" "32 32" "$(in_config 'for dev in "${TEST_DEVS[@]}"; do
    blkzone report $dev | wc -l; done' | xargs)"
}

# A copy: a suite writes its results beside its tests.
blktests() {
  [ -n "${ZLOOP_TEST_BLKTESTS-}" ] ||
    skip_check "ZLOOP_TEST_BLKTESTS names no tree of blktests"
  cp -r "$ZLOOP_TEST_BLKTESTS" /data/blktests
  cd /data/blktests
  zloop config blktests -o config $place/0
  ./check zbd >out 2>&1 || { cat out; return 1; }
  cat out
  # Its status is 0, too, where it runs nothing, or makes a disk of its own.
  equal "tests of the disk that passed" "001 002 003 004 005 006" \
    "$(sed -n 's,^zbd/\([0-9]*\) => sd.*\[passed\]$,\1,p' out | xargs)"
}

xfstests() {
  [ -n "${ZLOOP_TEST_XFSTESTS-}" ] ||
    skip_check "ZLOOP_TEST_XFSTESTS names no tree of xfstests"
  cp -r "$ZLOOP_TEST_XFSTESTS" /data/xfstests
  mkdir -p /mnt/test /mnt/scratch
  cd /data/xfstests
  zloop config xfstests -o local.config $place/0 $place/1
  ./check generic/001 generic/002 generic/005 generic/010 generic/013
}

tear_down
clean_place $place
mkdir -p $place
check "set up" start_stack
check "two disks" make_disks
check "btrfs as configured" made_and_mounted btrfs
check "f2fs as configured" made_and_mounted f2fs
check "the disks of blktests" zones_as_blktests
if [ "${1-}" = --long ]; then
  zloop remove --all
  clean_place $place
  mkdir -p $place
  check "two larger disks" make_disks 12G
  check "blktests" blktests
  check "xfstests" xfstests
fi
tear_down
clean_place $place
summary
