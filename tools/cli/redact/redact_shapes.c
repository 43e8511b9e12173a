/* Tokens that their issuers made to be recognised, private keys, and credentials in URLs. What is
 * a secret only because of the name in front of it: redact_named.c. */
#include "redact_shapes_internal.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKEN_BYTES_MAX 512u
#define WEB_TOKEN_HEAD_MAX 2048u
#define URL_BYTES_MAX 512u
#define KEY_BYTES_MAX (64u * 1024u)
#define KEY_SHORT_WORDS_MAX 6u /* in one line: this is prose, not a key */
#define KEY_WORD_BYTES 16u

/* ---- letters ---- */

bool shape_is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool shape_is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) { return shape_is_alnum(c) || c == '_' || c == '-'; }
static bool is_token(char c) {
  return is_word(c) || c == '.' || c == '+' || c == '/' || c == '=' || c == '~';
}
static bool is_upper(char c) { return (c >= 'A' && c <= 'Z') || shape_is_digit(c); }
static bool is_hex(char c) {
  return shape_is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static bool is_path(char c) { return is_word(c) || c == '/'; }
static bool is_dotted(char c) { return is_word(c) || c == '.'; }

bool shape_out(const shape_view *v, size_t at) { return at >= v->bytes && !v->end; }

/* ---- tokens ---- */

#define DIGIT 1u /* has a digit: "sk-" begins names of things too */
#define EXACT 2u /* exactly `least` letters and then none of a word */
#define SHOWN 4u /* the prefix says where the token is for, and stays */
#define CAPITAL 8u

typedef struct token_shape {
  const char *prefix;
  size_t least;
  bool (*letter)(char c);
  unsigned flags;
  const char *kind;
} token_shape;

/* Longer prefixes before their beginnings. */
static const token_shape tokens[] = {
    {"ghp_", 30, is_word, 0, "GitHub token"},
    {"rrt_", 40, is_hex, DIGIT, "remote token"},
    {"gho_", 30, is_word, 0, "GitHub token"},
    {"ghu_", 30, is_word, 0, "GitHub token"},
    {"ghs_", 30, is_word, 0, "GitHub token"},
    {"ghr_", 30, is_word, 0, "GitHub token"},
    {"github_pat_", 40, is_word, 0, "GitHub token"},
    {"glpat-", 20, is_dotted, DIGIT, "GitLab token"},
    {"gldt-", 20, is_dotted, DIGIT, "GitLab token"},
    {"glrt-", 20, is_dotted, DIGIT, "GitLab token"},
    {"glptt-", 20, is_dotted, DIGIT, "GitLab token"},
    {"glcbt-", 20, is_dotted, DIGIT, "GitLab token"},
    {"glsoat-", 20, is_dotted, DIGIT, "GitLab token"},
    {"AKIA", 16, is_upper, EXACT, "AWS key"},
    {"ASIA", 16, is_upper, EXACT, "AWS key"},
    {"ABIA", 16, is_upper, EXACT, "AWS key"},
    {"ACCA", 16, is_upper, EXACT, "AWS key"},
    {"sk-ant-", 20, is_word, 0, "Anthropic key"},
    {"sk-proj-", 20, is_word, DIGIT, "OpenAI key"},
    {"sk-svcacct-", 20, is_word, DIGIT, "OpenAI key"},
    {"sk-or-v1-", 32, is_word, DIGIT, "API key"},
    {"sk-", 32, is_word, DIGIT | CAPITAL, "API key"},
    {"sk_live_", 16, is_word, 0, "Stripe key"},
    {"sk_test_", 16, is_word, DIGIT, "Stripe key"},
    {"rk_live_", 16, is_word, 0, "Stripe key"},
    {"rk_test_", 16, is_word, DIGIT, "Stripe key"},
    {"whsec_", 24, is_token, DIGIT, "Stripe key"},
    {"AIza", 35, is_word, 0, "Google key"},
    {"GOCSPX-", 20, is_word, 0, "Google key"},
    {"ya29.", 30, is_token, 0, "Google token"},
    {"1//0", 40, is_word, DIGIT, "Google token"},
    {"xoxb-", 20, is_word, DIGIT, "Slack token"},
    {"xoxp-", 20, is_word, DIGIT, "Slack token"},
    {"xoxa-", 20, is_word, DIGIT, "Slack token"},
    {"xoxr-", 20, is_word, DIGIT, "Slack token"},
    {"xoxs-", 20, is_word, DIGIT, "Slack token"},
    {"xoxe-", 20, is_word, DIGIT, "Slack token"},
    {"xoxe.", 20, is_dotted, DIGIT, "Slack token"},
    {"xapp-", 20, is_word, DIGIT, "Slack token"},
    {"hooks.slack.com/services/", 20, is_path, SHOWN, "Slack token"},
    {"discord.com/api/webhooks/", 40, is_path, SHOWN, "Discord token"},
    {"discordapp.com/api/webhooks/", 40, is_path, SHOWN, "Discord token"},
    {"npm_", 30, is_word, DIGIT, "npm token"},
    {"pypi-", 40, is_word, DIGIT, "PyPI token"},
    {"rubygems_", 32, is_hex, DIGIT, "RubyGems token"},
    {"hf_", 30, is_word, DIGIT | CAPITAL, "Hugging Face token"},
    {"gsk_", 30, is_word, DIGIT | CAPITAL, "API key"},
    {"xai-", 40, is_word, DIGIT | CAPITAL, "API key"},
    {"pplx-", 40, is_word, DIGIT, "API key"},
    {"r8_", 30, is_word, DIGIT | CAPITAL, "API key"},
    {"dop_v1_", 40, is_hex, DIGIT, "DigitalOcean token"},
    {"doo_v1_", 40, is_hex, DIGIT, "DigitalOcean token"},
    {"dor_v1_", 40, is_hex, DIGIT, "DigitalOcean token"},
    {"SG.", 50, is_dotted, DIGIT, "SendGrid key"},
    {"key-", 32, is_hex, EXACT | DIGIT, "Mailgun key"},
    {"SK", 32, is_hex, EXACT | DIGIT, "Twilio key"},
    {"shpat_", 32, is_hex, DIGIT, "Shopify token"},
    {"shpca_", 32, is_hex, DIGIT, "Shopify token"},
    {"shppa_", 32, is_hex, DIGIT, "Shopify token"},
    {"shpss_", 32, is_hex, DIGIT, "Shopify token"},
    {"sq0atp-", 22, is_word, DIGIT, "Square token"},
    {"sq0csp-", 40, is_word, DIGIT, "Square token"},
    {"hvs.", 24, is_dotted, DIGIT, "Vault token"},
    {"hvb.", 24, is_dotted, DIGIT, "Vault token"},
    {"hvr.", 24, is_dotted, DIGIT, "Vault token"},
    {"dapi", 32, is_hex, EXACT | DIGIT, "Databricks token"},
    {"ATATT3", 40, is_token, DIGIT, "Atlassian token"},
    {"ATCTT3", 40, is_token, DIGIT, "Atlassian token"},
    {"lin_api_", 32, is_word, DIGIT, "Linear key"},
    {"ntn_", 40, is_word, DIGIT, "Notion token"},
    {"PMAK-", 40, is_word, DIGIT, "Postman key"},
    {"NRAK-", 27, is_upper, DIGIT, "New Relic key"},
    {"sntrys_", 40, is_token, DIGIT, "Sentry token"},
    {"sntryu_", 40, is_token, DIGIT, "Sentry token"},
    {"glsa_", 32, is_word, DIGIT, "Grafana token"},
    {"glc_", 40, is_token, DIGIT | CAPITAL, "Grafana token"},
    {"dckr_pat_", 20, is_word, DIGIT, "Docker token"},
    {"dp.pt.", 40, is_word, DIGIT, "Doppler token"},
    {"pul-", 40, is_hex, EXACT | DIGIT, "Pulumi token"},
    {"AGE-SECRET-KEY-1", 50, is_upper, DIGIT, "age key"},
    {"figd_", 30, is_word, DIGIT, "Figma token"},
    {"nfp_", 36, is_word, DIGIT, "Netlify token"},
    {"sbp_", 40, is_hex, DIGIT, "Supabase token"},
    {"pscale_tkn_", 30, is_token, DIGIT, "PlanetScale token"},
    {"pscale_pw_", 30, is_token, DIGIT, "PlanetScale token"},
    {"tskey-", 20, is_word, DIGIT, "Tailscale key"},
    {"ops_eyJ", 60, is_word, DIGIT, "1Password token"},
};
#define TOKENS (sizeof tokens / sizeof *tokens)

/* At least three different letters: "ghp_xxxxxxxx" stands for a token and is none. */
static bool varied(const char *text, size_t bytes) {
  char seen[3];
  size_t count = 0;
  for (size_t i = 0; i < bytes && count < sizeof seen; i++)
    if (memchr(seen, text[i], count) == NULL) seen[count++] = text[i];
  return count == sizeof seen;
}

static bool has(const char *text, size_t bytes, bool (*letter)(char c)) {
  for (size_t i = 0; i < bytes; i++)
    if (letter(text[i])) return true;
  return false;
}
static bool is_capital(char c) { return c >= 'A' && c <= 'Z'; }

/* text[at] on begins with `word` (or, no case, with its letters). */
shape_verdict shape_begins(const shape_view *v, size_t at, const char *word, bool any_case) {
  size_t bytes = strlen(word), left = v->bytes - at;
  size_t n = bytes < left ? bytes : left;
  bool same =
      any_case ? strncasecmp(v->text + at, word, n) == 0 : memcmp(v->text + at, word, n) == 0;
  if (!same) return SHAPE_NO;
  if (n == bytes) return SHAPE_YES;
  return v->end ? SHAPE_NO : SHAPE_MORE;
}

static shape_verdict token_is(const shape_view *v, size_t at, const token_shape *shape,
                              shape_found *out) {
  shape_verdict begins = shape_begins(v, at, shape->prefix, false);
  if (begins != SHAPE_YES) return begins;
  size_t from = at + strlen(shape->prefix), n = 0;
  while (n < TOKEN_BYTES_MAX && from + n < v->bytes && shape->letter(v->text[from + n])) n++;
  if (n < TOKEN_BYTES_MAX && shape_out(v, from + n)) return SHAPE_MORE;
  const char *body = v->text + from;
  while (n > 0 && n < TOKEN_BYTES_MAX && body[n - 1] == '.') n--; /* the end of a sentence */
  if (n < shape->least || !varied(body, n)) return SHAPE_NO;
  if ((shape->flags & EXACT) != 0 &&
      (n != shape->least || (from + n < v->bytes && is_word(body[n]))))
    return SHAPE_NO;
  if ((shape->flags & DIGIT) != 0 && !has(body, n, shape_is_digit)) return SHAPE_NO;
  if ((shape->flags & CAPITAL) != 0 && !has(body, n, is_capital)) return SHAPE_NO;
  bool shown = (shape->flags & SHOWN) != 0;
  out->kind = shape->kind;
  out->keep = shown ? from - at : 0;
  out->secret = shown ? n : from - at + n;
  if (n == TOKEN_BYTES_MAX) out->rest.kind = SHAPE_REST_TOKEN;
  return SHAPE_YES;
}

/* "eyJ….eyJ….signature", "eyJ…..iv.text.tag" */
static shape_verdict web_token(const shape_view *v, size_t at, shape_found *out) {
  shape_verdict begins = shape_begins(v, at, "eyJ", false);
  if (begins != SHAPE_YES) return begins;
  size_t n = at + 3, head = n;
  while (n < v->bytes && n - head < WEB_TOKEN_HEAD_MAX && is_word(v->text[n])) n++;
  if (n - head < WEB_TOKEN_HEAD_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (n - head < 8 || n >= v->bytes || v->text[n] != '.') return SHAPE_NO;
  size_t body = ++n;
  if (shape_out(v, n)) return SHAPE_MORE;
  while (n < v->bytes && n - body < 16 && is_word(v->text[n])) n++;
  bool unsaid = n == body && n < v->bytes && v->text[n] == '.';
  if (!unsaid && n - body < 16) {
    if (shape_out(v, n)) return SHAPE_MORE;
    return SHAPE_NO;
  }
  out->kind = "web token";
  out->keep = 0;
  out->secret = n - at;
  out->rest.kind = SHAPE_REST_TOKEN;
  return SHAPE_YES;
}

/* "Bearer TOKEN" anywhere: the word stays. */
static shape_verdict bearer(const shape_view *v, size_t at, shape_found *out) {
  shape_verdict begins = shape_begins(v, at, "bearer ", true);
  if (begins != SHAPE_YES) return begins;
  size_t from = at + 7, n = 0;
  bool other = false;
  while (n < TOKEN_BYTES_MAX && from + n < v->bytes && is_token(v->text[from + n])) {
    char c = v->text[from + n++];
    if (c < 'a' || c > 'z') other = true;
  }
  if (n < TOKEN_BYTES_MAX && shape_out(v, from + n)) return SHAPE_MORE;
  if (n < 20 || !other || !varied(v->text + from, n)) return SHAPE_NO;
  out->kind = "bearer token";
  out->keep = 7;
  out->secret = n;
  if (n == TOKEN_BYTES_MAX) out->rest.kind = SHAPE_REST_TOKEN;
  return SHAPE_YES;
}

/* Not inside a word: behind anything that is no letter or digit, an escape ("\n", "%3D") or a
 * colour. */
static bool word_begins(const shape_view *v, size_t at) {
  if (at == 0) return true;
  const char *t = v->text;
  char c = t[at - 1];
  if (!shape_is_alnum(c)) return true;
  if (at >= 2 && t[at - 2] == '\\' && strchr("nrtv", c) != NULL) return true;
  if (at >= 3 && t[at - 3] == '%' && is_hex(t[at - 2]) && is_hex(c)) return true;
  if (c != 'm' && c != 'K') return false;
  size_t i = at - 1, least = at > 24 ? at - 24 : 0;
  while (i > least && (shape_is_digit(t[i - 1]) || t[i - 1] == ';' || t[i - 1] == ':')) i--;
  return i > least + 1 && t[i - 1] == '[' && t[i - 2] == '\033';
}

/* First letters of the tables. */
static bool may_be_token(char c) {
  return c != '\0' && strchr("ghASskrwGy1xdnpHDPNalftobBeR", c) != NULL;
}

static shape_verdict any_token(const shape_view *v, size_t at, shape_found *out) {
  for (size_t i = 0; i < TOKENS; i++) {
    if (tokens[i].prefix[0] != v->text[at]) continue;
    shape_verdict verdict = token_is(v, at, &tokens[i], out);
    if (verdict != SHAPE_NO) return verdict;
  }
  char c = v->text[at];
  if (c == 'e') return web_token(v, at, out);
  return c == 'b' || c == 'B' ? bearer(v, at, out) : SHAPE_NO;
}

/* ---- private keys ---- */

/* Behind "-----BEGIN … PRIVATE KEY-----": is there really a key? Source code that looks for the
 * line has none. */
static shape_verdict key_follows(const shape_view *v, size_t at) {
  size_t i = at, most = at + 160;
  for (unsigned tries = 0; tries < 6; tries++) {
    while (i < v->bytes && i < most && !shape_is_alnum(v->text[i]) && v->text[i] != '/') {
      bool escape = v->text[i] == '\\' || v->text[i] == '\033';
      if (v->text[i] == '\033') {
        while (i < v->bytes && i < most && v->text[i] != 'm' && v->text[i] != 'K') i++;
      }
      i += escape ? 2 : 1;
    }
    if (i >= most) return SHAPE_NO;
    if (i >= v->bytes) return v->end ? SHAPE_NO : SHAPE_MORE;
    size_t from = i;
    while (i < v->bytes && i - from < KEY_WORD_BYTES &&
           (shape_is_alnum(v->text[i]) || v->text[i] == '+' || v->text[i] == '/'))
      i++;
    if (i - from == KEY_WORD_BYTES) return SHAPE_YES;
    if (i >= v->bytes) return v->end ? SHAPE_NO : SHAPE_MORE;
    bool number = true;
    for (size_t k = from; k < i; k++)
      if (!shape_is_digit(v->text[k])) number = false;
    /* "Proc-Type: 4,ENCRYPTED", "Version: …"; numbers of lines are passed over. */
    if (!number) return v->text[i] == ':' || v->text[i] == '-' ? SHAPE_YES : SHAPE_NO;
  }
  return SHAPE_NO;
}

static shape_verdict private_key(const shape_view *v, size_t at, shape_found *out) {
  shape_verdict begins = shape_begins(v, at, "-----BEGIN ", false);
  if (begins != SHAPE_YES) return begins;
  size_t n = at + 11, from = n;
  while (n < v->bytes && n - from < 60 && (is_upper(v->text[n]) || v->text[n] == ' ')) n++;
  if (n - from < 60 && shape_out(v, n)) return SHAPE_MORE;
  if (memmem(v->text + from, n - from, "PRIVATE KEY", 11) == NULL) return SHAPE_NO;
  begins = n < v->bytes ? shape_begins(v, n, "-----", false) : SHAPE_NO;
  if (begins != SHAPE_YES) return begins;
  shape_verdict follows = key_follows(v, n + 5);
  if (follows != SHAPE_YES) return follows;
  out->kind = "private key";
  out->keep = 0;
  out->secret = n + 5 - at;
  out->rest.kind = SHAPE_REST_KEY;
  return SHAPE_YES;
}

/* Drops up to "-----END …-----"; gives up where prose begins, or after 64 KiB. */
static size_t drop_key(const shape_view *v, size_t at, shape_rest *rest) {
  size_t i = at;
  while (i < v->bytes) {
    char c = v->text[i];
    if (c == '-') {
      shape_verdict ends = shape_begins(v, i, "-----END ", false);
      if (ends == SHAPE_MORE) return i - at;
      if (ends == SHAPE_YES) {
        size_t n = i + 9, from = n;
        while (n < v->bytes && n - from < 60 && v->text[n] != '-' && v->text[n] != '\n') n++;
        if (n - from < 60 && shape_out(v, n)) return i - at;
        ends = n < v->bytes ? shape_begins(v, n, "-----", false) : SHAPE_NO;
        if (ends == SHAPE_MORE) return i - at;
        rest->kind = SHAPE_REST_NONE;
        return (ends == SHAPE_YES ? n + 5 : n) - at;
      }
    }
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank) {
      rest->word_bytes++;
    } else if (rest->word_bytes > 0) {
      rest->short_words = rest->word_bytes < KEY_WORD_BYTES ? rest->short_words + 1 : 0;
      rest->word_bytes = 0;
    }
    if (c == '\n') rest->short_words = 0;
    if (rest->short_words >= KEY_SHORT_WORDS_MAX || ++rest->dropped > KEY_BYTES_MAX) {
      rest->kind = SHAPE_REST_NONE;
      return i - at;
    }
    i++;
  }
  return i - at;
}

/* ---- URLs ---- */

static bool ends_authority(char c) {
  return (unsigned char)c <= ' ' || strchr("/?#\"'`<>\\(){}|", c) != NULL;
}

/* "scheme://user:PASSWORD@host", at its colon. */
static shape_verdict url(const shape_view *v, size_t at, shape_found *out) {
  if (at == 0 || !shape_is_alnum(v->text[at - 1])) return SHAPE_NO;
  shape_verdict begins = shape_begins(v, at, "://", false);
  if (begins != SHAPE_YES) return begins;
  size_t from = at + 3, n = from, last = 0, colon = 0;
  if (shape_out(v, from)) return SHAPE_MORE;
  if (from >= v->bytes) return SHAPE_NO;
  shape_verdict itself = shape_by_itself(v, from, out); /* a token in place of the user */
  if (itself != SHAPE_NO) return itself == SHAPE_YES ? SHAPE_NO : SHAPE_MORE;
  for (; n < v->bytes && n - from < URL_BYTES_MAX && !ends_authority(v->text[n]); n++) {
    if (v->text[n] == '@') last = n;
    if (v->text[n] == ':' && colon == 0 && last == 0) colon = n;
  }
  if (n - from < URL_BYTES_MAX && shape_out(v, n)) return SHAPE_MORE;
  if (last == 0) return SHAPE_NO;
  if (colon != 0 && colon > last) colon = 0;
  size_t secret = colon != 0 && colon + 1 < last ? colon + 1 : from;
  size_t bytes = (colon != 0 && secret == from ? colon : last) - secret;
  bool alone = secret == from;
  if (bytes < 3) return SHAPE_NO;
  if (alone && (bytes < 20 || !has(v->text + from, bytes, shape_is_digit))) return SHAPE_NO;
  if (shape_placeholder(v->text + secret, bytes)) return SHAPE_NO;
  out->kind = alone ? "credentials in URL" : "password in URL";
  out->keep = secret - at;
  out->secret = bytes;
  return SHAPE_YES;
}

/* "123456789:AA…", 35 letters: a Telegram bot. */
static shape_verdict telegram(const shape_view *v, size_t at, shape_found *out) {
  size_t digits = 0, n = 0;
  while (digits < 11 && digits < at && shape_is_digit(v->text[at - digits - 1])) digits++;
  if (digits < 8 || digits > 10) return SHAPE_NO;
  if (at > digits && is_word(v->text[at - digits - 1]) &&
      !(at >= digits + 3 && memcmp(v->text + at - digits - 3, "bot", 3) == 0))
    return SHAPE_NO;
  while (n < 36 && at + 1 + n < v->bytes && is_word(v->text[at + 1 + n])) n++;
  if (n < 36 && shape_out(v, at + 1 + n)) return SHAPE_MORE;
  if (n != 35 || !varied(v->text + at + 1, n)) return SHAPE_NO;
  out->kind = "Telegram token";
  out->keep = 1;
  out->secret = n;
  return SHAPE_YES;
}

/* ---- marks ---- */

size_t shape_mark(const char *kind, char out[64]) {
  return (size_t)snprintf(out, 64, "[redacted: %s]", kind);
}

static bool kind_is(const char *kind, const char *text, size_t bytes) {
  return strlen(kind) == bytes && memcmp(kind, text, bytes) == 0;
}

static bool known_kind(const char *text, size_t bytes) {
  static const char *const others[] = {"web token",       "bearer token",       "private key",
                                       "password in URL", "credentials in URL", "Telegram token",
                                       SHAPE_CONFIGURED};
  for (size_t i = 0; i < TOKENS; i++)
    if (kind_is(tokens[i].kind, text, bytes)) return true;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (kind_is(others[i], text, bytes)) return true;
  return shape_named_kind(text, bytes);
}

/* What an earlier redaction left is passed as it is, so that redacting twice changes nothing. */
static shape_verdict mark(const shape_view *v, size_t at, shape_found *out) {
  shape_verdict begins = shape_begins(v, at, "[redacted: ", false);
  if (begins != SHAPE_YES) return begins;
  size_t from = at + 11, n = 0;
  while (n < 40 && from + n < v->bytes &&
         (shape_is_alnum(v->text[from + n]) || v->text[from + n] == ' '))
    n++;
  if (n < 40 && shape_out(v, from + n)) return SHAPE_MORE;
  if (from + n >= v->bytes || v->text[from + n] != ']' || !known_kind(v->text + from, n))
    return SHAPE_NO;
  out->kind = NULL;
  out->keep = 11 + n + 1;
  out->secret = 0;
  return SHAPE_YES;
}

/* ---- all of them ---- */

shape_verdict shape_by_itself(const shape_view *v, size_t at, shape_found *out) {
  shape_verdict key = private_key(v, at, out);
  if (key != SHAPE_NO) return key;
  return may_be_token(v->text[at]) ? any_token(v, at, out) : SHAPE_NO;
}

static shape_verdict at_colon(const shape_view *v, size_t at, shape_found *out) {
  static shape_verdict (*const tries[])(const shape_view *, size_t, shape_found *) = {
      url, telegram, shape_assignment};
  for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
    shape_verdict verdict = tries[i](v, at, out);
    if (verdict != SHAPE_NO) return verdict;
  }
  return SHAPE_NO;
}

shape_verdict shape_at(const shape_view *v, size_t at, bool shapes, shape_found *out) {
  char c = v->text[at];
  memset(out, 0, sizeof *out);
  if (c == '[') return mark(v, at, out);
  if (!shapes) return SHAPE_NO;
  if (c == ':') return at_colon(v, at, out);
  if (c == '=') return shape_assignment(v, at, out);
  if (c == ' ') return shape_argument(v, at, out);
  if (c == '-') return private_key(v, at, out);
  if (!may_be_token(c) || !word_begins(v, at)) return SHAPE_NO;
  return any_token(v, at, out);
}

size_t shape_skip(const shape_view *v, size_t at) {
  size_t n = 0;
  while (at + n < v->bytes) {
    char c = v->text[at + n];
    if (c == '[' || c == ':' || c == '=' || c == ' ' || c == '-') break;
    if (may_be_token(c) && word_begins(v, at + n)) break;
    n++;
  }
  return n;
}

size_t shape_drop(const shape_view *v, size_t at, shape_rest *rest) {
  if (rest->kind == SHAPE_REST_KEY) return drop_key(v, at, rest);
  for (size_t i = at; i < v->bytes; i++) {
    char c = v->text[i];
    bool over = false;
    size_t past = 0;
    switch (rest->kind) {
      case SHAPE_REST_TOKEN:
        over = !is_token(c);
        break;
      case SHAPE_REST_VALUE:
        over = shape_ends_value(c);
        break;
      case SHAPE_REST_LINE:
        over = c == '\n' || c == '"' || c == '\'';
        break;
      default: {
        int closes = shape_closes(v, i, rest->quote, rest->escaped, &past);
        if (closes < 0) return i - at;
        over = closes > 0 || ++rest->dropped > KEY_BYTES_MAX;
      }
    }
    if (over) {
      rest->kind = SHAPE_REST_NONE;
      return i - at;
    }
    i += past;
  }
  return v->bytes - at;
}
