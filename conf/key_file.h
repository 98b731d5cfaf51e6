/*
 * key_file.h - files with keys, of tokens and of the API: read with the conf, and again by each worker when they change.
 *
 * The supported way to change one is to write another file and rename it to the old one's place, so that nobody sees
 * half a key.
 */
#ifndef FORKCAST_CONF_KEY_FILE_H
#define FORKCAST_CONF_KEY_FILE_H

#include "conf/conf.h"

#define KEY_FILE_MAX 16384 /* bytes of the file, and of the key in it */

/* How the file at PATH is now. */
struct file_stamp key_file_stamp(const char *path);
bool key_file_same(const struct file_stamp *a, const struct file_stamp *b);
/*
 * Reads PATH, judges it for ALG and puts the key into OUT (KEY_FILE_MAX bytes): the secret without a line break at its
 * end, or the public key as SubjectPublicKeyInfo.  *STAMP becomes that of
 * what was read, and stays when nothing could be opened.  The key's length, or -errno with
 * WHY, which has no byte of the file.  May block as reading a file may.
 */
int key_file_read(
    const char *path, enum conf_jwt_alg alg, void *out, struct file_stamp *stamp, char *why, size_t why_len);

/*
 * The same for a key of the API, of 1 to CONF_API_KEY_MAX bytes, with the words of what is wrong.
 */
int key_file_api(const char *path, void *out, struct file_stamp *stamp, char *why, size_t why_len);

/* Bytes that a secret of ALG has at least: as many as the hash (RFC 7518, section 3.2); 0: it has none. */
size_t key_secret_min(enum conf_jwt_alg alg);

#endif
