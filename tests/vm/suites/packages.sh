#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# The Debian packages: installed, used, replaced and removed while a disk runs,
# whose files stay.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/packaged
packages=$ZLOOP_BUILD/packages
PATH=/usr/sbin:/usr/bin:/sbin:/bin # what is installed, not what was built
# With a database of its own: dpkg reads the host's, of a thousand packages and
# more, for minutes under emulation.
export DPKG_ADMINDIR=/run/dpkg

debs() {
  ls "$packages"/zloop-scsi_[0-9]*.deb "$packages"/zloop-scsi-handler_*.deb
}

# The packages that ours depend on, as the host has them.
make_database() {
  local name names
  rm -rf $DPKG_ADMINDIR
  mkdir -p $DPKG_ADMINDIR/info $DPKG_ADMINDIR/updates $DPKG_ADMINDIR/triggers
  : >$DPKG_ADMINDIR/available
  names=$(for name in $(debs); do dpkg-deb -f "$name" Depends; done |
    tr ',|' '\n' | sed 's/^ *//; s/ .*//' | sort -u)
  for name in $names; do
    : >"$DPKG_ADMINDIR/info/$name.list"
    awk -v RS= -v ORS='\n\n' -v name="Package: $name" \
      'index($0, name "\n") == 1' /var/lib/dpkg/status
  done >$DPKG_ADMINDIR/status
}

install() {
  make_database
  # shellcheck disable=SC2046 # no spaces in them
  dpkg --unpack $(debs)
  dpkg --configure zloop-scsi-handler zloop-scsi
  equal "installed" "ii ii" "$(dpkg-query -W -f '${db:Status-Abbrev}' \
    zloop-scsi zloop-scsi-handler | xargs)"
  equal "command" /usr/bin/zloop "$(command -v zloop)"
}

# As Debian's unit starts it: with the handlers of its own folder only.
start_installed() {
  load_modules
  start_dbus
  tcmu-runner >>/var/log/tcmu-runner.out 2>&1 &
  echo $! >$RUNNER_PID
  wait_for 30 handler_known
}

use() {
  make_disk packaged 2G $place
  use_disk
  write_zone 8 0 2 /dev/zero
  contains "zones" "Implicitly opened 256" "$(zone_state 8)"
  contains "zloop info" "host-managed|zones" "$(zloop info $place)"
  zloop check $place
}

still_there() {
  use_disk
  contains "zone 8" " 256$" "$(zone_state 8)"
  read_zone 8 0 2 | cmp -n 131072 - /dev/zero
}

# The daemon that serves the disk is left alone.
install_again() {
  local pid out
  pid=$(cat $RUNNER_PID)
  # shellcheck disable=SC2046 # no spaces in them
  out=$(dpkg -i $(debs) 2>&1)
  contains "dpkg -i" "running tcmu-runner does not know" "$out"
  kill -0 "$pid"
  still_there
}

files() {
  find $place -type f ! -name zloop.state -printf '%M %s %p\n' | sort
}

remove() {
  local out
  files >/run/before
  dpkg -L zloop-scsi zloop-scsi-handler >/run/installed
  grep -q /handler_zloop.so /run/installed
  out=$(dpkg -r zloop-scsi zloop-scsi-handler 2>&1)
  contains "dpkg -r" "disks of user:zloop are attached" "$out"
  runner_alive
  still_there
}

purge() {
  detach_disk
  runner_stop
  dpkg -P zloop-scsi-handler
  equal "left behind" "" "$(while read -r file; do
    [ ! -f "$file" ] || echo "$file"
  done </run/installed)"
  files | diff /run/before -
}

if ! debs >/dev/null 2>&1; then
  echo "skipped: there are no packages in $packages"
  exit 77
fi
tear_down
clean_place $place
check "install the packages" install
check "tcmu-runner knows the handler" start_installed
check "a disk is made and used" use
check "installed again, a disk goes on" install_again
check "removed, a disk goes on" remove
check "nothing is left but the disk" purge
tear_down
summary
