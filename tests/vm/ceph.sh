# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# shellcheck shell=bash
# A Ceph file system on the loopback address: one monitor, one manager, one OSD
# whose objects are in memory, two metadata servers, of which one stands by.
# No authentication. Sourced after lib.sh; root; what it keeps is in $CEPH_ROOT.

CEPH_ROOT=${CEPH_ROOT:-/run/ceph-test}
CEPH_ADDRESS=127.0.0.1
export CEPH_CONF=$CEPH_ROOT/ceph.conf

ceph_configure() {
  mkdir -p "$CEPH_ROOT"/{mon,osd,mgr,run}
  cat >"$CEPH_CONF" <<END
[global]
fsid = 5a6c6f6f-7000-4000-8000-000000000001
mon host = v1:$CEPH_ADDRESS:6789
mon initial members = a
public network = $CEPH_ADDRESS/32
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd objectstore = memstore
memstore device bytes = 1073741824
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
osd memory target = 939524096
mon allow pool size one = true
mon warn on pool no redundancy = false
mon data avail crit = 0
mon data = $CEPH_ROOT/mon
osd data = $CEPH_ROOT/osd
mgr data = $CEPH_ROOT/mgr
mgr initial modules =
run dir = $CEPH_ROOT/run
admin socket = $CEPH_ROOT/run/\$name.asok
log file = $CEPH_ROOT/\$name.log
pid file = $CEPH_ROOT/run/\$name.pid
END
}

ceph_mon() {
  monmaptool --create --clobber --fsid 5a6c6f6f-7000-4000-8000-000000000001 \
    --addv a "[v1:$CEPH_ADDRESS:6789]" "$CEPH_ROOT/monmap" >/dev/null
  ceph-mon --mkfs -i a --monmap "$CEPH_ROOT/monmap"
  ceph-mon -i a
}

# The command gives up now and then ("problem getting command descriptions"). What
# it is told here can be told twice.
ceph_do() {
  wait_for 90 ceph "$@"
}

# It ends ("wrong fsid") where it asks the monitor before that has told it which
# cluster this is.
ceph_osd() {
  local uuid=5a6c6f6f-7000-4000-8000-000000000002
  ceph_do osd new $uuid
  ceph-osd -i 0 --mkfs --osd-uuid $uuid >/dev/null
  wait_for 60 ceph-osd -i 0
}

ceph_has_osd() {
  ceph osd stat 2>/dev/null | grep -q '1 up'
}

# Of the manager is how much room there is: without it, none.
ceph_has_manager() {
  ceph mgr stat 2>/dev/null | grep -q '"available": true'
}

ceph_is_active() {
  ceph mds stat 2>/dev/null | grep -q up:active
}

ceph_start() {
  ceph_configure
  ceph_mon
  ceph_osd
  ceph-mgr -i a
  wait_for 60 ceph_has_osd
  ceph_do osd pool create meta 8
  ceph_do osd pool create data 8
  ceph_do fs new zfs meta data
  ceph-mds -i a
  ceph-mds -i b
  wait_for 120 ceph_has_manager
  wait_for 60 ceph_is_active
}

# The metadata server that has the file system, by name.
ceph_active_mds() {
  ceph mds stat | sed 's/.*{0=\([ab]\)=.*/\1/'
}

ceph_kill() { # NAME, e.g. mds.a
  kill -9 "$(cat "$CEPH_ROOT/run/$1.pid")"
}

ceph_stop() {
  local pid
  for pid in "$CEPH_ROOT"/run/*.pid; do
    [ ! -e "$pid" ] || kill -9 "$(cat "$pid")" 2>/dev/null || true
  done
}
