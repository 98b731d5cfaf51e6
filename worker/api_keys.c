#include "worker/api_keys.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "conf/key_file.h"
#include "conf/log.h"
#include "worker/worker.h"

#define LOOK_NS NS_PER_S

/* Of the clients of all admin listeners, in the order of the conf. */
struct api_key {
	const struct conf_admin *admin;
	const struct conf_api_client *client;
	struct text key; /* the conf's, or ours */
	char *own;	 /* allocated; NULL: it is the conf's */
	struct file_stamp seen;
};

struct api_keys {
	uint64_t looked_ns;
	unsigned n;
	struct api_key key[];
};

int api_keys_open(struct worker *w)
{
	struct api_keys *keys;
	unsigned n = 0;

	for (unsigned i = 0; i < w->conf->nadmin; i++)
		n += w->conf->admin[i].nclient;
	keys = calloc(1, sizeof(*keys) + n * sizeof(*keys->key));
	if (keys == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < w->conf->nadmin; i++) {
		const struct conf_admin *a = &w->conf->admin[i];

		for (unsigned k = 0; k < a->nclient; k++) {
			struct api_key *key = &keys->key[keys->n++];

			key->admin = a;
			key->client = &a->client[k];
			key->key = key->client->key;
			key->seen = key->client->stamp;
		}
	}
	w->api_keys = keys;
	return 0;
}

unsigned api_keys_may(const struct worker *w, const struct conf_admin *a, struct slice key)
{
	const struct api_keys *keys = w->api_keys;
	unsigned may = 0;

	for (unsigned i = 0; i < keys->n; i++) {
		const struct api_key *k = &keys->key[i];

		if (k->admin == a && k->key.n == key.n && CRYPTO_memcmp(k->key.p, key.p, key.n) == 0)
			may |= k->client->may;
	}
	return may;
}

/* True when another client of the same listener has this key: it would get that one's rights too. */
static bool is_anothers(const struct api_keys *keys, const struct api_key *k, const char *key, size_t n)
{
	for (unsigned i = 0; i < keys->n; i++) {
		const struct api_key *other = &keys->key[i];

		if (other != k && other->admin == k->admin && other->key.n == n && memcmp(other->key.p, key, n) == 0)
			return true;
	}
	return false;
}

static void take(struct worker *w, struct api_key *k, const char *key, size_t n)
{
	char *own = malloc(n);

	if (own == NULL)
		worker_die(w, "out of memory");
	memcpy(own, key, n);
	if (k->own != NULL)
		explicit_bzero(k->own, k->key.n);
	free(k->own);
	k->own = own;
	k->key = (struct text){own, n};
}

/* The file of K is not what it was. */
static void take_file(struct worker *w, struct api_key *k)
{
	char key[KEY_FILE_MAX], why[256];
	int n = key_file_api(k->client->file.p, key, &k->seen, why, sizeof(why));

	if (n > 0 && is_anothers(w->api_keys, k, key, (size_t)n)) {
		snprintf(why, sizeof(why), "holds the key of another client");
		n = -EINVAL;
	}
	if (n > 0) {
		take(w, k, key, (size_t)n);
		log_info("api_key_changed", "client=%s file=%s", k->client->name.p, k->client->file.p);
	} else {
		log_warn("api_key_not_changed", "client=%s file=%s why=%s", k->client->name.p, k->client->file.p, why);
	}
	explicit_bzero(key, sizeof(key));
}

void api_keys_sweep(struct worker *w)
{
	struct api_keys *keys = w->api_keys;

	if (w->now_ns - keys->looked_ns < LOOK_NS)
		return;
	keys->looked_ns = w->now_ns;
	for (unsigned i = 0; i < keys->n; i++) {
		struct api_key *k = &keys->key[i];
		struct file_stamp now;

		if (k->client->file.p == NULL)
			continue;
		now = key_file_stamp(k->client->file.p);
		if (key_file_same(&now, &k->seen))
			continue;
		k->seen = now;
		take_file(w, k);
	}
}
