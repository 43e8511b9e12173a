#!/bin/bash
# Runs the models with all rules and with one rule left out at a time; a line that starts with
# BAD is not the expected result. --quick: the small models (about a minute); without it all that
# finish (about 11 minutes on two cores). Needs spin 6.5 and gcc.
# ./trail MODEL flags prints a shortest counterexample; ./acyc MODEL flags proves there is no cycle.
cd "$(dirname "$0")" || exit 2
bad=0; r() { ./chk "$@" || bad=1; }
r asks.pml pass "all rules"
for v in MEM_FIRST SEP_TX REC_UNKNOWN ID_REUSE EXPIRED_FIRST LAST_WINS LOCAL_DIRECT; do r asks.pml FAIL $v -D$v; done
r fence.pml pass "all rules"
for v in NO_JFENCE "NO_JFENCE -DNO_STORELOSS" "NO_JFENCE -DOPEN_ONLY -DSAFE" OPEN_ONLY EQUAL_OK LAST_WINS; do r fence.pml FAIL "$v" -D$v; done
for v in OPEN_ONLY EQUAL_OK LAST_WINS; do r fence.pml pass "$v, SAFE" -D$v -DSAFE; done
r link.pml pass "all rules"
for v in LAST_WINS ABANDONED_COUNTS EARLY_FENCE; do r link.pml FAIL $v -D$v; done
[ "${1:-}" = --quick ] && exit $bad
e() { w=$1; n=$2; shift 2; r events.pml $w "$n" -DN=2 "$@"; }
e pass "all rules, F=2" -DF=2
e pass "all rules, MONO, F=3" -DF=3 -DMONO
for v in NO_JFIRST "NO_JFIRST -DLAX" "NO_JFIRST -DLAX -DDETECT" GEN_JOURNAL "GEN_JOURNAL -DCLAIM" NO_EPSIG ACK_MIX OPENED_ACKS ACK_EARLY \
         EPOCH_REUSE AHEAD_CLAMP SNAP_NUM LAST_WINS "MONO -DNO_EPCOMMIT"; do e FAIL "$v" -DF=2 -D$v; done
e pass "NO_EPCOMMIT (no MONO)" -DF=2 -DNO_EPCOMMIT
c() { w=$1; n=$2; shift 2; r commands.pml $w "$n" "$@"; }
c pass "all rules, F=3" -DF=3
c pass "ONE_STEP" -DF=3 -DONE_STEP
c pass "as written: (a)+journal kept" -DF=4 -DRERUN -DDROP_ON_STORED -DONE_STEP -DNO_STORELOSS -DNO_HOSTLOSS
c FAIL "as written: store lost" -DF=2 -DRERUN -DDROP_ON_STORED -DONE_STEP -DNO_HOSTLOSS
c FAIL "as written: journal lost" -DF=2 -DRERUN -DDROP_ON_STORED -DONE_STEP -DNO_STORELOSS
c FAIL "as written: journal lost, SAFE" -DF=2 -DRERUN -DDROP_ON_STORED -DONE_STEP -DNO_STORELOSS -DSAFE
c FAIL "as written: SNAP_SKIP" -DF=2 -DSNAP_SKIP
c FAIL "WATERMARK, SAFE, store kept" -DF=3 -DWATERMARK -DSAFE -DNO_STORELOSS
c FAIL "WATERMARK, SAFE, both lost" -DF=2 -DWATERMARK -DSAFE
c FAIL "WATERMARK, outcomes" -DF=2 -DWATERMARK -DNO_STORELOSS
for v in DELIVER_EARLY TWO_TX SECOND_OUTCOME ACT_FIRST RUN_AGAIN "ACK_FIRST -DNO_HOSTLOSS"; do c FAIL "$v" -DF=2 -D$v; done
for m in events commands; do ./acyc $m.pml -DF=2 || bad=1; done
for m in asks fence link; do ./acyc $m.pml || bad=1; done
exit $bad
