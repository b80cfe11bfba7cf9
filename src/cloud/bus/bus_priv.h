/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The bus's state. Everything below `thread` is the bus thread's own, unless it says otherwise. */
#ifndef DR_CLOUD_BUS_BUS_PRIV_H
#define DR_CLOUD_BUS_BUS_PRIV_H

#include "cloud/bus/ack.h"
#include "cloud/bus/bus.h"
#include "cloud/bus/counters.h"
#include "cloud/bus/queue.h"
#include "cloud/bus/turns.h"
#include "cloud/bus/unsent.h"
#include "cloud/service/outbox.h"
#include "cloud/service/service.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <pthread.h>
#include <stdatomic.h>

#define DR_BUS_ROWS_MAX 2048u     /* outbox rows held in memory */
#define DR_BUS_FETCH 256u         /* rows per look into the store */
#define DR_BUS_IN_FLIGHT_MAX 500u /* rows without PUBACK */
#define DR_BUS_RUSH_MAX 128u /* then requests for blocks take turns: 8 MiB of an agent of ours */
#define DR_BUS_DELTA_RECORDS 64u /* certificates per delta */
#define DR_BUS_DELTA_BYTES 100000u
#define DR_BUS_DELTAS_BEFORE_RELOAD 64u

/* An outbox row on its way. Rows of a thing wait in a list; its head is the one in flight. */
struct dr_row {
    struct dr_row *next; /* of the same thing */
    uint64_t id;
    int mid; /* 0: not published yet */
    enum dr_outbox_kind kind;
    int qos;
    uint64_t session;
    const char *topic; /* pointers into bytes */
    const char *client_id;
    const uint8_t *payload;
    size_t payload_size;
    uint8_t bytes[];
};

struct dr_row_thing {
    struct dr_row_thing *next; /* bucket */
    struct dr_row *first;
    struct dr_row **end;
    char name[];
};

#define DR_BUS_THING_BUCKETS 1024u

struct dr_row_list {
    struct dr_row_thing *things[DR_BUS_THING_BUCKETS];
    struct dr_row_thing *in_flight[65536]; /* by packet id: whose head it is */
    size_t count;
    size_t in_flight_count;
    uint64_t fetched_id;                 /* rows up to here are in memory or done */
    bool more;                           /* the store may hold more */
    uint64_t published[DR_BUS_ROWS_MAX]; /* with PUBACK, to be removed from the store */
    size_t published_count;
};

/* QoS 0 answers that libmosquitto has not written yet, by packet id. */
struct dr_unsent_packet {
    uint64_t session;
    size_t bytes; /* 0: none */
};

/* QoS 0 answers to one connection that wait to leave together; see dr_bus_answers_flush. */
#define DR_BUS_PARTS_BYTES 66560u /* four blocks of 16 KiB */
struct dr_bus_parts {
    size_t count; /* 0: none waits */
    size_t used;
    uint64_t session;
    char client_id[DR_WIRE_CLIENT_ID_MAX + 1];
    char topic[DR_WIRE_TOPIC_MAX + 1];
    uint8_t data[DR_BUS_PARTS_BYTES];
};

struct dr_identity_state {
    uint64_t generation;
    uint64_t sequence;      /* of the last change */
    uint64_t file_sequence; /* of what the file holds */
    unsigned deltas;        /* sent since the gate last read the file */
    bool reload;            /* the gate is to read the file */
    uint64_t reload_at_ms;  /* not told again before this */
    bool all;               /* more changed than a delta holds */
    uint64_t write_at_ms;   /* when the file is due; 0: it is not */
    uint64_t write_cost_ms; /* how long the last one took */
    char changed[DR_BUS_DELTA_RECORDS][65];
    size_t changed_count;
};

struct dr_bus {
    char *host;
    char *ca_path;
    char *certificate_path;
    char *key_path;
    char *snapshot_path; /* NULL: none */
    char *client_id;
    uint16_t port;
    uint16_t receive_maximum;
    void (*log)(void *context, bool is_error, const char *line);
    void *log_context;
    struct dr_service *service;
    struct dr_queue queue;        /* any thread */
    struct dr_counters *counters; /* any thread */
    atomic_bool connected;
    atomic_uint under_way; /* messages whose completion has not come */
    pthread_t thread;

    struct mosquitto *client; /* NULL between connections */
    bool subscribed;
    bool asked;   /* the first acknowledgement was sent */
    bool greeted; /* the gate's boot message came */
    bool broken;  /* leave this connection */
    uint64_t connected_at_ms;
    unsigned failures; /* in a row */
    uint64_t retry_at_ms;

    struct dr_ack ack;
    uint64_t acknowledged;  /* what the gate was told */
    unsigned rush;          /* requests for blocks since the socket was last seen empty */
    struct dr_turns turns;  /* requests for blocks */
    uint64_t turns_dropped; /* more than a client's line holds */
    uint64_t turns_log_at_ms;
    struct dr_unsent unsent;
    struct dr_unsent_packet packets[65536];
    struct dr_bus_parts parts;
    int early_mid; /* written before mosquitto_publish returned its number */
    struct dr_row_list rows;
    struct dr_identity_state identity;
};

/* A clock that never jumps. */
uint64_t dr_bus_now_ms(void);
void dr_bus_log(struct dr_bus *bus, bool is_error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* link.c: the connection. */
void dr_bus_link_open(struct dr_bus *bus);
void dr_bus_link_close(struct dr_bus *bus, bool politely);
/* Publish with user properties "name, value, name, value, NULL". mid may be NULL. false: the
 * connection is broken. */
DR_MUST_USE bool dr_bus_publish(
    struct dr_bus *bus, const char *topic, const void *payload, size_t payload_size, int qos,
    const char *const *properties, int *ret_mid);

/* receive.c: messages from the gate. */
void dr_bus_received(
    struct dr_bus *bus, const struct mosquitto_message *message,
    const mosquitto_property *properties);
void dr_bus_done(struct dr_bus *bus, uint64_t boot, uint64_t number, enum dr_status status);
/* Serve some of those who wait for blocks. */
void dr_bus_turns_run(struct dr_bus *bus);
/* Tell the gate what is committed, if that changed. */
void dr_bus_acknowledge(struct dr_bus *bus);
/* The first words of a connection. */
void dr_bus_greet(struct dr_bus *bus);

/* send.c: answers and outbox rows. */
void dr_bus_answer(struct dr_bus *bus, const struct dr_device_answer *answer);
/* Answers may wait for others to go with; whoever made some calls this before it waits. */
void dr_bus_answers_flush(struct dr_bus *bus);
void dr_bus_packet_sent(struct dr_bus *bus, int mid, int reason_code);
void dr_bus_rows_restart(struct dr_bus *bus);
void dr_bus_rows_run(struct dr_bus *bus);

/* identity.c: certificates and policies, for the gate. */
void dr_bus_identity_changed(struct dr_bus *bus, const char *certificate_id);
void dr_bus_identity_run(struct dr_bus *bus);
/* What the gate has; it is told to read the file if that is not what we have. */
void dr_bus_identity_compare(struct dr_bus *bus, uint64_t generation, uint64_t sequence);
DR_MUST_USE enum dr_status dr_bus_identity_start(struct dr_bus *bus);

#endif
