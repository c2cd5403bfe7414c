#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR Apache-2.0
# libiscsi's conformance tests over iSCSI, on the guest's loopback address. What
# may fail or be skipped stands in iscsi-test-cu.expected with the reason; what
# is listed there and passes is a failure, too.
# conformance.sh [--long | SUITE…]: what is quick; all; or those.
set -eu
. "$(dirname "$0")/../lib.sh"

place=/data/conformance
iqn=iqn.2003-01.org.linux-iscsi.zloop:conformance
url=iscsi://127.0.0.1/$iqn/0
other_url=iscsi://127.0.0.2/$iqn/0
expected=$ZLOOP_TOP/tests/vm/iscsi-test-cu.expected
view=$ZLOOP_BUILD/tests/vm/libsbc_view.so
conv_blocks=$((24 * 8 * 2048))

# Most zones are conventional: the tests presume a random-writable disk. With
# physical blocks of 4096 bytes there are more of them to run.
export_disk() {
  make_disk conformance 256M $place \
    zone_size_mb=8/conv_zones=24/physical_block_size=4096/provisioning=thin
  # Where the kernel stores reservations that are to survive a power loss.
  mkdir -p "$(cat "$CONFIGFS/dbroot")/pr"
  tcli_session <<END2
set global auto_add_default_portal=false
/iscsi create $iqn
/iscsi/$iqn/tpg1 set attribute generate_node_acls=1 authentication=0 demo_mode_write_protect=0
/iscsi/$iqn/tpg1/luns create /backstores/user:$HANDLER/conformance
/iscsi/$iqn/tpg1/portals create 0.0.0.0 3260
END2
  wait_for 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/3260'
}

all_suites() {
  iscsi-test-cu -l | grep -E '^(SCSI|iSCSI)\.[^.]+$'
}

# The others send hundreds of commands each, one after the other, which takes
# most of the time under emulation.
quick_suites() {
  all_suites | grep -Ev -e '^SCSI\.(CompareAndWrite|MultipathIO|Read6|Unmap)$' \
    -e '^SCSI\.(Prefetch|Read|Verify|Write|WriteSame|WriteVerify)1[026]$'
}

# What a test finds must not depend on those before it. A reset of the unit
# leaves a unit attention condition for each initiator.
empty_disk() {
  use_disk
  wait_for 10 sg_turs "$SG"
  sg_reset_wp --all "$SG"
  sg_unmap --force --lba=0 --num=$conv_blocks "$SG"
}

# results SUITE: "pass|fail|skip NAME" for each test in a verbose log. What a
# test prints may stand before its result, or behind it.
results() {
  awk -v suite="$1" '
    /^  Test: / { name = $2; sub(/\.\.\..*/, "", name); skipped = 0 }
    name && /\[SKIPPED\]/ { skipped = 1 }
    name && /passed$|(^|\.\.\.)passed / { print (skipped ? "skip" : "pass"), suite "." name
      name = "" }
    name && /FAILED$|(^|\.\.\.)FAILED / { print "fail", suite "." name; name = "" }'
}

# allowed NAME: pass, or what the table says: fail, skip, any.
allowed() {
  awk -v name="$1" '$1 == name { print $2; found = 1 }
    END { if (!found) print "pass" }' "$expected"
}

# A test that has not ended when the next begins, or that crashed, has no
# result at all.
all_ran() { # SUITE
  local name
  iscsi-test-cu -l | grep "^$1\\.[^.]*\$" | sort >/run/listed
  cut -d' ' -f2 /run/results | sort >/run/ran
  name=$(comm -23 /run/listed /run/ran)
  equal "tests without a result" "" "$name"
}

run_suite() { # SUITE
  local result name want bad=
  local urls=("$url")
  [ "$1" != SCSI.MultipathIO ] || urls+=("$other_url")
  empty_disk
  LD_PRELOAD=$view timeout 240 iscsi-test-cu --dataloss --allow-sanitize \
    --verbose --test="$1" "${urls[@]}" >/run/log 2>&1 || true
  results "$1" </run/log >/run/results
  if [ -n "${ZLOOP_TEST_SHOW:-}" ]; then
    cat /run/log
  fi
  all_ran "$1"
  while read -r result name; do
    want=$(allowed "$name")
    [ "$want" != any ] && [ "$result" != "$want" ] || continue
    echo "$name: $result, expected $want"
    bad+=" $name"
  done </run/results
  [ -z "$bad" ] || {
    grep -E '^ *(Test:|\[FAILED\]|\[SKIPPED\]|[0-9]+\. )' /run/log | uniq |
      head -n 60
    fail "$bad"
  }
}

known_tests() {
  comm -23 <(grep -v '^#' "$expected" | awk 'NF { print $1 }' | sort) \
    <(iscsi-test-cu -l | sort) >/run/unknown
  equal "listed, but no such test" "" "$(cat /run/unknown)"
}

for tool in iscsi-test-cu "$view"; do
  command -v "$tool" >/dev/null || {
    echo "skipped: $tool is missing"
    exit 77
  }
done
tear_down
clean_place $place
check "set up" start_stack
check "every listed test exists" known_tests
check "export over iSCSI" export_disk
# shellcheck disable=SC2046 # the suites are words
case ${1:-} in
  '') set -- $(quick_suites) ;;
  --long) set -- $(all_suites) ;;
esac
for suite; do
  check "$suite" run_suite "$suite"
done
tear_down
summary
