/*
 * t_jwt_claims.c - headers and payloads under true signatures: each verdict.
 */
#include "tests/unit/jwt_fixture.h"

static void claims_refused(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	static const struct {
		const char *payload;
		int want;
	} t[] = {
	    {"{\"exp\":1700000001}", 0},
	    {"{\"exp\":1700000001.5}", 0},
	    {"{\"exp\":17e8,\"x\":\"1\"}", 0},
	    {"{\"exp\":1699999971}", 0}, /* leeway 30 */
	    {"{\"exp\":1699999970}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":1}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":0}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":-1}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":-1e400}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":-99999999999999999999999}", PROTO_ETOKEN_EXPIRED},
	    {"{}", PROTO_ETOKEN_EXPIRED},
	    {"{\"sub\":\"1\"}", PROTO_ETOKEN_EXPIRED},
	    {"{\"EXP\":1700000100}", PROTO_ETOKEN_EXPIRED},
	    {"{\"a\":{\"exp\":1700000100}}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":1700000100,\"exp\":1}", PROTO_ETOKEN_EXPIRED},
	    {"{\"exp\":1,\"\\u0065xp\":1700000100}", 0},
	    {"{\"exp\":\"1700000100\"}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":null}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":true}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":[1700000100]}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":{}}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":253402300799}", 0},
	    {"{\"exp\":253402300800}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100000}", PROTO_ETOKEN_CLAIMS}, /* milliseconds */
	    {"{\"exp\":99999999999999999999999}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1e400}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"nbf\":1700000000}", 0},
	    {"{\"exp\":1700000100,\"nbf\":1700000030}", 0},
	    {"{\"exp\":1700000100,\"nbf\":1700000031}", PROTO_ETOKEN_EARLY},
	    {"{\"exp\":1700000100,\"nbf\":1e400}", PROTO_ETOKEN_EARLY},
	    {"{\"exp\":1700000100,\"nbf\":-5.5}", 0},
	    {"{\"exp\":1700000100,\"nbf\":\"0\"}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"nbf\":null}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"iat\":1800000000}", 0},
	    {"{\"exp\":1700000100,\"iat\":\"now\"}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"iat\":false}", PROTO_ETOKEN_CLAIMS},
	    {"[1700000100]", PROTO_ETOKEN_CLAIMS},
	    {"\"exp\"", PROTO_ETOKEN_CLAIMS},
	    {"null", PROTO_ETOKEN_CLAIMS},
	    {"1700000100", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100}{}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"name\":\"\xff\"}", PROTO_ETOKEN_CLAIMS},
	    {"{\"exp\":1700000100,\"name\":\"\\ud800\"}", 0},
	    {"{\"exp\":1700000100,\"iss\":7,\"aud\":7}", 0}, /* nobody asked */
	    {" {\"exp\":1700000100} ", 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_verdict(r, sign(HEADER, t[i].payload, "SHA256", hs256.secret), t[i].want);
	jwt_ring_free(r);
}

static void issuer_and_audience(void **state)
{
	struct jwt_key_spec key = hs256;
	static const struct {
		const char *payload;
		int want;
	} t[] = {
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":\"app\"}", 0},
	    {"{\"exp\":1700000100,\"iss\":\"m\\u0065\",\"aud\":[\"x\",\"app\"]}", 0},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":[1,null,{},[\"app\"],\"app\"]}", 0},
	    {"{\"exp\":1700000100,\"aud\":\"app\"}", PROTO_ETOKEN_ISSUER},
	    {"{\"exp\":1700000100,\"iss\":\"Me\",\"aud\":\"app\"}", PROTO_ETOKEN_ISSUER},
	    {"{\"exp\":1700000100,\"iss\":\"me2\",\"aud\":\"app\"}", PROTO_ETOKEN_ISSUER},
	    {"{\"exp\":1700000100,\"iss\":[\"me\"],\"aud\":\"app\"}", PROTO_ETOKEN_ISSUER},
	    {"{\"exp\":1700000100,\"iss\":null,\"aud\":\"app\"}", PROTO_ETOKEN_ISSUER},
	    {"{\"exp\":1700000100,\"iss\":\"me\"}", PROTO_ETOKEN_AUDIENCE},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":\"apps\"}", PROTO_ETOKEN_AUDIENCE},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":[]}", PROTO_ETOKEN_AUDIENCE},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":[\"x\",[\"app\"]]}", PROTO_ETOKEN_AUDIENCE},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":{\"app\":1}}", PROTO_ETOKEN_AUDIENCE},
	    {"{\"exp\":1700000100,\"iss\":\"me\",\"aud\":\"app\",\"aud\":\"other\"}", PROTO_ETOKEN_AUDIENCE},
	};
	struct jwt_ring *r;

	(void)state;
	key.issuer = "me";
	key.audience = "app";
	r = ring_of(&key, 1);
	for (size_t i = 0; i < COUNT(t); i++)
		assert_verdict(r, sign(HEADER, t[i].payload, "SHA256", key.secret), t[i].want);
	jwt_ring_free(r);
}

static void headers_refused(void **state)
{
	struct jwt_ring *r = ring_of(&hs256, 1);
	static const struct {
		const char *header;
		int want;
	} t[] = {
	    {"{\"alg\":\"HS256\"}", 0},
	    {" {\"typ\":\"x\",\"cty\":1,\"alg\":\"HS256\",\"kid\":\"main\",\"jku\":\"http://evil\"}\n", 0},
	    {"{\"alg\":\"HS256\",\"kid\":\"m\\u0061in\"}", 0},
	    {"{\"alg\":\"HS256\",\"kid\":\"other\"}", PROTO_ETOKEN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"\"}", PROTO_ETOKEN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":\"../../etc/passwd\"}", PROTO_ETOKEN_KEY},
	    {"{\"alg\":\"HS256\",\"kid\":null}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"kid\":1}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"kid\":[\"main\"]}", PROTO_ETOKEN},
	    {"{\"alg\":\"none\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"None\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"none\",\"kid\":\"main\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"hs256\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS256 \"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS2560\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS512\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS384\",\"kid\":\"main\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"RS256\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"RS256\",\"kid\":\"main\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"ES256\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"EdDSA\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS256\",\"alg\":\"none\"}", PROTO_ETOKEN_ALG},
	    {"{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"b64\":false,\"crit\":[\"b64\"]}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"cr\\u0069t\":null}", PROTO_ETOKEN},
	    {"{\"typ\":\"JWT\"}", PROTO_ETOKEN},
	    {"{\"alg\":null}", PROTO_ETOKEN},
	    {"{\"alg\":256}", PROTO_ETOKEN},
	    {"{\"alg\":[\"HS256\"]}", PROTO_ETOKEN},
	    {"{}", PROTO_ETOKEN},
	    {"[]", PROTO_ETOKEN},
	    {"\"HS256\"", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\"", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\"}x", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"x\":\"\xff\"}", PROTO_ETOKEN},
	    {"{\"alg\":\"HS256\",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}",
		PROTO_ETOKEN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(t); i++)
		assert_verdict(r, sign(t[i].header, PAYLOAD, "SHA256", hs256.secret), t[i].want);
	jwt_ring_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(headers_refused),
	    cmocka_unit_test(claims_refused),
	    cmocka_unit_test(issuer_and_audience),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
