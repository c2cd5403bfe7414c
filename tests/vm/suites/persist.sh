#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Zones, data and write pointers outlive the LUN, the configuration, the
# daemon and the guest.
#
#   persist.sh           all within one boot
#   persist.sh before        makes a disk, writes, flushes, says what is on it
#                            in lines "expected: …", cuts the power
#   persist.sh after FILE    finds that, as FILE has it, in the next boot
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/persist
config=/data/saveconfig.json

create() {
  make_disk persist 2G $place
}

# Every condition that a disk can be left in.
fill() {
  use_disk
  write_zone 0 5 8
  write_zone 8 0 24
  write_zone 9 0 1024
  write_zone 10 0 3
  sg_zone --finish --zone="$(zone_lba 10)" "$SG"
  write_zone 11 0 4
  sg_reset_wp --zone="$(zone_lba 11)" "$SG"
  write_zone 12 0 2
  sg_zone --close --zone="$(zone_lba 12)" "$SG"
  write_zone 13 0 1
  write16 $(($(zone_lba 13) + 128)) 3 >/dev/null
  sg_sync "$SG"
  snapshot >$place.expected
  sync $place.expected # the power may be cut; the disk's own flush is above
  grep -q "|Full|" $place.expected
}

# A restarted daemon reports a unit attention to the first that asks.
settle() {
  wait_for 10 sg_turs "$SG"
}

# A zone that was open comes back closed; nothing else may differ.
snapshot() {
  zones | sed 's/Implicitly opened/Closed/; s/Explicitly opened/Closed/'
  read_zone 0 5 8 | md5sum
  read_zone 8 0 24 | md5sum
  read_zone 9 0 16 | md5sum
  read_zone 9 1008 16 | md5sum
  read_zone 10 0 8 | md5sum
  read_zone 11 0 8 | md5sum
  read_zone 12 0 2 | md5sum
  read_zone 13 0 3 | md5sum
}

unchanged() {
  use_disk
  settle
  echo 3 >/proc/sys/vm/drop_caches
  snapshot | diff $place.expected -
}

removed_and_opened() {
  detach_disk
  open_disk persist 2G $place
  unchanged
}

# A write goes on where the write pointer is.
writable() {
  use_disk
  write_zone 8 24 1
  equal "zone 8" 3200 "$(zone_state 8 | grep -o '[0-9]*$')"
  write_zone 11 0 1
  sg_reset_wp --zone="$(zone_lba 11)" "$SG"
  sg_sync "$SG"
  snapshot >$place.expected
}

saved() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  tcli saveconfig $config
  equal "saved cfgstring" "zloop/@$place" "$(saved_cfgstring)"
}

saved_cfgstring() {
  sed -n 's/.*"config": "\(.*\)",/\1/p' $config
}

restored() {
  tcli saveconfig $config
  detach_disk
  # Its status is 1: there are attributes that can only be read.
  tcli restoreconfig $config || true
  find_disk
  unchanged
}

attribute() {
  cat $CONFIGFS/core/user_*/persist/attrib/emulate_write_cache
}

set_attribute() { # VALUE
  tcli "/backstores/user:$HANDLER/persist" set attribute emulate_write_cache="$1"
}

wce() {
  sg_modes -6 -H -p 8 "$SG" | raw_mode_byte
}

raw_mode_byte() {
  grep -o '88 12 0[04]' | head -n 1
}

set_wce() { # 0|4
  sg_wr_mode -p 8 -c "8,12,$1" -m ff,ff,ff "$SG"
}

# What initiators have been told of the write cache, the attribute says too.
write_cache() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  use_disk
  equal "attribute" 1 "$(attribute)"
  set_attribute 1
  set_attribute 0 || true
  equal "attribute, refused" 1 "$(attribute)"
  equal "WCE" "88 12 04" "$(wce)"
  contains "log" "emulate_write_cache=0 is not possible" "$(tail -n 5 $RUNNER_LOG)"
  set_wce 0
  set_attribute 0
  equal "attribute, switched off" 0 "$(attribute)"
  set_attribute 1 || true
  equal "attribute, refused again" 0 "$(attribute)"
  set_wce 4
  set_attribute 1
  equal "attribute, switched on" 1 "$(attribute)"
}

# Of a configuration that says 0: as it says, and no error.
write_cache_restored() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  sed -i 's/"emulate_write_cache": [01]/"emulate_write_cache": 0/' $config
  detach_disk
  lacks "restoring" "emulate_write_cache" "$(tcli restoreconfig $config 2>&1 || true)"
  find_disk
  settle
  equal "attribute" 0 "$(attribute)"
  equal "WCE" "88 12 00" "$(wce)"
  unchanged
  detach_disk
  open_disk persist 2G $place
  equal "attribute, as the disk is" 1 "$(attribute)"
  equal "WCE, as the disk is" "88 12 04" "$(wce)"
  unchanged
}

# A restored configuration never makes a disk.
never_recreated() {
  local made
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  detach_disk
  mv $place $place.away
  mkdir $place
  tcli restoreconfig $config || true
  made=$(ls $place)
  rmdir $place || true
  remove_loopback
  tcli restoreconfig $config || true
  [ ! -e $place ] || made="$place itself"
  remove_loopback
  rm -rf $place
  mv $place.away $place
  open_disk persist 2G $place
  equal "made by restoring" "" "$made"
  unchanged
}

wrong_size() {
  local out before
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  detach_disk
  before=$(wc -l <$RUNNER_LOG)
  out=$(fails backstore_create persist 1G "@$place")
  out+=$(tail -n +$((before + 1)) $RUNNER_LOG)
  open_disk persist 2G $place
  contains "targetcli and log" "2147483648" "$out"
  unchanged
}

daemon_restarted() {
  runner_stop
  runner_start
  unchanged
}

daemon_killed() {
  runner_kill
  runner_start
  unchanged
}

# Explicitly opened zones stay open over the daemon's death.
open_zones_stay() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  use_disk
  sg_zone --open --zone="$(zone_lba 20)" "$SG"
  runner_kill
  runner_start
  settle
  equal "zone 20" "Explicitly opened 0" "$(zone_state 20)"
  sg_zone --close --zone="$(zone_lba 20)" "$SG"
  unchanged
}

# With the disk attached and commands waiting while there is no daemon.
written_without_daemon() {
  local pid
  use_disk
  head -c 65536 /dev/urandom >/run/pattern
  runner_kill
  write_zone 14 0 1 /run/pattern &
  pid=$!
  sleep 1
  runner_start
  wait $pid
  settle
  read_zone 14 0 1 | cmp - /run/pattern
  sg_reset_wp --zone="$(zone_lba 14)" "$SG"
  unchanged
}

# What was not flushed is gone. A program that sends commands itself is told so,
# once; the kernel logs it and sends its command again. (To a zone of which it
# knows nothing: since 6.10 it has write pointers of its own, and fails writes
# to a zone that has lost data without sending them.)
power_fails() {
  local before
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  detach_disk
  attach_disk persist 2G "discard_write_cache@$place"
  write_zone 14 0 1
  zloop powerfail $place
  contains "TEST UNIT READY" "Power on occurred" \
    "$(fails sg_raw "$SG" 00 00 00 00 00 00)"
  equal "zone 14" "Empty 0" "$(zone_state 14)"
  before=$(dmesg | grep -c "Power-on or device reset occurred" || true)
  zloop powerfail $place
  write_zone 15 0 1
  equal "kernel's messages" $((before + 1)) \
    "$(dmesg | grep -c "Power-on or device reset occurred")"
  equal "zone 15" "Implicitly opened 128" "$(zone_state 15)"
  sg_reset_wp --zone="$(zone_lba 15)" "$SG"
  detach_disk
  open_disk persist 2G $place
  unchanged
}

found_after_boot() {
  open_disk persist 2G $place
  unchanged
}

check_tool() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
  detach_disk
  zloop check $place
}

new_disk() {
  tear_down
  clean_place $place
  check "set up" start_stack
  check "make a disk" create
  check "write" fill
}

case ${1:-} in
  before)
    new_disk
    check "unchanged" unchanged
    [ $checks_failed = 0 ] || summary
    # Not left on the disk's own file system: to make it durable there would
    # make everything else durable too.
    sed 's/^/expected: /' $place.expected
    use_disk
    sg_sync "$SG"
    power_cut
    ;;
  after)
    cp "$2" $place.expected
    check "set up" start_stack
    check "the disk is as it was before the power was cut" found_after_boot
    check "it goes on from there" writable
    check "zloop check has nothing to say" check_tool
    tear_down
    ;;
  *)
    new_disk
    check "survives removal, opened with @DIRECTORY" removed_and_opened
    check "the saved cfgstring opens and never creates" saved
    check "survives saveconfig, removal, restoreconfig" restored
    check "the attribute says what the write cache is" write_cache
    check "a saved configuration switches the write cache off" write_cache_restored
    check "restoreconfig makes no disk where there is none" never_recreated
    check "another size is refused" wrong_size
    check "survives a restart of tcmu-runner" daemon_restarted
    check "survives a kill of tcmu-runner" daemon_killed
    check "explicitly opened zones survive it too" open_zones_stay
    check "a write waits for the daemon" written_without_daemon
    check "a simulated power failure is noticed, and no more" power_fails
    check "goes on where it was" writable
    check "zloop check has nothing to say" check_tool
    tear_down
    ;;
esac
summary
