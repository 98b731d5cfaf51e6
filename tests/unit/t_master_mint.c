/* t_master_mint.c - tokens for trying things out: what is in them, and that the server's own check takes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

#include "master/mint.h"
#include "proto/jwt.h"
#include "worker/token.h"

#define SECRET "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NOW    INT64_C(1800000000)

static struct text user_names[] = {{"app.user.id", 11}, {"sub", 3}};
static struct text role_names[] = {{"role", 4}};
static struct conf_jwt key;
static struct conf conf;

static struct text text(const char *s)
{
	return (struct text){.p = s, .n = strlen(s)};
}

static int setup(void **state)
{
	(void)state;
	key = (struct conf_jwt){.kid = text("main"), .alg = CONF_HS384, .secret = text(SECRET), .leeway = 30000};
	conf = (struct conf){.path = text("x.conf")};
	conf.auth =
	    (struct conf_auth){.njwt = 1, .jwt = &key, .nuser = 2, .user = user_names, .nrole = 1, .role = role_names};
	return 0;
}

/* Mints, has it verified as the server would, and returns the claims. */
static json_t *round_trip(struct token_spec spec)
{
	const struct jwt_key_spec k = {.kid = "main",
	    .alg = JWT_ALG_HS384,
	    .secret = SLICE(SECRET),
	    .issuer = key.issuer.p,
	    .audience = key.audience.p,
	    .leeway_s = 30};
	struct jwt_ring *ring = jwt_ring_new(&k, 1);
	struct jwt_claims claims;
	char why[256], buf[4096];
	json_t *json;
	char *token;

	spec.now_s = NOW;
	token = token_mint(&conf, &spec, why, sizeof(why));
	assert_non_null(token);
	assert_non_null(ring);
	assert_int_equal(jwt_verify(ring, slice_make(token, strlen(token)), NOW, buf, sizeof(buf), &claims), 0);
	assert_int_equal(claims.exp, NOW + spec.ttl_s);
	assert_true(
	    jwt_verify(ring, slice_make(token, strlen(token)), NOW + spec.ttl_s + 31, buf, sizeof(buf), &claims) < 0);
	assert_int_equal(jwt_verify(ring, slice_make(token, strlen(token)), NOW, buf, sizeof(buf), &claims), 0);
	json = json_loadb(claims.json.p, claims.json.n, 0, NULL);
	assert_non_null(json);
	free(token);
	jwt_ring_free(ring);
	return json;
}

static json_t *at(json_t *json, const char *a, const char *b, const char *c)
{
	return json_object_get(json_object_get(json_object_get(json, a), b), c);
}

static void claims_go_where_the_conf_says(void **state)
{
	static const char *const more[] = {"tier=gold", "level=7", "flags.beta=true", "text=\"7\"", "list=[1,2]"};
	json_t *json = round_trip((struct token_spec){
	    .user = "u1", .name = "N\303\244me", .role = "admin", .ttl_s = 60, .nclaim = 5, .claim = more});

	(void)state;
	assert_string_equal(json_string_value(at(json, "app", "user", "id")), "u1");
	assert_string_equal(json_string_value(json_object_get(json, "name")), "N\303\244me");
	assert_string_equal(json_string_value(json_object_get(json, "role")), "admin");
	assert_string_equal(json_string_value(json_object_get(json, "tier")), "gold");
	assert_int_equal(json_integer_value(json_object_get(json, "level")), 7);
	assert_string_equal(json_string_value(json_object_get(json, "text")), "7");
	assert_true(json_is_true(json_object_get(json_object_get(json, "flags"), "beta")));
	assert_int_equal(json_array_size(json_object_get(json, "list")), 2);
	assert_int_equal(json_integer_value(json_object_get(json, "iat")), NOW);
	json_decref(json);
}

static void issuer_and_audience_are_the_keys(void **state)
{
	json_t *json;

	(void)state;
	key.issuer = text("me");
	key.audience = text("you");
	json = round_trip((struct token_spec){.user = "u", .ttl_s = 1});
	assert_string_equal(json_string_value(json_object_get(json, "iss")), "me");
	assert_string_equal(json_string_value(json_object_get(json, "aud")), "you");
	assert_null(json_object_get(json, "role"));
	json_decref(json);
	key.issuer = key.audience = (struct text){0};
}

/* A claim cannot lengthen the token's life. */
static void time_is_not_a_claim(void **state)
{
	static const char *const more[] = {"exp=9999999999"};
	json_t *json = round_trip((struct token_spec){.user = "u", .ttl_s = 5, .nclaim = 1, .claim = more});

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(json, "exp")), NOW + 5);
	json_decref(json);
}

static void refused(const char *claim, const char *reason)
{
	const char *const more[] = {claim};
	struct token_spec spec = {.user = "u", .now_s = NOW, .ttl_s = 5, .nclaim = 1, .claim = more};
	char why[256];

	assert_null(token_mint(&conf, &spec, why, sizeof(why)));
	assert_non_null(strstr(why, reason));
}

static void bad_claims_are_refused(void **state)
{
	struct token_spec spec = {.user = "u\377", .now_s = NOW, .ttl_s = 5};
	char why[256];

	(void)state;
	refused("novalue", "not key=value");
	refused("=x", "not key=value");
	refused("app.user.id.deeper=1", "inside a claim that is no object");
	assert_null(token_mint(&conf, &spec, why, sizeof(why)));
	assert_non_null(strstr(why, "UTF-8"));
	conf.auth.njwt = 0;
	assert_null(token_mint(&conf, &spec, why, sizeof(why)));
	assert_non_null(strstr(why, "x.conf has no auth"));
	conf.auth.njwt = 1;
}

static void times(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds; /* 0: refused */
	} cases[] = {{"90", 90}, {"90s", 90}, {"15m", 900}, {"1h", 3600}, {"7d", 604800}, {"3653d", 315619200}, {"", 0},
	    {"0", 0}, {"-1", 0}, {"1w", 0}, {"1h ", 0}, {"h", 0}, {"3654d", 0}, {"99999999999999999999", 0}, {" 1", 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t s = 0;

		assert_int_equal(mint_ttl(cases[i].text, &s), cases[i].seconds != 0);
		assert_int_equal(s, cases[i].seconds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(claims_go_where_the_conf_says),
	    cmocka_unit_test(issuer_and_audience_are_the_keys),
	    cmocka_unit_test(time_is_not_a_claim),
	    cmocka_unit_test(bad_claims_are_refused),
	    cmocka_unit_test(times),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
