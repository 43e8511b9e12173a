#include "metrics.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

/* ---- counting ---- */

metrics_carrier *metrics_carrier_of(metrics *m, const char *scheme) {
  for (unsigned i = 0; i + 1 < METRICS_CARRIERS; i++) {
    metrics_carrier *c = &m->carriers[i];
    if (c->scheme[0] == '\0') snprintf(c->scheme, sizeof c->scheme, "%s", scheme);
    if (strncmp(c->scheme, scheme, sizeof c->scheme - 1) == 0) return c;
  }
  metrics_carrier *last = &m->carriers[METRICS_CARRIERS - 1];
  snprintf(last->scheme, sizeof last->scheme, "other");
  return last;
}

/* Upper bounds in microseconds: a commit is one sync of the disk. */
static const uint32_t commit_bounds_us[METRICS_COMMIT_BUCKETS] = {
    250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 5000000};

void metrics_frozen(metrics *m, uint64_t now_ns) { m->frozen_ns = now_ns; }

void metrics_settled(metrics *m, int result, uint64_t now_ns) {
  uint64_t took_ns = m->frozen_ns != 0 && now_ns > m->frozen_ns ? now_ns - m->frozen_ns : 0;
  m->frozen_ns = 0;
  if (result != 0) return;
  unsigned at = 0;
  while (at < METRICS_COMMIT_BUCKETS && took_ns > commit_bounds_us[at] * UINT64_C(1000)) at++;
  m->commits[at]++;
  m->commits_count++;
  m->commits_ns += took_ns;
}

/* ---- text ---- */

typedef struct text {
  char *out;
  size_t bytes, used;
  bool full;
} text;

__attribute__((format(printf, 2, 3))) static void say(text *t, const char *format, ...) {
  va_list list;
  va_start(list, format);
  int written = t->full ? -1 : vsnprintf(t->out + t->used, t->bytes - t->used, format, list);
  va_end(list);
  if (written < 0 || (size_t)written >= t->bytes - t->used) {
    t->full = true;
  } else {
    t->used += (size_t)written;
  }
}

static void head(text *t, const char *name, const char *type, const char *help) {
  say(t, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

typedef struct row {
  const char *name, *type, *help;
  uint64_t value;
} row;

static void say_rows(text *t, const row *rows, size_t count) {
  for (size_t i = 0; i < count; i++) {
    head(t, rows[i].name, rows[i].type, rows[i].help);
    say(t, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
  }
}

static void say_core(text *t, const relay_stats *n) {
  const row rows[] = {
      {"remote_relay_accounts", "gauge", "Accounts.", n->accounts},
      {"remote_relay_devices", "gauge", "Devices that were not revoked.", n->devices},
      {"remote_relay_sessions", "gauge", "Sessions that were not deleted.", n->sessions},
      {"remote_relay_tombstones", "gauge", "Deleted sessions that are remembered.", n->tombstones},
      {"remote_relay_hosts_attached", "gauge", "Sessions whose host is here.", n->hosts_attached},
      {"remote_relay_readers", "gauge", "Channels that read events.", n->readers},
      {"remote_relay_log_bytes", "gauge", "Stored bytes of all logs.", n->log_bytes},
      {"remote_relay_memory_bytes", "gauge", "Memory of the core and its links.", n->memory_bytes},
      {"remote_relay_store_failing", "gauge", "1 while the last commit failed.", n->store_failing},
      {"remote_relay_blocks_received_total", "counter", "Blocks that hosts published.",
       n->blocks_in},
      {"remote_relay_block_received_bytes_total", "counter", "Payload of those blocks.",
       n->block_bytes_in},
      {"remote_relay_messages_received_total", "counter", "Messages in those blocks.",
       n->messages_in},
      {"remote_relay_blocks_sent_total", "counter", "Blocks sent to readers and hosts.",
       n->blocks_out},
      {"remote_relay_block_sent_bytes_total", "counter", "Payload of those blocks.",
       n->block_bytes_out},
      {"remote_relay_tails_received_total", "counter", "Tails that hosts sent.", n->tails_in},
      {"remote_relay_commands_stored_total", "counter", "Commands stored.", n->commands_stored},
      {"remote_relay_commands_refused_total", "counter", "Commands refused by their receipt.",
       n->commands_refused},
      {"remote_relay_commands_delivered_total", "counter", "Commands that hosts acknowledged.",
       n->commands_delivered},
      {"remote_relay_commit_errors_total", "counter", "Commits that failed.", n->commit_errors},
      {"remote_relay_login_failures_total", "counter",
       "Failures to sign in, counted once for each subject that they are counted by.",
       n->login_failures}};
  say_rows(t, rows, sizeof rows / sizeof *rows);
  head(t, "remote_relay_connections", "gauge", "Connections, by whether they have signed in.");
  say(t, "remote_relay_connections{state=\"unsigned\"} %llu\n",
      (unsigned long long)n->connections_unsigned);
  say(t, "remote_relay_connections{state=\"live\"} %llu\n",
      (unsigned long long)(n->connections - n->connections_unsigned));
}

static void say_notices(text *t, const relay_notice_counts *n) {
  const row rows[] = {
      {"remote_relay_notifications_failed_total", "counter", "Attempts that failed.", n->failed},
      {"remote_relay_notifications_dropped_total", "counter", "Messages given up.", n->dropped},
      {"remote_relay_notifications_held_total", "counter",
       "What was over before anybody had to be told.", n->held},
      {"remote_relay_notifications_counted_total", "counter",
       "Asks that were told together with others.", n->counted},
      {"remote_relay_notifications_waiting", "gauge", "Messages that wait.", n->waiting},
      {"remote_relay_push_subscriptions", "gauge", "Browsers that are told.", n->subscriptions}};
  say_rows(t, rows, sizeof rows / sizeof *rows);
  head(t, "remote_relay_notifications_sent_total", "counter", "Messages that were taken.");
  say(t, "remote_relay_notifications_sent_total{target=\"webhook\"} %llu\n",
      (unsigned long long)n->sent_hook);
  say(t, "remote_relay_notifications_sent_total{target=\"push\"} %llu\n",
      (unsigned long long)n->sent_push);
}

static void say_refusal(void *user, uint32_t code, uint64_t count) {
  say(user, "remote_relay_refusals_total{code=\"%u\",name=\"%s\"} %llu\n", (unsigned)code,
      lrm_code_name(code), (unsigned long long)count);
}

static void say_limit(void *user, const char *name, uint64_t count) {
  say(user, "remote_relay_limit_reached_total{limit=\"%s\"} %llu\n", name,
      (unsigned long long)count);
}

static void say_carriers(text *t, const metrics *m) {
  static const struct {
    const char *name, *type, *help;
    size_t at;
  } rows[] = {{"remote_relay_carriers", "gauge", "Carriers that are up, by kind.",
               offsetof(metrics_carrier, open)},
              {"remote_relay_carriers_accepted_total", "counter", "Carriers that were taken.",
               offsetof(metrics_carrier, accepted)},
              {"remote_relay_carriers_turned_away_total", "counter",
               "Carriers for which there was no place.", offsetof(metrics_carrier, turned_away)},
              {"remote_relay_carrier_received_bytes_total", "counter", "Bytes of frames received.",
               offsetof(metrics_carrier, received_bytes)},
              {"remote_relay_carrier_sent_bytes_total", "counter", "Bytes of frames sent.",
               offsetof(metrics_carrier, sent_bytes)}};
  for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
    head(t, rows[r].name, rows[r].type, rows[r].help);
    for (unsigned i = 0; i < METRICS_CARRIERS; i++) {
      const metrics_carrier *c = &m->carriers[i];
      uint64_t value;
      if (c->scheme[0] == '\0') continue;
      memcpy(&value, (const uint8_t *)c + rows[r].at, sizeof value);
      say(t, "%s{carrier=\"%s\"} %llu\n", rows[r].name, c->scheme, (unsigned long long)value);
    }
  }
}

static void say_commits(text *t, const metrics *m) {
  static const char name[] = "remote_relay_commit_seconds";
  uint64_t below = 0;
  head(t, name, "histogram", "How long commits took, from freezing to durable.");
  for (unsigned i = 0; i < METRICS_COMMIT_BUCKETS; i++) {
    below += m->commits[i];
    say(t, "%s_bucket{le=\"%g\"} %llu\n", name, commit_bounds_us[i] / 1e6,
        (unsigned long long)below);
  }
  say(t, "%s_bucket{le=\"+Inf\"} %llu\n", name, (unsigned long long)m->commits_count);
  say(t, "%s_sum %.6f\n%s_count %llu\n", name, (double)m->commits_ns / 1e9, name,
      (unsigned long long)m->commits_count);
}

/* Pages of this process in memory; 0: not to be had. */
static uint64_t resident_bytes(void) {
  char line[128] = "", *end = NULL;
  FILE *file = fopen("/proc/self/statm", "re");
  if (file == NULL) return 0;
  bool read = fgets(line, sizeof line, file) != NULL;
  fclose(file);
  if (!read || strchr(line, ' ') == NULL) return 0;
  unsigned long long pages = strtoull(strchr(line, ' '), &end, 10); /* the second number */
  return pages * (unsigned long long)sysconf(_SC_PAGESIZE);
}

static uint64_t open_descriptors(void) {
  uint64_t count = 0;
  DIR *all = opendir("/proc/self/fd");
  if (all == NULL) return 0;
  for (const struct dirent *e; (e = readdir(all)) != NULL;) count += e->d_name[0] != '.';
  closedir(all);
  return count > 0 ? count - 1 : 0; /* the one that looks */
}

static void say_process(text *t, const server *s) {
  const row rows[] = {
      {"process_start_time_seconds", "gauge", "When it started, Unix time.",
       s->metrics.started_ms / 1000},
      {"process_resident_memory_bytes", "gauge", "Memory of the process.", resident_bytes()},
      {"process_open_fds", "gauge", "Open file descriptors.", open_descriptors()},
      {"remote_relay_log_lines_left_out_total", "counter", "Log lines over their event's rate.",
       log_lines_left_out()},
      {"remote_relay_draining", "gauge", "1 while it stops.", s->draining != DRAIN_NONE}};
  head(t, "remote_relay_build_info", "gauge", "Version of the program.");
  say(t, "remote_relay_build_info{version=\"%s\"} 1\n", REMOTE_VERSION);
  say_rows(t, rows, sizeof rows / sizeof *rows);
}

size_t metrics_text(server *s, char *out, size_t out_bytes) {
  text t = {out, out_bytes, 0, out_bytes == 0};
  relay_stats now = relay_stats_now(s->state.relay);
  say_process(&t, s);
  relay_notice_counts notices = relay_notices_now(s->state.relay);
  say_core(&t, &now);
  say_notices(&t, &notices);
  head(&t, "remote_relay_refusals_total", "counter",
       "What was refused, closed or ended by the relay, by code.");
  relay_each_refusal(s->state.relay, say_refusal, &t);
  head(&t, "remote_relay_limit_reached_total", "counter", "How often a limit was reached.");
  relay_each_limit(s->state.relay, say_limit, &t);
  say_carriers(&t, &s->metrics);
  say_commits(&t, &s->metrics);
  return t.full ? 0 : t.used;
}
