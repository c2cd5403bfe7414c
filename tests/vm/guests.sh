# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# For scripts on the host that have several guests at once, in User Mode Linux,
# joined by a network of their own. Sourced, with bash. Each guest is a session of
# `vm`, and knows its number: its address is 10.9.0.NUMBER.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../targetcli-config/pid-file"
guests_dir=
# A guest that only waits for the others stays.
export ZLOOP_TEST_IDLE=${ZLOOP_TEST_IDLE:-900}
hub_pid=
declare -A guest_number=()
guest_options=()
guest_memory=1024

# guests_begin OPTIONS: those of `vm exec`.
guests_begin() {
  guest_options=("$@")
  guests_dir=$(mktemp -d "${TMPDIR:-/tmp}/zloop-guests.XXXXXX")
  trap guests_end EXIT
  trap 'exit 130' INT TERM HUP
  "$here/hub" "$guests_dir/hub" &
  hub_pid=$!
}

guests_end() {
  local name
  for name in "${!guest_number[@]}"; do
    guest_cut "$name"
    "$here/vm" stop --session "$guests_dir/$name"
  done
  kill "$hub_pid"
  rm -rf "$guests_dir"
}

# guest_named NAME NUMBER: from now on there is such a guest.
guest_named() {
  guest_number[$1]=$2
}

# guest NAME SCRIPT [ARGS...]: runs SCRIPT there, after a boot if need be.
guest() {
  local name=$1 n=${guest_number[$1]}
  shift
  ZLOOP_TEST_NAME=$name ZLOOP_TEST_NUMBER=$n "$here/vm" exec --uml \
    --session "$guests_dir/$name" --memory "$guest_memory" --disk ext4:512M --kernel-args \
    "vec0:transport=bess,dst=$guests_dir/hub,mac=02:00:00:00:00:0$n,mtu=9000" \
    "${guest_options[@]}" "$@"
}

# All of its processes.
guest_signal() { # NAME SIGNAL
  local pid
  pid=$(noted_pid "$guests_dir/$1/pid") && kill "-$2" -- "-$pid"
}

# guest_cut NAME: its power is cut; the next job boots it anew.
guest_cut() {
  noted_pid "$guests_dir/$1/pid" >/dev/null || return 0
  # It may end by itself meanwhile.
  guest_signal "$1" KILL 2>/dev/null || true
  rm -f "$guests_dir/$1/pid"
}

guest_pause() { # NAME
  guest_signal "$1" STOP
}

guest_wake() { # NAME
  guest_signal "$1" CONT
}
