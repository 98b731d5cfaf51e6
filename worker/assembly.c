#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "proto/sio_attach.h"
#include "worker/assembly.h"

struct assembly {
	struct sio_packet packet;
	unsigned have;
	struct slice attachment[SIO_ATTACHMENTS_MAX];
	char text[];
};

static void *must(void *p)
{
	if (p == NULL) {
		log_error("out_of_memory", "for=attachments");
		abort();
	}
	return p;
}

/* From a slice of one text to the same slice of its copy. */
static void move(struct slice *s, const char *from, const char *to)
{
	if (s->n > 0)
		s->p = to + (s->p - from);
}

struct assembly *assembly_new(struct slice text, const struct sio_packet *p)
{
	struct assembly *a;

	if (sio_attach_check(p->payload, p->attachments) < 0)
		return NULL;
	a = must(malloc(sizeof(*a) + text.n));
	a->packet = *p;
	a->have = 0;
	memcpy(a->text, text.p, text.n);
	if (!slice_is(p->nsp, "/")) /* else it may be nobody's text */
		move(&a->packet.nsp, text.p, a->text);
	move(&a->packet.payload, text.p, a->text);
	move(&a->packet.name, text.p, a->text);
	move(&a->packet.args, text.p, a->text);
	return a;
}

void assembly_free(struct assembly *a)
{
	if (a == NULL)
		return;
	for (unsigned i = 0; i < a->have; i++)
		free((char *)(uintptr_t)a->attachment[i].p);
	free(a);
}

bool assembly_add(struct assembly *a, struct slice data)
{
	char *p = must(malloc(data.n + 1));

	if (data.n > 0)
		memcpy(p, data.p, data.n);
	a->attachment[a->have++] = slice_make(p, data.n);
	return a->have == a->packet.attachments;
}

const struct sio_packet *assembly_packet(const struct assembly *a)
{
	return &a->packet;
}

struct attachments assembly_attached(const struct assembly *a)
{
	return (struct attachments){a->have, a->attachment};
}
