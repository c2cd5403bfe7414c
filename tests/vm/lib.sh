# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For scripts that run in the guest: starting the daemons, making disks with
# targetcli, and checking what tools print. Sourced, with bash.
#
# A suite is a list of calls `check NAME COMMAND…`, each of which prints one
# line "ok NAME" or "not ok NAME"; `summary` ends it. A check's command runs
# in a subshell with -e: its first failing command fails the check.

ZLOOP_TOP=${ZLOOP_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
ZLOOP_BUILD=${ZLOOP_BUILD:-$ZLOOP_TOP/build}
# The handler under test: zloop, or the stock zbc (which shows what a suite
# asks of any host-managed disk and what only of this one).
HANDLER=${ZLOOP_TEST_HANDLER:-zloop}
RUNNER_LOG=/var/log/tcmu-runner.log
RUNNER_PID=/run/tcmu-runner.pid
export PATH=$ZLOOP_BUILD/bin:$ZLOOP_BUILD:$ZLOOP_BUILD/cli:$PATH
export LC_ALL=C.UTF-8

checks_run=0
checks_failed=0
checks_skipped=0

# --- checks -----------------------------------------------------------------

# check NAME COMMAND [ARGS...]: one test.
check() {
  local name=$1 output=${CHECK_OUTPUT:-/run/check.out} rc=0 start=$SECONDS
  shift
  checks_run=$((checks_run + 1))
  # Not `if (…)`: a condition would switch -e off inside.
  set +e
  (set -e; "$@") >$output 2>&1
  rc=$?
  set -e
  case $rc in
    0) echo "ok $name ($((SECONDS - start)) s)" ;;
    77)
      checks_skipped=$((checks_skipped + 1))
      echo "ok $name # SKIP $(tail -n 1 $output)"
      ;;
    *)
      checks_failed=$((checks_failed + 1))
      echo "not ok $name (status $rc)"
      sed 's/^/  | /' $output
      show_logs
      ;;
  esac
  return 0
}

skip_check() {
  echo "$*"
  exit 77
}

# What a failure needs for being understood without another run. Only what is
# new since the last failure.
show_logs() {
  dmesg >/run/dmesg.new
  new_lines /run/dmesg.new /run/dmesg.seen dmesg
  [ ! -e $RUNNER_LOG ] || new_lines $RUNNER_LOG /run/runner.seen tcmu-runner
}

new_lines() { # FILE COUNTFILE LABEL
  local seen=0
  [ ! -e "$2" ] || seen=$(cat "$2")
  tail -n +$((seen + 1)) "$1" | tail -n 25 | sed "s/^/  $3 | /"
  wc -l <"$1" >"$2"
}

summary() {
  echo "$((checks_run - checks_failed - checks_skipped)) passed," \
    "$checks_failed failed, $checks_skipped skipped"
  [ $checks_failed = 0 ] || exit 1
  [ $checks_run = 0 ] || [ $checks_skipped -lt $checks_run ] || exit 77
  exit 0
}

fail() {
  echo "failed: $*"
  return 1
}

# equal WHAT EXPECTED FOUND
equal() {
  [ "$2" = "$3" ] && return
  printf '%s\n  expected: %s\n  found:    %s\n' "$1" "$2" "$3"
  return 1
}

# contains WHAT REGEX TEXT: some line of TEXT matches the extended REGEX.
contains() {
  grep -Eq -- "$2" <<<"$3" && return
  printf '%s\n  expected a line like: %s\n  found:\n' "$1" "$2"
  indent <<<"$3"
  return 1
}

lacks() { # WHAT REGEX TEXT
  ! grep -Eq -- "$2" <<<"$3" && return
  printf '%s\n  expected no line like: %s\n  found:\n' "$1" "$2"
  indent <<<"$3"
  return 1
}

indent() {
  sed 's/^/    /'
}

# fails COMMAND…: runs it, prints its output, succeeds if it failed.
fails() {
  local rc=0
  "$@" 2>&1 || rc=$?
  [ $rc != 0 ] && return
  echo "expected to fail, but succeeded: $*"
  return 1
}

# wait_for SECONDS COMMAND…: until it succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "waited in vain for: $*"
      return 1
    fi
    sleep 0.1
  done
}

# --- other guests -------------------------------------------------------------

# Becomes one of those of tests/vm/guests.sh, in their network.
join_guests() {
  hostname "$ZLOOP_TEST_NAME"
  ip link set lo up
  ip link set vec0 up
  ip address replace "10.9.0.$ZLOOP_TEST_NUMBER/24" dev vec0
}

# --- daemons ----------------------------------------------------------------

load_modules() {
  modprobe -a target_core_user tcm_loop iscsi_target_mod sd_mod sg
  mountpoint -q /sys/kernel/config ||
    mount -t configfs configfs /sys/kernel/config
}

start_dbus() {
  [ ! -e /run/dbus/pid ] || return 0
  mkdir -p /run/dbus
  dbus-uuidgen --ensure
  dbus-daemon --system --fork
}

stock_handlers() {
  find /usr/lib /usr/lib64 -maxdepth 3 -name 'handler_*.so' \
    -path '*/tcmu-runner/*' 2>/dev/null
}

# One folder of links: tcmu-runner takes a single --handler-path.
link_handlers() {
  local so
  mkdir -p /run/handlers
  for so in $(stock_handlers); do ln -sf "$so" /run/handlers/; done
  rm -f /run/handlers/handler_rbd.so /run/handlers/handler_qcow.so
  so=$(find_handler)
  [ -z "$so" ] || ln -sf "$so" /run/handlers/
}

find_handler() {
  [ -d "$ZLOOP_BUILD" ] || return 0
  find "$ZLOOP_BUILD" -maxdepth 2 -name handler_zloop.so | head -n 1
}

runner_alive() {
  [ -e $RUNNER_PID ] && kill -0 "$(cat $RUNNER_PID)" 2>/dev/null
}

# Asked about before it owns its name, D-Bus would report an error only.
handler_known() {
  dbus-send --system --print-reply --dest=org.kernel.TCMUService1 \
    "/org/kernel/TCMUService1/$HANDLER" org.freedesktop.DBus.Introspectable.Introspect |
    grep -q CheckConfig
}

runner_start() {
  link_handlers
  tcmu-runner --handler-path /run/handlers >>/var/log/tcmu-runner.out 2>&1 &
  echo $! >$RUNNER_PID
  wait_for 30 handler_known
}

runner_stop() {
  kill "$(cat $RUNNER_PID)"
  wait_for 30 runner_gone
}

runner_kill() {
  kill -9 "$(cat $RUNNER_PID)"
  wait_for 30 runner_gone
}

runner_gone() {
  ! runner_alive
}

start_stack() {
  load_modules
  start_dbus
  runner_alive || runner_start
}

# power_cut: ends the script with status 0 and the guest with it, without a
# sync, as a pulled plug does. What the guest had flushed stays.
power_cut() {
  echo 0 >/run/share/status
  echo o >/proc/sysrq-trigger
  sleep 60
}

# --- targetcli --------------------------------------------------------------

# One command with its own exit status. It never saves the configuration by
# itself, as a targetcli session does when it ends.
tcli() {
  targetcli "$@"
}

# Several commands, one a line on standard input, in one session: targetcli
# takes seconds to start under emulation. Its exit status says nothing, and a
# failing command does not stop the next.
tcli_session() {
  (echo "set global auto_save_on_exit=false"; cat) | targetcli
}

# What the disks of the suites are: 2 GiB in 32 zones of 64 MiB, of which 8
# are conventional, unless the caller says otherwise.
# config_of PLACE [OPTIONS]: the cfgstring that makes a disk at PLACE.
config_of() {
  case $HANDLER in
    zbc)
      echo "${2:-model-HM/zsize-64/conv-8}@$1.raw"
      ;;
    *)
      mkdir -p "$1"
      echo "${2:-zone_size_mb=64/conv_zones=8}@$1"
      ;;
  esac
}

# config_again PLACE: the cfgstring that opens the disk that is there.
config_again() {
  case $HANDLER in
    zbc) echo "@$1.raw" ;; # it formats anew when an option is given
    *) echo "@$1" ;;
  esac
}

backstore_create() { # NAME SIZE CFGSTRING
  tcli "/backstores/user:$HANDLER" create "name=$1" "size=$2" "cfgstring=$3"
}

backstore_delete() { # NAME
  tcli "/backstores/user:$HANDLER" delete "$1"
}

LOOP_WWN=naa.5001405000000001
CONFIGFS=/sys/kernel/config/target

# lun_create NAME: makes the loopback LUN; the disk is then $DISK and $SG.
lun_create() {
  tcli_session <<END
/loopback create $LOOP_WWN
/loopback/$LOOP_WWN/luns create /backstores/user:$HANDLER/$1
END
  find_disk
}

# Through configfs, as targetcli does it: only faster.
lun_delete() {
  remove_loopback
  wait_for 10 no_loop_disk
}

remove_loopback() {
  local tpg
  for tpg in "$CONFIGFS"/loopback/naa.*/tpgt_*; do
    [ -d "$tpg" ] || continue
    find "$tpg/lun" -mindepth 2 -maxdepth 2 -type l -exec rm {} +
    find "$tpg/lun" -mindepth 1 -maxdepth 1 -type d -exec rmdir {} +
    rmdir "$tpg"
    rmdir "$(dirname "$tpg")"
  done
}

remove_backstores() {
  local dir
  for dir in "$CONFIGFS"/core/user_*/*/; do
    case $dir in */alua/ | *\**) continue ;; esac
    rmdir "$dir"
  done
}

backstores() {
  ls -d $CONFIGFS/core/user_*/*/ 2>/dev/null
}

loop_disk() {
  local dev
  for dev in /sys/bus/scsi/devices/*:*:*:*/; do
    dev=$(realpath "$dev")
    case $dev in
      */tcm_loop_adapter_*)
        [ ! -d "$dev/block" ] || basename "$dev"/block/*
        ;;
    esac
  done
}

loop_disk_ready() {
  local name
  name=$(loop_disk)
  [ -n "$name" ] && [ "$(blockdev --getsize64 "/dev/$name")" -gt 0 ]
}

no_loop_disk() {
  [ -z "$(loop_disk)" ]
}

find_disk() {
  wait_for 30 loop_disk_ready
  DISK=/dev/$(loop_disk)
  SG=/dev/$(basename "/sys/block/$(loop_disk)"/device/scsi_generic/*)
  export DISK SG
  {
    echo "DISK=$DISK"
    echo "SG=$SG"
  } >/run/disk
}

# Checks run in subshells: a disk found in one is asked for in the next.
use_disk() {
  # shellcheck disable=SC1091
  . /run/disk
}

# make_disk NAME SIZE PLACE [OPTIONS]: backstore and LUN.
make_disk() {
  attach_disk "$1" "$2" "$(config_of "$3" "${4:-}")"
}

# open_disk NAME SIZE PLACE: the disk that is there.
open_disk() {
  attach_disk "$1" "$2" "$(config_again "$3")"
}

attach_disk() { # NAME SIZE CFGSTRING
  tcli_session <<END
/backstores/user:$HANDLER create name=$1 size=$2 cfgstring=$3
/loopback create $LOOP_WWN
/loopback/$LOOP_WWN/luns create /backstores/user:$HANDLER/$1
END
  find_disk
}

# attach_quickly NAME BYTES CFGSTRING: the same through configfs, which takes
# no seconds.
attach_quickly() {
  local store=$CONFIGFS/core/user_0/$1 tpg=$CONFIGFS/loopback/$LOOP_WWN/tpgt_1
  mkdir -p "$store"
  echo "dev_size=$2,dev_config=$HANDLER/$3" >"$store/control"
  echo 1 >"$store/enable" || return
  mkdir -p "$tpg/lun"
  echo naa.5001405000000002 >"$tpg/nexus"
  mkdir -p "$tpg/lun/lun_0"
  ln -s "$store" "$tpg/lun/lun_0/$1"
  find_disk
}

# detach_disk: undoes it, leaving what is stored.
detach_disk() {
  lun_delete
  remove_backstores
}

# A disk that goes sends SYNCHRONIZE CACHE three times if it fails; without a
# daemon each waits for the kernel's time-out, 30 s. This tells the kernel, not
# the disk, that there is no cache.
expect_no_flush() {
  local type
  for type in /sys/class/scsi_disk/*/cache_type; do
    [ ! -e "$type" ] || echo "temporary write through" >"$type" || true
  done
}

# Everything this or an earlier suite set up.
tear_down() {
  umount /mnt 2>/dev/null || true
  runner_alive || expect_no_flush
  if [ -d $CONFIGFS/iscsi ] && ls -d $CONFIGFS/iscsi/iqn.* >/dev/null 2>&1; then
    tcli clearconfig confirm=True >/dev/null 2>&1 || true
  fi
  remove_loopback 2>/dev/null || true
  remove_backstores 2>/dev/null || true
  if runner_alive; then runner_stop || runner_kill; fi
  rm -f /run/disk
}

# clean_place PLACE: removes what an earlier suite left there.
# Of the backstore NAME, for whoever comes, on this guest's loopback address.
export_iscsi() { # IQN NAME
  tcli_session <<END
set global auto_add_default_portal=false
/iscsi create $1
/iscsi/$1/tpg1 set attribute generate_node_acls=1 authentication=0 demo_mode_write_protect=0
/iscsi/$1/tpg1/luns create /backstores/user:$HANDLER/$2
/iscsi/$1/tpg1/portals create 127.0.0.1 3260
END
  wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/3260'
}

# open-iscsi; its disk comes later.
login_iscsi() { # IQN
  modprobe iscsi_tcp
  mkdir -p /run/lock/iscsi
  echo "InitiatorName=iqn.1993-08.org.debian:01:zloopvm" \
    >/etc/iscsi/initiatorname.iscsi
  pgrep -x iscsid >/dev/null || iscsid
  iscsiadm -m discovery -t sendtargets -p 127.0.0.1
  iscsiadm -m node -T "$1" -p 127.0.0.1 --login
}

clean_place() {
  rm -rf "$1" "$1.raw"
}

# --- looking at a disk ------------------------------------------------------

# With 512-byte blocks and 64 MiB zones: the first LBA of zone N.
ZONE_BLOCKS=131072

zone_lba() { # N
  echo $(($1 * ZONE_BLOCKS))
}

# zones [ARGS of sg_rep_zones]: one line a zone,
# TYPE|CONDITION|LENGTH|START|WRITE POINTER; TYPE as sg3_utils 1.46 has it, with a
# capital letter, which 1.48 has not.
zones() {
  sg_rep_zones --maxlen=65536 "$@" "$SG" | awk -F': ' '
    /Zone type:/ { type = toupper(substr($2, 1, 1)) substr($2, 2) }
    /Zone condition:/ { condition = $2 }
    /Zone Length:/ { length_blocks = $2 }
    /Zone start LBA:/ { start = $2 }
    /Write pointer LBA:/ {
      print type "|" condition "|" length_blocks "|" start "|" $2
    }'
}

# zone_state N: CONDITION and the write pointer's offset in blocks ("-" where
# the field means nothing).
zone_state() {
  zones --num=1 --start="$(zone_lba "$1")" | while IFS='|' read -r \
    _ condition _ start wp; do
    case $condition in
      Empty | *opened | Closed) echo "$condition $((wp - start))" ;;
      *) echo "$condition -" ;;
    esac
  done
}

# write_zone N OFFSET COUNT [SOURCE]: COUNT blocks of 64 KiB at block OFFSET
# (in 64 KiB) of zone N.
write_zone() {
  dd if="${4:-/dev/urandom}" of="$DISK" bs=64k count="$3" \
    seek=$(($1 * 1024 + $2)) oflag=direct conv=notrunc,nocreat iflag=fullblock \
    status=none
}

# read_zone N OFFSET COUNT: the same to standard output.
read_zone() {
  dd if="$DISK" bs=64k count="$3" skip=$(($1 * 1024 + $2)) iflag=direct \
    status=none
}

# hex_bytes VALUE BYTES: as a CDB's big-endian field for sg_raw.
hex_bytes() {
  printf "%0$(($2 * 2))x" "$1" | sed 's/../& /g'
}

# write16 LBA BLOCKS / read16 LBA BLOCKS: one command, its sense data printed.
write16() {
  # shellcheck disable=SC2046 # the bytes are words
  sg_raw -s $(($2 * 512)) -i /dev/zero "$SG" 8a 00 $(hex_bytes "$1" 8) \
    $(hex_bytes "$2" 4) 00 00 2>&1
}

read16() {
  # shellcheck disable=SC2046 # the bytes are words
  sg_raw -r $(($2 * 512)) -o /run/read16 "$SG" 88 00 $(hex_bytes "$1" 8) \
    $(hex_bytes "$2" 4) 00 00 2>&1
}

# raw_field FIRST BYTES: of standard input, as hexadecimal.
raw_field() {
  od -An -v -tx1 -j "$1" -N "$2" | tr -d ' \n'
}
