#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# A disk made by targetcli, as Linux and the usual tools see it.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/basic

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

zone_file_size() { # NAME
  stat -c %s "$place/$1"
}

# sense COMMAND REGEX…: the command fails with sense data that match.
sense() {
  local command=$1 out regex
  shift
  # shellcheck disable=SC2086 # a command line
  out=$(fails $command)
  for regex; do contains "$command" "$regex" "$out"; done
}

create() {
  make_disk basic 2G $place
  use_disk
  [ -b "$DISK" ]
}

linux_view() {
  local q
  use_disk
  q=/sys/block/${DISK#/dev/}/queue
  equal zoned host-managed "$(cat $q/zoned)"
  equal nr_zones 32 "$(cat $q/nr_zones)"
  equal "sectors of a zone" $ZONE_BLOCKS "$(cat $q/chunk_sectors)"
  equal "logical block size" 512 "$(cat $q/logical_block_size)"
  equal size 2147483648 "$(blockdev --getsize64 "$DISK")"
  equal lsblk "host-managed 64M 32" \
    "$(lsblk -dnzo ZONED,ZONE-SZ,ZONE-NR "$DISK" | xargs)"
  contains lsscsi "zbc .*${DISK}" "$(lsscsi)"
  lacks "kernel log" "$(basename "$DISK").*(fail|rror|nvalid)" "$(dmesg)"
}

inquiry() {
  local out
  use_disk
  out=$(sg_inq "$SG")
  contains sg_inq "PDT=20 " "$out"
  contains sg_inq "device type: host managed zoned block" "$out"
  contains sg_inq "CmdQue=1" "$out"
  only_zloop
  contains sg_inq "Vendor identification: ZLOOP" "$out"
  contains sg_inq "Product identification: zoned disk" "$out"
}

vpd_pages() {
  local out page
  use_disk
  out=$(sg_vpd -p 0x00 "$SG")
  # sg3_utils 1.48 abbreviates the last one otherwise.
  for page in sv di bl bdc 'zbdc(h|)'; do
    contains "VPD page 00h" "\[$page\]" "$out"
  done
  out=$(sg_vpd -p 0x83 "$SG")
  contains "VPD page 83h" "designator type: NAA" "$out"
  out=$(sg_vpd -p 0xb0 "$SG")
  contains "VPD page B0h" "Maximum transfer length: (0x)?[1-9]" "$out"
  out=$(sg_vpd -p 0xb1 "$SG")
  contains "VPD page B1h" "ZONED=0" "$out"
  out=$(sg_vpd -p 0xb6 "$SG")
  contains "VPD page B6h" "URSWRZ: 1" "$out"
}

# The serial number is the disk's identity, whatever targetcli's is.
vpd_serial() {
  local serial
  only_zloop
  use_disk
  serial=$(sed -n 's/.*"serial" *: *"\([^"]*\)".*/\1/p' $place/zloop.json)
  [ -n "$serial" ] || fail "no serial number in the sidecar"
  contains "VPD page 80h" "serial number: *$serial" \
    "$(sg_vpd -p 0x80 "$SG")"
  contains "the kernel's copy of page 80h" "$serial" \
    "$(tr -d '\0' <"/sys/block/${DISK#/dev/}/device/vpd_pg80")"
  contains "VPD page 86h" "[Ee]xtended (INQUIRY|inquiry) data" "$(sg_vpd -p 0x86 "$SG")"
}

# Linux asks for four bytes first.
vpd_short() {
  local page
  only_zloop
  use_disk
  for page in 00 80 83 86 b0 b1 b6; do
    equal "page code of $page" "$page" \
      "$(sg_inq --raw --page=0x$page --maxlen=4 "$SG" | raw_field 1 1)"
  done
}

capacity() {
  local out
  use_disk
  out=$(sg_readcap "$SG")
  contains "READ CAPACITY(10)" "Last LBA=4194303 " "$out"
  contains "READ CAPACITY(10)" "block length=512 bytes" "$out"
  out=$(sg_readcap --16 "$SG")
  contains "READ CAPACITY(16)" "Last LBA=4194303 " "$out"
  contains "READ CAPACITY(16)" "prot_en=0" "$out"
  only_zloop
  equal "RC_BASIS (byte 12, bits 5-4)" 10 \
    "$(sg_readcap --16 --raw "$SG" | raw_field 12 1)"
}

report_zones() {
  local out n
  use_disk
  out=$(zones)
  equal "zones" 32 "$(wc -l <<<"$out")"
  for n in {0..31}; do
    if [ "$n" -lt 8 ]; then
      printf 'Conventional|Not write pointer|0x20000|0x%x|-1\n' \
        $((n * ZONE_BLOCKS))
    else
      printf 'Sequential write required|Empty|0x20000|0x%x|0x%x\n' \
        $((n * ZONE_BLOCKS)) $((n * ZONE_BLOCKS))
    fi
  done >/run/expected
  diff /run/expected - <<<"$out"
  contains "header" "Maximum LBA: 0x3fffff" \
    "$(sg_rep_zones --maxlen=64 "$SG" | head -n 5)"
}

report_zones_options() {
  use_disk
  write_zone 9 0 1
  sg_zone --open --zone="$(zone_lba 10)" "$SG"
  write_zone 11 0 1
  sg_zone --close --zone="$(zone_lba 11)" "$SG"
  sg_zone --finish --zone="$(zone_lba 12)" "$SG"
  equal "empty" 20 "$(zones --report=1 | wc -l)"
  equal "implicitly opened" "$(zone_lba 9)" \
    "$(printf %d "$(zones --report=2 | cut -d'|' -f4)")"
  equal "explicitly opened" "$(zone_lba 10)" \
    "$(printf %d "$(zones --report=3 | cut -d'|' -f4)")"
  equal "closed" "$(zone_lba 11)" \
    "$(printf %d "$(zones --report=4 | cut -d'|' -f4)")"
  equal "full" "$(zone_lba 12)" \
    "$(printf %d "$(zones --report=5 | cut -d'|' -f4)")"
  equal "read only" 0 "$(zones --report=6 | wc -l)"
  equal "offline" 0 "$(zones --report=7 | wc -l)"
  equal "RESET" 0 "$(zones --report=0x10 | wc -l)"
  equal "not write pointer" 8 "$(zones --report=0x3f | wc -l)"
  sg_reset_wp --all "$SG"
  equal "empty after reset" 24 "$(zones --report=1 | wc -l)"
  sense "sg_rep_zones -v --report=0x20 $SG" "[Ii]nvalid field in cdb"
}

report_zones_start() {
  use_disk
  equal "the zone that contains the LBA" "$(zone_lba 9)" \
    "$(printf %d "$(zones --start=$(($(zone_lba 9) + 5)) |
      head -n 1 | cut -d'|' -f4)")"
  equal "zones from there" 23 "$(zones --start="$(zone_lba 9)" | wc -l)"
  sense "sg_rep_zones -v --start=0x400000 $SG" \
    "[Ll]ogical block address out of range"
}

report_zones_partial() {
  use_disk
  equal "list length of all zones" 00000800 \
    "$(sg_rep_zones --maxlen=192 --raw "$SG" | raw_field 0 4)"
  equal "list length with PARTIAL" 00000080 \
    "$(sg_rep_zones --maxlen=192 --partial --raw "$SG" | raw_field 0 4)"
}

zone_conditions() {
  local z lba
  use_disk
  z=8 lba=$(zone_lba 8)
  sg_zone --open --zone="$lba" "$SG"
  equal "after OPEN" "Explicitly opened 0" "$(zone_state $z)"
  sg_zone --close --zone="$lba" "$SG"
  equal "after CLOSE of nothing written" "Empty 0" "$(zone_state $z)"
  write_zone $z 0 2
  equal "after a write" "Implicitly opened 256" "$(zone_state $z)"
  sg_zone --open --zone="$lba" "$SG"
  equal "after OPEN" "Explicitly opened 256" "$(zone_state $z)"
  sg_zone --close --zone="$lba" "$SG"
  equal "after CLOSE" "Closed 256" "$(zone_state $z)"
  sg_zone --finish --zone="$lba" "$SG"
  equal "after FINISH" "Full -" "$(zone_state $z)"
  sg_reset_wp --zone="$lba" "$SG"
  equal "after RESET" "Empty 0" "$(zone_state $z)"
  # Since 6.10 Linux has write pointers of its own, which SG_IO does not move.
  blkzone reset -o "$lba" -c 1 "$DISK"
}

zone_management_refused() {
  use_disk
  sense "sg_zone -v --open --zone=0 $SG" "[Ii]nvalid field in cdb"
  sense "sg_reset_wp -v --zone=0 $SG" "[Ii]nvalid field in cdb"
  sense "sg_zone -v --finish --zone=$(($(zone_lba 8) + 8)) $SG" \
    "[Ii]nvalid field in cdb"
}

# The files are the zones: names, sizes, bytes.
zone_files() {
  only_zloop
  use_disk
  equal "conventional files" 8 "$(ls $place/cnv-?????? | wc -l)"
  equal "size of cnv-000000" 67108864 "$(zone_file_size cnv-000000)"
  head -c 131072 /dev/urandom >/run/pattern
  write_zone 0 3 2 /run/pattern
  write_zone 8 0 2 /run/pattern
  sg_sync "$SG"
  equal "size of seq-000008" 131072 "$(zone_file_size seq-000008)"
  cmp /run/pattern $place/seq-000008
  cmp -i 0:196608 -n 131072 /run/pattern $place/cnv-000000
  read_zone 8 0 2 | cmp - /run/pattern
  read_zone 0 3 2 | cmp - /run/pattern
  sg_zone --finish --zone="$(zone_lba 8)" "$SG"
  equal "size after FINISH" 67108864 "$(zone_file_size seq-000008)"
  sg_reset_wp --zone="$(zone_lba 8)" "$SG"
  equal "size after RESET" 0 "$(zone_file_size seq-000008)"
}

read_back() {
  use_disk
  head -c 1048576 /dev/urandom >/run/pattern
  write_zone 13 0 16 /run/pattern
  echo 3 >/proc/sys/vm/drop_caches
  read_zone 13 0 16 | cmp - /run/pattern
  equal "bytes other than zero behind the write pointer" 0 \
    "$(read_zone 13 16 2 | tr -d '\0' | wc -c)"
  sg_reset_wp --zone="$(zone_lba 13)" "$SG"
  equal "bytes other than zero after a reset" 0 \
    "$(read_zone 13 0 16 | tr -d '\0' | wc -c)"
}

write_errors() {
  local lba
  use_disk
  lba=$(zone_lba 14)
  sense "write16 $((lba + 1)) 1" "Illegal [Rr]equest" "Unaligned write"
  equal "zone 14" "Empty 0" "$(zone_state 14)"
  sense "write16 4194303 2" "Logical block address out of range"
  write16 "$lba" 8 >/dev/null
  sense "write16 $lba 8" "Unaligned write"
  sense "write16 $((lba + 16)) 8" "Unaligned write"
  equal "zone 14" "Implicitly opened 8" "$(zone_state 14)"
  sg_zone --finish --zone="$lba" "$SG"
  sense "write16 $lba 8" "Invalid field in cdb"
  sg_reset_wp --zone="$lba" "$SG"
  only_zloop
  sense "write16 $((lba + ZONE_BLOCKS - 1)) 2" "Write boundary violation"
  sense "write16 $((8 * ZONE_BLOCKS - 1)) 2" "Write boundary violation"
}

# 21h/04h byte for byte, fixed format.
unaligned_sense_bytes() {
  use_disk
  local lba
  lba=$(hex_bytes $(($(zone_lba 15) + 7)) 8)
  # shellcheck disable=SC2086 # the bytes are words
  contains "sense data" "^ *70 00 05 .* 21 04 " \
    "$(fails sg_raw -vvv -s 512 -i /dev/zero "$SG" 8a 00 $lba 00 00 00 01 00 00)"
}

read_errors() {
  use_disk
  sense "read16 4194303 2" "Logical block address out of range"
  sense "read16 $((8 * ZONE_BLOCKS - 1)) 2" \
    "(Attempt to read invalid data|Read boundary violation)"
  read16 $((9 * ZONE_BLOCKS - 1)) 2 >/dev/null
}

opcodes() {
  local out
  only_zloop
  use_disk
  out=$(sg_opcodes "$SG")
  contains sg_opcodes "^ *95 +0 .*Report zones" "$out"
  contains sg_opcodes "^ *94 +1 .*Close zone" "$out"
  contains sg_opcodes "^ *94 +2 .*Finish zone" "$out"
  contains sg_opcodes "^ *94 +3 .*Open zone" "$out"
  contains sg_opcodes "^ *94 +4 .*Reset write pointer" "$out"
  contains sg_opcodes "^ *9e +10 .*Read capacity\(16\)" "$out"
  contains sg_opcodes "^ *8a .*Write\(16\)" "$out"
  out=$(sg_opcodes --opcode=0x95,0 "$SG")
  contains "REPORT ZONES" "Usage data: 95 00 ff ff ff ff ff ff ff ff ff ff ff ff bf" \
    "$out"
  contains "opcode 83h" "(not|NOT) supported" "$(sg_opcodes --opcode=0x83,0 "$SG" 2>&1)"
}

mode_pages() {
  local out name
  use_disk
  out=$(sg_modes -a "$SG")
  for name in "Read-Write error recovery" Caching "Control,"; do
    contains sg_modes ">> $name" "$out"
  done
  only_zloop
  contains sg_modes ">> Informational exceptions" "$out"
}

# WCE as Linux changes it: MODE SELECT, then what MODE SENSE says.
write_cache_switch() {
  local cache_type
  only_zloop
  use_disk
  cache_type=$(ls /sys/block/"${DISK#/dev/}"/device/scsi_disk/*/cache_type)
  equal "cache_type" "write back" "$(cat "$cache_type")"
  echo "write through" >"$cache_type"
  equal "cache_type" "write through" "$(cat "$cache_type")"
  equal "WCE" 0 "$(($(wce_byte) >> 2 & 1))"
  echo "write back" >"$cache_type"
  equal "WCE" 1 "$(($(wce_byte) >> 2 & 1))"
}

wce_byte() {
  sg_modes --page=8 -r "$SG" >/run/mode
  local header
  header=$((0x$(raw_field 6 2 </run/mode) + 8))
  echo "0x$(raw_field $((header + 2)) 1 </run/mode)"
}

small_commands() {
  use_disk
  sg_turs "$SG"
  sg_sync "$SG"
  contains sg_luns "Lun list length = 8" "$(sg_luns "$SG")"
  only_zloop
  contains sg_requests "No [Ss]ense" "$(sg_requests "$SG" 2>&1)"
}

block_layer_zones() {
  local out
  use_disk
  out=$(blkzone report "$DISK")
  equal "zones" 32 "$(wc -l <<<"$out")"
  contains "blkzone report" \
    "start: 0x000100000, len 0x020000, cap 0x020000, wptr 0x000000 .*zcond: 1\(em\) \[type: 2" "$out"
  blkzone open -o "$(zone_lba 20)" -c 1 "$DISK"
  equal "open" "Explicitly opened 0" "$(zone_state 20)"
  write_zone 20 0 1
  blkzone close -o "$(zone_lba 20)" -c 1 "$DISK"
  equal "close" "Closed 128" "$(zone_state 20)"
  contains "blkzone report" "wptr 0x000080 .*zcond: 4\(cl\)" \
    "$(blkzone report -o "$(zone_lba 20)" -c 1 "$DISK")"
  blkzone finish -o "$(zone_lba 20)" -c 2 "$DISK"
  # shellcheck disable=SC2046 # words are what is wanted
  equal "finish" "Full - Full -" "$(echo $(zone_state 20) $(zone_state 21))"
  blkzone reset -o "$(zone_lba 20)" -c 1 "$DISK"
  # shellcheck disable=SC2046 # words are what is wanted
  equal "reset" "Empty 0 Full -" "$(echo $(zone_state 20) $(zone_state 21))"
  blkzone reset -o "$(zone_lba 8)" "$DISK"
  equal "all reset" 24 "$(zones --report=1 | wc -l)"
}

# Each bad cfgstring must be answered with a sentence that shows the culprit.
bad_cfgstrings() {
  cat <<'END'
zone_size_mb=64/data/bad|@
zone_size_mb=64@data/bad|data/bad
frobnicate=1@/data/bad|frobnicate
zone_size_mb=64/zone_size_mb=64@/data/bad|zone_size_mb
zone_size_mb=12x@/data/bad|12x
zone_size_mb=-1@/data/bad|-1
zone_size_mb=99999999999999999999@/data/bad|99999999999999999999
zone_size_mb=0@/data/bad|zone_size_mb
zone_size_mb=48@/data/bad|power of two
zone_size_mb=@/data/bad|zone_size_mb
zone_size_mb=64//conv_zones=8@/data/bad|option
capacity_mb=2048/zone_size_mb=64/conv_zones=32@/data/bad|conv_zones
capacity_mb=2048/zone_size_mb=64/conv_zones=8/max_open_zones=25@/data/bad|max_open_zones
END
}

refusals() {
  local n=0 config words sentence
  only_zloop
  mkdir -p /data/bad
  while IFS='|' read -r config words; do
    echo "/backstores/user:zloop create name=bad$n size=2G cfgstring=$config"
    n=$((n + 1))
  done < <(bad_cfgstrings) >/run/commands
  tcli_session </run/commands >/run/answers 2>&1
  grep -o 'cfgstring invalid: .*' /run/answers >/run/sentences ||
    { cat /run/answers; fail "no refusal"; }
  equal "refusals" "$n" "$(wc -l </run/sentences)"
  while IFS='|' read -r config words; do
    IFS= read -r sentence <&3
    contains "$config" "$words" "$sentence"
  done < <(bad_cfgstrings) 3</run/sentences
  equal "backstores" 1 "$(backstores | wc -l)"
  equal "files in the directory" 0 "$(ls /data/bad | wc -l)"
}

# No directory is made up: a file system that is not mounted must not turn into
# a new, empty disk.
missing_directory() {
  local out
  only_zloop
  out=$(fails backstore_create nowhere 2G zone_size_mb=64@/data/nowhere)
  contains "targetcli and log" "/data/nowhere.*not exist" \
    "$out $(tail -n 5 $RUNNER_LOG)"
  [ ! -e /data/nowhere ] || fail "the directory was made"
}

# The same disk a second time.
second_user() {
  only_zloop
  fails backstore_create twice 2G @$place
  contains "log" "$place.*(use|lock)" "$(cat $RUNNER_LOG)"
  use_disk
  sg_turs "$SG"
}

tear_down
clean_place $place
check "set up" start_stack
check "targetcli makes a disk and its LUN" create
check "Linux sees a host-managed disk" linux_view
check "INQUIRY" inquiry
check "VPD pages" vpd_pages
check "VPD page 80h is the sidecar's serial number" vpd_serial
check "VPD pages in four bytes" vpd_short
check "READ CAPACITY" capacity
check "REPORT ZONES: a new disk" report_zones
check "REPORT ZONES: reporting options" report_zones_options
check "REPORT ZONES: start LBA" report_zones_start
check "REPORT ZONES: PARTIAL" report_zones_partial
check "OPEN, CLOSE, FINISH, RESET" zone_conditions
check "OPEN, RESET, FINISH where there is no such zone" zone_management_refused
check "zone files hold what was written" zone_files
check "data read back, zeros behind the write pointer" read_back
check "writes refused with the right sense" write_errors
check "an unaligned write's sense bytes" unaligned_sense_bytes
check "reads refused with the right sense" read_errors
check "REPORT SUPPORTED OPERATION CODES" opcodes
check "mode pages" mode_pages
check "the write cache can be switched" write_cache_switch
check "TEST UNIT READY, SYNCHRONIZE CACHE, REQUEST SENSE, REPORT LUNS" \
  small_commands
check "blkzone" block_layer_zones
check "a bad cfgstring gets a sentence" refusals
check "a missing directory is an error" missing_directory
check "a disk in use is not opened twice" second_user
tear_down
summary
