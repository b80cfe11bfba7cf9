/* SPDX-License-Identifier: Apache-2.0 OR MIT */
#include "cloud/gate/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum dr_status dr_sessions_init(struct dr_sessions *sessions, const uint64_t secret[2])
{
    memset(sessions, 0, sizeof(*sessions));
    sessions->idle_max = DR_SESSIONS_IDLE_MAX;
    enum dr_status status = dr_hash_init(&sessions->by_connection, secret);
    if (status == DR_OK) {
        status = dr_hash_init(&sessions->by_certificate, secret);
    }
    if (status == DR_OK) {
        status = dr_hash_init(&sessions->clients, secret);
    }
    if (status != DR_OK) {
        dr_sessions_free(sessions);
    }
    return status;
}

static void session_free(struct dr_session *session)
{
    dr_principal_free(&session->principal);
    free(session);
}

void dr_sessions_free(struct dr_sessions *sessions)
{
    dr_sessions_sweep(sessions);
    for (size_t i = 0; i < sessions->clients.bucket_count; i++) {
        struct dr_hash_node *node = sessions->clients.buckets[i];
        while (node != NULL) { /* bound: the chain */
            struct dr_client *client = DR_HASH_OWNER(node, struct dr_client, by_id);
            node = node->next;
            session_free(client->session);
            dr_filters_clear(&client->filters);
            free(client);
        }
    }
    while (sessions->superseded != NULL) { /* bound: the list */
        struct dr_session *session = sessions->superseded;
        sessions->superseded = session->superseded_next;
        session_free(session);
    }
    dr_hash_free(&sessions->by_connection);
    dr_hash_free(&sessions->by_certificate);
    dr_hash_free(&sessions->clients);
}

static void idle_remove(struct dr_sessions *sessions, struct dr_client *client)
{
    if (!client->idle) {
        return;
    }
    if (client->idle_prev != NULL) {
        client->idle_prev->idle_next = client->idle_next;
    } else {
        sessions->idle_first = client->idle_next;
    }
    if (client->idle_next != NULL) {
        client->idle_next->idle_prev = client->idle_prev;
    } else {
        sessions->idle_last = client->idle_prev;
    }
    client->idle_prev = NULL;
    client->idle_next = NULL;
    client->idle = false;
    sessions->idle_count--;
}

static void idle_append(struct dr_sessions *sessions, struct dr_client *client)
{
    client->idle_prev = sessions->idle_last;
    client->idle_next = NULL;
    if (sessions->idle_last != NULL) {
        sessions->idle_last->idle_next = client;
    } else {
        sessions->idle_first = client;
    }
    sessions->idle_last = client;
    client->idle = true;
    sessions->idle_count++;
}

/* The pointer means nothing any more. */
static void forget_connection(struct dr_sessions *sessions, struct dr_session *session)
{
    if (session->connection != NULL) {
        dr_hash_remove(&sessions->by_connection, &session->by_connection);
        session->connection = NULL;
    }
}

static void end_session(struct dr_sessions *sessions, struct dr_session *session)
{
    if (session->live) {
        session->live = false;
        sessions->live_count--;
        dr_hash_remove(&sessions->by_certificate, &session->by_certificate);
    }
}

static void supersede(struct dr_sessions *sessions, struct dr_session *session)
{
    session->superseded = true;
    session->superseded_next = sessions->superseded;
    sessions->superseded = session;
    if (session->live) {
        session->reason = DR_WIRE_REASON_DUPLICATE_CLIENTID;
    }
}

static struct dr_client *client_create(struct dr_sessions *sessions, const char *client_id)
{
    size_t size = strlen(client_id) + 1;
    struct dr_client *client = calloc(1, sizeof(*client) + size);
    if (client != NULL) {
        memcpy(client->id, client_id, size);
        dr_hash_insert(&sessions->clients, &client->by_id, client->id, size - 1);
    }
    return client;
}

enum dr_status dr_sessions_connect(
    struct dr_sessions *sessions, const struct dr_session_facts *facts,
    struct dr_principal *principal, struct dr_session **ret_session, struct dr_session **ret_lost)
{
    struct dr_session *session = calloc(1, sizeof(*session));
    if (session == NULL) {
        return DR_E_SPACE;
    }
    struct dr_client *client = dr_sessions_client(sessions, facts->client_id);
    if (client == NULL) {
        client = client_create(sessions, facts->client_id);
    }
    if (client == NULL) {
        free(session);
        return DR_E_SPACE;
    }
    *ret_lost = NULL;
    struct dr_session *known = dr_sessions_find(sessions, facts->connection);
    if (known != NULL) {
        *ret_lost = known->live ? known : NULL;
        forget_connection(sessions, known);
        end_session(sessions, known);
        if (known->client->session == known && known->client != client && !known->client->idle) {
            idle_append(sessions, known->client);
        }
    }
    if (client->session != NULL) {
        supersede(sessions, client->session);
    }
    idle_remove(sessions, client);
    if (!facts->persistent) {
        dr_filters_clear(&client->filters); /* the broker forgets them too */
    }
    session->connection = facts->connection;
    session->client = client;
    session->number = facts->number;
    session->service = facts->service;
    session->persistent = facts->persistent;
    session->live = true;
    session->version = ++client->version;
    memcpy(session->certificate_id, facts->certificate_id, sizeof(session->certificate_id));
    (void)snprintf(
        session->address, sizeof(session->address), "%s",
        facts->address == NULL ? "" : facts->address);
    session->principal = *principal;
    memset(principal, 0, sizeof(*principal));
    client->session = session;
    client->counters.connects++;
    sessions->live_count++;
    dr_hash_insert(
        &sessions->by_connection, &session->by_connection, &session->connection,
        sizeof(session->connection));
    dr_hash_insert(
        &sessions->by_certificate, &session->by_certificate, session->certificate_id,
        sizeof(session->certificate_id));
    dr_sessions_changed(sessions, client);
    *ret_session = session;
    return DR_OK;
}

struct dr_session *dr_sessions_disconnect(struct dr_sessions *sessions, const void *connection)
{
    struct dr_session *session = dr_sessions_find(sessions, connection);
    if (session == NULL || !session->live) {
        return NULL;
    }
    end_session(sessions, session);
    if (session->client->session == session) {
        idle_append(sessions, session->client);
    }
    return session;
}

struct dr_session *dr_sessions_find(const struct dr_sessions *sessions, const void *connection)
{
    struct dr_hash_node *node =
        dr_hash_find(&sessions->by_connection, &connection, sizeof(connection));
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct dr_session, by_connection);
}

struct dr_client *dr_sessions_client(const struct dr_sessions *sessions, const char *client_id)
{
    struct dr_hash_node *node = dr_hash_find(&sessions->clients, client_id, strlen(client_id));
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct dr_client, by_id);
}

struct dr_session *dr_sessions_of_certificate(
    const struct dr_sessions *sessions, const uint8_t id[DR_WIRE_CERTIFICATE_ID_BYTES],
    const struct dr_session *after)
{
    struct dr_hash_node *node =
        after == NULL ? dr_hash_find(&sessions->by_certificate, id, DR_WIRE_CERTIFICATE_ID_BYTES)
                      : dr_hash_next(&after->by_certificate);
    return node == NULL ? NULL : DR_HASH_OWNER(node, struct dr_session, by_certificate);
}

/* Forget the client that has been idle longest, and its last session. One whose counters wait to be
 * told is spared until there are twice as many: without a service they would wait for ever. */
static bool evict_idle(struct dr_sessions *sessions)
{
    struct dr_client *client = sessions->idle_first;
    if (sessions->idle_count <= sessions->idle_max ||
        (client->changed && sessions->idle_count <= 2 * sessions->idle_max)) {
        return false;
    }
    while (client->changed) { /* bound: the list; a service that comes is told of all clients */
        (void)dr_sessions_next_changed(sessions);
    }
    idle_remove(sessions, client);
    dr_hash_remove(&sessions->clients, &client->by_id);
    forget_connection(sessions, client->session);
    session_free(client->session);
    dr_filters_clear(&client->filters);
    free(client);
    return true;
}

void dr_sessions_sweep(struct dr_sessions *sessions)
{
    struct dr_session **link = &sessions->superseded;
    while (*link != NULL) { /* bound: the list */
        struct dr_session *session = *link;
        if (session->live) {
            link = &session->superseded_next;
            continue;
        }
        *link = session->superseded_next;
        forget_connection(sessions, session);
        session_free(session);
    }
    /* A superseded session that still lives points to its client: none is evicted then. */
    while (sessions->superseded == NULL && evict_idle(sessions)) {
        /* bound: the idle clients beyond idle_max */
    }
}

void dr_sessions_changed(struct dr_sessions *sessions, struct dr_client *client)
{
    if (!client->changed) {
        client->changed = true;
        client->changed_next = sessions->changed;
        sessions->changed = client;
    }
}

void dr_sessions_all_changed(struct dr_sessions *sessions)
{
    for (size_t i = 0; i < sessions->clients.bucket_count; i++) {
        struct dr_hash_node *node = sessions->clients.buckets[i];
        while (node != NULL) { /* bound: the chain */
            dr_sessions_changed(sessions, DR_HASH_OWNER(node, struct dr_client, by_id));
            node = node->next;
        }
    }
}

struct dr_client *dr_sessions_next_changed(struct dr_sessions *sessions)
{
    struct dr_client *client = sessions->changed;
    if (client != NULL) {
        sessions->changed = client->changed_next;
        client->changed_next = NULL;
        client->changed = false;
    }
    return client;
}
