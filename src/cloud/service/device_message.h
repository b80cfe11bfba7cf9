/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What devices say, and what they are told (docs/protocol.md; docs/gate.md 1 to 3).
 *
 * Answers leave on two ways, never on both:
 *  - reads and refusals go to `answer` of the message's sink;
 *  - what follows from a change is an outbox row of the same transaction (store/outbox.h): the
 *    accepted answer, notify, notify-next, events.
 * A read that arrives while a change of the same thing waits for its commit is answered after it.
 */
#ifndef DR_CLOUD_SERVICE_DEVICE_MESSAGE_H
#define DR_CLOUD_SERVICE_DEVICE_MESSAGE_H

#include "cloud/service/service.h"

/* All pointers are borrowed for the call. */
struct dr_device_message {
    const char *thing;
    const char *rest; /* of the topic after "$aws/things/T/": "jobs/$next/get" */
    const uint8_t *payload;
    size_t payload_size;
    int qos;
    const char *client_id;
    const char *certificate_id;
    uint64_t session;
    uint64_t gate_boot;   /* 0 with QoS 0 */
    uint64_t gate_number; /* 0 with QoS 0 */
    size_t unsent_bytes;  /* stream bytes for this session that have not left the process yet */
};

/* To the connection that asked (client id and session of the message). Borrowed for the call. */
struct dr_device_answer {
    const char *topic;
    const uint8_t *payload;
    size_t payload_size;
    int qos;
    const char *client_id;
    uint64_t session;
};

/* Both are called in the caller's thread or in the store's writer thread; they must not wait. */
struct dr_device_sink {
    void *context;
    void (*answer)(void *context, const struct dr_device_answer *answer);
    /* Exactly once per message, after its last answer and after its commit. status: DR_OK also for
     * refused requests and dropped repeats; else the store failed and the message was not taken
     * (a QoS 1 message is then not to be acknowledged). */
    void (*done)(void *context, uint64_t gate_boot, uint64_t gate_number, enum dr_status status);
};

/* Never blocks on the store's writer. */
void dr_service_device_message(
    struct dr_service *service, const struct dr_device_message *message,
    const struct dr_device_sink *sink, int64_t now_ms);

#endif
