/* A TCP proxy that spoils what passes: for tests that cut links outside the programs.
 *
 * Commands come on stdin, one a line, each is answered by one line on stdout ("ok …" or "error …");
 * the proxy ends with its input. A route listens on a loopback port and passes each connection on.
 *
 *   route NAME HOST PORT [LISTEN]  makes a route; answers its port
 *   set NAME KEY=VALUE…            delay=MS jitter=MS rate=BYTES_A_SECOND (0: no limit) one=0|1
 * (one byte a write) stall=up|down|both|none (nothing is read from there) hole=0|1 (new connections
 * are taken and swallowed) refuse=0|1 cut NAME [fin]                 resets all connections; fin:
 * closes them in order cut-after NAME up|down BYTES   all connections are reset once so many more
 * bytes have passed half NAME                      what is connected now is swallowed for ever, and
 * never told so heal NAME                      as at the beginning; swallowed connections stay
 * swallowed stats NAME                     connections, accepted, swallowed, bytes up and down
 *
 * "up" goes to the target. Bytes are never reordered or changed. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum {
  ROUTES_MAX = 64,
  WORDS_MAX = 16,
  QUEUE_BYTES_MAX = 256 * 1024, /* then no more is read: what waits is bounded */
  READ_BYTES = 16 * 1024,
  ONE_BYTE_BURST = 128 /* single-byte writes in one turn of the loop */
};

typedef struct route route;
typedef struct connection connection;

typedef struct chunk {
  struct chunk *next;
  uint64_t due_ns;
  size_t bytes, sent;
  char data[];
} chunk;

/* One direction of a connection. */
typedef struct flow {
  connection *connection;
  uv_tcp_t *from, *to;
  uv_timer_t timer;
  chunk *first, *last;
  size_t queued;
  uint64_t last_due_ns; /* so that nothing overtakes */
  uint64_t free_ns;     /* when the rate lets the next byte go */
  bool reading, ended, ended_sent;
} flow;

struct connection {
  connection *next;
  route *route;
  uv_tcp_t side[2]; /* 0: the one who connected, 1: the target */
  flow flow[2];     /* 0: up, 1: down */
  uv_connect_t connect;
  int handles;   /* open ones; freed with the last */
  bool linked;   /* the target has answered */
  bool swallows; /* half open */
  bool closing;
};

struct route {
  char name[32];
  struct sockaddr_in target;
  uv_tcp_t *listener; /* NULL: refuses */
  int port;
  unsigned delay_ms, jitter_ms;
  uint64_t rate;
  bool one_byte, hole, stall[2];
  int64_t cut_after[2]; /* bytes left; -1: no cut */
  uint64_t passed[2], accepted, swallowed;
  connection *connections;
};

static uv_loop_t loop;
static route routes[ROUTES_MAX];
static size_t routes_count;

static void flow_work(flow *f);

static uint64_t now_ns(void) { return uv_hrtime(); }

static unsigned random_below(unsigned limit) {
  static uint64_t state = 0x9E3779B97F4A7C15u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return limit == 0 ? 0 : (unsigned)(state % limit);
}

/* ---- the end of a connection ---- */

static void on_handle_closed(uv_handle_t *handle) {
  connection *c = handle->data;
  if (--c->handles > 0) return;
  for (int i = 0; i < 2; i++) {
    for (chunk *k = c->flow[i].first, *next; k != NULL; k = next) {
      next = k->next;
      free(k);
    }
  }
  free(c);
}

static void connection_close(connection *c, bool reset) {
  if (c->closing) return;
  c->closing = true;
  for (connection **at = &c->route->connections; *at != NULL; at = &(*at)->next) {
    if (*at != c) continue;
    *at = c->next;
    break;
  }
  for (int i = 0; i < 2; i++) {
    uv_close((uv_handle_t *)&c->flow[i].timer, on_handle_closed);
    if (!reset || uv_tcp_close_reset(&c->side[i], on_handle_closed) != 0)
      uv_close((uv_handle_t *)&c->side[i], on_handle_closed);
  }
}

static void close_all(route *r, bool reset) {
  while (r->connections != NULL) connection_close(r->connections, reset);
}

/* ---- passing on ---- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  static char room[READ_BYTES];
  (void)handle;
  (void)suggested;
  *buffer = uv_buf_init(room, sizeof room);
}

static void flow_take(flow *f, const char *data, size_t bytes) {
  route *r = f->connection->route;
  chunk *k = malloc(sizeof *k + bytes);
  if (k == NULL) {
    connection_close(f->connection, true);
    return;
  }
  uint64_t due_ns = now_ns() + (r->delay_ms + random_below(r->jitter_ms + 1)) * UINT64_C(1000000);
  if (due_ns < f->last_due_ns) due_ns = f->last_due_ns;
  f->last_due_ns = due_ns;
  *k = (chunk){NULL, due_ns, bytes, 0};
  memcpy(k->data, data, bytes);
  if (f->last != NULL)
    f->last->next = k;
  else
    f->first = k;
  f->last = k;
  f->queued += bytes;
}

static void on_read(uv_stream_t *stream, ssize_t bytes, const uv_buf_t *buffer) {
  connection *c = stream->data;
  flow *f = &c->flow[stream == (uv_stream_t *)&c->side[0] ? 0 : 1];
  if (c->closing || bytes == 0) return;
  if (bytes < 0) {
    f->ended = true;
    f->reading = false;
    (void)uv_read_stop(stream);
    if (c->swallows) {
      /* The other side must not learn of it: it finds out by itself, and leaves then. */
      if (!c->linked || (c->flow[0].ended && c->flow[1].ended)) connection_close(c, false);
      return;
    }
    if (bytes != UV_EOF) {
      connection_close(c, true);
      return;
    }
  } else if (!c->swallows) {
    flow_take(f, buffer->base, (size_t)bytes);
  }
  if (!c->closing) flow_work(f);
}

typedef struct write_request {
  uv_write_t write;
  char data[];
} write_request;

static void on_written(uv_write_t *request, int status) {
  connection *c = request->handle->data;
  free(request);
  if (c->closing || status == UV_ECANCELED) return;
  if (status != 0) {
    connection_close(c, true);
    return;
  }
  flow_work(&c->flow[0]);
  if (!c->closing) flow_work(&c->flow[1]);
}

static bool flow_write(flow *f, const char *data, size_t bytes) {
  write_request *w = malloc(sizeof *w + bytes);
  if (w == NULL) return false;
  memcpy(w->data, data, bytes);
  uv_buf_t buffer = uv_buf_init(w->data, (unsigned)bytes);
  if (uv_write(&w->write, (uv_stream_t *)f->to, &buffer, 1, on_written) == 0) return true;
  free(w);
  return false;
}

/* How much of the head may go now. */
static size_t flow_allowed(flow *f, const chunk *k) {
  const route *r = f->connection->route;
  size_t bytes = k->bytes - k->sent;
  if (r->one_byte) bytes = 1;
  if (r->rate != 0) {
    size_t slice = (size_t)(r->rate / 50) + 1; /* 20 ms worth */
    if (bytes > slice) bytes = slice;
    uint64_t base_ns = f->free_ns > now_ns() ? f->free_ns : now_ns();
    f->free_ns = base_ns + bytes * UINT64_C(1000000000) / r->rate;
  }
  return bytes;
}

static void pop(flow *f, size_t bytes) {
  chunk *k = f->first;
  k->sent += bytes;
  f->queued -= bytes;
  if (k->sent < k->bytes) return;
  f->first = k->next;
  if (f->first == NULL) f->last = NULL;
  free(k);
}

/* False: the cut is due, and everything of the route is gone. */
static bool count_passed(flow *f, int direction, size_t bytes) {
  route *r = f->connection->route;
  r->passed[direction] += bytes;
  if (r->cut_after[direction] < 0) return true;
  r->cut_after[direction] -= (int64_t)bytes;
  if (r->cut_after[direction] > 0) return true;
  r->cut_after[direction] = -1;
  close_all(r, true);
  return false;
}

static void on_timer(uv_timer_t *timer) {
  connection *c = timer->data;
  if (!c->closing) flow_work(&c->flow[timer == &c->flow[0].timer ? 0 : 1]);
}

static void wake_at(flow *f, uint64_t due_ns) {
  uint64_t now = now_ns();
  uint64_t ms = due_ns > now ? (due_ns - now + 999999) / 1000000 : 0;
  (void)uv_timer_start(&f->timer, on_timer, ms, 0);
}

static void on_shut(uv_shutdown_t *request, int status) {
  connection *c = request->handle->data;
  free(request);
  (void)status;
  if (!c->closing && c->flow[0].ended_sent && c->flow[1].ended_sent) connection_close(c, false);
}

static void flow_end(flow *f) {
  uv_shutdown_t *request = malloc(sizeof *request);
  f->ended_sent = true;
  if (request == NULL || uv_shutdown(request, (uv_stream_t *)f->to, on_shut) != 0) {
    free(request);
    connection_close(f->connection, false);
  }
}

/* Sends what is due, reads on or stops reading. */
static void flow_work(flow *f) {
  connection *c = f->connection;
  route *r = c->route;
  int direction = f == &c->flow[0] ? 0 : 1;
  int burst = 0;
  bool stalled = r->stall[direction] && !c->swallows;
  while (c->linked && !stalled && f->first != NULL &&
         uv_stream_get_write_queue_size((uv_stream_t *)f->to) < QUEUE_BYTES_MAX) {
    uint64_t due_ns = f->first->due_ns > f->free_ns ? f->first->due_ns : f->free_ns;
    if (r->rate == 0) due_ns = f->first->due_ns;
    if (due_ns > now_ns() || (r->one_byte && ++burst > ONE_BYTE_BURST)) {
      wake_at(f, due_ns);
      break;
    }
    size_t bytes = flow_allowed(f, f->first);
    int64_t left = r->cut_after[direction];
    if (left > 0 && (int64_t)bytes > left) bytes = (size_t)left;
    if (!flow_write(f, f->first->data + f->first->sent, bytes)) {
      connection_close(c, true);
      return;
    }
    pop(f, bytes);
    if (!count_passed(f, direction, bytes)) return;
  }
  bool open = c->linked || (c->swallows && direction == 0);
  bool wanted = open && !stalled && !f->ended && f->queued < QUEUE_BYTES_MAX;
  if (wanted != f->reading) {
    f->reading = wanted;
    if (wanted)
      (void)uv_read_start((uv_stream_t *)f->from, on_alloc, on_read);
    else
      (void)uv_read_stop((uv_stream_t *)f->from);
  }
  if (f->ended && f->first == NULL && !f->ended_sent && c->linked && !c->swallows) flow_end(f);
}

/* ---- new connections ---- */

static void on_connected(uv_connect_t *request, int status) {
  connection *c = request->handle->data;
  if (c->closing) return;
  if (status != 0) {
    connection_close(c, true);
    return;
  }
  c->linked = true;
  flow_work(&c->flow[0]);
  if (!c->closing) flow_work(&c->flow[1]);
}

static void on_connection(uv_stream_t *listener, int status) {
  route *r = listener->data;
  connection *c = calloc(1, sizeof *c);
  if (c == NULL || status != 0) {
    free(c);
    return;
  }
  c->route = r;
  c->handles = 4;
  for (int i = 0; i < 2; i++) {
    (void)uv_tcp_init(&loop, &c->side[i]);
    (void)uv_timer_init(&loop, &c->flow[i].timer);
    c->side[i].data = c->flow[i].timer.data = c;
    c->flow[i].connection = c;
    c->flow[i].from = &c->side[i];
    c->flow[i].to = &c->side[1 - i];
  }
  c->next = r->connections;
  r->connections = c;
  if (uv_accept(listener, (uv_stream_t *)&c->side[0]) != 0) {
    connection_close(c, false);
    return;
  }
  r->accepted++;
  (void)uv_tcp_nodelay(&c->side[0], 1);
  (void)uv_tcp_nodelay(&c->side[1], 1);
  if (r->hole) {
    c->swallows = true;
    r->swallowed++;
    flow_work(&c->flow[0]);
  } else if (uv_tcp_connect(&c->connect, &c->side[1], (const struct sockaddr *)&r->target,
                            on_connected) != 0) {
    connection_close(c, true);
  }
}

static void on_listener_closed(uv_handle_t *handle) { free(handle); }

static void route_deaf(route *r) {
  uv_close((uv_handle_t *)r->listener, on_listener_closed); /* the port is free at once */
  r->listener = NULL;
}

static int route_listen(route *r) {
  struct sockaddr_in address;
  r->listener = malloc(sizeof *r->listener);
  if (r->listener == NULL) return UV_ENOMEM;
  (void)uv_ip4_addr("127.0.0.1", r->port, &address);
  (void)uv_tcp_init(&loop, r->listener);
  r->listener->data = r;
  int result = uv_tcp_bind(r->listener, (const struct sockaddr *)&address, 0);
  if (result == 0) result = uv_listen((uv_stream_t *)r->listener, 128, on_connection);
  int bytes = sizeof address;
  if (result == 0) result = uv_tcp_getsockname(r->listener, (struct sockaddr *)&address, &bytes);
  if (result == 0)
    r->port = ntohs(address.sin_port);
  else
    route_deaf(r);
  return result;
}

/* ---- commands ---- */

static route *route_find(const char *name) {
  for (size_t i = 0; i < routes_count; i++)
    if (strcmp(routes[i].name, name) == 0) return &routes[i];
  return NULL;
}

static void work_all(route *r) {
  for (connection *c = r->connections, *next; c != NULL; c = next) {
    next = c->next;
    flow_work(&c->flow[0]);
    if (!c->closing) flow_work(&c->flow[1]);
  }
}

static bool number(const char *text, unsigned long limit, unsigned long *out) {
  char *end = NULL;
  *out = strtoul(text, &end, 10);
  return end != text && *end == '\0' && *out <= limit;
}

static const char *do_route(char **word, int count) {
  static char answer[32];
  unsigned long port = 0, listen = 0;
  if (count < 4 || routes_count == ROUTES_MAX || route_find(word[1]) != NULL ||
      !number(word[3], 65535, &port) || (count > 4 && !number(word[4], 65535, &listen)))
    return "error route NAME HOST PORT [LISTEN], each name once";
  route *r = &routes[routes_count];
  memset(r, 0, sizeof *r);
  snprintf(r->name, sizeof r->name, "%s", word[1]);
  r->port = (int)listen;
  r->cut_after[0] = r->cut_after[1] = -1;
  if (uv_ip4_addr(word[2], (int)port, &r->target) != 0) return "error not an IPv4 address";
  if (route_listen(r) != 0) return "error cannot listen";
  routes_count++;
  snprintf(answer, sizeof answer, "ok %d", r->port);
  return answer;
}

static bool set_stall(route *r, const char *value) {
  bool both = strcmp(value, "both") == 0, none = strcmp(value, "none") == 0;
  r->stall[0] = both || strcmp(value, "up") == 0;
  r->stall[1] = both || strcmp(value, "down") == 0;
  return none || r->stall[0] || r->stall[1];
}

static bool set_refuse(route *r, bool refuse) {
  if (refuse == (r->listener == NULL)) return true;
  if (!refuse) return route_listen(r) == 0;
  route_deaf(r);
  close_all(r, true);
  return true;
}

static bool set_one(route *r, char *pair) {
  char *value = strchr(pair, '=');
  unsigned long n = 0;
  if (value == NULL) return false;
  *value++ = '\0';
  if (strcmp(pair, "stall") == 0) return set_stall(r, value);
  if (!number(value, 1000000000, &n)) return false;
  if (strcmp(pair, "delay") == 0) {
    r->delay_ms = (unsigned)n;
  } else if (strcmp(pair, "jitter") == 0) {
    r->jitter_ms = (unsigned)n;
  } else if (strcmp(pair, "rate") == 0) {
    r->rate = n;
  } else if (strcmp(pair, "one") == 0) {
    r->one_byte = n != 0;
  } else if (strcmp(pair, "hole") == 0) {
    r->hole = n != 0;
  } else if (strcmp(pair, "refuse") == 0) {
    return set_refuse(r, n != 0);
  } else {
    return false;
  }
  return true;
}

static const char *do_set(route *r, char **word, int count) {
  for (int i = 2; i < count; i++)
    if (!set_one(r, word[i])) return "error not KEY=VALUE, or it cannot be done";
  work_all(r);
  return "ok";
}

static const char *do_cut(route *r, char **word, int count) {
  close_all(r, count < 3 || strcmp(word[2], "fin") != 0);
  return "ok";
}

static const char *do_cut_after(route *r, char **word, int count) {
  unsigned long bytes = 0;
  if (count < 4 || !number(word[3], 1000000000, &bytes) || bytes == 0)
    return "error cut-after NAME up|down BYTES";
  r->cut_after[strcmp(word[2], "down") == 0] = (int64_t)bytes;
  return "ok";
}

static const char *do_half(route *r, char **word, int count) {
  (void)word;
  (void)count;
  for (connection *c = r->connections; c != NULL; c = c->next) {
    if (!c->swallows) r->swallowed++;
    c->swallows = true;
    for (int i = 0; i < 2; i++)
      while (c->flow[i].first != NULL)
        pop(&c->flow[i], c->flow[i].first->bytes - c->flow[i].first->sent);
  }
  work_all(r);
  return "ok";
}

static const char *do_heal(route *r, char **word, int count) {
  (void)word;
  (void)count;
  r->delay_ms = r->jitter_ms = 0;
  r->rate = 0;
  r->one_byte = r->hole = r->stall[0] = r->stall[1] = false;
  r->cut_after[0] = r->cut_after[1] = -1;
  if (!set_refuse(r, false)) return "error cannot listen again";
  work_all(r);
  return "ok";
}

static const char *do_stats(route *r, char **word, int count) {
  static char answer[200];
  unsigned connections = 0;
  (void)word;
  (void)count;
  for (const connection *c = r->connections; c != NULL; c = c->next) connections++;
  snprintf(answer, sizeof answer,
           "ok connections=%u accepted=%llu swallowed=%llu up=%llu down=%llu", connections,
           (unsigned long long)r->accepted, (unsigned long long)r->swallowed,
           (unsigned long long)r->passed[0], (unsigned long long)r->passed[1]);
  return answer;
}

static const struct {
  const char *name;
  const char *(*run)(route *r, char **word, int count);
} commands[] = {{"set", do_set},   {"cut", do_cut},   {"cut-after", do_cut_after},
                {"half", do_half}, {"heal", do_heal}, {"stats", do_stats}};

static const char *run(char *line) {
  char *word[WORDS_MAX], *save = NULL;
  int count = 0;
  for (char *w = strtok_r(line, " \r", &save); w != NULL && count < WORDS_MAX;
       w = strtok_r(NULL, " \r", &save))
    word[count++] = w;
  if (count == 0) return "error an empty line";
  if (strcmp(word[0], "route") == 0) return do_route(word, count);
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(commands[i].name, word[0]) != 0) continue;
    route *r = count > 1 ? route_find(word[1]) : NULL;
    return r == NULL ? "error no such route" : commands[i].run(r, word, count);
  }
  return "error no such command";
}

/* ---- the program ---- */

static struct {
  uv_poll_t poll;
  char line[512];
  size_t bytes;
} input;

static void on_input(uv_poll_t *handle, int status, int events) {
  char data[4096];
  (void)handle;
  (void)events;
  ssize_t n = status < 0 ? 0 : read(0, data, sizeof data);
  if (n <= 0) {
    uv_stop(&loop);
    return;
  }
  for (ssize_t i = 0; i < n; i++) {
    if (data[i] != '\n') {
      if (input.bytes + 1 < sizeof input.line) input.line[input.bytes++] = data[i];
      continue;
    }
    input.line[input.bytes] = '\0';
    input.bytes = 0;
    puts(run(input.line));
    fflush(stdout);
  }
}

int main(void) {
  if (uv_loop_init(&loop) != 0) return 1;
  signal(SIGPIPE, SIG_IGN);
  if (uv_poll_init(&loop, &input.poll, 0) != 0) {
    fputs("remote-chaos-proxy: standard input must be a pipe or a terminal\n", stderr);
    return 2;
  }
  (void)uv_poll_start(&input.poll, UV_READABLE, on_input);
  (void)uv_run(&loop, UV_RUN_DEFAULT);
  return 0;
}
