// SPDX-License-Identifier: Apache-2.0
// What TLS never asks libcrypto for. Its built-in provider names every algorithm there is, which links them all. Here
// are the same tables, empty, and the linker takes these instead of the library's members: 100 KB less in the layer. An
// algorithm with an empty table cannot be fetched, as if OpenSSL had been built without it; one that a later version
// needs elsewhere fails to link (defined twice). Only kinds that libssl itself looks for in vain without leaving errors
// behind (ciphers and digests), and encoders, which nobody fetches. Linked into the static program only.
#include <openssl/core.h>

// NOLINTBEGIN(bugprone-macro-parentheses,cppcoreguidelines-macro-usage): names are made of names
// clang-format off: a table
#define LEFT_OUT(name) \
  extern const OSSL_DISPATCH ossl_##name##_functions[]; const OSSL_DISPATCH ossl_##name##_functions[] = {{0, nullptr}};
#define CIPHER(name) \
  LEFT_OUT(name##cbc) LEFT_OUT(name##cfb) LEFT_OUT(name##cfb1) LEFT_OUT(name##cfb8) LEFT_OUT(name##ctr) \
  LEFT_OUT(name##ecb) LEFT_OUT(name##ofb)
#define ARIA(name) CIPHER(name) LEFT_OUT(name##ccm) LEFT_OUT(name##gcm)
#define CAMELLIA(name) CIPHER(name) LEFT_OUT(name##cbc_cts)
#define AES(name) \
  LEFT_OUT(name##ccm) LEFT_OUT(name##ocb) LEFT_OUT(name##siv) LEFT_OUT(name##wrap) LEFT_OUT(name##wrapinv) \
  LEFT_OUT(name##wrappad) LEFT_OUT(name##wrappadinv)
#define STITCHED(name) LEFT_OUT(name##cbc_hmac_sha1) LEFT_OUT(name##cbc_hmac_sha256)
#define ENCODER(key, form) LEFT_OUT(key##_to_##form##_encoder)
#define ENCODERS(key, form) ENCODER(key, form##_der) ENCODER(key, form##_pem)
#define KEY(key) \
  ENCODERS(key, EncryptedPrivateKeyInfo) ENCODERS(key, PrivateKeyInfo) ENCODERS(key, SubjectPublicKeyInfo) \
  ENCODER(key, text)

extern "C" {

// Ciphers that no suite of ours uses. The stitched ones are CBC and HMAC in one; apart they do the same.
AES(aes128) AES(aes192) AES(aes256) LEFT_OUT(aes128xts) LEFT_OUT(aes256xts) STITCHED(aes128) STITCHED(aes256)
ARIA(aria128) ARIA(aria192) ARIA(aria256)
CAMELLIA(camellia128) CAMELLIA(camellia192) CAMELLIA(camellia256)
LEFT_OUT(sm4128cbc) LEFT_OUT(sm4128cfb128) LEFT_OUT(sm4128ctr) LEFT_OUT(sm4128ecb) LEFT_OUT(sm4128ofb128)
LEFT_OUT(tdes_ede2_cbc) LEFT_OUT(tdes_ede2_cfb) LEFT_OUT(tdes_ede2_ecb) LEFT_OUT(tdes_ede2_ofb)
LEFT_OUT(tdes_ede3_cbc) LEFT_OUT(tdes_ede3_cfb) LEFT_OUT(tdes_ede3_cfb1) LEFT_OUT(tdes_ede3_cfb8)
LEFT_OUT(tdes_ede3_ecb) LEFT_OUT(tdes_ede3_ofb) LEFT_OUT(tdes_wrap_cbc)

int ossl_cipher_capable_aes_cbc_hmac_sha1();
int ossl_cipher_capable_aes_cbc_hmac_sha1() { return 0; }
int ossl_cipher_capable_aes_cbc_hmac_sha256();
int ossl_cipher_capable_aes_cbc_hmac_sha256() { return 0; }

LEFT_OUT(ripemd160) LEFT_OUT(sm3)

// Keys are read, never written.
KEY(dh) ENCODERS(dh, DH) ENCODERS(dh, PKCS3) ENCODERS(dh, type_specific_params)
KEY(dhx) ENCODERS(dhx, DHX) ENCODERS(dhx, X9_42) ENCODERS(dhx, type_specific_params)
KEY(dsa) ENCODERS(dsa, DSA) ENCODERS(dsa, type_specific) ENCODER(dsa, msblob) ENCODER(dsa, pvk)
KEY(ec) ENCODERS(ec, EC) ENCODERS(ec, X9_62) ENCODERS(ec, type_specific_no_pub) ENCODER(ec, blob)
KEY(sm2) ENCODERS(sm2, SM2) ENCODERS(sm2, type_specific_no_pub) ENCODER(sm2, blob)
KEY(rsa) ENCODERS(rsa, RSA) ENCODERS(rsa, PKCS1) ENCODERS(rsa, type_specific_keypair) ENCODER(rsa, msblob)
ENCODER(rsa, pvk)
KEY(rsapss) ENCODERS(rsapss, PKCS1)
KEY(ed25519) KEY(ed448) KEY(x25519) KEY(x448)

}  // extern "C"
// clang-format on
// NOLINTEND(bugprone-macro-parentheses,cppcoreguidelines-macro-usage)
