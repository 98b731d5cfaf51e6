/*
 * json_stringify.h - numbers and dates as JSON.stringify writes them (ECMA-262, Number::toString and
 * Date.prototype.toISOString).
 */
#ifndef FORKCAST_PROTO_JSON_STRINGIFY_H
#define FORKCAST_PROTO_JSON_STRINGIFY_H

#include "proto/slice.h"

#define JSON_STRINGIFY_MAX 32

/*
 * The shortest text that reads as V again; null when V is infinite or no number.  Whatever the locale.  Returns the
 * length, without a NUL.
 */
size_t json_stringify_number(double v, char out[JSON_STRINGIFY_MAX]);
/*
 * Date of MS milliseconds since the epoch, with its quotes: "2024-02-29T12:00:00.000Z"; fractions are cut.  null beyond
 * 100 million days on either side, as for any date that JavaScript does not have.
 */
size_t json_stringify_date(double ms, char out[JSON_STRINGIFY_MAX]);

#endif
