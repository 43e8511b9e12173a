#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "world.h"

#define START_MS 10000
#define POLL_MS 10

/* The first line of a file in the relay's folder; false: not there yet. */
static bool read_line(const bench_relay *relay, const char *name, char *out, size_t out_bytes) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", relay->folder, name);
  FILE *file = fopen(path, "r");
  if (file == NULL) return false;
  bool good = fgets(out, (int)out_bytes, file) != NULL && strchr(out, '\n') != NULL;
  fclose(file);
  out[strcspn(out, "\n")] = '\0';
  return good;
}

static void become_relay(const bench_relay *relay, const char *program) {
  execl(program, program, "serve", "--data", relay->folder, "--listen", "tcp://127.0.0.1:0",
        "--log-level", "error", (char *)NULL);
  fprintf(stderr, "bench: %s: %s\n", program, strerror(errno));
  _exit(127);
}

bool bench_relay_start(bench_relay *relay, const bench_options *options) {
  snprintf(relay->folder, sizeof relay->folder, "%s/relay", options->folder);
  fflush(NULL);
  relay->pid = fork();
  if (relay->pid < 0) return false;
  if (relay->pid == 0) {
    if (freopen("/dev/null", "w", stdout) == NULL) _exit(127);
    become_relay(relay, options->relay);
  }
  for (int waited_ms = 0; waited_ms < START_MS; waited_ms += POLL_MS) {
    if (read_line(relay, "address", relay->url, sizeof relay->url) &&
        read_line(relay, "token", relay->token, sizeof relay->token))
      return true;
    int status;
    if (waitpid(relay->pid, &status, WNOHANG) == relay->pid) {
      relay->pid = 0;
      break;
    }
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  fprintf(stderr, "bench: the relay did not start\n");
  bench_relay_stop(relay);
  return false;
}

void bench_relay_stop(bench_relay *relay) {
  if (relay->pid <= 0) return;
  kill(relay->pid, SIGTERM);
  for (int waited_ms = 0; waited_ms < START_MS; waited_ms += POLL_MS) {
    if (waitpid(relay->pid, NULL, WNOHANG) == relay->pid) {
      relay->pid = 0;
      return;
    }
    nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
  }
  kill(relay->pid, SIGKILL);
  waitpid(relay->pid, NULL, 0);
  relay->pid = 0;
}
