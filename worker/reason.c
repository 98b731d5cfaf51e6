#include "worker/reason.h"

static const char *const close_names[] = {
	[CLOSE_TRANSPORT_CLOSE] = "transport close",
	[CLOSE_TRANSPORT_ERROR] = "transport error",
	[CLOSE_PING_TIMEOUT] = "ping timeout",
	[CLOSE_PARSE_ERROR] = "parse error",
	[CLOSE_FORCED] = "forced close",
	[CLOSE_SERVER_SHUTDOWN] = "server shutting down",
	[CLOSE_SERVER_DISCONNECT] = "forced server close",
	[CLOSE_CLIENT_NSP] = "client namespace disconnect",
	[CLOSE_SERVER_NSP] = "server namespace disconnect",
	[CLOSE_SLOW] = "slow client",
	[CLOSE_LAPPED] = "lapped",
	[CLOSE_TOO_BIG] = "message too big",
	[CLOSE_IDLE] = "idle",
	[CLOSE_CONNECT_TIMEOUT] = "connect timeout",
	[CLOSE_AUTH_EXPIRED] = "auth expired",
	[CLOSE_AUTH_DEADLINE] = "auth deadline",
	[CLOSE_AUTH_FAILED] = "auth failed",
	[CLOSE_RATE_LIMITED] = "rate limited",
};

static const char *const refused_names[] = {
	[REFUSED_HTTP_SYNTAX] = "http_syntax",
	[REFUSED_HTTP_TOO_LARGE] = "http_too_large",
	[REFUSED_HTTP_TIMEOUT] = "http_timeout",
	[REFUSED_HTTP_NOT_FOUND] = "http_not_found",
	[REFUSED_HANDSHAKE] = "handshake",
	[REFUSED_UPGRADE] = "upgrade",
	[REFUSED_MAX_CONNECTIONS] = "max_connections",
	[REFUSED_DESCRIPTORS] = "descriptors",
	[REFUSED_STORE_FULL] = "store_full",
	[REFUSED_NAMESPACE] = "namespace",
	[REFUSED_CHECK] = "check",
	[REFUSED_HOOK] = "hook",
	[REFUSED_REPLAYED] = "replayed",
	[REFUSED_API_KEY] = "api_key",
	[REFUSED_API_FORBIDDEN] = "api_forbidden",
	[REFUSED_API_SYNTAX] = "api_syntax",
	[REFUSED_API_FIELD] = "api_field",
	[REFUSED_API_UNAVAILABLE] = "api_unavailable",
	[REFUSED_BUSY] = "ring_full",
	[REFUSED_TOO_LONG] = "record_too_long",
	[REFUSED_HANDOVER] = "handover",
	[REFUSED_BACKLOG] = "backlog",
};

_Static_assert(sizeof(close_names) / sizeof(*close_names) == CLOSE_REASONS, "a close reason without a name");
_Static_assert(sizeof(refused_names) / sizeof(*refused_names) == REFUSED_REASONS, "a refusal without a name");

const char *close_reason_name(enum close_reason r)
{
	return close_names[r];
}

const char *refused_name(unsigned r)
{
	return r < REFUSAL_MAX ? catalogue_code_name((enum refusal)r) : refused_names[r];
}
