/* Whom each side trusts: every refusal with its words, files that cannot be used, and certificates
 * that are renewed while connections live. */
#include "tls_kit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/ssl.h>

/* ---- the relay's certificate ---- */

typedef struct refusal {
  const char *name; /* of the certificate that the server shows */
  cert_wish wish;
  const char *host;  /* by which the client connects */
  const char *words; /* NULL: it is accepted */
} refusal;

static const refusal refusals[] = {
    {"server", {0}, "localhost", NULL},
    {"server", {0}, "127.0.0.1", NULL},
    {"any-host", {.names = "DNS:*.example.org,DNS:localhost"}, "localhost", NULL},
    {"other-names",
     {.names = "DNS:relay.example.org,IP:192.0.2.7,IP:2001:db8::1"},
     "localhost",
     "is for relay.example.org, 192.0.2.7, 2001:db8::1 and not for localhost"},
    {"other-address", {.names = "DNS:localhost"}, "127.0.0.1", "and not for 127.0.0.1"},
    {"name-as-address", {.names = "DNS:127.0.0.1"}, "127.0.0.1", "and not for 127.0.0.1"},
    {"address-only", {.names = "IP:127.0.0.1"}, "localhost", "and not for localhost"},
    {"wildcard-inside", {.names = "DNS:local*"}, "localhost", "and not for localhost"},
    {"nameless", {.names = ""}, "127.0.0.1", "names no host at all"},
    {"many", {.names = "DNS:a,DNS:b,DNS:c,DNS:d,DNS:e"}, "localhost", "for a, b, c, d, ... and"},
    {"expired", {.begin_s = -90000, .end_s = -3600}, "localhost", "has expired"},
    {"early", {.begin_s = 3600}, "localhost", "is not valid yet"},
    {"stranger", {.issuer = "stranger"}, "localhost", "--tls-ca FILE"},
    {"foreign", {.issuer = "other-ca"}, "localhost", "--tls-ca FILE"},
    {"for-clients", {.client = true}, "localhost", "is not accepted"},
};

static void judges_the_relay(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_end(&k);
  cert_make("other-ca", &(cert_wish){.authority = true, .issuer = "other-ca"});
  for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
    const refusal *r = &refusals[i];
    char cert[160], key[160], file[64];
    kit_begin(&k);
    if (strcmp(r->name, "server") != 0) cert_make(r->name, &r->wish);
    snprintf(file, sizeof file, "%s.pem", r->name);
    snprintf(cert, sizeof cert, "%s", cert_path(file));
    snprintf(file, sizeof file, "%s.key", r->name);
    snprintf(key, sizeof key, "%s", cert_path(file));
    k.server_settings.trust = (lrm_uv_trust){NULL, cert, key};
    kit_listen(&k);
    kit_connect(&k, r->host, 0);
    if (r->words == NULL) {
      kit_until(&k, &k.client.is_up);
    } else {
      kit_expect_down(&k, &k.client, r->words);
      assert_false(k.client.is_up);
      assert_int_equal(k.client.error, LRM_ERR_CARRIER);
      assert_int_equal(k.untrusted, 1);
      kit_until_count(&k, &k.refused, 1); /* the relay hears of it, and accepts nobody */
      assert_int_equal(k.server.accepted, 0);
    }
    kit_end(&k);
  }
}

/* What somebody writes into a certificate is not written to a terminal. */
static void shows_names_safely(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  cert_make("nasty", &(cert_wish){.names = "DNS:\x1b[31mred"});
  char cert[160], key[160];
  snprintf(cert, sizeof cert, "%s", cert_path("nasty.pem"));
  snprintf(key, sizeof key, "%s", cert_path("nasty.key"));
  k.server_settings.trust = (lrm_uv_trust){NULL, cert, key};
  kit_listen(&k);
  kit_connect(&k, "localhost", 0);
  kit_expect_down(&k, &k.client, "is for ??31mred and");
  kit_end(&k);
}

/* ---- certificates of clients ---- */

static void wants_certificates_of_clients(void **state) {
  (void)state;
  static const struct {
    const char *cert, *words;
  } cases[] = {
      {"device", NULL},
      {NULL, "pass --tls-cert FILE and --tls-key FILE"},
      {"device-of-other", "does not know the CA"},
      {"device-expired", "has expired"},
      {"device-revoked", "has been revoked"},
      {"server", "not one for clients"},
  };
  kit k;
  kit_begin(&k);
  kit_end(&k);
  cert_make("other-ca", &(cert_wish){.authority = true, .issuer = "other-ca"});
  cert_make("device", &(cert_wish){.client = true});
  cert_make("device-of-other", &(cert_wish){.client = true, .issuer = "other-ca"});
  cert_make("device-expired", &(cert_wish){.client = true, .begin_s = -90000, .end_s = -3600});
  cert_make("device-revoked", &(cert_wish){.client = true});
  cert_revoke("devices", "ca", "device-revoked");
  cert_join("clients.pem", "ca.pem", "devices.crl");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char file[64], cert[160], key[160], clients[160];
    kit_begin(&k);
    snprintf(clients, sizeof clients, "%s", cert_path("clients.pem"));
    k.server_settings.trust.ca_file = clients;
    if (cases[i].cert != NULL) {
      snprintf(file, sizeof file, "%s.pem", cases[i].cert);
      snprintf(cert, sizeof cert, "%s", cert_path(file));
      snprintf(file, sizeof file, "%s.key", cases[i].cert);
      snprintf(key, sizeof key, "%s", cert_path(file));
      k.client_settings.trust.cert_file = cert;
      k.client_settings.trust.key_file = key;
    }
    kit_listen(&k);
    kit_connect(&k, "localhost", 0);
    if (cases[i].words == NULL) {
      kit_until(&k, &k.client.is_up);
      kit_until_count(&k, &k.server.accepted, 1);
    } else {
      /* In TLS 1.3 the client is up before it hears the verdict. */
      kit_expect_down(&k, &k.client, cases[i].words);
      kit_until_count(&k, &k.refused, 1);
      assert_int_equal(k.server.accepted, 0);
    }
    kit_end(&k);
  }
}

/* ---- files ---- */

static void judge(const lrm_uv_trust *trust, bool listening, const char *words) {
  char warning[512], error[1024];
  int result = lrm_tls_trust_check(trust, listening, warning, sizeof warning, error, sizeof error);
  if (words == NULL) {
    if (result != 0) print_error("%s\n", error);
    assert_int_equal(result, 0);
    assert_string_equal(warning, "");
    return;
  }
  if (strncmp(words, "warns: ", 7) == 0) {
    assert_int_equal(result, 0);
    if (strstr(warning, words + 7) == NULL) print_error("got: %s\n", warning);
    assert_non_null(strstr(warning, words + 7));
    return;
  }
  assert_int_equal(result, LRM_ERR_USAGE);
  if (strstr(error, words) == NULL) print_error("got: %s\n", error);
  assert_non_null(strstr(error, words));
}

static void judges_files(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_end(&k);
  cert_make("second", &(cert_wish){0});
  cert_make("weak", &(cert_wish){.weak = true});
  cert_make("old", &(cert_wish){.begin_s = -90000, .end_s = -3600});
  cert_make("coming", &(cert_wish){.begin_s = 3600});
  cert_join("both.pem", "server.pem", "server.key");
  cert_join("open.key", "server.key", "server.pem");
  assert_int_equal(chmod(cert_path("open.key"), 0644), 0);
  cert_encrypt_key("locked.key", "server");
  cert_write("empty.pem", "", 0600);
  cert_write("text.pem", "these are not the bytes\n", 0600);
  cert_write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0600);
  cert_write("broken.key", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", 0600);
  char large[160];
  snprintf(large, sizeof large, "%s", cert_path("large.pem"));
  cert_write("large.pem", "", 0600);
  assert_int_equal(truncate(large, 5 * 1024 * 1024), 0);
  static const struct {
    const char *ca, *cert, *key;
    bool listening;
    const char *words;
  } cases[] = {
      {NULL, NULL, NULL, false, NULL},
      {"ca.pem", NULL, NULL, false, NULL},
      {"ca.pem", "server.pem", "server.key", false, NULL},
      {"ca.pem", "server.pem", "server.key", true, NULL},
      {NULL, "both.pem", "both.pem", true, NULL},
      {NULL, NULL, NULL, true, "pass --tls-cert FILE and --tls-key FILE"},
      {NULL, "server.pem", NULL, true, "--tls-cert needs --tls-key"},
      {NULL, NULL, "server.key", true, "--tls-key needs --tls-cert"},
      {NULL, NULL, "server.key", false, "--tls-key needs --tls-cert"},
      {"missing.pem", NULL, NULL, false, "cannot be opened: No such file"},
      {NULL, "missing.pem", "server.key", true, "cannot be opened: No such file"},
      {NULL, "server.pem", "missing.key", true, "cannot be opened: No such file"},
      {"", NULL, NULL, false, "is not a file"},
      {"empty.pem", NULL, NULL, false, "holds no certificate"},
      {"text.pem", NULL, NULL, false, "holds no certificate"},
      {"server.key", NULL, NULL, false, "holds no certificate"},
      {"broken.pem", NULL, NULL, false, "cannot be read"},
      {"large.pem", NULL, NULL, false, "too large"},
      {NULL, "empty.pem", "server.key", true, "holds no certificate"},
      {NULL, "broken.pem", "server.key", true, "cannot be read"},
      {NULL, "server.key", "server.key", true, "holds no certificate"},
      {NULL, "server.pem", "empty.pem", true, "holds no private key"},
      {NULL, "server.pem", "broken.key", true, "cannot be read"},
      {NULL, "server.pem", "locked.key", true, "is encrypted"},
      {NULL, "server.pem", "second.key", true, "is not that of the certificate"},
      {NULL, "server.pem", "open.key", true, "chmod 600"},
      {NULL, "server.pem", "open.key", false, "chmod 600"},
      {NULL, "weak.pem", "weak.key", true, "too weak"},
      {NULL, "old.pem", "old.key", true, "warns: expired on 20"},
      {NULL, "coming.pem", "coming.key", true, "warns: is not valid before 20"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    lrm_uv_trust trust = {cases[i].ca != NULL ? cert_path(cases[i].ca) : NULL,
                          cases[i].cert != NULL ? cert_path(cases[i].cert) : NULL,
                          cases[i].key != NULL ? cert_path(cases[i].key) : NULL};
    judge(&trust, cases[i].listening, cases[i].words);
  }
}

/* A key of root may be readable by its group, as Debian's ssl-cert has it; one of others may not.
 */
static void judges_modes_of_keys(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_end(&k);
  cert_join("moded.key", "server.key", "server.pem");
  char path[160], cert[160];
  snprintf(path, sizeof path, "%s", cert_path("moded.key"));
  snprintf(cert, sizeof cert, "%s", cert_path("server.pem"));
  lrm_uv_trust trust = {NULL, cert, path};
  bool root = geteuid() == 0;
  static const struct {
    unsigned mode;
    bool good, good_of_root;
  } cases[] = {{0400, true, true},   {0600, true, true},   {0640, false, true},
               {0440, false, true},  {0660, false, false}, {0604, false, false},
               {0602, false, false}, {0644, false, false}, {0666, false, false}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    assert_int_equal(chmod(path, cases[i].mode), 0);
    judge(&trust, true, (root ? cases[i].good_of_root : cases[i].good) ? NULL : "chmod 600");
    if (!root) continue;
    assert_int_equal(chown(path, 1, 1), 0);
    judge(&trust, true, cases[i].good ? NULL : "chmod 600");
    assert_int_equal(chown(path, 0, 0), 0);
  }
}

static void a_broken_file_is_a_failed_attempt(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  kit_listen(&k);
  k.client_settings.trust.ca_file = "/nonexistent/ca.pem";
  kit_connect(&k, "localhost", 0);
  kit_expect_down(&k, &k.client, "/nonexistent/ca.pem cannot be opened");
  assert_false(k.client.is_up);
  kit_end(&k);
}

/* ---- renewal ---- */

static void renews_while_connections_live(void **state) {
  (void)state;
  kit k;
  kit_begin(&k);
  cert_make("renewed", &(cert_wish){.names = "DNS:localhost"});
  char cert[160], key[160], error[1024] = "";
  snprintf(cert, sizeof cert, "%s", cert_path("renewed.pem"));
  snprintf(key, sizeof key, "%s", cert_path("renewed.key"));
  k.server_settings.trust = (lrm_uv_trust){NULL, cert, key};
  kit_listen(&k);
  k.server.echo = true;
  kit_connect(&k, "localhost", 0);
  kit_until(&k, &k.client.is_up);
  kit_until(&k, &k.server.is_up);

  /* Files that cannot be used leave the old ones in use. */
  cert_write("renewed.pem", "half a fi", 0644);
  assert_int_equal(lrm_uv_listener_reload(k.listener, error, sizeof error), LRM_ERR_USAGE);
  assert_non_null(strstr(error, "holds no certificate"));
  lrm_carrier *first = k.client.carrier;
  k.client.carrier = NULL;
  end kept = k.client;
  k.client = (end){0};
  kit_connect(&k, "localhost", 0);
  kit_until(&k, &k.client.is_up);
  lrm_carrier_close(k.client.carrier, true);
  kit_until(&k, &k.client.is_down);
  end_clear(&k.client);

  /* A new one is shown to new connections; what is up goes on. */
  cert_make("renewed", &(cert_wish){.names = "DNS:localhost", .end_s = -60, .begin_s = -90000});
  assert_int_equal(lrm_uv_listener_reload(k.listener, error, sizeof error), 0);
  assert_int_equal(k.warned, 1);
  assert_non_null(strstr(k.notice, "expired"));
  kit_connect(&k, "localhost", 0);
  kit_expect_down(&k, &k.client, "has expired");
  end_clear(&k.client);
  k.client = kept;
  k.client.carrier = first;
  first->owner_user = &k.client;
  assert_true(end_send(&k.client, "still here", 10));
  while (k.client.seen_bytes < 10) uv_run(&k.loop, UV_RUN_ONCE);
  assert_memory_equal(k.client.seen, "still here", 10);
  kit_end(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(judges_the_relay),
                                     cmocka_unit_test(shows_names_safely),
                                     cmocka_unit_test(wants_certificates_of_clients),
                                     cmocka_unit_test(judges_files),
                                     cmocka_unit_test(judges_modes_of_keys),
                                     cmocka_unit_test(a_broken_file_is_a_failed_attempt),
                                     cmocka_unit_test(renews_while_connections_live)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
