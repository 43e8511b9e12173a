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

/* A certificate that signs itself, for this run only. */
static bool make_certificate(bench_relay *relay, const bench_options *options) {
  snprintf(relay->cert, sizeof relay->cert, "%s/cert.pem", options->folder);
  snprintf(relay->key, sizeof relay->key, "%s/key.pem", options->folder);
  pid_t pid = fork();
  if (pid == 0) {
    if (freopen("/dev/null", "w", stderr) == NULL) _exit(127);
    execlp("openssl", "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
           "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=bench", "-addext",
           "subjectAltName=IP:127.0.0.1", "-keyout", relay->key, "-out", relay->cert, (char *)NULL);
    _exit(127);
  }
  int status = 1;
  return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* Its limits are not what is measured. */
static void become_relay(const bench_relay *relay, const bench_options *options,
                         const char *listen) {
  const char *argv[32] = {options->relay,
                          "serve",
                          "--data",
                          relay->folder,
                          "--listen",
                          listen,
                          "--log-level",
                          "error",
                          "--connections-max",
                          "none",
                          "--unsigned-connections-max",
                          "none",
                          "--account-connections-max",
                          "none",
                          "--account-opens-rate",
                          "none",
                          "--frames-rate",
                          "none"};
  size_t count = 18;
  if (options->carrier != NULL && options->carrier->encrypted) {
    argv[count++] = "--tls-cert";
    argv[count++] = relay->cert;
    argv[count++] = "--tls-key";
    argv[count++] = relay->key;
  }
  union {
    const char **in;
    char *const *out;
  } words = {.in = argv};
  execv(options->relay, words.out);
  fprintf(stderr, "bench: %s: %s\n", options->relay, strerror(errno));
  _exit(127);
}

/* By another scheme than the one it listens on: http is ws or poll. */
static void name_for_clients(bench_relay *relay, const bench_options *options) {
  char rest[300];
  const char *mark = strstr(relay->url, "://");
  if (options->carrier == NULL || mark == NULL) return;
  snprintf(rest, sizeof rest, "%s", mark);
  snprintf(relay->url, sizeof relay->url, "%s%s", options->carrier->client, rest);
}

bool bench_relay_start(bench_relay *relay, const bench_options *options) {
  const bench_carrier *carrier = options->carrier;
  char listen[1200] = "tcp://127.0.0.1:0";
  relay->settings =
      (lrm_uv_settings){.struct_bytes = sizeof relay->settings, .kinds = lrm_uv_kinds};
  snprintf(relay->folder, sizeof relay->folder, "%s/relay", options->folder);
  if (carrier != NULL && strcmp(carrier->listen, "unix") == 0) {
    snprintf(listen, sizeof listen, "unix:///tmp/remote-bench-%ld.socket", (long)getpid());
  } else if (carrier != NULL) {
    snprintf(listen, sizeof listen, "%s://127.0.0.1:0", carrier->listen);
  }
  if (carrier != NULL && carrier->encrypted) {
    if (!make_certificate(relay, options)) return false;
    relay->settings.trust.ca_file = relay->cert;
  }
  fflush(NULL);
  relay->pid = fork();
  if (relay->pid < 0) return false;
  if (relay->pid == 0) {
    if (freopen("/dev/null", "w", stdout) == NULL) _exit(127);
    become_relay(relay, options, listen);
  }
  for (int waited_ms = 0; waited_ms < START_MS; waited_ms += POLL_MS) {
    if (read_line(relay, "address", relay->url, sizeof relay->url) &&
        read_line(relay, "token", relay->token, sizeof relay->token)) {
      name_for_clients(relay, options);
      return true;
    }
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
