/*
 * libjwt.h - the library's header beside ours: both have an enum jwt_alg and constants of the same names.
 */
#ifndef FORKCAST_PROTO_LIBJWT_H
#define FORKCAST_PROTO_LIBJWT_H

#define jwt_alg       libjwt_alg
#define JWT_ALG_HS256 LIBJWT_ALG_HS256
#define JWT_ALG_HS384 LIBJWT_ALG_HS384
#define JWT_ALG_HS512 LIBJWT_ALG_HS512
#define JWT_ALG_RS256 LIBJWT_ALG_RS256
#define JWT_ALG_RS384 LIBJWT_ALG_RS384
#define JWT_ALG_RS512 LIBJWT_ALG_RS512
#define JWT_ALG_ES256 LIBJWT_ALG_ES256
#define JWT_ALG_ES384 LIBJWT_ALG_ES384
#define JWT_ALG_ES512 LIBJWT_ALG_ES512
#include <jwt.h>
#undef jwt_alg
#undef JWT_ALG_HS256
#undef JWT_ALG_HS384
#undef JWT_ALG_HS512
#undef JWT_ALG_RS256
#undef JWT_ALG_RS384
#undef JWT_ALG_RS512
#undef JWT_ALG_ES256
#undef JWT_ALG_ES384
#undef JWT_ALG_ES512

#endif
