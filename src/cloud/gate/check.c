/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* Access: reserved names first, policy after (docs/gate.md 4). */
#include "cloud/gate/gate_priv.h"

#include <string.h>

static bool begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* The service's own name space: daruma, daruma/... */
static bool is_internal(const char *topic)
{
    return begins(topic, "daruma/") || strcmp(topic, "daruma") == 0;
}

static enum dr_gate_verdict pass_if(bool condition)
{
    return condition ? DR_GATE_PASS : DR_GATE_REFUSE;
}

static enum dr_gate_verdict
check_service(enum dr_gate_access access, const char *topic, int qos, bool retain)
{
    switch (access) {
    case DR_GATE_READ:
        /* QoS 1 reaches the service from the ring, not by subscription. */
        return pass_if(qos == 0 && begins(topic, DR_WIRE_IN_PREFIX));
    case DR_GATE_SUBSCRIBE:
        return pass_if(begins(topic, DR_WIRE_IN_PREFIX));
    case DR_GATE_WRITE:
        break;
    }
    return pass_if(
        !retain &&
        (strcmp(topic, DR_WIRE_OUT_TOPIC) == 0 || strcmp(topic, DR_WIRE_PARTS_TOPIC) == 0 ||
         begins(topic, DR_WIRE_PUB_PREFIX) || strcmp(topic, DR_WIRE_ACK_TOPIC) == 0 ||
         strcmp(topic, DR_WIRE_DELTA_TOPIC) == 0));
}

/* What a shared subscription is really about. */
static const char *without_share(const char *filter)
{
    if (!begins(filter, "$share/")) {
        return filter;
    }
    const char *slash = strchr(filter + sizeof("$share/") - 1, '/');
    return slash == NULL ? "" : slash + 1;
}

/* AWS's own bounds, where they are asked for. */
static bool within_limits(const struct dr_gate *gate, const char *topic)
{
    return !gate->strict || dr_strict_topic(topic);
}

static bool
may_subscribe(const struct dr_gate *gate, const struct dr_session *session, const char *filter)
{
    const char *real = without_share(filter);
    if (real[0] == '\0' || is_internal(real) || (real[0] == '$' && !begins(real, "$aws/"))) {
        return false;
    }
    return within_limits(gate, filter) &&
           dr_gate_allowed(gate, session, DR_POLICY_SUBSCRIBE, filter);
}

/* The reserved topics a device may publish to. */
static bool is_known_reserved(const char *topic)
{
    const char *thing;
    const char *rest;
    size_t thing_len;
    return begins(topic, DR_WIRE_THINGS_PREFIX) &&
           dr_wire_topic_thing(topic, &thing, &thing_len, &rest) &&
           (begins(rest, "jobs/") || begins(rest, "streams/") || begins(rest, "daruma/") ||
            begins(rest, "shadow/"));
}

static bool may_publish(
    const struct dr_gate *gate, const struct dr_session *session, const char *topic, bool retain)
{
    bool reserved = topic[0] == '$';
    if (is_internal(topic) || (reserved && (retain || !is_known_reserved(topic)))) {
        return false;
    }
    return within_limits(gate, topic) && dr_gate_allowed(gate, session, DR_POLICY_PUBLISH, topic) &&
           (!retain || dr_gate_allowed(gate, session, DR_POLICY_RETAIN_PUBLISH, topic));
}

/* A will is not rewritten on its way and must not pass for the service's word. The broker asks
 * after the disconnect, or before it when the session is taken over. */
static enum dr_gate_verdict check_will(
    const struct dr_gate *gate, const struct dr_session *session, const char *topic, bool retain)
{
    return pass_if(topic[0] != '$' && may_publish(gate, session, topic, retain));
}

static enum dr_gate_verdict
check_publish(struct dr_gate *gate, struct dr_session *session, const char *topic, bool retain)
{
    if (!session->live || session->superseded) {
        return check_will(gate, session, topic, retain);
    }
    if (!session->kicked && may_publish(gate, session, topic, retain)) {
        return DR_GATE_PASS;
    }
    if (session->reason == DR_WIRE_REASON_NONE) {
        session->reason = DR_WIRE_REASON_FORBIDDEN_ACCESS;
    }
    return DR_GATE_CLOSE;
}

enum dr_gate_verdict dr_gate_check(
    struct dr_gate *gate, const void *connection, enum dr_gate_access access, const char *topic,
    int qos, bool retain)
{
    struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    if (access == DR_GATE_READ && (session == NULL || !session->live)) {
        return DR_GATE_PASS;
    }
    if (session == NULL) {
        return DR_GATE_REFUSE;
    }
    if (session->service) {
        return check_service(access, topic, qos, retain);
    }
    enum dr_gate_verdict verdict = DR_GATE_REFUSE;
    switch (access) {
    case DR_GATE_READ:
        verdict = pass_if(
            !session->kicked && !is_internal(topic) &&
            dr_gate_allowed(gate, session, DR_POLICY_RECEIVE, topic));
        break;
    case DR_GATE_SUBSCRIBE:
        verdict = pass_if(
            !session->kicked && may_subscribe(gate, session, topic) &&
            dr_filters_take(
                &session->client->filters, gate->sessions.by_connection.secret,
                gate->strict ? DR_STRICT_FILTERS_MAX : DR_FILTERS_MAX, topic));
        break;
    case DR_GATE_WRITE:
        verdict = check_publish(gate, session, topic, retain);
        break;
    }
    if (verdict != DR_GATE_PASS) {
        session->client->counters.refused++;
        dr_sessions_changed(&gate->sessions, session->client);
    }
    return verdict;
}

void dr_gate_none_kept(struct dr_gate *gate, const void *connection)
{
    const struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    if (session != NULL && session->live && !session->superseded) {
        dr_filters_none_kept(&session->client->filters);
    }
}

void dr_gate_unsubscribe(struct dr_gate *gate, const void *connection, const char *filter)
{
    const struct dr_session *session = dr_sessions_find(&gate->sessions, connection);
    if (session != NULL && session->live && !session->superseded) {
        dr_filters_leave(&session->client->filters, gate->sessions.by_connection.secret, filter);
    }
}
