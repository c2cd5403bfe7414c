#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# One gateway's part in having many disks on one CephFS with another gateway, which
# tests/vm/gateways conducts. Ceph runs in the first one.
#
#   gateways.sh serve            Ceph
#   gateways.sh gateway          mounts it, and starts what a gateway needs
#   gateways.sh add FIRST COUNT  makes these disks, and writes to each
#   gateways.sh seen HOST:COUNT… who has how many, as everybody says
#   gateways.sh remove FIRST COUNT
#   gateways.sh take FIRST COUNT takes them over, and reads what is on each
#   gateways.sh remove_all
#   gateways.sh checked COUNT    all of them, at the end
set -eu
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/../ceph.sh"

CEPH_ADDRESS=10.9.0.1
mnt=/srv/disks

command -v ceph-mds >/dev/null || {
  echo "skipped: Ceph is not installed (targetcli-config/deps ceph)"
  exit 77
}

serve() {
  join_guests
  ceph_start
}

mount_ceph() {
  mount -i -t ceph $CEPH_ADDRESS:6789:/ $mnt -o name=admin
}

gateway() {
  join_guests
  mkdir -p $mnt
  wait_for 60 mount_ceph
  start_stack
}

each() { # FIRST COUNT COMMAND…: with the number of each behind it
  local n
  for ((n = $1; n < $1 + $2; n++)); do "${@:3}" $n; done
}

number() { # N: 4 KiB that say which disk it is
  yes "$1" | head -c 4096
}

add_one() { # N
  local dev
  dev=$(zloop add capacity_mb=8,zone_size_mb=1,conv_zones=2,write_through $mnt/"$1")
  number "$1" | dd of="$dev" bs=4k \
    iflag=fullblock oflag=direct conv=notrunc status=none
}

add() { # FIRST COUNT
  local start=$SECONDS
  each "$1" "$2" add_one
  echo "$2 disks made and attached by $ZLOOP_TEST_NAME in $((SECONDS - start)) s"
}

# By each disk's journal, of all of them.
held() {
  zloop list --json $mnt | python3 -c '
import collections, json, sys
rows = [r for r in json.load(sys.stdin) if r["directory"].startswith(sys.argv[1])]
hosts = collections.Counter()
for r in rows:
    h = r["holder"]
    if r["attached"] and not h["here"]:
        sys.exit("attached, but held by another: %s" % r)
    if not r["attached"] and ("in use by host %s since" % h["host"]) not in r["state"]:
        sys.exit("not said to be in use by %s: %s" % (h["host"], r))
    hosts[h["host"]] += not h["stopped"]
print(" ".join("%s:%d" % x for x in sorted(hosts.items())))' "$mnt"
}

seen() { # HOST:COUNT…
  local start=$SECONDS
  equal "who has them" "$*" "$(held)"
  echo "list of all by $ZLOOP_TEST_NAME: $((SECONDS - start)) s"
}

remove_one() { zloop remove $mnt/"$1"; }
remove() { each "$1" "$2" remove_one; }

take_one() { # N
  local dev
  zloop takeover $mnt/"$1"
  contains "info" "host $ZLOOP_TEST_NAME since" "$(zloop info $mnt/"$1")"
  dev=$(zloop list --json | python3 -c '
import json, sys
print([r["device"] for r in json.load(sys.stdin) if r["directory"] == sys.argv[1]][0])' \
    $mnt/"$1")
  dd if="$dev" bs=4k count=1 iflag=direct status=none | cmp - <(number "$1")
}

take() { # FIRST COUNT
  local start=$SECONDS
  each "$1" "$2" take_one
  echo "$2 disks taken over by $ZLOOP_TEST_NAME in $((SECONDS - start)) s"
}

remove_all() {
  zloop remove --all
}

checked_one() { # N
  zloop check $mnt/"$1"
  cmp -n 4096 $mnt/"$1"/cnv-000000 <(number "$1")
}

checked() { # COUNT
  each 0 "$1" checked_one
}

# What a failure needs for being understood.
trap '[ $? = 0 ] || show_logs' EXIT

case $1 in
  serve | gateway | add | seen | remove | take | remove_all | checked) "$@" ;;
  *) echo "gateways.sh: there is no step $1"; exit 2 ;;
esac
