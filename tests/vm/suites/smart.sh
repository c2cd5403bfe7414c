#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# What smartmontools and sg3_utils find out about a disk's health.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/smart
export PATH=$PATH:/usr/sbin

create() { # OPTIONS
  clean_place $place
  make_disk smart 2G $place "$1"
  use_disk
  dmesg -C
}

remove() {
  detach_disk
}

smart() { # OPTIONS…
  smartctl -d scsi "$@" "$DISK"
}

healthy() {
  local all
  create zone_size_mb=64/conv_zones=8
  contains "health" "SMART Health Status: OK" "$(smart -H)"
  contains "background" "no scans active" "$(smart -l background)"
  write_zone 8 0 160
  read_zone 8 0 32 >/dev/null
  sg_verify --16 -l "$(zone_lba 8)" -c 2048 "$SG"
  all=$(smart -x)
  contains "what it is" "host managed zoned block device" "$all"
  contains "SMART support" "SMART support is: *Enabled" "$all"
  contains "written" "^write: +0 +0 +0 +0 +0 +0\.010 +0" "$all"
  contains "verified" "^verify: +0 +0 +0 +0 +0 +0\.001 +0" "$all"
  contains "zones" "Maximum implicitly open zones: 1" "$all"
  smart -a >/dev/null
}

result_is() {
  contains "result" "$1" "$(smart -l selftest)"
}

self_tests() {
  use_disk
  contains "begun" "Short Background Self Test has begun" "$(smart -t short)"
  wait_for 20 result_is "# 1 +Background short +Completed "
  contains "begun" "Extended Background Self Test has begun" "$(smart -t long)"
  wait_for 60 result_is "# 1 +Background long +Completed "
  contains "foreground" "Foreground Self Test Successful" "$(smart -C -t short)"
  sg_senddiag -s 1 "$SG"
  wait_for 20 result_is "# 4 +Background short +Completed "
  contains "pages" "0x00  Supported diagnostic pages" "$(sg_senddiag -l "$SG")"
}

# A long one beside reads and writes, and its end.
aborted() {
  use_disk
  zloop inject add $place delay delay_ms=600000 op=read count=1
  smart -t long
  contains "under way" "Self test in progress" "$(smart -l selftest)"
  write_zone 8 160 1
  smart -X
  zloop inject clear $place all
  wait_for 20 result_is "# 1 +Background long +Aborted \(by user command\)"
}

# What cannot be read is found.
bad_block() {
  use_disk
  zloop inject add $place read-error "lba=$(($(zone_lba 8) + 5))" blocks=1
  smart -t long
  wait_for 60 result_is "# 1 +Background long +Completed, segment failed .* $(($(zone_lba 8) + 5))"
  contains "default" "Failed self-test|self-test failed|HARDWARE|ardware" \
    "$(fails sg_senddiag -t "$SG")"
  zloop inject clear $place all
}

list_of_pages() {
  use_disk
  lacks "sg_logs" "(rror|bad)[^:]* page|illegal|Illegal" "$(sg_logs -a "$SG" 2>&1 | grep -v 'rror counter page')"
}

no_complaints() {
  lacks "kernel log" "(I/O error|critical|rejecting|Call Trace)" "$(dmesg)"
}

# smartd 7.3 takes no disk of type 14h.
watched() {
  create zone_size_mb=64/conv_zones=8/model=host-aware
  echo "$DISK -d scsi -H -l error -l selftest" >/run/smartd.conf
  contains "smartd" "SMART health: passed" \
    "$(smartd -q onecheck -c /run/smartd.conf -s /run/smartd.)"
}

[ "$HANDLER" = zloop ] || { echo "skipped: only for user:zloop"; exit 77; }
command -v smartctl >/dev/null || { echo "skipped: smartctl is missing"; exit 77; }
tear_down
check "set up" start_stack
check "a healthy drive" healthy
check "self-tests" self_tests
check "a self-test beside reads and writes, aborted" aborted
check "an unreadable block" bad_block
check "sg_logs has all pages" list_of_pages
check "nothing is complained of" no_complaints
remove
check "smartd" watched
remove
tear_down
summary
