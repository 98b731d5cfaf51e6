#include "worker/hook_io.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <unistd.h>

/* Every certificate of the file. */
static bool trust_only(SSL_CTX *tls, struct text pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(tls);
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	unsigned n = 0;
	X509 *cert;

	while (bio != NULL && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
		n += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	BIO_free(bio);
	ERR_clear_error(); /* the end of the file counts as an error */
	return n > 0;
}

SSL_CTX *hook_tls_new(const struct hook *h)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (tls == NULL)
		return NULL;
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_mode(
	    tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	/* a self-made authority or a leaf that the file names is trusted as such */
	X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(tls), X509_V_FLAG_PARTIAL_CHAIN);
	if (h->ca.p != NULL ? !trust_only(tls, h->ca) : SSL_CTX_set_default_verify_paths(tls) != 1) {
		SSL_CTX_free(tls);
		tls = NULL;
	}
	ERR_clear_error();
	return tls;
}

/* Whom the certificate has to be of. */
static bool expect_host(SSL *ssl, const struct hook *h)
{
	unsigned char addr[16];

	if (inet_pton(AF_INET, h->host.p, addr) == 1 || inet_pton(AF_INET6, h->host.p, addr) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), h->host.p) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, h->host.p) == 1 && SSL_set_tlsext_host_name(ssl, h->host.p) == 1;
}

static int begin_tls(struct hook_io *io, const struct hook *h, SSL_CTX *tls)
{
	if (tls == NULL)
		return -EPROTO;
	io->ssl = SSL_new(tls);
	if (io->ssl == NULL || SSL_set_fd(io->ssl, io->fd) != 1 || !expect_host(io->ssl, h)) {
		ERR_clear_error();
		return -EPROTO;
	}
	SSL_set_connect_state(io->ssl);
	return 0;
}

int hook_io_open(struct hook_io *io, const struct hook *h, SSL_CTX *tls, const struct hook_address *a)
{
	int on = 1, err = 0;

	*io = (struct hook_io){.fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
	if (io->fd < 0)
		return -errno;
	if (h->scheme != HOOK_UNIX)
		setsockopt(io->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (h->scheme == HOOK_HTTPS)
		err = begin_tls(io, h, tls);
	/* a unix socket whose backlog is full says EAGAIN, and is not being connected */
	if (err == 0 && connect(io->fd, (const struct sockaddr *)&a->sa, a->len) != 0 && errno != EINPROGRESS)
		err = errno == EAGAIN ? -ECONNREFUSED : -errno;
	if (err != 0)
		hook_io_close(io);
	return err;
}

int hook_io_connected(struct hook_io *io)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		return -errno;
	if (err != 0)
		return -err;
	len = sizeof(peer);
	if (getpeername(io->fd, (struct sockaddr *)&peer, &len) == 0)
		return 0;
	io->wants_write = true;
	return errno == ENOTCONN ? -EAGAIN : -errno;
}

/* Why an operation of OpenSSL did not go on. */
static int tls_error(struct hook_io *io, int rc)
{
	int kind = SSL_get_error(io->ssl, rc), err = errno;

	io->wants_write = kind == SSL_ERROR_WANT_WRITE;
	if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
		return -EAGAIN;
	if (kind == SSL_ERROR_ZERO_RETURN)
		return 0;
	/* without a goodbye: what was read is whole by its own framing, or it is not */
	if (kind == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return 0;
	return kind == SSL_ERROR_SYSCALL && err != 0 ? -err : -EPROTO;
}

int hook_io_handshake(struct hook_io *io, char *why, size_t why_len)
{
	long verified;
	int rc;

	ERR_clear_error();
	errno = 0;
	rc = SSL_connect(io->ssl);
	if (rc == 1)
		return 0;
	rc = tls_error(io, rc);
	if (rc == -EAGAIN)
		return rc;
	verified = SSL_get_verify_result(io->ssl);
	if (verified != X509_V_OK)
		snprintf(why, why_len, "%s", X509_verify_cert_error_string(verified));
	else if (ERR_peek_error() != 0)
		ERR_error_string_n(ERR_peek_error(), why, why_len);
	else
		snprintf(why, why_len, "the peer closed the connection");
	ERR_clear_error();
	return -EPROTO;
}

ssize_t hook_io_read(struct hook_io *io, void *p, size_t n)
{
	ssize_t got;
	int rc;

	if (io->ssl == NULL) {
		do
			got = recv(io->fd, p, n, 0);
		while (got < 0 && errno == EINTR);
		io->wants_write = false;
		return got >= 0 ? got : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	ERR_clear_error();
	errno = 0;
	rc = SSL_read(io->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	return rc > 0 ? rc : tls_error(io, rc);
}

ssize_t hook_io_write(struct hook_io *io, const void *p, size_t n)
{
	ssize_t put;
	int rc;

	if (io->ssl == NULL) {
		do
			put = send(io->fd, p, n, MSG_NOSIGNAL);
		while (put < 0 && errno == EINTR);
		io->wants_write = true;
		return put >= 0 ? put : errno == EWOULDBLOCK ? -EAGAIN : -errno;
	}
	ERR_clear_error();
	errno = 0;
	rc = SSL_write(io->ssl, p, n > INT_MAX ? INT_MAX : (int)n);
	if (rc > 0)
		return rc;
	rc = tls_error(io, rc);
	return rc == 0 ? -EPIPE : rc;
}

void hook_io_close(struct hook_io *io)
{
	if (io->ssl != NULL) {
		/* a word of goodbye if it fits; nobody waits for the answer */
		ERR_clear_error();
		SSL_shutdown(io->ssl);
		SSL_free(io->ssl);
		ERR_clear_error();
	}
	if (io->fd >= 0)
		close(io->fd);
	*io = (struct hook_io){.fd = -1};
}
