#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# Disks and targetcli's saved configuration over boots of a guest with systemd
# and the packages' units. One step of tests/vm/systemd a boot:
#
#   systemd.sh prepare [absent]  installs the packages, lets systemd take over;
#                                absent: /data's file system will be missing
#   systemd.sh create            makes and saves a disk
#   systemd.sh again             finds it
#   systemd.sh absent            does not find it, and what was saved stays
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/z0
saved=/etc/rtslib-fb-target/saveconfig.json
guard=/usr/libexec/zloop-scsi/restore-guard

# --- before systemd ---------------------------------------------------------

# What of the host's system has nothing to do with disks, or takes long.
masked() {
  echo systemd-journal-flush systemd-random-seed systemd-sysusers \
    systemd-update-utmp systemd-firstboot systemd-machine-id-commit \
    systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-pstore \
    systemd-hwdb-update systemd-repart systemd-timesyncd systemd-binfmt \
    systemd-pcrphase systemd-pcrphase-sysinit systemd-modules-load \
    systemd-networkd systemd-resolved kmod-static-nodes open-iscsi iscsid \
    networking keyboard-setup console-setup ldconfig apparmor rsyslog
}

# The target that is booted to, and the service that runs this suite.
write_units() {
  local name
  mkdir -p /run/systemd/system
  for name in $(masked); do ln -sf /dev/null "/run/systemd/system/$name.service"; done
  cat >/run/systemd/system/zloop-vm.target <<'UNIT'
[Unit]
Requires=basic.target
Wants=dbus.service tcmu-runner.service rtslib-fb-targetctl.service
Wants=zloop-vm-jobs.service local-fs.target
After=basic.target
AllowIsolate=yes
UNIT
  cat >/run/systemd/system/zloop-vm-jobs.service <<'UNIT'
[Unit]
After=basic.target rtslib-fb-targetctl.service
[Service]
ExecStart=/bin/sh /run/guest-init serve
StandardOutput=tty
TTYPath=/dev/console
UNIT
}

# What /etc and /var have of targets lives on the disk image, since the rest
# of the root is forgotten.
persistent() { # DIRECTORY
  mkdir -p "/run/persistent$1" "$1"
  mount --bind "/run/persistent$1" "$1"
}

prepare() {
  local device package timeout=60
  device=$(findmnt -n -o SOURCE /data)
  for package in zloop-scsi-handler zloop-scsi; do
    dpkg-deb --fsys-tarfile "$ZLOOP_BUILD/packages/${package}"_[0-9]*.deb |
      tar -x --keep-directory-symlink -C /
  done
  umount /data
  mkdir /run/persistent
  mount "$device" /run/persistent
  persistent /etc/rtslib-fb-target
  persistent /var/lib/zloop-scsi
  [ "${1:-}" != absent ] || device=/dev/absent timeout=3
  echo "$device /data auto nofail,x-systemd.device-timeout=$timeout 0 0" \
    >/etc/fstab
  write_units
  cat >/run/next-init <<'INIT'
#!/bin/sh
exec /lib/systemd/systemd --system --unit=zloop-vm.target
INIT
  chmod +x /run/next-init
}

# --- with systemd -----------------------------------------------------------

booted() {
  wait_for 60 systemctl -q is-active rtslib-fb-targetctl.service
  systemctl -q is-active tcmu-runner.service
}

started_us() { # UNIT: when it began, in microseconds since the boot
  systemctl show --value -p ExecMainStartTimestampMonotonic "$1"
}

ended_us() { # UNIT: when it had begun
  systemctl show --value -p ActiveEnterTimestampMonotonic "$1"
}

mounted() {
  systemctl status --no-pager data.mount | tail -n 12
  mountpoint /data
}

in_order() {
  mounted
  [ "$(ended_us tcmu-runner)" -lt "$(started_us rtslib-fb-targetctl)" ] ||
    fail "targets were restored before tcmu-runner ran"
  [ ! -e $saved ] || [ "$(ended_us data.mount)" -lt \
    "$(started_us rtslib-fb-targetctl)" ] ||
    fail "targets were restored before /data was mounted"
}

create() {
  make_disk z0 2G $place
  use_disk
  write_zone 8 0 3
  sg_sync "$SG"
  read_zone 8 0 3 | md5sum >/data/sum
  tcli saveconfig
  contains "saved" '"config": "zloop/@/data/z0"' "$(cat $saved)"
  fails test -e /var/lib/zloop-scsi/unrestored.json
}

same_data() {
  find_disk
  wait_for 10 sg_turs "$SG"
  equal "zone 8" 384 "$(zone_state 8 | grep -o '[0-9]*$')"
  equal "data" "$(cat /data/sum)" "$(read_zone 8 0 3 | md5sum)"
}

runner_pid() {
  systemctl show --value -p MainPID tcmu-runner.service
}

other_runner() { # OLD-PID
  [ "$(runner_pid)" != 0 ] && [ "$(runner_pid)" != "$1" ]
}

unclean_opens() {
  zloop info --json $place | sed -n 's/.*"unclean_opens": *\([0-9]*\).*/\1/p'
}

restarted() {
  local pid
  pid=$(runner_pid)
  kill -9 "$pid"
  wait_for 30 other_runner "$pid"
  same_data
  equal "openings after an unclean stop" 1 "$(unclean_opens)"
}

# The boot before ended in an orderly way: the disk was closed.
came_back() {
  same_data
  equal "openings after an unclean stop" 1 "$(unclean_opens)"
  equal "remembered" "" "$($guard list)"
}

journal_of() { # UNIT
  journalctl -q -b -o cat -u "$1"
}

# Others than the guest's own are there: it is only this disk.
not_there() {
  equal "disks" "" "$(loop_disk)"
  fails mountpoint /data
  equal "made in /data" "" "$(ls -A /data)"
  contains "journal" "disk 'z0' was not restored: there is no directory" \
    "$(journal_of rtslib-fb-targetctl)"
  contains "target" "$LOOP_WWN" "$(ls $CONFIGFS/loopback)"
}

# As a targetcli session that ends saves it.
saving_loses_nothing() {
  cp $saved /run/saved.before
  tcli saveconfig
  wait_for 30 grep -q '"name": "z0"' $saved
  contains "saved" '"storage_object": "/backstores/user/z0"' "$(cat $saved)"
  contains "journal" "put back" "$(journal_of zloop-restore-guard)"
}

mounted_later() {
  mount "$(findmnt -n -o SOURCE /run/persistent)" /data
  systemctl restart rtslib-fb-targetctl
  same_data
  equal "remembered" "" "$($guard list)"
}

# Ends this boot in an orderly way once the status is known to the host.
power_off_soon() {
  systemd-run -q --on-active=2s --timer-property=AccuracySec=100ms \
    systemctl poweroff
}

case ${1:-} in
  prepare)
    if ! ls "$ZLOOP_BUILD"/packages/*.deb >/dev/null 2>&1; then
      echo "skipped: there are no packages in $ZLOOP_BUILD/packages"
      exit 77
    fi
    if [ ! -x /lib/systemd/systemd ]; then
      echo "skipped: systemd is not installed"
      exit 77
    fi
    prepare "${2:-}"
    exit 0
    ;;
  create)
    load_modules
    check "the units come up" booted
    check "in order" in_order
    check "make and save a disk" create
    check "a killed tcmu-runner is started again" restarted
    ;;
  again)
    modprobe sg # by nobody else
    check "the units come up" booted
    check "in order" in_order
    check "the disk is back" came_back
    ;;
  absent)
    modprobe sg
    check "the units come up" booted
    check "no file system, no disk, and none is made" not_there
    check "saving the configuration does not lose the disk" saving_loses_nothing
    check "mounted and restored later, it is back" mounted_later
    ;;
esac
power_off_soon
summary
