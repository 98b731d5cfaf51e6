/* t_conf_keys.c - files with keys of tokens: which are taken, what is said of the others, and that none is shown. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "conf/key_file.h"
#include "conf/public_key.h"
#include "tests/unit/conf_fixture.h"

#define SECRET "0123456789abcdef0123456789abcdef"

enum kind { PUBLIC, PRIVATE, OLD_PUBLIC, OLD_PRIVATE };

/* Writes the key to NAME in that form, and frees it. */
static void write_key(const char *name, EVP_PKEY *key, enum kind kind)
{
	BIO *bio = BIO_new_file(fixture_path(name), "w");
	int rc = 0;

	assert_non_null(key);
	assert_non_null(bio);
	switch (kind) {
	case PUBLIC: rc = PEM_write_bio_PUBKEY(bio, key); break;
	case PRIVATE: rc = PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL); break;
	case OLD_PUBLIC: rc = i2d_PublicKey(key, NULL) > 0; break;
	case OLD_PRIVATE: rc = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL); break;
	}
	if (kind == OLD_PUBLIC) {
		unsigned char *der = NULL;
		int n = i2d_PublicKey(key, &der);

		rc = PEM_write_bio(bio, PEM_STRING_RSA_PUBLIC, "", der, n) > 0;
		OPENSSL_free(der);
	}
	assert_int_equal(rc, 1);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void append(const char *to, const char *from)
{
	char buf[4096];
	FILE *in = fopen(fixture_path(from), "r"), *out = fopen(fixture_path(to), "a");
	size_t n = fread(buf, 1, sizeof buf, in);

	assert_int_equal(fwrite(buf, 1, n, out), n);
	fclose(in);
	fclose(out);
}

static int write_keys(void **state)
{
	static const char cert[] = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
	static const char broken[] = "-----BEGIN PUBLIC KEY-----\nMAA=\n-----END PUBLIC KEY-----\n";
	static const char open_end[] = "-----BEGIN PUBLIC KEY-----\nMFkwEwYH\n";

	(void)state;
	write_key("rsa.pem", EVP_RSA_gen(2048), PUBLIC);
	write_key("rsa-small.pem", EVP_RSA_gen(1024), PUBLIC);
	write_key("rsa-private.pem", EVP_RSA_gen(2048), PRIVATE);
	write_key("rsa-old-private.pem", EVP_RSA_gen(2048), OLD_PRIVATE);
	write_key("rsa-old.pem", EVP_RSA_gen(2048), OLD_PUBLIC);
	write_key("p256.pem", EVP_EC_gen("P-256"), PUBLIC);
	write_key("p384.pem", EVP_EC_gen("P-384"), PUBLIC);
	write_key("p521.pem", EVP_EC_gen("P-521"), PUBLIC);
	write_key("k256.pem", EVP_EC_gen("secp256k1"), PUBLIC);
	write_key("ec-private.pem", EVP_EC_gen("P-256"), PRIVATE);
	write_key("ed.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), PUBLIC);
	write_key("ed448.pem", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), PUBLIC);
	write_key("x25519.pem", EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), PUBLIC);
	write_key("two.pem", EVP_EC_gen("P-256"), PUBLIC);
	append("two.pem", "p256.pem");
	fixture_write("noted.pem", "made in May\n", 12);
	append("noted.pem", "p256.pem");
	fixture_write("cert.pem", cert, sizeof cert - 1);
	fixture_write("broken.pem", broken, sizeof broken - 1);
	fixture_write("half.pem", open_end, sizeof open_end - 1);
	fixture_write("secret.txt", SECRET "\n", sizeof SECRET);
	fixture_write("empty.pem", "", 0);
	return 0;
}

static void keys_are_taken(void **state)
{
	static const struct {
		const char *alg, *file;
		enum conf_jwt_alg as;
	} good[] = {
	    {"RS256", "rsa.pem", CONF_RS256},
	    {"RS384", "rsa.pem", CONF_RS384},
	    {"RS512", "rsa.pem", CONF_RS512},
	    {"ES256", "p256.pem", CONF_ES256},
	    {"ES256", "noted.pem", CONF_ES256},
	    {"ES384", "p384.pem", CONF_ES384},
	    {"ES512", "p521.pem", CONF_ES512},
	    {"EdDSA", "ed.pem", CONF_EDDSA},
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char text[512];
		struct conf *c;
		const struct conf_jwt *j;
		struct file_stamp now = key_file_stamp(fixture_path(good[i].file));
		const unsigned char *p;
		EVP_PKEY *key;

		snprintf(text, sizeof text,
		    "listen \":0\" { }\nauth { jwt \"k\" { algorithm = %s  public_key_file = %s } }", good[i].alg,
		    good[i].file);
		c = fixture_load(text, false);
		assert_non_null(c);
		assert_int_equal(c->auth.njwt, 1);
		j = &c->auth.jwt[0];
		assert_int_equal(j->alg, good[i].as);
		assert_string_equal(conf_jwt_alg_name(j->alg), good[i].alg);
		assert_null(j->secret.p);
		assert_string_equal(j->file.p, fixture_path(good[i].file));
		assert_string_equal(j->public_key_file.p, fixture_path(good[i].file));
		assert_memory_equal(&j->stamp, &now, sizeof now);
		assert_true(now.ino != 0);
		p = (const unsigned char *)j->public_key.p;
		key = d2i_PUBKEY(NULL, &p, (long)j->public_key.n);
		assert_non_null(key);
		assert_ptr_equal(p, j->public_key.p + j->public_key.n);
		EVP_PKEY_free(key);
		conf_free(c);
	}
}

static void mistakes_are_told(void **state)
{
	static const struct {
		const char *alg, *file, *say;
	} bad[] = {
	    {"RS256", "rsa-small.pem", "holds an RSA key of 1024 bits: at least 2048, at most 8192"},
	    {"RS256", "p256.pem", "holds an EC key of P-256, and RS256 wants RSA: change the key or the algorithm"},
	    {"RS256", "ed.pem", "holds a key of type ED25519, and RS256 wants RSA"},
	    {"RS256", "rsa-private.pem", "holds a private key, which belongs to whoever signs tokens"},
	    {"RS256", "rsa-old-private.pem", "holds a private key"},
	    {"RS256", "rsa-old.pem", "older form: convert it (openssl rsa -RSAPublicKey_in"},
	    {"RS256", "cert.pem", "holds a certificate: give its public key (openssl x509"},
	    {"ES256", "p384.pem", "holds an EC key of P-384, and ES256 wants P-256"},
	    {"ES384", "p521.pem", "holds an EC key of P-521, and ES384 wants P-384"},
	    {"ES512", "p256.pem", "holds an EC key of P-256, and ES512 wants P-521"},
	    {"ES256", "k256.pem", "holds an EC key of secp256k1, and ES256 wants P-256"},
	    {"ES256", "rsa.pem", "holds an RSA key of 2048 bits, and ES256 wants P-256"},
	    {"ES256", "ec-private.pem", "openssl pkey -in FILE -pubout"},
	    {"ES256", "two.pem", "holds more than one key"},
	    {"ES256", "broken.pem", "holds a public key that cannot be read"},
	    {"ES256", "half.pem", "holds no public key: it has to begin with -----BEGIN PUBLIC KEY-----"},
	    {"ES256", "secret.txt", "holds no public key"},
	    {"ES256", "empty.pem", "holds no public key"},
	    {"ES256", "none.pem", "cannot be read: No such file or directory"},
	    {"ES256", "/tmp", "cannot be read: not a regular file"},
	    {"EdDSA", "ed448.pem", "holds a key of type ED448, and EdDSA wants Ed25519"},
	    {"EdDSA", "x25519.pem", "holds a key of type X25519, and EdDSA wants Ed25519"},
	    {"EdDSA", "p256.pem", "wants Ed25519"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char text[512], at[600];
		struct conf_errors errors;
		struct conf *c;
		const char *path;

		snprintf(text, sizeof text,
		    "listen \":0\" { }\nauth { jwt \"k\" {\n algorithm = %s\n public_key_file = \"%s\"\n} }",
		    bad[i].alg, bad[i].file);
		path = fixture_write("test.conf", text, strlen(text));
		assert_int_equal(conf_load(path, false, &c, &errors), -EINVAL);
		snprintf(at, sizeof at, "%s:4: `public_key_file`: ", path);
		if (errors.n != 1 || strncmp(errors.line[0], at, strlen(at)) != 0 ||
		    !strstr(errors.line[0], bad[i].say))
			fail_msg("%s of %s: %s", bad[i].alg, bad[i].file, errors.line[0]);
		assert_null(strstr(errors.line[0], SECRET));
		conf_errors_free(&errors);
	}
}

/* Under --dev nothing that signs is there, so one is made; and it does not take the public key's place. */
static void dev_still_mints(void **state)
{
	struct conf *c = fixture_load(
	    "listen \":0\" { }\nauth { jwt \"k\" { algorithm = ES256  public_key_file = p256.pem } }", true);

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->auth.njwt, 2);
	assert_int_equal(c->auth.jwt[0].alg, CONF_ES256);
	assert_null(c->auth.jwt[0].secret.p);
	assert_int_equal(c->auth.jwt[1].alg, CONF_HS256);
	assert_true(c->auth.jwt[1].generated);
	conf_free(c);
}

/* What a worker reads when a file has changed is judged as the conf is. */
static void files_are_read_again(void **state)
{
	static const struct {
		const char *text;
		const char *say; /* NULL: good */
	} secrets[] = {
	    {SECRET, NULL},
	    {SECRET "\n", NULL},
	    {SECRET "\r\n", NULL},
	    {SECRET "\n\n", "line break or control character at byte 33"},
	    {"0123456789abcdef", "holds a secret of 16 bytes: HS256 has at least 32"},
	    {"", "holds a secret of 0 bytes"},
	};
	char key[KEY_FILE_MAX], why[256];
	struct file_stamp stamp, before;
	char huge[KEY_FILE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
		const char *path = fixture_write("again.txt", secrets[i].text, strlen(secrets[i].text));
		int n = key_file_read(path, CONF_HS256, key, &stamp, why, sizeof why);

		if (secrets[i].say == NULL) {
			assert_int_equal(n, sizeof SECRET - 1);
			assert_memory_equal(key, SECRET, sizeof SECRET - 1);
			before = key_file_stamp(path);
			assert_memory_equal(&stamp, &before, sizeof stamp);
		} else {
			assert_int_equal(n, -EINVAL);
			assert_non_null(strstr(why, secrets[i].say));
		}
	}
	memset(huge, 'x', sizeof huge);
	assert_int_equal(
	    key_file_read(fixture_write("again.txt", huge, sizeof huge), CONF_HS256, key, &stamp, why, sizeof why),
	    -EFBIG);
	before = stamp;
	assert_int_equal(key_file_read(fixture_path("none.txt"), CONF_HS256, key, &stamp, why, sizeof why), -ENOENT);
	assert_memory_equal(&stamp, &before, sizeof stamp);
	stamp = key_file_stamp(fixture_path("none.txt"));
	before = (struct file_stamp){0};
	assert_memory_equal(&stamp, &before, sizeof stamp);
	assert_true(key_file_read(fixture_path("p256.pem"), CONF_ES256, key, &stamp, why, sizeof why) > 0);
	assert_int_equal(key_file_read(fixture_path("p256.pem"), CONF_ES384, key, &stamp, why, sizeof why), -EINVAL);
}

static void api_keys_are_read_again(void **state)
{
	static char longest[CONF_API_KEY_MAX + 2];
	const struct {
		const char *text;
		size_t n;	 /* of the key; 0: refused, */
		const char *say; /* and why */
	} keys[] = {
	    {"k", 1, NULL},
	    {"k e y\n", 5, NULL},
	    {"k\r\n", 1, NULL},
	    {"*k", 2, NULL},
	    {longest, CONF_API_KEY_MAX, NULL},
	    {"", 0, "holds a key of 0 bytes"},
	    {"\r\n", 0, "holds a key of 0 bytes"},
	    {"***", 0, "masked"},
	    {"k\n\n", 0, "line break or control character at byte 2"},
	    {"k\x7f", 0, "line break or control character at byte 2"},
	};
	char key[KEY_FILE_MAX], why[256];
	struct file_stamp stamp, now;

	(void)state;
	memset(longest, 'x', CONF_API_KEY_MAX);
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const char *path = fixture_write("api.txt", keys[i].text, strlen(keys[i].text));
		int n = key_file_api(path, key, &stamp, why, sizeof why);

		assert_int_equal(n, keys[i].n > 0 ? (int)keys[i].n : -EINVAL);
		if (n > 0)
			assert_memory_equal(key, keys[i].text, keys[i].n);
		else
			assert_non_null(strstr(why, keys[i].say));
		now = key_file_stamp(path);
		assert_true(key_file_same(&stamp, &now));
	}
	longest[CONF_API_KEY_MAX] = 'x';
	assert_int_equal(
	    key_file_api(fixture_write("api.txt", longest, CONF_API_KEY_MAX + 1), key, &now, why, sizeof why), -EINVAL);
	assert_false(key_file_same(&stamp, &now));
	assert_int_equal(key_file_api(fixture_path("none.txt"), key, &stamp, why, sizeof why), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_taken),
	    cmocka_unit_test(mistakes_are_told),
	    cmocka_unit_test(dev_still_mints),
	    cmocka_unit_test(files_are_read_again),
	    cmocka_unit_test(api_keys_are_read_again),
	};

	return cmocka_run_group_tests(tests, write_keys, conf_fixture_end);
}
