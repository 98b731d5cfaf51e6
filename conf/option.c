#include "conf/option.h"

#include <string.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define KIB    INT64_C(1024)
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

/* A row is read as a row. */
/* clang-format off */

#define AT(type, member)	.offset = offsetof(struct type, member), .size = sizeof(((struct type *)0)->member)
#define LIST(type, count, member) AT(type, member), .noffset = offsetof(struct type, count)
#define LIMITS(least, most)	.min = (least), .max = (most)
#define RELOAD			.reload = true

static const struct option top[] = {
	{"name", OPTION_NAME, AT(conf, name), LIMITS(1, 32), .computed = "hash of the file's path",
	    .help = "Name of the instance: in process titles, in file names and in shared memory. Letters, digits, `_`, `-`."},
	{"workers", OPTION_WORKERS, AT(conf, workers), LIMITS(1, 120), .dflt = "auto",
	    .help = "Worker processes. `auto`: one for each core that affinity and cgroup quota leave."},
	{"cpu_affinity", OPTION_SWITCH, AT(conf, cpu_affinity), .dflt = "no", .help = "Pin each worker to a core."},
	{"user", OPTION_TEXT, AT(conf, user), LIMITS(1, 64),
	    .help = "User to become after the ports are bound. None: keep the identity."},
	{"runtime_dir", OPTION_PATH, AT(conf, runtime_dir), LIMITS(1, 64),
	    .computed = "/run/forkcast as root, else $XDG_RUNTIME_DIR or /tmp/forkcast-UID",
	    .help = "Where locks and control sockets are."},
	{"data_dir", OPTION_PATH, AT(conf, data_dir), LIMITS(1, 1024),
	    .computed = "/var/lib/forkcast as root, else none; none under `--dev`",
	    .help = "Where what is to survive a restart is kept, in a directory of the instance's name, which is made when it is "
		    "needed. The user that the processes become must be able to write there. None: messages that wait (`delay`, `at`) are "
		    "refused, and bans end with the instance."},
	{"pid_file", OPTION_PATH, AT(conf, pid_file), LIMITS(1, 1024), .help = "File to write the master's pid to."},
	{"watchdog", OPTION_DURATION, AT(conf, watchdog), LIMITS(200, MINUTE), .dflt = "2s",
	    .help = "A process without a heartbeat for so long is killed and replaced."},
	{"max_connections", OPTION_COUNT, AT(conf, max_connections), LIMITS(0, 10000000), .dflt = "0",
	    .help = "Connections a worker accepts. 0: what the limit on open files allows."},
	{"max_rooms", OPTION_COUNT, AT(conf, max_rooms), LIMITS(1, 100000), .dflt = "100", RELOAD,
	    .help = "Rooms a client may be in, automatic ones not counted."},
	{"max_backlog", OPTION_SIZE, AT(conf, max_backlog), LIMITS(4 * KIB, GIB), .dflt = "1M", RELOAD,
	    .help = "Bytes that may wait for a slow client before it is closed."},
	{"header_timeout", OPTION_DURATION, AT(conf, header_timeout), LIMITS(50, 5 * MINUTE), .dflt = "10s", RELOAD,
	    .help = "Time for a whole HTTP request to arrive."},
	{"trusted_proxies", OPTION_CIDRS, LIST(conf, ntrusted, trusted), RELOAD,
	    .help = "Networks whose X-Forwarded-For is believed: `10.0.0.0/8`, `::1`."},
};

static const struct option listen[] = {
	{"backlog", OPTION_COUNT, AT(conf_listen, backlog), LIMITS(1, 65535), .dflt = "4096",
	    .help = "Connections the kernel keeps waiting; its own limit (somaxconn) may be lower."},
};

static const struct option admin[] = {
	{"key", OPTION_KEY, AT(conf_api_client, key), LIMITS(1, CONF_API_KEY_MAX), RELOAD,
	    .help = "Bearer key of the API, with all rights. Without any key the listener is refused, except under `--dev`."},
	{"key_file", OPTION_KEY_FILE, LIMITS(1, 4096), RELOAD, .help = "File that holds the key, relative to this file. Looked at again when it changes, as the files of "
		    "`auth { jwt }` are."},
};

static const struct option admin_client[] = {
	{"key", OPTION_KEY, AT(conf_api_client, key), LIMITS(1, CONF_API_KEY_MAX), RELOAD, .help = "Bearer key of this client."},
	{"key_file", OPTION_KEY_FILE, LIMITS(1, 4096), RELOAD, .help = "File that holds the key, relative to this file. Looked at again when it changes, as the files of "
		    "`auth { jwt }` are."},
	{"may", OPTION_MAY, AT(conf_api_client, may), .words = "publish control read", .dflt = "publish, control, read", RELOAD,
	    .help = "What this client may do: list of `publish`, `control`, `read`."},
};

static const struct option engine[] = {
	{"path", OPTION_URL_PATH, AT(conf_engine, path), LIMITS(1, 128), .dflt = "/socket.io/", RELOAD,
	    .help = "Path that Socket.IO clients connect to, matched as a prefix."},
	{"ping_interval", OPTION_DURATION, AT(conf_engine, ping_interval), LIMITS(10, HOUR), .dflt = "25s", RELOAD,
	    .help = "Time between heartbeats."},
	{"ping_timeout", OPTION_DURATION, AT(conf_engine, ping_timeout), LIMITS(10, HOUR), .dflt = "20s", RELOAD,
	    .help = "Time a client has to answer a heartbeat."},
	{"connect_timeout", OPTION_DURATION, AT(conf_engine, connect_timeout), LIMITS(10, HOUR), .dflt = "45s", RELOAD,
	    .help = "Time a client has to join its first namespace."},
	{"max_payload", OPTION_SIZE, AT(conf_engine, max_payload), LIMITS(64, 256 * MIB), .dflt = "1000000", RELOAD,
	    .help = "Largest message a client may send, in bytes."},
	{"upgrade_timeout", OPTION_DURATION, AT(conf_engine, upgrade_timeout), LIMITS(10, HOUR), .dflt = "10s", RELOAD,
	    .help = "Time a client has to finish an upgrade from polling that it began."},
	{"transports", OPTION_TRANSPORTS, AT(conf_engine, transports), .words = "polling websocket", .dflt = "polling, websocket", RELOAD,
	    .help = "Transports offered: list of `polling`, `websocket`."},
	{"allow_upgrades", OPTION_SWITCH, AT(conf_engine, allow_upgrades), .dflt = "yes", RELOAD,
	    .help = "Let a client that polls change over to WebSocket."},
	{"origins", OPTION_ORIGINS, LIST(conf_engine, norigin, origin), LIMITS(1, 255), RELOAD,
	    .computed = "none; under `--dev` the loopback",
	    .help = "Web origins that may connect, besides the same origin and that of an admin listener: list of "
		    "`https://app.example.com`, with its port unless that is the usual one, `https://*.example.com` for all names "
		    "below, `*` for all; a text may hold several, apart by commas, as in `\"${ORIGINS}\"`. A request without Origin passes."},
	{"credentials", OPTION_SWITCH, AT(conf_engine, credentials), .dflt = "no", RELOAD,
	    .help = "Let browsers send cookies from other origins; not with `origins = \"*\"`."},
	{"compression", OPTION_SWITCH, AT(conf_engine, compression), .dflt = "no", RELOAD,
	    .help = "Compress WebSocket messages for clients that offer it (permessage-deflate)."},
	{"compression_threshold", OPTION_SIZE, AT(conf_engine, compression_threshold), LIMITS(0, 256 * MIB), .dflt = "1024", RELOAD,
	    .help = "Smaller messages and answers go as they are."},
	{"http_compression", OPTION_SWITCH, AT(conf_engine, http_compression), .dflt = "yes", RELOAD,
	    .help = "Compress the answers of polling for clients that accept it."},
	{"idle_timeout", OPTION_DURATION, AT(conf_engine, idle_timeout), LIMITS(0, 7 * DAY), .dflt = "0", RELOAD,
	    .help = "Close a client that sends nothing but heartbeats for so long. 0: never."},
	{"serve_client", OPTION_SWITCH, AT(conf_engine, serve_client), .dflt = "yes",
	    .help = "Serve the browser's client under `path`: `socket.io.js`, `.min.js`, `.esm.min.js`, `.msgpack.min.js`, maps."},
	{"client_dir", OPTION_PATH, AT(conf_engine, client_dir), LIMITS(1, 1024),
	    .computed = "`client` beside the binary, else ../share/forkcast/client",
	    .help = "Where these files are, read once at start: the `dist` of npm's socket.io-client, with .gz beside a file if it is to be compressed."},
};

static const struct option engine_cookie[] = {
	{"name", OPTION_COOKIE_NAME, AT(conf_cookie, name), LIMITS(1, 64), .dflt = "io", RELOAD, .help = "Name of the cookie."},
	{"httponly", OPTION_SWITCH, AT(conf_cookie, http_only), .dflt = "yes", RELOAD, .help = "Hide it from scripts."},
	{"samesite", OPTION_WORD, AT(conf_cookie, samesite), .words = "lax strict none", .dflt = "lax", RELOAD,
	    .help = "Which requests from other sites carry it; `none` needs `secure = yes`."},
	{"secure", OPTION_SWITCH, AT(conf_cookie, secure), .dflt = "no", RELOAD, .help = "Only over HTTPS."},
	{"path", OPTION_URL_PATH, AT(conf_cookie, path), LIMITS(1, 128), .dflt = "/", RELOAD, .help = "Path it is sent to."},
};

static const struct option echo[] = {
	{"protocol", OPTION_WORD, AT(conf_echo, protocol), .words = "websocket engine.io", .dflt = "websocket", RELOAD,
	    .help = "What is spoken there: plain WebSocket messages, or Engine.IO with its transports."},
	{"max_message", OPTION_SIZE, AT(conf_echo, max_message), LIMITS(64, 256 * MIB), .dflt = "16M", RELOAD,
	    .help = "Largest message that `websocket` takes; with `engine.io` it is `engine { max_payload }`."},
};

static const struct option auth[] = {
	{"anonymous", OPTION_SWITCH, AT(conf_auth, anonymous), .dflt = "no", RELOAD,
	    .help = "Admit connections without a token. A bad token is refused in any case."},
	{"sources", OPTION_TOKENS, LIST(conf_auth, nsource, source), .dflt = "auth.token, bearer", RELOAD,
	    .help = "Where the token is looked for, in this order: `auth.token` (CONNECT payload), `bearer` (header), "
		    "`query.NAME`, `cookie.NAME`."},
	{"rooms", OPTION_ROOMS, LIST(conf_auth, nroom, room), LIMITS(1, 250),
	    .dflt = "user:{@user.id}, role:{@user.role}, global:all", RELOAD,
	    .help = "Rooms joined at connect, in each namespace. One whose source is absent is left out."},
	{"expiry", OPTION_WORD, AT(conf_auth, expiry), .words = "disconnect refuse ignore", .dflt = "disconnect", RELOAD,
	    .help = "What happens when the token of a live connection expires: it is closed, its events are refused, or nothing."},
};

static const struct option auth_jwt[] = {
	{"algorithm", OPTION_WORD, AT(conf_jwt, alg), 
	    .words = "HS256 HS384 HS512 RS256 RS384 RS512 ES256 ES384 ES512 EdDSA", .dflt = "HS256", RELOAD,
	    .help = "The one algorithm that tokens of this key may use. `HS*` is keyed with a secret, the others are checked "
		    "with a public key; `EdDSA` is Ed25519. A check takes 2 us of CPU for HS256, 40 for RS256 of 2048 bits, 60 "
		    "for EdDSA, 80 for ES256, and a millisecond for ES384 and ES512."},
	{"secret", OPTION_KEY, AT(conf_jwt, secret), LIMITS(1, 4096), RELOAD,
	    .help = "HMAC secret, at least as long as the hash: 32, 48 or 64 bytes. Under `--dev` one is made when absent."},
	{"secret_file", OPTION_KEY_FILE, LIMITS(1, 4096), RELOAD,
	    .help = "File that holds the secret, relative to this file. A line break at its end is not part of it. Looked at "
		    "again when it changes, as `public_key_file` is."},
	{"public_key_file", OPTION_PATH, AT(conf_jwt, public_key_file), LIMITS(1, 4096), RELOAD,
	    .help = "File that holds one public key as PEM (`BEGIN PUBLIC KEY`), relative to this file: RSA of 2048 bits or "
		    "more, P-256, P-384 or P-521 as the algorithm has it, or Ed25519. Looked at again when it changes: a "
		    "second after another file was moved to its place the new key counts, with no reload, and live "
		    "connections stay. A file that is gone or holds no such key changes nothing and is warned of."},
	{"issuer", OPTION_TEXT, AT(conf_jwt, issuer), LIMITS(1, 512), RELOAD, .help = "What `iss` must be. None: not checked."},
	{"audience", OPTION_TEXT, AT(conf_jwt, audience), LIMITS(1, 512), RELOAD,
	    .help = "What `aud` must be or contain. None: not checked."},
	{"leeway", OPTION_DURATION, AT(conf_jwt, leeway), LIMITS(0, MINUTE), .dflt = "30s", RELOAD,
	    .help = "How far clocks may differ when `exp`, `nbf` and `iat` are checked."},
};

static const struct option auth_in_band[] = {
	{"event", OPTION_TEXT, AT(conf_in_band, event), LIMITS(1, 128), .dflt = "authenticate", RELOAD,
	    .help = "The event that brings the token: `{token}`, or the token alone as first argument. Its ack is "
		    "`{\"success\": true, \"user\": {id, name, role}}`, or that of a refusal."},
	{"deadline", OPTION_DURATION, AT(conf_in_band, deadline), LIMITS(100, 10 * MINUTE), .dflt = "10s", RELOAD,
	    .help = "How long a client that came without a token while `anonymous = no` may take. Until then it is in no room, not "
		    "even in its namespace, and every other event is refused with `auth_missing`; afterwards it hears the event "
		    "`error` and is disconnected, as it is after ten tokens that failed."},
	{"factors", OPTION_WORD, AT(conf_in_band, factors), .words = "token both", .dflt = "token", RELOAD,
	    .help = "What it takes. `both`: `{token, signature, message}`, or these three as arguments, where the token's user is the "
		    "public key of a wallet (base58) that signed the message of `wallet { }`. A token that comes with the connection "
		    "counts only with the signature that it was minted for beside it, in the CONNECT payload; alone it is none."},
	{"refresh", OPTION_SWITCH, AT(conf_in_band, refresh), .dflt = "yes", RELOAD,
	    .help = "A client whose user is known may present a newer token of the same user: its time, name, role, claims and "
		    "automatic rooms count from then on. One of another user is `forbidden`."},
};

static const struct option wallet[] = {
	{"path", OPTION_URL_PATH, AT(conf_wallet, path), LIMITS(1, 128), RELOAD,
	    .help = "Path on the client listeners where `POST {publicKey, signature, message}` is answered `{token}`: key and "
		    "signature (Ed25519, over the message) in base58. None: tokens are made elsewhere."},
	{"message", OPTION_TEXT, AT(conf_wallet, message), LIMITS(1, 512), RELOAD,
	    .help = "The text that wallets sign, with `{ms}` for the time in milliseconds; `{{` is a brace. Name your application in "
		    "it: what was signed for one must be worth nothing to another."},
	{"max_age", OPTION_DURATION, AT(conf_wallet, max_age), LIMITS(SECOND, DAY), .dflt = "5m", RELOAD,
	    .help = "How old that time may be. It may lie ahead by the `leeway` of the token's key. So long a signature is remembered: it "
		    "is taken once on the whole host."},
	{"token_ttl", OPTION_DURATION, AT(conf_wallet, token_ttl), LIMITS(SECOND, 365 * DAY), .dflt = "1h", RELOAD,
	    .help = "How long the token lives. Its `sub`, and the first claim of `claims { user }`, is the public key; its `sig_hash` the "
		    "SHA-256 of the signature's 64 bytes in base64url, by which `factors = both` knows the signature again."},
	{"sign", OPTION_TEXT, AT(conf_wallet, sign), LIMITS(1, 512), .computed = "the first jwt of auth with a secret", RELOAD,
	    .help = "Title of the `jwt` that signs the token: one with a secret."},
};

static const struct option auth_claims[] = {
	{"user", OPTION_TEXTS, LIST(conf_auth, nuser, user), LIMITS(1, 128), .dflt = "sub, userId, id", RELOAD,
	    .help = "Claims that may hold the user's id; the first present one counts. Dots reach in."},
	{"name", OPTION_TEXTS, LIST(conf_auth, nname, name), LIMITS(1, 128), .dflt = "name, username", RELOAD,
	    .help = "The same for the user's name."},
	{"role", OPTION_TEXTS, LIST(conf_auth, nrole, role), LIMITS(1, 128), .dflt = "role", RELOAD,
	    .help = "The same for the user's role."},
};

static const struct option shm[] = {
	{"sessions", OPTION_COUNT, AT(conf_shm, sessions), LIMITS(16, 10000000), .dflt = "100000",
	    .help = "Sessions a host is meant for; sizes the tables."},
	{"ring_size", OPTION_POWER, AT(conf_shm, ring_size), LIMITS(64 * KIB, 2 * GIB), .dflt = "16M",
	    .help = "Broadcast ring of each process. One record takes at most an eighth."},
	{"overflow", OPTION_SIZE, AT(conf_shm, overflow), LIMITS(64 * KIB, 64 * GIB), .dflt = "64M",
	    .help = "Bytes a process holds back while a slow process blocks its ring, before it stops reading its clients."},
	{"store_size", OPTION_SIZE, AT(conf_shm, store_size), LIMITS(MIB, 1024 * GIB), .dflt = "256M",
	    .help = "Size of the store on tmpfs: sockets, users, rooms, ids of messages, bans, what waits to be sent; also the most "
		    "that `data_dir` may hold. Above 80 % new clients are refused, above 50 % new ids, bans and waiting messages."},
	{"sync", OPTION_SYNC, AT(conf_shm, sync), LIMITS(10, MINUTE), .dflt = "100ms",
	    .help = "How long what is to survive a restart may be in memory only: a power loss costs at most that. `always`: it is "
		    "answered when it is on disk."},
};

static const struct option log_rows[] = {
	{"level", OPTION_WORD, AT(log_options, level), .words = "error warn info debug", .dflt = "info", RELOAD,
	    .help = "Least important level that is written."},
	{"format", OPTION_WORD, AT(log_options, json), .words = "text json", .dflt = "text", RELOAD,
	    .help = "One line an event, as text or as a JSON object."},
	{"file", OPTION_PATH, AT(log_options, file), LIMITS(1, 1024), RELOAD, .help = "File to append to. None: stderr."},
};

#define IF_ROW \
	{"if", OPTION_CONDITIONS, RELOAD, .help = "Conditions, all of which must hold; else it is skipped silently."}

#define BODY_ROWS \
	{"data", OPTION_JSON, RELOAD, .help = "The one argument, a JSON template."}, \
	{"args", OPTION_JSON, RELOAD, .help = "All arguments, a JSON template of an array."}, \
	{"envelope", OPTION_NAME, LIMITS(1, 64), RELOAD, .help = "Name of an `envelope` around the argument."}

#define EMPTY_ROWS \
	{"evict", OPTION_TEXT, LIMITS(1, 1024), RELOAD, \
	    .help = "Id of a user, a text template: at last its sockets leave the rooms of `to`."}, \
	{"close", OPTION_SWITCH, .dflt = "no", RELOAD, .help = "At last everybody leaves the rooms of `to`."}

#define VOLATILE_ROW \
	{"volatile", OPTION_SWITCH, .dflt = "no", RELOAD, \
	    .help = "Drop it for a client that cannot take it now."}

#define ACTION_ROWS \
	IF_ROW, \
	{"emit", OPTION_EVENT, LIMITS(1, 250), RELOAD, .help = "Event to send."}, \
	{"to", OPTION_TARGETS, RELOAD, \
	    .help = "Who gets it: list of `room` (the default), `others`, `self`, `all`, `rooms:TYPE` or a room template; " \
		    "each socket once."}, \
	{"except", OPTION_TARGETS, RELOAD, .help = "Who does not; same words."}, \
	BODY_ROWS, \
	{"each", OPTION_TEXT, LIMITS(1, 64), RELOAD, \
	    .help = "A room type: do this once for each room of that type the client is in (`every`: of the host), which is `@room` then."}, \
	{"join", OPTION_ROOMS, RELOAD, \
	    .help = "Rooms that the client joins first: `room` or room templates. The room's own `join` is not asked."}, \
	{"leave", OPTION_ROOMS, RELOAD, .help = "Rooms that it leaves at last: `room`, room templates, `\"TYPE:*\"`."}, \
	EMPTY_ROWS, \
	{"disconnect", OPTION_WORD, .words = "namespace transport", RELOAD, \
	    .help = "At last the client is taken out of the namespace, or its connection ends."}, \
	VOLATILE_ROW

#define ADD_ROW                                                                                                        \
	{"add", OPTION_MEMBERS, RELOAD,                                                                                      \
	    .help = "`{\"key: SOURCE\", ...}`: members set on the payload. Without `data`, `args` and `add` the arguments "  \
		    "pass as they came."}

#define HOOK_ROWS                                                                                                      \
	{"hook", OPTION_TEXT, LIMITS(1, 64), RELOAD,                                                                           \
	    .help = "The `hook` block that is asked behind the checks: the rule goes on with its reply."},                    \
	{"notify", OPTION_SWITCH, .dflt = "no", RELOAD,                                                                      \
	    .help = "The hook is told, and the rule goes on at once; what it replies changes nothing."}

#define LIMIT_ROW {"limit", OPTION_LIMITS, RELOAD, .help = "Names of `limit` blocks that count it."}
static const struct option event[] = {
	{"room", OPTION_TEMPLATE, LIMITS(1, 250), RELOAD, .help = "The room the rule is about: `\"chat:{chatId}\"`."},
	{"fields", OPTION_FIELDS, RELOAD, .computed = "anything passes untouched",
	    .help = "`{\"name: TYPE\", \"name?: TYPE = default\", ...}`: the members of the one object argument. Types: `string 1..100` "
		    "(characters), `int 0..9`, `number`, `bool`, `uuid`, `id`, `date`, `digits`, `url`, `a\\|b`, `object`, "
		    "`list TYPE 1..10`, `binary 0..64K`, `any`. Dots reach in; a default is an @source or JSON."},
	{"params", OPTION_FIELDS, RELOAD, .help = "The same for arguments by position."},
	{"shape", OPTION_WORD, AT(rule, both), .words = "one both", .dflt = "one", RELOAD,
	    .help = "`both`: accept the arguments by position, or as members of one object."},
	{"unknown", OPTION_WORD, AT(rule, unknown), .words = "drop reject pass", .dflt = "drop", RELOAD,
	    .help = "What becomes of members and arguments that are not declared."},
	{"deny", OPTION_WORD, AT(rule, silent), .words = "error silent", .dflt = "error", RELOAD,
	    .help = "Whether a sender whose fields, `require` or `check` fail is told so."},
	LIMIT_ROW,
	{"require", OPTION_WHO, RELOAD, .computed = "member with `room`, else any",
	    .help = "Who may send it: one of `member`, `any`, `authenticated`, `role:NAME`."},
	HOOK_ROWS,
	ACTION_ROWS,
	ADD_ROW,
	{"ack", OPTION_ACK, .dflt = "yes", RELOAD,
	    .help = "Answer to a client that asks for one: `yes` is `{\"success\":true}`, `no`, or a JSON template."},
	{"ack_args", OPTION_JSON, RELOAD,
	    .help = "The same with all arguments of the answer: a JSON template of an array, or `'{@args}'`. Not beside `ack`."},
	{"dev", OPTION_SWITCH, .dflt = "no", RELOAD, .help = "The rule exists only under `--dev`."},
};

#define ROUTE_ROWS                                                                                                     \
	IF_ROW,                                                                                                              \
	{"to", OPTION_TARGETS, RELOAD,                                                                                       \
	    .help = "Who gets it: list of `all` (the namespace), a room template such as `\"user:{@vars.userId}\"`, `room` "  \
		    "(the default with `room`); each socket once."},                                                      \
	{"except", OPTION_TARGETS, RELOAD, .help = "Who does not; same words."},                                             \
	BODY_ROWS,                                                                                                           \
	ADD_ROW,                                                                                                             \
	EMPTY_ROWS,                                                                                                          \
	VOLATILE_ROW

static const struct option route[] = {
	{"room", OPTION_TEMPLATE, LIMITS(1, 250), RELOAD, .help = "The room the rule is about: `\"chat:{chatId}\"`."},
	{"fields", OPTION_FIELDS, RELOAD, .computed = "anything passes untouched",
	    .help = "Members of the one object that is published, in the words of an `event`'s fields."},
	{"unknown", OPTION_WORD, AT(rule, unknown), .words = "drop reject pass", .dflt = "drop", RELOAD,
	    .help = "What becomes of members that are not declared."},
	LIMIT_ROW,
	HOOK_ROWS,
	{"emit", OPTION_EVENT, LIMITS(1, 250), .computed = "the route's name", RELOAD, .help = "Event to send."},
	ROUTE_ROWS,
	{"dev", OPTION_SWITCH, .dflt = "no", RELOAD, .help = "The route exists only under `--dev`."},
};

static const struct option route_also[] = {
	{"emit", OPTION_EVENT, LIMITS(1, 250), RELOAD, .help = "Event to send."},
	ROUTE_ROWS,
};

static const struct option limit[] = {
	{"rate", OPTION_RATE, AT(limit, rate), RELOAD,
	    .help = "`N/T`: at most N in a window of T, which opens with the first: `10/1s`, `100/15m`."},
	{"by", OPTION_BY, AT(limit, by), .words = "socket user ip role event", .computed = "user; ip with `on = connect`", RELOAD,
	    .help = "What counts together: list of `socket`, `user`, `ip`, `role`, `event`."},
	{"on", OPTION_WORD, AT(limit, on), .words = "events connect", .dflt = "events", RELOAD,
	    .help = "What is counted: events, or handshakes and logins of `wallet`."},
	{"events", OPTION_EVENTS, RELOAD,
	    .help = "Names and patterns (`vote:*`) of events that it counts without being named by their rules; `*` is all, "
		    "built-in and undeclared ones too."},
	{"text", OPTION_TEXT, AT(limit, text_plain), LIMITS(1, 512), .computed = "that of `texts`", RELOAD,
	    .help = "What the sender is told."},
	{"emit", OPTION_EVENT, LIMITS(1, 250), RELOAD,
	    .help = "Event that tells the sender of it, beside the ack that he asked for, and instead of the event of `errors`."},
	{"data", OPTION_JSON, .computed = "that of `errors`", RELOAD,
	    .help = "Its argument, a JSON template that knows `@error.message`, `.code` and `.retry_after` (seconds)."},
	{"action", OPTION_WORD, AT(limit, action), .words = "reply drop disconnect", .dflt = "reply", RELOAD,
	    .help = "What becomes of an event too many: the sender is told, nothing, or the sender is told and its connection ended."},
};

static const struct option limit_role[] = {
	{"rate", OPTION_RATE, AT(limit_role, rate), RELOAD, .help = "The rate for senders of this role."},
};

static const struct option check[] = {
	{"if", OPTION_CONDITIONS, RELOAD, .help = "Conditions, all of which must hold."},
	{"error", OPTION_TEXT, AT(check, error_plain), LIMITS(1, 512), RELOAD,
	    .help = "What the sender is told when one does not; may be missing beside `deny = silent`."},
	{"code", OPTION_NAME, AT(check, code), LIMITS(1, 64), RELOAD, .help = "A word for programs beside that text."},
};

static const struct option event_also[] = {ACTION_ROWS, ADD_ROW};
static const struct option on_also[] = {ACTION_ROWS};
static const struct option on[] = {LIMIT_ROW, HOOK_ROWS, ACTION_ROWS};

static const struct option hook[] = {
	{"url", OPTION_TEXT, AT(hook, url), LIMITS(1, 2400), RELOAD,
	    .help = "Where the backend is: `http://HOST:PORT/PATH`, `https://HOST/PATH`, or `unix:/PATH` of a socket, whose requests are "
		    "for `/`. A name is looked up in the background, again when half a minute has passed."},
	{"secret", OPTION_KEY, AT(hook, secret), LIMITS(1, 1024), RELOAD,
	    .help = "Key of the signature that requests carry. None: they are not signed."},
	{"ca_file", OPTION_PATH, AT(hook, ca_file), LIMITS(1, 4096), RELOAD,
	    .help = "File of certificates as PEM, relative to this file, that are trusted for this `https` backend instead of the "
		    "system's: a private authority. Read when the conf is."},
	{"timeout", OPTION_DURATION, AT(hook, timeout), LIMITS(10, 10 * MINUTE), .dflt = "2s", RELOAD,
	    .help = "Time for one attempt: to wait for a connection, connect, send, and have the whole reply."},
	{"retries", OPTION_COUNT, AT(hook, retries), LIMITS(0, 10), .dflt = "0", RELOAD,
	    .help = "Attempts after one that failed before the whole reply was there, with the same `forkcast-id`."},
	{"queue", OPTION_COUNT, AT(hook, queue), LIMITS(0, 100000), .dflt = "1000", RELOAD,
	    .help = "Requests of a worker that may wait for a connection; one more fails at once, with `busy`."},
	{"concurrency", OPTION_COUNT, AT(hook, concurrency), LIMITS(1, 1024), .dflt = "64", RELOAD,
	    .help = "Connections of a worker to the backend, a request on each at a time; they are kept."},
	{"on_fail", OPTION_WORD, AT(hook, goes_on), .words = "error continue", .dflt = "error", RELOAD,
	    .help = "What becomes of a rule without a reply: it ends with the code `hook_failed`, or goes on without `@hook`."},
};

static const struct option hook_breaker[] = {
	{"failures", OPTION_COUNT, AT(hook, failures), LIMITS(0, 1000), .dflt = "5", RELOAD,
	    .help = "Requests that failed in a row, of one event on one worker, after which no more are sent. 0: never."},
	{"reset", OPTION_DURATION, AT(hook, reset), LIMITS(10, DAY), .dflt = "60s", RELOAD,
	    .help = "How long after that one request is tried; when it succeeds all are sent again."},
	{"text", OPTION_TEXT, AT(hook, text_written), LIMITS(1, 512), .dflt = "Circuit breaker is open for operation: {@event}", RELOAD,
	    .help = "What a sender is told meanwhile, a text template."},
};

static const struct option every[] = {
	{"interval", OPTION_DURATION, AT(every, interval), LIMITS(100, 31 * DAY), RELOAD,
	    .help = "Time from one to the next; the first is one interval after the start. What would have been while nobody was "
		    "there to see it is not made up for."},
	LIMIT_ROW,
	HOOK_ROWS,
	ACTION_ROWS,
};

static const struct option room[] = {
	{"join", OPTION_POLICY, .dflt = "none", RELOAD,
	    .help = "Who may subscribe: one of `any`, `authenticated`, `own` (the id is the user's), `role:NAME`, `claim:X` (the id is in "
		    "that claim of the token, a list, a text or an object), `hook`; or `none`."},
	{"hook", OPTION_TEXT, LIMITS(1, 64), RELOAD, .help = "The `hook` block that `join = hook` asks when no other word admits."},
	{"case", OPTION_WORD, .words = "keep lower", .dflt = "keep", RELOAD,
	    .help = "`lower`: letters A to Z of ids count as a to z, wherever a room is named."},
	{"max_users", OPTION_COUNT, AT(room_type, max_users), LIMITS(1, 1000000), .computed = "no limit", RELOAD,
	    .help = "How many users may subscribe to one of these rooms, counted on the whole host, each once."},
	{"grace", OPTION_DURATION, AT(room_type, grace_ms), LIMITS(0, 86400000), .dflt = "0", RELOAD,
	    .help = "How long an `exit` is put off; a user who is back by then neither left nor came."},
	{"persistent", OPTION_SWITCH, .dflt = "no", RELOAD, .help = "Rooms that were used once stay in the list of rooms when nobody is in them."},
	{"single", OPTION_SWITCH, .dflt = "no", RELOAD, .help = "There is one room, named TYPE, without an id."},
};

#define TEXT_ROW(key, code, english, what)                                                                                \
	{(key), OPTION_TEXT, .offset = (code) * sizeof(struct text), .size = sizeof(struct text), LIMITS(1, 512),           \
	    .dflt = (english), RELOAD, .help = (what)}

static const struct option texts[] = {
	TEXT_ROW("invalid", REFUSAL_INVALID, "Invalid message", "Arguments a rule cannot use."),
	TEXT_ROW("not_member", REFUSAL_NOT_MEMBER, "You are not in this room", "`require = member` failed."),
	TEXT_ROW("forbidden", REFUSAL_FORBIDDEN, "You are not allowed to do this", "`require` or a room's `join` failed."),
	TEXT_ROW("unknown_event", REFUSAL_UNKNOWN_EVENT, "Unknown event", "An event that nothing declares."),
	TEXT_ROW("rate_limited", REFUSAL_RATE_LIMITED, "Rate limit exceeded", "A `limit` without a text of its own is reached."),
	TEXT_ROW("too_many_rooms", REFUSAL_TOO_MANY_ROOMS, "You are in too many rooms", "`max_rooms` is reached."),
	TEXT_ROW("room_full", REFUSAL_ROOM_FULL, "This room is full", "A room's `max_users` is reached."),
	TEXT_ROW("auth_missing", REFUSAL_AUTH_MISSING, "Authentication required", "No token, and `anonymous` is off."),
	TEXT_ROW("auth_invalid", REFUSAL_AUTH_INVALID, "Authentication failed", "A token that does not hold."),
	TEXT_ROW("auth_expired", REFUSAL_AUTH_EXPIRED, "Authentication expired", "A token past its time."),
	TEXT_ROW("user_unknown", REFUSAL_USER_UNKNOWN, "User not found", "A token without a usable user id."),
	TEXT_ROW("busy", REFUSAL_BUSY, "The server is busy, try again later", "A queue is full."),
	TEXT_ROW("hook_failed", REFUSAL_HOOK_FAILED, "The request could not be handled, try again later", "A hook did not reply, or not as it should."),
};

static const struct option errors[] = {
	{"emit", OPTION_EVENT, LIMITS(1, 250), .dflt = "error", RELOAD, .help = "Event that tells a sender who asked for no ack."},
	{"data", OPTION_JSON, .dflt = "{\"message\": {@error.message}}", RELOAD, .help = "Its argument, a JSON template."},
	{"ack", OPTION_JSON, .dflt = "{\"success\": false, \"error\": {@error.message}, \"code\": {@error.code?}}", RELOAD,
	    .help = "What a refused sender's ack has, a JSON template."},
};

/* In the order of enum builtin. */
static const struct option builtins[] = {
	{"subscribe", OPTION_EVENT, LIMITS(1, 250), .dflt = "subscribe", RELOAD, .help = "Joins a room: `{room, id}`."},
	{"unsubscribe", OPTION_EVENT, LIMITS(1, 250), .dflt = "unsubscribe", RELOAD, .help = "Leaves it."},
	{"rooms", OPTION_EVENT, LIMITS(1, 250), .dflt = "getRooms", RELOAD, .help = "Names of the rooms that the client is in."},
	{"ping", OPTION_EVENT, LIMITS(1, 250), .dflt = "ping", RELOAD, .help = "Answers `pong`."},
};

static const struct option role[] = {
	{"features", OPTION_WORDS, RELOAD, .help = "Words, which rules see as the list `@user.features`."},
	{"rooms", OPTION_ROOMS, RELOAD, .help = "Rooms joined at connect, beside those of `auth`, and like them not counted."},
};

static const struct option envelope[] = {
	{"data", OPTION_JSON, RELOAD, .help = "A JSON template with {@payload}, the argument that would be sent, and {@event}, its event."},
};

#define ROWS(array) .n = sizeof(array) / sizeof((array)[0]), .option = (array)

const struct option_block option_blocks[] = {
	{"", "", NULL, false, ROWS(top), "Options of the whole instance."},
	{"listen", "listen", "ADDR:PORT", true, ROWS(listen),
	    "An address for clients: `\"0.0.0.0:3000\"`, `\"[::]:3000\"`, `\"unix:/path\"`; port 0 takes any free one."},
	{"admin", "admin", "ADDR:PORT", true, ROWS(admin), "An address for the API, metrics and health."},
	{"admin/client", "client", "NAME", true, ROWS(admin_client), "A user of the API with a key and rights of its own."},
	{"engine", "engine", NULL, false, ROWS(engine), "The transport, Engine.IO."},
	{"engine/cookie", "cookie", NULL, false, ROWS(engine_cookie),
	    "A cookie with the session's id that the first answer of each session sets; without this block there is none."},
	{"echo", "echo", "/path", true, ROWS(echo),
	    "A probe: a path of the client listeners that sends back what it gets. Off unless declared."},
	{"auth", "auth", NULL, false, ROWS(auth), "Who clients are."},
	{"auth/jwt", "jwt", "KID", true, ROWS(auth_jwt), 
	    "A key of tokens; the title is matched with the token's `kid`. A token without `kid` is tried with each key of its "
	    "algorithm, in their order."},
	{"auth/in_band", "in_band", NULL, false, ROWS(auth_in_band),
	    "Clients may connect first and present their token in an event; without this block it comes with the connection. "
	    "`on \"connecting\"` judges them twice then, when they connect and when their user is known."},
	{"auth/claims", "claims", NULL, false, ROWS(auth_claims), "Which claims hold what is known of a user."},
	{"wallet", "wallet", NULL, false, ROWS(wallet),
	    "Users who are the keys of their wallets, and log in by signing a text. Logins count in `limit { on = connect }`."},
	{"shm", "shm", NULL, false, ROWS(shm), "Shared memory."},
	{"log", "log", NULL, false, ROWS(log_rows), "The log."},
	{"namespace", "namespace", "/NAME", true, .help =
	    "A namespace beside `/`, with blocks of its own: `event`, `route`, `on`, `every`, `room`, `limit`, `hook`, `role`, `envelope`, `errors`, `builtins`. "
	    "`\"/tenant-*\"` covers the names of this form that have no block of their own; of several patterns the longest counts."},
	{"event", "event", "NAME", true, ROWS(event), "An event that clients may send, and what it does. `\"game:*\"` covers the names that nothing else declares; of several "
	    "patterns the longest counts.", .nsp = true},
	{"event/also", "also", NULL, true, ROWS(event_also), "A further action of the rule, after the inline one."},
	{"event/check", "check", NULL, true, ROWS(check), "A condition of the rule; the first that is false refuses the event."},
	{"route", "route", "NAME", true, ROWS(route),
	    "An event that backends publish by this name (`POST /v1/events`, a batch, the reply of a hook): who hears it is said here. Sources "
	    "are the published object and `@vars.X`, which came beside it for targeting and is never sent; there is no client, so no "
	    "`@user` and no `@socket`.",
	    .nsp = true},
	{"route/also", "also", NULL, true, ROWS(route_also), "A further action of the route, after the inline one."},
	{"route/check", "check", NULL, true, ROWS(check), "A condition of the route; the first that is false refuses what was published."},
	{"limit", "limit", "NAME", true, ROWS(limit),
	    "How often something may happen on the whole host; more is refused with the code `rate_limited`.", .nsp = true},
	{"limit/role", "role", "ROLE", true, ROWS(limit_role), "Another rate for senders of a role."},
	{"on", "on", "TRIGGER", true, ROWS(on),
	    "A reaction to what the server sees: `connecting` (before a client is admitted: `limit`, `if`, `check` and `hook` only), `connect`, `disconnect` "
	    "(with `@reason`), `expiring`, `limited` (with `@error` and `@event`), `online`, `offline`, and with `auth { in_band { } }` "
	    "`authenticated` and `auth_failed` (with `@error`). About rooms of every type, or of one, as in `\"join chat\"`: `join`, "
	    "`leave`, `enter`, `exit`, `occupied`, `vacated` (with `@room`).",
	    .nsp = true},
	{"on/also", "also", NULL, true, ROWS(on_also), "A further action of the rule, after the inline one."},
	{"on/check", "check", NULL, true, ROWS(check), "A condition of `connecting`; the first that is false refuses the client."},
	{"every", "every", "NAME", true, ROWS(every),
	    "A reaction to time, once on the whole host. There is no client, so `join`, `leave` and `disconnect` are refused; "
	    "`each = TYPE` does it for each room of that type on the host.",
	    .nsp = true},
	{"every/also", "also", NULL, true, ROWS(on_also), "A further action of the rule, after the inline one."},
	{"hook", "hook", "NAME", true, ROWS(hook),
	    "A backend that rules ask over HTTP, see [rules.md](rules.md#hooks). A namespace that does not declare a hook has that of the top level.",
	    .nsp = true},
	{"hook/breaker", "breaker", NULL, false, ROWS(hook_breaker), "When a backend is not asked for a while, because it failed."},
	{"room", "room", "TYPE", true, ROWS(room),
	    "Rooms named `TYPE:id`. The types `user`, `role` and `global` are built in, and nobody may subscribe to them.",
	    .nsp = true},
	{"role", "role", "NAME", true, ROWS(role),
	    "What the users of a role have. A namespace that does not declare a role has that of the top level.", .nsp = true},
	{"envelope", "envelope", "NAME", true, ROWS(envelope), "A frame that actions put around what they send.", .nsp = true},
	{"errors", "errors", NULL, false, ROWS(errors),
	    "How refusals look: an ack if one was asked for, else an event. A namespace without this block has that of the top level.",
	    .nsp = true},
	{"builtins", "builtins", NULL, false, ROWS(builtins),
	    "Names of the events that every application has; `none` removes one, an `event` of that name takes its place. A namespace "
	    "without this block has that of the top level.",
	    .nsp = true},
	{"texts", "texts", NULL, false, ROWS(texts), "What clients are told when something is refused, by code."},
};

/* clang-format on */

const unsigned option_nblocks = sizeof option_blocks / sizeof option_blocks[0];

const struct option_block *option_block(const char *path)
{
	for (unsigned i = 0; i < option_nblocks; i++)
		if (strcmp(option_blocks[i].path, path) == 0)
			return &option_blocks[i];
	return NULL;
}

const struct option_block *option_child(const struct option_block *parent, struct text name)
{
	bool nsp = strcmp(parent->path, "namespace") == 0;
	size_t nparent = nsp ? 0 : strlen(parent->path);

	for (unsigned i = 0; i < option_nblocks; i++) {
		const struct option_block *b = &option_blocks[i];
		const char *rest = b->path + nparent;

		if (b == parent || strncmp(b->path, parent->path, nparent) != 0 || !text_is(name, b->name))
			continue;
		if ((nparent > 0 && *rest++ != '/') || (nsp && !b->nsp))
			continue;
		if (strchr(rest, '/') == NULL)
			return b;
	}
	return NULL;
}

const struct option *option_find(const struct option_block *block, struct text name)
{
	for (unsigned i = 0; i < block->n; i++)
		if (text_is(name, block->option[i].name))
			return &block->option[i];
	return NULL;
}

bool option_is_list(enum option_type type)
{
	switch (type) {
	case OPTION_TEXTS:
	case OPTION_CIDRS:
	case OPTION_TOKENS:
	case OPTION_TRANSPORTS:
	case OPTION_ORIGINS:
	case OPTION_MAY:
	case OPTION_BY:
	case OPTION_ROOMS:
	case OPTION_CONDITIONS:
	case OPTION_TARGETS:
	case OPTION_MEMBERS:
	case OPTION_FIELDS:
	case OPTION_WORDS:
	case OPTION_WHO:
	case OPTION_POLICY:
	case OPTION_EVENTS:
	case OPTION_LIMITS: return true;
	default: return false;
	}
}
