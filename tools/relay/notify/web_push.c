#include "web_push.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RECORD_BYTES = 4096, TAG_BYTES = 16, SECRET_BYTES = 32 };

struct web_push_key {
  EVP_PKEY *pair;
  uint8_t point[WEB_PUSH_POINT_BYTES];
};

/* ---- keys ---- */

static EVP_PKEY *from_parts(const uint8_t *secret, const uint8_t point[WEB_PUSH_POINT_BYTES]) {
  EVP_PKEY *key = NULL;
  BIGNUM *number = secret != NULL ? BN_bin2bn(secret, SECRET_BYTES, NULL) : NULL;
  OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
  bool good = builder != NULL &&
              OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
              OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point,
                                               WEB_PUSH_POINT_BYTES);
  if (good && secret != NULL)
    good = number != NULL && OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, number);
  OSSL_PARAM *params = good ? OSSL_PARAM_BLD_to_param(builder) : NULL;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
  if (params == NULL || context == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
      EVP_PKEY_fromdata(context, &key, secret != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
                        params) != 1) {
    key = NULL;
  }
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(params);
  OSSL_PARAM_BLD_free(builder);
  BN_clear_free(number);
  return key;
}

static bool is_p256(EVP_PKEY *pair) {
  char group[32] = "";
  size_t bytes = 0;
  return EVP_PKEY_get_utf8_string_param(pair, OSSL_PKEY_PARAM_GROUP_NAME, group, sizeof group,
                                        &bytes) == 1 &&
         (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

/* Takes the pair. */
static web_push_key *wrap(EVP_PKEY *pair) {
  size_t bytes = 0;
  web_push_key *key = pair != NULL ? calloc(1, sizeof *key) : NULL;
  if (key != NULL && is_p256(pair) &&
      EVP_PKEY_get_octet_string_param(pair, OSSL_PKEY_PARAM_PUB_KEY, key->point, sizeof key->point,
                                      &bytes) == 1 &&
      bytes == sizeof key->point && key->point[0] == 4) {
    key->pair = pair;
    return key;
  }
  free(key);
  EVP_PKEY_free(pair);
  return NULL;
}

web_push_key *web_push_key_make(void) { return wrap(EVP_EC_gen("P-256")); }

web_push_key *web_push_key_read(const char *pem) {
  BIO *memory = BIO_new_mem_buf(pem, -1);
  EVP_PKEY *pair = memory != NULL ? PEM_read_bio_PrivateKey(memory, NULL, NULL, NULL) : NULL;
  BIO_free(memory);
  return wrap(pair);
}

web_push_key *web_push_key_of(const uint8_t secret[32], const uint8_t point[WEB_PUSH_POINT_BYTES]) {
  return wrap(from_parts(secret, point));
}

void web_push_key_free(web_push_key *key) {
  if (key == NULL) return;
  EVP_PKEY_free(key->pair);
  free(key);
}

void web_push_key_public(const web_push_key *key, uint8_t point[WEB_PUSH_POINT_BYTES]) {
  memcpy(point, key->point, WEB_PUSH_POINT_BYTES);
}

bool web_push_key_write(const web_push_key *key, char *out, size_t out_bytes) {
  BIO *memory = BIO_new(BIO_s_mem());
  char *text = NULL;
  long bytes = 0;
  bool good = memory != NULL &&
              PEM_write_bio_PKCS8PrivateKey(memory, key->pair, NULL, NULL, 0, NULL, NULL) == 1;
  if (good) bytes = BIO_get_mem_data(memory, &text);
  good = good && bytes > 0 && (size_t)bytes < out_bytes;
  if (good) {
    memcpy(out, text, (size_t)bytes);
    out[bytes] = '\0';
    OPENSSL_cleanse(text, (size_t)bytes);
  }
  BIO_free(memory);
  return good;
}

/* ---- VAPID ---- */

bool web_push_base64url(const void *data, size_t bytes, char *out, size_t out_bytes) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const uint8_t *in = data;
  size_t used = 0;
  if (out_bytes < (bytes * 4 + 2) / 3 + 1) return false;
  for (size_t i = 0; i < bytes; i += 3) {
    size_t left = bytes - i;
    uint32_t word = (uint32_t)in[i] << 16;
    if (left > 1) word |= (uint32_t)in[i + 1] << 8;
    if (left > 2) word |= in[i + 2];
    out[used++] = letters[word >> 18];
    out[used++] = letters[word >> 12 & 63];
    if (left > 1) out[used++] = letters[word >> 6 & 63];
    if (left > 2) out[used++] = letters[word & 63];
  }
  out[used] = '\0';
  return true;
}

/* ES256: r and s, 32 bytes each. */
static bool sign(const web_push_key *key, const char *text, uint8_t out[64]) {
  uint8_t der[128];
  const uint8_t *at = der;
  size_t bytes = sizeof der;
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  bool good = context != NULL &&
              EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pair) == 1 &&
              EVP_DigestSign(context, der, &bytes, (const uint8_t *)text, strlen(text)) == 1;
  EVP_MD_CTX_free(context);
  ECDSA_SIG *signature = good ? d2i_ECDSA_SIG(NULL, &at, (long)bytes) : NULL;
  if (signature == NULL) return false;
  good = BN_bn2binpad(ECDSA_SIG_get0_r(signature), out, 32) == 32 &&
         BN_bn2binpad(ECDSA_SIG_get0_s(signature), out + 32, 32) == 32;
  ECDSA_SIG_free(signature);
  return good;
}

/* Both go into JSON as they are: addresses, which were judged when they were taken. */
static bool plain(const char *text) { return text[strcspn(text, "\"\\")] == '\0'; }

bool web_push_authorization(const web_push_key *key, const char *audience, const char *contact,
                            uint64_t until_s, char *out, size_t out_bytes) {
  static const char head[] = "{\"typ\":\"JWT\",\"alg\":\"ES256\"}";
  char claims[700], signed_text[WEB_PUSH_JWT_BYTES_MAX], part[100], point[100];
  uint8_t signature[64];
  int bytes = snprintf(claims, sizeof claims, "{\"aud\":\"%s\",\"exp\":%llu,\"sub\":\"%s\"}",
                       audience, (unsigned long long)until_s, contact);
  if (!plain(audience) || !plain(contact) || bytes < 0 || (size_t)bytes >= sizeof claims)
    return false;
  if (!web_push_base64url(head, sizeof head - 1, signed_text, sizeof signed_text)) return false;
  size_t used = strlen(signed_text);
  signed_text[used++] = '.';
  if (!web_push_base64url(claims, (size_t)bytes, signed_text + used, sizeof signed_text - used) ||
      !sign(key, signed_text, signature) ||
      !web_push_base64url(signature, sizeof signature, part, sizeof part) ||
      !web_push_base64url(key->point, sizeof key->point, point, sizeof point)) {
    return false;
  }
  bytes = snprintf(out, out_bytes, "vapid t=%s.%s, k=%s", signed_text, part, point);
  return bytes > 0 && (size_t)bytes < out_bytes;
}

/* ---- encryption ---- */

static bool agree(EVP_PKEY *own, EVP_PKEY *peer, uint8_t out[SECRET_BYTES]) {
  size_t bytes = SECRET_BYTES;
  EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
  bool good = context != NULL && EVP_PKEY_derive_init(context) == 1 &&
              EVP_PKEY_derive_set_peer(context, peer) == 1 &&
              EVP_PKEY_derive(context, out, &bytes) == 1 && bytes == SECRET_BYTES;
  EVP_PKEY_CTX_free(context);
  return good;
}

typedef struct bytes_of {
  const void *data;
  size_t bytes;
} bytes_of;

static OSSL_PARAM octets(const char *name, bytes_of value) {
  OSSL_PARAM param = OSSL_PARAM_construct_octet_string(name, NULL, value.bytes);
  memcpy(&param.data, &value.data, sizeof param.data); /* it is only read */
  return param;
}

static bool hkdf(bytes_of salt, bytes_of secret, bytes_of info, uint8_t *out, size_t out_bytes) {
  char digest[] = "SHA256";
  EVP_KDF *kind = EVP_KDF_fetch(NULL, "HKDF", NULL);
  EVP_KDF_CTX *context = kind != NULL ? EVP_KDF_CTX_new(kind) : NULL;
  OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
                         octets(OSSL_KDF_PARAM_SALT, salt), octets(OSSL_KDF_PARAM_KEY, secret),
                         octets(OSSL_KDF_PARAM_INFO, info), OSSL_PARAM_construct_end()};
  bool good = context != NULL && EVP_KDF_derive(context, out, out_bytes, params) == 1;
  EVP_KDF_CTX_free(context);
  EVP_KDF_free(kind);
  return good;
}

/* RFC 8291 3.4: what both sides and nobody else know, for this salt. */
static bool derive(const uint8_t point[WEB_PUSH_POINT_BYTES],
                   const uint8_t auth[WEB_PUSH_AUTH_BYTES], const web_push_key *own,
                   const uint8_t salt[WEB_PUSH_SALT_BYTES], uint8_t key[16], uint8_t nonce[12]) {
  static const char about[] = "WebPush: info"; /* with its NUL */
  static const char about_key[] = "Content-Encoding: aes128gcm",
                    about_nonce[] = "Content-Encoding: nonce";
  uint8_t info[sizeof about + 2 * WEB_PUSH_POINT_BYTES], shared[SECRET_BYTES], input[SECRET_BYTES];
  memcpy(info, about, sizeof about);
  memcpy(info + sizeof about, point, WEB_PUSH_POINT_BYTES);
  memcpy(info + sizeof about + WEB_PUSH_POINT_BYTES, own->point, WEB_PUSH_POINT_BYTES);
  EVP_PKEY *peer = from_parts(NULL, point);
  bool good = peer != NULL && agree(own->pair, peer, shared) &&
              hkdf((bytes_of){auth, WEB_PUSH_AUTH_BYTES}, (bytes_of){shared, sizeof shared},
                   (bytes_of){info, sizeof info}, input, sizeof input) &&
              hkdf((bytes_of){salt, WEB_PUSH_SALT_BYTES}, (bytes_of){input, sizeof input},
                   (bytes_of){about_key, sizeof about_key}, key, 16) &&
              hkdf((bytes_of){salt, WEB_PUSH_SALT_BYTES}, (bytes_of){input, sizeof input},
                   (bytes_of){about_nonce, sizeof about_nonce}, nonce, 12);
  EVP_PKEY_free(peer);
  OPENSSL_cleanse(shared, sizeof shared);
  OPENSSL_cleanse(input, sizeof input);
  return good;
}

bool web_push_encrypt(const uint8_t point[WEB_PUSH_POINT_BYTES],
                      const uint8_t auth[WEB_PUSH_AUTH_BYTES], const web_push_key *own,
                      const uint8_t salt[WEB_PUSH_SALT_BYTES], const void *text, size_t text_bytes,
                      size_t padded, uint8_t out[WEB_PUSH_BODY_BYTES_MAX], size_t *out_bytes) {
  uint8_t key[16], nonce[12], record[WEB_PUSH_TEXT_BYTES_MAX + 1];
  int written = 0, last = 0;
  if (padded < text_bytes) padded = text_bytes;
  if (padded > WEB_PUSH_TEXT_BYTES_MAX || !derive(point, auth, own, salt, key, nonce)) return false;
  memset(record, 0, sizeof record);
  memcpy(record, text, text_bytes);
  record[text_bytes] = 2; /* the last record; zeros behind it are padding */
  memcpy(out, salt, WEB_PUSH_SALT_BYTES);
  const uint8_t head[] = {0, 0, RECORD_BYTES >> 8, RECORD_BYTES & 255, WEB_PUSH_POINT_BYTES};
  memcpy(out + WEB_PUSH_SALT_BYTES, head, sizeof head);
  memcpy(out + WEB_PUSH_SALT_BYTES + sizeof head, own->point, WEB_PUSH_POINT_BYTES);
  uint8_t *at = out + WEB_PUSH_HEAD_BYTES;
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
  bool good =
      context != NULL && EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), NULL, key, nonce) == 1 &&
      EVP_EncryptUpdate(context, at, &written, record, (int)padded + 1) == 1 &&
      EVP_EncryptFinal_ex(context, at + written, &last) == 1 &&
      EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, at + written + last) == 1;
  EVP_CIPHER_CTX_free(context);
  OPENSSL_cleanse(key, sizeof key);
  *out_bytes = WEB_PUSH_HEAD_BYTES + (size_t)(written + last) + TAG_BYTES;
  return good;
}
