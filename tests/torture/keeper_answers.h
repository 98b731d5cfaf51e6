/*
 * keeper_answers.h - what the keeper said to the questions of keeper_stream.h, and what went out with them.
 */
#ifndef FORKCAST_TESTS_KEEPER_ANSWERS_H
#define FORKCAST_TESTS_KEEPER_ANSWERS_H

#include "tests/torture/keeper_stream.h"

/* An answer as seen. */
struct told {
	unsigned slot, id, result, key;
	uint32_t gen;
};

static struct told *told;
static size_t ntold, cap_told;
static unsigned sent[KEYS];

static inline void hear_answer(const struct record *rec)
{
	struct told *t;
	char key[16];

	if (ntold == cap_told) {
		cap_told = cap_told ? 2 * cap_told : 65536;
		told = realloc(told, cap_told * sizeof *told);
		MODEL_CHECK(told, "memory");
	}
	t = &told[ntold++];
	*t = (struct told){.slot = rec->ack.slot, .gen = rec->ack.gen, .id = (unsigned)rec->ack.id, .result = rec->count};
	snprintf(key, sizeof key, "%.*s", (int)rec->packet_len, rec->packet);
	MODEL_CHECK(sscanf(key, "K%u", &t->key) == 1 && t->key < KEYS, "%s", key);
	MODEL_CHECK(slot_mask_has(&rec->head.mask, t->slot), "an answer to another");
}

static inline void hear_message(const struct record *rec)
{
	char text[16];
	unsigned key = KEYS;

	snprintf(text, sizeof text, "%.*s", (int)rec->packet_len, rec->packet);
	MODEL_CHECK(sscanf(text, "K%u", &key) == 1 && key < KEYS, "%s", text);
	MODEL_CHECK(++sent[key] == 1, "a message twice: %s", text);
}

/* The answers that a life got, in order, are those to what it asked; TAKER: which question got each key. */
static inline void check_answers(unsigned slot, uint32_t gen, uint64_t published, struct told taker[KEYS])
{
	static struct stream s;
	static _Alignas(8) uint8_t buf[4096];
	bool reserve;
	size_t at = 0;

	stream_init(&s, slot, gen);
	for (uint64_t i = 0; i < published; i++) {
		struct told *k;

		s.m.nedge = 0;
		stream_next(&s, buf, sizeof buf, &reserve);
		if (!s.asks)
			continue;
		while (at < ntold && (told[at].slot != slot || told[at].gen != gen))
			at++;
		MODEL_CHECK(at < ntold, "slot %u gen %u: question %u has no answer", slot, gen, s.ask);
		MODEL_CHECK(told[at].id == s.ask && told[at].key == s.key, "slot %u gen %u: answer to %u, not %u", slot,
		    gen, told[at].id, s.ask);
		k = &taker[s.key];
		if (told[at].result == RECORD_ONCE_NEW) {
			MODEL_CHECK(k->gen == 0 || (k->gen == gen && k->slot == slot && k->id == s.ask),
			    "key %u was given twice", s.key);
			*k = told[at];
		} else {
			MODEL_CHECK(told[at].result == RECORD_ONCE_TAKEN, "result %u", told[at].result);
			MODEL_CHECK(k->gen != gen || k->slot != slot || k->id != s.ask, "key %u was taken back", s.key);
		}
		MODEL_CHECK(sent[s.key] == 1, "key %u: no message", s.key);
		at++;
	}
	while (at < ntold && (told[at].slot != slot || told[at].gen != gen))
		at++;
	MODEL_CHECK(at == ntold, "slot %u gen %u: an answer too many", slot, gen);
}

/* How many keys have a taker and a message: never one without the other. */
static inline unsigned check_keys(const struct told taker[KEYS])
{
	unsigned nkeys = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		MODEL_CHECK((sent[i] == 1) == (taker[i].gen != 0), "key %u: a message without a taker", i);
		nkeys += sent[i];
	}
	return nkeys;
}

#endif
