#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# docs/ci.md: the job of the examples, as on a machine and as in a container,
# which has its own processes and mounts, and no daemon that runs.
set -eu
. "$(dirname "$0")/../lib.sh"

job=$ZLOOP_TOP/targetcli-config/examples/ci-job
options=capacity=2G,zone_size=64M,conv_zones=8
export CI_DISK=/data/ci/disk CI_REPORT=/run/ci.html

# As an installation has it.
install_handler() {
  ln -sf "$(find_handler)" "$(dirname "$(stock_handlers | head -n 1)")/handler_zloop.so"
  mkdir -p /data/ci
}

# Nothing is left of a disk.
is_clean() {
  [ ! -e $CI_DISK ] || fail "$CI_DISK is there still"
  equal "backstores" "" "$(backstores)"
  equal "disks" "" "$(loop_disk)"
}

# What is run is a shell: "$1" is the device.
run_job() { # COMMAND
  rm -f $CI_REPORT
  "$job" $options bash -euc "$1" test
}

passes() {
  # shellcheck disable=SC2016
  run_job 'lsblk -dnzo ZONED "$1" | grep -qx host-managed
    dd if=/dev/urandom of="$1" bs=64k count=4 seek=$((8 * 1024)) oflag=direct \
      conv=notrunc status=none'
  grep -q '<html' $CI_REPORT
  is_clean
}

fails_as_its_test() {
  local rc=0
  run_job 'exit 3' || rc=$?
  equal "status" 3 $rc
  grep -q '<html' $CI_REPORT
  is_clean
}

# A test that leaves the disk open is no reason to leave it there.
leaves_it_open() {
  # shellcheck disable=SC2016
  run_job 'exec 9<"$1"; sleep 30 & :'
  is_clean
}

finds_a_disk() {
  mkdir -p $CI_DISK
  contains "ci-job" "is there already" "$(fails "$job" $options true)"
  rmdir $CI_DISK
}

stop_daemons() {
  pkill -x tcmu-runner || true
  pkill -x dbus-daemon || true
  wait_for 30 not_running
  rm -rf /run/dbus
}

not_running() {
  ! pgrep -x 'tcmu-runner|dbus-daemon'
}

# Of its own processes only where the kernel can: then the end of the first one
# ends the daemons that the job has started.
in_container() {
  local spaces=(--mount)
  [ ! -e /proc/self/ns/pid ] ||
    spaces+=(--pid --fork --kill-child --mount-proc)
  stop_daemons
  rm -f $CI_REPORT
  # shellcheck disable=SC2016
  unshare "${spaces[@]}" "$job" $options bash -euc 'pgrep -x tcmu-runner
    blkzone report "$1" | tail -n 1' test
  grep -q '<html' $CI_REPORT
  [ ! -e /proc/self/ns/pid ] || wait_for 5 not_running
  is_clean
}

tear_down
clean_place /data/ci
check "the handler is installed" install_handler
check "a job that passes" passes
check "a job that fails" fails_as_its_test
check "a job that leaves the disk open" leaves_it_open
check "a job that finds a disk" finds_a_disk
check "a job in a container" in_container
stop_daemons
clean_place /data/ci
tear_down
summary
