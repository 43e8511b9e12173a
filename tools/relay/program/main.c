/* `remote-relay`: the sub-commands. Exit codes: 0 done, 1 failure, 2 wrong use. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "invite_verb.h"
#include "policy_verbs.h"
#include "private_process.h"
#include "program.h"
#include "store_verbs.h"
#include "remote/carrier_uv.h"

static const char usage[] =
    "Usage: remote-relay COMMAND [FLAGS]\n"
    "\n"
    "  serve    [--data DIR] [--listen URL]... [--tls-cert FILE --tls-key FILE]\n"
    "           [--tls-client-ca FILE] [--insecure] [--log-level LEVEL] [--restored]\n"
    "           [--log-format logfmt|json] [--log-rate LINES]\n"
    "           [--log-bytes-max SIZE] [--log-events-max N] [--account-bytes-max SIZE]\n"
    "           [--store-bytes-max SIZE] [--retention TIME]\n"
    "           [--audit-bytes-max SIZE] [--audit-retention TIME]\n"
    "           [--web DIR] [--origin URL]... [--trusted-proxy ADDR]... [--public-metrics]\n"
    "           [--notify-url URL]... [--notify-url-file FILE] [--notify-format json|ntfy]\n"
    "           [--notify-events LIST] [--notify-text] [--notify-secret-file FILE]\n"
    "           [--notify-token-file FILE] [--notify-ca FILE] [--public-url URL]\n"
    "           [--push-contact ADDRESS] [--push-private]\n"
    "           [--oidc-issuer URL --oidc-client-id ID] [--oidc-jwks FILE] [--oidc-ca FILE]\n"
    "           [--oidc-claim NAME] [--oidc-allow DOMAIN|ADDRESS]... [--oidc-create]\n"
    "           runs the relay. URL is tcp://HOST:PORT, tls://HOST:PORT, unix:///PATH,\n"
    "           http(s)://HOST[:PORT][/PATH] for WebSocket and long-poll, grpc(s)://HOST:PORT;\n"
    "           by default tcp://127.0.0.1:7443; what is not encrypted listens on loopback only, "
    "unless\n"
    "           --insecure. LEVEL is debug, info, warning or error.\n"
    "           --tls-cert, --tls-key: PEM files, read again at SIGHUP; a key that others can\n"
    "           read is refused. --tls-client-ca: clients need a certificate signed by one of\n"
    "           these\n"
    "           --oidc-issuer: people sign in with identity tokens of this OpenID Connect\n"
    "           issuer; the account is their verified email (--oidc-claim: another claim). Keys\n"
    "           come from the issuer, or from --oidc-jwks. New accounts are made for "
    "--oidc-allow,\n"
    "           or for everybody with --oidc-create\n"
    "           --log-rate (20): lines of one event a second, a hundred times that at once; what\n"
    "           is left out is counted and said; none: no limit.\n"
    "           --restored: the store is an older copy (noticed by itself as long as the file\n"
    "           `witness` was not restored with it)\n"
    "           --web: a folder that is served over HTTP, the web client. --origin: pages from\n"
    "           elsewhere that may ask, and names by which proxies reach it.\n"
    "           --trusted-proxy: an address or network whose X-Forwarded-For is believed.\n"
    "           --public-metrics: /metrics is for everybody, not only for this machine.\n"
    "           --notify-url: an https address that is told when a session needs an answer, as\n"
    "           JSON; ntfy+https://HOST/TOPIC, or --notify-format ntfy, speaks to ntfy. Of all\n"
    "           accounts. --notify-url-file: more of them, one a line.\n"
    "           --notify-events (asks): asks, done, errors, with commas. --notify-text: with\n"
    "           titles and what is asked. --notify-secret-file: what the JSON is signed with.\n"
    "           --notify-token-file: an access token of ntfy. --notify-ca: whom to trust (PEM).\n"
    "           --public-url (the first --origin): where people open the page, for links.\n"
    "           --push-contact: your mailto: or https: address, for the push services of\n"
    "           browsers. --push-private: those may lie on this machine or in a private network\n"
    "           --log-bytes-max (1G): a session's events; the oldest go, up to a snapshot.\n"
    "           --log-events-max (none): the same, counted in events.\n"
    "           --account-bytes-max (16G), --store-bytes-max (none): all sessions of an account,\n"
    "           of the relay; the oldest events of the session that was quiet for longest go.\n"
    "           --retention (none): sessions without activity for that long are deleted, and\n"
    "           events that are older go. SIZE is like 500M or 4G, TIME like 90d, 12w or 2y\n"
    "           --audit-bytes-max (1G): commands are refused when the audit log is full.\n"
    "           --audit-retention (none): records of it that are older go\n"
    "           Limits; each is a number, or none, and what is over them is told when to come\n"
    "           back: --connections-max (10000) in all; --unsigned-connections-max (512) not\n"
    "           signed in; --account-connections-max (64), --account-sessions-max (256);\n"
    "           --account-opens-rate (50), --account-requests-rate (50) and\n"
    "           --account-commands-rate (100) a second; --account-day-bytes SIZE (64G);\n"
    "           --address-connections-max (512), --address-unsigned-max (64),\n"
    "           --address-connections-rate (20) a second, --address-day-bytes SIZE (none);\n"
    "           --frames-rate (5000) a second of one connection. Loopback is no address, for\n"
    "           there may be a proxy: --limit-loopback if there is none\n"
    "  token    --device NAME [--account NAME] [--expires TIME] [--data DIR]\n"
    "           prints the token of a new device; TIME is like 12h, 90d or 1y, by default for "
    "good\n"
    "  token    --revoke DEVICE_ID [--data DIR]               revokes a device\n"
    "  pairings [--data DIR]            lists devices that wait to be paired (`remote login`)\n"
    "  pair     CODE [--account NAME] [--yes|--deny] [--data DIR]\n"
    "           signs the device that shows CODE in to an account (owner), or refuses it\n"
    "  invite   [--account NAME] [--page URL] [--json | --list | --end ID] [--data DIR]\n"
    "           prints a link (and on a terminal its QR code) that signs one browser in to the\n"
    "           account (owner), once and within ten minutes. URL is that of the page, where the\n"
    "           relay does not know it (its first --origin, or where it listens)\n"
    "  account  [NAME [--ceiling disabled|view|control]] [--data DIR]\n"
    "           makes an account or sets what it may do; without NAME lists accounts and devices\n"
    "  account  NAME --delete [--data DIR]\n"
    "           ends an account: links close, its sessions, devices and tokens are gone\n"
    "  org      [NAME [--add ACCOUNT | --remove ACCOUNT | --admin ACCOUNT | --no-admin ACCOUNT |\n"
    "           --delete]] [--data DIR]\n"
    "           makes an organization, or says whose seats it grants and who administers it;\n"
    "           without NAME lists organizations, administrators and what every account may do\n"
    "  policy   [--org NAME --value VALUE | --enterprise NAME --enforce VALUE |\n"
    "           --enterprise NAME --delegate | --enterprise-admin ACCOUNT |\n"
    "           --no-enterprise-admin ACCOUNT | --explain ACCOUNT] [--data DIR]\n"
    "           VALUE is disabled, view, view_and_control or unconfigured, which counts as\n"
    "           disabled. An enterprise enforces one value in all organizations, or delegates\n"
    "  audit    [--json] [--from POINT] [--until POINT] [--account NAME] [--data DIR]\n"
    "           who did what; POINT is the number of a record or a time like 2026-11-23 or\n"
    "           2026-11-23T08:15:00Z\n"
    "  stats    [--json] [--data DIR]   numbers of the store, the running relay, its sessions\n"
    "  stats    --prometheus            the running relay's metrics as Prometheus reads them\n"
    "  check    [FILE] [--data DIR]     verifies the store, or a backup\n"
    "  backup   FILE [--data DIR]       writes a checked copy of the store, which must not exist\n"
    "  restore  FILE [--data DIR]       puts a backup in place of the store; relay stopped\n"
    "  compact  [--data DIR]            writes the store anew without free space; relay stopped\n"
    "\n"
    "DIR is by default $XDG_STATE_HOME/remote-relay or ~/.local/state/remote-relay. It holds the\n"
    "store, the first token (`token`), the addresses listened on (`address`) and what was "
    "revoked.\n"
    "token, pair, invite, account, org, policy, audit and stats talk to the relay that runs on "
    "DIR, or\n"
    "work on DIR when none runs;\n"
    "check and backup work beside it.\n";

static int wrong_use(const char *text) {
  fprintf(stderr, "remote-relay: %s; see remote-relay --help\n", text);
  return PROGRAM_USAGE;
}

static int ask_after(const program_options *options, bool create, const char *line,
                     const char *before) {
  char *reply = program_ask(options, create, line);
  if (reply == NULL) return PROGRAM_FAILED;
  fputs(before, stdout);
  fputs(reply + 3, stdout);
  free(reply);
  return PROGRAM_DONE;
}

static int ask(const program_options *options, bool create, const char *line) {
  return ask_after(options, create, line, "");
}

static bool no_tabs(const char *text) {
  return strpbrk(text, "\t\r\n") == NULL && strlen(text) < 200;
}

static int run_token(int argc, char **argv) {
  program_options options;
  char line[600];
  if (!options_parse(&options, argc, argv, "dnare")) return PROGRAM_USAGE;
  if ((options.device == NULL) == (options.revoke == NULL)) {
    return wrong_use("token needs --device NAME or --revoke DEVICE_ID");
  }
  if (options.revoke != NULL) {
    if (!no_tabs(options.revoke)) return wrong_use("that is not a device id");
    snprintf(line, sizeof line, "revoke\t%s", options.revoke);
    return ask(&options, false, line);
  }
  const char *account = options.account != NULL ? options.account : "owner";
  if (!no_tabs(account) || !no_tabs(options.device)) {
    return wrong_use("a name is 1 to 63 bytes without control characters");
  }
  snprintf(line, sizeof line, "token\t%s\t%s\t%llu", account, options.device,
           (unsigned long long)options.lifetime_ms);
  return ask(&options, false, line);
}

/* The person at the terminal has seen which device it is. */
static bool confirmed_by_hand(void) {
  char line[16] = "";
  if (isatty(STDIN_FILENO) == 0) return false;
  fputs("Is this the device in front of you, or of somebody you know? [y/N] ", stdout);
  fflush(stdout);
  return fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y');
}

static int run_pair(int argc, char **argv) {
  program_options options;
  char line[600];
  if (!options_parse(&options, argc, argv, "day*")) return PROGRAM_USAGE;
  const char *account = options.account != NULL ? options.account : "owner";
  if (options.name == NULL || !no_tabs(options.name) || !no_tabs(account))
    return wrong_use("pair needs the CODE that the device shows");
  if (options.deny) {
    snprintf(line, sizeof line, "pair-deny\t%s", options.name);
    return ask(&options, false, line);
  }
  if (!options.yes) {
    snprintf(line, sizeof line, "pair-look\t%s", options.name);
    int result = ask_after(&options, false, line, "This device waits to be paired:\n  ");
    if (result != PROGRAM_DONE) return result;
    if (!confirmed_by_hand()) {
      fputs("remote-relay: not paired; --yes pairs without asking, --deny refuses\n", stderr);
      return PROGRAM_FAILED;
    }
  }
  snprintf(line, sizeof line, "pair\t%s\t%s", options.name, account);
  return ask(&options, false, line);
}

static int run_pairings(int argc, char **argv) {
  program_options options;
  return options_parse(&options, argc, argv, "d") ? ask(&options, false, "pairings")
                                                  : PROGRAM_USAGE;
}

static int run_account(int argc, char **argv) {
  program_options options;
  char line[600];
  if (!options_parse(&options, argc, argv, "dcx*")) return PROGRAM_USAGE;
  if (options.name == NULL) {
    if (options.ceiling != NULL || options.remove)
      return wrong_use("--ceiling and --delete need the NAME of an account");
    return ask(&options, false, "list");
  }
  const char *ceiling = options.ceiling != NULL ? options.ceiling : "-";
  if (!no_tabs(options.name) || !no_tabs(ceiling)) {
    return wrong_use("a name is 1 to 63 bytes without control characters");
  }
  if (options.remove) {
    if (options.ceiling != NULL) return wrong_use("--ceiling and --delete exclude each other");
    snprintf(line, sizeof line, "account-delete\t%s", options.name);
    return ask(&options, false, line);
  }
  snprintf(line, sizeof line, "account\t%s\t%s", options.name, ceiling);
  return ask(&options, true, line);
}

static int run_stats(int argc, char **argv) {
  program_options options;
  if (!options_parse(&options, argc, argv, "djp")) return PROGRAM_USAGE;
  if (options.prometheus) return ask(&options, false, "metrics");
  char store[1024];
  int result = store_facts(options.data, options.json, store, sizeof store);
  if (result != PROGRAM_DONE) return result;
  return ask_after(&options, false, options.json ? "stats-json" : "stats", store);
}

static int run_on_store(int argc, char **argv, const char *allowed,
                        int (*run)(const program_options *options)) {
  program_options options;
  return options_parse(&options, argc, argv, allowed) ? run(&options) : PROGRAM_USAGE;
}

static int run_check(int argc, char **argv) { return run_on_store(argc, argv, "d*", store_check); }
static int run_backup(int argc, char **argv) {
  return run_on_store(argc, argv, "d*", store_backup);
}
static int run_restore(int argc, char **argv) {
  return run_on_store(argc, argv, "d*", store_restore);
}
static int run_compact(int argc, char **argv) {
  return run_on_store(argc, argv, "d", store_compact);
}

static int run_serve(int argc, char **argv) {
  program_options options;
  char error[300];
  if (!options_parse(&options, argc, argv, "dlivoLwON")) return PROGRAM_USAGE;
  if (!fault_parse(getenv("REMOTE_RELAY_FAULT"), error, sizeof error)) {
    fputs("REMOTE_RELAY_FAULT: ", stderr);
    return wrong_use(error);
  }
  return serve_run(&options);
}

static const struct {
  const char *name;
  int (*run)(int argc, char **argv);
} commands[] = {{"serve", run_serve},     {"token", run_token},       {"account", run_account},
                {"pair", run_pair},       {"pairings", run_pairings}, {"stats", run_stats},
                {"check", run_check},     {"backup", run_backup},     {"restore", run_restore},
                {"compact", run_compact}, {"org", run_organization},  {"policy", run_policy},
                {"audit", run_audit},     {"invite", run_invite}};

int main(int argc, char **argv) {
  private_process();
  if (argc < 2) {
    fputs(usage, stderr);
    return PROGRAM_USAGE;
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
      strcmp(argv[1], "help") == 0) {
    fputs(usage, stdout);
    return PROGRAM_DONE;
  }
  if (strcmp(argv[1], "--version") == 0) {
    puts("remote-relay " REMOTE_VERSION);
    return PROGRAM_DONE;
  }
  for (int i = 2; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(usage, stdout);
      return PROGRAM_DONE;
    }
  }
  for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
    if (strcmp(argv[1], commands[i].name) == 0) return commands[i].run(argc - 2, argv + 2);
  }
  fprintf(stderr, "remote-relay: unknown command: %s; see remote-relay --help\n", argv[1]);
  return PROGRAM_USAGE;
}
