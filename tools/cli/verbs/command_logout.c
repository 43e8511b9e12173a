/* `remote logout`: this device's token is worth nothing any more, here and at the relay. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "act.h"
#include "commands.h"
#include "pick.h"
#include "relay_address.h"
#include "terminal_text.h"
#include "token_store.h"

static bool may_everywhere(bool yes) {
  if (yes || pick_confirm("All devices of this account will be signed out, this one too, and all "
                          "hosts. Go on?"))
    return true;
  fputs("remote: nobody was signed out; say --yes to do it without being asked\n", stderr);
  return false;
}

/* The file that the token came from; false: it was no file. */
static bool forget(const device_token *token) {
  if (token->source[0] != '/' && access(token->source, F_OK)) {
    fprintf(stderr, "remote: the token came from %s, which is still set\n", token->source);
    return false;
  }
  if (!token_store_forget(token->source)) return true;
  fprintf(stderr, "remote: cannot delete %s: %s\n", token->source, strerror(errno));
  return false;
}

static exit_code find_token(const connection_flags *flags, device_token *token) {
  static remote_config config;
  char error[1024], relay[RELAY_ADDRESS_BYTES_MAX];
  lrm_url url;
  if (config_load(&config, flags->config, config_warn_stderr, NULL, error, sizeof error)) {
    fprintf(stderr, "remote: %s\n", error);
    return EXIT_CODE_FAILURE;
  }
  relay_address_find(flags->relay, &config, relay);
  bool local = !lrm_url_parse(relay, &url, error, sizeof error) && lrm_url_local(&url);
  exit_code result =
      token_find(flags->token_file, &config, relay, local, token, error, sizeof error);
  if (result == EXIT_CODE_NOT_ALLOWED)
    fputs("remote: this device is not signed in there\n", stderr);
  else if (result)
    fprintf(stderr, "remote: %s\n", error);
  config_free(&config);
  return result;
}

static exit_code revoke_here(const connection_flags *flags, const device_token *token,
                             bool everywhere) {
  static connection c;
  connection_flags with = *flags;
  with.token = token;
  exit_code result = connection_open(&c, &with);
  if (result) return result;
  remote_v1_Request request = remote_v1_Request_init_zero;
  request.which_call = remote_v1_Request_logout_tag;
  request.call.logout.everywhere = everywhere;
  result = connection_call_until_revoked(&c, &request);
  connection_close(&c);
  return result;
}

static exit_code sign_out(const connection_flags *flags, bool everywhere, bool local) {
  device_token token;
  exit_code result = find_token(flags, &token);
  if (result) return result;
  if (!local) result = revoke_here(flags, &token, everywhere);
  explicit_bzero(token.text, sizeof token.text);
  if (result == EXIT_CODE_UNREACHABLE) {
    fputs(
        "remote: not signed out: the token still counts at the relay. Try again when it can be "
        "reached; or delete the token here only, with --local, and revoke this device from another "
        "one\n",
        stderr);
    return result;
  }
  if (result == EXIT_CODE_NOT_ALLOWED) result = EXIT_CODE_DONE; /* it was worth nothing already */
  if (result) return result;
  if (!forget(&token)) return EXIT_CODE_FAILURE;
  if (local)
    puts(
        "the token is deleted here; at the relay it still counts: revoke this device from another "
        "one (`remote devices revoke`)");
  else
    puts(everywhere ? "signed out everywhere" : "signed out");
  return EXIT_CODE_DONE;
}

int command_logout(int argc, char **argv) {
  connection_flags flags = {0};
  bool everywhere = false, local = false, yes = false;
  const option options[] = {
      {"everywhere", OPTION_FLAG, &everywhere, NULL, "all devices of the account, this one too",
       NULL},
      {"local", OPTION_FLAG, &local, NULL, "delete the token here without telling the relay", NULL},
      {"yes", OPTION_FLAG, &yes, NULL, "do not ask", NULL},
      CONNECTION_OPTIONS(flags),
  };
  const option_usage usage = {
      "remote logout [URL]",
      "Signs this device out: its token is revoked at the relay, its connections are closed, a\n"
      "host's too, and the file with the token is deleted.",
      options, sizeof options / sizeof *options, false};
  option_words words;
  option_result parsed = options_parse(&usage, argc, argv, &words);
  if (parsed) return parsed == OPTION_HELP ? EXIT_CODE_DONE : EXIT_CODE_USAGE;
  if (words.count > 1 || (words.count && flags.relay))
    return options_wrong(&usage, "expected one URL at most");
  if (everywhere && local) return options_wrong(&usage, "--everywhere needs the relay");
  if (words.count) flags.relay = words.words[0];
  if (everywhere && !may_everywhere(yes)) return EXIT_CODE_USAGE;
  return sign_out(&flags, everywhere, local);
}
