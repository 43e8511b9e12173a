/* The same work over each carrier: a round trip, reading a session back, and what an idle
 * connection costs the relay. Ratios are to tcp, in the same run. */
#include <stdio.h>
#include <string.h>

#include "idle.h"

enum { EVENTS = 30000, EVENT_TEXT_BYTES = 120, EMIT_STEP = 2000 };

static const bench_carrier carriers[] = {
    {"tcp", "tcp", false},    {"unix", "unix", false}, {"tls", "tls", true},
    {"ws", "ws", false},      {"wss", "wss", true},    {"grpc", "grpc", false},
    {"grpcs", "grpcs", true}, {"poll", "http", false}, {"polls", "https", true},
};

typedef enum figure {
  PROBE_P50 = 0,
  PROBE_P99 = 1,
  READ_1 = 2,
  READ_10 = 3,
  IDLE = 4,
  SUBSCRIBED = 5,
  FIGURES = 6
} figure;

static const char *const names[FIGURES] = {"probe p50",      "probe p99", "events/s to 1",
                                           "events/s to 10", "idle",      "idle, subscribed"};
static const char *const units[FIGURES] = {"us", "us", "ev/s", "ev/s", "KiB", "KiB"};

static void add(bench_results *results, const bench_carrier *carrier, figure which, double value,
                double low, double high, double of_tcp, const char *settings) {
  char name[64];
  snprintf(name, sizeof name, "%s: %s", carrier->client, names[which]);
  bench_result *result = bench_add_value(results, name, units[which], value, low, high);
  snprintf(result->settings, sizeof result->settings, "%s", settings);
  if (of_tcp <= 0) return;
  snprintf(result->peer, sizeof result->peer, "tcp: %s", names[which]);
  result->peer_value = of_tcp;
}

/* ---- round trips ---- */

static bool measure_trips(bench_world *world, const bench_options *options, bench_results *results,
                          double of_tcp[FIGURES]) {
  static bench_samples samples;
  char settings[160];
  samples.count = 0;
  for (unsigned i = 0; i < options->trips; i++) {
    double took_s = bench_trip_probe_s(world);
    if (took_s < 0) return false;
    if (i >= 5) bench_sample(&samples, took_s * 1e6);
  }
  snprintf(settings, sizeof settings,
           "%u probes, one at a time; client, relay and host as in `trips`", options->trips);
  for (int which = PROBE_P50; which <= PROBE_P99; which++) {
    double value = bench_percentile(&samples, which == PROBE_P50 ? 0.5 : 0.99);
    add(results, options->carrier, (figure)which, value, bench_percentile(&samples, 0),
        bench_percentile(&samples, 1), of_tcp[which], settings);
    if (of_tcp[which] == 0) of_tcp[which] = value;
  }
  return true;
}

/* ---- reading back ---- */

static bool all_published(void *user) {
  const bench_world *world = user;
  return lrm_uv_committer_idle(world->committer) && lrm_host_published(world->host);
}

static bool emit_events(bench_world *world) {
  static char text[EVENT_TEXT_BYTES + 1];
  Remote__V1__Notice notice = REMOTE__V1__NOTICE__INIT;
  Remote__V1__Event event = REMOTE__V1__EVENT__INIT;
  event.body_case = REMOTE__V1__EVENT__BODY_NOTICE;
  event.notice = &notice;
  notice.text = text;
  for (unsigned i = 0; i < EVENTS;) {
    for (unsigned step = 0; step < EMIT_STEP && i < EVENTS; step++, i++) {
      memset(text, 'a' + (int)(i % 26), EVENT_TEXT_BYTES);
      snprintf(text, sizeof text, "%u", i);
      text[strlen(text)] = ' ';
      if (lrm_host_emit(world->host, &event, lrm_uv_wall_ms(), bench_world_now_ns(world)) != 0)
        return false;
    }
    bench_world_host_changed(world);
    if (!bench_world_wait(world, all_published, world)) return false;
  }
  return true;
}

static bool measure_reading(bench_world *world, const bench_options *options,
                            bench_results *results, double of_tcp[FIGURES]) {
  char settings[160];
  for (int which = READ_1; which <= READ_10; which++) {
    static bench_samples samples;
    unsigned readers = which == READ_1 ? 1 : 10;
    samples.count = 0;
    for (unsigned round = 0; round < options->rounds; round++) {
      bench_crowd *crowd = bench_crowd_open(world, readers);
      if (crowd == NULL) return false;
      double start = bench_now_s();
      bool good = bench_crowd_subscribe(crowd, true);
      double took_s = bench_now_s() - start;
      uint64_t read = bench_crowd_read(crowd);
      bench_crowd_close(crowd);
      if (!good || read < EVENTS) return false;
      bench_sample(&samples, (double)read * readers / took_s);
    }
    snprintf(settings, sizeof settings,
             "%d events of %d bytes of text read back from the relay's store by %u links of one "
             "process; sum of all; median of %u",
             EVENTS, EVENT_TEXT_BYTES, readers, options->rounds);
    double value = bench_percentile(&samples, 0.5);
    add(results, options->carrier, (figure)which, value, bench_percentile(&samples, 0),
        bench_percentile(&samples, 1), of_tcp[which], settings);
    if (of_tcp[which] == 0) of_tcp[which] = value;
  }
  return true;
}

/* ---- idle connections ---- */

static bool measure_idle(bench_world *world, const bench_options *options, bench_results *results,
                         double of_tcp[FIGURES]) {
  char settings[160];
  /* What the first connections bring with them is not the price of one more. */
  bench_crowd *first = bench_crowd_open(world, 32);
  if (first == NULL) return false;
  bool good = bench_crowd_subscribe(first, false);
  double before = bench_relay_kib(&world->relay);
  bench_crowd *crowd = good ? bench_crowd_open(world, options->idle) : NULL;
  double connected = bench_relay_kib(&world->relay);
  good = crowd != NULL && bench_crowd_subscribe(crowd, false);
  double subscribed = bench_relay_kib(&world->relay);
  if (crowd != NULL) bench_crowd_close(crowd);
  bench_crowd_close(first);
  if (!good) return false;
  snprintf(settings, sizeof settings,
           "%u connections welcomed, then each subscribed at the end of one session; private dirty "
           "memory of the relay for each",
           options->idle);
  double values[2] = {(connected - before) / options->idle, (subscribed - before) / options->idle};
  for (int which = IDLE; which <= SUBSCRIBED; which++) {
    double value = values[which - IDLE];
    add(results, options->carrier, (figure)which, value, value, value, of_tcp[which], settings);
    if (of_tcp[which] == 0) of_tcp[which] = value;
  }
  return true;
}

/* ---- all ---- */

static bool measure(const bench_options *options, bench_results *results, double of_tcp[FIGURES]) {
  static bench_world world;
  bool good = bench_world_open(&world, options) &&
              measure_trips(&world, options, results, of_tcp) && emit_events(&world) &&
              measure_reading(&world, options, results, of_tcp) &&
              measure_idle(&world, options, results, of_tcp);
  bench_world_close(&world);
  return good;
}

bool bench_run_carriers(const bench_options *options, bench_results *results) {
  static const lrm_uv_settings all = {.struct_bytes = sizeof all, .kinds = lrm_uv_kinds};
  double of_tcp[FIGURES] = {0};
  bool good = true;
  for (size_t i = 0; i < sizeof carriers / sizeof carriers[0]; i++) {
    lrm_url url = {.port = 1};
    char folder[1200];
    snprintf(url.scheme, sizeof url.scheme, "%s", carriers[i].client);
    if (!lrm_uv_can_connect(&url, &all)) {
      fprintf(stderr, "bench: this build has no %s\n", carriers[i].client);
      continue;
    }
    bench_options one = *options;
    one.carrier = &carriers[i];
    snprintf(folder, sizeof folder, "%s/%s/", options->folder, carriers[i].client);
    if (!bench_make_folders(folder)) return false;
    folder[strlen(folder) - 1] = '\0';
    one.folder = folder;
    fprintf(stderr, "bench: carriers: %s\n", carriers[i].client);
    if (measure(&one, results, of_tcp)) continue;
    fprintf(stderr, "bench: carriers: %s failed\n", carriers[i].client);
    good = false;
  }
  return good;
}
