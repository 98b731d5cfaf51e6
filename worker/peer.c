#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "worker/peer.h"

static bool cidr_has(const struct conf_cidr *net, const struct peer *p)
{
	unsigned whole = net->bits / 8u, rest = net->bits % 8u;

	if (net->family != p->family || memcmp(net->addr, p->addr, whole) != 0)
		return false;
	return rest == 0 || (net->addr[whole] ^ p->addr[whole]) >> (8 - rest) == 0;
}

static bool is_trusted(const struct conf *conf, const struct peer *p)
{
	for (unsigned i = 0; i < conf->ntrusted; i++) {
		if (cidr_has(&conf->trusted[i], p))
			return true;
	}
	return false;
}

/* "1.2.3.4", "1.2.3.4:80", "::1", "[::1]:80". */
static bool parse_address(struct slice s, struct peer *out)
{
	char text[INET6_ADDRSTRLEN];
	const char *end;

	if (s.n > 1 && s.p[0] == '[') {
		end = memchr(s.p, ']', s.n);
		if (end == NULL)
			return false;
		s = slice_make(s.p + 1, (size_t)(end - s.p - 1));
	} else {
		end = memchr(s.p, ':', s.n);
		if (end != NULL && memchr(end + 1, ':', s.n - (size_t)(end + 1 - s.p)) == NULL)
			s.n = (size_t)(end - s.p);
	}
	if (s.n == 0 || s.n >= sizeof(text))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, out->addr) == 1)
		out->family = 4;
	else if (inet_pton(AF_INET6, text, out->addr) == 1)
		out->family = 6;
	return out->family != 0;
}

/* The last element of a comma-separated list; shortens *LIST to what stands before it. */
static struct slice last_element(struct slice *list)
{
	size_t start = list->n, end = list->n;

	while (start > 0 && list->p[start - 1] != ',')
		start--;
	list->n = start > 0 ? start - 1 : 0;
	while (end > start && (list->p[end - 1] == ' ' || list->p[end - 1] == '\t'))
		end--;
	while (start < end && (list->p[start] == ' ' || list->p[start] == '\t'))
		start++;
	return slice_make(list->p + start, end - start);
}

void peer_from_sockaddr(struct peer *out, const struct sockaddr *sa)
{
	const struct in6_addr *six;

	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		out->family = 4;
		memcpy(out->addr, &((const struct sockaddr_in *)(const void *)sa)->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		six = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
		out->family = IN6_IS_ADDR_V4MAPPED(six) ? 4 : 6;
		if (out->family == 4)
			memcpy(out->addr, six->s6_addr + 12, 4);
		else
			memcpy(out->addr, six->s6_addr, 16);
	}
}

void peer_of(const struct conf *conf, const struct peer *descriptor, const struct http_request *req, struct peer *out)
{
	struct slice list;
	struct peer hop;

	*out = *descriptor;
	if (conf->ntrusted == 0 || (out->family != 0 && !is_trusted(conf, out)))
		return;
	if (!http_field(req, "x-forwarded-for", &list))
		return;
	while (list.n > 0 && parse_address(last_element(&list), &hop)) {
		*out = hop;
		if (!is_trusted(conf, out))
			return;
	}
}

const char *peer_text(const struct peer *p, char *out, size_t cap)
{
	if (p->family == 0 || inet_ntop(p->family == 4 ? AF_INET : AF_INET6, p->addr, out, (socklen_t)cap) == NULL)
		out[0] = '\0';
	return out;
}
