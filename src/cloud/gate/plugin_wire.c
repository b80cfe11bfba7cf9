/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/hash.h"
#include "cloud/gate/plugin_priv.h"

#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdlib.h>

struct wire {
    struct dr_hash_node by_connection; /* in the table once bound */
    const void *connection;            /* the key; NULL until bound */
    const SSL *ssl;
    struct wire *newer; /* among those that are not bound */
    struct wire *older;
};

static int ssl_index = -1;
static struct dr_hash bound;
static struct wire *newest;

static void unlink_wire(struct wire *wire)
{
    if (wire->connection != NULL) {
        dr_hash_remove(&bound, &wire->by_connection);
        wire->connection = NULL;
        return;
    }
    if (wire->older != NULL) {
        wire->older->newer = wire->newer;
    }
    if (wire->newer != NULL) {
        wire->newer->older = wire->older;
    } else {
        newest = wire->older;
    }
}

/* OpenSSL's, for a new SSL: parent. One without memory is not watched. */
static void
on_new(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
    (void)value;
    (void)number;
    (void)pointer;
    struct wire *wire = calloc(1, sizeof *wire);
    if (wire == NULL) {
        return;
    }
    if (CRYPTO_set_ex_data(data, index, wire) != 1) {
        free(wire);
        return;
    }
    wire->ssl = parent;
    wire->older = newest;
    if (newest != NULL) {
        newest->newer = wire;
    }
    newest = wire;
}

static void
on_free(void *parent, void *value, CRYPTO_EX_DATA *data, int index, long number, void *pointer)
{
    (void)parent;
    (void)data;
    (void)index;
    (void)number;
    (void)pointer;
    if (value != NULL) {
        unlink_wire(value);
        free(value);
    }
}

enum dr_status dr_plugin_wires_start(const uint64_t secret[2])
{
    DR_TRY(dr_hash_init(&bound, secret));
    ssl_index = SSL_get_ex_new_index(0, NULL, on_new, NULL, on_free);
    if (ssl_index < 0) {
        dr_hash_free(&bound);
        return DR_E_SPACE;
    }
    return DR_OK;
}

void dr_plugin_wires_stop(void)
{
    if (ssl_index < 0) {
        return;
    }
    (void)CRYPTO_free_ex_index(CRYPTO_EX_INDEX_SSL, ssl_index); /* no calls any more */
    ssl_index = -1;
    while (newest != NULL) { /* bound: the list */
        struct wire *wire = newest;
        newest = wire->older;
        free(wire);
    }
    for (size_t i = 0; i < bound.bucket_count; i++) {
        struct dr_hash_node *node = bound.buckets[i];
        while (node != NULL) { /* bound: the chain */
            struct wire *wire = DR_HASH_OWNER(node, struct wire, by_connection);
            node = node->next;
            free(wire);
        }
    }
    dr_hash_free(&bound);
}

void dr_plugin_wire_bind(const struct mosquitto *client)
{
    X509 *certificate = mosquitto_client_certificate(client);
    struct wire *wire = certificate == NULL ? NULL : newest;
    while (wire != NULL && /* bound: the connections without a session; it is one of the newest */
           SSL_get0_peer_certificate(wire->ssl) != certificate) {
        wire = wire->older;
    }
    X509_free(certificate); /* the connection has it still */
    if (wire == NULL) {
        return;
    }
    unlink_wire(wire);
    wire->connection = client;
    dr_hash_insert(&bound, &wire->by_connection, &wire->connection, sizeof(wire->connection));
}

static struct wire *find(const void *connection)
{
    struct dr_hash_node *node = dr_hash_find(&bound, &connection, sizeof(connection));
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct wire, by_connection);
}

bool dr_plugin_wire_sent(const void *connection, uint64_t *ret_bytes)
{
    const struct wire *wire = find(connection);
    BIO *bio = wire == NULL ? NULL : SSL_get_wbio(wire->ssl);
    if (bio == NULL) {
        return false;
    }
    *ret_bytes = BIO_number_written(bio);
    return true;
}

bool dr_plugin_wire_writable(const void *connection)
{
    const struct wire *wire = find(connection);
    struct pollfd socket = {.fd = wire == NULL ? -1 : SSL_get_wfd(wire->ssl), .events = POLLOUT};
    return wire != NULL && poll(&socket, 1, 0) == 1 && (socket.revents & POLLOUT) != 0;
}
