/*
 * libjwt.h - the library's header beside ours: both have an enum jwt_alg and constants of the same names.
 */
#ifndef FORKCAST_PROTO_LIBJWT_H
#define FORKCAST_PROTO_LIBJWT_H

#define jwt_alg       libjwt_alg
#define JWT_ALG_HS256 LIBJWT_ALG_HS256
#define JWT_ALG_HS384 LIBJWT_ALG_HS384
#define JWT_ALG_HS512 LIBJWT_ALG_HS512
#include <jwt.h>
#undef jwt_alg
#undef JWT_ALG_HS256
#undef JWT_ALG_HS384
#undef JWT_ALG_HS512

#endif
