/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the gate (in the broker) and the bus (in darumad) say to each other.
 *
 * Names of topics and user properties, the two topic rewrites, and the bodies of the gate's own
 * messages. Pure and bounded: no I/O, no allocation. The table of both directions stands in
 * docs/gate.md.
 *
 *   device  -> service   DR_WIRE_IN_PREFIX T/...   client-id, certificate-id, session;
 *                                                  on QoS 1 also gate-boot, number
 *   service -> one       DR_WIRE_OUT_TOPIC         client-id, session, topic, qos;
 *                                                  with an outbox row also thing, epoch, id
 *                        DR_WIRE_PARTS_TOPIC       the same, qos 0, no outbox row; body: messages
 *                                                  of one topic, each behind its size (u32,
 *                                                  little-endian), to be sent one by one
 *   service -> all       DR_WIRE_PUB_PREFIX real   with an outbox row thing, epoch, id
 *   service -> gate      DR_WIRE_ACK_TOPIC         gate-boot, number: everything up to number is
 *                                                  committed; the first one of a session asks the
 *                                                  gate for its boot message and for the rest
 *                        DR_WIRE_DELTA_TOPIC       body: a snapshot of what changed
 *   gate -> service      DR_WIRE_BOOT_TOPIC        gate-boot; body: dr_wire_boot
 *                        DR_WIRE_PRESENCE_TOPIC    gate-boot, number; body: dr_wire_presence
 *                        DR_WIRE_STATS_TOPIC       body: dr_wire_stats, unsolicited
 *
 * Sessions, boots and epochs are random 64-bit values written as 16 hex digits; numbers and outbox
 * ids are written in decimal and start at 1.
 */
#ifndef DR_CLOUD_WIRE_WIRE_H
#define DR_CLOUD_WIRE_WIRE_H

#include "base/status.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_WIRE_THINGS_PREFIX "$aws/things/"
#define DR_WIRE_IN_PREFIX                                                                          \
    "daruma/1/in/" /* as long as DR_WIRE_THINGS_PREFIX: rewritten in place                         \
                    */
#define DR_WIRE_IN_FILTER "daruma/1/in/#"
#define DR_WIRE_OUT_TOPIC "daruma/1/out"
#define DR_WIRE_PARTS_TOPIC "daruma/1/parts"
#define DR_WIRE_PUB_PREFIX "daruma/1/pub/"
#define DR_WIRE_ACK_TOPIC "daruma/gate/1/ack"
#define DR_WIRE_DELTA_TOPIC "daruma/gate/1/delta"
#define DR_WIRE_BOOT_TOPIC "daruma/gate/1/boot"
#define DR_WIRE_PRESENCE_TOPIC "daruma/gate/1/presence"
#define DR_WIRE_STATS_TOPIC "daruma/gate/1/stats"

/* Client ids of the service begin so. No device may take one, whatever its policy says. */
#define DR_WIRE_SERVICE_CLIENT_PREFIX "daruma/"

#define DR_WIRE_PROPERTY_CLIENT "client-id"
#define DR_WIRE_PROPERTY_CERTIFICATE "certificate-id"
#define DR_WIRE_PROPERTY_SESSION "session"
#define DR_WIRE_PROPERTY_BOOT "gate-boot"
#define DR_WIRE_PROPERTY_NUMBER "number"
#define DR_WIRE_PROPERTY_TOPIC "topic"
#define DR_WIRE_PROPERTY_QOS "qos"
#define DR_WIRE_PROPERTY_THING "thing"
#define DR_WIRE_PROPERTY_EPOCH "epoch"
#define DR_WIRE_PROPERTY_ID "id"

#define DR_WIRE_PART_HEAD_BYTES 4u

#define DR_WIRE_TOKEN_BYTES 17u  /* 16 hex digits and NUL */
#define DR_WIRE_NUMBER_BYTES 21u /* 20 decimal digits and NUL */

#define DR_WIRE_CLIENT_ID_MAX 128u /* characters, AWS's bound */
#define DR_WIRE_THING_NAME_MAX 128u
#define DR_WIRE_TOPIC_MAX 512u /* characters; AWS allows 256 */
#define DR_WIRE_CERTIFICATE_ID_BYTES 32u
#define DR_WIRE_CERTIFICATE_TEXT_BYTES 65u /* hex and NUL */

/* 16 lower-case hex digits. */
void dr_wire_token_format(uint64_t token, char out[DR_WIRE_TOKEN_BYTES]);
DR_MUST_USE enum dr_status dr_wire_token_parse(const char *text, uint64_t *ret_token);

/* Decimal without leading zeros. */
void dr_wire_number_format(uint64_t number, char out[DR_WIRE_NUMBER_BYTES]);
DR_MUST_USE enum dr_status dr_wire_number_parse(const char *text, uint64_t *ret_number);

/* 1 to 128 of [a-zA-Z0-9:_-]. */
bool dr_wire_thing_name_valid(const char *name, size_t name_len);

/* 1 to 128 bytes, no '+', '#' or control characters (a policy variable would carry them into a
 * topic filter). */
bool dr_wire_client_id_valid(const char *client_id);

/* The thing a reserved topic belongs to: $aws/things/T/... or daruma/1/in/T/.... false when the
 * topic has neither form or T is no thing name. *ret_thing points into topic; *ret_rest is what
 * follows the slash after T ("jobs/$next/get"), never empty. */
bool dr_wire_topic_thing(
    const char *topic, const char **ret_thing, size_t *ret_thing_len, const char **ret_rest);

/* $aws/things/T/... becomes daruma/1/in/T/..., in place and of the same length. false (and no
 * change) when it does not begin so. */
bool dr_wire_rewrite_in(char *topic);

/* daruma/1/pub/REAL becomes REAL, in place. false when it does not begin so or REAL is empty. */
bool dr_wire_rewrite_pub(char *topic);

/* Is the topic one block of a stream: $aws/things/T/streams/S/data/F? What the counters count. */
bool dr_wire_topic_is_stream_data(const char *topic);

/* The gate's state, sent to the service at the first acknowledgement of a service session. */
#define DR_WIRE_BOOT_BYTES 40u
struct dr_wire_boot {
    uint64_t boot;                /* random per start of the broker */
    uint64_t snapshot_generation; /* what the gate has loaded, 0: nothing */
    uint64_t snapshot_sequence;   /* the last delta taken in */
    uint64_t oldest_number;       /* first message still in the ring; next_number when empty */
    uint64_t next_number;         /* the number the next QoS 1 message gets */
};
void dr_wire_boot_encode(const struct dr_wire_boot *boot, uint8_t out[DR_WIRE_BOOT_BYTES]);
DR_MUST_USE enum dr_status
dr_wire_boot_decode(const uint8_t *data, size_t size_bytes, struct dr_wire_boot *ret_boot);

/* A connection came or went. */
enum dr_wire_presence_event {
    DR_WIRE_CONNECTED = 1,
    DR_WIRE_DISCONNECTED = 2,
};

/* Why it went; the word is AWS's disconnectReason. */
enum dr_wire_disconnect {
    DR_WIRE_REASON_NONE = 0, /* it came */
    DR_WIRE_REASON_CONNECTION_LOST = 1,
    DR_WIRE_REASON_DUPLICATE_CLIENTID = 2,
    DR_WIRE_REASON_FORBIDDEN_ACCESS = 3,            /* a forbidden publish */
    DR_WIRE_REASON_SERVER_INITIATED_DISCONNECT = 4, /* revoked or detached */
    DR_WIRE_REASON_THROTTLED = 5                    /* too much in a second, in strict mode */
};
const char *dr_wire_disconnect_word(enum dr_wire_disconnect reason);

#define DR_WIRE_ADDRESS_BYTES 46u /* IPv6 text and NUL */

struct dr_wire_presence {
    enum dr_wire_presence_event event;
    enum dr_wire_disconnect reason;
    uint64_t session;
    uint64_t time_ms; /* Unix time, the broker's clock */
    uint32_t version; /* AWS's versionNumber: grows per client id, equal for the pair */
    uint8_t certificate_id[DR_WIRE_CERTIFICATE_ID_BYTES];
    char client_id[DR_WIRE_CLIENT_ID_MAX + 1];
    char address[DR_WIRE_ADDRESS_BYTES]; /* "" when unknown */
};
#define DR_WIRE_PRESENCE_BYTES_MAX 256u

/* Returns the size written. */
size_t dr_wire_presence_encode(
    const struct dr_wire_presence *presence, uint8_t out[DR_WIRE_PRESENCE_BYTES_MAX]);
DR_MUST_USE enum dr_status dr_wire_presence_decode(
    const uint8_t *data, size_t size_bytes, struct dr_wire_presence *ret_presence);

/* What one client id has moved through the broker since the gate's boot. Counted where the gate
 * hands a message over or takes it in, so a block that is sent twice counts twice. */
struct dr_wire_counters {
    uint64_t in_messages; /* device -> service, $aws/things topics only */
    uint64_t in_bytes;    /* payload bytes */
    uint64_t out_messages;
    uint64_t out_bytes;
    uint64_t stream_messages; /* the share of out_* that is stream data */
    uint64_t stream_bytes;
    uint64_t connects;
    uint64_t refused;   /* publishes, subscriptions and deliveries that policy forbade */
    uint64_t throttled; /* messages to the service that were dropped: it asks too often */
};

struct dr_wire_client_counters {
    char client_id[DR_WIRE_CLIENT_ID_MAX + 1];
    struct dr_wire_counters counters;
};

/* Of the gate as a whole. */
struct dr_wire_gate_counters {
    uint64_t ring_bytes;
    uint64_t ring_messages;
    uint64_t ring_full;        /* connections closed because the ring was full */
    uint64_t stale_dropped;    /* answers for a session that is gone */
    uint64_t repeats_dropped;  /* (epoch, id) seen before */
    uint64_t malformed;        /* envelopes refused */
    uint64_t presence_dropped; /* presence messages lost for want of room */
    uint64_t refused_connects;
    uint64_t sessions; /* live now */
};

/* A stats message: the gate's counters, then any number of clients. Written with a bounded writer;
 * add returns false when the client does not fit any more (nothing is written then). */
#define DR_WIRE_STATS_BYTES_MAX 32768u
struct dr_wire_stats_writer {
    uint8_t *data; /* private */
    size_t capacity_bytes;
    size_t size_bytes; /* what to send */
};
void dr_wire_stats_begin(
    struct dr_wire_stats_writer *writer, const struct dr_wire_gate_counters *gate, uint8_t *buffer,
    size_t capacity_bytes);
bool dr_wire_stats_add(
    struct dr_wire_stats_writer *writer, const struct dr_wire_client_counters *client);

struct dr_wire_stats_reader {
    const uint8_t *data; /* private; borrowed */
    size_t size_bytes;
    size_t offset_bytes;
};
DR_MUST_USE enum dr_status dr_wire_stats_open(
    struct dr_wire_stats_reader *reader, const uint8_t *data, size_t size_bytes,
    struct dr_wire_gate_counters *ret_gate);
/* DR_E_NOT_FOUND at the end. DR_E_FORMAT: damaged. */
DR_MUST_USE enum dr_status
dr_wire_stats_next(struct dr_wire_stats_reader *reader, struct dr_wire_client_counters *ret_client);

#endif
