/*
 * libraries.c - see libraries.h.
 */
#include "worker/libraries.h"

#include <event2/event.h>
#include <http_parser.h>
#include <jansson.h>
#include <lmdb.h>
#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <zlib.h>

const char *libraries_versions(void)
{
	static char text[256];
	unsigned long http = http_parser_version();

	if (text[0])
		return text;
	/* wslay has no call for it, and its header names another version than its package. */
	snprintf(text, sizeof(text),
	    "libevent %s, OpenSSL %s, libsodium %s, jansson %s, http-parser %lu.%lu.%lu, "
	    "lmdb %s, zlib %s",
	    event_get_version(), OpenSSL_version(OPENSSL_VERSION_STRING), sodium_version_string(),
	    jansson_version_str(), http >> 16 & 255, http >> 8 & 255, http & 255, mdb_version(NULL, NULL, NULL),
	    zlibVersion());
	return text;
}
