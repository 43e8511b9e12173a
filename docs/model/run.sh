#!/bin/bash
# Runs the models with all rules and with one rule left out at a time, and prints a table; a line that starts with BAD is not the
# expected result and fails the run. --quick: every model in a small size (at most two minutes, a test of every build); --all: the
# large sizes too. A model's name runs that one. Needs spin 6.5 and gcc.
cd "$(dirname "$0")" || exit 2
size=--all only=
for a; do case $a in --quick|--all) size=$a ;; *) only=${a%.pml} ;; esac; done
[ $size = --all ] && export T=${T:-1800} MEM=${MEM:-14000}
bad=0 lines=0
r() { [ -z "$only" ] || [ "$only.pml" = "$1" ] || return 0; lines=$((lines + 1)); ./chk "$@" || bad=$((bad + 1)); }
fails() { local m=$1 f=$2 v; shift 2; for v; do O=-O0 r "$m" FAIL "$v" $f $(for w in $v; do echo "-D$w"; done); done; }
acyclic() { [ -z "$only" ] || [ "$only.pml" = "$1" ] || return 0; lines=$((lines + 1)); ./acyc "$@" || bad=$((bad + 1)); }
large() { [ $size = --all ]; }

r asks.pml pass "all rules"
fails asks.pml "" MEM_FIRST SEP_TX REC_UNKNOWN ID_REUSE EXPIRED_FIRST LAST_WINS LOCAL_DIRECT

r asks_lost.pml pass "all rules, 1 fault" -DF=1
large && { r asks_lost.pml pass "all rules, 2 faults"; r asks_lost.pml pass "CURSOR" -DCURSOR; }
r asks_lost.pml pass "ID_COUNT: the stamp guards too" -DF=1 -DID_COUNT
fails asks_lost.pml "" NO_STAMP NO_CONFIRM EARLY_SETTLE NO_GEN NO_FORK NO_ASK NO_ORPHAN TELL_FIRST STRICT "NO_ASK CLIENT_WAITS"

r fence.pml pass "all rules"
fails fence.pml "" NO_JFENCE "NO_JFENCE OPEN_ONLY SAFE" OPEN_ONLY EQUAL_OK LAST_WINS
large && { fails fence.pml "" "NO_JFENCE NO_STORELOSS"
  for v in OPEN_ONLY EQUAL_OK LAST_WINS; do r fence.pml pass "$v, numbers and contents only" -D$v -DSAFE; done; }

r link.pml pass "all rules"
fails link.pml "" LAST_WINS ABANDONED_COUNTS EARLY_FENCE
fails resume.pml "" "DEDUPE FENCE_LAST" "FENCE_ATT DEDUPE RESTART"
large && r resume.pml pass "all rules" -DFENCE_ATT -DDEDUPE -DEPOCH -DRESTART

r tails.pml pass "all rules, 2 blocks, durable as said" -DN=2 -DF=1 -DB=3 -DNO_RED
large && { r tails.pml pass "all rules, 2 blocks" -DN=2 -DF=1 -DB=3; r tails.pml pass "1 unit, 3 blocks" -DN=1 -DF=1 -DB=4
  r tails.pml pass "READOPT, 2 blocks" -DN=2 -DF=1 -DB=3 -DREADOPT; r tails.pml pass "two readers, 1 unit, no faults" -DN=1 -DF=0 -DB=3 -DR=2; }
fails tails.pml "-DN=2 -DF=1 -DB=4" NO_PAUSE NO_IDX MERGE EPOCH_NOCLEAR "TAIL_EARLY LITERAL_IDX NO_LIVE" TAIL_FIRST

r outbox.pml pass "all rules, 1 fault" -DK=2 -DF=1
large && r outbox.pml pass "all rules, 2 faults" -DK=2 -DF=2
r outbox.pml pass "refusals" -DK=2 -DF=2 -DREF=1 -DNO_LATE -DNO_RESTORE
r outbox.pml pass "relay forgets outboxes" -DK=2 -DF=1 -DFORGET=1
fails outbox.pml "-DK=2 -DF=2 -DREF=1 -DNO_LATE -DNO_RESTORE" NO_QUERY NO_NEUTRAL KEEP_REFUSED
fails outbox.pml "-DK=2 -DF=1 -DFORGET=1" NO_RDEDUP
O=-O0 r outbox.pml FAIL "limit: refusal, late POST, lost store" -DK=2 -DF=2 -DREF=1 -DNO_RESTORE
fails outbox.pml "-DF=2" NO_HDEDUP NO_REPUB
large && { fails outbox.pml "-DF=2" OLD_EXCH DROP_STORED; }

r rollback.pml pass "all fixes, 1 fault" -DF=1 -DLINEAGE -DCONFIRM -DCURSOR -DSTARTED -DRESTORED
large && r rollback.pml pass "all fixes, 2 faults" -DLINEAGE -DCONFIRM -DCURSOR -DSTARTED -DRESTORED
fails rollback.pml "" LINEAGE "LINEAGE CURSOR RESTORED" "LINEAGE CONFIRM CURSOR STARTED"
for v in NO_GEN NO_FORK NO_FORMER; do fails rollback.pml "-DCONFIRM -DCURSOR -DSTARTED -DRESTORED" $v; done

r rollback_commands.pml pass "relay restarts, nothing put back" -DF=1 -DNO_J -DNO_R
fails rollback_commands.pml "-DF=1" STRICT NO_ASK
fails rollback_commands.pml "" NO_RESTORED SERVE_LOST
large && { fails rollback_commands.pml "" NO_WAIT_OPENED NO_HDEDUP NO_STAMP NO_REPUB
  r rollback_commands.pml pass "journal put back" -DF=1 -DNO_R -DNO_C
  r rollback_commands.pml pass "journal put back, relay restarts" -DF=1 -DNO_R
  r rollback_commands.pml pass "relay's store put back" -DF=1 -DNO_J; }

r relays.pml pass "all rules, 1 move or loss" -DF=1
fails relays.pml "-DF=2" CE_SHARED NO_HDEDUP NO_FIRST DROP_STORED NO_STAMP
large && { fails relays.pml "-DF=3 -DN=1" READER_FREE
  r relays.pml pass "2 moves or losses" -DF=2 -DN=1
  r relays.pml pass "2 moves, journal kept" -DF=2 -DNO_LOSS; }

r credit.pml pass "all rules, one reconnect, 2 bytes" -DRECON=1 -DT=2
large && { r credit.pml pass "one reconnect, 3 bytes" -DRECON=1 -DT=3; r credit.pml pass "two reconnects, two pings, 2 bytes" -DRECON=2 -DPINGS=2 -DT=2; }
fails credit.pml "-DRECON=1" REOPEN_FULL UPD_ON_RECV GRANT_RECV RECV_STRICT NO_RESET STALE NO_ROOM

r events.pml pass "all rules, 1 fault" -DN=2 -DF=1
EVENTS="GEN_JOURNAL ACK_EARLY EPOCH_REUSE SNAP_NUM LAST_WINS"
large && EVENTS="NO_JFIRST GEN_JOURNAL NO_EPSIG ACK_MIX OPENED_ACKS ACK_EARLY EPOCH_REUSE AHEAD_CLAMP SNAP_NUM LAST_WINS"
fails events.pml "-DN=2 -DF=2" $EVENTS
large && { fails events.pml "-DN=2 -DF=2" "NO_JFIRST LAX" "NO_JFIRST LAX DETECT" "GEN_JOURNAL CLAIM" "MONO NO_EPCOMMIT"
  r events.pml pass "all rules, 2 faults" -DN=2 -DF=2
  r events.pml pass "no reader goes back, 3 faults" -DN=2 -DF=3 -DMONO
  r events.pml pass "NO_EPCOMMIT, without MONO" -DN=2 -DF=2 -DNO_EPCOMMIT; }

r commands.pml pass "all rules, 1 fault" -DF=1
large && fails commands.pml "-DF=2" DELIVER_EARLY
fails commands.pml "-DF=2" TWO_TX SECOND_OUTCOME ACT_FIRST RUN_AGAIN "ACK_FIRST NO_HOSTLOSS" SNAP_SKIP
large && { fails commands.pml "-DF=2" "RERUN DROP_ON_STORED ONE_STEP NO_HOSTLOSS" "RERUN DROP_ON_STORED ONE_STEP NO_STORELOSS" \
    "RERUN DROP_ON_STORED ONE_STEP NO_STORELOSS SAFE" "WATERMARK SAFE" "WATERMARK NO_STORELOSS"
  fails commands.pml "-DF=3" "WATERMARK SAFE NO_STORELOSS"
  r commands.pml pass "all rules, 3 faults" -DF=3
  r commands.pml pass "ONE_STEP, 3 faults" -DF=3 -DONE_STEP
  r commands.pml pass "draft, nothing lost" -DF=4 -DRERUN -DDROP_ON_STORED -DONE_STEP -DNO_STORELOSS -DNO_HOSTLOSS; }
for m in fence link; do acyclic $m.pml; done
large && { acyclic asks.pml; acyclic asks_lost.pml; acyclic relays.pml -DF=1; acyclic events.pml -DF=2; acyclic commands.pml -DF=2; }

[ $lines -gt 0 ] || { echo "no model is named $only" >&2; exit 2; }
echo "$lines runs, $bad not as expected"
exit $((bad != 0))
