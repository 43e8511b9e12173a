/* Redaction: each shape, what must stay, configured patterns, JSON, and that neither the cuts of a
 * stream nor a second pass change what comes out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "memory.h"
#include "redact.h"

static redactor *make(const char *pattern, const char *allowed) {
  char error[512] = "";
  redact_config config = {.defaults = true,
                          .patterns = &pattern,
                          .patterns_count = pattern != NULL,
                          .allowed = &allowed,
                          .allowed_count = allowed != NULL};
  redactor *r = redactor_create(&config, error, sizeof error);
  if (r == NULL) fail_msg("%s", error);
  return r;
}

static char *redacted(const redactor *r, const char *text, size_t bytes) {
  size_t out_bytes;
  char *out = redact_text(r, text, bytes, &out_bytes);
  return out != NULL ? out : memory_text(text, bytes);
}

/* `in` and what must come out; NULL: the same. Both whole and letter by letter. */
static void expect(const redactor *r, const char *in, const char *wanted) {
  if (wanted == NULL) wanted = in;
  char *out = redacted(r, in, strlen(in));
  if (strcmp(out, wanted) != 0) fail_msg("%s\n gave   %s\n wanted %s", in, out, wanted);
  char *twice = redacted(r, out, strlen(out));
  if (strcmp(out, twice) != 0) fail_msg("twice: %s\n gave %s", out, twice);
  free(twice);
  free(out);
}

/* Secrets are written in two parts, so that this file holds none. */
typedef struct sample {
  const char *before, *first, *second, *after, *kind;
} sample;

#define B40 "Zm9vYmFyMTIzNDU2Nzg5MEFCQ0RFRkdISUpLTE1O"
#define H32 "0123456789abcdef0123456789abcdef"
#define H40 H32 "01234567"
#define KEY_BODY "\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAA\nAAAAMwAAAAtzc2gtZWQyNTUxOQ==\n"

static const sample samples[] = {
    {"x ", "ghp", "_" B40, " y", "GitHub token"},
    {"x ", "gho", "_" B40, " y", "GitHub token"},
    {"x ", "ghu", "_" B40, " y", "GitHub token"},
    {"x ", "ghs", "_" B40, " y", "GitHub token"},
    {"x ", "ghr", "_" B40, " y", "GitHub token"},
    {"(", "github_pat", "_11ABCDEFG0" B40, ")", "GitHub token"},
    {"", "glpat", "-abcdefghij0123456789", ".", "GitLab token"},
    {"", "glrt", "-abcdefghij0123456789", "", "GitLab token"},
    {"", "AKIA", "IOSFODNN7EXAMPLE", "!", "AWS key"},
    {"id=", "ASIA", "IOSFODNN7EXAMPLE", "\n", "AWS key"},
    {"", "sk-ant", "-api03-" B40, "", "Anthropic key"},
    {"", "sk-proj", "-" B40, "", "OpenAI key"},
    {"", "sk", "-" B40, "", "API key"},
    {"", "sk_live", "_" B40, "", "Stripe key"},
    {"", "rk_test", "_" B40, "", "Stripe key"},
    {"", "whsec", "_" B40, "", "Stripe key"},
    {"", "AIza", "SyD0123456789abcdefghijklmnopqrstuv", "", "Google key"},
    {"", "GOCSPX", "-0123456789abcdefghij", "", "Google key"},
    {"", "ya29", ".a0AfH6SMB" B40, "", "Google token"},
    {"", "xoxb", "-123456789012-123456789012-abcdefABCDEF", "", "Slack token"},
    {"", "xapp", "-1-A0123456789-0123456789-abcdef", "", "Slack token"},
    {"https://hooks.slack.com/services/", "T0000", "0000/B00000001/XXabc123XXabc123", "",
     "Slack token"},
    {"", "npm", "_0123456789abcdefghijABCDEFGHIJ012345", "", "npm token"},
    {"", "pypi", "-AgEIcHlwaS5vcmcC" B40, "", "PyPI token"},
    {"", "hf", "_AbCdEfGhIjKlMnOpQrStUvWxYz01234567", "", "Hugging Face token"},
    {"", "gsk", "_AbCdEfGhIjKlMnOpQrStUvWxYz01234567", "", "API key"},
    {"", "dop", "_v1_" H40, "", "DigitalOcean token"},
    {"", "SG", ".abcdefghijklmnopqrstuv.0123456789abcdefghijABCDEFGHIJ0123456789abc", "",
     "SendGrid key"},
    {"", "SK", H32, "", "Twilio key"},
    {"", "shpat", "_" H32, "", "Shopify token"},
    {"", "hvs", ".CAESIJ0123456789abcdefghij", "", "Vault token"},
    {"", "dapi", H32, "", "Databricks token"},
    {"", "ATATT3", "xFfGF0" B40 "=AB12", "", "Atlassian token"},
    {"", "glsa", "_" B40, "", "Grafana token"},
    {"", "dckr", "_pat_abcdefghij0123456789", "", "Docker token"},
    {"", "tskey", "-auth-k123456CNTRL-abcdefghij", "", "Tailscale key"},
    {"", "eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJlMTIz", " z",
     "web token"},
    {"Authorization: Bearer ", "abcdefghij", "klmnopqrstuvwx.y1", "\r\n", "bearer token"},
    {"use bearer ", "abcdefghij", "klmnopqrstuvwx.y1", "", "bearer token"},
    {"Authorization: Basic ", "dXNlcjpw", "YXNzd29yZA==", "\n", "credentials"},
    {"curl -H \"X-Api-Key: ", "abc123", "def456", "\"", "key"},
    {"Set-Cookie: ", "sid=31d4d96e", "407aad42; Path=/", "\n", "cookie"},
    {"bot", "12345678", "90", "", NULL},
    {"1234567890:", "AAF-0123456", "789abcdefghijklmnopqrstu", " ", "Telegram token"},
    {"-----", "BEGIN RSA PRIVATE", " KEY-----" KEY_BODY "-----END RSA PRIVATE KEY-----", "\n",
     NULL},
    {"postgres://app:", "hunter2-", "p4ss", "@db.example.com:5432/app", "password in URL"},
    {"git clone https://", "x0123456789", "abcdefghij", "@example.com/r.git", "credentials in URL"},
    {"password=", "hunter", "2", "\n", "password"},
    {"password: ", "hunter", "2", "\n", "password"},
    {"{\"password\": \"", "hunter", "two", "\"}", "password"},
    {"{\\\"password\\\": \\\"", "hunter", "two", "\\\"}", "password"},
    {"  'db_password' => '", "hunter", "two", "',", "password"},
    {"DB_PASS=", "correct", "horse", "\n", "password"},
    {"export SECRET_KEY=", "p&ss;w0rd", "x", "\n", "key"},
    {"+AWS_SECRET_ACCESS_KEY=", "wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY", "\n", "key"},
    {"Server=db;User=sa;Password=", "p4ss", "word", ";Encrypt=yes", "password"},
    {"AccountKey=", B40, B40 "==", ";EndpointSuffix=x", "key"},
    {"mysql --password=", "hunter", "22", " -u root", "password"},
    {"tool --api-key ", "abc123", "def", " --x", "key"},
    {"curl -u admin:", "s3cr3t", "!", " http://x", "password"},
    {"https://h/?access_token=", "abc123", "def456", "&x=1", "token"},
    {"config[\"client_secret\"] = \"", "abcd", "efgh", "\"", "secret"},
    {"passphrase = \"", "correct horse", " battery", "\"", "password"},
};

static void each_shape(void **state) {
  (void)state;
  redactor *r = make(NULL, NULL);
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    const sample *s = &samples[i];
    char in[1024], wanted[1024];
    bool key = strstr(s->second, "KEY-----") != NULL;
    const char *kind = key ? "private key" : s->kind;
    const char *before = key ? "" : s->before;
    snprintf(in, sizeof in, "%s%s%s%s", s->before, s->first, s->second, s->after);
    snprintf(wanted, sizeof wanted, "%s[redacted: %s]%s", before, kind, s->after);
    expect(r, in, kind != NULL ? wanted : NULL);
  }
  redactor_destroy(r);
}

/* What looks a little like a secret, and must stay. */
static const char *const innocent[] = {
    "task-1234, sk-short, ghp_short, eyJ.x.y",
    "desk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH",
    "commit 9de76bf0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6",
    "id 550e8400-e29b-41d4-a716-446655440000",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "class=\"sk-circle-fade-dot sk-estimator-doc-link-fitted-and-more-of-it\"",
    "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
    "if (strstr(text, \"-----BEGIN RSA PRIVATE KEY-----\") != NULL) { return parse(text); }",
    "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC\n-----END PUBLIC "
    "KEY-----",
    "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKC\n-----END "
    "CERTIFICATE-----",
    "const password = getPassword();",
    "password: string;",
    "token: string | undefined",
    "self.token = token",
    "password = args.password",
    "max_tokens=4096, tokens: 12345, token: 4096",
    "next_token=abc123def",
    "PASSWORD=$DB_PASSWORD",
    "PASSWORD=${DB_PASSWORD}",
    "password: <your password>",
    "password: \"********\"",
    "secret: /run/secrets/db",
    "token_url: https://example.com/token1",
    "secret: uint32",
    "Authorization: Bearer $TOKEN",
    "Authorization: Bearer <token>",
    "https://example.com:8443/path?x=1@2",
    "ssh://git@example.com/repo.git",
    "postgres://user:password@localhost/db",
    "std::token::kind",
    "--password STRING   the password to use",
    "--token <token>",
    "the password is not here",
    "12:34:56 key=value a=b",
    "password:\n  hunter2",
    "x = y == z; a => b; c := d",
    "bearer of bad news that goes on and on",
};

static void what_stays(void **state) {
  (void)state;
  redactor *r = make(NULL, NULL);
  for (size_t i = 0; i < sizeof innocent / sizeof *innocent; i++) expect(r, innocent[i], NULL);
  assert_int_equal(redactor_count(r), 0);
  expect(NULL,
         "ghp"
         "_0123456789012345678901234567890123456789",
         NULL);
  redactor_destroy(r);
}

static void words_begin_behind_escapes(void **state) {
  (void)state;
  redactor *r = make(NULL, NULL);
  expect(r,
         "\\n"
         "ghp_" B40,
         "\\n[redacted: GitHub token]");
  expect(r,
         "t%3D"
         "ghp_" B40,
         "t%3D[redacted: GitHub token]");
  expect(r,
         "\033[1;31m"
         "ghp_" B40 "\033[0m",
         "\033[1;31m[redacted: GitHub token]\033[0m");
  expect(r,
         "x"
         "ghp_" B40,
         NULL);
  redactor_destroy(r);
}

/* Prose behind a key that was cut off is not taken for a part of it. */
static void a_key_without_its_end(void **state) {
  (void)state;
  redactor *r = make(NULL, NULL);
  static const char text[] =
      "-----BEGIN PRIVATE"
      " KEY-----" KEY_BODY "and then the file ended and we went on with something else\nlast line";
  char *out = redacted(r, text, sizeof text - 1);
  assert_null(strstr(out, "b3Blbn"));
  assert_non_null(strstr(out, "went on with something else\n"));
  free(out);
  redactor_destroy(r);
}

/* ---- cuts ---- */

static uint64_t random_state = 1;
static uint32_t random_below(uint32_t limit) {
  random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(random_state >> 33) % limit;
}

static char *in_pieces(const redactor *r, const char *text, size_t bytes, uint32_t piece_max) {
  redact_stream stream = {0};
  char *all = NULL, *out;
  size_t all_bytes, out_bytes, held_max = SHAPE_AHEAD_BYTES_MAX + PATTERN_MATCH_BYTES_MAX;
  FILE *memory = open_memstream(&all, &all_bytes);
  for (size_t at = 0; at < bytes;) {
    size_t n = piece_max == 1 ? 1 : 1 + random_below(piece_max);
    if (n > bytes - at) n = bytes - at;
    redact_stream_feed(&stream, r, text + at, n, false, &out, &out_bytes);
    fwrite(out, 1, out_bytes, memory);
    at += n;
    assert_true(stream.bytes - stream.at <= held_max);
    assert_true(stream.at <= SHAPE_CONTEXT_BYTES);
  }
  redact_stream_feed(&stream, r, "", 0, true, &out, &out_bytes);
  fwrite(out, 1, out_bytes, memory);
  fclose(memory);
  redact_stream_free(&stream);
  return all;
}

/* A text of parts of secrets, of names, of code and of noise. */
static size_t random_text(char *out, size_t room) {
  static const char *const parts[] = {"password",
                                      "=",
                                      ": ",
                                      " ",
                                      "\n",
                                      "\"",
                                      "'",
                                      "\\\"",
                                      "\\n",
                                      "ghp_",
                                      "sk-",
                                      "AKIA",
                                      "eyJ",
                                      "hunter2",
                                      "IOSFODNN7EXAMPLE",
                                      B40,
                                      "-----BEGIN ",
                                      "RSA PRIVATE KEY",
                                      "-----",
                                      "-----END ",
                                      "://",
                                      "user:",
                                      "@host/",
                                      "Bearer ",
                                      "Authorization: ",
                                      "token",
                                      "TOKEN=",
                                      "[redacted: ",
                                      "password]",
                                      "--token ",
                                      "-u ",
                                      ".",
                                      "/",
                                      "a1",
                                      "xoxb-",
                                      "1234567890:",
                                      "\xc3\xa4",
                                      "\xe2\x82\xac",
                                      "Cookie: ",
                                      "sid=",
                                      ";",
                                      "{",
                                      "}",
                                      "secret",
                                      "hunter",
                                      "x7",
                                      "\033[1m",
                                      "%3D",
                                      "\\",
                                      "`",
                                      "]",
                                      "=>",
                                      "=="};
  size_t n = 0;
  uint32_t count = 2 + random_below(24);
  for (uint32_t i = 0; i < count; i++) {
    const char *part = parts[random_below(sizeof parts / sizeof *parts)];
    size_t bytes = strlen(part);
    if (random_below(4) == 0) bytes = 1 + random_below((uint32_t)bytes);
    if (n + bytes > room) break;
    memcpy(out + n, part, bytes);
    n += bytes;
  }
  return n;
}

/* With configured patterns a second pass may find more: a mark is another neighbour than what it
 * stands for. */
static void cut_and_twice(const redactor *r, bool same_twice) {
  for (uint64_t seed = 1; seed <= 4000; seed++) {
    char text[2048];
    random_state = seed * 7919;
    size_t bytes = random_text(text, sizeof text);
    char *whole = redacted(r, text, bytes);
    for (unsigned i = 0; i < 3; i++) {
      char *pieces = in_pieces(r, text, bytes, i == 0 ? 1 : i * 7);
      if (strcmp(whole, pieces) != 0)
        fail_msg("seed %llu: %.*s\n whole  %s\n pieces %s", (unsigned long long)seed, (int)bytes,
                 text, whole, pieces);
      free(pieces);
    }
    char *twice = redacted(r, whole, strlen(whole));
    if (same_twice && strcmp(whole, twice) != 0)
      fail_msg("seed %llu: %.*s\n once  %s\n twice %s", (unsigned long long)seed, (int)bytes, text,
               whole, twice);
    free(twice);
    free(whole);
  }
}

static void no_cut_and_no_second_pass_matters(void **state) {
  (void)state;
  redactor *r = make(NULL, "IOS.*");
  cut_and_twice(r, true);
  redactor_destroy(r);
  r = make("hunter[0-9]+|x.*7", "hunter22|IOS.*");
  cut_and_twice(r, false);
  redactor_destroy(r);
}

/* Values, keys and tokens that are longer than anything that is looked at or held. */
static void long_ones(void **state) {
  (void)state;
  redactor *r = make("q.*", NULL);
  static const char *const begins[] = {"password=a1",
                                       "\"secret\": \"b2",
                                       "ghp_",
                                       "eyJhbGciOiJIUzI1.eyJ",
                                       "Cookie: a=",
                                       ("-----BEGIN PRIVATE"
                                        " KEY-----\n"),
                                       "q",
                                       "Authorization: Basic a1",
                                       "Bearer A1"};
  for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
    size_t head = strlen(begins[i]), bytes = 20000;
    char *text = memory_zero(bytes + 8);
    memcpy(text, begins[i], head);
    for (size_t k = head; k < bytes; k++) text[k] = "abcdEFGH0123"[(k * 7 + k / 5) % 12];
    memcpy(text + bytes, "\" end", 6);
    char *whole = redacted(r, text, bytes + 5), *pieces = in_pieces(r, text, bytes + 5, 700);
    assert_string_equal(whole, pieces);
    if (strlen(whole) > 200) fail_msg("%s: %zu bytes stay", begins[i], strlen(whole));
    free(whole);
    free(pieces);
    free(text);
  }
  redactor_destroy(r);
}

/* ---- configured patterns ---- */

static void configured_patterns(void **state) {
  (void)state;
  redactor *r = make("hunter[0-9]+", NULL);
  expect(r, "pw hunter2 hunter33.",
         "pw [redacted: configured pattern] [redacted: configured pattern].");
  redactor_destroy(r);
  static const struct {
    const char *pattern, *in, *out;
  } cases[] = {
      {"^ab$", "ab\nabc\nab", "#\nabc\n#"},
      {"(?i)proj-\\d{3,5}\\b", "PROJ-1234 proj-12 Proj-123456", "# proj-12 Proj-123456"},
      {"\\bcat\\b", "cat concat cat,", "# concat #,"},
      {"a(b|c)*d", "abcbcd ad ac", "# # ac"},
      {"[^a-z ]+", "ab 12\xc3\xa4 cd", "ab # cd"},
      {"caf\xc3\xa9?", "caf caf\xc3\xa9!", "# #!"},
      {"x{0,2}y", "xxxy", "x#"},
      {"(?:one|two)\\s[[:digit:]]", "one 1 two x", "# two x"},
      {"\\x41\\+\\.", "A+. A++", "# A++"},
      {"a.c",
       "a\nc abc a\xe2\x82\xac"
       "c",
       "a\nc # #"},
      {"aa", "aaaaa b", "# b"},
      {"a*", "b aa b", "b # b"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    r = make(cases[i].pattern, NULL);
    char *out = redacted(r, cases[i].in, strlen(cases[i].in)),
         *shown = memory_zero(strlen(out) + 1);
    const char *mark = "[redacted: configured pattern]";
    size_t n = 0;
    for (const char *at = out; *at != '\0';) {
      bool is_mark = strncmp(at, mark, strlen(mark)) == 0;
      shown[n++] = is_mark ? '#' : *at;
      at += is_mark ? strlen(mark) : 1;
    }
    if (strcmp(shown, cases[i].out) != 0)
      fail_msg("%s on %s: %s, wanted %s", cases[i].pattern, cases[i].in, shown, cases[i].out);
    free(shown);
    free(out);
    redactor_destroy(r);
  }
}

static void patterns_that_cannot_be_read(void **state) {
  (void)state;
  static const struct {
    const char *pattern, *why;
  } cases[] = {
      {"a(b", "at letter 4 of a(b: a ( without its )"},
      {"a)b", "a ) without its ("},
      {"[a-", "a [ without its ]"},
      {"*a", "nothing in front of it can be repeated"},
      {"a{2", "a { without its }"},
      {"a{x}", "{ takes numbers"},
      {"a{5,2}", "more at least than at most"},
      {"a{2000}", "at most 1000 repetitions"},
      {"(a)\\1", "references back are not possible"},
      {"(?=a)", "only (?:"},
      {"a\\nb", "within one line"},
      {"\\q", "this escape is not known"},
      {"[z-a]", "whose end lies before its beginning"},
      {"[[:nonsense:]]", "this class is not known"},
      {"[\xc3\xa4]", "ASCII letters only"},
      {"((((a{100}){100}){100}){100})", "too large"},
      {"", "an empty pattern"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char error[512] = "";
    redact_config config = {.patterns = &cases[i].pattern, .patterns_count = 1};
    assert_null(redactor_create(&config, error, sizeof error));
    if (strstr(error, cases[i].why) == NULL) fail_msg("%s: %s", cases[i].pattern, error);
  }
}

static void what_is_allowed_stays(void **state) {
  (void)state;
  redactor *r = make("hunter[0-9]+", "AKIAIOSFODNN7EXAMPLE|hunter2|tes[ts]-[0-9]+");
  expect(r,
         "AKIA"
         "IOSFODNN7EXAMPLE hunter2 hunter3",
         "AKIA"
         "IOSFODNN7EXAMPLE hunter2 "
         "[redacted: configured pattern]");
  expect(r, "password=test-42\npassword=test-42x1\n",
         "password=test-42\npassword=[redacted: password]\n");
  assert_int_equal(redactor_count(r), 2);
  size_t count;
  assert_string_equal(redactor_kind(r, 0, &count), "configured pattern");
  assert_int_equal(count, 1);
  assert_string_equal(redactor_kind(r, 1, &count), "password");
  assert_null(redactor_kind(r, 2, &count));
  redactor_destroy(r);
}

/* Patterns that make engines with backtracking hang: the steps are bounded by bytes x states. */
static void hostile_patterns_take_linear_time(void **state) {
  (void)state;
  static const char *const hostile[] = {"(a+)+$",    "(a|aa)+b",      "(a*)*b",
                                        "(a|a|a)*c", "(.*a){12}b",    "a?a?a?a?a?a?a?a?aaaaaaaab",
                                        "(x+x+)+y",  "([a-z]+)*[0-9]"};
  for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
    char error[256];
    patterns *all = patterns_create();
    assert_true(patterns_add(all, hostile[i], error, sizeof error));
    uint64_t steps[2];
    for (unsigned round = 0; round < 2; round++) {
      size_t bytes = 20000u << round;
      char *text = memory_zero(bytes);
      memset(text, i == 6 ? 'x' : 'a', bytes);
      redact_stream stream = {0};
      const char *pattern = hostile[i];
      redact_config config = {.patterns = &pattern, .patterns_count = 1};
      redactor *r = redactor_create(&config, error, sizeof error);
      char *out;
      size_t out_bytes;
      redact_stream_feed(&stream, r, text, bytes, false, &out, &out_bytes);
      steps[round] = pattern_stream_steps(stream.patterns);
      redact_stream_free(&stream);
      redactor_destroy(r);
      free(text);
    }
    assert_true(steps[0] < 20000u * 400u);
    assert_true(steps[1] < steps[0] * 21 / 10);
    patterns_destroy(all);
  }
}

/* ---- JSON ---- */

static void expect_json(const redactor *r, const char *in, const char *wanted) {
  size_t bytes;
  char *out = redact_json_text(r, in, strlen(in), &bytes);
  if (out == NULL && wanted == NULL) return;
  assert_non_null(out);
  if (wanted == NULL || strcmp(out, wanted) != 0) fail_msg("%s gave %s", in, out);
  assert_int_equal(bytes, strlen(out));
  json_t *value = json_loads(out, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  assert_non_null(value);
  json_decref(value);
  free(out);
}

static void json_stays_json(void **state) {
  (void)state;
  redactor *r = make("quo\".*te", NULL);
  expect_json(r, "{\"a\":1,\"b\":[true,null,\"plain\"]}", NULL);
  expect_json(r, "{\"password\":\"hunter2\",\"n\":1}",
              "{\"password\":\"[redacted: password]\",\"n\":1}");
  expect_json(r, "{\"env\":[{\"name\":\"API_KEY\",\"value\":\"abcdef\"}]}",
              "{\"env\":[{\"name\":\"API_KEY\",\"value\":\"[redacted: key]\"}]}");
  expect_json(r,
              "[\"x ghp"
              "_" B40 " \\\"y\\\"\"]",
              "[\"x [redacted: GitHub token] \\\"y\\\"\"]");
  expect_json(r, "{\"t\":\"quo\\\" te \"}", "{\"t\":\"[redacted: configured pattern] \"}");
  expect_json(r,
              "{\"ghp"
              "_" B40 "\":1}",
              "{\"[redacted: GitHub token]\":1}");
  expect_json(r,
              "{\"token\":\"ghp"
              "_" B40 "\"}",
              "{\"token\":\"[redacted: GitHub token]\"}");
  expect_json(r, "{\"password\":null,\"token\":12,\"secret\":\"\"}", NULL);
  expect_json(r, "\"a\\u0000password=hunter2\"", "\"a\\u0000password=[redacted: password]\"");
  char image[2048];
  int n = snprintf(image, sizeof image, "{\"data\":\"");
  for (; n < 1500; n++) image[n] = "iVBORw0KGgo/AKIAIOSFODNN7EXAMPLE/+A0"[n % 36];
  snprintf(image + n, sizeof image - (size_t)n, "\"}");
  expect_json(r, image, NULL);
  redactor_destroy(r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(each_shape),
      cmocka_unit_test(what_stays),
      cmocka_unit_test(words_begin_behind_escapes),
      cmocka_unit_test(a_key_without_its_end),
      cmocka_unit_test(no_cut_and_no_second_pass_matters),
      cmocka_unit_test(long_ones),
      cmocka_unit_test(configured_patterns),
      cmocka_unit_test(patterns_that_cannot_be_read),
      cmocka_unit_test(what_is_allowed_stays),
      cmocka_unit_test(hostile_patterns_take_linear_time),
      cmocka_unit_test(json_stays_json),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
