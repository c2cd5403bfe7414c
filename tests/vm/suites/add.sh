#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# zloop add, remove, list and watch, looked at with tools that are not ours.
set -eu
. "$(dirname "$0")/../lib.sh"

base=/data/add
options=capacity_mb=2048,zone_size_mb=64,conv_zones=8,base_dir=$base
config=/run/add-config.json
# Where tcmu-runner looks by itself.
installed=$(dirname "$(stock_handlers | head -n 1)")/handler_zloop.so

only_zloop() {
  [ "$HANDLER" = zloop ] || skip_check "only for user:zloop"
}

took() { # COMMAND…: its output, and its time to what is kept of the check
  local start=${EPOCHREALTIME/./}
  "$@"
  echo "$1 $2: $(((${EPOCHREALTIME/./} - start) / 1000)) ms" >>/run/times
}

# As a disk that somebody has plugged in, on a machine where nothing runs.
add() {
  local out notes
  ln -sf "$(find_handler)" "$installed"
  mkdir -p $base
  out=$(zloop add $options,nr_queues=2 2>/run/add.err) || cat /run/add.err
  notes=$(cat /run/add.err)
  contains "standard output" '^/dev/sd[a-z]$' "$out"
  equal "lines of output" 1 "$(wc -l <<<"$out")"
  equal "standard error" \
    "zloop: note: nr_queues changes nothing about a SCSI disk" "$notes"
  echo "DISK=$out SG=/dev/$(ls "/sys/block/${out#/dev/}/device/scsi_generic")" \
    >/run/disk
  runner_pid
}

# The daemon that zloop has started.
runner_pid() {
  pgrep -x tcmu-runner >$RUNNER_PID
}

linux_view() {
  use_disk
  equal lsblk "host-managed 64M 32" \
    "$(lsblk -dnzo ZONED,ZONE-SZ,ZONE-NR "$DISK" | xargs)"
  equal "sg_rep_zones" 32 "$(zones | wc -l)"
  write_zone 8 0 4
  contains "zone 8" " 512$" "$(zone_state 8)"
  [ -e $base/0/seq-000008 ]
}

targetcli_view() {
  local out
  use_disk
  out=$(targetcli ls)
  contains "targetcli ls" "zloop0 .*\[@$base/0 .*activated" "$out"
  contains "targetcli ls" "naa.5001405[0-9a-f]{9} " "$out"
  contains "targetcli ls" "lun0 .*user/zloop0" "$out"
}

attributes() {
  local path
  path=$(echo $CONFIGFS/core/user_*/zloop0)
  equal hw_max_sectors 2048 "$(cat "$path/attrib/hw_max_sectors")"
  [ "$(cat "$path/attrib/max_data_area_mb")" -ge 128 ]
  equal cmd_ring_size_mb 1 "$(cat "$path/attrib/cmd_ring_size_mb")"
  contains "unit serial number" ": $(sed -n \
    's/.*"serial": "\(.*\)".*/\1/p' $base/0/zloop.json)$" \
    "$(cat "$path/wwn/vpd_unit_serial")"
}

ensured() {
  local dev out
  out=$(zloop add --json id=41,$options)
  contains "made" '"made": true' "$out"
  dev=$(sed -n 's/^ *"device": "\(.*\)",$/\1/p' <<<"$out" | head -n 1)
  [ -b "$dev" ]
  contains "sg" "\"sg\": \"/dev/$(ls "/sys/block/${dev#/dev/}/device/scsi_generic")\"" "$out"
  equal "ensured" "$dev" "$(zloop add --ensure id=41,$options)"
  fails zloop add --ensure id=41,discard_write_cache
  # The disk of a daemon that died is none.
  runner_kill
  equal "ensured again" "$dev" "$(zloop add --ensure id=41,$options)"
  runner_pid
  wait_for 20 sg_turs "$dev"
  zloop remove id=41
  dev=$(zloop add --ensure id=41,base_dir=$base)
  [ -b "$dev" ]
  fails zloop delete id=41
  zloop add id=42,$options >/dev/null
  zloop remove "$dev" id=42
  [ ! -e "$dev" ]
  lacks "zloop list" 'zloop4[12]' "$(zloop list)"
  zloop delete "id=41,base_dir=$base"
  [ ! -e $base/41 ]
}

# Linux 6.10 and later fail writes to what has lost data, until they look again.
power_fails() {
  local dev out
  dev=$(zloop add $options,discard_write_cache,id=40)
  dd if=/dev/urandom of="$dev" bs=64k count=3 seek=$((8 * 1024)) \
    oflag=direct conv=notrunc,nocreat status=none
  out=$(zloop powerfail "$dev" 2>&1)
  contains "what is said" '1 zone lost all that was not flushed' "$out"
  contains "what is said" 'Linux still believes' "$out"
  dev=$(zloop powerfail -r --reattach id=40)
  [ -b "$dev" ]
  equal "reset pointer" 0x000000 \
    "$(blkzone report -o $((8 * 131072)) -c 1 "$dev" |
      sed 's/.*wptr *\([0-9a-fx]*\).*/\1/')"
  dd if=/dev/urandom of="$dev" bs=64k count=3 seek=$((8 * 1024)) \
    oflag=direct conv=notrunc,nocreat status=none
  zloop powerfail -q "$dev"
  zloop remove id=40
}

# What is saved comes back through targetcli, with its data.
saved() {
  use_disk
  tcli saveconfig $config
  took zloop remove id=0,base_dir=$base
  [ ! -e "$DISK" ]
  lacks "targetcli ls" zloop0 "$(targetcli ls)"
  equal "left in configfs" "" "$(ls -d $CONFIGFS/core/user_* \
    $CONFIGFS/loopback/naa.* 2>/dev/null || true)"
  tcli restoreconfig $config || true
  find_disk
  use_disk
  # Attributes set behind the kernel's own look at the disk are told of once.
  wait_for 10 sg_turs "$DISK"
  contains "zone 8" " 512$" "$(zone_state 8)"
  contains "zloop list" "^zloop0 +$DISK +2 GiB +attached +$base/0$" \
    "$(took zloop list)"
}

# What is there is opened, whatever is not said of it, and nothing else.
again() {
  local out
  use_disk
  out=$(fails zloop add id=0,base_dir=$base)
  contains "a second time" "is attached already, as zloop0, $DISK" "$out"
  zloop remove "$DISK"
  out=$(fails zloop add id=0,base_dir=$base,zone_size_mb=128)
  contains "another zone size" "zone_size_mb" "$out"
  equal "left in configfs" "" "$(ls -d $CONFIGFS/core/user_* \
    $CONFIGFS/loopback/naa.* 2>/dev/null || true)"
  equal "zone 8's file" 262144 "$(stat -c %s $base/0/seq-000008)"
  out=$(took zloop add id=0,$options)
  contains output '^/dev/sd' "$out"
}

# A number is not taken twice, and a directory needs none.
more() {
  local out
  equal "next number" $base/1 "$(zloop add $options >/dev/null &&
    echo $base/1)"
  [ -e $base/1/zloop.json ]
  zloop add capacity_mb=1024,zone_size_mb=64,discard_write_cache,direct_io \
    $base/own >/dev/null
  contains "cfgstring" "Config: zloop/direct_io/discard_write_cache@$base/own " \
    "$(cat $CONFIGFS/core/user_*/own/info)"
  out=$(zloop list $base)
  contains "zloop list" "^zloop1 .* attached +$base/1$" "$out"
  contains "zloop list" "^own .* 1 GiB +attached +$base/own$" "$out"
  # The number is the machine's, and as good as the directory.
  out=$(cd $base && fails zloop add id=1,base_dir=$base/other)
  contains "the same number elsewhere" "id=1 is the disk in $base/1" "$out"
  equal "zloop info 1" "$base/1" "$(zloop info 1 | head -n 1)"
  zloop remove id=1
  (cd $base && zloop add 1 >/dev/null)
  zloop remove own
  zloop remove $base/1
  contains "zloop list" "^- .* detached +$base/own$" "$(zloop list $base)"
}

# Where numbers always are there is another disk: after remove it would be meant.
others_number() {
  mkdir -p /var/local/zloop
  zloop create capacity_mb=16,zone_size_mb=1 /var/local/zloop/6
  zloop add capacity_mb=16,zone_size_mb=1 $base/6 >/dev/null
  contains "zloop list" "^zloop-[0-9a-f]+ .* attached +$base/6$" \
    "$(zloop list $base)"
  zloop remove $base/6
  zloop delete $base/6 6
  [ ! -e /var/local/zloop/6 ]
}

# No disk is made where none can be attached.
odd_directory() {
  local out
  out=$(fails zloop add capacity_mb=640,zone_size_mb=64 "$base/a b")
  contains "a space" "$base/a b cannot be attached: .* has a space" "$out"
  equal "lines" 1 "$(wc -l <<<"$out")"
  [ ! -e "$base/a b" ]
}

# What only the handler sees is in its own words.
read_only() {
  local out
  mkdir -p $base/ro
  dd if=/dev/zero of=$base/ro.img bs=1M count=0 seek=64 status=none
  mkfs.ext4 -q $base/ro.img
  mount -o loop $base/ro.img $base/ro
  zloop create capacity_mb=8,zone_size_mb=1,conv_zones=1 $base/ro/d
  mount -o remount,ro $base/ro
  out=$(fails zloop add $base/ro/d)
  umount $base/ro
  equal "lines" 1 "$(wc -l <<<"$out")"
  contains "read-only" "d cannot be attached: .* is on a read-only" "$out"
  lacks "read-only" "No such file" "$out"
  # A copy has the serial number of a disk that is open.
  cp -a $base/0 $base/copy
  out=$(fails zloop add $base/copy)
  contains "a copy" "copy cannot be attached: .*serial" "$out"
}

# targetcli's own disks are seen and removed.
theirs() {
  local out
  zloop remove zloop0
  tcli_session <<END
/backstores/user:zloop create name=theirs size=2G cfgstring=@$base/0
/loopback create $LOOP_WWN
/loopback/$LOOP_WWN/luns create /backstores/user:zloop/theirs
END
  find_disk
  use_disk
  contains "zloop list" "^theirs +$DISK +2 GiB +attached +$base/0$" \
    "$(zloop list)"
  out=$(zloop list --json)
  equal "--json" "theirs $DISK $LOOP_WWN" "$(python3 -c 'import json, sys
d = json.load(sys.stdin)[0]
print(d["name"], d["device"], d["exports"][0]["target"])' <<<"$out")"
  zloop remove "$DISK"
  equal "left in configfs" "" "$(backstores)"
  [ ! -e $CONFIGFS/loopback/$LOOP_WWN ]
}

in_use() {
  local out
  zloop add id=0,base_dir=$base >/run/dev
  DISK=$(cat /run/dev)
  modprobe zonefs
  sg_reset_wp --all "$DISK"
  python3 "$ZLOOP_TOP/tests/vm/mkzonefs.py" "$DISK"
  mount -t zonefs "$DISK" /mnt
  out=$(fails zloop remove id=0,base_dir=$base)
  contains "mounted" "in use: it is mounted on /mnt" "$out"
  umount /mnt
  rm -f /run/held
  python3 -c "import os, time
os.open('$DISK', os.O_RDONLY | os.O_EXCL)
os.open('/run/held', os.O_CREAT)
time.sleep(60)" &
  wait_for 10 test -e /run/held
  out=$(fails zloop remove "$DISK")
  contains "claimed" "has it for itself" "$out"
  kill %1
  wait
  [ -b "$DISK" ]
}

held() { # DISK NAME
  dmsetup create "$2" --table "0 $(blockdev --getsz "$1") linear $1 0"
}

# More than are removed at a time.  Those that are in use stay, the others of
# the same process do not, and each is one line.
all_together() {
  local dir=$base/all out i disks
  mkdir -p $dir
  for i in {0..19}; do
    zloop add capacity_mb=16,zone_size_mb=1 $dir/$i >>/run/devs
  done
  mapfile -t disks </run/devs
  held "${disks[0]}" held0
  held "${disks[3]}" held3
  out=$(fails zloop remove --all | grep -v "^zloop: note: ")
  for i in 0 3; do
    contains "held$i" "^zloop: .* \\(${disks[i]}\\) is in use: the device dm-" \
      "$out"
  done
  equal "lines of output" 2 "$(wc -l <<<"$out")"
  equal "left" 2 "$(zloop list --json |
    python3 -c 'import json, sys
print(sum(d["attached"] for d in json.load(sys.stdin)))')"
  dmsetup remove held0
  dmsetup remove held3
  zloop remove --all
  equal "left in configfs" "" "$(backstores)"
  [ -z "$(ls -d $CONFIGFS/loopback/naa.* 2>/dev/null)" ]
  zloop check $dir/19
}

# It is in a group of netlink's.
listens() { # PID
  local inode
  for inode in $(ls -l "/proc/$1/fd" | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p'); do
    awk -v inode="$inode" '$NF == inode && $4 !~ /^0+$/ { found = 1 }
      END { exit !found }' /proc/net/netlink && return
  done
  return 1
}

# zloop watch in the background.
watch() { # ARGS
  zloop watch "$@" >/run/watch &
  wait_for 20 listens $!
}

watched() {
  local out
  watch --json --count 2
  zloop remove id=0,base_dir=$base
  zloop add id=0,base_dir=$base >/dev/null
  wait
  equal events "removed zloop0 added zloop0" "$(python3 -c 'import json, sys
for line in sys.stdin:
    e = json.loads(line)
    print(e["event"], e["name"])' </run/watch | xargs)"
}

# A daemon that is dead is started; one that does not answer is not waited for.
dead() {
  local out
  kill -9 "$(cat $RUNNER_PID)"
  wait_for 10 runner_gone
  contains "zloop list" "^zloop0 .* no tcmu-runner " "$(zloop list)"
  zloop add capacity_mb=1024,zone_size_mb=64,base_dir=$base,id=7 >/dev/null
  runner_pid
  out=$(zloop list)
  contains "zloop list" "^zloop7 .* attached " "$out"
  contains "zloop list" "^zloop0 .* attached " "$out"
  wait_for 10 sg_turs "$(zloop list --json | python3 -c 'import json, sys
print(json.load(sys.stdin)[0]["device"])')"
  zloop remove id=7,base_dir=$base
}

stopped() {
  local out
  kill -STOP "$(cat $RUNNER_PID)"
  out=$(fails zloop add --timeout 2 id=7,base_dir=$base)
  kill -CONT "$(cat $RUNNER_PID)"
  contains stopped "has not answered about zloop7 within 2 s" "$out"
  wait_for 10 bash -c "! ls $CONFIGFS/core/user_*/zloop7"
  lacks "zloop list" zloop7 "$(zloop list)"
  zloop add id=7,base_dir=$base >/dev/null
  zloop remove id=7,base_dir=$base
}

# Nobody can flush a disk but the daemon: it is started to remove one.
dead_at_removal() {
  watch
  kill -9 "$(cat $RUNNER_PID)"
  wait_for 10 runner_gone
  zloop remove id=0,base_dir=$base
  runner_pid
  kill %1
  contains events "^removed zloop0 zloop/@$base/0 uio" "$(cat /run/watch)"
  equal "left in configfs" "" "$(backstores)"
}

# Somebody listens, so that the kernel waits for a daemon that is not there.
dead_and_watched() {
  zloop create "${options%,base_dir*}" $base/watched
  tcli /backstores/user:zloop create name=watched size=2G \
    cfgstring=@$base/watched
  watch
  kill -9 "$(cat $RUNNER_PID)"
  wait_for 10 runner_gone
  # A daemon without the handler is as good as none: it cannot be started.
  rm "$installed"
  mv "$(command -v tcmu-runner)" /run/tcmu-runner.away
  fails zloop remove watched
  zloop remove --force watched
  mv /run/tcmu-runner.away /usr/bin/tcmu-runner
  ln -sf "$(find_handler)" "$installed"
  kill %1
  equal "left in configfs" "" "$(backstores)"
}

# Several at once, and somebody who looks.
together() {
  local i out
  for i in 1 2 3 4; do
    zloop add capacity_mb=640,zone_size_mb=64,base_dir=$base/many \
      >/run/many.$i 2>&1 &
  done
  for i in 1 2 3; do zloop list >/dev/null; done
  wait
  runner_pid
  cat /run/many.*
  equal "devices" 4 "$(sort -u /run/many.? | grep -c '^/dev/sd')"
  for i in $(cat /run/many.?); do zloop remove "$i" & done
  for i in 1 2 3; do zloop list >/dev/null; done
  wait
  out=$(zloop list $base/many)
  equal "detached" 4 "$(grep -c " detached .*$base/many/[0-3]$" <<<"$out")"
}

# Several want the same disk, which is not there yet, and one just adds it.
ensured_together() {
  local i
  for i in 1 2 3 4; do
    zloop add --ensure id=43,$options >/run/same.$i 2>&1 &
  done
  wait
  runner_pid
  equal "devices" 1 "$(sort -u /run/same.[1-4] | tee /run/devs.43 | wc -l)"
  contains "the device" '^/dev/sd[a-z]+$' "$(cat /run/devs.43)"
  zloop remove id=43
  zloop delete "id=43,base_dir=$base"
  rm /run/same.[1-4]
}

# Directories of one name: no two disks have it.
same_name() {
  local i
  mkdir $base/a $base/b $base/c $base/d
  for i in a b c d; do
    zloop add capacity_mb=640,zone_size_mb=64 $base/$i/same >/run/same.$i &
  done
  wait
  equal "names" 4 "$(zloop list | awk '{ print $1 }' | grep -v NAME |
    sort -u | wc -l)"
  for i in $(cat /run/same.?); do zloop remove "$i"; done
}

# As a script's next word would: on new kernels the device's node is there some
# milliseconds before the device is.
opened_at_once() {
  local i dev out
  zloop remove id=0,base_dir=$base
  for i in $(seq 6); do
    out=$(python3 - $base/0 <<'END'
import os, subprocess, sys
dev = subprocess.check_output(["zloop", "add", sys.argv[1]], text=True).strip()
os.open(dev, os.O_RDONLY)
with open(f"/sys/block/{dev[5:]}/queue/nr_zones") as f:
    print(dev, f.read().strip())
END
    ) || fail "add $i: $out"
    read -r dev out <<<"$out"
    equal "zones after add $i" 32 "$out"
    zloop remove "$dev"
  done
  zloop add id=0,base_dir=$base >/dev/null
}

# Nobody waits for ten minutes.
delayed() {
  local dev
  dev=$(zloop add $options,id=44)
  zloop inject add "$dev" delay op=read delay_ms=600000 >/dev/null
  dd if="$dev" of=/dev/null bs=4k count=1 iflag=direct status=none &
  sleep 1
  timeout 60 zloop remove --force id=44
  wait $! || true
}

# What is removed lets go of its file system, at once.
let_go() { # FSTYPE MOUNT-ARGUMENTS…
  local i dev fs=/run/fs
  mkdir -p $fs
  for i in $(seq 20); do
    mount -t "$@" $fs
    mkdir -p $fs/0
    if [ -e $fs/0/zloop.json ]; then
      dev=$(zloop add $fs/0)
    else
      dev=$(zloop add capacity_mb=16,zone_size_mb=1,conv_zones=4 $fs/0)
    fi
    dd if=/dev/zero of="$dev" bs=64k count=16 oflag=direct \
      conv=notrunc,nocreat status=none
    dd if="$dev" of=/dev/null bs=64k count=32 iflag=direct status=none
    # From below: a shell or a daemon that it starts must not stay there.
    if [ $((i % 2)) = 0 ]; then
      (cd $fs/0 && zloop remove "$dev")
    else
      zloop remove "$dev"
    fi
    umount $fs || {
      fuser -vm $fs || true
      fail "$1: removal $i left the file system in use"
    }
  done
}

let_go_of_ext4() {
  truncate -s 64M $base/ext4
  mkfs.ext4 -q $base/ext4
  let_go ext4 -o loop $base/ext4
  fsck.ext4 -fn $base/ext4
}

tear_down
clean_place $base
rm -f /run/times
if [ "$HANDLER" = zloop ]; then
  mkdir -p $base/many
  check "zloop add starts what is needed and prints the disk" add
  check "Linux sees the disk" linux_view
  check "targetcli sees it" targetcli_view
  check "attributes for speed, one serial number" attributes
  check "saved and restored by targetcli" saved
  check "a disk that is there is opened as it is" again
  check "several disks" more
  check "a number that is another disk" others_number
  check "a directory that cannot be attached" odd_directory
  check "what the handler refuses is said in its words" read_only
  check "targetcli's disks are listed and removed" theirs
  check "a disk in use is not removed" in_use
  check "a disk that is printed can be opened" opened_at_once
  check "a disk that is wanted, there or not" ensured
  check "a power failure that Linux is told of" power_fails
  check "an injected delay holds up no removal" delayed
  check "what is removed lets go of a tmpfs" let_go tmpfs none
  check "what is removed lets go of an ext4" let_go_of_ext4
  check "zloop watch" watched
  check "a dead daemon is started" dead
  check "a daemon that hangs is not waited for" stopped
  check "a dead daemon is started to remove a disk" dead_at_removal
  check "no daemon, but a listener" dead_and_watched
  check "several at the same time" together
  check "several that want one disk" ensured_together
  check "several of one name at the same time" same_name
  check "all disks are removed together" all_together
  cat /run/times
else
  check "zloop add" only_zloop
fi
rm -f "$installed"
tear_down
summary
