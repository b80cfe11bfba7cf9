/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* The client: carries out what the agent decides, on slot, vault, verify, requests and the link.
 *
 * One object, one thread (a FreeRTOS task, a loop on Linux). The board fills a configuration with
 * its ports, calls dr_client_start once and dr_client_turn for ever; the rest of the firmware
 * reports its self-test, registers its tasks and publishes through it. It is also the health
 * supervisor: dr_client_turn calls the board's feed when dr_health_may_feed says so. A board whose
 * supervisor is a task of its own (Cortex-M3) gives an empty feed and asks the same question there;
 * in no other way is the watchdog fed.
 *
 * Memory: no heap. sizeof(struct dr_client) is about 29 KiB: two certificates or the verifier's
 * workspace 8, head and tail of an image 8, vault and its workspace 5, agent, slot and one message
 * 2 each; and scratch, the block buffer, which the board sizes.
 */
#ifndef DR_DEVICE_CLIENT_CLIENT_H
#define DR_DEVICE_CLIENT_CLIENT_H

#include "base/status.h"
#include "crypto/crypto.h"
#include "device/agent/agent.h"
#include "device/agent/letter.h"
#include "device/anchor/anchor.h"
#include "device/boot/info.h"
#include "device/client/command.h"
#include "device/client/health.h"
#include "device/client/identity.h"
#include "device/flash/flash.h"
#include "device/link/link.h"
#include "device/slot/slot.h"
#include "device/vault/vault.h"
#include "device/verify/verify.h"
#include "format/enclosed.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DR_CLIENT_HEAD_BYTES DR_IMAGE_HEADER_BYTES_MAX
#define DR_CLIENT_TAIL_BYTES DR_IMAGE_TLVS_BYTES_MAX
#define DR_CLIENT_QUEUE 32u

/* Supplied by a board. */
struct dr_client_board {
    void *context;
    uint64_t (*now_ms)(void *context); /* uptime since the reset */
    void (*feed)(void *context);       /* the watchdog */
    void (*reset)(void *context);      /* may return where the reset takes a moment */
    /* The first DR_RETAINED_BYTES of retained RAM. */
    enum dr_status (*retained_read)(void *context, uint8_t out[DR_RETAINED_BYTES]);
    enum dr_status (*retained_write)(void *context, const uint8_t data[DR_RETAINED_BYTES]);
    void (*log)(void *context, const char *line); /* NULL: silent */
};

struct dr_client;

/* Why not now, in the product's own word (a static string), and when to ask again. */
struct dr_client_wait {
    uint32_t wait_s;
    const char *why;
};

/* The product's say. */
struct dr_client_product {
    void *context;
    /* NULL: always yes. DR_OK: go on. DR_E_AGAIN: not now, ask after ret_wait->wait_s. DR_E_DENIED:
     * not this one. deadline_s: after so many more seconds the question is not asked any more. */
    enum dr_status (*may)(
        void *context, enum dr_agent_question question, enum dr_reason reason, uint32_t deadline_s,
        struct dr_client_wait *ret_wait);
    /* dr_client_postponed, or NULL: the service does not learn why a job waits. */
    void (*postponed)(struct dr_client *client, const char *why, uint32_t deadline_s);
};

struct dr_client;
struct dr_client_https_state; /* https.h */
struct dr_client_json_state;  /* json.h */

/* A second way for blocks beside MQTT, linked only by a product that names one (https.h). */
struct dr_client_path {
    uint8_t protocols; /* what of a document's list it adds: DR_JOB_PROTOCOL_* */
    void (*start)(struct dr_client *client);
    /* Something was heard on MQTT and goes to the agent next; may be changed. */
    void (*hear)(struct dr_client *client, struct dr_heard *heard);
    /* The agent wants these blocks. false: by MQTT. */
    bool (*request)(struct dr_client *client, const struct dr_block_range *blocks);
    /* Once in each dr_client_turn. true: there is more to do at once. */
    bool (*turn)(struct dr_client *client);
};

/* What streams are spoken in, when it is not CBOR; linked only by a product that names it
 * (json.h). */
struct dr_client_dialect {
    const char *ending; /* of the streams' topics: "/json" */
    /* The request for these blocks: all of *ret_letter. As dr_agent_compose. */
    enum dr_status (*ask)(
        const struct dr_client *client, const struct dr_block_range *blocks,
        struct dr_letter *ret_letter);
    /* A message came. DR_E_NOT_FOUND: none of this stream in this dialect; others: dropped. */
    enum dr_status (*hear)(
        const struct dr_client *client, const struct dr_link_event *event,
        struct dr_heard *ret_heard);
};

/* Everything is kept for the life of the client. */
struct dr_client_config {
    const struct dr_crypto *crypto;
    const struct dr_flash *flash;
    const struct dr_flash_map *map;
    struct dr_anchor *anchor;
    const struct dr_link *link;
    const struct dr_boot_info *info; /* decoded, with its keys */
    struct dr_client_board board;
    struct dr_client_product product;
    const struct dr_client_path *path;         /* NULL: blocks come by MQTT alone */
    struct dr_client_https_state *https;       /* its memory */
    const struct dr_client_dialect *streams;   /* NULL: streams speak CBOR */
    const struct dr_client_json_state *json;   /* the memory of dr_client_json */
    const struct dr_client_commands *commands; /* NULL: signed commands are refused */
    uint8_t *scratch; /* the block buffer: encryption, verification; multiple of 32, >= 1024 */
    uint32_t scratch_bytes;
    uint32_t block_bytes;  /* of a download: see slot.h for what fits the flash */
    uint32_t window_bytes; /* in flight at most */
    uint32_t batch_sectors;
    uint64_t build_s; /* time of the commit this firmware was built from */
};

struct dr_client_clock {
    uint64_t floor_s; /* persisted: no earlier than this */
    uint64_t saved_s;
    uint64_t told_s; /* authenticated in this boot; 0 = not yet */
    uint64_t told_ms;
    uint64_t until_s; /* who is connected shows a certificate that ends then; 0 = not known */
};

/* What a verification and a connection need, never at the same time. */
union dr_client_workspace {
    struct dr_verify_workspace verify;
    struct {
        char ca[DR_PEM_BYTES_MAX];
        char certificate[DR_PEM_BYTES_MAX];
    } pem;
};

/* What the job offered last brings beside its image (format/enclosed.h), still sealed. */
struct dr_client_bundle {
    bool there;
    uint8_t sealed_bytes; /* 0: there, and unreadable */
    uint8_t sealed[DR_ENCLOSED_BYTES_MAX];
    char job_id[DR_JOB_ID_BYTES_MAX + 1u];
};

struct dr_client {
    struct dr_agent agent; /* to look at */
    struct dr_health_state health;
    struct dr_vault vault;
    struct dr_endpoint endpoint;

    /* private, do not touch */
    struct dr_client_config config;
    struct dr_agent_facts facts;
    struct dr_agent_self self;
    struct dr_client_clock clock;
    struct dr_slot slot;
    const char *postponed; /* what the service was told last; NULL: nothing */
    bool busy;             /* actions are being carried out */
    bool link_failed;      /* told meanwhile: to be handled after the action */
    enum dr_reason link_reason;
    uint64_t retained_ms;
    struct dr_retained retained;
    struct dr_image_info image; /* of the download, from its head and tail */
    struct dr_client_bundle bundle;
    uint8_t resume_key[DR_SHA256_BYTES];
    uint32_t cached_offset; /* of the image, what scratch holds while it is verified */
    uint32_t cached_bytes;
    uint8_t queue_first;
    uint8_t queue_count;
    struct dr_agent_action queue[DR_CLIENT_QUEUE];
    uint8_t kept[DR_WINDOW_BLOCKS_MAX / 8u];
    struct dr_letter letter;
    struct dr_heard heard;
    union dr_client_workspace workspace;
    uint8_t head[DR_CLIENT_HEAD_BYTES];
    uint8_t tail[DR_CLIENT_TAIL_BYTES];
    uint8_t vault_workspace[DR_VAULT_WORKSPACE_BYTES];
};

/* Open the vault with the hand-off's keys. Also for provisioning, before dr_client_start.
 * config and what it names are kept. */
DR_MUST_USE enum dr_status
dr_client_open(struct dr_client *client, const struct dr_client_config *config);

/* After dr_client_open: read who we are and what we were doing, start the agent.
 * DR_E_NOT_FOUND: not provisioned. */
DR_MUST_USE enum dr_status dr_client_start(struct dr_client *client);

/* One turn: feed the watchdog if that is allowed, let time pass for the agent, move the network for
 * at most wait_ms. */
void dr_client_turn(struct dr_client *client, uint32_t wait_ms);

/* How the product's self-test ended; once per boot. detail: what failed, in its own word. */
void dr_client_self_test(struct dr_client *client, bool passed, const char *detail);

/* For dr_client_product.postponed: the job's details say "postponed", why, and for how long at
 * most. Costs one message for each change of why. */
void dr_client_postponed(struct dr_client *client, const char *why, uint32_t deadline_s);

/* Publish on an application topic. DR_E_STATE: not connected. */
DR_MUST_USE enum dr_status dr_client_publish(
    struct dr_client *client, const char *topic, const uint8_t *payload, size_t size_bytes,
    uint8_t qos);

/* Mark the reset that follows as wanted; for resets that the agent did not ask for. */
void dr_client_mark_reset(struct dr_client *client);

bool dr_client_online(const struct dr_client *client);

#endif
