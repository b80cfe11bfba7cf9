/* SPDX-License-Identifier: Apache-2.0 OR MIT */
/* What the files of the client share. */
#ifndef DR_DEVICE_CLIENT_CLIENT_PRIV_H
#define DR_DEVICE_CLIENT_CLIENT_PRIV_H

#include "device/boot/request.h"
#include "device/client/client.h"

/* facts.c: what the hand-off means for agent and report. */
void dr_client_learn(struct dr_client *client);
/* A crash record in the hand-off becomes a note. true: the record is worth a write. */
bool dr_client_tell_crash(const struct dr_client *client, struct dr_agent_record *record);
/* What opening the vault found becomes notes; older anchored files are a local misuse, which the
 * anchor counts. true: as above. */
bool dr_client_tell_vault(struct dr_client *client, struct dr_agent_record *record);

/* store.c: vault and requests. */
enum dr_status dr_client_open_vault(struct dr_client *client);
void dr_client_load(struct dr_client *client, struct dr_agent_record *ret_record);
enum dr_status dr_client_save(struct dr_client *client);
uint64_t dr_client_floor_s(const struct dr_client *client);
void dr_client_clock_tell(struct dr_client *client, uint64_t time_s);
enum dr_status
dr_client_request(struct dr_client *client, enum dr_request_kind kind, enum dr_reason reason);
void dr_client_retain(struct dr_client *client, enum dr_reset_mark mark);

/* download.c: the image that is being fetched. Each fills ret_event.done. */
void dr_client_probe(struct dr_client *client, const struct dr_agent_action *action);
void dr_client_admit(struct dr_client *client, uint32_t file_bytes, struct dr_agent_event *done);
void dr_client_open_spare(
    struct dr_client *client, const struct dr_agent_action *action, struct dr_agent_event *done);
void dr_client_verify(struct dr_client *client, struct dr_agent_event *done);

/* join.c: the network below the link. DR_OK also without credentials, or without anything to join.
 * Otherwise as link->join; why is logged. To the agent it is a network like any that fails. */
enum dr_status dr_client_join(struct dr_client *client);

/* bundle.c: hear: a job was offered in this message. check: NONE, or why what it brings cannot be
 * used beside client->image. keep: before INSTALL; a job that brings nothing leaves nothing. */
void dr_client_bundle_hear(
    struct dr_client *client, const char *job_id, const uint8_t *payload, size_t size_bytes);
enum dr_reason dr_client_bundle_check(struct dr_client *client);
enum dr_status dr_client_bundle_keep(struct dr_client *client);

/* network.c: the link. */
enum dr_status dr_client_connect(struct dr_client *client);
/* Who we are, whom we believe and since when; borrows the workspace until the next verification. */
enum dr_status dr_client_trust(struct dr_client *client, struct dr_link_identity *ret_identity);
enum dr_reason dr_client_reason_of(enum dr_link_fault fault);
void dr_client_send(struct dr_client *client, const struct dr_agent_action *action);
void dr_client_sink(void *context, const struct dr_link_event *event);

/* client.c */
uint64_t dr_client_now(const struct dr_client *client);
void dr_client_event(struct dr_client *client, const struct dr_agent_event *event);
void dr_client_log(struct dr_client *client, const char *what, const char *detail);

#endif
