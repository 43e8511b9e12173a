/* `remote login`: this device gets a token of its own, by a code that a person confirms elsewhere,
 * by an identity provider, or from a script. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "act.h"
#include "commands.h"
#include "login.h"
#include "login_code.h"
#include "pairing_confirm.h"
#include "relay_address.h"
#include "terminal_text.h"
#include "token_store.h"

typedef struct login {
  login_flags flags;
  connection connection;
  char token_path[PATH_BYTES_MAX];
  remote_v1_SignedIn signed_in;
  bool got;
  char code[24]; /* shown last */
} login;

/* ---- where the token goes ---- */

/* --token-file, else the file of this relay's address. */
static exit_code find_file(login *l) {
  const char *file = l->flags.connection.token_file;
  int result = 0;
  if (file)
    result = snprintf(l->token_path, sizeof l->token_path, "%s", file) < PATH_BYTES_MAX ? 0 : -1;
  else
    result = token_store_path(l->connection.url_text, l->token_path);
  if (!result) return EXIT_CODE_DONE;
  fputs("remote: there is no place for the token; set HOME, or say --token-file\n", stderr);
  return EXIT_CODE_FAILURE;
}

/* What comes before the file of `remote login` when a token is looked for. */
static void warn_of_others(const login *l) {
  const char *name = NULL;
  const char *file = getenv("REMOTE_TOKEN_FILE"), *text = getenv("REMOTE_TOKEN");
  if (l->flags.connection.token_file) return;
  if (file && *file)
    name = "REMOTE_TOKEN_FILE";
  else if (text && *text)
    name = "REMOTE_TOKEN";
  else if (config_get(&l->connection.config, "token_file"))
    name = "the config key token_file";
  if (name)
    fprintf(stderr, "remote: %s is set and is used instead of the token that was stored\n", name);
}

static exit_code store_token(login *l, const char *token) {
  char error[PATH_BYTES_MAX + 200];
  if (!token_store_write(l->token_path, token, error, sizeof error)) return EXIT_CODE_DONE;
  fprintf(stderr, "remote: %s\n", error);
  return EXIT_CODE_FAILURE;
}

/* ---- is it signed in already? ---- */

/* A token that is there and good is kept: whoever wants another account signs out first. */
static bool works_already(const login *l, exit_code *result) {
  connection_flags flags = l->flags.connection;
  static connection c;
  device_token token;
  char error[PATH_BYTES_MAX + 200];
  bool missing = false;
  if (token_read(l->token_path, &token, &missing, error, sizeof error)) {
    if (missing) return false;
    fprintf(stderr, "remote: %s\n", error);
    *result = EXIT_CODE_FAILURE;
    return true;
  }
  flags.token = &token;
  *result = connection_open(&c, &flags);
  explicit_bzero(&token, sizeof token);
  if (*result == EXIT_CODE_NOT_ALLOWED) {
    fputs("remote: the old token is worth nothing any more; signing in anew\n", stderr);
    return false;
  }
  if (*result) return true;
  fprintf(stderr,
          "remote: this device is signed in to account %s as %s already; `remote logout` signs it "
          "out\n",
          c.account, c.device);
  connection_close(&c);
  return true;
}

/* ---- signing in ---- */

static void say_code(login *l, const remote_v1_PairingCode *code) {
  struct winsize size = {0};
  char shown[64], url[512], qr[512];
  terminal_text_copy(shown, sizeof shown, code->code, strlen(code->code), TERMINAL_TEXT_ONE_LINE);
  terminal_text_copy(url, sizeof url, code->url, strlen(code->url), TERMINAL_TEXT_ONE_LINE);
  if (!strcmp(shown, l->code)) return; /* the connection was cut and is back */
  if (l->code[0]) fputs("The relay has forgotten the code; the new one counts.\n", stderr);
  snprintf(l->code, sizeof l->code, "%s", shown);
  unsigned long long minutes = (code->expires_in_ms + 59999) / 60000;
  if (l->flags.json) {
    json_print_line(stdout, json_pack("{s:s, s:I, s:s}", "code", shown, "expires_in_ms",
                                      (json_int_t)code->expires_in_ms, "url", url));
    fflush(stdout);
    return;
  }
  fprintf(stderr, "\n  Code: %s\n\n", shown);
  if (url[0])
    fprintf(stderr, "Confirm it within %llu min at %s,\nor on a device that is signed in:\n",
            minutes, url);
  else
    fprintf(stderr, "Confirm it within %llu min on a device that is signed in:\n", minutes);
  fprintf(stderr,
          "  remote devices confirm %s\n"
          "or at the relay's machine:\n"
          "  remote-relay pair %s --account NAME\n",
          shown, shown);
  if (!l->flags.no_qr && isatty(STDERR_FILENO) && !ioctl(STDERR_FILENO, TIOCGWINSZ, &size)) {
    /* In the fragment, so that no server sees it. */
    snprintf(qr, sizeof qr, url[0] ? "%s#%s" : "%sremote devices confirm %s", url, shown);
    fputc('\n', stderr);
    login_code_draw(stderr, qr, size.ws_col);
  }
  fputs("\nWaiting …\n", stderr);
}

static void take_reply(void *user, const remote_v1_Reply *reply) {
  login *l = user;
  if (!reply) {
    if (!l->flags.json) fputs("remote: the connection was cut; trying again\n", stderr);
  } else if (reply->which_result == remote_v1_Reply_pairing_code_tag) {
    say_code(l, &reply->result.pairing_code);
  } else if (reply->which_result == remote_v1_Reply_signed_in_tag) {
    l->signed_in = reply->result.signed_in;
    l->got = true;
  }
}

static void name_device(const login *l, char *out, size_t out_bytes) {
  char host[64] = "";
  if (gethostname(host, sizeof host - 1) || !host[0]) snprintf(host, sizeof host, "a device");
  snprintf(out, out_bytes, "%s", l->flags.device ? l->flags.device : host);
}

static exit_code explain(const remote_v1_Problem *problem) {
  connection_print_problem("not signed in", problem);
  if (problem->code == LRM_CODE_UNAUTHENTICATED) return EXIT_CODE_EXPIRED;
  return connection_problem_exit(problem->code);
}

static exit_code pair(login *l) {
  remote_v1_Request request = remote_v1_Request_init_zero;
  remote_v1_Problem problem;
  request.which_call = remote_v1_Request_pair_device_tag;
  name_device(l, request.call.pair_device.device, sizeof request.call.pair_device.device);
  request.call.pair_device.secret.size = 32;
  connection_random(request.call.pair_device.secret.bytes, 32);
  uint64_t wait_ms = l->flags.connection.timeout ? l->connection.timeout_ms : CONNECTION_FOREVER;
  bool answered = connection_ask(&l->connection, &request, take_reply, l, wait_ms, &problem);
  explicit_bzero(&request, sizeof request);
  if (!answered) return connection_explain(&l->connection);
  return problem.code ? explain(&problem) : EXIT_CODE_DONE;
}

exit_code login_with_id_token(connection *c, const char *id_token, const char *device,
                              void (*reply)(void *user, const remote_v1_Reply *reply), void *user) {
  static remote_v1_Request request; /* 8 KiB */
  remote_v1_Problem problem;
  size_t bytes = strlen(id_token);
  request = (remote_v1_Request)remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_login_oidc_tag;
  if (bytes == 0 || bytes > sizeof request.call.login_oidc.id_token.bytes) {
    fputs("remote: the identity token is empty or too large\n", stderr);
    return EXIT_CODE_USAGE;
  }
  request.call.login_oidc.id_token.size = (pb_size_t)bytes;
  memcpy(request.call.login_oidc.id_token.bytes, id_token, bytes);
  snprintf(request.call.login_oidc.device, sizeof request.call.login_oidc.device, "%s", device);
  uint64_t wait_ms = c->timeout_ms < 30000 ? 30000 : c->timeout_ms; /* it may have to fetch keys */
  bool answered = connection_ask(c, &request, reply, user, wait_ms, &problem);
  explicit_bzero(&request, sizeof request);
  if (!answered) return connection_explain(c);
  return problem.code ? explain(&problem) : EXIT_CODE_DONE;
}

static exit_code with_id_token(login *l) {
  char device[64], *text = NULL;
  exit_code result = login_id_token(&l->flags, &l->connection, &text);
  if (!result) {
    name_device(l, device, sizeof device);
    result = login_with_id_token(&l->connection, text, device, take_reply, l);
  }
  if (text) explicit_bzero(text, strlen(text));
  free(text);
  return result;
}

/* ---- after it ---- */

/* What later commands would not find by themselves: the relay, and who signed its certificate. */
static void say_what_to_keep(const login *l, const connection *c) {
  char used[RELAY_ADDRESS_BYTES_MAX], text[RELAY_ADDRESS_BYTES_MAX], ca[PATH_MAX];
  char error[256];
  const char *given = l->flags.connection.trust.ca, *environment = getenv("REMOTE_TLS_CA");
  lrm_url url;
  relay_address_find(NULL, &c->config, used);
  text[0] = 0;
  if (!lrm_url_parse(used, &url, error, sizeof error)) lrm_url_text(&url, text, sizeof text);
  bool relay = strcmp(text, c->url_text) != 0;
  bool trust = given && !(environment && *environment) && !config_get(&c->config, "tls_ca") &&
               realpath(given, ca);
  if (!relay && !trust) return;
  puts("so that every command finds it, write into ~/.config/remote/config.ini:");
  if (relay) printf("  relay = %s\n", c->url_text);
  if (trust) printf("  tls_ca = %s\n", ca);
}

/* Connects with the token: what is said to people is what the relay says. */
static exit_code finish(login *l, const char *text) {
  connection_flags flags = l->flags.connection;
  static connection c;
  device_token token = {{0}, {0}};
  if (strlen(text) >= sizeof token.text) return EXIT_CODE_FAILURE;
  snprintf(token.text, sizeof token.text, "%s", text);
  flags.token = &token;
  exit_code result = connection_open(&c, &flags);
  explicit_bzero(&token, sizeof token);
  if (result) return result;
  if (l->flags.json)
    json_print_line(stdout, json_pack("{s:s, s:s, s:s, s:s}", "account", c.account, "device",
                                      c.device, "relay", c.url_text, "token_file", l->token_path));
  else {
    printf("signed in to account %s as %s; the token is in %s\n", c.account, c.device,
           l->token_path);
    say_what_to_keep(l, &c);
  }
  connection_close(&c);
  return EXIT_CODE_DONE;
}

static exit_code take_token(login *l) {
  if (!l->got) {
    fputs("remote: the relay's answer cannot be read\n", stderr);
    return EXIT_CODE_FAILURE;
  }
  exit_code result = store_token(l, l->signed_in.token);
  if (!result) result = finish(l, l->signed_in.token);
  explicit_bzero(&l->signed_in, sizeof l->signed_in);
  return result;
}

static exit_code from_stdin(login *l) {
  char text[TOKEN_BYTES_MAX + 64];
  exit_code result = EXIT_CODE_USAGE;
  if (fgets(text, sizeof text, stdin) && strcspn(text, " \t\r\n") > 0) {
    text[strcspn(text, " \t\r\n")] = 0;
    result = strlen(text) <= TOKEN_BYTES_MAX ? finish(l, text) : EXIT_CODE_USAGE;
    if (!result) result = store_token(l, text);
  }
  if (result == EXIT_CODE_USAGE) fputs("remote: no token came on standard input\n", stderr);
  explicit_bzero(text, sizeof text);
  return result;
}

static exit_code sign_in(login *l) {
  exit_code result = find_file(l);
  if (result) return result;
  bool by_token = l->flags.token_stdin;
  if (!by_token && works_already(l, &result)) return result;
  warn_of_others(l);
  if (by_token) return from_stdin(l);
  result = l->flags.oidc || l->flags.id_token_file ? with_id_token(l) : pair(l);
  return result ? result : take_token(l);
}

static exit_code confirm_here(login_flags *flags) {
  static connection c;
  exit_code result = connection_open(&c, &flags->connection);
  if (result) return result;
  result = pairing_confirm(&c, flags->confirm, false, flags->yes, flags->json);
  connection_close(&c);
  return result;
}

int command_login(int argc, char **argv) {
  static login l;
  login_flags *f = &l.flags;
  const option options[] = {
      {"device", OPTION_VALUE, &f->device, "NAME", "name of this device (default: the host's)",
       NULL},
      {"token-stdin", OPTION_FLAG, &f->token_stdin, NULL,
       "read a token from standard input, check it and store it; for scripts", NULL},
      {"id-token-file", OPTION_VALUE, &f->id_token_file, "FILE",
       "sign in with the identity token in FILE; `-`: from standard input", NULL},
      {"nonce", OPTION_FLAG, &f->nonce, NULL,
       "only print what an identity token must hold: issuer, client, nonce; for --id-token-file",
       NULL},
      {"confirm", OPTION_VALUE, &f->confirm, "CODE", "confirm the code that another device shows",
       NULL},
      {"yes", OPTION_FLAG, &f->yes, NULL, "with --confirm: do not ask", NULL},
      {"no-qr", OPTION_FLAG, &f->no_qr, NULL, "draw no QR code", NULL},
      {"json", OPTION_FLAG, &f->json, NULL, "one JSON object a line", NULL},
      CONNECTION_OPTIONS(f->connection),
  };
  const option_usage usage = {
      "remote login [URL]",
      "Signs this device in to a relay: shows a code that is to be confirmed on a device that is\n"
      "signed in already, or by the relay's operator, and stores the token that it gets (mode "
      "0600,\n"
      "one file a relay). With --token-file it is stored there instead.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1 || (words.count && f->connection.relay))
    return options_wrong(&usage, "expected one URL at most");
  if (words.count) f->connection.relay = words.words[0];
  if (f->token_stdin + f->oidc + (f->id_token_file != NULL) + (f->confirm != NULL) + f->nonce > 1)
    return options_wrong(&usage, "these ways to sign in exclude each other");
  if (f->confirm) return confirm_here(f);
  connection_flags anonymous = f->connection;
  anonymous.anonymous = true;
  exit_code result = connection_open(&l.connection, &anonymous);
  if (result) return result;
  result = f->nonce ? login_print_challenge(&l.connection) : sign_in(&l);
  connection_close(&l.connection);
  return result;
}
