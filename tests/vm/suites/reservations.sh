#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Persistent reservations, which the kernel answers: what they stop, and what
# they let through although they should not.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/reservations
iqn=iqn.2003-01.org.linux-iscsi.zloop:reservations
key=0x5ca1ab1e

export_disk() {
  make_disk reservations 2G $place
  mkdir -p "$(cat "$CONFIGFS/dbroot")/pr"
  export_iscsi $iqn reservations
}

# The other initiator.
login() {
  login_iscsi $iqn
  wait_for 30 other_sg
}

other_sg() {
  local dev
  for dev in /sys/class/iscsi_session/session*/device/target*/*/scsi_generic/*
  do
    [ ! -e "$dev" ] || echo "/dev/$(basename "$dev")"
  done | grep .
}

reserve() {
  use_disk
  write16 "$(zone_lba 8)" 8
  write16 "$(zone_lba 9)" 8
  sg_persist --out --register --param-sark=$key "$SG"
  sg_persist --out --reserve --param-rk=$key --prout-type=1 "$SG"
  contains "READ RESERVATION" "Write Exclusive" \
    "$(sg_persist --in --read-reservation "$SG")"
}

writes_stopped() {
  local out
  SG=$(other_sg)
  out=$(fails write16 $(($(zone_lba 8) + 8)) 8)
  contains "WRITE(16)" "[Rr]eservation [Cc]onflict" "$out"
  read16 "$(zone_lba 8)" 8 >/dev/null
  use_disk
  equal "zone 8" "Implicitly opened 8" "$(zone_state 8)"
}

# Write Exclusive should stop all that alters the medium (SPC-5, ZBC-2). The
# kernel lets through what carries no data, and a handler is not told who
# sent a command. A kernel that stops it fails here: then the manual page's
# caveat can go.
zone_operations_let_through() {
  local other
  other=$(other_sg)
  sg_reset_wp --zone="$(zone_lba 8)" "$other"
  sg_zone --finish --zone="$(zone_lba 9)" "$other"
  sg_zone --open --zone="$(zone_lba 10)" "$other"
  sg_zone --close --zone="$(zone_lba 10)" "$other"
  use_disk
  equal "zone 8" "Empty 0" "$(zone_state 8)"
  equal "zone 9" "Full -" "$(zone_state 9)"
}

release() {
  use_disk
  sg_persist --out --release --param-rk=$key --prout-type=1 "$SG"
  SG=$(other_sg)
  write16 "$(zone_lba 8)" 8
}

# The kernel carries it out and raises its own unit attention: the disk is not
# told.
unit_reset() {
  use_disk
  sg_zone --open --zone="$(zone_lba 11)" "$SG"
  write16 "$(zone_lba 12)" 8
  sg_reset --device "$SG"
  sg_turs --number=4 "$SG" || true
  equal "zone 11" "Explicitly opened 0" "$(zone_state 11)"
  equal "zone 12" "Implicitly opened 8" "$(zone_state 12)"
}

logout() {
  iscsiadm -m node -T $iqn -p 127.0.0.1 --logout
}

tear_down
clean_place $place
check "set up" start_stack
check "export over iSCSI" export_disk
check "a second initiator logs in" login
check "reserve for writing" reserve
check "another initiator cannot write" writes_stopped
check "it can reset and finish zones (a known limit)" \
  zone_operations_let_through
check "release" release
check "zones stay as they are over LOGICAL UNIT RESET" unit_reset
check "log out" logout
pkill -x iscsid || true
tear_down
summary
