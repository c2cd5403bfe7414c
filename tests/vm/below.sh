# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For suites in which what is below the disk fails: a small disk on a file
# system on a device of which sectors can be made to fail, and one SCSI command
# at a time with its sense data. Sourced after lib.sh.

mnt=/run/below
dir=$mnt/disk
mapped=/dev/mapper/below
export DM_DISABLE_UDEV=1 # there is none: dmsetup makes the node

# 64 MiB in 16 zones of 4 MiB, of which 2 are conventional.
export ZONE_BLOCKS=8192
disk_bytes=$((64 << 20))
sectors=$((320 << 11)) # of the file system
no_space="Data Protect.*Space allocation failed write protect"
protected="Data Protect.*Write protected"
bad_write="Medium Error.*Write error"
bad_read="Medium Error.*Unrecovered read error"
no_resources="Aborted Command.*System resource failure"

# --- the file system and what is below it -----------------------------------

# below_start / below_end: the device, and nothing left of it.
below_start() {
  tear_down
  modprobe -a loop dm-mod dm-flakey xfs ext4
  load_modules
  truncate -s $((sectors * 512)) /run/below.img
  below=$(losetup -f --show /run/below.img)
}

below_end() {
  clean
  tear_down
  losetup -d "$below"
  rm /run/below.img
}

# map FIRST COUNT [writes]: the device as it is, but these sectors fail, or
# writes to them only; COUNT 0: none.
map() {
  local end=$(($1 + $2)) fails=error
  [ -z "${3:-}" ] || fails="flakey $below $1 0 60 1 error_writes"
  {
    [ "$1" = 0 ] || echo "0 $1 linear $below 0"
    [ "$2" = 0 ] || echo "$1 $2 $fails"
    [ $end = $sectors ] || echo "$end $((sectors - end)) linear $below $end"
  } >/run/below.table
  if [ -e $mapped ]; then
    dmsetup reload below /run/below.table
    dmsetup suspend --noflush --nolockfs below
    dmsetup resume below
  else
    dmsetup create below /run/below.table
  fi
}

# FIRST COUNT of the first extent of a zone's file, in sectors of the device.
extent() { # FILE
  filefrag -b512 -e "$dir/$1" | sed -n \
    's/^ *0: *[0-9]*\.\. *[0-9]*: *\([0-9]*\)\.\. *[0-9]*: *\([0-9]*\):.*/\1 \2/p'
}

mount_fs() {
  # shellcheck disable=SC2086 # options are words
  mount $mount_options $mapped $mnt
}

# The daemon closes a disk some time after its backstore is gone.
unmount() {
  wait_for 20 umount $mnt
}

make_fs() { # TYPE [MOUNT OPTIONS]
  clean
  map 0 0
  case $1 in
    xfs) mkfs.xfs -q -f -K $mapped ;;
    ext4) mkfs.ext4 -q -F -m 0 -E nodiscard $mapped ;;
  esac
  mount_options="-t $1 ${2:-}"
  mkdir -p $mnt
  mount_fs
  mkdir $dir
}

# Leaves so much room on it.
leave_kib() { # KIB
  local free_kib
  free_kib=$(df --output=avail -k $mnt | tail -n 1)
  fallocate -l $(((free_kib - $1) * 1024)) $mnt/filler
}

need_quotas() {
  [ -e /proc/fs/xfs/xqmstat ] || skip_check "this kernel's XFS has no quotas"
}

# What the disk's files may take of an XFS that is mounted with gquota: a group's
# quota, that of the directory, whose files inherit it.
limit_disk() { # SIZE
  chgrp 1234 $dir
  chmod g+s $dir
  xfs_quota -x -c "limit -g bhard=$1 1234" $mnt
}

clean() {
  remove_loopback 2>/dev/null || true
  remove_backstores 2>/dev/null || true
  ! mountpoint -q $mnt || unmount
  dmsetup remove below 2>/dev/null || true
}

# --- the disk ---------------------------------------------------------------

attach() { # [OPTIONS]
  attach_quickly below $disk_bytes "${1:-}@$dir"
}

make() {
  runner_alive || start_stack
  attach zone_size_mb=4/conv_zones=2
  head -c 65536 /dev/urandom >/run/below.new
}

open_again() {
  detach_disk
  attach
}

# raw CDB [OPTIONS OF sg_raw]
raw() {
  local cdb=$1
  shift
  # shellcheck disable=SC2086 # the bytes are words
  sg_raw -t 60 "$@" "$SG" $cdb 2>&1
}

# put ZONE N [FUA]: writes the 64 KiB with number N of the zone, all of them
# the same bytes but for that number.
put() {
  local fua=00
  [ -z "${3:-}" ] || fua=08
  pattern "$1" "$2" >/run/below.out.$BASHPID
  raw "8a $fua $(hex_bytes $(($(zone_lba "$1") + $2 * 128)) 8) 00 00 00 80 00 00" \
    -s 65536 -i /run/below.out.$BASHPID
}

pattern() { # ZONE N
  printf '%-8s' "$1.$2"
  tail -c +9 /run/below.new
}

# get ZONE N: reads it, and it is as it was written.
get() {
  local lba=$(($(zone_lba "$1") + $2 * 128))
  raw "88 00 $(hex_bytes $lba 8) 00 00 00 80 00 00" -r 65536 \
    -o /run/below.in &&
    pattern "$1" "$2" | cmp - /run/below.in
}

flush() {
  raw "91 00 $(hex_bytes 0 14)"
}

reset_zone() {
  raw "94 04 $(hex_bytes "$(zone_lba "$1")" 8) 00 00 00 00 00 00"
}

# refused SENSE COMMAND…: it ends with that sense data.
refused() {
  local sense=$1 out
  shift
  out=$(fails "$@" | tr '\n' ' ')
  contains "$*" "$sense" "$out"
}

# Nothing but the cause's own zone is affected.
others_work() { # ZONE
  put "$1" 0 >/dev/null
  flush
  get "$1" 0
  reset_zone "$1"
}

sound() {
  detach_disk
  zloop check $dir
  attach
}
