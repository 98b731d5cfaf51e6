/*
 * sio_attach.h - where the attachments of a binary packet belong: placeholders in its JSON (PROTOCOL.md section 2).
 *
 *	["file",{"_placeholder":true,"num":0}]
 *
 * As in the reference, any object whose _placeholder is true is one, whatever else it has; what lies inside it is gone.
 * Of members with one name the last counts.  Both functions take JSON that json_scan() has accepted, look at each
 * byte once and do not recurse.  Only a packet of a binary type has placeholders: in others these are objects like any.
 */
#ifndef FORKCAST_PROTO_SIO_ATTACH_H
#define FORKCAST_PROTO_SIO_ATTACH_H

#include <sys/types.h>

#include "proto/socketio.h"

/* Longest text of a placeholder as sio_attach_renumber() writes it. */
#define SIO_PLACEHOLDER_MAX (sizeof("{\"_placeholder\":true,\"num\":9}") - 1)

/*
 * How many placeholders JSON has.  PROTO_EATTACH when one of them has a num that is no integer from 0 to
 * NATTACHMENTS - 1: the reference closes the connection (it takes 0.5, and hands out undefined).
 */
ssize_t sio_attach_check(struct slice json, unsigned nattachments);

/* The attachment that VALUE is the placeholder of, or -1 when it is any other value, or names none of NATTACHMENTS. */
int sio_attach_index(struct slice value, unsigned nattachments);

/*
 * Copies JSON with each placeholder rewritten to exactly {"_placeholder":true,"num":I}, where I counts up from 0 in
 * order of appearance; MAP[I] is the number it had, *NMAP how many there are: send the attachments MAP[0], MAP[1], ...
 * A number used twice gets two places, one that is not used gets none.  Returns the length needed; the output is
 * complete when that is <= CAP.  The output may be longer than JSON.  PROTO_EATTACH as above, and for more than
 * SIO_ATTACHMENTS_MAX placeholders, which no client takes.
 */
ssize_t sio_attach_renumber(
    struct slice json, unsigned nattachments, char *out, size_t cap, uint8_t map[SIO_ATTACHMENTS_MAX], unsigned *nmap);

#endif
