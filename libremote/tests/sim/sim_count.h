/* What a run can reach: faults, states and outcomes. X(name, must be reached in 2,000 seeds, text)
 */
#ifndef TESTS_SIM_COUNT_H
#define TESTS_SIM_COUNT_H

#define SIM_COUNT_LIST(X)                                                                   \
  X(FAULT_CUT, 1, "fault: a carrier is cut between bytes")                                  \
  X(FAULT_CUT_AT, 1, "fault: a carrier is cut after k bytes")                               \
  X(FAULT_HALF_OPEN, 1, "fault: half open, one side does not notice")                       \
  X(FAULT_DEAD, 1, "fault: nothing gets through, no side notices")                          \
  X(FAULT_STALL, 1, "fault: a way stalls")                                                  \
  X(FAULT_SLOW_READER, 1, "fault: a reader takes nothing for a while")                      \
  X(FAULT_BYTES, 1, "fault: one byte at a time")                                            \
  X(FAULT_NO_NETWORK, 1, "fault: no new carrier for a while")                               \
  X(FAULT_STORM, 1, "fault: everybody reconnects at once")                                  \
  X(CRASH_HOST, 1, "crash: host")                                                           \
  X(CRASH_RELAY, 1, "crash: relay")                                                         \
  X(CRASH_CLIENT, 1, "crash: client")                                                       \
  X(CRASH_COMMITTING, 1, "crash: a batch was frozen, not written")                          \
  X(CRASH_COMMITTED, 1, "crash: a batch was written, its owner did not know")               \
  X(CRASH_SILENT, 1, "crash: of the machine, the other side is not told")                   \
  X(CRASH_IN_TURN, 1, "crash: host in the middle of a turn")                                \
  X(CRASH_ASK_OPEN, 1, "crash: host with an ask open")                                      \
  X(CRASH_STARTED, 1, "crash: host with a command started, not finished")                   \
  X(TRAP_SPRUNG, 1, "crash: right after an acknowledgement or a receipt")                   \
  X(RELAY_LOST, 1, "store: relay's lost")                                                   \
  X(RELAY_PUT_BACK, 1, "store: relay's put back to an older copy")                          \
  X(JOURNAL_LOST, 1, "store: journal lost")                                                 \
  X(JOURNAL_PUT_BACK, 1, "store: journal put back to an older copy")                        \
  X(SECOND_PROCESS, 1, "store: a second process on a copy of the journal")                  \
  X(DISK_FULL_HOST, 1, "store: commits of a journal fail")                                  \
  X(DISK_FULL_RELAY, 1, "store: commits of the relay fail")                                 \
  X(DISK_SLOW, 1, "store: commits take long")                                               \
  X(DUPLICATE_CLIENT, 1, "duplicate: a client with another's link_id")                      \
  X(SUSPEND_HOST, 1, "clock: a host's machine sleeps")                                      \
  X(SUSPEND_RELAY, 1, "clock: the relay's machine sleeps")                                  \
  X(SUSPEND_CLIENT, 1, "clock: a client's machine sleeps")                                  \
  X(CLOCK_STOOD, 1, "clock: ... and its monotonic clock stood still")                       \
  X(CLOCK_STEP, 1, "clock: a calendar is set")                                              \
  X(NO_MEMORY_HOST, 1, "memory: an allocation of a host failed")                            \
  X(NO_MEMORY_RELAY, 1, "memory: an allocation of the relay failed")                        \
  X(NO_MEMORY_CLIENT, 1, "memory: an allocation of a client failed")                        \
  X(DRAIN, 1, "relay: drains and stops")                                                    \
  X(PRUNE, 1, "relay: forgets what is old")                                                 \
  X(CEILING, 1, "relay: an account's ceiling is lowered")                                   \
  X(NEW_HISTORY, 1, "agent: loads another history")                                         \
  X(REMOTE_OFF, 1, "host: remote control off")                                              \
  X(AGENT_GONE, 1, "agent: dies")                                                           \
  X(SUPERSEDED_LINK, 1, "link: superseded")                                                 \
  X(SILENT_LINK, 1, "link: given up after silence")                                         \
  X(FENCED_HOST, 1, "host: fenced")                                                         \
  X(CREDIT_EXHAUSTED, 1, "link: credit was used up")                                        \
  X(ACK_OF_RELAY, 1, "step: the relay acknowledges events")                                 \
  X(ACK_OF_HOST, 1, "step: a host acknowledges commands")                                   \
  X(RECEIPT_STORED, 1, "step: a receipt, stored")                                           \
  X(RECEIPT_REFUSED, 1, "step: a receipt, refused")                                         \
  X(READ_EVENT, 1, "read: events")                                                          \
  X(READ_TAIL, 1, "read: tails")                                                            \
  X(READ_SNAPSHOT, 1, "read: snapshots taken")                                              \
  X(READ_RESET, 1, "read: resets to another epoch")                                         \
  X(READ_PASSED, 1, "read: snapshots passed over")                                          \
  X(READ_AHEAD, 1, "read: a reader is ahead of the relay")                                  \
  X(READ_TRIMMED, 1, "read: a wanted offset is gone")                                       \
  X(READ_FOREIGN, 1, "read: another account's session is NOT_FOUND")                        \
  X(SET_OF_PARTS, 1, "journal: a snapshot set of several parts")                            \
  X(EPOCH, 1, "journal: a new epoch")                                                       \
  X(FORK, 1, "journal: two things journalled under one number")                             \
  X(JOURNAL_TRIMMED, 1, "journal: trimmed")                                                 \
  X(RELAY_TRIMMED, 1, "relay: its log was trimmed")                                         \
  X(CLEARS_TAIL, 1, "journal: CLEARS_TAIL blocks")                                          \
  X(COMMAND_PROMPT, 1, "command: prompt")                                                   \
  X(COMMAND_STEER, 1, "command: prompt, steering")                                          \
  X(COMMAND_ANSWER, 1, "command: answer")                                                   \
  X(COMMAND_CANCEL, 1, "command: cancel")                                                   \
  X(COMMAND_WITHDRAW, 1, "command: withdraw")                                               \
  X(COMMAND_QUERY, 1, "command: query")                                                     \
  X(COMMAND_PROBE, 1, "command: probe")                                                     \
  X(COMMAND_SNAPSHOT, 1, "command: request a snapshot")                                     \
  X(COMMAND_MODE, 1, "command: set mode or option")                                         \
  X(COMMAND_TITLE, 1, "command: set title")                                                 \
  X(COMMAND_SLASH, 1, "command: slash command")                                             \
  X(COMMAND_ATTACHMENT, 1, "command: attachment")                                           \
  X(COMMAND_END_REMOTE, 1, "command: end remote control")                                   \
  X(OUTCOME_APPLIED, 1, "outcome: applied")                                                 \
  X(OUTCOME_REJECTED, 1, "outcome: rejected by the host")                                   \
  X(OUTCOME_REFUSED, 1, "outcome: refused by the relay")                                    \
  X(OUTCOME_SUPERSEDED, 1, "outcome: superseded")                                           \
  X(OUTCOME_EXPIRED, 1, "outcome: expired")                                                 \
  X(OUTCOME_WITHDRAWN, 1, "outcome: withdrawn")                                             \
  X(OUTCOME_UNKNOWN, 1, "outcome: unknown")                                                 \
  X(OUTCOME_RESENT, 1, "step: a receipt, said again")                                       \
  X(ASK_PERMISSION, 1, "ask: permission")                                                   \
  X(ASK_QUESTION, 1, "ask: question")                                                       \
  X(ASK_PLAN, 1, "ask: plan")                                                               \
  X(ASK_FORM, 1, "ask: form")                                                               \
  X(ASK_URL, 1, "ask: open a URL")                                                          \
  X(ASK_LIMIT, 1, "ask: a limit")                                                           \
  X(ASK_ANSWERED, 1, "ask ended: answered from afar")                                       \
  X(ASK_ANSWERED_HERE, 1, "ask ended: answered at the host")                                \
  X(ASK_EXPIRED, 1, "ask ended: expired")                                                   \
  X(ASK_WITHDRAWN, 1, "ask ended: withdrawn")                                               \
  X(ASK_CANCELLED, 1, "ask ended: cancelled")                                               \
  X(ASK_ORPHANED, 1, "ask ended: orphaned")                                                 \
  X(ASK_LATE, 1, "ask: a later answer was told who won")                                    \
  X(EXCEPTION_12_6, 0, "clause 12.6: lost with the relay's store, its sender gone")         \
  X(EXCEPTION_12_8, 0, "clause 12.8: run again from a journal put back")                    \
  X(EXCEPTION_TORN, 0, "no clause: journal put back and relay's events lost: readers torn") \
  X(REOPENED, 1, "person: opens again what was closed for good")                            \
  X(CONVERGED, 1, "end: converged within 60 s")                                             \
  X(CONVERGED_SLOW, 0, "end: ... needed more than 30 s")

typedef enum sim_count {
#define SIM_COUNT_ENUM(name, must, text) SIM_##name,
  SIM_COUNT_LIST(SIM_COUNT_ENUM)
#undef SIM_COUNT_ENUM
      SIM_COUNTS
} sim_count;

#endif
