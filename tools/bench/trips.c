/* Round trips: a command goes from the client through the relay to the host, and its outcome comes
 * back as an event. After each one the same disk is asked how long a sync takes. */
#include <stdio.h>
#include <string.h>

#include "world.h"

typedef enum trip_kind {
  TRIP_PROBE = 0,
  TRIP_PROMPT = 1,
  TRIP_ANSWER = 2,
  TRIP_KINDS = 3
} trip_kind;

/* The targets are multiples of a sync: three and four commits lie in the way. */
static const struct {
  const char *name;
  double target;
} kinds[TRIP_KINDS] = {{"probe", 5}, {"prompt", 7}, {"answer", 0}};

typedef struct tripping {
  bench_world *world;
  trip_kind kind;
  lrm_id command_id;
  lrm_command command;
} tripping;

static bool is_done(void *user) {
  tripping *trip = user;
  if (lrm_client_command(trip->world->client, &trip->command_id, &trip->command) != 0) return false;
  return trip->command.state == LRM_COMMAND_DONE;
}

static bool is_asked(void *user) {
  const tripping *trip = user;
  return !lrm_id_none(&trip->world->open_ask);
}

static bool is_idle(void *user) {
  const tripping *trip = user;
  bool quiet = lrm_uv_committer_idle(trip->world->committer) &&
               lrm_host_published(trip->world->host) && lrm_id_none(&trip->world->open_ask);
  return quiet && (trip->kind != TRIP_ANSWER || trip->world->answered);
}

/* The agent asks; the trip begins when the client has seen it. */
static bool open_ask(tripping *trip) {
  static char title[] = "Run make", allow[] = "allow", reject[] = "reject";
  Remote__V1__AskOption yes = REMOTE__V1__ASK_OPTION__INIT, no = yes;
  Remote__V1__PermissionAsk permission = REMOTE__V1__PERMISSION_ASK__INIT;
  Remote__V1__Ask ask = REMOTE__V1__ASK__INIT;
  Remote__V1__AskOption *options[] = {&yes, &no};
  yes.option_id = yes.label = allow;
  yes.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_ALLOW_ONCE;
  no.option_id = no.label = reject;
  no.kind = REMOTE__V1__ASK_OPTION_KIND__ASK_OPTION_KIND_REJECT_ONCE;
  permission.kind = REMOTE__V1__PERMISSION_KIND__PERMISSION_KIND_COMMAND;
  permission.title = title;
  ask.options = options;
  ask.n_options = 2;
  ask.kind_case = REMOTE__V1__ASK__KIND_PERMISSION;
  ask.permission = &permission;
  lrm_id id;
  trip->world->answered = false;
  int error =
      lrm_host_ask(trip->world->host, &ask, &id, lrm_uv_wall_ms(), bench_world_now_ns(trip->world));
  if (error != 0) {
    fprintf(stderr, "bench: ask: %s\n", lrm_error_text(error));
    return false;
  }
  bench_world_host_changed(trip->world);
  return bench_world_wait(trip->world, is_asked, trip);
}

static int submit(tripping *trip) {
  static char text[] = "Please say nothing.", option[] = "allow";
  Remote__V1__Command command = REMOTE__V1__COMMAND__INIT;
  Remote__V1__Probe probe = REMOTE__V1__PROBE__INIT;
  Remote__V1__SubmitPrompt prompt = REMOTE__V1__SUBMIT_PROMPT__INIT;
  Remote__V1__AnswerAsk answer = REMOTE__V1__ANSWER_ASK__INIT;
  Remote__V1__AnswerContent content = REMOTE__V1__ANSWER_CONTENT__INIT;
  switch (trip->kind) {
    case TRIP_PROBE:
      command.body_case = REMOTE__V1__COMMAND__BODY_PROBE;
      command.probe = &probe;
      break;
    case TRIP_PROMPT:
      command.body_case = REMOTE__V1__COMMAND__BODY_SUBMIT_PROMPT;
      command.submit_prompt = &prompt;
      prompt.text = text;
      break;
    case TRIP_ANSWER:
    case TRIP_KINDS:
      command.body_case = REMOTE__V1__COMMAND__BODY_ANSWER_ASK;
      command.answer_ask = &answer;
      content.option_id = option;
      answer.answer = &content;
      answer.ask_id.data = trip->world->open_ask.bytes;
      answer.ask_id.len = sizeof trip->world->open_ask.bytes;
      break;
  }
  uv_update_time(&trip->world->loop);
  int error = lrm_client_submit(trip->world->client, &command, 0, &trip->command_id,
                                bench_world_now_ns(trip->world));
  if (error == 0) lrm_uv_drive_kick(trip->world->client_end.drive);
  return error;
}

/* Seconds; below 0: failed. */
static double make_trip(tripping *trip) {
  if (trip->kind == TRIP_ANSWER && !open_ask(trip)) return -1;
  double start = bench_now_s();
  int error = submit(trip);
  if (error != 0) {
    fprintf(stderr, "bench: %s: %s\n", kinds[trip->kind].name, lrm_error_text(error));
    return -1;
  }
  if (!bench_world_wait(trip->world, is_done, trip)) {
    fprintf(stderr, "bench: %s: no outcome (state %d)\n", kinds[trip->kind].name,
            (int)trip->command.state);
    return -1;
  }
  double took_s = bench_now_s() - start;
  if (trip->command.outcome != REMOTE__V1__COMMAND_OUTCOME_KIND__COMMAND_OUTCOME_KIND_APPLIED) {
    fprintf(stderr, "bench: %s: outcome %u, code %u: %s\n", kinds[trip->kind].name,
            trip->command.outcome, trip->command.code, trip->command.reason);
    return -1;
  }
  return bench_world_wait(trip->world, is_idle, trip) ? took_s : -1;
}

double bench_trip_probe_s(bench_world *world) {
  tripping trip = {.world = world, .kind = TRIP_PROBE};
  return make_trip(&trip);
}

static void add(bench_results *results, trip_kind kind, unsigned trips, double part,
                bench_samples *ours, bench_samples *syncs) {
  char name[64];
  snprintf(name, sizeof name, "%s p%.0f", kinds[kind].name, part * 100);
  bench_result *result = bench_add_value(results, name, "us", bench_percentile(ours, part),
                                         bench_percentile(ours, 0), bench_percentile(ours, 1));
  snprintf(result->peer, sizeof result->peer, "fdatasync p%.0f", part * 100);
  result->peer_value = bench_percentile(syncs, part);
  if (part < 0.9) result->target = kinds[kind].target;
  result->at_most = true;
  snprintf(
      result->settings, sizeof result->settings,
      "%u trips, one at a time; client, relay (own process, SQLite), host (SQLite journal); tcp "
      "on loopback; a 4 KiB append and fdatasync after each",
      trips);
}

static bool measure(bench_world *world, bench_disk *disk, const bench_options *options,
                    bench_results *results, trip_kind kind) {
  static bench_samples ours, syncs;
  ours.count = syncs.count = 0;
  for (unsigned i = 0; i < options->trips; i++) {
    tripping trip = {.world = world, .kind = kind};
    double took_s = make_trip(&trip);
    double sync_s = bench_disk_sync_s(disk);
    if (took_s < 0 || sync_s < 0) return false;
    if (i < 5) continue; /* warming up */
    bench_sample(&ours, took_s * 1e6);
    bench_sample(&syncs, sync_s * 1e6);
  }
  add(results, kind, options->trips, 0.5, &ours, &syncs);
  add(results, kind, options->trips, 0.99, &ours, &syncs);
  return true;
}

bool bench_run_trips(const bench_options *options, bench_results *results) {
  static bench_world world;
  bench_disk disk;
  if (!bench_disk_open(&disk, options)) return false;
  bool good = bench_world_open(&world, options);
  for (int kind = TRIP_PROBE; good && kind < TRIP_KINDS; kind++)
    good = measure(&world, &disk, options, results, (trip_kind)kind);
  bench_world_close(&world);
  bench_disk_close(&disk);
  return good;
}
